"""The service metadata document: by the text, by our schemas, and by the posted ones."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

import gotapi_portrayal.capabilities
from gotapi_portrayal.capabilities.document import document, language
from gotapi_portrayal.capabilities.markup import clean, number
from gotapi_portrayal.catalogue import LOCAL, Catalogue, CrsInfo, Extension, Layer, Text, walk
from gotapi_portrayal.info.records import Group, Record, encode
from gotapi_portrayal.request.core import SECTIONS, read_fields
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.types import GetCapabilities
from gotapi_portrayal.request.xml_post import read_document

URL = "http://127.0.0.1:4035/3dps"
OURS = Path(gotapi_portrayal.capabilities.__file__).parent / "schemas"
NAMES = {
    "core": "http://www.opengis.net/3dps/1.0/core",
    "scene": "http://www.opengis.net/3dps/1.0/scene",
    "view": "http://www.opengis.net/3dps/1.0/view",
    "info": "http://www.opengis.net/3dps/1.0/info",
    "ows": "http://www.opengis.net/ows/2.0",
    "xlink": "http://www.w3.org/1999/xlink",
}
ALL = GetCapabilities()
POSTED = GetCapabilities(posted=True)


def parse(catalogue: Catalogue, request: GetCapabilities = ALL) -> Any:
    return etree.fromstring(document(catalogue, request, URL))


def found(root: Any, path: str) -> list[str]:
    return [str(one) for one in root.xpath(path, namespaces=NAMES)]


def load(text: str) -> Any:
    return etree.XMLSchema(etree.fromstring(text.encode(), etree.XMLParser(no_network=True)))


@pytest.fixture(scope="module")
def ours(ogc_schemas: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Our schemas, which find those of OWS Common on the disk instead of at OGC's site."""
    folder = tmp_path_factory.mktemp("schemas")
    for path in OURS.glob("*.xsd"):
        text = path.read_text().replace("http://schemas.opengis.net/", f"{ogc_schemas}/")
        (folder / path.name).write_text(text)
    imports = "".join(
        f'<xs:import namespace="{NAMES[part]}" schemaLocation="{folder}/3dps-{part}.xsd"/>'
        for part in ("core", "scene", "view", "info")
    )
    return load(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>')


@pytest.fixture(scope="module")
def posted(ogc_schemas: Path) -> Any:
    # The posted files declare no element Capabilities; this is the least that gives it its type.
    return load(
        f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:core="{NAMES["core"]}"
          targetNamespace="{NAMES["core"]}">
          <xs:include schemaLocation="{ogc_schemas}/3dps/1.0/3dps-core.xsd"/>
          <xs:element name="Capabilities" type="core:CapabilitiesType"/></xs:schema>"""
    )


def test_the_document_is_valid_by_our_schemas(catalogue: Catalogue, ours: Any) -> None:
    ours.assertValid(parse(catalogue))


def test_the_posted_form_is_valid_by_the_posted_schemas(catalogue: Catalogue, posted: Any) -> None:
    posted.assertValid(parse(catalogue, POSTED))
    assert not posted.validate(parse(catalogue))  # no document meets both


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_alone_is_valid(
    catalogue: Catalogue, ours: Any, posted: Any, section: str
) -> None:
    sections = frozenset({section})
    root = parse(catalogue, GetCapabilities(sections))
    ours.assertValid(root)
    posted.assertValid(parse(catalogue, GetCapabilities(sections, posted=True)))
    assert [etree.QName(child).localname for child in root] == [section]


def test_an_empty_service_has_a_valid_document(ours: Any, posted: Any) -> None:
    empty = Catalogue(version=0)
    ours.assertValid(parse(empty))
    posted.assertValid(parse(empty, POSTED))


def test_table_10_version_sequence_and_the_order_of_sections(catalogue: Catalogue) -> None:
    root = parse(catalogue)
    assert root.tag == f"{{{NAMES['core']}}}Capabilities"
    assert (root.get("version"), root.get("updateSequence")) == ("1.0", "7")
    assert [etree.QName(child).localname for child in root] == list(SECTIONS)
    location = root.get("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation")
    assert location == f"{NAMES['core']} {URL}/schemas/3dps-core.xsd"


def test_the_extensions_are_announced(catalogue: Catalogue) -> None:
    root = parse(catalogue)
    profiles = found(root, "ows:ServiceIdentification/ows:Profile/text()")
    assert profiles == [extension.value for extension in Extension]  # Requirements 5, 12, 17
    operations = found(root, "ows:OperationsMetadata/ows:Operation/@name")
    assert operations == [
        "GetCapabilities", "GetScene", "GetView", "GetFeatureInfoByRay",
        "GetFeatureInfoByPosition", "GetFeatureInfoByObjectId", "GetResourceById",
    ]  # fmt: skip  # Requirements 6, 13, 18


def test_without_extensions_there_is_nothing_of_them(catalogue: Catalogue) -> None:
    root = parse(msgspec.structs.replace(catalogue, extensions=()))
    names = found(root, "ows:OperationsMetadata/ows:Operation/@name")
    assert names == ["GetCapabilities", "GetResourceById"]
    assert not found(root, "//core:Extensions/*")


def test_requirement_19_info_operations_list_their_formats(catalogue: Catalogue) -> None:
    values = found(
        parse(catalogue),
        "//ows:Operation[@name='GetFeatureInfoByRay']/ows:Parameter[@name='Format']"
        "/ows:AllowedValues/ows:Value/text()",
    )
    assert values == ["text/xml", "text/html"]


def test_requirement_8_scenes_list_their_formats_as_mime_types(catalogue: Catalogue) -> None:
    root = parse(catalogue)
    path = "//core:Layer[ows:Identifier='city']/core:Extensions/scene:SceneLayerExtension"
    formats = found(root, f"{path}/scene:AvailableFormat/text()")
    assert formats == ["model/gltf-binary", "model/gltf+json", "model/vnd.gltf+json"]
    assert found(root, f"{path}/scene:AvailableOffsetMode/text()") == ["subtract", "embed"]


def test_requirements_9_and_14_portrayal_extensions(catalogue: Catalogue) -> None:
    root = parse(catalogue)
    path = "core:PortrayalCapabilities/core:Extensions"
    scene = f"{path}/scene:ScenePortrayalCapabilitiesExtension"
    assert found(root, f"{scene}/scene:SupportsArbitraryOffset/text()") == ["false"]
    view = f"{path}/view:ViewPortrayalCapabilitiesExtension"
    layers = found(root, f"{view}/view:AvailableImageLayer/ows:Identifier/text()")
    assert layers == ["COLOR", "MASK"]
    assert found(root, f"{view}/view:AvailableProjection/view:TypeName/text()") == ["Perspective"]


def test_requirement_20_queryable_is_said_of_every_layer(catalogue: Catalogue) -> None:
    root = parse(catalogue)
    said = {
        name: found(root, f"//core:Layer[ows:Identifier='{name}']/core:Extensions/*/@queryable")
        for name in ("city", "buildings", "terrain", "else")
    }
    assert said == {
        "city": ["true"],
        "buildings": ["true"],
        "terrain": ["false"],
        "else": ["false"],
    }


def test_layers_are_nested_and_inherit_their_crs(catalogue: Catalogue) -> None:
    path = "core:Contents/core:Layer/core:Layer[ows:Identifier='buildings']/core:AvailableCRS"
    assert found(parse(catalogue), f"{path}/text()") == [
        "EPSG:25832", "EPSG:4326", "EPSG:25832+7837", "EPSG:28992",
    ]  # fmt: skip


def test_boxes_name_their_crs_officially_with_its_axes(catalogue: Catalogue) -> None:
    root = parse(catalogue)
    box = "//ows:BoundingBox[@crs='urn:ogc:def:crs:EPSG::4326']"
    assert found(root, f"{box}/ows:LowerCorner/text()") == ["52.25 8.5"]  # latitude first
    lower = found(root, "//core:Layer[ows:Identifier='city']/ows:WGS84BoundingBox/*/text()")
    assert lower == ["8.5 52.25", "8.75 52.5"]
    compound = "urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837"
    assert found(root, f"//ows:BoundingBox[@crs='{compound}']/@dimensions") == ["3"]


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("EPSG:4326", "urn:ogc:def:crs:EPSG::4326"),
        ("CRS:84", "urn:ogc:def:crs:OGC:1.3:CRS84"),
        (LOCAL, LOCAL),
    ],
)
def test_official_names(name: str, uri: str) -> None:
    assert CrsInfo(name).uri == uri


def test_who_is_nobody_sees_public_layers_only(catalogue: Catalogue) -> None:
    path = "//core:Layer/ows:Identifier/text()"
    everything = ["city", "buildings", "terrain", "secret", "else"]
    assert found(parse(catalogue), path) == everything
    everything.remove("secret")
    assert found(parse(catalogue.public()), path) == everything


@pytest.mark.parametrize(
    ("wanted", "title"),
    [
        ((), ["City <3D>", "Stadt in 3D"]),
        (("de",), ["Stadt in 3D"]),
        (("de-AT", "en"), ["Stadt in 3D"]),
        (("fr", "EN"), ["City <3D>"]),
        (("fr",), ["City <3D>", "Stadt in 3D"]),
        (("fr", "*"), ["City <3D>"]),
    ],
)
def test_languages(catalogue: Catalogue, wanted: tuple[str, ...], title: list[str]) -> None:
    root = parse(catalogue, GetCapabilities(languages=wanted))
    assert found(root, "ows:ServiceIdentification/ows:Title/text()") == title
    assert found(root, "ows:Languages/ows:Language/text()") == ["en", "de"]
    # What exists in one language only is never left out.
    assert found(root, "ows:ServiceIdentification/ows:Abstract/text()") == ["A test"]


def test_a_language_that_fits_is_told(catalogue: Catalogue) -> None:
    assert language(catalogue, GetCapabilities(languages=("de-DE",))) == "de"


def test_update_sequence(catalogue: Catalogue, ours: Any) -> None:
    unchanged = parse(catalogue, GetCapabilities(update_sequence=7))
    ours.assertValid(unchanged)
    assert (len(unchanged), unchanged.get("updateSequence")) == (0, "7")
    assert len(parse(catalogue, GetCapabilities(update_sequence=6))) == len(SECTIONS)
    with pytest.raises(OwsError) as caught:
        document(catalogue, GetCapabilities(update_sequence=8), URL)
    assert caught.value.code is Code.INVALID_UPDATE_SEQUENCE


def test_what_layers_hand_down(catalogue: Catalogue) -> None:
    layers = {layer.id: layer for layer in walk(catalogue.layers)}
    buildings, terrain = layers["buildings"], layers["terrain"]
    assert [(one.id, one.default) for one in buildings.styles] == [
        ("plain", False),  # its own default counts
        ("textured", False),
        ("height", True),
    ]
    assert [one.id for one in terrain.styles if one.default] == ["plain"]
    assert (buildings.queryable, terrain.queryable) == (True, False)
    assert buildings.formats[-1] == "application/vnd.google-earth.kml+xml"
    assert (terrain.wgs84, terrain.boxes) == (layers["city"].wgs84, layers["city"].boxes)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.1, "0.1"), (-5_700_000.25, "-5700000.25"), (1e300, "1e+300")]
)
def test_numbers_are_as_short_as_they_can_be(value: float, text: str) -> None:
    assert number(value) == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(words=st.text(st.characters(), max_size=20))
def test_any_text_gives_a_document(words: str, catalogue: Catalogue) -> None:
    many = (words,)
    title = (Text(words, words),)
    layer = Layer(id=words, title=title, keywords=many, metadata=many, formats=many)
    some = msgspec.structs.replace(catalogue, layers=(layer,))
    for posted in (False, True):
        [name] = parse(some, GetCapabilities(posted=posted)).xpath(
            "//*[local-name()='Layer']/ows:Identifier", namespaces=NAMES
        )
        assert name.text == etree.fromstring(f"<a>{clean(words)}</a>".encode()).text


REQUEST = f'service="3DPS" version="1.0" xmlns:ows="{NAMES["ows"]}"'
LAYERS = "<Layers><ows:Identifier>a</ows:Identifier></Layers>"


@pytest.mark.parametrize(
    ("part", "document"),
    [
        ("core", '<GetCapabilities service="3DPS"/>'),
        (
            "core",
            f'<GetResourceById {REQUEST} request="GetResourceById"><ResourceId>a/b</ResourceId>'
            "<OutputFormat>image/png</OutputFormat></GetResourceById>",
        ),
        (
            "info",
            f'<GetFeatureInfoByObjectId {REQUEST} request="GetFeatureInfoByObjectId">{LAYERS}'
            "<IdOnly>true</IdOnly><Format>text/xml</Format><ObjectId>x</ObjectId>"
            "<ObjectId>y</ObjectId></GetFeatureInfoByObjectId>",
        ),
        (
            "info",
            f'<GetFeatureInfoByPosition {REQUEST} request="GetFeatureInfoByPosition">{LAYERS}'
            '<Format>text/xml</Format><CRS>EPSG:25832</CRS><Coordinate xmlns:c="core">'
            "<c:X1>1</c:X1><c:X2>2</c:X2><c:X3>3</c:X3></Coordinate><Tolerance>2</Tolerance>"
            "</GetFeatureInfoByPosition>",
        ),
        (
            "view",
            f'<GetView {REQUEST} request="GetView" xmlns:c="core"><c:CRS>EPSG:25832</c:CRS>'
            "<ows:BoundingBox><ows:LowerCorner>0 0 0</ows:LowerCorner>"
            "<ows:UpperCorner>9 9 9</ows:UpperCorner></ows:BoundingBox>"
            "<c:Layers><ows:Identifier>a</ows:Identifier></c:Layers><Portrayals><Portrayal>"
            "<Width>64</Width><Height>48</Height><PerspectiveProjection><POC>1 2 3</POC>"
            "<POI>4 5 6</POI><Up>0 0 1</Up><FOVX>60</FOVX></PerspectiveProjection>"
            "<ImageLayers><ows:Identifier>COLOR</ows:Identifier></ImageLayers>"
            "<Formats><Format>image/png</Format></Formats><Qualities>80</Qualities>"
            "</Portrayal></Portrayals></GetView>",
        ),
        (
            "scene",
            f'<GetScene {REQUEST} request="GetScene" xmlns:c="core"><c:CRS>EPSG:25832</c:CRS>'
            "<c:Layers/><Offset><c:X1>1</c:X1><c:X2>2</c:X2><c:X3>3</c:X3></Offset>"
            "<Format>model/gltf+json</Format></GetScene>",
        ),
    ],
)
def test_requests_that_our_schemas_allow_are_read(ours: Any, part: str, document: str) -> None:
    # Each is in its own namespace; what it has of the core comes as `c:` or is put there.
    spaced = document.replace(">", f' xmlns="{NAMES[part]}">', 1)
    if document.startswith("<GetCapabilities"):
        spaced = f'<GetCapabilities service="3DPS" xmlns="{NAMES["core"]}"/>'
    spaced = spaced.replace('xmlns:c="core"', f'xmlns:c="{NAMES["core"]}"')
    ours.assertValid(etree.fromstring(spaced))
    assert type(read_fields(read_document(spaced.encode()))).__name__ in spaced


def test_feature_information_is_valid_by_our_schema(ours: Any) -> None:
    group = Group((("storeys", 3), ("<name>", None)))
    records = [Record(1, "a", "town", "Building", (group, group)), Record(2, "b", "town")]
    for some in (records, []):
        ours.assertValid(etree.fromstring(encode(some, "text/xml")))
