"""A creation service that does what a test says, and a hub that uses it."""

import asyncio
import contextlib
import itertools
import json
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect

import gotapi_creation
from gotapi_core.host.loader import Loaded
from gotapi_core.plugin.manifest import FILE_NAME, parse_manifest
from gotapi_core.testing import live_hub
from gotapi_creation.model import CreationSettings
from gotapi_creation.plugin import CreationPlugin

DEADLINE = 30.0  # seconds a test waits for anything before it fails
ORIGIN = "test.app"


def png(width: int = 64, height: int = 64) -> bytes:
    """Return a small black picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\0" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    )


def stl(*corners: tuple[float, float, float]) -> bytes:
    """Return a binary STL: a pyramid, or the triangles of these corners."""
    points = [(0.0, 0.0, 0.0), (20.0, 0.0, 0.0), (0.0, 20.0, 0.0), (0.0, 0.0, 20.0)]
    faces = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)]
    flat = list(corners) or [points[one] for face in faces for one in face]
    data = b"model".ljust(80, b" ") + struct.pack("<I", len(flat) // 3)
    for at in range(0, len(flat), 3):
        data += struct.pack("<12fH", 0, 0, 0, *itertools.chain(*flat[at : at + 3]), 0)
    return data


class Fake:
    """One creation service; tests change its attributes and functions."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.pictures: dict[int, bytes] = {}
        self.hellos: list[dict[str, Any]] = []
        self.answers: dict[str, Callable[[dict[str, str]], Any]] = {}
        self.reports: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.models: dict[str, bytes] = {"stl": stl()}
        self.jobs: dict[str, str] = {}  # by idempotency key
        self.ready = False
        self.numbers = itertools.count(100)
        self.guides: dict[str, Response] = {}
        self.looked: list[Request] = []  # for guides
        self.cut = 0  # so many requests are answered by closing the connection

    def count(self, op: str) -> int:
        return sum(name == op for name, _ in self.asked)

    def last(self, op: str) -> dict[str, str]:
        return [params for name, params in self.asked if name == op][-1]

    def finish(self) -> None:
        """Let the model be done."""
        self.ready = True
        self.reports.put_nowait({"serviceId": 1, "progress": 1.0, "time": 9})

    async def operation(self, request: Request) -> Response:
        op = request.path_params["op"]
        params = dict(request.query_params)
        self.asked.append((op, params))
        if self.cut:
            self.cut -= 1
            raise ConnectionResetError("as the test wants it")
        made = self.answers.get(op, getattr(self, op, None))
        answer = {"result": 101} if made is None else made(params)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, Response):
            return answer
        code = params.get("requestCode")
        head = {"result": 0} if code is None else {"resquestCode": int(code), "result": 0}
        return Response(json.dumps(head | answer), media_type="application/json")

    def servicediscovery(self, params: dict[str, str]) -> dict[str, Any]:
        entry = {"serviceId": ["com.example.3dmodeling"], "name": ["3dcharacter"], "provider": "e"}
        return {"services": [entry]}

    def serviceconnecting(self, params: dict[str, str]) -> dict[str, Any]:
        token = f"remote-secret-{next(self.numbers)}"
        entry = {"servicename": "Fake", "url": self.url, "secureToken": token}
        return {"3dConecntCreationServerList": [entry]}

    def filetransfer(self, params: dict[str, str]) -> dict[str, Any]:
        files = []
        for _ in range(int(params["number"])):
            number = next(self.numbers)
            entry = {"Method": "http", "fileId": str(number), "url": f"{self.url}/in/{number}"}
            files.append(entry)
        return {"fileNum": len(files), "FileTransInfo": files}

    def getattribute(self, params: dict[str, str]) -> dict[str, Any]:
        entry = {
            "templateId": 13579, "species": "HUMAN", "gender": "MALE", "age": 30, "style": 0.13,
            "2DsilhouetteImgUrl": "/silhouette2D/13579", "silhouetteId": 7, "partNames": ["head"],
        }  # fmt: skip
        return {"templateInfo": [entry]}

    def setattribute(self, params: dict[str, str]) -> dict[str, Any]:
        if params["templateId"] != "13579":
            return {"result": 107, "errorMessage": "There is no template of this number"}
        key = params.get("idempotencyKey", "")
        self.jobs.setdefault(key, f"remote-{next(self.numbers)}")
        return {"jobId": self.jobs[key], "queue": 2, "estimate": 3.5}

    def snapshot(self, params: dict[str, str]) -> dict[str, Any]:
        if params["op"] != "START":
            return {}
        return {"websocketUrl": f"{self.url.replace('http', 'ws')}/3dcapi/websocket"}

    def filereceive(self, params: dict[str, str]) -> dict[str, Any]:
        if not self.ready:
            return {"result": 111, "errorMessage": "not yet"}
        files = [
            {"method": "http", "fileId": at, "url": f"/out/{kind}", "format": kind}
            for at, kind in enumerate(self.models)
        ]
        return {"fileNum": len(files), "fileTransInfo": files}

    async def take(self, request: Request) -> Response:
        self.pictures[request.path_params["number"]] = await request.body()
        return Response(status_code=204)

    async def give(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "endless":
            return StreamingResponse(_endless())
        return Response(self.models[name])

    async def guide(self, request: Request) -> Response:
        self.looked.append(request)
        return self.guides.get(request.path_params["name"], Response(status_code=404))

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            self.hellos.append(await socket.receive_json())
            while (report := await self.reports.get()) is not None:
                text = report if isinstance(report, str) else json.dumps(report)
                await socket.send_text(text)
            await socket.close()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/3dcapi/{op}", self.operation, methods=["GET", "PUT"]),
                Route("/in/{number:int}", self.take, methods=["PUT"]),
                Route("/out/{name}", self.give),
                Route("/silhouette2D/{name}", self.guide),
                WebSocketRoute("/3dcapi/websocket", self.socket),
            ]
        )


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 65536
        await asyncio.sleep(0)  # the client runs in the same loop


