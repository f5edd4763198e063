"""PURE: what one line of G-code says, read so that no firmware can read it in another way.

Firmwares disagree about spaces, repeated letters, brackets and several commands on one line. A
line that two of them could understand differently is not guessed at: `read` raises Unclear.
"""

import re
from typing import NamedTuple

from gotapi_printer.marlin import MAX_COMMAND

TEXT_CODES = frozenset(("M0", "M1", "M16", "M117", "M118", "M486"))
"""Their argument is text for people, in which letters and digits are no words."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NUMBER = re.compile(rb"[Nn] *-?\d+ *")
_CHECKSUM = re.compile(rb" *\* *\d* *$")
# More digits than four could wrap around in a firmware's 16-bit number: 65640 is 104 there.
_CODE = re.compile(rb"([GMT]) *0*(\d{1,4})(?!\d)(\.\d{1,3}(?!\d))? *", re.IGNORECASE)
_WORD = re.compile(rb"([A-Z]) *([-+]?(?:\d+\.?\d*|\.\d+))? *", re.IGNORECASE)
_SECOND = re.compile(rb"[GM] *\d", re.IGNORECASE)
_LONG_NAME = re.compile(rb"[A-Z_]{2}[A-Z0-9_]*(?![^ ])", re.IGNORECASE)
_LONG_WORD = re.compile(rb" *([A-Z_][A-Z0-9_]*) *= *(\"[^\"]*\"|[^\s\"]+)", re.IGNORECASE)
# Tools of Prusa's MMU that are no number, and RepRapFirmware's no tool.
_TOOL_WORDS = {b"T?": "T?", b"TX": "Tx", b"TC": "Tc", b"T-1": "T-1"}
# The quirk this avoids: Marlin looks for M110 anywhere in a line, and for an N after it.
_RENUMBERS = re.compile(rb"M110", re.IGNORECASE)
_NOT_IN_TEXT = bytes.maketrans(b"\\\t", b"/ ")


class Unclear(ValueError):  # noqa: N818 - named for what the line is
    """A line that firmwares could read in different ways; the text says why."""


class Command(NamedTuple):
    """One command: its code in plain form (`G1`, or a long name in capitals) and what follows."""

    code: str
    sub: str
    """The sub-code with its dot (`.1`), or nothing."""
    rest: bytes
    """Everything after the code, without line number, checksum and comments."""
    long: bool = False
    """Whether the code is a name such as SET_HEATER_TEMPERATURE (Klipper)."""

    @property
    def head(self) -> bytes:
        """The code as it is sent."""
        return (self.code + self.sub).encode()


class Word(NamedTuple):
    """A letter and its number; the number is empty for a bare letter."""

    letter: str
    text: bytes

    @property
    def value(self) -> float | None:
        """The number, None for a bare letter."""
        return float(self.text) if self.text else None


def read(line: bytes) -> Command | None:
    """Read one line; None where nothing is left of it. Raises Unclear."""
    line = line.strip(b" \t\r\n")
    if _CONTROL.search(line):
        raise Unclear("it holds control characters; one line of plain text was expected")
    line, text = _framed(line.partition(b";")[0].replace(b"\t", b" ").strip(b" "))
    if not line:
        return None
    match = _CODE.match(line)
    if match is None:
        return _named(line)
    code = f"{match[1].decode().upper()}{int(match[2])}"
    sub, rest = (match[3] or b"").decode(), line[match.end() :]
    if code in TEXT_CODES:
        return Command(code, sub, _clean_text(rest if text else _CHECKSUM.sub(b"", rest)))
    rest = _without_brackets(_CHECKSUM.sub(b"", rest))
    _check_plain(rest)
    if _SECOND.search(rest):
        raise Unclear("it holds more than one command; write each on a line of its own")
    return Command(code, sub, rest)


def _framed(line: bytes) -> tuple[bytes, bool]:
    """The line without its number, and whether a `*` in it is part of its text."""
    match = _NUMBER.match(line)
    return (line, True) if match is None else (line[match.end() :], False)


def _named(line: bytes) -> Command:
    line = _CHECKSUM.sub(b"", line)
    if (tool := _TOOL_WORDS.get(line.upper())) is not None:
        return Command(tool, "", b"")
    match = _LONG_NAME.match(line)
    if match is None:
        raise Unclear("it does not begin with a command such as G1, M104 or T0")
    rest = line[match.end() :]
    _check_plain(rest)
    return Command(match[0].decode().upper(), "", rest.strip(b" "), long=True)


def _check_plain(rest: bytes) -> None:
    if not rest.isascii():
        raise Unclear("it holds characters that are no ASCII")
    if b"\\" in rest or b"*" in rest:
        raise Unclear("it holds a backslash or a star")


def _clean_text(text: bytes) -> bytes:
    return _RENUMBERS.sub(b"M 110", text.translate(_NOT_IN_TEXT)).strip(b" ")


def _without_brackets(rest: bytes) -> bytes:
    """The rest without comments in parentheses, which only some firmwares skip."""
    if b"(" not in rest and b")" not in rest:
        return rest
    kept, depth = bytearray(), 0
    for byte in rest:
        depth += (byte == 0x28) - (byte == 0x29)
        if depth < 0:
            raise Unclear("a parenthesis is closed that was never opened")
        if not depth:
            kept.append(0x20 if byte == 0x29 else byte)
    if depth:
        raise Unclear("a parenthesis is not closed")
    return bytes(kept).strip(b" ")


def words(command: Command) -> list[Word]:
    """The words behind a code, each letter once. Raises Unclear."""
    found: list[Word] = []
    seen: set[str] = set()
    place, rest = 0, command.rest
    while place < len(rest):
        match = _WORD.match(rest, place)
        if match is None:
            raise Unclear(f"it cannot be read from '{rest[place : place + 12].decode()}' on")
        letter = match[1].decode().upper()
        if letter in seen:
            # Marlin takes the last one or the first one, as it was compiled.
            raise Unclear(f"it gives {letter} more than once")
        seen.add(letter)
        found.append(Word(letter, match[2] or b""))
        place = match.end()
    return found


def long_words(command: Command) -> dict[str, str]:
    """The `NAME=value` words behind a long name, names in capitals. Raises Unclear."""
    found: dict[str, str] = {}
    place, rest = 0, command.rest
    while place < len(rest):
        match = _LONG_WORD.match(rest, place)
        if match is None:
            raise Unclear(f"it cannot be read from '{rest[place : place + 12].decode()}' on")
        name = match[1].decode().upper()
        if name in found:
            raise Unclear(f"it gives {name} more than once")
        found[name] = match[2].decode().strip('"')
        place = match.end()
    return found


def written(command: Command, parts: list[Word]) -> bytes:
    """A command in the form that every firmware reads alike: `M104 S200 T1`. Raises Unclear."""
    return fitting(b" ".join([command.head, *(word.letter.encode() + word.text for word in parts)]))


def joined(command: Command) -> bytes:
    """A command with what follows it as it was. Raises Unclear."""
    return fitting(command.head + b" " + command.rest if command.rest else command.head)


def fitting(line: bytes) -> bytes:
    """The line, if the printer takes it whole. Raises Unclear."""
    if len(line) > MAX_COMMAND:
        raise Unclear(f"it has {len(line)} bytes, and a printer takes {MAX_COMMAND}")
    return line


def number(value: float) -> bytes:
    """A number without exponent and needless zeros."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return b"0" if text in ("", "-0") else text.encode()
