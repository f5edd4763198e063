"""From a selection to triangles: parts of the store, in the CRS of the request."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pyproj
from numpy.typing import NDArray

from gotapi_portrayal.catalogue import LOCAL, CrsInfo
from gotapi_portrayal.check import Chosen, Selection, XyBox
from gotapi_portrayal.data.clip import cut
from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.data.types import Box, Lods, LodSelection, Part, Spatial
from gotapi_portrayal.data.weld import boxes_of

Points = NDArray[np.float64]

_BEYOND: Final = 1e12
"""In place of an open end of a box: no coordinate of any CRS is as large."""
_EDGE_POINTS: Final = 9  # of an edge of a box that is brought into another CRS


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """A part of a chosen layer; x is east, y north, z up, in the CRS of the request."""

    chosen: Chosen
    part: Part


class Move(NamedTuple):
    """How points of one CRS become those of another; None where they are the same."""

    transformer: pyproj.Transformer | None

    def points(self, points: Points) -> Points:
        """Return points (n, 3) moved; heights stay as they are."""
        if self.transformer is None or not len(points):
            return points
        east, north = self.transformer.transform(points[:, 0], points[:, 1])
        return np.column_stack((east, north, points[:, 2]))

    def box(self, box: Box) -> Box:
        """Return a box around one, moved: its edges bend, so they are followed."""
        if self.transformer is None:
            return box
        (west, south, low), (east, north, high) = box.low, box.high
        x, y = np.meshgrid(np.linspace(west, east, _EDGE_POINTS), np.linspace(south, north, 9))
        moved_x, moved_y = self.transformer.transform(x.ravel(), y.ravel())
        return Box(
            (float(np.min(moved_x)), float(np.min(moved_y)), low),
            (float(np.max(moved_x)), float(np.max(moved_y)), high),
        )


@lru_cache(maxsize=64)
def move(source: str, target: str) -> Move:
    """Return what moves points from one CRS to another, by their short names; x comes first.

    Making one takes milliseconds, so they are kept. Raises pyproj's ProjError, CRSError.
    """
    if _plane(source) == _plane(target):
        return Move(None)
    return Move(pyproj.Transformer.from_crs(_plane(source), _plane(target), always_xy=True))


def gather(store: SceneStore, selection: Selection, spatial: str, lods: str) -> Iterator[Gathered]:
    """Give what a selection is for, layer by layer, in the order of the request.

    `spatial` and `lods` are the selection methods of the request (3DPS Tables 20 and 22).
    """
    how = Spatial(spatial)
    for chosen in selection.layers:
        layer = store.layer(chosen.layer.id)
        if layer is None:  # removed since the catalogue was written
            continue
        wanted = Lods(_bare(chosen.lod), LodSelection(lods)) if chosen.lod else None
        own = layer.crs.horizontal or LOCAL
        there = move(own, selection.axes.crs.name)
        box = None if selection.box is None else _within(selection.box, own, layer.box)
        same = selection.box is None or _plane(selection.box.crs.name) == _plane(own)
        for part in store.query(layer.name, box, wanted, how if same else _loose(how)):
            moved = moved_part(part, there)
            if not same and selection.box is not None and how is Spatial.CUT:
                moved = cut(moved, _around(selection.box, selection.axes.crs))
            if len(moved.triangles):
                yield Gathered(chosen, moved)


def moved_part(part: Part, there: Move) -> Part:
    """Return a part in another CRS, relative to its own origin there."""
    if there.transformer is None:
        return part
    origin = np.array(part.origin)
    points = there.points(part.vertices.astype(np.float64) + origin)
    new_origin = there.points(origin[None])[0]
    vertices = (points - new_origin).astype(np.float32)
    centres = there.points(part.centres.astype(np.float64) + origin) - new_origin
    starts = part.vertex_starts[:-1]
    return replace(
        part,
        origin=(float(new_origin[0]), float(new_origin[1]), float(new_origin[2])),
        vertices=vertices,
        boxes=boxes_of(vertices, starts) if len(starts) else part.boxes,
        centres=centres.astype(np.float32),
    )


def _loose(how: Spatial) -> Spatial:
    """In another CRS the box is not along the axes: a little more is found, then it is cut."""
    return Spatial.OVERLAPS if how is Spatial.CUT else how


def _within(box: XyBox, own: str, whole: Box) -> Box:
    """Return a request's box in the CRS of a layer; open ends are where the layer ends."""
    moved = move(box.crs.name, own).box(_closed(box))
    low, high = whole.low[2] - 1.0, whole.high[2] + 1.0
    return Box(
        (moved.low[0], moved.low[1], max(moved.low[2], low)),
        (moved.high[0], moved.high[1], min(moved.high[2], high)),
    )


def _around(box: XyBox, crs: CrsInfo) -> Box:
    return move(box.crs.name, crs.name).box(_closed(box))


def _closed(box: XyBox) -> Box:
    (a, b, c), (d, e, f) = box.low, box.high
    return Box(
        (max(a, -_BEYOND), max(b, -_BEYOND), max(c, -_BEYOND)),
        (min(d, _BEYOND), min(e, _BEYOND), min(f, _BEYOND)),
    )


def _plane(name: str) -> str:
    """Return the part of a CRS name for the plane; heights are not moved."""
    plane = name.partition("+")[0]
    return "OGC:CRS84" if plane == "CRS:84" else plane


def _bare(lod: str) -> str:
    """Return a LOD without its scheme, as the store has it: `CityGML:2` is `2`."""
    return lod.rpartition(":")[2]
