"""W3C WoT Thing Descriptions: valid, complete, and consumed by node-wot."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gotapi_core.faces.catalog import Catalog, Source
from gotapi_core.faces.things import thing
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.names import Method
from gotapi_core.protocol.routes import Kind
from gotapi_core.server.endpoints import OWN_ROUTES

MODULES = Path(__file__).parent / "node_modules"
INSTALL = "`make test` installs it"
SCHEMA = MODULES / "@thing-description-playground" / "core" / "td-schema.json"


@pytest.fixture
def described(plugin: Any) -> dict[str, Any]:
    source = Source(plugin.id, plugin.name, plugin.version, tuple(plugin.routes))
    catalog = Catalog(tuple(OWN_ROUTES), [source], "1")
    service = Service(id="one.bench", name="One", scopes=("bench", "meter"), version="7")
    return json.loads(json.dumps(thing(catalog, "bench", service)))


def test_the_description_is_valid(described: dict[str, Any]) -> None:
    if not SCHEMA.exists():
        pytest.skip(f"there is no schema of Thing Descriptions: {INSTALL}")
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(described)] == []
    described["properties"]["bench.display"]["forms"] = []
    assert list(validator.iter_errors(described))


def test_every_route_is_there(described: dict[str, Any], plugin: Any) -> None:
    for route in plugin.routes:
        name = route.name.path.replace("/", ".")
        if route.kind is Kind.EVENT:
            assert described["events"][name]["description"].endswith(route.summary)
        elif route.kind is Kind.ONE_SHOT and route.method is Method.GET:
            assert described["properties"][name]["description"] == route.summary
        elif route.kind is Kind.ONE_SHOT:
            action = described["actions"][f"{name}.{route.method.lower()}"]
            assert action["forms"][0]["htv:methodName"] == route.method
    assert "/gotapi/servicediscovery" not in json.dumps(described)


def test_what_it_says_of_the_service(described: dict[str, Any]) -> None:
    assert described["id"] == "urn:gotapi:one.bench"
    assert described["title"] == "One"
    assert described["version"] == {"instance": "7"}
    assert described["securityDefinitions"]["query"] == {
        "scheme": "apikey",
        "in": "query",
        "name": "accessToken",
    }


def test_it_has_no_references(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    for word in ("$ref", "anyOf", "prefixItems", "additionalProperties"):
        assert word not in text
    level = described["properties"]["bench.display"]["properties"]["level"]
    assert level["oneOf"] == [{"type": "number"}, {"type": "null"}]


def test_a_type_in_itself_ends(described: dict[str, Any]) -> None:
    found = described["properties"]["bench.display"]["properties"]["parts"]
    depth = 0
    while "inner" in found.get("properties", {}):
        found = found["properties"]["inner"].get("oneOf", [{}])[0]
        depth += 1
    assert 1 < depth < 10


def test_events_have_forms_to_subscribe_and_cancel(described: dict[str, Any]) -> None:
    stream, begin, end = described["events"]["meter.value"]["forms"]
    assert (stream["subprotocol"], stream["href"]) == ("sse", "/gotapi/events")
    assert begin["htv:methodName"] == "PUT"
    assert begin["href"] == "/gotapi/meter/value?serviceId=one.bench{&unit}"
    assert (end["htv:methodName"], end["op"]) == ("DELETE", ["unsubscribeevent"])


async def test_things_need_a_token_and_its_scope(desk: Any) -> None:
    assert (await desk.page.get("/gotapi/things")).status_code == 403
    found = (await desk.http.get("/gotapi/things", headers=desk.bearer)).json()
    assert [one["title"] for one in found] == ["Bench one", "Bench two"]
    assert found[1]["id"] == "urn:gotapi:two%20words.bench"
    assert set(found[1]["events"]) == {"bench", "bench.copies.change"}
    narrow = await desk.allow("meter", "https://draw.example")
    headers = {"Authorization": f"Bearer {narrow}"}
    [only] = (await desk.page.get("/gotapi/things", headers=headers)).json()
    assert set(only["events"]) == {"meter.value"}
    assert (only["properties"], only["actions"]) == ({}, {})
    assert "htv:headers" not in json.dumps(only)
    answer = await desk.page.get("/gotapi/things/two%20words.bench", headers=headers)
    assert (answer.status_code, answer.json()["result"]) == (403, 14)


async def test_one_thing(desk: Any) -> None:
    answer = await desk.http.get("/gotapi/things/two%20words.bench?accessToken=" + desk.token)
    assert answer.headers["content-type"] == "application/td+json"
    form = answer.json()["properties"]["bench.display"]["forms"][0]
    assert form["htv:headers"] == [
        {"htv:fieldName": "x-gotapi-origin", "htv:fieldValue": "test.app"}
    ]
    read = await desk.http.get(form["href"], headers=desk.bearer)
    assert read.json()["corner"] == [0.0, 1.5]
    missing = await desk.http.get("/gotapi/things/no.bench", headers=desk.bearer)
    assert missing.json()["errorCode"] == 6


async def test_node_wot_reads_and_acts(desk: Any) -> None:
    node = shutil.which("node")
    if node is None or not (MODULES / "@node-wot" / "core").exists():
        pytest.skip(f"there is no node-wot: {INSTALL}")
    td = (await desk.http.get("/gotapi/things/one.bench", headers=desk.bearer)).json()
    job = {
        "td": td,
        "token": desk.token,
        "property": "bench.display",
        "action": "bench.display.put",
        "input": {"text": "from node-wot"},
    }
    process = await asyncio.create_subprocess_exec(
        node,
        str(Path(__file__).with_name("consume.cjs")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(json.dumps(job).encode()), 30)
    assert process.returncode == 0, err.decode()
    found = json.loads(out.decode().strip().splitlines()[-1])
    assert found["read"]["corner"] == [0, 1.5]
    assert found["done"]["text"] == "from node-wot"
    assert desk.bench.calls == ["get", "put from node-wot"]
