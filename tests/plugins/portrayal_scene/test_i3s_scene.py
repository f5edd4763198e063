"""i3s: layers, pages, nodes, geometry, attributes, pictures; read back, all is where it was."""

import gzip
import io
import re
import struct
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.transform import Rotation

from gotapi_portrayal.data.types import Attribute, AttributeType, Box, Feature, Triple
from gotapi_portrayal.gather import move
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.scene import i3s
from gotapi_portrayal.scene.i3s_atlas import SIDE, atlas
from gotapi_portrayal.scene.i3s_attributes import Field, buffer, fields, values
from gotapi_portrayal.scene.i3s_geometry import WHOLE, content
from gotapi_portrayal.scene.i3s_space import quaternion, reference, volume
from gotapi_portrayal.scene.model import (
    Camera,
    Frame,
    Look,
    Mesh,
    Picture,
    SceneLayer,
    SceneModel,
    Tile,
)

RD = "EPSG:28992"
ORIGIN = (84_500.0, 446_000.0, 0.0)
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]], np.uint32
)  # fmt: skip
PLACES: tuple[Triple, ...] = ((0, 0, 0), (123.4, 56.7, 8.9), (-700, 900, 30))
ATTRIBUTES = (
    AttributeType("height", "number"), AttributeType("storeys", "integer"),
    AttributeType("class", "string"), AttributeType("2 b", "boolean"),
)  # fmt: skip


def dutch() -> Frame:
    return Frame(f"{RD}+5709", "", to_degrees=move(RD, "CRS:84").points)


def degrees() -> Frame:
    return Frame(
        "CRS:84", "", geographic=True, unit=(68_680.0, 111_265.0, 1.0),
        to_degrees=move("CRS:84", "CRS:84").points,
    )  # fmt: skip


def feature(number: int, **attributes: Attribute) -> Feature:
    return Feature(number, "town", f"b-{number}", "Building", 0, attributes, ("2",), None)


def cubes(
    look: int, *places: Triple, unit: Triple = (1, 1, 1), lod: str = "CityGML:2", first: int = 0
) -> Mesh:
    count = len(places)
    scale = np.array(unit, np.float32)
    return Mesh(
        look=look,
        layer=0,
        lod=lod,
        vertices=np.concatenate(
            [(CORNERS * 10 + np.array(one, np.float32)) / scale for one in places]
        ),
        triangles=np.concatenate([FACES + np.uint32(8 * n) for n in range(count)]),
        features=np.repeat(np.arange(first, first + count), 8).astype(np.uint32),
        unit=unit,
    )


def picture(colour: tuple[int, ...], size: tuple[int, int] = (8, 8)) -> Picture:
    file = io.BytesIO()
    Image.new("RGB" if len(colour) == 3 else "RGBA", size, colour).save(file, "PNG")
    return Picture(1, "image/png", *size, file.getvalue())


FEATURES = (
    feature(11, height=12.5, storeys=3, **{"class": "house"}),
    feature(12, height=3, **{"2 b": True}),
    feature(13, **{"class": "barn"}),
)


def town(frame: Frame, origin: Triple = ORIGIN) -> SceneModel:
    # The second mesh is of the first feature again.
    return SceneModel(
        title="Town",
        frame=frame,
        origin=origin,
        place=origin,
        meshes=(
            cubes(0, *PLACES, unit=frame.unit),
            cubes(1, (5, 5, 10), unit=frame.unit),
        ),
        looks=(Look((0.5, 0.25, 1.0)), Look((1, 1, 1), (0.1, 0, 0))),
        features=FEATURES,
        layers=(SceneLayer("town", "The town"),),
    )


def around(scene: SceneModel) -> Box:
    low = np.array(scene.box.low) + scene.origin
    high = np.array(scene.box.high) + scene.origin
    return Box(tuple(low.tolist()), tuple(high.tolist()))


