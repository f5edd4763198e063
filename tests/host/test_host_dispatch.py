"""Dispatch: wire parameters in, the typed method called, plain members out."""

import json
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.host.dispatch import Dispatcher, convert_params
from gotapi_core.host.port import PortEvent
from gotapi_core.plugin import (
    Call,
    Durable,
    NoParams,
    Params,
    Plugin,
    Result,
    Service,
    SurfaceReply,
    SurfaceRequest,
    event,
    get,
    put,
    surface,
)
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.names import Method, Name


class Point(msgspec.Struct):
    x: int


class Dim(Params):
    job_id: str
    level: int = 0
    speed: float = 1.0
    is_on: bool = False
    note: str | None = None
    tags: list[int] = []  # noqa: RUF012 - a struct copies its default
    at: Point | None = None


class Light(Result):
    is_on: bool
    last_level: object = None


class Toy(Plugin):
    id = "toy"
    name = "Toy"

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.answer: object = Light(is_on=True)

    def services(self) -> Sequence[Service]:
        return [Service(id="one", name="One")]

    @get("toy", "do")
    async def do(self, call: Call) -> Light:
        self.seen.append(call)
        return self.answer

    @put("toy", "do")
    async def dim(self, call: Call, params: Dim) -> None:
        self.seen.append(params)
        return self.answer

    @event("toy", "events")
    async def events(self, call: Call, params: Dim) -> AsyncIterator[Light | Durable[Light]]:
        try:
            yield Light(is_on=params.is_on)
            yield Durable(Light(is_on=False))
            yield self.answer
        finally:
            self.seen.append("closed")

    @surface("/toy")
    async def page(self, request: SurfaceRequest) -> SurfaceReply:
        self.seen.append(request)
        return self.answer


@pytest.fixture
def toy() -> Toy:
    return Toy()


def _route(method: Method, attribute: str):
    return Toy.routes.find(method, Name("toy", None, attribute))


async def test_a_call_reaches_its_method_and_its_result_becomes_members(toy: Toy, call: Call):
    answer = await Dispatcher(toy).call(_route(Method.GET, "do"), call, {"ignored": "1"})
    assert answer == {"isOn": True, "lastLevel": None}
    assert toy.seen == [call]


async def test_parameters_arrive_as_the_struct(toy: Toy, call: Call) -> None:
    toy.answer = None
    params = {"jobId": "j1", "level": "7", "speed": "0.5", "isOn": "true", "unknown": "x"}
    assert await Dispatcher(toy).call(_route(Method.PUT, "do"), call, params) == {}
    assert toy.seen == [Dim(job_id="j1", level=7, speed=0.5, is_on=True)]


@pytest.mark.parametrize(
    ("method", "answer", "message"),
    [
        (Method.GET, None, "do gave NoneType, not Light"),
        (Method.GET, {"isOn": True}, "do gave dict, not Light"),
        (Method.PUT, Light(is_on=True), "dim gave Light, not NoneType"),
    ],
)
async def test_what_was_not_promised_is_the_plugins_fault(
    toy: Toy, call: Call, method: Method, answer: object, message: str
) -> None:
    toy.answer = answer
    with pytest.raises(TypeError, match=message):
        await Dispatcher(toy).call(_route(method, "do"), call, {"jobId": "1"})


@pytest.mark.parametrize("value", ["\ud800", object(), 1j])
async def test_what_json_cannot_hold_is_found_before_the_server(
    toy: Toy, call: Call, value: object
) -> None:
    toy.answer = Light(is_on=True, last_level=value)
    with pytest.raises((TypeError, ValueError)):
        await Dispatcher(toy).call(_route(Method.GET, "do"), call, {})


async def test_events_are_marked_durable_or_not(toy: Toy, call: Call) -> None:
    dispatcher, route = Dispatcher(toy), _route(Method.PUT, "events")
    got = [one async for one in dispatcher.events(route, call, {"jobId": "1", "isOn": "1"})]
    on, off = {"isOn": True, "lastLevel": None}, {"isOn": False, "lastLevel": None}
    assert got == [PortEvent(on, False), PortEvent(off, True), PortEvent(on, False)]
    assert toy.seen == ["closed"]


async def test_closing_the_events_closes_the_plugins_generator(toy: Toy, call: Call) -> None:
    events = Dispatcher(toy).events(_route(Method.PUT, "events"), call, {"jobId": "1"})
    await anext(events)
    assert toy.seen == []
    await events.aclose()
    assert toy.seen == ["closed"]


