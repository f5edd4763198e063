"""Scenes as X3D (XML, classic) and VRML97, read back by a small reader: the same scene in all."""

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pyproj
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from gotapi_portrayal.catalogue import LOCAL, CrsInfo
from gotapi_portrayal.check import Axes
from gotapi_portrayal.data.types import Attribute, Feature, Triple
from gotapi_portrayal.scene import vrml, x3d
from gotapi_portrayal.scene.frames import frame_of
from gotapi_portrayal.scene.model import Camera, Look, Mesh, Picture, SceneLayer, SceneModel

# What a node may have: of ISO/IEC 19775-1 version 3.3, without fields that nobody writes here.
FIELDS = {
    "WorldInfo": {"title": "S", "info": "MS"},
    "NavigationInfo": {"type": "MS"},
    "DirectionalLight": {"direction": "3", "intensity": "1", "ambientIntensity": "1"},
    "Background": {"skyAngle": "M", "skyColor": "M", "groundAngle": "M", "groundColor": "M"},
    "Viewpoint": {"description": "S", "position": "3", "orientation": "4", "fieldOfView": "1"},
    "GeoViewpoint": {
        "description": "S", "position": "3", "orientation": "4", "fieldOfView": "1",
        "geoSystem": "MS", "geoOrigin": "N",
    },
    "GeoOrigin": {"geoSystem": "MS", "geoCoords": "3", "rotateYUp": "B"},
    "Transform": {"rotation": "4", "scale": "3", "translation": "3", "children": "MN"},
    "Group": {"children": "MN", "metadata": "N"},
    "LOD": {"children": "MN", "center": "3", "range": "M"},
    "Shape": {"appearance": "N", "geometry": "N"},
    "Appearance": {"material": "N", "texture": "N"},
    "Material": {"diffuseColor": "3", "emissiveColor": "3", "transparency": "1"},
    "ImageTexture": {"url": "MS", "repeatS": "B", "repeatT": "B", "textureProperties": "N"},
    "TextureProperties": {"boundaryModeS": "S", "boundaryModeT": "S"},
    "IndexedTriangleSet": {
        "solid": "B", "normalPerVertex": "B", "ccw": "B", "index": "M", "coord": "N",
        "texCoord": "N",
    },
    "Coordinate": {"point": "M"},
    "GeoCoordinate": {"point": "M", "geoSystem": "MS", "geoOrigin": "N"},
    "TextureCoordinate": {"point": "M"},
    "MetadataSet": {"name": "S", "reference": "S", "value": "MN"},
    "MetadataString": {"name": "S", "value": "MS"},
    "MetadataInteger": {"name": "S", "value": "M"},
    "MetadataDouble": {"name": "S", "value": "M"},
    "MetadataBoolean": {"name": "S", "value": "B"},
}  # fmt: skip
BEYOND_VRML97 = {"IndexedTriangleSet", "TextureProperties"} | {
    kind for kind in FIELDS if kind.startswith(("Geo", "Metadata"))
}
FIELDS97 = {kind: known for kind, known in FIELDS.items() if kind not in BEYOND_VRML97} | {
    "IndexedFaceSet": {"solid": "B", "ccw": "B", "coordIndex": "M", "coord": "N", "texCoord": "N"},
    "Group": {"children": "MN"},
    "LOD": {"level": "MN", "center": "3", "range": "M"},
    "ImageTexture": {"url": "MS", "repeatS": "B", "repeatT": "B"},
}


@dataclass
class Read:
    """A node that was read; `values` are texts, flags, lists of texts, lists of numbers."""

    kind: str
    name: str = ""
    values: dict[str, object] = field(default_factory=dict)
    nodes: list[tuple[str, "Read"]] = field(default_factory=list)

    def child(self, name: str) -> "Read":
        return next(one for key, one in self.nodes if key == name)

    def children(self) -> list["Read"]:
        return [one for key, one in self.nodes if key in ("children", "level")]

    def walk(self) -> Iterator["Read"]:
        yield self
        for _, one in self.nodes:
            yield from one.walk()

    def numbers(self, name: str) -> list[float]:
        found = self.values[name]
        assert isinstance(found, list)
        return found


