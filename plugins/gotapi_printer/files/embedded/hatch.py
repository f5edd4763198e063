"""PURE: parallel lines over an area, there and back."""

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gotapi_meshes.mesh import Floats

_SHORTEST = 0.3  # millimetres of a line that is worth the way to it


def hatch(area: BaseGeometry, spacing: float, degrees: float) -> Floats:
    """Return lines (n, 2, 2) at an angle, `spacing` apart, in the order they are drawn.

    The lines lie on one grid through the origin, so those of layers stand on each other.
    """
    rings = _edges(area)
    if not len(rings):
        return np.empty((0, 2, 2))
    turn = _turn(-degrees)
    edges = rings @ turn.T
    low = np.ceil(edges[:, :, 1].min(axis=1) / spacing - 0.5).astype(np.int64)
    high = np.ceil(edges[:, :, 1].max(axis=1) / spacing - 0.5).astype(np.int64)
    counts = high - low
    which = np.repeat(np.arange(len(edges)), counts)
    rows = low[which] + np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    level = (rows + 0.5) * spacing
    a, b = edges[which, 0], edges[which, 1]
    x = a[:, 0] + (b[:, 0] - a[:, 0]) * (level - a[:, 1]) / (b[:, 1] - a[:, 1])
    order = np.lexsort((x, rows))
    rows, x = rows[order], x[order]
    return _there_and_back(rows, x, spacing) @ _turn(degrees).T


def _there_and_back(
    rows: "np.ndarray[tuple[int], np.dtype[np.int64]]", x: Floats, spacing: float
) -> Floats:
    # Every row crosses closed rings an even number of times: in, out, in, out.
    starts, ends, rows = x[0::2], x[1::2], rows[0::2]
    kept = ends - starts > _SHORTEST
    starts, ends, rows = starts[kept], ends[kept], rows[kept]
    back = rows % 2 == 1
    order = np.lexsort((np.where(back, -starts, starts), rows))
    starts, ends, rows, back = starts[order], ends[order], rows[order], back[order]
    level = (rows + 0.5) * spacing
    left = np.column_stack([np.where(back, ends, starts), level])
    right = np.column_stack([np.where(back, starts, ends), level])
    return np.stack([left, right], axis=1)


def _edges(area: BaseGeometry) -> Floats:
    rings = []
    for polygon in shapely.get_parts(area).tolist():
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.asarray(ring.coords)
            rings.append(np.stack([points[:-1], points[1:]], axis=1))
    return np.concatenate(rings) if rings else np.empty((0, 2, 2))


def _turn(degrees: float) -> Floats:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
