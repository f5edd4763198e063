"""The rasteriser against an exact ray tracer, against itself, and against nonsense."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_portrayal.view.camera import CameraError, orthographic, perspective
from gotapi_portrayal.view.compiled import load
from gotapi_portrayal.view.drawing import Rasteriser
from gotapi_portrayal.view.fallback_embree import EmbreeLibrary
from gotapi_portrayal.view.fallback_numpy import NumpyLibrary
from gotapi_portrayal.view.geometry import Piece, geometry
from gotapi_portrayal.view.library import NATIVE, NOTHING, Glass
from gotapi_portrayal.view.shadows import Shadows
from gotapi_portrayal.view.textures import textures

ROOT = Path(__file__).parents[3]
UTM = np.array((456_000.0, 5_428_000.0, 110.0))
SIZE = (640, 480)


def cameras(width):
    """Over the roofs, in a street, in the air straight down, and without perspective."""
    middle = UTM + np.array((width / 2, width / 2, 0))
    aside = middle + np.array((0.37, 0.21, 0))  # or edges would run through pixels' centres
    street = UTM + np.array((width / 2 + 1.5, 3.0, 5.0))
    return {
        "oblique": perspective(
            UTM + np.array((-100, -180, 260)), middle, None, (60, None), (1, 5000), SIZE
        ),
        "street": perspective(
            street, street + np.array((0.3, 50, -1)), None, (75, None), (0.05, 5000), SIZE
        ),
        "down": perspective(
            aside + np.array((0, 0, 700)), aside, None, (None, 50), (1, 5000), SIZE
        ),
        "rolled": perspective(
            UTM + np.array((width, -90, 120)),
            middle,
            np.array((0.3, 0.2, 1.0)),
            (50, 50),
            (1, 900),
            SIZE,
        ),
        "parallel": orthographic(
            UTM + np.array((-100, -180, 260)),
            middle,
            None,
            (-250, 250, -180, 190),
            (-500, 3000),
            SIZE,
        ),
    }


def traced(vertices, triangles, camera):
    """Return the number of the triangle (-1: none) and the distance at each pixel's centre."""
    pytest.importorskip("embreex", reason="the oracle, embreex, has no package for this machine")
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, vertices.astype(np.float32), triangles.astype(np.int32))
    across, down = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    first, right, below = camera.rays()
    rays = (first + across[..., None] * right + down[..., None] * below).reshape(-1, 3)
    starts = np.repeat((camera.eye - UTM)[None], len(rays), 0)
    if camera.parallel:
        starts, rays = starts + rays, np.repeat(camera.forward[None], len(rays), 0)
    # Between the planes: from the near one on, and nothing beyond the far one.
    starts = starts + rays * camera.near
    found = scene.run(
        starts.astype(np.float32), rays.astype(np.float32), query="INTERSECT", output=True
    )
    t = found["tfar"] + camera.near
    seen = np.where(t <= camera.far, found["primID"].astype(np.int64), -1)
    shape = (camera.height, camera.width)
    return seen.reshape(shape), (t * np.linalg.norm(rays, axis=1)).reshape(shape)


def shown(picture):
    """Return the number of the triangle that each pixel shows, in the mesh's order; -1: none."""
    order = picture.geometry.order.astype(np.int64)
    return np.where(picture.empty(), -1, order[np.minimum(picture.names >> 1, len(order) - 1)])


def beside_an_edge(picture):
    """Return where a pixel or a neighbour of it shows another triangle than the next one."""
    here = shown(picture)
    edge = np.zeros(here.shape, bool)
    edge[:, 1:] |= here[:, 1:] != here[:, :-1]
    edge[1:] |= here[1:] != here[:-1]
    grown = edge.copy()
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            grown |= np.roll(edge, (dy, dx), (0, 1))
    return grown


@pytest.mark.parametrize("name", ["oblique", "street", "down", "rolled", "parallel"])
def test_it_shows_what_a_ray_tracer_sees(rasteriser, make, town, name):
    vertices, triangles, width = town
    camera = cameras(width)[name]
    picture = rasteriser.draw(make(vertices, triangles), camera)
    expected, distance = traced(vertices, triangles, camera)
    mine = shown(picture)
    same = mine == expected
    assert (mine >= 0).mean() > 0.2  # there is something to see
    assert same.mean() >= 0.9995
    # Corners are snapped to 1/256 of a pixel: only at an edge another triangle may win.
    assert beside_an_edge(picture)[~same].all()
    depth = picture.depth()
    both = same & (expected >= 0)
    error = np.abs(depth - distance)[both]
    assert np.quantile(error, 0.99) <= 0.001  # metres, at UTM coordinates
    assert (depth[mine < 0] == 0).all()


