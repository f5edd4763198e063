"""The emergency parser sees its commands as their bytes arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.simulator.emergency import EmergencyParser, Signal


def signals(*chunks: bytes) -> list[Signal]:
    parser = EmergencyParser()
    return [found for data in chunks for _, found in parser.split(data) if found]


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        (b"M112\n", Signal("M112")),
        (b"M112\r\n", Signal("M112")),
        (b"  M108\n", Signal("M108")),
        (b"N5 M410*37\n", Signal("M410")),
        (b"N-1 M 112*3\n", Signal("M112")),
        (b"M876 S2\n", Signal("M876", 2)),
        (b"M876S0\n", Signal("M876", 0)),
        (b"M112 now\n", Signal("M112")),
    ],
)
def test_recognised(line: bytes, signal: Signal) -> None:
    assert signals(line) == [signal]
    assert signals(*(bytes((value,)) for value in line)) == [signal]


@pytest.mark.parametrize(
    "line",
    [b"M112", b"M105\n", b"; M112\n", b"G1 M112\n", b"M117 M112\n", b"M876 P1\n", b"M11 2\n"],
)
def test_not_recognised(line: bytes) -> None:
    assert signals(line) == []


def test_a_signal_acts_before_the_end_of_its_line() -> None:
    parts = list(EmergencyParser().split(b"G28\nM108\nM105\nM1"))
    assert parts == [(b"G28\nM108", Signal("M108")), (b"\nM105\nM1", None)]


def test_only_the_beginning_of_a_line_counts() -> None:
    assert signals(b" " * 200 + b"M112\n") == []
    assert signals(b" " * 90, b" " * 10, b"M112\n", b"M108\n") == [Signal("M108")]


fragments = st.sampled_from([b"M112", b"M10", b"8", b"\n", b"N1 ", b"M876 S", b"1", b";", b" "])


@given(st.lists(fragments | st.binary(max_size=5), max_size=30), st.randoms())
def test_chunking_does_not_matter_and_nothing_is_lost(parts: list[bytes], random) -> None:
    data = b"".join(parts)
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(4))
    chunks = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert signals(*chunks) == signals(data)
    assert b"".join(piece for piece, _ in EmergencyParser().split(data)) == data
