"""One end of a GotAPI-4 connection: who may send what when, and which answers are due. PURE.

The table is the same for both sides, and a `Peer` only knows which of them it speaks for. A message
to send goes through `send`, a received one through `receive`; both refuse what the table does not
allow, with an error that says what would have been right.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, get_args

from gotapi_core.protocol.plugin_wire import (
    MESSAGE_SIZE,
    BlobOpen,
    BlobPublish,
    Bye,
    Call,
    CallOther,
    Cancel,
    CreateClient,
    Describe,
    DocumentDelete,
    DocumentList,
    DocumentPut,
    Event,
    EventAck,
    EventEnd,
    EventStart,
    Fault,
    FindOthers,
    FromHub,
    FromPlugin,
    Hello,
    LocalError,
    Log,
    Message,
    Ping,
    Pong,
    RemoteError,
    Reply,
    RequestAccessToken,
    Services,
    ServicesChanged,
    Surface,
    Welcome,
    encode,
    from_hub,
    from_plugin,
    tag_of,
)

_MOST_ABANDONED = 1024  # requests nobody waits for whose late answer is let pass; then a fault


class Side(Enum):
    """Who sends."""

    HUB = "hub"
    PLUGIN = "plug-in"

    @property
    def other(self) -> Side:
        """The side across the wire."""
        return Side.PLUGIN if self is Side.HUB else Side.HUB


class Phase(Enum):
    """Where the conversation is; it is the same for both sides, but for messages under way."""

    OPEN = "before hello"
    GREETED = "between hello and welcome"
    STARTING = "between welcome and describe"
    READY = "at work"
    CLOSING = "after the hub's bye"
    CLOSED = "after bye"


_ASKS: Final = (
    DocumentPut,
    DocumentDelete,
    DocumentList,
    BlobOpen,
    BlobPublish,
    CallOther,
    FindOthers,
)
_ASKED_FIRST: Final = (CreateClient, RequestAccessToken, Services)
_ORDERS: Final = (*_ASKED_FIRST, Call, Surface, EventStart, EventAck, Cancel)
_ANSWERS: Final = (Reply, Event, EventEnd)
_BEATS: Final = (Ping, Pong)

# phase, sender -> message -> next phase; what does not stand here must not be sent
_TABLE: Final[Mapping[tuple[Phase, Side], Mapping[Phase, tuple[type[Message], ...]]]] = {
    (Phase.OPEN, Side.PLUGIN): {Phase.GREETED: (Hello,), Phase.OPEN: (Log,), Phase.CLOSED: (Bye,)},
    (Phase.OPEN, Side.HUB): {Phase.OPEN: (Fault,), Phase.CLOSED: (Bye,)},
    (Phase.GREETED, Side.PLUGIN): {Phase.GREETED: (Log,), Phase.CLOSED: (Bye,)},
    (Phase.GREETED, Side.HUB): {
        Phase.STARTING: (Welcome,),
        Phase.GREETED: (Fault,),
        Phase.CLOSED: (Bye,),
    },
    (Phase.STARTING, Side.PLUGIN): {
        Phase.READY: (Describe,),
        Phase.STARTING: (*_ASKS, *_BEATS, ServicesChanged, Log),
        Phase.CLOSED: (Bye,),
    },
    (Phase.STARTING, Side.HUB): {
        Phase.STARTING: (Reply, *_BEATS, Fault),
        Phase.CLOSING: (Bye,),
    },
    (Phase.READY, Side.PLUGIN): {
        Phase.READY: (*_ASKS, *_ANSWERS, *_BEATS, ServicesChanged, Log),
        Phase.CLOSED: (Bye,),
    },
    (Phase.READY, Side.HUB): {
        Phase.READY: (*_ORDERS, Reply, *_BEATS, Fault),
        Phase.CLOSING: (Bye,),
    },
    # What was under way, and what a plug-in needs to put its things away.
    (Phase.CLOSING, Side.PLUGIN): {
        Phase.CLOSING: (Describe, *_ASKS, *_ANSWERS, *_BEATS, ServicesChanged, Log),
        Phase.CLOSED: (Bye,),
    },
    (Phase.CLOSING, Side.HUB): {Phase.CLOSING: (Reply, *_BEATS, Fault)},
}

TRANSITIONS: Final[Mapping[tuple[Phase, Side, type[Message]], Phase]] = {
    (phase, side, kind): following
    for (phase, side), row in _TABLE.items()
    for following, kinds in row.items()
    for kind in kinds
}
"""(phase, sender, message) -> the phase after it."""

SENDERS: Final[Mapping[Side, frozenset[type[Message]]]] = {
    Side.HUB: frozenset(get_args(FromHub)),
    Side.PLUGIN: frozenset(get_args(FromPlugin)),
}
_REQUESTS: Final = (*_ASKS, *_ASKED_FIRST, Call, Surface, EventStart)
_STREAMS: Final = frozenset({Event, EventEnd})


class Peer:
    """The conversation as one side sees it."""

    def __init__(self, side: Side, *, size: int = MESSAGE_SIZE) -> None:
        self._side = side
        self._size = size
        self._decode = from_plugin if side is Side.HUB else from_hub
        self._phase = Phase.OPEN
        self._asked: dict[int, type[Message]] = {}  # what we asked and is unanswered
        self._due: dict[int, type[Message]] = {}  # what the other asked and is unanswered
        self._abandoned: dict[int, None] = {}  # in the order they were given up
        self._last_id = 0

    @property
    def phase(self) -> Phase:
        """Where the conversation is."""
        return self._phase

    @property
    def due(self) -> int:
        """How many requests of the other side wait for an answer."""
        return len(self._due)

    def next_id(self) -> int:
        """Return an id for a request; none is used twice."""
        self._last_id += 1
        return self._last_id

    def send(self, message: Message) -> bytes:
        """Return a message as it travels; raises LocalError where it must not be sent now."""
        kind = type(message)
        following = TRANSITIONS.get((self._phase, self._side, kind))
        if following is None:
            raise LocalError(f"'{tag_of(kind)}' cannot be sent {self._phase.value}")
        if isinstance(message, Reply | Event | EventEnd):
            self._check_due(message)
        text = encode(message, self._size)  # before anything is noted: it may be refused
        if isinstance(message, _REQUESTS):
            self._asked[message.id] = kind
        elif isinstance(message, Reply | EventEnd):
            del self._due[message.id]
        elif isinstance(message, Cancel):
            self.abandon(message.id)
        self._phase = following
        return text

    def receive(self, text: bytes) -> Message | None:
        """Return a received message, None for a late answer that nobody waits for.

        Raises RemoteError; where it is not fatal the message is to be ignored.
        """
        message = self._decode(text, self._size)
        kind = type(message)
        following = TRANSITIONS.get((self._phase, self._side.other, kind))
        if following is None:
            raise RemoteError(
                f"'{tag_of(kind)}' cannot be sent {self._phase.value}; possible is "
                f"{possible(self._phase, self._side.other)}"
            )
        self._phase = following
        if isinstance(message, Reply | Event | EventEnd):
            return message if self._expected(message) else None
        if isinstance(message, _REQUESTS):
            self._note_due(message.id, kind)
        return message

    def abandon(self, request: int) -> None:
        """Wait no longer for an answer; one that comes all the same is ignored, once."""
        if self._asked.pop(request, None) is None:
            return
        self._abandoned[request] = None
        if len(self._abandoned) > _MOST_ABANDONED:
            del self._abandoned[next(iter(self._abandoned))]

    def forget(self, request: int) -> None:
        """Answer a request of the other side never: it was cancelled."""
        self._due.pop(request, None)

    def _check_due(self, message: Reply | Event | EventEnd) -> None:
        asked = self._due.get(message.id)
        if asked is None or (asked is EventStart) is not (type(message) in _STREAMS):
            raise LocalError(f"nobody waits for '{tag_of(type(message))}' {message.id}")

    def _note_due(self, request: int, kind: type[Message]) -> None:
        if request in self._due:
            raise RemoteError(f"id {request} of '{tag_of(kind)}' is taken by an open request")
        self._due[request] = kind

    def _expected(self, message: Reply | Event | EventEnd) -> bool:
        asked = self._asked.get(message.id)
        ends = not isinstance(message, Event)
        if asked is None:
            if message.id not in self._abandoned:
                raise RemoteError(
                    f"'{tag_of(type(message))}' {message.id} answers nothing that is open; each "
                    "request is answered once",
                    fatal=False,
                )
            if ends:
                del self._abandoned[message.id]
            return False
        if (asked is EventStart) is not (type(message) in _STREAMS):
            wanted = "'event' and 'eventEnd'" if asked is EventStart else "'reply'"
            raise RemoteError(
                f"'{tag_of(asked)}' {message.id} is answered with {wanted}, not with "
                f"'{tag_of(type(message))}'"
            )
        if ends:
            del self._asked[message.id]
        return True


def possible(phase: Phase, side: Side) -> str:
    """Return what a side may send in a phase, for people."""
    kinds = sorted(tag_of(kind) for at, who, kind in TRANSITIONS if (at, who) == (phase, side))
    return ", ".join(kinds) or "nothing"