def test_the_side_that_is_seen(rasteriser, make):
    square = np.array([(0, 0, 0), (9, 0, 0), (9, 9, 0), (0, 9, 0)], float)
    faces = np.array([(0, 1, 2), (0, 2, 3)])
    middle = UTM + np.array((4.5, 4.5, 0))
    for height, behind in ((20, 0), (-20, 1)):
        eye = middle + np.array((0, 0, height))
        camera = perspective(eye, middle, None, (60, None), (1, 100), (40, 40))
        names = rasteriser.draw(make(square, faces), camera).names
        assert set(np.unique(names[names != NOTHING] & 1)) == {behind}


@pytest.mark.parametrize("wide", [True, False])
def test_the_picture_depends_on_nothing_but_the_scene(native, make_native, town, wide):
    vertices, triangles, width = town
    shape = make_native(vertices, triangles)
    for camera in cameras(width).values():
        pictures = []
        for threads in (1, 2, 3, 7):
            rasteriser = Rasteriser(load(NATIVE, widest=wide), threads)
            pictures.append(rasteriser.draw(shape, camera).names)
            pictures.append(rasteriser.draw(shape, camera).names)  # a workspace that was used
            rasteriser.close()
        assert all((pictures[0] == other).all() for other in pictures[1:])


def test_neighbours_leave_no_crack_and_share_no_pixel(rasteriser, make):
    """Points in a plane, triangulated: each pixel centre inside belongs to exactly one."""
    random = np.random.default_rng(3)
    scipy = pytest.importorskip("scipy.spatial")
    points = np.concatenate(
        [random.uniform(0, 100, (3000, 2)), [(0, 0), (100, 0), (0, 100), (100, 100)]]
    )
    faces = scipy.Delaunay(points).simplices
    flat = np.c_[points, np.zeros(len(points))]
    middle = UTM + np.array((50, 50, 0))
    camera = orthographic(
        middle + np.array((0, 0, 10)), middle, None, (-50, 50, -50, 50), (0, 20), (777, 777)
    )
    whole = rasteriser.draw(make(flat, faces), camera)
    assert not whole.empty().any()
    seen = np.zeros((777, 777), int)
    for part in np.array_split(faces, 5):
        seen += ~rasteriser.draw(make(flat, part), camera).empty()
    assert (seen == 1).all()


def test_coordinates_far_away_are_as_exact_as_near_ones(rasteriser, make, town):
    vertices, triangles, width = town
    here = cameras(width)["oblique"]
    near = perspective(
        here.eye - UTM, np.array((width / 2, width / 2, 0.0)), None, (60, None), (1, 5000), SIZE
    )
    far = rasteriser.draw(make(vertices, triangles), here)
    plain = rasteriser.draw(make(vertices, triangles, (0.0, 0.0, 0.0)), near)
    assert (far.names == plain.names).mean() > 0.99999


def test_of_two_in_the_same_place_the_first_is_seen(rasteriser, make):
    triangle = np.array([(0, 0, 0), (9, 0, 0), (0, 9, 0)], float)
    camera = perspective(
        UTM + np.array((2, 2, 9)), UTM + np.array((2, 2, 0)), None, (60, None), (1, 50), (64, 64)
    )
    shape = make(np.concatenate([triangle, triangle]), [(0, 1, 2), (3, 4, 5)])
    names = rasteriser.draw(shape, camera).names
    assert set(np.unique(names[names != NOTHING] >> 1)) == {0}


def test_colours_words_and_averages(rasteriser, make):
    square = np.array([(0, 0, 0), (10, 0, 0), (10, 10, 0), (0, 10, 0)], float)
    middle = UTM + np.array((5, 5, 0))
    camera = orthographic(
        middle + np.array((0, 0, 5)), middle, None, (-10, 10, -10, 10), (0, 9), (20, 20)
    )
    shape = make(square, [(0, 1, 2), (0, 2, 3)])
    table = np.array([(0x0000FF, 1), (0x0000FF, 1)], np.uint32)  # red from the front
    picture = rasteriser.draw(shape, camera)
    colours = picture.colours(table, ground=0x102030)
    assert colours[10, 10].tolist() == [255, 0, 0]
    assert colours[0, 0].tolist() == [0x30, 0x20, 0x10]
    backdrop = np.full((20, 20, 3), 77, np.uint8)
    assert picture.colours(table, backdrop=backdrop)[0, 0].tolist() == [77, 77, 77]
    words = picture.words(table, empty=5)
    assert (words[10, 10], words[0, 0]) == (0xFF, 5)
    finer = rasteriser.draw(
        shape,
        orthographic(
            middle + np.array((0, 0, 5)), middle, None, (-9.5, 10.5, -10, 10), (0, 9), (20, 20)
        ).finer(2),
    )
    smooth = finer.colours(table, ground=0, samples=2)
    assert smooth.shape == (20, 20, 3)
    assert smooth[10, 4].tolist() == [128, 0, 0]  # half of this pixel is covered


