"""What engines deliver is distrusted, made good and coloured; profiles; previews; rasters."""

import io

import numpy as np
import pytest
from PIL import Image

from gotapi_creation.engine import surface as surfaces
from gotapi_creation.engine.base import Model
from gotapi_creation.engine.colours import coloured
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.finish import files, finished, printed, report
from gotapi_creation.engine.order import Profile, View
from gotapi_creation.engine.previews import preview
from gotapi_creation.engine.profiles import BOX, LIVING, ROUND, exponent, profiles, spread
from gotapi_creation.engine.raster import covered, filled, shadow
from gotapi_creation.engine.shape import ShapeEngine
from gotapi_creation.engine.surface import Surface, largest, on_foot, outwards, sound
from gotapi_meshes.reading import read_model

CORNERS = np.array([(x, y, z) for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
FACES = np.array(
    [
        (0, 2, 3), (0, 3, 1), (4, 5, 7), (4, 7, 6), (0, 1, 5), (0, 5, 4),
        (2, 6, 7), (2, 7, 3), (0, 4, 6), (0, 6, 2), (1, 3, 7), (1, 7, 5),
    ]
)  # fmt: skip


def box(size=(20.0, 100.0, 20.0), at=(-10.0, 0.0, -10.0)):
    return Surface(CORNERS * size + at, FACES)


def together(*all_of_them):
    count = np.cumsum([0, *(len(one.vertices) for one in all_of_them)])
    return Surface(
        np.concatenate([one.vertices for one in all_of_them]),
        np.concatenate([one.triangles + n for one, n in zip(all_of_them, count, strict=False)]),
    )


@pytest.fixture
def job(make):
    column = np.ones((200, 40), bool)
    return make.structural(dict.fromkeys(View, column))


def model(surface):
    return Model(surface.vertices, surface.triangles)


@pytest.mark.parametrize(
    ("vertices", "triangles", "words"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3), int), "empty model"),
        (np.zeros((4, 2)), FACES, "no list of triangles"),
        (CORNERS, FACES.ravel(), "no list of triangles"),
        (np.where(CORNERS == 1, np.nan, CORNERS), FACES, "7 of the 8 vertices .* no numbers"),
        (np.where(CORNERS == 1, np.inf, 0.0), FACES, "no numbers"),
        (CORNERS * 1e9, FACES, "farther than a kilometre"),
        (CORNERS, FACES + 4, "vertices that it does not have"),
        (CORNERS, FACES - 1, "vertices that it does not have"),
        (CORNERS * 0, FACES, "no inside"),
    ],
)
def test_broken_models_of_engines_are_refused(job, vertices, triangles, words):
    with pytest.raises(CreationError, match=words) as caught:
        finished(Model(vertices, triangles), job)
    assert caught.value.failure.code == "engine"


def test_too_many_triangles_are_refused(job, monkeypatch):
    monkeypatch.setattr(surfaces, "MOST", 11)
    with pytest.raises(CreationError, match="made 12 triangles, and 11 are taken"):
        finished(model(box()), job)


def test_a_surface_inside_out_is_turned(job):
    one = box()
    turned = outwards(Surface(one.vertices, one.triangles[:, ::-1]))
    assert turned.volume() == pytest.approx(40_000)
    assert finished(Model(one.vertices, one.triangles[:, ::-1]), job).surface.volume() > 0


def test_loose_parts_are_left_out_and_it_is_said(job):
    both = together(box(), box((10, 10, 10), (40, 0, 0)))
    done = finished(model(both), job)
    assert [one.code for one in done.warnings] == ["parts"]
    assert len(done.surface.vertices) == 8
    whole, lost = largest(both)
    assert lost == pytest.approx(1000 / 41_000)
    assert len(whole.triangles) == 12


def test_an_open_surface_is_told(job):
    one = box()
    opened = Model(one.vertices, one.triangles[:-1])
    done = finished(opened, job)
    assert [warning.code for warning in done.warnings] == ["open"]
    told = report(done, opened, job, "other", {}, (), 1.0)
    assert (told.watertight, told.manifold, told.genus) == (False, False, 0)


def test_colours_of_the_engine_are_kept_where_the_vertices_are(job):
    one = box()
    own = np.full((8, 3), 77, np.uint8)
    done = finished(Model(one.vertices, one.triangles, own), job)
    assert (done.colours == 77).all()
    loose = together(one, box((10, 10, 10), (40, 0, 0)))
    many = np.full((16, 3), 77, np.uint8)
    assert (finished(Model(loose.vertices, loose.triangles, many), job).colours != 77).any()


