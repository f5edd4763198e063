"""A whole hub on a free loopback port, applications that ask it, and a browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from gotapi_auth.grants import Lifetime
from gotapi_auth.operator import read_secret
from gotapi_auth.server import RequestAdded
from gotapi_core.host.loader import Loaded
from gotapi_core.hub import Hub
from gotapi_core.paths import paths_under
from gotapi_core.plugin import Call, Plugin, Result, Service, get
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.identity import Identity, Lineage
from gotapi_core.server.app import App
from gotapi_core.server.listen import listen
from gotapi_core.server.operator import Operator
from gotapi_core.server.serve import HubServer, serve
from gotapi_core.settings import ConsentSettings, ServerSettings, Settings
from gotapi_core.store import Store

BASE = "http://127.0.0.1:4035"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Told(Result):
    said: str


class LampPlugin(Plugin):
    """A plug-in whose services the test chooses."""

    id = "lamp"
    name = "Lamps"
    version = "1.2.0"
    offered: ClassVar[Sequence[Service]] = (
        Service(id="desk", name="Desk lamp", type="lamp", scopes=("light",)),
    )

    async def services(self) -> Sequence[Service]:
        return type(self).offered

    @get("light", "state")
    async def state(self, call: Call) -> Told:
        return Told(said="on")


@dataclass
class Clock:
    """A wall clock that tests can set forward."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Running:
    """A running hub with its address, and who asks it for access."""

    hub: Hub
    operator: Operator
    url: str
    plugin: type[LampPlugin]
    secret: str
    asking: list[asyncio.Task[Any]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    async def ask(
        self,
        name: str = "Lamp Switch",
        origin: str = "https://lamps.example",
        scope: str = "servicediscovery,light",
        *,
        browser: bool = True,
    ) -> str:
        """Let an application ask for access; returns the code of its request."""
        added: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        stop = self.hub.auth.subscribe(
            lambda event: (
                added.set_result(event.request.code) if isinstance(event, RequestAdded) else None
            )
        )
        identity = Identity(origin, Lineage.STATUS, browser)
        client = await self.hub.auth.grant(identity)
        asking = self.hub.auth.access_token(identity, client, scope, name)
        self.asking.append(asyncio.create_task(asking))
        async with asyncio.timeout(5):
            code = await added
        stop()
        return code

    async def allow(self, name: str, origin: str, **options: Any) -> str:
        """Let an application ask, and approve it; returns its id."""
        code = await self.ask(name, origin, **options)
        application = await self.hub.auth.approve(code, Lifetime.DAY)
        await self.asking[-1]
        return application.id

    async def end(self) -> None:
        """Let the applications that still ask go."""
        for task in self.asking:
            task.cancel()
        await asyncio.gather(*self.asking, return_exceptions=True)


def make_hub(folder: Path, store: Store, clock: Callable[[], float], plugin: type[Plugin]) -> Hub:
    """Return a hub with a lamp plug-in and one that failed to load."""
    lamp = Manifest(id="lamp", name="Lamps", version="1.2.0", module="lamps", profiles=("light",))
    broken = Manifest(id="broken", name="Broken <b>", version="0.1", module="broken")
    paths = paths_under(folder)
    paths.prepare()
    return Hub(
        # With the operator page at `/`, as where no console was built; tests/web has the other.
        settings=Settings(server=ServerSettings(console=False), consent=ConsentSettings(wait=60.0)),
        paths=paths,
        store=store,
        clock=clock,
        plugins=[
            Loaded(lamp, plugin_type=plugin, profiles={"light": "switch your lamps"}),
            Loaded(broken, reason="ImportError: no module named broken"),
        ],
    )


@asynccontextmanager
async def made_hub(folder: Path, clock: Callable[[], float]) -> AsyncIterator[tuple[Hub, Any]]:
    """Make a hub on an open store, and the plug-in class of this test's own."""
    plugin = type("LampPlugin", (LampPlugin,), {})
    paths_under(folder).prepare()
    with Store(paths_under(folder).store) as store:
        yield make_hub(folder, store, clock, plugin), plugin


@asynccontextmanager
async def served_hub(folder: Path, port: int = 0) -> AsyncIterator[Running]:
    """Run a hub behind uvicorn until the block ends."""
    async with made_hub(folder, time.time) as (hub, plugin):
        sockets = listen("127.0.0.1", port)
        ready: asyncio.Future[tuple[App, HubServer]] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(
            serve(hub, sockets, on_ready=lambda app, server: ready.set_result((app, server)))
        )
        await asyncio.wait({ready, serving}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()  # raises what stopped it
        app, server = ready.result()
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        secret = read_secret(hub.paths.operator_secret)
        running = Running(hub, app.operator, url, plugin, secret)
        try:
            yield running
        finally:
            server.should_exit = True
            async with asyncio.timeout(10):
                await serving
            for one in sockets:
                one.close()
            await running.end()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def serve_hub() -> Callable[..., Any]:
    return served_hub


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    """A hub behind uvicorn on a free port."""
    async with served_hub(tmp_path) as one:
        yield one


@pytest.fixture
async def running(tmp_path: Path, clock: Clock) -> AsyncIterator[Running]:
    """A hub without a socket, whose operator's side is called directly."""
    async with made_hub(tmp_path, clock) as (hub, plugin):
        await hub.start()
        operator = Operator(hub, clock=clock)
        secret = read_secret(hub.paths.operator_secret)
        one = Running(hub, operator, BASE, plugin, secret)
        yield one
        operator.close()
        await hub.stop()
        await one.end()


class Wire:
    """Calls the operator's side without a socket, as the server would."""

    def __init__(self, operator: Any) -> None:
        self.operator = operator
        self.gone = asyncio.Event()

    async def __call__(
        self,
        method: str,
        target: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        *,
        scheme: str = "http",
    ) -> SimpleNamespace:
        path, _, query = target.partition("?")
        fields = {"host": "127.0.0.1:4035", **(headers or {})}
        if body:
            fields.setdefault("content-length", str(len(body)))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "scheme": scheme,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in fields.items()],
        }
        sent: list[dict[str, Any]] = []
        pieces = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if pieces:
                return pieces.pop()
            await self.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.operator(scope, receive, send)
        raw = [(k.decode(), v.decode()) for k, v in sent[0]["headers"]]
        whole = b"".join(message.get("body", b"") for message in sent[1:])
        return SimpleNamespace(
            status=sent[0]["status"],
            headers=dict(raw),
            cookies=[value for key, value in raw if key == "set-cookie"],
            body=whole,
            text=whole.decode(),
            json=lambda: json.loads(whole),
        )


