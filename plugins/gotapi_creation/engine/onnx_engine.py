"""An engine of the user's own model file: silhouettes in, a grid of occupancy or distance out.

The file is the user's; nothing is fetched. onnxruntime (extra `onnx`) is imported when it is used.
"""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from PIL import Image

from gotapi_creation.engine.base import Mask, Model, Say, Single, StructuralObject
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Progress, View
from gotapi_creation.engine.surface import cubes

_SIDES: Final = (16, 512)
"""Least and most cells of a side of the grid that comes out."""
_ROOM: Final = 0.95
"""Of a silhouette's picture, the figure's height."""


class OnnxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the engine `onnx`."""

    model: str
    """Path of the file."""
    level: float = 0.5
    """Value at the surface: 0.5 of an occupancy, 0 of a distance."""
    inside_above: bool = True
    """Whether the inside has the larger values."""
    size: int = 256
    """Pixels of a side of the silhouettes, where the file does not tell."""


class OnnxEngine:
    """Runs a model with an input (1, views, n, n) and an output (1, 1, rows, columns, depths).

    Views are front, right, back; those that were not drawn are empty. The grid has the figure as
    the pictures have it: rows from the top down, columns to the right, depths from back to front.
    """

    name = "onnx"

    def __init__(self, settings: OnnxSettings) -> None:
        self._settings = settings

    def make(self, job: StructuralObject, say: Say) -> Model:
        """Make the model; raises CreationError with words for the user."""
        say(Progress(0.0, "loading the model file"))
        values = self._run(job, say)
        say(Progress(0.8, "making a surface"))
        cell = job.height_mm / (_ROOM * values.shape[0])
        surface = cubes(values, cell, values.shape[2] / 2)
        low = surface.vertices[:, 1].min()
        return Model(surface.vertices - [0.0, low, 0.0], surface.triangles)

    def _run(self, job: StructuralObject, say: Say) -> Single:
        try:
            import onnxruntime
        except ImportError:
            raise CreationError(
                "engine", "the engine 'onnx' needs onnxruntime; install gotapi-hub[onnx]"
            ) from None
        path = Path(self._settings.model)
        if not path.is_file():
            raise CreationError("engine", f"there is no model file {path.name}; see the settings")
        try:
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            wanted = session.get_inputs()[0]
            given = self._silhouettes(job, wanted.shape)
            say(Progress(0.2, "running the model file"))
            found = session.run(None, {wanted.name: given})[0]
        except CreationError:
            raise
        except Exception as error:  # onnxruntime has its own classes for every kind
            words = str(error).splitlines()[0][:200]
            raise CreationError("engine", f"the model file does not run: {words}") from error
        return self._grid(np.asarray(found))

    def _silhouettes(self, job: StructuralObject, shape: list[object]) -> Single:
        views = shape[1] if len(shape) == 4 else None
        if views not in (1, 2, 3):
            raise CreationError(
                "engine", f"the model file wants {shape}; (1, 1 to 3 views, n, n) is offered"
            )
        side = shape[2] if isinstance(shape[2], int) else self._settings.size
        masks = [job.masks.get(view) for view in View][: int(str(views))]
        return np.stack([_square(mask, side) for mask in masks])[None]

    def _grid(self, found: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Single:
        least, most = _SIDES
        shape = found.shape[-3:]
        fits = len(shape) == 3 and found.size == int(np.prod(shape))
        if not fits or not all(least <= side <= most for side in shape):
            raise CreationError(
                "engine",
                f"the model file made {found.shape}; a grid with sides from {least} to {most} is "
                "taken",
            )
        grid = found.reshape(shape)
        if not np.isfinite(grid).all():
            raise CreationError("engine", "the model file made values that are no numbers")
        values = (grid - self._settings.level) * (1.0 if self._settings.inside_above else -1.0)
        if not (values > 0).any():
            raise CreationError("engine", "the model file made an empty grid; try other drawings")
        closed: Single = np.pad(values, 1, constant_values=-1.0).astype(np.float32)
        return closed


def _square(mask: Mask | None, side: int) -> Single:
    """Return a silhouette in the middle of a square picture, 0 or 1."""
    picture = Image.new("L", (side, side))
    if mask is not None:
        rows, columns = mask.shape
        scale = _ROOM * side / max(rows, columns)
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        small = Image.fromarray(mask).convert("L").resize(size, Image.Resampling.BOX)
        picture.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    found: Single = np.asarray(picture, np.float32) / np.float32(255.0)
    return found
