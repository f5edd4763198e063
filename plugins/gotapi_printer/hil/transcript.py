"""Everything that went over the wire, with its times, and a link that writes it down."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable

from gotapi_printer.hil.report import Entry
from gotapi_printer.link import Link, LinkError, LinkFacts

__all__ = ["RecordingLink", "Transcript", "readable"]

# Records kept from the beginning and from the end; what is between them is only counted. A file
# that is stopped on a fast printer makes some thousand.
_FIRST, _LAST = 4000, 12_000

_MOVE = re.compile(rb"^(N\d+ ?G1 [^*]*\*)(\d{1,3})$")


def readable(data: bytes) -> str:
    """Bytes as text: what cannot be printed as \\x and its code, line ends as such."""
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else _escaped(byte) for byte in data
    )


def _escaped(byte: int) -> str:
    return {0x0A: "\\n", 0x0D: "\\r", 0x5C: "\\\\"}.get(byte, f"\\x{byte:02x}")


class Transcript:
    """Takes records from any thread; keeps the first and the last of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._first: list[Entry] = []
        self._last: deque[Entry] = deque(maxlen=_LAST)
        self._count = 0

    def now(self) -> float:
        """Seconds since the beginning, as exactly as records have them."""
        return round(self._clock() - self._began, 4)

    def add(self, way: str, data: bytes | str) -> None:
        """Write something down."""
        text = data if isinstance(data, str) else readable(data)
        entry = Entry(self.now(), way, text)
        with self._lock:
            self._count += 1
            if len(self._first) < _FIRST:
                self._first.append(entry)
            else:
                self._last.append(entry)

    def entries(self) -> list[Entry]:
        """What was kept, with a note where something is left out."""
        with self._lock:
            left_out = self._count - len(self._first) - len(self._last)
            if not left_out:
                return [*self._first, *self._last]
            note = Entry(self._last[0].at, "#", f"{left_out} records are left out here")
            return [*self._first, note, *self._last]

    def since(self, at: float, way: str) -> list[Entry]:
        """The kept records of one way from a time on."""
        return [entry for entry in self.entries() if entry.way == way and entry.at >= at]


class RecordingLink(Link):
    """A link that writes down what passes, and damages one line when it is told to."""

    def __init__(self, link: Link, transcript: Transcript) -> None:
        self._link = link
        self._transcript = transcript
        self._damage = threading.Event()
        self.damaged = ""
        self.failure: LinkError | None = None

    @property
    def breaks(self) -> int:
        return self._link.breaks

    def damage_next_move(self) -> None:
        """Give the next numbered G1 a wrong checksum.

        Only the checksum: a firmware that does not look at it makes the move that was meant.
        """
        self.damaged = ""
        self._damage.set()

    def open(self) -> LinkFacts:
        try:
            facts = self._link.open()
        except LinkError as error:
            self.failure = error
            self._transcript.add("#", f"cannot be opened: {error}")
            raise
        self._transcript.add("#", "port opened")
        return facts

    def read(self, timeout: float) -> bytes:
        try:
            data = self._link.read(timeout)
        except LinkError as error:
            self._transcript.add("#", f"link lost: {error}")
            raise
        if data:
            self._transcript.add("<", data)
        return data

    def write(self, data: bytes) -> None:
        if self._damage.is_set():
            data = self._with_damage(data)
        self._transcript.add(">", data)
        self._link.write(data)

    def write_urgent(self, data: bytes) -> None:
        self._transcript.add("!", data)
        self._link.write_urgent(data)

    def wake(self) -> None:
        self._link.wake()

    def close(self) -> None:
        self._transcript.add("#", "port closed")
        self._link.close()

    def _with_damage(self, data: bytes) -> bytes:
        lines = data.split(b"\n")
        for place, line in enumerate(lines):
            if found := _MOVE.match(line):
                self._damage.clear()
                lines[place] = b"%s%d" % (found[1], int(found[2]) ^ 1)
                self.damaged = readable(line)
                self._transcript.add("#", f"the next line should be {self.damaged}")
                break
        return b"\n".join(lines)
