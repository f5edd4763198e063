"""Supervision: whatever a plug-in does wrong becomes a state, an offline service or an error."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence

import pytest

from gotapi_core.host.supervisor import TRANSITIONS, CallLimits, PluginState, Supervisor
from gotapi_core.plugin import Call, Context, Plugin, Result, Service, event, get, surface
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.errors import (
    IllegalDeviceState,
    IllegalServerState,
    PluginDisabled,
    TimedOut,
    TooManyRequests,
    UnknownError,
)
from gotapi_core.protocol.messages import SurfaceReply, SurfaceRequest

SHORT = 0.02  # seconds; long enough for a plug-in that answers at once
NEVER = 3600.0


class Done(Result):
    value: int = 1


class Toy(Plugin):
    """Does what the test's functions say."""

    id = "toy"
    name = "Toy"
    stops = 0

    async def work(self) -> object:
        return Done()

    async def start(self, context: Context) -> None:
        await super().start(context)

    async def stop(self) -> None:
        type(self).stops += 1

    async def services(self) -> Sequence[Service]:
        return [Service(id="one", name="One", scopes=("toy",))]

    @get("toy", "do")
    async def do(self, call: Call) -> Done:
        return await self.work()

    @event("toy", "events")
    async def events(self, call: Call) -> AsyncIterator[Done]:
        yield Done(value=1)
        yield await self.work()

    @surface("/toy")
    async def page(self, request: SurfaceRequest) -> SurfaceReply:
        await self.work()
        return SurfaceReply(status=204)


async def _hang(*_: object) -> object:
    return await asyncio.sleep(NEVER)


async def _raise(*_: object) -> object:
    raise ValueError("the lamp is gone")


async def _raise_timeout(*_: object) -> object:
    raise TimeoutError("its own")


async def _raise_gotapi(*_: object) -> object:
    raise IllegalDeviceState("The lamp is hot; wait")


async def _exit(*_: object) -> object:
    sys.exit(3)


async def _await_cancelled(*_: object) -> object:
    inner = asyncio.ensure_future(asyncio.sleep(NEVER))
    inner.cancel()
    return await inner


async def _clean_up_with_an_error(*_: object) -> object:
    try:
        return await asyncio.sleep(NEVER)
    except asyncio.CancelledError:
        raise ValueError("while it cleaned up") from None


async def _five(*_: object) -> object:
    return 5


def _toy(**members: object) -> type[Toy]:
    return type("SomeToy", (Toy,), {"stops": 0, **members})


# States.


def _supervisor(state: PluginState) -> Supervisor:
    made = Supervisor(Manifest("toy", "Toy", "1", "toy"), None, CallLimits(), lambda _: None)
    way = {
        PluginState.FOUND: (),
        PluginState.STARTING: (PluginState.STARTING,),
        PluginState.READY: (PluginState.STARTING, PluginState.READY),
        PluginState.FAILED: (PluginState.FAILED,),
        PluginState.PENDING: (PluginState.PENDING,),
        PluginState.STOPPED: (PluginState.STARTING, PluginState.STOPPED),
        PluginState.SUSPENDED: (PluginState.STARTING, PluginState.SUSPENDED),
        PluginState.QUARANTINED: (
            PluginState.STARTING,
            PluginState.SUSPENDED,
            PluginState.QUARANTINED,
        ),
    }
    for step in way[state]:
        made._move(step)
    return made


@pytest.mark.parametrize("before", PluginState)
@pytest.mark.parametrize("after", PluginState)
def test_every_move_is_allowed_or_refused_by_the_table(
    before: PluginState, after: PluginState
) -> None:
    supervisor = _supervisor(before)
    if after in TRANSITIONS[before]:
        supervisor._move(after, "why", "detail")
        assert supervisor.health.state is after
        assert (supervisor.health.reason, supervisor.health.detail) == ("why", "detail")
    else:
        with pytest.raises(IllegalServerState, match="cannot go from"):
            supervisor._move(after)
        assert supervisor.health.state is before


def test_the_table_has_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(PluginState)
    reached, new = set(), {PluginState.FOUND}
    while new:
        reached |= new
        new = {after for state in new for after in TRANSITIONS[state]} - reached
    assert reached == set(PluginState)


