"""What the verbs show in a terminal: golden transcripts at three widths, and screens that end well.
HALTON_UPDATE_GOLDEN=1 writes them anew, into tests/fixtures/views/."""
import datetime
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time

from rig import history
from rig.check import check, equal, eventually
from rig.pseudo_terminal import Terminal

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "views"
WIDTHS = (60, 100, 160)
PERIOD = ("--from", "2026-11-01", "--to", "2026-11-21", "--utc")
CALLS = 600

# What differs from run to run.
MASKS = [(re.compile(r"halton-meter \d+\.\d+\.\d+"), "halton-meter X.Y.Z"),
         (re.compile(r"\d\d:\d\d:\d\d"), "HH:MM:SS")]


def environment(world, **more):
    return world.environment(TERM="xterm", LANG="C.UTF-8", **more)


def show(world, *arguments, width, rows=24, **more):
    values = environment(world, **more)
    values.pop("COLUMNS", None)
    terminal = Terminal([world.binary, *arguments], width, rows, values, world.user_home)
    try:
        code = terminal.finish()
        return code, terminal.printed()
    finally:
        terminal.close()


def check_golden(name, text):
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    file = FOLDER / f"{name}.txt"
    if os.environ.get("HALTON_UPDATE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text)
    equal(text, file.read_text() if file.exists() else None, f"{file.name}")


def check_view(world, name, *arguments, **more):
    for width in WIDTHS:
        code, text = show(world, *arguments, width=width, **more)
        equal(code, 0, f"exit code of {name} at {width}")
        too_wide = [line for line in text.splitlines() if len(line) > width]
        check(not too_wide, lambda: f"{name} at {width}: {too_wide[0]!r}")
        check("\x1b" not in text, f"{name} has escape sequences")
        check_golden(f"{name}-{width}", text)


def noon(world):
    """An environment in which it is about noon, so that today has what happened an hour ago."""
    hour = datetime.datetime.now(datetime.timezone.utc).hour
    return {"TZ": f"TST{hour - 12:+d}"}


def fill_today(world):
    """Fifty calls of the last hour, and limits."""
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = history.fill(world, 50, days=1 / 24, now=now)
    history.add_limits(world, now)
    return rows


def test_report(world):
    history.fill(world, CALLS)
    check_view(world, "report", "report", *PERIOD)
    check_view(world, "report-vs-previous", "report", *PERIOD, "--by", "project", "--vs-previous")
    for group in ("day", "week", "month", "session", "tool", "branch", "provider", "error"):
        check_view(world, f"report-{group}", "report", *PERIOD, "--by", group)


def test_errors_and_explain(world):
    rows = history.fill(world, CALLS)
    check_view(world, "errors", "errors", *PERIOD)
    priced = next(r for r in rows if r["cost_nanousd"] and r["cache_read_tokens"])
    unpriced = next(r for r in rows if r["cost_state"] == "unknown")
    check_view(world, "explain", "explain", priced["id"], "--utc")
    check_view(world, "explain-unpriced", "explain", unpriced["id"][:13], "--utc")


def test_tail(world):
    history.fill(world, 40)
    check_view(world, "tail", "tail", "--no-follow", "--lines", "15", "--utc")


def test_limits_and_statusline(world):
    fill_today(world)
    check_view(world, "limits", "limits")
    check_view(world, "statusline", "statusline", **noon(world))


def test_top(world):
    fill_today(world)
    for width in WIDTHS:
        terminal = Terminal([world.binary, "top"], width, 24, environment(world, **noon(world)),
                            world.user_home)
        try:
            terminal.read(lambda text: b"\x1b[J" in text)
            terminal.press(b"q")
            equal(terminal.finish(), 0, "exit code")
            check(terminal.is_restored(), "the terminal is not as it was")
            frame = terminal.frames()[-1]
            equal(len(frame.splitlines()), 24, "lines")
            check_golden(f"top-{width}", frame + "\n")
        finally:
            terminal.close()


def test_every_empty_view_says_why_and_what_to_type(world):
    for arguments in (["report"], ["errors"], ["limits"], ["tail", "--no-follow"],
                      ["explain", "last"], ["export", "--out", "x.csv"]):
        done = world.run(*arguments)
        said = done.text + done.error
        check("halton-meter " in said.replace("halton-meter:", ""),
              f"{' '.join(arguments)} on an empty home says {said!r}")
    equal(world.run("statusline").text, "halton-meter: no calls yet\n", "status line")


def start_top(world, **more):
    return Terminal([world.binary, "top"], 100, 24, environment(world, **more), world.user_home)


def test_top_gives_the_terminal_back_however_it_ends(world):
    history.make_file(world)
    for what, end, code in (("q", lambda t: t.press(b"q"), 0),
                            ("Ctrl-C", lambda t: t.press(b"\x03"), 0),
                            ("SIGTERM", lambda t: t.popen.terminate(), 0),
                            ("SIGHUP", lambda t: t.popen.send_signal(signal.SIGHUP), 0)):
        terminal = start_top(world)
        try:
            terminal.read(lambda text: b"\x1b[J" in text)
            end(terminal)
            equal(terminal.finish(), code, f"exit code after {what}")
            check(terminal.is_restored(), f"the terminal is not as it was after {what}")
        finally:
            terminal.close()
    done = world.run("top")
    equal(done.returncode, 1, "exit code without a terminal")
    check("needs a terminal" in done.error and "halton-meter tail" in done.error, done.error)


def test_top_stops_and_goes_on(world):
    history.make_file(world)
    terminal = start_top(world)
    try:
        terminal.read(lambda text: b"\x1b[J" in text)
        terminal.popen.send_signal(signal.SIGTSTP)
        eventually(lambda: pathlib.Path(f"/proc/{terminal.popen.pid}/stat").read_text()
                   .rsplit(")", 1)[1].split()[0] == "T", "it stops")
        terminal.read(lambda text: text.endswith(b"\x1b[?1049l"))
        check(terminal.is_restored(), "the terminal is not as it was while it is stopped")
        terminal.popen.send_signal(signal.SIGCONT)
        count = len(terminal.text)
        terminal.read(lambda text: b"\x1b[J" in text[count:])
        terminal.press(b"q")
        equal(terminal.finish(), 0, "exit code")
        check(terminal.is_restored(), "the terminal is not as it was")
    finally:
        terminal.close()


def test_top_follows_keys_and_the_size_of_the_terminal(world):
    fill_today(world)
    terminal = start_top(world, **noon(world))
    try:
        terminal.read(lambda text: b"\x1b[J" in text)
        terminal.press(b"\x1b[B\x1b[B")
        terminal.read(lambda _: terminal.frames() and "(2 newer)" in terminal.frames()[-1])
        terminal.press(b"g")
        terminal.read(lambda _: "newer)" not in terminal.frames()[-1])
        terminal.resize(70, 12)
        terminal.read(lambda _: len(terminal.frames()[-1].splitlines()) == 12)
        frame = terminal.frames()[-1]
        check(max(len(line) for line in frame.splitlines()) <= 70, frame)
        terminal.press(b"q")
        equal(terminal.finish(), 0, "exit code")
    finally:
        terminal.close()


def test_tail_and_top_show_a_call_as_it_lands(world):
    world.start()
    top = start_top(world)
    tail = Terminal([world.binary, "tail", "--json"], 160, 24, environment(world), world.user_home)
    try:
        top.read(lambda text: b"   metering" in text)
        world.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5"})
        tail.read(lambda text: b'"model":"claude-sonnet-4-5"' in text)
        top.read(lambda _: "claude-sonnet-4-5" in top.frames()[-1])
        # With the daemon gone both go on, and see what others write.
        world.daemon.stop()
        top.read(lambda _: "daemon down" in top.frames()[-1])
        connection = sqlite3.connect(world.database)
        with connection:
            connection.execute(
                "insert into requests (id, project_id, provider, model, requested_at, status) "
                "values ('x', 1, 'openai', 'written-by-hand', ?, 'success')",
                (history.stamp(datetime.datetime.now(datetime.timezone.utc)),))
        connection.close()
        tail.read(lambda text: b"written-by-hand" in text)
        top.read(lambda _: "written-by-hand" in top.frames()[-1])
        top.press(b"q")
        equal(top.finish(), 0, "exit code of top")
    finally:
        top.close()
        tail.close()


def test_statusline_knows_claude_codes_session_and_never_waits(world):
    rows = fill_today(world)
    session = next(r["session_id"] for r in rows if r["session_id"])
    wanted = [r for r in rows if r["session_id"] == session]
    told = {"hook_event_name": "Status", "session_id": session, "cwd": "/x",
            "model": {"id": "claude-sonnet-4-5"}, "cost": {"total_cost_usd": 1}}
    done = world.run("statusline", "--json", input=json.dumps(told).encode(),
                     environment=environment(world, **noon(world)))
    said = json.loads(done.text)
    equal(said["session"]["requests"], len(wanted), "calls of the session")
    equal(said["session"]["cost_nanousd"], sum(
        r["cost_nanousd"] or 0 for r in wanted if r["billing_mode"] != "plan"), "its cost")
    equal(said["today"]["requests"], len(rows), "calls of today")
    for odd in (b"", b"{", b"[1]", b'{"session_id": 3}', b"\0" * 100_000):
        done = world.run("statusline", input=odd, environment=environment(world, **noon(world)))
        equal(done.returncode, 0, f"exit code for {odd[:20]!r}")
        check(done.text.startswith("today $"), done.text)
    done = world.run("statusline", input=json.dumps({"session_id": "none"}).encode())
    check("session not metered yet" in done.text, done.text)
    # A pipe that nobody writes into, and nobody closes.
    reader, writer = os.pipe()
    begun = time.monotonic()
    done = subprocess.run([world.binary, "statusline"], stdin=reader, capture_output=True,
                          env=environment(world), timeout=30)
    os.close(writer)
    os.close(reader)
    equal(done.returncode, 0, "exit code")
    check(time.monotonic() - begun < 10, "it waits for a silent stdin")
    check(done.stdout.strip(), "it says nothing")


def test_no_colour_and_no_escapes_in_a_pipe(world):
    history.fill(world, 30)
    for arguments in (["report"], ["errors", "--since", "9999"], ["limits"], ["statusline"],
                      ["tail", "--no-follow"], ["explain", "last"], ["status"]):
        done = world.run(*arguments)
        check("\x1b" not in done.text + done.error, f"{arguments[0]} prints escapes into a pipe")
        _, text = show(world, *arguments, width=100, NO_COLOR="1")
        check("\x1b" not in text, f"{arguments[0]} ignores NO_COLOR")
