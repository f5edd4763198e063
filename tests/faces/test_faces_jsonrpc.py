"""JSON-RPC over HTTP and WebSocket, on a real hub."""

import asyncio
import json
from typing import Any

import pytest

ONE = {"serviceId": "one.bench"}


def request(method: str, number: int | None = 1, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    return found if number is None else {**found, "id": number}


async def test_a_call_gets_what_rest_answers(desk: Any) -> None:
    reply = await desk.call("bench.display.get", ONE)
    rest = await desk.http.get("/gotapi/bench/display", params=ONE, headers=desk.bearer)
    assert reply == {"jsonrpc": "2.0", "id": 1, "result": rest.json()}
    assert reply["result"]["serviceId"] == "one.bench"


async def test_every_verb_and_an_interface(desk: Any) -> None:
    await desk.call("bench.display.put", {**ONE, "text": "hello"})
    await desk.call("bench.copies.display.post", {**ONE, "labelText": "l"})
    await desk.call("Bench/Copies/Display.POST", {**ONE, "labelText": "m"})
    await desk.call("bench.display.delete", ONE)
    assert desk.bench.calls == ["put hello", "post l", "post m", "delete"]


async def test_a_profile_without_an_attribute(desk: Any) -> None:
    assert (await desk.call("bench.get", ONE))["result"]["result"] == 0


async def test_the_hubs_own_methods_have_short_names(desk: Any) -> None:
    assert (await desk.call("availability"))["result"]["name"] == "gotapi-hub"
    assert (await desk.call("availability.get"))["result"]["name"] == "gotapi-hub"
    services = (await desk.call("servicediscovery"))["result"]["services"]
    assert {one["serviceId"] for one in services} == {"one.bench", "two words.bench"}
    assert (await desk.call("serviceInformation", ONE))["result"]["serviceId"] == "one.bench"
    assert (await desk.call("authorization.grant.get"))["result"]["clientId"]


async def test_consent_through_calls(desk: Any) -> None:
    client = (await desk.call("grant"))["result"]["clientId"]
    wish = {"clientId": client, "scope": "meter", "applicationName": "A test"}
    asking = asyncio.create_task(desk.call("accesstoken", wish))
    await desk.live.allow()
    token = (await asking)["result"]["accessToken"]
    reply = await desk.call("bench.get", {**ONE, "accessToken": token})
    assert reply["error"]["code"] == -32014


async def test_the_token_may_be_a_parameter(desk: Any) -> None:
    reply = await desk.call("bench.get", {**ONE, "accessToken": desk.token}, headers={})
    assert reply["result"]["result"] == 0


async def test_without_a_token(desk: Any) -> None:
    error = (await desk.call("bench.get", ONE, headers={}))["error"]
    assert error["code"] == -32013
    assert error["data"]["result"] == 13
    assert error["data"]["errorCode"] == "13"


async def test_a_failure_has_the_code_of_its_result(desk: Any) -> None:
    error = (await desk.call("bench.busy.get", ONE))["error"]
    message = "The bench is in use; wait until it is free"
    assert error == {
        "code": -32016,
        "message": message,
        "data": {"result": 16, "errorCode": "16", "errorMessage": message},
    }
    assert (await desk.call("bench.display.put", ONE))["error"]["code"] == -32010
    assert (await desk.call("nothing.get", ONE))["error"]["code"] == -32002
    assert (await desk.call("bench.nothing.get", ONE))["error"]["code"] == -32008


@pytest.mark.parametrize("method", ["", "bench", ".get", "a.b.c.d.get", "bench..get", "rpc.x"])
async def test_what_is_no_method(desk: Any, method: str) -> None:
    assert (await desk.call(method))["error"]["code"] == -32601


async def test_authorize_is_for_sockets(desk: Any) -> None:
    assert (await desk.call("authorize"))["error"]["code"] == -32601


async def test_a_nonce_is_answered_with_a_mac(desk: Any) -> None:
    await desk.http.get("/gotapi/availability", params={"key": "a1" * 32})
    rest = await desk.http.get("/gotapi/servicediscovery?nonce=0102", headers=desk.bearer)
    reply = await desk.call("servicediscovery", {"nonce": "0102"})
    assert reply["result"]["hmac"] == rest.json()["hmac"]


async def test_a_batch_is_answered_in_order_without_its_notifications(desk: Any) -> None:
    replies = await desk.rpc(
        [
            request("bench.display.put", 1, **ONE, text="a"),
            request("bench.display.put", None, **ONE, text="b"),
            17,
            request("bench.display.delete", 2, **ONE),
        ]
    )
    assert [reply["id"] for reply in replies] == [1, None, 2]
    assert replies[1]["error"]["code"] == -32600
    assert desk.bench.calls == ["put a", "put b", "delete"]


async def test_notifications_get_no_content(desk: Any) -> None:
    assert await desk.rpc(request("bench.display.delete", None, **ONE)) is None
    assert desk.status == 204
    assert await desk.rpc([request("bench.display.delete", None, **ONE)] * 2) is None
    assert desk.bench.calls == ["delete"] * 3


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b"[" * 100 + b"]" * 100, -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":1,"method":"availability"}', -32700),
    ],
)
async def test_what_is_no_message(desk: Any, message: bytes, code: int) -> None:
    reply = await desk.rpc(message)
    assert (desk.status, reply["error"]["code"], reply["id"]) == (200, code, None)


async def test_a_batch_has_fifty_calls_at_most(desk: Any) -> None:
    fifty = [request("availability", number) for number in range(50)]
    assert len(await desk.rpc(fifty)) == 50
    assert (await desk.rpc([*fifty, request("availability")]))["error"]["code"] == -32600