async def test_a_good_life(keep) -> None:
    kept = keep(_toy())
    assert kept.supervisor.health.state is PluginState.FOUND
    await kept.start()
    assert kept.supervisor.ready
    assert kept.supervisor.description.id == "toy"
    await kept.supervisor.stop()
    assert kept.told == [("starting", ""), ("ready", ""), ("stopped", "")]


async def test_a_stopped_plugin_can_be_started_again_as_a_new_instance(keep) -> None:
    made = []
    kept = await keep(_toy(__init__=lambda self: made.append(self))).start()
    await kept.supervisor.stop()
    await kept.start()
    assert kept.supervisor.ready
    assert len(made) == 2


async def test_without_a_port_there_is_nothing_to_start(context: Context) -> None:
    supervisor = _supervisor(PluginState.FOUND)
    await supervisor.start(context)
    await supervisor.stop()
    assert supervisor.health.state is PluginState.FOUND
    assert await supervisor.services() == ()


# Start and stop.


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (_raise, "ValueError: the lamp is gone"),
        (_raise_timeout, "TimeoutError: its own"),
        (_raise_gotapi, "IllegalDeviceState: The lamp is hot; wait"),
        (_exit, "RuntimeError: it called sys.exit()"),
        (_await_cancelled, "RuntimeError: it waited for a task of its own that was cancelled"),
    ],
)
async def test_a_plugin_that_raises_at_start_fails_with_its_reason(
    keep, fault: object, reason: str
) -> None:
    toy = _toy(start=fault)
    kept = await keep(toy).start()
    assert kept.told == [("starting", ""), ("failed", reason)]
    assert "Traceback" in kept.supervisor.health.detail
    assert toy.stops == 1  # also after a failed start


async def test_an_error_without_words_is_named(keep) -> None:
    async def start(self, context):
        raise KeyError

    kept = await keep(_toy(start=start)).start()
    assert kept.supervisor.health.reason == "KeyError"


async def test_a_constructor_that_raises_is_a_failed_start(keep) -> None:
    def __init__(self) -> None:  # noqa: N807
        raise ValueError("no lamp")

    toy = _toy(__init__=__init__)
    kept = await keep(toy).start()
    assert kept.told[-1] == ("failed", "ValueError: no lamp")
    assert toy.stops == 0


@pytest.mark.parametrize("hang", [_hang, _clean_up_with_an_error])
async def test_a_plugin_that_hangs_at_start_fails_after_the_limit(keep, hang: object) -> None:
    toy = _toy(start=hang)
    kept = await keep(toy, start=SHORT).start()
    assert kept.told[-1] == ("failed", "it did not start within 0.02 s")
    assert toy.stops == 1


async def test_a_failed_plugin_says_so_to_every_call_and_can_be_started_again(keep) -> None:
    faults = [ValueError("cold")]

    async def start(self, context):
        if faults:
            raise faults.pop()

    kept = await keep(_toy(start=start)).start()
    with pytest.raises(PluginDisabled, match="plug-in 'toy' is failed: ValueError: cold"):
        await kept.call()
    with pytest.raises(PluginDisabled):
        _ = kept.supervisor.description
    await kept.start()
    assert await kept.call() == {"value": 1}


@pytest.mark.parametrize(
    ("fault", "logged"),
    [
        (_raise, "did not stop cleanly"),
        (_exit, "did not stop cleanly"),
        (_hang, "did not stop within 0.02 s"),
    ],
)
async def test_a_plugin_that_cannot_stop_is_logged_and_left(
    keep, caplog: pytest.LogCaptureFixture, fault: object, logged: str
) -> None:
    kept = await keep(_toy(stop=fault), stop=SHORT).start()
    await kept.supervisor.stop()
    assert kept.supervisor.health.state is PluginState.STOPPED
    assert logged in caplog.text


async def test_stopping_twice_stops_once(keep) -> None:
    toy = _toy()
    kept = await keep(toy).start()
    await kept.supervisor.stop()
    await kept.supervisor.stop()
    assert toy.stops == 1


