"""A small hub that keeps the wire contract and can be told to misbehave."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from gotapi_core.client import HubClient, Token

GOOD = "good-secret-token"
PRINTER = "p1.printer"


class FakeHub:
    """State, switches and a record of what was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.tokens = {GOOD}
        self.clients = {"client-1"}
        self.consent: list[dict[str, Any] | float] = []  # answers in turn; a number waits
        self.answers: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {}
        self.services: list[dict[str, Any]] = [service(PRINTER, "Printer one")]
        self.sockets: list[WebSocket] = []
        self.connections = 0
        self.verdict: str | None = '{"result":0}'
        self.silent = False  # no verdict at all
        self.listening: list[str] = []  # PUT and DELETE of 3dp/status, in order
        self.files: dict[str, bytes] = {}
        self.wish: dict[str, str] = {}  # the metadata of the upload that is under way
        self.length = 0
        self.received = bytearray()
        self.cut_after: list[int] = []  # bytes after which a PATCH loses its connection, in turn
        self.job: dict[str, Any] = {}
        self.last: dict[str, Any] | None = None
        self.on_start: Callable[[], Awaitable[None]] | None = None
        self.on_stop: Callable[[], Awaitable[None]] | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/gotapi/websocket", self.socket),
                Route("/{path:path}", self.http, methods=["GET", "PUT", "POST", "DELETE", "PATCH"]),
            ]
        )

    async def http(self, request: Request) -> Response:
        path, method = request.scope["path"], request.method
        params = dict(request.query_params)
        if method in ("PUT", "POST") and path != "/blobs/":
            params.update({key: str(value) for key, value in (await request.form()).items()})
        self.asked.append((method, path, params, dict(request.headers)))
        if "x-gotapi-origin" not in request.headers:
            return refuse(18, "no origin")
        own = self.answers.get((method, path))
        if own is not None:
            return await own(request)
        if path == "/gotapi/availability":
            return ok(name="fake", uuid="u-1")
        if path == "/gotapi/authorization/grant":
            self.clients.add("client-2")
            return ok(clientId="client-2")
        if path == "/gotapi/authorization/accesstoken":
            return await self._consent(params)
        if path.startswith("/blobs/"):
            return await self._upload(request, method)
        if params.get("accessToken") not in self.tokens:
            return refuse(15, "unknown token")
        return await self._service(request, method, path, params)

    async def _consent(self, params: dict[str, str]) -> Response:
        if params["clientId"] not in self.clients:
            return refuse(15, "unknown client")
        answer = self.consent.pop(0) if self.consent else allowed(params["scope"])
        if isinstance(answer, (int, float)):
            await asyncio.sleep(answer)
            return refuse(7, "not answered yet")
        return JSONResponse(answer)

    async def _service(
        self, request: Request, method: str, path: str, params: dict[str, str]
    ) -> Response:
        if path == "/gotapi/servicediscovery":
            return ok(services=self.services)
        if path == "/gotapi/3dp/status":
            if method in ("PUT", "DELETE"):
                self.listening.append(method)
                return ok()
            return ok(**self.status())
        if path == "/gotapi/3dp/printingcommand" and method == "PUT":
            self.job = job(name=params["name"], uri=params["uri"])
            self._later(self.on_start)
            return ok(jobId="j1", printqueue=[self.job])
        if path == "/gotapi/3dp/printingcommand":
            self._later(self.on_stop)
            return ok(printqueue=[])
        return refuse(2, "no such profile")

    def _later(self, work: Callable[[], Awaitable[None]] | None) -> None:
        if work is not None:
            task = asyncio.ensure_future(work())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _upload(self, request: Request, method: str) -> Response:
        """Speak tus for one upload at a time."""
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return refuse(15, "unknown token", 403)
        assert request.headers["tus-resumable"] == "1.0.0"
        if method == "POST":
            pairs = (pair.split(" ") for pair in request.headers["upload-metadata"].split(","))
            self.wish = {key: base64.b64decode(value).decode() for key, value in pairs}
            self.length, self.received = int(request.headers["upload-length"]), bytearray()
            return Response(status_code=201, headers={"location": f"{self.url}/blobs/1"})
        if method == "PATCH":
            return await self._append(request)
        if method == "DELETE":
            self.wish = {}
            return Response(status_code=204)
        return Response(headers={"upload-offset": str(len(self.received))})

    async def _append(self, request: Request) -> Response:
        if int(request.headers["upload-offset"]) != len(self.received):
            return refuse(16, "the offset differs", 409)
        cut = self.cut_after.pop(0) if self.cut_after else None
        async for piece in request.stream():
            self.received += piece if cut is None else piece[:cut]
            cut = None if cut is None else cut - len(piece)
            if cut is not None and cut <= 0:
                raise ConnectionError("cut")  # uvicorn closes the connection
        if len(self.received) == self.length:
            if hashlib.sha256(self.received).hexdigest() != self.wish["sha256"]:
                return refuse(10, "the hash differs", 460)
            self.files[self.wish["filename"]] = bytes(self.received)
        return Response(status_code=204, headers={"upload-offset": str(len(self.received))})

    async def socket(self, websocket: WebSocket) -> None:
        self.connections += 1
        await websocket.accept()
        try:
            frame = json.loads(await websocket.receive_text())
            if self.silent:
                await websocket.receive()
            if self.verdict is None:
                await websocket.close(1001)
                return
            if frame["accessToken"] not in self.tokens:
                await websocket.send_text('{"result":1,"errorCode":3,"errorMessage":"bad token"}')
                await websocket.close(1000)
                return
            await websocket.send_text(self.verdict)
            self.sockets.append(websocket)
            while True:
                await websocket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            if websocket in self.sockets:
                self.sockets.remove(websocket)

    def status(self) -> dict[str, Any]:
        queue = [self.job] if self.job else []
        members: dict[str, Any] = {
            "online": True,
            "operatingStatus": "printing" if queue else "idle",
            "nozzleTemperature": 201.4,
            "nozzleTarget": 200,
            "bedTemperature": 60,
            "printQueue": queue,
            "timeStamp": "2025-01-01T00:00:00Z",
        }
        if self.last is not None:
            members["lastJob"] = self.last
        return {"3dp": members}

    async def push(self, **members: Any) -> None:
        """Send an event to every socket; without members the present status."""
        frame = {"serviceId": PRINTER, "profile": "3dp", "attribute": "status", "result": 0}
        await self.send(json.dumps({**frame, **(members or self.status())}))

    async def send(self, text: str) -> None:
        for websocket in tuple(self.sockets):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await websocket.send_text(text)

    async def close_sockets(self, code: int) -> None:
        for websocket in tuple(self.sockets):
            self.sockets.remove(websocket)
            await websocket.close(code)

    async def finish(self, state: str, **members: Any) -> None:
        """End the job and tell it."""
        self.last = {**self.job, "state": state, **members}
        self.job = {}
        await self.push()

    def paths(self, method: str) -> list[str]:
        return [path for asked, path, _, _ in self.asked if asked == method]


