"""The operator API of plug-in settings: what is shown, what is refused, what follows a change."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager
from typing import Annotated, Any, ClassVar

import msgspec
import pytest

from gotapi_auth.operator import read_secret
from gotapi_core.host.loader import Loaded
from gotapi_core.host.supervisor import PluginState
from gotapi_core.hub import Hub
from gotapi_core.paths import paths_under
from gotapi_core.plugin import Plugin, Secret
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.plugin_settings.laid import Laid
from gotapi_core.server.operator import Operator
from gotapi_core.settings import load_settings
from gotapi_core.store import Store

API = "/operator/api"
TEXT = """\
[server]
port = 0  # any

[plugins.lamp]  # on the desk
watts = 9  # bright
password = "sesame"
[plugins.wire]
host = "x"
api_token = "sesame"
"""


class LampSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    watts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 7
    password: Secret = ""
    rooms: tuple[str, ...] = ()


class SetLamp(Plugin):
    """A lamp that remembers with which settings it was started, and may be at work."""

    id = "lamp"
    name = "Lamp"
    starts: ClassVar[list[Any]]
    at_work: ClassVar[str] = ""

    async def start(self, context):
        await super().start(context)
        type(self).starts.append(context.settings)
        if context.settings.watts == 66:
            raise OSError("the bulb burst")

    def busy(self):
        if type(self).at_work == "broken":
            raise RuntimeError
        return type(self).at_work


class House:
    """A hub whose settings come from a file, and its operator's side."""

    def __init__(self, hub, lamp, wire, headers):
        self.hub = hub
        self.lamp = lamp
        self.file = hub.paths.settings_file
        self.wire = wire
        self.headers = headers

    async def view(self, plugin="lamp"):
        answer = await self.wire("GET", f"{API}/plugin-settings?id={plugin}", self.headers)
        assert answer.status == 200, answer.text
        return answer.json()

    async def setting(self, name, plugin="lamp"):
        return next(one for one in (await self.view(plugin))["settings"] if one["name"] == name)

    async def change(self, plugin="lamp", **body):
        body.setdefault("revision", (await self.view(plugin))["revision"])
        raw = json.dumps({"id": plugin, **body}).encode()
        return await self.wire("POST", f"{API}/plugin-set", self.headers, raw)


@pytest.fixture
def open_house(tmp_path, wire_of):
    @asynccontextmanager
    async def opened(*overrides, text=TEXT):
        paths = paths_under(tmp_path)
        paths.prepare()
        paths.settings_file.write_text(text)
        kind = type("SetLamp", (SetLamp,), {"starts": []})
        lamp = Manifest(id="lamp", name="Lamp", version="1", module="lamp")
        broken = Manifest(id="broken", name="Broken", version="1", module="broken")
        with Store(paths.store) as store:
            hub = Hub(
                settings=load_settings(paths.settings_file, overrides),
                paths=paths,
                store=store,
                clock=time.time,
                plugins=[
                    Loaded(lamp, plugin_type=kind, settings_type=LampSettings),
                    Loaded(broken, reason="ImportError: no module"),
                ],
                laid=Laid(overrides),
            )
            await hub.start()
            await hub.socket_plugins.make_token("wire")
            operator = Operator(hub)
            secret = read_secret(paths.operator_secret)
            headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
            yield House(hub, kind, wire_of(operator), headers)
            operator.close()
            await hub.stop()

    return opened


@pytest.fixture
async def house(open_house):
    async with open_house() as one:
        yield one


async def test_values_and_where_they_come_from(open_house):
    async with open_house("plugins.lamp.rooms=['hall']") as house:
        view = await house.view()
        assert (view["known"], view["refusal"], view["problem"]) == (True, "", "")
        assert view["file"].endswith("gotapi.toml")
        watts, password, rooms = view["settings"]
        assert (watts["value"], watts["default"], watts["source"]) == (9, 7, "file")
        assert (watts["kind"], watts["minimum"], watts["maximum"]) == ("int", 1, 100)
        assert (rooms["value"], rooms["source"], rooms["by"]) == (["hall"], "command", "--set")
        assert (password["secret"], password["isSet"]) == (True, True)
        assert "sesame" not in json.dumps(view)
        report = await house.wire("GET", f"{API}/diagnostics", house.headers)
        assert (report.status, "sesame" in report.text) == (200, False)


