"""PURE. A bad wire: damaged and lost lines, the wrong speed, endless garbage."""

import random

from gotapi_printer.simulator.faults import FaultPlan

__all__ = ["Answers", "LineNoise", "garbage"]

# A line that never ends is passed on in pieces of this size, so that nothing grows without end;
# twice the longest line a host has reason to send.
_LONGEST = 8192
# What a UART makes of a byte at another speed: anything, line ends now and then.
_WRONG = bytes(range(0x80, 0x100)) + b"\n\x00"


def garbage(count: int, seed: int) -> bytes:
    """So many bytes as a receiver at the wrong speed sees them."""
    source = random.Random(seed)  # noqa: S311 - repeatable noise, nothing secret
    return bytes(source.choices(_WRONG, k=count))


class Answers:
    """Spoils what the firmware says: whole lines only, so that chunks do not matter."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._noise = LineNoise(plan.garble, plan.seed + 1)
        self._random = random.Random(plan.seed + 2)  # noqa: S311 - repeatable noise
        self._clean = not (plan.garble or plan.lose_ok or plan.merge)

    def feed(self, said: bytes) -> bytes:
        """What arrives of these whole lines."""
        if self._plan.silent:
            return b""
        if self._plan.babble:
            # As much as a firmware would say: a host must live with it, this process too.
            return garbage(len(said), self._random.randrange(1 << 30))
        if self._clean or not said:
            return said
        lines = [line for line in said.splitlines(keepends=True) if not self._lost(line)]
        return self._noise.feed(b"".join(map(self._merged, lines)))

    def _lost(self, line: bytes) -> bool:
        return line.startswith(b"ok") and self._random.random() < self._plan.lose_ok

    def _merged(self, line: bytes) -> bytes:
        return line.rstrip(b"\r\n") if self._random.random() < self._plan.merge else line


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
