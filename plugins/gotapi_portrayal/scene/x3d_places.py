"""PURE: how coordinates of a CRS are said in X3D and VRML, and where cameras are.

By the Geospatial component (ISO/IEC 19775-1, clause 25) where it knows the CRS; else as they are,
below a Transform that turns x east, y north, z up into what X3D has: x right, y up, z towards one.
"""

import math
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
import pyproj
from numpy.typing import NDArray

from gotapi_portrayal.catalogue import LOCAL
from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.frames import geocentric
from gotapi_portrayal.scene.model import Camera, Frame

Vector3 = NDArray[np.float64]

# Of those in 19775-1, 25.2.3, what is used with zones of UTM and degrees: semi-major axis in
# metres and inverse flattening.
_ELLIPSOIDS: Final[dict[str, tuple[float, float]]] = {
    "WE": (6378137.0, 298.257223563), "RF": (6378137.0, 298.257222101),
    "IN": (6378388.0, 297.0), "CC": (6378206.4, 294.9786982), "KA": (6378245.0, 298.3),
    "WD": (6378135.0, 298.26), "AN": (6378160.0, 298.25), "CD": (6378249.145, 293.465),
    "AA": (6377563.396, 299.3249646), "BR": (6377397.155, 299.1528128),
}  # fmt: skip
_ALIKE: Final = 1e-7  # relative: the axes of registers differ by rounding
# EPSG codes of the parameters of a Transverse Mercator, and what all zones of UTM have.
_UTM: Final[dict[str, float]] = {"8801": 0.0, "8805": 0.9996, "8806": 500_000.0}
_CENTRAL: Final = "8802"
_FALSE_NORTHING: Final = "8807"
_HEMISPHERES: Final[dict[float, tuple[str, ...]]] = {0.0: (), 10_000_000.0: ("S",)}


@lru_cache(maxsize=64)
def geo_system(name: str, swapped: bool) -> tuple[str, ...] | None:
    """Return the `geoSystem` of a CRS by its short name, None where X3D has none for it.

    `swapped` has north or latitude first, which is what X3D takes without a word.
    """
    plane, _, height = name.partition("+")
    if plane == LOCAL:
        return None
    crs = pyproj.CRS.from_user_input("OGC:CRS84" if plane == "CRS:84" else plane)
    ellipsoid = _ellipsoid(crs)
    zone = _zone(crs)
    # 25.2.3: "WGS84" says that heights are above the geoid, as those of vertical datums are.
    geoid = ("WGS84",) if height else ()
    if ellipsoid is None or not (crs.is_geographic or zone):
        return None
    if crs.is_geographic:
        return ("GD", ellipsoid, *(() if swapped else ("longitude_first",)), *geoid)
    return ("UTM", *zone, ellipsoid, *(() if swapped else ("easting_first",)), *geoid)


def _ellipsoid(crs: pyproj.CRS) -> str | None:
    shape = crs.ellipsoid
    if shape is None or not shape.inverse_flattening:
        return None
    found = (shape.semi_major_metre, shape.inverse_flattening)
    away = {
        code: max(abs(a / b - 1) for a, b in zip(found, known, strict=True))
        for code, known in _ELLIPSOIDS.items()
    }
    nearest = min(away, key=lambda code: away[code])
    return nearest if away[nearest] < _ALIKE else None


def _zone(crs: pyproj.CRS) -> tuple[str, ...]:
    """Return how geoSystem names a zone of UTM; empty for what is none."""
    operation = crs.coordinate_operation
    if not crs.is_projected or operation is None or operation.method_code != "9807":
        return ()
    values = {one.code: float(one.value) for one in operation.params}
    if any(values.get(code) != value for code, value in _UTM.items()):
        return ()
    zone, rest = divmod(values.get(_CENTRAL, 0.0) + 183.0, 6.0)
    if rest or not 1 <= zone <= 60 or crs.axis_info[0].unit_conversion_factor != 1.0:
        return ()
    south = _HEMISPHERES.get(values.get(_FALSE_NORTHING, -1.0))
    return () if south is None else (f"Z{int(zone)}", *south)


class Turn(msgspec.Struct, frozen=True):
    """The Transform from coordinates of a document to the world: first scaled, then turned."""

    rotation: tuple[float, float, float, float]
    scale: Triple
    mirrored: bool = False


_TURN: Final = (1.0, 0.0, 0.0, -math.pi / 2)
# Thirds of a turn about (1, 1, -1): x, y, z become y, -z, -x.
_TURN_SWAPPED: Final = (*(sign / math.sqrt(3) for sign in (1.0, 1.0, -1.0)), 2 * math.pi / 3)


