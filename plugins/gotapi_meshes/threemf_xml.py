"""PURE: one model part of a 3MF: its objects, what they are made of, and what is to be built.

XML is read as a stream; a document type, an entity or another file is never followed.
"""

import math
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from lxml import etree

if TYPE_CHECKING:
    from lxml.etree import ParserTarget

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import (
    MAX_TRIANGLES,
    MAX_VERTICES,
    Floats,
    check_count,
    check_vertices,
)

CORE: Final = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
PRODUCTION: Final = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
_MATERIAL: Final = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
_KNOWN: Final = frozenset((CORE, PRODUCTION, _MATERIAL))
"""Extensions a model may require: colours are passed over, the others change the shape."""

# 3MF core 3.4: millimetres of each unit.
_UNITS: Final = {
    "micron": 0.001,
    "millimeter": 1.0,
    "centimeter": 10.0,
    "inch": 25.4,
    "foot": 304.8,
    "meter": 1000.0,
}
MOST_COLOURS: Final = 100_000
"""Colours of a part; scans with one for each vertex have as many."""
_COLOUR: Final = re.compile("#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")
_NO_COLOUR: Final = (math.nan, math.nan, math.nan)
Colour = tuple[float, float, float]
MOST_OBJECTS: Final = 10_000
"""Objects, components and build items, each; a full plate of small parts has some hundred."""
_BLOCK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Use:
    """An object placed: the part it is in (empty: this one), its id, and where it goes."""

    part: str
    object_id: str
    transform: Floats
    """(4, 3): a row vector times the first three rows, plus the fourth (3MF core 3.3)."""


@dataclass(slots=True)
class Shape:
    """An object of a part: a mesh, or uses of other objects."""

    printed: bool
    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    corners: "array[int]" = field(default_factory=lambda: array("q"))
    uses: list[Use] = field(default_factory=list)
    group: str = ""
    """The group its triangles have their colours from, where they do not say."""
    member: str = ""
    colours: "array[float]" = field(default_factory=lambda: array("f"))
    """Red, green and blue of each triangle, from 0 to 1 and sRGB; no numbers where it has none."""


@dataclass(slots=True)
class Part:
    """What one model part says."""

    unit: float = 1.0
    shapes: dict[str, Shape] = field(default_factory=dict)
    items: list[Use] = field(default_factory=list)


