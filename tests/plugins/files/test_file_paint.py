"""Colours and pictures of models: GLB, OBJ with MTL, 3MF; what is wrong in them stops nothing."""

import base64
import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_meshes import MeshError, glb_paint, mtl, obj, paint
from gotapi_meshes.glb_writer import write_glb
from gotapi_meshes.mesh import Mesh, moved
from gotapi_meshes.reading import read_model

MATERIAL = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"


def nothing(name):
    raise MeshError(f"the file '{name}' is missing")


def painted(data, beside=nothing):
    """Return the paint of a file; its mesh is the one that is read without."""
    mesh = read_model(io.BytesIO(data), beside)[1]
    plain = read_model(io.BytesIO(data))[1]
    assert plain.paint is None
    assert (mesh.vertices == plain.vertices).all()
    assert (mesh.triangles == plain.triangles).all()
    if mesh.paint is not None:
        assert len(mesh.paint.of) == len(mesh.triangles)
    return mesh.paint


def with_accessor(document, binary, rows, component=5126, kind="VEC2", letter="f", **more):
    """Add an accessor of rows; returns the binary chunk that has it."""
    data = b"".join(struct.pack(f"<{len(row)}{letter}", *row) for row in rows)
    binary += b"\0" * (-len(binary) % 4)
    view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(data)}
    document["bufferViews"].append(view)
    number = len(document["bufferViews"]) - 1
    document["accessors"].append(
        {"bufferView": number, "componentType": component, "count": len(rows), "type": kind, **more}
    )
    return binary + data


@pytest.fixture
def parts(make):
    return make.gltf(make.box(10, 20, 30))


@pytest.fixture
def primitive(parts):
    return parts[0]["meshes"][0]["primitives"][0]


@pytest.fixture
def textured(make, parts, primitive):
    """A box with a picture; tests change the document before they read it."""
    document, binary = parts
    binary = with_accessor(document, binary, [(0.25, 0.25)] * 8)
    primitive["attributes"]["TEXCOORD_0"] = len(document["accessors"]) - 1
    primitive["material"] = 0
    document["bufferViews"].append({"buffer": 0, "byteOffset": 0, "byteLength": 4})
    document |= {
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"wrapS": 33071}],
        "images": [{"bufferView": len(document["bufferViews"]) - 1, "name": "bricks"}],
    }
    return document, binary


def test_a_material_of_glb_has_linear_factors(make, parts, primitive):
    document, binary = parts
    rough = {"baseColorFactor": [1.0, 0.2140, 0.0, 0.25]}
    document["materials"] = [
        {"name": "spare"},
        {
            "name": "glass", "pbrMetallicRoughness": rough, "alphaMode": "BLEND",
            "emissiveFactor": [0, 0, 0.2140],
        },
    ]  # fmt: skip
    primitive["material"] = 1
    found = painted(make.glb_file(document, binary))
    [look] = found.looks
    assert look.colour == pytest.approx((1, 0.5, 0), abs=1e-3)
    assert look.emissive == pytest.approx((0, 0, 0.5), abs=1e-3)
    assert (look.name, look.opacity, look.picture) == ("glass", 0.25, -1)
    assert (set(found.of.tolist()), found.uvs, found.faults) == ({0}, None, ())
    document["materials"][1] |= {"alphaMode": "MASK", "emissiveTexture": {"index": 0}}
    [look] = painted(make.glb_file(document, binary)).looks
    assert (look.opacity, look.emissive) == (1.0, (0.0, 0.0, 0.0))


def test_older_files_have_specular_and_glossiness(make, textured):
    document, binary = textured
    older = {"diffuseFactor": [0, 1, 0, 1], "diffuseTexture": {"index": 0}}
    document["materials"] = [{"extensions": {"KHR_materials_pbrSpecularGlossiness": older}}]
    [look] = painted(make.glb_file(document, binary)).looks
    assert (look.colour, look.picture) == ((0.0, 1.0, 0.0), 0)


def test_colours_of_vertices_become_looks_of_triangles():
    vertices = np.array([(0, 0, 0), (10, 0, 0), (0, 10, 0), (10, 10, 0)], float)
    mesh = Mesh(vertices, np.array([(0, 1, 2), (1, 3, 2)], np.uint32))
    colours = np.array([(200, 100, 50)] * 3 + [(0, 0, 0)], np.uint8)
    found = painted(write_glb(mesh, colours))
    first, second = (found.looks[at].colour for at in found.of)
    assert first == pytest.approx((200 / 255, 100 / 255, 50 / 255), abs=0.01)
    assert second[0] < first[0]


