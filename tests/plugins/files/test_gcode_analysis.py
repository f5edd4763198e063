"""What G-code would do: extents, filament, heights, times, thumbnails, what its slicer wrote."""

import base64
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_meshes.report import Area, Severity
from gotapi_printer.files import thumbnails
from gotapi_printer.files.analysis import analyse
from gotapi_printer.files.toolpath import Toolpath, first_and_usual
from gotapi_printer.gcode import GcodeError, scan

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPG = b"\xff\xd8\xff\xe0" + bytes(20)
QOI = b"qoif" + bytes(20)
AREA = Area(high=(200, 200, 180), known=True)


def of(text, area=AREA):
    return analyse(io.BytesIO(text.encode()), area)


def path_of(*commands):
    path = Toolpath()
    for command in commands:
        path.command(command.encode())
    return path


def test_only_moves_that_extrude_count_for_the_extents():
    found = of("G28\nG1 X190 Y190 F6000\nG1 X10 Y20 Z0.3\nG1 X30 Y25 E2\nG0 X0 Y0\n")
    assert found.low == (10, 20, 0.3)
    assert found.high == (30, 25, 0.3)
    assert found.findings == ()


def test_priming_on_the_spot_is_no_print():
    found = of("G1 X-5 Y0 Z5\nG1 E10\n")
    assert found.low is None
    assert found.high is None
    assert [one.code for one in found.findings] == ["nothing"]
    assert found.filament == (10.0,)


@pytest.mark.parametrize("text", ["", "; only a comment\n\n", "dear printer,\nplease\n"])
def test_what_no_printer_would_take_is_no_print(text):
    with pytest.raises(GcodeError) as refused:
        scan(io.BytesIO(text.encode()), lambda command, line: None)
    [finding] = of(text).findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "empty")
    assert finding.message == str(refused.value)


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("G1 X-4 Z0.2\nG1 X50 E1\n", Severity.WARNING),
        ("G1 X-40 Z0.2\nG1 X50 E1\n", Severity.ERROR),
        ("G1 X10 Z190.1\nG1 X50 E1\n", Severity.ERROR),
    ],
)
def test_beyond_the_bed(text, severity):
    found = of(text)
    [finding] = found.findings
    assert finding.severity is severity
    assert "slice it for this printer" in finding.message
    assert bool(found.errors) == (severity is Severity.ERROR)
    assert of(text, Area()).findings == ()


def test_relative_places_inches_and_set_positions():
    assert path_of("G91", "G1 X10", "G1 X10 Y5 E1").high[:2] == [20, 5]
    assert path_of("G20", "G1 X1", "G1 X2 E1").high[0] == pytest.approx(50.8)
    assert path_of("G20", "G21", "G1 X1 E1").high[0] == 1
    assert path_of("G1 X50", "G92 X0", "G1 X5 E1").high[0] == 5
    assert path_of("G1 X50 Y50", "G28 X", "G1 Y60 E1").low[:2] == [0, 50]
    assert path_of("G1 X50 Y50", "G28", "G1 Y60 E1").low[:2] == [0, 0]
    assert path_of("G91", "G90", "G1 X10 E1", "G1 X20 E2").high[0] == 20


def test_retractions_do_not_count_as_filament():
    absolute = path_of("G1 X1 E5", "G1 E4", "G1 X9", "G1 E5", "G1 X20 E8", "G92 E0", "G1 X30 E2")
    assert absolute.filament == {0: pytest.approx(10.0)}
    relative = path_of("M83", "G1 X1 E5", "G1 E-1", "G1 E1", "G1 X9 E3")
    assert relative.filament == {0: pytest.approx(8.0)}
    assert path_of("M83", "M82", "G1 X1 E5", "G1 X2 E6").filament == {0: 6.0}


def test_filament_by_tool():
    found = of("M83\nT0\nG1 X5 Z0.2 E5\nT2\nG1 X9 E7\nT0\nG1 X5 E1\n")
    assert found.filament == (6.0, 0.0, 7.0)


def test_arcs_reach_beyond_their_ends():
    clockwise = path_of("G1 X10 Y0", "G2 X-10 Y0 I-10 J0 E3")
    assert clockwise.low[:2] == pytest.approx([-10, -10])
    assert clockwise.high[:2] == pytest.approx([10, 0], abs=1e-9)
    other = path_of("G1 X10 Y0", "G3 X-10 Y0 I-10 J0 E3")
    assert other.high[1] == pytest.approx(10)
    whole = path_of("G1 X10 Y0 F600", "G2 I-10 E3")
    assert whole.low[:2] == pytest.approx([-10, -10])
    assert whole.seconds == pytest.approx((10 + 2 * math.pi * 10) / 10)
    by_radius = path_of("G1 X10 Y0", "G2 X20 Y0 R5 E3")
    assert by_radius.high[0] == 20


