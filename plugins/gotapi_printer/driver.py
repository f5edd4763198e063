"""The driver of one printer: a thread that owns its link, its protocol and its job."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import msgspec

from gotapi_printer.gcode import FileFacts
from gotapi_printer.guard import Guard
from gotapi_printer.job import JobError, JobState, Progress
from gotapi_printer.journal import Place
from gotapi_printer.link import Link, LinkError, LinkGone, LinkMissing
from gotapi_printer.requests import (
    Answer,
    EmergencyStop,
    Pause,
    PrintFile,
    Reconnect,
    Request,
    Resume,
    Send,
    Stop,
)
from gotapi_printer.session import NotAPrinter, Session, SessionSettings
from gotapi_printer.updates import Board, DriverState, DriverUpdate, JobReport, OnUpdate

log = logging.getLogger(__name__)

EMERGENCY = b"\nM112\n"
"""The newline ends a line that was half written, so that M112 stands at a line's beginning."""


class DriverSettings(msgspec.Struct, frozen=True):
    """Seconds between tries to open the link."""

    retry: float = 0.5
    """The first, doubled at each further one."""
    retry_most: float = 2.0
    retry_missing: float = 0.5
    """While the port is not there: to look for it costs next to nothing."""
    retry_stranger: float = 10.0
    """After something answered that is no printer: it should not be bothered often."""
    close_wait: float = 15.0
    """For the thread to end; a device that takes no bytes holds it for 10."""
    session: SessionSettings = SessionSettings()


