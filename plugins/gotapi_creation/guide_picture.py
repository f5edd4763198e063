"""Makes a clean picture of one from outside: `python -m gotapi_creation.guide_picture IN OUT`.

Runs in a bounded process of its own, as decoders of pictures have had holes, and 10 kB can unpack
to 400 MB. What is written is a PNG of pixels alone: no notes, no profile, no rotation left to do.
"""

import sys
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from gotapi_creation.pictures import PictureError, check_picture

LARGEST: Final = 1024
"""Pixels of a side; a guide is drawn over at 800."""


def clean(source: Path, made: Path) -> None:
    """Write the picture anew; raises PictureError."""
    kind = check_picture(source.read_bytes()).kind
    try:
        with Image.open(source, formats=[kind.name]) as picture:
            whole = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError, SyntaxError, MemoryError) as error:
        raise PictureError("cannot be decoded; it is damaged") from error
    whole.thumbnail((LARGEST, LARGEST))
    plain = Image.new("RGBA", whole.size)  # without what the file said besides its pixels
    plain.paste(whole)
    plain.save(made, "PNG")


if __name__ == "__main__":
    try:
        clean(Path(sys.argv[1]), Path(sys.argv[2]))
    except PictureError as error:
        sys.exit(f"the picture {error}")
