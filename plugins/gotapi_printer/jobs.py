"""The durable list of a printer's jobs: what was promised survives the hub being killed."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gotapi_core.plugin import Collection
from gotapi_printer.job import Job, JobEvent, advance
from gotapi_printer.updates import JobReport

MOST = 100  # jobs kept for each printer; the oldest ended one goes first
SAVE_EVERY = 5.0  # seconds between two saves of a running job's progress

LOST = (
    "the hub stopped while this was printing; the printer may be hot and its position is unknown. "
    "Check it, then print the file again"
)


class StoredJob(msgspec.Struct, frozen=True):
    """A job as it is stored, with the printer and the application it belongs to."""

    job: Job
    printer: str
    application: str


class JobBook:
    """The jobs of one printer, in memory and on the disk."""

    def __init__(
        self,
        printer: str,
        collection: Collection,
        folder: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._printer = printer
        self._collection = collection
        self._folder = folder
        self._clock = clock
        self._jobs: dict[str, StoredJob] = {}
        self._saved = 0.0

    async def load(self) -> None:
        """Read the jobs; one that was running when the hub ended is now interrupted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for stored in await self._collection.all(StoredJob):
            if stored.printer == self._printer:
                self._jobs[stored.job.id] = stored
        for stored in list(self._jobs.values()):
            if not stored.job.state.final:
                event = JobEvent.LOSE if stored.job.state.active else JobEvent.FAIL
                await self._put(_with(stored, advance(stored.job, event, self._clock(), LOST)))
        for path in self._folder.iterdir():
            if path.stem not in self._jobs or self._jobs[path.stem].job.state.final:
                path.unlink()

    def all(self) -> list[StoredJob]:
        """Return the jobs, newest first."""
        return sorted(self._jobs.values(), key=lambda stored: -stored.job.queued_at)

    def find(self, job_id: str) -> StoredJob | None:
        """Return a job."""
        return self._jobs.get(job_id)

    def active(self) -> StoredJob | None:
        """Return the job on the printer, or on its way to it."""
        return next((s for s in self._jobs.values() if not s.job.state.final), None)

    def last_ended(self) -> StoredJob | None:
        """Return the job that ended last."""
        ended = [stored for stored in self._jobs.values() if stored.job.state.final]
        return max(ended, key=lambda stored: stored.job.ended_at or 0.0, default=None)

    def path(self, job_id: str) -> Path:
        """Return where the job's own copy of its file is."""
        return self._folder / f"{job_id}.gcode"

    def adopt(self, source: Path, job_id: str) -> Path:
        """Give the job its own copy of a file, by a link where the disk allows it."""
        path = self.path(job_id)
        try:
            os.link(source, path)
        except OSError:
            shutil.copyfile(source, path)
        return path

    def drop_file(self, job_id: str) -> None:
        """Throw the job's copy of its file away."""
        self.path(job_id).unlink(missing_ok=True)

    async def add(self, job: Job, application: str) -> None:
        """Store a new job; it is on the disk when this returns."""
        await self._put(StoredJob(job, self._printer, application))
        await self._forget()

    async def event(self, job_id: str, event: JobEvent, reason: str = "") -> None:
        """Let something happen to a job outside its driver; raises JobError."""
        stored = self._jobs[job_id]
        await self._put(_with(stored, advance(stored.job, event, self._clock(), reason)))

    async def take(self, report: JobReport) -> None:
        """Follow the driver's report of its job; a change of state is stored at once."""
        stored = self._jobs.get(report.id)
        if stored is None or stored.job.state.final:
            return
        now = self._clock()
        changed = stored.job.state is not report.state
        job = msgspec.structs.replace(
            stored.job,
            state=report.state,
            progress=report.progress,
            reason=report.reason or stored.job.reason,
            started_at=stored.job.started_at or now,
            ended_at=now if report.state.final else None,
        )
        self._jobs[job.id] = _with(stored, job)
        if changed or now - self._saved >= SAVE_EVERY:
            self._saved = now
            await self._put(self._jobs[job.id])
        if report.state.final:
            with contextlib.suppress(OSError):
                self.drop_file(job.id)

    async def _put(self, stored: StoredJob) -> None:
        self._jobs[stored.job.id] = stored
        await self._collection.put(stored.job.id, stored)

    async def _forget(self) -> None:
        ended = [stored for stored in reversed(self.all()) if stored.job.state.final]
        for stored in ended[: max(0, len(self._jobs) - MOST)]:
            del self._jobs[stored.job.id]
            await self._collection.delete(stored.job.id)


def _with(stored: StoredJob, job: Job) -> StoredJob:
    return msgspec.structs.replace(stored, job=job)
