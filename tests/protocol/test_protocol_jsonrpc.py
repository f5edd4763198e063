"""JSON-RPC 2.0 without a socket."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import IllegalDeviceState, PluginError
from gotapi_core.protocol.jsonrpc import (
    Code,
    RpcCall,
    RpcFault,
    event_notification,
    fault_reply,
    gotapi_fault,
    method_name,
    parse_calls,
    result_reply,
    target,
)
from gotapi_core.protocol.limits import Limits
from gotapi_core.protocol.names import Method, Name

LIMITS = Limits(body=2000, depth=8)


def parse(value, limits=LIMITS):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse_calls(text, limits)


def one(**members):
    calls, batch = parse({"jsonrpc": "2.0", "method": "m", **members})
    assert not batch
    [call] = calls
    return call


def test_a_call():
    assert one(id=1, params={"a": 2}) == RpcCall("m", {"a": 2}, 1)
    assert one(id="x") == RpcCall("m", {}, "x")
    assert one(id=None) == RpcCall("m", {}, None)
    assert one(id=1, params=[]) == RpcCall("m", {}, 1)


def test_a_notification_has_no_id():
    assert not one().answered
    assert one(id=None).answered


@pytest.mark.parametrize("call_id", [1.5, True, [], {}, "x" * 129, 2**53 + 1])
def test_an_id_is_short(call_id):
    call = one(id=call_id)
    assert (call.id, call.fault.code) == (None, Code.INVALID_REQUEST)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"jsonrpc": "2.0", "id": 7},
        {"jsonrpc": "1.0", "method": "m", "id": 7},
        {"jsonrpc": "2.0", "method": 5, "id": 7},
    ],
)
def test_what_is_no_call(value):
    [call], _ = parse(value)
    assert (call.id, call.answered) == (value.get("id"), True)
    assert call.fault.code == Code.INVALID_REQUEST


@pytest.mark.parametrize("value", [1, "x", None, True, [1]])
def test_a_call_is_an_object(value):
    [call], _ = parse(value)
    assert call.fault.code == Code.INVALID_REQUEST


@pytest.mark.parametrize("params", [[1], "x", 5, None, {"x" * 200: 1}])
def test_parameters_are_a_bounded_object(params):
    call = one(id=4, params=params)
    assert (call.id, call.fault.code) == (4, Code.INVALID_PARAMS)


def test_a_name_of_a_method_is_bounded():
    assert one(method="m" * 300, id=1).fault.code == Code.METHOD_NOT_FOUND


def test_a_batch():
    calls, batch = parse([{"jsonrpc": "2.0", "method": "m"}, 5])
    assert batch
    assert [call.fault is None for call in calls] == [True, False]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", Code.PARSE_ERROR),
        (b"{", Code.PARSE_ERROR),
        (b'{"a":1,"a":2}', Code.PARSE_ERROR),
        (b"[" * 20 + b"]" * 20, Code.PARSE_ERROR),
        (b"[]", Code.INVALID_REQUEST),
        (b"[" + b"1," * 50 + b"1]", Code.INVALID_REQUEST),
        (b" " * 2001, Code.INVALID_REQUEST),
    ],
)
def test_a_message_that_cannot_be_read(text, code):
    with pytest.raises(RpcFault) as caught:
        parse(text)
    assert caught.value.code == code


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_answered(text):
    try:
        calls, _ = parse(text)
    except RpcFault:
        return
    assert calls


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "2.0"]), x)
        ),
    )
)
def test_any_json_is_answered(value):
    try:
        calls, _ = parse(value, Limits())
    except RpcFault:
        return
    assert all(call.fault is not None or isinstance(call.params, dict) for call in calls)


def test_targets():
    assert target("3dp.status.get", {}) == (Method.GET, Name("3dp", None, "status"))
    assert target("3DP.PUT", {}) == (Method.PUT, Name("3dp"))
    assert target("a.b.c.delete", {}) == (Method.DELETE, Name("a", "b", "c"))
    assert target("a.x/b.y.post", {}) == (Method.POST, Name("a.x", None, "b.y"))
    assert target("a.x/.get", {}) == (Method.GET, Name("a.x"))
    assert target("Grant", {"grant": (Method.GET, Name("g"))}) == (Method.GET, Name("g"))


@pytest.mark.parametrize(
    "method", ["", "get", ".get", "a..get", "a.b.c.d.get", "a.b", "a\x00.get", "x" * 65 + ".get"]
)
def test_what_is_no_target(method):
    with pytest.raises(RpcFault) as caught:
        target(method, {"grant": (Method.GET, Name("g"))})
    assert caught.value.code == Code.METHOD_NOT_FOUND
    assert "grant" in caught.value.message


PARTS = st.text(
    st.characters(categories=["L", "N"], include_characters=".-"), min_size=1, max_size=9
)


def test_names_with_dots_are_written_with_slashes():
    assert method_name(Method.GET, Name("3dp", "a", "b")) == "3dp.a.b.get"
    assert method_name(Method.PUT, Name("a.x", None, "b")) == "a.x/b.put"
    assert method_name(Method.PUT, Name("a.x")) == "a.x/.put"


@given(st.sampled_from(Method), PARTS, st.none() | PARTS, st.none() | PARTS)
def test_a_name_comes_back(method, profile, interface, attribute):
    name = Name(profile, interface if attribute else None, attribute)
    assert target(method_name(method, name), {}) == (method, name)


def test_faults_have_the_code_of_the_result():
    fault = gotapi_fault(IllegalDeviceState("hot"))
    assert fault_reply(3, fault) == {
        "jsonrpc": "2.0",
        "id": 3,
        "error": {
            "code": -32016,
            "message": "hot",
            "data": {"result": 16, "errorCode": "16", "errorMessage": "hot"},
        },
    }
    assert gotapi_fault(PluginError("own", result=99)).code == -32099
    other = gotapi_fault(PluginError("own", result=700, error_code="E7"))
    assert (other.code, other.data["result"], other.data["errorCode"]) == (-32001, 700, "E7")
    assert "data" not in fault_reply(None, RpcFault(Code.PARSE_ERROR, "no"))["error"]


def test_results_and_events():
    assert result_reply(one(id=9), {"result": 0}) == {
        "jsonrpc": "2.0",
        "result": {"result": 0},
        "id": 9,
    }
    assert json.loads(event_notification(b'{"n":1}')) == {
        "jsonrpc": "2.0",
        "method": "event",
        "params": {"n": 1},
    }
