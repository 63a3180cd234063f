"""Recorded exchanges of all providers go client -> edge -> daemon -> provider, once over HTTP/1.1
and once over HTTP/2; the row of each must equal the expectation that an independent reader made,
and no byte may change on the way. Where nobody's name is the host (localhost, a gateway), the item
goes to a made-up one that the config names under [[provider.custom]].

HALTON_CORPUS names the folder (default: ../shared/corpus beside the source tree)."""
import base64
import collections
import hashlib
import json
import os
import pathlib
import queue
import threading

from rig import h2, wire
from rig.check import Skipped, check, equal

# What differs from the expectation on purpose: id -> reason. tests/meter/corpus_test.cpp has the
# same list.
EXCEPTIONS = {
    "c-d6d18ef4bcd4": "a refused streamRawPredict: the path says that it is a chat, the "
                      "expectation looks at answers only",
}

# What a user would write: provider in the corpus -> families that its host speaks.
PRIVATE = {
    "gpustack": ["openai"], "litellm-proxy": ["openai"], "lmstudio": ["openai"],
    "ollama": ["ollama", "openai"], "openai-compatible-local": ["openai"],
    "pydantic-gateway": ["anthropic", "bedrock", "gemini", "openai"], "snowflake": ["openai"],
}
STATES_COST = ["openrouter", "perplexity", "xai"]

# (framing, chunks, bytes per write), dealt out by turns.
SHAPES = [("length", "", 0), ("chunked", "whole", 0), ("chunked", "random", 0),
          ("chunked", "random", 1460), ("close", "", 0), ("length", "", 701), ("chunked", "1", 0)]


def corpus_folder():
    root = pathlib.Path(__file__).resolve().parents[2]
    folder = pathlib.Path(os.environ.get("HALTON_CORPUS") or root.parent / "shared" / "corpus")
    if not (folder / "expected.jsonl").exists():
        # A worktree beside the main one has it one level further up.
        folder = root.parents[1] / "shared" / "corpus"
    if not (folder / "expected.jsonl").exists():
        raise Skipped("no corpus here (HALTON_CORPUS)")
    return folder


def load_items(folder):
    items = []
    for file in sorted(folder.glob("corpus-*.jsonl")):
        with open(file) as lines:
            for line in lines:
                item = json.loads(line)
                if item.get("transport") == "websocket":
                    continue
                if item["provider"] in PRIVATE:
                    item["host"] = f"{item['provider']}.corp.example"
                items.append(item)
    return items


def custom_providers():
    """The config's lines for hosts that are nobody's."""
    return "\n".join(f'[[provider.custom]]\nhost = "{name}.corp.example"\nshape = "{shape}"\n'
                     f'name = "{name}"' for name, shapes in PRIVATE.items() for shape in shapes)


def body_of(item, side):
    text = item[f"{side}_body"] or ""
    return base64.b64decode(text) if item[f"{side}_body_encoding"] == "base64" else text.encode()


def to_script(item):
    headers = {k.lower(): v for k, v in item["response_headers"].items()
               if k.lower() not in ("transfer-encoding", "content-length")}
    if "content_type_inferred" in item:
        headers.setdefault("content-type", item["content_type_inferred"])
    return {"id": item["id"], "status": item["status"], "headers": list(headers.items()),
            "body": base64.b64encode(body_of(item, "response")).decode()}


def expected_columns(expected):
    """The row that an expectation asks for; tests/fixtures/README.md describes the mapping."""
    code = expected["error_code"] if isinstance(expected["error_code"], str) else None
    code = code or expected["error_type"] or str(expected["error_code"] or "")
    is_error = (expected["http_status"] >= 400 or bool(expected["error_in_stream"]) or bool(code)
                or "sse_error_field_line" in (expected["flags"] or []))
    has_counts = isinstance(expected["usage_raw"], dict)
    needs_counts = expected["request_kind"] == "chat" or expected["api"] == "openai.embeddings"
    if expected["http_status"] >= 400:
        is_complete = True
    elif expected["streaming"]:
        is_complete = expected["stream_complete"] is True and has_counts
    else:
        is_complete = has_counts or not needs_counts
    if expected["api"] == "anthropic.batches":  # charged when it runs
        is_complete = False
    columns = {
        "request_kind": expected["request_kind"],
        "input_tokens": expected["input_tokens"] or 0,
        "output_tokens": expected["output_tokens"] or 0,
        "thinking_tokens": expected["reasoning_tokens"] or 0,
        "cache_read_tokens": expected["cache_read_tokens"] or 0,
        "cache_write_tokens": expected["cache_write_tokens"] or 0,
        "provider_error_code": code[:64] or None,
        "status": "error" if is_error else "success",
        "http_status": expected["http_status"],
        "tokens_complete": int(is_complete),
    }
    if expected.get("model"):
        columns["model"] = expected["model"]
    # Fetched after the call that began it had no counts: then the fetch is the call.
    if expected["api"] == "openai.responses.retrieve":
        columns["request_kind"] = "chat"
    return columns