async def test_a_change_is_written_and_the_plugin_runs_with_it(house, caplog):
    caplog.set_level(logging.INFO, "gotapi_core.server")
    answer = await house.change(set={"watts": 11, "password": "open"}, unset=["rooms"])
    assert (answer.status, answer.json()) == (200, {"state": "ready", "reason": "", "waits": ""})
    changed = TEXT.replace("watts = 9", "watts = 11").replace(
        'password = "sesame"\n[plugins.wire', 'password = "open"\n[plugins.wire'
    )
    assert house.file.read_text() == changed
    assert house.lamp.starts[-1] == LampSettings(watts=11, password="open")
    assert (await house.setting("watts"))["outdated"] is False
    assert "gotapi command: changed settings of plug-in lamp: set password, watts" in caplog.text
    assert "open" not in caplog.text


async def test_back_to_the_default_takes_the_key_out(house):
    assert (await house.change(unset=["watts"])).status == 200
    assert "watts" not in house.file.read_text()
    assert house.lamp.starts[-1].watts == 7
    watts = await house.setting("watts")
    assert (watts["value"], watts["source"]) == (7, "default")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"set": {"watts": 1000}}, "watts: Expected `int` <= 100"),
        ({"set": {"rooms": [1]}}, "rooms[0]: Expected str, got int. It should be text"),
        ({"set": {"wats": 1}}, "plug-in 'lamp' has no setting 'wats'"),
        ({"set": {"": 1}}, "The body is not the JSON expected here"),
        ({"sets": {}}, "The body is not the JSON expected here"),
        ({"set": {"rooms": None, "password": [1]}}, "password: Expected str, got array"),
    ],
)
async def test_what_does_not_fit_changes_nothing(house, body, said):
    starts = len(house.lamp.starts)
    answer = await house.change(**body)
    assert answer.status == 400
    assert said.replace("`", "") in answer.json()["error"]
    assert house.file.read_text() == TEXT
    assert len(house.lamp.starts) == starts


async def test_a_file_that_was_changed_meanwhile_is_not_written_over(house):
    revision = (await house.view())["revision"]
    edited = TEXT.replace("watts = 9", "watts = 20")
    house.file.write_text(edited)
    answer = await house.change(set={"watts": 11}, revision=revision)
    assert answer.status == 412
    assert "was changed since these settings were read" in answer.json()["error"]
    assert house.file.read_text() == edited
    watts = await house.setting("watts")
    assert (watts["value"], watts["outdated"]) == (20, True)
    assert (await house.change()).status == 200  # takes what is in the file
    assert house.lamp.starts[-1].watts == 20
    assert house.file.read_text() == edited


async def test_a_file_that_is_broken_is_told_and_not_touched(house):
    for text, said in (("[plugins", "is not TOML"), ("[server]\nport = 'x'\n", "server.port")):
        house.file.write_text(text)
        view = await house.view()
        assert said in view["problem"]
        assert view["refusal"]
        assert view["settings"][0]["value"] == 9  # as it runs
        assert (await house.change(set={"watts": 11})).status in (400, 412)
        assert house.file.read_text() == text


async def test_other_sections_hold_from_the_next_start_only(house):
    house.file.write_text(TEXT + "[consent]\nwait = 3\n")
    assert (await house.change(set={"watts": 11})).status == 200
    assert house.hub.settings.consent.wait == 60.0


async def test_a_read_only_file_is_told_before_and_when_it_is_written(house):
    house.file.chmod(0o444)
    assert "read-only" in (await house.view())["refusal"]
    answer = await house.change(set={"watts": 11})
    assert (answer.status, "read-only" in answer.json()["error"]) == (400, True)
    assert house.lamp.starts[-1].watts == 9


