"""A hub with an echo plug-in on a real uvicorn, and a client that sends what a test says."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect

from gotapi_core.plugin import (
    Call,
    Context,
    Durable,
    Params,
    Plugin,
    Result,
    Service,
    SurfaceReply,
    SurfaceRequest,
    delete,
    event,
    get,
    post,
    put,
    surface,
)
from gotapi_core.protocol.errors import IllegalDeviceState, PluginError
from gotapi_core.testing import live_hub

DEADLINE = 8.0  # seconds a test waits for anything before it fails


class SayParams(Params):
    text: str = ""
    number: int | None = None
    uri: str | None = None


class Said(Result):
    method: str
    text: str
    number: int | None = None
    uri: str | None = None
    origin: str
    content: str | None = None


class TickParams(Params):
    text: str = ""


class Tick(Result):
    count: int
    padding: str = ""


class Echo(Plugin):
    """Answers with what it was asked; its events come when the test says so."""

    id = "echo"
    name = "Echo"
    version = "1.2"
    running: ClassVar["Echo"]

    def __init__(self) -> None:
        self.queues: set[asyncio.Queue[Tick | Durable[Tick]]] = set()
        self.released = asyncio.Event()
        self.requests: list[SurfaceRequest] = []
        self.spooled: list[bytes] = []
        self.reply: SurfaceReply | Exception = SurfaceReply()

    async def start(self, context: Context) -> None:
        await super().start(context)
        type(self).running = self

    def services(self) -> list[Service]:
        return [
            Service(id="one", name="Echo one", scopes=("echo", "tick")),
            Service(id="two", name="Echo two", scopes=("echo",)),
        ]

    @get("echo", "say")
    async def get_say(self, call: Call, params: SayParams) -> Said:
        """Say it."""
        return await self._said("GET", call, params)

    @put("echo", "say")
    async def put_say(self, call: Call, params: SayParams) -> Said:
        return await self._said("PUT", call, params)

    @post("echo", "say")
    async def post_say(self, call: Call, params: SayParams) -> Said:
        return await self._said("POST", call, params)

    @delete("echo", "say")
    async def delete_say(self, call: Call, params: SayParams) -> Said:
        return await self._said("DELETE", call, params)

    @get("echo", "crash")
    async def crash(self, call: Call) -> None:
        raise RuntimeError("the plug-in is broken")

    @get("echo", "busy")
    async def busy(self, call: Call) -> None:
        raise IllegalDeviceState("The bed is hot; wait until it has cooled down")

    @get("echo", "own")
    async def own(self, call: Call) -> None:
        raise PluginError("mine", result=99, error_code="1234", status=404)

    @get("echo", "wait")
    async def wait(self, call: Call) -> None:
        await self.released.wait()

    @event("tick", "count")
    async def count(self, call: Call, params: TickParams) -> AsyncIterator[Tick | Durable[Tick]]:
        queue: asyncio.Queue[Tick | Durable[Tick]] = asyncio.Queue()
        self.queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.queues.discard(queue)

    @surface("/raw")
    async def raw(self, request: SurfaceRequest) -> SurfaceReply:
        self.requests.append(request)
        if request.file is not None:
            self.spooled.append(_read(request.file))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def tick(self, count: int, *, durable: bool = False, padding: str = "") -> None:
        """Send one event to every listener."""
        value = Tick(count=count, padding=padding)
        for queue in self.queues:
            queue.put_nowait(Durable(value) if durable else value)

    async def _said(self, method: str, call: Call, params: SayParams) -> Said:
        content = None
        if params.uri is not None:
            blob = await self.context.blobs.open(params.uri, application=call.application)
            content = blob.path.read_text()
        return Said(
            method=method,
            text=params.text,
            number=params.number,
            uri=params.uri,
            origin=call.origin,
            content=content,
        )


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class Answer:
    """One HTTP answer; `fields` in the order they came, names in lower case."""

    def __init__(self, status: int, fields: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.fields = fields
        self.headers = dict(fields)
        self.body = body

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.fields}, {self.body[:300]!r})"


class Line:
    """One connection to the hub, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head: bool = False) -> Answer:
        """Read one answer; 100 Continue is skipped."""
        async with asyncio.timeout(DEADLINE):
            block = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = block.decode("latin-1").split("\r\n")[:-2]
            status = int(first.split(" ")[1])
            if status == 100:
                return await self.answer(head=head)
            fields = [
                (name.lower(), value.strip())
                for name, _, value in (line.partition(":") for line in lines)
            ]
            body = b"" if head else await self._body(status, dict(fields))
            return Answer(status, fields, body)

    async def rest(self) -> bytes:
        """Read until the hub closes; fails when it does not."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def close(self) -> None:
        self.writer.transport.abort()

    async def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return body


class Desk:
    """A running hub, and the shortest ways of an application through it."""

    def __init__(self, live) -> None:
        self.live = live
        self.hub = live.hub
        self.port = live.port
        self.host = f"127.0.0.1:{live.port}"
        self.echo: Any = getattr(Echo, "running", None)
        self._lines: list[Line] = []

    async def connect(self, host: str = "127.0.0.1") -> Line:
        line = Line(*await asyncio.open_connection(host, self.port))
        self._lines.append(line)
        return line

    async def raw(self, data: bytes, *, head: bool = False) -> Answer:
        """Send bytes on a new connection and return the answer."""
        line = await self.connect()
        line.send(data)
        try:
            return await line.answer(head=head)
        finally:
            line.close()

    async def ask(
        self,
        method: str,
        target: str,
        params: dict[str, object] | None = None,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        origin: str | None = "test.app",
        host: str | None = None,
    ) -> Answer:
        """Send one request; `origin` is a page's where it holds "://", else a native name."""
        if params:
            target += "?" + urlencode(params)
        return await self.raw(
            self.request(method, target, headers, body, origin, host), head=method == "HEAD"
        )

    def request(self, method, target, headers=None, body=None, origin="test.app", host=None):
        fields = {"Host": host if host is not None else self.host}
        if origin is not None and "://" in origin:
            fields |= {
                "Origin": origin,
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "cors",
                "Sec-Fetch-Dest": "empty",
            }
        elif origin is not None:
            fields["X-GotAPI-Origin"] = origin
        fields |= headers or {}
        if body is not None:
            fields.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")

    async def token(self, scope: str = "echo,tick", origin: str = "test.app") -> str:
        """Go the way of an application to its token; the operator allows everything."""
        grant = await self.ask("GET", "/gotapi/authorization/grant", origin=origin)
        wish = {
            "clientId": grant.json["clientId"],
            "scope": scope,
            "applicationName": "A test",
        }
        asked = asyncio.create_task(
            self.ask("GET", "/gotapi/authorization/accesstoken", wish, origin=origin)
        )
        await self.live.allow()
        return (await asked).json["accessToken"]

    def socket(self, origin: str | None = "test.app", path: str = "/gotapi/websocket", **more):
        """Open a GotAPI-5 WebSocket (an async context manager)."""
        page = origin if origin is not None and "://" in origin else None
        native = {"X-GotAPI-Origin": origin} if origin is not None and page is None else {}
        return connect(
            f"ws://{self.host}{path}",
            origin=page,
            additional_headers=native | more.pop("headers", {}),
            compression=None,
            proxy=None,
            **more,
        )

    @asynccontextmanager
    async def listening(self, token: str, **more):
        """Open a WebSocket that has its verdict."""
        async with self.socket(**more) as socket:
            await socket.send(json.dumps({"accessToken": token}))
            verdict = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE))
            assert verdict["result"] == 0, verdict
            yield socket

    async def listen(self, token: str, method: str = "PUT", **more) -> Answer:
        """Begin or stop to listen to the plug-in's events."""
        params = {"accessToken": token, "serviceId": "one.echo"}
        return await self.ask(method, "/gotapi/tick/count", params, **more)

    async def until(self, condition) -> None:
        """Wait for a condition; fails after the deadline."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, "it did not come to pass in time"
            await asyncio.sleep(0.005)

    async def answers(self) -> bool:
        """Tell whether the hub still answers as it should."""
        answer = await self.ask("GET", "/gotapi/availability", origin=None)
        return answer.status == 200 and answer.json["result"] == 0

    def close(self) -> None:
        for line in self._lines:
            line.close()


@pytest.fixture
def start(tmp_path, caplog):
    """A function that runs a hub with settings of the [server] section until its block ends.

    When it ends the hub must still answer, and nothing may have been logged as a fault of ours.
    """
    caplog.set_level(logging.DEBUG)

    @asynccontextmanager
    async def start(*, faults: tuple[str, ...] = (), live: dict[str, Any] | None = None, **server):
        wait = server.pop("wait", None)
        settings: dict[str, Any] = {"limits": server.pop("limits", {}), "server": server}
        if wait is not None:
            settings["consent"] = {"wait": wait}
        async with live_hub(
            tmp_path / "home", [Echo], settings=settings, **(live or {})
        ) as running:
            desk = Desk(running)
            try:
                yield desk
                assert running.server.should_exit or await desk.answers()
            finally:
                desk.close()
        assert not _unexpected(caplog.records, faults)

    return start


def _unexpected(records, faults):
    return [
        record.getMessage()
        for record in records
        if (record.exc_info or record.levelno >= logging.ERROR)
        and not any(fault in record.getMessage() for fault in faults)
    ]


@pytest.fixture
def ways_through():
    """A function that returns the ways of an application through a hub of the test's own."""
    made: list[Desk] = []

    def ways_through(live) -> Desk:
        made.append(Desk(live))
        return made[-1]

    yield ways_through
    for one in made:
        one.close()


@pytest.fixture
async def desk(start):
    """A hub with the defaults."""
    async with start() as desk:
        yield desk


@pytest.fixture
async def token(desk):
    """A token of the application `test.app` for both profiles of the echo plug-in."""
    return await desk.token()
