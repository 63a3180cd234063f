"""HTTP/2: the client gets the protocol that the upstream chose, frames pass as they are, and each
stream of a metered call is a row."""
import collections
import json
import os
import random
import signal
import ssl
import time

from rig import h2, wire
from rig.check import Failed, Skipped, check, equal, equal_bytes, eventually
from rig.servers import Forwarder

HOST = "api.anthropic.com"
PATH = "/v1/messages"
CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 10,
          "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**CLAUDE, "stream": True}


def start(world, *provider_arguments):
    world.start_provider("--record-raw", world.directory / "raw", *provider_arguments)
    return world.start()


def open_client(world, protocols=("h2", "http/1.1"), is_started=True, is_direct=False):
    """A client on a metered connection (or on a direct one)."""
    connection = (wire.connect(world.provider.port, 30) if is_direct else
                  wire.open_tunnel(world.edge_port, f"{HOST}:443"))
    tls = h2.start_tls(connection, HOST, world.trust_file(), protocols)
    equal(wire.is_issued_by(tls, world.our_ca), not is_direct, "metered")
    equal(tls.selected_alpn_protocol(), "h2", "protocol")
    return h2.Client(tls, is_started)


def is_arrived(found, wanted):
    """Files of the provider are written as bytes come."""
    return eventually(lambda: len(found.read_bytes()) >= len(wanted) or None,
                      f"{len(wanted)} bytes in {found.name}", 5)


def newest_record(world):
    number = world.provider.ledger("connection")[-1]["connection"]
    return world.provider.raw / f"{number}.in", world.provider.raw / f"{number}.out"


def check_identity(world, client, record=None):
    """What this client sent is what the provider received, and the other way round."""
    record_in, record_out = record or newest_record(world)
    is_arrived(record_in, client.sent)
    is_arrived(record_out, client.received)
    equal_bytes(record_in.read_bytes(), bytes(client.sent), "what the provider received")
    # The client may have stopped reading; what it read is a beginning of what was sent.
    equal_bytes(bytes(client.received), record_out.read_bytes()[:len(client.received)],
                "what the client received")


def row_of(world, **wanted):
    row = world.wait_rows(1)[0]
    for name, value in wanted.items():
        equal(row[name], value, f"column {name}")
    return row


# Protocols -----------------------------------------------------------------------------------

