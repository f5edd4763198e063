"""The last events of each application, numbered, so that a listener can go on where it was. PURE.

Numbers count an application's events from 1. A cursor is what a listener sends back: it names this
run of the hub and a number, and everything numbered above it was not sent yet. Durable events are
all kept, of the events of one stream that has a newest value only that one. What is thrown away
for want of room or for its age moves the floor up: a cursor below it cannot be resumed, and the
listener is told so. Times are seconds of one clock.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final, NamedTuple

import msgspec

from gotapi_core.protocol.delivery import MAX_BYTES, Offer, Outbox

MAX_EVENTS: Final = 1000  # of one application; a busy print job has about 100 state changes
MAX_LOG: Final = 1024 * 1024  # bytes of one application; four outboxes
MAX_ALL: Final = 32 * 1024 * 1024  # bytes of all applications; the hub idles at about 60 MiB
MAX_AGE: Final = 600.0  # a browser that slept longer reads the state again anyway
MAX_CURSOR: Final = 64  # characters; ours have about 20
_CURSOR: Final = re.compile(r"(?P<epoch>[0-9A-Za-z]{1,32})-(?P<number>[0-9]{1,18})", re.ASCII)


class Entry(NamedTuple):
    """One kept event; with a key it is the newest value of its stream."""

    number: int
    key: str | None
    frame: bytes
    at: float


class EventLog:
    """The events of one application."""

    def __init__(
        self,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_LOG,
        max_age: float = MAX_AGE,
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._newest: dict[str, int] = {}
        self._size = 0
        self._number = 0
        self._floor = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes kept."""
        return self._size

    @property
    def number(self) -> int:
        """The number of the last event."""
        return self._number

    def append(self, frame: bytes, key: str | None, now: float) -> int:
        """Keep an event; returns its number."""
        if key is not None and key in self._newest:
            self._remove(self._newest[key])
        self._number += 1
        self._entries[self._number] = Entry(self._number, key, frame, now)
        if key is not None:
            self._newest[key] = self._number
        self._size += len(frame)
        self._trim(now)
        return self._number

    def since(self, number: int, now: float) -> tuple[Entry, ...] | None:
        """Return what came after a number, in order; None where that can no longer be told."""
        self._trim(now)
        if not self._floor <= number <= self._number:
            return None
        return tuple(entry for entry in self._entries.values() if entry.number > number)

    def clear(self) -> None:
        """Throw everything away: what comes next does not follow from what was."""
        while self._entries:
            self._drop_oldest()
        # Cursors at this very number are void too: events may go by that are not noted.
        self._number += 1
        self._floor = self._number

    def _trim(self, now: float) -> None:
        while self._entries and (
            len(self._entries) > self._max_events
            or self._size > self._max_bytes
            or next(iter(self._entries.values())).at < now - self._max_age
        ):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._floor = next(iter(self._entries))
        self._remove(self._floor)

    def _remove(self, number: int) -> None:
        entry = self._entries.pop(number)
        self._size -= len(entry.frame)
        if entry.key is not None:
            del self._newest[entry.key]


class Position(msgspec.Struct, frozen=True):
    """Where a listener begins: after `number`, with what it missed up to there still to be sent.

    `resumed` is false where its cursor was of no use: it has to read the state anew.
    """

    cursor: str
    number: int
    resumed: bool
    missed: tuple[Entry, ...] = ()