CONTAINERS = {
    "Appearance": "appearance", "Material": "material", "ImageTexture": "texture",
    "TextureProperties": "textureProperties", "IndexedTriangleSet": "geometry",
    "Coordinate": "coord", "GeoCoordinate": "coord", "TextureCoordinate": "texCoord",
    "GeoOrigin": "geoOrigin",
}  # fmt: skip


def read_xml(document: bytes) -> list[Read]:
    root = etree.fromstring(document)
    assert (root.tag, root.get("version"), root.get("profile")) == ("X3D", "3.3", "Interchange")
    named: dict[str, Read] = {}
    [scene] = root.iterfind("Scene")
    return [_element(one, named)[1] for one in scene]


def _element(given: etree._Element, named: dict[str, Read]) -> tuple[str, Read]:
    kind = str(given.tag)
    default = "metadata" if kind.startswith("Metadata") else CONTAINERS.get(kind, "children")
    container = given.get("containerField", default)
    if "USE" in given.attrib:
        used = named[given.attrib["USE"]]
        assert used.kind == kind
        return container, used
    made = Read(kind, given.get("DEF", ""))
    assert made.name not in named, "one name for two nodes"
    for key, text in given.attrib.items():
        if key not in ("DEF", "containerField"):
            made.values[str(key)] = _typed(FIELDS[kind][str(key)], str(text))
    made.nodes = [_element(one, named) for one in given]
    if made.name:
        named[made.name] = made
    return container, made


def _typed(kind: str, text: str) -> object:
    if kind == "S":
        return text
    if kind == "B":
        return {"true": True, "false": False}[text]
    if kind == "MS":
        found = re.findall(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL)
        assert " ".join(f'"{one}"' for one in found) == text
        return [re.sub(r"\\(.)", r"\1", one, flags=re.DOTALL) for one in found]
    return [float(one) for one in text.split()]


HEAD = re.compile(rb'(?:PROFILE \w+|COMPONENT \w+:\d|META(?: "(?:[^"\\]|\\.)*"){2})\n', re.DOTALL)
TOKEN = re.compile(rb'\s*(?:"((?:[^"\\]|\\.)*)"|([{}\[\]])|([^\s{}\[\]"]+))', re.DOTALL)


def read_classic(document: bytes, known: dict[str, dict[str, str]]) -> list[Read]:
    """Read classic X3D after its head, or VRML97."""
    body = re.sub(rb"^#.*\n", b"", document)
    while head := HEAD.match(body):
        body = body[head.end() :]
    tokens: list[tuple[str, str]] = []
    place = 0
    while found := TOKEN.match(body, place):
        place = found.end()
        number = next(n for n in (1, 2, 3) if found[n] is not None)
        tokens.append((" S{w"[number], found[number].decode()))
    assert not body[place:].strip()
    reader = _Classic(tokens[::-1], known)
    scene = []
    while reader.tokens:
        scene.append(reader.node())
    return scene


class _Classic:
    def __init__(self, tokens: list[tuple[str, str]], known: dict[str, dict[str, str]]) -> None:
        self.tokens = tokens
        self.known = known
        self.named: dict[str, Read] = {}

    def word(self) -> str:
        return self.tokens.pop()[1]

    def node(self) -> Read:
        word, name = self.word(), ""
        if word == "USE":
            return self.named[self.word()]
        if word == "DEF":
            name, word = self.word(), self.word()
        assert self.word() == "{"
        assert name not in self.named, "one name for two nodes"
        made = Read(word, name)
        while (key := self.word()) != "}":
            kind = self.known[word][key]
            if kind in ("N", "MN"):
                made.nodes += [(key, one) for one in self._nodes(kind)]
            else:
                made.values[key] = self._value(kind)
        if name:
            self.named[name] = made
        return made

    def _nodes(self, kind: str) -> list[Read]:
        if kind == "N":
            return [self.node()]
        assert self.word() == "["
        found = []
        while self.tokens[-1][1] != "]":
            found.append(self.node())
        self.word()
        return found

    def _value(self, kind: str) -> object:
        if kind in ("S", "B"):
            mark, word = self.tokens.pop()
            assert mark == ("S" if kind == "S" else "w")
            return unescaped(word) if kind == "S" else {"TRUE": True, "FALSE": False}[word]
        if kind.isdigit():
            found: list[object] = [float(self.word()) for _ in range(int(kind))]
            return found
        assert self.word() == "["
        found = []
        while self.tokens[-1] != ("{", "]"):
            mark, word = self.tokens.pop()
            assert mark == ("S" if kind == "MS" else "w")
            found.append(unescaped(word) if kind == "MS" else float(word))
        self.word()
        return found


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def all_three(scene: SceneModel) -> dict[str, list[Read]]:
    texts = x3d.encode_xml(scene), x3d.encode_classic(scene), vrml.encode(scene)
    assert texts[1].startswith(b"#X3D V3.3 utf8\nPROFILE Interchange\n")
    assert texts[2].startswith(b"#VRML V2.0 utf8\n")
    return {
        "xml": read_xml(texts[0]),
        "classic": read_classic(texts[1], FIELDS),
        "vrml": read_classic(texts[2], FIELDS97),
    }


