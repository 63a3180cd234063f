"""Whose call it is: the row, and what `whoami` says of the same process."""
import datetime
import json
import os
import shutil
import subprocess
import sys

from rig.check import Failed, Skipped, check, equal, eventually
from rig.socket_client import SocketClient

CLAUDE = {"model": "claude-sonnet-4-5"}

# A client that makes one call, tells its own id and the answer's status, and stays until its
# standard input ends. What it needs comes in a line there, so that any user can run it.
CLIENT = r"""
import json, os, socket, ssl, sys
ask = json.loads(sys.stdin.readline())
connection = socket.create_connection(("127.0.0.1", ask["port"]), 30)
connection.sendall(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: api.anthropic.com:443\r\n\r\n")
head = b""
while not head.endswith(b"\r\n\r\n"): head += connection.recv(1)
tls = ssl.create_default_context(cadata=ask["roots"]).wrap_socket(
    connection, server_hostname="api.anthropic.com")
body = json.dumps(ask["body"]).encode()
lines = ["POST /v1/messages HTTP/1.1", "host: api.anthropic.com", f"content-length: {len(body)}"]
lines += [f"{name}: {value}" for name, value in ask["headers"].items()]
tls.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
if ask["leaves"]:
    tls.settimeout(0.3)
    try: tls.recv(1)
    except TimeoutError: pass
    print(json.dumps({"pid": os.getpid(), "status": 0}), flush=True)
    os._exit(0)
if ask["ends_at_once"]:
    tls.recv(1)
    os._exit(0)
answer = tls.recv(65536)
print(json.dumps({"pid": os.getpid(), "status": int(answer.split()[1])}), flush=True)
sys.stdin.read()
"""


class Client:
    """The client above, in a session of its own, as tools have one in their terminal."""

    def __init__(self, world, folder, *, before=(), variables=None, headers=None, leaves=False,
                 user=None, ends_at_once=False):
        environment = world.environment(PATH="/usr/local/bin:/usr/bin:/bin", **(variables or {}))
        self.begun_at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.popen = subprocess.Popen(
            [*before, sys.executable if user is None else "/usr/bin/python3", "-c", CLIENT], cwd=folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, user=user,
            start_new_session=True)
        world.on_close(self.end)
        with open(world.trust_file()) as file:
            ask = {"port": world.edge_port, "roots": file.read(), "body": CLAUDE,
                   "headers": headers or {}, "leaves": leaves, "ends_at_once": ends_at_once}
        self.popen.stdin.write(json.dumps(ask).encode() + b"\n")
        self.popen.stdin.flush()
        if ends_at_once:
            self.pid = self.popen.pid
            return
        told = self.popen.stdout.readline()
        if not told:
            raise Failed(f"the client ended: {self.popen.stderr.read().decode()[-400:]}")
        told = json.loads(told)
        self.pid = told["pid"]
        if not leaves:
            equal(told["status"], 200, "status of the call")

    def end(self):
        if self.popen.poll() is None:
            self.popen.stdin.close()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


def whoami(world, pid, code=0):
    done = world.run("whoami", str(pid), "--json")
    equal(done.returncode, code, f"exit code of whoami: {done.error}")
    return json.loads(done.text)


def compare(world, client, project, layer, where="1"):
    """The client's row and `whoami` say the same, and it is what is wanted."""
    row = eventually(lambda: world.rows(f"{where} and requested_at >= '{client.begun_at}'"),
                     "the row")[-1]
    told = whoami(world, client.pid)
    equal((row["project_slug"], row["attribution_layer"]), (project, layer), "the row's project")
    equal((told["project"], told["winning_layer"]), (project, layer), "whoami's project")
    first = next(answer for answer in told["layers"] if answer["project"])
    equal(first["layer"], layer, "the first tier that answers")
    text = world.run("whoami", str(client.pid))
    check(f"project {project}, by {layer}" in text.text, lambda: text.text)
    client.end()
    return row, told


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c",
         "protocol.file.allow=always", *arguments], cwd=folder, capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"})
    if done.returncode != 0:
        raise Failed(f"git {arguments[0]}: {done.stderr.decode()[-300:]}")


