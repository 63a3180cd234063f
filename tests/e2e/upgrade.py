"""A new edge or daemon takes over from a running one: no connection is refused, no tunnel is cut."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

from rig import h2, wire
from rig.check import Failed, check, equal, eventually
from rig.servers import Echo
from rig.socket_client import SocketClient
from rig.world import Process

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}
STREAM = {"model": "claude-sonnet-4-5", "stream": True}
UPGRADES = int(os.environ.get("HALTON_E2E_UPGRADES", "5"))
RATE = 1000
LONG_DRAIN = f"drain_max_s = {60 + 10 * UPGRADES}"  # some tunnels live through all upgrades


def free_ports(count):
    """Ports that were free a moment ago: a port that is to be taken over must be a known one."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Load:
    """rig/tunnel_load.py at work; see there."""

    def __init__(self, world, kept=40, rate=RATE):
        self.popen = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).parent / "rig" / "tunnel_load.py",
             str(world.edge_port), str(rate), str(kept)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        world.on_close(self.popen.kill)
        equal(self.popen.stdout.readline(), "ready\n", "the load generator's first word")

    def end(self):
        self.popen.stdin.close()
        result = json.loads(self.popen.stdout.readline())
        self.popen.wait(30)
        return result


def expect_no_loss(world, result, what):
    equal(result["failures"][:5], [], f"refused or reset ({len(result['failures'])})")
    equal(result["cut"][:5], [], f"open tunnels cut ({len(result['cut'])})")
    rate = result["done"] / result["seconds"]
    # On a machine that cannot do a thousand the promise holds for what it can.
    check(rate > RATE / 10, lambda: f"only {rate:.0f} connections a second")
    equal(result["done"], result["begun"], "connections that were served")
    world.notes.append(f"{what}, {result['done']} connections, {rate:.0f} a second, 0 refused or "
                       f"reset, 0 tunnels cut, slowest {result['slowest_ms']} ms")


class Streams:
    """Metered streams without a pause, so that each upgrade meets some in the middle."""

    def __init__(self, world, count=4):
        self.world, self.is_over, self.errors, self.whole = world, threading.Event(), [], 0
        world.trust_file()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.is_over.is_set():
            try:
                answer = self.world.call("POST", "/v1/messages", STREAM,
                                         headers={"x-test-delay-event-ms": "150",
                                                  "x-test-events": "8"})
                check(b"message_stop" in answer.body, "a stream is not whole")
                self.whole += 1
            except Exception as error:
                self.errors.append(repr(error))

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(60)
        equal(self.errors[:3], [], f"streams that broke ({len(self.errors)})")
        check(self.whole >= len(self.threads), f"only {self.whole} streams")


def start(world, daemon="", daemon_arguments=(), edge_arguments=()):
    world.start_provider()
    world.write_config(ports=free_ports(3), daemon=daemon)
    world.start_edge(*edge_arguments)
    world.start_daemon(*daemon_arguments)
    world.wait_metering()


def says(process, word, count=1):
    return eventually(lambda: process.err.read_text().count(word) >= count,
                      f"{process.name} says {word}", 30)


@contextlib.contextmanager
def own_log(world, name):
    """The next process of that kind writes a log of its own."""
    directory = world.directory
    world.directory = directory / name
    world.directory.mkdir()
    try:
        yield
    finally:
        world.directory = directory


