"""CityGML 1, 2 and 3: one reader for how they are built; hostile XML gets nowhere."""

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gotapi_portrayal.data import citygml_looks
from gotapi_portrayal.data.citygml import CityGml
from gotapi_portrayal.data.citygml_xml import is_citygml, scan
from gotapi_portrayal.data.faults import Faults
from gotapi_portrayal.data.sink import Sink
from gotapi_portrayal.data.surfaces import Record
from gotapi_portrayal.data.types import SURFACES, SceneError

SPACES = {
    1: ("1.0", "http://www.opengis.net/gml", "http://www.opengis.net/citygml/1.0"),
    2: ("2.0", "http://www.opengis.net/gml", "http://www.opengis.net/citygml/2.0"),
    3: ("3.0", "http://www.opengis.net/gml/3.2", "http://www.opengis.net/citygml/3.0"),
}
MODULES = {
    "bldg": "building", "app": "appearance", "gen": "generics", "veg": "vegetation",
    "dem": "relief", "con": "construction", "frn": "cityfurniture",
}  # fmt: skip
ENVELOPE = """<gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs:EPSG::7415" srsDimension="3">
<gml:lowerCorner>85000 447000 0</gml:lowerCorner><gml:upperCorner>85010 447010 9</gml:upperCorner>
</gml:Envelope></gml:boundedBy>"""


def city(members: str, version: int = 2, head: str = ENVELOPE, prolog: str = "") -> bytes:
    number, gml, core = SPACES[version]
    modules = "".join(
        f' xmlns:{key}="http://www.opengis.net/citygml/{name}/{number}"'
        for key, name in MODULES.items()
    )
    return (
        f'<?xml version="1.0"?>{prolog}<CityModel xmlns="{core}" xmlns:core="{core}" '
        f'xmlns:gml="{gml}" xmlns:xlink="http://www.w3.org/1999/xlink"{modules}>'
        f"{head}{members}</CityModel>"
    ).encode()


def ring(*corners: tuple[float, float, float], name: str = "") -> str:
    closed = [*corners, corners[0]]
    text = " ".join(f"{85000 + x} {447000 + y} {z}" for x, y, z in closed)
    own = f' gml:id="{name}"' if name else ""
    return f"<gml:LinearRing{own}><gml:posList>{text}</gml:posList></gml:LinearRing>"


def polygon(z: float = 0.0, size: float = 10.0, name: str = "", ring_name: str = "") -> str:
    own = f' gml:id="{name}"' if name else ""
    corners = [(0, 0, z), (size, 0, z), (size, size, z), (0, size, z)]
    return (
        f"<gml:Polygon{own}><gml:exterior>{ring(*corners, name=ring_name)}</gml:exterior>"
        "</gml:Polygon>"
    )


def surfaces(*polygons: str) -> str:
    members = "".join(f"<gml:surfaceMember>{one}</gml:surfaceMember>" for one in polygons)
    return f"<gml:MultiSurface>{members}</gml:MultiSurface>"


def member(inner: str) -> str:
    return f"<core:cityObjectMember>{inner}</core:cityObjectMember>"


def building(inner: str, name: str = "b") -> str:
    return member(f'<bldg:Building gml:id="{name}">{inner}</bldg:Building>')


FLAT = f"<bldg:lod1MultiSurface>{surfaces(polygon())}</bldg:lod1MultiSurface>"
FLAT3 = FLAT.replace("bldg:lod", "core:lod")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_is_read(imported, store, version: int) -> None:
    done = imported(city(building(FLAT3 if version == 3 else FLAT), version))
    assert done.faults == ()
    assert (done.layer.crs.name, done.layer.lods) == ("EPSG:7415", ("1",))
    [feature] = store.features_by_id("new", ["b"]).values()
    assert feature.kind == "Building"
    assert feature.box is not None
    assert feature.box.low == (85000, 447000, 0)
    assert feature.box.high == (85010, 447010, 0)


