"""The page of the printers, with a simulated one behind a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gotapi_core.host.loader import find_plugins, load
from gotapi_printer.simulator.child import SimulatorChild, run_simulator

ROOT = Path(__file__).parents[2]
BOX = ROOT / "examples" / "box.gcode"
NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


class Bench:
    """A hub with one printer, which can be unplugged."""

    def __init__(self, site: Any, link: Path) -> None:
        self.site = site
        self.link = link
        self._stack = contextlib.ExitStack()

    def plug(self, *options: str) -> SimulatorChild:
        words = ("--only-numbered", "--time-scale", "10", *options)
        return self._stack.enter_context(run_simulator(*words, link=self.link))

    def unplug(self) -> None:
        self._stack.close()


@pytest_asyncio.fixture(loop_scope="module")
async def bench(serve_site: Any, tmp_path: Path) -> AsyncIterator[Bench]:
    printer = [load(one) for one in find_plugins() if one.manifest.id == "printer"]
    link = tmp_path / "printer"
    ports = [{"path": str(link), "name": f"Bench {NASTY}"}]
    settings = {"plugins": {"printer": {"ports": ports}}}
    async with serve_site(tmp_path / "hub", *printer, settings=settings) as site:
        one = Bench(site, link)
        one.plug()
        yield one
        one.unplug()


@pytest_asyncio.fixture(loop_scope="module")
async def page(bench: Bench, open_tab: Any) -> Any:
    """The page of the printers, which knows the printer."""
    tab = await open_tab(bench.site.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await tab.goto(f"{bench.site.url}/console/printers")
    await tab.wait_for_selector(".readings >> text=Nozzle")
    return tab


async def add(page: Any, name: str, folder: Path, copies: int = 1) -> None:
    """Put the box into the queue under a name."""
    file = folder / name
    file.write_bytes(BOX.read_bytes())
    await page.set_input_files("print-file input[type=file]", str(file))
    await page.wait_for_selector(f"text=“{name}” can be printed")
    await page.fill('print-file input[name="copies"]', str(copies))
    await page.click("print-file button.primary")
    await page.wait_for_selector("print-file >> text=Choose a file")


async def order(page: Any, *names: str) -> None:
    """Wait until these jobs wait, in this order."""
    rows = [f".queue:has(li:nth-child({len(names)}):last-child)"]
    rows += [f'li:nth-child({place}) bdi >> text="{name}"' for place, name in enumerate(names, 1)]
    for row in rows[1:]:
        await page.wait_for_selector(f"{rows[0]} {row}")


async def test_a_file_is_looked_through_printed_and_stopped(page, tmp_path):
    await page.wait_for_selector('.printer > .head .state >> text="Idle"')
    await page.wait_for_selector("temperature-chart canvas")
    file = tmp_path / "box.gcode"
    file.write_bytes(BOX.read_bytes())
    await page.set_input_files("print-file input[type=file]", str(file))
    await page.wait_for_selector("text=20 layers")
    await page.click("print-file button.primary")
    await page.wait_for_selector('.printer > .head .state >> text="Printing"')
    await page.wait_for_selector("text=of 501")  # lines of the file
    await page.wait_for_selector("text=own calculation")
    await page.wait_for_selector(".readings >> text=target 200 °C")
    await page.click("text=Pause")
    await page.wait_for_selector('.printer > .head .state >> text="Paused"')
    await page.click("text=Go on")
    await page.wait_for_selector('.printer > .head .state >> text="Printing"')
    preview = await page.get_attribute('.boards a:has-text("Preview")', "href")
    assert preview.startswith("/console/gcode/printer.printer/")
    await page.click('.boards >> text="Stop"')
    await page.click("dialog >> text=Cancel")  # asked first, as it cannot be taken back
    await page.click('.boards >> text="Stop"')
    await page.click("dialog button.danger")
    await page.wait_for_selector("print-history >> text=Stopped")
    # The bed is not clear now; somebody says so here.
    await page.click("text=The bed is clear")
    await page.wait_for_selector(".prompt", state="detached")
    await page.click("[aria-label='Print “box.gcode” again']")
    await page.wait_for_selector('.printer > .head .state >> text="Printing"')


async def test_the_queue_is_ordered_by_keyboard_and_by_dragging(page, tmp_path):
    await add(page, "first.gcode", tmp_path)
    for name in ("a.gcode", "b.gcode", "c.gcode"):
        await add(page, name, tmp_path, copies=2)
    await order(page, "a.gcode", "b.gcode", "c.gcode")
    await page.focus("[aria-label='Print “c.gcode” earlier']")
    await page.keyboard.press("Enter")
    await order(page, "a.gcode", "c.gcode", "b.gcode")
    await page.drag_and_drop(".queue li:nth-child(3) .name", ".queue li:nth-child(1) .name")
    await order(page, "b.gcode", "a.gcode", "c.gcode")
    await page.click("[aria-label='Remove “a.gcode”']")
    await order(page, "b.gcode", "c.gcode")


async def test_commands_are_sent_or_refused_with_the_reason(page):
    field = "gcode-console input"
    await page.fill(field, "M115")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".said >> text=FIRMWARE_NAME")
    await page.fill(field, "M302 P1")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".said [data-kind=refused] >> text=cold filament")
    await page.keyboard.press("ArrowUp")
    assert await page.input_value(field) == "M302 P1"
    await page.keyboard.press("ArrowUp")
    assert await page.input_value(field) == "M115"


async def test_one_press_stops_the_firmware(page, tmp_path):
    await add(page, "box.gcode", tmp_path)
    await page.wait_for_selector('.printer > .head .state >> text="Printing"')
    await page.click(".emergency")
    await page.wait_for_selector(".toast >> text=The firmware was stopped")
    await page.wait_for_selector("print-history >> text=Stopped")


async def test_an_unplugged_printer_is_shown_and_found_again(bench, page):
    bench.unplug()
    await page.wait_for_selector("text=This printer is offline")
    await page.wait_for_selector('.printer > .head .state >> text="Offline"')
    bench.plug()
    await page.wait_for_selector("text=This printer is offline", state="detached")
    await page.wait_for_selector('.printer > .head .state >> text="Idle"')


async def test_a_file_that_cannot_be_printed_is_refused_in_words(page, tmp_path):
    bad = tmp_path / "picture.gcode"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    await page.set_input_files("print-file input[type=file]", str(bad))
    await page.wait_for_selector("print-file [role=alert]")
    await page.click("text=Another file")
    await page.wait_for_selector("print-file >> text=Choose a file")


async def test_a_revoked_console_gets_access_again_by_itself(bench, page):
    await page.evaluate("window.same = true")
    for application in bench.site.hub.auth.applications():
        await bench.site.hub.auth.revoke(application.id)
    await page.fill("gcode-console input", "M115")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".said >> text=FIRMWARE_NAME")
    await page.wait_for_selector(".problem", state="detached")
    assert await page.evaluate("window.same") is True


LATER = "() => { const now = Date.now; Date.now = () => now() + 13 * 3600_000; }"


async def test_a_token_that_is_old_is_replaced_and_events_go_on(page):
    async def token():
        return await page.evaluate("localStorage.getItem('gotapi-console-token')")

    await page.wait_for_selector(".readings >> text=off")
    before = await token()
    for _ in range(5):  # the hub says now and then what time it is, and then it is early again
        await page.evaluate(LATER)
        await page.fill("gcode-console input", "M104 S60")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".said >> text=M104 S60")
        if await token() != before:
            break
    assert await token() != before
    await page.wait_for_selector(".readings >> text=/target 60/")


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_what_has_the_focus_is_not_behind_the_bar(page):
    await page.set_viewport_size({"width": page.viewport_size["width"], "height": 300})
    await page.focus("gcode-console input")
    await page.focus("#heat-span")
    top, bar = await page.evaluate(
        "['#heat-span', '.printer > .head'].map((one) => document.querySelector(one))"
        ".map((one, at) => one.getBoundingClientRect()[at ? 'bottom' : 'top'])"
    )
    assert top >= bar > 0


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_nothing_of_it_sticks_out_and_axe_finds_nothing(
    page, viewport, check_access, tmp_path
):
    for name in (f"{'W' * 120}.gcode", "b.gcode", "c.gcode"):
        await add(page, name, tmp_path)
    await page.wait_for_selector(".queue li:nth-child(2)")
    assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert await page.locator("main img").count() == 0
    await check_access(page)
    if viewport["width"] < 760:
        await page.click(".tabs > button")
    await page.select_option("select:visible:has(option[value=ja])", "ja")
    await page.wait_for_selector("h1 >> text=プリンター")
    await page.emulate_media(color_scheme="dark")
    await check_access(page)


RECALLED = """async () => {
  const opened = performance.timeOrigin / 1000;
  for (let turn = 0; turn < 40; turn += 1) {
    const samples = document.querySelector("temperature-chart")?.samples;
    const [times, nozzle] = samples?.last(86400, opened + 60).data ?? [[]];
    if (times[0] < opened && typeof nozzle[0] === "number") return true;
    await new Promise((done) => setTimeout(done, 50));
  }
  return false;
}"""


async def test_the_curves_begin_before_the_console_was_opened(page):
    async with asyncio.timeout(60):
        while True:  # the first readings may be of the moment in which the page is opened
            await page.reload()
            await page.wait_for_selector(".readings >> text=Nozzle")
            if await page.evaluate(RECALLED):
                break
