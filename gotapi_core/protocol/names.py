"""Profile, interface and attribute names, and the request path that spells them. PURE.

Names are compared without case, so a `Name` holds them in lower case; `spelled` gives back the
spelling people know.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from gotapi_core.protocol.errors import InvalidMethod, InvalidProfileName, InvalidUrl


class Method(StrEnum):
    """The methods of GotAPI-1; OPTIONS and HEAD never reach it."""

    GET = "GET"
    PUT = "PUT"
    POST = "POST"
    DELETE = "DELETE"


PREFIX: Final = "/gotapi/"
MAX_SEGMENT: Final = 64  # characters; the longest known name, getnetworkservices, has 18
_MAX_PATH: Final = 2048  # bytes; five segments of 64 four-byte characters, escaped, fit loosely
_FORBIDDEN: Final = frozenset("/\\%?#")  # what would read differently after a second decoding


class Name(msgspec.Struct, frozen=True, order=True):
    """What a request or an event is about: profile, optional interface, optional attribute.

    Built from any case, held in lower case; empty interface and attribute become None.
    """

    profile: str
    interface: str | None = None
    attribute: str | None = None

    def __post_init__(self) -> None:
        if self.interface and not self.attribute:
            raise ValueError(f"interface {self.interface!r} without an attribute")
        set_field = msgspec.structs.force_setattr
        set_field(self, "profile", self.profile.lower())
        set_field(self, "interface", self.interface.lower() if self.interface else None)
        set_field(self, "attribute", self.attribute.lower() if self.attribute else None)

    @property
    def path(self) -> str:
        """The parts that are there, joined by slashes: `3dp/status`, without a leading slash."""
        return "/".join(part for part in (self.profile, self.interface, self.attribute) if part)

    @property
    def uri(self) -> str:
        """The request path: `/gotapi/3dp/status`."""
        return PREFIX + self.path


AVAILABILITY: Final = Name("availability")
GRANT: Final = Name("authorization", None, "grant")
ACCESS_TOKEN: Final = Name("authorization", None, "accessToken")
SERVICE_DISCOVERY: Final = Name("serviceDiscovery")
SERVICE_INFORMATION: Final = Name("serviceInformation")
ON_SERVICE_CHANGE: Final = Name("serviceDiscovery", None, "onServiceChange")
SYSTEM: Final = Name("system")
SYSTEM_EVENTS: Final = Name("system", None, "events")
# What a plug-in is asked; applications see only the names above.
PLUGIN_DISCOVERY: Final = Name("networkServiceDiscovery", None, "getNetworkServices")
CREATE_CLIENT: Final = Name("authorization", None, "createClient")
REQUEST_ACCESS_TOKEN: Final = Name("authorization", None, "requestAccessToken")
VERIFY: Final = Name("authorization", None, "verify")

SPELLINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        spelling.lower(): spelling
        for spelling in (
            "accessToken", "createClient", "getNetworkServices", "networkServiceDiscovery",
            "onServiceChange", "requestAccessToken", "serviceDiscovery", "serviceInformation",
        )
    }
)  # fmt: skip
"""Lower-case name to the spelling in the peers' documents; names not here are lower case there."""


def spelled(part: str) -> str:
    """Return a profile, interface or attribute in its documented spelling."""
    return SPELLINGS.get(part.lower(), part.lower())


def parse_target(method: str, raw_path: bytes) -> tuple[Method, Name]:
    """Return the method and name of a request line under `/gotapi/`.

    `/gotapi/profile`, `/gotapi/profile/attribute` and `/gotapi/profile/interface/attribute`, each
    with at most one trailing slash; with a method after `/gotapi/` an HTTP GET acts as that
    method. Raises InvalidMethod, InvalidUrl (19) or InvalidProfileName (20).
    """
    verb = parse_method(method)
    parts = _segments(raw_path)
    if parts and parts[0].upper() in Method.__members__:
        if verb is not Method.GET:
            # DeviceConnect: a method in the path is for clients that can only send GET.
            raise InvalidUrl(f"The path names a method, so the HTTP method must be GET, not {verb}")
        verb = Method[parts.pop(0).upper()]
    if not parts:
        raise InvalidProfileName(
            "The path names no profile; expected /gotapi/profile/attribute", envelope_status=400
        )
    if len(parts) > 3:
        raise InvalidUrl(
            f"The path has {len(parts)} parts after /gotapi/; expected at most "
            "profile/interface/attribute"
        )
    attribute = parts[-1] if len(parts) > 1 else None
    return verb, Name(parts[0], parts[1] if len(parts) == 3 else None, attribute)


def parse_method(method: str) -> Method:
    """Return the GotAPI method of an HTTP method; InvalidMethod (HTTP 501 in ENVELOPE) if none."""
    try:
        return Method(method)
    except ValueError:
        raise InvalidMethod(
            f"The method {method[:16]!r} is not supported; use GET, PUT, POST or DELETE",
            envelope_status=501,
        ) from None


def _segments(raw_path: bytes) -> list[str]:
    """Split and decode a path below the prefix; slashes are split before decoding."""
    if len(raw_path) > _MAX_PATH:
        raise InvalidUrl(f"The path is longer than {_MAX_PATH} bytes")
    prefix = PREFIX.encode()
    if raw_path + b"/" == prefix:
        return []
    if not raw_path.startswith(prefix):
        raise InvalidUrl("The path does not begin with /gotapi/", envelope_status=400)
    rest = raw_path[len(prefix) :].removesuffix(b"/")
    if not rest:
        return []
    return [_segment(raw, first=index == 0) for index, raw in enumerate(rest.split(b"/"))]


def _segment(raw: bytes, *, first: bool) -> str:
    kind = InvalidProfileName if first else InvalidUrl
    what = "profile name" if first else "path segment"
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise kind(f"The {what} is not valid UTF-8") from None
    if not text:
        raise kind(f"The {what} is empty; remove the double slash", envelope_status=400)
    if len(text) > MAX_SEGMENT:
        raise kind(f"The {what} is longer than {MAX_SEGMENT} characters")
    if text in (".", ".."):
        raise kind(f"The {what} {text!r} is not a name")
    if not text.isprintable() or " " in text or _FORBIDDEN & set(text):
        raise kind(f"The {what} {text!r} has a space, slash, percent or control character")
    return text
