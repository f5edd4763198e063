"""Templates, their bodies, and drawings put together over them."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_creation.engine.bodies import PARTS, Ball, Block, Build, Limb, body
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Attributes, Options, View
from gotapi_creation.engine.segment import Drawing, Figure
from gotapi_creation.engine.solids import Raster, inside, outline, outlines
from gotapi_creation.engine.structure import overlap, structure
from gotapi_creation.engine.templates import TEMPLATES, find, fitted

RASTER = Raster(240, 200, 1 / 200)


def test_ids_and_names_are_unique_and_ids_rise():
    ids = [one.id for one in TEMPLATES]
    assert ids == sorted(set(ids))
    assert len({one.name for one in TEMPLATES}) == len(TEMPLATES)
    assert {one.species for one in TEMPLATES} == {"human", "elf", "orc"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_bodies_fill_their_height_in_one_piece(template):
    made = template.body()
    solids = [one for part in made.solids.values() for one in part]
    assert set(made.solids) <= set(PARTS)
    for view in View:
        shadow = outlines(solids, view, RASTER)
        rows = np.flatnonzero(shadow.any(axis=1))
        assert rows[0] <= 1
        assert rows[-1] >= 198
        assert len(rows) == rows[-1] - rows[0] + 1
        columns = np.flatnonzero(shadow.any(axis=0))
        assert columns[0] > 0
        assert columns[-1] < 239
    front, back = (outlines(solids, view, RASTER) for view in (View.FRONT, View.BACK))
    assert (front == back[:, ::-1]).all()


def test_the_nose_of_the_right_view_points_to_the_right():
    orc = find("orc").body()
    head = outlines(orc.solids["head"], View.RIGHT, RASTER)
    columns = np.flatnonzero(head.any(axis=0))
    assert columns[-1] - 120 > 120 - columns[0]


def test_the_right_hand_is_left_in_the_front_view():
    hand = outlines(find("human").body().solids["right-hand"], View.FRONT, RASTER)
    assert hand[:, :120].any()
    assert not hand[:, 120:].any()


@pytest.mark.parametrize(
    "solid",
    [
        Ball((0.1, 0.5, 0.05), (0.2, 0.3, 0.1)),
        Block((-0.3, 0.2, -0.1), (0.1, 0.7, 0.2)),
        Limb((-0.2, 0.3, 0), (0.2, 0.7, 0.1), 0.1, 0.05),
    ],
    ids=["ball", "block", "limb"],
)
def test_outlines_are_the_shadows_of_what_is_inside(solid):
    right, up = RASTER.places()
    deep = np.linspace(-0.5, 0.5, 200)
    full = inside(solid, right[None, :, None], up[:, :, None], deep[None, None])
    drawn = outline(solid, View.FRONT, RASTER)
    shadow = full.any(axis=2)
    assert (drawn & shadow).sum() / (drawn | shadow).sum() > 0.97


@pytest.mark.parametrize("word", ["112", "human-male-adult", "human", " HUMAN "])
def test_a_template_is_found_by_id_name_and_species(word):
    assert find(word).name == "human-male-adult"


def test_an_unknown_template_names_those_there_are():
    with pytest.raises(CreationError, match="no template 'dwarf'; there are 111 human") as caught:
        find("dwarf")
    assert caught.value.failure.code == "template"


def test_wishes_choose_the_nearest_and_are_kept():
    wished = fitted(find("human"), Attributes("elf", "female", 12, 0.3))
    assert (wished.species, wished.gender, wished.age, wished.style) == ("elf", "female", 12, 0.3)
    assert wished.name == "elf-female-child"
    assert wished.build.head == 0.3
    assert fitted(find("orc"), Attributes()) == find("orc")


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Attributes(style=0.0), "from 0.08 to 0.5; it is 0"),
        (Attributes(style=float("nan")), "it is nan"),
        (Attributes(age=-1), "age is in years"),
        (Attributes(species="dwarf"), "species are human, elf, orc"),
        (Attributes(gender="x" * 99), "genders are male, female"),
    ],
)
def test_impossible_wishes_are_refused(wishes, words):
    with pytest.raises(CreationError, match=words):
        fitted(find("human"), wishes)


@given(st.floats(0.08, 0.5), st.floats(0.5, 2), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_every_style_is_a_body_of_height_one(head, girth, ears):
    made = body(Build(head=head, girth=girth, ears=ears))
    solids = [one for part in made.solids.values() for one in part]
    rows = np.flatnonzero(outlines(solids, View.FRONT, RASTER).any(axis=1))
    assert rows[-1] - rows[0] >= 190


def drawings(template, **masks):
    solids = [one for part in template.body().solids.values() for one in part]
    found = {}
    for view in View:
        mask = masks.get(str(view), np.pad(outlines(solids, view, RASTER), 10))
        pixels = np.full((*mask.shape, 4), 255, np.uint8)
        pixels[mask] = (200, 30, 30, 255)
        found[view] = (Drawing(view, pixels), Figure(mask, ()))
    return found


def test_the_structural_object_of_a_template_has_its_parts_and_joints():
    elf = find("elf")
    job, warnings = structure(drawings(elf), elf, Attributes(), Options(height=120))
    assert warnings == []
    assert (job.template, job.height_mm) == (elf.name, 120)
    assert job.rows in (199, 200)
    assert job.pixel == pytest.approx(0.6, abs=0.01)
    assert {job.parts[number - 1] for number in np.unique(job.labels) if number} == set(PARTS)
    assert ((job.labels > 0) == job.masks[View.FRONT]).all()
    head = job.labels == PARTS.index("head") + 1
    assert np.flatnonzero(head.any(axis=1))[-1] < 50  # of 200; neck and all
    wrist = job.joints["left-wrist"]
    row, column = job.rows - wrist[1] / job.pixel, wrist[0] / job.pixel
    there = job.labels[int(row), int(column + job.masks[View.FRONT].shape[1] / 2)]
    assert job.parts[there - 1] in ("left-arm", "left-hand")
    # No paper white is left at the rim.
    assert (job.colours[View.FRONT].reshape(-1, 3) == (200, 30, 30)).all()


def test_drawings_of_other_heights_are_scaled_with_a_warning():
    human = find("human")
    tall = np.zeros((220, 260), bool)
    tall[5:215, 100:140] = True
    short = np.zeros((220, 260), bool)
    short[60:215, 100:140] = True
    job, warnings = structure(
        drawings(human, front=tall, right=short, back=tall), human, Attributes(), Options()
    )
    assert [one.code for one in warnings] == ["height"]
    assert warnings[0].view is View.RIGHT
    assert {len(mask) for mask in job.masks.values()} == {210}


def test_backs_that_differ_warn_and_those_that_show_something_else_are_refused():
    human = find("human")
    wide = np.zeros((220, 260), bool)
    wide[10:210, 90:170] = True
    narrow = np.zeros((220, 260), bool)
    narrow[10:210, 100:155] = True
    line = np.zeros((220, 260), bool)
    line[10:210, 120:130] = True
    _, warnings = structure(
        drawings(human, front=wide, back=narrow), human, Attributes(), Options()
    )
    assert [one.code for one in warnings] == ["outline"]
    with pytest.raises(CreationError, match="show different figures"):
        structure(drawings(human, front=wide, back=line), human, Attributes(), Options())


def test_a_figure_that_lies_is_refused():
    human = find("human")
    lying = np.zeros((220, 260), bool)
    lying[100:140, 10:250] = True
    with pytest.raises(CreationError, match="6 times as wide as high"):
        structure(drawings(human, front=lying), human, Attributes(), Options())


def test_overlap_of_masks_of_other_widths():
    one, other = np.ones((10, 10), bool), np.ones((10, 20), bool)
    assert overlap(one, other) == 0.5
    assert overlap(one, one) == 1.0


def test_the_catalogue_can_be_sent():
    assert msgspec.json.encode(TEMPLATES)
