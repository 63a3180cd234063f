"""A daemon that is dead, hung, dying, full or slow never makes a client's connection fail, and
costs it no more than the limits of the chain hop."""
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

from rig import wire
from rig.check import Failed, Skipped, check, equal, eventually
from rig.load import Stopwatch
from rig.servers import Echo, Gate, Server
from rig.world import PROVIDER_HOSTS

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}
STREAM = {"model": "claude-sonnet-4-5", "stream": True}

# How a daemon can leave. A stopped one still accepts connections in the kernel: the worst case.
WAYS = {"SIGKILL": signal.SIGKILL, "SIGSTOP": signal.SIGSTOP, "SIGABRT": signal.SIGABRT}


def passes(world, what):
    answer = world.call("POST", "/v1/messages", CLAUDE)
    world.count(failures=answer.status != 200)
    equal(answer.status, 200, f"status {what}")
    check(not answer.is_metered, f"metered {what}")


def start_with_gate(world):
    """All that goes to the provider goes through a gate that is open at first."""
    world.start_provider()
    gate = Gate(world.provider.port)
    gate.is_open.set()
    world.on_close(gate.close)
    world.write_config(connect_to=[f"{h}:443=127.0.0.1:{gate.port}" for h in PROVIDER_HOSTS])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    return gate


class Background:
    """Runs one function in a thread and gives its result or its exception."""

    def __init__(self, function, *arguments, **named):
        self.value = self.error = None

        def work():
            try:
                self.value = function(*arguments, **named)
            except Exception as error:
                self.error = error
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def result(self, limit_s=40):
        self.thread.join(limit_s)
        check(not self.thread.is_alive(), f"not finished after {limit_s} s")
        if self.error:
            raise self.error
        return self.value


# Before the call -----------------------------------------------------------------------------

def gone_before_the_call(world, way):
    world.start()
    watch = Stopwatch(world, lambda: check(world.is_metering(), "not metered"))
    world.daemon.signal(WAYS[way])
    watch.call = lambda: passes(world, f"after {way}")
    for _ in range(5):
        watch.count()
    equal(world.rows(), [], "rows")


def test_killed_before_the_call(world):
    gone_before_the_call(world, "SIGKILL")


def test_aborted_before_the_call(world):
    gone_before_the_call(world, "SIGABRT")


def test_stopped_before_the_call(world):
    gone_before_the_call(world, "SIGSTOP")


def test_stopped_and_continued_meters_again(world):
    world.start()
    world.daemon.signal(signal.SIGSTOP)
    passes(world, "while stopped")
    world.daemon.signal(signal.SIGCONT)
    world.wait_metering()
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered")


def test_killed_between_two_calls_of_a_client(world):
    world.start()
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered")
    world.wait_rows(1)
    world.daemon.kill()
    passes(world, "right after the kill")
    world.wait_rows(1)


def test_burst_of_clients_on_a_hung_daemon(world):
    world.start()
    world.daemon.signal(signal.SIGSTOP)
    world.trust_file()
    calls = [Background(world.call, "POST", "/v1/messages", CLAUDE) for _ in range(40)]
    for call in calls:
        equal(call.result().status, 200, "status")


def test_no_setting_turns_it_off(world):
    """Whatever somebody writes into the config in the hope of it."""
    world.start_provider()
    world.write_config("""
[daemon.edge]
fail_open = false
[edge]
fail_closed = true
fail_open = false
[intercept]
fail_open = false
required = true
""")
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    world.daemon.kill()
    for _ in range(5):
        passes(world, "with settings that do not exist")


def test_daemon_whose_ports_file_lies(world):
    """The ports in the file belong to nobody, or to somebody else."""
    world.start()
    world.daemon.kill()
    echo = Echo()
    world.on_close(echo.close)
    file = world.home / "effective-ports.json"
    ports = json.loads(file.read_text())
    for port in (1, echo.port):
        file.write_text(json.dumps({**ports, "api_port": port, "internal_port": port}))
        passes(world, f"with daemon ports {port}")

    def passes_at_known_port(when):
        answer = wire.call(ports["edge_port"], HOST, "POST", "/v1/messages", CLAUDE,
                           cafile=world.trust_file(), our_ca=world.our_ca)
        equal(answer.status, 200, f"status {when}")
    file.write_text("{ not json")
    passes_at_known_port("with a broken ports file")
    file.unlink()
    passes_at_known_port("without a ports file")


# Neither dead nor well ---------------------------------------------------------------------------

