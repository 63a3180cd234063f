"""After `uninstall` the home, the certificate stores and the settings are byte for byte what they
were before `init`; also when `init` or `uninstall` itself was killed at any step."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from rig.check import check, equal, eventually
from rig.systemd import EDGE_PORT, PROGRAM, Machine, compare, snapshot

IN_CAGE = True
STORES = ["/etc/ssl", "/etc/ca-certificates", "/usr/local/share/ca-certificates", "/etc/pki"]
# System calls that change something; one of them is where a step begins or ends. Not every kind
# of processor has all of them, hence the question marks.
CHANGES = ",".join(f"?{name}" for name in (
    "openat mkdir mkdirat rename renameat renameat2 unlink unlinkat symlink symlinkat fchmod "
    "chmod fchmodat rmdir fsync clone clone3 vfork").split())
DATA = ".halton-meter"
# Of dconf's own file only what it says is compared: it grows with every write.
NOT_OURS = [".config/dconf", ".cache"]


class Before:
    """What there was."""

    def __init__(self, user):
        self.user = user
        self.home = snapshot(user.home, NOT_OURS)
        self.stores = {store: snapshot(store) for store in STORES}
        self.settings = self.read_settings()

    def read_settings(self):
        user = self.user
        found = {"units": sorted(line.split()[0] for line in user.systemctl(
            "list-unit-files", "--no-legend").text.splitlines() if line.split()),
                 "environment": sorted(user.systemctl("show-environment").text.splitlines()),
                 "linger": sorted(os.listdir("/var/lib/systemd/linger"))}
        if shutil.which("gsettings"):
            found["gnome"] = sorted(user.run("gsettings", "list-recursively",
                                             "org.gnome.system.proxy").text.splitlines())
        return found

    def compare(self, what, but_data=True):
        """`but_data`: without --purge the rows and the certificate stay in the home."""
        user = self.user
        left_out = NOT_OURS + ([DATA] if but_data else [])
        world = user.machine.world
        try:
            compare({n: v for n, v in self.home.items() if not n.startswith(DATA)},
                    snapshot(user.home, left_out), f"the home {what}")
            for store, found in self.stores.items():
                compare(found, snapshot(store), f"{store} {what}")
            equal(self.read_settings(), self.settings, f"settings {what}")
            left = user.run("pgrep", "-u", str(user.uid), "-f", "halton-meter (edge|daemon|watch)")
            equal(left.text.split(), [], f"processes {what}")
        except Exception:
            world.count(failures=1)
            raise
        world.count()


def prepare(world):
    """A user with a history: own lines in start-up files, one of them without a last newline, own
    units, own settings."""
    machine = Machine(world)
    machine.add_provider()
    user = machine.add_user("tester")
    user.write(".zshrc", "export EDITOR=vi")
    user.make_folder(user.home / ".config/systemd/user", 0o755)
    user.write(".config/systemd/user/mine.service", "[Service]\nExecStart=/bin/true\n")
    for folder in (user.home / ".config", user.home / ".config/systemd"):
        os.chown(folder, user.uid, user.uid)
    user.log_in()
    return user


def meter_once(user):
    user.wait_chaining()
    user.must_call(is_metered=True)


def test_in_each_mode(world):
    user = prepare(world)
    before = Before(user)
    for mode in ([], ["--apps"], ["--apps", "--no-shell-rc"]):
        user.meter("init", *mode, "--non-interactive")
        meter_once(user)
        user.meter("uninstall")
        before.compare(f"after init {' '.join(mode)} and uninstall")
    check((user.data / "db.sqlite").exists(), "the rows are gone without --purge")
    user.meter("uninstall", "--purge")
    check((user.data / "db.sqlite").exists(), "the rows are gone without --include-logs")
    user.meter("init", "--apps", "--non-interactive")
    user.meter("uninstall", "--purge", "--include-logs", "--yes")
    before.compare("after a full purge", but_data=False)


def test_after_modes_were_switched(world):
    user = prepare(world)
    before = Before(user)
    for mode in (["--apps"], [], ["--apps"], ["--apps", "--clean"]):
        user.meter("init", *mode, "--non-interactive")
    meter_once(user)
    user.meter("uninstall", "--purge", "--include-logs", "--yes")
    before.compare("after many modes", but_data=False)
    user.meter("uninstall")  # of nothing
    before.compare("after a second uninstall", but_data=False)


def test_in_full_mode(world):
    user = prepare(world)
    if shutil.which("gsettings"):
        for words in (["org.gnome.system.proxy", "ignore-hosts", "['intranet.test']"],
                      ["org.gnome.system.proxy.https", "host", "proxy.company.test"],
                      ["org.gnome.system.proxy.https", "port", "3128"]):
            user.must("gsettings", "set", *words)
    before = Before(user)
    done = user.run(PROGRAM, "init", "--full", "--non-interactive")
    if done.returncode != 0:  # no trust without an administrator: then nothing was left behind
        world.notes.append("init --full ended with " + (done.error.strip() or done.text.strip())
                           .splitlines()[-1][:120])
    user.meter("uninstall", "--purge", "--include-logs", "--yes")
    before.compare("after full mode", but_data=False)


def killed(user, words, step):
    """Runs a verb and kills it at a step; whether it came that far."""
    if isinstance(step, tuple):
        name, count = step
        done = user.run("strace", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                        f"inject={name}:signal=KILL:when={count}", PROGRAM, *words)
        return done.returncode != 0
    process = subprocess.Popen(user.words([PROGRAM, *words]), env=user.environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(step)
    process.send_signal(signal.SIGKILL)
    return process.wait(30) == -signal.SIGKILL


def steps_of(user, words):
    """Where a run can be cut off: its changes, each as a system call and how often it was called
    until then. Without strace moments, in seconds."""
    if not shutil.which("strace"):
        return [0.015 * number for number in range(1, 60)]
    log = pathlib.Path("/tmp/steps")
    log.touch()
    log.chmod(0o666)
    user.run("strace", "-qq", "-o", str(log), "-e", f"trace={CHANGES}", PROGRAM, *words)
    steps, counts = [], {}
    for line in log.read_text().splitlines():
        name = line.split("(")[0]
        counts[name] = counts.get(name, 0) + 1
        if name != "openat" or "O_CREAT" in line:
            steps.append((name, counts[name]))
    return steps


def choose(steps, how_many=10):
    """All steps in the long variant, else some that are spread over them."""
    if os.environ.get("HALTON_E2E_LONG"):
        return steps
    last = len(steps) - 1
    return [steps[number] for number in
            sorted({round(last * part / (how_many - 1)) for part in range(how_many)})]


def test_after_init_was_killed_at_every_step(world):
    user = prepare(world)
    before = Before(user)
    init = ["init", "--apps", "--non-interactive"]
    steps = steps_of(user, init)
    user.meter("uninstall", "--purge", "--include-logs", "--yes")
    check(len(steps) > 10, f"only {len(steps)} steps")
    deaths = 0
    for step in choose(steps):
        deaths += killed(user, init, step)
        user.meter("uninstall", "--purge", "--include-logs", "--yes")
        before.compare(f"after init was killed at {step}", but_data=False)
    check(deaths >= 5, f"only {deaths} runs were killed")
    world.notes.append(f"{deaths} deaths, at some of {len(steps)} steps")
    user.meter(*init)  # and it can still be installed
    meter_once(user)


def test_after_uninstall_was_killed_at_every_step(world):
    user = prepare(world)
    before = Before(user)
    uninstall = ["uninstall", "--purge", "--include-logs", "--yes"]
    user.meter("init", "--apps", "--non-interactive")
    for step in choose(steps_of(user, uninstall), 5):
        user.meter("init", "--apps", "--non-interactive")
        killed(user, uninstall, step)
        user.meter(*uninstall)
        before.compare(f"after uninstall was killed at {step}", but_data=False)


def test_init_continues_where_it_was_killed(world):
    user = prepare(world)
    init = ["init", "--apps", "--non-interactive"]
    steps = steps_of(user, init)
    user.meter("uninstall", "--purge", "--include-logs", "--yes")
    for step in choose(steps, 5)[1:4]:
        killed(user, init, step)
        user.meter(*init)
        meter_once(user)
        user.meter("uninstall", "--purge", "--include-logs", "--yes")


def test_rows_are_deleted_only_after_a_yes(world):
    user = prepare(world)
    user.meter("init", "--apps", "--non-interactive")
    meter_once(user)
    database = user.data / "db.sqlite"
    for flags, answer in (([], b""), (["--purge"], b""), (["--include-logs"], b""),
                          (["--purge", "--include-logs"], b""),
                          (["--purge", "--include-logs"], b"no\n")):
        user.run(PROGRAM, "uninstall", *flags, input=answer)
        world.count(failures=not database.exists())
        check(database.exists(), f"the rows are gone after uninstall {' '.join(flags)}")
    user.meter("uninstall", "--purge", "--include-logs", "--yes")
    check(not user.data.exists(), "the home is still there")


def test_a_port_of_ours_is_free_again(world):
    user = prepare(world)
    user.meter("init", "--apps", "--non-interactive")
    user.meter("uninstall")

    def is_free():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", EDGE_PORT))
            return True
    eventually(is_free, "the port is free")


for test in (test_after_init_was_killed_at_every_step, test_init_continues_where_it_was_killed,
             test_after_uninstall_was_killed_at_every_step):
    test.limit_s = 1800 if os.environ.get("HALTON_E2E_LONG") else 180
