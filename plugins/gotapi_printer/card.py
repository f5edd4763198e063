"""The card in a printer: its files, and a print from it, which the printer does by itself."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import msgspec

from gotapi_printer.card_replies import (
    CardFile,
    CardPlace,
    CardPrint,
    deleted,
    files_in,
    listed,
    name_in,
    place_in,
    selected,
)
from gotapi_printer.driver import PrinterDriver
from gotapi_printer.job import Job, JobError, JobState, Progress
from gotapi_printer.jobs import Bed, JobBook
from gotapi_printer.link import LinkError
from gotapi_printer.print_queue import OTHER_PRINT, PrintQueue
from gotapi_printer.session_base import SAFE_END
from gotapi_printer.updates import DriverState, DriverUpdate

ASK_EVERY = 2.0  # seconds between two questions for the progress
ANSWER_WAIT = 50.0  # seconds for one answer; a printer that heats by the card's file is slow
HOLD = "card"  # why the queue waits
AWAY = "the printer was away when this ended; look whether it is whole"


class CardReader:
    """The card of one printer; the queue waits while something is printed from it.

    What it sends is not looked at by the policy: who calls, has checked that it may be.
    """

    def __init__(
        self,
        driver: PrinterDriver,
        book: JobBook,
        queue: PrintQueue,
        changed: Callable[[], None],
        later: Callable[[Coroutine[Any, Any, None]], None],
        clock: Callable[[], float],
    ) -> None:
        self._driver = driver
        self._book = book
        self._queue = queue
        self._changed = changed
        self._later = later
        self._clock = clock
        self._begun = 0.0
        self._lock = asyncio.Lock()
        self._asking: asyncio.Task[None] | None = None
        self.now: CardPrint | None = None
        """What is printed from the card now."""

    @property
    def present(self) -> bool:
        """Whether the printer, by its own word or its firmware, has a slot for a card."""
        return self._can("SDCARD")

    # -- the files ----------------------------------------------------------------------------

    async def files(self) -> tuple[CardFile, ...]:
        """List the files. Raises JobError and LinkError."""
        self._check()
        ask = "M20 L" if self._can("LONG_FILENAME") else "M20"
        lines = await self._send(ask)
        if not listed(lines) and self.now is None:
            await self._send("M21")  # many boards do not see that a card was put in
            lines = await self._send(ask)
        if not listed(lines):
            raise JobError("none is in the printer, or it cannot be read; put one in, ask again")
        return files_in(lines)

    async def delete(self, name: str) -> None:
        """Delete a file. Raises JobError and LinkError."""
        async with self._lock:
            if self.now is not None:
                raise JobError("the printer prints from its card; stop that first")
            file = await self._file(name)
            if not deleted(await self._send(f"M30 {self._written(file)}")):
                raise JobError(f"the printer did not delete '{file.name}'")

    async def _file(self, name: str) -> CardFile:
        """The file of this name, of those listed: no other name ever reaches the printer."""
        files = await self.files()
        for file in files:
            if name and name in (file.name, file.long_name):
                return file
        raise JobError(f"there is no '{name[:60]}' on the card; GET /gotapi/3dp/card lists it")

    def _written(self, file: CardFile) -> str:
        firmware = self._driver.update.firmware
        # Prusa's 8-bit firmware knows its files in small letters only.
        small = firmware is not None and firmware.dialect.name == "prusa"
        return file.name.lower() if small else file.name

    # -- a print ------------------------------------------------------------------------------

    async def start(self, name: str) -> None:
        """Print a file of the card. Raises JobError and LinkError."""
        async with self._lock:
            if self._book.active() is not None or self.now is not None:
                raise JobError("the printer is printing; wait or stop it")
            if self._book.bed is not Bed.CLEAR:
                raise JobError("take the print off the bed and say so (PUT /gotapi/3dp/bed)")
            file = await self._file(name)
            self._queue.hold(HOLD)
            try:
                if not selected(await self._send(f"M23 {self._written(file)}")):
                    raise JobError(f"the printer cannot open '{file.name}'")
                await self._book.set_bed(Bed.NOT_CLEAR)
                await self._send("M24")
            except BaseException:
                self._queue.release(HOLD)
                raise
            self._begun = self._clock()
            self._follow(CardPrint(file.long_name or file.name, 0, file.size or 0))

    async def pause(self, *, on: bool) -> None:
        """Pause the print from the card, or let it go on. Raises JobError and LinkError."""
        async with self._lock:
            if self.now is None or self.now.paused is on:
                raise JobError("nothing is printed from the card" if on else "no print is paused")
            await self._send("M25" if on else "M24")
            self._set(msgspec.structs.replace(self.now, paused=on))

    async def stop(self) -> None:
        """End the print from the card; the heaters go off. Raises JobError and LinkError."""
        async with self._lock:
            if self.now is None:
                raise JobError("nothing is printed from the card")
            firmware = self._driver.update.firmware
            if firmware is not None and firmware.dialect.knows("M524"):
                await self._send("M524")
            else:
                await self._send("M25")
                await self._send("M26 S0")
            for command in SAFE_END:
                await self._send(command.decode())
            await self._end(JobState.STOPPED, "stopped by an application")

    # -- what happens -------------------------------------------------------------------------

    def follow(self, update: DriverUpdate, *, came: bool) -> None:
        """Take an update of the driver; a printer that came may be printing from its card."""
        if came and self.present:
            self._queue.hold(HOLD)
            self._later(self._look())
        elif update.state is not DriverState.ONLINE:
            self._stop_asking()
            if update.state is DriverState.HALTED:
                self._later(self._end(JobState.FAILED, update.message))

    async def _look(self) -> None:
        """See whether the printer is printing from its card."""
        place = None
        with contextlib.suppress(LinkError, TimeoutError):
            place = place_in(await self._send("M27"))
        if place is None:
            await self._end(JobState.INTERRUPTED, AWAY)
            await self._queue.advance()
            return
        await self._book.set_bed(Bed.NOT_CLEAR)
        if self.now is None:
            self._begun = self._clock()
        self._follow(_at(self.now or CardPrint(await self._name(), 0, 0), place))

    async def _name(self) -> str:
        """What the printer calls the file that it prints; empty where it does not tell."""
        with contextlib.suppress(LinkError, TimeoutError):
            return name_in(await self._send("M27 C"))
        return ""

    def _follow(self, now: CardPrint) -> None:
        self._queue.hold(OTHER_PRINT)
        self._set(now)
        self._stop_asking()
        self._asking = asyncio.create_task(self._ask(), name="card")

    async def _ask(self) -> None:
        while self.now is not None:
            await asyncio.sleep(ASK_EVERY)
            try:
                place = place_in(await self._send("M27"))
            except (LinkError, TimeoutError):
                continue  # it is asked again; an update tells where the printer went
            if place is not None:
                self._set(_at(self.now, place))
            elif not self.now.paused and not self._lock.locked():
                # A paused print says that it does not print, too.
                self._asking = None
                await self._book.set_bed(Bed.FINISHED)
                await self._end(JobState.DONE)
                await self._queue.advance()

    async def _end(self, how: JobState, reason: str = "") -> None:
        """Note how the print ended, if there was one, and let the queue go on."""
        self._stop_asking()
        ended, self.now = self.now, None
        if ended is not None:
            await self._book.record(_past(ended, how, reason, self._begun, self._clock()))
        self._queue.release(HOLD)
        self._queue.release(OTHER_PRINT)
        if ended is not None:
            self._changed()

    def close(self) -> None:
        """Ask no more."""
        self._stop_asking()

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _set(self, now: CardPrint | None) -> None:
        if now != self.now:
            self.now = now
            self._changed()

    def _can(self, capability: str) -> bool:
        firmware = self._driver.update.firmware
        return firmware is not None and firmware.can(capability)

    def _check(self) -> None:
        if self._driver.update.state is not DriverState.ONLINE:
            raise JobError(f"the printer is {self._driver.update.state.value}")
        if not self.present:
            raise JobError("the printer has no card, or its firmware does not say so")

    async def _send(self, command: str) -> tuple[str, ...]:
        async with asyncio.timeout(ANSWER_WAIT):
            return await asyncio.wrap_future(self._driver.send(command, own=True))


def _at(now: CardPrint, place: CardPlace) -> CardPrint:
    return msgspec.structs.replace(now, position=place.position, size=place.size)


def _past(ended: CardPrint, how: JobState, reason: str, begun: float, now: float) -> Job:
    """The print as the history has it."""
    done = 100.0 * ended.position / ended.size if ended.size else 0.0
    return Job(
        uuid4().hex[:12],
        uri="",
        name=ended.name,
        order=0,
        state=how,
        progress=Progress(percent=100.0 if how is JobState.DONE else round(done, 1)),
        reason=reason,
        queued_at=begun,
        started_at=begun,
        ended_at=now,
        runs=1,
        seconds=now - begun,
        card=True,
    )
