"""Import city models and ask the store for boxes: times, memory, and how they grow.

    python benchmarks/scenes_import.py [--city FOLDER]

Files are made here: CityGML of 12 MB by repeating a house, and CityJSON of 20,000 buildings. Each
import is the bounded process of `gotapi scenes add`, its start included. With a folder of real
models (`delft.json`; else GOTAPI_SHARED_DATA says where) Delft is imported too.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gotapi_portrayal.data.desk import import_files
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Box, Crs, FeatureDraft, LayerDraft, Lods, Spatial

TARGETS = {"gml": 3.0, "delft": 1.5, "large": 30.0, "large MB": 1000.0, "growth": 2.0}
RUNS = 5
GML_BYTES = 12_000_000
BUILDINGS = 20_000
STEP = 30.0  # metres between houses
EAST, NORTH = 460_000.0, 5_440_000.0

# A house of twelve corners: walls, floor, two sides of a roof, gables.
RING = ((0, 0), (12, 0), (12, 9), (0, 9))


def faces(low: float, eaves: float, ridge: float) -> list[list[tuple[float, float, float]]]:
    """The polygons of a house, as corners relative to its place."""
    a, b, c, d = [(x, y, low) for x, y in RING]
    e, f, g, h = [(x, y, eaves) for x, y in RING]
    i, j = (0.0, 4.5, ridge), (12.0, 4.5, ridge)
    return [[d, c, b, a], [a, b, f, e], [b, c, g, j, f], [c, d, h, g], [d, a, e, i, h],
            [e, f, j, i], [g, h, i, j]]  # fmt: skip


def write_gml(path: Path) -> int:
    """Write houses until the file is large enough; returns how many."""
    shapes = faces(0.0, 6.0, 9.0)
    kinds = ("Ground", "Wall", "Wall", "Wall", "Wall", "Roof", "Roof")
    count = 0
    with path.open("w") as file:
        file.write(
            '<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" '
            'xmlns:bldg="http://www.opengis.net/citygml/building/2.0" '
            'xmlns:gml="http://www.opengis.net/gml"><gml:boundedBy><gml:Envelope '
            'srsName="urn:ogc:def:crs:EPSG::25832" srsDimension="3"><gml:lowerCorner>'
            f"{EAST} {NORTH} 0</gml:lowerCorner></gml:Envelope></gml:boundedBy>\n"
        )
        while file.tell() < GML_BYTES:
            east, north = EAST + STEP * (count % 100), NORTH + STEP * (count // 100)
            file.write(
                f'<core:cityObjectMember><bldg:Building gml:id="b{count}">'
                '<bldg:measuredHeight uom="m">9</bldg:measuredHeight>\n'
            )
            for kind, shape in zip(kinds, shapes, strict=True):
                corners = [*shape, shape[0]]
                text = " ".join(f"{east + x:.3f} {north + y:.3f} {z:.3f}" for x, y, z in corners)
                file.write(
                    f"<bldg:boundedBy><bldg:{kind}Surface><bldg:lod2MultiSurface>"
                    "<gml:MultiSurface><gml:surfaceMember><gml:Polygon><gml:exterior>"
                    f"<gml:LinearRing><gml:posList>{text}</gml:posList></gml:LinearRing>"
                    "</gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface>"
                    f"</bldg:lod2MultiSurface></bldg:{kind}Surface></bldg:boundedBy>\n"
                )
            file.write("</bldg:Building></core:cityObjectMember>\n")
            count += 1
        file.write("</core:CityModel>")
    return count


def write_json(path: Path) -> None:
    """Write 20,000 buildings with ten attributes and two levels of detail each."""
    vertices: list[tuple[int, int, int]] = []
    objects: dict[str, Any] = {}
    for number in range(BUILDINGS):
        east, north = int(1000 * STEP) * (number % 142), int(1000 * STEP) * (number // 142)
        geometry = []
        for lod, ridge in (("1", 6.0), ("2.2", 9.0)):
            polygons = []
            for shape in faces(0.0, 6.0, ridge):
                first = len(vertices)
                vertices += [
                    (east + round(1000 * x), north + round(1000 * y), round(1000 * z))
                    for x, y, z in shape
                ]
                polygons.append([list(range(first, first + len(shape)))])
            geometry.append({"type": "MultiSurface", "lod": lod, "boundaries": polygons})
        attributes = {f"a{key}": f"value {number % 97}" for key in range(10)}
        objects[f"b{number}"] = {"type": "Building", "attributes": attributes, "geometry": geometry}
    crs = "https://www.opengis.net/def/crs/EPSG/0/25832"
    document = {
        "type": "CityJSON", "version": "2.0", "metadata": {"referenceSystem": crs},
        "transform": {"scale": [0.001] * 3, "translate": [EAST, NORTH, 0.0]},
        "CityObjects": objects, "vertices": vertices,
    }  # fmt: skip
    path.write_text(json.dumps(document))


def timed_import(store: Path, file: Path, layer: str, runs: int) -> tuple[float, int]:
    """Import a file some times; returns the median of seconds and the triangles.

    On a busy machine the child, which is nice to others, waits: what it took of the processor is
    printed too.
    """
    seconds, triangles = [], 0
    before = processor()
    for _ in range(runs):
        begun = time.perf_counter()
        done = asyncio.run(import_files(store, Order((str(file.resolve()),), layer)))
        seconds.append(time.perf_counter() - begun)
        triangles = done.layer.triangles
        assert not [one for one in done.faults if "left out" in one.fault.message][1:]
    print(f"  {layer}: {(processor() - before) / runs:.2f} s of the processor, best run", end=" ")
    print(f"{min(seconds):.2f} s")
    return statistics.median(seconds), triangles


def processor() -> float:
    """Return the seconds of the processor that children took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
)  # fmt: skip