def read_part(data: bytes, name: str, painted: bool = False) -> Part:
    """Read a model part; raises MeshError naming the part and the line. `painted` with colours."""
    reader = _Painter(name) if painted else _Reader(name)
    parser = etree.XMLParser(
        target=cast("ParserTarget", reader),  # the stubs know no third argument of `start`
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        for start in range(0, len(data), _BLOCK):
            parser.feed(data[start : start + _BLOCK])
        parser.close()
    except etree.XMLSyntaxError as error:
        raise MeshError(f"is no sound XML: {error.msg}", name) from None
    return reader.part


class _Reader:
    """Takes what the parser finds, element by element; keeps numbers only."""

    def __init__(self, name: str) -> None:
        self.part = Part()
        self._name = name
        self._shape: Shape | None = None
        self._depth = 0
        self._in_build = False
        self._starts = {
            "vertex": self._vertex,
            "triangle": self._triangle,
            "object": self._object,
            "component": self._component,
            "item": self._item,
            "build": self._build,
        }

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise MeshError("has a document type; a 3MF has none (3MF core 2.3.4)", self._name)

    def start(self, tag: str, attributes: Mapping[str, str], nsmap: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            self._model(tag, attributes, nsmap)
            return
        namespace, _, word = tag[1:].partition("}")
        if namespace == CORE and (take := self._starts.get(word)) is not None:
            take(attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag == f"{{{CORE}}}object":
            self._shape = None
        elif tag == f"{{{CORE}}}build":
            self._in_build = False

    def close(self) -> None:
        """Called at the end, also after an error; lxml itself finds what is unclosed."""

    def _model(self, tag: str, attributes: Mapping[str, str], nsmap: Mapping[str, str]) -> None:
        if tag != f"{{{CORE}}}model":
            raise MeshError(
                f"begins with <{tag[:80]}>; a 3MF model begins with <model>", self._name
            )
        unit = attributes.get("unit", "millimeter")
        if unit not in _UNITS:
            raise MeshError(
                f"has the unit '{unit[:40]}'; 3MF knows {', '.join(_UNITS)}", self._name
            )
        self.part.unit = _UNITS[unit]
        for prefix in attributes.get("requiredextensions", "").split():
            namespace = nsmap.get(prefix, prefix)
            if namespace not in _KNOWN:
                raise MeshError(
                    f"needs the extension {namespace[:120]}, which is not supported; "
                    "export the model as plain 3MF or STL",
                    self._name,
                )

    def _object(self, attributes: Mapping[str, str]) -> None:
        if len(self.part.shapes) >= MOST_OBJECTS:
            raise MeshError(f"has more than {MOST_OBJECTS} objects", self._name)
        own_id = attributes.get("id", "")
        if own_id in self.part.shapes:
            raise MeshError(f"has two objects with the id '{own_id[:40]}'", self._name)
        kind = attributes.get("type", "model")
        # 3MF core 3.4.1: supports and surfaces are no part of the body.
        self._shape = Shape(printed=kind in ("model", "solidsupport"))
        self.part.shapes[own_id] = self._shape

    def _vertex(self, attributes: Mapping[str, str]) -> None:
        numbers = self._own().numbers
        if len(numbers) >= 3 * MAX_VERTICES:
            check_vertices(MAX_VERTICES + 1, self._name)
        try:
            numbers.extend(float(attributes[axis]) for axis in "xyz")
        except (KeyError, ValueError):
            count = len(numbers) // 3 + 1
            raise MeshError("needs numbers x, y and z", f"{self._name}, vertex {count}") from None

    def _triangle(self, attributes: Mapping[str, str]) -> None:
        shape = self._own()
        count = len(shape.corners) // 3 + 1
        if count > MAX_TRIANGLES:
            check_count(count, self._name)
        where = f"{self._name}, triangle {count}"
        try:
            corners = [int(attributes[corner]) for corner in ("v1", "v2", "v3")]
        except (KeyError, ValueError):
            raise MeshError("needs whole numbers v1, v2 and v3", where) from None
        if not all(0 <= corner < len(shape.numbers) // 3 for corner in corners):
            raise MeshError(
                f"uses a vertex out of {corners}, and the object has {len(shape.numbers) // 3}",
                where,
            )
        shape.corners.extend(corners)

    def _component(self, attributes: Mapping[str, str]) -> None:
        self._add(self._own().uses, attributes)

    def _build(self, attributes: Mapping[str, str]) -> None:
        self._in_build = True

    def _item(self, attributes: Mapping[str, str]) -> None:
        if self._in_build:
            self._add(self.part.items, attributes)

    def _add(self, uses: list[Use], attributes: Mapping[str, str]) -> None:
        if len(uses) >= MOST_OBJECTS:
            raise MeshError(f"uses more than {MOST_OBJECTS} objects", self._name)
        part = attributes.get(f"{{{PRODUCTION}}}path", "")
        transform = _transform(attributes.get("transform", ""), self._name)
        uses.append(Use(part, attributes.get("objectid", ""), transform))

    def _own(self) -> Shape:
        if self._shape is None:
            raise MeshError("has vertices or triangles outside an object", self._name)
        return self._shape


def _transform(text: str, where: str) -> Floats:
    if not text:
        return np.vstack([np.eye(3), np.zeros(3)])
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError:
        numbers = np.empty(0)
    if numbers.shape != (12,) or not np.isfinite(numbers).all():
        raise MeshError(f"has a transform that is not twelve numbers: '{text[:60]}'", where)
    return numbers.reshape(4, 3)


class _Painter(_Reader):
    """Keeps the colours of triangles too; what is wrong with them leaves a triangle without."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._groups: dict[str, list[Colour]] = {}
        self._open: list[Colour] = []
        self._known = 0
        self._starts["basematerials"] = self._group
        self._starts["base"] = self._base

    def start(self, tag: str, attributes: Mapping[str, str], nsmap: Mapping[str, str]) -> None:
        super().start(tag, attributes, nsmap)
        if tag == f"{{{_MATERIAL}}}colorgroup":
            self._group(attributes)
        elif tag == f"{{{_MATERIAL}}}color":
            self._member(attributes.get("color", ""))

    def _group(self, attributes: Mapping[str, str]) -> None:
        self._open = []
        if len(self._groups) < MOST_OBJECTS:
            self._groups.setdefault(attributes.get("id", ""), self._open)

    def _base(self, attributes: Mapping[str, str]) -> None:
        self._member(attributes.get("displaycolor", ""))

    def _member(self, text: str) -> None:
        self._known += 1
        if self._known <= MOST_COLOURS:
            self._open.append(_colour(text))

    def _object(self, attributes: Mapping[str, str]) -> None:
        super()._object(attributes)
        shape = self._own()
        shape.group, shape.member = attributes.get("pid", ""), attributes.get("pindex", "")

    def _triangle(self, attributes: Mapping[str, str]) -> None:
        super()._triangle(attributes)
        shape = self._own()
        group = self._groups.get(attributes.get("pid", shape.group), [])
        first = attributes.get("p1", shape.member)
        members = [attributes.get(one, first) for one in ("p1", "p2", "p3")]
        found = [_member_of(group, one) for one in members]
        shape.colours.extend(sum(each) / 3 for each in zip(*found, strict=True))


def _member_of(group: list[Colour], text: str) -> Colour:
    try:
        number = int(text)
    except ValueError:
        return _NO_COLOUR
    return group[number] if 0 <= number < len(group) else _NO_COLOUR


def _colour(text: str) -> Colour:
    """Read `#RRGGBB` or `#RRGGBBAA` (3MF core 5.1)."""
    if _COLOUR.fullmatch(text) is None:
        return _NO_COLOUR
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue
