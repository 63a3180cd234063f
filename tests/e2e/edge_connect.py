"""The edge alone: every form of CONNECT and of plain HTTP, bad input, our own ports."""
import hashlib
import os
import random
import re
import socket
import threading

from rig import wire
from rig.check import Skipped, check, equal, equal_bytes, eventually
from rig.servers import Echo


def start_edge(world, config=""):
    world.write_config(config)
    world.start_edge()
    echo = Echo()
    world.on_close(echo.close)
    return echo


def echo_once(connection, data=b"hello"):
    connection.sendall(data)
    found = b""
    while len(found) < len(data):
        piece = connection.recv(65536)
        check(piece, f"the tunnel ended after {len(found)} of {len(data)} bytes")
        found += piece
    equal_bytes(found, data, "echo")


def test_connect_gives_a_tunnel(world):
    echo = start_edge(world)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)


def test_connect_head_may_come_byte_by_byte(world):
    echo = start_edge(world)
    request = f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n"
    with wire.connect(world.edge_port) as connection:
        for byte in request.encode():
            connection.sendall(bytes([byte]))
        head, rest = wire.read_head(connection)
        equal(wire.status_of(head), 200, "status")
        equal(rest, b"", "bytes behind the head")
        echo_once(connection)


def test_connect_head_may_be_cut_anywhere(world):
    echo = start_edge(world)
    request = f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\nHost: x\r\n\r\npipelined".encode()
    for cut in range(1, len(request)):
        with wire.connect(world.edge_port) as connection:
            connection.sendall(request[:cut])
            connection.sendall(request[cut:])
            head, rest = wire.read_head(connection)
            equal(wire.status_of(head), 200, f"status with a cut at {cut}")
            while len(rest) < len(b"pipelined"):
                rest += connection.recv(100)
            equal(rest, b"pipelined", f"echo with a cut at {cut}")


def test_first_bytes_may_follow_the_head_at_once(world):
    echo = start_edge(world)
    payload = os.urandom(3000)
    with wire.connect(world.edge_port) as connection:
        connection.sendall(f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\n".encode() + payload)
        head, rest = wire.read_head(connection)
        equal(wire.status_of(head), 200, "status")
        while len(rest) < len(payload):
            rest += connection.recv(65536)
        equal_bytes(rest, payload, "echo of the pipelined bytes")


def test_connect_without_host_header_and_with_http_1_0(world):
    echo = start_edge(world)
    for version in ("HTTP/1.0", "HTTP/1.1"):
        with wire.connect(world.edge_port) as connection:
            connection.sendall(f"CONNECT 127.0.0.1:{echo.port} {version}\r\n\r\n".encode())
            head, _ = wire.read_head(connection)
            equal(wire.status_of(head), 200, f"status for {version}")
            echo_once(connection)


def test_connect_ipv6_literal(world):
    try:
        echo = Echo(socket.AF_INET6)
    except OSError:
        raise Skipped("no IPv6 on this machine") from None
    world.on_close(echo.close)
    start_edge(world)
    with wire.open_tunnel(world.edge_port, f"[::1]:{echo.port}") as tunnel:
        echo_once(tunnel)


def test_connect_names_in_upper_case_and_with_trailing_dot(world):
    echo = start_edge(world)
    for name in ("localhost", "LOCALHOST", "LocalHost.", "localhost."):
        with wire.open_tunnel(world.edge_port, f"{name}:{echo.port}") as tunnel:
            echo_once(tunnel)


def test_connect_to_follows_the_name_not_its_spelling(world):
    world.start_provider()
    start_edge(world)
    for name in ("API.ANTHROPIC.COM", "api.anthropic.com.", "Api.Anthropic.Com."):
        with wire.open_tunnel(world.edge_port, f"{name}:443") as tunnel:
            with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file("provider")) as tls:
                tls.sendall(wire.to_request("GET", "/x", "api.anthropic.com", None, {}))
                equal(wire.status_of(wire.read_answer(tls)[0]), 200, f"status via {name}")


