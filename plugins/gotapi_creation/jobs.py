"""The work on jobs: pictures go to the service, its reports are followed, the model is fetched.

Each job's work is one task. A restarted hub takes it up at the step where it was; a service that
was lost gets the job again, at most three times in all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

import msgspec

from gotapi_creation import results
from gotapi_creation.book import Book
from gotapi_creation.client import ServiceClient
from gotapi_creation.model import (
    PREVIEW_MODEL,
    PREVIEW_PICTURE,
    CreationSettings,
    Job,
    Step,
)
from gotapi_creation.wire import (
    AttributesAsk,
    Code,
    CreationError,
    FileEntry,
    JobState,
    Op,
    ReceiveAsk,
    Report,
    Request,
    SnapshotAsk,
    SnapshotOp,
    TransferAsk,
    read_connecting,
    read_done,
    read_snapshot,
    read_transfer,
)
from gotapi_creation.wire.requests import Ask

log = logging.getLogger("gotapi.plugin.creation")

MOST_ATTEMPTS: Final = 3
_PREVIEW: Final = 16 << 20  # bytes of a preview; the model of a 128 grid has 2 MB
_LOST: Final = frozenset(  # after these the job may be made anew
    {
        Code.SERVICE_OFFLINE, Code.SERVICE_TIMEOUT, Code.INVALID_SECURE_TOKEN, Code.NO_JOB,
        Code.UNKNOWN_FILE, Code.RESULT_GONE,
    }
)  # fmt: skip
_UNREACHED: Final = frozenset({Code.SERVICE_OFFLINE, Code.SERVICE_TIMEOUT})

Find = Callable[[str], Awaitable[tuple[ServiceClient, str]]]
"""Returns the client of a service and the id it has there; raises CreationError."""


class Works:
    """Runs the tasks of jobs."""

    def __init__(
        self,
        book: Book,
        find: Find,
        settings: CreationSettings,
        *,
        poll: float = 2.0,
        quiet: float = 15.0,
    ) -> None:
        self._book = book
        self._find = find
        self._settings = settings
        self._poll = poll  # seconds between two looks where there is no socket
        self._quiet = quiet  # seconds without a report after which it looks by HTTP
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def resume(self) -> None:
        """Take up the work that a hub before this one did not finish."""
        for job in tuple(self._book.jobs.values()):
            if job.step.works:
                self.start(job)

    def start(self, job: Job) -> None:
        """Begin or go on to work on a job."""
        if job.id not in self._tasks:
            name = f"creation job {job.id}"
            self._tasks[job.id] = asyncio.create_task(self._run(job.id), name=name)

    async def stop(self) -> None:
        """End all work; what is durable stays."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def cancel(self, job: Job) -> None:
        """End a job for good, here and at the service, which may be out of reach."""
        task = self._tasks.get(job.id)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        job = self._book.jobs.get(job.id, job)
        if job.step.final:
            return
        was = job.step
        job = await self._book.move(job, Step.CANCELLED, error="The application cancelled the job")
        if was.works and job.remote_token:
            with contextlib.suppress(CreationError):
                ask = SnapshotAsk(SnapshotOp.CANCEL)
                client, request = await self._request(job, Op.SNAPSHOT, ask)
                await client.ask(request, tries=1)

    async def _request(
        self, job: Job, op: Op, ask: Ask | None = None, key: str = ""
    ) -> tuple[ServiceClient, Request]:
        client, remote = await self._find(job.service)
        return client, Request(
            op=op,
            service_id=remote,
            secure_token=job.remote_token,
            request_code=job.request_code,
            job_id=job.remote_job,
            idempotency_key=key,
            ask=ask,
        )

    async def _run(self, job_id: str) -> None:
        try:
            async with asyncio.timeout(self._settings.job_time):
                await self._work(job_id)
        except TimeoutError:
            late = f"The model was not made within {self._settings.job_time:g} s"
            await self._fail(job_id, CreationError(Code.SERVICE_TIMEOUT, late))
        except Exception:  # the boundary of the task: a fault of ours must not leave a job hanging
            log.exception("job %s met a fault of the hub", job_id)
            fault = "The hub met a fault of its own; its log has the details"
            await self._fail(job_id, CreationError(Code.ERROR, fault))
        finally:
            self._tasks.pop(job_id, None)

    async def _work(self, job_id: str) -> None:
        while (job := self._book.jobs.get(job_id)) is not None and job.step.works:
            try:
                await self._step(job)
            except CreationError as error:
                await self._failed(self._book.jobs[job_id], error)

    async def _step(self, job: Job) -> None:
        match job.step:
            case Step.SENDING:
                await self._send(job)
            case Step.RUNNING:
                await self._follow(job)
            case Step.FETCHING:
                await self._fetch(job)

    async def _failed(self, job: Job, error: CreationError) -> None:
        """Decide between another try, back to the application, and the end."""
        first = job.step is Step.SENDING and job.attempts <= 1
        if first and not job.began:
            # Nothing has been made yet: the application may put right what was wrong.
            await self._book.move(
                job, Step.COLLECTING, error=error.message, code=int(error.code), attempts=0
            )
        elif error.code in _LOST and job.attempts < MOST_ATTEMPTS and not _direct(job):
            log.warning("job %s is begun anew: %s", job.id, error.message)
            await asyncio.sleep(min(self._poll, 1.0))
            if job.step is Step.SENDING:
                await self._book.change(job, remote_token="", remote_job="")
            else:
                await self._book.move(job, Step.SENDING, remote_token="", remote_job="")
        else:
            await self._fail(job.id, error)

    async def _fail(self, job_id: str, error: CreationError) -> None:
        job = self._book.jobs.get(job_id)
        if job is None or not job.step.works:
            return
        log.warning("job %s failed: %s", job.id, error.message)
        await self._book.move(job, Step.FAILED, error=error.message, code=int(error.code))

    # -- the pictures go to the service ----------------------------------------------------

    async def _send(self, job: Job) -> None:
        job = await self._book.change(job, attempts=job.attempts + 1)
        if not _direct(job):
            job = await self._connect(job)
            job = await self._send_pictures(job)
        assert job.attributes is not None  # the step before needs them
        given = job.attributes
        ask = AttributesAsk(
            given.template_id, given.views, given.species, given.gender, given.age, given.style
        )
        key = f"{job.id}.{job.attempts}"
        client, request = await self._request(job, Op.SET_ATTRIBUTE, ask, key)
        done = read_done(await client.ask(msgspec.structs.replace(request, extra=given.extra)))
        self._book.say(job, progress=0.0, stage="", queue=done.queue, estimate=done.estimate)
        await self._book.move(
            job,
            Step.RUNNING,
            remote_job=done.job_id or job.remote_job,
            began=job.began or self._book.clock(),
        )

    async def _connect(self, job: Job) -> Job:
        """Get a secureToken for this job alone, so that jobs of a session do not meet."""
        client, request = await self._request(job, Op.CONNECTING)
        who = {"applicationId": job.application}  # for limits of the service's own
        plain = msgspec.structs.replace(request, secure_token="", job_id="", extra=who)
        servers = read_connecting(await client.ask(plain)).servers
        if not servers:
            raise CreationError(Code.BAD_ANSWER, "The creation service connects to nothing")
        # A job of an earlier session, as of a hub that went while it sent, is none of this one.
        return await self._book.change(job, remote_token=servers[0].secure_token, remote_job="")

    async def _send_pictures(self, job: Job) -> Job:
        ask = TransferAsk(len(job.files))
        client, request = await self._request(
            job, Op.TRANSFER, ask, f"{job.id}.{job.attempts}.files"
        )
        transfer = read_transfer(await client.ask(request))
        entries = _by_view(transfer.files, [file.view for file in job.files])
        if len(entries) != len(job.files):
            raise CreationError(
                Code.BAD_ANSWER,
                f"The creation service takes {len(transfer.files)} pictures, not {len(job.files)}",
            )
        folder = self._book.folder(job)
        for file, entry in zip(job.files, entries, strict=True):
            path = folder / str(file.file_id)
            await client.send(entry, path, file.type, job.remote_token)
        return await self._book.change(job, remote_job=transfer.job_id)

    # -- the service works -----------------------------------------------------------------

    async def _follow(self, job: Job) -> None:
        """Listen until the service says that it is done; look by HTTP where it is silent."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            try:
                final = await self._listen(job)
                heard = loop.time()
            except CreationError as error:
                if error.code not in (*_UNREACHED, Code.BAD_ANSWER, Code.NOT_SUPPORTED):
                    raise
                final = None
            if final is not None:
                await self._ended(job, final)
                return
            try:
                if await self._ready(job):
                    await self._book.move(job, Step.FETCHING)
                    return
                heard = loop.time()
            except CreationError as error:
                if error.code not in _UNREACHED or loop.time() - heard > self._settings.lost_time:
                    raise
            await asyncio.sleep(self._poll)

    async def _listen(self, job: Job) -> Report | None:
        """Follow the snapshot socket; returns the last report, or None where it ended without."""
        client, request = await self._request(job, Op.SNAPSHOT, SnapshotAsk(SnapshotOp.START, 1))
        answer = read_snapshot(await client.ask(request))
        if not answer.websocket_url:
            return None
        stream = client.reports(answer.websocket_url, job.remote_token, job.remote_job)
        async with aclosing(stream) as reports:
            while True:
                try:
                    async with asyncio.timeout(self._quiet):
                        report = await anext(reports)
                except (TimeoutError, StopAsyncIteration):
                    return None
                if report.final:
                    return report
                await self._heard(job, client, report)

    async def _heard(self, job: Job, client: ServiceClient, report: Report) -> None:
        known = self._book.live(job).progress
        self._book.say(
            job,
            progress=max(known, min(report.progress, 0.99)),  # never back: it was shown already
            stage=report.stage,
            queue=report.queue,
            estimate=report.estimate,
        )
        for url, name in (
            (report.snapshot_url, PREVIEW_PICTURE),
            (report.preview_model_url, PREVIEW_MODEL),
        ):
            if url and name not in self._book.jobs[job.id].previews:
                await self._preview(job, client, url, name)

    async def _preview(self, job: Job, client: ServiceClient, url: str, name: str) -> None:
        path = self._book.folder(job) / name
        try:
            await client.fetch(FileEntry("http", 0, url), path, job.remote_token, _PREVIEW)
        except CreationError as error:
            log.info("the preview of job %s is left out: %s", job.id, error.message)
            return
        now = self._book.jobs[job.id]
        await self._book.change(now, previews=(*now.previews, name))

    async def _ended(self, job: Job, report: Report) -> None:
        job = self._book.jobs[job.id]
        if report.status is JobState.DONE:
            await self._book.move(job, Step.FETCHING)
            return
        if report.status is JobState.CANCELLED:
            raise CreationError(Code.JOB_CANCELLED, "The creation service cancelled the job")
        raise CreationError(Code.JOB_FAILED, report.error or "The model could not be made")

    async def _ready(self, job: Job) -> bool:
        """Ask whether the files are there: the only way services without a socket have."""
        client, request = await self._request(job, Op.RECEIVE, ReceiveAsk())
        try:
            read_transfer(await client.ask(request, tries=1))
        except CreationError as error:
            if error.code is Code.NOT_READY:
                return False
            raise
        return True

    async def _fetch(self, job: Job) -> None:
        client, request = await self._request(job, Op.RECEIVE, ReceiveAsk())
        transfer = read_transfer(await client.ask(request))
        folder = self._book.folder(job)
        found = await results.fetch_all(client, transfer, folder, job.remote_token)
        job = self._book.jobs[job.id]
        await self._book.move(job, Step.DONE, results=found, error="", code=0)
        with contextlib.suppress(CreationError):  # it only lets the service forget them earlier
            ack = msgspec.structs.replace(request, ask=ReceiveAsk(ack=True))
            await client.ask(ack, tries=1)


def _direct(job: Job) -> bool:
    """Tell whether the pictures went past the hub, which cannot send them again."""
    return any(file.direct for file in job.files)


def _by_view(entries: tuple[FileEntry, ...], views: list[Any]) -> list[FileEntry]:
    """Return the entries in the order of views; those without a view go by their order."""
    if len(entries) == len(views) and all(one.view is None for one in entries):
        return list(entries)
    named = {one.view: one for one in entries}
    if all(view in named for view in views):
        return [named[view] for view in views]
    return list(entries)
