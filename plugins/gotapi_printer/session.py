"""One connection to a printer: its loop, the job that runs on it and what was asked of it."""

import logging
import math
from collections.abc import Callable, Sequence

import msgspec

from gotapi_printer.job import JobEvent, JobState
from gotapi_printer.link import LinkError, LinkGone
from gotapi_printer.marlin import (
    LOOP,
    Action,
    Busy,
    Comment,
    Done,
    ErrorLine,
    Event,
    Fault,
    FaultKind,
    Identify,
    JobDone,
    Noise,
    Ok,
    Position,
    Targets,
    Temperature,
    Temperatures,
    halted_text,
    restarting_text,
)
from gotapi_printer.recall import QUESTION, Recall
from gotapi_printer.requests import (
    RunningJob,
)
from gotapi_printer.session_base import (
    CLOSE_TAG,
    LOOP_TIME,
    SAFE_END,
    SAFE_TAG,
    TIMER_TAG,
    NotAPrinter,
    SessionSettings,
)
from gotapi_printer.session_requests import SessionRequests
from gotapi_printer.updates import DriverState

__all__ = ["SAFE_END", "NotAPrinter", "Session", "SessionSettings"]

log = logging.getLogger(__name__)

RECALL_TURNS = 8
"""Turns that a printer left in the middle of a job has to say which line it took last."""


def tool_name(sensor: str) -> str:
    """A bare `T` is the tool in use; firmwares that say so have it as their first."""
    return "T0" if sensor == "T" else sensor