def test_lower_case_connect_never_hangs(world):
    echo = start_edge(world)
    with wire.connect(world.edge_port) as connection:
        connection.sendall(f"connect 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\n".encode())
        head, _ = wire.read_head(connection)
        check(wire.status_of(head) in (200, 400, 405, 501), f"answer {head[:60]!r}")


def test_tunnel_carries_much_in_both_directions(world):
    echo = start_edge(world)
    payload = random.Random(1).randbytes(24 * 1024 * 1024)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        def send():
            tunnel.sendall(payload)
            tunnel.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        digest, count, tail = hashlib.sha256(), 0, b""
        while piece := tunnel.recv(1 << 20):
            tail = (tail + piece)[-3:]
            count += len(piece)
            digest.update(piece)
        sender.join()
    equal(count, len(payload) + 3, "bytes back")
    equal(digest.hexdigest(), hashlib.sha256(payload + b"bye").hexdigest(), "digest")


def test_half_close_is_passed_on(world):
    echo = start_edge(world)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)
        tunnel.shutdown(socket.SHUT_WR)
        equal(wire.read_all(tunnel), b"bye", "what comes after our end")


def test_server_that_ends_first_can_still_be_written_to(world):
    class EndsFirst(Echo):
        def handle(self, connection):
            connection.sendall(b"greeting")
            connection.shutdown(socket.SHUT_WR)
            self.received = wire.read_all(connection)
            self.is_done = True
    start_edge(world)
    server = EndsFirst()
    world.on_close(server.close)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{server.port}") as tunnel:
        equal(wire.read_all(tunnel), b"greeting", "greeting")
        tunnel.sendall(b"late words")
        tunnel.shutdown(socket.SHUT_WR)
        eventually(lambda: getattr(server, "is_done", False), "the server saw our end")
    equal(server.received, b"late words", "what the server received")


def test_closed_port_is_a_502_and_never_a_200(world):
    echo = start_edge(world)
    echo.close()
    spare = socket.socket()  # bound, not listening: nobody else gets the port meanwhile
    spare.bind(("127.0.0.1", 0))
    head, _ = wire.ask(world.edge_port,
                       f"CONNECT 127.0.0.1:{spare.getsockname()[1]} HTTP/1.1\r\n\r\n".encode())
    check(wire.status_of(head) in (502, 503, 504), f"answer {head[:60]!r}")
    spare.close()


def test_unknown_name_is_a_502(world):
    start_edge(world)
    head, _ = wire.ask(world.edge_port, b"CONNECT no-such-host.invalid:443 HTTP/1.1\r\n\r\n", 30)
    check(wire.status_of(head) in (502, 503, 504), f"answer {head[:60]!r}")


def test_plain_http_is_forwarded_in_origin_form(world):
    provider = world.start_provider()
    start_edge(world)
    url = f"http://127.0.0.1:{provider.http_port}/some/path?q=1"
    request = (f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1:{provider.http_port}\r\n"
               "Proxy-Connection: keep-alive\r\nX-Mine: kept\r\n\r\n").encode()
    head, body = wire.ask(world.edge_port, request)
    equal(wire.status_of(head), 200, "status")
    check(b'"served"' in body, f"body {body[:100]!r}")
    entry = provider.ledger()[0]
    equal(entry["target"], "/some/path?q=1", "target at the server")
    equal(entry["host"], f"127.0.0.1:{provider.http_port}", "host at the server")


def test_plain_http_bodies_pass_both_ways(world):
    provider = world.start_provider()
    start_edge(world)
    payload = os.urandom(700_000)
    origin = f"127.0.0.1:{provider.http_port}"
    wanted = hashlib.sha256(payload).hexdigest()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in
                       (payload[i:i + 50_000] for i in range(0, len(payload), 50_000)))
    for name, headers, body in (("length", f"Content-Length: {len(payload)}\r\n", payload),
                                ("chunked", "Transfer-Encoding: chunked\r\n",
                                 chunked + b"0\r\n\r\n")):
        head, back = wire.ask(world.edge_port, (
            f"POST http://{origin}/{name} HTTP/1.1\r\nHost: {origin}\r\n"
            f"X-Test-Body-Bytes: 300000\r\n{headers}\r\n").encode() + body, 30)
        equal(wire.status_of(head), 200, f"status with {name}")
        check(len(back) > 300_000, f"answer of {len(back)} bytes with {name}")
        entry = provider.ledger()[-1]
        equal(entry["body_sha256"], wanted, f"body at the server with {name}")


