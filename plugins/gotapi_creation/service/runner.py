"""Runs the jobs, each in a worker process with limits, and keeps exactly one result of each."""

import asyncio
import contextlib
import logging
import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from gotapi_core.plugin.bounded import ChildLimits, Ended
from gotapi_core.plugin.bounded import run as run_bounded
from gotapi_creation.engine.order import MODEL_FILES, Order, Picture, Said, View
from gotapi_creation.service.model import LEASE, MOST_TRIES, Job, Limits
from gotapi_creation.service.records import Records
from gotapi_creation.wire.codes import CreationError
from gotapi_creation.wire.reports import JobState

log = logging.getLogger(__name__)

WORKER: Final = (sys.executable, "-m", "gotapi_creation.engine.worker")
RESULT: Final = "result"
_RENEW: Final = LEASE / 3
_UNKNOWN: Final = 4.0  # seconds a model takes, before any was made
_FILE: Final = 256 << 20  # bytes of a file of a worker


class Runner:
    """Takes jobs from the queue until its task is cancelled."""

    def __init__(
        self, records: Records, folder: Path, limits: Limits, worker: Sequence[str] = WORKER
    ) -> None:
        """Keep the jobs' files below a folder; `worker` is followed by the path of its order."""
        self._records = records
        self._folder = folder
        self._limits = limits
        self._worker = tuple(worker)
        self._more = asyncio.Event()
        self._tries: dict[str, asyncio.Task[None]] = {}
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)

    # -- for the rest of the service -------------------------------------------------------

    def folder_of(self, job_id: str) -> Path:
        """Return where the files of a job are."""
        return self._folder / job_id

    def file_of(self, job: Job, name: str) -> Path:
        """Return where a file of a job is: the result's, else that of the try that runs."""
        result = self.folder_of(job.id) / RESULT / name
        return result if result.exists() else self._place(job) / "out" / name

    def wake(self) -> None:
        """Say that there may be a job."""
        self._more.set()

    def cancel(self, job_id: str) -> bool:
        """End a job now; False where it is over."""
        cancelled = self._records.cancel(job_id, time.time())
        if cancelled and (task := self._tries.get(job_id)) is not None:
            task.cancel()
        self.tell(job_id)
        return cancelled

    def estimate(self, job: Job) -> tuple[int, float]:
        """Return how many jobs are ahead of one, and about how many seconds it will take."""
        usual = median(self._records.durations() or [_UNKNOWN])
        ahead = self._records.ahead(job.id) if job.state is JobState.QUEUED else 0
        left = usual * (1.0 - job.progress)
        return ahead, round(ahead * usual + left, 1)

    @contextlib.contextmanager
    def watching(self, job_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something changes about a job."""
        event = asyncio.Event()
        self._watchers[job_id].add(event)
        try:
            yield event
        finally:
            self._watchers[job_id].discard(event)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    def tell(self, job_id: str) -> None:
        """Wake those who watch a job."""
        for event in self._watchers.get(job_id, ()):
            event.set()

    # -- the work --------------------------------------------------------------------------

    async def serve(self) -> None:
        """Run jobs, one after another; several of these may run at once."""
        while True:
            self._more.clear()
            try:
                job = self._records.claim(time.time(), LEASE)
            except CreationError as error:
                log.error("no job can be begun: %s", error)
                job = None
            if job is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._more.wait(), LEASE)
                continue
            task = asyncio.create_task(self._try(job))
            self._tries[job.id] = task
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:  # the service stops; that is no fault of the job
                task.cancel()
                await asyncio.wait([task])
                self._records.requeue(job, counted=False)
                raise
            finally:
                del self._tries[job.id]
                self.tell(job.id)
            fault = None if task.cancelled() else task.exception()
            if fault is not None:
                log.error("job %s failed by a fault of the service", job.id, exc_info=fault)
                with contextlib.suppress(CreationError):  # a full disk: its lease will end
                    self._fail(job, "The service failed while it made the model; its log says why.")

    async def _try(self, job: Job) -> None:
        if (self.folder_of(job.id) / RESULT).exists():  # killed before it could say so
            self._end(job, JobState.DONE, "")
            return
        if job.tries > MOST_TRIES:
            self._fail(
                job, f"The work on it was interrupted {MOST_TRIES} times; it is not tried again."
            )
            return
        heard = _Heard()
        try:
            await asyncio.to_thread(self._prepare, job)
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(self._renew(job, heard))
                ended = await self._work(job, heard)
                renewing.cancel()
        except* OSError as errors:
            log.error("there is no room for job %s", job.id, exc_info=errors)
            self._fail(job, "The disk of the service is full, or failed; try again later.")
        else:
            self._settle(job, heard, ended)
        finally:
            await asyncio.shield(asyncio.to_thread(self._clean, job))

    async def _work(self, job: Job, heard: "_Heard") -> Ended:
        place = self._place(job)
        limits = ChildLimits(
            seconds=self._limits.seconds,
            cpu=int(4 * self._limits.seconds),
            memory=self._limits.memory,
            file=_FILE,
        )

        def on_line(line: bytes) -> None:
            if heard.line(line):
                self._note(job, heard)

        return await run_bounded((*self._worker, str(place / "order.json")), place, limits, on_line)

    def _prepare(self, job: Job) -> None:
        """Make the folder of this try with its order; nothing of earlier tries stays."""
        place = self._place(job)
        for older in self.folder_of(job.id).glob("try-*"):
            shutil.rmtree(older, ignore_errors=True)
        place.mkdir(mode=0o700, parents=True)
        (place / "order.json").write_bytes(self.order_for(job, place / "out"))
        (place / "out").mkdir(mode=0o700)

    def order_for(self, job: Job, out: Path) -> bytes:
        """Return the worker's order: the one that is kept, with where it is to work."""
        kept = msgspec.json.decode(job.order, type=Order)
        folder = self.folder_of(job.id)
        pictures = {
            view: msgspec.structs.replace(one, path=str(folder / one.path))
            for view, one in kept.pictures.items()
        }
        return msgspec.json.encode(
            msgspec.structs.replace(kept, pictures=pictures, folder=str(out))
        )

    async def _renew(self, job: Job, heard: "_Heard") -> None:
        while True:
            self._note(job, heard)
            await asyncio.sleep(_RENEW)

    def _note(self, job: Job, heard: "_Heard") -> None:
        with contextlib.suppress(CreationError):  # a full disk is noticed where it matters
            lease = time.time() + LEASE
            self._records.note(job, lease, heard.progress, heard.stage, heard.preview)
        self.tell(job.id)

    def _settle(self, job: Job, heard: "_Heard", ended: Ended) -> None:
        """Decide how a try ended; the records belong to the event loop, so this does, too."""
        out = self._place(job) / "out"
        if heard.said.failure is not None:
            self._fail(job, heard.said.failure.message)
        elif ended.timed_out:
            self._fail(
                job,
                f"It took longer than {self._limits.seconds:.0f} s. Send smaller pictures, or ask "
                "for a coarser model",
            )
        elif heard.said.done and all((out / name).is_file() for name in MODEL_FILES):
            os.replace(out, self.folder_of(job.id) / RESULT)
            self._end(job, JobState.DONE, "")
        else:
            log.warning("job %s, try %d: the worker ended with %d: %s", job.id, job.tries,
                        ended.code, " | ".join(ended.said[-3:]))  # fmt: skip
            self._again(job)

    def _again(self, job: Job) -> None:
        if job.tries < MOST_TRIES:
            self._records.requeue(job)
            return
        self._fail(job, f"The program that makes the model broke off {MOST_TRIES} times.")

    def _fail(self, job: Job, why: str) -> None:
        self._end(job, JobState.FAILED, why[:1].upper() + why[1:])

    def _end(self, job: Job, state: JobState, error: str) -> None:
        self._records.end(job, state, error, time.time())

    def _clean(self, job: Job) -> None:
        shutil.rmtree(self._place(job), ignore_errors=True)

    def _place(self, job: Job) -> Path:
        return self.folder_of(job.id) / f"try-{job.tries}"


class _Heard:
    """What a worker has said so far."""

    def __init__(self) -> None:
        self.said = Said()
        self.progress = 0.0
        self.stage = ""
        self.preview = ""

    def line(self, line: bytes) -> bool:
        """Take a line; returns whether it is about progress. Anything else is no word of ours."""
        try:
            said = msgspec.json.decode(line, type=Said)
        except msgspec.DecodeError:
            return False
        if said.failure is not None or said.done is not None:
            self.said = said
        if said.progress is None:
            return False
        self.progress = min(max(said.progress.fraction, 0.0), 0.99)
        self.stage = said.progress.stage[:200]
        if said.progress.preview is not None:
            self.preview = said.progress.preview
        return True


def kept_order(order: Order, files: dict[View, str]) -> bytes:
    """Return an order to keep with its job: paths are relative to the job's folder."""
    pictures = {
        view: msgspec.structs.replace(order.pictures.get(view, Picture("")), path=path)
        for view, path in files.items()
    }
    return msgspec.json.encode(msgspec.structs.replace(order, pictures=pictures, folder=""))
