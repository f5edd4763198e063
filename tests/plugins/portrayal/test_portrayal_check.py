"""Requests against a catalogue: what they mean with it, and the exceptions of Tables 25 and 58."""

import msgspec
import pytest

from gotapi_portrayal.catalogue import Catalogue, CrsInfo, Extension, Layer
from gotapi_portrayal.check import Axes, Selection, Shelf, XyBox
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.crs_names import CrsName
from gotapi_portrayal.request.errors import OwsError
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.request.types import FeatureInfo, GetScene, GetView

BASE = "SERVICE=3DPS&VERSION=1.0&REQUEST="
SCENE = BASE + "GetScene&CRS=EPSG:25832&FORMAT=model/gltf-binary&LAYERS="
CAMERA = "Perspective,1,2,3,4,5,6,0,0,1,60,,0.01,1000.0"
VIEW = (
    BASE + "GetView&CRS=EPSG:25832&LAYERS=buildings&PORTRAYALS=WIDTH=64;HEIGHT=48;"
    f"PROJECTION={CAMERA};"
)
INFO = BASE + "GetFeatureInfoByObjectId&FORMAT=text/xml&OBJECTID=x&LAYERS="
INF = float("inf")
DEGREES = XyBox(CrsInfo("EPSG:4326", True, True), (8.5, 52, -INF), (8.6, 53, INF))


def select(catalogue: Catalogue, query: str) -> Selection:
    request = read_fields(read_query(query.encode()))
    assert isinstance(request, GetScene | GetView)
    return Shelf(catalogue).select(request)


def queried(catalogue: Catalogue, query: str) -> list[str]:
    request = read_fields(read_query(query.encode()))
    assert isinstance(request, FeatureInfo)
    return [layer.id for layer in Shelf(catalogue).queried(request)]


def chosen(catalogue: Catalogue, query: str) -> list[tuple[str, str, str]]:
    return [(one.layer.id, one.style, one.lod) for one in select(catalogue, query).layers]


def test_a_layer_with_others_in_it_stands_for_those_with_data(catalogue: Catalogue) -> None:
    assert chosen(catalogue, SCENE + "city") == [
        ("buildings", "height", ""),
        ("terrain", "plain", ""),
        ("secret", "plain", ""),
    ]


def test_07_empty_layers_are_all_data_that_the_asker_may_see(catalogue: Catalogue) -> None:
    # Not `else`, which is not to be had in the CRS of the request.
    assert chosen(catalogue.public(), SCENE + "&LODS=citygml:2") == [
        ("buildings", "height", "CityGML:2"),
        ("terrain", "plain", "CityGML:2"),
    ]
    with pytest.raises(OwsError) as caught:
        select(catalogue, SCENE.replace("25832", "2056"))
    assert caught.value.locator == "crs"


def test_08_styles_by_layer(catalogue: Catalogue) -> None:
    found = chosen(catalogue, SCENE + "buildings,terrain&STYLES=textured,")
    assert found == [("buildings", "textured", ""), ("terrain", "plain", "")]


def test_a_layer_without_styles_has_its_own_look(catalogue: Catalogue) -> None:
    bare = Layer(id="bare", crs=("EPSG:25832",), formats=("model/gltf-binary",))
    some = msgspec.structs.replace(catalogue, layers=(bare,))
    assert chosen(some, SCENE + "bare&STYLES=") == [("bare", "", "")]


def test_09_one_lod_in_any_case_for_two_layers(catalogue: Catalogue) -> None:
    found = chosen(catalogue, SCENE + "buildings,terrain&LODS=citygml:1")
    assert [lod for _, _, lod in found] == ["CityGML:1", "CityGML:1"]


