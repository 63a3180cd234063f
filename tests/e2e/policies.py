"""Policies, budgets and the audit: what is blocked never leaves, what is not is not touched, and
nothing that is wrong with a policy stops a call."""
import json
import os
import sqlite3
import stat
import time

import byte_identity
from rig import wire
from rig.check import check, equal, eventually

HOST = "api.anthropic.com"
OPUS = {"model": "claude-opus-4-1", "max_tokens": 10,
        "messages": [{"role": "user", "content": "a secret of mine"}]}
HAIKU = {**OPUS, "model": "claude-haiku-4-5"}


def run(world, *arguments, code=0):
    done = world.run(*arguments)
    equal(done.returncode, code, f"{' '.join(arguments)}: {done.error[:300]}")
    return done.text


def run_json(world, *arguments, code=0):
    return json.loads(run(world, *arguments, "--json", code=code))


def audit(world, kind=""):
    """Events of that kind, the oldest first."""
    return run_json(world, "audit", *(["--type", kind] if kind else []))["items"][::-1]


def block(world, name="no opus", *arguments, body=OPUS, host=HOST, path="/v1/messages"):
    """Adds a policy that blocks, and waits until the daemon goes by it."""
    wait_database(world)
    run(world, "policy", "add", name, "--action", "block", *(arguments or ["--model",
                                                                           "claude-opus-*"]))
    eventually(lambda: world.call("POST", path, body, host).status == 403,
               "the policy holds", pause_s=0.1)
    world.seen_before = len(world.provider.ledger())


def wait_database(world):
    """The writer's thread makes it a moment after the daemon's start."""
    eventually(lambda: world.database.exists() and audit(world, "daemon.started"),
               "the daemon's start is in the audit", pause_s=0.1)


def blocked_rows(world):
    return [row for row in world.rows() if row["status"] == "blocked"]


def seen(world, model):
    """What the provider has seen for that model since the policy holds."""
    lines = world.provider.ledger()[world.seen_before:]
    return [line for line in lines if model in json.dumps(line)]


def open_tls(world, host=HOST):
    return wire.start_tls(wire.open_tunnel(world.edge_port, f"{host}:443"), host,
                          world.trust_file())


def post(body, headers="", path="/v1/messages", host=HOST):
    data = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n{headers}\r\n").encode() + data


ENVELOPES = [
    # host, path, body, the words of its error
    (HOST, "/v1/messages", OPUS, lambda e: (e["type"], e["error"]["type"]) ==
     ("error", "permission_error")),
    ("api.openai.com", "/v1/chat/completions", {"model": "gpt-4o", "messages": []},
     lambda e: e["error"]["code"] == "blocked_by_policy" and e["error"]["param"] is None),
    ("api.openai.com", "/v1/responses", {"model": "gpt-4o", "input": "x"},
     lambda e: e["error"]["type"] == "permission_error"),
    ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:generateContent",
     {"contents": []}, lambda e: (e["error"]["code"], e["error"]["status"]) ==
     (403, "PERMISSION_DENIED")),
    ("api.x.ai", "/v1/chat/completions", {"model": "grok-3", "messages": []},
     lambda e: "halton-meter" in e["error"]["message"]),
]


def test_a_blocked_call_is_refused_as_its_provider_would(world):
    world.start()
    block(world, "nothing at all", "--priority", "1")
    before = len(world.provider.ledger())
    for host, path, body, is_right in ENVELOPES:
        answer = world.call("POST", path, body, host)
        equal(answer.status, 403, f"status of {host}")
        check(is_right(json.loads(answer.body)), f"{host}{path}: {answer.body!r}")
        equal(answer.header("content-type"), "application/json", "content type")
        equal(answer.header("x-should-retry"), "false", "x-should-retry")
        check(b"nothing at all" in answer.body, "the policy is not named")
    equal(len(world.provider.ledger()), before, "requests that reached the provider")
    rows = eventually(lambda: len(blocked_rows(world)) > len(ENVELOPES) and blocked_rows(world),
                      "rows of blocked calls")
    for row in rows:
        equal([row[c] for c in ("input_tokens", "output_tokens", "thinking_tokens",
                                "cache_read_tokens", "cost_nanousd", "http_status")],
              [0, 0, 0, 0, 0, 403], "row of a blocked call")
    equal({row["model"] for row in rows},
          {"claude-opus-4-1", "gpt-4o", "gemini-2.5-pro", "grok-3"},
          "models of blocked calls")


