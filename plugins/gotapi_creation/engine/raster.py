"""PURE: which pixels triangles cover: for outlines, previews and the inside of a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_creation.engine.base import Floats, Mask

_AT_ONCE: Final = 1 << 20
"""Pixels looked at in one step; bounds the memory to some 100 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """Pixels in triangles: one entry for every pixel of every triangle."""

    triangle: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    weights: Floats
    """(n, 3) share of each corner."""


def covered(corners: Floats, shape: tuple[int, int]) -> Iterator[Covered]:
    """Yield what triangles cover of a picture.

    `corners` is (m, 3, 2): column and row of the corners; the middle of the first pixel is (0, 0).
    """
    low = np.maximum(np.ceil(corners.min(axis=1)), 0).astype(np.int64)
    limit = np.array([shape[1], shape[0]]) - 1
    high = np.minimum(np.floor(corners.max(axis=1)), limit).astype(np.int64)
    sizes = np.maximum(high - low + 1, 0)
    counts = sizes[:, 0] * sizes[:, 1]
    ends = np.cumsum(counts)
    start = 0
    while start < len(corners):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
        part = slice(start, stop)
        yield _inside(corners[part], low[part], sizes[part], counts[part], start)
        start = stop


def _inside(
    corners: Floats,
    low: NDArray[np.int64],
    sizes: NDArray[np.int64],
    counts: NDArray[np.int64],
    first: int,
) -> Covered:
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    wide = np.maximum(sizes[:, 0], 1)[owner]
    down = place // wide
    column = low[owner, 0] + place - down * wide
    row = low[owner, 1] + down
    # The shares of the corners change evenly over a triangle.
    shares = []
    for start, across, along in _slopes(corners):
        shares.append(start[owner] + across[owner] * column + along[owner] * row)
    second, third = shares
    first_share = 1.0 - second - third
    hit = (second >= 0) & (third >= 0) & (first_share >= 0)
    weights = np.column_stack([first_share[hit], second[hit], third[hit]])
    return Covered(owner[hit] + first, row[hit], column[hit], weights)


def _slopes(corners: Floats) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield the share of the second and third corner: at (0, 0), per column and per row."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = _cross(b - a, c - a)
    for one, sign in ((c - a, 1.0), (b - a, -1.0)):
        safe = np.where(area == 0.0, 1.0, area) * sign
        across, along = one[:, 1] / safe, -one[:, 0] / safe
        start = -(across * a[:, 0] + along * a[:, 1])
        # A triangle without an area covers nothing.
        yield np.where(area == 0.0, -1.0, start), across, along


def _cross(a: Floats, b: Floats) -> Floats:
    found: Floats = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return found


def shadow(corners: Floats, shape: tuple[int, int]) -> Mask:
    """Return the pixels that any of the triangles (m, 3, 2) of a closed surface covers."""
    # What looks towards the viewer covers all that looks away.
    corners = corners[_cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) < 0]
    found = np.zeros(shape, bool)
    for some in covered(corners, shape):
        found[some.row, some.column] = True
    return found


def filled(corners: Floats, shape: tuple[int, int, int]) -> Mask:
    """Return which cells are inside a closed surface.

    `corners` is (m, 3, 3): column, row and layer of the corners; the middle of the first cell is
    (0, 0, 0). The result is (rows, columns, layers).
    """
    change = np.zeros((*shape[:2], shape[2] + 1), np.int32)
    flat = corners[:, :, :2] + 1e-7  # nobody's corner lies on the middle of a pixel
    turns = np.sign(_cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0])).astype(np.int32)
    for some in covered(flat, shape[:2]):
        layers = (some.weights * corners[some.triangle, :, 2]).sum(axis=1)
        layer = np.clip(np.ceil(layers), 0, shape[2]).astype(np.int64)
        np.add.at(change, (some.row, some.column, layer), turns[some.triangle])
    inside: Mask = np.cumsum(change, axis=2)[:, :, :-1] != 0
    return inside
