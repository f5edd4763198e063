"""PURE. The planner: a ring of moves that are executed one after the other, each for its time."""

import math
from collections import deque
from dataclasses import dataclass

from gotapi_printer.simulator.motion import ORIGIN, Axes

__all__ = ["Block", "Planner"]


@dataclass(frozen=True, slots=True)
class Block:
    """A move from `origin` to `target` between two times (s)."""

    origin: Axes
    target: Axes
    start: float
    end: float

    def at(self, now: float) -> Axes:
        """The position at a time; the speed within a block is taken as constant."""
        if now >= self.end:
            return self.target
        if now <= self.start:
            return self.origin
        share = (now - self.start) / (self.end - self.start)
        x, y, z, e = (a + (b - a) * share for a, b in zip(self.origin, self.target, strict=True))
        return (x, y, z, e)


class Planner:
    """At most `blocks - 1` moves in execution order; times are arguments in seconds."""

    def __init__(self, blocks: int) -> None:
        self._usable = blocks - 1
        self._blocks: deque[Block] = deque()
        self._rest: Axes = ORIGIN
        self.previous: tuple[Axes, float] | None = None
        # Counts quick stops, so that a move that waits for room knows it was discarded.
        self.stops = 0

    def moves_free(self, now: float) -> int:
        """How many more moves fit: the P of ADVANCED_OK."""
        self._retire(now)
        return self._usable - len(self._blocks)

    def room_at(self, now: float) -> float:
        """When the next move fits: now, or when the oldest move ends."""
        return now if self.moves_free(now) else self._blocks[0].end

    def idle_at(self) -> float:
        """When the last move ends, minus infinity when there is none."""
        return self._blocks[-1].end if self._blocks else -math.inf

    def add(self, origin: Axes, target: Axes, seconds: float, now: float) -> None:
        """Queue a move; call only while there is room."""
        start = max(now, self.idle_at())
        self._blocks.append(Block(origin, target, start, start + seconds))

    def jump(self, position: Axes) -> None:
        """Set where the idle tool is (homing, or a move that takes no time)."""
        self._blocks.clear()  # the last ones may have ended without anybody looking
        self._rest = position

    def position(self, now: float) -> Axes:
        """Where the tool really is."""
        self._retire(now)
        return self._blocks[0].at(now) if self._blocks else self._rest

    def quick_stop(self, now: float) -> Axes:
        """Drop every move and return where the tool came to rest."""
        self._rest = self.position(now)
        self._blocks.clear()
        self.previous = None
        self.stops += 1
        return self._rest

    def _retire(self, now: float) -> None:
        while self._blocks and self._blocks[0].end <= now:
            self._rest = self._blocks.popleft().target
        if not self._blocks:
            self.previous = None  # the tool stood still: the next move starts from rest
