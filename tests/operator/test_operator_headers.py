"""What stands on every answer of the operator's side, and what the server refuses before it."""

from __future__ import annotations

import httpx2
import pytest

from gotapi_core.server.operator_pages import ASSETS

PAGES = ["/", "/operator", "/operator/login", "/operator/nothing", "/operator/api/state", *ASSETS]


@pytest.mark.parametrize("path", PAGES)
async def test_every_answer_is_protected(wire, page, path):
    for headers in ({}, page):
        found = (await wire("GET", path, headers)).headers
        policy = found["content-security-policy"].split("; ")
        assert set(policy) >= {
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        }
        assert found["x-frame-options"] == "DENY"
        assert found["x-content-type-options"] == "nosniff"
        assert found["referrer-policy"] == "same-origin"
        assert found["cache-control"] == "no-store"
        assert found["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in found


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/operator/page.css", "text/css; charset=utf-8"),
        ("/operator/page.js", "text/javascript; charset=utf-8"),
        ("/operator/icon.svg", "image/svg+xml"),
    ],
)
async def test_assets_need_no_session(wire, path, content_type):
    answer = await wire("GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"] == content_type


@pytest.mark.parametrize(
    "path",
    [
        "/operator/operator.html",
        "/operator/../operator.py",
        "/operator/pages/page.css",
        "/operator//page.css",
        "/operator/page.css/",
        "/operator/\x00",
        "/operator/api",
    ],
)
async def test_no_other_file_is_served(wire, page, path):
    answer = await wire("GET", path, page)
    assert answer.status == 404
    assert "/operator" in answer.text


@pytest.mark.parametrize("path", ["/", "/operator", "/operator/login", "/operator/page.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_pages_are_for_reading(wire, page, method, path):
    assert (await wire(method, path, page)).status == 405


async def test_no_page_holds_a_script_or_a_style_of_its_own(wire, page):
    for path in ("/", "/operator", "/operator/login"):
        text = (await wire("GET", path, page if path == "/operator" else {})).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script type="module" src="/operator/page.js">')


SITES = {
    "typed": {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    "own page": {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"},
    "other port": {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
    "other site": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    "other site's script": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
    "native": {},
}


@pytest.fixture
async def browser(served):
    """A client, and the headers that the operator's browser and page would send."""
    async with httpx2.AsyncClient(base_url=served.url, trust_env=False) as client:
        answer = await client.get(served.operator.login_link(served.url))
        cookies = [one.partition(";")[0] for one in answer.headers.get_list("set-cookie")]
        key = answer.headers["location"].partition("#key=")[2]
        client.cookies.clear()
        yield client, {"cookie": "; ".join(cookies), "x-gotapi-page-key": key}


@pytest.mark.parametrize("site", SITES)
async def test_only_the_operator_himself_opens_the_page(browser, site):
    client, page = browser
    headers = {"cookie": page["cookie"], **SITES[site]}
    answer = await client.get("/operator", headers=headers)
    allowed = site in ("typed", "own page", "native")
    assert answer.status_code == (200 if allowed else 403)
    assert ("Waiting for your answer" in answer.text) == allowed


@pytest.mark.parametrize("site", SITES)
async def test_only_the_page_itself_decides(served, browser, site):
    client, page = browser
    code = await served.ask()
    headers = page | SITES[site]
    answer = await client.post("/operator/api/deny", headers=headers, json={"code": code})
    allowed = site == "own page"
    assert answer.status_code == (200 if allowed else 403)
    assert bool(served.hub.auth.requests()) == (not allowed)


@pytest.mark.parametrize("site", SITES)
async def test_a_page_cannot_read_the_state_from_elsewhere(browser, site):
    client, page = browser
    headers = page | SITES[site]
    answer = await client.get("/operator/api/state", headers=headers)
    assert answer.status_code in ((200,) if site == "own page" else (401, 403))
    assert ("requests" in answer.json()) == (site == "own page")


async def test_a_foreign_name_for_this_machine_is_refused(browser):
    client, page = browser
    answer = await client.get("/operator", headers={**page, "host": "evil.example"})
    assert answer.status_code == 403
