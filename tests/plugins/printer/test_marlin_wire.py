"""Numbered lines and the cutting of a byte stream into lines."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin.wire import (
    MAX_COMMAND,
    MAX_REPLY_LINE,
    MAX_WIRE_LINE,
    RESET_NUMBERING,
    LineAssembler,
    checksum,
    numbered,
)


def test_the_checksum_is_the_xor_of_everything_before_the_star():
    assert checksum(b"N0 M110 N0") == 125
    assert checksum(b"N-1 M110") == 15
    assert checksum(b"") == 0


def test_a_numbered_line():
    assert numbered(3, b"T0") == b"N3 T0*57\n"
    assert numbered(0, b"M110 N0") == RESET_NUMBERING


def test_the_longest_command_fits_the_firmware_s_line_with_nine_digits():
    assert len(numbered(999_999_999, b"X" * MAX_COMMAND).rstrip(b"\n")) <= MAX_WIRE_LINE


@given(st.integers(0, 10**9), st.binary(max_size=80).filter(lambda raw: b"*" not in raw))
def test_a_firmware_finds_every_checksum_right(number, command):
    body, _, given_sum = numbered(number, command).removesuffix(b"\n").rpartition(b"*")
    assert int(given_sum) == checksum(body)
    assert body == b"N%d %b" % (number, command)


def feed_all(chunks):
    assembler = LineAssembler()
    return [line for chunk in chunks for line in assembler.feed(chunk)]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"ok\n", [b"ok"]),
        (b"ok\r\nwait\r", [b"ok", b"wait"]),
        (b"\n\n\r\n", []),
        (b"o\0k\n\0", [b"ok"]),
        (b"half", []),
    ],
)
def test_lines_end_with_any_line_end(data, lines):
    assert feed_all([data]) == lines


def test_an_unfinished_line_waits_for_its_end():
    assembler = LineAssembler()
    assert assembler.empty
    assert assembler.feed(b"o") == []
    assert not assembler.empty
    assert assembler.feed(b"k\n") == [b"ok"]
    assert assembler.empty


def test_a_line_without_end_is_cut_and_costs_no_memory():
    assembler = LineAssembler()
    heads = [line for _ in range(100) for line in assembler.feed(b"x" * 1000)]
    assert heads == [b"x" * MAX_REPLY_LINE]
    assert not assembler.empty
    assert assembler.feed(b"tail\nok\n") == [b"ok"]
    assert assembler.empty


@given(
    st.lists(st.sampled_from([b"ok", b"\n", b"\r", b"\0", b"T:1", b"y" * 3000]), max_size=12),
    st.lists(st.integers(0, 20_000), max_size=8),
)
def test_chunking_never_matters(parts, cuts):
    data = b"".join(parts)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert feed_all(chunks) == feed_all([data])
    assert feed_all([data[n : n + 1] for n in range(len(data))]) == feed_all([data])
