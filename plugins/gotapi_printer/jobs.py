"""The durable list of a printer's jobs: what was promised survives the hub being killed."""

import contextlib
import enum
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gotapi_core.plugin import Collection
from gotapi_printer.job import (
    Job,
    JobError,
    JobEvent,
    JobState,
    Progress,
    advance,
    ended_run,
    next_copy,
)
from gotapi_printer.journal import Place, read_journal
from gotapi_printer.kept import KeptFiles
from gotapi_printer.updates import JobReport

MOST_ENDED = 200  # ended jobs kept for each printer; the oldest goes first
MOST_WAITING = 100  # jobs in the queue of one printer; a person sorts them by hand
SAVE_EVERY = 5.0  # seconds between two saves of a running job's progress

LOST = (
    "the hub stopped while this was printing; the printer may be hot and its position is unknown. "
    "Check it, then let the print go on (gotapi printers resume) or print the file again"
)
GONE = "the hub's copy of the file is gone; print it again"
NOT_BEGUN = "the hub stopped before the print went on; resume it again"
SUFFIX = ".gcode"


class Bed(enum.Enum):
    """Whether the next print has room."""

    CLEAR = "clear"
    FINISHED = "finished"
    """A print that came to its good end lies on it."""
    NOT_CLEAR = "notClear"


class StoredJob(msgspec.Struct, frozen=True):
    """A job as it is stored, with the printer and the application it belongs to."""

    job: Job
    printer: str
    application: str


class PrinterRecord(msgspec.Struct, frozen=True):
    """What is remembered of a printer besides its jobs."""

    printer: str
    bed: Bed = Bed.CLEAR
    order: tuple[str, ...] = ()
    """Ids of waiting jobs as somebody sorted them; later ones follow by time."""


