"""One metered call, one row: with the clients, codings and shapes that exist."""
import json
import os
import socket
import ssl
import threading
import urllib.request

from rig import wire
from rig.check import check, equal, eventually
from rig.world import PROVIDER_HOSTS

CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 10,
          "messages": [{"role": "user", "content": "hi"}]}
GPT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def streaming(body, **more):
    return {**body, "stream": True, **more}


def expect_row(row, **wanted):
    for name, value in wanted.items():
        equal(row[name], value, f"column {name}")


ENDPOINTS = [
    # host, path, body, wanted columns
    ("api.anthropic.com", "/v1/messages", CLAUDE,
     dict(provider="anthropic", model="claude-sonnet-4-5", request_kind="chat")),
    ("api.anthropic.com", "/v1/messages?beta=true", CLAUDE,
     dict(provider="anthropic", path="/v1/messages")),
    ("api.openai.com", "/v1/chat/completions", GPT,
     dict(provider="openai", model="gpt-4o", request_kind="chat")),
    ("api.openai.com", "/v1/responses", {"model": "gpt-4o", "input": "hi"},
     dict(provider="openai", model="gpt-4o", request_kind="chat")),
    ("api.openai.com", "/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "hi"},
     dict(provider="openai", request_kind="chat")),
    ("api.openai.com", "/v1/embeddings", {"model": "text-embedding-3-small", "input": "hi"},
     dict(provider="openai", request_kind="embedding", output_tokens=0)),
    ("chatgpt.com", "/backend-api/codex/responses", {"model": "gpt-5-codex", "input": "hi"},
     dict(provider="openai", model="gpt-5-codex")),
    ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:generateContent", {},
     dict(provider="gemini", model="gemini-2.5-pro", request_kind="chat")),
    ("cloudcode-pa.googleapis.com", "/v1internal:generateContent", {"model": "gemini-2.5-flash"},
     dict(provider="gemini")),
    ("api.x.ai", "/v1/chat/completions", {"model": "grok-3", "messages": []},
     dict(provider="xai", model="grok-3")),
    ("api.x.ai", "/v1/messages", {"model": "grok-3", "messages": []}, dict(provider="xai")),
]


def test_every_endpoint_leaves_its_row(world):
    world.start()
    for number, (host, path, body, wanted) in enumerate(ENDPOINTS):
        answer = world.call("POST", path, body, host)
        equal(answer.status, 200, f"status of {host}{path}")
        check(answer.is_metered, f"{host} was not metered")
        rows = world.wait_rows(number + 1)
        row = max(rows, key=lambda r: r["requested_at"])
        wanted = {"input_tokens": 25, "output_tokens": 12, "status": "success",
                  "http_status": 200, "tokens_complete": 1, **wanted}
        try:
            expect_row(row, **wanted)
        except Exception as failure:
            raise type(failure)(f"{host}{path}: {failure}") from None


def test_known_models_have_a_price(world):
    world.start()
    for host, path, model in (
            ("api.anthropic.com", "/v1/messages", "claude-sonnet-4-5"),
            ("api.openai.com", "/v1/chat/completions", "gpt-4o"),
            ("generativelanguage.googleapis.com",
             "/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"),
            ("api.x.ai", "/v1/chat/completions", "grok-3")):
        world.call("POST", path, {"model": model}, host,
                   headers={"x-test-tokens": "1000,1000"})
    rows = world.wait_rows(4)
    for row in rows:
        check((row["cost_usd_minor_units"] or 0) > 0,
              f"{row['model']} costs {row['cost_usd_minor_units']}")
        check(row["rates_source"], f"{row['model']} has no rates_source")
    # 1000 input at 3 USD and 1000 output at 15 USD a million: 0.018 USD.
    equal([r["cost_usd_minor_units"] for r in rows if r["provider"] == "anthropic"], [1800],
          "millicents")