class Health(http.server.ThreadingHTTPServer):
    """An API port that answers /health as it is told."""

    def __init__(self, status=200, delay_s=0.0, pause_s=0.0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(delay_s)
                for byte in f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode():
                    self.wfile.write(bytes([byte]))
                    time.sleep(pause_s)

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # the edge did not wait for the end


class Silent(Server):
    """Takes a connection and says nothing."""

    def handle(self, connection):
        while connection.recv(65536):
            pass


class Slammer(Server):
    """Takes a connection and ends it."""

    def handle(self, connection):
        connection.recv(10)


class Babbler(Server):
    def handle(self, connection):
        connection.sendall(b"\x00\xff 100 200 garbage\r\n" * 100)
        connection.recv(65536)


def full_queue(world):
    """A port whose accept queue is full: the kernel drops what comes, nobody answers or refuses."""
    listener = socket.socket()
    world.on_close(listener.close)
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(8):
        filler = socket.socket()
        world.on_close(filler.close)
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return listener.getsockname()[1]


def passes_beside(world, internal_port, api_port, what, count=5):
    """With stand-ins where the daemon was: calls go through, and soon."""
    file = world.home / "effective-ports.json"
    part = file.with_suffix(".new")
    part.write_text(json.dumps({**json.loads(file.read_text()), "internal_port": internal_port,
                                "api_port": api_port}))
    part.rename(file)
    time.sleep(0.3)  # the edge reads the file again
    watch = Stopwatch(world, lambda: direct_call(world))
    watch.call = lambda: passes(world, what)
    for _ in range(count):
        watch.count()


def direct_call(world):
    with wire.connect(world.provider.port, 30) as connection:
        with wire.start_tls(connection, HOST, world.trust_file()) as tls:
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
            wire.read_answer(tls, "POST")


def start_without_daemon(world):
    world.start()
    world.daemon.kill()


def closing(world, server):
    world.on_close(server.server_close if isinstance(server, Health) else server.close)
    return server.port


def test_accept_queue_is_full(world):
    start_without_daemon(world)
    passes_beside(world, full_queue(world), closing(world, Health()), "with a full accept queue")
    passes_beside(world, full_queue(world), full_queue(world), "with two full accept queues")


def test_health_is_slow(world):
    start_without_daemon(world)
    silent = closing(world, Silent())
    passes_beside(world, silent, closing(world, Health(delay_s=3)), "with a slow /health")
    passes_beside(world, silent, closing(world, Health(pause_s=0.2)), "with a dribbling /health")
    passes_beside(world, silent, silent, "with a /health that says nothing")
    for status in (503, 500, 404):
        passes_beside(world, silent, closing(world, Health(status=status)), f"with a {status}")


def test_health_lies(world):
    """200, and behind the port nobody who does the work."""
    start_without_daemon(world)
    well = closing(world, Health())
    for server in (Silent, Slammer, Babbler):
        passes_beside(world, closing(world, server()), well, f"with a {server.__name__}")


def test_slow_health_of_a_daemon_that_works(world):
    """The edge must not wait for it: the call passes, unmetered at worst."""
    world.start()
    internal = world.internal_port
    file = world.home / "effective-ports.json"
    slow = closing(world, Health(delay_s=2))
    file.write_text(json.dumps({**json.loads(file.read_text()), "api_port": slow,
                                "internal_port": internal}))
    time.sleep(1.5)  # what the edge knew of its health is too old by now
    watch = Stopwatch(world, lambda: direct_call(world))
    watch.call = lambda: passes(world, "beside a slow /health")
    for _ in range(5):
        watch.count()


def test_disk_is_blocked(world):
    """Each write of the daemon's other threads takes seconds, as on a dead network disk: its calls
    are served and metered, and the rows come later."""
    if not shutil.which("strace"):
        raise Skipped("no strace here")
    world.start()
    watch = Stopwatch(world, lambda: world.call("POST", "/v1/messages", CLAUDE))
    world.wait_rows(5)
    threads = [t.name for t in pathlib.Path(f"/proc/{world.daemon.pid}/task").iterdir()
               if t.name != str(world.daemon.pid)]
    calls = "pwrite64,fdatasync,fsync,ftruncate"
    tracer = subprocess.Popen(
        ["strace", "-qq", "-o", str(world.directory / "strace"), "-e", f"trace={calls}", "-e",
         f"inject={calls}:delay_enter=3000000", *[w for t in threads for w in ("-p", t)]],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    world.on_close(tracer.kill)
    traced = [pathlib.Path(f"/proc/{world.daemon.pid}/task/{t}/status") for t in threads]
    try:
        eventually(lambda: tracer.poll() is not None or all(
            "TracerPid:\t0" not in t.read_text() for t in traced), "strace is attached")
    except OSError:
        pass
    if tracer.poll() is not None:
        raise Skipped("strace may not attach here")
    for _ in range(10):
        watch.count()
    equal(len(world.rows()), 5, "rows while the disk is blocked")
    check(world.is_metering(), "no longer metered")
    tracer.terminate()
    tracer.wait(30)
    world.wait_rows(15, limit_s=30)


# While the daemon dials and shakes hands -------------------------------------------------------

def gone_while_dialling(world, way):
    """The daemon has the client's hello and waits for the provider: the edge must take over."""
    gate = start_with_gate(world)
    gate.is_open.clear()
    call = Background(world.call, "POST", "/v1/messages", CLAUDE, timeout_s=40)
    eventually(lambda: gate.held_bytes > 0, "the daemon's hello reaches the gate")
    count = gate.connection_count
    world.daemon.signal(WAYS[way])
    eventually(lambda: gate.connection_count > count, "the edge dials the provider itself")
    gate.is_open.set()
    answer = call.result()
    equal(answer.status, 200, "status")
    check(not answer.is_metered, "metered by a daemon that is gone")
    equal(world.rows(), [], "rows")


def test_killed_while_dialling(world):
    gone_while_dialling(world, "SIGKILL")


def test_aborted_while_dialling(world):
    gone_while_dialling(world, "SIGABRT")


def test_stopped_while_dialling(world):
    gone_while_dialling(world, "SIGSTOP")


def test_slow_provider_is_not_taken_for_a_hung_daemon(world):
    gate = start_with_gate(world)
    gate.is_open.clear()
    call = Background(world.call, "POST", "/v1/messages", CLAUDE, timeout_s=40)
    eventually(lambda: gate.held_bytes > 0, "the daemon's hello reaches the gate")
    time.sleep(2.5)  # longer than every limit that watches the daemon
    gate.is_open.set()
    check(call.result().is_metered, "the edge gave up on a daemon that was well")
    world.wait_rows(1)


def test_client_hello_that_comes_late_is_still_covered(world):
    """CONNECT is answered, the daemon dies, only then the client speaks."""
    world.start()
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        world.daemon.kill()
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
            equal(wire.status_of(wire.read_answer(tls, "POST")[0]), 200, "status")


def test_half_a_client_hello_is_still_covered(world):
    world.start()
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        hand = wire.HandTls(wire.trust_context(world.trust_file()), HOST)
        hello = hand.client_hello()
        tunnel.sendall(hello[:100])
        time.sleep(0.2)
        world.daemon.kill()
        time.sleep(0.2)
        tunnel.sendall(hello[100:])
        hand.finish(tunnel)
        head, _ = hand.exchange(tunnel, wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}),
                                "POST")
        equal(wire.status_of(head), 200, "status")


