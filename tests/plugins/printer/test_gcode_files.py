"""G-code files: their commands, and the files that must not be printed."""

import io
import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.gcode import (
    BLOCK,
    MAX_RAW_LINE,
    FileFacts,
    GcodeError,
    commands,
    raw_lines,
    scan,
    strip,
)
from gotapi_printer.gcode_notes import ProgressMark
from gotapi_printer.marlin import MAX_COMMAND


def read(data):
    return list(commands(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        (b"G1 X1 ; move", b"G1 X1"),
        (b"; only a comment", b""),
        (b"   ", b""),
        (b"G1 X1 (to the left) Y2", b"G1 X1  Y2"),
        (b"(a (nested) one) G28", b"G28"),
        (b"G1 (open", b"G1"),
        (b"G1 (a)) X1", b"G1  X1"),
        (b"M117 Layer (1/20)", b"M117 Layer (1/20)"),
        (b"N12 G1 X1*45", b"G1 X1"),
        (b"N12G28*7 ", b"G28"),
        (b"n7 T0 * 9", b"T0"),
        (b"N5", b""),
        (b"NO_NUMBER X=1", b"NO_NUMBER X=1"),
        (b"M118 2*3", b"M118 2*3"),
        (b"M110 N5", b""),
        (b"N3 m110*9", b""),
        (b"M1100", b"M1100"),
        (b"%", b""),
        (b"g1 x1", b"g1 x1"),
        (b"START_PRINT BED=60", b"START_PRINT BED=60"),
    ],
)
def test_the_command_of_a_line(raw, command):
    assert strip(raw) == command


def test_line_ends_of_all_systems_and_a_byte_order_mark():
    expected = [(1, b"G1"), (3, b"G2"), (4, b"G3")]
    for end in (b"\n", b"\r\n", b"\r"):
        assert read(b"\xef\xbb\xbf" + end.join([b"G1", b"", b"G2 ; x", b"G3"])) == expected
        assert read(end.join([b"G1", b"", b"G2", b"G3", b""])) == expected


def test_a_line_end_may_fall_between_two_blocks():
    for before in (BLOCK - 2, BLOCK - 1, BLOCK):
        comments = b";" + b"-" * (before - 4) + b"\r\nG1\r\n"
        assert read(comments) == [(2, b"G1")]


@given(st.lists(st.sampled_from([b"G1 X1", b"", b";c", b"M117 hi"]), max_size=20), st.data())
def test_blocks_never_matter(lines, data):
    ends = [data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"])) for _ in lines]
    # CR, nothing, LF would be one CRLF and not two lines.
    ends = [
        b"\n" if b"\r" in end and i + 1 < len(ends) and not lines[i + 1] else end
        for i, end in enumerate(ends)
    ]
    text = b"".join(itertools.chain.from_iterable(zip(lines, ends, strict=True)))

    class Dribble(io.BytesIO):
        def read(self, size=-1):
            return super().read(data.draw(st.integers(1, 9)) if size else 0)

    assert list(commands(Dribble(text))) == read(text)
    assert [command for _, command in read(text)] == [c for c in map(strip, lines) if c]


def test_a_command_longer_than_the_printer_takes_is_refused_with_its_line():
    with pytest.raises(
        GcodeError, match=rf"^line 3: the command has 81 bytes.*{MAX_COMMAND}"
    ) as caught:
        read(b"G28\n;\nG1 X" + b"1" * 77 + b"\n")
    assert caught.value.line == 3
    with pytest.raises(GcodeError, match=r"^line 1: "):
        scan(io.BytesIO(b"G1 X" + b"1" * 10_000))


def test_a_long_text_for_the_display_is_cut_between_characters():
    ((_, command),) = read(b"M117 " + "ä".encode() * 60)
    assert len(command) <= MAX_COMMAND
    assert command.decode() == "M117 " + "ä" * 37


def test_long_comments_are_nothing():
    assert read(b"G1 ;" + b"x" * 20_000 + b"\nG2\n") == [(1, b"G1"), (2, b"G2")]


class Endless:
    """2 GB without a line end; counts what was asked for."""

    def __init__(self, byte=b"X", size=2 * 10**9):
        self.left = size
        self.taken = 0
        self.byte = byte

    def read(self, size):
        size = min(size, self.left)
        self.left -= size
        self.taken += size
        return self.byte * size


def test_two_gigabytes_without_a_line_end_fail_at_once():
    file = Endless()
    with pytest.raises(GcodeError, match=r"^line 1: the line is longer than"):
        scan(file)
    assert file.taken <= 2 * BLOCK


def test_an_over_long_line_among_others_is_named():
    data = b"G1\nG2\n" + b";" + b"-" * MAX_RAW_LINE + b"\nG3\n"
    with pytest.raises(GcodeError, match=r"^line 3: the line is longer"):
        read(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"; a\n; b\n", "only comments"),
        (b"\n\r\n \n", "only comments"),
        (b"Dear reader,\nthis is a letter.\n", "no G-code commands"),
        (b"G1 X1\nG1 \0X2\n", "line 2: this is no text file"),
        (b"PK\x03\x04zip", "line 1: this is no text file"),
        ("G1 X1\n".encode("utf-16"), "no text file"),
        (os.urandom(64) + b"\x01" * 64, "no text file"),
    ],
)
def test_files_that_cannot_be_printed(data, message):
    with pytest.raises(GcodeError, match=message):
        scan(io.BytesIO(data))


