"""PURE: what is drawn in a layer, one path after the other."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gotapi_meshes.mesh import Floats
from gotapi_printer.files.embedded.hatch import hatch
from gotapi_printer.files.embedded.regions import Layer, polygons
from gotapi_printer.files.options import Profile

_ANGLES = (45.0, 135.0)


class Feature(enum.Enum):
    """What a path is; the names are those slicers write after `;TYPE:`."""

    SKIRT = "Skirt/Brim"
    INNER = "Perimeter"
    OUTER = "External perimeter"
    SOLID = "Solid infill"
    SPARSE = "Internal infill"


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One line to draw without lifting: points (n, 2)."""

    feature: Feature
    points: Floats

    @property
    def length(self) -> float:
        """Millimetres."""
        steps = np.diff(self.points, axis=0)
        return float(np.hypot(steps[:, 0], steps[:, 1]).sum())


def skirt(first: BaseGeometry, profile: Profile) -> list[Path]:
    """Return lines round the first layer, on which the plastic begins to flow."""
    hull = shapely.convex_hull(first)
    found = []
    for number in range(profile.skirt_loops):
        away = profile.skirt_distance + number * profile.spacing
        found += [
            Path(Feature.SKIRT, np.asarray(ring.exterior.coords))
            for ring in polygons(hull.buffer(away, quad_segs=8))
        ]
    return found


def paths(layer: Layer, number: int, profile: Profile, start: Floats) -> list[Path]:
    """Return what a layer draws from a place: inner walls, outer walls, solid, sparse."""
    found: list[Path] = []
    for wall in range(len(layer.walls) - 1, -1, -1):
        feature = Feature.INNER if wall else Feature.OUTER
        for ring in _nearest_first(list(layer.walls[wall]), start):
            found.append(Path(feature, ring))
            start = ring[-1]
    angle = _ANGLES[number % 2]
    for area in _by_nearness(polygons(layer.solid), start):
        found += _lines(Feature.SOLID, hatch(area, profile.spacing, angle))
        start = found[-1].points[-1] if found else start
    if profile.infill > 0:
        apart = profile.spacing / min(1.0, profile.infill / 100.0)
        for area in _by_nearness(polygons(layer.sparse), start):
            found += _lines(Feature.SPARSE, hatch(area, apart, angle))
    return found


def _lines(feature: Feature, lines: Floats) -> list[Path]:
    return [Path(feature, line) for line in lines]


def _nearest_first(rings: list[Floats], start: Floats) -> Iterator[Floats]:
    """Yield closed rings, always the nearest next, each begun at its nearest corner."""
    while rings:
        nearest = [float(_distances(ring, start).min()) for ring in rings]
        ring = rings.pop(int(np.argmin(nearest)))
        begin = int(np.argmin(_distances(ring[:-1], start)))
        open_ring = np.roll(ring[:-1], -begin, axis=0)
        start = open_ring[0]
        yield np.concatenate([open_ring, open_ring[:1]])


def _by_nearness(areas: list[shapely.Polygon], start: Floats) -> Iterator[shapely.Polygon]:
    while areas:
        place = shapely.Point(start)
        nearest = int(np.argmin([area.distance(place) for area in areas]))
        area = areas.pop(nearest)
        start = np.asarray(area.exterior.coords)[0]
        yield area


def _distances(points: Floats, place: Floats) -> Floats:
    apart: Floats = np.hypot(points[:, 0] - place[0], points[:, 1] - place[1])
    return apart
