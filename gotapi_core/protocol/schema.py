"""From a JSON schema back to a type that checks and converts parameters. PURE.

A plug-in in another process sends the schemas of its parameters (2020-12, as `msgspec.json.schema`
writes them). What is not understood here accepts anything: the plug-in checks again for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Union

import msgspec

_MOST_DEPTH: Final = 8  # levels of types in types; deeper ones accept anything
_MOST_MEMBERS: Final = 200  # of one object; more is no description of parameters
_UNION: Final[Any] = Union  # made of types that are known at run time only
_SIMPLE: Final[Mapping[str, Any]] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": None,
}
_BOUNDS: Final[Mapping[str, str]] = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "minLength": "min_length",
    "maxLength": "max_length",
}


class Member(msgspec.Struct, frozen=True):
    """One member of an object: the type of its value, and whether it must be there."""

    kind: Any
    required: bool


def members_of(schema: Mapping[str, object]) -> dict[str, Member] | None:
    """Return the members of an object's schema by name; None where it is no such schema."""
    definitions = schema.get("$defs")
    reader = _Reader(definitions if isinstance(definitions, dict) else {})
    return reader.members(schema)


class _Reader:
    def __init__(self, definitions: Mapping[str, object]) -> None:
        self._definitions = definitions

    def members(self, schema: Mapping[str, object]) -> dict[str, Member] | None:
        schema = self._resolved(schema)
        properties = schema.get("properties")
        if not isinstance(properties, dict) or len(properties) > _MOST_MEMBERS:
            return None
        required = schema.get("required")
        needed = set(required) if isinstance(required, list) and _texts(required) else set()
        return {
            str(name): Member(self.type_of(inner, 1), name in needed)
            for name, inner in properties.items()
        }

    def type_of(self, schema: object, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > _MOST_DEPTH:
            return Any
        schema = self._resolved(schema)
        if isinstance(choices := schema.get("enum"), list):
            return _choice(choices)
        if isinstance(options := schema.get("anyOf"), list):
            return self._union(options, depth)
        kind = schema.get("type")
        if kind == "array":
            return list[self.type_of(schema.get("items"), depth + 1)]  # type: ignore[misc]  # made at run time
        if kind == "object":
            return dict[str, Any]
        if not isinstance(kind, str) or kind not in _SIMPLE:
            return Any
        return _bounded(_SIMPLE[kind], schema)

    def _union(self, options: Sequence[object], depth: int) -> Any:
        kinds = [self.type_of(option, depth + 1) for option in options[:_MOST_MEMBERS]]
        if not kinds or any(kind is Any for kind in kinds):
            return Any
        union = _UNION[tuple(kinds)]
        try:
            msgspec.convert(None, union | None, strict=False)
        except TypeError:  # of the unions that JSON cannot tell apart
            return Any
        return union

    def _resolved(self, schema: Mapping[str, object]) -> Mapping[str, object]:
        for _ in range(_MOST_DEPTH):  # a reference may name a reference, or itself
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                return schema
            found = self._definitions.get(reference.removeprefix("#/$defs/"))
            if not isinstance(found, dict):
                return {}
            schema = found
        return {}


def _choice(choices: list[object]) -> Any:
    if not choices or len(choices) > _MOST_MEMBERS or not _texts(choices):
        return Any
    return Literal[tuple(choices)]


def _texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _bounded(kind: Any, schema: Mapping[str, object]) -> Any:
    limits: dict[str, Any] = {
        ours: schema[theirs]
        for theirs, ours in _BOUNDS.items()
        if theirs in schema and _fits(kind, ours, schema[theirs])
    }
    try:
        return Annotated[kind, msgspec.Meta(**limits)] if limits else kind
    except ValueError:  # of both a bound that is inclusive and one that is not
        return kind


def _fits(kind: Any, bound: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if bound.endswith("length"):
        return kind is str and isinstance(value, int) and value >= 0
    return kind is float or (kind is int and isinstance(value, int) and abs(value) < 2**63)
