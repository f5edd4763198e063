"""Without a compiler: who draws instead, what it says, what it refuses, and that it looks alike."""

import builtins
import importlib.util
import logging

import numpy as np
import pytest

from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.view import fallback, fallback_numpy, library
from gotapi_portrayal.view.camera import orthographic, perspective
from gotapi_portrayal.view.drawing import Rasteriser
from gotapi_portrayal.view.fallback_embree import EmbreeLibrary
from gotapi_portrayal.view.fallback_numpy import NumpyLibrary
from gotapi_portrayal.view.geometry import Piece, geometry
from gotapi_portrayal.view.library import Glass
from gotapi_portrayal.view.shadows import Shadows
from gotapi_portrayal.view.textures import textures

UTM = np.array((456_000.0, 5_428_000.0, 110.0))
SIZE = (120, 90)


@pytest.fixture
def missing(monkeypatch, tmp_path):
    """No compiled rasteriser; the choice is made anew, and forgotten afterwards."""
    monkeypatch.setattr(library, "NATIVE", tmp_path / "_raster.so")
    library.library.cache_clear()
    yield tmp_path / "_raster.so"
    library.library.cache_clear()


@pytest.mark.parametrize(("there", "name"), [(True, "embree"), (False, "numpy")])
def test_who_draws_instead_is_said_once(missing, monkeypatch, caplog, there, name):
    spec = importlib.util.spec_from_loader("embreex", None) if there else None
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with caplog.at_level(logging.WARNING):
        assert library.library().name == name
        assert library.library() is library.library()
    [record] = caplog.records
    assert f"by {name}" in record.message
    assert "compiler" in record.message


def test_a_rasteriser_of_another_version_is_as_none(missing, caplog):
    found = importlib.util.find_spec("_ctypes")
    missing.symlink_to(found.origin)  # a shared library without our functions
    assert library.library().name in ("embree", "numpy")
    assert "raster" in caplog.text


def looked_at(width):
    middle = UTM + np.array((width / 2, width / 2, 0))
    eye = UTM + np.array((-100, -180, 260))
    street = UTM + np.array((width / 2 + 1.5, 3.0, 5.0))
    return {
        "oblique": perspective(eye, middle, None, (60, None), (1, 5000), SIZE),
        "street": perspective(
            street, street + np.array((0.3, 50, -1)), None, (75, None), (0.05, 5000), SIZE
        ),
        "parallel": orthographic(eye, middle, None, (-250, 250, -180, 190), (-500, 3000), SIZE),
    }


@pytest.fixture(scope="module", params=["embree", "numpy"])
def both(request, native, town):
    """The town for the native rasteriser and for another engine."""
    if request.param == "embree":
        pytest.importorskip("embreex", reason="embreex has no package for this machine")
    other = EmbreeLibrary() if request.param == "embree" else NumpyLibrary()
    vertices, triangles, width = town
    piece = Piece(tuple(UTM), vertices.astype(np.float32), triangles)
    made = []
    for engine in (native, other):
        shape, rasteriser = geometry(engine, [piece]), Rasteriser(engine, 2)
        made.append((shape, rasteriser))
    yield made, width
    for _, rasteriser in made:
        rasteriser.close()


@pytest.mark.parametrize("view", ["oblique", "street", "parallel"])
def test_colours_depths_textures_glass_and_shadows_look_alike(both, view):
    made, width = both
    camera = looked_at(width)[view]
    random = np.random.default_rng(5)
    count = made[0][0].count
    hues = random.integers(0, 256, (count, 3)).astype(np.uint32)
    share = random.choice([255, 255, 255, 90, 0], count).astype(np.uint8)
    backdrop = random.integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    uvs = random.uniform(-1, 2, (count, 3, 2)).astype(np.float32)
    chosen = random.integers(-1, 3, count)
    noise = random.integers(0, 256, (16, 24, 3)).astype(np.uint8)
    pictures = [(noise, wrap) for wrap in ("repeat", "mirror", "clamp")]
    results = []
    for shape, rasteriser in made:
        words = (hues[:, 0] | hues[:, 1] << 8 | hues[:, 2] << 16)[shape.order]
        table = np.ascontiguousarray(np.stack([words, words], 1).astype(np.uint32))
        glass = Glass(np.ascontiguousarray(share[shape.order]), 1, 3)
        on_it = textures(shape, uvs, chosen, pictures)
        plain = rasteriser.draw(shape, camera)
        fine = rasteriser.draw(shape, camera.finer(2), glass)
        lit = fine.composed(table, on_it, 0, None, 2)
        fine.shade(lit, Shadows(shape, glass, 512).suns(fine), 2)
        results.append(
            {
                "depth": plain.depth(),
                "colours": plain.colours(table, 0x102030),
                "before": plain.colours(table, backdrop=backdrop),
                "smooth": rasteriser.draw(shape, camera.finer(2)).colours(
                    table, backdrop=backdrop, samples=2
                ),
                "glass": fine.painted(table, on_it, 0x102030, backdrop, 2),
                "alpha": fine.averaged(lit, 2, alpha=True),
            }
        )
    for what, mine in results[0].items():
        other = results[1][what].astype(float)
        close = np.abs(mine.astype(float) - other) <= (0.01 if what == "depth" else 3)
        assert close.mean() > 0.97, what
        assert mine.std() > 0, what


def test_too_large_a_picture_is_refused_with_what_to_do(both, monkeypatch):
    made, width = both
    shape, rasteriser = made[1]
    monkeypatch.setattr(fallback, "MOST_PIXELS", 100)
    with pytest.raises(OwsError, match="120 x 90 samples are more than") as caught:
        rasteriser.draw(shape, looked_at(width)["oblique"])
    assert caught.value.code is Code.NO_APPLICABLE_CODE
    assert "aliased" in caught.value.text


@pytest.mark.parametrize("limit", ["MOST_TRIANGLES", "MOST_TESTS"])
def test_numpy_refuses_what_would_take_minutes(town, limit, monkeypatch):
    vertices, triangles, width = town
    engine = NumpyLibrary()
    shape = geometry(engine, [Piece(tuple(UTM), vertices.astype(np.float32), triangles)])
    monkeypatch.setattr(fallback_numpy, limit, 50)
    with pytest.raises(OwsError, match="triangles are more than"):
        Rasteriser(engine, 1).draw(shape, looked_at(width)["oblique"])


def test_the_desk_works_without_embree_or_compiler(monkeypatch):
    """Nothing of it is imported that is not there."""
    imported = builtins.__import__

    def without(name, *args, **more):
        if name.startswith("embreex"):
            raise ImportError(name)
        return imported(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    engine = NumpyLibrary()
    triangle = np.array([(0, 0, 0), (9, 0, 0), (0, 9, 0)], np.float32)
    shape = geometry(engine, [Piece(tuple(UTM), triangle, np.array([(0, 1, 2)], np.uint32))])
    camera = perspective(UTM + np.array((2, 2, 9)), UTM, None, (60, None), (1, 50), SIZE)
    assert not Rasteriser(engine, 1).draw(shape, camera).empty().all()