def replace_edge(world, name):
    """A new edge takes over from the one that runs; returns the old one."""
    old = world.edge
    with own_log(world, name):
        world.start_edge("--replace")
    says(world.edge, "edge.took_over")
    eventually(lambda: world.read_ports().get("edge_pid") == world.edge.pid, "its pid is known")
    return old


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def child_of(world, process, kind):
    """The pid of the child that finishes what `process` left, or None when that was nothing; it is
    ended with the test."""
    log = eventually(lambda: re.search(rf"{kind}\.(drain\.begin|exit).* pid=(\d+)",
                                       process.err.read_text()), "the drain begins, or the end")
    if log.group(1) == "exit":
        return None
    pid = int(log.group(2))

    def end():
        with contextlib.suppress(ProcessLookupError):
            if is_running(pid) and b"halton-meter" in pathlib.Path(
                    f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
    world.on_close(end)
    return pid


# The edge --------------------------------------------------------------------------------------

def test_edge_hands_its_port_over_under_load(world):
    start(world, daemon=LONG_DRAIN)
    load, streams = Load(world), Streams(world)
    olds = []
    for number in range(UPGRADES):
        time.sleep(0.5)
        olds.append(replace_edge(world, f"upgrade-{number}"))
    time.sleep(0.5)
    streams.end()
    result = load.end()
    expect_no_loss(world, result, f"{UPGRADES} upgrades")
    check(result["words"] > 40 * UPGRADES, f"only {result['words']} words in kept tunnels")
    for old in olds:
        equal(old.popen.wait(30), 0, "exit code of a replaced edge")
    check(world.is_metering(), "the last edge does not chain")


test_edge_hands_its_port_over_under_load.limit_s = 90 + 10 * UPGRADES
test_edge_hands_its_port_over_under_load.is_alone = True


class Activation:
    """What a supervisor with socket activation does: holds the port, starts the edge with it."""

    def __init__(self, world):
        self.world = world
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4096)
        world.on_close(self.listener.close)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(world.directory / "notify"))
        self.notify.settimeout(20)
        world.on_close(self.notify.close)
        world.write_config(ports=[self.listener.getsockname()[1], 0, 0], daemon=LONG_DRAIN)

    def start(self, name):
        directory = self.world.directory / name
        directory.mkdir()
        descriptor = self.listener.fileno()
        # The pid is only known to the process itself.
        command = ["sh", "-c", f'exec 3<&{descriptor}; export LISTEN_PID=$$; '
                               'exec "$0" "$@"'] + self.world.command("edge", "--drain-in-child")
        environment = self.world.environment(LISTEN_FDS="1", LISTEN_FDNAMES="edge",
                                             NOTIFY_SOCKET=str(self.world.directory / "notify"))
        os.set_inheritable(descriptor, True)
        with open(directory / "edge.err", "ab") as err:
            popen = subprocess.Popen([str(c) for c in command], stderr=err, pass_fds=[descriptor],
                                     stdin=subprocess.DEVNULL, env=environment)
        edge = Process.__new__(Process)
        edge.name, edge.popen, edge.pid = "edge", popen, popen.pid
        edge.err, edge.out = directory / "edge.err", directory / "edge.out"
        edge.out.touch()
        self.world._processes.append(edge)
        equal(self.notify.recv(100), b"READY=1", "what the supervisor hears")
        self.world.edge = edge
        return edge


def test_activated_edge_restarts_under_load(world):
    world.start_provider()
    supervisor = Activation(world)
    supervisor.start("edge-0")
    check("given=true" in world.edge.log(), "the edge did not take the given socket")
    world.start_daemon()
    world.wait_metering()
    load, streams = Load(world), Streams(world)
    children = []
    for number in range(UPGRADES):
        time.sleep(0.5)
        old = world.edge
        began = time.monotonic()
        equal(old.stop(), 0, "exit code")
        check(time.monotonic() - began < 5, "the supervisor had to wait")
        children.append(child_of(world, old, "edge"))
        supervisor.start(f"edge-{number + 1}")
    check(children[0], "the first edge left nothing behind")
    time.sleep(0.5)
    streams.end()
    expect_no_loss(world, load.end(), f"{UPGRADES} restarts")
    for child in filter(None, children):
        eventually(lambda: not is_running(child), "a drained edge has ended", 30)
    equal(world.edge.stop(), 0, "exit code of an edge without tunnels")


test_activated_edge_restarts_under_load.limit_s = 90 + 10 * UPGRADES
test_activated_edge_restarts_under_load.is_alone = True


