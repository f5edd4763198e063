"""The queue of one printer: what waits for it, and when the next print may begin."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec

from gotapi_core.protocol.errors import IllegalDeviceState, InvalidParameter, StorageFull
from gotapi_printer.driver import PrinterDriver
from gotapi_printer.gcode import FileFacts, GcodeError, scan
from gotapi_printer.job import Job, JobError, JobEvent, JobState, Progress
from gotapi_printer.jobs import Bed, JobBook, StoredJob
from gotapi_printer.journal import Place
from gotapi_printer.link import LinkError
from gotapi_printer.updates import DriverState

MAX_COPIES = 100
OTHER_PRINT = "another print"  # the hold of a print that is no job: it lies on the bed, too

log = logging.getLogger(__name__)


def examine(path: Path) -> FileFacts:
    """Look a G-code file through; raises GcodeError and OSError."""
    with path.open("rb") as file:
        return scan(file)


class PrintOrder(msgspec.Struct, frozen=True):
    """What an application wants printed."""

    uri: str
    name: str
    application: str
    copies: int = 1
    assume_clear: bool = False
    """The application knows that the bed is, or will be, clear."""
    held: bool = False
    """Somebody wants to look at it before it begins."""


class PrintQueue:
    """Starts the jobs of one printer, one after the other and never onto another print.

    The lock orders whatever changes the queue; reports of the running job need none, nor does a
    stop.
    """

    def __init__(
        self,
        book: JobBook,
        driver: PrinterDriver,
        on_change: Callable[[], None],
        *,
        assume_clear: bool = False,
        clock: Callable[[], float] = time.time,
        examine: Callable[[Path], FileFacts] = examine,
    ) -> None:
        self._book = book
        self._driver = driver
        self._on_change = on_change
        self._assume_clear = assume_clear
        self._clock = clock
        self._examine = examine
        self._lock = asyncio.Lock()
        self._facts: dict[str, FileFacts] = {}
        self._holds: set[str] = set()

    # -- jobs come and go ---------------------------------------------------------------------

    def new_job(self, order: PrintOrder) -> Job:
        """Return a job for an order; it is not in the queue yet."""
        return Job(
            uuid4().hex[:12],
            order.uri,
            order.name[:200],
            order=0,
            queued_at=self._clock(),
            copies=order.copies,
            assume_clear=order.assume_clear,
            held=order.held,
        )

    async def add(self, source: Path, order: PrintOrder) -> str:
        """Put a G-code file into the queue and start it where nothing is before it.

        Returns the job's id; the job is durable then. Nothing of it stays where that fails.
        """
        job = self.new_job(order)
        async with self._lock:
            try:
                await asyncio.to_thread(self._book.adopt, source, job.id)
                job = await self._examined(job)
                await self._told_clear(order)
                await self._book.add(job, order.application)
            except BaseException as error:
                self.forget(job.id)
                raise refusal(error) from error
        await self.advance()
        self._on_change()
        return job.id

    async def arrived(self, job_id: str, event: JobEvent) -> None:
        """Queue a job whose G-code lies at its place by now; one that is unfit fails."""
        async with self._lock:
            stored = self._book.find(job_id)
            if stored is None or stored.job.state.final:
                return
            try:
                job = await self._examined(stored.job)
            except GcodeError as error:
                await self._book.event(job_id, JobEvent.FAIL, f"it cannot be printed: {error}")
            else:
                await self._book.change(
                    job_id,
                    progress=job.progress,
                    filament_mm=job.filament_mm,
                    notes=job.notes,
                    source=None,
                )
                if job.state is not JobState.QUEUED:
                    await self._book.event(job_id, event)
        await self.advance()
        self._on_change()

    async def remove(self, job_id: str) -> None:
        """Take a waiting job out of the queue; raises JobError for one that does not wait."""
        async with self._lock:
            stored = self._book.find(job_id)
            if stored is None or stored.job.state.active:
                raise JobError(f"job '{job_id[:40]}' does not wait in the queue")
            await self._book.event(job_id, JobEvent.STOP, "removed from the queue")
            self._facts.pop(job_id, None)
        await self.advance()
        self._on_change()

    async def let_begin(self, job_id: str) -> None:
        """Let a held job have its turn; raises JobError for one that is not held."""
        async with self._lock:
            stored = self._book.find(job_id)
            if stored is None or stored.job.state.final or not stored.job.held:
                raise JobError(f"job '{job_id[:40]}' does not wait to be let begin")
            await self._book.change(job_id, held=False)
        await self.advance()
        self._on_change()

    async def move(self, job_id: str, place: int) -> None:
        """Give a waiting job another place, counted from 0 behind the one that is printed."""
        async with self._lock:
            await self._book.move(job_id, place)
        await self.advance()
        self._on_change()

    def forget(self, job_id: str) -> None:
        """Throw away what belongs to a job that came to nothing."""
        self._facts.pop(job_id, None)
        self._book.drop_file(job_id)

    def hold(self, why: str) -> None:
        """Start no job until `release`: something else is done on the printer."""
        self._holds.add(why)

    def release(self, why: str) -> None:
        """Take back a `hold`; jobs begin with the next `advance`."""
        self._holds.discard(why)

    # -- the bed ------------------------------------------------------------------------------

    async def set_bed(self, bed: Bed) -> None:
        """Take somebody's word for the bed; raises JobError while something is printed on it."""
        async with self._lock:
            if self._book.active() is not None or OTHER_PRINT in self._holds:
                raise JobError("the printer is printing; say so when that has ended")
            await self._book.set_bed(bed)
        await self.advance()
        self._on_change()

    @property
    def asks_for_bed(self) -> bool:
        """Whether somebody has to say that the bed is clear."""
        if self._book.active() is not None or OTHER_PRINT in self._holds:
            return False
        if self._book.bed is Bed.CLEAR:
            return False
        first = self._first()
        return not (first is not None and self._bed_will_do(first))

    async def _told_clear(self, order: PrintOrder) -> None:
        """Who says so with nothing before it in the queue, says it of the bed as it is."""
        if order.assume_clear and not self._book.queue():
            await self._book.set_bed(Bed.CLEAR)

    def _bed_will_do(self, job: Job) -> bool:
        bed = self._book.bed
        # To assume it helps only after good ends: a failed print may still stick to the bed.
        assumed = bed is Bed.FINISHED and (self._assume_clear or job.assume_clear)
        return bed is Bed.CLEAR or assumed

    # -- the start ----------------------------------------------------------------------------

    async def advance(self) -> None:
        """Start the next job, if there is one and the printer is free for it."""
        async with self._lock:
            while (job := self._next()) is not None:
                try:
                    if job.id not in self._facts:
                        await self._examined(job)
                except (OSError, GcodeError) as error:
                    await self._book.event(job.id, JobEvent.FAIL, f"cannot be printed: {error}")
                    continue
                await self._start(job)
                break
        self._on_change()

    def _next(self) -> Job | None:
        if self._holds or self._book.active() is not None:
            return None
        if self._driver.update.state is not DriverState.ONLINE:
            return None
        job = self._first()
        # A job that is still fetched or sliced holds the ones behind it: order is a promise.
        if job is None or job.state is not JobState.QUEUED:
            return None
        return job if self._bed_will_do(job) else None

    def _first(self) -> Job | None:
        """The job whose turn is next; one that is held lets others pass."""
        return next((stored.job for stored in self._book.waiting() if not stored.job.held), None)

    async def _start(self, job: Job) -> None:
        bed = self._book.bed
        begun = await self._book.begin(job.id)  # durable before the printer hears of it
        facts = self._facts[job.id]
        if begun.copy == begun.copies:
            del self._facts[job.id]
        try:
            journal = self._book.journal_path(job.id)
            self._driver.print_file(self._book.path(job.id), begun.run_id, facts, journal=journal)
        except (JobError, LinkError) as error:
            log.info("job %s waits on: %s", job.id, error)
            self._facts[job.id] = facts
            await self._book.event(job.id, JobEvent.REQUEUE)
            await self._book.set_bed(bed)

    async def go_on(
        self, before: StoredJob, order: PrintOrder, place: Place, lead: tuple[bytes, ...]
    ) -> str:
        """Print what comes after a place of a job that was interrupted, now.

        Returns the id of the job that does it. Raises JobError where that cannot be.
        """
        async with self._lock:
            if self._holds or self._book.resumable() != before:
                raise JobError("this print cannot go on any more; ask again what can")
            job = await self._rest(before.job, order, place)
            begun = await self._book.begin(job.id)
            facts = self._facts[job.id]
            if begun.copy == begun.copies:
                del self._facts[job.id]
            paths = self._book.path(job.id), self._book.journal_path(job.id)
            try:
                self._driver.print_file(
                    paths[0], begun.run_id, facts, journal=paths[1], after=place, lead=lead
                )
            except (JobError, LinkError) as error:
                await self._book.event(job.id, JobEvent.FAIL, str(error))
                raise refusal(JobError(str(error))) from error
        self._on_change()
        return job.id

    async def _rest(self, before: Job, order: PrintOrder, place: Place) -> Job:
        """Put the rest of a job into the book; nothing of it stays where that fails."""
        job = msgspec.structs.replace(
            self.new_job(order), copy=before.copy, first=place.line, resumes=before.id
        )
        try:
            await asyncio.to_thread(self._book.adopt, self._book.path(before.id), job.id)
            job = await self._examined(job)
            done = msgspec.structs.replace(job.progress, line=place.line, file_line=place.file_line)
            job = msgspec.structs.replace(job, progress=done)
            await self._book.add(job, order.application)
        except BaseException as error:
            self.forget(job.id)
            raise refusal(error) from error
        return job

    async def _examined(self, job: Job) -> Job:
        """Look a job's file through; raises GcodeError and OSError."""
        facts = await asyncio.to_thread(self._examine, self._book.path(job.id))
        self._facts[job.id] = facts
        return msgspec.structs.replace(
            job,
            progress=Progress(total=facts.commands, layers=facts.layers),
            filament_mm=facts.filament_mm,
            notes=facts.notes,
        )


def refusal(error: BaseException) -> BaseException:
    """Return what an application is told of what went wrong while its job was put in."""
    match error:
        case GcodeError():
            return InvalidParameter(f"The file cannot be printed: {error}")
        case JobError():
            return IllegalDeviceState(str(error))
        case OSError():
            return StorageFull(f"The file cannot be kept for printing: {error.strerror}")
    return error
