from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from gotapi_core.host.port_inprocess import InProcessPort
from gotapi_core.host.supervisor import CallLimits, Supervisor
from gotapi_core.plugin import Call, Context, Plugin
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.names import Method, Name


@pytest.fixture
def call() -> Call:
    return Call(service_id="one", origin="https://draw.example", application="app1")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        plugin_id="toy",
        settings=None,
        folder=tmp_path,
        log=logging.getLogger("gotapi.plugin.toy"),
        blobs=Mock(),
        collection=Mock(),
        spawn=Mock(),
    )


class Kept:
    """A supervisor, the states it told of, and short ways to use it."""

    def __init__(self, plugin_type: type[Plugin], limits: CallLimits, context: Context) -> None:
        self.told: list[tuple[str, str]] = []
        self.context = context
        self.port = InProcessPort(plugin_type)
        manifest = Manifest(id=plugin_type.id, name="Toy", version="1", module="toy")
        self.supervisor = Supervisor(manifest, self.port, limits, self._tell)

    def _tell(self, supervisor: Supervisor) -> None:
        self.told.append((supervisor.health.state.value, supervisor.health.reason))

    async def start(self) -> Kept:
        await self.supervisor.start(self.context)
        return self

    async def call(self, attribute: str = "do", **params: object) -> object:
        route = self.port.description.routes.find(Method.GET, Name("toy", None, attribute))
        call = Call(service_id="one", origin="https://draw.example", application="app1")
        return await self.supervisor.call(route, call, params)

    def events(self, attribute: str = "events", **params: object):
        route = self.port.description.routes.find(Method.PUT, Name("toy", None, attribute))
        call = Call(service_id="one", origin="https://draw.example", application="app1")
        return self.supervisor.events(route, call, params)


@pytest.fixture
async def keep(context: Context) -> AsyncIterator[Callable[..., Kept]]:
    """Put a plug-in class under a supervisor with these limits; all are stopped at the end."""
    kept: list[Kept] = []

    def keep(plugin_type: type[Plugin], **limits: float) -> Kept:
        kept.append(Kept(plugin_type, CallLimits(**limits), context))
        return kept[-1]

    yield keep
    for one in kept:
        await one.supervisor.stop()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], object]:
    """Let the loop turn until a condition holds; fails after five seconds."""

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - any condition, and the loop must turn
                await asyncio.sleep(0)

    return until
