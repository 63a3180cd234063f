"""One tool in one world: what stands around it, what is done to it, and what must be true then."""
import base64
import collections
import json
import os
import pathlib
import random
import re
import signal
import string
import subprocess
import threading
import time

from rig import cage
from rig.check import Failed, check, eventually
from rig.world import PROVIDER_HOSTS, World

import tools

LIMIT_S = 150     # of one start of a tool
PAUSE_MS = 500    # between the events of a stream whose daemon is to die
FREE_PATHS = ("/count_tokens", ":countTokens")


def make_word():
    """Nobody says it by chance, and it is told in several pieces."""
    return "".join(random.choices(string.ascii_lowercase, k=15))


def write_script(file, word):
    """What git is told: one reference, with the word in its name."""
    def line(text):
        return f"{len(text) + 4:04x}{text}"
    body = (line("# service=git-upload-pack\n") + "0000" +
            line("0123456789" * 4 + f" refs/heads/{word}\0\n") + "0000")
    file.write_text(json.dumps({
        "id": "refs", "headers": [["content-type", "application/x-git-upload-pack-advertisement"]],
        "body": base64.b64encode(body.encode()).decode()}) + "\n")


def start_world(binary, provider, directory, tool, world_name, word):
    """Provider, edge and daemon, with the provider's root as public as any."""
    world = World(binary, provider, directory)
    script = pathlib.Path(directory) / "script.jsonl"
    write_script(script, word)
    more = ["--record-raw", str(pathlib.Path(directory) / "raw")]
    for host in tool.hosts:
        more += ["--name", host]
    if world_name == "killed":
        more += ["--stream-pause-ms", str(PAUSE_MS)]
    world.start_provider("--answer", word, "--count-from", f"{random.randint(1000, 9000)},100",
                         "--script", str(script), *more)
    world.roots = cage.trust_publicly(world.provider.ca, directory)
    world.write_config(names_root=False, connect_to=[
        f"{host}:443=127.0.0.1:{world.provider.port}" for host in PROVIDER_HOSTS + tool.hosts])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    return world


def environment_of(world, tool, world_name):
    """A user's, in whose world the provider's root is one of the public ones. Node and Deno carry
    public roots of their own, so they are told as their users would tell them of a new one."""
    values = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(world.user_home),
              "TMPDIR": str(world.directory / "tmp"), "TERM": "dumb",
              "LANG": "C.UTF-8", "HALTON_METER_HOME": str(world.home),
              "NODE_EXTRA_CA_CERTS": str(world.provider.ca),
              "DENO_CERT": str(world.provider.ca), **tool.environment}
    if world_name == "not trusted":
        values["HTTPS_PROXY"] = f"http://127.0.0.1:{world.edge_port}"
    return values


class Killer(threading.Thread):
    """Kills the daemon between the first two pieces of a streamed answer. Not at once: Node takes
    data and a reset that it finds together for an end."""

    def __init__(self, world, word):
        super().__init__(daemon=True)
        self.world = world
        self.first = f'"{word[:3]}'.encode()
        self.whole = f'"{word}'.encode()
        self.last = f'{word[-3:]}"'.encode()
        self.struck = None   # the record of the stream that was hit
        self.is_over = False

    def run(self):
        while not self.is_over:
            for file in self.world.provider.raw.glob("*.out"):
                data = file.read_bytes().replace(self.whole, b"")
                if self.first in data:
                    time.sleep(PAUSE_MS / 2000)
                    self.world.daemon.kill()
                    self.struck = file
                    return
            time.sleep(0.02)

    def check_hit(self):
        check(self.struck, "no streamed answer began, so nothing was killed in the middle")
        data = self.struck.read_bytes().replace(self.whole, b"")
        check(self.last not in data, "the stream was over when the daemon died")


def run_tool(world, tool, place, world_name):
    """Starts it as a user would; what it printed. The whole group ends with it."""
    command = [str(word) for word in tool.command(place)]
    if world_name != "not trusted":
        command = world.command("run", "--", *command)
    folder = world.user_home / "work"
    folder.mkdir()
    (world.directory / "tmp").mkdir()
    out, err = world.directory / "tool.out", world.directory / "tool.err"
    with open(out, "wb") as to_out, open(err, "wb") as to_err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=to_out,
                                   stderr=to_err, cwd=folder, start_new_session=True,
                                   env=environment_of(world, tool, world_name))
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
    return code, out.read_text(errors="replace"), err.read_text(errors="replace")


