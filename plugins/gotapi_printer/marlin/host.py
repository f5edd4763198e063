"""PURE: the host side of Marlin's serial protocol as one machine.

Bytes from the printer go in with `receive`, lines for it come out of `pull`; `tick` lets time
pass. Line numbers make every line count exactly once: an ok only says when to send more, and a
false or lost one costs time, never a line.
"""

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from gotapi_printer.marlin.events import Done, Event, Fault, FaultKind, JobDone, Limits, Timing
from gotapi_printer.marlin.replies import (
    Busy,
    ErrorLine,
    Ok,
    Reply,
    Resend,
    Restarted,
    Temperatures,
    Wait,
    classify,
    joined,
)
from gotapi_printer.marlin.wire import MAX_COMMAND, RESET_NUMBERING, LineAssembler, numbered

SYNC = b"M105"
"""Its answer is the only ok one can recognise (`ok T:`), so it marks a place in the stream."""

MAX_HEARD = 1000
"""Lines kept of the answer to one command; M503 and M20 give some hundred."""

HURRIED = 8
"""Lines sent at once in a hurry; Marlin keeps 4 and, on small boards, 128 bytes more."""

FINISH_MOVES = b"M400"

_PLAIN, _SYNC, _URGENT, _NUMBERING = range(4)
_JOB_END, _JOB_MOVES = -1, -2
_PLAIN_OK = (b"ok\n", b"ok\r\n")
_EVEN_PROBES = 3
# A printer that is silent for minutes (G29 without busy) must not be flooded.
_PROBE_DOUBLINGS = 6
_NOTHING: tuple[Event, ...] = ()

_LONG = frozenset(
    b"G28 G29 G30 G32 G33 G34 G4 M0 M1 M109 M190 M191 M226 M303 M400 M600 M701 M702".split()
)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line that was or will be sent."""

    number: int
    wire: bytes
    kind: int
    line: int
    """How many commands of the file had been sent with this one."""
    file_line: int
    """The file's own line that the last of them stands in, counted from 1."""
    tag: int = 0


def _is_long(entry: Entry) -> bool:
    """Whether a firmware may rightly be silent for minutes over this line."""
    words = entry.wire.partition(b"*")[0].split()
    return any(word in _LONG for word in words[:2])


_START = Entry(0, RESET_NUMBERING, _NUMBERING, 0, 0)


