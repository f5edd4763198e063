"""PURE: triangles cut at the faces of a box, so that neighbouring boxes fit without cracks.

Both faces of an axis are cut at once, from the same edges, whose ends are taken in the same order
from both sides: boxes that share a face, and their extents along it, get the very same points.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Box, Part
from gotapi_portrayal.data.weld import boxes_of, starts_of, weld

Corners = NDArray[np.float64]  # (t, 3, 3) or (t, 3, 5): x, y, z and perhaps u, v


def cut(part: Part, box: Box) -> Part:
    """Return what of a part is inside a box; features without anything in it are gone."""
    owners = np.repeat(np.arange(len(part.features)), np.diff(part.triangle_starts))
    rows, corners = _cut(part, box, np.ones(len(owners), bool))
    return _rebuilt(part, owners, rows, corners)


def reaches(part: Part, box: Box) -> NDArray[np.bool_]:
    """Tell for each feature whether a triangle of it has a point in the box."""
    origin = np.array(part.origin)
    low, high = np.array(box.low) - origin, np.array(box.high) - origin
    out = (part.boxes[:, :3] < low) | (part.boxes[:, 3:] > high)
    found: NDArray[np.bool_] = ~np.any(out, axis=1)
    owners = np.repeat(np.arange(len(part.features)), np.diff(part.triangle_starts))
    rows, _ = _cut(part, box, ~found[owners])
    found[owners[rows]] = True
    return found


def clip(
    corners: Corners, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.int64], Corners]:
    """Cut triangles; returns which each piece is from, ascending, and the pieces."""
    rows = np.arange(len(corners))
    for axis in range(3):
        values = corners[:, :, axis]
        outside = (values < low[axis]).all(axis=1) | (values > high[axis]).all(axis=1)
        across = (values < low[axis]).any(axis=1) | (values > high[axis]).any(axis=1)
        whole = ~across
        cut_rows = np.flatnonzero(across & ~outside)
        pieces_of, pieces = _slab(corners[cut_rows], axis, low[axis], high[axis])
        rows = np.concatenate((rows[whole], rows[cut_rows[pieces_of]]))
        corners = np.concatenate((corners[whole], pieces))
        order = np.argsort(rows, kind="stable")
        rows, corners = rows[order], corners[order]
    return rows, corners


def _cut(part: Part, box: Box, which: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Corners]:
    triangles = np.flatnonzero(which)
    points = part.vertices.astype(np.float64)
    if part.uvs is not None:
        points = np.hstack((points, part.uvs))
    corners: Corners = points[part.triangles[triangles]]
    origin = np.array(part.origin)
    rows, pieces = clip(corners, np.array(box.low) - origin, np.array(box.high) - origin)
    return triangles[rows], pieces


def _slab(
    corners: Corners, axis: int, low: float, high: float
) -> tuple[NDArray[np.int64], Corners]:
    """Cut triangles between two planes; polygons of up to five corners become fans."""
    points, there = [], []
    for first in range(3):
        begin, end = corners[:, first], corners[:, (first + 1) % 3]
        up = (end[:, axis] > begin[:, axis])[:, None]
        planes = (low, high)
        crossings = [_crossing(begin, end, axis, plane) for plane in planes]
        points.append(begin)
        there.append((begin[:, axis] >= low) & (begin[:, axis] <= high))
        # In the order in which the edge meets them.
        for one, other in ((0, 1), (1, 0)):
            points.append(np.where(up, crossings[one][0], crossings[other][0]))
            there.append(np.where(up[:, 0], crossings[one][1], crossings[other][1]))
    valid = np.stack(there, axis=1)
    order = np.argsort(~valid, axis=1, kind="stable")[:, :5]
    polygons = np.take_along_axis(np.stack(points, axis=1), order[:, :, None], axis=1)
    counts = valid.sum(axis=1)
    made, rows = [], []
    for last in range(2, 5):
        have = np.flatnonzero(counts > last)
        made.append(polygons[have][:, [0, last - 1, last]])
        rows.append(have)
    return np.concatenate(rows), np.concatenate(made)


def _crossing(
    begin: NDArray[np.float64], end: NDArray[np.float64], axis: int, plane: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return where edges meet a plane, and whether they do so between their ends."""
    crosses = (begin[:, axis] < plane) != (end[:, axis] < plane)
    crosses &= (begin[:, axis] != plane) & (end[:, axis] != plane)
    swap = (end[:, axis] < begin[:, axis])[:, None]  # the neighbour may walk the edge backwards
    first, second = np.where(swap, end, begin), np.where(swap, begin, end)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (plane - first[:, axis]) / (second[:, axis] - first[:, axis])
    points = first + (second - first) * np.where(crosses, share, 0.0)[:, None]
    points[:, axis] = plane
    return points, crosses


def _rebuilt(
    part: Part, owners: NDArray[np.int64], rows: NDArray[np.int64], corners: Corners
) -> Part:
    kept, owner_of = np.unique(owners[rows], return_inverse=True)
    flat = corners.reshape(-1, corners.shape[2]).astype(np.float32)
    firsts, places = weld(flat, np.repeat(owner_of, 3))
    vertices, triangles = flat[firsts], places.reshape(-1, 3)
    solid = (triangles != np.roll(triangles, 1, axis=1)).all(axis=1)
    if not solid.all():
        return _rebuilt(part, owners, rows[solid], corners[solid])
    starts = starts_of(owner_of)
    vertex_starts = starts_of(owner_of.repeat(3)[firsts])
    return replace(
        part,
        features=part.features[kept],
        triangle_starts=np.append(starts, len(rows)),
        vertex_starts=np.append(vertex_starts, len(vertices)),
        boxes=boxes_of(vertices[:, :3], vertex_starts) if len(rows) else part.boxes[:0],
        centres=part.centres[kept],
        vertices=np.ascontiguousarray(vertices[:, :3]),
        triangles=triangles.astype(np.uint32),
        materials=part.materials[rows],
        surfaces=part.surfaces[rows],
        uvs=None if part.uvs is None else np.ascontiguousarray(vertices[:, 3:]),
    )
