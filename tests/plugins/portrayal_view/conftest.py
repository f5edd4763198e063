"""Scenes of our own, and the rasteriser as it was built."""

import numpy as np
import pytest

from gotapi_portrayal.view.compiled import load
from gotapi_portrayal.view.drawing import Rasteriser
from gotapi_portrayal.view.fallback_embree import EmbreeLibrary
from gotapi_portrayal.view.fallback_numpy import NumpyLibrary
from gotapi_portrayal.view.geometry import Piece, geometry
from gotapi_portrayal.view.library import NATIVE

UTM = (456_000.0, 5_428_000.0, 110.0)
SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
ELL = np.array([(0, 0), (1, 0), (1, 0.5), (0.5, 0.5), (0.5, 1), (0, 1)], float)


def block(outline, low, high):
    """Walls and a roof over an outline that is counter-clockwise; its first corner sees all."""
    n = len(outline)
    ring = np.arange(n)
    other = (ring + 1) % n
    walls = np.concatenate(
        [np.stack([ring, other, n + other], 1), np.stack([ring, n + other, n + ring], 1)]
    )
    roof = np.array([(n, n + k, n + k + 1) for k in range(1, n - 1)])
    vertices = np.concatenate([np.c_[outline, np.full(n, low)], np.c_[outline, np.full(n, high)]])
    return vertices, np.concatenate([walls, roof])


def join(bodies):
    vertices, triangles, base = [], [], 0
    for points, faces in bodies:
        vertices.append(points)
        triangles.append(faces + base)
        base += len(points)
    return np.concatenate(vertices), np.concatenate(triangles).astype(np.uint32)


def ground(size, cells):
    line = np.linspace(0, size, cells + 1)
    x, y = np.meshgrid(line, line)
    z = 4 * np.sin(x / 97) + 3 * np.cos(y / 71)
    index = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    return np.stack([x, y, z], -1).reshape(-1, 3), np.concatenate(faces)


def city(blocks=400, seed=1):
    """A town on hilly ground: vertices (n, 3) in metres, triangles (m, 3), its width."""
    random = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(blocks)))
    size = side * 32.0
    bodies = [ground(size, 40)]
    for n in range(blocks):
        outline = ELL if random.random() < 0.6 else SQUARE
        place = np.array([n % side, n // side]) * 32.0 + 4
        bodies.append(block(outline * random.uniform(8, 22, 2) + place, -9, random.uniform(8, 45)))
    return *join(bodies), size


@pytest.fixture(scope="session")
def native():
    if not NATIVE.exists():
        pytest.skip("the native rasteriser was not built (a C compiler is needed)")
    return load(NATIVE)


@pytest.fixture(scope="session", params=["native", "embree", "numpy"])
def engine(request):
    """What draws, and what does so where there is no compiler."""
    if request.param == "numpy":
        return NumpyLibrary()
    if request.param == "embree":
        pytest.importorskip("embreex", reason="embreex has no package for this machine")
        return EmbreeLibrary()
    return request.getfixturevalue("native")


@pytest.fixture
def rasteriser(engine):
    made = Rasteriser(engine, threads=2)
    yield made
    made.close()


@pytest.fixture(scope="session")
def make(engine):
    """Make geometry of vertices and triangles, far from the origin as real cities are."""

    def made(vertices, triangles, origin=UTM):
        points = np.ascontiguousarray(vertices, np.float32)
        return geometry(engine, [Piece(origin, points, np.asarray(triangles, np.uint32))])

    return made


@pytest.fixture(scope="session")
def make_native(native):
    """Make geometry for the native rasteriser."""

    def made(vertices, triangles, origin=UTM):
        points = np.ascontiguousarray(vertices, np.float32)
        return geometry(native, [Piece(origin, points, np.asarray(triangles, np.uint32))])

    return made


@pytest.fixture(scope="session")
def town():
    return city()


@pytest.fixture(scope="session")
def towns():
    return city
