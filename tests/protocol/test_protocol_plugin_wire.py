"""Messages of GotAPI-4: what they look like, what is refused, and what the refusal says."""

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import plugin_wire as wire
from gotapi_core.protocol.errors import (
    GotapiError,
    IllegalDeviceState,
    InvalidParameter,
    PayloadTooLarge,
    PluginError,
    ResultCode,
    StorageFull,
    UnknownError,
    error_class,
)

SCHEMA = Path(__file__).parents[2] / "docs" / "gotapi4.schema.json"
KINDS = sorted({*get_args(wire.FromPlugin), *get_args(wire.FromHub)}, key=wire.tag_of)


def test_a_message_is_one_line_of_json_without_what_is_its_default() -> None:
    hello = wire.Hello(wire.Versions(1, 1), id="lamp", name="Lamp\n")
    assert wire.encode(hello) == (
        b'{"type":"hello","versions":{"min":1,"max":1},"id":"lamp","name":"Lamp\\n"}'
    )
    call = wire.Call(7, "GET", "light", "desk", base_url="http://127.0.0.1:4035")
    assert json.loads(wire.encode(call)) == {
        "type": "call",
        "id": 7,
        "method": "GET",
        "profile": "light",
        "service": "desk",
        "baseUrl": "http://127.0.0.1:4035",
    }


def test_members_nobody_knows_are_ignored() -> None:
    assert wire.from_plugin(b'{"type":"pong","n":4,"later":[1]}') == wire.Pong(4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"hello", "this is no message, one JSON object in UTF-8 was expected: 'hello'"),
        (b"hello", "a plug-in prints to stderr, its stdout is for messages"),
        (b'{"type":"log","message":"\xff"}', "this is no message"),
        (b"[1]", "Expected object, got array"),
        (b"{}", "missing required field type; type must be one of blobOpen, blobPublish, bye,"),
        (b'{"type":"call"}', "Invalid value 'call' - at type; type must be one of"),
        (b'{"type":"reply","id":"1"}', 'Expected int, got str - at id: \'{"type":"reply"'),
        (b'{"type":"reply","id":0}', "Expected int >= 1 - at id"),
        (b'{"type":"log","message":"x","level":"fatal"}', "Invalid enum value 'fatal' - at level"),
        (b'{"type":"reply","id":1,"result":' + b"[" * 70, "nested deeper than 64 levels"),
        (b" " * (wire.MESSAGE_SIZE + 1), "a message may have 1048576 bytes, this one has 1048577"),
        (b"x" * 200, "x'..."),
    ],
)
def test_what_is_wrong_is_said(text: bytes, said: str) -> None:
    with pytest.raises(wire.RemoteError) as caught:
        wire.from_plugin(text)
    assert said in str(caught.value)
    assert caught.value.fatal


def test_brackets_in_strings_are_no_depth() -> None:
    text = json.dumps({"type": "log", "message": "[" * 100}).encode()
    assert wire.from_plugin(text) == wire.Log("[" * 100)


@given(st.binary(max_size=300))
def test_no_bytes_crash_a_decoder(text: bytes) -> None:
    for decode in (wire.from_plugin, wire.from_hub):
        try:
            message = decode(text)
        except wire.RemoteError:
            continue
        assert decode(wire.encode(message)) == message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(st.integers(1, 2**53 - 1), st.dictionaries(st.text(max_size=10), json_values))
def test_members_travel_unchanged_and_on_one_line(number: int, members: dict[str, Any]) -> None:
    for message in (wire.Reply(number, members), wire.Event(number, members, durable=True)):
        text = wire.encode(message)
        assert b"\n" not in text
        assert wire.from_plugin(text) == message
    call = wire.Call(number, "PUT", "p", "s", "i", "a", members, "o", "A1", "http://x", 3)
    assert wire.from_hub(wire.encode(call)) == call


def test_what_is_too_large_or_no_json_is_not_sent() -> None:
    with pytest.raises(wire.TooLargeError, match=r"'log' would have \d+ bytes, at most 50 fit"):
        wire.encode(wire.Log("x" * 100), size=50)
    with pytest.raises(wire.LocalError, match="'reply' cannot be said in JSON"):
        wire.encode(wire.Reply(1, {"x": object()}))


KNOWN = [error_class(code) for code in ResultCode if code is not ResultCode.OK]


@pytest.mark.parametrize("kind", KNOWN)
def test_an_error_arrives_as_what_it_was(kind: type[GotapiError]) -> None:
    failure = wire.failure_of(kind("the lamp is hot"))
    back = wire.error_of(failure)
    assert type(back) is kind
    assert (back.message, back.status) == ("the lamp is hot", kind.status)
    assert failure.status is None


def test_errors_with_a_status_of_their_own_keep_it() -> None:
    for error in (PayloadTooLarge("big"), StorageFull("full")):
        back = wire.error_of(wire.failure_of(error))
        assert (back.code, back.status, back.message) == (error.code, error.status, error.message)
    changed = IllegalDeviceState("hot")
    changed.status = 423
    assert wire.error_of(wire.failure_of(changed)).status == 423
    assert wire.error_of(wire.Failure("x", 10, status=408)).status == 500  # Chrome repeats a 408
    assert wire.error_of(wire.Failure("x", 10, status=400)).status == 400
    assert type(wire.error_of(wire.Failure("x", 10))) is InvalidParameter


def test_errors_with_numbers_of_their_own_keep_them() -> None:
    error = PluginError("odd", result=4711, error_code="E-1", status=418)
    back = wire.error_of(wire.failure_of(error))
    assert (back.result, back.error_code, back.status) == (4711, "E-1", 418)
    assert wire.error_of(wire.Failure("x", code=99)).result == 99
    assert wire.error_of(wire.Failure("x", code=0)).result == 1
    assert type(wire.error_of(wire.Failure("x"))) is UnknownError


@pytest.mark.parametrize("kind", KINDS, ids=wire.tag_of)
def test_every_message_says_who_sends_it_and_when(kind: type) -> None:
    assert kind.__doc__ is not None
    assert kind.__doc__.startswith(("Hub", "Plug-in", "Either"))


def test_the_committed_schema_is_that_of_the_structs() -> None:
    """After a change: `Path("docs/gotapi4.schema.json").write_bytes(json_schema_text())`."""
    assert SCHEMA.read_bytes() == wire.json_schema_text()


def test_the_schema_names_every_message_and_answer() -> None:
    parts = wire.json_schema()["$defs"]
    assert isinstance(parts, dict)
    assert {kind.__name__ for kind in KINDS} <= set(parts)
    assert {"ServicesAnswer", "SurfaceAnswer", "BlobAnswer"} <= set(parts)
    assert parts["Hello"]["properties"]["type"] == {"enum": ["hello"]}


def test_the_manual_has_a_line_for_every_message() -> None:
    manual = (SCHEMA.parent / "gotapi4.md").read_text()
    missing = [wire.tag_of(kind) for kind in KINDS if f"| `{wire.tag_of(kind)}` |" not in manual]
    assert not missing
    members = {field.encode_name for kind in KINDS for field in msgspec.structs.fields(kind)}
    unknown = [member for member in sorted(members) if f"`{member}`" not in manual]
    assert not unknown
