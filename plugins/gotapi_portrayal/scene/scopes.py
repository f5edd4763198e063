"""Requests for indexes, and the tiles that links are for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from gotapi_portrayal.check import Axes, Selection, XyBox
from gotapi_portrayal.data.clip import cut, reaches
from gotapi_portrayal.data.pack import inside, take
from gotapi_portrayal.data.types import AttributeType, Box, Part, Spatial
from gotapi_portrayal.gather import Gathered, move
from gotapi_portrayal.request.types import GetScene
from gotapi_portrayal.scene.asked import Asked
from gotapi_portrayal.scene.build import build, camera, gathered, scene_layers, title_of, triple
from gotapi_portrayal.scene.frames import frame_of
from gotapi_portrayal.scene.kept import Kept
from gotapi_portrayal.scene.model import Camera, Frame, SceneLayer, SceneModel, Tile
from gotapi_portrayal.scene.options import applied
from gotapi_portrayal.scene.tiling import Tree, entries_of, tree

_MARGIN: Final = 0.01
"""Metres around what a tile is searched in: points moved between CRS are not exact."""
_BEYOND: Final = 1e12


@dataclass(frozen=True)
class TiledScope:
    """See `model.Scope`; trees are kept by what was asked for."""

    asked: Asked
    trees: Kept[Tree]

    @cached_property
    def layers(self) -> tuple[SceneLayer, ...]:
        """The layers asked for."""
        world = self.asked.world
        return scene_layers(world.store, world.shelf, self.asked.selection)

    @property
    def title(self) -> str:
        """What the scene is called."""
        return title_of(self.layers)

    @property
    def attributes(self) -> tuple[AttributeType, ...]:
        """What features have; where layers differ in the type, a string can be any of them."""
        found: dict[str, str] = {}
        for chosen in self.asked.selection.layers:
            layer = self.asked.world.store.layer(chosen.layer.id)
            for one in () if layer is None else layer.attributes:
                same = found.setdefault(one.name, one.type) == one.type
                found[one.name] = one.type if same else "string"
        return tuple(AttributeType(name, kind) for name, kind in found.items())

    @property
    def media(self) -> str:
        """The MIME type of the request."""
        return self.asked.request.format

    @cached_property
    def frame(self) -> Frame:
        """The CRS of the request."""
        return frame_of(self.asked.selection.axes, self.root.box.centre)

    @property
    def viewpoints(self) -> tuple[Camera, ...]:
        """The viewpoints of the request, absolute."""
        axes = self.asked.selection.axes
        return tuple(camera(one, axes, (0.0, 0.0, 0.0)) for one in self.asked.request.viewpoints)

    @property
    def root(self) -> Tile:
        """The tree of tiles."""
        return self._tree.root

    def tile(self, path: str) -> Tile | None:
        """Return the tile of a path."""
        return self._tree.tiles.get(path)

    def scene(self, tile: Tile) -> SceneModel:
        """Return the content of a tile."""
        asked, world = self.asked, self.asked.world
        request = msgspec.structs.replace(asked.request, viewpoints=())
        parts = [] if tile.children else list(self._content(tile))
        model = build(world.store, world.shelf, request, asked.selection, parts)
        return applied(model, asked.options)

    def url(self, place: str, path: str, media: str) -> str:
        """Return the address of a resource."""
        return self.asked.url(place, path, media)

    @property
    def _tree(self) -> Tree:
        return self.trees.get(self.asked.shapes_key, self._grown)

    def _grown(self) -> Tree:
        """Make the tiles; with `cut` and `contains_center` of what overlaps, see `_content`."""
        asked = self.asked
        found = entries_of([one.part for one in self._overlapping(asked.selection)])
        low, high = found.boxes[:, :3], found.boxes[:, 3:]
        middle = triple((low.min(0) + high.max(0)) / 2) if len(low) else (0.0, 0.0, 0.0)
        return tree(found, frame_of(asked.selection.axes, middle).unit)

    def _overlapping(self, selection: Selection) -> Iterator[Gathered]:
        request: GetScene = msgspec.structs.replace(
            self.asked.request, spatial_selection="overlaps"
        )
        return gathered(self.asked.world.store, selection, request)

    def _content(self, tile: Tile) -> Iterator[Gathered]:
        """Give what is in a tile.

        It is searched for in the box of the tile, which has all of it in it. A feature is of the
        tile that its middle is in, before anything is cut: so each is in one.
        """
        selection, how = self.asked.selection, self.asked.request.spatial_selection
        narrow = msgspec.structs.replace(selection, box=self._narrowed(tile))
        for one in self._overlapping(narrow):
            part = take(one.part, self._tree.inside(tile, entries_of([one.part])))
            if selection.box is not None and len(part.triangles):
                part = _within(part, _moved(selection.box, selection.axes), how)
            if len(part.triangles):
                yield replace(one, part=part)

    def _narrowed(self, tile: Tile) -> XyBox:
        """Return the box of a tile, with what the request's box leaves of it."""
        margin = _MARGIN / np.array(self.frame.unit)
        low, high = np.array(tile.box.low) - margin, np.array(tile.box.high) + margin
        selection = self.asked.selection
        if selection.box is not None and selection.box.crs == selection.axes.crs:
            low = np.maximum(low, selection.box.low)
            high = np.minimum(high, selection.box.high)
        return XyBox(selection.axes.crs, triple(low), triple(high))


def _moved(box: XyBox, axes: Axes) -> Box:
    """Return the box of a request in its CRS, with ends."""
    low = np.maximum(box.low, -_BEYOND)
    high = np.minimum(box.high, _BEYOND)
    return move(box.crs.name, axes.crs.name).box(Box(triple(low), triple(high)))


def _within(part: Part, box: Box, how: str) -> Part:
    if how == Spatial.CUT.value:
        return cut(part, box)
    if how == Spatial.CONTAINS_CENTER.value:
        return take(part, inside(part, box, Spatial.CONTAINS_CENTER))
    return take(part, reaches(part, box))
