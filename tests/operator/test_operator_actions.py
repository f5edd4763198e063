"""The operator API beyond yes and no: change, history, launch keys, stop."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from websockets.asyncio.client import connect

from gotapi_core.hub import Ask
from gotapi_core.protocol.hmac import Encoding
from gotapi_core.protocol.identity import Identity, Lineage
from gotapi_core.protocol.names import Method, Name

API = "/operator/api"


async def post(wire, what, headers, **body):
    return await wire("POST", f"{API}/{what}", headers, json.dumps(body).encode())


async def test_change(running, wire, command, page, clock):
    application = await running.allow("Lamp Switch", "https://lamps.example")
    answer = await post(wire, "change", page, id=application, scopes=["light"])
    assert (answer.status, answer.json()["scopes"]) == (200, ["light"])
    answer = await post(wire, "change", command, id=application, lifetime="once")
    assert answer.json()["expires"] == clock.now + 3600
    answer = await post(wire, "change", command, id=application, until=clock.now + 60)
    (shown,) = (await wire("GET", f"{API}/state", command)).json()["applications"]
    assert (shown["scopes"], shown["asked"]) == (["light"], ["light", "servicediscovery"])
    assert shown["expires"] == clock.now + 60


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "nobody", "scopes": ["light"]}, 404),
        ({"scopes": ["light"]}, 400),
        ({"id": "APP", "scopes": ["system"]}, 400),
        ({"id": "APP", "scopes": ["x"] * 65}, 400),
        ({"id": "APP", "lifetime": "ever"}, 400),
        ({"id": "APP", "until": "tomorrow"}, 400),
        ({"id": "APP", "until": 1}, 400),
        ({"id": "APP", "name": "x"}, 400),
    ],
)
async def test_changes_that_cannot_be(running, wire, command, body, status):
    application = await running.allow("Lamp Switch", "https://lamps.example")
    before = running.hub.auth.applications()
    body = {name: application if value == "APP" else value for name, value in body.items()}
    answer = await post(wire, "change", command, **body)
    assert (answer.status, bool(answer.json()["error"])) == (status, True)
    assert running.hub.auth.applications() == before


async def test_history_of_real_calls(running, wire, command):
    application = await running.allow("Lamp Switch", "https://lamps.example")
    identity = Identity("https://lamps.example", Lineage.STATUS, browser=True)
    issued = await running.asking[-1]
    access = running.hub.auth.authenticate(issued.access_token, identity)
    ask = Ask(Method.GET, Name("light", None, "state"), "desk.lamp", {"secret": "canary"})
    for _ in range(2):
        await running.hub.call(access, ask)
    await running.hub.discover(access)
    await running.hub.information(access, "desk.lamp")
    answer = await wire("GET", f"{API}/history?id={application}", command)
    assert {use["route"]: use["count"] for use in answer.json()["uses"]} == {
        "GET light/state": 2,
        "GET servicediscovery": 1,
        "GET serviceinformation": 1,
    }
    assert "canary" not in answer.text
    assert "desk" not in answer.text


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("?id=", 400), ("?id=x", 404), ("?\xff", 400)]
)
async def test_history_of_nobody(wire, command, query, status):
    assert (await wire("GET", f"{API}/history{query}", command)).status == status


async def test_replacing_an_earlier_approval(running, wire, command):
    earlier = await running.allow("Lamps of old", "https://lamps.example")
    code = await running.ask()
    state = (await wire("GET", f"{API}/state", command)).json()
    (known,) = state["requests"][0]["known"]
    assert (known["id"], known["name"]) == (earlier, "Lamps of old")
    body = {"code": code, "lifetime": "day", "replace": [earlier]}
    assert (await post(wire, "approve", command, **body)).status == 200
    assert earlier not in [one.id for one in running.hub.auth.applications()]


async def test_a_launch_key(running, wire, command):
    answer = await post(wire, "key", command, origin="HTTP://Lamps.Example:80", key="00ff")
    assert answer.json() == {"origin": "http://lamps.example"}
    assert running.hub.auth.key_for("http://lamps.example") == ("00ff", Encoding.HEX)
    other = {"origin": "http://lamps.example", "key": "00fe"}
    assert (await post(wire, "key", command, **other)).status == 409
    assert (await post(wire, "key", command, **other, replace=True)).status == 200
    assert running.hub.auth.key_for("http://lamps.example") == ("00fe", Encoding.HEX)


@pytest.mark.parametrize(
    "body",
    [
        {"origin": "", "key": "00"},
        {"origin": "a b", "key": "00"},
        {"origin": "http://a/b", "key": "00"},
        {"origin": "a", "key": "0"},
        {"origin": "a", "key": "00" * 600},
        {"origin": "a"},
    ],
)
async def test_a_launch_key_that_is_none(wire, command, body):
    assert (await post(wire, "key", command, **body)).status in (400, 403)


@pytest.mark.parametrize(("what", "body"), [("key", {"origin": "a", "key": "00"}), ("stop", {})])
async def test_the_page_cannot_do_what_launch_addresses_do(running, wire, page, what, body):
    answer = await post(wire, what, page, **body)
    assert answer.status == 403
    assert "Only the gotapi command" in answer.json()["error"]
    assert running.hub.auth.key_for("a") is None


async def test_stop_only_when_nobody_is_connected(served):
    headers = {"Authorization": f"Bearer {served.secret}"}
    async with httpx2.AsyncClient(base_url=served.url, headers=headers, trust_env=False) as http:
        silent = await http.post(f"{API}/stop", json={"silent": True})
        assert (silent.status_code, "launch.allow_stop" in silent.text) == (403, True)
        address = f"ws://{served.host}/gotapi/websocket"
        async with connect(address, additional_headers={"X-GotAPI-Origin": "a"}):
            busy = await http.post(f"{API}/stop", json={})
            assert (busy.status_code, "1 WebSockets" in busy.text) == (409, True)
        async with asyncio.timeout(5):
            while (await http.post(f"{API}/stop", json={})).status_code == 409:
                continue
