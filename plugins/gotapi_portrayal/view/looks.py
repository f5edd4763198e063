"""Styles of layers: what colour each triangle has, and what picture is on it."""

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gotapi_portrayal.catalogue import Style, Text
from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.data.types import SURFACES, Material
from gotapi_portrayal.gather import Gathered
from gotapi_portrayal.view.geometry import Geometry
from gotapi_portrayal.view.textures import LARGEST, Textures, picture_index, textures

Bytes = NDArray[np.uint8]

AS_IS: Final = "as-is"
THEMATIC: Final = "thematic"
PLAIN: Final = "plain"

STYLES: Final = (
    Style(id=AS_IS, title=(Text("As it is: its own materials and textures, else by theme"),),
          default=True),
    Style(id=THEMATIC, title=(Text("By theme: roofs, walls, ground, water and so on"),)),
    Style(id=PLAIN, title=(Text("Plain: a white model"),)),
)  # fmt: skip

_WHITE: Final = (232, 230, 226)
_UNKNOWN: Final = (206, 200, 190)
_THEMES: Final = {
    "GroundSurface": (150, 146, 138), "WallSurface": (226, 216, 198), "RoofSurface": (184, 86, 66),
    "ClosureSurface": (204, 204, 214), "OuterCeilingSurface": (200, 192, 180),
    "OuterFloorSurface": (188, 178, 164), "Window": (134, 176, 208), "Door": (134, 92, 60),
    "InteriorWallSurface": (238, 232, 220), "CeilingSurface": (240, 236, 228),
    "FloorSurface": (196, 176, 150), "WaterSurface": (96, 150, 200),
    "WaterGroundSurface": (120, 130, 120), "WaterClosureSurface": (120, 160, 196),
    "TrafficArea": (120, 122, 126), "AuxiliaryTrafficArea": (150, 160, 130),
    "TransportationMarking": (244, 244, 240), "TransportationHole": (70, 70, 74),
    "TerrainSurface": (140, 166, 112),
}  # fmt: skip
_KINDS: Final = {
    "TINRelief": (140, 166, 112), "ReliefFeature": (140, 166, 112), "WaterBody": (96, 150, 200),
    "Road": (120, 122, 126), "Railway": (110, 104, 100), "TransportSquare": (160, 158, 152),
    "PlantCover": (104, 146, 84), "SolitaryVegetationObject": (84, 134, 72),
    "LandUse": (172, 180, 130), "Bridge": (176, 170, 164), "Tunnel": (120, 116, 112),
    "CityFurniture": (120, 110, 140), "Terrain": (140, 166, 112),
}  # fmt: skip
_PALETTE: Final = np.array([_THEMES.get(name, _UNKNOWN) for name in SURFACES], np.uint8)


def colours(store: SceneStore, parts: Sequence[Gathered]) -> Bytes:
    """Return red, green, blue of each triangle of the parts, (n, 3), by the styles chosen."""
    found: list[Bytes] = []
    materials: dict[str, dict[int, Material]] = {}
    for one in parts:
        style = one.chosen.style or AS_IS
        if style == PLAIN:
            found.append(np.full((len(one.part.triangles), 3), _WHITE, np.uint8))
            continue
        theme = _themes(store, one)
        if style == AS_IS:
            known = materials.get(one.part.layer)
            if known is None:
                known = materials[one.part.layer] = store.materials(one.part.layer)
            _paint(theme, one, known)
        found.append(theme)
    return np.concatenate(found) if found else np.empty((0, 3), np.uint8)


def _themes(store: SceneStore, one: Gathered) -> Bytes:
    painted: Bytes = _PALETTE[one.part.surfaces]
    bare = one.part.surfaces == 0
    if bare.any():
        features = store.features(one.part.features.tolist())
        kinds = [features[n].kind if n in features else "" for n in one.part.features.tolist()]
        each = np.array([_KINDS.get(kind, _UNKNOWN) for kind in kinds], np.uint8)
        owners = np.repeat(each, np.diff(one.part.triangle_starts), axis=0)
        painted[bare] = owners[bare]
    return painted


def _paint(theme: Bytes, one: Gathered, materials: dict[int, Material]) -> None:
    for number in np.unique(one.part.materials).tolist():
        material = materials.get(number)
        if number and material is not None:
            lit = [
                min(1.0, a + b) for a, b in zip(material.diffuse, material.emissive, strict=True)
            ]
            theme[one.part.materials == number] = np.rint(np.array(lit) * 255).astype(np.uint8)


def opacities(store: SceneStore, geometry: Geometry, parts: Sequence[Gathered]) -> Bytes | None:
    """Return the opacity of each triangle in drawing order, by its material where that is shown.

    255 is solid, 0 is not there; None where everything is solid.
    """
    found: list[Bytes] = []
    for one in parts:
        solid = np.full(len(one.part.triangles), 255, np.uint8)
        if (one.chosen.style or AS_IS) == AS_IS:
            for number, material in store.materials(one.part.layer).items():
                if material.transparency > 0:
                    share = round(255 * (1.0 - min(1.0, material.transparency)))
                    solid[one.part.materials == number] = share
        found.append(solid)
    if all((one == 255).all() for one in found):
        return None
    return np.ascontiguousarray(np.concatenate(found)[geometry.order])


def painted(store: SceneStore, geometry: Geometry, parts: Sequence[Gathered]) -> Textures | None:
    """Return the textures on the triangles of the parts, by the styles chosen; None without any."""
    numbers: dict[int, int] = {}
    pictures: list[tuple[Bytes, str]] = []
    for layer in dict.fromkeys(_as_is(parts)):
        for number, material in store.materials(layer).items():
            image = _picture(store, material.texture) if material.texture else None
            if image is not None:
                numbers[number] = len(pictures)
                pictures.append((image, material.wrap))
    if not pictures:
        return None
    textured = [picture_index(numbers, one.part.materials) for one in parts]
    for chosen, one in zip(textured, parts, strict=True):
        if one.part.uvs is None or (one.chosen.style or AS_IS) != AS_IS:
            chosen[:] = -1
    return textures(geometry, _uvs(parts), np.concatenate(textured), pictures)


def _as_is(parts: Sequence[Gathered]) -> list[str]:
    return [
        one.part.layer
        for one in parts
        if one.part.uvs is not None and (one.chosen.style or AS_IS) == AS_IS
    ]


def _uvs(parts: Sequence[Gathered]) -> NDArray[np.float32]:
    each = [
        np.zeros((len(one.part.triangles), 3, 2), np.float32)
        if one.part.uvs is None
        else one.part.uvs[one.part.triangles]
        for one in parts
    ]
    return np.concatenate(each)


def _picture(store: SceneStore, number: int) -> Bytes | None:
    texture = store.texture(number)
    if texture is None:
        return None
    try:
        # It was checked when it was stored; `draft` lets JPEG be decoded small at once.
        with Image.open(io.BytesIO(texture.data), formats=("PNG", "JPEG", "WEBP")) as image:
            image.draft("RGB", (LARGEST, LARGEST))
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
