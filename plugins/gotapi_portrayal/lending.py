"""Layers that applications put into the scenes for a while: models, drawings come to life.

Such a layer is never for everybody, belongs to its application, and goes when its time is over.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

import msgspec

from gotapi_core.plugin import Blob, Collection
from gotapi_core.plugin.bounded import ChildLimits
from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter, TooManyRequests
from gotapi_portrayal.data.desk import import_files
from gotapi_portrayal.data.orders import LAYER_NAME, Imported, Order
from gotapi_portrayal.data.types import Layer, SceneError, Triple

LENT: Final = "lent"
"""The collection that says whose layers are whose, and the beginning of folders of imports."""
LIMITS: Final = ChildLimits(seconds=45.0, cpu=60, memory=2 << 30, file=2 << 30)
"""A model of two million triangles takes ten seconds; a call to the hub may take 60."""
MOST_BYTES: Final = 128 << 20
"""Bytes of a model; two million triangles as STL."""
MOST_LAYERS: Final = 100
"""Layers of one application."""
MOST_WAITING: Final = 8
"""Imports that wait for the one that runs."""

Import = Callable[[Path, Order, Callable[[float], None], ChildLimits], Awaitable[Imported]]


class Scenes(Protocol):
    """The layers that there are; both methods block for the disk."""

    def versions(self) -> Mapping[str, int]:
        """Return all of them by name, with their versions."""

    def remove(self, layer: str) -> bool:
        """Remove one; raises SceneError."""


class Lent(msgspec.Struct, frozen=True):
    """A layer of an application; `until` is seconds since 1970.

    `version` is that of the layer, so that one the operator put in its place is not taken for it;
    0 as long as it is not known.
    """

    layer: str
    application: str
    until: float
    version: int = 0

    def means(self, version: int | None) -> bool:
        """Tell whether a layer of this name and version is the one that was lent."""
        return version is not None and self.version in (0, version)


class Wanted(msgspec.Struct, frozen=True):
    """What an application wants to be shown, for some seconds."""

    layer: str
    title: str = ""
    parent: str = ""
    crs: str = ""
    at: Triple | None = None
    scale: float | None = None
    lifetime: float = 86_400.0


class Lender:
    """Puts layers in and takes them out; calls wait for the one before."""

    def __init__(
        self,
        collection: Collection,
        folder: Path,
        store: Path,
        scenes: Scenes,
        clock: Callable[[], float],
        importer: Import = import_files,
    ) -> None:
        self._kept = collection
        self._folder = folder
        self._store = store
        self._scenes = scenes
        self._clock = clock
        self._import = importer
        self._lent: dict[str, Lent] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def load(self) -> None:
        """Read what is kept; what an import left behind goes."""
        self._lent = {one.layer: one for one in await self._kept.all(Lent)}
        for left in self._folder.glob(f"{LENT}-*"):
            await asyncio.to_thread(shutil.rmtree, left, True)

    async def put(self, application: str, wanted: Wanted, file: Blob) -> Layer:
        """Show a model file as a layer, in place of the one it was.

        Raises InvalidParameter, TooManyRequests and IllegalServerState.
        """
        if file.size > MOST_BYTES:
            raise InvalidParameter(f"The file has {file.size:,} bytes; {MOST_BYTES:,} are read")
        async with self._alone():
            self._check(application, wanted, await asyncio.to_thread(self._scenes.versions))
            until = self._clock() + wanted.lifetime
            lent = Lent(wanted.layer, application, until)
            # First whose it is: a layer that nobody takes out would stay for ever.
            before = self._lent.get(wanted.layer)
            await self._keep(lent)
            try:
                layer = (await self._imported(wanted, file)).layer
            except SceneError as error:
                await self._give_back(lent, before)
                raise InvalidParameter(f"The model cannot be shown: {error}") from error
            await self._keep(msgspec.structs.replace(lent, version=layer.version))
            return layer

    async def take(self, application: str, layer: str) -> None:
        """Take a layer out that the application put in; raises InvalidParameter."""
        async with self._alone():
            lent = self._lent.get(layer)
            if lent is None or lent.application != application:
                raise InvalidParameter(f"The application has put no layer '{layer[:80]}' in")
            await self._forget(lent)

    async def expire(self) -> bool:
        """Take out what has been there for its time; tells whether there was any."""
        now = self._clock()
        late = [one for one in self._lent.values() if one.until <= now]
        for lent in late:
            async with self._turn:
                if self._lent.get(lent.layer) == lent:  # else it was put in anew
                    await self._forget(lent)
        return bool(late)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if self._waiting >= MOST_WAITING:
            raise TooManyRequests("Several models are being read; try again in some seconds")
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def _give_back(self, lent: Lent, before: Lent | None) -> None:
        """Forget a layer that did not come to be; one that was there before stays."""
        if before is not None:
            await self._keep(before)
            return
        await self._kept.delete(lent.layer)
        self._lent.pop(lent.layer, None)

    def _check(self, application: str, wanted: Wanted, versions: Mapping[str, int]) -> None:
        if not LAYER_NAME.fullmatch(wanted.layer):
            raise InvalidParameter(
                "layer: a letter, then letters, digits, '.', '-' and '_', 64 at most"
            )
        lent = self._lent.get(wanted.layer)
        there = versions.get(wanted.layer)
        theirs = lent is not None and lent.application != application
        if theirs or (there is not None and (lent is None or not lent.means(there))):
            raise InvalidParameter(f"There is a layer '{wanted.layer[:80]}' that is not yours")
        mine = sum(one.application == application for one in self._lent.values())
        if lent is None and mine >= MOST_LAYERS:
            raise TooManyRequests(f"The application shows {mine} layers; take one out first")

    async def _keep(self, lent: Lent) -> None:
        await self._kept.put(lent.layer, lent)
        self._lent[lent.layer] = lent

    async def _forget(self, lent: Lent) -> None:
        try:
            await asyncio.to_thread(self._removed, lent)
        except SceneError as error:  # somebody writes; it is still ours, and goes later
            raise IllegalServerState(f"The layer cannot be removed now: {error}") from error
        await self._kept.delete(lent.layer)
        self._lent.pop(lent.layer, None)

    def _removed(self, lent: Lent) -> None:
        if lent.means(self._scenes.versions().get(lent.layer)):
            self._scenes.remove(lent.layer)

    async def _imported(self, wanted: Wanted, file: Blob) -> Imported:
        """Import from a folder of its own: what a model names beside it is not among the blobs."""
        alone = self._folder / f"{LENT}-{uuid4().hex}"
        link = alone / wanted.layer
        order = Order(
            files=(str(link),),
            layer=wanted.layer,
            title=wanted.title,
            crs=wanted.crs,
            parent=wanted.parent,
            public=False,
            at=wanted.at,
            scale=wanted.scale,
            lent=True,
        )
        alone.mkdir(mode=0o700)
        self._store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            link.symlink_to(file.path.resolve())
            return await self._import(self._store, order, lambda _: None, LIMITS)
        finally:
            await asyncio.to_thread(shutil.rmtree, alone, True)
