"""PURE: G-code files: the commands in them, and a first look that finds what cannot be printed.

A file is read in blocks of 64 KiB and never held whole. Lengths are millimetres, times seconds.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import msgspec

from gotapi_printer.estimate import Timeline
from gotapi_printer.gcode_notes import Notes, ProgressMark
from gotapi_printer.marlin.wire import MAX_COMMAND

BLOCK = 65_536
"""Bytes read at once."""

MAX_RAW_LINE = 65_536
"""Bytes of one line with its comment; slicers write their start G-code and thumbnails into
comments of some thousand bytes. A file without a newline fails here."""

_TEXT_CONTROLS = b"\t\n\x0b\x0c\r\x1a"
_CONTROLS = bytes(set(range(32)) - set(_TEXT_CONTROLS))
_ALL_BUT_CONTROLS = bytes(set(range(256)) - set(_CONTROLS))
_BOM = b"\xef\xbb\xbf"

_NUMBER = re.compile(rb"[Nn]\d+\s*")
_CHECKSUM = re.compile(rb"\s*\*\s*\d*\s*$")
# Their argument is text or a file name, in which parentheses are just letters.
_TEXT_COMMAND = re.compile(rb"[Mm](?:117|118|16|20|23|28|30|32|33|486|928)(?!\d)")
_CUTTABLE = re.compile(rb"[Mm]11[78](?!\d)")
# Line numbers are the host's: a file that sets them would break the counting.
_SET_NUMBER = re.compile(rb"[Mm]110(?!\d)")
_COMMAND = re.compile(rb"[GMTgmt]\d")


class GcodeError(ValueError):
    """A file that cannot be printed; `line` is where, counted from 1, or 0 for the whole file."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


class ByteSource(Protocol):
    """What is needed of a file opened for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, and none at the end."""
        ...


class FileFacts(msgspec.Struct, frozen=True):
    """What the first look at a file found."""

    commands: int
    """Lines that go to the printer."""
    bytes: int
    lines: int
    layers: int = 0
    seconds: float | None = None
    """The slicer's estimate of the printing time."""
    filament_mm: float | None = None
    slicer: str = ""
    layer_starts: tuple[int, ...] = ()
    """For each layer, how many commands come before it."""
    marks: tuple[ProgressMark, ...] = ()
    """The slicer's own progress (M73), in the order of the file."""
    notes: tuple[str, ...] = ()
    """What the printer's policy leaves out of the file or changes in it."""
    timeline: Timeline | None = None
    """The times of its commands by the hub's own model."""
    pace: Mapping[str, float] = {}
    """What earlier prints taught, as a factor for each source of estimates."""
    armed: bool = False
    """Whether the file was looked through while the printer was armed."""

    def layer_at(self, commands: int) -> int:
        """The layer, counted from 1, after this many commands; 0 before the first."""
        return bisect_right(self.layer_starts, commands - 1) if commands > 0 else 0

    def mark_at(self, commands: int) -> ProgressMark | None:
        """The last M73 within the first `commands` commands."""
        place = bisect_right(self.marks, commands, key=lambda mark: mark.command)
        return self.marks[place - 1] if place else None


def raw_lines(file: ByteSource) -> Iterator[list[bytes]]:
    """The lines of a file in lists of one block each; LF, CRLF and CR all end a line.

    Raises GcodeError for bytes that are no text and for a line over MAX_RAW_LINE.
    """
    rest = b""
    count = 0
    first = True
    while block := file.read(BLOCK):
        if first:
            block, first = block.removeprefix(_BOM), False
        _check_text(block, rest, count)
        # A CR that ends a block may be half of a CRLF.
        block = rest + block
        held = block[-1:] == b"\r"
        lines = _unify(block[:-1] if held else block).split(b"\n")
        rest = lines.pop() + (b"\r" if held else b"")
        _check_lengths(lines, rest, count)
        count += len(lines)
        if lines:
            yield lines
    if rest:
        yield _unify(rest).removesuffix(b"\n").split(b"\n")


def _unify(block: bytes) -> bytes:
    if b"\r" not in block:
        return block
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _check_text(block: bytes, rest: bytes, count: int) -> None:
    bad = block.translate(None, _ALL_BUT_CONTROLS)
    if bad:
        before = _unify(rest + block[: block.index(bad[:1])])
        line = count + 1 + before.count(b"\n")
        message = f"this is no text file (byte 0x{bad[0]:02x}); choose a .gcode file of a slicer"
        raise GcodeError(message, line)


