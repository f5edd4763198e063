"""The registry: which plug-in serves a service, a profile or a path."""

import asyncio
from collections.abc import Sequence

import pytest

from gotapi_core.host.registry import Registry, public_services
from gotapi_core.plugin import Call, Plugin, Result, Service, get, put, surface
from gotapi_core.protocol.errors import (
    InvalidMethod,
    InvalidProfile,
    MissingServiceId,
    PluginDisabled,
    UnknownAttribute,
    UnknownService,
)
from gotapi_core.protocol.messages import SurfaceReply, SurfaceRequest
from gotapi_core.protocol.names import Method, Name


class Done(Result): ...


class Lamp(Plugin):
    id = "lamp"
    name = "Lamp"

    def services(self) -> Sequence[Service]:
        return [
            Service(id="desk", name="Desk lamp", scopes=("light",)),
            Service(id="a.b", name="Odd lamp", scopes=()),
        ]

    @get("light", "state")
    async def state(self, call: Call) -> Done: ...

    @surface("/lamps")
    async def page(self, request: SurfaceRequest) -> SurfaceReply: ...


class Fan(Plugin):
    id = "fan"
    name = "Fan"

    def services(self) -> Sequence[Service]:
        return [Service(id="desk", name="Desk fan", scopes=("wind",))]

    @get("wind", "state")
    async def state(self, call: Call) -> Done: ...

    @put("light", "mood")
    async def mood(self, call: Call) -> Done: ...

    @surface("/lamps/fan")
    async def page(self, request: SurfaceRequest) -> SurfaceReply: ...


class Silent(Plugin):
    id = "silent"
    name = "Never answers"
    asked = 0

    async def services(self) -> Sequence[Service]:
        type(self).asked += 1
        if self.asked > 1:
            await asyncio.sleep(3600)
        return [Service(id="s", name="Silent", scopes=("quiet",))]


class Broken(Plugin):
    id = "broken"
    name = "Broken"

    async def start(self, context: object) -> None:
        raise ValueError("broken")

    @get("broken")
    async def state(self, call: Call) -> Done: ...


@pytest.fixture
async def registry(keep) -> Registry:
    kept = [keep(kind) for kind in (Lamp, Fan, Broken)]
    for one in kept:
        await one.start()
    return Registry(one.supervisor for one in kept)


async def test_discovery_merges_all_with_public_ids(registry: Registry) -> None:
    found = await registry.discover()
    assert [(supervisor.id, service.id) for supervisor, service in found] == [
        ("lamp", "desk.lamp"),
        ("lamp", "a.b.lamp"),
        ("fan", "desk.fan"),
    ]


async def test_a_plugin_that_does_not_answer_delays_nobody_beyond_the_limit(keep) -> None:
    Silent.asked = 0
    answered: list[float] = []

    class Prompt(Lamp):
        async def services(self) -> Sequence[Service]:
            answered.append(asyncio.get_running_loop().time())
            return super().services()

    silent = await keep(Silent, discovery=0.5).start()
    prompt = await keep(Prompt).start()
    registry = Registry([silent.supervisor, prompt.supervisor])
    await registry.discover()
    begun = asyncio.get_running_loop().time()
    found = {service.id: service for _, service in await registry.discover()}
    took = asyncio.get_running_loop().time() - begun
    assert answered[-1] - begun < 0.5  # it was asked at the same time, not after
    assert 0.5 <= took < 5
    assert found["s.silent"].online is False
    assert found["desk.lamp"].online is True


async def test_a_single_plugin_is_discovered_too(keep) -> None:
    kept = await keep(Fan).start()
    assert [s.id for _, s in await Registry([kept.supervisor]).discover()] == ["desk.fan"]


async def test_a_registry_without_plugins_finds_nothing() -> None:
    assert await Registry().discover() == []
    assert Registry().profiles() == frozenset()
    assert Registry().surface("/lamps") is None


@pytest.mark.parametrize(
    ("public", "plugin", "own"),
    [("desk.lamp", "lamp", "desk"), ("desk.fan", "fan", "desk"), ("a.b.lamp", "lamp", "a.b")],
)
async def test_a_service_is_located_by_its_public_id(
    registry: Registry, public: str, plugin: str, own: str
) -> None:
    for _ in range(2):  # the first asks the plug-in, the second knows
        supervisor, service = await registry.locate(public)
        assert (supervisor.id, service.id) == (plugin, own)


