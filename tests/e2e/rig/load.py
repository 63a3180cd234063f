"""Load on the edge, and what its clients noticed."""
import json
import signal
import socket
import statistics
import time

from .check import Failed, check, eventually
from .world import Process


ECHO = "echo.example.test"  # where the load goes: a host that the daemon is offered and declines


def pick_port():
    """A port that is free now, and most likely still is in a second."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Load(Process):
    """connect_load in the background: new connections at a rate, beside tunnels that stay open.
    `echo_port`: its far end, where the config leads ECHO; without it nothing is offered to the
    daemon."""

    def __init__(self, world, port, *, rate=1000, tunnels=20, echo_port=None):
        self.world = world
        ready = world.directory / "load.ready"
        ready.unlink(missing_ok=True)
        (world.directory / "load.out").unlink(missing_ok=True)
        command = [world.load_program, "--port", str(port), "--rate", str(rate), "--tunnels",
                   str(tunnels), "--ready-file", str(ready)]
        if echo_port:
            command += ["--echo-port", str(echo_port), "--target", f"{ECHO}:443"]
        super().__init__("load", command, world.directory, world.environment())
        world.on_close(self.kill)
        eventually(ready.exists, "the load has begun")

    def finish(self, may_be_cut=False):
        """Ends it, counts it in the table, fails if any client was let down; the figures."""
        self.signal(signal.SIGTERM)
        self.popen.wait(60)
        found = json.loads(self.out.read_text())
        failures = found["failures"] - (found["tunnels_cut"] if may_be_cut else 0)
        self.world.count(found["attempts"] + found["tunnels_opened"], failures,
                         (found["worst_us"] - found["p50_us"]) / 1000)
        self.world.notes.append(
            f"{found['attempts']} connections in {found['seconds']:.1f} s, worst "
            f"{found['worst_us'] / 1000:.0f} ms, {found['tunnels_opened']} tunnels")
        check(found["completed"] > 0, "the load made no connection")
        check(failures == 0, lambda: f"{failures} connections failed: {json.dumps(found)}")
        return found


class Stopwatch:
    """How much longer calls take than usual; goes into the table. `bound_s` is the sum of the
    product's own limits that such a call may run into, made generous for a loaded machine."""

    def __init__(self, world, call, bound_s=20):
        self.world = world
        self.call = call
        self.bound_s = bound_s
        self.usual_s = statistics.median(self.time() for _ in range(5))

    def time(self):
        began = time.monotonic()
        self.call()
        return time.monotonic() - began

    def count(self):
        """One call that must succeed; the seconds it took more than usual."""
        try:
            added_s = max(0, self.time() - self.usual_s)
        except Exception as error:
            self.world.count(failures=1)
            raise Failed(f"a call failed: {error!r}") from error
        self.world.count(added_ms=added_s * 1000)
        check(added_s < self.bound_s, f"a call took {added_s:.1f} s longer than usual")
        return added_s
