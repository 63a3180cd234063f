"""Another user of the machine is neither metered nor let in, and cannot catch our tools by sitting
on our port."""
import shutil
import time

from rig import wire
from rig.check import Skipped, check, equal, eventually
from rig.systemd import API_PORT, EDGE_PORT, INTERNAL_PORT, PROGRAM, Machine

HOST = "api.anthropic.com"
BODY = '{"model":"claude-sonnet-4-5"}'
IN_CAGE = True
# A squatter that takes whatever comes and shows that it did.
SQUATTER = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    data = connection.recv(4096)
    print(data.decode(errors="replace").split("\\r\\n")[0], flush=True)
    connection.close()
"""


def start_parts(user):
    user.start("edge", PROGRAM, "edge")
    user.start("daemon", PROGRAM, "daemon")
    user.wait_chaining()


def call(user, *more):
    environment = user.environment(HTTPS_PROXY=f"http://127.0.0.1:{EDGE_PORT}")
    return user.run("curl", "-sS", "--http1.1", "--fail", "--max-time", "20", *more, "--json", BODY,
                    f"https://{HOST}/v1/messages", environment=environment)


def test_their_calls_pass_our_edge_unread(world):
    """Somebody else who uses our port sees the provider's own certificate, and leaves no row."""
    machine = Machine(world)
    machine.add_provider()
    owner, guest = machine.add_user("owner"), machine.add_user("guest")
    start_parts(owner)
    equal(call(owner, "--cacert", owner.data / "ca.pem").returncode, 0, "the owner's call")
    eventually(lambda: len(owner.rows()) == 1, "the owner's row")
    for number in range(5):
        done = call(guest)  # with the system's roots alone
        world.count(failures=done.returncode != 0)
        equal(done.returncode, 0, f"call {number} of somebody else ({done.error})")
    equal(call(owner, "--cacert", owner.data / "ca.pem").returncode, 0, "the owner's second call")
    eventually(lambda: len(owner.rows()) == 2, "the owner's second row")


def test_their_hands_off_our_home_and_processes(world):
    machine = Machine(world)
    machine.add_provider()
    owner, guest = machine.add_user("owner"), machine.add_user("guest")
    start_parts(owner)
    for path in (owner.data, owner.data / "db.sqlite", owner.data / "ca"):
        done = guest.run("cat" if path.suffix else "ls", path)
        check(done.returncode != 0, f"{path} is open to others")
    # Their verbs must not touch ours, also not those that stop and remove.
    for verb in (["status"], ["report"], ["reset-proxy"]):
        guest.run(PROGRAM, *verb)
    equal(call(owner, "--cacert", owner.data / "ca.pem").returncode, 0, "the owner's call")
    eventually(lambda: len(owner.rows()) == 1, "the owner's row")


def squat(machine, user, port):
    python = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin")
    if not python:
        raise Skipped("no python3 that another user may run")
    squatter = user.start(f"squatter-{port}", python, "-c", SQUATTER, str(port))
    eventually(lambda: "ready" in squatter.out.read_text(), "the squatter listens")
    return squatter


def test_a_squatter_on_our_port_gets_no_call(world):
    """Somebody else was first on 8081: `run` must not send keys there. The tool works without us,
    or is not started with a word that says why."""
    machine = Machine(world)
    machine.add_provider()
    owner, guest = machine.add_user("owner"), machine.add_user("guest")
    squatter = squat(machine, guest, EDGE_PORT)
    edge = owner.start("edge", PROGRAM, "edge")
    eventually(lambda: not edge.is_alive(), "the edge gives up without its port")
    check(str(EDGE_PORT) in edge.log(), f"the edge says {edge.log()}")
    for _ in range(3):
        done = owner.run(PROGRAM, "run", "--", "curl", "-sS", "--fail", "--max-time", "20",
                         "--json", BODY, f"https://{HOST}/v1/messages")
        is_told = "another user" in done.error
        world.count(failures=done.returncode != 0 and not is_told)
        check(done.returncode == 0 or is_told, f"the tool under run ended: {done.error}")
    said = squatter.out.read_text()
    check("CONNECT" not in said, f"a stranger was given a call: {said}")


def test_squatters_behind_the_edge_get_no_call(world):
    """Somebody else sits where our daemon would listen while it is away."""
    machine = Machine(world)
    machine.add_provider()
    owner, guest = machine.add_user("owner"), machine.add_user("guest")
    start_parts(owner)
    daemon = next(p for p in machine.started if p.name == "owner-daemon")
    daemon.kill()
    equal(call(owner).returncode, 0, "a call without daemon")  # now the edge knows
    squatters = [squat(machine, guest, port) for port in (INTERNAL_PORT, API_PORT)]
    for _ in range(5):
        done = call(owner)
        world.count(failures=done.returncode != 0)
        equal(done.returncode, 0, f"call ({done.error})")
    check("CONNECT" not in squatters[0].out.read_text(), "a stranger was offered a call")
    owner.start("daemon", PROGRAM, "daemon")  # finds other ports

    def is_metered():
        return call(owner, "--cacert", owner.data / "ca.pem").returncode == 0
    eventually(is_metered, "metered again, beside the squatters", limit_s=20, pause_s=0.2)


def test_two_users_meter_beside_each_other(world):
    """The second one's edge must not take the first one's port, nor be taken for it."""
    machine = Machine(world)
    machine.add_provider()
    owner, guest = machine.add_user("owner"), machine.add_user("guest")
    start_parts(owner)
    guest.make_folder(guest.data)
    guest.write(".halton-meter/config.toml", "[daemon]\nedge_port = 18081\n")
    start_parts(guest)
    for user, port in ((owner, EDGE_PORT), (guest, 18081)):
        with wire.connect(port):
            pass

        def is_metered(who=user):
            # The edge of the second one may take the first one's daemon for its own for a moment,
            # and is declined there: such a call passes.
            done = who.run(PROGRAM, "run", "--", "curl", "-sS", "--fail", "--json", BODY,
                           f"https://{HOST}/v1/messages")
            world.count(failures=done.returncode != 0)
            check(done.returncode == 0, f"call of {who.name} ({done.error})")
            return who.rows()
        eventually(is_metered, f"a row of {user.name}", pause_s=0.3)
        if user is owner:
            time.sleep(0.5)  # of two calls the second one's row may come a moment later
            rows = len(owner.rows())
    equal(len(owner.rows()), rows, "the first one's rows, after the second one's calls")
