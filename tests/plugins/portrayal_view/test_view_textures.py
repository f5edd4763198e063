"""Pictures on triangles: the right place, the right size, whatever the projection."""

import numpy as np
import pytest

from gotapi_portrayal.view import tables
from gotapi_portrayal.view.camera import orthographic, perspective
from gotapi_portrayal.view.textures import levels, picture_index, textures

UTM = np.array((456_000.0, 5_428_000.0, 110.0))
SQUARE = np.array([(0, 0, 0), (8, 0, 0), (8, 8, 0), (0, 8, 0)], float)
FACES = np.array([(0, 1, 2), (0, 2, 3)])
CORNERS = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
MIDDLE = UTM + np.array((4, 4, 0))


def above(size=64, half=4.0):
    window = (-half, half, -half, half)
    return orthographic(MIDDLE + np.array((0, 0, 9)), MIDDLE, None, window, (0, 20), (size, size))


def put(make, image, uvs=CORNERS, wrap="repeat"):
    shape = make(SQUARE, FACES)
    chosen = np.zeros(2, np.int32)
    return shape, textures(shape, uvs[FACES], chosen, [(image, wrap)])


def painted(rasteriser, shape, made, camera, samples=1, **more):
    made.light[:] = 256  # the texture's own colours
    table = np.zeros((shape.count, 2), np.uint32)
    picture = rasteriser.draw(shape, camera.finer(samples))
    return picture.painted(table, made, samples=samples, **more)


def test_a_picture_lies_as_it_was_painted(rasteriser, make):
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    shape, made = put(make, image)
    # One texel to a pixel: the view from above is the picture, its top to the north.
    assert np.abs(painted(rasteriser, shape, made, above()).astype(int) - image).max() <= 1


def test_in_perspective_a_straight_line_stays_straight(rasteriser, make):
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 255
    shape, made = put(make, image)
    eye = MIDDLE + np.array((0, -9, 3))
    camera = perspective(eye, MIDDLE, None, (50, None), (0.1, 50), (200, 200))
    seen = painted(rasteriser, shape, made, camera, ground=0)[..., 0].astype(int)
    rows = np.flatnonzero(seen.max(axis=1) > 250)
    assert len(rows) > 20
    for y in rows:  # the edge between black and white is the middle of every row
        white = np.flatnonzero(seen[y] > 128)
        assert white.min() == pytest.approx(100, abs=1.5)


def test_what_is_far_is_averaged_and_not_left_to_chance(rasteriser, make):
    image = np.zeros((512, 512, 3), np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = 255  # a chequerboard: grey from afar
    shape, made = put(make, image)
    seen = painted(rasteriser, shape, made, above(size=32))
    assert np.abs(seen.astype(int) - 128).max() <= 2


@pytest.mark.parametrize(
    ("wrap", "expected"), [("repeat", [0, 255, 0, 255]), ("mirror", [0, 255, 255, 0]),
                           ("clamp", [0, 255, 255, 255])],
)  # fmt: skip
def test_beyond_the_border(rasteriser, make, wrap, expected):
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    shape, made = put(make, image, CORNERS * np.array((2, 1), np.float32), wrap)
    seen = painted(rasteriser, shape, made, above(size=64))[32, :, 0]
    assert seen[[8, 24, 40, 56]].tolist() == expected


def test_samples_backdrop_and_light(rasteriser, make):
    image = np.full((4, 4, 3), 200, np.uint8)
    shape, made = put(make, image)
    backdrop = np.full((64, 64, 3), 9, np.uint8)
    seen = painted(rasteriser, shape, made, above(half=8.0), samples=2, backdrop=backdrop)
    assert seen.shape == (64, 64, 3)
    assert seen[32, 32].tolist() == [200] * 3
    assert seen[0, 0].tolist() == [9] * 3
    made.light[:] = 128
    picture = rasteriser.draw(shape, above())
    dark = picture.painted(np.zeros((2, 2), np.uint32), made)
    assert dark[32, 32].tolist() == [100] * 3


def test_triangles_without_a_texture_keep_their_colour(rasteriser, make):
    shape = make(SQUARE, FACES)
    image = np.full((2, 2, 3), 250, np.uint8)
    made = textures(shape, CORNERS[FACES], np.array([0, -1]), [(image, "repeat")])
    made.light[:] = 256
    table = tables.plain(np.full((2, 3), 30, np.uint8))
    seen = rasteriser.draw(shape, above()).painted(table, made)
    assert set(np.unique(seen)) == {30, 250}
    assert textures(shape, CORNERS[FACES], np.array([-1, -1]), []) is None


def test_places_that_are_no_numbers_or_far_out_do_no_harm(rasteriser, make):
    image = np.full((4, 4, 3), 77, np.uint8)
    for uvs in (CORNERS * np.float32(1e30), CORNERS * np.float32(np.nan), CORNERS * 0):
        shape, made = put(make, image, uvs.astype(np.float32))
        assert painted(rasteriser, shape, made, above())[32, 32].tolist() == [77] * 3


def test_levels_halve_down_to_one_texel():
    image = np.arange(7 * 4 * 3, dtype=np.uint8).reshape(7, 4, 3)
    sizes = [level.shape for level in levels(image)]
    assert sizes == [(7, 4), (3, 2), (1, 1)]
    assert levels(np.full((5000, 1, 3), 6, np.uint8))[0].shape == (2500, 1)


def test_pictures_by_material():
    of_material = np.array([0, 3, 2, 9], np.uint32)
    assert picture_index({3: 0, 2: 1, 50: 2}, of_material).tolist() == [-1, 0, 1, -1]
