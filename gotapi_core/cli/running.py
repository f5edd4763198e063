"""The note a running hub leaves in its folder: where it answers; locked for as long as it runs."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

import msgspec


class Note(msgspec.Struct, frozen=True):
    """Which hub uses the folder."""

    url: str
    pid: int


class FolderInUse(Exception):  # noqa: N818  # reads as what happened
    """Another hub holds the folder."""

    def __init__(self, note: Note | None) -> None:
        holder = f"a hub at {note.url} (pid {note.pid})" if note else "another hub"
        super().__init__(holder)


def take(path: Path) -> TextIO:
    """Lock a folder for this process until the file is closed; raises FolderInUse."""
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise FolderInUse(_read(path)) from None
    return lock


def write(lock: TextIO, url: str) -> None:
    """Note where this hub answers."""
    lock.seek(0)
    lock.truncate()
    lock.write(msgspec.json.encode(Note(url, os.getpid())).decode())
    lock.flush()


def running(path: Path) -> Note | None:
    """Return the note of the hub that runs in a folder; None where none does."""
    if not path.exists():
        return None
    try:
        take(path).close()
    except FolderInUse:
        return _read(path)
    return None


def _read(path: Path) -> Note | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None