class Replayer(threading.Thread):
    """Takes items from a queue and sends each through the edge; keeps connections."""

    def __init__(self, world, work, problems):
        super().__init__(daemon=True)
        self.world, self.work, self.problems = world, work, problems
        self.connections = {}

    def run(self):
        while True:
            try:
                number, item = self.work.get_nowait()
            except queue.Empty:
                break
            try:
                self.send(number, item)
            except Exception as error:
                self.problems[item["id"]] = f"the call failed: {error!r}"
                self.drop(item["host"])
        for host in list(self.connections):
            self.drop(host)

    def drop(self, host):
        connection = self.connections.pop(host, None)
        if connection:
            connection.close()

    def connection_to(self, host):
        if host not in self.connections:
            tunnel = wire.open_tunnel(self.world.edge_port, f"{host}:443", timeout_s=60)
            self.connections[host] = wire.start_tls(tunnel, host, self.world.trust_file())
        return self.connections[host]

    def headers_of(self, number, item, body, answer_body):
        framing, chunks, write_bytes = SHAPES[number % len(SHAPES)]
        if chunks == "1" and len(answer_body) > 20_000:
            chunks = "random"
        headers = {k: v for k, v in item["request_headers"].items()
                   if k.lower() not in ("user-agent", "content-length", "host")}
        # The id travels as the user agent: so it stands in the row.
        headers.update({"user-agent": item["id"], "x-test-item": item["id"],
                        "x-test-framing": framing, "x-test-chunks": chunks or "whole",
                        "x-test-seed": str(number), "x-test-write-bytes": str(write_bytes)})
        if body or item["method"] in ("POST", "PUT", "PATCH"):
            headers["content-length"] = str(len(body))
        return headers

    def send(self, number, item):
        host, body = item["host"], body_of(item, "request")
        answer_body = body_of(item, "response")
        headers = self.headers_of(number, item, body, answer_body)
        tls = self.connection_to(host)
        tls.sendall(wire.to_request(item["method"], item["path"], host, body, headers))
        head, found, rest = wire.read_answer(tls, item["method"])
        if headers["x-test-framing"] == "close":
            self.drop(host)
        equal(wire.status_of(head), item["status"], "status")
        equal(rest, b"", "bytes behind the answer")
        if found != answer_body and item["status"] not in (204, 304):
            self.problems[item["id"]] = "the answer's body was changed on the way"


class Http2Replayer(Replayer):
    """The same over HTTP/2, several streams of a connection at a time."""

    STREAMS = 6

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.open = collections.defaultdict(list)  # host -> (stream, item, wanted body)

    def drop(self, host):
        client = self.connections.get(host)
        try:
            if client:
                self.read_answers(client, host)
        finally:
            connection = self.connections.pop(host, None)
            if connection:
                connection.tls.close()

    def connection_to(self, host):
        if host not in self.connections:
            tunnel = wire.open_tunnel(self.world.edge_port, f"{host}:443", timeout_s=60)
            tls = h2.start_tls(tunnel, host, self.world.trust_file())
            equal(tls.selected_alpn_protocol(), "h2", "protocol")
            self.connections[host] = h2.Client(tls)
        return self.connections[host]

    def send(self, number, item):
        host, body = item["host"], body_of(item, "request")
        answer_body = body_of(item, "response")
        headers = self.headers_of(number, item, body, answer_body)
        if number % 3:  # frames are padded now and then
            headers["x-test-padding"] = str(number % 200)
        client = self.connection_to(host)
        stream = client.request(item["method"], item["path"], host, body, headers)
        self.open[host].append((stream, item, answer_body))
        if len(self.open[host]) >= self.STREAMS:
            self.read_answers(client, host)

    def read_answers(self, client, host):
        for stream, item, wanted in self.open.pop(host, ()):
            try:
                answer = client.wait(stream)
                equal(answer.status, item["status"], "status")
                equal(answer.reset_code, None, "code of a reset")
                if answer.body != wanted and item["status"] not in (204, 304):
                    self.problems[item["id"]] = "the answer's body was changed on the way"
            except Exception as error:
                self.problems[item["id"]] = f"the call failed: {error!r}"


