"""Connections that must not be decrypted: the client sees the real server, and no row appears."""
import json
import pathlib
import socket
import ssl
import struct
import subprocess
import sys

from rig import wire
from rig.check import check, equal, eventually

HOST = "api.anthropic.com"
CLAUDE = {"model": "claude-sonnet-4-5"}


def test_unverifiable_upstream_is_shown_to_the_client(world):
    world.start("--expired", "api.x.ai", "--self-signed", "api.openai.com", "--wrong-host",
                "chatgpt.com")
    for host, word in (("api.x.ai", "expired"), ("api.openai.com", "self-signed"),
                       ("chatgpt.com", "Hostname mismatch")):
        equal(world.shown_certificate(f"{host}:443", host), world.own_certificate(host),
              f"certificate of {host}")
        try:
            world.call("POST", "/v1/chat/completions", {}, host)
            check(False, f"{host} was accepted")
        except ssl.SSLCertVerificationError as error:
            check(word in str(error), f"{host} was refused for another reason: {error}")
    check(world.daemon.is_alive(), "the daemon is gone")
    check(world.is_metering(), "other hosts are no longer metered")
    world.no_row()


def test_untrusted_upstream_is_shown_to_the_client(world):
    world.start_provider()
    world.write_config()
    config = world.home / "config.toml"
    config.write_text("\n".join(line for line in config.read_text().splitlines()
                                if not line.startswith("ca_file")))
    world.start_edge()
    world.start_daemon()
    equal(world.shown_certificate(f"{HOST}:443", HOST), world.own_certificate(HOST),
          "certificate")
    answer = world.call("POST", "/v1/messages", CLAUDE)
    check(not answer.is_metered, "an upstream that does not verify was metered")
    equal(world.rows(), [], "rows")


def test_client_certificates_are_between_client_and_upstream(world):
    world.start("--client-certificate", "api.x.ai")
    context = ssl.create_default_context(cafile=world.trust_file())
    context.load_cert_chain(world.provider.client_certificate)
    for _ in range(2):
        with wire.open_tunnel(world.edge_port, "api.x.ai:443") as tunnel:
            with context.wrap_socket(tunnel, server_hostname="api.x.ai") as tls:
                check(not wire.is_issued_by(tls, world.our_ca), "intercepted")
                tls.sendall(wire.to_request("POST", "/v1/chat/completions", "api.x.ai", {}, {}))
                equal(wire.status_of(wire.read_answer(tls, "POST")[0]), 200, "status")
    entry = [c for c in world.provider.ledger("connection") if c["sni"] == "api.x.ai"][-1]
    check(entry["client_certificate"], "the provider saw no client certificate")
    world.no_row()


def test_hello_without_server_name_is_tunnelled(world):
    world.start()
    equal(world.shown_certificate(f"{HOST}:443", None), world.own_certificate(None),
          "certificate")
    world.no_row()


def test_hello_with_a_foreign_name_is_tunnelled(world):
    world.start("--name", "other.test")
    equal(world.shown_certificate(f"{HOST}:443", "other.test"),
          world.own_certificate("other.test"), "certificate")
    world.no_row()


def test_hosts_outside_the_table_are_tunnelled(world):
    world.start_provider("--name", "www.example.test", "--name", "api.anthropic.com.evil.test")
    hosts = ["www.example.test", "api.anthropic.com.evil.test", "notapi.x.ai"]
    world.write_config(connect_to=[f"{h}:443=127.0.0.1:{world.provider.port}"
                                   for h in hosts + [HOST]])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    for host in hosts:
        equal(world.shown_certificate(f"{host}:443", host), world.own_certificate(host),
              f"certificate of {host}")
    world.no_row()


def test_excluded_hosts_are_tunnelled_and_extra_hosts_intercepted(world):
    world.start_provider("--name", "llm.example.test")
    world.write_config('[intercept]\nexclude_hosts = ["api.openai.com"]\n'
                       'extra_hosts = ["llm.example.test"]\n',
                       connect_to=[f"{h}:443=127.0.0.1:{world.provider.port}"
                                   for h in (HOST, "api.openai.com", "llm.example.test")])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    check(not world.is_metering("api.openai.com"), "an excluded host was intercepted")
    check(world.is_metering("llm.example.test"), "an extra host was not intercepted")


