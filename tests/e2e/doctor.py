"""doctor: the verdict, the root cause first, one command for each; and what status says was missed."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

from rig import wire
from rig.check import Skipped, check, equal, eventually

CLAUDE = {"model": "claude-sonnet-4-5"}
EXIT_CODES = {"HEALTHY": 0, "INCONSISTENT": 1, "BROKEN": 2}

# Listens on the port given and answers everything with a page of its own.
SQUATTER = """
import os, socket, sys
if len(sys.argv) > 2:
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(64)
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
    connection.close()
"""


class Doctor:
    """One run of doctor --json, and of doctor for people, held against each other."""

    def __init__(self, world, environment=None, cwd=None):
        self.done = world.run("doctor", "--json", environment=environment, cwd=cwd)
        self.json = json.loads(self.done.text)
        self.verdict = self.json["verdict"]
        equal(self.done.returncode, EXIT_CODES[self.verdict], "exit code")
        self.layers = {layer["id"]: layer for layer in self.json["layers"]}
        self.codes = {layer["code"]: layer for layer in self.json["layers"] if layer["code"]}
        for layer in self.json["layers"]:
            check(layer["ok"] or (layer["code"] and layer["detail"]), f"wordless: {layer}")
            check(layer["ok"] or layer["action"], f"no command for {layer}")
        self.findings = {finding["code"]: (tool, finding) for tool in self.json["tools"]
                         for finding in tool["findings"]}
        self.people = world.run("doctor", environment=environment, cwd=cwd)
        self.text = self.people.text
        check(self.text.startswith(self.verdict), f"first line: {self.text[:200]!r}")

    def describe(self):
        faults = {k: v["detail"] for k, v in self.codes.items() if not v["ok"]}
        tools = {k: v[1]["detail"] for k, v in self.findings.items() if not v[1]["ok"]}
        return f"{self.verdict}: {faults} {tools}"

    def has(self, *codes):
        for code in codes:
            check(code in self.codes or code in self.findings, f"no {code}: {self.describe()}")
            check(code in self.text, f"{code} is not in the text: {self.text}")
        return self


def install_by_hand(world, mode="env-only"):
    """The notes of an installation around an edge and a daemon that were started by hand."""
    (world.home / "install-mode").write_text(mode + "\n")


def choose_free_ports(world):
    """A config whose ports nobody has, whatever else runs on this machine."""
    sockets = [socket.socket() for _ in range(3)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    names = ("edge_port", "internal_port", "api_port")
    (world.home / "config.toml").write_text("[daemon]\n" + "".join(
        f"{name} = {port}\n" for name, port in zip(names, ports)))


def kept_files(folder):
    """Everything below, without what a running daemon changes by itself."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                  if not p.name.endswith(("-wal", "-shm")))


def test_everything_down_in_an_empty_home(world):
    choose_free_ports(world)
    doctor = Doctor(world).has("edge.not_listening", "ca.missing")
    equal(doctor.verdict, "BROKEN", doctor.describe())
    check("$ halton-meter init" in doctor.text, doctor.text)
    equal(doctor.json["install_mode"], "none", "mode")
    check(doctor.json["platform"] in ("linux", "macos") and doctor.json["version"], "about")
    equal(kept_files(world.home), ["config.toml"], "files that a look has made")


def test_a_home_that_is_not_there_stays_so(world):
    home = world.directory / "nowhere"
    environment = dict(world.environment(), HALTON_METER_HOME=str(home))
    doctor = Doctor(world, environment).has("data.missing")
    equal(doctor.verdict, "BROKEN", doctor.describe())
    check(not home.exists(), "doctor made the data folder")


def test_all_is_well(world):
    world.start()
    equal(world.call("POST", "/v1/messages", CLAUDE).status, 200, "a call")
    world.wait_rows(1)
    before = kept_files(world.home)
    doctor = Doctor(world)
    equal(doctor.verdict, "HEALTHY", doctor.describe())
    equal(doctor.layers["chain"]["health"], "good", "chain")
    equal(doctor.layers["leaf"]["health"], "good", "leaf")
    equal(doctor.layers["database"]["health"], "good", "database")
    equal(kept_files(world.home), before, "files after a look")
    equal(len(world.rows()), 1, "rows after a look")


def test_edge_alone(world):
    world.start_provider()
    world.write_config()
    world.start_edge()
    doctor = Doctor(world).has("daemon.down")
    equal(doctor.layers["edge"]["health"], "good", "edge")
    # No daemon has ever run here: even that has a cause.
    equal(doctor.layers["chain"]["caused_by"], "authority", "cause of the passthrough")