def test_walls_and_windows_keep_their_meaning(imported, only_part) -> None:
    wall = (
        "<bldg:boundedBy><bldg:WallSurface><bldg:lod3MultiSurface>"
        f"{surfaces(polygon(0))}</bldg:lod3MultiSurface><bldg:opening><bldg:Window>"
        f"<bldg:lod3MultiSurface>{surfaces(polygon(1))}</bldg:lod3MultiSurface></bldg:Window>"
        "</bldg:opening></bldg:WallSurface></bldg:boundedBy>"
    )
    imported(city(building(wall)))
    found = [SURFACES[one] for one in only_part().surfaces.tolist()]
    assert found == ["WallSurface"] * 2 + ["Window"] * 2


def test_walls_and_windows_of_version_three(imported, only_part) -> None:
    wall = (
        "<core:boundary><con:WallSurface><con:fillingSurface><con:WindowSurface>"
        f"<core:lod3MultiSurface>{surfaces(polygon(1))}</core:lod3MultiSurface>"
        "</con:WindowSurface></con:fillingSurface>"
        f"<core:lod3MultiSurface>{surfaces(polygon(0))}</core:lod3MultiSurface>"
        "</con:WallSurface></core:boundary><core:boundary><con:OwnSurface>"
        f"<core:lod3MultiSurface>{surfaces(polygon(2))}</core:lod3MultiSurface>"
        "</con:OwnSurface></core:boundary>"
    )
    imported(city(building(wall), 3))
    found = {SURFACES[one] for one in only_part().surfaces.tolist()}
    assert found == {"WallSurface", "Window", "OtherSurface"}


def test_a_solid_that_refers_to_walls_does_not_show_them_twice(imported, only_part) -> None:
    inner = (
        "<bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>"
        '<gml:surfaceMember xlink:href="#p1"/><gml:surfaceMember>'
        f"{polygon(5)}</gml:surfaceMember></gml:CompositeSurface></gml:exterior></gml:Solid>"
        "</bldg:lod2Solid><bldg:boundedBy><bldg:RoofSurface><bldg:lod2MultiSurface>"
        f"{surfaces(polygon(0, name='p1'))}</bldg:lod2MultiSurface></bldg:RoofSurface>"
        "</bldg:boundedBy>"
    )
    imported(city(building(inner)))
    found = [SURFACES[one] for one in only_part().surfaces.tolist()]
    assert sorted(found) == ["", "", "RoofSurface", "RoofSurface"]


def test_references_to_nowhere_and_in_a_ring_are_told(told) -> None:
    inner = (
        f"{FLAT}<bldg:lod2MultiSurface><gml:MultiSurface gml:id='m'>"
        '<gml:surfaceMember xlink:href="#nowhere"/><gml:surfaceMember xlink:href="#m"/>'
        "</gml:MultiSurface></bldg:lod2MultiSurface>"
    )
    found = told(city(building(inner)))
    assert {name for name, _ in found} == {"b"}
    assert any("refers to '#nowhere'" in words for _, words in found)
    assert any("in a ring" in words for _, words in found)


def test_a_turned_surface_looks_the_other_way(imported, only_part) -> None:
    turned = (
        '<gml:OrientableSurface orientation="-"><gml:baseSurface>'
        f"{polygon()}</gml:baseSurface></gml:OrientableSurface>"
    )
    imported(city(building(f"<bldg:lod2MultiSurface>{surfaces(turned)}</bldg:lod2MultiSurface>")))
    part = only_part()
    corners = part.vertices[part.triangles[0]].tolist()
    (ax, ay, _), (bx, by, _), (cx, cy, _) = corners
    assert (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) < 0