@asynccontextmanager
async def running(fake: Fake, port: int = 0) -> AsyncIterator[Fake]:
    """Run a fake service until the block ends."""
    config = uvicorn.Config(
        fake.app(), port=port, log_level="critical", ws="websockets-sansio", lifespan="off",
        timeout_graceful_shutdown=0,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # pytest's timeout stands around it
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    fake.url = f"http://127.0.0.1:{port}"
    try:
        yield fake
    finally:
        fake.reports.put_nowait(None)
        server.should_exit = True
        server.force_exit = True
        await task


class Application:
    """An application of the hub, with a token for 3dcapi."""

    def __init__(self, live: Any, http: httpx2.AsyncClient, token: str, service: str) -> None:
        self.live = live
        self.url = live.url
        self.http = http
        self.token = token
        self.service = service
        self.secure = ""

    async def ask(self, op: str, method: str = "GET", /, **params: Any) -> dict[str, Any]:
        answer = await self.raw(op, method, **params)
        found = answer.json()
        assert isinstance(found, dict)
        return found

    async def raw(self, op: str, method: str = "GET", /, **params: Any) -> httpx2.Response:
        given = {"serviceId": self.service, "accessToken": self.token}
        if self.secure:
            given["secureToken"] = self.secure
        wanted = {name: value for name, value in (given | params).items() if value is not None}
        return await self.http.request(method, f"{self.url}/3dcapi/{op}", params=wanted)

    async def connect(self) -> None:
        answer = await self.ask("serviceconnecting")
        assert answer["result"] == 0, answer
        self.secure = answer["3dContentCreationServerList"][0]["secureToken"]

    async def send_pictures(self, number: int = 1, data: bytes | None = None) -> dict[str, Any]:
        answer = await self.ask("filetransfer", number=number)
        assert answer["result"] == 0, answer
        for entry in answer["fileTransInfo"]:
            sent = await self.http.put(entry["url"], content=data or png())
            assert sent.status_code == 200, sent.text
        return answer

    async def begin(self, number: int = 1, **params: Any) -> dict[str, Any]:
        """Go the whole way to a job that runs at the service."""
        if not self.secure:
            await self.connect()
        await self.send_pictures(number)
        answer = await self.ask("setattribute", "PUT", templateId=13579, num_sil=number, **params)
        assert answer["result"] == 0, answer
        return answer

    async def done(self) -> dict[str, Any]:
        """Wait until the files can be fetched or the job has ended without."""
        deadline = time.monotonic() + DEADLINE
        while (answer := await self.ask("filereceive"))["result"] == 111:
            assert time.monotonic() < deadline, answer
            await asyncio.sleep(0.02)
        return answer

    @asynccontextmanager
    async def socket(self, **members: Any) -> AsyncIterator[Any]:
        """Open the snapshot socket of the text and send its first message."""
        await self.ask("snapshot", op="START", time=1)
        async with connect(
            f"{self.url.replace('http', 'ws')}/3dcapi/websocket",
            additional_headers={"X-GotAPI-Origin": ORIGIN},
            proxy=None,
        ) as socket:
            await socket.send(json.dumps({"accessToken": self.token} | members))
            yield socket


async def next_report(socket: Any) -> dict[str, Any]:
    found = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE))
    assert isinstance(found, dict)
    return found


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        await asyncio.sleep(0.01)


