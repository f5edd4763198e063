"""The pages of applications, plug-ins and the system."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest

from gotapi_core.host.loader import Loaded
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.errors import UnknownToken

pytestmark = pytest.mark.asyncio(loop_scope="module")

NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'
DAY = 86400


async def go(tab, page):
    await tab.click(f'a[href="/console/{page}"]:visible')
    await tab.wait_for_selector(f"page-{page}")


async def test_revoke_asks_first(site, tab):
    await site.allow(NASTY)
    await go(tab, "applications")
    await tab.wait_for_selector(f"h2 >> text={NASTY}")
    await tab.click("text=Revoke")
    await tab.click("dialog >> text=Cancel")
    await tab.wait_for_selector("dialog", state="detached")
    assert len(site.hub.auth.applications()) == 1
    await tab.click("text=Revoke")
    await tab.click('dialog button:has-text("Revoke")')
    await tab.wait_for_selector("text=No application has access yet")
    assert site.hub.auth.applications() == []


async def test_change_scopes_and_end(site, tab):
    await site.allow()
    await go(tab, "applications")
    await tab.click("text=Change")
    await tab.uncheck('dialog input[value="servicediscovery"]')
    await tab.check('dialog input[value="day"]')
    await tab.click('dialog button.primary[aria-disabled="false"]')
    await tab.wait_for_selector("text=Changed Lamp Switch.")
    [application] = site.hub.auth.applications()
    assert application.scopes == ("light",)
    assert application.expires == pytest.approx(time.time() + DAY, abs=60)
    await tab.click("text=Change")
    await tab.uncheck('dialog input[value="light"]')
    await tab.click('dialog button.primary[aria-disabled="false"]')
    await tab.wait_for_selector("dialog >> text=Leave one scope at least")


async def test_past_use(site, tab):
    application = await site.allow()
    for _ in range(3):
        site.hub.auth.past_use.note(application, f"PUT light/{NASTY}")
    await go(tab, "applications")
    await tab.click("text=Past use")
    await tab.wait_for_selector(f"dialog >> text=PUT light/{NASTY}")
    await tab.wait_for_selector("dialog >> text=3 times")
    await tab.click("dialog >> text=Close")
    await tab.wait_for_selector("dialog", state="detached")


async def test_files_are_listed_and_deleted(site, tab):
    await go(tab, "applications")
    await tab.click("text=Show files")
    await tab.wait_for_selector("text=Applications have stored no files.")


async def test_the_consoles_own_access_is_marked(site, tab):
    await tab.evaluate(
        """fetch('/operator/api/console-token', {method: 'POST', body: '{}', headers: {
        'content-type': 'application/json',
        'x-gotapi-page-key': localStorage.getItem('gotapi-page-key')}}).then((a) => a.json())
        .then((given) => localStorage.setItem('gotapi-console-token', JSON.stringify(given)))"""
    )
    await go(tab, "applications")
    await tab.wait_for_selector("text=gotapi-hub console")
    await tab.wait_for_selector("text=this console")
    given = json.loads(await tab.evaluate("localStorage.getItem('gotapi-console-token')"))
    async with tab.expect_navigation():  # it loads itself anew
        await tab.click("text=Sign out")
    await tab.wait_for_selector("text=Sign in to this hub")
    assert await tab.evaluate("localStorage.getItem('gotapi-console-token')") is None
    with pytest.raises(UnknownToken):
        site.hub.auth.authenticate(given["value"], None)
    # What was made in it is its own at the next time.
    assert [one.id for one in site.hub.auth.applications()] == [given["application"]]


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_axe_finds_nothing(site, tab, viewport, check_access):
    await site.allow("W" * 200)
    for page in ("applications", "plugins", "system"):
        await tab.goto(f"{site.url}/console/{page}")
        await tab.wait_for_selector(f"page-{page} .card")
        await tab.wait_for_selector(".loading", state="detached")
        assert await tab.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        await check_access(tab)


async def test_a_plugin_that_failed_shows_why_and_its_log(serve_site, open_tab, tmp_path):
    manifest = Manifest(id="broken", name=f"Broken {NASTY}", version="0.1", module="broken")
    broken = Loaded(manifest, reason=f"ImportError {NASTY}", detail=f"Traceback\n{NASTY}")
    async with serve_site(tmp_path, broken) as site:
        tab = await open_tab(site.link())
        await go(tab, "plugins")
        card = tab.locator("plugin-card", has_text="Broken")
        await card.get_by_text("ImportError").wait_for()
        await card.get_by_text("Failed", exact=True).wait_for()
        await card.get_by_role("button", name="Log").click()
        await card.locator("pre >> text=Traceback").wait_for()


async def test_a_page_without_its_plugin_says_so(serve_site, open_tab, check_access, tmp_path):
    ids = {"printers": "printer", "create": "creation", "scenes": "portrayal"}
    manifests = [
        Manifest(id=id, name=f"The {id} {NASTY}", version="1", module=id) for id in ids.values()
    ]
    async with serve_site(
        tmp_path, *(Loaded(one, reason="a wrong setting") for one in manifests)
    ) as site:
        tab = await open_tab(site.link())
        for page, id in ids.items():
            await go(tab, page)
            await tab.wait_for_selector(f"text=The plug-in “The {id} {NASTY}” does not run")
            await tab.wait_for_selector(".empty >> text=a wrong setting")
        await check_access(tab)
        await tab.click(".empty >> text=See Plug-ins")
        await tab.wait_for_selector("h1 >> text=Plug-ins")


async def test_what_a_plugin_logged_is_shown(site, tab, check_access):
    await go(tab, "plugins")
    logging.getLogger("gotapi.plugin.lamp").warning("bulb %s, password=hunter2", NASTY)
    card = tab.locator("plugin-card", has_text="Lamps")
    await card.get_by_role("button", name="Log").click()
    await card.locator("pre", has_text=f"WARNING bulb {NASTY}, password=***").wait_for()
    await check_access(tab)


async def test_a_plugin_is_turned_off_and_on(site, tab):
    await go(tab, "plugins")
    card = tab.locator("plugin-card", has_text="Lamps")
    await card.get_by_text("Ready", exact=True).wait_for()
    await card.get_by_role("button", name="Turn off").click()
    await tab.click('dialog button:has-text("Turn off")')
    await card.get_by_text("Off", exact=True).wait_for()
    await card.get_by_role("button", name="Turn on").click()
    await card.get_by_text("Ready", exact=True).wait_for()


async def test_the_diagnostics_can_be_read_before_they_are_saved(site, tab):
    await site.allow()
    await go(tab, "system")
    await tab.wait_for_selector("text=Everything works")
    await tab.click("text=Look what is in it")
    shown = json.loads(await tab.inner_text("pre"))
    assert shown["applications"] == 1
    async with tab.expect_download() as coming:
        await tab.click("text=Save the file")
    file = Path(await (await coming.value).path())
    saved = await asyncio.to_thread(file.read_text)
    assert json.loads(saved)["version"] == shown["version"]
    assert "lamps.example" not in saved


async def test_what_the_hub_does_not_answer_is_said_with_a_way_on(site, tab):
    answers = iter([500])

    async def fail_once(route):
        if next(answers, None) is None:
            await route.continue_()
        else:
            await route.fulfill(status=500, json={"error": f"No {NASTY}"})

    await tab.route("**/operator/api/diagnostics", fail_once)
    await go(tab, "system")
    await tab.wait_for_selector(f"text=No {NASTY}")
    await tab.click("text=Try again")
    await tab.wait_for_selector("text=Free on the disk")
