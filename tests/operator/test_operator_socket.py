"""The operator's WebSocket: who may open it, what comes over it, and every way in which it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gotapi_core.server.operator_board import Board
from gotapi_core.server.operator_socket import OperatorSockets

SIGNED_OUT = 4401


@dataclass
class Browser:
    """A signed-in browser, as far as the hub sees it."""

    url: str
    cookie: str
    key: str

    @asynccontextmanager
    async def socket(self, *, say=None, **headers):
        fields = {"origin": self.url, "cookie": self.cookie, **headers}
        fields = {name.replace("_", "-"): value for name, value in fields.items() if value}
        url = f"{self.url.replace('http', 'ws')}/operator/live"
        async with connect(url, additional_headers=fields, proxy=None) as socket:
            with contextlib.suppress(ConnectionClosed):  # it may be refused already
                await socket.send(json.dumps({"pageKey": self.key} if say is None else say))
            yield socket

    async def post(self, what):
        headers = {
            "cookie": self.cookie,
            "sec-fetch-site": "same-origin",
            "x-gotapi-page-key": self.key,
        }
        async with httpx2.AsyncClient(trust_env=False) as client:
            return await client.post(f"{self.url}/operator/{what}", headers=headers)


async def signed_in(served):
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(served.operator.login_link(served.url))
    cookies = [one.partition(";")[0] for one in answer.headers.get_list("set-cookie")]
    return Browser(served.url, "; ".join(cookies), answer.headers["location"].partition("#key=")[2])


@pytest.fixture
async def browser(served):
    return await signed_in(served)


async def frame(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), 8))


async def code(socket):
    async with asyncio.timeout(8):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd is not None else None


async def test_a_page_gets_the_state_and_then_each_change(served, browser):
    async with browser.socket() as first, browser.socket() as second:
        for socket in (first, second):
            state = await frame(socket)
            assert state["hub"]["url"] == served.url
            assert [one["name"] for one in state["services"]] == ["Desk lamp"]
            assert state["requests"] == []
        await served.ask("Lamp Switch")
        for socket in (first, second):
            [request] = (await frame(socket))["requests"]
            assert request["name"] == "Lamp Switch"


async def test_what_the_page_has_already_is_not_sent_again(served, browser):
    async with browser.socket() as socket:
        known = (await frame(socket))["revision"]
    async with browser.socket(say={"pageKey": browser.key, "since": known}) as socket:
        await served.ask()
        state = await frame(socket)
        assert state["revision"] != known
        assert len(state["requests"]) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://shop.example"},
        {"origin": ""},
        {"sec_fetch_site": "same-site"},
        {"host": "hub.example"},
    ],
)
async def test_nobody_else_may_open_it(browser, headers):
    with pytest.raises(InvalidStatus):
        async with browser.socket(**headers):
            pass


@pytest.mark.parametrize(
    "say",
    [
        {"pageKey": "0" * 64},
        {"pageKey": "\ud800"},
        {"pageKey": 7},
        {},
        [],
        {"pageKey": "x" * 2000},
    ],
)
async def test_without_the_page_key_nothing_is_told(browser, say):
    async with browser.socket(say=say) as socket:
        assert await code(socket) == SIGNED_OUT


async def test_binary_and_broken_first_messages_are_no_key(browser):
    for first in (b"\xff\x00", "{", "[" * 1000):
        url = f"{browser.url.replace('http', 'ws')}/operator/live"
        fields = {"origin": browser.url, "cookie": browser.cookie}
        async with connect(url, additional_headers=fields, proxy=None) as socket:
            await socket.send(first)
            assert await code(socket) == SIGNED_OUT


async def test_without_a_session_it_says_so_by_its_code(browser):
    async with browser.socket(cookie="gotapi-operator-1=x") as socket:
        assert await code(socket) == SIGNED_OUT


async def test_signing_out_ends_all_sockets_of_the_session(browser):
    async with browser.socket() as first, browser.socket() as second:
        await frame(first), await frame(second)
        assert (await browser.post("logout")).status_code == 200
        assert [await code(first), await code(second)] == [SIGNED_OUT] * 2


async def test_the_hub_that_stops_says_so(serve_hub, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        async with serve_hub(tmp_path) as served:
            browser = await signed_in(served)
            socket = await stack.enter_async_context(browser.socket())
            await frame(socket)
        assert await code(socket) in (1001, 1012)  # the second is the server's own word for it


class Line:
    """Serves one socket without a server; `say` is what the page sends."""

    def __init__(self, board, *, key_time=5.0, proves=lambda session, key: key == "key"):
        self.sockets = OperatorSockets(
            board,
            lambda revision, content, base: {"revision": revision, "base": base},
            lambda headers: "session",
            proves,
            lambda: 7.0,
            key_time=key_time,
        )
        self.incoming: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.sent: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})

    def say(self, text):
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self):
        self.incoming.put_nowait({"type": "websocket.disconnect"})

    async def serve(self):
        base = "http://127.0.0.1:4035"
        headers = {"host": "127.0.0.1:4035", "origin": base}
        scope = {"scheme": "ws", "path": "/operator/live"}
        send, cut = self.sent.put, lambda: None
        await self.sockets.serve(scope, headers, self.incoming.get, send, cut)

    async def next(self):
        message = await asyncio.wait_for(self.sent.get(), 8)
        if message["type"] != "websocket.send":
            return SimpleNamespace(**message)
        return json.loads(message["text"])


@pytest.fixture
def make_board(running, clock):
    made = []

    def make(**options):
        made.append(Board(running.hub, **options))
        return made[-1]

    yield make
    for board in made:
        board.close()


async def test_without_news_it_tells_the_time_until_the_page_leaves(make_board):
    line = Line(make_board(hold=0.05, tick=0.01))
    line.say('{"pageKey": "key"}')
    serving = asyncio.create_task(line.serve())
    assert (await line.next()).type == "websocket.accept"
    assert (await line.next())["base"] == "http://127.0.0.1:4035"
    assert await line.next() == await line.next() == {"now": 7.0}
    line.say("whatever a page may say later")
    line.leave()
    await asyncio.wait_for(serving, 8)


async def test_one_that_says_nothing_is_closed(make_board):
    line = Line(make_board(), key_time=0.01)
    await asyncio.wait_for(line.serve(), 8)
    assert (await line.next()).type == "websocket.accept"
    assert (await line.next()).code == 1008


async def test_one_that_leaves_at_once_is_let_go(make_board):
    line = Line(make_board())
    line.leave()
    await asyncio.wait_for(line.serve(), 8)
    assert line.sent.qsize() == 1


async def test_a_session_that_is_over_ends_it_before_the_next_state(make_board):
    answers = iter([True, True, False])
    line = Line(make_board(hold=0.05, tick=0.01), proves=lambda session, key: next(answers))
    line.say('{"pageKey": "key"}')
    await asyncio.wait_for(line.serve(), 8)
    assert (await line.next()).type == "websocket.accept"
    assert "revision" in await line.next()
    assert (await line.next()).code == SIGNED_OUT


async def test_one_too_many_hears_what_to_do(make_board):
    line = Line(make_board(max_waiters=0))
    line.say('{"pageKey": "key"}')
    await asyncio.wait_for(line.serve(), 8)
    await line.next()
    last = await line.next()
    assert last.code == 1013
    assert "close some" in last.reason


async def test_after_the_end_nobody_is_served(make_board):
    line = Line(make_board())
    line.sockets.close()
    await asyncio.wait_for(line.serve(), 8)
    await line.next()
    assert (await line.next()).code == 1001
