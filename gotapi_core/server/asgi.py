"""ASGI shapes and the few helpers that every face of the server uses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeVar

import msgspec

from gotapi_core.protocol.errors import InvalidParameter, PayloadTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[str, str]  # by lower-case name
RawHeaders = list[tuple[bytes, bytes]]

T = TypeVar("T")

MIN_RATE = 1024  # bytes a second of a body; Apache's mod_reqtimeout asks for 500
_MAX_LENGTH_DIGITS = 19  # of a Content-Length; 2**63 has as many
# What decides who asks and for what must not be readable in two ways (RFC 9112 3.2, 9110 5.3).
_ONCE = frozenset(
    {
        "authorization", "content-length", "content-type", "cookie", "host", "origin", "referer",
        "x-gotapi-key-id", "x-gotapi-nonce", "x-gotapi-origin", "x-gotapi-page-key",
    }
)  # fmt: skip
_JSON = (b"content-type", b"application/json; charset=utf-8")
_NO_STORE = (b"cache-control", b"no-store")
_NO_SNIFF = (b"x-content-type-options", b"nosniff")
_encode = msgspec.json.Encoder().encode


class ClientGone(Exception):  # noqa: N818  # an event of the connection, not a fault
    """The client closed the connection before its request was whole."""


def header_map(scope: Scope) -> dict[str, str]:
    """Return the request's headers by lower-case name; of a repeated one the first counts.

    Raises InvalidParameter where one that tells who asks, or what the body is, is repeated.
    """
    raw = scope["headers"]
    found: dict[str, str] = {}
    for name, value in raw:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    if len(found) != len(raw):
        _check_repeated(raw)
    return found


def _check_repeated(raw: RawHeaders) -> None:
    seen: set[str] = set()
    for name, _ in raw:
        text = name.decode("latin-1")
        if text in seen and (text in _ONCE or text.startswith("sec-fetch-")):
            raise InvalidParameter(f"The request has the header {text} twice; send it once")
        seen.add(text)


def content_length(headers: Headers) -> int | None:
    """Return the announced size of the body in bytes, if it is announced."""
    text = headers.get("content-length", "")
    if not text.isdecimal() or not text.isascii():
        return None
    digits = text.lstrip("0")
    if len(digits) > _MAX_LENGTH_DIGITS:
        raise PayloadTooLarge
    return int(digits or "0")


async def body_pieces(receive: Receive, idle_time: float) -> AsyncIterator[bytes]:
    """Yield the body piece by piece; raises where it comes too slowly or the client goes.

    A piece may take `idle_time` seconds, and all of them together that and a second for each
    MIN_RATE bytes.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + idle_time
    more = True
    while more:
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + idle_time)):
                message = await receive()
        except TimeoutError:
            raise InvalidParameter(
                f"The body came too slowly (nothing for {idle_time:g} s, or less than {MIN_RATE} "
                "bytes a second); send the request again"
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        if piece := message.get("body", b""):
            deadline += len(piece) / MIN_RATE
            yield piece


async def read_body(receive: Receive, headers: Headers, limit: int, idle_time: float) -> bytes:
    """Read a whole body of at most `limit` bytes; refuses an announced larger one unread."""
    announced = content_length(headers)
    if announced == 0 or (announced is None and "transfer-encoding" not in headers):
        return b""
    check_announced(announced, limit)
    body = bytearray()
    async for piece in body_pieces(receive, idle_time):
        body += piece
        check_announced(len(body), limit)
    return bytes(body)


def check_announced(size: int | None, limit: int) -> None:
    """Raise PayloadTooLarge for a body over the limit, be it announced or already there."""
    if size is not None and size > limit:
        raise PayloadTooLarge(f"The body is larger than the {limit} bytes accepted here")


async def unless_gone(
    work: Awaitable[T], receive: Receive, stopping: asyncio.Event | None = None
) -> T:
    """Return what comes of the work; raises ClientGone when the client goes before.

    `stopping` ends the waiting too, with a TimeoutError. The body must have been read.
    """
    working = asyncio.ensure_future(work)
    others = [asyncio.ensure_future(_gone(receive))]
    if stopping is not None:
        others.append(asyncio.ensure_future(_set(stopping)))
    try:
        await asyncio.wait({working, *others}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        if others[0].done():
            raise ClientGone
        raise TimeoutError
    finally:
        for one in (working, *others):
            one.cancel()
        await asyncio.gather(working, *others, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def send_json(
    send: Send, status: int, members: Mapping[str, object], extra: RawHeaders
) -> None:
    """Send a JSON answer; one that refuses a body closes the connection."""
    await send_bytes(send, status, _encode(members), [_JSON, *extra])


async def send_bytes(send: Send, status: int, body: bytes, headers: RawHeaders) -> None:
    """Send a whole answer with the headers that all answers have."""
    fields = [_NO_STORE, _NO_SNIFF, *headers, (b"content-length", b"%d" % len(body))]
    if status == 413:
        fields.append((b"connection", b"close"))  # the rest of the body is not worth reading
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