class JobBook:
    """The jobs of one printer, in memory and on the disk."""

    def __init__(
        self,
        printer: str,
        jobs: Collection,
        records: Collection,
        folder: Path,
        clock: Callable[[], float] = time.time,
        kept: KeptFiles | None = None,
    ) -> None:
        self._printer = printer
        self._collection = jobs
        self._records = records
        self._folder = folder
        self._clock = clock
        self._kept = kept
        self._jobs: dict[str, StoredJob] = {}
        self._record = PrinterRecord(printer)
        self._saved = 0.0
        self.lost = False
        """Whether `load` found a job that was on the printer when the hub ended."""

    async def load(self) -> None:
        """Read the jobs; one that was running when the hub ended is now interrupted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for record in await self._records.all(PrinterRecord):
            if record.printer == self._printer:
                self._record = record
        for stored in await self._collection.all(StoredJob):
            if stored.printer == self._printer:
                self._jobs[stored.job.id] = stored
        for stored in list(self._jobs.values()):
            await self._settle(stored)
        rest = self.resumable()
        ids = [stored.job.id for stored in (*self.waiting(), *((rest,) if rest else ()))]
        files = (self.path, self.source_path, self.journal_path)
        kept = {file(job_id) for job_id in ids for file in files}
        for path in self._folder.iterdir():
            if path not in kept:
                self._put_away(path)
        self._sweep()

    def _put_away(self, path: Path) -> None:
        """Keep what is the file of a job that ended, throw away all else."""
        if path.suffix == SUFFIX and path.stem in self._jobs:
            self._retire(path.stem)
        else:
            path.unlink(missing_ok=True)  # it may have gone with the file of its job

    async def _settle(self, stored: StoredJob) -> None:
        """Say what became of a job while the hub was away."""
        job = stored.job
        if job.state.active:
            self.lost = True
            noted = read_journal(self.journal_path(job.id))
            if noted is not None and noted.taken.line > job.progress.line:
                stored = _at(stored, noted.taken)
            await self._advance(stored, JobEvent.LOSE, LOST)
        elif job.state is JobState.QUEUED and job.first and not job.runs:
            await self._advance(stored, JobEvent.FAIL, NOT_BEGUN)
        elif job.state is JobState.QUEUED and not self.path(job.id).exists():
            await self._advance(stored, JobEvent.FAIL, GONE)

    # -- what there is ------------------------------------------------------------------------

    def all(self) -> list[StoredJob]:
        """Return the jobs, newest first."""
        return sorted(self._jobs.values(), key=lambda stored: -stored.job.queued_at)

    def ended(self) -> list[StoredJob]:
        """Return the jobs that ended, the last one first."""
        ended = [stored for stored in self._jobs.values() if stored.job.state.final]
        return sorted(ended, key=lambda stored: -(stored.job.ended_at or 0.0))

    def waiting(self) -> list[StoredJob]:
        """Return the jobs that are not on the printer yet, the next one first."""
        place = {job_id: number for number, job_id in enumerate(self._record.order)}
        waits = [
            stored
            for stored in self._jobs.values()
            if not (stored.job.state.final or stored.job.state.active)
        ]
        # The jobs are in order of their creation, and the sort is stable.
        return sorted(waits, key=lambda stored: place.get(stored.job.id, len(place)))

    def queue(self) -> list[StoredJob]:
        """Return the job on the printer and those that wait."""
        active = self.active()
        return ([] if active is None else [active]) + self.waiting()

    def find(self, job_id: str) -> StoredJob | None:
        """Return a job."""
        return self._jobs.get(job_id)

    def active(self) -> StoredJob | None:
        """Return the job on the printer, or on its way to it."""
        return next((s for s in self._jobs.values() if s.job.state.active), None)

    def last_ended(self) -> StoredJob | None:
        """Return the job that ended last."""
        return next(iter(self.ended()), None)

    def resumable(self) -> StoredJob | None:
        """Return the job whose rest can still be printed: the last one begun, as it lies there."""
        begun = [stored for stored in self._jobs.values() if stored.job.started_at is not None]
        last = max(begun, key=lambda stored: stored.job.started_at or 0.0, default=None)
        if last is None or self._record.bed is Bed.CLEAR or self.active() is not None:
            return None
        broke_off = last.job.state in (JobState.INTERRUPTED, JobState.FAILED)
        if not broke_off or not last.job.progress.line or not self.path(last.job.id).exists():
            return None
        return last

    @property
    def bed(self) -> Bed:
        """Whether the bed was confirmed clear since the last print began."""
        return self._record.bed

    # -- files --------------------------------------------------------------------------------

    def path(self, job_id: str) -> Path:
        """Return where the job's own copy of its file is."""
        return self._folder / f"{job_id}{SUFFIX}"

    def source_path(self, job_id: str) -> Path:
        """Return where the model is that the job's G-code is made of."""
        return self._folder / f"{job_id}.source"

    def journal_path(self, job_id: str) -> Path:
        """Return where it is noted how far the job is, to the line."""
        return self._folder / f"{job_id}.line"

    def gcode(self, job_id: str) -> Path | None:
        """Return where the job's G-code lies, which is kept for a while after the job's end."""
        places = [self.path(job_id)]
        if self._kept is not None:
            self._sweep()
            places.append(self._kept.path(job_id))
        return next((path for path in places if path.exists()), None)

    def adopt(self, source: Path, job_id: str) -> Path:
        """Give the job its own copy of a file, by a link where the disk allows it."""
        path = self.path(job_id)
        try:
            os.link(source, path)
        except OSError:
            shutil.copyfile(source, path)
            _sync(path)
        _sync(self._folder)  # a job that was promised must find its file after a power cut
        return path

    def drop_file(self, job_id: str) -> None:
        """Throw the job's copy of its file away."""
        self.path(job_id).unlink(missing_ok=True)
        self.journal_path(job_id).unlink(missing_ok=True)

    def _tidy(self, *job_ids: str) -> None:
        """Put away the files of jobs that ended, but those of a print that may go on."""
        rest = self.resumable()
        for job_id in job_ids:
            if rest is None or rest.job.id != job_id:
                with contextlib.suppress(OSError):
                    self._retire(job_id)

    def _retire(self, job_id: str) -> None:
        """Take the file of a job that ended from those that can be printed."""
        if self._kept is not None:
            with contextlib.suppress(OSError):
                self._kept.take(self.path(job_id), job_id)
            self._sweep()
        self.drop_file(job_id)

    def _sweep(self) -> None:
        if self._kept is not None:
            ended = [(stored.job.id, stored.job.ended_at or 0.0) for stored in self.ended()]
            self._kept.sweep(ended, self._clock())

    # -- what happens -------------------------------------------------------------------------

    async def add(self, job: Job, application: str) -> None:
        """Store a new job; it is on the disk when this returns. Raises JobError for a full queue.

        A copy of the file is there before.
        """
        if len(self.waiting()) >= MOST_WAITING:
            raise JobError(f"{MOST_WAITING} jobs wait already; remove some, or wait")
        stored = StoredJob(job, self._printer, application)
        await self._collection.put(job.id, stored)
        self._jobs[job.id] = stored  # not before: nobody may start what may be lost
        await self._forget()

    async def change(self, job_id: str, **members: object) -> None:
        """Change members of a job that has not ended."""
        stored = self._jobs[job_id]
        await self._put(_with(stored, msgspec.structs.replace(stored.job, **members)))

    def note(self, job_id: str, progress: Progress) -> None:
        """Note how far a job is; only in memory, for what a restart begins anew."""
        stored = self._jobs[job_id]
        self._jobs[job_id] = _with(stored, msgspec.structs.replace(stored.job, progress=progress))

    async def remove(self, job_id: str) -> None:
        """Forget a job that nobody was told of."""
        stored = self._jobs.pop(job_id, None)
        if stored is not None:
            await self._collection.delete(job_id)
        self.drop_file(job_id)

    async def event(self, job_id: str, event: JobEvent, reason: str = "") -> None:
        """Let something happen to a job outside its driver; raises JobError."""
        await self._advance(self._jobs[job_id], event, reason)
        if self._jobs[job_id].job.state.final:
            self._tidy(job_id)

    async def settle(self, job_id: str, place: Place) -> None:
        """Note how far a job that was interrupted really came."""
        await self._put(_at(self._jobs[job_id], place))

    async def record(self, job: Job) -> None:
        """Store a print that ended without ever having been in the queue."""
        await self._put(StoredJob(job, self._printer, ""))
        await self._forget()

    async def begin(self, job_id: str) -> Job:
        """Note that a job goes to the printer, and that its bed will not be clear; returns it."""
        stored = self._jobs[job_id]
        following = advance(stored.job, JobEvent.START, self._clock())
        following = msgspec.structs.replace(following, runs=following.runs + 1)
        # The bed goes first: killed between the two, the hub asks once too often.
        before = self.resumable()
        await self.set_bed(Bed.NOT_CLEAR)
        await self._put(_with(stored, following))
        if before is not None:
            self._tidy(before.job.id)
        return following

    async def set_bed(self, bed: Bed) -> None:
        """Remember whether the bed is clear."""
        if bed is not self._record.bed:
            before = self.resumable()
            await self._put_record(msgspec.structs.replace(self._record, bed=bed))
            if before is not None:
                self._tidy(before.job.id)

    async def move(self, job_id: str, place: int) -> None:
        """Give a waiting job another place among them, counted from 0; raises JobError."""
        ids = [stored.job.id for stored in self.waiting()]
        if job_id not in ids:
            raise JobError(f"job '{job_id[:40]}' does not wait in the queue")
        ids.remove(job_id)
        ids.insert(place, job_id)
        # The whole order in one document: a kill leaves the old one or the new one.
        await self._put_record(msgspec.structs.replace(self._record, order=tuple(ids)))

    async def take(self, report: JobReport) -> None:
        """Follow the driver's report of its job; a change of state is stored at once."""
        stored = self._jobs.get(report.id.partition(".")[0])
        if stored is None or not stored.job.state.active or stored.job.run_id != report.id:
            return
        now = self._clock()
        changed = stored.job.state is not report.state
        job = _reported(stored.job, report, now)
        self._jobs[job.id] = _with(stored, job)
        if changed or now - self._saved >= SAVE_EVERY:
            self._saved = now
            await self._put(self._jobs[job.id])
        if job.state.final:
            self._tidy(job.id)
        if report.state is JobState.DONE:
            await self.set_bed(Bed.FINISHED)

    # -- inside -------------------------------------------------------------------------------

    async def _advance(self, stored: StoredJob, event: JobEvent, reason: str) -> None:
        await self._put(_with(stored, advance(stored.job, event, self._clock(), reason)))

    async def _put(self, stored: StoredJob) -> None:
        self._jobs[stored.job.id] = stored
        await self._collection.put(stored.job.id, stored)

    async def _put_record(self, record: PrinterRecord) -> None:
        await self._records.put(self._printer, record)
        self._record = record

    async def _forget(self) -> None:
        for stored in self.ended()[MOST_ENDED:]:
            del self._jobs[stored.job.id]
            await self._collection.delete(stored.job.id)


def _reported(job: Job, report: JobReport, now: float) -> Job:
    """The job after a report of its run."""
    job = msgspec.structs.replace(
        job,
        state=report.state,
        progress=report.progress,
        reason=report.reason or job.reason,
        started_at=job.started_at or now,
    )
    if not report.state.final:
        return job
    job = ended_run(job, report.elapsed)
    if report.state is JobState.DONE and job.copy < job.copies:
        return next_copy(msgspec.structs.replace(job, state=JobState.PRINTING))
    return msgspec.structs.replace(job, ended_at=now)


def _at(stored: StoredJob, place: Place) -> StoredJob:
    """The job at another place of its file."""
    done = stored.job.progress
    percent = round(100.0 * place.line / done.total, 1) if done.total else 0.0
    done = msgspec.structs.replace(
        done, line=place.line, file_line=place.file_line, percent=max(done.percent, percent)
    )
    return _with(stored, msgspec.structs.replace(stored.job, progress=done))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _with(stored: StoredJob, job: Job) -> StoredJob:
    return msgspec.structs.replace(stored, job=job)
