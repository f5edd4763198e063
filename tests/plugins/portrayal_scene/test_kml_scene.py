"""Scenes as KML and KMZ: read back, everything is where it was."""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyproj
import pytest
from lxml import etree
from PIL import Image

from gotapi_portrayal.data.types import Box, Feature, Triple
from gotapi_portrayal.gather import move
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.scene import kml, kml_archive
from gotapi_portrayal.scene.kml_links import spread
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
KML = {"k": "http://www.opengis.net/kml/2.2"}
DAE = {"c": "http://www.collada.org/2005/11/COLLADASchema"}
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]], np.uint32
)  # fmt: skip


def frame() -> Frame:
    return Frame(RD, "urn:ogc:def:crs:EPSG::28992", to_degrees=move(RD, "CRS:84").points)


def feature(number: int, object_id: str, **attributes: str | int | float | bool | None) -> Feature:
    return Feature(number, "town", object_id, "Building", 0, dict(attributes), ("2",), None)


def cubes(
    look: int, *places: Triple, layer: int = 0, lod: str = "CityGML:2", first: int = 0
) -> Mesh:
    """A mesh of cubes of 10 m, each a feature."""
    count = len(places)
    return Mesh(
        look=look,
        layer=layer,
        lod=lod,
        vertices=np.concatenate([CORNERS * 10 + np.array(one, np.float32) for one in places]),
        triangles=np.concatenate([FACES + np.uint32(8 * n) for n in range(count)]),
        features=np.repeat(np.arange(first, first + count), 8).astype(np.uint32),
        uvs=np.tile(CORNERS[:, :2], (count, 1)) * 2,
    )


PLACES: tuple[Triple, ...] = ((0, 0, 0), (123.4, 56.7, 8.9), (-700, 900, 30))


def png(size: tuple[int, int] = (2, 2)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (255, 0, 0)).save(written, "PNG")
    return written.getvalue()


@pytest.fixture
def scene() -> SceneModel:
    """Three cubes, the first with two looks."""
    roof = Mesh(1, 0, "CityGML:2", CORNERS[:3] * 10, FACES[:1] * 0 + [[0, 1, 2]], np.zeros(3, "u4"))
    return SceneModel(
        title="Town & all",
        frame=frame(),
        origin=ORIGIN,
        place=ORIGIN,
        meshes=(cubes(0, *PLACES), replace(roof, triangles=roof.triangles.astype(np.uint32))),
        looks=(Look((0.5, 0.25, 1.0), opacity=0.5), Look((1, 1, 1), (0.1, 0, 0))),
        features=(
            feature(11, "b 1", name="Town <hall>", height=12.5),
            feature(12, "b-2", height=3),
            feature(13, "b-2", shut=True, empty=None),
        ),
        layers=(SceneLayer("town", "The town"),),
    )


def read(document: bytes) -> etree._Element:
    return etree.fromstring(document)


def found(root: etree._Element, path: str) -> list[etree._Element]:
    result = root.xpath(path, namespaces={**KML, **DAE})
    assert isinstance(result, list)
    return [one for one in result if isinstance(one, etree._Element)]


def texts(root: etree._Element, path: str) -> list[str]:
    return [one.text or "" for one in found(root, path)]


def corners_of(root: etree._Element) -> np.ndarray:
    """The triangles of a document, (n, 3, 3), in the CRS that the scene was in."""
    rings = [
        [[float(number) for number in place.split(",")] for place in ring.split()]
        for ring in texts(root, ".//k:coordinates")
    ]
    assert all(len(ring) == 4 and ring[0] == ring[3] for ring in rings)
    return back(np.array(rings)[:, :3].reshape(-1, 3)).reshape(-1, 3, 3)


def back(degrees: np.ndarray) -> np.ndarray:
    there = pyproj.Transformer.from_crs("OGC:CRS84", RD, always_xy=True)
    east, north = there.transform(degrees[:, 0], degrees[:, 1])
    return np.column_stack((east, north, degrees[:, 2]))


def sorted_corners(corners: np.ndarray) -> np.ndarray:
    rows = corners.reshape(len(corners), 9)
    return rows[np.lexsort(rows.round(1).T)]


def expected(scene: SceneModel) -> np.ndarray:
    return np.concatenate(
        [mesh.vertices.astype(float)[mesh.triangles] + scene.origin for mesh in scene.meshes]
    )


