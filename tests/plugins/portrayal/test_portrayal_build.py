"""From layers of the store to the catalogue: nesting, CRS, boxes, LODs."""

import msgspec
import pytest

from gotapi_portrayal import offer
from gotapi_portrayal.capabilities.build import build, crs_info
from gotapi_portrayal.capabilities.document import document
from gotapi_portrayal.catalogue import LOCAL, Catalogue, Extension, Layer, Service, walk
from gotapi_portrayal.data.types import Box, Crs
from gotapi_portrayal.data.types import Layer as Stored
from gotapi_portrayal.request.types import GetCapabilities

UTM = Crs("EPSG:25832+7837", "EPSG:25832", "EPSG:7837")
DUTCH = Crs("EPSG:7415", "EPSG:28992", "EPSG:5709")


def stored(name: str, **members: object) -> Stored:
    plain = Stored(
        name=name,
        title=name.title(),
        kind="city",
        crs=UTM,
        box=Box((500_000.0, 5_700_000.0, 50.0), (501_000.0, 5_701_000.0, 90.0)),
        lods=("2",),
        version=1,
        features=3,
        triangles=36,
    )
    return msgspec.structs.replace(plain, **members)


def built(*layers: Stored) -> Catalogue:
    return build(layers, 5, Service())


def shape(layers: tuple[Layer, ...]) -> list[object]:
    return [(one.id, shape(one.layers)) if one.layers else one.id for one in layers]


def test_layers_stand_in_those_they_name() -> None:
    found = built(stored("a"), stored("b", parent="a"), stored("c", parent="b"), stored("d"))
    assert shape(found.layers) == [("a", [("b", ["c"])]), "d"]


def test_a_parent_without_data_is_made() -> None:
    found = built(stored("b", parent="town"), stored("c", parent="town", public=False))
    assert shape(found.layers) == [("town", ["b", "c"])]
    [town] = found.layers
    assert (town.data, town.public, town.queryable) == (False, True, True)
    hidden = built(stored("c", parent="town", public=False))
    assert not hidden.layers[0].public


def test_parents_that_cannot_be_are_none() -> None:
    circle = built(stored("a", parent="b"), stored("b", parent="a"), stored("c", parent="c"))
    assert shape(circle.layers) == ["a", "b", "c"]
    nowhere = Crs()
    assert shape(built(stored("a"), stored("m", parent="a", crs=nowhere)).layers) == ["a", "m"]
    apart = built(stored("m", parent="x", crs=nowhere), stored("n", parent="x"))
    assert shape(apart.layers) == ["m", "n"]


def test_the_crs_of_a_layer_and_its_boxes() -> None:
    found = built(stored("a"))
    [layer] = found.layers
    assert layer.crs == ("EPSG:25832+7837", "EPSG:25832", "EPSG:4326", "CRS:84", "EPSG:3857")
    boxes = {box.crs: box for box in layer.boxes}
    assert set(boxes) == set(layer.crs)
    assert boxes["EPSG:25832+7837"].low == (500_000, 5_700_000, 50)
    assert boxes["EPSG:25832"].high == (501_000, 5_701_000)
    # The central meridian of the zone is at 9 degrees east.
    west, south, east, north = layer.wgs84 or (0, 0, 0, 0)
    assert west == pytest.approx(9, abs=1e-6)
    assert (9.01 < east < 9.02, 51.4 < south < north < 51.5) == (True, True)
    assert boxes["EPSG:4326"].low == boxes["CRS:84"].low == (west, south)


def test_what_is_nowhere_on_earth() -> None:
    found = built(stored("model", crs=Crs(), kind="model", lods=()))
    [layer] = found.layers
    assert (layer.crs, layer.wgs84) == ((LOCAL,), None)
    assert layer.boxes[0].low == (500_000, 5_700_000, 50)
    assert found.crs[LOCAL].has_height
    assert document(found, GetCapabilities(), "http://a/3dps")


@pytest.mark.parametrize(
    ("name", "geographic", "north_first", "has_height"),
    [
        ("EPSG:4326", True, True, False),
        ("CRS:84", True, False, False),
        ("EPSG:25832", False, False, False),
        ("EPSG:25832+7837", False, False, True),
        ("EPSG:7415", False, False, True),
        ("EPSG:31467", False, True, False),
    ],
)
def test_what_is_known_of_a_crs(
    name: str, geographic: bool, north_first: bool, has_height: bool
) -> None:
    found = crs_info(name)
    assert (found.geographic, found.north_first, found.has_height) == (
        geographic,
        north_first,
        has_height,
    )


def test_lods_have_the_prefix_of_their_scheme() -> None:
    found = built(stored("a", lods=("1.2", "2")), stored("b", crs=DUTCH, lods=("2.2",)))
    assert found.layers[0].lods == ("TUDelft:1.2", "CityGML:2")
    assert {scheme.id: scheme.lods for scheme in found.lod_schemes} == {
        "CityGML": tuple(f"CityGML:{n}" for n in range(5)),
        "TUDelft": ("TUDelft:1.2", "TUDelft:2.2"),
    }


def test_a_camera_for_each_public_layer() -> None:
    found = built(stored("a", title=""), stored("b", public=False))
    [hint] = found.viewpoints
    assert hint.poi == (500_500, 5_700_500, 70)
    assert hint.poc[1] < 5_700_000
    assert "EPSG:25832+7837" in hint.title[0].text


@pytest.mark.parametrize("compiled", [True, False])
def test_views_are_offered_also_without_a_compiler_and_it_is_said(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offer, "compiled", lambda: compiled)
    found = built(stored("a"))
    assert Extension.VIEW in found.extensions
    assert found.image_layers
    assert found.projections
    assert found.layers[0].styles
    said = any("without the native rasteriser" in one.text for one in found.service.abstract)
    assert said != compiled
    assert [one.id for one in walk(found.layers)] == ["a"]
