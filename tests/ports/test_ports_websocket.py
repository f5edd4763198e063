"""Plug-ins that connect by themselves: who is let in, who is not, and who comes again."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gotapi_core.host.supervisor import PluginState
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.server import plugin_socket
from gotapi_core.testing import LiveHub, live_hub

pytestmark = pytest.mark.timeout(40)
ROUTES = [{"kind": "one-shot", "profile": "lamp", "attribute": "state"}]


class ByHand:
    """A plug-in written out in the test, message by message."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **members: Any) -> None:
        await self.socket.send(json.dumps(members))

    async def receive(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(9):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                if message["type"] == kind:
                    return message
                assert message["type"] in ("ping", "services"), message

    async def hello(self, token: str, name: str = "lamp") -> None:
        versions = {"min": 1, "max": 1}
        await self.send(
            type="hello", versions=versions, id=name, name="Lamp", version="2", token=token
        )

    async def closed(self) -> None:
        async with asyncio.timeout(9):
            with suppress(ConnectionClosed):  # it need not be closed politely
                async for _ in self.socket:
                    continue
            with pytest.raises(ConnectionClosed):
                await self.socket.recv()


@asynccontextmanager
async def by_hand(live: LiveHub, **options: Any) -> AsyncIterator[ByHand]:
    url = live.url.replace("http", "ws") + "/gotapi/plugin"
    async with connect(url, compression=None, proxy=None, **options) as socket:
        yield ByHand(socket)


async def ready(live: LiveHub, plugin: ByHand, token: str, **describe: Any) -> None:
    await plugin.hello(token)
    await plugin.receive("welcome")
    await plugin.send(type="describe", **{"routes": ROUTES, **describe})


def lamp(live: LiveHub) -> Any:
    return next(one for one in live.hub.registry if one.id == "lamp")


async def test_a_plugin_is_let_in_goes_and_comes_again(tmp_path: Path, until: Any) -> None:
    async with live_hub(tmp_path) as live:
        token = await live.hub.socket_plugins.make_token("lamp")
        assert lamp(live).health.state is PluginState.FOUND
        for _ in range(7):  # more often than a plug-in may crash
            async with by_hand(live) as plugin:
                await ready(live, plugin, token, words={"lamp": "switch the lamp"})
                await until(lambda: lamp(live).ready)
                assert live.hub.registry.profiles() == {"lamp"}
                assert live.hub.scope_words()["lamp"] == "switch the lamp"
                assert lamp(live).manifest.version == "2"
            await until(lambda: not lamp(live).ready)
        assert lamp(live).health.state is PluginState.SUSPENDED
        assert lamp(live).health.reason == "it closed its WebSocket"


async def test_a_hub_that_stops_says_bye(tmp_path: Path, until: Any) -> None:
    async with live_hub(tmp_path) as live:
        token = await live.hub.socket_plugins.make_token("lamp")
        async with by_hand(live) as plugin:
            await ready(live, plugin, token)
            await until(lambda: lamp(live).ready)
            stopping = asyncio.create_task(live.hub.socket_plugins.delete_token("lamp"))
            await plugin.receive("bye")
            await plugin.send(type="bye")
            await stopping
            assert lamp(live).health.state is PluginState.STOPPED
        async with by_hand(live) as plugin:
            await plugin.hello(token)
            assert (
                "the token is not that of plug-in 'lamp'" in (await plugin.receive("bye"))["reason"]
            )


@pytest.mark.parametrize("token", ["", "x", "ä" * 40])
async def test_a_wrong_token_is_refused_with_the_reason(tmp_path: Path, token: str) -> None:
    async with live_hub(tmp_path) as live:
        await live.hub.socket_plugins.make_token("lamp")
        for name in ("lamp", "other"):
            async with by_hand(live) as plugin:
                await plugin.hello(token, name)
                bye = await plugin.receive("bye")
                assert bye["error"] is True
                assert f"the token is not that of plug-in '{name}'" in bye["reason"]
                await plugin.closed()
        assert lamp(live).health.state is PluginState.FOUND


async def test_a_page_cannot_connect(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as live:
        for origin in ("http://evil.example", "null", live.url):
            with pytest.raises(InvalidStatus) as refused:
                async with by_hand(live, origin=origin):
                    raise AssertionError("it was let in")
            assert refused.value.response.status_code == 403


async def test_the_same_plugin_connects_once(tmp_path: Path, until: Any) -> None:
    async with live_hub(tmp_path) as live:
        token = await live.hub.socket_plugins.make_token("lamp")
        async with by_hand(live) as first, by_hand(live) as second:
            await ready(live, first, token)
            await until(lambda: lamp(live).ready)
            await second.hello(token)
            assert "is connected already" in (await second.receive("bye"))["reason"]
            assert lamp(live).ready


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ('{"type":"describe","routes":[]}', "'describe' cannot be sent before hello"),
        ('{"type":"log","message":"x"}', "the first message must be 'hello'"),
        ("GET / HTTP/1.1", "this is no message"),
        ("x" * 2_000_000, None),
    ],
)
async def test_what_is_no_hello_is_refused(tmp_path: Path, first: str, said: str | None) -> None:
    async with live_hub(tmp_path) as live, by_hand(live) as plugin:
        await plugin.socket.send(first)
        if said is not None:
            assert said in (await plugin.receive("bye"))["reason"]
        await plugin.closed()


