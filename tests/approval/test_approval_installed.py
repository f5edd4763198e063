"""A plug-in that pip installed: found by its entry point, known by its distribution, too."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gotapi_core.host.loader import GROUP, find_plugins
from gotapi_core.host.ports import PluginHost, load_for
from gotapi_core.testing import live_hub


def install(foreign, version: str) -> Path:
    """Write what pip leaves beside the package."""
    site = foreign.package.parent
    for old in site.glob("*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    info = site / f"gotapi_lamp-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: gotapi-lamp\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nlamp = {foreign.module}\n")
    return site


@pytest.fixture
def find(monkeypatch: pytest.MonkeyPatch, foreign):
    site = install(foreign, "1.0")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    hosts = {"lamp": PluginHost(sandbox="off")}

    def found():
        plugins = find_plugins(entry_points(group=GROUP))
        return [load_for(one, hosts) for one in plugins if one.manifest.id == "lamp"]

    return found


SETTINGS = {"plugin_host": {"lamp": {"sandbox": "off"}}}


async def test_it_waits_and_runs_in_a_process_of_its_own(foreign, find, tmp_path: Path) -> None:
    async with live_hub(tmp_path / "home", find(), settings=SETTINGS) as live:
        supervisor = live.hub.desk.named("lamp")
        assert supervisor.health.state.value == "pending"
        assert not foreign.ran.exists()
        await live.approve_plugin("lamp")
        assert supervisor.ready, supervisor.health
        assert live.hub.approvals.get("lamp").distribution == "gotapi-lamp 1.0"


async def test_an_upgrade_while_the_hub_runs_waits_at_the_next_start(
    foreign, find, tmp_path: Path
) -> None:
    async with live_hub(tmp_path / "home", find(), settings=SETTINGS) as live:
        desk = live.hub.desk
        await live.approve_plugin("lamp")
        foreign.write(version="1.1", rights="bluetooth = true", said="dim")
        install(foreign, "1.1")
        await desk.disable("lamp")
        await desk.enable("lamp")
        supervisor = desk.named("lamp")
        assert supervisor.health.state.value == "pending"
        assert supervisor.health.reason == (
            "it is not as you approved it: version 1.0 → 1.1, package gotapi-lamp 1.0 → "
            "gotapi-lamp 1.1, 2 files changed, now also wants Bluetooth"
        )
        assert supervisor.manifest.version == "1.1"
        await live.approve_plugin("lamp")
        assert supervisor.ready
        assert supervisor.description.version == "1.1"


async def test_uninstalled_it_says_what_is_missing(foreign, find, tmp_path: Path) -> None:
    plugins = find()
    async with live_hub(tmp_path / "home", plugins, settings=SETTINGS) as live:
        (foreign.package / "gotapi-plugin.toml").unlink()
        with pytest.raises(Exception, match=r"gotapi-plugin\.toml cannot be read"):
            await live.approve_plugin("lamp")
