"""The second net under a system proxy: the daemon's health is looked at every 1.5 s; after five
failures in a row the proxy is switched off, once, and only where it is ours."""
import http.server
import shutil
import signal
import threading
import time

from rig.check import Skipped, check, equal, eventually
from rig.systemd import API_PORT, EDGE_PORT, PROGRAM, Machine

IN_CAGE = True
MOSTLY_WAITS = True
SCHEMA = "org.gnome.system.proxy"
POLL_S, FAILURES = 1.5, 5


class Daemon(http.server.ThreadingHTTPServer):
    """Stands on the API port, is well or not, and counts who asks."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.looks.append((time.monotonic(), outer.is_well))
                self.send_response(200 if outer.is_well else 503)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.is_well, self.looks = True, []
        super().__init__(("127.0.0.1", API_PORT), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def failures(self):
        return [when for when, was_well in self.looks if not was_well]

    def wait_looks(self, count):
        before = len(self.looks)
        eventually(lambda: len(self.looks) >= before + count, f"{count} looks", limit_s=60)


class Desktop:
    """A user whose GNOME leads everything to a proxy."""

    def __init__(self, world, host="127.0.0.1", port=EDGE_PORT):
        if not shutil.which("gsettings"):
            raise Skipped("no gsettings here")
        self.world = world
        self.user = Machine(world).add_user("tester")
        self.user.log_in()
        if SCHEMA not in self.user.run("gsettings", "list-schemas").text.split():
            raise Skipped("no GNOME settings here")
        for name in ("http", "https"):
            self.set(f"{SCHEMA}.{name}", "host", host)
            self.set(f"{SCHEMA}.{name}", "port", port)
        self.set(SCHEMA, "ignore-hosts", "['intranet.test']")
        self.switch_on()

    def set(self, schema, key, value):
        self.user.must("gsettings", "set", schema, key, value)

    def get(self, schema, key):
        return self.user.must("gsettings", "get", schema, key).text.strip()

    def switch_on(self):
        self.set(SCHEMA, "mode", "manual")

    def is_on(self):
        return self.get(SCHEMA, "mode") == "'manual'"

    def watch(self):
        process = self.user.start("watchdog", PROGRAM, "watchdog")
        eventually(lambda: "watchdog.startup.ready" in process.log(), "the watchdog watches")
        return process


def test_after_five_failures_and_then_no_more(world):
    desktop, daemon = Desktop(world), Daemon()
    watchdog = desktop.watch()
    daemon.wait_looks(2)
    check(desktop.is_on(), "switched off although the daemon is well")
    daemon.is_well = False
    eventually(lambda: not desktop.is_on(), "the proxy is switched off", limit_s=60, pause_s=0.05)
    looks = daemon.failures()
    world.count(failures=len(looks) != FAILURES)
    equal(len(looks), FAILURES, "failed looks until it acted")
    pauses = [later - earlier for earlier, later in zip(looks, looks[1:])]
    check(min(pauses) > POLL_S * 0.6, f"looks came {pauses} s apart")
    equal(desktop.get(SCHEMA, "ignore-hosts"), "['intranet.test']", "the user's own list")
    equal(desktop.get(f"{SCHEMA}.https", "host"), "'127.0.0.1'", "the setting itself")
    desktop.switch_on()  # the user's will, while the daemon is away
    daemon.wait_looks(FAILURES + 2)
    world.count(failures=not desktop.is_on())
    check(desktop.is_on(), "it acted a second time")
    # Only a daemon that was well in between makes it act again.
    daemon.is_well = True
    daemon.wait_looks(2)
    daemon.is_well = False
    eventually(lambda: not desktop.is_on(), "it acts on the next outage", limit_s=60, pause_s=0.1)
    check(watchdog.is_alive(), "the watchdog is gone")
    eventually(lambda: watchdog.log().count("watchdog.switched_off") == 2, "two actions in the log")


def test_not_before_the_fifth(world):
    desktop, daemon = Desktop(world), Daemon()
    desktop.watch()
    for _ in range(2):
        daemon.is_well = False
        count = len(daemon.failures())
        eventually(lambda wanted=count + FAILURES - 1: len(daemon.failures()) >= wanted,
                   "four failures", limit_s=60)
        daemon.is_well = True
        daemon.wait_looks(1)
        world.count(failures=not desktop.is_on())
        check(desktop.is_on(), "switched off after four failures")


def test_not_on_what_is_not_ours(world):
    desktop, daemon = Desktop(world, "proxy.company.test", 3128), Daemon()
    desktop.watch()
    daemon.is_well = False
    daemon.wait_looks(FAILURES + 2)
    world.count(failures=not desktop.is_on())
    check(desktop.is_on(), "somebody else's proxy was switched off")


def test_when_nobody_listens_at_all(world):
    """The real case: the daemon is killed, its port is closed."""
    desktop = Desktop(world)
    user = desktop.user
    daemon = user.start("daemon", PROGRAM, "daemon")
    eventually(lambda: "daemon.startup.ready" in daemon.log(), "the daemon is ready")
    desktop.switch_on()
    watchdog = desktop.watch()
    daemon.signal(signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: not desktop.is_on(), "the proxy is switched off", limit_s=60, pause_s=0.1)
    took_s = time.monotonic() - began
    world.count(added_ms=None)
    world.notes.append(f"switched off after {took_s:.1f} s")
    check(took_s > POLL_S * (FAILURES - 2), f"already after {took_s:.1f} s")
    check(watchdog.is_alive(), "the watchdog is gone")


def test_it_ends_where_there_is_nothing_to_switch(world):
    """No tool for a system proxy: it says so and ends; no supervisor starts it in a loop."""
    user = Machine(world).add_user("tester")
    done = user.run(PROGRAM, "watchdog", limit_s=20,
                    environment={**user.environment(), "PATH": "/nonexistent"})
    world.count(failures=done.returncode != 0)
    equal(done.returncode, 0, f"exit code ({done.error})")
    check((done.text + done.error).strip(), "silence")
