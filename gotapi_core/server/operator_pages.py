"""The operator's pages as files: what is sent for each, and the headers that protect them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from types import MappingProxyType

from gotapi_core.server.asgi import RawHeaders

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        # What applications call themselves cannot become markup, even by a mistake in the script.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)


def guarded(policy: str) -> RawHeaders:
    """Return the headers of a page of the operator's that has this content security policy."""
    return [
        (b"content-security-policy", policy.encode("ascii")),
        (b"x-frame-options", b"DENY"),  # for browsers that do not know frame-ancestors
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]


PROTECTION: RawHeaders = guarded(POLICY)
"""Headers of every answer below /operator and of `/`; asgi adds no-store and nosniff."""

_TYPES: Mapping[str, bytes] = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A body with its headers."""

    body: bytes
    headers: RawHeaders


ASSETS = MappingProxyType(
    {
        f"/operator/{name}": name
        for name in (
            "page.css",
            "page.js",
            "hub.js",
            "press.js",
            "view.js",
            "trust.js",
            "plugins.js",
            "plugins.css",
            "change.js",
            "wait.js",
            "icon.svg",
        )
    }
)
"""Path -> file name of what needs no session: it holds nothing of this hub."""


@cache
def asset(name: str) -> Page:
    """Return a file of the pages as it is."""
    return _page(name, _read(name))


def filled(name: str, /, **values: str) -> Page:
    """Return a page with its `$placeholders` filled; the values are escaped here."""
    template = Template(_read(name).decode("utf-8"))
    text = template.substitute({key: escape(value) for key, value in values.items()})
    return _page(name, text.encode("utf-8"))


@cache
def _read(name: str) -> bytes:
    return files("gotapi_core.server").joinpath("pages", name).read_bytes()


def _page(name: str, body: bytes) -> Page:
    content_type = _TYPES[name.rpartition(".")[2]]
    return Page(body, [(b"content-type", content_type), *PROTECTION])
