"""OpenAPI 3.1: valid, complete, and true of a running hub."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx2
import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from gotapi_core.faces.catalog import OPEN, Catalog, Source
from gotapi_core.faces.openapi import openapi
from gotapi_core.faces.schemas import Schemas
from gotapi_core.protocol.names import Method
from gotapi_core.protocol.routes import Kind
from gotapi_core.server.endpoints import OWN_ROUTES

TEMPLATE_A, TEMPLATE_B = "#/components/schemas/A", "#/components/schemas/B"


@pytest.fixture
def catalog(plugin: Any) -> Catalog:
    source = Source(plugin.id, plugin.name, plugin.version, tuple(plugin.routes))
    return Catalog(tuple(OWN_ROUTES), [source], "1.2.3")


@pytest.fixture
def document(catalog: Catalog) -> dict[str, Any]:
    return json.loads(json.dumps(openapi(catalog)))


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())


def test_the_validator_would_find_a_fault(document: dict[str, Any]) -> None:
    document["paths"]["/gotapi/bench/display"]["get"]["responses"] = {}
    del document["info"]["title"]
    assert list(OpenAPIV31SpecValidator(document).iter_errors())


def test_every_route_is_there(document: dict[str, Any], plugin: Any) -> None:
    for route in [*OWN_ROUTES, *plugin.routes]:
        for method in route.methods:
            assert route.summary in document["paths"][route.name.uri][method.lower()]["summary"]
    assert document["x-surfaces"] == [
        {"path": "/bench", "plugin": "bench", "summary": "Answer below a path of its own."}
    ]


def test_nothing_is_there_that_is_not_answered(document: dict[str, Any], plugin: Any) -> None:
    known = {
        (route.name.uri, str(method))
        for route in [*OWN_ROUTES, *plugin.routes]
        for method in route.methods
    }
    found = {
        (path, verb.upper())
        for path, item in document["paths"].items()
        for verb, operation in item.items()
        if operation["operationId"].startswith(f"{verb}_")
    }
    assert found == known


def test_names_of_operations_are_unique(document: dict[str, Any]) -> None:
    found = [one["operationId"] for item in document["paths"].values() for one in item.values()]
    assert len(found) == len(set(found))


def test_parameters_are_in_the_query_or_in_the_body(document: dict[str, Any]) -> None:
    paths = document["paths"]
    labels = paths["/gotapi/bench/labels"]["get"]["parameters"]
    assert labels[-1] == {
        "name": "labelText",
        "in": "query",
        "description": "What to find.",
        "schema": {"type": "string", "default": ""},
    }
    assert {"$ref": "#/components/parameters/ServiceId"} in labels
    content = paths["/gotapi/bench/display"]["put"]["requestBody"]["content"]
    assert set(content) == {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json",
    }
    schema = content["application/json"]["schema"]
    assert schema["required"] == ["text"]
    assert schema["properties"]["text"] == {
        "type": "string",
        "maxLength": 40,
        "description": "What to show.",
    }
    stop = paths["/gotapi/meter/value"]["delete"]
    assert "unit" not in json.dumps(stop)


def test_a_members_name_of_the_hub_stays_the_hubs(document: dict[str, Any]) -> None:
    answer = document["paths"]["/gotapi/bench/display"]["get"]["responses"]["200"]
    good = answer["content"]["application/json"]["schema"]["anyOf"][0]
    assert good["properties"]["result"] == {"const": 0}
    assert good["properties"]["corner"]["prefixItems"] == [{"type": "number"}] * 2
    assert "forbid" not in json.dumps(document)
    assert "additionalProperties" not in document["components"]["schemas"]["Parts"]


def test_only_what_is_used_is_among_the_components(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text
    assert "MeterParams" not in document["components"]["schemas"]


def test_the_document_is_always_the_same(catalog: Catalog, plugin: Any) -> None:
    routes = tuple(reversed(tuple(plugin.routes)))
    other = Catalog(
        tuple(OWN_ROUTES), [Source(plugin.id, plugin.name, plugin.version, routes)], "1.2.3"
    )
    assert openapi(catalog)["paths"] == openapi(other)["paths"]


def test_of_two_plugins_with_the_same_route_the_first_counts(plugin: Any) -> None:
    sources = [Source(name, name, "1", tuple(plugin.routes)) for name in ("b", "a")]
    found = Catalog(tuple(OWN_ROUTES), sources, "1").operations()
    assert {one.source.id for one in found} == {"", "a"}


def test_a_type_without_a_schema_is_an_open_object() -> None:
    class Strange:
        """No struct."""

    class Holder(msgspec.Struct):
        """A struct with a member that JSON schema cannot say."""

        strange: Strange

    schemas = Schemas([Strange, Holder, type(None)])
    for kind in (Strange, Holder):
        assert schemas.of(kind) == {"type": "object"}
        assert schemas.members(kind) == ({}, [])


def test_a_schema_without_references() -> None:
    schemas = Schemas([])
    schemas.add("A", {"type": "object", "properties": {"anyOf": {"$ref": TEMPLATE_B}}})
    schemas.add("B", {"anyOf": [{"enum": ["x", 1]}, {"type": "null"}], "default": None})
    assert schemas.inlined({"$ref": TEMPLATE_A}) == {
        "type": "object",
        "properties": {"anyOf": {"oneOf": [{"enum": ["x", 1]}, {"type": "null"}], "default": None}},
    }
    assert schemas.inlined([True, {"$ref": "#/elsewhere"}]) == [True, {"$ref": "#/elsewhere"}]
    assert schemas.inlined({"$ref": TEMPLATE_A}, 0) == {}
    assert schemas.inlined({"items": {"type": "array"}, "prefixItems": [{}]}) == {}


async def test_open_are_those_that_need_no_token(desk: Any) -> None:
    for route in OWN_ROUTES:
        for method in route.methods:
            answer = await desk.http.request(method, route.name.uri)
            refused = answer.json().get("errorCode") == 13
            assert refused is (route.name not in OPEN), route.name


async def test_a_page_learns_only_what_its_token_covers(desk: Any) -> None:
    path = "/gotapi/openapi.json"
    native = (await desk.http.get(path)).json()
    assert {"/gotapi/bench/display", "/gotapi/meter/value"} <= set(native["paths"])
    stranger = (await desk.page.get(path)).json()
    assert "/gotapi/servicediscovery" in stranger["paths"]
    assert not [one for one in stranger["paths"] if "bench" in one or "meter" in one]
    assert "bench" not in json.dumps(stranger).lower()
    assert (await desk.page.get(path, headers=desk.bearer)).status_code == 403  # not its token
    token = await desk.allow("meter", "https://draw.example")
    mine = (await desk.page.get(path, params={"accessToken": token})).json()
    assert "/gotapi/meter/value" in mine["paths"]
    assert "/gotapi/bench/display" not in mine["paths"]
    assert mine["x-surfaces"] == []


async def test_the_live_document(desk: Any) -> None:
    async with httpx2.AsyncClient(base_url=desk.live.url, trust_env=False) as nobody:
        document = (await nobody.get("/gotapi/openapi.json")).json()
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())
    assert document["servers"] == [{"url": f"http://{desk.host}"}]
    assert (await desk.http.post("/gotapi/openapi.json")).json()["errorCode"] == 3
    async with desk.http.stream("GET", "/gotapi/openapi.json") as answer:
        assert answer.headers["content-type"] == "application/json"


class Contract:
    """Asks what the document says, and holds the answers against it."""

    def __init__(self, desk: Any, document: dict[str, Any], token: str) -> None:
        self.desk = desk
        self.token = token
        self.document = document
        self.operations = [
            (path, verb, operation)
            for path, item in document["paths"].items()
            for verb, operation in item.items()
            if operation["operationId"].startswith(f"{verb}_")
            and "accesstoken" not in path  # it waits for the user
        ]

    def resolved(self, value: Any, depth: int = 6) -> Any:
        """Return a schema without references, for the generator."""
        if isinstance(value, list):
            return [self.resolved(one, depth) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            target: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return self.resolved(target, depth - 1) if depth else {}
        return {name: self.resolved(one, depth) for name, one in value.items()}

    def requests(self) -> Any:
        return st.sampled_from(self.operations).flatmap(self._request)

    def _request(self, found: Any) -> Any:
        _, _, operation = found
        parameters = [self.resolved(one) for one in operation["parameters"]]
        query = {
            one["name"]: values(one["schema"])
            for one in parameters
            if one["in"] == "query" and one["name"] != "serviceId"
        }
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        bodies = values(self.resolved(body["schema"])) if body else st.none()
        return st.tuples(
            st.just(found),
            st.fixed_dictionaries({}, optional=query),
            st.one_of(bodies, st.dictionaries(st.text(max_size=9), st.integers())),
            st.sampled_from(["one.bench", "two words.bench", "no.bench", ""]),
            st.booleans(),
        )

    async def check(self, request: Any) -> None:
        (path, verb, operation), query, body, service, native = request
        params = {"serviceId": service, **query}
        target = "&".join(f"{quote(name)}={quote(_text(one))}" for name, one in params.items())
        who, token = (self.desk.http, self.desk.token) if native else (self.desk.page, self.token)
        headers = {"Authorization": f"Bearer {token}"}
        content = json.dumps(body).encode() if verb in ("put", "post") and body else None
        if content is not None:
            headers["Content-Type"] = "application/json"
        answer = await who.request(
            verb.upper(), f"{path}?{target}", content=content, headers=headers
        )
        assert answer.status_code < 500, (request, answer.text)
        described = operation["responses"].get(
            str(answer.status_code), operation["responses"]["default"]
        )
        schema = self.resolved(described)["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(
            {**schema, "components": self.document["components"]}
        ).validate(answer.json())


def values(schema: dict[str, Any]) -> Any:
    """Make data that fits a schema, of the kinds that the routes' types come to."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([values(one) for one in schema["anyOf"]])
    if schema.get("type") == "object" and "properties" in schema:
        members = {name: values(one) for name, one in schema["properties"].items()}
        required = {name: members.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(required, optional=members)
    simple = {
        "string": st.text(max_size=schema.get("maxLength", 60)),
        "integer": st.integers(schema.get("minimum"), schema.get("maximum")),
        "number": st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "null": st.none(),
        "array": st.lists(st.integers(), max_size=3),
    }
    return simple.get(schema.get("type", ""), st.dictionaries(st.text(), st.text(), max_size=2))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def test_a_live_hub_keeps_what_the_document_says(desk: Any) -> None:
    document = (await desk.http.get("/gotapi/openapi.json")).json()
    contract = Contract(desk, document, await desk.allow("bench,meter", "https://draw.example"))
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(contract.requests())
    def run(request: Any) -> None:
        asyncio.run_coroutine_threadsafe(contract.check(request), loop).result(8)

    await asyncio.to_thread(run)


def test_the_routes_have_both_kinds(plugin: Any) -> None:
    kinds = {route.kind for route in plugin.routes}
    methods = {method for route in plugin.routes for method in route.methods}
    assert kinds == set(Kind)
    assert methods == set(Method)
