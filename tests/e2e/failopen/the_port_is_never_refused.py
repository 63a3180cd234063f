"""Whoever connects to the proxy port gets through: a thousand new connections a second, and tunnels
that are open, notice nothing of what happens to daemon and edge."""
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

from rig import wire
from rig.check import check, equal, eventually
from rig.load import ECHO, Load, pick_port
from rig.systemd import DAEMON, EDGE, EDGE_PORT, PROGRAM, installed
from rig.world import PROVIDER_HOSTS

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}


def start(world):
    """All parts; connections of the load are offered to the daemon, which declines them."""
    world.start_provider()
    world.echo_port = pick_port()
    world.write_config(connect_to=[f"{ECHO}:443=127.0.0.1:{world.echo_port}"] +
                       [f"{host}:443=127.0.0.1:{world.provider.port}" for host in PROVIDER_HOSTS])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    return Load(world, world.edge_port, echo_port=world.echo_port)


class RealClients:
    """curl, Python and Node, one call after the other. Calls are tried again when their connection
    breaks, as SDKs do, but the proxy port must take every connection."""

    def __init__(self, world):
        self.world = world
        self.is_over = threading.Event()
        self.problems, self.calls = [], 0
        self.trust, self.port = world.trust_file(), world.edge_port
        self.threads = [threading.Thread(target=self.run, args=(by,), daemon=True)
                        for by in (self.by_curl, self.by_python, self.by_node)
                        if by != self.by_node or world.has_program("node")]
        for thread in self.threads:
            thread.start()

    def run(self, by):
        while not self.is_over.is_set():
            problem = by()
            self.calls += 1
            if problem:
                self.problems.append(problem)
                return

    def by_curl(self):
        done = self.world.curl(f"https://{HOST}/v1/messages", "--retry", "8", "--retry-all-errors",
                               "--retry-delay", "1", "--fail", "--json", json.dumps(CLAUDE),
                               trust=self.trust)
        if done.returncode != 0 or "Failed to connect" in done.error:
            return f"curl {done.returncode}: {done.error[-300:]}"
        return None

    def by_python(self):
        for attempt in range(8):
            try:
                connection = wire.connect(self.port, 30)
            except OSError as error:
                return f"python: {error!r}"
            try:
                with connection:
                    connection.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
                    head, _ = wire.read_head(connection)
                    if wire.status_of(head) != 200:
                        return f"python: {head[:60]!r}"
                    with wire.start_tls(connection, HOST, self.trust) as tls:
                        tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
                        wire.read_answer(tls, "POST")
                        return None
            except (OSError, EOFError) as error:
                last = error
        return f"python: not after 8 attempts: {last!r}"

    def by_node(self):
        done = self.world.node("call.mjs", self.port, f"https://{HOST}/v1/messages", self.trust,
                               json.dumps(CLAUDE), "5", "8")
        self.calls += 4
        return f"node {done.returncode}: {done.error[-300:]}" if done.returncode else None

    def finish(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(60)
        self.world.count(self.calls, len(self.problems))
        equal(self.problems, [], "problems of real clients")
        check(self.calls > 0, "no client made a call")


def test_while_the_daemon_is_killed(world):
    load = start(world)
    clients = RealClients(world)
    for number in range(12):
        if number % 2:
            world.wait_metering()  # the edge believes in it, so that the next one finds it gone
        time.sleep(random.uniform(0, 0.2))
        world.daemon.signal(signal.SIGSTOP if number % 4 == 3 else signal.SIGKILL)
        if number % 4 == 3:
            time.sleep(0.5)
        world.daemon.kill()
        world.start_daemon()
    clients.finish()
    load.finish()


def test_while_the_daemon_is_stopped_and_started(world):
    load = start(world)
    for _ in range(6):
        world.wait_metering()
        equal(world.daemon.stop(), 0, "exit code of the daemon")
        time.sleep(random.uniform(0, 0.1))
        world.start_daemon()
        time.sleep(random.uniform(0, 0.2))
    load.finish()


def test_while_a_second_edge_and_a_second_daemon_are_started(world):
    """As somebody does by hand beside a running installation: they give way."""
    load = start(world)
    config = world.home / "config.toml"
    config.write_text(config.read_text().replace("edge_port = 0", f"edge_port = {world.edge_port}"))
    for _ in range(4):
        done = world.run("edge", limit_s=20)
        check(done.returncode != 0, "a second edge took the port")
        second = subprocess.Popen(world.command("daemon"), env=world.environment(),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        second.terminate()
        second.wait(30)
    load.finish()
    check(world.edge.is_alive(), "the edge is gone")


def test_while_the_config_is_broken_and_the_home_is_emptied(world):
    load = start(world)
    (world.home / "config.toml").write_text("[daemon\nedge_port = what")
    time.sleep(0.5)
    world.daemon.kill()
    for path in sorted(world.home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    time.sleep(1)
    load.finish()


def test_with_thousands_of_tunnels_open(world):
    load = start(world)
    time.sleep(0.5)
    equal(load.finish()["tunnels_cut"], 0, "tunnels cut")
    crowd = Load(world, world.edge_port, tunnels=1500, rate=200, echo_port=world.echo_port)
    time.sleep(2)
    world.daemon.kill()
    time.sleep(1)
    found = crowd.finish()
    check(found["tunnels_opened"] >= 1500, f"only {found['tunnels_opened']} tunnels were opened")
    eventually(lambda: world.edge.is_alive(), "the edge lives")


# On a real supervisor --------------------------------------------------------------------------

def start_supervised(world):
    """An installation, and a load whose connections are offered to the daemon."""
    echo_port = pick_port()
    user = installed(world, config=f"""[upstream]
connect_to = ["{ECHO}:443=127.0.0.1:{echo_port}"]
""")
    return user, Load(world, EDGE_PORT, echo_port=echo_port)


def test_with_a_supervisor_while_the_daemon_is_killed(world):
    user, load = start_supervised(world)
    for _ in range(3):
        pid = user.main_pid(DAEMON)
        os.kill(pid, signal.SIGKILL)
        user.must_call(is_metered=False)
        eventually(lambda old=pid: user.main_pid(DAEMON) not in (0, old), "a new daemon",
                   limit_s=20, pause_s=0.05)
    equal(load.finish()["tunnels_cut"], 0, "tunnels cut")


def test_with_a_supervisor_while_the_edge_is_killed(world):
    """What the killed process was serving is lost; nobody who comes is refused or left waiting."""
    user, load = start_supervised(world)
    deaths = 0
    while deaths < 10:
        pid = user.main_pid(EDGE)
        if pid:
            os.kill(pid, signal.SIGKILL)
            deaths += 1
        # Long enough that the next one has served who waited.
        time.sleep(random.uniform(0.4, 0.7))
    eventually(lambda: user.main_pid(EDGE), "the edge's process", limit_s=20)
    user.must_call(is_metered=user.status()["components"]["edge"].get("mode") == "chain")
    load.signal(signal.SIGTERM)
    load.popen.wait(60)
    found = json.loads(load.out.read_text())
    let_down = found["refused"] + found["timeouts"] + found["bad_status"]
    world.count(found["attempts"], let_down, (found["worst_us"] - found["p50_us"]) / 1000)
    equal(let_down, 0, f"connections refused or left waiting: {found}")
    world.notes.append(f"{deaths} kills, {found['attempts']} connections, "
                       f"{found['reset'] + found['ended']} died with their edge")


def test_with_a_supervisor_while_it_is_stopped_started_and_restarted(world):
    user, load = start_supervised(world)
    edge = user.main_pid(EDGE)
    for _ in range(10 if os.environ.get("HALTON_E2E_LONG") else 2):
        user.meter("stop")
        user.meter("start")
        user.meter("restart")
    equal(user.main_pid(EDGE), edge, "the edge's process")
    equal(load.finish()["tunnels_cut"], 0, "tunnels cut")


def test_with_a_supervisor_while_init_runs_again_and_modes_are_switched(world):
    user, load = start_supervised(world)
    edge = user.main_pid(EDGE)
    for mode in (["--apps"], [], ["--apps", "--no-shell-rc"]):
        user.meter("init", *mode, "--non-interactive")
        equal(user.main_pid(EDGE), edge, f"the edge's process after init {' '.join(mode)}")
    equal(load.finish()["tunnels_cut"], 0, "tunnels cut")


def test_with_a_supervisor_while_it_is_upgraded(world):
    """A package manager puts another program in the old one's place, then `init`: no connection is
    refused or reset, no open tunnel is cut."""
    user, load = start_supervised(world)
    other = world.directory / "other-version"
    for number in range(10 if os.environ.get("HALTON_E2E_LONG") else 2):
        # The same code in another file: what an upgrade is to everybody who looks.
        other.write_bytes(pathlib.Path(world.binary).read_bytes() + b"upgrade" * (number + 1))
        user.machine.install(other)
        user.meter("init", "--apps", "--non-interactive")
        running = os.readlink(f"/proc/{user.main_pid(DAEMON)}/exe")
        equal(running, PROGRAM, "the daemon's program")
    user.wait_chaining()
    user.must_call(is_metered=True)
    equal(os.readlink(f"/proc/{user.main_pid(EDGE)}/exe"), PROGRAM, "the edge's program")
    equal(load.finish()["tunnels_cut"], 0, "tunnels cut")


for test in [f for name, f in list(globals().items()) if name.startswith("test_with_a_superv")]:
    test.in_cage = True
