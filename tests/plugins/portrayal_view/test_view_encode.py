"""What a decoder that is not ours gets back from each encoding, value by value."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gotapi_portrayal.view import encode, tables

RANDOM = np.random.default_rng(1)


def decoded(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 3, 4]), st.integers(0, 99))
def test_png_gives_back_what_was_put_in(width, height, components, seed):
    shape = (height, width) if components == 1 else (height, width, components)
    image = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    picture = decoded(encode.png(image))
    assert picture.mode == {1: "L", 3: "RGB", 4: "RGBA"}[components]
    assert (np.asarray(picture) == image).all()


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_one_bit_a_pixel(width, height, seed):
    white = np.random.default_rng(seed).random((height, width)) < 0.5
    picture = decoded(encode.png_bits(white))
    assert picture.mode == "1"
    assert (np.asarray(picture) == white).all()


def test_numbers_are_abgr_of_the_decoded_components():
    words = np.array([[0x0A0B0C0D, 1, 0, 0xFFFFFFFF]], np.uint32)
    pixels = np.asarray(decoded(encode.png(encode.word_bytes(words, 32))))
    red, green, blue, alpha = pixels[0, 0].tolist()
    assert (alpha, blue, green, red) == (0x0A, 0x0B, 0x0C, 0x0D)
    assert pixels[0, 1].tolist() == [1, 0, 0, 0]
    three = np.asarray(decoded(encode.png(encode.word_bytes(words, 24))))
    assert three[0, 0].tolist() == [0x0D, 0x0C, 0x0B]


def test_distances_are_floats_again():
    depths = RANDOM.uniform(0.01, 30_000, (31, 17)).astype(np.float32)
    depths[0, 0] = 0
    whole = np.asarray(decoded(encode.png(encode.depth_bytes(depths, 32))))
    assert (encode.depth_words(whole) == depths).all()
    most = np.asarray(decoded(encode.png(encode.depth_bytes(depths, 24))))
    back = encode.depth_words(most)
    assert back[0, 0] == 0
    assert (np.abs(back - depths) <= depths / 32768).all()


def test_normals_are_x_y_z_in_blue_green_red(make, rasteriser):
    from gotapi_portrayal.view.camera import orthographic

    utm = np.array((456_000.0, 5_428_000.0, 110.0))
    slope = np.array([(0, 0, 0), (10, 0, 0), (10, 10, 10), (0, 10, 10)], float)
    shape = make(slope, [(0, 1, 2), (0, 2, 3)])
    middle = utm + np.array((5, 5, 5))
    words = tables.normal_words(shape)
    expected = np.array((0, -1, 1)) / np.sqrt(2)
    for height, sign in ((20, 1), (-20, -1)):  # from above, then from below: it faces who looks
        camera = orthographic(
            middle + np.array((0, 0, height)), middle, None, (-9, 9, -9, 9), (0, 50), (18, 18)
        )
        pixels = encode.word_bytes(rasteriser.draw(shape, camera).words(words), 24)
        x, y, z = (pixels[9, 9, ::-1] / 255 * 2 - 1).tolist()
        assert (x, y, z) == pytest.approx(tuple(sign * expected), abs=1 / 127)
        assert pixels[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("quality", [0, 50, 85, 100])
def test_jpeg_and_webp_by_quality(quality):
    line = np.linspace(0, 255, 64)
    image = np.stack(np.broadcast_arrays(line[None], line[:, None], 128.0), -1).astype(np.uint8)
    far = {0: 90, 50: 12, 85: 6, 100: 3}[quality]
    for kind, make in (("JPEG", encode.jpeg), ("WEBP", encode.webp)):
        picture = decoded(make(image, quality))
        assert (picture.format, picture.size) == (kind, (64, 64))
        assert np.abs(np.asarray(picture).astype(int) - image).mean() <= far
    see_through = np.dstack([image, np.full((64, 64), 7, np.uint8)])
    assert decoded(encode.webp(see_through, 100)).mode == "RGBA"


def test_better_quality_is_larger():
    noise = RANDOM.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    for make in (encode.jpeg, encode.webp):
        assert len(make(noise, 10)) < len(make(noise, 60)) < len(make(noise, 100))


def test_light_and_words(make):
    flat = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], float)
    wall = flat[:, [0, 2, 1]]
    shape = make(np.concatenate([flat, wall]), [(0, 1, 2), (3, 4, 5)])
    grey = np.full((2, 3), 200, np.uint8)
    words = tables.shaded(shape, grey)
    first = int(np.flatnonzero(shape.order == 0)[0])
    up, down = words[first] & 0xFF
    assert up > down  # what looks at the sky is brighter than what looks at the ground
    assert (words >> 24 == 255).all()
    ids = tables.feature_words(shape, np.array([11, 22]))
    assert ids[first].tolist() == [11, 11]
    assert tables.plain(np.array([(1, 2, 3), (4, 5, 6)], np.uint8))[0, 0] == 0xFF030201
