"""The life of one GotAPI-5 WebSocket, from accept to close. PURE.

    AWAIT_TOKEN --token--> AUTHORISING --accepted--> OPEN --token--> REAUTHORISING --> OPEN
                <--refused--                                          (either verdict)

A refused re-authorisation leaves the earlier one in force. Every bad frame and refused token gets
a verdict and may be followed by another try; the third one in a row closes the socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum, auto
from types import MappingProxyType
from typing import Final

import msgspec

from gotapi_core.protocol.errors import GotapiError, Lineage, MissingToken
from gotapi_core.protocol.frames import (
    FrameCode,
    FrameError,
    FrameTooBig,
    parse_client_frame,
    verdict_error,
    verdict_ok,
)

TOKEN_DEADLINE: Final = 5.0  # seconds; node-gotapi waits as long
MAX_FAILURES: Final = 3  # in a row; enough for a client that re-authorises, too few for guessing


class State(Enum):
    """Where the session is."""

    AWAIT_TOKEN = auto()
    AUTHORISING = auto()
    OPEN = auto()
    REAUTHORISING = auto()
    CLOSED = auto()


class Input(Enum):
    """What happened to it."""

    TOKEN = auto()
    BAD_FRAME = auto()
    TOO_BIG = auto()
    BINARY = auto()
    ACCEPTED = auto()
    REFUSED = auto()
    FAILED_TOO_OFTEN = auto()
    LATE = auto()
    REVOKED = auto()
    CLOSED = auto()


class CloseCode(IntEnum):
    """Why the hub closes a WebSocket (RFC 6455 7.4; 4000-4999 are an application's own)."""

    GOING_AWAY = 1001
    UNSUPPORTED = 1003
    POLICY = 1008
    TOO_BIG = 1009
    REVOKED = 4401
    """The access token was revoked or has expired; like HTTP 401, a new one is needed."""

    REPLACED = 4409
    """The application opened more WebSockets than it may have; this was its oldest."""

    TOO_SLOW = 4408
    """The client did not read its events; it may connect again. Used by the server's pump."""


class Authorise(msgspec.Struct, frozen=True):
    """Check a token, then call `authorised`; `resume` is None where no event ids were asked for."""

    token: str
    resume: str | None = None


class Send(msgspec.Struct, frozen=True):
    """Send a text frame."""

    frame: bytes


class Close(msgspec.Struct, frozen=True):
    """Close the WebSocket; `reason` has at most 123 bytes (RFC 6455 5.5)."""

    code: int
    reason: str


Action = Authorise | Send | Close

_LIVE: Final = (State.AWAIT_TOKEN, State.AUTHORISING, State.OPEN, State.REAUTHORISING)

TRANSITIONS: Final[Mapping[tuple[State, Input], State]] = MappingProxyType(
    {
        (State.AWAIT_TOKEN, Input.TOKEN): State.AUTHORISING,
        (State.AWAIT_TOKEN, Input.BAD_FRAME): State.AWAIT_TOKEN,
        (State.AWAIT_TOKEN, Input.LATE): State.CLOSED,
        (State.AUTHORISING, Input.TOKEN): State.AUTHORISING,
        (State.AUTHORISING, Input.BAD_FRAME): State.AUTHORISING,
        (State.AUTHORISING, Input.ACCEPTED): State.OPEN,
        (State.AUTHORISING, Input.REFUSED): State.AWAIT_TOKEN,
        (State.OPEN, Input.TOKEN): State.REAUTHORISING,
        (State.OPEN, Input.BAD_FRAME): State.OPEN,
        (State.OPEN, Input.REVOKED): State.CLOSED,
        (State.REAUTHORISING, Input.TOKEN): State.REAUTHORISING,
        (State.REAUTHORISING, Input.BAD_FRAME): State.REAUTHORISING,
        (State.REAUTHORISING, Input.ACCEPTED): State.OPEN,
        (State.REAUTHORISING, Input.REFUSED): State.OPEN,
        (State.REAUTHORISING, Input.REVOKED): State.CLOSED,
        (State.AUTHORISING, Input.REVOKED): State.CLOSED,
        **{
            (state, fatal): State.CLOSED
            for state in _LIVE
            for fatal in (Input.TOO_BIG, Input.BINARY, Input.FAILED_TOO_OFTEN, Input.CLOSED)
        },
    }
)
"""The next state; a pair that is not here is ignored."""

_FATAL: Final = {
    Input.TOO_BIG: Close(CloseCode.TOO_BIG, "the frame is too large"),
    Input.BINARY: Close(CloseCode.UNSUPPORTED, "send JSON as text frames"),
    Input.FAILED_TOO_OFTEN: Close(CloseCode.POLICY, "too many frames without a good accessToken"),
    Input.LATE: Close(CloseCode.POLICY, "no accessToken frame in time"),
    Input.REVOKED: Close(CloseCode.REVOKED, "the access token is no longer valid"),
}


class Session:
    """One WebSocket; inputs return what to do, in order. Times are seconds of one clock."""

    def __init__(
        self,
        now: float,
        token_deadline: float = TOKEN_DEADLINE,
        *,
        lineage: Lineage = Lineage.ENVELOPE,
    ) -> None:
        self._state = State.AWAIT_TOKEN
        self._patience = token_deadline
        self._deadline = now + token_deadline
        self._failures = 0
        self._lineage = lineage

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._state

    @property
    def open(self) -> bool:
        """Whether events may be sent: authorised, be it for the moment by an earlier token."""
        return self._state in (State.OPEN, State.REAUTHORISING)

    @property
    def deadline(self) -> float | None:
        """When `tick` should be called at the latest; None when nothing is awaited."""
        return self._deadline if self._state is State.AWAIT_TOKEN else None

    def text(self, frame: str | bytes, now: float) -> list[Action]:
        """Take a text frame."""
        if self._state is State.CLOSED:
            return []
        self._deadline = now + self._patience
        try:
            asked = parse_client_frame(frame)
        except FrameTooBig:
            return self._end(Input.TOO_BIG)
        except FrameError as error:
            return self._failed(Input.BAD_FRAME, error)
        if self._state in (State.AUTHORISING, State.REAUTHORISING):
            early = FrameError(
                FrameCode.ALREADY, "The token before this one is still being checked"
            )
            return self._failed(Input.TOKEN, early)
        self._step(Input.TOKEN)
        return [Authorise(asked.access_token, asked.resume)]

    def binary(self) -> list[Action]:
        """Take a binary frame, which GotAPI-5 does not have."""
        return self._end(Input.BINARY)

    def authorised(
        self, error: GotapiError | None = None, more: Mapping[str, object] | None = None
    ) -> list[Action]:
        """Take the answer to Authorise: None is a good token, whose verdict has `more` members."""
        if self._state not in (State.AUTHORISING, State.REAUTHORISING):
            return []
        if error is not None:
            return self._failed(Input.REFUSED, error)
        self._step(Input.ACCEPTED)
        self._failures = 0
        return [Send(verdict_ok(more))]

    def tick(self, now: float) -> list[Action]:
        """Take the time; a socket without a token frame in time is told so and closed."""
        if self._state is not State.AWAIT_TOKEN or now < self._deadline:
            return []
        late = MissingToken(f"No accessToken frame came within {self._patience:g} s")
        return [Send(verdict_error(late, self._lineage)), *self._end(Input.LATE)]

    def revoked(self) -> list[Action]:
        """Take the news that the socket's token is no longer valid."""
        return self._end(Input.REVOKED)

    def closed(self) -> list[Action]:
        """Take the news that the socket is gone."""
        return self._end(Input.CLOSED)

    def _step(self, what: Input) -> bool:
        target = TRANSITIONS.get((self._state, what))
        if target is None:
            return False
        self._state = target
        return True

    def _end(self, what: Input) -> list[Action]:
        return [_FATAL[what]] if self._step(what) and what in _FATAL else []

    def _failed(self, what: Input, error: GotapiError) -> list[Action]:
        self._failures += 1
        verdict = Send(verdict_error(error, self._lineage))
        if self._failures >= MAX_FAILURES:
            return [verdict, *self._end(Input.FAILED_TOO_OFTEN)]
        self._step(what)
        return [verdict]