def test_holes_and_every_way_to_write_corners(imported, area_of, only_part) -> None:
    pos = "".join(
        f"<gml:pos>{85000 + x} {447000 + y} 0</gml:pos>"
        for x, y in [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    )
    old = " ".join(
        f"{85000 + x},{447000 + y},0" for x, y in [(2, 2), (2, 4), (4, 4), (4, 2), (2, 2)]
    )
    points = "".join(
        f"<gml:pointProperty><gml:Point><gml:pos>{85000 + x} {447000 + y} 0</gml:pos></gml:Point>"
        "</gml:pointProperty>"
        for x, y in [(6, 6), (6, 8), (8, 8), (8, 6), (6, 6)]
    )
    shape = (
        f"<gml:Polygon><gml:exterior><gml:LinearRing>{pos}</gml:LinearRing></gml:exterior>"
        f"<gml:innerBoundaryIs><gml:LinearRing><gml:coordinates>{old}</gml:coordinates>"
        f"</gml:LinearRing></gml:innerBoundaryIs><gml:interior><gml:LinearRing>{points}"
        "</gml:LinearRing></gml:interior></gml:Polygon>"
    )
    inner = f"<bldg:lod2MultiSurface>{surfaces(shape)}</bldg:lod2MultiSurface>"
    assert imported(city(building(inner))).faults == ()
    assert area_of(only_part()) == pytest.approx(100 - 4 - 4)


def test_footprints_without_heights_lie_at_nought(imported) -> None:
    flat = (
        '<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList srsDimension="2">'
        "85000 447000 85010 447000 85010 447010 85000 447000</gml:posList></gml:LinearRing>"
        "</gml:exterior></gml:Polygon>"
    )
    inner = f"<bldg:lod0FootPrint>{surfaces(flat)}</bldg:lod0FootPrint>"
    done = imported(city(building(inner)))
    assert (done.layer.lods, done.layer.box.high[2]) == (("0",), 0)


@pytest.mark.parametrize(
    ("corners", "words"),
    [
        ("1 2 x", "no number"),
        ("1 2 3 4 5 6 7", "not three"),
        ("", "fewer than three"),
        ("85000 447000 0 85010 447000 NaN 85010 447010 0", "no number"),
        ("85000 447000 0 85010 447000 0", "fewer than three"),
    ],
)
def test_rings_that_are_none_cost_only_their_polygon(told, corners: str, words: str) -> None:
    bad = (
        "<gml:Polygon><gml:exterior><gml:LinearRing>"
        f"<gml:posList>{corners}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
    )
    inner = f"<bldg:lod2MultiSurface>{surfaces(polygon(), bad)}</bldg:lod2MultiSurface>"
    [(name, message)] = told(city(building(inner)))
    assert name == "b"
    assert words in message


def test_a_polygon_without_a_ring_is_told(told) -> None:
    inner = (
        f"<bldg:lod2MultiSurface>{surfaces(polygon(), '<gml:Polygon/>')}</bldg:lod2MultiSurface>"
    )
    assert told(city(building(inner))) == [("b", "a polygon has no ring; left out")]


def test_parts_rooms_and_furniture_are_features(imported, store) -> None:
    part = f'<bldg:BuildingPart gml:id="p">{FLAT}</bldg:BuildingPart>'
    inside = f"<bldg:lod4MultiSurface>{surfaces(polygon(3))}</bldg:lod4MultiSurface>"
    room = f'<bldg:Room gml:id="r">{inside}</bldg:Room>'
    inner = (
        f"<bldg:consistsOfBuildingPart>{part}</bldg:consistsOfBuildingPart>"
        f"<bldg:interiorRoom>{room}</bldg:interiorRoom>"
    )
    done = imported(city(building(inner)))
    assert done.faults == ()
    assert done.layer.classes == ("Building", "BuildingPart", "Room")
    found = store.features_by_id("new", ["b", "p", "r"])
    assert {child.object_id for child in store.children(found["b"].number)} == {"p", "r"}
    assert found["r"].lods == ("4",)


def test_a_feature_inside_of_a_wall_is_a_feature(imported) -> None:
    wall = (
        "<core:boundary><con:WallSurface><core:lod3MultiSurface>"
        f"{surfaces(polygon())}</core:lod3MultiSurface><con:occupied>"
        f'<frn:CityFurniture gml:id="f">{FLAT3}</frn:CityFurniture></con:occupied>'
        "</con:WallSurface></core:boundary>"
    )
    assert imported(city(building(wall), 3)).layer.classes == ("Building", "CityFurniture")


def test_features_without_an_id_get_one_and_that_is_told(told, store) -> None:
    found = told(city(member(f"<bldg:Building>{FLAT}</bldg:Building>")))
    assert found == [("Building_1", "has no gml:id; it was given this one")]
    assert store.features_by_id("new", ["Building_1"])


def test_the_same_id_twice_is_told(told, store) -> None:
    [(name, message)] = told(city(building(FLAT) + building(FLAT)))
    assert name == "b"
    assert "'b~2'" in message


def test_attributes_of_version_two(imported, store) -> None:
    inner = f"""<gml:name>Town hall</gml:name><gml:description> old </gml:description>
    <core:creationDate>2020-01-01</core:creationDate>
    <bldg:function>1</bldg:function><bldg:function>2</bldg:function><bldg:roofType/>
    <bldg:measuredHeight uom="m">12.5</bldg:measuredHeight>
    <bldg:storeysAboveGround>3</bldg:storeysAboveGround>
    <bldg:storeysBelowGround>few</bldg:storeysBelowGround>
    <gen:stringAttribute name="code"><gen:value>0503</gen:value></gen:stringAttribute>
    <gen:intAttribute name="beds"><gen:value>7</gen:value></gen:intAttribute>
    <gen:doubleAttribute name="share"><gen:value>x</gen:value></gen:doubleAttribute>
    <gen:emptyAttribute name="none"/>
    <core:externalReference><core:informationSystem>http://x</core:informationSystem>
    <core:externalObject><core:name>42</core:name></core:externalObject></core:externalReference>
    <bldg:address><core:Address gml:id="a"><core:street>High</core:street></core:Address>
    </bldg:address><gml:boundedBy><gml:Envelope><gml:lowerCorner>0 0 0</gml:lowerCorner>
    </gml:Envelope></gml:boundedBy>
    {FLAT}"""
    imported(city(building(inner)))
    [feature] = store.features_by_id("new", ["b"]).values()
    assert feature.attributes == {
        "name": "Town hall",
        "description": "old",
        "creationDate": "2020-01-01",
        "function": "1, 2",
        "measuredHeight": 12.5,
        "storeysAboveGround": 3,
        "storeysBelowGround": "few",
        "code": "0503",
        "beds": 7,
        "share": "x",
        "externalReference.informationSystem": "http://x",
        "externalReference.externalObject.name": "42",
        "address.street": "High",
    }


def test_attributes_of_version_three(imported, store) -> None:
    inner = f"""<core:genericAttribute><gen:DoubleAttribute><gen:name>share</gen:name>
    <gen:value>0.5</gen:value></gen:DoubleAttribute></core:genericAttribute>
    <con:height><con:Height><con:highReference>top</con:highReference>
    <con:value uom="m">9</con:value></con:Height></con:height>{FLAT3}"""
    imported(city(building(inner), 3))
    [feature] = store.features_by_id("new", ["b"]).values()
    assert feature.attributes == {
        "share": 0.5, "height.highReference": "top", "height.value": 9.0,
    }  # fmt: skip


def test_too_many_attributes_are_cut(imported, store) -> None:
    many = "".join(f"<bldg:a{number}>x</bldg:a{number}>" for number in range(600))
    imported(city(building(many + FLAT)))
    [feature] = store.features_by_id("new", ["b"]).values()
    assert len(feature.attributes) == 500


def relief(lod: str) -> str:
    triangle = (
        "<gml:Triangle><gml:exterior>"
        + ring((0, 0, 0), (10, 0, 1), (0, 10, 2))
        + "</gml:exterior></gml:Triangle>"
    )
    return member(
        '<dem:ReliefFeature gml:id="r"><dem:reliefComponent><dem:TINRelief gml:id="t">'
        f"<dem:extent>{polygon()}</dem:extent>{lod}<dem:tin><gml:TriangulatedSurface><gml:trianglePatches>{triangle}"
        "</gml:trianglePatches></gml:TriangulatedSurface></dem:tin></dem:TINRelief>"
        "</dem:reliefComponent></dem:ReliefFeature>"
    )


@pytest.mark.parametrize(("lod", "found"), [("<dem:lod>2</dem:lod>", ("2",)), ("", ())])
def test_relief_has_its_level_beside(imported, lod: str, found: tuple[str, ...]) -> None:
    done = imported(city(relief(lod)))
    assert (done.layer.lods, done.layer.triangles) == (found, 1)


def test_lines_and_points_are_no_surfaces(imported) -> None:
    lines = (
        "<bldg:lod1MultiCurve><gml:MultiCurve/></bldg:lod1MultiCurve>"
        "<bldg:spot><gml:Point/></bldg:spot>"
        "<bldg:boundedBy><bldg:WallSurface><bldg:part><bldg:Nothing/><gml:MultiSurface/></bldg:part>"
        "</bldg:WallSurface></bldg:boundedBy>"
    )
    assert imported(city(building(lines + FLAT))).faults == ()


SHAPE = (
    '<gml:Polygon gml:id="{0}"><gml:exterior><gml:LinearRing><gml:posList>0 0 0 1 0 0 0 1 0 0 0 0'
    "</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
)
PLACE = (
    "<core:referencePoint><gml:Point><gml:pos>85005 447005 1</gml:pos></gml:Point>"
    "</core:referencePoint>"
)
MATRIX = "<core:transformationMatrix>2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1</core:transformationMatrix>"


def tree(inner: str, name: str = "t") -> str:
    return member(
        f'<veg:SolitaryVegetationObject gml:id="{name}"><veg:lod2ImplicitRepresentation>'
        f"<core:ImplicitGeometry>{inner}</core:ImplicitGeometry>"
        "</veg:lod2ImplicitRepresentation></veg:SolitaryVegetationObject>"
    )


def inline(name: str = "shape") -> str:
    return f"<core:relativeGMLGeometry>{SHAPE.format(name)}</core:relativeGMLGeometry>"


REFERENCE = '<core:relativeGMLGeometry xlink:href="#shape"/>'


@pytest.mark.parametrize("first", ["t", "u"])
def test_implicit_shapes_stand_where_they_are_used(imported, store, first: str) -> None:
    trees = {"t": tree(MATRIX + PLACE + inline()), "u": tree(PLACE + REFERENCE, "u")}
    members = trees.pop(first) + "".join(trees.values())  # the shape may come after its use
    done = imported(city(members))
    assert done.faults == ()
    found = store.features_by_id("new", ["t", "u"])
    assert found["t"].box is not None
    assert found["u"].box is not None
    assert found["t"].box.low == (85005, 447005, 1)
    assert found["t"].box.high == (85007, 447007, 1)
    assert found["u"].box.high == (85006, 447006, 1)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (inline("x"), "no place"),
        (PLACE, "no place, or lies in another file"),
        (PLACE.replace("85005", "x") + inline("x"), "no place"),
        ("<core:referencePoint/>" + inline("x"), "no place"),
        (PLACE + REFERENCE, "refers to '#shape'"),
        (PLACE + inline("x") + MATRIX.replace("2 0", "x"), "16 numbers"),
        (PLACE + inline("x") + MATRIX.replace("2 0", "2"), "16 numbers"),
    ],
)
def test_wrong_implicit_shapes_are_told(told, inner: str, words: str) -> None:
    [(name, message)] = told(city(building(FLAT) + tree(inner)))
    assert name == "t"
    assert words in message


