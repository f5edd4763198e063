"""PURE: where things are in i3s: the CRS of a layer, bounding boxes and spheres."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pyproj
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Box, Triple
from gotapi_portrayal.scene.kml_earth import axes, local
from gotapi_portrayal.scene.model import Frame

Points = NDArray[np.float64]

WGS84: Final = 4326
_CODES: Final = re.compile(r"EPSG:(\d+)(?:\+(\d+))?")
_POINTS: Final = 5  # of an edge of a box that is followed on the ellipsoid


class Volume(NamedTuple):
    """The oriented box of a node and the sphere around it; both have one middle.

    I3S 1.7: the middle is in the CRS of the layer; sizes are in metres in a layer on the globe, in
    units of the CRS in others. Vertices of the node are relative to the middle.
    """

    middle: Triple
    half: Triple
    turn: tuple[float, float, float, float]  # quaternion x, y, z, w
    radius: float
    unit: float = 1.0  # metres of its sizes

    @property
    def obb(self) -> dict[str, object]:
        """The box as JSON."""
        return {"center": self.middle, "halfSize": self.half, "quaternion": self.turn}

    @property
    def mbs(self) -> tuple[float, ...]:
        """The sphere as JSON."""
        return (*self.middle, self.radius)


def reference(frame: Frame) -> dict[str, int]:
    """Return the CRS of a layer: a code for the plane, and one for heights where it is known."""
    plane, height = _codes(frame.name)
    if frame.geographic or not plane:
        plane = WGS84
    found = {"wkid": plane, "latestWkid": plane}
    if height:
        found |= {"vcsWkid": height, "latestVcsWkid": height}
    return found


@lru_cache(maxsize=64)
def _codes(name: str) -> tuple[int, int]:
    """Return the codes of the plane and of heights, 0 for none."""
    codes = _CODES.fullmatch(name)
    if codes is None:
        return 0, 0
    if codes[2]:
        return int(codes[1]), int(codes[2])
    crs = pyproj.CRS.from_epsg(int(codes[1]))
    if not crs.is_compound:
        return int(codes[1]), 0
    # One code for both, such as 7415: i3s names each.
    plane, height = (one.to_epsg() or 0 for one in crs.sub_crs_list)
    return plane, height


def places(frame: Frame, points: Points) -> Points:
    """Return points of a request's CRS as the layer has them: degrees are always WGS 84."""
    return frame.degrees(points) if frame.geographic else points


def volume(frame: Frame, box: Box) -> Volume:
    """Return what is around a box of a request's CRS."""
    if not frame.geographic:
        half = (np.array(box.high) - box.low) / 2
        identity = (0.0, 0.0, 0.0, 1.0)
        radius = float(np.linalg.norm(half))
        return Volume(box.centre, _triple(half), identity, radius, frame.unit[0])
    middle = places(frame, np.array([box.centre]))[0]
    edges = (np.linspace(a, b, _POINTS) for a, b in zip(box.low, box.high, strict=True))
    grid = np.stack(np.meshgrid(*edges), axis=-1).reshape(-1, 3)
    around = local(places(frame, grid), middle)
    radius = float(np.linalg.norm(around, axis=1).max())
    turn = quaternion(axes(middle).T)
    return Volume(_triple(middle), _triple(np.abs(around).max(axis=0)), turn, radius)


def quaternion(matrix: Points) -> tuple[float, float, float, float]:
    """Return a rotation as x, y, z, w; its columns are where the axes go."""
    # The eigenvector of the largest eigenvalue (Bar-Itzhack 2000): no case is near nought.
    m = matrix
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], 0, 0, 0],
            [m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], 0, 0],
            [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1], 0],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], np.trace(m)],
        ]
    )
    values, vectors = np.linalg.eigh(k)  # of the lower half
    x, y, z, w = (vectors[:, int(np.argmax(values))] * np.sign(vectors[3, -1] or 1.0)).tolist()
    return x, y, z, w


def _triple(values: Points) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])
