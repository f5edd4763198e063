"""W3C WoT Thing Descriptions 1.1, one for each service. PURE.

What can be read by GET is a property, what PUT, POST and DELETE do is an action, and what can be
listened to is an event: PUT subscribes, DELETE unsubscribes, and its data come as Server-Sent
Events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from gotapi_core.faces.catalog import Catalog, Operation
from gotapi_core.faces.openapi import success
from gotapi_core.faces.schemas import Json
from gotapi_core.protocol.identity import NATIVE_HEADER
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.names import Method
from gotapi_core.protocol.routes import Kind

CONTEXT: Final = "https://www.w3.org/2022/wot/td/v1.1"
_HTTP: Final = "https://www.w3.org/2011/http#"
_JSON: Final = "application/json"


def thing(
    catalog: Catalog, plugin: str, service: Service, origin: str = "", browser: bool = True
) -> Json:
    """Return the description of a service of a plug-in, for the application of an origin.

    One outside a browser is shown the header that it has to send.
    """
    builder = _Things(catalog, service, "" if browser else origin)
    mine = [
        operation
        for operation in catalog.operations()
        if operation.source.id == plugin and operation.name.profile in service.scopes
    ]
    found: Json = {
        "@context": [CONTEXT, {"htv": _HTTP}],
        "@type": "Thing",
        "id": f"urn:gotapi:{quote(service.id, safe='')}",
        "title": service.name or service.id,
        "base": catalog.base_url,
        "securityDefinitions": {
            "bearer": {"scheme": "bearer", "in": "header", "format": "opaque", "alg": "none"},
            "query": {"scheme": "apikey", "in": "query", "name": "accessToken"},
        },
        "security": "bearer",
        "properties": builder.properties(mine),
        "actions": builder.actions(mine),
        "events": builder.events(mine),
    }
    if service.version:
        found["version"] = {"instance": service.version}
    return found


class _Things:
    def __init__(self, catalog: Catalog, service: Service, origin: str) -> None:
        self._catalog = catalog
        self._service = service
        self._origin = origin

    def properties(self, operations: Sequence[Operation]) -> Json:
        return {
            _title(one): {
                **self._schema(success(self._catalog, one)),
                **self._described(one),
                "readOnly": True,
                "forms": [self._form(one, ["readproperty"])],
            }
            for one in operations
            if one.route.kind is Kind.ONE_SHOT and one.method is Method.GET
        }

    def actions(self, operations: Sequence[Operation]) -> Json:
        found: Json = {}
        for one in operations:
            if one.route.kind is not Kind.ONE_SHOT or one.method is Method.GET:
                continue
            action: Json = {
                **self._described(one),
                "output": self._schema(success(self._catalog, one)),
                "forms": [self._form(one, ["invokeaction"])],
            }
            members, required = self._catalog.schemas.members(one.route.params_type)
            if members and one.method is not Method.DELETE:
                taken: Json = {"type": "object", "properties": members, "required": required}
                action["input"] = self._schema(taken)
            found[f"{_title(one)}.{one.method.lower()}"] = action
        return found

    def events(self, operations: Sequence[Operation]) -> Json:
        return {
            _title(one): {
                **self._described(one),
                "data": self._schema(self._catalog.schemas.of(one.route.result_type)),
                "forms": [
                    {
                        "href": "/gotapi/events",
                        "op": ["subscribeevent"],
                        "subprotocol": "sse",
                        "security": "query",  # an EventSource cannot send the header
                        "contentType": "text/event-stream",
                    },
                    self._form(one, ["subscribeevent"]),
                    self._form(one, ["unsubscribeevent"], Method.DELETE),
                ],
            }
            for one in operations
            if one.route.kind is Kind.EVENT and one.method is Method.PUT
        }

    def _described(self, operation: Operation) -> Json:
        found: Json = {"title": operation.name.path, "description": operation.summary}
        variables = self._variables(operation)
        return {**found, "uriVariables": variables} if variables else found

    def _variables(self, operation: Operation) -> Json:
        """Return the parameters that go into the query: all of those that have no body."""
        in_body = operation.method in (Method.PUT, Method.POST)
        if in_body and operation.route.kind is not Kind.EVENT:
            return {}
        members, _ = self._catalog.schemas.members(operation.route.params_type)
        return {name: self._schema(member) for name, member in members.items()}

    def _form(self, operation: Operation, op: Sequence[str], method: Method | None = None) -> Json:
        href = f"{operation.name.uri}?serviceId={quote(self._service.id, safe='')}"
        variables = ",".join(self._variables(operation)) if method is None else ""
        found: Json = {
            "href": f"{href}{{&{variables}}}" if variables else href,
            "op": list(op),
            "htv:methodName": str(method or operation.method),
            "contentType": _JSON,
        }
        if self._origin:
            header = {"htv:fieldName": NATIVE_HEADER, "htv:fieldValue": self._origin}
            found["htv:headers"] = [header]
        return found

    def _schema(self, schema: Json) -> Json:
        found = self._catalog.schemas.inlined(schema)
        assert isinstance(found, dict)
        return {name: value for name, value in found.items() if (name, value) != ("required", [])}


def _title(operation: Operation) -> str:
    return operation.name.path.replace("/", ".")
