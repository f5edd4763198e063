"""Loading: what is found before any import, and how every fault stays with its plug-in."""

import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import msgspec
import pytest

from gotapi_core.host.loader import (
    GROUP,
    Found,
    Loaded,
    find_module,
    find_plugins,
    load,
    load_module,
    settle_ids,
)
from gotapi_core.plugin import Call, Plugin, Result, get, hookimpl, surface
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.messages import SurfaceReply, SurfaceRequest

MANIFEST = 'id = "lamp"\nname = "Lamps"\nversion = "1"\nmodule = "{module}"\n'
CODE = """
from gotapi_core.plugin import Call, Plugin, Result, get, hookimpl

class Light(Result):
    is_on: bool

class Lamp(Plugin):
    id = "lamp"
    name = "Lamps"

    @get("light", "state")
    async def state(self, call: Call) -> Light:
        return Light(is_on=True)

@hookimpl
def gotapi_plugins():
    return [Lamp]
"""

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Write a package with a manifest and return its name; it is forgotten at the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def package(name: str, manifest: str | None = None, code: str = CODE) -> str:
        folder = tmp_path.joinpath(*name.split("."))
        folder.mkdir(parents=True)
        for above in (*folder.relative_to(tmp_path).parents, None):
            if above is not None and above.parts:
                (tmp_path / above / "__init__.py").touch()
        (folder / "__init__.py").write_text(code)
        text = MANIFEST + 'profiles = ["light"]' if manifest is None else manifest
        if manifest != "":
            (folder / "gotapi-plugin.toml").write_text(text.replace("{module}", name))
        made.append(name.partition(".")[0])
        return name

    yield package
    for name in list(sys.modules):
        if name.partition(".")[0] in made:
            del sys.modules[name]


def _entry(name: str, module: str) -> EntryPoint:
    return EntryPoint(name=name, value=module, group=GROUP)


# Finding.


def test_a_plugin_is_found_without_being_imported(package: Package) -> None:
    module = package("acme_lamp", code="raise AssertionError('imported')")
    (found,) = find_plugins([_entry("lamp", module)])
    assert found.sound
    assert (found.manifest.id, found.manifest.profiles) == ("lamp", ("light",))
    assert module not in sys.modules


def test_a_module_within_a_package_is_found_without_importing_either(package: Package) -> None:
    module = package("acme.lamps.desk")
    assert find_module("desk", module).sound
    assert not [name for name in sys.modules if name.partition(".")[0] == "acme"]


def test_a_namespace_package_is_searched_in_all_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("one", "two"):
        (tmp_path / part / "acme_ns" / part).mkdir(parents=True)
        monkeypatch.syspath_prepend(str(tmp_path / part))
    manifest = tmp_path / "one" / "acme_ns" / "one" / "gotapi-plugin.toml"
    manifest.write_text(MANIFEST.replace("{module}", "acme_ns.one"))
    assert find_module("one", "acme_ns.one").sound
    assert not find_module("two", "acme_ns.two").sound


def test_plugins_are_found_in_order_of_name(package: Package) -> None:
    entries = [_entry(name, package(f"acme_{name}")) for name in ("c", "a", "b")]
    found = [one.manifest.module for one in find_plugins(entries)]
    assert found == ["acme_a", "acme_b", "acme_c"]


def test_the_bundled_plugins_are_found_through_their_entry_points() -> None:
    assert "printer" in [found.manifest.id for found in find_plugins() if found.sound]


def test_only_given_entry_points_count() -> None:
    assert find_plugins([]) == []


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("no_such_package", "there is no package 'no_such_package'"),
        ("no_such_package.sub", "there is no package 'no_such_package'"),
        ("json:loads", "the entry point must name a package like 'my_plugin', not 'json:loads'"),
        ("", "the entry point must name a package"),
        ("json./etc", "the entry point must name a package"),
        ("this", "there is no package 'this'"),  # a module of one file has no folder
        ("json", "No such file or directory"),
        ("__main__", "cannot be read"),
    ],
)
def test_a_plugin_that_cannot_be_found_keeps_its_reason(module: str, reason: str) -> None:
    found = find_module("lamp", module)
    assert not found.sound
    assert reason in found.reason
    assert found.reason.startswith("its gotapi-plugin.toml cannot be read")
    assert (found.manifest.id, found.manifest.version) == ("lamp", "?")


