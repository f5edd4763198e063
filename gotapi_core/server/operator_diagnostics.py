"""What somebody who helps with a hub wants to know of it, with nothing secret in it.

Of settings that are not the hub's own only the names are told: a plug-in may keep a password there.
Applications are counted, not named; no token, key or code is anywhere near.
"""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from gotapi_core import __version__
from gotapi_core.hub import Hub
from gotapi_core.server.asgi import Headers, Receive, Scope

_MAX_DETAIL = 20_000  # characters of a plug-in's log


class PluginReport(msgspec.Struct, frozen=True):
    """A plug-in: how it is, and the end of what it wrote about a fault."""

    id: str
    version: str
    state: str
    reason: str
    bundled: bool
    detail: str


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """The hub and what it runs on; sizes in bytes, times in seconds. None: not to be had here."""

    version: str
    python: str
    system: str
    machine: str
    processors: int
    up_time: float
    memory: int | None
    store_size: int
    file_count: int
    disk_free: int
    safe_mode: str
    applications: int
    waiting: int
    settings: dict[str, object]
    plugins: tuple[PluginReport, ...]


class Diagnostics:
    """The read `diagnostics` of the operator API."""

    def __init__(self, hub: Hub, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._clock = clock
        self._since = clock()
        self.reads = {"diagnostics": self._read}

    async def _read(self, scope: Scope, headers: Headers, _: Receive) -> dict[str, object]:
        found: dict[str, object] = msgspec.to_builtins(await self._report())
        return found

    async def _report(self) -> Report:
        hub = self._hub
        disk = await asyncio.to_thread(shutil.disk_usage, hub.paths.data)
        return Report(
            version=__version__,
            python=f"{platform.python_implementation()} {platform.python_version()}",
            system=platform.platform(),
            machine=platform.machine(),
            processors=os.cpu_count() or 1,
            up_time=max(0.0, self._clock() - self._since),
            memory=_memory(),
            store_size=_size(hub.paths.store),
            file_count=len(await hub.blobs.listed()),
            disk_free=disk.free,
            safe_mode=hub.desk.safe_mode,
            applications=len(hub.auth.applications()),
            waiting=len(hub.auth.requests()),
            settings=told_settings(msgspec.to_builtins(hub.settings)),
            plugins=tuple(self._plugins()),
        )

    def _plugins(self) -> list[PluginReport]:
        return [
            PluginReport(
                one.id,
                one.manifest.version,
                one.health.state.value,
                homeless(one.health.reason),
                self._hub.desk.card(one).bundled,
                homeless(one.health.detail[-_MAX_DETAIL:]),
            )
            for one in self._hub.registry
        ]


def told_settings(settings: dict[str, object]) -> dict[str, object]:
    """Return the hub's own settings, and of the plug-ins' the names only."""
    plugins = settings.get("plugins")
    named = {
        str(plugin): sorted(map(str, members)) if isinstance(members, dict) else []
        for plugin, members in (plugins.items() if isinstance(plugins, dict) else ())
    }
    return {**settings, "plugins": named}


def homeless(text: str) -> str:
    """Return a text without the user's home folder, whose name is often theirs."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _memory() -> int | None:
    if sys.platform != "linux":
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0  # another database than SQLite's