def test_a_table_or_backdrop_of_another_size_is_refused(rasteriser, make, town):
    vertices, triangles, width = town
    picture = rasteriser.draw(make(vertices, triangles), cameras(width)["down"])
    with pytest.raises(ValueError, match="needed"):
        picture.words(np.zeros((3, 2), np.uint32))
    with pytest.raises(ValueError, match="uint32"):
        picture.words(np.zeros((picture.geometry.count, 2), np.int64))
    table = np.zeros((picture.geometry.count, 2), np.uint32)
    with pytest.raises(ValueError, match="backdrop"):
        picture.colours(table, backdrop=np.zeros((3, 3, 3), np.uint8))


def test_an_empty_scene_is_an_empty_picture(rasteriser, native):
    camera = cameras(100)["down"]
    picture = rasteriser.draw(geometry(native, []), camera)
    assert picture.empty().all()
    assert (picture.depth() == 0).all()


@pytest.mark.parametrize(
    ("vertices", "triangles", "says"),
    [
        ([(0, 0, 0), (1, 0, np.nan), (0, 1, 0)], [(0, 1, 2)], "finite"),
        ([(0, 0, 0), (1, 0, np.inf), (0, 1, 0)], [(0, 1, 2)], "finite"),
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 3)], "not there"),
    ],
)
def test_what_no_scene_may_have_is_refused(native, vertices, triangles, says):
    piece = Piece((0, 0, 0), np.array(vertices, np.float32), np.array(triangles, np.uint32))
    with pytest.raises(ValueError, match=says):
        geometry(native, [piece])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_mesh_and_camera_give_a_picture(native, seed):
    draw_anything(native, seed)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("slow", [EmbreeLibrary, NumpyLibrary])
def test_any_mesh_and_camera_give_a_picture_without_a_compiler(slow, seed):
    if slow is EmbreeLibrary:
        pytest.importorskip("embreex", reason="embreex has no package for this machine")
    draw_anything(slow(), seed)


def wild_mesh(random):
    """A mesh of any size, with triangles of no area, and of many in one place."""
    count = int(random.integers(0, 600))
    scale = 10.0 ** random.uniform(-12, 9)
    vertices = (random.normal(size=(max(3, count), 3)) * scale).astype(np.float32)
    if random.random() < 0.5:
        vertices = np.round(vertices / scale * 4) * np.float32(scale / 4)  # many on a grid
    if random.random() < 0.2:
        vertices[:, int(random.integers(3))] = 0
    triangles = random.integers(0, len(vertices), (count, 3)).astype(np.uint32)
    return vertices.astype(np.float32), triangles, scale


def wild_camera(random, scale):
    size = tuple(int(side) for side in random.integers(1, 120, 2) ** random.choice([1, 1, 2]) % 300)
    size = tuple(max(1, side) for side in size)
    eye = random.normal(size=3) * scale * 10.0 ** random.uniform(-3, 1)
    target = random.normal(size=3) * scale
    near = scale * 10.0 ** random.uniform(-6, 0)
    if random.random() < 0.5:
        fov = (float(random.uniform(0.1, 179)), None)
        return perspective(eye, target, None, fov, (near, near * 1e6), size)
    half = scale * 10.0 ** random.uniform(-3, 2)
    planes = (-1e6 * scale, 1e6 * scale)
    return orthographic(eye, target, None, (-half, half, -half, half), planes, size)


def draw_anything(library, seed):
    """Draw a wild mesh with a wild camera in every way; what is shown must exist."""
    random = np.random.default_rng(seed)
    vertices, triangles, scale = wild_mesh(random)
    shape = geometry(library, [Piece((0, 0, 0), vertices, triangles)])
    camera, count = wild_camera(random, scale), len(triangles)
    rasteriser = Rasteriser(library, int(random.integers(1, 5)))
    opacity = random.choice([0, 1, 100, 255], count).astype(np.uint8)
    layers = int(random.integers(1, 7))
    glass = Glass(opacity, int(random.choice([0, 1, 128, 255])), layers)
    picture = rasteriser.draw(shape, camera, glass)
    check_layers(picture.layers, opacity, glass.least)
    assert (
        picture.layers[0] == rasteriser.draw(shape, camera, glass._replace(layers=1)).names
    ).all()
    depth = picture.depth()
    assert np.isfinite(depth).all()
    assert (depth[picture.empty()] == 0).all()
    size = camera.width, camera.height
    table = random.integers(0, 2**32, (count, 2), dtype=np.uint32)
    assert picture.colours(table).shape == (size[1], size[0], 3)
    textured = wild_textures(random, shape, count)
    backdrop = random.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    words = picture.composed(table, textured, 0, backdrop if random.random() < 0.5 else None)
    before = words.copy()
    shadows = Shadows(shape, glass, 128)
    picture.shade(words, shadows.suns(picture), 1)
    for shift in (0, 8, 16):  # a shadow makes nothing brighter
        assert ((words >> shift & 255) <= (before >> shift & 255)).all()
    assert (words >> 24 == before >> 24).all()
    assert picture.averaged(words, 1, alpha=True).shape == (size[1], size[0], 4)
    rasteriser.close()


