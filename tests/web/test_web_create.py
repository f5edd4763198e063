"""The page that makes models: drawing, pictures, the model, the way to the printer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw

from gotapi_core.host.loader import find_plugins, load

MAKING = 150_000  # ms that a model may take on a busy machine; it takes four seconds on an idle one

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(loop_scope="module")
async def page(studio: Any, open_tab: Any) -> Any:
    """The page, which knows the templates."""
    tab = await open_tab(studio.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await tab.goto(f"{studio.url}/console/create")
    await tab.wait_for_selector("form.options", timeout=MAKING)  # the service starts with it
    return tab


async def drawn(page: Any) -> int:
    """How many pixels of the drawing in sight are not see-through."""
    count = await page.evaluate(
        "() => { const c = document.querySelector('.drawn');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 128) n += 1; return n; }"
    )
    return int(count)


async def scribble(page: Any) -> None:
    """Draw a stroke with the mouse."""
    box = await page.locator(".over").bounding_box()
    await page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=8)
    await page.mouse.up()


def photo(folder: Path) -> Path:
    """A figure on grey paper."""
    image = Image.new("RGB", (300, 400), "#d9d9d9")
    pen = ImageDraw.Draw(image)
    pen.ellipse((110, 40, 190, 130), "#c02020")
    pen.rectangle((100, 120, 200, 360), "#2030c0")
    path = folder / "photo.png"
    image.save(path)
    return path


async def test_from_the_guide_to_the_printer_in_five_clicks(studio, page):
    await page.click("text=Start from the guide")
    await page.fill("form.options input[type=number]", "12")  # millimetres: soon printed
    await page.click("text=Make the model")
    await page.wait_for_selector("text=The model is there", timeout=MAKING)
    # In 3D where the browser can, in words where it cannot.
    await page.wait_for_selector('model-view[data-shown="done"], model-view:has-text("cannot")')
    async with page.expect_download() as download:
        await page.click("text=Save as STL")
    assert (await download.value).suggested_filename == "model.stl"
    await page.click('.result >> text="Print it"')
    await page.wait_for_selector(".toast >> text=in the queue of Bench")
    await page.click("text=See the printer")
    await page.wait_for_selector("print-history .state >> text=Done", timeout=MAKING)


async def test_a_drawing_outlives_a_reload_and_can_be_undone(page):
    assert await drawn(page) == 0
    await scribble(page)
    stroke = await drawn(page)
    assert stroke > 1000
    await page.click("text=Undo")
    assert await drawn(page) == 0
    await page.click("text=Redo")
    assert await drawn(page) == stroke
    await page.wait_for_selector("drawing-board[data-kept=front]")
    await page.reload()
    await page.wait_for_selector("drawing-board canvas.drawn")
    await page.wait_for_selector('[role=tab]:has-text("Front"):not(:has-text("empty"))')
    assert await drawn(page) == stroke
    await page.click('.buttons >> text="Clear"')
    await page.click("dialog button.danger")
    await page.wait_for_selector('[role=tab]:has-text("Front"):has-text("empty")')


async def test_the_paper_of_a_picture_is_taken_away_and_the_mask_corrected(page, tmp_path):
    await page.set_input_files("drawing-board input[type=file]", str(photo(tmp_path)))
    await page.wait_for_selector("text=Take the paper away")
    whole = await drawn(page)
    assert whole == 600 * 800
    await page.click("text=Take the paper away")
    figure = await drawn(page)
    assert 0.1 * whole < figure < 0.4 * whole
    await page.click('.tools-row >> text="Eraser"')
    await scribble(page)
    erased = await drawn(page)
    assert erased < figure
    await page.click('.tools-row >> text="Bring back"')
    await scribble(page)
    assert await drawn(page) > erased


async def test_what_is_no_picture_is_refused_in_words(page, tmp_path):
    bad = tmp_path / "thesis.png"
    bad.write_bytes(b"%PDF-1.4 no picture at all")
    await page.set_input_files("drawing-board input[type=file]", str(bad))
    await page.wait_for_selector("drawing-board .reason >> text=“thesis.png” is a PDF document")
    assert await drawn(page) == 0
    await page.wait_for_selector("text=Draw the front first.")
    await page.focus('[role=tab]:has-text("Front")')
    await page.keyboard.press("ArrowLeft")
    await scribble(page)  # of the back
    await page.keyboard.press("ArrowRight")
    await scribble(page)  # of the front
    await page.wait_for_selector("text=The back needs the right side too")


async def test_a_service_that_refuses_is_told_and_the_drawing_stays(page):
    await page.click('.tools-row >> text="Fill"')
    await page.click(".over")  # the whole sheet, which is no figure
    before = await drawn(page)
    await page.click("text=Make the model")
    await page.wait_for_selector(".result [role=alert]", timeout=MAKING)
    assert await drawn(page) == before
    await page.wait_for_selector('button.primary >> text="Make the model"')
    await page.select_option("select:visible:has(option[value=ja])", "ja")
    await page.wait_for_selector(".result [role=alert] >> text=ハブの説明")
    await page.select_option("select:visible:has(option[value=ja])", "en")


async def test_a_model_goes_on_over_a_restart_of_the_hub(serve_site, open_tab, tmp_path):
    creation = [one for one in find_plugins() if one.manifest.id == "creation"]
    async with serve_site(tmp_path, *map(load, creation)) as first:
        tab = await open_tab(first.link())
        await tab.wait_for_selector('.link[data-state="live"]', state="attached")
        await tab.goto(f"{first.url}/console/create")
        await tab.click("text=Start from the guide", timeout=MAKING)
        await tab.click("text=Make the model")
        await tab.wait_for_selector(".result [role=status] >> text=/Making the model|is there/")
        port = first.live.port
    await tab.wait_for_selector("text=The hub does not answer")
    assert await tab.locator(".result .problem").all_inner_texts() == []
    async with serve_site(tmp_path, *map(load, creation), port=port):
        await tab.wait_for_selector("text=The model is there", timeout=MAKING)


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_nothing_of_it_sticks_out_and_axe_is_content(page, viewport, check_access):
    assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    await check_access(page)
    if viewport["width"] < 760:
        await page.click(".tabs > button")
    await page.select_option("select:visible:has(option[value=ja])", "ja")
    await page.wait_for_selector("h1 >> text=つくる")
    await page.emulate_media(color_scheme="dark")
    await check_access(page)
