"""What the shape engine is measured by: known solids, characters, and what every model must be."""

import numpy as np
import pytest
from PIL import Image

from gotapi_creation.engine.base import Model
from gotapi_creation.engine.bodies import Ball, Limb
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.finish import agreement, finished, report
from gotapi_creation.engine.order import Profile, View
from gotapi_creation.engine.raster import filled
from gotapi_creation.engine.shape import ShapeEngine, draft
from gotapi_creation.engine.surface import decimated, solid_of
from gotapi_meshes.reading import read_model


def made(job):
    said = []
    model = ShapeEngine().make(job, said.append)
    assert [one.fraction for one in said] == sorted(one.fraction for one in said)
    return model, finished(model, job)


def reported(model, done, job):
    return report(done, model, job, "shape", {}, (), 0.0)


@pytest.mark.parametrize(
    "name",
    ["human", "human-female-child", "elf", "elf-female-old", "orc", "orc-female-child"],
)
def test_characters_of_templates(make, template_truth, name):
    known = template_truth(name)
    job = make.structural(known.masks)
    model, done = made(job)
    found = make.compared(done.surface.vertices, done.surface.triangles, known)
    assert found.solid >= 0.78
    assert 0.9 <= found.volume <= 1.15
    assert found.front >= 0.985  # of cells; the outline itself is below
    agreed = agreement(done.surface, job)
    assert agreed[View.FRONT] >= 0.99
    assert agreed[View.RIGHT] >= 0.96
    told = reported(model, done, job)
    assert (told.watertight, told.manifold, told.parts) == (True, True, 1)
    assert told.triangles <= 20_000


@pytest.mark.parametrize("solids", ["BEAR", "ROBOT", "BLOCK_MAN"])
def test_characters_of_balls_and_blocks(make, solids):
    known = make.truth(getattr(make, solids))
    job = make.structural(known.masks)
    model, done = made(job)
    found = make.compared(done.surface.vertices, done.surface.triangles, known)
    assert found.solid >= 0.78
    assert 0.9 <= found.volume <= 1.15
    agreed = agreement(done.surface, job)
    assert agreed[View.FRONT] >= 0.99
    assert agreed[View.RIGHT] >= 0.96
    told = reported(model, done, job)
    assert (told.watertight, told.manifold, told.parts) == (True, True, 1)


