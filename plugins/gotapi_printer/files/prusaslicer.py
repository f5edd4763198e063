"""PrusaSlicer on the PATH: where it is, what it is told, what it says while it works."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gotapi_meshes.errors import MeshError
from gotapi_meshes.report import Area
from gotapi_printer.files.options import SliceOptions

NAMES: Final = ("prusa-slicer", "PrusaSlicer", "prusaslicer")
MISSING: Final = (
    "PrusaSlicer is not installed. Install it (`apt install prusa-slicer`) and try again, or ask "
    "for slicer=embedded, which is experimental"
)
LARGEST_INI: Final = 1 << 20
"""Bytes of a configuration; PrusaSlicer's own has some 20,000."""

_VERSION: Final = re.compile(rb"\b(?:Prusa|Super)Slicer-(\S+)")
_PROGRESS: Final = re.compile(rb"\s*(\d{1,3})\s*=>\s*(.*)")
_LINE: Final = re.compile(r"([a-z][a-z0-9_]*)\s*=(.*)")
# It would start programs of the writer's choice on this machine.
_REFUSED: Final = frozenset(("post_process",))
_PLAIN: Final = (  # where no configuration is given: a common printer with PLA
    "--gcode-flavor", "marlin2", "--filament-diameter", "1.75", "--temperature", "205",
    "--first-layer-temperature", "210", "--bed-temperature", "60", "--first-layer-bed-temperature",
    "60",
)  # fmt: skip


def find(path: str | None = None) -> str | None:
    """Return the program, looked for on the PATH (or on another one)."""
    return next((found for name in NAMES if (found := shutil.which(name, path=path))), None)


def version_of(output: bytes) -> str:
    """Return the version out of what `--help` writes; empty where it does not say."""
    match = _VERSION.search(output)
    return match[1].decode("utf-8", "replace")[:40] if match else ""


def arguments(
    program: str, model: Path, output: Path, options: SliceOptions, area: Area, ini: Path | None
) -> Sequence[str]:
    """Return the words that slice a model; nothing of them is ever seen by a shell."""
    x, y = area.centre
    words = [program, "--datadir", str(output.parent / "data")]
    words += ["--load", str(ini)] if ini is not None else [*_PLAIN, "--bed-shape", _bed(area)]
    height = options.layer_height or (None if ini is not None else 0.2)
    if height is not None:
        words += ["--layer-height", f"{height:g}", "--first-layer-height", f"{height:g}"]
    if options.infill is not None:
        words += ["--fill-density", f"{options.infill:g}%"]
    # Said last, so that it holds whatever a configuration says.
    words += ["--post-process", "", "--center", f"{x:g},{y:g}", "--output", str(output)]
    return [*words, "--export-gcode", str(model)]


def _bed(area: Area) -> str:
    (left, front, _), (right, back, _) = area.low, area.high
    corners = ((left, front), (right, front), (right, back), (left, back))
    return ",".join(f"{x:g}x{y:g}" for x, y in corners)


def progress(line: bytes) -> tuple[float, str] | None:
    """Return share (0 to 1) and words of a line such as `20 => Generating perimeters`."""
    match = _PROGRESS.match(line)
    if match is None:
        return None
    words = match[2].decode("utf-8", "replace").strip()
    # It ends such a line with a path of this machine.
    return min(100, int(match[1])) / 100.0, words.partition(" to ")[0][:80]


def complaint(said: Sequence[str]) -> str:
    """Return what of its last lines tells why it failed, without paths of this machine."""
    telling = [
        line.strip() for line in said if line.strip() and "=>" not in line and "[trace]" not in line
    ]
    words = " ".join(telling[-3:]) or "it did not say why"
    return re.sub(r"(?:/[^\s/:]+){2,}/", "", words)[:400]


def clean_ini(data: bytes) -> bytes:
    """Return a configuration without what starts programs; raises MeshError for no configuration.

    It is what PrusaSlicer writes with File, Export, Export Config: `name = value` lines.
    """
    where = "slicer profile"
    if len(data) > LARGEST_INI:
        raise MeshError(f"has {len(data):,} bytes, and {LARGEST_INI:,} are read", where)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MeshError("is not text; export it with Export Config", where) from None
    kept = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip("\r \t")
        if not line or line.startswith(("#", ";")):
            continue
        match = _LINE.fullmatch(line)
        if match is None or "\0" in line:
            raise MeshError(
                "is no `name = value`; export the profile with File, Export, Export Config "
                "(not as a bundle)",
                f"{where}, line {number}",
            )
        if match[1] not in _REFUSED:
            kept.append(f"{match[1]} = {match[2].strip()}")
    if not kept:
        raise MeshError("is empty; export it with Export Config", where)
    return ("\n".join(kept) + "\n").encode()
