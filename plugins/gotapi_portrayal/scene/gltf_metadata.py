"""PURE: features and their attributes by EXT_structural_metadata: a table for each layer."""

import math
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from gotapi_portrayal.data.types import Attribute, Feature
from gotapi_portrayal.scene.gltf_buffers import Buffer, Json

EXTENSION: Final = "EXT_structural_metadata"
MOST_COLUMNS: Final = 200
"""Attributes of a layer: extensions of a city model have some dozens."""
_NO_INT: Final = -(2**31)
_NO_LONG: Final = -(2**63)
_NO_FLOAT: Final = -1.7976931348623157e308
_NO_BOOL: Final = 255


class Names:
    """Names that schemas allow: a letter, then letters, digits and `_`; each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Return an id like a name that nobody has yet."""
        plain = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
        plain = plain if re.match("[A-Za-z_]", plain) else f"_{plain}"
        unique, count = plain, 2
        while unique in self._taken:
            unique, count = f"{plain}_{count}", count + 1
        self._taken.add(unique)
        return unique


def tables(buffer: Buffer, groups: Sequence[tuple[str, str, Sequence[Feature]]]) -> Json | None:
    """Return the extension of the document; groups are layers: id, title, features.

    None where there are no features. Each group is a class and a table, in this order.
    """
    classes: Json = {}
    found: list[Json] = []
    names = Names()
    for layer, title, features in groups:
        identifier = names.take(layer)
        properties, columns = _columns(buffer, features)
        classes[identifier] = {"name": title, "properties": properties}
        found.append(
            {"name": title, "class": identifier, "count": len(features), "properties": columns}
        )
    if not found:
        return None
    return {"schema": {"id": "features", "classes": classes}, "propertyTables": found}


def _columns(buffer: Buffer, features: Sequence[Feature]) -> tuple[Json, Json]:
    names = Names()
    properties: Json = {}
    columns: Json = {}

    def put(name: str, values: Sequence[Attribute], semantic: str = "") -> None:
        identifier = names.take(name)
        described, stored = column(buffer, values)
        described["name"] = name
        if semantic:
            described["semantic"] = semantic
        properties[identifier], columns[identifier] = described, stored

    put("id", [one.object_id for one in features], "ID")
    put("number", [one.number for one in features])
    put("kind", [one.kind for one in features])
    attributes = [one.attributes for one in features]
    known = list(dict.fromkeys(name for one in attributes for name in one))
    for name in known[:MOST_COLUMNS]:
        put(name, [one.get(name) for one in attributes])
    return properties, columns


def column(buffer: Buffer, values: Sequence[Attribute]) -> tuple[Json, Json]:
    """Return how the values of an attribute are described, and where they are stored."""
    kinds = set(map(type, values))
    missing = type(None) in kinds
    kinds.discard(type(None))
    if kinds == {bool}:
        return _flags(buffer, values, missing)
    if kinds == {int}:
        return _whole(buffer, values, missing)
    if kinds and kinds <= {int, float}:
        return _floats(buffer, values)
    return _texts(buffer, values)


def _flags(buffer: Buffer, values: Sequence[Attribute], missing: bool) -> tuple[Json, Json]:
    if not missing:
        packed = np.packbits(np.array(values, bool), bitorder="little")
        return {"type": "BOOLEAN", "required": True}, {"values": buffer.view(packed.tobytes())}
    # A boolean has no value for "nothing".
    numbers = np.array([_NO_BOOL if one is None else one for one in values], np.uint8)
    described = {"type": "SCALAR", "componentType": "UINT8", "noData": _NO_BOOL}
    described["description"] = "0 is false, 1 is true"
    return described, {"values": buffer.view(numbers.tobytes())}


def _whole(buffer: Buffer, values: Sequence[Attribute], missing: bool) -> tuple[Json, Json]:
    there = [one for one in values if isinstance(one, int)]
    low, high = min(there), max(there)
    if low <= _NO_LONG or high >= 1 << 63:
        return _texts(buffer, values)
    short = low > _NO_INT and high < 1 << 31
    nothing = _NO_INT if short else _NO_LONG
    numbers = np.array(
        [nothing if one is None else one for one in values], "<i4" if short else "<i8"
    )
    described: Json = {"type": "SCALAR", "componentType": "INT32" if short else "INT64"}
    described |= {"noData": nothing} if missing else {"required": True}
    return described, {"values": buffer.view(numbers.tobytes())}


def _floats(buffer: Buffer, values: Sequence[Attribute]) -> tuple[Json, Json]:
    numbers = np.array([_number(one) for one in values], "<f8")
    described: Json = {"type": "SCALAR", "componentType": "FLOAT64"}
    described |= {"noData": _NO_FLOAT} if (numbers == _NO_FLOAT).any() else {"required": True}
    return described, {"values": buffer.view(numbers.tobytes())}


def _number(value: Attribute) -> float:
    if isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            return _NO_FLOAT
        return number if math.isfinite(number) else _NO_FLOAT
    return _NO_FLOAT


def _texts(buffer: Buffer, values: Sequence[Attribute]) -> tuple[Json, Json]:
    texts = ["" if one is None else one if isinstance(one, str) else _text(one) for one in values]
    joined = "".join(texts)
    if joined.isascii():  # most are, and a city has many
        data, lengths = joined.encode(), map(len, texts)
    else:
        encoded = [one.encode("utf-8", "replace") for one in texts]
        data, lengths = b"".join(encoded), map(len, encoded)
    ends = np.cumsum([0, *lengths])
    stored: Json = {
        "values": buffer.view(data or b"\0"),  # a view is never empty
        "stringOffsets": buffer.view(ends.astype("<u4").tobytes()),
    }
    return {"type": "STRING", "noData": ""}, stored


def _text(value: Attribute) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