def fill(store: SqliteSceneStore, layer: str, triangles: int) -> None:
    """Write a square of blocks with so many triangles."""
    count = triangles // len(FACES)
    side = int(count**0.5) + 1
    with store.write(LayerDraft(layer, layer, Crs("EPSG:25832", "EPSG:25832"))) as writer:
        for begin in range(0, count, 1000):
            numbers = np.arange(begin, min(begin + 1000, count))
            features = [writer.feature(FeatureDraft(str(one), "Building")) for one in numbers]
            places = np.column_stack(
                (EAST + STEP * (numbers % side), NORTH + STEP * (numbers // side), 0 * numbers)
            )
            rows = len(FACES) * len(numbers)
            writer.triangles(TriangleBatch(
                points=(CUBE * (12, 9, 8) + places[:, None]).reshape(-1, 3),
                triangles=(FACES + 8 * np.arange(len(numbers))[:, None, None]).reshape(-1, 3),
                features=np.repeat(np.array(features, np.int64), len(FACES)),
                lods=np.full(rows, 10, np.uint8), masks=np.full(rows, 16, np.uint32),
                materials=np.zeros(rows, np.uint32), surfaces=np.zeros(rows, np.uint8),
            ))  # fmt: skip


def timed_box(path: Path, layer: str, spatial: Spatial, cold: bool) -> tuple[float, int]:
    """Ask for 300 m of a layer; returns the median of milliseconds, and the triangles."""
    box = Box((EAST + 100, NORTH + 100, -1), (EAST + 400, NORTH + 400, 99))
    store = SqliteSceneStore(path, cache_bytes=0 if cold else 64 << 20)
    times, found = [], 0
    for _ in range(30):
        begun = time.perf_counter()
        found = sum(len(part.triangles) for part in store.query(layer, box, Lods("1"), spatial))
        times.append(1000 * (time.perf_counter() - begun))
    store.close()
    return statistics.median(times), found


def shown(name: str, value: float, key: str, unit: str) -> bool:
    """Print a figure beside its target; tells whether it is reached."""
    good = value <= TARGETS[key]
    word = "reached" if good else "MISSED"
    print(f"  {name}: {value:.2f} {unit} (target <= {TARGETS[key]:g} {unit}): {word}")
    return good


def imports(folder: Path, city: Path | None) -> Iterator[bool]:
    """Import the files, the largest last: the memory is that of the largest child."""
    store = folder / "scenes.sqlite3"
    count = write_gml(folder / "city.gml")
    seconds, triangles = timed_import(store, folder / "city.gml", "gml", RUNS)
    yield shown(
        f"CityGML, 12 MB, {count:,} buildings, {triangles:,} triangles", seconds, "gml", "s"
    )
    delft = None if city is None else city / "delft.json"
    if delft is not None and delft.exists():
        seconds, triangles = timed_import(store, delft, "delft", RUNS)
        yield shown(f"Delft, {triangles:,} triangles", seconds, "delft", "s")
    else:
        print("  Delft: not there; --city says where")
    write_json(folder / "city.json")
    size = (folder / "city.json").stat().st_size / 1e6
    seconds, triangles = timed_import(store, folder / "city.json", "large", 1)
    yield shown(f"CityJSON, {size:.0f} MB, 20,000 buildings, {triangles:,} triangles", seconds,
                "large", "s")  # fmt: skip
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    yield shown("its memory", memory, "large MB", "MB")
    print(f"  the store has {store.stat().st_size / 1e6:.1f} MB")


def boxes(folder: Path) -> Iterator[bool]:
    """Ask small and large layers for the same houses."""
    path = folder / "boxes.sqlite3"
    store = SqliteSceneStore(path)
    for triangles in (10_000, 1_000_000):
        fill(store, f"t{triangles}", triangles)
    store.close()
    for spatial in Spatial:
        for cold in (True, False):
            small, one = timed_box(path, "t10000", spatial, cold)
            large, other = timed_box(path, "t1000000", spatial, cold)
            assert one == other, (one, other)
            name = f"box of {one:,} triangles, {spatial.value}, {'cold' if cold else 'warm'}"
            print(f"  {name}: {small:.2f} ms of 10,000, {large:.2f} ms of 1,000,000 triangles")
            yield shown("growth", large / small, "growth", "x")


def main() -> int:
    """Run everything; the exit code tells whether the targets are reached."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("GOTAPI_SHARED_DATA")
    parser.add_argument("--city", type=Path, default=Path(shared) / "city" if shared else None)
    city = parser.parse_args().city
    print(f"imports, medians of {RUNS} runs; boxes, medians of 30")
    with tempfile.TemporaryDirectory() as name:
        good = [*imports(Path(name), city), *boxes(Path(name))]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
