"""Requests of 3DPS in XML: the same values as by KVP, and no document harms the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.crs_names import CrsName
from gotapi_portrayal.request.errors import OwsError
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.request.types import (
    BoundingBox,
    GetCapabilities,
    GetFeatureInfoByObjectId,
    GetResourceById,
    GetView,
    ImageLayer,
    Orthographic,
    Perspective,
    Request,
)
from gotapi_portrayal.request.xml_post import read_document
from gotapi_portrayal.request.xml_tree import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS

SPACES = (
    'xmlns:core="http://www.opengis.net/3dps/1.0/core" '
    'xmlns:scene="http://www.opengis.net/3dps/1.0/scene" '
    'xmlns:view="http://www.opengis.net/3dps/1.0/view" '
    'xmlns:info="http://www.opengis.net/3dps/1.0/info" '
    'xmlns:ows="http://www.opengis.net/ows/1.1" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
)

# As the example of 10.7.2 is built, with its orthographic borders put right.
TEXT_VIEW = f"""<?xml version="1.0" encoding="UTF-8"?>
<view:GetView {SPACES} service="3DPS" request="GetView" version="1.0">
  <core:CRS>EPSG:1234</core:CRS>
  <ows:BoundingBox>
    <ows:LowerCorner>0.0 0.0 0.0</ows:LowerCorner>
    <ows:UpperCorner>100.0 100.0 100.0</ows:UpperCorner>
  </ows:BoundingBox>
  <core:SpatialSelection>contains_center</core:SpatialSelection>
  <core:Layers><ows:Identifier>dem</ows:Identifier><ows:Identifier>bldgs</ows:Identifier></core:Layers>
  <core:Styles><ows:Identifier>nice</ows:Identifier><ows:Identifier/></core:Styles>
  <core:OverallStyles><ows:Identifier>fog</ows:Identifier></core:OverallStyles>
  <view:BackgroundColor>0xFF0000</view:BackgroundColor>
  <view:Exceptions>INIMAGE</view:Exceptions>
  <view:Portrayals>
    <view:Portrayal>
      <view:Width>1024</view:Width>
      <view:Height>512</view:Height>
      <view:PerspectiveProjection>
        <view:POC>100 100 100</view:POC>
        <view:POI>101 101 101</view:POI>
        <view:Up>0 0 1</view:Up>
        <view:FOVX>80</view:FOVX>
        <view:NearPlane>0.0001</view:NearPlane>
        <view:FarPlane>10000.0</view:FarPlane>
      </view:PerspectiveProjection>
      <view:ImageLayers>
        <ows:Identifier>COLOR</ows:Identifier><ows:Identifier>DEPTH</ows:Identifier>
      </view:ImageLayers>
      <view:Formats>
        <view:Format>image/jpeg</view:Format><view:Format>image/png; mode=32bit</view:Format>
      </view:Formats>
      <view:Qualities>80,</view:Qualities>
    </view:Portrayal>
    <view:Portrayal>
      <view:Width>16</view:Width>
      <view:Height>16</view:Height>
      <view:OrthographicProjection>
        <view:POC>100 100 100</view:POC>
        <view:POI>101 101 101</view:POI>
        <view:Left>-100</view:Left>
        <view:Right>100</view:Right>
      </view:OrthographicProjection>
      <view:ImageLayers>COLOR</view:ImageLayers>
      <view:Formats>image/png</view:Formats>
    </view:Portrayal>
  </view:Portrayals>
</view:GetView>"""

KVP_VIEW = (
    "service=3DPS&request=GetView&version=1.0&crs=EPSG:1234&boundingBox=0,0,0,100,100,100"
    "&spatialSelection=contains_center&layers=dem,bldgs&styles=nice,&overallStyles=fog"
    "&backgroundColor=0xFF0000&exceptions=INIMAGE&portrayals="
    "WIDTH=1024;HEIGHT=512;PROJECTION=Perspective,100,100,100,101,101,101,0,0,1,80,,0.0001,10000;"
    "IMAGELAYERS=COLOR,DEPTH;FORMATS=image/jpeg,image/png%3Bmode=32bit;QUALITIES=80,@"
    "WIDTH=16;HEIGHT=16;PROJECTION=Orthographic,100,100,100,101,101,101,,,,-100,100,,,,;"
    "IMAGELAYERS=COLOR;FORMATS=image/png"
)

# As the posted schemas want it: no namespaces below the root, X1 X2 X3, lists as one text.
POSTED_SCENE = f"""<scene:GetScene {SPACES} service="3DPS" request="GetScene" version="1.0">
  <CRS>urn:ogc:def:crs:EPSG::25832</CRS>
  <BoundingBox crs="EPSG:4326">
    <LowerCorner>1 2</LowerCorner><UpperCorner>3 4</UpperCorner>
  </BoundingBox>
  <Layers>a, b</Layers>
  <Styles/>
  <LODs>CityGML:2</LODs>
  <DeliveryOptions>one</DeliveryOptions>
  <DeliveryOptions>two,three</DeliveryOptions>
  <Extensions><Whatever><Layers>c</Layers></Whatever></Extensions>
  <Offset><X1>1</X1><X2>2</X2><X3>3</X3></Offset>
  <OffsetMode>subtract</OffsetMode>
  <Format>model/gltf+json</Format>
  <Viewpoints>Overview,1,2,3,4,5,6,0,0,1,60</Viewpoints>