def make_repository(folder):
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "trunk")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def need_git(world):
    if not world.has_program("git"):
        raise Skipped("no git here")


def test_worktree_shares_the_repository(world):
    need_git(world)
    world.start()
    shop = make_repository(world.directory / "code" / "shop")
    git(shop, "worktree", "add", "-q", "-b", "fix/cart", "../elsewhere")
    inside = world.directory / "code" / "elsewhere" / "src"
    inside.mkdir()
    row, told = compare(world, Client(world, inside), "shop", "git")
    equal(row["git_branch"], "fix/cart", "the row's branch")
    equal(told["git_branch"], "fix/cart", "whoami's branch")
    equal(told["project_folder"], str(shop), "the project's folder")


def test_submodule_is_a_project_of_its_own(world):
    need_git(world)
    world.start()
    library = make_repository(world.directory / "code" / "pay")
    shop = make_repository(world.directory / "code" / "shop")
    git(shop, "submodule", "--quiet", "add", str(library), "libs/pay")
    row, _ = compare(world, Client(world, shop / "libs" / "pay"), "pay", "git")
    equal(row["git_branch"], "trunk", "branch")


def make_editor(world, name):
    """A shell by the name of an editor, that stays above what it runs."""
    program = world.directory / "bin" / name
    program.parent.mkdir(exist_ok=True)
    shutil.copy("/bin/bash", program)
    return str(program)


def test_editor_terminal(world):
    world.start()
    editor = make_editor(world, "cursor")
    shop = world.directory / "My Shop"
    shop.mkdir()
    uri = "file://" + str(shop).replace(" ", "%20")
    # A terminal is a session of its own. The flag stands where a shell leaves it alone.
    client = Client(world, "/", before=[editor, "-c", 'shift; setsid --wait "$@"; exit $?',
                                        "--folder-uri", uri])
    _, told = compare(world, client, "my-shop", "parent_ide_sniff")
    check("Cursor" in told["layers"][2]["reason"], lambda: told["layers"][2]["reason"])


def test_container(world):
    marks = ("mount -t tmpfs none /run && : > /run/.containerenv && "
             'mount --bind "$1" /etc/hostname && shift && exec "$@"')
    way = next((way for way in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])
                if shutil.which("unshare") and
                subprocess.run([*way, "mount", "-t", "tmpfs", "none", "/run"],
                               capture_output=True).returncode == 0), None)
    if way is None or not os.path.exists("/etc/hostname"):
        raise Skipped("the kernel gives no mount namespaces here")
    world.start()
    name = world.directory / "hostname"
    name.write_text("web-1\n")
    folder = world.directory / "app"
    folder.mkdir()
    client = Client(world, folder, before=[*way, "sh", "-c", marks, "sh", str(name)])
    compare(world, client, "docker:web-1", "container")


def test_nested_run(world):
    world.start()
    folder = world.directory / "job"
    folder.mkdir()
    run = [world.binary, "run", "--"]
    client = Client(world, folder, before=run + run, variables={"HALTON_PROJECT": "team/nightly"})
    compare(world, client, "team/nightly", "env")
    # A tool with an empty environment still has its parents.
    client = Client(world, folder, before=["sh", "-c", 'env -i "$@"; exit $?', "sh"],
                    variables={"HALTON_PROJECT": "team/weekly"})
    compare(world, client, "team/weekly", "parent_walk")


def test_no_working_directory(world):
    world.start()
    folder = world.directory / "shop"
    (folder / ".git").mkdir(parents=True)
    gone = folder / "gone"
    gone.mkdir()
    client = Client(world, gone, before=["sh", "-c", 'rmdir "$1"; shift; exec "$@"', "sh",
                                         str(gone)])
    _, told = compare(world, client, "shop", "git")
    equal(told["working_directory"], str(gone), "the folder as it was")


