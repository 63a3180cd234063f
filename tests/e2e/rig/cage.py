"""Namespaces of the kernel: what is mounted, bound and up inside is nobody else's, and when the
first process ends, all others do.

`find_way()` are the words before a command that give it a network of nothing but loopback.
`enter()` gives the calling process a whole machine of its own: the files of this one under an
overlay, so that whatever is written is gone afterwards, with a /tmp, /run and /dev of its own, no
network but loopback, and a branch of the cgroup tree. Wants root, or a kernel that lets users map
themselves to root; `impossible()` knows.
"""
import ctypes
import errno
import fcntl
import os
import pathlib
import platform
import signal
import socket
import struct
import subprocess
import time

from .check import Skipped, eventually

NEW_MOUNTS, NEW_CGROUP, NEW_NAMES, NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEW_USERS, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
BIND, RECURSIVE, PRIVATE, DETACH = 0x1000, 0x4000, 0x40000, 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
# What the kernel says when it does not want to.
REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EINVAL, errno.ENODEV, errno.ENOSPC,
            errno.EROFS)
OWN_MOUNTS = ("/proc", "/sys", "/dev", "/run", "/tmp")

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


# A machine of one's own -----------------------------------------------------------------------

libc = ctypes.CDLL(None, use_errno=True)


def demand(result, what):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind=None, flags=0, data=None):
    texts = [None if t is None else str(t).encode() for t in (source, target, kind, data)]
    demand(libc.mount(texts[0], texts[1], texts[2], flags, texts[3]), f"mount {target}")


def make_read_only(folder):
    """Whoever opens something in it from now on finds it so."""
    read_only, remount = 1, 32
    mount(folder, folder, None, BIND)
    mount("none", folder, None, BIND | read_only | remount)


