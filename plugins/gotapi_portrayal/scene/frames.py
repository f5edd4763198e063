"""The CRS of a request, its units in metres, and the way to degrees."""

import math
from functools import lru_cache, partial
from typing import Final

import numpy as np
import pyproj
from numpy.typing import NDArray

from gotapi_portrayal.catalogue import LOCAL
from gotapi_portrayal.check import Axes
from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.gather import Move, move
from gotapi_portrayal.scene.model import Frame

Points = NDArray[np.float64]

DEGREES: Final = "CRS:84"
_MERCATOR: Final = "EPSG:3857"
_GEOCENTRIC: Final = "EPSG:4978"


def frame_of(axes: Axes, middle: Triple) -> Frame:
    """Return what encoders are told of a CRS; `middle` is that of the scene, x east."""
    crs = axes.crs
    on_earth = crs.name != LOCAL
    return Frame(
        crs.name,
        crs.uri,
        axes.swapped,
        crs.geographic,
        unit_at(crs.name, crs.geographic, middle),
        partial(_degrees, move(crs.name, DEGREES)) if on_earth else None,
    )


def unit_at(name: str, geographic: bool, middle: Triple) -> Triple:
    """Return the metres of one unit of x, y and z at a place."""
    if geographic:
        return (*_metres_of_degree(middle[1]), 1.0)
    if name == _MERCATOR:  # stretched by 1 / cos of the latitude, heights are not
        latitude = 2 * math.atan(math.exp(middle[1] / 6378137.0)) - math.pi / 2
        shrunk = math.cos(latitude)
        return shrunk, shrunk, 1.0
    metres = _linear_unit(name)
    return metres, metres, 1.0


def geocentric(frame: Frame, points: Points) -> Points:
    """Return absolute points of a CRS, (n, 3), as geocentric ones of WGS 84 (EPSG:4978)."""
    east, north, up = frame.degrees(points).T
    return np.column_stack(_to_geocentric().transform(east, north, up))


def _degrees(there: Move, points: Points) -> Points:
    return there.points(np.asarray(points, np.float64).reshape(-1, 3))


def _metres_of_degree(latitude: float) -> tuple[float, float]:
    """Return the metres of a degree of longitude and of latitude (WGS 84, series to the metre)."""
    phi = math.radians(max(-89.0, min(89.0, latitude)))
    east = 111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi)
    north = 111132.92 - 559.82 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi)
    return east, north


@lru_cache(maxsize=64)
def _linear_unit(name: str) -> float:
    if name == LOCAL:
        return 1.0
    crs = pyproj.CRS.from_user_input(name)
    plane = crs.sub_crs_list[0] if crs.is_compound else crs
    return float(plane.axis_info[0].unit_conversion_factor)


@lru_cache(maxsize=1)
def _to_geocentric() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4979", _GEOCENTRIC, always_xy=True)
