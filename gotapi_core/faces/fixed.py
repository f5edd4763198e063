"""What the hub answers that is no GotAPI name: files, events, JSON-RPC, descriptions. PURE."""

from __future__ import annotations

from typing import Final

from gotapi_core.faces.schemas import Json

_FAILED: Final[Json] = {"$ref": "#/components/responses/Failure"}
_TEXT: Final[Json] = {"type": "string"}
_WHO: Final[Json] = {"$ref": "#/components/parameters/Origin"}


def _query(name: str, description: str) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": _TEXT}


def _path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _header(name: str, description: str) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": _TEXT}


def _good(description: str, kind: str = "application/json", schema: Json | None = None) -> Json:
    return {"description": description, "content": {kind: {"schema": schema or {}}}}


def _one(key: str, summary: str, answers: Json, *parameters: Json, **more: object) -> Json:
    return {
        "operationId": key,
        "summary": summary,
        "tags": ["gotapi-hub"],
        "parameters": [_WHO, *parameters],
        "responses": {"default": _FAILED, **answers},
        **more,
    }


_STORED: Final[Json] = {
    "type": "object",
    "properties": {"uri": _TEXT, "size": {"type": "integer"}, "sha256": _TEXT, "name": _TEXT},
    "required": ["result", "uri", "size", "sha256", "name"],
}
_ANY_BYTES: Final[Json] = {"content": {"application/octet-stream": {}}}
_TUS: Final = _header("Tus-Resumable", "1.0.0: this is a request of the tus protocol.")
_DOCUMENT: Final[Json] = {"type": "object"}
CALL: Final[Json] = {
    "type": "object",
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "integer", "null"]},
        "method": _TEXT,
        "params": {"type": "object"},
    },
    "required": ["jsonrpc", "method"],
}
REPLY: Final[Json] = {
    "type": "object",
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "integer", "null"]},
        "result": {"type": "object"},
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "message": _TEXT,
                "data": {"type": "object"},
            },
            "required": ["code", "message"],
        },
    },
    "required": ["jsonrpc", "id"],
}


def _one_or_batch(schema: Json) -> Json:
    batch: Json = {"type": "array", "items": schema, "minItems": 1, "maxItems": 50}
    return {"anyOf": [schema, batch]}


def _form(required: list[str], *names: str) -> Json:
    properties: Json = dict.fromkeys([*required, *names], _TEXT)
    schema: Json = {"type": "object", "properties": properties, "required": required}
    kinds = ("application/x-www-form-urlencoded", "application/json")
    return {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}


_OAUTH_FAILED: Final[Json] = _good(
    "A refusal (RFC 6749 5.2).",
    schema={
        "type": "object",
        "properties": {"error": _TEXT, "error_description": _TEXT},
        "required": ["error"],
    },
)
_DEVICE_CODE: Final[Json] = {
    "type": "object",
    "properties": {
        "device_code": _TEXT,
        "user_code": _TEXT,
        "verification_uri": _TEXT,
        "expires_in": {"type": "integer"},
        "interval": {"type": "integer"},
    },
    "required": ["device_code", "user_code", "verification_uri", "expires_in"],
}
_TOKEN: Final[Json] = {
    "type": "object",
    "properties": {
        "access_token": _TEXT,
        "token_type": _TEXT,
        "expires_in": {"type": "integer"},
        "scope": _TEXT,
    },
    "required": ["access_token", "token_type"],
}

