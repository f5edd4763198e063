"""The shell of the console: signing in, navigation, language, look, and what a lost hub does."""

from __future__ import annotations

import pytest

from gotapi_core.protocol.messages import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'


async def test_the_link_leads_to_the_console_and_leaves_no_trace(site, tab):
    assert tab.url == f"{site.url}/"
    assert await tab.title() == "Services - gotapi-hub"
    await tab.reload()
    await tab.wait_for_selector("h2 >> text=Desk lamp")
    assert await tab.evaluate("document.cookie") == ""


async def test_without_a_session_it_says_how_to_sign_in(site, open_tab, check_access):
    tab = await open_tab(f"{site.url}/console/services")
    await tab.wait_for_selector("text=Sign in to this hub")
    assert "gotapi operator" in await tab.inner_text("main")
    await check_access(tab)


async def test_the_operator_page_is_still_there(site, tab):
    await tab.goto(f"{site.url}/operator")
    await tab.wait_for_selector('#link[data-state="live"]')


async def test_a_service_comes_and_goes_without_a_reload(site, tab):
    await tab.wait_for_selector("h2 >> text=Desk lamp")
    site.plugin.offered = (
        Service(id="x", name=NASTY, type=NASTY, online=False, reason=NASTY, scopes=("light",)),
    )
    await tab.wait_for_selector(f"li.service h2 >> text={NASTY}")
    assert await tab.locator("text=Desk lamp").count() == 0
    assert await tab.locator("main img").count() == 0


async def test_thousands_of_services_can_be_searched(site, tab):
    site.plugin.offered = tuple(
        Service(id=f"l{number}", name=f"Lamp {number}", type="lamp", scopes=("light",))
        for number in range(2000)
    )
    await tab.wait_for_selector("text=2,000 services, 2,000 online")
    assert await tab.locator("li.service").count() == 200
    await tab.fill('input[type="search"]', "Lamp 1999")
    await tab.wait_for_selector("h2 >> text=Lamp 1999")
    assert await tab.locator("li.service").count() == 1


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_nothing_sticks_out_and_axe_finds_nothing(site, tab, viewport, check_access):
    site.plugin.offered = (
        Service(id="a", name="W" * 300, type="lamp", scopes=("light",)),
        Service(id="b", name="\u05de\u05e0\u05d5\u05e8\u05d4 \u202e gnp.exe", scopes=("light",)),
    )
    await tab.wait_for_selector("text=WWWWWWWW")
    assert await tab.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    await check_access(tab)
    if viewport["width"] < 760:
        await tab.click(".tabs > button")
    await tab.select_option("select:visible >> nth=1", "dark")
    await check_access(tab)


async def test_the_language_is_kept(site, tab):
    await tab.select_option("select >> nth=0", "ja")
    await tab.wait_for_selector("h1 >> text=サービス")
    await tab.reload()
    await tab.wait_for_selector("h1 >> text=サービス")
    assert await tab.get_attribute("html", "lang") == "ja"


async def test_signing_out_ends_the_session(site, tab):
    async with tab.expect_navigation():  # it loads itself anew
        await tab.click("text=Sign out")
    await tab.wait_for_selector("text=Sign in to this hub")
    await tab.goto(f"{site.url}/operator")
    await tab.wait_for_selector("text=Please sign in")


async def test_it_finds_the_hub_again_without_a_reload(serve_site, open_tab, tmp_path):
    async with serve_site(tmp_path) as first:
        tab = await open_tab(first.link())
        await tab.wait_for_selector("h2 >> text=Desk lamp")
        await tab.evaluate("window.same = true")
        port = first.live.port
    await tab.wait_for_selector("text=The hub does not answer")
    async with serve_site(tmp_path, port=port) as second:
        await second.ask("Early Bird")
        await tab.wait_for_selector(".toast >> text=Early Bird asks for access")
        await tab.wait_for_selector("text=The hub does not answer", state="hidden")
        assert await tab.evaluate("window.same") is True
