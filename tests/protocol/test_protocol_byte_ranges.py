"""Range, If-Range and If-None-Match against a reference that slices."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.byte_ranges import (
    MAX_RANGES,
    Span,
    Unsatisfiable,
    content_range,
    if_range_holds,
    none_match,
    parse_ranges,
    part_heads,
)

SIZE = 10_000


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        # The examples of RFC 9110 14.1.2, for a file of 10,000 bytes.
        ("bytes=0-499", [(0, 500)]),
        ("bytes=500-999", [(500, 1000)]),
        ("bytes=-500", [(9500, 10000)]),
        ("bytes=9500-", [(9500, 10000)]),
        ("bytes=0-0,-1", [(0, 1), (9999, 10000)]),
        ("bytes= 0-0, 9999-9999 ,", [(0, 1), (9999, 10000)]),
        ("Bytes=0-99999", [(0, 10000)]),
        ("bytes=-99999", [(0, 10000)]),
        ("bytes=0-1,20000-", [(0, 2)]),  # what can be satisfied is
        ("bytes=5-6,0-1", [(5, 7), (0, 2)]),  # in the order they were asked for
    ],
)
def test_ranges(field, spans):
    assert [(span.start, span.stop) for span in parse_ranges(field, SIZE)] == spans


@pytest.mark.parametrize(
    "field",
    ["", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-1", "lines=0-1",
     "bytes=0-1;",
     "bytes=1", "bytes=0--1", "bytes=٣-٤", "bytes=0-1,0-1", "bytes=0-5,5-9", "bytes=0-,-1",
     "bytes=" + "9" * 30 + "-", "bytes=0x0-1"],
)  # fmt: skip
def test_what_is_no_range_is_ignored(field):
    assert parse_ranges(field, SIZE) == ()


@pytest.mark.parametrize("field", [f"bytes={SIZE}-", "bytes=-0", "bytes=20000-30000,-0"])
def test_ranges_behind_the_end(field):
    with pytest.raises(Unsatisfiable):
        parse_ranges(field, SIZE)


def test_nothing_of_an_empty_file():
    for field in ("bytes=0-", "bytes=-5"):
        with pytest.raises(Unsatisfiable):
            parse_ranges(field, 0)


def test_many_ranges_are_ignored_at_once():
    few = "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(MAX_RANGES))
    assert len(parse_ranges(few, SIZE)) == MAX_RANGES
    assert parse_ranges(f"{few},100-100", SIZE) == ()
    many = "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(100_000))
    began = time.perf_counter()
    assert parse_ranges(many, SIZE * 100) == ()
    assert time.perf_counter() - began < 0.05


def reference(first: int | None, last: int | None, data: bytes) -> bytes:
    """Return one range in the plainest way there is."""
    if first is None:
        return data[-last:] if last else b""
    return data[first:] if last is None else data[first : last + 1]


ranges = st.tuples(st.none() | st.integers(0, 40), st.none() | st.integers(0, 40)).filter(
    lambda pair: pair != (None, None) and not (None not in pair and pair[0] > pair[1])
)


@given(st.lists(ranges, min_size=1, max_size=6), st.binary(max_size=32))
def test_ranges_are_slices(wanted, data):
    texts = (f"{'' if a is None else a}-{'' if b is None else b}" for a, b in wanted)
    expected = [part for a, b in wanted if (part := reference(a, b, data))]
    try:
        spans = parse_ranges("bytes=" + ",".join(texts), len(data))
    except Unsatisfiable:
        assert expected == []
        return
    if spans:
        assert [data[span.start : span.stop] for span in spans] == expected
    else:  # overlapping
        assert len(expected) > 1
    assert sum(map(len, spans)) <= len(data)


@given(st.text(max_size=60), st.integers(0, 100))
def test_no_field_crashes_or_leaves_the_file(text, size):
    try:
        spans = parse_ranges(f"bytes={text}", size)
    except Unsatisfiable:
        return
    assert all(0 <= span.start < span.stop <= size for span in spans)


def test_conditions():
    assert if_range_holds(None, '"a"')
    assert if_range_holds(' "a"', '"a"')
    for other in ('"b"', 'W/"a"', "Wed, 25 Jun 2014 16:00:00 GMT", ""):
        assert not if_range_holds(other, '"a"')
    for known in ('"a"', '"b", W/"a"', "*", '"b" , "a"'):
        assert none_match(known, '"a"')
    for unknown in (None, "", '"b"', "a", '"a'):
        assert not none_match(unknown, '"a"')


def test_parts_are_framed_as_the_text_says():
    spans = [Span(500, 1000), Span(7000, 8000)]
    heads, tail = part_heads(spans, 8000, "THIS_STRING_SEPARATES", "application/pdf")
    assert heads[0] == (
        b"--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\n"
        b"Content-Range: bytes 500-999/8000\r\n\r\n"
    )
    assert heads[1].startswith(b"\r\n--THIS_STRING_SEPARATES\r\n")
    assert heads[1].endswith(b"Content-Range: bytes 7000-7999/8000\r\n\r\n")
    assert tail == b"\r\n--THIS_STRING_SEPARATES--\r\n"
    assert content_range(Span(0, 1), 1) == "bytes 0-0/1"
