"""PURE: everything a G-code file tells, by its moves and by its slicer's comments. Millimetres."""

import re
from typing import Final

import msgspec

from gotapi_meshes.report import Area, Finding, Severity
from gotapi_printer.files.thumbnails import Thumbnail, Thumbnails
from gotapi_printer.files.toolpath import Toolpath, first_and_usual
from gotapi_printer.gcode import ByteSource, is_gcode, lacking, raw_lines, strip
from gotapi_printer.gcode_notes import Notes

_SETTING: Final = re.compile(rb";\s*([a-z][a-z0-9_ \[\]()]{1,60}?)\s*=\s*(.{0,200}?)\s*$")
_WANTED: Final = frozenset(
    (
        "layer_height", "first_layer_height", "initial_layer_print_height", "nozzle_diameter",
        "filament_type", "filament_diameter", "filament_settings_id", "print_settings_id",
        "printer_settings_id", "printer_model", "fill_density", "sparse_infill_density",
        "fill_pattern", "perimeters", "wall_loops", "temperature", "nozzle_temperature",
        "first_layer_temperature", "bed_temperature", "first_layer_bed_temperature",
        "support_material", "enable_support", "brim_width", "gcode_flavor", "spiral_vase",
    )
)  # fmt: skip
_USED: Final = re.compile(
    rb";\s*(?:total )?filament used \[(mm|g)\]\s*[=:]\s*([\d., ]+)$", re.IGNORECASE
)
_VERSION: Final = re.compile(r"[-\s]v?(\d+\.\d[^\s]*)")

_NEAR: Final = 10.0
"""Millimetres past the edge that are let through: slicers clean the nozzle beside the bed."""


class GcodeAnalysis(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a file would do. Lengths are millimetres, times seconds, weights grams."""

    commands: int
    lines: int
    layers: int
    low: tuple[float, float, float] | None = None
    """Smallest coordinates of moves that extrude; None where nothing is extruded."""
    high: tuple[float, float, float] | None = None
    seconds: float | None = None
    seconds_source: str = ""
    """`slicer`, `m73`, or `moves`: the way at the speeds asked for, which is too short."""
    filament: tuple[float, ...] = ()
    """Millimetres by tool, from the moves."""
    filament_by_slicer: tuple[float, ...] = ()
    filament_grams: tuple[float, ...] = ()
    first_layer_height: float | None = None
    layer_height: float | None = None
    slicer: str = ""
    slicer_version: str = ""
    settings: dict[str, str] = {}
    """The slicer's settings that people ask for, under its own names."""
    thumbnails: tuple[Thumbnail, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What stops a print."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)


def analyse(file: ByteSource, area: Area) -> GcodeAnalysis:
    """Read a whole file once; raises GcodeError for one that is no text or has endless lines."""
    reading = _Reading()
    for lines in raw_lines(file):
        for raw in lines:
            reading.line(raw)
    return reading.result(area)


class _Reading:
    def __init__(self) -> None:
        self._path = Toolpath()
        self._notes = Notes()
        self._thumbnails = Thumbnails()
        self._settings: dict[str, str] = {}
        self._used: dict[bytes, tuple[float, ...]] = {}
        self._commands = self._lines = 0
        self._known = False

    def line(self, raw: bytes) -> None:
        self._lines += 1
        command = strip(raw)
        if command:
            self._notes.command(command, self._commands)
            self._path.command(command)
            self._commands += 1
            self._known = self._known or is_gcode(command)
        if b";" in raw:
            self._comment(raw)

    def _comment(self, raw: bytes) -> None:
        comment = raw[raw.index(b";") :].rstrip()
        if self._thumbnails.comment(comment):
            return
        self._notes.comment(raw, self._commands)
        if (used := _USED.match(comment)) is not None:
            numbers = re.findall(rb"\d{1,9}(?:\.\d{0,9})?", used[2])
            self._used.setdefault(used[1].lower(), tuple(map(float, numbers)))
        elif (setting := _SETTING.match(comment)) is not None:
            name = setting[1].decode().strip()
            if name in _WANTED:
                self._settings.setdefault(name, setting[2].decode("utf-8", "replace"))

    def result(self, area: Area) -> GcodeAnalysis:
        path, notes = self._path, self._notes
        first, usual = first_and_usual(path.heights)
        seconds, source = self._seconds()
        name, version = _slicer(notes.slicer)
        printed = bool(path.heights)
        analysis = GcodeAnalysis(
            commands=self._commands,
            lines=self._lines,
            layers=len(notes.layer_starts()),
            low=_corner(path.low) if printed else None,
            high=_corner(path.high) if printed else None,
            seconds=seconds,
            seconds_source=source,
            filament=_by_tool(path.filament),
            filament_by_slicer=self._used.get(b"mm", ()),
            filament_grams=self._used.get(b"g", ()),
            first_layer_height=first,
            layer_height=usual,
            slicer=name,
            slicer_version=version,
            settings=self._settings,
            thumbnails=tuple(self._thumbnails.found),
        )
        if lack := lacking(self._lines, self._commands, self._known):
            findings = [Finding(Severity.ERROR, "empty", lack)]
        else:
            findings = _findings(analysis, area)
        return msgspec.structs.replace(analysis, findings=tuple(findings))

    def _seconds(self) -> tuple[float | None, str]:
        if self._notes.seconds is not None:
            return self._notes.seconds, "slicer"
        left = next((m.minutes_left for m in self._notes.marks if m.minutes_left is not None), None)
        if left is not None:
            return left * 60.0, "m73"
        return (round(self._path.seconds, 1), "moves") if self._path.seconds else (None, "")


def _findings(analysis: GcodeAnalysis, area: Area) -> list[Finding]:
    if analysis.low is None or analysis.high is None:
        return [Finding(Severity.WARNING, "nothing", "the file extrudes nothing")]
    if not area.known:
        return []
    over = 0.0
    words = []
    for axis, name in enumerate("XYZ"):
        below = area.low[axis] - analysis.low[axis]
        above = analysis.high[axis] - area.high[axis]
        if max(below, above) > 0.01:
            over = max(over, below, above)
            words.append(
                f"{name} from {analysis.low[axis]:.1f} to {analysis.high[axis]:.1f} where the "
                f"printer has {area.low[axis]:g} to {area.high[axis]:g} mm"
            )
    if not words:
        return []
    severity = Severity.ERROR if over > _NEAR else Severity.WARNING
    text = f"it prints outside the printer: {'; '.join(words)}; slice it for this printer"
    return [Finding(severity, "size", text)]


def _corner(values: list[float]) -> tuple[float, float, float]:
    x, y, z = (round(value, 3) for value in values)
    return x, y, z


def _by_tool(filament: dict[int, float]) -> tuple[float, ...]:
    return tuple(round(filament.get(tool, 0.0), 2) for tool in range(max(filament, default=-1) + 1))


def _slicer(text: str) -> tuple[str, str]:
    """Return name and version of `PrusaSlicer 2.5.0+UNKNOWN on 2026-01-01 at ...`."""
    text = text.partition(" on ")[0].strip()
    match = _VERSION.search(text)
    return (text, "") if match is None else (text[: match.start()].strip(), match[1])
