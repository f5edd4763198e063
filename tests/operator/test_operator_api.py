"""The JSON API behind the operator page and the `gotapi` command."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from gotapi_core import __version__
from gotapi_core.protocol.errors import NotAuthorized
from gotapi_core.protocol.messages import Service
from gotapi_core.server.asgi import ClientGone

API = "/operator/api"


def body(**members) -> bytes:
    return json.dumps(members).encode()


async def test_the_state_tells_all_there_is(running, wire, command, clock):
    application = await running.allow("Print Studio", "https://print.example")
    code = await running.ask()
    running.plugin.offered = (
        Service(id="desk", name="Desk lamp", type="lamp", scopes=("light",)),
        Service(id="hall", name="Hall lamp", online=False, reason="The cable is out"),
    )
    state = (await wire("GET", f"{API}/state", command)).json()

    assert state["hub"] == {
        "version": __version__,
        "uuid": running.hub.instance,
        "url": "http://127.0.0.1:4035",
        "safeMode": "",
    }
    assert state["now"] == clock.now
    assert state["requests"] == [
        {
            "code": code,
            "name": "Lamp Switch",
            "origin": "https://lamps.example",
            "browser": True,
            "scopes": [
                {"scope": "servicediscovery", "words": "see which services there are"},
                {"scope": "light", "words": "switch your lamps"},
            ],
            "created": clock.now,
            "deadline": clock.now + 360,
            "waiting": True,
            "showsCode": False,
            "known": [],
        }
    ]
    assert state["applications"] == [
        {
            "id": application,
            "name": "Print Studio",
            "origin": "https://print.example",
            "scopes": ["light", "servicediscovery"],
            "created": clock.now,
            "expires": clock.now + 86400,
            "lastUsed": None,
            "asked": ["light", "servicediscovery"],
        }
    ]
    shown = ("id", "name", "version", "state", "reason", "bundled", "rights", "digest")
    plugins = [tuple(one[name] for name in shown) for one in state["plugins"]]
    broken = "ImportError: no module named broken"
    assert plugins == [
        ("lamp", "Lamps", "1.2.0", "ready", "", True, [], ""),
        ("broken", "Broken <b>", "0.1", "failed", broken, False, [], ""),
    ]
    assert state["services"] == [
        {
            "id": "desk.lamp",
            "name": "Desk lamp",
            "type": "lamp",
            "online": True,
            "scopes": ["light"],
            "reason": "",
            "plugin": "Lamps",
        },
        {
            "id": "hall.lamp",
            "name": "Hall lamp",
            "type": "",
            "online": False,
            "scopes": [],
            "reason": "The cable is out",
            "plugin": "Lamps",
        },
    ]
    assert state["words"]["light"] == "switch your lamps"


async def test_a_program_is_told_from_a_page(running, wire, command):
    await running.ask("timer", "lamp-timer", browser=False)
    (request,) = (await wire("GET", f"{API}/state", command)).json()["requests"]
    assert request["browser"] is False


async def test_the_call_that_has_gone_waits_no_more(running, wire, command, clock):
    await running.ask()
    running.asking[-1].cancel()
    await asyncio.gather(running.asking[-1], return_exceptions=True)
    (request,) = (await wire("GET", f"{API}/state", command)).json()["requests"]
    assert request["waiting"] is False
    assert request["deadline"] > clock.now


@pytest.mark.parametrize("door", ["page", "command"])
@pytest.mark.parametrize(
    ("lifetime", "seconds"), [("once", 3600), ("day", 86400), ("always", 180 * 86400)]
)
async def test_approve(running, wire, clock, page, command, door, lifetime, seconds):
    headers = page if door == "page" else command
    code = await running.ask()
    answer = await wire("POST", f"{API}/approve", headers, body(code=code, lifetime=lifetime))

    issued = await running.asking[-1]
    (application,) = running.hub.auth.applications()
    assert answer.status == 200
    assert answer.json() == {"id": application.id}
    assert [scope for scope, _ in issued.scopes] == ["servicediscovery", "light"]
    assert application.expires == clock.now + seconds


async def test_approve_a_part(running, wire, page):
    code = await running.ask()
    wish = body(code=code, lifetime="day", scopes=["light"])
    assert (await wire("POST", f"{API}/approve", page, wish)).status == 200
    issued = await running.asking[-1]
    assert [scope for scope, _ in issued.scopes] == ["light"]


@pytest.mark.parametrize("scopes", [[], ["3dp"], ["light", "3dp"]])
async def test_no_more_is_allowed_than_was_asked_for(running, wire, page, scopes):
    code = await running.ask()
    wish = body(code=code, lifetime="day", scopes=scopes)
    answer = await wire("POST", f"{API}/approve", page, wish)
    assert answer.status == 400
    assert "servicediscovery, light" in answer.json()["error"]
    assert running.hub.auth.applications() == []


async def test_deny(running, wire, page):
    code = await running.ask()
    assert (await wire("POST", f"{API}/deny", page, body(code=code))).status == 200
    with pytest.raises(NotAuthorized):
        await running.asking[-1]


async def test_revoke(running, wire, page):
    application = await running.allow("Print Studio", "https://print.example")
    assert (await wire("POST", f"{API}/revoke", page, body(id=application))).status == 200
    assert running.hub.auth.applications() == []


@pytest.mark.parametrize(
    ("what", "members"),
    [
        ("approve", {"code": "AAAA-AAAA", "lifetime": "day"}),
        ("deny", {"code": "AAAA-AAAA"}),
        ("revoke", {"id": "abcdef"}),
    ],
)
async def test_what_is_not_there_cannot_be_decided(running, wire, page, what, members):
    answer = await wire("POST", f"{API}/{what}", page, body(**members))
    assert answer.status == 404
    assert next(iter(members.values()))[:6] in answer.json()["error"]


async def test_the_command_gets_a_link_that_works_once(running, wire, command):
    answer = await wire("POST", f"{API}/link", command, b"{}")
    url = answer.json()["url"]
    assert url.startswith("http://127.0.0.1:4035/operator/login?token=")
    target = url.removeprefix("http://127.0.0.1:4035")
    assert (await wire("GET", target)).status == 303
    assert (await wire("GET", target)).status == 401


async def test_a_page_gets_no_link(running, wire, page):
    answer = await wire("POST", f"{API}/link", page, b"{}")
    assert answer.status == 403
    assert "gotapi operator" in answer.json()["error"]


NOBODY = {
    "nothing": {},
    "a wrong secret": {"authorization": "Bearer wrong"},
    "an empty secret": {"authorization": "Bearer "},
    "another scheme": {"authorization": "Basic SECRET"},
    "a strange secret": {"authorization": "Bearer \xff\xfe"},
    "a long secret": {"authorization": "Bearer " + "x" * 10000},
}
CALLS = [
    ("GET", "state", b""),
    ("GET", "changes?since=1", b""),
    ("POST", "approve", b'{"code": "CODE", "lifetime": "always"}'),
    ("POST", "deny", b'{"code": "CODE"}'),
    ("POST", "revoke", b'{"id": "CODE"}'),
    ("POST", "link", b"{}"),
]


@pytest.mark.parametrize("who", NOBODY)
@pytest.mark.parametrize(("method", "what", "raw"), CALLS)
async def test_nobody_else_may(running, wire, who, method, what, raw):
    code = await running.ask()
    headers = {"content-type": "application/json", "sec-fetch-site": "same-origin", **NOBODY[who]}
    if "authorization" in headers:
        headers["authorization"] = headers["authorization"].replace("SECRET", running.secret)
    answer = await wire(method, f"{API}/{what}", headers, raw.replace(b"CODE", code.encode()))
    assert answer.status == 401
    assert set(answer.json()) == {"error"}
    assert [one.code for one in running.hub.auth.requests()] == [code]


@pytest.mark.parametrize(
    "change",
    [
        {"x-gotapi-page-key": ""},
        {"x-gotapi-page-key": "0" * 64},
        {"x-gotapi-page-key": "\xff"},
        {"cookie": "gotapi-operator-4035=stolen"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": ""},
        {"authorization": "Bearer wrong"},  # whoever shows a secret is judged by it alone
    ],
)
async def test_cookie_and_page_key_belong_together(running, wire, page, change):
    assert (await wire("GET", f"{API}/state", page)).status == 200
    assert (await wire("GET", f"{API}/state", {**page, **change})).status == 401


async def test_the_key_of_another_session_does_not_fit(running, wire, page):
    link = running.operator.login_link("")
    other = (await wire("GET", link)).headers["location"].partition("#key=")[2]
    assert other != page["x-gotapi-page-key"]
    assert (await wire("GET", f"{API}/state", {**page, "x-gotapi-page-key": other})).status == 401


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
        ("application/jsonp", 415),
    ],
)
async def test_only_json_is_read(running, wire, page, content_type, status):
    code = await running.ask()
    headers = {**page, "content-type": content_type}
    answer = await wire("POST", f"{API}/deny", headers, body(code=code))
    assert answer.status == status
    assert bool(running.hub.auth.requests()) == (status != 200)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"code": 1, "lifetime": "day"}',
        b'{"code": "A"}',
        b'{"code": "A", "lifetime": "for ever"}',
        b'{"code": "A", "lifetime": "day", "scopes": "light"}',
        b'{"code": "A", "lifetime": "day", "more": 1}',
        b'{"code": "' + b"A" * 65 + b'", "lifetime": "day"}',
        b'{"code": "A", "lifetime": "day", "scopes": [' + b'"a",' * 64 + b'"a"]}',
        b'{"code": "A", "lifetime": "day", "scopes": ["' + b"a" * 65 + b'"]}',
        b"[" * 16000,
        b'{"code": ' + b"[" * 16000,
    ],
)
async def test_a_malformed_body_is_refused_in_words(running, wire, page, raw):
    answer = await wire("POST", f"{API}/approve", page, raw)
    assert answer.status == 400
    assert "expected" in answer.json()["error"]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_is_not_read(running, wire, page, announced):
    headers = {**page, "content-length": "16385"}
    if not announced:
        del headers["content-length"]
        headers["transfer-encoding"] = "chunked"
    answer = await wire("POST", f"{API}/deny", headers, b"x" * 16385)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert "16384" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "what", "status"),
    [
        ("POST", "state", 405),
        ("POST", "changes", 405),
        ("GET", "approve", 405),
        ("PUT", "deny", 405),
        ("GET", "link", 405),
        ("GET", "nothing", 404),
        ("POST", "", 404),
        ("GET", "state/", 404),
        ("DELETE", "applications", 404),
    ],
)
async def test_what_does_not_exist_says_what_does(wire, command, method, what, status):
    answer = await wire(method, f"{API}/{what}", command, b"{}" if method != "GET" else b"")
    assert answer.status == status
    assert "/operator/api/" in answer.json()["error"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?since=",
        "?since=x",
        "?since=-1",
        "?since=1e3",
        "?since=%D9%A1",
        "?since=\xff",
        "?since=" + "9" * 17,
        "?since=1" + "&a=b" * 20,
    ],
)
async def test_changes_wants_a_revision(wire, command, query):
    answer = await wire("GET", f"{API}/changes{query}", command)
    assert answer.status == 400
    assert "revision" in answer.json()["error"]


async def test_changes_answers_when_something_happens(running, wire, page):
    revision = (await wire("GET", f"{API}/state", page)).json()["revision"]
    waiting = asyncio.create_task(wire("GET", f"{API}/changes?since={revision}", page))
    code = await running.ask()
    async with asyncio.timeout(1):
        state = (await waiting).json()
    assert [one["code"] for one in state["requests"]] == [code]
    assert state["revision"] != revision


async def test_a_client_that_goes_makes_room(running, wire, page):
    revision = (await wire("GET", f"{API}/state", page)).json()["revision"]
    waiting = asyncio.create_task(wire("GET", f"{API}/changes?since={revision}", page))
    await asyncio.sleep(0)
    wire.gone.set()
    async with asyncio.timeout(1):
        with pytest.raises(ClientGone):
            await waiting


async def test_stopping_the_hub_answers_those_who_wait(running, wire, page):
    revision = (await wire("GET", f"{API}/state", page)).json()["revision"]
    waiting = asyncio.create_task(wire("GET", f"{API}/changes?since={revision}", page))
    await asyncio.sleep(0)
    running.operator.close()
    async with asyncio.timeout(1):
        assert (await waiting).json()["revision"] == revision


async def test_decisions_are_logged_and_secrets_are_not(running, wire, page, command, caplog):
    caplog.set_level(logging.DEBUG, "gotapi_core.server")
    code = await running.ask()
    await wire("POST", f"{API}/approve", page, body(code=code, lifetime="day"))
    token = (await running.asking[-1]).access_token
    (application,) = running.hub.auth.applications()
    other = await running.ask("Other", "https://other.example")
    await wire("POST", f"{API}/deny", command, body(code=other))
    await wire("POST", f"{API}/revoke", page, body(id=application.id))
    link = (await wire("POST", f"{API}/link", command)).json()["url"]
    await wire("GET", f"{API}/state", {"authorization": "Bearer guess-of-a-secret"})

    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"operator page: approved 'Lamp Switch' of 'https://lamps.example' as {application.id} "
        "for day, scopes light, servicediscovery",
        f"gotapi command: denied request '{other}'",
        f"operator page: revoked application '{application.id}'",
        "gotapi command: made a login link",
        "the operator API was asked with a wrong secret",
    ]
    secrets = (
        running.secret,
        token,
        link.partition("token=")[2],
        page["x-gotapi-page-key"],
        page["cookie"].partition("=")[2].partition(";")[0],
        "guess-of-a-secret",
    )
    assert not any(secret in caplog.text for secret in secrets)
