"""What is behind a scene: named backgrounds, and colours."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view import offer
from gotapi_portrayal.view.camera import Camera

Bytes = NDArray[np.uint8]

# Sine of the height above the horizon, and the colour there.
_SKY: Final = (
    (-1.0, (148, 150, 146)), (-0.02, (196, 200, 200)), (0.0, (226, 236, 244)),
    (0.12, (178, 208, 240)), (0.45, (110, 166, 228)), (1.0, (62, 118, 196)),
)  # fmt: skip
_NIGHT: Final = (
    (-1.0, (12, 14, 18)), (-0.02, (22, 26, 34)), (0.0, (52, 58, 84)),
    (0.15, (28, 34, 62)), (1.0, (8, 10, 26)),
)  # fmt: skip
_STEPS: Final = 1024


def backdrop(name: str, camera: Camera) -> Bytes:
    """Return a named background as the camera sees it, (height, width, 3)."""
    if name == offer.GRADIENT:
        shade = np.linspace(252, 204, camera.height)
        column = np.rint(shade).astype(np.uint8)[:, None, None]
        return np.ascontiguousarray(np.broadcast_to(column, (camera.height, camera.width, 3)))
    return _dome(_NIGHT if name == offer.NIGHT else _SKY, camera)


def _dome(stops: tuple[tuple[float, tuple[int, int, int]], ...], camera: Camera) -> Bytes:
    heights = _heights(camera)
    places = np.linspace(-1.0, 1.0, _STEPS)
    at = [place for place, _ in stops]
    table = np.stack(
        [np.interp(places, at, [colour[k] for _, colour in stops]) for k in range(3)], axis=1
    )
    index = np.rint((heights + 1.0) * ((_STEPS - 1) / 2)).astype(np.int32)
    looked_up: Bytes = np.rint(table).astype(np.uint8)[index]
    return looked_up


def _heights(camera: Camera) -> NDArray[np.float32]:
    """Return the sine of the height above the horizon that each pixel looks at."""
    if camera.parallel:
        return np.full((camera.height, camera.width), camera.forward[2], np.float32)
    first, across, down = (ray.astype(np.float32) for ray in camera.rays())
    x = np.arange(camera.width, dtype=np.float32)
    y = np.arange(camera.height, dtype=np.float32)[:, None]
    squared = np.zeros((camera.height, camera.width), np.float32)
    for k in range(3):
        part = first[k] + x * across[k] + y * down[k]
        squared += part * part
    up = first[2] + x * across[2] + y * down[2]
    heights: NDArray[np.float32] = up / np.sqrt(squared)
    return heights
