"""Results for listeners: the latest at once, then each new one, nothing else (7.3.3)."""

import asyncio
from contextlib import aclosing

from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.changes import MOST, Feed, Signal


class Source:
    """A result of (state, number): its state is what no listener may miss."""

    def __init__(self, latest: tuple[str, int] | None = None) -> None:
        self.latest = latest
        self.feed: Feed[tuple[str, int]] = Feed(lambda: self.latest, lambda result: result[0])

    def publish(self, state: str, number: int) -> None:
        self.latest = (state, number)
        self.feed.publish()


async def taken(results, count: int) -> list[tuple[tuple[str, int], bool]]:
    async with asyncio.timeout(5):
        return [await anext(results) for _ in range(count)]


async def rest(results) -> list[tuple[tuple[str, int], bool]]:
    """Return what there still is; nothing can be taken after this."""
    found = []
    while True:
        waiting = asyncio.ensure_future(anext(results))
        for _ in range(5):
            await asyncio.sleep(0)
        if not waiting.done():
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            return found
        found.append(waiting.result())


async def test_the_latest_comes_at_once_and_then_nothing() -> None:
    source = Source(("idle", 1))
    async with aclosing(source.feed.results()) as results:
        assert await taken(results, 1) == [(("idle", 1), True)]
        source.feed.publish()  # the same again is no new result
        assert await rest(results) == []


async def test_without_a_result_nothing_comes() -> None:
    source = Source()
    async with aclosing(source.feed.results()) as results:
        source.feed.publish()
        assert await rest(results) == []


async def test_the_first_result_comes_when_it_is_there() -> None:
    source = Source()
    async with aclosing(source.feed.results()) as results:
        waiting = asyncio.ensure_future(anext(results))
        await asyncio.sleep(0)
        source.publish("idle", 1)
        assert await asyncio.wait_for(waiting, 5) == (("idle", 1), True)


async def test_numbers_are_replaced_and_states_are_not() -> None:
    source = Source(("idle", 0))
    async with aclosing(source.feed.results()) as results:
        await taken(results, 1)
        for state, number in [
            ("idle", 1), ("idle", 2), ("printing", 3), ("printing", 4), ("idle", 5),
        ]:  # fmt: skip
            source.publish(state, number)
        assert await taken(results, 3) == [
            (("idle", 2), False),
            (("printing", 4), True),
            (("idle", 5), True),
        ]
        assert await rest(results) == []


async def test_each_listener_has_its_own() -> None:
    source = Source(("idle", 0))
    async with aclosing(source.feed.results()) as one, aclosing(source.feed.results()) as other:
        await taken(one, 1)
        source.publish("printing", 1)
        assert await taken(one, 1) == [(("printing", 1), True)]
        assert await taken(other, 1) == [(("printing", 1), True)]


async def test_who_left_is_forgotten() -> None:
    source = Source(("idle", 0))
    results = source.feed.results()
    await taken(results, 1)
    await results.aclose()
    source.latest = None

    def broken() -> None:
        raise AssertionError("nobody listens")

    source.feed._latest = broken
    source.feed.publish()


async def test_what_nobody_takes_is_bounded() -> None:
    source = Source(("a", 0))
    async with aclosing(source.feed.results()) as results:
        await taken(results, 1)
        for number in range(2 * MOST):
            source.publish("ab"[number % 2] + str(number), number)
        found = await taken(results, MOST)
        assert found[-1][0][1] == 2 * MOST - 1
        assert await rest(results) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=30))
def test_the_states_that_come_are_those_that_were(published: list[tuple[str, int]]) -> None:
    async def follow() -> None:
        source = Source(("start", 0))
        async with aclosing(source.feed.results()) as results:
            await taken(results, 1)
            for state, number in published:
                source.publish(state, number)
            states = ["start"]
            for state, _ in published:
                if state != states[-1]:
                    states.append(state)
            found = await rest(results)
            seen = ["start"] + [result[0] for result, news in found if news]
            assert seen == states
            if published:
                assert source.latest == published[-1]
                assert not found or found[-1][0] == published[-1]

    asyncio.run(follow())


async def test_a_signal_wakes_everybody_once() -> None:
    signal = Signal()
    changes = signal.changes()
    await asyncio.wait_for(anext(changes), 5)
    signal.fire()
    signal.fire()
    await asyncio.wait_for(anext(changes), 5)
    assert await rest(changes) == []