def test_daemon_down_is_no_broken_traffic(world):
    world.start()
    world.daemon.kill()
    doctor = Doctor(world).has("daemon.down")
    equal(doctor.verdict, "INCONSISTENT", doctor.describe())
    for layer in ("chain", "intercept", "api"):
        equal(doctor.layers[layer]["caused_by"], "daemon", f"cause of {layer}")
    # One command for the cause, none for what follows from it.
    equal(doctor.text.count("       $ "), 1, f"commands in {doctor.text}")


def test_edge_down_breaks_tools(world):
    world.start()
    world.edge.kill()
    doctor = Doctor(world).has("edge.not_listening")
    equal(doctor.verdict, "BROKEN", doctor.describe())
    equal(doctor.layers["chain"]["caused_by"], "edge", "cause of the missing chain")


def test_a_hung_daemon_hangs_nobody(world):
    world.start()
    world.daemon.signal(signal.SIGSTOP)
    try:
        eventually(lambda: not edge_page(world)["mode"] == "chain", "the edge noticed")
        doctor = Doctor(world).has("daemon.unhealthy")
        equal(doctor.verdict, "INCONSISTENT", doctor.describe())
    finally:
        world.daemon.signal(signal.SIGCONT)


def start_squatter(world, *arguments):
    popen = subprocess.Popen([sys.executable, "-c", SQUATTER, "0", *arguments],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    world.on_close(popen.kill)
    port = int(popen.stdout.readline())
    (world.home / "effective-ports.json").write_text(json.dumps(
        {"edge_port": port, "internal_port": 1, "api_port": 2}))
    return popen.pid, port


def test_a_foreign_program_on_the_port(world):
    pid, port = start_squatter(world)
    doctor = Doctor(world)
    equal(doctor.verdict, "BROKEN", doctor.describe())
    check(str(pid) in doctor.text and str(port) in doctor.text, f"not named: {doctor.text}")
    # The command runs, as if we were not there.
    done = world.run("run", "--", "env")
    equal(done.returncode, 0, "exit code")
    check("HTTPS_PROXY" not in done.text, "a proxy was set that is not ours")
    check("does not answer as our edge" in done.error, f"said {done.error!r}")


def test_another_users_port_is_never_exported(world):
    if os.getuid() != 0:
        raise Skipped("another user's process needs root here")
    _, port = start_squatter(world, "65534")
    done = world.run("run", "--", "sh", "-c", "echo [$HTTPS_PROXY] [$NODE_EXTRA_CA_CERTS]")
    equal(done.returncode, 0, "exit code")
    check("65534" in done.error and str(port) in done.error, f"said {done.error!r}")
    equal(done.text.strip(), "[] []", "what the command was told")
    doctor = Doctor(world)
    equal(doctor.verdict, "BROKEN", doctor.describe())
    check("65534" in doctor.text, f"the other user is not named: {doctor.text}")


def test_a_deleted_bundle_is_repaired(world):
    world.start()
    install_by_hand(world)
    bundle = world.home / "ca-bundle.pem"
    bundle.unlink()
    doctor = Doctor(world).has("bundle.missing")
    equal(doctor.verdict, "BROKEN", doctor.describe())
    done = world.run("doctor", "--fix")
    equal(done.returncode, 2, "exit code of the plan")
    check("ca-bundle.pem" in done.text and not bundle.exists(), "--fix alone changed something")
    done = world.run("doctor", "--fix", "--apply")
    check(bundle.exists(), f"not repaired: {done.text} {done.error}")
    equal(done.returncode, 0, f"exit code after the repair ({done.text})")
    equal(Doctor(world).verdict, "HEALTHY", "verdict after the repair")


def test_fix_does_not_install(world):
    choose_free_ports(world)
    before = kept_files(world.user_home)
    done = world.run("doctor", "--fix", "--apply")
    equal(done.returncode, 2, "exit code")
    check("halton-meter init" in done.error, f"said {done.error!r}")
    equal(kept_files(world.user_home), before, "files of the user")
    equal(kept_files(world.home), ["config.toml"], "files of the home")


def test_another_root_in_the_bundle_is_found_by_trying(world):
    world.start()
    bundle = world.home / "ca-bundle.pem"
    ours = world.our_ca.read_text().strip()
    check(ours in bundle.read_text(), "our root is not in the bundle")
    bundle.write_text(bundle.read_text().replace(ours, world.provider.ca.read_text()))
    doctor = Doctor(world)
    equal(doctor.verdict, "BROKEN", doctor.describe())
    check(not doctor.layers["leaf"]["ok"], "the leaf verifies with another root")


def test_a_key_that_does_not_fit_or_is_open(world):
    world.start()
    key = world.home / "ca" / "ca-key.pem"
    key.chmod(0o644)
    doctor = Doctor(world).has("ca.key_readable")
    check(f"chmod 600 '{key}'" in doctor.text, f"no command to paste: {doctor.text}")
    key.chmod(0o600)
    key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    doctor = Doctor(world).has("ca.damaged")
    equal(doctor.verdict, "BROKEN", doctor.describe())


def test_variables_of_the_shell(world):
    world.start()
    environment = world.environment(ALL_PROXY="http://me:hunter2@proxy.example:3128",
                                    NO_PROXY=".anthropic.com", SSL_CERT_FILE="/nowhere/ca.pem")
    doctor = Doctor(world, environment).has("env.all_proxy", "env.no_proxy_covers",
                                            "env.ca_file_gone")
    check("unset ALL_PROXY all_proxy" in doctor.text, doctor.text)
    check("hunter2" not in doctor.text + doctor.done.text, "a password was printed")
    equal(Doctor(world).verdict, "HEALTHY", "verdict without them")


def test_running_tools_with_stale_variables(world):
    world.start()

    def start_tool(**variables):
        popen = subprocess.Popen(["codex", "60"], executable=shutil.which("sleep"),
                                 env=world.environment(SECRET="hunter2", **variables))
        world.on_close(popen.kill)
        return popen.pid
    proxy = f"http://127.0.0.1:{world.edge_port}"
    bundle = str(world.home / "ca-bundle.pem")
    well = start_tool(HTTPS_PROXY=proxy, SSL_CERT_FILE=bundle)
    no_ca = start_tool(HTTPS_PROXY=proxy)
    gone = start_tool(HTTPS_PROXY=proxy, SSL_CERT_FILE=str(world.home / "old-bundle.pem"))
    doctor = eventually(lambda: find_tools(world, well, no_ca, gone), "the tools are seen")
    tools = {tool["pid"]: {f["code"] for f in tool["findings"]} for tool in doctor.json["tools"]}
    equal(tools[well], set(), "the tool that is well")
    equal(tools[no_ca], {"env.no_ca"}, "the tool without a CA")
    equal(tools[gone], {"env.ca_file_gone"}, "the tool with a deleted bundle")
    equal(doctor.verdict, "BROKEN", doctor.describe())
    check(f"pid {gone}" in doctor.text and "restart this tool" in doctor.text, doctor.text)
    check("halton-meter run -- codex" in doctor.text, doctor.text)
    check("hunter2" not in doctor.text + doctor.done.text, "a variable was printed")


def find_tools(world, *pids):
    doctor = Doctor(world)
    found = {tool["pid"] for tool in doctor.json["tools"]}
    return doctor if found >= set(pids) else None


def test_claude_settings_that_lead_elsewhere(world):
    world.start()
    settings = world.user_home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"env": {
        "HTTPS_PROXY": "http://u:hunter2@proxy.example:1", "ANTHROPIC_AUTH_TOKEN": "hunter2",
        "ANTHROPIC_BASE_URL": "https://gateway.example/v1"}}))
    project = world.directory / "project"
    (project / ".claude").mkdir(parents=True)
    (project / ".claude" / "settings.local.json").write_text("{ not json")
    environment = world.environment(PWD=str(project))
    doctor = Doctor(world, environment, project)
    doctor.has("claude.proxy", "claude.base_url", "claude.settings_malformed")
    equal(doctor.verdict, "INCONSISTENT", doctor.describe())
    check("gateway.example" in doctor.text, doctor.text)
    check("hunter2" not in doctor.text + doctor.done.text, "a secret was printed")


