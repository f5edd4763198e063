"""AsyncAPI 3.0 of the channels that bring events. PURE."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from gotapi_core.faces.catalog import Catalog, Operation
from gotapi_core.faces.fixed import CALL, REPLY
from gotapi_core.faces.schemas import Json

VERSION: Final = "3.0.0"
_TEXT: Final[Json] = {"type": "string"}
_RESUME: Final[Json] = {
    "type": "string",
    "description": "Everything up to this cursor was sent; send it back to go on after it.",
}
_CHANNELS: Final = ("websocket", "sse", "jsonrpc")

_TOKEN_FRAME: Final[Json] = {
    "type": "object",
    "properties": {
        "accessToken": _TEXT,
        "resume": {
            "type": "string",
            "description": "Asks for event ids, and for what came after this cursor; may be empty.",
        },
    },
    "required": ["accessToken"],
}
_VERDICT: Final[Json] = {
    "type": "object",
    "properties": {
        "profile": {"const": "authorization"},
        "attribute": {"const": "verify"},
        "result": {"type": "integer", "description": "0: the token is good."},
        "errorCode": {"type": ["integer", "string"]},
        "errorMessage": _TEXT,
        "resumed": {
            "type": "boolean",
            "description": "False: what was missed is not known any more; read the state again.",
        },
        "resume": _RESUME,
    },
    "required": ["result"],
}


def asyncapi(catalog: Catalog) -> Json:
    """Return the document; the same catalog always gives the same one."""
    events = catalog.events()
    document: Json = {
        "asyncapi": VERSION,
        "info": {
            "title": "gotapi-hub",
            "version": catalog.version,
            "description": (
                "The events of the services. An application begins to listen with PUT and stops "
                "with DELETE (openapi.json); its events come over every channel it has open."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(catalog),
        "channels": _channels(events),
        "operations": _operations(events),
    }
    components: Json = {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "accessToken": {"type": "httpApiKey", "in": "query", "name": "accessToken"},
        },
        "messages": _messages(catalog, events),
    }
    components["schemas"] = catalog.schemas.used_by(components)
    return {**document, "components": components}


def _servers(catalog: Catalog) -> Json:
    parts = urlsplit(catalog.base_url)
    secure = "s" if parts.scheme == "https" else ""
    return {
        "websocket": {"host": parts.netloc, "protocol": f"ws{secure}"},
        "http": {
            "host": parts.netloc,
            "protocol": f"http{secure}",
            "security": [
                {"$ref": "#/components/securitySchemes/bearer"},
                {"$ref": "#/components/securitySchemes/accessToken"},
            ],
        },
    }


def _channels(events: list[Operation]) -> Json:
    found: Json = {f"event_{event.key[4:]}": _message(event) for event in events}
    spoken: Json = {
        name: {"$ref": f"#/components/messages/{name}"} for name in ("token", "verdict")
    }
    called: Json = {name: {"$ref": f"#/components/messages/{name}"} for name in ("call", "reply")}
    spoken |= found
    called |= found
    return {
        "websocket": {
            "address": "/gotapi/websocket",
            "title": "GotAPI-5",
            "description": "The client begins with its token; the first answer is a verdict.",
            "servers": [{"$ref": "#/servers/websocket"}],
            "messages": spoken,
        },
        "sse": {
            "address": "/gotapi/events",
            "title": "Server-Sent Events",
            "description": "Data is an event frame; Last-Event-ID goes on after an id. The event "
            "reset says that what was missed is not known any more.",
            "servers": [{"$ref": "#/servers/http"}],
            "messages": found,
        },
        "jsonrpc": {
            "address": "/gotapi/jsonrpc",
            "title": "JSON-RPC 2.0",
            "description": "Calls and replies; events are the params of notifications event. The "
            "method authorize takes an accessToken and, to get event ids, resume.",
            "servers": [{"$ref": "#/servers/websocket"}],
            "messages": called,
        },
    }


def _message(event: Operation) -> Json:
    return {"$ref": f"#/components/messages/event_{event.key[4:]}"}


def _operations(events: list[Operation]) -> Json:
    found: Json = {
        "authorize": {
            "action": "receive",
            "summary": "Say who listens.",
            "channel": {"$ref": "#/channels/websocket"},
            "messages": [{"$ref": "#/channels/websocket/messages/token"}],
            "reply": {
                "channel": {"$ref": "#/channels/websocket"},
                "messages": [{"$ref": "#/channels/websocket/messages/verdict"}],
            },
        },
        "call": {
            "action": "receive",
            "summary": "Call a method.",
            "channel": {"$ref": "#/channels/jsonrpc"},
            "messages": [{"$ref": "#/channels/jsonrpc/messages/call"}],
            "reply": {
                "channel": {"$ref": "#/channels/jsonrpc"},
                "messages": [{"$ref": "#/channels/jsonrpc/messages/reply"}],
            },
        },
    }
    for event in events:
        name = f"event_{event.key[4:]}"
        for channel in _CHANNELS:
            found[f"{name}_{channel}"] = {
                "action": "send",
                "summary": event.route.summary,
                "channel": {"$ref": f"#/channels/{channel}"},
                "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
            }
    return found


def _messages(catalog: Catalog, events: list[Operation]) -> Json:
    methods = ["authorize", *(operation.rpc for operation in catalog.operations())]
    call = {**CALL, "properties": {**_properties(CALL), "method": {"enum": methods}}}
    found: Json = {
        "token": {"title": "Token frame", "payload": _TOKEN_FRAME},
        "verdict": {"title": "Verdict", "payload": _VERDICT},
        "call": {"title": "Call", "payload": call},
        "reply": {"title": "Reply", "payload": REPLY},
    }
    for event in events:
        found[f"event_{event.key[4:]}"] = {
            "title": event.name.path,
            "summary": event.route.summary,
            "payload": event_frame_schema(catalog, event),
        }
    return found


def event_frame_schema(catalog: Catalog, event: Operation) -> Json:
    """Return the schema of one event, as it comes over a socket."""
    members, required = catalog.schemas.members(event.route.result_type)
    name = event.name
    own: dict[str, Json] = {"serviceId": _TEXT, "profile": {"const": name.profile}}
    if name.interface is not None:
        own["interface"] = {"const": name.interface}
    if name.attribute is not None:
        own["attribute"] = {"const": name.attribute}
    own["result"] = {"const": 0}
    asked: dict[str, Json] = {"eventId": _TEXT, "resume": _RESUME}
    needed = [*own, *(member for member in required if member not in own)]
    return {"type": "object", "properties": {**asked, **members, **own}, "required": needed}


def _properties(schema: Json) -> Json:
    found = schema["properties"]
    assert isinstance(found, dict)
    return found
