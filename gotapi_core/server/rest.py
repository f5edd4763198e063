"""GotAPI-1 and -2 over HTTP: one request in, one JSON answer out.

The way of a request: path and method to a name, headers to an identity, query and body to
parameters, then the endpoint; whatever fails on the way becomes the error form of the client's
lineage. Every answer carries the HMAC of the request's nonce where the client gave a key.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from gotapi_core import __version__
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import (
    GotapiError,
    IllegalServerState,
    InvalidOrigin,
    error_body,
)
from gotapi_core.protocol.identity import Identity, identify, lineage_of
from gotapi_core.protocol.messages import success_body
from gotapi_core.protocol.names import ACCESS_TOKEN, AVAILABILITY, Name, parse_target
from gotapi_core.protocol.params import (
    Common,
    Limits,
    merge,
    multipart_boundary,
    parse_body,
    parse_query,
    take_common,
)
from gotapi_core.server.asgi import (
    Headers,
    Receive,
    Scope,
    Send,
    body_pieces,
    check_announced,
    content_length,
    read_body,
    send_json,
    unless_gone,
)
from gotapi_core.server.cors import cors_headers
from gotapi_core.server.endpoints import Endpoints, Inquiry
from gotapi_core.server.files import bearer
from gotapi_core.server.mac import add_mac
from gotapi_core.server.multipart import read_multipart

PRODUCT = "gotapi-hub"

_target = lru_cache(maxsize=512)(parse_target)  # a path has at most 2 KiB


class Rest:
    """Answers everything below `/gotapi/` but the WebSocket."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._endpoints = Endpoints(hub)
        self._stopping = asyncio.Event()
        server = hub.settings.server
        self._limits = Limits(body=server.json_size, depth=server.json_depth)

    def close(self) -> None:
        """Answer those who wait for the user, so that the server can stop."""
        self._stopping.set()

    async def answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reply = _Reply(self._hub)
        try:
            members = await self._members(scope, headers, receive, reply)
            status, body = 200, success_body(PRODUCT, __version__, members)
        except GotapiError as error:
            status, body = error_body(error, lineage_of(headers))
        reply.sign(body)
        await send_json(send, status, body, cors_headers(headers))

    async def _members(
        self, scope: Scope, headers: Headers, receive: Receive, reply: "_Reply"
    ) -> Mapping[str, object]:
        method, name = _target(scope["method"], scope["raw_path"])
        reply.identity = _identity(headers, name)
        query = parse_query(scope["query_string"], self._limits)
        reply.common = _take_common(
            query, headers
        )  # so that a refused body is answered with a MAC too
        base_url = f"{scope['scheme']}://{headers['host']}"
        content_type = headers.get("content-type")
        boundary = multipart_boundary(content_type) if content_type else None
        if boundary is not None:
            uploads = self._endpoints.uploads(reply.common, reply.identity, base_url)
            server = self._hub.settings.server
            most = server.upload_size + self._limits.body
            check_announced(content_length(headers), most)
            pieces = body_pieces(receive, server.body_idle_time)
            body = await read_multipart(pieces, most, boundary, self._limits, uploads)
        else:
            body = await self._plain_body(headers, receive, content_type)
        if body:
            reply.common = _take_common(merge(query, body), headers)
        inquiry = Inquiry(method, name, reply.identity, reply.common, base_url)
        if name == ACCESS_TOKEN:
            return await self._consent(inquiry, receive)
        return await self._endpoints.answer(inquiry)

    async def _consent(self, inquiry: Inquiry, receive: Receive) -> Mapping[str, object]:
        """Wait for the user; a token is not given to a client that has gone.

        It finds the user's answer when it asks again.
        """
        answer = self._endpoints.answer(inquiry)
        try:
            return await unless_gone(answer, receive, self._stopping)
        except TimeoutError:
            raise IllegalServerState("The hub stops; ask again when it is back") from None

    async def _plain_body(
        self,
        headers: Headers,
        receive: Receive,
        content_type: str | None,
    ) -> Mapping[str, object]:
        idle = self._hub.settings.server.body_idle_time
        raw = await read_body(receive, headers, self._limits.body, idle)
        return parse_body(content_type, raw, self._limits) if raw else {}


class _Reply:
    """What is known of the request so far, for the MAC of its answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.identity: Identity | None = None
        self.common: Common | None = None

    def sign(self, members: dict[str, object]) -> None:
        """Add `hmac` where the request had a nonce and its application a key."""
        add_mac(self._hub, self.identity, self.common, members)


def _take_common(params: Mapping[str, object], headers: Headers) -> Common:
    """Return the hub's own parameters; an Authorization header may stand for the accessToken."""
    common = take_common(params)
    token = bearer(headers) if common.access_token is None else None
    return common if token is None else msgspec.structs.replace(common, access_token=token)


def _identity(headers: Headers, name: Name) -> Identity | None:
    try:
        return identify(headers)
    except InvalidOrigin:
        if name == AVAILABILITY:
            return None  # anybody may ask whether the hub is there
        raise
