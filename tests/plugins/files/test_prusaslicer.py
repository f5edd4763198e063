"""PrusaSlicer: what it is told and what is read of it, and where it is installed, for real."""

from pathlib import Path

import pytest

from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter
from gotapi_meshes import MeshError
from gotapi_meshes.report import Area
from gotapi_printer.files import prusaslicer
from gotapi_printer.files.desk import FileDesk, SliceOrder
from gotapi_printer.files.options import SliceOptions, Slicer

AREA = Area(high=(200, 200, 180), known=True)
INSTALLED = prusaslicer.find() is not None
needs_it = pytest.mark.skipif(
    not INSTALLED, reason="PrusaSlicer is not installed (apt install prusa-slicer)"
)


def words(options, ini=None):
    return prusaslicer.arguments(
        "prusa-slicer", Path("/d/model.stl"), Path("/d/made.gcode"), options, AREA, ini
    )


def after(listed, name):
    return listed[list(listed).index(name) + 1]


def test_arguments_without_a_profile():
    listed = words(SliceOptions())
    assert listed[0] == "prusa-slicer"
    assert listed[-2:] == ["--export-gcode", "/d/model.stl"]
    assert after(listed, "--center") == "100,100"
    assert after(listed, "--layer-height") == "0.2"
    assert after(listed, "--bed-shape") == "0x0,200x0,200x200,0x200"
    assert after(listed, "--post-process") == ""
    assert "--load" not in listed


def test_arguments_with_a_profile_leave_it_what_was_not_asked_for():
    listed = words(SliceOptions(infill=15), Path("/d/p.ini"))
    assert after(listed, "--load") == "/d/p.ini"
    assert after(listed, "--fill-density") == "15%"
    assert "--layer-height" not in listed
    assert "--bed-shape" not in listed
    assert after(words(SliceOptions(layer_height=0.1), Path("/x")), "--layer-height") == "0.1"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"20 => Generating perimeters", (0.2, "Generating perimeters")),
        (b"90 => Exporting G-code to /tmp/x.gcode", (0.9, "Exporting G-code")),
        (b"999 => x", (1.0, "x")),
        (b"Slicing result exported", None),
        (b"", None),
    ],
)
def test_progress(line, found):
    assert prusaslicer.progress(line) == found


def test_version_and_complaint():
    assert prusaslicer.version_of(b"PrusaSlicer-2.5.0+UNKNOWN based on") == "2.5.0+UNKNOWN"
    assert prusaslicer.version_of(b"?") == ""
    said = ["[trace] x", "10 => y", "error: /home/me/secret/model.stl: no extrusions"]
    assert prusaslicer.complaint(said) == "error: model.stl: no extrusions"
    assert prusaslicer.complaint([]) == "it did not say why"


def test_a_profile_keeps_its_settings_and_loses_its_programs():
    given = b"\xef\xbb\xbf# made by\r\nlayer_height = 0.3\r\npost_process = /bin/rm;x\n;x\n\nb=\n"
    assert prusaslicer.clean_ini(given) == b"layer_height = 0.3\nb =\n".replace(b"b =\n", b"b = \n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe", "is not text"),
        (b"[print:x]\na = b\n", "line 1: is no `name = value`"),
        (b"a = b\nrm -rf\n", "line 2"),
        (b"a = \0\n", "line 1"),
        (b"# nothing\n", "is empty"),
        (b"post_process = x\n", "is empty"),
        (b"a = b\n" * 300_000, "are read"),
    ],
)
def test_profiles_that_are_none(data, message):
    with pytest.raises(MeshError, match=message):
        prusaslicer.clean_ini(data)


@pytest.fixture
def box_file(make, tmp_path):
    path = tmp_path / "box.glb"
    path.write_bytes(make.glb(make.box(8, 8, 2)))
    return path


@pytest.fixture
def desk(tmp_path):
    made = FileDesk(tmp_path / "desk")
    made.open()
    return made


@needs_it
@pytest.mark.timeout(90)
async def test_it_slices_what_it_cannot_read_itself_with_a_profile(desk, box_file, tmp_path):
    out, marker = tmp_path / "out.gcode", tmp_path / "marker"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    ini = f"layer_height = 0.25\nfirst_layer_height = 0.25\npost_process = {script}\n".encode()
    heard = []
    order = SliceOrder(box_file, out, AREA, SliceOptions(slicer=Slicer.PRUSASLICER, scale=2.0), ini)
    sliced = await desk.slice(order, on_progress=lambda share, words: heard.append((share, words)))
    assert sliced.slicer == "PrusaSlicer"
    assert sliced.version[0].isdigit()
    assert heard == sorted(heard)
    assert len(heard) > 2
    assert not marker.exists()
    analysis = await desk.analyse(out, AREA)
    assert analysis.slicer == "PrusaSlicer"
    assert analysis.layers == 16
    assert 107 < analysis.high[0] < 117  # with its skirt
    assert analysis.errors == ()
    assert list((tmp_path / "desk").iterdir()) == []


@needs_it
@pytest.mark.timeout(90)
async def test_a_profile_it_does_not_like(desk, box_file, tmp_path):
    order = SliceOrder(
        box_file, tmp_path / "o", AREA, SliceOptions(slicer=Slicer.PRUSASLICER), b"layer_height = 9"
    )
    with pytest.raises(IllegalServerState, match=r"PrusaSlicer failed: .*[Ll]ayer"):
        await desk.slice(order)


@needs_it
async def test_it_is_taken_where_nobody_says(desk):
    assert desk.chosen(Slicer.AUTO) is Slicer.PRUSASLICER
    [prusa, embedded] = await desk.slicers()
    assert prusa.available
    assert prusa.version[0].isdigit()
    assert embedded.available


async def test_where_it_is_missing_that_is_said(tmp_path, box_file):
    desk = FileDesk(tmp_path / "desk", path=str(tmp_path))
    desk.open()
    assert desk.chosen(Slicer.AUTO) is Slicer.EMBEDDED
    with pytest.raises(InvalidParameter, match=r"apt install prusa-slicer.*experimental"):
        desk.chosen(Slicer.PRUSASLICER)
    [prusa, _] = await desk.slicers()
    assert not prusa.available
    assert "apt install" in prusa.message
