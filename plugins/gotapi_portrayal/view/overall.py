"""Overall styles: what is done to the whole picture (3DPS Table 23)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view import offer
from gotapi_portrayal.view.drawing import OPAQUE, Picture
from gotapi_portrayal.view.library import Words

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_PAPER: Final = np.array((250, 248, 240), np.float32)
_PENCIL: Final = np.array((58, 56, 62), np.float32)


@dataclass(slots=True, eq=False)
class Canvas:
    """A picture on its way: one sample a pixel, `colours` (height, width, 3) as floats."""

    picture: Picture
    colours: Floats

    @property
    def seen(self) -> Mask:
        """Where there is a surface."""
        return ~self.picture.empty()


def apply(styles: tuple[str, ...], picture: Picture, words: Words) -> Words:
    """Return words of colour with some overall styles on them, one after the other."""
    colours = words.view(np.uint8).reshape(*words.shape, 4)
    canvas = Canvas(picture, colours[..., :3].astype(np.float32))
    for style in styles:
        if (change := _CHANGES.get(style)) is not None:
            change(canvas)
    changed = np.full((*words.shape, 4), 255, np.uint8)
    changed[..., :3] = np.clip(np.rint(canvas.colours), 0, 255)
    return changed.view(np.uint32)[..., 0]


def changes(styles: tuple[str, ...]) -> bool:
    """Tell whether `apply` does anything."""
    return any(style in _CHANGES for style in styles)


def cut_out(picture: Picture, words: Words) -> Words:
    """Return words of which only those are left where there is a surface."""
    kept: Words = np.where(picture.empty(), np.uint32(0), words | np.uint32(OPAQUE))
    return kept


def _fog(canvas: Canvas) -> None:
    depth = canvas.picture.depth()
    seen = canvas.seen
    if not seen.any():
        return
    far = float(np.quantile(depth[seen][::17], 0.98)) or 1.0
    share = 1.0 - np.exp(-2.2 * np.maximum(depth / far - 0.15, 0.0))
    share[~seen] = 0.0
    behind = np.array((226, 232, 236), np.float32)
    canvas.colours += (behind - canvas.colours) * share[..., None]


def _wireframe(canvas: Canvas) -> None:
    names = canvas.picture.names >> 1
    edges = _differs(names)
    canvas.colours[canvas.seen] = (252, 252, 250)
    canvas.colours[edges] = (40, 62, 96)


def _xray(canvas: Canvas) -> None:
    slant = 1.0 - _facing(canvas.picture)
    glow = (0.12 + 0.88 * slant**1.6)[..., None]
    light = np.array((150, 205, 255), np.float32) * glow + np.array((6, 14, 34), np.float32)
    canvas.colours[:] = np.array((6, 12, 26), np.float32)
    seen = canvas.seen
    canvas.colours[seen] = light[seen]


def _sketch(canvas: Canvas) -> None:
    picture, seen = canvas.picture, canvas.seen
    tone = canvas.colours.mean(axis=2) / 255.0
    hatched = _PAPER * (0.86 + 0.14 * np.round(tone * 4) / 4)[..., None]
    canvas.colours[:] = _PAPER
    canvas.colours[seen] = hatched[seen]
    canvas.colours[_creases(picture) & (seen | np.roll(seen, 1, 0) | np.roll(seen, 1, 1))] = _PENCIL


def _creases(picture: Picture) -> Mask:
    """Return where surfaces of another direction, or far behind, meet."""
    normals = picture.geometry.planes[:, :3]
    bent = np.rint(normals * 6).astype(np.int32)
    codes = (bent[:, 0] + 6) * 169 + (bent[:, 1] + 6) * 13 + bent[:, 2] + 6
    index = np.minimum(picture.names >> 1, max(0, len(codes) - 1))
    shown = np.where(picture.empty(), -1, codes[index] if len(codes) else -1)
    depth = picture.depth()
    jump = np.zeros(depth.shape, bool)
    jump[:, 1:] |= np.abs(depth[:, 1:] - depth[:, :-1]) > 0.03 * depth[:, 1:]
    jump[1:] |= np.abs(depth[1:] - depth[:-1]) > 0.03 * depth[1:]
    creases: Mask = _differs(shown) | jump
    return creases


def _differs(values: NDArray[np.integer]) -> Mask:
    edges = np.zeros(values.shape, bool)
    edges[:, 1:] |= values[:, 1:] != values[:, :-1]
    edges[1:] |= values[1:] != values[:-1]
    return edges


def _facing(picture: Picture) -> Floats:
    """Return how straight each pixel looks at its surface, 0 to 1."""
    camera, empty = picture.camera, picture.empty()
    if not picture.geometry.count:
        return np.zeros(picture.names.shape, np.float32)
    index = np.where(empty, 0, picture.names >> 1)
    normals = picture.geometry.planes[:, :3][index]
    if camera.parallel:
        return np.abs(normals @ camera.forward.astype(np.float32))
    first, across, down = (ray.astype(np.float32) for ray in camera.rays())
    x = np.arange(camera.width, dtype=np.float32)[:, None]
    y = np.arange(camera.height, dtype=np.float32)[:, None, None]
    rays = first + x * across + y * down
    lengths = np.linalg.norm(rays, axis=2)
    facing: Floats = np.abs(np.einsum("hwk,hwk->hw", normals, rays)) / lengths
    return facing


_CHANGES: Final[dict[str, Callable[[Canvas], None]]] = {
    offer.FOG: _fog,
    offer.WIREFRAME: _wireframe,
    offer.XRAY: _xray,
    offer.SKETCH: _sketch,
}
