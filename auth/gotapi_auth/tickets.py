"""Device codes and authorization codes on their way to a token. PURE.

A ticket stands beside a request of the docket: it is for an application that does not wait in one
call. It is found by the digest of its handle (the device code, or the secret in the address of the
waiting page), and once an authorization code was handed out also by that one's. Times are in
seconds and arguments.

    WAITING --approve--> APPROVED --redeem--> SPENT        a device code
                         APPROVED --issue--> ISSUED --redeem--> SPENT
    WAITING --deny--> DENIED;  WAITING, APPROVED, ISSUED --lapse--> OVER
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from gotapi_auth.consent import BACKWARDS
from gotapi_core.protocol.errors import TooManyRequests
from gotapi_core.protocol.oauth import Redirect

INTERVAL: Final = 5.0  # seconds between two polls; RFC 8628 3.2
SLOWER: Final = 5.0  # seconds that a poll which came too soon adds; RFC 8628 3.5
EARLY: Final = 0.5  # seconds that a poll may come early: networks are not exact
CODE_LIFE: Final = 60.0  # seconds to fetch the token; RFC 6749 4.1.2 allows 10 minutes
KEEP: Final = 600.0  # seconds an ended ticket still says what became of it
MAX_TICKETS: Final = 200  # at once; the operator is shown 50 requests at most
MAX_WRONG: Final = 5  # wrong codes of a client in WINDOW; after that it has to wait
WINDOW: Final = 60.0  # seconds


class Stage(Enum):
    """Where a ticket is."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    ISSUED = "issued"
    """The authorization code is in the application's hands."""

    SPENT = "spent"
    OVER = "over"


class Move(Enum):
    """What can happen to a ticket."""

    APPROVE = "approve"
    DENY = "deny"
    LAPSE = "lapse"
    ISSUE = "issue"
    REDEEM = "redeem"


TRANSITIONS: Final = {
    (Stage.WAITING, Move.APPROVE): Stage.APPROVED,
    (Stage.WAITING, Move.DENY): Stage.DENIED,
    (Stage.WAITING, Move.LAPSE): Stage.OVER,
    (Stage.APPROVED, Move.ISSUE): Stage.ISSUED,
    (Stage.APPROVED, Move.REDEEM): Stage.SPENT,
    (Stage.APPROVED, Move.LAPSE): Stage.OVER,
    (Stage.ISSUED, Move.REDEEM): Stage.SPENT,
    (Stage.ISSUED, Move.LAPSE): Stage.OVER,
}
"""Every move that is possible; any other leaves the ticket where it is."""


class Ticket(msgspec.Struct, frozen=True):
    """One way to a token; `client`, `handle` and `code` are digests, `token` that of the token."""

    handle: bytes
    client: bytes
    request: str
    asked: tuple[str, ...]
    created: float
    deadline: float
    redirect: Redirect | None = None
    stage: Stage = Stage.WAITING
    application: str = ""
    code: bytes = b""
    token: bytes = b""
    polled: float | None = None
    interval: float = INTERVAL

    def lapsed(self, now: float) -> bool:
        """Tell whether it is too late; also after the clock was set back by more than a minute."""
        return now >= self.deadline or now < self.created - BACKWARDS


def moved(ticket: Ticket, move: Move) -> Ticket:
    """Return the ticket after a move; the same one where the move is not possible."""
    stage = TRANSITIONS.get((ticket.stage, move), ticket.stage)
    return msgspec.structs.replace(ticket, stage=stage)


def polled(ticket: Ticket, now: float) -> tuple[Ticket, bool]:
    """Return the ticket after a poll, and whether that came too soon (RFC 8628 3.5)."""
    gap = None if ticket.polled is None else now - ticket.polled
    soon = gap is not None and 0 <= gap < ticket.interval - EARLY
    interval = ticket.interval + SLOWER if soon else ticket.interval
    return msgspec.structs.replace(ticket, polled=now, interval=interval), soon


class Tickets:
    """All tickets, by handle, code and request."""

    def __init__(self, most: int = MAX_TICKETS) -> None:
        self._most = most
        self._all: dict[bytes, Ticket] = {}
        self._codes: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, ticket: Ticket) -> None:
        """Add a ticket; raises TooManyRequests. Call `lapse` before."""
        if len(self._all) >= self._most:
            raise TooManyRequests(
                f"{self._most} applications ask for access in this way already; try again later."
            )
        self._all[ticket.handle] = ticket

    def put(self, ticket: Ticket) -> Ticket:
        """Keep a ticket as it is now; returns it."""
        self._all[ticket.handle] = ticket
        if ticket.code:
            self._codes[ticket.code] = ticket.handle
        return ticket

    def find(self, handle: bytes) -> Ticket | None:
        """Return the ticket with this handle."""
        return self._all.get(handle)

    def by_code(self, code: bytes) -> Ticket | None:
        """Return the ticket whose authorization code this is."""
        return self._all.get(self._codes.get(code, b""))

    def of_request(self, request: str) -> list[Ticket]:
        """Return the tickets that wait for the answer to a request."""
        waiting = (one for one in self._all.values() if one.stage is Stage.WAITING)
        return [ticket for ticket in waiting if ticket.request == request]

    def lapse(self, now: float) -> None:
        """End what is too late, and forget what ended long ago."""
        for ticket in list(self._all.values()):
            if now >= ticket.deadline + KEEP or now < ticket.created - BACKWARDS:
                del self._all[ticket.handle]
                self._codes.pop(ticket.code, None)
            elif ticket.lapsed(now):
                self.put(moved(ticket, Move.LAPSE))


class Wrong:
    """Counts the wrong codes of each client, so that nobody tries many."""

    def __init__(self) -> None:
        self._times: dict[bytes, list[float]] = {}

    def note(self, client: bytes, now: float) -> None:
        """Note a wrong code."""
        for other in [one for one in self._times if not self._recent(one, now)]:
            del self._times[other]
        self._times[client] = [*self._recent(client, now), now][-MAX_WRONG:]

    def too_many(self, client: bytes, now: float) -> bool:
        """Tell whether a client has to wait before it may try again."""
        return len(self._recent(client, now)) >= MAX_WRONG

    def _recent(self, client: bytes, now: float) -> list[float]:
        return [time for time in self._times.get(client, ()) if 0 <= now - time < WINDOW]
