"""Lines as Marlin assembles and judges them."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.simulator.lines import (
    Assembler,
    Verdict,
    checksum,
    command_text,
    judge,
    unnumbered_text,
)


@given(st.binary(max_size=200))
def test_checksum_is_the_xor_of_all_bytes(data: bytes) -> None:
    assert checksum(data) == reduce(lambda a, b: a ^ b, data, 0)


@pytest.mark.parametrize(
    ("line", "last", "verdict", "number"),
    [
        (b"N0 M110 N0*125", 57, Verdict.ACCEPT, 0),  # the handshake of the facts
        (b"N-1 M110*15", 57, Verdict.ACCEPT, -1),  # printcore's
        (b"N5 M110 N40*76", 0, Verdict.ACCEPT, 40),  # the second N wins
        (b"N1 G28*18", 0, Verdict.ACCEPT, 1),
        (b"N1 G28*19", 0, Verdict.CHECKSUM, 1),
        (b"N1 G28", 0, Verdict.NO_CHECKSUM, 1),
        (b"N1 G28*", 0, Verdict.CHECKSUM, 1),
        (b"N3 G28*16", 1, Verdict.LINE_NUMBER, 3),
        (b"N1 G28*18", 1, Verdict.DUPLICATE, 1),  # last_N
        (b"N1 G28*18", 2, Verdict.DUPLICATE, 1),  # last_N - 1
        (b"N1 G28*99", 1, Verdict.DUPLICATE, 1),  # its checksum is not even looked at
        (b"N1 G28", 1, Verdict.DUPLICATE, 1),
        (b"N1 G28*18", 3, Verdict.LINE_NUMBER, 1),
        (b"Nx G28*18", 5, Verdict.LINE_NUMBER, 0),
        (b"N99999999999 G28*1", 5, Verdict.LINE_NUMBER, 2**31 - 1),
    ],
)
def test_judging_a_numbered_line(line: bytes, last: int, verdict: Verdict, number: int) -> None:
    assert judge(line, last) == (verdict, number)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"N1 G28*18", b"G28"),
        (b"N12G28*33", b"G28"),
        (b"N-1 M110*15", b"M110"),
        (b"N0 M110 N0*125", b"M110 N0"),
        (b"N7 M117 3*4 done *88", b"M117 3*4 done"),
    ],
)
def test_text_of_a_numbered_line(line: bytes, text: bytes) -> None:
    assert command_text(line) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [(b"G28", b"G28"), (b"G28*99", b"G28"), (b"M117 a*b", b"M117 a*b"), (b"M105  ", b"M105")],
)
def test_text_of_a_line_without_number(line: bytes, text: bytes) -> None:
    assert unnumbered_text(line) == text


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (b"G1 X1", b"G1 X1"),
        (b"", None),
        (b"; only a comment", None),
        (b"G1 X1 ; comment", b"G1 X1 "),
        (b"  G28", b"G28"),
        (b"   ", b""),  # spaces are a line: it gets an answer
        (b"G1\x00X5*3", b"G1"),  # strings end at a NUL
        (b"G2\x088", b"G8"),  # backspace
        (b"\x08\x08G28", b"G28"),
        (b"M117 a\\;b;c", b"M117 a;b"),
        (b"M117 \\\\;x", b"M117 \\"),
        (b"M117 x\\", b"M117 x"),
        (b"a\\" + b"b" * 200, b"a" + b"b" * 94),
        (b"X" * 95, b"X" * 95),
        (b"X" * 96, b"X" * 95),  # MAX_CMD_SIZE 96 holds the closing NUL
        (b"X" * 500 + b"\x08", b"X" * 95),
    ],
)
def test_assembling(sent: bytes, line: bytes | None) -> None:
    whole = Assembler(96)
    whole.add(sent)
    single = Assembler(96)
    for value in sent:
        single.add(bytes((value,)))
    assert whole.finish() == single.finish() == line
    assert whole.finish() is None  # the next line starts clean


@given(st.lists(st.binary(max_size=60).filter(lambda b: b"\n" not in b), max_size=8))
def test_pieces_of_a_line_make_the_same_line(pieces: list[bytes]) -> None:
    parts, whole = Assembler(96), Assembler(96)
    for piece in pieces:
        parts.add(piece)
    whole.add(b"".join(pieces))
    line = whole.finish()
    assert parts.finish() == line
    assert line is None or len(line) <= 95
