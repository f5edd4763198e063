"""PURE: pictures of a model from six sides, shaded a little; the figure fills them."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_creation.engine.base import Bytes, Floats
from gotapi_creation.engine.raster import covered
from gotapi_creation.engine.surface import Surface

SIZE: Final = 384
"""Pixels of a side."""
_ROOM: Final = 0.94
_FINE: Final = 2  # samples along a side of a pixel
_LIGHT: Final = np.array([0.35, 0.5, 0.8]) / np.linalg.norm([0.35, 0.5, 0.8])

# To the right, up, and towards the viewer, in the frame of the figure.
_CAMERAS: Final[Mapping[str, NDArray[np.float64]]] = {
    "front": np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "back": np.array([[-1.0, 0, 0], [0, 1, 0], [0, 0, -1]]),
    "left": np.array([[0, 0, -1.0], [0, 1, 0], [1, 0, 0]]),
    "right": np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]]),
    "top": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "bottom": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}


def preview(surface: Surface, colours: Bytes, side: str, size: int = SIZE) -> Bytes:
    """Return a picture (size, size, 4) RGBA; what is not the model is see-through."""
    fine = size * _FINE
    seen = surface.vertices @ _CAMERAS[side].T
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = _ROOM * fine / max(float((high - low)[:2].max()), 1e-9)
    middle = (low + high) / 2
    places = (seen - middle) * [scale, -scale, scale] + [(fine - 1) / 2, (fine - 1) / 2, 0.0]
    corners = places[surface.triangles]
    shades = _shades(seen[surface.triangles])
    facing = shades >= 0
    picture = _drawn(corners[facing], colours[surface.triangles[facing]], shades[facing], fine)
    small = picture.reshape(size, _FINE, size, _FINE, 4).mean(axis=(1, 3))
    alpha = small[:, :, 3:]
    # Samples beside the model are black: take their share out of the colour.
    small[:, :, :3] = small[:, :, :3] * 255.0 / np.maximum(alpha, 1.0)
    found: Bytes = np.clip(np.round(small), 0, 255).astype(np.uint8)
    return found


def _shades(corners: Floats) -> Floats:
    """Return the brightness of each triangle, -1 for those that look away."""
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(crossed, axis=1)
    normal = crossed / np.where(length > 0, length, 1.0)[:, None]
    bright = 0.45 + 0.55 * np.maximum(normal @ _LIGHT, 0.0)
    found: Floats = np.where(normal[:, 2] > 0, bright, -1.0)
    return found


def _drawn(corners: Floats, colours: Bytes, shades: Floats, fine: int) -> NDArray[np.float32]:
    picture = np.zeros((fine * fine, 4), np.float32)
    nearest = np.full(fine * fine, -np.inf)
    for some in covered(corners[:, :, :2], (fine, fine)):
        depth = np.einsum("ij,ij->i", some.weights, corners[some.triangle, :, 2])
        place = some.row * fine + some.column
        before = nearest.copy()
        np.maximum.at(nearest, place, depth)
        seen = (depth == nearest[place]) & (depth > before[place])
        place, triangle = place[seen], some.triangle[seen]
        mixed = np.einsum("ij,ijk->ik", some.weights[seen], colours[triangle].astype(np.float64))
        picture[place, :3] = mixed * shades[triangle, None]
        picture[place, 3] = 255.0
    return picture.reshape(fine, fine, 4)
