"""The pieces glTF and scenes are made of, each for itself."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_portrayal.catalogue import CrsInfo
from gotapi_portrayal.check import Axes
from gotapi_portrayal.data.types import Attribute, Box, Feature, Part
from gotapi_portrayal.request.errors import OwsError
from gotapi_portrayal.scene import formats, gltf_buffers
from gotapi_portrayal.scene.frames import frame_of, geocentric, unit_at
from gotapi_portrayal.scene.gltf import document, gltf
from gotapi_portrayal.scene.gltf_buffers import Buffer
from gotapi_portrayal.scene.gltf_metadata import MOST_COLUMNS, Names, column, tables
from gotapi_portrayal.scene.join import join, listed, meshes, snapped
from gotapi_portrayal.scene.kept import Kept
from gotapi_portrayal.scene.model import (
    Camera,
    Frame,
    Look,
    Mesh,
    Picture,
    SceneLayer,
    SceneModel,
    Tile,
    extent,
)

NOWHERE = Frame("LOCAL:METRES", "LOCAL:METRES")


def read_column(values: list[Attribute]) -> tuple[dict[str, Any], list[Any]]:
    """Write a column and read it back as EXT_structural_metadata says."""
    buffer = Buffer()
    described, stored = column(buffer, values)
    data = b"".join(buffer.chunks)

    def view(number: int) -> bytes:
        one = buffer.views[number]
        assert one["byteOffset"] % 8 == 0
        assert one["byteLength"] > 0
        return data[one["byteOffset"] : one["byteOffset"] + one["byteLength"]]

    raw = view(stored["values"])
    if described["type"] == "STRING":
        ends = np.frombuffer(view(stored["stringOffsets"]), "<u4").tolist()
        found: list[Any] = [raw[ends[n] : ends[n + 1]].decode() for n in range(len(values))]
    elif described["type"] == "BOOLEAN":
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
        found = [bool(one) for one in bits[: len(values)]]
    else:
        kinds = {"UINT8": "<u1", "INT32": "<i4", "INT64": "<i8", "FLOAT64": "<f8"}
        found = np.frombuffer(raw, kinds[described["componentType"]]).tolist()
    return described, [None if one == described.get("noData", ...) else one for one in found]


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, 2, -3], "INT32", [1, 2, -3]),
        ([1, None], "INT32", [1, None]),
        ([2**31, 1], "INT64", [2**31, 1]),
        ([-(2**31), 1], "INT64", [-(2**31), 1]),
        ([-(2**31), None], "INT64", [-(2**31), None]),
        ([2**63, 1], "STRING", ["9223372036854775808", "1"]),
        ([1.5, 2], "FLOAT64", [1.5, 2.0]),
        ([1.5, None], "FLOAT64", [1.5, None]),
        ([2, 1.5, None], "FLOAT64", [2.0, 1.5, None]),
        ([float("nan"), float("inf"), 1.0], "FLOAT64", [None, None, 1.0]),
        ([10**400, 1.0], "FLOAT64", [None, 1.0]),
        ([True, False, True], "BOOLEAN", [True, False, True]),
        ([True, None, False], "UINT8", [1, None, 0]),
        ([True, 1], "STRING", ["true", "1"]),
        (["ä", None, "", "x"], "STRING", ["ä", None, None, "x"]),
        ([False, "no"], "STRING", ["false", "no"]),
        ([None, None], "STRING", [None, None]),
        (["\ud800"], "STRING", ["?"]),
    ],
)
def test_a_column_has_the_type_of_its_values(
    values: list[Attribute], kind: str, found: list[Any]
) -> None:
    described, back = read_column(values)
    assert described.get("componentType", described["type"]) == kind
    assert back == found
    assert described.get("required", False) == ("noData" not in described)


attributes = st.lists(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    min_size=1,
    max_size=9,
)


@given(attributes)
@settings(max_examples=200, deadline=None)
def test_any_column_can_be_read_back(values: list[Attribute]) -> None:
    described, back = read_column(values)
    assert len(back) == len(values)
    for value, read in zip(values, back, strict=True):
        if value is None:
            assert read is None
        elif isinstance(value, str) and described["type"] == "STRING":
            assert read == (value.encode("utf-8", "replace").decode() or None)
        elif isinstance(value, int) and read is not None and described["type"] != "STRING":
            assert read == pytest.approx(int(value))


@given(st.lists(st.text(max_size=5), max_size=20))
@settings(max_examples=100, deadline=None)
def test_names_are_what_a_schema_allows_and_each_is_another(texts: list[str]) -> None:
    names = Names()
    found = [names.take(text) for text in texts]
    assert len(set(found)) == len(found)
    assert all(name.isascii() and name.isidentifier() for name in found)


def test_a_table_has_no_more_columns_than_allowed() -> None:
    wide = Feature(1, "a", "x", "B", 0, {f"n{n}": n for n in range(500)}, (), None)
    found = tables(Buffer(), [("a layer", "A", [wide])])
    assert found is not None
    assert len(found["propertyTables"][0]["properties"]) == 3 + MOST_COLUMNS
    assert list(found["schema"]["classes"]) == ["a_layer"]
    assert tables(Buffer(), []) is None


def test_attributes_begin_at_four_bytes() -> None:
    buffer = Buffer()
    points = np.arange(9, dtype=np.uint16).reshape(3, 3)
    buffer.attribute("positions", points, extent(points))
    buffer.attribute("ids", np.arange(3, dtype=np.float32))
    buffer.indices(np.array([[0, 1, 2]], np.uint32), 3)
    buffer.indices(np.array([[0, 1, 70000]], np.uint32), 70001)
    buffer.finish()
    strides = [one.get("byteStride") for one in buffer.views]
    assert strides == [8, 4, None, None]
    assert [one["componentType"] for one in buffer.accessors] == [5123, 5126, 5123, 5125]
    assert (buffer.accessors[0]["min"], buffer.accessors[0]["max"]) == ([0, 1, 2], [6, 7, 8])
    assert buffer.size % 8 == 0
    assert sum(map(len, buffer.chunks)) == buffer.size


def part(layer: str, number: int, origin: tuple[float, float, float], lod: str = "2") -> Part:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    return Part(
        layer=layer,
        lod=lod,
        origin=origin,
        features=np.array([number]),
        triangle_starts=np.array([0, 1]),
        vertex_starts=np.array([0, 3]),
        boxes=np.array([[0, 0, 0, 1, 1, 0]], np.float32),
        centres=np.zeros((1, 3), np.float32),
        vertices=vertices,
        triangles=np.array([[0, 1, 2]], np.uint32),
        materials=np.zeros(1, np.uint32),
        surfaces=np.zeros(1, np.uint8),
    )


def test_parts_are_joined_around_one_origin_and_taken_apart_by_kind() -> None:
    parts = [part("b", 7, (100.0, 0, 0)), part("a", 9, (0.0, 0, 5)), part("a", 7, (0.0, 9, 0), "")]
    joined = join(parts, [1, 0, 0], (50.0, 0.0, 0.0))
    assert joined.vertices[:, 0].tolist() == [50, 51, 50, -50, -49, -50, -50, -49, -50]
    assert joined.numbers.tolist() == [7, 9, 7]  # by layer: the numbers of `a` come first
    assert joined.of_vertex.tolist() == [2] * 3 + [1] * 3 + [0] * 3
    found = list(meshes(joined, np.array([0, 1, 1]), {"2": "CityGML:2"}, (1.0, 1.0, 1.0)))
    assert [(one.layer, one.lod, one.look) for one in found] == [
        (1, "CityGML:2", 0),
        (0, "CityGML:2", 1),
        (0, "", 1),
    ]
    assert all(one.triangles.tolist() == [[0, 1, 2]] for one in found)
    assert listed(joined, {})[0].object_id == "7"  # gone since it was read


def test_a_small_mesh_of_many_vertices_is_compacted() -> None:
    parts = [part("a", number, (float(number), 0, 0)) for number in range(1, 40)]
    joined = join(parts, [0] * 39, (0.0, 0.0, 0.0))
    looks = np.zeros(39, np.int64)
    looks[20] = 1
    [many, one] = meshes(joined, looks, {}, (1.0, 1.0, 1.0))
    assert (len(many.vertices), len(one.vertices)) == (114, 3)
    assert one.vertices[:, 0].tolist() == [21, 22, 21]
    assert one.features.tolist() == [20, 20, 20]


def test_nothing_is_joined_to_nothing() -> None:
    joined = join([], [], (0.0, 0.0, 0.0))
    assert list(meshes(joined, np.empty(0, np.int64), {}, (1.0, 1.0, 1.0))) == []
    assert SceneModel("", NOWHERE, (0, 0, 0), (0, 0, 0)).box == Box((0, 0, 0), (0, 0, 0))


@given(
    st.lists(st.floats(-500, 500, width=32), min_size=3, max_size=3),
    st.tuples(*[st.integers(-1000, 1000)] * 3),
)
@settings(max_examples=100, deadline=None)
def test_snapped_points_are_the_same_from_every_origin(
    point: list[float], other: tuple[int, int, int]
) -> None:
    step = (2.0**-14,) * 3
    first = np.array((500_000.0, 5_700_000.0, 0.0))
    second = first + np.array(other) / 4
    exact = np.array(point, np.float64)
    here = snapped(exact.astype(np.float32)[None], tuple(first), step)[0]
    there = snapped((first + here - second).astype(np.float32)[None], tuple(second), step)[0]
    assert (first + here).tolist() == (second + there).tolist()


def test_normals_are_true_in_degrees_too() -> None:
    # A roof that rises 1 m over 1 m, in degrees.
    unit = (70_000.0, 111_000.0, 1.0)
    roof = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 1]]) / np.array(unit)
    slope = Mesh(
        0, 0, "", roof.astype(np.float32), np.array([[0, 1, 2], [0, 0, 1]], np.uint32),
        np.zeros(3, np.uint32), None, unit,
    )  # fmt: skip
    half = np.sqrt(0.5)
    assert slope.normals == pytest.approx(np.array([[0, -half, half], [0, 0, 1]]), abs=1e-3)


def test_what_a_model_tells_of_itself() -> None:
    scene = SceneModel("", NOWHERE, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    named = Feature(1, "a", "x1", "B", 0, {"name": "Town hall"}, (), None)
    plain = Feature(1, "a", "x1", "B", 0, {"name": 7}, (), None)
    assert (scene.name_of(named), scene.name_of(plain)) == ("Town hall", "x1")
    assert scene.triangles == 0
    assert not NOWHERE.on_earth
    with pytest.raises(ValueError, match="nowhere"):
        NOWHERE.degrees(np.zeros((1, 3)))
    suffixes = [Picture(1, f"image/{one}", 1, 1, b"").suffix for one in ("png", "jpeg", "webp")]
    assert suffixes == [".png", ".jpg", ".webp"]
    assert Tile("3-1-2", scene.box, 0.0, 0).level == 3


def test_units_of_a_crs() -> None:
    assert unit_at("EPSG:25832", False, (0.0, 0.0, 0.0)) == (1.0, 1.0, 1.0)
    assert unit_at("EPSG:7415", False, (0.0, 0.0, 0.0)) == (1.0, 1.0, 1.0)
    assert unit_at("LOCAL:METRES", False, (0.0, 0.0, 0.0)) == (1.0, 1.0, 1.0)
    feet = unit_at("EPSG:2263", False, (0.0, 0.0, 0.0))
    assert feet == pytest.approx((0.3048006, 0.3048006, 1.0))
    degree = unit_at("EPSG:4326", True, (9.0, 60.0, 0.0))
    assert degree == pytest.approx((55_800, 111_412, 1), rel=1e-3)
    assert unit_at("EPSG:3857", False, (0.0, 8_399_737.9, 0.0))[0] == pytest.approx(0.5)


def test_geocentric_points_of_a_frame() -> None:
    frame = frame_of(Axes(CrsInfo("EPSG:25832")), (500_000.0, 0.0, 0.0))
    [place] = geocentric(frame, np.array([[500_000.0, 0.0, 100.0]]))
    nine = np.radians(9)
    assert place == pytest.approx((6_378_237 * np.cos(nine), 6_378_237 * np.sin(nine), 0))


def test_what_is_made_is_kept_while_there_is_room() -> None:
    made: list[str] = []

    def make(text: str) -> bytes:
        made.append(text)
        return text.encode()

    kept: Kept[bytes] = Kept(10, len)
    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb", "too large"):
        assert kept.get(text, lambda text=text: make(text)) == text.encode()
    kept.get("too large", lambda: make("too large"))
    assert made == ["aaaa", "bbbb", "cccc", "bbbb", "too large", "too large"]


def test_the_same_is_made_once_at_a_time_and_a_failure_is_everybodys() -> None:
    kept: Kept[int] = Kept(10, lambda value: 1)
    begun, end = threading.Event(), threading.Event()
    calls: list[int] = []

    def slow() -> int:
        calls.append(1)
        begun.set()
        assert end.wait(30)
        if len(calls) == 1:
            raise LookupError("nothing there")
        return 7

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(kept.get, "key", slow)
        assert begun.wait(30)
        second = pool.submit(kept.get, "key", slow)
        end.set()
        with pytest.raises(LookupError):
            first.result(30)
        try:
            assert second.result(30) == 7  # it came after the first one's end
        except LookupError:
            assert len(calls) == 1
    assert kept.get("key", slow) == 7


def test_every_format_has_what_it_names() -> None:
    for media, row in formats.FORMATS.items():
        assert row.encoder or row.index
        assert callable(formats.encoder(media)) == bool(row.encoder)
        assert callable(formats.index(media)) == bool(row.index)
    for place in formats.PLACES:
        assert callable(formats.finder(place))
    assert formats.finder("nothing") is None


def test_a_camera_in_what_it_looks_at_is_left_out() -> None:
    place = (0.0, 0.0, 0.0)
    camera = Camera("A", place, place, (0.0, 0.0, 1.0), 60.0)
    found, _ = document(SceneModel("", NOWHERE, place, place, viewpoints=(camera,)))
    assert "cameras" not in found
    assert len(found["scenes"][0]["nodes"]) == 1


def test_pictures_that_only_some_clients_read_are_said_to_be_so() -> None:
    place = (0.0, 0.0, 0.0)
    flat = b"RIFF\0\0\0\0WEBPVP8 " + bytes(20)
    clear = b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0\x10" + bytes(20)
    pictures = tuple(Picture(1, "image/webp", 1, 1, data) for data in (flat, clear))
    looks = (Look(picture=0), Look(picture=1), Look(picture=0, opacity=0.5))
    found, _ = document(SceneModel("", NOWHERE, place, place, looks=looks, pictures=pictures))
    assert found["extensionsUsed"] == ["EXT_texture_webp"]
    sources = [one["extensions"]["EXT_texture_webp"]["source"] for one in found["textures"]]
    assert sources == [0, 1]
    modes = [one.get("alphaMode") for one in found["materials"]]
    assert modes == [None, "MASK", "BLEND"]
    assert len(found["samplers"]) == 1


def test_features_that_no_mesh_has_are_not_written() -> None:
    place = (0.0, 0.0, 0.0)
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    mesh = Mesh(0, 0, "", corners, np.array([[0, 1, 2]], np.uint32), np.empty(0, np.uint32))
    scene = SceneModel(
        "", NOWHERE, place, place, (mesh,), (Look(),), (),
        (Feature(1, "a", "x", "B", 0, {}, (), None),), (SceneLayer("a", "A"),),
    )  # fmt: skip
    found, _ = document(scene)
    assert "extensions" not in found
    assert "extensionsUsed" not in found


def test_json_of_nothing_has_no_buffer() -> None:
    place = (0.0, 0.0, 0.0)
    assert b'"buffers"' not in gltf(SceneModel("", NOWHERE, place, place))


def test_a_document_is_no_larger_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gltf_buffers, "MOST_BYTES", 100)
    buffer = Buffer()
    buffer.view(b"x" * 90)
    with pytest.raises(OwsError, match="smaller box"):
        buffer.view(b"x" * 9)