class Session(SessionRequests):
    """Owns an open link until it breaks or is no longer wanted; all in the driver's thread."""

    # -- the loop -----------------------------------------------------------------------------

    def run(self, closing: Callable[[], bool]) -> None:
        """Serve until `closing` says so or a reconnect is asked for.

        Raises LinkError when the link breaks, NotAPrinter when nobody answers.
        """
        self._show(DriverState.CONNECTING, "asking the printer who it is", link=self._facts)
        try:
            if self._make_safe:
                self._recall(closing)
            while self._wanted and not closing():
                self._turn()
            self._leave()
        except LinkError as error:
            self._lost(error)
            raise
        finally:
            self._end()

    def _recall(self, closing: Callable[[], bool]) -> None:
        """Ask a printer that was left in the middle of a job which line it took last."""
        recall, said = Recall(), b""
        self._link.write(QUESTION)
        for _ in range(RECALL_TURNS):
            data = self._link.read(self._settings.tick)
            said += data
            recall.take(data)
            if recall.over or closing():
                break
        self._board.set(recalled=recall.number)
        if recall.restarted:
            now = self._clock()
            self._take(self._host.receive(said, now), now)

    def _turn(self) -> None:
        data = self._link.read(self._settings.tick)
        now = self._clock()
        if self._requests:
            # Asked before the printer's answer could come: an emergency stop is known as one
            # before the firmware says that it was killed.
            self._take_requests(now)
        if data:
            events = self._host.receive(data, now)
            self._note_taken()
            if events:
                self._take(events, now)
        if now >= self._tick_at:
            self._tick(now)
        host = self._host
        wire = host.pull(now)
        if wire is None:
            return
        write = self._link.write
        journal = None if self._job is None else self._job.journal
        while wire is not None:
            if journal is not None:
                journal.sent(*host.sent)  # before it is written: a kill may come in between
            write(wire)
            wire = host.pull(now)
        # The printer works now: the time to read and number the next line.
        host.prepare()

    def _note_taken(self) -> None:
        if self._job is not None and (journal := self._job.journal) is not None:
            journal.taken(self._host.acked)

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
                self._take_temperatures(values, now)
            case Targets(targets):
                self._targets = {**self._targets, **targets}
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
            case ErrorLine():
                # A halted firmware says it again each time it is asked who it is.
                level = logging.WARNING if self._identify is None else logging.DEBUG
                log.log(level, "printer %s: %s", self._facts.name, event.text)
                self._take_error(event, now)
            case Busy(what) if what.startswith("paused"):
                self._waits_at = self._host.acked
                self._board.set(message=f"the printer waits ({what}); go and see to it")
                if self._prompts.waits(f"the printer is {what}", now):
                    self._report(now)
            case Noise(text) | Comment(text):
                self._care.heard(text)
                log.debug("printer %s: %s", self._facts.name, text)
            case _:
                log.debug("printer %s: %r", self._facts.name, event)

    def _take_temperatures(self, values: Sequence[Temperature], now: float) -> None:
        targets = self._targets
        if targets:
            # Repetier says them apart, and once.
            values = [
                value
                if value.target is not None
                else msgspec.structs.replace(value, target=targets.get(tool_name(value.name)))
                for value in values
            ]
        if values:
            self._board.measured_at = now
        self._temperatures.update((value.name, value) for value in values)
        self._care.take_temperatures(values, now)

    def _take_error(self, error: ErrorLine, now: float) -> None:
        if self._identify is not None:
            if (
                error.fatal
                and error.text.isprintable()
                and "\N{REPLACEMENT CHARACTER}" not in error.text
            ):
                # It is a printer, and it was halted before we came: MAXTEMP, M112 of another.
                self._found_halted(error, now)
            return
        job = self._job
        printing = job is not None and job.state is JobState.PRINTING
        if error.refused and printing and not self._pending and job is not None:
            job.error = f"the printer refuses a command of the file: {error.text}"

    def _found_halted(self, error: ErrorLine, now: float) -> None:
        state, message = self._board.update.state, self._board.update.message
        if state is not DriverState.HALTED:
            message = halted_text(error.text, self._host.dialect)
            self._set_fault(FaultKind.FATAL.value, message)
        self._make_safe = True
        self._ask_again(now, halted=True)
        self._show(DriverState.HALTED, message)

    def _identified(self, now: float) -> None:
        identify = self._identify
        if identify is None:
            return
        if identify.failed or identify.garbled >= self._garbled:
            self._try_another_speed(identify, now)
            return
        if identify.firmware is None:
            return
        self._identify = None
        self.identified = True
        self._link.answered(resets=identify.firmware.dialect.resets)
        if self._make_safe:
            self._make_safe = False
            self._send_safe_end(0)
        if (asked := self._care.begin(identify.firmware)) is not None:
            self._host.command(asked, TIMER_TAG)
        self._show(DriverState.ONLINE, "ready", firmware=identify.firmware)

    def _try_another_speed(self, identify: Identify, now: float) -> None:
        speed = self._link.next_speed()
        if speed is None:
            if identify.failed:
                raise NotAPrinter(identify.unanswered(self._facts.name))
            # Stray bytes, it may be: the deadline decides.
            self._garbled = math.inf
            return
        # Ends a line of which the printer made no sense.
        self._link.write(b"\n")
        settings = self._settings
        timing = msgspec.structs.replace(settings.identify, deadline=settings.speed_wait)
        self._begin_anew(now, timing)
        because = identify.unanswered(self._facts.name)
        self._show(DriverState.CONNECTING, f"{because}; trying {speed} baud")

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
        self._send_safe_end(CLOSE_TAG)
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
        self._board.set(state=state, recalled=None)
        loops = fault.kind is FaultKind.RESET and self._restarts_again(now)
        text = restarting_text(self._facts.name) if loops else fault.text
        if self._set_fault(fault.kind.value, text):
            self._end_job(JobEvent.FAIL, now, text)
            # A reset turned the heaters off already.
            self._make_safe = fault.kind is not FaultKind.RESET
        self._ask_again(now, halted=halted, loops=loops)
        self._show(state, text)

    def _restarts_again(self, now: float) -> bool:
        """Whether this is one restart of many: then it is no printer to begin a print on."""
        self._restarts.append(now)
        return len(self._restarts) == LOOP and now - self._restarts[0] <= LOOP_TIME

    def _done(self, tag: int, now: float) -> None:
        if tag == SAFE_TAG:
            self._end_job(JobEvent.ENDED, now)
        elif tag == CLOSE_TAG:
            self._safe = True
        elif tag == TIMER_TAG:
            self._care.answered()
        elif (request := self._pending.pop(tag, None)) is not None:
            request.answer.set_result(self._answered(request))

    # -- the job ------------------------------------------------------------------------------

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
                self._note_taken()
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
