"""The page of the scenes: in 3D, drawn by the hub, and what was clicked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gotapi_core.host.loader import find_plugins, load

DRAWN = 90_000  # ms; the first view loads what draws it, on a busy machine

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: Any) -> Path:
    """A folder with the city and the terrain of the demonstration."""
    folder: Path = tmp_path_factory.mktemp("scenes")
    making = [sys.executable, "-m", "gotapi_core", "scenes", "demo", str(folder)]
    subprocess.run(making, check=True, capture_output=True, timeout=180)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(serve_site: Any, scenes: Path, tmp_path_factory: Any) -> AsyncIterator[Any]:
    """A hub with these scenes."""
    portrayal = [load(one) for one in find_plugins() if one.manifest.id == "portrayal"]
    settings = {"plugins": {"portrayal": {"scenes": str(scenes)}}}
    async with serve_site(tmp_path_factory.mktemp("hub"), *portrayal, settings=settings) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def page(town: Any, open_tab: Any) -> Any:
    """The page, on which the hub has drawn the town."""
    tab = await open_tab(town.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await tab.goto(f"{town.url}/console/scenes")
    await tab.wait_for_selector(".scene-stage img", timeout=DRAWN)
    return tab


async def picture(page: Any) -> str:
    """The address of the hub's picture; each picture has another one."""
    await page.wait_for_selector(".scene-stage[aria-busy=false] img", timeout=DRAWN)
    return str(await page.get_attribute(".scene-stage img", "src"))


async def other_than(page: Any, before: str) -> None:
    """Wait for another picture, whole."""
    selector = f'.scene-stage[aria-busy=false] img:not([src="{before}"])'
    await page.wait_for_selector(selector, timeout=DRAWN)
    wide = await page.evaluate("document.querySelector('.scene-stage img').naturalWidth")
    assert wide > 100


async def test_the_same_view_in_the_browser_and_by_the_hub(page):
    # In 3D where the browser can, in words where it cannot.
    await page.wait_for_selector('model-view[data-shown], model-view:has-text("cannot")')
    await page.wait_for_selector("text=145 objects")
    before = await picture(page)
    await page.select_option(".looks select >> nth=0", "plain")
    await other_than(page, before)
    before = await picture(page)
    await page.select_option(".looks select >> nth=1", "CityGML:1")
    await other_than(page, before)


async def test_a_click_tells_what_is_there(page):
    await page.wait_for_selector("text=Click on something")
    await picture(page)
    await page.focus("text=What is in the middle?")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("td >> text=demo-", timeout=DRAWN)
    await page.click(".scene-stage img", position={"x": 3, "y": 3})  # the sky
    await page.wait_for_selector("text=There is nothing at this place", timeout=DRAWN)
    box = await page.locator(".scene-stage img").bounding_box()
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.wait_for_selector("td >> text=demo-", timeout=DRAWN)


async def test_the_keyboard_turns_the_view_and_the_hub_follows(page):
    works = await page.locator("model-view canvas").count()
    if works == 0:
        pytest.skip("this browser has no WebGL")
    await page.wait_for_selector("model-view[data-shown]", timeout=DRAWN)
    before = await picture(page)
    await page.focus("model-view")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("+")
    await other_than(page, before)


async def test_layers_are_chosen(page):
    await page.uncheck("label:has-text('Demo city') input")
    before = await picture(page)
    await page.check("label:has-text('Demo city') input")
    await other_than(page, before)
    await page.uncheck("label:has-text('Demo city') input")
    await page.uncheck("label:has-text('Demo terrain') input")
    await page.wait_for_selector("text=Choose a layer.")


async def test_a_refusal_of_the_service_is_shown_and_can_be_tried_again(town, page):
    await page.route("**/3dps?**request=GetView**", lambda route: route.abort())
    await page.select_option(".looks select >> nth=3", "sky")
    await page.wait_for_selector(".both .problem", timeout=DRAWN)
    await page.unroute("**/3dps?**request=GetView**")
    before = await page.get_attribute(".scene-stage img", "src")
    await page.click(".both .problem button")
    await other_than(page, str(before))
    assert await page.locator(".both .problem").count() == 0


async def test_a_revoked_console_goes_on_with_a_new_token(town, page):
    await page.wait_for_selector(".both [aria-busy=false] img", timeout=DRAWN)
    for application in town.hub.auth.applications():
        await town.hub.auth.revoke(application.id)
    before = await picture(page)
    await page.select_option(".looks select >> nth=0", "thematic")
    await other_than(page, before)
    assert await page.locator(".problem").count() == 0
    assert [one.origin for one in town.hub.auth.applications()] == [town.url]


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_nothing_in_it_sticks_out_and_axe_agrees(page, viewport, check_access):
    await page.click("text=What is in the middle?")
    await page.wait_for_selector("td >> text=demo-", timeout=DRAWN)
    assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    await check_access(page)
    if viewport["width"] < 760:
        await page.click(".tabs > button")
    await page.select_option("select:visible:has(option[value=ja])", "ja")
    await page.wait_for_selector("h1 >> text=シーン")
    await page.emulate_media(color_scheme="dark")
    await check_access(page)