@pytest.mark.parametrize("late", [_hang, _raise])
async def test_stopped_while_it_starts_it_stays_stopped(keep, until, late) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def start(self, context):
        begun.set()
        await go_on.wait()
        if late is _raise:
            raise ValueError("too late to matter")

    toy = _toy(start=start)
    kept = keep(toy)
    starting = asyncio.create_task(kept.start())
    await begun.wait()
    await kept.supervisor.stop()
    go_on.set()
    await starting
    assert [state for state, _ in kept.told] == ["starting", "stopped"]
    assert toy.stops == 1


async def test_a_cancelled_start_is_cleaned_up_by_stop(keep) -> None:
    toy = _toy(start=_hang)
    kept = keep(toy)
    starting = asyncio.create_task(kept.start())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await kept.supervisor.stop()
    assert kept.supervisor.health.state is PluginState.STOPPED
    assert toy.stops == 1


async def test_a_plugin_that_failed_while_it_ran_is_still_stopped(keep) -> None:
    toy = _toy()
    kept = await keep(toy).start()
    kept.supervisor.fail("the operator said so")
    await kept.supervisor.stop()
    assert toy.stops == 1
    assert kept.supervisor.health.reason == "the operator said so"


# Calls.


async def test_a_call_is_answered(keep) -> None:
    kept = await keep(_toy()).start()
    assert await kept.call() == {"value": 1}


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (_raise, UnknownError, "plug-in 'toy' failed with ValueError; the hub's log has the"),
        (_raise_timeout, UnknownError, "plug-in 'toy' failed with TimeoutError"),
        (_raise_gotapi, IllegalDeviceState, "The lamp is hot; wait"),
        (_exit, UnknownError, "plug-in 'toy' failed with RuntimeError"),
        (_await_cancelled, UnknownError, "plug-in 'toy' failed with RuntimeError"),
        (_five, UnknownError, "plug-in 'toy' failed with TypeError"),
        (_hang, TimedOut, "plug-in 'toy' did not answer within 0.02 s"),
        (_clean_up_with_an_error, TimedOut, "plug-in 'toy' did not answer within 0.02 s"),
    ],
)
async def test_what_goes_wrong_in_a_call_becomes_an_error_of_the_protocol(
    keep, caplog: pytest.LogCaptureFixture, fault: object, kind: type[Exception], message: str
) -> None:
    limit = SHORT if kind is TimedOut else NEVER
    kept = await keep(_toy(work=fault), call=limit).start()
    with pytest.raises(kind, match=message) as caught:
        await kept.call()
    assert type(caught.value) is kind
    assert kept.supervisor.ready  # one bad call does not end it
    assert ("the lamp is gone" in caplog.text) == (fault is _raise)  # details are for the log


async def test_a_surface_has_the_same_limits(keep) -> None:
    kept = await keep(_toy(work=_hang), call=SHORT).start()
    (route,) = kept.port.description.routes.surfaces()
    with pytest.raises(TimedOut):
        await kept.supervisor.surface(route, SurfaceRequest(method="GET", path="/toy"))


async def test_a_surface_is_answered(keep) -> None:
    kept = await keep(_toy()).start()
    (route,) = kept.port.description.routes.surfaces()
    reply = await kept.supervisor.surface(route, SurfaceRequest(method="GET", path="/toy"))
    assert reply.status == 204


async def test_more_calls_at_once_than_allowed_are_refused(keep, until) -> None:
    release = asyncio.Event()
    working = []

    async def work(self):
        working.append(1)
        await release.wait()
        return Done()

    kept = await keep(_toy(work=work), in_flight=2).start()
    running = [asyncio.create_task(kept.call()) for _ in range(2)]
    await until(lambda: len(working) == 2)
    with pytest.raises(TooManyRequests, match="already works on 2 requests; try again"):
        await kept.call()
    release.set()
    assert await asyncio.gather(*running) == [{"value": 1}, {"value": 1}]
    assert await kept.call() == {"value": 1}


async def test_a_cancelled_call_is_cancelled_in_the_plugin_and_frees_its_place(keep) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(self):
        begun.set()
        try:
            await asyncio.sleep(NEVER)
        finally:
            ended.set()

    kept = await keep(_toy(work=work), in_flight=1).start()
    for _ in range(2):  # the second would be refused if the first still counted
        begun.clear()
        calling = asyncio.create_task(kept.call())
        await begun.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert ended.is_set()


# Events.


