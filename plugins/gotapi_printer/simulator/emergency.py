"""PURE. The emergency parser: M108, M112, M410 and M876 are seen as their bytes arrive.

Marlin runs it in the receive interrupt, so it acts although the command queue is blocked, and
leaves the bytes where they are: the same line is also queued later and gets an ok of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["EmergencyParser", "Signal"]

# Only the beginning of a line can name a command; the longest sensible `N... M876 S0` fits.
_HEAD = 96
_COMMAND = re.compile(rb" *(?:N[-0-9 ]*)?M *(?:(108|112|410)|(876) *S *(\d))")
_HINT = re.compile(rb"M *(?:108|112|410|876)")
_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class Signal:
    """An emergency command; `choice` is the S of M876."""

    code: str
    choice: int = 0


class EmergencyParser:
    """Splits what arrives at the places where a command takes effect."""

    def __init__(self) -> None:
        self._head = b""

    def split(self, data: bytes) -> Iterator[tuple[bytes, Signal | None]]:
        """Yield pieces that join to `data`; a signal acts after its piece, before the line end."""
        if not _HINT.search(self._head + data):
            self._remember(data)
            yield data, None
            return
        done = begin = 0
        for end in _END.finditer(data):
            signal = _signal((self._head + data[begin : end.start()])[:_HEAD])
            self._head, begin = b"", end.end()
            if signal is not None:
                yield data[done : end.start()], signal
                done = end.start()
        self._remember(data[begin:])
        yield data[done:], None

    def _remember(self, data: bytes) -> None:
        last = max(data.rfind(b"\n"), data.rfind(b"\r"))
        if last >= 0:
            self._head = data[last + 1 :][:_HEAD]
        else:
            self._head = (self._head + data)[:_HEAD]


def _signal(head: bytes) -> Signal | None:
    found = _COMMAND.match(head)
    if found is None:
        return None
    if found[2]:
        return Signal("M876", int(found[3]))
    return Signal("M" + found[1].decode("ascii"))
