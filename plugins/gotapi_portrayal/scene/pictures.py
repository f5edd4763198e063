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


def written(image: Image.Image, number: int, quality: int | None) -> Picture:
    """Return pixels as a file: JPEG, or PNG without a quality or where one can see through."""
    kind = "PNG" if image.mode == "RGBA" or quality is None else "JPEG"
    file = io.BytesIO()
    # Full colours in JPEG, as pictures next to each other in an atlas would run into each other.
    more = {"quality": quality, "subsampling": 0} if kind == "JPEG" else {"compress_level": 6}
    image.save(file, kind, **more)
    return Picture(number, _MIMES[kind], image.width, image.height, file.getvalue())
