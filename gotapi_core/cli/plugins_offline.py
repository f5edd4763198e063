"""A plug-in's settings while no hub runs: the same file, by the same rules."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from gotapi_core.cli.asking import paths_of
from gotapi_core.host.loader import Found, find_plugins, load
from gotapi_core.host.plugin_folders import find_folders
from gotapi_core.paths import Paths
from gotapi_core.plugin_settings.change import (
    Asked,
    Check,
    prepare,
    schema_check,
    type_check,
)
from gotapi_core.plugin_settings.edit import parsed, section_of
from gotapi_core.plugin_settings.file import read_file, refusal, write_file
from gotapi_core.plugin_settings.laid import Laid, effective
from gotapi_core.plugin_settings.shape import NOTHING, Shape, shape_of_type
from gotapi_core.plugin_settings.view import Sections, View, settings_seen
from gotapi_core.settings import SettingsError


def view(plugin: str, home: Path | None) -> dict[str, Any]:
    """Return what a running hub would answer; raises ClickException."""
    paths = paths_of(home)
    shape, _ = _known(plugin, paths)
    try:
        state = read_file(paths.settings_file)
        file = section_of(parsed(state.text, str(paths.settings_file)), plugin)
        made = effective(state.text, Laid(), str(paths.settings_file)).plugins.get(plugin, {})
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    found = View(
        id=plugin,
        file=str(paths.settings_file),
        revision=state.revision,
        known=shape is not None,
        settings=settings_seen(shape, Sections(file, made, None, {})),
        refusal=refusal(paths.settings_file),
    )
    members: dict[str, Any] = msgspec.to_builtins(found)
    return members


def change(plugin: str, values: Mapping[str, Any], unset: Sequence[str], home: Path | None) -> None:
    """Check a change and write it; raises ClickException, and then nothing is written."""
    paths = paths_of(home)
    shape, check = _known(plugin, paths)
    file = paths.settings_file
    asked = Asked(values, tuple(unset))
    try:
        state = read_file(file)
        new = prepare(
            state.text, plugin, asked, shape=shape, check=check, laid=Laid(), file=str(file)
        )
        if new.text != state.text:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(file, new.text, state.revision)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{file.parent} cannot be made: {error.strerror}") from error


def _known(plugin: str, paths: Paths) -> tuple[Shape | None, Check]:
    found = _found(plugin, paths)
    if not found.bundled or not found.sound:  # what nobody approved is not imported for this
        return None, schema_check(plugin, None)
    loaded = load(found)
    if loaded.reason:
        return None, schema_check(plugin, None)
    kind = loaded.settings_type
    return (NOTHING if kind is None else shape_of_type(kind)), type_check(plugin, kind)


def _found(plugin: str, paths: Paths) -> Found:
    everything = [*find_plugins(), *find_folders(paths.config / "plugins.d")]
    for one in sorted(everything, key=lambda one: not one.bundled):
        if one.manifest.id == plugin:
            return one
    known = ", ".join(sorted({one.manifest.id for one in everything})) or "none"
    raise click.ClickException(f"There is no plug-in {plugin}; there are: {known}")
