"""One printer of the plug-in: its driver, its jobs, and what they look like on the wire."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gotapi_core.plugin import Service
from gotapi_core.protocol.errors import IllegalDeviceState, InvalidParameter, TimedOut
from gotapi_meshes import FileKind
from gotapi_meshes.report import Area
from gotapi_printer import view
from gotapi_printer.card import CardReader
from gotapi_printer.changes import Feed, Signal
from gotapi_printer.clock import DeviceClock, Stamp, compare, iso8601, stamp
from gotapi_printer.content.client import ContentClient
from gotapi_printer.device_time import ASK_TIME, tells_time, time_in
from gotapi_printer.driver import DriverSettings, PrinterDriver
from gotapi_printer.examination import examined, guard_settings
from gotapi_printer.fetchings import Fetchings
from gotapi_printer.files.options import SliceOptions
from gotapi_printer.gcode import FileFacts
from gotapi_printer.guard import Guard
from gotapi_printer.job import JobError, JobEvent, JobState, Source
from gotapi_printer.jobs import Bed, JobBook, StoredJob
from gotapi_printer.link import Link, LinkError
from gotapi_printer.marlin import Limits
from gotapi_printer.model import (
    HistoryEntry,
    Information,
    PortSettings,
    PromptEntry,
    QueueEntry,
    Status,
)
from gotapi_printer.paces import Paces
from gotapi_printer.pausing import PauseScripts, Pausing
from gotapi_printer.print_queue import PrintOrder, PrintQueue, refusal
from gotapi_printer.resuming import Resuming
from gotapi_printer.session import SessionSettings
from gotapi_printer.slicings import Begun, Plan, Slicing, Slicings
from gotapi_printer.temperature_history import TemperatureHistory
from gotapi_printer.updates import DriverState, DriverUpdate
from gotapi_printer.zone import local_offset

SCOPES = ("3dp", "3dprinter")
STOP_WAIT = 20.0  # seconds that an answer waits for the printer to have stopped, or to go on
COMMAND_WAIT = 50.0  # seconds for the answer to one command; the hub gives a call 60

log = logging.getLogger(__name__)


class Content(NamedTuple):
    """What the printers of a plug-in share for files from the web."""

    client: ContentClient
    examine: Callable[["Printer", Path], Awaitable[FileKind]]


class Printer:
    """A configured printer, connected or not."""

    def __init__(
        self,
        own_id: str,
        settings: PortSettings,
        book: JobBook,
        link_factory: Callable[[], Link],
        slicing: Slicing,
        content: Content,
        paces: Paces,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.id = own_id
        self._settings = settings
        self._book = book
        self._clock = clock
        self._update = DriverUpdate(DriverState.OFFLINE, "not connected yet")
        self._taken_at = clock()
        self._known: Information | None = None
        self._time: DeviceClock | None = None
        self._paces = paces
        self.temperatures = TemperatureHistory()
        self._guard = Guard(guard_settings(settings))
        session = SessionSettings(idle_off=settings.idle_off, limits=Limits(window=settings.window))
        self._driver = PrinterDriver(
            link_factory,
            self._from_driver,
            settings=DriverSettings(session=session),
            guard=self._guard,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._updates: asyncio.Queue[DriverUpdate] = asyncio.Queue()
        self._follower: asyncio.Task[None] | None = None
        self._resuming = asyncio.Lock()
        self._after: set[asyncio.Task[None]] = set()
        self.changed = Signal()
        self.information_feed = Feed(self.known, view.information_key)
        self.status_feed = Feed(self.status, view.state_key)
        self.prompt_feed = Feed(self.prompts, lambda prompts: prompts)
        assume = settings.bed_clear == "assume"
        self.queue = PrintQueue(
            book,
            self._driver,
            self._tell,
            assume_clear=assume,
            clock=clock,
            examine=self._examine,
        )
        self._pausing = Pausing(self._driver, _scripts(settings))
        self.resuming = Resuming(book, self.queue, self._driver)
        self.card = CardReader(self._driver, book, self.queue, self._tell, self._later, clock)
        self.fetchings = Fetchings(
            content.client,
            book,
            self._tell,
            lambda path: content.examine(self, path),
            self._fetched,
            self.queue.advance,
        )
        self._slicings = Slicings(slicing, book, self._tell, self._sliced, self.queue.advance)

    async def start(self) -> None:
        """Read the jobs and begin to look for the printer."""
        await self._book.load()
        await self._paces.load()
        self._loop = asyncio.get_running_loop()
        self._follower = asyncio.create_task(self._follow())
        self._driver.start(make_safe=self._book.lost)
        await self._slicings.resume(self.id)
        self.fetchings.resume()

    async def stop(self) -> None:
        """Let go of the printer; a job on it counts as interrupted and is stored so."""
        self._pausing.forget()
        self.card.close()
        for task in self._after:
            task.cancel()
        await asyncio.gather(*self._after, return_exceptions=True)
        await self.fetchings.close()
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
            name=self.name,
            online=online,
            type=self._transport,
            scopes=SCOPES,
            manufacturer=information.device_information.manufacturer_name if information else "",
            version=information.device_information.firmware_revision if information else "",
            reason="" if online else self._update.message,
        )

    def information(self) -> Information:
        """Return what the printer last said of itself (7.3.2: the latest result or an error)."""
        if self._known is None:
            raise IllegalDeviceState(
                f"Printer '{self.name}' has not said yet what it is: {self._update.message}"
            )
        return self._dated(self._known)

    def status(self) -> Status:
        """Return what the printer does now."""
        return view.status(
            self._update,
            self.entries(),
            self._last(),
            self._stamp(),
            self.prompts(),
            transport=self._transport,
            card=self.card.now,
        )

    def busy(self) -> str:
        """Return in words what letting go of the printer would end; empty where that is nothing."""
        active = self._book.active()
        return "" if active is None else f"{active.job.name} on {self.name}"

    def known(self) -> Information | None:
        """Return what the printer last said of itself, if it did."""
        return self._known

    def _dated(self, known: Information) -> Information:
        """Add when it was measured, and what the printer's own clock says now (HD-HLF-05)."""
        now = self._stamp()
        known = msgspec.structs.replace(
            known, time_stamp=now.text, time_stamp_by_plugin=now.by_plugin
        )
        if self._time is None:
            return known
        theirs = self._clock() - self._time.offset
        return msgspec.structs.replace(known, device_time=self._when(theirs))

    def jobs(self) -> tuple[QueueEntry, ...]:
        """Return the jobs, newest first."""
        return tuple(view.entry(stored, place) for place, stored in enumerate(self._book.all()))

    def entries(self) -> tuple[QueueEntry, ...]:
        """Return the job on the printer and those that wait, in their order."""
        return tuple(view.entry(stored, place) for place, stored in enumerate(self._book.queue()))

    def history(self, offset: int, limit: int) -> tuple[tuple[HistoryEntry, ...], int]:
        """Return a part of the jobs that ended, the last one first, and how many there are."""
        ended = self._book.ended()
        part = ended[offset : offset + limit]
        return tuple(view.history(stored, self._when) for stored in part), len(ended)

    def job(self, job_id: str) -> tuple[StoredJob, Path | None]:
        """Return a job and where its G-code lies, if it does; raises InvalidParameter."""
        stored = self._book.find(job_id)
        if stored is None:
            raise InvalidParameter(
                f"'{self.name}' has no job '{job_id[:40]}'; GET /gotapi/3dp/jobs lists those it has"
            )
        return stored, self._book.gcode(job_id)

    def prompts(self) -> tuple[PromptEntry, ...]:
        """Return what somebody is asked."""
        return view.prompts(self._update, bed=self.queue.asks_for_bed)

    def area(self) -> Area:
        """Return the space that can be printed in: by the settings, else as the firmware says."""
        if self._settings.size is not None:
            return Area(high=self._settings.size, known=True)
        firmware = self._update.firmware
        box = None if firmware is None else firmware.work_area or firmware.full_area
        return Area() if box is None else Area(box.low, box.high, known=True)

    @property
    def _transport(self) -> str:
        return "BLE" if self._settings.ble else view.TYPE

    @property
    def bed(self) -> Bed:
        """Whether the next print has room."""
        return self._book.bed

    @property
    def slicer_profile(self) -> str:
        """Path of the operator's configuration for PrusaSlicer, empty where there is none."""
        return self._settings.slicer_profile

    @property
    def name(self) -> str:
        """What people call it."""
        if self._settings.name:
            return self._settings.name
        if self._update.firmware is not None and self._update.firmware.machine:
            return self._update.firmware.machine
        return f"Printer at {self._settings.place}"  # HD-HLF-09: made up

    # -- what applications do ---------------------------------------------------------------

    async def print(self, source: Path, order: PrintOrder) -> str:
        """Put a G-code file into the queue; returns the job's id, which is durable then."""
        self._check_online()
        return await self.queue.add(source, order)

    async def print_model(
        self, source: Path, order: PrintOrder, options: SliceOptions, ini: bytes
    ) -> Begun:
        """Check a model and begin to slice it; its job waits in the queue meanwhile."""
        self._check_online()
        job = self.queue.new_job(order)
        plan = Plan(job.id, self.id, self.area(), options, ini.decode("utf-8", "replace"))
        try:
            report = await self._slicings.begin(job, order.application, source, plan)
        except JobError as error:
            raise refusal(error) from error
        self._tell()
        return Begun(job.id, report.findings)

    async def fetch(self, order: PrintOrder, token: str, options: SliceOptions, ini: bytes) -> str:
        """Queue a job whose file is fetched first; returns its id, which is durable then."""
        self._check_online()
        source = Source(order.uri, token)
        job = msgspec.structs.replace(
            self.queue.new_job(order), state=JobState.FETCHING, source=source
        )
        area, words = self.area(), ini.decode("utf-8", "replace")
        await self._slicings.plan(Plan(job.id, self.id, area, options, words))
        try:
            await self.fetchings.begin(job, order.application)
        except JobError as error:
            raise refusal(error) from error
        self._tell()
        return job.id

    async def stop_job(self, job_id: str) -> StoredJob:
        """Stop the job on the printer and wait until it has stopped, or remove a waiting one."""
        active = self._book.active()
        if job_id and (active is None or active.job.id != job_id):
            return await self.remove(job_id)
        if active is None:
            raise IllegalDeviceState(f"Nothing is being printed on '{self.name}'")
        self._driver.stop("stopped by an application")
        return await self._until(active.job.id, lambda state: not state.active)

    async def remove(self, job_id: str) -> StoredJob:
        """Take a waiting job out of the queue."""
        why = "removed from the queue"
        if not (await self.fetchings.stop(job_id, why) or await self._slicings.stop(job_id, why)):
            try:
                await self.queue.remove(job_id)
            except JobError as error:
                raise InvalidParameter(f"{error}; GET /gotapi/3dp/queue lists those") from error
        await self.queue.advance()
        found = self._book.find(job_id)
        assert found is not None  # the last one that ended is never forgotten
        return found

    async def pause_job(self) -> StoredJob:
        """Hold the print; what the printer already has is still printed."""
        job = self._on_printer(JobState.PRINTING, "nothing is being printed")
        self._pausing.pause()
        return await self._until(job, lambda state: state is not JobState.PRINTING)

    async def resume_job(self) -> StoredJob:
        """Go on with a paused print, with the head and the nozzle as they were."""
        async with self._resuming:
            job = self._on_printer(JobState.PAUSED, "no print is paused")
            stored = self._book.find(job)
            assert stored is not None
            try:
                async with asyncio.timeout(COMMAND_WAIT):
                    line = stored.job.progress.line
                    await self._pausing.resume(self._book.path(job), line)
            except TimeoutError:
                raise TimedOut(
                    "The printer is not ready to go on yet (is it heating?); ask again"
                ) from None
            except (LinkError, ValueError) as error:
                raise IllegalDeviceState(f"The print is still paused: {error}") from error
            return await self._until(job, lambda state: state is not JobState.PAUSED)

    async def move(self, job_id: str, place: int) -> None:
        """Give a waiting job another place."""
        try:
            await self.queue.move(job_id, place)
        except JobError as error:
            raise InvalidParameter(f"{error}; GET /gotapi/3dp/queue lists those") from error

    async def set_bed(self, *, clear: bool) -> None:
        """Take somebody's word for the bed; the next print begins on a clear one."""
        try:
            await self.queue.set_bed(Bed.CLEAR if clear else Bed.NOT_CLEAR)
        except JobError as error:
            raise IllegalDeviceState(str(error)) from error

    async def answer(self, prompt_id: str, choice: int) -> None:
        """Answer a question with one of its choices; the first question where no id is given."""
        asked = [one for one in self.prompts() if prompt_id in ("", one.id)]
        if not asked:
            raise IllegalDeviceState("This is not asked now; GET /gotapi/3dp/prompt tells what is")
        prompt = asked[0]
        if choice >= len(prompt.choices):
            choices = ", ".join(f"{place} {text}" for place, text in enumerate(prompt.choices))
            raise InvalidParameter(f"there is no choice {choice}; there is {choices}")
        if prompt.id == view.BED_PROMPT:
            await self.set_bed(clear=True)
            return
        firmware = self._update.firmware
        if firmware is None or not firmware.can("EMERGENCY_PARSER"):
            raise IllegalDeviceState(
                "This printer hears no answer while it waits; press the button on it"
            )
        self._driver.answer(int(prompt.id.removeprefix(view.PRINTER_PROMPT)), choice)

    async def command(self, command: str) -> tuple[str, ...]:
        """Send one command, if the policy lets it pass; returns what the printer said to it."""
        if self._update.state is not DriverState.HALTED:
            # One command brings some firmwares back; the driver refuses the others.
            self._check_online()
        try:
            async with asyncio.timeout(COMMAND_WAIT):
                return await asyncio.wrap_future(self._driver.send(command))
        except TimeoutError:
            raise TimedOut(
                f"The printer is still busy with {command[:40]!r}; its status tells when it is done"
            ) from None
        except ValueError as error:
            raise InvalidParameter(str(error)) from error
        except LinkError as error:
            raise IllegalDeviceState(str(error)) from error

    @property
    def armed(self) -> bool:
        """Whether the operator allows now what is refused otherwise."""
        return self._guard.armed(time.monotonic())

    def arm(self) -> None:
        """Let refused commands pass for a minute."""
        log.warning("printer %s is armed", self.id)
        self._guard.arm(time.monotonic())

    def emergency_stop(self) -> None:
        """Stop the printer's firmware at once; waits for no store, no queue and no lock."""
        try:
            self._driver.emergency_stop()
        except LinkError as error:
            raise IllegalDeviceState(str(error)) from error

    # -- inside -----------------------------------------------------------------------------

    def _examine(self, path: Path) -> FileFacts:
        """Look a file through as the driver will; raises GcodeError for one that is refused."""
        facts = examined(path, self._guard.inspector(time.monotonic()))
        return self._paces.applied(facts)

    async def _fetched(self, job_id: str, kind: FileKind) -> None:
        """Queue what was fetched, or have it sliced first."""
        if kind.model:
            await self._slicings.fetched(job_id)
            self._tell()
        else:
            await self._slicings.forget(job_id)
            await self.queue.arrived(job_id, JobEvent.FETCHED)

    async def _sliced(self, job_id: str) -> None:
        """Queue what was made of a model."""
        await self.queue.arrived(job_id, JobEvent.SLICED)

    def _check_online(self) -> None:
        if self._update.state is not DriverState.ONLINE:
            raise IllegalDeviceState(
                f"Printer '{self.name}' is {self._update.state.value}: {self._update.message}"
            )

    def _on_printer(self, state: JobState, otherwise: str) -> str:
        """Return the id of the job on the printer, which must be in this state."""
        active = self._book.active()
        if active is None or active.job.state is not state:
            what = otherwise if active is None else f"its job is {active.job.state.value}"
            raise IllegalDeviceState(f"Printer '{self.name}': {what}")
        return active.job.id

    async def _until(self, job_id: str, reached: Callable[[JobState], bool]) -> StoredJob:
        """Wait for a while until a job is as wanted; returns it as it is then."""
        try:
            async with asyncio.timeout(STOP_WAIT):
                async for _ in self.changed.changes():
                    stored = self._book.find(job_id)
                    if stored is None or stored.job.state.final or reached(stored.job.state):
                        break
        except TimeoutError:
            log.info("job %s is not as wanted yet", job_id)
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
        online = update.state is DriverState.ONLINE
        came = online and self._update.state is not update.state
        self._update = update
        self._taken_at = self._clock()
        self.temperatures.add(self._taken_at, update.temperatures if online else ())
        if update.firmware is not None and update.link is not None:
            self._known = view.information(
                self.name,
                update,
                SCOPES,
                self._stamp(),
                transport=self._transport,
                device=self._settings.device,
                size=self._settings.size,
            )
        elif self._known is not None:
            self._known = view.offline(self._known, update, self._stamp())
        before = self._book.active()
        if update.job is not None:
            await self._book.take(update.job)
            if before is not None:
                await self._paces.take(update.job)
        await self.resuming.follow(update, came=came)
        self.card.follow(update, came=came)
        if before is not None and self._book.active() is None:
            self._ended(before.job.id)
        elif came:
            self._later(self.queue.advance())
        if came:
            self._later(self._ask_time())
        self._tell()

    async def _ask_time(self) -> None:
        """Ask a printer that has a clock for its time (HD-HLF-05, 07)."""
        self._time = None
        firmware = self._update.firmware
        if firmware is None or not tells_time(firmware):
            return
        with contextlib.suppress(LinkError, ValueError):
            lines = await asyncio.wrap_future(self._driver.send(ASK_TIME))
            now = self._clock()
            told = time_in(lines, local_offset(now))
            self._time = None if told is None else compare(told, now)
            self._tell()

    def _ended(self, job_id: str) -> None:
        """Do what follows a job's end, beside the updates: it may take its time."""
        self._pausing.forget()
        stored = self._book.find(job_id)
        stopped = stored is not None and stored.job.state is JobState.STOPPED
        if stopped and self._pausing.has_cancel_script:
            self.queue.hold("script")
            self._later(self._cancelled())
        else:
            self._later(self.queue.advance())

    async def _cancelled(self) -> None:
        try:
            await self._pausing.cancelled()
        finally:
            self.queue.release("script")
        await self.queue.advance()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"printer {self.id}")
        self._after.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._after.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("printer %s", self.id, exc_info=error)

    def _tell(self) -> None:
        """Let everybody know who waits or listens."""
        self.changed.fire()
        self.information_feed.publish()
        self.status_feed.publish()
        self.prompt_feed.publish()

    def _last(self) -> QueueEntry | None:
        last = self._book.last_ended()
        return None if last is None else view.entry(last, 0)

    def _stamp(self) -> Stamp:
        # HD-HLF-06: firmwares that speak G-code give no stamps, so this is when we received it.
        at, age = self._taken_at, self._driver.measured
        if age is not None and self._update.state is DriverState.ONLINE:
            at = max(at, self._clock() - age)  # the same temperatures again are a measurement, too
        return stamp(at, local_offset(at))

    def _when(self, moment: float) -> str:
        return iso8601(moment, local_offset(moment))


def _scripts(settings: PortSettings) -> PauseScripts:
    return PauseScripts(
        settings.pause_script,
        settings.resume_script,
        settings.cancel_script,
        settings.pause_cool_after,
    )