def test_the_client_gets_what_the_upstream_chose(world):
    start(world)
    for offer, wanted in ((["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["h2"], "h2"),
                          (["x-unknown", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1")):
        for is_direct in (True, False):
            connection = (wire.connect(world.provider.port) if is_direct else
                          wire.open_tunnel(world.edge_port, f"{HOST}:443"))
            with h2.start_tls(connection, HOST, world.trust_file(), offer) as tls:
                equal(wire.is_issued_by(tls, world.our_ca), not is_direct, "metered")
                equal(tls.selected_alpn_protocol(), wanted, f"protocol of {offer}")
                if wanted == "h2":
                    equal(h2.Client(tls).call("POST", PATH, HOST, CLAUDE).status, 200, "status")
                else:
                    tls.sendall(wire.to_request("POST", PATH, HOST, CLAUDE, {}))
                    wire.read_answer(tls, "POST")
    world.wait_rows(5)
    chosen = [l["alpn"] for l in world.provider.ledger("connection")]
    equal(chosen[-10:], ["h2"] * 6 + ["http/1.1"] * 4, "protocols at the provider")


def test_an_upstream_without_http2_is_spoken_to_in_http1(world):
    start(world, "--alpn", "http/1.1")
    tunnel = wire.open_tunnel(world.edge_port, f"{HOST}:443")
    with h2.start_tls(tunnel, HOST, world.trust_file()) as tls:
        equal(tls.selected_alpn_protocol(), "http/1.1", "protocol")
        tls.sendall(wire.to_request("POST", PATH, HOST, CLAUDE, {}))
        equal(wire.status_of(wire.read_answer(tls, "POST")[0]), 200, "status")
    row_of(world, input_tokens=25)
    # A client that insists is refused by the upstream itself, as without us.
    problems = []
    for connection in (wire.connect(world.provider.port),
                       wire.open_tunnel(world.edge_port, f"{HOST}:443")):
        try:
            with connection:
                h2.start_tls(connection, HOST, world.trust_file(), ("h2",))
            check(False, "the handshake went well")
        except ssl.SSLError as error:
            problems.append(error.reason)
    equal(problems[1], problems[0], "how the handshake fails")
    world.wait_rows(1)


def test_a_protocol_that_nobody_knows_is_passed_raw(world):
    start(world, "--alpn", "x-other,http/1.1")
    tunnel = wire.open_tunnel(world.edge_port, f"{HOST}:443")
    with h2.start_tls(tunnel, HOST, world.trust_file(), ("h2", "x-other")) as tls:
        equal(tls.selected_alpn_protocol(), "x-other", "protocol")
        check(not wire.is_issued_by(tls, world.our_ca), "it was intercepted")
        tls.sendall(wire.to_request("POST", PATH, HOST, CLAUDE, {}))
        equal(wire.status_of(wire.read_answer(tls, "POST")[0]), 200, "status")
    world.no_row()


# Calls and rows ------------------------------------------------------------------------------

def test_a_call_is_metered_and_its_frames_are_those_of_a_direct_one(world):
    start(world)
    records = []
    for is_direct in (True, False):
        with open_client(world, is_direct=is_direct) as client:
            for body, headers in ((CLAUDE, {}), (STREAM, {"x-test-chunks": "random"}),
                                  (CLAUDE, {"x-test-body-bytes": "200000"}),
                                  (STREAM, {"x-test-encoding": "gzip"})):
                equal(client.call("POST", PATH, HOST, body, headers).status, 200, "status")
            check_identity(world, client)
        records.append([file.read_bytes() for file in newest_record(world)])
    equal_bytes(records[1][0], records[0][0], "what the provider received")
    equal_bytes(records[1][1], records[0][1], "what the provider sent")
    for row in world.wait_rows(4):
        equal((row["input_tokens"], row["output_tokens"], row["tokens_complete"],
               row["http_status"], row["status"]), (25, 12, 1, 200, "success"), "the row")
        check(row["cost_usd_minor_units"], "no cost")


def test_many_streams_on_one_connection(world):
    start(world)
    count = 100
    with open_client(world) as client:
        streams = [client.request("POST", PATH, HOST, STREAM if number % 2 else CLAUDE,
                                  {"x-test-tokens": f"{number},{number + 1}",
                                   "x-test-chunks": "random", "x-test-seed": str(number),
                                   "x-test-delay-event-ms": str(1 + number % 3)})
                   for number in range(1, count + 1)]
        client.wait(*streams)
        # They did come interleaved.
        order = [s for kind, _, s, _ in h2.read_frames(bytes(client.received)) if kind == h2.DATA]
        check(sum(a != b for a, b in zip(order, order[1:])) > 2 * count, "no streams interleaved")
        check_identity(world, client)
    rows = world.wait_rows(count)
    equal(sorted((r["input_tokens"], r["output_tokens"]) for r in rows),
          [(n, n + 1) for n in range(1, count + 1)], "tokens")
    equal({r["tokens_complete"] for r in rows}, {1}, "completeness")
    equal({r["mode"] for r in rows}, {"streaming", "standard"}, "modes")
    equal(len({l["connection"] for l in world.provider.ledger()}), 1, "connections upstream")


def test_frames_of_every_form(world):
    start(world)
    huge = {f"x-huge-{i}": "h" * 900 for i in range(40)}
    with open_client(world) as client:
        for headers in ({"x-test-padding": "100"}, {"x-test-trailers": "1"},
                        {"x-test-interim": "103,100,103"}, {"x-test-header-bytes": "40000"}, huge):
            for body in (CLAUDE, STREAM):
                answer = client.call("POST", PATH, HOST, body, headers)
                equal(answer.status, 200, f"status with {list(headers)[:1]}")
                equal(answer.has_trailers, "x-test-trailers" in headers, "trailers")
        # By hand: padding, priority, an interim PING, a frame of an extension, trailers.
        stream = client.next_stream
        client.next_stream += 2
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", PATH)]
        client.send(h2.frame(h2.PRIORITY, 0, stream, h2.number(0, 4) + b"\x0f"))
        client.send_head(stream, fields, False, h2.PADDED | h2.HAS_PRIORITY,
                         b"\x07" + h2.number(0, 4) + b"\xff", bytes(7))
        client.send(h2.frame(0x2a, 0xff, stream, b"of an extension"))
        client.send_body(stream, json.dumps(CLAUDE).encode()[:9], False, padding=250)
        client.send(h2.frame(h2.PING, 0, 0, b"12345678"))
        client.send_body(stream, json.dumps(CLAUDE).encode()[9:], False, padding=0)
        client.send_body(stream, b"", False, padding=5)
        client.send_head(stream, [("x-sum", "1")], True)
        equal(client.wait(stream).status, 200, "status")
        equal(client.call("HEAD", PATH, HOST).status, 200, "status of HEAD")
        equal(client.call("DELETE", "/x", HOST, headers={"x-test-status": "204"}).status, 204,
              "status of DELETE")
        check_identity(world, client)
    rows = [r for r in world.wait_rows(11) if r["method"] == "POST"]
    equal({(r["input_tokens"], r["tokens_complete"], r["model"]) for r in rows},
          {(25, 1, "claude-sonnet-4-5")}, "rows")


def test_errors_are_metered(world):
    start(world)
    with open_client(world) as client:
        equal(client.call("POST", PATH, HOST, CLAUDE, {"x-test-status": "529"}).status, 529,
              "status")
    row_of(world, http_status=529, status="error", error_class="server_error", tokens_complete=1)


def test_both_sides_talk_at_once_without_delay(world):
    start(world)
    with open_client(world) as client:
        stream = client.request("POST", PATH, HOST, b"", {"x-test-echo": "1"}, ends=False)
        sent = b""
        for number in range(50):
            piece = random.Random(number).randbytes(1 + number * 37)
            client.send_body(stream, piece, False)
            sent += piece
            client.wait_bytes(stream, len(sent))  # would wait for ever if anything were held back
        client.send_body(stream, b"", True)
        answer = client.wait(stream)
        equal_bytes(answer.body, sent, "the echo")
        check(answer.has_trailers, "no trailers")
        check_identity(world, client)
    row_of(world, http_status=200, tokens_complete=0)


def test_events_arrive_before_the_stream_ends(world):
    start(world)
    with open_client(world) as client:
        stream = client.request("POST", PATH, HOST, STREAM,
                                {"x-test-delay-event-ms": "300", "x-test-events": "4"})
        while b"message_start" not in client.answers[stream].body:
            client.read_frame()
        equal(world.provider.ledger(), [], "finished answers at the first event")
        client.wait(stream)
    row_of(world, tokens_complete=1)


def test_large_bodies_pass_the_windows(world):
    start(world)
    body = {**CLAUDE, "system": "x" * 3_000_000}
    with open_client(world) as client:
        answer = client.call("POST", PATH, HOST, body, {"x-test-body-bytes": "3000000"})
        equal(answer.status, 200, "status")
        check(len(answer.body) > 3_000_000, f"{len(answer.body)} bytes")
        check_identity(world, client)
    row_of(world, input_tokens=25, tokens_complete=1)


# Ends ----------------------------------------------------------------------------------------

def test_a_stream_that_is_reset_is_incomplete_and_the_others_go_on(world):
    start(world)
    with open_client(world) as client:
        cut = client.request("POST", PATH, HOST, STREAM,
                             {"x-test-reset-after": "500", "x-test-tokens": "1,1"})
        whole = client.request("POST", PATH, HOST, STREAM, {"x-test-delay-event-ms": "20"})
        early = client.request("POST", PATH, HOST, STREAM, {"x-test-reset-after": "0"})
        client.wait(cut, whole, early)
        equal(client.answers[cut].reset_code, 2, "code of the reset")
        equal(len(client.answers[cut].body), 500, "bytes before the reset")
        left = client.request("POST", PATH, HOST, STREAM, {"x-test-delay-event-ms": "100"})
        client.wait_bytes(left, 300)
        client.reset(left)
        equal(client.call("POST", PATH, HOST, CLAUDE, {"x-test-tokens": "7,7"}).status, 200,
              "status of the call after")
        check_identity(world, client)
    rows = world.wait_rows(5)
    equal(collections.Counter((r["status"], r["tokens_complete"]) for r in rows),
          collections.Counter({("success", 0): 2, ("success", 1): 2, ("aborted", 0): 1}),
          "ends of the calls")


def test_a_cut_connection_is_cut_in_the_same_way(world):
    start(world)
    count = 0
    for how in ("close", "shutdown", "reset"):
        ends = []
        for is_direct in (True, False):
            with open_client(world, is_direct=is_direct) as client:
                stream = client.request("POST", PATH, HOST, STREAM, {
                    "x-test-cut-after": "500", "x-test-cut-how": how})
                try:
                    client.wait(stream)
                    check(False, "the cut stream looked whole")
                except (EOFError, OSError) as error:
                    ends.append(type(error))
                answer = client.answers[stream]
                if how != "reset":  # which may overtake bytes
                    equal(len(answer.body), 500, f"bytes before the {how}")
        equal(ends[1], ends[0], f"end by {how}")
        count += 1
        row = world.wait_rows(count)[-1]
        equal((row["tokens_complete"], row["http_status"]), (0, 200), f"the row of {how}")


def test_goaway_ends_no_stream_that_it_names(world):
    start(world)
    with open_client(world) as client:
        first = client.request("POST", PATH, HOST, STREAM, {"x-test-delay-event-ms": "50"})
        second = client.request("POST", PATH, HOST, STREAM, {
            "x-test-goaway-after": "300", "x-test-delay-event-ms": "20"})
        client.wait(first, second)
        equal(client.goaway, (second, 0), "GOAWAY")
        check_identity(world, client)
    for row in world.wait_rows(2):
        equal((row["tokens_complete"], row["status"]), (1, "success"), "the row")


def test_a_client_that_goes_away_aborts_its_calls(world):
    start(world)
    with open_client(world) as client:
        streams = [client.request("POST", PATH, HOST, STREAM, {"x-test-delay-event-ms": "200"})
                   for _ in range(3)]
        for stream in streams:
            client.wait_bytes(stream, 300)
    for row in world.wait_rows(3):
        equal((row["status"], row["tokens_complete"]), ("aborted", 0), "the row")


def test_a_graceful_stop_lets_running_streams_finish(world):
    start(world)
    with open_client(world) as client:
        streams = [client.request("POST", PATH, HOST, STREAM, {"x-test-delay-event-ms": "300"})
                   for _ in range(2)]
        client.wait_bytes(streams[1], 100)
        world.daemon.signal(signal.SIGTERM)
        for stream in streams:
            check(b"message_stop" in client.wait(stream).body, "the stream was cut")
    equal(world.daemon.popen.wait(30), 0, "exit code of the daemon")
    equal([r["tokens_complete"] for r in world.wait_rows(2)], [1, 1], "completeness")


def test_http2_lives_without_the_daemon(world):
    start(world)
    world.daemon.kill()
    tunnel = wire.open_tunnel(world.edge_port, f"{HOST}:443")
    tls = h2.start_tls(tunnel, HOST, world.trust_file())
    check(not wire.is_issued_by(tls, world.our_ca), "a dead daemon metered")
    with h2.Client(tls) as client:
        equal(client.call("POST", PATH, HOST, CLAUDE).status, 200, "status")
        check_identity(world, client)


# What the tap does not follow ----------------------------------------------------------------

def unseen(world):
    return json.loads(world.run("status", "--json").text)["unseen"]


def test_websockets_over_http2_pass_untouched(world):
    start(world)
    with open_client(world) as client:
        stream = client.request("CONNECT", "/v1/responses", HOST, None,
                                {"sec-websocket-version": "13"}, ends=False,
                                extra=[(":protocol", "websocket")])
        payload = os.urandom(20_000)
        client.send_body(stream, payload, False)
        client.wait_bytes(stream, len(payload))
        equal_bytes(client.answers[stream].body, payload, "the echo")
        equal(client.call("POST", PATH, HOST, CLAUDE).status, 200, "status of a call beside it")
        client.send_body(stream, b"", True)
        client.wait(stream)
        check_identity(world, client)
    row_of(world, path=PATH, input_tokens=25)
    equal(unseen(world), {"connections": 0, "requests": 1}, "what status says of it")


def test_heads_beyond_every_limit_pass(world):
    """Larger than base/limits.h lets the tap keep: the stream goes without a row, no other does."""
    start(world)
    with open_client(world) as client:
        for headers in ({f"x-{i}": "h" * 1000 for i in range(100)},
                        {f"x-{i}": str(i) for i in range(700)}):
            answer = client.call("POST", PATH, HOST, CLAUDE, headers)
            equal(answer.status, 200, "status")
        answer = client.call("POST", PATH, HOST, CLAUDE, {"x-test-header-bytes": "100000"})
        equal(answer.status, 200, "status")
        equal(client.call("POST", PATH, HOST, CLAUDE, {"x-test-tokens": "5,6"}).status, 200,
              "status of the call after")
        check_identity(world, client)
    rows = world.wait_rows(2)
    equal([(r["tokens_complete"], r["input_tokens"]) for r in rows], [(0, 0), (1, 5)], "rows")
    equal(unseen(world), {"connections": 0, "requests": 2}, "what status says of them")
    check("requests to providers without a row" in world.run("status").text, "status hides them")


def test_nonsense_is_passed_on(world):
    start(world)
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 3000, h2.PREFACE + b"\xff" * 3000,
                     h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0) + h2.frame(h2.DATA, 0, 1, b"x"),
                     h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0) +
                     h2.frame(h2.HEADERS, h2.END_HEADERS, 1, b"\xbe\xbe\x7f\xff")):
        texts = []
        for is_direct in (True, False):
            with open_client(world, is_started=False, is_direct=is_direct) as client:
                client.send(nonsense)
                while True:
                    try:
                        client.read_frame()
                    except (EOFError, OSError):
                        break
                record_in, record_out = newest_record(world)
                check_identity(world, client, (record_in, record_out))
                texts.append(bytes(client.received))
        equal_bytes(texts[1], texts[0], "the answer to nonsense")
    check(world.daemon.is_alive(), "the daemon is gone")
    world.no_row()


# Real clients --------------------------------------------------------------------------------

def frames_by_stream(record):
    """What a connection asked, without the frames whose place depends on time (windows, PING)."""
    streams = collections.defaultdict(list)
    for kind, flags, stream, payload in h2.read_frames(record.read_bytes()):
        if kind not in (h2.WINDOW_UPDATE, h2.PING) and (stream or not flags & h2.ACK):
            streams[stream].append((kind, flags, payload))
    return streams


def test_curl_speaks_http2(world):
    start(world)
    if "HTTP2" not in world.execute(["curl", "-V"]).text:
        raise Skipped("this curl has no HTTP/2")
    records = []
    for arguments in (["--noproxy", "*", "--connect-to",
                       f"{HOST}:443:127.0.0.1:{world.provider.port}"], []):
        done = world.curl(f"https://{HOST}{PATH}", "--http2", "-w", "%{http_version}", "--json",
                          json.dumps(CLAUDE), "-H", "x-test-body-bytes: 100000", *arguments)
        equal(done.returncode, 0, f"exit code of curl ({done.error})")
        check(done.text.endswith("2"), f"curl spoke {done.text[-3:]}")
        records.append(frames_by_stream(newest_record(world)[0]))
    equal(records[1], records[0], "frames at the provider")
    row_of(world, input_tokens=25, tokens_complete=1, model="claude-sonnet-4-5")
    # Several calls on one connection, so that heads come from the table.
    urls = [f"https://{HOST}{PATH}"] * 4
    done = world.curl(urls[0], "--http2", "--no-progress-meter", "--json", json.dumps(STREAM),
                      "-H", "x-test-encoding: gzip", "--compressed", *urls[1:])
    equal(done.text.count("event: message_stop"), 4, "answers")
    rows = world.wait_rows(5)
    equal([r["tokens_complete"] for r in rows], [1] * 5, "completeness")
    check(all("curl/" in r["user_agent"] for r in rows), "user agents")


def test_node_speaks_http2(world):
    start(world)
    done = world.node("h2.mjs", world.edge_port, f"https://{HOST}{PATH}", world.trust_file(),
                      json.dumps(STREAM), "30")
    equal(done.returncode, 0, f"exit code of node ({done.error[-500:]})")
    equal(done.text.count("event: message_stop"), 30, "answers")
    for row in world.wait_rows(30):
        equal((row["tokens_complete"], row["input_tokens"]), (1, 25), "the row")
    done = world.node("h2.mjs", world.edge_port, f"https://{HOST}{PATH}", world.trust_file(),
                      "echo", "10")
    equal(done.text.splitlines(), [f"echo piece {n}" for n in range(10, 0, -1)] + ["status 0"],
          f"the echo ({done.error[-500:]})")


def test_go_speaks_http2(world):
    if not world.has_program("go"):
        raise Skipped("no go here")
    start(world)
    source = os.path.join(os.path.dirname(__file__), "clients", "h2.go")
    done = world.execute(["go", "run", source, world.edge_port, f"https://{HOST}{PATH}",
                          world.trust_file(), json.dumps(STREAM), 20], limit_s=85,
                         environment=world.environment(
                             GOCACHE=os.environ.get("GOCACHE", "/tmp/halton-e2e-go")))
    equal(done.returncode, 0, f"exit code of go ({done.error[-500:]})")
    equal(done.text.count("HTTP/2.0 "), 20, "answers in HTTP/2")
    equal(done.text.count("event: message_stop"), 20, "answers")
    for row in world.wait_rows(20):
        equal((row["tokens_complete"], row["input_tokens"]), (1, 25), "the row")
    equal(len({l["connection"] for l in world.provider.ledger()}), 1, "connections upstream")


def test_nghttp_frames_are_those_of_a_direct_run(world):
    if not world.has_program("nghttp"):
        raise Skipped("no nghttp here")
    start(world)
    body = world.directory / "body.json"
    body.write_text(json.dumps(STREAM))
    proxied = Forwarder(lambda: wire.open_tunnel(world.edge_port, f"{HOST}:443"))
    records = []
    for port in (world.provider.port, proxied.port):
        for options in ([], ["--padding=64"], ["--continuation"], ["--trailer=x-sum: 1"]):
            url = f"https://127.0.0.1:{port}{PATH}"
            done = world.execute([
                "nghttp", "--no-verify-peer", "-H", f":authority: {HOST}", "-H",
                "content-type: application/json", "-d", body, "-m", "5", *options, url])
            equal(done.returncode, 0, f"exit code of nghttp ({done.error[-300:]})")
            file = newest_record(world)[0]
            # It says goodbye, and may be gone before that has arrived.
            eventually(lambda: any(f[0] == h2.GOAWAY for f in h2.read_frames(file.read_bytes())),
                       "GOAWAY at the provider")
            record = frames_by_stream(file)
            # Five POSTs with their bodies.
            check(sum(kind == h2.HEADERS for s in record.values() for kind, _, _ in s) >= 5,
                  "calls are missing")
            records.append(record)
    half = len(records) // 2
    for found, wanted in zip(records[half:], records[:half]):
        equal(found, wanted, "frames at the provider")
    rows = world.wait_rows(5 * half)
    equal({(r["tokens_complete"], r["input_tokens"]) for r in rows}, {(1, 25)}, "rows")


def test_h2load_loses_no_row(world):
    if not world.has_program("h2load"):
        raise Skipped("no h2load here")
    start(world)
    body = world.directory / "body.json"
    body.write_text(json.dumps(STREAM))
    proxied = Forwarder(lambda: wire.open_tunnel(world.edge_port, f"{HOST}:443"))
    count = 400
    done = world.execute([
        "h2load", "-n", count, "-c", 4, "-m", 20, "-d", body, "-H", "content-type: application/json",
        f"--connect-to=127.0.0.1:{proxied.port}", f"https://{HOST}{PATH}"])
    check(f"{count} succeeded" in done.text, f"h2load: {done.text[-600:]} {done.error[-200:]}")
    rows = world.wait_rows(count, limit_s=20)
    equal({(r["tokens_complete"], r["input_tokens"]) for r in rows}, {(1, 25)}, "rows")
    equal(len(world.provider.ledger()), count, "calls at the provider")