def test_metres_of_a_shape_are_not_added_to_degrees(imported, store) -> None:
    head = (
        ENVELOPE.replace("7415", "4979")
        .replace("85000 447000", "52.0 4.3")
        .replace("85010 447010", "52.1 4.4")
    )
    place = PLACE.replace("85005 447005 1", "52.05 4.35 7")
    imported(city(tree(MATRIX + place + inline()), head=head))
    [feature] = store.features_by_id("new", ["t"]).values()
    assert feature.box is not None
    width = feature.box.high[0] - feature.box.low[0]
    assert width == pytest.approx(2.0, abs=1e-3)
    assert feature.box.low[2] == 7


def appearance(data: str, theme: str = "visual") -> str:
    return (
        f"<app:appearanceMember><app:Appearance><app:theme>{theme}</app:theme>"
        f"<app:surfaceDataMember>{data}</app:surfaceDataMember></app:Appearance>"
        "</app:appearanceMember>"
    )


def material(target: str, more: str = "", colour: str = "1 0 0") -> str:
    return (
        f'<app:X3DMaterial gml:id="red"><app:diffuseColor>{colour}</app:diffuseColor>{more}'
        f"<app:target>{target}</app:target></app:X3DMaterial>"
    )


NAMED_SURFACES = surfaces(polygon(name="p", ring_name="ring"), polygon(3))
NAMED = f"<bldg:lod2MultiSurface>{NAMED_SURFACES}</bldg:lod2MultiSurface>"


