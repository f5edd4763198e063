"""Ask a 3D Portrayal Service for its metadata and for features, in half a million triangles.

    python benchmarks/scenes_info.py [--houses 43000] [--runs 200]

The city is made here: boxes of twelve triangles, in a store of its own. GetCapabilities is asked
for through the service and over HTTP of a live hub; rays and places go through the service. The
second of the same request is what is measured: the first one reads the city and builds its tree.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np

from gotapi_core.host.loader import find_module, load
from gotapi_core.testing import live_hub
from gotapi_portrayal.catalogue import Service
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Crs, FeatureDraft, LayerDraft
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.service import PortrayalService

TARGETS = {"capabilities": 3.0, "capabilities, HTTP": 3.0, "ray": 1.0, "position": 2.0}  # ms
SIDE = 10_000.0  # metres
ORIGIN = np.array([500_000.0, 5_700_000.0])  # EPSG:25832
CAPS = "service=3DPS&request=GetCapabilities"
INFO = "service=3DPS&version=1.0&layers=city&crs=EPSG:25832&format=text/xml&request=GetFeatureInfo"
FACES = [
    (0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4),
    (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7),
]  # fmt: skip


def fill(store: SqliteSceneStore, houses: int) -> None:
    """Write the city."""
    random = np.random.default_rng(1)
    place = random.uniform(0, SIDE, (houses, 1, 2)) + ORIGIN
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    base = place + corners * random.uniform(5, 20, (houses, 1, 2))
    heights = random.uniform(5, 40, (houses, 1, 1))
    floors = np.concatenate([base, np.zeros((houses, 4, 1))], axis=2)
    roofs = np.concatenate([base, np.broadcast_to(heights, (houses, 4, 1))], axis=2)
    crs = Crs("EPSG:25832", "EPSG:25832")
    with store.write(LayerDraft(name="city", title="City", crs=crs)) as writer:
        numbers = [writer.feature(FeatureDraft(f"b{n}", "Building")) for n in range(houses)]
        points = np.concatenate([floors, roofs], axis=1).reshape(-1, 3)
        triangles = (np.arange(houses)[:, None, None] * 8 + np.array(FACES)).reshape(-1, 3)
        count, code = len(triangles), lod.code("1")
        writer.triangles(
            TriangleBatch(
                points=points,
                triangles=triangles.astype(np.int64),
                features=np.repeat(np.array(numbers, np.int64), len(FACES)),
                lods=np.full(count, code, np.uint8),
                masks=np.full(count, lod.bit(code), np.uint32),
                materials=np.zeros(count, np.uint32),
                surfaces=np.zeros(count, np.uint8),
            )
        )


def timed(ask: Callable[[str], object], queries: list[str]) -> list[float]:
    """Return the milliseconds of each query, asked for once before all."""
    ask(queries[0])
    found = []
    for query in queries:
        begun = time.perf_counter()
        ask(query)
        found.append((time.perf_counter() - begun) * 1000)
    return found


def asked(service: PortrayalService, query: str) -> object:
    """Ask as the surface does."""
    shelf = service.shelf(private=False)
    request = read_fields(read_query(query.encode()))
    return service.answer(request, "http://127.0.0.1/3dps", private=False, shelf=shelf)


def rays(runs: int) -> list[str]:
    """Rays from above the city down into it."""
    random = np.random.default_rng(2)
    found = []
    for east, north in random.uniform(0.2 * SIDE, 0.8 * SIDE, (runs, 2)) + ORIGIN:
        aside = random.uniform(-600, 600, 2)
        eye = f"{east},{north},{random.uniform(100, 400)}"
        projection = f"Perspective,{eye},{east + aside[0]},{north + aside[1]},0,,,,60,,,"
        found.append(
            f"{INFO}ByRay&width=101&height=101&imagePosition=50,50&projection={projection}"
        )
    return found


def places(runs: int) -> list[str]:
    """Places on the ground."""
    random = np.random.default_rng(3)
    corners = random.uniform(0, SIDE, (runs, 2)) + ORIGIN
    return [f"{INFO}ByPosition&coordinate={east},{north},1" for east, north in corners]


async def over_http(folder: Path, runs: int, houses: int) -> list[float]:
    """Ask a hub on this machine, over one connection."""
    async with live_hub(folder, [load(find_module("portrayal", "gotapi_portrayal"))]) as hub:
        store = SqliteSceneStore(hub.hub.paths.data / "plugins" / "portrayal" / FILE_NAME)
        fill(store, houses)
        async with httpx2.AsyncClient(trust_env=False) as http:
            found = []
            for _ in range(runs + 5):
                begun = time.perf_counter()
                reply = await http.get(f"{hub.url}/3dps?{CAPS}")
                assert reply.status_code == 200
                found.append((time.perf_counter() - begun) * 1000)
    return found[5:]


def main() -> int:
    """Measure and compare with the targets; returns 1 where one is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--houses", type=int, default=43_000)
    options.add_argument("--runs", type=int, default=200)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(SqliteSceneStore(folder / FILE_NAME), given.houses)
        service = PortrayalService(folder, Service())

        def ask(query: str) -> object:
            return asked(service, query)

        results = {
            "capabilities": timed(ask, [CAPS] * given.runs),
            "capabilities, HTTP": asyncio.run(over_http(folder / "hub", given.runs, 100)),
            "ray": timed(ask, rays(given.runs)),
            "position": timed(ask, places(given.runs)),
        }
        service.close()
    print(f"{given.houses * len(FACES):,} triangles; medians of {given.runs} requests, ms")
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
