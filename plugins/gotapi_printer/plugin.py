"""The plug-in: profile `3dp` over the printers that the settings name."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from gotapi_core.plugin import (
    Call,
    Context,
    Durable,
    Plugin,
    Service,
    delete,
    event,
    get,
    put,
)
from gotapi_core.protocol.errors import UnknownService
from gotapi_printer import view
from gotapi_printer.ble_radio import BleSettings
from gotapi_printer.files.desk import FileDesk
from gotapi_printer.jobs import JobBook
from gotapi_printer.kept import KeptFiles
from gotapi_printer.link import Link
from gotapi_printer.link_ble import BleLink
from gotapi_printer.link_serial import SerialSettings, serial_link
from gotapi_printer.model import (
    InformationEvent,
    InformationResult,
    JobsResult,
    PortSettings,
    PrinterSettings,
    PrintParams,
    QueueResult,
    StatusResult,
    StopParams,
)
from gotapi_printer.newcomers import newcomers
from gotapi_printer.paces import Paces
from gotapi_printer.printer import Content, Printer
from gotapi_printer.routes_card import CardRoutes
from gotapi_printer.routes_content import ContentRoutes
from gotapi_printer.routes_files import FileRoutes
from gotapi_printer.routes_job import JobRoutes
from gotapi_printer.routes_policy import PolicyRoutes
from gotapi_printer.routes_queue import QueueRoutes
from gotapi_printer.routes_resume import ResumeRoutes
from gotapi_printer.routes_temperatures import TemperatureRoutes
from gotapi_printer.serial_place import SerialPlace, serial_ports
from gotapi_printer.slicings import Slicing

JOBS = "jobs"  # the collection and the folder of that name
PRINTED = "printed"  # the folder of what jobs leave when they end
PRINTERS = "printers"  # what is remembered of each
PACES = "paces"  # what prints taught about estimates
DISCOVER_EVERY = 2.0  # seconds between two looks at USB
SLICING = "slicing"  # the same, of models on their way to G-code


class PrinterPlugin(
    CardRoutes,
    ContentRoutes,
    FileRoutes,
    JobRoutes,
    PolicyRoutes,
    QueueRoutes,
    ResumeRoutes,
    TemperatureRoutes,
    Plugin,
):
    """3D printers with Marlin-like firmware on serial ports and over Bluetooth LE."""

    id = "printer"
    name = "3D printers"
    version = "0.1.0"

    def __init__(self) -> None:
        self._printers: dict[str, Printer] = {}

    async def start(self, context: Context) -> None:
        await super().start(context)
        settings: PrinterSettings = context.settings
        self.desk = FileDesk(context.folder / SLICING)
        self.desk.open()
        self.open_contents(settings)
        self.open_jobs()
        for port in settings.ports:
            await self._add(port)
        if settings.discover != "off":
            context.spawn(self._discover(settings))

    async def _add(self, port: PortSettings) -> None:
        printer = self._make(port)
        self._printers[printer.id] = printer
        await printer.start()
        self.context.spawn(self._announce(printer))

    async def _discover(self, settings: PrinterSettings) -> None:
        """Take each printer that appears on USB into service."""
        ports = list(settings.ports)
        while True:
            devices = await asyncio.to_thread(serial_ports)
            for port in newcomers(devices, settings, ports):
                ports.append(port)
                await self._add(port)
                self.context.services_changed()
            await asyncio.sleep(DISCOVER_EVERY)

    async def stop(self) -> None:
        # Each turns its heaters off first, which takes seconds.
        await asyncio.gather(*(printer.stop() for printer in self._printers.values()))

    def busy(self) -> str:
        at_work = [words for one in self._printers.values() if (words := one.busy())]
        return f"the print of {', '.join(at_work)}" if at_work else ""

    def services(self) -> Sequence[Service]:
        return [printer.service() for printer in self._printers.values()]

    async def _announce(self, printer: Printer) -> None:
        """Tell the hub whenever the printer comes, goes or says what it is."""
        last = printer.service()
        async for _ in printer.changed.changes():
            if (now := printer.service()) != last:
                last = now
                self.context.services_changed()

    @get("3dp", "information")
    async def information(self, call: Call) -> InformationResult:
        """Tell what the printer is: device information and printer attributes."""
        return InformationResult(printers=(self._printer(call).information(),))

    @event("3dp", "information")
    async def information_events(
        self, call: Call
    ) -> AsyncIterator[InformationEvent | Durable[InformationEvent]]:
        """Tell what the printer is, whenever that changes."""
        async for known, news in self._printer(call).information_feed.results():
            result = InformationEvent(printer=known)
            yield Durable(result) if news else result

    @get("3dp", "status")
    async def status(self, call: Call) -> StatusResult:
        """Tell what the printer does: temperatures, operating status, print queue."""
        return StatusResult(printer=self._printer(call).status())

    @event("3dp", "status")
    async def status_events(
        self, call: Call
    ) -> AsyncIterator[StatusResult | Durable[StatusResult]]:
        """Tell what the printer does, whenever that changes."""
        async for status, news in self._printer(call).status_feed.results():
            result = StatusResult(printer=status)
            # A change of state must reach everybody; of the numbers the newest is enough.
            yield Durable(result) if news else result

    @put("3dp", "printingCommand")
    async def print(self, call: Call, params: PrintParams) -> QueueResult:
        """Put a file into the print queue: G-code, or a model, which is sliced first."""
        printer = self._printer(call)
        if self.is_elsewhere(call, params.uri):
            begun = await self._begin_elsewhere(call, printer, params)
        elif (own := self.own_file(call, params.uri, params.secure_token)) is not None:
            # The operator may change it while it waits in the queue.
            async with self.copied(own) as path:
                begun = await self._begin(call, printer, path, own.name, params)
        else:
            blob = await self.context.blobs.open(params.uri, application=call.application)
            begun = await self._begin(call, printer, blob.path, blob.name, params)
        return QueueResult(
            printqueue=printer.entries(), job_id=begun.job_id, findings=begun.findings
        )

    @delete("3dp", "printingCommand")
    async def stop_print(self, call: Call, params: StopParams) -> QueueResult:
        """Stop the print, and the heaters go off; or take a waiting job out of the queue."""
        stopped = await self._printer(call).stop_job(params.job_id)
        return QueueResult(printqueue=(view.entry(stopped, 0),), job_id=stopped.job.id)

    @get("3dp", "jobs")
    async def jobs(self, call: Call) -> JobsResult:
        """List the printer's jobs, newest first (an extension of the profile)."""
        return JobsResult(jobs=self._printer(call).jobs())

    def _printer(self, call: Call) -> Printer:
        printer = self._printers.get(call.service_id)
        if printer is None:
            raise UnknownService
        return printer

    def _make(self, port: PortSettings) -> Printer:
        own_id = _unique(_slug(port), self._printers)
        link = _links(port)
        folder = self.context.folder / JOBS / own_id
        jobs, records = self.context.collection(JOBS), self.context.collection(PRINTERS)
        kept = KeptFiles(self.context.cache(PRINTED) / own_id)
        book = JobBook(own_id, jobs, records, folder, kept=kept)
        work = Slicing(self.desk, self.context.collection(SLICING))
        if not port.slicer_profile:
            settings: PrinterSettings = self.context.settings
            port = msgspec.structs.replace(port, slicer_profile=settings.slicer_profile)
        content = Content(self.client, self.examine)
        paces = Paces(own_id, self.context.collection(PACES))
        return Printer(own_id, port, book, link, work, content, paces)


def _links(port: PortSettings) -> Callable[[], Link]:
    """Make what makes a link for each connection."""
    if port.ble:
        return lambda: BleLink(BleSettings(port.ble, port.profile))
    place = SerialPlace(port.path, port.usb_serial, None if port.baud == "auto" else port.baud)
    settings = SerialSettings(port.path, reset=port.reset_on_open)
    return lambda: serial_link(settings, place)


def _slug(port: PortSettings) -> str:
    """Make a service id of the port's name, which stays the same over restarts."""
    words = re.sub(r"[^a-z0-9]+", "-", _place(port).lower()).strip("-")
    return words[:40] or "printer"


def _place(port: PortSettings) -> str:
    if port.usb_serial:
        return f"usb {port.usb_serial}"
    return f"ble {port.ble}" if port.ble else Path(port.path).name


def _unique(wanted: str, taken: dict[str, Printer]) -> str:
    number = 2
    own_id = wanted
    while own_id in taken:
        own_id = f"{wanted}-{number}"
        number += 1
    return own_id