def test_the_audit_tells_who_blocked_what(world):
    world.start()
    block(world, "no opus", "--model", "claude-opus-*", "--provider", "anthropic")
    equal(world.call("POST", "/v1/messages", HAIKU).status, 200, "another model")
    policies = json.loads(world.run("status", "--json").text)["policies"]
    equal([policies[key] for key in ("state", "active", "blocking")], ["ok", 1, 1], "status")
    events = eventually(lambda: audit(world, "policy.blocked"), "an event")
    rows = {row["id"]: row for row in blocked_rows(world)}
    event = events[-1]
    check(event["request_id"] in rows, "the event names its row")
    equal(event["project"], rows[event["request_id"]]["project_slug"], "project")
    equal(event["detail"]["policy"], "no opus", "policy")
    equal(event["detail"]["model"], "claude-opus-4-1", "model")
    types = [e["type"] for e in audit(world)]
    check("daemon.started" in types and "policy.created" in types and
          "pricing.bundle_changed" in types, f"events: {types}")
    run(world, "policy", "disable", "no opus")
    run(world, "policy", "remove", "no opus")
    equal([e["type"] for e in audit(world, "policy.")][-2:], ["policy.changed", "policy.removed"],
          "the last events")
    text = json.dumps(audit(world)) + run(world, "audit")
    check("a secret of mine" not in text, "a prompt stands in the audit")
    equal(len(run_json(world, "audit", "--since", "1h", "--type", "policy.created",
                       "--project", "none-such")["items"]), 0, "events of no project")
    with sqlite3.connect(world.database) as database:
        try:
            database.execute("delete from audit_events")
            check(False, "an event could be taken away")
        except sqlite3.DatabaseError:
            pass


def test_the_connection_goes_on_after_a_block(world):
    world.start()
    block(world)
    with open_tls(world) as tls:
        rest = b""
        for number, (body, status) in enumerate([(HAIKU, 200), (OPUS, 403), (HAIKU, 200),
                                                 (OPUS, 403), (OPUS, 403), (HAIKU, 200)]):
            tls.sendall(post(body))
            head, answer, rest = wire.read_answer(tls, "POST", rest)
            equal(wire.status_of(head), status, f"answer {number}")
            check((status == 200) == (b'"usage"' in answer), f"answer {number} is {answer[:80]!r}")
        # All at once, and a refusal in the middle.
        tls.sendall(post(HAIKU, "x-test-delay-head-ms: 200\r\n") + post(OPUS) + post(HAIKU) +
                    post(OPUS) + post(HAIKU))
        found = []
        for _ in range(5):
            head, answer, rest = wire.read_answer(tls, "POST", rest)
            found.append(wire.status_of(head))
        equal(found, [200, 403, 200, 403, 200], "pipelined answers")
    check(not seen(world, "opus"), "something of a blocked call reached the provider")


def test_bodies_of_every_form_are_judged(world):
    world.start()
    block(world)
    # The model behind two megabytes; in chunks; compressed is read as well.
    large = {"messages": [{"role": "user", "content": "p" * 2_000_000}], "model": "claude-opus-4-1"}
    good = {**large, "model": "claude-haiku-4-5"}
    equal(world.call("POST", "/v1/messages", large).status, 403, "a large one")
    equal(world.call("POST", "/v1/messages", good).status, 200, "a large good one")
    data = json.dumps(OPUS).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[i:i + 7]), data[i:i + 7])
                      for i in range(0, len(data), 7)) + b"0\r\n\r\n"
    head = f"POST /v1/messages HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n"
    with open_tls(world) as tls:
        tls.sendall(head.encode() + b"\r\n")
        for at in range(0, len(chunks), 50):
            tls.sendall(chunks[at:at + 50])
        answer, _, rest = wire.read_answer(tls, "POST")
        equal(wire.status_of(answer), 403, "a chunked one")
        # Expect: 100-continue, asked for by us, since the model is in the body.
        data = json.dumps(OPUS).encode()
        tls.sendall(post(OPUS, "Expect: 100-continue\r\n")[:-len(data)])
        interim, rest = wire.read_head(tls)
        equal(wire.status_of(interim), 100, "the interim answer")
        tls.sendall(data)
        answer, _, rest = wire.read_answer(tls, "POST", rest)
        equal(wire.status_of(answer), 403, "one that waited for a 100")
        tls.sendall(post(HAIKU))
        answer, _, rest = wire.read_answer(tls, "POST", rest)
        equal(wire.status_of(answer), 200, "the next one")
    check(not seen(world, "opus"), "something of a blocked call reached the provider")


