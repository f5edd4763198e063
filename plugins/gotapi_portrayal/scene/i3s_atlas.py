"""The one picture that a node of i3s can have, put together of those of its content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from gotapi_portrayal.scene.i3s_geometry import Spot
from gotapi_portrayal.scene.model import Picture, SceneModel
from gotapi_portrayal.scene.pictures import opened, written

SIDE: Final = 4096  # pixels of a side: what every device takes
_BLANK: Final = -1
_BORDER: Final = 2  # pixels around each, of its own edge: filters look beyond it
_WHITE: Final = 4  # pixels of a side of what triangles without a picture have
_QUALITY: Final = 88
_SMALLEST: Final = 1 / 64  # of its size, to which a picture is shrunk at most


@dataclass(frozen=True, slots=True)
class Atlas:
    """A picture, and where the pictures of a scene are in it."""

    picture: Picture
    spots: Mapping[int, Spot]
    blank: Spot


def atlas(scene: SceneModel) -> Atlas | None:
    """Return the picture of a node; None where nothing has one that can be read."""
    used = sorted({scene.looks[mesh.look].picture for mesh in scene.meshes if mesh.uvs is not None})
    images: dict[int, Image.Image] = {}
    for place in used:
        image = opened(scene.pictures[place]) if place >= 0 else None
        if image is not None:
            images[place] = image
    if not images:
        return None
    # Vertices may be translucent too: only PNG is taken for what can be seen through.
    clear = any(scene.looks[mesh.look].opacity < 1 for mesh in scene.meshes)
    images[_BLANK] = Image.new("RGBA" if clear else "RGB", (_WHITE, _WHITE), (255,) * (3 + clear))
    scaled, corners, size = _fitted(images)
    picture = _drawn(scaled, corners, size)
    spots = {place: _spot(scaled[place], corners[place], size) for place in scaled}
    blank = spots.pop(_BLANK)
    return Atlas(picture, spots, blank)


def _fitted(
    images: dict[int, Image.Image],
) -> tuple[dict[int, Image.Image], dict[int, tuple[int, int]], tuple[int, int]]:
    """Shrink pictures until they are in one; returns them, their corners and the size."""
    scale = 1.0
    while True:
        scaled = {place: _shrunk(image, scale) for place, image in images.items()}
        corners, size = _packed({place: image.size for place, image in scaled.items()})
        if max(size) <= SIDE or scale <= _SMALLEST:
            return scaled, corners, size
        scale /= 2


def _shrunk(image: Image.Image, scale: float) -> Image.Image:
    if scale == 1.0:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _packed(
    sizes: dict[int, tuple[int, int]],
) -> tuple[dict[int, tuple[int, int]], tuple[int, int]]:
    """Put rectangles on shelves, the tallest first; returns corners and the size of all."""
    corners: dict[int, tuple[int, int]] = {}
    area = sum((w + 2 * _BORDER) * (h + 2 * _BORDER) for w, h in sizes.values())
    widest = max(width for width, _ in sizes.values()) + 2 * _BORDER
    room = max(widest, round(area**0.5))
    x = y = shelf = right = 0
    for place, (width, height) in sorted(sizes.items(), key=lambda one: (-one[1][1], one[0])):
        if x and x + width + 2 * _BORDER > room:
            x, y, shelf = 0, y + shelf, 0
        corners[place] = x + _BORDER, y + _BORDER
        x += width + 2 * _BORDER
        shelf, right = max(shelf, height + 2 * _BORDER), max(right, x)
    return corners, (right, y + shelf)


def _drawn(
    images: dict[int, Image.Image], corners: dict[int, tuple[int, int]], size: tuple[int, int]
) -> Picture:
    mode = "RGBA" if any(image.mode == "RGBA" for image in images.values()) else "RGB"
    whole = Image.new(mode, size)
    for place, image in images.items():
        around = ((_BORDER, _BORDER), (_BORDER, _BORDER), (0, 0))
        bordered = np.pad(np.asarray(image.convert(mode)), around, "edge")
        x, y = corners[place]
        whole.paste(Image.fromarray(bordered), (x - _BORDER, y - _BORDER))
    return written(whole, 0, _QUALITY)


def _spot(image: Image.Image, corner: tuple[int, int], size: tuple[int, int]) -> Spot:
    (x, y), (width, height) = corner, size
    return Spot(x / width, y / height, (x + image.width) / width, (y + image.height) / height)