def test_a_manifest_of_another_module_is_refused(package: Package) -> None:
    module = package("acme_lamp", MANIFEST.replace("{module}", "somewhere.else"))
    found = find_module("lamp", module)
    assert found.reason == "its manifest names module somewhere.else, not acme_lamp"


def test_a_broken_manifest_is_not_loaded(package: Package) -> None:
    module = package("acme_lamp", "id = 5")
    loaded = load(find_module("lamp", module))
    assert loaded.plugin_type is None
    assert "Expected `str`, got `int` - at `$.id`" in loaded.reason
    assert module not in sys.modules


def test_a_package_without_a_manifest_is_not_loaded(package: Package) -> None:
    module = package("acme_lamp", "")
    assert "No such file" in load(find_module("lamp", module)).reason
    assert module not in sys.modules


# Loading.


def test_a_sound_plugin_is_imported_and_its_hooks_asked(package: Package) -> None:
    loaded = load(find_module("lamp", package("acme_lamp")))
    assert loaded.reason == ""
    assert loaded.plugin_type is not None
    assert loaded.plugin_type.id == "lamp"
    assert loaded.commands == ()
    assert loaded.settings_type is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit('no lamp here')", "SystemExit: no lamp here"),
        (CODE.replace("call: Call", "call"), "TypeError: Lamp.state must take"),
        ("", "ManifestError: gotapi_plugins() returned no plug-in 'lamp' (only none)"),
        (CODE.replace('id = "lamp"', 'id = "fan"'), "returned no plug-in 'lamp' (only fan)"),
        (CODE.replace('"light"', '"dark"'), "it answers profiles that its gotapi-plugin.toml does"),
        (CODE.replace("[Lamp]", "Lamp"), "gotapi_plugins() must return a list, not <class"),
        (CODE.replace("[Lamp]", "[Lamp()]"), "gotapi_plugins() must list Plugin classes with an"),
        (CODE.replace("[Lamp]", "[Plugin]"), "gotapi_plugins() must list Plugin classes with an"),
        (CODE.replace("[Lamp]", "[str]"), "gotapi_plugins() must list Plugin classes with an id"),
        (CODE.replace("gotapi_plugins", "gotapi_plugin"), "unknown hook 'gotapi_plugin'"),
        (CODE.replace("plugins()", "plugins(more)"), "hook call must provide argument|more"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_keeps_its_reason(
    package: Package, code: str, reason: str
) -> None:
    loaded = load(find_module("lamp", package("acme_lamp", code=code)))
    assert loaded.plugin_type is None
    assert loaded.hooks is None
    assert loaded.reason.startswith("it cannot be loaded: ")
    assert any(part in loaded.reason for part in reason.split("|"))
    assert "Traceback" in loaded.detail


# Hooks, of an object at hand.


class Light(Result):
    is_on: bool


class Lamp(Plugin):
    id = "lamp"
    name = "Lamps"

    @get("light", "state")
    async def state(self, call: Call) -> Light: ...

    @surface("/lamps")
    async def page(self, request: SurfaceRequest) -> SurfaceReply: ...


class LampSettings(msgspec.Struct, frozen=True):
    count: int = 1


FULL = Manifest(
    id="lamp",
    name="Lamps",
    version="1",
    module="lamp",
    profiles=("light",),
    surfaces=("/lamps",),
    commands=("lamp",),
)


def _hooks(**answers: object) -> types.SimpleNamespace:
    """A module with hooks that return these answers, or raise them."""

    def hook(name: str, answer: object) -> object:
        def function() -> object:
            if isinstance(answer, BaseException):
                raise answer
            return answer

        function.__name__ = name
        return hookimpl(function)

    given = {"gotapi_plugins": [Lamp], **answers}
    return types.SimpleNamespace(**{name: hook(name, answer) for name, answer in given.items()})


def test_gotapi_plugins_names_the_class_with_the_manifests_id() -> None:
    class Other(Plugin):
        id = "other"
        name = "Other"

    assert load_module(FULL, _hooks(gotapi_plugins=(Other, Lamp))).plugin_type is Lamp


def test_gotapi_profiles_gives_the_words_for_consent() -> None:
    loaded = load_module(FULL, _hooks(gotapi_profiles={"light": "switch the lamps"}))
    assert loaded.profiles == {"light": "switch the lamps"}


def test_gotapi_commands_gives_commands() -> None:
    command = click.Command("lamp")
    assert load_module(FULL, _hooks(gotapi_commands=[command])).commands == (command,)


def test_gotapi_settings_gives_the_type_for_its_own_id() -> None:
    answer = {"lamp": LampSettings, "other": msgspec.Struct}
    assert load_module(FULL, _hooks(gotapi_settings=answer)).settings_type is LampSettings


HOOKS = ["gotapi_plugins", "gotapi_profiles", "gotapi_commands", "gotapi_settings"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no")], ids=["error", "exit"])
def test_a_hook_that_raises_fails_its_plugin_only(hook: str, error: BaseException) -> None:
    loaded = load_module(FULL, _hooks(**{hook: error}))
    assert loaded.plugin_type is None
    assert loaded.reason == f"it cannot be loaded: {type(error).__name__}: no"


@pytest.mark.parametrize(
    ("hook", "answer", "reason"),
    [
        ("gotapi_profiles", ["light"], "gotapi_profiles() must return a dict, not ['light']"),
        ("gotapi_profiles", {"light": 5}, "must say in text what 'light' allows"),
        ("gotapi_profiles", {"system": "nothing"}, "words profiles that its gotapi-plugin.toml"),
        ("gotapi_commands", click.Command("lamp"), "gotapi_commands() must return a list"),
        ("gotapi_commands", [print], "must list named click commands, not <built-in function"),
        ("gotapi_commands", [click.Command(None)], "must list named click commands"),
        ("gotapi_commands", [click.Command("run")], "adds commands that its gotapi-plugin.toml"),
        ("gotapi_settings", [LampSettings], "gotapi_settings() must return a dict"),
        ("gotapi_settings", {"lamp": dict}, "must map the id to a msgspec.Struct, not to <class"),
        ("gotapi_settings", {"lamp": LampSettings()}, "must map the id to a msgspec.Struct"),
    ],
)
def test_a_hook_with_a_wrong_answer_is_told_what_is_right(
    hook: str, answer: object, reason: str
) -> None:
    loaded = load_module(FULL, _hooks(**{hook: answer}))
    assert loaded.plugin_type is None
    assert reason in loaded.reason


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("profiles", "it answers profiles that its gotapi-plugin.toml does not name: light"),
        ("surfaces", "it owns surfaces that its gotapi-plugin.toml does not name: /lamps"),
    ],
)
def test_what_the_class_answers_must_stand_in_the_manifest(member: str, reason: str) -> None:
    manifest = msgspec.structs.replace(FULL, **{member: ()})
    assert reason in load_module(manifest, _hooks()).reason


