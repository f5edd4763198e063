"""What the owner of a printer asks of its connection, from the print to the emergency stop."""

from gotapi_printer.gcode import GcodeError
from gotapi_printer.job import JobEvent, JobState
from gotapi_printer.link import LinkError
from gotapi_printer.marlin import Ok, Position, Temperatures, classify, reviving
from gotapi_printer.requests import (
    Answer,
    EmergencyStop,
    Pause,
    PrintFile,
    Reconnect,
    Resume,
    RunningJob,
    Send,
    Stop,
)
from gotapi_printer.session_base import SAFE_TAG, SessionBase
from gotapi_printer.updates import DriverState

MAX_PENDING = 64
"""Commands of the user that may wait for their answers."""

_TOLD = (b"M105", b"M114")
"""Whose answers printers also tell by themselves (M155, M154), or to the polls of the hub."""


class SessionRequests(SessionBase):
    """Does what was asked, in the order it was asked."""

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
        self._board.set(fault=None, recalled=None)
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
        self._host.start_job(source, job.done, job.lead)
        self._show(DriverState.ONLINE, "starting")
        self._apply(JobEvent.STREAMING, now)
        self._show(DriverState.ONLINE, "printing")

    def _hold(self, text: str) -> None:
        self._host.held = True
        self._care.hold_text = text

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
        self._send_safe_end(SAFE_TAG)
        self._show(DriverState.ONLINE, "stopping")

    def _send(self, request: Send) -> None:
        if not request.answer.set_running_or_notify_cancel():
            return
        if self._revives(request.command):
            self._link.write(reviving(request.command.strip(), self._dialect))
            request.answer.set_result(())
            return
        if self._identify is not None or len(self._pending) >= MAX_PENDING:
            state = "busy with other commands" if self._pending else "not ready"
            if self._board.update.state is DriverState.HALTED:
                state = f"halted: {self._board.update.message}"
            request.answer.set_exception(LinkError(f"the printer is {state}; try again"))
            return
        self._tag += 1
        try:
            command, note = self._judged(request)
            self._host.command(command, self._tag)
        except ValueError as error:
            request.answer.set_exception(error)
            return
        self._pending[self._tag] = request
        if self._host.heard is None:
            self._host.heard = []
        if note:
            self._host.heard.append(note)

    def _answered(self, request: Send) -> tuple[str, ...]:
        """Return the lines of an answer, without what the printer tells by itself meanwhile."""
        lines = list(self._host.heard or ())
        self._host.heard = [] if self._pending else None
        for code in _TOLD:
            told = [line for line in lines if _answers(line) == code]
            if request.command.startswith(code):
                told = told[:-1]  # the latest is what was asked for
            for line in told:
                lines.remove(line)
        return tuple(lines)

    def _judged(self, request: Send) -> tuple[bytes, str]:
        if not request.own:
            return self._care.judged(request.command, self._clock())
        if self._job is None:
            self._care.wandered()
        return request.command, ""

    def _revives(self, command: bytes) -> bool:
        """Whether this is what a halted firmware waits for; nothing else can be sent to it."""
        halted = self._board.update.state is DriverState.HALTED
        return halted and command.strip() == self._dialect.revive.encode()

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
        self._prompts.answered(now)
        self._report(now)

    def _halt(self, now: float) -> None:
        text = "emergency stop; reset the printer or switch it off and on"
        dialect = self._dialect
        if dialect.revive:
            text = f"{text}, or send it {dialect.revive}"
        self._board.set(state=DriverState.HALTED)
        if self._set_fault("emergency", text) and self._job is not None:
            if self._job.state is not JobState.STOPPING:
                self._apply(JobEvent.STOP, now, text)
            self._end_job(JobEvent.ENDED, now, text)
        if dialect.insists:
            # The M112 that went out at once has no number.
            self._link.write(self._host.halting())
        # M112 may have been lost on the wire.
        self._make_safe = True
        self._ask_again(now, halted=True)
        self._show(DriverState.HALTED, text)


def _answers(line: str) -> bytes:
    """Return which of these commands a line answers; empty for none."""
    match classify(line.encode()):
        case Temperatures():
            return b"M105"
        case Ok(temperatures=found) if found:
            return b"M105"
        case Position():
            return b"M114"
    return b""
