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

from .check import Failed, Skipped
from .world import World


class Test:
    def __init__(self, module, function):
        self.function = function
        self.name = f"{module.__name__}.{function.__name__.removeprefix('test_')}"
        # Heavy tests say `test_x.limit_s = 300`.
        self.limit_s = getattr(function, "limit_s", 90)
        self.is_alone = getattr(function, "is_alone", False)


def find_tests(folder, filters):
    tests = []
    for file in sorted(pathlib.Path(folder).glob("*.py")):
        module = importlib.import_module(file.stem)
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


def run_one(test, arguments, directory):
    world = World(arguments.binary, arguments.provider, directory)
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
    return {"state": state, "message": message, "detail": detail}


def print_result(test, result):
    line = f"{result['state']:4} {test.name} ({result['seconds']:.1f} s)"
    if result["message"]:
        line += f": {result['message']}"
    print(line)
    if result["state"] == "FAIL":
        for text in result["detail"].splitlines():
            print(f"       {text}")
    sys.stdout.flush()


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
    waiting = [t for t in tests if not t.is_alone] + [t for t in tests if t.is_alone]
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    failed = []
    while waiting or running:
        while waiting and len(running) < max(1, arguments.jobs):
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
                if result["state"] == "FAIL":
                    failed.append(one.test.name)
                if result["state"] == "FAIL" and arguments.keep:
                    print(f"       kept: {one.directory}")
                else:
                    shutil.rmtree(one.directory, ignore_errors=True)
    if failed:
        print("failed: " + " ".join(failed))
    if counts["skip"]:
        print(f"{counts['skip']} skipped")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return 1 if counts["FAIL"] else 0
