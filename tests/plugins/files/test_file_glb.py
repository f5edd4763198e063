"""GLB: scenes, node transforms, modes, number types, and every way they can be wrong."""

import io
import struct

import pytest

from gotapi_meshes import MeshError, glb
from gotapi_meshes.reading import read_model


def read(make, document, binary):
    return read_model(io.BytesIO(make.glb_file(document, binary)))[1]


@pytest.fixture
def parts(make):
    return make.gltf(make.box(10, 20, 30))


def test_nodes_move_turn_and_scale(make, parts):
    document, binary = parts
    document["nodes"] = [
        {"children": [1], "translation": [1, 0, 0], "scale": [2, 2, 2]},
        {"mesh": 0, "rotation": [0, 0.70710678, 0, 0.70710678]},
    ]
    mesh = read(make, document, binary)
    # A quarter turn about the vertical swaps width and depth; a metre is 1000 mm.
    assert mesh.size == pytest.approx([40, 20, 60], abs=1e-3)
    assert mesh.low[0] == pytest.approx(1000 - 40, abs=1e-3) or mesh.low[0] == pytest.approx(1000)
    assert mesh.volume() == pytest.approx(48_000, rel=1e-5)


def test_a_matrix_that_mirrors_keeps_the_outside_outside(make, parts):
    document, binary = parts
    document["nodes"] = [{"mesh": 0, "matrix": [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}]
    assert read(make, document, binary).volume() == pytest.approx(6000, rel=1e-5)


def test_without_scenes_the_roots_are_drawn(make, parts):
    document, binary = parts
    del document["scenes"], document["scene"]
    document["nodes"] = [{"children": [1]}, {"mesh": 0}]
    assert len(read(make, document, binary).triangles) == 12


def test_lines_are_passed_over_and_strips_and_fans_are_cut(make):
    places = [(0, 0, 0), (10, 0, 0), (10, 10, 0), (0, 10, 0)]
    for mode, triangles in ((5, 2), (6, 2), (4, 1)):
        document, binary = make.gltf((places, [(0, 1, 2)]))
        primitive = document["meshes"][0]["primitives"][0]
        del primitive["indices"]
        primitive["mode"] = mode
        document["meshes"][0]["primitives"].append({"attributes": {"POSITION": 0}, "mode": 1})
        document["meshes"][0]["primitives"].append({"attributes": {}})
        assert len(read(make, document, binary).triangles) == triangles
    document, binary = make.gltf((places[:2], []))
    primitive = document["meshes"][0]["primitives"][0]
    del primitive["indices"]
    primitive["mode"] = 5
    with pytest.raises(MeshError, match="no triangles"):
        read(make, document, binary)


def test_quantized_and_interleaved_numbers(make, parts):
    document, _ = parts
    places = [(0, 0, 0), (32767, 0, 0), (0, 32767, 0)]
    binary = b"".join(struct.pack("<3hH", *place, 9) for place in places)
    document["extensionsRequired"] = ["KHR_mesh_quantization", "KHR_materials_unlit"]
    document["accessors"] = [
        {
            "bufferView": 0,
            "componentType": 5122,
            "count": 3,
            "type": "VEC3",
            "normalized": True,
        }
    ]
    document["bufferViews"] = [{"buffer": 0, "byteLength": len(binary), "byteStride": 8}]
    del document["meshes"][0]["primitives"][0]["indices"]
    assert read(make, document, binary).size == pytest.approx([1000, 0, 1000])


def change(path, value):
    def apply(document):
        *steps, last = path
        place = document
        for step in steps:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("extensionsRequired",), ["KHR_draco_mesh_compression"], "KHR_draco.* not supported"),
        (("buffers", 0, "uri"), "http://127.0.0.1/x.bin", "another file"),
        (("buffers", 0, "uri"), "../../secret", "another file"),
        (("scene",), 9, "no scene 9"),
        (("nodes", 0, "mesh"), None, "its scene has no triangles"),
        (("scenes", 0, "nodes"), [9], "no node 9"),
        (("nodes", 0, "mesh"), 9, "no mesh 9"),
        (("nodes", 0, "children"), [0], "ring"),
        (("nodes", 0, "matrix"), [1, 2, 3], "node 0: its matrix has 3"),
        (("meshes", 0, "primitives", 0, "indices"), 9, "no accessor 9"),
        (("accessors", 0, "type"), "VEC2", "accessor 0: holds VEC2"),
        (("accessors", 0, "componentType"), 1, "accessor 0"),
        (("accessors", 0, "count"), 9, "needs 108 bytes of a view of 96"),
        (("accessors", 0, "count"), 2**31, "less detail"),
        (("accessors", 0, "byteOffset"), 4, "needs 100 bytes"),
        (("accessors", 0, "bufferView"), None, "compressed"),
        (("accessors", 0, "sparse"), {"count": 1}, "sparse"),
        (("accessors", 0, "bufferView"), 9, "view 9 of 2"),
        (("accessors", 1, "count"), 2**31, "less detail"),
        (("bufferViews", 0, "byteLength"), 10**6, "ends at byte 1,000,000"),
        (("bufferViews", 0, "buffer"), 1, "of buffer 1"),
        (("bufferViews", 0, "byteStride"), 4, "accessor 0"),
        (("accessors",), "many", "JSON chunk"),
        (("nodes", 0, "mesh"), -1, "JSON chunk"),
    ],
)
def test_documents_that_lie(make, parts, path, value, words):
    document, binary = parts
    change(path, value)(document)
    with pytest.raises(MeshError, match=words):
        read(make, document, binary)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"glTF", "does not begin"),
        (struct.pack("<4sII", b"glTF", 1, 20) + bytes(8), "version 1"),
        (struct.pack("<4sII", b"glTF", 2, 99) + bytes(8), "cut off"),
        (struct.pack("<4sIIII", b"glTF", 2, 20, 4, 0), "does not fit"),
        (struct.pack("<4sIIII", b"glTF", 2, 20, 0, 7), "no JSON chunk"),
        (struct.pack("<4sIII4s", b"glTF", 2, 20, 0, b"JSON"), "JSON chunk"),
    ],
)
def test_broken_containers(data, words):
    with pytest.raises(MeshError, match=words):
        read_model(io.BytesIO(data))


def test_a_file_larger_than_is_read(make, monkeypatch):
    monkeypatch.setattr(glb, "MAX_BYTES", 100)
    with pytest.raises(MeshError, match="100 are read"):
        read_model(io.BytesIO(make.glb(make.box())))
