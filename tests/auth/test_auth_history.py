"""The log of past use: counts, bounds, and what the disk keeps of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_auth import store as queries
from gotapi_auth.failures import UnknownApplicationError
from gotapi_auth.history import MAX_ROUTE, MAX_ROWS, OTHERS, Use, UseLog, merged
from gotapi_core.store import StoreError

DAY = 86400.0
NOON = 20_000 * DAY + DAY / 2


def test_uses_of_a_day_and_route_are_one_row() -> None:
    log = UseLog()
    log.note("a", "GET 3dp/status", NOON)
    log.note("a", "GET 3dp/status", NOON + 5)
    log.note("a", "PUT 3dp/status", NOON)
    log.note("a", "GET 3dp/status", NOON + DAY)
    log.note("b", "GET 3dp/status", NOON)
    assert log.fresh("a") == [
        Use(20_000, "GET 3dp/status", 2, NOON, NOON + 5),
        Use(20_000, "PUT 3dp/status", 1, NOON, NOON),
        Use(20_001, "GET 3dp/status", 1, NOON + DAY, NOON + DAY),
    ]
    assert set(log.take()) == {"a", "b"}
    assert log.take() == {}


def test_what_could_not_be_written_is_counted_on() -> None:
    log = UseLog()
    log.note("a", "GET x", NOON)
    taken = log.take()
    log.note("a", "GET x", NOON + 1)
    log.put_back(taken)
    assert log.fresh("a") == [Use(20_000, "GET x", 2, NOON, NOON + 1)]
    log.forget("a")
    log.forget("a")
    assert log.fresh("a") == []


def test_memory_is_bounded() -> None:
    log = UseLog(max_rows=2)
    for number in range(10):
        log.note("a", f"GET {number}" + "x" * 1000, NOON + number)
    rows = log.fresh("a")
    assert [(row.route[:5], row.count) for row in rows] == [
        ("GET 0", 1),
        ("GET 1", 1),
        (OTHERS[:5], 8),
    ]
    assert all(len(row.route) <= MAX_ROUTE for row in rows)


uses = st.lists(
    st.builds(
        lambda day, route, second: Use(day, route, 1, second, second),
        st.integers(1, 3),
        st.sampled_from("abc"),
        st.floats(0, 1000),
    ),
    max_size=12,
)


@given(uses, uses)
def test_merging_loses_no_use_and_repeats_no_row(stored: list[Use], fresh: list[Use]) -> None:
    rows = merged(stored, fresh)
    assert sum(row.count for row in rows) == len(stored) + len(fresh)
    assert len({(row.day, row.route) for row in rows}) == len(rows)
    assert [row.last for row in rows] == sorted((row.last for row in rows), reverse=True)
    assert all(row.first <= row.last for row in rows)


async def test_the_log_is_durable_and_goes_with_the_approval(start, page) -> None:
    async with start() as bench:
        await bench.token(page)
        (application,) = bench.server.applications()
        bench.server.past_use.note(application.id, "GET 3dp/status")
        assert [use.count for use in await bench.server.history(application.id)] == [1]
    async with start() as bench:
        bench.server.past_use.note(application.id, "GET 3dp/status")
        (use,) = await bench.server.history(application.id.upper())
        assert (use.route, use.count) == ("GET 3dp/status", 2)
        await bench.server.note_use()
        assert await bench.server.history(application.id) == [use]
        await bench.server.revoke(application.id)
        with pytest.raises(UnknownApplicationError):
            await bench.server.history(application.id)
        assert await bench.store.run(queries.uses_of, application.id) == []


async def test_the_disk_keeps_the_newest_rows_of_each_application(bench, page, other) -> None:
    await bench.token(page)
    await bench.token(other)
    first, second = (one.id for one in bench.server.applications())
    bench.server.past_use.note(second, "GET old")
    for _ in range(3):
        bench.clock.now += DAY
        for number in range(MAX_ROWS // 2):
            bench.server.past_use.note(first, f"GET {number}")
        await bench.server.past_use.write()
    stored = await bench.store.run(queries.uses_of, first)
    assert len(stored) == MAX_ROWS
    assert min(use.last for use in stored) > bench.clock.now - 2 * DAY
    assert len(await bench.server.history(second)) == 1


async def test_a_use_after_the_revocation_is_nobody_s(bench, page) -> None:
    await bench.token(page)
    (application,) = bench.server.applications()
    await bench.server.revoke(application.id)
    bench.server.past_use.note(application.id, "GET late")
    await bench.server.past_use.write()
    assert await bench.store.run(queries.uses_of, application.id) == []


async def test_a_store_that_fails_loses_no_use(bench, page, monkeypatch) -> None:
    await bench.token(page)
    (application,) = bench.server.applications()
    bench.server.past_use.note(application.id, "GET x")

    async def fail(*_: object) -> None:
        raise StoreError("The disk is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "run", fail)
        with pytest.raises(StoreError):
            await bench.server.past_use.write()
    await bench.server.past_use.write()
    assert [use.count for use in await bench.store.run(queries.uses_of, application.id)] == [1]
