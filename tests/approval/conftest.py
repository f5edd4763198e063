"""Plug-ins that are not the hub's own: packages written by the test, named in plugins.d."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.host.plugin_folders import find_folders
from gotapi_core.host.ports import PluginHost, load_for
from gotapi_core.testing import LiveHub, live_hub

CODE = """
from pathlib import Path
from gotapi_core.plugin import Call, Params, Plugin, Result, Service, get, hookimpl

{mark}


class Told(Result):
    said: str


class Path_(Params):
    path: str = ""


class Lamp(Plugin):
    id = "{id}"
    name = "Lamps"
    version = "{version}"

    async def services(self):
        return [Service(id="desk", name="Desk lamp", scopes=("light",))]

    @get("light", "state")
    async def state(self, call: Call) -> Told:
        return Told(said="{said}")

    @get("light", "rights")
    async def rights(self, call: Call) -> Told:
        context = self.context
        return Told(said=str([
            list(context.serial.patterns), list(context.http.hosts),
            [str(one) for one in context.folders], context.bluetooth,
        ]))

    @get("light", "spoil")
    async def spoil(self, call: Call) -> Told:
        with open(__file__, "a") as file:
            file.write("# changed by itself")
        return Told(said="done")

    @get("light", "read")
    async def read(self, call: Call, params: Path_) -> Told:
        try:
            return Told(said=Path(params.path).read_text()[:20])
        except OSError as error:
            return Told(said=type(error).__name__)


@hookimpl
def gotapi_plugins():
    return [Lamp]


@hookimpl
def gotapi_profiles():
    return {{"light": "switch your lamps"}}
"""
MANIFEST = """id = "{id}"
name = "Lamps"
version = "{version}"
module = "{module}"
api = 1
profiles = ["light"]

[rights]
{rights}
"""


class Foreign:
    """A plug-in in a folder, which leaves a mark when its code runs."""

    def __init__(self, home: Path, name: str = "lamp") -> None:
        self.id = name
        self.home = home
        self.module = f"foreign_{name.replace('-', '_')}"
        self.package = home / "packages" / self.module
        self.ran = home / f"{name}.ran"
        self.write()

    def write(
        self, *, version: str = "1.0", rights: str = "", said: str = "on", own_id: str = ""
    ) -> None:
        """Write its files, as an installation of this version would."""
        self.package.mkdir(parents=True, exist_ok=True)
        plugin_id = own_id or self.id
        words = {"id": plugin_id, "version": version, "module": self.module, "rights": rights}
        mark = f"Path({str(self.ran)!r}).touch()"
        (self.package / "gotapi-plugin.toml").write_text(MANIFEST.format(**words))
        code = CODE.format(id=plugin_id, version=version, said=said, mark=mark)
        (self.package / "__init__.py").write_text(code)
        plugins_d = self.home / "plugins.d"
        plugins_d.mkdir(exist_ok=True)
        (plugins_d / f"{self.id}.toml").write_text(f'folder = "{self.package}"\n')


MakeHub = Callable[..., AbstractAsyncContextManager[LiveHub]]


@pytest.fixture
def foreign(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


@pytest.fixture
def make_foreign(tmp_path: Path) -> Callable[[str], Foreign]:
    return lambda name: Foreign(tmp_path, name)


@pytest.fixture
def start_hub(tmp_path: Path) -> MakeHub:
    """Run a hub with what plugins.d of this test names, as `gotapi run` finds it."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[LiveHub]:
        lamp = settings.setdefault("plugin_host", {}).setdefault("lamp", {})
        lamp.setdefault("sandbox", "off")  # a mark that its code ran lies outside of it
        hosts = {key: PluginHost(**value) for key, value in settings.get("plugin_host", {}).items()}
        plugins = [load_for(one, hosts) for one in find_folders(tmp_path / "plugins.d")]
        async with live_hub(tmp_path / "home", plugins, settings=settings) as live:
            yield live

    return start


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the hub's own process import the packages, and forget them at the end."""
    before = set(sys.modules)

    def prepare() -> None:
        monkeypatch.syspath_prepend(str(tmp_path / "packages"))

    yield prepare
    for name in set(sys.modules) - before:
        if name.startswith("foreign_"):
            del sys.modules[name]