def test_unknown_model_has_no_cost(world):
    world.start()
    world.call("POST", "/v1/messages", {**CLAUDE, "model": "model-of-tomorrow"})
    row = world.wait_row()
    expect_row(row, model="model-of-tomorrow", cost_usd_minor_units=None, input_tokens=25)


def test_the_answering_model_counts_not_the_asked_one(world):
    world.start()
    world.call("POST", "/v1/messages", {**CLAUDE, "model": "claude-alias"},
               headers={"x-test-model": "claude-opus-4-1"})
    expect_row(world.wait_row(), model="claude-opus-4-1")


STREAMS = [
    ("api.anthropic.com", "/v1/messages", streaming(CLAUDE)),
    ("api.openai.com", "/v1/chat/completions",
     streaming(GPT, stream_options={"include_usage": True})),
    ("api.openai.com", "/v1/responses", streaming({"model": "gpt-4o", "input": "hi"})),
    ("generativelanguage.googleapis.com",
     "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", {}),
    ("generativelanguage.googleapis.com",
     "/v1beta/models/gemini-2.5-pro:streamGenerateContent", {}),
]


def test_streams_are_metered_in_every_coding_and_chunking(world):
    world.start()
    count = 0
    for host, path, body in STREAMS:
        for coding in (None, "gzip", "deflate", "br", "zstd"):
            for chunks in (None, "1", "random"):
                headers = {"x-test-tokens": f"{100 + count},{200 + count}"}
                if coding:
                    headers["x-test-encoding"] = coding
                if chunks:
                    headers["x-test-chunks"] = chunks
                answer = world.call("POST", path, body, host, headers)
                equal(answer.status, 200, "status")
                count += 1
    rows = world.wait_rows(count)
    for row in rows:
        text = f"{row['provider']} {row['path']} with {row['input_tokens']}"
        equal(row["output_tokens"], row["input_tokens"] + 100, f"output of {text}")
        equal(row["tokens_complete"], 1, f"completeness of {text}")
        equal(row["mode"], "streaming", f"mode of {text}")
    equal(sorted(r["input_tokens"] for r in rows), list(range(100, 100 + count)), "input tokens")


def test_coded_bodies_are_metered(world):
    world.start()
    for count, coding in enumerate(("gzip", "deflate", "br", "zstd"), 1):
        answer = world.call("POST", "/v1/messages", CLAUDE, headers={
            "x-test-encoding": coding, "x-test-body-bytes": "100000",
            "x-test-tokens": f"{count},7"})
        equal(answer.header("content-encoding"), coding, "content-encoding at the client")
    rows = world.wait_rows(4)
    equal(sorted(r["input_tokens"] for r in rows), [1, 2, 3, 4], "input tokens")


def test_stream_without_usage_is_incomplete(world):
    world.start()
    world.call("POST", "/v1/chat/completions", streaming(GPT), "api.openai.com")
    expect_row(world.wait_row(), tokens_complete=0, input_tokens=0, output_tokens=0,
               status="success", model="gpt-4o")


def test_cut_stream_is_incomplete(world):
    world.start()
    for how in ("close", "reset", "shutdown"):
        try:
            world.call("POST", "/v1/messages", streaming(CLAUDE),
                       headers={"x-test-cut-after": "900", "x-test-cut-how": how})
            check(False, "the cut stream looked whole")
        except (OSError, EOFError):
            pass
    for row in world.wait_rows(3):
        expect_row(row, tokens_complete=0, model="claude-sonnet-4-5", http_status=200)


def test_client_that_goes_away_leaves_an_incomplete_row(world):
    world.start()
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        tls = wire.start_tls(tunnel, "api.anthropic.com", world.trust_file())
        tls.sendall(wire.to_request("POST", "/v1/messages", "api.anthropic.com",
                                    streaming(CLAUDE),
                                    {"x-test-delay-event-ms": "300", "x-test-events": "30"}))
        check(b"message_start" in tls.recv(65536) + tls.recv(65536), "no first event")
        tls.close()
    expect_row(world.wait_row(), tokens_complete=0)


