"""How values are written in TOML, and when two of them are the same. PURE."""

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final

from gotapi_core.settings import SettingsError

MOST_DEPTH: Final = 32  # levels of lists and tables; they are walked by recursion
_LINE = 90  # characters; a longer list of tables gets a line for each of them
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_value(value: object, depth: int = 0) -> str:
    """Return a value as TOML 1.0 spells it; raises SettingsError for what it has no spelling for.

    Members that are null are left out of tables.
    """
    if depth > MOST_DEPTH:
        raise SettingsError(f"it is nested deeper than {MOST_DEPTH} levels")
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int():
            return _whole(value)
        case float():
            return repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return _table(value, depth)
        case list() | tuple():
            return _list([toml_value(one, depth + 1) for one in value], value)
        case None:
            raise SettingsError("TOML has no null; leave it out")
        case _:
            raise SettingsError(f"TOML has no {type(value).__name__}")


def toml_key(name: str) -> str:
    """Return a name as TOML spells it before an equals sign."""
    return name if _BARE.fullmatch(name) else _text(name)


def without_nulls(value: object) -> Any:
    """Return a value without the members of tables that are null: absent is how TOML says it."""
    if isinstance(value, Mapping):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list | tuple) else value


def same(one: object, other: object) -> bool:
    """Tell whether two values of TOML are the same, also in their types."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SettingsError("the text has half a character (a lone surrogate) in it") from None
    # JSON's escapes are TOML's; TOML has U+007F among those that must be escaped, too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _whole(value: int) -> str:
    if not -(2**63) <= value < 2**63:  # TOML 1.0, Integer
        raise SettingsError(f"{value} has more than the 64 bits of a number in TOML")
    return str(value)


def _table(value: Mapping[Any, object], depth: int) -> str:
    kept = {str(key): one for key, one in value.items() if one is not None}
    pairs = (f"{toml_key(key)} = {toml_value(one, depth + 1)}" for key, one in kept.items())
    return f"{{ {', '.join(pairs)} }}" if kept else "{}"


def _list(items: list[str], value: list[object] | tuple[object, ...]) -> str:
    line = f"[{', '.join(items)}]"
    if len(line) <= _LINE or not any(isinstance(one, Mapping) for one in value):
        return line
    return "[\n" + "".join(f"    {one},\n" for one in items) + "]"