def _check_lengths(lines: list[bytes], rest: bytes, count: int) -> None:
    if len(rest) <= MAX_RAW_LINE and (not lines or len(max(lines, key=len)) <= MAX_RAW_LINE):
        return
    place = next((n for n, line in enumerate(lines) if len(line) > MAX_RAW_LINE), len(lines))
    message = f"the line is longer than {MAX_RAW_LINE} bytes; is this a G-code file?"
    raise GcodeError(message, count + place + 1)


def commands(file: ByteSource) -> Iterator[tuple[int, bytes]]:
    """The commands of a file as (line of the file counted from 1, command).

    Comments, blank lines, line numbers and checksums are gone. Raises GcodeError as `raw_lines`
    does and for a command longer than MAX_COMMAND; the text of M117 and M118 is cut instead.
    """
    line = 0
    for lines in raw_lines(file):
        for raw in lines:
            line += 1
            command = strip(raw)
            if command:
                if len(command) > MAX_COMMAND:
                    command = _cut(command, line)
                yield line, command


def strip(raw: bytes) -> bytes:
    """The command of one line, or nothing."""
    if b";" in raw:
        raw = raw[: raw.index(b";")]
    command = raw.strip()
    if not command:
        return b""
    if command[0] in b"Nn":
        command = _unnumbered(command)
    if b"(" in command and not _TEXT_COMMAND.match(command):
        command = _without_parentheses(command)
    if command[:1] in (b"M", b"m") and _SET_NUMBER.match(command):
        return b""
    # `%` frames a program in other machines' G-code.
    return b"" if command == b"%" else command


def _unnumbered(command: bytes) -> bytes:
    match = _NUMBER.match(command)
    return command if match is None else _CHECKSUM.sub(b"", command[match.end() :])


def _without_parentheses(command: bytes) -> bytes:
    kept = bytearray()
    depth = 0
    for byte in command:
        if byte == 0x28:
            depth += 1
        elif byte == 0x29:
            depth = max(0, depth - 1)
        elif not depth:
            kept.append(byte)
    return bytes(kept).strip()


def _cut(command: bytes, line: int) -> bytes:
    if not _CUTTABLE.match(command):
        message = (
            f"the command has {len(command)} bytes, and a printer takes {MAX_COMMAND}:"
            f" {command[:32].decode('utf-8', 'replace')}...; slice the file again for Marlin"
        )
        raise GcodeError(message, line)
    # Not in the middle of a character.
    return command[:MAX_COMMAND].decode("utf-8", "ignore").encode()


class _Counted:
    """A file that counts the bytes read from it."""

    def __init__(self, file: ByteSource) -> None:
        self._file = file
        self.bytes = 0

    def read(self, size: int, /) -> bytes:
        block = self._file.read(size)
        self.bytes += len(block)
        return block


def _unseen(command: bytes, line: int) -> None:
    """Look at nothing."""


def scan(file: ByteSource, see: Callable[[bytes, int], None] = _unseen) -> FileFacts:
    """Read a whole file once; raise GcodeError for one that must not be printed.

    `see` gets each command and the line it stands in, counted from 1.
    """
    counted = _Counted(file)
    notes = Notes()
    count = line = 0
    known = False
    for lines in raw_lines(counted):
        for raw in lines:
            line += 1
            command = strip(raw)
            if command:
                if len(command) > MAX_COMMAND:
                    command = _cut(command, line)
                see(command, line)
                known = known or is_gcode(command)
                notes.command(command, count)
                count += 1
            if b";" in raw:
                notes.comment(raw, count)
    if lack := lacking(counted.bytes, count, known):
        raise GcodeError(lack)
    return _facts(notes, FileFacts(commands=count, bytes=counted.bytes, lines=line))


def is_gcode(command: bytes) -> bool:
    """Tell whether a command begins as those of G-code do."""
    return _COMMAND.match(command) is not None


def lacking(size: int, count: int, known: bool) -> str:
    """Return what a file lacks that has so many bytes and commands; empty if it can be printed.

    `known` tells whether one of them is a command of G-code.
    """
    if not size:
        return "the file is empty; slice the model again"
    if not count:
        return "the file has no commands, only comments; slice the model again"
    if not known:
        return "the file has no G-code commands (G1, M104 ...); choose a .gcode file"
    return ""


def _facts(notes: Notes, facts: FileFacts) -> FileFacts:
    starts = notes.layer_starts()
    return msgspec.structs.replace(
        facts,
        layers=len(starts),
        layer_starts=starts,
        marks=tuple(notes.marks),
        seconds=notes.seconds,
        filament_mm=notes.filament_mm,
        slicer=notes.slicer,
    )
