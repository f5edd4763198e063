"""Scenes of servers, read by the checks: what is sound is measured, what is broken is told."""

import gzip
import io
import json
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.conformance.model import Failed, Skipped
from gotapi_portrayal.conformance.scenes import READERS, read_scene
from gotapi_portrayal.conformance.scenes.gltf import read_glb, read_gltf

GLTF = "model/gltf+json"
X3D = "model/x3d+xml"
X3DV = "model/x3d+vrml"
VRML = "model/vrml"
KML = "application/vnd.google-earth.kml+xml"
KMZ = "application/vnd.google-earth.kmz"
I3S = "application/vnd.esri.i3s.json+gzip"
TILES = "application/json+3dtiles"

POINTS = struct.pack("<9f", 0, 0, 0, 2, 0, 0, 0, 3, 0)
BASE64 = "data:application/octet-stream;base64,AAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAQEAAAAAA"


def gltf(**changes: Any) -> dict[str, Any]:
    """A triangle 2 wide and 3 high, moved to 10, 20, 30; without indices."""
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"translation": [10, 20, 30], "children": [1]}, {"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36, "uri": BASE64}],
    }
    return document | changes


def text(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def glb(document: dict[str, Any], binary: bytes = POINTS, version: int = 2) -> bytes:
    body = text(document)
    body += b" " * (-len(body) % 4)
    chunks = struct.pack("<II", len(body), 0x4E4F534A) + body
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", version, 12 + len(chunks)) + chunks


def test_a_gltf_is_measured_through_its_nodes() -> None:
    shape = read_gltf(text(gltf()))
    assert (shape.triangles, shape.low, shape.high) == (1, (10, 20, 30), (12, 23, 30))
    assert not shape.empty


def test_a_glb_has_its_bytes_in_itself() -> None:
    document = gltf(buffers=[{"byteLength": 36}])
    assert read_glb(glb(document)).high == (12, 23, 30)


def test_nodes_turn_scale_and_have_matrices() -> None:
    half = 0.5**0.5
    turned = [{"mesh": 0, "rotation": [0, 0, half, half], "scale": [2, 1, 1]}]
    shape = read_gltf(text(gltf(nodes=turned)))
    assert shape.low == pytest.approx((-3, 0, 0))
    assert shape.high == pytest.approx((0, 4, 0))
    matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]
    assert read_gltf(text(gltf(nodes=[{"mesh": 0, "matrix": matrix}]))).low == (5, 6, 7)


def test_what_lies_elsewhere_is_a_link_and_known_by_its_limits() -> None:
    accessors = [dict(gltf()["accessors"][0], min=[0, 0, 0], max=[2, 3, 0])]
    shape = read_gltf(
        text(gltf(buffers=[{"byteLength": 36, "uri": "http://a/b.bin"}], accessors=accessors))
    )
    assert shape.links == ("http://a/b.bin",)
    assert shape.high == (12, 23, 30)


def test_a_document_without_scenes_is_empty() -> None:
    assert read_gltf(b'{"asset": {"version": "2.0"}}').empty


PRIMITIVE = {"attributes": {"POSITION": 0}}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (gltf(asset={"version": "1.0"}), "asset.version is '1.0'"),
        (gltf(buffers=[{"byteLength": 40, "uri": BASE64}]), "fewer bytes than it says"),
        (gltf(buffers=[{"byteLength": 1, "uri": "data:;base64,A"}]), "cannot be decoded"),
        (gltf(bufferViews=[{"buffer": 0, "byteLength": 35}]), "goes beyond its bytes"),
        (gltf(nodes=[{"children": [0]}]), "nested deeper"),
        (gltf(nodes=[]), "refers to what is not there"),
        (gltf(meshes=[{}]), "refers to what is not there"),
        (gltf(scenes=[3]), "refers to what is not there"),
        (
            gltf(
                meshes=[{"primitives": [PRIMITIVE | {"indices": 1}]}],
                accessors=[
                    gltf()["accessors"][0],
                    {"bufferView": 0, "componentType": 5125, "count": 3, "type": "SCALAR",
                     "byteOffset": 12},
                ],
            ),
            "an index is",
        ),
        (
            gltf(buffers=[{"byteLength": 36, "uri": "data:,%FF%FF%FF%7F" + "%00" * 32}]),
            "no finite number",
        ),
    ],
)  # fmt: skip
def test_a_broken_gltf_is_told(document: dict[str, Any], says: str) -> None:
    with pytest.raises(Failed, match=says):
        read_gltf(text(document))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "does not begin as a GLB"),
        (glb(gltf(), version=1), "it is glTF 1"),
        (glb(gltf()) + b"x", "its header says"),
        (struct.pack("<4sIIII", b"glTF", 2, 20, 9, 0), "goes beyond the end"),
        (struct.pack("<4sIIII", b"glTF", 2, 20, 0, 7), "no JSON chunk"),
        (struct.pack("<4sIIIIB", b"glTF", 2, 21, 0, 7, 0), "ends within a chunk"),
        (struct.pack("<4sIIII", b"glTF", 2, 20, 0, 0x4E4F534A), "JSON cannot be read"),
    ],
)
def test_a_broken_glb_is_told(body: bytes, says: str) -> None:
    with pytest.raises(Failed, match=says):
        read_glb(body)