@dataclass
class Scope:
    """A tree of one tile or more with the same content, without a service."""

    content: SceneModel
    root: Tile
    title: str = "Town"
    media: str = i3s.I3S
    viewpoints: tuple[Camera, ...] = ()
    attributes: tuple[AttributeType, ...] = ATTRIBUTES
    opened: list[str] = field(default_factory=list)

    @property
    def frame(self) -> Frame:
        return self.content.frame

    @property
    def layers(self) -> tuple[SceneLayer, ...]:
        return self.content.layers

    def tile(self, path: str) -> Tile | None:
        raise AssertionError(path)

    def scene(self, tile: Tile) -> SceneModel:
        assert not tile.children
        self.opened.append(tile.path)
        return self.content

    def url(self, place: str, path: str, media: str) -> str:
        return f"http://here/3dps?resourceId={place}/token/{path}&outputFormat={media}"


def alone(scene: SceneModel) -> Scope:
    count = scene.triangles
    return Scope(scene, Tile("0-0-0", around(scene), 1.0, count, shown=count))


def tree(scene: SceneModel, count: int) -> Scope:
    leaves = tuple(Tile(f"1-{n}-0", around(scene), 0.0, 5, shown=5) for n in range(count))
    return Scope(scene, Tile("0-0-0", around(scene), 9.0, 5 * count, leaves))


def read(scope: Scope, path: str) -> Any:
    answer = i3s.resource(scope, path)
    assert answer is not None, path
    assert (answer.media, answer.encoding) == (i3s.I3S, "gzip")
    return msgspec.json.decode(gzip.decompress(answer.body))


def data(scope: Scope, path: str) -> bytes:
    answer = i3s.resource(scope, path)
    assert answer is not None, path
    assert (answer.media, answer.encoding) == (i3s.BYTES, "gzip")
    return gzip.decompress(answer.body)


@dataclass
class Geometry:
    """A geometry resource, read by what the layer says of it."""

    values: dict[str, np.ndarray]
    ids: list[int]
    faces: np.ndarray

    @classmethod
    def of(cls, layer: Any, body: bytes) -> "Geometry":
        schema = layer["store"]["defaultGeometrySchema"]
        sizes = {"Float32": "<f4", "UInt8": "u1", "UInt16": "<u2", "UInt32": "<u4", "UInt64": "<u8"}
        vertices, count = struct.unpack_from("<II", body)
        at, found = 8, {}
        for name in schema["ordering"]:
            one = schema["vertexAttributes"][name]
            kind, width = np.dtype(sizes[one["valueType"]]), one["valuesPerElement"]
            found[name] = np.frombuffer(body, kind, vertices * width, at).reshape(-1, width)
            at += vertices * width * kind.itemsize
        assert schema["featureAttributeOrder"] == ["id", "faceRange"]
        ids = np.frombuffer(body, "<u8", count, at).tolist()
        faces = np.frombuffer(body, "<u4", 2 * count, at + 8 * count).reshape(-1, 2)
        assert len(body) == at + 16 * count
        return cls(found, ids, faces)


def sorted_corners(corners: np.ndarray) -> np.ndarray:
    rows = corners.reshape(-1, 9)
    return rows[np.lexsort(rows.round(1).T)]


def expected(scene: SceneModel) -> np.ndarray:
    return np.concatenate(
        [mesh.vertices.astype(float)[mesh.triangles] + scene.origin for mesh in scene.meshes]
    )


