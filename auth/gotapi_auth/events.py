"""What the auth server tells its listeners and the operator. PURE."""

from __future__ import annotations

import msgspec

from gotapi_auth.consent import Request, State


class PendingRequest(msgspec.Struct, frozen=True):
    """A request that waits for the operator; times are seconds since 1970 (UTC).

    `browser` is false for a program, which may call itself by any origin.
    """

    code: str
    application_name: str
    origin: str
    browser: bool
    scopes: tuple[str, ...]
    created: float
    deadline: float


class Application(msgspec.Struct, frozen=True):
    """An approval that holds; times are seconds since 1970 (UTC)."""

    id: str
    name: str
    origin: str
    scopes: tuple[str, ...]
    created: float
    expires: float
    last_used: float | None


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


class Revoked(msgspec.Struct, frozen=True):
    """These tokens are good no more; close their sockets."""

    application_id: str
    token_ids: tuple[str, ...]


AuthEvent = RequestAdded | RequestEnded | Revoked


def pending_request(request: Request) -> PendingRequest:
    """Return what the operator sees of a request."""
    return PendingRequest(
        request.code,
        request.application_name,
        request.origin,
        request.browser,
        request.scopes,
        request.created,
        request.deadline,
    )
