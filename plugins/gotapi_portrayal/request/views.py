"""GetView: portrayals, background and limits of size (10.4). PURE."""

import re

from gotapi_portrayal.request.errors import invalid, missing, shown
from gotapi_portrayal.request.fields import Fields, boolean, integer
from gotapi_portrayal.request.mime import read_mime
from gotapi_portrayal.request.portrayal import OF_VIEW, read_common
from gotapi_portrayal.request.projections import read_projection
from gotapi_portrayal.request.types import Colour, GetView, ImageLayer, View

MAX_SIDE = 8192  # pixels; what graphics hardware draws at once
MAX_PIXELS = 67_108_864  # of all pictures of a request together: one of the largest size
_COLOUR = re.compile("0x([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")
COMPRESSED = frozenset({"image/jpeg", "image/jpg"})  # what a quality means something for


def read_view(fields: Fields) -> GetView:
    """Return the request; raises OwsError."""
    common = read_common(fields, OF_VIEW)
    colour = read_colour(fields)
    transparent = boolean(fields, "transparentBackground")
    return GetView(views=_views(fields), background_color=colour, transparent=transparent, **common)


def read_colour(fields: Fields) -> Colour | None:
    """Return the background colour; 10.4.1: 0xRRGGBB, the x in lower case."""
    text = fields.text("backgroundColor")
    if text is None:
        return None
    match = _COLOUR.fullmatch(text)
    if match is None:
        raise invalid("backgroundColor", f"{shown(text)} is not a colour such as 0xFF8000")
    return int(match[1], 16), int(match[2], 16), int(match[3], 16)


def _views(fields: Fields) -> tuple[View, ...]:
    if fields.fault is not None:
        raise fields.fault
    if not fields.portrayals:
        raise missing("portrayals")
    views = tuple(_view(one) for one in fields.portrayals)
    pixels = sum(one.width * one.height * len(one.layers) for one in views)
    if pixels > MAX_PIXELS:
        raise invalid(
            "portrayals", f"{pixels} pixels in all pictures together; the limit is {MAX_PIXELS}"
        )
    return views


def _view(fields: Fields) -> View:
    width, height = read_side(fields, "width"), read_side(fields, "height")
    projection = fields.exact_items("projection")
    if not projection:
        raise missing("projection", _hint(fields))
    names, formats = fields.items("imageLayers"), fields.exact_items("formats")
    if not names:
        raise missing("imageLayers", _hint(fields))
    if not formats:
        raise missing("formats", _hint(fields))
    if len(names) != len(formats):
        raise invalid("formats", f"{len(formats)} for {len(names)} image layers")
    qualities = _qualities(fields, len(names))
    return View(
        width,
        height,
        read_projection(projection),
        tuple(
            ImageLayer(_name(name), read_mime(form, "formats"), quality)
            for name, form, quality in zip(names, formats, qualities, strict=True)
        ),
    )


def _hint(fields: Fields) -> str:
    # The text's first example separates components by ';' and then '&', which ends the value.
    return f"a portrayal has {', '.join(fields.values).upper()}; components are separated by ';'"


def read_side(fields: Fields, name: str) -> int:
    """Return a width or height in pixels."""
    side = integer(fields.need(name), name)
    if not 1 <= side <= MAX_SIDE:
        raise invalid(name, f"{side} pixels; it lies between 1 and {MAX_SIDE}")
    return side


def _name(text: str) -> str:
    # Table 35 names the layers `Color`, the grammar and every example `COLOR`.
    if not text:
        raise invalid("imageLayers", "an entry of the list is empty")
    return text.upper()


def _qualities(fields: Fields, count: int) -> list[int]:
    texts = fields.items("qualities")
    if not any(texts) and len(texts) in (0, 1, count):
        return [100] * count
    if len(texts) != count:
        raise invalid("qualities", f"{len(texts)} for {count} image layers")
    return [_quality(text) if text else 100 for text in texts]


def _quality(text: str) -> int:
    quality = integer(text, "qualities")
    if quality > 100:
        raise invalid("qualities", f"{quality} is not a quality from 0 to 100")
    return quality
