"""PURE: in what state a file has brought the printer after some of its commands.

Lengths are millimetres, feed rates millimetres a minute, temperatures degrees Celsius. Commands
are read as `policy_words` does; one that firmwares disagree about changes nothing here, as the
policy does not send it either.
"""

import re
from collections.abc import Iterable

from gotapi_printer.motion_modes import Modes, modes_after
from gotapi_printer.policy_rules import WANDERING
from gotapi_printer.policy_words import Command, Unclear, read, words

AXES = "XYZ"

_INCH = 25.4
_NUMBER = rb"(-?(?:\d+(?:\.\d*)?|\.\d+))"
_PLAIN = re.compile(
    rb"G[01](?: F%b)?(?: X%b)?(?: Y%b)?(?: Z%b)?(?: E%b)?(?: F%b)?" % ((_NUMBER,) * 6)
)
_SETTINGS = frozenset(
    ("M201", "M203", "M204", "M205", "M207", "M208", "M220", "M221", "M566", "M572", "M593", "M900")
)
"""Speeds, accelerations, flow, retraction and pressure advance; their last values are kept."""


class PrintState:
    """What earlier commands left for the later ones; begins as a firmware does."""

    def __init__(self) -> None:
        self.count = 0
        """Commands taken."""
        self.modes = Modes()
        self.feed: float | None = None
        self.place: dict[str, float | None] = dict.fromkeys(AXES)
        """Where the nozzle is by the file's own numbers; None is unknown."""
        self.shift: dict[str, float] = dict.fromkeys(AXES, 0.0)
        """What G92 added to the machine's coordinates."""
        self.filament = 0.0
        self.tool = 0
        self.nozzles: dict[int, float] = {}
        self.bed = self.chamber = 0.0
        self.fans: dict[int, float] = {}
        self.settings: dict[str, dict[str, str]] = {}
        self.retracted = False
        """Whether the firmware holds the filament back (G10)."""
        self.levelled = False
        self.printed = False
        """Whether anything was extruded along a way."""

    def take(self, command: bytes) -> None:
        """Take the next command as done."""
        self.count += 1
        match = _PLAIN.fullmatch(command)
        if match is not None:
            first, x, y, z, e, last = match.groups()
            given = {"X": x, "Y": y, "Z": z, "E": e, "F": last or first}
            self._move({letter: float(text) for letter, text in given.items() if text is not None})
            return
        try:
            parsed = read(command)
            if parsed is not None and not parsed.long:
                self._take(parsed, command)
        except Unclear:
            return

    def _take(self, command: Command, line: bytes) -> None:
        code = command.code
        if code[0] == "T":
            if code[1:].isdigit():
                self.tool = int(code[1:])
            return
        if code in ("G90", "G91", "M82", "M83", "G20", "G21"):
            self.modes = modes_after([line], self.modes)
            return
        if code in ("M117", "M118", "M0", "M1", "M486"):
            return
        given = {word.letter: word.value for word in words(command)}
        numbers = {letter: value for letter, value in given.items() if value is not None}
        match code:
            case "G0" | "G1" | "G2" | "G3":
                self._move(numbers)
            case "G92":
                self._name(numbers, sub=command.sub, bare=not given)
            case "G28":
                self._home([axis for axis in AXES if axis in given] or list(AXES))
            case "G10" | "G11":
                self._hold_back(code, numbers)
            case "M106" | "M107":
                self.fans[int(numbers.get("P", 0))] = (
                    numbers.get("S", 255.0) if code == "M106" else 0.0
                )
            case "M420":
                self.levelled = numbers.get("S", 1.0 if self.levelled else 0.0) != 0.0
            case _ if code in _SETTINGS:
                kept = self.settings.setdefault(code, {})
                kept.update({word.letter: word.text.decode() for word in words(command)})
            case _:
                self._heat(code, numbers)
        if code in ("G29", "G80"):
            self.levelled = True
        if code in WANDERING:
            self.place = dict.fromkeys(AXES)

    def _heat(self, code: str, numbers: dict[str, float]) -> None:
        target = numbers.get("S", numbers.get("R"))
        if target is None:
            return
        match code:
            case "M104" | "M109":
                self.nozzles[int(numbers.get("T", self.tool))] = target
            case "M568":
                self.nozzles[int(numbers.get("P", self.tool))] = target
            case "M140" | "M190":
                self.bed = target
            case "M141" | "M191":
                self.chamber = target

    def _hold_back(self, code: str, numbers: dict[str, float]) -> None:
        if "P" in numbers:
            # RepRapFirmware: the temperatures of a tool.
            if {"S", "R"} & numbers.keys():
                self.nozzles[int(numbers["P"])] = numbers.get("S", numbers.get("R", 0.0))
        else:
            self.retracted = code == "G10"

    def _home(self, axes: list[str]) -> None:
        for axis in axes:
            self.place[axis], self.shift[axis] = None, 0.0

    def _name(self, numbers: dict[str, float], *, sub: str, bare: bool) -> None:
        if sub:
            return  # the policy sends only G92.1, which firmwares for printing do not have
        if bare:
            numbers = dict.fromkeys((*AXES, "E"), 0.0)
        for axis in AXES:
            if axis in numbers:
                value, known = numbers[axis] * self._unit, self.place[axis]
                self.shift[axis] += value - (known or 0.0)
                self.place[axis] = value
        if "E" in numbers:
            self.filament = numbers["E"] * self._unit

    @property
    def _unit(self) -> float:
        return _INCH if self.modes.inches else 1.0

    def _move(self, numbers: dict[str, float]) -> None:
        unit, moved = self._unit, False
        for axis in AXES:
            if axis in numbers:
                value, known = numbers[axis] * unit, self.place[axis]
                if self.modes.absolute:
                    self.place[axis] = value
                elif known is not None:
                    self.place[axis] = known + value
                moved = moved or axis != "Z"
        if "F" in numbers and numbers["F"] > 0.0:
            self.feed = numbers["F"] * unit
        if "E" in numbers:
            before, value = self.filament, numbers["E"] * unit
            self.filament = value if self.modes.absolute_e else before + value
            self.printed = self.printed or (moved and self.filament > before)


def state_after(commands: Iterable[bytes]) -> PrintState:
    """Return the state after some commands."""
    state = PrintState()
    for command in commands:
        state.take(command)
    return state
