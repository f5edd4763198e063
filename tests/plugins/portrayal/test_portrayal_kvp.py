"""The KVP cases of 3DPS: a raw query and what is read of it, or which exception it is."""

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gotapi_portrayal.request.core import OPERATIONS, read_fields
from gotapi_portrayal.request.crs_names import CrsName
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.kvp import MAX_PORTRAYALS, MAX_QUERY, read_query
from gotapi_portrayal.request.projections import fields_of_view
from gotapi_portrayal.request.types import (
    BoundingBox,
    ExceptionForm,
    GetCapabilities,
    GetFeatureInfoByObjectId,
    GetFeatureInfoByPosition,
    GetFeatureInfoByRay,
    GetResourceById,
    GetScene,
    GetView,
    ImageLayer,
    Orthographic,
    Perspective,
    Request,
)

BASE = "SERVICE=3DPS&VERSION=1.0&REQUEST="
SCENE = BASE + "GetScene&CRS=EPSG:25832&LAYERS=a,b&FORMAT=model/gltf-binary"
CAMERA = "Perspective,202000,3310000,200,202000,3305000,200,0,0,1,60,,0.01,1000.0"
PORTRAYAL = f"WIDTH=1024;HEIGHT=768;PROJECTION={CAMERA};IMAGELAYERS=COLOR;FORMATS=image/jpeg"
HUGE = PORTRAYAL.replace("1024", "8192").replace("768", "8192")
VIEW = BASE + "GetView&CRS=EPSG:26916&LAYERS=dem,bldgs&PORTRAYALS="
RAY = (
    BASE + "GetFeatureInfoByRay&CRS=EPSG:25832&LAYERS=a&FORMAT=text/xml&WIDTH=640&HEIGHT=480"
    f"&PROJECTION={CAMERA}&IMAGEPOSITION="
)
POSITION = BASE + "GetFeatureInfoByPosition&CRS=EPSG:25832&LAYERS=a&FORMAT=text/xml&COORDINATE="
BY_ID = BASE + "GetFeatureInfoByObjectId&LAYERS=a&FORMAT=text/xml&OBJECTID="
CAPS = "SERVICE=3DPS&REQUEST=GetCapabilities"
RESOURCE = BASE + "GetResourceById&OUTPUTFORMAT=image/png&RESOURCEID="


def read(query: str) -> Request:
    return read_fields(read_query(query.encode()))


def scene(query: str) -> GetScene:
    request = read(query)
    assert isinstance(request, GetScene)
    return request


def view(portrayals: str) -> GetView:
    request = read(VIEW + portrayals)
    assert isinstance(request, GetView)
    return request


def capabilities(query: str) -> GetCapabilities:
    request = read(query)
    assert isinstance(request, GetCapabilities)
    return request


def camera(values: str) -> Perspective | Orthographic:
    [one] = view(PORTRAYAL.replace(CAMERA, values)).views
    return one.projection


def refused(query: str) -> tuple[str, str]:
    with pytest.raises(OwsError) as caught:
        read(query)
    return caught.value.code.value, caught.value.locator


INVALID, MISSING = "InvalidParameterValue", "MissingParameterValue"


# 1 to 6: names and versions


def test_01_names_match_in_any_case() -> None:
    query = VIEW.replace("SERVICE", "sErViCe").replace("PORTRAYALS", "Portrayals")
    request = read(query + PORTRAYAL.replace("WIDTH", "width").replace("FORMATS", "Formats"))
    assert isinstance(request, GetView)
    assert request.views[0].width == 1024