def wild_textures(random, shape, count):
    uvs = (random.normal(size=(count, 3, 2)) * 10.0 ** random.uniform(-9, 30)).astype(np.float32)
    image = random.integers(0, 256, (*random.integers(1, 40, 2), 3)).astype(np.uint8)
    wrap = str(random.choice(["repeat", "mirror", "clamp"]))
    return textures(shape, uvs, random.integers(-1, 1, count), [(image, wrap)])


def check_layers(layers, opacity, least):
    """What is shown is drawn at all, is shown once, and only glass has something behind it."""
    seen = layers[layers != NOTHING] >> 1
    assert ((seen >= 0) & (seen < max(1, len(opacity)))).all()
    assert (opacity[seen] >= least).all()
    for front, behind in pairwise(layers):
        there = behind != NOTHING
        assert (front[there] != NOTHING).all()
        assert (opacity[front[there] >> 1] < 255).all()
        assert (front[there] != behind[there]).all()


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_glass_and_shadows_depend_on_no_number_of_threads(native, make_native, town, threads):
    vertices, triangles, width = town
    shape = make_native(vertices, triangles)
    camera = cameras(width)["oblique"]
    opacity = np.where(np.arange(shape.count) % 3, 255, 90).astype(np.uint8)
    table = np.arange(2 * shape.count, dtype=np.uint32).reshape(-1, 2) * np.uint32(2654435761)
    results = []
    for number in (2, threads):
        rasteriser = Rasteriser(native, number)
        picture = rasteriser.draw(shape, camera.finer(2), Glass(opacity, 1, 4))
        words = picture.composed(table)
        picture.shade(words, Shadows(shape, Glass(opacity, 1, 1), 512).suns(picture), 2)
        results.append((picture.layers, words))
        rasteriser.close()
    assert (results[0][0] == results[1][0]).all()
    assert (results[0][1] == results[1][1]).all()


def test_views_at_the_same_time_share_the_threads(native, make_native, town, monkeypatch):
    vertices, triangles, width = town
    shape, camera = make_native(vertices, triangles), cameras(width)["down"]
    threads = []
    draw = native.draw
    monkeypatch.setattr(native, "draw", lambda *args: threads.append(args[2]) or draw(*args))
    rasteriser = Rasteriser(native, 4)
    with rasteriser.view():
        alone = rasteriser.draw(shape, camera)
        with rasteriser.view(), rasteriser.view(), rasteriser.view(), rasteriser.view():
            crowded = rasteriser.draw(shape, camera)
            assert (crowded.depth() == alone.depth()).all()
    assert threads == [4, 1]
    assert (alone.names == crowded.names).all()
    rasteriser.close()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(5))
def test_no_camera_is_made_of_what_is_no_number(bad, place):
    given = [np.zeros(3), np.ones(3), np.array((0, 0, 1.0)), [60.0, None], [1.0, 100.0]]
    given[place][0] = bad
    eye, target, up, fov, planes = given
    with pytest.raises(CameraError):
        perspective(eye, target, up, tuple(fov), tuple(planes), (9, 9))


SANITIZED = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("wild", sys.argv[1])
wild = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wild)
for widest in (True, False):
    native = wild.load(pathlib.Path(sys.argv[2]), widest=widest)
    for seed in range(30):
        wild.draw_anything(native, seed)
print("clean")
"""


def test_no_memory_is_touched_that_is_not_its_own(tmp_path):
    """The same wild scenes under the address and undefined-behaviour sanitizers."""
    compiler = os.environ.get("CC", "cc")
    try:
        where = subprocess.run(
            [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no C compiler")
    if not Path(where).is_absolute():
        pytest.skip("the compiler has no address sanitizer (Debian: gcc has one)")
    library = tmp_path / "raster.so"
    flags = ["-g", "-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([sys.executable, str(ROOT / "hatch_build.py"), str(library), *flags], check=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": where,
        "ASAN_OPTIONS": "detect_leaks=0",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", SANITIZED, __file__, str(library)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "clean"
