"""PURE: cameras for who does not say where to look from, and the way around a scene.

Lengths are units of the CRS; x is east, y north, z up.
"""

import math
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Box, Triple
from gotapi_portrayal.request.types import Orthographic, Perspective, Projection

Vector = NDArray[np.float64]

FOVY: Final = 40.0
"""Degrees from top to bottom; models look odd under wide angles."""
_FROM: Final = np.array((-0.55, -0.75, 0.5))  # southwest of the middle, and above it
_ROOM: Final = 1.05  # the picture is a little larger than what is seen
_SMALLEST: Final = 1e-3  # of a scene that is one point


class Shot(msgspec.Struct, frozen=True):
    """What a user says of the camera; what is None is found."""

    size: tuple[int, int]
    eye: Triple | None = None
    target: Triple | None = None
    up: Triple | None = None
    fovy: float | None = None
    window: float | None = None
    """The width of a parallel view; 0 finds one, None is a perspective."""


def projection(shot: Shot, box: Box) -> Projection:
    """Return a camera that sees all of a box, as far as the shot leaves that open."""
    return next(orbit(shot, box, 1))


def orbit(shot: Shot, box: Box, steps: int) -> Iterator[Projection]:
    """Give cameras on a circle around the target, counter-clockwise seen from above."""
    corners = _corners(box)
    middle = np.array(box.centre)
    target = middle if shot.target is None else np.array(shot.target)
    fovy = FOVY if shot.fovy is None else shot.fovy
    arm = _FROM / np.linalg.norm(_FROM)
    arms = [_turned(arm, number / steps) for number in range(steps)]
    if shot.eye is None:
        away = max(_distance(corners - target, one, shot, fovy) for one in arms)
        arms = [one * away for one in arms]
    else:
        arm = np.array(shot.eye) - target
        arms = [_turned(arm, number / steps) for number in range(steps)]
    width = max(_width(corners - target, one, shot) for one in arms)
    for one in arms:
        yield _made(shot, target, one, corners - target, fovy, width)


def _made(
    shot: Shot, target: Vector, arm: Vector, corners: Vector, fovy: float, width: float
) -> Projection:
    along = -arm / max(float(np.linalg.norm(arm)), _SMALLEST)
    depths = (corners - arm) @ along
    far = max(float(depths.max()) * _ROOM, _SMALLEST)
    near = max(float(depths.min()) * 0.9, far / 10_000)
    poc, poi = _triple(target + arm), _triple(target)
    if shot.window is None:
        return Perspective(poc, poi, shot.up, fovy=fovy, near=near, far=far)
    half = (shot.window or width) / 2
    tall = half * shot.size[1] / shot.size[0]
    return Orthographic(poc, poi, shot.up, -half, half, -tall, tall, min(near, 0.0), far)


def _corners(box: Box) -> Vector:
    low, high = box.low, box.high
    return np.array(
        [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    )


def _axes(arm: Vector, shot: Shot) -> tuple[Vector, Vector, Vector]:
    """Return right, up and back of a camera at an arm's end that looks at the origin."""
    back = arm / max(float(np.linalg.norm(arm)), _SMALLEST)
    up = np.array((0.0, 0.0, 1.0) if shot.up is None else shot.up)
    right = np.cross(up, back)
    length = float(np.linalg.norm(right))
    right = np.array((1.0, 0.0, 0.0)) if length < 1e-9 else right / length
    return right, np.cross(back, right), back


def _distance(corners: Vector, arm: Vector, shot: Shot, fovy: float) -> float:
    """Return from how far all corners are within the picture."""
    right, up, back = _axes(arm, shot)
    down = math.tan(math.radians(min(max(fovy, 1.0), 170.0) / 2))
    across = down * shot.size[0] / shot.size[1]
    x, y, z = corners @ right, corners @ up, corners @ back
    needed = np.maximum(np.abs(x) / across, np.abs(y) / down) * _ROOM + z
    return max(float(needed.max()), float(np.linalg.norm(corners, axis=1).max()) * 1e-2, _SMALLEST)


def _width(corners: Vector, arm: Vector, shot: Shot) -> float:
    """Return how wide a parallel view is that has all corners in it."""
    right, up, _ = _axes(arm, shot)
    across = float(np.abs(corners @ right).max())
    tall = float(np.abs(corners @ up).max()) * shot.size[0] / shot.size[1]
    return 2 * _ROOM * max(across, tall, _SMALLEST)


def _turned(arm: Vector, share: float) -> Vector:
    """Return a vector turned by a share of the circle around the vertical."""
    angle = 2 * math.pi * share
    c, s = math.cos(angle), math.sin(angle)
    x, y, z = arm
    return np.array((c * x - s * y, s * x + c * y, z))


def _triple(point: Vector) -> Triple:
    x, y, z = point.tolist()
    return x, y, z
