"""The console's own token: for the signed-in page only, an application like any other."""

from __future__ import annotations

import asyncio
import json

import pytest

from gotapi_core.protocol.errors import Lineage, UnknownToken
from gotapi_core.protocol.identity import Identity
from gotapi_core.server.operator_console import NAME

ORIGIN = "http://127.0.0.1:4035"
TOKEN = "/operator/api/console-token"


async def given(wire, page):
    answer = await wire("POST", TOKEN, page, b"{}")
    assert answer.status == 200, answer.text
    return answer.json()


async def signed_in(running, wire):
    """The headers that a new session changes."""
    answer = await wire("GET", running.operator.login_link(ORIGIN).removeprefix(ORIGIN))
    return {
        "cookie": "; ".join(cookie.partition(";")[0] for cookie in answer.cookies),
        "x-gotapi-page-key": answer.headers["location"].partition("#key=")[2],
    }


def identity(origin: str = ORIGIN) -> Identity:
    return Identity(origin, Lineage.STATUS, True)


async def test_the_page_gets_a_token_for_everything_there_is(running, wire, page, clock):
    token = await given(wire, page)
    assert {"light", "servicediscovery"} <= set(token["scopes"])
    assert token["expires"] == pytest.approx(clock.now + 86400, abs=1)
    access = running.hub.auth.check(token["value"], identity(), "light")
    assert access.application_id == token["application"]


async def test_it_is_listed_and_can_be_revoked(running, wire, page):
    token = await given(wire, page)
    [application] = running.hub.auth.applications()
    assert (application.name, application.origin) == (NAME, ORIGIN)
    revoked = await wire(
        "POST", "/operator/api/revoke", page, json.dumps({"id": application.id}).encode()
    )
    assert revoked.status == 200
    with pytest.raises(UnknownToken):
        running.hub.auth.check(token["value"], identity(), "light")


async def test_each_browser_has_a_token_of_one_approval(running, wire, page):
    first, second = await given(wire, page), await given(wire, page)
    assert first["value"] != second["value"]
    assert first["application"] == second["application"]
    assert len(running.hub.auth.applications()) == 1
    assert running.hub.auth.requests() == []


async def test_tabs_that_open_together_are_one_application(running, wire, page):
    tokens = await asyncio.gather(*(given(wire, page) for _ in range(4)))
    assert len({token["value"] for token in tokens}) == 4
    assert {token["application"] for token in tokens} == {running.hub.auth.applications()[0].id}
    assert len(running.hub.auth.applications()) == 1


async def test_it_reaches_plugins_that_are_still_starting(running, wire, page):
    await running.hub.desk.disable("lamp")
    assert "light" not in running.hub.offered_scopes()
    first = await given(wire, page)
    assert "light" in first["scopes"]
    await running.hub.desk.enable("lamp")
    assert (await given(wire, page))["application"] == first["application"]


async def test_when_a_plugin_has_come_it_is_still_the_same(running, wire, page, monkeypatch):
    first = await given(wire, page)
    offered = running.hub.offered_scopes() | {"kettle"}
    monkeypatch.setattr(running.hub, "offered_scopes", lambda: offered)
    second = await given(wire, page)
    assert second["application"] == first["application"]
    assert set(second["scopes"]) == {*first["scopes"], "kettle"}
    assert running.hub.auth.check(first["value"], identity(), "light")
    assert len(running.hub.auth.applications()) == 1


async def test_it_is_the_same_after_days_and_old_tokens_end(running, wire, page, clock):
    first = await given(wire, page)
    clock.now += 86400 / 2 - 60
    second = await given(wire, page)
    clock.now += 86400 / 2 + 60
    assert running.hub.auth.check(first["value"], identity(), "light")
    page |= await signed_in(running, wire)
    third = await given(wire, page)
    assert third["expires"] == pytest.approx(clock.now + 86400, abs=1)
    assert running.hub.auth.check(second["value"], identity(), "light")
    with pytest.raises(UnknownToken):
        running.hub.auth.check(first["value"], identity(), "light")
    clock.now += 3 * 86400
    assert running.hub.auth.applications() == []
    page |= await signed_in(running, wire)
    fourth = await given(wire, page)
    assert {one["application"] for one in (first, second, third, fourth)} == {first["application"]}


async def test_what_was_taken_from_it_stays_taken(running, wire, page):
    first = await given(wire, page)
    await running.hub.auth.change(first["application"], scopes=["servicediscovery"])
    second = await given(wire, page)
    assert second["application"] == first["application"]
    assert second["scopes"] == ["servicediscovery"]


async def test_who_signs_out_gives_the_token_back_and_keeps_what_was_made(running, wire, page):
    first, other = await given(wire, page), await given(wire, page)
    writer = running.hub.blobs.writer(first["application"], "a.stl", "model/stl", 5)
    await writer.write(b"solid")
    blob = await writer.finish()
    body = json.dumps({"value": first["value"]}).encode()
    assert (await wire("POST", "/operator/api/drop-console-token", page, body)).status == 200
    assert (await wire("POST", "/operator/api/drop-console-token", page, body)).status == 200
    with pytest.raises(UnknownToken):
        running.hub.auth.check(first["value"], identity(), "light")
    assert running.hub.auth.check(other["value"], identity(), "light")
    assert (await given(wire, page))["application"] == first["application"]
    assert (await running.hub.blobs.find(blob.id, first["application"])).size == 5


async def test_an_application_that_calls_itself_so_lends_it_nothing(running, wire, page):
    other = await running.allow(NAME, "https://lamps.example", scope="all")
    assert (await given(wire, page))["application"] != other


async def test_one_at_the_same_address_does_not_grow_with_it(running, wire, page):
    other = await running.allow(NAME, ORIGIN, scope="servicediscovery", browser=False)
    token = await given(wire, page)
    assert token["application"] != other
    scopes = {one.id: one.scopes for one in running.hub.auth.applications()}
    assert scopes[other] == ("servicediscovery",)


async def test_neither_the_command_nor_a_stranger_gets_it(running, wire, page, command):
    assert (await wire("POST", TOKEN, command, b"{}")).status == 403
    page.pop("x-gotapi-page-key")
    assert (await wire("POST", TOKEN, page, b"{}")).status == 401
    assert running.hub.auth.applications() == []
