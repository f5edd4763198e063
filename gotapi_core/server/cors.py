"""CORS: any origin may ask, for its user decides; the answers say so to the browser."""

import re
from collections.abc import Callable

from gotapi_core.server.asgi import Headers, RawHeaders, Send, send_bytes

_HEADER_LIST = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1024}")
_METHODS = (b"access-control-allow-methods", b"GET, PUT, POST, DELETE, HEAD, PATCH")
_EXPOSED = (
    b"access-control-expose-headers",
    b"content-length, content-range, content-disposition, accept-ranges, etag, location, "
    b"tus-resumable, tus-version, tus-extension, tus-max-size, tus-checksum-algorithm, "
    b"upload-offset, upload-length, upload-metadata, upload-expires, "
    b"x-gotapi-instance, x-gotapi-mac",
)
_VARY = (b"vary", b"Origin")
_MAX_AGE = (b"access-control-max-age", b"600")


def cors_headers(headers: Headers) -> RawHeaders:
    """Return the headers that let the asking page read the answer."""
    origin = headers.get("origin")
    if origin is None:
        return []  # and no Vary: an answer that depends on Origin is not stored by anybody
    return [_VARY, (b"access-control-allow-origin", origin.encode("latin-1")), _EXPOSED]


def private_network(headers: Headers, approved: Callable[[str], bool]) -> RawHeaders:
    """Return the permission that a draft of browsers asked for, to approved origins only.

    Its successor (Local Network Access) has the browser's user decide, and asks for no header.
    """
    asked = headers.get("access-control-request-private-network") == "true"
    if not asked or not approved(headers.get("origin", "")):
        return []
    return [(b"access-control-allow-private-network", b"true")]


async def send_preflight(send: Send, headers: Headers, more: RawHeaders | None = None) -> None:
    """Answer OPTIONS: every header the browser asks for is fine, no token is needed yet.

    `more` is what else there is to say of the path, or to this origin.
    """
    asked = headers.get("access-control-request-headers", "")
    allowed = asked if _HEADER_LIST.fullmatch(asked) else "x-gotapi-origin, content-type"
    fields = [
        *cors_headers(headers),
        _METHODS,
        (b"access-control-allow-headers", allowed.encode("latin-1")),
        _MAX_AGE,
        *(more or ()),
    ]
    await send_bytes(send, 200, b"", fields)
