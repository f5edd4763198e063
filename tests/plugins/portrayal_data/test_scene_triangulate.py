"""Polygons into triangles: area kept, holes open, orientation kept, unsound ones told."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_portrayal.data import triangulate as module
from gotapi_portrayal.data.triangulate import triangulate

SQUARE = [(0, 0, 0), (4, 0, 0), (4, 4, 0), (0, 4, 0)]
HOLE = [(1, 1, 0), (1, 3, 0), (3, 3, 0), (3, 1, 0)]


def cut(*polygons: list[list[tuple[float, float, float]]]):
    """Return corners of the triangles, the polygon of each, and what was told."""
    points = np.array([p for rings in polygons for ring in rings for p in ring], float)
    rings = np.array([len(ring) for rings in polygons for ring in rings], np.int64)
    counts = np.array([len(rings) for rings in polygons], np.int64)
    told: list[tuple[int, str]] = []
    triangles, owners = triangulate(
        points.reshape(-1, 3), rings, counts, lambda which, words: told.append((which, words))
    )
    return points.reshape(-1, 3)[triangles], owners.tolist(), told


def vector(corners: np.ndarray) -> np.ndarray:
    """The sum of the areas of triangles, as a vector along their normals."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).sum(axis=0) / 2


def test_a_triangle_stays_what_it_is() -> None:
    corners, owners, told = cut([[(0, 0, 0), (1, 0, 0), (0, 1, 0)]])
    assert corners.tolist() == [[[0, 0, 0], [1, 0, 0], [0, 1, 0]]]
    assert (owners, told) == ([0], [])


def test_a_closed_ring_and_repeated_corners_make_no_difference() -> None:
    corners, _, told = cut([[*SQUARE[:2], SQUARE[1], *SQUARE[2:], SQUARE[0]]])
    assert len(corners) == 2
    assert vector(corners).tolist() == [0, 0, 16]
    assert told == []


def test_a_hole_stays_open() -> None:
    corners, _, told = cut([SQUARE, HOLE])
    assert vector(corners).tolist() == [0, 0, 12]
    assert told == []


def test_a_wall_seen_from_behind_keeps_its_side() -> None:
    wall = [(5.0, 0.0, 0.0), (5.0, 0.0, 3.0), (5.0, 2.0, 3.0), (5.0, 1.0, 1.0), (5.0, 2.0, 0.0)]
    forward, _, _ = cut([wall])
    backward, _, _ = cut([wall[::-1]])
    assert vector(forward).tolist() == pytest.approx([-4.5, 0, 0])
    assert vector(backward).tolist() == pytest.approx([4.5, 0, 0])


def test_a_dented_quadrangle_is_not_cut_across_its_dent() -> None:
    corners, _, told = cut([[(0, 0, 0), (4, 0, 0), (1, 1, 0), (0, 4, 0)]])
    assert vector(corners).tolist() == [0, 0, 4]
    assert np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    ).sum() / 2 == pytest.approx(4)
    assert told == []


def test_owners_ascend_whatever_way_each_was_cut() -> None:
    dented = [(0, 0, 0), (4, 0, 0), (1, 1, 0), (0, 4, 0)]
    corners, owners, told = cut([dented], [SQUARE], [[(0, 0, 0), (1, 0, 0), (0, 1, 0)]], [SQUARE])
    assert owners == [0, 0, 1, 1, 2, 3, 3]
    assert len(corners) == 7
    assert told == []


@pytest.mark.parametrize(
    ("rings", "words"),
    [
        ([[(0, 0, 0), (1, 0, 0)]], "fewer than three"),
        ([[]], "fewer than three"),
        ([[(0, 0, 0), (1, 0, 0), (1, 0, 0), (0, 0, 0)]], "fewer than three"),
        ([[(0, 0, 0), (1, 0, 0), (2, 0, 0)]], "no area"),
        ([[(0, 0, 0), (1, 1, 0), (1, 0, 0), (0, 1, 0)]], "no area"),
        ([[(0, 0, 0), (1, math.nan, 0), (1, 1, 0)]], "no number"),
        ([[(0, 0, 0), (1, math.inf, 0), (1, 1, 0)]], "no number"),
    ],
)
def test_what_cannot_be_filled_is_told_and_the_rest_is_there(rings, words: str) -> None:
    corners, owners, told = cut([SQUARE], rings, [SQUARE])
    assert [which for which, _ in told] == [1]
    assert words in told[0][1]
    assert owners == [0, 0, 2, 2]
    assert vector(corners).tolist() == [0, 0, 32]