def test_a_binary_byte_late_in_a_line_after_a_block_is_named():
    data = b"G1 X1\r\n" * 20_000 + b"G1\r\nG2 \x02\r\n"
    with pytest.raises(GcodeError, match=r"^line 20002: ") as caught:
        scan(io.BytesIO(data))
    assert caught.value.line == 20_002


SLICED = b"""; generated by PrusaSlicer 2.5.0 on a day
M73 P0 R12
G28
;LAYER_CHANGE
;Z:0.2
G1 X1 E1
G1 X2 E2
M73 P50 R6
;LAYER_CHANGE
;Z:0.4
G1 X3 E3
; filament used [mm] = 40.12
; estimated printing time (normal mode) = 2m 30s
"""


def test_the_facts_of_a_sliced_file():
    facts = scan(io.BytesIO(SLICED))
    assert facts == FileFacts(
        commands=6,
        bytes=len(SLICED),
        lines=13,
        layers=2,
        seconds=150.0,
        filament_mm=40.12,
        slicer="PrusaSlicer 2.5.0 on a day",
        layer_starts=(2, 5),
        marks=(ProgressMark(1, 0.0, 12), ProgressMark(5, 50.0, 6)),
    )
    assert [facts.layer_at(n) for n in range(7)] == [0, 0, 0, 1, 1, 1, 2]
    assert facts.mark_at(0) is None
    assert facts.mark_at(4) == ProgressMark(1, 0.0, 12)
    assert facts.mark_at(5) == ProgressMark(5, 50.0, 6)


def test_scan_and_commands_agree():
    data = b"N1 G28*18\nM110 N0\nM117 " + b"long " * 40 + b"\n(x)\nG1 X1\n"
    assert scan(io.BytesIO(data)).commands == len(read(data)) == 3


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_otherwise(data):
    try:
        facts = scan(io.BytesIO(data))
    except GcodeError:
        return
    assert facts.commands == len(read(data)) > 0


@given(
    st.lists(
        st.from_regex(rb"[GM][0-9]{1,3}( [XYZEFS][0-9]{1,3}){0,3}", fullmatch=True).filter(
            lambda c: not c.startswith(b"M110")
        ),
        max_size=20,
    )
)
def test_commands_come_back_as_they_went(lines):
    assert [command for _, command in read(b"\n".join(lines))] == lines


def test_lists_of_lines_keep_the_last_line_without_its_end():
    assert list(raw_lines(io.BytesIO(b"a\nb"))) == [[b"a"], [b"b"]]
    assert list(raw_lines(io.BytesIO(b"a\r"))) == [[b"a"]]


SHARED = Path(os.environ.get("GOTAPI_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))


@pytest.mark.parametrize(
    ("name", "count", "layers", "seconds"),
    [("human_20mm_marlin2", 4611, 98, 150.0), ("human_60mm_marlin2", 81_809, 383, 3596.0)],
)
def test_real_files(name, count, layers, seconds):
    path = SHARED / "gcode" / f"{name}.gcode"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there; set GOTAPI_SHARED_DATA to the folder of test data")
    with path.open("rb") as file:
        facts = scan(file)
    assert (facts.commands, facts.layers, facts.seconds) == (count, layers, seconds)
    assert facts.bytes == path.stat().st_size
