"""PURE. Marlin 2.1 without a serial port: bytes and times in, bytes out.

All times are seconds of simulated time on one clock that never runs backwards. The owner calls
`receive` with what arrived, `poll` no later than `next_wakeup` says, and sends what `output`
returns. How often `poll` is called does not change what is said, only when it can be read.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from gotapi_printer.simulator.commands_card import AFTER_PRINT, CARD, status_text
from gotapi_printer.simulator.commands_heat import HEAT
from gotapi_printer.simulator.commands_info import INFO
from gotapi_printer.simulator.commands_motion import MOTION
from gotapi_printer.simulator.emergency import EmergencyParser, Signal
from gotapi_printer.simulator.lines import (
    Assembler,
    Verdict,
    command_text,
    judge,
    unnumbered_text,
)
from gotapi_printer.simulator.machine import CONTINUE, Busy, HaltedError, Machine, Repeat, Task
from gotapi_printer.simulator.sd_card import SdCard
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.states import TRANSITIONS, Event, State
from gotapi_printer.simulator.texts import ResetCause, boot_lines
from gotapi_printer.simulator.words import split_code

__all__ = ["COMMANDS", "Firmware", "OnAccept"]

COMMANDS: dict[str, Callable[[Machine, str], Task | None]] = MOTION | HEAT | INFO | CARD

# Called with the text of each accepted line and its line number (None for a line without one);
# False freezes the firmware right there, before the line is executed.
OnAccept = Callable[[bytes, int | None], bool]

# After a longer silence of the owner (a suspended computer) older reports are not made up for.
_CATCH_UP = 3600.0
# The card is read in bites, so that serial lines come in between: lines, and seconds for them.
_CARD_LINES, _CARD_TIME = 50, 0.001
# How often a firmware that says `wait` does so.
_IDLE_EVERY = 1.0


def _accept_all(text: bytes, number: int | None) -> bool:
    return True


class _Queued(NamedTuple):
    """A command; one that did not come over the wire is not answered."""

    text: str
    number: int | None = None
    answered: bool = True


class Firmware:
    """The whole firmware; starts switched off, `reset` starts it."""

    _queue: deque[_Queued]  # the oldest is the one being executed
    _rx: bytes
    _line: Assembler
    _emergency: EmergencyParser | None
    _task: Task | None
    _wake: float
    _next_busy: float
    _idle_at: float
    _card_at: float
    _forced: bool  # a numbered line has come, and this firmware takes no other from then on
    _flushed_at: float

    def __init__(self, settings: Settings, on_accept: OnAccept = _accept_all) -> None:
        self.settings = settings
        self._dialect = settings.dialect
        self._emergency_parser = settings.emergency_parser and settings.dialect.emergency_parser
        self.state = State.OFF
        self.machine = Machine(settings, 0.0)
        self._on_accept = on_accept
        self._clear()

    def reset(self, now: float, cause: ResetCause) -> None:
        """Start again: every state is lost, the boot text is said."""
        self._change(Event.RESET)
        before, self.machine = self.machine, Machine(self.settings, now)
        self.machine.keep(before)
        self._clear()
        self._idle_at = now + _IDLE_EVERY if self._dialect.idle else math.inf
        for line in boot_lines(self.settings, cause):
            self.machine.say(line)

    def freeze(self) -> None:
        """Hang: nothing is read, executed or said."""
        self._change(Event.FREEZE)

    def thaw(self, now: float) -> None:
        """Go on after a hang: what stands in the receive buffer is read now."""
        self._change(Event.THAW)
        self.poll(now)
        if self.state is not State.RUNNING:
            return
        waiting, self._rx = self._rx, b""
        if self._emergency is not None:
            self._emergency = EmergencyParser()  # the buffer begins with a new line
        self._arrive(waiting)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host."""
        self.poll(now)
        if self.state is State.RUNNING:
            self._arrive(data)
        elif self.state is State.HALTED:
            self._answer_halted(data)
        elif self.state is State.FROZEN:
            self._rx = (self._rx + data)[: self.settings.rx_buffer]

    def poll(self, now: float) -> None:
        """Let time pass until `now`."""
        horizon = now - _CATCH_UP
        while (due := self._due()) <= now:
            self.machine.now = max(due, horizon, self.machine.now)
            self._act()
        self.machine.now = max(now, self.machine.now)

    def output(self) -> bytes:
        """Take what the firmware has said since the last call."""
        said = bytes(self.machine.tx)
        self.machine.tx.clear()
        return said

    def next_wakeup(self) -> float | None:
        """The time by which `poll` is wanted, None while nothing will happen by itself."""
        due = self._due()
        return None if math.isinf(due) else due

    def _clear(self) -> None:
        self._queue = deque()
        self._rx = b""
        self._line = Assembler(self.settings.command_size)
        self._emergency = EmergencyParser() if self._emergency_parser else None
        self._task = None
        self._wake = self._next_busy = self._idle_at = math.inf
        self._card_at = -math.inf
        self._forced = False
        # The moment of the last refused line: what arrives at the same time is flushed with it.
        self._flushed_at = -math.inf

    def _change(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state].get(event, self.state)

    # --- time -----------------------------------------------------------------------------

    def _due(self) -> float:
        if self.state is not State.RUNNING:
            return math.inf
        machine = self.machine
        return min(
            self._wake,
            self._next_busy,
            machine.temperature_reports.due,
            machine.position_reports.due,
            machine.card_reports.due,
            self._idle_at,
            self._card_due(),
        )

    def _act(self) -> None:
        """Do what is due now."""
        machine = self.machine
        now = machine.now
        if self._is_due(machine.temperature_reports):
            machine.say(machine.temperatures())
        if self._is_due(machine.position_reports):
            machine.say(machine.position_text())
        if machine.card is not None and self._is_due(machine.card_reports):
            machine.say(status_text(machine.card))
        if self._wake <= now:
            self._resume()
            self._work()
        if self._card_due() <= now:
            self._read_card()
        if self._idle_at <= now:
            self._idle_at = now + _IDLE_EVERY
            if not self._queue:
                machine.say(self._dialect.idle)
        if self._next_busy <= now:
            self._next_busy = now + machine.keepalive
            machine.say(f"{self._dialect.busy}{machine.busy.value}")

    def _is_due(self, report: Repeat) -> bool:
        if report.due > self.machine.now:
            return False
        report.due = self.machine.now + report.interval
        return True

    # --- bytes to lines -------------------------------------------------------------------

    def _arrive(self, data: bytes) -> None:
        if self._emergency is None:
            self._buffer(data)
            return
        for piece, signal in self._emergency.split(data):
            self._buffer(piece)
            if signal is not None and self.state is State.RUNNING:
                self._interrupt(signal)
            if self.state is State.HALTED:
                return

    def _buffer(self, data: bytes) -> None:
        """Put bytes into the receive buffer and read what can be read; the rest must fit."""
        if self._flushed_at == self.machine.now:
            return
        self._rx += data
        self._work()
        if len(self._rx) > self.settings.rx_buffer:
            self._rx = self._rx[: self.settings.rx_buffer]

    def _work(self) -> None:
        """Marlin's main loop: read lines while the queue has room, execute in order."""
        self._execute()
        while self._rx and self._readable():
            rx = self._rx.replace(b"\r", b"\n")
            position = 0
            while self._readable():
                end = rx.find(b"\n", position)
                if end < 0:
                    self._line.add(rx[position:])
                    position = len(rx)
                    break
                self._line.add(rx[position:end])
                position = end + 1
                line = self._line.finish()
                if line is None and self._dialect.empty_ok:
                    line = b""
                if line is not None and not self._take_line(line):
                    return
                self._execute()
            self._rx = self._rx[position:]

    def _readable(self) -> bool:
        return self.state is State.RUNNING and len(self._queue) < self.settings.command_slots

    def _take_line(self, line: bytes) -> bool:
        """Queue a line, drop it or refuse it; False if the receive buffer was flushed."""
        number: int | None = None
        if line.startswith(b"N"):
            verdict, number = judge(line, self.machine.line_number, self._dialect.rules)
            if verdict is Verdict.DUPLICATE:
                for answer in self._dialect.rules.repeat:
                    self.machine.say(answer.format(number=number))
                return True
            if verdict is not Verdict.ACCEPT:
                self._refuse(verdict, number)
                return False
            self.machine.line_number = number
            self._forced = self._dialect.rules.forced
            text = command_text(line)
        else:
            text = unnumbered_text(line)
            if self._forced and not text.startswith((b"M112", b"M110")):
                self._refuse(Verdict.NO_CHECKSUM, 0)
                return False
            if not self._emergency_parser:
                self._interrupt_early(text)
        self._enqueue(text, number)
        return True

    def _refuse(self, verdict: Verdict, number: int) -> None:
        """Marlin's order: error, resend, and the ok that belongs to the refused line."""
        last = self.machine.line_number
        for line in self._dialect.refusal:
            self.machine.say(
                line.format(error=verdict.value, last=last, next=last + 1, number=number)
            )
        self._rx = b""
        self._flushed_at = self.machine.now

    def _enqueue(self, text: bytes, number: int | None) -> None:
        if self.state is not State.RUNNING:
            return
        self._queue.append(_Queued(text.decode("latin-1"), number))
        if not self._on_accept(text, number):
            self._change(Event.FREEZE)

    # --- commands -------------------------------------------------------------------------

    def _execute(self) -> None:
        """Run queued commands until one has to wait."""
        while self._queue and self._task is None and self.state is State.RUNNING:
            try:
                task = self._start(self._queue[0].text)
            except HaltedError as error:
                self._halt(error)
                return
            if task is None:
                self._finish()
                continue
            self._task = task
            self.machine.busy = Busy.PROCESSING
            keepalive = self.machine.keepalive if self._dialect.busy is not None else 0.0
            self._next_busy = self.machine.now + keepalive if keepalive else math.inf
            self._resume()

    def _start(self, text: str) -> Task | None:
        machine = self.machine
        if machine.debug & 1:
            machine.echo(text)
        code, _, args = text.partition(" ")
        if machine.card is not None and machine.card.saving:
            self._save(machine.card, code, text)
            return None
        handler = COMMANDS.get(code)
        if handler is None:
            code, args = split_code(text)
            handler = COMMANDS.get(code)
        if handler is None:
            for line in self._dialect.unknown if text or not self._dialect.empty_ok else ():
                machine.say(line.format(text=text))
            return None
        return handler(machine, args)

    def _resume(self) -> None:
        """Let the waiting command go on."""
        task = self._task
        if task is None:
            return
        try:
            self._wake = next(task)
        except StopIteration:
            self._task = None
            self._wake = self._next_busy = math.inf
            self._finish()
        except HaltedError as error:
            self._halt(error)

    def _finish(self) -> None:
        """Say ok for the oldest command and take it off the queue."""
        if self._queue[0].answered:
            self.machine.say(self._ok(self._queue[0].number))
        self.machine.ok_suffix = ""
        self._queue.popleft()
        if self._dialect.idle:
            self._idle_at = self.machine.now + _IDLE_EVERY

    def _ok(self, number: int | None) -> str:
        machine = self.machine
        if machine.ok_suffix:
            return "ok" + machine.ok_suffix
        if self.settings.advanced_ok or self._dialect.advanced_ok:
            label = "" if number is None else f" N{number}"
            free = machine.planner.moves_free(machine.now)
            slots = self.settings.command_slots - len(self._queue)
            return f"ok{label} P{free} B{slots}"
        return "ok" if number is None else self._dialect.ok.format(number=number)

    def run_out(self) -> None:
        """The filament has ended: tell the host, and change it after the running command."""
        if self.state is not State.RUNNING:
            return
        tool = self.machine.tool
        self.machine.action("prompt_end")
        self.machine.action(f"prompt_begin FilamentRunout T{tool}")
        self.machine.action("prompt_show")
        self.machine.action(f"paused filament_runout T{tool}")
        self._queue.insert(1 if self._task else 0, _Queued("M600", answered=False))
        self._execute()

    # --- the card -------------------------------------------------------------------------

    def _card_due(self) -> float:
        """When lines of a file on the card may be read, infinity while there is no room."""
        card = self.machine.card
        if card is None or not card.printing or len(self._queue) >= self.settings.command_slots:
            return math.inf
        return self._card_at

    def _read_card(self) -> None:
        card = self.machine.card
        for _ in range(_CARD_LINES):
            if card is None or not card.printing or not self._readable():
                break
            text = card.line()
            if text is None:
                text = AFTER_PRINT
            if text:
                self._queue.append(_Queued(text, answered=False))
                self._execute()
        self._card_at = self.machine.now + _CARD_TIME

    def _save(self, card: SdCard, code: str, text: str) -> None:
        if code != "M29":
            card.write(text)
        elif card.close():
            self.machine.say("Done saving file.")
        else:
            self.machine.say("Error:error writing to file")

    # --- emergencies ----------------------------------------------------------------------

    def _interrupt(self, signal: Signal) -> None:
        """Act on an emergency command at once; its own ok comes later, from the queue."""
        machine = self.machine
        if signal.code == "M112":
            self._halt(HaltedError("M112 Shutdown", "echo:"))
            return
        if signal.code == "M410":
            machine.quick_stop()
        elif signal.code == "M108":
            machine.waiting_for_heat = machine.waiting_for_user = False
            machine.choice = CONTINUE
        else:
            machine.choice = signal.choice
            machine.waiting_for_user = False
        self._resume()

    def _interrupt_early(self, text: bytes) -> None:
        """Without the emergency parser Marlin looks at these when it reads them, not before."""
        for code in ("M108", "M112", "M410"):
            if text.startswith(code.encode("ascii")):
                self._interrupt(Signal(code))

    def fail(self, reason: str) -> None:
        """Kill the firmware for a reason it found by itself, such as a thermistor torn off."""
        self._change(Event.THAW)
        if self.state is State.RUNNING:
            self._halt(HaltedError(reason))

    def _halt(self, error: HaltedError) -> None:
        machine = self.machine
        machine.heaters_off()
        machine.quick_stop()
        for line in self._dialect.halt:
            machine.say(line.format(reason=error.reason, prefix=error.prefix))
        if machine.card is not None:
            machine.card.forget()
        self._clear()
        self._change(Event.KILL)

    def _answer_halted(self, data: bytes) -> None:
        """Marlin is silent now; others repeat that they are halted until they are told to go on."""
        if not self._dialect.halted:
            return
        self._rx = (self._rx + data)[-self.settings.rx_buffer :]
        *lines, self._rx = self._rx.split(b"\n")
        for line in lines:
            text = unnumbered_text(command_text(line) if line.startswith(b"N") else line)
            if self._dialect.revive and text.startswith(self._dialect.revive.encode("ascii")):
                self.reset(self.machine.now, ResetCause.SOFTWARE)
                self.machine.say("ok")
                return
            for answer in self._dialect.halted:
                self.machine.say(answer)