@pytest.mark.parametrize(
    "wrong",
    ["desk", "desk.", ".lamp", "desk.toaster", "floor.lamp", "lamp.", "s.broken", "x" * 999],
)
async def test_an_unknown_service_is_told_with_where_to_look(registry: Registry, wrong) -> None:
    with pytest.raises(UnknownService, match="servicediscovery lists those there are") as caught:
        await registry.locate(wrong)
    assert len(caught.value.message) < 250


async def test_no_service_id_is_an_error_of_its_own(registry: Registry) -> None:
    with pytest.raises(MissingServiceId):
        await registry.locate("")


async def test_the_profiles_are_those_of_running_plugins(registry: Registry) -> None:
    assert registry.profiles() == {"light", "wind"}
    assert [one.id for one in registry.ready()] == ["lamp", "fan"]


async def test_two_plugins_with_one_id_are_refused(keep) -> None:
    registry = Registry([keep(Lamp).supervisor])
    with pytest.raises(ValueError, match="two plug-ins with the id 'lamp'"):
        registry.add(keep(Lamp).supervisor)


async def test_a_route_is_found_for_a_service(registry: Registry) -> None:
    supervisor, service = await registry.locate("desk.lamp")
    route = registry.route(supervisor, Method.GET, Name("light", None, "state"), service)
    assert route.handler == "state"


async def test_a_service_answers_only_the_profiles_it_names(registry: Registry) -> None:
    supervisor, service = await registry.locate("desk.fan")
    with pytest.raises(InvalidProfile, match=r"'desk\.fan' does not offer profile 'light'"):
        registry.route(supervisor, Method.PUT, Name("light", None, "mood"), service)
    supervisor, service = await registry.locate("a.b.lamp")
    with pytest.raises(InvalidProfile, match="it offers none"):
        registry.route(supervisor, Method.GET, Name("light", None, "state"), service)


async def test_a_service_of_a_stopped_plugin_is_disabled(registry: Registry) -> None:
    supervisor, service = await registry.locate("desk.fan")
    await supervisor.stop()
    with pytest.raises(PluginDisabled):
        registry.route(supervisor, Method.GET, Name("wind", None, "state"), service)


@pytest.mark.parametrize(
    ("method", "name", "kind"),
    [
        (Method.GET, Name("light", None, "state"), None),
        (Method.PUT, Name("light", None, "mood"), None),  # the second plug-in has it
        (Method.GET, Name("light", None, "colour"), UnknownAttribute),
        (Method.DELETE, Name("wind", None, "state"), InvalidMethod),
        (Method.GET, Name("heat", None, "state"), InvalidProfile),
        (Method.GET, Name("broken"), InvalidProfile),  # it does not run
    ],
)
async def test_a_name_is_checked_against_all_plugins(
    registry: Registry, method: Method, name: Name, kind: type[Exception] | None
) -> None:
    if kind is None:
        assert registry.check_name(method, name) is None
        return
    with pytest.raises(kind):
        registry.check_name(method, name)


async def test_an_unknown_profile_is_told_with_the_known_ones(registry: Registry) -> None:
    with pytest.raises(InvalidProfile, match="There is no profile 'heat' here; known: light, wind"):
        registry.check_name(Method.GET, Name("heat"))
    with pytest.raises(InvalidProfile, match="known: none"):
        Registry().check_name(Method.GET, Name("heat"))


@pytest.mark.parametrize(
    ("path", "owner"),
    [("/lamps", "lamp"), ("/lamps/1", "lamp"), ("/lamps/fan/2", "fan"), ("/lampshade", None)],
)
async def test_a_path_belongs_to_the_longest_surface(
    registry: Registry, path: str, owner: str | None
) -> None:
    found = registry.surface(path)
    assert (found[0].id if found else None) == owner


async def test_the_order_of_plugins_does_not_matter_to_surfaces(keep) -> None:
    kept = [await keep(kind).start() for kind in (Fan, Lamp)]
    found = Registry(one.supervisor for one in kept).surface("/lamps/fan")
    assert found is not None
    assert found[0].id == "fan"


def test_services_go_out_with_their_members() -> None:
    (wire,) = public_services([Service(id="a.b", name="A")])
    assert wire == {"serviceId": "a.b", "id": "a.b", "name": "A", "online": True, "scopes": []}