def test_bytes_that_are_not_tls_are_tunnelled(world):
    world.start()
    from rig.servers import Echo
    echo = Echo()
    world.on_close(echo.close)
    config = (world.home / "config.toml").read_text().replace(
        f'"chatgpt.com:443=127.0.0.1:{world.provider.port}"',
        f'"chatgpt.com:443=127.0.0.1:{echo.port}"')
    (world.home / "config.toml").write_text(config)
    world.daemon.stop()
    world.edge.stop()
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    for first in (b"SSH-2.0-test\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 200, b"\x16\x03"):
        with wire.open_tunnel(world.edge_port, "chatgpt.com:443") as tunnel:
            tunnel.sendall(first)
            tunnel.shutdown(socket.SHUT_WR)
            equal(wire.read_all(tunnel), first + b"bye", f"echo of {first[:12]!r}")


def test_server_that_speaks_first_is_not_kept_waiting(world):
    """A tunnel to a metered host's other port, where the server greets."""
    from rig.servers import Echo

    class Greeter(Echo):
        def handle(self, connection):
            connection.sendall(b"220 ready\r\n")
            super().handle(connection)
    greeter = Greeter()
    world.on_close(greeter.close)
    world.start_provider()
    world.write_config(connect_to=[f"{HOST}:443=127.0.0.1:{world.provider.port}",
                                   f"smtp.example.test:25=127.0.0.1:{greeter.port}"])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    with wire.open_tunnel(world.edge_port, "smtp.example.test:25") as tunnel:
        equal(tunnel.recv(100), b"220 ready\r\n", "greeting")


# Clients that refuse our certificate ----------------------------------------------------------

def call_trusting_provider_only(world):
    return world.call("POST", "/v1/messages", CLAUDE, trust=world.trust_file("provider"))


def refuse_by_alert(world):
    try:
        call_trusting_provider_only(world)
        check(False, "our certificate was accepted by a client that does not know it")
    except ssl.SSLCertVerificationError:
        pass


def read_server_flight(world, tunnel):
    """Sends the hello, waits for the server's first bytes."""
    hand = wire.HandTls(wire.trust_context(world.trust_file()), HOST)
    tunnel.sendall(hand.client_hello())
    check(tunnel.recv(65536), "no server hello")


def refuse_by_reset(world):
    tunnel = wire.open_tunnel(world.edge_port, f"{HOST}:443")
    read_server_flight(world, tunnel)
    tunnel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tunnel.close()


def refuse_by_close(world):
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        read_server_flight(world, tunnel)


def close_after_handshake(world):
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()):
            pass


def refuse_after_handshake(world):
    """In a process of its own: this one's calls have gone through."""
    script = pathlib.Path(__file__).parent / "clients" / "silent_close.py"
    subprocess.run([sys.executable, script, str(world.edge_port), HOST, world.trust_file()],
                   check=True, timeout=60)


def refused_once_then_passes(world, refuse, times=1):
    world.start()
    for _ in range(times):
        refuse(world)
    # The refusal is noted when the daemon sees the close: the retry may be a moment too early.
    def retry():
        try:
            return call_trusting_provider_only(world)
        except ssl.SSLCertVerificationError:
            return None
    answer = eventually(retry, "the retry of the refusing client succeeds", limit_s=10)
    equal(answer.status, 200, "status of the retry")
    check(not answer.is_metered, "the retry was metered")
    equal(world.rows(), [], "rows")


def test_refusal_by_alert_makes_the_retry_pass(world):
    world.start()
    refuse_by_alert(world)
    answer = call_trusting_provider_only(world)  # at once, no second chance
    equal(answer.status, 200, "status of the retry")
    equal(world.rows(), [], "rows")


def test_refusal_by_reset_makes_the_retry_pass(world):
    refused_once_then_passes(world, refuse_by_reset)


def test_refusal_by_plain_close_makes_the_retry_pass(world):
    refused_once_then_passes(world, refuse_by_close)


def test_refusal_after_the_handshake_counts_when_repeated(world):
    refused_once_then_passes(world, refuse_after_handshake, times=3)


def test_one_silent_close_after_the_handshake_is_not_a_refusal(world):
    world.start()
    refuse_after_handshake(world)
    for _ in range(3):
        check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "no longer metered")
    world.wait_rows(3)


def test_connections_opened_for_stock_are_no_refusal(world):
    world.start()
    check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "not metered")
    for _ in range(4):
        close_after_handshake(world)
    for _ in range(3):
        check(world.call("POST", "/v1/messages", CLAUDE).is_metered, "no longer metered")
    world.wait_rows(4)


def test_a_refusing_client_does_not_stop_metering_for_others(world):
    world.start()
    refuse_by_alert(world)
    equal(call_trusting_provider_only(world).status, 200, "status of the retry")
    done = world.curl(f"https://{HOST}/v1/messages", "--json", json.dumps(CLAUDE))
    equal(done.returncode, 0, f"curl: {done.error}")
    world.wait_rows(1)


def test_refusal_concerns_its_host_only(world):
    world.start()
    refuse_by_alert(world)
    equal(call_trusting_provider_only(world).status, 200, "status of the retry")
    check(world.call("POST", "/v1/chat/completions", {"model": "gpt-4o"},
                     "api.openai.com").is_metered, "another host is not metered")
    world.wait_rows(1)


def test_refusals_are_shown_in_status(world):
    world.start()
    refuse_by_alert(world)
    equal(call_trusting_provider_only(world).status, 200, "status of the retry")
    def is_shown():
        done = world.run("status", "--json")
        return HOST in done.text
    eventually(is_shown, f"status --json names {HOST}", limit_s=5, pause_s=0.2)


# The bundle ------------------------------------------------------------------------------------

def test_the_bundle_holds_the_system_roots_and_ours(world):
    """Under a variable that replaces the roots, passthrough must still verify the real server."""
    world.start()
    bundle = (world.home / "ca-bundle.pem").read_text()
    count = bundle.count("BEGIN CERTIFICATE")
    check(world.our_ca.read_text().strip().split("\n")[1] in bundle, "our root is not in it")
    check("PRIVATE KEY" not in bundle, "a private key is in it")
    check(count > 1, f"only {count} certificates in ca-bundle.pem")
    context = ssl.create_default_context(cafile=str(world.home / "ca-bundle.pem"))
    check(len(context.get_ca_certs()) >= count - 5, "the bundle does not load")