def test_a_draco_mesh_cannot_be_looked_into() -> None:
    packed = PRIMITIVE | {"extensions": {"KHR_draco_mesh_compression": {}}}
    assert read_gltf(text(gltf(meshes=[{"primitives": [packed]}]))).triangles == 0


@pytest.mark.parametrize(("mode", "count"), [(1, 0), (4, 1), (5, 1), (6, 1)])
def test_triangles_are_counted_by_the_mode(mode: int, count: int) -> None:
    meshes = [{"primitives": [PRIMITIVE | {"mode": mode}]}]
    assert read_gltf(text(gltf(meshes=meshes))).triangles == count


def x3d(inner: str, attributes: str = 'version="4.0"') -> bytes:
    return f"<X3D {attributes}><Scene>{inner}</Scene></X3D>".encode()


FACES = (
    '<IndexedFaceSet coordIndex="0 1 2 -1"><Coordinate point="0 0 0, 2 0 0, 0 3 0"/>'
    "</IndexedFaceSet>"
)


def test_x3d_is_measured_through_its_transforms() -> None:
    inner = f'<Transform translation="1 2 3" scale="2 1 1"><Shape>{FACES}</Shape></Transform>'
    shape = read_scene(x3d(inner), X3D)
    assert (shape.triangles, shape.low, shape.high) == (1, (1, 2, 3), (5, 5, 3))
    turned = f'<Transform rotation="0 0 2 1.5707963" center="1 0 0">{FACES}</Transform>'
    found = read_scene(x3d(turned), X3D)
    assert found.high == pytest.approx((1, 1, 0), abs=1e-6)


def test_other_sets_of_x3d_count_too() -> None:
    coordinates = '<Coordinate point="0 0 0 1 0 0 0 1 0"/>'
    for element, count in (
        (f"<TriangleSet>{coordinates}</TriangleSet>", 1),
        (f'<IndexedTriangleSet index="0 1 2 2 1 0">{coordinates}</IndexedTriangleSet>', 2),
        ('<IndexedFaceSet USE="a" coordIndex="9 9 9"/>', 0),
        ('<ElevationGrid height="0 1"/>', 1),
        (f'<IndexedFaceSet coordIndex="0 1 2">{coordinates}</IndexedFaceSet>', 1),
    ):
        try:
            assert read_scene(x3d(element), X3D).triangles == count
        except Failed:
            assert count == 0


def test_places_on_the_globe_are_not_compared_and_links_are_found() -> None:
    inner = '<GeoLocation geoCoords="1 2 3"/><Inline url=\'"a.x3d" "b.x3d"\'/>'
    shape = read_scene(x3d(inner), X3D)
    assert (shape.low, shape.links) == (None, ("a.x3d", "b.x3d"))


def test_the_doctype_that_x3d_prints_is_passed_over() -> None:
    doctype = b'<!DOCTYPE X3D PUBLIC "ISO//Web3D//DTD X3D 4.0//EN" "http://a/x.dtd">'
    assert read_scene(doctype + x3d(FACES), X3D).triangles == 1
    with pytest.raises(Failed, match="DTD"):
        read_scene(b'<!DOCTYPE X3D [<!ENTITY e "x">]>' + x3d(FACES), X3D)


def vrml(text_: str, head: str = "#VRML V2.0 utf8") -> bytes:
    return f"{head}\n{text_}".encode()


MESH = (
    "Shape { geometry IndexedFaceSet { coord Coordinate { point [ 0 0 0, 2 0 0, 0 3 0 ] } "
    'coordIndex [ 0 1 2 -1 ] } appearance Appearance { texture ImageTexture { url "t.png" } } }'
)


def test_vrml_and_classic_x3d_have_points_faces_and_links() -> None:
    for media, body in (
        (VRML, vrml(MESH)),
        (X3DV, vrml(MESH, "#X3D V3.3 utf8\nPROFILE Immersive")),
    ):
        shape = read_scene(body, media)
        assert (shape.triangles, shape.low, shape.high) == (1, (0, 0, 0), (2, 3, 0))
        assert shape.links == ("t.png",)
    moved = vrml("Transform { children [ " + MESH + " ] }")
    assert read_scene(moved, VRML).low is None
    assert read_scene(vrml("# a { comment\n" + 'WorldInfo { title "}" }'), VRML).empty


PLACE = '<kml xmlns="http://www.opengis.net/kml/2.2">{}</kml>'
RING = "<Polygon><coordinates>8,49,100 9,49,100 9,50</coordinates></Polygon>"


