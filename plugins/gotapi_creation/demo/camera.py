"""Where to look at a model from. PURE. Lengths are those of the layer's CRS."""

import math
from typing import Final

Point = tuple[float, float, float]

ANGLE: Final = 30.0  # degrees; field of view
_ROUND: Final = 1.0  # a sphere round the box has air enough
_FROM: Final = (0.42, -1.0, 0.16)
"""From the front (towards -y, as the models of 3DCAPI stand), a bit from the side and above."""


def portrayals(low: Point, high: Point, size: int) -> str:
    """Return the Portrayals of a GetView that shows the whole box in a square picture."""
    middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
    radius = max(math.dist(low, high) / 2, 1e-6)
    far = _ROUND * radius / math.sin(math.radians(ANGLE / 2))
    length = math.hypot(*_FROM)
    place = tuple(m + far * way / length for m, way in zip(middle, _FROM, strict=True))
    numbers = [*place, *middle, 0, 0, 1, ANGLE, ANGLE, far - 1.2 * radius, far + 1.2 * radius]
    values = ",".join(f"{number:.7g}" for number in numbers)
    return (
        f"WIDTH={size};HEIGHT={size};PROJECTION=Perspective,{values};IMAGELAYERS=COLOR;"
        "FORMATS=image/png"
    )
