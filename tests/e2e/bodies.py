"""Capturing bodies: who switches it, and what is shown and deleted."""
import json
import os
import pty
import sqlite3
import subprocess
import time

from rig.check import check, equal, eventually
from attribution import Client

HOST = "api.anthropic.com"


def ask(text):
    return {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": text}]}


def bodies(world, *arguments, code=0):
    done = world.run("bodies", *arguments)
    equal(done.returncode, code, f"exit code of bodies {arguments}: {done.error}")
    return done


def captured(world):
    return json.loads(bodies(world, "list", "--json").text)["bodies"]


def wait_captured(world, count):
    eventually(lambda: len(captured(world)) >= count, f"{count} bodies")
    found = captured(world)
    equal(len(found), count, "bodies")
    return found


def test_off_unless_switched_on(world):
    world.start()
    world.call("POST", "/v1/messages", ask("private"))
    world.wait_rows(1)
    equal(captured(world), [], "bodies")
    equal(bodies(world, "stats").text.splitlines()[:2],
          ["capture: off (a .haltonrc says otherwise where it is)", "bodies: 0"], "stats")
    check("no body" in bodies(world, "show", "last", code=1).error, "show of nothing")
    equal(bodies(world, "prune", "--all").text, "0 bodies deleted\n", "prune of nothing")


def test_the_nearest_word_counts(world):
    world.start(config="[bodies]\ncapture = true\n")
    folder = world.directory / "code" / "shop"
    (folder / ".git").mkdir(parents=True)
    quiet = folder / "quiet"
    quiet.mkdir()
    (quiet / ".haltonrc").write_text("body_capture = off\n")
    loud = folder / "loud"
    loud.mkdir()
    (loud / ".haltonrc").write_text("body_capture = on\n")
    Client(world, folder).end()
    world.wait_rows(1)
    wait_captured(world, 1)
    # A .haltonrc beats the config.
    Client(world, quiet).end()
    world.wait_rows(2)
    # A project beats the config, and a .haltonrc the project.
    done = world.run("projects", "settings", "shop", "--body-capture", "off")
    equal(done.returncode, 0, done.error)

    def is_off():
        before = len(world.rows())
        Client(world, folder).end()
        eventually(lambda: len(world.rows()) > before, "the row")
        time.sleep(0.2)
        newest = world.rows()[-1]["id"]
        return newest not in [b["request_id"] for b in captured(world)]
    eventually(is_off, "the daemon follows the project's switch")
    count = len(captured(world))
    before = len(world.rows())
    Client(world, loud).end()
    world.wait_rows(before + 1)
    eventually(lambda: len(captured(world)) == count + 1, "the body of the loud folder")
    stats = json.loads(bodies(world, "stats", "--json").text)
    equal((stats["capture"], stats["project_switches"]), (True, {"shop": False}), "switches")


def test_shown_without_secrets_and_steering(world):
    world.start(config="[bodies]\ncapture = true\n")
    key = "sk-" "ant-" + "Ab3Cd5Ef7Gh9"
    world.call("POST", "/v1/messages", ask(f"my key is {key} \x1b[31mred"))
    found = wait_captured(world, 1)[0]
    row = world.wait_row()
    equal(found["request_id"], row["id"], "whose body it is")
    text = bodies(world, "show", row["id"][:8]).text
    check("[REDACTED:anthropic-key]" in text and key not in text, lambda: text)
    check("\x1b" not in text, lambda: f"an escape: {text!r}")
    check("--- request (application/json" in text and "--- answer (" in text, lambda: text)
    shown = json.loads(bodies(world, "show", "last", "--json").text)
    equal(shown["redaction_kinds"], "anthropic-key=1", "kinds")
    sent = json.loads(shown["request"]["text"])
    equal(sent["messages"][0]["content"], "my key is [REDACTED:anthropic-key] \x1b[31mred", "text")
    check(json.loads(shown["response"]["text"])["usage"]["input_tokens"] > 0, "the answer")
    only = json.loads(bodies(world, "show", "last", "--request").text.replace("\\x1b", ""))
    equal(only["model"], "claude-sonnet-4-5", "the request alone")
    for arguments, code in ((("show",), 2), (("show", "nobody"), 1), (("nonsense",), 2),
                            (("prune",), 2), (("prune", "--all", "--project", "x"), 2),
                            (("prune", "--older-than", "soon"), 2), (("list", "--limit", "0"), 2),
                            (("show", "last", "--request", "--answer"), 2)):
        bodies(world, *arguments, code=code)


def test_long_ones_are_cut_and_forwarded_whole(world):
    world.start(config="[bodies]\ncapture = true\n")
    text = "x" * 1_500_000
    answer = world.call("POST", "/v1/messages", ask(text),
                        headers={"x-test-body-bytes": "1300000", "x-test-encoding": "gzip"})
    equal(answer.status, 200, "status")
    eventually(lambda: world.provider.ledger()[-1]["body_bytes"] > 1_500_000
               if world.provider.ledger() else False, "the provider got all of it")
    wait_captured(world, 1)
    shown = json.loads(bodies(world, "show", "last", "--json").text)
    for side in ("request", "response"):
        equal(shown[side]["truncated"], True, f"{side} truncated")
        check(shown[side]["bytes"] > 1_300_000, f"{side} bytes {shown[side]['bytes']}")
        equal(len(shown[side]["text"]), 1024 * 1024, f"length of {side}")


def test_deleting_asks_first(world):
    world.start(config="[bodies]\ncapture = true\n")
    for number in range(3):
        world.call("POST", "/v1/messages", ask(f"unique-{number}"))
    wait_captured(world, 3)
    bodies(world, "prune", "--all", code=1)
    equal(len(captured(world)), 3, "bodies")
    for answer, left in (("n", 3), ("y", 0)):
        main, other = pty.openpty()
        popen = subprocess.Popen([world.binary, "bodies", "prune", "--all"], stdin=other,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=world.environment())
        os.write(main, f"{answer}\n".encode())
        popen.communicate(timeout=30)
        os.close(main)
        os.close(other)
        equal(len(captured(world)), left, f"bodies after {answer!r}")
    equal(len(world.rows()), 3, "rows")
    world.call("POST", "/v1/messages", ask("again"))
    wait_captured(world, 1)
    bodies(world, "prune", "--older-than", "1d", "--yes")
    equal(len(captured(world)), 1, "a new one stays")
    bodies(world, "prune", "--project", world.rows()[-1]["project_slug"], "--yes")
    equal(captured(world), [], "bodies of the project")


def test_a_locked_database_costs_a_body_and_no_call(world):
    world.start(config="[bodies]\ncapture = true\n")
    lock = sqlite3.connect(world.database, timeout=10, isolation_level=None)
    lock.execute("begin immediate")
    answer = world.call("POST", "/v1/messages", ask("locked"))
    equal(answer.status, 200, "status")
    lock.execute("rollback")
    lock.close()
    world.wait_rows(1)