class PrinterDriver:
    """Keeps one printer connected and prints on it.

    `on_update` is called in the driver's thread with a whole DriverUpdate: at once when a state
    changes, twice a second while numbers do. All methods may be called from any thread.
    """

    def __init__(
        self,
        link_factory: Callable[[], Link],
        on_update: OnUpdate,
        clock: Callable[[], float] = time.monotonic,
        settings: DriverSettings | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._guard = guard
        self._factory = link_factory
        self._clock = clock
        self._settings = settings or DriverSettings()
        self._board = Board(self._watch(on_update))
        self._requests: deque[Request] = deque()
        self._claim = threading.Lock()
        self._claimed: str | None = None
        self._closing = False
        self._make_safe = False
        self._poked = threading.Event()
        self._link: Link | None = None
        self._thread: threading.Thread | None = None

    def _watch(self, on_update: OnUpdate) -> OnUpdate:
        def watch(update: DriverUpdate) -> None:
            if update.job is not None and update.job.state.final:
                with self._claim:
                    if self._claimed == update.job.id:
                        self._claimed = None
            on_update(update)

        return watch

    @property
    def update(self) -> DriverUpdate:
        """The newest update."""
        return self._board.update

    @property
    def measured(self) -> float | None:
        """Seconds since the last temperatures came, changed or not; None before the first."""
        at = self._board.measured_at
        return None if at is None else max(self._clock() - at, 0.0)

    # -- asked by the owner -------------------------------------------------------------------

    def start(self, *, make_safe: bool = False) -> None:
        """Start the thread; a second call does nothing.

        With `make_safe` the heaters are turned off first: somebody left them on.
        """
        if self._thread is None:
            self._make_safe = make_safe
            self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
            self._thread.start()

    def print_file(
        self,
        path: Path,
        job_id: str,
        facts: FileFacts,
        *,
        journal: Path | None = None,
        after: Place = Place(),  # noqa: B008 - it is frozen
        lead: tuple[bytes, ...] = (),
    ) -> None:
        """Print a file, of which `facts` are those of `gcode.scan`, or what comes after a place.

        `lead` are commands before the first one of the file; see PrintFile for the journal.
        Raises JobError while another job is on the printer, LinkError while it is not online.
        """
        update = self._board.update
        if update.state is not DriverState.ONLINE:
            raise LinkError(f"the printer is {update.state.value}: {update.message}")
        with self._claim:
            if self._claimed is not None:
                raise JobError(f"the printer is busy with job {self._claimed}; wait or stop it")
            self._claimed = job_id
        self._ask(PrintFile(path, job_id, facts, journal, after, lead))

    def pause(self) -> None:
        """Hold the file back; what the printer already has is still printed."""
        self._ask(Pause())

    def resume(self) -> None:
        """Go on with a paused job."""
        self._ask(Resume())

    def stop(self, reason: str = "") -> None:
        """End the job within the lines in flight; heaters, fan and motors go off."""
        self._ask(Stop(reason))

    def answer(self, number: int, choice: int) -> None:
        """Answer the printer's prompt of this number, unless it asks another one by now."""
        self._ask(Answer(number, choice))

    def emergency_stop(self) -> None:
        """Write M112 from this thread, past everything that waits.

        Raises LinkGone when there is no link: then only the printer's own switch helps.
        """
        link = self._link
        if link is None:
            raise LinkGone("the printer is not connected; use its power switch")
        # First, so that what the firmware says to M112 is never taken for a fault of its own. And
        # where the link takes nothing, at least no further line goes out.
        self._requests.append(EmergencyStop())
        try:
            link.write_urgent(EMERGENCY)
        finally:
            self._wake()

    def send(self, command: str, *, own: bool = False) -> Future[tuple[str, ...]]:
        """Send one command between the lines of the file; the future gets the answer's lines.

        `own` ones are the hub's, and the policy does not look at them.
        The future fails with LinkError when the printer is not ready or the link breaks, and
        with ValueError for what is not one command.
        """
        answer: Future[tuple[str, ...]] = Future()
        self._ask(Send(command.encode(), answer, own))
        return answer

    def reconnect(self) -> None:
        """Close the link and open it again, which resets many boards."""
        self._ask(Reconnect())

    def close(self) -> None:
        """Turn the heaters off and end; a job on the printer counts as interrupted."""
        self._closing = True
        self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(self._settings.close_wait)
            if self._thread.is_alive():
                log.error("the thread of the printer did not end; its device takes no bytes")

    def _ask(self, request: Request) -> None:
        self._requests.append(request)
        self._wake()

    def _wake(self) -> None:
        self._poked.set()
        link = self._link
        if link is not None:
            link.wake()

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        wait = self._settings.retry
        while not self._closing:
            try:
                wait = self._connect(wait)
            except Exception as error:
                # The end of the thread would be the end of the printer until a restart.
                log.exception("printer thread")
                wait = self._settings.retry_most
                self._offline(f"an error in the driver ({error!r}); its log says more")
            self._refuse()
            if not self._closing:
                self._rest(wait)
        self._refuse()
        closed = DriverState.CLOSED
        self._board.set(state=closed, message="the printer was closed", temperatures=())
        self._board.publish()

    def _connect(self, wait: float) -> float:
        """Open the link and serve it to its end; return how long to wait before the next try."""
        settings = self._settings
        following = min(settings.retry_most, wait * 2)
        session: Session | None = None
        link = self._factory()
        try:
            facts = link.open()
            self._link = link
            session = Session(
                link,
                facts,
                self._board,
                self._requests,
                self._clock,
                settings.session,
                self._guard,
                make_safe=self._make_safe,
            )
            session.run(lambda: self._closing)
            following, message = settings.retry, "connecting again"
        except NotAPrinter as error:
            following, message = settings.retry_stranger, str(error)
        except LinkMissing as error:
            following, message = settings.retry_missing, str(error)
        except LinkError as error:
            message = str(error)
            if session is not None and session.identified:
                following = settings.retry
        finally:
            self._link = None
            if session is not None and session.identified:
                self._make_safe = False
            link.close()
        self._offline(message)
        return following

    def _offline(self, message: str) -> None:
        if not self._closing:
            self._board.set(state=DriverState.OFFLINE, message=message, temperatures=())
            self._board.publish()

    def _rest(self, wait: float) -> None:
        until = self._clock() + wait
        while not self._closing and (left := until - self._clock()) > 0:
            if self._poked.wait(left):
                self._poked.clear()
                self._refuse()

    def _refuse(self) -> None:
        """Answer what was asked of a printer that is not there."""
        text = f"the printer is offline: {self._board.update.message}"
        with contextlib.suppress(IndexError):
            while True:
                self._refuse_one(self._requests.popleft(), text)

    def _refuse_one(self, request: Request, text: str) -> None:
        if isinstance(request, Send):
            if request.answer.set_running_or_notify_cancel():
                request.answer.set_exception(LinkGone(text))
        elif isinstance(request, PrintFile):
            nothing = Progress(total=request.facts.commands, layers=request.facts.layers)
            report = JobReport(request.job_id, JobState.FAILED, nothing, text)
            self._board.set(job=report)
            self._board.publish()