def test_errors_are_classed(world):
    world.start()
    cases = [
        ("api.anthropic.com", "/v1/messages", 429, "rate_limit_error", "rate_limit", 1),
        ("api.anthropic.com", "/v1/messages", 529, "overloaded_error", "server_error", 1),
        ("api.anthropic.com", "/v1/messages", 401, "authentication_error", "auth", 0),
        ("api.openai.com", "/v1/chat/completions", 429, "insufficient_quota",
         "quota_exceeded", 0),
        ("api.openai.com", "/v1/chat/completions", 400, "context_length_exceeded",
         "context_length_exceeded", 0),
        ("generativelanguage.googleapis.com",
         "/v1beta/models/gemini-2.5-pro:generateContent", 503, "UNAVAILABLE", "server_error", 1),
        ("api.x.ai", "/v1/chat/completions", 403, "forbidden", "permission", 0),
    ]
    for host, path, status, word, _, _ in cases:
        answer = world.call("POST", path, {"model": "m"}, host,
                            {"x-test-status": status, "x-test-error": word})
        equal(answer.status, status, "status at the client")
    rows = world.wait_rows(len(cases))
    for _, path, status, word, error_class, is_retryable in cases:
        row = next(r for r in rows
                   if r["http_status"] == status and r["provider_error_code"] == word)
        expect_row(row, error_class=error_class, retryable=is_retryable, status="error")
        check(row["error_message_hash"], "no error_message_hash")


def test_unmetered_paths_leave_no_row(world):
    world.start()
    for host, method, path in (("api.anthropic.com", "GET", "/v1/models"),
                               ("api.openai.com", "GET", "/v1/models"),
                               ("api.openai.com", "POST", "/v1/files"),
                               ("chatgpt.com", "POST", "/backend-api/conversation"),
                               ("cloudcode-pa.googleapis.com", "POST",
                                "/v1internal:loadCodeAssist")):
        answer = world.call(method, path, None if method == "GET" else {}, host)
        equal(answer.status, 200, f"status of {path}")
        check(answer.is_metered, f"{host} was not intercepted")
    world.no_row()


def test_keep_alive_gives_a_row_a_call(world):
    world.start()
    count = 150
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
            for number in range(count):
                body = streaming(CLAUDE) if number % 2 else CLAUDE
                tls.sendall(wire.to_request("POST", "/v1/messages", "api.anthropic.com", body,
                                            {"x-test-tokens": f"{number},{number}"}))
                head, _, rest = wire.read_answer(tls, "POST")
                equal((wire.status_of(head), rest), (200, b""), "answer")
    rows = world.wait_rows(count)
    equal(sorted(r["input_tokens"] for r in rows), list(range(count)), "input tokens")
    equal({l["connection"] for l in world.provider.ledger()}.__len__(), 1, "connections upstream")


def test_pipelined_requests_give_a_row_each_in_order(world):
    world.start()
    request = b"".join(
        wire.to_request("POST", "/v1/messages", "api.anthropic.com", CLAUDE,
                        {"x-test-tokens": f"{number},1"}) for number in range(1, 6))
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
            tls.sendall(request)
            rest = b""
            for number in range(1, 6):
                _, body, rest = wire.read_answer(tls, "POST", rest)
                equal(json.loads(body)["usage"]["input_tokens"], number, "order of answers")
    equal(sorted(r["input_tokens"] for r in world.wait_rows(5)), [1, 2, 3, 4, 5], "rows")


