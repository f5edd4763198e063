"""What is seen through glass: the order of its panes, its colour, what lies behind, alpha."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gotapi_portrayal.data.types import Material
from gotapi_portrayal.request.types import ImageLayer
from gotapi_portrayal.view import looks, render, tables
from gotapi_portrayal.view.camera import orthographic
from gotapi_portrayal.view.library import NOTHING, Glass
from gotapi_portrayal.view.render import PANES, Looks, Renderer
from gotapi_portrayal.view.stage import Stage

UTM = np.array((456_000.0, 5_428_000.0, 110.0))
WHITE, RED, GREEN, BLUE = (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)
PNG = ImageLayer("COLOR", "image/png;mode=32bit")


def panes(heights, half=5.0):
    """Squares one over the other; vertices and triangles, two for each."""
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    vertices = [(x, y, z) for z in heights for x, y in corners]
    triangles = [
        (4 * n + a, 4 * n + b, 4 * n + c)
        for n in range(len(heights))
        for a, b, c in ((0, 1, 2), (0, 2, 3))
    ]
    return np.array(vertices, float), np.array(triangles)


def down(size=20):
    """Straight down, one unit a pixel."""
    eye = UTM + np.array((0, 0, 100))
    return orthographic(eye, UTM, None, (-size / 2, size / 2, -size / 2, size / 2), (0, 500),
                        (size, size))  # fmt: skip


@pytest.fixture
def stage(make):
    """Make a stage of squares over each other: height, colour, opacity of each."""

    def made(*squares):
        shape = make(*panes([height for height, _, _ in squares]))
        each = shape.order.astype(int) // 2
        colours = np.array([colour for _, colour, _ in squares], np.uint8)[each]
        opacity = np.array([share for _, _, share in squares], np.uint8)[each]
        numbers = np.arange(1, len(squares) + 1).repeat(2)
        return Stage(
            shape,
            tables.plain(colours),
            tables.feature_words(shape, numbers),
            None,
            opacity=None if (opacity == 255).all() else opacity,
        )

    return made


@pytest.fixture
def rendered(rasteriser):
    """Render image layers of a stage from above; arrays (20, 20, ...)."""
    renderer = Renderer(rasteriser)

    def made(stage, *layers, camera=None, **looked):
        look = Looks(**{"smooth": False} | looked)
        files = renderer.render(stage, camera or down(), layers, look)
        images = [np.asarray(Image.open(io.BytesIO(data))) for data in files]
        return images[0] if len(images) == 1 else images

    yield made
    renderer._pool.shutdown()


@pytest.mark.parametrize(
    ("squares", "middle"),
    [
        ([(0, RED, 255)], RED),
        ([(0, RED, 255), (1, GREEN, 255)], GREEN),
        ([(0, RED, 255), (1, BLUE, 128)], (127, 0, 128)),
        ([(1, BLUE, 128), (0, RED, 255)], (127, 0, 128)),  # whatever the order in the scene
        ([(0, BLUE, 128), (1, RED, 255)], RED),  # glass behind a wall
        ([(0, RED, 51)], (255, 204, 204)),  # a fifth of red over the white ground
        ([(0, RED, 255), (1, GREEN, 128), (2, BLUE, 128)], (63, 64, 128)),
        ([(2, GREEN, 128), (0, RED, 255), (1, BLUE, 128)], (63, 128, 64)),
        ([(0, RED, 255), (1, GREEN, 0)], RED),  # nothing but clear: it is not there
    ],
)
def test_colours_through_glass(stage, rendered, squares, middle):
    image = rendered(stage(*squares), PNG)
    assert np.abs(image[10, 10, :3].astype(int) - middle).max() <= 1
    assert image[0, 0].tolist() == [255, 255, 255, 255]  # beside it


def test_a_camera_from_below_sees_the_panes_in_the_other_order(stage, rendered):
    eye = UTM - np.array((0, 0, 100))
    below = orthographic(eye, UTM, np.array((0, 1, 0)), (-10, 10, -10, 10), (0, 500), (20, 20))
    image = rendered(stage((0, RED, 128), (1, BLUE, 128)), PNG, camera=below)
    # Red is nearest now: half of it, a quarter of blue, a quarter of the white ground.
    assert np.abs(image[10, 10, :3].astype(int) - (191, 64, 127)).max() <= 2


def test_transparent_ground_keeps_the_glass_in_alpha(stage, rendered):
    made = stage((0, RED, 64), (1, BLUE, 128))
    image = rendered(made, PNG, ground=None)
    assert image[0, 0].tolist() == [0, 0, 0, 0]
    red, green, blue, alpha = image[10, 10].astype(int)
    assert abs(alpha - (255 - 127 * 191 / 255)) <= 1
    # Laid over any ground it is what is drawn over that ground.
    over = np.array((red, green, blue)) * alpha / 255 + np.array(GREEN) * (255 - alpha) / 255
    drawn = rendered(made, PNG, ground=GREEN)[10, 10, :3]
    assert np.abs(over - drawn).max() <= 2


def test_smooth_edges_before_nothing_have_their_own_colour(stage, rendered):
    """Half a pixel of red has alpha of a half, and no white in it."""
    aside = orthographic(
        UTM + np.array((0, 0, 100)), UTM, None, (-10.5, 9.5, -10, 10), (0, 500), (20, 20)
    )
    image = rendered(stage((0, RED, 255)), PNG, camera=aside, ground=None, smooth=True)
    assert (image[image[..., 3] > 0][:, :3] == RED).all()
    assert set(np.unique(image[..., 3]).tolist()) == {0, 128, 255}


def test_a_very_large_picture_has_hard_edges(stage, rendered, monkeypatch):
    made = stage((0, RED, 255))
    aside = orthographic(
        UTM + np.array((0, 0, 100)), UTM, None, (-10.5, 9.5, -10, 10), (0, 500), (20, 20)
    )
    for most, tones in ((400, 3), (399, 2)):
        monkeypatch.setattr(render, "SMOOTH_PIXELS", most)
        image = rendered(made, PNG, camera=aside, ground=None, smooth=True)
        assert len(np.unique(image[..., 3])) == tones


def test_other_layers_tell_of_glass_as_of_a_wall(stage, rendered):
    made = stage((0, RED, 255), (10, BLUE, 30), (20, GREEN, 0))
    depth, ids, mask = rendered(
        made,
        ImageLayer("DEPTH", "image/png;mode=32bit"),
        ImageLayer("OBJECTID", "image/png;mode=32bit"),
        ImageLayer("MASK", "image/png;mode=1bit"),
    )
    assert depth[10, 10].view("<f4")[0] == pytest.approx(90)  # the pane; what is clear is not there
    assert ids[10, 10].view("<u4")[0] == 2
    assert not mask[10, 10]
    assert mask[0, 0]


def test_layers_are_behind_each_other_and_end_with_what_is_solid(rasteriser, make):
    shape = make(*panes(range(5)))
    opacity = np.where(shape.order < 2, 255, 100).astype(np.uint8)  # the lowest one is solid
    picture = rasteriser.draw(shape, down(), Glass(opacity, 1, 8))
    shown = [layer[10, 10] for layer in picture.layers]
    squares = [-1 if name == NOTHING else int(shape.order[name >> 1]) // 2 for name in shown]
    assert squares == [4, 3, 2, 1, 0, -1, -1, -1]
    assert (picture.layers[:, 0, 0] == NOTHING).all()
    fewer = rasteriser.draw(shape, down(), Glass(opacity, 1, 2))
    assert (fewer.layers == picture.layers[:2]).all()


def test_more_panes_than_are_drawn(stage, rendered):
    """Only the nearest are seen, and nothing breaks."""
    many = [(height, BLUE, 128) for height in range(PANES + 4)]
    few = many[-PANES:]
    assert (rendered(stage(*many), PNG) == rendered(stage(*few), PNG)).all()


def test_of_two_panes_in_one_place_both_are_seen_once(rasteriser, make):
    shape = make(*panes([3, 3]))
    opacity = np.full(4, 128, np.uint8)
    picture = rasteriser.draw(shape, down(), Glass(opacity, 1, 4))
    shown = picture.layers[:, 10, 12]
    squares = [int(shape.order[name >> 1]) // 2 for name in shown if name != NOTHING]
    if rasteriser.library.name == "embree":  # a ray goes on behind both of them
        assert len(squares) == 1
    else:
        assert squares == [0, 1]


def test_opacities_of_another_number_are_refused(rasteriser, make):
    with pytest.raises(ValueError, match="opacities"):
        rasteriser.draw(make(*panes([1])), down(), Glass(np.zeros(3, np.uint8), 1, 2))


def test_opacity_is_that_of_the_material_where_it_is_shown():
    materials = {1: Material(transparency=0.5), 2: Material(), 3: Material(transparency=1.0)}
    store = SimpleNamespace(materials=lambda layer: materials)
    shape = SimpleNamespace(order=np.array([3, 2, 1, 0]))

    def gathered(style, numbers):
        part = SimpleNamespace(
            layer="a", triangles=np.zeros((4, 3)), materials=np.array(numbers, np.uint32)
        )
        return SimpleNamespace(chosen=SimpleNamespace(style=style), part=part)

    found = looks.opacities(store, shape, [gathered("", [0, 1, 2, 3])])
    assert found.tolist() == [0, 255, 128, 255]
    assert looks.opacities(store, shape, [gathered("thematic", [0, 1, 2, 3])]) is None
    assert looks.opacities(store, shape, [gathered("as-is", [0, 2, 2, 0])]) is None
    assert looks.opacities(store, shape, []) is None
