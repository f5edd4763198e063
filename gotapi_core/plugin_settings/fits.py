"""Whether a section fits the schema that a plug-in told of it, also deep inside. PURE.

What the schema says in ways that are not understood here is let through: the plug-in looks again.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gotapi_core.plugin_settings.shape import Schema, Shape
from gotapi_core.protocol.schema import members_of
from gotapi_core.settings import explain

_VALUE = "value"


def misfit(shape: Shape, section: Mapping[str, Any]) -> str:
    """Say what does not fit, the setting's path first; empty where all does."""
    return _of(shape, shape.resolved(shape.schema), section, "")


def _of(shape: Shape, schema: Schema, value: object, path: str) -> str:
    if isinstance(value, Mapping) and schema.get("type") == "object":
        return _of_table(shape, schema, value, path)
    if isinstance(value, list) and schema.get("type") == "array" and "items" in schema:
        inner = (_at(shape, schema, one, n, f"{path}[{n}]") for n, one in enumerate(value))
        return next((why for why in inner if why), _of_value(shape, schema, value, path))
    return _of_value(shape, schema, value, path)


def _of_table(shape: Shape, schema: Schema, value: Mapping[str, Any], path: str) -> str:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    before = f"{path}." if path else ""
    if schema.get("additionalProperties") is False:
        for name in value:
            if name not in known:
                return f"there is no setting '{before}{name}'"
    needed = schema.get("required")
    for name in needed if isinstance(needed, list) else ():
        if isinstance(name, str) and name not in value:
            return f"the setting '{before}{name}' is missing"
    inner = (_at(shape, schema, one, str(key), f"{before}{key}") for key, one in value.items())
    return next((why for why in inner if why), "")


def _at(shape: Shape, schema: Schema, value: object, key: str | int, path: str) -> str:
    found = shape.inside([schema], key)
    if len(found) == 1:
        return _of(shape, found[0], value, path)
    # One of several: the first is the schema that lists them, and says what fits at the surface.
    tables = [one for one in found[1:] if one.get("type") == "object"]
    if len(tables) == 1 and isinstance(value, Mapping):
        return _of(shape, tables[0], value, path)
    return _of_value(shape, found[0], value, path) if found else ""


def _of_value(shape: Shape, schema: Schema, value: object, path: str) -> str:
    wrapped = {"type": "object", "properties": {_VALUE: schema}, "$defs": shape.definitions}
    members = members_of(wrapped) or {}
    try:
        msgspec.convert(value, members[_VALUE].kind)
    except msgspec.ValidationError as error:
        what = explain(str(error))
        return f"{path}{what}" if what.startswith("[") else f"{path}: {what}"
    return ""
