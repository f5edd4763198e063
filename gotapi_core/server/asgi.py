"""ASGI shapes and the few helpers that every face of the server uses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec

from gotapi_core.protocol.errors import InvalidParameter, PayloadTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[str, str]  # by lower-case name
RawHeaders = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json; charset=utf-8")
_FIXED: RawHeaders = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_encode = msgspec.json.Encoder().encode


class ClientGone(Exception):  # noqa: N818  # an event of the connection, not a fault
    """The client closed the connection before its request was whole."""


def header_map(scope: Scope) -> dict[str, str]:
    """Return the request's headers by lower-case name; of a repeated one the first counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found


def content_length(headers: Headers) -> int | None:
    """Return the announced size of the body in bytes, if it is announced."""
    text = headers.get("content-length")
    return int(text) if text is not None and text.isdecimal() and text.isascii() else None


async def body_pieces(receive: Receive, idle_time: float) -> AsyncIterator[bytes]:
    """Yield the body piece by piece; raises where a piece takes too long or the client goes."""
    more = True
    while more:
        try:
            async with asyncio.timeout(idle_time):
                message = await receive()
        except TimeoutError:
            raise InvalidParameter(
                f"The body stopped coming for {idle_time:g} s; send the request again"
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        if piece := message.get("body", b""):
            yield piece


async def read_body(receive: Receive, headers: Headers, limit: int, idle_time: float) -> bytes:
    """Read a whole body of at most `limit` bytes; refuses an announced larger one unread."""
    announced = content_length(headers)
    if announced == 0 or (announced is None and "transfer-encoding" not in headers):
        return b""
    if announced is not None and announced > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in body_pieces(receive, idle_time):
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


async def send_json(
    send: Send, status: int, members: Mapping[str, object], extra: RawHeaders
) -> None:
    """Send a JSON answer; one that refuses a body closes the connection."""
    await send_bytes(send, status, _encode(members), [_JSON, *extra])


async def send_bytes(send: Send, status: int, body: bytes, headers: RawHeaders) -> None:
    """Send a whole answer with the headers that all answers have."""
    fields = [*_FIXED, *headers, (b"content-length", b"%d" % len(body))]
    if status == 413:
        fields.append((b"connection", b"close"))  # the rest of the body is not worth reading
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than the {limit} bytes accepted here")
