"""What the provider receives and what the client receives are the bytes of a direct connection."""
import base64
import gzip
import json
import random
import ssl

from rig import wire
from rig.check import check, equal, equal_bytes, eventually

HOST = "api.anthropic.com"


def post(headers="", body=b'{"model":"claude-sonnet-4-5"}', line=None, framing=None):
    line = line or "POST /v1/messages HTTP/1.1"
    framing = f"Content-Length: {len(body)}\r\n" if framing is None else framing
    return (f"{line}\r\nHost: {HOST}\r\n{framing}X-Test-Close: 1\r\n{headers}\r\n").encode(
        "latin-1") + body


STREAM = b'{"model":"claude-sonnet-4-5","stream":true}'

REQUESTS = {
    "plain": post(),
    "stream": post(body=STREAM),
    "odd spelling": post("x-ODD:   spaces\t \r\nX-Empty:\r\nx-odd:again\r\nAccept-Encoding:  br,gzip\r\n"),
    "no space after colon": post("A:b\r\nC:d\r\n"),
    "latin-1 value": post("X-Name: J\xf6rg \xff\r\n"),
    "chunked": post(framing="Transfer-Encoding: chunked\r\n",
                    body=b"5;a=b\r\n{\"mod\r\n0A\r\nel\":\"claud\r\n4\r\ne-x\"\r\n1\r\n}\r\n"
                         b"0\r\nx-trailer: yes\r\n\r\n"),
    "absolute target": post(line=f"POST https://{HOST}/v1/messages HTTP/1.1"),
    "HTTP/1.0": post(line="POST /v1/messages HTTP/1.0"),
    "lower-case method": post(line="post /v1/messages HTTP/1.1"),
    "unknown method": post(line="BREW /v1/messages HTTP/1.1"),
    "huge header": post("X-Huge: " + "h" * 150_000 + "\r\n"),
    "many headers": post("".join(f"X-{i}: {i}\r\n" for i in range(700))),
    "not HTTP": b"NONSENSE\r\n\r\n",
    "not JSON": post(body=b"\x00\xff{]" * 1000),
    "large body": post(body=b'{"model":"m","x":"' + b"y" * 2_000_000 + b'"}'),
}


def item(name, body=b"", **more):
    return {"id": name, "status": 200, "headers": [["content-type", "application/json"]],
            "body": base64.b64encode(body).decode(), **more}


def raw(name, data):
    return {"id": name, "raw": base64.b64encode(data).decode()}


