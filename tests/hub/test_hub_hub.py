"""The hub: who may ask what, in which order errors come, and what a broken plug-in cannot break."""

import asyncio
import logging
import types
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

import msgspec
import pytest

from gotapi_auth.grants import DAY
from gotapi_core import hub as hub_module
from gotapi_core.host.loader import Loaded, load_module
from gotapi_core.plugin import (
    Call,
    Context,
    Params,
    Plugin,
    Result,
    Service,
    event,
    get,
    hookimpl,
    put,
)
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidParameter,
    NotAuthorized,
    OutOfScope,
    PluginDisabled,
    UnknownService,
)

LIGHT = ("light",)


class Level(Params):
    level: int


class Light(Result):
    value: int


class Lamp(Plugin):
    """A plug-in of this test; it notes what it is asked."""

    id = "lamp"
    name = "Lamps"
    calls: ClassVar[list[Call]] = []
    contexts: ClassVar[list[Context]] = []

    async def start(self, context: Context) -> None:
        await super().start(context)
        self.contexts.append(context)

    def services(self) -> Sequence[Service]:
        return [
            Service(id="desk", name="Desk lamp", scopes=("light",)),
            Service(id="clock", name="Alarm clock", scopes=("time",)),
        ]

    @get("light", "state")
    async def state(self, call: Call) -> Light:
        self.calls.append(call)
        return Light(value=1)

    @put("light", "level")
    async def dim(self, call: Call, params: Level) -> Light:
        return Light(value=params.level)

    @get("time")
    async def time(self, call: Call) -> Light: ...

    @event("light", "changes")
    async def changes(self, call: Call, params: Level) -> AsyncIterator[Light]:
        yield Light(value=params.level)
        await asyncio.sleep(3600)


class Fan(Plugin):
    id = "fan"
    name = "Fans"

    def services(self) -> Sequence[Service]:
        return [Service(id="desk", name="Desk fan", scopes=("wind",))]

    @get("wind")
    async def wind(self, call: Call) -> Light:
        return Light(value=2)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Lamp.calls.clear()
    Lamp.contexts.clear()


# Calls.


async def test_a_call_reaches_the_plugin_as_its_own_service(run_hub) -> None:
    async with run_hub(Lamp, Fan) as bench:
        assert await bench.call("GET light/state") == {"value": 1}
    assert Lamp.calls == [
        Call(service_id="desk", origin="https://draw.example", application="app1")
    ]


async def test_parameters_reach_the_plugin(run_hub) -> None:
    async with run_hub(Lamp) as bench:
        assert await bench.call("PUT light/level", level="7") == {"value": 7}
        with pytest.raises(InvalidParameter, match="'level' is missing"):
            await bench.call("PUT light/level")


ORDER = [
    # What is wrong in the request, all at once, and the error that goes first.
    ("GET heat/state", "", (), 2),
    ("GET heat/state", "no.lamp", (), 2),
    ("GET light/colour", "", (), 8),
    ("GET light/colour", "desk.lamp", (), 8),
    ("DELETE light/state", "", (), 3),
    ("DELETE light/state", "desk.lamp", (), 3),
    ("GET light/state", "", LIGHT, 5),
    ("GET light/state", "desk", LIGHT, 6),
    ("GET light/state", "floor.lamp", LIGHT, 6),
    ("GET light/state", "desk.toaster", LIGHT, 6),
    ("GET light/state", "desk.lamp", ("wind",), 14),
    ("GET light/state", "desk.lamp", (), 14),
    # Without the scope nobody learns which services there are.
    ("GET light/state", "", (), 14),
    ("GET light/state", "floor.lamp", (), 14),
    # The service is there but of another kind.
    ("GET light/state", "desk.fan", LIGHT, 2),
    ("GET light/state", "clock.lamp", LIGHT, 2),
]


@pytest.mark.parametrize(("path", "service", "scopes", "code"), ORDER)
async def test_of_several_errors_the_most_useful_goes_first(
    run_hub, path: str, service: str, scopes: tuple[str, ...], code: int
) -> None:
    async with run_hub(Lamp, Fan) as bench:
        with pytest.raises(GotapiError) as caught:
            await bench.call(path, service, scopes=scopes)
    assert caught.value.code == code
    assert Lamp.calls == []