@pytest.fixture
def wire(running: Running) -> Wire:
    return Wire(running.operator)


@pytest.fixture
def wire_of() -> type[Wire]:
    """Call the operator's side of a hub of the test's own."""
    return Wire


@pytest.fixture
def command(running: Running) -> dict[str, str]:
    """Headers of the `gotapi` command."""
    return {"authorization": f"Bearer {running.secret}", "content-type": "application/json"}


@pytest.fixture
async def page(running: Running, wire: Wire) -> dict[str, str]:
    """Headers of the operator page of a signed-in browser."""
    link = running.operator.login_link(BASE)
    answer = await wire("GET", link.removeprefix(BASE))
    cookies = "; ".join(cookie.partition(";")[0] for cookie in answer.cookies)
    return {
        "cookie": cookies,
        "sec-fetch-site": "same-origin",
        "content-type": "application/json",
        "x-gotapi-page-key": answer.headers["location"].partition("#key=")[2],
    }


@pytest.fixture(scope="module")
def chromium() -> str:
    """The path of the browser, or a skip that says what is missing."""
    pytest.importorskip("playwright", reason="the browser tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser tests need chromium (Debian: apt-get install chromium)")
    return CHROMIUM


@pytest.fixture(scope="module")
def chromium_flags() -> tuple[str, ...]:
    return FLAGS