class TestKml:
    def test_every_triangle_is_where_it_was(self, scene: SceneModel) -> None:
        there = corners_of(read(kml.encode(scene)))
        assert np.abs(sorted_corners(there) - sorted_corners(expected(scene))).max() < 0.01

    def test_a_folder_a_layer_and_a_placemark_a_feature(self, scene: SceneModel) -> None:
        root = read(kml.encode(scene))
        assert texts(root, "k:Document/k:name") == ["Town & all"]
        [folder] = found(root, "k:Document/k:Folder")
        assert texts(folder, "k:name") == ["The town"]
        assert [one.get("id") for one in found(folder, "k:Placemark")] == ["b-2", "b-2-2"]
        # The one of two looks is a folder itself: a placemark has one style.
        [double] = found(folder, "k:Folder")
        assert double.get("id") == "_b_1"
        assert texts(double, "k:name") == ["Town <hall>"]
        assert texts(double, "k:Placemark/k:styleUrl") == ["#look-0", "#look-1"]

    def test_attributes_are_typed(self, scene: SceneModel) -> None:
        root = read(kml.encode(scene))
        [schema] = found(root, "k:Document/k:Schema")
        types = {one.get("name"): one.get("type") for one in found(schema, "k:SimpleField")}
        assert types["height"] == "double"
        assert types["shut"] == "bool"
        values = [
            {one.get("name"): one.text for one in found(data, "k:SimpleData")}
            for data in found(root, ".//k:SchemaData")
        ]
        assert values == [
            {"ObjectId": "11", "FeatureId": "b 1", "Class": "Building",
             "name": "Town <hall>", "height": "12.5"},
            {"ObjectId": "12", "FeatureId": "b-2", "Class": "Building", "height": "3"},
            {"ObjectId": "13", "FeatureId": "b-2", "Class": "Building", "shut": "true"},
        ]  # fmt: skip
        urls = {one.get("schemaUrl") for one in found(root, ".//k:SchemaData")}
        assert urls == {f"#{schema.get('id')}"}

    def test_styles_have_the_colour_of_the_looks(self, scene: SceneModel) -> None:
        root = read(kml.encode(scene))
        assert [one.get("id") for one in found(root, ".//k:Style")] == ["look-0", "look-1"]
        assert texts(root, ".//k:PolyStyle/k:color") == ["80ff4080", "ffffffff"]

    def test_a_texture_is_its_mean_colour(self, scene: SceneModel) -> None:
        looks = (Look((1, 1, 1), picture=0), Look())
        painted = replace(scene, looks=looks, pictures=(Picture(1, "image/png", 2, 2, png()),))
        assert texts(read(kml.encode(painted)), ".//k:color")[0] == "ff0000ff"

    def test_lods_of_one_feature_take_turns(self, scene: SceneModel) -> None:
        meshes = tuple(
            cubes(0, PLACES[0], lod=lod) for lod in ("TUDelft:2.2", "CityGML:1", "CityGML:2")
        )
        root = read(kml.encode(replace(scene, meshes=meshes)))
        ranges = [
            (int(least), int(most))
            for least, most in zip(
                texts(root, ".//k:minLodPixels"), texts(root, ".//k:maxLodPixels"), strict=True
            )
        ]
        assert ranges == [(256, -1), (0, 64), (64, 256)]
        assert {float(north) for north in texts(root, ".//k:north")} == {
            max(float(place.split(",")[1]) for place in " ".join(
                texts(root, ".//k:coordinates")).split())
        }  # fmt: skip

    def test_layers_in_layers_and_what_was_regrouped(self, scene: SceneModel) -> None:
        plain = replace(cubes(0, *PLACES, layer=1, lod=""), features=np.empty(0, np.uint32))
        layers = (SceneLayer("all", ""), SceneLayer("hills", "Hills", parent=0))
        made = replace(scene, meshes=(plain,), features=(), layers=layers, regrouped=True)
        root = read(kml.encode(made))
        assert texts(root, "k:Document/k:Folder/k:name") == ["all"]
        assert texts(root, "k:Document/k:Folder/k:Folder/k:name") == ["Hills"]
        assert texts(root, ".//k:Placemark/k:name") == ["Hills"]
        assert len(found(root, ".//k:Polygon")) == 36
        assert not found(root, ".//k:Schema")

    def test_nothing_is_a_document_too(self, scene: SceneModel) -> None:
        empty = replace(scene, meshes=(), features=(), looks=())
        root = read(kml.encode(empty))
        assert texts(root, "k:Document/k:Folder/k:name") == ["The town"]
        none = replace(cubes(0, PLACES[0]), triangles=np.empty((0, 3), np.uint32))
        assert not found(read(kml.encode(replace(scene, meshes=(none,)))), ".//k:Polygon")

    def test_viewpoints(self, scene: SceneModel) -> None:
        cameras = tuple(Camera(name, (0, 9, 0), (0, 0, 9), (0, 0, 1), 60) for name in "AB")
        root = read(kml.encode(replace(scene, viewpoints=cameras)))
        assert len(found(root, "k:Document/k:LookAt")) == 1
        assert texts(root, "k:Document/k:Folder[1]/k:Placemark/k:name") == ["A", "B"]


