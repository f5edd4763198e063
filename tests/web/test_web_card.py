"""The card in a printer, and the G-code of jobs, on the console's pages."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gotapi_core.host.loader import find_plugins, load
from gotapi_printer.arming import new_code
from gotapi_printer.simulator.child import run_simulator

ROOT = Path(__file__).parents[2]
BOX = ROOT / "examples" / "box.gcode"
NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'
LONG = "G28\n" + "G4 P500\n" * 2000
CORNER = """solid corner
facet normal 0 0 -1
outer loop
vertex 0 0 0
vertex 0 20 0
vertex 20 0 0
endloop
endfacet
facet normal 0 -1 0
outer loop
vertex 0 0 0
vertex 20 0 0
vertex 0 0 4
endloop
endfacet
facet normal -1 0 0
outer loop
vertex 0 0 0
vertex 0 0 4
vertex 0 20 0
endloop
endfacet
facet normal 1 1 5
outer loop
vertex 20 0 0
vertex 0 20 0
vertex 0 0 4
endloop
endfacet
endsolid corner
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def site_of_one(serve_site: Any, tmp_path: Path) -> AsyncIterator[Any]:
    """A hub with one printer that has a card in it."""
    card = tmp_path / "card"
    card.mkdir()
    (card / "long part of Anna.gcode").write_text(LONG)
    (card / f"{NASTY.replace('/', '')}.gcode").write_text("G28\n")
    (card / f"{'W' * 120}.gcode").write_bytes(BOX.read_bytes())
    link = tmp_path / "printer"
    ports = [{"path": str(link), "name": "Bench"}]
    settings = {"plugins": {"printer": {"ports": ports}}}
    printer = [load(one) for one in find_plugins() if one.manifest.id == "printer"]
    words = ("--only-numbered", "--time-scale", "10", "--card", str(card))
    async with serve_site(tmp_path / "hub", *printer, settings=settings) as site:
        with run_simulator(*words, link=link):
            yield site


