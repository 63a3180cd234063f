"""A corporate proxy in front: used by both modes, its password nowhere on disk."""
import pathlib

from rig import wire
from rig.check import check, equal
from rig.servers import ConnectProxy

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}
PASSWORD = "canary-pa55"


def start(world, user="alice", password=PASSWORD, config_user="alice", more="", daemon=True):
    world.start_provider()
    proxy = ConnectProxy(world.provider.port, user, password)
    world.on_close(proxy.close)
    login = f"{config_user}:{PASSWORD}@" if config_user else ""
    world.write_config(connect_to=[],
                       upstream=f'proxy = "http://{login}127.0.0.1:{proxy.port}"\n{more}')
    world.start_edge()
    if daemon:
        world.start_daemon()
        world.wait_metering()
    return proxy


def test_metered_calls_go_through_the_proxy(world):
    proxy = start(world)
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered")
    world.wait_rows(1)
    check(f"{HOST}:443" in proxy.targets, f"the proxy saw {proxy.targets}")


def test_passthrough_goes_through_the_proxy(world):
    proxy = start(world, daemon=False)
    answer = world.call("POST", "/v1/messages", CLAUDE, trust=world.trust_file("provider"))
    equal(answer.status, 200, "status")
    equal(proxy.targets, [f"{HOST}:443"], "targets at the proxy")


def test_fail_open_goes_through_the_proxy_too(world):
    proxy = start(world)
    world.daemon.kill()
    before = len(proxy.targets)
    equal(world.call("POST", "/v1/messages", CLAUDE).status, 200, "status")
    equal(len(proxy.targets), before + 1, "connections at the proxy")


def test_wrong_login_is_a_failed_connect_never_a_200(world):
    start(world, config_user="mallory", daemon=False)
    head, _ = wire.ask(world.edge_port, f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
    check(wire.status_of(head) in (407, 502), f"answer {head[:80]!r}")


def test_proxy_without_login(world):
    start(world, user=None, config_user=None)
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered")


def test_no_proxy_names_go_direct(world):
    """A name under no_proxy is dialled itself: here it does not exist, so the dial fails."""
    proxy = start(world, more='no_proxy = ["direct.invalid"]\n', daemon=False)
    head, _ = wire.ask(world.edge_port, b"CONNECT www.direct.invalid:443 HTTP/1.1\r\n\r\n", 30)
    check(wire.status_of(head) >= 500, f"answer {head[:60]!r}")
    equal([t for t in proxy.targets if "direct.invalid" in t], [], "targets at the proxy")


def test_loopback_never_goes_through_the_proxy(world):
    from rig.servers import Echo
    proxy = start(world, daemon=False)
    echo = Echo()
    world.on_close(echo.close)
    with wire.open_tunnel(world.edge_port, f"127.0.0.1:{echo.port}") as tunnel:
        tunnel.sendall(b"direct")
        equal(tunnel.recv(100), b"direct", "echo")
    equal(proxy.targets, [], "targets at the proxy")


def test_the_password_is_nowhere(world):
    start(world)
    world.call("POST", "/v1/messages", CLAUDE)
    world.wait_rows(1)
    world.run("status", "--json")
    import base64
    secrets = [PASSWORD.encode(), base64.b64encode(f"alice:{PASSWORD}".encode())]
    texts = {"status": world.run("status", "--json").stdout, "report": world.run("report").stdout,
             "edge log": world.edge.log().encode(), "daemon log": world.daemon.log().encode()}
    for process in (world.edge, world.daemon):
        for name in ("cmdline", "environ"):
            file = pathlib.Path(f"/proc/{process.pid}/{name}")
            texts[str(file)] = file.read_bytes()
    for path in world.home.rglob("*"):
        if path.is_file() and path.name != "config.toml":
            texts[path.name] = path.read_bytes()
    for where, text in texts.items():
        for secret in secrets:
            check(secret not in text, f"the proxy password is in {where}")
