"""The figure out of a drawing: alpha, paper, photographs, corrections, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from gotapi_creation.engine.drawings import drawing
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Picture, View
from gotapi_creation.engine.segment import Drawing, colour, figure

SIZE = 240
UP, ACROSS = np.mgrid[0:SIZE, 0:SIZE] - SIZE / 2 + 0.5
DISC = np.hypot(UP, ACROSS) < 80
RING = DISC & (np.hypot(UP, ACROSS) > 30)
LINE = DISC & (np.hypot(UP, ACROSS) > 76)


def on_paper(mask, ink=(40, 40, 90), paper=(250, 250, 245), alpha=255):
    pixels = np.empty((*mask.shape, 4), np.uint8)
    pixels[:] = (*paper, alpha)
    pixels[mask] = (*ink, 255)
    return pixels


def photographed(mask, seed=5):
    """Grain, and light that falls off to one side."""
    pixels = on_paper(mask).astype(float)
    light = np.linspace(0.55, 1.0, SIZE)[None, :, None]
    grain = np.random.default_rng(seed).normal(0, 2.0, (SIZE, SIZE, 1))
    pixels[:, :, :3] = pixels[:, :, :3] * light + grain
    return np.clip(pixels, 0, 255).astype(np.uint8)


def like(found, wanted):
    return (found & wanted).sum() / (found | wanted).sum()


def found(pixels, **more):
    return figure(Drawing(View.FRONT, pixels, **more))


def test_alpha_is_taken_as_it_is():
    assert (found(on_paper(RING, alpha=0)).mask == RING).all()


@pytest.mark.parametrize("paper", [(255, 255, 255), (0, 0, 0), (90, 200, 90)])
def test_paper_of_one_colour_is_told_by_the_border(paper):
    ink = (200, 40, 220)
    assert like(found(on_paper(DISC, ink, paper)).mask, DISC) > 0.99


def test_a_silhouette_of_one_colour_keeps_its_holes_and_a_line_is_filled():
    assert like(found(on_paper(RING)).mask, RING) > 0.99
    assert like(found(on_paper(LINE)).mask, DISC) > 0.99


def test_white_eyes_of_a_painted_figure_are_no_holes():
    pixels = on_paper(DISC, (200, 60, 60))
    pixels[150:180, 80:160, :3] = (60, 60, 200)
    pixels[90:110, 90:110, :3] = (250, 250, 245)
    assert like(found(pixels).mask, DISC) > 0.99


def test_a_known_paper_helps_where_the_border_is_dirty():
    pixels = on_paper(DISC)
    pixels[0, ::2, :3] = (120, 60, 20)
    assert like(found(pixels, paper=(250, 250, 245)).mask, DISC) > 0.98


def test_a_photograph_of_a_line_drawing_is_filled():
    assert like(found(photographed(LINE)).mask, DISC) > 0.95


@pytest.mark.parametrize("name", ["char1", "char5"])
def test_real_drawings(shared, name):
    folder = shared / "drawings" / name
    mask = np.asarray(Image.open(folder / "mask.png")) > 127
    read = drawing(View.FRONT, Picture(str(folder / "texture.png")))
    assert like(figure(read).mask, mask) >= 0.85


def test_green_closes_an_outline_and_red_takes_away():
    gap = LINE.copy()
    gap[30:60, 100:140] = False
    with pytest.raises(CreationError, match="open outline"):
        found(on_paper(gap))
    added = LINE & ~gap
    assert like(found(on_paper(gap), added=added).mask, DISC) > 0.98
    removed = np.zeros_like(DISC)
    removed[:, 120:] = True
    half = found(on_paper(LINE), removed=removed).mask
    assert not half[:, 120:].any()
    assert like(half, DISC & ~removed) > 0.98


def test_only_the_largest_part_is_used_and_said_so():
    two = DISC.copy()
    two[10:60, 10:60] = True
    two[60:75, 10:60] = False
    apart = two & ~(np.hypot(UP, ACROSS) < 84) | DISC
    told = found(on_paper(apart, alpha=0))
    assert [one.code for one in told.warnings] == ["parts"]
    assert like(told.mask, DISC) > 0.99


def test_a_figure_at_the_border_is_taken_with_a_warning():
    shifted = np.roll(DISC, 60, axis=1)
    shifted[:, :60] = False
    told = found(on_paper(shifted, alpha=0))
    assert [one.code for one in told.warnings] == ["border"]
    assert "front drawing touches the border" in told.warnings[0].message


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (on_paper(np.zeros_like(DISC)), "shows no figure"),
        (on_paper(np.zeros_like(DISC), paper=(0, 0, 0)), "shows no figure"),
        (on_paper(np.zeros_like(DISC), alpha=0), "wholly transparent"),
        (on_paper(np.hypot(UP, ACROSS) < 8), "of the picture, and 2% are needed"),
        (on_paper(np.maximum(abs(UP), abs(ACROSS)) < 117), "no paper around the figure"),
    ],
    ids=["blank", "black", "transparent", "tiny", "no margin"],
)
def test_what_shows_no_figure_is_refused_with_advice(pixels, words):
    with pytest.raises(CreationError, match=words) as caught:
        found(pixels)
    assert caught.value.failure.view is View.FRONT
    assert caught.value.failure.code == "picture"
    assert str(caught.value).startswith("the front drawing ")


def test_a_stick_figure_of_thick_bars_is_one():
    bars = np.zeros_like(DISC)
    bars[30:210, 110:130] = bars[60:80, 30:210] = bars[190:210, 30:210] = True
    assert like(found(on_paper(bars)).mask, bars) > 0.95


@pytest.mark.parametrize(
    ("text", "wanted"), [("", None), ("#ffffff", (255, 255, 255)), ("0a0B0c", (10, 11, 12))]
)
def test_colours_of_paper(text, wanted):
    assert colour(text) == wanted


@pytest.mark.parametrize("text", ["white", "#fff", "#gggggg", "#ffffffff"])
def test_wrong_colours_of_paper(text):
    with pytest.raises(CreationError, match="#ffffff"):
        colour(text)


def test_corrections_are_read_from_a_picture(tmp_path):
    Image.fromarray(on_paper(DISC)).save(tmp_path / "front.png")
    marks = np.zeros((SIZE, SIZE, 4), np.uint8)
    marks[:20] = (0, 200, 0, 255)
    marks[20:40] = (200, 0, 0, 255)
    marks[40:60] = (0, 200, 0, 20)  # hardly to be seen
    Image.fromarray(marks).save(tmp_path / "marks.png")
    paths = [str(tmp_path / name) for name in ("front.png", "marks.png")]
    read = drawing(View.FRONT, Picture(paths[0], "#fafaf5", paths[1]))
    assert read.paper == (250, 250, 245)
    assert read.added is not None
    assert read.removed is not None
    assert read.added[:20].all()
    assert not read.added[20:].any()
    assert read.removed[20:40].all()
    assert read.removed.sum() == 20 * SIZE


def test_large_photographs_are_made_small_and_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    Image.new("RGB", (2400, 1200), "white").save(tmp_path / "photo.jpg", exif=exif)
    read = drawing(View.RIGHT, Picture(str(tmp_path / "photo.jpg")))
    assert read.pixels.shape == (1024, 512, 4)