async def test_what_the_command_line_gave_is_not_to_be_changed_here(open_house):
    async with open_house("plugins.lamp.watts=5") as house:
        answer = await house.change(set={"watts": 11})
        assert answer.status == 400
        assert "(--set), which goes before the file" in answer.json()["error"]
        assert (await house.change(set={"rooms": ["hall"]})).status == 200
        assert house.lamp.starts[-1] == LampSettings(5, "sesame", ("hall",))


async def test_a_restart_that_would_end_something_is_asked_for(house):
    house.lamp.at_work = "Cube is being lit"
    answer = await house.change(set={"watts": 11})
    assert answer.status == 409
    assert answer.json()["error"].endswith("would end this: Cube is being lit")
    assert house.file.read_text() == TEXT
    assert (await house.change(set={"watts": 11}, sure=True)).status == 200
    house.lamp.at_work = "broken"  # nor does its fault stop the operator
    assert (await house.change(set={"watts": 12})).status == 200
    assert house.lamp.starts[-1].watts == 12


async def test_a_plugin_that_cannot_start_with_them_says_why(house):
    answer = await house.change(set={"watts": 66})
    assert answer.status == 200
    assert (answer.json()["state"], answer.json()["reason"]) == (
        "failed",
        "OSError: the bulb burst",
    )
    assert (await house.change(set={"watts": 5})).json()["state"] == "ready"


async def test_one_that_is_off_stays_off(house):
    await house.hub.desk.disable("lamp")
    starts = len(house.lamp.starts)
    answer = await house.change(set={"watts": 11})
    assert answer.json()["state"] == "stopped"
    assert answer.json()["waits"] == "it takes them when it is started"
    assert len(house.lamp.starts) == starts
    await house.hub.desk.enable("lamp")
    assert house.lamp.starts[-1].watts == 11


async def test_one_that_connects_by_itself_shows_its_section_and_takes_them_later(house):
    view = await house.view("wire")
    assert (view["known"], view["restarts"]) == (False, False)
    assert [(one["name"], one.get("value")) for one in view["settings"]] == [
        ("host", "x"),
        ("api_token", None),
    ]
    answer = await house.change("wire", set={"host": "y", "port": 5}, unset=["api_token"])
    assert answer.json()["waits"] == "it takes them when it connects the next time"
    assert house.hub.settings.plugins["wire"] == {"host": "y", "port": 5}


async def test_one_that_cannot_be_loaded_can_be_set_for_later(house):
    answer = await house.change("broken", set={"a": 1})
    assert (answer.json()["state"], answer.json()["waits"]) == ("failed", "it cannot run")
    assert house.hub.settings.plugins["broken"] == {"a": 1}


async def test_changes_come_one_after_another(house):
    revision = (await house.view())["revision"]
    answers = await asyncio.gather(
        *(house.change(set={"watts": n}, revision=revision) for n in (20, 21, 22))
    )
    assert sorted(one.status for one in answers) == [200, 412, 412]
    [supervisor] = [one for one in house.hub.registry if one.id == "lamp"]
    assert supervisor.health.state is PluginState.READY


async def test_nobody_else_may(house):
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = await house.wire("GET", f"{API}/plugin-settings?id=lamp", headers)
        assert answer.status == 401
        answer = await house.wire("POST", f"{API}/plugin-set", headers, b'{"id":"lamp"}')
        assert answer.status == 401
    answer = await house.wire("GET", f"{API}/plugin-settings?id=nobody", house.headers)
    assert (answer.status, "There is no plug-in" in answer.json()["error"]) == (400, True)


async def test_tomlkit_is_not_loaded_before_it_is_needed(tmp_path):
    import sys

    code = (
        "import sys, gotapi_core.cli.run, gotapi_core.server.operator, gotapi_creation.plugin; "
        "sys.exit('tomlkit' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