def test_head_and_204_do_not_upset_the_tap(world):
    world.start()
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
            for method, path, headers in (("HEAD", "/v1/messages", {}),
                                          ("DELETE", "/x", {"x-test-status": "204"}),
                                          ("GET", "/y", {"x-test-status": "304"}),
                                          ("POST", "/v1/messages", {})):
                body = CLAUDE if method == "POST" else None
                tls.sendall(wire.to_request(method, path, "api.anthropic.com", body, headers))
                wire.read_answer(tls, method)
    rows = [r for r in world.wait_rows(1) if r["method"] == "POST"]
    expect_row(rows[0], input_tokens=25, tokens_complete=1)


def test_interim_answers_do_not_upset_the_tap(world):
    world.start()
    world.call("POST", "/v1/messages", CLAUDE, headers={"x-test-interim": "100,103,103"})
    expect_row(world.wait_row(), input_tokens=25, http_status=200, tokens_complete=1)


def test_expect_100_continue_works(world):
    world.start()
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
            request = wire.to_request("POST", "/v1/messages", "api.anthropic.com", CLAUDE,
                                      {"expect": "100-continue"})
            head, body = request.split(b"\r\n\r\n", 1)
            tls.sendall(head + b"\r\n\r\n")
            interim, rest = wire.read_head(tls)
            equal(wire.status_of(interim), 100, "interim status")
            tls.sendall(body)
            head, _, _ = wire.read_answer(tls, "POST", rest)
            equal(wire.status_of(head), 200, "status")
    expect_row(world.wait_row(), input_tokens=25, tokens_complete=1)


def test_chunked_uploads_are_metered(world):
    world.start()
    body = json.dumps({"padding": "x" * 200_000, **GPT}).encode()
    chunked = b"".join(b"%x;name=value\r\n%s\r\n" % (len(p), p) for p in
                       (body[i:i + 777] for i in range(0, len(body), 777)))
    answer = world.call("POST", "/v1/chat/completions", chunked + b"0\r\nx-trailer: 1\r\n\r\n",
                        "api.openai.com", {"transfer-encoding": "chunked"})
    equal(answer.status, 200, "status")
    expect_row(world.wait_row(), model="gpt-4o", input_tokens=25)


def test_early_answer_while_uploading_arrives(world):
    world.start()
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
            head = wire.to_request("POST", "/v1/messages", "api.anthropic.com", b"", {
                "content-length": "5000000", "x-test-early": "1", "x-test-status": "413"})
            tls.sendall(head + b"{" * 1000)
            answer, _, _ = wire.read_answer(tls, "POST")
            equal(wire.status_of(answer), 413, "status")
    expect_row(world.wait_row(), http_status=413)


def test_answer_that_ends_with_the_connection_is_metered(world):
    world.start()
    answer = world.call("POST", "/v1/messages", CLAUDE, headers={"x-test-framing": "close"})
    check(b"input_tokens" in answer.body, "no body")
    expect_row(world.wait_row(), input_tokens=25, tokens_complete=1)


def test_upgrade_is_forwarded_untouched(world):
    world.start()
    with wire.open_tunnel(world.edge_port, "api.openai.com:443") as tunnel:
        with wire.start_tls(tunnel, "api.openai.com", world.trust_file()) as tls:
            tls.sendall(wire.to_request("GET", "/v1/responses", "api.openai.com", None, {
                "connection": "Upgrade", "upgrade": "websocket", "x-test-upgrade": "1"}))
            head, rest = wire.read_head(tls)
            equal(wire.status_of(head), 101, "status")
            payload = os.urandom(200_000)
            sender = threading.Thread(target=tls.sendall, args=(payload,))
            sender.start()
            while len(rest) < len(payload):
                rest += tls.recv(65536)
            sender.join()
            equal(rest, payload, "echo")
    check(world.daemon.is_alive(), "the daemon is gone")


