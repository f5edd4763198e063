"""A server on a free port, pictures without a library, and waiting for conditions."""

import asyncio
import socket
import struct
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp

from gotapi_creation.service.host import Service, Settings
from gotapi_creation.transfer.words import MESSAGE_BYTES

PATIENCE = 40.0  # seconds; the machine may be busy


def make_png(width: int, height: int, *, colour: bytes = b"\xff\xff\xff\xff") -> bytes:
    """A PNG with alpha of one colour."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checked = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checked)

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = (b"\0" + colour * width) * height
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def png() -> Callable[..., bytes]:
    return make_png


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[str]:
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[ASGIApp], Awaitable[str]]]:
    """Run an application until the end of the test; gives `host:port`."""
    async with AsyncExitStack() as stack:

        async def start(app: ASGIApp) -> str:
            return await stack.enter_async_context(running(app))

        yield start


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait until a condition holds, or fail after a while."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110  # it has no event of its own
                await asyncio.sleep(0.01)

    return wait


WORKER = Path(__file__).with_name("fake_worker.py")


@dataclass
class Running:
    """A service, and a client that speaks to it as a hub does."""

    base: str
    secret: str
    home: Path
    service: Service
    http: httpx2.AsyncClient
    token: str = ""

    def wish(self, what: str) -> None:
        """Say what the stand-in of the engine is to do."""
        (self.home / "wish").write_text(what)

    def tries(self) -> list[str]:
        """What the stand-in was asked for so far."""
        path = self.home / "tries"
        return path.read_text().splitlines() if path.exists() else []

    async def ask(self, operation: str, verb: str = "GET", /, **params: object) -> dict[str, Any]:
        """One request with both tokens."""
        given = {"accessToken": self.secret, "secureToken": self.token, **params}
        answer = await self.http.request(
            verb, f"{self.base}/3dcapi/{operation}", params={k: str(v) for k, v in given.items()}
        )
        assert answer.status_code == 200
        members: dict[str, Any] = answer.json()
        return members

    async def connect(self, **params: object) -> None:
        """Begin a session."""
        found = await self.ask("serviceconnecting", **params)
        self.token = found["3dContentCreationServerList"][0]["secureToken"]

    async def send(self, *pictures: bytes, **params: object) -> list[dict[str, Any]]:
        """Send pictures by http; gives the entries."""
        found = await self.ask("filetransfer", number=len(pictures), **params)
        entries: list[dict[str, Any]] = found["fileTransInfo"]
        for entry, picture in zip(entries, pictures, strict=True):
            answer = await self.http.put(entry["url"], content=picture)
            assert answer.status_code == 204, answer.text
        return entries

    async def begin(self, **params: object) -> dict[str, Any]:
        """Begin a job with what was sent."""
        return await self.ask("setattribute", "PUT", **{"templateId": 112, **params})

    async def ended(self, job_id: str) -> str:
        """Wait until a job is over; gives its state."""
        async with asyncio.timeout(PATIENCE):
            while True:
                job = self.service._records.job(job_id)
                assert job is not None
                if job.state.final:
                    return job.state.value
                with self.service._runner.watching(job_id) as changed:
                    if not self.service._records.job(job_id).state.final:
                        await changed.wait()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """Start services in this process; they end with the test."""
    async with AsyncExitStack() as stack:

        async def begin(name: str = "home", **settings: Any) -> Running:
            home = tmp_path / name
            service = Service(Settings(str(home), **settings), worker=(sys.executable, str(WORKER)))
            listening = socket.create_server(("127.0.0.1", 0))
            ready = asyncio.Event()
            serving = asyncio.create_task(service.serve(listening, ready.set))

            async def end() -> None:
                service.stop()
                await serving

            stack.push_async_callback(end)
            await ready.wait()
            http = await stack.enter_async_context(
                httpx2.AsyncClient(trust_env=False, timeout=PATIENCE)
            )
            base = f"http://127.0.0.1:{listening.getsockname()[1]}"
            return Running(base, service.secret, home, service, http)

        yield begin


@pytest.fixture
async def creation(start) -> Running:
    """A service with a session."""
    running = await start()
    await running.connect(requestCode=10)
    return running


@pytest.fixture
def worker_file() -> Path:
    """The stand-in of the engine's worker."""
    return WORKER
