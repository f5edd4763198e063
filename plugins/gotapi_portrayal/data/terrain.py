"""PURE: terrain: two triangles between four neighbouring heights, gaps left open."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.grids import Grid
from gotapi_portrayal.data.sink import Head, Sink
from gotapi_portrayal.data.surfaces import Record, Triangles
from gotapi_portrayal.data.types import Attribute

MOST_HEIGHTS: Final = 1_000_000
"""Heights kept, some 2,000,000 triangles; a larger grid is thinned, and that is told."""
_ROWS: Final = 64  # of heights turned into triangles at once


class Terrain:
    """A grid as one feature."""

    def __init__(self, grid: Grid, name: str) -> None:
        self._name = name
        rows, columns = grid.heights.shape
        self._step = max(1, int(np.ceil(np.sqrt(rows * columns / MOST_HEIGHTS))))
        # From north to south and from west to east, whatever order the file has.
        down = 1 if grid.north[0] > grid.north[-1] else -1
        right = 1 if grid.east[0] < grid.east[-1] else -1
        thin = (slice(None, None, down * self._step), slice(None, None, right * self._step))
        self._heights = grid.heights[thin]
        self._east, self._north, self._crs = grid.east[thin[1]], grid.north[thin[0]], grid.crs

    @property
    def head(self) -> Head:
        """What the grid says of itself; places are x before y."""
        ends = [
            (float(east), float(north), 0.0)
            for east in self._east[[0, -1]]
            for north in self._north[[0, -1]]
        ]
        return Head(self._crs, "", np.array(ends))

    def read(self, sink: Sink) -> None:
        """Tell the terrain."""
        rows, columns = self._heights.shape
        if self._step > 1:
            sink.faults.add(self._name, f"the grid is thinned to each height in {self._step}")
        attributes: dict[str, Attribute] = {
            "columns": columns,
            "rows": rows,
            "lowest": float(np.nanmin(self._heights)),
            "highest": float(np.nanmax(self._heights)),
        }
        strips = [self._strip(begin) for begin in range(0, rows - 1, _ROWS)]
        strips = [strip for strip in strips if len(strip.triangles)]
        sink.tree([Record(self._name, "ReliefFeature", "", attributes, [], strips)])
        sink.progress(1.0)

    def _strip(self, begin: int) -> Triangles:
        heights = self._heights[begin : begin + _ROWS + 1]
        rows, columns = heights.shape
        east, north = np.meshgrid(self._east, self._north[begin : begin + rows])
        points = np.column_stack((east.ravel(), north.ravel(), heights.ravel()))
        corners = np.arange(rows * columns).reshape(rows, columns)
        first, right = corners[:-1, :-1].ravel(), corners[:-1, 1:].ravel()
        below, across = corners[1:, :-1].ravel(), corners[1:, 1:].ravel()
        triangles: NDArray[np.int64] = np.concatenate(
            (np.column_stack((first, below, across)), np.column_stack((first, across, right)))
        )
        known = np.isfinite(heights).ravel()
        triangles = triangles[np.all(known[triangles], axis=1)]
        points[~known, 2] = 0.0
        materials = np.zeros(len(triangles), np.uint32)
        return Triangles(lod.ANY, points, triangles, materials)
