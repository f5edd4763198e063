"""The examples of docs/javascript.md run as they stand, but for the port of the hub."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from gotapi_core.plugin import Call, Plugin, Result, Service, event
from gotapi_core.server import console as console_module

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = (Path(__file__).parents[2] / "docs" / "javascript.md").read_text()
SDK = Path(console_module.__file__).parent / "console" / "sdk" / "gotapi.js"


class Status(Result):
    printer: dict[str, str] = msgspec.field(name="3dp")


class PaperPlugin(Plugin):
    """A printer as the examples expect one."""

    id = "paper"
    name = "Paper printers"

    def services(self) -> list[Service]:
        return [Service(id="one", name="Paper printer", scopes=("3dp",))]

    @event("3dp", "status")
    async def statuses(self, call: Call) -> AsyncIterator[Status]:
        yield Status(printer={"operatingStatus": "idle"})
        await asyncio.Event().wait()


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    return found


@pytest.fixture
def folder(console: None, tmp_path: Path) -> Path:
    (tmp_path / "gotapi.js").write_bytes(SDK.read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


async def test_the_program_for_node(serve_site, folder, node):
    async with serve_site(folder / "hub", PaperPlugin) as site:
        (folder / "program.js").write_text(block("js").replace("http://127.0.0.1:4035", site.url))
        process = await asyncio.create_subprocess_exec(
            node, "program.js", cwd=folder, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline() == b"Please allow My script.\n"
            await site.live.allow()
            output, _ = await process.communicate()
    assert process.returncode == 0
    for said in (b"one.paper Paper printer true", b"4 of 4 bytes"):
        assert said in output


async def test_the_page(serve_site, open_tab, folder):
    async with serve_site(folder / "hub", PaperPlugin) as site:
        page = block("html").replace("findHub({", f'findHub({{ urls: ["{site.url}"],')
        (folder / "index.html").write_text(page)
        handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            tab = await open_tab(f"http://localhost:{server.server_port}/")
            await tab.wait_for_selector("text=Please allow this page")
            await site.live.allow()
            await tab.wait_for_selector("text=Paper printer: idle")
            await tab.context.close()
            server.shutdown()
            thread.join()


async def test_every_call_and_error_of_the_page_is_in_the_sdk():
    sources = "".join(
        path.read_text() for path in (Path(__file__).parents[2] / "web" / "sdk").glob("*.ts")
    )
    for name in re.findall(r"`hub\.(\w+)", TEXT):
        assert re.search(rf"^  (?:async |get )?\*?{name}\(", sources, re.MULTILINE), name
    for name in re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE):
        if name[0].isupper():
            assert f"class {name} extends" in sources, name
