"""Models on their way to a printer: checked at once, sliced in the background, then queued."""

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from gotapi_core.plugin import Collection
from gotapi_core.protocol.errors import GotapiError, StorageFull
from gotapi_meshes.report import Area, Finding, MeshReport
from gotapi_printer.files.desk import FileDesk, SliceOrder
from gotapi_printer.files.options import SliceOptions
from gotapi_printer.job import Job, JobEvent, JobState, Progress, advance
from gotapi_printer.jobs import JobBook

FAR = 0.01  # of the whole: progress that is worth telling

Report = asyncio.Future[MeshReport]

log = logging.getLogger(__name__)


class Plan(msgspec.Struct, frozen=True):
    """How a job's model is sliced; stored, so that a killed hub slices again."""

    job_id: str
    printer: str
    area: Area
    options: SliceOptions
    ini: str = ""


class Begun(msgspec.Struct, frozen=True):
    """A job that has begun, and what the check of its file has to say."""

    job_id: str
    findings: tuple[Finding, ...] = ()


class Slicing(msgspec.Struct, frozen=True):
    """What the printers of a plug-in share for slicing."""

    desk: FileDesk
    plans: Collection


class Slicings:
    """The models of one printer that are being sliced.

    `on_sliced` gets the id of a job whose G-code lies at the book's path, to queue it;
    `on_gone` is told when one came to nothing, for those that wait behind it.
    """

    def __init__(
        self,
        shared: Slicing,
        book: JobBook,
        on_change: Callable[[], None],
        on_sliced: Callable[[str], Awaitable[None]],
        on_gone: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk = shared.desk
        self._book = book
        self._plans = shared.plans
        self._on_change = on_change
        self._on_sliced = on_sliced
        self._on_gone = on_gone
        self._running: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, float] = {}

    async def resume(self, printer: str) -> None:
        """Go on with what a stopped or killed hub was slicing."""
        for plan in await self._plans.all(Plan):
            if plan.printer != printer:
                continue
            stored = self._book.find(plan.job_id)
            if stored is not None and stored.job.state is JobState.SLICING:
                self._start(plan)
            elif stored is not None and stored.job.state is JobState.FETCHING:
                continue  # it is needed once the file is there, if that is a model
            else:
                await self._forget(plan.job_id)

    async def begin(self, job: Job, application: str, model: Path, plan: Plan) -> MeshReport:
        """Check a model and begin to slice it; returns when the check is through.

        Raises what `FileDesk.slice` raises where the check finds it unfit; nothing stays then.
        """
        await asyncio.to_thread(_own_copy, model, self._book.source_path(job.id))
        report: Report = asyncio.get_running_loop().create_future()
        stored = advance(job, JobEvent.SLICE, job.queued_at)
        await self._plans.put(job.id, plan)
        await self._book.add(stored, application)
        task = self._start(plan, report)
        try:
            return await asyncio.shield(report)
        except BaseException:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._book.remove(job.id)
            await self._forget(job.id)
            await self._on_gone()
            raise

    async def plan(self, plan: Plan) -> None:
        """Keep the plan for a file that is still to be fetched and may be a model."""
        await self._plans.put(plan.job_id, plan)

    async def fetched(self, job_id: str) -> None:
        """Slice a model that was fetched to the book's source path, as it was planned."""
        plans = await self._plans.all(Plan)
        plan = next(plan for plan in plans if plan.job_id == job_id)
        await self._book.event(job_id, JobEvent.SLICE)
        self._start(plan)

    async def forget(self, job_id: str) -> None:
        """Throw away the plan for a file that is no model."""
        await self._forget(job_id)

    async def stop(self, job_id: str, reason: str) -> bool:
        """End the slicing of a job; returns whether it was being sliced."""
        task = self._running.get(job_id)
        if task is None:
            return False
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        stored = self._book.find(job_id)
        if stored is not None and stored.job.state is JobState.SLICING:
            await self._book.event(job_id, JobEvent.STOP, reason)
        await self._forget(job_id)
        await self._on_gone()
        return True

    async def close(self) -> None:
        """End every slicing process; the jobs stay as they are and go on after the next start."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, plan: Plan, report: Report | None = None) -> asyncio.Task[None]:
        task = asyncio.create_task(self._slice(plan, report))
        self._running[plan.job_id] = task
        task.add_done_callback(lambda _: self._running.pop(plan.job_id, None))
        return task

    async def _slice(self, plan: Plan, report: Report | None) -> None:
        job_id = plan.job_id
        order = SliceOrder(
            self._book.source_path(job_id),
            self._book.path(job_id),
            plan.area,
            plan.options,
            plan.ini.encode(),
        )

        def checked(found: MeshReport) -> None:
            # With errors the desk raises, and whoever asked gets that.
            if report is not None and not report.done() and not found.errors:
                report.set_result(found)

        try:
            await self._desk.slice(order, checked, lambda share, _: self._progress(job_id, share))
            await self._on_sliced(job_id)
        except Exception as error:  # whatever it is, the job must not hang
            await self._fail(job_id, error, report)
            return
        await self._forget(job_id)
        self._on_change()

    async def _fail(self, job_id: str, error: Exception, report: Report | None) -> None:
        if report is not None and not report.done():
            report.set_exception(error)  # whoever began it answers with this
            return
        if not isinstance(error, GotapiError):
            log.error("slicing job %s failed", job_id, exc_info=error)
        words = error.message if isinstance(error, GotapiError) else "slicing failed in the hub"
        await self._book.event(job_id, JobEvent.FAIL, words)
        await self._forget(job_id)
        await self._on_gone()

    def _progress(self, job_id: str, share: float) -> None:
        if share - self._told.get(job_id, 0.0) >= FAR:
            self._told[job_id] = share
            self._book.note(job_id, Progress(percent=round(100.0 * share, 1)))
            self._on_change()

    async def _forget(self, job_id: str) -> None:
        self._told.pop(job_id, None)
        self._book.source_path(job_id).unlink(missing_ok=True)
        await self._plans.delete(job_id)


def _own_copy(source: Path, own: Path) -> None:
    try:
        try:
            os.link(source, own)
        except OSError:
            shutil.copyfile(source, own)
    except OSError as error:
        own.unlink(missing_ok=True)
        raise StorageFull(f"The model cannot be kept for slicing: {error.strerror}") from error
