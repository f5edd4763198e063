"""JSON schemas of the routes' types. PURE.

The parts that several descriptions need: the members of a struct, components without what is not
used, and a schema without references for descriptions that have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

Json = dict[str, object]

TEMPLATE: Final = "#/components/schemas/{name}"
_PREFIX: Final = TEMPLATE.removesuffix("{name}")
_NAME: Final = re.compile(r"[^a-zA-Z0-9._-]")
_DEPTH: Final = 6  # levels of types in types that a schema without references shows


class Schemas:
    """The schemas of many types, as components."""

    def __init__(self, kinds: Iterable[type]) -> None:
        # A set has no order, and names of the same class in two modules depend on all of them.
        unique = {kind for kind in kinds if _has_schema(kind)}
        ordered = sorted(unique, key=lambda kind: (kind.__module__, kind.__qualname__))
        found, parts = msgspec.json.schema_components(ordered, ref_template=TEMPLATE)
        self._refs = {kind: _tidy(schema) for kind, schema in zip(ordered, found, strict=True)}
        self.components: dict[str, Json] = {
            _safe(name): _tidy(part) for name, part in sorted(parts.items())
        }

    def add(self, name: str, schema: Json) -> None:
        """Add a component that is no route's type."""
        self.components[name] = schema

    def of(self, kind: type) -> Json:
        """Return the schema of a type; an open object where it has none."""
        return self._refs.get(kind, {"type": "object"})

    def members(self, kind: type) -> tuple[dict[str, Json], list[str]]:
        """Return the members of a struct and the names of those that are required."""
        name = _component(self.of(kind))
        part = self.components[name] if name is not None else {}
        properties = part.get("properties")
        required = part.get("required")
        return (
            dict(properties) if isinstance(properties, dict) else {},
            list(required) if isinstance(required, list) else [],
        )

    def used_by(self, document: object) -> dict[str, Json]:
        """Return the components that a document refers to, and those that they refer to."""
        used: dict[str, Json] = {}
        waiting = list(_references(document))
        while waiting:
            name = waiting.pop()
            if name not in used and name in self.components:
                used[name] = self.components[name]
                waiting.extend(_references(used[name]))
        return dict(sorted(used.items()))

    def inlined(self, schema: object, depth: int = _DEPTH) -> object:
        """Return a schema without references, `anyOf` and `prefixItems`; W3C WoT has none of them.

        What is nested too deep, or in itself, accepts anything there.
        """
        if isinstance(schema, list):
            return [self.inlined(one, depth) for one in schema]
        if not isinstance(schema, dict):
            return schema
        component = _component(schema)
        if component is not None:
            return self.inlined(self.components.get(component, {}), depth - 1) if depth else {}
        plain = {
            "oneOf" if name == "anyOf" else name: self._inlined_member(name, value, depth)
            for name, value in schema.items()
            if name not in ("prefixItems", "additionalProperties")
        }
        if "prefixItems" in schema:
            plain.pop("items", None)
        choices = plain.get("oneOf")
        # One that accepts anything accepts what the others do: then not exactly one does.
        return {} if isinstance(choices, list) and {} in choices else plain

    def _inlined_member(self, name: str, value: object, depth: int) -> object:
        if name == "properties" and isinstance(value, dict):  # their names are no keywords
            return {inner: self.inlined(one, depth) for inner, one in value.items()}
        return value if name in ("default", "enum", "const") else self.inlined(value, depth)


def _component(schema: Mapping[str, object]) -> str | None:
    """Return the name of the component that a schema refers to."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith(_PREFIX):
        return None
    return reference.removeprefix(_PREFIX)


def _has_schema(kind: type) -> bool:
    if kind is type(None) or not issubclass(kind, msgspec.Struct):
        return False
    try:
        msgspec.json.schema_components([kind], ref_template=TEMPLATE)
    except TypeError:  # a plug-in's type of its own that JSON schema cannot say
        return False
    return True


def _safe(name: str) -> str:
    return _NAME.sub("_", name)


def _tidy(schema: object) -> Json:
    """Return a schema with component names that are allowed, open for members of later versions."""
    found = _tidied(schema)
    assert isinstance(found, dict)
    return found


def _tidied(schema: object) -> object:
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidy: Json = {
        name: {inner: _tidied(one) for inner, one in value.items()}
        if name == "properties" and isinstance(value, dict)
        else value
        if name in ("default", "enum", "const")
        else _tidied(value)
        for name, value in schema.items()
        if (name, value) not in (("additionalProperties", False), ("required", []))
    }
    reference = tidy.get("$ref")
    if isinstance(reference, str):
        tidy["$ref"] = _PREFIX + _safe(reference.removeprefix(_PREFIX))
    return tidy


def _references(document: object) -> Iterable[str]:
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            name = _component(one)
            if name is not None:
                yield name
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def standalone(schemas: Schemas) -> Json:
    """Return all components as one JSON schema document (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gotapi-hub",
        "$defs": {name: _moved(schema) for name, schema in schemas.components.items()},
    }


def _moved(schema: object) -> object:
    if isinstance(schema, list):
        return [_moved(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    name = _component(schema)
    moved = {key: _moved(value) for key, value in schema.items()}
    return moved if name is None else {**moved, "$ref": f"#/$defs/{name}"}
