"""Files on their way from content servers to the queue of a printer."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from gotapi_core.protocol.errors import GotapiError
from gotapi_meshes import FileKind
from gotapi_printer.content.client import ContentClient, FetchError
from gotapi_printer.job import Job, JobEvent, JobState, Progress, Source
from gotapi_printer.jobs import JobBook

FAR = 0.01  # of the whole: progress that is worth telling
AT_ONCE = 2  # files fetched at once for one printer; the rest wait, as they will for the printer

Examine = Callable[[Path], Awaitable[FileKind]]
Arrived = Callable[[str, FileKind], Awaitable[None]]

log = logging.getLogger(__name__)


class Fetchings:
    """The files of one printer that are being fetched.

    `examine` tells what a file is and raises GotapiError for one that cannot be printed; `arrived`
    gets the id of a job whose file lies at the book's path for its kind;
    `gone` is called after one that failed, as others may have waited for it.
    """

    def __init__(
        self,
        client: ContentClient,
        book: JobBook,
        on_change: Callable[[], None],
        examine: Examine,
        arrived: Arrived,
        gone: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = client
        self._book = book
        self._on_change = on_change
        self._examine = examine
        self._arrived = arrived
        self._gone = gone
        self._running: dict[str, asyncio.Task[None]] = {}
        self._free = asyncio.Semaphore(AT_ONCE)

    def resume(self) -> None:
        """Fetch anew what a stopped or killed hub was fetching."""
        for stored in self._book.waiting():
            if stored.job.state is JobState.FETCHING:
                self._start(stored.job)

    async def begin(self, job: Job, application: str) -> None:
        """Begin to fetch the file of a new job, which is durable when this returns."""
        await self._book.add(job, application)
        self._start(job)

    async def stop(self, job_id: str, reason: str) -> bool:
        """End the fetching for a job; tells whether its file was being fetched."""
        task = self._running.get(job_id)
        if task is None:
            return False
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        stored = self._book.find(job_id)
        if stored is not None and stored.job.state is JobState.FETCHING:
            await self._book.event(job_id, JobEvent.STOP, reason)
        self._on_change()
        return True

    async def close(self) -> None:
        """End every fetching; it begins anew after the next start."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._run(job), name=f"fetching for job {job.id}")
        self._running[job.id] = task
        task.add_done_callback(lambda _: self._running.pop(job.id, None))

    async def _run(self, job: Job) -> None:
        part = self._book.source_path(job.id).with_suffix(".part")
        try:
            async with self._free:
                await self._fetch(job, part)
                kind = await self._examine(part)
                target = self._book.source_path if kind.model else self._book.path
                part.replace(target(job.id))
        except Exception as error:  # whatever it is, the job must not hang
            await self._fail(job.id, error)
            return
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        await self._arrived(job.id, kind)

    async def _fetch(self, job: Job, part: Path) -> None:
        source = job.source or Source(job.uri)
        told = 0.0

        def on_share(share: float) -> None:
            nonlocal told
            if share - told >= FAR:
                told = share
                self._book.note(job.id, Progress(percent=round(100.0 * share, 1)))
                self._on_change()

        token = source.token
        if not token and (server := self._client.server_of(source.url)) is not None:
            token = await self._client.token(server)
        await self._client.fetch(source.url, token, part, on_share)

    async def _fail(self, job_id: str, error: Exception) -> None:
        if isinstance(error, OSError):
            words = f"the file cannot be kept: {error.strerror}"
        elif isinstance(error, GotapiError):
            words = error.message
        elif isinstance(error, FetchError):
            words = f"the file could not be fetched: {error}"
        else:
            log.error("fetching for job %s failed", job_id, exc_info=error)
            words = "fetching the file failed in the hub; its log says more"
        await self._book.event(job_id, JobEvent.FAIL, words)
        await self._gone()
