"""PURE: the host side of Marlin's serial protocol as one machine.

Bytes from the printer go in with `receive`, lines for it come out of `pull`; `tick` lets time
pass. Line numbers make every line count exactly once: an ok only says when to send more, and a
false or lost one costs time, never a line.
"""

from collections.abc import Sequence

from gotapi_printer.marlin.events import Event, FaultKind
from gotapi_printer.marlin.incoming import Incoming
from gotapi_printer.marlin.outgoing import JOB_END, SYNC, is_long

_EVEN_PROBES = 3
# A printer that is silent for minutes (G29 without busy) must not be flooded.
_PROBE_DOUBLINGS = 6


class MarlinHost(Incoming):
    """Numbers, paces and repeats the lines of one connection to one printer.

    Create a new one for each connection and after each fault; `renumber` comes first.
    """

    def tick(self, now: float) -> Sequence[Event]:
        """Let time pass; call it several times a second."""
        events: list[Event] = []
        if self._resend_until and now >= self._resend_until:
            self._resend_until = 0.0
        if self.fault is not None:
            return events
        if self._broken:
            self._broken = False
            text = f"lines were lost with the connection, which {self.dialect.title} cannot tell"
            self._fail(FaultKind.SILENT, f"{text}; print the file again", events)
        elif self._out:
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
        if not self._busy_seen and (self._slow or is_long(self._out[0], self.dialect)):
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

    def _presume_taken(self) -> None:
        """Make room for the probe; only a later ok proves that these lines were taken."""
        due = list(self._out)
        self._out.clear()
        for entry in due:
            if entry.tag == JOB_END:
                self._commands.append((SYNC, JOB_END))
            else:
                self._slow = self._slow or is_long(entry, self.dialect)
                self._presumed.append(entry)

    def _poll(self, now: float) -> None:
        every = self._timing.report_grace if self.autoreport else self._timing.poll
        blocked = bool(self._out) and now - self._progress_at > self._timing.poll
        if now - self._temperature_at >= every and not blocked:
            self._temperature_at = now
            if len(self._commands) < self._limits.commands:
                self._commands.append((SYNC, 0))
