"""PURE: what readers hand to the writer: polygons, and triangles."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(slots=True)
class Polygons:
    """Planar surfaces of one feature at one LOD; coordinates as in the file, x east, y north.

    `rings` has the number of corners of each ring (not closed), `polygons` the number of rings of
    each polygon, the outer one first. `materials` and `surfaces` are per polygon.
    """

    feature: int
    object_id: str
    lod: str
    points: Points
    rings: list[int]
    polygons: list[int]
    materials: list[int] = field(default_factory=list)
    surfaces: list[int] = field(default_factory=list)
    uvs: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TriangleBatch:
    """Triangles of any features; those of one feature and LOD are together.

    `features`, `lods`, `materials` and `surfaces` are per triangle. `lods` holds codes of `lod`,
    `masks` what LODs the feature of a triangle has in all.
    """

    points: Points  # (v, 3)
    triangles: NDArray[np.int64]  # (t, 3)
    features: NDArray[np.int64]
    lods: NDArray[np.uint8]
    masks: NDArray[np.uint32]
    materials: NDArray[np.uint32]
    surfaces: NDArray[np.uint8]
    uvs: NDArray[np.float32] | None = None  # (v, 2)
