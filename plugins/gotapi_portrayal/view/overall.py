"""Overall styles: what is done to the whole picture (3DPS Table 23)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view import offer
from gotapi_portrayal.view.camera import Camera, orthographic
from gotapi_portrayal.view.drawing import Picture
from gotapi_portrayal.view.geometry import Geometry
from gotapi_portrayal.view.library import NOTHING
from gotapi_portrayal.view.tables import SUN

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SHADOW_MAP: Final = 2048
"""Pixels of a side of the picture that the sun takes."""
_SHADE: Final = 0.62
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


def apply(styles: tuple[str, ...], picture: Picture, colours: Bytes) -> Bytes:
    """Return the colours with some overall styles on them, one after the other."""
    canvas = Canvas(picture, colours.astype(np.float32))
    for style in styles:
        if (change := _CHANGES.get(style)) is not None:
            change(canvas)
    return np.clip(np.rint(canvas.colours), 0, 255).astype(np.uint8)


def changes(styles: tuple[str, ...]) -> bool:
    """Tell whether anything is to be done."""
    return any(style in _CHANGES for style in styles)


def halved(colours: Bytes, samples: int) -> Bytes:
    """Average `samples` x `samples` pixels to one."""
    if samples == 1:
        return colours
    height, width = colours.shape[0] // samples, colours.shape[1] // samples
    blocks = colours.reshape(height, samples, width, samples, 3).astype(np.uint16)
    averaged: Bytes = (
        (blocks.sum(axis=(1, 3), dtype=np.uint32) + samples * samples // 2) // samples**2
    ).astype(np.uint8)
    return averaged


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


def _shadow(canvas: Canvas) -> None:
    picture = canvas.picture
    points, seen = _points(picture), canvas.seen
    if not seen.any():
        return
    sun = _sun_camera(picture.geometry, points[seen])
    names = picture.rasteriser.draw(picture.geometry, sun)
    heights = np.where(names.names == NOTHING, np.inf, names.depth())
    offset = points[seen] + picture.geometry.origin - sun.eye
    column = np.clip((sun.cx + offset @ sun.right * sun.sx).astype(np.int32), 0, SHADOW_MAP - 1)
    row = np.clip((sun.cy - offset @ sun.up * sun.sy).astype(np.int32), 0, SHADOW_MAP - 1)
    texel = max(1 / sun.sx, 1 / sun.sy)
    # A surface lies some way before and behind its own middle in a texel of the map.
    dark = offset @ sun.forward > heights[row, column] + 3.0 * texel
    shaded = canvas.colours[seen]
    shaded[dark] *= _SHADE
    canvas.colours[seen] = shaded


def _points(picture: Picture) -> NDArray[np.float64]:
    """Return what each pixel shows as points of the geometry's frame."""
    camera, depth = picture.camera, picture.depth().astype(np.float64)[..., None]
    first, across, down = camera.rays()
    x = np.arange(camera.width)[:, None]
    y = np.arange(camera.height)[:, None, None]
    rays = first + x * across + y * down
    eye = camera.eye - picture.geometry.origin
    if camera.parallel:
        parallel: NDArray[np.float64] = eye + rays + depth * camera.forward
        return parallel
    points: NDArray[np.float64] = eye + rays * (depth / np.linalg.norm(rays, axis=2)[..., None])
    return points


def _sun_camera(geometry: Geometry, points: NDArray[np.float64]) -> Camera:
    """Return a camera in the sun that sees all of some points and what may stand before them."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2 + geometry.origin
    reach = float(np.linalg.norm(high - low)) / 2 + 1.0
    far = reach + float(np.abs(geometry.boxes).max(initial=1.0)) * 2
    window = (-reach, reach, -reach, reach)
    return orthographic(
        middle + SUN * far, middle, None, window, (0.0, 2 * far + reach), (SHADOW_MAP, SHADOW_MAP)
    )


_CHANGES: Final[dict[str, Callable[[Canvas], None]]] = {
    offer.SHADOW: _shadow,
    offer.FOG: _fog,
    offer.WIREFRAME: _wireframe,
    offer.XRAY: _xray,
    offer.SKETCH: _sketch,
}
