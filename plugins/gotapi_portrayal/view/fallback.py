"""Without the native rasteriser: Embree finds what is seen where it is installed, else NumPy.

Both give the same pictures of triangle numbers; what is made of them is here, for both.
"""

import importlib.util
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.view import fallback_looks
from gotapi_portrayal.view.library import (
    CLUSTER,
    LANES,
    NOTHING,
    Bytes,
    Floats,
    Frame,
    Glass,
    Layout,
    Library,
    Names,
    Rows,
    Sun,
    Words,
)

if TYPE_CHECKING:
    from gotapi_portrayal.view.camera import Camera
    from gotapi_portrayal.view.geometry import Geometry
    from gotapi_portrayal.view.textures import Textures

MOST_PIXELS: Final = 16 << 20
"""Samples of a picture; the native rasteriser has no such limit, and is fifty times as fast."""


class Seen(NamedTuple):
    """A layer of a picture: names as `Picture.names`, and how far; both (height, width)."""

    names: Names
    far: NDArray[np.float64]


class Fallback(ABC):
    """What engines without compiled code of ours have in common."""

    name: str

    @abstractmethod
    def see(
        self,
        geometry: "Geometry",
        camera: "Camera",
        drawn: NDArray[np.bool_] | None,
        before: Seen | None,
    ) -> Seen:
        """Find what is nearest, of the triangles that are drawn, behind what is before."""

    def layout(self, vertices: Floats, triangles: Words) -> Layout:
        """Leave triangles in their order."""
        count = len(triangles)
        points = vertices[triangles].reshape(count, 3, 3)
        blocks = (count + LANES - 1) // LANES
        padded = np.zeros((blocks * LANES, 9), np.float32)
        padded[:count] = points.reshape(count, 9)
        corners = padded.reshape(blocks, LANES, 9).transpose(0, 2, 1)
        starts = np.arange(0, count, CLUSTER)
        boxes = np.empty((len(starts), 6), np.float32)
        if count:
            boxes[:, :3] = np.minimum.reduceat(points.min(axis=1), starts)
            boxes[:, 3:] = np.maximum.reduceat(points.max(axis=1), starts)
        planes = np.concatenate([_normals(points), points[:, 0]], axis=1)
        order = np.arange(count, dtype=np.uint32)
        flat = np.ascontiguousarray(corners).ravel()
        return Layout(order, flat, boxes, np.ascontiguousarray(planes, np.float32))

    def draw(
        self, geometry: "Geometry", camera: "Camera", threads: int, glass: Glass | None
    ) -> Names:
        """Return what is seen, (layers, height, width); raises OwsError for what is too much."""
        del threads
        if camera.width * camera.height > MOST_PIXELS:
            raise too_much(f"{camera.width} x {camera.height} samples", f"{MOST_PIXELS}")
        layers = 1 if glass is None else glass.layers
        names = np.full((layers, camera.height, camera.width), NOTHING, np.int32)
        drawn = None if glass is None else glass.opacity >= glass.least
        before = None
        for layer in names:
            seen = self.see(geometry, camera, drawn, before)
            layer[:] = seen.names
            if glass is None:
                break
            through = seen.names != NOTHING
            through[through] = glass.opacity[seen.names[through] >> 1] < 255
            if not through.any():
                break
            before = Seen(seen.names, np.where(through, seen.far, np.inf))
        return names

    def words(self, names: Names, table: Words, empty: int, out: Words) -> None:
        """Look up a word for each pixel."""
        seen = names != NOTHING
        out[~seen] = empty
        out[seen] = table.reshape(-1)[names[seen]]

    def rgb(
        self, names: Names, rows: Rows, samples: int, table: Words, ground: int | Bytes, out: Bytes
    ) -> None:
        """Look up and average colours."""
        part = names[rows.top * samples : rows.bottom * samples]
        words = np.empty(part.shape, np.uint32)
        empty = ground if isinstance(ground, int) else 0
        self.words(part, table, empty, words)
        if not isinstance(ground, int):
            behind = np.empty(part.shape, np.uint32)
            span = Rows(0, len(behind))
            self.backdrop(ground[rows.top : rows.bottom], span, samples, behind)
            np.copyto(words, behind, where=part == NOTHING)
        self.average(words, Rows(0, rows.bottom - rows.top), samples, out[rows.top : rows.bottom])

    def depth(self, names: Names, rows: Rows, planes: Floats, frame: Frame, out: Floats) -> None:
        """Measure distances."""
        fallback_looks.depth(names, rows, planes, frame, out)

    def texture(
        self,
        names: Names,
        rows: Rows,
        planes: Floats,
        frame: Frame,
        textures: "Textures",
        words: Words,
    ) -> None:
        """Replace the words of what has a texture."""
        fallback_looks.texture(names, rows, planes, frame, textures, words)

    def over(self, names: Names, words: Words, opacity: Bytes, under: Words) -> None:
        """Lay a layer over what is behind it."""
        seen = names != NOTHING
        share = opacity[names[seen] >> 1].astype(np.uint32)[:, None]
        above = _parts(words[seen] | np.uint32(0xFF000000))
        mixed = (above * share + _parts(under[seen]) * (255 - share) + 127) // 255
        under[seen] = np.ascontiguousarray(mixed.astype(np.uint8)).view("<u4")[:, 0]

    def backdrop(self, backdrop: Bytes, rows: Rows, samples: int, words: Words) -> None:
        """Fill with a picture."""
        opaque = np.full((*backdrop.shape[:2], 4), 255, np.uint8)
        opaque[..., :3] = backdrop
        finer = opaque.view("<u4")[..., 0].repeat(samples, 0).repeat(samples, 1)
        words[slice(*rows)] = finer[slice(*rows)]

    def shadow(
        self,
        names: Names,
        rows: Rows,
        samples: int,
        planes: Floats,
        frame: Frame,
        suns: tuple[Sun, ...],
        words: Words,
    ) -> None:
        """Take the sun's light from where it does not shine."""
        del samples
        fallback_looks.shadow(names, rows, planes, frame, suns, words)

    def average(self, words: Words, rows: Rows, samples: int, out: Bytes) -> None:
        """Average samples."""
        top, bottom = rows
        width, channels = out.shape[1:]
        part = np.ascontiguousarray(words[top * samples : bottom * samples])
        blocks = part.view(np.uint8).reshape(bottom - top, samples, width, samples, 4)
        sums, share = blocks.sum(axis=(1, 3), dtype=np.uint32), samples * samples
        to = out[top:bottom]
        if channels == 3:
            to[:] = (sums[..., :3] + share // 2) // share
            return
        alpha = sums[..., 3:]
        to[..., :3] = np.minimum((sums[..., :3] * 255 + alpha // 2) // np.maximum(alpha, 1), 255)
        to[..., 3:] = (alpha + share // 2) // share

    def trim(self) -> None:
        """Do nothing: nothing is kept."""
        return


def fallback() -> Library:
    """Return Embree where embreex is installed, else NumPy."""
    if importlib.util.find_spec("embreex") is not None:
        from gotapi_portrayal.view.fallback_embree import EmbreeLibrary

        return EmbreeLibrary()
    from gotapi_portrayal.view.fallback_numpy import NumpyLibrary

    return NumpyLibrary()


def too_much(what: str, limit: str) -> OwsError:
    """Return what is said of a view that would take this engine too long."""
    return OwsError(
        Code.NO_APPLICABLE_CODE,
        f"{what} are more than this service can draw: it has no native rasteriser, and at most"
        f" {limit} can be drawn without; ask for a smaller picture or box, or for"
        " overallStyles=aliased, which takes a quarter",
        "portrayals",
    )


def _normals(points: Floats) -> NDArray[np.float64]:
    first = points[:, 0].astype(np.float64)
    normals: NDArray[np.float64] = np.cross(points[:, 1] - first, points[:, 2] - first)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    units: NDArray[np.float64] = np.divide(
        normals, lengths, out=np.zeros_like(normals), where=lengths > 0
    )
    return units


def _parts(words: Words) -> Words:
    parts: Words = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 4).astype(np.uint32)
    return parts
