"""Scenes as trees of tiles: what is in them, where they are, and the links to them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.scene import asked as asked_module
from gotapi_portrayal.scene import tiling
from gotapi_portrayal.scene.tiling import Entries

Ask = Callable[..., Answer]
Read = Callable[[bytes], Any]

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
INDEX = {"deliveryOptions": "spatialIndex"}
TO_EARTH = pyproj.Transformer.from_crs("EPSG:25832", "EPSG:4979", always_xy=True)
TO_CENTRE = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "FULL", 20)  # a house has 12 triangles


def tiles(tile: dict[str, Any], above: np.ndarray) -> Iterator[dict[str, Any]]:
    """Tiles with the matrix that brings their content to earth."""
    matrix = above @ np.array(tile["transform"]).reshape(4, 4).T
    yield tile | {"matrix": matrix}
    for child in tile.get("children", []):
        yield from tiles(child, matrix)


def every_tile(answer: Answer) -> list[dict[str, Any]]:
    assert answer.media == "application/json+3dtiles"
    tileset = json.loads(answer.body)
    assert tileset["asset"]["version"] == "1.1"
    return list(tiles(tileset["root"], np.eye(4)))


def contents(answer: Answer) -> list[dict[str, Any]]:
    """The tiles with everything in them."""
    return [tile for tile in every_tile(answer) if "content" in tile and "children" not in tile]


def geocentric(points: np.ndarray) -> np.ndarray:
    east, north, _ = TO_EARTH.transform(points[:, 0], points[:, 1], points[:, 2])
    return np.column_stack(TO_CENTRE.transform(east, north, points[:, 2]))


def placed(tile: dict[str, Any], corners: np.ndarray) -> np.ndarray:
    """Corners of a content where the tile puts them (3D Tiles 6.7.1.6)."""
    matrix = tile["matrix"]
    upright = corners.reshape(-1, 3)[:, [0, 2, 1]] * (1, -1, 1)  # y up becomes z up
    return upright @ matrix[:3, :3].T + matrix[:3, 3]


def test_every_house_is_in_one_tile_and_where_it_is_on_earth(
    scene: Ask, ask: Ask, read_gltf: Read
) -> None:
    leaves = contents(scene(**INDEX))
    assert len(leaves) == 3
    found = []
    for tile in leaves:
        answer = ask(tile["content"]["uri"])
        assert answer.media == "model/gltf-binary"
        shapes = read_gltf(answer.body)
        assert len(shapes.corners) == 12
        assert shapes.table()["id"][0].startswith("town-")
        found.append(placed(tile, shapes.corners))
        matrix = tile["matrix"]
        assert matrix[:3, :3] @ matrix[:3, :3].T == pytest.approx(np.eye(3), abs=1e-9)
    whole = read_gltf(scene().body).corners.reshape(-1, 3)[:, [0, 2, 1]] * (1, -1, 1)
    wanted = geocentric(whole)
    points = np.concatenate(found)
    assert len(points) == len(wanted)
    assert np.sort(points, axis=0) == pytest.approx(np.sort(wanted, axis=0), abs=2e-3)


def test_volumes_hold_what_is_in_them_and_errors_fall(scene: Ask) -> None:
    tileset = json.loads(scene(**INDEX).body)
    assert tileset["geometricError"] >= tileset["root"]["geometricError"] > 0

    def check(tile: dict[str, Any]) -> None:
        west, south, east, north, low, high = tile["boundingVolume"]["region"]
        assert tile["refine"] == ("REPLACE" if {"children", "content"} <= set(tile) else "ADD")
        for child in tile.get("children", []):
            inner = child["boundingVolume"]["region"]
            assert west <= inner[0] + 1e-12
            assert south <= inner[1] + 1e-12
            assert inner[2] <= east + 1e-12
            assert inner[3] <= north + 1e-12
            assert low <= inner[4] <= inner[5] <= high
            assert child["geometricError"] <= tile["geometricError"]
            check(child)
        assert tile.get("children") or "content" in tile

    check(tileset["root"])
    region = tileset["root"]["boundingVolume"]["region"]
    assert np.degrees(region[:2]) == pytest.approx((9.0, 51.4513), abs=1e-3)
    assert region[4:] == [50, 60]


def test_from_far_away_the_largest_features_stand_for_all(
    scene: Ask,
    ask: Ask,
    read_gltf: Read,
    scene_store: SqliteSceneStore,
    write_houses: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiling, "FULL", 30)  # two houses and a half
    write_houses(scene_store, "row", (10, 40, 20, 30, 5))
    found = every_tile(scene(layers="row", **INDEX))
    top = found[0]
    assert top["refine"] == "REPLACE"
    content = read_gltf(ask(top["content"]["uri"]).body)
    assert content.table()["id"] == ["row-1", "row-3"]  # of 40 and of 30 m
    assert top["geometricError"] == pytest.approx(20 * 3**0.5, rel=1e-5)
    where = placed(top, content.corners)
    wanted = geocentric(CORNERS * 40 + (500_100, 5_700_000, 50))
    assert where.min(axis=0)[0] < wanted.min(axis=0)[0] + 0.01
    assert min(np.linalg.norm(where - wanted[0], axis=1)) < 2e-3
    assert len(contents(scene(layers="row", **INDEX))) >= 3


def test_of_features_of_one_size_none_stands_for_the_others(scene: Ask, ask: Ask) -> None:
    top, *others = every_tile(scene(**INDEX))
    assert top["geometricError"] == pytest.approx(10 * 3**0.5, rel=1e-5)
    assert "content" not in top
    assert (top["refine"], len(others)) == ("ADD", 4)


def test_the_tileset_is_a_format_of_its_own_too(scene: Ask) -> None:
    assert len(contents(scene(format="application/json+3dtiles"))) == 3


def test_where_nothing_is_on_earth_tiles_are_in_metres(
    scene: Ask, ask: Ask, read_gltf: Read
) -> None:
    [tile] = contents(scene(layers="thing", crs="LOCAL:METRES", **INDEX))
    assert tile["boundingVolume"]["box"][:4] == [0, 0, 0, 0.5]
    corners = placed(tile, read_gltf(ask(tile["content"]["uri"]).body).corners)
    assert corners.min(axis=0) == pytest.approx((0, 0, 0))
    assert corners.max(axis=0) == pytest.approx((1, 1, 1))


def test_an_index_of_nothing_has_no_content(scene: Ask) -> None:
    answer = scene(boundingBox="0,0,1,1", **INDEX)
    assert contents(answer) == []
    root = json.loads(answer.body)["root"]
    assert "children" not in root


@pytest.mark.parametrize("crs", ["EPSG:25832", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"])
@pytest.mark.parametrize("how", ["overlaps", "contains_center", "cut"])
def test_tiles_of_a_box_have_what_the_scene_has(
    scene: Ask, ask: Ask, read_gltf: Read, crs: str, how: str
) -> None:
    # The box ends in the middle of the second house, 1 m before its centre.
    box = "499990,5699990,500024,5700020,EPSG:25832"
    if crs != "EPSG:25832":
        west, south = TO_EARTH.transform(499990, 5699990)
        east, north = TO_EARTH.transform(500024, 5700020)
        box = f"{west},{south},{east},{north},EPSG:4326"
    asked = {"crs": crs, "boundingBox": box, "spatialSelection": how}
    whole = read_gltf(scene(**asked).body)
    assert len(whole.corners) == {"overlaps": 24, "contains_center": 12}.get(
        how, len(whole.corners)
    )
    points = [
        placed(tile, read_gltf(ask(tile["content"]["uri"]).body).corners)
        for tile in contents(scene(**asked, **INDEX))
    ]
    crossed = [np.cross(p[1::3] - p[::3], p[2::3] - p[::3]) for p in points]
    area = sum(float(np.linalg.norm(one, axis=1).sum() / 2) for one in crossed)
    inside = {"overlaps": 1200, "contains_center": 600, "cut": 600 + 100 + 4 * 40}[how]
    assert area == pytest.approx(inside, rel=0.01)


def test_options_and_styles_of_the_request_hold_for_tiles(
    scene: Ask, ask: Ask, read_gltf: Read
) -> None:
    tile, *_ = contents(
        scene(styles="plain", deliveryOptions="spatialIndex,reduceQuality,regroupGeometry")
    )
    [shape] = read_gltf(ask(tile["content"]["uri"]).body).shapes
    assert shape.normals is None
    assert shape.ids is None


def test_links_are_refused_when_the_layer_changed(
    scene: Ask, ask: Ask, scene_store: SqliteSceneStore, write_town: Callable[..., None]
) -> None:
    tile, *_ = contents(scene(**INDEX))
    uri = tile["content"]["uri"]
    first = ask(uri).body
    write_town(scene_store, "elsewhere")  # another layer does not matter
    assert ask(uri).body == first
    write_town(scene_store, "town")
    with pytest.raises(OwsError, match="no more") as caught:
        ask(uri)
    assert (caught.value.status, caught.value.locator) == (404, "resourceId")


def test_links_to_what_is_private_are_for_those_who_may_have_it(scene: Ask, ask: Ask) -> None:
    tile, *_ = contents(scene(private=True, layers="hidden", **INDEX))
    assert ask(tile["content"]["uri"], private=True).body.startswith(b"glTF")
    with pytest.raises(OwsError, match="no resource"):
        ask(tile["content"]["uri"])
    everything, *_ = contents(scene(private=True, layers="", **INDEX))
    with pytest.raises(OwsError, match="no resource"):
        ask(everything["content"]["uri"])


def test_a_link_is_short_and_a_call_of_its_own(scene: Ask) -> None:
    tile, *_ = contents(
        scene(styles="thematic", boundingBox="499990,5699990,500030,5700020", **INDEX)
    )
    parts = urlsplit(tile["content"]["uri"])
    query = parse_qs(parts.query)
    assert query["request"] == ["GetResourceById"]
    assert query["outputFormat"] == ["model/gltf-binary"]
    assert len(query["resourceId"][0]) < 250


def test_a_request_too_long_for_links_is_refused(scene: Ask) -> None:
    offset = ",".join(f"{5.123456789012345e5 + n}" for n in range(3))
    styles = "overlaps"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked_module, "MOST_TOKEN", 60)
        with pytest.raises(OwsError, match="too long") as caught:
            scene(offset=offset, spatialSelection=styles, **INDEX)
    assert caught.value.code is Code.FORMAT_CAPABILITY_MISSING


@pytest.mark.parametrize(
    "path", ["9-9-9.glb", "0-0-0.glb", "0-0-0", "x.glb", "1-0-0.glb/more", "tileset.json"]
)
def test_paths_that_are_none_are_not_found(scene: Ask, ask: Ask, path: str) -> None:
    tile, *_ = contents(scene(**INDEX))
    [resource] = parse_qs(urlsplit(tile["content"]["uri"]).query)["resourceId"]
    place, token, _ = resource.split("/")
    for name in (
        f"{place}/{token}/{path}",
        f"{place}/{token}",
        f"{place}",
        f"nothing/{token}/{path}",
    ):
        with pytest.raises(OwsError, match="resource") as caught:
            ask(f"request=GetResourceById&resourceId={name}&outputFormat=model/gltf-binary")
        assert caught.value.status == 404


def test_another_output_format_is_refused(scene: Ask, ask: Ask) -> None:
    tile, *_ = contents(scene(**INDEX))
    uri = tile["content"]["uri"].replace("model/gltf-binary", "image/png")
    with pytest.raises(OwsError, match="outputFormat") as caught:
        ask(uri)
    assert caught.value.code is Code.INVALID_PARAMETER_VALUE


FORGED = [
    {"spatial": "sideways"}, {"lod_selection": "most"}, {"layers": ("nothing",)},
    {"styles": ("plain", "plain")}, {"lods": ("CityGML:2", "")}, {"styles": ("none",)},
    {"offset": (float("nan"), 0.0, 0.0)}, {"crs": "EPSG:31467"}, {"format": "image/png"},
    {"box": ((0.0, 0.0), (1.0,), "", False)}, {"box": ((2.0, 0.0), (1.0, 1.0), "", False)},
    {"box": ((0.0,), (1.0,), "", False)}, {"box": ((0.0, float("inf")), (1.0, 1.0), "", False)},
    {"box": ((0.0, 0.0), (1.0, 1.0), "EPSG:1", False)}, {"layers": (), "styles": ("x",)},
    {"layers": (), "lods": ("a", "b")}, {"digest": b"12345678"}, {"options": ("none",)},
]  # fmt: skip


@pytest.mark.parametrize("change", FORGED)
def test_a_forged_link_is_none(scene: Ask, ask: Ask, change: dict[str, Any]) -> None:
    tile, *_ = contents(scene(**INDEX))
    [resource] = parse_qs(urlsplit(tile["content"]["uri"]).query)["resourceId"]
    place, token, path = resource.split("/")
    link = asked_module._unpacked(token)
    assert link is not None
    packed = b"p" + msgspec.msgpack.encode(msgspec.structs.replace(link, **change))
    forged = asked_module.base64.urlsafe_b64encode(packed).decode().rstrip("=")
    with pytest.raises(OwsError, match="no resource"):
        ask(
            f"request=GetResourceById&resourceId={place}/{forged}/{path}&outputFormat=model/gltf-binary"
        )


@given(st.text("ABCXYZabcxyz0189-_~:", max_size=60) | st.binary(max_size=80).map(
    lambda data: asked_module.base64.urlsafe_b64encode(b"z" + data).decode().rstrip("=")
))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_a_token_of_anybody_is_none(token: str) -> None:
    assert asked_module._unpacked(token) is None


def test_a_token_that_unpacks_to_much_is_none() -> None:
    bomb = b"z" + asked_module.zlib.compress(b"\0" * 200_000, 9)
    token = asked_module.base64.urlsafe_b64encode(bomb).decode().rstrip("=")
    assert len(token) < asked_module.MOST_TOKEN
    assert asked_module._unpacked(token) is None
    assert asked_module._unpacked("A" * 401) is None


boxes = st.lists(
    st.tuples(*[st.floats(-1e6, 1e6)] * 3, *[st.floats(0, 100)] * 3, st.integers(1, 60)),
    max_size=60,
)


@given(boxes)
@settings(max_examples=80, deadline=None)
def test_a_tree_has_everything_once(rows: list[tuple[float, ...]]) -> None:
    low = np.array([row[:3] for row in rows]).reshape(-1, 3)
    sizes = np.array([row[3:6] for row in rows]).reshape(-1, 3)
    counts = np.array([int(row[6]) for row in rows], np.int64)
    entries = Entries(np.hstack((low, low + sizes)), counts)
    tree = tiling.tree(entries, (1.0, 1.0, 1.0))
    assert tree.root.triangles == counts.sum()
    leaves = [tile for tile in tree.tiles.values() if not tile.children]
    holding = np.array([tree.inside(tile, entries) for tile in leaves]).reshape(len(leaves), -1)
    assert (holding.sum(axis=0) == 1).all()
    sizes = entries.sizes((1.0, 1.0, 1.0))
    for tile in tree.tiles.values():
        if tile.children:
            alone = tree.inside(replace(tile, children=()), entries)
            assert counts[alone].sum() == tile.shown <= tiling.FULL
            assert (sizes[alone] > tile.missing).all()
            assert all(child.missing <= tile.missing for child in tile.children)
    for tile, mine in zip(leaves, holding, strict=True):
        assert tile.shown == tile.triangles
        assert tile.triangles == counts[mine].sum()
        assert tile.error == 0
        if mine.any():
            assert (entries.boxes[mine, :3] >= np.array(tile.box.low)).all()
            assert (entries.boxes[mine, 3:] <= np.array(tile.box.high)).all()
        full = tile.triangles > tiling.FULL and mine.sum() > 1
        assert not full or tile.level == tiling.DEEPEST
