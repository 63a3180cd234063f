"""Clients at the level of bytes: CONNECT, TLS by hand, HTTP/1.1 answers as they came."""
import functools
import json
import socket
import ssl


def connect(port, timeout_s=10):
    """A TCP connection to a port of this machine. Raises OSError."""
    connection = socket.create_connection(("127.0.0.1", port), timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_head(connection):
    """Bytes up to and with the empty line, and what came behind it. Raises EOFError."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise EOFError(f"end of stream in a head, after {data[:200]!r}")
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    return head + b"\r\n\r\n", rest


def read_head_only(connection):
    """The same on a plain socket, without taking one byte more."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        seen = connection.recv(65536, socket.MSG_PEEK)
        if not seen:
            raise EOFError(f"end of stream in a head, after {data[:200]!r}")
        end = (data[-3:] + seen).find(b"\r\n\r\n")
        data += connection.recv(len(seen) if end < 0 else end + 4 - len(data[-3:]))
    return data


def read_all(connection):
    """Until the other side ends the stream; a reset or a TLS cut ends it as well."""
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            return data
        if not piece:
            return data
        data += piece


def status_of(head):
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1][:3].isdigit():
        raise EOFError(f"no status in {head[:100]!r}")
    return int(words[1][:3])


def header_of(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.lower().encode():
            return value.strip().decode(errors="replace")
    return None


def ask(port, request, timeout_s=10):
    """Sends bytes to the edge, reads the answer to its end; returns head and body."""
    with connect(port, timeout_s) as connection:
        connection.sendall(request)
        data = read_all(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def open_tunnel(port, target, headers="", timeout_s=30):
    """CONNECT; the connected socket. Raises ConnectionError with the answer's first line."""
    connection = connect(port, timeout_s)
    try:
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{headers}\r\n".encode())
        head = read_head_only(connection)
        if status_of(head) != 200:
            raise TunnelRefused(head.split(b"\r\n")[0].decode(errors="replace"))
        return connection
    except BaseException:
        connection.close()
        raise


class TunnelRefused(ConnectionError):
    pass


@functools.lru_cache(maxsize=16)
def cached_context(cafile, stamp):
    context = ssl.create_default_context(cafile=cafile)
    context.set_alpn_protocols(["http/1.1"])
    return context


def trust_context(cafile):
    import os
    return cached_context(cafile, os.stat(cafile).st_mtime_ns)


def start_tls(connection, host, cafile):
    return trust_context(cafile).wrap_socket(connection, server_hostname=host)


def is_issued_by(tls, ca_pem_file):
    """Whether the verified peer's certificate names that root as its issuer."""
    issuer = dict(pair for group in tls.getpeercert()["issuer"] for pair in group)
    return issuer == subject_of(ca_pem_file)


def subject_of(ca_pem_file):
    # By its time too: a root may be made anew.
    return read_subject(str(ca_pem_file), ca_pem_file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=16)
def read_subject(ca_pem_file, modified_ns):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_pem_file)
    return dict(pair for group in context.get_ca_certs()[0]["subject"] for pair in group)


def unverifying_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown_certificate(edge_port, target, server_name):
    """DER of the certificate that a client of the edge is shown; nothing is verified."""
    with open_tunnel(edge_port, target) as tunnel:
        with unverifying_context().wrap_socket(tunnel, server_hostname=server_name) as tls:
            tls.sendall(to_request("GET", "/e2e-ready", server_name or "x", None, {}))
            read_answer(tls)
            return tls.getpeercert(binary_form=True)


def own_certificate(port, server_name):
    """DER of what the server itself shows."""
    with connect(port) as connection:
        with unverifying_context().wrap_socket(connection, server_hostname=server_name) as tls:
            return tls.getpeercert(binary_form=True)


class Answer:
    def __init__(self, head, body, is_metered):
        self.head = head
        self.body = body
        self.status = status_of(head)
        self.is_metered = is_metered  # the certificate was ours

    def header(self, name):
        return header_of(self.head, name)


def to_request(method, path, host, body, headers):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n"
    names = {name.lower() for name in headers or {}}
    for name, value in (headers or {}).items():
        head += f"{name}: {value}\r\n"
    if body is not None and "content-length" not in names and "transfer-encoding" not in names:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


def read_answer(connection, method="GET", pending=b""):
    """One HTTP/1.1 answer, interim heads skipped; returns head, body without framing, rest.
    Raises EOFError when it is cut."""
    data = pending

    def more():
        nonlocal data
        piece = connection.recv(65536)
        if not piece:
            raise EOFError(f"end of stream in an answer, after {len(data)} bytes")
        data += piece

    while True:
        while b"\r\n\r\n" not in data:
            more()
        head, data = data.split(b"\r\n\r\n", 1)
        head += b"\r\n\r\n"
        if not 100 <= status_of(head) < 200 or status_of(head) == 101:
            break
    status = status_of(head)
    if method == "HEAD" or status in (101, 204, 304):
        return head, b"", data
    if (header_of(head, "transfer-encoding") or "").lower() == "chunked":
        body = b""
        while True:
            while b"\r\n" not in data:
                more()
            line, data = data.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while True:
                    while b"\r\n" not in data:
                        more()
                    line, data = data.split(b"\r\n", 1)
                    if not line:
                        return head, body, data
            while len(data) < size + 2:
                more()
            body += data[:size]
            data = data[size + 2:]
    length = header_of(head, "content-length")
    if length is None:
        return head, data + read_all(connection), b""
    while len(data) < int(length):
        more()
    return head, data[:int(length)], data[int(length):]


def call(port, host, method, path, body=None, headers=None, *, cafile, our_ca,
         timeout_s=30):
    """CONNECT, TLS, one request, one answer. Raises OSError (ssl.SSLError is one) or EOFError."""
    with open_tunnel(port, f"{host}:443", timeout_s=timeout_s) as connection:
        with start_tls(connection, host, cafile) as tls:
            is_metered = our_ca.exists() and is_issued_by(tls, our_ca)
            tls.sendall(to_request(method, path, host, body, headers))
            head, body, _ = read_answer(tls, method)
            return Answer(head, body, is_metered)


class HandTls:
    """TLS on memory buffers, for a client that decides itself which bytes go out when."""

    def __init__(self, context, host):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)

    def client_hello(self):
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def feed(self, data):
        """What the client would send now; raises ssl.SSLError when it refuses."""
        self.incoming.write(data)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def finish(self, connection, pending=b""):
        """The rest of the handshake."""
        if pending:
            self.incoming.write(pending)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send(connection)
                self._receive(connection)
            except ssl.SSLError:
                self._send(connection)
                raise
        self._send(connection)

    def _send(self, connection):
        data = self.outgoing.read()
        if data:
            connection.sendall(data)

    def _receive(self, connection):
        data = connection.recv(65536)
        if not data:
            self.incoming.write_eof()
        self.incoming.write(data) if data else None

    def exchange(self, connection, request, method="GET"):
        """Sends a request and reads one answer; returns head and body."""
        self.tls.write(request)
        self._send(connection)
        outer = self

        class Reader:
            @staticmethod
            def recv(size):
                while True:
                    try:
                        return outer.tls.read(size)
                    except ssl.SSLWantReadError:
                        outer._receive(connection)
                    except ssl.SSLZeroReturnError:
                        return b""
        head, body, _ = read_answer(Reader, method)
        return head, body
