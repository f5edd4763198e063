"""PURE: the policy on the way to one printer, for its files and for single commands.

The driver's thread asks for every line; whoever looks a file through before it is printed uses an
Inspector, which judges it as the driver will. Times are seconds of one monotonic clock.
"""

from collections.abc import Callable, Iterator

import msgspec

from gotapi_printer.gcode import GcodeError
from gotapi_printer.marlin import Box
from gotapi_printer.policy import (
    NOTHING,
    Clamp,
    Hold,
    Pass,
    Policy,
    PolicyLimits,
    Refuse,
    Sender,
)

ARMED_FOR = 60.0
"""Seconds in which an armed printer takes what it refuses otherwise."""

MOST_NOTES = 20
"""Lines of a file that are told one by one; of the others only the number."""


class GuardSettings(msgspec.Struct, frozen=True):
    """What the operator set for one printer."""

    limits: PolicyLimits = PolicyLimits()
    safe: bool = True
    """False sends everything as it is."""
    skip: bool = False
    """Leave refused lines out instead of refusing the file."""
    box: Box | None = None
    """The build volume; None leaves it to what the firmware says."""


class Guard:
    """Stands before one printer over all its connections."""

    def __init__(self, settings: GuardSettings) -> None:
        self._settings = settings
        self._box = settings.box
        self._policy = self._new()
        self._armed_until = float("-inf")

    def _new(self) -> Policy | None:
        return Policy(self._settings.limits, self._box) if self._settings.safe else None

    def connected(self, box: Box | None) -> None:
        """A printer with this build volume begins to listen, in whatever modes it has."""
        self._box = self._settings.box or box
        self._policy = self._new()

    def forget(self) -> None:
        """The printer may be in any place and any modes."""
        self._policy = self._new()

    def arm(self, now: float) -> None:
        """Allow what is refused otherwise for ARMED_FOR seconds; any thread may."""
        self._armed_until = now + ARMED_FOR

    def armed(self, now: float) -> bool:
        """Whether refused commands are allowed now."""
        return now < self._armed_until

    @property
    def lost(self) -> bool:
        """Whether the printer should be asked where its nozzle is."""
        return self._policy is not None and self._policy.place.lost

    def report(self, position: tuple[float, float, float]) -> None:
        """Take the position the printer told."""
        if self._policy is not None:
            self._policy.report(position)

    def inspector(self, now: float) -> "Inspector | None":
        """What looks a file through, or None where everything is sent as it is."""
        if not self._settings.safe:
            return None
        policy = Policy(self._settings.limits, self._box)
        return Inspector(policy, armed=self.armed(now), skip=self._settings.skip)

    def lines(
        self, commands: Iterator[tuple[int, bytes]], *, armed: bool, hold: Callable[[str], None]
    ) -> Iterator[tuple[int, bytes]]:
        """The commands of a file as they may be sent; `hold` pauses the job before the next one.

        Raises GcodeError for one that is refused, which the look at the file did not find.
        """
        policy = self._policy
        if policy is None:
            yield from commands
            return
        plain, sender = policy.plain, Sender(armed=armed)
        for line, command in commands:
            if plain(command):
                yield line, command
            else:
                yield line, self._sent(policy, line, command, sender, hold)

    def _sent(
        self,
        policy: Policy,
        line: int,
        command: bytes,
        sender: Sender,
        hold: Callable[[str], None],
    ) -> bytes:
        decision = policy.judge(command, sender)
        if isinstance(decision, Pass | Clamp):
            return decision.line
        if isinstance(decision, Hold):
            hold(decision.text)
        elif not self._settings.skip:
            raise GcodeError(f"{_shown(command)} is refused: {decision.why}", line)
        return NOTHING

    def command(self, command: bytes, now: float, hottest: float | None) -> tuple[bytes, str]:
        """A command of a person or an application as it may be sent, and what was changed in it.

        Raises ValueError for one that may not.
        """
        if self._policy is None:
            return command, ""
        sender = Sender(console=True, armed=self.armed(now), hottest=hottest)
        decision = self._policy.judge(command, sender)
        if isinstance(decision, Pass):
            return decision.line, ""
        if isinstance(decision, Clamp):
            return decision.line, f"changed to {decision.line.decode()}: {decision.why}"
        why = decision.text if isinstance(decision, Hold) else decision.why
        raise ValueError(f"{_shown(command)} is refused: {why}")


class Inspector:
    """Looks one file through, line by line, and says what becomes of it."""

    def __init__(self, policy: Policy, *, armed: bool, skip: bool) -> None:
        self._policy = policy
        self._skip = skip
        self._sender = Sender(armed=armed)
        self.armed = armed
        self._refused: list[str] = []
        self._changed: list[str] = []
        self._counts = [0, 0]

    def see(self, command: bytes, line: int) -> None:
        """Take the next command; `line` is where it stands in the file, from 1."""
        if self._policy.plain(command):
            return
        match self._policy.judge(command, self._sender):
            case Refuse(why):
                self._counts[0] += 1
                _note(self._refused, f"line {line}: {_shown(command)}: {why}")
            case Clamp(sent, why):
                self._counts[1] += 1
                text = f"line {line}: {_shown(command)} becomes {sent.decode()}: {why}"
                _note(self._changed, text)

    def notes(self) -> tuple[str, ...]:
        """What is left out or changed. Raises GcodeError for a file that is refused."""
        refused = _listed(self._refused, self._counts[0])
        if refused and not self._skip:
            raise GcodeError(
                f"{self._counts[0]} of its lines may not be sent to this printer: "
                f"{'; '.join(refused)}. Change the start or end G-code of the slicer, or let the "
                "operator allow it"
            )
        left_out = [f"left out: {text}" for text in refused]
        return (*left_out, *_listed(self._changed, self._counts[1]))


def _note(notes: list[str], text: str) -> None:
    if len(notes) < MOST_NOTES:
        notes.append(text)


def _listed(notes: list[str], count: int) -> list[str]:
    more = count - len(notes)
    return [*notes, f"and {more} more"] if more else notes


def _shown(command: bytes) -> str:
    return command.decode("utf-8", "replace")[:60]
