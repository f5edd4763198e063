"""A hub with a plug-in that publishes files, and an application that talks HTTP to it."""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest

from gotapi_core.blobs import BlobStore
from gotapi_core.plugin import Call, Context, Params, Plugin, Result, Service, get
from gotapi_core.store import Store
from gotapi_core.testing import live_hub

DEADLINE = 8.0  # seconds a test waits for anything before it fails


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class GiveParams(Params):
    path: str
    name: str = "made.png"
    content_type: str = "image/png"


class Given(Result):
    uri: str


class ReadParams(Params):
    uri: str


class Read(Result):
    text: str


class Maker(Plugin):
    """Publishes what the test put into its folder."""

    id = "maker"
    name = "Maker"
    running: ClassVar["Maker"]

    async def start(self, context: Context) -> None:
        await super().start(context)
        type(self).running = self

    def services(self) -> list[Service]:
        return [Service(id="one", name="One", scopes=("make",))]

    @get("make", "file")
    async def give(self, call: Call, params: GiveParams) -> Given:
        uri = await self.context.blobs.publish(
            Path(params.path), params.name, params.content_type, call.application,
            base_url=call.base_url,
        )  # fmt: skip
        return Given(uri=uri)

    @get("make", "text")
    async def read(self, call: Call, params: ReadParams) -> Read:
        blob = await self.context.blobs.open(params.uri, application=call.application)
        return Read(text=blob.path.read_text())


class Site:
    """One hub and one approved application."""

    def __init__(self, live: Any, http: httpx2.AsyncClient) -> None:
        self.live = live
        self.hub = live.hub
        self.http = http
        self.token = ""
        self.application = ""

    async def approve(self, origin: str = "https://draw.example") -> str:
        """Go an application's way to its token, and use it from now on."""
        page = {"Origin": origin}
        grant = await self.http.get("/gotapi/authorization/grant", headers=page)
        wish = {"clientId": grant.json()["clientId"], "scope": "make", "applicationName": "Draw"}
        asking = asyncio.create_task(
            self.http.get("/gotapi/authorization/accesstoken", params=wish, headers=page)
        )
        await self.live.allow()
        self.token = (await asking).json()["accessToken"]
        self.application = self.hub.auth.applications()[-1].id
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.http.headers["Origin"] = origin
        return self.token

    async def tus(self, method: str, path: str = "/blobs/", content: Any = b"", **headers: object):
        """Send a request of tus; `Upload_Offset=5` is the header Upload-Offset."""
        fields = {"Tus-Resumable": "1.0.0"}
        if method == "PATCH":
            fields["Content-Type"] = "application/offset+octet-stream"
        fields |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
        fields = {name: value for name, value in fields.items() if value != "None"}
        # As it stands: httpx would resolve what looks like a way up.
        raw = {"target": path.removeprefix(self.live.url).encode()}
        request = self.http.build_request(
            method, "/", headers=fields, content=content, extensions=raw
        )
        return await self.http.send(request)

    async def create(self, length: int, **metadata: str) -> str:
        """Begin an upload; returns its path."""
        pairs = ",".join(
            f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in metadata.items()
        )
        answer = await self.tus("POST", Upload_Length=length, Upload_Metadata=pairs or None)
        assert answer.status_code == 201, answer.text
        return httpx2.URL(answer.headers["location"]).path

    async def patch(self, path: str, offset: int, body: Any, **headers: object):
        return await self.tus("PATCH", path, body, Upload_Offset=offset, **headers)

    async def offset(self, path: str) -> int:
        answer = await self.tus("HEAD", path)
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])

    async def store(self, body: bytes, name: str = "cube.gcode", kind: str = "image/png") -> str:
        """Store a whole file the plain way; returns its path."""
        answer = await self.http.post(
            "/blobs/", params={"name": name}, content=body, headers={"Content-Type": kind}
        )
        assert answer.status_code == 200, answer.text
        return httpx2.URL(answer.json()["uri"]).path

    async def read(self, path: str) -> bytes:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.content

    async def link(self, path: str, **params: object) -> str:
        """Make a signed link; returns its path and query."""
        answer = await self.http.post(f"{path}/link", params=params)
        assert answer.status_code == 200, answer.text
        return str(httpx2.URL(answer.json()["uri"]).raw_path, "ascii")

    def files(self) -> list[str]:
        """Return what lies in the blob folder and below it."""
        folder = self.hub.paths.blobs
        return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start_site(tmp_path: Path, clock: Clock):
    """A function that runs a hub with settings of the [server] section until its block ends."""

    @asynccontextmanager
    async def start(home: str = "home", **server: object) -> AsyncIterator[Site]:
        settings = {"server": server}
        async with (
            live_hub(tmp_path / home, [Maker], settings=settings, clock=clock) as live,
            httpx2.AsyncClient(base_url=live.url, trust_env=False) as http,
        ):
            site = Site(live, http)
            await site.approve()
            yield site

    return start


@pytest.fixture
async def site(start_site) -> AsyncIterator[Site]:
    async with start_site() as site:
        yield site


@pytest.fixture
def maker():
    """The running plug-in, once a site runs."""
    return lambda: Maker.running


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "hub.sqlite3") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "blobs"
    made.mkdir()
    return made


@pytest.fixture
async def blobs(store: Store, folder: Path, clock: Clock) -> AsyncIterator[BlobStore]:
    made = BlobStore(store, folder, 64 << 20, clock, quota=100 << 20)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def until():
    """Wait for a condition; fails after the deadline."""

    async def until(condition) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, "it did not come to pass in time"
            await asyncio.sleep(0.005)

    return until


@pytest.fixture
def checksum():
    """Return the Upload-Checksum of a body."""

    def checksum(body: bytes, algorithm: str = "sha256") -> str:
        digest = hashlib.new(algorithm, body).digest()
        return f"{algorithm} {base64.b64encode(digest).decode()}"

    return checksum
