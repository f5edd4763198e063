"""PURE: geometries of GML 3: polygons with holes, wherever they lie, by reference too."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from gotapi_portrayal.data.citygml_looks import Looks
from gotapi_portrayal.data.citygml_xml import HREF, gml_id, local, words
from gotapi_portrayal.data.faults import Faults
from gotapi_portrayal.data.surfaces import Polygons

DEEPEST: Final = 60
"""Geometries in geometries, with references; more is a ring of references."""
_POLYGONS: Final = frozenset(("Polygon", "Triangle", "Rectangle", "PolygonPatch"))
_NO_PLACES: Final = np.empty((0, 2), np.float32)


@dataclass(slots=True)
class Shapes:
    """Polygons of one feature at one LOD, as they are collected."""

    numbers: list[float] = field(default_factory=list)
    rings: list[int] = field(default_factory=list)
    polygons: list[int] = field(default_factory=list)
    materials: list[int] = field(default_factory=list)
    surfaces: list[int] = field(default_factory=list)
    places: list[NDArray[np.float32]] = field(default_factory=list)  # one of each ring
    textured: bool = False

    def made(self, code: int, anchor: tuple[float, float, float] | None = None) -> Polygons:
        """Return them as the loader takes them."""
        uvs = None
        if self.textured:
            uvs = np.zeros((len(self.numbers) // 3, 2))
            place = 0
            for count, places in zip(self.rings, self.places, strict=True):
                if len(places) == count:
                    uvs[place : place + count] = places
                place += count
        points = np.array(self.numbers, np.float64).reshape(-1, 3)
        return Polygons(
            code, points, self.rings, self.polygons, self.materials, self.surfaces, uvs, anchor
        )


@dataclass(slots=True)
class Geometries:
    """Reads the geometries of one member; references are looked up within it."""

    root: etree._Element
    looks: Looks
    faults: Faults
    ids: dict[str, etree._Element] | None = None

    def collect(
        self,
        element: etree._Element,
        into: Shapes,
        surface: int,
        object_id: str,
        seen: set[etree._Element] | None = None,
    ) -> None:
        """Add every polygon below an element that was not seen before."""
        for polygon, flip, ids in self._polygons(element, False, (), object_id, 0):
            if seen is not None:
                if polygon in seen:
                    continue
                seen.add(polygon)
            self._add(polygon, flip, [*ids, gml_id(polygon)][::-1], into, surface, object_id)

    def find(self, reference: str) -> etree._Element | None:
        """Return the element of this member that `#id` means."""
        if self.ids is None:
            self.ids = {name: one for one in self.root.iter() if (name := gml_id(one))}
        return self.ids.get(reference.removeprefix("#"))

    def _polygons(
        self, element: etree._Element, flip: bool, ids: tuple[str, ...], object_id: str, depth: int
    ) -> Iterator[tuple[etree._Element, bool, tuple[str, ...]]]:
        if depth > DEEPEST:
            self.faults.add(object_id, "its geometries refer to each other in a ring; left out")
            return
        name = local(element)
        if name in _POLYGONS:
            yield element, flip, ids
            return
        if own := gml_id(element):
            ids = (*ids, own)
        if name == "OrientableSurface" and element.get("orientation") == "-":
            flip = not flip
        for child in element:
            reference = child.get(HREF)
            if reference is None:
                yield from self._polygons(child, flip, ids, object_id, depth + 1)
            elif (target := self.find(reference)) is not None:
                yield from self._polygons(target, flip, ids, object_id, depth + 1)
            else:
                self.faults.add(
                    object_id, f"refers to '{reference[:100]}', which is not in this object"
                )

    def _add(
        self,
        polygon: etree._Element,
        flip: bool,
        ids: list[str],
        into: Shapes,
        surface: int,
        object_id: str,
    ) -> None:
        rings = list(_rings(polygon))
        try:
            numbers = [_numbers(ring) for ring in rings]
        except ValueError:
            self.faults.add(
                object_id,
                "a ring has something that is no number, or not three to a corner; its "
                "polygon is left out",
            )
            return
        if not rings:
            self.faults.add(object_id, "a polygon has no ring; left out")
            return
        into.polygons.append(len(rings))
        into.surfaces.append(surface)
        into.materials.append(self.looks.material(ids) if self.looks.themes else 0)
        for ring, corners in zip(rings, numbers, strict=True):
            places = self.looks.rings.get(gml_id(ring), _NO_PLACES)
            if flip:
                corners, places = _reversed(corners), places[::-1]
            into.numbers += corners
            into.rings.append(len(corners) // 3)
            into.places.append(places)
            into.textured = into.textured or bool(len(places))


def _rings(polygon: etree._Element) -> Iterator[etree._Element]:
    """Give the rings, the outer one first, as GML has it."""
    for boundary in polygon:
        # GML 2 called them outerBoundaryIs and innerBoundaryIs.
        if local(boundary) in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"):
            yield from (ring for ring in boundary if local(ring) == "LinearRing")


def _numbers(ring: etree._Element) -> list[float]:
    """Return x, y, z of every corner; what has no height lies at 0. Raises ValueError."""
    numbers: list[float] = []
    for child in ring:
        match local(child):
            case "posList":
                flat = [float(word) for word in words(child).split()]
                numbers += _three(flat, child.get("srsDimension") or child.get("dimension"))
            case "pos":
                flat = [float(word) for word in words(child).split()]
                numbers += _three(flat, str(len(flat)))
            case "pointProperty":
                for position in child.iter("{*}pos"):
                    numbers += _three([float(word) for word in words(position).split()], None)
            case "coordinates":
                for corner in words(child).split():
                    flat = [float(word) for word in corner.split(",")]
                    numbers += _three(flat, str(len(flat)))
    return numbers


def _three(flat: list[float], dimension: str | None) -> list[float]:
    if dimension != "2" and len(flat) % 3 == 0:
        return flat
    if len(flat) % 2:
        raise ValueError
    return [one for place in range(0, len(flat), 2) for one in (*flat[place : place + 2], 0.0)]


def _reversed(numbers: list[float]) -> list[float]:
    return [one for place in range(len(numbers) - 3, -1, -3) for one in numbers[place : place + 3]]


def position(element: etree._Element) -> tuple[float, float, float] | None:
    """Return the first position below an element, or None."""
    for one in element.iter("{*}pos"):
        try:
            east, north, up = _three([float(word) for word in words(one).split()], None)
        except ValueError:
            return None
        return east, north, up
    return None