def test_nothing_sound_leaves_nothing() -> None:
    corners, owners, told = cut([[(0, 0, 0)]], [[(1, 1, 1)]])
    assert (len(corners), owners, len(told)) == (0, [], 2)
    assert cut()[1:] == ([], [])


def test_a_ring_without_corners_at_the_end_is_told() -> None:
    _, owners, told = cut([SQUARE], [[]])
    assert (owners, [which for which, _ in told]) == ([0, 0], [1])


def test_a_polygon_that_crosses_itself_is_filled_as_far_as_possible_and_told() -> None:
    crossing = [(0, 0, 0), (4, 0, 0), (4, 4, 0), (1, -1, 0), (0, 4, 0)]
    corners, _, told = cut([crossing])
    assert len(corners)
    assert "crosses itself" in told[0][1]


def test_a_hole_outside_is_told() -> None:
    outside = [(x + 10, y, z) for x, y, z in HOLE]
    _, _, told = cut([SQUARE, outside])
    assert "crosses itself, or a hole" in told[0][1]


@pytest.mark.parametrize("hole", [[(1, 1, 0), (2, 2, 0)], [(1, 1, 0), (2, 2, 0), (3, 3, 0)]])
def test_a_hole_without_area_is_left_out(hole) -> None:
    corners, _, told = cut([SQUARE, hole])
    assert vector(corners).tolist() == [0, 0, 16]
    assert all("hole" in words for _, words in told)


def test_too_many_corners_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CORNERS", 3)
    _, owners, told = cut([SQUARE], [[(0, 0, 0), (1, 0, 0), (0, 1, 0)]])
    assert owners == [1]
    assert "more than 3 corners" in told[0][1]


def test_large_coordinates_cost_no_precision() -> None:
    far = [(x / 1000 + 6_000_000.0, y / 1000 + 5_000_000.0, z) for x, y, z in SQUARE]
    dent = [*far, (6_000_000.001, 5_000_000.002, 0.0)]
    corners, _, told = cut([dent])
    assert vector(corners - [6e6, 5e6, 0])[2] == pytest.approx(14e-6, rel=1e-3)
    assert told == []


@st.composite
def stars(draw) -> list[tuple[float, float, float]]:
    """A star around a point, in a plane of any direction."""
    count = draw(st.integers(3, 30))
    radii = draw(st.lists(st.floats(0.5, 5), min_size=count, max_size=count))
    u = np.array([1, 0, draw(st.floats(-3, 3))])
    v = np.array([0, draw(st.sampled_from([-1, 1])), draw(st.floats(-3, 3))])
    return [
        tuple(r * math.cos(2 * math.pi * k / count) * u + r * math.sin(2 * math.pi * k / count) * v)
        for k, r in enumerate(radii)
    ]


@settings(max_examples=80, deadline=None)
@given(st.lists(stars(), min_size=1, max_size=4))
def test_stars_keep_their_area_and_their_side(found) -> None:
    corners, owners, told = cut(*([star] for star in found))
    assert told == []
    for which, star in enumerate(found):
        ring = np.array(star)
        expected = np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0) / 2
        mine = corners[np.array(owners) == which]
        assert vector(mine) == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert len(mine) == len(star) - 2


Points = st.tuples(*[st.floats(allow_nan=True, allow_infinity=True, width=32)] * 3)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.lists(Points, max_size=8), min_size=1, max_size=3), max_size=5))
def test_anything_at_all_ends_in_triangles_or_words(found) -> None:
    with np.errstate(all="ignore"):
        corners, owners, told = cut(*found)
    assert np.isfinite(corners).all()
    assert sorted(owners) == owners
    assert set(range(len(found))) == set(owners) | {which for which, _ in told}