# During the answer: the connection breaks, the client's retry succeeds ----------------------------

def call_with_retries(world, body, headers=None, retries=5):
    """As SDKs do: broken streams and refused answers are tried again, refused connections to the
    edge are an error at once."""
    for attempt in range(retries + 1):
        with wire.connect(world.edge_port, 30):
            pass  # raises when the edge refuses
        try:
            return world.call("POST", "/v1/messages", body, headers=headers), attempt
        except (OSError, EOFError):
            if attempt == retries:
                raise
    raise AssertionError("not reached")


def gone_during_the_answer(world, way, headers, when):
    world.start()
    call = Background(call_with_retries, world, STREAM, headers)
    when()
    world.daemon.signal(WAYS[way])
    if way == "SIGSTOP":
        # Nothing tells the client; it would wait for its own time-out. A supervisor ends it.
        time.sleep(1)
        world.daemon.kill()
    answer, attempts = call.result()
    equal(answer.status, 200, "status")
    check(b"message_stop" in answer.body, "the answer is not whole")
    check(attempts <= 1, f"{attempts} retries were needed")


def test_gone_before_the_answer_begins(world):
    for way in WAYS:
        with world.inner(way) as inner:
            gone_during_the_answer(inner, way, {"x-test-delay-head-ms": "1500"}, lambda: eventually(
                lambda: inner.provider.ledger("connection")[1:], "the call reached the provider"))


def test_gone_during_the_stream(world):
    for way in WAYS:
        with world.inner(way) as inner:
            gone_during_the_answer(
                inner, way, {"x-test-delay-event-ms": "200", "x-test-events": "8"},
                lambda: (eventually(lambda: inner.provider.ledger("connection")[1:], "the call"),
                         time.sleep(0.6)))


