"""One view: a camera's pictures of a stage, encoded."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.request.types import Colour, ImageLayer
from gotapi_portrayal.view import encode, offer, overall
from gotapi_portrayal.view.backdrops import backdrop
from gotapi_portrayal.view.camera import Camera
from gotapi_portrayal.view.drawing import OPAQUE, Picture, Rasteriser
from gotapi_portrayal.view.stage import Stage

Bytes = NDArray[np.uint8]

SAMPLES: Final = 2
"""Samples a pixel and axis of a smooth picture."""
SMOOTH_PIXELS: Final = 16 << 20
"""Larger pictures have one sample a pixel: four, of several panes, would take gigabytes."""
PANES: Final = 6
"""Surfaces that are seen through each other; what is behind the last of them is not seen."""
_PANE_ROOM: Final = 48 << 20  # samples of all panes of a picture; at least two are drawn
_WHITE: Final = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Looks:
    """How COLOR looks: overall styles, and what is behind (None: transparent)."""

    styles: tuple[str, ...] = ()
    ground: str | Colour | None = (255, 255, 255)
    smooth: bool = True

    @property
    def samples(self) -> int:
        """Samples a pixel and axis."""
        return SAMPLES if self.smooth and offer.ALIASED not in self.styles else 1


class Renderer:
    """Draws and encodes views; several threads may use it at once."""

    def __init__(self, rasteriser: Rasteriser) -> None:
        self.rasteriser = rasteriser
        self._pool = ThreadPoolExecutor(rasteriser.threads, "gotapi-encode")

    def close(self) -> None:
        """Let its threads end."""
        self._pool.shutdown()
        self.rasteriser.close()

    def render(
        self, stage: Stage, camera: Camera, layers: tuple[ImageLayer, ...], looks: Looks
    ) -> list[bytes]:
        """Return the files of some image layers, in their order."""
        if camera.width * camera.height > SMOOTH_PIXELS:
            looks = replace(looks, smooth=False)
        with self.rasteriser.view():
            return self._render(stage, camera, layers, looks)

    def _render(
        self, stage: Stage, camera: Camera, layers: tuple[ImageLayer, ...], looks: Looks
    ) -> list[bytes]:
        picture, hard = None, looks.samples == 1
        colour = any(layer.name == "COLOR" for layer in layers)
        if hard or any(layer.name != "COLOR" for layer in layers):
            panes = _panes(camera) if colour and hard else 1
            picture = self.rasteriser.draw(stage.geometry, camera, stage.glass(panes))
        work = [self._work(stage, camera, picture, layer, looks) for layer in layers]
        if len(work) == 1:
            return [work[0]()]
        return [done.result() for done in [self._pool.submit(one) for one in work]]

    def _work(
        self,
        stage: Stage,
        camera: Camera,
        picture: Picture | None,
        layer: ImageLayer,
        looks: Looks,
    ) -> Callable[[], bytes]:
        if layer.name == "COLOR":
            return lambda: self._colour(stage, camera, picture, layer, looks)
        assert picture is not None
        make = _LAYERS[layer.name]
        return lambda: make(stage, picture, layer)

    def _colour(
        self,
        stage: Stage,
        camera: Camera,
        picture: Picture | None,
        layer: ImageLayer,
        looks: Looks,
    ) -> bytes:
        samples = looks.samples
        if picture is None or samples > 1:
            finer = camera.finer(samples)
            picture = self.rasteriser.draw(stage.geometry, finer, stage.glass(_panes(finer)))
        see_through = looks.ground is None and layer.format in (offer.PNG, offer.PNG32, offer.WEBP)
        return encoded(_colours(stage, picture, camera, looks, see_through), layer)


def _panes(camera: Camera) -> int:
    return min(PANES, max(2, _PANE_ROOM // (camera.width * camera.height)))


def _colours(
    stage: Stage, picture: Picture, camera: Camera, looks: Looks, see_through: bool
) -> Bytes:
    samples, ground = looks.samples, looks.ground
    fill = _WHITE if ground is None or isinstance(ground, str) else _word(ground)
    behind = backdrop(ground, camera) if isinstance(ground, str) else None
    changed, shadow = overall.changes(looks.styles), offer.SHADOW in looks.styles
    bare = stage.textures is None and stage.opacity is None
    if bare and not (changed or shadow or see_through):
        return picture.colours(stage.colours, fill, behind, samples)
    # What is changed as a whole is cut out afterwards: then glass in front of nothing is white.
    under = 0 if see_through and not changed else fill | OPAQUE
    words = picture.composed(stage.colours, stage.textures, under, behind, samples)
    if shadow and (suns := stage.shadows.suns(picture)):
        picture.shade(words, suns, samples)
    if changed:
        words = overall.apply(looks.styles, picture, words)
        if see_through:
            words = overall.cut_out(picture, words)
    return picture.averaged(words, samples, see_through)


def encoded(colours: Bytes, layer: ImageLayer) -> bytes:
    """Encode (height, width, 3 or 4) in the format of a layer."""
    if layer.format == offer.JPEG:
        return encode.jpeg(colours[..., :3], layer.quality)
    if layer.format == offer.WEBP:
        return encode.webp(colours, layer.quality)
    if layer.format == offer.PNG32 and colours.shape[2] == 3:
        opaque = np.full(colours.shape[:2], 255, np.uint8)
        colours = np.dstack([colours, opaque])
    return encode.png(colours)


def _word(colour: Colour) -> int:
    red, green, blue = colour
    return red | green << 8 | blue << 16


def _bits(layer: ImageLayer) -> int:
    return 24 if layer.format == offer.PNG24 else 32  # Table 36 a: the server chooses


def _depth(stage: Stage, picture: Picture, layer: ImageLayer) -> bytes:
    metres = picture.depth()
    if stage.unit != 1.0:
        metres *= np.float32(stage.unit)
    return encode.png(encode.depth_bytes(metres, _bits(layer)))


def _object_id(stage: Stage, picture: Picture, layer: ImageLayer) -> bytes:
    return encode.png(encode.word_bytes(picture.words(stage.features), _bits(layer)))


def _normal(stage: Stage, picture: Picture, layer: ImageLayer) -> bytes:
    words = picture.words(stage.normals)
    if layer.format == offer.JPEG:
        return encode.jpeg(encode.word_bytes(words, 24), layer.quality)
    bits = 32 if layer.format == offer.PNG32 else 24
    return encode.png(encode.word_bytes(words, bits))


def _mask(stage: Stage, picture: Picture, layer: ImageLayer) -> bytes:
    # 3DPS 10.2.1: black where an object is, white elsewhere.
    if layer.format == offer.JPEG:
        white = np.where(picture.empty(), 255, 0).astype(np.uint8)
        return encode.jpeg(np.dstack([white] * 3), layer.quality)
    return encode.png_bits(picture.empty())


def _linear_depth(stage: Stage, picture: Picture, layer: ImageLayer) -> bytes:
    depth = picture.depth()
    seen = ~picture.empty()
    grey = np.zeros(depth.shape, np.uint8)
    if seen.any():
        near, far = float(depth[seen].min()), float(depth[seen].max())
        share = (depth[seen] - near) / max(far - near, 1e-9)
        grey[seen] = np.rint(255 - 215 * share).astype(np.uint8)
    return encoded(np.dstack([grey] * 3), layer)


_LAYERS: Final[dict[str, Callable[[Stage, Picture, ImageLayer], bytes]]] = {
    "DEPTH": _depth,
    "OBJECTID": _object_id,
    "NORMAL": _normal,
    "MASK": _mask,
    "LINEAR_DEPTH": _linear_depth,
}
