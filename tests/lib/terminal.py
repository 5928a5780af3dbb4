"""terminal.py - a terminal for tests: a pseudo terminal with a program on it, and what it prints"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from sandbox import Failure


class Terminal:
    """with Terminal([...]) as tty: tty.send("ls\\r"); tty.expect("regexp")"""

    def __init__(self, argv, env=None, rows=24, cols=80):
        self.seen = b""
        self.start = 0
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
                os.execvpe(argv[0], argv, env or os.environ)
            finally:
                os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def read_some(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data
        return bool(data)

    def expect(self, pattern, seconds=15):
        """Waits until what came since the last match matches; gives the match."""
        end = time.monotonic() + seconds
        regexp = re.compile(pattern.encode(), re.S | re.M)
        while True:
            found = regexp.search(self.seen, self.start)
            if found:
                self.start = found.end()
                return found
            if time.monotonic() > end or (not self.read_some(end - time.monotonic())
                                          and not regexp.search(self.seen, self.start)):
                tail = self.seen[self.start:].decode(errors="replace")
                raise Failure(f"terminal: no {pattern!r} in {tail[-1500:]!r}")

    def send(self, text):
        os.write(self.fd, text.encode())

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def flags(self):
        """The local mode flags of the terminal: whether a client has set it raw."""
        return termios.tcgetattr(self.fd)[3]

    def wait(self, seconds=15):
        """Reads to the end; gives the exit status."""
        end = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                while self.read_some(0):
                    pass
            elif time.monotonic() > end:
                raise Failure(f"terminal: the program does not end; it printed "
                              f"{self.seen[-1500:].decode(errors='replace')!r}")
            else:
                self.read_some(0.05)
        return self.status

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self.status = -9
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
