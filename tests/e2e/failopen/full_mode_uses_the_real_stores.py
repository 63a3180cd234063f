"""`init --full` with the tools of a real system: sudo, update-ca-certificates, certutil, gsettings.
Programs that know no variable of ours trust the CA and find the proxy; afterwards nothing of it is
left."""
import os
import pathlib
import shutil
import subprocess

from rig.check import Skipped, check, equal, eventually
from rig.systemd import EDGE_PORT, HOSTS, PROGRAM, Machine

IN_CAGE = True
ANCHORS = pathlib.Path("/usr/local/share/ca-certificates")
BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def prepare(world):
    """A user with a desktop's settings, a browser's database and an administrator's rights."""
    for name in ("sudo", "certutil", "gsettings", "update-ca-certificates"):
        if not shutil.which(name):
            raise Skipped(f"no {name} here")
    machine = Machine(world)
    machine.add_provider()
    # As an administrator adds a root: update-ca-certificates would drop what was only appended.
    shutil.copy(machine.provider.ca, ANCHORS / "provider.crt")
    subprocess.run(["update-ca-certificates"], check=True, capture_output=True)
    user = machine.add_user("tester")
    rights = pathlib.Path("/etc/sudoers.d/tester")
    rights.write_text("tester ALL=(root) NOPASSWD: ALL\n")
    rights.chmod(0o440)
    for file, line in (("/etc/shadow", "tester:*:19000:0:99999:7:::\n"),  # else PAM says "locked"
                       ("/etc/hosts", "127.0.1.1 cage\n")):
        with open(file, "a") as out:
            out.write(line)
    user.log_in()
    done = user.run("sudo", "-n", "true")
    if done.returncode != 0:
        raise Skipped(f"sudo does not work here: {done.error.strip()[-100:]}")
    if "org.gnome.system.proxy" not in user.run("gsettings", "list-schemas").text.split():
        raise Skipped("no GNOME settings here")
    user.make_folder(user.home / ".pki")
    user.make_folder(user.home / ".pki/nssdb")
    user.must("certutil", "-N", "-d", f"sql:{user.home}/.pki/nssdb", "--empty-password")
    for words in (["org.gnome.system.proxy", "ignore-hosts", "['intranet.test']"],
                  ["org.gnome.system.proxy.https", "host", "proxy.company.test"],
                  ["org.gnome.system.proxy.https", "port", "3128"]):
        user.must("gsettings", "set", *words)
    return user


def browser_roots(user):
    text = user.must("certutil", "-L", "-d", f"sql:{user.home}/.pki/nssdb").text
    return sorted(line for line in text.splitlines() if "," in line and "SSL" not in line)


def settings(user):
    return sorted(user.must("gsettings", "list-recursively", "org.gnome.system.proxy")
                  .text.splitlines())


def setting(user, *name):
    return user.must("gsettings", "get", *name).text.strip()


def stores(user):
    return {"anchors": sorted(os.listdir(ANCHORS)), "bundle": BUNDLE.read_bytes(),
            "browsers": browser_roots(user), "settings": settings(user),
            "links": sorted(os.listdir("/etc/ssl/certs"))}


def call_as_a_stranger(user):
    """A program that reads the system's roots and was told of the proxy, and no variable of ours."""
    environment = user.environment(HTTPS_PROXY=f"http://127.0.0.1:{EDGE_PORT}")
    return user.run("curl", "-sS", "--http1.1", "--fail", "--max-time", "20", "--json",
                    '{"model":"claude-sonnet-4-5"}', f"https://{HOSTS[0]}/v1/messages",
                    environment=environment)


def test_trusted_and_proxied_and_gone_again(world):
    user = prepare(world)
    before = stores(user)
    user.meter("init", "--full", "--non-interactive", limit_s=120)
    user.wait_chaining()

    ours = [name for name in os.listdir(ANCHORS) if name.startswith("halton-meter-")]
    equal(len(ours), 1, "anchors of ours")
    equal((ANCHORS / ours[0]).read_bytes(), (user.data / "ca.pem").read_bytes(), "the anchor")
    added = set(browser_roots(user)) - set(before["browsers"])
    equal(len(added), 1, "roots of ours in the browsers' database")
    check(added.pop().startswith("halton-meter "), "a browser's root without our name")
    eventually(lambda: setting(user, "org.gnome.system.proxy", "mode") == "'manual'",
               "the desktop's proxy is on", limit_s=30)
    equal(setting(user, "org.gnome.system.proxy.https", "port"), str(EDGE_PORT), "proxy port")
    check("intranet.test" in setting(user, "org.gnome.system.proxy", "ignore-hosts"),
          "the user's own exceptions are gone")

    rows = len(user.rows())
    done = call_as_a_stranger(user)
    world.count(failures=done.returncode != 0)
    equal(done.returncode, 0, f"a call that trusts the system: {done.error}")
    eventually(lambda: len(user.rows()) == rows + 1, "its row")
    said = user.run("bash", "-ic", f"{PROGRAM} doctor")  # in a new terminal
    equal(said.returncode, 0, f"doctor's verdict: {said.text}")

    user.meter("init", "--full", "--non-interactive", limit_s=120)  # twice is as once
    equal(len([name for name in os.listdir(ANCHORS) if name.startswith("halton-meter-")]), 1,
          "anchors after a second init")

    # To another mode and back: what it does not want goes, and comes again.
    user.meter("init", "--apps", "--non-interactive", limit_s=120)
    after = stores(user)
    for name in before:
        equal(after[name], before[name], f"{name} in apps mode")
    user.meter("init", "--full", "--non-interactive", limit_s=120)
    user.wait_chaining()
    equal(call_as_a_stranger(user).returncode, 0, "a call in full mode again")

    user.meter("uninstall", "--purge", "--include-logs", "--yes", limit_s=120)
    after = stores(user)
    for name in before:
        world.count(failures=after[name] != before[name])
        equal(after[name], before[name], f"{name} after uninstall")
    check(not user.data.exists(), "the home is left")


def test_the_root_is_exchanged(world):
    """A new CA: the old one is trusted nowhere any more."""
    user = prepare(world)
    user.meter("init", "--full", "--non-interactive", limit_s=120)
    old = {name for name in os.listdir(ANCHORS) if name.startswith("halton-meter-")}
    old_roots = set(browser_roots(user))
    for path in [user.data / "ca.pem", *(user.data / "ca").glob("*")]:
        if path.is_file():
            path.unlink()
    user.meter("init", "--full", "--non-interactive", limit_s=120)
    new = {name for name in os.listdir(ANCHORS) if name.startswith("halton-meter-")}
    equal(len(new), 1, "anchors of ours")
    check(not old & new, "the old root is still an anchor")
    ours = {line for line in browser_roots(user) if line.startswith("halton-meter ")}
    equal(len(ours), 1, "roots of ours in the browsers' database")
    check(not ours & old_roots, "browsers still trust the old root")
    user.wait_chaining()
    equal(call_as_a_stranger(user).returncode, 0, "a call with the new root")
    user.meter("uninstall", "--purge", "--include-logs", "--yes", limit_s=120)
