"""A real browser: it takes the imported authority, and the operator page shows the key."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gotapi_core.protocol.fingerprint import grouped

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def import_authority(home: Path, certificate: Path) -> None:
    """Do what the operator's guide says for Chromium."""
    words = ["-A", "-t", "C,,", "-n", "gotapi-hub", "-i", str(certificate)]
    subprocess.run(["certutil", "-d", f"sql:{home}/.pki/nssdb", *words], check=True, timeout=9)


@pytest.fixture
def nss_home(tmp_path: Path) -> Path:
    """A home whose browsers trust nothing of their own yet; skips where it cannot be made."""
    pytest.importorskip("playwright", reason="the browser tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser tests need chromium (Debian: apt-get install chromium)")
    if shutil.which("certutil") is None:
        pytest.skip("importing needs certutil (Debian: apt-get install libnss3-tools)")
    store = tmp_path / "user" / ".pki" / "nssdb"
    store.mkdir(parents=True)
    subprocess.run(
        ["certutil", "-d", f"sql:{store}", "-N", "--empty-password"], check=True, timeout=9
    )
    return tmp_path / "user"


@pytest.fixture
async def open_page(nss_home: Path) -> AsyncIterator[object]:
    """Open an address in a new browser of that home; returns the tab."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browsers = []

        async def visit(url: str):
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=list(FLAGS),
                env={**os.environ, "HOME": str(nss_home)},
            )
            browsers.append(browser)
            tab = await browser.new_page()
            tab.set_default_timeout(5000)
            await tab.goto(url)
            return tab

        yield visit
        for browser in browsers:
            await browser.close()


async def test_the_imported_authority_is_enough_for_a_browser(
    tls_hub, nss_home: Path, open_page
) -> None:
    from playwright.async_api import Error

    async with tls_hub() as live:
        url = live.door.url
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            await open_page(url)
        import_authority(nss_home, live.hub.paths.data / "tls" / "ca.crt")
        tab = await open_page(live.app.operator.login_link(url))
        await tab.wait_for_selector("#trust:not([hidden])")
        shown = await tab.inner_text("#trust-fingerprint")
        assert shown == grouped(live.door.identity.fingerprint)
        code = tab.locator("#trust-code img")
        assert await code.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        assert "this computer only" in await tab.inner_text("#trust-who")
        cookies = await tab.context.cookies()
        assert cookies
        assert all(cookie["secure"] for cookie in cookies)
