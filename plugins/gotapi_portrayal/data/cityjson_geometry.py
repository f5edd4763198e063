"""PURE: geometries of CityJSON: nested indices into polygons, with what they look like."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.cityjson_types import (
    WRONG,
    Appearance,
    Geometry,
    MaterialMember,
    TextureMember,
)
from gotapi_portrayal.data.faults import Faults
from gotapi_portrayal.data.sink import lod_of
from gotapi_portrayal.data.surfaces import Points, Polygons
from gotapi_portrayal.data.types import SURFACES, Material, SceneError

_Rings = list[list[list[int]]]
_SURFACE: Final = msgspec.json.Decoder(list[list[list[int]]])
_SOLID: Final = msgspec.json.Decoder(list[list[list[list[int]]]])
_SOLIDS: Final = msgspec.json.Decoder(list[list[list[list[list[int]]]]])
# How deep the list of polygons lies.
_DEPTHS: Final = {
    "MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2,
}  # fmt: skip
_DECODERS: Final = (_SURFACE, _SOLID, _SOLIDS)
_GEOMETRY: Final = msgspec.json.Decoder(Geometry)
_UVS: Final = msgspec.json.Decoder(list[tuple[float, float]])
_KNOWN: Final = {name: number for number, name in enumerate(SURFACES)}
_OTHER: Final = len(SURFACES) - 1
_WHITE: Final = (1.0, 1.0, 1.0)


@dataclass(slots=True)
class Looks:
    """Materials and textures of a document, kept when they are used."""

    appearance: Appearance
    keep_material: Callable[[Material], int]
    keep_texture: Callable[[str], int]
    known: dict[tuple[str, int], int] = field(default_factory=dict)
    places: NDArray[np.float64] | None = None

    def material(self, number: int) -> int:
        """Return the number of a material in the store; raises SceneError for a wrong index."""
        return self._known("material", number, self.appearance.materials, self._read_material)

    def texture(self, number: int) -> int:
        """Return the number of the material that a texture is on."""
        return self._known("texture", number, self.appearance.textures, self._read_texture)

    def uvs(self) -> NDArray[np.float64]:
        """Return where corners lie in pictures, (n, 2)."""
        if self.places is None:
            try:
                rows = _UVS.decode(self.appearance.vertices_texture)
            except WRONG:
                rows = []
            self.places = np.array(rows, np.float64).reshape(-1, 2)
        return self.places

    def _known(
        self, what: str, number: int, members: list[msgspec.Raw], read: Callable[[bytes], int]
    ) -> int:
        key = (what, number)
        if key not in self.known:
            if not 0 <= number < len(members):
                raise SceneError(f"there is no {what} {number} ({len(members)} in all)")
            try:
                self.known[key] = read(bytes(members[number]))
            except WRONG as error:
                raise SceneError(f"{what} {number} is none: {error}") from None
        return self.known[key]

    def _read_material(self, text: bytes) -> int:
        member = msgspec.json.decode(text, type=MaterialMember)
        default = Material()
        return self.keep_material(
            Material(
                name=member.name[:200],
                diffuse=_colour(member.diffuseColor, default.diffuse),
                emissive=_colour(member.emissiveColor, default.emissive),
                transparency=min(max(member.transparency or 0.0, 0.0), 1.0),
            )
        )

    def _read_texture(self, text: bytes) -> int:
        member = msgspec.json.decode(text, type=TextureMember)
        number = self.keep_texture(member.image)
        if not number:
            return 0
        wrap = {"mirror": "mirror", "clamp": "clamp", "border": "border"}.get(
            member.wrapMode or "", "repeat"
        )
        return self.keep_material(
            Material(member.image[:200], diffuse=_WHITE, texture=number, wrap=wrap)
        )


def _colour(
    given: tuple[float, float, float] | None, default: tuple[float, float, float]
) -> tuple[float, float, float]:
    red, green, blue = given or default
    return min(max(red, 0.0), 1.0), min(max(green, 0.0), 1.0), min(max(blue, 0.0), 1.0)


@dataclass(slots=True)
class Reader:
    """Reads geometries over one list of vertices."""

    vertices: Points
    looks: Looks
    templates: "Templates | None"
    faults: Faults

    def geometry(self, raw: msgspec.Raw, object_id: str) -> Polygons | None:
        """Return what a geometry is, None for nothing; what is wrong is told."""
        try:
            found = _GEOMETRY.decode(raw)
            if found.type == "GeometryInstance":
                return self._instance(found)
            return self._polygons(found, object_id)
        except (*WRONG, SceneError, ValueError, TypeError) as error:
            self.faults.add(object_id, f"a geometry is left out: {error}")
            return None

    def _polygons(self, found: Geometry, object_id: str) -> Polygons | None:
        depth = _DEPTHS.get(found.type)
        if depth is None:
            what = found.type[:40]
            raise SceneError(f"{what} has no surface, and only surfaces are shown")
        nested: Any = _DECODERS[depth].decode(found.boundaries)
        shape, faces = nested, nested
        for _ in range(depth):
            faces = list(chain.from_iterable(faces))
        count = len(faces)
        surfaces = self._surfaces(found, shape, depth, count)
        polygons = Polygons(
            lod=lod_of(found.lod, object_id, self.faults),
            points=np.empty((0, 3)),
            rings=[len(ring) for face in faces for ring in face],
            polygons=[len(face) for face in faces],
            materials=self._materials(found, shape, depth, count, object_id),
            surfaces=surfaces,
        )
        if found.texture and self.looks.appearance.textures:
            self._texture(found, depth, faces, polygons, object_id)
        flat = np.fromiter(chain.from_iterable(ring for face in faces for ring in face), np.int64)
        self._indexed(flat, polygons, object_id)
        return _whole(polygons) if count else None

    def _indexed(self, flat: NDArray[np.int64], polygons: Polygons, object_id: str) -> None:
        """Look up the vertices; polygons with wrong indices get no number there."""
        wrong = (flat < 0) | (flat >= len(self.vertices))
        if wrong.any():
            shown = int(flat[wrong][0])
            self.faults.add(
                object_id,
                f"uses vertex {shown} of {len(self.vertices)} (counted from 0); its polygons "
                "are left out",
            )
            if not len(self.vertices):
                polygons.points = np.full((len(flat), 3), np.nan)
                return
            polygons.points = self.vertices[np.where(wrong, 0, flat)].copy()
            polygons.points[wrong] = np.nan
        else:
            polygons.points = self.vertices[flat]

    def _surfaces(self, found: Geometry, shape: Any, depth: int, count: int) -> list[int]:
        if found.semantics is None:
            return [0] * count
        kinds = [
            _KNOWN.get(str(one.get("type", "")).removeprefix("+"), _OTHER)
            for one in found.semantics.surfaces
        ]
        values = _values(found.semantics.values, shape, depth)
        return [kinds[one] if one is not None and 0 <= one < len(kinds) else 0 for one in values]

    def _materials(
        self, found: Geometry, shape: Any, depth: int, count: int, object_id: str
    ) -> list[int]:
        theme = _theme(found.material, self.looks.appearance.default_theme_material)
        if theme is None or not self.looks.appearance.materials:
            return [0] * count
        if "value" in theme:
            return [self._material(theme["value"], object_id)] * count
        values = _values(theme.get("values"), shape, depth)
        return [self._material(one, object_id) for one in values]

    def _material(self, number: Any, object_id: str) -> int:
        if not isinstance(number, int):
            return 0
        try:
            return self.looks.material(number)
        except SceneError as error:
            self.faults.add(object_id, str(error))
            return 0

    def _texture(
        self, found: Geometry, depth: int, faces: _Rings, polygons: Polygons, object_id: str
    ) -> None:
        theme = _theme(found.texture, self.looks.appearance.default_theme_texture)
        values: Any = None if theme is None else theme.get("values")
        for _ in range(depth):
            values = list(chain.from_iterable(one or [] for one in values or []))
        if not isinstance(values, list) or len(values) != len(faces):
            self.faults.add(object_id, "its texture does not fit its surfaces; left out")
            return
        places = self.looks.uvs()
        uvs: list[tuple[float, float]] = []
        for place, (face, textured) in enumerate(zip(faces, values, strict=True)):
            number, corners = self._face(face, textured, places, object_id)
            polygons.materials[place] = number or polygons.materials[place]
            uvs += corners
        polygons.uvs = np.array(uvs, np.float64).reshape(-1, 2)

    def _face(
        self, face: list[list[int]], textured: Any, places: NDArray[np.float64], object_id: str
    ) -> tuple[int, list[tuple[float, float]]]:
        none = [(0.0, 0.0)] * sum(map(len, face))
        if not isinstance(textured, list) or len(textured) != len(face):
            return 0, none
        if any(not isinstance(ring, list) or ring[:1] in ([], [None]) for ring in textured):
            return 0, none
        if any(len(ring) != len(corners) + 1 for ring, corners in zip(textured, face, strict=True)):
            self.faults.add(object_id, "a texture has not one place for each corner; left out")
            return 0, none
        order = [one for ring in textured for one in ring[1:]]
        if not all(isinstance(one, int) and 0 <= one < len(places) for one in order):
            self.faults.add(object_id, f"a texture uses places beyond {len(places)}; left out")
            return 0, none
        try:
            number = self.looks.texture(textured[0][0])
        except (SceneError, TypeError) as error:
            self.faults.add(object_id, str(error))
            return 0, none
        return number, [(u, v) for u, v in places[order].tolist()] if number else none

    def _instance(self, found: Geometry) -> Polygons:
        if self.templates is None:
            raise SceneError("it uses a template, and the file has none")
        [anchor] = msgspec.json.decode(found.boundaries, type=list[int])
        if not 0 <= anchor < len(self.vertices):
            raise SceneError(f"it is at vertex {anchor} of {len(self.vertices)}")
        return self.templates.placed(
            found.template, found.transformationMatrix, self.vertices[anchor]
        )


@dataclass(slots=True)
class Templates:
    """CityJSON 3.4: geometries that are used many times."""

    raw: list[msgspec.Raw]
    reader: Reader
    read: dict[int, Polygons | None] = field(default_factory=dict)

    def placed(
        self, number: int | None, matrix: Sequence[float] | None, anchor: Points
    ) -> Polygons:
        """Return a template turned and moved to a place; raises SceneError."""
        if number is None or not 0 <= number < len(self.raw):
            raise SceneError(f"there is no template {number} ({len(self.raw)} in all)")
        if number not in self.read:
            self.read[number] = self.reader.geometry(self.raw[number], f"template {number}")
        found = self.read[number]
        if found is None:
            raise SceneError(f"template {number} has nothing to show")
        turn = np.eye(4) if matrix is None else np.array(matrix, np.float64)
        if turn.size != 16:
            raise SceneError(f"its matrix has {turn.size} numbers, not 16")
        turn = turn.reshape(4, 4)
        east, north, up = anchor.tolist()
        return Polygons(
            lod=found.lod,
            points=found.points @ turn[:3, :3].T + turn[:3, 3],
            rings=found.rings,
            polygons=found.polygons,
            materials=found.materials,
            surfaces=found.surfaces,
            uvs=found.uvs,
            anchor=(east, north, up),
        )


def _theme(themes: dict[str, dict[str, Any]] | None, default: str | None) -> dict[str, Any] | None:
    """Return the theme to show: the default of the document, else the first."""
    if not themes:
        return None
    first = next(iter(themes))
    return themes[default if default in themes else first]


def _values(values: Any, shape: Any, depth: int) -> list[Any]:
    """Return one value for each polygon; null stands for all below it (CityJSON 3.3)."""
    if depth == 0:
        given: Iterable[Any] = values if isinstance(values, list) else ()
        found = list(given)[: len(shape)]
        return found + [None] * (len(shape) - len(found))
    inner = values if isinstance(values, list) else []
    inner = inner + [None] * (len(shape) - len(inner))
    return [
        one
        for value, part in zip(inner, shape, strict=False)
        for one in _values(value, part, depth - 1)
    ]


def _whole(polygons: Polygons) -> Polygons:
    """Leave out polygons without a ring."""
    if all(polygons.polygons):
        return polygons
    keep = [place for place, rings in enumerate(polygons.polygons) if rings]
    polygons.materials = [polygons.materials[place] for place in keep]
    polygons.surfaces = [polygons.surfaces[place] for place in keep]
    polygons.polygons = [polygons.polygons[place] for place in keep]
    return polygons
