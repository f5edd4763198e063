"""Approval requests: what waits for the operator, and what became of it. PURE.

A request is PENDING until the operator answers or its deadline passes. An answer that nobody was
there to hear waits to be COLLECTED by the next call of the same client for the same scopes.
Codes and the time are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec

from gotapi_core.protocol.errors import TooManyRequests

BACKWARDS: Final = 60.0  # seconds a clock may be set back before what was "later" is dropped


class State(Enum):
    """Where a request is."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    COLLECTED = "collected"


class Move(Enum):
    """What can happen to a request."""

    APPROVE = "approve"
    DENY = "deny"
    LAPSE = "lapse"
    """The deadline passed."""

    COLLECT = "collect"
    """The application heard the answer."""


TRANSITIONS: Final = {
    (State.PENDING, Move.APPROVE): State.APPROVED,
    (State.PENDING, Move.DENY): State.DENIED,
    (State.PENDING, Move.LAPSE): State.EXPIRED,
    (State.APPROVED, Move.COLLECT): State.COLLECTED,
    (State.APPROVED, Move.LAPSE): State.EXPIRED,
    (State.DENIED, Move.COLLECT): State.COLLECTED,
    (State.DENIED, Move.LAPSE): State.EXPIRED,
}
"""Every move that is possible; any other is a mistake of the caller."""

FINAL: Final = frozenset({State.EXPIRED, State.COLLECTED})


class IllegalMove(ValueError):  # noqa: N818 - named like the protocol's errors
    """The request cannot make this move from where it is."""


class Limits(msgspec.Struct, frozen=True):
    """How much may wait. DeviceConnect shows one dialog at a time; a page of 50 is still read."""

    per_origin: int = 5
    in_all: int = 50


class Request(msgspec.Struct, frozen=True):
    """An application's wish; `client` is the digest of its clientId, times are in seconds."""

    code: str
    client: bytes
    application_name: str
    origin: str
    browser: bool
    scopes: tuple[str, ...]
    created: float
    deadline: float
    state: State = State.PENDING
    shows_code: bool = False
    """Whether the application shows its user the code, to be compared."""

    def lapsed(self, now: float) -> bool:
        """Tell whether it is too late; also after the clock was set back by more than a minute."""
        return now >= self.deadline or now < self.created - BACKWARDS


def step(request: Request, move: Move) -> Request:
    """Return the request after a move; raises IllegalMove."""
    state = TRANSITIONS.get((request.state, move))
    if state is None:
        raise IllegalMove(f"A request that is {request.state.value} cannot {move.value}.")
    return msgspec.structs.replace(request, state=state)


class Docket:
    """All requests that are not over, by code."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests: dict[str, Request] = {}

    def __contains__(self, code: object) -> bool:
        return code in self._requests

    def ask(self, wish: Request) -> Request:
        """Return the request that stands for the wish: an earlier equal one, or the wish itself.

        The result may be DENIED: the answer to a call that had gone. Raises TooManyRequests. The
        caller has let lapse what is over (`lapse`).
        """
        for earlier in self._of_client(wish.client):
            if set(earlier.scopes) == set(wish.scopes):
                if earlier.state is not State.APPROVED:
                    return self._join(earlier, wish)
                # What was approved is kept as a grant; if that is gone, a new decision is due.
                self.move(earlier.code, Move.COLLECT)
        self._admit(wish.origin)
        self._requests[wish.code] = wish
        return wish

    def _join(self, earlier: Request, wish: Request) -> Request:
        if wish.shows_code and not earlier.shows_code:
            earlier = msgspec.structs.replace(earlier, shows_code=True)
            self._requests[earlier.code] = earlier
        return earlier

    def move(self, code: str, move: Move) -> Request:
        """Make a move and return the request; raises KeyError and IllegalMove."""
        request = step(self._requests[code], move)
        if request.state in FINAL:
            del self._requests[code]
        else:
            self._requests[code] = request
        return request

    def lapse(self, now: float) -> list[Request]:
        """Let everything lapse that is too late; returns those that nobody had answered."""
        late = [request for request in self._requests.values() if request.lapsed(now)]
        ended = [self.move(request.code, Move.LAPSE) for request in late]
        unanswered = {request.code for request in late if request.state is State.PENDING}
        return [request for request in ended if request.code in unanswered]

    def collect(self, client: bytes, scopes: Iterable[str] | None = None) -> None:
        """Note that the client heard the answers for these scopes, or all of its answers."""
        wanted = None if scopes is None else set(scopes)
        for request in self._of_client(client):
            if request.state is not State.PENDING and wanted in (None, set(request.scopes)):
                self.move(request.code, Move.COLLECT)

    def pending(self) -> list[Request]:
        """Return what waits for the operator, oldest first."""
        return [r for r in self._requests.values() if r.state is State.PENDING]

    def _of_client(self, client: bytes) -> list[Request]:
        return [request for request in self._requests.values() if request.client == client]

    def _admit(self, origin: str) -> None:
        pending = self.pending()
        if sum(request.origin == origin for request in pending) >= self._limits.per_origin:
            raise TooManyRequests(
                f"{self._limits.per_origin} requests of {origin} wait for the user already; open "
                "the operator page and answer them first."
            )
        if len(pending) >= self._limits.in_all:
            raise TooManyRequests(
                f"{len(pending)} requests wait for the user already; open the operator page and "
                "answer them first."
            )
