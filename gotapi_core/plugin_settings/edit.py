"""A plug-in's section changed in the text of `gotapi.toml`, everything else left as it is. PURE.

A TOML file can say the same in many ways. What comes out is read again and compared with what was
meant: an edit that would have changed anything else is never returned.
"""

import copy
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

from gotapi_core.plugin_settings.spelling import (
    same,
    toml_key,
    toml_value,
    without_nulls,
)
from gotapi_core.settings import SettingsError

MOST_TEXT: Final = 1024 * 1024  # characters; a file of settings has some thousand at most


class Gone:
    """Stands for the value of a setting that goes back to its default."""


GONE: Final = Gone()
Wanted = Mapping[str, object]  # name -> its new value, or GONE


def parsed(text: str, file: str = "gotapi.toml") -> dict[str, Any]:
    """Return what a text says; raises SettingsError."""
    if len(text) > MOST_TEXT:
        raise SettingsError(f"{file} is larger than {MOST_TEXT:,} characters")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error


def section_of(table: Mapping[str, Any], plugin_id: str) -> dict[str, Any]:
    """Return the section of a plug-in; raises SettingsError where there is a value in its place."""
    plugins = table.get("plugins", {})
    section = plugins.get(plugin_id, {}) if isinstance(plugins, dict) else plugins
    if not isinstance(section, dict):
        raise SettingsError(f"plugins.{plugin_id} is a value, not a section")
    return section


def edited(text: str, plugin_id: str, wanted: Wanted) -> str:
    """Return the text with the settings as they are wanted.

    Raises SettingsError where the text is no TOML, a value has no spelling in it, or the section is
    written in a way that cannot be changed safely.
    """
    before = parsed(text)
    wanted = {name: one if one is GONE else without_nulls(one) for name, one in wanted.items()}
    after = _meant(before, plugin_id, wanted)
    if same(before, after):
        return text
    if text and not text.endswith("\n"):
        text += "\n"
    for edit in (_appended, _in_place, _replaced):
        new = _attempt(edit, text, plugin_id, wanted)
        if new is not None and _says(new, after):
            return new
    raise SettingsError(
        f"gotapi.toml writes [plugins.{plugin_id}] in a way that cannot be changed from here; edit "
        "the file yourself and restart the hub"
    )


def _meant(before: dict[str, Any], plugin_id: str, wanted: Wanted) -> dict[str, Any]:
    after = copy.deepcopy(before)
    new: dict[str, object] = {}
    for name, value in wanted.items():
        if not isinstance(value, Gone):
            new[name] = _read_back(name, value)
    if new:
        section_of(after, plugin_id)  # raises, where something else stands there
        after.setdefault("plugins", {}).setdefault(plugin_id, {}).update(new)
    for name in wanted.keys() - new.keys():
        section_of(after, plugin_id).pop(name, None)
    return after


def _read_back(name: str, value: object) -> object:
    try:
        return tomllib.loads(f"value = {toml_value(value)}")["value"]
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from None


def _attempt(
    edit: Callable[[str, str, Wanted], str], text: str, plugin_id: str, wanted: Wanted
) -> str | None:
    try:
        new = edit(text, plugin_id, wanted)
    except Exception:  # the boundary: tomlkit's answer to a file that it does not understand
        return None
    crlf = text.count("\r\n")
    if crlf and crlf == text.count("\n"):  # as the file has it
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    return new


def _says(text: str, meant: Mapping[str, Any]) -> bool:
    try:
        return same(tomllib.loads(text), meant)
    except tomllib.TOMLDecodeError:
        return False


def _appended(text: str, plugin_id: str, wanted: Wanted) -> str:
    """Write a section that is not there yet at the end."""
    given = {name: one for name, one in wanted.items() if not isinstance(one, Gone)}
    lines = [f"{toml_key(name)} = {toml_value(one)}\n" for name, one in given.items()]
    return f"{text}{chr(10) if text else ''}[plugins.{toml_key(plugin_id)}]\n{''.join(lines)}"


def _in_place(text: str, plugin_id: str, wanted: Wanted) -> str:
    """Change the members that differ, also deep inside, so that their comments stay."""
    return _by_tomlkit(text, plugin_id, wanted, _put)


def _replaced(text: str, plugin_id: str, wanted: Wanted) -> str:
    """Write each setting that changes anew."""

    def put(section: MutableMapping[str, Any], name: str, value: object) -> None:
        section.pop(name, None)
        section[name] = _item(value)

    return _by_tomlkit(text, plugin_id, wanted, put)


def _by_tomlkit(
    text: str,
    plugin_id: str,
    wanted: Wanted,
    put: Callable[[MutableMapping[str, Any], str, object], None],
) -> str:
    import tomlkit  # late: most hubs never change a file

    for name, value in wanted.items():
        # One at a time: of a section with dotted names tomlkit loses count after the first.
        document: Any = tomlkit.parse(text)
        section = document.setdefault("plugins", {}).setdefault(plugin_id, {})
        if isinstance(value, Gone):
            section.pop(name, None)
        else:
            put(section, name, value)
        text = tomlkit.dumps(document)
    return text


def _item(value: object) -> Any:
    import tomlkit

    return tomlkit.value(toml_value(value))


def _put(holder: Any, key: Any, value: object) -> None:
    from tomlkit.items import AoT

    old = holder.get(key) if isinstance(holder, Mapping) else holder[key]
    if same(_plain(old), value):
        return
    if isinstance(old, MutableMapping) and isinstance(value, Mapping):
        for name in [name for name in old if name not in value]:
            del old[name]
        for name, one in value.items():
            _put(old, name, one)
    elif isinstance(old, AoT) and isinstance(value, list) and value and _tables(value):
        _put_list(old, value)
    else:
        holder[key] = _item(value)


def _put_list(old: Any, new: list[object]) -> None:
    """Change `[[tables]]`: those that stayed the same keep their comments, wherever they are."""
    plain = _plain(old)
    shorter = min(len(plain), len(new))
    head = next((n for n in range(shorter) if not same(plain[n], new[n])), shorter)
    tail = 0
    while tail < shorter - head and same(plain[-1 - tail], new[-1 - tail]):
        tail += 1
    there, wanted = len(plain) - tail, len(new) - tail
    for _ in range(wanted, there):
        del old[wanted]
    for place in range(head, min(there, wanted)):
        _put(old, place, new[place])
    for place in range(there, wanted):
        old.insert(place, _table(new[place]))


def _table(value: object) -> Any:
    import tomlkit

    table = tomlkit.table()
    assert isinstance(value, Mapping)
    for name, one in value.items():
        table[name] = _item(one)
    return table


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value


def _tables(values: list[object]) -> bool:
    return all(isinstance(one, Mapping) for one in values)
