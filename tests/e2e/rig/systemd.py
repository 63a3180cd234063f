"""A machine with users, a real `systemd --user` for each who wants one, providers on the net and
the product as its package leaves it. For tests in a cage (see cage.py).

The providers' names lead to an address of this machine that is not loopback, and their root is
among the system's: nothing has to be configured, and the default ports are free.
"""
import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import time

from . import cage
from .check import Failed, Skipped, check, eventually
from .servers import Resolver
from .world import Process, Provider

ADDRESS = "10.9.8.7"
PROGRAM = "/usr/local/bin/halton-meter"
SYSTEMD = "/lib/systemd/systemd"
HOSTS = ["api.anthropic.com", "api.openai.com", "chatgpt.com", "api.x.ai",
         "generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com"]
FIRST_UID = 20001
EDGE_SOCKET, EDGE, DAEMON = "halton-meter-edge.socket", "halton-meter-edge.service", \
    "halton-meter.service"
EDGE_PORT, INTERNAL_PORT, API_PORT = 8081, 8090, 8765


class Machine:
    def __init__(self, world):
        self.world = world
        self.users = {}
        self.started = []  # processes of users
        self.provider = None
        self.resolver = None
        shutil.copy(world.binary, PROGRAM)
        os.chmod(PROGRAM, 0o755)

    def install(self, program):
        """A package manager's way: a new file in the old one's place."""
        shutil.copy(program, PROGRAM + ".new")
        os.chmod(PROGRAM + ".new", 0o755)
        os.rename(PROGRAM + ".new", PROGRAM)

    def add_provider(self, *arguments):
        self.resolver = Resolver("127.0.0.53", {})  # knows nobody, and says so at once
        cage.use_resolver("127.0.0.53")
        cage.add_address(ADDRESS, 1)
        cage.name_hosts(HOSTS, ADDRESS)
        world = self.world
        self.provider = world.provider = Provider(
            world.provider_program, world.directory,
            ["--listen", ADDRESS, "--port", "443", *arguments], world.environment())
        world.on_close(self.provider.kill)
        # The bind mounts of trust_publicly would outlive nothing here, and uninstall is compared.
        for name in {os.path.realpath(n) for n in cage.SYSTEM_BUNDLES if os.path.exists(n)}:
            with open(name, "a") as bundle:
                bundle.write(self.provider.ca.read_text())
        return self.provider

    def add_user(self, name):
        if os.getuid() != 0 or not cage.has_many_users():
            raise Skipped("no second user here: needs root")
        self.users[name] = user = User(self, name, FIRST_UID + len(self.users))
        return user