@dataclass
class Drawn:
    """A triangle of the world: whose it is, where it is in metres (or geocentric), its picture."""

    owner: str
    corners: np.ndarray
    uvs: list[tuple[float, float]] | None


def drawn(nodes: list[Read]) -> list[Drawn]:
    return [one for node in nodes for one in _drawn(node, "", np.eye(4))]


def _drawn(node: Read, owner: str, matrix: np.ndarray) -> Iterator[Drawn]:
    if node.kind == "Transform":
        matrix = matrix @ transform(node)
    if node.kind == "Group" and node.name.startswith("F"):
        owner = node.name
    if node.kind == "Shape":
        yield from _triangles(node.child("geometry"), owner, matrix)
    for child in node.children():
        yield from _drawn(child, owner, matrix)


def transform(node: Read) -> np.ndarray:
    """Scale, then turn, then move (19775-1, 10.4.4)."""
    x, y, z, angle = node.values.get("rotation", (0.0, 0.0, 1.0, 0.0))
    skew = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    turned = np.eye(3) + math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew
    matrix = np.eye(4)
    matrix[:3, :3] = turned @ np.diag(node.values.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.values.get("translation", (0.0, 0.0, 0.0))
    return matrix


def _triangles(geometry: Read, owner: str, matrix: np.ndarray) -> Iterator[Drawn]:
    points = np.array(geometry.child("coord").numbers("point")).reshape(-1, 3)
    if geometry.kind == "IndexedFaceSet":
        index = np.array(geometry.numbers("coordIndex"), int).reshape(-1, 4)
        assert (index[:, 3] == -1).all()
    else:
        index = np.array(geometry.numbers("index"), int).reshape(-1, 3)
    if geometry.values.get("ccw") is False:
        index = index[:, [0, 2, 1]]
    uvs = None
    if any(key == "texCoord" for key, _ in geometry.nodes):
        listed = geometry.child("texCoord").numbers("point")
        uvs = list(zip(listed[::2], listed[1::2], strict=True))
        assert len(uvs) == len(points)
    world = points @ matrix[:3, :3].T + matrix[:3, 3]
    if np.linalg.det(matrix[:3, :3]) < 0:  # a mirror turns round what was turned round
        index = index[:, [0, 2, 1]]
    for corners in index[:, :3].tolist():
        # Front faces stay front faces: the order of corners is that of the world.
        yield Drawn(owner, world[corners], None if uvs is None else [uvs[n] for n in corners])


BOX = np.array([(x, y, z) for z in (0, 1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))], "f4")
SIDES = np.array(
    [(a, b, c) for q in ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6),
                         (3, 0, 4, 7)) for a, b, c in (q[:3], (q[0], q[2], q[3]))], "u4",
)  # fmt: skip
PLACE = (458_020.25, 5_438_040.5, 112.125)


def picture(mime: str = "image/png") -> Picture:
    written = io.BytesIO()
    Image.new("RGB", (2, 2), (255, 0, 0)).save(written, mime.partition("/")[2].upper())
    return Picture(3, mime, 2, 2, written.getvalue())


def feature(number: int, name: str = "one", **attributes: Attribute) -> Feature:
    return Feature(number, "town", name, "Building", 0, attributes, ("2",), None)