@pytest.mark.parametrize("behind", [True, False])
def test_materials_may_stand_before_or_behind(imported, store, only_part, behind: bool) -> None:
    look = appearance(material("#p", "<app:transparency>0.5</app:transparency>"))
    members = building(NAMED) + look if behind else look + building(NAMED)
    assert imported(city(members)).faults == ()
    [(number, found)] = store.materials("new").items()
    assert (found.name, found.diffuse, found.transparency) == ("red", (1, 0, 0), 0.5)
    assert sorted(only_part().materials.tolist()) == [0, 0, number, number]


def test_materials_of_all_the_surfaces_of_a_geometry(imported, only_part) -> None:
    inner = NAMED.replace("<gml:MultiSurface>", '<gml:MultiSurface gml:id="all">')
    imported(city(building(inner) + appearance(material("#all"))))
    assert 0 not in only_part().materials.tolist()


def test_what_people_see_is_shown_and_not_the_heat(imported, store, only_part) -> None:
    heat = appearance(material("#p", colour="0 0 1"), "heat")
    imported(city(heat + building(NAMED) + appearance(material("#p"), "rgbTexture")))
    shown = {store.materials("new")[one].diffuse for one in only_part().materials.tolist() if one}
    assert shown == {(1, 0, 0)}


def test_the_heat_is_shown_where_there_is_nothing_else(imported, only_part) -> None:
    imported(city(appearance(material("#p", colour="0 0 1"), "heat") + building(NAMED)))
    assert len(set(only_part().materials.tolist())) == 2