def test_plain_http_head_request_ends(world):
    provider = world.start_provider()
    start_edge(world)
    origin = f"127.0.0.1:{provider.http_port}"
    head, body = wire.ask(world.edge_port, (f"HEAD http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n"
                                            "Connection: close\r\n\r\n").encode())
    equal(wire.status_of(head), 200, "status")
    equal(body, b"", "body of a HEAD answer")


def test_absolute_https_is_refused_with_the_cause_and_the_fix(world):
    start_edge(world)
    head, body = wire.ask(world.edge_port,
                          b"GET https://api.anthropic.com/v1/models HTTP/1.1\r\n"
                          b"Host: api.anthropic.com\r\nx-api-key: canary-key-1\r\n\r\n")
    check(400 <= wire.status_of(head) < 500, f"answer {head[:60]!r}")
    text = (head + body).decode(errors="replace")
    check("ALL_PROXY" in text, f"no word of ALL_PROXY in {text!r}")
    check("HTTPS_PROXY" in text, f"no word of HTTPS_PROXY in {text!r}")
    check("canary-key-1" not in text + world.edge.log(), "the key was repeated")


def test_garbage_is_answered_with_a_4xx(world):
    echo = start_edge(world)
    for request in (b"\r\n\r\n\r\n\r\nnonsense\r\n\r\n", b"nonsense\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                    b"POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n",
                    b"OPTIONS * HTTP/1.1\r\n\r\n",
                    b"CONNECT HTTP/1.1\r\n\r\n", b"CONNECT  HTTP/1.1\r\n\r\n",
                    b"CONNECT host HTTP/1.1\r\n\r\n", b"CONNECT host: HTTP/1.1\r\n\r\n",
                    b"CONNECT :443 HTTP/1.1\r\n\r\n", b"CONNECT host:0 HTTP/1.1\r\n\r\n",
                    b"CONNECT host:65536 HTTP/1.1\r\n\r\n",
                    b"CONNECT host:443x HTTP/1.1\r\n\r\n",
                    b"CONNECT [::1:443 HTTP/1.1\r\n\r\n",
                    b"CONNECT user@host:443 HTTP/1.1\r\n\r\n",
                    b"CONNECT ho st:443 HTTP/1.1\r\n\r\n",
                    b"CONNECT ho\x00st:443 HTTP/1.1\r\n\r\n",
                    b"GET ftp://host/ HTTP/1.1\r\nHost: host\r\n\r\n",
                    b"GET http:/// HTTP/1.1\r\nHost: host\r\n\r\n",
                    b"\x16\x03\x01\x00\x05hello\r\n\r\n"):
        head, _ = wire.ask(world.edge_port, request)
        check(head.startswith(b"HTTP/1.") and 400 <= wire.status_of(head) < 500,
              f"{request[:40]!r} was answered {head[:60]!r}")
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)


def test_random_bytes_do_no_harm(world):
    echo = start_edge(world)
    source = random.Random(7)
    for size in [source.randrange(1, 5000) for _ in range(60)]:
        with wire.connect(world.edge_port) as connection:
            try:
                connection.sendall(source.randbytes(size))
                connection.shutdown(socket.SHUT_WR)
                wire.read_all(connection)
            except OSError:
                pass  # it may hang up on us
    check(world.edge.is_alive(), "the edge is gone")
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)


