"""WebSockets to metered hosts: one row a turn, every byte as it was, and no call lost."""
import hashlib
import json

from rig import wire
from rig.check import Skipped, check, equal, eventually
from rig.socket_client import (CLOSE, DEFLATE, PONG, Refused, SocketClient, frame,
                               upgrade_request)

CODEX = ("chatgpt.com", "/backend-api/codex/responses")
RESPONSES = ("api.openai.com", "/v1/responses")
REALTIME = ("api.openai.com", "/v1/realtime?model=gpt-realtime")
LIVE = ("generativelanguage.googleapis.com",
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent")
ENDS = ("response.completed", "response.failed", "response.done", "error")


def create(tokens=(30, 5), model="gpt-5-codex", generate=True, input="Why?", **metadata):
    message = {"type": "response.create", "model": model, "input": input,
               "metadata": {"tokens": "{},{}".format(*tokens), **metadata}}
    return message if generate else {**message, "generate": False}


def turn(client, message, **form):
    client.send(message, **form)
    return client.receive_until(*ENDS)


def counts(rows):
    return [(row["input_tokens"], row["output_tokens"]) for row in rows]


def ledger_of(world):
    """The ledger's line of the one socket there was."""
    return eventually(lambda: world.provider.ledger("socket"), "the socket is in the ledger")[-1]


def expect_turns(world, rows):
    """The rows equal what the provider reported."""
    def report():
        return {turn[0]: (turn[1], turn[2])
                for entry in world.provider.ledger("socket") for turn in entry["turns"]}
    # The provider writes a socket's line when the socket is closed.
    eventually(lambda: len(report()) >= len(rows), "the provider's ledger")
    reported = report()
    equal({row["provider_request_id"]: (row["input_tokens"], row["output_tokens"])
           for row in rows}, reported, "rows beside the ledger")


def test_many_turns_on_one_socket(world):
    world.start()
    client = SocketClient.open(world, *CODEX, headers={"user-agent": "codex/1"})
    turn(client, create(generate=False))
    asked = [(100 + i, 10 + i) for i in range(8)]
    for tokens in asked:
        turn(client, create(tokens))
    # They are there while the socket is still open.
    rows = world.wait_rows(8)
    client.close()
    equal(counts(rows), asked, "tokens")
    expect_turns(world, rows)
    for row in rows:
        for name, value in {"provider": "openai", "model": "gpt-5-codex", "mode": "streaming",
                            "request_kind": "chat", "host": CODEX[0], "path": CODEX[1],
                            "method": "GET", "status": "success", "http_status": 101,
                            "tokens_complete": 1, "user_agent": "codex/1",
                            "cost_state": "exact"}.items():
            equal(row[name], value, name)
        check(row["latency_ms"] >= row["time_to_first_byte_ms"] >= 0, "latency")
    equal(ledger_of(world)["turns"][0][1:3], [100, 10], "the warm-up counts nothing")


def test_every_form_of_frames(world):
    """Fragments with pings inside, compressed with and without context, byte by byte."""
    world.start()
    forms = [
        ("", {}, {}),
        ("fragment ping", {"fragments": 5, "ping": True}, {}),
        ("deflate", {}, {}),
        ("deflate no-context fragment ping", {"fragments": 3, "ping": True}, {}),
        ("deflate fragment", {"fragments": 2}, {"pieces": 1}),
        ("ping", {}, {"pieces": 7}),
    ]
    asked = []
    for number, (words, form, how) in enumerate(forms):
        headers = {"x-test-socket": words, "user-agent": f"form {number}"}
        if "deflate" in words:
            headers["sec-websocket-extensions"] = DEFLATE
        client = SocketClient.open(world, *RESPONSES, headers=headers, **how)
        equal(client.is_deflating, "deflate" in words, "compression is agreed on")
        for again in range(3):
            tokens = (1000 * (number + 1) + again, 7 + again)
            asked.append(tokens)
            turn(client, create(tokens, id=f"r{number}-{again}"), **form)
        # A message longer than any buffer, both ways; not compressed in a compressed session.
        asked.append((number, 1))
        turn(client, create((number, 1), input="y" * 300_000, bytes="200000", id=f"long{number}"),
             plain=number == 2, **form)
        if form.get("ping"):
            check(any(op == PONG for op, _ in client.control), "pings are answered")
        client.close()
    rows = world.wait_rows(len(asked))
    equal(sorted(counts(rows)), sorted(asked), "tokens")
    expect_turns(world, rows)
    check(all(row["tokens_complete"] for row in rows), "all complete")


def test_bytes_are_those_of_both_ends(world):
    world.start_provider("--record-raw", world.directory / "raw")
    world.start()
    client = SocketClient.open(world, *CODEX, headers={
        "X-Odd:": "  spaces ", "x-test-socket": "deflate fragment ping",
        "sec-websocket-extensions": DEFLATE})
    for size in (0, 1, 125, 126, 65_535, 65_536, 300_000):
        turn(client, create(input="z" * size), fragments=3, ping=True)
    client.send_bytes(frame(1, b"\xff not JSON"))
    turn(client, create())
    client.close()
    entry = ledger_of(world)
    for side, data in (("received", client.sent_bytes), ("sent", client.received_bytes)):
        equal(entry[f"{side}_bytes"], len(data), f"bytes the provider {side}")
        equal(entry[f"{side}_sha256"], hashlib.sha256(data).hexdigest(), f"bytes it {side}")
    raw = (world.provider.raw / f"{entry['connection']}.in").read_bytes()
    check(raw.startswith(upgrade_request(*CODEX, {
        "X-Odd:": "  spaces ", "x-test-socket": "deflate fragment ping",
        "sec-websocket-extensions": DEFLATE})), "the upgrade arrived as it was sent")
    world.wait_rows(8)


def test_what_ends_in_the_middle(world):
    world.start()
    # The provider stops in the middle, without a word and with a Close.
    for how in ("1", "close"):
        client = SocketClient.open(world, *CODEX)
        client.send(create(cut=how, id=f"cut-{how}"))
        while client.receive() is not None:
            pass
        client.drop()
    # The client goes away in the middle, without a word and with a Close.
    for says_close in (False, True):
        client = SocketClient.open(world, *CODEX)
        client.send(create(id=f"left-{says_close}", events="2000", bytes="2000"))
        client.receive()
        if says_close:
            client.send_bytes(frame(CLOSE, b"\x03\xe8"))
            while client.receive() is not None:
                pass
        client.drop()
    # A socket on which nothing was asked is no call.
    SocketClient.open(world, *CODEX).drop()
    SocketClient.open(world, *CODEX).close()
    rows = {row["provider_request_id"]: row for row in world.wait_rows(4)}
    for name in ("cut-1", "cut-close", "left-False"):
        row = rows[name]
        equal(row["tokens_complete"], 0, f"{name}: tokens_complete")
        equal(row["model"], "gpt-5-codex", f"{name}: model")
        equal(row["cost_nanousd"], None, f"{name}: cost")
    equal(rows["left-False"]["status"], "aborted", "status of what the client left")
    check("left-True" in rows, "the closed one has a row")


def test_errors_are_classified(world):
    world.start()
    client = SocketClient.open(world, *RESPONSES)
    turn(client, create(error="rate_limit_exceeded", status="429"))
    turn(client, create(error="insufficient_quota", status="429"))
    turn(client, create(error="context_length_exceeded"))
    turn(client, create(fail="server_is_overloaded"))
    turn(client, create((9, 4)))
    client.close()
    rows = world.wait_rows(5)
    equal([row["error_class"] for row in rows],
          ["rate_limit", "quota_exceeded", "context_length_exceeded", "server_error", None],
          "classes")
    equal([row["http_status"] for row in rows], [429, 429, 101, 101, 101], "status codes")
    equal([row["status"] for row in rows], ["error"] * 4 + ["success"], "status")
    equal(counts(rows)[-1], (9, 4), "tokens behind the errors")


def test_refused_upgrades(world):
    world.start()
    for status, leaves_row in ((426, False), (401, True), (400, True), (429, True)):
        try:
            SocketClient.open(world, *RESPONSES, headers={"x-test-status": str(status)})
        except Refused as refusal:
            equal(refusal.status, status, "the refusal's status")
            check(b"The test provider says no" in refusal.body, "the refusal's body")
        else:
            check(False, f"{status} was not passed on")
        # As Codex does: over HTTP then, on another connection.
        answer = world.call("POST", RESPONSES[1], {"model": f"after-{status}"}, host=RESPONSES[0])
        equal(answer.status, 200, "the call after")
    rows = world.wait_rows(7)
    equal([row["http_status"] for row in rows if row["method"] == "GET"], [401, 400, 429],
          "refusals with a row")
    # The connection lives on behind a refusal.
    tunnel = wire.open_tunnel(world.edge_port, f"{RESPONSES[0]}:443")
    with wire.start_tls(tunnel, RESPONSES[0], world.trust_file()) as tls:
        tls.sendall(upgrade_request(*RESPONSES, {"x-test-status": "426"}))
        equal(wire.status_of(wire.read_answer(tls)[0]), 426, "status")
        tls.sendall(wire.to_request("POST", RESPONSES[1], RESPONSES[0], {"model": "same"}, {}))
        equal(wire.status_of(wire.read_answer(tls, "POST")[0]), 200, "status of the next")
    equal(world.wait_rows(8)[-1]["model"], "same", "model of the call behind the refusal")


def test_realtime_and_live_sessions(world):
    world.start()
    client = SocketClient.open(world, *REALTIME)
    for tokens in ((16, 45), (20, 7)):
        client.send({"type": "response.create", "response": {
            "metadata": {"tokens": "{},{}".format(*tokens), "id": f"rt{tokens[0]}"}}})
        client.receive_until("response.done")
    client.close()
    live = SocketClient.open(world, *LIVE)
    live.send({"setup": {"model": "models/gemini-live-2.5-flash-preview"}})
    live.receive()
    live.send({"client_content": {"turns": [], "turnComplete": True},
               "metadata": {"tokens": "12,34"}})
    while "usageMetadata" not in live.receive():
        pass
    live.close()
    rows = world.wait_rows(3)
    equal([(r["provider"], r["model"], r["request_kind"], r["path"]) for r in rows],
          [("openai", "gpt-realtime", "realtime", "/v1/realtime")] * 2 +
          [("gemini", "gemini-live-2.5-flash-preview", "realtime", LIVE[1])], "sessions")
    equal(counts(rows), [(16, 45), (20, 7), (12, 34)], "tokens")


def test_sockets_at_other_paths_pass_unread(world):
    world.start()
    client = SocketClient.open(world, "chatgpt.com", "/ws/notifications")
    client.send(create((1, 1)))
    client.receive_until("response.completed")
    # Frames that no WebSocket has pass as well.
    client.send_bytes(b"\xff" * 300)
    client.drop()
    world.no_row()


def test_senseless_frames_pass(world):
    world.start()
    tunnel = wire.open_tunnel(world.edge_port, "api.openai.com:443")
    with wire.start_tls(tunnel, "api.openai.com", world.trust_file()) as tls:
        tls.sendall(upgrade_request("api.openai.com", "/v1/responses", {"x-test-upgrade": "1"}))
        head = wire.read_head(tls)[0]
        equal(wire.status_of(head), 101, "status")
        said = bytes(range(256)) * 400
        tls.sendall(said)
        heard = b""
        while len(heard) < len(said):
            heard += tls.recv(65536)
        equal(heard, said, "what was echoed")
    world.no_row()


def test_daemon_dies_before_the_upgrade_is_answered(world):
    """The client waits for its 101 while the daemon is killed: the edge asks again, directly."""
    world.start()
    host, path = CODEX
    tunnel = wire.open_tunnel(world.edge_port, f"{host}:443")
    hello = wire.HandTls(wire.trust_context(world.trust_file()), host)
    first = hello.client_hello()
    world.daemon.kill()
    tunnel.sendall(first)
    hello.finish(tunnel)
    head, _ = hello.exchange(tunnel, upgrade_request(host, path))
    equal(wire.status_of(head), 101, "status without a daemon")
    tunnel.close()
    # And whoever comes while it is gone.
    client = SocketClient.open(world, *CODEX)
    turn(client, create())
    client.close()
    world.start_daemon()
    world.wait_metering()
    client = SocketClient.open(world, *CODEX)
    turn(client, create((3, 2)))
    client.close()
    equal(counts(world.wait_rows(1)), [(3, 2)], "tokens of the call behind the restart")


def test_rows_of_open_turns_at_a_stop(world):
    world.start()
    client = SocketClient.open(world, *CODEX)
    turn(client, create((8, 2), id="done"))
    client.connection.setblocking(True)
    client.send(create(id="running", events="100000", bytes="1000"))
    client.receive()
    world.daemon.signal(15)
    client.drop()
    world.daemon.popen.wait(40)
    rows = {row["provider_request_id"]: row for row in world.wait_rows(2)}
    equal((rows["done"]["input_tokens"], rows["done"]["status"]), (8, "success"), "the first turn")
    equal(rows["running"]["tokens_complete"], 0, "completeness of the second")


def test_idle_sockets_do_not_hold_up_a_stop(world):
    world.start()
    client = SocketClient.open(world, *CODEX)
    turn(client, create((8, 2)))
    # Calls get 20 s to finish; a socket on which nothing runs is let go at once.
    equal(world.daemon.stop(limit_s=12), 0, "exit code")
    check(client.receive() is None, "the socket was ended")
    equal(counts(world.wait_rows(1)), [(8, 2)], "tokens")


def test_node_speaks_through_the_edge(world):
    """Node's own WebSocket, where it has one that knows proxies."""
    if not world.has_program("node"):
        raise Skipped("no node here")
    version = world.execute(["node", "--version"]).text.strip().lstrip("v")
    if int(version.split(".")[0]) < 24:
        raise Skipped(f"node {version} has no WebSocket that knows proxies")
    world.start()
    environment = world.environment(HTTPS_PROXY=f"http://127.0.0.1:{world.edge_port}",
                                    NODE_USE_ENV_PROXY="1", NODE_EXTRA_CA_CERTS=world.trust_file())
    done = world.node("socket.mjs", f"wss://{RESPONSES[0]}{RESPONSES[1]}",
                      json.dumps(create((40, 6))), environment=environment)
    equal(done.returncode, 0, f"exit code of node ({done.error[-300:]})")
    equal(counts(world.wait_rows(1)), [(40, 6)], "tokens")
