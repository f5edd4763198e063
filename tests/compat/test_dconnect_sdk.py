"""DeviceConnect's JavaScript SDK 2.3: a model of what it does, and a test for each point.

The model keeps the SDK's order of calls, its way to read answers (status 200 and JSON, or "access
failed"; errorCode 11 to 15 begins the authorization) and its known faults.
"""

import asyncio
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest

from gotapi_core.plugin import Service

PAGE = "https://shop.example"
BOUNDARY = "----sdk"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
ACCESS_FAILED, INVALID_SERVER = -1, -2


class Failed(Exception):  # noqa: N818 - what the SDK rejects with
    """The SDK's error object."""

    def __init__(self, code, message=""):
        super().__init__(code, message)
        self.code = code


def form(fields):
    """Return a FormData as a browser sends it."""
    parts = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return f"{parts}--{BOUNDARY}--\r\n".encode()


class Sdk:
    """The SDK in a page."""

    def __init__(self, browser, scopes=("servicediscovery", "serviceinformation", "light")):
        self.browser = browser
        self.scopes = list(scopes)
        self.name = "A page"
        self.token = ""
        self.client_id = ""
        self.key = ""
        self.socket = None
        self.verdict = {}
        self.answers = []

    # One request, as `execute` makes it.

    async def execute(self, method, uri, body=None):
        nonce = None
        if self.key:
            nonce = ""  # a fault: the number of random bytes is not defined
            uri += ("&" if "?" in uri else "?") + "nonce="
        kind = MULTIPART if body is not None else "application/x-www-form-urlencoded"
        headers = {"x-gotapi-origin": self.browser.page, "content-type": kind}
        if method == "DELETE" and body is None:
            body = b""
        answer = await self.browser.xhr(method, uri, headers=headers, body=body)
        self.answers.append(answer)
        if answer.status_code != 200:
            raise Failed(ACCESS_FAILED, answer.text)
        found = json.loads(answer.content)
        if nonce is not None:
            right = hmac.new(bytes.fromhex(self.key), bytes.fromhex(nonce), hashlib.sha256)
            if found.get("hmac") != right.hexdigest():
                raise Failed(INVALID_SERVER)
        if found["result"] != 0:
            raise Failed(found["errorCode"], found.get("errorMessage"))
        return found

    async def send(self, method, uri, body=None):
        try:
            return await self.execute(method, uri, body)
        except Failed as error:
            if not 11 <= error.code <= 15:
                raise
        await self.authorize()
        # A fault: the old accessToken stays in the query, before the new one.
        uri += ("&" if "?" in uri else "?") + f"accessToken={self.token}"
        return await self.execute(method, uri, body)

    async def authorize(self):
        self.client_id = (await self.execute("GET", self.uri("authorization/grant")))["clientId"]
        wish = {
            "clientId": self.client_id,
            "scope": ",".join(self.scopes),
            "applicationName": self.name,
        }
        found = await self.execute("GET", self.uri("authorization/accesstoken", **wish))
        self.token = found["accessToken"]
        if self.socket is not None:  # it opens the next one before the last one is closed
            old = self.socket
            closing = asyncio.ensure_future(old.close())
            await self.connect_socket()
            await closing

    def uri(self, path, **params):
        given = {"accessToken": self.token} if self.token else {}
        encoded = urlencode({**given, **params})
        return f"/gotapi/{path}" + (f"?{encoded}" if encoded else "")

    # What pages call.

    async def check(self):
        return (await self.send("GET", self.uri("availability")))["version"]

    async def discover(self):
        return (await self.send("GET", self.uri("servicediscovery")))["services"]

    async def information(self, service_id):
        return await self.send("GET", self.uri("serviceinformation", serviceId=service_id))

    async def system(self):
        return await self.send("GET", self.uri("system"))

    async def discover_by_profile(self, profile):
        return [
            one
            for one in await self.discover()
            if profile in (await self.information(one["id"]))["supports"]
        ]

    async def put(self, path, **params):
        return await self.send(
            "PUT", f"/gotapi/{path}", form({"accessToken": self.token, **params})
        )

    async def post(self, path, **params):
        return await self.send(
            "POST", f"/gotapi/{path}", form({"accessToken": self.token, **params})
        )

    async def delete(self, path, **params):
        return await self.send("DELETE", self.uri(path, **params), form({}))

    async def connect_socket(self):
        self.socket = await self.browser.websocket()
        await self.socket.send(json.dumps({"accessToken": self.token}))
        self.verdict = json.loads(await asyncio.wait_for(self.socket.recv(), 8))


