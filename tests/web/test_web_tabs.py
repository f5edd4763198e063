"""Many tabs of one browser: each follows the hub, and one that signs in brings the others back."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIVE = '.link[data-state="live"]'


async def test_eight_tabs_are_ready_and_all_show_a_new_request(site, tab):
    # A browser has six connections for requests to a host; none of these tabs may hold one.
    more = [await tab.context.new_page() for _ in range(7)]
    await asyncio.gather(*(one.goto(f"{site.url}/console/services") for one in more))
    await asyncio.gather(*(one.wait_for_selector("h2 >> text=Desk lamp") for one in more))
    await site.ask("Eighth Wonder")
    for one in (tab, *more):
        await one.wait_for_selector(".toast >> text=Eighth Wonder asks for access")


async def test_signing_in_again_in_one_tab_brings_the_others_back(site, tab):
    other = await tab.context.new_page()
    await other.goto(f"{site.url}/console/services")
    await other.wait_for_selector("h2 >> text=Desk lamp")
    await other.evaluate("window.same = true")
    async with tab.expect_navigation():  # it loads itself anew
        await tab.click("text=Sign out")
    await other.wait_for_selector("text=Sign in to this hub")
    await tab.goto(site.link())
    await other.wait_for_selector("h2 >> text=Desk lamp")
    assert await other.evaluate("window.same") is True


async def test_where_no_websocket_comes_through_it_asks_instead(site, open_tab):
    tab = await open_tab("about:blank")
    await tab.add_init_script(
        "window.WebSocket = class {"
        " constructor() { setTimeout(() => this.onclose({ code: 1006 })) } close() {} }"
    )
    await tab.goto(site.link())
    await tab.wait_for_selector(LIVE, state="attached")
    await site.ask("By Asking")
    await tab.wait_for_selector(".toast >> text=By Asking asks for access")
