"""Reads the pictures of an order: checked before they are decoded, turned upright, made small."""

import io
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from gotapi_creation.engine.base import Bytes, Mask
from gotapi_creation.engine.errors import of_picture
from gotapi_creation.engine.order import Picture, View
from gotapi_creation.engine.segment import Drawing, colour
from gotapi_creation.pictures import MAX_FILE, PictureError, check_picture

LONGEST: Final = 1024
"""Pixels of a side that are looked at; a grid of 384 shows no more."""
_STRONG: Final = 64  # levels by which green or red stands out in a correction


def drawing(view: View, picture: Picture) -> Drawing:
    """Read one drawing; raises CreationError with words for its user."""
    image = _decoded(view, picture.path)
    pixels = np.asarray(image, np.uint8)
    added = removed = None
    if picture.correction:
        added, removed = _correction(view, picture.correction, image.size)
    return Drawing(view, pixels, colour(picture.paper), added, removed)


def _decoded(view: View, path: str) -> Image.Image:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise of_picture(view, f"cannot be read: {error.strerror}; send it again") from None
    try:
        check_picture(data)
    except PictureError as error:
        raise of_picture(view, str(error)) from None
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
            image.draft("RGB", (LONGEST, LONGEST))  # JPEG: decoded small at once
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        # Pillow has many ways to say so; all of them are about the file.
        raise of_picture(view, f"is damaged ({error}); save or send it again") from None
    upright.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    return upright


def _correction(view: View, path: str, size: tuple[int, int]) -> tuple[Mask, Mask]:
    marks: Bytes = np.asarray(_decoded(view, path).resize(size, Image.Resampling.NEAREST))
    red, green, alpha = (marks[:, :, channel].astype(np.int16) for channel in (0, 1, 3))
    seen = alpha >= 128
    added: Mask = seen & (green > red + _STRONG)
    removed: Mask = seen & (red > green + _STRONG)
    return added, removed


def png(pixels: Bytes) -> bytes:
    """Return RGBA pixels as a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG", compress_level=3)
    return file.getvalue()