def cgroup_here():
    """The folder of this process in the cgroup2 tree, or None."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        if words[words.index("-") + 1] == "cgroup2":
            for own in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
                if own.startswith("0::"):
                    return pathlib.Path(words[4] + own[3:].rstrip("/"))
    return None


def cgroup_of(directory):
    base = cgroup_here()
    return base / pathlib.Path(directory).name if base else None


def enter(directory, keep=()):
    """Returns in a new process, the first one of a new machine; the calling one, and one between
    them, wait for its end and end with it. `directory` is the only part of /tmp that both see,
    with the folders `keep` where those are in it. Raises Skipped where the kernel forbids it."""
    if platform.system() != "Linux" or platform.machine() not in PIVOT_ROOT:
        raise Skipped("no namespaces here: not Linux")
    is_root = os.geteuid() == 0
    cgroup = cgroup_of(directory) if is_root else None
    follow_child()
    try:
        if cgroup:
            try:
                cgroup.mkdir()
                (cgroup / "cgroup.procs").write_text("0")
            except OSError:
                cgroup = None  # then there is no supervisor, see systemd.py
        user, group = os.geteuid(), os.getegid()
        flags = (NEW_MOUNTS | NEW_NAMES | NEW_IPC | NEW_PROCESSES | NEW_NETWORK |
                 (NEW_CGROUP if cgroup else 0) | (0 if is_root else NEW_USERS))
        demand(libc.unshare(flags), "unshare")
        if not is_root:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"),
                               ("gid_map", f"0 {group} 1")):
                pathlib.Path(f"/proc/self/{name}").write_text(text)
        follow_child()
        make_root(pathlib.Path(directory), keep, has_cgroup=cgroup is not None)
    except OSError as error:
        if error.errno in REFUSALS:
            raise Skipped(f"no namespaces here: {error.strerror}") from None
        raise
    raise_loopback()
    socket.sethostname("cage")


def follow_child():
    """Forks; the parent becomes a shadow that ends as the child ends. Returns in the child."""
    child = os.fork()
    if child == 0:
        libc.prctl(1, signal.SIGKILL)  # dies with its parent
        return
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xff)


def clean(directory):
    """What a machine leaves outside: its branch of the cgroup tree. Its processes have ended."""
    cgroup = cgroup_of(directory)
    end = time.monotonic() + 5
    while cgroup and cgroup.is_dir() and time.monotonic() < end:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass  # its last process is still going
        time.sleep(0.01)


def make_root(directory, keep, has_cgroup):
    mount("none", "/", None, RECURSIVE | PRIVATE)
    mounts = [line.split()[4] for line in
              pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    stage = directory / "machine"
    stage.mkdir()
    mount("tmpfs", stage, "tmpfs", 0, "mode=755")
    for name in ("upper", "work", "root"):
        (stage / name).mkdir()
    root = stage / "root"
    mount("overlay", root, "overlay", 0,
          f"lowerdir=/,upperdir={stage}/upper,workdir={stage}/work")
    for path in sorted(set(mounts)):  # an overlay does not show what is mounted below it
        if path != "/" and not any(path == own or path.startswith(own + "/")
                                   for own in OWN_MOUNTS):
            show_mount(path, root)
    mount("proc", root / "proc", "proc")
    mount("sysfs", root / "sys", "sysfs")
    if has_cgroup:
        mount("cgroup2", root / "sys/fs/cgroup", "cgroup2")
    make_devices(root / "dev")
    mount("tmpfs", root / "run", "tmpfs", 0, "mode=755")
    mount("tmpfs", root / "tmp", "tmpfs", 0, "mode=1777")
    for folder in sorted({str(directory), *map(str, keep)}):
        here = root / folder[1:]
        if folder.startswith(OWN_MOUNTS) and not here.exists():
            here.mkdir(parents=True)
            mount(folder, here, None, BIND)
    os.chdir(root)
    demand(libc.syscall(PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    demand(libc.umount2(b".", DETACH), "umount")
    os.chdir(directory)


def show_mount(path, root):
    place = root / path[1:]
    if os.path.isdir(path):
        place.mkdir(parents=True, exist_ok=True)
        mount(path, place, None, BIND)
    elif path.startswith("/etc/"):  # containers mount hosts and resolv.conf: ours may be changed
        text = pathlib.Path(path).read_bytes()
        place.unlink(missing_ok=True)
        place.write_bytes(text)


def make_devices(folder):
    mount("tmpfs", folder, "tmpfs", 0, "mode=755")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        (folder / name).touch()
        mount(f"/dev/{name}", folder / name, None, BIND)
    for name in ("pts", "shm"):
        (folder / name).mkdir()
    mount("devpts", folder / "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
    mount("tmpfs", folder / "shm", "tmpfs", 0, "mode=1777")
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"),
                         ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
                         ("stderr", "/proc/self/fd/2")):
        (folder / name).symlink_to(target)


def add_address(address, label):
    """One more address of this machine, that is not 127.x: `ip addr add ADDRESS/32 dev lo`."""
    set_address, set_mask = 0x8916, 0x891c
    for number, text in ((set_address, address), (set_mask, "255.255.255.255")):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
            value = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))
            fcntl.ioctl(handle, number, struct.pack("16s", f"lo:{label}".encode()) + value)


def add_address_6(address):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as handle:
        index = socket.if_nametoindex("lo")
        fcntl.ioctl(handle, 0x8916, struct.pack(
            "=16sIi", socket.inet_pton(socket.AF_INET6, address), 128, index))

    def is_mine():  # the kernel first looks whether somebody else has it
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((address, 0))
        return True
    eventually(is_mine, f"{address} can be used")


def name_hosts(names, address):
    """As if a resolver said so."""
    with open("/etc/hosts", "a") as file:
        file.write("".join(f"{address} {name}\n" for name in names))


def use_resolver(address):
    pathlib.Path("/etc/resolv.conf").write_text(f"nameserver {address}\noptions timeout:1\n")
    pathlib.Path("/etc/nsswitch.conf").write_text("hosts: files dns\n")


def has_many_users():
    """Whether other uids exist inside: not where only root is mapped."""
    return sum(int(line.split()[2]) for line in
               pathlib.Path("/proc/self/uid_map").read_text().splitlines()) > 1
