"""What the sun sees: pictures that say where its light arrives, kept for the views to come."""

import math
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.camera import Camera, orthographic
from gotapi_portrayal.view.drawing import Picture, Rasteriser
from gotapi_portrayal.view.geometry import Geometry
from gotapi_portrayal.view.library import NOTHING, Glass, Sun
from gotapi_portrayal.view.tables import SUN

Points = NDArray[np.float64]

SIDE: Final = 2048
"""Pixels of a side of a picture that the sun takes."""
KEPT: Final = 4
"""Pictures of a scene that are kept, 16 MB each."""
_LOOKS: Final = 60_000  # so many pixels say what the sun has to see
_FINER: Final = 0.6  # a picture of the nearer half is worth it where it is as much smaller
_STEPS: Final = 4  # sizes of pictures between one and twice as large: views near it share one


class _Place(NamedTuple):
    """Where a picture is taken: its size in quarters of octaves, and its middle in sixteenths."""

    size: int
    across: int
    along: int


class Shadows:
    """The sun's pictures of a scene; what lets more than half of the light through throws none."""

    def __init__(self, geometry: Geometry, glass: Glass | None, side: int = SIDE) -> None:
        self._geometry = geometry
        self._side = side
        self._glass = None if glass is None else Glass(glass.opacity, 128, 1)
        self._kept: OrderedDict[_Place, Sun] = OrderedDict()
        self._lock = threading.Lock()
        towards = np.zeros(3)
        looking = orthographic(SUN, towards, None, (-1, 1, -1, 1), (0, 2), (1, 1))
        self._axes = np.stack([looking.right, looking.up, looking.forward])
        boxes = geometry.boxes.astype(np.float64).reshape(-1, 2, 3)
        low, high = boxes[:, 0].min(axis=0, initial=0.0), boxes[:, 1].max(axis=0, initial=0.0)
        corners = np.stack(np.meshgrid(*np.stack([low, high], 1)), -1).reshape(-1, 3)
        away = corners @ looking.forward
        self._away = float(away.min()) - 1.0, float(away.max()) + 1.0

    @property
    def nbytes(self) -> int:
        """The memory that the pictures may take."""
        return KEPT * self._side * self._side * 4

    def suns(self, picture: Picture) -> tuple[Sun, ...]:
        """Return pictures that have all that a picture shows in them, the finest first."""
        points, depth = _seen(picture)
        if not len(points):
            return ()
        whole = self._place(points)
        near = self._place(points[depth <= np.median(depth)])
        finer = near.size <= whole.size + round(math.log2(_FINER) * _STEPS)
        places = (near, whole) if finer else (whole,)
        return tuple(self._sun(place, picture.rasteriser) for place in places)

    def _place(self, points: Points) -> _Place:
        flat = points @ self._axes[:2].T
        low, high = flat.min(axis=0), flat.max(axis=0)
        # Somewhat larger: the points are samples, and the middle is moved to a whole step.
        reach = float((high - low).max()) / 2 * 1.06 + 0.5
        size = math.ceil(math.log2(reach) * _STEPS)
        step = _reach(size) / 16
        across, along = np.rint((low + high) / 2 / step).astype(int).tolist()
        return _Place(size, across, along)

    def _sun(self, place: _Place, rasteriser: Rasteriser) -> Sun:
        with self._lock:
            if (kept := self._kept.get(place)) is not None:
                self._kept.move_to_end(place)
                return kept
        camera = self._camera(place)
        picture = rasteriser.draw(self._geometry, camera, self._glass)
        sun = Sun(picture.names, camera, camera.eye - self._geometry.origin)
        with self._lock:
            self._kept[place] = sun
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return sun

    def _camera(self, place: _Place) -> Camera:
        reach = _reach(place.size)
        right, up, forward = self._axes
        near, far = self._away
        middle = (place.across * right + place.along * up) * (reach / 16) + near * forward
        eye = middle + self._geometry.origin
        window = (-reach, reach, -reach, reach)
        size = self._side, self._side
        made = orthographic(eye, eye + forward, up, window, (0.0, far - near), size)
        return replace(made, right=right, up=up, forward=forward)


def _reach(size: int) -> float:
    return float(2.0 ** (size / _STEPS))


def _seen(picture: Picture) -> tuple[Points, NDArray[np.float64]]:
    """Return some of the points that a picture shows, in its geometry's frame, and how far."""
    camera, geometry = picture.camera, picture.geometry
    apart = max(1, math.isqrt(picture.names.size // _LOOKS))
    names = picture.names[::apart, ::apart]
    row, column = np.nonzero(names != NOTHING)
    planes = geometry.planes[names[row, column] >> 1].astype(np.float64)
    first, across, down = camera.rays()
    rays = first + np.outer(column * apart, across) + np.outer(row * apart, down)
    starts = np.broadcast_to(camera.eye - geometry.origin, rays.shape)
    if camera.parallel:
        starts, rays = starts + rays, np.broadcast_to(camera.forward, rays.shape)
    along = np.einsum("ij,ij->i", planes[:, :3], rays)
    height = np.einsum("ij,ij->i", planes[:, :3], planes[:, 3:] - starts)
    far = np.divide(height, along, out=np.full(len(along), float(camera.near)), where=along != 0)
    far = np.clip(far, camera.near, camera.far)  # as `depth` does: an edge may be far off its plane
    return starts + rays * far[:, None], far
