"""PURE: attributes of i3s: the fields of a layer, and their values in a node."""

import re
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from gotapi_portrayal.data.types import Attribute, AttributeType, Feature
from gotapi_portrayal.scene.kml_elements import written
from gotapi_portrayal.scene.model import SceneLayer

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_]")
_OWN: Final = ("OBJECTID", "FeatureId", "Class", "Layer")
_MOST: Final = 250  # fields; a client asks for each of them in each node
_ESRI: Final = {"Oid32": "esriFieldTypeOID", "Float64": "esriFieldTypeDouble"}


class Field(NamedTuple):
    """A field of a layer: its key in addresses, its name, what it is called, how it is stored."""

    key: str
    name: str
    alias: str
    type: str  # Oid32, String or Float64

    @property
    def declared(self) -> dict[str, object]:
        """Its entry in `fields`."""
        kind = _ESRI.get(self.type, "esriFieldTypeString")
        return {"name": self.name, "type": kind, "alias": self.alias}

    @property
    def storage(self) -> dict[str, object]:
        """Its entry in `attributeStorageInfo`."""
        count = {"property": "count", "valueType": "UInt32"}
        entry: dict[str, object] = {"key": self.key, "name": self.name}
        if self.type == "String":
            size = {"property": "attributeValuesByteCount", "valueType": "UInt32"}
            return entry | {
                "header": [count, size],
                "ordering": ["attributeByteCounts", "attributeValues"],
                "attributeByteCounts": {"valueType": "UInt32", "valuesPerElement": 1},
                "attributeValues": {
                    "valueType": "String",
                    "encoding": "UTF-8",
                    "valuesPerElement": 1,
                },
            }
        values = {"valueType": self.type, "valuesPerElement": 1}
        named = "ObjectIds" if self.type == "Oid32" else "attributeValues"
        member = "objectIds" if self.type == "Oid32" else "attributeValues"
        return entry | {"header": [count], "ordering": [named], member: values}


def fields(attributes: Sequence[AttributeType]) -> tuple[Field, ...]:
    """Return the fields of a layer; numbers of any kind are doubles, which can be missing."""
    found = [Field("f_0", "OBJECTID", "OBJECTID", "Oid32")]
    found += [Field(f"f_{n}", name, name, "String") for n, name in enumerate(_OWN) if n]
    taken = {name.lower() for name in _OWN}
    for one in attributes[: _MOST - len(_OWN)]:
        kind = "Float64" if one.type in ("integer", "number") else "String"
        found.append(Field(f"f_{len(found)}", _name(one.name, taken), one.name, kind))
    return tuple(found)


def _name(text: str, taken: set[str]) -> str:
    """Return a name as databases have them: letters, digits, `_`; each once in any case."""
    base = _NO_NAME.sub("_", text)[:60]
    if not base or base[0].isdigit():
        base = f"_{base}"
    name, count = base, 1
    while name.lower() in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name.lower())
    return name


def values(
    field: Field, features: Sequence[Feature], layers: Sequence[SceneLayer]
) -> list[Attribute]:
    """Return what each feature has in a field."""
    if field.key == "f_0":
        return [feature.number for feature in features]
    if field.key == "f_1":
        return [feature.object_id for feature in features]
    if field.key == "f_2":
        return [feature.kind for feature in features]
    if field.key == "f_3":
        titles = {layer.id: layer.title or layer.id for layer in layers}
        return [titles.get(feature.layer, feature.layer) for feature in features]
    return [feature.attributes.get(field.alias) for feature in features]


def buffer(field: Field, found: Sequence[Attribute]) -> bytes:
    """Return values as the resource of a field in a node."""
    head = struct.pack("<I", len(found))
    if field.type == "Oid32":
        return head + np.array(found, "<u4").tobytes()
    if field.type == "Float64":
        numbers = [
            float(one) if isinstance(one, int | float) and not isinstance(one, bool) else np.nan
            for one in found
        ]
        return head + bytes(4) + np.array(numbers, "<f8").tobytes()  # doubles on multiples of 8
    texts = [b"" if one is None else _text(one) + b"\0" for one in found]
    sizes = np.array([len(text) for text in texts], "<u4")
    return head + struct.pack("<I", int(sizes.sum())) + sizes.tobytes() + b"".join(texts)


def _text(value: Attribute) -> bytes:
    return written(value).replace("\0", "").encode("utf-8", "replace")
