"""The example pages on a server of their own, a hub, and a browser."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gotapi_core.plugin import Call, Plugin, Result, Service, event, get

ROOT = Path(__file__).parents[2]
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


class Status(Result):
    printer: Any = msgspec.field(name="3dp")


class PaperPrinterPlugin(Plugin):
    """A printer whose status the test sets."""

    id = "paper"
    name = "Paper printers"

    def __init__(self) -> None:
        type(self).only = self
        self.temperature = 21
        self.changed = asyncio.Event()
        self.silent = asyncio.Event()  # nobody listens any more

    def services(self) -> list[Service]:
        return [Service(id="one", name="Paper <b>printer</b>", scopes=("3dp",))]

    def heat(self, temperature: int) -> None:
        self.temperature = temperature
        self.changed.set()

    @get("3dp", "status")
    async def status(self, call: Call) -> Status:
        return self._status()

    @event("3dp", "status")
    async def statuses(self, call: Call) -> AsyncIterator[Status]:
        self.silent.clear()
        try:
            while True:
                yield self._status()
                self.changed.clear()
                await self.changed.wait()
        finally:
            self.silent.set()

    def _status(self) -> Status:
        return Status(printer={"operatingStatus": "idle", "nozzleTemperature": self.temperature})


@pytest.fixture
def hub_plugins() -> list[type[Plugin]]:
    return [PaperPrinterPlugin]


@pytest.fixture
def printer(live_hub: object) -> PaperPrinterPlugin:
    """The plug-in that runs in the hub of the test."""
    return PaperPrinterPlugin.only


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def page_url() -> Iterator[str]:
    """Serve examples/page as `python3 -m http.server` would."""
    handler = partial(_Quiet, directory=str(ROOT / "examples" / "page"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
async def tab() -> AsyncIterator[Any]:
    """A page in a real browser; the test fails when a script of it does."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    from playwright.async_api import async_playwright

    errors: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = await browser.new_page()
        page.set_default_timeout(5000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        await browser.close()
    assert errors == []
