"""The operator page in a real browser: codes to compare, replacing, changing, past use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from gotapi_auth.grants import Lifetime
from gotapi_core.protocol.oauth import challenge_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIVE = '#link[data-state="live"]'
LIVE_BUTTON = '[data-part="approve"][aria-disabled="false"]'
APPROVE = f"#requests {LIVE_BUTTON}"
DAY = 86400


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium, chromium_flags) -> AsyncIterator[object]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=list(chromium_flags)
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_hub(serve_hub, tmp_path_factory):
    async with serve_hub(tmp_path_factory.mktemp("hub")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def hub(shared_hub):
    """The hub of this module, with no request and no application."""
    yield shared_hub
    auth = shared_hub.hub.auth
    for request in auth.requests():
        await auth.deny(request.code)
    await asyncio.gather(*shared_hub.asking, return_exceptions=True)
    shared_hub.asking.clear()
    for application in auth.applications():
        await auth.revoke(application.id)


@pytest_asyncio.fixture(loop_scope="module", params=[1280, 390])
async def tab(browser, hub, request):
    """A signed-in operator page on a desk and on a phone; page errors fail the test."""
    context = await browser.new_context(viewport={"width": request.param, "height": 1000})
    context.set_default_timeout(5000)
    tab = await context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    await tab.goto(hub.operator.login_link(hub.url))
    await tab.wait_for_selector(LIVE)
    yield tab
    width = await tab.evaluate("document.documentElement.scrollWidth")
    await context.close()
    assert faults == []
    assert width <= request.param  # nothing sticks out sideways


class Native:
    """A native application on HTTP."""

    def __init__(self, hub, http: httpx2.AsyncClient) -> None:
        self.hub = hub
        self.http = http

    async def client_id(self) -> str:
        answer = await self.http.get("/gotapi/authorization/grant", headers=self.headers)
        return answer.json()["clientId"]

    @property
    def headers(self) -> dict[str, str]:
        return {"X-GotAPI-Origin": "org.example.slicer"}


@pytest_asyncio.fixture(loop_scope="module")
async def native(hub):
    async with httpx2.AsyncClient(base_url=hub.url, trust_env=False) as http:
        yield Native(hub, http)


async def test_the_code_to_compare_is_large(hub, tab, native):
    answer = await native.http.post(
        "/gotapi/authorization/device",
        data={"client_id": await native.client_id(), "scope": "light", "applicationName": "Slicer"},
        headers=native.headers,
    )
    card = tab.locator("article.request", has_text="Slicer")
    await card.get_by_text("shows this code").wait_for()
    code = card.locator('[data-part="code"]')
    assert await code.inner_text() == answer.json()["user_code"]
    size = await code.evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 24


async def test_a_call_has_a_code_too_but_a_small_one(hub, tab):
    code = await hub.ask()
    shown = tab.locator('article.request [data-part="code"]')
    assert await shown.inner_text() == code
    assert await tab.locator("text=Code of the request").is_visible()
    size = await shown.evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
    assert size < 20


async def test_an_earlier_access_is_shown_and_can_be_replaced(hub, tab):
    earlier = await hub.allow("Lamps of old", "https://lamps.example")
    await hub.ask()
    await tab.wait_for_selector("text=already has access under “Lamps of old” since")
    await tab.check('article.request [data-part="replace"]')
    await tab.click(APPROVE)
    await hub.asking[-1]
    (now,) = hub.hub.auth.applications()
    assert (now.name, now.id != earlier) == ("Lamp Switch", True)
    await tab.wait_for_selector('#applications >> text="Lamp Switch"')


async def test_it_is_kept_unless_that_is_chosen(hub, tab):
    earlier = await hub.allow("Lamps of old", "https://lamps.example")
    await hub.ask()
    await tab.click(APPROVE)
    await hub.asking[-1]
    assert earlier in [one.id for one in hub.hub.auth.applications()]


async def test_scopes_and_end_can_be_changed(hub, tab):
    await hub.allow("Lamp Switch", "https://lamps.example")
    await tab.click('#applications [data-part="change"]')
    await tab.uncheck('#change input[value="servicediscovery"]')
    await tab.check('#change input[value="always"]')
    await tab.click('#change-save[aria-disabled="false"]')
    await tab.wait_for_selector("#change", state="hidden")
    (application,) = hub.hub.auth.applications()
    assert application.scopes == ("light",)
    assert application.expires == pytest.approx(time.time() + 180 * DAY, abs=20)
    await tab.wait_for_selector("text=May switch your lamps.")
    assert await tab.inner_text("#news") == "Changed Lamp Switch."

    await tab.click('#applications [data-part="change"]')
    assert not await tab.is_checked('#change input[value="servicediscovery"]')
    await tab.check('#change input[value="servicediscovery"]')
    in_ten_days = await tab.evaluate(
        "new Date(Date.now() + 10 * 86400000).toLocaleDateString('sv-SE')"
    )
    await tab.fill("#change-date", in_ten_days)
    assert await tab.is_checked('#change input[value="date"]')
    await tab.click('#change-save[aria-disabled="false"]')
    await tab.wait_for_selector("#change", state="hidden")
    (application,) = hub.hub.auth.applications()
    assert application.scopes == ("light", "servicediscovery")
    assert 9 * DAY < application.expires - time.time() < 11 * DAY


async def test_a_change_that_cannot_be_is_said_there(hub, tab):
    await hub.allow("Lamp Switch", "https://lamps.example")
    await tab.click('#applications [data-part="change"]')
    for scope in ("light", "servicediscovery"):
        await tab.uncheck(f'#change input[value="{scope}"]')
    await tab.click('#change-save[aria-disabled="false"]')
    await tab.wait_for_selector("text=Leave one scope at least")
    await tab.check('#change input[value="light"]')
    await tab.check('#change input[value="date"]')
    await tab.click('#change-save[aria-disabled="false"]')
    await tab.wait_for_selector("text=Choose a day")
    await hub.hub.auth.revoke(hub.hub.auth.applications()[0].id)
    await tab.check('#change input[value="day"]')
    await tab.click('#change-save[aria-disabled="false"]')
    await tab.wait_for_selector("text=There is no application")
    await tab.click("#change-cancel")
    await tab.wait_for_selector("#change", state="hidden")


async def test_save_is_dead_for_half_a_second(hub, tab):
    await hub.allow("Lamp Switch", "https://lamps.example")
    await tab.click('#applications [data-part="change"]')
    assert await tab.get_attribute("#change-save", "aria-disabled") == "true"
    await tab.evaluate("document.getElementById('change-save').click()")
    await tab.click('#change-save[aria-disabled="false"]')
    await tab.wait_for_selector("#change", state="hidden")


async def test_what_an_application_did(hub, tab):
    application = await hub.allow("Lamp Switch", "https://lamps.example")
    await tab.click('#applications [data-part="history"]')
    await tab.wait_for_selector("text=Nothing yet.")
    await tab.click("#history-close")
    for _ in range(3):
        hub.hub.auth.past_use.note(application, "PUT light/<b>state")
    await tab.click('#applications [data-part="history"]')
    row = tab.locator("#history-rows li")
    await row.wait_for()
    assert "PUT light/<b>state" in await row.inner_text()
    assert "3 \N{MULTIPLICATION SIGN}" in await row.inner_text()
    await tab.click("#history-close")


async def test_two_requests_at_once_move_no_button_under_the_pointer(hub, tab):
    """A press that was aimed before the second came does nothing: neither here nor there."""
    await hub.ask("First", "https://first.example")
    button = tab.locator("article.request", has_text="First").locator(LIVE_BUTTON)
    await button.scroll_into_view_if_needed()
    await button.wait_for()
    box = await button.bounding_box()
    await tab.mouse.move(box["x"] + 10, box["y"] + 10)
    await hub.ask("Second", "https://second.example")
    await hub.ask("Third", "https://third.example")
    await tab.wait_for_selector('article.request:has-text("Third")')
    await tab.mouse.down()
    await tab.mouse.up()
    assert hub.hub.auth.applications() == []
    assert len(hub.hub.auth.requests()) == 3
    moved = await tab.locator("article.request", has_text="First").bounding_box()
    assert moved["y"] + moved["height"] > box["y"]  # it stands where it stood


async def test_a_text_that_changes_makes_the_buttons_wait_again(hub, tab):
    await hub.ask()
    await tab.wait_for_selector(APPROVE)
    await tab.evaluate(
        """() => { const button = document.querySelector('#requests [data-part="approve"]');
        window.waited = 0; new MutationObserver(() => {
            if (button.ariaDisabled === "true") window.waited += 1;
        }).observe(button, { attributes: true }) }"""
    )
    hub.asking[-1].cancel()
    await tab.wait_for_selector("text=The application has stopped waiting")
    await tab.wait_for_selector(APPROVE)
    assert await tab.evaluate("window.waited") >= 1


async def test_the_page_of_a_redirect_goes_on_by_itself(hub, tab, native):
    """Also that the code reaches the application, and nobody else."""
    came: asyncio.Queue[str] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait((await reader.readline()).decode())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cb"
        query = httpx2.QueryParams(
            response_type="code",
            client_id=await native.client_id(),
            redirect_uri=uri,
            code_challenge=challenge_of("v" * 43),
            code_challenge_method="S256",
            scope="light",
            state="s",
            applicationName="Example Slicer",
        )
        page = await tab.context.new_page()
        await page.goto(f"{hub.url}/gotapi/authorization/authorize?{query}")
        (request,) = hub.hub.auth.requests()
        assert await page.inner_text("#code") == request.code
        assert request.code in await page.title()
        await hub.hub.auth.approve(request.code, Lifetime.ONCE)
        async with asyncio.timeout(5):
            line = await came.get()
        assert line.startswith("GET /cb?code=")
        assert "&state=s&iss=http%3A%2F%2F127.0.0.1%3A" in line
        await page.wait_for_url(f"{uri}?*")
        await page.close()