def test_death_in_an_answer_is_a_reset(world):
    """An end could pass for the end of the answer, and some clients try again only after a reset."""
    world.start()
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, STREAM,
                                        {"x-test-delay-event-ms": "300"}))
            check(tls.recv(4096), "no answer")
            # Python's TLS takes a reset for an end: look at the socket below it.
            with socket.socket(fileno=os.dup(tls.fileno())) as below:
                below.settimeout(20)
                world.daemon.kill()
                try:
                    while below.recv(4096):
                        pass
                    raise Failed("the connection ended as if the answer were over")
                except ConnectionResetError:
                    pass


def test_tunnels_outlive_the_daemon(world):
    """What the edge carries itself never depends on the daemon."""
    world.start()
    echo = Echo()
    world.on_close(echo.close)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        for action in (lambda: None, lambda: world.daemon.signal(signal.SIGSTOP),
                       lambda: world.daemon.kill(), lambda: world.start_daemon()):
            action()
            tunnel.sendall(b"still here")
            equal(tunnel.recv(100), b"still here", "echo")


def test_graceful_stop_lets_a_running_call_finish(world):
    world.start()
    call = Background(world.call, "POST", "/v1/messages", STREAM,
                      headers={"x-test-delay-event-ms": "300", "x-test-events": "6"})
    eventually(lambda: world.provider.ledger("connection")[1:], "the call reached the provider")
    time.sleep(0.5)
    world.daemon.signal(signal.SIGTERM)
    time.sleep(0.3)
    passes(world, "while the daemon drains")
    answer = call.result()
    check(b"message_stop" in answer.body, "the running call was cut")
    check(answer.is_metered, "the running call was not metered")
    equal(world.daemon.popen.wait(30), 0, "exit code of the daemon")
    equal(world.wait_rows(1)[0]["tokens_complete"], 1, "completeness")


def test_rows_are_flushed_at_a_graceful_stop(world):
    world.start()
    count = 60
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            for _ in range(count):
                tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
                wire.read_answer(tls, "POST")
    equal(world.daemon.stop(), 0, "exit code of the daemon")
    equal(len(world.rows()), count, "rows after the stop")


# Real clients with their own retries ---------------------------------------------------------------

def test_curl_python_and_node_live_through_kills(world):
    """Each client makes its calls while the daemon is killed and started again and again."""
    world.start()
    body = '{"model":"claude-sonnet-4-5","stream":true}'
    url = f"https://{HOST}/v1/messages"
    delay = {"x-test-delay-event-ms": "20"}
    trust = world.trust_file()
    is_over = threading.Event()

    def by_curl():
        for number in range(12):
            done = world.curl(url, "--retry", "8", "--retry-all-errors", "--retry-delay", "1",
                              "--fail", "--json", body, "-H", "x-test-delay-event-ms: 20",
                              trust=trust)
            check(done.returncode == 0 and "message_stop" in done.text,
                  lambda: f"curl call {number}: {done.returncode} {done.error[-300:]}")
            check("Failed to connect" not in done.error, f"curl: {done.error[-300:]}")

    def by_python():
        for number in range(20):
            answer, _ = call_with_retries(world, STREAM, delay, retries=8)
            check(b"message_stop" in answer.body, f"python call {number} is not whole")

    def by_node():
        done = world.node("call.mjs", world.edge_port, url, trust, body, "20", "8")
        equal(done.returncode, 0, f"exit code of node ({done.error[-500:]})")

    def kill_and_start():
        while not is_over.is_set():
            time.sleep(random.uniform(0.1, 0.5))
            world.daemon.kill()
            time.sleep(random.uniform(0, 0.3))
            world.start_daemon()
    killer = Background(kill_and_start)
    clients = [Background(by_curl), Background(by_python), Background(by_node)]
    try:
        for client in clients:
            client.result(80)
    finally:
        is_over.set()
        killer.result(40)
    check_database(world)


test_curl_python_and_node_live_through_kills.limit_s = 150


def check_database(world):
    connection = sqlite3.connect(world.database, timeout=10)
    try:
        equal(connection.execute("pragma integrity_check").fetchall(), [("ok",)],
              "integrity_check")
    finally:
        connection.close()


