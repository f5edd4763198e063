"""PURE: city objects of CityGML 1, 2 and 3: told by how they are built, not by a list of classes.

A property in lower case holds attributes, geometries of a LOD, surfaces with a meaning, or further
features; so extensions (ADE) are read too.
"""

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from lxml import etree

from gotapi_portrayal.data.attributes import LONGEST_NAME, LONGEST_VALUE, MOST
from gotapi_portrayal.data.citygml_geometry import Geometries, Shapes, position
from gotapi_portrayal.data.citygml_looks import Looks
from gotapi_portrayal.data.citygml_xml import HREF, gml_id, local, space, words
from gotapi_portrayal.data.lod import ANY, code
from gotapi_portrayal.data.sink import Sink, lod_of
from gotapi_portrayal.data.surfaces import Polygons, Record
from gotapi_portrayal.data.types import SURFACES, Attribute

DEEPEST: Final = 40
"""Features in features; a room in a storey in a part of a building is four deep."""

_LOD: Final = re.compile(r"lod([0-4])([A-Z]\w*)?$")
_NO_SURFACE: Final = ("MultiCurve", "TerrainIntersection", "Network", "Point", "PointCloud")
_OTHER: Final = len(SURFACES) - 1
_SURFACES: Final = {name: number for number, name in enumerate(SURFACES) if name} | {
    # CityGML 3 has other names for what CityGML 2 has.
    "WindowSurface": SURFACES.index("Window"), "DoorSurface": SURFACES.index("Door"),
    "Hole": SURFACES.index("TransportationHole"), "Marking":
    SURFACES.index("TransportationMarking"),
}  # fmt: skip
_NO_FEATURES: Final = frozenset(("Address", "Appearance", "ImplicitGeometry", "ExternalReference"))
_GEOMETRIES: Final = frozenset(
    ("MultiSurface", "CompositeSurface", "Surface", "PolyhedralSurface", "TriangulatedSurface",
     "Tin", "Solid", "CompositeSolid", "MultiSolid", "Polygon", "OrientableSurface",
     "GeometricComplex", "MultiGeometry"),
)  # fmt: skip
_NO_ATTRIBUTES: Final = frozenset(("appearance", "appearanceMember", "boundedBy", "generalizesTo"))
_WHOLE: Final = frozenset(("intAttribute", "IntAttribute", "storeysAboveGround",
                           "storeysBelowGround"))  # fmt: skip
_REAL: Final = frozenset(
    ("doubleAttribute", "DoubleAttribute", "measureAttribute", "MeasureAttribute")
)


@dataclass(slots=True)
class _Open:
    """A feature whose properties are being read."""

    record: Record
    shapes: dict[int, Shapes] = field(default_factory=dict)


