"""Keys and prompts of its own in every place that there is, and a search through all that is left:
files, the database, logs, answers of the API and of the verbs; as it is and in base64. Without
capturing neither keys nor prompts are found. With it prompts are in the bodies only, and keys nowhere.

The search is tried on files that do hold a canary, so that it cannot pass by looking at nothing."""
import base64
import gzip
import json
import pathlib
import signal
import sqlite3
import subprocess
import time
import urllib.parse

from rig import h2, wire
from rig.check import Failed, check, equal, eventually
from rig.servers import ConnectProxy
from rig.socket_client import SocketClient

HOST = "api.anthropic.com"
OPENAI = "api.openai.com"
CODEX = ("chatgpt.com", "/backend-api/codex/responses")
GEMINI = "generativelanguage.googleapis.com"
PROVIDERS = ("api.anthropic.com", "api.openai.com", "chatgpt.com", GEMINI)
PASSWORD = "Zk7-Canary-Proxy-Pa55"
RESPONSE_END = ("response.completed", "response.failed", "error")


class Canaries:
    """Hands out words that occur once in the world, and remembers where each was put."""

    def __init__(self):
        self.secrets, self.prompts = {}, {}

    def _word(self, place):
        number = len(self.secrets) + len(self.prompts)
        return f"{number:03d}{base64.b32encode(place.encode()[:5]).decode().strip('=')}Qz9Wx7"

    def prompt(self, place):
        word = f"zebra{self._word(place)}"
        self.prompts[word] = place
        return word

    def plain(self, place):
        """A secret without a form of its own: for places that are never written down."""
        word = f"Tiger{self._word(place)}"
        self.secrets[word] = place
        return word

    def key(self, place, prefix="sk-" "ant-"):
        """A secret that can be told by its form, wherever it stands. The prefix is no secret."""
        word = f"Lion{self._word(place)}Ab3Cd5Ef7Gh9Jk2"
        self.secrets[word] = place
        return prefix + word

    def secret_prompt(self, place):
        """A prompt with secrets in every form in which people paste them."""
        web_token = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
                             for part in ('{"alg":"HS256"}', '{"sub":"1234567890"}'))
        pem = ("-----BEGIN RSA PRIV" "ATE KEY-----\n" +
               "\n".join(self.plain(f"{place} pem").ljust(64, "A") for _ in range(3)) +
               "\n-----END RSA PRIV" "ATE KEY-----\n")
        note = json.dumps({"password": self.plain(f"{place} nested") + '"\\x', "b": 1})
        env = f"export SOME_API_KEY={self.plain(f'{place} env')}\n"
        return "\n".join([
            self.prompt(place), self.key(place), self.key(place, "sk-" "proj-"),
            self.key(place, "gh" "p_"), self.key(place, "AI" "za") + "a" * 20,
            self.key(place, "xa" "i-"), self.key(place, "xo" "xb-"), self.key(place, "hm_" "sync_"),
            f"Authorization: Bearer {self.plain(f'{place} bearer')}",
            f"curl -H 'x-api-key: {self.plain(f'{place} head')}' "
            f"https://ann:{self.plain(f'{place} url')}@db.example.invalid/x?a=1"
            f"&key={self.plain(f'{place} query')}",
            f"{web_token}.{self.plain(f'{place} jwt')}",
            f"aws_secret_access_key = {self.plain(f'{place} aws')}/+x",
            f"AccountKey={self.plain(f'{place} azure')}==;EndpointSuffix=x",
            f"{{\"password\": \"{self.plain(f'{place} password')} with blanks\"}}",
            note, pem, env, base64.b64encode(env.encode()).decode(),
            json.dumps({"inner": json.dumps({"deep": note})}), self.prompt(place)])