def test_given_socket_of_another_kind_is_not_taken(world):
    """A datagram socket, one on all addresses: the edge binds its own port then."""
    for kind, address in ((socket.SOCK_DGRAM, "127.0.0.1"), (socket.SOCK_STREAM, "0.0.0.0")):
        with world.inner(f"{kind}") as inner:
            inner.write_config()
            with socket.socket(socket.AF_INET, kind) as given:
                given.bind((address, 0))
                if kind == socket.SOCK_STREAM:
                    given.listen(1)
                os.set_inheritable(given.fileno(), True)
                popen = subprocess.Popen(
                    ["sh", "-c", f'exec 3<&{given.fileno()}; export LISTEN_PID=$$; exec "$0" edge',
                     str(inner.binary)], pass_fds=[given.fileno()], stderr=subprocess.DEVNULL,
                    env=inner.environment(LISTEN_FDS="1"))
            inner.on_close(popen.wait)
            inner.on_close(popen.kill)
            echo = Echo()
            inner.on_close(echo.close)
            with wire.open_tunnel(inner.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
                tunnel.sendall(b"x")
                equal(tunnel.recv(1), b"x", "echo")


def test_successor_that_dies_leaves_the_old_edge(world):
    """Killed at any moment of taking over; the old edge, or the new one, always answers."""
    start(world)
    echo = Echo()
    world.on_close(echo.close)
    old, port = world.edge, world.edge_port
    with wire.open_tunnel(port, f"127.0.0.1:{echo.port}") as kept:
        for pause in (0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.6):
            with open(world.directory / "dies.err", "ab") as err:
                dying = subprocess.Popen([str(c) for c in world.command("edge", "--replace")],
                                         stderr=err, env=world.environment())
            time.sleep(pause)
            dying.kill()
            dying.wait()
            with wire.open_tunnel(port, f"127.0.0.1:{echo.port}") as tunnel:
                tunnel.sendall(b"after")
                equal(tunnel.recv(10), b"after", f"echo after {pause} s")
            kept.sendall(b"kept")
            equal(kept.recv(10), b"kept", f"the open tunnel after {pause} s")
            check(old.is_alive(), f"the old edge has gone after {pause} s")
            equal(world.read_ports()["edge_pid"], old.pid, f"the pid in the file after {pause} s")
    replace_edge(world, "the-next")
    equal(old.popen.wait(30), 0, "exit code of the old edge")


def test_stopped_successor_does_not_keep_the_port(world):
    """Hangs between taking and serving: the old one goes on."""
    start(world)
    echo = Echo()
    world.on_close(echo.close)
    with socket.socket(socket.AF_UNIX) as successor:
        successor.connect(str(world.home / "edge.sock"))
        successor.sendall(b"take 1\n")
        text, given, _, _ = socket.recv_fds(successor, 100, 4)
        equal(text, b"socket\n", "answer")
        equal(len(given), 1, "descriptors")
        successor.sendall(b"accepting\n")
        equal(successor.recv(100), b"go\n", "answer")
        # Nobody accepts now; what comes waits in the kernel until the old one takes it back.
        with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}", timeout_s=20) as tunnel:
            tunnel.sendall(b"x")
            equal(tunnel.recv(1), b"x", "echo")
        os.close(given[0])
    check(world.edge.is_alive(), "the edge has gone")
    check("edge.handover.failed" in world.edge.log(), "no word of it in the log")


def test_second_edge_leaves_the_first_alone(world):
    start(world)
    done = world.run("edge", limit_s=20)
    equal(done.returncode, 1, "exit code")
    check("doctor" in done.error, f"says {done.error!r}")
    check(world.edge.is_alive() and world.is_metering(), "the first edge is disturbed")
    equal(world.read_ports()["edge_pid"], world.edge.pid, "the pid in the file")


def test_stranger_on_the_port_is_not_replaced(world):
    echo = Echo()
    world.on_close(echo.close)
    world.write_config(ports=(echo.port, 0, 0))
    done = world.run("edge", "--replace", limit_s=30)
    equal(done.returncode, 1, "exit code")
    check(str(echo.port) in done.error, f"says {done.error!r}")


def test_replace_starts_an_edge_where_none_runs(world):
    world.write_config(ports=(free_ports(1)[0], 0, 0))
    world.start_edge("--replace")
    world.edge.kill()
    world.start_edge("--replace")  # the name of a killed one is in the way of nobody
    equal(world.edge.stop(), 0, "exit code")
    check(not (world.home / "edge.sock").exists(), "an ended edge left its name")


def test_activated_edge_is_not_replaced(world):
    world.start_provider()
    supervisor = Activation(world)
    supervisor.start("edge-0")
    done = world.run("edge", "--replace", limit_s=30)
    equal(done.returncode, 1, "exit code")
    check("supervisor" in done.error, f"says {done.error!r}")
    with wire.connect(world.edge_port):
        pass


