"""Ask a 3D Portrayal Service for scenes: of a whole town, and of a box of a large city.

    python benchmarks/scenes_get.py [--runs 9] [--town FILE] [--houses 43000 --growth 83300]

The city is made here: boxes of twelve triangles, 20 m from each other, in a store of its own; so is
the town unless `--town` is a file of a real one. Cold means that the service was just started and
has neither parts nor answers in memory, but its code; warm is the same request once more. The file
itself is in the page cache of the system. A query takes as long in a store that is a hundred times
as large: `growth` is by how much, of the same answer.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gotapi_portrayal.catalogue import Service
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Crs, FeatureDraft, LayerDraft
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.service import PortrayalService

TARGETS = {"town, cold": 60.0, "town, warm": 3.0, "box, cold": 100.0, "growth": 2.0}
STEP = 20.0  # metres from house to house
MIDDLE = np.array([500_000.0, 5_700_000.0])  # EPSG:25832
TOWN = 3022  # houses: 36,000 triangles
SMALL = 833  # houses: 10,000 triangles
BOX = 250.0  # metres around the middle
FACES = [
    (0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4),
    (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7),
]  # fmt: skip
SCENE = "service=3DPS&version=1.0&request=GetScene&crs={crs}&layers=city&format=model/gltf-binary"


def places(houses: int) -> np.ndarray:
    """Return where houses are, the nearest to the middle first: more of them lie outside."""
    side = int(np.ceil(np.sqrt(houses))) + 1
    line = np.arange(side) - side // 2
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    away = np.abs(grid).max(axis=1)
    return grid[np.lexsort((grid[:, 1], grid[:, 0], away))][:houses] * STEP + MIDDLE


def fill(folder: Path, houses: int) -> None:
    """Write a city."""
    random = np.random.default_rng(1)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    base = places(houses)[:, None] + corners * random.uniform(8, 15, (houses, 1, 2))
    heights = np.broadcast_to(random.uniform(5, 40, (houses, 1, 1)), (houses, 4, 1))
    floors = np.concatenate([base, np.zeros((houses, 4, 1))], axis=2)
    roofs = np.concatenate([base, heights], axis=2)
    triangles = (np.arange(houses)[:, None, None] * 8 + np.array(FACES)).reshape(-1, 3)
    count, code = len(triangles), lod.code("1")
    store = SqliteSceneStore(folder / FILE_NAME)
    draft = LayerDraft(name="city", title="City", crs=Crs("EPSG:25832", "EPSG:25832"))
    with store.write(draft) as writer:
        numbers = [
            writer.feature(
                FeatureDraft(f"b{n}", "Building", 0, {"storeys": n % 9, "name": "House"})
            )
            for n in range(houses)
        ]
        writer.triangles(
            TriangleBatch(
                points=np.concatenate([floors, roofs], axis=1).reshape(-1, 3),
                triangles=triangles.astype(np.int64),
                features=np.repeat(np.array(numbers, np.int64), len(FACES)),
                lods=np.full(count, code, np.uint8),
                masks=np.full(count, lod.bit(code), np.uint32),
                materials=np.zeros(count, np.uint32),
                surfaces=np.full(count, 2, np.uint8),
            )
        )
    store.close()


def asked(service: PortrayalService, query: str) -> int:
    """Ask as the surface does; returns the bytes of the answer."""
    shelf = service.shelf(private=False)
    request = read_fields(read_query(query.encode()))
    found = service.answer(request, "http://127.0.0.1/3dps", private=False, shelf=shelf)
    return len(found.body)


def timed(folder: Path, query: str, runs: int) -> tuple[list[float], list[float], int]:
    """Return the milliseconds of the first and of the second request of a new service."""
    cold, warm, size = [], [], 0
    for _ in range(runs + 1):
        service = PortrayalService(folder, Service())
        service.shelf(private=False)  # GetCapabilities came before
        service.store()
        for times in (cold, warm):
            begun = time.perf_counter()
            size = asked(service, query)
            times.append((time.perf_counter() - begun) * 1000)
        service.close()
    return cold[1:], warm[1:], size  # the first run imports the code


def around_middle() -> str:
    """Return the query of the box."""
    low, high = MIDDLE - BOX, MIDDLE + BOX
    corners = ",".join(f"{value:.0f}" for value in (*low, *high))
    return f"{SCENE.format(crs='EPSG:25832')}&boundingBox={corners}"


def main() -> int:
    """Measure and compare with the targets; returns 1 where one is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=9)
    options.add_argument("--town", type=Path)
    options.add_argument("--houses", type=int, default=43_300)
    options.add_argument("--growth", type=int, default=83_300)
    given = options.parse_args()
    results: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folders = {what: Path(name) / what for what in ("town", "city", "small", "large")}
        for folder in folders.values():
            folder.mkdir()
        crs = "EPSG:25832"
        if given.town is None:
            fill(folders["town"], TOWN)
        else:
            store = SqliteSceneStore(folders["town"] / FILE_NAME)
            import_layer(store, Order((str(given.town),), "city"))
            layer = store.layer("city")
            crs = layer.crs.horizontal if layer is not None else crs
            store.close()
        fill(folders["city"], given.houses)
        fill(folders["small"], SMALL)
        fill(folders["large"], given.growth)
        town = timed(folders["town"], SCENE.format(crs=crs), given.runs)
        box = timed(folders["city"], around_middle(), given.runs)
        small = timed(folders["small"], around_middle(), given.runs)
        large = timed(folders["large"], around_middle(), given.runs)
    results = {"town, cold": town[0], "town, warm": town[1], "box, cold": box[0]}
    results["growth"] = [min(large[0]) / min(small[0])]
    print(f"medians of {given.runs} requests, ms; town {town[2]:,} bytes, box {box[2]:,} bytes")
    missed = False
    for what, times in results.items():
        middle = statistics.median(times)
        missed = missed or middle > TARGETS[what]
        word = "MISSED" if middle > TARGETS[what] else "ok"
        print(
            f"  {what}: median {middle:.2f}, best {min(times):.2f} (target {TARGETS[what]}) {word}"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
