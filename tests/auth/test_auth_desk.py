"""Who waits for an answer: calls, polls, and nobody."""

from __future__ import annotations

import asyncio

from gotapi_auth.consent import State


async def test_nothing_is_waited_for_where_no_request_is(bench) -> None:
    desk = bench.server._desk
    assert await desk.wait("AAAA-AAAA", 10.0) is State.EXPIRED
    assert not desk.waiting("AAAA-AAAA")
    desk.hear("AAAA-AAAA")  # no error


async def test_a_second_call_is_no_news(bench, page) -> None:
    client = await bench.server.grant(page)
    first = await bench.ask(page, client=client)
    (request,) = bench.server.requests()
    before = len(bench.events)
    second = asyncio.create_task(bench.server.access_token(page, client, "3dp", "Draw"))
    await bench.until(lambda: bench.server._desk._open[request.code].waiters == 2)
    first.cancel()
    await bench.until(lambda: bench.server._desk._open[request.code].waiters == 1)
    assert len(bench.events) == before
    assert bench.server.requests()[0].waiting
    await bench.server.approve(request.code)
    assert (await second).access_token


async def test_a_poll_counts_as_waiting_for_a_while(bench, page, monkeypatch) -> None:
    client = bench.server.client(await bench.server.grant(page), page)
    begun = bench.server.begin(client, ("3dp",), "Draw", 600.0)
    assert not bench.server.requests()[0].waiting
    bench.server.hear(begun.code)
    assert bench.server.requests()[0].waiting
    loop = asyncio.get_running_loop()
    ahead = loop.time() + 15.1
    monkeypatch.setattr(loop, "time", lambda: ahead)
    assert not bench.server.requests()[0].waiting