def scene_at(
    crs: str = "EPSG:25832", origin: Triple = PLACE, *, swapped: bool = False
) -> SceneModel:
    """Two boxes of one mesh, and a roof of the first with a picture."""
    frame = frame_of(Axes(CrsInfo(crs, crs in ("EPSG:4326", "CRS:84"), swapped), swapped), origin)
    unit = np.array(frame.unit)
    two = np.vstack((BOX * 10, BOX * (20, 10, 30) + (50, -30, 1))) / unit
    boxes = Mesh(
        0, 1, "CityGML:2", two.astype("f4"), np.vstack((SIDES, SIDES + 8)).astype("u4"),
        np.repeat([0, 1], 8).astype("u4"),
    )  # fmt: skip
    roof = Mesh(
        1, 1, "CityGML:2", ((BOX[:4] * 10 + (0, 0, 12)) / unit).astype("f4"),
        np.array([(0, 1, 2), (0, 2, 3)], "u4"), np.zeros(4, "u4"),
        np.array([(0, 0), (1, 0), (1, 1.5), (0, 1.5)], "f4"),
    )  # fmt: skip
    return SceneModel(
        title="Town",
        frame=frame,
        origin=origin,
        place=origin,
        meshes=(boxes, roof),
        looks=(Look((0.8, 0.3, 0.2), opacity=0.5), Look(picture=0, emissive=(0.1, 0.0, 0.0))),
        pictures=(picture(),),
        features=(feature(7, "a"), feature(9, "b")),
        layers=(SceneLayer("all", "All"), SceneLayer("town", "Town", "as-is", 0)),
    )


def metres(scene: SceneModel) -> list[tuple[str, np.ndarray]]:
    """What is to be drawn: owner and corners relative to the origin, in metres, x east, z up."""
    return [
        (f"F{scene.features[int(mesh.features[corners[0]])].number}", mesh.vertices[corners] * unit)
        for mesh in scene.meshes
        for unit in (np.array(scene.frame.unit),)
        for corners in mesh.triangles
    ]


def same(found: list[tuple[str, np.ndarray]], wanted: list[tuple[str, np.ndarray]]) -> None:
    """Triangles count as equal whatever corner they begin with, but not turned round."""

    def sign(one: tuple[str, np.ndarray]) -> tuple[str, tuple[tuple[float, ...], ...]]:
        corners = [tuple(corner) for corner in np.round(one[1], 3) + 0.0]
        first = corners.index(min(corners))
        return one[0], tuple(corners[first:] + corners[:first])

    def order(one: tuple[str, np.ndarray]) -> tuple[str, tuple[tuple[float, ...], ...]]:
        owner, corners = sign(one)
        return owner, tuple(tuple(round(part, 1) for part in corner) for corner in corners)

    assert len(found) == len(wanted)
    for ours, theirs in zip(sorted(found, key=order), sorted(wanted, key=order), strict=True):
        assert ours[0] == theirs[0]
        np.testing.assert_allclose(sign(ours)[1], sign(theirs)[1], atol=0.002)


def flattened(one: Drawn, scene: SceneModel) -> tuple[str, np.ndarray]:
    """A triangle of the world without geography: back to x east, y north, z up."""
    x, y, z = one.corners.T
    place = np.array(scene.place) * scene.frame.unit
    return one.owner, np.column_stack((x, -z, y)) - place


@pytest.mark.parametrize(
    ("crs", "place"),
    [("EPSG:28992", (84_500.0, 446_000.5, 3.0)), ("EPSG:3857", (935_000.0, 6_275_000.0, 0.0)),
     (LOCAL, (0.0, 0.0, 0.0))],
)  # fmt: skip
def test_a_crs_x3d_does_not_have_is_below_transforms(crs: str, place: Triple) -> None:
    scene = scene_at(crs, place)
    for nodes in all_three(scene).values():
        same([flattened(one, scene) for one in drawn(nodes)], metres(scene))


