"""Names as bad as they come, on every page that shows some; and ten thousand services."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gotapi_core.host.loader import find_plugins, load
from gotapi_core.plugin import Plugin, Service

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'
ODD = f"{NASTY}\u202e\u05de\u05e0\u05d5\u05e8\u05d4 gnp.exe "
LONG = ODD + "W" * (300 - len(ODD))


class OddPlugin(Plugin):
    """A plug-in whose name is one of those, too."""

    id = "odd"
    name = LONG
    version = "1"

    def services(self) -> list[Service]:
        return [Service(id="odd", name=LONG, type=LONG, online=False, reason=LONG)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(serve_site: Any, tmp_path_factory: Any) -> AsyncIterator[Any]:
    folder: Path = tmp_path_factory.mktemp("scenes")
    making = [sys.executable, "-m", "gotapi_core", "scenes", "demo", str(folder)]
    await asyncio.to_thread(subprocess.run, making, check=True, capture_output=True, timeout=180)
    parts = [OddPlugin, *(load(one) for one in find_plugins() if one.manifest.id == "portrayal")]
    settings = {"plugins": {"portrayal": {"scenes": str(folder)}}}
    async with serve_site(tmp_path_factory.mktemp("hub"), *parts, settings=settings) as site:
        yield site


@pytest.mark.parametrize("viewport", [390], indirect=True)
async def test_names_stay_text_and_within_the_page_everywhere(town, open_tab, viewport):
    site, tab = town, await open_tab(town.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    name = LONG[:100]
    await site.allow(name)
    await site.ask(name, origin="https://other.example")

    async def layers(route: Any) -> None:
        answer = await route.fetch()
        members = await answer.json()
        for one in members.get("layers", []):
            one["title"] = LONG
        await route.fulfill(response=answer, body=json.dumps(members))

    await tab.route("**/gotapi/3dps/layers**", layers)
    for page, where in {
        "services": "h2",
        "consent": "h2",
        "applications": "h2",
        "plugins": "h2",
        "scenes": "label.choice",
    }.items():
        await tab.goto(f"{site.url}/console/{page}")
        await tab.wait_for_selector(f"main {where} bdi >> text={NASTY}")
        wide = await tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= viewport["width"], page
        assert await tab.locator("main img[onerror], main bdi b").count() == 0, page
        # What turns the direction of writing must not turn what stands beside it.
        outside = await tab.evaluate(
            "[...document.querySelectorAll('main *')].filter((one) => !one.closest('bdi, select')"
            " && [...one.childNodes].some((n) => n.nodeType === 3 && n.data.includes('\\u202e')))"
            ".map((one) => one.outerHTML.slice(0, 120))"
        )
        assert outside == [], page


async def test_ten_thousand_services_are_shown_and_searched(site, open_tab):
    site.plugin.offered = tuple(
        Service(id=f"l{number}", name=f"Lamp {number}", type="lamp", scopes=("light",))
        for number in range(10_000)
    )
    tab = await open_tab(site.link())
    await tab.wait_for_selector("text=10,000 services, 10,000 online")
    assert await tab.locator("li.service").count() == 200  # the first ones; for others one searches
    await tab.type('input[type="search"]', "Lamp 9999")
    await tab.wait_for_selector("h2 >> text=Lamp 9999")
    assert await tab.locator("li.service").count() == 1
