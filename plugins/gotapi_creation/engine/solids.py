"""PURE: bodies made of round cones, ellipsoids and boxes: what is inside, and their outlines.

Coordinates are those of the figure: +Y up, +Z to the front, any unit. Templates are made of them,
and so are the characters of known shape that tests and benchmarks measure the engine with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gotapi_creation.engine.base import Floats, Mask
from gotapi_creation.engine.bodies import Ball, Block, Limb, Point, Solid
from gotapi_creation.engine.order import View


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture of pixels of `pitch`; the middle of its bottom edge is at (0, 0)."""

    columns: int
    rows: int
    pitch: float

    def places(self) -> tuple[Floats, Floats]:
        """Return the coordinates of the columns (to the right) and of the rows (up)."""
        right = (np.arange(self.columns, dtype=np.float64) + 0.5 - self.columns / 2) * self.pitch
        up = (self.rows - np.arange(self.rows, dtype=np.float64) - 0.5) * self.pitch
        return right, up[:, None]


def inside(solid: Solid, x: Floats, y: Floats, z: Floats) -> Mask:
    """Tell which points are inside; the coordinates are broadcast against each other."""
    if isinstance(solid, Ball):
        return _in_ball(solid.centre, solid.radii, (x, y, z))
    if isinstance(solid, Block):
        return _in_block(solid.low, solid.high, (x, y, z))
    return _in_limb(solid, solid.start, solid.end, (x, y, z))


def outline(solid: Solid, view: View, raster: Raster) -> Mask:
    """Return the shadow of a solid as a viewer of the view sees it."""
    right, up = raster.places()
    axis, sign = _AXES[view]

    def flat(point: Point) -> tuple[float, float]:
        return sign * point[axis], point[1]

    if isinstance(solid, Ball):
        return _in_ball(flat(solid.centre), (solid.radii[axis], solid.radii[1]), (right, up))
    if isinstance(solid, Block):
        ends = sorted((flat(solid.low)[0], flat(solid.high)[0]))
        return _in_block((ends[0], solid.low[1]), (ends[1], solid.high[1]), (right, up))
    return _in_limb(solid, flat(solid.start), flat(solid.end), (right, up))


def outlines(solids: Sequence[Solid], view: View, raster: Raster) -> Mask:
    """Return the shadow of several solids together."""
    found: Mask = np.logical_or.reduce([outline(one, view, raster) for one in solids])
    return found


_AXES = {View.FRONT: (0, 1.0), View.RIGHT: (2, 1.0), View.BACK: (0, -1.0)}
"""What a viewer sees to his right: +X in front, +Z (the nose) at the figure's right, -X behind."""


def _in_ball(centre: Sequence[float], radii: Sequence[float], places: Sequence[Floats]) -> Mask:
    parts = zip(centre, radii, places, strict=True)
    far: Mask = sum((((p - c) / r) ** 2 for c, r, p in parts), np.zeros(())) <= 1.0
    return far


def _in_block(low: Sequence[float], high: Sequence[float], places: Sequence[Floats]) -> Mask:
    found: Mask = np.ones((), bool)
    for least, most, place in zip(low, high, places, strict=True):
        found = found & (place >= least) & (place <= most)
    return found


def _in_limb(
    limb: Limb, start: Sequence[float], end: Sequence[float], places: Sequence[Floats]
) -> Mask:
    along = [b - a for a, b in zip(start, end, strict=True)]
    length = sum(step * step for step in along)
    offsets = [place - a for a, place in zip(start, places, strict=True)]
    dots = zip(offsets, along, strict=True)
    share = sum((offset * step for offset, step in dots), np.zeros(())) / max(length, 1e-12)
    share = np.clip(share, 0.0, 1.0)
    far = sum(
        ((offset - share * step) ** 2 for offset, step in zip(offsets, along, strict=True)),
        np.zeros(()),
    )
    radius = limb.start_radius + share * (limb.end_radius - limb.start_radius)
    near: Mask = far <= radius**2
    return near
