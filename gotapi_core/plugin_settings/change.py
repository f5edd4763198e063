"""A change of a plug-in's settings, checked as a whole before anything of it is written. PURE."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gotapi_core.plugin_settings.edit import GONE, Wanted, edited, parsed, section_of
from gotapi_core.plugin_settings.fits import misfit
from gotapi_core.plugin_settings.laid import Laid, effective
from gotapi_core.plugin_settings.secrets import restored
from gotapi_core.plugin_settings.shape import Shape
from gotapi_core.plugin_settings.spelling import without_nulls
from gotapi_core.settings import Settings, SettingsError, convert_plugin_settings

_WHERE = re.compile(r"\[plugins\.[^\]]*\]: (?P<path>[\w.\[\]-]+): ")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")

Check = Callable[[Settings], object]
"""Raises SettingsError where the section does not fit the plug-in."""


class Asked(msgspec.Struct, frozen=True):
    """What is to be changed: new values, and names that go back to their defaults."""

    values: Mapping[str, Any] = {}
    unset: Sequence[str] = ()


class Prepared(msgspec.Struct, frozen=True):
    """A change that fits: the text to be written, and the settings that it makes."""

    text: str
    settings: Settings


def prepare(
    text: str,
    plugin_id: str,
    asked: Asked,
    *,
    shape: Shape | None,
    check: Check,
    laid: Laid,
    file: str,
) -> Prepared:
    """Return what a change comes to; raises SettingsError that names the setting."""
    section = section_of(parsed(text, file), plugin_id)
    wanted = _wanted(section, plugin_id, asked, shape)
    _check_names(wanted, plugin_id, shape, laid)
    new = edited(text, plugin_id, wanted)
    settings = effective(new, laid, file)
    try:
        check(settings)
    except SettingsError as error:
        raise SettingsError(with_advice(str(error), shape)) from error
    return Prepared(new, settings)


def type_check(plugin_id: str, kind: type[msgspec.Struct] | None) -> Check:
    """Return the check by the plug-in's own type."""

    def check(settings: Settings) -> object:
        try:
            return convert_plugin_settings(settings, plugin_id, kind)
        except SettingsError:
            raise
        except Exception as error:  # the boundary: the type is the plug-in's own code
            raise SettingsError(
                f"[plugins.{plugin_id}]: its settings type cannot be used: "
                f"{type(error).__name__}: {error}"
            ) from error

    return check


def schema_check(plugin_id: str, shape: Shape | None) -> Check:
    """Return the check by what a plug-in told; it checks again for itself when it starts."""

    def check(settings: Settings) -> object:
        if shape is not None and (why := misfit(shape, settings.plugins.get(plugin_id, {}))):
            raise SettingsError(f"[plugins.{plugin_id}]: {why}")
        return None

    return check


def with_advice(message: str, shape: Shape | None) -> str:
    """Add to a message what the setting that it names should be."""
    found = _WHERE.match(message)
    if found is None or shape is None:
        return message
    said = [shape.words(one) for one in shape.at(_steps(found["path"]))[:1]]
    return f"{message}. It should be {said[0]}" if said and said[0] else message


def _steps(path: str) -> list[str | int]:
    # `[...]` is any member of a table, for which every name stands.
    return [int(number) if number else name or "*" for name, number, _ in _STEP.findall(path)]


def _wanted(
    section: Mapping[str, Any], plugin_id: str, asked: Asked, shape: Shape | None
) -> Wanted:
    both = set(asked.values) & set(asked.unset)
    if both:
        raise SettingsError(f"{', '.join(sorted(both))} is to be set and to be unset at once")
    wanted: dict[str, object] = dict.fromkeys(asked.unset, GONE)
    for name, value in asked.values.items():
        kept = without_nulls(restored(value, section.get(name), shape, name))
        wanted[name] = GONE if kept is None else kept  # TOML has no null: it is not there
    return wanted


def _check_names(wanted: Wanted, plugin_id: str, shape: Shape | None, laid: Laid) -> None:
    by = laid.names(plugin_id)
    for name in wanted:
        if who := by.get(name, by.get("*")):
            raise SettingsError(
                f"{name} was given when the hub was started ({who}), which goes before the file; "
                "start the hub without that to change it here"
            )
    known = None if shape is None else [one.name for one in shape.members]
    for name, value in wanted.items():
        if known is not None and value is not GONE and name not in known:
            there = ", ".join(known) or "none"
            raise SettingsError(f"plug-in '{plugin_id}' has no setting '{name}'; it has: {there}")