@pytest.fixture
async def sdk(browser):
    one = Sdk(browser(PAGE))
    yield one
    if one.socket is not None:
        await one.socket.close()


@pytest.fixture
async def ready(sdk, allowing):
    await allowing(sdk.discover())
    return sdk


async def test_0_the_first_discovery_leads_to_the_users_consent(sdk, allowing, live):
    services = await allowing(sdk.discover())
    assert [one["name"] for one in services] == ["Test lamp"]
    (application,) = live.hub.auth.applications()
    assert (application.origin, application.name) == (PAGE, "A page")
    assert [answer.status_code for answer in sdk.answers] == [200] * 4


async def test_1_the_status_is_200_and_the_body_json_for_every_refusal(ready):
    for method, path, params in (
        ("GET", "servicediscovery", {"accessToken": "bad"}),
        ("GET", "light", {"serviceId": "none.home"}),
        ("GET", "light", {}),
        ("GET", "nothing/x", {"serviceId": "lamp.home"}),
        ("DELETE", "light", {"serviceId": "lamp.home"}),
        ("GET", "clock/ticks", {"serviceId": "clock.home"}),
        ("GET", "a/b/c/d", {}),
        ("POST", "availability", {}),
    ):
        with pytest.raises(Failed) as failed:
            await ready.execute(method, ready.uri(path, **params))
        assert failed.value.code > 0, (path, failed.value)
        found = ready.answers[-1].json()
        assert found["result"] == 1
        assert isinstance(found["errorCode"], int)
        assert found["errorMessage"]


@pytest.mark.parametrize("token", ["", "bad", "x" * 500])
async def test_2_a_missing_or_bad_token_is_11_to_15(sdk, token):
    sdk.token = token
    with pytest.raises(Failed) as failed:
        await sdk.execute("GET", sdk.uri("servicediscovery"))
    assert failed.value.code == (15 if token else 13)


async def test_2_an_expired_token_is_12_and_one_out_of_its_scopes_14(ready, live):
    with pytest.raises(Failed) as failed:
        await ready.execute("PUT", "/gotapi/clock/ticks", form({"accessToken": ready.token}))
    assert failed.value.code in (5, 14)
    with pytest.raises(Failed) as failed:
        await ready.execute("GET", ready.uri("system"))
    assert failed.value.code == 14
    now = live.hub.clock()
    (application,) = live.hub.auth.applications()
    await live.hub.auth.change(application.id, until=now + 0.05)
    async with asyncio.timeout(8):
        while live.hub.clock() < now + 0.06:  # noqa: ASYNC110 - it is the clock that is waited for
            await asyncio.sleep(0.01)
    with pytest.raises(Failed) as failed:
        await ready.execute("GET", ready.uri("servicediscovery"))
    assert failed.value.code == 12


async def test_3_availability_needs_no_key_and_tells_a_version(sdk):
    assert await sdk.check()
    found = sdk.answers[-1].json()
    assert found["product"] == "gotapi-hub"
    assert found["name"]
    assert found["uuid"]


async def test_4_services_have_an_id_and_information_tells_what_is_supported(sdk, allowing):
    sdk.scopes.append("clock")
    services = await allowing(sdk.discover())
    assert [one["id"] for one in services] == ["lamp.home", "clock.home"]
    assert [one["id"] for one in await sdk.discover_by_profile("light")] == ["lamp.home"]


async def test_4_information_has_connect_version_and_swagger_documents(ready, home):
    found = await ready.information("lamp.home")
    assert found["connect"] == {"wifi": False, "bluetooth": False, "ble": True, "nfc": False}
    # `version` is the hub's in every answer, and the plug-in's of the profile in its document.
    document = found["supportApis"]["light"]
    assert (document["swagger"], document["basePath"]) == ("2.0", "/gotapi/light")
    assert document["info"]["title"]
    assert set(document["paths"]) == {"/", "/color"}
    posted = document["paths"]["/"]["post"]
    assert (posted["x-type"], posted["summary"]) == ("one-shot", "Switch the lamp on.")
    parameters = {one["name"]: one for one in posted["parameters"]}
    assert parameters["serviceId"]["required"]
    assert (parameters["color"]["type"], parameters["level"]["type"]) == ("string", "integer")
    assert all(one["in"] == "formData" for one in parameters.values())
    assert "color" in posted["responses"]["200"]["schema"]["properties"]
    home.offered = [
        Service(id="lamp", name="Test lamp", online=False, type="BLE", scopes=("light",))
    ]
    await ready.discover()
    assert not any((await ready.information("lamp.home"))["connect"].values())