def test_colours_of_vertices_shade_the_material(make, parts, primitive):
    document, binary = parts
    document["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1]}}]
    primitive["material"] = 0
    binary = with_accessor(
        document, binary, [(255, 255, 255)] * 8, 5121, "VEC3", "B", normalized=True
    )
    primitive["attributes"]["COLOR_0"] = len(document["accessors"]) - 1
    found = painted(make.glb_file(document, binary))
    assert {found.looks[at].colour for at in found.of} == {(1.0, 0.0, 0.0)}


def test_a_picture_of_glb_and_where_it_is(make, textured):
    document, binary = textured
    found = painted(make.glb_file(document, binary))
    [picture], [look] = found.pictures, found.looks
    assert (picture.name, picture.data) == ("bricks", binary[:4])
    assert (look.picture, look.wrap) == (0, "clamp")
    assert found.uvs.shape == (12, 3, 2)
    assert found.uvs[0, 0].tolist() == [0.25, 0.75]  # v grows upwards here
    document["samplers"] = []
    assert painted(make.glb_file(document, binary)).looks[0].wrap == "repeat"


def test_materials_and_pictures_are_taken_once(make, textured, primitive):
    document, binary = textured
    document["materials"] *= 2
    document["meshes"][0]["primitives"] += [primitive | {"material": 1}, primitive]
    found = painted(make.glb_file(document, binary))
    assert found.of.tolist() == [0] * 12 + [1] * 12 + [0] * 12
    assert ([look.picture for look in found.looks], len(found.pictures)) == ([0, 0], 1)


def test_a_texture_may_be_moved_turned_and_scaled(make, textured):
    document, binary = textured
    info = document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
    turned = {"offset": [0.5, 0.0], "rotation": np.pi / 2, "scale": [2.0, 1.0], "texCoord": 0}
    info |= {"texCoord": 7, "extensions": {"KHR_texture_transform": turned}}
    found = painted(make.glb_file(document, binary))
    # (0.5, 0.25) turned by a quarter is (0.25, -0.5); then half a picture to the right.
    assert found.uvs[0, 0].tolist() == pytest.approx([0.75, 1.5])
    del turned["texCoord"]
    assert not painted(make.glb_file(document, binary)).uvs.any()
    info["texCoord"] = 99
    assert not painted(make.glb_file(document, binary)).uvs.any()


def test_pictures_may_be_in_the_document_or_beside(make, textured):
    document, binary = textured
    image = {"uri": "data:image/png;base64," + base64.b64encode(b"picture").decode()}
    document["images"] = [{"uri": "my%20bricks.png"}, image]
    document["textures"] = [{"source": 0}, {"extensions": {"EXT_texture_webp": {"source": 1}}}]
    document["materials"] *= 2
    [beside] = painted(make.glb_file(document, binary)).pictures
    assert (beside.name, beside.data) == ("my bricks.png", b"")
    rough = document["materials"][0]["pbrMetallicRoughness"]
    rough["baseColorTexture"]["index"] = 1
    [inside] = painted(make.glb_file(document, binary)).pictures
    assert (inside.name, inside.data) == ("picture 1", b"picture")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"textures": []}, "no texture 0"),
        ({"textures": [{}]}, "no picture that can be read"),
        ({"images": []}, "no picture that can be read"),
        ({"images": [{"bufferView": 99}]}, "uses view 99"),
        ({"images": [{"uri": "data:image/png;base64,&&"}]}, "not base64"),
        ({"materials": [{"emissiveFactor": [9, 9, 9]}]}, "materials cannot be read"),
    ],
)
def test_what_is_wrong_with_a_texture_is_told(make, textured, changes, words):
    document, binary = textured
    found = painted(make.glb_file(document | changes, binary))
    assert words in found.faults[0]
    assert not found.pictures


def test_coordinates_that_do_not_fit_are_told(make, textured, primitive):
    document, binary = textured
    primitive["attributes"] |= {"TEXCOORD_0": 1, "COLOR_0": 1}
    found = painted(make.glb_file(document, binary))
    assert len(found.faults) == 2
    assert not found.uvs.any()
    binary = with_accessor(document, binary, [(0.5, 0.5)] * 3)
    primitive["attributes"] = {"POSITION": 0, "TEXCOORD_0": len(document["accessors"]) - 1}
    assert "3 rows for 8 vertices" in painted(make.glb_file(document, binary)).faults[0]
    del primitive["attributes"]["TEXCOORD_0"]
    assert painted(make.glb_file(document, binary)).faults == ()


def test_materials_that_are_not_there_are_none(make, parts, primitive):
    document, binary = parts
    assert painted(make.glb_file(document, binary)) is None
    primitive["material"] = 5
    assert painted(make.glb_file(document, binary)) is None


