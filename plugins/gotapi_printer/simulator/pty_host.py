"""The shell around the firmware: real time, a real PTY, the transcript, and faults that fire."""

import contextlib
import math
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from gotapi_printer.simulator.faults import Fault, FaultPlan, Trigger
from gotapi_printer.simulator.firmware import Firmware
from gotapi_printer.simulator.noise import Answers, LineNoise, garbage
from gotapi_printer.simulator.pty_port import PtyPort, StartError
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.texts import ResetCause

__all__ = ["Options", "PtyHost"]

# How often a closed port is looked at: opening it raises no event on the master side, so
# without a watch the looking is all there is.
_CLOSED_POLL = 0.02
_CLOSED_POLL_WATCHED = 0.5
# The longest sleep, so that a clock that jumped cannot make the simulator deaf.
_LONGEST_SLEEP = 60.0
# A babbling board says so many bytes each so many seconds: about 1 kB/s.
_BABBLE_BYTES, _BABBLE_EVERY = 100, 0.1
_HEAT_FAULTS = {
    Fault.MAXTEMP: "MAXTEMP triggered, system stopped! Heater_ID: 0",
    Fault.RUNAWAY: "Thermal Runaway, system stopped! Heater_ID: 0",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a simulator run is made of; times are real seconds."""

    settings: Settings = field(default_factory=Settings)
    faults: FaultPlan = field(default_factory=FaultPlan)
    # Simulated seconds per real second. With `settings.instant` it only drives reports.
    time_scale: float = 1.0
    transcript: Path | None = None
    # Leave out of the transcript what has no line number, and M110.
    only_numbered: bool = False
    link: Path | None = None
    reset_on_open: bool = True
    # pyserial empties its input right after opening: boot text must not come before that.
    boot_delay: float = 0.1


class PtyHost:
    """A simulated printer on a PTY. `run` serves it until `stop` is called from anywhere."""

    def __init__(self, options: Options, on_path: Callable[[str], None]) -> None:
        self._options = options
        self._on_path = on_path
        self._started = time.monotonic()
        self._firmware = Firmware(options.settings, self._accept)
        self._noise = LineNoise(options.faults.corrupt, options.faults.seed)
        self._answers = Answers(options.faults)
        self._trigger = Trigger(options.faults)
        self._fired: list[Fault] = []
        self._lines: list[bytes] = []
        self._transcript: FileIO | None = None
        self._port: PtyPort | None = None
        self._host_there = False  # somebody has the port open ...
        self._online = False  # ... and the board is past its bootloader
        self._poll = select.poll()
        self._stopping = False
        # Real times at which something happens; infinity is never.
        self._boot_at = self._thaw_at = self._replug_at = math.inf
        self._loop_at = self._babble_at = math.inf
        self._wake_read = self._wake_write = -1

    @property
    def lines(self) -> int:
        """How many numbered file lines have been accepted."""
        return self._trigger.lines

    def run(self) -> None:
        """Plug the printer in and serve it, once. Raises StartError when it cannot start."""
        try:
            self._wake_read, self._wake_write = os.pipe()
            self._poll.register(self._wake_read, select.POLLIN)
            self._transcript = _open_transcript(self._options.transcript)
            self._firmware.reset(self._now(), ResetCause.POWER)
            self._firmware.output()  # nobody has the port open yet
            self._plug()
            while not self._stopping:
                self._wait()
                self._timers()
                self._firmware.poll(self._now())
                self._flush()
                if self._fired:
                    self._fire()
        finally:
            self._close()

    def stop(self) -> None:
        """End `run` soon; may be called from another thread or a signal handler."""
        self._stopping = True
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b".")

    def _close(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None
        if self._transcript is not None:
            self._transcript.close()
        read, write = self._wake_read, self._wake_write
        self._wake_read = self._wake_write = -1
        for descriptor in (read, write):
            if descriptor >= 0:
                os.close(descriptor)

    # --- time -----------------------------------------------------------------------------

    def _now(self) -> float:
        return (time.monotonic() - self._started) * self._options.time_scale

    def _wait(self) -> None:
        """Sleep until there is something to do, and notice what the port has."""
        events = dict(self._poll.poll(math.ceil(self._pause() * 1000)))
        port = self._port
        if port is None:
            return
        if port.watch is not None and port.watch.fileno() in events and port.reopened():
            self._left(port)
        if not self._host_there:
            self._arrived(port)
        elif (event := events.get(port.fileno(), 0)) & select.POLLIN:
            self._firmware.receive(self._noise.feed(self._read(port)), self._now())
        elif event & select.POLLHUP:
            self._left(port)

    def _read(self, port: PtyPort) -> bytes:
        data = port.read()
        return garbage(len(data), len(data)) if self._misheard(port) else data

    def _misheard(self, port: PtyPort) -> bool:
        """Whether the host has chosen another speed than the board's."""
        baud = self._options.faults.baud
        return baud is not None and port.baud() != baud

    def _pause(self) -> float:
        """How many real seconds may be slept at most."""
        at = min(self._boot_at, self._thaw_at, self._replug_at, self._loop_at, self._babble_at)
        pause = min(at - time.monotonic(), _LONGEST_SLEEP)
        due = self._firmware.next_wakeup()
        if due is not None:
            pause = min(pause, (due - self._now()) / self._options.time_scale)
        if self._port is not None and not self._host_there:
            watched = self._port.watch is not None
            pause = min(pause, _CLOSED_POLL_WATCHED if watched else _CLOSED_POLL)
        return max(pause, 0.0)

    def _timers(self) -> None:
        real = time.monotonic()
        if self._thaw_at <= real:
            self._thaw_at = math.inf
            self._firmware.thaw(self._now())
        if self._boot_at <= real:
            self._boot_at = math.inf
            self._firmware.reset(self._now(), ResetCause.EXTERNAL)
            if self._port is not None:
                self._go_online(self._port)
        if self._replug_at <= real:
            self._replug_at = math.inf
            self._plug()
        self._standing_timers(real)

    def _standing_timers(self, real: float) -> None:
        plan = self._options.faults
        if self._loop_at <= real:
            self._loop_at = real + (plan.reset_loop or math.inf)
            self._firmware.reset(self._now(), ResetCause.WATCHDOG)
        if self._babble_at <= real:
            self._babble_at = real + _BABBLE_EVERY
            if self._port is not None:
                self._port.write(garbage(_BABBLE_BYTES, int(real * 1000)))

    # --- port -----------------------------------------------------------------------------

    def _plug(self) -> None:
        self._port = PtyPort(self._options.link)
        if self._port.watch is not None:
            self._poll.register(self._port.watch, select.POLLIN)
        self._on_path(self._port.path)

    def _arrived(self, port: PtyPort) -> None:
        """Notice a host opening the port; a board with a USB-serial chip is reset by that."""
        if not port.is_open():
            return
        self._host_there = True
        if self._options.reset_on_open:
            self._boot_at = time.monotonic() + self._options.boot_delay
        else:
            self._go_online(port)

    def _go_online(self, port: PtyPort) -> None:
        self._online = True
        self._poll.register(port, select.POLLIN)
        plan, real = self._options.faults, time.monotonic()
        self._loop_at = real + (plan.reset_loop or math.inf)
        self._babble_at = real if plan.babble else math.inf

    def _go_offline(self, port: PtyPort) -> None:
        if self._online:
            self._poll.unregister(port)
        self._host_there = self._online = False
        self._boot_at = self._loop_at = self._babble_at = math.inf

    def _left(self, port: PtyPort) -> None:
        """Notice the host closing the port."""
        self._go_offline(port)
        port.discard()

    def _flush(self) -> None:
        """Write the transcript first: an ok never leaves before its line stands there."""
        if self._lines:
            if self._transcript is not None:
                self._transcript.write(b"".join(self._lines))
            self._lines.clear()
        said = self._answers.feed(self._firmware.output())
        port = self._port
        if port is None or not self._online or not (said or port.clogged):
            return  # what is said to nobody is lost
        if said and self._misheard(port):
            said = garbage(len(said), len(said))
        was_clogged = port.clogged
        port.write(said)
        if port.clogged != was_clogged:
            self._poll.modify(port, select.POLLIN | (select.POLLOUT if port.clogged else 0))

    # --- faults ---------------------------------------------------------------------------

    def _accept(self, text: bytes, number: int | None) -> bool:
        before = self._trigger.lines
        self._fired += self._trigger.count(text, number)
        if self._trigger.lines > before or not self._options.only_numbered:
            self._lines.append(text + b"\n")
        return not any(fault.freezes for fault in self._fired)

    def _fire(self) -> None:
        fired, self._fired = self._fired, []
        for fault in fired:
            if fault is Fault.RESET:
                self._firmware.reset(self._now(), ResetCause.WATCHDOG)
            elif fault is Fault.STALL:
                stall = self._options.faults.stall_for
                self._thaw_at = math.inf if stall is None else time.monotonic() + stall
            elif fault is Fault.UNPLUG:
                self._unplug()
            elif fault is Fault.RUNOUT:
                self._firmware.run_out()
            else:
                self._firmware.fail(_HEAT_FAULTS[fault])
        if fired:
            self._flush()

    def _unplug(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            self._go_offline(port)
            if port.watch is not None:
                self._poll.unregister(port.watch)
            port.close()
        # The board has its own power supply: it goes on, only nobody hears it.
        self._firmware.thaw(self._now())
        again = self._options.faults.replug_after
        self._replug_at = math.inf if again is None else time.monotonic() + again


def _open_transcript(path: Path | None) -> FileIO | None:
    """Unbuffered: what an ok was sent for is in the file, even after a kill -9."""
    if path is None:
        return None
    try:
        return FileIO(path, "wb")
    except OSError as problem:
        raise StartError(
            f"cannot write the transcript {path}: {problem.strerror}. Expected a file in a "
            "folder that exists and that you may write to. Choose another --transcript."
        ) from problem
