"""PURE: what a connection does for safety beside its job: policy, heaters, the printer's own timer.

It is told what happens and says which commands are due; times are seconds of one monotonic clock.
"""

from collections.abc import Callable, Iterable

from gotapi_printer.gcode import FileFacts
from gotapi_printer.guard import Guard
from gotapi_printer.heater_watch import HeaterWatch
from gotapi_printer.idle_timer import IdleTimer
from gotapi_printer.marlin import Firmware, Position, Temperature
from gotapi_printer.requests import Commands

LOCATE = b"M114"
LOCATE_EVERY = 2.0
"""Seconds between two questions for the position while it is unknown."""


class Care:
    """The care of one connection; without a guard every line passes."""

    def __init__(self, guard: Guard | None, idle_off: int) -> None:
        self._guard = guard
        self._idle_off = idle_off
        self._watch = HeaterWatch()
        self._timer = IdleTimer(idle_off)
        self._located_at = float("-inf")
        self._nozzles: dict[str, float | None] = {}
        self.hold_text = ""
        """Why the file wants a pause, until somebody took it from here."""

    @property
    def warning(self) -> str:
        """What is wrong with the heaters, or nothing."""
        return self._watch.warning

    @property
    def hot(self) -> bool:
        """Whether any heater is on."""
        return self._watch.hot

    def begin(self, firmware: Firmware) -> bytes | None:
        """The printer is known: forget what was; the command to send, whose answer comes back."""
        self._watch = HeaterWatch()
        self._timer = IdleTimer(self._idle_off)
        if self._guard is not None:
            self._guard.connected(firmware.full_area or firmware.work_area)
        return self._timer.ask() if firmware.dialect.knows("M85") else None

    # -- what happens -------------------------------------------------------------------------

    def take_temperatures(self, values: Iterable[Temperature], now: float) -> None:
        """Take a report."""
        values = tuple(values)
        self._watch.take(values, now)
        self._nozzles |= {one.name: one.actual for one in values if one.name[:1] == "T"}

    def take_position(self, position: Position) -> None:
        """Take where the printer says it is."""
        axes = position.axes
        if self._guard is not None and {"X", "Y", "Z"} <= axes.keys():
            self._guard.report((axes["X"], axes["Y"], axes["Z"]))

    def heard(self, text: str) -> None:
        """Take a line that means nothing else."""
        self._timer.heard(text)

    def answered(self) -> None:
        """The command of `begin` was taken."""
        self._timer.answered()

    def due(self, now: float, *, printing: bool, paused: bool) -> list[bytes]:
        """The commands that are due now."""
        commands = self.timer(on=not paused and (printing or self.hot))
        lost = self._guard is not None and self._guard.lost
        if lost and now - self._located_at >= LOCATE_EVERY:
            self._located_at = now
            commands.append(LOCATE)
        return commands

    def timer(self, *, on: bool) -> list[bytes]:
        """The command that lets the printer's own timer run or not, if it does not do so yet."""
        command = self._timer.wants(on=on)
        return [] if command is None else [command]

    def wandered(self) -> None:
        """The printer does something by itself: its modes and its place are unknown."""
        if self._guard is not None:
            self._guard.forget()

    # -- the policy ---------------------------------------------------------------------------

    def source(
        self, facts: FileFacts, hold: Callable[[str], None]
    ) -> Callable[[Commands], Commands]:
        """What the commands of a file go through."""
        guard = self._guard
        self.hold_text = ""
        if guard is None:
            return lambda source: source
        return lambda source: guard.lines(source, armed=facts.armed, hold=hold)

    def judged(self, command: bytes, now: float) -> tuple[bytes, str]:
        """A single command as it may be sent, and what was changed; raises ValueError."""
        if self._guard is None:
            return command, ""
        known = [actual for actual in self._nozzles.values() if actual is not None]
        return self._guard.command(command, now, max(known, default=None))