def test_other_user_is_not_looked_into(world):
    if os.getuid() != 0 or not os.path.exists("/usr/bin/python3"):
        raise Skipped("only root can become another user, with a Python that everybody may run")
    world.start()
    client = Client(world, "/", user=65534)
    told = whoami(world, client.pid, code=1)
    equal(told["state"], "other_user", "state")
    check("65534" in told["reason"], lambda: told["reason"])
    equal(told["project"], None, "project")
    world.no_row()


def test_exited_process_keeps_its_project(world):
    world.start()
    folder = world.directory / "code" / "shop"
    (folder / ".git").mkdir(parents=True)
    client = Client(world, folder, leaves=True, headers={"x-test-delay-head-ms": "2000"})
    client.popen.wait(10)
    row = eventually(lambda: world.rows(), "the row")[0]
    equal((row["project_slug"], row["attribution_layer"]), ("shop", "git"), "project")
    told = whoami(world, client.pid, code=1)
    equal(told["state"], "not_found", "state")
    check("connects" in told["reason"], lambda: told["reason"])


def test_clients_that_end_at_once_are_all_attributed(world):
    """Forty short lives, each in a repository of its own: gone with the first byte of the answer."""
    world.start()
    count = 40
    for batch in range(0, count, 8):
        clients = []
        for number in range(batch, batch + 8):
            folder = world.directory / "code" / f"p{number}"
            (folder / ".git").mkdir(parents=True)
            clients.append(Client(world, folder, ends_at_once=True,
                                  headers={"x-test-model": f"claude-p{number}"}))
        for client in clients:
            equal(client.popen.wait(60), 0, "exit code of a client")
    rows = world.wait_rows(count, limit_s=20)
    wrong = [(r["model"], r["project_slug"], r["attribution_layer"]) for r in rows
             if r["model"] != "claude-" + r["project_slug"]]
    check(not wrong, lambda: f"{len(wrong)} of {count} have the wrong project: {wrong[:3]}")
    equal({r["attribution_layer"] for r in rows}, {"git"}, "layers")