def test_north_before_east_is_a_mirror_image_put_right_in_x3d() -> None:
    scene = scene_at("EPSG:31467", (3_456_000.0, 5_439_000.0, 5.0), swapped=True)
    read = all_three(scene)
    for nodes in read.values():
        same([flattened(one, scene) for one in drawn(nodes)], metres(scene))
    inner = next(one for node in read["xml"] for one in node.walk() if one.name == "place")
    assert inner.values["translation"] == [5_439_000.0, 3_456_000.0, 5.0]
    axes = {name: nodes[0].values["info"][2] for name, nodes in read.items()}
    assert axes["xml"] == axes["classic"] == "axes=north east height"
    assert axes["vrml"] == "axes=east north height"  # whose scale is never below 0


@pytest.mark.parametrize(
    ("crs", "place", "swapped", "system"),
    [("EPSG:25832", PLACE, False, ["UTM", "Z32", "RF", "easting_first"]),
     ("EPSG:32733+5773", (500_000.0, 8_000_000.0, 1.0), False,
      ["UTM", "Z33", "S", "WE", "easting_first", "WGS84"]),
     ("EPSG:4326", (8.4, 49.0, 112.0), True, ["GD", "WE"]),
     ("CRS:84", (8.4, 49.0, 112.0), False, ["GD", "WE", "longitude_first"])],
)  # fmt: skip
def test_places_on_earth_are_absolute_in_the_crs(
    crs: str, place: Triple, swapped: bool, system: list[str]
) -> None:
    scene = scene_at(crs, place, swapped=swapped)
    read = all_three(scene)
    for nodes in (read["xml"], read["classic"]):
        systems = [one.values["geoSystem"] for node in nodes for one in node.walk()
                   if "geoSystem" in one.values]  # fmt: skip
        assert systems
        assert all(one == system for one in systems)
        back = [
            (one.owner, (one.corners[:, [1, 0, 2] if swapped else [0, 1, 2]] - place)
             * scene.frame.unit)
            for one in drawn(nodes)
        ]  # fmt: skip
        same(back, metres(scene))
    same([flattened(one, scene) for one in drawn(read["vrml"])], metres(scene))


def test_subtracted_and_embedded_offsets() -> None:
    offset = (458_000.0, 5_438_000.0, 100.0)
    less = tuple(a - b for a, b in zip(PLACE, offset, strict=True))
    scene = replace(scene_at(), offset=offset, offset_mode="subtract", place=less)
    for nodes in all_three(scene).values():
        same([flattened(one, scene) for one in drawn(nodes)], metres(scene))
        assert nodes[0].values["info"][-2:] == [
            "offset=458000.0 5438000.0 100.0", "offsetMode=subtract"
        ]  # fmt: skip
    read = all_three(replace(scene, place=PLACE, offset_mode="embed"))
    same([flattened(one, scene) for one in drawn(read["vrml"])], metres(scene))
    origins = [one for one in read["xml"][-1].walk() if one.kind == "GeoOrigin"]
    assert all(one.values["geoCoords"] == list(offset) for one in origins)
    corners = min(tuple(corner) for one in drawn(read["xml"]) for corner in one.corners)
    assert corners == PLACE  # GeoOrigin moves floats, not coordinates


def camera_axes(node: Read) -> np.ndarray:
    """Columns: right, up and back of a camera."""
    return transform(Read("Transform", values={"rotation": node.values["orientation"]}))[:3, :3]


def test_viewpoints_of_the_request() -> None:
    looks = (
        Camera("From the south", (0, 0, 20), (0, -200, 60), (0, 0, 1), 60.0),
        Camera("Down", (5, 5, 0), (5, 5, 400), (0, 1, 0), 40.0),
    )
    scene = replace(scene_at("EPSG:28992", (84_500.0, 446_000.0, 0.0)), viewpoints=looks)
    for nodes in all_three(scene).values():
        south, down = (one for one in nodes if one.kind == "Viewpoint")
        assert south.values["description"] == "From the south"
        assert south.values["position"] == [84_500.0, 60.0, -445_800.0]
        assert south.values["fieldOfView"] == [pytest.approx(math.pi / 3, abs=1e-5)]
        ahead = np.array((0, -40, -200)) / math.hypot(40, 200)
        np.testing.assert_allclose(-camera_axes(south)[:, 2], ahead, atol=1e-6)
        np.testing.assert_allclose(-camera_axes(down)[:, 2], (0, -1, 0), atol=1e-6)
        np.testing.assert_allclose(camera_axes(down)[:, 1], (0, 0, -1), atol=1e-6)


