"""PURE. Where the tool is and how long a move takes.

Positions are `(x, y, z, e)` in millimetres; speeds mm/s; accelerations mm/s2; times seconds.
"""

import math
from dataclasses import dataclass, field

__all__ = ["ORIGIN", "Axes", "Limits", "Position", "arc_length", "block_time"]


Axes = tuple[float, float, float, float]
# A way far below one motor step (mm) is none.
_SHORTEST = 1e-6
ORIGIN: Axes = (0.0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class Limits:
    """What M92, M201, M203 and M204 set; the defaults are Marlin's example configuration."""

    steps: list[float] = field(default_factory=lambda: [80.0, 80.0, 400.0, 500.0])
    feedrate: list[float] = field(default_factory=lambda: [300.0, 300.0, 5.0, 25.0])
    acceleration: list[float] = field(default_factory=lambda: [3000.0, 3000.0, 100.0, 10000.0])
    printing: float = 3000.0
    retract: float = 3000.0
    travel: float = 3000.0


@dataclass(slots=True)
class Position:
    """The modal state of motion commands: where the last queued move ends, and the modes."""

    axes: Axes = ORIGIN
    # G92 X/Y/Z move the coordinate system, not the tool: logical = native + shift.
    shift: Axes = ORIGIN
    relative: bool = False
    relative_e: bool = False
    inches: bool = False
    feedrate: float = 25.0  # Marlin starts with 1500 mm/min
    feed_percent: int = 100
    flow_percent: int = 100
    homed: set[int] = field(default_factory=set)
    soft_endstops: bool = True

    def logical(self, axes: Axes) -> Axes:
        """Native coordinates as the host sees them."""
        x, y, z, e = axes
        sx, sy, sz, se = self.shift
        return (x + sx, y + sy, z + sz, e + se)

    def target(self, words: dict[str, float | None], area: tuple[float, float, float]) -> Axes:
        """Where a move with these words ends, in native coordinates, within the soft endstops."""
        unit = 25.4 if self.inches else 1.0
        result = list(self.axes)
        for axis, letter in enumerate("XYZE"):
            value = words.get(letter)
            if value is None:
                continue
            relative = self.relative_e if axis == 3 else self.relative
            base = self.axes[axis] if relative else -self.shift[axis]
            result[axis] = base + value * unit
            if axis < 3 and self.soft_endstops and axis in self.homed:
                result[axis] = min(max(result[axis], 0.0), area[axis])
        return (result[0], result[1], result[2], result[3])

    def take_feedrate(self, words: dict[str, float | None]) -> None:
        """Keep the F of a move (mm/min) for it and the moves after it; F0 is ignored."""
        value = words.get("F")
        if value is not None and value > 0:
            self.feedrate = value * (25.4 if self.inches else 1.0) / 60


def arc_length(
    start: Axes, end: Axes, words: dict[str, float | None], *, clockwise: bool
) -> float | None:
    """The length in XY of a G2/G3 arc by centre (I J) or radius (R), None if it cannot be drawn."""
    centre = _centre(start, end, words, clockwise=clockwise)
    if centre is None:
        return None
    cx, cy = centre
    radius = math.hypot(start[0] - cx, start[1] - cy)
    if radius == 0:
        return None
    begin = math.atan2(start[1] - cy, start[0] - cx)
    stop = math.atan2(end[1] - cy, end[0] - cx)
    angle = (begin - stop if clockwise else stop - begin) % (2 * math.pi)
    # The same point again is a full circle (Marlin G2/G3).
    return radius * (angle if angle > 1e-9 else 2 * math.pi)


def _centre(
    start: Axes, end: Axes, words: dict[str, float | None], *, clockwise: bool
) -> tuple[float, float] | None:
    radius = words.get("R")
    if radius is None:
        i, j = words.get("I"), words.get("J")
        if i is None and j is None:
            return None
        return start[0] + (i or 0.0), start[1] + (j or 0.0)
    dx, dy = end[0] - start[0], end[1] - start[1]
    chord = math.hypot(dx, dy)
    if chord == 0 or abs(radius) < chord / 2:
        return None
    # A positive R takes the shorter way round, a negative R the longer one.
    height = math.sqrt(radius * radius - chord * chord / 4)
    side = height if clockwise == (radius < 0) else -height
    return (start[0] + end[0]) / 2 - side * dy / chord, (start[1] + end[1]) / 2 + side * dx / chord


def block_time(
    delta: Axes, length: float, speed: float, limits: Limits, previous: tuple[Axes, float] | None
) -> tuple[float, tuple[Axes, float]]:
    """How long one move takes, and with which direction and speed it ends.

    The junction with the move before is passed at the speed both directions allow: the cosine of
    the angle between them. A move pays for slowing down to its junction and for reaching its
    cruise speed, and leaves at cruise speed: simple, deterministic, and close to a planner that
    looks ahead.
    """
    span = length if length >= _SHORTEST else abs(delta[3])
    if span < _SHORTEST:
        return 0.0, (ORIGIN, 0.0)
    unit: Axes = (delta[0] / span, delta[1] / span, delta[2] / span, delta[3] / span)
    cruise, acceleration = speed, _acceleration(delta, length, limits)
    for axis in range(4):
        share = abs(unit[axis])
        if share > 0:
            cruise = min(cruise, limits.feedrate[axis] / share)
            acceleration = min(acceleration, limits.acceleration[axis] / share)
    before, arrival = previous or (ORIGIN, 0.0)
    cosine = sum(a * b for a, b in zip(before, unit, strict=True))
    entry = min(arrival, cruise) * min(max(cosine, 0.0), 1.0)
    reached = min(cruise, math.sqrt(entry * entry + 2 * acceleration * span))
    ramp = (reached * reached - entry * entry) / (2 * acceleration)
    seconds = (arrival - entry) / acceleration + (reached - entry) / acceleration
    return seconds + max(span - ramp, 0.0) / reached, (unit, reached)


def _acceleration(delta: Axes, length: float, limits: Limits) -> float:
    if length < _SHORTEST:
        return limits.retract
    return limits.printing if delta[3] else limits.travel
