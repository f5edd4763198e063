"""Signed links to files: who has one needs no token, and it soon ends. PURE.

A link is `/blobs/<id>/<name>?expires=<seconds since 1970>&use=<use>&signature=<base64url>`. The
signature is an HMAC-SHA-256 over id, expiry and use with a key that only this hub has. The name
is there for programs that take a file's name from its address; the hub does not look at it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import Enum
from typing import Final
from urllib.parse import quote, urlencode

from gotapi_core.protocol.errors import NotAuthorized

KEY_SIZE: Final = 32  # bytes; as many as SHA-256 has (RFC 2104 3)
SIGNATURE: Final = "signature"
_DOMAIN: Final = b"gotapi-hub blob link 1"
_MAX_ID: Final = 64  # characters of a blob's id; those of this hub have 22
_EXPIRES: Final = re.compile(r"(?:0|[1-9][0-9]{0,14})", re.ASCII)

# What a browser may show in place of saving it. Nothing here runs script; the file is sandboxed
# besides (Content-Security-Policy).
_SHOWN: Final = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
        "image/svg+xml", "video/mp4", "video/webm", "audio/mpeg", "audio/ogg", "audio/wav",
        "text/plain", "application/json",
        "model/gltf-binary", "model/gltf+json", "model/stl", "model/3mf", "model/obj",
    }
)  # fmt: skip
OCTETS: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")


class Use(Enum):
    """What a link is for."""

    SAVE = "save"
    SHOW = "show"


def sign(key: bytes, blob_id: str, expires: int, use: Use) -> str:
    """Return the signature of a link; `expires` in seconds since 1970."""
    message = b"\0".join((_DOMAIN, blob_id.encode(), b"%d" % expires, use.value.encode()))
    digest = hmac.digest(key, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def link(key: bytes, blob_id: str, name: str, expires: int, use: Use) -> str:
    """Return a link without scheme and host; `name` may be empty."""
    query = urlencode(
        {"expires": expires, "use": use.value, SIGNATURE: sign(key, blob_id, expires, use)}
    )
    return f"{blob_id}{'/' if name else ''}{quote(name, safe='')}?{query}"


def is_link(query: bytes) -> bool:
    """Tell whether a query is meant to be that of a link; says nothing about its signature."""
    return any(pair.startswith(b"signature=") for pair in query.split(b"&"))


def check(key: bytes, blob_id: str, query: Mapping[str, str], now: float) -> Use:
    """Return what a link is for; raises NotAuthorized where it is forged or has ended.

    `now` in seconds since 1970. The signature is compared in constant time, and before the rest.
    """
    expires, use, given = (query.get(name, "") for name in ("expires", "use", SIGNATURE))
    well_formed = bool(_EXPIRES.fullmatch(expires)) and use in ("save", "show")
    wish = Use(use) if well_formed else Use.SAVE
    due = sign(key, blob_id[:_MAX_ID], int(expires) if well_formed else 0, wish)
    same = hmac.compare_digest(given.encode("utf-8", "replace"), due.encode())
    if not same or not well_formed or len(blob_id) > _MAX_ID:
        raise NotAuthorized("This link is not one of this hub; ask for a new one")
    if now >= int(expires):
        raise NotAuthorized("This link has ended; ask the application for a new one")
    return wish


def media_type(content_type: str, use: Use) -> tuple[str, bool]:
    """Return the type to send a file with, and whether it may be shown in place of saved."""
    kind = content_type.partition(";")[0].strip().lower()
    shown = use is Use.SHOW and kind in _SHOWN
    return (f"{kind}; charset=utf-8" if kind == "text/plain" else kind) if shown else OCTETS, shown


def clean_type(content_type: str) -> str:
    """Return a media type as it may be stored: without parameters, or that of plain bytes."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) else OCTETS


def content_disposition(name: str, *, shown: bool) -> str:
    """Return the header for a safe file name of any characters (RFC 6266 4, RFC 8187 3.2).

    What is not plain in ASCII goes out percent-encoded, so no name can end the header early.
    """
    kind = "inline" if shown else "attachment"
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    extended = (
        "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    )
    return f'{kind}; filename="{plain}"{extended}'
