"""From the projection of a request to a camera in the CRS of a stage."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.check import Axes
from gotapi_portrayal.gather import Move
from gotapi_portrayal.request.errors import OwsError, invalid
from gotapi_portrayal.request.types import Orthographic, Perspective, Position, Projection
from gotapi_portrayal.view import offer
from gotapi_portrayal.view.camera import Camera, CameraError, orthographic, perspective

Vector = NDArray[np.float64]

_LOCATOR: Final = "projection"


def camera(projection: Projection, axes: Axes, there: Move, size: tuple[int, int]) -> Camera:
    """Return the camera of a request of `axes` in the CRS to which `there` leads.

    Raises OwsError (InvalidParameterValue) for one that sees nothing.
    """
    eye, target = (_moved(point, axes, there) for point in (projection.poc, projection.poi))
    up = None if projection.up is None else np.array(_xyz(projection.up, axes))
    near = offer.NEAR if projection.near is None else projection.near
    far = max(offer.FAR, 2 * near) if projection.far is None else projection.far
    try:
        if isinstance(projection, Perspective):
            fov = projection.fovx, projection.fovy
            return perspective(eye, target, up, fov, (near, far), size, offer.FOVY)
        return orthographic(eye, target, up, _window(projection, size), (near, far), size)
    except CameraError as error:
        raise invalid(_LOCATOR, str(error)) from None


def _window(projection: Orthographic, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return Left, Right, Bottom, Top; what is not said has square pixels."""
    bottom = -offer.HALF_WINDOW if projection.bottom is None else projection.bottom
    top = offer.HALF_WINDOW if projection.top is None else projection.top
    half = (top - bottom) / 2 * size[0] / size[1]
    left = -half if projection.left is None else projection.left
    right = half if projection.right is None else projection.right
    return left, right, bottom, top


def _moved(point: Position, axes: Axes, there: Move) -> Vector:
    moved = there.points(np.array([_xyz(point, axes)], np.float64))[0]
    if not np.isfinite(moved).all():
        raise _outside(point)
    found: Vector = moved
    return found


def _outside(point: Position) -> OwsError:
    where = ", ".join(f"{value:g}" for value in point)
    return invalid(_LOCATOR, f"the point {where} is not where the layers' CRS is defined")


def _xyz(point: Position, axes: Axes) -> Position:
    x, y, z = point
    return (y, x, z) if axes.swapped else point
