"""Cutting at a box: nothing outside, nothing lost, no cracks between neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_portrayal.data.clip import clip, cut, reaches
from gotapi_portrayal.data.types import Box, Part
from gotapi_portrayal.data.weld import boxes_of, starts_of, weld

FAR = 1e9


def make(corners: np.ndarray, owners: list[int], uvs: np.ndarray | None = None) -> Part:
    """A part of loose triangles, (t, 3, 3), some to each feature."""
    flat = corners.reshape(-1, 3).astype(np.float32)
    starts = starts_of(np.array(owners))
    return Part(
        layer="a",
        lod="1",
        origin=(1000.0, 2000.0, 0.0),
        features=np.array(owners, np.int64)[starts] + 7,
        triangle_starts=np.append(starts, len(owners)),
        vertex_starts=np.append(starts, len(owners)) * 3,
        boxes=boxes_of(flat, starts * 3),
        centres=np.zeros((len(starts), 3), np.float32),
        vertices=flat,
        triangles=np.arange(len(flat), dtype=np.uint32).reshape(-1, 3),
        materials=np.arange(len(owners), dtype=np.uint32),
        surfaces=np.zeros(len(owners), np.uint8),
        uvs=uvs,
    )


def total(corners: np.ndarray) -> float:
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(crossed, axis=1).sum() / 2)


def box(*sides: float) -> Box:
    """A box in the CRS, given relative to the origin of the part."""
    low, high = sides[:3], sides[3:]
    return Box((low[0] + 1000, low[1] + 2000, low[2]), (high[0] + 1000, high[1] + 2000, high[2]))


TRIANGLE = np.array([[[0, 0, 0], [4, 0, 0], [0, 4, 0]]], float)


def test_a_triangle_is_cut_at_one_side() -> None:
    part = cut(make(TRIANGLE, [0]), box(-1, -1, -1, 2, 9, 1))
    assert total(part.vertices[part.triangles]) == pytest.approx(8 - 2)
    assert part.boxes.tolist() == [[0, 0, 0, 2, 4, 0]]
    assert part.vertices[:, 0].max() == 2


def test_a_triangle_around_the_box_becomes_the_box() -> None:
    large = np.array([[[-100, -100, 0], [300, -100, 0], [-100, 300, 0]]], float)
    part = cut(make(large, [0]), box(0, 0, -1, 2, 3, 1))
    assert total(part.vertices[part.triangles]) == pytest.approx(6)


def test_both_sides_of_a_slab_are_cut() -> None:
    part = cut(make(TRIANGLE, [0]), box(1, -1, -1, 2, 9, 1))
    assert total(part.vertices[part.triangles]) == pytest.approx(2.5)


def test_what_is_inside_is_the_same_as_before() -> None:
    given_part = make(TRIANGLE, [0])
    part = cut(given_part, box(0, 0, 0, 4, 4, 0))  # its faces belong to a box
    assert part.vertices.tolist() == given_part.vertices.tolist()
    assert part.triangles.tolist() == given_part.triangles.tolist()


def test_features_outside_are_gone_and_the_others_keep_what_they_have() -> None:
    corners = np.concatenate([TRIANGLE + np.array([shift, 0, 0]) for shift in (0, 50, 1)])
    part = cut(make(corners, [0, 1, 2]), box(-1, -1, -1, 10, 9, 1))
    assert part.features.tolist() == [7, 9]
    assert part.materials.tolist() == [0, 2]
    assert part.triangle_starts.tolist() == [0, 1, 2]


def test_nothing_is_left_of_a_part_that_is_outside() -> None:
    part = cut(make(TRIANGLE, [0]), box(10, 10, 10, 11, 11, 11))
    assert len(part.triangles) == len(part.features) == len(part.vertices) == 0
    assert part.boxes.shape == (0, 6)


def test_places_in_pictures_are_cut_along() -> None:
    part = make(TRIANGLE, [0], np.array([[0, 0], [1, 0], [0, 1]], np.float32))
    found = cut(part, box(-1, -1, -1, 2, 9, 1))
    assert found.uvs is not None
    assert found.uvs == pytest.approx(found.vertices[:, :2] / 4)
    empty = cut(part, box(9, 9, 9, 10, 10, 10))
    assert empty.uvs is not None
    assert empty.uvs.shape == (0, 2)


def test_slivers_that_are_nothing_in_float32_are_left_out() -> None:
    sliver = np.array([[[0, 100, 0], [4, 100, 0], [0, 104, 0]]], float)
    part = cut(make(np.concatenate([sliver, TRIANGLE]), [0, 1]), box(4 - 1e-12, -1, -1, 9, 999, 1))
    assert len(part.triangles) == len(part.features) == 0


def test_a_box_between_the_corners_of_a_triangle_is_not_reached_by_its_box_alone() -> None:
    part = make(np.concatenate([TRIANGLE, TRIANGLE]), [0, 1])
    assert reaches(part, box(3, 3, -1, 5, 5, 1)).tolist() == [False, False]
    assert reaches(part, box(1, 1, -1, 5, 5, 1)).tolist() == [True, True]
    assert reaches(part, box(-1, -1, -1, 5, 5, 1)).tolist() == [True, True]


# In steps of 0.01 mm: an edge of 1e-35 m makes triangles whose area float64 cannot tell from none,
# and `edges` leaves those out, on one side of the face and not on the other.
Coordinate = st.floats(-10, 10, width=32).map(lambda metres: float(np.float32(round(metres, 5))))
Soup = st.lists(st.tuples(*[st.tuples(*[Coordinate] * 3)] * 3), min_size=1, max_size=12)
Sides = st.lists(Coordinate, min_size=6, max_size=6)


@settings(max_examples=150, deadline=None)
@given(Soup, Sides)
def test_nothing_is_outside_and_nothing_is_lost(soup, sides) -> None:
    corners = np.array(soup, float)
    low, high = np.minimum(sides[:3], sides[3:]), np.maximum(sides[:3], sides[3:])
    _, inner = clip(corners, low, high)
    assert (inner >= low - 1e-9).all()
    assert (inner <= high + 1e-9).all()
    area = total(inner)
    for axis in range(3):  # and what is left of it, and right, in each direction
        beyond = [low[axis], high[axis]]
        low_side, high_side = low.copy(), high.copy()
        low_side[axis], high_side[axis] = -FAR, beyond[0]
        _, left = clip(corners, low_side, high_side)
        low_side[axis], high_side[axis] = beyond[1], FAR
        _, right = clip(corners, low_side, high_side)
        low_side[axis], high_side[axis] = -FAR, FAR
        _, everything = clip(corners, low_side, high_side)
        if beyond[0] < beyond[1]:
            flat = _flat_on(corners, axis, beyond)
            assert (
                area + total(left) + total(right)
                == pytest.approx(total(everything), rel=1e-6, abs=1e-5)
                or flat
            )


def _flat_on(corners: np.ndarray, axis: int, planes: list[float]) -> bool:
    """Whether a triangle lies in a face, and so belongs to both boxes."""
    return any((corners[:, :, axis] == plane).all(axis=1).any() for plane in planes)


def edges(corners: np.ndarray, axis: int, plane: float) -> set[frozenset[tuple[float, ...]]]:
    """The edges on a face, without those of triangles that lie in it or have no area."""
    found = set()
    for triangle in corners:
        if total(triangle[None]) == 0 or (triangle[:, axis] == plane).all():
            continue
        for one, other in ((0, 1), (1, 2), (2, 0)):
            pair = frozenset((tuple(triangle[one].tolist()), tuple(triangle[other].tolist())))
            if len(pair) == 2 and all(point[axis] == plane for point in pair):
                found.add(pair)
    return found


@settings(max_examples=200, deadline=None)
@given(Soup, st.sampled_from([0, 1, 2]), Sides, Coordinate)
def test_neighbours_have_the_very_same_edges_on_the_face_they_share(
    soup, axis: int, sides, plane: float
) -> None:
    corners = np.array(soup, float)
    low, high = np.minimum(sides[:3], sides[3:]), np.maximum(sides[:3], sides[3:])
    low[axis], high[axis] = min(low[axis], plane - 1), max(high[axis], plane + 1)
    middle_high, middle_low = high.copy(), low.copy()
    middle_high[axis] = middle_low[axis] = plane
    _, one = clip(corners, low, middle_high)
    _, other = clip(corners, middle_low, high)
    crossing = corners[
        (corners[:, :, axis] < plane).any(axis=1) & (corners[:, :, axis] > plane).any(axis=1)
    ]
    _, one_only = clip(crossing, low, middle_high)
    _, other_only = clip(crossing, middle_low, high)
    assert edges(one_only, axis, plane) == edges(other_only, axis, plane)
    assert len(one) >= len(one_only)
    assert len(other) >= len(other_only)


def test_a_slow_weld_is_used_where_two_different_ones_have_one_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gotapi_portrayal.data import weld as module

    monkeypatch.setattr(module, "_MIXERS", np.zeros(6, np.uint64))
    firsts, places = weld(np.array([[0, 0, 1], [0, 0, 2]], np.float32), np.array([0, 0]))
    assert (firsts.tolist(), places.tolist()) == ([0, 1], [0, 1])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-1, 1))))
def test_welding_finds_equal_corners_of_one_owner(rows) -> None:
    rows.sort()
    owners = np.array([row[0] for row in rows], np.int64)
    corners = np.array([[a, b, -0.0] for _, a, b in rows], np.float32).reshape(-1, 3)
    firsts, places = weld(corners, owners)
    assert len(firsts) == len(set(rows))
    assert sorted(firsts.tolist()) == firsts.tolist()
    assert (corners[firsts][places] == corners).all()
    assert (owners[firsts][places] == owners).all()


def test_no_rows_have_no_runs() -> None:
    assert starts_of(np.array([])).tolist() == []
