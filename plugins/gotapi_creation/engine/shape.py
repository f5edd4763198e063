"""PURE: the embedded shape engine: one, two or three drawings become a round body."""

from typing import Final

import msgspec
import numpy as np
from scipy import ndimage

from gotapi_creation.engine.base import Mask, Model, Say, Single, StructuralObject
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.inflate import Plan, distance, dome, field
from gotapi_creation.engine.order import Progress, View
from gotapi_creation.engine.profiles import profiles, spread
from gotapi_creation.engine.surface import Surface, cubes, largest

PREVIEW_GRID: Final = 128
_MARGIN: Final = 2  # cells around the figure, so that the surface closes
_AGREED: Final = 0.02  # of the height: front and back outlines nearer than that are averaged


class ShapeEngine:
    """Poisson inflation between the outlines: no weights, no network, the same every time."""

    name = "shape"

    def make(self, job: StructuralObject, say: Say) -> Model:
        """Make the model; raises CreationError where the drawings leave nothing over."""
        say(Progress(0.0, "looking at the outlines"))
        found = profiles(job)
        say(Progress(0.2, "inflating"))
        surface = inflated(job, found)
        say(Progress(0.9, "choosing the figure"))
        whole, _ = largest(surface)
        return Model(whole.vertices, whole.triangles, profiles=found)


def draft(job: StructuralObject) -> Model:
    """Make the quick model on a small grid that is shown while the real one is made."""
    small = msgspec.structs.replace(job.detail, grid=PREVIEW_GRID)
    found = profiles(job)
    surface, _ = largest(inflated(job, found, small.grid))
    return Model(surface.vertices, surface.triangles, profiles=found)


def inflated(job: StructuralObject, found: dict[str, float], grid: int = 0) -> Surface:
    """Return the surface on a grid of so many cells along the longest side."""
    plan, cell = planned(job, found, grid or job.detail.grid)
    values = field(plan)
    if not (values > 0).any():
        raise CreationError(
            "picture", "the drawings have no figure in common; do they show the same one?"
        )
    # The middle of the drawing is z = 0; what it leaves in front and behind is the figure's.
    middle = values.shape[2] / 2
    surface = cubes(values, cell, middle)
    return Surface(surface.vertices - [0.0, _MARGIN * cell, 0.0], surface.triangles)


def planned(job: StructuralObject, found: dict[str, float], grid: int) -> tuple[Plan, float]:
    """Bring the drawings to the grid; returns the plan and the millimetres of a cell."""
    sides = [job.rows, *(mask.shape[1] for mask in job.masks.values())]
    rows = max(8, round((grid - 2 * _MARGIN) * job.rows / max(sides)))
    scale = rows / job.rows
    front = _scaled(_front(job), scale)
    inside: Mask = front > 0
    right = job.masks.get(View.RIGHT)
    plan = Plan(
        front=_around(front, -1.0),
        dome=_around(dome(inside), 0.0),
        exponents=_around(_scaled(spread(job, found), scale) / np.float32(scale), 2.0),
        right=None if right is None else _around(_scaled(distance(right), scale), -1.0),
    )
    return plan, job.height_mm / rows


def _front(job: StructuralObject) -> Single:
    """Return the distance to the front outline, averaged with the back's where they agree."""
    front = distance(job.masks[View.FRONT])
    if View.BACK not in job.masks:
        return front
    back = distance(_as_wide(job.masks[View.BACK][:, ::-1], front.shape[1]))
    most = _AGREED * job.rows
    apart = np.clip(back - front, -most, most)
    found: Single = front + np.where(np.abs(apart) < most, apart / 2, 0).astype(np.float32)
    return found


def _as_wide(mask: Mask, columns: int) -> Mask:
    """Return a mask with so many columns around the same middle."""
    spare = columns - mask.shape[1]
    if spare >= 0:
        return np.pad(mask, ((0, 0), (spare // 2, spare - spare // 2)))
    first = -spare // 2
    return mask[:, first : first + columns]


def _scaled(values: Single, scale: float) -> Single:
    """Bring distances to another grid; they are in its cells then."""
    shape = [max(1, round(side * scale)) for side in values.shape]
    if scale < 1:
        values = ndimage.gaussian_filter(values, 0.35 / scale, mode="nearest")
    factors = np.divide(shape, values.shape)
    found = ndimage.zoom(values, factors, order=1, mode="nearest", grid_mode=True)
    result: Single = (found * scale).astype(np.float32)
    return result


def _around(values: Single, value: float) -> Single:
    return np.pad(values, _MARGIN, constant_values=np.float32(value))