@pytest.mark.parametrize(
    ("query", "code", "locator"),
    [
        ("service=3dps&request=GetCapabilities", INVALID, "service"),  # 1: values are exact
        (SCENE + "&crs=EPSG:4326", INVALID, "crs"),  # 2: twice in two cases
        ("REQUEST=GetCapabilities", MISSING, "service"),  # 6
        ("SERVICE=&REQUEST=GetCapabilities", MISSING, "service"),
        ("SERVICE=3DPS", MISSING, "request"),
        ("SERVICE=3DPS&REQUEST=GetMap", "OperationNotSupported", "GetMap"),
        ("SERVICE=3DPS&REQUEST=getcapabilities", "OperationNotSupported", "getcapabilities"),
        (CAPS + "&ACCEPTVERSIONS=9.9", "VersionNegotiationFailed", ""),  # 3
        (SCENE.replace("&VERSION=1.0", ""), MISSING, "version"),  # 4
        (SCENE.replace("VERSION=1.0", "VERSION="), MISSING, "version"),
        (SCENE.replace("VERSION=1.0", "VERSION=2.0"), INVALID, "version"),
        (CAPS + "&SECTIONS=Contents,Nonsense", INVALID, "sections"),  # 5
        (CAPS + "&UPDATESEQUENCE=-1", INVALID, "updateSequence"),
        (CAPS + "&SCHEMA=mine", INVALID, "schema"),
        ("&".join(f"a{n}=1" for n in range(101)), INVALID, "request"),
        (CAPS + "&x=" + "a" * MAX_QUERY, INVALID, "request"),
        (CAPS + "&=1", MISSING, "request"),
        (CAPS + "&SECTIONS=%zz", INVALID, "sections"),
        (CAPS + "&SECTIONS=100%", INVALID, "sections"),
        (CAPS + "&SECTIONS=%ff", INVALID, "sections"),
        (CAPS + "&x=" + "a" * 13_000, INVALID, "x"),
        (CAPS + "&x=" + "," * 1001, INVALID, "x"),
        (CAPS + "&sections=" + "%2C" * 1001, INVALID, "sections"),
    ],
)
def test_01_to_06_requests_that_are_refused(query: str, code: str, locator: str) -> None:
    assert refused(query) == (code, locator)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(OwsError) as caught:
        read_query(b"SERVICE=\xff")
    assert caught.value.code is Code.INVALID_PARAMETER_VALUE


@pytest.mark.parametrize(
    "versions", ["", "&ACCEPTVERSIONS=", "&ACCEPTVERSIONS=9.9,1.0", "&VERSION=7"]
)
def test_03_capabilities_need_no_version_and_negotiate_one(versions: str) -> None:
    assert capabilities(CAPS + versions) == GetCapabilities()


@pytest.mark.parametrize("version", ["1.0", "1.0.0"])
def test_04_both_spellings_of_the_version_pass(version: str) -> None:
    assert scene(SCENE.replace("VERSION=1.0", f"VERSION={version}")).layers == ("a", "b")


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("", set()),  # empty as absent: everything
        ("All", set()),
        ("Contents,All", set()),
        ("Service%20Identification", {"ServiceIdentification"}),  # Table 9 has the blank
        ("Service+Identification,Languages", {"ServiceIdentification", "Languages"}),
        ("contents%2CPortrayalCapabilities", {"Contents", "PortrayalCapabilities"}),
    ],
)
def test_05_sections(sections: str, expected: set[str]) -> None:
    assert capabilities(f"{CAPS}&SECTIONS={sections}").sections == expected


def test_05_update_sequence_languages_and_schema() -> None:
    request = capabilities(CAPS + "&UPDATESEQUENCE=12&ACCEPTLANGUAGES=de-DE,en&SCHEMA=posted")
    assert request == GetCapabilities(frozenset(), 12, ("de-DE", "en"), posted=True)


def test_unknown_parameters_are_ignored() -> None:
    assert capabilities(CAPS + "&vendor=%7B1%7D&&flag") == GetCapabilities()


# 7 to 14: lists, CRS and boxes


def test_07_layers_may_be_empty_for_all_data() -> None:
    request = scene(SCENE.replace("a,b", ""))
    assert (request.layers, request.styles, request.lods) == ((), (), ())


@pytest.mark.parametrize(
    ("styles", "expected"),
    [("", ("", "")), (",", ("", "")), ("x,", ("x", "")), (",y", ("", "y")), ("x%2Cy", ("x", "y"))],
)
def test_08_styles_go_with_layers(styles: str, expected: tuple[str, ...]) -> None:
    assert scene(f"{SCENE}&STYLES={styles}").styles == expected


@pytest.mark.parametrize(
    ("lods", "expected"),
    [
        ("CityGML:1,CityGML:2", ("CityGML:1", "CityGML:2")),
        ("citygml:4", ("citygml:4", "citygml:4")),  # Table 34: one for two layers
        (",CityGML:2", ("", "CityGML:2")),
    ],
)
def test_09_lods_go_with_layers(lods: str, expected: tuple[str, ...]) -> None:
    assert scene(f"{SCENE}&LODS={lods}").lods == expected