def ok(**members: Any) -> Response:
    return JSONResponse({"result": 0, "product": "fake-hub", "version": "9.9", **members})


def refuse(code: int, message: str, status: int = 200) -> Response:
    members = {"result": 1, "errorCode": code, "errorMessage": message}
    return JSONResponse(members, status_code=status)


def allowed(scope: str) -> dict[str, Any]:
    scopes = [{"scope": one, "expirePeriod": 1000} for one in scope.split(",")]
    return {"result": 0, "accessToken": GOOD, "scopes": scopes, "expire": 4_000_000_000_000}


def service(service_id: str, name: str, **members: Any) -> dict[str, Any]:
    return {
        "serviceId": service_id,
        "id": service_id,
        "name": name,
        "online": True,
        "scopes": ["3dp", "3dprinter"],
        **members,
    }


def job(**members: Any) -> dict[str, Any]:
    return {"order": 0, "uri": "", "msg": "", "jobId": "j1", "name": "a.gcode"} | {
        "state": "printing",
        "progress": 0.25,
        "line": 10,
        "lines": 40,
        "layer": 2,
        "layers": 8,
        "timeLeft": 3725,
        "timeLeftSource": "file",
        **members,
    }


class Toolbox:
    """What the tests need to build answers, without importing this file."""

    GOOD = GOOD
    PRINTER = PRINTER
    ok = staticmethod(ok)
    refuse = staticmethod(refuse)
    allowed = staticmethod(allowed)
    service = staticmethod(service)
    job = staticmethod(job)

    @staticmethod
    async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for a condition; fails after the deadline."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the condition is the fake hub's, it tells nobody
                await asyncio.sleep(0.005)


@pytest.fixture
def tools() -> Toolbox:
    return Toolbox()


class Served:
    """A uvicorn server for a fake hub; the port stays the same over a restart."""

    def __init__(self, hub: FakeHub) -> None:
        self.hub = hub
        self._socket = _listening(0)
        self.port = self._socket.getsockname()[1]
        hub.url = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._socket.fileno() == -1:
            self._socket = _listening(self.port)
        config = uvicorn.Config(
            self.hub.app(), log_config=None, lifespan="off", ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]  # the test has the signals
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        async with asyncio.timeout(5):
            while not self._server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            self._server.force_exit = not self.hub.sockets
            await self._task
            self._server = None
        self._socket.close()


def _listening(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


@pytest.fixture
async def served(hub: FakeHub) -> AsyncIterator[Served]:
    server = Served(hub)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[HubClient]:
    token = Token(GOOD, "client-1", ("3dp",), 4e9)
    async with HubClient(
        served.hub.url, "org.example.app", "Example", token, time_limit=3.0, patience=3.0
    ) as opened:
        yield opened


@pytest.fixture
def threaded(hub: FakeHub) -> Iterator[FakeHub]:
    """A fake hub in a thread of its own, for commands that run a loop themselves."""
    started = threading.Event()
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        server = Served(hub)
        await server.start()
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        started.set()
        await ended.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(5)
    yield hub
    stop[0]()
    thread.join(5)
    assert not thread.is_alive()


@pytest.fixture
def gcode(tmp_path: Path) -> Path:
    path = tmp_path / "a.gcode"
    path.write_bytes(b"G28\nG1 X1\n" * 100)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("GOTAPI_HOME", str(folder))
    monkeypatch.delenv("GOTAPI_URL", raising=False)
    return folder
