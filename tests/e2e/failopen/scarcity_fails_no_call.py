"""Too few descriptors, too little memory, no room on the disk, a clock that jumps: calls go
through, metered or not, and all is well again when the scarcity is over."""
import contextlib
import pathlib
import resource
import signal
import time

from rig import cage, clock, wire
from rig.check import Skipped, check, equal, eventually
from rig.load import Load, Stopwatch
from rig.servers import Echo

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}


def limit(process, kind, value):
    try:
        resource.prlimit(process.pid, kind, (value, value))
    except (AttributeError, PermissionError):
        raise Skipped("prlimit is not possible here") from None


def calls_work(world, count=5, is_metered=None):
    for number in range(count):
        answer = world.call("POST", "/v1/messages", CLAUDE)
        world.count(failures=answer.status != 200)
        equal(answer.status, 200, f"status of call {number}")
        if is_metered is not None:
            equal(answer.is_metered, is_metered, f"whether call {number} was metered")


@contextlib.contextmanager
def tunnels(world, port, count):
    """Echo connections through the edge; all of them answer."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(wire.connect(world.edge_port, 30))
                       for _ in range(count)]
        for connection in connections:
            connection.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
        yield connections


def test_the_edge_with_sixty_four_descriptors(world):
    """More clients than it can serve at once: they wait their turn, none is turned away."""
    world.start()
    echo = Echo()
    world.on_close(echo.close)
    limit(world.edge, resource.RLIMIT_NOFILE, 64)
    with tunnels(world, echo.port, 100) as connections:
        waiting = list(connections)
        refused = []
        while waiting and not refused:
            is_progress = False
            for connection in list(waiting):
                connection.settimeout(0.02)
                try:
                    head = wire.read_head_only(connection)
                except TimeoutError:
                    continue
                except (OSError, EOFError) as error:
                    refused.append(repr(error))
                    continue
                is_progress = True
                waiting.remove(connection)
                if wire.status_of(head) != 200:
                    refused.append(head.decode())
                    continue
                connection.settimeout(30)
                connection.sendall(b"hello")
                equal(connection.recv(100), b"hello", "echo")
                connection.close()  # makes room for two who wait
            if not is_progress:
                time.sleep(0.05)
        world.count(100, len(refused))
        equal(refused[:2], [], f"{len(refused)} clients turned away")
    check(world.edge.is_alive(), "the edge is gone")
    calls_work(world)


def test_the_daemon_with_sixty_four_descriptors(world):
    world.start()
    limit(world.daemon, resource.RLIMIT_NOFILE, 64)
    with contextlib.ExitStack() as stack:
        for number in range(80):  # each holds two descriptors of a daemon that has 64
            tunnel = stack.enter_context(wire.open_tunnel(world.edge_port, f"{HOST}:443"))
            tls = stack.enter_context(wire.start_tls(tunnel, HOST, world.trust_file()))
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
            status = wire.status_of(wire.read_answer(tls, "POST")[0])
            world.count(failures=status != 200)
            equal(status, 200, f"status of call {number}")
    check(world.daemon.is_alive(), "the daemon is gone")
    world.wait_metering()
    calls_work(world, is_metered=True)


def test_the_edge_with_little_memory(world):
    world.start()
    size = int(pathlib.Path(f"/proc/{world.edge.pid}/statm").read_text().split()[0])
    limit(world.edge, resource.RLIMIT_AS, size * resource.getpagesize() + (8 << 20))
    load = Load(world, world.edge_port, rate=500, tunnels=100)
    for _ in range(3):
        calls_work(world, 3)
        time.sleep(0.3)
    load.finish()
    check(world.edge.is_alive(), "the edge is gone")


def test_the_daemon_with_little_memory(world):
    """It may give up; then calls pass it by."""
    world.start()
    size = int(pathlib.Path(f"/proc/{world.daemon.pid}/statm").read_text().split()[0])
    limit(world.daemon, resource.RLIMIT_AS, size * resource.getpagesize() + (4 << 20))
    with contextlib.ExitStack() as stack:
        for number in range(60):
            for attempt in range(3):
                try:
                    tunnel = stack.enter_context(wire.open_tunnel(world.edge_port, f"{HOST}:443"))
                    tls = stack.enter_context(wire.start_tls(tunnel, HOST, world.trust_file()))
                    tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE,
                                                {"x-test-body-bytes": "300000"}))
                    wire.read_answer(tls, "POST")
                    break
                except (wire.TunnelRefused, ConnectionRefusedError):
                    world.count(failures=1)
                    raise
                except (OSError, EOFError):
                    check(attempt < 2, f"call {number} was broken three times")
            world.count()
    calls_work(world)


def test_a_disk_of_one_megabyte(world):
    """The home is full after some rows: calls do not notice, `status` does."""
    cage.mount("tmpfs", world.home, "tmpfs", 0, "size=1m,mode=700")
    world.start()
    usual = Stopwatch(world, lambda: calls_work(world, 1, is_metered=True))
    filler = world.home / "filler"
    with contextlib.suppress(OSError):
        with open(filler, "wb", buffering=0) as out:
            while True:
                out.write(bytes(4096))
    for _ in range(30):
        usual.count()
    check(world.daemon.is_alive() and world.edge.is_alive(), "a process is gone")
    filler.unlink()
    calls_work(world, 1, is_metered=True)
    eventually(lambda: world.has_rows(1), "rows once there is room", limit_s=30)


def test_a_home_that_cannot_be_written(world):
    """From the beginning, and from a moment on."""
    world.start()
    calls_work(world, 3, is_metered=True)
    config = world.home / "config.toml"
    config.write_text(config.read_text().replace("edge_port = 0", f"edge_port = {world.edge_port}"))
    cage.make_read_only(world.home)
    calls_work(world, 5)
    world.daemon.stop()
    calls_work(world, 3, is_metered=False)
    world.edge.stop()
    world.start_edge()
    calls_work(world, 3, is_metered=False)
    world.start_daemon(waits=False)  # it may end: without a home there is nothing to write to
    time.sleep(1)
    calls_work(world, 3)


def test_a_clock_that_jumps(world):
    """A day ahead, a year back: connections and rows go on, health and limits do not lose count."""
    world.start()
    calls_work(world, 2, is_metered=True)
    usual = Stopwatch(world, lambda: calls_work(world, 1))
    usual.call = lambda: calls_work(world, 1, is_metered=True)

    def shift(seconds):
        for process in (world.edge, world.daemon):
            clock.shift(process.pid, seconds)
    for seconds in (86_400, 3600, 0):
        shift(seconds)
        for _ in range(3):
            usual.count()
    # No certificate is valid yet: the client is shown the provider's own, and decides.
    usual.call = lambda: calls_work(world, 1, is_metered=False)
    shift(-400 * 86_400)
    for _ in range(3):
        usual.count()
    # Made by a clock that was ahead, a leaf of ours would not be valid yet when it is right again.
    shift(3 * 86_400)
    world.shown_certificate("api.x.ai:443", "api.x.ai")
    shift(0)
    check(world.is_metering("api.x.ai"), "not metered with the right clock")
    calls_work(world, 1, is_metered=True)
    world.wait_rows(2 + 5 + 3 * 3 + 1)
    stamps = {str(row["requested_at"])[:10] for row in world.rows()}
    check(len(stamps) >= 2, f"no clock was shifted: {stamps}")
    equal(world.daemon.stop(), 0, "exit code of the daemon")
    equal(world.edge.stop(), 0, "exit code of the edge")


def test_a_machine_that_slept(world):
    """Everything stands still for a while, as under a closed lid, then goes on."""
    world.start()
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            processes = (world.edge, world.daemon, world.provider)
            for process in processes:
                process.signal(signal.SIGSTOP)
            time.sleep(3)
            for process in reversed(processes):
                process.signal(signal.SIGCONT)
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
            equal(wire.status_of(wire.read_answer(tls, "POST")[0]), 200, "status")
    calls_work(world, 3)
    world.wait_metering()
    calls_work(world, 1, is_metered=True)


for test in (test_a_disk_of_one_megabyte, test_a_home_that_cannot_be_written):
    test.in_cage = True
