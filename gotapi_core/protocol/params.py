"""Parameters of a request: query, urlencoded, JSON and multipart bodies, with limits. PURE.

Unknown parameters are kept; both peers ignore what a plug-in does not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from gotapi_core.protocol.errors import InvalidParameter, MissingServiceId, PayloadTooLarge
from gotapi_core.protocol.guarded_json import decode_object
from gotapi_core.protocol.limits import Limits
from gotapi_core.protocol.multipart import (
    Event,
    FieldDone,
    FileData,
    FileEnd,
    FileStart,
    MultipartParser,
    check_name,
    check_value,
    multipart_boundary,
    safe_filename,
)

__all__ = [
    "RESERVED", "Common", "Event", "FieldDone", "FileData", "FileEnd", "FileStart", "Limits",
    "MultipartParser", "check_members", "merge", "multipart_boundary", "parse_body", "parse_query",
    "safe_filename", "service_id", "take_common",
]  # fmt: skip

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
# DeviceConnect's SDK adds a new token behind the old one when it asks again after it was refused.
_LAST_COUNTS: Final = "accessToken"

RESERVED: Final = {name.lower(): name for name in ("accessToken", "serviceId", "nonce", "key")}
"""Parameters that belong to the hub, by their lower-case name; plug-ins do not see them.

Their case does not matter: the specification prints serviceID, every peer sends serviceId.
"""


class Common(msgspec.Struct, frozen=True):
    """The hub's own parameters and the rest.

    An empty access token or service id is None. An empty nonce or key stays: one is a nonce of no
    bytes (DeviceConnect SDK 2.3.0), the other asks to forget the key.
    """

    access_token: str | None
    service_id: str | None
    nonce: str | None
    key: str | None
    rest: dict[str, object]


def parse_query(raw: bytes, limits: Limits | None = None) -> dict[str, str]:
    """Return the parameters of a query string (without its question mark)."""
    limits = limits or Limits()
    if len(raw) > limits.query:
        raise PayloadTooLarge(
            f"The query string is longer than {limits.query} bytes; send the parameters in the body"
        )
    return _pairs(raw, limits, "query string")


def parse_body(
    content_type: str | None, body: bytes, limits: Limits | None = None
) -> dict[str, object]:
    """Return the parameters of a body by its Content-Type; an empty body of any type has none.

    A multipart body must hold text fields only: forms with files are read by MultipartParser.
    """
    limits = limits or Limits()
    if not body:
        return {}
    if len(body) > limits.body:
        raise PayloadTooLarge(f"The body is larger than {limits.body} bytes")
    kind = (content_type or "").partition(";")[0].strip(" \t").lower()
    # A charset parameter is ignored, as browsers' form encoding ignores it: text is UTF-8.
    if kind == FORM:
        return dict(_pairs(body, limits, "body"))
    if kind == JSON:
        return _json(body, limits)
    if content_type is not None and (boundary := multipart_boundary(content_type)) is not None:
        return _fields(boundary, body, limits)
    raise InvalidParameter(
        f"The body has the unsupported Content-Type {kind[:64]!r}; send {FORM}, "
        f"multipart/form-data or {JSON}"
    )


def merge(query: Mapping[str, object], body: Mapping[str, object]) -> dict[str, object]:
    """Return both sources in one, the body overriding; reserved names in their usual spelling."""
    return {**_canonical(query), **_canonical(body)}


def take_common(params: Mapping[str, object]) -> Common:
    """Split off the hub's own parameters; raises InvalidParameter if one of them is not text."""
    rest = _canonical(params)
    taken: dict[str, str | None] = {}
    for name in RESERVED.values():
        value = rest.pop(name, None)
        if value is not None and not isinstance(value, str):
            raise InvalidParameter(f"The parameter {name} must be text")
        taken[name] = value
    return Common(
        access_token=taken["accessToken"] or None,
        service_id=taken["serviceId"] or None,
        nonce=taken["nonce"],
        key=taken["key"],
        rest=rest,
    )


def check_members(members: Mapping[str, object], limits: Limits) -> None:
    """Raise InvalidParameter where there are too many parameters, or one is too long."""
    _check_count(len(members), limits, "body")
    for name, value in members.items():
        check_name(name, limits)
        if isinstance(value, str):
            check_value(name, value, limits)


def service_id(params: Mapping[str, object]) -> str:
    """Return the service a request names, however it is spelled; raises MissingServiceId."""
    value = take_common(params).service_id
    if value is None:
        raise MissingServiceId
    return value


def _canonical(params: Mapping[str, object]) -> dict[str, object]:
    result: dict[str, object] = {}
    for name, value in params.items():
        known = RESERVED.get(name.lower(), name)
        if known in result:
            raise InvalidParameter(f"The parameter {known} is given twice, in different case")
        result[known] = value
    return result


def _pairs(raw: bytes, limits: Limits, where: str) -> dict[str, str]:
    result: dict[str, str] = {}
    pairs = [pair for pair in raw.split(b"&") if pair]
    _check_count(len(pairs), limits, where)
    for pair in pairs:
        raw_name, _, raw_value = pair.partition(b"=")
        name = _decoded(raw_name, where)
        value = _decoded(raw_value, where)
        check_name(name, limits)
        check_value(name, value, limits)
        if name in result and name != _LAST_COUNTS:
            raise InvalidParameter(f"The {where} has the parameter {name!r} twice")
        result[name] = value
    return result


def _decoded(raw: bytes, where: str) -> str:
    """Decode one urlencoded name or value; a percent sign without two hex digits stays."""
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidParameter(f"The {where} is not valid UTF-8 after percent-decoding") from None


def _json(body: bytes, limits: Limits) -> dict[str, object]:
    members = decode_object(body, depth=limits.depth)
    check_members(members, limits)
    return members


def _fields(boundary: bytes, body: bytes, limits: Limits) -> dict[str, object]:
    parser = MultipartParser(boundary, limits)
    events = parser.feed(body)
    parser.finish()
    fields: dict[str, object] = {}
    for event in events:
        if not isinstance(event, FieldDone):
            raise InvalidParameter("This request takes no file; send text fields only")
        fields[event.name] = event.value
    return fields


def _check_count(count: int, limits: Limits, where: str) -> None:
    if count > limits.fields:
        raise InvalidParameter(f"The {where} has more than {limits.fields} parameters")
