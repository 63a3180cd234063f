"""Importing what tools wrote down of their own calls: after an outage the total is the provider's
ledger, however often one imports, and nothing is counted twice."""
import datetime
import json
import sqlite3

from rig.check import check, equal

SESSION = "5e551011-0000-4000-8000-000000000001"
CLAUDE = {"user-agent": "claude-cli/2.1.330 (external, cli)", "x-claude-code-session-id": SESSION}


def stamp(moment=None):
    moment = moment or datetime.datetime.now(datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def call_claude(world, number, tokens, **headers):
    """One call, and the lines that Claude Code writes about it."""
    request_id = f"req_{number:04}"
    answer = world.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5"},
                        headers={**CLAUDE, "x-test-tokens": tokens,
                                 "x-test-request-id": request_id, **headers})
    equal(answer.status, 200, "status")
    message = json.loads(answer.body)
    line = {"parentUuid": None, "isSidechain": False, "cwd": str(world.user_home / "shop"),
            "sessionId": SESSION, "version": "2.1.330", "gitBranch": "main", "type": "assistant",
            "message": {"id": f"msg_{number:04}", "type": "message", "role": "assistant",
                        "model": message["model"], "stop_reason": "end_turn",
                        "content": [{"type": "text", "text": "canary-of-an-answer"}],
                        "usage": message["usage"]},
            "requestId": answer.header("request-id"), "uuid": f"u{number}", "timestamp": stamp()}
    # The first piece was written with the counts of the beginning.
    early = json.loads(json.dumps(line))
    early["message"]["stop_reason"] = None
    early["message"]["usage"]["output_tokens"] = 1
    return [json.dumps({"type": "user", "message": {"content": "canary-of-a-prompt"}}),
            json.dumps(early), json.dumps(line)]


def write_transcript(world, lines, name="session"):
    folder = world.user_home / ".claude" / "projects" / "-home-you-shop"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def totals_of_ledger(world):
    usages = [entry["usage"] for entry in world.provider.ledger() if entry["usage"]]
    return len(usages), sum(u[1] for u in usages), sum(u[2] for u in usages)


def totals_of_rows(world):
    rows = world.rows()
    return (len(rows), sum(r["input_tokens"] for r in rows),
            sum(r["output_tokens"] for r in rows))


def read_import(world, *arguments):
    done = world.run("import", "claude-code", "--recent", "--json", *arguments)
    equal(done.returncode, 0, f"exit code ({done.error})")
    return json.loads(done.text)


def test_after_an_outage_the_total_is_the_providers_ledger(world):
    (world.user_home / "shop").mkdir()
    world.start()
    lines = []
    for number in range(4):
        lines += call_claude(world, number, f"{1000 + number},{100 + number}")
    world.wait_rows(4)
    # The daemon is away: everything passes, nothing is metered.
    world.daemon.stop()
    for number in range(4, 9):
        lines += call_claude(world, number, f"{1000 + number},{100 + number}")
    world.start_daemon()
    world.wait_metering()
    for number in range(9, 11):
        lines += call_claude(world, number, f"{1000 + number},{100 + number}")
    world.wait_rows(6)
    write_transcript(world, lines)
    # A resumed session holds a copy of everything, and somebody's cat walked over it.
    write_transcript(world, lines[:20] + ["{half a line", "\u00ff\u0000nonsense"], "resumed")

    said = read_import(world, "--dry-run")
    equal((said["calls"], said["metered"], said["added"]), (11, 6, 5), "a dry run")
    equal(said["malformed_lines"], 2, "malformed lines")
    equal(len(world.rows()), 6, "rows after a dry run")
    said = read_import(world)
    equal((said["metered"], said["added"], said["plan_unknown"]), (6, 5, 0), "the import")
    equal(totals_of_rows(world), totals_of_ledger(world), "calls, input, output")
    for _ in range(2):
        said = read_import(world)
        equal((said["added"], said["imported_before"]), (0, 5), "importing again")
    equal(totals_of_rows(world), totals_of_ledger(world), "calls, input, output")
    # Priced by the same book: what a metered call costs, an imported one with its counts costs.
    rows = world.rows()
    imported = [r for r in rows if r["source"] == "import"]
    equal(len(imported), 5, "rows that are marked")
    metered = next(r for r in rows if not r["source"])
    for row in imported:
        equal(row["cost_nanousd"], row["input_tokens"] * 3000 + row["output_tokens"] * 15000,
              "cost")
        for key in ("price_id", "rates_source", "project_slug", "session_id", "client_tool",
                    "billing_mode", "provider", "model"):
            equal(row[key], metered[key], key)
        check(row["latency_ms"] is None, "a latency that nobody measured")
    report = json.loads(world.run("report", "--json").text)
    equal(report["totals"]["cost_nanousd"], sum(r["cost_nanousd"] for r in rows), "the report")
    for file in world.home.glob("db.sqlite*"):
        check(b"canary-of" not in file.read_bytes(), f"what was said stands in {file.name}")