async def test_the_doors_are_those_of_rest(desk: Any) -> None:
    assert (await desk.call("availability", headers={"Content-Type": "text/plain"}))["error"]
    assert desk.status == 415
    big = json.dumps(request("availability", text="x" * 2**20)).encode()
    assert (await desk.rpc(big))["error"]["code"] == -32010
    assert desk.status == 413
    answer = await desk.http.get("/gotapi/jsonrpc")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, -32003)
    answer = await desk.http.post("/gotapi/jsonrpc", headers={"X-GotAPI-Origin": ""})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, -32018)
    answer = await desk.http.post("/gotapi/jsonrpc", headers={"Host": "evil.example"})
    assert answer.status_code == 403


class Caller:
    """Calls over one socket."""

    def __init__(self, socket: Any, hear: Any) -> None:
        self.socket = socket
        self.hear = hear

    async def say(self, method: str, number: int | None = 1, **params: Any) -> None:
        await self.socket.send(json.dumps(request(method, number, **params)))

    async def call(self, method: str, **params: Any) -> Any:
        await self.say(method, **params)
        return await self.hear(self.socket)


async def test_calls_and_events_over_a_socket(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc") as socket:
        caller = Caller(socket, hear)
        reply = await caller.call("authorize", accessToken=desk.token)
        assert reply["result"]["result"] == 0
        assert (await caller.call("meter.value.put", **ONE))["result"]["result"] == 0
        await desk.until(lambda: desk.bench.queues)
        desk.bench.tell(5)
        assert await hear(socket) == {
            "jsonrpc": "2.0",
            "method": "event",
            "params": {
                "serviceId": "one.bench",
                "profile": "meter",
                "attribute": "value",
                "value": 5,
                "eventId": "",
                "result": 0,
            },
        }
        assert (await caller.call("meter.value.delete", **ONE))["result"]["result"] == 0


async def test_a_socket_goes_on_where_another_was(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc") as socket:
        begun = await Caller(socket, hear).call("authorize", accessToken=desk.token, resume="")
        assert begun["result"]["resumed"] is False
        await desk.listen()
        desk.bench.tell(1)
        first = (await hear(socket))["params"]
    desk.bench.tell(2)
    await desk.until(lambda: desk.hub.listeners.position(_application(desk)).number == 2)
    async with desk.socket("/gotapi/jsonrpc") as socket:
        again = await Caller(socket, hear).call(
            "authorize", accessToken=desk.token, resume=first["resume"]
        )
        assert again["result"]["resumed"] is True
        assert (await hear(socket))["params"]["value"] == 2


async def test_a_header_authorizes_a_socket(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc", **desk.bearer) as socket:
        assert (await Caller(socket, hear).call("servicediscovery"))["result"]["services"]
        await desk.listen()
        desk.bench.tell(1)
        assert (await hear(socket))["method"] == "event"


async def test_a_bad_header_closes_the_socket(desk: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc", Authorization="Bearer no") as socket:
        await closed(socket, 1008)


async def test_bad_tokens_close_the_socket(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc") as socket:
        caller = Caller(socket, hear)
        assert (await caller.call("authorize"))["error"]["code"] == -32013
        for _ in range(2):
            assert (await caller.call("authorize", accessToken="no"))["error"]["code"] == -32013
        await closed(socket, 1008)


async def test_a_revoked_token_closes_the_socket(desk: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc", **desk.bearer) as socket:
        await desk.until(lambda: desk.live.app.sockets.count_all() == 1)
        await desk.hub.auth.revoke(_application(desk))
        await closed(socket, 4401)


async def test_binary_closes_the_socket(desk: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc") as socket:
        await socket.send(b"{}")
        await closed(socket, 1003)


async def test_an_unauthorized_socket_that_says_nothing_is_closed(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.server.jsonrpc.TOKEN_DEADLINE", 0.1)
    async with desk.socket("/gotapi/jsonrpc") as socket:
        await closed(socket, 1008)


async def test_the_whole_way_of_an_application_over_one_socket(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc") as socket:
        caller = Caller(socket, hear)
        client = (await caller.call("grant"))["result"]["clientId"]
        await caller.say("accesstoken", clientId=client, scope="bench", applicationName="T")
        await desk.live.allow()
        token = (await hear(socket))["result"]["accessToken"]
        assert (await caller.call("authorize", accessToken=token))["result"]["result"] == 0
        assert (await caller.call("bench.get", **ONE))["result"]["result"] == 0


async def test_many_calls_at_once(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/jsonrpc", **desk.bearer) as socket:
        for number in range(100):
            await Caller(socket, hear).say("bench.get", number, **ONE)
        replies = [await hear(socket) for _ in range(100)]
        assert {reply["id"] for reply in replies} == set(range(100))
        await Caller(socket, hear).say("bench.get", None, **ONE)
        await socket.send("garbage")
        assert (await hear(socket))["error"]["code"] == -32700


async def test_the_end_of_the_hub_closes_the_socket(start: Any) -> None:
    async with start() as desk, desk.socket("/gotapi/jsonrpc", **desk.bearer) as socket:
        desk.live.server.should_exit = True
        await closed(socket, 1001)


async def closed(socket: Any, code: int) -> None:
    async with asyncio.timeout(8):
        await socket.wait_closed()
    assert socket.close_code == code


def _application(desk: Any) -> str:
    [found] = desk.hub.auth.applications()
    return str(found.id)