class TestGeometry:
    def test_every_triangle_in_metres_is_where_it_was(self) -> None:
        scene = town(dutch())
        scope = alone(scene)
        found = Geometry.of(read(scope, "layers/0"), data(scope, "layers/0/nodes/0/geometries/0"))
        middle = read(scope, "layers/0/nodepages/0")["nodes"][0]["obb"]["center"]
        there = found.values["position"].astype(float) + middle
        assert np.abs(sorted_corners(there) - sorted_corners(expected(scene))).max() < 0.01

    def test_every_triangle_in_degrees_is_where_it_was(self) -> None:
        scene = town(degrees(), (4.36, 52.01, 5.0))
        scope = alone(scene)
        found = Geometry.of(read(scope, "layers/0"), data(scope, "layers/0/nodes/0/geometries/0"))
        middle = read(scope, "layers/0/nodepages/0")["nodes"][0]["obb"]["center"]
        metres = np.array(scene.frame.unit)
        there = (found.values["position"].astype(float) + middle) * metres
        wanted = expected(scene) * metres
        assert np.abs(sorted_corners(there) - sorted_corners(wanted)).max() < 0.01

    @pytest.mark.parametrize("scene", [town(dutch()), town(degrees(), (4.36, 52.01, 5.0))])
    def test_faces_are_those_of_their_feature_and_look_outwards(self, scene: SceneModel) -> None:
        scope = alone(scene)
        found = Geometry.of(read(scope, "layers/0"), data(scope, "layers/0/nodes/0/geometries/0"))
        assert found.ids == [11, 12, 13]
        assert found.faces.tolist() == [[0, 23], [24, 35], [36, 47]]
        position, normal = found.values["position"], found.values["normal"]
        own = position[3 * 24 : 3 * 36] * np.array(scene.frame.unit)
        outwards = own - (own.min(axis=0) + own.max(axis=0)) / 2
        assert (np.einsum("ij,ij->i", normal[3 * 24 : 3 * 36], outwards) > 0).all()
        assert np.allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)

    def test_colours_are_those_of_the_looks(self) -> None:
        scope = alone(town(dutch()))
        found = Geometry.of(read(scope, "layers/0"), data(scope, "layers/0/nodes/0/geometries/0"))
        colours = found.values["color"]
        assert {tuple(one) for one in colours[: 3 * 24].tolist()} == {
            (128, 64, 255, 255),
            (255, 255, 255, 255),
        }
        assert (found.values["region"] == WHOLE).all()

    def test_of_several_lods_the_finest_is_there(self) -> None:
        fine = cubes(0, PLACES[0], lod="TUDelft:2.2")
        coarse = cubes(1, *PLACES, lod="CityGML:1")
        found = content(replace(town(dutch()), meshes=(coarse, fine)))
        assert found.faces.tolist() == [[0, 11], [12, 23], [24, 35]]
        assert {tuple(one) for one in found.colours[:36].tolist()} == {(128, 64, 255, 255)}
        assert {tuple(one) for one in found.colours[36:].tolist()} == {(255, 255, 255, 255)}

    def test_what_was_regrouped_is_one_feature(self) -> None:
        plain = replace(cubes(0, *PLACES), features=np.empty(0, np.uint32))
        scene = replace(town(dutch()), meshes=(plain,), features=(), regrouped=True)
        found = content(scene)
        assert [one.number for one in found.features] == [0]
        assert found.faces.tolist() == [[0, 35]]

    def test_nothing(self) -> None:
        found = content(replace(town(dutch()), meshes=()))
        assert found.count == 0
        assert found.features == ()
        assert found.faces.shape == (0, 2)


class TestSpace:
    def test_codes_of_a_crs(self) -> None:
        assert reference(dutch()) == {
            "wkid": 28992, "latestWkid": 28992, "vcsWkid": 5709, "latestVcsWkid": 5709,
        }  # fmt: skip
        assert reference(replace(dutch(), name="EPSG:7415")) == reference(dutch())
        assert reference(replace(dutch(), name=RD)) == {"wkid": 28992, "latestWkid": 28992}
        assert reference(degrees()) == {"wkid": 4326, "latestWkid": 4326}
        # Whatever the datum, degrees are brought to WGS 84.
        assert reference(replace(degrees(), name="EPSG:4258"))["wkid"] == 4326

    @given(st.floats(-180, 180), st.floats(-89.9, 89.9))
    def test_rotations_are_quaternions(self, longitude: float, latitude: float) -> None:
        from gotapi_portrayal.scene.kml_earth import axes

        matrix = axes(np.array([longitude, latitude, 0.0])).T
        assert np.allclose(Rotation.from_quat(quaternion(matrix)).as_matrix(), matrix, atol=1e-9)

    def test_a_box_on_the_globe_holds_all_of_it(self) -> None:
        box = Box((4.30, 52.0, -5.0), (4.40, 52.05, 100.0))
        found = volume(degrees(), box)
        rng = np.random.default_rng(3)
        points = rng.uniform(box.low, box.high, (200, 3))
        cart = pyproj.Transformer.from_crs(4979, 4978, always_xy=True)
        middle = np.array(cart.transform(*found.middle))
        offsets = np.column_stack(cart.transform(*points.T)) - middle
        inside = Rotation.from_quat(found.turn).inv().apply(offsets)
        assert (np.abs(inside) <= np.array(found.half) + 0.01).all()
        assert (np.linalg.norm(offsets, axis=1) <= found.radius + 0.01).all()
        assert found.half[0] < 3600  # and is not larger than it has to be
        assert found.half[1] < 2900
        assert found.half[2] < 60

    def test_a_box_in_the_plane(self) -> None:
        found = volume(dutch(), Box((0, 0, 0), (6, 8, 24)))
        assert found.obb == {
            "center": (3, 4, 12), "halfSize": (3, 4, 12), "quaternion": (0, 0, 0, 1),
        }  # fmt: skip
        assert found.mbs == (3, 4, 12, 13)


