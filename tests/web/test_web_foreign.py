"""The SDK in a page of another origin, in a real browser; and the console when the hub is away."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'


async def begin(tab, site) -> None:
    await tab.evaluate("(url) => { window.start(url); }", site.url)
    await tab.wait_for_selector("text=pending")


async def test_allowed_it_goes_the_whole_way(site, open_tab, foreign):
    tab = await open_tab(foreign)
    await begin(tab, site)
    [request] = site.hub.auth.requests()
    assert (request.origin, request.application_name) == (foreign, "Foreign page")
    await site.live.allow()
    await tab.wait_for_selector(f"text=Desk lamp: {NASTY}: home.gcode 4: unneeded")
    site.plugin.said.put_nowait("on")
    await tab.wait_for_selector("text=event on")
    [application] = site.hub.auth.applications()
    await site.hub.auth.revoke(application.id)
    await tab.wait_for_selector("text=ended TokenRejected")


async def test_the_approval_is_remembered_by_the_page(site, open_tab, foreign):
    tab = await open_tab(foreign)
    await begin(tab, site)
    await site.live.allow()
    await tab.wait_for_selector("text=home.gcode")
    await tab.reload()
    await tab.evaluate("(url) => { window.start(url); }", site.url)
    await tab.wait_for_selector("text=home.gcode")
    assert site.hub.auth.requests() == []


async def test_denied_it_hears_so(site, open_tab, foreign):
    tab = await open_tab(foreign)
    await begin(tab, site)
    await site.hub.auth.deny(await site.live.next_request())
    await tab.wait_for_selector("text=failed ConsentDenied")


async def test_events_go_on_after_a_restart_of_the_hub(serve_site, open_tab, foreign, tmp_path):
    async with serve_site(tmp_path / "hub") as first:
        tab = await open_tab(foreign)
        await begin(tab, first)
        await first.live.allow()
        await tab.wait_for_selector("text=home.gcode")
        port = first.live.port
    await tab.wait_for_selector("text=link false")
    async with serve_site(tmp_path / "hub", port=port) as second:
        await tab.wait_for_selector("text=link true")
        second.plugin.said.put_nowait("again")
        await tab.wait_for_selector("text=event again")


async def test_where_no_hub_is_it_says_so(open_tab, foreign):
    tab = await open_tab(foreign)
    await tab.evaluate("window.start('http://127.0.0.1:9')")
    await tab.wait_for_selector("text=failed HubUnreachable")


async def test_a_foreign_page_can_neither_frame_the_console_nor_use_its_api(
    site, open_tab, foreign
):
    tab = await open_tab(foreign)
    framed = await tab.evaluate(
        """async (url) => {
            const frame = document.createElement("iframe");
            frame.src = url;
            document.body.append(frame);
            await new Promise((resolve) => { frame.onload = resolve; });
            const read = await fetch(`${url}/operator/api/state`).then((a) => a.status, () => 0);
            let inside = null;
            try { inside = frame.contentDocument; } catch { inside = null; }
            frame.remove();
            return [read, inside === null];
        }""",
        site.url,
    )
    assert framed == [0, True] or framed == [403, True]
    tab.faults.clear()  # the browser says that it refused both


async def test_the_console_opens_when_the_hub_is_away(serve_site, open_tab, tmp_path):
    async with serve_site(tmp_path) as site:
        tab = await open_tab(site.link(), service_workers="allow")
        await tab.goto(f"{site.url}/console/services")
        await tab.wait_for_selector("h2 >> text=Desk lamp")
        await tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await tab.reload()
        await tab.wait_for_selector("h2 >> text=Desk lamp")
        kept = await tab.evaluate(
            "caches.open('gotapi-console').then((c) => c.keys())"
            ".then((keys) => keys.map((one) => new URL(one.url).pathname))"
        )
        url = site.url
    assert all(one.startswith("/console/") for one in kept)
    await tab.goto(f"{url}/console/services")
    await tab.wait_for_selector("text=The hub does not answer")
