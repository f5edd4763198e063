"""The `Plugin` class: what it makes of marked methods, and what it says to an author's mistakes."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import wraps
from typing import Optional, Union

import pytest

from gotapi_core.plugin import (
    Call,
    Durable,
    NoParams,
    Params,
    Plugin,
    Result,
    SurfaceReply,
    SurfaceRequest,
    delete,
    event,
    get,
    post,
    put,
    surface,
)
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Kind


class Level(Params):
    level: int


class Light(Result):
    is_on: bool


class Other(Result):
    value: int


class Lamp(Plugin):
    id = "lamp"
    name = "Lamps"
    version = "1.2"

    @get("Light", "State")
    async def state(self, call: Call) -> Light:
        """Tell whether it is on.

        More that nobody lists.
        """
        return Light(is_on=True)

    @put("light", "state")
    async def dim(self, call: Call, params: Level) -> None:
        """Set the level."""

    @post("light", "scene", interface="room")
    async def scene(self, call: Call) -> None: ...

    @delete("light")
    async def forget(self, call: Call, /, params: NoParams) -> Light: ...

    @event("light", "changes")
    async def changes(self, call: Call) -> AsyncIterator[Light | Durable[Light]]:
        yield Light(is_on=True)

    @surface("/lamps/")
    async def page(self, request: SurfaceRequest) -> SurfaceReply:
        """Show them all."""
        return SurfaceReply()


def test_the_routes_are_the_marked_methods() -> None:
    got = {(route.kind, route.method, route.name, route.handler) for route in Lamp.routes}
    assert got == {
        (Kind.ONE_SHOT, Method.GET, Name("light", None, "state"), "state"),
        (Kind.ONE_SHOT, Method.PUT, Name("light", None, "state"), "dim"),
        (Kind.ONE_SHOT, Method.POST, Name("light", "room", "scene"), "scene"),
        (Kind.ONE_SHOT, Method.DELETE, Name("light"), "forget"),
        (Kind.EVENT, Method.PUT, Name("light", None, "changes"), "changes"),
        (Kind.SURFACE, Method.GET, Name(""), "page"),
    }


def test_a_route_carries_its_types_and_the_first_line_of_the_docstring() -> None:
    state = Lamp.routes.find(Method.GET, Name("light", None, "state"))
    assert (state.summary, state.params_type, state.result_type) == (
        "Tell whether it is on.",
        NoParams,
        Light,
    )
    dim = Lamp.routes.find(Method.PUT, Name("light", None, "state"))
    assert (dim.params_type, dim.result_type) == (Level, type(None))
    changes = Lamp.routes.find(Method.DELETE, Name("light", None, "changes"))
    assert changes.result_type is Light
    page = Lamp.routes.find_surface("/lamps/7")
    assert page is not None
    assert (page.path, page.summary) == ("/lamps", "Show them all.")


def test_it_knows_which_handlers_take_parameters() -> None:
    taking = {name for name, bound in Lamp.bound.items() if bound.takes_params}
    assert taking == {"dim", "forget"}
    assert Lamp.bound["dim"].params_type is Level
    assert Lamp.bound["page"].params_type is NoParams


def test_a_method_may_answer_several_names() -> None:
    class Twice(Plugin):
        id = "twice"
        name = "Twice"

        @get("a")
        @get("b", "c")
        async def answer(self, call: Call) -> Light: ...

    assert {route.name.path for route in Twice.routes} == {"a", "b/c"}


def test_a_base_without_an_id_shares_its_routes() -> None:
    class Base(Plugin):
        @get("a")
        async def answer(self, call: Call) -> Light: ...

    class Real(Base):
        id = "real"
        name = "Real"

    assert not hasattr(Base, "routes")
    assert [route.handler for route in Real.routes] == ["answer"]


def test_a_wrapped_method_keeps_its_mark_and_types() -> None:
    def logged(function: Callable[..., object]) -> Callable[..., object]:
        @wraps(function)
        async def wrapper(*args: object) -> object: ...

        return wrapper

    class Wrapped(Plugin):
        id = "wrapped"
        name = "Wrapped"

        @logged
        @get("a")
        async def answer(self, call: Call, params: Level) -> Light: ...

    (route,) = Wrapped.routes
    assert (route.params_type, route.result_type) == (Level, Light)


async def test_by_default_a_plugin_has_no_services_and_stops_at_once() -> None:
    lamp = Lamp()
    assert lamp.services() == ()
    assert await lamp.stop() is None


@pytest.mark.parametrize(
    "result",
    [
        AsyncIterator[Light],
        AsyncGenerator[Light, None],
        AsyncIterator[Durable[Light]],
        AsyncIterator[Light | Durable[Light]],
        AsyncIterator[Union[Light, Durable[Light]]],  # noqa: UP007 - as older code spells it
    ],
)
def test_an_event_yields_results_plain_or_durable(result: object) -> None:
    async def events(self, call):
        yield Light(is_on=True)

    events.__annotations__ = {"call": Call, "return": result}
    kind = type("Ev", (Plugin,), {"id": "ev", "name": "Ev", "events": event("a")(events)})
    (route,) = kind.routes
    assert route.result_type is Light


# What authors get wrong. Each function is the method `m`, and each message says what to write.


def _no_call(self) -> Light: ...
async def _no_call_async(self) -> Light: ...
async def _untyped_call(self, call) -> Light: ...
async def _wrong_call(self, call: int) -> Light: ...
async def _three(self, call: Call, params: Level, more: int) -> Light: ...
async def _star(self, call: Call, *params: Level) -> Light: ...
async def _keyword_only(self, call: Call, *, params: Level) -> Light: ...
async def _untyped_params(self, call: Call, params) -> Light: ...
async def _dict_params(self, call: Call, params: dict[str, str]) -> Light: ...
async def _result_as_params(self, call: Call, params: Light) -> Light: ...
def _sync(self, call: Call) -> Light: ...
async def _generator(self, call: Call) -> AsyncIterator[Light]:
    yield Light(is_on=True)


async def _untyped_result(self, call: Call): ...
async def _dict_result(self, call: Call) -> dict[str, int]: ...
async def _maybe(self, call: Call) -> Light | None: ...
async def _unknown_name(self, call: Call) -> "Nowhere": ...  # noqa: F821
async def _unknown_member(self, call: Call) -> "pytest.Nowhere": ...
async def _bad_text(self, call: Call) -> "Light[": ...  # noqa: F722
async def _not_a_type(self, call: Call) -> 5: ...
async def _not_a_union(self, call: Call) -> "5 | Light": ...


ONE_SHOTS = {
    _no_call: "Bad.m must take `(self, call: Call)` or `(self, call: Call, params: SomeParams)`",
    _no_call_async: "Bad.m must take `(self, call: Call)`",
    _untyped_call: "Bad.m must take `(self, call: Call)`",
    _wrong_call: "Bad.m must take `(self, call: Call)`",
    _three: "Bad.m must take `(self, call: Call)`",
    _star: "Bad.m must take `(self, call: Call)`",
    _keyword_only: "Bad.m must take `(self, call: Call)`",
    _untyped_params: "Bad.m: `params` must be annotated with a subclass of Params",
    _dict_params: "Bad.m: `params` must be annotated with a subclass of Params",
    _result_as_params: "Bad.m: `params` must be annotated with a subclass of Params",
    _sync: "Bad.m must be `async def` without `yield`",
    _generator: "Bad.m must be `async def` without `yield`",
    _untyped_result: "Bad.m must be annotated with what it returns: `-> SomeResult` (a subclass",
    _dict_result: "Bad.m must be annotated with what it returns",
    _maybe: "Bad.m must be annotated with what it returns",
    _unknown_name: "name 'Nowhere' is not defined; define its parameter and result types in the",
    _unknown_member: "'Nowhere'; define its parameter and result types in the module, before",
    _bad_text: "define its parameter and result types in the module",
    _not_a_type: "Bad.m must be annotated with what it returns",
    _not_a_union: "define its parameter and result types in the module",
}


def _called(value: object) -> str | None:
    return getattr(value, "__name__", "")


def _bad(mark: object, function: object) -> str:
    with pytest.raises(TypeError) as caught:
        type("Bad", (Plugin,), {"id": "bad", "name": "Bad", "m": mark(function)})
    return str(caught.value)


@pytest.mark.parametrize(("function", "message"), ONE_SHOTS.items(), ids=_called)
def test_a_wrong_one_shot_is_refused_at_import(function: object, message: str) -> None:
    assert message in _bad(get("a", "b"), function)


async def _coroutine_event(self, call: Call) -> AsyncIterator[Light]: ...
async def _untyped_event(self, call: Call):
    yield Light(is_on=True)


async def _bare_event(self, call: Call) -> AsyncIterator:
    yield Light(is_on=True)


async def _plain_event(self, call: Call) -> Light:
    yield Light(is_on=True)


async def _list_event(self, call: Call) -> AsyncIterator[list[Light]]:
    yield [Light(is_on=True)]


async def _number_event(self, call: Call) -> AsyncIterator[int]:
    yield 1


async def _bare_durable(self, call: Call) -> AsyncIterator[Durable]:
    yield Durable(Light(is_on=True))


async def _two_events(self, call: Call) -> AsyncIterator[Light | Other]:
    yield Light(is_on=True)


async def _maybe_event(self, call: Call) -> AsyncIterator[Optional[Light]]:  # noqa: UP045
    yield None


async def _event_without_call(self) -> AsyncIterator[Light]:
    yield Light(is_on=True)


EVENTS = {
    _coroutine_event: "Bad.m must be an async generator: `async def` + `yield`",
    _untyped_event: "Bad.m must be annotated `-> AsyncIterator[SomeResult]`",
    _bare_event: "Bad.m must be annotated `-> AsyncIterator[SomeResult]`",
    _plain_event: "Bad.m must be annotated `-> AsyncIterator[SomeResult]`",
    _list_event: "Bad.m must yield a subclass of Result",
    _number_event: "Bad.m must yield a subclass of Result",
    _bare_durable: "Bad.m must yield a subclass of Result",
    _two_events: "Bad.m must yield one Result type, plain or Durable",
    _maybe_event: "Bad.m must yield one Result type, plain or Durable",
    _event_without_call: "Bad.m must take `(self, call: Call)`",
}


@pytest.mark.parametrize(("function", "message"), EVENTS.items(), ids=_called)
def test_a_wrong_event_is_refused_at_import(function: object, message: str) -> None:
    assert message in _bad(event("a", "b"), function)


def _sync_surface(self, request: SurfaceRequest) -> SurfaceReply: ...
async def _untyped_surface(self, request): ...
async def _no_request(self) -> SurfaceReply: ...
async def _surface_and_more(self, request: SurfaceRequest, more: int) -> SurfaceReply: ...
async def _bytes_surface(self, request: SurfaceRequest) -> bytes: ...


@pytest.mark.parametrize(
    "function", [_sync_surface, _untyped_surface, _no_request, _surface_and_more, _bytes_surface]
)
def test_a_wrong_surface_is_refused_at_import(function: object) -> None:
    assert _bad(surface("/own"), function) == (
        "Bad.m must be `async def m(self, request: SurfaceRequest) -> SurfaceReply`"
    )


@pytest.mark.parametrize("bad", ["", "Lamp", "my lamp", "a.b", "-a", "a-", "a" * 41, "é", 5, None])
def test_a_wrong_id_is_refused(bad: object) -> None:
    with pytest.raises(TypeError, match=r"Bad\.id must be lower-case letters, digits and inner hy"):
        type("Bad", (Plugin,), {"id": bad, "name": "Bad"})


@pytest.mark.parametrize("good", ["a", "7", "my-lamp-2", "a" * 40])
def test_a_right_id_is_taken(good: str) -> None:
    assert type("Good", (Plugin,), {"id": good, "name": "Good"}).id == good


def test_a_name_is_needed_and_a_version_is_text() -> None:
    with pytest.raises(TypeError, match=r"Bad needs a class attribute `name`: what people call it"):
        type("Bad", (Plugin,), {"id": "bad"})
    with pytest.raises(TypeError, match=r'Bad.version must be text like "1.0", not 1.0'):
        type("Bad", (Plugin,), {"id": "bad", "name": "Bad", "version": 1.0})


# A marker keeps its mark on the function, so each test makes functions of its own.


def _one_shot() -> Callable[..., object]:
    async def one_shot(self, call: Call) -> Light: ...

    return one_shot


def _event() -> Callable[..., object]:
    async def events(self, call: Call) -> AsyncIterator[Light]:
        yield Light(is_on=True)

    return events


def _surface() -> Callable[..., object]:
    async def page(self, request: SurfaceRequest) -> SurfaceReply: ...

    return page


def _plugin(**methods: object) -> type[Plugin]:
    return type("Made", (Plugin,), {"id": "made", "name": "Made", **methods})


def test_two_methods_with_one_name_are_refused_by_both_their_names() -> None:
    one, two = get("a", "b")(_one_shot()), get("A", "B")(_one_shot())
    with pytest.raises(ValueError, match=r"GET /gotapi/a/b \(one\) and GET /gotapi/a/b \(two\)"):
        _plugin(one=one, two=two)


@pytest.mark.parametrize("verb", [put, delete])
def test_an_event_answers_put_and_delete_itself(verb: Callable[..., object]) -> None:
    listen, change = event("x", "y")(_event()), verb("x", "y")(_one_shot())
    with pytest.raises(ValueError, match=r"two routes for the same: .*\(change\).*\(listen\)"):
        _plugin(listen=listen, change=change)


def test_two_methods_with_one_surface_are_refused_by_both_their_names() -> None:
    one, two = surface("/own")(_surface()), surface("/own/")(_surface())
    with pytest.raises(ValueError, match=r"/own \(one\) and /own \(two\)"):
        _plugin(one=one, two=two)


def test_a_get_stands_beside_an_event_of_the_same_name() -> None:
    kind = _plugin(one=event("s", "t")(_event()), two=get("s", "t")(_one_shot()))
    assert len(kind.routes) == 2


def test_no_profile_can_be_called_like_a_method() -> None:
    with pytest.raises(ValueError, match="'get' cannot be a profile name"):
        _plugin(one=get("GET", "b")(_one_shot()))


def test_parameters_and_results_are_frozen_and_keyword_only() -> None:
    with pytest.raises(AttributeError):
        Light(is_on=True).is_on = False
    with pytest.raises(TypeError):
        Light(True)
    assert Durable(Light(is_on=True)).value == Light(is_on=True)
