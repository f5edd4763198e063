"""Finds plug-ins and loads each alone behind a guard: one that is broken harms only itself.

Plug-ins come from the entry-point group `gotapi.plugins`, whose values name a module. Its package
carries a manifest, read without importing it; only then is the module imported and its hooks asked.
"""

import importlib
import importlib.util
import logging
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Found:
    """A plug-in that was found: its manifest, or why there is none."""

    manifest: Manifest
    reason: str = ""

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


def find_plugins(entries: Iterable[EntryPoint] | None = None) -> list[Found]:
    """Return what the entry points offer, in order of name; imports no plug-in."""
    listed = entry_points(group=GROUP) if entries is None else entries
    return [find_module(entry.name, entry.value) for entry in sorted(listed, key=_by_name)]


def find_module(name: str, module: str) -> Found:
    """Read the manifest beside a module without importing it."""
    try:
        folder = _folder_of(module)
        manifest = parse_manifest((folder / FILE_NAME).read_bytes())
    except (ManifestError, OSError) as error:
        return Found(_nameless(name, module), f"its {FILE_NAME} cannot be read: {error}")
    if manifest.module != module:
        return Found(manifest, f"its manifest names module {manifest.module}, not {module}")
    return Found(manifest)


def load(found: Found) -> Loaded:
    """Import a plug-in and ask its hooks; every fault is kept in the answer, none is raised."""
    if not found.sound:
        return Loaded(found.manifest, reason=found.reason)
    try:
        return _load(found.manifest, importlib.import_module(found.manifest.module))
    except Exception as error:  # the boundary: an import may raise anything
        return _failed(found.manifest, error)


def load_module(manifest: Manifest, module: ModuleType | object) -> Loaded:
    """Load hooks from an object at hand instead of an entry point (tests, embedding)."""
    try:
        return _load(manifest, module)
    except Exception as error:  # the boundary
        return _failed(manifest, error)


def _load(manifest: Manifest, module: ModuleType | object) -> Loaded:
    hooks = pluggy.PluginManager(hookspecs.PROJECT)
    hooks.add_hookspecs(hookspecs)
    hooks.register(module, name=manifest.id)
    hooks.check_pending()
    types = [kind for kinds in hooks.hook.gotapi_plugins() for kind in kinds]
    plugin_type = _the_one(manifest, types)
    _check_against_manifest(manifest, plugin_type)
    settings = {
        plugin: kind for part in hooks.hook.gotapi_settings() for plugin, kind in part.items()
    }
    return Loaded(
        manifest,
        plugin_type=plugin_type,
        profiles={k: v for part in hooks.hook.gotapi_profiles() for k, v in part.items()},
        settings_type=settings.get(manifest.id),
        commands=tuple(c for part in hooks.hook.gotapi_commands() for c in part),
        hooks=hooks.hook,
    )


def _the_one(manifest: Manifest, types: Sequence[type[Plugin]]) -> type[Plugin]:
    for kind in types:
        if kind.id == manifest.id:
            return kind
    offered = ", ".join(kind.id for kind in types) or "none"
    raise ManifestError(f"gotapi_plugins() returned no plug-in {manifest.id!r} (only {offered})")


def _check_against_manifest(manifest: Manifest, kind: type[Plugin]) -> None:
    extra = set(kind.routes.profiles()) - set(manifest.profiles)
    if extra:
        raise ManifestError(f"the class answers profiles its manifest does not name: {extra}")
    extra = {route.path for route in kind.routes.surfaces()} - set(manifest.surfaces)
    if extra:
        raise ManifestError(f"the class owns surfaces its manifest does not name: {extra}")


def _failed(manifest: Manifest, error: Exception) -> Loaded:
    log.error("plug-in %s cannot be loaded", manifest.id, exc_info=error)
    reason = f"it cannot be loaded: {type(error).__name__}: {error}"
    return Loaded(manifest, reason=reason, detail=traceback.format_exc())


def _folder_of(module: str) -> Path:
    top = module.partition(".")[0]  # find_spec of a dotted name would import its parents
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise ManifestError(f"there is no package {top!r}")
    return Path(next(iter(spec.submodule_search_locations)), *module.split(".")[1:])


def _by_name(entry: EntryPoint) -> str:
    return entry.name


def _nameless(name: str, module: str) -> Manifest:
    return Manifest(id=name, name=name, version="?", module=module)