class TestAttributes:
    def test_fields(self) -> None:
        found = fields(ATTRIBUTES)
        assert [(one.key, one.name, one.type) for one in found] == [
            ("f_0", "OBJECTID", "Oid32"), ("f_1", "FeatureId", "String"),
            ("f_2", "Class", "String"), ("f_3", "Layer", "String"),
            ("f_4", "height", "Float64"), ("f_5", "storeys", "Float64"),
            ("f_6", "class_2", "String"), ("f_7", "_2_b", "String"),
        ]  # fmt: skip
        assert found[6].declared == {
            "name": "class_2", "type": "esriFieldTypeString", "alias": "class",
        }  # fmt: skip
        assert len(fields([AttributeType(f"a{n}", "string") for n in range(1000)])) == 250

    def test_texts(self) -> None:
        # The example of I3S 1.7, attributeStorageInfo.
        body = buffer(fields(ATTRIBUTES)[1], ["Bratislava", "Berlin", "Wien", None, ""])
        assert body[:28] == struct.pack("<7I", 5, 24, 11, 7, 5, 0, 1)
        assert body[28:] == b"Bratislava\0Berlin\0Wien\0\0"

    def test_numbers_are_on_multiples_of_eight(self) -> None:
        body = buffer(fields(ATTRIBUTES)[4], [2.5, None, 7, True, "x"])
        assert body[:8] == struct.pack("<II", 5, 0)
        assert np.array_equal(
            np.frombuffer(body, "<f8", offset=8), [2.5, np.nan, 7, np.nan, np.nan], equal_nan=True
        )

    @given(st.lists(st.none() | st.text() | st.booleans() | st.integers() | st.floats()))
    def test_any_values_come_back_as_texts(self, given: list[Attribute]) -> None:
        body = buffer(Field("f_9", "x", "x", "String"), given)
        count, total = struct.unpack_from("<II", body)
        sizes = np.frombuffer(body, "<u4", count, 8)
        assert count == len(given)
        assert total == sizes.sum() == len(body) - 8 - 4 * count
        assert [size == 0 for size in sizes] == [one is None for one in given]

    def test_each_field_in_a_node(self) -> None:
        scope = alone(town(dutch()))
        layer = read(scope, "layers/0")
        assert [one["key"] for one in layer["attributeStorageInfo"]] == [f"f_{n}" for n in range(8)]
        oids = data(scope, "layers/0/nodes/0/attributes/f_0/0")
        assert struct.unpack("<4I", oids) == (3, 11, 12, 13)
        assert b"b-11\0b-12\0b-13\0" in data(scope, "layers/0/nodes/0/attributes/f_1/0")
        assert b"Building\0" in data(scope, "layers/0/nodes/0/attributes/f_2/0")
        assert b"The town\0" in data(scope, "layers/0/nodes/0/attributes/f_3/0")
        assert data(scope, "layers/0/nodes/0/attributes/f_6/0").endswith(b"house\0barn\0")
        assert data(scope, "layers/0/nodes/0/attributes/f_7/0").endswith(b"true\0")
        assert i3s.resource(scope, "layers/0/nodes/0/attributes/f_8/0") is None

    def test_a_layer_nobody_knows(self) -> None:
        one = replace_layer(FEATURES[0], "gone")
        assert values(fields(())[3], [one], ()) == ["gone"]

    def test_features_for_people(self) -> None:
        scope = alone(town(dutch()))
        first = read(scope, "layers/0/nodes/0/features/0")["featureData"][0]
        assert first["attributes"]["storeys"] == 3
        assert first["mbb"] == [84500, 446000, 0, 84515, 446015, 20]


