"""Scenes as glTF: read back, everything is where it was, and looks and is called as it should."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Crs, FeatureDraft, LayerDraft

Scene = Callable[..., Answer]
Read = Callable[[bytes], Any]

HERE = Path(__file__).parent
HOUSE = np.array([500_000.0, 5_700_000.0, 50.0])  # south-west corner of the first house, its floor


def upright(corners: np.ndarray) -> np.ndarray:
    """From metres with y up to x east, y north, z up."""
    return corners[..., [0, 2, 1]] * (1, -1, 1)


def extent(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = corners.reshape(-1, 3)
    return flat.min(axis=0), flat.max(axis=0)


def area(corners: np.ndarray) -> float:
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(crossed, axis=1).sum() / 2)


def volume(corners: np.ndarray) -> float:
    """Positive where triangles are counter-clockwise seen from outside."""
    middle = corners - corners.reshape(-1, 3).mean(axis=0)
    return float(np.einsum("ij,ij->", middle[:, 0], np.cross(middle[:, 1], middle[:, 2])) / 6)


def test_everything_is_where_it_is_in_the_crs(scene: Scene, read_gltf: Read) -> None:
    answer = scene()
    found = read_gltf(answer.body)
    assert answer.media == "model/gltf-binary"
    low, high = extent(upright(found.corners))
    assert low == pytest.approx(HOUSE, abs=1e-4)
    assert high == pytest.approx(HOUSE + np.array((50, 10, 10)), abs=1e-4)
    assert area(found.corners) == pytest.approx(3 * 600)
    assert volume(found.corners) == pytest.approx(3 * 1000)
    assert extent(found.below)[0] == pytest.approx(HOUSE, abs=1e-4)
    extras = found.json["asset"]["extras"]
    assert extras == {"crs": "urn:ogc:def:crs:EPSG::25832", "axes": ["east", "north", "up"]}


def test_json_has_the_same_in_it(scene: Scene, read_gltf: Read) -> None:
    binary = read_gltf(scene().body)
    for media in ("model/gltf+json", "model/vnd.gltf+json"):
        answer = scene(format=media)
        text = read_gltf(answer.body)
        assert answer.media == media
        assert text.buffer == binary.buffer
        del text.json["buffers"][0]["uri"]
        assert text.json == binary.json


def test_north_first_is_north_first_and_looks_the_same(scene: Scene, read_gltf: Read) -> None:
    # The register has EPSG:25832 with east first, and EPSG:4326 with latitude first.
    short = read_gltf(scene(crs="EPSG:4326").body)
    official = read_gltf(scene(crs="urn:ogc:def:crs:EPSG::4326").body)
    assert extent(short.below)[0][:2] == pytest.approx((9.0, 51.4513), abs=1e-3)
    mirrored = official.below[:, ::-1, [1, 0, 2]]  # triangles turn the other way there
    assert mirrored == pytest.approx(short.below, abs=1e-9)
    assert official.json["asset"]["extras"]["axes"] == ["north", "east", "up"]
    assert extent(official.corners) == pytest.approx(np.array(extent(short.corners)), abs=1e-3)
    for found in (short, official):
        assert volume(found.corners) == pytest.approx(3000, rel=2e-3)
        for one in found.shapes:
            flat = np.cross(
                one.corners[:, 1] - one.corners[:, 0], one.corners[:, 2] - one.corners[:, 0]
            )
            flat /= np.linalg.norm(flat, axis=1)[:, None]
            assert np.einsum("ij,ij->i", flat, one.normals[:, 0]).min() > 0.999


def test_degrees_are_metres_above_the_node_of_the_crs(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(crs="EPSG:4326").body)
    low, high = extent(found.corners)
    assert high - low == pytest.approx((50, 10, 10), abs=0.05)
    east, north = pyproj.Transformer.from_crs(25832, 4326, always_xy=True).transform(*HOUSE[:2])
    assert extent(found.below)[0] == pytest.approx((east, north, 50), abs=1e-6)


def test_web_mercator_is_brought_back_to_shape(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(crs="EPSG:3857").body)
    low, high = extent(found.corners)
    assert high - low == pytest.approx((50, 10, 10), rel=0.01)
    low, high = extent(found.below)
    assert (high - low)[0] == pytest.approx(80, rel=0.01)


@pytest.mark.parametrize("mode", ["", "subtract"])
def test_an_offset_is_subtracted(scene: Scene, read_gltf: Read, mode: str) -> None:
    found = read_gltf(scene(offset="500010,5700000,50", offsetMode=mode).body)
    assert extent(found.below)[0] == pytest.approx((-10, 0, 0), abs=1e-4)
    assert "translation" not in found.node("place")  # near enough to be the origin itself
    assert found.json["asset"]["extras"]["offsetMode"] == "subtract"


def test_an_offset_far_away_costs_no_digits(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(offset="100000,5000000,0", offsetMode="subtract").body)
    assert extent(found.below)[0] == pytest.approx(HOUSE - (100_000, 5_000_000, 0), abs=1e-4)
    for number, accessor in enumerate(found.json["accessors"]):
        if accessor["type"] == "VEC3" and "min" in accessor:
            assert np.abs(found.accessor(number)).max() < 100


def test_an_embedded_offset_is_a_node(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(offset="500010,5700000,50", offsetMode="embed").body)
    assert found.node("offset")["translation"] == [500_010, 5_700_000, 50]
    assert found.json["asset"]["extras"]["offset"] == [500_010, 5_700_000, 50]
    assert extent(found.below)[0] == pytest.approx(HOUSE, abs=1e-4)
    far = read_gltf(scene(offset="0,0,0", offsetMode="embed").body)
    assert extent(far.below)[0] == pytest.approx(HOUSE, abs=1e-4)


def test_an_offset_has_the_order_of_the_axes(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(crs="urn:ogc:def:crs:EPSG::4326", offset="51,9,0").body)
    assert extent(found.below)[0][:2] == pytest.approx((0.4513, 0.0), abs=1e-3)


def test_features_have_ids_and_attributes(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene().body)
    used = {"EXT_mesh_features", "EXT_structural_metadata"}
    assert set(found.json["extensionsUsed"]) == used
    assert "extensionsRequired" not in found.json
    table = found.table()
    assert table["id"] == ["town-0", "town-1", "town-2"]
    assert table["kind"] == ["Building"] * 3
    assert len(set(table["number"])) == 3
    assert table["storeys"] == [1, 2, 3]
    assert table["height"] == [10.5, 4.0, None]
    assert table["listed"] == [1, 0, None]  # a boolean of which one is missing
    assert table["street"] == ["<A & Ä>", "B", None]
    assert table["odd.name"] == [2**40, None, None]
    assert table["mixed"] == [None, "1", "one"]
    for one in found.shapes:
        [ids] = one.primitive["extensions"]["EXT_mesh_features"]["featureIds"]
        assert ids == {"featureCount": 3, "attribute": 0, "propertyTable": 0}
        # Each triangle is of one house, and is where that stands.
        assert (one.ids == one.ids[:, :1]).all()
        places = one.below[:, :, 0].mean(axis=1) - HOUSE[0]
        assert (places // 20).astype(int).tolist() == one.ids[:, 0, 0].astype(int).tolist()


def test_each_layer_has_a_table_of_its_own(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(layers="town,hill,signs").body)
    tables = found.json["extensions"]["EXT_structural_metadata"]["propertyTables"]
    named = {one["name"]: place for place, one in enumerate(tables)}
    assert set(named) == {"Town", "Hill", "Signs"}
    assert found.table(named["Hill"])["id"] == ["hill"]
    assert found.table(named["Signs"])["id"] == [f"sign-{n}" for n in range(4)]
    for one in found.shapes:
        [ids] = one.primitive["extensions"]["EXT_mesh_features"]["featureIds"]
        assert one.ids.min() >= 0
        assert one.ids.max() < tables[ids["propertyTable"]]["count"]
        assert ids["featureCount"] == len(np.unique(one.ids))
    names = {
        node["extras"]["layer"] for node in found.json["nodes"] if "layer" in node.get("extras", {})
    }
    assert names == {"town", "hill", "signs"}


def test_without_a_lod_each_feature_is_there_once_and_with_combined_all_of_it(
    scene: Scene, read_gltf: Read
) -> None:
    assert len(read_gltf(scene().body).corners) == 36
    assert len(read_gltf(scene(lods="CityGML:1").body).corners) == 12
    found = read_gltf(scene(lods="CityGML:2", lodSelection="combined").body)
    assert len(found.corners) == 48
    lods = [
        node["extras"]["lod"] for node in found.json["nodes"] if "lod" in node.get("extras", {})
    ]
    assert sorted(lods) == ["CityGML:1", "CityGML:2"]  # nodes of their own, to be switched


def test_styles_apply_to_scenes(scene: Scene, read_gltf: Read) -> None:
    def colours(style: str) -> int:
        return len(read_gltf(scene(styles=style).body).json["materials"])

    assert (colours("thematic"), colours("plain")) == (3, 1)
    textured = read_gltf(scene(layers="signs", styles="as-is").body).json
    assert len(textured["images"]) == 3
    assert "images" not in read_gltf(scene(layers="signs", styles="plain").body).json


def test_materials_textures_and_how_they_lie(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(layers="signs").body)
    looks = {one.material["name"]: one for one in found.shapes}
    glass = looks["glass"].material
    assert glass["alphaMode"] == "BLEND"
    assert glass["pbrMetallicRoughness"]["baseColorFactor"] == pytest.approx(
        [0.214041, 0.214041, 1.0, 0.25]
    )
    assert glass["emissiveFactor"] == pytest.approx([0.010023, 0, 0], abs=1e-6)
    assert looks["green"].material["alphaMode"] == "MASK"
    assert "alphaMode" not in looks["red"].material
    red = looks["red"]
    texture = found.json["textures"][
        red.material["pbrMetallicRoughness"]["baseColorTexture"]["index"]
    ]
    image = found.json["images"][texture["source"]]
    assert image["mimeType"] == "image/png"
    assert found.view(image["bufferView"]).startswith(b"\x89PNG")
    assert found.json["samplers"][texture["sampler"]]["wrapS"] == 33071
    # glTF begins at the upper left: v is 1 at the ground and 0 at the top.
    heights = upright(red.corners)[..., 2] - HOUSE[2]
    assert red.uvs[..., 1] == pytest.approx(1 - heights, abs=1e-4)
    assert red.uvs[..., 0] == pytest.approx(red.corners[..., 0] - HOUSE[0], abs=1e-4)


def test_terrain_is_smooth_and_shares_corners(scene: Scene, read_gltf: Read) -> None:
    [shape] = read_gltf(scene(layers="hill").body).shapes
    assert len(shape.corners) == 800
    assert shape.primitive["indices"] == 0 or "indices" in shape.primitive
    normals = {tuple(point): tuple(normal) for point, normal in zip(
        shape.corners.reshape(-1, 3).round(3), shape.normals.reshape(-1, 3).round(3), strict=True
    )}  # fmt: skip
    assert len(normals) == 441  # one at each point
    assert min(normal[1] for normal in normals.values()) > 0.5  # up


def test_viewpoints_are_cameras(scene: Scene, read_gltf: Read) -> None:
    view = "500025,5700005,55,500025,5699905,155,0,0,1,90"
    found = read_gltf(scene(viewpoints=f"From the south,{view},Down,0,0,0,0,0,9,0,0,1,60").body)
    [first, second] = found.json["cameras"]
    assert [first["name"], second["name"]] == ["From the south", "Down"]
    lens = first["perspective"]
    wide = 2 * np.arctan(np.tan(lens["yfov"] / 2) * lens["aspectRatio"])
    assert np.degrees(wide) == pytest.approx(90)
    matrix = np.array(found.node("From the south")["matrix"]).reshape(4, 4).T
    assert upright(matrix[:3, 3]) == pytest.approx((500_025, 5_699_905, 155))
    half = np.sqrt(0.5)
    assert upright(-matrix[:3, 2]) == pytest.approx((0, half, -half))  # it looks along its -z
    assert upright(matrix[:3, 1]) == pytest.approx((0, half, half))
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    down = np.array(found.node("Down")["matrix"]).reshape(4, 4).T
    assert upright(down[:3, 1]) == pytest.approx((0, 1, 0))  # up is along the view: north is up
    number = found.json["nodes"].index(found.node("From the south"))
    assert number in found.json["scenes"][0]["nodes"]


def test_viewpoints_move_with_the_offset_and_the_order_of_axes(
    scene: Scene, read_gltf: Read
) -> None:
    found = read_gltf(
        scene(
            offset="500000,5700000,0", viewpoints="A,500025,5700005,55,500025,5699905,155,0,0,1,9"
        ).body
    )
    matrix = np.array(found.node("A")["matrix"]).reshape(4, 4).T
    assert upright(matrix[:3, 3]) == pytest.approx((25, -95, 155))
    # As in GetView, an Up that is too long for a direction is a point.
    found = read_gltf(
        scene(
            crs="urn:ogc:def:crs:EPSG::4326",
            offset="51,9,0",
            viewpoints="A,51.0,9.0,0,51.0,8.999,100,51.0,8.999,200,60",
        ).body
    )
    matrix = np.array(found.node("A")["matrix"]).reshape(4, 4).T
    assert upright(matrix[:3, 3]) == pytest.approx((-69.6, 0, 100), abs=0.5)
    assert upright(matrix[:3, 1])[2] > 0.5


def test_nothing_is_a_scene_too(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(boundingBox="0,0,1,1").body)
    assert found.shapes == []
    assert not {"meshes", "buffers", "accessors", "materials"} & set(found.json)


def test_a_place_without_a_place_on_earth(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(scene(layers="thing", crs="LOCAL:METRES").body)
    low, high = extent(upright(found.corners))
    assert (low, high) == (pytest.approx((0, 0, 0)), pytest.approx((1, 1, 1)))


def test_the_khronos_validator_finds_no_fault(scene: Scene, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed, which runs the Khronos validator")
    if not (HERE / "node_modules" / "gltf-validator").exists():
        pytest.skip("no gltf-validator: `make test` installs it")
    asked: list[dict[str, str]] = [
        {"layers": "town,hill,signs"},
        {"layers": "town,signs", "format": "model/gltf+json"},
        {"layers": "town,hill", "crs": "urn:ogc:def:crs:EPSG::4326", "offset": "51,9,0"},
        {"layers": "town,signs,hill", "crs": "EPSG:4326"},
        {"layers": "thing", "crs": "LOCAL:METRES", "viewpoints": "A,0,0,0,3,3,3,0,0,1,60"},
        {"layers": "town,signs,hill", "deliveryOptions": "reduceQuality"},
        {"layers": "town,signs", "deliveryOptions": "reduceQuality,textureAtlas,regroupGeometry"},
        {"boundingBox": "500005,5700000,500025,5700005", "spatialSelection": "cut"},
        {"boundingBox": "0,0,1,1"},
    ]
    files = []
    for number, query in enumerate(asked):
        files.append(tmp_path / f"{number}.gltf")
        files[-1].write_bytes(scene(**query).body)
    run = [shutil.which("node") or "node", str(HERE / "validate.cjs"), *map(str, files)]
    done = subprocess.run(run, capture_output=True, check=True, timeout=60)  # ours
    for query, report in zip(asked, json.loads(done.stdout), strict=True):
        issues = report["issues"]
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), (query, issues["messages"])
        # What the validator does not know, and views that only those extensions use.
        known = {"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT", "IMAGE_NPOT_DIMENSIONS"}
        assert {one["code"] for one in issues["messages"]} <= known, query


def test_layers_are_nodes_in_the_nodes_they_are_in(
    scene: Scene, read_gltf: Read, scene_store: SqliteSceneStore
) -> None:
    triangle = TriangleBatch(
        points=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]]) + HOUSE,
        triangles=np.array([[0, 1, 2]]),
        features=np.zeros(1, np.int64),
        lods=np.full(1, lod.ANY, np.uint8),
        masks=np.full(1, lod.bit(lod.ANY), np.uint32),
        materials=np.zeros(1, np.uint32),
        surfaces=np.zeros(1, np.uint8),
    )
    crs = Crs("EPSG:25832", "EPSG:25832")
    for name, parent in (("street", "town"), ("tree", "street"), ("pond", "park")):
        with scene_store.write(LayerDraft(name, name.title(), crs, parent=parent)) as writer:
            number = writer.feature(FeatureDraft(name, "Thing"))
            writer.triangles(replace(triangle, features=np.array([number])))
    found = read_gltf(scene(layers="tree,pond,town").body)

    def children(name: str) -> set[str]:
        numbers = found.node(name).get("children", [])
        return {found.json["nodes"][number]["name"] for number in numbers}

    assert children("place") == {"Town", "park"}  # `park` only holds the other
    assert "Street" in children("Town")
    assert children("Street") >= {"Tree"}
    assert children("park") == {"Pond"}
    assert len(found.corners) == 36 + 3
