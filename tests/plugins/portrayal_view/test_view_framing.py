"""Cameras that are found by themselves: all of a scene is in the picture."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_portrayal.data.types import Box
from gotapi_portrayal.request.types import Orthographic, Perspective
from gotapi_portrayal.view.camera import orthographic, perspective
from gotapi_portrayal.view.framing import Shot, orbit, projection

TOWN = Box((456_000.0, 5_428_000.0, 100.0), (456_400.0, 5_428_200.0, 140.0))


def made(found, size):
    up = None if found.up is None else np.array(found.up)
    planes = found.near, found.far
    poc, poi = np.array(found.poc), np.array(found.poi)
    if isinstance(found, Perspective):
        return perspective(poc, poi, up, (found.fovx, found.fovy), planes, size)
    window = found.left, found.right, found.bottom, found.top
    return orthographic(poc, poi, up, window, planes, size)


def pixels(camera, box):
    """Where the corners of a box are in the picture; NaN for those that the planes cut off."""
    corners = np.stack(np.meshgrid(*zip(box.low, box.high, strict=True)), -1).reshape(-1, 3)
    seen = corners - camera.eye
    along = seen @ camera.forward
    scale = 1.0 if camera.parallel else along
    x = camera.cx + camera.sx * (seen @ camera.right) / scale
    y = camera.cy - camera.sy * (seen @ camera.up) / scale
    inside = (along >= camera.near) & (along <= camera.far)
    return np.where(inside, x, np.nan), np.where(inside, y, np.nan)


def assert_seen(found, size, box):
    x, y = pixels(made(found, size), box)
    assert (x >= 0).all()
    assert (x <= size[0]).all()
    assert (y >= 0).all()
    assert (y <= size[1]).all()


sizes = st.tuples(st.integers(16, 4096), st.integers(16, 4096))
corner = st.tuples(*[st.floats(-1e6, 1e6)] * 3)
extent = st.tuples(*[st.floats(0.01, 1e4)] * 3)


@settings(max_examples=150, deadline=None)
@given(sizes, corner, extent, st.sampled_from([None, 15.0, 120.0]), st.sampled_from([None, 0.0]))
def test_all_of_a_scene_is_seen(size, low, extents, fovy, window):
    box = Box(low, tuple(a + b for a, b in zip(low, extents, strict=True)))
    assert_seen(projection(Shot(size, fovy=fovy, window=window), box), size, box)


@pytest.mark.parametrize("window", [None, 0.0])
def test_all_of_it_is_seen_all_the_way_around(window):
    shot = Shot((320, 240), window=window)
    cameras = list(orbit(shot, TOWN, 8))
    middle = np.array(TOWN.centre)
    arms = [np.array(one.poc) - middle for one in cameras]
    for one, arm in zip(cameras, arms, strict=True):
        assert_seen(one, shot.size, TOWN)
        assert np.linalg.norm(arm) == pytest.approx(np.linalg.norm(arms[0]))
    assert len({(one.left, one.right) for one in cameras if isinstance(one, Orthographic)}) <= 1
    turned = math.degrees(math.atan2(*arms[2][1::-1]) - math.atan2(*arms[0][1::-1])) % 360
    assert turned == pytest.approx(90)


def test_what_is_said_is_done():
    shot = Shot((100, 100), eye=(0, 0, 9), target=(1, 2, 3), up=(0, 1, 0), fovy=50.0)
    found = projection(shot, TOWN)
    assert isinstance(found, Perspective)
    assert (found.poc, found.poi, found.up, found.fovy) == ((0, 0, 9), (1, 2, 3), (0, 1, 0), 50.0)
    near = projection(Shot((100, 50), target=(456_010, 5_428_010, 110), window=30.0), TOWN)
    assert isinstance(near, Orthographic)
    assert (near.poi, near.left, near.top) == ((456_010, 5_428_010, 110), -15.0, 7.5)


def test_a_camera_inside_of_the_scene_and_one_that_sees_nothing_of_it():
    inside = projection(Shot((64, 64), eye=TOWN.centre, target=TOWN.high), TOWN)
    assert 0 < inside.near < inside.far
    away = projection(Shot((64, 64), eye=(0, 0, 0), target=(0, -1, 0)), TOWN)
    assert 0 < away.near < away.far


def test_a_scene_that_is_a_point_and_a_look_from_above():
    point = Box((1.0, 2.0, 3.0), (1.0, 2.0, 3.0))
    assert projection(Shot((64, 64)), point).far > 0
    above = projection(Shot((64, 64), eye=(1.0, 2.0, 50.0), window=0.0), point)
    assert isinstance(above, Orthographic)
    assert above.right > 0