def test_first_event_arrives_before_the_stream_ends(world):
    world.start()
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
            tls.sendall(wire.to_request(
                "POST", "/v1/messages", "api.anthropic.com", streaming(CLAUDE),
                {"x-test-delay-event-ms": "500", "x-test-events": "4"}))
            data = b""
            while b"message_start" not in data:
                data += tls.recv(65536)
            # The provider writes its ledger line when the answer is done: it is not.
            equal(world.provider.ledger(), [], "finished answers at the first event")
            wire.read_answer(tls, "POST", data)
    expect_row(world.wait_row(), tokens_complete=1)


def test_tls_1_2_upstream_is_metered(world):
    world.start("--tls-max", "12")
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered")
    world.wait_row()


def test_names_are_matched_in_any_spelling(world):
    world.start()
    for count, target in enumerate(("API.ANTHROPIC.COM", "api.anthropic.com."), 1):
        with wire.open_tunnel(world.edge_port, f"{target}:443") as tunnel:
            with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
                tls.sendall(wire.to_request("POST", "/v1/messages", target, CLAUDE, {}))
                equal(wire.status_of(wire.read_answer(tls, "POST")[0]), 200, "status")
        world.wait_rows(count)


def test_client_hello_may_come_with_connect_or_byte_by_byte(world):
    world.start()
    context = wire.trust_context(world.trust_file())
    for count, how in enumerate(("pipelined", "bytes", "records"), 1):
        with wire.connect(world.edge_port, 30) as connection:
            hand = wire.HandTls(context, "api.anthropic.com")
            hello = hand.client_hello()
            connect = b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n\r\n"
            if how == "pipelined":
                connection.sendall(connect + hello)
                head, rest = wire.read_head(connection)
            else:
                connection.sendall(connect)
                head, rest = wire.read_head(connection)
                if how == "records":
                    hello = split_record(hello)
                for byte in hello:
                    connection.sendall(bytes([byte]))
            equal(wire.status_of(head), 200, "status of CONNECT")
            hand.finish(connection, rest)
            head, _ = hand.exchange(connection, wire.to_request(
                "POST", "/v1/messages", "api.anthropic.com", CLAUDE, {}), "POST")
            equal(wire.status_of(head), 200, f"status with the hello {how}")
            issuer = hand.tls.getpeercert()["issuer"]
            equal(dict(p for g in issuer for p in g), wire.subject_of(world.our_ca),
                  f"issuer with the hello {how}")
        world.wait_rows(count)


def split_record(record):
    """One TLS handshake record as two."""
    kind, version, payload = record[:1], record[1:3], record[5:]
    half = len(payload) // 2
    return b"".join(kind + version + len(p).to_bytes(2, "big") + p
                    for p in (payload[:half], payload[half:]))


def test_clients_without_alpn_are_offered_none(world):
    world.start()
    context = ssl.create_default_context(cafile=world.trust_file())
    with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
        with context.wrap_socket(tunnel, server_hostname="api.anthropic.com") as tls:
            equal(tls.selected_alpn_protocol(), None, "ALPN that nobody asked for")
            tls.sendall(wire.to_request("POST", "/v1/messages", "api.anthropic.com", CLAUDE, {}))
            wire.read_answer(tls, "POST")
    world.wait_rows(1)
    equal([l["alpn"] for l in world.provider.ledger("connection")][-1], "", "ALPN at the provider")


def test_fifty_clients_at_once_lose_no_row(world):
    world.start()
    calls, failures, metered = 6, [], []

    def work(client):
        try:
            with wire.open_tunnel(world.edge_port, "api.anthropic.com:443") as tunnel:
                with wire.start_tls(tunnel, "api.anthropic.com", world.trust_file()) as tls:
                    if wire.is_issued_by(tls, world.our_ca):
                        metered.append(client)
                    for number in range(calls):
                        tls.sendall(wire.to_request(
                            "POST", "/v1/messages", "api.anthropic.com",
                            streaming(CLAUDE) if number % 2 else CLAUDE,
                            {"x-test-tokens": f"{client * calls + number},1"}))
                        wire.read_answer(tls, "POST")
        except (OSError, EOFError) as error:
            failures.append(repr(error))
    world.trust_file()
    threads = [threading.Thread(target=work, args=(c,)) for c in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [], "failures")
    # On a machine that has no processor for the daemon it counts as hung for a moment, and a client
    # is passed through; the calls of all others are owed.
    world.notes.append(f"{len(metered)} of 50 clients were metered")
    check(len(metered) >= 40, world.notes[0])
    rows = world.wait_rows(len(metered) * calls, limit_s=20)
    equal(sorted(r["input_tokens"] for r in rows),
          sorted(client * calls + number for client in metered for number in range(calls)),
          "input tokens")
    equal(len(world.provider.ledger()), 50 * calls, "calls at the provider")