FIXED_PATHS: Final[dict[str, Json]] = {
    "/gotapi/authorization/device": {
        "post": _one(
            "oauth_device",
            "Begin a device flow: the user types a short code on the operator page (RFC 8628).",
            {"200": _good("The codes.", schema=_DEVICE_CODE), "default": _OAUTH_FAILED},
            requestBody=_form(["client_id", "scope"], "client_name"),
            security=[],
        ),
    },
    "/gotapi/authorization/token": {
        "post": _one(
            "oauth_token",
            "Exchange a device code, or a code with its PKCE verifier, for an access token.",
            {"200": _good("The token.", schema=_TOKEN), "default": _OAUTH_FAILED},
            requestBody=_form(
                ["grant_type", "client_id"],
                "device_code",
                "code",
                "redirect_uri",
                "code_verifier",
            ),
            security=[],
        ),
    },
    "/blobs/": {
        "post": _one(
            "store_file",
            "Store a file, or begin a resumable upload (tus 1.0.0 creation).",
            {
                "200": _good("It is stored.", schema=_STORED),
                "201": {"description": "A resumable upload is begun at Location."},
            },
            _query("name", "What the file is called."),
            _query("sha256", "Its hash in hexadecimal digits, to have it checked."),
            _TUS,
            _header("Upload-Length", "tus: the size of the file in bytes."),
            requestBody=_ANY_BYTES,
        ),
    },
    "/blobs/{id}": {
        "get": _one(
            "read_file",
            "Read a file.",
            {
                "200": _good("The file.", "application/octet-stream"),
                "206": _good("The part that Range asked for.", "application/octet-stream"),
                "304": {"description": "The file with this entity tag is the newest."},
            },
            _path("id"),
            _header("Range", "Which bytes."),
        ),
        "head": _one(
            "look_at_file",
            "Read what a GET would send as headers; with tus, how much was uploaded.",
            {"200": {"description": "The headers."}},
            _path("id"),
            _TUS,
        ),
        "patch": _one(
            "continue_upload",
            "Go on with a resumable upload (tus 1.0.0).",
            {"204": {"description": "Stored up to Upload-Offset."}},
            _path("id"),
            _TUS,
            _header("Upload-Offset", "Where the body begins in the file."),
            requestBody={"content": {"application/offset+octet-stream": {}}},
        ),
        "delete": _one(
            "end_upload",
            "Give up a resumable upload (tus 1.0.0 termination).",
            {"204": {"description": "It is gone."}},
            _path("id"),
            _TUS,
        ),
    },
    "/gotapi/events": {
        "get": _one(
            "events",
            "Read the application's events as they come (Server-Sent Events).",
            {"200": _good("The stream; data is an event frame.", "text/event-stream", _TEXT)},
            _header("Last-Event-ID", "The last id that was read; what was missed comes first."),
            _query("resume", "The same, for clients that cannot send the header."),
        ),
    },
    "/gotapi/websocket": {
        "get": _one(
            "websocket",
            "Open the event channel of GotAPI-5; asyncapi.json describes its frames.",
            {"101": {"description": "It is a WebSocket now."}},
            security=[],
        ),
    },
    "/gotapi/jsonrpc": {
        "post": _one(
            "jsonrpc",
            "Call methods by JSON-RPC 2.0; as a WebSocket it brings the events too.",
            {
                "200": _good("The replies.", schema=_one_or_batch(REPLY)),
                "204": {"description": "There were notifications only."},
                "default": _good("The whole message failed.", schema=REPLY),
            },
            requestBody={
                "required": True,
                "content": {"application/json": {"schema": _one_or_batch(CALL)}},
            },
        ),
    },
    "/gotapi/openapi.json": {
        "get": _one(
            "openapi",
            "Read this document for what this hub has.",
            {"200": _good("The document.", schema=_DOCUMENT)},
        ),
    },
    "/gotapi/asyncapi.json": {
        "get": _one(
            "asyncapi",
            "Read the description of the event channels (AsyncAPI 3.0).",
            {"200": _good("The document.", schema=_DOCUMENT)},
        ),
    },
    "/gotapi/things": {
        "get": _one(
            "things",
            "Read the W3C WoT Thing Descriptions of all services.",
            {
                "200": _good(
                    "The descriptions.",
                    "application/td+json",
                    {"type": "array", "items": _DOCUMENT},
                )
            },
        ),
    },
    "/gotapi/things/{serviceId}": {
        "get": _one(
            "thing",
            "Read the W3C WoT Thing Description of a service.",
            {"200": _good("The description.", "application/td+json", _DOCUMENT)},
            _path("serviceId"),
        ),
    },
}
"""Path to path item, of what no route table has."""
