"""init, start, stop, uninstall and their relatives with plain processes, in a home of the test's
own. What systemd adds is tested by failopen/, on a real one."""
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import stat
import subprocess
import time

from rig import wire
from rig.check import Skipped, check, equal, eventually

RC_FILES = {".bashrc": b"alias ll='ls -l'\nno newline at the end", ".zshrc": b"# mine\n"}


def free_ports(count):
    """Ports that nobody has now; init wants numbers."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def environment_of(world, **more):
    # No systemd, no desktop and no polkit of the machine that runs the tests.
    empty = world.directory / "no-session"
    empty.mkdir(exist_ok=True, mode=0o700)
    clean = world.environment(**{"XDG_RUNTIME_DIR": str(empty), "SHELL": "/bin/bash", **more})
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_CURRENT_DESKTOP", "XDG_CONFIG_HOME", "ZDOTDIR"):
        if name not in more:
            clean.pop(name, None)
    return clean


def is_ours(world, pid):
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe") == os.path.realpath(world.binary)
    return False


def roles_of(world):
    """Edges and daemons of this home, also those that nobody recorded."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or not is_ours(world, int(name)):
            continue
        with contextlib.suppress(OSError):
            variables = open(f"/proc/{name}/environ", "rb").read().split(b"\0")
            if f"HALTON_METER_HOME={world.home}".encode() in variables:
                found.append(int(name))
    return found