def test_monorepo(world):
    world.start()
    mono = world.directory / "mono"
    (mono / ".git").mkdir(parents=True)
    (mono / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    pay = mono / "services" / "pay"
    (pay / "src").mkdir(parents=True)
    (mono / "services" / "web").mkdir()
    (pay / ".haltonrc").write_text("body_capture = off\nproject = \"mono/pay\"  # own budget\n")
    row, _ = compare(world, Client(world, pay / "src"), "mono/pay", "rcfile")
    equal(row["git_branch"], "main", "branch")
    compare(world, Client(world, mono / "services" / "web"), "mono", "git")


def test_default(world):
    world.start(config='[tagging]\ndefault_project = "nobody"\n')
    # In a container everything without a project of its own is the container's.
    inside = whoami(world, os.getpid())
    boxed = next(answer["project"] for answer in inside["layers"]
                 if answer["layer"] == "container")
    client = Client(world, "/", variables={"HALTON_PROJECT": "not a slug!"})
    _, told = compare(world, client, boxed or "nobody", "container" if boxed else "smart_default")
    equal(told["layers"][-1]["project"], "nobody", "the last tier")
    check("is no slug" in told["layers"][0]["reason"], lambda: told["layers"][0]["reason"])


def test_label_of_a_known_project(world):
    world.start()
    shop = world.directory / "code" / "shop"
    (shop / ".git").mkdir(parents=True)
    Client(world, shop).end()
    world.wait_rows(1)
    # From an editor's own folder, with nothing but the name that the editor shows.
    client = Client(world, "/", variables={"CURSOR_WORKSPACE_LABEL": "Shop"})
    _, told = compare(world, client, "shop", "ide_env_label", "attribution_layer <> 'git'")
    equal(told["project_folder"], str(shop), "folder")
    # After a restart the daemon knows it from the database.
    world.daemon.stop()
    world.start_daemon()
    world.wait_metering()
    Client(world, "/", variables={"CURSOR_WORKSPACE_LABEL": "Shop"}).end()
    equal(world.wait_rows(3)[-1]["project_slug"], "shop", "project after a restart")


def test_client_session_and_agent_are_in_the_row(world):
    world.start()
    headers = {"user-agent": "claude-cli/2.1.90 (external, cli)",
               "x-claude-code-session-id": "6f9a1c1e-0000-4000-8000-000000000001",
               "x-claude-code-agent-id": "reviewer",
               "authorization": "Bearer invented-canary-7f3a"}
    world.call("POST", "/v1/messages", CLAUDE, headers=headers)
    row = world.wait_row()
    equal((row["client_tool"], row["client_version"], row["session_id"], row["agent_name"]),
          ("claude-code", "2.1.90", headers["x-claude-code-session-id"], "reviewer"), "client")
    world.call("POST", "/v1/messages", CLAUDE, headers={
        "user-agent": "<script>alert(1)</script>", "x-session-id": "a b<img src=x>"})
    row = world.wait_rows(2)[-1]
    equal(row["session_id"], None, "a session that is no word")
    check("<" not in (row["client_tool"] or ""), lambda: row["client_tool"])
    for file in (world.home / "db.sqlite", world.home / "db.sqlite-wal"):
        check(not file.exists() or b"canary-7f3a" not in file.read_bytes(), "a key is in a file")


def projects(world, *arguments, code=0):
    done = world.run("projects", *arguments, "--json")
    equal(done.returncode, code, f"exit code of projects {arguments}: {done.error}")
    return json.loads(done.text) if code == 0 and arguments[0] != "merge" else done


def call_as(world, project):
    Client(world, "/", variables={"HALTON_PROJECT": project}).end()


def test_projects_are_managed_beside_the_daemon(world):
    world.start()
    equal(projects(world, "list"), {"projects": []}, "no project yet")
    for project in ("alpha", "beta", "alpha"):
        call_as(world, project)
    world.wait_rows(3)
    equal([(p["slug"], p["requests"]) for p in projects(world, "list")["projects"]],
          [("alpha", 2), ("beta", 1)], "list")
    equal(projects(world, "rename", "alpha", "gamma")["old_slugs"], ["alpha"], "old slugs")
    call_as(world, "alpha")
    call_as(world, "gamma")
    world.wait_rows(5)
    equal([r["project_slug"] for r in world.rows()].count("gamma"), 4, "rows of the new name")
    equal(json.loads(world.run("report", "--project", "alpha", "--json").text)
          ["totals"]["requests"], 4, "report by the old name")
    projects(world, "merge", "gamma", "beta")
    for project in ("alpha", "gamma", "beta"):
        call_as(world, project)
    rows = world.wait_rows(8)
    equal({r["project_slug"] for r in rows}, {"beta"}, "projects after the merge")
    projects(world, "archive", "beta")
    equal(projects(world, "list")["projects"], [], "list without archived ones")
    equal(len(projects(world, "list", "--all")["projects"]), 1, "list of all")
    projects(world, "archive", "beta", "--undo")
    equal(projects(world, "settings", "beta", "--title", "B", "--body-capture", "off")
          ["settings"]["body_capture"], False, "setting")
    for arguments in (("rename", "none", "x"), ("rename", "beta", "a b"), ("merge", "beta", "no")):
        equal(world.run("projects", *arguments).returncode, 1, f"exit code of {arguments}")
    for arguments in (("rename", "beta"), ("nonsense",), ("settings", "beta", "--body-capture",
                                                          "maybe")):
        equal(world.run("projects", *arguments).returncode, 2, f"exit code of {arguments}")


def test_two_hundred_processes_at_once(world):
    world.start()
    folders = []
    for number in range(20):
        folders.append(world.directory / "code" / f"p{number}")
        (folders[-1] / ".git").mkdir(parents=True)
    environment = world.environment(CURL_CA_BUNDLE=world.trust_file(),
                                    HTTPS_PROXY=f"http://127.0.0.1:{world.edge_port}")
    command = ["curl", "-sS", "--http1.1", "--max-time", "80", "-o", "/dev/null", "--json",
               json.dumps(CLAUDE), "https://api.anthropic.com/v1/messages", "-H"]
    running = [subprocess.Popen(
        [*command, f"x-test-model: claude-p{number % 20}"], cwd=folders[number % 20],
        env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for number in range(200)]
    for one in running:
        error = one.communicate()[1]
        equal(one.returncode, 0, f"exit code of curl: {error.decode()[-200:]}")
    # On a loaded machine the edge takes the daemon for hung and passes some through unread. Lines of
    # a Python are the rig's.
    resolved = [line for line in world.daemon.log().splitlines()
                if " attribution.resolved " in line and "program=python" not in line]
    check(resolved, "no call was metered")
    world.notes.append(f"{len(resolved)} of 200 clients were metered")
    rows = world.wait_rows(len(resolved), limit_s=20)
    wrong = [r for r in rows if "claude-" + r["project_slug"] != r["model"]]
    why = [line for line in world.daemon.log().splitlines()
           if " attribution.resolved " in line and "winning_layer=git" not in line]
    check(not wrong, lambda: f"{len(wrong)} of {len(rows)} with the wrong project, as "
          f"{wrong[0]['project_slug']} by {wrong[0]['attribution_layer']}: {why}")
test_two_hundred_processes_at_once.limit_s = 180
test_two_hundred_processes_at_once.is_alone = True


def test_sessions_that_only_bodies_tell(world):
    """Claude Code's session in metadata.user_id, and nothing of the user beside it."""
    world.start()
    user = json.dumps({"device_id": "device-canary-1", "account_uuid": "account-canary-2",
                       "session_id": "6f9a1c1e-0000-4000-8000-000000000002"})
    for user_id in ("user_hash-canary-3_account_account-canary-4_session_s-0001", user):
        world.call("POST", "/v1/messages", {**CLAUDE, "metadata": {"user_id": user_id}},
                   headers={"user-agent": "claude-cli/2.1.90 (external, cli)"})
    rows = world.wait_rows(2)
    equal([r["session_id"] for r in rows], ["s-0001", "6f9a1c1e-0000-4000-8000-000000000002"],
          "sessions")
    world.daemon.stop()
    for file in world.home.glob("db.sqlite*"):
        check(b"canary-" not in file.read_bytes(), f"{file.name} knows the user")


def test_turn_ids_of_a_socket_are_those_of_each_message(world):
    world.start()
    client = SocketClient.open(world, "chatgpt.com", "/backend-api/codex/responses", headers={
        "user-agent": "codex_cli_rs/0.144.0", "session-id": "s-1", "thread-id": "t-1"})
    for number, agent in enumerate(("", "reviewer")):
        metadata = {"session_id": "s-1", "thread_id": "t-1", "turn_id": f"turn-{number}"}
        if agent:
            metadata["agent_nickname"] = agent
        client.send({"type": "response.create", "model": "gpt-5-codex", "input": "x",
                     "client_metadata": {"x-codex-turn-metadata": json.dumps(metadata)},
                     "metadata": {"tokens": "30,5"}})
        client.receive_until("response.completed", "response.failed", "error")
    client.close()
    rows = world.wait_rows(2)
    equal([(r["session_id"], r["thread_id"], r["turn_id"], r["agent_name"]) for r in rows],
          [("s-1", "t-1", "turn-0", None), ("s-1", "t-1", "turn-1", "reviewer")], "turns")
