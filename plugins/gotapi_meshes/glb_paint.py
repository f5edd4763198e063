"""PURE: materials, colours of vertices and pictures of a GLB.

Nothing in here makes a file unreadable: what cannot be used is left out, and told.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import cos, sin
from typing import Annotated, Final
from urllib.parse import unquote

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.glb_json import Index
from gotapi_meshes.mesh import Floats
from gotapi_meshes.paint import (
    MOST_FAULTS,
    MOST_LOOKS,
    MOST_PICTURES,
    Look,
    Paint,
    Picture,
    Rgb,
    paint,
    srgb,
)

_CLAMP, _MIRROR = 33071, 33648
_MOST_SETS: Final = 8  # sets of texture coordinates; programs write two at most

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Numbers = Callable[[int, str], Floats]
"""Returns the numbers of an accessor of a type (`VEC2`); raises MeshError."""
Bytes = Callable[[int], bytes]
"""Returns the bytes of a view; raises MeshError."""


class Transform(msgspec.Struct, frozen=True, rename="camel"):
    """KHR_texture_transform."""

    offset: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    tex_coord: Index | None = None


class Extras(msgspec.Struct, frozen=True):
    """Extensions of a reference to a texture."""

    transform: Transform | None = msgspec.field(default=None, name="KHR_texture_transform")


class TextureInfo(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.30."""

    index: Index
    tex_coord: Index = 0
    extensions: Extras = Extras()


