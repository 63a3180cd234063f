"""Keys, prompts, completions and query strings appear in no file and no log."""
import json

from rig import h2, wire
from rig.check import check, eventually

HOST = "api.anthropic.com"
CANARY = "canary-7f3e9a"


def everything_written(world):
    texts = {"edge log": world.edge.log().encode(), "daemon log": world.daemon.log().encode()}
    for arguments in (["report"], ["report", "--json"], ["status"], ["status", "--json"]):
        done = world.run(*arguments)
        texts[" ".join(arguments)] = done.stdout + done.stderr
    # And what the API tells about the calls, one by one and as sums.
    for path in ["/v1/requests", "/v1/requests.csv", "/v1/sessions", "/v1/errors", "/v1/tools",
                 "/v1/passthrough", "/v1/stats", "/v1/audit", "/metrics", "/v1/daemon/status",
                 *(f"/v1/requests/{row['id']}" for row in world.rows())]:
        if world.daemon.is_alive():
            texts[path] = world.get_api(path)[1]
    for path in sorted(world.home.rglob("*")):
        if path.is_file():
            texts[str(path.relative_to(world.home))] = path.read_bytes()
    return texts


def try_call(world, *arguments, **named):
    try:
        world.call(*arguments, **named)
    except (OSError, EOFError):
        pass


def test_no_canary_anywhere(world):
    world.start()
    prompt = {"model": "claude-sonnet-4-5", "stream": True,
              "messages": [{"role": "user", "content": f"{CANARY}-prompt"}]}
    headers = {"x-api-key": f"{CANARY}-key", "authorization": f"Bearer {CANARY}-bearer",
               "cookie": f"session={CANARY}-cookie", "x-goog-api-key": f"{CANARY}-goog"}
    # Good answers, errors that repeat the key, cut streams, coded streams, unmetered paths.
    world.call("POST", f"/v1/messages?key={CANARY}-query", prompt, headers=headers)
    world.call("POST", "/v1/messages", prompt, headers={**headers, "x-test-encoding": "gzip"})
    world.call("POST", "/v1/messages", prompt,
               headers={**headers, "x-test-status": "401", "x-test-error": "authentication_error"})
    try_call(world, "POST", "/v1/messages", prompt,
             headers={**headers, "x-test-cut-after": "700"})
    world.call("GET", f"/v1/models/{CANARY}-path?key={CANARY}-query", headers=headers)
    world.call("POST", f"/v1beta/models/gemini-2.5-pro:generateContent?key={CANARY}-query",
               prompt, "generativelanguage.googleapis.com", headers)
    # Over HTTP/2: whole, reset, with trailers, and at last with a head that nobody can decode.
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with h2.Client(h2.start_tls(tunnel, HOST, world.trust_file())) as client:
            client.call("POST", f"/v1/messages?key={CANARY}-query", HOST, prompt, headers,
                        trailers=[("x-sum", f"{CANARY}-trailer")])
            client.call("POST", "/v1/messages", HOST, prompt,
                        {**headers, "x-test-reset-after": "300"})
            client.call("GET", f"/v1/models/{CANARY}-path?key={CANARY}-query", HOST, None, headers)
            client.send(h2.frame(h2.HEADERS, h2.END_HEADERS, client.next_stream,
                                 b"\xbe" + CANARY.encode()))
            wire.read_all(client.tls)
    # Bytes that break the tap, and a canary in every place of a CONNECT.
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            tls.sendall(f"POST /v1/messages HTTP/1.1\r\n{CANARY} broken\r\n\r\n".encode())
            wire.read_all(tls)
    wire.ask(world.edge_port, f"CONNECT {HOST}:x HTTP/1.1\r\nProxy-Authorization: {CANARY}\r\n\r\n"
             .encode())
    wire.ask(world.edge_port, f"GET https://{HOST}/?key={CANARY} HTTP/1.1\r\n"
                              f"x-api-key: {CANARY}\r\n\r\n".encode())
    eventually(lambda: len(world.rows()) >= 7, "the rows of the metered calls")
    for where, text in everything_written(world).items():
        at = text.find(CANARY.encode())
        check(at < 0, lambda: f"{where} holds {text[max(0, at - 60):at + 60]!r}")


def test_completions_and_provider_messages_are_not_kept(world):
    script = world.directory / "script.jsonl"
    import base64
    body = json.dumps({"type": "error", "error": {"type": "invalid_request_error",
                                                  "message": f"bad key {CANARY}-echo"}})
    answer = json.dumps({"model": "claude-sonnet-4-5", "type": "message",
                         "content": [{"type": "text", "text": f"{CANARY}-completion"}],
                         "usage": {"input_tokens": 1, "output_tokens": 1}})
    script.write_text("".join(json.dumps({
        "id": name, "status": status, "headers": [["content-type", "application/json"]],
        "body": base64.b64encode(text.encode()).decode()}) + "\n"
        for name, status, text in (("error", 400, body), ("answer", 200, answer))))
    world.start("--script", script)
    for name in ("error", "answer"):
        world.call("POST", "/v1/messages", {"model": "x"}, headers={"x-test-item": name})
    world.wait_rows(2)
    for where, text in everything_written(world).items():
        check(CANARY.encode() not in text, f"{where} holds the canary")


def test_secrets_stay_out_after_a_crash(world):
    world.start()
    try_call(world, "POST", "/v1/messages", {"model": "m", "x": CANARY},
             headers={"x-api-key": CANARY})
    world.daemon.signal(6)
    world.daemon.popen.wait()
    for where, text in everything_written(world).items():
        check(CANARY.encode() not in text, f"{where} holds the canary")
    check(not list(world.directory.glob("core*")), "a core dump was left")