def test_huge_heads_are_refused(world):
    echo = start_edge(world)
    target = f"127.0.0.1:{echo.port}".encode()
    for request in (b"CONNECT " + target + b" HTTP/1.1\r\nX: " + b"a" * 2_000_000,
                    b"CONNECT " + target + b" HTTP/1.1\r\n" + b"X: y\r\n" * 300_000,
                    b"CONNECT " + b"a" * 2_000_000):
        with wire.connect(world.edge_port) as connection:
            try:
                connection.sendall(request + b"\r\n\r\n")
            except OSError:
                pass  # the answer is there already
            data = wire.read_all(connection)
        check(not data or 400 <= wire.status_of(data) < 500, f"answer {data[:60]!r}")
    check(resident_kib(world.edge.pid) < 32 * 1024,
          lambda: f"the edge grew to {resident_kib(world.edge.pid)} KiB")


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def test_own_ports_are_refused_with_a_reason(world):
    world.start_provider()
    world.write_config()
    world.start_edge()
    world.start_daemon()
    ports = world.read_ports()
    for name in ("edge_port", "internal_port", "api_port"):
        for host in ("127.0.0.1", "localhost", "LOCALHOST.", "127.0.0.2", "0.0.0.0", "[::1]",
                     "[::ffff:127.0.0.1]"):
            head, _ = wire.ask(world.edge_port,
                               f"CONNECT {host}:{ports[name]} HTTP/1.1\r\n\r\n".encode())
            equal(wire.status_of(head), 403, f"status for {host} and {name}")
            check(wire.header_of(head, "x-halton-reason"), f"no reason for {host} and {name}")
        origin = f"127.0.0.1:{ports[name]}"
        head, _ = wire.ask(world.edge_port,
                           f"GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n".encode())
        equal(wire.status_of(head), 403, f"status for plain HTTP to {name}")


def test_loopback_targets_are_tunnelled_and_never_intercepted(world):
    world.start("--name", "my.local.test")
    for target in (f"127.0.0.1:{world.provider.port}", f"localhost:{world.provider.port}"):
        with wire.open_tunnel(world.edge_port, target) as tunnel:
            name = target.split(":")[0]
            # A metered name in the hello does not make it the provider.
            for server_name in (name, "api.anthropic.com"):
                with wire.open_tunnel(world.edge_port, target) as other:
                    tls = wire.start_tls(other, server_name, world.trust_file())
                    check(not wire.is_issued_by(tls, world.our_ca),
                          f"{target} with the name {server_name} was intercepted")
                    tls.close()
    world.no_row()


def test_edge_needs_no_home_no_config_no_ca(world):
    echo = Echo()
    world.on_close(echo.close)
    world.home.rmdir()
    # Without a config the edge would take the real port: the smallest config possible.
    world.home.mkdir()
    (world.home / "config.toml").write_text("daemon.edge_port = 0\n")
    world.start_edge()
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)
    check(not world.database.exists(), "the edge made a database")


def test_bad_values_in_the_config_do_not_stop_the_edge(world):
    echo = start_edge(world, "[log]\nlevel = 17\n[cors]\nallow_origins = \"x\"\n[unknown]\na = 1\n")
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)


def test_everything_listens_on_loopback_only(world):
    world.start_provider()
    world.write_config()
    world.start_edge()
    world.start_daemon()
    own = set()
    for process in (world.edge, world.daemon):
        for entry in os.listdir(f"/proc/{process.pid}/fd"):
            link = os.readlink(f"/proc/{process.pid}/fd/{entry}")
            if link.startswith("socket:["):
                own.add(link[8:-1])
    listening = 0
    for table, loopback in (("tcp", "0100007F"), ("tcp6", "0" * 24 + "01000000")):
        with open(f"/proc/net/{table}") as lines:
            for line in list(lines)[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in own:
                    listening += 1
                    equal(fields[1].split(":")[0], loopback, f"listening address in {table}")
    check(listening >= 3, f"only {listening} listeners found")


def test_slow_clients_do_not_block_others(world):
    echo = start_edge(world)
    slow = []
    for _ in range(400):
        connection = wire.connect(world.edge_port)
        connection.sendall(b"CONNECT 127.0.0.1:")
        slow.append(connection)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)
    for connection in slow:
        connection.close()


def test_sigterm_ends_the_edge_in_order(world):
    echo = start_edge(world)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        echo_once(tunnel)
    equal(world.edge.stop(), 0, "exit code")
