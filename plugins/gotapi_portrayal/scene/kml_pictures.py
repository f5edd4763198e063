"""Pictures for formats that have none, or only some kinds: their mean colour, or as PNG."""

import io
from typing import Final

from PIL import Image

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.model import Picture

_READ: Final = ("PNG", "JPEG", "WEBP")
_SMALL: Final = 64  # texels of a side are enough for a mean


def mean_colour(picture: Picture) -> Triple:
    """Return the mean colour of a picture, from 0 to 1; grey where it cannot be read."""
    try:
        with Image.open(io.BytesIO(picture.data), formats=_READ) as image:
            image.draft("RGB", (_SMALL, _SMALL))
            small = image.convert("RGB").resize((1, 1), Image.Resampling.BOX)
            red, green, blue = small.tobytes()
    except (OSError, ValueError, Image.DecompressionBombError):
        return 0.5, 0.5, 0.5
    return red / 255, green / 255, blue / 255


def portable(picture: Picture) -> tuple[str, bytes]:
    """Return the suffix and bytes of a picture as JPEG or PNG, which every reader has."""
    if picture.mime != "image/webp":
        return picture.suffix, picture.data
    try:
        with Image.open(io.BytesIO(picture.data), formats=_READ) as image:
            written = io.BytesIO()
            image.save(written, "PNG")
    except (OSError, ValueError, Image.DecompressionBombError):
        return picture.suffix, picture.data
    return ".png", written.getvalue()