def test_the_slow_way_of_thinning_takes_over_when_the_fast_one_tears(make, bear_masks, monkeypatch):
    job = make.structural(bear_masks, grid=64, triangles=2000)
    made = ShapeEngine().make(job, lambda _: None)
    whole = Surface(made.vertices, made.triangles)

    def tears(vertices, triangles, target_count):
        return vertices, triangles[: target_count // 2]

    monkeypatch.setattr(surfaces.fast_simplification, "simplify", tears)
    done = finished(made, job)
    assert sound(done.solid)
    assert done.warnings == ()
    assert len(done.surface.triangles) <= 2000
    assert done.surface.volume() == pytest.approx(whole.volume(), rel=0.1)


def test_a_plate_that_cannot_be_joined_is_refused():
    with pytest.raises(CreationError, match="foot plate could not be joined"):
        on_foot(Surface(box().vertices, box().triangles[:-1]))


def test_the_files_hold_one_and_the_same_model(job):
    done = finished(model(box()), job)
    for data in files(done).values():
        _, mesh = read_model(io.BytesIO(data))
        assert mesh.size == pytest.approx([20, 20, 100], rel=1e-6)
        assert mesh.volume() == pytest.approx(40_000, rel=1e-6)
    assert printed(done.surface).low[2] == 0.0


def test_front_and_back_have_the_colours_of_their_drawings(make):
    ball = make.truth(make.BEAR, 100)
    job = make.structural(ball.masks)
    for view, shade in ((View.FRONT, 250), (View.BACK, 120), (View.RIGHT, 20)):
        job.colours[view][:] = shade
    colours = coloured(box((20, 100, 20), (-10, 0, -10)), job)
    assert colours.shape == (8, 3)
    flat = Surface(CORNERS * (60, 100, 0.5), FACES)
    shades = coloured(flat, job)[:, 0].astype(int)
    assert shades[CORNERS[:, 2] == 1].min() > 200 > 130 > shades[CORNERS[:, 2] == 0].min()


def test_a_face_is_not_painted_on_a_back_that_was_not_drawn(make):
    column = np.ones((200, 80), bool)
    job = make.structural({View.FRONT: column}, (View.FRONT,), colour=(200, 200, 200))
    job.colours[View.FRONT][97:103, 37:43] = 0
    at = np.array(
        [[0.0, 50, 10], [1, 50, 10], [0, 51, 10], [0, 50, -10], [1, 50, -10], [0, 51, -10]]
    )
    sheet = Surface(at, np.array([[0, 1, 2], [3, 5, 4]]))
    front, *_, back, _, _ = coloured(sheet, job)[:, 0].tolist()
    assert front < 40
    assert back > 150


def test_profiles_can_be_fixed_and_soften_between_parts(make, template_truth):
    known = template_truth("human")
    assert set(profiles(make.structural(known.masks)).values()) == {LIVING}
    for profile, wanted in ((Profile.BOX, BOX), (Profile.ROUND, ROUND)):
        found = profiles(make.structural(known.masks, profile=profile))
        assert set(found.values()) == {wanted}
    job = make.structural(known.masks)
    soft = spread(job, {"head": BOX})
    assert soft.max() <= BOX
    assert soft.min() >= ROUND
    assert soft[0, job.masks[View.FRONT][0].argmax()] > 10
    assert soft[-1].max() == pytest.approx(ROUND)


def test_a_block_man_is_boxy_a_lone_cylinder_is_round_and_a_lone_box_is_not(make):
    block = make.structural(make.truth(make.BLOCK_MAN).masks)
    assert set(profiles(block).values()) == {BOX}
    assert min(profiles(make.structural(block.masks, (View.FRONT,))).values()) > 10
    square = np.ones((200, 80), bool)
    cylinder = make.structural({View.FRONT: square, View.RIGHT: square}, (View.FRONT, View.RIGHT))
    assert set(profiles(cylinder).values()) == {ROUND}
    flat = np.ones((200, 40), bool)
    lone = make.structural({View.FRONT: square, View.RIGHT: flat}, (View.FRONT, View.RIGHT))
    assert set(profiles(lone).values()) == {BOX}


def test_parts_are_decided_one_by_one(make):
    found = profiles(make.structural(make.truth(make.ROBOT, 300).masks))
    assert found["left-leg"] > 6
    assert exponent(0.0) == ROUND
    assert exponent(1.0) == BOX
    assert ROUND < exponent(0.5) < BOX


def test_previews_show_each_side_of_a_coloured_box():
    one = box((20, 60, 40), (-10, 0, -20))
    colours = np.full((8, 3), 200, np.uint8)
    wide = {side: preview(one, colours, side, 64)[:, :, 3] > 0 for side in ("front", "left", "top")}
    spans = {
        side: (
            np.ptp(np.flatnonzero(seen.any(axis=1))) + 1,
            np.ptp(np.flatnonzero(seen.any(axis=0))) + 1,
        )
        for side, seen in wide.items()
    }
    assert spans["front"] == (pytest.approx(60, abs=2), pytest.approx(20, abs=2))
    assert spans["left"] == (pytest.approx(60, abs=2), pytest.approx(40, abs=2))
    assert spans["top"] == (pytest.approx(60, abs=2), pytest.approx(30, abs=2))
    picture = preview(one, colours, "front", 64)
    assert 60 < picture[32, 32, 0] <= 200
    assert picture[0, 0].tolist() == [0, 0, 0, 0]


def test_what_is_nearer_hides_what_is_behind():
    both = together(box((20, 20, 2), (-10, 0, 0)), box((20, 20, 2), (-10, 0, 10)))
    colours = np.repeat(np.array([[250, 0, 0], [0, 0, 250]], np.uint8), 8, axis=0)
    front, back = (preview(both, colours, side, 32)[16, 16] for side in ("front", "back"))
    assert front[2] > 100 > front[0]
    assert back[0] > 100 > back[2]


def test_rasters_cover_what_is_inside_and_nothing_outside_the_picture():
    corners = np.array([[[-5.0, -5], [-5, 15], [15, -5]]])
    found = shadow(corners, (8, 8))
    assert found[0, 0]
    assert not found[7, 7]
    (some,) = covered(corners, (8, 8))
    assert some.weights.sum(axis=1) == pytest.approx(1.0)
    assert not shadow(corners + 100, (8, 8)).any()


def test_many_triangles_are_covered_piece_by_piece(monkeypatch):
    from gotapi_creation.engine import raster

    corners = np.array([[[0.0, 0], [0, 6], [6, 0]]] * 5)
    whole = shadow(corners, (8, 8))
    monkeypatch.setattr(raster, "_AT_ONCE", 1)
    assert len(list(covered(corners, (8, 8)))) == 5
    assert (shadow(corners, (8, 8)) == whole).all()


def test_cells_inside_a_box():
    corners = (CORNERS * (4, 6, 8) + 1.5)[FACES]
    inside = filled(corners[:, :, [0, 1, 2]], (10, 8, 12))
    assert inside.sum() == 4 * 6 * 8
    assert inside[2:8, 2:6, 2:10].all()


def test_previews_are_pictures_that_others_can_open():
    from gotapi_creation.engine.drawings import png

    data = png(preview(box(), np.full((8, 3), 90, np.uint8), "right", 48))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (48, 48), "RGBA")


