"""PURE: what the moves of G-code do: where plastic comes out, how much, how high. Millimetres."""

import math
import re
from itertools import pairwise
from typing import Final

_MOVE: Final = re.compile(rb"[Gg]0*([0123])(?!\d)")
_MODE: Final = re.compile(rb"(?:[Gg]0*(20|21|28|90|91|92)|[Mm]0*(82|83))(?![\d.])")
_TOOL: Final = re.compile(rb"[Tt](\d{1,2})(?!\d)")
_WORD: Final = re.compile(rb"([XYZEFIJRxyzefijr])\s*(-?(?:\d{1,12}\.?\d{0,12}|\.\d{1,12}))")

MOST_HEIGHTS: Final = 100_000
"""Heights kept; a print 5 m high in layers of 0.05 mm."""
_SAME: Final = 1e-6

Words = dict[str, float]


class Toolpath:
    """Follows a file command by command; what it says about itself is not asked."""

    def __init__(self) -> None:
        self.low = [math.inf] * 3
        self.high = [-math.inf] * 3
        self.filament: dict[int, float] = {}
        """Millimetres by tool: the most that was ever pushed, so that retractions do not count."""
        self.heights: list[float] = []
        """Rising heights on which plastic came out."""
        self.seconds = 0.0
        """At the speeds asked for, without acceleration and heating: always too short."""
        self._place = [0.0, 0.0, 0.0]
        self._e = 0.0
        self._pushed: dict[int, float] = {}
        self._tool = 0
        self._feed = 1500.0  # millimetres a minute, before the file says
        self._unit = 1.0
        self._relative = False
        self._relative_e = False

    def command(self, command: bytes) -> None:
        """Take the next command, without its comment."""
        if (move := _MOVE.match(command)) is not None:
            self._move(int(move[1]), _words(command[move.end() :]))
        elif (mode := _MODE.match(command)) is not None:
            self._mode(int(mode[1] or mode[2]), command[mode.end() :])
        elif (tool := _TOOL.match(command)) is not None:
            self._tool = int(tool[1])

    def _mode(self, number: int, rest: bytes) -> None:
        match number:
            case 20 | 21:
                self._unit = 25.4 if number == 20 else 1.0
            case 90 | 91:
                # Marlin: G90 and G91 are for E too, M82 and M83 for E alone.
                self._relative = self._relative_e = number == 91
            case 82 | 83:
                self._relative_e = number == 83
            case 28:
                self._home(rest)
            case _:
                self._set(_words(rest))

    def _home(self, rest: bytes) -> None:
        axes = [axis for axis, name in enumerate(b"XYZ") if name in rest.upper()]
        for axis in axes or range(3):
            self._place[axis] = 0.0

    def _set(self, words: Words) -> None:
        for axis, name in enumerate("XYZ"):
            if name in words:
                self._place[axis] = words[name] * self._unit
        if "E" in words:
            self._e = words["E"] * self._unit

    def _move(self, kind: int, words: Words) -> None:
        self._feed = max(words.get("F", 0.0) * self._unit, 0.0) or self._feed
        target = list(self._place)
        for axis, name in enumerate("XYZ"):
            if name in words:
                base = self._place[axis] if self._relative else 0.0
                target[axis] = base + words[name] * self._unit
        pushed = self._push(words)
        points = [self._place, target]
        length = math.dist(self._place, target)
        if kind >= 2:
            points, length = self._arc(kind == 2, target, words)
        # Plastic on the way, not on the spot: priming in the air is no print.
        if pushed > 0 and length > 0:
            self._cover(points, target[2])
        self.seconds += 60.0 * (length or abs(pushed)) / self._feed
        self._place = target

    def _push(self, words: Words) -> float:
        if "E" not in words:
            return 0.0
        value = words["E"] * self._unit
        pushed = value if self._relative_e else value - self._e
        self._e = self._e + value if self._relative_e else value
        now = self._pushed.get(self._tool, 0.0) + pushed
        self._pushed[self._tool] = now
        self.filament[self._tool] = max(self.filament.get(self._tool, 0.0), now)
        return pushed

    def _cover(self, points: list[list[float]], height: float) -> None:
        low, high = self.low, self.high  # the busiest loop there is: no calls in it
        for point in points:
            for axis, value in enumerate(point):
                if value < low[axis]:
                    low[axis] = value
                if value > high[axis]:
                    high[axis] = value
        higher = not self.heights or height > self.heights[-1] + _SAME
        if higher and len(self.heights) < MOST_HEIGHTS:
            self.heights.append(height)

    def _arc(
        self, clockwise: bool, target: list[float], words: Words
    ) -> tuple[list[list[float]], float]:
        """Return the outermost points of an arc (G2, G3 with I and J) and its length."""
        x, y, z = self._place
        i, j = words.get("I", 0.0) * self._unit, words.get("J", 0.0) * self._unit
        radius = math.hypot(i, j)
        if radius < _SAME:  # given by R, or not at all: the straight way is near enough
            return [self._place, target], math.dist(self._place, target)
        centre = (x + i, y + j)
        start = math.atan2(-j, -i)
        end = math.atan2(target[1] - centre[1], target[0] - centre[0])
        turn = (start - end if clockwise else end - start) % math.tau or math.tau
        points = [self._place, target]
        for quarter in range(4):
            angle = quarter * math.pi / 2
            if ((start - angle if clockwise else angle - start) % math.tau) <= turn:
                points.append(
                    [centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle), z]
                )
        return points, radius * turn


def _words(text: bytes) -> Words:
    return {letter.decode().upper(): float(number) for letter, number in _WORD.findall(text)}


def first_and_usual(heights: list[float]) -> tuple[float | None, float | None]:
    """Return the height of the first layer and of most others."""
    if not heights:
        return None, None
    steps = sorted(round(b - a, 3) for a, b in pairwise(heights))
    usual = steps[len(steps) // 2] if steps else None
    return round(heights[0], 3), usual
