"""The operator page's section about plug-ins, in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
LIVE = '#link[data-state="live"]'
ROW = "#plugins .plugin"
APPROVE = f'{ROW} [data-part="approve"]'
pytestmark = pytest.mark.timeout(40)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[object]:
    pytest.importorskip("playwright", reason="the browser tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser tests need chromium (Debian: apt-get install chromium)")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def open_page(browser):
    """Open the operator page of a hub; it fails when the page reports an error."""
    faults: list[str] = []

    async def opened(live, width: int = 1280, scheme: str = "light"):
        context = await browser.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme
        )
        context.set_default_timeout(20_000)
        tab = await context.new_page()
        tab.on("pageerror", lambda error: faults.append(str(error)))
        await tab.goto(live.app.operator.login_link(live.url))
        await tab.wait_for_selector(LIVE)
        return tab

    yield opened
    assert faults == []


async def shot(tab, name: str) -> None:
    """Keep a picture where the environment says so, for people to look at."""
    if folder := os.environ.get("GOTAPI_SCREENSHOTS"):
        await tab.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def test_a_plugin_is_approved_and_turned_off_on_the_page(
    foreign, start_hub, open_page
) -> None:
    foreign.write(rights='serial = ["/dev/ttyACM*"]\nbluetooth = true\nnetwork = ["lamp.local"]')
    async with start_hub() as live:
        tab = await open_page(live)
        await tab.wait_for_selector(f"{ROW}[data-asks]")
        text = await tab.inner_text(ROW)
        for words in (
            "Needs approval",
            "lamp 1.0 · from others",
            "serial ports: /dev/ttyACM*",
            "Bluetooth",
            "network: lamp.local",
            "foreign_lamp",
            "runs with your rights",
        ):
            assert words in text
        assert not await tab.is_visible("text=Since you approved it")
        await tab.wait_for_selector(f'{APPROVE}[aria-disabled="false"]')
        await shot(tab, "plugins-pending")
        await tab.click(APPROVE)
        await tab.wait_for_selector(f"{ROW} >> text=Ready")
        assert live.hub.desk.named("lamp").ready
        assert not await tab.is_visible(APPROVE)
        assert "May reach serial ports: /dev/ttyACM*; Bluetooth" in await tab.inner_text(ROW)
        await shot(tab, "plugins-ready")

        await tab.click(f'{ROW} [data-part="disable"]')
        await tab.wait_for_selector(f'{ROW} [data-tone="off"] >> text=Off')
        assert not live.hub.desk.named("lamp").ready
        await tab.click(f'{ROW} [data-part="enable"]')
        await tab.wait_for_selector(f"{ROW} >> text=Ready")


async def test_a_press_before_half_a_second_approves_nothing(foreign, start_hub, open_page) -> None:
    async with start_hub() as live:
        tab = await open_page(live)
        await tab.wait_for_selector(f'{APPROVE}[aria-disabled="true"]')
        await tab.evaluate(f"document.querySelector('{APPROVE}').click()")  # no person did that
        await tab.wait_for_selector(f'{APPROVE}[aria-disabled="false"]')
        await tab.evaluate(f"document.querySelector('{APPROVE}').click()")
        await tab.evaluate("fetch('/operator/icon.svg').then((answer) => answer.text())")
        assert live.hub.approvals.get("lamp") is None


async def test_what_changed_is_said_and_a_change_meanwhile_is_refused(
    foreign, start_hub, open_page
) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
    foreign.write(version="1.1", rights="serial = true")
    async with start_hub() as live:
        tab = await open_page(live, width=400, scheme="dark")
        await tab.wait_for_selector("text=version 1.0 → 1.1")
        await tab.wait_for_selector("text=2 files changed")
        await tab.wait_for_selector("text=now also wants serial ports: all")
        await tab.locator(APPROVE).scroll_into_view_if_needed()
        await shot(tab, "plugins-changed-narrow-dark")
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 400
        foreign.write(version="1.2", rights="serial = true\nbluetooth = true")
        await tab.click(f'{APPROVE}[aria-disabled="false"]')
        await tab.wait_for_selector("text=are others than those that were shown")
        assert live.hub.desk.named("lamp").health.state.value == "pending"
        await tab.wait_for_selector("text=version 1.0 → 1.2")  # and it shows what is there now


async def test_a_fault_can_be_read_and_its_text_is_no_markup(foreign, start_hub, open_page) -> None:
    (foreign.package / "__init__.py").write_text("raise RuntimeError('<img src=x onerror=y>')")
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        tab = await open_page(live)
        await tab.click(f'{ROW} [data-part="more"]')
        await tab.wait_for_selector(f"{ROW} pre >> text=<img src=x onerror=y>")
        assert await tab.query_selector("main img") is None
        await shot(tab, "plugins-fault")
        # The state changes, also by itself when it is started again; who reads is not disturbed.
        await live.hub.desk.disable("lamp")
        await tab.wait_for_selector(f'{ROW} [data-tone="off"] >> text=Off')
        assert await tab.is_visible(f"{ROW} pre >> text=<img src=x onerror=y>")


async def test_safe_mode_is_said(foreign, start_hub, open_page) -> None:
    async with start_hub() as live:
        live.hub.desk.safe_mode = "it was started with --safe-mode"
        tab = await open_page(live)
        await tab.wait_for_selector("text=because it was started with --safe-mode")
        await shot(tab, "safe-mode")
        live.hub.desk.safe_mode = ""
        tab = await open_page(live)
        await tab.wait_for_selector(ROW)
        assert not await tab.is_visible("#safe-mode")
