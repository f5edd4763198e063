"""PURE: what is known of features (Tables 54 to 57), and its four encodings."""

import json
from collections.abc import Callable
from html import escape
from math import isfinite
from typing import Final

import msgspec

from gotapi_portrayal.capabilities.markup import INFO, clean, quoted

Value = str | int | float | bool | None


class Group(msgspec.Struct, frozen=True):
    """Attributes that belong together: a feature's own, or those of what it is a part of."""

    attributes: tuple[tuple[str, Value], ...]
    of: str = ""  # the feature id of the whole, "" for its own


class Record(msgspec.Struct, frozen=True):
    """One feature; `distance` in metres where it was looked for by place or ray."""

    object_id: int
    feature_id: str
    layer: str
    kind: str = ""
    groups: tuple[Group, ...] = ()
    distance: float | None = None


def encode(records: list[Record], media: str) -> bytes:
    """Return the records in one of `ENCODERS`."""
    return ENCODERS[media](records).encode("utf-8", "replace")


def words(value: Value) -> str:
    """Return a value as text: booleans as XML has them, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _xml(records: list[Record]) -> str:
    # As the example of 11.7.1; Table 57 would have Name and Value as elements.
    inner = "".join(_xml_record(record) for record in records)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<FeatureInfo xmlns="{INFO}">{inner}</FeatureInfo>\n'
    )


def _xml_record(record: Record) -> str:
    kind = f" featureType={quoted(record.kind)}" if record.kind else ""
    groups = "".join(_xml_group(group) for group in record.groups if group.attributes)
    return (
        f"<FeatureInfoList{kind}><ObjectId>{record.object_id}</ObjectId>"
        f"<FeatureId>{clean(record.feature_id)}</FeatureId>{groups}</FeatureInfoList>"
    )


def _xml_group(group: Group) -> str:
    inner = "".join(
        f"<FeatureAttribute name={quoted(name)}>{clean(words(value))}</FeatureAttribute>"
        for name, value in group.attributes
    )
    return f"<FeatureAttributeList>{inner}</FeatureAttributeList>"


def _json(records: list[Record]) -> str:
    listed = [
        {
            "objectId": str(record.object_id),
            "featureId": record.feature_id,
            "layer": record.layer,
            "typeName": record.kind,
            "attributes": [
                {
                    "of": group.of or record.feature_id,
                    "values": {name: _finite(value) for name, value in group.attributes},
                }
                for group in record.groups
            ],
            **({} if record.distance is None else {"distance": round(record.distance, 3)}),
        }
        for record in records
    ]
    return json.dumps({"featureInfo": listed}, ensure_ascii=False, allow_nan=False)


def _finite(value: Value) -> Value:
    """JSON has no words for infinity and for what is no number."""
    return words(value) if isinstance(value, float) and not isfinite(value) else value


def _html(records: list[Record]) -> str:
    tables = "".join(_html_record(record) for record in records)
    head = '<head><meta charset="utf-8"><title>Features</title></head>'
    empty = "" if records else "<p>No feature was found.</p>"
    return f"<!DOCTYPE html>\n<html>{head}<body>{tables}{empty}</body></html>\n"


def _html_record(record: Record) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(words(value))}</td></tr>"
        for name, value in _flat(record)
    )
    title = escape(f"{record.kind or 'Feature'} {record.feature_id}".strip())
    return f"<table><caption>{title}</caption>{rows}</table>"


def _text(records: list[Record]) -> str:
    blocks = [
        "".join(f"{_line(name)}: {_line(words(value))}\n" for name, value in _flat(record))
        for record in records
    ]
    return "\n".join(blocks) or "No feature was found.\n"


def _flat(record: Record) -> list[tuple[str, Value]]:
    fixed: list[tuple[str, Value]] = [
        ("objectId", record.object_id),
        ("featureId", record.feature_id),
        ("layer", record.layer),
        ("typeName", record.kind),
    ]
    for group in record.groups:
        prefix = f"{group.of}." if group.of else ""
        fixed += [(f"{prefix}{name}", value) for name, value in group.attributes]
    return fixed


def _line(text: str) -> str:
    return " ".join(text.split())


ENCODERS: Final[dict[str, Callable[[list[Record]], str]]] = {
    "text/xml": _xml,
    "application/json": _json,
    "text/html": _html,
    "text/plain": _text,
}
