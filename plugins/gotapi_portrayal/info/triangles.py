"""PURE: rays and distances against many triangles at once; float64, any unit of length."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_THIN: Final = 1e-12  # relative to its edges: a triangle seen edge-on, or without an area


def hits(corners: Floats, start: Floats, direction: Floats) -> Floats:
    """Return how far along a ray it meets each triangle (n, 3, 3), inf where it does not.

    Both sides count (Möller and Trumbore 1997), and so do edges.
    """
    first = corners[:, 0]
    one, two = corners[:, 1] - first, corners[:, 2] - first
    across = np.cross(direction, two)
    volume = _dot(one, across)
    sizes = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    flat = np.abs(volume) <= _THIN * sizes
    inverse = 1.0 / np.where(flat, 1.0, volume)
    towards = start - first
    u = _dot(towards, across) * inverse
    over = np.cross(towards, one)
    v = over @ direction * inverse
    along = _dot(two, over) * inverse
    slack = 1e-9
    met = ~flat & (u >= -slack) & (v >= -slack) & (u + v <= 1 + slack) & (along >= 0)
    found: Floats = np.where(met, along, np.inf)
    return found


def distances(corners: Floats, point: Floats) -> Floats:
    """Return the distance of a point from each triangle (n, 3, 3)."""
    edges = np.min(
        [_to_segment(corners[:, a], corners[:, b], point) for a, b in ((0, 1), (1, 2), (2, 0))],
        axis=0,
    )
    first = corners[:, 0]
    normal = np.cross(corners[:, 1] - first, corners[:, 2] - first)
    size = np.linalg.norm(normal, axis=1)
    flat = size == 0
    height = _dot(point - first, normal) / np.where(flat, 1.0, size)
    # The foot of the perpendicular is inside where it is on the inner side of every edge.
    inside = ~flat
    for a, b in ((0, 1), (1, 2), (2, 0)):
        edge = np.cross(corners[:, b] - corners[:, a], point - corners[:, a])
        inside &= _dot(edge, normal) >= 0
    found: Floats = np.where(inside, np.abs(height), edges)
    return found


def above(corners: Floats, point: Floats) -> Flags:
    """Tell which triangles (n, 3, 3) are met by the vertical from a point upwards.

    An edge that two triangles share counts for one of them (the half-open rule), so that the
    number of those met is odd exactly inside of a closed body.
    """
    x, y = point[0], point[1]
    crossed = np.zeros(len(corners), np.int64)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        x1, y1 = corners[:, a, 0], corners[:, a, 1]
        x2, y2 = corners[:, b, 0], corners[:, b, 1]
        spans = (y1 > y) != (y2 > y)
        rise = np.where(spans, y2 - y1, 1.0)
        crossed += spans & (x < x1 + (y - y1) * (x2 - x1) / rise)
    inside: Flags = crossed % 2 == 1
    first = corners[:, 0]
    normal = np.cross(corners[:, 1] - first, corners[:, 2] - first)
    steep = normal[:, 2] == 0
    slope = (x - first[:, 0]) * normal[:, 0] + (y - first[:, 1]) * normal[:, 1]
    height = first[:, 2] - slope / np.where(steep, 1.0, normal[:, 2])
    found: Flags = inside & ~steep & (height > point[2])
    return found


def _dot(one: Floats, other: Floats) -> Floats:
    found: Floats = np.einsum("ij,ij->i", one, other)
    return found


def _to_segment(start: Floats, end: Floats, point: Floats) -> Floats:
    along = end - start
    length = _dot(along, along)
    share = _dot(point - start, along) / np.where(length == 0, 1.0, length)
    nearest = start + np.clip(share, 0.0, 1.0)[:, None] * along
    found: Floats = np.linalg.norm(point - nearest, axis=1)
    return found