def test_09_one_lod_without_layers_is_for_all() -> None:
    assert scene(SCENE.replace("a,b", "") + "&LODS=CityGML:2").lods == ("CityGML:2",)


@pytest.mark.parametrize(
    ("change", "code", "locator"),
    [
        (("&LAYERS=a,b", ""), MISSING, "layers"),  # 7
        (("a,b", "a,,b"), INVALID, "layers"),
        (("a,b", "a,a"), INVALID, "layers"),
        (("a,b", "a,b&STYLES=x"), INVALID, "styles"),  # 8
        (("a,b", "a,b&STYLES=x,y,z"), INVALID, "styles"),
        (("a,b", "a,b&STYLES=,,"), INVALID, "styles"),
        (("a,b", "a,b&LODS=1,2,3"), INVALID, "lods"),  # 9
        (("a,b", "a,b&OVERALLSTYLES=x,,y"), INVALID, "overallStyles"),
        (("a,b", "a,b&DELIVERYOPTIONS=,"), INVALID, "deliveryOptions"),
        (("CRS=EPSG:25832&", ""), MISSING, "crs"),
        (("EPSG:25832", "somewhere"), INVALID, "crs"),  # 12
        (("EPSG:25832", "EPSG:25832,EPSG:7837"), INVALID, "crs"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,3"), INVALID, "boundingBox"),  # 13
        (("a,b", "a,b&BOUNDINGBOX=1,2,3,4,5,6,7,8"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,3,x"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=5,2,3,4"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,9,3,4,5"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,3,4,nowhere"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,nan,4"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,1e400,4"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,1_0,4"), INVALID, "boundingBox"),
        (("a,b", "a,b&BOUNDINGBOX=1,2,%D9%A1,4"), INVALID, "boundingBox"),
    ],
)
def test_07_to_14_values_that_are_refused(change: tuple[str, str], code: str, locator: str) -> None:
    assert refused(SCENE.replace(*change)) == (code, locator)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("EPSG:25832", CrsName("EPSG:25832")),
        ("epsg:4327", CrsName("EPSG:4327")),
        ("EPSG:25832+7837", CrsName("EPSG:25832+7837")),  # a raw + is a + here
        ("EPSG%3A25832%2B7837", CrsName("EPSG:25832+7837")),
        ("EPSG:25832%2BEPSG:7837", CrsName("EPSG:25832+7837")),
        ("CRS:84", CrsName("CRS:84")),
        ("OGC:CRS84", CrsName("CRS:84")),
        ("urn:ogc:def:crs:EPSG::25832", CrsName("EPSG:25832", official=True)),
        ("urn:x-ogc:def:crs:EPSG:6.9:4326", CrsName("EPSG:4326", official=True)),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", CrsName("CRS:84", official=True)),
        (
            "urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837",
            CrsName("EPSG:25832+7837", official=True),
        ),
        ("http://www.opengis.net/def/crs/EPSG/0/25832", CrsName("EPSG:25832", official=True)),
        ("https://www.opengis.net/def/crs/OGC/1.3/CRS84", CrsName("CRS:84", official=True)),
        ("http://www.opengis.net/gml/srs/epsg.xml%234326", CrsName("EPSG:4326", official=True)),
        (
            quote(
                "http://www.opengis.net/def/crs-compound?1=http://www.opengis.net/def/crs/EPSG/0/"
                "25832&2=http://www.opengis.net/def/crs/EPSG/0/7837",
                safe="",
            ),
            CrsName("EPSG:25832+7837", official=True),
        ),
    ],
)
def test_12_every_form_of_a_crs_is_read_with_its_order_of_axes(text: str, name: CrsName) -> None:
    if text.startswith("urn:ogc:def:crs,"):
        text = quote(text, safe="")
    assert scene(SCENE.replace("EPSG:25832", text)).crs == name


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("1,2,3,4", BoundingBox((1, 2), (3, 4))),
        ("1,2,3,4,5,6", BoundingBox((1, 2, 3), (4, 5, 6))),
        ("1,2,3,4,CRS:84", BoundingBox((1, 2), (3, 4), CrsName("CRS:84"))),
        ("1,2,3,4,5,6,EPSG:4979", BoundingBox((1, 2, 3), (4, 5, 6), CrsName("EPSG:4979"))),
        ("1,2,1,2", BoundingBox((1, 2), (1, 2))),
        ("-1.5%2C2%2C3%2C4", BoundingBox((-1.5, 2), (3, 4))),
        ("", None),
    ],
)
def test_13_boxes(text: str, box: BoundingBox | None) -> None:
    assert scene(f"{SCENE}&BOUNDINGBOX={text}").box == box


