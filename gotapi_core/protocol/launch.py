"""Launch URIs: `gotapi://start/server?origin=...&key=...` and what they ask for. PURE.

The schemes and their parts are those of DeviceConnect (`dconnect` is its older scheme, `url` its
form on iOS); `3dcapi` is for pages that draw. Any page can open such an address, so nothing in it
is believed: what it asks for is checked here, and asked for where it matters.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from gotapi_core.protocol.errors import GotapiError, InvalidParameter
from gotapi_core.protocol.hmac import MAX_KEY, Encoding, valid_key
from gotapi_core.protocol.identity import NATIVE_HEADER, identify

SCHEMES: Final = ("gotapi", "dconnect", "3dcapi")
MAX_URI: Final = 2048  # characters; an origin, a key and a page address have about 500
MAX_PAGE: Final = 1024  # characters of the page to go back to

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*")  # RFC 3986 2: a URI has ASCII and no space
_PARAMS: Final = ("origin", "key", "url")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class LaunchError(InvalidParameter):
    """A launch URI that is not one; the message says what is expected."""


class Action(Enum):
    """What a launch URI asks for; the value is its host part."""

    START = "start"
    STOP = "stop"


class Manner(Enum):
    """How it is to be done; the value is the path."""

    PLAIN = ""
    ACTIVITY = "activity"
    """Show the user a page."""

    SERVER = "server"
    """Without showing or asking anything."""


class Launch(msgspec.Struct, frozen=True):
    """A launch URI. `key` is None without one, and empty to remove the key of `origin`."""

    action: Action
    manner: Manner = Manner.PLAIN
    origin: str | None = None
    key: str | None = None
    url: str | None = None

    @property
    def page_is_local(self) -> bool:
        """Whether the page to go back to is one of this machine."""
        return self.url is not None and urlsplit(self.url).hostname in _LOOPBACK


def parse_launch(uri: str) -> Launch:
    """Return what a launch URI asks for; raises LaunchError."""
    if len(uri) > MAX_URI or not _PRINTABLE.fullmatch(uri):
        raise LaunchError(
            f"A launch URI has at most {MAX_URI} characters, all ASCII and none a space."
        )
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme.lower() not in SCHEMES:
        raise LaunchError(f"A launch URI begins with one of: {', '.join(_with_slashes())}.")
    if "#" in rest:
        raise LaunchError("A launch URI has no fragment (#).")
    place, _, query = rest.partition("?")
    host, _, path = place.partition("/")
    params = _params(query)
    origin, key = _origin(params.get("origin")), params.get("key")
    _check_key(origin, key)
    return Launch(_action(host), _manner(path), origin, key, _page(params.get("url")))


def _with_slashes() -> list[str]:
    return [f"{scheme}://" for scheme in SCHEMES]


def _action(host: str) -> Action:
    try:
        return Action(host.lower())
    except ValueError:
        raise LaunchError(
            f"A launch URI says start or stop, as in gotapi://start; not {host[:40]!r}."
        ) from None


def _manner(path: str) -> Manner:
    try:
        return Manner(path.removesuffix("/"))
    except ValueError:
        raise LaunchError(
            f"After start or stop comes nothing, /activity or /server; not {path[:40]!r}."
        ) from None


def _params(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in _PARAMS:
            raise LaunchError(
                f"A launch URI has the parameters {', '.join(_PARAMS)} only; not {name[:40]!r}."
            )
        if name in found:
            raise LaunchError(f"The launch URI has {name} twice.")
        found[name] = _decoded(name, value)
    return found


def _decoded(name: str, value: str) -> str:
    try:
        text = unquote_to_bytes(value.replace("+", "%20")).decode("utf-8")
    except UnicodeDecodeError:
        raise LaunchError(f"The parameter {name} is not UTF-8.") from None
    if not text.isprintable():
        raise LaunchError(f"The parameter {name} has characters that cannot be shown.")
    return text


def _origin(origin: str | None) -> str | None:
    if origin is None:
        return None
    try:
        # The normal form of requests, which are to be signed with the key.
        return identify({NATIVE_HEADER: origin}).origin
    except GotapiError as error:
        raise LaunchError(f"The parameter origin is not one: {error.message}") from None


def _check_key(origin: str | None, key: str | None) -> None:
    if key is None:
        return
    if origin is None:
        raise LaunchError("The launch URI has a key but does not say for which origin.")
    if key and not valid_key(key, Encoding.HEX):
        raise LaunchError(f"The key must be pairs of hex digits, at most {MAX_KEY} characters.")


def _page(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or len(url) > MAX_PAGE or "@" in parts.netloc or "\\" in url or " " in url:
        raise LaunchError("The parameter url must be a page at http:// or https://.")
    return url