def test_looks_are_found_far_behind(imported, only_part) -> None:
    filler = f"<!--{'-x' * 700_000}-->"
    imported(city(building(NAMED) + filler + appearance(material("#p"))))
    assert any(only_part().materials.tolist())


def test_backs_and_colours_that_are_none(imported, store, only_part) -> None:
    back = appearance(material("#p", "<app:isFront>false</app:isFront>"))
    wrong = appearance(material("#p", "<app:transparency>x</app:transparency>", "1 0"), "second")
    imported(city(building(NAMED) + back + wrong))
    assert set(only_part().materials.tolist()) == {0}  # the first theme has only a back
    [found] = store.materials("new").values()
    assert (found.diffuse, found.transparency) == ((0.8, 0.8, 0.8), 0)


def texture(targets: str, more: str = "") -> str:
    return (
        f"<app:ParameterizedTexture><app:imageURI>brick.png</app:imageURI>{more}{targets}"
        "</app:ParameterizedTexture>"
    )


TARGET2 = (
    '<app:target uri="#p"><app:TexCoordList><app:textureCoordinates ring="#ring">'
    "0 0 1 0 1 1 0 1 0 0</app:textureCoordinates></app:TexCoordList></app:target>"
)
TARGET3 = (
    "<app:textureParameterization><app:TextureAssociation><app:target>#p</app:target>"
    "<app:textureParameterization><app:TexCoordList><app:textureCoordinates>0 0 1 0 1 1 0 1 0 0"
    "</app:textureCoordinates><app:ring>#ring</app:ring></app:TexCoordList>"
    "</app:textureParameterization></app:TextureAssociation></app:textureParameterization>"
)


