"""PURE: a quadtree of tiles over the features of a scene, made of boxes and counts only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Box, Part, Triple
from gotapi_portrayal.scene.model import Tile

FULL: Final = 20_000
"""Triangles of a tile that is split; 1 to 2 MB as GLB."""
DEEPEST: Final = 12
"""Levels: of 40 km, 10 m remain."""
_SHARE: Final = 0.25
"""Of the size of a tile, the metres it is wrong by where it is missing."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Features of parts (a large one is in several): boxes (n, 6), absolute, and triangles (n,)."""

    boxes: Points
    counts: NDArray[np.int64]

    @property
    def centres(self) -> Points:
        """The middles of the boxes, east and north, (n, 2)."""
        found: Points = (self.boxes[:, :2] + self.boxes[:, 3:5]) / 2
        return found

    def sizes(self, unit: Triple) -> Points:
        """Return how large each is, from corner to corner of its box, in metres."""
        found: Points = np.linalg.norm((self.boxes[:, 3:] - self.boxes[:, :3]) * unit, axis=1)
        return found


@dataclass(frozen=True, eq=False)
class Tree:
    """The tiles of a scene, and the square that is cut into them."""

    root: Tile
    corner: tuple[float, float]
    side: float
    unit: Triple
    tiles: dict[str, Tile]

    def inside(self, tile: Tile, entries: Entries) -> NDArray[np.bool_]:
        """Tell which entries are of the content of a tile, of one with children without them."""
        level, column, row = map(int, tile.path.split("-"))
        cells = self.cells(entries.centres) >> (DEEPEST - level)
        found: NDArray[np.bool_] = (cells == (column, row)).all(axis=1)
        return found & (entries.sizes(self.unit) > tile.missing) if tile.missing else found

    def cells(self, centres: Points) -> NDArray[np.int64]:
        """Return column and row of places on the deepest level."""
        return _cells(centres, self.corner, self.side)


def entries_of(parts: Sequence[Part]) -> Entries:
    """Return the features of parts."""
    boxes = [part.boxes + np.tile(np.array(part.origin), 2) for part in parts]
    counts = [np.diff(part.triangle_starts) for part in parts]
    return Entries(
        np.concatenate([np.empty((0, 6)), *boxes]),
        np.concatenate([np.empty(0, np.int64), *counts]),
    )


def tree(entries: Entries, unit: Triple) -> Tree:
    """Return the tiles of a scene; the root has no children and no triangles if it is empty."""
    if not len(entries.counts):
        root = Tile("0-0-0", Box((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), 0.0, 0)
        return Tree(root, (0.0, 0.0), 1.0, unit, {root.path: root})
    centres = entries.centres
    low, high = centres.min(axis=0), centres.max(axis=0)
    corner, side = (float(low[0]), float(low[1])), float(max((high - low).max(), 1e-9))
    growing = _Growing(entries, _cells(centres, corner, side), unit)
    root = growing.tile(0, 0, 0, np.arange(len(entries.counts)))
    return Tree(root, corner, side, unit, growing.tiles)


def _cells(centres: Points, corner: tuple[float, float], side: float) -> NDArray[np.int64]:
    places = np.floor((centres - corner) / side * (1 << DEEPEST))
    return places.clip(0, (1 << DEEPEST) - 1).astype(np.int64)


class _Growing:
    """Makes tiles from the top."""

    def __init__(self, entries: Entries, cells: NDArray[np.int64], unit: Triple) -> None:
        self.tiles: dict[str, Tile] = {}
        self._entries = entries
        self._cells = cells
        self._unit = np.array(unit)
        self._sizes = entries.sizes(unit)

    def tile(self, level: int, column: int, row: int, rows: NDArray[np.int64]) -> Tile:
        """Make a tile of some entries, with those in it."""
        boxes = self._entries.boxes[rows]
        low, high = boxes[:, :3].min(axis=0), boxes[:, 3:].max(axis=0)
        count = int(self._entries.counts[rows].sum())
        children: list[Tile] = []
        if count > FULL and level < DEEPEST and len(rows) > 1:
            children = self._split(level, column, row, rows)
        missing, shown = self._thinned(rows) if children else (0.0, count)
        error = float(np.linalg.norm((high - low) * self._unit)) * _SHARE if children else 0.0
        made = Tile(
            f"{level}-{column}-{row}",
            Box(_triple(low), _triple(high)),
            error,
            count,
            tuple(children),
            missing,
            shown,
        )
        self.tiles[made.path] = made
        return made

    def _thinned(self, rows: NDArray[np.int64]) -> tuple[float, int]:
        """Return the size of the largest entry that is too much, and the triangles of those above.

        Of those of the same size all are taken or none.
        """
        order = rows[np.argsort(-self._sizes[rows], kind="stable")]
        sums = np.cumsum(self._entries.counts[order])
        missing = float(self._sizes[order[int(np.searchsorted(sums, FULL, side="right"))]])
        shown = int(self._entries.counts[rows[self._sizes[rows] > missing]].sum())
        return missing, shown

    def _split(self, level: int, column: int, row: int, rows: NDArray[np.int64]) -> list[Tile]:
        halves = self._cells[rows] >> (DEEPEST - level - 1) & 1
        found = []
        for right, above in ((0, 0), (1, 0), (0, 1), (1, 1)):
            mine = rows[(halves == (right, above)).all(axis=1)]
            if len(mine):
                found.append(self.tile(level + 1, 2 * column + right, 2 * row + above, mine))
        return found


def _triple(values: Points) -> Triple:
    x, y, z = values.tolist()
    return x, y, z