def test_viewpoints_on_earth_are_turned_by_the_convergence_of_meridians() -> None:
    north = Camera("north", (0, 1000, 0), (0, 0, 0), (0, 0, 1), 60.0)
    east_of_middle = (700_000.0, 5_438_040.5, 112.0)
    scene = replace(scene_at(origin=east_of_middle), viewpoints=(north,))
    read = all_three(scene)
    for nodes in (read["xml"], read["classic"]):
        [view] = (one for one in nodes if one.kind == "GeoViewpoint")
        assert view.values["position"] == list(east_of_middle)
        x, _, z = -camera_axes(view)[:, 2]
        proj = pyproj.Proj("EPSG:25832")
        turned = proj.get_factors(*proj(*east_of_middle[:2], inverse=True)).meridian_convergence
        assert math.degrees(math.atan2(x, -z)) == pytest.approx(turned, abs=0.01)
        assert abs(turned) > 1.5


def test_without_viewpoints_everything_is_seen_from_the_south() -> None:
    scene = scene_at("EPSG:28992", (0.0, 0.0, 0.0))
    for nodes in all_three(scene).values():
        [view] = (one for one in nodes if one.kind == "Viewpoint")
        corners = np.vstack([one.corners for one in drawn(nodes)]) - view.values["position"]
        seen = corners @ camera_axes(view)
        half = math.tan(view.numbers("fieldOfView")[0] / 2)
        assert (seen[:, 2] < 0).all()
        assert (np.abs(seen[:, :2]) <= -seen[:, 2:] * half).all()


def test_layers_and_features_have_what_is_known_of_them() -> None:
    known: dict[str, Attribute] = {
        "height": 12.5, "floors": 3, "big": 2**40, "flat": False, "none": None, "nan": math.nan,
        "note": 'a "quoted" \\ <b>&\'\n',
    }  # fmt: skip
    part = Feature(9, "town", "b", "BuildingPart", 7, {}, (), None)
    scene = replace(scene_at(), features=(feature(7, "a", **known), part))
    read = all_three(scene)
    for nodes in (read["xml"], read["classic"]):
        names = {one.name: one for node in nodes for one in node.walk()}
        about = names["F7"].child("metadata")
        assert (about.values["name"], about.values["reference"]) == ("a", "feature")
        told = {one.values["name"]: one.values["value"] for _, one in about.nodes}
        assert told == {
            "ObjectId": [7], "class": ["Building"], "height": [12.5], "floors": [3],
            "big": [str(2**40)], "flat": False, "nan": ["nan"], "note": [known["note"]],
        }  # fmt: skip
        parent = [one.values["value"] for _, one in names["F9"].child("metadata").nodes]
        assert parent == [[9], ["BuildingPart"], [7]]
        assert [one.name for one in names["L0"].children()] == ["L1"]
        assert [one.name for one in names["L1"].children()] == ["F7", "F9"]
        style = [one.values["value"] for _, one in names["L1"].child("metadata").nodes]
        assert style == [["Town"], ["as-is"]]
    names = {one.name: one for node in read["vrml"] for one in node.walk()}
    info = names["F7"].children()[0]
    assert info.values["title"] == "a"
    assert info.values["info"] == [
        "kind=feature", "ObjectId=7", "class=Building", "height=12.5", "floors=3",
        f"big={2**40}", "flat=false", "nan=nan", f"note={known['note']}",
    ]  # fmt: skip


def test_looks_are_written_once() -> None:
    scene = scene_at()
    texts = x3d.encode_xml(scene), x3d.encode_classic(scene), vrml.encode(scene)
    assert [text.count(b"Material ") for text in texts] == [2, 2, 2]
    assert [text.count(b"data:image/png;base64,") for text in texts] == [1, 1, 1]
    assert [text.count(b"USE='A0'") + text.count(b"USE A0") for text in texts] == [1, 1, 1]
    assert b"<component name='Geospatial' level='1'/>" in texts[0]
    assert b"COMPONENT Geospatial:1\n" in texts[1]
    [material, *_] = (
        one for node in read_xml(texts[0]) for one in node.walk() if one.kind == "Material"
    )
    assert material.values == {"diffuseColor": [0.8, 0.3, 0.2], "transparency": [0.5]}
    [shared] = {
        tuple(one.values["emissiveColor"])
        for node in read_classic(texts[2], FIELDS97)
        for one in node.walk()
        if "emissiveColor" in one.values
    }
    assert shared == (0.1, 0.0, 0.0)


