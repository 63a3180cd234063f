"""HTTP/2 by hand: frames, a small client that keeps every byte, a reader of recorded plaintext.

Heads are written without tables and without Huffman code; of an answer's head only the status is
read (the test provider is told to use no table)."""
import functools
import json
import os
import ssl

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
 CONTINUATION) = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 1, 1, 4, 8, 32
CANCEL = 8
WINDOW_BYTES = 65_535
FRAME_BYTES = 16_384


def number(value, size):
    return value.to_bytes(size, "big")


def frame(kind, flags, stream, payload=b""):
    return number(len(payload), 3) + bytes([kind, flags]) + number(stream, 4) + payload


def setting(name, value):
    return number(name, 2) + number(value, 4)


def encode_length(value):
    if value < 127:
        return bytes([value])
    out, value = b"\x7f", value - 127
    while value >= 128:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def encode_text(text):
    text = text if isinstance(text, bytes) else str(text).encode()
    return encode_length(len(text)) + text


def encode_fields(fields):
    return b"".join(b"\0" + encode_text(name) + encode_text(value) for name, value in fields)


def decode_status(block):
    """The status at the beginning of a header block."""
    at = 0
    while block[at] & 0xe0 == 0x20:  # the size of a table
        at += 1
        if block[at - 1] & 0x1f == 0x1f:
            while block[at] & 0x80:
                at += 1
            at += 1
    if block[at] & 0x80:
        return {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}.get(block[at] & 0x7f)
    length, text = block[at + 1], block[at + 2:]
    if not length & 0x80:
        return int(text[:length])
    bits = "".join(f"{byte:08b}" for byte in text[:length & 0x7f])
    digits = ""
    while len(digits) < 3:  # Huffman code: 5 bits for 0 to 2, 6 for the others
        size = 5 if bits[:5] in ("00000", "00001", "00010") else 6
        code, bits = int(bits[:size], 2), bits[size:]
        digits += str(code if size == 5 else code - 0x19 + 3)
    return int(digits)


def read_frames(data):
    """(kind, flags, stream, payload) of each whole frame in recorded bytes of one direction."""
    if data.startswith(PREFACE):
        data = data[len(PREFACE):]
    frames = []
    while len(data) >= 9:
        length = int.from_bytes(data[:3], "big")
        if len(data) < 9 + length:
            break
        frames.append((data[3], data[4], int.from_bytes(data[5:9], "big"), data[9:9 + length]))
        data = data[9 + length:]
    return frames


@functools.lru_cache(maxsize=16)
def context_of(cafile, stamp, protocols):
    context = ssl.create_default_context(cafile=cafile)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def start_tls(connection, host, cafile, protocols=("h2", "http/1.1")):
    context = context_of(cafile, os.stat(cafile).st_mtime_ns, tuple(protocols))
    return context.wrap_socket(connection, server_hostname=host)


class Answer:
    def __init__(self):
        self.status = None
        self.interim = []
        self.body = b""
        self.pieces = 0         # DATA frames
        self.has_trailers = False
        self.is_ended = False
        self.reset_code = None
        self.window = WINDOW_BYTES  # what we may still send


