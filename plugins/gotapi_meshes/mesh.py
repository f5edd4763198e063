"""PURE: the one form every model is read into: vertices in millimetres, triangles by index."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.paint import Paint

Floats = NDArray[np.float64]
Indices = NDArray[np.uint32]

MAX_TRIANGLES = 2_000_000
"""Triangles of a model. A 100 MB STL has as many; more detail than any nozzle can draw."""

MAX_VERTICES = 3 * MAX_TRIANGLES
"""Vertices of a model: three of its own for every triangle, as STL has them."""

MAX_COORDINATE = 1e7
"""Largest coordinate in the file's own unit; beyond 10 km in mm a float has lost its hundredths."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A surface of triangles; counter-clockwise seen from outside.

    `vertices` is (n, 3) float64 in millimetres, `triangles` (m, 3) uint32 into it. `unit_known`
    says whether the file told its unit (3MF and GLB do, STL and OBJ do not). `paint` has the looks
    of the triangles, where they were asked for.
    """

    vertices: Floats
    triangles: Indices
    unit_known: bool = False
    paint: Paint | None = None

    @property
    def low(self) -> Floats:
        """The smallest coordinates (x, y, z)."""
        low: Floats = self.vertices.min(axis=0)
        return low

    @property
    def high(self) -> Floats:
        """The largest coordinates (x, y, z)."""
        high: Floats = self.vertices.max(axis=0)
        return high

    @property
    def size(self) -> Floats:
        """Width, depth and height in millimetres."""
        return self.high - self.low

    def corners(self) -> Floats:
        """Return the corners of every triangle, (m, 3, 3)."""
        return self.vertices[self.triangles]

    def volume(self) -> float:
        """Return the volume inside in cubic millimetres; right for a closed surface only."""
        corners = self.corners() - self.low
        crossed = np.cross(corners[:, 1], corners[:, 2])
        return float(np.einsum("ij,ij->", corners[:, 0], crossed) / 6.0)


def checked(
    vertices: Floats,
    triangles: NDArray[np.integer],
    unit_known: bool = False,
    paint: Paint | None = None,
) -> Mesh:
    """Make a mesh of what a file said: every index in range, every number usable, welded."""
    if not len(triangles):
        raise MeshError("the model has no triangles; there is nothing to print")
    check_count(len(triangles))
    check_finite(vertices, "vertex")
    _check_range(len(vertices), triangles)
    return weld(Mesh(vertices, triangles.astype(np.uint32), unit_known, paint))


def check_count(triangles: int, where: str = "") -> None:
    """Raise MeshError for more triangles than are read; call it before memory is taken."""
    if triangles > MAX_TRIANGLES:
        raise MeshError(
            f"the model has {triangles:,} triangles, and {MAX_TRIANGLES:,} are read; "
            "export it with less detail",
            where,
        )


def check_vertices(count: int, where: str = "") -> None:
    """Raise MeshError for more vertices than are read; call it before memory is taken."""
    if count > MAX_VERTICES:
        raise MeshError(
            f"the model has {count:,} vertices, and {MAX_VERTICES:,} are read; "
            "export it with less detail",
            where,
        )


def check_finite(vertices: Floats, what: str) -> None:
    """Raise MeshError for a coordinate that is no number, or is absurd; names the first."""
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(vertices) <= MAX_COORDINATE)
    if bad.any():
        row = int(np.flatnonzero(bad.any(axis=1))[0])
        values = ", ".join(f"{value:g}" for value in vertices[row])
        raise MeshError(
            f"a coordinate is not a number or beyond {MAX_COORDINATE:g}: ({values}); "
            "export the model again",
            f"{what} {row + 1}",
        )


def _check_range(count: int, triangles: NDArray[np.integer]) -> None:
    bad = (triangles < 0) | (triangles >= count)
    if bad.any():
        row = int(np.flatnonzero(bad.any(axis=1))[0])
        wrong = int(triangles[row][bad[row]][0])
        raise MeshError(
            f"it uses vertex {wrong}, and the model has {count} (counted from 0); "
            "the file is damaged, export it again",
            f"triangle {row + 1}",
        )


def weld(mesh: Mesh) -> Mesh:
    """Make vertices at the same place one, as STL has every corner anew."""
    # -0.0 and 0.0 are the same place, but not the same bytes.
    places = np.ascontiguousarray(mesh.vertices + 0.0)
    rows = places.view(np.dtype((np.void, places.dtype.itemsize * 3))).ravel()
    _, first, back = np.unique(rows, return_index=True, return_inverse=True)
    triangles = back.astype(np.uint32)[mesh.triangles]
    return Mesh(places[first], triangles, mesh.unit_known, mesh.paint)


def moved(mesh: Mesh, scale: float, offset: tuple[float, float, float]) -> Mesh:
    """Return the mesh scaled about the origin, then moved by millimetres."""
    places = mesh.vertices * scale + np.array(offset)
    return Mesh(places, mesh.triangles, mesh.unit_known, mesh.paint)
