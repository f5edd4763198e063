"""PURE: bodies as COLLADA models, each in metres around a place of its own."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.collada import Paint, Surface, write
from gotapi_portrayal.scene.kml_bodies import Bodies, Body
from gotapi_portrayal.scene.kml_earth import local
from gotapi_portrayal.scene.model import Look


class Placed(NamedTuple):
    """A model, and the longitude, latitude and height of its own origin."""

    place: Triple
    document: str


def placed(body: Body, taken: Bodies, paints: Mapping[int, Paint], fine: bool = True) -> Placed:
    """Return a body as a model around the middle of its foot."""
    rows = body.vertices
    places = taken.places[rows]
    low, high = places.min(axis=0), places.max(axis=0)
    # As it will be written, so that rounding moves nothing.
    middle = np.round((low + high) / 2, 9)
    origin = np.array((middle[0], middle[1], np.round(low[2], 3)))
    surfaces = [
        Surface(paints[piece.look], _rows(rows, piece.triangles)) for piece in body.joined()
    ]
    textured = any(surface.paint.image for surface in surfaces)
    uvs = taken.uvs[rows] if textured else None
    document = write(local(places, origin), uvs, surfaces, fine)
    return Placed((float(origin[0]), float(origin[1]), float(origin[2])), document)


def _rows(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(known, wanted)


def paint(look: Look, image: str) -> Paint:
    """Return the paint of a look with the file of its texture, "" for none."""
    return Paint(look.colour, look.emissive, look.opacity, image, look.wrap)
