"""One connection to a printer: its loop, the job that runs on it and what was asked of it."""

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from gotapi_printer.care import Care
from gotapi_printer.gcode import GcodeError
from gotapi_printer.guard import Guard
from gotapi_printer.job import JobEvent, JobState
from gotapi_printer.link import Link, LinkError, LinkFacts, LinkGone
from gotapi_printer.marlin import (
    Action,
    Busy,
    Comment,
    Done,
    ErrorLine,
    Event,
    Fault,
    FaultKind,
    Identify,
    IdentifyTiming,
    JobDone,
    Limits,
    MarlinHost,
    Noise,
    Ok,
    Position,
    Temperature,
    Temperatures,
    Timing,
)
from gotapi_printer.requests import (
    Answer,
    EmergencyStop,
    Pause,
    PrintFile,
    Reconnect,
    Request,
    Resume,
    RunningJob,
    Send,
    Stop,
)
from gotapi_printer.updates import Board, DriverFault, DriverState

log = logging.getLogger(__name__)

SAFE_END = (b"M104 S0", b"M140 S0", b"M107", b"M84")
"""Ends a job that did not end itself: nozzle, bed, fan and motors off."""

MAX_PENDING = 64
"""Commands of the user that may wait for their answers."""

# Those of Identify are below 10.
_SAFE_TAG, _CLOSE_TAG, _TIMER_TAG = 11, 12, 13
_FIRST_SEND_TAG = 100


class NotAPrinter(LinkError):  # noqa: N818 - named for what was found
    """Nothing on the link answered like a Marlin printer."""


class SessionSettings(msgspec.Struct, frozen=True):
    """Seconds, and the settings of the machines inside."""

    tick: float = 0.1
    """The longest time between two looks at the clock."""
    sample: float = 0.5
    """Between two reports of progress and temperatures; states are reported at once."""
    boot_wait: float = 1.0
    """Silence after a restart before the printer is asked who it is."""
    halted_wait: float = 5.0
    """The same, and between tries, for a printer that halted."""
    close_wait: float = 3.0
    """For the heaters to be off when the connection is ended on purpose."""
    idle_off: int = 0
    """Seconds without a move after which the printer stops itself (M85); 0 leaves that out."""
    timing: Timing = Timing()
    limits: Limits = Limits()
    identify: IdentifyTiming = IdentifyTiming()


