"""Pictures of scenes read, shrunk and written; what cannot be read stays as it is."""

import io
from typing import Final

from PIL import Image

from gotapi_portrayal.scene.model import Picture

_READ: Final = ("PNG", "JPEG", "WEBP")
_MIMES: Final = {"JPEG": "image/jpeg", "PNG": "image/png"}


def opened(picture: Picture) -> Image.Image | None:
    """Return the pixels of a picture as RGB or RGBA, None where they cannot be read."""
    try:
        with Image.open(io.BytesIO(picture.data), formats=_READ) as image:
            return image.convert("RGBA" if image.has_transparency_data else "RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def written(image: Image.Image, number: int, quality: int) -> Picture:
    """Return pixels as a file: JPEG, or PNG where one can see through them."""
    kind = "PNG" if image.mode == "RGBA" else "JPEG"
    file = io.BytesIO()
    image.save(file, kind, quality=quality, compress_level=6)
    return Picture(number, _MIMES[kind], image.width, image.height, file.getvalue())
