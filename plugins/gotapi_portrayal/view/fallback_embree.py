"""What is seen, by the rays of Embree: where embreex is installed and our rasteriser is not."""

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.fallback import Fallback, Seen
from gotapi_portrayal.view.library import NOTHING

if TYPE_CHECKING:
    from gotapi_portrayal.view.camera import Camera
    from gotapi_portrayal.view.geometry import Geometry

_RAYS: Final = 1 << 18  # at a time: Embree's own arrays take 60 bytes each
_BEYOND: Final = 5e-6  # of the size of numbers, behind a pane, a ray goes on: it has float32


class EmbreeLibrary(Fallback):
    """Finds triangles by one ray a pixel."""

    name = "embree"

    def __init__(self) -> None:
        # Trees of triangles, as long as their geometry; another one where not all are drawn.
        self._scenes: WeakKeyDictionary[Geometry, dict[bytes, tuple[Any, Any]]] = (
            WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    def see(
        self,
        geometry: "Geometry",
        camera: "Camera",
        drawn: NDArray[np.bool_] | None,
        before: Seen | None,
    ) -> Seen:
        """Send rays from the near plane, or from what is before, to the far plane."""
        shape = camera.height, camera.width
        names = np.full(camera.width * camera.height, NOTHING, np.int32)
        far = np.full(len(names), np.inf)
        scene, numbers = self._scene(geometry, drawn)
        from_where = np.full(len(names), float(camera.near))
        if before is not None:
            gone = before.far.ravel()
            size = np.abs(gone) + float(np.linalg.norm(camera.eye - geometry.origin))
            from_where = gone + size * _BEYOND
        live = np.flatnonzero((from_where < camera.far) & (scene is not None))
        for first in range(0, len(live), _RAYS):
            some = live[first : first + _RAYS]
            starts, rays = _rays(geometry, camera, some)
            at = starts + rays * from_where[some, None]
            found = scene.run(
                at.astype(np.float32), rays.astype(np.float32), query="INTERSECT", output=True
            )
            hit = found["primID"].astype(np.int64)
            t = found["tfar"].astype(np.float64) + from_where[some]
            met = (hit >= 0) & (t <= camera.far)
            if before is not None:  # the same one again: a step too small for its float32
                met &= numbers[np.maximum(hit, 0)] != before.names.ravel()[some] >> 1
            number = numbers[hit[met]]
            normals = geometry.planes[number, :3]
            behind = np.einsum("ij,ij->i", normals, rays[met]) > 0
            names[some[met]] = 2 * number + behind
            far[some[met]] = t[met]
        return Seen(names.reshape(shape), far.reshape(shape))

    def _scene(self, geometry: "Geometry", drawn: NDArray[np.bool_] | None) -> tuple[Any, Any]:
        key = b"" if drawn is None or drawn.all() else np.packbits(drawn).tobytes()
        with self._lock:
            kept = self._scenes.setdefault(geometry, {})
            if key not in kept:
                kept[key] = _built(geometry, None if not key else drawn)
            return kept[key]


def _built(geometry: "Geometry", drawn: NDArray[np.bool_] | None) -> tuple[Any, Any]:
    numbers = np.arange(geometry.count) if drawn is None else np.flatnonzero(drawn)
    if not len(numbers):
        return None, numbers
    scene = import_module("embreex.rtcore_scene").EmbreeScene()
    corners = np.ascontiguousarray(geometry.points()[numbers].reshape(-1, 3))
    triangles = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    import_module("embreex.mesh_construction").TriangleMesh(scene, corners, triangles)
    # The first ray builds the tree; two threads must not do so at the same time.
    scene.run(np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32))
    return scene, numbers


def _rays(
    geometry: "Geometry", camera: "Camera", pixels: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, across, down = camera.rays()
    row, column = np.divmod(pixels, camera.width)
    offsets = first + column[:, None] * across + row[:, None] * down
    eye = camera.eye - geometry.origin
    if camera.parallel:
        return eye + offsets, np.broadcast_to(camera.forward, offsets.shape).copy()
    return np.broadcast_to(eye, offsets.shape), offsets
