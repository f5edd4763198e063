"""Pictures for formats that have none, or only some kinds: their mean colour, or as PNG or JPEG."""

from typing import Final

from PIL import Image

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.model import Picture
from gotapi_portrayal.scene.pictures import opened, written

_QUALITY: Final = 90


def mean_colour(picture: Picture) -> Triple:
    """Return the mean colour of a picture, from 0 to 1; grey where it cannot be read."""
    image = opened(picture)
    if image is None:
        return 0.5, 0.5, 0.5
    red, green, blue = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).tobytes()
    return red / 255, green / 255, blue / 255


def portable(picture: Picture) -> Picture:
    """Return a picture as JPEG or PNG, which every reader has."""
    image = opened(picture) if picture.mime == "image/webp" else None
    return picture if image is None else written(image, picture.number, _QUALITY)