def forms_of(word):
    """How a word may be hidden in a file."""
    raw = word.encode()
    yield raw
    yield raw.lower()
    yield raw[::-1]
    yield urllib.parse.quote(word).encode()
    yield word.encode("utf-16-le")
    yield raw.hex().encode()
    for shift in range(3):
        # Without the letters that depend on what stands beside it.
        code = base64.b64encode(b"\0" * shift + raw)
        yield code[(shift * 8 + 5) // 6:len(code) - 4]
    code = base64.urlsafe_b64encode(raw)
    yield code[:len(code) - 4]


def search(texts, words):
    """(where, word's place, what) of each word in each text."""
    forms = [(form, word) for word in words for form in set(forms_of(word))]
    for where, text in texts.items():
        for form, word in forms:
            at = text.find(form)
            if at >= 0:
                yield where, words[word], text[max(0, at - 60):at + len(form) + 20]


def unpack(where, data):
    """The data, and what is inside of it when it is packed."""
    yield where, data
    if data[:2] == b"\x1f\x8b":
        yield where + " (gzip)", gzip.decompress(data)


def dump_database(file):
    """Every value of every table but the packed bodies, and the pages as text."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)
    try:
        tables = [name for (name,) in connection.execute(
            "select name from sqlite_master where type = 'table'")]
        for table in tables:
            rows = connection.execute(f'select * from "{table}"').fetchall()
            yield f"table {table}", "\n".join(
                "|".join(v.hex() if isinstance(v, bytes) else str(v) for v in row)
                for row in rows).encode()
    finally:
        connection.close()


ROUTES = ["/health", "/v1/daemon/status", "/v1/projects", "/v1/requests", "/v1/summary",
          "/v1/errors", "/v1/passthrough", "/v1/tools", "/v1/sessions", "/v1/limits", "/v1/prices",
          "/v1/policies", "/v1/audit", "/metrics", "/api/projects", "/api/calls"]


def everything(world, bodies=()):
    """What is left of the world: name -> bytes. The user's own config is not ours."""
    texts = {}
    for process in (world.edge, world.daemon):
        if process:
            texts[f"{process.name}'s log"] = process.log().encode()
    for directory in (world.home, world.user_home):
        for path in sorted(directory.rglob("*")):
            if path.is_file() and path.name != "config.toml":
                texts.update(unpack(str(path.relative_to(world.directory)), path.read_bytes()))
    if world.database.exists():
        texts.update(dump_database(world.database))
    for verb in (["report"], ["report", "--json"], ["status"], ["status", "--json"], ["doctor"],
                 ["projects", "list", "--json"], ["bodies", "stats"], ["bodies", "list", "--json"],
                 ["limits"]):
        done = world.run(*verb)
        texts["halton-meter " + " ".join(verb)] = done.stdout + done.stderr
    if world.daemon and world.daemon.is_alive():
        for route in ROUTES:
            texts[route] = world.get_api(route)[1]
        texts["/proc environ"] = b"".join(
            pathlib.Path(f"/proc/{p.pid}/{name}").read_bytes()
            for p in (world.edge, world.daemon) for name in ("environ", "cmdline"))
    return texts


def read_bodies(world):
    connection = sqlite3.connect(f"file:{world.database}?mode=ro", uri=True, timeout=10)
    try:
        ids = [row[0] for row in connection.execute("select request_id from request_bodies")]
    finally:
        connection.close()
    texts = {}
    for number in ids:
        done = world.run("bodies", "show", number, "--json")
        equal(done.returncode, 0, f"bodies show: {done.error}")
        texts[f"body {number}"] = done.stdout
        texts[f"body {number}, decoded"] = json.dumps(
            json.loads(done.text), ensure_ascii=False).replace("\\\\", "\\").encode()
        texts[f"body {number}, as shown"] = world.run("bodies", "show", number).stdout
    return texts


def expect_nothing(texts, words):
    found = list(search(texts, words))
    check(not found, lambda: f"{len(found)} finds, of {sorted({f[1] for f in found})}; "
          f"{found[0][1]!r} in {found[0][0]}: {found[0][2]!r}")


def prove_the_search(world, canaries):
    """Each form of each kind of word is found where it is put, in a file beside the real ones."""
    some = dict(list(canaries.secrets.items())[:2] + list(canaries.prompts.items())[:1])
    planted = world.home / "planted"
    for word in some:
        for text in (f"a {word} b".encode(), base64.b64encode(f"xy {word} z".encode()),
                     base64.b64encode(f"x {word} z".encode()),
                     base64.b64encode(f" {word} z".encode()),
                     gzip.compress(f"x{word}y".encode()), word.encode("utf-16-le")):
            planted.write_bytes(text)
            found = list(search(everything(world), {word: "planted"}))
            planted.unlink()
            check(any("planted" in where for where, *_ in found),
                  lambda: f"the search does not see {word} as {text[:60]!r}")
        break
    for word in some:
        connection = sqlite3.connect(world.home / "planted.sqlite")
        connection.execute("create table t (x)")
        connection.execute("insert into t values (?)", (f"a {word} b",))
        connection.commit()
        connection.close()
        texts = dict(dump_database(world.home / "planted.sqlite"))
        (world.home / "planted.sqlite").unlink()
        check(list(search(texts, {word: "planted"})), "the search does not see a table's value")


def attempt(world, *arguments, **named):
    try:
        return world.call(*arguments, **named)
    except (OSError, EOFError):
        return None


def script_answers(world, canaries):
    """Answers that echo, as providers do, and what a model says."""
    def entry(name, status, kind, text):
        return {"id": name, "status": status, "headers": [["content-type", kind]],
                "body": base64.b64encode(text.encode()).decode()}
    said = canaries.secret_prompt("answer")
    error = json.dumps({"type": "error", "error": {
        "type": "authentication_error",
        "message": f"invalid x-api-key {canaries.key('error echo')}: {canaries.prompt('error')}"}})
    odd = json.dumps({"error": {"type": canaries.key("error type"),
                                "code": canaries.key("error code", "sk-" "proj-"),
                                "message": canaries.prompt("error message")}})
    whole = json.dumps({"model": "claude-x", "type": "message", "id": canaries.key("answer id"),
                        "content": [{"type": "text", "text": said}],
                        "usage": {"input_tokens": 1, "output_tokens": 1}})
    # A key that comes letter by letter, as tokens do.
    spoken = canaries.key("spoken")
    prompt = canaries.prompt("stream")
    events = [("message_start", {"type": "message_start", "message": {
        "model": "claude-x", "usage": {"input_tokens": 1, "output_tokens": 1}}})]
    pieces = [f"{prompt} it is "] + [spoken[i:i + 3] for i in range(0, len(spoken), 3)] + [
        ", and password: "] + list(canaries.plain("spoken password")) + [" "]
    events += [("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {
        "type": "text_delta", "text": piece}}) for piece in pieces]
    events += [("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                                  "usage": {"output_tokens": 9}}),
               ("message_stop", {"type": "message_stop"})]
    stream = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    entries = [entry("error", 401, "application/json", error),
               entry("odd", 400, "application/json", odd),
               entry("page", 502, "text/html", f"<html>{canaries.prompt('page')} "
                     f"{canaries.key('page')}</html>"),
               entry("whole", 200, "application/json", whole),
               entry("stream", 200, "text/event-stream", stream),
               entry("broken", 200, "application/json", whole[:len(whole) // 2])]
    file = world.directory / "script.jsonl"
    file.write_text("".join(json.dumps(e) + "\n" for e in entries))
    return file


def visit_every_place(world, canaries):
    """One call for each place where something private may stand."""
    def headers(**more):
        return {"x-api-key": canaries.plain("x-api-key"),
                "authorization": f"Bearer {canaries.plain('authorization')}",
                "cookie": f"session={canaries.plain('cookie')}",
                "x-goog-api-key": canaries.plain("x-goog-api-key"),
                "proxy-authorization": f"Basic {canaries.plain('proxy-authorization')}",
                "x-custom": canaries.plain("a head of their own"),
                **{name.replace("_", "-"): value for name, value in more.items()}}

    def body(place, **more):
        return {"model": "claude-sonnet-4-5", "system": canaries.prompt(f"{place} system"),
                "messages": [{"role": "user", "content": canaries.secret_prompt(place)}],
                # Of these the session is kept; who it is stands in a captured body only.
                "metadata": {"user_id": f"user_{canaries.prompt('user')}_account_"
                                        f"{canaries.prompt('account')}_session_s-1"}, **more}

    query = f"?key={canaries.plain('query')}&q={canaries.prompt('query')}"
    # What clients tell of themselves: the words are kept, a key among them is not.
    told = dict(user_agent=f"claude-cli/2.1 ({canaries.key('user agent')})",
                idempotency_key=canaries.key("idempotency key"),
                session_id=canaries.key("session id"), thread_id=canaries.key("thread id"),
                x_openai_subagent=canaries.key("agent"))
    world.call("POST", f"/v1/messages{query}", body("plain"), headers=headers(**told))
    world.call("POST", "/v1/messages", body("stream", stream=True), headers=headers())
    for coding in ("gzip", "deflate", "br", "zstd"):
        world.call("POST", "/v1/messages", body(coding), headers=headers(x_test_encoding=coding))
    packed = gzip.compress(json.dumps(body("gzip request")).encode())
    world.call("POST", "/v1/messages", packed, headers=headers(content_encoding="gzip"))
    if world.has_program("zstd"):
        packed = subprocess.run(["zstd", "-q", "-c"], capture_output=True, check=True,
                                input=json.dumps(body("zstd request")).encode()).stdout
        world.call("POST", "/v1/messages", packed, headers=headers(content_encoding="zstd"))
    for item in ("error", "odd", "page", "whole", "stream", "broken"):
        attempt(world, "POST", "/v1/messages", body(item), headers=headers(x_test_item=item))
    attempt(world, "POST", "/v1/messages", body("cut", stream=True),
            headers=headers(x_test_cut_after="700"))
    attempt(world, "POST", "/v1/messages",
            b'{"model":"m","broken ' + canaries.prompt("invalid JSON").encode() +
            canaries.key("invalid JSON").encode(), headers=headers())
    attempt(world, "POST", "/v1/messages", {"model": canaries.key("model")}, headers=headers())
    attempt(world, "POST", f"/v1beta/models/{canaries.key('path')}:generateContent{query}",
            body("gemini"), GEMINI, headers())
    world.call("GET", f"/v1/models/{canaries.prompt('unmetered path')}{query}", headers=headers())
    attempt(world, "POST", "/v1/messages", body("odd type"),
            headers=headers(content_type=canaries.key("content type")))
    form = (f'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x\r\n'
            f'content-disposition: form-data; name="prompt"\r\n\r\n'
            f'{canaries.prompt("form")} {canaries.key("form")}\r\n--x--\r\n').encode()
    attempt(world, "POST", "/v1/audio/transcriptions", form, OPENAI,
            headers(content_type="multipart/form-data; boundary=x", content_length=str(len(form))))
    # Over HTTP/2: whole, reset, with trailers, and a head that nobody can decode.
    with wire.open_tunnel(world.edge_port, f"{HOST}:443",
                          f"proxy-authorization: {canaries.plain('CONNECT')}\r\n") as tunnel:
        with h2.Client(h2.start_tls(tunnel, HOST, world.trust_file())) as client:
            client.call("POST", f"/v1/messages{query}", HOST, body("h2"), headers(),
                        trailers=[("x-sum", canaries.plain("trailer"))])
            client.call("POST", "/v1/messages", HOST, body("h2 reset"),
                        headers(x_test_reset_after="300"))
            client.send(h2.frame(h2.HEADERS, h2.END_HEADERS, client.next_stream,
                                 b"\xbe" + canaries.plain("h2 head").encode()))
            wire.read_all(client.tls)
    # A WebSocket with two turns, one of them cut.
    socket = SocketClient.open(world, *CODEX, headers={
        **headers(), "user-agent": "codex/1", "session-id": canaries.key("socket session")})
    for place in ("socket", "socket again"):
        socket.send({"type": "response.create", "model": "gpt-5-codex",
                     "input": canaries.secret_prompt(place),
                     "client_metadata": {"turn_id": canaries.key("turn id")},
                     "metadata": {"tokens": "30,5"}})
        socket.receive_until(*RESPONSE_END)
    socket.send({"type": "response.create", "input": canaries.secret_prompt("socket cut")})
    socket.drop()
    # Bytes that break the tap, and odd CONNECTs.
    with wire.open_tunnel(world.edge_port, f"{HOST}:443") as tunnel:
        with wire.start_tls(tunnel, HOST, world.trust_file()) as tls:
            tls.sendall(f"POST /v1/messages HTTP/1.1\r\n{canaries.plain('a broken head')} broken"
                        "\r\n\r\n".encode())
            wire.read_all(tls)
    for request in (f"CONNECT {HOST}:x HTTP/1.1\r\nProxy-Authorization: "
                    f"{canaries.plain('bad CONNECT')}\r\n\r\n",
                    f"GET https://{HOST}/?key={canaries.plain('plain query')} HTTP/1.1\r\n"
                    f"x-api-key: {canaries.plain('plain head')}\r\n\r\n",
                    f"CONNECT {canaries.plain('user')}:{canaries.plain('pw')}@{HOST}:443 "
                    "HTTP/1.1\r\n\r\n"):
        wire.ask(world.edge_port, request.encode())


def call_with_key_as_project(world, canaries):
    done = world.execute(
        ["curl", "-sS", "--http1.1", "--max-time", "30", "-o", "/dev/null", "--json",
         json.dumps({"model": "m"}), f"https://{HOST}/v1/messages"],
        environment=world.environment(
            CURL_CA_BUNDLE=world.trust_file(), HALTON_PROJECT=canaries.key("project name"),
            HTTPS_PROXY=f"http://ann:{canaries.plain('proxy variable')}@127.0.0.1:"
                        f"{world.edge_port}"))
    equal(done.returncode, 0, f"curl: {done.error}")


def start(world, canaries, capture):
    """Behind a corporate proxy with a password, which is in the user's own config only."""
    world.start_provider("--script", script_answers(world, canaries))
    proxy = ConnectProxy(world.provider.port, "alice", PASSWORD)
    world.on_close(proxy.close)
    canaries.secrets[PASSWORD] = "upstream proxy"
    canaries.secrets[base64.b64encode(f"alice:{PASSWORD}".encode()).decode()] = "upstream proxy"
    world.write_config(f"[bodies]\ncapture = {json.dumps(capture)}\n[log]\nlevel = \"debug\"\n",
                       connect_to=[],
                       upstream=f'proxy = "http://alice:{PASSWORD}@127.0.0.1:{proxy.port}"\n')
    world.start_edge()
    world.start_daemon()
    world.wait_metering()


def quiesce(world, count):
    eventually(lambda: len(world.rows()) >= count, "the rows of the metered calls", limit_s=20)

    def is_quiet():
        status = json.loads(world.get_api("/v1/daemon/status")[1])
        return status["rows_waiting"] == 0 and status.get("bodies", {}).get("waiting", 0) == 0
    eventually(is_quiet, "everything is written", limit_s=20)


def test_nothing_is_written_of_keys_and_prompts(world):
    canaries = Canaries()
    start(world, canaries, capture=False)
    visit_every_place(world, canaries)
    call_with_key_as_project(world, canaries)
    quiesce(world, 24)
    everything_private = {**canaries.secrets, **canaries.prompts}
    check(len(everything_private) > 300, f"only {len(everything_private)} canaries")
    equal(len(read_bodies(world)), 0, "bodies")
    expect_nothing(everything(world), everything_private)
    prove_the_search(world, canaries)
    # Once more after an end in order, when the log has moved into the database.
    world.daemon.stop()
    expect_nothing(everything(world), everything_private)
    world.notes.append(f"{len(everything_private)} canaries in {len(everything(world))} texts")
test_nothing_is_written_of_keys_and_prompts.limit_s = 180


def test_captured_bodies_hold_prompts_and_no_key(world):
    canaries = Canaries()
    start(world, canaries, capture=True)
    visit_every_place(world, canaries)
    call_with_key_as_project(world, canaries)
    quiesce(world, 24)
    everything_private = {**canaries.secrets, **canaries.prompts}

    def bodies_are_there():
        return len(read_bodies(world)) / 3 >= 24
    eventually(bodies_are_there, "the bodies of the metered calls", limit_s=30)
    bodies = read_bodies(world)
    expect_nothing(bodies, canaries.secrets)
    texts = everything(world)
    expect_nothing(texts, canaries.secrets)
    # Packed texts have whole words in them: prompts are in that table and its pages, and in no other.
    expect_nothing({where: text for where, text in texts.items()
                    if "db.sqlite" not in where and where != "table request_bodies"},
                   canaries.prompts)
    # The prompts are there: redaction took the secrets and left the rest.
    seen = {place for _, place, _ in search(bodies, canaries.prompts)}
    for place in ("plain", "plain system", "stream", "gzip", "gzip request", "error", "page",
                  "answer", "cut", "h2", "socket", "socket again", "invalid JSON", "gemini"):
        check(place in seen, f"the prompt in {place!r} was not captured: {sorted(seen)}")
    for place in ("query", "unmetered path"):
        check(place not in seen, f"what is in {place!r} is in a body")
    stats = json.loads(world.run("bodies", "stats", "--json").text)
    check(stats["redaction_count"] > 200, lambda: f"redactions {stats['redaction_count']}")
    for kind in ("anthropic-key", "openai-key", "github-token", "google-key", "authorization",
                 "jwt", "private-key", "password", "url-password", "aws-secret", "azure-key"):
        check(kind in stats["redaction_kinds"], f"no {kind} in {stats['redaction_kinds']}")
    # Deleted is deleted, in the file too.
    equal(world.run("bodies", "prune", "--all").returncode, 1, "prune that nobody can confirm")
    equal(world.run("bodies", "prune", "--all", "--yes").returncode, 0, "exit code of prune")
    equal(read_bodies(world), {}, "bodies after prune")
    world.daemon.stop()
    expect_nothing(everything(world), everything_private)
test_captured_bodies_hold_prompts_and_no_key.limit_s = 240


def test_nothing_is_left_behind_by_a_crash(world):
    """In the middle of calls, captured ones, with rows that wait in a file."""
    for number, how in enumerate((signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV)):
        with world.inner(f"crash{number}") as one:
            canaries = Canaries()
            start(one, canaries, capture=True)
            # The database is locked: rows and bodies wait.
            lock = sqlite3.connect(one.database, timeout=10, isolation_level=None)
            lock.execute("begin immediate")
            open_calls = []
            for place in ("crash one", "crash two"):
                one.call("POST", "/v1/messages",
                         {"model": "m", "messages": canaries.secret_prompt(place)},
                         headers={"x-api-key": canaries.plain(place)})
            tunnel = wire.open_tunnel(one.edge_port, f"{HOST}:443")
            tls = wire.start_tls(tunnel, HOST, one.trust_file())
            one.on_close(tls.close)
            asked = {"model": "m", "stream": True,
                     "messages": canaries.secret_prompt("crash while it runs")}
            tls.sendall(wire.to_request("POST", "/v1/messages", HOST, asked, {
                "x-api-key": canaries.plain("running"), "x-test-delay-head-ms": "3000"}))
            open_calls.append(tls)

            def rows_wait():
                return json.loads(one.get_api("/v1/daemon/status")[1])["rows_waiting"] >= 2
            eventually(rows_wait, "rows wait")
            one.daemon.signal(how)
            one.daemon.popen.wait()
            lock.close()
            private = {**canaries.secrets, **canaries.prompts}
            expect_nothing(everything(one), private)
            check(not list(one.directory.rglob("core*")), "a core dump was left")
            # The next daemon writes the rows that waited; their bodies are gone.
            one.start_daemon()
            eventually(lambda: len(one.rows()) >= 2, "the rows that waited")
            expect_nothing(everything(one), private)
            equal(read_bodies(one), {}, "bodies")
test_nothing_is_left_behind_by_a_crash.limit_s = 180
