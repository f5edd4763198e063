"""The page of requests: yes, no, what runs out, and what no accident may do."""

from __future__ import annotations

import asyncio

import pytest

from gotapi_core.protocol.errors import NotAuthorized

pytestmark = pytest.mark.asyncio(loop_scope="module")

NASTY = '<img src=x onerror="window.struck=1"><b>bold</b>'
APPROVE = 'button.primary:has-text("Approve")'
LIVE = '[aria-disabled="false"]'


async def go(tab, page):
    """Open a page by the navigation."""
    await tab.click(f'a[href="/console/{page}"]:visible')
    await tab.wait_for_selector(f"page-{page}")


async def test_approve_what_was_chosen(site, tab):
    await go(tab, "consent")
    await tab.wait_for_selector("text=Nobody is asking")
    await site.ask()
    card = await tab.wait_for_selector("article.request")
    text = await card.inner_text()
    for said in ("A web page asks", "Lamp Switch", "https://lamps.example", "Answer within"):
        assert said in text
    assert (await tab.title()).startswith("(1) ")
    await tab.uncheck('input[value="servicediscovery"]')
    await tab.check('input[value="day"]')
    await tab.click(APPROVE + LIVE)
    issued = await site.asking[-1]
    assert [scope for scope, _ in issued.scopes] == ["light"]
    assert issued.scopes[0][1] == pytest.approx(86400, abs=60)
    await tab.wait_for_selector("text=Approved Lamp Switch.")
    await tab.wait_for_selector("text=Nobody is asking")


async def test_deny(site, tab):
    await go(tab, "consent")
    await site.ask()
    await tab.click(f'button:has-text("Deny"){LIVE}')
    with pytest.raises(NotAuthorized):
        await site.asking[-1]
    await tab.wait_for_selector("text=Denied Lamp Switch.")


async def test_a_press_that_was_not_meant_for_it_does_nothing(site, tab):
    await go(tab, "consent")
    await site.ask()
    await tab.wait_for_selector(APPROVE)
    assert await tab.get_attribute(APPROVE, "aria-disabled") == "true"
    await tab.wait_for_selector(APPROVE + LIVE)
    await tab.evaluate("document.querySelector('guarded-button button.primary').click()")
    assert site.hub.auth.applications() == []
    assert len(site.hub.auth.requests()) == 1


async def test_nothing_chosen_cannot_be_approved(site, tab):
    await go(tab, "consent")
    await site.ask(scope="light")
    await tab.wait_for_selector(APPROVE + LIVE)
    await tab.uncheck('input[value="light"]')
    await tab.wait_for_selector(f'{APPROVE}[aria-disabled="true"]')
    await tab.wait_for_selector("text=Choose at least one.")


async def test_the_keyboard_is_enough(site, tab):
    await go(tab, "consent")
    await site.ask(scope="light")
    await tab.wait_for_selector(APPROVE + LIVE)
    await tab.focus('input[value="light"]')
    for _ in range(3):  # how long, deny, approve
        await tab.keyboard.press("Tab")
    await tab.keyboard.press("Enter")
    await site.asking[-1]


async def test_another_page_hears_of_it_and_the_badge_counts(site, tab):
    await tab.wait_for_selector("page-services")
    await site.ask(name=NASTY)
    await tab.wait_for_selector(f".toast >> text={NASTY} asks for access.")
    await tab.wait_for_selector('.side a[href="/console/consent"] .badge >> text=1')


async def test_a_request_that_ends_goes_away(site, tab):
    await go(tab, "consent")
    code = await site.ask()
    await tab.wait_for_selector("article.request")
    await site.hub.auth.deny(code)
    await tab.wait_for_selector("text=Nobody is asking")
    await asyncio.gather(site.asking[-1], return_exceptions=True)


async def test_what_the_hub_refuses_is_said_on_the_card(site, tab):
    await go(tab, "consent")
    await site.ask()
    await tab.route(
        "**/operator/api/approve",
        lambda route: route.fulfill(status=409, json={"error": f"No {NASTY}"}),
    )
    await tab.click(APPROVE + LIVE)
    await tab.wait_for_selector(f'[role="alert"] >> text=No {NASTY}')


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_markup_stays_text_and_axe_finds_nothing(site, tab, viewport, check_access):
    await site.allow("Earlier")
    await site.ask(name=NASTY)
    await tab.goto(f"{site.url}/console/consent")
    await tab.wait_for_selector(f"h2 >> text={NASTY}")
    await tab.wait_for_selector("text=already has access")
    assert await tab.locator("main img").count() == 0
    await tab.locator(APPROVE).scroll_into_view_if_needed()
    await tab.wait_for_selector(APPROVE + LIVE)
    assert await tab.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    await check_access(tab)


async def test_notifications_are_asked_for_only_when_wanted(site, tab):
    await tab.context.grant_permissions(["notifications"], origin=site.url)
    await tab.goto(f"{site.url}/console/consent")
    await tab.wait_for_selector("text=Your browser tells you of requests")


async def test_what_one_tab_decides_the_other_sees(site, tab):
    await go(tab, "consent")
    other = await tab.context.new_page()
    await other.goto(f"{site.url}/console/consent")
    await site.ask()
    await other.wait_for_selector("article.request")
    await tab.bring_to_front()
    await tab.click(f'button:has-text("Deny"){LIVE}')
    await other.wait_for_selector("text=Nobody is asking")
