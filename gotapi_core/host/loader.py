"""Finds plug-ins and loads each alone behind a guard: one that is broken harms only itself.

Plug-ins come from the entry-point group `gotapi.plugins`, whose values name a module. Its package
carries a manifest, read without importing it; only then is the module imported and its hooks asked.
"""

import importlib
import importlib.util
import itertools
import logging
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec
import pluggy

from gotapi_core.plugin import hookspecs
from gotapi_core.plugin.base import Plugin
from gotapi_core.plugin.manifest import FILE_NAME, Manifest, ManifestError, parse_manifest

log = logging.getLogger(__name__)

GROUP = "gotapi.plugins"
BUNDLE = "gotapi-hub"  # the distribution whose plug-ins came with the hub


@dataclass(frozen=True, slots=True)
class Found:
    """A plug-in that was found: its manifest, or why there is none."""

    manifest: Manifest
    reason: str = ""
    bundled: bool = False  # it came with the hub
    folder: Path | None = None  # where it lies, if that is no place for installed packages
    package: Path | None = None  # the folder whose files are the plug-in
    distribution: str = ""  # name and version of what installed it
    again: Callable[[], "Found"] | None = field(default=None, compare=False, repr=False)

    @property
    def sound(self) -> bool:
        """Whether it may be loaded."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded plug-in: what its hooks returned, or the fault that stopped it."""

    manifest: Manifest
    plugin_type: type[Plugin] | None = None
    profiles: dict[str, str] = field(default_factory=dict)
    settings_type: type[msgspec.Struct] | None = None
    commands: tuple[click.Command, ...] = ()
    hooks: Any = None  # pluggy's relay, for gotapi_authorize and gotapi_on_state
    reason: str = ""
    detail: str = ""
    isolated: bool = False  # it was not imported: it gets a process of its own
    folder: Path | None = None
    found: Found | None = None  # of one that the operator must approve; None for the hub's own


def find_plugins(entries: Iterable[EntryPoint] | None = None) -> list[Found]:
    """Return what the entry points offer, in order of name; imports no plug-in."""
    listed = entry_points(group=GROUP) if entries is None else entries
    return [_find_entry(entry) for entry in sorted(listed, key=_by_name)]


def _find_entry(entry: EntryPoint) -> Found:
    found = find_module(entry.name, entry.value)
    return replace(
        found,
        bundled=entry.dist is not None and entry.dist.name == BUNDLE,
        distribution="" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}",
        again=lambda: _find_again(entry),
    )


def _find_again(entry: EntryPoint) -> Found:
    importlib.invalidate_caches()
    for one in entry_points(group=GROUP, name=entry.name):
        if one.value == entry.value:
            return _find_entry(one)
    return _find_entry(entry)  # it was not found by its distribution in the first place


def find_module(name: str, module: str) -> Found:
    """Read the manifest beside a module without importing it."""
    try:
        folder = _folder_of(module)
        manifest = parse_manifest((folder / FILE_NAME).read_bytes())
        package = _package_of(folder, module)
    except (ValueError, ImportError, OSError) as error:  # ManifestError is a ValueError
        return Found(_nameless(name, module), f"its {FILE_NAME} cannot be read: {error}")
    if manifest.module != module:
        return Found(manifest, f"its manifest names module {manifest.module}, not {module}")
    return Found(manifest, package=package)


def load(found: Found) -> Loaded:
    """Import a plug-in and ask its hooks; every fault is kept in the answer, none is raised."""
    if not found.sound:
        return Loaded(found.manifest, reason=found.reason)
    try:
        return _load(found.manifest, importlib.import_module(found.manifest.module))
    except (Exception, SystemExit) as error:  # the boundary: an import may raise anything
        return _failed(found.manifest, error)


def load_module(manifest: Manifest, module: ModuleType | object) -> Loaded:
    """Load hooks from an object at hand instead of an entry point (tests, embedding)."""
    try:
        return _load(manifest, module)
    except (Exception, SystemExit) as error:  # the boundary
        return _failed(manifest, error)


def settle_ids(
    plugins: Iterable[Loaded], preferred: Callable[[Loaded], bool] = lambda _: False
) -> dict[str, Loaded]:
    """Return plug-ins by id: of two with the same, the first that can run keeps it.

    The hub's own go first, then those that are `preferred`: with an id go settings, files and the
    applications' trust. The other is kept as failed, under a name that can be nobody's id.
    """
    settled: dict[str, Loaded] = {}

    def rank(one: Loaded) -> tuple[bool, bool, bool]:
        return one.found is not None, not preferred(one), bool(one.reason)

    for loaded in sorted(plugins, key=rank):
        manifest = loaded.manifest
        if manifest.id not in settled:
            settled[manifest.id] = loaded
            continue
        first = settled[manifest.id].manifest
        number = next(n for n in itertools.count(2) if f"{manifest.id} ({n})" not in settled)
        reason = loaded.reason or (
            f"there is another plug-in with the id '{manifest.id}' (module {first.module}); "
            "uninstall one of the two"
        )
        other = msgspec.structs.replace(manifest, id=f"{manifest.id} ({number})")
        settled[other.id] = Loaded(other, reason=reason, detail=loaded.detail)
    return settled


