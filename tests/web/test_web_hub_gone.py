"""The hub is killed while each page is in use: what it says, what it keeps, how it goes on."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gotapi_auth.operator import read_secret
from gotapi_core.paths import paths_under
from gotapi_printer.simulator.child import run_simulator

PATIENCE = 40_000  # ms; the first view loads what draws it, on a busy machine
SLOW = "G28\nG90\nG0 Z5 F600\n" + "G0 X100 F3000\nG0 X20\n" * 400  # moves that need no heat
PAGES = ("services", "printers", "create", "scenes", "gcode", "system")

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]


class Killed:
    """A hub in a process of its own, which can be killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = "0"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        words = (sys.executable, "-m", "gotapi_core", "run", "--home", str(self.home))
        self.process = await asyncio.create_subprocess_exec(
            *words,
            "--port",
            self.port,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode()
        assert " is ready at " in line
        self.url = line.rstrip().rpartition(" ")[2]
        self.port = self.url.rpartition(":")[2].rstrip("/")

    async def link(self) -> str:
        secret = read_secret(paths_under(self.home).operator_secret)
        headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.post(f"{self.url}/operator/api/link", headers=headers)
        return str(answer.json()["url"])

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.communicate()


@pytest_asyncio.fixture(loop_scope="module")
async def killed(console: None, tmp_path: Path) -> AsyncIterator[Killed]:
    """A hub with a printer that takes its time, and a scene."""
    home, link = tmp_path / "home", tmp_path / "printer"
    scenes = [sys.executable, "-m", "gotapi_core", "scenes", "demo", str(tmp_path / "scenes")]
    await asyncio.to_thread(subprocess.run, scenes, check=True, capture_output=True, timeout=180)
    paths_under(home).prepare()
    paths_under(home).settings_file.write_text(
        f'[[plugins.printer.ports]]\npath = "{link}"\nname = "Bench"\n'
        f'[plugins.portrayal]\nscenes = "{tmp_path / "scenes"}"\n'
    )
    hub = Killed(home)
    with run_simulator("--only-numbered", "--time-scale", "10", link=link):
        await hub.start()
        yield hub
        await hub.kill()


class Gate:
    """Holds requests of a page until it is opened, and lets them through then."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self.met = asyncio.Event()

    async def __call__(self, route: Any) -> None:
        self.met.set()
        await self._open.wait()
        await route.continue_()

    async def is_met(self) -> None:
        async with asyncio.timeout(PATIENCE / 1000):
            await self.met.wait()

    def open(self) -> None:
        self._open.set()


async def pixels(page: Any) -> int:
    """How many pixels of the drawing in sight are not see-through."""
    count = await page.evaluate(
        "() => { const c = document.querySelector('.drawn');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 128) n += 1; return n; }"
    )
    return int(count)


async def test_every_page_says_so_keeps_what_it_has_and_goes_on(killed, open_tab, tmp_path):
    first = await open_tab(await killed.link())
    await first.wait_for_selector('.link[data-state="live"]', state="attached")
    first.context.set_default_timeout(PATIENCE)
    tabs = {name: await first.context.new_page() for name in PAGES}
    for name in ("services", "printers", "create", "system"):
        await tabs[name].goto(f"{killed.url}/console/{name}")
    services, printers, create, scenes, gcode, system = (tabs[name] for name in PAGES)

    # A print that is shown, and its file, which is being read.
    slow, large = tmp_path / "slow.gcode", tmp_path / "large.gcode"
    slow.write_text(SLOW)
    large.write_text(SLOW + "; filled up\n" * 100_000)
    await printers.set_input_files("print-file input[type=file]", str(slow))
    await printers.click("print-file button.primary")
    await printers.wait_for_selector('.printer > .head .state >> text="Printing"')
    preview = await printers.get_attribute('.boards a:has-text("Preview")', "href")
    reading, drawing, sending = Gate(), Gate(), Gate()
    await gcode.route("**/blobs/**", reading)
    await gcode.goto(f"{killed.url}{preview}")
    # A file under way, a scene under way, half a stroke, and what the hub said of itself.
    await printers.route(re.compile(r"/blobs/.+"), sending)
    await printers.set_input_files("print-file input[type=file]", str(large))
    await scenes.route("**/3dps?**", drawing)
    await scenes.goto(f"{killed.url}/console/scenes")
    await create.wait_for_selector("form.options")
    await create.bring_to_front()
    box = await create.locator(".over").bounding_box()
    await create.mouse.move(box["x"] + 60, box["y"] + 60)
    await create.mouse.down()
    await create.mouse.move(box["x"] + 90, box["y"] + 90, steps=3)
    await system.wait_for_selector("dl.facts")
    await reading.is_met()
    await drawing.is_met()
    await sending.is_met()
    for tab in tabs.values():
        await tab.evaluate("window.same = true")

    await killed.kill()
    for gate in (reading, drawing, sending):
        gate.open()
    for tab in tabs.values():
        await tab.wait_for_selector(".banner >> text=The hub does not answer")
    await create.mouse.move(box["x"] + 120, box["y"] + 200, steps=3)
    half = await pixels(create)
    assert half > 500
    await gcode.wait_for_selector(".problem >> text=The hub did not answer")
    await scenes.wait_for_selector(".both .problem >> text=The hub did not answer")
    await printers.wait_for_selector('print-file:has(progress) >> text="Cancel"')
    for tab in (services, gcode, scenes, system):
        assert await tab.locator(".loading, progress").count() == 0
    assert await system.locator("text=Everything works").count() == 0
    # A page whose code is not there yet.
    await system.click("nav a:visible >> text=Plug-ins")
    await system.wait_for_selector(".problem >> text=This page could not be loaded")

    await killed.start()
    for tab in tabs.values():
        await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await services.wait_for_selector("h2 >> text=Bench")
    await system.wait_for_selector("article.plugin >> text=3D scenes")
    await system.click("nav a:visible >> text=System")
    await system.wait_for_selector("dl.facts")
    await scenes.wait_for_selector(".scene-stage[aria-busy=false] img")
    await gcode.wait_for_selector("text=1 of 1")
    await printers.wait_for_selector("print-history >> text=slow.gcode")
    await printers.wait_for_selector("print-file .findings")
    await printers.wait_for_selector('.printer > .head .state:not(:has-text("Connecting"))')
    assert await pixels(create) >= half
    for tab in tabs.values():
        assert await tab.locator(".problem").count() == 0
        assert await tab.evaluate("window.same") is True
    await create.mouse.up()
    await create.wait_for_selector("drawing-board[data-kept=front]")
    await create.reload()
    await create.wait_for_selector('[role=tab]:has-text("Front"):not(:has-text("empty"))')
    assert await pixels(create) >= half
