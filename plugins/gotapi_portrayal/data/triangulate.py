"""PURE: polygons with holes become triangles, many at once; what is unsound is told and left out.

Each polygon is looked at from its own first corner, so that large coordinates cost no precision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import mapbox_earcut
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.surfaces import Points

MOST_CORNERS: Final = 100_000
"""Corners of one polygon; earcut needs a second for as many."""
_FLAT: Final = 1e-9
"""An area below this share of the square of the outline is a line."""
_FILLED: Final = 1e-3
"""Share of the area by which the triangles may differ from the polygon."""

_CROSSES: Final = "a polygon crosses itself, or a hole is not inside it; filled as far as possible"

Ints = NDArray[np.int64]
Told = Callable[[int, str], None]
"""Hears the number of a polygon and what is wrong with it."""


@dataclass(slots=True, eq=False)
class _Shapes:
    """Polygons: where their points are, from what point each ring begins, which polygon it has."""

    points: Points  # relative to the polygon's first corner
    rows: Ints  # of the points given
    ring_of: Ints  # (n,) per point
    polygon_of: Ints  # (r,) per ring, ascending
    starts: Ints  # (r + 1,)

    def following(self) -> Ints:
        """Return for each point the next of its ring."""
        following = np.arange(1, len(self.points) + 1)
        following[self.starts[1:] - 1] = self.starts[:-1]
        return following


def triangulate(
    points: Points, rings: Ints, polygons: Ints, told: Told
) -> tuple[NDArray[np.int64], Ints]:
    """Cut polygons into triangles; points are (n, 3), all rings one after the other.

    `rings` has the corners of each ring, `polygons` the rings of each polygon. Returns triangles,
    (t, 3) rows of points, counter-clockwise as the outer ring is, and the polygon of each,
    ascending.
    """
    shapes = _sound(_shapes(points, rings, polygons), told)
    if not len(shapes.points):
        return np.empty((0, 3), np.int64), np.empty(0, np.int64)
    first_rings, ring_counts = _runs(shapes.polygon_of)
    numbers = shapes.polygon_of[first_rings]
    normals = _normals(shapes)
    corners = np.diff(shapes.starts)[first_rings]
    simple = (ring_counts == 1) & (corners == 3)
    flat = _project(shapes, np.repeat(normals[first_rings], ring_counts, axis=0))
    quads = np.flatnonzero((ring_counts == 1) & (corners == 4))
    quads = quads[_convex(flat, shapes.starts[first_rings[quads]])]
    simple[quads] = True
    begin = shapes.starts[first_rings]
    found = [begin[simple][:, None] + np.array([0, 1, 2]), begin[quads][:, None] + [0, 2, 3]]
    whose = [numbers[simple], numbers[quads]]
    # What the triangles have to fill: the outer ring less the holes.
    areas = _ring_areas(shapes, flat)
    expected = 2 * areas[first_rings] - np.add.reduceat(areas, first_rings)
    for which in np.flatnonzero(~simple).tolist():
        ring, count = int(first_rings[which]), int(ring_counts[which])
        made, area = _ears(flat, shapes.starts[ring : ring + count + 1])
        if not len(made) or abs(area - expected[which]) > _FILLED * abs(expected[which]):
            told(int(numbers[which]), _CROSSES)
        found.append(made)
        whose.append(np.full(len(made), numbers[which]))
    triangles, owners = np.concatenate(found), np.concatenate(whose)
    order = np.argsort(owners, kind="stable")
    return shapes.rows[triangles[order]], owners[order]


def _shapes(points: Points, rings: Ints, polygons: Ints) -> _Shapes:
    starts = np.concatenate(([0], np.cumsum(rings)))
    ring_of = np.repeat(np.arange(len(rings)), rings)
    polygon_of = np.repeat(np.arange(len(polygons)), polygons)
    return _Shapes(points, np.arange(len(points)), ring_of, polygon_of, starts)


def _sound(shapes: _Shapes, told: Told) -> _Shapes:
    """Leave out what no triangles can be made of."""
    owners = shapes.polygon_of[shapes.ring_of]
    wild = np.unique(owners[~np.isfinite(shapes.points).all(axis=1)])
    for which in wild.tolist():
        told(which, "a polygon has a coordinate that is no number, or not in its CRS; left out")
    shapes = _without(shapes, wild)
    owners = shapes.polygon_of[shapes.ring_of]
    numbers, counts = np.unique(owners, return_counts=True)
    large = numbers[counts > MOST_CORNERS]
    for which in large.tolist():
        told(which, f"a polygon has more than {MOST_CORNERS} corners; left out")
    shapes = _distinct(_local(_without(shapes, large)))
    return _with_area(_long_enough(shapes, told), told)


def _without(shapes: _Shapes, polygons: Ints) -> _Shapes:
    if not len(polygons):
        return shapes
    return _kept(shapes, ~np.isin(shapes.polygon_of, polygons))


def _kept(shapes: _Shapes, rings: NDArray[np.bool_]) -> _Shapes:
    points = rings[shapes.ring_of]
    counts = np.diff(shapes.starts)[rings]
    return _Shapes(
        shapes.points[points],
        shapes.rows[points],
        np.repeat(np.arange(len(counts)), counts),
        shapes.polygon_of[rings],
        np.concatenate(([0], np.cumsum(counts))),
    )


def _local(shapes: _Shapes) -> _Shapes:
    if len(shapes.points):
        first_rings, _ = _runs(shapes.polygon_of)
        firsts = np.minimum(shapes.starts[first_rings], len(shapes.points) - 1)
        place = np.searchsorted(shapes.polygon_of[first_rings], shapes.polygon_of[shapes.ring_of])
        shapes.points = shapes.points - shapes.points[firsts[place]]
    return shapes


def _distinct(shapes: _Shapes) -> _Shapes:
    """Drop corners that are where the next one is; so rings are no longer closed."""
    if not len(shapes.points):
        return shapes
    same = (shapes.points == shapes.points[_following_or_self(shapes)]).all(axis=1)
    keep = ~same
    counts = np.bincount(shapes.ring_of[keep], minlength=len(shapes.polygon_of))
    return _Shapes(
        shapes.points[keep],
        shapes.rows[keep],
        shapes.ring_of[keep],
        shapes.polygon_of,
        np.concatenate(([0], np.cumsum(counts))),
    )


def _following_or_self(shapes: _Shapes) -> Ints:
    following = np.arange(1, len(shapes.points) + 1)
    filled = shapes.starts[1:] > shapes.starts[:-1]
    following[shapes.starts[1:][filled] - 1] = shapes.starts[:-1][filled]
    return following


def _long_enough(shapes: _Shapes, told: Told) -> _Shapes:
    short = np.diff(shapes.starts) < 3
    if not short.any():
        return shapes
    outer = np.concatenate(([True], np.diff(shapes.polygon_of) > 0))
    for which in shapes.polygon_of[short & outer].tolist():
        told(which, "a polygon has fewer than three different corners; left out")
    for which in shapes.polygon_of[short & ~outer].tolist():
        told(which, "a hole has fewer than three different corners; left out")
    gone = np.isin(shapes.polygon_of, shapes.polygon_of[short & outer])
    return _kept(shapes, ~(short | gone))


def _with_area(shapes: _Shapes, told: Told) -> _Shapes:
    if not len(shapes.points):
        return shapes
    normals = np.linalg.norm(_normals(shapes), axis=1)
    steps = shapes.points[shapes.following()] - shapes.points
    outline = np.add.reduceat(np.linalg.norm(steps, axis=1), shapes.starts[:-1])
    line = normals <= _FLAT * outline**2
    outer = np.concatenate(([True], np.diff(shapes.polygon_of) > 0))
    flat = shapes.polygon_of[line & outer]
    for which in flat.tolist():
        told(which, "a polygon has no area, or crosses itself so that none is left; left out")
    if not line.any():
        return shapes
    return _kept(shapes, ~(np.isin(shapes.polygon_of, flat) | line))


def _normals(shapes: _Shapes) -> Points:
    """Return Newell's normal of each ring, twice as long as its area."""
    crossed = np.cross(shapes.points, shapes.points[shapes.following()])
    normals: Points = np.add.reduceat(crossed, shapes.starts[:-1])
    return normals


