"""A hub with a lamp and a clock, and the pieces of both models of client libraries."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from gotapi_core.plugin import Call, Context, Params, Plugin, Result, Service, event, get, post, put
from gotapi_core.testing import live_hub
from gotapi_core.testing.live import LiveHub

DEADLINE = 8.0


class LampParams(Params):
    color: str = "white"
    level: int = 0


class Lit(Result):
    color: str
    level: int


class Time(Result):
    count: int


class Home(Plugin):
    """A lamp, found by Bluetooth, and a clock, whose ticks the test makes."""

    id = "home"
    name = "Home"
    version = "3.1"
    running: ClassVar["Home"]

    async def start(self, context: Context) -> None:
        await super().start(context)
        self.offered = [
            Service(id="lamp", name="Test lamp", type="BLE", scopes=("light",), version="7"),
            Service(id="clock", name="A clock", scopes=("clock",)),
        ]
        self.ticks: set[asyncio.Queue[int]] = set()
        type(self).running = self

    def services(self) -> list[Service]:
        return self.offered

    @get("light")
    async def light(self, call: Call) -> Lit:
        """Tell how the lamp shines."""
        return Lit(color="white", level=1)

    @post("light")
    async def on(self, call: Call, params: LampParams) -> Lit:
        """Switch the lamp on."""
        return Lit(color=params.color, level=params.level)

    @put("light", "color")
    async def set_color(self, call: Call, params: LampParams) -> Lit:
        """Set the color."""
        return Lit(color=params.color, level=params.level)

    @event("clock", "ticks")
    async def ticks_events(self, call: Call) -> AsyncIterator[Time]:
        """Tell the time."""
        queue: asyncio.Queue[int] = asyncio.Queue()
        self.ticks.add(queue)
        try:
            while True:
                yield Time(count=await queue.get())
        finally:
            self.ticks.discard(queue)

    async def tick(self, count: int) -> None:
        """Send an event, as soon as somebody listens."""
        async with asyncio.timeout(DEADLINE):
            while not self.ticks:  # noqa: ASYNC110 - the generator starts by itself
                await asyncio.sleep(0.005)
        for queue in self.ticks:
            queue.put_nowait(count)


class Browser:
    """The part of a browser that a library runs in: XHR with CORS, and WebSockets.

    Cross-origin requests are preflighted as Fetch says, and an answer that the page may not read is
    an error without more.
    """

    SAFE = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})

    def __init__(self, live: LiveHub, page: str) -> None:
        self.live = live
        self.page = page
        self.base = f"http://localhost:{live.port}"
        self.preflights: list[httpx2.Response] = []
        self.sent: list[httpx2.Request] = []
        self._client = httpx2.AsyncClient(trust_env=False, timeout=30)

    async def xhr(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> httpx2.Response:
        """Send a request as the page's script would; raises AssertionError for a network error."""
        headers = dict(headers or {})
        url = f"{self.base}{path}"
        same = self.page == self.base
        site = {"Sec-Fetch-Site": "same-origin" if same else "cross-site", "Sec-Fetch-Mode": "cors"}
        if same and method == "GET":
            site["Referer"] = f"{self.page}/app/index.html"
        else:
            site["Origin"] = self.page
        if not same:
            await self._preflight(method, url, headers, site)
        request = self._client.build_request(method, url, headers={**headers, **site}, content=body)
        self.sent.append(request)
        answer = await self._client.send(request)
        if not same:
            assert answer.headers.get("access-control-allow-origin") in ("*", self.page), answer
        return answer

    async def _preflight(
        self, method: str, url: str, headers: dict[str, str], site: dict[str, str]
    ) -> None:
        kind = headers.get("content-type", "").partition(";")[0]
        odd = sorted(name for name in headers if name != "content-type" or kind not in self.SAFE)
        if method in ("GET", "POST", "HEAD") and not odd:
            return
        asked = {"Access-Control-Request-Method": method}
        if odd:
            asked["Access-Control-Request-Headers"] = ",".join(odd)
        answer = await self._client.request("OPTIONS", url, headers={**site, **asked})
        self.preflights.append(answer)
        allowed = answer.headers.get("access-control-allow-headers", "").lower()
        names = {name.strip() for name in allowed.split(",")}
        assert answer.is_success, answer
        assert answer.headers["access-control-allow-origin"] in ("*", self.page)
        assert set(odd) <= names, f"{odd} against {allowed}"
        methods = answer.headers.get("access-control-allow-methods", "")
        assert method in ("GET", "POST", "HEAD") or method in methods, methods

    async def websocket(self) -> ClientConnection:
        """Open the WebSocket; a browser sends Origin and cannot add headers."""
        url = f"ws://localhost:{self.live.port}/gotapi/websocket"
        return await connect(url, origin=self.page, proxy=None)  # type: ignore[arg-type]  # an Origin

    async def close(self) -> None:
        await self._client.aclose()


async def next_frame(socket: ClientConnection) -> dict[str, Any]:
    found = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE))
    assert isinstance(found, dict)
    return found


@pytest.fixture
async def live(tmp_path) -> AsyncIterator[LiveHub]:
    async with live_hub(tmp_path / "home", [Home]) as running:
        yield running


@pytest.fixture
def home(live) -> Home:
    return Home.running


@pytest.fixture
async def browser(live) -> AsyncIterator[Any]:
    """A function that opens a browser on a page; without one on a page of another site."""
    opened: list[Browser] = []

    def open_page(page: str = "https://shop.example") -> Browser:
        opened.append(Browser(live, page))
        return opened[-1]

    yield open_page
    for one in opened:
        await one.close()


@pytest.fixture
def frame():
    return next_frame


@pytest.fixture
def allowing(live):
    """A function that awaits something while the operator allows what it asks for."""

    async def allowing(work):
        task = asyncio.ensure_future(work)
        try:
            await live.allow()
            return await task
        finally:
            task.cancel()

    return allowing
