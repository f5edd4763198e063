"""Consent for applications that do not wait in one call: device codes and loopback redirects.

Both put the same requests to the operator as `AuthServer.access_token`, and give out the same
tokens. Tickets are in memory: after a restart of the hub an application begins again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from gotapi_auth import tokens
from gotapi_auth.clients import Client
from gotapi_auth.consent import State
from gotapi_auth.events import AuthEvent, IssuedToken, RequestEnded
from gotapi_auth.server import AuthServer
from gotapi_auth.tickets import (
    CODE_LIFE,
    INTERVAL,
    Move,
    Stage,
    Ticket,
    Tickets,
    Wrong,
    moved,
    polled,
)
from gotapi_core.protocol.errors import GotapiError, NotAuthorized
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.oauth import OAuthError, Redirect, verified

LIFE: Final = 600.0  # seconds in which the operator can answer; RFC 8628's example has 1800
HOLD: Final = 25.0  # seconds a poll may be held at most; below the 30 s of usual time-outs

_OUTCOMES: Final = {State.APPROVED: Move.APPROVE, State.DENIED: Move.DENY}


class Device(msgspec.Struct, frozen=True):
    """What an application gets to show, and to poll with (RFC 8628 3.2)."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


class Flows:
    """Tickets, and what brings them on. All methods belong to the event loop's thread."""

    def __init__(self, auth: AuthServer, clock: Callable[[], float]) -> None:
        """Use the auth server's engine; `clock` gives seconds since 1970 (UTC)."""
        self._auth = auth
        self._clock = clock
        self._tickets = Tickets()
        self._wrong = Wrong()
        self._unsubscribe = auth.subscribe(self._hear)

    def close(self) -> None:
        """Hear of no more answers."""
        self._unsubscribe()

    # Device codes.

    def begin_device(
        self, identity: Identity, client_id: str | None, scope: str | None, name: str | None
    ) -> Device:
        """Ask the operator and return the codes; raises GotapiError as `access_token` does."""
        client = self._auth.client(client_id, identity)
        secret = tokens.new_secret()
        ticket = self._begin(client, scope, name, secret, None)
        self._auth.hear(ticket.request)  # it polls from now on
        return Device(secret, ticket.request, int(LIFE), int(INTERVAL))

    async def redeem_device(
        self, identity: Identity, client_id: str | None, device_code: str, hold: float = 0.0
    ) -> IssuedToken:
        """Return the token, once the operator has approved; raises OAuthError until then.

        `hold` is how long to wait for the answer before it says so, in seconds.
        """
        client = self._auth.client(client_id, identity)
        ticket = self._presented(self._tickets.find(_digest(device_code)), client)
        if ticket.redirect is not None or ticket.stage is Stage.SPENT:
            raise self._no_good(client)
        ticket, soon = polled(ticket, self._clock())
        self._tickets.put(ticket)
        if ticket.stage is Stage.WAITING:
            ticket = await self._answer(ticket, soon, hold)
        if ticket.stage is Stage.APPROVED:
            return await self._redeem(ticket)
        if ticket.stage is Stage.DENIED:
            self._auth.collect(ticket.client, ticket.asked)
            raise _denied()
        raise OAuthError("expired_token", "Nobody answered in time; ask for a new device code")

    async def _answer(self, ticket: Ticket, soon: bool, hold: float) -> Ticket:
        self._auth.hear(ticket.request)
        if soon:
            raise OAuthError(
                "slow_down", f"Leave {ticket.interval:g} s between two polls from now on"
            )
        if hold > 0:
            await self._auth.wait(ticket.request, min(hold, HOLD))
            ticket = self._tickets.find(ticket.handle) or ticket
        if ticket.stage is Stage.WAITING:
            raise OAuthError("authorization_pending", "The user has not answered yet")
        return ticket

    # Loopback redirects.

    def begin_redirect(
        self, client: Client, scope: str | None, name: str | None, redirect: Redirect
    ) -> str:
        """Ask the operator and return the secret that names the waiting page."""
        secret = tokens.new_secret()
        self._begin(client, scope, name, secret, redirect)
        return secret

    def find(self, secret: str) -> Ticket | None:
        """Return the ticket of a waiting page."""
        self._tickets.lapse(self._clock())
        ticket = self._tickets.find(_digest(secret))
        return ticket if ticket is not None and ticket.redirect is not None else None

    async def wait(self, secret: str) -> Ticket | None:
        """Return the ticket once it is answered, at the latest after the hold time."""
        ticket = self.find(secret)
        if ticket is not None and ticket.stage is Stage.WAITING:
            await self._auth.wait(ticket.request, HOLD)
        return self.find(secret)

    def location(self, ticket: Ticket) -> str | None:
        """Return where to send the browser: None while there is no answer, or none any more."""
        if ticket.redirect is None or ticket.code:
            return None
        if ticket.stage is Stage.APPROVED:
            code = tokens.new_secret()
            issued = msgspec.structs.replace(
                moved(ticket, Move.ISSUE), code=_digest(code), deadline=self._clock() + CODE_LIFE
            )
            self._tickets.put(issued)
            return ticket.redirect.approved(code)
        if ticket.stage is Stage.DENIED:
            self._auth.collect(ticket.client, ticket.asked)
            return ticket.redirect.refused(_denied())
        if ticket.stage is Stage.OVER:
            late = OAuthError("access_denied", "Nobody answered in time")
            return ticket.redirect.refused(late)
        return None

    async def redeem_code(
        self,
        identity: Identity,
        client_id: str | None,
        code: str,
        redirect_uri: str | None,
        verifier: str | None,
    ) -> IssuedToken:
        """Return the token for an authorization code, once; raises OAuthError and GotapiError."""
        client = self._auth.client(client_id, identity)
        ticket = self._presented(self._tickets.by_code(_digest(code)), client)
        if ticket.stage is Stage.SPENT:
            # RFC 6749 4.1.2: somebody else has seen the code; the token it brought is not safe.
            await self._auth.drop_token(ticket.token)
        if ticket.stage is not Stage.ISSUED or ticket.redirect is None:
            raise self._no_good(client)
        if redirect_uri != ticket.redirect.uri or not verified(verifier, ticket.redirect.challenge):
            self._tickets.put(moved(ticket, Move.LAPSE))  # whoever tries does not try again
            raise self._no_good(client)
        return await self._redeem(ticket)

    # Both.

    def _begin(
        self,
        client: Client,
        scope: str | None,
        name: str | None,
        secret: str,
        redirect: Redirect | None,
    ) -> Ticket:
        now = self._clock()
        self._tickets.lapse(now)
        asked = self._auth.scopes(scope)
        begun = self._auth.begin(client, asked, name, LIFE)
        for earlier in self._tickets.of_request(begun.code):
            self._tickets.put(moved(earlier, Move.LAPSE))  # the application has begun again
        stages = {State.APPROVED: Stage.APPROVED, State.DENIED: Stage.DENIED}
        ticket = Ticket(
            handle=_digest(secret),
            client=client.digest,
            request=begun.code,
            asked=asked,
            created=now,
            deadline=now + LIFE,
            redirect=redirect,
            stage=stages.get(begun.state, Stage.WAITING),
            application=begun.application_id,
        )
        self._tickets.add(ticket)
        return ticket

    def _presented(self, ticket: Ticket | None, client: Client) -> Ticket:
        now = self._clock()
        self._tickets.lapse(now)
        if self._wrong.too_many(client.digest, now):
            raise OAuthError("slow_down", "Too many wrong codes; wait a minute", 429)
        # Looked up anew: lapsing may have ended it.
        ticket = None if ticket is None else self._tickets.find(ticket.handle)
        if ticket is None or ticket.client != client.digest:
            raise self._no_good(client)
        return ticket

    def _no_good(self, client: Client) -> OAuthError:
        self._wrong.note(client.digest, self._clock())
        return OAuthError(
            "invalid_grant", "The code is wrong, used or too old, or was given to another client"
        )

    async def _redeem(self, ticket: Ticket) -> IssuedToken:
        # Spent before the first await: two calls at once must not both get a token.
        spent = self._tickets.put(moved(ticket, Move.REDEEM))
        try:
            issued = await self._auth.issue(ticket.application, ticket.asked)
        except NotAuthorized:
            raise _denied() from None
        except GotapiError:
            self._tickets.put(ticket)
            raise
        self._tickets.put(msgspec.structs.replace(spent, token=_digest(issued.access_token)))
        return issued

    def _hear(self, event: AuthEvent) -> None:
        if not isinstance(event, RequestEnded):
            return
        move = _OUTCOMES.get(event.outcome, Move.LAPSE)
        for ticket in self._tickets.of_request(event.code):
            after = moved(ticket, move)
            self._tickets.put(msgspec.structs.replace(after, application=event.application_id))


def _digest(secret: str) -> bytes:
    return tokens.digest(secret[: tokens.MAX_SECRET])


def _denied() -> OAuthError:
    return OAuthError("access_denied", "The user did not allow this")
