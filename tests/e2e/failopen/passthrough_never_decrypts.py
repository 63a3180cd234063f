"""Without a daemon that is well, a client sees the provider's own certificate and nobody reads its
bytes."""
import os
import pathlib
import random
import signal
import ssl
import threading
import time

from rig import wire
from rig.check import Skipped, check, equal

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}


def sees_the_provider(world, times=1):
    for _ in range(times):
        shown = world.shown_certificate(f"{HOST}:443", HOST)
        is_own = shown == world.own_certificate(HOST)
        world.count(failures=not is_own)
        check(is_own, "the client was shown a certificate that is not the provider's")


def test_where_no_daemon_ever_ran(world):
    world.start_provider()
    world.write_config()
    world.start_edge()
    sees_the_provider(world, 10)
    for _ in range(3):
        answer = world.call("POST", "/v1/messages", CLAUDE, trust=world.trust_file("provider"))
        equal(answer.status, 200, "status")
    check(not world.database.exists(), "a database appeared")
    check(not list(world.home.rglob("*.pem")), "the edge made certificates")


def test_after_each_way_of_leaving(world):
    world.start()
    equal(world.call("POST", "/v1/messages", CLAUDE).is_metered, True, "metered before")
    world.wait_rows(1)
    for leave in (lambda: world.daemon.stop(), lambda: world.daemon.kill(),
                  lambda: world.daemon.signal(signal.SIGSTOP)):
        leave()
        sees_the_provider(world, 5)
        answer = world.call("POST", "/v1/messages", CLAUDE, trust=world.trust_file("provider"))
        equal(answer.status, 200, "status")
        world.wait_rows(1)
        world.daemon.kill()
        world.start_daemon()
        world.wait_metering()
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered after a new start")
    world.wait_rows(2)


def test_whichever_way_a_connection_goes_it_is_one_of_two(world):
    """While the daemon comes and goes: each connection shows the provider's own certificate, or a
    leaf of ours for that name; and a call has a row only if it was ours."""
    world.start()
    own = world.own_certificate(HOST)
    context = ssl.create_default_context(cafile=world.trust_file())
    is_over = threading.Event()
    problems, passed_ids, counts = [], [], {"own": 0, "ours": 0}

    def connect(name):
        sequence = 0
        while not is_over.is_set():
            sequence += 1
            try:
                with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
                    with context.wrap_socket(tunnel, server_hostname=HOST) as tls:
                        is_own = tls.getpeercert(binary_form=True) == own
                        if not is_own and not wire.is_issued_by(tls, world.our_ca):
                            problems.append("a certificate of neither")
                        request_id = f"c{name}-{sequence}"
                        tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE,
                                                    {"x-test-request-id": request_id}))
                        wire.read_answer(tls, "POST")
            except ssl.SSLCertVerificationError as error:
                problems.append(repr(error))
            except (OSError, EOFError):
                continue  # the daemon died in it
            counts["own" if is_own else "ours"] += 1
            if is_own:
                passed_ids.append(request_id)
    threads = [threading.Thread(target=connect, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        time.sleep(random.uniform(0.05, 0.3))
        world.daemon.kill()
        time.sleep(random.uniform(0, 0.2))
        world.start_daemon()
    time.sleep(0.5)
    is_over.set()
    for thread in threads:
        thread.join(40)
    world.count(counts["own"] + counts["ours"], len(problems))
    equal(problems[:3], [], "problems")
    check(counts["own"] and counts["ours"], f"only one way was taken: {counts}")
    equal(world.daemon.stop(), 0, "exit code of the daemon")
    have = {row["provider_request_id"] for row in world.rows()}
    equal([i for i in passed_ids if i in have][:3], [], "rows of calls that were passed through")
    world.notes.append(f"{counts['own']} passed through, {counts['ours']} intercepted")


def test_the_edge_holds_no_key(world):
    """Nothing of a certificate authority is open or mapped in the process on the proxy port."""
    if not pathlib.Path("/proc/self/maps").exists():
        raise Skipped("no /proc here")
    world.start()
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered")
    of_edge = pathlib.Path(f"/proc/{world.edge.pid}")
    names = [os.readlink(file) for file in (of_edge / "fd").glob("*")]
    names += (of_edge / "maps").read_text().split()
    equal([n for n in names if ".pem" in n or ".key" in n or "/ca" in n], [], "files of the edge")
    key = next(p for p in world.home.rglob("*") if p.is_file() and "key" in p.name)
    key.rename(world.directory / "key-that-is-gone")
    world.daemon.stop()
    sees_the_provider(world)