@dataclass(slots=True)
class Walker:
    """Reads members; `templates` are geometries that implicit ones refer to by id."""

    sink: Sink
    looks: Looks
    templates: dict[str, Shapes] = field(default_factory=dict)
    count: int = 0
    geometries: Geometries = field(init=False)
    records: list[Record] = field(init=False)
    seen: dict[int, set[etree._Element]] = field(init=False)

    def member(self, element: etree._Element) -> None:
        """Read what is in a cityObjectMember."""
        for child in element:
            self.geometries = Geometries(child, self.looks, self.sink.faults)
            self.records, self.seen = [], {}
            self._feature(child, "", 0)
            self.sink.tree(self.records)

    def template(self, element: etree._Element) -> None:
        """Read a geometry that implicit ones may refer to."""
        self.geometries = Geometries(element, self.looks, self.sink.faults)
        for child in element:
            if name := gml_id(child):
                shapes = Shapes()
                self.geometries.collect(child, shapes, 0, name)
                self.templates[name] = shapes

    def _feature(self, element: etree._Element, parent: str, depth: int) -> None:
        self.count += 1
        kind = local(element)
        name = gml_id(element) or f"{kind}_{self.count}"
        if not gml_id(element):
            self.sink.faults.add(name, "has no gml:id; it was given this one")
        record = Record(name, kind[:100], parent)
        self.records.append(record)
        if depth > DEEPEST:
            self.sink.faults.add(name, f"what is in it lies more than {DEEPEST} deep; left out")
            return
        opened = _Open(record)
        # What has a meaning first: a solid often only refers to the polygons of walls and roofs.
        geometries = []
        for prop in element:
            if _LOD.match(local(prop)):
                geometries.append(prop)
            else:
                self._property(prop, opened, depth)
        for prop in geometries:
            self._lod(prop, opened, 0)
        record.polygons += [shapes.made(number) for number, shapes in opened.shapes.items()]

    def _property(self, prop: etree._Element, opened: _Open, depth: int) -> None:
        children = [child for child in prop if local(child)]
        rest = []
        for child in children:
            name = local(child)
            if name in _SURFACES or (name.endswith("Surface") and not _is_gml(child)):
                self._surface(child, opened, depth, 0)
            elif _is_gml(child):
                if name in _GEOMETRIES and local(prop) != "extent":  # that of relief is an outline
                    self._loose(child, prop, opened)
            elif _is_feature(child):
                self._feature(child, opened.record.object_id, depth + 1)
            else:
                rest.append(child)
        if (rest or not children) and local(prop) not in _NO_ATTRIBUTES:
            _attribute(prop, "", opened.record.attributes, 0)

    def _surface(self, element: etree._Element, opened: _Open, depth: int, inner: int) -> None:
        """Read a wall, a roof, a window in it: triangles of the feature with a meaning."""
        number = _SURFACES.get(local(element), _OTHER)
        for prop in element:
            if _LOD.match(local(prop)):
                self._lod(prop, opened, number)
                continue
            for child in prop:
                name = local(child)
                if inner < DEEPEST and (name in _SURFACES or name.endswith("Surface")):
                    if not _is_gml(child):
                        self._surface(child, opened, depth, inner + 1)
                elif not _is_gml(child) and _is_feature(child):
                    self._feature(child, opened.record.object_id, depth + 1)

    def _lod(self, prop: etree._Element, opened: _Open, surface: int) -> None:
        found = _LOD.match(local(prop))
        rest = found[2] or "" if found else ""
        if found is None or rest in _NO_SURFACE:
            return
        number = code(found[1])
        if rest == "ImplicitRepresentation":
            for child in prop:
                self._implicit(child, number, opened)
            return
        self._collect(prop, number, opened, surface)

    def _collect(self, element: etree._Element, number: int, opened: _Open, surface: int) -> None:
        shapes = opened.shapes.setdefault(number, Shapes())
        seen = self.seen.setdefault(number, set())
        self.geometries.collect(element, shapes, surface, opened.record.object_id, seen)

    def _loose(self, element: etree._Element, prop: etree._Element, opened: _Open) -> None:
        """Read a geometry whose property does not name the LOD: relief has it beside."""
        beside = prop.itersiblings("{*}lod", preceding=True)
        text = next((words(one) for one in beside), None)
        number = ANY if text is None else lod_of(text, opened.record.object_id, self.sink.faults)
        self._collect(element, number, opened, 0)

    def _implicit(self, element: etree._Element, number: int, opened: _Open) -> None:
        """Read a shape that is used in many places (CityGML 2.0 8.2)."""
        name, faults = opened.record.object_id, self.sink.faults
        parts = {local(child): child for child in element}
        reference = parts.get("referencePoint")
        anchor = None if reference is None else position(reference)
        geometry = parts.get("relativeGMLGeometry", parts.get("relativeGeometry"))
        if anchor is None or geometry is None:
            faults.add(name, "an implicit geometry has no place, or lies in another file; left out")
            return
        shapes = self._shape(geometry, name)
        if shapes is None:
            faults.add(name, f"refers to '{geometry.get(HREF, '')[:100]}', which is not there")
            return
        made = shapes.made(number, anchor)
        matrix = _matrix(parts.get("transformationMatrix"))
        if matrix is None:
            faults.add(name, "a transformation matrix has not 16 numbers; left out")
            return
        moved = made.points @ matrix[:3, :3].T + matrix[:3, 3]
        record = opened.record
        record.polygons.append(
            Polygons(
                number, moved, made.rings, made.polygons, made.materials, made.surfaces,
                made.uvs, anchor,
            )
        )  # fmt: skip

    def _shape(self, geometry: etree._Element, name: str) -> Shapes | None:
        reference = geometry.get(HREF)
        if reference is not None:
            return self.templates.get(reference.rpartition("#")[2])
        shapes = Shapes()
        self.geometries.collect(geometry, shapes, 0, name)
        return shapes


def _matrix(
    element: etree._Element | None,
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None":
    if element is None:
        return np.eye(4)
    try:
        numbers = np.array(words(element).split(), np.float64)
    except ValueError:
        return None
    return numbers.reshape(4, 4) if numbers.size == 16 else None


def _is_gml(element: etree._Element) -> bool:
    return space(element).startswith("http://www.opengis.net/gml")


def _is_feature(element: etree._Element) -> bool:
    if local(element) in _NO_FEATURES or local(element).endswith("Attribute"):
        return False
    return bool(gml_id(element)) or any(_LOD.match(local(child)) for child in element)


def _attribute(prop: etree._Element, before: str, into: dict[str, Attribute], depth: int) -> None:
    """Read a property into attributes: its text, or what is in it under dotted names."""
    if len(into) >= MOST or depth > DEEPEST:
        return
    children = [child for child in prop if local(child)]
    name = local(prop)
    if name.endswith("Attribute") and (generic := _generic(prop)) is not None:
        key, value = generic
        into[f"{before}{key}"[:LONGEST_NAME]] = value
    elif not children:
        text = words(prop)
        if text:
            _put(into, f"{before}{name}", _value(prop, name, text))
    elif name[:1].isupper() or name == "genericAttribute":
        for child in children:
            _attribute(child, before, into, depth + 1)
    else:
        for child in children:
            _attribute(child, f"{before}{name}.", into, depth + 1)


def _generic(element: etree._Element) -> tuple[str, Attribute] | None:
    """Return a generic attribute: CityGML 2 names it by an attribute, 3 by an element."""
    parts = {local(child): child for child in element}
    key = element.get("name") or (words(parts["name"]) if "name" in parts else "")
    if not key or "value" not in parts:
        return None
    return key, _value(parts["value"], local(element), words(parts["value"]))


def _value(element: etree._Element, name: str, text: str) -> Attribute:
    try:
        if name in _WHOLE:
            return int(text)
        if name in _REAL or element.get("uom") is not None:
            return float(text)
    except ValueError:
        pass
    return text[:LONGEST_VALUE]


def _put(into: dict[str, Attribute], name: str, value: Attribute) -> None:
    """Keep a value; a second one of the same name joins the first."""
    name = name[:LONGEST_NAME]
    if name in into:
        value = f"{into[name]}, {value}"[:LONGEST_VALUE]
    into[name] = value
