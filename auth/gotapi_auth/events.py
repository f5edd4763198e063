"""What the auth server tells its listeners and the operator. PURE."""

from __future__ import annotations

import msgspec

from gotapi_auth.consent import Request, State


class Known(msgspec.Struct, frozen=True):
    """An approval that the origin of a request has already."""

    id: str
    name: str
    created: float


class PendingRequest(msgspec.Struct, frozen=True):
    """A request that waits for the operator; times are seconds since 1970 (UTC).

    `browser` is false for a program, which may call itself by any origin. `waiting` tells whether
    the application still waits for the answer, `shows_code` whether it shows its user the code.
    """

    code: str
    application_name: str
    origin: str
    browser: bool
    scopes: tuple[str, ...]
    created: float
    deadline: float
    waiting: bool = True
    shows_code: bool = False
    known: tuple[Known, ...] = ()


class Begun(msgspec.Struct, frozen=True):
    """A request without a call that waits for it: its code, and what is known of the answer."""

    code: str
    state: State
    application_id: str = ""


class Application(msgspec.Struct, frozen=True):
    """An approval that holds; times are seconds since 1970 (UTC)."""

    id: str
    name: str
    origin: str
    scopes: tuple[str, ...]
    created: float
    expires: float
    last_used: float | None
    asked: tuple[str, ...] = ()
    """What it wanted; the operator can allow these later, and no others."""


class IssuedToken(msgspec.Struct, frozen=True):
    """An access token for the application: (scope, seconds left) each, and the end in ms."""

    access_token: str
    scopes: tuple[tuple[str, int], ...]
    expire_ms: int


class RequestAdded(msgspec.Struct, frozen=True):
    """The operator is asked something."""

    request: PendingRequest


class RequestEnded(msgspec.Struct, frozen=True):
    """A request was answered (APPROVED, DENIED) or came to its deadline (EXPIRED)."""

    code: str
    outcome: State
    application_id: str = ""
    """What came of it, when it was approved."""


class WaitingChanged(msgspec.Struct, frozen=True):
    """The application of a request has begun or stopped to wait for its answer."""

    code: str


class Revoked(msgspec.Struct, frozen=True):
    """These tokens are good no more; close their sockets."""

    application_id: str
    token_ids: tuple[str, ...]
    expired: bool = False
    """Whether their time has come, rather than that somebody took them back."""


class Changed(msgspec.Struct, frozen=True):
    """The operator changed an approval; its tokens open what it now says, and end with it."""

    application_id: str
    scopes: frozenset[str]
    expires: float


AuthEvent = RequestAdded | RequestEnded | WaitingChanged | Revoked | Changed


def pending_request(
    request: Request, waiting: bool = True, known: tuple[Known, ...] = ()
) -> PendingRequest:
    """Return what the operator sees of a request."""
    return PendingRequest(
        request.code,
        request.application_name,
        request.origin,
        request.browser,
        request.scopes,
        request.created,
        request.deadline,
        waiting,
        request.shows_code,
        known,
    )
