"""The contact sheet of the documentation shows all that there is."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from gotapi_portrayal.view import offer
from gotapi_portrayal.view.looks import STYLES

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "scripts" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_everything_on_offer_is_on_the_sheet(gallery):
    tiles = list(gallery.tiles())
    assert {style.id for style in STYLES} <= {tile.looks.style for tile in tiles}
    shown = {name for tile in tiles for name in tile.looks.overall}
    assert shown == {style.id for style in offer.OVERALL_STYLES}
    grounds = {tile.looks.background for tile in tiles}
    assert {one.id for one in offer.BACKGROUNDS} | {None} <= grounds
    assert {tile.layer for tile in tiles} == {layer.id for layer in offer.IMAGE_LAYERS}
    assert {tile.shot.window is None for tile in tiles} == {True, False}  # both projections


def test_the_sheet_of_the_documentation_is_the_newest_one(gallery):
    count = len(list(gallery.tiles())) + len(list(gallery.errors()))
    blank = Image.new("RGB", gallery.SIZE)
    with Image.open(gallery.TARGET) as image:
        assert image.size == gallery.sheet([("", blank)] * count).size
    assert gallery.TARGET.stat().st_size <= gallery.MOST_BYTES
