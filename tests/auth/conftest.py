from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gotapi_auth.events import AuthEvent, IssuedToken
from gotapi_auth.grants import Lifetime
from gotapi_auth.server import AuthServer, AuthSettings
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.store import Store

OFFERED = frozenset({"3dp", "3dcapi", "3dps", "servicediscovery"})


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """One auth server on a real store, and the shortest ways through it."""

    def __init__(self, store: Store, clock: Clock, settings: AuthSettings) -> None:
        self.store = store
        self.clock = clock
        self.offered = OFFERED
        self.server = AuthServer(store, clock, lambda: self.offered, settings)
        self.events: list[AuthEvent] = []
        self.server.subscribe(self.events.append)

    async def ask(
        self, identity: Identity, scope: str = "3dp", name: str | None = "Draw", client: str = ""
    ) -> asyncio.Task[IssuedToken]:
        """Call accesstoken (after grant, without a client) and return while it waits."""
        client = client or await self.server.grant(identity)
        before = len(self.server.requests())
        call = asyncio.create_task(self.server.access_token(identity, client, scope, name))
        await self.until(lambda: call.done() or len(self.server.requests()) != before)
        return call

    async def token(
        self,
        identity: Identity,
        scope: str = "3dp",
        *,
        client: str = "",
        lifetime: Lifetime = Lifetime.ALWAYS,
    ) -> str:
        """Go all the way, approval included."""
        call = await self.ask(identity, scope, client=client)
        await self.server.approve(self.server.requests()[-1].code, lifetime)
        return (await call).access_token

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - any condition, and the loop must turn
                await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


@pytest.fixture
def start(store: Store, clock: Clock):
    """Start an auth server; starting another on the same store is a restart."""

    @asynccontextmanager
    async def start(**settings: float) -> AsyncIterator[Bench]:
        bench = Bench(store, clock, AuthSettings(**{"wait": 5.0, **settings}))
        await bench.server.load()
        try:
            yield bench
        finally:
            await bench.server.close()

    return start


@pytest.fixture
async def bench(start) -> AsyncIterator[Bench]:
    async with start() as bench:
        yield bench


@pytest.fixture
def page() -> Identity:
    return Identity("https://draw.example", Lineage.STATUS, browser=True)


@pytest.fixture
def other() -> Identity:
    return Identity("https://other.example", Lineage.STATUS, browser=True)


@pytest.fixture
def native() -> Identity:
    return Identity("org.example.app", Lineage.ENVELOPE, browser=False)
