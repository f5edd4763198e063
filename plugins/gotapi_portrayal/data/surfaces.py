"""PURE: what readers hand to the writer: polygons, and triangles."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Attribute

Points = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Polygons:
    """Planar surfaces of one feature at one LOD; coordinates as in the file.

    `rings` has the number of corners of each ring (closed or not), `polygons` the number of rings
    of each polygon, the outer one first. `materials` and `surfaces` are per polygon, `uvs` per
    corner. With an `anchor` the points are metres from that place, east, north and up.
    """

    lod: int  # a code of `lod`
    points: Points
    rings: list[int]
    polygons: list[int]
    materials: list[int]
    surfaces: list[int]
    uvs: NDArray[np.float64] | None = None
    anchor: tuple[float, float, float] | None = None


@dataclass(slots=True, eq=False)
class Triangles:
    """Triangles of one feature, as terrain and models have them; coordinates as in the file."""

    lod: int
    points: Points
    triangles: NDArray[np.int64]
    materials: NDArray[np.uint32]
    anchor: tuple[float, float, float] | None = None
    uvs: NDArray[np.float32] | None = None  # (points, 2)


@dataclass(slots=True)
class Record:
    """A feature as a reader finds it; its parent comes before it, in the same tree."""

    object_id: str
    kind: str
    parent: str = ""
    attributes: dict[str, Attribute] = field(default_factory=dict)
    polygons: list[Polygons] = field(default_factory=list)
    triangles: list[Triangles] = field(default_factory=list)


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