# Two with one id.


def _loaded(plugin_id: str, module: str, *, runs: bool = True, reason: str = "") -> Loaded:
    manifest = Manifest(id=plugin_id, name=plugin_id, version="1", module=module)
    return Loaded(manifest, plugin_type=Lamp if runs else None, reason=reason, detail="trace")


def test_of_two_with_one_id_the_first_keeps_it() -> None:
    first, second, third = (_loaded("lamp", name) for name in ("a", "b", "c"))
    settled = settle_ids([first, second, third])
    assert list(settled) == ["lamp", "lamp (2)", "lamp (3)"]
    assert settled["lamp"] is first
    for name in ("lamp (2)", "lamp (3)"):
        assert settled[name].plugin_type is None
        assert settled[name].manifest.id == name
        assert settled[name].reason == (
            "there is another plug-in with the id 'lamp' (module a); uninstall one of the two"
        )


def test_one_that_cannot_run_never_takes_the_id_of_one_that_can() -> None:
    broken = _loaded("lamp", "a", runs=False, reason="its manifest cannot be read")
    sound = _loaded("lamp", "b")
    settled = settle_ids([broken, sound])
    assert settled["lamp"] is sound
    assert settled["lamp (2)"].reason == "its manifest cannot be read"
    assert settled["lamp (2)"].detail == "trace"


def test_different_ids_stay_as_they_are() -> None:
    plugins = [_loaded("b", "b"), _loaded("a", "a")]
    assert list(settle_ids(plugins).values()) == plugins


def test_found_without_a_reason_is_sound() -> None:
    assert Found(FULL).sound
    assert not Found(FULL, "why").sound
