"""The report for those who help: what is in it, and that nothing secret is."""

from __future__ import annotations

import json

import pytest

from gotapi_core import __version__
from gotapi_core.server.operator_diagnostics import homeless, told_settings

PATH = "/operator/api/diagnostics"


async def test_it_says_how_the_hub_is(running, wire, page, clock):
    clock.now += 90
    await running.ask()
    report = (await wire("GET", PATH, page)).json()
    assert (report["version"], report["upTime"], report["waiting"]) == (__version__, 90, 1)
    assert report["memory"] is None or report["memory"] > 1_000_000
    assert report["storeSize"] > 0
    assert report["diskFree"] > 0
    states = {one["id"]: (one["state"], one["reason"]) for one in report["plugins"]}
    assert states["lamp"] == ("ready", "")
    assert states["broken"] == ("failed", "ImportError: no module named broken")


async def test_no_secret_is_in_it(running, wire, page):
    code = await running.ask()
    issued = await running.hub.auth.approve(code)
    token = (await running.asking[-1]).access_token
    text = (await wire("GET", PATH, page)).text
    for secret in (
        running.secret,
        token,
        code,
        page["x-gotapi-page-key"],
        issued.id,
        "lamps.example",
    ):
        assert secret not in text


def test_of_a_plugins_settings_only_the_names_are_told():
    given = {"plugins": {"printer": {"servers": [{"password": "hunter2"}], "note": "hunter2"}}}
    told = told_settings(given)
    assert told == {"plugins": {"printer": ["note", "servers"]}}
    assert "hunter2" not in json.dumps(told)
    assert told_settings({"plugins": {"odd": 3}, "server": {"port": 1}}) == {
        "plugins": {"odd": []}, "server": {"port": 1},
    }  # fmt: skip


async def test_strangers_get_nothing(wire):
    assert (await wire("GET", PATH)).status == 401


def test_the_users_name_is_taken_out_of_paths(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert homeless('File "/home/ada/hub/x.py"') == 'File "~/hub/x.py"'
    monkeypatch.setenv("HOME", "/")
    assert homeless("/a/b") == "/a/b"