def turn(frame: Frame, swapped: bool) -> Turn:
    """Return the Transform of coordinates without the Geospatial component, to metres."""
    east, north, up = frame.unit
    if not swapped:
        return Turn(_TURN, (east, north, up))
    a, b, c, angle = _TURN_SWAPPED
    # North, east, up are left-handed: no turn alone makes a world of them.
    return Turn((a, b, c, angle), (north, east, -up), mirrored=True)


def ordered(point: Triple, swapped: bool) -> Triple:
    """Return a point in the order of the axes of a document."""
    return (point[1], point[0], point[2]) if swapped else point


class Pose(msgspec.Struct, frozen=True):
    """Where a camera is, and how it is turned from looking to -z with y up."""

    position: Triple
    orientation: tuple[float, float, float, float]


def flat_pose(camera: Camera, place: Triple, unit: Triple) -> Pose:
    """Return the pose of a camera in the world of `turn`; `place` is added to its points."""
    metres = np.array(unit)
    ahead = (np.array(camera.poi) - np.array(camera.poc)) * metres
    turned = _orientation(_raised(ahead), _raised(np.array(camera.up) * metres))
    return Pose(world(np.array(camera.poc) + place, unit), turned)


def world(point: Vector3, unit: Triple) -> Triple:
    """Return where a point with x east, y north, z up is in the world of `turn`."""
    x, y, z = _raised(point * np.array(unit)).tolist()
    return x, y, z


def geo_pose(camera: Camera, origin: Triple, frame: Frame) -> Pose:
    """Return the pose of a camera on earth: absolute in the CRS, x first, and turned as 25.3.11
    has it, from looking north along the ground there."""
    eye, metre = np.array(camera.poc) + origin, np.diag(1 / np.array(frame.unit))
    points = np.vstack((eye, eye + metre, np.array(camera.poi) + origin))
    there = geocentric(frame, points)
    longitude, latitude, _ = frame.degrees(points[:1])[0].tolist()
    basis = _level(longitude, latitude)
    ahead = basis @ (there[4] - there[0])
    axes = basis @ (there[1:4] - there[0]).T  # columns: where the axes of the CRS point to
    up = axes @ (np.array(camera.up) * frame.unit)
    x, y, z = eye.tolist()
    return Pose((x, y, z), _orientation(_raised(ahead), _raised(up)))


def _level(longitude: float, latitude: float) -> NDArray[np.float64]:
    """Return the matrix whose rows are east, north and up of a place, geocentric."""
    a, b = math.radians(longitude), math.radians(latitude)
    east = (-math.sin(a), math.cos(a), 0.0)
    north = (-math.sin(b) * math.cos(a), -math.sin(b) * math.sin(a), math.cos(b))
    up = (math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b))
    return np.array((east, north, up))


def _raised(direction: Vector3) -> Vector3:
    """Return a direction with x east, y north, z up as X3D has it: x, y up, z south."""
    return np.array((direction[0], direction[2], -direction[1]))


def _orientation(ahead: Vector3, up: Vector3) -> tuple[float, float, float, float]:
    """Return axis and angle that turn a camera from -z ahead and y up to these directions."""
    back = -ahead / np.linalg.norm(ahead)
    right = np.cross(up, back)
    if np.linalg.norm(right) < 1e-9:  # looking along `up`: any direction will do, as long as one
        right = np.cross((0.0, 0.0, -1.0) if abs(back[1]) > 0.9 else (0.0, 1.0, 0.0), back)
    right /= np.linalg.norm(right)
    return _axis_angle(np.column_stack((right, np.cross(back, right), back)))


def _axis_angle(matrix: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return axis and angle of a matrix that turns, by way of the eigenvector of quaternions."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    # Bar-Itzhack 2000: sound for every angle, where the usual formula divides by nothing at pi.
    table = np.array(
        (
            (a - e - i, d + b, g + c, h - f),
            (d + b, e - a - i, h + f, c - g),
            (g + c, h + f, i - a - e, d - b),
            (h - f, c - g, d - b, a + e + i),
        )
    )
    x, y, z, w = np.linalg.eigh(table)[1][:, -1].tolist()
    length = math.sqrt(x * x + y * y + z * z)
    if length < 1e-12:
        return (0.0, 0.0, 1.0, 0.0)
    angle = 2 * math.atan2(length, w)
    return (x / length, y / length, z / length, angle)
