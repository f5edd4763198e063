"""Who has no mouse keeps the place on the page, also when what had the focus is gone."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
FOCUSED = "document.activeElement.id === 'page'"


async def test_after_an_answer_the_keyboard_goes_on_from_the_page(site, tab):
    await site.ask()
    await tab.goto(f"{site.url}/console/consent")
    button = tab.locator("button.danger, request-card button", has_text="Deny")
    await tab.wait_for_selector("request-card button:not([aria-disabled=true]) >> text=Deny")
    await button.focus()
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("text=Nobody is asking")
    await tab.wait_for_function(FOCUSED)


async def test_a_link_to_another_page_leads_the_keyboard_there(site, tab):
    await tab.goto(f"{site.url}/console/plugins")
    await tab.wait_for_selector("page-plugins .card")
    await tab.evaluate(
        "() => { const a = document.createElement('a'); a.href = '/console/system'; a.id = 'on';"
        " a.textContent = 'On'; document.querySelector('page-plugins').append(a); a.focus(); }"
    )
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("page-system")
    await tab.wait_for_function(FOCUSED)
    await tab.keyboard.press("Tab")  # the first button of the page, and not of the navigation
    assert await tab.evaluate("document.activeElement.closest('page-system') !== null")
