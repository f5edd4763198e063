"""The `Plugin` class: its routes are built, and its signatures checked, when it is created."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import (
    Any,
    ClassVar,
    Generic,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from gotapi_core.plugin.context import Call, Context
from gotapi_core.plugin.decorators import Mark, marks_of
from gotapi_core.plugin.manifest import valid_id
from gotapi_core.plugin.tokens import gives_tokens
from gotapi_core.protocol.messages import Service, SurfaceReply, SurfaceRequest
from gotapi_core.protocol.routes import Kind, Route, RouteTable

T = TypeVar("T")

Handler = Callable[..., Any]  # the checked method; its exact types stand in the Bound beside it


class WireMeta(msgspec.StructMeta):
    """Makes every subclass frozen and keyword-only, so that authors need not repeat it."""

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> "WireMeta":
        return super().__new__(
            mcls, name, bases, namespace, **{"frozen": True, "kw_only": True, **config}
        )


# For type checkers: they look at the bases first, and msgspec.Struct promises neither of the two.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Params(msgspec.Struct, metaclass=WireMeta, rename="camel", frozen=True):
    """Base of a route's parameters: one field a parameter, `job_id` is `jobId` on the wire."""


class NoParams(Params):
    """The parameters of a route that takes none."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Result(msgspec.Struct, metaclass=WireMeta, rename="camel", frozen=True):
    """Base of a route's result and of an event's value: one field a member of the answer."""


@dataclass(frozen=True, slots=True)
class Durable(Generic[T]):
    """An event value that must not be replaced by a newer one while a listener is slow.

    Plain values are progress: a slow listener gets only the newest. Wrap what ends or changes
    something (a job's last state, a question to the user) in `Durable`.
    """

    value: T


@dataclass(frozen=True, slots=True)
class Bound:
    """A marked method's parameters, as its signature promises them."""

    params_type: type[Params]
    takes_params: bool


class Plugin:
    """Base of every plug-in: say who you are, list your services, answer what you marked.

    `id` names the plug-in in service ids (`<device>.<id>`), in settings and in logs: lower-case
    letters, digits and hyphens. `name` and `version` are shown to people.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[str] = "0"

    routes: ClassVar[RouteTable]
    bound: ClassVar[Mapping[str, Bound]]  # by the handler's name

    context: Context

    def __init_subclass__(cls) -> None:
        """Check the class and build its route table; every fault raises here, at import."""
        super().__init_subclass__()
        if not hasattr(cls, "id"):
            return  # a base that other plug-ins share
        _check_identity(cls)
        gives_tokens(cls)
        marked = _marked(cls)
        cls.bound = {name: _bind(cls, name, mark) for name, mark in marked}
        cls.routes = RouteTable([_route(cls, name, mark) for name, mark in marked])

    async def start(self, context: Context) -> None:
        """Open what the plug-in needs; called once, before anything else. Call `super().start`."""
        self.context = context

    async def stop(self) -> None:
        """Close everything; called once, also after a failed start."""

    def busy(self) -> str:
        """Say what would be lost if the plug-in was stopped now; nothing where nothing would.

        In the user's words ("Cube is being printed"). The operator is asked before a change of
        settings ends it.
        """
        return ""

    def services(self) -> Sequence[Service] | Awaitable[Sequence[Service]]:
        """Return the services there are now; ids are the plug-in's own, without its name.

        May be a coroutine; the hub waits two seconds and then answers with the last known list.
        """
        return ()


def _check_identity(cls: type[Plugin]) -> None:
    if not valid_id(cls.id):
        raise TypeError(
            f"{cls.__name__}.id must be lower-case letters, digits and inner hyphens (at most 40), "
            f"not {cls.id!r}"
        )
    if not isinstance(getattr(cls, "name", None), str):
        raise TypeError(f"{cls.__name__} needs a class attribute `name`: what people call it")
    if not isinstance(cls.version, str):
        raise TypeError(f'{cls.__name__}.version must be text like "1.0", not {cls.version!r}')


def _marked(cls: type[Plugin]) -> list[tuple[str, Mark]]:
    found: list[tuple[str, Mark]] = []
    for name in dir(cls):
        found.extend((name, mark) for mark in marks_of(getattr(cls, name, None)))
    return found


def _bind(cls: type[Plugin], name: str, mark: Mark) -> Bound:
    if mark.kind is Kind.SURFACE:
        return Bound(params_type=NoParams, takes_params=False)
    return _params(cls, name, getattr(cls, name), _hints(cls, name))


def _route(cls: type[Plugin], name: str, mark: Mark) -> Route:
    function = getattr(cls, name)
    hints = _hints(cls, name)
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    if mark.kind is Kind.SURFACE:
        _check_surface(cls, name, function, hints)
        return Route.surface(mark.path, summary=summary, handler=name, scope=mark.scope)
    check = _event_type if mark.kind is Kind.EVENT else _result_type
    return Route(
        kind=mark.kind,
        method=mark.method,
        name=mark.name,
        summary=summary,
        params_type=cls.bound[name].params_type,
        result_type=check(cls, name, function, hints),
        handler=name,
        socket=mark.socket,
    )


def _check_surface(
    cls: type[Plugin], name: str, function: Handler, hints: Mapping[str, Any]
) -> None:
    arguments = _positional(function)
    fits = len(arguments) == 1 and hints.get(arguments[0]) is SurfaceRequest
    returns = hints.get("return") is SurfaceReply and inspect.iscoroutinefunction(function)
    if not fits or not returns:
        raise TypeError(
            f"{cls.__name__}.{name} must be "
            f"`async def {name}(self, request: SurfaceRequest) -> SurfaceReply`"
        )


def _hints(cls: type[Plugin], name: str) -> dict[str, Any]:
    try:
        return get_type_hints(getattr(cls, name))
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise TypeError(
            f"{cls.__name__}.{name}: {error}; define its parameter and result types in the module, "
            "before the class"
        ) from error


def _positional(function: Handler) -> list[str]:
    """Return the parameters after self; none where the hub could not pass them by position."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(parameter.kind not in by_position for parameter in parameters):
        return []
    return [parameter.name for parameter in parameters]


def _params(cls: type[Plugin], name: str, function: Handler, hints: Mapping[str, Any]) -> Bound:
    arguments = _positional(function)
    if not 1 <= len(arguments) <= 2 or hints.get(arguments[0]) is not Call:
        raise TypeError(
            f"{cls.__name__}.{name} must take `(self, call: Call)` or "
            "`(self, call: Call, params: SomeParams)`"
        )
    if len(arguments) == 1:
        return Bound(params_type=NoParams, takes_params=False)
    params_type = hints.get(arguments[1])
    if not (isinstance(params_type, type) and issubclass(params_type, Params)):
        raise TypeError(
            f"{cls.__name__}.{name}: `{arguments[1]}` must be annotated with a subclass of Params"
        )
    return Bound(params_type=params_type, takes_params=True)


def _result_type(cls: type[Plugin], name: str, function: Handler, hints: Mapping[str, Any]) -> type:
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{cls.__name__}.{name} must be `async def` without `yield`")
    result_type = hints.get("return")
    if result_type is type(None):
        return type(None)
    if not (isinstance(result_type, type) and issubclass(result_type, Result)):
        raise TypeError(
            f"{cls.__name__}.{name} must be annotated with what it returns: `-> SomeResult` "
            "(a subclass of Result) or `-> None`"
        )
    return result_type


def _event_type(cls: type[Plugin], name: str, function: Handler, hints: Mapping[str, Any]) -> type:
    if not inspect.isasyncgenfunction(function):
        raise TypeError(f"{cls.__name__}.{name} must be an async generator: `async def` + `yield`")
    returned = hints.get("return")
    arguments = get_args(returned)
    if get_origin(returned) not in (AsyncIterator, AsyncGenerator) or not arguments:
        raise TypeError(f"{cls.__name__}.{name} must be annotated `-> AsyncIterator[SomeResult]`")
    yielded = arguments[0]
    union = get_origin(yielded) in (Union, UnionType)
    members = {_undurable(member) for member in (get_args(yielded) if union else (yielded,))}
    if len(members) != 1:
        raise TypeError(f"{cls.__name__}.{name} must yield one Result type, plain or Durable")
    result_type = members.pop()
    if not (isinstance(result_type, type) and issubclass(result_type, Result)):
        raise TypeError(f"{cls.__name__}.{name} must yield a subclass of Result")
    return result_type


def _undurable(annotation: object) -> object:
    return get_args(annotation)[0] if get_origin(annotation) is Durable else annotation