def replace_layer(one: Feature, layer: str) -> Feature:
    return msgspec.structs.replace(one, layer=layer)


class TestDocuments:
    def test_the_layer(self) -> None:
        scope = alone(town(dutch()))
        layer = msgspec.json.decode(gzip.decompress(i3s.index(scope)))
        assert layer == read(scope, "layers/0")
        assert layer["layerType"] == "3DObject"
        assert layer["spatialReference"]["wkid"] == 28992
        assert layer["store"]["normalReferenceFrame"] == "vertex-reference-frame"
        # Clients add `/nodepages/0` to it.
        assert layer["href"] == "http://here/3dps/resources/i3s/token/layers/0"
        box = around(scope.content)
        assert layer["store"]["extent"] == pytest.approx([*box.low[:2], *box.high[:2]])
        assert layer["fullExtent"]["zmax"] == pytest.approx(box.high[2])

    def test_both_layouts_of_a_layer_say_the_same(self) -> None:
        layer = read(alone(town(dutch())), "layers/0")
        old = layer["store"]["defaultGeometrySchema"]["vertexAttributes"]
        [new] = layer["geometryDefinitions"][0]["geometryBuffers"]
        assert new["offset"] == 8
        for name, one in old.items():
            other = new[{"region": "uvRegion"}.get(name, name)]
            assert (one["valueType"], one["valuesPerElement"]) == (
                other["type"],
                other["component"],
            )

    def test_pages_have_every_node_once(self) -> None:
        scope = tree(town(dutch()), 100)
        pages = [read(scope, f"layers/0/nodepages/{n}")["nodes"] for n in (0, 1)]
        assert [len(page) for page in pages] == [64, 37]
        every = [node for page in pages for node in page]
        assert [node["index"] for node in every] == list(range(101))
        assert every[0]["children"] == list(range(1, 101))
        assert "mesh" not in every[0]
        assert {node["parentIndex"] for node in every[1:]} == {0}
        assert every[1]["mesh"]["geometry"] == {
            "definition": 0, "resource": 1, "vertexCount": 144, "featureCount": 3,
        }  # fmt: skip
        assert i3s.resource(scope, "layers/0/nodepages/2") is None
        # Only what a page has is looked into.
        assert scope.opened == [f"1-{n}-0" for n in range(100)]

    def test_a_node_without_children_is_not_to_be_replaced(self) -> None:
        root, leaf = read(tree(town(dutch()), 1), "layers/0/nodepages/0")["nodes"]
        assert root["lodThreshold"] < 5000
        assert leaf["lodThreshold"] > 1e6

    def test_what_stands_for_the_children_goes_when_others_are_seen(self) -> None:
        scope = tree(town(dutch()), 2)
        thin = replace(scope.root, shown=5, missing=30.0)
        sphere = 2 * volume(dutch(), thin.box).radius
        for missing, pixels in ((30.0, 16 * sphere / 30), (9000.0, 64), (0.001, 4096), (0.0, 64)):
            scope.root = replace(thin, missing=missing)
            root = read(scope, "layers/0/nodepages/0")["nodes"][0]
            assert root["lodThreshold"] == pytest.approx(np.pi / 4 * pixels**2)
            assert root["mesh"]["geometry"]["featureCount"] == 3
            assert root["children"] == [1, 2]
        assert data(scope, "layers/0/nodes/0/geometries/0")

    def test_documents_of_nodes_link_to_everything(self) -> None:
        scope = tree(town(dutch()), 2)
        waiting = [read(scope, "layers/0")["store"]["rootNode"]]
        seen: dict[str, int] = {}
        while waiting:
            url = waiting.pop()
            path, media = re.findall("i3s/token/(.*)&outputFormat=(.*)", url)[0]
            answer = i3s.resource(scope, path)
            assert answer is not None
            assert answer.media == media
            seen[path] = seen.get(path, 0) + 1
            if media != i3s.I3S or not re.fullmatch(r"layers/0/nodes/\w+", path):
                continue
            node = msgspec.json.decode(gzip.decompress(answer.body))
            waiting += [child["href"] for child in node.get("children", [])]
            for member in ("geometryData", "attributeData", "featureData"):
                waiting += [one["href"] for one in node.get(member, [])]
            if "sharedResource" in node:
                waiting.append(node["sharedResource"]["href"])
        assert set(seen.values()) == {1}
        assert "layers/0/nodes/2/geometries/0" in seen
        assert len(seen) == 1 + 2 * (1 + 1 + 8 + 1 + 1)

    def test_what_there_is_not(self) -> None:
        scope = tree(town(dutch()), 1)
        for path in (
            "", "layers", "layers/1", "layers/0/nodes/2", "layers/0/nodes/x",
            "layers/0/nodes/1/x/0",
            "layers/0/nodes/0/geometries/0", "layers/0/nodes/1/geometries/1",
            "layers/0/nodes/1/textures/0", "layers/0/nodes/1/geometries", "layers/0/../0",
            "layers/0/nodes/1/features/1", "layers/0/nodepages/-1", "layers/0/nodes/9999999999",
        ):  # fmt: skip
            assert i3s.resource(scope, path) is None, path

    def test_nothing_at_all(self) -> None:
        empty = replace(town(dutch()), meshes=(), features=())
        scope = Scope(empty, Tile("0-0-0", Box((0, 0, 0), (0, 0, 0)), 0.0, 0))
        [root] = read(scope, "layers/0/nodepages/0")["nodes"]
        assert "mesh" not in root
        assert "geometryData" not in read(scope, "layers/0/nodes/root")

    def test_nowhere_on_earth(self) -> None:
        scope = alone(replace(town(dutch()), frame=Frame("LOCAL:METRES", "")))
        with pytest.raises(OwsError, match="nowhere on earth") as caught:
            i3s.index(scope)
        assert caught.value.code is Code.FORMAT_CAPABILITY_MISSING

    def test_an_offset(self) -> None:
        scope = alone(replace(town(dutch()), offset=(1, 2, 3), offset_mode="subtract"))
        with pytest.raises(OwsError, match="offset"):
            i3s.resource(scope, "layers/0/nodes/0/geometries/0")


