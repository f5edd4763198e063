"""Events over one WebSocket, which may be lost and found again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from gotapi_core.client import (
    Event,
    HubClient,
    HubFault,
    HubRefused,
    HubUnreachable,
    Printer,
    TokenRejected,
)
from gotapi_core.client import events as events_module


def listen(client: HubClient, tools: Any, **options: Any) -> Any:
    return client.events("3dp", "status", tools.PRINTER, **options)


async def soon(events: Any) -> Any:
    async with asyncio.timeout(5):
        return await anext(events)


async def test_events_arrive_in_order(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as events:
        for number in range(3):
            await hub.push(n=number)
        assert [await soon(events) for _ in range(3)] == [
            Event(tools.PRINTER, "3dp", "status", {"n": number}) for number in range(3)
        ]
        assert hub.listening == ["PUT"]
    assert hub.listening == ["PUT", "DELETE"]


async def test_hub_is_not_told_where_others_listen(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools, tell=False):
        pass
    assert hub.listening == ["PUT"]


async def test_one_socket_for_all(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as one, listen(client, tools) as two:
        await hub.push(n=1)
        assert (await soon(one)).members == (await soon(two)).members == {"n": 1}
    async with listen(client, tools):
        pass
    assert hub.connections == 1
    assert hub.listening == ["PUT", "PUT", "DELETE", "PUT", "DELETE"]


async def test_names_match_in_any_case_and_strangers_do_not(
    client: HubClient, hub: Any, tools: Any
) -> None:
    async with listen(client, tools) as events:
        for other in ({"serviceId": "other"}, {"attribute": "other"}, {"profile": "3dps"}):
            await hub.push(**other)
        await hub.send("garbage")
        await hub.send('{"result":0}')
        await hub.push(profile="3DP", attribute="STATUS", n=1)
        assert (await soon(events)).members == {"n": 1}


async def test_connection_that_is_lost_comes_back(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as events:
        await hub.close_sockets(1001)
        await tools.until(lambda: hub.connections == 2 and hub.listening == ["PUT", "PUT"])
        await hub.push(n=2)
        assert (await soon(events)).members == {"n": 2}


@pytest.mark.parametrize("code", [1000, 1011, 4408])
async def test_any_other_close_code_is_tried_again(
    client: HubClient, hub: Any, tools: Any, code: int
) -> None:
    async with listen(client, tools):
        await hub.close_sockets(code)
        await tools.until(lambda: hub.listening == ["PUT", "PUT"])


async def test_restart_of_the_hub(served: Any, client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as events:
        await served.stop()
        await served.start()
        await tools.until(lambda: hub.listening == ["PUT", "PUT"])
        await hub.push(n=3)
        assert (await soon(events)).members == {"n": 3}


async def test_hub_that_stays_away(served: Any, tools: Any, client: HubClient) -> None:
    client._channel._patience = 0.3
    async with listen(client, tools) as events:
        await served.stop()
        with pytest.raises(HubUnreachable, match="gotapi run"):
            await soon(events)
        with pytest.raises(HubUnreachable):
            await soon(events)
    await served.start()
    async with listen(client, tools):
        assert served.hub.connections == 2


async def test_revoked(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as events:
        await hub.push(n=1)
        await hub.close_sockets(4401)
        assert (await soon(events)).members == {"n": 1}
        with pytest.raises(TokenRejected, match="revoked"):
            await soon(events)
    assert hub.connections == 1


async def test_revoked_while_away(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as events:
        hub.tokens.clear()
        await hub.close_sockets(1001)
        with pytest.raises(TokenRejected, match="bad token"):
            await soon(events)


async def test_token_refused_at_first(client: HubClient, hub: Any, tools: Any) -> None:
    hub.tokens.clear()
    with pytest.raises(TokenRejected):
        async with listen(client, tools):
            pytest.fail("never")
    assert hub.listening == []


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        ("nonsense", HubFault),
        ('{"result":1,"errorCode":4,"errorMessage":"too many"}', HubRefused),
        (None, HubUnreachable),
    ],
)
async def test_bad_verdicts(
    client: HubClient, hub: Any, tools: Any, verdict: str | None, kind: type[Exception]
) -> None:
    hub.verdict = verdict
    with pytest.raises(kind):
        async with listen(client, tools):
            pytest.fail("never")


async def test_no_verdict_in_time(
    client: HubClient, hub: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "VERDICT", 0.05)

    hub.silent = True
    with pytest.raises(HubUnreachable, match="judge the token"):
        async with listen(client, tools):
            pytest.fail("never")


async def test_listening_refused(client: HubClient, hub: Any, tools: Any) -> None:
    with pytest.raises(HubRefused, match="no such profile"):
        async with client.events("none", "x", tools.PRINTER):
            pytest.fail("never")
    async with listen(client, tools) as events:
        await hub.push(n=1)
        assert (await soon(events)).members == {"n": 1}


async def test_stream_that_fails_ends(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as events:
        await hub.push(n=1)
        await hub.push(result=1, errorCode=22, errorMessage="plug-in crashed")
        await hub.push(n=2)
        assert (await soon(events)).members == {"n": 1}
        with pytest.raises(HubRefused, match="plug-in crashed"):
            await soon(events)
    async with listen(client, tools) as events:
        await hub.push(n=3)
        assert (await soon(events)).members == {"n": 3}


async def test_service_that_is_late_after_a_restart(
    client: HubClient, hub: Any, tools: Any
) -> None:
    async with listen(client, tools) as events:
        answers = [tools.refuse(6, "not yet"), tools.refuse(22, "restarting"), tools.ok()]

        async def answer(request: Request) -> Response:
            return answers.pop(0)  # type: ignore[no-any-return]

        hub.answers[("PUT", "/gotapi/3dp/status")] = answer
        await hub.close_sockets(1001)
        await tools.until(lambda: not answers)
        await hub.push(n=4)
        assert (await soon(events)).members == {"n": 4}


@pytest.mark.parametrize(("code", "kind"), [(14, HubRefused), (6, HubUnreachable)])
async def test_service_that_does_not_come_back(
    client: HubClient, hub: Any, tools: Any, code: int, kind: type[Exception]
) -> None:
    client._channel._patience = 0.3
    async with listen(client, tools) as events:

        async def answer(request: Request) -> Response:
            return tools.refuse(code, "gone")  # type: ignore[no-any-return]

        hub.answers[("PUT", "/gotapi/3dp/status")] = answer
        await hub.close_sockets(1001)
        with pytest.raises(kind):
            await soon(events)


async def test_slow_application_loses_the_oldest(
    client: HubClient, hub: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "MAX_WAITING", 2)
    async with listen(client, tools) as events, listen(client, tools) as other:
        for number in range(5):
            await hub.push(n=number)
            await soon(other)
        assert [(await soon(events)).members["n"] for _ in range(2)] == [3, 4]
        assert (events.dropped, other.dropped) == (3, 0)


async def test_event_that_is_too_large(
    client: HubClient, hub: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "MAX_FRAME", 1000)
    async with listen(client, tools) as events:
        await hub.push(text="x" * 2000)
        with pytest.raises(HubFault, match="larger than 1000"):
            await soon(events)


async def test_renew_listens_again(client: HubClient, hub: Any, tools: Any) -> None:
    async with listen(client, tools) as events:
        await events.renew()
    assert hub.listening == ["PUT", "PUT", "DELETE"]


async def test_farewell_to_a_hub_that_is_gone(served: Any, client: HubClient, tools: Any) -> None:
    async with listen(client, tools):
        await served.stop()
    await served.start()


async def test_printer_events_are_typed(client: HubClient, hub: Any, tools: Any) -> None:
    (service,) = await client.services()
    async with Printer(client, service).events() as events:
        async for status in _one(hub, events):
            assert status.nozzle_temperature == 201.4
        await hub.push(**{"3dp": 5})
        with pytest.raises(HubFault, match="malformed"):
            await soon(events)
        await events.renew()
    assert json.dumps(hub.listening) == '["PUT", "PUT", "DELETE"]'


async def _one(hub: Any, events: Any) -> Any:
    await hub.push()
    yield await soon(events)