USAGE = b'{"model":"claude-sonnet-4-5","usage":{"input_tokens":3,"output_tokens":4}}'
EVENTS = (b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-x",'
          b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
          b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":9}}\n\n'
          b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
SSE = [["content-type", "text/event-stream"]]

# Bodies that are served in every framing and chunking.
ITEMS = [
    item("json", USAGE),
    item("empty"),
    item("one byte", b"{"),
    item("binary", random.Random(3).randbytes(50_000)),
    item("events", EVENTS, headers=SSE),
    item("events with CR and CRLF", EVENTS.replace(b"\n", b"\r\n") + b"data: x\rdata: y\r\r",
         headers=SSE),
    item("events in invalid UTF-8", EVENTS.replace(b"claude-x", b"\xff\xfe\x80") + b"data: {\n\n",
         headers=SSE),
    item("events without an end", b"data: " + b"z" * 300_000, headers=SSE),
    item("gzip", gzip.compress(USAGE),
         headers=[["content-type", "application/json"], ["content-encoding", "gzip"]]),
    item("broken gzip", gzip.compress(USAGE)[:20] + b"\x00" * 50,
         headers=[["content-type", "application/json"], ["content-encoding", "gzip"]]),
    item("not what its coding says", USAGE,
         headers=[["content-type", "application/json"], ["content-encoding", "br"]]),
    item("unknown coding", USAGE,
         headers=[["content-type", "application/json"], ["content-encoding", "rot13"]]),
    item("odd heads", USAGE, reason="", interim=[103, 100, 103], trailers=[["x-sum", "1"]],
         headers=[["X-ODD", "a"], ["x-odd", "  b"], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"],
                  ["alt-svc", 'h3=":443"; ma=86400'], ["content-type", "application/json"]]),
]

# Whole answers as exact bytes, good and bad.
RAW_ITEMS = [
    raw("bare LF", b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi"),
    raw("folded header", b"HTTP/1.1 200 OK\r\nx-a: b\r\n  c\r\ncontent-length: 2\r\n\r\nhi"),
    raw("HTTP/1.0", b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + USAGE),
    raw("not HTTP", b"ICY 200 OK\r\n\r\n\x00\x01\x02" * 50),
    raw("two lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nhi"),
    raw("different lengths",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi!"),
    raw("length and chunked", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
                              b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    raw("odd chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
                      b"0002;x=\"y;z\"\r\nhi\r\nA\r\n0123456789\r\n0;last\r\nt: 1\r\n\r\n"),
    raw("bad chunk size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhi\r\n"),
    raw("cut chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf"),
    raw("short body", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
    raw("more than its length", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi and more"),
    raw("two answers", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi" * 2),
    raw("hundred interim heads", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100 +
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
    raw("huge head", b"HTTP/1.1 200 OK\r\nx: " + b"h" * 200_000 + b"\r\ncontent-length: 2\r\n\r\nhi"),
    raw("head without end", b"HTTP/1.1 200 OK\r\nx: y"),
    raw("strange status", b"HTTP/1.1 999 \xe9\xff\r\ncontent-length: 2\r\n\r\nhi"),
    raw("zero byte in a header", b"HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 2\r\n\r\nhi"),
]


class Comparison:
    def __init__(self, world, items=()):
        script = world.directory / "script.jsonl"
        script.write_text("".join(json.dumps(i) + "\n" for i in items))
        world.start_provider("--script", script, "--record-raw", world.directory / "raw")
        world.start()
        self.world = world
        self.seen_count = 0

    def direct(self):
        return wire.connect(self.world.provider.port, 30)

    def through(self):
        return wire.open_tunnel(self.world.edge_port, f"{HOST}:443")

    def send(self, connection, request, pieces):
        """What the client received, and how the stream ended."""
        with connection:
            with wire.start_tls(connection, HOST, self.world.trust_file()) as tls:
                is_ours = wire.is_issued_by(tls, self.world.our_ca)
                for at in range(0, len(request), pieces):
                    tls.sendall(request[at:at + pieces])
                data, end = bytearray(), "orderly"
                while True:
                    try:
                        piece = tls.recv(65536)
                    except ConnectionResetError:
                        return data, "cut", is_ours
                    except ssl.SSLError:
                        return data, "cut", is_ours
                    if not piece:
                        return data, end, is_ours
                    data += piece

    def provider_side(self):
        """Exact bytes of the newest connection at the provider, once its answer is over."""
        entries = eventually(lambda: self.world.provider.ledger()[self.seen_count:], "ledger line")
        self.seen_count += len(entries)
        number = entries[-1]["connection"]
        return tuple((self.world.provider.raw / f"{number}.{side}").read_bytes()
                     for side in ("in", "out"))

    def compare(self, request, what, pieces=1 << 30):
        wanted, wanted_end, _ = self.send(self.direct(), request, pieces)
        wanted_in, wanted_out = self.provider_side()
        found, end, is_ours = self.send(self.through(), request, pieces)
        found_in, found_out = self.provider_side()
        check(is_ours, f"{what}: the proxied connection was not metered")
        equal_bytes(found_in, wanted_in, f"{what}: what the provider received")
        equal_bytes(found_out, wanted_out, f"{what}: what the provider sent")
        equal_bytes(found, wanted, f"{what}: what the client received")
        equal(end, wanted_end, f"{what}: how the stream ended")


def test_every_request_arrives_as_sent(world):
    comparison = Comparison(world)
    for name, request in REQUESTS.items():
        comparison.compare(request, name)


def test_requests_in_small_pieces_arrive_as_sent(world):
    comparison = Comparison(world)
    for name, request in REQUESTS.items():
        if len(request) < 2000:
            for pieces in (1, 7):
                comparison.compare(request, f"{name} in pieces of {pieces}", pieces)


def test_every_answer_arrives_as_sent_in_every_chunking(world):
    comparison = Comparison(world, ITEMS)
    for one in ITEMS:
        for framing, chunks in (("length", ""), ("close", ""), ("chunked", "whole"),
                                ("chunked", "1"), ("chunked", "random")):
            length = len(base64.b64decode(one["body"]))
            for write_bytes in (0, 1, 1460):
                if write_bytes == 1 and (length > 3000 or chunks == "1"):
                    continue
                headers = (f"x-test-item: {one['id']}\r\nx-test-framing: {framing}\r\n"
                           f"x-test-chunks: {chunks}\r\nx-test-write-bytes: {write_bytes}\r\n")
                comparison.compare(post(headers), f"{one['id']}, {framing} {chunks} "
                                                  f"in writes of {write_bytes}")


def test_exact_answers_good_and_bad_arrive_as_sent(world):
    comparison = Comparison(world, RAW_ITEMS)
    for one in RAW_ITEMS:
        for write_bytes in (0, 3):
            if write_bytes and len(one["raw"]) > 20_000:
                continue
            comparison.compare(
                post(f"x-test-item: {one['id']}\r\nx-test-write-bytes: {write_bytes}\r\n"),
                f"{one['id']} in writes of {write_bytes}")
    check(world.daemon.is_alive(), "the daemon is gone")


def test_large_answers_arrive_as_sent(world):
    """Larger than the limits of base/limits.h for what is kept of an event or a value."""
    bomb = gzip.compress(b"\x00" * 100_000_000)
    items = [
        item("6 MB", random.Random(5).randbytes(6_000_000)),
        item("one event of 9 MB", b"data: {\"x\":\"" + b"e" * 9_000_000 + b"\"}\n\n", headers=SSE),
        item("bomb", bomb, headers=[["content-type", "application/json"],
                                    ["content-encoding", "gzip"]]),
        item("deep JSON", b"[" * 1_000_000),
        item("huge JSON", b'{"a":"' + b"j" * 5_000_000 + b'","usage":{"input_tokens":1}}'),
    ]
    comparison = Comparison(world, items)
    for one in items:
        comparison.compare(post(f"x-test-item: {one['id']}\r\n"), one["id"])
    check(world.daemon.is_alive(), "the daemon is gone")


def test_canned_streams_arrive_as_sent(world):
    comparison = Comparison(world)
    for coding in ("", "gzip", "deflate", "br", "zstd"):
        for chunks in ("whole", "1", "random"):
            comparison.compare(post(f"x-test-encoding: {coding}\r\nx-test-chunks: {chunks}\r\n",
                                    STREAM), f"{coding} {chunks}")


def test_cut_answers_are_cut_in_the_same_place_and_way(world):
    comparison = Comparison(world)
    for after in (0, 1, 20, 150, 900):
        for how in ("close", "shutdown"):
            comparison.compare(post(f"x-test-cut-after: {after}\r\nx-test-cut-how: {how}\r\n",
                                    STREAM), f"cut after {after} by {how}")


def test_passthrough_is_identical_too(world):
    script = [i for i in RAW_ITEMS + ITEMS]
    comparison = Comparison(world, script)
    world.daemon.kill()
    wanted, _, _ = comparison.send(comparison.direct(), post("x-test-item: odd heads\r\n"), 1 << 30)
    found, _, is_ours = comparison.send(comparison.through(),
                                        post("x-test-item: odd heads\r\n"), 1 << 30)
    check(not is_ours, "a dead daemon metered")
    equal_bytes(found, wanted, "what the client received")
