"""GLB and 3MF as they are written: read back, they are the same."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_meshes import MeshError
from gotapi_meshes.glb_writer import write_glb
from gotapi_meshes.mesh import Mesh
from gotapi_meshes.reading import read_model
from gotapi_meshes.stl import write_binary
from gotapi_meshes.threemf_writer import write_3mf

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.uint32)


def mesh(corners):
    return Mesh(np.array(corners, np.float64), TETRAHEDRON, True)


SIMPLE = mesh([(0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, 10)])
COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 128, 200)], np.uint8)


def sorted_places(one):
    return sorted(tuple(round(value, 3) for value in place) for place in one.vertices.tolist())


@pytest.mark.parametrize(
    "write", [write_glb, write_3mf, lambda one, _: write_binary(one)], ids=["glb", "3mf", "stl"]
)
@pytest.mark.parametrize("colours", [None, COLOURS], ids=["plain", "coloured"])
def test_written_and_read_it_is_the_same(write, colours):
    _, found = read_model(io.BytesIO(write(SIMPLE, colours)))
    assert sorted_places(found) == sorted_places(SIMPLE)
    assert found.volume() == pytest.approx(1000.0, rel=1e-5)
    assert found.size == pytest.approx([30, 20, 10], rel=1e-5)


numbers = st.floats(-500, 500, width=32)
corners = st.lists(st.tuples(numbers, numbers, numbers), min_size=4, max_size=4, unique=True)


@given(corners)
@settings(max_examples=60, deadline=None)
def test_any_corners_come_back(corners):
    wanted = mesh(corners)
    for data, tolerance in ((write_glb(wanted), 1e-3), (write_3mf(wanted), 1e-3)):
        _, found = read_model(io.BytesIO(data))
        assert found.low == pytest.approx(wanted.low, abs=tolerance)
        assert found.high == pytest.approx(wanted.high, abs=tolerance)


def document(data):
    length = int.from_bytes(data[12:16], "little")
    return json.loads(data[20 : 20 + length]), data[20 + length + 8 :]


def test_a_glb_is_as_gltf_wants_it():
    data = write_glb(SIMPLE, COLOURS, "bear")
    gltf, binary = document(data)
    assert len(data) == int.from_bytes(data[8:12], "little")
    assert len(data) % 4 == 0
    assert gltf["nodes"][0] == {"mesh": 0, "name": "bear", "scale": [0.001] * 3}
    position = gltf["accessors"][1]
    assert position["min"] == [0, 0, -20]  # +Y up, the front towards +Z
    assert position["max"] == [30, 10, 0]
    assert all(view["byteOffset"] % 4 == 0 for view in gltf["bufferViews"])
    view = gltf["bufferViews"][2]
    colours = np.frombuffer(binary, np.uint8, 16, view["byteOffset"]).reshape(4, 4)
    assert colours[0].tolist() == [255, 0, 0, 255]
    assert colours[3].tolist() == [1, 55, 147, 255]  # sRGB 10, 128, 200 in linear light


def test_a_3mf_has_a_palette_and_the_same_bytes_every_time():
    data = write_3mf(SIMPLE, COLOURS)
    assert data == write_3mf(SIMPLE, COLOURS)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("3D/3dmodel.model").decode()
    assert text.count("<m:color ") == 4
    assert 'unit="millimeter"' in text
    assert 'pid="2"' in text
    with zipfile.ZipFile(io.BytesIO(write_3mf(SIMPLE))) as archive:
        assert "color" not in archive.read("3D/3dmodel.model").decode()


@pytest.mark.parametrize("write", [write_glb, write_3mf])
def test_colours_of_other_vertices_are_refused(write):
    with pytest.raises(MeshError, match="4 vertices have 3 colours"):
        write(SIMPLE, COLOURS[:3])
