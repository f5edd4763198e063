"""Surfaces with a scope, events with a WebSocket of their own, and calls of other plug-ins."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from gotapi_core.plugin import (
    Call,
    Context,
    Durable,
    Params,
    Plugin,
    Result,
    Rights,
    Service,
    SurfaceReply,
    SurfaceRequest,
    event,
    get,
    surface,
)
from gotapi_core.protocol.errors import (
    GotapiError,
    IllegalDeviceState,
    IllegalServerState,
    NotAuthorized,
    OutOfScope,
)
from gotapi_core.protocol.messages import Method
from gotapi_core.server import surface_socket
from gotapi_core.server.surface_caller import token_in
from gotapi_core.testing.live import live_hub, loaded


class Wish(Params):
    word: str = ""


class Value(Result):
    word: str


class Gate(Plugin):
    """A surface that wants a token, and an event with a socket of its own."""

    id = "gate"
    name = "Gate"
    running: ClassVar["Gate"]

    def __init__(self) -> None:
        self.requests: list[SurfaceRequest] = []
        self.ended = asyncio.Event()

    async def start(self, context: Context) -> None:
        await super().start(context)
        type(self).running = self

    def services(self) -> list[Service]:
        return [Service(id="one", name="Gate", scopes=("gate",))]

    @surface("/gate", scope="gate")
    async def answer(self, request: SurfaceRequest) -> SurfaceReply:
        self.requests.append(request)
        caller = request.caller
        assert caller is not None
        return SurfaceReply(body=msgspec.json.encode(caller))

    @event("gate", "words", socket="/gate/socket")
    async def words(self, call: Call, params: Wish) -> AsyncIterator[Value | Durable[Value]]:
        try:
            yield Durable(Value(word=f"{params.word} of {call.origin}"))
            if params.word == "fail":
                raise IllegalDeviceState("it broke")
            if params.word != "end":
                await asyncio.Event().wait()
        finally:
            self.ended.set()


class Lamp(Plugin):
    """What the gate may call."""

    id = "lamp"
    name = "Lamp"

    def services(self) -> list[Service]:
        return [Service(id="desk", name="Desk lamp", scopes=("light",))]

    @get("light", "word")
    async def word(self, call: Call, params: Wish) -> Value:
        return Value(word=f"{params.word} for {call.origin} at {call.base_url}")


@pytest.fixture
async def gate(tmp_path):
    one = loaded(Gate)
    rights = Rights(calls=("light",))
    one = replace(one, manifest=msgspec.structs.replace(one.manifest, rights=rights))
    async with live_hub(tmp_path, [one, Lamp]) as live:
        yield live


@pytest.fixture
def ways(gate, ways_through):
    return ways_through(gate)


async def said(socket: Any) -> dict[str, Any]:
    found = json.loads(await asyncio.wait_for(socket.recv(), 8))
    assert isinstance(found, dict)
    return found


async def end_of(socket: Any) -> tuple[int, str]:
    async with asyncio.timeout(8):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


async def test_the_hub_checks_the_token_and_keeps_it_to_itself(ways):
    token = await ways.token("gate")
    answer = await ways.ask(
        "GET",
        f"/gate/do&accessToken={token}?x=1&accessToken=%E2%80%9C{token}%E2%80%9D&y=2",
        headers={"Authorization": "Bearer other", "Cookie": "a=b"},
    )
    assert answer.json["origin"] == "test.app"
    assert answer.json["application"]
    [request] = Gate.running.requests
    assert token not in repr(request)
    assert {"authorization", "cookie"}.isdisjoint(name for name, _ in request.headers)
    assert request.query.startswith(b"x=1&")
    assert request.base_url == f"http://{ways.host}"


async def test_a_bearer_token_is_as_good(ways):
    token = await ways.token("gate")
    answer = await ways.ask("GET", "/gate", headers={"Authorization": f"Bearer {token}"})
    assert answer.json["application"]


@pytest.mark.parametrize(
    ("token", "origin", "code"), [("", "test.app", 13), ("no", "test.app", 13), ("no", None, 18)]
)
async def test_the_surface_hears_why_a_caller_is_none(ways, token, origin, code):
    answer = await ways.ask("GET", "/gate", {"accessToken": token}, origin=origin)
    assert answer.json["refused"] == code
    assert answer.json["reason"]
    assert answer.json["application"] == ""


async def test_a_token_of_another_scope_or_origin_is_refused(ways):
    token = await ways.token("light")
    answer = await ways.ask("GET", "/gate", {"accessToken": token})
    assert answer.json["refused"] == 14
    answer = await ways.ask("GET", "/gate", {"accessToken": token}, origin="other.app")
    assert answer.json["refused"] == 18


async def test_a_token_is_found_wherever_protocols_put_it():
    assert token_in(b"/a", b"x=1") == (None, b"/a", b"x=1")
    assert token_in(b"/a&ACCESSTOKEN=t", b"") == ("t", b"/a&", b"")
    assert token_in(b"/a", b"accessToken=%22t%22&x=1") == ("t", b"/a", b"&x=1")
    assert token_in(b"/a%26accessToken%3Dt", b"")[0] == "t"
    assert token_in(b"/a", b"accessToken=")[0] is None


async def test_the_socket_sends_bare_values_until_the_client_goes(ways):
    token = await ways.token("gate")
    async with ways.socket(path="/gate/socket") as socket:
        await socket.send(json.dumps({"accesstoken": token, "word": "hello"}))
        assert await said(socket) == {"word": "hello of test.app"}
        await socket.send("{}")  # keep-alives of clients are let pass
    await asyncio.wait_for(Gate.running.ended.wait(), 8)


async def test_the_socket_closes_when_the_event_has_ended(ways):
    token = await ways.token("gate")
    async with ways.socket(path="/gate/socket") as socket:
        await socket.send(json.dumps({"accessToken": token, "word": "end"}))
        assert await said(socket) == {"word": "end of test.app"}
        assert await end_of(socket) == (1000, "that was all")


async def test_the_socket_tells_of_a_failure_and_closes(ways):
    token = await ways.token("gate")
    async with ways.socket(path="/gate/socket") as socket:
        await socket.send(json.dumps({"accessToken": token, "word": "fail"}))
        await said(socket)
        assert (await said(socket))["result"] == 16
        assert await end_of(socket) == (1011, "it broke")


@pytest.mark.parametrize(
    "message", ['{"accessToken": "no"}', "{}", "[]", "x", '{"accessToken": 3}', b"\0", "x" * 20000]
)
async def test_a_socket_without_a_good_first_message_is_closed(ways, message):
    async with ways.socket(path="/gate/socket") as socket:
        await socket.send(message)
        assert (await said(socket))["result"] in (10, 13)
        code, reason = await end_of(socket)
        assert code == 1008
        assert reason


async def test_a_socket_wants_the_scope(ways):
    token = await ways.token("light")
    async with ways.socket(path="/gate/socket") as socket:
        await socket.send(json.dumps({"accessToken": token}))
        assert (await said(socket))["result"] == 14


async def test_a_silent_socket_is_closed(ways, monkeypatch):
    monkeypatch.setattr(surface_socket, "TOKEN_DEADLINE", 0.05)
    async with ways.socket(path="/gate/socket") as socket:
        assert (await end_of(socket))[0] == 1008


async def test_a_socket_that_says_nothing_and_goes_is_no_fault(ways):
    async with ways.socket(path="/gate/socket"):
        pass
    await ways.until(lambda: not ways.live.app.sockets.count_all())


async def test_a_revoked_token_closes_the_socket(ways):
    token = await ways.token("gate")
    async with ways.socket(path="/gate/socket") as socket:
        await socket.send(json.dumps({"accessToken": token}))
        await said(socket)
        [application] = ways.hub.auth.applications()
        await ways.hub.auth.revoke(application.id)
        assert (await end_of(socket))[0] == 4401


async def test_another_plugin_is_called_with_the_grant_of_the_application(ways):
    await ways.token("gate,light")
    [application] = ways.hub.auth.applications()
    others = Gate.running.context.others
    [lamp] = await others.services(application.id)
    assert lamp.id == "desk.lamp"
    answer = await others.call(
        application.id, Method.GET, "light", "word", lamp.id, {"word": "on"}, base_url="http://b"
    )
    assert answer["word"] == "on for test.app at http://b"


@pytest.mark.parametrize(
    ("scope", "profile", "error"),
    [("gate", "light", OutOfScope), ("gate,light", "gate", NotAuthorized)],
)
async def test_neither_the_grant_nor_the_manifest_can_be_passed_by(ways, scope, profile, error):
    await ways.token(scope)
    [application] = ways.hub.auth.applications()
    others = Gate.running.context.others
    with pytest.raises(error):
        await others.call(application.id, Method.GET, profile, "word", "desk.lamp", {})
    with pytest.raises(OutOfScope):
        await others.call("gone", Method.GET, "light", "word", "desk.lamp", {})


async def test_a_plugin_that_names_no_calls_has_no_others(tmp_path):
    folder: Any = tmp_path
    nothing: Any = None
    context = Context(
        plugin_id="x", settings=None, folder=folder, log=nothing, blobs=nothing,
        collection=nothing, spawn=nothing,
    )  # fmt: skip
    assert await context.others.services("a") == ()
    with pytest.raises(IllegalServerState):
        await context.others.call("a", Method.GET, "light", "word", "desk.lamp", {})


def test_paths_of_sockets_and_surfaces_are_checked():
    with pytest.raises(ValueError, match="path of its own"):
        event("gate", "words", socket="/gotapi/x")
    with pytest.raises(ValueError, match="two routes for the same"):

        class Twice(Plugin):
            id = "twice"
            name = "Twice"

            @event("a", "b", socket="/x")
            async def one(self, call: Call) -> AsyncIterator[Value]:
                yield Value(word="")

            @event("a", "c", socket="/x")
            async def two(self, call: Call) -> AsyncIterator[Value]:
                yield Value(word="")

    assert Gate.routes.paths() == ("/gate",)
    found = Gate.routes.find_socket("/gate/socket/")
    assert found is not None
    assert found.handler == "words"


def test_gotapi_errors_are_what_calls_raise():
    assert issubclass(OutOfScope, GotapiError)