def test_there_are_limits_of_looks_and_pictures(make, textured, primitive, monkeypatch):
    document, binary = textured
    document["materials"] *= 2
    document["meshes"][0]["primitives"].append(primitive | {"material": 1})
    monkeypatch.setattr(glb_paint, "MOST_PICTURES", 0)
    assert "more than 0 pictures" in painted(make.glb_file(document, binary)).faults[0]
    monkeypatch.setattr(glb_paint, "MOST_LOOKS", 1)
    assert set(painted(make.glb_file(document, binary)).of.tolist()) == {0, -1}


def test_a_moved_mesh_keeps_its_paint(make, textured):
    document, binary = textured
    mesh = read_model(io.BytesIO(make.glb_file(document, binary)), nothing)[1]
    assert moved(mesh, 2.0, (1, 2, 3)).paint is mesh.paint


# -- colours of triangles


def test_colours_are_rounded_until_they_are_few_enough(monkeypatch):
    random = np.random.default_rng(4)
    tints = random.random((5000, 3)).astype(np.float32)
    none = np.full(5000, -1, np.int32)
    found = paint.paint((), none, tints)
    assert len(found.looks) <= paint.MOST_LOOKS
    shown = np.array([found.looks[at].colour for at in found.of])
    assert np.abs(shown - tints).max() <= 0.5 / 15 + 1e-6
    monkeypatch.setattr(paint, "MOST_LOOKS", 20)
    kept = paint.paint([paint.Look()], np.zeros(5000, np.int32), tints)
    assert (len(kept.looks), kept.of.max()) == (1, 0)


def test_triangles_without_a_colour_keep_their_look():
    tints = np.array([(1, 0, 0), (np.nan, 0, 0)], np.float32)
    uvs = np.full((2, 3, 2), np.nan, np.float32)
    found = paint.paint([paint.Look()], np.zeros(2, np.int32), tints, uvs)
    assert found.of.tolist() == [1, 0]
    assert found.looks[1].colour == pytest.approx((0.8, 0, 0))
    assert not found.uvs.any()


# -- OBJ and MTL

TRIANGLES = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\n"
MTL = b"""# colours
Kd 9 9 9
newmtl red brick
Kd 1.0 0.5 0
Ke 0 0 0.25
d 0.5
map_Kd -s 2 2 -clamp on my bricks.png
newmtl glass
Kd nonsense
Ke 1
Tr 0.75
newmtl red brick
Kd 0 0 0
newmtl again
d -halo 0.25
illum 2
map_Kd -blendu on -o 0 0 0 my bricks.png
map_Kd -unknown
newmtl last
Kd nan 0 2
"""


def test_obj_has_its_materials_beside_it():
    names = []

    def beside(name):
        names.append(name)
        return MTL

    found = painted(
        b"mtllib a file.mtl\n" + TRIANGLES + b"f 1 2 3\nusemtl red brick\nf 1/1 3/3 4/2\n"
        b"usemtl glass\nf 1//1 2/x 4/-1\nusemtl unknown\nf 1/9 2 3/0\n",
        beside,
    )
    assert names == ["a file.mtl"]
    assert found.of.tolist() == [-1, 0, 1, -1]
    red, glass, again, last = found.looks
    assert (red.colour, red.emissive, red.opacity) == ((1.0, 0.5, 0.0), (0.0, 0.0, 0.25), 0.5)
    assert (red.picture, red.wrap, found.pictures[0].name) == (0, "clamp", "my bricks.png")
    assert (glass.colour, glass.opacity, glass.picture) == ((0.8, 0.8, 0.8), 0.25, -1)
    assert (again.opacity, again.picture, again.wrap) == (0.25, 0, "repeat")
    assert last.colour == (0.0, 0.0, 1.0)
    assert found.uvs[1].tolist() == [[0, 0], [0, 1], [1, 0]]
    assert found.uvs[2, 2].tolist() == [0, 1]
    assert not found.uvs[3].any()


def test_several_files_of_materials_on_one_line():
    def beside(name):
        if name == "a.mtl b.mtl":
            raise MeshError("there is no such file")
        return b"newmtl %b\nKd 1 0 0\n" % name[:1].encode()

    found = painted(b"mtllib a.mtl b.mtl\n" + TRIANGLES + b"usemtl b\nf 1 2 3\n", beside)
    assert [look.name for look in found.looks] == ["a", "b"]
    assert (found.of.tolist(), found.uvs, found.faults) == ([1], None, ())


def test_files_of_materials_that_are_missing_are_told(monkeypatch):
    found = painted(b"mtllib none.mtl\n" + TRIANGLES + b"usemtl a\nf 1 2 3\n")
    assert found.faults == ("the file 'none.mtl' is missing",)
    monkeypatch.setattr(obj, "MOST_LIBRARIES", 0)
    assert painted(b"mtllib none.mtl\n" + TRIANGLES + b"f 1 2 3\n") is None
    monkeypatch.setattr(obj, "MOST_LIBRARIES", 1)
    lines = b"mtllib none.mtl\nmtllib other.mtl\n"
    assert len(painted(lines + TRIANGLES + b"f 1 2 3\n").faults) == 1


