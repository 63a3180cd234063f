"""Exports and reports say what SQLite says: cell by cell, and to the nano-dollar."""
import csv
import datetime
import io
import json
import os
import random
import sqlite3

from rig import history
from rig.check import check, equal

CALLS = 3000


def typed(value, type_):
    """A cell of CSV as expected_export() has it."""
    if value == "":
        return None
    if type_ == "flag":
        return value == "true"
    if type_ == "real":
        return float(value)
    return value


def to_us(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return str((moment - epoch) // datetime.timedelta(microseconds=1))


def to_nano(text):
    whole, rest = text.split(".")
    equal(len(rest), 9, "decimals")
    return str(int(whole) * 10**9 + int(rest))


def normal(value, type_):
    if value is None:
        return None
    if type_ == "timestamp_us":
        return to_us(value)
    if type_ == "nano_decimal":
        return to_nano(value)
    return value


def check_rows(found, expected, what):
    equal(len(found), len(expected["rows"]), f"rows of {what}")
    for row, wanted in zip(found, expected["rows"]):
        for value, cell, column in zip(row, wanted, expected["columns"]):
            equal(normal(value, column["type"]), cell, f"{what} {wanted[0]} {column['name']}")


def test_csv_and_json_lines_agree_with_sqlite(world):
    history.fill(world, CALLS)
    done = world.run("export", "--format", "csv")
    equal(done.returncode, 0, f"exit code ({done.error})")
    lines = list(csv.reader(io.StringIO(done.text, newline="")))
    expected = history.expected_export(world, lines[0])
    check_rows([[typed(v, c["type"]) for v, c in zip(row, expected["columns"])]
                for row in lines[1:]], expected, "CSV")
    file = world.directory / "calls.jsonl"
    done = world.run("export", "--out", file)
    equal(done.returncode, 0, f"exit code ({done.error})")
    check(f"{CALLS} calls written to" in done.error, done.error)
    rows = [json.loads(line, parse_float=str, parse_int=str) for line in file.open()]
    equal(list(rows[0]), lines[0], "keys")
    found = [[float(row[c["name"]]) if c["type"] == "real" and row[c["name"]] is not None
              else row[c["name"]] for c in expected["columns"]] for row in rows]
    check_rows(found, expected, "JSON lines")
    equal(file.stat().st_mode & 0o777, 0o600, "mode of the file")


def test_parquet_is_one_file_with_a_head_and_a_foot(world):
    history.fill(world, 100)
    file = world.directory / "calls.parquet"
    equal(world.run("export", "--out", file).returncode, 0, "exit code")
    data = file.read_bytes()
    check(data.startswith(b"PAR1") and data.endswith(b"PAR1"), "no Parquet")
    check(b"halton.schema" in data, "the schema's number is missing")
    world.notes.append("three readers look at it in tests/e2e/readers/run")


def test_a_period_a_project_and_what_cannot_be_written(world):
    rows = history.fill(world, CALLS)
    done = world.run("export", "--from", "2026-11-01", "--to", "2026-11-10", "--utc")
    wanted = [r for r in rows if "2026-11-01" <= r["requested_at"][:10] <= "2026-11-10"]
    equal(len(done.text.splitlines()) - 1, len(wanted), "rows of ten days")
    done = world.run("export", "--project", "shop", "--format", "jsonl")
    equal(len(done.text.splitlines()), sum(r["project"] == "shop" for r in rows), "rows of shop")
    done = world.run("export", "--out", world.directory / "none" / "x.csv")
    equal(done.returncode, 1, "exit code")
    check("cannot write" in done.error and "next: halton-meter export" in done.error, done.error)
    if os.path.exists("/dev/full"):
        done = world.execute(["sh", "-c", f"{world.binary} export > /dev/full"])
        equal(done.returncode, 1, "exit code on a full disk")
        equal(len(done.error.splitlines()), 1, "lines of the error")
    for arguments in (["--format", "xml"], ["--since", "1d", "--from", "2026-01-01"],
                      ["--out", "calls.zip"]):
        equal(world.run("export", *arguments).returncode, 2, f"exit code of {arguments}")


def test_report_totals_are_sqls_sums(world):
    """Random rows, random periods, every grouping: to the nano-dollar."""
    history.fill(world, CALLS, seed=random.randrange(1 << 30))
    connection = sqlite3.connect(world.database)
    plan = "coalesce(billing_mode, '') = 'plan'"
    for first, last in (("2026-10-01", "2026-11-30"), ("2026-11-03", "2026-11-03"),
                        ("2026-10-20", "2026-11-05")):
        where = f"requested_at >= '{first}' and requested_at < '{last}T99'"
        wanted = connection.execute(
            f"select count(*), coalesce(sum(iif({plan}, 0, cost_nanousd)), 0), "
            f"coalesce(sum(iif({plan}, cost_nanousd, 0)), 0), coalesce(sum(input_tokens), 0), "
            "coalesce(sum(output_tokens), 0), coalesce(sum(cost_nanousd is null), 0), "
            "coalesce(sum(not tokens_complete), 0), coalesce(sum(status <> 'success'), 0) "
            f"from requests where {where}").fetchone()
        for group in ("project", "model", "provider", "tool", "day", "week", "month", "branch"):
            said = json.loads(world.run("report", "--json", "--by", group, "--from", first, "--to",
                                        last, "--utc").text)
            for what, sums in (("totals", [said["totals"]]), ("groups", said[f"by_{group}"])):
                found = tuple(sum(line[key] for line in sums) for key in (
                    "requests", "cost_nanousd", "plan_cost_nanousd", "input_tokens",
                    "output_tokens", "unpriced_requests", "incomplete_requests",
                    "error_requests"))
                equal(found, wanted, f"{what} by {group}, {first} to {last}")
    for group, condition in (("session", "session_id is not null"),
                             ("error", "status <> 'success'")):
        said = json.loads(world.run("report", "--json", "--by", group, "--from", "2026-10-01",
                                    "--to", "2026-11-30", "--utc").text)
        wanted = connection.execute(
            f"select count(*), sum(iif({plan}, 0, coalesce(cost_nanousd, 0))) from requests "
            f"where {condition}").fetchone()
        found = (sum(line["requests"] for line in said[f"by_{group}"]),
                 sum(line["cost_nanousd"] for line in said[f"by_{group}"]))
        equal(found, wanted, f"by {group}")
    connection.close()
    # CSV says the same as JSON.
    lines = list(csv.DictReader(io.StringIO(world.run(
        "report", "--csv", "--by", "model", "--from", "2026-10-01", "--to", "2026-11-30",
        "--utc").text, newline="")))
    said = json.loads(world.run("report", "--json", "--by", "model", "--from", "2026-10-01", "--to",
                                "2026-11-30", "--utc").text)
    equal([(l["name"], int(l["cost_nanousd"]), l["detail"]) for l in lines],
          [(l["model"], l["cost_nanousd"], l["provider"]) for l in said["by_model"]], "CSV")


def test_explain_adds_up_to_what_the_row_says(world):
    world.start()
    world.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5"},
               headers={"x-test-tokens": "1234,567"})
    row = world.wait_row()
    said = json.loads(world.run("explain", "last", "--json").text)
    equal(said["cost_nanousd"], row["cost_nanousd"], "cost")
    thousandths = sum(step["count"] * step["nanousd_per_1k"]
                      for part in said["parts"] for step in part["steps"])
    equal((thousandths + 500) // 1000, row["cost_nanousd"], "sum of the steps")
    equal(json.loads(world.run("explain", row["id"][:8], "--json").text)["id"], row["id"], "by id")
    equal(json.loads(world.run("explain", row["provider_request_id"], "--json").text)["id"],
          row["id"], "by the provider's id")
    done = world.run("explain", "nothing-like-this")
    equal(done.returncode, 1, "exit code")
    check("next: halton-meter" in done.error, done.error)