@pytest.mark.parametrize(
    ("query", "code", "locator"),
    [
        (SCENE + "nowhere", "UnknownLayer", "nowhere"),
        (SCENE + "terrain&STYLES=height", "StyleNotDefined", "height"),  # 10: of another layer
        (SCENE + "terrain&STYLES=x", "StyleNotDefined", "x"),
        (SCENE + "terrain&BACKGROUND=x", "BackgroundNotDefined", "x"),
        (SCENE + "buildings&LODS=CityGML:4", "LODNotDefined", "CityGML:4"),
        (SCENE + "terrain&OVERALLSTYLES=x", "InvalidParameterValue", "overallStyles"),
        (SCENE + "terrain&DELIVERYOPTIONS=x", "DeliveryOptionNotDefined", "x"),  # 11
        (SCENE + "buildings&DELIVERYOPTIONS=regroupGeometry", "DeliveryOptionNotDefined",
         "regroupGeometry"),
        (SCENE + "terrain&DELIVERYOPTIONS=spatialIndex", "DeliveryOptionNotDefined",
         "spatialIndex"),
        (SCENE.replace("25832", "3857") + "terrain", "InvalidParameterValue", "crs"),  # 12
        (SCENE.replace("25832", "28992") + "buildings,terrain", "InvalidParameterValue", "crs"),
        (SCENE + "terrain&SPATIALSELECTION=near", "InvalidParameterValue", "spatialSelection"),
        (SCENE + "terrain&LODSELECTION=best", "InvalidParameterValue", "lodSelection"),
        (SCENE + "terrain&BOUNDINGBOX=1,2,3,4,EPSG:3857", "InvalidParameterValue", "boundingBox"),
        (SCENE.replace("25832", "4326") + "terrain&BOUNDINGBOX=1,2,3,95",
         "InvalidParameterValue", "boundingBox"),  # 13
        (SCENE.replace("25832", "4326") + "terrain&BOUNDINGBOX=1,2,181,5",
         "InvalidParameterValue", "boundingBox"),
        (SCENE.replace("gltf-binary", "vrml") + "terrain", "InvalidParameterValue", "format"),
        (SCENE + "terrain&OFFSET=1,2,3", "InvalidParameterValue", "offset"),  # 40
        (SCENE + "buildings&OFFSET=1,2,3", "InvalidParameterValue", "offset"),
        (SCENE + "buildings&OFFSET=1,2,3&OFFSETMODE=add", "InvalidParameterValue", "offsetMode"),
        (VIEW + "IMAGELAYERS=SPECULAR;FORMATS=image/png", "InvalidParameterValue", "imageLayers"),
        (VIEW + "IMAGELAYERS=MASK;FORMATS=image/png%3Bmode=32bit", "InvalidParameterValue",
         "formats"),  # 31
        (VIEW + "IMAGELAYERS=COLOR;FORMATS=image/png%3Bmode=1bit", "InvalidParameterValue",
         "formats"),
    ],
)  # fmt: skip
def test_requests_for_what_is_not_offered(
    catalogue: Catalogue, query: str, code: str, locator: str
) -> None:
    with pytest.raises(OwsError) as caught:
        select(catalogue, query)
    assert (caught.value.code.value, caught.value.locator) == (code, locator)


def test_10_a_lod_that_only_another_layer_has(catalogue: Catalogue) -> None:
    lone = Layer(
        id="lone", crs=("EPSG:25832",), lods=("CityGML:1",), formats=("model/gltf-binary",)
    )
    some = msgspec.structs.replace(catalogue, layers=(lone,))
    with pytest.raises(OwsError) as caught:
        select(some, SCENE + "lone&LODS=CityGML:2")
    assert (caught.value.code.value, caught.value.locator) == ("LODNotApplicable", "CityGML:2")
    found = chosen(some, SCENE + "lone&LODS=CityGML:2&LODSELECTION=equals_or_smaller")
    assert found == [("lone", "", "CityGML:2")]


@pytest.mark.parametrize("name", ["spatialIndex", "SPATIALINDEX", None])
def test_11_delivery_options_by_uri_and_short_name(catalogue: Catalogue, name: str | None) -> None:
    uri = catalogue.delivery_options[0].id
    query = f"{SCENE}buildings,terrain&DELIVERYOPTIONS={name or uri}"
    assert select(catalogue, query).options == (uri,)  # of one of two layers: no error