async def test_silence_before_hello_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_socket, "HELLO_TIME", 0.05)
    async with live_hub(tmp_path) as live, by_hand(live) as plugin:
        assert "did not come in time" in (await plugin.receive("bye"))["reason"]
        await plugin.closed()


async def test_a_message_may_be_larger_than_a_frame_of_an_application(
    tmp_path: Path, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with live_hub(tmp_path) as live:
        token = await live.hub.socket_plugins.make_token("lamp")
        async with by_hand(live) as plugin:
            summary = {**ROUTES[0], "params": {"type": "object", "description": "x" * 500_000}}
            await ready(live, plugin, token, routes=[summary])
            await until(lambda: lamp(live).ready)


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([{"kind": "one-shot", "profile": "system", "attribute": "x"}], "belongs to the hub"),
        ([{"kind": "surface", "path": "/operator/x"}], "belongs to the hub"),
        ([{"kind": "surface", "path": "no slash"}], "its routes do not hold|must be a path"),
        ([*ROUTES, *ROUTES], "its routes do not hold: two routes for the same"),
    ],
)
async def test_what_is_the_hubs_own_cannot_be_offered(
    tmp_path: Path, until: Any, routes: Any, said: str
) -> None:
    async with live_hub(tmp_path) as live:
        token = await live.hub.socket_plugins.make_token("lamp")
        async with by_hand(live) as plugin:
            await ready(live, plugin, token, routes=routes)
            await until(lambda: lamp(live).health.state is PluginState.FAILED)
            assert re.search(said, lamp(live).health.reason)
            assert re.search(said, (await plugin.receive("bye"))["reason"])


async def test_rules_that_are_broken_again_and_again_end_in_quarantine(
    tmp_path: Path, until: Any
) -> None:
    async with live_hub(tmp_path) as live:
        token = await live.hub.socket_plugins.make_token("lamp")
        for _ in range(5):
            async with by_hand(live) as plugin:
                await ready(live, plugin, token)
                await until(lambda: lamp(live).ready)
                await plugin.send(type="hello", versions={"min": 1, "max": 1}, id="x", name="y")
                assert (
                    "'hello' cannot be sent at work" in (await plugin.receive("fault"))["message"]
                )
                await plugin.closed()
                await until(lambda: not lamp(live).ready)
        assert lamp(live).health.state is PluginState.QUARANTINED
        async with by_hand(live) as plugin:
            await plugin.hello(token)
            assert "gotapi plugins enable lamp" in (await plugin.receive("bye"))["reason"]
        await lamp(live).enable()  # now it is waited for again
        assert lamp(live).health.state is PluginState.SUSPENDED
        async with by_hand(live) as plugin:
            await ready(live, plugin, token)
            await until(lambda: lamp(live).ready)


async def test_tokens_outlive_the_hub_and_are_stored_as_hashes(tmp_path: Path, until: Any) -> None:
    async with live_hub(tmp_path) as live:
        old = await live.hub.socket_plugins.make_token("lamp")
        token = await live.hub.socket_plugins.make_token("lamp")
        assert old != token
    assert token.encode() not in _stored(tmp_path)
    async with live_hub(tmp_path) as live:
        async with by_hand(live) as plugin:
            await plugin.hello(old)
            assert "the token is not" in (await plugin.receive("bye"))["reason"]
        async with by_hand(live) as plugin:
            await ready(live, plugin, token)
            await until(lambda: lamp(live).ready)


def _stored(home: Path) -> bytes:
    return b"".join(one.read_bytes() for one in home.rglob("hub.sqlite3*"))


async def test_names_of_tokens(tmp_path: Path, echo_hub: Callable[..., Any]) -> None:
    async with echo_hub("inprocess") as hub:
        plugins = hub.live.hub.socket_plugins
        for name in ("", "Lamp", "a.b", "x" * 41):
            with pytest.raises(InvalidParameter, match="1 to 40 lower-case"):
                await plugins.make_token(name)
        with pytest.raises(InvalidParameter, match="There is another plug-in 'echo'"):
            await plugins.make_token("echo")
        with pytest.raises(InvalidParameter, match="There is no token for a plug-in 'lamp'"):
            await plugins.delete_token("lamp")
        for number in range(50):
            await plugins.make_token(f"lamp-{number}")
        with pytest.raises(InvalidParameter, match="tokens for 50 plug-ins"):
            await plugins.make_token("one-more")


async def test_a_python_worker_comes_again_after_its_hub_did(
    tmp_path: Path, until: Any, socket_worker: Any
) -> None:
    async with AsyncExitStack() as stack:
        async with live_hub(tmp_path) as live:
            port = live.port
            worker = await stack.enter_async_context(
                socket_worker(live, "echo_plugin", "echo", tmp_path)
            )
            await until(lambda: any(one.ready for one in live.hub.registry))
        async with live_hub(tmp_path, port=port) as again:
            await until(lambda: any(one.ready for one in again.hub.registry))
            assert worker.returncode is None
