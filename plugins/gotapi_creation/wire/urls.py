"""Addresses in answers: read also as bare hosts, always written in full. PURE."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from gotapi_creation.wire.codes import CreationError
from gotapi_creation.wire.words import bad_answer

_SCHEMES: Final = {"http": "http", "websocket": "ws", "ftp": "ftp"}  # of a transfer method
_KNOWN: Final = frozenset({"http", "https", "ws", "wss", "ftp", "ftps"})
_LONGEST: Final = 4096  # characters


def tidy(url: str) -> str:
    """Return an address without blanks (`https: //`), its scheme in lower case (`Ws://`)."""
    plain = "".join(url.split())
    scheme, found, rest = plain.partition("://")
    return f"{scheme.lower()}://{rest}" if found else plain


def file_url(url: str, method: str, file_id: int, base: str = "") -> str:
    """Return the full address of a file; a bare host means `<method>://host/<fileId>`.

    A path alone is looked up at `base`. Raises CreationError(BAD_ANSWER).
    """
    plain = tidy(url)
    if plain.startswith("/") and base:
        return service_url(urljoin(base, plain))
    if "://" not in plain:
        scheme = _SCHEMES.get(method, "http")
        plain = f"{scheme}://{plain}"
    parts = _split(plain)
    return urlunsplit(parts) if parts.path.strip("/") else f"{plain.rstrip('/')}/{file_id}"


def service_url(url: str, scheme: str = "http") -> str:
    """Return a full address, of a bare host too; raises CreationError(BAD_ANSWER)."""
    plain = tidy(url)
    return urlunsplit(_split(plain if "://" in plain else f"{scheme}://{plain}"))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme in _KNOWN and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError as error:
        raise _unfit(url) from error
    if not good or len(url) > _LONGEST or parts.username or parts.password:
        raise _unfit(url)
    return parts


def _unfit(url: str) -> CreationError:
    return bad_answer(f"has an address that cannot be used: {url[:100]!r}")