async def test_4_an_event_in_the_swagger_document(sdk, allowing):
    sdk.scopes.append("clock")
    await allowing(sdk.discover())
    document = (await sdk.information("clock.home"))["supportApis"]["clock"]
    ticks = document["paths"]["/ticks"]
    assert ticks["put"]["x-type"] == ticks["delete"]["x-type"] == "event"
    assert "count" in ticks["put"]["x-event"]["properties"]
    assert "$ref" not in json.dumps(document)


async def test_5_every_call_is_preflighted_before_anything_is_known(ready):
    assert len(ready.browser.preflights) == len(ready.browser.sent)
    for answer in ready.browser.preflights:
        assert "accessToken" not in answer.request.url.query.decode() or answer.is_success
        assert "x-gotapi-origin" in answer.headers["access-control-allow-headers"]


async def test_6_put_and_post_send_multipart_with_the_token_inside(ready):
    lit = await ready.put("light/color", serviceId="lamp.home", color="grün", level="4")
    assert (lit["color"], lit["level"]) == ("grün", 4)
    lit = await ready.post("light", serviceId="lamp.home", color="red")
    assert lit["color"] == "red"


async def test_6_delete_has_its_parameters_in_the_query_and_an_empty_form(sdk, allowing):
    sdk.scopes.append("clock")
    await allowing(sdk.discover())
    await sdk.put("clock/ticks", serviceId="clock.home")
    assert (await sdk.delete("clock/ticks", serviceId="clock.home"))["result"] == 0
    # and without a FormData an empty body of any kind
    assert await sdk.execute("DELETE", sdk.uri("clock/ticks", serviceId="clock.home"))


async def test_7_an_old_token_does_not_disturb_the_calls_that_need_none(sdk, allowing):
    sdk.token = "of-yesterday"
    assert await sdk.check()
    services = await allowing(sdk.discover())  # refused, authorized, and sent again
    assert services
    last = sdk.browser.sent[-1].url.query.decode()
    assert last.count("accessToken=") == 2
    assert last.index("of-yesterday") < last.index(sdk.token)


async def test_8_the_first_frame_of_the_socket_says_result_0_as_a_number(ready):
    await ready.connect_socket()
    assert ready.verdict["result"] == 0
    assert type(ready.verdict["result"]) is int


async def test_8_a_socket_without_a_good_token_hears_why(sdk):
    for token, code in (("", 1), ("bad", 3)):
        sdk.token = token
        await sdk.connect_socket()
        assert (sdk.verdict["result"], sdk.verdict["errorCode"]) == (1, code)
        assert sdk.verdict["errorMessage"]


async def test_8_events_are_told_by_profile_and_attribute_without_case(sdk, allowing, home, frame):
    sdk.scopes.append("clock")
    await allowing(sdk.discover())
    await sdk.connect_socket()
    await sdk.put("Clock/TICKS", serviceId="clock.home")
    await home.tick(3)
    event = await frame(sdk.socket)
    assert (event["profile"].lower(), event["attribute"].lower()) == ("clock", "ticks")
    assert (event["serviceId"], event["count"]) == ("clock.home", 3)


async def test_9_who_was_not_answered_within_a_minute_can_ask_again(sdk, live):
    asking = asyncio.create_task(sdk.discover())
    code = await live.next_request()
    asking.cancel()  # the SDK has given up
    await asyncio.gather(asking, return_exceptions=True)
    await live.allow(code)
    # the same client finds the answer
    wish = {"clientId": sdk.client_id, "scope": ",".join(sdk.scopes), "applicationName": sdk.name}
    found = await sdk.execute("GET", sdk.uri("authorization/accesstoken", **wish))
    assert found["accessToken"]


async def test_10_a_new_authorization_opens_the_next_socket_before_the_last_is_closed(
    ready, allowing, home, frame, live
):
    await ready.connect_socket()
    for _ in range(3):
        await allowing(ready.authorize())
        assert ready.verdict["result"] == 0
    (newest, *_) = sorted(live.hub.auth.applications(), key=lambda one: -one.created)
    assert newest.origin == PAGE


async def test_11_listening_twice_and_stopping_twice_is_no_error(sdk, allowing, home, frame):
    """removeEventListener leaves its listener, so pages do both."""
    sdk.scopes.append("clock")
    await allowing(sdk.discover())
    await sdk.connect_socket()
    for _ in range(2):
        await sdk.put("clock/ticks", serviceId="clock.home")
    await home.tick(1)
    assert (await frame(sdk.socket))["count"] == 1
    for _ in range(2):
        assert (await sdk.delete("clock/ticks", serviceId="clock.home"))["result"] == 0


