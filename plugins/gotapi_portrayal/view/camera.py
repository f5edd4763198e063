"""PURE: virtual cameras of the two projections (3DPS 10.2.2); lengths are the CRS's units."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

LARGEST_SIDE: Final = 8192
"""Pixels of a side; two times that with 2 x 2 samples is what the rasteriser's integers hold."""


class CameraError(ValueError):
    """A camera that sees nothing; `parameter` names what is wrong with it."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Where pixels are in the scene; x to the east, y to the north, z up, float64.

    A point at (r, u, f) along `right`, `up` and `forward` from `eye` is seen at pixel coordinates
    (cx + sx r / f, cy - sy u / f), without the division when `parallel`; pixel (0, 0), at the
    upper left, covers 0 to 1 on both axes.
    """

    eye: Vector
    right: Vector
    up: Vector
    forward: Vector
    sx: float
    sy: float
    cx: float
    cy: float
    near: float
    far: float
    width: int
    height: int
    parallel: bool = False

    def finer(self, samples: int) -> "Camera":
        """Return the camera with some samples a pixel and axis in place of one."""
        return replace(
            self,
            sx=self.sx * samples,
            sy=self.sy * samples,
            cx=self.cx * samples,
            cy=self.cy * samples,
            width=self.width * samples,
            height=self.height * samples,
        )

    def rays(self) -> tuple[Vector, Vector, Vector]:
        """Return the ray of the first pixel's centre, and its steps across and down.

        They are directions with a length of 1 along `forward`; when parallel, they are offsets of
        the rays' starts, and all rays go along `forward`.
        """
        across, down = self.right / self.sx, -self.up / self.sy
        first = (0.5 - self.cx) * across + (0.5 - self.cy) * down
        return (first if self.parallel else first + self.forward), across, down

    def ray(self, x: float, y: float) -> tuple[Vector, Vector]:
        """Return start and unit direction of the ray through the middle of a pixel."""
        first, across, down = self.rays()
        there = first + x * across + y * down
        if self.parallel:
            return self.eye + there, self.forward
        return self.eye, there / np.linalg.norm(there)


def perspective(
    eye: Vector,
    target: Vector,
    up: Vector | None,
    fov: tuple[float | None, float | None],
    planes: tuple[float, float],
    size: tuple[int, int],
    default_fovy: float = 60.0,
) -> Camera:
    """Make a camera of a PerspectiveProjection (3DPS Table 39).

    `up` is a direction; None is vertical. `fov` are FOVX and FOVY in degrees: one that is None
    comes from the other and the aspect ratio, both from `default_fovy` (3DPS 10.2.2).
    """
    width, height = _size(size)
    fovx, fovy = fov
    for name, value in (("FOVX", fovx), ("FOVY", fovy)):
        if value is not None and not 0 < value < 180:
            raise CameraError(f"{name} is {value:g}; more than 0, less than 180 was expected", name)
    if fovx is None and fovy is None:
        fovy = default_fovy
    across = None if fovx is None else math.tan(math.radians(fovx / 2))
    down = None if fovy is None else math.tan(math.radians(fovy / 2))
    if across is None:
        assert down is not None
        across = down * width / height
    elif down is None:
        down = across * height / width
    near, far = planes
    if not (math.isfinite(near) and near > 0):
        raise CameraError(f"NearPlane is {near:g}; more than 0 was expected", "NearPlane")
    near, far = _planes(near, far)
    scale = width / 2 / across, height / 2 / down
    return Camera(*_axes(eye, target, up), *scale, width / 2, height / 2, near, far, width, height)


def orthographic(
    eye: Vector,
    target: Vector,
    up: Vector | None,
    window: tuple[float, float, float, float],
    planes: tuple[float, float],
    size: tuple[int, int],
) -> Camera:
    """Make a camera of an OrthographicProjection (3DPS Table 40).

    `window` is Left, Right, Bottom, Top: distances from the centre of projection.
    """
    width, height = _size(size)
    left, right, bottom, top = window
    if not (math.isfinite(right - left) and left < right):
        raise CameraError(f"Left is {left:g}; less than Right, {right:g}, was expected", "Left")
    if not (math.isfinite(top - bottom) and bottom < top):
        raise CameraError(f"Bottom is {bottom:g}; less than Top, {top:g}, was expected", "Bottom")
    sx, sy = width / (right - left), height / (top - bottom)
    near, far = _planes(*planes)
    axes = _axes(eye, target, up)
    return Camera(*axes, sx, sy, -left * sx, top * sy, near, far, width, height, True)


def _size(size: tuple[int, int]) -> tuple[int, int]:
    for name, value in zip(("Width", "Height"), size, strict=True):
        if not 1 <= value <= LARGEST_SIDE:
            raise CameraError(
                f"{name} is {value}; 1 to {LARGEST_SIDE} pixels was expected", name.upper()
            )
    return size


def _planes(near: float, far: float) -> tuple[float, float]:
    if not (math.isfinite(near) and math.isfinite(far) and near < far):
        raise CameraError(
            f"NearPlane is {near:g}; less than FarPlane, {far:g}, was expected", "NearPlane"
        )
    return near, far


def _axes(eye: Vector, target: Vector, up: Vector | None) -> tuple[Vector, Vector, Vector, Vector]:
    if not (np.isfinite(eye).all() and np.isfinite(target).all()):
        raise CameraError("POC and POI must be finite numbers", "POC")
    forward = target - eye
    length = float(np.linalg.norm(forward))
    if length == 0:
        raise CameraError("POC and POI are the same point; nothing can be looked at", "POI")
    forward = forward / length
    vertical = np.array((0.0, 0.0, 1.0))
    right = np.cross(forward, vertical if up is None else up)
    size = float(np.linalg.norm(right))
    if up is None and size < 1e-9:
        right, size = np.array((1.0, 0.0, 0.0)), 1.0  # straight up or down: north is up
    if not size > 1e-9 * (1.0 if up is None else float(np.linalg.norm(up))):
        raise CameraError(
            "Up is along the line from POC to POI, or no direction; leave it out, or change it",
            "Up",
        )
    right = right / size
    return eye.astype(np.float64), right, np.cross(right, forward), forward
