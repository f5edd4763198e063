"""The example page in a browser: consent, discovery, status, events, and what goes wrong."""

import asyncio
from typing import Any

MESSAGE = "#message"
TEMPERATURE = '[data-name="nozzleTemperature"]'


async def connect(tab: Any, page_url: str, hub_url: str) -> None:
    await tab.goto(page_url)
    await tab.fill("#url", hub_url)
    await tab.click("text=Connect")


async def until(tab: Any, selector: str, text: str) -> None:
    await tab.wait_for_selector(f'{selector}:text-is("{text}")')


async def test_from_consent_to_events(tab, page_url, live_hub, printer) -> None:
    await connect(tab, page_url, live_hub.url)
    await until(tab, MESSAGE, "Please allow this page on the operator page of your hub.")
    await live_hub.allow()
    await until(tab, MESSAGE, "Connected.")
    await until(tab, "h2", "Paper <b>printer</b>")  # shown as text, whatever it is

    await tab.click("text=Ask once")
    await until(tab, TEMPERATURE, "21")
    await tab.click('[data-do="listen"]')
    await until(tab, '[data-do="listen"]', "Stop listening")
    printer.heat(190)
    await until(tab, TEMPERATURE, "190")
    await tab.click('[data-do="listen"]')
    await until(tab, '[data-do="listen"]', "Listen")
    async with asyncio.timeout(5):
        await printer.silent.wait()


async def test_the_next_visit_needs_no_approval(tab, page_url, live_hub) -> None:
    await connect(tab, page_url, live_hub.url)
    await live_hub.allow()
    await until(tab, MESSAGE, "Connected.")
    await connect(tab, page_url, live_hub.url)
    await until(tab, MESSAGE, "Connected.")
    assert live_hub.hub.auth.requests() == []


async def test_a_revoked_page_asks_again(tab, page_url, live_hub) -> None:
    await connect(tab, page_url, live_hub.url)
    await live_hub.allow()
    await until(tab, MESSAGE, "Connected.")
    [application] = live_hub.hub.auth.applications()
    assert application.origin == page_url.rstrip("/")
    await live_hub.hub.auth.revoke(application.id)
    await tab.click("text=Connect")
    await until(tab, MESSAGE, "Please allow this page on the operator page of your hub.")
    await live_hub.allow()
    await until(tab, MESSAGE, "Connected.")


async def test_a_no_is_shown(tab, page_url, live_hub) -> None:
    await connect(tab, page_url, live_hub.url)
    await live_hub.hub.auth.deny(await live_hub.next_request())
    await tab.wait_for_selector('#message[data-state="error"] >> text=did not allow')


async def test_a_hub_that_is_not_there_is_named(tab, page_url) -> None:
    await connect(tab, page_url, "http://127.0.0.1:9")
    await tab.wait_for_selector('#message[data-state="error"] >> text=No hub answers')


async def test_forgetting_empties_the_page(tab, page_url, live_hub) -> None:
    await connect(tab, page_url, live_hub.url)
    await live_hub.allow()
    await until(tab, MESSAGE, "Connected.")
    await tab.click("text=Forget")
    await tab.wait_for_selector("text=Forgotten.")
    assert await tab.query_selector("li") is None
    assert await tab.evaluate("localStorage.length") == 0
