"""Swagger 2.0 of one profile, as DeviceConnect's applications read it in serviceinformation. PURE.

Their own files have one document a profile with `x-type` beside each operation and, for events,
`x-event`; parameters of GET and DELETE are in the query, others in the form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gotapi_core.faces.catalog import Catalog, Operation
from gotapi_core.faces.openapi import success
from gotapi_core.faces.schemas import Json
from gotapi_core.protocol.names import PREFIX, Method, spelled
from gotapi_core.protocol.routes import Kind

VERSION: Final = "2.0"
_CONSUMES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_TYPES: Final = ("string", "integer", "number", "boolean", "array")
_LIMITS: Final = (
    "enum", "default", "minimum", "maximum", "minLength", "maxLength", "pattern", "items",
)  # fmt: skip
_SERVICE: Final[Json] = {"name": "serviceId", "required": True, "type": "string"}


def swagger(catalog: Catalog, plugin: str, profiles: Iterable[str]) -> dict[str, Json]:
    """Return profile -> its document, for a plug-in; profiles without a route are left out."""
    found: dict[str, Json] = {}
    mine = [one for one in catalog.operations() if one.source.id == plugin]
    for profile in profiles:
        operations = [one for one in mine if one.name.profile == profile]
        if operations:
            found[profile] = _document(catalog, profile, operations)
    return found


def _document(catalog: Catalog, profile: str, operations: list[Operation]) -> Json:
    paths: dict[str, Json] = {}
    for operation in operations:
        below = operation.name.path[len(profile) :] or "/"
        path = "/".join(spelled(part) if part else part for part in below.split("/"))
        paths.setdefault(path, {})[operation.method.lower()] = _operation(catalog, operation)
    return {
        "swagger": VERSION,
        "basePath": f"{PREFIX}{spelled(profile)}",
        "info": {
            "title": f"{operations[0].source.name}: {spelled(profile)}",
            "version": operations[0].source.version or catalog.version,
        },
        "consumes": list(_CONSUMES),
        "produces": ["application/json"],
        "paths": paths,
    }


def _operation(catalog: Catalog, operation: Operation) -> Json:
    event = operation.route.kind is Kind.EVENT
    found: Json = {
        "x-type": "event" if event else "one-shot",
        "operationId": operation.key,
        "summary": operation.summary,
        "parameters": _parameters(catalog, operation),
        "responses": {
            "200": {
                "description": "result 0, or what went wrong",
                "schema": catalog.schemas.inlined(success(catalog, operation)),
            }
        },
    }
    if event and operation.method is Method.PUT:
        found["x-event"] = catalog.schemas.inlined(catalog.schemas.of(operation.route.result_type))
    return found


def _parameters(catalog: Catalog, operation: Operation) -> list[Json]:
    where = "formData" if operation.method in (Method.PUT, Method.POST) else "query"
    found: list[Json] = [{**_SERVICE, "in": where}]
    if operation.route.kind is Kind.EVENT and operation.method is Method.DELETE:
        return found  # an event stops whatever its parameters were
    members, required = catalog.schemas.members(operation.route.params_type)
    for name, schema in members.items():
        flat = _flat(catalog.schemas.inlined(schema))
        found.append({"name": name, "in": where, "required": name in required, **flat})
    return found


def _flat(schema: object) -> Json:
    """Return what Swagger 2.0 can say of a parameter that is no body: one simple type."""
    assert isinstance(schema, dict)
    either = schema.get("oneOf")
    if isinstance(either, list):  # mostly a type or null
        schema = {**schema, **next((one for one in either if one.get("type") in _TYPES), {})}
    kind = schema.get("type")
    flat: Json = {"type": kind if kind in _TYPES else "string"}
    if "description" in schema:
        flat["description"] = schema["description"]
    flat |= {name: schema[name] for name in _LIMITS if schema.get(name) is not None}
    return flat