async def test_out_of_scope_says_what_is_covered_and_what_to_do(run_hub) -> None:
    async with run_hub(Lamp, Fan) as bench:
        with pytest.raises(
            OutOfScope, match="covers system, wind, not 'light'; ask for that scope"
        ):
            await bench.call("GET light/state", scopes=("wind", "system"))
        with pytest.raises(OutOfScope, match="covers nothing, not 'light'"):
            await bench.call("GET light/state", scopes=())


# Discovery and information.


async def test_discovery_shows_what_the_scopes_reach(run_hub) -> None:
    async with run_hub(Lamp, Fan) as bench:
        for scopes, ids in {
            (): [],
            ("light",): ["desk.lamp"],
            ("time", "wind"): ["clock.lamp", "desk.fan"],
            ("servicediscovery",): [],
        }.items():
            found = await bench.hub.discover(bench.access(*scopes))
            assert [service.id for service in found] == ids


async def test_information_lists_the_routes_of_the_services_own_profiles(run_hub) -> None:
    async with run_hub(Lamp) as bench:
        service, routes = await bench.hub.information(bench.access("time"), "clock.lamp")
        assert (service.id, service.name) == ("clock.lamp", "Alarm clock")
        assert [route.name.path for route in routes] == ["time"]


async def test_information_is_for_those_with_a_scope_of_the_service(run_hub) -> None:
    class Bare(Fan):
        def services(self) -> Sequence[Service]:
            return [Service(id="bare", name="Without scopes")]

    async with run_hub(Lamp, Bare) as bench:
        with pytest.raises(OutOfScope, match="not 'time'"):
            await bench.hub.information(bench.access("light"), "clock.lamp")
        with pytest.raises(OutOfScope, match="not '\\(none\\)'"):
            await bench.hub.information(bench.access("light"), "bare.fan")
        with pytest.raises(UnknownService):
            await bench.hub.information(bench.access("light"), "floor.lamp")


async def test_information_of_a_stopped_plugins_service_says_it_is_offline(run_hub) -> None:
    async with run_hub(Lamp) as bench:
        await bench.hub.information(bench.access("time"), "clock.lamp")
        (supervisor,) = bench.hub.registry
        await supervisor.stop()
        service, routes = await bench.hub.information(bench.access("time"), "clock.lamp")
        assert (service.online, routes) == (False, [])
        with pytest.raises(PluginDisabled):
            await bench.call("GET light/state")


# Events.


async def test_listening_is_answered_at_once_and_values_follow(run_hub, ear, until) -> None:
    async with run_hub(Lamp) as bench:
        bench.hub.listeners.attach("app1", ear)
        assert await bench.call("PUT light/changes", level="5") == {}
        await until(lambda: ear.frames)
        assert ear.values == [5]
        assert bench.hub.listeners.streams() == 1
        assert await bench.call("DELETE light/changes") == {}
        assert bench.hub.listeners.streams() == 0
        assert await bench.call("DELETE light/changes") == {}


async def test_wrong_parameters_of_an_event_are_told_to_the_one_who_asks(run_hub) -> None:
    async with run_hub(Lamp) as bench:
        with pytest.raises(InvalidParameter, match="'level' is missing"):
            await bench.call("PUT light/changes")
        assert bench.hub.listeners.streams() == 0


async def test_listeners_share_a_stream_only_with_the_same_parameters(run_hub) -> None:
    async with run_hub(Lamp) as bench:
        for application, level in (("a", "1"), ("b", 1), ("c", "2")):
            await bench.call("PUT light/changes", application=application, level=level, more="x")
        assert bench.hub.listeners.streams() == 2


# Scopes and words.


async def test_offered_are_the_profiles_of_running_plugins_and_the_hubs_own(run_hub) -> None:
    class Broken(Fan):
        async def start(self, context: Context) -> None:
            raise ValueError("no fan")

    async with run_hub(Lamp, Broken) as bench:
        assert bench.hub.offered_scopes() == {
            "light",
            "time",
            "servicediscovery",
            "serviceinformation",
            "system",
        }


def _with(plugin: type[Plugin], *, words: dict[str, str] | None = None, **manifest: object):
    names = plugin.routes.profiles()
    full = Manifest(id=plugin.id, name=plugin.name, version="1", module="test", profiles=names)
    return Loaded(
        msgspec.structs.replace(full, **manifest), plugin_type=plugin, profiles=words or {}
    )


