"""What the operator sees, and when those who wait for news are answered."""

from __future__ import annotations

import asyncio

import pytest

from gotapi_core.protocol.errors import TooManyRequests
from gotapi_core.protocol.messages import Service
from gotapi_core.server.operator_board import Board


@pytest.fixture
def make_board(running, clock):
    made = []

    def make(**options) -> Board:
        board = Board(running.hub, **options)
        made.append(board)
        return board

    yield make
    for board in made:
        board.close()


async def test_a_revision_stays_until_something_changes(running, make_board):
    board = make_board()
    first, _ = await board.now()
    assert (await board.now())[0] == first
    await running.ask()
    assert (await board.now())[0] == first + 1


async def test_another_revision_is_answered_at_once(make_board):
    board = make_board(hold=3600)
    revision, _ = await board.now()
    async with asyncio.timeout(1):
        for other in (0, revision - 1, revision + 1):
            assert (await board.next(other))[0] == revision


async def test_nothing_new_is_answered_after_the_hold_time(make_board):
    board = make_board(hold=0.05, tick=0.01)
    revision, content = await board.now()
    assert await board.next(revision) == (revision, content)


@pytest.mark.parametrize("what", ["ask", "approve", "deny", "revoke"])
async def test_each_event_of_consent_wakes_those_who_wait(running, make_board, what):
    application = await running.allow("Print Studio", "https://print.example")
    code = await running.ask()
    board = make_board(hold=3600, tick=3600)
    revision, _ = await board.now()
    waiting = asyncio.create_task(board.next(revision))
    await asyncio.sleep(0)
    match what:
        case "ask":
            await running.ask("Other", "https://other.example")
        case "approve":
            await running.hub.auth.approve(code)
        case "deny":
            await running.hub.auth.deny(code)
        case "revoke":
            await running.hub.auth.revoke(application)
    async with asyncio.timeout(1):
        changed, content = await waiting
    assert changed != revision
    assert (len(content.requests), len(content.applications)) == {
        "ask": (2, 1),
        "approve": (0, 2),
        "deny": (0, 1),
        "revoke": (1, 0),
    }[what]


async def test_a_service_that_comes_or_goes_is_noticed(running, make_board):
    board = make_board(hold=3600, tick=0.01)
    revision, _ = await board.now()
    running.plugin.offered = ()
    async with asyncio.timeout(2):
        changed, content = await board.next(revision)
    assert changed != revision
    assert content.services == ()


async def test_a_plugin_that_stops_is_noticed(running, make_board):
    board = make_board(hold=3600, tick=0.01)
    revision, _ = await board.now()
    (lamp, _broken) = running.hub.registry
    await lamp.stop()
    async with asyncio.timeout(2):
        _, content = await board.next(revision)
    assert content.plugins[0].state == "stopped"


async def test_a_slow_plugin_does_not_delay_a_request(running, make_board):
    board = make_board(hold=3600, tick=0.0)
    await board.now()
    hung = asyncio.Event()

    async def services(self) -> list[Service]:
        await hung.wait()
        return []

    running.plugin.services = services
    code = await running.ask()
    async with asyncio.timeout(1):  # a plug-in may take two for its services
        _, content = await board.now()
    assert [one.code for one in content.requests] == [code]
    assert [one.name for one in content.services] == ["Desk lamp"]
    hung.set()


async def test_the_use_of_an_application_is_shown_in_minutes(running, make_board, clock):
    await running.allow("Print Studio", "https://print.example")
    token = (await running.asking[-1]).access_token
    board = make_board()
    running.hub.auth.authenticate(token, None)
    _, content = await board.now()
    assert content.applications[0].last_used == clock.now  # and not before it was approved
    clock.now = 1_790_000_099.5
    running.hub.auth.authenticate(token, None)
    revision, content = await board.now()
    assert content.applications[0].last_used == 1_790_000_040.0
    clock.now += 0.4
    running.hub.auth.authenticate(token, None)
    assert (await board.now())[0] == revision


async def test_only_so_many_may_wait(make_board):
    board = make_board(hold=3600, tick=3600, max_waiters=2)
    revision, _ = await board.now()
    waiting = [asyncio.create_task(board.next(revision)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests, match="close some"):
        await board.next(revision)
    waiting[0].cancel()
    await asyncio.wait(waiting, timeout=0)
    waiting.append(asyncio.create_task(board.next(revision)))
    await asyncio.sleep(0)
    board.close()
    async with asyncio.timeout(1):
        assert (await waiting[1])[0] == revision
        assert (await waiting[2])[0] == revision


async def test_a_closed_board_keeps_nobody_waiting(running, make_board):
    board = make_board(hold=3600)
    revision, _ = await board.now()
    board.close()
    board.close()  # twice does no harm
    async with asyncio.timeout(1):
        assert (await board.next(revision))[0] == revision


async def test_a_board_can_be_closed_before_anybody_looked(make_board):
    board = make_board(hold=3600)
    board.close()
    async with asyncio.timeout(1):
        revision, _ = await board.next(0)
    assert revision > 0