def _load(manifest: Manifest, module: ModuleType | object) -> Loaded:
    hooks = pluggy.PluginManager(hookspecs.PROJECT)
    hooks.add_hookspecs(hookspecs)
    hooks.register(module, name=manifest.id)
    hooks.check_pending()
    plugin_type = _the_one(manifest, _listed("gotapi_plugins", hooks.hook.gotapi_plugins()))
    settings = _mapped("gotapi_settings", hooks.hook.gotapi_settings())
    loaded = Loaded(
        manifest,
        plugin_type=plugin_type,
        profiles=_mapped("gotapi_profiles", hooks.hook.gotapi_profiles()),
        settings_type=settings.get(manifest.id),
        commands=tuple(_listed("gotapi_commands", hooks.hook.gotapi_commands())),
        hooks=hooks.hook,
    )
    _check_against_manifest(loaded, plugin_type)
    return loaded


def _listed(hook: str, answers: Sequence[Any]) -> list[Any]:
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise TypeError(f"{hook}() must return a list, not {answer!r}")
    return [one for answer in answers for one in answer]


def _mapped(hook: str, answers: Sequence[Any]) -> dict[str, Any]:
    for answer in answers:
        if not isinstance(answer, dict):
            raise TypeError(f"{hook}() must return a dict, not {answer!r}")
    return {key: value for answer in answers for key, value in answer.items()}


def _the_one(manifest: Manifest, types: Sequence[object]) -> type[Plugin]:
    offered = []
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Plugin) and hasattr(kind, "id")):
            raise TypeError(f"gotapi_plugins() must list Plugin classes with an id, not {kind!r}")
        if kind.id == manifest.id:
            return kind
        offered.append(kind.id)
    only = ", ".join(offered) or "none"
    raise ManifestError(f"gotapi_plugins() returned no plug-in {manifest.id!r} (only {only})")


def _check_against_manifest(loaded: Loaded, kind: type[Plugin]) -> None:
    manifest = loaded.manifest
    _none_extra("answers profiles", kind.routes.profiles(), manifest.profiles)
    _none_extra("owns surfaces", kind.routes.paths(), manifest.surfaces)
    # Another plug-in's profile must not be explained, nor a command added, unannounced.
    _none_extra("words profiles", loaded.profiles, manifest.profiles)
    _none_extra("adds commands", _command_names(loaded.commands), manifest.commands)
    _check_words(loaded.profiles)
    _check_settings_type(loaded.settings_type)


def _none_extra(what: str, given: Iterable[str], named: Sequence[str]) -> None:
    extra = ", ".join(sorted(set(given) - set(named)))
    if extra:
        raise ManifestError(f"it {what} that its {FILE_NAME} does not name: {extra}")


def _command_names(commands: Sequence[object]) -> list[str]:
    for command in commands:
        if not isinstance(command, click.Command) or not command.name:
            raise TypeError(f"gotapi_commands() must list named click commands, not {command!r}")
    return [str(command.name) for command in commands if isinstance(command, click.Command)]


def _check_words(profiles: Mapping[str, object]) -> None:
    for profile, words in profiles.items():
        if not isinstance(words, str):
            raise TypeError(f"gotapi_profiles() must say in text what {profile!r} allows")


def _check_settings_type(kind: object) -> None:
    if kind is not None and not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        raise TypeError(f"gotapi_settings() must map the id to a msgspec.Struct, not to {kind!r}")


def _failed(manifest: Manifest, error: BaseException) -> Loaded:
    log.error("plug-in %s cannot be loaded", manifest.id, exc_info=error)
    reason = f"it cannot be loaded: {type(error).__name__}: {error}"
    return Loaded(manifest, reason=reason, detail=traceback.format_exc())


def _folder_of(module: str) -> Path:
    top, *below = module.split(".")  # find_spec of a dotted name would import its parents
    if not all(part.isidentifier() for part in (top, *below)):
        raise ManifestError(f"the entry point must name a package like 'my_plugin', not {module!r}")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise ManifestError(f"there is no package {top!r}")
    folders = [Path(where, *below) for where in spec.submodule_search_locations]
    # A namespace package has several folders; where none has the manifest, the first is named.
    return next((folder for folder in folders if (folder / FILE_NAME).exists()), folders[0])


def _package_of(folder: Path, module: str) -> Path:
    """Return the outermost package that is imported with the module."""
    for _ in module.split(".")[1:]:
        if (folder.parent / "__init__.py").exists():
            folder = folder.parent
    return folder


def _by_name(entry: EntryPoint) -> str:
    return entry.name


def _nameless(name: str, module: str) -> Manifest:
    return Manifest(id=name, name=name, version="?", module=module)
