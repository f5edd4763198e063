"""What is seen, by NumPy alone: where there is neither our rasteriser nor Embree.

It does what `native/raster.c` does, many triangles at a time: corners are snapped to 1/256 pixel,
edges are whole numbers, and of what is equally far the lower number is seen.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.fallback import Fallback, Seen, too_much
from gotapi_portrayal.view.library import NOTHING

if TYPE_CHECKING:
    from gotapi_portrayal.view.camera import Camera
    from gotapi_portrayal.view.geometry import Geometry

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_TRIANGLES: Final = 2_000_000
"""Half a minute and 1 GB."""
MOST_TESTS: Final = 400_000_000
"""Pixels of the boxes around triangles; a second takes about twenty million."""
_SUB, _HALF = 256, 128
_GUARD: Final = 24576.0  # pixels beyond which a corner is clipped, as in raster.c
_AT_ONCE: Final = 1 << 20
_SIDES: Final = (2, 4, 8, 16, 32, 64)  # boxes up to these are drawn together


class _Set(NamedTuple):
    """Triangles that were set up: (n, 3) corners in sub-pixels, depths, and (n,) names, boxes."""

    x: Integers
    y: Integers
    z: Doubles
    """Smaller is nearer; linear in the picture."""
    names: NDArray[np.int32]
    boxes: Integers  # (n, 4): x0, x1, y0, y1, both ends included

    def some(self, chosen: NDArray[np.bool_] | Integers) -> "_Set":
        return _Set(
            self.x[chosen],
            self.y[chosen],
            self.z[chosen],
            self.names[chosen],
            self.boxes[chosen],
        )


class NumpyLibrary(Fallback):
    """Draws triangle by triangle, or rather box by box of one size."""

    name = "numpy"

    def see(
        self,
        geometry: "Geometry",
        camera: "Camera",
        drawn: NDArray[np.bool_] | None,
        before: Seen | None,
    ) -> Seen:
        """Draw; raises OwsError for more than this can do in reasonable time."""
        if geometry.count > MOST_TRIANGLES:
            raise too_much(f"{geometry.count} triangles", f"{MOST_TRIANGLES}")
        made = _set_up(geometry, camera, drawn)
        width, height = _widths(made)
        tests = int((width * height).sum())
        if tests > MOST_TESTS:
            raise too_much(f"{tests} pixels of {len(made.names)} triangles", f"{MOST_TESTS}")
        shape = camera.height, camera.width
        farthest = camera.far if camera.parallel else -1.0 / camera.far
        frame = Seen(np.full(shape, NOTHING, np.int32), np.full(shape, float(farthest)))
        for part, box in _batches(made, np.maximum(width, height)):
            _merge(frame, before, *_inside(part, *box))
        return frame


def _widths(made: _Set) -> tuple[Integers, Integers]:
    x0, x1, y0, y1 = made.boxes.T
    return x1 - x0 + 1, y1 - y0 + 1


def _batches(made: _Set, sides: Integers) -> Iterator[tuple[_Set, tuple[int, int]]]:
    """Give triangles of boxes of about one size together, with width and height of the largest."""
    least = 0
    for side in _SIDES:
        some = np.flatnonzero((sides > least) & (sides <= side))
        step = max(1, _AT_ONCE // (side * side))
        for first in range(0, len(some), step):
            yield made.some(some[first : first + step]), (side, side)
        least = side
    for number in np.flatnonzero(sides > least):
        x0, x1, y0, y1 = made.boxes[number].tolist()
        rows = max(1, _AT_ONCE // (x1 - x0 + 1))
        for top in range(y0, y1 + 1, rows):
            one = made.some(np.array([number]))
            bottom = min(top + rows - 1, y1)
            one.boxes[0] = x0, x1, top, bottom
            yield one, (x1 - x0 + 1, bottom - top + 1)


def _inside(
    made: _Set, width: int, height: int
) -> tuple[Integers, Integers, Doubles, NDArray[np.int32]]:
    """Return row, column, depth and name of each pixel of a triangle; (width, height) a box."""
    column = made.boxes[:, 0, None, None] + np.arange(width)
    row = made.boxes[:, 2, None, None] + np.arange(height)[:, None]
    px, py = column * _SUB + _HALF, row * _SUB + _HALF
    inside = (column <= made.boxes[:, 1, None, None]) & (row <= made.boxes[:, 3, None, None])
    for k in range(3):
        m = (k + 1) % 3
        dx, dy = made.x[:, m] - made.x[:, k], made.y[:, m] - made.y[:, k]
        # The top-left rule: a pixel's centre on a shared edge belongs to one of the two.
        owned = np.where((dy < 0) | ((dy == 0) & (dx > 0)), 0, -1)[:, None, None]
        edge = dx[:, None, None] * (py - made.y[:, k, None, None])
        inside &= edge - dy[:, None, None] * (px - made.x[:, k, None, None]) + owned >= 0
    n, y, x = np.nonzero(inside)
    rows, columns = made.boxes[n, 2] + y, made.boxes[n, 0] + x
    return rows, columns, _depths(made, n, rows, columns), made.names[n]


def _depths(made: _Set, n: Integers, rows: Integers, columns: Integers) -> Doubles:
    ax, ay = (made.x[:, 1] - made.x[:, 0]), (made.y[:, 1] - made.y[:, 0])
    bx, by = (made.x[:, 2] - made.x[:, 0]), (made.y[:, 2] - made.y[:, 0])
    za, zb = made.z[:, 1] - made.z[:, 0], made.z[:, 2] - made.z[:, 0]
    area = (ax * by - bx * ay).astype(np.float64)
    across, down = (za * by - zb * ay) / area, (zb * ax - za * bx) / area
    x, y = columns * _SUB + _HALF - made.x[n, 0], rows * _SUB + _HALF - made.y[n, 0]
    z = made.z[n, 0] + across[n] * x + down[n] * y
    held: Doubles = np.clip(z, made.z.min(axis=1)[n], made.z.max(axis=1)[n])
    return held


def _merge(
    frame: Seen,
    before: Seen | None,
    rows: Integers,
    columns: Integers,
    z: Doubles,
    names: NDArray[np.int32],
) -> None:
    """Put pixels into the frame where they are nearer, and behind what is before."""
    pixels = rows * frame.names.shape[1] + columns
    if before is not None:
        far, name = before.far.ravel()[pixels], before.names.ravel()[pixels]
        kept = (z > far) | ((z == far) & (names > name))
        pixels, z, names = pixels[kept], z[kept], names[kept]
    order = np.lexsort((names, z, pixels))
    pixels, z, names = pixels[order], z[order], names[order]
    first = np.ones(len(pixels), bool)
    first[1:] = pixels[1:] != pixels[:-1]
    pixels, z, names = pixels[first], z[first], names[first]
    depth, shown = frame.far.reshape(-1), frame.names.reshape(-1)
    nearer = (z < depth[pixels]) | ((z == depth[pixels]) & (names < shown[pixels]))
    depth[pixels[nearer]], shown[pixels[nearer]] = z[nearer], names[nearer]


def _set_up(geometry: "Geometry", camera: "Camera", drawn: NDArray[np.bool_] | None) -> _Set:
    numbers = np.arange(geometry.count)
    if drawn is not None:
        numbers = np.flatnonzero(drawn)
    axes = np.stack([camera.right, camera.up, camera.forward], axis=1)
    points = geometry.points()[numbers].astype(np.float64) - (camera.eye - geometry.origin)
    points = points @ axes
    f = points[..., 2]
    seen = ~((f < camera.near).all(axis=1) | (f > camera.far).all(axis=1))
    for plane in _planes(camera, 0.0):
        seen &= (points @ plane[:3] + plane[3] >= 0).any(axis=1)
    points, numbers, f = points[seen], numbers[seen], f[seen]
    guard = _planes(camera, _GUARD)
    wide = np.zeros(len(points), bool)
    for plane in guard:
        wide |= (points @ plane[:3] + plane[3] < 0).any(axis=1)
    cut = (f < camera.near).any(axis=1) | wide
    pieces, owners = [points[~cut]], [numbers[~cut]]
    for corners, number in zip(points[cut], numbers[cut], strict=True):
        fan = _clipped(corners, [np.array([0, 0, 1.0, -camera.near]), *guard])
        pieces.append(fan)
        owners.append(np.full(len(fan), number))
    return _projected(camera, np.concatenate(pieces), np.concatenate(owners))


def _planes(camera: "Camera", more: float) -> list[Doubles]:
    """Return the sides of the view, `more` pixels outside: inside where (r, u, f, 1) . plane >= 0.

    With 0 they are the picture's, else those of a square around its first pixel.
    """
    w, c = (0.0, 1.0) if camera.parallel else (1.0, 0.0)
    ends = (more, more or camera.width), (more, more or camera.height)
    (left, right), (above, below) = ends
    return [
        np.array([camera.sx, 0, w * (left + camera.cx), c * (left + camera.cx)]),
        np.array([-camera.sx, 0, w * (right - camera.cx), c * (right - camera.cx)]),
        np.array([0, -camera.sy, w * (above + camera.cy), c * (above + camera.cy)]),
        np.array([0, camera.sy, w * (below - camera.cy), c * (below - camera.cy)]),
    ]


def _clipped(corners: Doubles, planes: list[Doubles]) -> Doubles:
    """Return what planes leave of a triangle, as triangles (n, 3, 3)."""
    polygon = list(corners)
    for plane in planes:
        kept: list[Doubles] = []
        sides = [float(point @ plane[:3] + plane[3]) for point in polygon]
        for k, (point, side) in enumerate(zip(polygon, sides, strict=True)):
            after, side_after = polygon[(k + 1) % len(polygon)], sides[(k + 1) % len(polygon)]
            if side >= 0:
                kept.append(point)
            if (side >= 0) != (side_after >= 0):
                # From inside to outside whichever way the edge goes: neighbours get one point.
                a, b, da, db = point, after, side, side_after
                if da < 0:
                    a, b, da, db = b, a, db, da
                kept.append(a + da / (da - db) * (b - a))
        polygon = kept
    fan = [(polygon[0], polygon[k - 1], polygon[k]) for k in range(2, len(polygon))]
    return np.array(fan).reshape(-1, 3, 3)


def _projected(camera: "Camera", points: Doubles, numbers: Integers) -> _Set:
    r, u, f = points[..., 0], points[..., 1], points[..., 2]
    scale = np.ones_like(f) if camera.parallel else 1.0 / f
    x = np.clip(camera.cx + camera.sx * r * scale, -_GUARD - 1, _GUARD + 1)
    y = np.clip(camera.cy - camera.sy * u * scale, -_GUARD - 1, _GUARD + 1)
    px, py = (np.rint(one * _SUB).astype(np.int64) for one in (x, y))
    z = f if camera.parallel else -scale
    area = (px[:, 1] - px[:, 0]) * (py[:, 2] - py[:, 0]) - (px[:, 2] - px[:, 0]) * (
        py[:, 1] - py[:, 0]
    )
    turned = np.where(area[:, None] < 0, np.array([[0, 2, 1]]), np.array([[0, 1, 2]]))
    px, py = (np.take_along_axis(one, turned, axis=1) for one in (px, py))
    z = np.take_along_axis(z, turned, axis=1)
    boxes = np.stack(
        [
            np.maximum((px.min(axis=1) + _HALF - 1) >> 8, 0),
            np.minimum((px.max(axis=1) - _HALF) >> 8, camera.width - 1),
            np.maximum((py.min(axis=1) + _HALF - 1) >> 8, 0),
            np.minimum((py.max(axis=1) - _HALF) >> 8, camera.height - 1),
        ],
        axis=1,
    )
    names = (2 * numbers + (area > 0)).astype(np.int32)
    there = (area != 0) & (boxes[:, 0] <= boxes[:, 1]) & (boxes[:, 2] <= boxes[:, 3])
    return _Set(px, py, z, names, boxes).some(there)
