"""The routes a plug-in, or the hub itself, answers, as data. PURE.

A route is written once and used by every port, by the manifest check and by the documentation.
An EVENT route answers PUT (subscribe) and DELETE (unsubscribe); a ONE_SHOT GET may exist beside
it on the same name. A SURFACE route owns a path outside /gotapi.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TypeVar

import msgspec

from gotapi_core.protocol.errors import InvalidMethod, InvalidProfile, ResultCode, UnknownAttribute
from gotapi_core.protocol.names import PREFIX, Method, Name, spelled

_K = TypeVar("_K")
_MAX_LISTED = 20  # names in an error message; more help nobody


class Kind(Enum):
    """What a route is."""

    ONE_SHOT = "one-shot"
    EVENT = "event"
    SURFACE = "surface"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be asked.

    `params_type` and `result_type` are the structs of the parameters and of the answer (of one
    event for EVENT); `handler` is the name of the method that answers; `path` is the path of a
    SURFACE, whose method and name mean nothing. `scope` is what a SURFACE wants of access tokens,
    `socket` the path of an EVENT's own WebSocket; both are empty where there is none.
    """

    kind: Kind
    method: Method
    name: Name
    summary: str = ""
    params_type: type = type(None)
    result_type: type = type(None)
    handler: str = ""
    path: str = ""
    scope: str = ""
    socket: str = ""

    @classmethod
    def surface(cls, path: str, *, summary: str = "", handler: str = "", scope: str = "") -> Route:
        """Return a SURFACE route for a path and everything below it."""
        return cls(
            kind=Kind.SURFACE,
            method=Method.GET,
            name=Name(""),
            summary=summary,
            handler=handler,
            path=path,
            scope=scope,
        )

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods it answers; none for a surface, which gets all of HTTP."""
        if self.kind is Kind.SURFACE:
            return ()
        return (Method.PUT, Method.DELETE) if self.kind is Kind.EVENT else (self.method,)

    @property
    def label(self) -> str:
        """What messages call it: `PUT /gotapi/3dp/status (on_status)`."""
        what = self.path if self.kind is Kind.SURFACE else f"{self.method} {self.name.uri}"
        return f"{what} ({self.handler})" if self.handler else what


class RouteTable:
    """Routes by method and name. Raises ValueError for two routes that claim the same thing."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes = tuple(routes)
        self._by_name: dict[Name, dict[Method, Route]] = {}
        self._surfaces: dict[str, Route] = {}
        self._sockets: dict[str, Route] = {}
        for route in self._routes:
            self._add(route)
        self._attributes: dict[str, tuple[str, ...]] = {}
        for name in sorted(self._by_name, key=lambda name: name.path):
            below = name.path[len(name.profile) + 1 :]
            known = self._attributes.get(name.profile, ())
            self._attributes[name.profile] = (*known, below) if below else known

    def _add(self, route: Route) -> None:
        if route.kind is Kind.SURFACE:
            _check_path(route, route.path)
            _claim(self._surfaces, route.path, route)
            return
        if route.name.profile.upper() in Method.__members__ or not route.name.profile:
            # /gotapi/GET/... is the method form of a path, so no profile can have that name.
            raise ValueError(f"{route.label}: {route.name.profile!r} cannot be a profile name")
        if route.socket:
            _check_path(route, route.socket)
            _claim(self._sockets, route.socket, route)
        answered = self._by_name.setdefault(route.name, {})
        for method in route.methods:
            _claim(answered, method, route)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def find(self, method: Method, name: Name) -> Route:
        """Return the route that answers; raises InvalidProfile, UnknownAttribute, InvalidMethod."""
        answered = self._by_name.get(name)
        if answered is None:
            raise self._unknown(name)
        route = answered.get(method)
        if route is None:
            raise InvalidMethod(
                f"{name.uri} does not answer {method}; it answers {', '.join(sorted(answered))}",
                # DeviceConnect has no separate code for a wrong method on a known attribute.
                envelope_code=ResultCode.UNKNOWN_ATTRIBUTE,
            )
        return route

    def find_surface(self, path: str) -> Route | None:
        """Return the surface that owns a path: the longest one at whose end a segment ends."""
        candidate = path.rstrip("/")
        while candidate:
            if candidate in self._surfaces:
                return self._surfaces[candidate]
            candidate = candidate.rpartition("/")[0]
        return None

    def find_socket(self, path: str) -> Route | None:
        """Return the event that has a WebSocket of its own at a path."""
        return self._sockets.get(path.rstrip("/"))

    def profiles(self) -> tuple[str, ...]:
        """Return the profile names, sorted."""
        return tuple(self._attributes)

    def attributes(self, profile: str) -> tuple[str, ...]:
        """Return `attribute` and `interface/attribute` names of a profile, sorted."""
        return self._attributes.get(profile.lower(), ())

    def surfaces(self) -> tuple[Route, ...]:
        """Return the SURFACE routes."""
        return tuple(self._surfaces.values())

    def paths(self) -> tuple[str, ...]:
        """Return the paths outside /gotapi: of surfaces, and of sockets that lie below none."""
        alone = [path for path in self._sockets if self.find_surface(path) is None]
        return (*self._surfaces, *alone)

    def _unknown(self, name: Name) -> InvalidProfile | UnknownAttribute:
        if name.profile not in self._attributes:
            return InvalidProfile(
                f"There is no profile {name.profile!r} here; known: {_listed(self.profiles())}"
            )
        wanted = name.path[len(name.profile) + 1 :]
        problem = f"no attribute {wanted!r}" if wanted else "nothing without an attribute"
        return UnknownAttribute(
            f"Profile {name.profile!r} has {problem}; "
            f"known: {_listed(self.attributes(name.profile))}"
        )


def _claim(table: dict[_K, Route], key: _K, route: Route) -> None:
    if key in table:
        raise ValueError(f"two routes for the same: {table[key].label} and {route.label}")
    table[key] = route


def _check_path(route: Route, path: str) -> None:
    if not path.startswith("/") or path.endswith("/") or f"{path}/".startswith(PREFIX):
        raise ValueError(
            f"surface path {path!r} ({route.handler}) must begin with a slash, not end with one, "
            f"and lie outside {PREFIX}"
        )


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(
        "/".join(spelled(part) for part in name.split("/")) for name in names[:_MAX_LISTED]
    )
    more = len(names) - _MAX_LISTED
    return (shown or "none") + (f" and {more} more" if more > 0 else "")
