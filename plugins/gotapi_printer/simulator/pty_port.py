"""One pseudo-terminal that stands for the printer's USB-serial port, and its link."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import tty
from pathlib import Path

from gotapi_printer.simulator.pty_watch import Change, OpenWatch

__all__ = ["PtyPort", "StartError"]

# More than a terminal's kernel buffer; a ping-pong host never sends as much at once.
_READ_SIZE = 65536
# A host that does not read loses what comes after this much, as on a real serial line.
_BACKLOG = 65536

# linux/termbits.h: struct termios2 tells any speed, which termios.tcgetattr does not.
_TCGETS2 = 0x802C542A
_TERMIOS2 = struct.Struct("4I20s2I")


class StartError(Exception):
    """The simulator cannot start: no port, no link or no transcript."""


class PtyPort:
    """The master side of a PTY; the host opens `path` (or the link) like any serial port."""

    def __init__(self, link: Path | None) -> None:
        self._master, slave = pty.openpty()
        self.path = os.ttyname(slave)
        try:
            # Raw before anybody opens it: echo would send our own text back to us as commands.
            tty.setraw(slave)
        finally:
            # Only the host may hold this side: its closing and opening is what we watch for.
            os.close(slave)
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)
        self._link = link
        self._backlog = b""
        self.watch = OpenWatch.start(self.path)
        self._make_link()

    def fileno(self) -> int:
        """The master's descriptor."""
        return self._master

    @property
    def clogged(self) -> bool:
        """Whether output waits because the host does not read."""
        return bool(self._backlog)

    def is_open(self) -> bool:
        """Whether a host has the port open."""
        return not any(event & select.POLLHUP for _, event in self._poll.poll(0))

    def baud(self) -> int:
        """The speed in bits per second that the host has chosen."""
        data = fcntl.ioctl(self._master, _TCGETS2, bytes(_TERMIOS2.size))
        return int(_TERMIOS2.unpack(data)[-1])

    def reopened(self) -> bool:
        """Whether a host has closed the port, and one opened it after that, since last asked."""
        if self.watch is None:
            return False
        changes = self.watch.changes()
        return Change.CLOSED in changes and Change.OPENED in changes[changes.index(Change.CLOSED) :]

    def read(self) -> bytes:
        """What the host has sent, empty when there is nothing or nobody."""
        try:
            return os.read(self._master, _READ_SIZE)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Send to the host; what it does not read in time is kept up to a limit."""
        waiting = self._backlog + data if self._backlog else data
        try:
            sent = os.write(self._master, waiting) if waiting else 0
        except BlockingIOError:
            sent = 0
        self._backlog = waiting[sent:][:_BACKLOG]

    def discard(self) -> None:
        """Forget what nobody has read, so that the next host does not find it."""
        self._backlog = b""
        with contextlib.suppress(OSError, termios.error):
            slave = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
            finally:
                os.close(slave)
        if self.watch is not None:
            self.watch.changes()  # those were our own

    def close(self) -> None:
        """Pull the cable: the host gets an I/O error, the link is gone."""
        if self._link is not None and self._points_here(self._link):
            self._link.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self.watch is not None:
            self.watch.close()
        os.close(self._master)

    def _points_here(self, link: Path) -> bool:
        try:
            return os.readlink(link) == self.path
        except OSError:
            return False

    def _make_link(self) -> None:
        if self._link is None:
            return
        try:
            if self._link.is_symlink():
                self._link.unlink()
            self._link.symlink_to(self.path)
        except OSError as problem:
            self._release()
            raise StartError(
                f"cannot make the link {self._link}: {problem.strerror}. Expected a path that is "
                "free, or an old link, in a folder you may write to. Choose another --link."
            ) from problem
