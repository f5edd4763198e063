"""Models of every format become the same mesh; broken ones say what is wrong and where."""

import contextlib
import io
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gotapi_meshes import FileKind, MeshError
from gotapi_meshes import mesh as meshes
from gotapi_meshes.reading import read_model
from gotapi_meshes.stl import read_binary, write_binary
from gotapi_meshes.topology import topology

NAMES = ["stl", "stl-ascii", "obj", "3mf", "glb"]
NAN = float("nan")


def read(data):
    return read_model(io.BytesIO(data))[1]


def refused(data):
    with pytest.raises(MeshError) as caught:
        read(data)
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_box_is_the_same_in_every_format(make, name):
    kind, mesh = read_model(io.BytesIO(make.formats[name](make.box(10, 20, 30))))
    assert kind.value == name
    assert mesh.vertices.dtype == np.float64
    assert mesh.triangles.dtype == np.uint32
    assert mesh.vertices.shape == (8, 3)
    assert mesh.triangles.shape == (12, 3)
    assert mesh.size == pytest.approx([10, 20, 30], rel=1e-6)
    assert mesh.volume() == pytest.approx(6000, rel=1e-5)
    assert topology(mesh).watertight
    assert mesh.unit_known == (name in ("3mf", "glb"))


def test_what_is_written_as_stl_is_read_again(make):
    mesh = read(make.obj(make.box(3, 4, 5)))
    again = read(write_binary(mesh))
    assert again.volume() == pytest.approx(60)
    # PrusaSlicer takes a file for text without such a byte.
    assert max(write_binary(mesh)[84:212]) > 127
    assert topology(again).watertight


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [NAN, float("inf"), -float("inf"), 1e30])
def test_a_coordinate_that_is_no_number(make, name, bad):
    places, faces = make.box()
    places[3] = (1.0, bad, 2.0)
    assert "not a number or beyond" in refused(make.formats[name]((places, faces)))


@pytest.mark.parametrize("name", ["obj", "3mf", "glb"])
def test_an_index_out_of_range_is_named(make, name):
    places, faces = make.box()
    message = refused(make.formats[name]((places, [*faces, (0, 1, 77)])))
    assert "77" in message or "78" in message


@pytest.mark.parametrize("name", NAMES)
def test_a_model_without_triangles(make, name):
    assert refused(make.formats[name](([(0, 0, 0)] * 3, [])))


@pytest.mark.parametrize("name", NAMES)
def test_too_many_triangles(make, name, monkeypatch):
    for module in ("mesh", "stl", "obj", "threemf_xml"):
        monkeypatch.setattr(f"gotapi_meshes.{module}.MAX_TRIANGLES", 5)
    assert "less detail" in refused(make.formats[name](make.box()))


@pytest.mark.parametrize("name", ["obj", "3mf", "glb"])
def test_too_many_vertices(make, name, monkeypatch):
    for module in ("mesh", "obj", "threemf_xml"):
        monkeypatch.setattr(f"gotapi_meshes.{module}.MAX_VERTICES", 5)
    assert refused(make.formats[name](make.box()))


@pytest.mark.parametrize("count", [2**31, 2**32 - 1, 13])
def test_a_count_the_file_has_no_room_for_takes_no_memory(make, count):
    data = bytearray(make.stl(make.box()))
    data[80:84] = struct.pack("<I", count)
    message = refused(bytes(data))
    assert f"{count:,} triangles" in message
    assert message.startswith("byte 80")


def test_a_binary_stl_with_something_behind_it(make):
    assert read(make.stl(make.box()) + b"\0\0").volume() == pytest.approx(1000)


def test_a_cut_head(make):
    assert "none of" in refused(make.stl(make.box())[:70])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"solid x\nfacet\nhello\n", "line 3: 'hello' does not belong"),
        (b"solid x\nfacet\n vertex 1 2 x\n", "line 3: .* no number"),
        (b"solid x\nfacet\n vertex 1 2 3\n", "cut off"),
        (b"solid x\nfacet\n vertex 1 2 3\nendsolid\n", "cut off"),
        (b"solid x\nfacet\n" + b" " * 5000, "longer than"),
    ],
)
def test_broken_ascii_stl(text, words):
    with pytest.raises(MeshError, match=words):
        read(text)


def test_ascii_stl_of_any_line_ends_and_case(make):
    text = make.ascii_stl(make.box())
    assert read(text.replace(b"\n", b"\r\n").upper()).volume() == pytest.approx(1000)
    assert read(text.rstrip() + b"\n\n").volume() == pytest.approx(1000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"v 1 2\n", "line 1: a vertex needs three numbers"),
        (b"v 1 2 3\nv 1 a 3\n", "line 2"),
        (b"v 1 2 3\nf 1 1\n", "3 to 1000 corners and has 2"),
        (b"v 1 2 3\nf 0 1 1\n", "no vertex 0"),
        (b"v 1 2 3\nf -2 1 1\n", "no vertex -2"),
        (b"v 1 2 3\nf 1 1 1x\n", "'1x' is not the number"),
        (b"v 1 2 3\nf" + b" 1" * 1001 + b"\n", "has 1001"),
        (b"v 1 2 3\n#" + b"x" * 70000, "line 2: a line is longer"),
        (b"v 1 2 3\nv 1 2 3 \\\n" + b"4" * 65536, "longer"),
    ],
)
def test_broken_obj(text, words):
    with pytest.raises(MeshError, match=words):
        read(text)


def test_obj_with_polygons_negative_numbers_and_continued_lines():
    square = b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0 0.5 0.5 0.5\nvt 0 0\nf -4/1 2 \\\n 3 4\n"
    mesh = read(square)
    assert len(mesh.triangles) == 2


def test_models_that_are_none():
    assert "it is a PNG picture" in refused(b"\x89PNG\r\n\x1a\n" + bytes(99))
    assert "it is G-code" in refused(b"G28\n")
    assert "empty" in refused(b"")


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_or_spoiled_files_never_do_worse_than_a_mesh_error(make, name, data):
    whole = bytearray(make.formats[name](make.together(make.box(), make.box(at=(20, 0, 0)))))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with contextlib.suppress(MeshError):
        mesh = read(bytes(whole[:cut]))
        assert np.isfinite(mesh.vertices).all()
        assert mesh.triangles.max() < len(mesh.vertices)


@given(
    st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 3), min_size=3, max_size=12),
    st.data(),
)
def test_any_mesh_survives_stl(places, data):
    index = st.integers(0, len(places) - 1)
    faces = data.draw(st.lists(st.tuples(index, index, index), min_size=1, max_size=9))
    mesh = meshes.checked(np.array(places), np.array(faces))
    again = read(write_binary(mesh))
    assert np.array_equal(again.corners(), mesh.corners())


def test_a_figure_cut_anywhere_is_refused(figure, tmp_path):
    whole = figure.read_bytes()
    for share in (0.0001, 0.1, 0.5, 0.999, 0.9999999):
        assert refused(whole[: int(len(whole) * share)])
    kind, mesh = read_model(io.BytesIO(whole))
    assert kind is FileKind.STL_BINARY
    assert len(mesh.triangles) == 26_756
    assert mesh.size[2] == pytest.approx(60)


def test_a_stream_that_is_shorter_than_it_says(make):
    data = make.stl(make.box())
    with pytest.raises(MeshError, match="100 bytes too early"):
        read_binary(io.BytesIO(data[:-100]), len(data))
    with pytest.raises(MeshError, match="ends after 9 bytes"):
        read_binary(io.BytesIO(data[:9]), len(data))
