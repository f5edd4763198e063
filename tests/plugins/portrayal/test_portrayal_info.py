"""GetFeatureInfo on a store: by id, by place, by ray."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gotapi_portrayal.answers import World, answer
from gotapi_portrayal.capabilities.build import build
from gotapi_portrayal.catalogue import Service
from gotapi_portrayal.check import Shelf
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.info.nearby import near
from gotapi_portrayal.info.trees import Trees
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.errors import OwsError
from gotapi_portrayal.request.kvp import read_query

EAST, NORTH = 500_000.0, 5_700_000.0  # of the first house; 10 m wide, 20 m to the next
BASE = "SERVICE=3DPS&VERSION=1.0&FORMAT=application/json&LAYERS="


@pytest.fixture
def world(scene_store: SqliteSceneStore) -> World:
    catalogue = build(scene_store.layers(), scene_store.sequence(), Service())
    return World(scene_store, Shelf(catalogue), "http://127.0.0.1/3dps")


def ask(world: World, rest: str, layers: str = "town") -> list[Any]:
    request = read_fields(read_query(f"{BASE}{layers}&REQUEST=GetFeatureInfo{rest}".encode()))
    found = answer(world, request)
    assert found.media == "application/json"
    return list(json.loads(found.body)["featureInfo"])


def ids(found: list[Any]) -> list[str]:
    return [one["featureId"] for one in found]


def position(world: World, coordinate: str, rest: str = "", crs: str = "EPSG:25832") -> list[Any]:
    return ask(world, f"ByPosition&CRS={crs}&COORDINATE={coordinate}{rest}")


def ray(world: World, poc: str, poi: str, **changes: str) -> list[Any]:
    given = {"crs": "EPSG:25832", "pixel": "50,50", "count": "1", "layers": "town"} | changes
    camera = f"Perspective,{poc},{poi},,,,60,60,,"
    return ask(
        world,
        f"ByRay&CRS={given['crs']}&WIDTH=101&HEIGHT=101&PROJECTION={camera}"
        f"&IMAGEPOSITION={given['pixel']}&FEATURECOUNT={given['count']}",
        given["layers"],
    )


# By object id


def test_by_object_id_in_the_order_asked_for(world: World) -> None:
    found = ask(world, "ByObjectId&OBJECTID=town-2,town-0,nothing")
    assert ids(found) == ["town-2", "town-0"]
    [group] = found[0]["attributes"]
    assert group["values"] == {"storeys": 3, "street": "<A & B>"}
    assert found[0]["typeName"] == "Building"


def test_by_the_numbers_that_answers_and_pictures_give(world: World) -> None:
    [first] = ask(world, "ByObjectId&OBJECTID=town-1")
    [again] = ask(world, f"ByObjectId&OBJECTID={first['objectId']}")
    assert again == first
    assert ask(world, "ByObjectId&OBJECTID=999999999") == []


def test_a_number_of_another_layer_is_not_found(world: World) -> None:
    [hidden] = ask(world, "ByObjectId&OBJECTID=hidden-1", layers="hidden")
    assert ask(world, f"ByObjectId&OBJECTID={hidden['objectId']}") == []


def test_identifiers_only(world: World) -> None:
    [one] = ask(world, "ByObjectId&OBJECTID=town-1&IDONLY=TRUE")
    assert (one["featureId"], one["typeName"], one["attributes"]) == ("town-1", "", [])


# By position


def test_a_place_inside_of_a_feature(world: World) -> None:
    [found] = position(world, f"{EAST + 5},{NORTH + 5},55")
    assert (found["featureId"], found["distance"]) == ("town-0", 0)


def test_the_nearest_features_first_within_the_tolerance(world: World) -> None:
    place = f"{EAST + 13},{NORTH + 5},55"  # 3 m from one, 7 m from the next
    found = position(world, place, "&FEATURECOUNT=5")
    assert [(one["featureId"], one["distance"]) for one in found] == [("town-0", 3), ("town-1", 7)]
    assert ids(position(world, place, "&FEATURECOUNT=5&TOLERANCE=3.5")) == ["town-0"]
    assert ids(position(world, place, "&FEATURECOUNT=5&TOLERANCE=60")) == [
        "town-0",
        "town-1",
        "town-2",
    ]
    assert position(world, place, "&TOLERANCE=0") == []


def test_the_middle_of_a_hall_is_far_from_its_walls(world: World) -> None:
    [found] = position(world, f"{EAST + 5},{NORTH + 5},55", "&TOLERANCE=0.1")
    assert (found["featureId"], found["distance"]) == ("town-0", 0)


def test_two_coordinates_are_at_any_height(world: World) -> None:
    found = position(world, f"{EAST + 25},{NORTH + 5}")
    assert [(one["featureId"], one["distance"]) for one in found] == [("town-1", 0)]
    beside = position(world, f"{EAST + 25},{NORTH - 4}")
    assert [(one["featureId"], one["distance"]) for one in beside] == [("town-1", 4)]


def test_a_place_in_degrees_in_both_orders(world: World) -> None:
    # The central meridian of zone 32 is at 9 degrees, where its false easting is 500 km.
    import pyproj

    way = pyproj.Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True)
    lon, lat = way.transform(EAST + 5, NORTH + 5)
    assert ids(position(world, f"{lon},{lat}", crs="EPSG:4326")) == ["town-0"]
    official = position(world, f"{lat},{lon}", crs="urn:ogc:def:crs:EPSG::4326")
    assert ids(official) == ["town-0"]
    assert position(world, f"{lat},{lon}", crs="EPSG:4326") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("ByPosition&CRS=EPSG:25832%2B7837&COORDINATE=1,2", "InvalidParameterValue"),
        ("ByPosition&CRS=EPSG:4326&COORDINATE=9,95,0", "InvalidParameterValue"),
        ("ByPosition&CRS=EPSG:28992&COORDINATE=1,2,3", "CRSNotSupported"),
    ],
)
def test_places_that_cannot_be(world: World, query: str, code: str) -> None:
    with pytest.raises(OwsError) as caught:
        ask(world, query)
    assert caught.value.code.value == code


# By ray


def test_a_ray_finds_the_first_feature_and_those_behind(world: World) -> None:
    west = f"{EAST - 50},{NORTH + 5},55"
    eastward = f"{EAST},{NORTH + 5},55"
    found = ray(world, west, eastward)
    assert [(one["featureId"], one["distance"]) for one in found] == [("town-0", 50)]
    behind = ray(world, west, eastward, count="9")
    assert [one["distance"] for one in behind] == [50, 70, 90]


def test_a_ray_into_the_sky_finds_nothing(world: World) -> None:
    west = f"{EAST - 50},{NORTH + 5},55"
    assert ray(world, west, f"{EAST},{NORTH + 5},55", pixel="50,0") == []


def test_a_ray_through_another_pixel_meets_what_is_there(world: World) -> None:
    above = f"{EAST + 25},{NORTH + 5},100"
    below = f"{EAST + 25},{NORTH + 5.001},50"
    assert ids(ray(world, above, below)) == ["town-1"]
    # 60 degrees over 101 pixels: the roofs are 40 m below, so 20 m aside are 43.7 pixels.
    assert ids(ray(world, above, below, pixel="94,50")) == ["town-2"]
    assert ids(ray(world, above, below, pixel="6,50")) == ["town-0"]


def test_a_ray_in_degrees_and_in_mercator(world: World) -> None:
    import pyproj

    for crs in ("EPSG:4326", "EPSG:3857"):
        way = pyproj.Transformer.from_crs("EPSG:25832", crs, always_xy=True)
        eye = ",".join(map(repr, way.transform(EAST - 50, NORTH + 5)))
        target = ",".join(map(repr, way.transform(EAST, NORTH + 5)))
        [found] = ray(world, f"{eye},55", f"{target},55", crs=crs)
        assert (found["featureId"], found["distance"]) == ("town-0", pytest.approx(50, abs=0.05))


def test_every_layer_has_a_count_of_its_own(world: World) -> None:
    above = f"{EAST + 5},{NORTH + 5},100"
    found = ray(world, above, f"{EAST + 5},{NORTH + 5.001},50", layers="hidden,town")
    assert ids(found) == ["town-0"]
    both = ask(
        world, f"ByPosition&CRS=EPSG:25832&COORDINATE={EAST},{NORTH + 50}&TOLERANCE=60",
        layers="hidden,town",
    )  # fmt: skip
    assert ids(both) == ["hidden-0", "town-0"]  # in the order of Layers


def test_a_layer_too_large_for_memory_is_followed_piece_by_piece(world: World) -> None:
    [layer] = [one for one in world.store.layers() if one.name == "town"]
    start = np.array([EAST - 50, NORTH + 5, 55.0])
    for direction in ((1.0, 0.0, 0.0), (1.0, 0.02, -0.01)):
        along = np.array(direction) / np.linalg.norm(direction)
        whole = Trees().pick(world.store, layer, start, along, 3)
        pieces = Trees(largest=0).pick(world.store, layer, start, along, 3)
        assert [one for one, _ in pieces] == [one for one, _ in whole]
        assert [far for _, far in pieces] == pytest.approx([far for _, far in whole], abs=1e-3)
        assert len(whole) == 3
        [one] = Trees(largest=0).pick(world.store, layer, start, along, 1)
        assert one[0] == whole[0][0]
    assert Trees(largest=0).pick(world.store, layer, start, np.array([0.0, 0.0, 1.0]), 3) == []


@pytest.mark.parametrize("place", [(EAST + 13, NORTH + 5, 55.0), (EAST + 5, NORTH + 5)])
def test_places_in_a_layer_too_large_for_memory(world: World, place: tuple[float, ...]) -> None:
    layer = world.store.layer("town")
    assert layer is not None
    whole = near(Trees(), world.store, layer, place, 10.0, 9)
    assert near(Trees(largest=0), world.store, layer, place, 10.0, 9) == whole
    assert whole


def test_trees_are_kept_until_their_layer_changes(
    world: World, fill_layer: Any, tmp_path: Path
) -> None:
    trees = Trees(room=1)
    start, down = np.array([EAST + 5, NORTH + 5, 100.0]), np.array([0.0, 0.0, -1.0])
    town, hidden = (world.store.layer(name) for name in ("town", "hidden"))
    assert town is not None
    assert hidden is not None
    first = trees.pick(world.store, town, start, down, 1)
    assert trees.pick(world.store, town, start, down, 1) == first
    assert trees.pick(world.store, hidden, start, down, 1) == []
    fill_layer(world.store, "town", north=NORTH + 1000)
    changed = world.store.layer("town")
    assert changed is not None
    assert trees.pick(world.store, changed, start, down, 1) == []


def test_formats(world: World) -> None:
    for media in ("text/xml", "text/html", "text/plain"):
        query = f"{BASE}town&REQUEST=GetFeatureInfoByObjectId&OBJECTID=town-1"
        request = read_fields(read_query(query.replace("application/json", media).encode()))
        found = answer(world, request)
        assert found.media == f"{media}; charset=utf-8"
        assert b"town-1" in found.body
