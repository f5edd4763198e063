"""Draws geometry: a picture of triangle numbers, and the image layers that follow from it."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.camera import Camera
from gotapi_portrayal.view.geometry import Geometry
from gotapi_portrayal.view.library import NOTHING, Frame, Glass, Library, Names, Rows, Sun, Words
from gotapi_portrayal.view.textures import Textures

Bytes = NDArray[np.uint8]

OPAQUE: Final = 0xFF000000
"""The alpha of a word of colour that nothing is seen through."""
_ROWS: Final = 64  # rows that a thread resolves at a time


class Rasteriser:
    """Draws with some threads; may be used by several requests at once."""

    def __init__(self, library: Library, threads: int | None = None) -> None:
        self.library = library
        self.threads = threads or min(8, len(os.sched_getaffinity(0)))
        self._pool = ThreadPoolExecutor(self.threads, "gotapi-view") if self.threads > 1 else None
        self._busy = 0  # views that are being drawn
        self._lock = threading.Lock()

    def close(self) -> None:
        """Free what it holds; nothing may be drawn any more."""
        if self._pool is not None:
            self._pool.shutdown()
        self.library.trim()

    @contextmanager
    def view(self) -> Iterator[None]:
        """Say that a view is drawn in the block: those at the same time share the threads."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def draw(self, geometry: Geometry, camera: Camera, glass: Glass | None = None) -> "Picture":
        """Find out which triangle each pixel shows; raises MemoryError, OwsError."""
        if glass is not None and glass.opacity.shape != (geometry.count,):
            raise ValueError(f"opacities are {glass.opacity.shape}; ({geometry.count},) is needed")
        threads = max(1, self.threads // max(1, self._busy))
        layers = self.library.draw(geometry, camera, threads, glass)
        return Picture(layers, geometry, camera, self, glass)

    def shared(self, work: Callable[[int, int], object], rows: int) -> None:
        """Share rows out among the threads: `work` gets the first and the one after the last."""
        spans = [(top, min(top + _ROWS, rows)) for top in range(0, rows, _ROWS)]
        if self._pool is None or len(spans) == 1 or self._busy >= self.threads:
            work(0, rows)
            return
        for done in [self._pool.submit(work, *span) for span in spans]:
            done.result()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Which triangle each pixel shows.

    `layers`, (n, height, width), have twice the triangle's number in drawing order, plus one where
    it is seen from behind, or NOTHING. The first is what is nearest; where that is glass, the
    second has what is behind it, and so on.
    """

    layers: Names
    geometry: Geometry
    camera: Camera
    rasteriser: Rasteriser
    glass: Glass | None = None

    @property
    def names(self) -> Names:
        """What is nearest, (height, width)."""
        nearest: Names = self.layers[0]
        return nearest

    def empty(self) -> NDArray[np.bool_]:
        """Return where nothing is seen."""
        nothing: NDArray[np.bool_] = self.names == NOTHING
        return nothing

    def words(self, table: Words, empty: int = 0, layer: int = 0) -> Words:
        """Look a word up for each pixel in a table of two for each triangle, (n, 2)."""
        names = self.layers[layer]
        out = np.empty(names.shape, np.uint32)
        self._check(table)

        def rows(top: int, bottom: int) -> None:
            self.rasteriser.library.words(names[top:bottom], table, empty, out[top:bottom])

        self.rasteriser.shared(rows, len(out))
        return out

    def colours(
        self,
        table: Words,
        ground: int = 0xFFFFFF,
        backdrop: Bytes | None = None,
        samples: int = 1,
    ) -> Bytes:
        """Return (height, width, 3) of red, green and blue by a table of 0xBBGGRR words.

        `samples` pixels of the picture on each axis become one. Behind everything is `ground`,
        or the `backdrop`, of the size of the result. Glass is drawn as what is solid.
        """
        height, width = (side // samples for side in self.names.shape)
        out = np.empty((height, width, 3), np.uint8)
        self._check(table)
        behind: int | Bytes = ground
        if backdrop is not None:
            behind = _behind(backdrop, out.shape)

        def rows(top: int, bottom: int) -> None:
            span = Rows(top, bottom)
            self.rasteriser.library.rgb(self.names, span, samples, table, behind, out)

        self.rasteriser.shared(rows, height)
        return out

    def composed(
        self,
        table: Words,
        textures: Textures | None = None,
        ground: int = 0xFFFFFFFF,
        backdrop: Bytes | None = None,
        samples: int = 1,
    ) -> Words:
        """Return colours with textures, what is seen through glass, and what is behind it all.

        They are words 0xAABBGGRR, one a sample; colours are multiplied by alpha. `ground` is one,
        0 for nothing; a `backdrop` has a pixel for `samples` x `samples`.
        """
        if self.glass is None and backdrop is None:
            nearest = self.words(table, ground)
            if textures is not None:
                self._textured(textures, nearest, 0)
            return nearest
        under: Words = np.full(self.names.shape, ground, np.uint32)
        if backdrop is not None:
            height, width = under.shape[0] // samples, under.shape[1] // samples
            self._backdrop(_behind(backdrop, (height, width, 3)), samples, under)
        for layer in reversed(range(len(self.layers))):
            if layer and (self.layers[layer] == NOTHING).all():
                continue
            shown = self.words(table, 0, layer)
            if textures is not None:
                self._textured(textures, shown, layer)
            self._over(shown, layer, under)
        return under

    def painted(
        self,
        table: Words,
        textures: Textures | None,
        ground: int = 0xFFFFFF,
        backdrop: Bytes | None = None,
        samples: int = 1,
    ) -> Bytes:
        """Return what `colours` does, with textures and glass."""
        words = self.composed(table, textures, ground | OPAQUE, backdrop, samples)
        return self.averaged(words, samples)

    def averaged(self, words: Words, samples: int = 1, alpha: bool = False) -> Bytes:
        """Average samples to (height, width, 3), or 4 with alpha."""
        height, width = (side // samples for side in words.shape)
        out = np.empty((height, width, 4 if alpha else 3), np.uint8)

        def average(top: int, bottom: int) -> None:
            self.rasteriser.library.average(words, Rows(top, bottom), samples, out)

        self.rasteriser.shared(average, height)
        return out

    def shade(self, words: Words, suns: tuple[Sun, ...], samples: int = 1) -> None:
        """Take the sun's light from words of colour where it does not shine."""
        if not suns:
            return
        frame, planes = self._frame(), self.geometry.planes

        def shadow(top: int, bottom: int) -> None:
            span = Rows(top, bottom)
            self.rasteriser.library.shadow(self.names, span, samples, planes, frame, suns, words)

        self.rasteriser.shared(shadow, len(words))

    def depth(self) -> NDArray[np.float32]:
        """Return the distance from the eye to what each pixel's centre shows, 0 for nothing.

        With a parallel projection it is the distance along the view from the plane through the
        eye. Units of the CRS.
        """
        out = np.empty(self.names.shape, np.float32)
        frame, planes = self._frame(), self.geometry.planes

        def rows(top: int, bottom: int) -> None:
            self.rasteriser.library.depth(self.names, Rows(top, bottom), planes, frame, out)

        self.rasteriser.shared(rows, len(out))
        return out

    def _textured(self, textures: Textures, words: Words, layer: int) -> None:
        frame, planes, names = self._frame(), self.geometry.planes, self.layers[layer]

        def texture(top: int, bottom: int) -> None:
            span = Rows(top, bottom)
            self.rasteriser.library.texture(names, span, planes, frame, textures, words)

        self.rasteriser.shared(texture, len(words))

    def _over(self, words: Words, layer: int, under: Words) -> None:
        names = self.layers[layer]
        opacity = None if self.glass is None else self.glass.opacity
        if opacity is None:
            opacity = np.full(self.geometry.count, 255, np.uint8)

        def over(top: int, bottom: int) -> None:
            rows = slice(top, bottom)
            self.rasteriser.library.over(names[rows], words[rows], opacity, under[rows])

        self.rasteriser.shared(over, len(words))

    def _backdrop(self, backdrop: Bytes, samples: int, words: Words) -> None:
        def fill(top: int, bottom: int) -> None:
            self.rasteriser.library.backdrop(backdrop, Rows(top, bottom), samples, words)

        self.rasteriser.shared(fill, len(words))

    def _frame(self) -> Frame:
        camera = self.camera
        eye = camera.eye - self.geometry.origin
        base, across, down = camera.rays()
        if camera.parallel:
            eye, base = eye + base, camera.forward
        rays = np.concatenate([eye, base, across, down])
        return Frame(rays, camera.parallel, camera.near, camera.far)

    def _check(self, table: Words) -> None:
        if table.dtype != np.uint32 or not table.flags.c_contiguous:
            raise ValueError("a table has contiguous uint32 words")
        if table.shape != (self.geometry.count, 2):
            raise ValueError(f"the table is {table.shape}; ({self.geometry.count}, 2) is needed")


def _behind(backdrop: Bytes, shape: tuple[int, ...]) -> Bytes:
    behind = np.ascontiguousarray(backdrop)
    if behind.shape != shape or behind.dtype != np.uint8:
        raise ValueError(f"the backdrop is {behind.shape}; {shape} bytes are needed")
    return behind
