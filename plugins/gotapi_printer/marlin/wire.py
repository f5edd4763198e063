"""PURE: how a command becomes a numbered, checksummed line, and how bytes become lines."""

from functools import reduce
from operator import xor

MAX_WIRE_LINE = 95
"""Bytes of one line on the wire: Marlin's MAX_CMD_SIZE is 96 with the closing NUL, and a longer
line is cut silently, which costs it its checksum and the job its progress."""

MAX_COMMAND = 80
"""Bytes of one command: what is left of MAX_WIRE_LINE beside `N<9 digits> ` and `*255`."""

MAX_REPLY_LINE = 4096
"""Bytes of one reply line. Marlin's longest (M115) is about 300; the rest of a longer one is
dropped, so a device that never sends a newline costs 4 KiB."""

RESET_NUMBERING = b"N0 M110 N0*125\n"
"""Marlin takes the second N, some firmwares the first: both are sent."""

_LINE_ENDS = bytes.maketrans(b"\r", b"\n")


def checksum(body: bytes) -> int:
    """The XOR of all bytes before the `*`, as Marlin and the RepRap family count it."""
    return reduce(xor, body, 0)


def numbered(number: int, command: bytes) -> bytes:
    """The line `N<number> <command>*<checksum>` with its newline."""
    body = b"N%d %b" % (number, command)
    return b"%b*%d\n" % (body, reduce(xor, body))


class LineAssembler:
    """Cuts a byte stream into lines; how the bytes were chunked never matters.

    CR and LF both end a line (M118 P0 may end in a CR), empty lines vanish and NUL bytes,
    which a board sends while its USB chip wakes up, are dropped.
    """

    __slots__ = ("_dropping", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._dropping = False

    @property
    def empty(self) -> bool:
        """Whether no part of a line is waiting for its end."""
        return not self._rest and not self._dropping

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends."""
        parts = data.translate(_LINE_ENDS, b"\0").split(b"\n")
        parts[0] = self._rest + parts[0]
        last = parts.pop()
        if self._dropping and parts:
            # The tail of a line whose head was already given out.
            parts[0] = b""
            self._dropping = False
        lines = [part[:MAX_REPLY_LINE] for part in parts if part]
        if self._dropping:
            last = b""
        elif len(last) > MAX_REPLY_LINE:
            lines.append(last[:MAX_REPLY_LINE])
            last = b""
            self._dropping = True
        self._rest = last
        return lines
