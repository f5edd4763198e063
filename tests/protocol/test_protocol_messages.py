"""Services and answers as JSON members."""

from __future__ import annotations

import pytest

from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.messages import (
    Method,
    Request,
    Service,
    SurfaceReply,
    SurfaceRequest,
    success_body,
)
from gotapi_core.protocol.names import SERVICE_DISCOVERY


def test_a_plain_service_has_both_ids_and_no_optional_member():
    assert Service("mk3.printer", "MK3", scopes=("3dp", "3dprinter")).to_wire() == {
        "serviceId": "mk3.printer",
        "id": "mk3.printer",
        "name": "MK3",
        "online": True,
        "scopes": ["3dp", "3dprinter"],
    }


def test_a_full_service_has_all_members():
    wire = Service(
        "a.b", "A", online=False, type="WiFi", scopes=(), manufacturer="M", version="2",
        config="c", reason="cable out",
    ).to_wire()  # fmt: skip
    assert list(wire) == [
        "serviceId", "id", "name", "online", "scopes", "type", "manufacturer", "version",
        "config", "reason",
    ]  # fmt: skip
    assert wire["online"] is False
    assert wire["reason"] == "cable out"


def test_a_request_tells_no_nonce_from_an_empty_one():
    who = Identity("org.example", Lineage.STATUS, False)
    request = Request(method=Method.GET, name=SERVICE_DISCOVERY, identity=who)
    assert (request.nonce, dict(request.params)) == (None, {})
    assert Request(method=Method.GET, name=SERVICE_DISCOVERY, identity=who, nonce="").nonce == ""


def test_messages_are_frozen():
    with pytest.raises(AttributeError):
        Service("a", "b").name = "c"  # type: ignore[misc]  # what the test is about


def test_surface_messages_have_sensible_defaults():
    request = SurfaceRequest(method="GET", path="/3dps")
    reply = SurfaceReply()
    assert (request.query, request.headers, request.body, request.file) == (b"", (), b"", None)
    assert (reply.status, reply.headers, reply.body, reply.file) == (200, (), b"", None)


def test_a_good_answer_begins_with_result_0():
    body = success_body("gotapi-hub", "0.1.0", {"services": []})
    assert list(body.items()) == [
        ("result", 0), ("product", "gotapi-hub"), ("version", "0.1.0"), ("services", []),
    ]  # fmt: skip


def test_a_plugin_cannot_replace_the_hubs_members():
    body = success_body("gotapi-hub", "0.1.0", {"result": 5, "version": "x", "a": 1})
    assert body == {"result": 0, "product": "gotapi-hub", "version": "0.1.0", "a": 1}