KNOWN = {
    "sphere": ([Ball((0, 0.5, 0), (0.4, 0.4, 0.4))], 4 / 3 * np.pi * 0.4**3, 0.8),
    "ellipsoid": ([Ball((0, 0.5, 0), (0.3, 0.45, 0.2))], 4 / 3 * np.pi * 0.3 * 0.45 * 0.2, 0.9),
    "cylinder": ([Limb((0, -3, 0), (0, 4, 0), 0.25, 0.25)], np.pi * 0.25**2, 1.0),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_shapes_have_their_volume_within_two_percent(make, name):
    solids, volume, height = KNOWN[name]
    known = make.truth(solids)
    _, done = made(make.structural(known.masks, grid=160))
    scale = len(known.cells) / 200 / 100.0  # heights of a figure in a millimetre
    assert len(known.cells) / 200 == pytest.approx(height, abs=0.005)
    assert done.surface.volume() * scale**3 == pytest.approx(volume, rel=0.02)
    found = make.compared(done.surface.vertices, done.surface.triangles, known)
    assert found.solid >= 0.97


def test_a_ring_keeps_its_hole(make):
    across = np.linspace(-1, 1, 200)
    x, y = across[None], across[:, None]
    front = np.abs(np.hypot(x, y) - 0.7) < 0.28
    right = make.truth([Limb((0, 0.14, 0), (0, 0.86, 0), 0.14, 0.14)], 200).masks[View.RIGHT]
    job = make.structural({View.FRONT: front, View.RIGHT: right}, (View.FRONT, View.RIGHT))
    model, done = made(job)
    told = reported(model, done, job)
    assert (told.genus, told.parts, told.watertight, told.manifold) == (1, 1, True, True)
    tube, ring = 0.28, 0.7
    scale = 100.0 / (2 * (tube + ring))
    exact = 2 * np.pi**2 * ring * tube**2 * scale**3
    assert done.surface.volume() == pytest.approx(exact, rel=0.12)


def test_boxes_do_not_lose_a_fifth_of_their_volume(make):
    known = make.truth(make.BLOCK_MAN)
    whole = {}
    for profile in (Profile.AUTO, Profile.ROUND):
        _, done = made(make.structural(known.masks, profile=profile))
        found = make.compared(done.surface.vertices, done.surface.triangles, known)
        whole[profile] = found.volume
    assert whole[Profile.ROUND] < 0.85
    assert whole[Profile.AUTO] > 0.95


def test_a_person_measured_by_its_own_model(make, shared):
    with (shared / "models" / "human_60mm.stl").open("rb") as file:
        _, mesh = read_model(file)
    drawn = {}
    for view in View:
        dark = np.asarray(Image.open(shared / "models" / f"human_{view}.png").convert("L")) < 128
        rows, columns = (np.flatnonzero(dark.any(axis=axis)) for axis in (1, 0))
        cut = dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        size = (round(cut.shape[1] * 480 / cut.shape[0]), 480)
        drawn[view] = np.asarray(Image.fromarray(cut).resize(size))
    _, done = made(make.structural(drawn))
    cells = 200
    scale = cells / mesh.size[2]
    middle = (mesh.low + mesh.high) / 2
    wide, deep = (int(np.ceil(side * scale)) + 2 for side in mesh.size[:2])
    x, y, z = (mesh.vertices * scale).T
    own = np.column_stack(
        [
            x - middle[0] * scale + wide / 2 - 0.5,
            cells - z - 0.5,
            middle[1] * scale - y + deep / 2 - 0.5,
        ]
    )
    exact = filled(own[mesh.triangles], (cells, wide, deep))
    x, y, z = (done.surface.vertices * (cells / 100.0)).T
    ours = np.column_stack([x + wide / 2 - 0.5, cells - y - 0.5, z + deep / 2 - 0.5])
    got = filled(ours[done.surface.triangles], (cells, wide, deep))
    assert (got & exact).sum() / (got | exact).sum() >= 0.78


def test_the_front_alone_makes_a_round_body(make):
    known = make.truth(make.BEAR)
    job = make.structural(known.masks, (View.FRONT,))
    model, done = made(job)
    told = reported(model, done, job)
    assert (told.watertight, told.manifold, told.parts) == (True, True, 1)
    assert told.agreement[View.FRONT] >= 0.98
    depth = np.ptp(done.surface.vertices[:, 2])
    assert 20 < depth < 60  # of a figure of 100 mm; the bear itself is 40


def test_front_and_right_are_enough(make):
    known = make.truth(make.BEAR)
    _, done = made(make.structural(known.masks, (View.FRONT, View.RIGHT)))
    assert make.compared(done.surface.vertices, done.surface.triangles, known).solid >= 0.78


def test_a_back_that_differs_a_little_moves_the_outline_half_way(make):
    front = np.zeros((200, 120), bool)
    front[:, 10:110] = True
    back = np.zeros((200, 120), bool)
    back[:, 12:108] = True
    right = np.ones((200, 100), bool)
    masks = {View.FRONT: front, View.RIGHT: right, View.BACK: back}
    _, done = made(make.structural(masks))
    assert np.ptp(done.surface.vertices[:, 0]) == pytest.approx(98 / 2, abs=0.6)


def test_a_back_of_another_width_is_laid_middle_on_middle(make):
    known = make.truth(make.BEAR)
    masks = known.masks
    for change in (lambda m: m[:, 2:-2], lambda m: np.pad(m, ((0, 0), (3, 4)))):
        changed = {**masks, View.BACK: change(masks[View.BACK])}
        _, done = made(make.structural(changed))
        assert make.compared(done.surface.vertices, done.surface.triangles, known).front >= 0.97


def test_the_axes_are_those_that_are_stated(make):
    solids = [
        Ball((0, 0.5, 0), (0.2, 0.5, 0.2)),
        Limb((-0.1, 0.8, 0), (-0.4, 0.8, 0), 0.05, 0.05),  # the figure's right arm
        Limb((0, 0.3, 0.1), (0, 0.3, 0.4), 0.05, 0.05),  # in front of it
    ]
    _, done = made(make.structural(make.truth(solids).masks))
    low, high = done.surface.vertices.min(axis=0), done.surface.vertices.max(axis=0)
    assert low[1] == pytest.approx(0.0, abs=0.5)
    assert high[1] == pytest.approx(100.0, abs=0.5)
    arm = done.surface.vertices[:, 0].argmin()
    assert done.surface.vertices[arm, 1] == pytest.approx(80, abs=2)
    nose = done.surface.vertices[:, 2].argmax()
    assert done.surface.vertices[nose, 1] == pytest.approx(30, abs=2)


def test_the_draft_is_the_same_figure_on_fewer_cells(make):
    known = make.truth(make.BEAR)
    model = draft(make.structural(known.masks))
    found = make.compared(model.vertices, model.triangles, known)
    assert found.solid >= 0.75
    assert 5_000 < len(model.triangles) < 100_000


def test_drawings_without_anything_in_common_are_refused(make):
    front = np.zeros((200, 90), bool)
    front[:90, 10:40] = True
    right = np.zeros((200, 90), bool)
    right[110:, 10:40] = True
    with pytest.raises(CreationError, match="no figure in common"):
        ShapeEngine().make(
            make.structural({View.FRONT: front, View.RIGHT: right}, (View.FRONT, View.RIGHT)),
            lambda _: None,
        )


def test_it_makes_the_same_every_time(make, bear_masks):
    first, second = (ShapeEngine().make(make.structural(bear_masks), print) for _ in range(2))
    assert first.vertices.tobytes() == second.vertices.tobytes()
    assert first.triangles.tobytes() == second.triangles.tobytes()


def test_a_foot_carries_the_figure(make, bear_masks):
    job = make.structural(bear_masks, foot=True)
    model = ShapeEngine().make(job, lambda _: None)
    done = finished(model, job)
    told = reported(model, done, job)
    assert (told.watertight, told.manifold, told.parts) == (True, True, 1)
    bottom = done.surface.vertices[done.surface.vertices[:, 1] < 1e-6]
    assert done.surface.vertices[:, 1].min() == pytest.approx(0.0, abs=1e-5)
    assert np.ptp(bottom[:, 0]) > np.ptp(model.vertices[model.vertices[:, 1] < 4][:, 0])
    assert len(done.colours) == len(done.surface.vertices)


def test_fewer_triangles_keep_the_shape(make, bear_masks):
    model = ShapeEngine().make(make.structural(bear_masks), lambda _: None)
    done = finished(
        Model(model.vertices, model.triangles), make.structural(bear_masks, triangles=800)
    )
    assert len(done.surface.triangles) <= 800
    assert done.surface.volume() == pytest.approx(
        solid_of(decimated(done.surface, 10**6)).volume(), rel=0.01
    )