def test_a_picture_without_coordinates_lies_nowhere():
    def beside(name):
        return b"newmtl a\nmap_Kd b.png\n"

    lines = b"mtllib a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl a\nf 1 2 3\n"
    found = painted(lines, beside)
    assert (found.uvs, len(found.pictures)) == (None, 1)


def test_vertices_of_obj_may_have_colours():
    found = painted(b"v 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 0 1 0 1 0 0\nv 1 1 1\nf 1 2 3\nf 2 3 4\n")
    assert found.looks[found.of[0]].colour == (1.0, 0.0, 0.0)
    assert found.of[1] == -1


def test_there_are_limits_of_materials(monkeypatch):
    monkeypatch.setattr(mtl, "MOST_LOOKS", 1)
    monkeypatch.setattr(mtl, "MOST_PICTURES", 0)
    found = mtl.Materials()
    found.read(MTL)
    assert (list(found.numbers), found.pictures) == (["red brick"], [])
    monkeypatch.setattr(obj, "MAX_VERTICES", 4)
    many = TRIANGLES + b"vt 0 0\n" * 9 + b"f 1/9 2 3\n"
    assert painted(many) is None


LINES = st.sampled_from(
    [b"usemtl a", b"usemtl", b"mtllib a b", b"vt x", b"vt", b"vt 0.5 nan", b"vn 0 0 1", b"v 1 1 1"]
)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.lists(LINES, max_size=6))
def test_no_materials_break_an_obj(library, more):
    data = b"mtllib a\n" + TRIANGLES + b"\n".join([*more, b"f 1/1 2/-1 3/9\n"])
    mesh = obj.read_obj(io.BytesIO(data), lambda _: library)
    assert len(mesh.triangles) == 1


def test_odd_lines_of_an_obj():
    lines = TRIANGLES.replace(b"vt 0 0", b"vt x\nvn 0 0 1") + b"usemtl a\nf 1/1 2/2 3/3\n"
    found = painted(b"mtllib a\n" + lines, lambda _: b"newmtl a\nmap_Kd b.png\n")
    assert found.uvs[0].tolist() == [[0, 0], [1, 0], [0, 1]]


# -- 3MF

GROUPS = (
    '<basematerials id="7"><base name="a" displaycolor="#FF0000"/>'
    '<base name="b" displaycolor="blue"/></basematerials>'
    f'<m:colorgroup xmlns:m="{MATERIAL}" id="8"><m:color color="#00FF0080"/>'
    '<m:color color="#0000FF"/></m:colorgroup>'
)


def coloured(make, triangle, attributes=""):
    mesh = make.mesh_xml(make.box()).replace('<triangle v1="0"', f'<triangle {triangle} v1="0"', 1)
    resources = f'{GROUPS}<object id="1" {attributes}>{mesh}</object>'
    xml = make.model_xml(resources, '<item objectid="1"/>')
    return make.archive({"3D/3dmodel.model": xml})


@pytest.mark.parametrize(
    ("triangle", "colour"),
    [
        ('pid="7" p1="0"', (1, 0, 0)),
        ('pid="8" p1="0" p2="1" p3="1"', (0, 1 / 3, 2 / 3)),
        ("", None),
        ('pid="7" p1="1"', None),
        ('pid="9" p1="0"', None),
        ('pid="8" p1="5"', None),
        ('pid="8" p1="x"', None),
    ],
)
def test_colours_of_3mf(make, triangle, colour):
    found = painted(coloured(make, triangle))
    if colour is None:
        assert found is None
        return
    assert found.looks[found.of[0]].colour == pytest.approx(colour, abs=0.01)
    assert (found.of[1:] == -1).all()


def test_an_object_of_3mf_has_a_colour_of_its_own(make):
    found = painted(coloured(make, 'p1="1"', 'pid="8" pindex="0"'))
    first, second = (found.looks[at].colour for at in found.of[:2])
    assert (first, second) == ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0))


def test_there_are_limits_of_colours(make, monkeypatch):
    monkeypatch.setattr("gotapi_meshes.threemf_xml.MOST_COLOURS", 0)
    assert painted(coloured(make, 'pid="7" p1="0"')) is None
    monkeypatch.undo()
    monkeypatch.setattr("gotapi_meshes.threemf_xml.MOST_OBJECTS", 1)
    assert painted(coloured(make, 'pid="8" p1="0"')) is None


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["pid", "p1", "p2", "p3"]), st.text("07 8x-", max_size=4)))
def test_no_colours_break_a_3mf(make, attributes):
    text = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    assert len(read_model(io.BytesIO(coloured(make, text)), nothing)[1].triangles) == 12
