"""GetView beside the event loop: equal requests are drawn once, answers and stages are kept."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from gotapi_portrayal.catalogue import CrsInfo
from gotapi_portrayal.check import Axes, Selection
from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.gather import Move, move
from gotapi_portrayal.request.types import ExceptionForm, GetView
from gotapi_portrayal.view import lens
from gotapi_portrayal.view.answer import multipart
from gotapi_portrayal.view.drawing import Rasteriser
from gotapi_portrayal.view.library import Library
from gotapi_portrayal.view.render import Looks, Renderer
from gotapi_portrayal.view.stage import Stage, Stages, build

STAGE_ROOM: Final = 768 << 20
"""Bytes of stages kept; a city of half a million triangles is about 60 MB."""
ANSWER_ROOM: Final = 64 << 20
"""Bytes of answers kept: some hundred pictures."""
AT_ONCE: Final = 4
"""Views drawn at the same time; more wait, each thread has the processors to itself for longer."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer to GetView."""

    content_type: str
    body: bytes
    etag: str


@dataclass(slots=True, eq=False)
class _Work:
    """A view that is being drawn, and how many wait for it."""

    task: "asyncio.Task[Drawn]"
    waiting: int = 0


@dataclass(slots=True, eq=False)
class _Answers:
    """The answers last given."""

    room: int
    kept: OrderedDict[str, Drawn] = field(default_factory=OrderedDict)
    taken: int = 0

    def put(self, drawn: Drawn) -> None:
        if len(drawn.body) > self.room // 4:
            return
        self.kept[drawn.etag] = drawn
        self.taken += len(drawn.body)
        while self.taken > self.room:
            _, oldest = self.kept.popitem(last=False)
            self.taken -= len(oldest.body)


class ViewDesk:
    """Draws views of the layers of a store."""

    def __init__(
        self,
        store: SceneStore,
        library: Library,
        threads: int | None = None,
        smooth: bool = True,
    ) -> None:
        self._store = store
        self._library = library
        self._smooth = smooth
        self._renderer = Renderer(Rasteriser(library, threads))
        self._stages = Stages(STAGE_ROOM)
        self._answers = _Answers(ANSWER_ROOM)
        self._coming: dict[str, _Work] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    def close(self) -> None:
        """Let go of threads and memory; nothing may be drawn any more."""
        self._renderer.close()

    async def etag(self, request: GetView, selection: Selection) -> str:
        """Return the ETag that the answer to a request will have."""
        versions = await asyncio.to_thread(self._versions, selection)
        plain = msgspec.structs.replace(request, exceptions=ExceptionForm.XML)
        told = repr((plain, versions, self._smooth, self._library.name)).encode()
        return hashlib.sha256(told).hexdigest()[:32]

    async def view(self, request: GetView, selection: Selection) -> Drawn:
        """Draw; raises OwsError, and CancelledError when nobody waits for it any more."""
        etag = await self.etag(request, selection)
        if (kept := self._answers.kept.get(etag)) is not None:
            self._answers.kept.move_to_end(etag)
            return kept
        work = self._coming.get(etag)
        if work is None:
            task = asyncio.create_task(self._draw(etag, request, selection))
            work = self._coming[etag] = _Work(task)
        work.waiting += 1
        try:
            return await asyncio.shield(work.task)
        finally:
            work.waiting -= 1
            if not work.waiting:
                self._coming.pop(etag, None)
                work.task.cancel()  # no use where it is done

    async def _draw(self, etag: str, request: GetView, selection: Selection) -> Drawn:
        async with self._turn:
            kind, body = await asyncio.to_thread(self._drawn, request, selection)
        drawn = Drawn(kind, body, etag)
        self._answers.put(drawn)
        return drawn

    def _drawn(self, request: GetView, selection: Selection) -> tuple[str, bytes]:
        frame, there = self._frame(selection)
        cameras = [
            lens.camera(view.projection, selection.axes, there, (view.width, view.height))
            for view in request.views
        ]
        stage = self._stage(frame, request)
        looks = Looks(request.overall_styles, request.ground, self._smooth)
        parts: list[tuple[str, bytes]] = []
        for view, camera in zip(request.views, cameras, strict=True):
            files = self._renderer.render(stage, camera, view.layers, looks)
            parts += [(layer.format, data) for layer, data in zip(view.layers, files, strict=True)]
        return parts[0] if len(parts) == 1 else multipart(parts)

    def _frame(self, selection: Selection) -> tuple[Selection, Move]:
        """Return the selection in a CRS in which one can draw, and the way there.

        In degrees nothing has its shape: then it is the CRS of the first layer.
        """
        if not selection.axes.crs.geographic:
            return selection, Move(None)
        own = None
        if selection.layers:
            own = self._store.layer(selection.layers[0].layer.id)
        if own is None or not own.crs.horizontal:
            return selection, Move(None)
        info = CrsInfo(own.crs.horizontal, has_height=True)
        there = move(selection.axes.crs.name, info.name)
        return msgspec.structs.replace(selection, axes=Axes(info)), there

    def _stage(self, selection: Selection, request: GetView) -> Stage:
        chosen = tuple((one.layer.id, one.style, one.lod) for one in selection.layers)
        methods = request.spatial_selection, request.lod_selection
        key: Hashable = (
            *(chosen, selection.box, selection.axes.crs.name, methods),
            self._versions(selection),
        )
        return self._stages.get(key, lambda: build(self._library, self._store, selection, *methods))

    def _versions(self, selection: Selection) -> tuple[int, ...]:
        found = (self._store.layer(one.layer.id) for one in selection.layers)
        return tuple(-1 if layer is None else layer.version for layer in found)
