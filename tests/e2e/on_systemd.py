"""The life of an installation on a real supervisor: what each verb does besides failing open."""
import os
import socket
import subprocess
import time

from rig.check import check, equal, eventually
from rig.systemd import DAEMON, EDGE, EDGE_PORT, PROGRAM, Machine, installed

IN_CAGE = True


def test_without_a_bus_in_the_environment(world):
    """As in an ssh session: the user's bus is there, the variables that name it are not."""
    machine = Machine(world)
    machine.add_provider()
    user = machine.add_user("tester")
    user.log_in()
    plain = user.environment()
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        del plain[name]
    user.meter("init", "--apps", "--non-interactive", environment=plain)
    user.wait_chaining()
    user.must_call(is_metered=True)
    user.meter("stop", environment=plain)
    user.meter("start", environment=plain)
    user.wait_chaining()
    user.meter("uninstall", environment=plain)


def test_without_any_bus(world):
    """No session at all, as in a container: init says so, or does without; nothing is half done."""
    machine = Machine(world)
    machine.add_provider()
    user = machine.add_user("tester")
    done = user.run(PROGRAM, "init", "--apps", "--non-interactive", limit_s=90)
    if done.returncode == 0:
        user.wait_chaining()
        user.must_call(is_metered=True)
    else:
        check((done.text + done.error).strip(), "silence")
    user.meter("uninstall", limit_s=90)


def test_rescue_keeps_what_is_dear(world):
    user = installed(world)
    user.must_call(is_metered=True)
    kept = {path: path.read_bytes() for path in
            [*(user.data / "ca").rglob("*.pem"), user.data / "ca.pem"] if path.is_file()}
    check(kept, "there is no certificate authority")
    units = user.home / ".config/systemd/user"
    for file in units.glob("halton-meter*"):
        file.write_text("[Service]\nExecStart=/nonexistent\n")
    user.systemctl("daemon-reload")
    user.systemctl("stop", DAEMON, EDGE)
    user.meter("rescue")
    user.wait_chaining()
    user.must_call(is_metered=True)
    equal(len(user.rows()), 2, "rows")
    for path, text in kept.items():
        equal(path.read_bytes() == text, True, f"{path.name} is as it was")


def test_rescue_without_an_installation_refuses(world):
    user = Machine(world).add_user("tester")
    user.log_in()
    done = user.run(PROGRAM, "rescue")
    check(done.returncode != 0, "rescue of nothing")
    check("init" in done.text + done.error, f"no way out is named: {done.text} {done.error}")
    check(not (user.home / ".config/systemd/user").exists(), "units were written")


def test_strangers_with_our_name_live_on(world):
    """A process that only looks like ours is nobody's to end."""
    user = installed(world)
    strangers = [subprocess.Popen(user.words(["bash", "-c", f"exec -a 'halton-meter {role}' "
                                              "sleep 600"])) for role in ("edge", "daemon")]
    world.on_close(lambda: [s.kill() for s in strangers])
    pids = user.data / "effective-ports.json"
    check(pids.exists(), "no ports file")
    user.meter("stop")
    user.meter("start")
    user.meter("rescue")
    user.meter("uninstall")
    equal([s.poll() for s in strangers], [None, None], "strangers")


def test_init_again_changes_nothing(world):
    user = installed(world)
    edge, daemon = user.main_pid(EDGE), user.main_pid(DAEMON)
    units = {p: (p.read_text(), p.stat().st_mtime_ns)
             for p in (user.home / ".config/systemd/user").glob("halton-meter*")}
    check(units, "no units")
    user.meter("init", "--apps", "--non-interactive")
    equal((user.main_pid(EDGE), user.main_pid(DAEMON)), (edge, daemon), "processes")
    for path, was in units.items():
        equal((path.read_text(), path.stat().st_mtime_ns), was, path.name)


