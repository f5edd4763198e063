"""PURE. The printer behind the serial port: heaters, motion, modes, and what it has to say."""

import enum
import math
from collections.abc import Generator

from gotapi_printer.simulator.motion import Axes, Limits, Position, block_time
from gotapi_printer.simulator.planner import Planner
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.thermal import BED, NOZZLE, Heater

__all__ = ["Busy", "HaltedError", "Machine", "Repeat", "Task"]

# A host that never reads loses what comes after this, as it would on a real UART.
_TX_LIMIT = 4 * 1024 * 1024

# A command that takes time: it yields when it wants to go on (absolute time, s), and is also
# resumed early when something it may wait for has happened.
Task = Generator[float, None, None]


class Busy(enum.Enum):
    """Why the running command holds its ok; the value is the text of the keepalive line."""

    PROCESSING = "busy: processing"
    USER = "busy: paused for user"


class HaltedError(Exception):
    """The firmware killed itself; only a reset helps."""


class Machine:
    """The state that a reset clears. `now` is set by the firmware before anything runs."""

    def __init__(self, settings: Settings, now: float) -> None:
        self.settings = settings
        self.now = now
        self.tx = bytearray()
        heater = {"instant": settings.instant, "broken": settings.broken_heater}
        self.nozzle = Heater(NOZZLE, settings.ambient, **heater)
        self.bed = Heater(BED, settings.ambient, **heater)
        self.limits = Limits()
        self.place = Position()
        self.planner = Planner(settings.planner_blocks)
        self.fans: dict[int, int] = {}
        self.line_number = 0
        self.debug = 0
        self.cold_extrusion = settings.cold_extrusion
        self.progress: dict[str, int] = {}
        # Intervals in seconds; 0 is off.
        self.keepalive = 2.0
        self.temperature_reports = Repeat()
        self.position_reports = Repeat()
        self.busy = Busy.PROCESSING
        self.waiting_for_heat = False
        self.waiting_for_user = False
        # What M105 puts behind its ok.
        self.ok_suffix = ""

    def say(self, text: str) -> None:
        """Send a line to the host."""
        if len(self.tx) < _TX_LIMIT:
            self.tx += text.encode("latin-1", "replace") + b"\n"

    def echo(self, text: str) -> None:
        """Send a line with Marlin's `echo:` before it."""
        self.say("echo:" + text)

    def action(self, text: str) -> None:
        """Send a host action command."""
        self.say("//action:" + text)

    def temperatures(self) -> str:
        """The temperatures as M105, M155 and M109 print them, with the leading space."""
        now = self.now
        parts = [
            f" {name}:{heater.temperature(now):.2f} /{heater.target:.2f}"
            for name, heater in (("T", self.nozzle), ("B", self.bed))
        ]
        return f"{parts[0]}{parts[1]} @:{self.nozzle.power(now)} B@:{self.bed.power(now)}"

    def position_text(self) -> str:
        """The line of M114: logical position of the last queued move, then real step counts."""
        x, y, z, e = self.place.logical(self.place.axes)
        steps = [
            round(axis * per)
            for axis, per in zip(self.planner.position(self.now), self.limits.steps, strict=True)
        ]
        return (
            f"X:{x:.2f} Y:{y:.2f} Z:{z:.2f} E:{e:.2f} Count X:{steps[0]} Y:{steps[1]} Z:{steps[2]}"
        )

    def move(self, target: Axes, length: float | None = None) -> Task | None:
        """Queue a straight move, or an arc of that XY length; a task only if the ring is full."""
        origin = self.place.axes
        self.place.axes = target
        if self.settings.instant:
            self.planner.jump(target)
            return None
        if self.planner.moves_free(self.now):
            self._queue_move(origin, target, length)
            return None
        return self._move_later(origin, target, length)

    def synchronize(self) -> Task:
        """Wait until every move is done."""
        while (end := self.planner.idle_at()) > self.now:
            yield end

    def quick_stop(self) -> None:
        """M410: drop all moves; the position becomes where the tool stopped."""
        self.place.axes = self.planner.quick_stop(self.now)

    def home(self, axes: set[int]) -> None:
        """Put the tool at the endstops of these axes and forget their G92 shift."""
        native, shift = list(self.place.axes), list(self.place.shift)
        for axis in axes:
            native[axis] = shift[axis] = 0.0
        self.place.axes = (native[0], native[1], native[2], native[3])
        self.place.shift = (shift[0], shift[1], shift[2], shift[3])
        self.place.homed |= axes
        self.planner.jump(self.place.axes)

    def heaters_off(self) -> None:
        """Switch both heaters off."""
        self.nozzle.set_target(0, self.now)
        self.bed.set_target(0, self.now)

    def _queue_move(self, origin: Axes, target: Axes, length: float | None) -> None:
        delta = (
            target[0] - origin[0],
            target[1] - origin[1],
            target[2] - origin[2],
            target[3] - origin[3],
        )
        flat = math.hypot(delta[0], delta[1]) if length is None else length
        speed = self.place.feedrate * self.place.feed_percent / 100
        seconds, ending = block_time(
            delta, math.hypot(flat, delta[2]), speed, self.limits, self.planner.previous
        )
        # A move of no length takes no place in the ring, as in Marlin.
        if seconds > 0:
            self.planner.previous = ending
            self.planner.add(origin, target, seconds, self.now)

    def _move_later(self, origin: Axes, target: Axes, length: float | None) -> Task:
        stops = self.planner.stops
        while not self.planner.moves_free(self.now):
            yield self.planner.room_at(self.now)
        if self.planner.stops == stops:
            self._queue_move(origin, target, length)


class Repeat:
    """Something the firmware reports by itself every `interval` seconds."""

    def __init__(self) -> None:
        self.interval = 0.0
        self.due = math.inf

    def every(self, seconds: float, now: float) -> None:
        """Start with that interval, or stop with 0. Marlin allows at most 60 s."""
        self.interval = min(max(seconds, 0.0), 60.0)
        self.due = now + self.interval if self.interval else math.inf
