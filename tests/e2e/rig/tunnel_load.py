"""A load generator in a process of its own: so many new tunnels a second through the edge, each to an
echo here, each proven with some bytes, and some that stay open and speak now and then.

    python3 tunnel_load.py PORT RATE KEPT      runs until its stdin ends, then prints one JSON line
"""
import errno
import json
import select
import socket
import sys
import time

CHUNK = b"ping-through-the-edge"
LIMIT_S = 20  # a connection that takes longer is lost
PAUSE_S = 0.1  # between two words of a kept tunnel


class Load:
    def __init__(self, port, rate, kept_count):
        self.port, self.rate = port, rate
        self.poll = select.epoll()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4096)
        self.listener.setblocking(False)
        self.poll.register(self.listener, select.EPOLLIN)
        target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()
        self.echoes = {}   # descriptor -> socket
        self.clients = {}  # descriptor -> [socket, bytes so far, began, is kept]
        self.counts = {"begun": 0, "done": 0, "words": 0, "slowest_ms": 0}
        self.failures = []
        self.cut = []
        self.kept_count = kept_count
        self.begins = []

    def begin(self, is_kept):
        client = socket.socket()
        client.setblocking(False)
        code = client.connect_ex(("127.0.0.1", self.port))
        self.counts["begun"] += not is_kept
        self.clients[client.fileno()] = [client, b"", time.monotonic(), is_kept, 0.0]
        if code not in (0, errno.EINPROGRESS):
            return self.fail(client.fileno(), errno.errorcode.get(code, str(code)))
        self.poll.register(client, select.EPOLLOUT)

    def fail(self, fd, why):
        client, seen, began, is_kept, _ = self.clients.pop(fd)
        (self.cut if is_kept and seen else self.failures).append(
            f"{why} after {len(seen)} bytes and {time.monotonic() - began:.3f} s")
        client.close()

    def on_client(self, fd, events):
        entry = self.clients[fd]
        client = entry[0]
        try:
            if events & select.EPOLLOUT:
                code = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    return self.fail(fd, errno.errorcode.get(code, str(code)))
                client.sendall(self.head + CHUNK)
                self.poll.modify(fd, select.EPOLLIN)
                return
            data = client.recv(4096)
        except OSError as error:
            return self.fail(fd, errno.errorcode.get(error.errno, str(error)))
        if not data:
            return self.fail(fd, "end of stream")
        entry[1] += data
        head, found, body = entry[1].partition(b"\r\n\r\n")
        if found and not head.startswith(b"HTTP/1.1 200"):
            return self.fail(fd, head[:40].decode(errors="replace"))
        if not found or len(body) < len(CHUNK):
            return
        if body[:len(CHUNK)] != CHUNK or (not entry[3] and len(body) > len(CHUNK)):
            return self.fail(fd, f"wrong echo {body[:40]!r}")
        if entry[3]:
            self.counts["words"] += 1
            entry[1] = head + found  # the next word comes alone
            entry[4] = time.monotonic() + PAUSE_S
            return
        self.counts["done"] += 1
        took_ms = (time.monotonic() - entry[2]) * 1000
        self.counts["slowest_ms"] = max(self.counts["slowest_ms"], round(took_ms))
        del self.clients[fd]
        client.close()

    def on_echo(self, fd):
        echo = self.echoes[fd]
        try:
            data = echo.recv(4096)
            if data:
                echo.sendall(data)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        del self.echoes[fd]
        echo.close()

    def accept(self):
        while True:
            try:
                echo, _ = self.listener.accept()
            except BlockingIOError:
                return
            echo.setblocking(False)
            self.echoes[echo.fileno()] = echo
            self.poll.register(echo, select.EPOLLIN)

    def look(self, now, is_ending):
        """Late ones are lost; kept ones speak again."""
        for fd, entry in list(self.clients.items()):
            client, _, began, is_kept, speaks_at = entry
            if is_kept and speaks_at:
                if is_ending:
                    del self.clients[fd]
                    client.close()
                elif now >= speaks_at:
                    entry[2], entry[4] = now, 0.0
                    try:
                        client.sendall(CHUNK)
                    except OSError as error:
                        self.fail(fd, errno.errorcode.get(error.errno, str(error)))
            elif now - began > LIMIT_S:
                self.fail(fd, "nothing came")

    def run(self):
        for _ in range(self.kept_count):
            self.begin(True)
        started = time.monotonic()
        print("ready", flush=True)
        self.poll.register(0, select.EPOLLIN | select.EPOLLHUP)
        looked_at, is_ending = 0.0, False
        while not is_ending or self.clients:
            now = time.monotonic()
            if not is_ending:
                due = int((now - started) * self.rate) - self.counts["begun"]
                for _ in range(min(due, 50)):
                    self.begin(False)
            if now - looked_at > 0.02:
                looked_at = now
                self.look(now, is_ending)
            for fd, events in self.poll.poll(0.001):
                if fd == 0:
                    is_ending = True
                    self.poll.unregister(0)
                    seconds = time.monotonic() - started
                elif fd == self.listener.fileno():
                    self.accept()
                elif fd in self.clients:
                    self.on_client(fd, events)
                elif fd in self.echoes:
                    self.on_echo(fd)
        print(json.dumps({**self.counts, "seconds": round(seconds, 2), "failures": self.failures,
                          "cut": self.cut}), flush=True)


if __name__ == "__main__":
    Load(*(int(argument) for argument in sys.argv[1:4])).run()
