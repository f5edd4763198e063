"""From the parts of a selection to the scene that encoders are given."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal import offer
from gotapi_portrayal.catalogue import Layer
from gotapi_portrayal.check import Axes, Selection, Shelf
from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.data.types import ANY_LOD, Triple
from gotapi_portrayal.gather import Gathered, gather
from gotapi_portrayal.request.errors import invalid
from gotapi_portrayal.request.types import GetScene, Position, Viewpoint
from gotapi_portrayal.scene.frames import frame_of
from gotapi_portrayal.scene.join import join, listed, meshes, snapped
from gotapi_portrayal.scene.model import Camera, SceneLayer, SceneModel, extent
from gotapi_portrayal.scene.paint import paint

_NEAR: Final = 1000.0
"""Metres: an offset as near to all of a scene is its origin; float32 is exact to 0.1 mm there."""
_GRID: Final = 1e-4
"""Metres, about: the grid of what was cut, so that neighbours have the same points."""
_ROUND: Final = 1000.0  # metres: origins in degrees have as many digits as this needs
_LONGEST: Final = math.sqrt(3)  # of a direction whose components are at most 1

Points = NDArray[np.float64]


def gathered(store: SceneStore, selection: Selection, request: GetScene) -> Iterator[Gathered]:
    """Give the parts that a scene is made of.

    8.4.1 leaves open what a request without a LOD means: the best one of each feature, as all of
    them would lie in each other.
    """
    for chosen in selection.layers:
        lods = request.lod_selection
        if not chosen.lod:
            chosen = msgspec.structs.replace(chosen, lod=offer.lod_name("4"))
            lods = "equals_or_smaller"
        alone = msgspec.structs.replace(selection, layers=(chosen,))
        yield from gather(store, alone, request.spatial_selection, lods)


def build(
    store: SceneStore,
    shelf: Shelf,
    request: GetScene,
    selection: Selection,
    parts: Sequence[Gathered],
) -> SceneModel:
    """Return the scene of some parts of a selection; raises OwsError."""
    axes = selection.axes
    offset = None if request.offset is None else xyz(request.offset, axes)
    mode = "" if offset is None else request.offset_mode or "subtract"
    low, high = _extent(parts)
    if not np.isfinite([low, high]).all():  # a projection has places that it cannot show
        raise invalid("crs", f"not all of the layers can be shown in {axes.crs.name}")
    frame = frame_of(axes, triple((low + high) / 2))
    origin = _origin(low, high, offset, np.array(frame.unit))
    layers = scene_layers(store, shelf, selection)
    places = {layer.id: place for place, layer in enumerate(layers)}
    joined = join(
        [one.part for one in parts], [places[one.chosen.layer.id] for one in parts], origin
    )
    if request.spatial_selection == "cut" and selection.box is not None:
        steps = [2.0 ** math.floor(math.log2(_GRID / unit)) for unit in frame.unit]
        vertices = snapped(joined.vertices, origin, triple(np.array(steps)))
        joined = replace(joined, vertices=vertices)
    painted = paint(store, parts)
    lods = {lod: lod and offer.lod_name(lod) for _, lod in joined.of_kind if lod != ANY_LOD}
    subtracted = offset if offset and mode == "subtract" else (0.0, 0.0, 0.0)
    return SceneModel(
        title=title_of(layers),
        frame=frame,
        origin=origin,
        place=triple(np.array(origin) - subtracted),
        meshes=tuple(meshes(joined, painted.of_triangle, lods, frame.unit)),
        looks=painted.looks,
        pictures=painted.pictures,
        features=listed(joined, store.features(joined.numbers.tolist())),
        layers=layers,
        viewpoints=tuple(camera(one, axes, origin) for one in request.viewpoints),
        offset=offset,
        offset_mode=mode,
        background=selection.background,
        overall_styles=selection.overall_styles,
    )


def scene_layers(store: SceneStore, shelf: Shelf, selection: Selection) -> tuple[SceneLayer, ...]:
    """Return the layers chosen and those they are in, each after the one it is in."""
    styles = {one.layer.id: one.style for one in selection.layers}
    found: list[SceneLayer] = []

    def visit(layer: Layer, parent: int) -> None:
        if not _holds(layer, styles):
            return
        title = layer.title[0].text if layer.title else layer.id
        stored = store.layer(layer.id)
        kind = "" if stored is None else stored.kind
        found.append(SceneLayer(layer.id, title, styles.get(layer.id, ""), parent, kind))
        mine = len(found) - 1
        for child in layer.layers:
            visit(child, mine)

    for layer in shelf.catalogue.layers:
        visit(layer, -1)
    return tuple(found)


def _holds(layer: Layer, wanted: dict[str, str]) -> bool:
    return layer.id in wanted or any(_holds(child, wanted) for child in layer.layers)


def title_of(layers: Sequence[SceneLayer]) -> str:
    """Return what a scene of some layers is called."""
    tops = [layer.title for layer in layers if layer.parent < 0]
    return ", ".join(tops[:5]) + ("..." if len(tops) > 5 else "")


def camera(viewpoint: Viewpoint, axes: Axes, origin: Triple) -> Camera:
    """Return a viewpoint with x east, relative to the origin of a scene."""
    poi, poc = xyz(viewpoint.poi, axes), xyz(viewpoint.poc, axes)
    up = np.array(xyz(viewpoint.up, axes))
    if np.linalg.norm(up) > _LONGEST:  # as in GetView: it can only be a point
        up -= poc
    return Camera(
        viewpoint.title,
        triple(np.array(poi) - origin),
        triple(np.array(poc) - origin),
        triple(up),
        viewpoint.fovx,
    )


def xyz(position: Position, axes: Axes) -> Triple:
    """Return a position of a request with x east."""
    first, second, third = position
    return (second, first, third) if axes.swapped else (first, second, third)


def _extent(parts: Sequence[Gathered]) -> tuple[Points, Points]:
    if not parts:
        return np.zeros(3), np.zeros(3)
    found = [np.stack(extent(one.part.vertices)) + one.part.origin for one in parts]
    low: Points = np.min([one[0] for one in found], axis=0)
    high: Points = np.max([one[1] for one in found], axis=0)
    return low, high


def _origin(low: Points, high: Points, offset: Triple | None, unit: Points) -> Triple:
    """Return the point that vertices are relative to: the offset, if that is near, else amid."""
    if offset is not None:
        away = np.maximum(np.abs(low - offset), np.abs(high - offset)) * unit
        if (away <= _NEAR).all():
            return offset
    # Round numbers can be read, and two scenes next to each other often have the same.
    steps = np.where(unit > _ROUND, 1 / _ROUND, 1.0)
    return triple(np.round((low + high) / 2 / steps) * steps)


def triple(values: Points) -> Triple:
    """Return three numbers of an array as a tuple."""
    x, y, z = values.tolist()
    return x, y, z
