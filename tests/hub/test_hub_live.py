"""The live hub that tests of applications and plug-ins run: it answers, and it cleans up."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from gotapi_core.host.loader import Loaded
from gotapi_core.plugin import Call, Plugin, Result, SurfaceReply, SurfaceRequest, get, surface
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.server.listen import PortTaken
from gotapi_core.testing.live import live_hub, loaded


class Light(Result):
    is_on: bool


class Lamp(Plugin):
    id = "lamp"
    name = "Lamps"
    version = "4"

    @get("light", "state")
    async def state(self, call: Call) -> Light:
        return Light(is_on=True)

    @surface("/lamps")
    async def page(self, request: SurfaceRequest) -> SurfaceReply:
        return SurfaceReply(body=b"lamps")


def test_a_class_is_loaded_as_the_loader_would() -> None:
    made = loaded(Lamp)
    assert made.plugin_type is Lamp
    assert made.profiles == {"light": "use Lamps"}
    manifest = made.manifest
    assert (manifest.id, manifest.version, manifest.profiles) == ("lamp", "4", ("light",))
    assert manifest.surfaces == ("/lamps",)
    assert loaded(Lamp, profiles={"light": "glow"}).profiles == {"light": "glow"}


async def test_it_answers_on_a_port_of_its_own_until_the_block_ends(tmp_path: Path) -> None:
    async with live_hub(tmp_path, [Lamp]) as live, httpx2.AsyncClient() as client:
        assert live.url == f"http://127.0.0.1:{live.port}"
        answer = await client.get(f"{live.url}/lamps")
        assert (answer.status_code, answer.content) == (200, b"lamps")
        url = live.url
    async with httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"{url}/lamps")


async def test_settings_and_loaded_plugins_may_be_given(tmp_path: Path) -> None:
    settings = {"consent": {"wait": 1.5}}
    made: Loaded = loaded(Lamp)
    async with live_hub(tmp_path, [made], settings=settings) as live:
        assert live.hub.settings.consent.wait == 1.5
        assert [one.id for one in live.hub.registry] == ["lamp"]


@pytest.mark.parametrize("by_code", [True, False])
async def test_allow_answers_as_the_operator_would(tmp_path: Path, by_code: bool) -> None:
    page = Identity("https://draw.example", Lineage.STATUS, browser=True)
    async with live_hub(tmp_path, [Lamp]) as live:
        auth = live.hub.auth
        client = await auth.grant(page)
        waiting = asyncio.create_task(auth.access_token(page, client, "light", "Draw"))
        async with asyncio.timeout(5):
            while by_code and not auth.requests():  # noqa: ASYNC110 - the loop must turn
                await asyncio.sleep(0)
        await live.allow(auth.requests()[0].code if by_code else None)
        assert [scope for scope, _ in (await waiting).scopes] == ["light"]


async def test_a_hub_that_cannot_start_raises_and_leaves_nothing_open(tmp_path: Path) -> None:
    def broken_clock() -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with live_hub(tmp_path, clock=broken_clock):
            raise AssertionError("never entered")
    async with live_hub(tmp_path) as live:  # the store was closed, so it opens again
        assert live.port


async def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    async with live_hub(tmp_path / "one") as live:
        with pytest.raises(PortTaken):
            async with live_hub(tmp_path / "two", port=live.port):
                raise AssertionError("never entered")