class LoadClient(threading.Thread):
    """One of fifty: calls with little pause, on new and on kept connections."""

    def __init__(self, world, number, is_over):
        super().__init__(daemon=True)
        self.world, self.number, self.is_over = world, number, is_over
        self.edge_port, self.trust = world.edge_port, world.trust_file()
        self.connect_failures = []
        self.lost_calls = []
        self.completed = []  # of metered calls: (request id, time of the beginning, of the end)
        self.broken = 0
        self.passed = 0

    def run(self):
        sequence = 0
        while not self.is_over.is_set():
            sequence += 1
            time.sleep(random.uniform(0, 0.4))  # leaves time for kills
            for attempt in range(10):
                try:
                    self.one_connection(f"k{self.number}-{sequence}-{attempt}")
                    break
                except ConnectFailed as failure:
                    self.connect_failures.append(str(failure))
                    break
                except (OSError, EOFError):
                    self.broken += 1
            else:
                self.lost_calls.append(sequence)

    def one_connection(self, name):
        try:
            connection = wire.connect(self.edge_port, 30)
        except OSError as error:
            raise ConnectFailed(f"connect: {error!r}") from None
        with connection:
            connection.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
            try:
                head, _ = wire.read_head(connection)
            except (OSError, EOFError) as error:
                raise ConnectFailed(f"CONNECT: {error!r}") from None
            if wire.status_of(head) != 200:
                raise ConnectFailed(f"CONNECT was answered {head[:60]!r}")
            # The handshake may fail only by the daemon's death after its first byte.
            with wire.start_tls(connection, HOST, self.trust) as tls:
                is_metered = wire.is_issued_by(tls, self.world.our_ca)
                for part in range(random.choice((1, 1, 4))):
                    request_id = f"{name}-{part}"
                    began = time.monotonic()
                    body = STREAM if random.random() < 0.5 else CLAUDE
                    tls.sendall(wire.to_request("POST", "/v1/messages", HOST, body,
                                                {"x-test-request-id": request_id}))
                    wire.read_answer(tls, "POST")
                    if is_metered:
                        self.completed.append((request_id, began, time.monotonic()))
                    else:
                        self.passed += 1


class ConnectFailed(Exception):
    pass


def test_kill_loop_under_load(world):
    """HALTON_E2E_KILLS kills (default 200) under 50 clients: no failed connection, a sound
    database, and a row for every call that ended while its daemon lived."""
    kills = int(os.environ.get("HALTON_E2E_KILLS", "200"))
    # The row is safe some microseconds after the last byte left, if the daemon gets the processor.
    grace_s = 0.05
    world.start()
    is_over = threading.Event()
    clients = [LoadClient(world, number, is_over) for number in range(50)]
    for client in clients:
        client.start()
    deaths = []  # (before, after): somewhere in between the daemon ceased to run
    for number in range(kills):
        # Most die young, in all that a start does; some while fifty clients keep them busy.
        time.sleep(random.uniform(0.3, 1) if number % 20 == 0 else random.uniform(0, 0.08))
        before = time.monotonic()
        if number % 40 == 39:
            world.daemon.signal(signal.SIGSTOP)
            time.sleep(0.7)
        world.daemon.kill()
        deaths.append((before, time.monotonic()))
        world.start_daemon()
    time.sleep(1)
    is_over.set()
    for client in clients:
        client.join(60)
        check(not client.is_alive(), "a client hangs")
    failures = [f for c in clients for f in c.connect_failures]
    lost = [s for c in clients for s in c.lost_calls]
    world.count(sum(c.passed + c.broken + len(c.completed) for c in clients),
                len(failures) + len(lost))
    equal(failures[:5], [], "failed connections")
    equal(lost, [], "calls lost after ten attempts")
    equal(world.daemon.stop(), 0, "exit code of the daemon")
    check_database(world)
    have = {r["provider_request_id"] for r in world.rows()}
    completed = [call for c in clients for call in c.completed]
    # The last bytes of a killed daemon are still read after its death: what counts is whether it
    # died at any time since the call began.
    owed = [name for name, began, end in completed
            if not any(began <= after and before <= end + grace_s for before, after in deaths)]
    missing = [name for name in owed if name not in have]
    ids = [r["provider_request_id"] for r in world.rows()]
    equal(len(ids), len(set(ids)), "rows beside their calls")
    world.notes.append(f"{kills} kills, {len(completed)} metered calls, {len(owed)} of them owed, "
                       f"{sum(c.passed for c in clients)} passed, "
                       f"{sum(c.broken for c in clients)} broken and retried")
    check(len(completed) > 20, f"only {len(completed)} calls were metered")
    equal(missing[:5], [], f"calls without a row ({len(missing)} of {len(owed)})")


test_kill_loop_under_load.limit_s = 120 + 4 * int(os.environ.get("HALTON_E2E_KILLS", "200"))
test_kill_loop_under_load.is_alone = True