def creation() -> Loaded:
    """Return the plug-in as the loader loads it."""
    from pathlib import Path

    folder = Path(gotapi_creation.__file__).parent
    manifest = parse_manifest((folder / FILE_NAME).read_bytes())
    words = gotapi_creation.gotapi_profiles()
    return Loaded(
        manifest,
        plugin_type=CreationPlugin,
        profiles=words,
        settings_type=CreationSettings,
    )


async def token_of(live: Any, http: httpx2.AsyncClient, scope: str) -> str:
    """Go the way of an application to its token; the operator allows everything."""
    base = f"{live.url}/gotapi/authorization"
    client = (await http.get(f"{base}/grant")).json()["clientId"]
    wish = {"clientId": client, "scope": scope, "applicationName": "A test"}
    asked = asyncio.create_task(http.get(f"{base}/accesstoken", params=wish))
    await live.allow()
    return str((await asked).json()["accessToken"])


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with running(Fake()) as one:
        yield one


@pytest.fixture
def parts() -> dict[str, Any]:
    """What tests of several files share."""
    return {
        "creation": creation, "running": running, "Fake": Fake, "Application": Application,
        "png": png, "stl": stl, "until": until, "next_report": next_report, "token_of": token_of,
        "replace": replace,
    }  # fmt: skip


@pytest.fixture
def hub_of(tmp_path):
    """A function that runs a hub with settings of the plug-in, and gives an application of it."""

    @asynccontextmanager
    async def hub_of(
        *urls: str, plugins: tuple[Any, ...] = (), scope: str = "3dcapi,servicediscovery",
        others: dict[str, Any] | None = None, **settings: Any,
    ) -> AsyncIterator[Application]:  # fmt: skip
        services = [{"url": url, "name": f"Fake {at}", "key": "the-key"} for at, url in
                    enumerate(urls)]  # fmt: skip
        section = {"embedded": False, "services": services, "lost_time": 3.0} | settings
        chosen = {"plugins": (others or {}) | {"creation": section}}
        async with live_hub(tmp_path / "home", [creation(), *plugins], settings=chosen) as live:
            headers = {"X-GotAPI-Origin": ORIGIN}
            async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE) as http:
                token = await token_of(live, http, scope)
                yield Application(live, http, token, "fake-0.creation")

    return hub_of


@pytest.fixture
async def app(hub_of, fake):
    async with hub_of(fake.url) as one:
        yield one
