"""Sends a stored file: whole, in part, or only the news that the client has it already."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import BinaryIO

from gotapi_core.plugin.context import Blob
from gotapi_core.protocol.byte_ranges import (
    Span,
    Unsatisfiable,
    content_range,
    if_range_holds,
    none_match,
    parse_ranges,
    part_heads,
)
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.links import Use, content_disposition, media_type
from gotapi_core.server.asgi import Headers, RawHeaders, Receive, Scope, Send, unless_gone
from gotapi_core.server.cors import cors_headers

_PIECE = 256 * 1024  # bytes read and sent at a time
_PROTECTION: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"private, no-cache"),
    (b"referrer-policy", b"no-referrer"),
    # A file is anybody's: shown as a page it must not act with the rights of the hub's origin.
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
]


async def send_blob(
    scope: Scope, headers: Headers, receive: Receive, send: Send, blob: Blob, use: Use | None
) -> None:
    """Answer a GET or HEAD with a file; `use` is that of the link it was asked by, if it was.

    Raises InvalidParameter with status 404 where the file has just gone.
    """
    file = await _open(blob)
    with file:
        fields, kind = _fields(headers, blob, use)
        etag = f'"{blob.sha256}"'
        if none_match(headers.get("if-none-match"), etag):
            await _start(send, 304, fields)
            await send({"type": "http.response.body", "body": b""})
            return
        only_head = scope["method"] == "HEAD"
        try:
            wanted = "" if only_head else headers.get("range", "")
            held = if_range_holds(headers.get("if-range"), etag)
            spans = parse_ranges(wanted, blob.size) if held else ()
        except Unsatisfiable:
            await _refuse(send, fields, blob.size)
            return
        status, more, parts, tail = _framed(spans, blob.size, kind)
        await _start(send, status, [*fields, *more])
        if only_head:
            await send({"type": "http.response.body", "body": b""})
            return
        await unless_gone(_send_parts(send, file, parts, tail), receive)


Part = tuple[bytes, Span]  # what goes before the bytes of a span, and the span


def _framed(
    spans: Sequence[Span], size: int, kind: str
) -> tuple[int, RawHeaders, Sequence[Part], bytes]:
    """Return status, further headers, parts and tail of the body (RFC 9110 15.3.7)."""
    if len(spans) <= 1:
        span = spans[0] if spans else Span(0, size)
        fields = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(span))]
        if not spans:
            return 200, fields, [(b"", span)], b""
        fields.append((b"content-range", content_range(span, size).encode()))
        return 206, fields, [(b"", span)], b""
    boundary = secrets.token_hex(16)
    heads, tail = part_heads(spans, size, boundary, kind)
    length = sum(map(len, heads)) + sum(map(len, spans)) + len(tail)
    multipart = f"multipart/byteranges; boundary={boundary}".encode()
    fields = [(b"content-type", multipart), (b"content-length", b"%d" % length)]
    return 206, fields, list(zip(heads, spans, strict=True)), tail


def _fields(headers: Headers, blob: Blob, use: Use | None) -> tuple[RawHeaders, str]:
    """Return the headers of every answer, and the media type of the file."""
    kind, shown = media_type(blob.content_type, use or Use.SAVE)
    # Who has a link may embed the file anywhere; with a token only the page that has it may.
    embedded = b"same-origin" if use is None else b"cross-origin"
    disposition = content_disposition(blob.name, shown=shown)
    fields: RawHeaders = [
        *(cors_headers(headers) or [(b"vary", b"Origin")]),
        *_PROTECTION,
        (b"cross-origin-resource-policy", embedded),
        (b"etag", f'"{blob.sha256}"'.encode("ascii")),
        (b"accept-ranges", b"bytes"),
        (b"content-disposition", disposition.encode("ascii")),
    ]
    return fields, kind


async def _open(blob: Blob) -> BinaryIO:
    try:
        return await asyncio.to_thread(blob.path.open, "rb")
    except OSError:
        gone = InvalidParameter(f"The file '{blob.id}' is no longer there; upload it again")
        gone.status = 404
        raise gone from None


async def _send_parts(send: Send, file: BinaryIO, parts: Sequence[Part], tail: bytes) -> None:
    for head, span in parts:
        await asyncio.to_thread(file.seek, span.start)
        left = len(span)
        pending = head
        while left:
            piece = await asyncio.to_thread(file.read, min(left, _PIECE))
            if not piece:
                raise EOFError(f"{file.name} is shorter than the store says")
            left -= len(piece)
            body, pending = pending + piece, b""
            await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": tail})


async def _refuse(send: Send, fields: RawHeaders, size: int) -> None:
    """Say that no range lies within the file (RFC 9110 15.5.17)."""
    unsatisfied = [(b"content-range", b"bytes */%d" % size), (b"content-length", b"0")]
    await _start(send, 416, [*fields, *unsatisfied])
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, status: int, fields: RawHeaders) -> None:
    await send({"type": "http.response.start", "status": status, "headers": fields})
