"""PURE: places on the WGS 84 ellipsoid: geocentric coordinates, local frames, angles of a camera.

Positions are rows of longitude and latitude in degrees and a height in metres above the ellipsoid.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_AXIS: Final = 6_378_137.0  # metres; WGS 84, EPSG:7030
_FLATTENING: Final = 1 / 298.257223563
_ECCENTRICITY2: Final = _FLATTENING * (2 - _FLATTENING)
_LEVEL: Final = 1e-6  # sine of an angle from the plumb line below which there is no heading


class Look(NamedTuple):
    """How a camera looks, in degrees; KML 2.2, 14.2."""

    heading: float  # clockwise from north
    tilt: float  # 0 straight down, 90 to the horizon
    roll: float  # clockwise as its owner sees it
    distance: float  # metres to what it looks at


def geocentric(places: Floats) -> Floats:
    """Return geocentric x, y, z in metres of places, (n, 3)."""
    longitude, latitude = np.radians(places[:, 0]), np.radians(places[:, 1])
    sine, cosine = np.sin(latitude), np.cos(latitude)
    radius = _AXIS / np.sqrt(1 - _ECCENTRICITY2 * sine**2)  # of the prime vertical
    flat = (radius + places[:, 2]) * cosine
    return np.column_stack(
        (
            flat * np.cos(longitude),
            flat * np.sin(longitude),
            (radius * (1 - _ECCENTRICITY2) + places[:, 2]) * sine,
        )
    )


def axes(place: Floats) -> Floats:
    """Return the directions east, north and up at a place as rows, geocentric."""
    longitude, latitude = np.radians(place[0]), np.radians(place[1])
    (a, b), (c, d) = (np.sin(longitude), np.cos(longitude)), (np.sin(latitude), np.cos(latitude))
    return np.array([[-a, b, 0.0], [-c * b, -c * a, d], [d * b, d * a, c]])


def local(places: Floats, origin: Floats) -> Floats:
    """Return places as metres to the east, to the north and up in the plane touching at `origin`.

    Its north is that of the meridian, whatever the grid of a projection says (its convergence), and
    the earth curves away below it: what KML places a model by.
    """
    offset = geocentric(places) - geocentric(origin[None])
    moved: Floats = offset @ axes(origin).T
    return moved


def look(camera: Floats, target: Floats, up: Floats) -> Look:
    """Return how a camera at a place looks at another one; `up` is geocentric, of any length."""
    here = axes(camera)
    offset = here @ (geocentric(target[None])[0] - geocentric(camera[None])[0])
    distance = float(np.linalg.norm(offset))
    forward, upward = offset / distance, here @ up
    level = float(np.hypot(forward[0], forward[1]))
    pointing = forward
    if level < _LEVEL:
        # Along the plumb line there is no heading but that of the upper border of the picture.
        pointing = upward if forward[2] < 0 else -upward
    heading = float(np.arctan2(pointing[0], pointing[1]))
    right = np.array([np.cos(heading), -np.sin(heading), 0.0])
    roll = np.arctan2(upward @ right, upward @ np.cross(right, forward))
    return Look(
        float(np.degrees(heading)) % 360.0,
        float(np.degrees(np.arctan2(level, -forward[2]))),
        float(np.degrees(roll)),
        distance,
    )
