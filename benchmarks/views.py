"""Draw views of a synthetic city, alone, through the hub, and with other engines on the same city.

    python benchmarks/views.py [--runs 15] [--small] [--no-peers]

1024 x 768 pixels, UTM coordinates, 520,000 and 1,820,000 triangles (`--small`: the first only).
Views are drawn from the triangles to the bytes of the answer; scenes were read before. Each time
is best/median in ms; the processor time of one picture says what a machine without other work
would make of it. The load of the machine is printed with each part: on a busy one the medians say
more of its other work than of this.
"""

import argparse
import gc
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
from _city import ORIGIN, City, city
from _parts import Part, announce, until_stdin_ends

from gotapi_core.host.loader import find_module, load
from gotapi_core.testing import live_hub
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import SURFACES, Crs, FeatureDraft, LayerDraft
from gotapi_portrayal.request.types import ImageLayer
from gotapi_portrayal.service import PortrayalService
from gotapi_portrayal.view.camera import Camera, perspective
from gotapi_portrayal.view.desk import ViewDesk
from gotapi_portrayal.view.drawing import Rasteriser
from gotapi_portrayal.view.library import library
from gotapi_portrayal.view.render import Looks, Renderer
from gotapi_portrayal.view.stage import Stage

SCENES = {"520,000": (142, 350), "1,820,000": (266, 656)}  # houses and cells of ground along a side
SIZE = (1024, 768)
COLOR = ImageLayer("COLOR", "image/jpeg", 85)
FIVE = (
    COLOR,
    ImageLayer("DEPTH", "image/png;mode=32bit"),
    ImageLayer("OBJECTID", "image/png;mode=32bit"),
    ImageLayer("NORMAL", "image/png"),
    ImageLayer("MASK", "image/png;mode=1bit"),
)
TARGETS = {"520,000": {"COLOR": 30.0, "five": 50.0}, "1,820,000": {"COLOR": 55.0, "five": 70.0}}
HARD, SMOOTH = Looks(smooth=False), Looks()
CRS = "EPSG:25832"
HERE = Path(__file__)
missed: list[str] = []


def bar(what: str, value: float, limit: float, *, least: bool = False) -> str:
    """Return a figure with its bar, and note where it is missed."""
    good = value >= limit if least else value <= limit
    if not good:
        missed.append(what)
    return (
        f"{what} {value:.2f} (bar {'>=' if least else '<='} {limit:g}) {'ok' if good else 'MISSED'}"
    )


def timed(work: Callable[[], object], runs: int) -> tuple[float, float, float]:
    """Return best and median of the milliseconds, and the processor's best, after one for free."""
    work()
    times, processor = [], []
    for _ in range(runs):
        begun, used = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - begun) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return min(times), statistics.median(times), min(processor)


def shown(times: tuple[float, float, float]) -> str:
    """Return times for people."""
    return f"{times[0]:.1f}/{times[1]:.1f} ms, processor {times[2]:.1f}"