async def test_11_the_key_of_a_launch_address_and_the_empty_nonce(sdk, allowing, live):
    sdk.key = "0123456789abcdef" * 2
    await live.hub.auth.launch_key(PAGE, sdk.key)
    assert await sdk.check()
    assert await allowing(sdk.discover())
    assert await sdk.put("light/color", serviceId="lamp.home", color="red")  # nonce in the query
    sdk.key = "ff" * 16
    with pytest.raises(Failed) as failed:
        await sdk.check()
    assert failed.value.code == INVALID_SERVER


async def test_11_an_empty_key_turns_the_proof_off(sdk, live):
    await live.hub.auth.launch_key(PAGE, "ab" * 16)
    await live.hub.auth.launch_key(PAGE, "", replace=True)
    await sdk.check()
    answer = await sdk.browser.xhr(
        "GET", "/gotapi/authorization/grant?nonce=00", headers={"x-gotapi-origin": PAGE}
    )
    assert "hmac" not in answer.json()


async def test_12_the_session_key_of_sdk_2_0_is_told_that_a_token_is_expected(sdk, frame):
    socket = await sdk.browser.websocket()
    await socket.send('{"sessionKey":"x"}')
    found = await frame(socket)
    assert (found["result"], found["errorCode"]) == (1, 1)
    assert "accessToken" in found["errorMessage"]
    await socket.close()


# What else DeviceConnect's applications and its own tests expect.


async def test_a_change_of_the_services_is_an_event(ready, home, frame):
    await ready.connect_socket()
    await ready.put("servicediscovery/onservicechange")
    home.offered = [*home.offered, Service(id="strip", name="LED strip", scopes=("light",))]
    home.context.services_changed()
    event = await frame(ready.socket)
    assert (event["profile"], event["attribute"]) == ("servicediscovery", "onservicechange")
    found = event["networkService"]
    assert (found["id"], found["name"], found["state"]) == ("strip.home", "LED strip", True)
    assert found["online"]
    assert found["scopes"] == ["light"]
    home.offered = [one for one in home.offered if one.id != "strip"]
    home.context.services_changed()
    found = (await frame(ready.socket))["networkService"]
    assert (found["id"], found["state"], found["online"]) == ("strip.home", False, False)


async def test_a_plug_in_that_ends_takes_its_services_offline_and_says_so(ready, live, frame):
    await ready.connect_socket()
    await ready.put("servicediscovery/onservicechange")
    (supervisor,) = live.hub.registry
    await supervisor.stop()
    found = (await frame(ready.socket))["networkService"]
    assert (found["id"], found["online"], found["state"]) == ("lamp.home", False, True)


async def test_nothing_is_told_of_services_out_of_the_scopes_or_after_delete(ready, home, frame):
    await ready.connect_socket()
    await ready.put("servicediscovery/onservicechange")
    home.offered = [home.offered[0], Service(id="tower", name="Big Ben", scopes=("clock",))]
    home.context.services_changed()
    home.offered = [Service(id="lamp", name="Renamed", scopes=("light",)), home.offered[1]]
    home.context.services_changed()
    assert (await frame(ready.socket))["networkService"]["name"] == "Renamed"
    await ready.delete("servicediscovery/onservicechange")
    home.offered = []
    home.context.services_changed()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ready.socket.recv(), 0.3)


async def test_system_lists_profiles_and_plug_ins(sdk, allowing):
    sdk.scopes.append("system")
    await allowing(sdk.discover())
    found = await sdk.system()
    assert {"light", "clock", "system", "servicediscovery"} <= set(found["supports"])
    (plugin,) = found["plugins"]
    assert (plugin["id"], plugin["name"], plugin["version"]) == ("home", "Home", "3.1")
    assert plugin["supports"] == ["clock", "light"]
    assert plugin["packageName"]
    assert found["version"]


async def test_system_events_ends_everything_the_caller_listens_to(sdk, allowing, home, live):
    sdk.scopes.append("clock")
    await allowing(sdk.discover())
    await sdk.connect_socket()
    await sdk.put("clock/ticks", serviceId="clock.home")
    await sdk.put("servicediscovery/onservicechange")
    assert live.hub.listeners.streams() == 2
    assert (await sdk.delete("system/events"))["result"] == 0
    assert live.hub.listeners.streams() == 0


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "authorization/accesstoken", 8),
        ("PUT", "authorization/accesstoken", 8),
        ("DELETE", "authorization/accesstoken", 8),
        ("POST", "servicediscovery", 8),
        ("PUT", "servicediscovery", 8),
        ("DELETE", "servicediscovery", 8),
        ("POST", "availability", None),
        ("PUT", "authorization/grant", None),
    ],
)
async def test_the_codes_that_deviceconnects_own_tests_pin_for_methods(sdk, method, path, code):
    with pytest.raises(Failed) as failed:
        await sdk.execute(method, f"/gotapi/{path}", form({}))
    assert code in (None, failed.value.code)
    assert sdk.answers[-1].json()["result"] == 1


