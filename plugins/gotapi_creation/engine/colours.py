"""PURE: colours of vertices, projected from the drawings."""

from typing import Final

import numpy as np
from scipy import ndimage

from gotapi_creation.engine.base import Bytes, Floats, Single, StructuralObject
from gotapi_creation.engine.order import View
from gotapi_creation.engine.surface import Surface

_BLURRED: Final = 0.03  # of the rows: what is left of a face is skin


def coloured(surface: Surface, job: StructuralObject) -> Bytes:
    """Return the RGB of each vertex: of the drawings that look at it, by how much they do.

    What no drawing shows gets the front's colours without its lines.
    """
    across, along = _normals(surface)[:, [0, 2]].T
    weights = {
        View.FRONT: np.maximum(along, 0.0) ** 2,
        View.BACK: np.maximum(-along, 0.0) ** 2,
        View.RIGHT: across**2 / 2,
    }
    blurred = _blurred(job.colours[View.FRONT])
    total = np.full(len(surface.vertices), 1e-4)  # seen from above or below: the front's
    found = _sampled(surface.vertices, job.colours[View.FRONT], job, View.FRONT) * 1e-4
    for view, weight in weights.items():
        if view in job.colours:
            colours = _sampled(surface.vertices, job.colours[view], job, view)
        else:
            colours = _sampled(surface.vertices, blurred, job, View.FRONT)
        found += weight[:, None] * colours
        total += weight
    mixed: Bytes = np.clip(np.round(found / total[:, None]), 0, 255).astype(np.uint8)
    return mixed


def _normals(surface: Surface) -> Floats:
    corners = surface.vertices[surface.triangles]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(surface.vertices)
    for axis in range(3):
        for corner in range(3):
            total[:, axis] += np.bincount(
                surface.triangles[:, corner], crossed[:, axis], len(surface.vertices)
            )
    length = np.linalg.norm(total, axis=1)
    found: Floats = total / np.where(length > 0, length, 1.0)[:, None]
    return found


def _blurred(picture: Bytes) -> Single:
    sigma = _BLURRED * len(picture)
    small = picture[::4, ::4].astype(np.float32)  # nothing fine is left anyway
    soft = ndimage.gaussian_filter(small, (sigma / 4, sigma / 4, 0), mode="nearest")
    found: Single = np.repeat(np.repeat(soft, 4, axis=0), 4, axis=1)
    return found[: picture.shape[0], : picture.shape[1]]


def _sampled(
    vertices: Floats, picture: Bytes | Single, job: StructuralObject, view: View
) -> Floats:
    rows, columns = picture.shape[:2]
    x, y, z = vertices.T / job.pixel
    right = {View.FRONT: x, View.BACK: -x, View.RIGHT: z}[view]
    column = np.clip(right + columns / 2 - 0.5, 0, columns - 1)
    row = np.clip(rows - y - 0.5, 0, rows - 1)
    left, upper = np.floor(column).astype(int), np.floor(row).astype(int)
    next_left, lower = np.minimum(left + 1, columns - 1), np.minimum(upper + 1, rows - 1)
    aside, down = (column - left)[:, None], (row - upper)[:, None]
    above = picture[upper, left] * (1 - aside) + picture[upper, next_left] * aside
    below = picture[lower, left] * (1 - aside) + picture[lower, next_left] * aside
    found: Floats = above * (1 - down) + below * down
    return found
