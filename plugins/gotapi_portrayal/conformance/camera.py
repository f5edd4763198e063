"""PURE: cameras that see a layer, as KVP has them, and where the pixels of one lie.

They look north, down at 45 degrees. Up is never given: Table 39 calls it a point and the examples
a direction, and the vertical is the default.
"""

from math import radians, sqrt, tan
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.conformance.offer import Ground

Floats = NDArray[np.float64]

FOV: Final = 40.0  # degrees from the lower to the upper border
_MARGIN: Final = 1.05  # around the box
_ASPECT: Final = 4 / 3  # pictures are at least so wide


class Camera(msgspec.Struct, frozen=True):
    """A camera over a layer; lengths are in the units of the CRS."""

    poc: tuple[float, float, float]
    poi: tuple[float, float, float]
    half: float  # the half height of what an orthographic picture shows
    far: float

    def perspective(self, fovy: float | None = FOV) -> str:
        """Return the tuple of Table 39, with the field of view in vertical direction."""
        planes = f"{_number(self.far / 1e4)},{_number(self.far)}"
        return (
            f"Perspective,{_places(self.poc, self.poi)},,,,,{'' if fovy is None else fovy},{planes}"
        )

    def orthographic(self, size: tuple[int, int]) -> str:
        """Return the tuple of Table 40 for a picture of this size."""
        wide = self.half * size[0] / size[1]
        borders = ",".join(_number(one) for one in (-wide, wide, -self.half, self.half))
        planes = f"{_number(self.far / 1e4)},{_number(self.far)}"
        return f"Orthographic,{_places(self.poc, self.poi)},,,,{borders},{planes}"

    def points(self, depths: Floats, *, mirrored: bool = False) -> Floats:
        """Return where the pixels of an orthographic picture lie, from their distances.

        `mirrored` is for a CRS whose first axis points north: there left and right are exchanged.
        """
        height, width = depths.shape
        poc, poi = np.array(self.poc), np.array(self.poi)
        ahead = (poi - poc) / np.linalg.norm(poi - poc)
        right = np.cross(ahead, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right) * (-1.0 if mirrored else 1.0)
        above = np.array((0.0, 0.0, 1.0)) - ahead * ahead[2]
        above /= np.linalg.norm(above)
        x = ((np.arange(width) + 0.5) / width * 2 - 1) * self.half * width / height
        y = (1 - (np.arange(height) + 0.5) / height * 2) * self.half
        plane = x[None, :, None] * right + y[:, None, None] * above
        placed: Floats = poc + plane + depths[:, :, None] * ahead
        return placed


def camera_over(ground: Ground, turn: bool = False) -> Camera:
    """Return a camera that has all of a layer in the picture, from the south or from the west."""
    x, y, z = ground.middle
    dx, dy, dz = ground.size
    wide, slope = max(dx, dy) / 2, (max(dx, dy) + dz) / 2 / sqrt(2.0)  # of the box, as it is seen
    half = max(slope, wide / _ASPECT) * _MARGIN or 1.0
    away = half / tan(radians(FOV / 2)) + slope
    side = away / sqrt(2.0)
    poc = (x - side, y, z + side) if turn else (x, y - side, z + side)
    return Camera(poc, (x, y, z), half, 2 * away + slope)


def _places(*places: tuple[float, float, float]) -> str:
    return ",".join(_number(one) for place in places for one in place)


def _number(value: float) -> str:
    return f"{value:.6f}"