async def test_words_for_consent_come_from_plugins_but_the_hubs_are_its_own(run_hub) -> None:
    words = {"light": "switch the lamps", "system": "nothing at all"}
    async with run_hub(_with(Lamp, words=words)) as bench:
        assert bench.hub.scope_words() == {
            "light": "switch the lamps",
            "servicediscovery": "see which services there are",
            "serviceinformation": "see what a service can do",
            "system": "see which plug-ins the hub has",
        }


@pytest.mark.parametrize(
    ("scope", "meant"),
    [("lights", "light"), ("Lights", "light"), ("light", "light"), ("heat", "heat")],
)
async def test_an_alias_means_its_profile(run_hub, scope: str, meant: str) -> None:
    async with run_hub(Fan, _with(Lamp, aliases={"lights": "light"})) as bench:
        assert bench.hub.meant_scope(scope) == meant


async def test_no_plugin_can_make_anothers_profile_mean_its_own(run_hub) -> None:
    async with run_hub(_with(Fan, aliases={"light": "wind"}), Lamp) as bench:
        assert bench.hub.meant_scope("light") == "light"


# Broken plug-ins.


async def test_a_plugin_that_cannot_start_leaves_the_others(run_hub) -> None:
    class Broken(Plugin):
        id = "broken"
        name = "Broken"

        def __init__(self) -> None:
            raise SystemExit("gone")

    async with run_hub(Broken, Lamp) as bench:
        states = {one.id: one.health.state.value for one in bench.hub.registry}
        assert states == {"broken": "failed", "lamp": "ready"}
        assert await bench.call("GET light/state") == {"value": 1}


async def test_a_plugin_that_was_not_loaded_is_listed_with_its_reason(run_hub) -> None:
    manifest = Manifest(id="broken", name="Broken", version="?", module="broken")
    async with run_hub(Loaded(manifest, reason="no manifest", detail="trace"), Lamp) as bench:
        healths = {one.id: one.health for one in bench.hub.registry}
        assert (healths["broken"].reason, healths["broken"].detail) == ("no manifest", "trace")
        assert await bench.call("GET light/state") == {"value": 1}


async def test_of_two_plugins_with_one_id_the_second_fails(run_hub) -> None:
    async with run_hub(Lamp, _with(Lamp, name="Other lamps")) as bench:
        first, second = bench.hub.registry
        assert (first.id, first.ready) == ("lamp", True)
        assert (second.id, second.ready) == ("lamp (2)", False)
        assert "there is another plug-in with the id 'lamp'" in second.health.reason
        assert await bench.call("GET light/state") == {"value": 1}


class LampSettings(msgspec.Struct, frozen=True):
    count: int = 1


class Hostile(msgspec.Struct):
    """A settings type that cannot be used."""

    ports: list[int] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        raise RuntimeError("hostile")


def _settled(kind: type[msgspec.Struct] | None) -> Loaded:
    return msgspec_replace(_with(Lamp), settings_type=kind)


def msgspec_replace(loaded: Loaded, **changes: object) -> Loaded:
    members = {name: getattr(loaded, name) for name in Loaded.__slots__}
    return Loaded(**{**members, **changes})


async def test_a_plugin_gets_its_settings_as_its_own_type(run_hub) -> None:
    async with run_hub(_settled(LampSettings), plugins={"lamp": {"count": 3}}):
        (context,) = Lamp.contexts
    assert context.settings == LampSettings(count=3)


@pytest.mark.parametrize(
    ("kind", "section", "reason"),
    [
        (LampSettings, {"count": "many"}, "[plugins.lamp]: count: Expected int, got str"),
        (None, {"count": 1}, "plug-in 'lamp' has no settings, but ['count'] is set"),
        (Hostile, {}, "its settings type cannot be used: RuntimeError: hostile"),
    ],
)
async def test_settings_that_do_not_fit_fail_only_their_plugin(
    run_hub, kind: type[msgspec.Struct] | None, section: dict[str, object], reason: str
) -> None:
    async with run_hub(_settled(kind), Fan, plugins={"lamp": section}) as bench:
        healths = {one.id: one.health for one in bench.hub.registry}
        assert healths["lamp"].state.value == "failed"
        assert healths["lamp"].reason == reason
        assert healths["fan"].state.value == "ready"
        assert await bench.call("GET wind", "desk.fan", scopes=("wind",)) == {"value": 2}


async def test_settings_of_a_plugin_that_is_not_there_are_warned_of(run_hub, caplog) -> None:
    async with run_hub(Lamp, plugins={"lmap": {"count": 1}}):
        pass
    assert "there are settings for a plug-in 'lmap', but no such plug-in" in caplog.text


