"""The page of the loopback redirect: shows the waiting request, then sends the browser back.

`GET /gotapi/authorization/authorize` makes the request and sends the browser on to `.../wait`,
whose address holds a secret of its own: opened again it makes no second request. The page never
sees the authorization code; it only loads itself again when there is an answer.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

from gotapi_auth.clients import Client
from gotapi_auth.flows import Flows
from gotapi_auth.tickets import Stage, Ticket
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.oauth import (
    OAuthError,
    Redirect,
    check_challenge,
    check_redirect,
    check_state,
    text,
)
from gotapi_core.protocol.params import parse_query
from gotapi_core.server import operator_pages as pages
from gotapi_core.server.asgi import (
    Headers,
    Receive,
    Scope,
    Send,
    send_bytes,
    send_json,
    unless_gone,
)
from gotapi_core.server.oauth import in_oauth, meant_scopes

AUTHORIZE = "/gotapi/authorization/authorize"
WAIT = f"{AUTHORIZE}/wait"
STATE = f"{AUTHORIZE}/wait/state"
PATHS = frozenset({AUTHORIZE, WAIT, STATE})
_GONE = "This page is too old, or was used already. Go back to the application and begin again."
_TITLE = "The application cannot ask in this way"


class Authorize:
    """Answers the three addresses; Host and Sec-Fetch were checked as for an operator page."""

    def __init__(self, hub: Hub, flows: Flows) -> None:
        self._hub = hub
        self._flows = flows
        self._stopping = asyncio.Event()

    def close(self) -> None:
        """Answer the pages that wait, so that the server can stop."""
        self._stopping.set()

    async def answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "GET" or "prefetch" in headers.get("sec-purpose", ""):
            # Whoever only looks ahead must not use a code up.
            await _notice(send, 405, "Open this page", "It hands an application its access.")
            return
        try:
            params = parse_query(scope["query_string"])
            if scope["path"] == STATE:
                await self._send_state(params, receive, send)
            elif scope["path"] == WAIT:
                await self._send_wait(params, send)
            else:
                await self._begin(params, f"{scope['scheme']}://{headers['host']}", send)
        except (GotapiError, OAuthError) as error:
            refusal = in_oauth(error)
            await _notice(send, refusal.status, _TITLE, refusal.description)

    async def _begin(self, params: Mapping[str, str], base: str, send: Send) -> None:
        # Until both of these are known to be good nobody is redirected (RFC 6749 4.1.2.1).
        client = self._hub.auth.client(text(params, "client_id", "clientId"), None)
        uri = check_redirect(text(params, "redirect_uri"), frozenset({_port(base)}))
        state = check_state(text(params, "state"))
        try:
            location = self._ask(client, params, uri, state, base)
        except (GotapiError, OAuthError) as error:
            location = Redirect(uri, "", state, base).refused(in_oauth(error))
        await _redirect(send, location)

    def _ask(
        self, client: Client, params: Mapping[str, str], uri: str, state: str | None, base: str
    ) -> str:
        if client.browser:
            raise OAuthError(
                "unauthorized_client", "Pages ask at /gotapi/authorization/accesstoken"
            )
        if text(params, "response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code")
        challenge = check_challenge(
            text(params, "code_challenge"), text(params, "code_challenge_method")
        )
        name = text(params, "applicationName", "application_name", "client_name")
        scope = meant_scopes(self._hub, text(params, "scope"))
        redirect = Redirect(uri, challenge, state, base)
        secret = self._flows.begin_redirect(client, scope, name, redirect)
        return f"{WAIT}?{urlencode({'request': secret})}"

    async def _send_wait(self, params: Mapping[str, str], send: Send) -> None:
        ticket = self._flows.find(params.get("request", ""))
        location = None if ticket is None else self._flows.location(ticket)
        if location is not None:
            await _redirect(send, location)
        elif ticket is None or ticket.stage is not Stage.WAITING:
            await _notice(send, 410, "Nothing waits here", _GONE)
        else:
            await self._send_page(ticket, send)

    async def _send_page(self, ticket: Ticket, send: Send) -> None:
        found = (one for one in self._hub.auth.requests() if one.code == ticket.request)
        request = next(found, None)
        words = self._hub.scope_words()
        page = pages.filled(
            "wait.html",
            code=ticket.request,
            name=request.application_name if request else "",
            origin=request.origin if request else "",
            wants="; ".join(words.get(scope) or f"use {scope}" for scope in ticket.asked),
        )
        await send_bytes(send, 200, page.body, page.headers)

    async def _send_state(self, params: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Answer once there is an answer; the page asks again and again."""
        secret = params.get("request", "")
        try:
            ticket = await unless_gone(self._flows.wait(secret), receive, self._stopping)
        except TimeoutError:
            ticket = None
        waiting = ticket is not None and ticket.stage is Stage.WAITING
        await send_json(send, 200, {"waiting": waiting}, pages.PROTECTION)


def _port(base: str) -> int:
    port = base.rpartition(":")[2].rstrip("/")
    return int(port) if port.isdecimal() else 80


async def _notice(send: Send, status: int, title: str, message: str) -> None:
    page = pages.filled("plain.html", title=title, text=message)
    await send_bytes(send, status, page.body, page.headers)


async def _redirect(send: Send, location: str) -> None:
    headers = [*pages.PROTECTION, (b"location", location.encode("ascii"))]
    await send_bytes(send, 303, b"", headers)
