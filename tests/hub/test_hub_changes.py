"""Which services came, went or changed, while somebody listens."""

import asyncio
from contextlib import aclosing

import pytest

from gotapi_core.changes import ServiceChanges, differences
from gotapi_core.plugin.context import Call
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.names import ON_SERVICE_CHANGE, Method
from gotapi_core.protocol.routes import Kind, Route

ROUTE = Route(kind=Kind.EVENT, method=Method.GET, name=ON_SERVICE_CHANGE)
ONE = Service(id="one.x", name="One", scopes=("lamp",))
TWO = Service(id="two.x", name="Two", scopes=("lock",), type="BLE")


def index(*services: Service) -> dict[str, Service]:
    return {one.id: one for one in services}


def test_nothing_differs_where_nothing_changed():
    assert differences(index(ONE, TWO), index(TWO, ONE)) == []


@pytest.mark.parametrize("member", ["online", "name", "type", "reason", "version"])
def test_a_service_that_is_not_as_it_was_is_told_as_it_is(member):
    now = Service(id="one.x", scopes=("lamp",), **({"name": "One"} | {member: "new"}))
    assert differences(index(ONE), index(now)) == [(now, True)]


def test_one_that_is_gone_is_told_offline_and_before_those_that_came():
    [(gone, there), came] = differences(index(TWO), index(ONE))
    assert (gone.id, gone.name, gone.online, gone.type, gone.scopes, there) == (
        "two.x", "Two", False, "BLE", ("lock",), False,
    )  # fmt: skip
    assert came == (ONE, True)


class Home:
    """Services that a test changes, and what each application may see."""

    def __init__(self, poll: float = 60.0) -> None:
        self.services = [ONE]
        self.scopes = {"app": {"lamp", "lock"}, "lamps": {"lamp"}}
        self.asked = 0
        self.changes = ServiceChanges(self.discover, lambda one: self.scopes[one], poll)

    async def discover(self) -> list[Service]:
        self.asked += 1
        return list(self.services)

    def listen(self, application: str = "app"):
        call = Call(service_id="", origin="o", application=application)
        return aclosing(self.changes.events(ROUTE, call, {}))


async def heard(events) -> tuple[str, bool, bool]:
    event = await asyncio.wait_for(anext(events), 5)
    assert event.durable
    found = event.members["networkService"]
    assert found["id"] == found["serviceId"]
    return found["id"], found["online"], found["state"]


async def begin(events) -> asyncio.Task:
    task = asyncio.ensure_future(heard(events))
    await asyncio.sleep(0)  # the generator has begun
    return task


async def test_a_service_that_comes_changes_and_goes_is_told():
    home = Home()
    await home.changes.ready()
    async with home.listen() as events:
        first = await begin(events)
        home.services = [ONE, TWO]
        home.changes.poke()
        assert await first == ("two.x", True, True)
        home.services = [ONE, Service(id="two.x", name="Two", online=False, scopes=("lock",))]
        home.changes.poke()
        assert await heard(events) == ("two.x", False, True)
        home.services = [ONE]
        home.changes.poke()
        assert await heard(events) == ("two.x", False, False)


async def test_an_application_hears_only_of_services_that_its_scopes_reach_now():
    home = Home()
    await home.changes.ready()
    async with home.listen("lamps") as events:
        waiting = await begin(events)
        home.services = [ONE, TWO]
        home.changes.poke()
        home.services = [TWO, Service(id="one.x", name="Renamed", scopes=("lamp",))]
        home.changes.poke()
        assert await waiting == ("one.x", True, True)
        home.scopes["lamps"] = {"lock"}  # the operator changed the approval
        home.services = []
        home.changes.poke()
        assert await heard(events) == ("two.x", False, False)


async def test_announcements_that_come_together_are_one_look():
    home = Home()
    await home.changes.ready()
    async with home.listen() as events:
        waiting = await begin(events)
        before = home.asked
        home.services = [ONE, TWO]
        for _ in range(100):
            home.changes.poke()
        await waiting
        assert home.asked == before + 1


async def test_what_nobody_announces_is_found_by_a_look_now_and_then():
    home = Home(poll=0.02)
    await home.changes.ready()
    async with home.listen() as events:
        waiting = await begin(events)
        home.services = []
        assert await waiting == ("one.x", False, False)


async def test_nobody_is_asked_while_nobody_listens():
    home = Home(poll=0.001)
    await home.changes.ready()
    async with home.listen() as one, home.listen() as two:
        tasks = [await begin(one), await begin(two)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    asked = home.asked
    home.changes.poke()
    await asyncio.sleep(0.02)
    assert home.asked == asked
    # Who listens later compares with what there is then.
    home.services = [ONE, TWO]
    await home.changes.ready()
    async with home.listen() as events:
        waiting = await begin(events)
        home.services = [TWO]
        home.changes.poke()
        assert await waiting == ("one.x", False, False)