@pytest.mark.parametrize("encode", [kml.encode, kml_archive.encode])
class TestWhatIsNotPossible:
    def test_nowhere_on_earth(self, scene: SceneModel, encode: object) -> None:
        assert callable(encode)
        with pytest.raises(OwsError, match="nowhere on earth") as caught:
            encode(replace(scene, frame=Frame("LOCAL:METRES", "")))
        assert caught.value.code is Code.FORMAT_CAPABILITY_MISSING
        assert caught.value.locator == "crs"

    def test_an_offset(self, scene: SceneModel, encode: object) -> None:
        assert callable(encode)
        with pytest.raises(OwsError, match="leave the offset out") as caught:
            encode(replace(scene, offset=(1, 2, 3), offset_mode="subtract"))
        assert caught.value.locator == "offset"
        assert encode(replace(scene, offset=(0, 0, 0), offset_mode="subtract"))


@dataclass
class Archive:
    files: dict[str, bytes]

    @property
    def root(self) -> etree._Element:
        return read(self.files["doc.kml"])

    def corners(self) -> np.ndarray:
        """The triangles of all models, put where the document places them."""
        every = []
        for model in found(self.root, ".//k:Model"):
            assert texts(model, "k:Orientation/*") == ["0", "0", "0"]
            place = [float(text) for text in texts(model, "k:Location/*")]
            [href] = texts(model, "k:Link/k:href")
            every.append(placed(model_corners(read(self.files[href])), place))
        return np.concatenate(every)


def model_corners(root: etree._Element) -> np.ndarray:
    assert texts(root, "c:asset/c:up_axis") == ["Z_UP"]
    [array] = texts(root, ".//c:source[@id='points']/c:float_array")
    points = np.array(array.split(), float).reshape(-1, 3)
    rows = []
    for part in found(root, ".//c:triangles"):
        stride = len(found(part, "c:input"))
        [numbers] = texts(part, "c:p")
        whole = np.array(numbers.split(), int).reshape(-1, stride)
        assert len(whole) == 3 * int(part.get("count", ""))
        rows.append(whole[:, 0].reshape(-1, 3))
    return points[np.concatenate(rows)]


def placed(corners: np.ndarray, place: Sequence[float]) -> np.ndarray:
    """From metres around a place to the CRS of the scene, as PROJ does it."""
    longitude, latitude, height = place
    degrees = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=topocentric "
        f"+lon_0={longitude} +lat_0={latitude} +h_0={height} "
        "+step +inv +proj=cart +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    ).transform(*corners.reshape(-1, 3).T)
    return back(np.column_stack(degrees)).reshape(-1, 3, 3)


def unpacked(document: bytes) -> Archive:
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        assert archive.namelist()[0] == "doc.kml"
        return Archive({name: archive.read(name) for name in archive.namelist()})


