"""Models as layers of the 3D scenes: the preview while a job runs, then the model itself.

Only for applications whose own grant covers the scenes; what stands in the way harms no job.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from gotapi_core.plugin import Blobs, Others
from gotapi_core.protocol.errors import GotapiError, OutOfScope
from gotapi_core.protocol.messages import Method
from gotapi_creation.book import Book
from gotapi_creation.model import PREVIEW_MODEL, Job, Step
from gotapi_creation.results import RESULTS

log = logging.getLogger("gotapi.plugin.creation")

PARENT: Final = "creations"
"""The layer that all of them are in."""
PREVIEW: Final = "Preview"
"""How the title of a layer begins that is not the model yet."""
_PROFILE: Final = "3dps"
_ORDER: Final = ("glb", "3mf", "obj", "stl")  # what has colours goes first
_TYPE: Final = "application/octet-stream"
_TRIES: Final = 3
_PAUSE: Final = 1.0  # seconds between two tries: somebody else writes, or the scenes start
_LINK: Final = 300.0  # seconds in which the file is fetched


def layer_of(job_id: str) -> str:
    """Return the name of the layer that a job's model is."""
    return f"creation-{job_id}"


class Showing:
    """Follows the jobs of a book; `lifetime` is the seconds that a finished one is kept."""

    def __init__(
        self, book: Book, blobs: Blobs, others: Others, lifetime: float, pause: float = _PAUSE
    ) -> None:
        self._book = book
        self._blobs = blobs
        self._others = others
        self._lifetime = lifetime
        self._pause = pause
        self._waiting: dict[str, Job] = {}
        self._shown: dict[str, Path] = {}
        self._news = asyncio.Event()
        self._over = False
        book.watchers.append(self._heard)

    async def run(self) -> None:
        """Show what is to be shown, one after the other, until it is stopped."""
        while not self._over:
            await self._news.wait()
            self._news.clear()
            while self._waiting and not self._over:
                job = self._waiting.pop(next(iter(self._waiting)))
                await self._bring(job)

    def stop(self) -> None:
        """Let `run` end; what is shown stays."""
        self._over = True
        self._news.set()

    def _heard(self, job: Job, kept: bool) -> None:
        wanted = _file(job, self._book.folder(job)) if kept else None
        over = (job.step.final or not kept) and (job.previews or job.results)
        # What a hub before this one showed is not among the shown.
        if wanted != self._shown.get(job.id) or (wanted is None and over):
            self._waiting[job.id] = job
            self._news.set()

    async def _bring(self, job: Job) -> None:
        """Make the layer of a job what it is to be now."""
        for number in range(_TRIES):
            now = self._book.jobs.get(job.id)
            file = None if now is None else _file(now, self._book.folder(now))
            try:
                if file is None:
                    await self._call(job, Method.DELETE, {"layer": layer_of(job.id)})
                    self._shown.pop(job.id, None)
                else:
                    await self._put(job, file)
                    self._shown[job.id] = file
            except OutOfScope:
                return  # an application that does not look at scenes
            except GotapiError as error:
                log.info("the model of job %s is not shown: %s", job.id, error.message)
                if file is None:
                    return  # it was none, or goes by itself when its time is over
            else:
                return
            if number + 1 < _TRIES:
                await asyncio.sleep(self._pause)

    async def _put(self, job: Job, file: Path) -> None:
        name = f"creation-{job.id}{file.suffix}"
        uri = await self._blobs.publish(file, name, _TYPE, job.application, lifetime=_LINK)
        what = f"{PREVIEW} of model" if file.name == PREVIEW_MODEL else "Model"
        params: dict[str, object] = {
            "uri": uri,
            "layer": layer_of(job.id),
            "title": f"{what} {job.id[:8]}",
            "parent": PARENT,
            "lifetime": min(self._lifetime, 2_592_000.0),
        }
        await self._call(job, Method.POST, params)

    async def _call(self, job: Job, method: Method, params: dict[str, object]) -> None:
        services = await self._others.services(job.application)
        scenes = [one for one in services if _PROFILE in one.scopes and one.online]
        if not scenes:
            raise OutOfScope
        await self._others.call(job.application, method, _PROFILE, "layer", scenes[0].id, params)


def _file(job: Job, folder: Path) -> Path | None:
    """Return the file that is to be seen of a job."""
    if job.step is Step.DONE:
        whole = [one for one in job.results if not one.part] or list(job.results)
        ordered = [one for kind in _ORDER for one in whole if one.format == kind]
        return folder / RESULTS / ordered[0].name if ordered else None
    if job.step.works and PREVIEW_MODEL in job.previews:
        return folder / PREVIEW_MODEL
    return None
