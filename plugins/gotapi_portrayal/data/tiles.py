"""PURE: triangles in any order become parts: near each other, of one LOD, small enough to be read
as a whole.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.surfaces import Points, TriangleBatch
from gotapi_portrayal.data.types import Part
from gotapi_portrayal.data.weld import boxes_of, starts_of, weld

CELL: Final = 256.0
"""Width of a tile in units of the CRS; a block of houses has some thousand triangles."""
LARGE: Final = 512.0
"""What is wider is split by place, triangle by triangle; so is what has more than a part may."""
MOST_TRIANGLES: Final = 8_192
"""Triangles of a part: about 100 KB on the disk, unpacked in a millisecond."""
MOST_LEVEL: Final = 3
"""What is large and sparse, terrain above all, has tiles up to 2**3 times as wide."""
MOST_WAITING: Final = 400_000
"""Triangles held back until a part of their tile is full; about 50 MB."""
STEP: Final = 2.0**-14
"""Vertices lie on a grid of 0.06 mm: float32 holds it exactly within a tile, so what two files
have at one place is at one place, whatever tile it is in."""

Key = tuple[int, int, int, int]  # LOD, level, column, row


@dataclass(slots=True, eq=False)
class _Piece:
    corners: NDArray[np.float64]  # (t, 3, 3), or (t, 3, 5) with u and v
    features: NDArray[np.int64]  # (t,) ascending runs
    materials: NDArray[np.uint32]
    surfaces: NDArray[np.uint8]
    ids: NDArray[np.int64]  # (f,) features with their masks and centres
    masks: NDArray[np.uint32]
    centres: Points


@dataclass(slots=True, eq=False)
class _Groups:
    """Runs of triangles of one feature and LOD."""

    starts: NDArray[np.int64]
    of: NDArray[np.int64]  # (t,) which run a triangle is in
    boxes: NDArray[np.float64]


@dataclass(slots=True)
class Tiler:
    """Collects triangles of one layer and gives parts, each with the LODs of its features."""

    layer: str
    step: float = STEP
    """The grid of the vertices; 0 for small models, which stay as they are."""
    waiting: dict[Key, list[_Piece]] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)
    boxes: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    """Low and high of every feature so far."""
    masks: dict[int, int] = field(default_factory=dict)
    """The LODs every feature really has."""

    def add(self, batch: TriangleBatch) -> list[tuple[Part, NDArray[np.uint32]]]:
        """Take triangles; returns the parts that are full."""
        corners = self._corners(batch)
        keep = _solid(corners)
        if not keep.any():
            return []
        corners, features, lods = corners[keep], batch.features[keep], batch.lods[keep]
        masks, materials, surfaces = batch.masks[keep], batch.materials[keep], batch.surfaces[keep]
        groups = self._groups(corners, features, lods)
        cells = _cells(corners, groups)
        order = np.lexsort((features, cells[:, 2], cells[:, 1], cells[:, 0], lods))
        runs = starts_of(np.column_stack((lods, cells))[order].view("V32").ravel())
        for rows in np.split(order, runs[1:]):
            level, column, row = cells[rows[0]].tolist()
            key = (int(lods[rows[0]]), level, column, row)
            ids, firsts = np.unique(features[rows], return_index=True)
            boxes = groups.boxes[groups.of[rows[firsts]]]
            piece = _Piece(
                corners[rows], features[rows], materials[rows], surfaces[rows],
                ids, masks[rows[firsts]], (boxes[:, :3] + boxes[:, 3:]) / 2,
            )  # fmt: skip
            self.waiting.setdefault(key, []).append(piece)
            self.counts[key] = self.counts.get(key, 0) + len(rows)
        return [part for key in self._full() for part in self._parts(key)]

    def rest(self) -> list[tuple[Part, NDArray[np.uint32]]]:
        """Return the parts of everything that still waits."""
        return [part for key in sorted(self.waiting) for part in self._parts(key)]

    def _corners(self, batch: TriangleBatch) -> NDArray[np.float64]:
        points = batch.points
        if self.step:
            points = np.round(points / self.step) * self.step
        if batch.uvs is not None:
            points = np.hstack((points, batch.uvs))
        corners: NDArray[np.float64] = points[batch.triangles]
        return corners

    def _groups(
        self,
        corners: NDArray[np.float64],
        features: NDArray[np.int64],
        lods: NDArray[np.uint8],
    ) -> _Groups:
        starts = starts_of(features * 256 + lods)
        boxes = boxes_of(corners[:, :, :3].reshape(-1, 3), starts * 3)
        for feature, code, box in zip(
            features[starts].tolist(), lods[starts].tolist(), boxes, strict=True
        ):
            had = self.boxes.get(feature)
            if had is not None:
                box = np.concatenate((np.minimum(had[:3], box[:3]), np.maximum(had[3:], box[3:])))
            self.boxes[feature] = box
            self.masks[feature] = self.masks.get(feature, 0) | lod.bit(code)
        counts = np.diff(np.append(starts, len(features)))
        return _Groups(starts, np.repeat(np.arange(len(starts)), counts), boxes)

    def _full(self) -> list[Key]:
        full = [key for key, count in self.counts.items() if count >= MOST_TRIANGLES]
        left = sum(self.counts.values()) - sum(self.counts[key] for key in full)
        if left > MOST_WAITING:
            largest = sorted(self.counts, key=self.counts.__getitem__, reverse=True)
            full += [key for key in largest[: len(largest) // 2 + 1] if key not in full]
        return full

    def _parts(self, key: Key) -> list[tuple[Part, NDArray[np.uint32]]]:
        pieces = self.waiting.pop(key)
        del self.counts[key]
        width = max(piece.corners.shape[2] for piece in pieces)
        corners = np.concatenate([_widened(piece.corners, width) for piece in pieces])
        features = np.concatenate([piece.features for piece in pieces])
        order = np.argsort(features, kind="stable")
        materials = np.concatenate([piece.materials for piece in pieces])[order]
        surfaces = np.concatenate([piece.surfaces for piece in pieces])[order]
        ids, firsts = np.unique(np.concatenate([piece.ids for piece in pieces]), return_index=True)
        masks = np.concatenate([piece.masks for piece in pieces])[firsts]
        centres = np.concatenate([piece.centres for piece in pieces])[firsts]
        corners, features = corners[order], features[order]
        parts = []
        for rows in _blocks(features):
            here = np.searchsorted(ids, features[rows][starts_of(features[rows])])
            part = _part(
                self.layer, key[0], corners[rows], features[rows], centres[here],
                materials[rows], surfaces[rows],
            )  # fmt: skip
            parts.append((part, masks[here]))
        return parts


def _solid(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    first = corners[:, 0, :3]
    normals = np.cross(corners[:, 1, :3] - first, corners[:, 2, :3] - first)
    found: NDArray[np.bool_] = (normals != 0).any(axis=1)
    return found


def _cells(corners: NDArray[np.float64], groups: _Groups) -> NDArray[np.int64]:
    """Return the tile of each triangle: that of its whole feature, or of a large one its own.

    A tile is a level, a column and a row.
    """
    sizes = groups.boxes[:, 3:5] - groups.boxes[:, :2]
    counts = np.diff(np.append(groups.starts, len(corners)))
    large = (sizes.max(axis=1) > LARGE) | (counts > MOST_TRIANGLES)
    # As wide as half of a full part needs.
    widths = np.sqrt(np.prod(np.maximum(sizes, 1.0), axis=1) / counts * (MOST_TRIANGLES / 2))
    levels = np.clip(np.ceil(np.log2(widths / CELL)), 0, MOST_LEVEL)
    levels = np.where(large, levels, 0).astype(np.int64)[groups.of]
    middles = ((groups.boxes[:, :2] + groups.boxes[:, 3:5]) / 2)[groups.of]
    split = large[groups.of]
    middles[split] = corners[split, :, :2].mean(axis=1)
    cells = np.floor(middles / (CELL * 2.0**levels)[:, None]).astype(np.int64)
    return np.column_stack((levels, cells))


def _blocks(features: NDArray[np.int64]) -> list[slice]:
    """Cut a row of triangles between features, or in a large one, into parts of the size allowed.

    A part may be twice as large where the last feature of it is.
    """
    starts = [*starts_of(features).tolist(), len(features)]
    blocks, begin = [], 0
    for start, end in pairwise(starts):
        if start - begin >= MOST_TRIANGLES:
            blocks.append(slice(begin, start))
            begin = start
        while end - begin > 2 * MOST_TRIANGLES:
            blocks.append(slice(begin, begin + MOST_TRIANGLES))
            begin += MOST_TRIANGLES
    blocks.append(slice(begin, len(features)))
    return blocks


def _widened(corners: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    if corners.shape[2] == width:
        return corners
    return np.concatenate((corners, np.zeros((len(corners), 3, 2))), axis=2)


def _part(
    layer: str,
    code: int,
    corners: NDArray[np.float64],
    features: NDArray[np.int64],
    centres: Points,
    materials: NDArray[np.uint32],
    surfaces: NDArray[np.uint8],
) -> Part:
    flat = corners.reshape(-1, corners.shape[2]).copy()
    low, high = flat[:, :3].min(axis=0), flat[:, :3].max(axis=0)
    east, north, up = np.round((low + high) / 2).tolist()  # a whole number is on the grid
    flat[:, :3] -= (east, north, up)
    packed = flat.astype(np.float32)
    starts = starts_of(features)
    owners = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(features))))
    firsts, places = weld(packed, np.repeat(owners, 3))
    vertices = packed[firsts]
    vertex_starts = starts_of(np.repeat(owners, 3)[firsts])
    return Part(
        layer=layer,
        lod=lod.name(code),
        origin=(east, north, up),
        features=features[starts],
        triangle_starts=np.append(starts, len(features)),
        vertex_starts=np.append(vertex_starts, len(vertices)),
        boxes=boxes_of(vertices[:, :3], vertex_starts),
        centres=(centres - (east, north, up)).astype(np.float32),
        vertices=np.ascontiguousarray(vertices[:, :3]),
        triangles=places.reshape(-1, 3).astype(np.uint32),
        materials=materials,
        surfaces=surfaces,
        uvs=np.ascontiguousarray(vertices[:, 3:]) if packed.shape[1] == 5 else None,
    )