def load_now() -> str:
    """Return how busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def fill(store: SqliteSceneStore, made: City) -> None:
    """Keep a city; each house is a feature."""
    with store.write(LayerDraft(name="city", title="City", crs=Crs(CRS, CRS))) as writer:
        ground = writer.feature(FeatureDraft("ground", "TINRelief"))
        houses = (
            writer.feature(FeatureDraft(f"b{n}", "Building")) for n in range(made.owners.max())
        )
        numbers = np.array([ground, *houses], np.int64)
        order = np.argsort(made.owners, kind="stable")
        a, b, c = (made.vertices[made.triangles[order, k]] for k in range(3))
        up = np.cross(b - a, c - a)
        flat = up[:, 2] > 0.5 * np.linalg.norm(up, axis=1)
        kinds = np.where(flat, SURFACES.index("RoofSurface"), SURFACES.index("WallSurface"))
        kinds[made.owners[order] == 0] = SURFACES.index("TerrainSurface")
        code, total = lod.code("1"), len(made.triangles)
        writer.triangles(
            TriangleBatch(
                points=made.vertices + ORIGIN,
                triangles=made.triangles[order],
                features=numbers[made.owners[order]],
                lods=np.full(total, code, np.uint8),
                masks=np.full(total, lod.bit(code), np.uint32),
                materials=np.zeros(total, np.uint32),
                surfaces=kinds.astype(np.uint8),
            )
        )


def query(eye: np.ndarray, target: np.ndarray, size: tuple[int, int], style: str) -> str:
    """Return a GetView of COLOR as JPEG."""
    points = ",".join(f"{value:.3f}" for value in (*eye, *target))
    return (
        f"service=3DPS&version=1.0&request=GetView&crs={CRS}&layers=city&overallstyles={style}"
        f"&portrayals=WIDTH={size[0]};HEIGHT={size[1]};PROJECTION=Perspective,{points},,,,60,,1,"
        f"30000;IMAGELAYERS=COLOR;FORMATS=image/jpeg;QUALITIES=85"
    )


def standing(folder: Path, threads: int | None) -> tuple[ViewDesk, Stage]:
    """Return a desk and the stage of the whole city, as a first request makes them."""
    from gotapi_portrayal.catalogue import Service
    from gotapi_portrayal.request.core import read_fields
    from gotapi_portrayal.request.kvp import read_query

    service = PortrayalService(folder, Service())
    request = read_fields(
        read_query(query(ORIGIN + 900, ORIGIN, (64, 64), "aliased").encode()),
    )
    selection = service.shelf(private=False).select(request)
    native = library()
    assert native is not None, "the native rasteriser was not built"
    desk = ViewDesk(service.store(), native, threads)
    return desk, desk._stage(selection, request)


# -- the parts: processes of their own ----------------------------------------------------------


def memory_part(folder: Path) -> None:
    """Say what a drawing process takes for the scene: before, and after some pictures."""
    desk = ViewDesk(SqliteSceneStore(folder / "none.sqlite3"), library(), None)
    desk.close()
    gc.collect()
    before = _resident()
    desk, stage = standing(folder, None)
    gc.collect()
    scene = _resident()
    made = Maker(*SCENES["520,000"])
    made.renderer = desk._renderer
    made.stage = stage
    for layers, looks in ((FIVE, HARD), ((COLOR,), SMOOTH)):
        made.draw(layers, looks)
    gc.collect()
    announce(before=before, scene=scene, after=_resident(), arrays=stage.nbytes / 1e6)
    desk.close()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def hub_part(folder: Path) -> None:
    """Serve the city by a whole hub."""
    async with live_hub(folder, [load(find_module("portrayal", "gotapi_portrayal"))]) as hub:
        announce(port=hub.port)
        async with until_stdin_ends():
            pass


# -- alone --------------------------------------------------------------------------------------


class Maker:
    """Draws a city without a hub."""

    def __init__(self, side: int, cells: int) -> None:
        self.side, self.cells = side, cells
        eye, target = City(*[np.empty(0)] * 3, side * 32.0).camera()
        self.camera: Camera = perspective(eye, target, None, (60, None), (1, 30000), SIZE)
        self.renderer: Renderer
        self.stage: Stage

    def draw(self, layers: tuple[ImageLayer, ...], looks: Looks) -> list[bytes]:
        """Draw one picture."""
        return self.renderer.render(self.stage, self.camera, layers, looks)


def alone(folder: Path, name: str, runs: int) -> tuple[float, float, float]:
    """Measure pictures without a hub; returns the times of COLOR."""
    made = Maker(*SCENES[name])
    desk, made.stage = standing(folder, None)
    made.renderer = desk._renderer
    picture = made.renderer.rasteriser.draw(made.stage.geometry, made.camera)
    covered = 1 - picture.empty().mean()
    print(f"{made.stage.geometry.count:,} triangles, {covered:.0%} covered, {load_now()}")
    hard, smooth, five, shadow = (
        timed(lambda one=one, looks=looks: made.draw(one, looks), runs)
        for one, looks in (
            *(((COLOR,), HARD), ((COLOR,), SMOOTH)),
            *((FIVE, HARD), ((COLOR,), Looks(("shadow",)))),
        )
    )
    one = Maker(*SCENES[name])
    one.stage = made.stage
    one.renderer = Renderer(Rasteriser(library(), 1))
    single = timed(lambda: one.draw((COLOR,), HARD), runs)
    targets = TARGETS[name]
    for what, times, said in (
        ("COLOR JPEG", hard, bar("best", hard[0], targets["COLOR"])),
        ("one thread", single, bar("gain of two", single[0] / hard[0], 1.6, least=True)),
        ("five layers", five, bar("best", five[0], targets["five"])),
        ("anti-aliased", smooth, bar("to plain", smooth[0] / hard[0], 2)),
        ("and with shadows", shadow, bar("to that", shadow[0] / smooth[0], 3)),
    ):
        print(f"  {what}: {shown(times)}; {said}")
    one.renderer.close()
    desk.close()
    return hard


def peers(name: str, mine: tuple[float, float, float], runs: int) -> None:
    """Measure the other engines in processes of their own."""
    bars = {"vtk": 4.0, "embreex": 3.0}
    side, cells = SCENES[name]
    file = str(HERE.with_name("_view_peers.py"))
    for engine in ("vtk", "embreex", "open3d-cpu"):
        done = subprocess.run(
            [sys.executable, file, engine, str(side), str(cells), str(runs)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = done.stdout.strip().splitlines()
        found = json.loads(lines[-1]) if lines else {"error": f"it ended with {done.returncode}"}
        if "error" in found:
            print(f"  {engine}: not measured here: {found['error']}")
            continue
        for way, times in found["ms"].items():
            best, middle = min(times), statistics.median(times)
            said = f"{best / mine[0]:.1f} x ours"
            if engine in bars and not way:
                said = bar("times ours", best / mine[0], bars[engine], least=True)
            print(f"  {engine} {found['version']}{way}: {best:.1f}/{middle:.1f} ms; {said}")


# -- through the hub ----------------------------------------------------------------------------


def over_http(folder: Path, runs: int) -> None:
    """Compare pictures of a hub with those without one, by turns; then many clients at once."""
    made = Maker(*SCENES["520,000"])
    desk, made.stage = standing(folder / "data" / "plugins" / "portrayal", None)
    made.renderer = desk._renderer
    hub = Part(str(HERE), "--part", "hub", str(folder))
    port = hub.line()["port"]
    try:
        for style, looks in (("aliased", HARD), ("shaded", SMOOTH)):
            _compare(made, port, style, looks, runs)
        _throughput(made, port)
        print(f"  the hub holds {hub.memory():.0f} MB")
    finally:
        hub.end()
        desk.close()


def _compare(made: Maker, port: int, style: str, looks: Looks, runs: int) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port)
    bare, whole = [], []
    eye, target = City(*[np.empty(0)] * 3, made.side * 32.0).camera()
    for turn in range(runs + 2):
        there = eye + 0.25 * turn  # another camera each time: equal ones are not drawn again
        camera = perspective(there, target, None, (60, None), (1, 30000), SIZE)
        begun = time.perf_counter()
        made.renderer.render(made.stage, camera, (COLOR,), looks)
        bare.append((time.perf_counter() - begun) * 1000)
        path = f"/3dps?{query(there, target, SIZE, style)}"
        begun = time.perf_counter()
        fetch(line, path)
        whole.append((time.perf_counter() - begun) * 1000)
    line.close()
    times = [(min(one[2:]), statistics.median(one[2:])) for one in (whole, bare)]
    (best, middle), (best_bare, middle_bare) = times
    print(
        f"  HTTP, {style}: {best:.1f}/{middle:.1f} ms, without a hub {best_bare:.1f}/"
        f"{middle_bare:.1f} ms, {load_now()}; {bar('best to best', best / best_bare, 1.3)},"
        f" median to median {middle / middle_bare:.2f}"
    )


def fetch(line: http.client.HTTPConnection, path: str) -> bytes:
    """Get a picture over a connection that stays open."""
    line.request("GET", path)
    reply = line.getresponse()
    body = reply.read()
    assert reply.status == 200, body[:500]
    assert reply.headers["content-type"] == "image/jpeg", body[:500]
    return body


def _throughput(made: Maker, port: int, clients: int = 16, seconds: float = 8.0) -> None:
    around = City(*[np.empty(0)] * 3, made.side * 32.0)
    numbers = count()

    def client(style: str, until: float) -> int:
        line = http.client.HTTPConnection("127.0.0.1", port)
        done = 0
        while time.perf_counter() < until:
            eye, target = around.orbit(next(numbers), 3001)
            fetch(line, f"/3dps?{query(eye, target, (512, 384), style)}")
            done += 1
        line.close()
        return done

    for style in ("aliased", "shaded"):
        begun = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            each = [pool.submit(client, style, begun + seconds) for _ in range(clients)]
            done = sum(one.result() for one in each)
        rate = done / (time.perf_counter() - begun)
        said = bar("views/s", rate, 40, least=True)
        print(f"  {clients} clients, 512 x 384, {style}: {said}, {load_now()}")


def memory(folder: Path) -> None:
    """Measure what the scene takes."""
    part = Part(str(HERE), "--part", "memory", str(folder))
    said = part.line()
    part.end()
    scene, drawing = said["scene"] - said["before"], said["after"] - said["before"]
    print(
        f"  memory: arrays {said['arrays']:.0f} MB; {bar('process grown by, MB', scene, 150)},"
        f" {drawing:.0f} MB with what drawing and encoding keep"
    )


def main() -> int:
    """Measure and compare; returns 1 where a bar is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=15)
    options.add_argument("--small", action="store_true")
    options.add_argument("--no-peers", action="store_true")
    given = options.parse_args()
    print("best/median of", given.runs, "pictures")
    with tempfile.TemporaryDirectory() as name:
        for scene, (side, cells) in list(SCENES.items())[: 1 if given.small else 2]:
            folder = Path(name) / scene.replace(",", "") / "data" / "plugins" / "portrayal"
            folder.mkdir(parents=True)
            store = SqliteSceneStore(folder / FILE_NAME)
            fill(store, city(side, cells))
            store.close()
            mine = alone(folder, scene, given.runs)
            if not given.no_peers:
                peers(scene, mine, given.runs)
            if scene == "520,000":
                memory(folder)
                over_http(folder.parents[2], given.runs)
    print("all bars are met" if not missed else f"missed: {len(missed)}")
    return int(bool(missed))


def part_main(name: str, folder: Path) -> None:
    """Be a part: a process of its own."""
    if name == "memory":
        memory_part(folder)
    else:
        import asyncio

        asyncio.run(hub_part(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        part_main(sys.argv[2], Path(sys.argv[3]))
        sys.exit(0)
    sys.exit(main())
