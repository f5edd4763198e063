"""One plug-in, three ports: applications cannot tell where it runs."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gotapi_core.client import HubRefused
from gotapi_core.protocol.errors import IllegalDeviceState, ResultCode

pytestmark = pytest.mark.timeout(30)

EVERY_PORT = pytest.mark.parametrize("port", ["inprocess", "stdio", "websocket"])
Make = Callable[..., Any]


@EVERY_PORT
async def test_one_shots_services_errors_and_documents(echo_hub: Make, port: str) -> None:
    async with echo_hub(port, echo={"greeting": "hi"} if port != "websocket" else {}) as hub:
        (service,) = await hub.client.services()
        assert (service.id, service.name, service.online) == ("wall.echo", "Wall", True)

        said = await hub.client.get("echo", "say", "wall.echo", text="ä\n\U0001f600", times=3)
        assert said["text"] == "ä\n\U0001f600"
        assert (said["times"], said["loud"], said["service"]) == (3, False, "wall")
        assert said["origin"] == "http://app.example"

        with pytest.raises(HubRefused) as wrong:
            await hub.client.get("echo", "say", "wall.echo", times="three")
        assert wrong.value.code == ResultCode.INVALID_PARAMETER
        assert "times" in str(wrong.value)

        for how, code in (("device", ResultCode.ILLEGAL_DEVICE_STATE), ("large", 10), ("bug", 1)):
            with pytest.raises(HubRefused) as refused:
                await hub.client.get("echo", "fail", "wall.echo", how=how)
            assert refused.value.code == code
            assert "a secret detail" not in str(refused.value)

        for text in ("one", "two", "one"):
            await hub.client.put("echo", "notes", "wall.echo", text=text)
        assert (await hub.client.get("echo", "notes", "wall.echo"))["notes"] == ["one", "two"]
        await hub.client.delete("echo", "notes", "wall.echo", text="one")
        assert (await hub.client.get("echo", "notes", "wall.echo"))["notes"] == ["two"]


@EVERY_PORT
async def test_a_plugins_own_error_keeps_its_numbers(echo_hub: Make, port: str) -> None:
    async with echo_hub(port) as hub, httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(
            f"{hub.live.url}/gotapi/echo/fail",
            params={
                "accessToken": hub.client.reveal_token(),
                "serviceId": "wall.echo",
                "how": "own",
            },
            headers={"Origin": "http://app.example"},
        )
        assert answer.status_code == 502
        assert answer.json()["result"] == 4711
        assert answer.json()["errorCode"] == "E-4711"
        assert answer.json()["errorMessage"].endswith("own words")


@EVERY_PORT
async def test_files_of_applications(echo_hub: Make, port: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    file = tmp_path / "upload.bin"
    file.write_bytes(content)
    async with echo_hub(port) as hub:
        stored = await hub.client.upload(file)
        said = await hub.client.post("echo", "blob", "wall.echo", uri=stored.uri)
        assert said["text"] == hashlib.sha256(content).hexdigest()
        with pytest.raises(HubRefused) as refused:
            await hub.client.post("echo", "blob", "wall.echo", uri="http://elsewhere/blobs/x")
        assert refused.value.code == ResultCode.INVALID_PARAMETER


@EVERY_PORT
async def test_surfaces_carry_small_large_and_binary_bodies(echo_hub: Make, port: str) -> None:
    async with echo_hub(port) as hub, httpx2.AsyncClient(trust_env=False) as http:
        base = f"{hub.live.url}/echo"
        for body in (b"", b"plain", b"\xff\x00\n\x80", b"x" * 300_000):
            answer = await http.post(f"{base}/any", content=body)
            assert (answer.status_code, answer.content) == (201, body)
        large = b"\x00\xff" * 1_500_000
        answer = await http.post(f"{base}/any?a=%20b", content=large)
        assert answer.text == hashlib.sha256(large).hexdigest()
        assert answer.headers["x-query"] == "a=%20b"
        answer = await http.get(f"{base}/file")
        assert answer.content == b"\xff" * 3_000_000
        answer = await http.get(f"{base}/elsewhere")
        assert b"does everything a plug-in can do" in answer.content


@EVERY_PORT
async def test_events_end_fail_and_are_cancelled(echo_hub: Make, port: str, until: Any) -> None:
    async with echo_hub(port) as hub:
        async with hub.client.events("echo", "ticks", "wall.echo") as events:
            seen = await _first(events, lambda event: event["n"] >= 3)
        assert seen["n"] == 3

        async def ended() -> int:
            return int((await hub.client.get("echo", "cancelled", "wall.echo"))["notes"][-1])

        before = await ended()
        stream = hub.supervisor.events
        route = _route(hub, "ticks")
        values = stream(route, _call(), {"count": "0", "pause": "0.001"})
        async for value in values:
            if value.members["n"] == 5:
                break
        await values.aclose()
        async with asyncio.timeout(5):
            while await ended() == before:  # noqa: ASYNC110  # a deadline stands around it
                await asyncio.sleep(0.01)

        broken = stream(_route(hub, "broken"), _call(), {})
        got = []
        with pytest.raises(IllegalDeviceState, match="the wall fell"):  # noqa: PT012  # in steps
            async for value in broken:
                got.append(value.members["n"])
        assert got == [1]


@EVERY_PORT
async def test_a_flood_of_events_is_held_back_and_nothing_else_waits(
    echo_hub: Make, port: str
) -> None:
    async with echo_hub(port) as hub:
        flood = hub.supervisor.events(
            _route(hub, "ticks"), _call(), {"count": "5000", "durable": "true"}
        )
        seen = []
        async for value in flood:
            assert value.durable
            seen.append(value.members["n"])
            if len(seen) == 100:  # nobody takes events now; other requests go on
                for number in range(20):
                    said = await hub.client.get("echo", "say", "wall.echo", times=number)
                    assert said["times"] == number
        assert seen == list(range(1, 5001))


@EVERY_PORT
async def test_a_call_that_takes_too_long_is_cancelled_in_the_plugin(
    echo_hub: Make, port: str
) -> None:
    async with echo_hub(port, limits={"call": 0.3}) as hub:
        with pytest.raises(HubRefused) as late:
            await hub.client.get("echo", "wait", "wall.echo", name="first")
        assert late.value.code == ResultCode.TIMEOUT
        async with asyncio.timeout(5):
            while "first" not in (await hub.client.get("echo", "cancelled", "wall.echo"))["notes"]:  # noqa: ASYNC110  # bounded
                await asyncio.sleep(0.01)
        said = await hub.client.get("echo", "say", "wall.echo", text="still here")
        assert said["text"] == "still here"


def _route(hub: Any, attribute: str) -> Any:
    return next(
        route for route in hub.supervisor.description.routes if route.name.attribute == attribute
    )


def _call() -> Any:
    from gotapi_core.plugin import Call

    return Call(service_id="wall", origin="http://app.example", application="A1")


async def _first(events: Any, wanted: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(8):
        async for event in events:
            if wanted(event.members if hasattr(event, "members") else event):
                return event.members if hasattr(event, "members") else event
    raise AssertionError("the events ended")
