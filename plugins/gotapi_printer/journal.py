"""How far a print is, to the line, in a file that survives the hub being killed at any moment.

The driver's thread notes each line before it is written and each answer, by one store into a
mapped page: a kill -9 loses none of it. A power cut may, as nothing waits for the disk. A note that
was cut short has a wrong checksum; then the one before it counts.
"""

import mmap
import os
import struct
import zlib
from pathlib import Path

import msgspec

KEPT = 128
"""Lines kept with their numbers; more than are ever in flight."""

_NOTE = struct.Struct("<IIII")  # number or count, commands, line of the file, checksum
_PLAIN = struct.Struct("<III")
_MAGIC = b"gotapi-journal 1"
_TAKEN = len(_MAGIC)
_SENT = _TAKEN + 2 * _NOTE.size
_SIZE = _SENT + KEPT * _NOTE.size
_MOST = 2**32


class Place(msgspec.Struct, frozen=True):
    """A place in a file: commands before it, and the line that the last of them stands in."""

    line: int = 0
    file_line: int = 0


class Noted(msgspec.Struct, frozen=True):
    """What a journal tells."""

    taken: Place = Place()
    """Up to here the printer answered."""
    sent: dict[int, Place] = {}
    """For each number that was sent lately, the place after it."""

    def settled(self, number: int | None) -> Place | None:
        """The place after the last line that the printer took, where it still knows its number."""
        place = None if number is None else self.sent.get(number)
        # Less than it answered to: that number is of another connection.
        return place if place is not None and place.line >= self.taken.line else None


class Journal:
    """Written by the driver's thread; raises OSError where the disk is full."""

    def __init__(self, path: Path, first: Place) -> None:
        self._first = first
        self._count = 0
        self._last: tuple[int, int] | None = None
        # Written whole first: a page of a full disk that is only mapped would kill the hub.
        path.write_bytes(_MAGIC.ljust(_SIZE, b"\0"))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.taken((first.line, first.file_line))

    def sent(self, number: int, line: int, file_line: int) -> None:
        """A line of this number goes out; with it so many commands of the file are out."""
        if number > 0:
            self._note(_SENT + number % KEPT * _NOTE.size, number, line, file_line)

    def taken(self, place: tuple[int, int]) -> None:
        """The printer answered to so many commands, the last in that line of the file."""
        if place != self._last:
            self._last = place
            self._count += 1
            self._note(_TAKEN + self._count % 2 * _NOTE.size, self._count, *place)

    def _note(self, offset: int, number: int, line: int, file_line: int) -> None:
        if line < self._first.line:
            line, file_line = self._first.line, self._first.file_line
        plain = _PLAIN.pack(number % _MOST, line % _MOST, file_line % _MOST)
        self._map[offset : offset + _NOTE.size] = plain + zlib.crc32(plain).to_bytes(4, "little")

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        self._map.close()


def read_journal(path: Path) -> Noted | None:
    """Return what a journal tells; None where there is none, or nothing in it."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) != _SIZE or not data.startswith(_MAGIC):
        return None
    notes = [_read(data, _TAKEN + place * _NOTE.size) for place in range(2)]
    taken = max((note for note in notes if note is not None), default=None)
    if taken is None:
        return None
    sent = (_read(data, _SENT + place * _NOTE.size) for place in range(KEPT))
    known = {note[0]: Place(note[1], note[2]) for note in sent if note is not None}
    return Noted(Place(taken[1], taken[2]), known)


def _read(data: bytes, offset: int) -> tuple[int, int, int] | None:
    number, line, file_line, check = _NOTE.unpack_from(data, offset)
    good = number and zlib.crc32(data[offset : offset + _PLAIN.size]) == check
    return (number, line, file_line) if good else None


def settle_journal(path: Path, place: Place) -> None:
    """Leave only a place in a journal: the numbers count no more."""
    part = path.with_suffix(".part")
    Journal(part, place).close()
    os.replace(part, path)