def textured(
    pictures: tuple[Picture, ...], uvs: np.ndarray, wrap: str = "repeat", opacity: float = 1.0
) -> SceneModel:
    """A cube of each picture, and one without."""
    looks = (
        *(Look((1, 1, 1), picture=n, wrap=wrap) for n in range(len(pictures))),
        Look((0.5, 0.5, 0.5), opacity=opacity),
    )
    meshes = tuple(
        replace(cubes(n, (20 * n, 0, 0), first=0), uvs=None if n == len(pictures) else uvs)
        for n in range(len(pictures) + 1)
    )
    return replace(town(dutch()), looks=looks, meshes=meshes, pictures=pictures)


def sampled(body: bytes, geometry: Geometry) -> np.ndarray:
    """The colour at the middle of each triangle, as renderers find it."""
    with Image.open(io.BytesIO(body)) as image:
        pixels = np.asarray(image.convert("RGB"))
    uvs = geometry.values["uv0"].reshape(-1, 3, 2).mean(axis=1)
    region = geometry.values["region"][::3] / 65535
    at = region[:, :2] + (uvs - np.floor(uvs)) * (region[:, 2:] - region[:, :2])
    height, width = pixels.shape[:2]
    return pixels[(at[:, 1] * height).astype(int), (at[:, 0] * width).astype(int)]


RED, BLUE = picture((255, 0, 0)), picture((0, 0, 255), (30, 5))
ONCE = CORNERS[:, :2]


