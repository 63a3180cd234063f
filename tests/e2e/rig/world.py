"""A world: one temporary home with its provider, edge and daemon, and questions about them."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import sqlite3
import subprocess

from . import wire
from .check import Failed, Skipped, check, eventually

PROVIDER_HOSTS = ["api.anthropic.com", "api.openai.com", "chatgpt.com",
                  "generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com", "api.x.ai"]
READY_PATH = "/e2e-ready"  # not a metered path

PROXY_VARIABLES = [name for base in ("http", "https", "all", "no")
                   for name in (f"{base}_proxy", f"{base.upper()}_PROXY")]
CA_VARIABLES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
                "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "DENO_CERT", "GIT_SSL_CAINFO",
                "AWS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO", "CODEX_CA_CERTIFICATE",
                "NODE_OPTIONS"]


class Process:
    """A started program with its output in files; ended by its own id."""

    def __init__(self, name, command, directory, environment):
        self.name = name
        self.out = pathlib.Path(directory) / f"{name}.out"
        self.err = pathlib.Path(directory) / f"{name}.err"
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=err, env=environment, cwd=directory)
        self.pid = self.popen.pid

    def is_alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.is_alive():
            self.popen.send_signal(number)

    def kill(self):
        """SIGKILL, and waits until the process is gone."""
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, limit_s=30):
        """SIGTERM; the exit code. Fails when it does not come."""
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} ignores SIGTERM for {limit_s} s") from None

    def log(self):
        return self.err.read_text(errors="replace") + self.out.read_text(errors="replace")


class Provider(Process):
    def __init__(self, program, directory, arguments, environment):
        directory = pathlib.Path(directory)
        self.ca = directory / "provider-ca.pem"
        self.client_certificate = directory / "client.pem"
        self.ledger_file = directory / "ledger.jsonl"
        self.raw = directory / "raw"
        self.raw.mkdir(exist_ok=True)
        ready = directory / "provider.ready"
        ready.unlink(missing_ok=True)
        super().__init__("provider", [
            program, "--http-port", "0", "--ca-out", self.ca, "--client-cert-out",
            self.client_certificate, "--ready-file", ready, "--ledger", self.ledger_file,
            *arguments], directory, environment)
        ports = json.loads(eventually(ready.read_text, "the provider is ready"))
        self.port, self.http_port = ports["port"], ports["http_port"]

    def ledger(self, kind="request"):
        """The ledger's lines; those of the rig's own look-ups are left out."""
        if not self.ledger_file.exists():
            return []
        lines = [json.loads(line) for line in self.ledger_file.read_text().splitlines()]
        return [l for l in lines if l["kind"] == kind and l.get("target") != READY_PATH]


class World:
    def __init__(self, binary, provider_program, directory):
        self.binary = binary
        self.provider_program = provider_program
        self.directory = pathlib.Path(directory)
        self.home = self.directory / "home"
        self.home.mkdir(mode=0o700)
        self.user_home = self.directory / "user"
        self.user_home.mkdir()
        self.provider = None
        self.edge = None
        self.daemon = None
        self.notes = []
        self._processes = []
        self._closers = contextlib.ExitStack()

    # Starting ------------------------------------------------------------------------------

    def environment(self, **more):
        """A plain user's environment: no proxy, no CA variable, homes of our own."""
        clean = {k: v for k, v in os.environ.items()
                 if k not in PROXY_VARIABLES + CA_VARIABLES and not k.startswith("HALTON_")}
        clean.update(HALTON_METER_HOME=str(self.home), HOME=str(self.user_home), **more)
        return clean

    def start_provider(self, *arguments):
        self.provider = Provider(self.provider_program, self.directory, arguments,
                                 self.environment())
        self._processes.append(self.provider)
        return self.provider

    def write_config(self, more="", connect_to=None, upstream="", names_root=True, daemon="",
                     ports=(0, 0, 0)):
        """config.toml with free ports and every provider host at the test provider. Its root is
        named, unless it is to be found in the system's store. `daemon` is more for that section."""
        if connect_to is None:
            connect_to = [f"{host}:443=127.0.0.1:{self.provider.port}"
                          for host in PROVIDER_HOSTS] if self.provider else []
        # What a failed test leaves behind in a session of its own ends soon.
        if "drain_max_s" not in daemon:
            daemon += "\ndrain_max_s = 60"
        lines = ["[daemon]", f"edge_port = {ports[0]}", f"internal_port = {ports[1]}",
                 f"api_port = {ports[2]}", daemon, "[upstream]"]
        if connect_to:
            lines.append(f"connect_to = {json.dumps(connect_to)}")
        if self.provider and names_root:
            lines.append(f"ca_file = {json.dumps(str(self.provider.ca))}")
        (self.home / "config.toml").write_text("\n".join(lines) + "\n" + upstream + "\n" + more)

    def command(self, verb, *arguments):
        return [self.binary, verb, *arguments]

    def start_edge(self, *arguments):
        self.edge = Process("edge", self.command("edge", *arguments), self.directory,
                            self.environment())
        self._processes.append(self.edge)

        def is_listening():
            check(self.edge.is_alive(), lambda: f"the edge ended: {self.edge.log()[-500:]}")
            with wire.connect(self.edge_port):
                return True
        eventually(is_listening, "the edge listens")
        return self.edge

    def start_daemon(self, *arguments, waits=True):
        before = self.read_ports()
        self.daemon = Process("daemon", self.command("daemon", *arguments), self.directory,
                              self.environment())
        self._processes.append(self.daemon)
        if waits:
            self.wait_healthy(before)
        return self.daemon

    def wait_healthy(self, before=None):
        def is_healthy():
            check(self.daemon.is_alive(), lambda: f"the daemon ended: {self.daemon.log()[-500:]}")
            ports = self.read_ports()
            # The file may still be the last daemon's.
            if before and ports.get("daemon_pid") == before.get("daemon_pid") != self.daemon.pid:
                return False
            return self.health() == 200
        eventually(is_healthy, "/health answers 200", limit_s=20)

    def start(self, *provider_arguments, config=""):
        """Provider, edge and daemon; returns when the edge chains to the daemon."""
        if not self.provider:
            self.start_provider(*provider_arguments)
        self.write_config(config)
        self.start_edge()
        self.start_daemon()
        self.wait_metering()
        return self

    def wait_metering(self):
        """Until a connection through the edge shows our certificate. Leaves no row."""
        eventually(lambda: self.is_metering(), "the edge chains to the daemon", limit_s=20)

    def is_metering(self, host="api.anthropic.com"):
        answer = self.call("GET", READY_PATH, host=host)
        check(answer.status == 200, lambda: f"the ready look-up was answered {answer.status}")
        return answer.is_metered

    # Questions -----------------------------------------------------------------------------

    def read_ports(self):
        try:
            return json.loads((self.home / "effective-ports.json").read_text())
        except (OSError, ValueError):
            return {}

    @property
    def edge_port(self):
        return eventually(lambda: self.read_ports().get("edge_port"), "the edge's port is known")

    @property
    def internal_port(self):
        return self.read_ports()["internal_port"]

    @property
    def api_port(self):
        return self.read_ports()["api_port"]

    def health(self):
        return self.get_api("/health")[0]

    def get_api(self, path, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=5)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @property
    def our_ca(self):
        return self.home / "ca.pem"

    def trust_file(self, *which):
        """A CA file with "ours" and/or "provider": what a client of this test trusts."""
        which = which or ("ours", "provider")
        file = self.directory / ("trust-" + "-".join(which) + ".pem")
        text = ""
        if "ours" in which and self.our_ca.exists():
            text += self.our_ca.read_text()
        if "provider" in which:
            text += self.provider.ca.read_text()
        if not file.exists() or file.read_text() != text:
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(text)
            part.rename(file)
        return str(file)

    @property
    def database(self):
        return self.home / "db.sqlite"

    def rows(self, where="1"):
        """The rows of `requests`, oldest first, as dicts, with the project's slug."""
        if not self.database.exists():
            return []
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
        try:
            connection.row_factory = sqlite3.Row
            found = connection.execute(
                "select r.*, p.slug as project_slug from requests r "
                f"left join projects p on p.id = r.project_id where {where} "
                "order by r.requested_at, r.id").fetchall()
            return [dict(row) for row in found]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()

    def has_rows(self, count):
        """Whether there are that many; a file that the daemon is setting aside has none."""
        with contextlib.suppress(sqlite3.DatabaseError):
            return len(self.rows()) >= count
        return False

    def wait_rows(self, count, limit_s=10):
        """Exactly `count` rows: waits for them, and looks whether one comes too many."""
        if count:
            try:
                eventually(lambda: self.has_rows(count), f"{count} rows", limit_s)
            except Failed:
                raise Failed(f"{len(self.rows())} rows after {limit_s} s, wanted {count}") from None
        rows = self.rows()
        check(len(rows) == count, lambda: f"{len(rows)} rows, wanted {count}: " + ", ".join(
            f"{r['method']} {r['path']} {r['model']}" for r in rows))
        return rows

    def wait_row(self):
        return self.wait_rows(1)[0]

    def no_row(self):
        """No row, now and after a call that must leave one (rows are written in order)."""
        sign = self.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5"},
                         headers={"x-test-model": "claude-sign-of-life"})
        if not sign.is_metered:
            raise Failed("the connection that was to prove the absence of a row was not metered")
        eventually(lambda: any(r["model"] == "claude-sign-of-life" for r in self.rows()),
                   "the row of the call after")
        others = [r for r in self.rows() if r["model"] != "claude-sign-of-life"]
        check(not others, lambda: f"unwanted row: {others[0]['method']} {others[0]['path']}")

    # Clients -------------------------------------------------------------------------------

    def call(self, method, path, body=None, host="api.anthropic.com", headers=None,
             trust=None, timeout_s=30):
        """One call on one connection through the edge; see wire.call."""
        return wire.call(self.edge_port, host, method, path, body, headers,
                         cafile=trust or self.trust_file(), timeout_s=timeout_s,
                         our_ca=self.our_ca)

    def run(self, *arguments, limit_s=60, environment=None, cwd=None, input=None, program=None):
        """Runs `halton-meter <arguments>`; returns code, out, err as text."""
        return self.execute([program or self.binary, *arguments], limit_s,
                            environment or self.environment(), cwd, input)

    def execute(self, command, limit_s=60, environment=None, cwd=None, input=None):
        try:
            done = subprocess.run([str(c) for c in command], capture_output=True, timeout=limit_s,
                                  env=environment or self.environment(),
                                  cwd=cwd or self.user_home, input=input)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} {command[1:3]} hangs for {limit_s} s") from None
        done.text = done.stdout.decode(errors="replace")
        done.error = done.stderr.decode(errors="replace")
        return done

    def curl(self, url, *arguments, trust=None, limit_s=60, proxy=True):
        """curl through the edge, as a user would have it; see execute."""
        environment = self.environment(CURL_CA_BUNDLE=trust or self.trust_file())
        if proxy:
            environment["HTTPS_PROXY"] = f"http://127.0.0.1:{self.edge_port}"
        return self.execute(["curl", "-sS", "--http1.1", "--max-time", limit_s - 5, *arguments,
                             url], limit_s, environment)

    def node(self, script, *arguments, limit_s=60, environment=None):
        if not self.has_program("node"):
            raise Skipped("no node here")
        folder = pathlib.Path(__file__).parent.parent / "clients"
        return self.execute(["node", folder / script, *arguments], limit_s, environment)

    def has_program(self, name):
        return any(os.access(os.path.join(p, name), os.X_OK)
                   for p in os.environ.get("PATH", "").split(os.pathsep))

    # The end -------------------------------------------------------------------------------

    def on_close(self, close):
        self._closers.callback(close)

    @contextlib.contextmanager
    def inner(self, name):
        """A second world, with a home of its own, for tests that repeat themselves."""
        directory = self.directory / name
        directory.mkdir()
        world = World(self.binary, self.provider_program, directory)
        try:
            yield world
        finally:
            world.close()

    def close(self):
        self._closers.close()
        for process in reversed(self._processes):
            process.kill()

    @staticmethod
    def logs_of(directory):
        text = ""
        for name in ("edge.err", "daemon.err", "provider.err"):
            for file in sorted(pathlib.Path(directory).rglob(name)):
                if not file.stat().st_size:
                    continue
                lines = file.read_text(errors="replace").splitlines()[-15:]
                text += f"--- {name}\n" + "\n".join(line[:300] for line in lines) + "\n"
        return text
