"""Real city models and terrain of others: what is in them is known."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.types import Box, Lods, Spatial

Real = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "crs", "lods", "features", "triangles", "faults"),
    [
        ("delft.json", "EPSG:7415", ("1",), 570, 36_267, 1),
        ("multi_lod.json", "", ("1.2", "1.3", "2.2"), 10, 752, 1),
        ("zurich_subset_lod2.json", "EPSG:2056", ("2",), 210, 5_142, 0),
        ("plateau_citygml2.gml", "EPSG:6691+6695", ("0", "1", "2"), 1, 2_840, 1),
        ("plateau_citygml3.gml", "EPSG:6691+6695", ("0", "1", "2"), 1, 2_840, 1),
        ("lod2_buildings_v3.gml", "EPSG:3068+5783", ("2",), 100, 1_600, 0),
        ("building_lod3_citygml3.gml", "EPSG:25832+5783", ("3",), 5, 2_975, 2),
    ],
)
def test_a_city_is_read(store, real: Real, name, crs, lods, features, triangles, faults) -> None:
    done = import_layer(store, Order((str(real(name)),), "city"))
    layer = done.layer
    assert (layer.crs.name, layer.lods) == (crs, lods)
    assert (layer.features, layer.triangles, len(done.faults)) == (features, triangles, faults)


def test_one_building_in_two_encodings_is_the_same(store, real: Real, area_of) -> None:
    found = []
    for number in (2, 3):
        import_layer(store, Order((str(real(f"plateau_citygml{number}.gml")),), f"v{number}"))
        parts = list(store.query(f"v{number}", None, Lods("2")))
        found.append((sum(map(area_of, parts)), store.layer(f"v{number}").box))
    assert found[0] == found[1]
    low, high = found[0][1].low, found[0][1].high
    assert (high[0] - low[0], high[1] - low[1]) == pytest.approx((119.8, 63.9), abs=0.5)


def test_terrain_in_degrees_becomes_metres(store, real: Real) -> None:
    done = import_layer(store, Order((str(real("jacksboro_dem.npz")),), "dem", crs="EPSG:4326"))
    assert (done.layer.crs.name, done.layer.triangles) == ("EPSG:32616", 2 * 343 * 402)
    assert (done.layer.box.low[2], done.layer.box.high[2]) == (236, 1076)


def test_halves_of_a_city_are_the_city(store, real: Real, area_of) -> None:
    layer = import_layer(store, Order((str(real("delft.json")),), "delft")).layer
    whole = sum(area_of(part) for part in store.query("delft"))
    middle = layer.box.centre[0]
    (x, y, z), (a, b, c) = layer.box.low, layer.box.high
    halves = [Box((x, y, z), (middle, b, c)), Box((middle, y, z), (a, b, c))]
    cut = [
        area_of(part) for half in halves for part in store.query("delft", half, None, Spatial.CUT)
    ]
    assert sum(cut) == pytest.approx(whole, rel=1e-5)
    centres = [
        len(part.features)
        for half in halves
        for part in store.query("delft", half, None, Spatial.CONTAINS_CENTER)
    ]
    assert sum(centres) == 570
