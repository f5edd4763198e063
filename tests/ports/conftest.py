"""Ports of every kind with the same echo plug-in behind each, and a hub that has it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient
from gotapi_core.host.loader import Found, Loaded, find_module, load
from gotapi_core.testing import LiveHub, live_hub

PLUGINS = Path(__file__).parent / "plugins"
DEADLINE = 9.0  # seconds a test waits for anything before it fails
ORIGIN = "http://app.example"


@pytest.fixture
def echo_found(monkeypatch: pytest.MonkeyPatch) -> Iterator[Found]:
    """The echo plug-in, found but not imported."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    found = find_module("echo", "echo_plugin")
    assert found.sound, found.reason
    yield found
    sys.modules.pop("echo_plugin", None)


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait for a condition, with a deadline."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110  # a deadline stands around it
                await asyncio.sleep(0.01)

    return wait


class EchoHub:
    """A hub with the echo plug-in behind one kind of port, and an application that may use it."""

    def __init__(self, live: LiveHub, port: str, client: HubClient) -> None:
        self.live = live
        self.port = port
        self.client = client

    @property
    def supervisor(self) -> Any:
        return next(one for one in self.live.hub.registry if one.id == "echo")

    async def request(self, method: str, attribute: str, **params: Any) -> dict[str, Any]:
        wire = {key: json.dumps(v) if not isinstance(v, str) else v for key, v in params.items()}
        answer = await self.client.request(
            method, f"echo/{attribute}", {"serviceId": "wall.echo", **wire}
        )
        return dict(answer)

    async def until_ready(self) -> None:
        async with asyncio.timeout(DEADLINE):
            while not self.supervisor.ready:  # noqa: ASYNC110  # a deadline stands around it
                await asyncio.sleep(0.01)


@asynccontextmanager
async def socket_worker(live: LiveHub, module: str, name: str, home: Path) -> AsyncIterator[Any]:
    """Run a Python plug-in that connects to the hub's WebSocket by itself."""
    token_file = home / "token"
    token_file.write_text(await live.hub.socket_plugins.make_token(name))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gotapi_core.host.worker",
        module,
        "--path",
        str(PLUGINS),
        "--connect",
        live.url.replace("http", "ws") + "/gotapi/plugin",
        "--token-file",
        str(token_file),
        env={**os.environ},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        async with asyncio.timeout(DEADLINE):
            await process.wait()


@pytest.fixture(name="socket_worker")
def socket_worker_fixture() -> Any:
    """Run a plug-in that connects to a hub by itself."""
    return socket_worker


@pytest.fixture
def echo_hub(tmp_path: Path, echo_found: Found) -> Callable[..., Any]:
    """Make a hub with the echo plug-in behind a port of a kind."""

    @asynccontextmanager
    async def make(
        port: str,
        *,
        echo: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        memory: int = 512,
    ) -> AsyncIterator[EchoHub]:
        settings: dict[str, Any] = {
            "plugins": {"echo": echo or {}},
            "plugin_host": {"echo": {"memory": memory}},
            "limits": limits or {},
        }
        loaded = {
            "inprocess": lambda: [load(echo_found)],
            "stdio": lambda: [Loaded(echo_found.manifest, isolated=True, folder=PLUGINS)],
            "websocket": list,
        }[port]()
        async with AsyncExitStack() as stack:
            live = await stack.enter_async_context(live_hub(tmp_path, loaded, settings=settings))
            if port == "websocket":
                await stack.enter_async_context(
                    socket_worker(live, "echo_plugin", "echo", tmp_path)
                )
                async with asyncio.timeout(DEADLINE):
                    while not any(one.ready for one in live.hub.registry):  # noqa: ASYNC110  # bounded
                        await asyncio.sleep(0.01)
            client = await stack.enter_async_context(HubClient(live.url, ORIGIN, "Test"))
            asking = asyncio.create_task(client.authorize(["echo", "servicediscovery"]))
            await live.allow()
            await asking
            yield EchoHub(live, port, client)

    return make