class TestKmz:
    def test_every_triangle_is_where_it_was(self, scene: SceneModel) -> None:
        there = unpacked(kml_archive.encode(scene)).corners()
        assert np.abs(sorted_corners(there) - sorted_corners(expected(scene))).max() < 0.01

    def test_a_placemark_and_a_model_a_feature(self, scene: SceneModel) -> None:
        archive = unpacked(kml_archive.encode(scene))
        marks = found(archive.root, "k:Document/k:Folder/k:Placemark")
        assert [one.get("id") for one in marks] == ["_b_1", "b-2", "b-2-2"]
        assert list(archive.files)[1:] == [f"files/model-{n}.dae" for n in range(3)]
        first = read(archive.files["files/model-0.dae"])
        assert [one.get("count") for one in found(first, ".//c:triangles")] == ["12", "1"]
        assert texts(first, ".//c:diffuse/c:color") == ["0.5 0.25 1 1", "1 1 1 1"]
        assert texts(first, ".//c:transparency/c:float") == ["0.5"]

    def test_identifiers_in_a_model_meet_what_refers_to_them(self, scene: SceneModel) -> None:
        looks = (Look(picture=0, wrap="mirror"), Look())
        painted = replace(scene, looks=looks, pictures=(Picture(1, "image/png", 2, 2, png()),))
        root = read(unpacked(kml_archive.encode(painted)).files["files/model-0.dae"])
        known = {one.get("id") for one in root.iter() if one.get("id")}
        used = re.findall('(?:url|source|target)="#([^"]+)"', etree.tostring(root).decode())
        assert used
        assert set(used) <= known
        symbols = {one.get("symbol") for one in found(root, ".//c:instance_material")}
        assert symbols == {one.get("material") for one in found(root, ".//c:triangles")}

    def test_textures_are_beside_the_models(self, scene: SceneModel) -> None:
        pictures = (Picture(5, "image/png", 2, 2, png()), Picture(6, "image/jpeg", 2, 2, b"none"))
        looks = (Look(picture=0, wrap="clamp"), Look())
        archive = unpacked(kml_archive.encode(replace(scene, looks=looks, pictures=pictures)))
        assert archive.files["files/texture-0.png"] == png()
        assert "files/texture-1.jpg" not in archive.files  # nothing has it
        root = read(archive.files["files/model-1.dae"])
        assert texts(root, ".//c:image/c:init_from") == ["texture-0.png"]
        assert texts(root, ".//c:wrap_s") == ["CLAMP"]
        [array] = texts(root, ".//c:source[@id='uvs']/c:float_array")
        assert np.array(array.split(), float).max() == 2.0
        assert found(root, ".//c:input[@semantic='TEXCOORD']")

    def test_normals_point_outwards_and_are_left_out_of_what_is_reduced(
        self, scene: SceneModel
    ) -> None:
        root = read(unpacked(kml_archive.encode(scene)).files["files/model-1.dae"])
        [array] = texts(root, ".//c:source[@id='normals']/c:float_array")
        normals = np.array(array.split(), float).reshape(-1, 3)
        assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=0.01)
        outwards = model_corners(root).mean(axis=1) - [0, 0, 5]
        assert (np.einsum("ij,ij->i", normals, outwards) > 0).all()
        coarse = read(
            unpacked(kml_archive.encode(replace(scene, reduced=True))).files["files/model-1.dae"]
        )
        assert not found(coarse, ".//c:source[@id='normals']")
        assert len(model_corners(coarse)) == 12

    def test_a_triangle_without_area_has_a_normal(self, scene: SceneModel) -> None:
        flat = cubes(0, PLACES[0])
        flat = replace(flat, triangles=np.zeros((1, 3), np.uint32))
        root = read(
            unpacked(kml_archive.encode(replace(scene, meshes=(flat,)))).files["files/model-0.dae"]
        )
        assert texts(root, ".//c:source[@id='normals']/c:float_array") == ["0.000 0.000 1.000"]

    def test_the_same_scene_is_the_same_archive(self, scene: SceneModel) -> None:
        assert kml_archive.encode(scene) == kml_archive.encode(scene)


def tiled(path: str, *children: Tile, triangles: int = 1) -> Tile:
    low = (ORIGIN[0], ORIGIN[1], 0.0)
    high = (ORIGIN[0] + 1000, ORIGIN[1] + 500, 40.0)
    return Tile(path, Box(low, high), 1.0, triangles, children)


@dataclass
class Scope:
    """Links of a scene, without a service."""

    root: Tile
    content: SceneModel
    title: str = "Town"
    media: str = kml.KML
    viewpoints: tuple[Camera, ...] = ()

    @property
    def frame(self) -> Frame:
        return self.content.frame

    @property
    def layers(self) -> tuple[SceneLayer, ...]:
        return self.content.layers

    def tile(self, path: str) -> Tile | None:
        waiting = [self.root]
        while waiting:
            one = waiting.pop()
            if one.path == path:
                return one
            waiting.extend(one.children)
        return None

    def scene(self, tile: Tile) -> SceneModel:
        assert not tile.children
        return self.content

    def url(self, place: str, path: str, media: str) -> str:
        return f"http://here/3dps?resourceId={place}/{path}&outputFormat={media}"