@pytest_asyncio.fixture(loop_scope="module")
async def page(site_of_one: Any, open_tab: Any) -> Any:
    """The page of the printers, which knows the printer."""
    tab = await open_tab(site_of_one.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await tab.goto(f"{site_of_one.url}/console/printers")
    await tab.wait_for_selector(".readings >> text=Nozzle")
    await tab.wait_for_selector('.printer > .head .state >> text="Idle"')
    return tab


async def allow(page: Any, folder: Path, words: str) -> None:
    """Type the operator's code and press the button with these words."""
    await page.wait_for_selector(".arm >> text=gotapi printers arm printer")
    await page.fill('.arm input[name="code"]', "WRONG")
    await page.click(f'.arm >> text="{words}"')
    await page.wait_for_selector(".arm [role=alert]")
    code = new_code(folder / "hub" / "data" / "plugins" / "printer", "printer")
    await page.fill('.arm input[name="code"]', code)
    await page.click(f'.arm >> text="{words}"')
    await page.wait_for_selector(".arm", state="detached")


async def test_a_file_of_the_card_is_printed_and_stopped_and_another_deleted(page, tmp_path):
    await page.wait_for_selector(".files li:nth-child(3)")
    await page.click("[aria-label='Print “long part of Anna.gcode” from the card']")
    await page.click("dialog >> text=Print >> nth=-1")
    await allow(page, tmp_path, "Print")
    await page.wait_for_selector("text=Printed by the printer itself")
    await page.wait_for_selector('.printer > .head .state >> text="Printing"')
    await page.wait_for_selector("printer-card >> text=The printer is busy")
    await page.wait_for_selector("text=/ of 16 kB of the file/")
    await page.click('.boards >> text="Pause"')
    await page.wait_for_selector('.printer > .head .state >> text="Paused"')
    await page.click('.boards >> text="Go on"')
    await page.click('.boards >> text="Stop"')
    await page.click("dialog button.danger")
    await page.wait_for_selector("print-history >> text=From the card")
    await page.wait_for_selector("print-history >> text=Stopped")
    await page.wait_for_selector("printer-card >> text=Say first that the bed is clear")
    # The printer is still armed, so it is only asked whether that is wanted.
    await page.click(f"[aria-label='Delete “{'W' * 120}.gcode” from the card']")
    await page.click("dialog button.danger")
    await page.wait_for_selector(".files li:nth-child(3)", state="detached")
    await page.wait_for_selector(".files li:nth-child(2)")


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_the_card_fits_every_page_and_axe_finds_nothing(page, viewport, check_access):
    await page.wait_for_selector(".files li:nth-child(3)")
    await page.click("[aria-label='Delete “long part of Anna.gcode” from the card']")
    await page.click("dialog button.danger")
    await page.wait_for_selector(".arm")
    assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert await page.locator("main img").count() == 0
    await check_access(page)
    await picture(page, f"card-{viewport['width']}")
    await page.click(".arm >> text=Cancel")
    if viewport["width"] < 760:
        await page.click(".tabs > button")
    await page.select_option("select:visible:has(option[value=ja])", "ja")
    await page.wait_for_selector("h3 >> text=プリンターのカード")
    await page.emulate_media(color_scheme="dark")
    await check_access(page)
    await picture(page, f"card-{viewport['width']}-ja-dark")


async def picture(page: Any, name: str) -> None:
    if folder := os.environ.get("GOTAPI_SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def look_first(page: Any, folder: Path) -> None:
    """Have a model sliced; its preview is shown then."""
    model = folder / "corner.stl"
    model.write_text(CORNER)
    await page.set_input_files("print-file input[type=file]", str(model))
    await page.click("text=Slice and look first")
    await page.wait_for_selector('h2 >> text="corner.stl"')
    await page.wait_for_selector("text=/ of 20, at 4 mm/")


async def test_a_model_is_sliced_looked_at_and_then_printed(page, tmp_path, check_access):
    await look_first(page, tmp_path)
    await page.wait_for_selector(".banner >> text=This job waits")
    await check_access(page)
    await picture(page, "looked-first")
    await page.click("text=Print it")
    await page.wait_for_selector(".check:has-text('Follow the print') input:checked")
    await page.go_back()
    await page.click('.boards >> text="Stop"')
    await page.click("dialog button.danger")
    await page.wait_for_selector('.printer > .head .state >> text="Idle"')
    await page.click("print-history [aria-label='Preview of “corner.stl”']")  # of a job that ended
    # All of it, or where it ended, if the page saw it print a moment ago.
    await page.wait_for_selector("text=/ of 20, at .+ mm/")
    await page.wait_for_selector(".banner", state="detached")


async def test_a_job_that_waits_for_somebody_is_begun_in_the_queue(page, tmp_path, check_access):
    await look_first(page, tmp_path)
    await page.go_back()
    await page.wait_for_selector(".queue >> text=Waits for you")
    await check_access(page)
    await picture(page, "held")
    await page.click("[aria-label='Print “corner.stl”']")
    await page.wait_for_selector('.printer > .head .state >> text="Printing"')


async def test_a_file_is_looked_at_before_it_is_printed(page, tmp_path):
    file = tmp_path / "my box.gcode"
    file.write_bytes(BOX.read_bytes())
    await page.set_input_files("print-file input[type=file]", str(file))
    await page.click("print-file >> text=Preview")
    await page.wait_for_selector('h2 >> text="my box.gcode"')
    await page.wait_for_selector("text=20 of 20, at 4 mm")
    await page.reload()  # the address says which file it is
    await page.wait_for_selector("text=20 of 20, at 4 mm")
    await page.go_back()
    await page.set_input_files("print-file input[type=file]", str(file))
    await page.click("print-file >> text=Preview")
    await page.wait_for_selector("text=20 of 20, at 4 mm")
    await page.go_back()
    await page.wait_for_selector("text=“my box.gcode” can be printed")  # not forgotten meanwhile
    await page.click("print-file button.primary")
    await page.click('.boards a:has-text("Preview")')
    await page.wait_for_selector('h2 >> text="my box.gcode"')
    await page.wait_for_selector("text=20 of 20, at 4 mm")