async def test_a_folder_that_cannot_be_made_fails_only_its_plugin(run_hub, paths) -> None:
    paths.plugin("lamp").parent.mkdir()
    paths.plugin("lamp").write_text("in the way")
    async with run_hub(Lamp, Fan) as bench:
        states = {one.id: one.health.state.value for one in bench.hub.registry}
        assert states == {"lamp": "failed", "fan": "ready"}


# What a plug-in is given.


async def test_the_context_has_a_private_folder_and_a_collection_of_its_own(run_hub, paths) -> None:
    async with run_hub(Lamp):
        (context,) = Lamp.contexts
        assert context.plugin_id == "lamp"
        assert context.folder == paths.plugin("lamp")
        assert context.folder.stat().st_mode & 0o077 == 0
        assert context.log.name == "gotapi.plugin.lamp"
        await context.collection("jobs").put("1", LampSettings(count=7))
    async with run_hub(Lamp):
        assert await Lamp.contexts[1].collection("jobs").all(LampSettings) == [LampSettings(7)]


@pytest.mark.parametrize("error", [ValueError("oops"), SystemExit("oops")])
async def test_a_background_task_that_fails_is_logged_with_its_plugin(
    run_hub, caplog, until, error: BaseException
) -> None:
    async def work() -> None:
        raise error

    async with run_hub(Lamp) as bench:
        Lamp.contexts[0].spawn(work())
        await until(lambda: "a background task of plug-in lamp failed" in caplog.text)
        assert await bench.call("GET light/state") == {"value": 1}


async def test_background_tasks_end_with_the_hub(run_hub) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async with run_hub(Lamp):
        Lamp.contexts[0].spawn(work())
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_a_background_task_that_does_not_end_is_left(run_hub, caplog, monkeypatch) -> None:
    monkeypatch.setattr(hub_module, "END_TIME", 0.02)
    release = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await release.wait()

    async with run_hub(Lamp):
        Lamp.contexts[0].spawn(work())
        await asyncio.sleep(0)
    assert "a background task of plug-in lamp did not end within 0.02 s" in caplog.text
    release.set()
    await asyncio.sleep(0)


# Hooks.


def _hooked(plugin_id: str, **hooks: object) -> Loaded:
    """A plug-in that only has hooks besides its class."""
    kind = type(plugin_id.title(), (Plugin,), {"id": plugin_id, "name": plugin_id})
    module = types.SimpleNamespace(
        gotapi_plugins=hookimpl(_named("gotapi_plugins", lambda: [kind]))
    )
    for name, function in hooks.items():
        setattr(module, name, hookimpl(_named(name, function)))
    manifest = Manifest(id=plugin_id, name=plugin_id, version="1", module=plugin_id)
    loaded = load_module(manifest, module)
    assert not loaded.reason
    return loaded


def _named(name: str, function: object) -> object:
    function.__name__ = name
    return function


async def test_gotapi_on_state_hears_of_every_plugin(run_hub) -> None:
    heard: list[tuple[str, str, str]] = []

    def on_state(plugin_id: str, state: str, reason: str) -> None:
        heard.append((plugin_id, state, reason))

    manifest = Manifest(id="broken", name="Broken", version="?", module="broken")
    broken = Loaded(manifest, reason="no manifest")
    async with run_hub(Lamp, broken, _hooked("watch", gotapi_on_state=on_state)):
        pass
    assert [(state, reason) for name, state, reason in heard if name == "lamp"] == [
        ("starting", ""),
        ("ready", ""),
        ("stopped", ""),
    ]
    assert ("broken", "failed", "no manifest") in heard


@pytest.mark.parametrize("error", [ValueError("oops"), SystemExit("oops")])
async def test_gotapi_on_state_that_raises_harms_only_itself(run_hub, caplog, error) -> None:
    heard: list[str] = []

    def bad(plugin_id: str, state: str, reason: str) -> None:
        raise error

    def good(state: str) -> None:
        heard.append(state)

    async with run_hub(_hooked("bad", gotapi_on_state=bad), _hooked("good", gotapi_on_state=good)):
        pass
    assert heard.count("ready") == 2
    assert "gotapi_on_state of plug-in bad raised" in caplog.text