</scene:GetScene>"""

KVP_SCENE = (
    "service=3DPS&request=GetScene&version=1.0&crs=urn:ogc:def:crs:EPSG::25832"
    "&boundingBox=1,2,3,4,EPSG:4326&layers=a,b&styles=&lods=CityGML:2&deliveryOptions=one,two,three"
    "&offset=1,2,3&offsetMode=subtract&format=model/gltf+json"
    "&viewpoints=Overview,1,2,3,4,5,6,0,0,1,60"
)

RAY = """<GetFeatureInfoByRay xmlns="http://www.opengis.net/3dps/1.0/info" service="3DPS"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="1.0">
  <Layers>a</Layers><FeatureCount>2</FeatureCount><IdOnly>true</IdOnly><Format>text/xml</Format>
  <CRS>EPSG:25832</CRS><Height>480</Height><Width>640</Width>
  {projection}
  <ImagePosition><X1>3</X1><X2>4</X2></ImagePosition>
</GetFeatureInfoByRay>"""
CAMERA = """<POC><X1>1</X1><X2>2</X2><X3>3</X3></POC><POI>4,5,6</POI>
  <UP><X1>0</X1><X2>0</X2><X3>1</X3></UP><FOVX>60</FOVX>"""
KVP_RAY = (
    "service=3DPS&version=1.0&request=GetFeatureInfoByRay&layers=a&featureCount=2&idOnly=true"
    "&format=text/xml&crs=EPSG:25832&width=640&height=480&imagePosition=3,4"
    "&projection=Perspective,1,2,3,4,5,6,0,0,1,60,,,"
)


def read(document: str) -> Request:
    return read_fields(read_document(document.encode()))


def by_kvp(query: str) -> Request:
    return read_fields(read_query(query.encode()))


def refused(document: str | bytes) -> OwsError:
    with pytest.raises(OwsError) as caught:
        read_fields(read_document(document if isinstance(document, bytes) else document.encode()))
    return caught.value


def test_the_example_of_the_text_is_the_same_request_as_by_kvp() -> None:
    request = read(TEXT_VIEW)
    assert request == by_kvp(KVP_VIEW)
    assert isinstance(request, GetView)
    assert isinstance(request.views[0].projection, Perspective)
    assert isinstance(request.views[1].projection, Orthographic)
    assert request.views[0].layers[1] == ImageLayer("DEPTH", "image/png;mode=32bit", 100)


def test_the_elements_of_the_posted_schema_are_the_same_request_as_by_kvp() -> None:
    request = read(POSTED_SCENE)
    assert request == by_kvp(KVP_SCENE)
    assert getattr(request, "box", None) == BoundingBox((1, 2), (3, 4), CrsName("EPSG:4326"))


@pytest.mark.parametrize(
    "projection",
    [
        f"<PerspectiveProjection>{CAMERA}</PerspectiveProjection>",
        f"<Projection><PerspectiveProjection>{CAMERA}</PerspectiveProjection></Projection>",
        f"<Projection><TypeName>Perspective</TypeName>{CAMERA}</Projection>",
        f"<Projection><Identifier>Perspective</Identifier>{CAMERA}</Projection>",
        f'<Projection xsi:type="view:PerspectiveProjectionType">{CAMERA}</Projection>',
    ],
)
def test_every_way_to_write_a_projection(projection: str) -> None:
    assert read(RAY.format(projection=projection)) == by_kvp(KVP_RAY)


def test_capabilities_of_ows_common() -> None:
    request = read(
        """<GetCapabilities xmlns="http://www.opengis.net/3dps/1.0/core" service="3DPS"
             xmlns:ows="http://www.opengis.net/ows/2.0" updateSequence="7" schema="posted">
             <ows:AcceptVersions><ows:Version>9.9</ows:Version><ows:Version>1.0</ows:Version>
             </ows:AcceptVersions>
             <ows:Sections><ows:Section>Contents</ows:Section></ows:Sections>
             <ows:AcceptFormats><ows:OutputFormat>text/xml</ows:OutputFormat></ows:AcceptFormats>
             <ows:AcceptLanguages><ows:Language>de</ows:Language></ows:AcceptLanguages>
           </GetCapabilities>"""
    )
    assert request == GetCapabilities(frozenset({"Contents"}), 7, ("de",), posted=True)


def test_object_ids_repeat_and_may_contain_commas() -> None:
    request = read(
        """<GetFeatureInfoByObjectId service="3DPS" version="1.0"><Layers>a</Layers>
        <Format>text/xml</Format><ObjectId>x,1</ObjectId><ObjectId>y</ObjectId>
        </GetFeatureInfoByObjectId>"""
    )
    assert isinstance(request, GetFeatureInfoByObjectId)
    assert request.object_ids == ("x,1", "y")


def test_a_resource() -> None:
    request = read(
        """<GetResourceById service="3DPS" version="1.0"><ResourceID>a/b</ResourceID>
        <OutputFormat>image/png</OutputFormat></GetResourceById>"""
    )
    assert request == GetResourceById("a/b", "image/png")


@pytest.mark.parametrize(
    ("change", "code", "locator"),
    [
        (("service=", "served="), "MissingParameterValue", "service"),
        (('request="GetView"', 'request="GetScene"'), "InvalidParameterValue", "request"),
        (("<core:CRS>EPSG:1234</core:CRS>", ""), "MissingParameterValue", "crs"),
        (("<core:SpatialSelection>", "<core:CRS>x</core:CRS><core:SpatialSelection>"),
         "InvalidParameterValue", "crs"),
        (("0.0 0.0 0.0", "0.0 0.0 x"), "InvalidParameterValue", "boundingBox"),
        (("ows:UpperCorner", "ows:Corner"), "InvalidParameterValue", "boundingBox"),
        (("100 100 100", "100 100"), "InvalidParameterValue", "projection"),
        (("PerspectiveProjection", "FishProjection"), "InvalidParameterValue", "projection"),
        (("<view:Width>1024</view:Width>", "<view:Width/>"), "MissingParameterValue", "width"),
        (("<view:Left>-100<", "<view:Left>100<"), "InvalidParameterValue", "projection"),
    ],
)  # fmt: skip
def test_documents_that_are_refused(change: tuple[str, str], code: str, locator: str) -> None:
    assert TEXT_VIEW.count(change[0])
    error = refused(TEXT_VIEW.replace(*change))
    assert (error.code.value, error.locator) == (code, locator)


def test_too_many_entries_and_too_long_ones_are_refused() -> None:
    start, end = "<GetCapabilities service='3DPS'><Sections>", "</Sections></GetCapabilities>"
    assert refused(f"{start}{'<Section/>' * 1001}{end}").locator == "sections"
    assert refused(f"{start}<Section>{'a' * 5000}</Section>{end}").locator == "sections"
    portrayals = "<Portrayals>" + "<Portrayal/>" * 33 + "</Portrayals>"
    error = refused(
        f"<GetView service='3DPS' version='1.0'><CRS>CRS:84</CRS><Layers/>{portrayals}</GetView>"
    )
    assert error.locator == "portrayals"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("", "no element found"),
        ("<a><b></a>", "mismatched tag"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        ("<a>&b;</a>", "undefined entity"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "encoding"),
        ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), "deeper"),
        ("<a>" + "<b/>" * MAX_ELEMENTS + "</a>", "elements"),
        ("<a>" + " " * MAX_BYTES + "</a>", "longer"),
        ('<a xmlns="urn:else"/>', "namespace"),
    ],
    ids=lambda value: value if len(value) < 20 else value[:8],
)
def test_documents_that_harm_are_refused(document: str, why: str) -> None:
    error = refused(document)
    assert (error.code.value, error.locator, error.status) == ("NoApplicableCode", "", 400)
    assert why in error.text


def test_a_document_type_is_seen_in_every_encoding() -> None:
    document = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    assert "document type" in refused(document.encode("utf-16")).text


TAGS = st.sampled_from(
    ["GetView", "GetScene", "GetCapabilities", "CRS", "Layers", "Portrayals", "Portrayal", "Width"]
) | st.sampled_from(
    ["Projection", "PerspectiveProjection", "POC", "X1", "BoundingBox", "LowerCorner", "Format"]
)
TREES = st.recursive(
    st.sampled_from(["", "1", "1 2 3", "a,b", "EPSG:4326"]),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag} service='3DPS' version='1.0'>{''.join(parts)}</{tag}>",
        TAGS,
        st.lists(inner, max_size=5),
    ),
    max_leaves=20,
)


@given(TREES | st.text(max_size=50) | st.binary(max_size=100))
def test_every_document_is_a_request_or_an_exception(document: str | bytes) -> None:
    raw = document if isinstance(document, bytes) else document.encode("utf-8", "replace")
    try:
        found: Request | OwsError = read_fields(read_document(raw))
    except OwsError as error:
        found = error
    assert isinstance(found, Request) or found.status in (400, 501)
