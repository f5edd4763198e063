"""The operator page in a real browser: what people see, and what no accident may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gotapi_core.protocol.errors import NotAuthorized
from gotapi_core.protocol.messages import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIVE = '#link[data-state="live"]'
APPROVE = '[data-part="approve"]:not([hidden])'  # those of plug-ins are hidden here
DENY = '[data-part="deny"]:not([hidden])'
ENABLED = '[aria-disabled="false"]'
DISABLED = '[aria-disabled="true"]'


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
    offered = shared_hub.plugin.offered
    yield shared_hub
    shared_hub.plugin.offered = offered
    auth = shared_hub.hub.auth
    for request in auth.requests():
        await auth.deny(request.code)
    await asyncio.gather(*shared_hub.asking, return_exceptions=True)
    shared_hub.asking.clear()
    for application in auth.applications():
        await auth.revoke(application.id)


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser, hub):
    """A signed-in operator page; the test fails when the page reports an error."""
    context = await browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(20_000)
    tab = await context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
    tab.faults = faults
    await tab.goto(hub.operator.login_link(hub.url))
    await tab.wait_for_selector(LIVE)
    yield tab
    await context.close()
    assert faults == []


async def test_the_link_leads_to_the_page_and_leaves_no_trace(hub, tab):
    assert tab.url == f"{hub.url}/operator"
    assert await tab.title() == "gotapi-hub"
    await tab.wait_for_selector("text=Nobody is asking")
    await tab.reload()
    await tab.wait_for_selector(LIVE)


async def test_script_cannot_read_the_session(tab):
    assert await tab.evaluate("document.cookie") == ""


async def test_the_front_page_leads_back_to_the_page(hub, tab):
    await tab.goto(hub.url)
    await tab.wait_for_selector(LIVE)
    assert tab.url == f"{hub.url}/operator"


async def test_approve_what_was_chosen(hub, tab):
    await hub.ask()
    card = await tab.wait_for_selector("article.request >> visible=true")
    text = await card.inner_text()
    for words in (
        "A web page asks",
        "Lamp Switch",
        "https://lamps.example",
        "see which services there are",
        "switch your lamps",
        "waiting for your answer",
    ):
        assert words in text
    assert await tab.title() == "(1) gotapi-hub"
    assert await tab.inner_text("#news") == "Lamp Switch asks for access."

    await tab.uncheck('input[value="servicediscovery"]')
    await tab.check('input[value="day"]')
    await tab.click(APPROVE + ENABLED)
    issued = await hub.asking[-1]
    assert [scope for scope, _ in issued.scopes] == ["light"]
    assert issued.scopes[0][1] == pytest.approx(86400, abs=10)
    await tab.wait_for_selector('#applications >> text="Lamp Switch"')
    await tab.wait_for_selector("text=May switch your lamps.")
    assert await tab.title() == "gotapi-hub"


async def test_nothing_chosen_cannot_be_approved(hub, tab):
    await hub.ask(scope="light")
    await tab.wait_for_selector(APPROVE + ENABLED)
    await tab.uncheck('input[value="light"]')
    await tab.wait_for_selector(APPROVE + DISABLED)
    await tab.wait_for_selector(DENY + ENABLED)
    await tab.check('input[value="light"]')
    await tab.wait_for_selector(APPROVE + ENABLED)


async def test_deny(hub, tab):
    await hub.ask()
    await tab.click(DENY + ENABLED)
    with pytest.raises(NotAuthorized):
        await hub.asking[-1]
    await tab.wait_for_selector("text=Nobody is asking")


async def test_the_keyboard_is_enough(hub, tab):
    await hub.ask(scope="light")
    await tab.wait_for_selector(APPROVE + ENABLED)
    await tab.focus('input[value="light"]')
    await tab.keyboard.press("Tab")  # to how long
    await tab.keyboard.press("ArrowDown")
    await tab.keyboard.press("Tab")
    focused = "document.activeElement.dataset.part"
    assert await tab.evaluate(focused) == "deny"
    await tab.keyboard.press("Tab")
    assert await tab.evaluate(focused) == "approve"
    await tab.keyboard.press("Enter")
    issued = await hub.asking[-1]
    assert issued.scopes[0][1] == pytest.approx(86400, abs=10)
    # And the focus goes to no other button: a key held down must not reach it.
    await tab.wait_for_function("() => document.activeElement.id === 'requests-title'")


async def test_a_button_is_dead_for_half_a_second(hub, tab):
    await tab.evaluate(
        """() => {
          window.times = [];
          new MutationObserver(() => {
            const button = document.querySelector('#requests [data-part="approve"]');
            const live = button?.getAttribute("aria-disabled") === "false";
            if (button && window.times.length === (live ? 1 : 0)) {
              window.times.push(performance.now());
            }
          }).observe(document.body, { childList: true, subtree: true, attributes: true });
        }"""
    )
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    shown, live = await tab.evaluate("window.times")
    assert live - shown >= 490


async def test_a_click_before_that_does_nothing(hub, tab):
    await hub.ask()
    button = await tab.wait_for_selector(APPROVE + DISABLED)
    await button.click(force=True, no_wait_after=True)
    await tab.wait_for_selector(APPROVE + ENABLED)
    assert len(hub.hub.auth.requests()) == 1


async def test_a_press_that_began_before_that_does_nothing(hub, tab):
    await hub.ask()
    button = await tab.wait_for_selector(APPROVE + DISABLED)
    box = await button.bounding_box()
    await tab.mouse.move(box["x"] + 20, box["y"] + 20)
    await tab.mouse.down()
    await tab.wait_for_selector(APPROVE + ENABLED)
    await tab.mouse.up()
    await assert_no_decision(hub, tab)


@pytest.mark.parametrize("key", ["Enter", "Space"])
async def test_a_key_held_down_does_nothing(hub, tab, key):
    await hub.ask()
    await tab.focus(APPROVE)
    await tab.keyboard.down(key)
    await tab.wait_for_selector(APPROVE + ENABLED)
    for _ in range(5):
        await tab.keyboard.down(key)  # a repeat
    await tab.keyboard.up(key)
    await assert_no_decision(hub, tab)
    await tab.keyboard.press(key)  # but a press that was meant does
    await hub.asking[-1]


async def test_a_script_cannot_press(hub, tab):
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    await tab.evaluate("document.querySelector('#requests [data-part=\"approve\"]').click()")
    await assert_no_decision(hub, tab)


@pytest.mark.parametrize("event", ["focus", "pageshow", "resize"])
async def test_a_page_that_is_shown_again_waits_again(hub, tab, event):
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    await tab.evaluate(f"window.dispatchEvent(new Event('{event}'))")
    assert await tab.get_attribute(APPROVE, "aria-disabled") == "true"
    await tab.wait_for_selector(APPROVE + ENABLED)


async def test_a_card_that_moves_waits_again(hub, tab):
    await tab.set_viewport_size({"width": 1280, "height": 1600})
    first = await hub.ask("First", "https://first.example")
    await hub.ask("Second", "https://second.example")
    second = await tab.wait_for_selector('article:has-text("Second") >> ' + APPROVE + ENABLED)
    await tab.evaluate(
        """(button) => {
          window.waited = false;
          new MutationObserver(() => {
            window.waited ||= button.getAttribute("aria-disabled") === "true";
          }).observe(button, { attributes: true });
        }""",
        second,
    )
    await hub.hub.auth.deny(first)
    await tab.wait_for_function("() => window.waited")


async def test_a_button_out_of_sight_is_dead(hub, tab):
    await tab.set_viewport_size({"width": 390, "height": 400})
    await hub.ask()
    await tab.wait_for_selector(APPROVE)
    await tab.evaluate("scrollTo(0, 0)")
    await tab.wait_for_selector(APPROVE + DISABLED)
    await tab.evaluate(
        "document.querySelector('#requests [data-part=\"approve\"]').scrollIntoView()"
    )
    await tab.wait_for_selector(APPROVE + ENABLED)


async def test_a_request_that_was_answered_elsewhere_goes(hub, tab):
    code = await hub.ask()
    await tab.wait_for_selector(APPROVE)
    await hub.hub.auth.deny(code)
    await tab.wait_for_selector(APPROVE, state="detached")


async def test_what_the_hub_refuses_is_said_at_the_card(hub, tab):
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    refusal = {"status": 507, "json": {"error": "The disk is full; free some space."}}
    await tab.route("**/operator/api/approve", lambda route: route.fulfill(**refusal))
    await tab.click(APPROVE)
    await tab.wait_for_selector('[role="alert"] >> text=The disk is full')
    await tab.unroute("**/operator/api/approve")
    await tab.click(APPROVE + ENABLED)
    await hub.asking[-1]


async def test_revoke_asks_first(hub, tab):
    await hub.allow("Print Studio", "https://print.example")
    await tab.click('[data-part="revoke"]')
    await tab.wait_for_selector("text=Revoke Print Studio?")
    assert await tab.evaluate("document.activeElement.id") == "confirm-no"
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("#confirm", state="hidden")
    assert len(hub.hub.auth.applications()) == 1

    await tab.click('[data-part="revoke"]')
    await tab.keyboard.press("Escape")
    await tab.wait_for_selector("#confirm", state="hidden")
    assert len(hub.hub.auth.applications()) == 1

    await tab.click('[data-part="revoke"]')
    await tab.click("#confirm-yes")
    await tab.wait_for_selector("text=No application has access yet.")
    assert hub.hub.auth.applications() == []


async def test_services_and_plugins_with_their_state(hub, tab):
    await tab.wait_for_selector('#services >> text="Desk lamp"')
    await tab.wait_for_selector("#plugins >> text=ImportError: no module named broken")
    hub.plugin.offered = (
        Service(id="hall", name="Hall lamp", online=False, reason="The cable is out"),
    )
    await tab.wait_for_selector("#services >> text=The cable is out")
    assert "Offline" in await tab.inner_text("#services")


async def test_the_hub_is_gone_and_comes_back(browser, serve_hub, tmp_path):
    context = await browser.new_context()
    context.set_default_timeout(20_000)
    tab = await context.new_page()
    async with serve_hub(tmp_path / "first") as hub:
        await tab.goto(hub.operator.login_link(hub.url))
        await hub.ask()
        await tab.wait_for_selector(APPROVE + ENABLED)
        port = int(hub.url.rpartition(":")[2])
    await tab.wait_for_selector("text=The hub does not answer")
    await tab.wait_for_selector(APPROVE + DISABLED)
    async with serve_hub(tmp_path / "second", port):
        await tab.wait_for_selector("text=You are signed out")
        assert "gotapi operator" in await tab.inner_text("#banner")
    await context.close()


async def test_a_short_pause_is_no_alarm(hub, tab):
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    tries = 0

    async def stumble(route):
        nonlocal tries
        tries += 1
        await (route.abort() if tries == 1 else route.continue_())

    await tab.route("**/operator/api/**", stumble)
    await hub.ask("Other", "https://other.example")  # ends the long poll that is under way
    await tab.wait_for_selector('#link[data-state="pause"]')
    assert await tab.is_hidden("#banner")
    await tab.wait_for_selector(LIVE)
    await tab.wait_for_selector('article:has-text("Other") >> ' + APPROVE)


async def test_a_hub_that_stays_away_is_not_looked_for_for_ever(hub, tab):
    await tab.clock.install()
    await tab.reload()
    await tab.wait_for_selector(LIVE)
    await tab.route("**/operator/api/**", lambda route: route.abort())
    await hub.ask()
    async with asyncio.timeout(8):
        while not await tab.is_visible("#banner-retry"):
            await tab.clock.fast_forward(60_000)
    assert "stopped looking" in await tab.inner_text("#banner")
    await tab.unroute("**/operator/api/**")
    await tab.click("#banner-retry")
    await tab.wait_for_selector(LIVE)
    assert await tab.is_hidden("#banner")


async def test_a_session_that_ends_is_said_plainly(hub, tab):
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    await tab.context.clear_cookies()
    await tab.click(APPROVE)
    await tab.wait_for_selector("text=The session is over")
    await hub.ask("Other", "https://other.example")
    await tab.wait_for_selector("text=You are signed out")
    await tab.wait_for_selector(APPROVE + DISABLED)


async def test_too_many_pages_are_refused_in_words(hub, tab):
    refusal = {"status": 429, "json": {"error": "16 operator pages are open already."}}
    await tab.route("**/operator/api/**", lambda route: route.fulfill(**refusal))
    await hub.ask()
    await tab.wait_for_selector("text=16 operator pages are open already.")
    await tab.unroute("**/operator/api/**")
    await tab.click("#banner-retry")
    await tab.wait_for_selector(LIVE)


async def test_signing_out(hub, tab):
    await tab.click("#sign-out")
    await tab.wait_for_selector("text=The hub is running")
    assert await tab.evaluate("localStorage.length") == 0
    answer = await tab.goto(f"{hub.url}/operator")
    assert answer.status == 401


async def test_a_stolen_cookie_alone_is_worth_nothing(hub, tab):
    cookies = await tab.context.cookies(f"{hub.url}/operator")
    theft = "; ".join(f"{one['name']}={one['value']}" for one in cookies)
    answer = await tab.context.request.get(
        f"{hub.url}/operator/api/state",
        headers={"cookie": theft, "sec-fetch-site": "same-origin"},
    )
    assert answer.status == 401


ODD = {
    "markup": "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "long": "W" * 300,
    "right to left": "\u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627 (evorppA) \u202eedoc",
    "template": "{{7*7}} ${7*7} %s $title",
    "quotes": "\"'><b onclick=alert(3)>",
}


@pytest.mark.parametrize("name", ODD)
async def test_no_name_does_any_harm(hub, tab, name):
    await hub.allow(ODD[name], f"app-{'y' * 190}", browser=False)
    hub.plugin.offered = (
        Service(id="desk", name=ODD[name], type=ODD[name], online=False, reason=ODD[name]),
    )
    code = await hub.ask(ODD[name], "x" * 200, browser=False)
    card = tab.locator("article", has_text=code)
    for width in (1280, 390):
        await tab.set_viewport_size({"width": width, "height": 900})
        shown = (await card.locator("h3").inner_text()).strip()
        assert shown == hub.hub.auth.requests()[0].application_name
        assert shown[:20] in ODD[name]
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width
        decision = card.locator(APPROVE)
        await decision.scroll_into_view_if_needed()
        box = await decision.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    await tab.wait_for_function("() => document.querySelector('#services').innerText.length > 20")
    assert await tab.query_selector("main img, main script, main b") is None
    assert tab.faults == []


async def test_the_page_breaks_no_policy_of_its_own(hub, browser):
    context = await browser.new_context()
    tab = await context.new_page()
    await tab.add_init_script(
        "window.broken = [];"
        "addEventListener('securitypolicyviolation', (e) => window.broken.push(e.blockedURI));"
    )
    await tab.goto(hub.operator.login_link(hub.url))
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    assert await tab.evaluate("window.broken") == []
    markup = "document.querySelector('#requests').innerHTML = '<img src=x>'"
    refused = await tab.evaluate(
        "(code) => { try { " + markup + "; return ''; } catch (e) { return e.name; } }"
    )
    assert refused == "TypeError"  # trusted types: no text becomes markup
    await context.close()


async def test_the_page_cannot_be_framed(hub, browser):
    context = await browser.new_context()
    tab = await context.new_page()
    await tab.goto(hub.operator.login_link(hub.url))
    await tab.wait_for_selector(LIVE)
    framing = {"content_type": "text/html", "body": "<iframe src='/operator'></iframe>"}
    await tab.route("**/framing", lambda route: route.fulfill(**framing))
    await tab.goto(f"{hub.url}/framing")
    await tab.wait_for_load_state()
    (frame,) = tab.main_frame.child_frames
    assert await frame.query_selector("#requests") is None
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_contrast_enough(hub, browser, scheme):
    context = await browser.new_context(color_scheme=scheme)
    tab = await context.new_page()
    await hub.allow("Print Studio", "https://print.example")
    await hub.ask()
    await tab.goto(hub.operator.login_link(hub.url))
    await tab.wait_for_selector(APPROVE + ENABLED)
    await tab.evaluate("document.getAnimations().forEach((one) => one.finish())")
    poor = await tab.evaluate(CONTRAST)
    await context.close()
    assert poor == []


# WCAG 2.2, 1.4.3: 4.5 for text; relative luminance as defined there.
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const [a, b] = [parse(getComputedStyle(element).color), ground(element)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className} ${element.textContent}`);
  }
  return poor;
}"""


async def test_every_control_has_a_name(hub, tab):
    await hub.allow("Print Studio", "https://print.example")
    await hub.ask()
    await tab.wait_for_selector(APPROVE + ENABLED)
    for role, name, count in (
        ("button", "Approve", 1),
        ("button", "Deny", 1),
        ("button", "Revoke", 1),
        ("checkbox", "switch your lamps", 1),
        ("radio", "For a day", 1),
        ("group", "It wants to", 1),
        ("group", "For how long", 1),
        ("article", "Lamp Switch", 1),
        ("region", "Waiting for your answer", 1),
        ("region", "Applications with access", 1),
    ):
        assert await tab.get_by_role(role, name=name).count() == count, (role, name)


async def assert_no_decision(hub, tab) -> None:
    """A decision would be sent at once: after a round trip of the page's own there is none."""
    await tab.evaluate("fetch('/operator/icon.svg').then((answer) => answer.text())")
    assert len(hub.hub.auth.requests()) == 1
    assert hub.hub.auth.applications() == []