def kmz(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in files.items():
            archive.writestr(name.replace("_", "."), body)
    return file.getvalue()


def test_kml_is_measured_in_degrees() -> None:
    model = (
        "<Model><Location><longitude>7</longitude><latitude>48</latitude></Location>"
        "<Link><href>m.dae</href></Link></Model>"
    )
    shape = read_scene(PLACE.format(RING + model).encode(), KML)
    assert (shape.triangles, shape.low, shape.high) == (2, (7, 48, 0), (9, 50, 100))
    assert shape.degrees
    assert shape.links == ("m.dae",)


def test_a_kmz_must_have_what_it_refers_to() -> None:
    link = "<Link><href>m.dae</href></Link><href>http://a/b</href>"
    document = PLACE.format(RING + link).encode()
    assert read_scene(kmz(doc_kml=document, m_dae=b"x"), KMZ).links == ("http://a/b",)
    with pytest.raises(Failed, match=r"has no m\.dae"):
        read_scene(kmz(doc_kml=document), KMZ)
    with pytest.raises(Failed, match=r"has no \.kml"):
        read_scene(kmz(m_dae=b"x"), KMZ)


def test_i3s_and_tilesets_lead_to_the_rest() -> None:
    layer = gzip.compress(b'{"layerType": "3DObject"}')
    assert not read_scene(layer, I3S).empty
    tile = {"boundingVolume": {}, "content": {"uri": "a.glb"}}
    tileset = {
        "asset": {"version": "1.1"},
        "geometricError": 1,
        "root": {"boundingVolume": {}, "children": [tile], "contents": [{"uri": "b.glb"}, 3]},
    }
    assert read_scene(text(tileset), TILES).links == ("b.glb", "a.glb")
    assert read_scene(b'{"a": 1}', TILES).triangles == 1


@pytest.mark.parametrize(
    ("media", "body", "says"),
    [
        (X3D, b"<a/>", "not X3D"),
        (X3D, x3d("", ""), "no version"),
        (X3D, b'<X3D version="3"/>', "0 elements Scene"),
        (X3D, x3d(FACES.replace("0 1 2 -1", "0 1 5 -1")), "index goes beyond"),
        (X3D, x3d('<Coordinate point="0 3"/>'), "no triples"),
        (X3D, x3d(FACES.replace("0 3 0", "x")), "no numbers"),
        (VRML, vrml(MESH, "#VRML V1.0 ascii"), "does not begin with"),
        (VRML, vrml(MESH + "}"), "closes nothing"),
        (VRML, vrml("Group { ]"), "closes nothing"),
        (VRML, vrml("Group {"), "not closed"),
        (VRML, vrml('a "b'), "does not end"),
        (VRML, vrml(MESH.replace("0 3 0", "x")), "no number"),
        (VRML, vrml(MESH.replace("0 3 0", "0 3")), "no triples"),
        (VRML, b"#VRML V2.0 utf8\n\xff", "no UTF-8"),
        (X3DV, vrml(MESH, "#X3D V3.3 utf8"), "no PROFILE"),
        (KML, b"<a/>", "not kml"),
        (KML, b"<kml/>", "in the namespace"),
        (KML, PLACE.format("<coordinates>458000,5438000</coordinates>").encode(), "not degrees"),
        (KML, PLACE.format("<coordinates>x,1</coordinates>").encode(), "coordinates hold"),
        (KML, PLACE.format("<Location/>").encode(), "no longitude or latitude"),
        (KMZ, b"PK", "cannot be unpacked"),
        (I3S, gzip.compress(b"{}", mtime=0), "neither layerType"),
        (I3S, gzip.compress(b"{}", mtime=0)[:-6], "cut off"),
        (I3S, b"\x1f\x8bxx", "cannot be unpacked"),
        (I3S, b"[", "no JSON"),
        (I3S, b"[]", "no object"),
        (TILES, text({"asset": {"version": "9"}, "root": {}}), "asset.version is '9'"),
        (TILES, text({"asset": {"version": "1.0"}, "root": {}}), "no geometricError"),
        (
            TILES,
            text({"asset": {"version": "1.0"}, "geometricError": 1, "root": {}}),
            "no boundingVolume",
        ),
    ],
)
def test_a_broken_scene_is_told(media: str, body: bytes, says: str) -> None:
    with pytest.raises(Failed, match=says):
        read_scene(body, media)


def test_a_format_that_nobody_knows_is_skipped() -> None:
    with pytest.raises(Skipped, match="no format that can be read"):
        read_scene(b"", "model/conformance")


@pytest.mark.parametrize("media", list(READERS))
@given(body=st.binary(max_size=120))
def test_no_bytes_break_a_reader(media: str, body: bytes) -> None:
    try:
        read_scene(body, media)
    except Failed:
        return


JSON = st.recursive(
    st.none() | st.integers(-3, 9) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(key=st.sampled_from(sorted(gltf())), value=JSON)
def test_no_value_of_a_member_breaks_the_reader_of_gltf(key: str, value: object) -> None:
    try:
        read_gltf(text(gltf(**{key: value})))
    except Failed:
        return


@given(key=st.sampled_from(["asset", "root", "geometricError"]), value=JSON)
def test_no_value_of_a_member_breaks_the_reader_of_tilesets(key: str, value: object) -> None:
    tileset = {"asset": {"version": "1.1"}, "geometricError": 1, "root": {"boundingVolume": {}}}
    try:
        read_scene(text(tileset | {key: value}), TILES)
    except Failed:
        return