def test_drain_of_the_edge_is_bounded(world):
    world.start_provider()
    world.write_config(daemon="drain_max_s = 1")
    world.start_edge("--drain-in-child")
    echo = Echo()
    world.on_close(echo.close)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        equal(world.edge.stop(), 0, "exit code")
        child = child_of(world, world.edge, "edge")
        tunnel.sendall(b"still")
        equal(tunnel.recv(10), b"still", "echo in the drain")
        tunnel.settimeout(20)
        with contextlib.suppress(ConnectionResetError):
            equal(tunnel.recv(10), b"", "the end of the tunnel")
    eventually(lambda: not is_running(child), "the drained edge has ended", 20)


# The daemon --------------------------------------------------------------------------------------

def in_background(function, *arguments, **named):
    box = {}

    def work():
        try:
            box["value"] = function(*arguments, **named)
        except Exception as error:
            box["error"] = error
    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def result():
        thread.join(60)
        check(not thread.is_alive(), "it hangs")
        if "error" in box:
            raise box["error"]
        return box["value"]
    return result


def leave(world):
    """SIGTERM for the daemon, which ends at once; returns the pid of the child that goes on."""
    old = world.daemon
    began = time.monotonic()
    equal(old.stop(), 0, "exit code of the daemon")
    check(time.monotonic() - began < 5, "the supervisor had to wait")
    child = child_of(world, old, "daemon")
    check(child, "the daemon left nothing behind")
    return child


def start_next_daemon(world):
    with own_log(world, f"daemon-{time.monotonic_ns()}"):
        world.start_daemon("--drain-in-child")
    world.wait_metering()


def test_daemon_restarts_beside_running_streams(world):
    start(world, daemon_arguments=["--drain-in-child"])
    ports = world.read_ports()
    stream = in_background(world.call, "POST", "/v1/messages", STREAM,
                           headers={"x-test-delay-event-ms": "500", "x-test-events": "12"})
    eventually(lambda: world.provider.ledger("connection")[1:], "the call reached the provider")
    time.sleep(0.5)
    child = leave(world)
    passed = world.call("POST", "/v1/messages", CLAUDE)
    check(not passed.is_metered, "metered without a daemon")
    start_next_daemon(world)
    now = world.read_ports()
    equal((now["internal_port"], now["api_port"]), (ports["internal_port"], ports["api_port"]),
          "ports of the next daemon")
    equal(now["daemon_pid"], world.daemon.pid, "the pid in the file")
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "the next daemon does not meter")
    check(is_running(child), "the drain has ended before its stream")
    answer = stream()
    check(answer.is_metered and b"message_stop" in answer.body, "the stream was cut")
    eventually(lambda: not is_running(child), "the drained daemon has ended", 60)
    rows = world.wait_rows(2)
    equal([row["tokens_complete"] for row in rows], [1, 1], "completeness")
    equal(world.read_ports()["daemon_pid"], world.daemon.pid, "the pid in the file afterwards")


def test_drained_daemon_serves_every_kind_of_call(world):
    """HTTP/1.1 and HTTP/2 streams, a WebSocket's turn, a second call on a kept connection."""
    world.start_provider("--stream-pause-ms", "400")
    world.write_config(ports=free_ports(3))
    world.start_edge()
    world.start_daemon("--drain-in-child")
    world.wait_metering()
    client = SocketClient.open(world, "chatgpt.com", "/backend-api/codex/responses")
    client.send({"type": "response.create", "model": "gpt-5-codex", "input": "Why?",
                 "metadata": {"tokens": "30,5"}})
    stream = in_background(world.call, "POST", "/v1/messages", STREAM)
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with h2.Client(h2.start_tls(tunnel, HOST, world.trust_file())) as two:
            number = two.request("POST", "/v1/messages", HOST, STREAM)
            while not two.answers[number].body:
                two.read_frame()
            # The one in the background too: what comes when nobody meters is not owed.
            eventually(lambda: len(world.provider.ledger("connection")) >= 3, "all three run")
            child = leave(world)
            start_next_daemon(world)
            while not two.answers[number].is_ended:
                two.read_frame()
            check(b"message_stop" in two.answers[number].body, "the HTTP/2 stream was cut")
            # The connection is still good, and what comes on it is still metered.
            equal(two.call("POST", "/v1/messages", HOST, CLAUDE).status, 200, "status")
    check(b"message_stop" in stream().body, "the HTTP/1.1 stream was cut")
    client.receive_until("response.completed")
    client.close()
    eventually(lambda: not is_running(child), "the drained daemon has ended", 60)
    equal([row["tokens_complete"] for row in world.wait_rows(4)], [1] * 4, "completeness")


