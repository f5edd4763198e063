"""What the operator changes reaches open event streams: lost scopes, new ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gotapi_auth.grants import Lifetime
from gotapi_core.client import HubClient
from gotapi_core.plugin import Call, Plugin, Result, Service, event
from gotapi_core.testing.live import live_hub

ORIGIN = "org.example.app"


class Tick(Result):
    tick: int


class TwoPlugin(Plugin):
    id = "two"
    name = "Two"

    async def services(self) -> list[Service]:
        return [Service(id="one", name="One", scopes=("light", "dark"))]

    async def _ticks(self) -> AsyncIterator[Tick]:
        for number in range(1_000_000):
            yield Tick(tick=number)
            await asyncio.sleep(0.01)

    @event("light", "state")
    async def light(self, call: Call) -> AsyncIterator[Tick]:
        async for tick in self._ticks():
            yield tick

    @event("dark", "state")
    async def dark(self, call: Call) -> AsyncIterator[Tick]:
        async for tick in self._ticks():
            yield tick


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Listening:
    """An application with a token, that can listen."""

    def __init__(self, live, clock: Clock, token: str) -> None:
        self.live = live
        self.clock = clock
        self.token = token
        self.id = live.hub.auth.applications()[0].id

    async def listen(self, http: httpx2.AsyncClient, profile: str) -> None:
        answer = await http.put(
            f"{self.live.url}/gotapi/{profile}/state",
            params={"accessToken": self.token, "serviceId": "one.two"},
            headers={"X-GotAPI-Origin": ORIGIN},
        )
        assert answer.json()["result"] == 0

    def socket(self):
        address = f"ws://127.0.0.1:{self.live.port}/gotapi/websocket"
        return connect(address, additional_headers={"X-GotAPI-Origin": ORIGIN})


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Listening]:
    clock = Clock()
    async with (
        live_hub(tmp_path, [TwoPlugin], clock=clock) as live,
        HubClient(live.url, ORIGIN, "App") as client,
    ):
        asking = asyncio.create_task(client.authorize(["light", "dark"]))
        code = await live.next_request()
        await live.hub.auth.approve(code, Lifetime.DAY)
        yield Listening(live, clock, (await asking).value)


async def test_a_lost_scope_is_heard_no_more(app: Listening) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http, app.socket() as socket:
        await socket.send(json.dumps({"accessToken": app.token}))
        assert json.loads(await socket.recv())["result"] == 0
        await app.listen(http, "light")
        await app.listen(http, "dark")
        async with asyncio.timeout(5):
            heard: set[str] = set()
            while heard != {"light", "dark"}:
                heard.add(json.loads(await socket.recv())["profile"])
        await app.live.hub.auth.change(app.id, scopes=["light"])
        async with asyncio.timeout(5):
            rest = [json.loads(await socket.recv())["profile"] for _ in range(60)]
        assert set(rest[20:]) == {"light"}  # what was under way may still come
        assert app.live.hub.listeners.streams() == 1


async def test_a_socket_closes_when_its_new_end_comes(app: Listening) -> None:
    async with app.socket() as socket:
        await socket.send(json.dumps({"accessToken": app.token}))
        assert json.loads(await socket.recv())["result"] == 0
        await app.live.hub.auth.change(app.id, until=app.clock() + 1.0)
        began = time.monotonic()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        assert 0.5 < time.monotonic() - began < 2.5


async def test_a_socket_stays_when_its_end_was_put_off(app: Listening) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http, app.socket() as socket:
        await socket.send(json.dumps({"accessToken": app.token}))
        assert json.loads(await socket.recv())["result"] == 0
        await app.live.hub.auth.change(app.id, lifetime=Lifetime.ALWAYS)
        app.clock.ahead = 2 * 86400.0  # beyond the first end
        await app.listen(http, "light")
        async with asyncio.timeout(5):
            for _ in range(120):  # more than a second of events: looks at ends come in between
                assert json.loads(await socket.recv())["profile"] == "light"


async def test_an_event_stream_over_http_ends_with_the_token(app: Listening) -> None:
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=10.0) as http,
        http.stream(
            "GET",
            f"{app.live.url}/gotapi/events",
            params={"accessToken": app.token},
            headers={"X-GotAPI-Origin": ORIGIN},
        ) as answer,
    ):
        pieces = answer.aiter_bytes()
        assert await anext(pieces)
        app.clock.ahead = 2 * 86400.0
        async with asyncio.timeout(3):
            async for _ in pieces:
                pass