def test_pictures_that_browsers_do_not_have_to_read_become_png() -> None:
    scene = replace(scene_at(), pictures=(picture("image/webp"),))
    assert b'"data:image/png;base64,iVBOR' in x3d.encode_xml(scene)
    scene = replace(scene, pictures=(picture("image/jpeg"),))
    assert b'"data:image/jpeg;base64,/9j/' in vrml.encode(scene)


@pytest.mark.parametrize(
    ("wrap", "fields", "fields97"),
    [("repeat", {}, {}), ("clamp", {"repeatS": False, "repeatT": False}, None),
     ("border", {"repeatS": False, "repeatT": False}, None), ("mirror", {}, {})],
)  # fmt: skip
def test_pictures_beyond_their_borders(
    wrap: str, fields: dict[str, bool], fields97: dict[str, bool] | None
) -> None:
    scene = scene_at()
    plain = scene.looks[1]
    looks = (replace(plain, wrap=wrap), replace(plain, wrap=wrap, colour=(1, 0, 0)))
    for name, nodes in all_three(replace(scene, looks=looks)).items():
        pictures = [one for node in nodes for one in node.walk() if one.kind == "ImageTexture"]
        assert len(pictures) >= 2
        assert pictures[0] is pictures[-1], "two looks share a picture"
        values = {key: value for key, value in pictures[0].values.items() if key != "url"}
        assert values == (fields97 if name == "vrml" and fields97 is not None else fields)
        modes = [one.values for _, one in pictures[0].nodes]
        mirrored = {"boundaryModeS": "MIRRORED_REPEAT", "boundaryModeT": "MIRRORED_REPEAT"}
        assert modes == ([mirrored] if wrap == "mirror" and name != "vrml" else [])


def test_lods_of_one_feature_are_levels_the_finest_first() -> None:
    scene = scene_at("EPSG:28992")
    coarse = replace(scene.meshes[0], lod="CityGML:1", triangles=SIDES[:2])
    for name, nodes in all_three(replace(scene, meshes=(coarse, *scene.meshes))).items():
        lods = [one for node in nodes for one in node.walk() if one.kind == "LOD"]
        assert len(lods) == 1, name
        assert "range" not in lods[0].values  # browsers choose
        fine, plain = lods[0].children()
        assert [len(fine.children()), len(plain.children())] == [2, 1]


@pytest.mark.parametrize("name", ["sky", "gradient", "night"])
def test_backgrounds(name: str) -> None:
    for nodes in all_three(replace(scene_at(), background=name)).values():
        [sky] = (one for one in nodes if one.kind == "Background")
        for part in ("sky", "ground"):
            colours, angles = sky.numbers(f"{part}Color"), sky.numbers(f"{part}Angle")
            assert len(colours) == 3 * (len(angles) + 1)
            assert angles == sorted(angles)
            assert all(0 <= one <= 1 for one in colours)


def test_nothing_at_all_and_what_was_regrouped() -> None:
    nothing = replace(scene_at(), meshes=(), features=(), pictures=(), looks=(), layers=())
    for nodes in all_three(nothing).values():
        assert drawn(nodes) == []
    scene = scene_at("EPSG:28992")
    joined = tuple(replace(mesh, features=np.empty(0, "u4")) for mesh in scene.meshes)
    for nodes in all_three(replace(scene, meshes=joined, features=(), regrouped=True)).values():
        assert [one.owner for one in drawn(nodes)] == [""] * 26


def test_reduced_quality_has_fewer_digits() -> None:
    scene = scene_at(origin=(458_020.123456, 5_438_040.5, 112.125))
    whole, less = x3d.encode_xml(scene), x3d.encode_xml(replace(scene, reduced=True))
    assert b"458020.12346 " in whole
    assert b"458020.12 " in less
    assert len(less) < len(whole)


SLOWLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip
texts = st.text(st.characters(codec="utf-8") | st.sampled_from("\"\\'<>&\n\t\r\x00\x0b\ufffe"))
values = st.one_of(texts, st.booleans(), st.integers(-(2**31), 2**31 - 1), st.floats(-1e9, 1e9))


def carried(text: str) -> str:
    return "".join(
        one if one in "\t\n\r" or (" " <= one < "\ufffe") or one > "\uffff" else "\ufffd"
        for one in text
    )


@given(st.dictionaries(texts, texts, max_size=4), texts)
@SLOWLY
def test_strings_come_back_as_they_were(known: dict[str, str], title: str) -> None:
    scene = replace(scene_at(), title=title, features=(feature(7, "a", **known), feature(9)))
    read = all_three(scene)
    for nodes in (read["xml"], read["classic"]):
        assert nodes[0].values["title"] == carried(title)
        [about] = (one.child("metadata") for node in nodes for one in node.walk()
                   if one.name == "F7")  # fmt: skip
        told = [(one.values["name"], one.values["value"]) for _, one in about.nodes][2:]
        assert told == [(carried(name), [carried(text)]) for name, text in known.items()]
    [group] = (one for node in read["vrml"] for one in node.walk() if one.name == "F7")
    told97 = group.children()[0].values["info"]
    assert told97[3:] == [carried(f"{name}={text}") for name, text in known.items()]


grid = st.integers(-(2**20), 2**20).map(lambda steps: steps / 2**10)


@st.composite
def meshes(draw: st.DrawFn) -> Mesh:
    """Triangles of up to four features in any order; no vertex belongs to two."""
    points = draw(st.lists(st.tuples(grid, grid, grid), min_size=3, max_size=20, unique=True))
    owners = draw(st.lists(st.integers(0, 3), min_size=len(points), max_size=len(points)))
    triangles = draw(
        st.lists(
            st.sampled_from(owners).flatmap(
                lambda owner: st.tuples(
                    *(st.sampled_from([n for n, one in enumerate(owners) if one == owner]),) * 3
                )
            ),
            max_size=20,
        )
    )
    return Mesh(
        0, 1, "", np.array(points, "f4"), np.array(triangles, "u4").reshape(-1, 3),
        np.array(owners, "u4"),
    )  # fmt: skip


@given(meshes(), st.booleans())
@SLOWLY
def test_triangles_come_back_as_they_were(mesh: Mesh, on_earth: bool) -> None:
    scene = scene_at() if on_earth else scene_at("EPSG:28992", (84_500.0, 446_000.0, 0.0))
    features = tuple(feature(number) for number in (3, 1, 4, 5))
    scene = replace(scene, meshes=(mesh,), features=features)
    wanted = sorted(
        (owner, *np.round(corners, 3).ravel().tolist()) for owner, corners in metres(scene)
    )
    for name, nodes in all_three(scene).items():
        geographic = on_earth and name != "vrml"
        back = [
            (one.owner, one.corners - PLACE) if geographic else flattened(one, scene)
            for one in drawn(nodes)
        ]
        found = sorted((owner, *np.round(corners, 3).ravel().tolist()) for owner, corners in back)
        assert [one[0] for one in found] == [one[0] for one in wanted]
        np.testing.assert_allclose(
            np.array([one[1:] for one in found]), np.array([one[1:] for one in wanted]), atol=0.002
        )


def test_what_is_nowhere_is_left_out() -> None:
    scene = scene_at("EPSG:28992")
    bad = scene.meshes[0].vertices.copy()
    bad[0] = np.inf, np.nan, 0
    broken = replace(scene, meshes=(replace(scene.meshes[0], vertices=bad),))
    for text in (x3d.encode_xml(broken), x3d.encode_classic(broken), vrml.encode(broken)):
        assert not re.search(rb"null|nan|[^_]inf\b", text, re.IGNORECASE)
    gone = int((SIDES == 0).any(axis=1).sum())
    assert len(drawn(all_three(broken)["xml"])) == 24 - gone