@contextlib.contextmanager
def installation(world, config=""):
    """A home with ports of its own; whatever was started there ends with the block."""
    if not os.path.exists("/proc/self/exe"):
        raise Skipped("no /proc here")
    edge, internal, api = free_ports(3)
    world.write_config(config)
    text = (world.home / "config.toml").read_text()
    for key, port in (("edge_port", edge), ("internal_port", internal), ("api_port", api)):
        text = text.replace(f"{key} = 0", f"{key} = {port}")
    (world.home / "config.toml").write_text(text)
    for name, content in RC_FILES.items():
        (world.user_home / name).write_bytes(content)
    os.chmod(world.user_home / ".zshrc", 0o600)
    try:
        yield edge
    finally:
        for pid in roles_of(world):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def snapshot(folder):
    """Everything below it: kind, permissions and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        kind = stat.S_IFMT(facts.st_mode)
        content = (os.readlink(path) if stat.S_ISLNK(kind) else
                   path.read_bytes() if stat.S_ISREG(kind) else b"")
        found[str(path.relative_to(folder))] = (kind, stat.S_IMODE(facts.st_mode), content)
    return found


def same_home(before, after):
    for name in before.keys() | after.keys():
        check(name in after, lambda: f"{name} is gone")
        check(name in before, lambda: f"{name} is left over")
        equal(after[name], before[name], name)


def run(world, *arguments, limit_s=120, **more):
    return world.run(*arguments, limit_s=limit_s, environment=environment_of(world, **more))


def done(result, code=0):
    check(result.returncode == code,
          lambda: f"exit code {result.returncode}: {result.text[-600:]} {result.error[-600:]}")
    return result


def test_dry_run_prints_the_plan_and_changes_nothing(world):
    with installation(world):
        before = snapshot(world.directory / "user")
        home = snapshot(world.home)
        for flags in ([], ["--apps"], ["--full"]):
            text = done(run(world, "init", "--dry-run", *flags)).text
            check("local CA" in text and "would do this" in text, f"printed {text[:300]!r}")
            equal("shell block" in text, bool(flags), f"the shell block with {flags}")
        same_home(before, snapshot(world.directory / "user"))
        same_home(home, snapshot(world.home))
        equal(roles_of(world), [], "roles that were started")


def test_flags_that_exclude_each_other_exit_2(world):
    with installation(world):
        done(run(world, "init", "--apps", "--full"), 2)
        done(run(world, "rescue", "--apps", "--no-apps"), 2)
        done(run(world, "uninstall", "--include-logs"), 2)
        old = done(run(world, "init", "--gui", "--dry-run"))
        check("--full" in old.error, "no word about the new name of --gui")


def test_init_sets_up_and_proves_it(world):
    world.start_provider()
    with installation(world) as port:
        text = done(run(world, "init", "--non-interactive")).text
        check("self-test: a call goes through edge and daemon" in text, text)
        check("a host that is not listed is not decrypted" in text, text)
        check("plain processes" in text, "nothing is said about the missing systemd")
        equal((world.home / "install-mode").read_text(), "env-only\n", "the mode")
        equal(stat.S_IMODE((world.home / "ca" / "ca-key.pem").stat().st_mode), 0o600, "the key")
        equal(world.read_ports()["edge_port"], port, "the edge's port")
        world.wait_metering()
        answer = world.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5"})
        equal(answer.status, 200, "status")
        world.wait_row()
        check(RC_FILES[".bashrc"] == (world.user_home / ".bashrc").read_bytes(),
              "env-only touches a shell's file")


def test_init_again_changes_nothing_and_keeps_the_processes(world):
    with installation(world):
        done(run(world, "init", "--apps", "--non-interactive"))
        pids = sorted(roles_of(world))
        equal(len(pids), 2, "roles")
        before = snapshot(world.user_home)
        ca = (world.home / "ca.pem").read_bytes()
        plan = done(run(world, "init", "--apps", "--dry-run")).text
        lines = [line for line in plan.splitlines()[1:] if " say: " not in line]
        equal(lines, [], "what a second init would do")
        done(run(world, "init", "--apps", "--non-interactive"))
        equal(sorted(roles_of(world)), pids, "the processes")
        equal((world.home / "ca.pem").read_bytes(), ca, "the CA")
        same_home(before, snapshot(world.user_home))


def test_apps_reaches_new_shells_and_uninstall_leaves_no_trace(world):
    with installation(world) as port:
        before = snapshot(world.user_home)
        done(run(world, "init", "--apps", "--non-interactive"))
        shell = world.execute(
            ["bash", "-c", f". {world.user_home}/.bashrc; echo $HTTPS_PROXY $SSL_CERT_FILE"],
            environment=environment_of(world))
        equal(shell.text.split(), [f"http://127.0.0.1:{port}", str(world.home / "ca-bundle.pem")],
              "what a new shell has")
        equal(stat.S_IMODE((world.user_home / ".zshrc").stat().st_mode), 0o600, "mode of .zshrc")
        check((world.user_home / ".config/environment.d/60-halton-meter.conf").exists(),
              "no environment.d file")
        status = json.loads(done(run(world, "status", "--json")).text)
        equal(status["components"]["userenv"]["state"], "applied", "what status says of that file")
        done(run(world, "uninstall"))
        same_home(before, snapshot(world.user_home))
        equal(roles_of(world), [], "roles after uninstall")
        check(not (world.home / "install-mode").exists(), "the mode is still there")
        check((world.home / "ca.pem").exists(), "the CA is gone")
        again = done(run(world, "uninstall"))
        check("Nothing was installed" in again.text, again.text)


def test_links_and_new_files_of_shells(world):
    with installation(world):
        (world.user_home / "dotfiles").mkdir()
        (world.user_home / ".bashrc").rename(world.user_home / "dotfiles/bashrc")
        (world.user_home / ".bashrc").symlink_to("dotfiles/bashrc")
        (world.user_home / ".zshrc").unlink()
        before = snapshot(world.user_home)
        done(run(world, "init", "--apps", "--non-interactive", SHELL="/bin/zsh"))
        check((world.user_home / ".bashrc").is_symlink(), "the link was replaced")
        check((world.user_home / ".zshrc").exists(), "the log-in shell has no file")
        done(run(world, "uninstall"))
        same_home(before, snapshot(world.user_home))


def test_modes_switch_in_any_direction(world):
    with installation(world):
        done(run(world, "init", "--non-interactive"))
        plain = snapshot(world.user_home)
        done(run(world, "init", "--apps", "--non-interactive"))
        with_apps = snapshot(world.user_home)
        check(plain != with_apps, "--apps changed nothing")
        done(run(world, "init", "--non-interactive"))
        same_home(plain, snapshot(world.user_home))
        done(run(world, "init", "--apps", "--no-shell-rc", "--non-interactive"))
        equal((world.user_home / ".bashrc").read_bytes(), RC_FILES[".bashrc"], ".bashrc")
        equal((world.home / "install-mode").read_text(), "apps\n", "the mode")


def test_stop_and_start_leave_the_edge(world):
    world.start_provider()
    with installation(world):
        done(run(world, "init", "--non-interactive"))
        world.wait_metering()
        edge = world.read_ports()["edge_pid"]
        done(run(world, "stop"))
        equal(roles_of(world), [edge], "what runs after stop")
        answer = world.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5"})
        equal(answer.status, 200, "a call while it is stopped")
        check(not answer.is_metered, "a stopped daemon meters")
        # Whatever starts the daemon now was not asked for.
        late = world.run("daemon", environment=environment_of(world), limit_s=20)
        equal(late.returncode, 0, "a daemon right after stop")
        equal(roles_of(world), [edge], "what runs after that")
        line = done(run(world, "start", "--quiet")).text
        equal(line.count("\n"), 1, f"lines of start --quiet: {line!r}")
        world.wait_metering()
        equal(world.read_ports()["edge_pid"], edge, "the edge")
        done(run(world, "restart"))
        equal(world.read_ports()["edge_pid"], edge, "the edge")
        world.wait_metering()


def test_graceful_uninstall_leaves_the_edge(world):
    world.start_provider()
    with installation(world):
        done(run(world, "init", "--apps", "--non-interactive"))
        edge = world.read_ports()["edge_pid"]
        done(run(world, "uninstall", "--graceful"))
        equal(roles_of(world), [edge], "what runs")
        equal(world.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5"}).status, 200,
              "a call")


def test_purge_keeps_the_record_unless_told(world):
    with installation(world):
        done(run(world, "init", "--non-interactive"))
        eventually((world.home / "db.sqlite").exists, "there is a record")
        done(run(world, "uninstall", "--purge"))
        left = {path.name for path in world.home.iterdir()}
        check("db.sqlite" in left and left <= {"db.sqlite", "db.sqlite-wal", "db.sqlite-shm"},
              f"left: {left}")
        refused = world.run("uninstall", "--purge", "--include-logs", input=b"no\n",
                            environment=environment_of(world))
        equal(refused.returncode, 1, "exit code without a yes")
        check((world.home / "db.sqlite").exists(), "the record is gone without a yes")
        done(run(world, "uninstall", "--purge", "--include-logs", "--yes"))
        check(not world.home.exists(), "the data folder is still there")


def test_rescue_rebuilds_what_is_stuck(world):
    with installation(world):
        refused = done(run(world, "rescue"), 1)
        check("halton-meter init" in refused.error, refused.error)
        done(run(world, "init", "--apps", "--non-interactive"))
        ca = (world.home / "ca.pem").read_bytes()
        for pid in roles_of(world):
            os.kill(pid, signal.SIGSTOP)
        (world.home / "effective-ports.json").write_text(
            json.dumps({**world.read_ports(), "daemon_pid": 1}))
        done(run(world, "rescue", limit_s=240))
        equal((world.home / "ca.pem").read_bytes(), ca, "the CA")
        equal((world.home / "install-mode").read_text(), "apps\n", "the mode")
        equal(world.health(), 200, "/health")


def test_a_failed_clean_init_is_taken_back(world):
    with installation(world) as port:
        before = snapshot(world.user_home)
        # The daemon cannot come up: its database is a folder that it may not replace.
        (world.home / "ca").write_text("in the way of the CA")
        failed = done(run(world, "init", "--apps", "--clean", "--non-interactive"), 1)
        check("Rolling back" in failed.text, failed.text + failed.error)
        same_home(before, snapshot(world.user_home))
        equal(roles_of(world), [], "roles")
        with contextlib.suppress(OSError):
            wire.connect(port).close()
            check(False, "somebody listens")


def test_uninstall_after_init_was_killed_anywhere(world):
    with installation(world):
        before = snapshot(world.user_home)
        command = [world.binary, "init", "--apps", "--non-interactive"]
        started = time.monotonic()
        done(run(world, "init", "--apps", "--non-interactive"))
        whole = time.monotonic() - started
        done(run(world, "uninstall"))
        same_home(before, snapshot(world.user_home))
        chance = random.Random(4)
        for _ in range(int(os.environ.get("HALTON_E2E_INIT_KILLS", "12"))):
            init = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, env=environment_of(world))
            time.sleep(chance.random() * whole)  # the kill lands somewhere in between
            init.kill()
            init.wait()
            done(run(world, "uninstall"))
            same_home(before, snapshot(world.user_home))
            equal(roles_of(world), [], "roles after uninstall")


def test_userenv_says_when_there_is_nothing_to_do(world):
    with installation(world):
        done(run(world, "init", "--non-interactive"))
        check("env-only" in done(run(world, "userenv")).text, "no word about the mode")
        done(run(world, "init", "--apps", "--non-interactive"))
        done(run(world, "userenv"))


def test_a_port_of_a_stranger_is_left_to_it(world):
    with installation(world) as port, socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        text = done(run(world, "init", "--apps", "--non-interactive")).text
        check(f"port {port} belongs to" in text, text)
        other = world.read_ports()["edge_port"]
        check(other != port, "the stranger's port was recorded")
        check(f"127.0.0.1:{other}" in (world.user_home / ".bashrc").read_text(),
              "shells are sent to another port")
        done(run(world, "init", "--apps", "--non-interactive"))
        equal(world.read_ports()["edge_port"], other, "the port after a second init")


test_a_port_of_a_stranger_is_left_to_it.mostly_waits = True


def test_units_are_what_systemd_understands(world):
    if not world.has_program("systemd-analyze"):
        raise Skipped("no systemd-analyze here")
    fixtures = pathlib.Path(__file__).parent.parent / "fixtures/setup/linux"
    folder = world.directory / "units"
    folder.mkdir()
    names = [path.name for path in fixtures.iterdir() if path.suffix in (".service", ".socket")]
    equal(len(names), 4, "units")
    for name in names:
        text = (fixtures / name).read_text().replace("/usr/bin/halton-meter", str(world.binary))
        (folder / name).write_text(text)
    found = world.execute(["systemd-analyze", "--user", "verify",
                           *[folder / name for name in names]], environment=environment_of(world))
    equal(found.returncode, 0, f"systemd-analyze: {found.error}")
    equal(found.error.strip(), "", "what systemd-analyze says")