def test_curl_python_and_node_read_the_refusal(world):
    world.start()
    block(world)
    body = json.dumps(OPUS)
    done = world.curl(f"https://{HOST}/v1/messages", "-w", "\n%{http_code} %{http_version}",
                      "-H", "content-type: application/json", "-d", body)
    equal(done.text.split("\n")[-1].split()[0], "403", "curl")
    equal(json.loads(done.text.rsplit("\n", 1)[0])["error"]["type"], "permission_error", "curl's body")
    # curl asks for a 100 before a large body, and stops sending where it is refused.
    file = world.directory / "large.json"
    file.write_text(json.dumps({**OPUS, "messages": ["x" * 3_000_000]}))
    done = world.curl(f"https://{HOST}/v1/messages", "-w", "\n%{http_code}", "-d", f"@{file}",
                      "-H", "Expect: 100-continue")
    equal(done.text.split("\n")[-1], "403", "curl with a large body")
    done = world.curl(f"https://{HOST}/v1/messages", "-w", "\n%{http_code}", "-d",
                      json.dumps(HAIKU))
    equal(done.text.split("\n")[-1], "200", "curl, another model")
    # One that would speak HTTP/2 speaks HTTP/1.1 here.
    world_environment = world.environment(CURL_CA_BUNDLE=world.trust_file(),
                                          HTTPS_PROXY=f"http://127.0.0.1:{world.edge_port}")
    done = world.execute(["curl", "-sS", "--http2", "-w", "\n%{http_code} %{http_version}", "-d",
                          body, f"https://{HOST}/v1/messages"], environment=world_environment)
    equal(done.text.split("\n")[-1], "403 1.1", "curl with HTTP/2")
    if world.has_program("node"):
        done = world.node("call.mjs", world.edge_port, f"https://{HOST}/v1/messages",
                          world.trust_file(), body, 2)
        check("permission_error" in done.text, f"node got {done.text[:200]} {done.error[:200]}")
    check(not seen(world, "opus"), "something of a blocked call reached the provider")


def test_bytes_pass_the_gate_as_they_came(world):
    comparison = byte_identity.Comparison(world)
    wait_database(world)
    run(world, "policy", "add", "never", "--action", "block", "--model", "never-*")
    eventually(lambda: world.call("POST", "/v1/messages", {"model": "never-1"}).status == 403,
               "the policy holds", pause_s=0.1)
    comparison.seen_count = len(world.provider.ledger())
    for name, request in byte_identity.REQUESTS.items():
        comparison.compare(request, name)
        if len(request) < 2000:
            comparison.compare(request, f"{name} in pieces of 7", 7)


def test_who_is_not_concerned_is_not_held(world):
    world.start()
    block(world, "gemini only", "--provider", "gemini",
          host="generativelanguage.googleapis.com",
          path="/v1beta/models/gemini-2.5-pro:generateContent", body={"contents": []})
    equal(world.call("POST", "/v1/messages", OPUS).status, 200, "another provider")
    # Half a request reaches a provider that nobody blocks; HTTP/2 stays HTTP/2.
    environment = world.environment(CURL_CA_BUNDLE=world.trust_file(),
                                    HTTPS_PROXY=f"http://127.0.0.1:{world.edge_port}")
    done = world.execute(["curl", "-sS", "--http2", "-o", os.devnull, "-w", "%{http_version}",
                          "-d", json.dumps(OPUS), f"https://{HOST}/v1/messages"],
                         environment=environment)
    equal(done.text, "2", "the protocol of a connection that no policy concerns")


def test_an_upload_that_stalls_passes(world):
    world.start()
    block(world)
    request = post(OPUS)
    with open_tls(world) as tls:
        tls.sendall(request[:-40])
        time.sleep(5)  # the gate's patience
        tls.sendall(request[-40:])
        head, _, _ = wire.read_answer(tls, "POST")
        equal(wire.status_of(head), 200, "a request that was too slow to be judged")
    # That it could not be blocked is told.
    event = eventually(lambda: audit(world, "policy.matched"), "an event")[-1]
    equal(event["detail"].get("let_through"), True, "let_through")


