"""Coordinate reference systems: names as files write them, and coordinates into those of a layer.

Nothing is fetched: pyproj's own database and no grids from elsewhere.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from pyproj.exceptions import CRSError

from gotapi_portrayal.data.surfaces import Points
from gotapi_portrayal.data.types import Crs, SceneError

_EPSG: Final = re.compile(r"EPSG(?:[:/](?:[\d.]*[:/])?|\.xml#)(\d{4,6})", re.IGNORECASE)
_ADV: Final = re.compile(r"urn:adv:crs:([A-Z0-9]+)_([A-Z0-9]+)(?:\*DE_([A-Z0-9]+))?", re.IGNORECASE)
# The names of the German surveys, by their registry.
_ADV_PLANE: Final = {
    f"{datum}_UTM{zone}": 25800 + zone for datum in ("ETRS89",) for zone in range(28, 39)
} | {f"DHDN_3GK{zone}": 31464 + zone for zone in (2, 3, 4, 5)}
_ADV_HEIGHT: Final = {"DHHN2016": 7837, "DHHN92": 5783, "DHHN85": 5784}
_MARGIN: Final = 1.0  # degrees around the area of use


@dataclass(frozen=True, slots=True)
class Frame:
    """How coordinates of a file become those of a layer."""

    crs: Crs
    swapped: bool = False
    """The file has north before east."""
    transformer: pyproj.Transformer | None = None

    def points(self, points: Points) -> Points:
        """Return points, (n, 3), in the CRS of the layer: x east, y north, z up.

        What cannot be there is infinite.
        """
        if self.swapped:
            points = points[:, [1, 0, 2]]
        if self.transformer is None or not len(points):
            return points
        moved: NDArray[np.float64] = np.column_stack(self.transformer.transform(*points.T))
        return moved


def normalized(name: str) -> str:
    """Return a CRS name as `EPSG:7415`, or `EPSG:25832+7837` of two; raises SceneError.

    Known are EPSG codes in any form (urn, http, `EPSG:`), compounds of them, and `urn:adv:crs:`.
    """
    adv = _ADV.search(name)
    if adv is not None:
        plane = _ADV_PLANE.get(f"{adv[1]}_{adv[2]}".upper())
        height = _ADV_HEIGHT.get((adv[3] or "").upper().partition("_")[0])
        codes = [str(code) for code in (plane, height) if code]
    else:
        codes = _EPSG.findall(name)
        if not codes and (pair := re.fullmatch(r"(\d{4,6})(?:\+(\d{4,6}))?", name)):
            codes = [code for code in pair.groups() if code]
        if len(codes) == 1 and (second := re.fullmatch(r".*\d\+(\d{4,6})", name)):
            codes.append(second[1])
    if not codes or len(codes) > 2:
        raise SceneError(
            f"the coordinate reference system '{name[:100]}' is not known; give one by --crs, as "
            "EPSG:25832 or EPSG:7415"
        )
    return "EPSG:" + "+".join(codes)


def frame(
    name: str, sample: Points, *, as_defined: bool = False, target: Crs | None = None
) -> Frame:
    """Return how coordinates of a file in the CRS `name` become those of a layer.

    `sample` is a point or more of the file, (n, 3). With `as_defined` the axes are taken in the
    order of the CRS's definition, as GML says, else x first; where only the other order lies in
    the area the CRS is for, that one is taken. An empty name is a place of its own. `target` is the
    CRS of a layer that is there already. Raises SceneError.
    """
    if not name:
        if target is not None and target.name:
            raise SceneError(f"the file names no CRS, and the layer is in {target.name}")
        return Frame(Crs())
    try:
        source = pyproj.CRS.from_user_input(normalized(name))
    except CRSError:
        raise SceneError(f"there is no CRS '{normalized(name)}'; give one by --crs") from None
    middle = np.nanmean(sample, axis=0) if len(sample) else np.zeros(3)
    if source.is_geocentric:
        return _geocentric(source, name, middle, target)
    plane = source.sub_crs_list[0] if source.is_compound else source
    vertical = source.sub_crs_list[1] if source.is_compound else None
    swapped = _is_swapped(plane, middle, as_defined)
    east, north = (middle[1], middle[0]) if swapped else (middle[0], middle[1])
    crs = _stored(plane, vertical, normalized(name), float(east), float(north))
    if target is not None:
        return Frame(target, swapped, _between(crs, plane, target))
    return Frame(crs, swapped, _between(crs, plane, crs))


def _is_swapped(plane: pyproj.CRS, middle: Points, as_defined: bool) -> bool:
    if not (plane.is_geographic or plane.is_projected):
        raise SceneError(f"{plane.name} is not for places on the earth; give a CRS by --crs")
    north_first: bool = plane.axis_info[0].direction.lower() in ("north", "south")
    preferred = north_first and as_defined
    other_only = not _fits(plane, middle, preferred) and _fits(plane, middle, not preferred)
    return preferred != other_only


def _fits(plane: pyproj.CRS, middle: Points, swapped: bool) -> bool:
    east, north = (middle[1], middle[0]) if swapped else (middle[0], middle[1])
    if plane.is_projected:
        degrees = pyproj.Transformer.from_crs(plane, plane.geodetic_crs, always_xy=True)
        east, north = degrees.transform(east, north)  # infinite where there is nothing
    area = plane.area_of_use
    if area is None:
        return bool(abs(east) <= 180 and abs(north) <= 90)
    wraps = area.east < area.west
    inside = (
        east >= area.west - _MARGIN or east <= area.east + _MARGIN
        if wraps
        else area.west - _MARGIN <= east <= area.east + _MARGIN
    )
    return bool(inside and area.south - _MARGIN <= north <= area.north + _MARGIN)


def _stored(
    plane: pyproj.CRS, vertical: pyproj.CRS | None, name: str, east: float, north: float
) -> Crs:
    source, height = "", "" if vertical is None else _code(vertical)
    if plane.is_geographic:
        source = name
        plane = _utm(plane, east, north)
        name = _code(plane) + (f"+{height.removeprefix('EPSG:')}" if height else "")
    unit = plane.axis_info[0].unit_conversion_factor
    return Crs(name, _code(plane), height, source, float(unit))


def _utm(geographic: pyproj.CRS, east: float, north: float) -> pyproj.CRS:
    return _zone(geographic.name, east, north)


@lru_cache(16)  # a tenth of a second each, and a file is asked about twice
def _zone(name: str, east: float, north: float) -> pyproj.CRS:
    area = AreaOfInterest(east, north, east, north)
    for datum in (name, "WGS 84"):
        found = query_utm_crs_info(datum_name=datum, area_of_interest=area)
        if found:
            return pyproj.CRS.from_epsg(int(found[0].code))
    raise SceneError(
        f"there is no UTM zone at {east:g}, {north:g} degrees; give the file in a projected CRS"
    )


def _between(crs: Crs, plane: pyproj.CRS, target: Crs) -> pyproj.Transformer | None:
    """Return what moves points of a file; heights stay as they are."""
    if crs == target and not crs.source:
        return None
    if crs.vertical and target.vertical and crs.vertical != target.vertical:
        raise SceneError(
            f"heights of the file are in {crs.vertical}, those of the layer in {target.vertical}"
        )
    if not target.name:
        raise SceneError("the layer has no CRS and the file has one; give the file its own layer")
    return pyproj.Transformer.from_crs(plane.to_2d(), target.horizontal, always_xy=True)


def _geocentric(source: pyproj.CRS, name: str, middle: Points, target: Crs | None) -> Frame:
    geographic = pyproj.CRS.from_epsg(4979)
    east, north, _ = pyproj.Transformer.from_crs(source, geographic, always_xy=True).transform(
        *middle.tolist()
    )
    crs = target or _stored(geographic.to_2d(), None, normalized(name), east, north)
    if not crs.name:
        raise SceneError("the layer has no CRS and the file has one; give the file its own layer")
    above = pyproj.CRS.from_user_input(crs.horizontal).to_3d()
    return Frame(crs, False, pyproj.Transformer.from_crs(source, above, always_xy=True))


def _code(crs: pyproj.CRS) -> str:
    known = crs.to_authority()
    if known is None or known[0] != "EPSG":
        raise SceneError(f"'{crs.name}' has no EPSG code; give a CRS that has one by --crs")
    return f"EPSG:{known[1]}"
