"""Asking by code: a hub that answers as told, then a real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gotapi_core.cli.consent import how_to_allow
from gotapi_core.client import (
    Code,
    ConsentDenied,
    ConsentPending,
    HubClient,
    HubFault,
    HubRefused,
)
from gotapi_core.client.device import DeviceFlow, NoCodes
from gotapi_core.testing.live import live_hub

DEVICE = {"device_code": "d", "user_code": "AB", "verification_uri": "u", "interval": 5}
GIVEN = {"access_token": "t"}


class Clock:
    """Turns sleeps into steps of the loop's time, and writes them down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slept: list[float] = []
        real = asyncio.sleep

        async def sleep(seconds: float) -> None:
            self.slept.append(round(seconds))
            await real(0)

        monkeypatch.setattr("gotapi_core.client.device.asyncio.sleep", sleep)


class Hub:
    """Gives the answers it was told to, one after the other."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def post(self, path: str, params: Mapping[str, str], _: float) -> tuple[int, bytes]:
        self.asked.append((path.rpartition("/")[2], params))
        answer = self.answers.pop(0)
        if isinstance(answer, bytes):
            return 200, answer
        return (400 if isinstance(answer, str) else 200), json.dumps(
            {"error": answer, "error_description": "why"} if isinstance(answer, str) else answer
        ).encode()


async def run(hub: Hub) -> dict[str, object]:
    return await DeviceFlow(hub.post, lambda code: None).run("c", "App", ["3dp", "system"])


async def test_the_requests_are_those_of_the_rfc() -> None:
    hub = Hub(DEVICE, GIVEN)
    assert await run(hub) == GIVEN
    assert hub.asked == [
        ("device", {"client_id": "c", "scope": "3dp system", "applicationName": "App"}),
        (
            "token",
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                "client_id": "c",
                "device_code": "d",
                "wait": "20",
            },
        ),
    ]


async def test_it_keeps_the_pace_that_the_hub_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pending, slow = "authorization_pending", "slow_down"
    await run(Hub(DEVICE, pending, slow, pending, GIVEN))
    assert clock.slept == [5, 10, 10]


async def test_no_hub_can_make_it_poll_wildly(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    await run(Hub({**DEVICE, "interval": -3}, "authorization_pending", GIVEN))
    await run(Hub({**DEVICE, "interval": 1e9}, "authorization_pending", GIVEN))
    assert clock.slept == [1, 60]


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client"])
async def test_a_hub_that_forgot_the_code_is_asked_for_another(
    monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    clock = Clock(monkeypatch)
    hub = Hub(DEVICE, error, {**DEVICE, "device_code": "e"}, GIVEN)
    assert await run(hub) == GIVEN
    assert [path for path, _ in hub.asked] == ["device", "token", "device", "token"]
    assert clock.slept == [1]


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ((DEVICE, "access_denied"), ConsentDenied),
        ((DEVICE, "expired_token"), ConsentPending),
        ((DEVICE, "server_error"), HubRefused),
        (("invalid_client",), HubRefused),
        (("temporarily_unavailable",), HubRefused),
        (({"result": 1, "errorCode": 8},), NoCodes),
        ((b"<html>",), NoCodes),
        ((DEVICE, b"<html>"), HubFault),
    ],
)
async def test_failures(answers: tuple[object, ...], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await run(Hub(*answers))


async def test_the_code_is_shown_and_the_answer_comes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.client.device.SILENT", 0.01)
    shown: asyncio.Queue[Code | None] = asyncio.Queue()
    async with (
        live_hub(tmp_path) as live,
        HubClient(live.url, "org.example.app", "App") as client,
    ):
        asking = asyncio.create_task(client.authorize_by_code(["system"], shown.put_nowait))
        code = await asyncio.wait_for(shown.get(), 5)
        assert code == Code(await live.next_request(), f"{live.url}/operator")
        await live.allow()
        token = await asyncio.wait_for(asking, 3)
        assert token.scopes == ("system",)
        monkeypatch.setattr("gotapi_core.client.device.SILENT", 5.0)
        again = await asyncio.wait_for(client.authorize_by_code(["system"], shown.put_nowait), 3)
        assert again.value != token.value
        assert shown.empty()


async def test_a_client_that_the_hub_forgot_registers_again(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as live:
        client = HubClient(live.url, "org.example.app", "App", client_id="forgotten")
        async with client:
            asking = asyncio.create_task(client.authorize_by_code(["system"], lambda _: None))
            await live.allow()
            assert (await asyncio.wait_for(asking, 5)).client_id == client.client_id != "forgotten"


async def test_a_hub_without_codes_is_asked_in_the_old_way(client: HubClient) -> None:
    assert (await client.authorize_by_code(["3dp"], lambda _: None)).value


def test_the_user_reads_what_to_do() -> None:
    assert "approve AB-CD on the hub's operator page" in how_to_allow(Code("AB-CD", ""))
    assert "`gotapi apps approve AB-CD`" in how_to_allow(Code("AB-CD", ""))
    assert "\x1b" not in how_to_allow(Code("\x1b[2J" + "x" * 99, ""))
    assert "`gotapi apps approve CODE`" in how_to_allow(None)
