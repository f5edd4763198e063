"""PURE: which lines may go to a printer: every line is passed, changed, held or refused.

The policy reads a line as the firmware will, and what it passes is written so that every firmware
reads it alike. It follows the modes and the position of the printer, so one Policy sees all lines
of one connection, in their order.
"""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, NamedTuple

import msgspec

from gotapi_printer.marlin import Box
from gotapi_printer.policy_place import AXES, Place
from gotapi_printer.policy_rules import (
    ARCS,
    FILE_REFUSED,
    HEATING,
    HOLDS,
    LONG_HEATING,
    LONG_OFFSET,
    MODES,
    MOST_OFFSET,
    MOVES,
    NUMBERING,
    PERCENT,
    REFUSED,
    REFUSED_WITH,
    TOWARDS,
    WANDERING,
    heater_of,
)
from gotapi_printer.policy_words import (
    TEXT_CODES,
    Command,
    Unclear,
    Word,
    fitting,
    joined,
    long_words,
    number,
    read,
    words,
    written,
)

NOTHING = b"M105"
"""Sent in the place of a line that is left out, so that the lines still count the same."""

COOL = 50.0
"""Degrees Celsius below which the power may be switched off."""

_SQUASHED = 10.0
"""Millimetres by which a move that extrudes may be pulled back: slicers prime beside the bed."""

_TIMED = re.compile(rb"[PS] *\d", re.IGNORECASE)


class PolicyLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The highest targets in degrees Celsius."""

    nozzle: Annotated[float, msgspec.Meta(ge=0, le=600)] = 260.0
    bed: Annotated[float, msgspec.Meta(ge=0, le=300)] = 110.0
    chamber: Annotated[float, msgspec.Meta(ge=0, le=200)] = 60.0

    def of(self, heater: str) -> float:
        """The limit of `nozzle`, `bed` or `chamber`."""
        limits = {"nozzle": self.nozzle, "bed": self.bed, "chamber": self.chamber}
        return limits[heater]


class Pass(NamedTuple):
    """Send this; nothing of its meaning was changed."""

    line: bytes


class Clamp(NamedTuple):
    """Send this instead: a number was over its limit."""

    line: bytes
    why: str


class Hold(NamedTuple):
    """Pause the job here, and tell the user this; the printer gets nothing."""

    text: str


class Refuse(NamedTuple):
    """Do not send it."""

    why: str


Decision = Pass | Clamp | Hold | Refuse


class Sender(NamedTuple):
    """Who sends a line: a file or, with `console`, a person or an application."""

    console: bool = False
    armed: bool = False
    """An operator allowed what is refused otherwise; limits still count."""
    hottest: float | None = None
    """Degrees Celsius, for `M81`; None where it is unknown."""


FILE = Sender()


class Policy:
    """Judges the lines of one connection; `box` is the build volume (None: not checked)."""

    def __init__(self, limits: PolicyLimits, box: Box | None = None) -> None:
        self._limits = limits
        self.place = Place(box)
        self._regex = re.compile(_plain_move(box))
        self._match: Callable[[bytes], re.Match[bytes] | None] = self._regex.fullmatch
        self._last: list[bytes | None] = [None, None, None]
        self._state = (False, False)

    def plain(self, line: bytes) -> bool:
        """Whether a line is a simple move inside; what 99 of 100 lines are, so this is fast."""
        match = self._match(line)
        if match is None:
            return False
        x, y, z = match.group(1, 2, 3)
        last = self._last
        if x is not None:
            last[0] = x
        if y is not None:
            last[1] = y
        if z is not None:
            last[2] = z
        return True

    def report(self, position: Iterable[float]) -> None:
        """Take the position the printer told (x, y, z)."""
        self._settle()
        self.place.report(position)

    def judge(self, line: bytes, sender: Sender = FILE) -> Decision:
        """Say what becomes of a line; what is passed or changed counts as sent."""
        if self.plain(line):
            return Pass(line)
        self._settle()
        try:
            decision = self._judge(line, sender)
        except Unclear as error:
            return Refuse(str(error))
        finally:
            plain = self.place.plain
            self._match = self._regex.fullmatch if plain else _never
        return decision

    def _settle(self) -> None:
        """Bring what the simple moves did to the place."""
        for axis, value in enumerate(self._last):
            if value is not None:
                self.place.move({AXES[axis]: float(value)})
                self._last[axis] = None

    def _judge(self, line: bytes, sender: Sender) -> Decision:
        command = read(line)
        if command is None:
            return Pass(NOTHING)
        if (why := _refused(command, sender)) is not None:
            return Refuse(why)
        if command.long:
            return self._long(command)
        if command.code in HOLDS and not _TIMED.match(command.rest):
            return self._hold(command, sender)
        if command.code in TEXT_CODES:
            return Pass(joined(command))
        return self._coded(command, line, sender)

    def _hold(self, command: Command, sender: Sender) -> Decision:
        if sender.console:
            return Refuse("it would block the printer; pause the job instead")
        return Hold(command.rest.decode("utf-8", "replace") or "the file asks for a pause")

    def _coded(self, command: Command, line: bytes, sender: Sender) -> Decision:
        code = command.code
        if code in MOVES or code in ARCS:
            return self._move(command, words(command))
        if code in HEATING:
            return self._heat(command, words(command))
        if code in PERCENT:
            return _percent(command, words(command))
        if code in MODES:
            return self._mode(command)
        handler = _SPECIAL.get(code)
        decision = None if handler is None else handler(self, command, words(command))
        if decision is None and code in TOWARDS:
            decision = self._toward(command, words(command))
        decision = decision or Pass(joined(command))
        if (code in WANDERING or code in REFUSED) and not isinstance(decision, Refuse):
            self.place.forget()
        return decision

    # -- moves ----------------------------------------------------------------------------------

    def _move(self, command: Command, parts: list[Word]) -> Decision:
        values = _values(parts, "XYZEFIJR")
        changes = self.place.clamped(values)
        if command.code in ARCS:
            clockwise = command.code == "G2"
            if changes or not self.place.arc_stays_inside(values, clockwise=clockwise):
                return Refuse("the arc leaves the build volume")
        if changes and "E" in values and self._squashes(values, changes):
            return Refuse("it prints outside the build volume; slice for this printer")
        kept = [
            Word(word.letter, number(changes[word.letter])) if word.letter in changes else word
            for word in parts
        ]
        line = written(command, kept)
        self.place.move(values | changes)
        return Clamp(line, "it would leave the build volume") if changes else Pass(line)

    def _squashes(self, values: dict[str, float], changes: dict[str, float]) -> bool:
        unit = 25.4 if self.place.inches else 1.0
        return any(abs(values[axis] - changes[axis]) * unit > _SQUASHED for axis in changes)

    def _toward(self, command: Command, parts: list[Word]) -> Decision | None:
        values = _values(parts, AXES)
        if command.code == "M600":
            # Its Z is how far to lift.
            values.pop("Z", None)
        if self.place.clamped(values):
            return Refuse("it would leave the build volume")
        return None

    def _mode(self, command: Command) -> Decision:
        place = self.place
        if command.code in ("G90", "G91"):
            place.relative = command.code == "G91"
        else:
            place.inches = command.code == "G20"
        return Pass(command.head)

    def _home(self, command: Command, parts: list[Word]) -> Decision:
        line = written(command, parts)
        self.place.home([word.letter for word in parts if word.letter in AXES] or AXES)
        return Pass(line)

    def _name_place(self, command: Command, parts: list[Word]) -> Decision:
        if command.sub == ".1":
            self.place.plain_shift()
            return Pass(command.head)
        if command.sub or not parts:
            raise Unclear("firmwares disagree about G92 in this form; write G92 E0 or its like")
        line = written(command, parts)
        self.place.name(_values(parts, AXES))
        return Pass(line)

    # -- numbers --------------------------------------------------------------------------------

    def _heat(self, command: Command, parts: list[Word]) -> Decision:
        letters, kept, why = HEATING[command.code], list(parts), ""
        for place, word in enumerate(parts):
            heater, value = letters.get(word.letter), word.value
            if heater is None or value is None:
                continue
            limit = self._limits.of(heater)
            if not 0.0 <= value <= limit:
                kept[place] = Word(word.letter, number(min(max(value, 0.0), limit)))
                why = f"the limit of the {heater} is 0 to {limit:g} degrees"
        line = written(command, kept)
        return Clamp(line, why) if why else Pass(line)

    def _endstops(self, command: Command, parts: list[Word]) -> Decision:
        if any(word.letter == "S" and int(word.value or 0.0) == 0 for word in parts):
            return Refuse("it turns the limits of the axes off")
        return Pass(written(command, parts))

    def _cold(self, command: Command, parts: list[Word]) -> Decision:
        for word in parts:
            cold = word.letter == "P" and word.value != 0.0
            if cold or (word.letter == "S" and (word.value or 0.0) < 170.0):
                return Refuse("it lets cold filament be pushed")
        return Pass(written(command, parts))

    def _unit(self, command: Command, parts: list[Word]) -> Decision:
        if all(word.letter == "C" for word in parts):
            return Pass(written(command, parts))
        return Refuse("it changes the unit of temperatures; write degrees Celsius")

    def _plane(self, command: Command, parts: list[Word]) -> Decision:
        return Refuse("arcs are checked in the XY plane only")

    # -- Klipper --------------------------------------------------------------------------------

    def _long(self, command: Command) -> Decision:
        if command.code == LONG_HEATING:
            return self._long_heat(command, long_words(command))
        if command.code == LONG_OFFSET:
            given = long_words(command)
            offsets = [_long_number(given[name]) for name in given if name[0] in AXES]
            if any(abs(offset) > MOST_OFFSET for offset in offsets):
                return Refuse(f"it shifts everything by more than {MOST_OFFSET:g} mm")
        line = joined(command)
        if command.code == "SAVE_GCODE_STATE":
            self._state = (self.place.relative, self.place.inches)
        if command.code == "RESTORE_GCODE_STATE":
            self.place.relative, self.place.inches = self._state
            self.place.forget()
        return Pass(line)

    def _long_heat(self, command: Command, given: dict[str, str]) -> Decision:
        target = _long_number(given.get("TARGET", "0"))
        limit = self._limits.of(heater := heater_of(given.get("HEATER", "").lower()))
        parts = [f"{name}={value}" for name, value in given.items() if name != "TARGET"]
        kept = number(min(max(target, 0.0), limit)).decode()
        line = fitting(" ".join([command.code, *parts, f"TARGET={kept}"]).encode())
        if 0.0 <= target <= limit:
            return Pass(line)
        return Clamp(line, f"the limit of the {heater} is 0 to {limit:g} degrees")


_SPECIAL: dict[str, Callable[[Policy, Command, list[Word]], Decision]] = {
    "G17": lambda policy, command, parts: Pass(command.head),
    "G18": Policy._plane,
    "G19": Policy._plane,
    "G28": Policy._home,
    "G92": Policy._name_place,
    "M149": Policy._unit,
    "M211": Policy._endstops,
    "M302": Policy._cold,
}


def _never(line: bytes) -> None:
    """Match nothing: the numbers of a move are not the machine's own now."""


