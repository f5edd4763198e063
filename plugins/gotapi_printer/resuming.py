"""A print that was interrupted goes on: from which line, in what state, and only when told to.

Which line: the first that the printer did not answer to. One line may have been on its way when
the connection or the hub ended. A printer that did not restart still knows the number of its last
line and is asked before anything else; one that restarted does not, and then the line in doubt is
printed twice rather than left out.
"""

import asyncio
import logging
from itertools import islice
from pathlib import Path

import msgspec

from gotapi_printer.driver import PrinterDriver
from gotapi_printer.gcode import commands
from gotapi_printer.job import Job, JobError
from gotapi_printer.jobs import JobBook, StoredJob
from gotapi_printer.journal import Place, read_journal, settle_journal
from gotapi_printer.print_queue import PrintOrder, PrintQueue
from gotapi_printer.resume_plan import ResumeError, preparation
from gotapi_printer.resume_scan import PrintState
from gotapi_printer.updates import DriverState, DriverUpdate

log = logging.getLogger(__name__)


class Wish(msgspec.Struct, frozen=True):
    """What the operator wants otherwise than it would be done."""

    file_line: int = 0
    """Go on after this line of the file; 0 leaves it to what the printer took."""
    height: float | None = None
    """Where the nozzle stands now by the file's Z, in millimetres."""


class Offer(msgspec.Struct, frozen=True):
    """How an interrupted print would go on."""

    before: StoredJob
    place: Place
    known: bool
    """Whether the printer did not restart, so that line and height are certain."""
    height: float
    """The Z of the file where it goes on."""
    lead: tuple[bytes, ...]


class Resuming:
    """Interrupted prints of one printer."""

    def __init__(self, book: JobBook, queue: PrintQueue, driver: PrinterDriver) -> None:
        self._book = book
        self._queue = queue
        self._driver = driver
        self._known = ""
        """The job in whose middle the printer stands, if it did not restart since."""

    async def follow(self, update: DriverUpdate, *, came: bool) -> None:
        """Take an update of the driver; `came` says that the printer was not online before."""
        if update.state is not DriverState.ONLINE:
            self._known = ""
        elif came:
            await self._settle(update.recalled)

    async def _settle(self, recalled: int | None) -> None:
        stored = self._book.resumable()
        if stored is None:
            return
        path = self._book.journal_path(stored.job.id)
        noted = read_journal(path)
        if noted is None or not noted.sent:
            return
        place = noted.settled(recalled)
        if place is not None:
            self._known = stored.job.id
            await self._book.settle(stored.job.id, place)
        # From here on the printer counts anew: the same numbers would mean other lines.
        try:
            settle_journal(path, place or noted.taken)
        except OSError as error:
            log.warning("job %s: its journal was not settled: %s", stored.job.id, error)
            path.unlink(missing_ok=True)

    async def offer(self, wish: Wish) -> Offer:
        """Say how the interrupted print would go on. Raises JobError and ResumeError."""
        stored = self._book.resumable()
        if stored is None:
            raise JobError("there is no interrupted print on its bed that could go on")
        path = self._book.path(stored.job.id)
        return await asyncio.to_thread(self._offer, stored, path, wish)

    def _offer(self, stored: StoredJob, path: Path, wish: Wish) -> Offer:
        taken = stored.job.progress
        known = self._known == stored.job.id
        broke_off, at = _read(path, taken.line, taken.total)
        state, place = broke_off, at
        if wish.file_line:
            state, place = _read(path, None, taken.total, wish.file_line)
        height = broke_off.place["Z"] if wish.height is None else wish.height
        if height is None and not known and state.printed:
            raise ResumeError("nobody knows how high the nozzle stands; say so with z")
        stands = wish.height if known else height
        lead = preparation(state, height=stands)
        return Offer(stored, place, known, state.place["Z"] or 0.0, lead)

    async def start(self, application: str, job_id: str, wish: Wish) -> str:
        """Let a print go on; returns the id of the job that does it.

        Raises JobError and ResumeError.
        """
        offer = await self.offer(wish)
        before = offer.before.job
        if before.id != job_id:
            raise JobError(f"the print that can go on is {before.id}, not '{job_id[:40]}'")
        return await self._queue.go_on(
            offer.before, _order(before, application), offer.place, offer.lead
        )


def _order(before: Job, application: str) -> PrintOrder:
    return PrintOrder(
        before.uri,
        before.name,
        application,
        copies=before.copies,
        assume_clear=before.assume_clear,
    )


def _read(
    path: Path, count: int | None, total: int, file_line: int = 0
) -> tuple[PrintState, Place]:
    """The state after so many commands of a file, or after one of its lines."""
    state, last = PrintState(), 0
    with path.open("rb") as file:
        for line, command in islice(commands(file), count):
            if count is None and line > file_line:
                break
            state.take(command)
            last = line
    if state.count >= total:
        raise ResumeError("the whole file was printed")
    return state, Place(state.count, last)
