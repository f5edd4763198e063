"""The steps of the worker, called in this process."""

import io

import msgspec
import numpy as np
import pytest
from PIL import Image

from gotapi_creation.engine import base, worker
from gotapi_creation.engine.bodies import PARTS
from gotapi_creation.engine.drawings import drawing
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Attributes, Options, Order, Picture, View
from gotapi_creation.engine.segment import Drawing, Figure
from gotapi_creation.engine.structure import structure
from gotapi_creation.engine.templates import find


def encoded(kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (64, 64, 3), np.uint8)).save(
        file, kind
    )
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GIF89a" + b"\0" * 30, "the right drawing is a GIF"),
        (encoded()[:-40] + encoded()[-12:], "the right drawing (is damaged|ends too early)"),
        (encoded("JPEG")[:200], "the right drawing (is damaged|ends too early)"),
    ],
)
def test_pictures_that_cannot_be_read(tmp_path, data, words):
    (tmp_path / "right").write_bytes(data)
    with pytest.raises(CreationError, match=words):
        drawing(View.RIGHT, Picture(str(tmp_path / "right")))
    with pytest.raises(CreationError, match="cannot be read: No such file"):
        drawing(View.RIGHT, Picture(str(tmp_path / "none")))


def test_orders_are_done_in_any_process(desk, bear_masks):
    order = msgspec.convert(desk.order(bear_masks, options={"grid": 64, "triangles": 1000}), Order)
    left = desk.out / ".making"
    left.mkdir()
    (left / "model.glb").write_bytes(b"of a killed try")
    (desk.out / "preview.glb").write_bytes(b"of a killed try")
    said = []
    report = worker.make(order, said.append)
    assert report.triangles <= 1000
    assert not left.exists()
    assert (desk.out / "preview.glb").read_bytes()[:4] == b"glTF"
    assert said[-1].progress.fraction == 1.0
    assert sum(report.files.values()) == sum(
        path.stat().st_size for path in desk.out.iterdir() if path.name in report.files
    )


def test_a_failure_before_the_order_is_known_is_told(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(worker, "_teller", lambda: said.append)
    assert worker.main([str(tmp_path / "none.json")]) == 1
    assert said[-1].failure.code == "order"


def test_strokes_of_one_pixel_keep_their_colour():
    mask = np.zeros((220, 20), bool)
    mask[10:210, 9] = True
    pixels = np.full((220, 20, 4), 255, np.uint8)
    pixels[mask] = (10, 200, 10, 255)
    job, warnings = structure(
        {View.FRONT: (Drawing(View.FRONT, pixels), Figure(mask, ()))},
        find("human"),
        Attributes(),
        Options(),
    )
    assert warnings == []
    assert job.masks[View.FRONT].shape == (200, 1)
    assert (job.colours[View.FRONT] == (10, 200, 10)).all()
    assert job.parts == PARTS


def test_the_specification_is_never_called():
    with pytest.raises(AssertionError):
        base.creation_engines()
