"""`spatialIndex` in X3D and VRML97: trees of tiles that browsers load as one comes near."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from lxml import etree

from gotapi_portrayal.catalogue import CrsInfo
from gotapi_portrayal.check import Axes
from gotapi_portrayal.data.types import Box, Triple
from gotapi_portrayal.scene import formats
from gotapi_portrayal.scene.frames import frame_of
from gotapi_portrayal.scene.model import Camera, Frame, Look, Mesh, SceneLayer, SceneModel, Tile
from gotapi_portrayal.scene.x3d_index import CLASSIC, PLACE, VRML, XML, index, resource

URL = "http://127.0.0.1:4035/3dps?request=GetResourceById&resourceId="


def tile(path: str, low: Triple, size: float, *children: Tile, triangles: int = 1) -> Tile:
    high = (low[0] + size, low[1] + size, low[2] + 10.0)
    return Tile(path, Box(low, high), 10.0, triangles, children)


def tree(x: float, y: float, size: float) -> Tile:
    """Three leaves at the first level, below the third of which there are two more."""
    half = size / 2
    leaves = [tile("1-0-0", (x, y, 0.0), half), tile("1-1-0", (x + half, y, 0.0), half)]
    corner = (x + half, y + half, 0.0)
    deep = [tile("2-2-2", corner, half / 2), tile("2-3-3", (x + half, y + half, 5.0), half / 2)]
    inner = tile("1-1-1", corner, half, *deep, triangles=2)
    return tile("0-0-0", (x, y, 0.0), size, *leaves, inner, triangles=4)


@dataclass
class Links:
    """A scope whose tiles have one triangle each, at their lower corner."""

    media: str
    root: Tile
    axes: Axes
    offset: Triple | None = None
    mode: str = ""
    viewpoints: tuple[Camera, ...] = ()
    title: str = "Town & all"
    layers: tuple[SceneLayer, ...] = (SceneLayer("town", "Town"),)

    @property
    def frame(self) -> Frame:
        return frame_of(self.axes, self.root.box.centre)

    def tile(self, path: str) -> Tile | None:
        found = [self.root]
        while found:
            one = found.pop()
            if one.path == path:
                return one
            found += one.children
        return None

    def scene(self, tile: Tile) -> SceneModel:
        origin = tile.box.centre
        low = np.array(tile.box.low) - origin
        corners = low + np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)]) / self.frame.unit
        triangles = np.array([(0, 1, 2)], "u4")[: 0 if tile.children else 1]
        mesh = Mesh(0, 0, "", corners.astype("f4"), triangles, np.empty(0, "u4"))
        less = np.array(self.offset if self.offset and self.mode == "subtract" else (0.0,) * 3)
        x, y, z = (np.array(origin) - less).tolist()
        return SceneModel(
            self.title, frame_of(self.axes, origin), origin, (x, y, z), (mesh,), (Look(),),
            layers=self.layers, offset=self.offset, offset_mode=self.mode,
        )  # fmt: skip

    def url(self, place: str, path: str, media: str) -> str:
        assert place == PLACE
        return f"{URL}{place}/{path}&outputFormat={media.replace('+', '%2B')}"


def axes(crs: str, *, swapped: bool = False) -> Axes:
    return Axes(CrsInfo(crs, crs == "EPSG:4326", swapped), swapped)


def utm(media: str = XML) -> Links:
    return Links(media, tree(458_000.0, 5_438_000.0, 800.0), axes("EPSG:25832"))


def links(text: bytes) -> list[str]:
    """The paths of all links of a document, in order."""
    return re.findall(r"resourceId=x3d/([0-9-]+\.\w+)&", text.decode().replace("&amp;", "&"))


def test_the_index_is_a_geo_lod_with_urls_of_the_first_level() -> None:
    root = etree.fromstring(index(utm()))
    [lod] = root.iter("GeoLOD")
    assert [lod.get(f"child{n}Url") for n in (1, 2, 3, 4)] == [
        f'"{URL}x3d/{path}.x3d&outputFormat=model/x3d%2Bxml"'
        for path in ("1-0-0", "1-1-0", "1-1-1")
    ] + [None]
    assert lod.get("geoSystem") == '"UTM" "Z32" "RF" "easting_first"'
    assert lod.get("center") == "458400 5438400 5"
    assert float(lod.get("range", "0")) > 4e7  # the whole is shown from everywhere
    assert [one.get("USE") for one in lod] == ["O"]
    assert root.find("head/meta[@name='title']").get("content") == "Town & all"  # type: ignore[union-attr]
    [view] = root.iter("GeoViewpoint")
    assert view.get("description") == "Overview"
    assert not list(root.iter("Shape"))


@pytest.mark.parametrize(("media", "suffix"), [(XML, "x3d"), (CLASSIC, "x3dv"), (VRML, "wrl")])
def test_links_lead_to_the_tiles_of_a_tile_and_at_last_to_what_it_shows(
    media: str, suffix: str
) -> None:
    scope = utm(media)
    assert links(index(scope)) == [f"{path}.{suffix}" for path in ("1-0-0", "1-1-0", "1-1-1")]
    inner, leaf = resource(scope, f"1-1-1.{suffix}"), resource(scope, f"1-0-0.{suffix}")
    assert inner is not None
    assert leaf is not None
    assert inner.media == leaf.media == media
    assert links(inner.body) == [f"2-2-2.{suffix}", f"2-3-3.{suffix}"]
    assert links(leaf.body) == []
    assert b"Shape" not in inner.body
    assert leaf.body.count(b"Material") == 1
    for tile_of in (inner, leaf):
        assert b"Viewpoint" not in tile_of.body
        assert b"NavigationInfo" not in tile_of.body


@pytest.mark.parametrize("path", ["1-0-0", "1-0-0.wrl", "9-0-0.x3d", ".x3d", "x.x3d", ""])
def test_what_is_no_tile_is_nothing(path: str) -> None:
    assert resource(utm(), path) is None


def test_all_tiles_have_the_geo_origin_of_the_index() -> None:
    scope = utm()
    bodies = [index(scope)] + [
        found.body for path in ("1-1-1", "1-0-0", "2-2-2")
        if (found := resource(scope, f"{path}.x3d")) is not None
    ]  # fmt: skip
    assert len(bodies) == 4
    for body in bodies:
        [origin] = etree.fromstring(body).xpath("//GeoOrigin[@DEF]")
        assert origin.get("geoCoords") == "458400 5438400 5"
        assert origin.get("rotateYUp") == "true"
    leaf = resource(scope, "1-0-0.x3d")
    assert leaf is not None
    [points] = (one.get("point") for one in etree.fromstring(leaf.body).iter("GeoCoordinate"))
    assert points == "458000 5438000 0 458001 5438000 0 458000 5438001 0"
    near = float(next(etree.fromstring(bodies[1]).iter("GeoLOD")).get("range", "0"))
    assert near == pytest.approx(12 * np.linalg.norm((400, 400, 10)), rel=1e-3)


def test_an_offset_that_is_embedded_is_the_geo_origin() -> None:
    scope = replace(utm(), offset=(458_000.0, 5_438_000.0, 0.0), mode="embed")
    leaf = resource(scope, "1-0-0.x3d")
    assert leaf is not None
    for body in (index(scope), leaf.body):
        assert b"geoCoords='458000 5438000 0'" in body


def test_one_tile_is_a_link_all_the_same_and_none_is_nothing() -> None:
    only = replace(utm(), root=tile("0-0-0", (458_000.0, 5_438_000.0, 0.0), 10.0))
    assert links(index(only)) == ["0-0-0.x3d"]
    leaf = resource(only, "0-0-0.x3d")
    assert leaf is not None
    assert b"<Shape>" in leaf.body
    for media in (XML, CLASSIC, VRML):
        empty = tile("0-0-0", (0.0, 0.0, 0.0), 0.0, triangles=0)
        assert links(index(replace(only, media=media, root=empty))) == []


def inlined(text: bytes) -> tuple[list[float], float, int]:
    """Centre, range and number of Inline of a LOD in VRML97."""
    found = re.search(rb"LOD \{ center (\S+) (\S+) (\S+) range \[ (\S+) \]", text)
    assert found is not None
    x, y, z, distance = (float(one) for one in found.groups())
    return [x, y, z], distance, text.count(b"Inline {")


@pytest.mark.parametrize(
    ("offset", "centre"),
    [(None, [458_600.0, 5.0, -5_438_600.0]), ((458_000.0, 5_438_000.0, 1.0), [600.0, 4.0, -600.0])],
)
def test_vrml97_has_lods_of_the_world(offset: Triple | None, centre: list[float]) -> None:
    scope = replace(utm(VRML), offset=offset, mode="subtract" if offset else "")
    inner = resource(scope, "1-1-1.wrl")
    assert inner is not None
    assert inlined(inner.body) == (centre, pytest.approx(6789.3, abs=0.1), 2)
    assert b" level [" in inner.body
    x3d = resource(replace(scope, media=CLASSIC), "1-1-1.x3dv")
    assert x3d is not None
    if offset:  # moved away from earth
        assert inlined(x3d.body)[0] == centre
        assert b"COMPONENT Navigation:2\nCOMPONENT Networking:2\n" in x3d.body
    else:
        assert b"GeoLOD" in x3d.body


def test_tiles_of_a_crs_that_is_stretched_fit() -> None:
    """Each tile has a middle of its own, but all have the metres of that of the whole."""
    scope = Links(VRML, tree(935_000.0, 6_275_000.0, 100_000.0), axes("EPSG:3857"))
    scales = set()
    for path in ("1-0-0", "2-3-3"):
        found = resource(scope, f"{path}.wrl")
        assert found is not None
        scales |= set(re.findall(rb"scale (\S+ \S+ \S+)", found.body))
    assert len(scales) == 1
    assert scope.frame.unit[0] == pytest.approx(float(scales.pop().split()[0]))


def test_viewpoints_of_the_request_are_in_the_index() -> None:
    look = Camera("Here", (458_000.0, 5_438_100.0, 20.0), (458_000.0, 5_438_000.0, 20.0),
                  (0.0, 0.0, 1.0), 60.0)  # fmt: skip
    [view] = etree.fromstring(index(replace(utm(), viewpoints=(look,)))).iter("GeoViewpoint")
    assert (view.get("description"), view.get("position")) == ("Here", "458000 5438000 20")
    [flat] = re.findall(
        rb'Viewpoint \{ description "Here" position (\S+ \S+ \S+) ',
        index(replace(utm(VRML), viewpoints=(look,))),
    )
    assert flat == b"458000 20 -5438000"


@pytest.mark.parametrize("media", [XML, CLASSIC, VRML])
def test_the_formats_know_them(media: str) -> None:
    row = formats.FORMATS[media]
    assert row.can == {formats.VIEWPOINTS, formats.BACKGROUND, formats.EMBED}
    encode, indexed, found = formats.encoder(media), formats.index(media), formats.finder(PLACE)
    assert encode is not None
    assert indexed is not None
    assert found is not None
    assert indexed(utm(media)) == index(utm(media))
    assert found(utm(media), "no tile") is None
    assert encode(utm(media).scene(utm().root)).startswith((b"<?xml", b"#X3D V3.3", b"#VRML V2.0"))
