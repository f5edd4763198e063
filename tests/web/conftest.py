"""A real hub with the built console, and a browser that is signed in to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from gotapi_auth.server import RequestAdded
from gotapi_core.host.loader import find_plugins, load
from gotapi_core.hub import Hub
from gotapi_core.plugin import Call, Plugin, Result, Service, event, get
from gotapi_core.protocol.identity import Identity, Lineage
from gotapi_core.server import console as console_module
from gotapi_core.server.console import bundled
from gotapi_core.testing import LiveHub, live_hub
from gotapi_printer.simulator.child import run_simulator

ROOT = Path(__file__).parents[2]
SDK = Path(console_module.__file__).parent / "console" / "sdk" / "gotapi.js"
PAGE = Path(__file__).parent / "sdk_page.html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 20_000  # ms; a loaded machine is five times slower than an idle one
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
NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'
"""A text as a device, a file or an application could send it."""


class Told(Result):
    said: str


class LampPlugin(Plugin):
    """A plug-in whose services and events the test chooses."""

    id = "lamp"
    name = "Lamps"
    version = "1.2.0"
    offered: ClassVar[Sequence[Service]] = (
        Service(id="desk", name="Desk lamp", type="lamp", scopes=("light",)),
    )
    said: ClassVar[asyncio.Queue[str]]

    def services(self) -> Sequence[Service]:
        return type(self).offered

    @get("light", "state")
    async def state(self, call: Call) -> Told:
        return Told(said=NASTY)

    @event("light", "state")
    async def states(self, call: Call) -> AsyncIterator[Told]:
        while True:
            yield Told(said=await type(self).said.get())


@dataclass
class Site:
    """A running hub, and who asks it for access."""

    live: LiveHub
    plugin: type[LampPlugin]
    asking: list[asyncio.Task[Any]] = field(default_factory=list)

    @property
    def hub(self) -> Hub:
        return self.live.hub

    @property
    def url(self) -> str:
        return self.live.url

    def link(self) -> str:
        """A link that signs a browser in to the console."""
        return self.live.app.operator.console_link(self.live.url)

    async def ask(
        self,
        name: str = "Lamp Switch",
        origin: str = "https://lamps.example",
        scope: str = "servicediscovery,light",
    ) -> str:
        """Let an application ask for access; returns the code of its request."""
        added: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        stop = self.hub.auth.subscribe(
            lambda event: (
                added.set_result(event.request.code) if isinstance(event, RequestAdded) else None
            )
        )
        identity = Identity(origin, Lineage.STATUS, True)
        client = await self.hub.auth.grant(identity)
        asking = self.hub.auth.access_token(identity, client, scope, name)
        self.asking.append(asyncio.create_task(asking))
        async with asyncio.timeout(10):
            code = await added
        stop()
        return code

    async def allow(self, name: str = "Lamp Switch", **options: str) -> str:
        """Let an application ask, and approve it; returns its id."""
        code = await self.ask(name, **options)
        application = await self.hub.auth.approve(code)
        await self.asking[-1]
        return application.id

    async def clear(self) -> None:
        """Forget every request, application and change of the services."""
        self.plugin.offered = LampPlugin.offered
        for request in self.hub.auth.requests():
            await self.hub.auth.deny(request.code)
        await asyncio.gather(*self.asking, return_exceptions=True)
        self.asking.clear()
        for application in self.hub.auth.applications():
            await self.hub.auth.revoke(application.id)


@asynccontextmanager
async def served_site(folder: Path, *more: Any, **options: Any) -> AsyncIterator[Site]:
    """Run a hub with a lamp plug-in, and what else is given, until the block ends."""
    plugin = type("LampPlugin", (LampPlugin,), {"said": asyncio.Queue()})
    async with live_hub(folder, [plugin, *more], **options) as live:
        site = Site(live, plugin)
        yield site
        for task in site.asking:
            task.cancel()
        await asyncio.gather(*site.asking, return_exceptions=True)


@pytest.fixture(scope="session")
def console() -> None:
    """Skip where the console was not built."""
    if not bundled().built:
        pytest.skip("the web console is not built: run `make web`, which needs Node")


@pytest.fixture(scope="module")
def serve_site(console: None) -> Callable[..., AbstractAsyncContextManager[Site]]:
    """Run a hub of the test's own: `async with serve_site(folder, *plugins) as site`."""
    return served_site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_site(console: None, tmp_path_factory: Any) -> AsyncIterator[Site]:
    async with served_site(tmp_path_factory.mktemp("hub")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared_site: Site) -> AsyncIterator[Site]:
    """The hub of this module, with no request and no application."""
    yield shared_site
    await shared_site.clear()


