"""A WebSocket client that decides itself how its frames look (RFC 6455, RFC 7692)."""
import base64
import hashlib
import json
import os
import ssl
import struct
import zlib

from . import wire
from .check import check, equal

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
DEFLATE = "permessage-deflate; client_max_window_bits"


class Refused(ConnectionError):
    def __init__(self, head, body):
        super().__init__(head.split(b"\r\n")[0].decode(errors="replace"))
        self.status, self.body = wire.status_of(head), body


def upgrade_request(host, path, headers=None, key=b"0123456789abcdef"):
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket",
             "Sec-WebSocket-Version: 13",
             f"Sec-WebSocket-Key: {base64.b64encode(key).decode()}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def accept_of(key=b"0123456789abcdef"):
    text = base64.b64encode(key) + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(text).digest()).decode()


def frame(op, payload, final=True, compressed=False, key=None):
    """A client's frame: masked."""
    head = bytes([(0x80 if final else 0) | (0x40 if compressed else 0) | op])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    key = key or os.urandom(4)
    stream = (key * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
    return head + key + masked


class SocketClient:
    """One WebSocket through the edge. Keeps the exact bytes of both directions behind the 101."""

    def __init__(self, connection, host, path, headers=None, pieces=None):
        self.connection, self.pieces = connection, pieces
        self.sent_bytes, self.received_bytes, self.control = b"", b"", []
        self.connection.sendall(upgrade_request(host, path, headers))
        self.head, body, self.pending = wire.read_answer(connection)
        if wire.status_of(self.head) != 101:
            raise Refused(self.head, body)
        equal(wire.header_of(self.head, "sec-websocket-accept"), accept_of(), "the accepted key")
        self.received_bytes += self.pending
        extensions = wire.header_of(self.head, "sec-websocket-extensions") or ""
        self.is_deflating = "permessage-deflate" in extensions
        self.keeps_context = "no_context" not in extensions
        self._deflater = zlib.compressobj(wbits=-15)
        self._inflater = zlib.decompressobj(wbits=-15)

    @classmethod
    def open(cls, world, host, path, headers=None, pieces=None, trust=None):
        tunnel = wire.open_tunnel(world.edge_port, f"{host}:443", timeout_s=30)
        tls = wire.start_tls(tunnel, host, trust or world.trust_file())
        try:
            return cls(tls, host, path, headers, pieces)
        except BaseException:
            tls.close()
            raise

    # Sending -------------------------------------------------------------------------------

    def send_bytes(self, data):
        self.sent_bytes += data
        if not self.pieces:
            return self.connection.sendall(data)
        for at in range(0, len(data), self.pieces):
            self.connection.sendall(data[at:at + self.pieces])

    def send(self, message, fragments=1, ping=False, plain=False):
        """A text, or a dict as JSON; compressed when that was agreed on."""
        text = message if isinstance(message, str) else json.dumps(message)
        payload, is_marked = text.encode(), self.is_deflating and not plain
        if is_marked:
            payload = self._deflater.compress(payload) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
            payload = payload[:-4]
            if not self.keeps_context:
                self._deflater = zlib.compressobj(wbits=-15)
        step = max(1, -(-len(payload) // fragments))
        parts = [payload[at:at + step] for at in range(0, len(payload), step)] or [b""]
        for number, part in enumerate(parts):
            self.send_bytes(frame(0 if number else TEXT, part, number + 1 == len(parts),
                                  is_marked and not number))
            if ping:
                self.send_bytes(frame(PING, b"a ping in between"))

    def close(self):
        """Says Close and reads to the end."""
        self.send_bytes(frame(CLOSE, b"\x03\xe8"))
        while self.receive() is not None:
            pass
        self.connection.close()

    def drop(self):
        """Ends without a word."""
        self.connection.close()

    # Receiving -----------------------------------------------------------------------------

    def _take(self, size):
        while len(self.pending) < size:
            try:
                piece = self.connection.recv(65536)
            except (ssl.SSLError, ConnectionResetError):
                piece = b""
            if not piece:
                raise EOFError("end of stream in a frame")
            self.pending += piece
            self.received_bytes += piece
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def receive(self):
        """The next message as text; None at a Close or the end of the stream."""
        message, is_marked = b"", False
        while True:
            try:
                first, second = self._take(2)
                size = second & 0x7F
                if size == 126:
                    size = struct.unpack(">H", self._take(2))[0]
                elif size == 127:
                    size = struct.unpack(">Q", self._take(8))[0]
                payload = self._take(size)
            except EOFError:
                return None
            check(not second & 0x80, "a server must not mask")
            op = first & 0x0F
            if op >= 8:
                self.control.append((op, payload))
                if op == CLOSE:
                    return None
                continue
            is_marked = is_marked or bool(first & 0x40)
            message += payload
            if first & 0x80:
                break
        if is_marked:
            message = self._inflater.decompress(message + b"\x00\x00\xff\xff")
            if not self.keeps_context:
                self._inflater = zlib.decompressobj(wbits=-15)
        return message.decode()

    def receive_until(self, *types):
        """Messages up to one of these types, that one last. Fails when the socket ends before."""
        seen = []
        while True:
            text = self.receive()
            check(text is not None, lambda: f"the socket ended after {[m['type'] for m in seen]}")
            seen.append(json.loads(text))
            if seen[-1].get("type") in types:
                return seen
