"""Swagger 2.0 of a profile, as serviceinformation shows it."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import msgspec

from gotapi_core.faces.catalog import Catalog, Source
from gotapi_core.faces.swagger import swagger
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Kind, Route


class Inner(msgspec.Struct):
    x: float


class Wish(msgspec.Struct):
    """What is wished."""

    color: Annotated[str, msgspec.Meta(description="A name.", max_length=20)]
    level: Annotated[int, msgspec.Meta(ge=0, le=9)] = 3
    mode: Literal["slow", "fast"] = "slow"
    maybe: int | None = None
    either: Inner | None = None
    inner: Inner | None = None
    many: tuple[str, ...] = ()


class Done(msgspec.Struct):
    at: Inner


def route(method: Method, attribute: str | None, kind: Kind = Kind.ONE_SHOT) -> Route:
    return Route(
        kind=kind,
        method=method,
        name=Name("light", None, attribute),
        summary="Do it.",
        params_type=Wish,
        result_type=Done,
    )


ROUTES = (
    route(Method.GET, None),
    route(Method.POST, None),
    route(Method.PUT, "changes", Kind.EVENT),
    Route(kind=Kind.ONE_SHOT, method=Method.GET, name=Name("lock")),
)


def documents(*profiles: str) -> dict[str, dict[str, object]]:
    source = Source("lamp", "Lamp", "2.0", ROUTES)
    other = Source("other", "Other", "1", (route(Method.PUT, "other"),))
    return swagger(Catalog((), [source, other], "9"), "lamp", profiles)


def test_there_is_a_document_for_each_profile_that_the_plug_in_answers() -> None:
    found = documents("light", "lock", "camera")
    assert set(found) == {"light", "lock"}
    assert found["light"]["basePath"] == "/gotapi/light"
    assert found["light"]["info"] == {"title": "Lamp: light", "version": "2.0"}
    assert set(found["light"]["paths"]) == {"/", "/changes"}  # type: ignore[call-overload]  # JSON


def test_a_plug_in_without_a_version_has_that_of_the_hub() -> None:
    source = Source("lamp", "Lamp", "", ROUTES)
    found = swagger(Catalog((), [source], "9"), "lamp", ["light"])
    assert json.loads(json.dumps(found))["light"]["info"]["version"] == "9"


def test_parameters_are_in_the_query_or_in_the_form_and_of_a_simple_type() -> None:
    paths = json.loads(json.dumps(documents("light")))["light"]["paths"]
    for method, where in (("get", "query"), ("post", "formData")):
        found = {one["name"]: one for one in paths["/"][method]["parameters"]}
        assert all(one["in"] == where for one in found.values())
        assert found["serviceId"]["required"] is True
        assert found["color"]["required"] is True
        assert (found["color"]["type"], found["color"]["maxLength"]) == ("string", 20)
        assert found["color"]["description"] == "A name."
        level = found["level"]
        assert (level["type"], level["minimum"], level["maximum"], level["default"]) == (
            "integer", 0, 9, 3,
        )  # fmt: skip
        assert found["mode"]["enum"] == ["fast", "slow"]
        assert found["maybe"]["type"] == "integer"
        assert found["inner"]["type"] == "string"  # an object is text in a form
        assert found["many"]["type"] == "array"
        assert found["many"]["items"] == {"type": "string"}


def test_an_event_is_begun_with_parameters_and_stopped_without() -> None:
    changes = json.loads(json.dumps(documents("light")))["light"]["paths"]["/changes"]
    assert set(changes) == {"put", "delete"}
    assert changes["put"]["x-type"] == changes["delete"]["x-type"] == "event"
    assert len(changes["put"]["parameters"]) > 1
    assert [one["name"] for one in changes["delete"]["parameters"]] == ["serviceId"]
    assert changes["put"]["x-event"]["properties"]["at"]["properties"]["x"]["type"] == "number"
    assert "x-event" not in changes["delete"]


def test_documents_refer_to_nothing_outside() -> None:
    text = json.dumps(documents("light", "lock"))
    assert "$ref" not in text
    assert "anyOf" not in text
