"""PURE: what one line from a printer means.

Covers Marlin and the dialects of its family. A line nobody knows is `Noise` and never an ok: a
merged or damaged line must not look like a credit.
"""

import re
from collections.abc import Mapping

import msgspec

from gotapi_printer.marlin.temperatures import Temperature, parse_targets, parse_temperatures

# USB chips and bootloaders send stray bytes in front of the first real line.
_GARBAGE = bytes([*range(0x21), *range(0x7F, 0x100)])

_OK = re.compile(rb"ok(?![A-Za-z0-9_])")
# Repetier says the number without its letter.
_ADVANCED = re.compile(rb"ok(?: N?(\d{1,10}))?(?: P(\d{1,4}))?(?: B(\d{1,4}))?\s*$")
_RESEND = re.compile(rb"(?:resend|rs)\b[:\s]*N?(\d{1,10})", re.IGNORECASE)
_BUSY = re.compile(rb"(?:echo:)?\s*busy:\s*(.*)", re.IGNORECASE)
_ACTION = re.compile(rb"//\s*action:\s*(\S+)\s*(.*)")
_ERROR = re.compile(rb"error:\s*(.*)", re.IGNORECASE)
_CAPABILITY = re.compile(rb"Cap:([A-Z0-9_]+):([01])\b")
_POSITION = re.compile(rb"X:")
_AXIS = re.compile(rb"(?:^|\s)([XYZE])\d?:\s*(-?\d+(?:\.\d*)?)")

_RESETS = frozenset(
    (
        b"start",
        b"PowerUp",
        b"External Reset",
        b"Brown out Reset",
        b"Watchdog Reset",
        b"Software Reset",
        b"Smoothie",
        b"// Klipper state: Ready",
        b"// Klipper state: Disconnect",
    )
)

_FATAL = re.compile(
    rb"kill\(\) called|printer halted|thermal runaway|heating failed|maxtemp|mintemp"
    rb"|invalid extruder number|watchdog|(?:probing|homing) failed",
    re.IGNORECASE,
)
_FATAL_ECHO = re.compile(
    rb"(?:echo:\s*|// Klipper state: )((?:probing|homing) failed.*|shutdown)", re.IGNORECASE
)


class Ok(msgspec.Struct, frozen=True):
    """One line was taken. `number`, `planner` and `slots` come with ADVANCED_OK only."""

    number: int | None = None
    planner: int | None = None
    slots: int | None = None
    temperatures: tuple[Temperature, ...] = ()
    text: str = ""


class Resend(msgspec.Struct, frozen=True):
    """The printer wants the lines from `number` on again."""

    number: int


class Busy(msgspec.Struct, frozen=True):
    """The printer is working, or waits for its user: `processing`, `paused for user` ..."""

    what: str


class Wait(msgspec.Struct, frozen=True):
    """The printer's command queue is empty."""


class Restarted(msgspec.Struct, frozen=True):
    """The firmware has started anew and forgot all it was told."""

    text: str


class Temperatures(msgspec.Struct, frozen=True):
    """A temperature report that is not part of an ok."""

    values: tuple[Temperature, ...]


class Targets(msgspec.Struct, frozen=True):
    """What heaters shall reach, by sensor, in degrees Celsius; said without what they have."""

    values: Mapping[str, float]


class Position(msgspec.Struct, frozen=True):
    """Where the head is, in millimetres, by axis letter (M114; the values before `Count`)."""

    axes: Mapping[str, float]


class Identification(msgspec.Struct, frozen=True):
    """The first line of the answer to M115, or a line of its `area:` report."""

    text: str


class Capability(msgspec.Struct, frozen=True):
    """One `Cap:NAME:0|1` line of the answer to M115."""

    name: str
    present: bool


class Action(msgspec.Struct, frozen=True):
    """A host action, such as `pause` or `prompt_begin` with its text."""

    name: str
    text: str


class Comment(msgspec.Struct, frozen=True):
    """A `//` line: text of the firmware for a person."""

    text: str


class ErrorLine(msgspec.Struct, frozen=True):
    """The printer reports an error; after a fatal one it does nothing until it is reset."""

    text: str
    fatal: bool
    loud: bool = False
    """It was said with `!!`, which not every firmware keeps for fatal ones."""
    refused: bool = False
    """The firmware did not carry out a command, and goes on with the next one."""


class Noise(msgspec.Struct, frozen=True):
    """Any other line: echo, boot text, or damage."""

    text: str


Reply = (
    Ok
    | Resend
    | Busy
    | Wait
    | Restarted
    | Temperatures
    | Targets
    | Position
    | Identification
    | Capability
    | Action
    | Comment
    | ErrorLine
    | Noise
)


def classify(line: bytes) -> Reply:
    """Say what a line means; any bytes are allowed."""
    line = line.lstrip(_GARBAGE).rstrip()
    if _OK.match(line):
        return _ok(line)
    for read in (_flow, _error, _comment, _report):
        if (reply := read(line)) is not None:
            return reply
    return Noise(_text(line))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def _number(raw: bytes | None) -> int | None:
    return None if raw is None else int(raw)


def _ok(line: bytes) -> Ok:
    if match := _ADVANCED.match(line):
        number, planner, slots = map(_number, match.groups())
        return Ok(number, planner, slots)
    rest = line[2:]
    return Ok(temperatures=parse_temperatures(rest), text=_text(rest))


def _flow(line: bytes) -> Reply | None:
    if match := _RESEND.match(line):
        return Resend(int(match[1]))
    if match := _BUSY.match(line):
        return Busy(_text(match[1]))
    if line == b"wait":
        return Wait()
    if line in _RESETS:
        return Restarted(_text(line))
    return None


def _comment(line: bytes) -> Reply | None:
    if match := _ACTION.match(line):
        return Action(_text(match[1]).lower(), _text(match[2]))
    if line.startswith(b"//"):
        return Comment(_text(line[2:]))
    return None


def _error(line: bytes) -> Reply | None:
    if line.startswith(b"!!"):
        return ErrorLine(_text(line[2:]), True, loud=True)
    if match := _ERROR.match(line):
        return ErrorLine(_text(match[1]), bool(_FATAL.search(line)))
    if line[:6].lower() == b"fatal:":
        return ErrorLine(_text(line[6:]), True)
    if match := _FATAL_ECHO.match(line):
        return ErrorLine(_text(match[1]), True)
    return None


def _report(line: bytes) -> Reply | None:
    if values := parse_temperatures(line):
        return Temperatures(values)
    if targets := parse_targets(line):
        return Targets(targets)
    if _POSITION.match(line):
        return _position(line)
    if match := _CAPABILITY.match(line):
        return Capability(_text(match[1]), match[2] == b"1")
    if line.startswith((b"FIRMWARE_NAME:", b"area:{", b"NAME. ")):
        return Identification(_text(line))
    return None


def _position(line: bytes) -> Position | None:
    pairs = _AXIS.findall(line.split(b"Count", 1)[0])
    if {axis for axis, _ in pairs} < {b"X", b"Y", b"Z"}:
        return None
    return Position({axis.decode(): float(value) for axis, value in pairs})


def joined(error: ErrorLine, following: bytes) -> ErrorLine | None:
    """The whole of an error that an old firmware split over two lines, or None.

    `Error:0` and then `: Extruder switched off. MAXTEMP triggered !`.
    """
    if not error.text.isdigit() or not following.lstrip(_GARBAGE).startswith(b":"):
        return None
    return ErrorLine(f"{error.text} {_text(following)}", bool(_FATAL.search(following)))