def test_14_the_selections_have_their_defaults() -> None:
    request = scene(SCENE)
    assert (request.spatial_selection, request.lod_selection) == ("overlaps", "equals")
    assert scene(SCENE + "&SPATIALSELECTION=cut").spatial_selection == "cut"


# 15 to 32: portrayals

MODE = PORTRAYAL.replace("image/jpeg", "image/png%3Bmode=32bit")


@pytest.mark.parametrize(
    "sent",
    [
        MODE,
        MODE.replace("%3B", "%253B"),  # encoded twice
        quote(MODE, safe=""),  # the value as a whole
        quote(MODE, safe="=,"),
        MODE.replace("image/png", "image%2Fpng"),
        MODE.replace("32bit", "32Bit"),  # 19
        MODE.replace("%3Bmode", "%3B%20mode"),
    ],
    ids=["once", "twice", "wholly", "semicolons", "slash", "case", "blank"],
)
def test_16_a_mime_type_with_a_parameter_stays_one(sent: str) -> None:
    [one] = view(sent).views
    assert one.layers == (ImageLayer("COLOR", "image/png;mode=32bit"),)
    assert (one.width, one.height) == (1024, 768)


def test_17_the_text_example_of_two_portrayals_survives() -> None:
    first = MODE.replace("COLOR", "COLOR,DEPTH").replace("FORMATS=", "FORMATS=image/jpeg,")
    second = PORTRAYAL.replace("1024", "512") + ";QUALITIES=50"
    request = view(f"{first};QUALITIES=100,@{second}")
    assert [one.width for one in request.views] == [1024, 512]
    assert [one.format for one in request.views[0].layers] == ["image/jpeg", "image/png;mode=32bit"]
    assert [one.quality for one in request.views[0].layers] == [100, 100]
    assert request.views[1].layers[0].quality == 50


def test_18_a_comma_in_a_mime_type_is_sent_encoded() -> None:
    [one] = view(PORTRAYAL.replace("image/jpeg", "image/png%3Bmode=24bit%2Cencoding=x")).views
    assert one.layers[0].format == "image/png;mode=24bit,encoding=x"


@pytest.mark.parametrize(
    ("portrayals", "code", "locator"),
    [
        (PORTRAYAL.replace("image/jpeg", "image/png;mode=32bit"), INVALID, "portrayals"),  # 16 raw
        (PORTRAYAL.replace("image/jpeg", "image/png,encoding=x"), INVALID, "formats"),  # 18
        (  # 20: the text's stand-alone example
            "WIDTH=1024;HEIGHT=1024;&Projection=Perspective,1,2,3,4,5,6,0,0,1,60,,1,9"
            "&IMAGELAYERS=COLOR;FORMATS=image/jpeg;QUALITIES=85",
            INVALID,
            "portrayals",
        ),
        ("WIDTH=1024;HEIGHT=1024", MISSING, "projection"),
        ("", MISSING, "portrayals"),  # 29
        (PORTRAYAL + "@", INVALID, "portrayals"),
        (PORTRAYAL + "@@" + PORTRAYAL, INVALID, "portrayals"),
        (PORTRAYAL + ";WIDTH=3", INVALID, "portrayals"),
        (PORTRAYAL + ";COLOUR=3", INVALID, "portrayals"),
        (PORTRAYAL + ";WIDTH", INVALID, "portrayals"),
        ("@".join([PORTRAYAL] * (MAX_PORTRAYALS + 1)), INVALID, "portrayals"),
        (PORTRAYAL.replace("IMAGELAYERS=COLOR;", ""), MISSING, "imageLayers"),
        (PORTRAYAL.replace(";FORMATS=image/jpeg", ""), MISSING, "formats"),
        (PORTRAYAL.replace("COLOR", "COLOR,DEPTH"), INVALID, "formats"),  # 27
        (PORTRAYAL + ",image/png", INVALID, "formats"),
        (PORTRAYAL.replace("COLOR", "COLOR,") + ",image/png", INVALID, "imageLayers"),
        (PORTRAYAL.replace("image/jpeg", "jpeg"), INVALID, "formats"),
        (PORTRAYAL + ";QUALITIES=85,", INVALID, "qualities"),
        (PORTRAYAL + ";QUALITIES=,85", INVALID, "qualities"),
        (PORTRAYAL + ";QUALITIES=101", INVALID, "qualities"),
        (PORTRAYAL + ";QUALITIES=-1", INVALID, "qualities"),
        (PORTRAYAL + ";QUALITIES=a", INVALID, "qualities"),
        (PORTRAYAL.replace("1024", "0"), INVALID, "width"),  # 28
        (PORTRAYAL.replace("1024", "-5"), INVALID, "width"),
        (PORTRAYAL.replace("1024", "1.5"), INVALID, "width"),
        (PORTRAYAL.replace("1024", ""), MISSING, "width"),
        (PORTRAYAL.replace("768", "8193"), INVALID, "height"),
        (PORTRAYAL.replace("1024", "1" + "0" * 50), INVALID, "width"),
        (f"{HUGE}@{HUGE}", INVALID, "portrayals"),
    ],
)  # fmt: skip
def test_16_to_29_portrayals_that_are_refused(portrayals: str, code: str, locator: str) -> None:
    assert refused(VIEW + portrayals) == (code, locator)