class TestLinks:
    def scope(self, content: SceneModel, count: int = 3) -> Scope:
        leaves = [tiled(f"2-{n}-0") for n in range(count)]
        return Scope(tiled("0-0-0", tiled("1-0-0", *leaves), tiled("1-1-0")), content)

    def test_a_link_for_each_tile_seen_from_its_region(self, scene: SceneModel) -> None:
        root = read(kml.index(self.scope(scene)))
        urls = texts(root, ".//k:NetworkLink/k:Link/k:href")
        assert [re.findall("kml/(.*).kml&", url)[0] for url in urls] == [
            "1-1-0", "2-0-0", "2-1-0", "2-2-0",
        ]  # fmt: skip
        assert set(texts(root, ".//k:viewRefreshMode")) == {"onRegion"}
        assert not found(root, ".//k:Polygon")

    def test_a_region_holds_its_tile(self, scene: SceneModel) -> None:
        root = read(kml.index(self.scope(scene)))
        [north, south, east, west] = (
            float(texts(root, f".//k:{side}")[0]) for side in ("north", "south", "east", "west")
        )
        corners = np.array([[x, y, 0.0] for x in (0, 1000) for y in (0, 500)]) + ORIGIN
        degrees = scene.frame.degrees(corners)
        assert west <= degrees[:, 0].min() + 1e-8
        assert east >= degrees[:, 0].max() - 1e-8
        assert south <= degrees[:, 1].min() + 1e-8
        assert north >= degrees[:, 1].max() - 1e-8
        assert texts(root, ".//k:minAltitude")[0] == "0.000"
        assert texts(root, ".//k:maxAltitude")[0] == "40.000"

    def test_links_lead_to_all_content(self, scene: SceneModel) -> None:
        scope = self.scope(scene, 100)
        urls = texts(read(kml.index(scope)), ".//k:href")
        leaves = 0
        while urls:
            path = re.findall("resourceId=kml/(.*)&", urls.pop())[0]
            answer = kml.resource(scope, path)
            assert answer is not None
            assert answer.media == kml.KML
            more = texts(read(answer.body), ".//k:NetworkLink//k:href")
            leaves += not more
            urls += more
        assert leaves == 101

    def test_viewpoints_are_in_the_first_document_only(self, scene: SceneModel) -> None:
        scope = self.scope(scene, 100)
        poi = (ORIGIN[0], ORIGIN[1] + 100, 0.0)
        scope.viewpoints = (Camera("A", poi, (ORIGIN[0], ORIGIN[1], 50.0), (0, 0, 1), 60),)
        assert found(read(kml.index(scope)), "k:Document/k:LookAt")
        answer = kml.resource(scope, "1-0-0.kml")
        assert answer is not None
        assert not found(read(answer.body), ".//k:LookAt")

    def test_what_there_is_not(self, scene: SceneModel) -> None:
        scope = self.scope(scene)
        for path in ("", "9-9-9.kml", "2-0-0", "2-0-0.kmz", "../2-0-0.kml"):
            assert kml.resource(scope, path) is None
        assert kml_archive.resource(scope, "2-0-0.kml") is None

    def test_one_tile_without_children(self, scene: SceneModel) -> None:
        alone = Scope(tiled("0-0-0"), scene)
        assert len(texts(read(kml.index(alone)), ".//k:href")) == 1
        nothing = Scope(tiled("0-0-0", triangles=0), scene)
        assert texts(read(kml.index(nothing)), ".//k:href") == []

    def test_no_document_links_to_itself(self) -> None:
        many = tiled("0-0-0", *(tiled(f"1-{n}-0") for n in range(100)))
        assert len(spread(many)) == 100

    def test_archives(self, scene: SceneModel) -> None:
        scope = self.scope(scene, 100)
        root = unpacked(kml_archive.index(scope)).root
        assert len(texts(root, ".//k:href")) == 2
        branch, leaf = (kml_archive.resource(scope, f"{name}.kmz") for name in ("1-0-0", "1-1-0"))
        assert branch is not None
        assert leaf is not None
        assert len(texts(unpacked(branch.body).root, ".//k:NetworkLink")) == 100
        assert leaf.media == kml_archive.KMZ
        assert leaf.body == kml_archive.encode(scene)
