"""PURE: words on a picture: what went wrong, for who asked for `exceptions=inimage` (3DPS 10.4.4).

Without words it is the picture of `exceptions=blank`.
"""

import textwrap
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gotapi_portrayal.view import encode

_MARGIN: Final = 0.04
_QUALITY: Final = 90  # of JPEG; less blurs small letters


def noted(
    text: str, kind: str, size: tuple[int, int], ground: tuple[int, int, int]
) -> tuple[str, bytes]:
    """Return a text as a picture of a MIME type, or as PNG, and what it is now."""
    pixels = note(text, size, ground)
    if kind.partition(";")[0] == "image/jpeg":
        return "image/jpeg", encode.jpeg(pixels, _QUALITY)
    return "image/png", encode.png(pixels)


def note(text: str, size: tuple[int, int], ground: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return (height, width, 3) with a text, as large as it can be read well and still fits."""
    width, height = size
    image = Image.new("RGB", size, ground)
    ink = "black" if sum(ground) >= 384 else "white"
    text = text.encode("utf-8", "replace").decode()  # half of a character is none for a font
    draw = ImageDraw.Draw(image)
    margin = round(_MARGIN * min(width, height))
    for points in (28, 24, 20, 17, 15, 13, 12, 11, 10, 9, 8):
        font = ImageFont.load_default(points)
        lines = _broken(draw, text, font, width - 2 * margin)
        _, _, right, bottom = draw.multiline_textbbox((margin, margin), lines, font, spacing=4)
        if right <= width - margin and bottom <= height - margin:
            break
    draw.multiline_text((margin, margin), lines, ink, font, spacing=4)
    return np.asarray(image)


def _broken(
    draw: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> str:
    """Return a text with line breaks, so that no line is wider than `width` where that can be."""
    letters = max(4, int(width / max(1.0, draw.textlength("n" * 20, font) / 20)))
    return "\n".join(
        textwrap.fill(line, letters, break_long_words=True) for line in text.splitlines()
    )
