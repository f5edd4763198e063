"""PURE: how the triangles of a mesh hang together: edges, parts, areas."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.mesh import Floats, Mesh

_NOTHING = 1e-9  # square millimetres: a triangle that small has no direction


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """What the edges say."""

    open_edges: int
    crowded_edges: int
    flipped_edges: int
    unbalanced: int
    """Edges crossed in one direction more often than in the other: the surface has a hole."""
    parts: int

    @property
    def watertight(self) -> bool:
        """Whether the surface is closed and has an inside."""
        return self.unbalanced == 0


def topology(mesh: Mesh) -> Topology:
    """Count edges by who shares them; triangles with two equal corners have none."""
    corners = mesh.triangles.astype(np.int64)
    real = _distinct(corners)
    corners = corners[real]
    if not len(corners):
        return Topology(0, 0, 0, 1, 0)
    starts = corners.ravel()
    ends = np.roll(corners, -1, axis=1).ravel()
    forward = np.where(starts < ends, 1, -1)
    keys = np.minimum(starts, ends) * len(mesh.vertices) + np.maximum(starts, ends)
    _, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    balance = np.bincount(places, weights=forward, minlength=len(counts))
    return Topology(
        open_edges=int((counts == 1).sum()),
        crowded_edges=int((counts > 2).sum()),
        flipped_edges=int(((counts == 2) & (balance != 0)).sum()),
        unbalanced=int((balance != 0).sum()),
        parts=_parts(len(mesh.vertices), starts, ends),
    )


def normals(mesh: Mesh) -> tuple[Floats, Floats]:
    """Return the unit normal (zero where there is none) and the area of every triangle."""
    corners = mesh.corners()
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled = np.linalg.norm(crossed, axis=1)
    safe = np.where(doubled > _NOTHING, doubled, 1.0)[:, None]
    return np.where(doubled[:, None] > _NOTHING, crossed / safe, 0.0), doubled / 2.0


def degenerate(areas: Floats) -> int:
    """Count the triangles without an area."""
    return int((areas <= _NOTHING).sum())


def _distinct(corners: NDArray[np.int64]) -> NDArray[np.bool_]:
    a, b, c = corners.T
    distinct: NDArray[np.bool_] = (a != b) & (b != c) & (c != a)
    return distinct


def _parts(count: int, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> int:
    """Count what hangs together, by giving neighbours the smaller label until all agree."""
    labels = np.arange(count)
    while True:
        ours, theirs = labels[starts], labels[ends]
        apart = ours != theirs
        if not apart.any():
            return len(np.unique(labels[starts]))
        low = np.minimum(ours[apart], theirs[apart])
        np.minimum.at(labels, np.maximum(ours[apart], theirs[apart]), low)
        while (labels != labels[labels]).any():
            labels = labels[labels]
