"""Finds the tests, runs each in a process group of its own, prints a line per test."""
import importlib
import inspect
import json
import os
import pathlib
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback

from . import cage
from .check import Failed, Skipped
from .world import World

FOLDERS = ("", "failopen")  # of tests, below tests/e2e
PROMISES = "failopen."      # the tests that the table at the end is about


class Test:
    def __init__(self, module, function):
        self.function = function
        self.module = module.__name__
        self.name = f"{module.__name__}.{function.__name__.removeprefix('test_')}"
        # Heavy tests say `test_x.limit_s = 300`.
        self.limit_s = getattr(function, "limit_s", 90)
        self.is_alone = getattr(function, "is_alone", False)
        # Sleeps nearly all the time, so it is begun first and takes nobody's turn.
        self.mostly_waits = getattr(function, "mostly_waits",
                                    getattr(module, "MOSTLY_WAITS", False))
        # `test_x.in_cage = True`, or IN_CAGE for a file: a machine of its own, see cage.py.
        self.in_cage = getattr(function, "in_cage", getattr(module, "IN_CAGE", False))


def find_tests(folder, filters):
    tests = []
    folder = pathlib.Path(folder)
    files = [file for name in FOLDERS for file in sorted((folder / name).glob("*.py"))]
    for file in files:
        module = importlib.import_module(".".join(file.relative_to(folder).with_suffix("").parts))
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and function.__module__ == module.__name__:
                tests.append(Test(module, function))
    tests.sort(key=lambda t: (t.function.__module__, t.function.__code__.co_firstlineno))
    return [t for t in tests if not filters or any(f in t.name for f in filters)]


class Running:
    """One test in a child process; its result comes back as JSON through a pipe."""

    def __init__(self, test, arguments):
        self.test = test
        self.directory = tempfile.mkdtemp(prefix="halton-e2e-")
        self.started = time.monotonic()
        self.reader, writer = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.reader)
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if test.in_cage:
                result = run_in_cage(test, arguments, self.directory)
            else:
                result = run_one(test, arguments, self.directory)
            with os.fdopen(writer, "w") as out:
                json.dump(result, out)
            os._exit(0)
        os.close(writer)
        self.text = b""

    def is_over_limit(self):
        return time.monotonic() - self.started > self.test.limit_s

    def finish(self, is_timeout):
        # The group holds the test and everything that it started.
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        if self.test.in_cage:
            cage.clean(self.directory)
        os.close(self.reader)
        try:
            result = json.loads(self.text)
        except ValueError:
            result = {"state": "FAIL", "message": "the test process died", "detail": ""}
        if is_timeout:
            result = {"state": "FAIL", "message": f"not finished after {self.test.limit_s} s",
                      "detail": World.logs_of(self.directory)}
        result["seconds"] = time.monotonic() - self.started
        return result


def run_in_cage(test, arguments, directory):
    here = pathlib.Path(__file__).resolve().parents[3]
    programs = [pathlib.Path(p).parent for p in (arguments.binary, arguments.provider,
                                                 arguments.load)]
    try:
        cage.enter(directory, keep=[here, *programs])
    except Skipped as reason:
        return {"state": "skip", "message": str(reason), "detail": "", "figures": {}}
    return run_one(test, arguments, directory)


def run_one(test, arguments, directory):
    world = World(arguments.binary, arguments.provider, directory, arguments.load)
    state, message, detail = "ok", "", ""
    try:
        test.function(world)
        message = "; ".join(world.notes)
    except Skipped as reason:
        state, message = "skip", str(reason)
    except Failed as failure:
        frame = traceback.extract_tb(failure.__traceback__)
        place = [f for f in frame if f.name == test.function.__name__]
        state, message = "FAIL", str(failure)
        detail = f"line {place[-1].lineno}: {place[-1].line}" if place else ""
    except BaseException:  # a test's surprise is that test's failure
        state, message = "FAIL", traceback.format_exc(limit=-4).strip().splitlines()[-1]
        detail = traceback.format_exc()
    if state == "FAIL":
        detail += "\n" + World.logs_of(directory)
    world.close()
    return {"state": state, "message": message, "detail": detail, "figures": world.figures}


def print_result(test, result):
    line = f"{result['state']:4} {test.name} ({result['seconds']:.1f} s)"
    if result["message"]:
        line += f": {result['message']}"
    print(line)
    if result["state"] == "FAIL":
        for text in result["detail"].splitlines():
            print(f"       {text}")
    sys.stdout.flush()


class Table:
    """What each promise was put to: one line a file of failopen/."""

    def __init__(self):
        self.lines = {}

    def add(self, test, result):
        if not test.name.startswith(PROMISES):
            return
        line = self.lines.setdefault(test.module, {"tests": 0, "skipped": 0, "attempts": 0,
                                                   "failures": 0, "added_ms": None})
        figures = result.get("figures", {})
        line["tests"] += 1
        line["skipped"] += result["state"] == "skip"
        line["attempts"] += figures.get("attempts", 0)
        # A failed test is at least one.
        line["failures"] += max(figures.get("failures", 0), result["state"] == "FAIL")
        if figures.get("added_ms") is not None:
            line["added_ms"] = max(line["added_ms"] or 0, figures["added_ms"])

    def show(self):
        if not self.lines:
            return
        print(f"{'promise':58} {'tests':>5} {'skipped':>7} {'attempts':>9} {'failures':>8} "
              f"{'worst added':>12}")
        for name, line in self.lines.items():
            words = name.removeprefix(PROMISES).replace("_", " ")
            added = "-" if line["added_ms"] is None else f"{line['added_ms']:.0f} ms"
            print(f"{words:58} {line['tests']:5} {line['skipped']:7} {line['attempts']:9} "
                  f"{line['failures']:8} {added:>12}")


def run(tests, arguments):
    """Runs them all. Whatever ends this process in order ends what it started, too."""
    running = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run_all(tests, arguments, running)
    finally:
        for one in running:
            try:
                os.killpg(one.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            shutil.rmtree(one.directory, ignore_errors=True)


def run_all(tests, arguments, running):
    waiting = sorted(tests, key=lambda t: (t.is_alone, not t.mostly_waits))
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    failed = []
    table = Table()
    while waiting or running:
        while waiting:
            busy = sum(not r.test.mostly_waits for r in running)
            if busy >= max(1, arguments.jobs) and not waiting[0].mostly_waits:
                break
            if running and (waiting[0].is_alone or running[0].test.is_alone):
                break
            running.append(Running(waiting.pop(0), arguments))
        ready, _, _ = select.select([r.reader for r in running], [], [], 0.5)
        for one in list(running):
            is_done = False
            if one.reader in ready:
                piece = os.read(one.reader, 65536)
                one.text += piece
                is_done = not piece
            if is_done or one.is_over_limit():
                running.remove(one)
                result = one.finish(is_timeout=not is_done)
                counts[result["state"]] += 1
                print_result(one.test, result)
                table.add(one.test, result)
                if result["state"] == "FAIL":
                    failed.append(one.test.name)
                if result["state"] == "FAIL" and arguments.keep:
                    print(f"       kept: {one.directory}")
                else:
                    shutil.rmtree(one.directory, ignore_errors=True)
    table.show()
    if failed:
        print("failed: " + " ".join(failed))
    if counts["skip"]:
        print(f"{counts['skip']} skipped")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return 1 if counts["FAIL"] else 0