def _refused(command: Command, sender: Sender) -> str | None:
    """Why a command is not sent at all, by the tables."""
    code = command.code
    if code in NUMBERING:
        return "line numbers are the hub's own"
    if sender.armed:
        return None
    if (why := REFUSED.get(code)) is not None:
        return why
    if code == "M81" and sender.console:
        cool = sender.hottest is not None and sender.hottest < COOL
        return None if cool else f"it may go out only below {COOL:g} degrees"
    if not sender.console and (why := FILE_REFUSED.get(code)) is not None:
        return why
    if code in REFUSED_WITH:
        letters, why = REFUSED_WITH[code]
        if any(word.letter in letters for word in words(command)):
            return why
    return None


def _percent(command: Command, parts: list[Word]) -> Decision:
    low, high = PERCENT[command.code]
    kept, why = list(parts), ""
    for place, word in enumerate(parts):
        value = word.value
        if word.letter == "S" and value is not None and not low <= value <= high:
            kept[place] = Word("S", number(min(max(value, low), high)))
            why = f"the range is {low:g} to {high:g} percent"
    line = written(command, kept)
    return Clamp(line, why) if why else Pass(line)


def _values(parts: list[Word], letters: str) -> dict[str, float]:
    """The numbers of these letters. Raises Unclear for one without a number."""
    found: dict[str, float] = {}
    for word in parts:
        if word.letter in letters:
            if word.value is None:
                raise Unclear(f"{word.letter} has no number")
            found[word.letter] = word.value
    return found


def _long_number(text: str) -> float:
    if not re.fullmatch(r"[-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})", text):
        raise Unclear(f"'{text[:20]}' is no plain number")
    return float(text)


# -- the fast path --------------------------------------------------------------------------------

_ANY = rb"-?(?:\d{1,5}(?:\.\d{0,6})?|\.\d{1,6})"
_SPEED = rb"(?: F\d{1,6}(?:\.\d{0,3})?)?"


def _plain_move(box: Box | None) -> bytes:
    """A pattern of absolute moves that end inside; its groups are X, Y and Z."""
    axes = b"".join(
        rb"(?: %b(%b))?" % (letter.encode(), _inside(box, axis)) for axis, letter in enumerate(AXES)
    )
    return rb"G[01]" + _SPEED + axes + rb"(?: E" + _ANY + rb")?" + _SPEED


def _inside(box: Box | None, axis: int) -> bytes:
    """A pattern of the numbers from 0 to below the end of an axis, as far as that is quick."""
    if box is None:
        return _ANY
    if box.low[axis] > 0.0 or box.high[axis] < 1.0:
        return rb"(?!)"
    return rb"(?:(?:%b)(?:\.\d{0,6})?|\.\d{1,6})" % _below(int(box.high[axis]))


def _below(end: int) -> bytes:
    """A pattern of the whole numbers from 0 to below `end`, without leading zeros."""
    digits = str(end - 1)
    ways = [rb"\d"] if len(digits) > 1 else []
    ways += [rb"[1-9]\d{%d}" % more for more in range(1, len(digits) - 1)]
    for place, digit in enumerate(digits):
        # The same beginning, then a smaller digit, then anything.
        low = 1 if place == 0 and len(digits) > 1 else 0
        if int(digit) > low:
            rest = len(digits) - place - 1
            ways.append(
                digits[:place].encode() + rb"[%d-%d]" % (low, int(digit) - 1) + rb"\d" * rest
            )
    return b"|".join([*ways, digits.encode()])
