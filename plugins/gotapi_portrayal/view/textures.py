"""Textures with their mip levels, and how triangles lie on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.geometry import Geometry
from gotapi_portrayal.view.tables import colour_words, light

Bytes = NDArray[np.uint8]

WRAPS: Final = {"repeat": 0, "mirror": 1, "clamp": 2, "border": 2}
LARGEST: Final = 4096
"""Texels of a side; a larger picture is drawn at half its size, and so on."""

_TEXTURE: Final = np.dtype(
    [("offset", "u4"), ("width", "u2"), ("height", "u2"), ("levels", "u2"), ("wrap", "u2")]
)
_MAPPING: Final = np.dtype([("uv", "f4", 2), ("across", "f4", 3), ("along", "f4", 3)])


@dataclass(frozen=True, slots=True, eq=False)
class Textures:
    """All textures of a scene for the rasteriser: `slots` says which triangles have one."""

    slots: NDArray[np.int32]
    mappings: NDArray[np.void]
    of_slot: NDArray[np.uint32]
    textures: NDArray[np.void]
    texels: NDArray[np.uint32]
    light: NDArray[np.uint16]


def levels(image: Bytes) -> list[NDArray[np.uint32]]:
    """Return words 0xFFBBGGRR of a picture (h, w, 3) and of its halves down to one texel."""
    while max(image.shape[:2]) > LARGEST:
        image = _halved(image)
    found = [_words(image)]
    while max(image.shape[:2]) > 1:
        image = _halved(image)
        found.append(_words(image))
    return found


def textures(
    geometry: Geometry,
    uvs: NDArray[np.float32],
    chosen: NDArray[np.integer],
    pictures: Sequence[tuple[Bytes, str]],
) -> Textures | None:
    """Put pictures on triangles; None where no triangle has one.

    `uvs` is (n, 3, 2), v upwards, and `chosen` (n,) the index into `pictures`, -1 for none; both
    in the order of the pieces. A picture is (h, w, 3) and how it goes on beyond its border.
    """
    wanted = chosen[geometry.order]
    textured = np.flatnonzero(wanted >= 0)
    if not len(textured):
        return None
    slots = np.full(geometry.count, -1, np.int32)
    slots[textured] = np.arange(len(textured))
    table, texels = _stored(pictures)
    return Textures(
        slots,
        _mappings(geometry.points()[textured], uvs[geometry.order[textured]]),
        wanted[textured].astype(np.uint32),
        table,
        texels,
        _lights(geometry),
    )


def _lights(geometry: Geometry) -> NDArray[np.uint16]:
    normals = geometry.planes[:, :3]
    sides = np.stack([light(normals), light(-normals)], axis=1)
    return np.ascontiguousarray(np.rint(sides * 256).astype(np.uint16))


def _halved(image: Bytes) -> Bytes:
    height, width = image.shape[:2]
    tall, wide = max(1, height // 2), max(1, width // 2)
    rows = image[: tall * 2].reshape(tall, -1, width, 3) if height > 1 else image[:, None]
    narrow = rows.astype(np.uint32).sum(axis=1) / rows.shape[1]
    columns = narrow[:, : wide * 2].reshape(tall, wide, -1, 3) if width > 1 else narrow[:, :, None]
    halved: Bytes = np.rint(columns.mean(axis=2)).astype(np.uint8)
    return halved


def _words(image: Bytes) -> NDArray[np.uint32]:
    return colour_words(image.reshape(-1, 3)).reshape(image.shape[:2])


def _stored(
    pictures: Sequence[tuple[Bytes, str]],
) -> tuple[NDArray[np.void], NDArray[np.uint32]]:
    table = np.zeros(len(pictures), _TEXTURE)
    parts: list[NDArray[np.uint32]] = []
    offset = 0
    for row, (image, wrap) in zip(table, pictures, strict=True):
        made = levels(image)
        height, width = made[0].shape
        row["offset"], row["width"], row["height"] = offset, width, height
        row["levels"], row["wrap"] = len(made), WRAPS.get(wrap, 0)
        parts += [level.ravel() for level in made]
        offset += sum(level.size for level in made)
    if offset >= 1 << 32:
        raise MemoryError("the textures of the scene are larger than 16 GB")
    return table, np.concatenate(parts)


def _mappings(points: NDArray[np.float32], uvs: NDArray[np.float32]) -> NDArray[np.void]:
    """Return for each triangle how u and v grow along the axes, within its plane."""
    a = (points[:, 1] - points[:, 0]).astype(np.float64)
    b = (points[:, 2] - points[:, 0]).astype(np.float64)
    aa, ab, bb = (np.einsum("ij,ij->i", one, two) for one, two in ((a, a), (a, b), (b, b)))
    area = aa * bb - ab * ab
    scale = np.divide(1.0, area, out=np.zeros_like(area), where=area > 0)[:, None]
    # The duals of the edges: one along its edge, nought along the other.
    dual_a = (bb[:, None] * a - ab[:, None] * b) * scale
    dual_b = (aa[:, None] * b - ab[:, None] * a) * scale
    grown = (uvs - uvs[:, :1]).astype(np.float64)
    mappings = np.zeros(len(points), _MAPPING)
    mappings["uv"] = uvs[:, 0]
    with np.errstate(over="ignore"):  # a speck with a large part of a texture: any place will do
        mappings["across"] = grown[:, 1, :1] * dual_a + grown[:, 2, :1] * dual_b
        mappings["along"] = grown[:, 1, 1:] * dual_a + grown[:, 2, 1:] * dual_b
    return mappings


def picture_index(numbers: Mapping[int, int], of_material: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Return the picture of each triangle by the number of its material; -1 where it has none."""
    index = np.full(int(of_material.max(initial=0)) + 1, -1, np.int32)
    for material, picture in numbers.items():
        if material < len(index):
            index[material] = picture
    chosen: NDArray[np.int32] = index[of_material]
    return chosen