# Real clients ------------------------------------------------------------------------------

def test_curl_is_metered(world):
    world.start()
    done = world.curl("https://api.anthropic.com/v1/messages", "--json", json.dumps(CLAUDE))
    equal(done.returncode, 0, f"exit code of curl ({done.error})")
    row = world.wait_row()
    expect_row(row, model="claude-sonnet-4-5", input_tokens=25)
    check("curl/" in (row.get("user_agent") or "curl/"), f"user agent {row.get('user_agent')}")


def test_curl_with_streams_and_codings_is_metered(world):
    world.start()
    for count, coding in enumerate(("gzip", "br", "zstd"), 1):
        done = world.curl("https://api.anthropic.com/v1/messages", "-N", "--compressed", "--json",
                          json.dumps(streaming(CLAUDE)), "-H", f"x-test-encoding: {coding}")
        check("message_stop" in done.text, f"curl got {done.text[-200:]!r} {done.error}")
        rows = world.wait_rows(count)
        equal(rows[-1]["tokens_complete"], 1, "completeness")


def test_python_urllib_is_metered(world):
    world.start()
    program = ("import json, os, urllib.request\n"
               "request = urllib.request.Request('https://api.anthropic.com/v1/messages',"
               " data=b'{\"model\":\"claude-sonnet-4-5\"}',"
               " headers={'content-type': 'application/json'})\n"
               "print(json.load(urllib.request.urlopen(request, timeout=30))['usage'])\n")
    import sys
    done = world.execute([sys.executable, "-c", program], environment=world.environment(
        HTTPS_PROXY=f"http://127.0.0.1:{world.edge_port}", SSL_CERT_FILE=world.trust_file()))
    check("'input_tokens': 25" in done.text, f"urllib: {done.text} {done.error[-500:]}")
    expect_row(world.wait_row(), model="claude-sonnet-4-5")


def test_python_http_client_is_metered(world):
    import http.client
    world.start()
    connection = http.client.HTTPSConnection("127.0.0.1", world.edge_port, timeout=30,
                                             context=wire.trust_context(world.trust_file()))
    connection.set_tunnel("api.openai.com", 443)
    for count in (1, 2, 3):
        connection.request("POST", "/v1/chat/completions", json.dumps(GPT))
        answer = connection.getresponse()
        equal(answer.status, 200, "status")
        answer.read()
        world.wait_rows(count)
    connection.close()


def test_node_is_metered(world):
    world.start()
    done = world.node("call.mjs", world.edge_port, "https://api.anthropic.com/v1/messages",
                      world.trust_file(), json.dumps(streaming(CLAUDE)), "3")
    equal(done.returncode, 0, f"exit code of node ({done.error[-500:]})")
    equal(done.text.count("message_stop"), 6, "message_stop events (name and data) seen by node")
    for row in world.wait_rows(3):
        expect_row(row, tokens_complete=1, input_tokens=25)


def test_all_provider_hosts_are_intercepted(world):
    world.start()
    for host in PROVIDER_HOSTS:
        check(world.is_metering(host), f"{host} is not intercepted")
    equal(world.rows(), [], "rows")
    equal(eventually(lambda: world.health(), "health"), 200, "health")
