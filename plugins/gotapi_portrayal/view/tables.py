"""What the triangles of a scene look like, as words that pixels are filled with: two for each
triangle, seen from the front and from behind."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.geometry import Geometry

Words = NDArray[np.uint32]

SUN: Final = np.array((-0.52, -0.66, 0.54)) / np.linalg.norm((-0.52, -0.66, 0.54))
"""To the sun: south-west, in the afternoon. Unit vector; x to the east, y to the north, z up."""
AMBIENT: Final = 0.42
SKY: Final = 0.22
SUNLIGHT: Final = 0.46


def light(normals: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how bright surfaces are, 0 to about 1.1, by their unit normals (n, 3)."""
    sky = 0.5 + 0.5 * normals[:, 2]
    sun = np.maximum(normals @ SUN, 0.0)
    return np.asarray(AMBIENT + SKY * sky + SUNLIGHT * sun, np.float64)


def shaded(geometry: Geometry, colours: NDArray[np.uint8]) -> Words:
    """Return colour words 0xFFBBGGRR of sun and sky on colours (n, 3), in drawing order."""
    normals = geometry.planes[:, :3]
    words = np.empty((geometry.count, 2), np.uint32)
    for side, facing in enumerate((normals, -normals)):
        words[:, side] = colour_words(colours * light(facing)[:, None])
    return words


def plain(colours: NDArray[np.uint8]) -> Words:
    """Return colour words without any light."""
    words = colour_words(colours)
    return np.ascontiguousarray(np.stack([words, words], axis=1))


def colour_words(colours: NDArray[np.generic]) -> Words:
    """Return 0xFFBBGGRR for red, green, blue of 0 to 255, (n, 3)."""
    red, green, blue = np.clip(np.rint(colours), 0, 255).astype(np.uint32).T
    words: Words = red | green << np.uint32(8) | blue << np.uint32(16) | np.uint32(0xFF000000)
    return words


def normal_words(geometry: Geometry) -> Words:
    """Return normals as colours: X, Y, Z of -1 to 1 as blue, green, red of 0 to 255.

    3DPS 10.2.1, "Normal layer default encoding"; in the scene's axes, facing who looks. Alpha is
    255, so a surface is never the 0 of a pixel without one.
    """
    normals = geometry.planes[:, :3]
    words = np.empty((geometry.count, 2), np.uint32)
    for side, facing in enumerate((normals, -normals)):
        words[:, side] = colour_words((facing[:, ::-1] + 1.0) * 127.5)
    return words


def feature_words(geometry: Geometry, numbers: NDArray[np.integer]) -> Words:
    """Return the numbers of features, one for each triangle of the pieces, in drawing order."""
    words = numbers.astype(np.uint32)[geometry.order]
    return np.ascontiguousarray(np.stack([words, words], axis=1))