def test_a_socket_is_refused_at_its_upgrade(world):
    world.start()
    upgrade = ("GET /v1/realtime?model={} HTTP/1.1\r\nHost: api.openai.com\r\n"
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    block(world, "no realtime", "--provider", "openai", "--model", "gpt-realtime*",
          body={"model": "gpt-realtime"}, host="api.openai.com", path="/v1/chat/completions")
    with open_tls(world, "api.openai.com") as tls:
        tls.sendall(upgrade.format("gpt-realtime-mini").encode())
        head, body, _ = wire.read_answer(tls)
        equal(wire.status_of(head), 403, "the upgrade")
        equal(json.loads(body)["error"]["code"], "blocked_by_policy", "the error")
    check(not seen(world, "realtime"), "the upgrade reached the provider")


def test_a_budget_is_told_of_and_then_blocks(world):
    told = world.directory / "told.jsonl"
    hook = world.directory / "hook"
    hook.write_text(f"#!/bin/sh\ncat >> '{told}'\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    world.start(config=f'[notify]\ncommand = ["{hook}"]\n')
    wait_database(world)
    # 0.018 USD each: 1000 tokens at 3 and 1000 at 15 USD a million.
    run(world, "policy", "add", "team", "--budget", "0.09", "--per", "day", "--action", "block")
    sonnet = {"model": "claude-sonnet-4-5", "max_tokens": 1, "messages": []}
    costly = {"x-test-tokens": "1000,1000", "x-api-key": "k"}
    equal(run_json(world, "budget", "status")["items"][0]["state"], "ok", "state")
    time.sleep(2.5)  # the daemon looks once a second
    for number in range(5):
        equal(world.call("POST", "/v1/messages", sonnet, headers=costly).status, 200,
              f"call {number}")
        # The row is what the sum knows of.
        world.wait_rows(number + 1)
    equal(world.call("POST", "/v1/messages", sonnet, headers=costly).status, 403,
          "the call behind the limit")
    budget = run_json(world, "budget", "status", code=4)
    equal([budget["items"][0][key] for key in ("state", "percent", "spent_nanousd",
                                               "limit_nanousd")],
          ["over", 100, 90_000_000, 90_000_000], "the budget")
    check("team" in run(world, "budget", "status", code=4), "the table")
    equal(run_json(world, "policy", "test", "--model", "x", code=3)["blocked_by"], "team",
          "policy test")
    # Of a subscription's traffic it says nothing, and blocks none of it.
    equal(world.call("POST", "/v1/messages", sonnet,
                     headers={"authorization": "Bearer sk-ant-oat01-x"}).status, 200, "a plan's call")

    def percents():
        if not told.exists():
            return None
        lines = [json.loads(line) for line in told.read_text().splitlines()]
        marks = [l["detail"]["percent"] for l in lines if "percent" in l["detail"]]
        return lines if 100 in marks and any(l["type"] == "policy.blocked" for l in lines) else None
    lines = eventually(percents, "the command was told", limit_s=20)
    marks = [l["detail"]["percent"] for l in lines if "percent" in l["detail"]]
    equal(sorted(set(marks)), sorted(marks), "marks are told once")
    equal(marks[-1], 100, "the last mark")
    events = audit(world, "budget.threshold") + audit(world, "policy.matched")
    equal(len(events), len(marks), "events of marks")
    # A new daemon knows the spend, and tells nobody again.
    world.daemon.stop()
    world.start_daemon()
    world.wait_metering()
    eventually(lambda: world.call("POST", "/v1/messages", sonnet, headers=costly).status == 403,
               "the budget holds after a restart", pause_s=0.2)
    equal(len(audit(world, "budget.threshold") + audit(world, "policy.matched")), len(marks),
          "events after a restart")


def test_a_corrupted_table_lets_everything_flow(world):
    world.start()
    block(world)
    with sqlite3.connect(world.database, timeout=10) as database:
        database.execute("alter table policies rename to kept")
        database.execute("create table policies (x)")
    database.close()
    eventually(lambda: world.call("POST", "/v1/messages", OPUS).status == 200,
               "calls pass", pause_s=0.1)
    for _ in range(5):
        equal(world.call("POST", "/v1/messages", OPUS).status, 200, "a call")
    check("policy.state" in world.daemon.log() and "unreadable" in world.daemon.log(),
          "the log says nothing")
    check(world.daemon.log().count("state=unreadable") <= 2, "a line a second in the log")
    policies = json.loads(world.run("status", "--json").text)["policies"]
    equal(policies["state"], "unreadable", "status")
    check(policies["last_error"], "status does not say why")
    check("policies.unreadable" in world.run("doctor", "--json").text, "doctor says nothing")
    with sqlite3.connect(world.database, timeout=10) as database:
        database.execute("drop table policies")
    database.close()
    equal(world.call("POST", "/v1/messages", OPUS).status, 200, "without a table")
    with sqlite3.connect(world.database, timeout=10) as database:
        database.execute("alter table kept rename to policies")
        # Rows that make no sense are left out, and the good one holds.
        for number, (kind, action, limit) in enumerate((
                ("later", "block", 1), ("budget", "explode", 1), ("budget", "block", "much"),
                ("budget", "block", -1))):
            database.execute(
                "insert into policies (name, rule, kind, action, limit_nanousd, period, created_at) "
                "values (?, 'x', ?, ?, ?, 'day', '')", (f"odd {number}", kind, action, limit))
    database.close()
    eventually(lambda: world.call("POST", "/v1/messages", OPUS).status == 403,
               "the policy holds again", pause_s=0.1)
    equal(world.call("POST", "/v1/messages", HAIKU).status, 200, "another model")
    eventually(lambda: "policy.ignored" in world.daemon.log(), "the odd rows are in the log")
    check("!" in run(world, "policy", "list"), "the odd rows are in the list")


def test_a_broken_command_is_counted_and_delays_nothing(world):
    slow = world.directory / "slow"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    world.start(config=f'[notify]\ncommand = ["{slow}"]\n')
    wait_database(world)
    run(world, "policy", "add", "tell", "--action", "warn", "--model", "claude-*")
    time.sleep(2.5)
    begun = time.monotonic()
    for _ in range(10):
        equal(world.call("POST", "/v1/messages", OPUS).status, 200, "a call")
    check(time.monotonic() - begun < 8, "calls wait for the command")
    eventually(lambda: audit(world, "policy.matched"), "an event")
    equal(len(audit(world, "policy.matched")), 1, "one event for ten calls")
    eventually(lambda: "notify.failed" in world.daemon.log(), "the failure is logged", limit_s=25)


def test_verbs_say_what_is_wrong(world):
    done = world.run("policy", "list")
    equal(done.returncode, 0, "without a database")
    equal(world.run("policy", "add", "x", "--model", "*").returncode, 1, "add without a database")
    equal(world.run("budget", "status").returncode, 0, "budget without a database")
    equal(world.run("audit").returncode, 0, "audit without a database")
    world.start()
    wait_database(world)
    for wrong in (["add"], ["add", "x", "--action", "forbid"], ["add", "x", "--budget", "many"],
                  ["add", "x", "--budget", "5", "--per", "year"], ["add", "x", "--per", "day"],
                  ["add", "17"], ["add", "x", "--project", "no slug!"], ["later"],
                  ["add", "x", "--priority", "-1"], ["test", "--request", "x", "--model", "y"]):
        equal(world.run("policy", *wrong).returncode, 2, f"policy {' '.join(wrong)}")
    equal(world.run("policy", "show", "none").returncode, 1, "show of none")
    equal(world.run("budget", "later").returncode, 2, "budget later")
    equal(world.run("audit", "--limit", "0").returncode, 2, "audit --limit 0")
    # By id as well as by name, and a recorded call put to the test.
    made = run_json(world, "policy", "add", "tell", "--model", "claude-*", "--tool", "none-such")
    equal(run_json(world, "policy", "show", str(made["id"]))["name"], "tell", "by id")
    world.call("POST", "/v1/messages", OPUS)
    row = world.wait_row()
    test = run_json(world, "policy", "test", "--request", row["id"])
    equal(test["call"]["model"], "claude-opus-4-1", "the recorded call")
    equal(test["policies"][0]["matches"], False, "its tool is another")
    check("none-such" in test["policies"][0]["why"], "why not")
