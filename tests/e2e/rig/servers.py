"""Small servers of the tests: an echo, a gate in front of the provider, a CONNECT proxy."""
import base64
import socket
import threading

from . import wire


class Server:
    """Accepts on a free port; each connection gets a thread that runs handle()."""

    def __init__(self, family=socket.AF_INET):
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.listener.listen(256)
        self.port = self.listener.getsockname()[1]
        self.connection_count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connection_count += 1
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            with connection:
                self.handle(connection)
        except OSError:
            pass

    def close(self):
        self.listener.close()


class Echo(Server):
    """Gives back every byte, then "bye" once the client has ended its side."""

    def handle(self, connection):
        while True:
            data = connection.recv(65536)
            if not data:
                connection.sendall(b"bye")
                return
            connection.sendall(data)


def pump(source, sink):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def join(one, other):
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


class Gate(Server):
    """Stands before the provider and holds every connection's bytes until it is opened."""

    def __init__(self, port):
        self.behind = port
        self.is_open = threading.Event()
        self.held_bytes = 0  # bytes that wait in all
        super().__init__()

    def handle(self, connection):
        first = b""
        if not self.is_open.is_set():
            first = connection.recv(65536)
            self.held_bytes += len(first)
            if not first:
                return
            self.is_open.wait()
        with wire.connect(self.behind) as provider:
            provider.settimeout(None)
            provider.sendall(first)
            join(connection, provider)


class Forwarder(Server):
    """Leads every connection to `open_connection()`: for clients that know no proxy."""

    def __init__(self, open_connection):
        self.open_connection = open_connection
        super().__init__()

    def handle(self, connection):
        with self.open_connection() as other:
            other.settimeout(None)
            join(connection, other)


class ConnectProxy(Server):
    """A corporate proxy: CONNECT only, Basic auth, every target leads to the provider."""

    def __init__(self, port, user=None, password=None):
        self.behind = port
        self.wanted = None
        if user is not None:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.wanted = f"Basic {token}"
        self.targets = []
        self.heads = []
        super().__init__()

    def handle(self, connection):
        head, rest = wire.read_head(connection)
        self.heads.append(head)
        if self.wanted and wire.header_of(head, "proxy-authorization") != self.wanted:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                               b'Proxy-Authenticate: Basic realm="test"\r\n'
                               b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        if method != b"CONNECT":
            connection.sendall(b"HTTP/1.1 405 CONNECT only\r\nContent-Length: 0\r\n\r\n")
            return
        self.targets.append(target.decode())
        with wire.connect(self.behind) as provider:
            provider.settimeout(None)
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            provider.sendall(rest)
            join(connection, provider)


class Resolver:
    """Answers A queries for the names it knows, on port 53 of one address; the others do not
    exist. Silent while `is_silent`."""

    def __init__(self, address, names):
        self.names, self.is_silent, self.asked = names, False, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(2048)
            at, labels = 12, []
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
                at += 1 + query[at]
            self.asked.append(".".join(labels))
            if self.is_silent:
                continue
            question = query[12:at + 5]
            kind = int.from_bytes(query[at + 1:at + 3], "big")
            address = self.names.get(".".join(labels))
            answer = b""
            if address and kind == 1:
                answer = (b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04" +
                          socket.inet_aton(address))
            code = b"\x81\x80" if address else b"\x81\x83"
            self.socket.sendto(query[:2] + code + b"\x00\x01" + bytes([0, bool(answer)]) +
                               b"\x00\x00\x00\x00" + question + answer, client)
