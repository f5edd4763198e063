"""PURE: what slicers write beside the moves: layers, progress, estimated time, filament."""

import re

import msgspec

MAX_LAYERS = 100_000
"""Layers kept. 100,000 of 0.05 mm are a print 5 m high; later ones count to the last."""

MAX_MARKS = 20_000
"""M73 lines kept; slicers write two for each percent or minute."""

_LAYER = re.compile(rb";\s*(?:LAYER_CHANGE|LAYER:\s*-?\d+|BEFORE_LAYER_CHANGE)\s*$")
_HEIGHT = re.compile(rb";\s*Z:\s*(-?\d+(?:\.\d*)?)\s*$")
_MOVE = re.compile(rb"[Gg]0*([0123])(?!\d)")
_Z = re.compile(rb"[Zz]\s*(-?(?:\d+\.?\d*|\.\d+))")
_E = re.compile(rb"[Ee]\s*-?[\d.]")
_M73 = re.compile(rb"[Mm]73(?!\d)")
_PERCENT = re.compile(rb"[Pp]\s*(\d{1,3})")
_REMAINING = re.compile(rb"[Rr]\s*(\d{1,7})")

_TIME = re.compile(
    rb";\s*(?:estimated printing time(?: \(normal mode\))?\s*[=:]"
    rb"|total estimated time\s*[=:]|Print time\s*[=:]|TIME\s*:|PRINT\.TIME\s*:)\s*(.*)$",
    re.IGNORECASE,
)
_ORCA_TIME = re.compile(rb"total estimated time\s*:\s*([^;]*)", re.IGNORECASE)
_SPAN = re.compile(rb"(\d{1,7}(?:\.\d*)?)\s*(d|h|m|s)", re.IGNORECASE)
_CLOCK = re.compile(rb"(\d{1,5}):(\d{2}):(\d{2})\s*$")
_UNIT = {b"d": 86_400.0, b"h": 3_600.0, b"m": 60.0, b"s": 1.0}

_FILAMENT_MM = re.compile(
    rb";\s*(?:total )?filament (?:used|length) \[mm\]\s*[=:]\s*([\d.,\s]+)$", re.IGNORECASE
)
_FILAMENT_M = re.compile(rb";\s*Filament used\s*:\s*([\d.]+)\s*m\b", re.IGNORECASE)
_SLICER = re.compile(rb";\s*(?:generated (?:by|with)|FLAVOR_BY|Sliced by)\s+(.+)$", re.IGNORECASE)


class ProgressMark(msgspec.Struct, frozen=True):
    """One M73: the slicer's progress from here on."""

    command: int
    """The place of the M73 among the file's commands, counted from 1."""
    percent: float | None
    minutes_left: int | None


class Notes:
    """Collects the notes of one file, command by command and comment by comment."""

    def __init__(self) -> None:
        self.marks: list[ProgressMark] = []
        self.seconds: float | None = None
        self.filament_mm: float | None = None
        self.slicer = ""
        self._commented: list[int] = []
        self._heights: list[int] = []
        self._moved: list[int] = []
        self._z = 0.0
        self._top = float("-inf")

    def layer_starts(self) -> tuple[int, ...]:
        """Commands before each layer: by layer comments, else by `;Z:`, else by printing moves."""
        return tuple(self._commented or self._heights or self._moved)

    def command(self, command: bytes, before: int) -> None:
        """Note a command that has `before` commands in front of it."""
        if (move := _MOVE.match(command)) is not None:
            if b"Z" in command or b"z" in command:
                self._take_z(command)
            # A layer begins where plastic comes out higher than ever before.
            if self._z > self._top and move[1] != b"0" and _E.search(command):
                self._top = self._z
                _append(self._moved, before)
        elif _M73.match(command):
            self._mark(command, before)

    def comment(self, line: bytes, before: int) -> None:
        """Note a line with a comment, `before` commands into the file."""
        comment = line[line.index(b";") :]
        if _LAYER.match(comment):
            if not comment.strip(b"; ").startswith(b"BEFORE"):
                _append(self._commented, before)
        elif (height := _HEIGHT.match(comment)) is not None:
            self._take_height(float(height[1]), before)
        elif len(comment) < 400:
            self._slicer_note(comment)

    def _take_z(self, command: bytes) -> None:
        if (match := _Z.search(command)) is not None:
            self._z = float(match[1])

    def _take_height(self, height: float, before: int) -> None:
        # A `;Z:` that repeats or falls is a hop or the next object, not a layer.
        if not self._heights or height > self._height:
            self._height = height
            _append(self._heights, before)

    _height = 0.0

    def _mark(self, command: bytes, before: int) -> None:
        percent, left = _PERCENT.search(command), _REMAINING.search(command)
        if (percent or left) and len(self.marks) < MAX_MARKS:
            share = min(100.0, float(percent[1])) if percent else None
            self.marks.append(ProgressMark(before + 1, share, int(left[1]) if left else None))

    def _slicer_note(self, comment: bytes) -> None:
        comment = comment.rstrip()
        if self.seconds is None:
            self.seconds = _time_note(comment)
        if self.filament_mm is None:
            self.filament_mm = _filament_note(comment)
        if not self.slicer and (match := _SLICER.match(comment)) is not None:
            self.slicer = match[1].decode("utf-8", "replace").strip()[:100]


def _append(starts: list[int], before: int) -> None:
    # `;LAYER_CHANGE` and `;LAYER:` may stand together.
    if len(starts) < MAX_LAYERS and (not starts or starts[-1] != before):
        starts.append(before)


def _time_note(comment: bytes) -> float | None:
    match = _TIME.match(comment) or _ORCA_TIME.search(comment)
    return None if match is None else parse_time(match[1])


def parse_time(text: bytes) -> float | None:
    """Seconds from `1d 2h 3m 4s`, `02:03:04` or a bare number of seconds; else None."""
    text = text.strip()
    if (clock := _CLOCK.match(text)) is not None:
        hours, minutes, seconds = map(int, clock.groups())
        return hours * 3600.0 + minutes * 60.0 + seconds
    if re.fullmatch(rb"\d{1,9}(?:\.\d*)?", text):
        return float(text)
    spans = _SPAN.findall(text)
    return sum(float(value) * _UNIT[unit.lower()] for value, unit in spans) if spans else None


def _filament_note(comment: bytes) -> float | None:
    if (match := _FILAMENT_MM.match(comment)) is not None:
        # One value for each tool.
        values = re.findall(rb"\d+(?:\.\d*)?", match[1])
        return sum(map(float, values)) if values else None
    if (match := _FILAMENT_M.match(comment)) is not None:
        metres = re.fullmatch(rb"\d+(?:\.\d*)?", match[1])
        return float(metres[0]) * 1000.0 if metres else None
    return None