@pytest.mark.parametrize("target", [TARGET2, TARGET3])
def test_textures_with_their_places(imported, store, only_part, tmp_path: Path, target) -> None:
    Image.new("RGB", (4, 4), "red").save(tmp_path / "brick.png")
    look = appearance(texture(target, "<app:wrapMode>clamp</app:wrapMode>"))
    done = imported(city(building(NAMED) + look))
    assert done.faults == ()
    assert done.layer.textured
    part = only_part()
    assert part.uvs is not None
    low = part.vertices[:, 2] == part.vertices[:, 2].min()
    assert sorted(map(tuple, part.uvs[low].tolist())) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert not part.uvs[~low].any()
    assert [one.wrap for one in store.materials("new").values()] == ["clamp"]


def test_turned_surfaces_turn_their_places_too(imported, only_part, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), "red").save(tmp_path / "brick.png")
    turned = (
        '<gml:OrientableSurface orientation="-"><gml:baseSurface>'
        f"{polygon(name='p', ring_name='ring')}</gml:baseSurface></gml:OrientableSurface>"
    )
    inner = f"<bldg:lod2MultiSurface>{surfaces(turned)}</bldg:lod2MultiSurface>"
    imported(city(building(inner) + appearance(texture(TARGET2))))
    part = only_part()
    assert part.uvs is not None
    low = part.vertices.min(axis=0)[:2]
    assert part.uvs.tolist() == ((part.vertices[:, :2] - low) / 10).tolist()


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (texture(TARGET2), "is missing"),
        ("<app:GeoreferencedTexture/>", "georeferenced"),
    ],
)
def test_textures_that_are_not_there_are_told(told, look: str, words: str) -> None:
    [(_, message)] = told(city(building(NAMED) + appearance(look)))
    assert words in message


@pytest.mark.parametrize("places", ["0 0 1", "x y", "0 0"])
def test_places_that_do_not_fit_are_none(imported, only_part, tmp_path: Path, places: str) -> None:
    Image.new("RGB", (4, 4), "red").save(tmp_path / "brick.png")
    target = TARGET2.replace("0 0 1 0 1 1 0 1 0 0", places)
    more = texture("<app:imageURI/>") + texture(target, "<app:isFront>0</app:isFront>")
    imported(city(building(NAMED) + appearance(texture(target) + more)))
    part = only_part()
    assert part.uvs is None or not part.uvs.any()


DTD = '<!DOCTYPE CityModel [<!ENTITY a "b">]>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (city(building(FLAT), prolog=DTD), "DTD"),
        (city(building(FLAT), prolog='<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">'), "DTD"),
        (city(building(FLAT), prolog=" " * 60_000 + DTD), "DTD"),
        (
            city(building(f"<gml:name>&x;</gml:name>{FLAT}"),
                 prolog='<!DOCTYPE CityModel [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
            "DTD",
        ),
        (city(building(FLAT), prolog=DTD).decode().encode("utf-16"), "none of|DTD|damaged"),
        (city(building(FLAT))[:-30], "damaged"),
        (city(building(f"<gml:name>&nobody;</gml:name>{FLAT}")), "damaged"),
        (city(building("<bldg:a>" * 300 + "</bldg:a>" * 300 + FLAT)), "damaged"),
        (city(""), "has a surface"),
        (city(building("<gml:name>x</gml:name>")), "has a surface"),
    ],
)  # fmt: skip
def test_hostile_and_broken_files_are_refused(imported, store, content: bytes, words: str) -> None:
    with pytest.raises(SceneError, match=words):
        imported(content)
    assert store.layers() == ()


def test_a_broken_file_leaves_the_former_layer(imported, store) -> None:
    imported(city(building(FLAT)))
    with pytest.raises(SceneError, match="damaged"):
        imported(city(building(FLAT, "other") * 50)[:-200])
    assert list(store.features_by_id("new", ["b", "other"])) == ["b"]


def test_features_too_deep_are_told(told) -> None:
    def nested(depth: int) -> str:
        inner = nested(depth - 1) if depth else ""
        return (
            f'<bldg:BuildingPart gml:id="p{depth}"><bldg:consistsOfBuildingPart>{inner}'
            "</bldg:consistsOfBuildingPart></bldg:BuildingPart>"
        )

    found = told(city(building(FLAT) + member(nested(60))))
    assert any("more than 40 deep" in words for _, words in found)


