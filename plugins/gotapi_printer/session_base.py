"""What one connection to a printer is made of, and what every part of it does with that."""

import contextlib
from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from gotapi_printer.care import Care
from gotapi_printer.guard import Guard
from gotapi_printer.job import JobEvent, JobState
from gotapi_printer.link import Link, LinkError, LinkFacts, LinkGone
from gotapi_printer.marlin import (
    LOOP,
    UNKNOWN,
    Dialect,
    Identify,
    IdentifyTiming,
    Limits,
    MarlinHost,
    Temperature,
    Timing,
)
from gotapi_printer.requests import (
    Request,
    RunningJob,
    Send,
)
from gotapi_printer.updates import Board, DriverFault, DriverState

SAFE_END = (b"M104 S0", b"M140 S0", b"M107", b"M84")
"""Ends a job that did not end itself: nozzle, bed, fan and motors off."""

GARBLED: float = 3
"""Lines that are no text, after which another speed is tried at once."""

LOOP_TIME = 60.0
"""Seconds in which so many restarts are a loop."""

# Those of Identify are below 10.
SAFE_TAG, CLOSE_TAG, TIMER_TAG = 11, 12, 13
FIRST_SEND_TAG = 100


class NotAPrinter(LinkError):  # noqa: N818 - named for what was found
    """Nothing on the link answered like a printer."""


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
    speed_wait: float = 2.5
    """For an answer at each speed but the first, at which the board may have to boot."""
    close_wait: float = 3.0
    """For the heaters to be off when the connection is ended on purpose."""
    idle_off: int = 0
    """Seconds without a move after which the printer stops itself (M85); 0 leaves that out."""
    timing: Timing = Timing()
    limits: Limits = Limits()
    identify: IdentifyTiming = IdentifyTiming()


class SessionBase:
    """The state of a connection and its job; all in the driver's thread."""

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
        self._tag = FIRST_SEND_TAG
        last = board.update.job
        # A board that kept running while its cable was out has its heaters on.
        self._make_safe = make_safe or (last is not None and last.state is JobState.INTERRUPTED)
        self._wanted = True
        self._waits_at: tuple[int, int] | None = None
        self._tick_at = self._sample_at = 0.0
        self._temperatures: dict[str, Temperature] = {}
        self._targets: Mapping[str, float] = {}
        self._prompts = board.prompts
        self._care = Care(guard, settings.idle_off)
        self._safe = False
        self.identified = False
        self._restarts: deque[float] = deque(maxlen=LOOP)
        self._breaks = link.breaks
        now = clock()
        self._host = MarlinHost(settings.timing, settings.limits)
        self._identify: Identify | None = Identify(self._host, now, settings.identify)
        self._garbled = GARBLED

    @property
    def _dialect(self) -> Dialect:
        """The firmware's family, as it was when it last said what it is."""
        firmware = self._board.update.firmware
        return UNKNOWN if firmware is None else firmware.dialect

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

    def _command(self, *commands: bytes) -> None:
        """Send commands of our own; where too many wait, the printer has other troubles."""
        for command in commands:
            with contextlib.suppress(ValueError):
                self._host.command(command)

    def _send_safe_end(self, tag: int) -> None:
        for command in SAFE_END:
            self._host.command(command)
        # Its answer brings the new targets, so that whoever hears of the end sees the heaters off.
        self._host.command(b"M105", tag)

    def _end_waits(self, now: float) -> None:
        firmware = self._board.update.firmware
        if firmware is not None and firmware.can("EMERGENCY_PARSER"):
            # Ends M109, M190 and M0 at once; without the parser it would wait behind them.
            self._link.write(self._host.urgent(b"M108", now))

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

    def _ask_again(self, now: float, *, halted: bool, loops: bool = False) -> None:
        """Begin anew on the same link, once the printer can listen."""
        settings = self._settings
        self._fail_pending("the printer restarted or failed before it answered")
        self._prompts.clear()
        wait = settings.halted_wait if halted or loops else settings.boot_wait
        timing = settings.identify
        if halted:
            # Only its user can bring a halted printer back, however long that takes.
            timing = msgspec.structs.replace(timing, deadline=float("inf"), retry=wait)
        if loops:
            # It has to be quiet for that long.
            timing = msgspec.structs.replace(timing, boot=wait)
        self._begin_anew(now, timing, wait)

    def _begin_anew(self, now: float, timing: IdentifyTiming, wait: float = 0.0) -> None:
        resends = self._host.resends
        self._host = MarlinHost(self._settings.timing, self._settings.limits)
        self._host.resends = resends
        self._identify = Identify(self._host, now, timing, wait=wait)
        self._garbled = GARBLED

    def _apply(self, event: JobEvent, now: float, reason: str = "") -> None:
        if self._job is not None:
            self._job.apply(event, now, reason)

    def _end_job(self, event: JobEvent, now: float, reason: str = "") -> None:
        if self._job is not None:
            self._apply(event, now, reason)
            self._board.set(message=reason or "ready")
            self._report(now)

    def _fail_pending(self, text: str) -> None:
        for request in self._pending.values():
            request.answer.set_exception(LinkGone(text))
        self._pending.clear()
