"""A program behind a pseudo-terminal of a given size: what it draws, keys for it, and whether it
leaves the terminal as it was."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from .check import Failed


class Terminal:
    def __init__(self, command, columns, rows=24, environment=None, cwd=None):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows, tells=False)
        self.before = termios.tcgetattr(self.slave)
        self.text = b""
        self.popen = subprocess.Popen([str(c) for c in command], stdin=self.slave,
                                      stdout=self.slave, stderr=self.slave, env=environment,
                                      cwd=cwd, start_new_session=True,
                                      # Or Ctrl-C would be nobody's.
                                      preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns, rows, tells=True):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tells:
            self.popen.send_signal(signal.SIGWINCH)

    def press(self, keys):
        os.write(self.master, keys)

    def read(self, until, limit_s=10):
        """Reads on until `until(text)` is true of all that was drawn, or the program ends."""
        end = time.monotonic() + limit_s
        while not until(self.text):
            ready = select.select([self.master], [], [], 0.05)[0]
            if ready:
                self.text += os.read(self.master, 65536)
            elif self.popen.poll() is not None:
                return
            elif time.monotonic() > end:
                raise Failed(f"the terminal shows after {limit_s} s: {self.text[-500:]!r}")

    def finish(self, limit_s=10):
        """Waits for the end; the exit code."""
        end = time.monotonic() + limit_s
        while True:
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 65536)
            elif self.popen.poll() is not None:
                return self.popen.returncode
            elif time.monotonic() > end:
                self.popen.kill()
                self.popen.wait()
                raise Failed(f"the program does not end: {self.text[-500:]!r}")

    def is_restored(self):
        """Settings as before, and the alternate screen was left."""
        after = termios.tcgetattr(self.slave)
        entered, left = self.text.rfind(b"\x1b[?1049h"), self.text.rfind(b"\x1b[?1049l")
        return after[:4] == self.before[:4] and left > entered

    def frames(self):
        """The screens that were drawn in full, as texts."""
        found = re.findall(rb"\x1b\[H((?:(?!\x1b\[H).)*)\x1b\[J", self.text, re.DOTALL)
        return [frame.replace(b"\x1b[K", b"").replace(b"\r", b"").decode(errors="replace")
                for frame in found]

    def printed(self):
        return self.text.decode(errors="replace").replace("\r\n", "\n")

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        os.close(self.master)
        os.close(self.slave)
