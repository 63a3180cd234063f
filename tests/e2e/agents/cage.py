"""A network of nothing but loopback, and a store of public roots that knows the test provider.

Namespaces of the kernel: what is mounted and what is up inside is nobody else's, and when the
first process ends, all others do.
"""
import fcntl
import os
import pathlib
import socket
import struct
import subprocess

SYSTEM_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                  "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"]


def find_way():
    """The words before a command that put it into a cage, or None where the kernel forbids it."""
    words = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    for way in (["unshare", *words], ["unshare", "--map-root-user", *words]):
        try:
            if subprocess.run([*way, "true"], capture_output=True).returncode == 0:
                return way
        except OSError:
            return None
    return None


def raise_loopback():
    """What `ip link set lo up` does."""
    get_flags, set_flags, is_up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, get_flags, request))[1]
        fcntl.ioctl(handle, set_flags, struct.pack("16sh14x", b"lo", flags | is_up))


def trust_publicly(root_file, directory):
    """Makes `root_file` one of the system's roots, inside; returns the file of them all."""
    bundles = {os.path.realpath(name) for name in SYSTEM_BUNDLES if os.path.exists(name)}
    merged = pathlib.Path(directory) / "public-roots.pem"
    texts = [pathlib.Path(name).read_text() for name in sorted(bundles)[:1]]
    merged.write_text("\n".join([*texts, pathlib.Path(root_file).read_text()]))
    for name in bundles:
        subprocess.run(["mount", "--bind", merged, name], check=True)
    return merged