def test_the_edge_is_started_again_without_end(world):
    """Twenty deaths in a few seconds: no start limit applies to it."""
    user = installed(world)
    for _ in range(20):
        pid = user.main_pid(EDGE)
        if pid:
            os.kill(pid, 9)
        time.sleep(0.05)
        user.call("--max-time", "1", limit_s=20)  # wakes it up
    eventually(lambda: user.call().returncode == 0, "calls work", limit_s=30, pause_s=0.2)
    check(user.unit(EDGE, "Result").get("Result") != "start-limit-hit", "the start limit was hit")


def test_after_a_reboot_it_is_all_there(world):
    user = installed(world)
    user.log_out()
    user.log_in()
    user.wait_chaining()
    user.must_call(is_metered=True)


def test_stopped_stays_stopped_over_nothing_but_a_reboot(world):
    user = installed(world)
    user.meter("stop")
    user.systemctl("daemon-reload")
    time.sleep(2)
    equal(user.main_pid(DAEMON), 0, "the daemon's process")
    user.log_out()
    user.log_in()
    user.must_call(is_metered=bool(user.main_pid(DAEMON)))


def test_new_terminals_have_the_environment_and_lose_it(world):
    user = installed(world)

    def proxy_of_a_terminal():
        return user.run("bash", "-ic", 'printf %s "$HTTPS_PROXY"').text
    equal(proxy_of_a_terminal(), f"http://127.0.0.1:{EDGE_PORT}", "in a new terminal")
    done = user.run("bash", "-ic", "curl -sS --fail --json '{\"model\":\"claude-sonnet-4-5\"}' "
                    "https://api.anthropic.com/v1/messages")
    equal(done.returncode, 0, f"a call from it ({done.error})")
    eventually(lambda: len(user.rows()) == 1, "its row")
    user.meter("uninstall")
    equal(proxy_of_a_terminal(), "", "after uninstall")


def test_a_deleted_home_breaks_no_terminal(world):
    """Somebody removes ~/.halton-meter by hand: variables must not name files that are gone."""
    user = installed(world)
    subprocess.run(["rm", "-rf", str(user.data)], check=True)
    done = user.run("bash", "-ic", "env")
    named = [line for line in done.text.splitlines() if str(user.data) in line]
    equal(named, [], "variables of a new terminal")
    done = user.run("bash", "-ic", "curl -sS --fail --json '{\"model\":\"claude-sonnet-4-5\"}' "
                    "https://api.anthropic.com/v1/messages")
    equal(done.returncode, 0, f"a call from it ({done.error})")


def test_a_stranger_on_our_port_at_init(world):
    """Another port is chosen, and everybody is told the same one."""
    machine = Machine(world)
    machine.add_provider()
    user = machine.add_user("tester")
    user.log_in()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", EDGE_PORT))
        stranger.listen(1)
        user.meter("init", "--apps", "--non-interactive")
        user.wait_chaining()
        status = user.status()
        port = status["listeners"]["edge"]["port"]
        check(port != EDGE_PORT, "the stranger's port")
        done = user.run("bash", "-ic", 'printf %s "$HTTPS_PROXY"')
        equal(done.text, f"http://127.0.0.1:{port}", "in a new terminal")
        user.meter("uninstall")


def test_nothing_is_asked_of_the_network_by_itself(world):
    """A resolver that remembers, a provider that keeps a ledger: it speaks to nobody."""
    user = installed(world)
    for verb in (["status"], ["report"], ["doctor"], ["stop"], ["start"], ["restart"]):
        user.run(PROGRAM, *verb)
    time.sleep(3)
    world.count(failures=len(user.machine.resolver.asked))
    equal(user.machine.resolver.asked, [], "names that were asked for")
    equal(world.provider.ledger("connection"), [], "connections to a provider")


def test_logs_do_not_grow_in_the_home(world):
    """They go to the supervisor's journal, which bounds itself."""
    user = installed(world)

    def size_of_logs():
        return sum(p.stat().st_size for p in user.data.rglob("*.log*"))
    before = size_of_logs()
    for number in range(3):
        user.must_call(is_metered=True)
        user.run("curl", "-sS", "-x", f"http://127.0.0.1:{EDGE_PORT}",
                 f"https://nobody-{number}.example.test/")  # each is a line in the edge's log
    equal(size_of_logs(), before, "bytes of log files")
