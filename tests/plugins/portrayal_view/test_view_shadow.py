"""Shadows: where they fall, what throws them, and that the sun's pictures are kept."""

import numpy as np
import pytest

from gotapi_portrayal.view import shadows as shading
from gotapi_portrayal.view import tables
from gotapi_portrayal.view.camera import orthographic, perspective
from gotapi_portrayal.view.library import Glass
from gotapi_portrayal.view.shadows import Shadows

UTM = np.array((456_000.0, 5_428_000.0, 110.0))
SIZE = 160


def small(shape, glass=None):
    """The sun's pictures of a scene, so small that they are made in no time."""
    return Shadows(shape, glass, 512)


def column(height=10.0):
    """A plane of 60 x 60 around (0, 0), and a block of 8 x 8 on it."""
    ground = [(-30, -30, 0), (30, -30, 0), (30, 30, 0), (-30, 30, 0)]
    low = [(-4, -4, 0), (4, -4, 0), (4, 4, 0), (-4, 4, 0)]
    high = [(x, y, height) for x, y, _ in low]
    faces = [(0, 1, 2), (0, 2, 3), (8, 9, 10), (8, 10, 11)]
    for k in range(4):
        m = (k + 1) % 4
        faces += [(4 + k, 4 + m, 8 + m), (4 + k, 8 + m, 8 + k)]
    return np.array([*ground, *low, *high], float), np.array(faces)


def above(half=30.0):
    eye = UTM + np.array((0, 0, 200))
    return orthographic(eye, UTM, None, (-half, half, -half, half), (0, 900), (SIZE, SIZE))


def shaded(rasteriser, shape, camera, shadows, samples=1):
    """Return how bright each pixel still is, of 200."""
    picture = rasteriser.draw(shape, camera)
    words = np.full(picture.names.shape, 0xFFC8C8C8, np.uint32)
    picture.shade(words, shadows.suns(picture), samples)
    return (words & 255).astype(int)


def expected(height):
    """Return where the ground is in the shadow of the block, and where it is none of both."""
    line = (np.arange(SIZE) + 0.5) / SIZE * 60 - 30
    x, y = np.meshgrid(line, -line)
    dark, block = np.zeros(x.shape, bool), (np.abs(x) < 4) & (np.abs(y) < 4)
    for part in np.linspace(0, height, 400):
        away = tables.SUN[:2] / tables.SUN[2] * part  # a point of the ground sees the block there
        dark |= (np.abs(x + away[0]) < 4) & (np.abs(y + away[1]) < 4)
    return dark & ~block, ~block


def test_the_shadow_of_a_block_is_where_geometry_says(rasteriser, make):
    shape = make(*column())
    bright = shaded(rasteriser, shape, above(), small(shape))
    dark, ground = expected(10.0)
    wrong = ((bright < 170) != dark) & ground
    assert 400 < dark.sum() < 6000
    assert wrong.mean() < 0.01  # along its edge
    assert (bright[~ground] == 200).all()  # the roof is in the sun
    sunless = tables.AMBIENT + tables.SKY
    factor = sunless / (sunless + tables.SUNLIGHT * tables.SUN[2])
    assert bright[dark].min() == pytest.approx(200 * factor, abs=1)


def test_a_plane_has_no_shadow_of_its_own(rasteriser, make):
    """Whatever the angle, how coarse the sun's picture is, or how the plane is cut up."""
    line = np.linspace(-30, 30, 21)
    x, y = np.meshgrid(line, line)
    index = np.arange(21 * 21).reshape(21, 21)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate(
        [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    )
    for slope in (0.0, 0.4, -1.1):
        points = np.stack([x, y, slope * x + 0.3 * y], -1).reshape(-1, 3)
        shape = make(points, faces)
        bright = shaded(rasteriser, shape, above(), small(shape))
        assert (bright == 200).mean() > 0.999


def test_what_has_turned_away_from_the_sun_is_not_darkened_twice(rasteriser, make):
    shape = make(*column())
    eye = UTM + np.array((60, 80, 60))  # the sides that the sun does not reach
    camera = perspective(eye, UTM, None, (40, None), (1, 900), (SIZE, SIZE))
    bright = shaded(rasteriser, shape, camera, small(shape))
    picture = rasteriser.draw(shape, camera)
    names = np.where(picture.empty(), 0, picture.names)
    away = (shape.planes[names >> 1, :3] @ tables.SUN <= 0) & ~picture.empty()
    assert away.sum() > 200
    assert (bright[away] == 200).all()


def test_glass_throws_a_shadow_by_how_much_of_it_is_solid(rasteriser, make):
    shape = make(*column())
    dark, _ = expected(10.0)
    for share, throws in ((60, False), (200, True)):
        opacity = np.where(shape.order < 2, 255, share).astype(np.uint8)
        bright = shaded(rasteriser, shape, above(), small(shape, Glass(opacity, 1, 1)))
        assert (bright[dark].mean() < 170) == throws


def test_samples_of_a_pixel_are_looked_at_once_and_say_the_same(rasteriser, make):
    shape = make(*column())
    shadows = small(shape)
    one = shaded(rasteriser, shape, above(), shadows)
    two = shaded(rasteriser, shape, above(), shadows, samples=2)
    assert (np.abs(one - two) > 3).mean() < 0.03


def test_the_suns_pictures_are_kept_and_shared_by_views_near_each_other(
    rasteriser, make, monkeypatch
):
    shape = make(*column())
    shadows = small(shape)
    drawn = []
    draw = type(rasteriser).draw
    monkeypatch.setattr(
        type(rasteriser), "draw", lambda self, *args: drawn.append(1) or draw(self, *args)
    )
    first = shadows.suns(draw(rasteriser, shape, above()))
    again = shadows.suns(draw(rasteriser, shape, above(29.9)))
    assert len(drawn) == len(first)
    assert all(one is other for one, other in zip(first, again, strict=True))
    for half in (1.0, 2.0, 4.0, 8.0, 14.0):
        shadows.suns(draw(rasteriser, shape, above(half)))
    assert len(shadows._kept) == shading.KEPT


def test_far_and_near_have_pictures_of_their_own(rasteriser, make):
    """A view along the ground: what is near has the finer one."""
    line = np.linspace(-2000, 2000, 11)
    x, y = np.meshgrid(line, line)
    index = np.arange(121).reshape(11, 11)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate(
        [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    )
    shape = make(np.stack([x, y, 0 * x], -1).reshape(-1, 3), faces)
    eye = UTM + np.array((0, -200, 40))
    camera = perspective(eye, UTM, None, (60, None), (1, 5000), (SIZE, SIZE))
    suns = small(shape).suns(rasteriser.draw(shape, camera))
    assert len(suns) == 2
    assert suns[0].camera.sx > 2 * suns[1].camera.sx


def test_nothing_has_no_shadow(rasteriser, make):
    shape = make(np.zeros((3, 3)), np.empty((0, 3), np.uint32))
    assert small(shape).suns(rasteriser.draw(shape, above())) == ()
