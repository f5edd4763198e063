"""Styles of layers in scenes: which look each triangle has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.data.types import Material
from gotapi_portrayal.gather import Gathered
from gotapi_portrayal.request.errors import invalid
from gotapi_portrayal.scene.model import Look, Picture
from gotapi_portrayal.view.looks import AS_IS, colours

_MATERIAL: Final = 1 << 24  # keys below are colours 0xRRGGBB, from here on numbers of materials
MOST_PICTURES: Final = 256 << 20
"""Bytes of the textures of one answer; a browser unpacks them to ten times as much."""
_WHITE: Final = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """The look of each triangle of the parts, counted through, and the pictures they have."""

    of_triangle: NDArray[np.int64]
    looks: tuple[Look, ...]
    pictures: tuple[Picture, ...]


def paint(store: SceneStore, parts: Sequence[Gathered]) -> Painted:
    """Return how the triangles of parts look, by the styles chosen.

    Raises OwsError for more textures than an answer may have.
    """
    red, green, blue = colours(store, parts).astype(np.int64).T
    keys = red << 16 | green << 8 | blue
    special = _special(store, parts, keys)
    found, of_triangle = np.unique(keys, return_inverse=True)
    album = _Album(store)
    looks = tuple(_look(key, special, album) for key in found.tolist())
    return Painted(of_triangle.reshape(-1), looks, tuple(album.pictures))


def _special(
    store: SceneStore, parts: Sequence[Gathered], keys: NDArray[np.int64]
) -> dict[int, Material]:
    """Give triangles whose material is more than a colour a key of their own."""
    found: dict[int, Material] = {}
    known: dict[str, dict[int, Material]] = {}
    begin = 0
    for one in parts:
        part, end = one.part, begin + len(one.part.triangles)
        if (one.chosen.style or AS_IS) == AS_IS and part.materials.any():
            if part.layer not in known:
                known[part.layer] = store.materials(part.layer)
            for number in np.unique(part.materials).tolist():
                material = known[part.layer].get(number)
                if material is not None and _is_more(material, part.uvs is not None):
                    found[_MATERIAL + number] = material
                    keys[begin:end][part.materials == number] = _MATERIAL + number
        begin = end
    return found


def _is_more(material: Material, mapped: bool) -> bool:
    return bool(
        (material.texture and mapped) or material.transparency > 0 or any(material.emissive)
    )


class _Album:
    """The pictures of a scene, each once, as many as are allowed."""

    def __init__(self, store: SceneStore) -> None:
        self.pictures: list[Picture] = []
        self._store = store
        self._places: dict[int, int] = {}
        self._taken = 0

    def place(self, number: int) -> int:
        """Return the index of a texture among the pictures, -1 where there is none."""
        if number and number not in self._places:
            self._places[number] = self._put(number)
        return self._places.get(number, -1)

    def _put(self, number: int) -> int:
        texture = self._store.texture(number)
        if texture is None:
            return -1
        self._taken += len(texture.data)
        if self._taken > MOST_PICTURES:
            raise invalid(
                "boundingBox",
                f"the scene has more than {MOST_PICTURES >> 20} MiB of textures; ask for a smaller "
                "box, another style, or the delivery option spatialIndex",
            )
        self.pictures.append(
            Picture(number, texture.mime, texture.width, texture.height, texture.data)
        )
        return len(self.pictures) - 1


def _look(key: int, special: dict[int, Material], album: _Album) -> Look:
    material = special.get(key)
    if material is None:
        colour = (key >> 16) / 255, (key >> 8 & 255) / 255, (key & 255) / 255
        return Look(colour, name=f"#{key:06x}")
    picture = album.place(material.texture)
    return Look(
        material.diffuse if picture < 0 else _WHITE,
        material.emissive,
        1.0 - min(max(material.transparency, 0.0), 1.0),
        picture,
        material.wrap,
        material.name or f"material {key - _MATERIAL}",
    )
