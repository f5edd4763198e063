from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gotapi_auth.server import Access
from gotapi_core.host.loader import Loaded
from gotapi_core.hub import Ask, Hub
from gotapi_core.paths import Paths, paths_under
from gotapi_core.plugin import Plugin
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.names import Method, Name
from gotapi_core.settings import convert_settings
from gotapi_core.store import Store
from gotapi_core.testing.live import loaded


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class HubBench:
    """A running hub and the shortest ways to ask it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def access(self, *scopes: str, application: str = "app1") -> Access:
        return Access(application, "https://draw.example", "token1", frozenset(scopes), 2e9)

    async def call(
        self,
        path: str,
        service_id: str = "desk.lamp",
        *,
        scopes: tuple[str, ...] = ("light",),
        application: str = "app1",
        **params: object,
    ) -> Mapping[str, object]:
        """Ask `GET light/state` as an application with these scopes."""
        method, _, name = path.partition(" ")
        profile, _, attribute = name.partition("/")
        ask = Ask(Method(method), Name(profile, None, attribute or None), service_id, params)
        return await self.hub.call(self.access(*scopes, application=application), ask)

    async def ask_user(self, scope: str = "light") -> asyncio.Task[object]:
        """Call grant and accesstoken, and return while the call waits for its answer."""
        page = Identity("https://draw.example", Lineage.STATUS, browser=True)
        client = await self.hub.auth.grant(page)
        return asyncio.create_task(self.hub.auth.access_token(page, client, scope, "Draw"))


class Heard:
    """The sending side of a WebSocket: keeps what it was offered."""

    def __init__(self) -> None:
        self.frames: list[tuple[dict[str, object], str | None]] = []

    def offer(self, frame: bytes, key: str | None, number: int) -> None:
        self.frames.append((json.loads(frame), key))

    @property
    def values(self) -> list[object]:
        return [frame.get("value", frame.get("errorMessage")) for frame, _ in self.frames]

    @property
    def keys(self) -> list[str | None]:
        return [key for _, key in self.frames]


@pytest.fixture
def ear() -> Heard:
    return Heard()


@pytest.fixture
def ears() -> Callable[[], Heard]:
    return Heard


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = paths_under(tmp_path / "home")
    paths.prepare()
    return paths


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    with Store(paths.store) as opened:
        yield opened


@pytest.fixture
def run_hub(paths: Paths, store: Store, clock: Clock):
    """Start a hub with these plug-ins (classes or as loaded) and settings."""

    @asynccontextmanager
    async def run_hub(
        *plugins: type[Plugin] | Loaded, **settings: Mapping[str, object]
    ) -> AsyncIterator[HubBench]:
        hub = Hub(
            settings=convert_settings(settings, source="test"),
            paths=paths,
            store=store,
            clock=clock,
            plugins=[one if isinstance(one, Loaded) else loaded(one) for one in plugins],
        )
        await hub.start()
        try:
            yield HubBench(hub)
        finally:
            await hub.stop()

    return run_hub


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], object]:
    """Let the loop turn until a condition holds; fails after five seconds."""

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - any condition, and the loop must turn
                await asyncio.sleep(0.001)

    return until