class Client:
    """On a TLS socket that speaks h2. Raises EOFError when the connection ends."""

    def __init__(self, tls, is_started=True):
        self.tls = tls
        self.sent, self.received = bytearray(), bytearray()
        self.pending = b""
        self.answers = {}
        self.next_stream = 1
        self.window = WINDOW_BYTES
        self.first_window = WINDOW_BYTES
        self.has_settings = False
        self.is_acknowledged = False
        self.goaway = None
        self.is_silent = not is_started  # sends nothing by itself
        self.block = None
        if is_started:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tls.close()

    def send(self, data):
        self.sent += data
        self.tls.sendall(data)

    def reply(self, data):
        if not self.is_silent:
            self.send(data)

    def start(self):
        """Both sides' settings, so that what follows does not depend on the time they take."""
        self.send(PREFACE + frame(SETTINGS, 0, 0, setting(1, 0) + setting(4, 1 << 30)) +
                  frame(WINDOW_UPDATE, 0, 0, number((1 << 30) - WINDOW_BYTES, 4)))
        while not (self.has_settings and self.is_acknowledged):
            self.read_frame()

    def request(self, method, path, host, body=None, headers=None, *, ends=True, trailers=None,
                extra=()):
        """Begins a stream and sends its body; returns its number."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        fields = [(":method", method), *extra, (":scheme", "https"), (":authority", host),
                  (":path", path)]
        fields += [(k.lower(), v) for k, v in (headers or {}).items()]
        if body is not None and "content-type" not in dict(fields):
            fields.append(("content-type", "application/json"))
        is_whole = ends and not trailers
        self.send_head(stream, fields, is_whole and not body)
        if body:
            self.send_body(stream, body, is_whole)
        if trailers:
            self.send_head(stream, trailers, True)
        return stream

    def send_head(self, stream, fields, ends, first_flags=0, prefix=b"", suffix=b""):
        self.answers.setdefault(stream, Answer()).window = self.first_window
        block = encode_fields(fields)
        pieces = [block[at:at + 16_000] for at in range(0, len(block), 16_000)] or [b""]
        flags = first_flags | (END_STREAM if ends else 0) | (END_HEADERS if len(pieces) == 1 else 0)
        self.send(frame(HEADERS, flags, stream, prefix + pieces[0] + suffix))
        for left, piece in zip(range(len(pieces) - 2, -1, -1), pieces[1:]):
            self.send(frame(CONTINUATION, 0 if left else END_HEADERS, stream, piece))

    def send_body(self, stream, body, ends=True, padding=None):
        answer = self.answers[stream]
        while True:
            size = min(len(body), FRAME_BYTES - 300, self.window, answer.window)
            if body and size <= 0:
                self.read_frame()
                if answer.is_ended or answer.reset_code is not None:
                    return
                continue
            piece, body = body[:size], body[size:]
            payload = piece if padding is None else bytes([padding]) + piece + bytes(padding)
            self.window -= len(payload)
            answer.window -= len(payload)
            self.send(frame(DATA, (END_STREAM if ends and not body else 0) |
                            (0 if padding is None else PADDED), stream, payload))
            if not body:
                return

    def reset(self, stream, code=CANCEL):
        self.send(frame(RST_STREAM, 0, stream, number(code, 4)))

    def read_frame(self):
        """One frame, taken account of; returns its kind and stream."""
        while len(self.pending) < 9 or len(self.pending) < 9 + int.from_bytes(
                self.pending[:3], "big"):
            piece = self.tls.recv(65536)
            if not piece:
                raise EOFError(f"end of the connection, after {len(self.received)} bytes")
            self.received += piece
            self.pending += piece
        length = int.from_bytes(self.pending[:3], "big")
        kind, flags = self.pending[3], self.pending[4]
        stream = int.from_bytes(self.pending[5:9], "big")
        payload, self.pending = self.pending[9:9 + length], self.pending[9 + length:]
        if kind in (DATA, HEADERS) and flags & PADDED:
            payload = payload[1:len(payload) - payload[0]]
        if kind == HEADERS and flags & HAS_PRIORITY:
            payload = payload[5:]
        self.take(kind, flags, stream, payload)
        return kind, stream

    def take(self, kind, flags, stream, payload):
        answer = self.answers.setdefault(stream, Answer()) if stream else None
        if kind == DATA:
            answer.body += payload
            answer.pieces += 1
            answer.is_ended |= bool(flags & END_STREAM)
        elif kind in (HEADERS, CONTINUATION):
            if kind == HEADERS:
                self.block, self.block_flags = b"", flags
            self.block += payload
            if flags & END_HEADERS:
                self.take_head(answer)
        elif kind == RST_STREAM:
            answer.reset_code = int.from_bytes(payload, "big")
        elif kind == SETTINGS and flags & ACK:
            self.is_acknowledged = True
        elif kind == SETTINGS:
            for at in range(0, len(payload), 6):
                if payload[at:at + 2] == b"\0\4":
                    self.first_window = int.from_bytes(payload[at + 2:at + 6], "big")
            self.has_settings = True
            self.reply(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.reply(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = (int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big"))
        elif kind == WINDOW_UPDATE:
            if stream:
                answer.window += int.from_bytes(payload, "big")
            else:
                self.window += int.from_bytes(payload, "big")

    def take_head(self, answer):
        if answer.status is not None:
            answer.has_trailers = True
        else:
            status = decode_status(self.block)
            if 100 <= status < 200:
                answer.interim.append(status)
            else:
                answer.status = status
        answer.is_ended |= bool(self.block_flags & END_STREAM)

    def wait(self, *streams):
        """Until those answers are over; returns the last one."""
        for stream in streams:
            answer = self.answers[stream]
            while not answer.is_ended and answer.reset_code is None:
                self.read_frame()
        return self.answers[streams[-1]]

    def wait_bytes(self, stream, count):
        while len(self.answers[stream].body) < count:
            self.read_frame()

    def call(self, method, path, host, body=None, headers=None, **more):
        return self.wait(self.request(method, path, host, body, headers, **more))
