"""An engine that is a program: pictures into a folder, arguments, `progress 0.42` lines, a model.

The program belongs to the worker's process group, so it ends with the job. No shell reads the
arguments.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

import msgspec
import numpy as np
from PIL import Image

from gotapi_creation.engine.base import Bytes, Mask, Model, Say, StructuralObject
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Progress, View
from gotapi_meshes import MeshError
from gotapi_meshes.reading import read_model

_LINE: Final = 4096
"""Bytes of a line that are looked at."""
_KEPT: Final = 5  # lines of its output that an error shows
_PROGRESS: Final = re.compile(rb"\s*progress\s+([01](?:\.\d+)?)(?:\s+(\S.{0,80}))?")
_MODELS: Final = (".glb", ".stl", ".3mf", ".obj")


class CommandSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the engine `command`."""

    arguments: tuple[str, ...]
    """The program and its arguments; `{folder}`, `{front}`, `{right}`, `{back}`, `{output}`,
    `{template}` and `{height}` are filled in. An argument with a view that was not drawn is left
    out."""
    result: str = "model.*"
    """Pattern of the file it makes in the folder."""
    y_up: bool = False
    """Whether STL and OBJ files have +Y up; GLB and 3MF say it themselves."""


class CommandEngine:
    """Runs one program per job in a folder of its own."""

    name = "command"

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings

    def make(self, job: StructuralObject, say: Say) -> Model:
        """Make the model; raises CreationError with words for the user."""
        if not self._settings.arguments:
            raise CreationError("engine", "the settings of engine 'command' name no program")
        with tempfile.TemporaryDirectory(prefix="engine-") as name:
            folder = Path(name)
            words = arguments(self._settings.arguments, _prepared(job, folder))
            say(Progress(0.0, f"running {Path(words[0]).name}"))
            self._run(words, folder, say)
            return self._read(job, folder)

    def _run(self, words: list[str], folder: Path, say: Say) -> None:
        try:
            process = subprocess.Popen(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            shown = f"{Path(words[0]).name} cannot be started: {error.strerror}"
            raise CreationError("engine", f"{shown}; see the settings of the engine") from None
        said: list[str] = []
        with process:
            assert process.stdout is not None
            for line in _lines(process.stdout):
                progress = _progress(line)
                if progress is not None:
                    say(progress)
                elif line.strip():
                    said = [*said[1 - _KEPT :], line.strip()[:200].decode("utf-8", "replace")]
        if process.returncode:
            shown = f"{Path(words[0]).name} failed with {process.returncode}"
            raise CreationError("engine", f"{shown}: {' / '.join(said) or 'it said nothing'}")

    def _read(self, job: StructuralObject, folder: Path) -> Model:
        found = sorted(
            path
            for path in folder.glob(self._settings.result)
            if path.suffix.lower() in _MODELS and path.is_file() and not path.is_symlink()
        )
        if not found:
            words = f"the program left no {self._settings.result} (GLB, STL, 3MF or OBJ)"
            raise CreationError("engine", f"{words}; see the settings of the engine")
        try:
            with found[0].open("rb") as file:
                _, mesh = read_model(file)
        except MeshError as error:
            raise CreationError("engine", f"the program's model is unusable: {error}") from None
        turned = self._settings.y_up and found[0].suffix.lower() in (".stl", ".obj")
        return fitted(mesh.vertices, mesh.triangles.astype(np.int64), job.height_mm, turned)


def fitted(
    vertices: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
    triangles: "np.ndarray[tuple[int, int], np.dtype[np.int64]]",
    height: float,
    y_up: bool,
) -> Model:
    """Return a foreign model as high as wanted, in the middle, its feet at y = 0."""
    x, y, z = vertices.T
    placed = vertices if y_up else np.column_stack([x, z, -y])
    low, high = placed.min(axis=0), placed.max(axis=0)
    tall = float(high[1] - low[1])
    if tall <= 0:
        raise CreationError("engine", "the engine's model has no height")
    base = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    return Model((placed - base) * (height / tall), triangles)


def arguments(template: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """Fill in an argument template; raises CreationError for a name that is none."""
    views = {str(view) for view in View} - values.keys()
    try:
        return [
            word.format_map(values)
            for word in template
            if not any(f"{{{view}}}" in word for view in views)
        ]
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        names = ", ".join(f"{{{name}}}" for name in values)
        words = f"the arguments of engine 'command' are wrong ({error}); known are {names}"
        raise CreationError("engine", words) from None


def _prepared(job: StructuralObject, folder: Path) -> dict[str, str]:
    """Write the drawings and the job into the folder; returns what arguments can name."""
    values = {
        "folder": str(folder),
        "output": str(folder / "model.glb"),
        "template": job.template,
        "height": f"{job.height_mm:g}",
    }
    for view, mask in job.masks.items():
        path = folder / f"{view}.png"
        picture(mask, job.colours[view]).save(path)
        values[str(view)] = str(path)
    told = {**values, "attributes": job.attributes, "joints": job.joints}
    (folder / "job.json").write_bytes(msgspec.json.encode(told))
    return values


def picture(mask: Mask, colours: Bytes) -> Image.Image:
    """Return a figure on a see-through square, as image engines want it."""
    figure = Image.fromarray(np.dstack([colours, mask.astype(np.uint8) * 255]))
    side = round(max(figure.size) * 1.1)
    square = Image.new("RGBA", (side, side))
    square.paste(figure, ((side - figure.width) // 2, (side - figure.height) // 2))
    return square


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield lines; of an endless one no more than a piece at a time."""
    while line := stream.readline(_LINE):
        yield line


def _progress(line: bytes) -> Progress | None:
    match = _PROGRESS.match(line)
    if match is None:
        return None
    stage = (match[2] or b"running").decode("utf-8", "replace").strip()
    return Progress(min(1.0, float(match[1])), stage)
