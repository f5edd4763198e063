"""Sees a terminal being opened and closed, even when that happens faster than one can look.

A hang-up tells that nobody has the slave side open now; a host that closes and opens again at
once is only seen through inotify. Where there is no inotify, `OpenWatch.start` returns None.
"""

import ctypes
import enum
import os
import struct

__all__ = ["Change", "OpenWatch"]

# linux/inotify.h
_OPEN, _CLOSE_WRITE, _CLOSE_NOWRITE = 0x20, 0x08, 0x10
_EVENT = struct.Struct("iIII")  # wd, mask, cookie, length of a name (none for a watched file)
_READ_SIZE = 4096


class Change(enum.Enum):
    """What happened to the slave side."""

    OPENED = "opened"
    CLOSED = "closed"


class OpenWatch:
    """The openings and closings of one file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def start(cls, path: str) -> "OpenWatch | None":
        """Watch a path, None where the system cannot."""
        library = ctypes.CDLL(None, use_errno=True)
        try:
            descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            return None
        if descriptor < 0:
            return None
        mask = _OPEN | _CLOSE_WRITE | _CLOSE_NOWRITE
        if library.inotify_add_watch(descriptor, os.fsencode(path), mask) < 0:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def fileno(self) -> int:
        """Readable when there are changes."""
        return self._descriptor

    def changes(self) -> list[Change]:
        """What has happened since the last call, in order."""
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:
            return []
        found = []
        for _, mask, _, _ in _EVENT.iter_unpack(data):
            if mask & _OPEN:
                found.append(Change.OPENED)
            elif mask & (_CLOSE_WRITE | _CLOSE_NOWRITE):
                found.append(Change.CLOSED)
        return found

    def close(self) -> None:
        """Stop watching."""
        os.close(self._descriptor)
