"""Models with colours and pictures: what the store has of them."""

import io

import numpy as np
import pytest
from PIL import Image

from gotapi_meshes.glb_writer import write_glb
from gotapi_meshes.mesh import Mesh
from gotapi_portrayal.data.models import MOST_MATERIALS
from gotapi_portrayal.data.pictures import Pictures
from gotapi_portrayal.data.types import SceneError

# A square of two triangles that share an edge; its picture is there twice, so the edge is a seam.
SQUARE = (
    b"mtllib look.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\n"
    b"usemtl tiles\nf 1/1 2/2 3/3\nf 1/1 3/2 4/3\nusemtl red\nf 1 4 2\n"
)
LOOK = b"newmtl tiles\nmap_Kd tiles.png\nnewmtl red\nKd 1 0 0\nd 0.5\n"


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 2), (0, 128, 0)).save(file, "PNG")
    return file.getvalue()


def test_an_obj_brings_its_materials_and_pictures(imported, store, tmp_path) -> None:
    (tmp_path / "look.mtl").write_bytes(LOOK)
    (tmp_path / "tiles.png").write_bytes(png())
    done = imported(SQUARE, "square.obj")
    assert (done.layer.textured, done.faults, done.layer.triangles) == (True, (), 3)
    materials = store.materials("new")
    [part] = store.query("new")
    named = [materials[number].name for number in part.materials.tolist()]
    assert sorted(named) == ["red", "tiles", "tiles"]
    red = next(one for one in materials.values() if one.name == "red")
    assert (red.diffuse, red.transparency, red.texture) == ((1.0, 0.0, 0.0), 0.5, 0)
    [texture] = store.textures("new")
    assert (texture.width, texture.height, texture.mime) == (4, 2, "image/png")
    assert part.uvs is not None
    for triangle, name in zip(part.triangles, named, strict=True):
        if name == "tiles":
            assert part.uvs[triangle].tolist() == [[0, 0], [1, 0], [1, 1]]


def test_what_is_missing_beside_an_obj_is_told(imported, store, tmp_path) -> None:
    done = imported(SQUARE, "square.obj")
    [fault] = done.faults
    assert "look.mtl' is missing" in fault.fault.message
    (tmp_path / "look.mtl").write_bytes(LOOK.replace(b"tiles.png", b"../tiles.png"))
    done = imported(SQUARE, "square.obj")
    [fault] = done.faults
    assert "outside the folder" in fault.fault.message or "is missing" in fault.fault.message
    assert {one.texture for one in store.materials("new").values()} == {0}


def test_a_glb_of_a_creation_service_brings_its_colours(imported, store) -> None:
    vertices = np.array([(0, 0, 0), (1000, 0, 0), (0, 1000, 0), (1000, 1000, 0)], float)
    mesh = Mesh(vertices, np.array([(0, 1, 2), (1, 3, 2)], np.uint32))
    colours = np.array([(250, 0, 0), (250, 0, 0), (250, 0, 0), (0, 0, 250)], np.uint8)
    imported(write_glb(mesh, colours), "model.glb")
    [part] = store.query("new")
    materials = store.materials("new")
    shown = sorted(materials[number].diffuse for number in part.materials.tolist())
    assert shown[1] == pytest.approx((250 / 255, 0, 0), abs=0.01)
    assert shown[0][2] > 0.3


def test_a_picture_inside_of_a_model_is_kept(imported, store) -> None:
    import base64
    import json
    import struct

    numbers = struct.pack("<9f6f", 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 1, 1, 0, 0)
    uri = "data:image/png;base64," + base64.b64encode(png()).decode()
    document = {
        "asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [
            {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "material": 0},
        ]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}], "images": [{"uri": uri}],
        "accessors": [
            {"componentType": 5126, "count": 3, "type": "VEC3", "bufferView": 0},
            {"componentType": 5126, "count": 3, "type": "VEC2", "bufferView": 0, "byteOffset": 36},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 60}], "buffers": [{"byteLength": 60}],
    }  # fmt: skip

    def glb() -> bytes:
        text = json.dumps(document).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(numbers), b"BIN\0") + numbers
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks

    done = imported(glb(), "a.glb")
    assert (done.faults, done.layer.textured) == ((), True)
    [part] = store.query("new")
    assert part.uvs is not None
    assert part.uvs[part.triangles[0]].tolist() == [[0, 0], [1, 0], [0, 1]]
    [texture] = store.textures("new")
    found = store.texture(texture.number)
    assert found is not None
    assert found.data == png()
    document["images"] = [{"uri": "data:,AAAA"}]
    [fault] = imported(glb(), "a.glb").faults
    assert "no picture that can be read" in fault.fault.message


def test_other_files_are_read_up_to_a_limit(tmp_path) -> None:
    (tmp_path / "a.mtl").write_bytes(b"x" * 20)
    beside = Pictures(tmp_path)
    assert beside.file("a.mtl", 10) == b"x" * 10
    assert MOST_MATERIALS > 1 << 20
    with pytest.raises(SceneError, match=r"outside|missing"):
        beside.file("../a", 10)