class TestPictures:
    @pytest.mark.parametrize("uvs", [ONCE, ONCE + 7, ONCE * 3 - 1])
    def test_each_triangle_has_the_colour_of_its_picture(self, uvs: np.ndarray) -> None:
        scope = alone(textured((RED, BLUE), uvs))
        layer = read(scope, "layers/0")
        geometry = Geometry.of(layer, data(scope, "layers/0/nodes/0/geometries/0"))
        answer = i3s.resource(scope, "layers/0/nodes/0/textures/0")
        assert answer is not None
        assert answer.media == "image/jpeg"
        colours = sampled(answer.body, geometry).reshape(3, 12, 3)
        for found, wanted in zip(colours, ([255, 0, 0], [0, 0, 255], [255] * 3), strict=True):
            assert np.abs(found.astype(int) - wanted).max() < 40  # it is a JPEG

    def test_up_in_the_picture_is_up(self) -> None:
        file = io.BytesIO()
        image = Image.new("RGB", (64, 64), (0, 255, 0))
        image.paste((255, 0, 0), (0, 32, 64, 64))  # red below
        image.save(file, "PNG")
        uvs = np.full((8, 2), (0.5, 0.25), np.float32)
        scope = alone(textured((Picture(1, "image/png", 64, 64, file.getvalue()),), uvs))
        geometry = Geometry.of(
            read(scope, "layers/0"), data(scope, "layers/0/nodes/0/geometries/0")
        )
        answer = i3s.resource(scope, "layers/0/nodes/0/textures/0")
        assert answer is not None
        assert (sampled(answer.body, geometry)[:12, 0] > 200).all()

    def test_what_is_clamped_is_on_the_edge(self) -> None:
        found = content_of(textured((RED,), ONCE * 3 - 1, wrap="clamp"))
        assert (found.regions == WHOLE).all()

    def test_a_node_says_which_picture_it_has(self) -> None:
        scope = alone(textured((RED, BLUE), ONCE))
        [node] = read(scope, "layers/0/nodepages/0")["nodes"]
        material = read(scope, "layers/0")["materialDefinitions"][
            node["mesh"]["material"]["definition"]
        ]
        assert material["pbrMetallicRoughness"]["baseColorTexture"]["textureSetDefinitionId"] == 0
        assert node["mesh"]["material"]["texelCountHint"] > 64
        document = read(scope, "layers/0/nodes/0")
        assert "/textures/0&outputFormat=image/jpeg" in document["textureData"][0]["href"]
        assert read(scope, "layers/0/nodes/0/shared")["textureDefinitions"]["0"]["atlas"]

    @pytest.mark.parametrize(
        "scene",
        [
            textured((picture((255, 0, 0, 99)), BLUE), ONCE),
            textured((RED,), ONCE, opacity=0.5),
        ],
    )
    def test_what_is_translucent_is_a_png(self, scene: SceneModel) -> None:
        scope = alone(scene)
        answer = i3s.resource(scope, "layers/0/nodes/0/textures/1")
        assert answer is not None
        assert answer.media == "image/png"
        assert i3s.resource(scope, "layers/0/nodes/0/textures/0") is None
        [node] = read(scope, "layers/0/nodepages/0")["nodes"]
        assert node["mesh"]["material"]["definition"] == 3
        assert (
            "/textures/1&outputFormat=image/png"
            in (read(scope, "layers/0/nodes/0")["textureData"][0]["href"])
        )
        shared = read(scope, "layers/0/nodes/0/shared")
        assert shared["textureDefinitions"]["0"]["channels"] == "rgba"

    def test_translucent_without_a_picture(self) -> None:
        scene = replace(town(dutch()), looks=(Look(opacity=0.5), Look()))
        [node] = read(alone(scene), "layers/0/nodepages/0")["nodes"]
        assert node["mesh"]["material"] == {"definition": 1, "resource": 0}

    def test_a_picture_that_cannot_be_read_is_none(self) -> None:
        broken = textured((Picture(1, "image/png", 2, 2, b"none"),), ONCE)
        assert atlas(broken) is None
        scope = alone(broken)
        assert data(scope, "layers/0/nodes/0/geometries/0")

    def test_large_pictures_are_shrunk(self) -> None:
        made = atlas(textured((picture((255, 0, 0), (5000, 40)),), ONCE))
        assert made is not None
        assert max(made.picture.width, made.picture.height) <= SIDE


def content_of(scene: SceneModel) -> Any:
    made = atlas(scene)
    assert made is not None
    return content(scene, made.spots, made.blank)