@pytest.mark.parametrize("left_out", ["clientId", "scope"])
@pytest.mark.parametrize("empty", [True, False])
async def test_the_codes_that_they_pin_for_parameters(sdk, left_out, empty):
    client = (await sdk.execute("GET", "/gotapi/authorization/grant"))["clientId"]
    wish = {"clientId": client, "scope": "light", "applicationName": "x"}
    wish = {**wish, left_out: ""} if empty else {k: v for k, v in wish.items() if k != left_out}
    with pytest.raises(Failed) as failed:
        await sdk.execute("GET", sdk.uri("authorization/accesstoken", **wish))
    assert failed.value.code == 10


async def test_the_code_that_they_pin_for_a_client_that_is_not_registered(sdk):
    wish = {"clientId": "nobody", "scope": "light", "applicationName": "x"}
    with pytest.raises(Failed) as failed:
        await sdk.execute("GET", sdk.uri("authorization/accesstoken", **wish))
    assert failed.value.code == 11


async def test_parameters_that_nobody_knows_are_ignored(ready):
    for path, params in (
        ("availability", {}),
        ("authorization/grant", {}),
        ("servicediscovery", {}),
        ("serviceinformation", {"serviceId": "lamp.home"}),
        ("light", {"serviceId": "lamp.home"}),
    ):
        assert await ready.execute("GET", ready.uri(path, def_="d", abc="x" * 100, **params))


async def test_unknown_scopes_are_left_out_while_one_is_known(sdk, allowing, live):
    sdk.scopes = ["light", "battery", "mediastreamrecording", "servicediscovery"]
    await allowing(sdk.discover())
    (application,) = live.hub.auth.applications()
    assert set(application.scopes) == {"light", "servicediscovery"}


async def test_a_method_in_the_path_and_an_interface(ready):
    lit = await ready.execute(
        "GET", ready.uri("PUT/light/color", serviceId="lamp.home", color="blue")
    )
    assert lit["color"] == "blue"


async def test_serviceid_is_read_in_the_spelling_of_the_specification(ready):
    assert (await ready.execute("GET", ready.uri("light", serviceID="lamp.home")))["level"] == 1


async def test_a_file_is_read_by_the_files_api(ready, live):
    head = {"x-gotapi-origin": PAGE, "content-type": "application/octet-stream"}
    stored = await ready.browser.xhr(
        "POST", f"/blobs/?accessToken={ready.token}&name=a.txt", headers=head, body=b"content"
    )
    uri = stored.json()["uri"]
    asked = urlencode({"uri": uri, "accessToken": ready.token})
    answer = await ready.browser.xhr(
        "GET", f"/gotapi/files?{asked}", headers={"x-gotapi-origin": PAGE}
    )
    assert (answer.status_code, answer.content) == (200, b"content")
    ranged = await ready.browser.xhr(
        "GET", f"/gotapi/files?{asked}", headers={"x-gotapi-origin": PAGE, "range": "bytes=1-3"}
    )
    assert (ranged.status_code, ranged.content) == (206, b"ont")
    for query in ("", "uri=", f"uri={uri}", "uri=file%3A%2F%2F%2Fetc%2Fpasswd", "uri=%2Fblobs%2Fx"):
        refused = await ready.browser.xhr(
            "GET", f"/gotapi/files?{query}", headers={"x-gotapi-origin": PAGE}
        )
        assert refused.status_code >= 400, query
        assert refused.json()["result"] == 1


async def test_the_private_network_permission_is_for_approved_origins_only(ready, live):
    async def permission(page: str) -> str | None:
        asked = {
            "Origin": page,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Private-Network": "true",
        }
        answer = await ready.browser._client.request(
            "OPTIONS", f"{ready.browser.base}/gotapi/light", headers=asked
        )
        assert answer.status_code == 200
        return answer.headers.get("access-control-allow-private-network")

    assert await permission(PAGE) == "true"
    assert await permission("https://other.example") is None
    (application,) = live.hub.auth.applications()
    await live.hub.auth.revoke(application.id)
    assert await permission(PAGE) is None
