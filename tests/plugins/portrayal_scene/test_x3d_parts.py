"""The parts of X3D and VRML: numbers as text, reference frames, cameras, strings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gotapi_portrayal.catalogue import LOCAL
from gotapi_portrayal.scene.model import Camera, Frame
from gotapi_portrayal.scene.x3d_nodes import Shared, Use, clean, components, node
from gotapi_portrayal.scene.x3d_numbers import number, rows, vector
from gotapi_portrayal.scene.x3d_places import flat_pose, geo_system, turn


def test_rows_are_text_of_which_any_stretch_can_be_had() -> None:
    found = rows(np.array([(1.0, -0.0, 2.5), (1e-7, 458020.123456, -3.0), (7, 8, 9)]), 5)
    assert found.text == b"1 0 2.5 0 458020.12346 -3 7 8 9 "
    assert found.part(0, 1) == b"1 0 2.5"
    assert found.part(1, 3) == b"0 458020.12346 -3 7 8 9"
    assert found.part(2, 2) == b""


def test_whole_numbers_stay_whole() -> None:
    found = rows(np.array([(0, 10, -1), (200, 3, -1)]))
    assert found.part(0, 2) == b"0 10 -1 200 3 -1"


def test_no_rows_are_no_text() -> None:
    assert rows(np.empty((0, 3)), 5).part(0, 0) == b""


floats = st.floats(-1e7, 1e7, width=64)


@given(arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=floats))
@settings(deadline=None)
def test_rows_read_back(array: np.ndarray) -> None:
    found = rows(array, 5)
    for first in range(len(array)):
        back = [float(one) for one in found.part(first, first + 1).split(b" ")]
        np.testing.assert_allclose(back, array[first], atol=5.1e-6)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, b"1"), (1.0, b"1"), (-0.0, b"0"), (0.1, b"0.1"), (1e22, b"1e22"), (543800.5, b"543800.5")],
)  # fmt: skip
def test_numbers_are_as_short_as_can_be(value: float, text: bytes) -> None:
    assert number(value) == text
    assert vector((value, 2.0)) == text + b" 2"


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_numbers_read_back_exactly(value: float) -> None:
    assert float(number(value)) == value


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("EPSG:25832", ("UTM", "Z32", "RF", "easting_first")),
        ("EPSG:25832+7837", ("UTM", "Z32", "RF", "easting_first", "WGS84")),
        ("EPSG:32733", ("UTM", "Z33", "S", "WE", "easting_first")),
        ("EPSG:23032", ("UTM", "Z32", "IN", "easting_first")),
        ("EPSG:26713", ("UTM", "Z13", "CC", "easting_first")),
        ("EPSG:6691+6695", ("UTM", "Z54", "RF", "easting_first", "WGS84")),
        ("EPSG:4326", ("GD", "WE", "longitude_first")),
        ("EPSG:4258", ("GD", "RF", "longitude_first")),
        ("CRS:84", ("GD", "WE", "longitude_first")),
        ("EPSG:4647", None),  # a zone with its number before the easting
        ("EPSG:25884", None),  # like a zone, but its meridian is between two
        ("EPSG:31467", None),  # Gauss-Kruger: no 0.9996
        ("EPSG:3857", None),
        ("EPSG:28992", None),
        ("EPSG:4047", None),  # a sphere
        (LOCAL, None),
    ],
)
def test_reference_frames_of_x3d(name: str, wanted: tuple[str, ...] | None) -> None:
    assert geo_system(name, False) == wanted
    first = {"easting_first", "longitude_first"}
    assert geo_system(name, True) == (wanted and tuple(one for one in wanted if one not in first))


directions = st.tuples(*(st.floats(-1, 1),) * 3).filter(lambda one: math.hypot(*one) > 0.1)


def turned(axis_angle: tuple[float, ...], point: tuple[float, ...]) -> np.ndarray:
    """Rodrigues' formula."""
    axis, angle = np.array(axis_angle[:3]), axis_angle[3]
    given = np.array(point, float)
    return (
        given * math.cos(angle)
        + np.cross(axis, given) * math.sin(angle)
        + axis * (axis @ given) * (1 - math.cos(angle))
    )


@given(directions, directions)
@settings(deadline=None)
def test_cameras_look_where_they_are_told(ahead: tuple[float, ...], up: tuple[float, ...]) -> None:
    x, y, z = ahead
    pose = flat_pose(Camera("", (x, y, z), (0, 0, 0), (*up,), 60), (1, 2, 3), (1, 1, 1))
    assert pose.position == (1, 3, -2)
    seen = turned(pose.orientation, (0, 0, -1))
    np.testing.assert_allclose(seen, np.array((x, z, -y)) / math.hypot(*ahead), atol=1e-6)
    upright = turned(pose.orientation, (0, 1, 0))
    assert upright @ (up[0], up[2], -up[1]) >= -1e-6


def test_a_camera_as_the_format_has_it_is_not_turned() -> None:
    camera = Camera("", (0, 1, 0), (0, 0, 0), (0, 0, 1), 60)
    assert flat_pose(camera, (0, 0, 0), (1, 1, 1)).orientation == (0, 0, 1, 0)


@pytest.mark.parametrize("ahead", [(0, 0, -1), (0, 0, 1), (0, 1, 0), (1, 0, 0)])
def test_looking_along_up_is_no_trouble(ahead: tuple[float, float, float]) -> None:
    pose = flat_pose(Camera("", ahead, (0, 0, 0), ahead, 60), (0, 0, 0), (1, 1, 1))
    seen = turned(pose.orientation, (0, 0, -1))
    np.testing.assert_allclose(seen, (ahead[0], ahead[2], -ahead[1]), atol=1e-9)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_turn_to_the_world_of_x3d(swapped: bool) -> None:
    how = turn(Frame("EPSG:4326", "", swapped, True, (70_000.0, 111_000.0, 1.0)), swapped)
    point = (49.0, 8.0, 5.0) if swapped else (8.0, 49.0, 5.0)
    scaled = tuple(a * b for a, b in zip(point, how.scale, strict=True))
    np.testing.assert_allclose(
        turned(how.rotation, scaled), (8 * 70_000, 5, -49 * 111_000), rtol=1e-9
    )


def test_text_that_documents_cannot_carry_is_marked() -> None:
    assert clean("a\x00b\ud800c\ufffed\x1f") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    assert clean("Straße\t\n\r\U0001f3e0") == "Straße\t\n\r\U0001f3e0"


def test_shared_nodes_are_written_once() -> None:
    shared = Shared()
    look = node("Appearance", "A1")
    assert not shared.knows("A1")
    assert shared(look) is look
    assert shared.knows("A1")
    assert shared(look) == Use("Appearance", "A1")


def test_components_beyond_the_profile() -> None:
    assert components({"Group", "Shape"}) == ()
    assert components({"GeoLOD", "GeoOrigin", "Inline", "LOD"}) == (
        ("Geospatial", 1), ("Navigation", 2), ("Networking", 2),
    )  # fmt: skip