class Roughness(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.22, what is seen without reflections."""

    base_color_factor: tuple[Share, Share, Share, Share] = (1.0, 1.0, 1.0, 1.0)
    base_color_texture: TextureInfo | None = None


class Glossiness(msgspec.Struct, frozen=True, rename="camel"):
    """KHR_materials_pbrSpecularGlossiness, which older files have instead."""

    diffuse_factor: tuple[Share, Share, Share, Share] = (1.0, 1.0, 1.0, 1.0)
    diffuse_texture: TextureInfo | None = None


class Older(msgspec.Struct, frozen=True):
    """Extensions of a material."""

    glossiness: Glossiness | None = msgspec.field(
        default=None, name="KHR_materials_pbrSpecularGlossiness"
    )


class Material(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.19."""

    name: str = ""
    pbr_metallic_roughness: Roughness = Roughness()
    emissive_factor: tuple[Share, Share, Share] = (0.0, 0.0, 0.0)
    emissive_texture: msgspec.Raw = msgspec.Raw(b"")
    alpha_mode: str = "OPAQUE"
    extensions: Older = Older()


class Source(msgspec.Struct, frozen=True):
    """EXT_texture_webp."""

    source: Index | None = None


class Webp(msgspec.Struct, frozen=True):
    """Extensions of a texture."""

    webp: Source = msgspec.field(default=Source(), name="EXT_texture_webp")


class Texture(msgspec.Struct, frozen=True):
    """glTF 5.29."""

    source: Index | None = None
    sampler: Index | None = None
    extensions: Webp = Webp()


class Sampler(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.26."""

    wrap_s: int = msgspec.field(default=10497, name="wrapS")


class Image(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.18."""

    uri: str | None = None
    buffer_view: Index | None = None
    name: str = ""


class Painted(msgspec.Struct, frozen=True):
    """What a primitive says of its looks."""

    material: Index | None = None


class PaintedMesh(msgspec.Struct, frozen=True):
    """A mesh with the looks of its primitives."""

    primitives: tuple[Painted, ...] = ()


class Surfaces(msgspec.Struct, frozen=True):
    """The members of a document that say how it looks."""

    materials: tuple[Material, ...] = ()
    textures: tuple[Texture, ...] = ()
    samplers: tuple[Sampler, ...] = ()
    images: tuple[Image, ...] = ()
    meshes: tuple[PaintedMesh, ...] = ()


@dataclass(slots=True)
class Brush:
    """Collects the looks of one primitive after the other, as triangles are put together."""

    surfaces: Surfaces
    numbers: Numbers
    view: Bytes
    faults: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    of: list[NDArray[np.int32]] = field(default_factory=list)
    tints: list[NDArray[np.float32]] = field(default_factory=list)
    uvs: list[NDArray[np.float32]] = field(default_factory=list)
    _known: dict[int, int] = field(default_factory=dict)
    _taken: dict[int, int] = field(default_factory=dict)

    def stroke(
        self,
        place: tuple[int, int],
        attributes: Mapping[str, int],
        corners: NDArray[np.int64],
        count: int,
    ) -> None:
        """Take the looks of a primitive, by mesh and number; `corners` of its `count` vertices."""
        material = self._material(place)
        look = -1 if material is None else self._look(material)
        self.of.append(np.full(len(corners), look, np.int32))
        self.tints.append(self._tints(attributes, corners, count))
        textured = look >= 0 and self.looks[look].picture >= 0
        info = self._info(material) if textured and material is not None else None
        self.uvs.append(self._places(info, attributes, corners, count))

    def done(self) -> Paint | None:
        """Return all looks in the order of the primitives; None where there are none."""
        of, tints = np.concatenate(self.of), np.concatenate(self.tints)
        if (of < 0).all() and not np.isfinite(tints).any() and not self.faults:
            return None
        uvs = np.concatenate(self.uvs) if self.pictures else None
        return paint(self.looks, of, tints, uvs, self.pictures, self.faults)

    def _material(self, place: tuple[int, int]) -> int | None:
        mesh, primitive = place
        try:
            number = self.surfaces.meshes[mesh].primitives[primitive].material
        except IndexError:
            return None
        return number if number is not None and number < len(self.surfaces.materials) else None

    def _look(self, number: int) -> int:
        if number not in self._known:
            if len(self.looks) >= MOST_LOOKS:
                return -1
            self._known[number] = len(self.looks)
            self.looks.append(self._made(number))
        return self._known[number]

    def _made(self, number: int) -> Look:
        material = self.surfaces.materials[number]
        rough, older = material.pbr_metallic_roughness, material.extensions.glossiness
        factor = rough.base_color_factor if older is None else older.diffuse_factor
        info = self._info(number)
        picture = -1 if info is None else self._picture(info.index)
        glows = not bytes(material.emissive_texture)  # else it glows in some places only
        return Look(
            name=material.name[:200],
            colour=_coded(factor[:3]),
            opacity=factor[3] if material.alpha_mode == "BLEND" else 1.0,
            emissive=_coded(material.emissive_factor) if glows else (0.0, 0.0, 0.0),
            picture=picture,
            wrap="repeat" if info is None or picture < 0 else self._wrap(info.index),
        )

    def _info(self, number: int) -> TextureInfo | None:
        material = self.surfaces.materials[number]
        older = material.extensions.glossiness
        rough = material.pbr_metallic_roughness
        return rough.base_color_texture if older is None else older.diffuse_texture

    def _picture(self, texture: int) -> int:
        """Return the index of a texture's picture, -1 where it cannot be had."""
        if texture >= len(self.surfaces.textures):
            return self._left_out(f"there is no texture {texture}")
        found = self.surfaces.textures[texture]
        image = found.extensions.webp.source if found.source is None else found.source
        if image is None or image >= len(self.surfaces.images):
            return self._left_out(f"texture {texture} has no picture that can be read")
        if image not in self._taken:
            try:
                picture = self._image(image)
            except MeshError as error:
                return self._left_out(f"picture {image}: {error}")
            if len(self.pictures) >= MOST_PICTURES:
                return self._left_out(f"it has more than {MOST_PICTURES} pictures")
            self._taken[image] = len(self.pictures)
            self.pictures.append(picture)
        return self._taken[image]

    def _image(self, number: int) -> Picture:
        image = self.surfaces.images[number]
        name = image.name[:100] or f"picture {number}"
        if image.buffer_view is not None:
            return Picture(name, self.view(image.buffer_view))
        head, _, data = (image.uri or "").partition(",")
        if not head.startswith("data:"):
            return Picture(unquote(image.uri or ""))
        try:
            return Picture(name, base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError):
            raise MeshError("its data is not base64") from None

    def _wrap(self, texture: int) -> str:
        sampler = self.surfaces.textures[texture].sampler
        if sampler is None or sampler >= len(self.surfaces.samplers):
            return "repeat"
        return {_CLAMP: "clamp", _MIRROR: "mirror"}.get(
            self.surfaces.samplers[sampler].wrap_s, "repeat"
        )

    def _left_out(self, words: str) -> int:
        if len(self.faults) < MOST_FAULTS and words not in self.faults:
            self.faults.append(words)
        return -1

    def _tints(
        self, attributes: Mapping[str, int], corners: NDArray[np.int64], count: int
    ) -> NDArray[np.float32]:
        nothing = np.full((len(corners), 3), np.nan, np.float32)
        if "COLOR_0" not in attributes:
            return nothing
        colours = self._attribute(attributes["COLOR_0"], ("VEC4", "VEC3"), count)
        if colours is None:
            return nothing
        return srgb(colours[:, :3].astype(np.float32)[corners].mean(axis=1))

    def _places(
        self,
        info: TextureInfo | None,
        attributes: Mapping[str, int],
        corners: NDArray[np.int64],
        count: int,
    ) -> NDArray[np.float32]:
        nothing = np.zeros((len(corners), 3, 2), np.float32)
        if info is None:
            return nothing
        turned = info.extensions.transform or Transform()
        chosen = info.tex_coord if turned.tex_coord is None else turned.tex_coord
        accessor = attributes.get(f"TEXCOORD_{chosen}") if chosen < _MOST_SETS else None
        if accessor is None:
            return nothing
        uvs = self._attribute(accessor, ("VEC2",), count)
        if uvs is None:
            return nothing
        with np.errstate(all="ignore"):
            placed = _transformed(uvs, turned).astype(np.float32)
        placed[:, 1] = 1 - placed[:, 1]  # glTF 3.9.3: v grows downwards
        found: NDArray[np.float32] = placed[corners]
        return found

    def _attribute(self, accessor: int, kinds: tuple[str, ...], count: int) -> Floats | None:
        fault = ""
        for kind in kinds:
            try:
                found = self.numbers(accessor, kind)
            except MeshError as error:
                fault = str(error)
                continue
            if len(found) == count and np.isfinite(found).all():
                return found
            fault = f"accessor {accessor} has {len(found)} rows for {count} vertices, or no numbers"
        self._left_out(fault)
        return None


def brush(document: bytes, numbers: Numbers, view: Bytes) -> Brush:
    """Return what collects the looks of a document."""
    try:
        return Brush(msgspec.json.decode(document, type=Surfaces), numbers, view)
    except (msgspec.DecodeError, RecursionError) as error:
        return Brush(Surfaces(), numbers, view, [f"its materials cannot be read: {error}"])


def _coded(light: tuple[float, ...]) -> Rgb:
    red, green, blue = srgb(np.array(light, np.float32)).tolist()
    return red, green, blue


def _transformed(uvs: Floats, turned: Transform) -> Floats:
    scaled = uvs * np.array(turned.scale)
    c, s = cos(turned.rotation), sin(turned.rotation)
    u, v = scaled[:, 0], scaled[:, 1]
    placed: Floats = np.column_stack([c * u + s * v, c * v - s * u]) + np.array(turned.offset)
    return placed
