"""Rays and distances against triangles: by hand, against all of them, and against Embree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_portrayal.info.bvh import WIDTH, build, column, pick
from gotapi_portrayal.info.triangles import above, distances, hits

FLAT = np.array([[[0, 0, 0], [4, 0, 0], [0, 4, 0]]], np.float64)
DOWN = np.array([0.0, 0.0, -1.0])


def soup(count: int, seed: int, offset: float = 0.0) -> np.ndarray:
    """Small triangles all over a box of 100."""
    random = np.random.default_rng(seed)
    middles = random.uniform(0, 100, (count, 1, 3))
    return middles + random.uniform(-3, 3, (count, 3, 3)) + offset


def rays(count: int, seed: int, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    starts = random.uniform(-50, 150, (count, 3)) + offset
    ends = random.uniform(20, 80, (count, 3)) + offset
    along = ends - starts
    return starts, along / np.linalg.norm(along, axis=1)[:, None]


@pytest.mark.parametrize(
    ("start", "direction", "expected"),
    [
        ((1, 1, 5), (0, 0, -1), 5),
        ((1, 1, -5), (0, 0, 1), 5),  # from below as well
        ((1, 1, 5), (0, 0, 1), np.inf),  # behind
        ((3, 3, 5), (0, 0, -1), np.inf),  # beside
        ((2, 2, 5), (0, 0, -1), 5),  # on the edge
        ((0, 0, 5), (0, 0, -1), 5),  # on a corner
        ((-5, 1, 0), (1, 0, 0), np.inf),  # edge-on
        ((1, 1, 0), (0, 0, -1), 0),
    ],
)
def test_a_ray_and_a_triangle(start: tuple, direction: tuple, expected: float) -> None:
    found = hits(FLAT, np.array(start, float), np.array(direction, float))
    assert found == pytest.approx([expected])


def test_a_triangle_without_area_is_never_hit() -> None:
    line = np.array([[[0, 0, 0], [1, 1, 0], [2, 2, 0]]], float)
    assert hits(line, np.array([1, 1, 5.0]), DOWN) == [np.inf]
    assert distances(line, np.array([1.0, 1, 5])) == pytest.approx([5])


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((1, 1, 3), 3),
        ((1, 1, -3), 3),
        ((-3, 1, 4), 5),
        ((-3, -4, 0), 5),
        ((4, 4, 0), np.sqrt(8)),
        ((7, 0, 4), 5),
        ((1, 1, 0), 0),
    ],
)
def test_a_point_and_a_triangle(point: tuple, expected: float) -> None:
    assert distances(FLAT, np.array(point, float)) == pytest.approx([expected])


def test_distances_are_never_larger_than_to_any_point_of_the_triangle() -> None:
    corners = soup(200, 1)
    point = np.array([50.0, 50, 50])
    weights = np.random.default_rng(2).dirichlet((1, 1, 1), 400)
    samples = np.einsum("wk,nkd->nwd", weights, corners)
    closest = np.linalg.norm(samples - point, axis=2).min(axis=1)
    found = distances(corners, point)
    assert (found <= closest + 1e-9).all()
    assert (found >= closest - 1.5).all()  # and near to the best of many samples


@pytest.mark.parametrize(
    ("point", "over"), [((1, 1, -1), True), ((1, 1, 1), False), ((3, 3, -1), False)]
)
def test_what_is_above_a_point(point: tuple, over: bool) -> None:
    assert above(FLAT, np.array(point, float)).tolist() == [over]


def test_a_shared_edge_counts_once_and_a_wall_never() -> None:
    square = np.array([FLAT[0], [[4, 0, 0], [4, 4, 0], [0, 4, 0]]], float)
    assert above(square, np.array([2.0, 2, -1])).sum() == 1  # on the diagonal
    wall = np.array([[[0, 0, 0], [4, 0, 0], [4, 0, 4]]], float)
    assert not above(wall, np.array([2.0, 0, -1])).any()


@pytest.mark.parametrize("count", [0, 1, WIDTH, WIDTH + 1, 3000, WIDTH**2 * 2])
def test_a_tree_finds_what_testing_every_triangle_finds(count: int) -> None:
    corners = soup(count, count)
    features = np.arange(count, dtype=np.int64)
    tree = build(corners, features)
    some = False
    for start, direction in zip(*rays(40, 5), strict=True):
        every = hits(corners, start, direction)
        order = np.argsort(every, kind="stable")[:3]
        expected = [(int(one), every[one]) for one in order if np.isfinite(every[one])]
        found = pick(tree, start, direction, 3)
        assert [one for one, _ in found] == [one for one, _ in expected]
        assert [far for _, far in found] == pytest.approx([far for _, far in expected], abs=1e-4)
        some = some or bool(found)
    assert some or count <= WIDTH + 1


def test_features_count_once_at_their_nearest_triangle() -> None:
    layers = np.concatenate([FLAT + [0, 0, z] for z in (1, 2, 3, 4)])  # noqa: RUF005  # adds
    tree = build(layers, np.array([7, 8, 7, 9]))
    found = pick(tree, np.array([1.0, 1, 10]), DOWN, 5)
    assert found == [(9, pytest.approx(6)), (7, pytest.approx(7)), (8, pytest.approx(8))]
    assert pick(tree, np.array([1.0, 1, 10]), DOWN, 1) == [(9, pytest.approx(6))]


def test_a_tree_keeps_millimetres_at_the_coordinates_of_a_survey() -> None:
    offset = np.array([500_000.25, 5_700_000.5, 100.0])
    tree = build(FLAT + offset, np.array([1]))
    [(_, far)] = pick(tree, offset + [1, 1, 5], DOWN, 1)  # noqa: RUF005  # adds
    assert far == pytest.approx(5, abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300))
def test_a_tree_never_misses(seed: int, count: int) -> None:
    corners = soup(count, seed)
    tree = build(corners, np.arange(count, dtype=np.int64))
    target = corners[seed % count].mean(axis=0)
    start = np.array([-30.0, 200, 40])
    direction = (target - start) / np.linalg.norm(target - start)
    [(_, far)] = pick(tree, start, direction, 1)
    assert far <= np.linalg.norm(target - start) + 1e-3


@pytest.mark.parametrize("count", [0, 5, 3000])
def test_a_column_has_every_triangle_that_is_near(count: int) -> None:
    corners = soup(count, count, 1000.0)
    tree = build(corners, np.arange(count, dtype=np.int64))
    found, features = column(tree, 1050.0, 1040.0, 7.0)
    assert np.abs(found - corners[features]).max(initial=0) < 1e-3
    flat = corners.copy()
    flat[:, :, 2] = 0
    close = np.flatnonzero(distances(flat, np.array([1050.0, 1040, 0])) <= 7)
    assert set(close.tolist()) <= set(features.tolist())
    assert len(features) <= count
    if count == 3000:
        assert 0 < len(close) <= len(features) < 1500


def test_a_tree_agrees_with_embree() -> None:
    pytest.importorskip("embreex", reason="embreex is not installed on this machine")
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    corners = soup(20_000, 9)
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, corners.astype(np.float32))
    starts, directions = rays(300, 4)
    theirs = scene.run(starts.astype(np.float32), directions.astype(np.float32), query="INTERSECT")
    tree = build(corners, np.arange(len(corners), dtype=np.int64))
    ours = [
        next((one for one, _ in pick(tree, *ray, 1)), -1)
        for ray in zip(starts, directions, strict=True)
    ]
    same = np.array(ours) == theirs
    assert (np.array(ours) >= 0).sum() > 200
    assert same.mean() >= 0.99  # float32 decides otherwise at some edges