@pytest.fixture(scope="module")
def browser_flags() -> tuple[str, ...]:
    """More options of the browser; a module can have its own."""
    return ()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(console: None, browser_flags: tuple[str, ...]) -> AsyncIterator[Any]:
    """The browser of a module; each test has a profile of its own in it."""
    pytest.importorskip("playwright", reason="the browser tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser tests need chromium (Debian: apt-get install chromium)")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *browser_flags]
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def node() -> str:
    """The path of a Node that is new enough for the SDK, or a skip."""
    found = shutil.which("node")
    version = subprocess.run([found or "false", "--version"], capture_output=True, check=False)
    major = version.stdout.decode().removeprefix("v").partition(".")[0]
    if found is None or not major.isdigit() or int(major) < 20:
        pytest.skip("Node 20 or newer is not installed")
    return found


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture(scope="module")
def foreign(console: None, tmp_path_factory: Any) -> Iterator[str]:
    """Serve a page with a copy of the SDK, from another origin than the hub's."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "index.html").write_bytes(PAGE.read_bytes())
    (folder / "gotapi.js").write_bytes(SDK.read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(serve_site: Any, tmp_path_factory: Any) -> AsyncIterator[Any]:
    """A hub that makes models, with a printer that takes no time."""
    folder = tmp_path_factory.mktemp("studio")
    parts = [load(one) for one in find_plugins() if one.manifest.id in ("creation", "printer")]
    link = folder / "printer"
    settings = {"plugins": {"printer": {"ports": [{"path": str(link), "name": "Bench"}]}}}
    with run_simulator("--time-scale", "0", link=link):
        async with serve_site(folder / "hub", *parts, settings=settings) as site:
            yield site


@pytest.fixture
def viewport(request: pytest.FixtureRequest) -> dict[str, int]:
    """The size of the page; parametrize it indirectly with a width for another one."""
    return {"width": getattr(request, "param", 1280), "height": 900}


@pytest_asyncio.fixture(loop_scope="module")
async def open_tab(browser: Any, viewport: dict[str, int]) -> AsyncIterator[Callable[..., Any]]:
    """Open pages: `tab = await open_tab(url)`; the test fails when one of them reports an error.

    A refusal by the security policy is such an error; failed fetches are not.
    """
    contexts: list[Any] = []
    faults: list[str] = []

    def complain(message: Any) -> None:
        away = "Failed to load resource" in message.text or "net::ERR_" in message.text
        if message.type == "error" and not away:
            faults.append(message.text)

    async def open_one(url: str, **options: Any) -> Any:
        context = await browser.new_context(
            viewport=viewport, **{"locale": "en-GB", "service_workers": "block", **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        tab = await context.new_page()
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", complain)
        tab.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        tab.faults = faults
        await tab.goto(url)
        return tab

    yield open_one
    for context in contexts:
        for page in context.pages:
            if await page.evaluate("window.struck") is not None:
                faults.append("a text became markup")
        await context.close()
    assert faults == []


@pytest_asyncio.fixture(loop_scope="module")
async def tab(site: Site, open_tab: Callable[..., Any]) -> Any:
    """The console of the hub, signed in and connected."""
    tab = await open_tab(site.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    return tab


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The script of axe-core, or a skip."""
    file = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        pytest.skip("axe-core is not installed: run `make web`")
    return file.read_text()


@pytest.fixture
def check_access(axe_source: str) -> Callable[[Any], Any]:
    """Check a page against WCAG 2.2 AA: `await check_access(tab)`."""

    async def check(tab: Any) -> None:
        # What a bar that stays in sight happens to cover can be scrolled from under it.
        await tab.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        # By the debugger: the page's own security policy would refuse it, as it should.
        session = await tab.context.new_cdp_session(tab)
        await session.send("Runtime.evaluate", {"expression": axe_source})
        options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
        node = "n.html.slice(0, 160) + n.failureSummary"
        found = f"r.violations.map((v) => [v.id, v.nodes.map((n) => {node})])"
        script = f"axe.run(document, {json.dumps(options)}).then((r) => JSON.stringify({found}))"
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = await session.send("Runtime.evaluate", asked)
        assert json.loads(answer["result"]["value"]) == []

    return check
