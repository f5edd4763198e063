"""The settings of plug-ins in the console: shown with where they come from, changed, and kept."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest
import pytest_asyncio

from gotapi_core.host.loader import Loaded
from gotapi_core.plugin import Plugin, Secret
from gotapi_core.plugin.manifest import Manifest
from gotapi_creation.model import CreationSettings
from gotapi_portrayal.model import PortrayalSettings
from gotapi_printer.model import PrinterSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
NASTY = '<img src=x onerror="window.struck=1">'
TEXT = f"""\
# mine
[plugins.desk]  # the desk
watts = 9  # bright
servers = [{{ url = "http://a.example/", key = "sesame" }}]
password = "sesame"
old = '{NASTY}'
"""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    key: Secret = ""


class DeskSettings(msgspec.Struct, frozen=True):
    watts: Annotated[int, msgspec.Meta(ge=1, le=100, description=f"How bright {NASTY}.")] = 7
    on: bool = False
    colour: Literal["", "warm", "cold"] = ""
    name: Annotated[str, msgspec.Meta(max_length=20)] = "desk"
    servers: tuple[Server, ...] = ()
    password: Secret = ""
    room: str = "hall"


class Desk(Plugin):
    id = "desk"
    name = "Desk"
    at_work: ClassVar[str] = ""
    runs: ClassVar[list[Any]] = []

    async def start(self, context):
        await super().start(context)
        type(self).runs.append(context.settings)

    def busy(self):
        return type(self).at_work


@pytest_asyncio.fixture(loop_scope="module")
async def house(serve_site, tmp_path):
    manifest = Manifest(id="desk", name="Desk", version="1", module="desk")
    Desk.at_work = ""
    Desk.runs = []
    plugin = Loaded(manifest, plugin_type=Desk, settings_type=DeskSettings)
    file = tmp_path / "gotapi.toml"
    file.write_text(TEXT)
    given = {"plugins": {"desk": {"room": "cellar"}}}
    async with serve_site(tmp_path, plugin, settings=given) as site:
        yield site, file


async def opened(site, open_tab, plugin="desk", first="watts"):
    tab = await open_tab(site.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await tab.goto(f"{site.url}/console/plugins")
    card = tab.locator("plugin-card", has=tab.locator(f"#plugin-{plugin}"))
    await card.locator("summary", has_text="Settings").click()
    await card.get_by_label(first, exact=True).wait_for()
    return tab, card


def box(card, name):
    return card.locator(".setting", has=card.page.locator(f"label >> text=/^{name}$/"))


@pytest.mark.parametrize("viewport", [1280, 390], indirect=True)
async def test_values_are_shown_with_where_they_come_from_and_changed(
    house, open_tab, viewport, check_access
):
    site, file = house
    tab, card = await opened(site, open_tab)
    assert await card.get_by_label("watts", exact=True).input_value() == "9"
    assert await box(card, "watts").locator(".state").inner_text() == "gotapi.toml"
    assert await box(card, "name").locator(".state").inner_text() == "default"
    assert await box(card, "room").locator(".state").inner_text() == "command line"
    assert await card.get_by_label("room", exact=True).is_disabled()
    assert await card.get_by_label("old", exact=True).is_disabled()
    assert await card.get_by_label("password", exact=True).input_value() == ""
    assert "sesame" not in await tab.content()
    await check_access(tab)
    assert await tab.evaluate("document.documentElement.scrollWidth") <= viewport["width"]

    # It was started before there was such a file: it can be told to take it.
    await card.get_by_role("button", name="Restart with the file's values").click()
    await card.get_by_text("The file was changed since").wait_for(state="detached")
    assert Desk.runs[-1].watts == 9

    await card.get_by_label("watts", exact=True).fill("0")
    await card.get_by_role("button", name="Save").click()
    await card.get_by_text("This should be a whole number from 1 to 100.").wait_for()
    assert await tab.evaluate("document.activeElement.value") == "0"
    await check_access(tab)
    await card.get_by_label("watts", exact=True).fill("11")
    await card.get_by_label("on", exact=True).check()
    await card.get_by_label("colour", exact=True).select_option("warm")
    servers = await card.get_by_label("servers", exact=True).input_value()
    await card.get_by_label("servers", exact=True).fill(servers.replace("a.example", "b.example"))
    await card.get_by_text("4 changes").wait_for()
    await card.get_by_role("button", name="Save").click()
    await card.get_by_text("4 changes").wait_for(state="detached")
    assert Desk.runs[-1] == DeskSettings(
        11, True, "warm", "desk", (Server("http://b.example/", "sesame"),), "sesame", "cellar"
    )
    text = file.read_text()
    assert "watts = 11  # bright\n" in text
    assert text.startswith("# mine\n[plugins.desk]  # the desk\n")

    await card.get_by_role("button", name="watts: Back to the default").click()
    assert await card.get_by_label("watts", exact=True).input_value() == "7"
    await card.get_by_role("button", name="old: Remove").click()
    await card.get_by_role("button", name="Save").click()
    await card.get_by_label("old", exact=True).wait_for(state="detached")
    assert "watts" not in file.read_text()


async def test_what_is_typed_is_kept_and_what_others_wrote_is_not_lost(house, open_tab):
    site, file = house
    tab, card = await opened(site, open_tab)
    await card.get_by_label("name", exact=True).fill("lamp")
    await card.get_by_label("servers", exact=True).fill("[{")
    # The hub says something new of the plug-in, and the file changes beside.
    await site.hub.desk.disable("desk")
    await card.get_by_text("Off", exact=True).wait_for()
    await site.hub.desk.enable("desk")
    await card.get_by_text("Ready", exact=True).wait_for()
    changed = TEXT.replace("watts = 9", "watts = 33")
    file.write_text(changed)
    assert await card.get_by_label("name", exact=True).input_value() == "lamp"
    await card.get_by_role("button", name="Save").click()
    await card.get_by_text("This is no JSON").wait_for()
    await card.get_by_role("button", name="servers: Undo").click()
    await card.get_by_role("button", name="Save").click()
    await card.get_by_text("was changed since these settings were read").wait_for()
    assert file.read_text() == changed
    await tab.wait_for_function(
        "[...document.querySelectorAll('plugin-settings input')].some((one) => one.value === '33')"
    )
    assert await card.get_by_label("name", exact=True).input_value() == "lamp"

    Desk.at_work = f"Cube {NASTY}"
    await card.get_by_role("button", name="Save").click()
    await tab.locator("dialog", has_text=f"would end this: Cube {NASTY}").wait_for()
    await tab.click("dialog >> text=Cancel")
    assert file.read_text() == changed
    await card.get_by_role("button", name="Save").click()
    await tab.click('dialog button:has-text("Save and restart")')
    await tab.get_by_text("Saved. Desk: Ready.").wait_for()
    assert file.read_text() == f'{changed}name = "lamp"\n'


async def test_a_plugin_that_has_told_nothing_shows_its_section_to_which_can_be_added(
    house, open_tab, check_access
):
    site, file = house
    file.write_text(f"{TEXT}[plugins.wire]\nhost = '{NASTY}'\nport = 5\n")
    await site.hub.socket_plugins.make_token("wire")
    tab, card = await opened(site, open_tab, "wire", "host")
    await card.get_by_text("The plug-in has not said what can be set").wait_for()
    assert await card.get_by_label("host", exact=True).input_value() == NASTY
    await card.get_by_label("port", exact=True).fill("6")
    await card.get_by_role("button", name="host: Remove").click()
    await card.get_by_label("Name", exact=True).fill("rooms")
    await card.get_by_label("Value", exact=True).fill('["hall"]')
    await card.get_by_role("button", name="Add a setting").click()
    await card.get_by_text("3 changes").wait_for()
    await check_access(tab)
    await card.get_by_role("button", name="Save").click()
    await card.get_by_label("rooms", exact=True).wait_for()
    assert file.read_text() == f'{TEXT}[plugins.wire]\nport = 6\nrooms = ["hall"]\n'


async def test_a_file_that_cannot_be_written_says_so(house, open_tab):
    site, file = house
    file.write_text(TEXT + "colour = 'red'\n")  # and what does not fit is shown as it is
    file.chmod(0o444)
    _, card = await opened(site, open_tab)
    assert await card.get_by_label("colour", exact=True).input_value() == "red"
    await card.get_by_text("is read-only; make it writable").wait_for()
    assert await card.get_by_label("watts", exact=True).is_disabled()


@pytest.mark.parametrize(
    ("plugin", "kind"),
    [
        ("printer", PrinterSettings),
        ("portrayal", PortrayalSettings),
        ("creation", CreationSettings),
    ],
)
async def test_every_setting_of_the_hubs_own_plugins_is_explained_in_both_languages(plugin, kind):
    source = ROOT / "web" / "console" / "pages" / "plugins" / "settings-text.ts"
    text = await asyncio.to_thread(source.read_text)
    explained = re.findall(rf'^  "{plugin}\.(\w+)": \[', text, re.MULTILINE)
    assert explained == list(kind.__struct_fields__)