def test_idle_connections_do_not_hold_a_drain(world):
    start(world, daemon_arguments=["--drain-in-child"])
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
            wire.read_answer(tls, "POST")
            child = leave(world)
            # Used again in time it works, and is metered.
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
            wire.read_answer(tls, "POST")
            eventually(lambda: not is_running(child), "the drain lets it go", 60)
    equal(len(world.rows()), 2, "rows")


test_idle_connections_do_not_hold_a_drain.mostly_waits = True


def test_drain_of_the_daemon_is_bounded(world):
    start(world, daemon="drain_max_s = 1", daemon_arguments=["--drain-in-child"])
    stream = in_background(world.call, "POST", "/v1/messages", STREAM,
                           headers={"x-test-delay-event-ms": "1000", "x-test-events": "30"})
    eventually(lambda: world.provider.ledger("connection")[1:], "the call reached the provider")
    time.sleep(1)
    child = leave(world)
    eventually(lambda: not is_running(child), "the drained daemon has ended", 20)
    try:
        stream()
        raise Failed("the stream outlived the bound")
    except (OSError, EOFError):
        pass
    equal(world.wait_row()["tokens_complete"], 0, "completeness of what was cut")


def test_rows_survive_a_drain_with_a_locked_database(world):
    start(world, daemon_arguments=["--drain-in-child"])
    world.call("POST", "/v1/messages", CLAUDE)
    world.wait_rows(1)
    lock = sqlite3.connect(world.database, isolation_level=None, timeout=10)
    lock.execute("begin immediate")
    for _ in range(5):
        world.call("POST", "/v1/messages", CLAUDE)
    stream = in_background(world.call, "POST", "/v1/messages", STREAM,
                           headers={"x-test-delay-event-ms": "200", "x-test-events": "5"})
    eventually(lambda: len(world.provider.ledger("connection")) > 7, "the stream runs")
    leave(world)
    start_next_daemon(world)
    world.call("POST", "/v1/messages", CLAUDE)
    check(b"message_stop" in stream().body, "the stream was cut")
    equal(len(world.rows()), 1, "rows while locked")
    lock.execute("rollback")
    lock.close()
    world.wait_rows(8, limit_s=30)


def test_many_daemons_drain_beside_each_other(world):
    """Each has its own pending rows; every call of every one becomes a row."""
    start(world, daemon_arguments=["--drain-in-child"])
    streams, children = [], []
    for _ in range(5):
        count = len(world.provider.ledger("connection"))
        streams.append(in_background(world.call, "POST", "/v1/messages", STREAM,
                                     headers={"x-test-delay-event-ms": "800",
                                              "x-test-events": "12"}))
        eventually(lambda: len(world.provider.ledger("connection")) > count, "the stream runs")
        time.sleep(0.5)
        children.append(leave(world))
        start_next_daemon(world)
    check(all(is_running(child) for child in children[2:]), "they do not overlap")
    for stream in streams:
        answer = stream()
        check(answer.is_metered and b"message_stop" in answer.body, "a stream was cut")
    for child in children:
        eventually(lambda: not is_running(child), "a drained daemon has ended", 60)
    equal([row["tokens_complete"] for row in world.wait_rows(5)], [1] * 5, "completeness")


def test_second_signal_ends_a_drain(world):
    start(world, daemon_arguments=["--drain-in-child"], edge_arguments=["--drain-in-child"])
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, STREAM,
                                        {"x-test-delay-event-ms": "2000", "x-test-events": "30"}))
            check(tls.recv(100), "no answer")
            daemon = leave(world)
            equal(world.edge.stop(), 0, "exit code of the edge")
            edge = child_of(world, world.edge, "edge")
            for child in (daemon, edge):
                os.kill(child, signal.SIGTERM)
                eventually(lambda: not is_running(child), "the drain has ended", 20)
    equal(world.wait_row()["tokens_complete"], 0, "completeness of what was cut")
