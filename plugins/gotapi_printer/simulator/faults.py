"""PURE. What can go wrong on purpose: noise on the wire, and faults at a counted line."""

import enum
import random
from dataclasses import dataclass

__all__ = ["CORRUPT_HELP", "Fault", "FaultPlan", "LineNoise", "Trigger"]

# A line that never ends is passed on in pieces of this size, so that nothing grows without end;
# twice the longest line a host has reason to send.
_LONGEST = 8192

CORRUPT_HELP = (
    "--corrupt P    each received line is damaged with probability P before the firmware parses "
    "it: one bit of one byte flips, or one byte is lost; --seed makes it repeatable"
)


class Fault(enum.Enum):
    """A fault that fires once, when so many numbered lines have been accepted.

    The line that fires it is accepted (it stands in the transcript) and never answered; for the
    stall with an end it is answered after the stall.
    """

    RESET = (
        "--reset-at N   the board reboots by its watchdog: boot text, queue, line number and "
        "targets lost"
    )
    STALL = (
        "--stall-at N   the firmware hangs: no answer to anything, for ever or for --stall-for "
        "seconds; bytes beyond the receive buffer are lost"
    )
    UNPLUG = (
        "--unplug-at N  the cable is pulled: the port vanishes with its link; with "
        "--replug-after seconds it comes back under the same link"
    )


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which faults happen; a number counts accepted numbered lines other than M110, from 1."""

    corrupt: float = 0.0
    seed: int = 0
    reset_at: int | None = None
    stall_at: int | None = None
    unplug_at: int | None = None
    # Real seconds, whatever the time scale; None is for ever.
    stall_for: float | None = None
    replug_after: float | None = None


class Trigger:
    """Counts accepted file lines and says which fault fires."""

    def __init__(self, plan: FaultPlan) -> None:
        wanted = (
            (plan.reset_at, Fault.RESET),
            (plan.stall_at, Fault.STALL),
            (plan.unplug_at, Fault.UNPLUG),
        )
        self._at: dict[int, list[Fault]] = {}
        for line, fault in wanted:
            if line is not None:
                self._at.setdefault(line, []).append(fault)
        self.lines = 0

    def count(self, text: bytes, number: int | None) -> list[Fault]:
        """Count an accepted line; the faults it fires, almost always none."""
        if number is None or text.startswith(b"M110"):
            return []
        self.lines += 1
        return self._at.get(self.lines, [])


class LineNoise:
    """Damages whole lines at random, the same for one seed however the bytes arrive."""

    def __init__(self, probability: float, seed: int) -> None:
        self._probability = probability
        self._random = random.Random(seed)  # noqa: S311 - repeatable noise, nothing secret
        self._rest = b""
        self.damaged = 0

    def feed(self, data: bytes) -> bytes:
        """Pass on what is complete; the beginning of a line waits for its end."""
        if not self._probability:
            return data
        pieces = (self._rest + data).split(b"\n")
        self._rest = pieces.pop()
        passed = b"".join(self._line(piece) + b"\n" for piece in pieces)
        while len(self._rest) > _LONGEST:
            passed += self._rest[:_LONGEST]
            self._rest = self._rest[_LONGEST:]
        return passed

    def _line(self, line: bytes) -> bytes:
        if self._random.random() >= self._probability or not line:
            return line
        self.damaged += 1
        place = self._random.randrange(len(line))
        if self._random.random() < 0.25:
            return line[:place] + line[place + 1 :]
        flipped = line[place] ^ (1 << self._random.randrange(8))
        return line[:place] + bytes((flipped,)) + line[place + 1 :]
