"""`uninstall --graceful` takes everything away but the running edge, which passes calls through
until the next reboot and does not come back after it."""
import os
import pwd

from rig import wire
from rig.check import check, equal
from rig.load import Load
from rig.systemd import EDGE_PORT, installed

IN_CAGE = True


def is_refused():
    try:
        wire.connect(EDGE_PORT).close()
        return False
    except ConnectionRefusedError:
        return True


def edge_pids(user):
    """Processes of that user on the edge's role."""
    return [int(pid) for pid in user.run("pgrep", "-u", str(user.uid), "-f",
                                         "halton-meter edge( |$)").text.split()]


def test_until_the_reboot(world):
    user = installed(world)
    user.must_call(is_metered=True)
    edges = edge_pids(user)
    check(edges, "no edge is found")
    load = Load(world, EDGE_PORT)
    user.meter("uninstall", "--graceful")
    for _ in range(5):
        user.must_call(is_metered=False)
    equal(edge_pids(user), edges, "the edge's process")
    equal(load.finish()["tunnels_cut"], 0, "tunnels cut")
    units = user.home / ".config/systemd/user"
    equal([p.name for p in units.rglob("halton-meter*")] if units.exists() else [], [],
          "unit files")
    user.log_out()
    check(is_refused(), "the edge outlived the reboot")
    user.log_in()
    check(is_refused(), "the edge came back after the reboot")


def test_without_graceful_it_is_gone_and_says_so(world):
    user = installed(world)
    done = user.meter("uninstall")
    check(is_refused(), "the edge stayed")
    equal(edge_pids(user), [], "edges")
    check("--graceful" in done.text + done.error, f"no hint at --graceful: {done.text}")


def test_after_graceful_a_new_init_works(world):
    user = installed(world)
    user.meter("uninstall", "--graceful")
    load = Load(world, EDGE_PORT)
    user.meter("init", "--apps", "--non-interactive")
    user.wait_chaining()
    user.must_call(is_metered=True)
    load.finish(may_be_cut=True)
    check(not os.path.exists(os.path.join(pwd.getpwuid(0).pw_dir, ".halton-meter")),
          "somebody else's home was used")
