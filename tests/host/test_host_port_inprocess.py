"""The in-process port: the six calls reach the plug-in, between start and stop only."""

from collections.abc import AsyncIterator, Sequence

import pytest

from gotapi_core.host.port import Description, Port
from gotapi_core.host.port_inprocess import InProcessPort
from gotapi_core.plugin import Call, Context, Plugin, Result, Service, event, get, surface
from gotapi_core.protocol.messages import SurfaceReply, SurfaceRequest
from gotapi_core.protocol.names import Method, Name


class Done(Result):
    by: str


class Toy(Plugin):
    id = "toy"
    name = "Toy"
    version = "3"
    stopped = 0

    async def stop(self) -> None:
        type(self).stopped += 1

    def services(self) -> Sequence[Service]:
        return [Service(id="one", name=self.context.plugin_id)]

    @get("toy", "do")
    async def do(self, call: Call) -> Done:
        return Done(by=call.application)

    @event("toy", "events")
    async def events(self, call: Call) -> AsyncIterator[Done]:
        yield Done(by=call.origin)

    @surface("/toy")
    async def page(self, request: SurfaceRequest) -> SurfaceReply:
        return SurfaceReply(body=request.path.encode())


@pytest.fixture
def port() -> InProcessPort:
    Toy.stopped = 0
    return InProcessPort(Toy)


def test_it_is_a_port_and_describes_the_class(port: InProcessPort) -> None:
    assert isinstance(port, Port)
    assert port.description == Description("toy", "Toy", "3", Toy.routes)


async def test_all_calls_reach_the_plugin(port: InProcessPort, context: Context, call: Call):
    await port.start(context)
    routes = port.description.routes
    assert await port.services() == [Service(id="one", name="toy")]
    do = routes.find(Method.GET, Name("toy", None, "do"))
    assert await port.call(do, call, {}) == {"by": "app1"}
    events = routes.find(Method.PUT, Name("toy", None, "events"))
    assert [one.members async for one in port.events(events, call, {})] == [{"by": call.origin}]
    (page,) = routes.surfaces()
    request = SurfaceRequest(method="GET", path="/toy/1")
    assert (await port.surface(page, request)).body == b"/toy/1"
    await port.stop()
    assert Toy.stopped == 1


async def test_before_start_and_after_stop_nothing_is_called(
    port: InProcessPort, context: Context
) -> None:
    with pytest.raises(RuntimeError, match="the port is not started"):
        await port.services()
    await port.stop()
    assert Toy.stopped == 0
    await port.start(context)
    await port.stop()
    await port.stop()
    assert Toy.stopped == 1
    with pytest.raises(RuntimeError, match="the port is not started"):
        await port.services()
