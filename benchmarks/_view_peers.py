"""Other engines on the same city with the same camera: a process each, `views.py` starts it.

    python benchmarks/_view_peers.py ENGINE SIDE CELLS RUNS

Prints one line of JSON: milliseconds of each picture as JPEG q85, or why there is none. What does
not belong to a picture (building, the first frame, the directions of rays) is not counted.
"""

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import simplejpeg
from _city import ORIGIN, City, city
from numpy.typing import NDArray

SIZE = (1024, 768)
FOVX = 60.0
# Where `make bench` installs the peers: they are large, and nothing else wants them.
PEERS = Path(__file__).parents[1] / "build" / "peers"
sys.path.append(os.environ.get("GOTAPI_BENCH_PEERS", str(PEERS)))


def colours(made: City) -> NDArray[np.uint8]:
    """Return a colour for each triangle, and white behind them, lit by the sun."""
    hues = np.random.default_rng(3).integers(120, 255, (int(made.owners.max()) + 1, 3))
    a, b, c = (made.vertices[made.triangles[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    light = 0.55 + 0.45 * np.maximum(normals @ (-0.52, -0.66, 0.54), 0)
    lit = (hues[made.owners] * light[:, None]).astype(np.uint8)
    return np.concatenate([lit, np.full((1, 3), 255, np.uint8)])


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """Encode as the service does."""
    done: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), 85, "RGB", "420", fastdct=True
    )
    return done


def rays(made: City) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return starts and directions of the rays of all pixels, in the city's frame."""
    eye, target = (point - ORIGIN for point in made.camera())
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    scale = np.tan(np.radians(FOVX / 2)) / (SIZE[0] / 2)
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    across = (x - SIZE[0] / 2).reshape(-1, 1) * scale
    down = (SIZE[1] / 2 - y).reshape(-1, 1) * scale
    directions = forward + across * right + down * up
    return np.repeat(eye[None], len(directions), 0).astype(np.float32), directions.astype("f4")


def vtk_engine(made: City) -> dict[str, Callable[[], bytes]]:
    """VTK, drawing off the screen by whatever OpenGL there is."""
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  # registers the drivers
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints, vtkUnsignedCharArray
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkRenderingCore import (
        vtkActor,
        vtkPolyDataMapper,
        vtkRenderer,
        vtkRenderWindow,
    )

    points, cells, data = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(made.vertices.astype(np.float32), deep=True))
    ends = np.arange(len(made.triangles) + 1) * 3
    corners = made.triangles.ravel()
    cells.SetData(*(numpy_to_vtkIdTypeArray(one, deep=True) for one in (ends, corners)))
    data.SetPoints(points)
    data.SetPolys(cells)
    data.GetCellData().SetScalars(numpy_to_vtk(colours(made)[:-1], deep=True))
    mapper, actor, renderer = vtkPolyDataMapper(), vtkActor(), vtkRenderer()
    mapper.SetInputData(data)
    mapper.StaticOn()
    actor.SetMapper(mapper)
    actor.GetProperty().SetInterpolationToFlat()
    actor.GetProperty().LightingOff()
    renderer.AddActor(actor)
    renderer.SetBackground(1, 1, 1)
    window = vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(*SIZE)
    window.AddRenderer(renderer)
    eye, target = (point - ORIGIN for point in made.camera())
    camera = renderer.GetActiveCamera()
    camera.SetPosition(*eye)
    camera.SetFocalPoint(*target)
    camera.SetViewUp(0, 0, 1)
    camera.SetUseHorizontalViewAngle(True)
    camera.SetViewAngle(FOVX)
    camera.SetClippingRange(1, 5 * made.width)
    read = vtkUnsignedCharArray()

    def picture() -> bytes:
        window.Render()
        window.GetPixelData(0, 0, SIZE[0] - 1, SIZE[1] - 1, 0, read, 0)
        flat = vtk_to_numpy(read).reshape(SIZE[1], SIZE[0], 3)
        assert not (flat == 255).all(), "VTK drew nothing"
        return jpeg(flat[::-1])

    return {"": picture}


def embreex_engine(made: City) -> dict[str, Callable[[], bytes]]:
    """Embree by embreex, as it is: one call; and with its rays shared out to two threads."""
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, made.vertices.astype(np.float32), made.triangles.astype(np.int32))
    starts, directions = rays(made)
    table = colours(made)
    pool = ThreadPoolExecutor(2)

    def cast(part: slice) -> NDArray[np.int32]:
        found = scene.run(starts[part], directions[part], query="INTERSECT", output=True)
        seen: NDArray[np.int32] = found["primID"]
        return seen

    def whole() -> bytes:
        return jpeg(table[cast(slice(None))].reshape(SIZE[1], SIZE[0], 3))

    def shared() -> bytes:
        parts = [slice(n * len(starts) // 8, (n + 1) * len(starts) // 8) for n in range(8)]
        seen = np.concatenate(list(pool.map(cast, parts)))
        return jpeg(table[seen].reshape(SIZE[1], SIZE[0], 3))

    return {"": whole, ", 2 threads": shared}


def open3d_engine(made: City) -> dict[str, Callable[[], bytes]]:
    """Open3D's scene of rays; its own renderer wants a graphics card."""
    import open3d

    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        open3d.core.Tensor(made.vertices.astype(np.float32)),
        open3d.core.Tensor(made.triangles.astype(np.uint32)),
    )
    cast = open3d.core.Tensor(np.concatenate(rays(made), axis=1))
    table = colours(made)

    def picture() -> bytes:
        seen = scene.cast_rays(cast)["primitive_ids"].numpy()
        numbers = np.minimum(seen, len(table) - 1)
        return jpeg(table[numbers].reshape(SIZE[1], SIZE[0], 3))

    return {"": picture}


ENGINES = {"vtk": vtk_engine, "embreex": embreex_engine, "open3d-cpu": open3d_engine}


def main() -> None:
    """Time one engine."""
    name, side, cells, runs = sys.argv[1], *map(int, sys.argv[2:])
    made = city(side, cells)
    times: dict[str, list[float]] = {}
    try:
        for way, picture in ENGINES[name](made).items():
            data = picture()
            times[way] = []
            for _ in range(runs):
                begun = time.perf_counter()
                data = picture()
                times[way].append((time.perf_counter() - begun) * 1000)
            if folder := os.environ.get("GOTAPI_BENCH_PICTURES"):
                Path(folder, f"{name}{way[2:3]}.jpg").write_bytes(data)
        print(json.dumps({"version": importlib.metadata.version(name), "ms": times}))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {str(error)[:120]}"}))


if __name__ == "__main__":
    main()
