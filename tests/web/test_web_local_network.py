"""Local Network Access: a page of the internet asks the browser's user before it reaches the hub.

Chromium is told that the page's server is a public address, and that its name is to be trusted as
one with a certificate would be; what it then does is what it does for a real site.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP = "shop.example"
PLAIN = "plain.example"  # a site without encryption


@pytest.fixture(scope="module")
def browser_flags(foreign: str) -> tuple[str, ...]:
    port = foreign.rpartition(":")[2]
    return (
        f"--ip-address-space-overrides=127.0.0.1:{port}=public",
        f"--host-resolver-rules=MAP {SHOP} 127.0.0.1,MAP {PLAIN} 127.0.0.1",
        f"--unsafely-treat-insecure-origin-as-secure=http://{SHOP}:{port}",
        "--enable-features=LocalNetworkAccessChecks",
    )


async def opened(open_tab: Any, foreign: str, host: str, *permissions: str, asked: bool) -> Any:
    """Open the page at a public name; `asked` says that its user has decided."""
    origin = foreign.replace("localhost", host)
    tab = await open_tab("about:blank")
    if asked:
        await tab.context.grant_permissions(list(permissions), origin=origin)
    await tab.goto(origin)
    return tab


async def test_allowed_it_goes_the_whole_way(site, open_tab, foreign):
    tab = await opened(open_tab, foreign, SHOP, "local-network-access", asked=True)
    await tab.evaluate("(url) => { window.start(url); }", site.url)
    await tab.wait_for_selector("text=pending")
    [request] = site.hub.auth.requests()
    assert request.origin == foreign.replace("localhost", SHOP)
    await site.live.allow()
    await tab.wait_for_selector("text=home.gcode 4: granted")
    site.plugin.said.put_nowait("on")  # over a WebSocket, which the browser checks as well
    await tab.wait_for_selector("text=event on")


DENIED = "LocalNetworkDenied: Your browser does not let this site reach your local network"
INSECURE = "LocalNetworkDenied: This page came without encryption (http)"


@pytest.mark.parametrize(
    ("host", "asked", "says"),
    [(SHOP, True, DENIED), (SHOP, False, DENIED), (PLAIN, False, INSECURE)],
    ids=["denied", "question closed", "without encryption"],
)
async def test_not_allowed_it_says_why_and_what_to_do(site, open_tab, foreign, host, asked, says):
    tab = await opened(open_tab, foreign, host, asked=asked)
    await tab.evaluate("(url) => { window.start(url); }", site.url)
    await tab.wait_for_selector("text=failed")
    assert says in await tab.inner_text("#said")
    assert site.hub.auth.requests() == []
    refused = [one for one in tab.faults if "address space" in one]
    assert refused  # by the browser, and not because nothing listens there
    tab.faults[:] = [one for one in tab.faults if one not in refused]


async def test_a_closed_question_is_told_beside_a_hub_that_is_away(site, open_tab, foreign):
    tab = await open_tab("about:blank")
    # Without a screen Chromium says no by itself; on one, a closed question leaves this state.
    await tab.add_init_script("navigator.permissions.query = async () => ({ state: 'prompt' })")
    await tab.goto(foreign.replace("localhost", SHOP))
    await tab.evaluate("(url) => { window.start(url); }", site.url)
    await tab.wait_for_selector("text=failed HubUnreachable: No hub answers on this computer")
    assert "If it runs, your browser keeps this site from it" in await tab.inner_text("#said")
    tab.faults[:] = [one for one in tab.faults if "address space" not in one]