def _project(shapes: _Shapes, normals: Points) -> Points:
    """Return points in the plane of axes that their polygon lies in best, (n, 2).

    `normals` are per ring. The outer ring goes counter-clockwise.
    """
    axis = np.abs(normals).argmax(axis=1)
    down = np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] < 0
    first, second = (axis + 1) % 3, (axis + 2) % 3
    columns = np.column_stack((np.where(down, second, first), np.where(down, first, second)))
    flat: Points = np.take_along_axis(shapes.points, columns[shapes.ring_of], axis=1)
    return flat


def _convex(flat: Points, starts: Ints) -> NDArray[np.bool_]:
    corners = flat[starts[:, None] + np.arange(4)]
    steps = np.roll(corners, -1, axis=1) - corners
    after = np.roll(steps, -1, axis=1)
    turns = steps[:, :, 0] * after[:, :, 1] - steps[:, :, 1] * after[:, :, 0]
    found: NDArray[np.bool_] = np.all(turns > 0, axis=1)
    return found


def _ears(flat: Points, starts: Ints) -> tuple[Ints, float]:
    """Cut one polygon; `starts` are those of its rings and the end. Also returns its area."""
    begin = int(starts[0])
    corners = np.ascontiguousarray(flat[begin : int(starts[-1])])
    ends = (starts[1:] - begin).astype(np.uint32)
    made = mapbox_earcut.triangulate_float64(corners, ends).reshape(-1, 3).astype(np.int64)
    areas = _areas(corners[made])
    made[areas < 0] = made[areas < 0][:, ::-1]
    filled: Ints = made[areas != 0] + begin
    return filled, float(np.abs(areas).sum())


def _areas(corners: NDArray[Any]) -> NDArray[np.float64]:
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    found: NDArray[np.float64] = (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2
    return found


def _ring_areas(shapes: _Shapes, flat: Points) -> NDArray[np.float64]:
    following = flat[shapes.following()]
    doubled = flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]
    areas: NDArray[np.float64] = np.abs(np.add.reduceat(doubled, shapes.starts[:-1])) / 2
    return areas


def _runs(values: Ints) -> tuple[Ints, Ints]:
    """Return where runs of equal values begin, and how long they are."""
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return starts, np.diff(np.append(starts, len(values)))
