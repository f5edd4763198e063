"""AsyncAPI 3.0: valid, complete, and true of what comes over a socket."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gotapi_core.faces.asyncapi import asyncapi
from gotapi_core.faces.catalog import Catalog, Source
from gotapi_core.protocol.jsonrpc import target
from gotapi_core.protocol.routes import Kind
from gotapi_core.server.endpoints import OWN_ROUTES

MODULES = Path(__file__).parent / "node_modules"
SCHEMA = MODULES / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"


@pytest.fixture
def document(plugin: Any) -> dict[str, Any]:
    source = Source(plugin.id, plugin.name, plugin.version, tuple(plugin.routes))
    return json.loads(json.dumps(asyncapi(Catalog(tuple(OWN_ROUTES), [source], "1"))))


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    if not SCHEMA.exists():
        pytest.skip("no schema of AsyncAPI: `make test` installs it")
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []
    document["operations"]["authorize"]["action"] = "shout"
    assert list(validator.iter_errors(document))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    waiting: list[Any] = [document]
    references = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            references += [one["$ref"]] if "$ref" in one else []
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    assert len(references) > 20
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_route_is_there(document: dict[str, Any], plugin: Any) -> None:
    methods = document["components"]["messages"]["call"]["payload"]["properties"]["method"]["enum"]
    meant = {target(name, {}) for name in methods if name != "authorize"}
    assert meant == {
        (method, route.name) for route in [*OWN_ROUTES, *plugin.routes] for method in route.methods
    }
    for route in plugin.routes:
        if route.kind is Kind.EVENT:
            name = "event_" + route.name.path.replace("/", "_")
            for channel in ("websocket", "sse", "jsonrpc"):
                assert name in document["channels"][channel]["messages"]
                operation = document["operations"][f"{name}_{channel}"]
                assert (operation["action"], operation["summary"]) == ("send", route.summary)


async def test_a_real_event_is_as_described(desk: Any, hear: Any) -> None:
    document = (await desk.http.get("/gotapi/asyncapi.json")).json()
    messages = document["components"]["messages"]
    frame = {"accessToken": desk.token, "resume": ""}
    async with desk.socket("/gotapi/websocket") as socket:
        _check(messages["token"], frame, document)
        await socket.send(json.dumps(frame))
        _check(messages["verdict"], await hear(socket), document)
        await desk.listen()
        desk.bench.tell(1)
        _check(messages["event_meter_value"], await hear(socket), document)
    assert document["servers"]["websocket"] == {"host": desk.host, "protocol": "ws"}


async def test_a_page_learns_only_the_hubs_part(desk: Any) -> None:
    document = (await desk.page.get("/gotapi/asyncapi.json")).json()
    assert "meter" not in json.dumps(document)
    own = {"event_servicediscovery_onservicechange"}
    assert set(document["channels"]["sse"]["messages"]) == own


def _check(message: dict[str, Any], payload: dict[str, Any], document: dict[str, Any]) -> None:
    schema = {**message["payload"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(payload)
    required = message["payload"]["required"][0]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**payload, required: []})