@pytest.mark.parametrize(
    ("crs", "box", "expected"),
    [
        ("EPSG:4326", "8.5,52,8.6,53", DEGREES),
        ("urn:ogc:def:crs:EPSG::4326", "52,8.5,53,8.6", DEGREES),
        ("EPSG:25832", "1,2,3,4,5,6", XyBox(CrsInfo("EPSG:25832"), (1, 2, 3), (4, 5, 6))),
        ("EPSG:25832", "52,8.5,53,8.6,urn:ogc:def:crs:EPSG::4326", DEGREES),
    ],
)  # fmt: skip
def test_12_axes_follow_the_form_of_the_name(
    catalogue: Catalogue, crs: str, box: str, expected: XyBox
) -> None:
    found = select(catalogue, SCENE.replace("EPSG:25832", crs) + f"terrain&BOUNDINGBOX={box}")
    assert found.box == expected


def test_13_boxes_of_another_crs_need_conversion(catalogue: Catalogue) -> None:
    strict = msgspec.structs.replace(catalogue, converts_boxes=False)
    same = SCENE + "terrain&BOUNDINGBOX=1,2,3,4,EPSG:25832"
    assert select(strict, same).box is not None
    with pytest.raises(OwsError):
        select(strict, SCENE + "terrain&BOUNDINGBOX=1,2,3,4,EPSG:4326")


def test_40_offsets(catalogue: Catalogue) -> None:
    query = SCENE + "buildings&OFFSETMODE=subtract&OFFSET="
    assert select(catalogue, query + "400000,5700000,0").layers
    free = msgspec.structs.replace(catalogue, any_offset=True)
    assert select(free, query + "1,2,3").layers


def test_a_view(catalogue: Catalogue) -> None:
    query = VIEW + "IMAGELAYERS=color,MASK;FORMATS=image/jpeg,image/png%3Bmode=1bit"
    found = select(catalogue, query + "&BACKGROUND=sky&OVERALLSTYLES=fog")
    assert (found.background, found.overall_styles) == ("sky", ("fog",))
    assert found.axes == Axes(CrsInfo("EPSG:25832"))


def test_44_layers_of_feature_info(catalogue: Catalogue) -> None:
    assert queried(catalogue, INFO + "city") == ["buildings", "secret"]
    assert queried(catalogue, INFO + "buildings,city") == ["buildings", "secret"]


@pytest.mark.parametrize(
    ("query", "code", "locator"),
    [
        (INFO + "terrain", "OperationNotSupported", "GetFeatureInfoByObjectId"),
        (INFO + "buildings,else", "OperationNotSupported", "GetFeatureInfoByObjectId"),
        (INFO + "nowhere", "UnknownLayer", "nowhere"),
        (INFO.replace("text/xml", "image/png") + "city", "FormatNotSupported", "image/png"),
    ],
)
def test_44_feature_info_that_is_refused(
    catalogue: Catalogue, query: str, code: str, locator: str
) -> None:
    with pytest.raises(OwsError) as caught:
        queried(catalogue, query)
    assert (caught.value.code.value, caught.value.locator) == (code, locator)


def test_the_crs_of_feature_info(catalogue: Catalogue) -> None:
    shelf = Shelf(catalogue)
    layers = (shelf.layer("buildings"),)
    assert shelf.axes(CrsName("EPSG:4326", official=True), layers).swapped
    with pytest.raises(OwsError) as caught:
        shelf.axes(CrsName("EPSG:1"), layers)
    assert (caught.value.code.value, caught.value.locator) == ("CRSNotSupported", "EPSG:1")


def test_operations_of_extensions_that_are_not_served(catalogue: Catalogue) -> None:
    some = msgspec.structs.replace(catalogue, extensions=(Extension.SCENE,))
    with pytest.raises(OwsError) as caught:
        select(some, VIEW + "IMAGELAYERS=COLOR;FORMATS=image/png")
    assert (caught.value.code.value, caught.value.locator) == ("OperationNotSupported", "GetView")
    assert caught.value.status == 501
