"""node-gotapi's client library: a model of what it does, and a test for each point it depends on.

The model keeps the library's order of calls and its way to read answers: any 2xx is a success whose
`hmac` must be right, everything else an error; the first frame of a WebSocket is a success whatever
it says; a frame whose `result` is not 0 is an error.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from urllib.parse import urlencode

import pytest

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Refused(Exception):  # noqa: N818 - what the library rejects with
    """The library's error: the answer's JSON, or what was wrong with it."""


class Library:
    """The client library in a page."""

    def __init__(self, browser) -> None:
        self.browser = browser
        self.key = ""
        self.client_id = ""
        self.token = ""
        self.socket = None

    async def send(self, method, path, params, *, signed=True):
        params = dict(params)
        if signed:
            params["nonce"] = secrets.token_hex(32)
        encoded = urlencode(params)
        if method in ("POST", "PUT"):
            answer = await self.browser.xhr(
                method, f"/gotapi/{path}", headers=dict(FORM), body=encoded.encode()
            )
        else:
            answer = await self.browser.xhr(method, f"/gotapi/{path}?{encoded}")
        found = json.loads(answer.content)
        if not 200 <= answer.status_code < 300:
            raise Refused(found)
        if signed:
            right = hmac.new(self.key.encode(), params["nonce"].encode(), hashlib.sha256)
            if found.get("hmac") != right.hexdigest():
                raise Refused("the server could not prove that it is the one")
        return found

    async def request_client_registration(self):
        self.key = secrets.token_hex(32)
        await self.send("GET", "availability", {"key": self.key}, signed=False)
        self.client_id = (await self.send("GET", "authorization/grant", {}))["clientId"]

    async def request_access_token(self):
        wish = {"clientId": self.client_id, "scope": "all"}
        self.token = (await self.send("GET", "authorization/accesstoken", wish))["accessToken"]

    async def connect(self, allowing):
        await self.request_client_registration()
        await allowing(self.request_access_token())
        return await self.discover()

    async def discover(self):
        found = await self.send("GET", "servicediscovery", {"accessToken": self.token})
        return found["services"]

    async def open_socket(self):
        self.socket = await self.browser.websocket()
        await self.socket.send(json.dumps({"accessToken": self.token}))
        return await asyncio.wait_for(self.socket.recv(), 8)  # whatever it says

    async def next_event(self, frame):
        found = await frame(self.socket)
        if found.get("result") != 0:
            raise Refused(found)
        return found

    async def request(self, method, service_id, profile, attribute="", **params):
        common = {"accessToken": self.token, "serviceId": service_id}
        return await self.send(method, f"{profile}/{attribute}", {**common, **params})


@pytest.fixture
async def library(browser):
    one = Library(browser())
    yield one
    if one.socket is not None:
        await one.socket.close()


@pytest.fixture
async def ready(library, allowing):
    await library.connect(allowing)
    return library


async def test_1_every_good_answer_but_availability_has_the_right_hmac_of_any_method(ready, home):
    for method, profile, attribute in (
        ("GET", "light", ""),
        ("POST", "light", ""),
        ("PUT", "light", "color"),
        ("PUT", "clock", "ticks"),
        ("DELETE", "clock", "ticks"),
    ):
        service = "clock.home" if profile == "clock" else "lamp.home"
        found = await ready.request(method, service, profile, attribute)  # raises where it is wrong
        assert found["result"] == 0


async def test_1_the_hmac_is_of_the_characters_of_key_and_nonce(ready):
    key = ready.key
    ready.key = key.upper()  # the same bytes, other characters
    with pytest.raises(Refused, match="could not prove"):
        await ready.discover()


async def test_2_clientid_accesstoken_and_services_are_there(library, allowing):
    services = await library.connect(allowing)
    assert library.client_id
    assert library.token
    assert [(one["serviceId"], one["scopes"]) for one in services] == [
        ("lamp.home", ["light"]),
        ("clock.home", ["clock"]),
    ]


async def test_3_events_say_result_0_as_the_library_reads_only_those(ready, home, frame):
    first = json.loads(await ready.open_socket())
    assert first["result"] == 0
    assert (first["profile"], first["attribute"]) == ("authorization", "verify")
    await ready.request("PUT", "clock.home", "clock", "ticks")
    await home.tick(7)
    event = await ready.next_event(frame)
    assert event == {
        "result": 0, "serviceId": "clock.home", "profile": "clock", "attribute": "ticks",
        "count": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("service", "profile", "attribute", "method", "status", "code"),
    [
        ("none.home", "light", "", "GET", 404, 6),
        ("", "light", "", "GET", 400, 5),
        ("lamp.home", "light", "nothing", "GET", 404, 8),
        ("lamp.home", "nothing", "x", "GET", 404, 2),
        ("lamp.home", "light", "", "DELETE", 405, 3),
        ("lamp.home", "clock", "ticks", "PUT", 404, 2),
    ],
)
async def test_4_errors_are_no_2xx_and_say_what_was_wrong(
    ready, service, profile, attribute, method, status, code
):
    with pytest.raises(Refused) as refused:
        await ready.request(method, service, profile, attribute)
    found = refused.value.args[0]
    assert (found["result"], found["errorCode"], found["statusCode"]) == (code, str(code), status)
    assert found["errorMessage"].startswith("[")
    assert found["errorText"]


async def test_4_a_bad_token_is_no_2xx(ready):
    ready.token = "bad"
    with pytest.raises(Refused) as refused:
        await ready.discover()
    assert refused.value.args[0]["result"] == 13


async def test_5_the_scope_is_all_and_there_is_no_application_name(ready, live):
    (application,) = live.hub.auth.applications()
    assert application.name == "https://shop.example"
    assert {"light", "clock"} <= set(application.scopes)
    assert (await ready.request("GET", "lamp.home", "light"))["level"] == 1


async def test_6_an_empty_attribute_leaves_a_slash_at_the_end_and_bodies_are_urlencoded(ready):
    lit = await ready.request("POST", "lamp.home", "light", color="grün & rot", level=3)
    assert (lit["color"], lit["level"]) == ("grün & rot", 3)
    request = ready.browser.sent[-1]
    assert request.url.path == "/gotapi/light/"
    assert request.headers["content-type"] == FORM["content-type"]


async def test_6_a_charset_does_not_lose_the_body(ready):
    FORM_UTF8 = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}  # noqa: N806
    body = urlencode({"accessToken": ready.token, "serviceId": "lamp.home", "color": "red"})
    answer = await ready.browser.xhr(
        "POST", "/gotapi/light/", headers=FORM_UTF8, body=body.encode()
    )
    assert answer.json()["color"] == "red"


async def test_7_a_page_of_the_hub_itself_is_known_by_its_referer(browser, live, allowing):
    page = browser(f"http://localhost:{live.port}")
    library = Library(page)
    services = await library.connect(allowing)
    assert len(services) == 2
    assert not page.preflights
    assert all("origin" not in one.headers for one in page.sent if one.method == "GET")
    (application,) = live.hub.auth.applications()
    assert application.origin == page.page
    await library.request("POST", "lamp.home", "light")  # with Origin: the same application


async def test_7_of_other_sites_only_put_and_delete_are_preflighted(ready):
    await ready.request("GET", "lamp.home", "light")
    await ready.request("POST", "lamp.home", "light")
    assert not ready.browser.preflights
    await ready.request("PUT", "lamp.home", "light", "color")
    await ready.request("DELETE", "clock.home", "clock", "ticks")
    assert len(ready.browser.preflights) == 2


async def test_8_the_hub_is_reached_by_the_name_localhost_on_either_address(ready, live):
    for base in (f"http://127.0.0.1:{live.port}", f"http://localhost:{live.port}"):
        ready.browser.base = base
        assert await ready.discover()


async def test_9_the_answer_to_the_request_for_a_token_waits_for_the_user(library, live):
    await library.request_client_registration()
    asking = asyncio.create_task(library.request_access_token())
    code = await live.next_request()
    assert not asking.done()
    await live.hub.auth.deny(code)
    with pytest.raises(Refused) as refused:
        await asking
    assert refused.value.args[0]["result"] == 11


async def test_two_pages_that_register_at_once_do_not_disturb_each_other(browser, live, allowing):
    one, two = Library(browser("https://one.example")), Library(browser("https://two.example"))
    await one.request_client_registration()
    await two.request_client_registration()
    await allowing(one.request_access_token())
    await allowing(two.request_access_token())
    assert len(await one.discover()) == len(await two.discover()) == 2


async def test_another_page_cannot_change_the_key_of_one_that_has_a_token(ready, browser):
    """node-gotapi kept one key for all; here one that names the same origin changes nothing."""
    thief = Library(browser())
    await thief.request_client_registration()
    assert await ready.discover()  # still signed with the key of its own


async def test_a_nonce_may_be_empty(ready):
    empty = hmac.new(ready.key.encode(), b"", hashlib.sha256).hexdigest()
    answer = await ready.browser.xhr(
        "GET", f"/gotapi/servicediscovery?accessToken={ready.token}&nonce="
    )
    assert answer.json()["hmac"] == empty
    answer = await ready.browser.xhr("GET", f"/gotapi/servicediscovery?accessToken={ready.token}")
    assert "hmac" not in answer.json()
