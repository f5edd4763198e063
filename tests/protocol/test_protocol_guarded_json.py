"""JSON that comes from outside."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.guarded_json import decode_object


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, null, true, "x"]} ', {"a": [1, 2.5, None, True, "x"]}),
        (b'{"a": "[[[[[[{{{{{{"}', {"a": "[[[[[[{{{{{{"}),
        (b'{"a": "\\"[[[[[["}', {"a": '"[[[[[['}),
        (b'{"a": "\\\\", "b": "::"}', {"a": "\\", "b": "::"}),
        (b'{"a": {"a": {"a": 1}}}', {"a": {"a": {"a": 1}}}),
        (b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        ('{"\u20ac": "\u00e9"}'.encode(), {"\u20ac": "\u00e9"}),
    ],
)
def test_objects(text, value):
    assert decode_object(text, depth=4) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b'{"a": 1', "malformed"),
        (b'{"a": NaN}', "malformed"),
        (b'{"a": 1e999}', "malformed"),
        (b'{"a": "\\ud800"}', "malformed"),
        (b'{"a": "\xff"}', "malformed"),
        (b'{"a": "x\x00"}', "malformed"),
        (b'{"a": 1} {"b": 2}', "malformed"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (b'{"a": "' + b"[" * 100, "malformed"),
        (b"[]", "must be an object"),
        (b'"a"', "must be an object"),
        (b"null", "must be an object"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'{"a": "\\\\\\u0000"}', "NUL"),
        (b'{"a": 1, "a": 1}', "same member twice"),
        (b'{"a": [{"b": 1, "b": 2}]}', "same member twice"),
        (b'{"a": 1, "\\u0061": 1}', "same member twice"),
        (b"[" * 100_000, "deeper than 4"),
        (b'{"a":' * 100_000, "deeper than 4"),
        (b"]" + b"[" * 10, "deeper than 4|malformed"),
    ],
)
def test_what_is_refused(text, reason):
    with pytest.raises(InvalidParameter, match=reason):
        decode_object(text, depth=4)


@pytest.mark.parametrize("depth", [1, 2, 64])
def test_the_depth_is_exact(depth):
    def nested(levels):
        return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    text = nested(depth) if depth > 1 else b"{}"
    assert isinstance(decode_object(text, depth=depth), dict)
    with pytest.raises(InvalidParameter, match=f"deeper than {depth} levels"):
        decode_object(nested(depth + 1), depth=depth)


def test_width_is_not_depth():
    text = b'{"a":[' + b"[]," * 1000 + b"{}]}"
    members = decode_object(text, depth=3)
    assert isinstance(members["a"], list)
    assert len(members["a"]) == 1001


MEBI = 1024 * 1024


@pytest.mark.parametrize(
    "text",
    [
        b'"\\' * (MEBI // 2),
        b'\\"' * (MEBI // 2),
        b'{"a":"' + b"\\" * MEBI,
        b'{"a":"' + b"\\u000" * (MEBI // 5) + b'"}',
        b"[" * MEBI,
        b"{}" * (MEBI // 2),
        b'{"a":[' + (b"[" * 62 + b"]" * 62 + b",") * (MEBI // 125) + b"0]}",
        b'{"a":' + b"9" * MEBI + b"}",
    ],
    ids=["unclosed", "escapes", "backslashes", "half", "deep", "flat", "chains", "digits"],
)
def test_a_mebibyte_of_malice_takes_linear_time(text):
    begin = time.process_time()
    with suppress(InvalidParameter):
        decode_object(text, depth=64)
    # Quadratic behaviour takes minutes here; linear behaviour about a third of a second.
    assert time.process_time() - begin < 5


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text('ab"\\[]{}:,\u20ac', max_size=5), values, max_size=4), st.booleans())
def test_every_object_survives(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert decode_object(text, depth=64) == value


def height(value):
    if isinstance(value, dict):
        return 1 + max(map(height, value.values()), default=0)
    return 1 + max(map(height, value), default=0) if isinstance(value, list) else 0


@given(st.dictionaries(st.text("ab[", max_size=2), values, max_size=3), st.integers(1, 4))
def test_the_depth_is_that_of_the_tree(value, depth):
    text = json.dumps(value).encode()
    if height(value) <= depth:
        assert decode_object(text, depth=depth) == value
    else:
        with pytest.raises(InvalidParameter, match="deeper"):
            decode_object(text, depth=depth)


@given(st.one_of(st.binary(), st.text('{}[]":,\\ua01 ', max_size=40).map(str.encode)))
def test_any_bytes_decode_or_are_refused(text):
    try:
        members = decode_object(text, depth=3)
    except InvalidParameter:
        return
    assert members == json.loads(text)
