"""Live hubs with TLS, and what a client of them needs."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.testing import live_hub
from gotapi_core.testing.live import LiveHub

DEADLINE = 8.0  # seconds a test waits for anything before it fails
TLS = {"enabled": True, "port": 0}


class Clock:
    """Seconds since 1970, as the test wants them."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    import time

    return Clock(time.time())  # a real one: OpenSSL looks at the system's clock


@pytest.fixture
def tls_hub(tmp_path: Path, clock: Clock) -> Callable[..., Any]:
    """Run a hub with TLS; settings of [tls] by name, `here` is what its network addresses are."""

    @asynccontextmanager
    async def run(
        *,
        home: str = "home",
        here: Callable[[], tuple[str, ...]] = lambda: (),
        server: dict[str, Any] | None = None,
        **tls: Any,
    ) -> AsyncIterator[LiveHub]:
        settings = {"server": server or {}, "tls": {**TLS, **tls}}
        async with live_hub(
            tmp_path / home, [], settings=settings, clock=clock, addresses=here
        ) as live:
            assert live.door is not None
            yield live

    return run


def trusting(live: LiveHub) -> ssl.SSLContext:
    """Return the context of a client that has imported the hub's authority."""
    assert live.door is not None
    return ssl.create_default_context(cadata=live.door.identity.authority_pem.decode())


@pytest.fixture
def ask() -> Callable[..., Any]:
    """Send one GET over TLS (`context`) or plainly; returns status line and all that follows."""

    async def send(
        port: int,
        path: str = "/gotapi/availability",
        *,
        to: str = "127.0.0.1",
        host: str = "localhost",
        name: str | None = None,
        context: ssl.SSLContext | None = None,
        headers: str = "",
    ) -> str:
        async with asyncio.timeout(DEADLINE):
            reader, writer = await asyncio.open_connection(
                to, port, ssl=context, server_hostname=(name or host) if context else None
            )
            try:
                writer.write(
                    f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-GotAPI-Origin: org.example.test\r\n"
                    f"{headers}Connection: close\r\n\r\n".encode()
                )
                return (await reader.read()).decode()
            finally:
                writer.close()

    return send


@pytest.fixture
def context_for() -> Callable[[LiveHub], ssl.SSLContext]:
    return trusting