def test_21_a_plus_in_a_number_is_a_plus() -> None:
    for sign in ("+", "%2B"):
        one = camera(CAMERA.replace("1000.0", f"1e{sign}3"))
        assert one.far == 1000
    assert refused(VIEW + PORTRAYAL.replace("1000.0", "1e%203")) == (INVALID, "projection")


def test_22_empty_optional_values() -> None:
    assert camera("Perspective,1,2,3,4,5,6,,,,,,,") == Perspective((1, 2, 3), (4, 5, 6))


@pytest.mark.parametrize(
    ("up", "direction"),
    [
        ("0,0,1", (0, 0, 1)),  # as every example: a direction
        ("202000,3310000,210", (0, 0, 1)),  # Table 39: a point, of which POC is subtracted
        ("202003,3310000,204", (0.6, 0, 0.8)),
        ("0,0.6,0.8", (0, 0.6, 0.8)),
        ("0,0,0.5", (0, 0, 1)),
        (",,", None),
    ],
)
def test_22_both_readings_of_up(up: str, direction: tuple[float, ...] | None) -> None:
    found = camera(CAMERA.replace("0,0,1,60", f"{up},60")).up
    assert found == (None if direction is None else pytest.approx(direction))


def test_23_an_orthographic_camera_has_sixteen_items() -> None:
    values = "Orthographic,1,2,3,4,5,6,,,,-100,100,-50,50,1,900"
    assert camera(values) == Orthographic((1, 2, 3), (4, 5, 6), None, -100, 100, -50, 50, 1, 900)
    assert camera("Orthographic,1,2,3,4,5,6,,,,,,,,,").left is None  # type: ignore[union-attr]  # it is one


