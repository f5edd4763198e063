"""Which features of a layer are at a place, or near it."""

from typing import Final

import numpy as np

from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.data.types import Layer
from gotapi_portrayal.info.trees import Trees
from gotapi_portrayal.info.triangles import Floats, above, distances

TOLERANCE: Final = 10.0  # metres, where a request does not say
MAX_TOLERANCE: Final = 1000.0  # metres; whatever is asked for, so that no request reads a country


def near(
    trees: Trees,
    store: SceneStore,
    layer: Layer,
    place: tuple[float, ...],
    tolerance: float,
    count: int,
) -> list[tuple[int, float]]:
    """Return up to `count` features near a place in the layer's CRS, each with its distance.

    Distances are in units of the CRS, 0 inside of a feature; with two coordinates they are those
    in the plane, at any height. `tolerance` is in the same unit.
    """
    # All heights: in the middle of a hall only its floor and its roof are near.
    corners, features = trees.column(store, layer, place[0], place[1], tolerance)
    point = np.array([*place, 0.0][:3])
    if len(place) == 2:
        corners[:, :, 2] = 0.0
    far = distances(corners, point)
    if len(place) == 3:
        far = _without_inside(corners, features, point, far)
    found: dict[int, float] = {}
    for feature, one in zip(features.tolist(), far.tolist(), strict=True):
        if one <= tolerance:
            found[feature] = min(one, found.get(feature, one))
    return sorted(found.items(), key=lambda one: one[1])[:count]


def _without_inside(
    corners: Floats,
    features: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    point: Floats,
    far: Floats,
) -> Floats:
    """Set the distances of features to 0 that the point is inside of."""
    over = features[above(corners, point)]
    numbers, times = np.unique(over, return_counts=True)
    inside = numbers[times % 2 == 1]
    found: Floats = np.where(np.isin(features, inside), 0.0, far)
    return found
