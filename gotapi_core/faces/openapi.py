"""OpenAPI 3.1 of everything that a hub answers over HTTP. PURE."""

from __future__ import annotations

from typing import Final

from gotapi_core.faces.catalog import Catalog, Operation
from gotapi_core.faces.fixed import FIXED_PATHS
from gotapi_core.faces.schemas import Json
from gotapi_core.protocol.names import Method
from gotapi_core.protocol.routes import Kind

VERSION: Final = "3.1.0"
_FORM: Final = "application/x-www-form-urlencoded"
_OWN: Final = ("result", "product", "version", "hmac")
_DESCRIPTION: Final = (
    "Devices of this computer, with the consent of its user. Every request says which application "
    "sends it: a browser by Origin, others by the header X-GotAPI-Origin. Requests with that "
    "header get failures as HTTP 200 with a numeric errorCode, others as 4xx and 5xx. Names in "
    "paths are compared without case; parameters may be in the query or in the body."
)

PARAMETERS: Final[dict[str, Json]] = {
    "Origin": {
        "name": "X-GotAPI-Origin",
        "in": "header",
        "description": "The application's name, where no browser says who asks.",
        "schema": {"type": "string", "maxLength": 200},
    },
    "Nonce": {
        "name": "nonce",
        "in": "query",
        "description": "Random; the answer's hmac proves that the hub knows the application's key.",
        "schema": {"type": "string"},
    },
    "ServiceId": {
        "name": "serviceId",
        "in": "query",
        "required": True,
        "description": "One of the services that servicediscovery lists.",
        "schema": {"type": "string"},
    },
}

_FAILURES: Final[dict[str, Json]] = {
    "StatusFailure": {
        "type": "object",
        "description": "A failure with its HTTP status; docs/errors.md explains the results.",
        "required": ["result", "errorCode", "errorText", "statusCode", "errorMessage"],
        "properties": {
            "result": {"type": "integer", "minimum": 1},
            "errorCode": {"type": "string"},
            "errorText": {"type": "string"},
            "statusCode": {"type": "integer"},
            "errorMessage": {"type": "string"},
            "hmac": {"type": "string"},
        },
    },
    "EnvelopeFailure": {
        "type": "object",
        "description": "A failure as requests with X-GotAPI-Origin get it, mostly as HTTP 200.",
        "required": ["result", "errorCode", "errorMessage"],
        "properties": {
            "result": {"const": 1},
            "errorCode": {"type": "integer"},
            "errorMessage": {"type": "string"},
            "hmac": {"type": "string"},
        },
    },
    "Failure": {
        "anyOf": [
            {"$ref": "#/components/schemas/StatusFailure"},
            {"$ref": "#/components/schemas/EnvelopeFailure"},
        ]
    },
}

SECURITY: Final[dict[str, Json]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The access token that authorization/accesstoken gave.",
    },
    "accessToken": {"type": "apiKey", "in": "query", "name": "accessToken"},
}


def openapi(catalog: Catalog) -> Json:
    """Return the document; the same catalog always gives the same one."""
    for name, schema in _FAILURES.items():
        catalog.schemas.add(name, schema)
    paths: dict[str, Json] = {}
    for operation in catalog.operations():
        item = paths.setdefault(operation.name.uri, {})
        item[operation.method.lower()] = _operation(catalog, operation)
    for path, fixed in FIXED_PATHS.items():
        paths[path] = {**paths.get(path, {}), **fixed}
    document: Json = {
        "openapi": VERSION,
        "info": {
            "title": "gotapi-hub",
            "version": catalog.version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": catalog.base_url}],
        "security": [{"bearer": []}, {"accessToken": []}],
        "tags": [_tag(source.name, source.id) for source in catalog.sources],
        "paths": dict(sorted(paths.items())),
        "x-surfaces": [
            {"path": route.path, "plugin": source.id, "summary": route.summary}
            for source, route in catalog.surfaces()
        ],
    }
    components: Json = {
        "parameters": PARAMETERS,
        "responses": {"Failure": _FAILED},
        "securitySchemes": SECURITY,
    }
    schemas = catalog.schemas.used_by([document, components])
    return {**document, "components": {"schemas": schemas, **components}}


_FAILED: Final[Json] = {
    "description": "A failure.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
}


def success(catalog: Catalog, operation: Operation) -> Json:
    """Return the schema of a good answer."""
    properties: dict[str, Json] = {
        "result": {"const": 0},
        "product": {"type": "string"},
        "version": {"type": "string"},
        "hmac": {"type": "string"},
    }
    required = ["result", "product", "version"]
    if not operation.own:
        properties["serviceId"] = {"type": "string"}
        required.append("serviceId")
    if operation.route.kind is Kind.ONE_SHOT:
        members, needed = catalog.schemas.members(operation.route.result_type)
        # The hub's own members win over a plug-in's of the same name.
        properties |= {name: member for name, member in members.items() if name not in _OWN}
        required += [name for name in needed if name not in required]
    return {"type": "object", "properties": properties, "required": required}


def _operation(catalog: Catalog, operation: Operation) -> Json:
    found: Json = {
        "operationId": operation.key,
        "summary": operation.summary,
        "tags": [operation.source.name],
        "parameters": _parameters(catalog, operation),
        "responses": {"200": _answer(catalog, operation), "default": _FAILED_REF},
    }
    if operation.open:
        found["security"] = []
    if operation.method in (Method.PUT, Method.POST):
        found |= _body(catalog, operation)
    if operation.route.kind is Kind.EVENT:
        found["x-event"] = catalog.schemas.of(operation.route.result_type)
    return found


_FAILED_REF: Final[Json] = {"$ref": "#/components/responses/Failure"}


def _parameters(catalog: Catalog, operation: Operation) -> list[Json]:
    found: list[Json] = [
        {"$ref": f"#/components/parameters/{name}"} for name in ("Origin", "Nonce")
    ]
    if not operation.own:
        found.append({"$ref": "#/components/parameters/ServiceId"})
    stops = operation.route.kind is Kind.EVENT and operation.method is Method.DELETE
    if stops or operation.method in (Method.PUT, Method.POST):
        return found  # an event stops whatever its parameters were; others are in the body
    members, required = catalog.schemas.members(operation.route.params_type)
    for name, schema in members.items():
        described = {key: value for key, value in schema.items() if key != "description"}
        one: Json = {"name": name, "in": "query", "schema": described}
        if name in required:
            one["required"] = True
        if "description" in schema:
            one["description"] = schema["description"]
        found.append(one)
    return found


def _body(catalog: Catalog, operation: Operation) -> Json:
    members, required = catalog.schemas.members(operation.route.params_type)
    if not members:
        return {}
    schema: Json = {"type": "object", "properties": members}
    if required:
        schema["required"] = required
    described = "The parameters. A file of a multipart body is stored and becomes its uri."
    kinds = (_FORM, "multipart/form-data", "application/json")
    return {
        "requestBody": {
            "description": described,
            "content": {kind: {"schema": schema} for kind in kinds},
        }
    }


def _answer(catalog: Catalog, operation: Operation) -> Json:
    good = success(catalog, operation)
    schema: Json = {"anyOf": [good, {"$ref": "#/components/schemas/EnvelopeFailure"}]}
    return {
        "description": "The answer, or a failure of a request with X-GotAPI-Origin.",
        "content": {"application/json": {"schema": schema}},
    }


def _tag(name: str, plugin: str) -> Json:
    return {"name": name, "description": f"Plug-in {plugin}." if plugin else "The hub itself."}
