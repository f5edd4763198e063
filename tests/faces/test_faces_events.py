"""Resuming events: Server-Sent Events, GotAPI-5, and our client over connections that are cut."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gotapi_core.client import HubClient, Token


@contextlib.asynccontextmanager
async def stream(desk: Any, cursor: str = "", **params: str) -> AsyncIterator[Any]:
    """Open the event stream; yields a function that reads one block."""
    headers = desk.bearer | ({"Last-Event-ID": cursor} if cursor else {})
    async with desk.http.stream(
        "GET", "/gotapi/events", params=params, headers=headers, timeout=8
    ) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()

        async def block() -> dict[str, str]:
            found: dict[str, str] = {}
            async with asyncio.timeout(8):
                async for line in lines:
                    if not line:
                        return found
                    name, _, value = line.partition(":")
                    found[name] = value.removeprefix(" ")
            raise AssertionError("the stream ended")

        yield block


def application(desk: Any) -> str:
    return str(desk.hub.auth.applications()[0].id)


async def noted(desk: Any, number: int) -> None:
    """Wait until the hub has numbered so many events."""
    await desk.until(lambda: desk.hub.listeners.position(application(desk)).number >= number)


async def test_a_stream_begins_with_an_id_and_numbers_its_events(desk: Any) -> None:
    async with stream(desk) as block:
        begun = await block()
        assert "data" not in begun  # an EventSource takes the id, and tells the page nothing
        assert begun["id"].endswith("-0")
        await desk.listen()
        desk.bench.tell(1)
        event = await block()
        assert event["id"].endswith("-1")
        assert json.loads(event["data"])["value"] == 1
        assert "resume" not in json.loads(event["data"])


async def test_a_stream_goes_on_after_the_last_event_id(desk: Any) -> None:
    async with stream(desk) as block:
        begun = (await block())["id"]
        await desk.listen()
    for value in range(3):
        desk.bench.tell(value)
    desk.bench.tell(8, durable=False)
    desk.bench.tell(9, durable=False)
    await noted(desk, 5)
    async with stream(desk, begun) as block:
        assert await block() == {"": "resumed"}
        events = [await block() for _ in range(4)]
    assert [json.loads(one["data"])["value"] for one in events] == [0, 1, 2, 9]
    async with stream(desk, resume=events[1]["id"]) as block:
        await block()
        assert json.loads((await block())["data"])["value"] == 2


async def test_a_cursor_that_is_of_no_use_resets(desk: Any) -> None:
    async with stream(desk, "another-5") as block:
        reset = await block()
        assert (reset["event"], reset["data"]) == ("reset", '{"resumed":false}')
        await desk.listen()
        desk.bench.tell(1)
        assert json.loads((await block())["data"])["value"] == 1
    async with stream(desk, "another-5") as block:
        assert (await block())["event"] == "reset"
        assert json.loads((await block())["data"])["value"] == 1  # the state as it is now


async def test_when_nobody_listened_any_more_nothing_can_be_resumed(start: Any) -> None:
    async with start(linger_time=0.05) as desk:
        async with stream(desk) as block:
            begun = (await block())["id"]
            await desk.listen()
        await desk.until(lambda: not desk.bench.queues)
        async with stream(desk, begun) as block:
            assert (await block())["event"] == "reset"


async def test_a_stream_is_refused_as_other_requests_are(start: Any) -> None:
    async with start(sockets_per_application=1) as desk:
        path = "/gotapi/events"
        page = await desk.page.get(path)
        assert (page.status_code, page.json()["result"]) == (403, 13)
        assert (await desk.page.post(path)).status_code == 405
        async with stream(desk) as block:
            await block()
            answer = await desk.http.get(path, headers=desk.bearer)
            assert answer.json()["errorCode"] == 17


async def test_a_stream_ends_with_its_token(desk: Any) -> None:
    async with stream(desk) as block:
        await block()
        await desk.hub.auth.revoke(application(desk))
        with pytest.raises(AssertionError, match="ended"):
            await block()


async def test_a_stream_that_is_too_slow_ends(start: Any) -> None:
    async with start(event_queue=1024) as desk, stream(desk) as block:
        await block()
        await desk.listen()
        ear = next(iter(desk.hub.listeners._ears[application(desk)]))
        for number in range(1, 100):  # in one step: nothing is sent meanwhile
            ear.offer(b'{"padding":"' + b"x" * 100 + b'"}', None, number)
        with pytest.raises(AssertionError, match="ended"):
            await block()


async def test_a_stream_ends_with_the_hub(start: Any) -> None:
    async with start() as desk, stream(desk) as block:
        await block()
        desk.live.server.should_exit = True
        with pytest.raises(AssertionError, match="ended"):
            await block()


async def test_a_quiet_stream_says_that_it_is_there(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.server.sse.BEAT", 0.05)
    async with stream(desk) as block:
        await block()
        assert await block() == {"": "still here"}


async def test_a_socket_that_asks_for_ids_gets_them(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/websocket") as socket:
        await socket.send(json.dumps({"accessToken": desk.token, "resume": ""}))
        verdict = await hear(socket)
        assert (verdict["result"], verdict["resumed"]) == (0, False)
        await desk.listen()
        desk.bench.tell(1)
        event = await hear(socket)
        assert event["eventId"] == event["resume"] != verdict["resume"]
    desk.bench.tell(2)
    await noted(desk, 2)
    async with desk.socket("/gotapi/websocket") as socket:
        await socket.send(json.dumps({"accessToken": desk.token, "resume": event["resume"]}))
        assert (await hear(socket))["resumed"] is True
        assert (await hear(socket))["value"] == 2
        await desk.listen()
        again = await hear(socket)  # a PUT brings the newest value, as the event it was
        assert again["value"] == 2
        assert again["eventId"].endswith("-2")


async def test_a_socket_that_does_not_ask_gets_none(desk: Any, hear: Any) -> None:
    async with desk.socket("/gotapi/websocket") as socket:
        await socket.send(json.dumps({"accessToken": desk.token}))
        assert set(await hear(socket)) == {"profile", "attribute", "result", "serviceId"}
        await desk.listen()
        desk.bench.tell(1)
        event = await hear(socket)
        assert event["eventId"] == ""  # the plug-in's own member of that name
        assert "resume" not in event


async def test_a_socket_that_changes_its_application_leaves_the_old_events(
    desk: Any, hear: Any
) -> None:
    other = await desk.allow("meter", "other.app")
    async with desk.socket("/gotapi/websocket") as socket:
        await socket.send(json.dumps({"accessToken": desk.token, "resume": ""}))
        await hear(socket)
        await socket.send(json.dumps({"accessToken": other, "resume": ""}))
        assert (await hear(socket))["result"] != 0  # it is another origin's
        await socket.send(json.dumps({"accessToken": desk.token, "resume": ""}))
        assert (await hear(socket))["result"] == 0


async def test_a_long_gap_does_not_overflow_the_queue(start: Any, hear: Any) -> None:
    async with start(event_queue=2048) as desk:
        async with stream(desk) as block:
            begun = (await block())["id"]
            await desk.listen()
        for value in range(200):
            desk.bench.tell(value)
        await noted(desk, 200)
        async with stream(desk, begun) as block:
            await block()
            found = [json.loads((await block())["data"])["value"] for _ in range(200)]
        assert found == list(range(200))


async def test_more_than_is_kept_resets(desk: Any) -> None:
    async with stream(desk) as block:
        begun = (await block())["id"]
        await desk.listen()
    for value in range(1001):
        desk.bench.tell(value)
    await noted(desk, 1001)
    async with stream(desk, begun) as block:
        assert (await block())["event"] == "reset"


async def cut(desk: Any) -> None:
    """Cut every connection of the application, as a lost network would."""
    for socket in tuple(desk.live.app.sockets._open):
        socket.abort()
    await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(4))
async def test_our_client_misses_nothing_and_hears_nothing_twice(desk: Any, seed: int) -> None:
    chance = random.Random(seed)
    token = Token(value=desk.token, client_id="")
    got: list[int] = []
    async with (
        HubClient(desk.live.url, "test.app", "A test", token) as client,
        client.events("meter", "value", "one.bench") as events,
    ):
        await desk.until(lambda: desk.bench.queues)

        async def read() -> None:
            async for event in events:
                assert "resume" not in event.members
                got.append(event.members["value"])

        reading = asyncio.create_task(read())
        for value in range(60):
            desk.bench.tell(value)
            if chance.random() < 0.15:
                await cut(desk)
            if chance.random() < 0.3:
                await asyncio.sleep(0.02)
        await desk.until(lambda: got and got[-1] == 59)
        reading.cancel()
        assert got == list(range(60))
        assert (events.lost, events.dropped) == (0, 0)


async def test_our_client_says_when_events_may_be_missing(desk: Any) -> None:
    token = Token(value=desk.token, client_id="")
    async with (
        HubClient(desk.live.url, "test.app", "A test", token) as client,
        client.events("meter", "value", "one.bench") as events,
    ):
        await desk.until(lambda: desk.bench.queues)
        desk.bench.tell(1)
        assert (await asyncio.wait_for(anext(events), 8)).members["value"] == 1
        desk.hub.listeners._logs.forget(application(desk))
        await cut(desk)
        await desk.until(lambda: events.lost == 1)
        desk.bench.tell(2)
        assert (await asyncio.wait_for(anext(events), 8)).members["value"] in (1, 2)


async def test_our_client_gets_a_value_again_when_it_asks_for_it(desk: Any) -> None:
    token = Token(value=desk.token, client_id="")
    async with (
        HubClient(desk.live.url, "test.app", "A test", token) as client,
        client.events("meter", "value", "one.bench") as events,
    ):
        await desk.until(lambda: desk.bench.queues)
        desk.bench.tell(1)
        assert (await asyncio.wait_for(anext(events), 8)).members["value"] == 1
        await events.renew()
        assert (await asyncio.wait_for(anext(events), 8)).members["value"] == 1
        async with client.events("meter", "value", "one.bench") as more:
            assert (await asyncio.wait_for(anext(more), 8)).members["value"] == 1