class EventLogs:
    """The logs of all applications of one run of the hub, which `epoch` names."""

    def __init__(self, epoch: str, max_bytes: int = MAX_ALL) -> None:
        self._epoch = epoch
        self._max_bytes = max_bytes
        self._logs: dict[str, EventLog] = {}
        self._in_use: OrderedDict[str, None] = OrderedDict()  # longest without an event first
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes kept."""
        return self._size

    def append(self, application: str, frame: bytes, key: str | None, now: float) -> int:
        """Keep an event of an application; returns its number."""
        log = self._logs.setdefault(application, EventLog())
        before = log.size
        number = log.append(frame, key, now)
        self._size += log.size - before
        self._in_use[application] = None
        self._in_use.move_to_end(application)
        while self._size > self._max_bytes:
            self.forget(next(iter(self._in_use)))
        return number

    def forget(self, application: str) -> None:
        """Make every cursor of an application void."""
        log = self._logs.get(application)
        if log is not None:
            self._size -= log.size
            log.clear()
            self._in_use.pop(application, None)

    def cursor(self, number: int) -> str:
        """Return the cursor that stands for everything up to a number; event ids look alike."""
        return f"{self._epoch}-{number}"

    def position(self, application: str, cursor: str, now: float) -> Position:
        """Return where a listener with a cursor begins; with an empty one it begins now."""
        log = self._logs.setdefault(application, EventLog())
        missed = None
        if cursor:
            before = log.size
            number = self._number(cursor)
            missed = None if number is None else log.since(number, now)
            self._size += log.size - before
        here = self.cursor(log.number)
        if missed is None:
            return Position(here, log.number, resumed=False)
        return Position(here, log.number, resumed=True, missed=missed)

    def _number(self, cursor: str) -> int | None:
        found = _CURSOR.fullmatch(cursor) if len(cursor) <= MAX_CURSOR else None
        if found is None or found["epoch"] != self._epoch:
            return None
        return int(found["number"])


class Sent(NamedTuple):
    """A frame to send now; `number` 0 is no event, and `settled` is 0 where it did not change."""

    frame: bytes
    number: int
    settled: int


class Feed:
    """What one listener is still to be sent: first what it missed, then what comes.

    What it missed stays in the log's memory, so it does not count against the queue. What waited
    when it began (the answer that it may begin) goes before.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._outbox = Outbox(max_bytes)
        self._missed: tuple[Entry, ...] = ()
        self._next = 0  # of those
        self._before = 0  # frames of the queue that go before those
        self._settled = 0

    def __len__(self) -> int:
        return len(self._missed) - self._next + len(self._outbox)

    def start(self, position: Position) -> None:
        """Begin at a position; call it before the first event is offered, when answers may wait."""
        self._missed = position.missed
        self._next = 0
        self._before = len(self._outbox)
        self._settled = self._missed[0].number - 1 if self._missed else position.number

    def offer(self, frame: bytes, key: str | None = None, number: int = 0) -> Offer:
        """Queue a frame, as an Outbox does."""
        return self._outbox.offer(frame, key=key, number=number)

    def take(self) -> Sent | None:
        """Return the next frame to send; None when nothing waits."""
        if self._before:
            self._before -= 1
        elif self._next < len(self._missed):
            entry = self._missed[self._next]
            self._next += 1
            if self._next == len(self._missed):
                self._missed, self._next = (), 0  # the log may have thrown them away meanwhile
            return Sent(entry.frame, entry.number, self._settle(entry.number))
        taken = self._outbox.take_numbered()
        if taken is None:
            return None
        number, frame = taken
        settled = 0 if self._missed else self._settle(self._outbox.settled)
        return Sent(frame, number, settled)

    def _settle(self, number: int) -> int:
        if number <= self._settled:
            return 0
        self._settled = number
        return number


def with_ids(frame: bytes, event_id: str, resume: str) -> bytes:
    """Return an event frame with the members `eventId` and, where not empty, `resume`.

    They are the hub's own on sockets that asked for them: a plug-in's members of the same name
    give way.
    """
    if b'"eventId"' in frame or b'"resume"' in frame:
        members = msgspec.json.decode(frame, type=dict[str, msgspec.Raw])
        rest = {name: raw for name, raw in members.items() if name not in ("eventId", "resume")}
        frame = msgspec.json.encode(rest)
    added: dict[str, str] = {"eventId": event_id} | ({"resume": resume} if resume else {})
    return frame[:-1] + b"," + msgspec.json.encode(added)[1:]