@pytest.mark.parametrize(
    "values",
    [
        "Perspective,1,2,3,4,5,6,,,,60,,0.01",  # 23: one too few
        CAMERA + ",5",
        "Orthographic,1,2,3,4,5,6,,,,100,-100,,,,",
        "Orthographic,1,2,3,4,5,6,,,,,,50,-50,,",
        "Orthographic,1,2,3,4,5,6,,,,5,5,,,,",
        "Orthographic,1,2,3,4,5,6,,,",
        CAMERA.replace("60,,", "0,,"),  # 24
        CAMERA.replace("60,,", "180,,"),
        CAMERA.replace("60,,", ",-3,"),
        CAMERA.replace("60,,", "nan,,"),
        CAMERA.replace("60,,", "inf,,"),
        CAMERA.replace("202000,3305000,200", "202000,3310000,200"),  # 25: POC = POI
        CAMERA.replace("0,0,1,60", "0,-1,0,60"),  # Up along the view
        CAMERA.replace("0,0,1,60", "0,0,0,60"),
        CAMERA.replace("0,0,1,60", "202000,3310000,200,60"),  # a point that is POC
        CAMERA.replace("0,0,1,60", "0,,1,60"),
        CAMERA.replace("0.01,1000.0", "10,10"),
        CAMERA.replace("0.01", "0"),
        CAMERA.replace("1000.0", "-1"),
        CAMERA.replace("202000,3310000,200", "202000,,200"),
        CAMERA.replace("Perspective", "Fisheye"),  # 26
        CAMERA.replace("Perspective", "perspective"),
        "",
    ],
)
def test_22_to_26_cameras_that_cannot_be(values: str) -> None:
    code, locator = refused(VIEW + PORTRAYAL.replace(CAMERA, values))
    assert (code, locator) == (MISSING if not values else INVALID, "projection")


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        ("60,", (60, 46.827)),
        (",60", (75.178, 60)),
        ("60,60", (60, 60)),  # 24: pixels need not be square
        (",", (90, 73.740)),
    ],
)
def test_24_the_other_angle_comes_from_the_shape(
    angles: str, expected: tuple[float, float]
) -> None:
    found = camera(CAMERA.replace("60,,", f"{angles},"))
    assert isinstance(found, Perspective)
    assert fields_of_view(found, 1024, 768, 90) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize(
    ("qualities", "expected"),
    [
        ("", [100, 100]),
        (",", [100, 100]),
        ("85,", [85, 100]),
        (",85", [100, 85]),
        ("0,100", [0, 100]),
    ],
)
def test_27_qualities(qualities: str, expected: list[int]) -> None:
    two = PORTRAYAL.replace("COLOR", "Color,mask").replace("image/jpeg", "image/jpeg,image/png")
    layers = view(f"{two};QUALITIES={qualities}").views[0].layers
    assert [one.quality for one in layers] == expected
    assert [one.name for one in layers] == ["COLOR", "MASK"]


def test_29_components_may_come_in_any_order() -> None:
    turned = ";".join(reversed(PORTRAYAL.split(";")))
    assert view(turned).views == view(PORTRAYAL).views


# 33 to 38: background and exceptions


@pytest.mark.parametrize(
    ("given", "ground"),
    [
        ("BACKGROUND=sky&BACKGROUNDCOLOR=0x000000&TRANSPARENTBACKGROUND=true", "sky"),
        ("BACKGROUNDCOLOR=0xff00AA&TRANSPARENTBACKGROUND=true", (255, 0, 170)),
        ("TRANSPARENTBACKGROUND=TRUE", None),
        ("TRANSPARENTBACKGROUND=0", (255, 255, 255)),
        ("TRANSPARENTBACKGROUND=", (255, 255, 255)),
    ],
)
def test_33_the_order_of_backgrounds(given: str, ground: object) -> None:
    request = read(f"{VIEW}{PORTRAYAL}&{given}")
    assert isinstance(request, GetView)
    assert request.ground == ground


@pytest.mark.parametrize(
    ("given", "locator"),
    [
        ("BACKGROUNDCOLOR=0XFF0000", "backgroundColor"),
        ("BACKGROUNDCOLOR=%23FF0000", "backgroundColor"),
        ("BACKGROUNDCOLOR=FF0000", "backgroundColor"),
        ("TRANSPARENTBACKGROUND=maybe", "transparentBackground"),
        ("EXCEPTIONS=image/gif", "exceptions"),
        ("EXCEPTIONS=text/html", "exceptions"),  # a form of GetFeatureInfo
    ],
)
def test_33_to_35_values_that_are_refused(given: str, locator: str) -> None:
    assert refused(f"{VIEW}{PORTRAYAL}&{given}") == (INVALID, locator)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("text/xml", ExceptionForm.XML),
        ("application/vnd.ogc.se_xml", ExceptionForm.XML),
        ("INIMAGE", ExceptionForm.INIMAGE),
        ("inimage", ExceptionForm.INIMAGE),
        ("application/vnd.ogc.se_inimage", ExceptionForm.INIMAGE),
        ("blank", ExceptionForm.BLANK),
        ("BLANK", ExceptionForm.BLANK),
        ("application/vnd.ogc.se_blank", ExceptionForm.BLANK),
    ],
)
def test_35_forms_of_exceptions(text: str, form: ExceptionForm) -> None:
    request = read(f"{VIEW}{PORTRAYAL}&EXCEPTIONS={text}")
    assert isinstance(request, GetView)
    assert request.exceptions is form


def test_37_pictures_of_errors_are_no_form_of_scenes() -> None:
    assert refused(SCENE + "&EXCEPTIONS=inimage") == (INVALID, "exceptions")
    assert scene(SCENE + "&EXCEPTIONS=blank").exceptions is ExceptionForm.BLANK


