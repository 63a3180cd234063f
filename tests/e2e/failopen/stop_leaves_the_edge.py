"""`stop` ends the metering and nothing else: tools keep working through the same edge process."""
import os
import time

from rig.check import check, equal, eventually
from rig.load import Load
from rig.systemd import DAEMON, EDGE, EDGE_PORT, installed

IN_CAGE = True


def test_tools_go_on_unmetered(world):
    user = installed(world)
    user.must_call(is_metered=True)
    edge = user.main_pid(EDGE)
    load = Load(world, EDGE_PORT)
    user.meter("stop")
    equal(user.main_pid(DAEMON), 0, "the daemon's process")
    for _ in range(5):
        user.must_call(is_metered=False)
    equal(user.main_pid(EDGE), edge, "the edge's process")
    user.meter("start")
    user.wait_chaining()
    user.must_call(is_metered=True)
    equal(user.main_pid(EDGE), edge, "the edge's process after start")
    equal(load.finish()["tunnels_cut"], 0, "tunnels cut")


def test_nobody_starts_it_again(world):
    user = installed(world)
    user.meter("stop")
    for _ in range(6):  # the supervisor's restart would come after one second
        time.sleep(0.5)
        equal(user.main_pid(DAEMON), 0, "the daemon's process")
    equal(user.unit(DAEMON, "ActiveState")["ActiveState"], "inactive", "the daemon's unit")
    # Somebody's script starts it by hand within half a minute: it takes the hint.
    done = user.run("timeout", "20", "halton-meter", "daemon")
    check(done.returncode != 124, "a daemon that is started after a stop stays")
    user.must_call(is_metered=False)


def test_stop_and_start_is_a_restart(world):
    user = installed(world)
    for _ in range(3):
        user.meter("stop")
        user.meter("start")
        user.wait_chaining()
        user.must_call(is_metered=True)


def test_start_brings_an_edge_that_is_missing(world):
    user = installed(world)
    user.systemctl("stop", "halton-meter-edge.socket", EDGE)
    user.meter("start")
    user.wait_chaining()
    user.must_call(is_metered=True)


def test_a_crashed_daemon_comes_back_by_itself(world):
    user = installed(world)
    for _ in range(2):
        pid = user.main_pid(DAEMON)
        os.kill(pid, 9)
        user.must_call(is_metered=False)
        eventually(lambda old=pid: user.main_pid(DAEMON) not in (0, old), "a new daemon",
                   limit_s=20, pause_s=0.1)
        user.wait_chaining()
        user.must_call(is_metered=True)
