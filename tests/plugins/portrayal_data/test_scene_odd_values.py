"""Values that are text or numbers in a file and trouble elsewhere."""

import json
from typing import Any

import pytest

from gotapi_portrayal.data.types import SceneError

SQUARE = {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]]]}


def city(name: str, attributes: Any) -> bytes:
    objects = {
        name: {"type": "Building", "attributes": attributes, "geometry": [SQUARE]},
        "good": {"type": "Building", "geometry": [SQUARE]},
    }
    return json.dumps({
        "type": "CityJSON", "version": "2.0", "CityObjects": objects,
        "vertices": [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
    }).encode()  # fmt: skip


@pytest.mark.parametrize(
    "value", [10**30, -(10**30), 2**64, 2**63, -(2**63), 1e308, "\0", "a" * 100_000, ""]
)
def test_odd_values_are_kept_or_told(imported, store, value: Any) -> None:
    done = imported(city("odd", {"value": value}), crs="EPSG:25832")
    known = store.features_by_id("new", ["good", "odd"])
    assert "good" in known
    told = {one.fault.object_id for one in done.faults}
    assert ("odd" in known) != ("odd" in told)
    if "odd" in known and isinstance(value, int):
        assert known["odd"].attributes["value"] in (value, str(value))


@pytest.mark.parametrize("name", ["\0", "a\0b", "x" * 10_000, "", "ä", "'; DROP TABLE a"])
def test_odd_ids_are_kept_or_told(imported, store, name: str) -> None:
    done = imported(city(name, {}), crs="EPSG:25832")
    assert "good" in store.features_by_id("new", ["good"])
    kept = name[:500]
    if not done.faults:
        assert list(store.features_by_id("new", [kept])) == [kept]


@pytest.mark.parametrize("depth", [30, 200, 500, 800])
def test_attributes_of_any_depth_are_cut_or_told(imported, store, depth: int) -> None:
    text = city("deep", {"value": "HERE"})
    for left, right in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = text.replace(b'"HERE"', left * depth + b"1" + right * depth)
        imported(deep, crs="EPSG:25832")
        assert "good" in store.features_by_id("new", ["good"])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("\ud800", "1", "no CityJSON"),  # half of a letter is no JSON
        ("a", "[" * 5_000 + "]" * 5_000, "nested too deeply"),
    ],
)
def test_what_no_reader_could_take_is_refused(imported, store, name, value, words: str) -> None:
    with pytest.raises(SceneError, match=words):
        imported(city(name, {"value": "HERE"}).replace(b'"HERE"', value.encode()))
    assert store.layers() == ()


@pytest.mark.parametrize("text", ["9" * 30, "9" * 5_000, "nan", "inf", "-inf", "1e999", "1_0"])
def test_odd_measures_of_citygml_do_no_harm(imported, store, text: str) -> None:
    content = f"""<CityModel xmlns="http://www.opengis.net/citygml/2.0"
     xmlns:b="http://www.opengis.net/citygml/building/2.0" xmlns:gml="http://www.opengis.net/gml">
    <cityObjectMember><b:Building gml:id="a"><b:measuredHeight uom="m">{text}</b:measuredHeight>
    <b:storeysAboveGround>{text}</b:storeysAboveGround><b:lod1MultiSurface><gml:MultiSurface>
    <gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>0 0 0 1 0 0 0 1 0
    0 0 0</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>
    </gml:MultiSurface></b:lod1MultiSurface></b:Building></cityObjectMember></CityModel>"""
    imported(content.encode(), crs="EPSG:25832")
    [feature] = store.features_by_id("new", ["a"]).values()
    assert set(feature.attributes) == {"measuredHeight", "storeysAboveGround"}