class Session:
    """Owns an open link until it breaks or is no longer wanted; all in the driver's thread."""

    def __init__(
        self,
        link: Link,
        facts: LinkFacts,
        board: Board,
        requests: deque[Request],
        clock: Callable[[], float],
        settings: SessionSettings,
        guard: Guard | None = None,
        *,
        make_safe: bool = False,
    ) -> None:
        self._link = link
        self._facts = facts
        self._board = board
        self._requests = requests
        self._clock = clock
        self._settings = settings
        self._job: RunningJob | None = None
        self._pending: dict[int, Send] = {}
        self._tag = _FIRST_SEND_TAG
        last = board.update.job
        # A board that kept running while its cable was out has its heaters on.
        self._make_safe = make_safe or (last is not None and last.state is JobState.INTERRUPTED)
        self._wanted = True
        self._waits_at: tuple[int, int] | None = None
        self._tick_at = self._sample_at = 0.0
        self._temperatures: dict[str, Temperature] = {}
        self._prompts = board.prompts
        self._care = Care(guard, settings.idle_off)
        self._safe = False
        self.identified = False
        self._breaks = link.breaks
        now = clock()
        self._host = MarlinHost(settings.timing, settings.limits)
        self._identify: Identify | None = Identify(self._host, now, settings.identify)

    # -- the loop -----------------------------------------------------------------------------

    def run(self, closing: Callable[[], bool]) -> None:
        """Serve until `closing` says so or a reconnect is asked for.

        Raises LinkError when the link breaks, NotAPrinter when nobody answers.
        """
        self._show(DriverState.CONNECTING, "asking the printer who it is", link=self._facts)
        try:
            while self._wanted and not closing():
                self._turn()
            self._leave()
        except LinkError as error:
            self._lost(error)
            raise
        finally:
            self._end()

    def _turn(self) -> None:
        data = self._link.read(self._settings.tick)
        now = self._clock()
        if data:
            events = self._host.receive(data, now)
            if events:
                self._take(events, now)
        if self._requests:
            self._take_requests(now)
        if now >= self._tick_at:
            self._tick(now)
        host = self._host
        wire = host.pull(now)
        if wire is None:
            return
        write = self._link.write
        while wire is not None:
            write(wire)
            wire = host.pull(now)
        # The printer works now: the time to read and number the next line.
        host.prepare()

    def _tick(self, now: float) -> None:
        self._tick_at = now + self._settings.tick
        if self._link.breaks != self._breaks:
            self._breaks = self._link.breaks
            self._host.interrupted()
        events = self._host.tick(now)
        if events:
            self._take(events, now)
        if self._identify is not None:
            self._identify.tick(now)
            self._identified(now)
        job = self._job
        if job is not None and job.error:
            self._fail_file(job, now)
        if self._host.live:
            self._look_after(now)
        if now >= self._sample_at:
            self._sample_at = now + self._settings.sample
            self._report(now)

    def _report(self, now: float) -> None:
        board = self._board
        temperatures = tuple(self._temperatures.values())
        board.set(temperatures=temperatures, resends=self._host.resends, prompt=self._prompts.shown)
        board.set(warning=self._care.warning)
        if self._job is not None:
            board.set(job=self._job.report(self._host.acked, now))
            if self._waits_at is not None and self._host.acked != self._waits_at:
                self._waits_at = None
                self._prompts.clear()
                board.set(message=self._job.state.value)
            if self._job.state.final:
                self._job = None
        board.publish()

    def _show(self, state: DriverState, message: str, **changes: object) -> None:
        self._board.set(state=state, message=message, **changes)
        self._report(self._clock())

    # -- what the printer says ----------------------------------------------------------------

    def _take(self, events: Sequence[Event], now: float) -> None:
        for event in events:
            if self._identify is not None:
                self._identify.take(event, now)
            self._take_one(event, now)
        if self._identify is not None:
            self._identified(now)

    def _take_one(self, event: Event, now: float) -> None:
        match event:
            case Temperatures(values) | Ok(temperatures=values):
                self._temperatures.update((value.name, value) for value in values)
                self._care.take_temperatures(values, now)
            case Done(tag):
                self._done(tag, now)
            case JobDone():
                self._finish(now)
            case Fault():
                self._faulted(event, now)
            case Position():
                self._board.set(position=event)
                self._care.take_position(event)
            case Action():
                self._act(event, now)
            case ErrorLine(text):
                log.warning("printer %s: %s", self._facts.name, text)
            case Busy(what) if what.startswith("paused"):
                self._waits_at = self._host.acked
                self._board.set(message=f"the printer waits ({what}); go and see to it")
                if self._prompts.waits(f"the printer is {what}"):
                    self._report(now)
            case Noise(text) | Comment(text):
                self._care.heard(text)
                log.debug("printer %s: %s", self._facts.name, text)
            case _:
                log.debug("printer %s: %r", self._facts.name, event)

    def _identified(self, now: float) -> None:
        identify = self._identify
        if identify is None:
            return
        if identify.failed:
            name = self._facts.name
            text = f"nothing on {name} answers like a Marlin printer within"
            wait = self._settings.identify.deadline
            hint = "check the baud rate, and that this port is the printer"
            raise NotAPrinter(f"{text} {wait:g} s; {hint}")
        if identify.firmware is None:
            return
        self._identify = None
        self.identified = True
        if self._make_safe:
            self._make_safe = False
            self._send_safe_end(0)
        if (asked := self._care.begin(identify.firmware)) is not None:
            self._host.command(asked, _TIMER_TAG)
        self._show(DriverState.ONLINE, "ready", firmware=identify.firmware)

    # -- care ---------------------------------------------------------------------------------

    def _look_after(self, now: float) -> None:
        """Do what the care for the printer asks for, and pause where the file says so."""
        state = None if self._job is None else self._job.state
        printing, paused = state is JobState.PRINTING, state is JobState.PAUSED
        self._command(*self._care.due(now, printing=printing, paused=paused))
        if printing and (text := self._care.hold_text):
            self._care.hold_text = ""
            self._pause(now)
            self._show(DriverState.ONLINE, f"the file asks for a pause: {text}")

    def _command(self, *commands: bytes) -> None:
        """Send commands of our own; where too many wait, the printer has other troubles."""
        for command in commands:
            with contextlib.suppress(ValueError):
                self._host.command(command)

    def _hold(self, text: str) -> None:
        self._host.held = True
        self._care.hold_text = text

    def _leave(self) -> None:
        """Before the link is closed on purpose: the heaters off, if a job or a heater runs."""
        busy = self._job is not None and not self._job.state.final
        if self._identify is not None or not (busy or self._care.hot):
            return
        now = self._clock()
        self._host.abandon_job()
        self._host.cancel_commands()
        self._end_waits(now)
        self._command(*self._care.timer(on=False))
        self._send_safe_end(_CLOSE_TAG)
        hurry, until = now + self._settings.close_wait / 3, now + self._settings.close_wait
        while not self._safe and self._identify is None and (now := self._clock()) < until:
            if now >= hurry:
                # It works on something long, such as G28; it will find these lines afterwards.
                self._host.hurry()
            self._turn()

    def _act(self, action: Action, now: float) -> None:
        """Host actions; the printer paused itself, so no script of ours runs."""
        if self._prompts.take(action):
            self._report(now)
        match action.name:
            case "pause" | "paused":
                self._pause(now)
            case "resume" | "resumed":
                self._resume(now)
            case "cancel":
                self._stop("cancelled at the printer", now)
            case "notification" | "prompt_begin" | "out_of_filament":
                text = action.text or action.name.replace("_", " ")
                self._board.set(message=f"the printer says: {text}")
            case _:
                # A printer may not shut this computer down or pick a prompt's answer.
                log.info("printer %s: action %s %s", self._facts.name, action.name, action.text)

    def _faulted(self, fault: Fault, now: float) -> None:
        halted = fault.kind is FaultKind.FATAL
        # Before the job ends: its owner must not start the next one on this printer.
        state = DriverState.HALTED if halted else DriverState.CONNECTING
        self._board.set(state=state)
        if self._set_fault(fault.kind.value, fault.text):
            self._end_job(JobEvent.FAIL, now, fault.text)
            # A reset turned the heaters off already.
            self._make_safe = fault.kind is not FaultKind.RESET
        self._ask_again(now, halted=halted)
        self._show(state, fault.text)

    def _set_fault(self, kind: str, text: str) -> bool:
        """Note a fault with the last line taken; say whether it hit a job."""
        job = self._job
        if job is None or job.state.final:
            known = self._board.update.fault
            if known is None or known.job_id is None:
                # What ended the last job tells its owner more than what came of it.
                self._board.set(fault=DriverFault(kind, text))
            return False
        line, file_line = self._host.acked
        self._board.set(fault=DriverFault(kind, text, job.id, line, file_line))
        return True

    def _ask_again(self, now: float, *, halted: bool) -> None:
        """Begin anew on the same link, once the printer can listen."""
        settings = self._settings
        self._fail_pending("the printer restarted or failed before it answered")
        self._prompts.clear()
        resends = self._host.resends
        self._host = MarlinHost(settings.timing, settings.limits)
        self._host.resends = resends
        wait = settings.halted_wait if halted else settings.boot_wait
        timing = settings.identify
        if halted:
            # Only its user can bring a halted printer back, however long that takes.
            timing = msgspec.structs.replace(timing, deadline=float("inf"), retry=wait)
        self._identify = Identify(self._host, now, timing, wait=wait)

    # -- what the owner asks ------------------------------------------------------------------

    def _take_requests(self, now: float) -> None:
        while self._requests:
            request = self._requests.popleft()
            match request:
                case PrintFile():
                    self._print(request, now)
                case Pause():
                    self._pause(now)
                case Resume():
                    self._resume(now)
                case Stop(reason):
                    self._stop(reason, now)
                case Send():
                    self._send(request)
                case Answer(number, choice):
                    self._answer(number, choice, now)
                case EmergencyStop():
                    self._halt(now)
                case Reconnect():
                    self._wanted = False

    def _print(self, request: PrintFile, now: float) -> None:
        job = self._job = RunningJob(request, now)
        self._board.set(fault=None)
        if self._identify is not None:
            self._end_job(JobEvent.FAIL, now, self._board.update.message)
            return
        try:
            source = job.open(self._care.source(request.facts, self._hold))
        except (OSError, GcodeError) as error:
            self._end_job(JobEvent.FAIL, now, f"the file cannot be printed: {error}")
            return
        # Before the first line of the file can heat anything.
        self._command(*self._care.timer(on=True))
        self._host.start_job(source)
        self._show(DriverState.ONLINE, "starting")
        self._apply(JobEvent.STREAMING, now)
        self._show(DriverState.ONLINE, "printing")

    def _pause(self, now: float) -> None:
        if self._job is not None and self._job.state is JobState.PRINTING:
            self._host.held = True
            self._apply(JobEvent.PAUSE, now)
            self._show(DriverState.ONLINE, "paused")

    def _resume(self, now: float) -> None:
        if self._job is not None and self._job.state is JobState.PAUSED:
            self._host.held = False
            self._apply(JobEvent.RESUME, now)
            self._show(DriverState.ONLINE, "printing")

    def _stop(self, reason: str, now: float) -> None:
        job = self._job
        if job is None or job.state is JobState.STOPPING or not job.state.active:
            return
        self._apply(JobEvent.STOP, now, reason)
        self._host.abandon_job()
        self._end_waits(now)
        self._send_safe_end(_SAFE_TAG)
        self._show(DriverState.ONLINE, "stopping")

    def _end_waits(self, now: float) -> None:
        firmware = self._board.update.firmware
        if firmware is not None and firmware.can("EMERGENCY_PARSER"):
            # Ends M109, M190 and M0 at once; without the parser it would wait behind them.
            self._link.write(self._host.urgent(b"M108", now))

    def _send_safe_end(self, tag: int) -> None:
        for command in SAFE_END:
            self._host.command(command)
        # Its answer brings the new targets, so that whoever hears of the end sees the heaters off.
        self._host.command(b"M105", tag)

    def _send(self, request: Send) -> None:
        if not request.answer.set_running_or_notify_cancel():
            return
        if self._identify is not None or len(self._pending) >= MAX_PENDING:
            state = "busy with other commands" if self._pending else "not ready"
            request.answer.set_exception(LinkError(f"the printer is {state}; try again"))
            return
        self._tag += 1
        try:
            command, note = self._care.judged(request.command, self._clock())
            self._host.command(command, self._tag)
        except ValueError as error:
            request.answer.set_exception(error)
            return
        self._pending[self._tag] = request
        if self._host.heard is None:
            self._host.heard = []
        if note:
            self._host.heard.append(note)

    def _answer(self, number: int, choice: int, now: float) -> None:
        """Written at once: whatever waits in line, waits for this."""
        prompt = self._prompts.shown
        if prompt is None or prompt.number != number:
            return
        firmware = self._board.update.firmware
        picks = firmware is not None and firmware.can("PROMPT_SUPPORT")
        # M876 picks a choice; where the firmware has none of it, M108 ends M0 and its like.
        command = b"M876 S%d" % choice if picks else b"M108"
        self._link.write(self._host.urgent(command, now))
        self._prompts.clear()
        self._report(now)

    def _done(self, tag: int, now: float) -> None:
        if tag == _SAFE_TAG:
            self._end_job(JobEvent.ENDED, now)
        elif tag == _CLOSE_TAG:
            self._safe = True
        elif tag == _TIMER_TAG:
            self._care.answered()
        elif (request := self._pending.pop(tag, None)) is not None:
            request.answer.set_result(tuple(self._host.heard or ()))
            self._host.heard = [] if self._pending else None

    def _halt(self, now: float) -> None:
        text = "emergency stop; reset the printer or switch it off and on"
        self._board.set(state=DriverState.HALTED)
        if self._set_fault("emergency", text) and self._job is not None:
            if self._job.state is not JobState.STOPPING:
                self._apply(JobEvent.STOP, now, text)
            self._end_job(JobEvent.ENDED, now, text)
        self._ask_again(now, halted=True)
        self._show(DriverState.HALTED, text)

    # -- the job ------------------------------------------------------------------------------

    def _apply(self, event: JobEvent, now: float, reason: str = "") -> None:
        if self._job is not None:
            self._job.apply(event, now, reason)

    def _end_job(self, event: JobEvent, now: float, reason: str = "") -> None:
        if self._job is not None:
            self._apply(event, now, reason)
            self._board.set(message=reason or "ready")
            self._report(now)

    def _finish(self, now: float) -> None:
        job = self._job
        if job is None:
            return
        if not job.error and self._host.acked[0] != job.facts.commands:
            job.error = "the file changed while it was printed; upload it again"
        if job.error:
            self._fail_file(job, now)
        else:
            self._end_job(JobEvent.ENDED, now)

    def _fail_file(self, job: RunningJob, now: float) -> None:
        self._set_fault("file", job.error)
        self._host.abandon_job()
        self._send_safe_end(0)
        self._end_job(JobEvent.FAIL, now, job.error)

    def _lost(self, error: LinkError) -> None:
        """The link broke: take what had still arrived, so that the last line is exact."""
        now = self._clock()
        try:
            while data := self._link.read(0.0):
                self._host.receive(data, now)
        except LinkGone:
            log.debug("nothing more from %s", self._facts.name)
        self._board.set(state=DriverState.OFFLINE, message=str(error))
        if self._set_fault("link", str(error)):
            self._end_job(JobEvent.LOSE, now, str(error))

    def _end(self) -> None:
        now = self._clock()
        self._fail_pending("the connection to the printer ended before it answered")
        self._prompts.clear()
        self._board.set(prompt=None)
        if self._job is not None and not self._job.state.final:
            self._end_job(JobEvent.LOSE, now, "the connection was closed during the job")

    def _fail_pending(self, text: str) -> None:
        for request in self._pending.values():
            request.answer.set_exception(LinkGone(text))
        self._pending.clear()
