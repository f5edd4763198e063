"""Projections: the tuple of 10.7.1 or the elements of XML, checked as cameras. PURE."""

from math import atan, degrees, radians, sqrt, tan

from gotapi_portrayal.request.errors import invalid, shown
from gotapi_portrayal.request.fields import number
from gotapi_portrayal.request.types import Orthographic, Perspective, Position, Projection

NAME = "projection"
# The order of the values, as the service metadata and Tables 39 and 40 have it.
POSITIONS = ("POC", "POI", "Up")
PERSPECTIVE = ("FOVX", "FOVY", "NearPlane", "FarPlane")
ORTHOGRAPHIC = ("Left", "Right", "Bottom", "Top", "NearPlane", "FarPlane")
SIZES = {"Perspective": 9 + len(PERSPECTIVE), "Orthographic": 9 + len(ORTHOGRAPHIC)}

# Up: Table 39 makes it a point, of which POC is subtracted; all three examples of the text send the
# direction `0,0,1`. Components within [-1, 1] can only be a direction: a point that near to the
# origin of a projected CRS is nowhere near a camera.
_DIRECTION = sqrt(3) + 1e-9
_PARALLEL = 1e-6  # sine of the angle between Up and the line of sight


def read_projection(items: tuple[str, ...]) -> Projection:
    """Return the projection of a tuple, its name first; raises InvalidParameterValue."""
    name, values = (items[0] if items else ""), items[1:]
    if name not in SIZES:
        raise invalid(
            NAME, f"{shown(name)} is not known; the service has {' and '.join(sorted(SIZES))}"
        )
    if len(values) != SIZES[name]:
        # 10.7.1: "The size of this tuple shall be the same as the number of the parameters".
        raise invalid(
            NAME, f"{name} has {SIZES[name]} values, optional ones empty, not {len(values)}"
        )
    poc, poi = _position(values[0:3], "POC"), _position(values[3:6], "POI")
    up = _up(values[6:9], poc)
    _check_sight(poc, poi, up)
    rest = [number(text, NAME) if text else None for text in values[9:]]
    if name == "Perspective":
        return _perspective(poc, poi, up, *rest)
    return _orthographic(poc, poi, up, *rest)


def fields_of_view(
    projection: Perspective, width: int, height: int, fovx: float
) -> tuple[float, float]:
    """Return both angles; what is missing comes from the shape of the picture (10.2.2).

    `fovx` is the default of the service. With both given, pixels need not be square.
    """
    if projection.fovx is not None and projection.fovy is not None:
        return projection.fovx, projection.fovy
    if projection.fovy is not None:
        return _other(projection.fovy, width / height), projection.fovy
    given = fovx if projection.fovx is None else projection.fovx
    return given, _other(given, height / width)


def _other(angle: float, ratio: float) -> float:
    return degrees(2 * atan(tan(radians(angle) / 2) * ratio))


def _position(values: tuple[str, ...], what: str) -> Position:
    if not all(values):
        raise invalid(NAME, f"{what} needs three numbers")
    x, y, z = (number(text, NAME) for text in values)
    return x, y, z


def _up(values: tuple[str, ...], poc: Position) -> Position | None:
    if not any(values):
        return None
    given = _position(values, "Up")
    length = _length(given)
    if length <= _DIRECTION:
        direction = given
    else:
        direction = given[0] - poc[0], given[1] - poc[1], given[2] - poc[2]
        length = _length(direction)
    if length == 0:
        raise invalid(NAME, "Up has no direction")
    return direction[0] / length, direction[1] / length, direction[2] / length


def _check_sight(poc: Position, poi: Position, up: Position | None) -> None:
    sight = poi[0] - poc[0], poi[1] - poc[1], poi[2] - poc[2]
    length = _length(sight)
    if length == 0:
        raise invalid(NAME, "POC and POI are the same point, so there is no direction to look")
    if up is None:
        return
    x, y, z = (one / length for one in sight)
    cross = y * up[2] - z * up[1], z * up[0] - x * up[2], x * up[1] - y * up[0]
    if _length(cross) < _PARALLEL:
        raise invalid(NAME, "Up points along the line of sight; leave it empty for the vertical")


def _length(vector: Position) -> float:
    # Scaled, so that the square of a huge number does not become infinite.
    scale = max(abs(one) for one in vector)
    if scale == 0:
        return 0.0
    return scale * sqrt(sum((one / scale) ** 2 for one in vector))


def _perspective(
    poc: Position,
    poi: Position,
    up: Position | None,
    fovx: float | None,
    fovy: float | None,
    near: float | None,
    far: float | None,
) -> Perspective:
    for name, angle in (("FOVX", fovx), ("FOVY", fovy)):
        if angle is not None and not 0 < angle < 180:
            raise invalid(NAME, f"{name} is {angle:g}; it lies between 0 and 180 degrees")
    _check_planes(near, far)
    return Perspective(poc, poi, up, fovx, fovy, near, far)


def _orthographic(
    poc: Position,
    poi: Position,
    up: Position | None,
    left: float | None,
    right: float | None,
    bottom: float | None,
    top: float | None,
    near: float | None,
    far: float | None,
) -> Orthographic:
    if left is not None and right is not None and left >= right:
        raise invalid(NAME, f"Left ({left:g}) is not smaller than Right ({right:g})")
    if bottom is not None and top is not None and bottom >= top:
        raise invalid(NAME, f"Bottom ({bottom:g}) is not smaller than Top ({top:g})")
    _check_planes(near, far)
    return Orthographic(poc, poi, up, left, right, bottom, top, near, far)


def _check_planes(near: float | None, far: float | None) -> None:
    for name, plane in (("NearPlane", near), ("FarPlane", far)):
        if plane is not None and plane <= 0:
            raise invalid(NAME, f"{name} is {plane:g}; distances from the camera are positive")
    if near is not None and far is not None and near >= far:
        raise invalid(NAME, f"NearPlane ({near:g}) is not nearer than FarPlane ({far:g})")
