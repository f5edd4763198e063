"""The values that travel between server, hub and plug-ins, and their JSON members. PURE."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.names import Method, Name

__all__ = [
    "Caller",
    "Method",
    "Request",
    "Service",
    "SurfaceReply",
    "SurfaceRequest",
    "success_body",
]

Headers = tuple[tuple[str, str], ...]
"""Header fields in the order they came, names in lower case."""


class Service(msgspec.Struct, frozen=True):
    """A device or function that applications can use.

    `scopes` are the profile names it serves; `reason` says why a service is offline.
    """

    id: str
    name: str
    online: bool = True
    type: str = ""
    scopes: tuple[str, ...] = ()
    manufacturer: str = ""
    version: str = ""
    config: str = ""
    reason: str = ""

    def to_wire(self) -> dict[str, object]:
        """Return the members of a service in a discovery answer; empty optional ones are left out.

        The id goes out twice: node-gotapi clients read `serviceId`, DeviceConnect clients `id`.
        """
        members: dict[str, object] = {
            "serviceId": self.id,
            "id": self.id,
            "name": self.name,
            "online": self.online,
            "scopes": list(self.scopes),
        }
        for member in ("type", "manufacturer", "version", "config", "reason"):
            if value := getattr(self, member):
                members[member] = value
        return members


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One GotAPI-1 request after parsing; `nonce` is None when none was sent, "" when empty."""

    method: Method
    name: Name
    params: Mapping[str, object] = msgspec.field(default_factory=dict)
    identity: Identity
    nonce: str | None = None


class Caller(msgspec.Struct, frozen=True):
    """Who asks a surface that has a scope: an application whose token covers it.

    Where it is none, `refused` is the result code and `reason` says what to do; how that is
    answered is for the surface's protocol to say.
    """

    application: str = ""
    origin: str = ""
    refused: int = 0
    reason: str = ""


class SurfaceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A raw HTTP request to a plug-in's own path; a large body is a spool file instead.

    `caller` is there for surfaces with a scope only; the hub then has checked the access token,
    and taken it out of path, query and headers. `base_url` is how the hub was reached.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Headers = ()
    body: bytes = b""
    file: str | None = None
    caller: Caller | None = None
    base_url: str = ""


class SurfaceReply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a SurfaceRequest; with `file` the body is that file's content."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    file: str | None = None


def success_body(product: str, version: str, members: Mapping[str, object]) -> dict[str, object]:
    """Return the JSON members of a good answer: result 0, product, version, then `members`.

    The three are the hub's own: members of the same name do not replace them.
    """
    own: dict[str, object] = {"result": 0, "product": product, "version": version}
    return {**own, **members, **own}