# 39 to 46: scene, info and resources

POINT = "13.4097,52.5177,220.0,13.4087,52.5202,120.0,0,0,1,100"


def test_39_viewpoints() -> None:
    request = scene(f"{SCENE}&VIEWPOINTS=Old%2C+old,{POINT},New,{POINT}")
    assert [one.title for one in request.viewpoints] == ["Old, old", "New"]
    first = request.viewpoints[0]
    assert (first.poi, first.poc) == ((13.4097, 52.5177, 220), (13.4087, 52.5202, 120))
    assert (first.up, first.fovx) == ((0, 0, 1), 100)
    assert scene(f"{SCENE}&VIEWPOINTS={quote('A%2CB,' + POINT, safe='')}").viewpoints[0].title == (
        "A,B"
    )


@pytest.mark.parametrize(
    ("given", "locator"),
    [
        # Table 34's own example: 8 values
        ("VIEWPOINTS=Overview,13.4097,52.5177,220.0,13.4087,52.5202,120.0,100", "viewpoints"),
        (f"VIEWPOINTS=A,B,{POINT}", "viewpoints"),
        ("VIEWPOINTS=A,1,2,3,1,2,3,0,0,1,60", "viewpoints"),
        ("VIEWPOINTS=A,1,2,3,1,2,4,0,0,1,180", "viewpoints"),
        ("VIEWPOINTS=A,1,2,3,1,2,x,0,0,1,60", "viewpoints"),
        ("OFFSETMODE=subtract", "offsetMode"),  # 40
        ("OFFSET=1,2", "offset"),
        ("OFFSET=1,2,x", "offset"),
    ],
)
def test_39_and_40_values_that_are_refused(given: str, locator: str) -> None:
    assert refused(f"{SCENE}&{given}") == (INVALID, locator)


def test_40_offset() -> None:
    request = scene(SCENE + "&OFFSET=200000,200000,0&OFFSETMODE=subtract")
    assert (request.offset, request.offset_mode) == ((200_000, 200_000, 0), "subtract")


@pytest.mark.parametrize("sent", ["model/gltf+json", "model/gltf%2Bjson", "model/gltf%20json"])
def test_41_a_plus_in_a_mime_type(sent: str) -> None:
    assert scene(SCENE.replace("model/gltf-binary", sent)).format == "model/gltf+json"


def test_41_the_format_is_mandatory() -> None:
    assert refused(SCENE.replace("&FORMAT=model/gltf-binary", "")) == (MISSING, "format")


@pytest.mark.parametrize(
    ("given", "count"),
    [("", 1), ("0", 1), ("-1", 1), ("x", 1), ("7", 7), ("99999", 1000), ("9" * 20, 1000)],
)
def test_42_feature_count(given: str, count: int) -> None:
    request = read(f"{POSITION}1,2,3&FEATURECOUNT={given}")
    assert isinstance(request, GetFeatureInfoByPosition)
    assert request.feature_count == count


def test_42_the_count_of_object_ids() -> None:
    request = read(BY_ID + "x,y")
    assert isinstance(request, GetFeatureInfoByObjectId)
    assert (request.object_ids, request.feature_count) == (("x", "y"), 2)
    assert read(BY_ID + "x,y&FEATURECOUNT=2") == request
    assert read(BY_ID + "x,y&FEATURECOUNT=zero") == request


