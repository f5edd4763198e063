"""PURE. Serial lines: assembling them from bytes and judging line number and checksum.

The order of the checks is Marlin's (`queue.cpp`): number, duplicate, checksum, missing checksum.
"""

import enum
import re

from gotapi_printer.simulator.dialects import LineRules

__all__ = ["Assembler", "Verdict", "checksum", "command_text", "judge", "unnumbered_text"]

# strtol on AVR saturates at 32 bits.
_LONG_MAX = 2**31 - 1
_MARLIN = LineRules()
_INTEGER = re.compile(rb"\s*([-+]?\d+)")
_NUMBER = re.compile(rb"N *-?\d* *")
_TAIL = re.compile(rb" *\*\d+ *$")


class Verdict(enum.Enum):
    """What becomes of a line; the value of a refusal is Marlin's text."""

    ACCEPT = ""
    DUPLICATE = "dropped without a word"
    LINE_NUMBER = "Line Number is not Last Line Number+1"
    CHECKSUM = "checksum mismatch"
    NO_CHECKSUM = "No Checksum with line number"


def checksum(data: bytes) -> int:
    """The XOR of all bytes; folds one big integer instead of looping over the bytes."""
    value, width = int.from_bytes(data), len(data)
    while width > 1:
        width = (width + 1) // 2
        value = (value >> (8 * width)) ^ (value & ((1 << (8 * width)) - 1))
    return value


def judge(line: bytes, last: int, rules: LineRules = _MARLIN) -> tuple[Verdict, int]:
    """Check a numbered line (it begins with N) against the last accepted number.

    Returns the verdict and the number that counts, which for M110 is that of a second N.
    """
    reset = b"M110" in line
    second = line.find(b"N", 4) if reset else -1
    number = _integer(line, second + 1 if second > 0 else 1)
    if rules.sequence and not reset and number != last + 1:
        # A repeat of a line already taken is dropped silently, its checksum is not even read.
        repeated = rules.repeats and last - 1 <= number <= last
        return (Verdict.DUPLICATE if repeated else Verdict.LINE_NUMBER), number
    if not rules.checksum:
        return Verdict.ACCEPT, number
    star = line.rfind(b"*")
    if star < 0:
        return Verdict.NO_CHECKSUM, number
    if _integer(line, star + 1) != checksum(line[:star]):
        return Verdict.CHECKSUM, number
    return Verdict.ACCEPT, number


def command_text(line: bytes) -> bytes:
    """The command of an accepted numbered line, without number and checksum."""
    found = _NUMBER.match(line)
    text = line[found.end() if found else 0 :]
    star = text.rfind(b"*")  # a firmware that checks nothing takes a line without one, too
    return (text if star < 0 else text[:star]).rstrip(b" ")


def unnumbered_text(line: bytes) -> bytes:
    """The command of a line without a number; a checksum there is cut off, never checked."""
    return _TAIL.sub(b"", line).rstrip(b" ")


def _integer(line: bytes, position: int) -> int:
    found = _INTEGER.match(line, position)
    if found is None:
        return 0
    return min(max(int(found[1]), -_LONG_MAX - 1), _LONG_MAX)


class Assembler:
    """One line under construction: comments, overflow, backspace and escapes as Marlin has them."""

    def __init__(self, size: int) -> None:
        self._limit = size - 1  # the last place holds the closing NUL
        self._text = b""
        self._closed = False
        self._escape = False

    def add(self, data: bytes) -> None:
        """Take bytes that contain no line end; keeps at most `size - 1` of them."""
        if self._closed:
            return
        if self._escape or b"\x08" in data or b"\\" in data:
            self._add_slowly(data)
            return
        comment = data.find(b";")
        if comment >= 0:
            data, self._closed = data[:comment], True
        self._text += data
        if len(self._text) >= self._limit:
            self._text, self._closed = self._text[: self._limit], True

    def finish(self) -> bytes | None:
        """End the line: its text without leading spaces, None if nothing was received."""
        text = self._text
        self._text, self._closed, self._escape = b"", False, False
        # The firmware's strings end at a NUL, wherever line noise may put one.
        return text.partition(b"\0")[0].lstrip(b" ") if text else None

    def _add_slowly(self, data: bytes) -> None:
        text = bytearray(self._text)
        for value in data:
            escaped, self._escape = self._escape, False
            if not escaped and value == 0x5C:
                self._escape = True
                continue
            self._closed = not escaped and value == 0x3B
            if self._closed:
                break
            if value == 0x08:
                del text[-1:]
            else:
                text.append(value)
            self._closed = len(text) >= self._limit
            if self._closed:
                break
        self._text = bytes(text)
