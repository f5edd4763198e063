"""What settings a plug-in has, out of the JSON schema (2020-12) of their type. PURE.

A plug-in in the hub's process has the type itself; one in a process of its own sends its schema.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from gotapi_core.protocol.schema import members_of

_MOST_MEMBERS: Final = 200  # of one plug-in; they stand on one page
_MOST_HOPS: Final = 8  # references to references
_MOST_WORDS: Final = 600  # characters about one value
_WORDS_DEPTH: Final = 2  # levels of lists and tables that are put into words

Schema = Mapping[str, Any]
Kind = Literal["bool", "int", "float", "text", "choice", "json"]


class Member(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One setting: its kind, what it may be, and in `should` the same in words.

    `json` are lists, tables and whatever else has no simple input; `secret` ones are never shown.
    """

    name: str
    kind: Kind = "json"
    description: str = ""
    should: str = ""
    secret: bool = False
    required: bool = False
    default: Any = msgspec.UNSET
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None  # more than this, and not this itself
    below: float | None = None
    longest: int | None = None  # characters


class Shape:
    """All settings of a plug-in, and how to find the schema of what lies deep in them."""

    def __init__(self, schema: Schema) -> None:
        definitions = schema.get("$defs")
        self.definitions = definitions if isinstance(definitions, dict) else {}
        self._root = self.resolved(schema)
        self.schema = schema
        properties = self._root.get("properties")
        self._properties = properties if isinstance(properties, dict) else {}
        needed = _texts(self._root.get("required"))
        self._needed = set(needed)
        self.closed = self._root.get("additionalProperties") is False
        self.members = tuple(self._member(str(name), one) for name, one in self._properties.items())

    def resolved(self, schema: object) -> Schema:
        """Follow references."""
        for _ in range(_MOST_HOPS):
            if not isinstance(schema, dict):
                break
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                return schema
            target = self.definitions.get(reference.removeprefix("#/$defs/"), {})
            beside = {key: one for key, one in schema.items() if key != "$ref"}
            schema = {**target, **beside} if isinstance(target, dict) else {}
        return {}

    def options(self, schema: object) -> list[Schema]:
        """Return what a schema allows, one by one."""
        found = self.resolved(schema)
        several = found.get("anyOf")
        return [found, *map(self.resolved, several)] if isinstance(several, list) else [found]

    def inside(self, schemas: Sequence[Schema], key: str | int) -> list[Schema]:
        """Return the schemas of a member of tables, or of an item of lists, with such schemas."""
        found: list[Schema] = []
        for schema in schemas:
            inner = _of_table(schema, key) if isinstance(key, str) else _of_list(schema, key)
            if inner is not None:
                found.extend(self.options(inner))
        return found

    def at(self, path: Sequence[str | int]) -> list[Schema]:
        """Return the schemas of what stands at a path; none where that is not known."""
        schemas: list[Schema] = [self._root]
        for key in path:
            schemas = self.inside(schemas, key)
        return schemas

    def _member(self, name: str, given: object) -> Member:
        schema = self.resolved(given)
        said = given.get("description", "") if isinstance(given, dict) else ""
        kind, more = _kind(schema)
        return Member(
            name=name,
            kind=kind,
            description=str(said),  # not that of the type it refers to
            should=self.words(schema),
            secret=is_secret(self.options(schema)),
            required=name in self._needed,
            default=schema.get("default", msgspec.UNSET),
            **more,
        )

    def words(self, schema: object, depth: int = 0) -> str:
        """Say what a value should be; empty where the schema does not tell."""
        if depth > _MOST_HOPS:
            return ""
        found = self.resolved(schema)
        if isinstance(choices := found.get("enum"), list):
            return "one of " + ", ".join(_quoted(one) for one in choices[:20])
        if isinstance(several := found.get("anyOf"), list):
            said = [self.words(one, depth + 1) for one in several[:10]]
            return ", or ".join(one for one in said if one)[:_MOST_WORDS]
        match found.get("type"):
            case "boolean":
                return "true or false"
            case "integer":
                return f"a whole number{_range(found)}"
            case "number":
                return f"a number{_range(found)}"
            case "string":
                longest = found.get("maxLength")
                return f"text of at most {longest} characters" if longest else "text"
            case "array":
                return self._list_words(found, depth)
            case "object":
                return self._table_words(found, depth)
            case _:
                return ""

    def _list_words(self, schema: Schema, depth: int) -> str:
        if isinstance(fixed := schema.get("prefixItems"), list):
            inner = ", ".join(self.words(one, depth + 1) or "any value" for one in fixed[:10])
            return f"a list of exactly: {inner}"
        inner = self.words(schema.get("items"), depth + 1) if depth < _WORDS_DEPTH else ""
        return f"a list; each item: {inner}" if inner else "a list"

    def _table_words(self, schema: Schema, depth: int) -> str:
        properties = schema.get("properties")
        if not isinstance(properties, dict) or not properties or depth >= _WORDS_DEPTH:
            return "a table"
        needed = _texts(schema.get("required"))
        names = (f"{name} (needed)" if name in needed else str(name) for name in properties)
        return f"a table with {', '.join(names)}"[:_MOST_WORDS]


