"""Listening: one generator a stream, from its first listener to its last."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from gotapi_core.host.port_inprocess import InProcessPort
from gotapi_core.host.supervisor import CallLimits, Supervisor
from gotapi_core.listeners import Listeners
from gotapi_core.plugin import Call, Context, Durable, Params, Plugin, Result, event
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.errors import IllegalDeviceState, TooManyRequests
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.subscriptions import MAX_PER_SUBSCRIBER, Stream

STATE = Name("light", None, "state")


class Speed(Params):
    speed: int = 0


class Light(Result):
    value: object


@dataclass
class Source:
    """What a test feeds to the generators of the plug-in, and what they tell of themselves."""

    begun: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    feeds: list[asyncio.Queue[object]] = field(default_factory=list)
    stubborn: bool = False
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, speed: int) -> AsyncIterator[object]:
        number = len(self.feeds)
        self.begun.append(speed)
        self.feeds.append(asyncio.Queue())
        try:
            while True:
                value = await self.feeds[number].get()
                if isinstance(value, Exception):
                    raise value
                if value is StopAsyncIteration:
                    return
                yield value
        except asyncio.CancelledError:
            if not self.stubborn:
                raise
            await self.release.wait()  # as a generator that hides the end from the hub
            yield Light(value="too late")
        finally:
            self.ended.append(number)

    def feed(self, value: object, number: int = -1) -> None:
        self.feeds[number].put_nowait(value)


class Bench:
    """Listeners over one plug-in with a fed source."""

    def __init__(self, linger: float = 60.0, end: float = 5.0) -> None:
        self.source = source = Source()

        class Lamp(Plugin):
            id = "lamp"
            name = "Lamp"

            async def start(self, context: Context) -> None: ...

            @event("light", "state")
            async def state(
                self, call: Call, params: Speed
            ) -> AsyncIterator[Light | Durable[Light]]:
                async for value in source.run(params.speed):
                    yield value if isinstance(value, Durable) else Light(value=value)

        self.listeners = Listeners(linger, end)
        port = InProcessPort(Lamp)
        manifest = Manifest(id="lamp", name="Lamp", version="1", module="lamp")
        self.supervisor = Supervisor(manifest, port, CallLimits(), lambda _: None)
        self.route = Lamp.routes.find(Method.PUT, STATE)

    def listen(
        self,
        application: str = "app",
        service: str = "desk.lamp",
        speed: int = 0,
        name: Name = STATE,
    ) -> None:
        call = Call(service_id="desk", origin="https://draw.example", application=application)
        stream = Stream(service, name, str(speed))
        self.listeners.listen(
            application, stream, self.supervisor, self.route, call, {"speed": speed}
        )

    def unlisten(self, application: str = "app") -> None:
        self.listeners.unlisten(application, "desk.lamp", STATE)

    async def begun(self, count: int = 1) -> None:
        await self._until(lambda: len(self.source.feeds) == count)

    async def ended(self, *numbers: int) -> None:
        await self._until(lambda: self.source.ended == list(numbers))

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - any condition, and the loop must turn
                await asyncio.sleep(0)


@pytest.fixture
async def start():
    made: list[Bench] = []

    async def start(**times: float) -> Bench:
        made.append(Bench(**times))
        await made[-1].supervisor.start(None)
        return made[-1]

    yield start
    for bench in made:
        bench.source.release.set()
        await bench.listeners.close()
        await bench.supervisor.stop()


@pytest.fixture
async def bench(start) -> Bench:
    return await start()


async def test_the_first_listener_starts_the_generator_and_the_last_ends_it(bench: Bench) -> None:
    assert bench.source.begun == []
    bench.listen("app1")
    bench.listen("app2")
    await bench.begun()
    assert bench.listeners.streams() == 1
    bench.unlisten("app1")
    await asyncio.sleep(0)
    assert bench.source.ended == []
    bench.unlisten("app2")
    await bench.ended(0)
    assert bench.source.begun == [0]
    assert bench.listeners.streams() == 0


async def test_a_value_reaches_every_ear_of_every_listener(bench: Bench, ears, until) -> None:
    one, two, other, stranger = ears(), ears(), ears(), ears()
    bench.listeners.attach("app1", one)
    bench.listeners.attach("app1", two)
    bench.listeners.attach("app2", other)
    bench.listeners.attach("app3", stranger)
    bench.listen("app1")
    bench.listen("app2")
    await bench.begun()
    bench.source.feed(1)
    await until(lambda: other.frames)
    assert one.values == two.values == other.values == [1]
    assert stranger.frames == []
    frame, _ = one.frames[0]
    assert frame == {
        "serviceId": "desk.lamp",
        "profile": "light",
        "attribute": "state",
        "value": 1,
        "result": 0,
    }


async def test_progress_has_a_key_of_its_stream_and_a_durable_value_none(
    bench: Bench, ear, until
) -> None:
    bench.listeners.attach("app", ear)
    bench.listen(speed=7)
    await bench.begun()
    bench.source.feed(1)
    bench.source.feed(Durable(Light(value="end")))
    await until(lambda: len(ear.frames) == 2)
    assert ear.keys == ["desk.lamp light/state 7", None]


async def test_a_late_listener_gets_the_latest_value_at_once(bench: Bench, ears, until) -> None:
    first, late = ears(), ears()
    bench.listeners.attach("app1", first)
    bench.listen("app1")
    await bench.begun()
    bench.source.feed(1)
    bench.source.feed(2)
    await until(lambda: first.values == [1, 2])
    bench.listeners.attach("app2", late)
    bench.listen("app2")
    assert late.values == [2]
    assert late.keys == first.keys[1:]


async def test_a_late_ear_gets_the_latest_value_of_each_stream(bench: Bench, ears, until) -> None:
    first, late = ears(), ears()
    bench.listeners.attach("app", first)
    bench.listen(service="desk.lamp")
    bench.listen(service="floor.lamp")
    bench.listen(service="silent.lamp")
    await bench.begun(3)
    bench.source.feed("desk", 0)
    bench.source.feed(Durable(Light(value="floor")), 1)
    await until(lambda: len(first.frames) == 2)
    bench.listeners.attach("app", late)
    assert late.frames == first.frames


async def test_without_a_value_yet_a_late_listener_gets_nothing(bench: Bench, ear) -> None:
    bench.listen("app1")
    bench.listeners.attach("app2", ear)
    bench.listen("app2")
    await bench.begun()
    assert ear.frames == []


async def test_after_the_last_listener_the_old_value_is_forgotten(
    bench: Bench, ears, until
) -> None:
    ear, late = ears(), ears()
    bench.listeners.attach("app", ear)
    bench.listen()
    await bench.begun()
    bench.source.feed("old")
    await until(lambda: ear.frames)
    bench.unlisten()
    await bench.ended(0)
    bench.listen()
    await bench.begun(2)
    bench.listeners.attach("app", late)
    bench.source.feed("new")
    await until(lambda: len(ear.frames) == 2)
    assert ear.values == ["old", "new"]
    assert late.values == ["new"]


async def test_other_parameters_take_the_place_of_those_before(bench: Bench) -> None:
    bench.listen(speed=1)
    bench.listen("app2", speed=1)
    await bench.begun()
    bench.listen(speed=2)
    await bench.begun(2)
    assert bench.source.begun == [1, 2]
    assert bench.source.ended == []  # app2 still listens to the first
    bench.listen("app2", speed=2)
    await bench.ended(0)
    assert bench.listeners.streams() == 1
    bench.unlisten("app")
    bench.unlisten("app2")
    await bench.ended(0, 1)


async def test_not_listening_is_no_error(bench: Bench) -> None:
    bench.unlisten("nobody")
    bench.listeners.unlisten_all("nobody")
    bench.listen(service="floor.lamp")
    await bench.begun()
    bench.unlisten()  # another service
    assert bench.listeners.streams() == 1


async def test_unlisten_all_ends_every_stream_of_one_application(bench: Bench) -> None:
    bench.listen("app1", "desk.lamp")
    bench.listen("app1", "floor.lamp")
    bench.listen("app2", "floor.lamp")
    await bench.begun(2)
    bench.listeners.unlisten_all("app1")
    await bench.ended(0)
    assert bench.listeners.streams() == 1


async def test_too_many_streams_are_refused(bench: Bench) -> None:
    for number in range(MAX_PER_SUBSCRIBER):
        bench.listen(service=f"{number}.lamp")
    with pytest.raises(TooManyRequests):
        bench.listen(service="more.lamp")
    assert bench.listeners.streams() == MAX_PER_SUBSCRIBER


# Lingering.


async def test_without_an_ear_the_streams_end_after_the_linger_time(start) -> None:
    bench = await start(linger=0.02)
    bench.listen()
    await bench.begun()
    await bench.ended(0)
    assert bench.listeners.streams() == 0


async def test_an_ear_in_time_keeps_the_streams(start, ears, until) -> None:
    bench = await start(linger=0.05)
    first, second = ears(), ears()
    bench.listeners.attach("app", first)
    bench.listen()
    await bench.begun()
    bench.listeners.detach("app", first)
    bench.listeners.attach("app", second)
    await asyncio.sleep(0.1)  # twice the linger time: were it running, the stream would be gone
    bench.source.feed(1)
    await until(lambda: second.frames)
    assert first.frames == []


async def test_only_the_last_ear_starts_the_linger_time(start, ears) -> None:
    bench = await start(linger=0.02)
    one, two = ears(), ears()
    bench.listeners.attach("app", one)
    bench.listeners.attach("app", two)
    bench.listen()
    await bench.begun()
    bench.listeners.detach("app", one)
    await asyncio.sleep(0.06)  # three times the linger time
    assert bench.source.ended == []
    bench.listeners.detach("app", two)
    await bench.ended(0)


async def test_the_linger_time_begins_anew_with_each_listening(bench: Bench) -> None:
    bench.listen()
    (first,) = bench.listeners._lingering.values()
    bench.unlisten()
    assert first.cancelled()
    again = asyncio.get_running_loop().time()
    bench.listen()
    (second,) = bench.listeners._lingering.values()
    assert second.when() >= again + 60.0


async def test_an_ear_that_was_never_attached_may_be_detached(bench: Bench, ear) -> None:
    bench.listeners.detach("app", ear)
    bench.listen()
    await bench.begun()
    assert bench.listeners.streams() == 1


# Generators that end or fail.


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (IllegalDeviceState("The lamp is hot; wait"), "The lamp is hot; wait"),
        (ValueError("secret"), "plug-in 'lamp' failed with ValueError"),
    ],
)
async def test_a_generator_that_fails_tells_all_and_is_gone(
    bench: Bench, ears, until, fault: Exception, message: str
) -> None:
    one, two = ears(), ears()
    for name, ear in (("app1", one), ("app2", two)):
        bench.listeners.attach(name, ear)
        bench.listen(name)
    await bench.begun()
    bench.source.feed(fault)
    await until(lambda: two.frames)
    for ear in (one, two):
        ((frame, key),) = ear.frames
        assert frame["result"] == 1
        assert message in frame["errorMessage"]
        assert key is None
    await until(lambda: bench.listeners.streams() == 0)


async def test_after_a_failure_listening_starts_anew(bench: Bench, ears, until) -> None:
    ear, late = ears(), ears()
    bench.listeners.attach("app", ear)
    bench.listen()
    await bench.begun()
    bench.source.feed(ValueError("broken"))
    await until(lambda: bench.listeners.streams() == 0)
    bench.listeners.attach("app", late)
    assert late.frames == []  # the error was for those who listened
    bench.listen()
    await bench.begun(2)
    bench.source.feed(5)
    await until(lambda: late.frames)
    assert late.values == [5]


async def test_a_generator_that_ends_is_gone_without_a_word(bench: Bench, ear, until) -> None:
    bench.listeners.attach("app", ear)
    bench.listen()
    await bench.begun()
    bench.source.feed(1)
    bench.source.feed(StopAsyncIteration)
    await until(lambda: bench.listeners.streams() == 0)
    assert ear.values == [1]
    bench.unlisten()  # no error


async def test_wrong_parameters_are_told_as_an_event(bench: Bench, ear, until) -> None:
    bench.listeners.attach("app", ear)
    bench.listen(speed="fast")
    await until(lambda: ear.frames)
    ((frame, _),) = ear.frames
    assert "parameter 'speed': Expected int, got str" in frame["errorMessage"]
    await until(lambda: bench.listeners.streams() == 0)


async def test_a_generator_that_never_waits_does_not_stop_the_hub(bench: Bench, ear, until) -> None:
    bench.listeners.attach("app", ear)
    bench.listen()
    await bench.begun()
    for number in range(500):  # all are there at once: the queue is never waited for
        bench.source.feed(number)
    turns = 0
    while len(ear.frames) < 500:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 400


async def test_a_generator_that_goes_on_after_its_end_disturbs_no_new_one(
    bench: Bench, ear, until
) -> None:
    bench.source.stubborn = True
    bench.listeners.attach("app", ear)
    bench.listen()
    await bench.begun()
    bench.unlisten()
    bench.listen()
    await bench.begun(2)
    bench.source.release.set()
    await bench.ended(0)
    bench.source.feed("new", 1)
    await until(lambda: ear.frames)
    assert ear.values == ["new"]
    assert bench.listeners.streams() == 1


async def test_an_error_while_a_generator_cleans_up_disturbs_no_new_one(
    bench: Bench, ear, until
) -> None:
    raised = asyncio.Event()

    async def run(speed: int) -> AsyncIterator[object]:
        bench.source.begun.append(speed)
        try:
            await asyncio.sleep(3600)
            yield 1
        finally:
            raised.set()
            raise ValueError("while it cleaned up")

    good, bench.source.run = bench.source.run, run
    bench.listeners.attach("app", ear)
    bench.listen()
    await until(lambda: bench.source.begun)
    bench.unlisten()
    bench.source.run = good
    bench.listen()
    await raised.wait()
    await bench.begun()
    bench.source.feed("new")
    await until(lambda: ear.frames)
    assert ear.values == ["new"]


async def test_a_generator_that_ends_itself_when_told_to_disturbs_no_new_one(
    bench: Bench, ear, until
) -> None:
    async def run(speed: int) -> AsyncIterator[object]:
        bench.source.begun.append(speed)
        try:
            await asyncio.sleep(3600)
            yield 1
        except asyncio.CancelledError:
            bench.source.ended.append(0)

    good, bench.source.run = bench.source.run, run
    bench.listeners.attach("app", ear)
    bench.listen()
    await until(lambda: bench.source.begun)
    bench.unlisten()
    bench.source.run = good
    bench.listen()
    await bench.ended(0)
    await bench.begun()
    bench.source.feed("new")
    await until(lambda: ear.frames)
    assert bench.listeners.streams() == 1


# The end.


async def test_close_ends_all_generators_and_forgets_all(start, ear) -> None:
    bench = await start(linger=0.02)
    bench.listen("app1", "desk.lamp")
    bench.listen("app2", "floor.lamp")
    await bench.begun(2)
    await bench.listeners.close()
    assert sorted(bench.source.ended) == [0, 1]
    assert bench.listeners.streams() == 0
    bench.listeners.attach("app1", ear)
    assert ear.frames == []


async def test_close_waits_for_a_generator_that_is_still_cleaning_up(bench: Bench) -> None:
    bench.source.stubborn = True
    bench.listen()
    await bench.begun()
    bench.unlisten()
    closing = asyncio.create_task(bench.listeners.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    bench.source.release.set()
    await closing
    assert bench.source.ended == [0]


async def test_close_does_not_wait_for_ever(start, caplog: pytest.LogCaptureFixture) -> None:
    bench = await start(end=0.02)
    bench.source.stubborn = True
    bench.listen()
    await bench.begun()
    await bench.listeners.close()
    assert "events light/state did not end within 0.02 s" in caplog.text


async def test_close_without_listeners_is_harmless() -> None:
    listeners = Listeners(1.0)
    await listeners.close()
    assert listeners.streams() == 0
