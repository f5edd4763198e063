"""PURE: a tree of boxes around triangles, in numpy: which of many a ray meets, nearest first.

Triangles are put in the order of a curve through space (Morton), 32 beside each other share a
box, 32 of these the next, and so on. A ray tests a level of boxes at once.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.info.triangles import Floats, hits

WIDTH: Final = 32  # boxes in a box, triangles in the lowest: numpy's cost of a call is a thousand
_AT_ONCE: Final = 8  # lowest boxes whose triangles are tested together
_CELLS: Final = (1 << 21) - 1  # of the curve on each axis: three times 21 bits


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Triangles of a layer; coordinates relative to `origin`, in float32."""

    origin: Floats  # (3,)
    corners: NDArray[np.float32]  # (n, 3, 3)
    features: NDArray[np.int64]  # (n,)
    levels: tuple[NDArray[np.float32], ...]  # each (m, 6) low and high, the lowest first

    @property
    def nbytes(self) -> int:
        """The memory it takes."""
        levels = sum(level.nbytes for level in self.levels)
        return self.corners.nbytes + self.features.nbytes + levels


def build(corners: Floats, features: NDArray[np.int64]) -> Tree:
    """Build the tree of triangles (n, 3, 3) and the numbers of their features (n,)."""
    origin = (
        (corners.min(axis=(0, 1)) + corners.max(axis=(0, 1))) / 2 if len(corners) else np.zeros(3)
    )
    local = (corners - origin).astype(np.float32)
    order = _curve(local)
    local, features = local[order], features[order]
    levels = [_boxes(local.min(axis=1), local.max(axis=1))] if len(local) else []
    while levels and len(levels[-1]) > WIDTH:
        levels.append(_boxes(levels[-1][:, :3], levels[-1][:, 3:]))
    return Tree(origin, local, features, tuple(levels))


def pick(tree: Tree, start: Floats, direction: Floats, count: int) -> list[tuple[int, float]]:
    """Return up to `count` features along a ray, each with the distance at which it is met first.

    `start` is in the coordinates of the triangles, `direction` of length 1.
    """
    start = start - tree.origin
    chosen, entries = _reached(tree, start, direction)
    found: dict[int, float] = {}
    for first in range(0, len(chosen), _AT_ONCE):
        nearest = sorted(found.values())
        if len(nearest) >= count and nearest[count - 1] < entries[first]:
            break
        block = chosen[first : first + _AT_ONCE]
        triangles = _members(block, len(tree.features))
        along = hits(tree.corners[triangles].astype(np.float64), start, direction)
        for place in np.flatnonzero(np.isfinite(along)).tolist():
            feature, far = int(tree.features[triangles[place]]), float(along[place])
            found[feature] = min(far, found.get(feature, far))
    return sorted(found.items(), key=lambda one: one[1])[:count]


def column(tree: Tree, x: float, y: float, radius: float) -> tuple[Floats, NDArray[np.int64]]:
    """Return the corners and features of triangles whose boxes reach into a column.

    The column is as high as everything, and two radii wide around a place.
    """
    boxes = np.arange(len(tree.levels[-1]) if tree.levels else 0)
    place = np.array([x, y]) - tree.origin[:2]
    wide = radius + 1e-3  # float32 moves a box by less
    for depth in range(len(tree.levels) - 1, -1, -1):
        level = tree.levels[depth][boxes]
        inside = (level[:, :2] <= place + wide) & (level[:, 3:5] >= place - wide)
        boxes = _members(
            boxes[inside.all(axis=1)],
            len(tree.levels[depth - 1]) if depth else len(tree.features),
        )
    local = tree.corners[boxes]
    low, high = local[:, :, :2].min(axis=1), local[:, :, :2].max(axis=1)
    chosen = ((low <= place + wide) & (high >= place - wide)).all(axis=1)
    return local[chosen].astype(np.float64) + tree.origin, tree.features[boxes[chosen]]


def _reached(tree: Tree, start: Floats, direction: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the lowest boxes that the ray goes through, in its order, and where it enters."""
    if not tree.levels:
        return np.empty(0, np.int64), np.empty(0)
    boxes = np.arange(len(tree.levels[-1]))
    entry: Floats = np.empty(0)
    for depth in range(len(tree.levels) - 1, -1, -1):
        level = tree.levels[depth]
        entry, leave = _through(level[boxes].astype(np.float64), start, direction)
        met = (leave >= entry) & (leave >= 0)
        boxes, entry = boxes[met], entry[met]
        if depth:
            boxes = _members(boxes, len(tree.levels[depth - 1]))
    order = np.argsort(entry, kind="stable")
    return boxes[order], entry[order]


def _through(boxes: Floats, start: Floats, direction: Floats) -> tuple[Floats, Floats]:
    """Return where a ray enters and leaves each box; it misses those left before they are entered.

    A direction of nearly nothing along an axis is given a little, which moves the ray by less
    than the millimetre by which the boxes are made larger.
    """
    tiny = np.where(direction < 0, -1e-12, 1e-12)
    inverse = 1.0 / np.where(np.abs(direction) < 1e-12, tiny, direction)
    low = (boxes[:, :3] - 1e-3 - start) * inverse
    high = (boxes[:, 3:] + 1e-3 - start) * inverse
    enter: Floats = np.minimum(low, high).max(axis=1)
    leave: Floats = np.maximum(low, high).min(axis=1)
    return enter, leave


def _members(groups: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Return the numbers of what is in some groups of WIDTH."""
    members = (groups[:, None] * WIDTH + np.arange(WIDTH)).ravel()
    return members[members < total]


def _boxes(low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    starts = np.arange(0, len(low), WIDTH)
    lows, highs = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    return np.concatenate((lows, highs), axis=1)


def _curve(corners: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the order of triangles along the curve through their centres."""
    if not len(corners):
        return np.empty(0, np.int64)
    centres = corners.mean(axis=1, dtype=np.float64)
    low = centres.min(axis=0)
    # One scale for all axes, so that boxes are about as high as wide.
    size = float((centres.max(axis=0) - low).max()) or 1.0
    cells = ((centres - low) / size * _CELLS).astype(np.uint64)
    code = _spread(cells[:, 0]) | _spread(cells[:, 1]) << 1 | _spread(cells[:, 2]) << 2
    order: NDArray[np.int64] = np.argsort(code, kind="stable")
    return order


def _spread(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 21-bit numbers with two empty bits after each bit."""
    for shift, mask in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values
