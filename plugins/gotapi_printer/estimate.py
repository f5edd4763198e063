"""PURE: how long a print still takes, and where that is known from.

The first of these that a file has counts:

* `m73`: the minutes left that the slicer wrote into the file, less the time of the moves since;
* `slicer`: the slicer's total, of which the moves so far take their share;
* `model`: the hub's own model of the moves, with acceleration;
* `elapsed`: the time so far, by the share of commands; not before one percent.

What earlier prints of the same printer and slicer took more or less is a factor on the first
three; then the source has `+history` behind it.
"""

from bisect import bisect_right
from collections.abc import Mapping

import msgspec

from gotapi_printer.motion_model import MotionModel

MAX_POINTS = 2000
"""Points kept of a file's times; between them the time is straight."""

FACTOR = (0.5, 2.0)
"""A print that took longer or shorter than this was disturbed, and others are not like it."""

LEAST_SECONDS = 60.0
"""Shorter prints are mostly heating and teach nothing."""

_LEARN, _LEARN_FIRST = 0.3, 0.6
_NEAR_ONE = 0.02


class Timeline(msgspec.Struct, frozen=True):
    """The seconds, by the model, that a file's first commands take."""

    counts: tuple[int, ...] = (0,)
    """Rising numbers of commands, from 0 to all."""
    seconds: tuple[float, ...] = (0.0,)

    @property
    def total(self) -> float:
        """The seconds of the whole file."""
        return self.seconds[-1]

    def at(self, commands: int) -> float:
        """The seconds of the first `commands` commands."""
        place = bisect_right(self.counts, commands)
        if place == len(self.counts):
            return self.seconds[-1]
        if not place:
            return 0.0
        low, high = self.counts[place - 1], self.counts[place]
        share = (commands - low) / (high - low)
        return self.seconds[place - 1] + share * (self.seconds[place] - self.seconds[place - 1])


class TimelineMaker:
    """Makes the Timeline of a file from its commands, in bounded memory."""

    def __init__(self) -> None:
        self._model = MotionModel()
        self._count = 0
        self._every = 1
        self._counts = [0]
        self._seconds = [0.0]

    def take(self, command: bytes) -> None:
        """Take the next command."""
        self._model.take(command)
        self._count += 1
        if self._count % self._every:
            return
        self._counts.append(self._count)
        self._seconds.append(self._model.seconds)
        if len(self._counts) > MAX_POINTS:
            self._every *= 2
            del self._counts[1::2]
            del self._seconds[1::2]

    def result(self) -> Timeline:
        """What it is, up to here."""
        counts, seconds = self._counts, self._seconds
        if counts[-1] != self._count:
            counts, seconds = [*counts, self._count], [*seconds, self._model.seconds]
        return Timeline(tuple(counts), tuple(round(one, 2) for one in seconds))


class Known(msgspec.Struct, frozen=True):
    """What is known about the time of one print at one moment."""

    line: int
    """Commands taken."""
    percent: float
    elapsed: float
    """Seconds of printing, without pauses."""
    timeline: Timeline | None = None
    slicer_seconds: float | None = None
    mark: tuple[int, float] | None = None
    """The last M73: the commands up to it, and the seconds left by it."""
    pace: Mapping[str, float] = {}
    """The learned factor of each source."""


def seconds_left(known: Known) -> tuple[float | None, str]:
    """The best guess there is, and what it was made from."""
    timeline = known.timeline
    passed = timeline.at(known.line) if timeline is not None else 0.0
    if known.mark is not None:
        at, left = known.mark
        since = passed - timeline.at(at) if timeline is not None else 0.0
        return _paced(max(left - since, 0.0), "m73", known.pace)
    share = passed / timeline.total if timeline is not None and timeline.total else None
    if known.slicer_seconds is not None:
        done = known.percent / 100.0 if share is None else share
        return _paced(known.slicer_seconds * (1.0 - done), "slicer", known.pace)
    if timeline is not None and share is not None:
        return _paced(timeline.total - passed, "model", known.pace)
    # The first percent is heating, which says nothing of the rest.
    if known.percent < 1.0:
        return None, ""
    return round(known.elapsed * (100.0 - known.percent) / known.percent, 1), "elapsed"


def _paced(seconds: float, source: str, pace: Mapping[str, float]) -> tuple[float, str]:
    factor = pace.get(source, 1.0)
    if abs(factor - 1.0) < _NEAR_ONE:
        return round(seconds, 1), source
    return round(seconds * factor, 1), f"{source}+history"


class Learned(msgspec.Struct, frozen=True):
    """What prints of one slicer on one printer taught about one source."""

    key: str
    factor: float = 1.0
    prints: int = 0


def key(printer: str, slicer: str, source: str) -> str:
    """The name under which the factor is kept; the version of a slicer makes no difference."""
    name = slicer.partition(" ")[0].lower()[:40]
    return f"{printer}/{name or 'unknown'}/{source}"


def learn(learned: Learned, predicted: float, took: float) -> Learned:
    """The factor after a print that went through; times in seconds, pauses left out."""
    if predicted < LEAST_SECONDS or took < LEAST_SECONDS:
        return learned
    ratio = min(max(took / predicted, FACTOR[0]), FACTOR[1])
    weight = _LEARN if learned.prints else _LEARN_FIRST
    factor = learned.factor + weight * (ratio - learned.factor)
    return Learned(learned.key, round(factor, 4), learned.prints + 1)
