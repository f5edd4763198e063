"""OAuth for native applications: device codes, and the token endpoint of both flows.

`POST /gotapi/authorization/device` and `POST /gotapi/authorization/token`. Refusals have the form
of RFC 6749 5.2 with a real HTTP status, whatever the lineage of the client.
"""

import asyncio
from collections.abc import Mapping

from gotapi_auth.flows import HOLD, Flows
from gotapi_core import __version__
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import (
    GotapiError,
    IllegalServerState,
    InvalidOrigin,
    InvalidParameter,
    NotAuthorized,
    TooManyRequests,
    UnknownClient,
)
from gotapi_core.protocol.identity import Identity, identify
from gotapi_core.protocol.messages import success_body
from gotapi_core.protocol.oauth import (
    CODE_GRANT,
    DEVICE_GRANT,
    OAuthError,
    scope_list,
    text,
    token_members,
)
from gotapi_core.protocol.params import Limits, merge, parse_body, parse_query
from gotapi_core.server.asgi import (
    Headers,
    Receive,
    Scope,
    Send,
    read_body,
    send_json,
    unless_gone,
)
from gotapi_core.server.cors import cors_headers

DEVICE = "/gotapi/authorization/device"
TOKEN = "/gotapi/authorization/token"  # noqa: S105 - a path
PATHS = frozenset({DEVICE, TOKEN})
_BODY_SIZE = 16 * 1024  # bytes; a request has less than 2 KiB
_DEVICE_GRANTS = frozenset({DEVICE_GRANT, "device_code"})  # the second is shorter to type
_PRODUCT = "gotapi-hub"

Params = Mapping[str, object]


class OAuth:
    """Answers the two endpoints."""

    def __init__(self, hub: Hub, flows: Flows) -> None:
        self._hub = hub
        self._flows = flows
        self._stopping = asyncio.Event()

    def close(self) -> None:
        """Answer the polls that are held, so that the server can stop."""
        self._stopping.set()

    async def answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            members = await self._members(scope, headers, receive)
            status, body = 200, success_body(_PRODUCT, __version__, members)
        except (GotapiError, OAuthError) as error:
            refusal = in_oauth(error)
            status, body = refusal.status, dict(refusal.members())
        await send_json(send, status, body, cors_headers(headers))

    async def _members(self, scope: Scope, headers: Headers, receive: Receive) -> Params:
        if scope["method"] != "POST":
            raise OAuthError("invalid_request", f"{scope['path']} takes POST", 405)
        identity = identify(headers)
        idle = self._hub.settings.server.body_idle_time
        raw = await read_body(receive, headers, _BODY_SIZE, idle)
        limits = Limits(body=_BODY_SIZE, depth=2)
        query = parse_query(scope["query_string"], limits)
        params = merge(query, parse_body(headers.get("content-type"), raw, limits))
        if scope["path"] == DEVICE:
            return self._device(identity, params, f"{scope['scheme']}://{headers['host']}")
        return await self._token(identity, params, receive)

    def _device(self, identity: Identity, params: Params, base: str) -> Params:
        device = self._flows.begin_device(
            identity,
            text(params, "client_id", "clientId"),
            meant_scopes(self._hub, text(params, "scope")),
            text(params, "applicationName", "application_name", "client_name"),
        )
        return {
            "device_code": device.device_code,
            "user_code": device.user_code,
            "verification_uri": f"{base}/operator",
            "expires_in": device.expires_in,
            "interval": device.interval,
        }

    async def _token(self, identity: Identity, params: Params, receive: Receive) -> Params:
        grant = text(params, "grant_type")
        client_id = text(params, "client_id", "clientId")
        if grant in _DEVICE_GRANTS:
            code = _needed(params, "device_code")
            work = self._flows.redeem_device(identity, client_id, code, _hold(params))
        elif grant == CODE_GRANT:
            code = _needed(params, "code")
            redirect_uri = text(params, "redirect_uri")
            verifier = text(params, "code_verifier")
            work = self._flows.redeem_code(identity, client_id, code, redirect_uri, verifier)
        else:
            raise OAuthError(
                "unsupported_grant_type", f"grant_type must be {CODE_GRANT} or {DEVICE_GRANT}"
            )
        try:
            issued = await unless_gone(work, receive, self._stopping)
        except TimeoutError:
            raise IllegalServerState("The hub stops; ask again when it is back") from None
        return token_members(issued.access_token, issued.scopes, issued.expire_ms)


def in_oauth(error: GotapiError | OAuthError) -> OAuthError:
    """Return a failure in the words of RFC 6749 and RFC 8628."""
    match error:
        case OAuthError():
            return error
        case UnknownClient():
            return OAuthError("invalid_client", error.message, 401)
        case InvalidOrigin():
            return OAuthError("invalid_client", error.message, 403)
        case NotAuthorized():
            return OAuthError("access_denied", error.message)
        case TooManyRequests():
            return OAuthError("temporarily_unavailable", error.message, 429)
        case IllegalServerState():
            return OAuthError("temporarily_unavailable", error.message, 503)
        case InvalidParameter() if "scope" in error.message:
            return OAuthError("invalid_scope", error.message)
        case _:
            name = "invalid_request" if error.status < 500 else "server_error"
            return OAuthError(name, error.message, error.status)


def meant_scopes(hub: Hub, scope: str | None) -> str:
    """Return a comma list of the profiles that a scope parameter means."""
    words = scope_list(scope).split(",")
    return ",".join(hub.meant_scope(word) for word in words if word)


def _needed(params: Params, name: str) -> str:
    value = text(params, name)
    if value is None:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value


def _hold(params: Params) -> float:
    """Return how long a poll wants to be held; `wait` is an extension of ours, in seconds."""
    wait = text(params, "wait") or "0"
    if not wait.isascii() or not wait.isdecimal() or len(wait) > 3:
        raise OAuthError("invalid_request", "wait must be a number of seconds")
    return min(float(wait), HOLD)