async def test_gotapi_authorize_true_approves_all_that_was_asked_for_a_day(
    run_hub, clock, caplog
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def allow(origin: str, scopes: Sequence[str]) -> bool:
        asked.append((origin, tuple(scopes)))
        return True

    async with run_hub(Lamp, _hooked("policy", gotapi_authorize=allow)) as bench:
        token = await asyncio.wait_for(await bench.ask_user("light,time"), 5)
        assert [scope for scope, _ in token.scopes] == ["light", "time"]
        (application,) = bench.hub.auth.applications()
        assert application.expires == clock.now + DAY
    assert asked == [("https://draw.example", ("light", "time"))]
    assert "plug-in policy allowed https://draw.example (light, time)" in caplog.text


async def test_gotapi_authorize_false_denies(run_hub) -> None:
    async with run_hub(Lamp, _hooked("policy", gotapi_authorize=lambda: False)) as bench:
        with pytest.raises(NotAuthorized):
            await asyncio.wait_for(await bench.ask_user(), 5)
        assert bench.hub.auth.applications() == []


async def _still_waits(bench, until) -> None:
    waiting = await bench.ask_user()
    await until(lambda: bench.hub.auth.requests())
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(bench.hub.auth.requests()) == 1
    await bench.hub.auth.deny(bench.hub.auth.requests()[0].code)
    with pytest.raises(NotAuthorized):
        await waiting


async def test_gotapi_authorize_none_leaves_it_to_the_operator(run_hub, until) -> None:
    asked = []
    policy = _hooked("policy", gotapi_authorize=lambda origin: asked.append(origin))
    async with run_hub(Lamp, policy) as bench:
        await _still_waits(bench, until)
    assert asked == ["https://draw.example"]


@pytest.mark.parametrize("answer", [1, "yes", ["light"], 0])
async def test_gotapi_authorize_takes_nothing_but_a_bool(run_hub, until, caplog, answer) -> None:
    async with run_hub(Lamp, _hooked("policy", gotapi_authorize=lambda: answer)) as bench:
        await _still_waits(bench, until)
    assert "gotapi_authorize of plug-in policy gave" in caplog.text


@pytest.mark.parametrize("error", [ValueError("oops"), SystemExit("oops")])
async def test_gotapi_authorize_that_raises_leaves_the_question_to_the_next(
    run_hub, caplog, error: BaseException
) -> None:
    def bad() -> bool:
        raise error

    plugins = [
        _hooked("bad", gotapi_authorize=bad),
        _hooked("silent", gotapi_authorize=lambda: None),
        _hooked("deny", gotapi_authorize=lambda: False),
        _hooked("allow", gotapi_authorize=lambda: True),
    ]
    async with run_hub(Lamp, *plugins) as bench:
        with pytest.raises(NotAuthorized):  # the first that answers wins
            await asyncio.wait_for(await bench.ask_user(), 5)
    assert "gotapi_authorize of plug-in bad raised" in caplog.text


async def test_gotapi_authorize_comes_too_late_for_an_operator_who_was_faster(
    run_hub, caplog, until
) -> None:
    caplog.set_level(logging.INFO)
    async with run_hub(Lamp, _hooked("policy", gotapi_authorize=lambda: True)) as bench:
        denying = []

        def deny_first(event: object) -> None:
            code = getattr(getattr(event, "request", None), "code", None)
            if code:
                denying.append(asyncio.ensure_future(bench.hub.auth.deny(code)))

        approve = bench.hub.auth.approve

        async def slowly(*arguments: object) -> object:
            await asyncio.gather(*denying)
            return await approve(*arguments)

        bench.hub.auth.approve = slowly
        bench.hub.auth.subscribe(deny_first)
        with pytest.raises(NotAuthorized):
            await asyncio.wait_for(await bench.ask_user(), 5)
        await until(lambda: "the operator was faster" in caplog.text)


async def test_two_hubs_live_side_by_side(run_hub, tmp_path, clock) -> None:
    from gotapi_core.hub import Hub
    from gotapi_core.paths import paths_under
    from gotapi_core.settings import convert_settings
    from gotapi_core.store import Store
    from gotapi_core.testing.live import loaded

    paths = paths_under(tmp_path / "second")
    paths.prepare()
    async with run_hub(Lamp) as bench:
        with Store(paths.store) as store:
            settings = convert_settings({}, source="test")
            second = Hub(
                settings=settings, paths=paths, store=store, clock=clock, plugins=[loaded(Fan)]
            )
            await second.start()
            assert second.instance != bench.hub.instance
            assert {one.id for one in second.registry} == {"fan"}
            await second.stop()
        assert await bench.call("GET light/state") == {"value": 1}