async def test_events_come_until_the_generator_ends(keep) -> None:
    kept = await keep(_toy()).start()
    assert [one.members async for one in kept.events()] == [{"value": 1}, {"value": 1}]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (_raise, UnknownError),
        (_raise_gotapi, IllegalDeviceState),
        (_exit, UnknownError),
        (_await_cancelled, UnknownError),
        (_five, UnknownError),
    ],
)
async def test_what_goes_wrong_in_a_generator_is_an_error_of_the_protocol(
    keep, fault: object, kind: type[Exception]
) -> None:
    kept = await keep(_toy(work=fault)).start()
    events = kept.events()
    assert (await anext(events)).members == {"value": 1}
    with pytest.raises(kind) as caught:
        await anext(events)
    assert type(caught.value) is kind


async def test_cancelling_the_listener_closes_the_generator(keep) -> None:
    closed = asyncio.Event()

    async def work(self):
        try:
            await asyncio.sleep(NEVER)
        finally:
            closed.set()

    kept = await keep(_toy(work=work)).start()
    first = asyncio.Event()

    async def listen() -> None:
        async for _ in kept.events():
            first.set()

    listening = asyncio.create_task(listen())
    await first.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert closed.is_set()


async def test_events_of_a_plugin_that_does_not_run_are_refused(keep) -> None:
    kept = keep(_toy())
    with pytest.raises(PluginDisabled, match="plug-in 'toy' is found"):
        await anext(kept.events())


# Discovery.


async def test_services_are_asked_for_and_remembered(keep) -> None:
    kept = await keep(_toy()).start()
    assert kept.supervisor.known_service("one") is None
    assert [one.id for one in await kept.supervisor.services()] == ["one"]
    assert kept.supervisor.known_service("one").online
    assert kept.supervisor.known_service("two") is None


@pytest.mark.parametrize("fault", [_raise, _hang, _await_cancelled, _exit, _five])
async def test_a_plugin_that_cannot_answer_discovery_is_shown_offline(keep, fault) -> None:
    later = []

    async def services(self):
        return await later[0]() if later else [Service(id="one", name="One")]

    kept = await keep(_toy(services=services), discovery=SHORT).start()
    assert [one.online for one in await kept.supervisor.services()] == [True]
    later.append(fault)
    (shown,) = await kept.supervisor.services()
    assert (shown.id, shown.online, shown.reason) == (
        "one",
        False,
        "plug-in 'toy' does not answer",
    )
    assert await kept.call() == {"value": 1}  # it may still work: only discovery failed


async def test_a_cancelled_discovery_is_cancelled(keep) -> None:
    kept = await keep(_toy(services=_hang)).start()
    asking = asyncio.create_task(kept.supervisor.services())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        5,
        [{"id": "one"}],
        [Service],
        [Service(id=5, name="One")],
        [Service(id="one", name=None)],
        [Service(id="one", name="One", scopes=None)],
        [Service(id="one", name="One", scopes="toy")],
        [Service(id="", name="Nameless")],
        [Service(id="one", name="One"), Service(id="one", name="Two")],
    ],
    ids=repr,
)
async def test_services_of_a_wrong_form_are_not_passed_on(
    keep, caplog: pytest.LogCaptureFixture, wrong: object
) -> None:
    kept = await keep(_toy(services=lambda self: wrong)).start()
    assert await kept.supervisor.services() == ()
    assert "failed to answer discovery" in caplog.text


async def test_scopes_are_compared_as_names_are(keep) -> None:
    kept = await keep(
        _toy(services=lambda self: [Service(id="one", name="One", scopes=["Toy"])])
    ).start()
    assert (await kept.supervisor.services())[0].scopes == ("toy",)


async def test_services_of_a_plugin_that_stopped_stay_known_as_offline(keep) -> None:
    kept = await keep(_toy()).start()
    await kept.supervisor.services()
    await kept.supervisor.stop()
    assert [one.online for one in await kept.supervisor.services()] == [False]
    assert kept.supervisor.known_service("one").online is False


async def test_services_of_a_plugin_that_failed_say_why(keep) -> None:
    kept = await keep(_toy()).start()
    await kept.supervisor.services()
    kept.supervisor.fail("the cable is out")
    assert [one.reason for one in await kept.supervisor.services()] == ["the cable is out"]


@pytest.fixture(autouse=True)
def _all_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
