"""No DNS, only IPv6, a corporate proxy that wants a password: what worked without us works with us,
with a daemon and without; what cannot work fails soon and with a reason."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

from rig import cage, wire
from rig.check import Skipped, check, equal, eventually
from rig.load import Stopwatch
from rig.servers import Resolver
from rig.world import PROVIDER_HOSTS, Process

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}
SIX = "fd00:a:b::7"
ALICE = ("alice", "correct-horse")

IN_CAGE = True


def works(world, is_metered, count=3):
    for number in range(count):
        answer = world.call("POST", "/v1/messages", CLAUDE)
        world.count(failures=answer.status != 200)
        equal(answer.status, 200, f"status of call {number}")
        equal(answer.is_metered, is_metered, f"whether call {number} was metered")


def works_with_and_without_daemon(world):
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    works(world, True)
    world.daemon.kill()
    works(world, False)


def connect_is_refused(world, target, statuses):
    began = time.monotonic()
    head, body = wire.ask(world.edge_port, f"CONNECT {target} HTTP/1.1\r\n\r\n".encode(), 60)
    world.count(failures=wire.status_of(head) not in statuses)
    check(wire.status_of(head) in statuses, f"answer {head[:80]!r}")
    check(body.strip(), "no reason is given")
    return time.monotonic() - began


# Names ----------------------------------------------------------------------------------------

def test_dns_is_gone_and_comes_back(world):
    """Silent at first: tools get an answer within the limit for names, nothing else waits for it;
    once it speaks again, so do we, without a restart."""
    resolver = Resolver("127.0.0.53", {"other.example.test": "127.0.0.1"})
    resolver.is_silent = True
    cage.use_resolver("127.0.0.53")
    world.start()
    waiting = threading.Thread(target=connect_is_refused, daemon=True,
                               args=(world, "other.example.test:443", (502, 504)))
    waiting.start()
    works(world, True)  # meanwhile; their addresses are configured
    waiting.join(40)
    check(not waiting.is_alive(), "a look-up has no end")
    check(resolver.asked, "nobody asked")
    resolver.is_silent = False
    port = world.provider.port

    def is_back():
        with contextlib.suppress(ConnectionError):
            with wire.open_tunnel(world.edge_port, f"other.example.test:{port}"):
                return True
    eventually(is_back, "names are resolved again", limit_s=30)


def test_dns_says_no(world):
    Resolver("127.0.0.53", {})
    cage.use_resolver("127.0.0.53")
    world.start()
    connect_is_refused(world, "nobody.example.test:443", (502,))
    world.daemon.kill()
    connect_is_refused(world, "nobody.example.test:443", (502,))


def test_no_resolver_at_all(world):
    pathlib.Path("/etc/resolv.conf").write_text("")
    world.start()
    connect_is_refused(world, "nobody.example.test:443", (502, 504))
    works(world, True)


# Addresses ------------------------------------------------------------------------------------

def start_provider_at(world, address):
    world.start_provider("--listen", address, "--port", "443")
    world.write_config(connect_to=[])


def test_providers_have_ipv6_only(world):
    cage.add_address_6(SIX)
    cage.name_hosts(PROVIDER_HOSTS, SIX)
    start_provider_at(world, SIX)
    works_with_and_without_daemon(world)


def test_ipv6_is_announced_and_leads_nowhere(world):
    """A dead IPv6 beside a living IPv4: calls take the living one and are little slower for it."""
    cage.add_address_6(SIX)
    cage.add_address("10.9.8.7", 1)
    dead = socket.socket(socket.AF_INET6)
    dead.bind((SIX, 443))
    dead.listen(0)  # and its queue is full: what comes is dropped
    fillers = [socket.socket(socket.AF_INET6) for _ in range(8)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex((SIX, 443))
    cage.name_hosts(PROVIDER_HOSTS, SIX)
    cage.name_hosts(PROVIDER_HOSTS, "10.9.8.7")
    start_provider_at(world, "10.9.8.7")
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    direct = Stopwatch(world, lambda: wire_direct(world, "10.9.8.7"))
    direct.call = lambda: works(world, True, 1)
    for _ in range(3):
        direct.count()
    world.daemon.kill()
    direct.call = lambda: works(world, False, 1)
    for _ in range(3):
        direct.count()


def wire_direct(world, address):
    with socket.create_connection((address, 443), 30) as connection:
        with wire.start_tls(connection, HOST, world.trust_file()) as tls:
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, CLAUDE, {}))
            wire.read_answer(tls, "POST")


# A corporate proxy ------------------------------------------------------------------------------

def need(*programs):
    for name in programs:
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not found:
            raise Skipped(f"no {name} here")
    return found


def start_squid(world):
    squid = need("squid")
    helper = next((p for p in pathlib.Path("/usr/lib").glob("**/squid/basic_ncsa_auth")), None)
    if not helper:
        raise Skipped("no basic_ncsa_auth here")
    folder = pathlib.Path("/run/squid-test")
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    secret = subprocess.run(["openssl", "passwd", "-apr1", ALICE[1]], capture_output=True,
                            text=True, check=True).stdout.strip()
    (folder / "users").write_text(f"{ALICE[0]}:{secret}\n")
    (folder / "conf").write_text(f"""http_port 127.0.0.1:3128
pid_filename {folder}/pid
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log
coredump_dir {folder}
cache deny all
cache_mem 8 MB
shutdown_lifetime 0 seconds
auth_param basic program {helper} {folder}/users
auth_param basic children 2 startup=1
auth_param basic realm the company
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
""")
    process = Process("squid", [squid, "-N", "-f", str(folder / "conf")], world.directory,
                      world.environment())
    world.on_close(process.kill)
    eventually(lambda: wire.connect(3128).close() or True, "squid listens", limit_s=30)
    return lambda: (folder / "access.log").read_text()


def start_tinyproxy(world):
    program = need("tinyproxy")
    folder = pathlib.Path("/run/tinyproxy-test")
    folder.mkdir()
    (folder / "conf").write_text(f"""Port 3128
Listen 127.0.0.1
Timeout 600
LogFile "{folder}/log"
LogLevel Connect
PidFile "{folder}/pid"
MaxClients 100
BasicAuth {ALICE[0]} {ALICE[1]}
ConnectPort 443
""")
    process = Process("tinyproxy", [program, "-d", "-c", str(folder / "conf")], world.directory,
                      world.environment())
    world.on_close(process.kill)
    eventually(lambda: wire.connect(3128).close() or True, "tinyproxy listens", limit_s=30)
    return lambda: (folder / "log").read_text()


def behind(world, start_proxy):
    cage.add_address("10.9.8.7", 1)
    cage.name_hosts(PROVIDER_HOSTS, "10.9.8.7")
    read_log = start_proxy(world)
    world.start_provider("--listen", "10.9.8.7", "--port", "443")
    world.write_config(connect_to=[],
                       upstream=f'proxy = "http://{ALICE[0]}:{ALICE[1]}@127.0.0.1:3128"\n')
    works_with_and_without_daemon(world)
    check(read_log().count(HOST) >= 6, "calls did not go through the proxy")
    world.edge.stop()
    config = world.home / "config.toml"
    config.write_text(config.read_text().replace(ALICE[1], "wrong"))
    world.start_edge()
    connect_is_refused(world, f"{HOST}:443", (407, 502))


def test_behind_squid_with_a_password(world):
    behind(world, start_squid)


def test_behind_tinyproxy_with_a_password(world):
    behind(world, start_tinyproxy)
