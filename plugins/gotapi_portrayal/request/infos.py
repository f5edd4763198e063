"""The three GetFeatureInfo requests (clause 11). PURE."""

from typing import TypedDict

from gotapi_portrayal.request.errors import Code, invalid, missing
from gotapi_portrayal.request.fields import Fields, boolean, integer, number, numbers
from gotapi_portrayal.request.portrayal import (
    OF_INFO,
    need_crs,
    read_exceptions,
    read_format,
    read_layers,
)
from gotapi_portrayal.request.projections import read_projection
from gotapi_portrayal.request.types import (
    ExceptionForm,
    GetFeatureInfoByObjectId,
    GetFeatureInfoByPosition,
    GetFeatureInfoByRay,
)
from gotapi_portrayal.request.views import read_side

MAX_FEATURES = 1000  # of one layer in one answer
MAX_IDS = 1000


class Common(TypedDict):
    """The members of types.FeatureInfo except the count."""

    layers: tuple[str, ...]
    format: str
    id_only: bool
    exceptions: ExceptionForm


def read_ray(fields: Fields) -> GetFeatureInfoByRay:
    """Return the request of Table 51; raises OwsError."""
    common = _common(fields)
    crs = need_crs(fields)
    width, height = read_side(fields, "width"), read_side(fields, "height")
    projection = fields.exact_items("projection")
    if not projection:
        raise missing("projection")
    return GetFeatureInfoByRay(
        crs=crs,
        width=width,
        height=height,
        projection=read_projection(projection),
        pixel=_pixel(fields, width, height),
        feature_count=_count(fields) or 1,
        **common,
    )


def read_position(fields: Fields) -> GetFeatureInfoByPosition:
    """Return the request of Table 52; raises OwsError."""
    common = _common(fields)
    crs = need_crs(fields)
    items = fields.exact_items("coordinate")
    if not items:
        raise missing("coordinate")
    text = fields.exact("tolerance")
    tolerance = None if text is None else number(text, "tolerance")
    if tolerance is not None and tolerance < 0:
        raise invalid("tolerance", f"{tolerance:g} metres; it is not negative")
    return GetFeatureInfoByPosition(
        crs=crs,
        coordinate=numbers(items, "coordinate", 2, 3),
        tolerance=tolerance,
        feature_count=_count(fields) or 1,
        **common,
    )


def read_object_id(fields: Fields) -> GetFeatureInfoByObjectId:
    """Return the request of Table 53; raises OwsError."""
    common = _common(fields)
    ids = fields.items("objectId")
    if not ids:
        raise missing("objectId")
    if not all(ids) or len(ids) > MAX_IDS:
        raise invalid("objectId", f"1 to {MAX_IDS} identifiers, none of them empty, were expected")
    count = _count(fields)
    if count is not None and count != len(ids):  # 11.6.2
        raise invalid("featureCount", f"{count}, but there are {len(ids)} object ids")
    return GetFeatureInfoByObjectId(object_ids=ids, feature_count=len(ids), **common)


def _common(fields: Fields) -> Common:
    exceptions = read_exceptions(fields, OF_INFO, Code.EXCEPTION_NOT_SUPPORTED)
    return Common(
        layers=read_layers(fields, empty=False),
        format=read_format(fields),
        id_only=boolean(fields, "idOnly"),
        exceptions=exceptions,
    )


def _count(fields: Fields) -> int | None:
    """Return the count, None where it is absent or no positive integer (11.3.2: the default)."""
    text = fields.text("featureCount")
    if text is None or not (text.isascii() and text.isdecimal()) or not text.strip("0"):
        return None
    return MAX_FEATURES if len(text) > 9 else min(int(text), MAX_FEATURES)


def _pixel(fields: Fields, width: int, height: int) -> tuple[int, int]:
    items = fields.items("imagePosition")
    if not items:
        raise missing("imagePosition")
    if len(items) != 2:
        raise invalid("imagePosition", "two whole numbers, x and y, were expected")
    x, y = (integer(item, "imagePosition") for item in items)
    if x >= width or y >= height:  # 7.3.2: 0,0 is the upper left, Width-1 the last
        raise invalid("imagePosition", f"{x},{y} is not inside {width} x {height} pixels")
    return x, y
