"""The OAuth endpoints of a live hub: RFC forms, redirects, and attacks on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import pytest_asyncio

from gotapi_core.protocol.oauth import DEVICE_GRANT, challenge_of
from gotapi_core.testing.live import LiveHub, live_hub

ORIGIN = "org.example.app"
HEADERS = {"X-GotAPI-Origin": ORIGIN}
DEVICE = "/gotapi/authorization/device"
TOKEN = "/gotapi/authorization/token"
AUTHORIZE = "/gotapi/authorization/authorize"
URI = "http://127.0.0.1:9/cb"
VERIFIER = "v" * 43


class Application:
    """A native application that asks a live hub."""

    def __init__(self, live: LiveHub, http: httpx2.AsyncClient) -> None:
        self.live = live
        self.http = http
        self.client_id = ""

    async def register(self) -> Application:
        answer = await self.http.get("/gotapi/authorization/grant", headers=HEADERS)
        self.client_id = answer.json()["clientId"]
        return self

    async def post(self, path: str, **params: str) -> httpx2.Response:
        data = {"client_id": self.client_id, **params}
        return await self.http.post(path, data=data, headers=HEADERS)

    async def authorize(self, **changes: str | None) -> httpx2.Response:
        params = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": URI,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "scope": "servicediscovery",
            "state": "st&=",
            **changes,
        }
        given = {name: value for name, value in params.items() if value is not None}
        return await self.http.get(AUTHORIZE, params=given, headers=_browser())

    async def waited_for(self) -> None:
        """Return once the operator sees that the application waits."""
        async with asyncio.timeout(5):
            while not self.live.hub.auth.requests()[0].waiting:  # noqa: ASYNC110 - no event says it
                await asyncio.sleep(0.01)

    async def open(self, location: str, **headers: str) -> httpx2.Response:
        return await self.http.get(location, headers=_browser() | headers)


def _browser() -> dict[str, str]:
    return {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def query(location: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(location).query).items()}


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[Application]:
    async with (
        live_hub(tmp_path) as live,
        httpx2.AsyncClient(base_url=live.url, trust_env=False, timeout=10.0) as http,
    ):
        yield await Application(live, http).register()


async def test_a_device_code_in_the_shapes_of_rfc_8628(app: Application) -> None:
    answer = await app.post(DEVICE, scope="servicediscovery system", applicationName="App")
    assert answer.status_code == 200
    device = answer.json()
    assert device["verification_uri"] == f"{app.live.url}/operator"
    assert (device["expires_in"], device["interval"]) == (600, 5)
    (request,) = app.live.hub.auth.requests()
    assert device["user_code"] == request.code
    assert (request.application_name, request.shows_code) == ("App", True)
    grant = {"grant_type": DEVICE_GRANT, "device_code": device["device_code"]}
    pending = await app.post(TOKEN, **grant)
    assert pending.status_code == 400
    assert set(pending.json()) == {"error", "error_description"}
    assert pending.json()["error"] == "authorization_pending"
    assert (await app.post(TOKEN, **grant)).json()["error"] == "slow_down"
    await app.live.allow(request.code)
    given = (await app.post(TOKEN, **grant)).json()
    assert given["token_type"] == "Bearer"
    assert given["access_token"] == given["accessToken"]
    assert given["scope"] == "servicediscovery system"
    assert given["result"] == 0
    found = await app.http.get(
        "/gotapi/servicediscovery", params={"accessToken": given["access_token"]}, headers=HEADERS
    )
    assert found.json()["services"] == []
    again = await app.post(TOKEN, **grant)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_poll_may_be_held_and_ends_with_the_hub(app: Application) -> None:
    device = (await app.post(DEVICE, scope="system")).json()
    grant = {"grant_type": "device_code", "device_code": device["device_code"], "wait": "20"}
    poll = asyncio.create_task(app.post(TOKEN, **grant))
    await app.waited_for()
    app.live.server.stop()
    answer = await poll
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.parametrize(
    ("path", "params", "status", "error"),
    [
        (DEVICE, {"scope": "gps"}, 400, "invalid_scope"),
        (DEVICE, {}, 400, "invalid_scope"),
        (DEVICE, {"scope": "system", "client_id": ""}, 400, "invalid_request"),
        (DEVICE, {"scope": "system", "client_id": "nobody"}, 401, "invalid_client"),
        (TOKEN, {}, 400, "unsupported_grant_type"),
        (TOKEN, {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (TOKEN, {"grant_type": DEVICE_GRANT}, 400, "invalid_request"),
        (TOKEN, {"grant_type": DEVICE_GRANT, "device_code": "x"}, 400, "invalid_grant"),
        (
            TOKEN,
            {"grant_type": DEVICE_GRANT, "device_code": "x", "wait": "-1"},
            400,
            "invalid_request",
        ),
        (TOKEN, {"grant_type": "authorization_code"}, 400, "invalid_request"),
        (TOKEN, {"grant_type": "authorization_code", "code": "x"}, 400, "invalid_grant"),
        (TOKEN, {"x": "y" * 20_000}, 413, "invalid_request"),
    ],
)
async def test_refusals_have_the_form_of_the_rfcs(
    app: Application, path: str, params: dict[str, str], status: int, error: str
) -> None:
    answer = await app.post(path, **params)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


async def test_who_asks_must_be_said_and_only_by_post(app: Application) -> None:
    nameless = await app.http.post(DEVICE, data={"client_id": app.client_id, "scope": "system"})
    assert (nameless.status_code, nameless.json()["error"]) == (403, "invalid_client")
    other = await app.http.post(
        DEVICE,
        data={"client_id": app.client_id, "scope": "system"},
        headers={"X-GotAPI-Origin": "org.example.else"},
    )
    assert (other.status_code, other.json()["error"]) == (401, "invalid_client")
    got = await app.http.get(DEVICE, headers=HEADERS)
    assert (got.status_code, got.json()["error"]) == (405, "invalid_request")


async def test_the_way_of_the_redirect(app: Application) -> None:
    begun = await app.authorize(applicationName="App <b>")
    assert begun.status_code == 303
    wait = begun.headers["location"]
    assert wait.startswith(f"{AUTHORIZE}/wait?request=")
    page = await app.open(wait)
    (request,) = app.live.hub.auth.requests()
    assert page.status_code == 200
    assert request.code in page.text
    assert "App &lt;b&gt;" in page.text
    assert "<b>" not in page.text
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    state = asyncio.create_task(app.open(wait.replace("/wait?", "/wait/state?")))
    await app.waited_for()
    await app.live.allow(request.code)
    assert (await state).json() == {"waiting": False}
    back = await app.open(wait)
    assert back.status_code == 303
    location = back.headers["location"]
    assert location.startswith(f"{URI}?code=")
    assert (query(location)["state"], query(location)["iss"]) == ("st&=", app.live.url)
    grant = {"grant_type": "authorization_code", "code": query(location)["code"]}
    rest = {"redirect_uri": URI, "code_verifier": VERIFIER}
    given = await app.post(TOKEN, **grant, **rest)
    assert given.json()["scope"] == "servicediscovery"
    assert (await app.post(TOKEN, **grant, **rest)).json()["error"] == "invalid_grant"
    assert (await app.open(wait)).status_code == 410
    with_token = {"accessToken": given.json()["accessToken"]}
    found = await app.http.get("/gotapi/servicediscovery", params=with_token, headers=HEADERS)
    assert found.json()["errorCode"] == 15  # the second use ended the token


async def test_a_denial_goes_back_to_the_application(app: Application) -> None:
    wait = (await app.authorize()).headers["location"]
    await app.live.hub.auth.deny(app.live.hub.auth.requests()[0].code)
    location = (await app.open(wait)).headers["location"]
    assert query(location)["error"] == "access_denied"
    assert query(location)["iss"] == app.live.url


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": None},
        {"redirect_uri": "http://localhost:9/cb"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "http://127.0.0.1:9@evil.example/"},
        {"redirect_uri": "http://127.0.0.1.evil.example:9/"},
        {"redirect_uri": "http://127.0.0.1:9/#x"},
        {"redirect_uri": "//evil.example"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://127.0.0.1:9/\r\nlocation:http://evil.example"},
        {"redirect_uri": "the hub itself"},
        {"client_id": None},
        {"client_id": "nobody"},
        {"state": "\n"},
    ],
)
async def test_nobody_is_redirected_to_where_it_is_not_sure(app: Application, changes) -> None:
    if changes.get("redirect_uri") == "the hub itself":
        changes = {"redirect_uri": f"{app.live.url}/operator"}
    answer = await app.authorize(**changes)
    assert answer.status_code in (400, 401)
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert app.live.hub.auth.requests() == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "gps"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
async def test_other_mistakes_go_back(app: Application, changes, error: str) -> None:
    location = (await app.authorize(**changes)).headers["location"]
    assert location.startswith(f"{URI}?")
    assert query(location)["error"] == error
    assert query(location)["state"] == "st&="
    assert app.live.hub.auth.requests() == []


async def test_a_page_cannot_use_the_way_of_programs(app: Application) -> None:
    answer = await app.http.get(
        "/gotapi/authorization/grant", headers={"Origin": "https://draw.example"}
    )
    app.client_id = answer.json()["clientId"]
    location = (await app.authorize()).headers["location"]
    assert query(location)["error"] == "unauthorized_client"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("mode", ["navigate", "cors", "no-cors"])
async def test_another_site_cannot_begin_it(app: Application, site: str, mode: str) -> None:
    fetch = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    answer = await app.http.get(
        AUTHORIZE, params={"client_id": app.client_id, "redirect_uri": URI}, headers=fetch
    )
    assert answer.status_code == 403
    assert app.live.hub.auth.requests() == []


async def test_looking_ahead_uses_nothing_up(app: Application) -> None:
    wait = (await app.authorize()).headers["location"]
    await app.live.allow()
    ahead = await app.open(wait, **{"Sec-Purpose": "prefetch;prerender"})
    assert ahead.status_code == 405
    assert (await app.http.head(wait, headers=_browser())).status_code == 405
    assert "code" in query((await app.open(wait)).headers["location"])


async def test_a_waiting_page_that_nobody_knows(app: Application) -> None:
    assert (await app.open(f"{AUTHORIZE}/wait?request=x")).status_code == 410
    assert (await app.open(f"{AUTHORIZE}/wait/state?request=x")).json() == {"waiting": False}
    assert (await app.open(f"{AUTHORIZE}/wait")).status_code == 410


async def test_guesses_are_stopped(app: Application) -> None:
    for _ in range(5):
        answer = await app.post(TOKEN, grant_type=DEVICE_GRANT, device_code="guess")
        assert answer.json()["error"] == "invalid_grant"
    answer = await app.post(TOKEN, grant_type=DEVICE_GRANT, device_code="guess")
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")


async def test_the_flood_of_requests_is_stopped(app: Application) -> None:
    for _ in range(5):
        await app.register()
        assert (await app.post(DEVICE, scope="system")).status_code == 200
    await app.register()
    answer = await app.post(DEVICE, scope="system")
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
    assert query((await app.authorize()).headers["location"])["error"] == "temporarily_unavailable"