def test_a_damaged_database_is_said(world):
    world.start()
    for _ in range(3):
        equal(world.call("POST", "/v1/messages", CLAUDE).status, 200, "a call")
    world.wait_rows(3)
    equal(world.daemon.stop(), 0, "exit code")
    data = bytearray(world.database.read_bytes())
    for at in range(4096, len(data), 1024):
        data[at:at + 64] = b"\xa5" * min(64, len(data) - at)
    world.database.write_bytes(data)
    doctor = Doctor(world)
    check(not doctor.layers["database"]["ok"], f"sound? {doctor.describe()}")


def test_flags(world):
    equal(world.run("doctor", "--apply").returncode, 2, "exit code of --apply alone")
    equal(world.run("doctor", "--nonsense").returncode, 2, "exit code")
    done = world.run("doctor", "--help")
    equal(done.returncode, 0, "exit code of --help")
    for word in ("HEALTHY", "INCONSISTENT", "BROKEN", "--fix", "--apply", "--json"):
        check(word in done.text, f"--help does not say {word}")


# What was not metered -------------------------------------------------------------------------


def edge_page(world):
    head, body = wire.ask(world.edge_port,
                          b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    equal(wire.status_of(head), 200, "status of the edge's page")
    return json.loads(body)


def status(world):
    return json.loads(world.run("status", "--json").text)


def test_the_edge_tells_about_itself(world):
    world.start()
    page = edge_page(world)
    equal((page["role"], page["mode"], page["pid"], page["port"]),
          ("edge", "chain", world.edge.pid, world.edge_port), "the edge's page")
    check(page["chained"] >= 1, f"chained {page['chained']}")
    world.daemon.kill()
    eventually(lambda: edge_page(world)["mode"] == "passthrough", "the edge noticed")
    check(edge_page(world)["daemon_down_since"], "down since when?")
    world.call("POST", "/v1/messages", CLAUDE)
    page = edge_page(world)
    check(page["passthrough"]["daemon-down"] + page["passthrough"]["chain-failed"] >= 1,
          f"passthrough {page['passthrough']}")
    # No web page may ask, by a name of its own that leads here.
    head, _ = wire.ask(world.edge_port, b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    equal(wire.status_of(head), 400, "status for a foreign name")
    text = world.run("status").text
    check("the daemon was away" in text, f"status does not say why: {text}")


def test_what_was_not_metered_outlives_the_daemon(world):
    world.start_provider()
    host = "nobody-is-to-know.example"
    world.write_config(connect_to=[f"{host}:443=127.0.0.1:{world.provider.port}",
                                   f"api.anthropic.com:443=127.0.0.1:{world.provider.port}"])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()

    def refuse():
        # A client that does not trust our root, and does the provider's.
        try:
            world.call("GET", "/", trust=world.trust_file("provider"))
        except OSError:
            pass
    for _ in range(3):
        wire.open_tunnel(world.edge_port, f"{host}:443").close()
    refuse()
    Doctor(world).has("clients.refused")

    def counted(reason):
        return [row for row in status(world)["not_metered"] if row["reason"] == reason]
    eventually(lambda: sum(r["count"] for r in counted("not-metered")) >= 3 and
               counted("client-refused"), "counts in the database", limit_s=20, pause_s=0.3)
    equal(world.daemon.stop(), 0, "exit code")
    equal([(r["host"], r["program"]) for r in counted("not-metered")], [("", "")],
          "what is kept of other hosts")
    refused = counted("client-refused")[0]
    equal(refused["host"], "api.anthropic.com", "host of the refusal")
    check("python" in refused["program"], f"program {refused['program']!r}")
    world.start_daemon()
    check(counted("client-refused"), "lost with the daemon")
    text = world.run("status").text
    check("refused our certificate" in text and "api.anthropic.com" in text, text)
    for file in world.home.rglob("*"):
        if file.is_file() and file.name != "config.toml":
            check(host.encode() not in file.read_bytes(), f"{file.name} names {host}")


def test_status_has_the_rows_of_the_documentation(world):
    world.start()
    text = world.run("status").text
    at = -1
    for row in ("install-mode", "daemon", "watchdog", "edge", "userenv", "intercept listener",
                "api listener", "system-proxy", "sentinels"):
        found = text.find(f"\n  {row} ", at + 1)
        check(found > at, f"no row {row} behind the one before: {text}")
        at = found
    found = status(world)
    for key in ("version", "install_mode", "verdict", "components", "listeners", "system_proxy",
                "sentinels"):
        check(key in found, f"--json has no {key}")
    equal(set(found["components"]), {"daemon", "watchdog", "edge", "userenv"}, "components")
    equal(found["verdict"], "HEALTHY", "verdict")
    install_by_hand(world, "apps")
    equal(status(world)["install_mode"], "apps", "mode")