def test_a_missing_crs_is_told_and_can_be_given(told, store) -> None:
    content = city(building(FLAT), head="")
    [(name, message)] = told(content)
    assert (name, "--crs" in message) == ("", True)
    assert told(content, crs="EPSG:28992") == []
    assert [layer.crs.name for layer in store.layers()] == ["EPSG:28992"]


def test_comments_and_processing_instructions_are_passed_over(imported) -> None:
    inner = f"<!-- a --><?b c?>{FLAT}<!-- d -->"
    assert imported(city(f"<!-- e -->{building(inner)}<?f?>")).layer.features == 1
    lone = f'<!-- a --><bldg:Building gml:id="b">{FLAT}</bldg:Building>'
    assert imported(city(member(lone))).layer.features == 1


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b'<?xml version="1.0"?><x xmlns="http://www.opengis.net/citygml/2.0">', True),
        (b"\xef\xbb\xbf  <x xmlns='http://www.opengis.net/gml'>", True),
        (b"<html>", False),
        (b"http://www.opengis.net/citygml", False),
    ],
)
def test_files_are_recognised_by_their_namespaces(head: bytes, found: bool) -> None:
    assert is_citygml(head) is found


def heard(file, size: int) -> list[str]:
    """Read a file without a store; returns the ids of its objects."""
    found: list[str] = []

    def take(records: list[Record]) -> None:
        found.extend(record.object_id for record in records)

    CityGml(file, size).read(Sink(Faults(), take, lambda _: 1, lambda _: 1))
    return found


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused(data) -> None:
    look = appearance(material("#p") + texture(TARGET2))
    whole = city(building(NAMED) + relief("") + tree(MATRIX + PLACE + inline()) + look)
    text = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 30))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"<a>", b"</a>", b"NaN", b'"', b"#", b"-1"])
        )
    with contextlib.suppress(SceneError):  # told, and not by another exception
        heard(io.BytesIO(bytes(text)), len(text))


def test_a_dtd_far_behind_blanks_is_refused_too() -> None:
    text = city(building(FLAT), prolog=" " * 100_000 + '<!DOCTYPE CityModel SYSTEM "x.dtd">')
    with pytest.raises(SceneError, match="DTD"):
        heard(io.BytesIO(text), len(text))


def test_looks_have_a_limit(
    imported, store, only_part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (4, 4), "red").save(tmp_path / "brick.png")
    monkeypatch.setattr(citygml_looks, "MOST_TARGETS", 0)
    imported(city(building(NAMED) + appearance(texture(TARGET2))))
    assert set(only_part().materials.tolist()) == {0}


def test_shapes_without_an_id_and_rings_of_other_things() -> None:
    empty = "<core:relativeGMLGeometry><gml:MultiSurface/></core:relativeGMLGeometry>"
    odd = "<gml:LinearRing><gml:coordinates>1,2,3</gml:coordinates><gml:odd/></gml:LinearRing>"
    shape = f"<gml:Polygon><gml:name/><gml:exterior>{odd}</gml:exterior></gml:Polygon>"
    inner = f"<bldg:lod2MultiSurface>{surfaces(shape)}</bldg:lod2MultiSurface>"
    text = city(building(FLAT + inner) + tree(PLACE + empty))
    assert heard(io.BytesIO(text), len(text)) == ["b", "t"]


def test_a_lone_member_and_places_that_are_no_numbers() -> None:
    text = city(building(FLAT), head="<gml:pos>. . .</gml:pos>")
    assert heard(io.BytesIO(text), len(text)) == ["b"]
    assert scan(io.BytesIO(text))[1] is None
    member_only = text[text.index(b"<core:cityObjectMember") : text.rindex(b"</CityModel>")]
    spaces = text[text.index(b"<CityModel") + 10 : text.index(b">", text.index(b"<CityModel"))]
    lone = member_only.replace(b"<core:cityObjectMember", b"<core:cityObjectMember" + spaces, 1)
    assert heard(io.BytesIO(lone), len(lone)) == ["b"]