def test_what_hangs_on_by_an_edge_is_left_out(make):
    # Two boxes that share one edge; four triangles meet there.
    one, other = box((20, 100, 20), (-10, 0, -10)), box((4, 100, 4), (10, 0, 10))
    both = together(one, other)
    _, first, back = np.unique(both.vertices, axis=0, return_index=True, return_inverse=True)
    joined = Model(both.vertices[first], back.ravel()[both.triangles])
    job = make.structural(dict.fromkeys(View, np.ones((200, 40), bool)))
    done = finished(joined, job)
    told = report(done, joined, job, "other", {}, (), 1.0)
    assert (told.parts, told.manifold, told.watertight, told.genus) == (1, True, True, 0)
    assert told.volume == pytest.approx(40_000)


def test_a_drawn_round_figure_has_no_boxy_part(shared):
    from gotapi_creation.engine.drawings import drawing
    from gotapi_creation.engine.order import Attributes, Options, Picture
    from gotapi_creation.engine.segment import figure
    from gotapi_creation.engine.structure import structure
    from gotapi_creation.engine.templates import find

    for name in ("char1", "char5"):
        read = drawing(View.FRONT, Picture(str(shared / "drawings" / name / "texture.png")))
        drawings = {View.FRONT: (read, figure(read))}
        job, _ = structure(drawings, find("human"), Attributes(), Options(grid=128))
        assert max(profiles(job).values()) < 5
        made = ShapeEngine().make(job, lambda _: None)
        told = report(finished(made, job), made, job, "shape", {}, (), 1.0)
        assert (told.parts, told.manifold, told.watertight) == (1, True, True)


def test_an_open_surface_of_many_triangles_is_thinned_out_and_stays_open(make, bear_masks):
    job = make.structural(bear_masks, grid=64, triangles=2000)
    made = ShapeEngine().make(job, lambda _: None)
    opened = Model(made.vertices, made.triangles[:-200])
    done = finished(opened, job)
    assert len(done.surface.triangles) <= 2000
    assert [one.code for one in done.warnings] == ["open"]