class MarlinHost:
    """Numbers, paces and repeats the lines of one connection to one printer.

    Create a new one for each connection and after each fault; `renumber` comes first.
    """

    def __init__(self, timing: Timing | None = None, limits: Limits | None = None) -> None:
        self._timing = timing or Timing()
        self._limits = limits or Limits()
        self._lines = LineAssembler()
        self._window = self._limits.window
        self._ring: list[Entry] = [_START] * self._limits.history
        self._next = 1
        self._cursor = 1
        self._out: deque[Entry] = deque()
        self._acked = _START
        self._sent = _START
        self._commands: deque[tuple[bytes, int]] = deque()
        self._source: Iterator[tuple[int, bytes]] | None = None
        self._ready: Entry | None = None
        self._ready_command = b""
        self._ending = False
        self._job_first = 0
        self._presumed: list[Entry] = []
        self._renumber = False
        self._assume_ok = False
        self._probe_due = False
        self._probes = 0
        self._doubtful = False
        self._slow = False
        self._resumed = False
        self._resend_until = 0.0
        self._requested = -1
        self._requests = 0
        self._repeats = 0
        self._split: ErrorLine | None = None
        self._sync_sent = False
        self._strict_sync = False
        self._advanced = False
        self._busy_seen = False
        self._ok_since_send = True
        self._heard_at = 0.0
        self._progress_at = 0.0
        self._waiting_since = 0.0
        self._temperature_at = 0.0
        self.fault: Fault | None = None
        self.heard: list[str] | None = None
        """A list given here gets every line but bare oks, up to MAX_HEARD."""
        self.resends = 0
        """Resend requests so far that were followed."""
        self.held = False
        """True stops file lines; commands still go out."""
        self.live = False
        """True once the printer is identified: a restart is a fault, temperatures are polled."""
        self.autoreport = False
        """True when M155 was turned on."""

    # -- what the owner asks ------------------------------------------------------------------

    @property
    def acked(self) -> tuple[int, int]:
        """Commands of the file the printer took, and the file's line the last one stands in."""
        if self._acked.number < self._job_first:
            return 0, 0
        return self._acked.line, self._acked.file_line

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight, to be repeated or queued."""
        return not (self._out or self._commands or self._cursor < self._next)

    def start_job(self, commands: Iterator[tuple[int, bytes]]) -> None:
        """Stream these (file line, command) pairs; `JobDone` ends them."""
        self._source = commands
        self._ready = None
        self._ending = False
        self.held = False
        self._job_first = self._next
        self._sent = msgspec.structs.replace(self._sent, line=0, file_line=0)

    def abandon_job(self) -> None:
        """Send no further file line but those the printer may still ask to repeat."""
        self._source = None
        self._ready = None
        self._ending = False
        self.held = False
        kept = [item for item in self._commands if item[1] >= 0]
        self._commands.clear()
        self._commands.extend(kept)

    def command(self, command: bytes, tag: int = 0) -> None:
        """Send a command before the next file line; a tag above 0 comes back in `Done`.

        Raises ValueError for a line break, an empty or over-long command, or a full queue.
        """
        if not command.strip() or b"\n" in command or b"\r" in command:
            raise ValueError("a command is one line of G-code; send several one by one")
        if len(command) > MAX_COMMAND:
            raise ValueError(f"the command has {len(command)} bytes; Marlin takes {MAX_COMMAND}")
        if len(self._commands) >= self._limits.commands:
            raise ValueError("too many commands wait for the printer; try again when it is free")
        self._commands.append((command, tag))

    def cancel_commands(self) -> None:
        """Forget the commands that were not sent yet."""
        self._commands.clear()

    def interrupted(self) -> None:
        """The link broke and came back: bytes were lost both ways, and the board may have reset.

        Lines are numbered, so asking soon settles what was lost.
        """
        self._doubtful = self._resumed = True

    def hurry(self) -> None:
        """Send without waiting for answers: a firmware keeps some lines until it is free."""
        self._window = max(self._window, HURRIED)

    def urgent(self, command: bytes, now: float) -> bytes:
        """The bytes of M108 or M410 for writing at once; their extra ok is accounted for."""
        entry = Entry(-1, command + b"\n", _URGENT, self._sent.line, self._sent.file_line)
        if not self._out:
            self._waiting_since = now
        self._out.append(entry)
        return entry.wire

    def renumber(self, *, assume_ok: bool = False) -> None:
        """Make the printer count from 1 (M110); with `assume_ok` do not wait for its answer."""
        self._renumber = True
        self._assume_ok = assume_ok
        self._out.clear()
        self._presumed.clear()
        self._ring = [_START] * self._limits.history
        self._next = self._cursor = 1
        self._acked = self._sent = _START
        self._resend_until = 0.0
        self._probe_due = False

    # -- lines out ----------------------------------------------------------------------------

    def pull(self, now: float) -> bytes | None:
        """The next line to write, or None while the printer must not get one."""
        out = self._out
        if len(out) >= self._window and not self._probe_due:
            return None
        if self._resend_until or self.fault is not None:
            return None
        entry = self._choose()
        if entry is None:
            return None
        if not out and not self._probes:
            self._waiting_since = now
        self._ok_since_send = False
        if entry.kind == _NUMBERING and self._assume_ok:
            return entry.wire
        out.append(entry)
        return entry.wire

    def prepare(self) -> None:
        """Number the next file line while the printer works on the last one."""
        if self._ready is not None or self._source is None:
            return
        following = next(self._source, None)
        if following is None:
            self._end_job()
            return
        file_line, command = following
        self._ready_command = command
        self._ready = self._entry(command, self._sent.line + 1, file_line)

    def _choose(self) -> Entry | None:
        if self._renumber:
            self._renumber = False
            return _START
        if self._probe_due:
            self._probe_due = False
            return self._keep(self._entry(SYNC, self._sent.line, self._sent.file_line))
        if self._cursor < self._next:
            self._cursor += 1
            return self._ring[(self._cursor - 1) % len(self._ring)]
        if self._commands:
            command, tag = self._commands.popleft()
            return self._keep(self._entry(command, self._sent.line, self._sent.file_line, tag))
        return None if self.held else self._choose_file_line()

    def _choose_file_line(self) -> Entry | None:
        if self._ready is None:
            self.prepare()
            # To read the line may have shown that the job has to wait before it.
            if self._ready is None or self.held:
                return self._choose() if self._commands else None
        entry = self._ready
        self._ready = None
        if entry.number != self._next:
            # A command took the number that was meant for it.
            entry = self._entry(self._ready_command, entry.line, entry.file_line)
        return self._keep(entry)

    def _entry(self, command: bytes, line: int, file_line: int, tag: int = 0) -> Entry:
        kind = _PLAIN
        if command.startswith(SYNC):
            kind = _SYNC
        return Entry(self._next, numbered(self._next, command), kind, line, file_line, tag)

    def _keep(self, entry: Entry) -> Entry:
        number = self._next
        self._ring[number % len(self._ring)] = entry
        if self._cursor == number:
            self._cursor += 1
        self._next = number + 1
        self._sent = entry
        if entry.kind == _SYNC:
            self._sync_sent = True
        return entry

    def _end_job(self) -> None:
        self._source = None
        self._ending = True
        # Two more numbered lines: a printer that missed the last file line asks for it now.
        self._commands.append((FINISH_MOVES, _JOB_MOVES))
        self._commands.append((SYNC, _JOB_END))

    # -- bytes in -----------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> Sequence[Event]:
        """Take bytes from the printer, chunked anyhow, and say what they mean to the owner."""
        if data in _PLAIN_OK and not self._resend_until and self._lines.empty:
            out = self._out
            if out and out[0].kind == _PLAIN and not out[0].tag and not self._presumed:
                # The one reply of the streaming path, without any object made for it.
                self._acked = out.popleft()
                self._heard_at = self._progress_at = now
                self._ok_since_send = True
                self._probes = self._repeats = 0
                self._doubtful = self._slow = self._resumed = False
                return _NOTHING
        events: list[Event] = []
        for line in self._lines.feed(data):
            self._heard_at = now
            reply = self._read(line)
            if self.heard is not None:
                self._hear(line, reply)
            self._take(reply, now, events)
        return events

    def _hear(self, line: bytes, reply: Reply) -> None:
        bare = isinstance(reply, Ok) and not reply.text
        if self.heard is not None and not bare and len(self.heard) < MAX_HEARD:
            self.heard.append(line.decode("utf-8", "replace").strip())

    def _read(self, line: bytes) -> Reply:
        if self._split is not None:
            whole, self._split = joined(self._split, line), None
            if whole is not None:
                return whole
        reply = classify(line)
        if isinstance(reply, ErrorLine) and reply.text.isdigit():
            self._split = reply
        return reply

    def _take(self, reply: Reply, now: float, events: list[Event]) -> None:
        if isinstance(reply, Ok):
            self._take_ok(reply, now, events)
            return
        if isinstance(reply, Resend):
            self._take_resend(reply.number, now, events)
            return
        if not isinstance(reply, ErrorLine):
            # Anything else after a resend request: this firmware sends no ok for it.
            self._resend_until = 0.0
        if isinstance(reply, Wait):
            self._take_wait(now, events)
            return
        events.append(reply)
        if isinstance(reply, Busy):
            self._busy_seen = True
            self._progress(now)
        elif isinstance(reply, Temperatures):
            self._temperature_at = now
        elif isinstance(reply, Restarted) and self.live:
            text = f"the printer restarted ({reply.text}); check it, then print the file again"
            self._fail(FaultKind.RESET, text, events)
        elif isinstance(reply, ErrorLine) and reply.fatal and self.live:
            text = f"the printer reports: {reply.text}; check it, then switch it off and on"
            self._fail(FaultKind.FATAL, text, events)

    def _take_ok(self, ok: Ok, now: float, events: list[Event]) -> None:
        self._heard_at = now
        if ok.temperatures:
            self._temperature_at = now
        if ok.temperatures or ok.text:
            events.append(ok)
        if self._resend_until:
            # Marlin: Error, Resend, ok. This ok belongs to the line that failed.
            self._resend_until = 0.0
            self._progress_at = now
            return
        self._ok_since_send = True
        if ok.temperatures and self._sync_sent:
            self._take_sync(now, events)
        elif not self._is_extra(ok):
            self._progress(now)
            self._take_plain(ok.number, events)

    def _is_extra(self, ok: Ok) -> bool:
        if not self._out:
            return True
        if self._out[0].kind == _SYNC and self._strict_sync:
            # M105 is answered by `ok T:`; a bare ok is a repeated one, or that of M108.
            return True
        # A late ok with a number that was settled before.
        return self._advanced and ok.number is not None and ok.number < self._oldest_in_flight()

    def _oldest_in_flight(self) -> int:
        return min((entry.number for entry in self._out if entry.number > 0), default=0)

    def _take_plain(self, number: int | None, events: list[Event]) -> None:
        if number is not None and any(entry.number == number for entry in self._out):
            self._advanced = True
            while self._out[0].number != number:
                self._ack(self._out.popleft(), events)
        self._ack(self._out.popleft(), events)

    def _take_sync(self, now: float, events: list[Event]) -> None:
        self._strict_sync = True
        places = [place for place, entry in enumerate(self._out) if entry.kind == _SYNC]
        if not places:
            return
        # After a timeout the answers to earlier ones are taken as lost.
        place = places[-1] if self._probes else places[0]
        self._progress(now)
        for _ in range(place + 1):
            self._ack(self._out.popleft(), events)

    def _take_wait(self, now: float, events: list[Event]) -> None:
        """`wait` says the queue is empty: an ok that is still due was lost."""
        if self._out and not self._ok_since_send:
            self._ok_since_send = True
            self._progress(now)
            self._ack(self._out.popleft(), events)

    def _ack(self, entry: Entry, events: list[Event]) -> None:
        if self._presumed:
            # The printer took a later line, so it took these.
            earlier, self._presumed = self._presumed, []
            for one in earlier:
                self._ack(one, events)
        if entry.kind != _URGENT and entry.number >= self._acked.number:
            self._acked = entry
        if entry.tag > 0:
            events.append(Done(entry.tag))
        elif entry.tag == _JOB_END and self._ending:
            self._ending = False
            events.append(JobDone())

    def _progress(self, now: float) -> None:
        self._progress_at = now
        self._probes = self._repeats = 0
        self._doubtful = self._slow = self._resumed = False

    # -- resends ------------------------------------------------------------------------------

    def _take_resend(self, number: int, now: float, events: list[Event]) -> None:
        self._resend_until = now + self._timing.resend_ok
        self._progress_at = now
        if self._presumed:
            self._presumed = [entry for entry in self._presumed if entry.number < number]
        if self._probes:
            # Asked after a timeout: lines before this one were taken and their oks got lost.
            self._settle(number, events)
        self._probes = 0
        if self._resumed and number + self._window < self._acked.number:
            text = "the printer lost its count while the connection was away: it restarted"
            self._fail(FaultKind.RESET, f"{text}; check it, then print the file again", events)
        elif number > self._next or (self._out and self._out[0].kind == _NUMBERING):
            self._take_foreign_resend(number, events)
        elif number == self._requested and self._repeats > 0:
            # Lines that were in flight behind the damaged one each ask for it again.
            self._repeats -= 1
            self._doubtful = True
        elif number < 1 or number <= self._next - len(self._ring):
            text = f"the printer asks for line {number}, which is no longer kept"
            self._fail(FaultKind.HISTORY, f"{text}; check cable and baud rate", events)
        else:
            self._count_request(number, events)
            self._replay(number)

    def _take_foreign_resend(self, number: int, events: list[Event]) -> None:
        """A number never sent: damage, or M110 did not arrive. Ask again, never skip."""
        self._doubtful = True
        if self._out and self._out[0].kind == _NUMBERING:
            self._count_request(number, events)
            self.renumber()

    def _count_request(self, number: int, events: list[Event]) -> None:
        if number != self._requested:
            self._requested = number
            self._requests = 0
        self._requests += 1
        if self._requests > self._limits.same_resend:
            text = f"the printer asked {self._requests} times for line {number}"
            self._fail(FaultKind.RESENDS, f"{text}; check cable and baud rate", events)

    def _replay(self, number: int) -> None:
        self.resends += 1
        kept = [entry for entry in self._out if entry.number < number]
        self._repeats = max(0, len(self._out) - len(kept) - 1)
        self._out.clear()
        self._out.extend(kept)
        self._cursor = number
        if self._acked.number >= number:
            # An ok was credited to a line that had not been taken.
            self._acked = self._ring[(number - 1) % len(self._ring)]

    # -- time ---------------------------------------------------------------------------------

    def tick(self, now: float) -> Sequence[Event]:
        """Let time pass; call it several times a second."""
        events: list[Event] = []
        if self._resend_until and now >= self._resend_until:
            self._resend_until = 0.0
        if self.fault is not None:
            return events
        if self._out:
            self._watch(now, events)
        if self.live:
            self._poll(now)
        return events

    def _watch(self, now: float, events: list[Event]) -> None:
        silent = now - max(self._heard_at, self._waiting_since) >= self._silence_limit()
        if silent and self.live:
            text = "the printer stopped answering; check that it is on and its cable is in"
            self._fail(FaultKind.SILENT, text, events)
            return
        patience = self._timing.doubtful if self._doubtful else self._timing.reply
        waited = now - max(self._progress_at, self._waiting_since)
        if waited >= patience * 2 ** min(max(0, self._probes - _EVEN_PROBES), _PROBE_DOUBLINGS):
            self._probe(now)

    def _silence_limit(self) -> float:
        if not self._busy_seen and (self._slow or _is_long(self._out[0])):
            return self._timing.long_silence
        return self._timing.silence

    def _probe(self, now: float) -> None:
        """Send the next number, which no firmware drops silently as a repeated one.

        Marlin drops a line it has already taken without any answer, so repeating the line in
        doubt could wait for ever; the next number gives `Resend` or `ok`.
        """
        self._doubtful = False
        if self._probes >= 2:
            self._strict_sync = False
        if not self._strict_sync:
            self._presume_taken()
        self._probes += 1
        self._progress_at = now
        self._probe_due = True

    def _settle(self, number: int, events: list[Event]) -> None:
        while self._out and self._out[0].number < number:
            entry = self._out.popleft()
            self._slow = self._slow or _is_long(entry)
            self._ack(entry, events)

    def _presume_taken(self) -> None:
        """Make room for the probe; only a later ok proves that these lines were taken."""
        due = list(self._out)
        self._out.clear()
        for entry in due:
            if entry.tag == _JOB_END:
                self._commands.append((SYNC, _JOB_END))
            else:
                self._slow = self._slow or _is_long(entry)
                self._presumed.append(entry)

    def _poll(self, now: float) -> None:
        every = self._timing.report_grace if self.autoreport else self._timing.poll
        blocked = bool(self._out) and now - self._progress_at > self._timing.poll
        if now - self._temperature_at >= every and not blocked:
            self._temperature_at = now
            if len(self._commands) < self._limits.commands:
                self._commands.append((SYNC, 0))

    def _fail(self, kind: FaultKind, text: str, events: list[Event]) -> None:
        if self.fault is None:
            self.fault = Fault(kind, text)
            self._source = self._ready = None
            events.append(self.fault)
