"""Made-up calls in a real database: the daemon makes the file, its triggers and indices do their
work, and the rows are written here. The same seed gives the same rows."""
import datetime
import json
import random
import sqlite3
import uuid

NOW = datetime.datetime(2026, 11, 21, 12, 0, 0, tzinfo=datetime.timezone.utc)
MODELS = [("anthropic", "claude-sonnet-4-5", "api.anthropic.com", "/v1/messages", 3000, 15000),
          ("anthropic", "claude-haiku-4-5", "api.anthropic.com", "/v1/messages", 1000, 5000),
          ("openai", "gpt-5", "api.openai.com", "/v1/responses", 1250, 10000),
          ("gemini", "gemini-2.5-pro", "generativelanguage.googleapis.com",
           "/v1beta/models/gemini-2.5-pro:generateContent", 1250, 10000)]
PROJECTS = ["shop", "web-client", "data:nightly", "misc"]
ERRORS = [(429, "rate_limit", "rate_limit_error", 1), (529, "server_error", "overloaded_error", 1),
          (400, "bad_request", "invalid_request_error", 0), (None, "network", None, 1)]
TOOLS = [("claude-code", "2.1.330"), ("codex", "0.169.0"), (None, None)]


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond:06}Z"


def make_file(world):
    """db.sqlite with the newest schema and no rows."""
    world.write_config()
    daemon = world.start_daemon()
    daemon.stop()
    return world.database


def make_row(rng, time):
    provider, model, host, path, per_input, per_output = rng.choice(MODELS)
    tool, version = rng.choice(TOOLS)
    row = {"id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "provider": provider,
           "model": model, "requested_model": model, "host": host, "path": path, "method": "POST",
           "mode": rng.choice(["standard", "streaming"]), "request_kind": "chat",
           "requested_at": stamp(time), "latency_ms": round(rng.uniform(200, 20000), 3),
           "time_to_first_byte_ms": rng.choice([None, round(rng.uniform(100, 900), 3)]),
           "client_tool": tool, "client_version": version,
           "session_id": f"session-{rng.randrange(12)}" if tool else None,
           "git_branch": rng.choice([None, "main", "feature/cart", "fix-\u00fcml\u00e4ut"]),
           "user_agent": rng.choice([None, "curl/8.0", 'odd, "quoted"\tagent \u65e5\u672c']),
           "attribution_layer": "git", "source_workdir": "/home/you/shop",
           "provider_request_id": f"req_{rng.getrandbits(40):010x}",
           "input_includes_cache": 0, "reasoning_on_top": 0, "has_usage": 1, "tokens_complete": 1,
           "billing_mode": "plan" if tool and rng.random() < 0.3 else "metered",
           "status": "success", "http_status": 200, "cost_state": "exact",
           "input_tokens": rng.randrange(1, 5000), "output_tokens": rng.randrange(0, 2000),
           "cache_read_tokens": rng.randrange(0, 100000) if rng.random() < 0.5 else 0,
           "cache_write_tokens": 0, "thinking_tokens": 0}
    if rng.random() < 0.06:
        row["http_status"], row["error_class"], row["provider_error_code"], row["retryable"] = \
            rng.choice(ERRORS)
        row.update(status="error", input_tokens=0, output_tokens=0, cache_read_tokens=0,
                   has_usage=0, cost_nanousd=0)
    elif rng.random() < 0.05:
        row.update(model="model-of-tomorrow", cost_state="unknown", cost_nanousd=None)
    else:
        row["cost_nanousd"] = row["input_tokens"] * per_input + row["output_tokens"] * per_output \
            + row["cache_read_tokens"] * per_input // 10
        if rng.random() < 0.04:
            row.update(tokens_complete=0, status="aborted", cost_state="estimated")
    if row["cost_nanousd"] is not None:
        row["cost_usd_minor_units"] = (row["cost_nanousd"] + 5000) // 10000
        row["rates_source"] = "bundled-2026-08-21"
        row["price_id"] = f"{provider}/{model}"
    return row, rng.choice(PROJECTS)


def fill(world, count, days=40, seed=7, now=NOW):
    """`count` calls up to `now`; the rows as they were written, oldest first."""
    make_file(world)
    rng = random.Random(seed)
    span_us = int(days * 86400 * 1000000)
    times = sorted(now - datetime.timedelta(microseconds=rng.randrange(span_us))
                   for _ in range(count))
    connection = sqlite3.connect(world.database)
    rows = []
    with connection:
        for slug in PROJECTS:
            connection.execute("insert into projects (slug, name, created_at) values (?, ?, ?)",
                               (slug, slug, stamp(times[0])))
        ids = dict(connection.execute("select slug, id from projects"))
        for time in times:
            row, slug = make_row(rng, time)
            row["project_id"] = ids[slug]
            connection.execute(
                f"insert into requests ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                list(row.values()))
            rows.append({**row, "project": slug})
    connection.close()
    return rows


def add_limits(world, now=NOW):
    """Two windows of a subscription."""
    connection = sqlite3.connect(world.database)
    with connection:
        for name, minutes, used, left in (("5h", 300, 0.42, 2.5), ("7d", 10080, 0.81, 60)):
            connection.execute(
                "insert into plan_limits (provider, name, plan, status, used_fraction, resets_at, "
                "window_minutes, observed_at) values ('anthropic', ?, 'max', 'allowed', ?, ?, ?, ?)",
                (name, used, stamp(now + datetime.timedelta(hours=left)), minutes,
                 stamp(now - datetime.timedelta(minutes=3))))
    connection.close()


EXPORT_TYPES = {"requested_at": "timestamp_us", "cost_usd": "nano_decimal", "retryable": "flag",
                "has_usage": "flag", "tokens_complete": "flag", "latency_ms": "real",
                "time_to_first_byte_ms": "real"}
EXPORT_INTEGERS = ("_tokens", "_count", "_status", "_nanousd")


def expected_export(world, names):
    """What an export must say, from SQLite alone: columns with types, and rows. Whole numbers,
    times and money as texts."""
    connection = sqlite3.connect(f"file:{world.database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    columns = []
    for name in names:
        type_ = EXPORT_TYPES.get(name)
        if not type_:
            type_ = "integer" if name.endswith(EXPORT_INTEGERS) and name != "status" else "text"
        columns.append({"name": name, "type": type_})
    rows = []
    for row in connection.execute("select r.*, p.slug as project from requests r join projects p "
                                  "on p.id = r.project_id order by requested_at, r.rowid"):
        there = row.keys()
        cells = []
        for column in columns:
            name, type_ = column["name"], column["type"]
            if name == "source":
                value = (row["source"] if "source" in there else None) or "wire"
            elif name == "cost_usd":
                value = row["cost_nanousd"]
            else:
                value = row[name]
            if value is not None:
                if type_ == "timestamp_us":
                    moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
                    value = str((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc))
                                // datetime.timedelta(microseconds=1))
                elif type_ in ("integer", "nano_decimal"):
                    value = str(value)
                elif type_ == "flag":
                    value = bool(value)
            cells.append(value)
        rows.append(cells)
    connection.close()
    return {"columns": columns, "rows": rows}


def write_expected(world, names, file):
    expected = expected_export(world, names)
    file.write_text(json.dumps(expected))
    return expected