def test_layer_heights():
    found = of("G1 X1 Z0.35\nG1 X2 E1\nG1 Z0.65\nG1 X3 E2\nG1 Z0.95\nG1 X4 E3\nG1 Z0.65\nG1 X5 E4")
    assert (found.first_layer_height, found.layer_height) == (0.35, 0.3)
    assert first_and_usual([]) == (None, None)
    assert first_and_usual([0.2]) == (0.2, None)


def test_heights_kept_are_bounded(monkeypatch):
    monkeypatch.setattr("gotapi_printer.files.toolpath.MOST_HEIGHTS", 2)
    path = path_of(*(f"G1 X{z} Z{z} E{z}" for z in range(1, 9)))
    assert path.heights == [1, 2]


def test_times_and_their_source():
    assert of("G1 X100 F6000 E1\n").seconds_source == "moves"
    assert of("G1 X100 F6000 E1\n").seconds == pytest.approx(1.0)
    m73 = of("M73 P0 R12\nG1 X1 E1\nM73 P50 R6\n")
    assert (m73.seconds, m73.seconds_source) == (720, "m73")
    both = of("; estimated printing time (normal mode) = 1h 2m 3s\nM73 P0 R12\nG1 X1 E1\n")
    assert (both.seconds, both.seconds_source) == (3723, "slicer")
    assert of("M104 S0\n").seconds is None


def test_what_the_slicer_wrote():
    found = of(
        "; generated by PrusaSlicer 2.5.0+UNKNOWN on 2026-01-01 at 00:00:00 UTC\n"
        ";LAYER_CHANGE\nG1 X1 Z0.2\nG1 X9 E1\n"
        "; filament used [mm] = 1079.80, 12.5\n; filament used [g] = 3.1,0.1\n"
        "; layer_height = 0.2\n; layer_height = 9\n; filament_type = PLA;PETG\n; secret_key = x\n"
    )
    assert (found.slicer, found.slicer_version) == ("PrusaSlicer", "2.5.0+UNKNOWN")
    assert found.filament_by_slicer == (1079.8, 12.5)
    assert found.filament_grams == (3.1, 0.1)
    assert found.settings == {"layer_height": "0.2", "filament_type": "PLA;PETG"}
    assert found.layers == 1
    assert of("; generated by hand\nG1 X1\n").slicer == "hand"


def block(data, size="32x24", word="thumbnail"):
    text = base64.b64encode(data).decode()
    lines = "\n".join(f"; {text[start : start + 20]}" for start in range(0, len(text), 20))
    return f"; {word} begin {size} {len(text)}\n{lines}\n; {word} end\n"


@pytest.mark.parametrize(
    ("data", "word", "kind"),
    [
        (PNG, "thumbnail", "image/png"),
        (JPG, "thumbnail_JPG", "image/jpeg"),
        (QOI, "thumbnail_QOI", "image/qoi"),
    ],
)
def test_thumbnails(data, word, kind):
    found = of(block(data, word=word) + block(PNG, "400x300") + "G1 X1 E1\n")
    first, second = found.thumbnails
    assert (first.width, first.height, first.content_type, first.data) == (32, 24, kind, data)
    assert (second.width, second.height) == (400, 300)


@pytest.mark.parametrize(
    "text",
    [
        "; thumbnail begin 32x24 9\n; %%%%\n; thumbnail end\n",
        block(b"<svg onload=alert(1)>"),
        block(PNG, "0x24"),
        block(PNG, "9999x24"),
        "; thumbnail begin 32x24 9\n; aaaa\n",
        "; thumbnail begin\n",
    ],
)
def test_thumbnails_that_are_none(text):
    assert of(text + "G1 X1 E1\n").thumbnails == ()


def test_thumbnails_are_bounded(monkeypatch):
    assert len(of(block(PNG) * 40).thumbnails) == thumbnails.MOST
    monkeypatch.setattr(thumbnails, "LARGEST", 10)
    assert of(block(PNG)).thumbnails == ()


def test_binary_is_refused():
    with pytest.raises(GcodeError):
        analyse(io.BytesIO(b"\x00\x01\x02" * 100), AREA)


def test_a_real_file(figure):
    path = figure.parents[1] / "gcode" / "human_20mm_marlin2.gcode"
    with path.open("rb") as file:
        found = analyse(file, AREA)
    assert found.slicer == "PrusaSlicer"
    assert found.layers > 50
    assert 18 < found.high[2] < 21
    assert found.filament[0] == pytest.approx(sum(found.filament_by_slicer), rel=0.02)
    assert found.settings["nozzle_diameter"]


@given(st.lists(st.sampled_from([*"GMTXYZEFIJR0123456789.-; =\n"]), max_size=300).map("".join))
def test_any_text_is_analysed_or_refused(text):
    found = of(text)
    assert found.lines >= found.commands
    if found.low is not None:
        assert all(low <= high for low, high in zip(found.low, found.high, strict=True))
