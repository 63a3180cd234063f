"""The HTTP API: its answers are as described, its questions may be hostile, its live feed is live."""
import contextlib
import csv
import http.server
import io
import json
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import threading

from rig import wire
from rig.api_client import Api, Live, validate
from rig.check import Skipped, check, equal, eventually

CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 10,
          "messages": [{"role": "user", "content": "hi"}]}
GPT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def make_calls(world):
    """A few of each kind; how many rows that makes."""
    world.call("POST", "/v1/messages", CLAUDE,
               headers={"user-agent": "claude-cli/2.1.0 (external, cli)",
                        "x-claude-code-session-id": "11111111-2222-4333-8444-555555555555"})
    world.call("POST", "/v1/messages", {**CLAUDE, "stream": True})
    world.call("POST", "/v1/chat/completions", GPT, "api.openai.com")
    world.call("POST", "/v1/messages", CLAUDE,
               headers={"x-test-status": "429", "x-test-error": "rate_limit_error"})
    world.call("POST", "/v1/messages", CLAUDE, headers={"x-test-model": "claude-of-tomorrow"})
    return len(world.wait_rows(5))


def token_of(world):
    return (world.home / "api-token").read_text().strip()


def ask_raw(world, request):
    """What a connection is answered with, until it ends."""
    with socket.create_connection(("127.0.0.1", world.api_port), 10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return wire.read_all(connection)


def test_every_answer_is_as_described(world):
    world.start()
    count = make_calls(world)
    api = Api(world)
    row = world.rows()[0]
    session = next(r["session_id"] for r in world.rows() if r["session_id"])
    slug = row["project_slug"]
    for path in ["/health", "/v1/daemon/status", "/v1/projects", f"/v1/projects/{slug}",
                 f"/v1/projects/{slug}/stats", f"/v1/projects/{slug}/stats?since=2026-01-01",
                 f"/v1/projects/{slug}/requests", f"/v1/projects/{slug}/requests?limit=2",
                 "/v1/stats", "/v1/stats?zone=local", "/v1/usage", "/v1/usage?by=hour,model",
                 "/v1/usage?by=project,provider,model,tool,billing", "/v1/requests",
                 f"/v1/requests/{row['id']}", "/v1/sessions", f"/v1/sessions/{session}",
                 "/v1/tools", "/v1/errors", "/v1/passthrough", "/v1/limits", "/v1/prices",
                 "/v1/prices?used=1", "/v1/pricing-rates", "/v1/policies", "/v1/budgets",
                 "/v1/audit", "/v1/doctor", "/v1/cloud/state", "/metrics", "/v1/openapi.json",
                 f"/v1/projects/{slug}/requests.csv", "/v1/requests.csv"]:
        api.get(path)
    # Every route was asked, but those that change, those for the token, and the feed.
    described = {path for path, operations in api.document["paths"].items()
                 if "get" in operations and "security" not in operations["get"]}
    equal(described - {template for _, template, _ in api.validated}, {"/v1/live"}, "not asked")
    for alias, template in (("/api/projects", "/v1/projects"), ("/api/calls", "/v1/requests"),
                            ("/api/pricing", "/v1/prices"),
                            (f"/api/projects/{slug}/requests.csv",
                             "/v1/projects/{slug}/requests.csv")):
        api.get(alias, template=template)
    stats = api.get("/v1/stats")
    equal(stats["summary"]["total_requests"], count, "requests")
    equal(stats["summary"]["unpriced_requests"], 1, "unpriced")
    total = sum(r["cost_nanousd"] or 0 for r in world.rows())
    equal(stats["summary"]["total_cost_nanousd"], total, "the cost to the nano-dollar")
    one = api.get(f"/v1/requests/{row['id']}")
    equal(one["explanation"]["cost_nanousd"], row["cost_nanousd"], "the explained cost")
    check(len(one["explanation"]["text"]) > 3, "an explanation has lines")


def test_the_documented_contract(world):
    """The keys that existing dashboards read, as they are published."""
    world.start()
    make_calls(world)
    api = Api(world)
    projects = api.get("/v1/projects")
    check(isinstance(projects, list), "projects are a bare list")
    check({"id", "name", "slug", "created_at", "archived_at", "stats"} <= set(projects[0]), "project")
    check({"requests_this_month", "cost_usd_this_month_minor_units",
           "previous_month_cost_usd_minor_units", "all_time_cost_usd_minor_units",
           "all_time_requests", "last_active_at", "primary_model", "primary_provider", "top_model",
           "top_provider"} <= set(projects[0]["stats"]), "stats of a project")
    stats = api.get("/v1/stats?since=2026-01-01")
    check({"total_requests", "total_input_tokens", "total_output_tokens", "total_thinking_tokens",
           "total_cache_read_tokens", "total_cache_write_tokens", "total_cost_usd_minor_units",
           "cache_hit_rate", "active_projects", "models_in_use",
           "last_request_at"} <= set(stats["summary"]), "summary")
    check({"date", "requests", "cost_usd_minor_units"} <= set(stats["by_day"][0]), "by_day")
    check({"date", "provider", "requests", "cost_usd_minor_units"} <=
          set(stats["by_day_by_provider"][0]), "by_day_by_provider")
    check({"provider", "requests", "cost_usd_minor_units"} <= set(stats["by_provider"][0]),
          "by_provider")
    check({"provider", "model", "requests", "input_tokens", "output_tokens",
           "cost_usd_minor_units"} <= set(stats["by_model"][0]), "by_model")
    page = api.get(f"/v1/projects/{projects[0]['slug']}/requests?limit=20")
    equal(set(page), {"items", "next_cursor", "total"}, "a page")
    check({"id", "provider", "model", "mode", "input_tokens", "output_tokens", "thinking_tokens",
           "cache_read_tokens", "cache_write_tokens", "cost_usd_minor_units", "latency_ms",
           "tokens_complete", "requested_at", "status"} <= set(page["items"][0]), "an item")
    times = [item["requested_at"] for item in page["items"]]
    equal(times, sorted(times, reverse=True), "newest first, as texts")
    check({"last_seen_at", "request_count_last_hour"} <= set(api.get("/v1/daemon/status")), "status")
    equal(api.get("/health")["status"], "ok", "health")


def test_csv_is_what_a_csv_reader_reads(world):
    world.start()
    for model in ("we,ird model", "=cmd()", "plain"):
        world.call("POST", "/v1/messages", CLAUDE, headers={"x-test-model": model})
    rows = world.wait_rows(3)
    api = Api(world)
    _, headers, data = api.ask("/v1/requests.csv")
    check("attachment" in headers["Content-Disposition"], "an attachment")
    check(data.count(b"\r\n") >= 4 and b"\n\n" not in data, "CRLF ends")
    found = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    equal([r["id"] for r in found], [r["id"] for r in reversed(rows)], "newest first")
    equal({r["model"] for r in found}, {"we,ird model", "'=cmd()", "plain"}, "models")
    for line, row in zip(found, reversed(rows)):
        equal(line["input_tokens"], str(row["input_tokens"]), "tokens")
        equal(line["cost_nanousd"],
              "" if row["cost_nanousd"] is None else str(row["cost_nanousd"]), "cost")


def test_cursors_stay_valid_while_calls_come_in(world):
    world.start()
    for number in range(12):
        world.call("POST", "/v1/messages", CLAUDE, headers={"x-test-model": f"old-{number:02}"})
    world.wait_rows(12)
    api = Api(world)
    seen, cursors, cursor = [], [], ""
    while True:
        page = api.get(f"/v1/requests?limit=3{cursor}")
        seen += [item["model"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursors.append(page["next_cursor"])
        cursor = "&cursor=" + page["next_cursor"]
        world.call("POST", "/v1/messages", CLAUDE, headers={"x-test-model": "new"})
        world.wait_rows(12 + len(cursors))
    equal(seen, [f"old-{number:02}" for number in reversed(range(12))], "each once, none new")
    # Walking back: an earlier cursor gives the same page again.
    again = api.get(f"/v1/requests?limit=3&cursor={cursors[0]}")
    equal([item["model"] for item in again["items"]], seen[3:6], "the second page again")


def test_wrong_and_hostile_questions_have_clear_answers(world):
    world.start()
    make_calls(world)
    api = Api(world)
    for path in ("/v1/projects/nobody", "/v1/projects/nobody/stats", "/v1/projects/no/body/requests",
                 "/v1/projects/nobody/requests.csv", "/v1/requests/none", "/v1/sessions/none",
                 "/v1/projects/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/v1/projects/%00",
                 "/v1/projects/%ff%fe", "/v1/requests/%27%20OR%201=1--"):
        status, _, data = api.ask(path)
        equal(status, 404, path)
        check(isinstance(data["detail"], str), "a sentence")
    for path in ("/v1/stats?since=yesterday", "/v1/requests?limit=0", "/v1/requests?limit=201",
                 "/v1/requests?limit=1e3", "/v1/requests?cursor=%00%00", "/v1/requests?cursor=abc",
                 "/v1/usage?by=sql", "/v1/stats?since=2026-01-01%27%3B%20DROP%20TABLE%20requests"):
        status, _, data = api.ask(path)
        equal(status, 422, path)
        check(data["detail"] and isinstance(data["detail"][0]["loc"], list), "a list of what is wrong")
    for path, wanted in (("/v1/nothing", 404), ("/v1/stats/", 404), ("/../../etc/passwd", 404),
                         ("/v1/%zz", 400), ("/v1/stats?a=%", 400), ("/" + "a" * 9000, 400),
                         ("/v1/stats?" + "a=b&" * 100, 400)):
        status, body = world.get_api(path)
        equal(status, wanted, path[:60])
        check("detail" in json.loads(body), "JSON with a detail")
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"):
        head = ask_raw(world, f"{method} /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        check(head.startswith(b"HTTP/1.1 405 ") and b"\r\nAllow: GET, HEAD\r\n" in head, method)
    head = ask_raw(world, b"HEAD /v1/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 200 ") and head.endswith(b"\r\n\r\n"), "HEAD has no body")
    # What is no request of ours ends its own connection and nothing else.
    for request in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200 + b"\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
                    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    b"POST /v1/policies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"):
        try:
            answer = ask_raw(world, request)
        except OSError:
            answer = b""
        check(not answer.startswith(b"HTTP/1.1 200"), lambda: f"{request[:40]!r} was answered")
    equal(world.health(), 200, "health")


def test_only_loopback_names_and_known_origins(world):
    world.start()
    for host, wanted in (("127.0.0.1", 200), ("localhost:8765", 200), ("[::1]:1", 200),
                         ("evil.example", 403), ("evil.example:8765", 403), ("", 403),
                         ("127.0.0.1.evil.example", 403), ("localhost.evil.example", 403),
                         ("0.0.0.0", 403), ("169.254.169.254", 403)):
        for path in ("/health", "/v1/stats", "/", "/metrics", "/v1/live"):
            if wanted == 200 and path == "/v1/live":
                continue
            answer = ask_raw(world, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n"
                                    "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n".encode())
            equal(int(answer.split()[1]), wanted, f"{path} for {host!r}")
    for more in ("", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nHost: evil.example\r\n"):
        answer = ask_raw(world, f"GET /health HTTP/1.1\r\n{more}Connection: close\r\n\r\n".encode())
        check(answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 ")), lambda: f"{more!r}: {answer[:40]!r}")
    answer = ask_raw(world, b"GET http://evil.example/v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check(answer.startswith(b"HTTP/1.1 404 "), "another server's address")
    # CORS for the list, which has one by default.
    def cors(origin, method="GET", path="/v1/stats", more=""):
        answer = ask_raw(world, f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {origin}\r\n"
                                f"{more}Connection: close\r\n\r\n".encode()).lower()
        return b"\r\naccess-control-allow-origin: " + origin.lower().encode() + b"\r\n" in answer
    check(cors("http://localhost:3000"), "the documented dashboard reads")
    check(cors("http://localhost:3000", "OPTIONS"), "and may ask before")
    for origin in ("http://localhost:3001", "https://localhost:3000", "https://evil.example", "null"):
        check(not cors(origin), origin)
        check(not cors(origin, "OPTIONS"), origin)


def test_the_hosted_dashboard_learns_that_there_is_no_cloud(world):
    """It may ask those two routes from its origin, with the preflight of private networks."""
    world.start()
    hosted = "https://app.haltonmeter.com"

    def ask(method, path, origin=hosted, more=""):
        answer = ask_raw(world, f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {origin}\r\n"
                                f"Sec-Fetch-Site: cross-site\r\n{more}Content-Length: 2\r\n"
                                "Connection: close\r\n\r\n{}".encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode().lower(), body

    status, head, body = ask("OPTIONS", "/v1/cloud/connect",
                             more="Access-Control-Request-Method: POST\r\n"
                                  "Access-Control-Request-Private-Network: true\r\n")
    equal(status, 204, "the preflight")
    for wanted in (f"access-control-allow-origin: {hosted}", "access-control-allow-methods: get, head, post",
                   "access-control-allow-private-network: true"):
        check(wanted in head.split("\r\n"), wanted)
    status, head, body = ask("GET", "/v1/cloud/state")
    equal((status, json.loads(body)["state"]), (200, "NOT-CONFIGURED"), "the state")
    check(f"access-control-allow-origin: {hosted}" in head, "and it may read that")
    status, head, body = ask("POST", "/v1/cloud/connect")
    equal(status, 501, "there is nothing to pair with")
    check("no cloud" in json.loads(body)["detail"] and f"allow-origin: {hosted}" in head, "it says so")
    for method, path in (("GET", "/v1/stats"), ("GET", "/v1/projects"), ("POST", "/v1/policies"),
                         ("GET", "/health"), ("OPTIONS", "/v1/stats")):
        status, head, _ = ask(method, path)
        equal(status, 403, f"{method} {path}")
        check("allow-origin" not in head, path)
    equal(ask("POST", "/v1/cloud/connect", "https://evil.example")[0], 403, "another page")


def test_changes_need_the_token(world):
    world.start()
    make_calls(world)
    api = Api(world)
    mode = stat.S_IMODE((world.home / "api-token").stat().st_mode)
    equal(mode, 0o600, "mode of the token's file")
    token = token_of(world)
    slug = world.rows()[0]["project_slug"]
    path = f"/v1/projects/{slug}"
    before = api.get(path)
    for wrong in (None, "x", token[:-1], token + "0", "0" * 64):
        equal(api.ask(path, "PATCH", {"archived": True}, token=wrong)[0], 401, f"token {wrong}")
    for headers in ({"Origin": "http://localhost:3000"}, {"Origin": "https://evil.example"},
                    {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}):
        status = ask_raw(world, (f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 17\r\n"
                                 f"Content-Type: application/json\r\nX-Halton-Token: {token}\r\n" +
                                 "".join(f"{k}: {v}\r\n" for k, v in headers.items()) +
                                 '\r\n{"archived":true}').encode()).split()[1]
        equal(status, b"403", f"{headers}")
    equal(api.get(path), before, "the project")
    equal(api.ask(path, "PATCH", {"name": 7}, token=token)[0], 422, "a name that is a number")
    status, _, after = api.ask(path, "PATCH", {"name": "Named", "archived": True}, token=token)
    equal((status, after["name"], after["archived_at"] is None), (200, "Named", False), "the change")
    own = f"http://127.0.0.1:{world.api_port}"
    equal(api.ask(path, "PATCH", {"archived": False}, token=token, headers={"Origin": own})[0], 200,
          "from our own page")
    status, _, policy = api.ask("/v1/policies", "POST", {"name": "cap", "kind": "budget",
                                                         "limit_usd": "5", "period": "day"},
                                token=token)
    equal(status, 200, "a new budget")
    equal(api.get("/v1/budgets")["items"][0]["limit_usd_minor_units"], 500_000, "its limit")
    equal(api.ask(f"/v1/policies/{policy['id']}", "PATCH", {"enabled": False}, token=token)[0], 200,
          "switched off")
    equal(api.ask(f"/v1/policies/{policy['id']}", "DELETE", token=token)[0], 200, "removed")
    check({"policy.created", "project.archived"} <=
          {event["event_type"] for event in api.get("/v1/audit")["items"]}, "all of it in the audit")
    # A second daemon of the home has the same token, and no log has it.
    world.daemon.stop()
    world.start_daemon()
    equal(token_of(world), token, "the token stays")
    for file in world.home.rglob("*"):
        if file.is_file() and file.name != "api-token":
            check(token.encode() not in file.read_bytes(), f"{file.name} holds the token")
    check(token not in world.daemon.log() + world.edge.log(), "a log holds the token")


def test_the_live_feed_is_live(world):
    world.start()
    api = Api(world)
    live = Live(world.api_port)
    equal(live.status, 200, "status")
    check(b"text/event-stream" in live.head, "content type")
    schemas = api.document["components"]["schemas"]
    name, _, data = live.next()
    equal(name, "hello", "first event")
    validate(data, schemas["LiveHello"], api.document, "hello")
    # A call that takes its time is seen to run, and then to have ended.
    caller = threading.Thread(target=world.call, args=("POST", "/v1/messages", {**CLAUDE, "stream": True}),
                              kwargs={"headers": {"x-test-delay-event-ms": "150"}}, daemon=True)
    caller.start()
    while True:
        name, event_id, data = live.next()
        if name == "state" and data["running_calls"] == 1:
            validate(data, schemas["LiveState"], api.document, "state")
            break
        check(name != "call", "the call ended and was never seen to run")
    _, event_id, data = live.next("call")
    validate(data, schemas["Request"], api.document, "call")
    row = world.wait_row()
    equal((event_id, data["id"]), (row["id"], row["id"]), "the row's id")
    equal(data, api.get("/v1/requests")["items"][0], "the event and the row of the list")
    # Who comes back has missed nothing.
    live.close()
    world.call("POST", "/v1/messages", CLAUDE)
    world.wait_rows(2)
    back = Live(world.api_port, f"Last-Event-ID: {event_id}\r\n")
    equal(back.next("hello")[2]["resumed"], True, "it is known where it was")
    check(back.next("call")[1] in [r["id"] for r in world.rows()], "what it missed")
    stranger = Live(world.api_port, "Last-Event-ID: none\r\n")
    equal(stranger.next("hello")[2]["resumed"], False, "an id of nobody")


def test_sixty_four_readers_and_reports_do_not_hold_up_health(world):
    world.start()
    make_calls(world)
    readers = [Live(world.api_port) for _ in range(64)]
    for reader in readers:
        reader.next("hello")
    stop = threading.Event()
    failed = []

    def report():
        while not stop.is_set():
            for path in ("/v1/stats", "/v1/projects", "/v1/requests.csv", "/v1/usage?by=day,model"):
                if world.get_api(path)[0] != 200:
                    failed.append(path)

    reporters = [threading.Thread(target=report, daemon=True) for _ in range(4)]
    for reporter in reporters:
        reporter.start()
    for number in range(20):
        equal(world.health(), 200, "health")
        answer = world.call("POST", "/v1/messages", CLAUDE, headers={"x-test-model": f"m-{number}"})
        check(answer.is_metered, "the call was not metered")
    stop.set()
    for reporter in reporters:
        reporter.join(30)
    equal(failed, [], "failed reports")
    for reader in readers:
        equal([reader.next("call")[2]["model"] for _ in range(20)],
              [f"m-{number}" for number in range(20)], "every reader has every call, in order")
    check(b"halton_meter_live_readers 64\n" in world.get_api("/metrics")[1], "64 readers")
    for reader in readers:
        reader.close()


def test_a_crowd_of_slow_clients_keeps_nobody_out(world):
    world.start()
    crowd = []
    for number in range(400):
        connection = socket.create_connection(("127.0.0.1", world.api_port), 10)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: loc" if number % 2 else b"")
        crowd.append(connection)
    for _ in range(20):
        equal(world.health(), 200, "health beside the crowd")
    answer = world.call("POST", "/v1/messages", CLAUDE)
    check(answer.is_metered, "the edge took the daemon for hung")
    for connection in crowd:
        connection.close()


def test_a_query_ends_when_its_client_leaves(world):
    """A reader's thread is free again for others, however many asked and left."""
    world.start()
    make_calls(world)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", world.api_port), 10) as connection:
            connection.sendall(b"GET /v1/requests.csv HTTP/1.1\r\nHost: localhost\r\n\r\n"
                               b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
    api = Api(world)
    equal(api.get("/v1/stats")["summary"]["total_requests"], 5, "requests")


def test_without_and_with_a_broken_database(world):
    world.start()
    make_calls(world)
    api = Api(world)
    # Another program holds the file as it likes: readers do not mind.
    with sqlite3.connect(world.database, timeout=10) as other:
        other.execute("begin immediate")
        equal(api.get("/v1/stats")["summary"]["total_requests"], 5, "beside a writer")
        other.rollback()
    world.database.rename(world.home / "elsewhere.sqlite")
    status, _, data = api.ask("/v1/stats")
    check(status in (200, 503), lambda: f"{status} {data}")
    equal(world.health(), 200, "health needs no database")
    equal(api.get("/v1/daemon/status")["state"], "ok", "status neither")


def test_reports_end_in_time_for_a_restart(world):
    """A daemon that leaves its calls to a child lets go of the database first."""
    world.start_provider()
    world.write_config()
    world.start_edge()
    world.start_daemon("--drain-in-child")
    world.wait_metering()
    make_calls(world)
    live = Live(world.api_port)
    live.next("hello")
    answer = []
    slow = threading.Thread(target=lambda: answer.append(world.call(
        "POST", "/v1/messages", {**CLAUDE, "stream": True},
        headers={"x-test-delay-event-ms": "300"}, timeout_s=60)), daemon=True)
    slow.start()
    while live.next("state")[2]["running_calls"] == 0:
        pass

    def report():
        with contextlib.suppress(OSError):  # the daemon goes in the middle of it
            world.get_api("/v1/stats")

    reports = [threading.Thread(target=report, daemon=True) for _ in range(4)]
    for report in reports:
        report.start()
    equal(world.daemon.stop(), 0, "its exit code")
    world.start_daemon("--drain-in-child")
    slow.join(60)
    equal(answer[0].status, 200, "the call that ran")
    world.wait_rows(6)
    equal(json.loads(world.get_api("/v1/stats")[1])["summary"]["total_requests"], 6, "its row")


# Prometheus ------------------------------------------------------------------------------------

def test_prometheus_takes_the_metrics(world):
    if not shutil.which("promtool") or not shutil.which("prometheus"):
        raise Skipped("no prometheus here")
    world.start()
    make_calls(world)
    text = world.get_api("/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          timeout=30)
    equal((done.returncode, done.stdout + done.stderr), (0, b""), "promtool check metrics")
    folder = world.directory / "prometheus"
    folder.mkdir()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: halton\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{world.api_port}']\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
         f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=world.environment())
    world.on_close(server.kill)

    def query(expression):
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(f"GET /api/v1/query?query={expression} HTTP/1.0\r\n\r\n".encode())
            return json.loads(wire.read_all(connection).split(b"\r\n\r\n", 1)[1])["data"]["result"]

    eventually(lambda: [found["value"][1] for found in query("up")] == ["1"],
               "Prometheus has scraped us", limit_s=40)
    found = eventually(lambda: query("sum(halton_meter_requests_total)"), "the calls", limit_s=20)
    equal(found[0]["value"][1], "5", "calls")


# Pages of other origins, in a real browser -----------------------------------------------------

PAGE = """<!doctype html><title>other</title><pre id=out>running</pre><script>
const api = "%(api)s", token = "%(token)s", out = {};
async function attempt(name, act) {
  try { out[name] = "done: " + String(await act()).slice(0, 200); }
  catch (error) { out[name] = "failed"; }
}
const load = (tag, url) => new Promise((resolve, reject) => {
  const one = document.createElement(tag);
  one.onload = () => resolve("loaded"); one.onerror = () => reject("error");
  if (tag === "link") { one.rel = "stylesheet"; one.href = url; } else one.src = url;
  document.body.append(one);
});
const stream = () => new Promise((resolve, reject) => {
  const source = new EventSource(api + "/v1/live");
  source.addEventListener("hello", () => { source.close(); resolve("hello"); });
  source.onerror = () => { source.close(); reject("error"); };
});
const json = {"Content-Type": "application/json", "X-Halton-Token": token};
(async () => {
  for (const path of ["/health", "/v1/stats", "/v1/projects", "/metrics", "/v1/requests.csv"]) {
    await attempt("read " + path, async () => (await fetch(api + path)).text());
    await attempt("opaque " + path,
                  async () => (await fetch(api + path, {mode: "no-cors"})).text());
  }
  await attempt("stream", stream);
  await attempt("script", () => load("script", api + "/v1/stats"));
  await attempt("image", () => load("img", api + "/metrics"));
  await attempt("style", () => load("link", api + "/v1/stats"));
  for (const method of ["PATCH", "POST", "PUT", "DELETE"])
    await attempt("write " + method, async () => {
      const answer = await fetch(api + "/v1/projects/%(slug)s",
                                 {method, headers: json, body: '{"archived":true}'});
      return answer.status;
    });
  await attempt("simple", async () => (await fetch(api + "/v1/policies",
      {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"},
       body: '{"name":"evil","kind":"model","action":"block"}'})).type);
  await attempt("beacon", () => navigator.sendBeacon(api + "/v1/policies", new Blob(
      ['{"name":"evil","kind":"model","action":"block"}'], {type: "text/plain"})));
  document.getElementById("out").textContent = JSON.stringify(out);
})();
</script>"""


class PageServer:
    """Serves one page on an origin of its own."""

    def __init__(self):
        self.page = ""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = outer.page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def browse(world, url):
    """What the page found out, as it wrote it down."""
    profile = world.directory / "chromium"
    done = world.execute(
        [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", f"--user-data-dir={profile}",
         "--virtual-time-budget=20000", "--dump-dom", url], limit_s=120)
    found = re.search(r"<pre id=\"out\">(.*?)</pre>", done.text, re.S)
    check(found and found.group(1) != "running",
          lambda: f"the page has not finished: {done.text[-500:]} {done.error[-500:]}")
    text = found.group(1)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return json.loads(text)


def test_pages_of_other_origins_read_and_write_nothing(world):
    if not shutil.which("chromium"):
        raise Skipped("no chromium here")
    server = PageServer()
    # One listed origin, so that it is seen that a page can read at all.
    world.start(config=f'[cors]\nallow_origins = ["http://127.0.0.1:{server.port}"]\n')
    make_calls(world)
    slug = world.rows()[0]["project_slug"]
    api = Api(world)
    before = api.get(f"/v1/projects/{slug}"), api.get("/v1/policies")
    address = f"http://127.0.0.1:{world.api_port}"
    # Even with the token, which no page of others has.
    server.page = PAGE % {"api": address, "token": token_of(world), "slug": slug}
    found = browse(world, f"http://localhost:{server.port}/")
    got = {name: what for name, what in found.items()
           if what != "failed" and not (name.startswith("opaque") and what == "done: ")
           and name not in ("simple", "beacon")}
    equal(got, {}, "what a page of another site got")
    equal((api.get(f"/v1/projects/{slug}"), api.get("/v1/policies")), before, "what it changed")

    found = browse(world, f"http://127.0.0.1:{server.port}/")
    for name in ("read /v1/stats", "read /health", "stream"):
        check(found[name].startswith("done: "), lambda: f"a listed page: {name} {found[name]}")
    check("total_requests" in found["read /v1/stats"], "what it read")
    for name, what in found.items():
        if name.startswith("write"):
            equal(what, "failed", f"a listed page: {name}")
    equal((api.get(f"/v1/projects/{slug}"), api.get("/v1/policies")), before, "what it changed")