@pytest.mark.parametrize(
    ("query", "code", "locator"),
    [
        (BY_ID + "x,y&FEATURECOUNT=3", INVALID, "featureCount"),
        (BY_ID, MISSING, "objectId"),
        (BY_ID + "x,,y", INVALID, "objectId"),
        (RAY, MISSING, "imagePosition"),  # 43
        (RAY + "640,0", INVALID, "imagePosition"),
        (RAY + "0,480", INVALID, "imagePosition"),
        (RAY + "-1,0", INVALID, "imagePosition"),
        (RAY + "1.5,0", INVALID, "imagePosition"),
        (RAY + "1", INVALID, "imagePosition"),
        (RAY.replace(CAMERA, "") + "0,0", MISSING, "projection"),
        (RAY.replace("WIDTH=640&", "") + "0,0", MISSING, "width"),
        (RAY.replace("LAYERS=a", "LAYERS=") + "0,0", MISSING, "layers"),
        (RAY.replace("LAYERS=a&", "") + "0,0", MISSING, "layers"),
        (POSITION + "1,2,3&EXCEPTIONS=blank", "ExceptionNotSupported", "blank"),  # Table 58
        (POSITION, MISSING, "coordinate"),
        (POSITION + "1", INVALID, "coordinate"),
        (POSITION + "1,2,3&TOLERANCE=-1", INVALID, "tolerance"),  # 45
        (POSITION + "1,2,3&TOLERANCE=x", INVALID, "tolerance"),
        (POSITION + "1,2,3&IDONLY=perhaps", INVALID, "idOnly"),
        (RESOURCE.replace("OUTPUTFORMAT=image/png&", "") + "a", MISSING, "outputFormat"),  # 46
        (RESOURCE, MISSING, "resourceId"),
        (RESOURCE + "../secret", INVALID, "resourceId"),
        (RESOURCE + "a/../b", INVALID, "resourceId"),
        (RESOURCE + "a/.hidden", INVALID, "resourceId"),
        (RESOURCE + "a%2F..%2Fb", INVALID, "resourceId"),
        (RESOURCE + "a%252F..%252Fb", INVALID, "resourceId"),
        (RESOURCE + "/etc/passwd", INVALID, "resourceId"),
        (RESOURCE + "a//b", INVALID, "resourceId"),
        (RESOURCE + "a%5Cb", INVALID, "resourceId"),
        (RESOURCE + "a%00", INVALID, "resourceId"),
        (RESOURCE + "a" * 501, INVALID, "resourceId"),
    ],
)
def test_42_to_46_requests_that_are_refused(query: str, code: str, locator: str) -> None:
    assert refused(query) == (code, locator)


def test_43_a_ray_through_the_upper_left_pixel() -> None:
    request = read(RAY + "0,0")
    assert isinstance(request, GetFeatureInfoByRay)
    assert (request.pixel, request.width, request.height) == ((0, 0), 640, 480)


@pytest.mark.parametrize("text", ["true", "TRUE", "1"])
def test_45_identifiers_only(text: str) -> None:
    request = read(f"{POSITION}1,2&IDONLY={text}&TOLERANCE=0.5")
    assert isinstance(request, GetFeatureInfoByPosition)
    assert (request.id_only, request.coordinate, request.tolerance) == (True, (1, 2), 0.5)


def test_46_a_resource() -> None:
    assert read(RESOURCE + "tiles/7/3-4.b3dm") == GetResourceById("tiles/7/3-4.b3dm", "image/png")


# Whatever comes

PIECES = st.sampled_from(
    [BASE, "&", "=", "%", "%2", "%2C", "%25", ";", "@", ",", "+", CAMERA, PORTRAYAL, "PORTRAYALS="]
    + [f"REQUEST={name}" for name in OPERATIONS]
    + ["SERVICE=3DPS", "VERSION=1.0", "LAYERS=", "CRS=EPSG:4326", "FORMAT=text/xml", "1e999"]
    + ["nan", "BOUNDINGBOX=1,2,3,4", "OBJECTID=x", "WIDTH=1", "HEIGHT=1", "COORDINATE=1,2"]
    + ["%00", "\ud7ff"]
)  # fmt: skip


def outcome(query: bytes) -> Request | OwsError:
    try:
        return read_fields(read_query(query))
    except OwsError as error:
        return error


def is_sound(found: Request | OwsError) -> bool:
    if isinstance(found, OwsError):
        return bool(found.text) and found.status in (400, 501)
    return isinstance(found, Request)


@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join))
@example("SERVICE=3DPS&REQUEST=GetView&VERSION=1.0&CRS=crs:84&LAYERS=&PORTRAYALS=;")
def test_every_query_is_a_request_or_an_exception(query: str) -> None:
    assert is_sound(outcome(query.encode("utf-8", "surrogatepass")))


@given(st.binary(max_size=200))
def test_every_byte_string_is_a_request_or_an_exception(query: bytes) -> None:
    assert is_sound(outcome(query))


@given(st.text(max_size=30).filter(lambda text: "," not in text and text.strip()))
def test_what_is_encoded_comes_back(text: str) -> None:
    words = text.strip()
    assert scene(f"{SCENE}&BACKGROUND={quote(words, safe='')}").background == words
