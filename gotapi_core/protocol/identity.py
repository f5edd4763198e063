"""Who asks: the origin of an application, and the checks against foreign web pages. PURE.

Header names are lower case in every mapping. The Sec-Fetch matrix that `check_fetch` implements
(a refusal is an InvalidOrigin; "native" is a request without any Sec-Fetch header):

| Sec-Fetch-Site | API                    | PAGE    | PAGE_ACTION |
| -------------- | ---------------------- | ------- | ----------- |
| (native)       | allowed                | allowed | refused     |
| none           | allowed                | allowed | refused     |
| same-origin    | allowed                | allowed | allowed     |
| same-site      | mode cors or websocket | refused | refused     |
| cross-site     | mode cors or websocket | refused | refused     |
| other, missing | refused                | refused | refused     |

Native, too, is a request with X-GotAPI-Origin, without Origin and Referer, whose only such header
is `Sec-Fetch-Mode: cors`: Node's own `fetch` sends that. A browser that sends the mode sends the
site beside it, and from another origin also its Origin.

A browser sets these headers itself; a page cannot. So a foreign page reaches the API only in the
modes in which the browser tells its true Origin, and never as an image, a form or a link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

import msgspec

from gotapi_core.protocol.errors import InvalidOrigin, Lineage

NATIVE_HEADER: Final = "x-gotapi-origin"
MAX_ORIGIN: Final = 200  # characters; a DNS name has at most 253, Java package names under 100
_MAX_REFERER: Final = 8192  # bytes of a Referer looked at; browsers cut it to 4096
_HINT: Final = "Send the header `X-GotAPI-Origin: my.application.name`"

_AUTHORITY: Final = re.compile(
    # RFC 3986 3.2.2 and 3.2.3 without user information, which neither header may carry.
    r"(?:\[(?P<v6>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9_](?:[a-z0-9_.-]{0,252})))"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_OPEN_MODES: Final = frozenset({"cors", "websocket"})  # the modes that carry Origin


class Identity(msgspec.Struct, frozen=True):
    """The application that asks: its origin, how it wants errors, and whether a page sent it."""

    origin: str
    lineage: Lineage
    browser: bool


class FetchKind(Enum):
    """What a request is for; the columns of the Sec-Fetch matrix."""

    API = "api"
    """GotAPI requests, surfaces and the WebSocket."""

    PAGE = "page"
    """Reading an operator page."""

    PAGE_ACTION = "page action"
    """An unsafe method on an operator page."""


def lineage_of(headers: Mapping[str, str]) -> Lineage:
    """Return the lineage of a request; never fails, so that refusals can be worded with it."""
    # Only the DeviceConnect SDK sends the header, and it sends it with every request.
    return Lineage.ENVELOPE if NATIVE_HEADER in headers else Lineage.STATUS


def identify(headers: Mapping[str, str]) -> Identity:
    """Return who sent a request; raises InvalidOrigin when that cannot be told.

    Origin wins, then the origin part of Referer; X-GotAPI-Origin names native applications only
    and never overrides what a browser said.
    """
    lineage = lineage_of(headers)
    sec_fetch = _sent_by_browser(headers)
    stated = headers.get("origin")
    if stated is None and "referer" in headers:
        stated = _referer_origin(headers["referer"])
    if stated is not None:
        origin = "null" if stated == "null" else normalise_origin(stated)
        browser = sec_fetch or origin == "null" or origin.startswith(("http://", "https://"))
        return Identity(origin, lineage, browser)
    if sec_fetch:
        raise InvalidOrigin(
            "The browser sent neither Origin nor Referer; do not open this address directly, and "
            "do not set Referrer-Policy: no-referrer on the page. Outside a browser: "
            f"{_HINT[0].lower()}{_HINT[1:]}"
        )
    return Identity(_native_origin(headers.get(NATIVE_HEADER)), lineage, browser=False)


def normalise_origin(origin: str) -> str:
    """Return scheme://host:port in lower case without the scheme's default port.

    Raises InvalidOrigin for anything but one origin: no path, no user, no list.
    """
    scheme, separator, authority = origin.lower().partition("://")
    if not separator or not _SCHEME.fullmatch(scheme) or len(origin) > MAX_ORIGIN:
        raise _bad_origin(origin)
    if not authority and scheme == "file":
        return "file://"  # what some web views send for a page of their own package
    parsed = _authority(authority)
    if parsed is None:
        raise _bad_origin(origin)
    host, port = parsed
    if port is None or port == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def check_host(host_header: str, allowed: frozenset[str]) -> None:
    """Raise InvalidOrigin unless the Host header names this hub; stops DNS rebinding.

    `allowed` holds lower-case hosts, each as `localhost` (any port, or none) or `localhost:4035`
    (that port only); IPv6 addresses in their shortest form in brackets: `[::1]`, `[::1]:4035`.
    """
    parsed = _authority(host_header.lower())
    if parsed is None:
        raise InvalidOrigin("The Host header is missing or malformed; expected localhost:4035")
    host, port = parsed
    host = host.removesuffix(".")  # the DNS root: localhost. is localhost
    if host not in allowed and f"{host}:{port}" not in allowed:
        raise InvalidOrigin(
            f"This hub does not answer as {host_header!r}; use http://127.0.0.1 or "
            "http://localhost with the hub's port, or allow the name in its settings"
        )


def check_fetch(headers: Mapping[str, str], *, kind: FetchKind) -> None:
    """Raise InvalidOrigin unless the Sec-Fetch headers allow the request; see the matrix above."""
    if not _sent_by_browser(headers):
        if kind is FetchKind.PAGE_ACTION:
            raise InvalidOrigin(
                "Only the operator page itself may do this; use the gotapi command instead"
            )
        return
    site = headers.get("sec-fetch-site", "")
    if site == "same-origin" or (site == "none" and kind is not FetchKind.PAGE_ACTION):
        return
    mode = headers.get("sec-fetch-mode", "")
    if kind is FetchKind.API and site in ("same-site", "cross-site") and mode in _OPEN_MODES:
        return
    if kind is FetchKind.API:
        raise InvalidOrigin(
            "A page of another origin may only use fetch, XMLHttpRequest (mode cors) or WebSocket "
            f"here, not Sec-Fetch-Site {site!r} with mode {mode!r}"
        )
    raise InvalidOrigin(
        "The operator pages cannot be opened or used from another site; open the link that "
        "`gotapi run` prints"
    )


def _sent_by_browser(headers: Mapping[str, str]) -> bool:
    marks = {name for name in headers if name.startswith("sec-fetch-")}
    hidden = "origin" not in headers and "referer" not in headers
    if marks == {"sec-fetch-mode"} and headers["sec-fetch-mode"] == "cors" and hidden:
        return NATIVE_HEADER not in headers  # Node; a page of the same origin has a Referer
    return bool(marks)


def _native_origin(value: str | None) -> str:
    if value is None:
        raise InvalidOrigin(f"The request does not say which application sends it. {_HINT}")
    value = value.strip(" \t")
    if not 1 <= len(value) <= MAX_ORIGIN or not value.isprintable() or " " in value:
        raise InvalidOrigin(
            f"X-GotAPI-Origin must be one name of 1 to {MAX_ORIGIN} printable characters "
            f"without spaces. {_HINT}"
        )
    # A native application must not be mistaken for a page: if it names an origin it gets the
    # same normal form, so that a rule about that origin holds for it too.
    return normalise_origin(value) if "://" in value else value


def _referer_origin(referer: str) -> str:
    """Return scheme://authority of a Referer, unchecked."""
    scheme, separator, rest = referer[:_MAX_REFERER].partition("://")
    return scheme + separator + re.split(r"[/?#]", rest, maxsplit=1)[0]


def _authority(text: str) -> tuple[str, int | None] | None:
    """Return the host, IPv6 in its shortest form in brackets, and the port; None if malformed."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        return None
    try:
        host = _host(match["name"], match["v6"])
    except AddressValueError:
        return None
    return host, port


def _host(name: str | None, v6: str | None) -> str:
    if name is None:
        return f"[{IPv6Address(v6)}]"
    # WHATWG URL 3.5: a host that ends in a number is an IPv4 address or nothing. Other spellings
    # of an address (0177.1, 2130706433) never come from a browser, which rewrites them.
    if name.removesuffix(".").rpartition(".")[2].isdigit():
        return str(IPv4Address(name.removesuffix(".")))
    if ".." in name:
        raise AddressValueError(name)
    return name


def _bad_origin(origin: str) -> InvalidOrigin:
    return InvalidOrigin(
        f"The origin {origin[:MAX_ORIGIN]!r} is not valid; expected scheme://host:port"
    )
