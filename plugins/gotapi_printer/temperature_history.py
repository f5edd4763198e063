"""PURE: the temperatures of one printer for a day, bounded, thinned out where they are old.

Two rings: a point each 2 s for ten minutes, and one each 30 s for 24 h; a point is the last reading
of its time. Times are seconds since 1970, temperatures degrees Celsius.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from gotapi_printer.marlin import Temperature

MOST_SENSORS = 16  # of a printer; hosts with more are not known
FINE_SPAN, FINE_STEP = 600.0, 2.0
COARSE_SPAN, COARSE_STEP = 86_400.0, 30.0


class Point(NamedTuple):
    """All sensors at one time; none of them while the printer was away."""

    at: float
    readings: tuple[Temperature, ...]


class Ring:
    """The last reading of each `step` seconds, and a gap after it, for `span` seconds."""

    def __init__(self, span: float, step: float) -> None:
        self.span = span
        self._step = step
        # One more: the first and the last step are usually in there with a part only.
        self._points: deque[Point] = deque(maxlen=int(span / step) + 1)

    def add(self, point: Point) -> None:
        """Take a point whose time is not before that of the last one."""
        while self._points and self._replaces(point, self._points[-1]):
            self._points.pop()
        self._points.append(point)

    def clear(self) -> None:
        """Forget all."""
        self._points.clear()

    def _replaces(self, point: Point, last: Point) -> bool:
        """Tell whether a point stands for the last one: a gap stands for no reading."""
        if point.at // self._step != last.at // self._step:
            return False
        return bool(point.readings) or not last.readings or point.at == last.at

    def after(self, moment: float) -> list[Point]:
        """Return the points after a moment, the oldest first."""
        return [point for point in self._points if point.at > moment]


class TemperatureHistory:
    """What was read of a printer: `add` each reading, `after` for what there is."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._fine = Ring(FINE_SPAN, FINE_STEP)
        self._coarse = Ring(COARSE_SPAN, COARSE_STEP)

    def add(self, at: float, readings: Sequence[Temperature]) -> None:
        """Take what was read, or nothing where the printer is away.

        Where the clock was turned back by more than half a minute, all before is forgotten.
        """
        if at < self._last - COARSE_STEP:
            self._last = float("-inf")
            self._fine.clear()
            self._coarse.clear()
        if not readings and self._last == float("-inf"):
            return  # it was never there
        self._last = max(at, self._last)
        point = Point(self._last, tuple(readings[:MOST_SENSORS]))
        self._fine.add(point)
        self._coarse.add(point)

    def after(self, moment: float) -> list[Point]:
        """Return what was read after a moment, of the last day; the times rise."""
        recent = self._fine.after(max(moment, self._last - FINE_SPAN))
        begin = recent[0].at if recent else self._last
        old = self._coarse.after(max(moment, self._last - COARSE_SPAN))
        return [point for point in old if point.at < begin] + recent
