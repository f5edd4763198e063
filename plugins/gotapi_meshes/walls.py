"""PURE: how thick the walls of a mesh are, sampled by rays along the three axes.

Rays stand on a grid, `RAYS` along the longest side. Where one enters and leaves through faces
that look apart, the way between them, times the slant of the faces, is the wall. Every face is
steep to at least one of the axes. What is narrower than the grid may be missed; what is hit is
exact for parallel faces.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.mesh import Floats, Mesh

RAYS: Final = 160
"""Rays along the longest side: 0.4 mm apart on a figure of 60 mm, a nozzle's width."""
MOST_TESTS: Final = 30_000_000
"""Rays tested against triangles, at most; fewer rays are taken where it would be more."""
_BLOCK: Final = 1_000_000  # tests done at once
_STEEP: Final = 0.5  # cosine between a face and its ray; some axis has at least 0.577
_APART: Final = -0.7  # cosine between the two faces of a wall: within 45 degrees of parallel
_SHARE: Final = 0.01  # of the samples that may be thinner: tips and edges run out to nothing


@dataclass(frozen=True, slots=True)
class Walls:
    """The thinnest wall in millimetres, None where none was found, and the rays' distance."""

    thinnest: float | None
    pitch: float


def walls(mesh: Mesh, normals: Floats) -> Walls:
    """Sample the walls."""
    longest = float(mesh.size.max())
    if longest <= 0:
        return Walls(None, 0.0)
    pitch = longest / RAYS
    while pitch < longest / 8 and _tests(mesh, pitch) > MOST_TESTS:
        pitch *= 1.5
    found = np.sort(np.concatenate([_along(mesh, normals, axis, pitch) for axis in range(3)]))
    thinnest = float(found[int(len(found) * _SHARE)]) if len(found) else None
    return Walls(thinnest, pitch)


def _tests(mesh: Mesh, pitch: float) -> int:
    spans = np.ptp(mesh.corners(), axis=1) / pitch + 1.0
    x, y, z = spans.T
    return int((x * y + y * z + z * x).sum())


def _along(mesh: Mesh, normals: Floats, axis: int, pitch: float) -> Floats:
    """Return the walls found by rays along one axis."""
    across = [other for other in range(3) if other != axis]
    steep = np.abs(normals[:, axis]) > 1e-6
    corners = mesh.corners()[steep]
    # Half a step off the corner, and irrational, so that rays seldom meet edges.
    plane = (corners[:, :, across] - mesh.low[across]) / pitch - 0.4142135623
    rays, depths, faces = _hits(plane, corners[:, :, axis])
    order = np.lexsort((depths, rays))
    return _walls(rays[order], depths[order], normals[steep][faces[order]], axis)


def _hits(plane: Floats, depth: Floats) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """Return ray, depth and face of every hit; rays stand at whole numbers of `plane`."""
    low = np.ceil(plane.min(axis=1)).astype(np.int64)
    spans = np.maximum(np.floor(plane.max(axis=1)).astype(np.int64) - low + 1, 0)
    counts = spans[:, 0] * spans[:, 1]
    found: list[tuple[NDArray[np.int64], Floats, NDArray[np.int64]]] = []
    for first, last in _blocks(counts):
        faces = np.repeat(np.arange(first, last), counts[first:last])
        begun = np.repeat(np.cumsum(counts[first:last]) - counts[first:last], counts[first:last])
        number = np.arange(len(faces)) - begun
        width = np.maximum(spans[faces, 1], 1)
        x, y = low[faces, 0] + number // width, low[faces, 1] + number % width
        found.append(_inside(plane, depth, faces, x, y))
    if not found:
        return np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
    rays, depths, hit = zip(*found, strict=True)
    return np.concatenate(rays), np.concatenate(depths), np.concatenate(hit)


def _blocks(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    ends = np.cumsum(counts)
    if not len(ends) or not ends[-1]:
        return []
    cuts = np.searchsorted(ends, np.arange(_BLOCK, ends[-1], _BLOCK)) + 1
    edges = np.unique([0, *cuts.tolist(), len(counts)])
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _inside(
    plane: Floats,
    depth: Floats,
    faces: NDArray[np.int64],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    a, b, c = plane[faces, 0], plane[faces, 1], plane[faces, 2]
    ab, ac, ap = b - a, c - a, np.column_stack([x, y]) - a
    whole = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    whole = np.where(whole == 0.0, np.inf, whole)
    v = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / whole
    w = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / whole
    hit = (v >= 0) & (w >= 0) & (v + w <= 1) & np.isfinite(whole)
    faces, v, w = faces[hit], v[hit], w[hit]
    at = depth[faces, 0] * (1 - v - w) + depth[faces, 1] * v + depth[faces, 2] * w
    # A grid of at most some thousand rays a side: the two numbers fit into one.
    return x[hit] * (1 << 24) + y[hit], at, faces


def _walls(rays: NDArray[np.int64], depths: Floats, normals: Floats, axis: int) -> Floats:
    if len(rays) < 2:
        return np.empty(0)
    slant = normals[:, axis]
    entering, leaving = slant[:-1] < -_STEEP, slant[1:] > _STEEP
    apart = np.einsum("ij,ij->i", normals[:-1], normals[1:]) < _APART
    wall = (rays[:-1] == rays[1:]) & entering & leaving & apart
    ways = (depths[1:] - depths[:-1])[wall]
    slanted: Floats = ways * np.minimum(-slant[:-1], slant[1:])[wall]
    return slanted[slanted > 1e-6]
