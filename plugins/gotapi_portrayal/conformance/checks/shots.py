"""Pictures of one stage, in the image layers that checks compare."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from PIL import Image

from gotapi_core.conformance.model import Skipped
from gotapi_portrayal.conformance.camera import Camera, camera_over
from gotapi_portrayal.conformance.checks.queries import queryables
from gotapi_portrayal.conformance.checks.view import NAME
from gotapi_portrayal.conformance.offer import Ground, ImageLayer, LayerOffer, require
from gotapi_portrayal.conformance.pixels import Bools, Numbers, covered, must_be, words
from gotapi_portrayal.conformance.server import Server

SIZE: Final = (128, 96)
_SLIM: Final = 20  # times as high as wide, and hardly a pixel of a layer is seen


class Stage(msgspec.Struct, frozen=True):
    """A layer, where it lies, and a camera that sees all of it."""

    layer: LayerOffer
    ground: Ground
    camera: Camera

    @property
    def flat(self) -> str:
        """The camera as an orthographic one: distances are those to a plane."""
        return self.camera.orthographic(SIZE)


async def stage(server: Server, layer: LayerOffer | None = None) -> Stage:
    """Return a layer that can be seen; raises Skipped without views, or without metres."""
    require(await server.offer(), NAME)
    one = layer or _shapely([await server.layer(), *(await server.offer()).layers])
    if one.ground().degrees:  # nothing has its shape there, so no camera sees what it should
        raise Skipped(f"layer {one.id} has no CRS in metres")
    return Stage(one, one.ground(), camera_over(one.ground()))


async def queried(server: Server) -> Stage:
    """Return a layer that can be seen and queried."""
    return await stage(server, _shapely(await queryables(server)))


def _shapely(layers: Sequence[LayerOffer]) -> LayerOffer:
    """Return the first layer that is wide enough for its height to be seen as something."""
    for layer in layers:
        try:
            ground = layer.ground()
        except Skipped:
            continue
        if not ground.degrees and min(ground.size[:2]) * _SLIM >= ground.size[2]:
            return layer
    return layers[0]


def lossless(image: ImageLayer, *modes: str) -> str:
    """Return a PNG format of an image layer, by its mode; raises Skipped where there is none."""
    for mode in (*modes, ""):
        for one in image.formats:
            kind, _, rest = one.replace(" ", "").lower().partition(";")
            if kind == "image/png" and rest == mode:
                return one
    raise Skipped(f"image layer {image.id} has no lossless format that can be decoded")


async def shot(
    server: Server,
    name: str,
    on: Stage,
    *modes: str,
    lens: str = "",
    **more: str,
) -> Image.Image:
    """Return a picture of an image layer, PNG, of one of the modes."""
    image = (await server.offer()).image(name)
    media = lossless(image, *modes)
    good = await server.view(
        image, media, layer=on.layer, projection=lens or on.camera.perspective(), size=SIZE
    )
    return must_be(await server.ask(NAME, {**good, **more}), media, SIZE)


async def ids(server: Server, on: Stage, lens: str = "") -> Numbers:
    """Return the object ids of a view; 0 where there is none."""
    return words(
        await shot(server, "OBJECTID", on, "mode=32bit", "mode=24bit", lens=lens), "OBJECTID"
    )


async def mask(server: Server, on: Stage, lens: str = "") -> Bools:
    """Return where objects are seen: by MASK, or by OBJECTID where there is no MASK."""
    try:
        return covered(await shot(server, "MASK", on, "mode=1bit", lens=lens))
    except Skipped:
        found: Bools = np.not_equal(await ids(server, on, lens), 0)
        return found