def ledger_of(world):
    """(model, input, output) of every billable call that the provider answered."""
    calls = [tuple(entry["usage"]) for entry in world.provider.ledger()
             if entry["usage"] and entry["completed"]]
    for entry in world.provider.ledger("socket"):
        calls += [(turn[3], turn[1], turn[2]) for turn in entry["turns"] if turn[1] or turn[2]]
    return collections.Counter(calls)


def wires_of(world):
    """How the billable calls came: "socket", "h2", "http/1.1"."""
    alpn = {entry["connection"]: entry["alpn"] or "http/1.1"
            for entry in world.provider.ledger("connection")}
    wires = {alpn[entry["connection"]] for entry in world.provider.ledger() if entry["usage"]}
    return wires | {"socket" for entry in world.provider.ledger("socket") if entry["turns"]}


def rows_of(world, condition="1"):
    return collections.Counter(
        (row["model"], row["input_tokens"], row["output_tokens"])
        for row in world.rows(condition) if not row["path"].endswith(FREE_PATHS))


def check_rows(world, world_name):
    """Metered: rows and ledger are the same. Else: no row of what was not seen."""
    if world_name == "metered":
        def are_equal():
            return rows_of(world) == ledger_of(world)
        try:
            eventually(are_equal, "rows = ledger", limit_s=10)
        except Failed:
            raise Failed(f"rows that no call has: {sorted((rows_of(world) - ledger_of(world)))}; "
                         f"calls without a row: {sorted(ledger_of(world) - rows_of(world))}"
                         ) from None
        incomplete = [row["path"] for row in world.rows("tokens_complete = 0")]
        check(not incomplete, f"incomplete rows: {incomplete}")
    elif world_name == "killed":
        # What the killed daemon had finished is kept; what it was reading is no full row.
        world.start_daemon()
        extra = rows_of(world, "tokens_complete = 1") - ledger_of(world)
        check(not extra, lambda: f"rows that no call has: {sorted(extra)}")
    else:
        check(not world.rows(), lambda: f"{len(world.rows())} rows of calls that nobody read")


def check_import(world, name):
    """What passed unmetered comes back out of the tool's own transcripts: the ledger, once."""
    for added in (sum(ledger_of(world).values()), 0):
        done = world.run("import", name, "--recent", "--json")
        check(done.returncode == 0, f"import {name}: {done.error}")
        said = json.loads(done.text)
        check(said["added"] == added, f"import {name} adds {said['added']} of {added} calls: {said}")
    rows, ledger = rows_of(world), ledger_of(world)
    check(rows == ledger, lambda: f"imported {sorted(rows)}, the ledger is {sorted(ledger)}")


def run_case(binary, provider, place, tool, world_name, directory):
    """Inside the cage. Returns what the table prints."""
    word = make_word()
    cage.raise_loopback()
    result = {"ok": False, "calls": 0, "rows": 0, "seconds": 0.0, "problem": ""}
    world = start_world(binary, provider, directory, tool, world_name, word)
    killer = None
    try:
        if world_name == "daemon down":
            world.daemon.stop()
        if world_name == "killed":
            killer = Killer(world, word)
            killer.start()
        started = time.monotonic()
        code, out, err = run_tool(world, tool, place, world_name)
        result["seconds"] = time.monotonic() - started
        result["ok"] = word in re.sub(r"\x1b\[[0-9;]*m", "", out) or word in text_of(out)
        said = " | ".join((out + err).strip().splitlines()[-3:])[-300:]
        check(result["ok"], f"no answer, code {code}: {said}")
        if killer:
            killer.is_over = True
            killer.join()
            killer.check_hit()
        if tool.name != "git":
            eventually(lambda: ledger_of(world), "a call in the provider's ledger", limit_s=5)
        check_rows(world, world_name)
        if world_name == "daemon down" and tool.transcripts:
            check_import(world, tool.transcripts)
        if world_name == "metered" and tool.wire:
            check(tool.wire in wires_of(world), lambda: f"no {tool.wire}, but {wires_of(world)}")
    except Failed as failure:
        result["problem"] = str(failure)
        result["logs"] = World.logs_of(directory)
    result["calls"] = sum(ledger_of(world).values())
    result["wire"] = " ".join(sorted(wires_of(world)))
    result["rows"] = sum(rows_of(world).values())
    world.close()
    return result


def text_of(stream):
    """The text of a stream of events, for tools that print the stream as it is."""
    return "".join(re.findall(r'"text_delta","text":"([^"]*)"', stream))
