"""Drawings to models: time and memory of a whole job, and how near models come to known figures.

    python benchmarks/creation.py [--runs 5]

A job is the worker process as the creation service starts it, imports included: three PNGs of
1024 px to a coloured model of 20,000 triangles at grid 256 as GLB, STL and 3MF, the preview model,
six preview pictures and the report. Bars: 2 s, 400 MB, and the preview model within 0.4 s of the
work. Figures: intersection by union with the solid that was drawn (bar .78), volume by its volume
(.9 to 1.15), and the model's outlines with the drawings (.99 in front, .96 at the side). Block
figures are made with the exponent chosen for each part, and with the fixed one of an ellipse.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from gotapi_creation.engine.base import StructuralObject
from gotapi_creation.engine.bodies import PARTS, Ball, Block, Limb, Solid
from gotapi_creation.engine.drawings import drawing
from gotapi_creation.engine.finish import agreement, finished
from gotapi_creation.engine.order import Attributes, Options, Picture, Profile, View
from gotapi_creation.engine.raster import filled
from gotapi_creation.engine.segment import figure
from gotapi_creation.engine.shape import ShapeEngine, draft
from gotapi_creation.engine.solids import Raster, inside, outline
from gotapi_creation.engine.structure import labels
from gotapi_creation.engine.templates import find

BARS = {"seconds": 2.0, "MB": 400.0, "preview": 0.4}
CELLS = 200  # of the height of a figure whose solid is known
SHARED = Path(os.environ.get("GOTAPI_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
PAINT = {"head": (240, 200, 160), "torso": (200, 40, 40), "leg": (40, 60, 160)}

BLOCK_MAN: list[Solid] = [
    Block((-0.125, 0.75, -0.125), (0.125, 1.0, 0.125)),
    Block((-0.25, 0.375, -0.0625), (0.25, 0.75, 0.0625)),
    Block((-0.125, 0.0, -0.0625), (0.125, 0.375, 0.0625)),
]
ROBOT: list[Solid] = [
    Block((-0.13, 0.74, -0.12), (0.13, 1.0, 0.12)),
    Block((-0.05, 0.68, -0.05), (0.05, 0.76, 0.05)),
    Block((-0.2, 0.36, -0.12), (0.2, 0.7, 0.12)),
    Block((-0.17, 0.0, -0.08), (-0.04, 0.4, 0.08)),
    Block((0.04, 0.0, -0.08), (0.17, 0.4, 0.08)),
]
BEAR: list[Solid] = [
    Ball((0, 0.42, 0), (0.23, 0.27, 0.2)),
    Ball((0, 0.78, 0.02), (0.18, 0.17, 0.17)),
    Ball((-0.14, 0.93, 0), (0.06, 0.07, 0.04)),
    Ball((0.14, 0.93, 0), (0.06, 0.07, 0.04)),
    Limb((-0.2, 0.55, 0), (-0.36, 0.4, 0.05), 0.07, 0.06),
    Limb((0.2, 0.55, 0), (0.36, 0.4, 0.05), 0.07, 0.06),
    Limb((-0.12, 0.3, 0), (-0.16, 0.07, 0.04), 0.1, 0.07),
    Limb((0.12, 0.3, 0), (0.16, 0.07, 0.04), 0.1, 0.07),
]


def body(name: str) -> list[Solid]:
    return [one for part in find(name).body().solids.values() for one in part]


def painted(name: str, view: View, side: int = 1024) -> Image.Image:
    """A drawing of a template: RGBA on nothing, as applications send it."""
    raster = Raster(side, side, 1.1 / side)
    pixels = np.zeros((side, side, 4), np.uint8)
    for part, solids in find(name).body().solids.items():
        colour = PAINT.get(part.rsplit("-", 1)[-1], (150, 120, 90))
        for one in solids:
            pixels[outline(one, view, raster)] = (*colour, 255)
    return Image.fromarray(np.roll(pixels, -side // 25, axis=0))


def job(folder: Path) -> tuple[float, float, dict[str, object]]:
    """Run one worker; returns seconds, MB and its report."""
    out = Path(tempfile.mkdtemp(dir=folder))
    pictures = {str(view): {"path": str(folder / f"{view}.png")} for view in View}
    order = out / "order.json"
    results = out / "results"
    results.mkdir()
    order.write_text(json.dumps({"pictures": pictures, "folder": str(results)}))
    begun = time.perf_counter()
    command = [sys.executable, "-m", "gotapi_creation.engine.worker", str(order)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    *_, last = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    taken = time.perf_counter() - begun
    assert process.returncode == 0, last
    report = {**json.loads(last)["done"], "cpu": usage.ru_utime + usage.ru_stime}
    return taken, usage.ru_maxrss * 1024 / 1e6, report


def times(runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for view in View:
            painted("human", view).save(folder / f"{view}.png")
        found = [job(folder) for _ in range(runs)]
    seconds = statistics.median(one[0] for one in found)
    memory = max(one[1] for one in found)
    report = found[-1][2]
    print(f"whole job, {report['triangles']} triangles, GLB + STL + 3MF + 7 previews")
    print(f"  {seconds:.2f} s (bar {BARS['seconds']}), best {min(one[0] for one in found):.2f} s")
    print(
        f"  {report['cpu']:.2f} s of the processors, {os.getloadavg()[0]:.1f} programs wanted them"
    )
    print(f"  {memory:.0f} MB (bar {BARS['MB']:.0f})")
    bare = [sys.executable, "-c", "import gotapi_creation.engine.finish"]
    begun = time.perf_counter()
    subprocess.run(bare, check=True)
    print(f"  of it imports {time.perf_counter() - begun:.2f} s")


def known(solids: list[Solid]) -> np.ndarray:
    """The cells of a solid, rows from the top, as tight as can be."""
    across = (np.arange(-CELLS, CELLS) + 0.5) / CELLS
    x, z = across[None, :, None], across[CELLS // 2 : -CELLS // 2][None, None]
    y = ((np.arange(CELLS)[::-1] + 0.5) / CELLS)[:, None, None]
    full = np.logical_or.reduce([inside(one, x, y, z) for one in solids])
    ends = [np.flatnonzero(full.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return full[tuple(slice(one[0], one[-1] + 1) for one in ends)]


def structural(cells: np.ndarray, views: tuple[View, ...], profile: Profile) -> StructuralObject:
    front = cells.any(axis=2)
    all_of_them = {
        View.FRONT: front, View.RIGHT: cells.any(axis=1), View.BACK: front[:, ::-1]
    }  # fmt: skip
    masks = {view: all_of_them[view] for view in views}
    colours = {view: np.full((*mask.shape, 3), 200, np.uint8) for view, mask in masks.items()}
    return StructuralObject(
        masks, colours, "human", Attributes(), labels(front, find("human").body()), PARTS, {},
        100.0, Options(profile=profile),
    )  # fmt: skip


def measured(name: str, cells: np.ndarray, views: tuple[View, ...], profile: Profile) -> None:
    made = structural(cells, views, profile)
    done = finished(ShapeEngine().make(made, lambda _: None), made)
    rows, columns, layers = cells.shape
    x, y, z = (done.surface.vertices * (rows / 100.0)).T
    room = 0 if View.RIGHT in views else layers
    places = np.column_stack([x + columns / 2 - 0.5, rows - y - 0.5, z + layers / 2 + room - 0.5])
    got = filled(places[done.surface.triangles], (rows, columns, layers + 2 * room))
    wanted = np.pad(cells, ((0, 0), (0, 0), (room, room)))
    union = (got & wanted).sum() / (got | wanted).sum()
    agreed = {str(view): value for view, value in agreement(done.surface, made).items()}
    shown = ", ".join(f"{view} {value:.3f}" for view, value in agreed.items() if view != "back")
    print(f"  {name:34} IoU {union:.3f}, volume {got.sum() / wanted.sum():.3f}, outlines {shown}")


def quality() -> None:
    print("characters, three views")
    for name in ("human", "human-female-child", "elf", "elf-female-old", "orc", "orc-female-child"):
        measured(name, known(body(name)), tuple(View), Profile.AUTO)
    measured("bear", known(BEAR), tuple(View), Profile.AUTO)
    print("block figures: the exponent of each part, and that of an ellipse")
    for name, solids in (("block man", BLOCK_MAN), ("robot", ROBOT)):
        for profile in (Profile.AUTO, Profile.ROUND):
            measured(f"{name}, {profile}", known(solids), tuple(View), profile)
    print("fewer views")
    for views in ((View.FRONT, View.RIGHT), (View.FRONT,)):
        measured(f"bear, {' + '.join(views)}", known(BEAR), views, Profile.AUTO)


def preview(runs: int) -> None:
    made = structural(known(body("human")), tuple(View), Profile.AUTO)
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        draft(made)
        taken.append(time.perf_counter() - begun)
    print(f"preview model on 128 cells: {statistics.median(taken):.3f} s (bar {BARS['preview']})")


def segmentation() -> None:
    folders = sorted((SHARED / "drawings").glob("*")) if SHARED.is_dir() else []
    print(f"figures out of {len(folders)} real drawings (bar .85)")
    for folder in folders:
        wanted = np.asarray(Image.open(folder / "mask.png")) > 127
        read = drawing(View.FRONT, Picture(str(folder / "texture.png")))
        begun = time.perf_counter()
        mask = figure(read).mask
        taken = time.perf_counter() - begun
        union = (mask & wanted).sum() / (mask | wanted).sum()
        print(f"  {folder.name:34} IoU {union:.3f} in {taken:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    times(runs)
    preview(runs)
    quality()
    segmentation()


if __name__ == "__main__":
    main()
