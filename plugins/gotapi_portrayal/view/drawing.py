"""Draws geometry: a picture of triangle numbers, and the image layers that follow from it."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ctypes import byref
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view import tables
from gotapi_portrayal.view.camera import Camera
from gotapi_portrayal.view.geometry import Geometry
from gotapi_portrayal.view.library import NOTHING, Counts, Library, NativeCamera
from gotapi_portrayal.view.textures import Textures

Names = NDArray[np.int32]
Words = NDArray[np.uint32]

_ROWS: Final = 64  # rows that a thread resolves at a time


class Rasteriser:
    """Draws with some threads; may be used by several requests at once."""

    def __init__(self, library: Library, threads: int | None = None) -> None:
        self.library = library
        self.threads = threads or min(8, len(os.sched_getaffinity(0)))
        self._spare: list[int] = []  # workspaces that nobody draws with
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.threads, "gotapi-view") if self.threads > 1 else None

    def close(self) -> None:
        """Free what it holds; nothing may be drawn any more."""
        if self._pool is not None:
            self._pool.shutdown()
        with self._lock:
            spare, self._spare = self._spare, []
        for workspace in spare:
            self.library.free(workspace)

    def draw(self, geometry: Geometry, camera: Camera) -> "Picture":
        """Find out which triangle each pixel shows; raises MemoryError."""
        names = np.empty((camera.height, camera.width), np.int32)
        counts = Counts()
        workspace = self._take()
        try:
            code = self.library.draw(
                byref(geometry.scene()),
                byref(_native(geometry, camera, self.threads)),
                *(workspace, names.ctypes.data, byref(counts)),
            )
        finally:
            with self._lock:
                self._spare.append(workspace)
        if code == 1:
            raise MemoryError("no memory to draw the view")
        if code:
            raise ValueError("the rasteriser refuses the camera's size or planes")
        return Picture(names, geometry, camera, self)

    def shared(self, work: Callable[[int, int], object], rows: int) -> None:
        """Share rows out among the threads: `work` gets the first and the one after the last."""
        spans = [(top, min(top + _ROWS, rows)) for top in range(0, rows, _ROWS)]
        if self._pool is None or len(spans) == 1:
            work(0, rows)
            return
        for done in [self._pool.submit(work, *span) for span in spans]:
            done.result()

    def _take(self) -> int:
        with self._lock:
            if self._spare:
                return self._spare.pop()
        workspace = self.library.workspace()
        if not workspace:
            raise MemoryError("no memory to draw the view")
        return workspace


def _native(geometry: Geometry, camera: Camera, threads: int) -> NativeCamera:
    eye = camera.eye - geometry.origin
    high = eye.astype(np.float32)
    native = NativeCamera(
        sx=camera.sx, sy=camera.sy, cx=camera.cx, cy=camera.cy, near=camera.near, far=camera.far,
        width=camera.width, height=camera.height, parallel=camera.parallel, threads=threads,
    )  # fmt: skip
    native.eye_high[:] = high.tolist()
    native.eye_low[:] = (eye - high).astype(np.float32).tolist()
    native.axes[:] = np.concatenate([camera.right, camera.up, camera.forward]).tolist()
    return native


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Which triangle each pixel shows.

    `names`, (height, width), has twice the triangle's number in drawing order, plus one where it
    is seen from behind, or NOTHING.
    """

    names: Names
    geometry: Geometry
    camera: Camera
    rasteriser: Rasteriser

    def empty(self) -> NDArray[np.bool_]:
        """Return where nothing is seen."""
        nothing: NDArray[np.bool_] = self.names == NOTHING
        return nothing

    def words(self, table: Words, empty: int = 0) -> Words:
        """Look a word up for each pixel in a table of two for each triangle, (n, 2)."""
        out = np.empty(self.names.shape, np.uint32)
        self._check(table)

        def rows(top: int, bottom: int) -> None:
            part, to = self.names[top:bottom], out[top:bottom]
            library = self.rasteriser.library
            library.words(part.ctypes.data, part.size, table.ctypes.data, empty, to.ctypes.data)

        self.rasteriser.shared(rows, len(out))
        return out

    def colours(
        self,
        table: Words,
        ground: int = 0xFFFFFF,
        backdrop: NDArray[np.uint8] | None = None,
        samples: int = 1,
    ) -> NDArray[np.uint8]:
        """Return (height, width, 3) of red, green and blue by a table of 0xBBGGRR words.

        `samples` pixels of the picture on each axis become one. Behind everything is `ground`,
        or the `backdrop`, of the size of the result.
        """
        height, width = (side // samples for side in self.names.shape)
        out = np.empty((height, width, 3), np.uint8)
        self._check(table)
        behind = None if backdrop is None else np.ascontiguousarray(backdrop)
        if behind is not None and (behind.shape != out.shape or behind.dtype != np.uint8):
            raise ValueError(f"the backdrop is {behind.shape}; {out.shape} bytes are needed")

        def rows(top: int, bottom: int) -> None:
            self.rasteriser.library.rgb(
                *(self.names.ctypes.data, width, top, bottom, samples, table.ctypes.data, ground),
                *(None if behind is None else behind.ctypes.data, out.ctypes.data),
            )

        self.rasteriser.shared(rows, height)
        return out

    def painted(
        self,
        table: Words,
        textures: Textures,
        ground: int = 0xFFFFFF,
        backdrop: NDArray[np.uint8] | None = None,
        samples: int = 1,
    ) -> NDArray[np.uint8]:
        """Return what `colours` does, with textures on the triangles that have one."""
        words = self.words(table, ground)
        if backdrop is not None:
            behind = tables.colour_words(backdrop.reshape(-1, 3)).reshape(backdrop.shape[:2])
            finer = behind.repeat(samples, 0).repeat(samples, 1)
            np.copyto(words, finer, where=self.empty())
        library, geometry, rays = self.rasteriser.library, self.geometry, self._rays()

        def texture(top: int, bottom: int) -> None:
            library.texture(
                *(self.names.ctypes.data, self.camera.width, top, bottom),
                *(geometry.planes.ctypes.data, rays.ctypes.data, self.camera.parallel),
                *(textures.slots.ctypes.data, textures.mappings.ctypes.data),
                *(textures.of_slot.ctypes.data, textures.textures.ctypes.data),
                *(textures.texels.ctypes.data, textures.light.ctypes.data, words.ctypes.data),
            )

        self.rasteriser.shared(texture, len(words))
        height, width = (side // samples for side in words.shape)
        out = np.empty((height, width, 3), np.uint8)

        def average(top: int, bottom: int) -> None:
            library.average(words.ctypes.data, width, top, bottom, samples, out.ctypes.data)

        self.rasteriser.shared(average, height)
        return out

    def depth(self) -> NDArray[np.float32]:
        """Return the distance from the eye to what each pixel's centre shows, 0 for nothing.

        With a parallel projection it is the distance along the view from the plane through the
        eye. Units of the CRS.
        """
        camera, geometry = self.camera, self.geometry
        out = np.empty(self.names.shape, np.float32)
        rays = self._rays()

        def rows(top: int, bottom: int) -> None:
            self.rasteriser.library.depth(
                *(self.names.ctypes.data, camera.width, top, bottom, geometry.planes.ctypes.data),
                *(rays.ctypes.data, camera.parallel, camera.near, camera.far, out.ctypes.data),
            )

        self.rasteriser.shared(rows, camera.height)
        return out

    def _rays(self) -> NDArray[np.float64]:
        eye = self.camera.eye - self.geometry.origin
        base, across, down = self.camera.rays()
        if self.camera.parallel:
            eye, base = eye + base, self.camera.forward
        return np.concatenate([eye, base, across, down])

    def _check(self, table: Words) -> None:
        if table.dtype != np.uint32 or not table.flags.c_contiguous:
            raise ValueError("a table has contiguous uint32 words")
        if table.shape != (self.geometry.count, 2):
            raise ValueError(f"the table is {table.shape}; ({self.geometry.count}, 2) is needed")
