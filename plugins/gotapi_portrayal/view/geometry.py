"""Triangles as the rasteriser wants them: near each other in clusters, in a local frame."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.library import LANES, Library

Floats = NDArray[np.float32]

_FARTHEST: Final = 1e15
"""Units from the middle of a scene: squares and products of three still are numbers in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some triangles: float32 vertices (v, 3) relative to a float64 origin, indices (t, 3)."""

    origin: tuple[float, float, float]
    vertices: Floats
    triangles: NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Geometry:
    """All triangles of a scene, in the order in which they are drawn.

    `order` says which triangle of the pieces, counted through, each one is. Coordinates are
    relative to `origin`, which is in float64; the scene should be less than 100 km wide, so that
    float32 keeps 4 mm.
    """

    origin: NDArray[np.float64]
    order: NDArray[np.uint32]
    corners: Floats
    boxes: Floats
    planes: Floats

    @property
    def count(self) -> int:
        """The number of triangles."""
        return len(self.order)

    @property
    def nbytes(self) -> int:
        """The memory it takes."""
        return sum(one.nbytes for one in (self.order, self.corners, self.boxes, self.planes))

    def points(self) -> Floats:
        """Return the corners of the triangles, (n, 3, 3), in drawing order and local."""
        blocks = self.corners.reshape(-1, 3, 3, LANES)
        points: Floats = blocks.transpose(0, 3, 1, 2).reshape(-1, 3, 3)[: self.count]
        return points


def geometry(library: Library, pieces: Iterable[Piece]) -> Geometry:
    """Put pieces together; raises ValueError for what no scene may have."""
    held = list(pieces)
    origin = _origin(held)
    vertices, triangles = _joined(held, origin)
    return Geometry(origin, *library.layout(vertices, triangles))


def _origin(pieces: list[Piece]) -> NDArray[np.float64]:
    if not pieces:
        return np.zeros(3)
    origins = np.array([piece.origin for piece in pieces], np.float64)
    middle: NDArray[np.float64] = np.rint((origins.min(axis=0) + origins.max(axis=0)) / 2)
    return middle


def _joined(pieces: list[Piece], origin: NDArray[np.float64]) -> tuple[Floats, NDArray[np.uint32]]:
    vertices = np.empty((sum(len(piece.vertices) for piece in pieces), 3), np.float32)
    triangles = np.empty((sum(len(piece.triangles) for piece in pieces), 3), np.uint32)
    v = t = 0
    for piece in pieces:
        points = piece.vertices.astype(np.float64) + (np.array(piece.origin) - origin)
        if not (np.abs(points) < _FARTHEST).all():  # nor for what is not a number
            raise ValueError("a coordinate is not a finite number, or much too large")
        if len(piece.triangles) and int(piece.triangles.max()) >= len(points):
            raise ValueError("a triangle has a corner that is not there")
        vertices[v : v + len(points)] = points
        triangles[t : t + len(piece.triangles)] = piece.triangles + np.uint32(v)
        v, t = v + len(points), t + len(piece.triangles)
    if t >= 1 << 30:
        raise ValueError(f"{t} triangles are more than a scene can have")
    return vertices, triangles
