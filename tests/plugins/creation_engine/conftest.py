"""Characters of known shape, their drawings, and orders for the worker process."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from PIL import Image

from gotapi_creation.engine.base import StructuralObject
from gotapi_creation.engine.bodies import PARTS, Ball, Block, Limb
from gotapi_creation.engine.order import Attributes, Options, View
from gotapi_creation.engine.raster import filled
from gotapi_creation.engine.solids import inside
from gotapi_creation.engine.structure import labels
from gotapi_creation.engine.templates import find

SHARED = Path(os.environ.get("GOTAPI_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))

BLOCK_MAN = [
    Block((-0.125, 0.75, -0.125), (0.125, 1.0, 0.125)),
    Block((-0.25, 0.375, -0.0625), (0.25, 0.75, 0.0625)),
    Block((-0.125, 0.0, -0.0625), (0.125, 0.375, 0.0625)),
]
BEAR = [
    Ball((0, 0.42, 0), (0.23, 0.27, 0.2)),
    Ball((0, 0.78, 0.02), (0.18, 0.17, 0.17)),
    Ball((-0.14, 0.93, 0), (0.06, 0.07, 0.04)),
    Ball((0.14, 0.93, 0), (0.06, 0.07, 0.04)),
    Limb((-0.2, 0.55, 0), (-0.36, 0.4, 0.05), 0.07, 0.06),
    Limb((0.2, 0.55, 0), (0.36, 0.4, 0.05), 0.07, 0.06),
    Limb((-0.12, 0.3, 0), (-0.16, 0.07, 0.04), 0.1, 0.07),
    Limb((0.12, 0.3, 0), (0.16, 0.07, 0.04), 0.1, 0.07),
]
ROBOT = [
    Block((-0.13, 0.74, -0.12), (0.13, 1.0, 0.12)),
    Block((-0.05, 0.68, -0.05), (0.05, 0.76, 0.05)),
    Block((-0.2, 0.36, -0.12), (0.2, 0.7, 0.12)),
    Block((-0.17, 0.0, -0.08), (-0.04, 0.4, 0.08)),
    Block((0.04, 0.0, -0.08), (0.17, 0.4, 0.08)),
]


@dataclass(frozen=True)
class Truth:
    """A solid as cells: (rows from the top, columns, layers from behind), as tight as can be."""

    cells: np.ndarray

    @property
    def masks(self):
        front = self.cells.any(axis=2)
        return {
            View.FRONT: front,
            View.RIGHT: self.cells.any(axis=1),
            View.BACK: front[:, ::-1],
        }


def reach(solid):
    """The corners of a box that a solid is in."""
    if isinstance(solid, Block):
        return solid.low, solid.high
    if isinstance(solid, Ball):
        ends, radii = (solid.centre, solid.centre), solid.radii
    else:
        ends, radii = (solid.start, solid.end), [max(solid.start_radius, solid.end_radius)] * 3
    low, high = np.minimum(*ends) - radii, np.maximum(*ends) + radii
    return low, high


def truth(solids, cells=200):
    """Fill a box of cells with solids in heights of a figure."""
    pitch = 1.0 / cells
    across = (np.arange(-cells, cells) + 0.5) * pitch
    x, z = across[None, :, None], across[cells // 2 : -cells // 2][None, None, :]
    y = ((np.arange(cells)[::-1] + 0.5) * pitch)[:, None, None]
    full = np.zeros((cells, 2 * cells, cells), bool)
    for one in solids:
        low, high = reach(one)
        near = [
            (place >= a) & (place <= b) for place, a, b in zip((x, y, z), low, high, strict=True)
        ]
        columns, rows, layers = (np.flatnonzero(one.ravel()) for one in near)
        some = np.ix_(rows, columns, layers)
        full[some] |= inside(one, x[:, columns], y[rows], z[:, :, layers])
    ends = [np.flatnonzero(full.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return Truth(full[tuple(slice(one[0], one[-1] + 1) for one in ends)])


def structural(masks, views=tuple(View), template="human", colour=(200, 60, 60), **options):
    """The structural object of masks, painted in one colour."""
    chosen = {view: masks[view] for view in views}
    colours = {
        view: np.broadcast_to(np.array(colour, np.uint8), (*mask.shape, 3)).copy()
        for view, mask in chosen.items()
    }
    body = find(template).body()
    return StructuralObject(
        masks=chosen,
        colours=colours,
        template=template,
        attributes=Attributes(),
        labels=labels(chosen[View.FRONT], body),
        parts=PARTS,
        joints={},
        height_mm=100.0,
        detail=Options(**options),
    )


def cells_of(vertices, triangles, like, height=100.0):
    """A model in the cells of a truth, with two cells around it."""
    rows, columns, layers = like.cells.shape
    x, y, z = (vertices * (rows / height)).T
    places = np.column_stack([x + columns / 2 + 1.5, rows - y + 1.5, z + layers / 2 + 1.5])
    return filled(places[triangles], (rows + 4, columns + 4, layers + 4))


def compared(vertices, triangles, like):
    """Intersection by union, volume by volume, and the same of the outlines."""
    got, wanted = cells_of(vertices, triangles, like), np.pad(like.cells, 2)

    def union(one, other):
        return (one & other).sum() / (one | other).sum()

    return SimpleNamespace(
        solid=union(got, wanted),
        volume=got.sum() / wanted.sum(),
        front=union(got.any(axis=2), wanted.any(axis=2)),
        side=union(got.any(axis=1), wanted.any(axis=1)),
    )


def drawn(mask, colour=(180, 40, 40), paper=(255, 255, 255, 0), margin=20):
    """A picture of a mask: RGBA on see-through or white paper."""
    padded = np.pad(mask, margin)
    picture = np.empty((*padded.shape, 4), np.uint8)
    picture[:] = paper
    picture[padded] = (*colour, 255)
    return picture


def worker(order, folder, limit=None, timeout=50):
    """Run the worker; returns its exit code and lines."""
    path = folder / "order.json"
    path.write_bytes(order if isinstance(order, bytes) else json.dumps(order).encode())
    command = [sys.executable, "-m", "gotapi_creation.engine.worker", str(path)]
    if limit is not None:
        command = ["sh", "-c", f'{limit}; exec "$@"', "sh", *command]
    done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
    lines = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    return SimpleNamespace(code=done.returncode, lines=lines, errors=done.stderr.decode())


class Desk:
    """A folder with drawings and what is made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir()

    def picture(self, name, pixels):
        path = self.folder / name
        if isinstance(pixels, bytes):
            path.write_bytes(pixels)
        else:
            Image.fromarray(pixels).save(path)
        return str(path)

    def order(self, masks, **members):
        pictures = {
            str(view): {"path": self.picture(f"{view}.png", drawn(mask))}
            for view, mask in masks.items()
        }
        return {"pictures": pictures, "folder": str(self.out), **members}

    def run(self, order, **how):
        return worker(order, self.folder, **how)

    @property
    def results(self):
        return sorted(path.name for path in self.out.iterdir())


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def make():
    return SimpleNamespace(
        truth=truth, structural=structural, compared=compared, drawn=drawn, cells_of=cells_of,
        BLOCK_MAN=BLOCK_MAN, BEAR=BEAR, ROBOT=ROBOT,
    )  # fmt: skip


@pytest.fixture(scope="session")
def template_truth():
    """Characters of templates, made once."""
    made = {}

    def get(name):
        if name not in made:
            body = find(name).body()
            made[name] = truth([one for part in body.solids.values() for one in part])
        return made[name]

    return get


@pytest.fixture(scope="session")
def bear_masks():
    return truth(BEAR, 160).masks


@pytest.fixture
def shared():
    if not SHARED.is_dir():
        pytest.skip("no shared data beside the repository (GOTAPI_SHARED_DATA)")
    return SHARED