def shape_of_type(kind: type[msgspec.Struct]) -> Shape:
    """Return the shape of a plug-in's settings type.

    What msgspec has no schema for, as of a custom type, can be anything here; the type checks it.
    """
    try:
        return Shape(msgspec.json.schema(kind))
    except TypeError:
        fields = msgspec.structs.fields(kind)
        properties = {one.encode_name: _schema_of_field(one) for one in fields}
        required = [one.encode_name for one in fields if one.required]
        return Shape({"type": "object", "properties": properties, "required": required})


def shape_of_schema(schema: Schema) -> Shape | None:
    """Return the shape that a plug-in described; None where it is no schema of a table."""
    members = members_of(schema)
    return Shape(schema) if members is not None and len(members) <= _MOST_MEMBERS else None


def is_secret(schemas: Sequence[Schema]) -> bool:
    """Tell whether a value is marked as secret (JSON Schema validation 9.4: writeOnly)."""
    return any(one.get("writeOnly") is True for one in schemas)


def _schema_of_field(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    try:
        schema = msgspec.json.schema(field.type)
        schema.pop("$defs", None)
    except TypeError:
        schema = {}
    if field.required:
        return schema
    fixed = field.default is not msgspec.NODEFAULT
    try:
        given = field.default if fixed else field.default_factory()
        return {**schema, "default": msgspec.to_builtins(given)}
    except TypeError:
        return schema


def _kind(schema: Schema) -> tuple[Kind, dict[str, Any]]:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices and all(isinstance(one, str) for one in choices):
        return "choice", {"choices": tuple(choices)}
    match schema.get("type"):
        case "boolean":
            return "bool", {}
        case "integer" | "number" as kind:
            return ("int" if kind == "integer" else "float"), _bounds(schema)
        case "string":
            longest = schema.get("maxLength")
            return "text", {"longest": longest if isinstance(longest, int) else None}
        case _:
            return "json", {}


_BOUNDS: Final = {
    "minimum": "minimum",
    "maximum": "maximum",
    "above": "exclusiveMinimum",
    "below": "exclusiveMaximum",
}


def _bounds(schema: Schema) -> dict[str, Any]:
    given = {ours: schema.get(theirs) for ours, theirs in _BOUNDS.items()}
    return {name: one for name, one in given.items() if isinstance(one, int | float)}


def _range(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    said = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    found = [text.format(schema[name]) for name, text in said.items() if name in schema]
    return f" {' and '.join(found)}" if found else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _of_table(schema: Schema, key: str) -> object:
    properties = schema.get("properties")
    if isinstance(properties, dict) and key in properties:
        return properties[key]
    more = schema.get("additionalProperties")
    return more if isinstance(more, dict) else None


def _of_list(schema: Schema, place: int) -> object:
    fixed = schema.get("prefixItems")
    if isinstance(fixed, list) and place < len(fixed):
        return fixed[place]
    items = schema.get("items")
    return items if isinstance(items, dict) else None


NOTHING: Final = Shape({"type": "object", "properties": {}, "additionalProperties": False})
"""The shape of a plug-in without settings."""
