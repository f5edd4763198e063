"""PURE. The printer behind the serial port: heaters, motion, modes, and what it has to say."""

import enum
import math
from collections.abc import Generator

from gotapi_printer.simulator.motion import Axes, Limits, Position, block_time
from gotapi_printer.simulator.planner import Planner
from gotapi_printer.simulator.sd_card import SdCard
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.temperature_text import temperature_text
from gotapi_printer.simulator.thermal import BED, CHAMBER, NOZZLE, Heater, HeaterKind

__all__ = ["CONTINUE", "Busy", "HaltedError", "Machine", "Repeat", "Task"]

# A host that never reads loses what comes after this, as it would on a real UART.
_TX_LIMIT = 4 * 1024 * 1024

# A command that takes time: it yields when it wants to go on (absolute time, s), and is also
# resumed early when something it may wait for has happened.
Task = Generator[float, None, None]


# The button of M600's last prompt that goes on; M108 means it, too.
CONTINUE = 1


class Busy(enum.Enum):
    """Why the running command holds its ok; the value is the text of the keepalive line."""

    PROCESSING = "busy: processing"
    USER = "busy: paused for user"


class HaltedError(Exception):
    """The firmware killed itself; only a reset helps. `prefix` is what Marlin says before it."""

    def __init__(self, reason: str, prefix: str = "Error:") -> None:
        super().__init__(reason)
        self.reason = reason
        self.prefix = prefix


class Machine:
    """The state that a reset clears. `now` is set by the firmware before anything runs."""

    def __init__(self, settings: Settings, now: float) -> None:
        self.settings = settings
        self.now = now
        self.tx = bytearray()
        self._end_of_line = settings.dialect.end_of_line
        self.nozzles = [_heater(NOZZLE, settings) for _ in range(settings.tools)]
        self.tool = 0
        self.bed = _heater(BED, settings) if settings.bed else None
        self.chamber = _heater(CHAMBER, settings) if settings.chamber else None
        self.card = None if settings.card is None else SdCard(settings.card)
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
        self.card_reports = Repeat()
        self.busy = Busy.PROCESSING
        self.waiting_for_heat = False
        self.waiting_for_user = False
        self.choice = 0  # the button of the last prompt that was answered
        # What M105 puts behind its ok.
        self.ok_suffix = ""

    @property
    def nozzle(self) -> Heater:
        """The heater of the tool in use."""
        return self.nozzles[self.tool]

    def keep(self, before: "Machine") -> None:
        """Take over what a reset does not change: hot metal, the card, what is on the wire."""
        before.now = self.now
        before.heaters_off()
        self.tx = before.tx
        self.nozzles, self.bed, self.chamber = before.nozzles, before.bed, before.chamber
        self.card = before.card
        if self.card is not None:
            self.card.forget()

    def say(self, text: str) -> None:
        """Send a line to the host."""
        if len(self.tx) < _TX_LIMIT:
            self.tx += (text + self._end_of_line).encode("latin-1", "replace")

    def echo(self, text: str) -> None:
        """Send a line with the `echo:` of the firmware before it."""
        self.say(self.settings.dialect.echo + text)

    def action(self, text: str) -> None:
        """Send a host action command, if the firmware knows them."""
        if self.settings.dialect.host_actions:
            self.say("//action:" + text)

    def temperatures(self) -> str:
        """The temperatures as M105, M155 and M109 print them, with the leading space."""
        form = self.settings.dialect.temperatures
        return temperature_text(form, self.nozzles, self.tool, self.bed, self.chamber, self.now)

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
        """Switch every heater off."""
        for heater in (*self.nozzles, self.bed, self.chamber):
            if heater is not None:
                heater.set_target(0, self.now)

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


def _heater(kind: HeaterKind, settings: Settings) -> Heater:
    broken = settings.broken_heater
    return Heater(kind, settings.ambient, instant=settings.instant, broken=broken)


class Repeat:
    """Something the firmware reports by itself every `interval` seconds."""

    def __init__(self) -> None:
        self.interval = 0.0
        self.due = math.inf

    def every(self, seconds: float, now: float) -> None:
        """Start with that interval, or stop with 0. Marlin allows at most 60 s."""
        self.interval = min(max(seconds, 0.0), 60.0)
        self.due = now + self.interval if self.interval else math.inf
