"""GetFeatureInfoByRay, ByPosition and ByObjectId: from request to document."""

from collections.abc import Iterable, Sequence

import numpy as np

from gotapi_portrayal.answers import Answer, World
from gotapi_portrayal.catalogue import LOCAL, Layer
from gotapi_portrayal.check import Axes
from gotapi_portrayal.data.types import Feature
from gotapi_portrayal.data.types import Layer as Stored
from gotapi_portrayal.gather import Move, move
from gotapi_portrayal.info.nearby import MAX_TOLERANCE, TOLERANCE, near
from gotapi_portrayal.info.records import Group, Record, encode
from gotapi_portrayal.info.trees import Trees
from gotapi_portrayal.info.triangles import Floats
from gotapi_portrayal.request.errors import invalid
from gotapi_portrayal.request.types import (
    FeatureInfo,
    GetFeatureInfoByObjectId,
    GetFeatureInfoByPosition,
    GetFeatureInfoByRay,
)
from gotapi_portrayal.view import lens

_TREES = Trees()
_MOST_ABOVE = 5  # features that a feature is a part of: a room, a storey, a part, a building

Found = Sequence[tuple[int, float | None]]  # numbers of features, and how far they are in metres


def by_object_id(world: World, request: GetFeatureInfoByObjectId) -> Answer:
    """Answer with the features of these ids: numbers of this service, or ids of their files.

    A number is what pictures of OBJECTID and this answer call the object id. Ids that no feature
    of the layers has are left out (Table 54: one list for each feature that was found).
    """
    layers = world.shelf.queried(request)
    names = {layer.id for layer in layers}
    numbers = {text: int(text) for text in request.object_ids if _is_number(text)}
    known = world.store.features(list(numbers.values()))
    found = {
        text: known[n] for text, n in numbers.items() if n in known and known[n].layer in names
    }
    rest = [text for text in request.object_ids if text not in found]
    for layer in layers:
        for text, feature in world.store.features_by_id(layer.id, rest).items():
            found.setdefault(text, feature)
    features = [found[text] for text in dict.fromkeys(request.object_ids) if text in found]
    pairs = [(feature.number, None) for feature in features]
    return _answer(world, request, pairs, {one.number: one for one in features})


def by_position(world: World, request: GetFeatureInfoByPosition) -> Answer:
    """Answer with the features of each layer that are nearest to a place."""
    layers = world.shelf.queried(request)
    axes = world.shelf.axes(request.crs, layers)
    if axes.crs.has_height and len(request.coordinate) == 2:
        raise invalid("coordinate", f"{axes.crs.name} has heights; three numbers were expected")
    tolerance = TOLERANCE if request.tolerance is None else request.tolerance
    found: list[tuple[int, float | None]] = []
    for stored in _stored(world, layers):
        place = _moved(request.coordinate, axes, _way(axes, stored))
        unit = stored.crs.unit
        within = min(max(tolerance, 1e-6), MAX_TOLERANCE) / unit
        pairs = near(_TREES, world.store, stored, place, within, request.feature_count)
        found += [(number, far * unit) for number, far in pairs]
    return _answer(world, request, found)


def by_ray(world: World, request: GetFeatureInfoByRay) -> Answer:
    """Answer with the features of each layer that the ray through a pixel meets first.

    The camera is that of GetView. In a CRS of degrees nothing has its shape, so the ray is made in
    the CRS of each layer; in any other CRS it is a straight line there, and moved by two points.
    """
    layers = world.shelf.queried(request)
    axes = world.shelf.axes(request.crs, layers)
    found: list[tuple[int, float | None]] = []
    for stored in _stored(world, layers):
        start, direction = _ray(request, axes, _way(axes, stored))
        pairs = _TREES.pick(world.store, stored, start, direction, request.feature_count)
        found += [(number, far * stored.crs.unit) for number, far in pairs]
    return _answer(world, request, found)


def _ray(request: GetFeatureInfoByRay, axes: Axes, there: Move) -> tuple[Floats, Floats]:
    size = request.width, request.height
    if axes.crs.geographic or there.transformer is None:
        camera = lens.camera(request.projection, axes, there, size)
        return camera.ray(*request.pixel)
    start, direction = lens.camera(request.projection, axes, Move(None), size).ray(*request.pixel)
    # Over the length of the view two projected CRS differ by turning and scale, not by shape.
    ends = there.points(np.stack([start, start + direction]))
    if not np.isfinite(ends).all():
        raise invalid("projection", "the camera is not where the CRS of the layer is defined")
    step = ends[1] - ends[0]
    return ends[0], step / np.linalg.norm(step)


def _way(axes: Axes, stored: Stored) -> Move:
    return move(axes.crs.name, stored.crs.horizontal or LOCAL)


def _moved(coordinate: tuple[float, ...], axes: Axes, there: Move) -> tuple[float, ...]:
    x, y, *rest = coordinate
    east, north = (y, x) if axes.swapped else (x, y)
    point = there.points(np.array([[east, north, *(rest or [0.0])]]))[0]
    if not np.isfinite(point).all():
        raise invalid("coordinate", "it is not where the CRS of the layer is defined")
    return tuple(point.tolist()[: len(coordinate)])


def _stored(world: World, layers: Iterable[Layer]) -> Iterable[Stored]:
    for layer in layers:
        stored = world.store.layer(layer.id)
        if stored is not None:  # not removed since the catalogue was written
            yield stored


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _answer(
    world: World, request: FeatureInfo, found: Found, known: dict[int, Feature] | None = None
) -> Answer:
    features = world.store.features([number for number, _ in found]) if known is None else known
    records = [
        _record(world, features[number], far, id_only=request.id_only)
        for number, far in found
        if number in features
    ]
    media = request.format
    charset = "" if media == "application/json" else "; charset=utf-8"
    return Answer(encode(records, media), f"{media}{charset}")


def _record(world: World, feature: Feature, far: float | None, *, id_only: bool) -> Record:
    if id_only:  # 11.3.3: the identifiers and nothing else
        return Record(feature.number, feature.object_id, feature.layer)
    groups = [Group(tuple(feature.attributes.items()))]
    above = feature.parent
    for _ in range(_MOST_ABOVE):
        whole = world.store.features([above]).get(above) if above else None
        if whole is None:
            break
        groups.append(Group(tuple(whole.attributes.items()), whole.object_id))
        above = whole.parent
    return Record(
        feature.number, feature.object_id, feature.layer, feature.kind, tuple(groups), far
    )
