"""PURE: drawings into a field whose zero is the surface: Poisson inflation between outlines.

Inside the front outline, laplacian(u) = -4 with u = 0 on the outline makes a round dome: sqrt(u) is
the depth of a ball over its own circle. Each row is scaled to the depth that the right drawing
shows there, and the cross section is bent from an ellipse towards a box where the outlines say so.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from gotapi_creation.engine.base import Mask, Single

ALONE: Final = 0.8
"""Depth of a figure without a right drawing, by that of a ball: what nine characters had."""
_ROWS_SMOOTHED: Final = 2.0  # of the 256; the pen is not steady from row to row
_EDGE: Final = 0.7
_SAME: Final = -2
_FAR: Final = 4.0  # cells: the outlines' fields need no more
_SOFT: Final = 0.3  # cells over which outlines are smoothed


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a field is made of; everything in cells of the grid, rows from the top down."""

    front: Single
    """(rows, columns) distance to the front outline, positive inside."""
    dome: Single
    """(rows, columns) u of the Poisson equation."""
    exponents: Single
    """(rows, columns) exponent of the cross section: 2 is an ellipse."""
    right: Single | None
    """(rows, depths) distance to the right outline; column 0 is behind."""


def distance(mask: Mask) -> Single:
    """Return the distance to the outline in pixels, positive inside; around it is nothing."""
    inner = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    outer = ndimage.distance_transform_edt(~mask)
    found: Single = (np.where(mask, inner - 0.5, 0.5 - outer)).astype(np.float32)
    return found


def dome(mask: Mask) -> Single:
    """Solve laplacian(u) = -4 inside a mask, u = 0 on its outline; lengths are pixels."""
    around, own = _sides(mask)
    count = len(own)
    rows, columns = [np.arange(count)], [np.arange(count)]
    for other in around:
        here = other >= 0
        rows.append(np.flatnonzero(here))
        columns.append(other[here])
    beside = sum(map(len, rows)) - count
    values = np.concatenate([own, np.full(beside, -1.0)])
    matrix = csc_array((values, (np.concatenate(rows), np.concatenate(columns))), (count, count))
    solver = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    found = np.zeros(mask.shape, np.float32)
    found[mask] = solver.solve(np.full(count, 4.0))
    return found


def _sides(mask: Mask) -> tuple[list[NDArray[np.intp]], Single]:
    """Return the number of each pixel's neighbours (-1: outside) and its own coefficient."""
    count = int(mask.sum())
    number = np.full(np.add(mask.shape, 2), -1)
    number[1:-1, 1:-1][mask] = np.arange(count)
    height, width = mask.shape
    # Flat ends, as of a leg on the ground, go on below; else sections would fade towards them.
    for edge, ghost in ((1, 0), (height, height + 1)):
        if _flat(mask if edge == 1 else mask[::-1]):
            number[ghost] = np.where(number[edge] >= 0, _SAME, -1)
    around = [
        number[down : down + height, right : right + width][mask]
        for down, right in ((0, 1), (2, 1), (1, 0), (1, 2))
    ]
    # The outline lies half a pixel away: the value beyond it is minus the own one.
    own = sum((np.where(one == -1, 2, np.where(one == _SAME, 0, 1)) for one in around), 0)
    return [np.where(one == _SAME, -1, one) for one in around], np.asarray(own, np.float32)


def _flat(mask: Mask) -> bool:
    """Tell whether the figure begins with an edge instead of a round end."""
    widths = mask.sum(axis=1)
    first = int(widths[0])
    return first > 2 and first >= _EDGE * int(widths[min(first, len(widths) - 1)])


def half_depth(share: Single, exponent: Single) -> Single:
    """Return the depth of a superellipse where the dome has a share of its row's highest.

    `share` is 1 - x^2 for x from the middle to the edge; the result is 0 to 1.
    """
    across = np.sqrt(np.clip(1.0 - share, 0.0, 1.0))
    found: Single = np.clip(1.0 - across**exponent, 0.0, 1.0) ** (1.0 / exponent)
    return found


def field(plan: Plan) -> Single:
    """Return (rows, columns, depths) positive inside; depth 0 is behind."""
    half, middle, depths = depth(plan)
    z = np.arange(depths, dtype=np.float32) + 0.5
    away = (z[None] - middle[:, None]) ** 2
    scale = (0.5 / np.maximum(half.max(axis=1), 1.0))[:, None, None]
    found = half[:, :, None] ** 2 - away[:, None, :]
    found *= scale
    np.minimum(found, _outline(plan.front)[:, :, None], out=found)
    if plan.right is not None:
        np.minimum(found, _outline(plan.right)[:, None, :], out=found)
    return found


def depth(plan: Plan) -> tuple[Single, Single, int]:
    """Return the half depth (rows, columns), the middle of each row, and the count of depths."""
    highest = plan.dome.max(axis=1)
    share = plan.dome / np.maximum(highest, 1e-6)[:, None]
    if plan.right is None:
        wanted = ALONE * np.sqrt(highest)
        depths = int(np.ceil(2 * wanted.max())) + 4
        middle = np.full(len(wanted), depths / 2, np.float32)
    else:
        wanted, middle = _measured(plan.right)
        depths = plan.right.shape[1]
    half = half_depth(share, plan.exponents) * wanted[:, None]
    return half.astype(np.float32), middle.astype(np.float32), depths


def _measured(right: Single) -> tuple[Single, Single]:
    """Return half depth and middle of each row of the right outline, to parts of a cell."""
    inside = right > 0
    filled = np.asarray(inside.any(axis=1))
    columns = right.shape[1]
    first = inside.argmax(axis=1)
    last = columns - 1 - inside[:, ::-1].argmax(axis=1)
    rows = np.arange(len(right))
    low = first + 0.5 - np.clip(right[rows, first], 0, 0.5)
    high = last + 0.5 + np.clip(right[rows, last], 0, 0.5)
    half = np.where(filled, (high - low) / 2, 0.0)
    middle = np.where(filled, (high + low) / 2, 0.0)
    # Rows without the figure take the middle of the nearest that has it.
    nearest = ndimage.distance_transform_edt(~filled, return_distances=False, return_indices=True)
    middle = middle[nearest[0]]
    sigma = _ROWS_SMOOTHED * len(right) / 256
    smooth = ndimage.gaussian_filter1d(middle, sigma, mode="nearest")
    # Squares: those of a round end fall evenly to nothing, and smoothing leaves them.
    squares = ndimage.gaussian_filter1d(half[nearest[0]] ** 2, sigma, mode="nearest")
    half = np.where(filled, np.sqrt(squares), 0.0)
    return half.astype(np.float32), smooth.astype(np.float32)


def _outline(distances: Single) -> Single:
    smooth = ndimage.gaussian_filter(distances, _SOFT)
    found: Single = np.clip(smooth, -_FAR, _FAR)
    return found
