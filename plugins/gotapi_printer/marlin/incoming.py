"""PURE: what the printer's bytes do to the lines that are in flight: oks and requests to repeat."""

from collections.abc import Sequence

import msgspec

from gotapi_printer.marlin.dialects import Dialect
from gotapi_printer.marlin.events import Done, Event, FaultKind, JobDone
from gotapi_printer.marlin.outgoing import (
    JOB_END,
    NUMBERING,
    PLAIN,
    SYNCED,
    URGENT,
    Entry,
    Outgoing,
    is_long,
)
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

MAX_HEARD = 1000
"""Lines kept of the answer to one command; M503 and M20 give some hundred."""

_PLAIN_OK = (b"ok\n", b"ok\r\n")
_NOTHING: tuple[Event, ...] = ()


def halted_text(reason: str, dialect: Dialect) -> str:
    """What happened and what to do, for the user."""
    revive = f" or send it {dialect.revive}" if dialect.revive else ""
    said = f"the printer reports: {reason}" if reason else "the printer has halted"
    return f"{said}; check it, then switch it off and on{revive}"


class Incoming(Outgoing):
    """Settles lines by what the printer says."""

    # -- bytes in -----------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> Sequence[Event]:
        """Take bytes from the printer, chunked anyhow, and say what they mean to the owner."""
        quick = not self._resend_until and self._lines.empty and self.fault is None
        if quick and data in _PLAIN_OK:
            out = self._out
            if out and out[0].kind == PLAIN and not out[0].tag and not self._presumed:
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
        answers = not isinstance(reply, Busy | Wait) and not (
            isinstance(reply, Ok) and not reply.text
        )
        if self.heard is not None and answers and len(self.heard) < MAX_HEARD:
            self.heard.append(line.decode("utf-8", "replace").strip())

    def _read(self, line: bytes) -> Reply:
        if self._split is not None:
            whole, self._split = joined(self._split, line), None
            if whole is not None:
                return whole
        reply = classify(line)
        if isinstance(reply, ErrorLine):
            if reply.text.isdigit():
                self._split = reply
            return self._meant(reply)
        return reply

    def _meant(self, error: ErrorLine) -> ErrorLine:
        """How bad an error is in this firmware."""
        dialect = self.dialect
        if not error.loud:
            refused = not error.fatal and dialect.refusal.search(error.text) is not None
        elif dialect.severe.search(error.text):
            return error
        else:
            refused = True
        return msgspec.structs.replace(error, fatal=error.fatal and not refused, refused=refused)

    def _take(self, reply: Reply, now: float, events: list[Event]) -> None:
        if self.fault is not None:
            # A board that has restarted counts anew: it says nothing any more of what was sent.
            if not isinstance(reply, Ok | Resend | Wait):
                events.append(reply)
            return
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
            self._fail(FaultKind.FATAL, halted_text(reply.text, self.dialect), events)

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
        if ok.slots is not None and self.dialect.pipelines:
            self._room.take(ok)
        if ok.temperatures and self._sync_sent:
            self._take_sync(now, events)
        elif not self._is_extra(ok):
            self._progress(now)
            self._take_plain(ok.number, events)

    def _is_extra(self, ok: Ok) -> bool:
        if not self._out:
            return True
        if ok.number is not None and any(entry.number == ok.number for entry in self._out):
            return False
        if self._out[0].kind == SYNCED and self._strict_sync:
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
        places = [place for place, entry in enumerate(self._out) if entry.kind == SYNCED]
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
        if entry.kind != URGENT and entry.number >= self._acked.number:
            self._acked = entry
        if entry.tag > 0:
            events.append(Done(entry.tag))
        elif entry.tag == JOB_END and self._ending:
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
        if not self.dialect.counts:
            number = self._in_flight(number)
        if self._presumed:
            self._presumed = [entry for entry in self._presumed if entry.number < number]
        if self._probes:
            # Asked after a timeout: lines before this one were taken and their oks got lost.
            self._settle(number, events)
        self._probes = 0
        if self._resumed and number + self._room.window < self._acked.number:
            text = "the printer lost its count while the connection was away: it restarted"
            self._fail(FaultKind.RESET, f"{text}; check it, then print the file again", events)
        elif number > self._next or (self._out and self._out[0].kind == NUMBERING):
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

    def _in_flight(self, number: int) -> int:
        """What a firmware can mean that repeats the number it read, which may be the damaged part.

        It takes any number, so an older line sent again would be carried out twice.
        """
        known = [entry.number for entry in (*self._presumed, *self._out) if entry.number > 0]
        if number in known:
            return number
        return next((entry.number for entry in self._out if entry.number > 0), self._next)

    def _settle(self, number: int, events: list[Event]) -> None:
        while self._out and self._out[0].number < number:
            entry = self._out.popleft()
            self._slow = self._slow or is_long(entry, self.dialect)
            self._ack(entry, events)

    def _take_foreign_resend(self, number: int, events: list[Event]) -> None:
        """A number never sent: damage, or M110 did not arrive. Ask again, never skip."""
        self._doubtful = True
        if self._out and self._out[0].kind == NUMBERING:
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
        self._room.damaged(number)
        kept = [entry for entry in self._out if entry.number < number]
        self._repeats = max(0, len(self._out) - len(kept) - 1)
        self._out.clear()
        self._out.extend(kept)
        self._cursor = number
        if self._acked.number >= number:
            # An ok was credited to a line that had not been taken.
            self._acked = self._ring[(number - 1) % len(self._ring)]