class User:
    """Somebody with a home, and a session when asked for."""

    def __init__(self, machine, name, uid):
        self.machine = machine
        self.name, self.uid = name, uid
        self.home = pathlib.Path("/home") / name
        self.data = self.home / ".halton-meter"
        self.runtime = pathlib.Path(f"/run/user/{uid}")
        self.supervisor = None
        for file, line in (("/etc/passwd", f"{name}:x:{uid}:{uid}::{self.home}:/bin/bash\n"),
                           ("/etc/group", f"{name}:x:{uid}:\n")):
            with open(file, "a") as out:
                out.write(line)
        self.make_folder(self.home)
        for file, text in ((".bashrc", "# my own\nalias ll='ls -l'\n"),
                           (".profile", "umask 022\n")):
            self.write(file, text)

    def make_folder(self, path, mode=0o700):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        os.chown(path, self.uid, self.uid)

    def write(self, name, text):
        file = self.home / name
        file.write_text(text)
        os.chown(file, self.uid, self.uid)

    def environment(self, **more):
        environment = {"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name,
                       "SHELL": "/bin/bash", "LANG": "C.UTF-8", "TERM": "dumb",
                       "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        if self.runtime.exists():
            environment["XDG_RUNTIME_DIR"] = str(self.runtime)
            environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={self.runtime}/bus"
        environment.update(more)
        return environment

    def words(self, command):
        """setpriv, not Python's own way: also a started daemon must not keep our groups."""
        return [shutil.which("setpriv") or "setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups",
                *map(str, command)]

    def run(self, *command, limit_s=60, environment=None, cwd=None, input=None):
        """The finished process, with code, text and error."""
        try:
            done = subprocess.run(self.words(command), capture_output=True, timeout=limit_s,
                                  env=environment or self.environment(), cwd=cwd or self.home,
                                  input=input)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[:3]} hangs for {limit_s} s") from None
        done.text = done.stdout.decode(errors="replace")
        done.error = done.stderr.decode(errors="replace")
        return done

    def must(self, *command, **options):
        done = self.run(*command, **options)
        check(done.returncode == 0, lambda: f"{' '.join(map(str, command))} ended with "
              f"{done.returncode}: {done.text[-800:]} {done.error[-800:]}")
        return done

    def meter(self, *arguments, **options):
        return self.must(PROGRAM, *arguments, **options)

    def shell(self, line, **options):
        """As typed into a login shell."""
        return self.run("bash", "-c", line, **options)

    def start(self, name, *command, environment=None):
        process = Process(f"{self.name}-{name}", self.words(command), self.machine.world.directory,
                          environment or self.environment())
        self.machine.world.on_close(process.kill)
        self.machine.started.append(process)
        return process

    # The product, as installed ------------------------------------------------------------------

    def call(self, *more, limit_s=40):
        """curl as the user's new terminal would have it; the finished process."""
        environment = self.environment(HTTPS_PROXY=f"http://127.0.0.1:{EDGE_PORT}")
        bundle = self.data / "ca-bundle.pem"  # the system's roots and ours
        if bundle.exists():
            environment["CURL_CA_BUNDLE"] = str(bundle)
        return self.run("curl", "-sS", "--http1.1", "--fail", "--max-time", str(limit_s - 5), *more,
                        "--json", '{"model":"claude-sonnet-4-5"}',
                        f"https://{HOSTS[0]}/v1/messages", environment=environment,
                        limit_s=limit_s)

    def must_call(self, is_metered):
        """A call that works; whether it leaves a row is as wanted."""
        before = len(self.rows())
        done = self.call()
        self.machine.world.count(failures=done.returncode != 0)
        check(done.returncode == 0, f"a call failed: {done.error}")
        if is_metered:
            eventually(lambda: len(self.rows()) == before + 1, "the row of a call")
        else:
            time.sleep(0.2)
            check(len(self.rows()) == before, "a row, although nobody should read")

    def rows(self):
        database = self.data / "db.sqlite"
        if not database.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True,
                                                timeout=10)) as connection:
            try:
                return connection.execute("select model from requests").fetchall()
            except sqlite3.OperationalError:
                return []  # it is just being made

    def wait_chaining(self):
        eventually(lambda: self.status()["components"]["edge"].get("mode") == "chain",
                   "the edge chains", limit_s=30, pause_s=0.1)

    def status(self):
        return json.loads(self.run(PROGRAM, "status", "--json").text)

    # The session -------------------------------------------------------------------------------

    def log_in(self, lingers=True):
        """systemd --user with a bus, as a login leaves it. `lingers`: an administrator's leave."""
        if not os.path.exists(SYSTEMD) or not shutil.which("dbus-daemon"):
            raise Skipped("no systemd here")
        mine = pathlib.Path("/sys/fs/cgroup") / self.name
        if not (mine.parent / "cgroup.procs").exists():
            raise Skipped("no cgroup2 here")
        mine.mkdir(exist_ok=True)
        for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(mine / name, self.uid, self.uid)
        # What tells a user's instance that systemd runs the machine.
        pathlib.Path("/run/systemd/system").mkdir(parents=True, exist_ok=True)
        self.make_folder(self.runtime)
        if lingers:
            folder = pathlib.Path("/var/lib/systemd/linger")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / self.name).touch()
        environment = self.environment()
        del environment["DBUS_SESSION_BUS_ADDRESS"]  # its own units make it
        command = ["sh", "-c", f'echo 0 >"{mine}/cgroup.procs" && exec "$@"', "sh",
                   *self.words([SYSTEMD, "--user"])]
        self.supervisor = Process(f"{self.name}-systemd", command, self.machine.world.directory,
                                  environment)
        self.machine.world.on_close(self.supervisor.kill)

        def is_up():
            check(self.supervisor.is_alive(),
                  lambda: f"systemd --user ended: {self.supervisor.log()[-800:]}")
            return self.run("systemctl", "--user", "is-system-running").text.strip() == "running"
        eventually(is_up, "systemd --user runs", pause_s=0.05)

    def log_out(self):
        """As a reboot: units are stopped in order, and nothing of the session stays."""
        self.run("systemctl", "--user", "exit", limit_s=90)
        try:
            self.supervisor.popen.wait(90)
        except subprocess.TimeoutExpired:
            raise Failed("systemd --user does not end") from None
        end = time.monotonic() + 30
        cgroup = pathlib.Path("/sys/fs/cgroup") / self.name
        while time.monotonic() < end:  # whoever is left over is killed, as at a shutdown
            left = [pid for file in cgroup.rglob("cgroup.procs")
                    for pid in file.read_text().split()]
            if not left:
                break
            for pid in left:
                try:
                    os.kill(int(pid), 9)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def systemctl(self, *arguments):
        return self.run("systemctl", "--user", "--no-pager", *arguments)

    def unit(self, name, *properties):
        """Properties of a unit as a dictionary."""
        text = self.systemctl("show", name, "-p", ",".join(properties)).text
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def main_pid(self, name):
        return int(self.unit(name, "MainPID").get("MainPID", "0"))


def installed(world, *flags, config=None):
    """A user with a session, and the product installed and metering."""
    machine = Machine(world)
    machine.add_provider()
    user = machine.add_user("tester")
    if config:
        user.make_folder(user.data)
        user.write(".halton-meter/config.toml", config)
    user.log_in()
    user.meter("init", *(flags or ("--apps",)), "--non-interactive")
    user.wait_chaining()
    return user


def snapshot(folder, leaves_out=()):
    """Everything in a folder: what is compared before and after. Times of folders do not count."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if any(name == out or name.startswith(out + "/") for out in leaves_out):
            continue
        status = path.lstat()
        kind = (oct(status.st_mode), status.st_uid, status.st_gid)
        if path.is_symlink():
            found[name] = (*kind, os.readlink(path))
        elif path.is_file():
            found[name] = (*kind, path.read_bytes())
        else:
            found[name] = kind
    return found


def compare(before, after, what):
    gone = sorted(before.keys() - after.keys())
    new = sorted(after.keys() - before.keys())
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    check(not (gone or new or changed),
          f"{what}: gone {gone[:8]}, new {new[:8]}, changed {changed[:8]}")
