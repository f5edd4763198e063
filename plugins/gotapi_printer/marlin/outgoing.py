"""PURE: the lines for the printer: their numbers, which are kept, and which goes next."""

from collections import deque
from collections.abc import Iterator

import msgspec

from gotapi_printer.marlin.dialects import UNKNOWN, Dialect
from gotapi_printer.marlin.events import Event, Fault, FaultKind, Limits, Timing
from gotapi_printer.marlin.replies import ErrorLine
from gotapi_printer.marlin.room import Room
from gotapi_printer.marlin.wire import MAX_COMMAND, RESET_NUMBERING, LineAssembler, numbered

SYNC = b"M105"
"""Its answer is the only ok one can recognise (`ok T:`), so it marks a place in the stream."""

FINISH_MOVES = b"M400"

PLAIN, SYNCED, URGENT, NUMBERING = range(4)
JOB_END, JOB_MOVES = -1, -2

_LONG = frozenset(
    b"G28 G29 G30 G32 G33 G34 G4 M0 M1 M109 M190 M191 M226 M303 M400 M600 M701 M702".split()
)
_QUICK = frozenset(b"G0 G1 G2 G3 G90 G91 G92 M82 M83 M104 M105 M106 M107 M115 M140".split())


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


def reviving(command: bytes, dialect: Dialect) -> bytes:
    """The bytes of the command that a halted firmware waits for."""
    if dialect.insists:
        return RESET_NUMBERING + numbered(1, command)
    return command + b"\n"


def is_long(entry: Entry, dialect: Dialect) -> bool:
    """Whether a firmware may rightly be silent for minutes over this line."""
    words = entry.wire.partition(b"*")[0].split()[:2]
    if not dialect.says_busy:
        # Any other command may be a macro that homes, heats and waits.
        return not any(word in _QUICK for word in words)
    return any(word in _LONG for word in words)


START = Entry(0, RESET_NUMBERING, NUMBERING, 0, 0)


class Outgoing:
    """What was and will be sent over one connection; `renumber` comes first."""

    def __init__(self, timing: Timing | None = None, limits: Limits | None = None) -> None:
        self._timing = timing or Timing()
        self._limits = limits or Limits()
        self._lines = LineAssembler()
        self._room = Room(self._limits)
        self._ring: list[Entry] = [START] * self._limits.history
        self._next = 1
        self._cursor = 1
        self._out: deque[Entry] = deque()
        self._acked = START
        self._sent = START
        self._commands: deque[tuple[bytes, int]] = deque()
        self._source: Iterator[tuple[int, bytes]] | None = None
        self._ready: Entry | None = None
        self._ready_command = b""
        self._ending = False
        self._job_first = 0
        self._job_done = (0, 0)
        self._presumed: list[Entry] = []
        self._renumber = False
        self._assume_ok = False
        self._probe_due = False
        self._probes = 0
        self._doubtful = False
        self._slow = False
        self._resumed = False
        self._broken = False
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
        self.dialect: Dialect = UNKNOWN
        """How this firmware means what it says, once that is known."""
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
            return self._job_done
        # What is sent before the first line of the file counts as nothing of it.
        return max(self._job_done, (self._acked.line, self._acked.file_line))

    @property
    def sent(self) -> tuple[int, int, int]:
        """The number of the newest line, and as `acked` what is out of the file with it."""
        return self._sent.number, self._sent.line, self._sent.file_line

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight, to be repeated or queued."""
        return not (self._out or self._commands or self._cursor < self._next)

    def start_job(
        self, commands: Iterator[tuple[int, bytes]], done: tuple[int, int] = (0, 0), lead: int = 0
    ) -> None:
        """Stream these (file line, command) pairs; `JobDone` ends them.

        `done` is what `acked` begins with; the first `lead` pairs are not of the file.
        """
        self._source = commands
        self._ready = None
        self._ending = False
        self.held = False
        self._job_first = self._next
        self._job_done = done
        self._sent = msgspec.structs.replace(self._sent, line=done[0] - lead, file_line=done[1])

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
        if self.live and not self.dialect.counts and not self.idle:
            self._broken = True

    def hurry(self) -> None:
        """Send without waiting for answers: a firmware keeps some lines until it is free."""
        self._room.hurry()

    def urgent(self, command: bytes, now: float) -> bytes:
        """The bytes of M108 or M410 for writing at once; their extra ok is accounted for."""
        entry = Entry(-1, command + b"\n", URGENT, self._sent.line, self._sent.file_line)
        if not self._out:
            self._waiting_since = now
        self._out.append(entry)
        return entry.wire

    def halting(self) -> bytes:
        """M112 as the next line, for firmware that takes no line without a number."""
        return numbered(self._next, b"M112")

    def renumber(self, *, assume_ok: bool = False) -> None:
        """Make the printer count from 1 (M110); with `assume_ok` do not wait for its answer."""
        self._renumber = True
        self._assume_ok = assume_ok
        self._out.clear()
        self._presumed.clear()
        self._ring = [START] * self._limits.history
        self._next = self._cursor = 1
        self._acked = self._sent = START
        self._resend_until = 0.0
        self._probe_due = False

    # -- lines out ----------------------------------------------------------------------------

    def pull(self, now: float) -> bytes | None:
        """The next line to write, or None while the printer must not get one."""
        out = self._out
        if len(out) >= self._room.window and not self._probe_due:
            return None
        if self._resend_until or self.fault is not None:
            return None
        if out and not self._probe_due and not self._fits():
            return None
        entry = self._choose()
        if entry is None:
            return None
        if not out and not self._probes:
            self._waiting_since = now
        self._ok_since_send = False
        if entry.kind == NUMBERING and self._assume_ok:
            return entry.wire
        out.append(entry)
        return entry.wire

    def _fits(self) -> bool:
        """Whether the next line has room in the printer if it reads nothing for a while."""
        waiting = sum(len(entry.wire) for entry in self._out)
        return waiting + self._next_size() <= self._limits.room

    def _next_size(self) -> int:
        if self._cursor < self._next:
            return len(self._ring[self._cursor % len(self._ring)].wire)
        if self._commands:
            return len(numbered(self._next, self._commands[0][0]))
        if not self.held:
            self.prepare()
        return 0 if self._ready is None else len(self._ready.wire)

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
            return START
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
        kind = PLAIN
        if command.startswith(SYNC):
            kind = SYNCED
        return Entry(self._next, numbered(self._next, command), kind, line, file_line, tag)

    def _keep(self, entry: Entry) -> Entry:
        number = self._next
        self._ring[number % len(self._ring)] = entry
        if self._cursor == number:
            self._cursor += 1
        self._next = number + 1
        self._sent = entry
        if entry.kind == SYNCED:
            self._sync_sent = True
        return entry

    def _end_job(self) -> None:
        self._source = None
        self._ending = True
        # Two more numbered lines: a printer that missed the last file line asks for it now.
        self._commands.append((FINISH_MOVES, JOB_MOVES))
        self._commands.append((SYNC, JOB_END))

    def _fail(self, kind: FaultKind, text: str, events: list[Event]) -> None:
        if self.fault is None:
            self.fault = Fault(kind, text)
            self._source = self._ready = None
            events.append(self.fault)
