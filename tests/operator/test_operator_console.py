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


async def test_when_a_plugin_has_come_the_approval_is_replaced(running, wire, page):
    first = await given(wire, page)
    await running.hub.auth.change(first["application"], scopes=["servicediscovery"])
    second = await given(wire, page)
    assert second["application"] != first["application"]
    assert "light" in second["scopes"]
    assert len(running.hub.auth.applications()) == 1


async def test_an_application_that_calls_itself_so_lends_it_nothing(running, wire, page):
    other = await running.allow(NAME, "https://lamps.example", scope="all")
    assert (await given(wire, page))["application"] != other


async def test_neither_the_command_nor_a_stranger_gets_it(running, wire, page, command):
    assert (await wire("POST", TOKEN, command, b"{}")).status == 403
    page.pop("x-gotapi-page-key")
    assert (await wire("POST", TOKEN, page, b"{}")).status == 401
    assert running.hub.auth.applications() == []