async def test_a_wrong_event_value_ends_the_events(toy: Toy, call: Call) -> None:
    toy.answer = 5
    events = Dispatcher(toy).events(_route(Method.PUT, "events"), call, {"jobId": "1"})
    assert len([await anext(events) for _ in range(2)]) == 2
    with pytest.raises(TypeError, match="events gave int, not Light"):
        await anext(events)
    assert toy.seen == ["closed"]


async def test_wrong_parameters_of_an_event_are_told_at_its_start(toy: Toy, call: Call) -> None:
    events = Dispatcher(toy).events(_route(Method.PUT, "events"), call, {})
    with pytest.raises(InvalidParameter, match="'jobId' is missing"):
        await anext(events)


async def test_a_surface_gets_the_request_and_must_return_a_reply(toy: Toy) -> None:
    dispatcher, (route,) = Dispatcher(toy), Toy.routes.surfaces()
    request = SurfaceRequest(method="GET", path="/toy/a")
    toy.answer = SurfaceReply(status=201)
    assert await dispatcher.surface(route, request) == SurfaceReply(status=201)
    assert toy.seen == [request]
    toy.answer = b"page"
    with pytest.raises(TypeError, match="surface /toy returned bytes, not SurfaceReply"):
        await dispatcher.surface(route, request)


async def test_services_may_be_a_list_or_a_coroutine(toy: Toy) -> None:
    class Late(Toy):
        async def services(self) -> Sequence[Service]:
            return [Service(id="late", name="Late")]

    assert [one.id for one in await Dispatcher(toy).services()] == ["one"]
    assert [one.id for one in await Dispatcher(Late()).services()] == ["late"]


# Parameters.


@pytest.mark.parametrize(
    ("params", "fit"),
    [
        ({"jobId": "5"}, Dim(job_id="5")),
        ({"jobId": "a", "level": 3, "speed": 2}, Dim(job_id="a", level=3, speed=2.0)),
        ({"jobId": "a", "isOn": "0"}, Dim(job_id="a", is_on=False)),
        ({"jobId": "a", "isOn": "TRUE"}, Dim(job_id="a", is_on=True)),
        ({"jobId": "a", "note": "null"}, Dim(job_id="a", note="null")),
        ({"jobId": "a", "tags": [1, "2"]}, Dim(job_id="a", tags=[1, 2])),
        ({"jobId": "a", "at": {"x": "4"}}, Dim(job_id="a", at=Point(4))),
    ],
)
def test_text_becomes_what_the_field_is(params: dict[str, object], fit: Dim) -> None:
    assert convert_params(params, Dim) == fit


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "parameter 'jobId' is missing"),
        ({"job_id": "1"}, "parameter 'jobId' is missing"),
        ({"jobId": 1}, "parameter 'jobId': Expected str, got int"),
        ({"jobId": "a", "level": "many"}, "parameter 'level': Expected int, got str"),
        ({"jobId": "a", "level": ""}, "parameter 'level': Expected int, got str"),
        ({"jobId": "a", "isOn": "maybe"}, "parameter 'isOn': Expected bool, got str"),
        ({"jobId": "a", "speed": "fast"}, "parameter 'speed': Expected float, got str"),
        ({"jobId": "a", "speed": "nan"}, "parameter 'speed': Expected a finite number"),
        ({"jobId": "a", "speed": "-inf"}, "parameter 'speed': Expected a finite number"),
        ({"jobId": "a", "tags": [1, "b"]}, "parameter 'tags[1]': Expected int, got str"),
        ({"jobId": "a", "at": {}}, "parameter 'at': Object missing required field x"),
        ({"jobId": "a", "at": {"x": "y"}}, "parameter 'at.x': Expected int, got str"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(params: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        convert_params(params, Dim)
    assert caught.value.message == message


def test_what_cannot_be_tied_to_a_parameter_is_told_as_it_is() -> None:
    class Keyed(Params):
        by_size: dict[int, int]

    with pytest.raises(InvalidParameter, match="the parameters do not fit: Expected int, got str"):
        convert_params({"bySize": {"a": 1}}, Keyed)


def test_no_params_ignores_everything() -> None:
    assert convert_params({"a": object()}, NoParams) == NoParams()


@given(
    st.dictionaries(
        st.sampled_from(["jobId", "level", "speed", "isOn", "note", "tags", "at", "more"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_parameters_fit_or_are_refused_with_a_reason(params: dict[str, object]) -> None:
    try:
        fit = convert_params(params, Dim)
    except InvalidParameter as error:
        fit, refusal = None, error.message
    assert json.dumps(fit.speed, allow_nan=False) if fit else "parameter" in refusal
