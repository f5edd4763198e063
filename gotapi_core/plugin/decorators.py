"""Markers that tie a method of a plug-in to a profile and attribute, an event or a path."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gotapi_core.protocol.names import MAX_SEGMENT, PREFIX, Method, Name
from gotapi_core.protocol.routes import Kind

F = TypeVar("F", bound=Callable[..., object])

MARKS = "__gotapi_marks__"
_FORBIDDEN = frozenset(" /\\%?#")  # what no request can bring in one part of its path


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator says of a method; a method may carry several."""

    kind: Kind
    method: Method
    name: Name
    path: str = ""
    scope: str = ""
    socket: str = ""


def marks_of(function: object) -> tuple[Mark, ...]:
    """Return the marks a function carries, in the order they were written from the inside out."""
    found = getattr(function, MARKS, ())
    return tuple(found)


class Marker:
    """The decorator proper: adds its mark to the function and hands the function back."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark

    def __call__(self, function: F) -> F:
        if not inspect.isfunction(function):  # a staticmethod or the like would lose its mark
            raise TypeError(f"only plain methods can be marked, not a {type(function).__name__}")
        setattr(function, MARKS, (*marks_of(function), self._mark))
        return function


def get(profile: str, attribute: str | None = None, *, interface: str | None = None) -> Marker:
    """Mark a method that answers `GET /gotapi/{profile}/[{interface}/]{attribute}`."""
    return _one_shot(Method.GET, profile, interface, attribute)


def put(profile: str, attribute: str | None = None, *, interface: str | None = None) -> Marker:
    """Mark a method that answers `PUT /gotapi/{profile}/[{interface}/]{attribute}`."""
    return _one_shot(Method.PUT, profile, interface, attribute)


def post(profile: str, attribute: str | None = None, *, interface: str | None = None) -> Marker:
    """Mark a method that answers `POST /gotapi/{profile}/[{interface}/]{attribute}`."""
    return _one_shot(Method.POST, profile, interface, attribute)


def delete(profile: str, attribute: str | None = None, *, interface: str | None = None) -> Marker:
    """Mark a method that answers `DELETE /gotapi/{profile}/[{interface}/]{attribute}`."""
    return _one_shot(Method.DELETE, profile, interface, attribute)


def event(
    profile: str, attribute: str | None = None, *, interface: str | None = None, socket: str = ""
) -> Marker:
    """Mark an async generator whose values are the events of the attribute.

    The hub answers PUT (listen) and DELETE (stop listening) of the same name by itself: it starts
    the generator for the first listener and closes it after the last (DWAPI-3DP 7.2.3). Listeners
    with the same parameters share it, so its `Call` is the first one's.

    With `socket`, a path below one of the plug-in's surfaces, no two applications share one, and a
    WebSocket there gets the bare values too, from a generator of its own: its first message is a
    JSON object with the `accessToken`, and the other members are the parameters.
    """
    name = _name(profile, interface, attribute)
    if socket:
        _own_path(socket)
    return Marker(Mark(kind=Kind.EVENT, method=Method.PUT, name=name, socket=socket))


def surface(path: str, *, scope: str = "") -> Marker:
    """Mark a method that answers every request below a path of its own outside `/gotapi`.

    With `scope` the hub checks the access token of each request as it does for GotAPI, and
    `request.caller` says whose it is, or why it is refused.
    """
    own = _own_path(path)
    name = Name("")
    return Marker(Mark(kind=Kind.SURFACE, method=Method.GET, name=name, path=own, scope=scope))


def _own_path(path: str) -> str:
    own = path.rstrip("/")
    if not own.startswith("/") or f"{own}/".startswith(PREFIX):
        raise ValueError(f"a surface needs a path of its own like '/3dps', not {path!r}")
    return own


def _one_shot(method: Method, profile: str, interface: str | None, attribute: str | None) -> Marker:
    name = _name(profile, interface, attribute)
    return Marker(Mark(kind=Kind.ONE_SHOT, method=method, name=name))


def _name(profile: str, interface: str | None, attribute: str | None) -> Name:
    for part in (profile, interface, attribute):
        if part is not None:
            _check_part(part)
    return Name(profile, interface, attribute)


def _check_part(part: object) -> None:
    if not isinstance(part, str):
        raise TypeError(f'mark a method with a profile, as in @get("3dp", "status"), not {part!r}')
    if not 1 <= len(part) <= MAX_SEGMENT or not part.isprintable() or _FORBIDDEN & set(part):
        raise ValueError(
            f"{part!r} is one part of a path and has 1 to {MAX_SEGMENT} characters without spaces "
            'and slashes; /gotapi/a/i/b is written @get("a", "b", interface="i")'
        )
