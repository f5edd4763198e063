"""GetScene: offset, viewpoints and format (9.3). PURE."""

from typing import cast

from gotapi_portrayal.request.errors import invalid
from gotapi_portrayal.request.fields import Fields, number, numbers
from gotapi_portrayal.request.portrayal import OF_SCENE, read_common, read_format
from gotapi_portrayal.request.types import GetScene, Position, Viewpoint

_SIZE = 11  # 9.3.4: Title, POI, POC, Up, FOVX


def read_scene(fields: Fields) -> GetScene:
    """Return the request; raises OwsError."""
    common = read_common(fields, OF_SCENE)
    offset = _offset(fields)
    mode = fields.text("offsetMode") or ""
    if mode and offset is None:  # footnote b of Table 32
        raise invalid("offsetMode", "it says how to use an offset, but there is none")
    return GetScene(
        format=read_format(fields),
        offset=offset,
        offset_mode=mode,
        viewpoints=_viewpoints(fields),
        **common,
    )


def _offset(fields: Fields) -> Position | None:
    items = fields.exact_items("offset")
    return cast("Position", numbers(items, "offset", 3)) if items else None


def _viewpoints(fields: Fields) -> tuple[Viewpoint, ...]:
    titles, values = fields.items("viewpoints"), fields.exact_items("viewpoints")
    if len(values) % _SIZE:
        raise invalid(
            "viewpoints",
            f"{len(values)} values; each viewpoint has {_SIZE}: title, POI, POC, Up, FOVX "
            "(a comma in a title is sent as %2C)",
        )
    return tuple(
        _viewpoint(titles[first], values[first + 1 : first + _SIZE])
        for first in range(0, len(values), _SIZE)
    )


def _viewpoint(title: str, values: tuple[str, ...]) -> Viewpoint:
    all_ten = tuple(number(text, "viewpoints") for text in values)
    poi, poc = cast("Position", all_ten[0:3]), cast("Position", all_ten[3:6])
    up, fovx = cast("Position", all_ten[6:9]), all_ten[9]
    if poi == poc:
        raise invalid("viewpoints", "POI and POC are the same point")
    if not 0 < fovx < 180:
        raise invalid("viewpoints", f"FOVX is {fovx:g}; it lies between 0 and 180 degrees")
    return Viewpoint(title, poi, poc, up, fovx)