def test_every_recorded_exchange(world):
    replay_all(world, Replayer)


def test_every_recorded_exchange_over_http2(world):
    replay_all(world, Http2Replayer)


def replay_all(world, replayer_class):
    folder = corpus_folder()
    items = load_items(folder)
    expectations = {}
    with open(folder / "expected.jsonl") as lines:
        for line in lines:
            expected = json.loads(line)
            expectations[expected["id"]] = expected
    script = world.directory / "corpus.jsonl"
    with open(script, "w") as out:
        for item in items:
            out.write(json.dumps(to_script(item)) + "\n")
    hosts = sorted({item["host"] for item in items} | {"api.anthropic.com"})
    names = [word for host in hosts for word in ("--name", host)]
    world.start_provider("--script", script, *names)
    world.write_config(custom_providers(), [f"{host}:443=127.0.0.1:{world.provider.port}"
                                            for host in hosts])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    world.trust_file()

    work, problems = queue.Queue(), {}
    for pair in enumerate(items):
        work.put(pair)
    replayers = [replayer_class(world, work, problems) for _ in range(4)]
    for replayer in replayers:
        replayer.start()
    for replayer in replayers:
        replayer.join(240)
    equal(world.daemon.stop(), 0, "exit code of the daemon")

    bodies = {l["item"]: l["body_sha256"] for l in world.provider.ledger()}
    rows = collections.defaultdict(list)
    for row in world.rows():
        rows[row["user_agent"]].append(row)
    totals, matched, unmetered = (collections.Counter() for _ in range(3))
    wrong = []
    for item in items:
        expected = expectations[item["id"]]
        provider = expected["provider"]
        totals[provider] += 1
        problem = problems.get(item["id"]) or judge(item, expected, rows[item["id"]])
        if not problem and bodies.get(item["id"]) != hashlib.sha256(
                body_of(item, "request")).hexdigest():
            problem = "the request's body was changed on the way"
        if not rows[item["id"]]:
            unmetered[provider] += 1
        if item["id"] in EXCEPTIONS:
            if not problem:
                wrong.append(f"{item['id']} is listed as an exception and matches")
            problem = None
            world.notes.append(f"{item['id']}: {EXCEPTIONS[item['id']]}")
        if problem:
            wrong.append(f"{item['id']} {item['host']} {item['method']} {item['path'][:60]}: "
                         f"{problem}")
        else:
            matched[provider] += 1
    world.notes.insert(0, ", ".join(
        f"{p} {matched[p]} / {totals[p]} ({unmetered[p]} on paths that are not metered)"
        for p in sorted(totals)))
    check(not wrong, lambda: world.notes[0] + f"; {len(wrong)} wrong:\n  " + "\n  ".join(wrong[:60]))


def judge(item, expected, rows):
    """What is wrong with the rows of an item, or None."""
    if expected["request_kind"] == "other" and not rows:
        return None  # nothing to charge, not a model call
    if len(rows) != 1:
        return f"{len(rows)} rows"
    differences = [f"{name} is {rows[0][name]!r}, wanted {value!r}"
                   for name, value in expected_columns(expected).items()
                   if rows[0][name] != value]
    is_own_key = "openrouter_byok" in (expected["flags"] or [])
    if (expected["provider"] in STATES_COST and not is_own_key
            and expected["provider_cost_usd"] is not None):
        wanted = round(expected["provider_cost_usd"] * 1e9)
        if rows[0]["cost_nanousd"] != wanted:
            differences.append(f"cost_nanousd is {rows[0]['cost_nanousd']}, wanted {wanted}")
    return "; ".join(differences) or None


test_every_recorded_exchange.limit_s = 280
test_every_recorded_exchange_over_http2.limit_s = 280
