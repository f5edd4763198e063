"""PURE: where the nozzle is, as far as the lines sent so far tell, and whether a move stays inside.

Lengths are millimetres. `native` are the machine's own coordinates, `shift` is what G92 added to
them. None is unknown: before the printer told its position, and after homing.
"""

import math
from collections.abc import Iterable, Mapping

from gotapi_printer.marlin import Box

AXES = "XYZ"
_INCH = 25.4
# Written numbers have five decimals.
_SLACK = 1e-4


class Place:
    """The state of motion commands; `box` is the build volume, None where nobody told it."""

    def __init__(self, box: Box | None) -> None:
        self.box = box
        self.native: list[float | None] = [None, None, None]
        self._shift: list[float | None] = [0.0, 0.0, 0.0]
        # Relative moves since the position got lost: a report may be older than they are.
        self._moved = [False, False, False]
        self.relative = False
        self.inches = False

    @property
    def plain(self) -> bool:
        """Whether the numbers of a move are the machine's own coordinates in millimetres."""
        return not (self.relative or self.inches) and self._shift == [0.0, 0.0, 0.0]

    @property
    def lost(self) -> bool:
        """Whether the printer should be asked where it is."""
        return self.box is not None and None in self.native

    def report(self, position: Iterable[float]) -> None:
        """Take the position the printer told (logical), for axes that are unknown."""
        for axis, value in enumerate(position):
            shift = self._shift[axis]
            if self.native[axis] is None and not self._moved[axis] and shift is not None:
                self.native[axis] = value - shift

    def forget(self, axes: Iterable[str] = AXES) -> None:
        """Something moved the nozzle nobody knows where."""
        for letter in axes:
            self._lose(AXES.index(letter))

    def _lose(self, axis: int) -> None:
        self.native[axis] = None
        self._moved[axis] = False

    def home(self, axes: Iterable[str]) -> None:
        """G28: only the printer knows where its home is, and that G92 no longer counts."""
        for letter in axes:
            self._lose(AXES.index(letter))
            self._shift[AXES.index(letter)] = 0.0

    def name(self, values: Mapping[str, float]) -> None:
        """G92: the place has these coordinates from now on."""
        for axis, letter in enumerate(AXES):
            if letter in values:
                native = self.native[axis]
                value = values[letter] * self._unit
                self._shift[axis] = None if native is None else value - native

    def plain_shift(self) -> None:
        """G92.1: the machine's own coordinates count again."""
        self._shift = [0.0, 0.0, 0.0]

    @property
    def _unit(self) -> float:
        return _INCH if self.inches else 1.0

    def clamped(self, values: Mapping[str, float]) -> dict[str, float]:
        """Of the coordinates of a move those that lead outside, moved to the nearest inside."""
        if self.box is None:
            return {}
        changed: dict[str, float] = {}
        for axis, letter in enumerate(AXES):
            if letter in values:
                nearest = self._nearest(axis, values[letter] * self._unit)
                if abs(nearest - values[letter] * self._unit) > _SLACK:
                    changed[letter] = nearest / self._unit
        return changed

    def _nearest(self, axis: int, value: float) -> float:
        assert self.box is not None
        low, high = self.box.low[axis], self.box.high[axis]
        native, shift = self.native[axis], self._shift[axis]
        if self.relative:
            if native is None:
                # No move can be longer than the axis.
                return min(max(value, low - high), high - low)
            return min(max(value, low - native), high - native)
        if shift is None:
            return value
        return min(max(value, low + shift), high + shift)

    def move(self, values: Mapping[str, float]) -> None:
        """Take a move as done."""
        for axis, letter in enumerate(AXES):
            if letter in values:
                self.native[axis] = self._after(axis, values[letter] * self._unit)
                self._moved[axis] = self.native[axis] is None

    def _after(self, axis: int, value: float) -> float | None:
        native, shift = self.native[axis], self._shift[axis]
        if self.relative:
            return None if native is None else native + value
        return None if shift is None else value - shift

    def arc_stays_inside(self, values: Mapping[str, float], *, clockwise: bool) -> bool:
        """Whether the curve of a G2 or G3 stays inside; yes where its start is unknown."""
        start_x, start_y = self.native[0], self.native[1]
        if self.box is None or start_x is None or start_y is None:
            return True
        end_x, end_y = (
            self._after(axis, values[letter] * self._unit) if letter in values else start
            for axis, (letter, start) in enumerate((("X", start_x), ("Y", start_y)))
        )
        # From a known place every end is known.
        assert end_x is not None
        assert end_y is not None
        given = {letter: value * self._unit for letter, value in values.items()}
        centre = _centre((start_x, start_y), (end_x, end_y), given, clockwise=clockwise)
        if centre is None:
            return True
        low, high = _extent((start_x, start_y), (end_x, end_y), centre, clockwise=clockwise)
        return all(
            low[axis] >= self.box.low[axis] - _SLACK and high[axis] <= self.box.high[axis] + _SLACK
            for axis in range(2)
        )


Point = tuple[float, float]


def _centre(
    start: Point, end: Point, values: Mapping[str, float], *, clockwise: bool
) -> Point | None:
    radius = values.get("R")
    if radius is None:
        if "I" not in values and "J" not in values:
            return None
        return start[0] + values.get("I", 0.0), start[1] + values.get("J", 0.0)
    dx, dy = end[0] - start[0], end[1] - start[1]
    chord = math.hypot(dx, dy)
    if chord == 0.0 or abs(radius) < chord / 2.0:
        return None
    height = math.sqrt(radius * radius - chord * chord / 4.0)
    # A positive radius takes the shorter way round.
    side = height if clockwise == (radius < 0.0) else -height
    middle = (start[0] + end[0]) / 2.0, (start[1] + end[1]) / 2.0
    return middle[0] - side * dy / chord, middle[1] + side * dx / chord


def _extent(start: Point, end: Point, centre: Point, *, clockwise: bool) -> tuple[Point, Point]:
    """The corners of the box around an arc."""
    radius = math.hypot(start[0] - centre[0], start[1] - centre[1])
    first = math.atan2(start[1] - centre[1], start[0] - centre[0])
    last = math.atan2(end[1] - centre[1], end[0] - centre[0])
    if clockwise:
        first, last = last, first
    # The same point again is a full circle.
    swept = (last - first) % math.tau or math.tau
    points = [start, end]
    for quarter in range(4):
        if (quarter * math.pi / 2.0 - first) % math.tau <= swept:
            angle = quarter * math.pi / 2.0
            points.append(
                (centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle))
            )
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return (min(xs), min(ys)), (max(xs), max(ys))
