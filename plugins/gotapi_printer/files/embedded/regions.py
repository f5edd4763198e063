"""PURE: the areas of each layer: walls, solid top and bottom, sparse inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gotapi_meshes.mesh import Floats
from gotapi_printer.files.options import Profile

_FINE: Final = 0.012  # millimetres: contours are made simpler by as much, less than a motor's step
_LEAST: Final = 0.02  # square millimetres: areas below are dust
_OVERLAP: Final = 0.15  # of a line's width that infill runs into the walls
_JOINTS: Final = "mitre"


NOTHING: Final = shapely.Polygon()


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What is printed at one height."""

    outline: BaseGeometry
    walls: tuple[tuple[Floats, ...], ...]
    """Closed rings of each wall, the outermost first."""
    solid: BaseGeometry
    sparse: BaseGeometry


def outline(loops: Sequence[Floats]) -> BaseGeometry:
    """Return the solid area of a section's loops: left-turning ones add, others take away.

    Larger ones come first, so that an island in a hole is put back; areas that overlap are one.
    """
    rings = [(_signed_area(loop), loop) for loop in loops]
    rings = sorted((ring for ring in rings if abs(ring[0]) > _LEAST), key=lambda r: -abs(r[0]))
    whole: BaseGeometry = NOTHING
    for area, loop in rings:
        polygon: BaseGeometry = shapely.Polygon(loop)
        if not polygon.is_valid:
            polygon = _clean(shapely.make_valid(polygon))
        whole = _clean(whole.union(polygon) if area > 0 else whole.difference(polygon))
    return _clean(whole.simplify(_FINE))


def layers(outlines: Sequence[BaseGeometry], profile: Profile) -> list[Layer]:
    """Divide every layer; solid is what any of the next layers above or below does not cover."""
    covered = _covered(outlines, profile.solid_layers)
    count, depth = len(outlines), profile.solid_layers
    made = []
    for number, area in enumerate(outlines):
        walls, inner = _walls(area, profile)
        above = covered[number + 1] if number + depth < count else NOTHING
        below = covered[number - depth] if number >= depth else NOTHING
        sparse = _opened(_common(_common(inner, above), below), profile)
        if profile.infill >= 99.5:
            sparse = NOTHING
        solid = _clean(inner.difference(sparse))
        made.append(Layer(area, walls, solid, _clean(sparse)))
    return made


def _covered(outlines: Sequence[BaseGeometry], depth: int) -> list[BaseGeometry]:
    """Return for each layer what it and the next `depth` - 1 have in common."""
    common = list(outlines)
    reach = 1
    while reach < depth:
        step = min(reach, depth - reach)
        common = [
            _common(one, common[place + step]) if place + step < len(common) else NOTHING
            for place, one in enumerate(common)
        ]
        reach += step
    return common


def _walls(
    area: BaseGeometry, profile: Profile
) -> tuple[tuple[tuple[Floats, ...], ...], BaseGeometry]:
    walls = []
    for number in range(profile.walls):
        inset = profile.line_width / 2 + number * profile.spacing
        walls.append(tuple(_rings(area.buffer(-inset, join_style=_JOINTS))))
    last = profile.line_width / 2 + (profile.walls - 0.5) * profile.spacing
    inside = last - _OVERLAP * profile.line_width if profile.walls else 0.0
    return tuple(walls), _clean(area.buffer(-inside, join_style=_JOINTS))


def _opened(area: BaseGeometry, profile: Profile) -> BaseGeometry:
    """Return the area without what is too narrow for infill; that becomes solid."""
    half = profile.line_width
    return area.buffer(-half, join_style=_JOINTS).buffer(half, join_style=_JOINTS)


def polygons(area: BaseGeometry) -> list[shapely.Polygon]:
    """Return the polygons of an area, lines and points left out."""
    return [
        part
        for part in shapely.get_parts(area).tolist()
        if isinstance(part, shapely.Polygon) and part.area > _LEAST
    ]


def _common(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    # Lines and points where areas only touch would break the next operation.
    return _clean(one.intersection(other))


def _clean(area: BaseGeometry) -> BaseGeometry:
    kept = polygons(area)
    return shapely.MultiPolygon(kept) if kept else NOTHING


def _rings(area: BaseGeometry) -> list[Floats]:
    rings = []
    for polygon in polygons(area):
        rings += [np.asarray(ring.coords) for ring in (polygon.exterior, *polygon.interiors)]
    return rings


def _signed_area(loop: Floats) -> float:
    x, y = (loop - loop[0]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0
