"""PURE: parts put together in one frame, and taken apart again by layer, LOD and look."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Feature, Part, Triple
from gotapi_portrayal.scene.model import Floats, Mesh

Ints = NDArray[np.int64]
Words = NDArray[np.uint32]

_FEW: Final = 8  # a mesh with less of the vertices than one in so many is compacted by sorting


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Everything of a scene in a row; vertices relative to its origin."""

    vertices: Floats
    triangles: Words
    uvs: Floats | None
    kinds: Ints  # (t,) index into `of_kind`
    of_kind: tuple[tuple[int, str], ...]  # layer of the scene, LOD
    numbers: Ints  # (f,) of its features, by layer and then by number
    of_vertex: Words  # (v,) index into `numbers`


def join(parts: Sequence[Part], layers: Sequence[int], origin: Triple) -> Joined:
    """Put parts together; `layers` says which layer of the scene each one is of."""
    vertices = np.empty((sum(len(part.vertices) for part in parts), 3), np.float32)
    triangles = np.empty((sum(len(part.triangles) for part in parts), 3), np.uint32)
    kinds = np.empty(len(triangles), np.int64)
    of_kind: dict[tuple[int, str], int] = {}
    v = t = 0
    for part, layer in zip(parts, layers, strict=True):
        shift = np.array(part.origin) - np.array(origin)
        vertices[v : v + len(part.vertices)] = part.vertices + shift
        np.add(part.triangles, np.uint32(v), out=triangles[t : t + len(part.triangles)])
        kind = of_kind.setdefault((layer, part.lod), len(of_kind))
        kinds[t : t + len(part.triangles)] = kind
        v, t = v + len(part.vertices), t + len(part.triangles)
    numbers, of_vertex = _features(parts, layers)
    return Joined(vertices, triangles, _uvs(parts), kinds, tuple(of_kind), numbers, of_vertex)


def snapped(vertices: Floats, origin: Triple, step: Triple) -> Floats:
    """Return vertices on an absolute grid, so that two scenes have the very same points."""
    base, cells = np.array(origin), np.array(step)
    found: Floats = (np.round((vertices + base) / cells) * cells - base).astype(np.float32)
    return found


def meshes(joined: Joined, looks: Ints, lods: dict[str, str], unit: Triple) -> Iterator[Mesh]:
    """Give a mesh for each layer, LOD and look; `lods` are the names of LODs in documents."""
    if not len(joined.triangles):
        return
    width = int(looks.max()) + 1
    groups = joined.kinds * width + looks
    small = groups.astype(np.uint16) if len(joined.of_kind) * width < 1 << 16 else groups
    order = np.argsort(small, kind="stable")  # of 16 bits a radix sort
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        kind, look = divmod(int(groups[rows[0]]), width)
        layer, lod = joined.of_kind[kind]
        chosen, triangles = _compacted(joined.triangles[rows], len(joined.vertices))
        yield Mesh(
            look,
            layer,
            lods.get(lod, lod),
            joined.vertices[chosen],
            triangles,
            joined.of_vertex[chosen],
            None if joined.uvs is None else joined.uvs[chosen],
            unit,
        )


def listed(joined: Joined, found: dict[int, Feature]) -> tuple[Feature, ...]:
    """Return the features in the order of `Mesh.features`."""
    numbers = joined.numbers.tolist()
    # What is not there any more was replaced since its triangles were read.
    return tuple(
        found.get(number) or Feature(number, "", str(number), "", 0, {}, (), None)
        for number in numbers
    )


def _features(parts: Sequence[Part], layers: Sequence[int]) -> tuple[Ints, Words]:
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.uint32)
    numbers = np.concatenate([part.features for part in parts])
    of_layer = np.repeat(layers, [len(part.features) for part in parts])
    counts = np.concatenate([np.diff(part.vertex_starts) for part in parts])
    keys, of_entry = np.unique(of_layer.astype(np.int64) << 40 | numbers, return_inverse=True)
    found: Ints = keys & ((1 << 40) - 1)
    return found, np.repeat(of_entry.reshape(-1).astype(np.uint32), counts)


def _uvs(parts: Sequence[Part]) -> Floats | None:
    if all(part.uvs is None for part in parts):
        return None
    return np.concatenate(
        [
            np.zeros((len(part.vertices), 2), np.float32) if part.uvs is None else part.uvs
            for part in parts
        ]
    )


def _compacted(triangles: Words, count: int) -> tuple[Ints, Words]:
    """Return which vertices triangles have, ascending, and the triangles of these."""
    if triangles.size * _FEW < count:
        chosen, places = np.unique(triangles, return_inverse=True)
        return chosen.astype(np.int64), places.reshape(-1, 3).astype(np.uint32)
    there = np.zeros(count, bool)
    there[triangles] = True
    moved: Words = np.cumsum(there, dtype=np.uint32) - np.uint32(1)
    return np.flatnonzero(there), moved[triangles]
