"""A coroutine whose first step needs no timer; the rest is as if it had been awaited as usual."""

import asyncio

import pytest

from gotapi_core.host.begun import Begun


async def test_what_never_waits_is_done_at_once():
    async def work():
        return 7

    begun = Begun(work())
    assert (begun.done, begun.value, await begun) == (True, 7, 7)


async def test_what_raises_at_once_raises_where_it_begins():
    async def work():
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        Begun(work())


async def test_what_waits_goes_on_with_what_it_waited_for():
    future = asyncio.get_running_loop().create_future()
    steps = []

    async def work():
        steps.append("begun")
        steps.append(await future)
        await asyncio.sleep(0)
        return "end"

    begun = Begun(work())
    assert (steps, begun.done) == (["begun"], False)
    asyncio.get_running_loop().call_soon(future.set_result, "middle")
    assert await begun == "end"
    assert steps == ["begun", "middle"]


async def test_a_failure_that_comes_later_comes_out_of_the_wait():
    async def work():
        await asyncio.sleep(0)
        raise LookupError("later")

    with pytest.raises(LookupError, match="later"):
        await Begun(work())


async def test_a_cancellation_reaches_the_coroutine_which_may_clean_up_or_answer():
    cleaned = []

    async def gives_up():
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Begun(gives_up())
    assert cleaned == [True]

    async def insists():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "nevertheless"

    task = asyncio.create_task(awaited(insists()))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "nevertheless"


async def awaited(work):
    return await Begun(work)


async def test_one_that_is_dropped_is_closed():
    cleaned = []

    async def work():
        try:
            await asyncio.sleep(0)
        finally:
            cleaned.append(True)

    waiting = Begun(work()).__await__()
    next(waiting)
    waiting.close()
    assert cleaned == [True]
