"""Pictures of scenes without a hub: of its layers, or of files that are read for this once."""

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import msgspec

from gotapi_portrayal.capabilities.build import build
from gotapi_portrayal.catalogue import LOCAL, Service
from gotapi_portrayal.check import Shelf
from gotapi_portrayal.data.desk import import_files
from gotapi_portrayal.data.orders import FileFault, Order, layer_name
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.types import Box, Layer, SceneError
from gotapi_portrayal.gather import move
from gotapi_portrayal.offer import lod_name
from gotapi_portrayal.request.crs_names import read_crs
from gotapi_portrayal.request.types import Colour, GetView, ImageLayer, Projection, View
from gotapi_portrayal.view import offer
from gotapi_portrayal.view.desk import ViewDesk
from gotapi_portrayal.view.framing import Shot, orbit, projection
from gotapi_portrayal.view.library import library
from gotapi_portrayal.view.looks import STYLES

if TYPE_CHECKING:
    from PIL import Image

Progress = Callable[[str, float], None]

FORMATS: Final = {
    ".png": offer.PNG, ".jpg": offer.JPEG, ".jpeg": offer.JPEG, ".webp": offer.WEBP,
}  # fmt: skip
"""By the end of a file's name."""


class Looks(msgspec.Struct, frozen=True):
    """How pictures look."""

    style: str = ""
    overall: tuple[str, ...] = ()
    background: str | Colour | None = "gradient"  # None: transparent
    quality: int = 90
    lod: str = ""


class Photographer:
    """Takes pictures of some layers of a store, in one CRS."""

    def __init__(
        self, store: SqliteSceneStore, layers: Sequence[Layer], looks: Looks, crs: str = ""
    ) -> None:
        self._layers = tuple(layers)
        self._looks = looks
        self._crs = read_crs(crs or layers[0].crs.name or LOCAL)
        self._shelf = Shelf(build(self._layers, store.sequence(), Service()))
        self._desk = ViewDesk(store, library())

    def close(self) -> None:
        """Let its threads end."""
        self._desk.close()

    @property
    def box(self) -> Box:
        """Return what there is to be seen, in the CRS of the pictures."""
        boxes = [
            move(layer.crs.horizontal or LOCAL, self._crs.short).box(layer.box)
            for layer in self._layers
        ]
        whole = boxes[0]
        for box in boxes[1:]:
            whole = whole.joined(box)
        return whole

    async def take(self, shot: Shot, layer: ImageLayer) -> bytes:
        """Return a picture as a file; raises OwsError."""
        return await self._taken(projection(shot, self.box), shot, layer)

    async def turn(self, shot: Shot, steps: int, seconds: float, progress: Progress) -> bytes:
        """Return an animated WebP of a way around; raises OwsError."""
        frames: list[Image.Image] = []
        for number, camera in enumerate(orbit(shot, self.box, steps)):
            data = await self._taken(camera, shot, ImageLayer("COLOR", offer.PNG))
            frames.append(_opened(data))
            progress("Drawing", (number + 1) / steps)
        return await asyncio.to_thread(
            _animated, frames, round(1000 * seconds / steps), self._looks.quality, progress
        )

    async def _taken(self, camera: Projection, shot: Shot, layer: ImageLayer) -> bytes:
        request = self._request(View(*shot.size, camera, (layer,)))
        return (await self._desk.view(request, self._shelf.select(request))).body

    def _request(self, view: View) -> GetView:
        ground = self._looks.background
        return GetView(
            crs=self._crs,
            views=(view,),
            layers=tuple(layer.name for layer in self._layers),
            styles=(self._looks.style,) * len(self._layers),
            lods=tuple(self._lod(layer) for layer in self._layers),
            lod_selection="equals_or_similar",
            overall_styles=self._looks.overall,
            background=ground if isinstance(ground, str) else "",
            background_color=None if ground is None or isinstance(ground, str) else ground,
            transparent=ground is None,
        )

    def _lod(self, layer: Layer) -> str:
        """Return the LOD to be seen, the finest where nothing is said."""
        if not layer.lods:
            return ""
        return lod_name(self._looks.lod or layer.lods[-1])


def _opened(data: bytes) -> "Image.Image":
    from PIL import Image  # late: only animations need it

    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def _animated(
    frames: Sequence["Image.Image"], pause: int, quality: int, progress: Progress
) -> bytes:
    def rest() -> "Iterator[Image.Image]":
        for number, frame in enumerate(frames[1:], 2):
            progress("Encoding", number / len(frames))
            yield frame

    file = io.BytesIO()
    frames[0].save(
        file, "WEBP", save_all=True, append_images=rest(), duration=pause, loop=0,
        quality=quality, method=2,
    )  # fmt: skip
    return file.getvalue()


@contextmanager
def scenes(
    names: Sequence[str],
    home: Path,
    order: Order,
    progress: Progress,
    told: Callable[[FileFault], None],
) -> Iterator[tuple[SqliteSceneStore, list[Layer]]]:
    """Give a store and the layers in it that are meant by names: files, or layers of a hub.

    `home` is the folder of the hub's store; `order` says what files do not. Raises SceneError.
    """
    files = [Path(name) for name in names if Path(name).is_file()]
    if not files:
        with _opened_store(home / FILE_NAME, names) as store:
            yield store, [_named(store, name) for name in names]
        return
    if len(files) < len(names):
        other = next(name for name in names if not Path(name).is_file())
        raise SceneError(f"'{other}' is no file; give files only, or names of layers only")
    with TemporaryDirectory(prefix="gotapi-view-") as folder:
        path = Path(folder) / FILE_NAME
        for number, file in enumerate(files):
            _import(path, file, number, order, progress, told)
        with _opened_store(path, names) as store:
            yield store, list(store.layers())


@contextmanager
def _opened_store(path: Path, names: Sequence[str]) -> Iterator[SqliteSceneStore]:
    if not path.exists():
        raise SceneError(
            f"'{names[0]}' is no file, and the hub has no scenes; `gotapi scenes add` makes some"
        )
    store = SqliteSceneStore(path)
    try:
        yield store
    finally:
        store.close()


def _named(store: SqliteSceneStore, name: str) -> Layer:
    layer = store.layer(name)
    if layer is None:
        known = ", ".join(one.name for one in store.layers()[:20]) or "none"
        raise SceneError(f"there is no file and no layer '{name}'; the hub's layers: {known}")
    return layer


def _import(
    store: Path,
    file: Path,
    number: int,
    order: Order,
    progress: Progress,
    told: Callable[[FileFault], None],
) -> None:
    name = layer_name(file)
    mine = msgspec.structs.replace(
        order, files=(str(file.absolute()),), layer=f"{name}-{number}" if number else name
    )
    words = f"Reading {file.name}"
    done = asyncio.run(import_files(store, mine, lambda share: progress(words, share)))
    for fault in done.faults:
        told(fault)


def style_names(words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the style of layers and the overall styles among some words; raises SceneError."""
    own = [style.id for style in STYLES]
    overall = [style.id for style in offer.OVERALL_STYLES]
    for word in words:
        if word not in own + overall:
            raise SceneError(f"there is no style '{word}'; there is {', '.join(own + overall)}")
    chosen = [word for word in words if word in own]
    if len(chosen) > 1:
        raise SceneError(f"only one of {', '.join(own)} at a time, not {' and '.join(chosen)}")
    return chosen[0] if chosen else "", tuple(word for word in words if word in overall)