def test_a_subscription_stays_one(world):
    (world.user_home / "shop").mkdir()
    world.start()
    token = {"authorization": "Bearer sk-ant-oat01-dummy"}
    lines = call_claude(world, 1, "10,20", **token)
    world.wait_rows(1)
    world.daemon.stop()
    lines += call_claude(world, 2, "30,40", **token)
    write_transcript(world, lines)
    said = read_import(world)
    equal(said["added"], 1, "added")
    equal(said["cost_nanousd"], 0, "spend")
    check(said["plan_cost_nanousd"] > 0, "no plan use")
    equal({r["billing_mode"] for r in world.rows()}, {"plan"}, "who pays")


def test_codex_is_matched_by_its_session_and_counts(world):
    world.start_provider()
    world.write_config()
    world.start_daemon()
    world.daemon.stop()
    session = "0199-codex"
    now = datetime.datetime.now(datetime.timezone.utc)
    folder = world.user_home / ".codex" / "sessions" / "2026" / "11" / "21"
    folder.mkdir(parents=True)
    lines = [{"timestamp": stamp(now), "type": "session_meta",
              "payload": {"id": session, "cwd": "/tmp", "cli_version": "0.169.0"}},
             {"timestamp": stamp(now), "type": "turn_context", "payload": {"model": "gpt-5"}}]
    total = 0
    for number in range(4):
        total += 100 + number + 10
        count = {"timestamp": stamp(now), "type": "event_msg", "payload": {
            "type": "token_count", "rate_limits": None, "info": {
                "total_token_usage": {"input_tokens": total, "output_tokens": 10 * number,
                                      "total_tokens": total},
                "last_token_usage": {"input_tokens": 100 + number, "cached_input_tokens": 50,
                                     "output_tokens": 10, "reasoning_output_tokens": 2,
                                     "total_tokens": 110}}}}
        lines += [count, count]
    (folder / "rollout-2026.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    connection = sqlite3.connect(world.database)
    with connection:
        connection.execute("insert into projects (slug, name, created_at) values ('p', 'p', '')")
        connection.execute(
            "insert into requests (id, project_id, provider, model, requested_at, status, "
            "session_id, client_tool, input_tokens, output_tokens, cache_read_tokens, "
            "billing_mode, provider_request_id) values ('x', 1, 'openai', 'gpt-5', ?, 'success', "
            "?, 'codex', 101, 10, 50, 'metered', 'resp_1')",
            ((now - datetime.timedelta(seconds=20)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"), session))
    connection.close()
    for added in (3, 0):
        done = world.run("import", "codex", "--recent", "--json")
        said = json.loads(done.text)
        equal((said["calls"], said["metered"], said["added"]), (4, 1, added), "codex")
    equal({r["project_slug"] for r in world.rows()}, {"p"}, "project of the session")


def test_nothing_to_import_says_where_it_looked(world):
    done = world.run("import", "claude-code")
    equal(done.returncode, 1, "exit code")
    check(".claude/projects" in done.error and "--folder" in done.error, done.error)
    equal(len(done.error.splitlines()), 1, "lines")
    equal(world.run("import", "aider").returncode, 2, "exit code for an unknown tool")
    equal(world.run("import", "codex", "--billing", "free").returncode, 2, "exit code")
