"""PURE: surfaces made good for printing: one closed part, few triangles, a foot to stand on.

Lengths are millimetres, +Y is up; every function takes and returns closed surfaces.
"""

from dataclasses import dataclass
from typing import Final

import fast_simplification
import manifold3d
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import marching_cubes

from gotapi_creation.engine.base import Floats, Single, Triangles
from gotapi_creation.engine.errors import CreationError

MOST: Final = 4_000_000
"""Triangles an engine may deliver; a grid of 512 makes 730,000."""
_FARTHEST: Final = 1e6  # millimetres; beyond it single precision loses its hundredths
_FOOT: Final = 0.02  # thickness of the plate by the height of the figure
_FOOT_ROOM: Final = 0.06  # of the height, around what stands on the plate
_STANDING: Final = 0.04  # of the height: what is that near to the ground stands
_SIDES: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Vertices (n, 3) and triangles (m, 3), counter-clockwise seen from outside."""

    vertices: Floats
    triangles: Triangles

    def volume(self) -> float:
        """Return the volume inside."""
        corners = (self.vertices - self.vertices.mean(axis=0))[self.triangles]
        crossed = np.cross(corners[:, 1], corners[:, 2])
        return float(np.einsum("ij,ij->", corners[:, 0], crossed) / 6.0)


def cubes(values: Single, cell: float, middle: float) -> Surface:
    """Return the surface where a field (rows down, columns, depths) is zero.

    `cell` is millimetres; x = 0 is the middle of the columns, z = 0 the depth `middle` in cells,
    and y = 0 the lower edge of the last row.
    """
    field = np.where(values == 0.0, np.float32(-1e-6), values)  # no vertex lies on a grid point
    rows, columns, _ = field.shape
    vertices, triangles, _, _ = marching_cubes(field, 0.0)
    moved = np.column_stack(
        [
            vertices[:, 1] + 0.5 - columns / 2,
            rows - 0.5 - vertices[:, 0],
            vertices[:, 2] + 0.5 - middle,
        ]
    )
    return outwards(Surface(moved * cell, triangles.astype(np.int64)))


def outwards(surface: Surface) -> Surface:
    """Turn a surface that is inside out."""
    if surface.volume() >= 0:
        return surface
    return Surface(surface.vertices, surface.triangles[:, ::-1])


def checked(surface: Surface) -> Surface:
    """Look at what an engine delivered before anything is done with it; raises CreationError."""
    vertices, triangles = surface.vertices, surface.triangles
    if (*vertices.shape[1:], *triangles.shape[1:]) != (3, 3):
        raise CreationError(
            "engine", "the engine's model is no list of triangles; check its output"
        )
    if not len(triangles):
        raise CreationError("engine", "the engine made an empty model; try other drawings")
    if len(triangles) > MOST:
        raise CreationError(
            "engine", f"the engine made {len(triangles):,} triangles, and {MOST:,} are taken"
        )
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(vertices) <= _FARTHEST)
    if wrong.any():
        count = int(wrong.any(axis=1).sum())
        raise CreationError(
            "engine",
            f"{count:,} of the {len(vertices):,} vertices that the engine made are no numbers or "
            "farther than a kilometre; it is broken or its settings do not fit it",
        )
    if triangles.min() < 0 or triangles.max() >= len(vertices):
        raise CreationError("engine", "the engine's model uses vertices that it does not have")
    return surface


def largest(surface: Surface) -> tuple[Surface, float]:
    """Return the largest connected part, and the share of the volume that was left out."""
    starts, ends = surface.triangles[:, 0], surface.triangles[:, 1:]
    pairs = (np.repeat(starts, 2), ends.ravel())
    size = len(surface.vertices)
    graph = coo_array((np.ones(len(pairs[0]), np.int8), pairs), (size, size))
    count, label = connected_components(graph, directed=False)
    if count == 1:
        return surface, 0.0
    own = label[surface.triangles[:, 0]]
    corners = surface.vertices[surface.triangles]
    sizes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6.0
    volumes = np.abs(np.bincount(own, weights=sizes, minlength=count))
    kept = int(volumes.argmax())
    lost = 1.0 - float(volumes[kept] / max(volumes.sum(), 1e-12))
    return _compact(Surface(surface.vertices, surface.triangles[own == kept])), lost


def _compact(surface: Surface) -> Surface:
    used, triangles = np.unique(surface.triangles, return_inverse=True)
    return Surface(surface.vertices[used], triangles.reshape(-1, 3).astype(np.int64))


def decimated(surface: Surface, most: int) -> Surface:
    """Return the surface with at most so many triangles; thin strands may be torn open."""
    if len(surface.triangles) <= most:
        return surface
    vertices, triangles = fast_simplification.simplify(
        surface.vertices.astype(np.float32), surface.triangles.astype(np.int32), target_count=most
    )
    # Thin strands can tear off as splinters.
    found, _ = largest(Surface(vertices.astype(np.float64), triangles.astype(np.int64)))
    return found


def simplified(surface: Surface, most: int) -> Surface:
    """Return a closed surface with fewer triangles and still closed; slower, less precise."""
    solid = solid_of(surface)
    tolerance = 0.0005 * float(np.ptp(surface.vertices[:, 1]))
    while solid.num_tri() > most:
        solid = solid.simplify(tolerance)
        tolerance *= 1.5
    return surface_of(solid)


def solid_of(surface: Surface) -> manifold3d.Manifold:
    """Return the solid of a surface; its status says whether it is one."""
    mesh = manifold3d.Mesh(
        np.ascontiguousarray(surface.vertices, np.float32),
        np.ascontiguousarray(surface.triangles, np.uint32),
    )
    return manifold3d.Manifold(mesh)


def surface_of(solid: manifold3d.Manifold) -> Surface:
    """Return the surface of a solid."""
    mesh = solid.to_mesh()
    vertices = np.asarray(mesh.vert_properties, np.float64)[:, :3]
    return Surface(vertices, np.asarray(mesh.tri_verts, np.int64))


def sound(solid: manifold3d.Manifold) -> bool:
    """Tell whether its surface was a closed manifold."""
    return solid.status() == manifold3d.Error.NoError and not solid.is_empty()


def on_foot(surface: Surface) -> Surface:
    """Return the figure on a round plate; raises CreationError where it cannot be joined."""
    low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
    height = float(high[1] - low[1])
    near = surface.vertices[surface.vertices[:, 1] < low[1] + _STANDING * height]
    middle = (near.min(axis=0) + near.max(axis=0)) / 2
    radius = float(np.hypot(*(near - middle)[:, [0, 2]].T).max()) + _FOOT_ROOM * height
    thick = max(1.0, _FOOT * height)
    plate = manifold3d.Manifold.cylinder(thick, radius, circular_segments=_SIDES)
    # The plate's axis turned up; half of it goes into the soles, so that they hold.
    plate = plate.rotate((-90.0, 0.0, 0.0)).translate(
        (float(middle[0]), float(low[1]) - thick / 2, float(middle[2]))
    )
    joined = solid_of(surface) + plate
    if not sound(joined):
        raise CreationError("model", "the foot plate could not be joined; leave it out")
    found = surface_of(joined)
    return Surface(found.vertices - [0.0, low[1] - thick / 2, 0.0], found.triangles)
