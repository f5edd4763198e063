"""The trees of layers, built when first asked for and kept while there is room."""

import threading
from collections import OrderedDict
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.data.types import Box, Layer, Part
from gotapi_portrayal.info.bvh import Tree, build, column, pick
from gotapi_portrayal.info.triangles import Floats

ROOM: Final = 256 << 20  # bytes of trees; half a million triangles take 25 MB
LARGEST: Final = 4_000_000  # triangles of a layer that has a tree; 190 MB
_PAD: Final = 0.01  # around a piece of a ray, as a box without a width has nothing in it
STEPS: Final = 64  # pieces of a ray through a layer that is larger


class Trees:
    """Which features of a layer a ray meets, and which are at a place.

    Any thread may call; calls block.
    """

    def __init__(self, room: int = ROOM, largest: int = LARGEST) -> None:
        self._room = room
        self._largest = largest
        self._kept: OrderedDict[tuple[int, str, int], Tree] = OrderedDict()
        self._lock = threading.Lock()

    def pick(
        self, store: SceneStore, layer: Layer, start: Floats, direction: Floats, count: int
    ) -> list[tuple[int, float]]:
        """Return up to `count` features along a ray in the layer's CRS, nearest first."""
        if layer.triangles <= self._largest:
            return pick(self._tree(store, layer), start, direction, count)
        return _stepwise(store, layer, start, direction, count)

    def column(
        self, store: SceneStore, layer: Layer, x: float, y: float, radius: float
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Return the corners and features of triangles around a place, at any height."""
        if layer.triangles <= self._largest:
            return column(self._tree(store, layer), x, y, radius)
        low, high = layer.box.low[2] - 1.0, layer.box.high[2] + 1.0
        box = Box((x - radius, y - radius, low), (x + radius, y + radius, high))
        return triangles_of(list(store.query(layer.name, box)))

    def _tree(self, store: SceneStore, layer: Layer) -> Tree:
        # By the store too: one process may have several, and versions of each begin at 1.
        key = id(store), layer.name, layer.version
        with self._lock:  # held while one is built: the others most likely want the same
            tree = self._kept.get(key)
            if tree is None:
                tree = build(*triangles_of(list(store.query(layer.name))))
                self._kept[key] = tree
                for old in [one for one in self._kept if one[:2] == key[:2] and one != key]:
                    del self._kept[old]
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self._taken() > self._room:
                self._kept.popitem(last=False)
            return tree

    def _taken(self) -> int:
        return sum(tree.nbytes for tree in self._kept.values())


def triangles_of(parts: list[Part]) -> tuple[Floats, NDArray[np.int64]]:
    """Return the corners (n, 3, 3) of all triangles of parts, and their features."""
    corners = [
        part.vertices[part.triangles].astype(np.float64) + np.array(part.origin) for part in parts
    ]
    features = [np.repeat(part.features, np.diff(part.triangle_starts)) for part in parts]
    return (
        np.concatenate([np.empty((0, 3, 3)), *corners]),
        np.concatenate([np.empty(0, np.int64), *features]),
    )


def _stepwise(
    store: SceneStore, layer: Layer, start: Floats, direction: Floats, count: int
) -> list[tuple[int, float]]:
    """Follow a ray through a layer that is too large for memory, piece by piece."""
    low, high = np.array(layer.box.low), np.array(layer.box.high)
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.sort(np.nan_to_num((np.stack([low, high]) - start) / direction), axis=0)
    begin, end = max(float(sides[0].max()), 0.0), float(sides[1].min())
    found: dict[int, float] = {}
    edges = np.linspace(begin, end, STEPS + 1) if end > begin else np.empty(0)
    for near, far in pairwise(edges):
        ends = np.stack([start + near * direction, start + far * direction])
        box = Box(_triple(ends.min(axis=0) - _PAD), _triple(ends.max(axis=0) + _PAD))
        tree = build(*triangles_of(list(store.query(layer.name, box))))
        for feature, along in pick(tree, start, direction, count):
            found[feature] = min(along, found.get(feature, along))
        nearest = sorted(found.values())[:count]
        if len(nearest) == count and nearest[-1] <= far:
            break
    return sorted(found.items(), key=lambda one: one[1])[:count]


def _triple(values: Floats) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
