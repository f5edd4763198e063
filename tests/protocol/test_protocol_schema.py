"""From a type to its JSON schema and back: what fits one fits the other."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.schema import Member, members_of


class Inner(msgspec.Struct):
    x: int


class Wanted(msgspec.Struct, rename="camel"):
    job_id: int
    name: str = "x"
    maybe: int | None = None
    ratio: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    level: Annotated[int, msgspec.Meta(gt=0, le=9)] = 1
    short: Annotated[str, msgspec.Meta(min_length=1, max_length=3)] = "a"
    on: bool = False
    mode: Literal["fast", "slow"] = "fast"
    tags: list[str] = []
    inner: Inner | None = None
    free: Any = None


def kind_of(schema: object, **definitions: object) -> Any:
    found = members_of({"properties": {"m": schema}, "$defs": definitions})
    assert found is not None
    assert not found["m"].required
    return found["m"].kind


def test_a_struct_comes_back_from_its_schema() -> None:
    found = members_of(msgspec.json.schema(Wanted))
    assert found is not None
    assert found["jobId"] == Member(int, True)
    assert [name for name, member in found.items() if member.required] == ["jobId"]
    assert list(found) == [field.encode_name for field in msgspec.structs.fields(Wanted)]
    assert found["mode"].kind == Literal["fast", "slow"]
    assert found["tags"].kind == list[str]
    assert found["inner"].kind == dict[str, Any] | None
    assert found["free"].kind is Any


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        ("ratio", ["0", "0.99"], ["-0.1", "1", "x"]),
        ("level", ["1", "9"], ["0", "10", "1.5"]),
        ("short", ["a", "abc"], ["", "abcd"]),
        ("on", ["true", "0"], ["yes?"]),
        ("mode", ["fast"], ["FAST"]),
        ("maybe", ["3", None], ["x"]),
    ],
)
def test_bounds_hold_and_text_becomes_values(member: str, good: list[Any], bad: list[Any]) -> None:
    found = members_of(msgspec.json.schema(Wanted))
    assert found is not None
    kind = found[member].kind
    for value in good:
        msgspec.convert(value, kind, strict=False)
    for value in bad:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value, kind, strict=False)


@pytest.mark.parametrize(
    "schema",
    [{}, {"type": "object"}, {"properties": []}, {"properties": {str(n): {} for n in range(201)}}],
)
def test_what_describes_no_members_gives_none(schema: dict[str, object]) -> None:
    assert members_of(schema) is None


@pytest.mark.parametrize(
    "schema",
    [
        None, 3, {}, {"type": "odd"}, {"type": ["string"]}, {"enum": []}, {"enum": [1]},
        {"enum": [str(n) for n in range(201)]}, {"anyOf": []}, {"anyOf": [{"type": "string"}, {}]},
        {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "array"}]},
        {"$ref": "#/$defs/Nobody"}, {"$ref": "#/$defs/Self"},
    ],
)  # fmt: skip
def test_what_is_not_understood_accepts_anything(schema: object) -> None:
    assert kind_of(schema, Self={"$ref": "#/$defs/Self"}, Odd=3) is Any


def test_odd_bounds_are_left_out() -> None:
    assert kind_of({"type": "integer", "minimum": True}) is int
    assert kind_of({"type": "integer", "minimum": 0.5}) is int
    assert kind_of({"type": "integer", "minimum": 2**70}) is int
    assert kind_of({"type": "string", "minLength": -1}) is str
    assert kind_of({"type": "string", "minimum": 1}) is str
    assert kind_of({"type": "boolean", "maxLength": 1}) is bool
    assert kind_of({"type": "integer", "minimum": 1, "exclusiveMinimum": 1}) is int


def test_a_required_list_that_is_none_is_ignored() -> None:
    found = members_of({"properties": {"a": {"type": "string"}}, "required": [1, "a"]})
    assert found == {"a": Member(str, False)}


def test_depth_is_bounded() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(50):
        schema = {"type": "array", "items": schema}
    assert "typing.Any" in repr(kind_of(schema))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "anyOf",
                    "enum",
                    "$ref",
                    "items",
                    "minimum",
                    "maxLength",
                    "a",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["properties", "required", "$defs"]), json_values))
def test_no_schema_crashes_it(schema: dict[str, Any]) -> None:
    found = members_of(schema)
    for member in (found or {}).values():
        try:
            msgspec.convert("x", member.kind, strict=False)
        except msgspec.ValidationError:
            continue
