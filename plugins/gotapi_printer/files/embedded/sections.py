"""PURE: where planes cut a mesh: closed loops, joined through the mesh's own edges.

Neighbouring triangles share an edge, so they give the very same point: nothing is joined by
nearness. A corner that lies in a plane counts as above it, so a plane always passes between.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import Floats, Mesh

MOST_SEGMENTS: Final = 20_000_000
"""Crossings of triangles and planes; 500 layers of 40,000 crossings each."""

Ints = NDArray[np.int64]


def sections(mesh: Mesh, heights: Floats) -> Iterator[list[Floats]]:
    """Yield the loops (n, 2) of each plane, from the lowest; outer ones turn to the left.

    `heights` rise. Raises MeshError where there are too many crossings.
    """
    corner_heights = mesh.vertices[:, 2][mesh.triangles]
    first = np.searchsorted(heights, corner_heights.min(axis=1), side="right")
    last = np.searchsorted(heights, corner_heights.max(axis=1), side="right")
    # Below: z < height. A triangle is cut where its lowest corner is below and another is not.
    counts = last - first
    if int(counts.sum()) > MOST_SEGMENTS:
        raise MeshError(
            f"the model gives {int(counts.sum()):,} crossings with the layers, and "
            f"{MOST_SEGMENTS:,} are sliced; take a larger layer height, or less detail"
        )
    faces = np.repeat(np.arange(len(counts)), counts)
    begun = np.repeat(np.cumsum(counts) - counts, counts)
    layers = first[faces] + (np.arange(len(faces)) - begun)
    order = np.argsort(layers, kind="stable")
    edges = np.searchsorted(layers[order], np.arange(len(heights) + 1))
    for layer in range(len(heights)):
        cut = faces[order[edges[layer] : edges[layer + 1]]]
        yield _loops(mesh, cut, float(heights[layer]))


def _loops(mesh: Mesh, faces: Ints, height: float) -> list[Floats]:
    if not len(faces):
        return []
    corners = mesh.triangles[faces].astype(np.int64)
    below = mesh.vertices[:, 2][corners] < height
    crossed = (below.any(axis=1)) & (~below).any(axis=1)
    corners, below = corners[crossed], below[crossed]
    # The one corner that is alone on its side, turned to the front.
    alone = np.where(below.sum(axis=1) == 1, below.argmax(axis=1), (~below).argmax(axis=1))
    rows = np.arange(len(corners))
    a = corners[rows, alone]
    b, c = corners[rows, (alone + 1) % 3], corners[rows, (alone + 2) % 3]
    up = ~below[rows, alone]
    # Seen from above with the solid at the left: in through one edge, out through the other.
    starts = np.where(up, _key(mesh, a, b), _key(mesh, a, c))
    ends = np.where(up, _key(mesh, a, c), _key(mesh, a, b))
    return _joined(mesh, starts, ends, height)


def _key(mesh: Mesh, one: Ints, other: Ints) -> Ints:
    keys: Ints = np.minimum(one, other) * len(mesh.vertices) + np.maximum(one, other)
    return keys


def _joined(mesh: Mesh, starts: Ints, ends: Ints, height: float) -> list[Floats]:
    """Walk from edge to edge; what does not close (a hole in the surface) is left out."""
    by_start = np.argsort(starts, kind="stable")
    by_end = np.argsort(ends, kind="stable")
    following = np.full(len(starts), -1, np.int64)
    if np.array_equal(starts[by_start], ends[by_end]):
        following[by_end] = by_start
    else:
        place = np.minimum(np.searchsorted(starts[by_start], ends), len(starts) - 1)
        found = starts[by_start[place]] == ends
        following[found] = by_start[place[found]]
    points = _points(mesh, starts, height)
    return [points[loop] for loop in _walks(following.tolist())]


def _walks(following: list[int]) -> Iterator[list[int]]:
    seen = bytearray(len(following))
    for start in range(len(following)):
        loop: list[int] = []
        place = start
        while place >= 0 and not seen[place]:
            seen[place] = 1
            loop.append(place)
            place = following[place]
        if place == start and len(loop) >= 3:
            yield loop


def _points(mesh: Mesh, keys: Ints, height: float) -> Floats:
    one, other = np.divmod(keys, len(mesh.vertices))
    a, b = mesh.vertices[one], mesh.vertices[other]
    share = (height - a[:, 2]) / (b[:, 2] - a[:, 2])
    points: Floats = a[:, :2] + (b - a)[:, :2] * share[:, None]
    return points
