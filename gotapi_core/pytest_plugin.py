"""pytest fixtures for plug-ins and applications; pytest finds them by its entry point.

Everything but pytest is imported when a fixture is used, so that a test run which uses none pays
nothing and measures the coverage of the hub from its first line.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from gotapi_core.client import HubClient
    from gotapi_core.host.loader import Loaded
    from gotapi_core.hub import Hub
    from gotapi_core.plugin import Plugin
    from gotapi_core.testing import LiveHub

if TYPE_CHECKING:
    from pytest_asyncio import fixture as _async_fixture
else:
    try:
        from pytest_asyncio import fixture as _async_fixture
    except ImportError:  # only the fixtures that run in an event loop need it
        _async_fixture = pytest.fixture


@pytest.fixture
def loaded() -> Callable[[str], Loaded]:
    """Load an installed plug-in by its package name, with manifest and hooks, as the hub does."""
    from gotapi_core.host.loader import find_module, load

    def load_module(module: str) -> Loaded:
        one = load(find_module(module, module))
        if one.plugin_type is None:
            pytest.fail(f"{module} cannot be loaded: {one.reason}\n{one.detail}")
        return one

    return load_module


@pytest.fixture
def hub_plugins() -> list[type[Plugin] | Loaded]:
    """Return what the hub of a test runs: classes, or what `loaded` returned. Override it."""
    return []


@pytest.fixture
def hub_settings() -> dict[str, Any]:
    """Return the settings of a test's hub, as in gotapi.toml. Override it."""
    return {}


@pytest.fixture
def simulated_devices(tmp_path: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Start the devices that installed plug-ins simulate for `--demo`, and give the settings.

    They are the member `plugins` of the hub's settings.
    """
    from gotapi_core.cli.demo import Demo
    from gotapi_core.paths import paths_under
    from gotapi_core.settings import Settings

    paths = paths_under(tmp_path / "devices")
    paths.prepare()
    with Demo(paths, Settings()) as settings:
        yield settings.plugins


@_async_fixture
async def hub(
    tmp_path: Path,
    hub_plugins: list[type[Plugin] | Loaded],
    hub_settings: dict[str, Any],
) -> AsyncIterator[Hub]:
    """Run a hub without a socket; call its `discover` and `call`."""
    from gotapi_core.hub import Hub
    from gotapi_core.paths import paths_under
    from gotapi_core.settings import convert_settings
    from gotapi_core.store import Store
    from gotapi_core.testing.live import as_loaded

    paths = paths_under(tmp_path / "hub")
    paths.prepare()
    with ExitStack() as stack:
        one = Hub(
            settings=convert_settings(hub_settings, source="hub_settings"),
            paths=paths,
            store=stack.enter_context(Store(paths.store)),
            clock=time.time,
            plugins=[as_loaded(plugin) for plugin in hub_plugins],
        )
        await one.start()
        try:
            yield one
        finally:
            await one.stop()


@_async_fixture
async def live_hub(
    tmp_path: Path,
    hub_plugins: list[type[Plugin] | Loaded],
    hub_settings: dict[str, Any],
) -> AsyncIterator[LiveHub]:
    """Run a hub on a free port of this machine; `live_hub.url` is its address."""
    from gotapi_core.testing import live_hub as run

    async with run(tmp_path / "live", hub_plugins, settings=hub_settings) as live:
        yield live


@_async_fixture
async def client(live_hub: LiveHub) -> AsyncIterator[HubClient]:
    """Return a client of `live_hub` that was allowed everything there is."""
    from gotapi_core.client import HubClient

    async with HubClient(live_hub.url, "test.application", "Test") as one:
        asking = asyncio.create_task(one.authorize(["all"]))
        await live_hub.allow()
        await asking
        yield one
