"""One printer of the plug-in: its driver, its jobs, and what they look like on the wire."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from gotapi_core.plugin import Blob, Service
from gotapi_core.protocol.errors import (
    IllegalDeviceState,
    InvalidParameter,
    StorageFull,
)
from gotapi_printer import view
from gotapi_printer.changes import Signal
from gotapi_printer.driver import PrinterDriver
from gotapi_printer.files.options import SliceOptions
from gotapi_printer.files.report import Area
from gotapi_printer.gcode import FileFacts, GcodeError, scan
from gotapi_printer.job import Job, JobError, JobEvent, Progress
from gotapi_printer.jobs import JobBook, StoredJob
from gotapi_printer.link import Link, LinkError
from gotapi_printer.model import Information, PortSettings, QueueEntry, Status
from gotapi_printer.slicings import Begun, ModelFile, Plan, Slicing, Slicings
from gotapi_printer.updates import DriverState, DriverUpdate

SCOPES = ("3dp", "3dprinter")
STOP_WAIT = 20.0  # seconds that an answer waits for the printer to have stopped

log = logging.getLogger(__name__)


class Printer:
    """A configured printer, connected or not."""

    def __init__(
        self,
        own_id: str,
        settings: PortSettings,
        book: JobBook,
        link_factory: Callable[[], Link],
        slicing: Slicing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.id = own_id
        self._settings = settings
        self._book = book
        self._clock = clock
        self._update = DriverUpdate(DriverState.OFFLINE, "not connected yet")
        self._taken_at = clock()
        self._known: Information | None = None
        self._driver = PrinterDriver(link_factory, self._from_driver)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._updates: asyncio.Queue[DriverUpdate] = asyncio.Queue()
        self._follower: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self.changed = Signal()
        self._slicings = Slicings(slicing, book, self.changed.fire, self._sliced)

    async def start(self) -> None:
        """Read the jobs and begin to look for the printer."""
        await self._book.load()
        self._loop = asyncio.get_running_loop()
        self._follower = asyncio.create_task(self._follow())
        self._driver.start()
        await self._slicings.resume(self.id)

    async def stop(self) -> None:
        """Let go of the printer; a job on it counts as interrupted and is stored so."""
        await self._slicings.close()
        await asyncio.to_thread(self._driver.close)
        if self._follower is not None:
            await asyncio.sleep(0)  # the driver's last update is in the loop's queue by now
            await self._updates.join()
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)

    # -- what applications see --------------------------------------------------------------

    def service(self) -> Service:
        """Describe the printer for service discovery."""
        information = self._known
        online = self._update.state is DriverState.ONLINE
        return Service(
            id=self.id,
            name=self._name(),
            online=online,
            type="serial",
            scopes=SCOPES,
            manufacturer=information.device_information.manufacturer_name if information else "",
            version=information.device_information.firmware_revision if information else "",
            reason="" if online else self._update.message,
        )

    def information(self) -> Information:
        """Return what the printer last said of itself (7.3.2: the latest result or an error)."""
        if self._known is None:
            raise IllegalDeviceState(
                f"Printer '{self._name()}' has not said yet what it is: {self._update.message}"
            )
        return self._known

    def status(self) -> Status:
        """Return what the printer does now."""
        return view.status(self._update, self.queue(), self._last(), self._stamp())

    def known(self) -> Information | None:
        """Return what the printer last said of itself, if it did."""
        return self._known

    def jobs(self) -> tuple[QueueEntry, ...]:
        """Return the jobs, newest first."""
        return tuple(view.entry(stored, place) for place, stored in enumerate(self._book.all()))

    def queue(self) -> tuple[QueueEntry, ...]:
        """Return the jobs that wait or run."""
        active = self._book.active()
        return () if active is None else (view.entry(active, 0),)

    def area(self) -> Area:
        """Return the space that can be printed in: by the settings, else as the firmware says."""
        if self._settings.size is not None:
            return Area(high=self._settings.size, known=True)
        firmware = self._update.firmware
        box = None if firmware is None else firmware.work_area or firmware.full_area
        return Area() if box is None else Area(box.low, box.high, known=True)

    @property
    def slicer_profile(self) -> str:
        """Path of the operator's configuration for PrusaSlicer, empty where there is none."""
        return self._settings.slicer_profile

    # -- what applications do ---------------------------------------------------------------

    async def print(self, blob: Blob, uri: str, name: str, application: str) -> str:
        """Begin to print a file; returns the job's id. Nothing of it stays where that fails."""
        async with self._starting:
            self._check_free()
            job_id = uuid4().hex[:12]
            path = await self._own_copy(blob, job_id)
            try:
                facts = await asyncio.to_thread(_scan, path)
                await self._begin(job_id, path, facts, uri, name or blob.name, application)
            except BaseException:
                self._book.drop_file(job_id)
                raise
        return job_id

    async def print_model(self, model: ModelFile, options: SliceOptions, ini: bytes) -> Begun:
        """Check a model and begin to slice it; returns as `print` does, with what was found."""
        async with self._starting:
            self._check_free()
            job_id = uuid4().hex[:12]
            job = Job(job_id, model.uri, model.name[:200], order=0, queued_at=self._clock())
            plan = Plan(job_id, self.id, self.area(), options, ini.decode("utf-8", "replace"))
            report = await self._slicings.begin(job, model.application, model.path, plan)
        self.changed.fire()
        return Begun(job_id, report.findings)

    async def stop_job(self, job_id: str) -> StoredJob:
        """Stop the job on the printer and wait until it has stopped, for a while."""
        active = self._book.active()
        if active is None:
            raise IllegalDeviceState(f"Nothing is being printed on '{self._name()}'")
        if job_id and active.job.id != job_id:
            raise InvalidParameter(
                f"Job '{job_id[:40]}' is not on the printer; '{active.job.id}' is"
            )
        if not await self._slicings.stop(active.job.id, "stopped by an application"):
            self._driver.stop("stopped by an application")
        return await self._ended(active.job.id)

    # -- inside -----------------------------------------------------------------------------

    async def _own_copy(self, blob: Blob, job_id: str) -> Path:
        try:
            return await asyncio.to_thread(self._book.adopt, blob.path, job_id)
        except OSError as error:
            raise StorageFull(f"The file cannot be kept for printing: {error.strerror}") from error

    async def _begin(
        self, job_id: str, path: Path, facts: FileFacts, uri: str, name: str, application: str
    ) -> None:
        self._check_free()
        nothing = Progress(total=facts.commands, layers=facts.layers)
        job = Job(job_id, uri, name[:200], order=0, progress=nothing, queued_at=self._clock())
        await self._book.add(job, application)  # durable before the printer hears of it
        try:
            self._driver.print_file(path, job_id, facts)
        except (JobError, LinkError) as error:
            await self._book.event(job_id, JobEvent.FAIL, str(error))
            raise IllegalDeviceState(str(error)) from error
        self.changed.fire()

    async def _sliced(self, job_id: str) -> None:
        """Print what was made of a model."""
        path = self._book.path(job_id)
        try:
            facts = await asyncio.to_thread(_scan, path)
            self._book.note(job_id, Progress(total=facts.commands, layers=facts.layers))
            self._driver.print_file(path, job_id, facts)
        except (InvalidParameter, JobError, LinkError) as error:
            await self._book.event(job_id, JobEvent.FAIL, str(error))
            self._book.drop_file(job_id)

    def _check_free(self) -> None:
        active = self._book.active()
        if active is not None:
            raise IllegalDeviceState(
                f"Printer '{self._name()}' is busy with '{active.job.name}'; wait until it has "
                "ended, or stop it with DELETE /gotapi/3dp/printingcommand"
            )
        if self._update.state is not DriverState.ONLINE:
            raise IllegalDeviceState(
                f"Printer '{self._name()}' is {self._update.state.value}: {self._update.message}"
            )

    async def _ended(self, job_id: str) -> StoredJob:
        try:
            async with asyncio.timeout(STOP_WAIT):
                async for _ in self.changed.changes():
                    stored = self._book.find(job_id)
                    if stored is None or stored.job.state.final:
                        break
        except TimeoutError:
            log.info("job %s is still stopping", job_id)
        found = self._book.find(job_id)
        assert found is not None  # an active job is never forgotten
        return found

    def _from_driver(self, update: DriverUpdate) -> None:
        """Take an update in the driver's thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._updates.put_nowait, update)

    async def _follow(self) -> None:
        while True:
            update = await self._updates.get()
            try:
                await self._take(update)
            except Exception:  # a full disk must not end the following
                log.exception("an update of printer %s was not stored", self.id)
            finally:
                self._updates.task_done()

    async def _take(self, update: DriverUpdate) -> None:
        self._update = update
        self._taken_at = self._clock()
        if update.firmware is not None and update.link is not None:
            self._known = view.information(self._name(), update, SCOPES, self._stamp())
        elif self._known is not None:
            self._known = view.offline(self._known, update, self._stamp())
        if update.job is not None:
            await self._book.take(update.job)
        self.changed.fire()

    def _last(self) -> QueueEntry | None:
        last = self._book.last_ended()
        return None if last is None else view.entry(last, 0)

    def _name(self) -> str:
        if self._settings.name:
            return self._settings.name
        if self._update.firmware is not None and self._update.firmware.machine:
            return self._update.firmware.machine
        return f"Printer at {Path(self._settings.path).name}"  # HD-HLF-09: made up

    def _stamp(self) -> str:
        moment = datetime.fromtimestamp(self._taken_at).astimezone()
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + (
            f"{moment.microsecond // 1000:03d}{moment.strftime('%z')}"
        )


def _scan(path: Path) -> FileFacts:
    try:
        with path.open("rb") as file:
            return scan(file)
    except GcodeError as error:
        raise InvalidParameter(f"The file cannot be printed: {error}") from error
