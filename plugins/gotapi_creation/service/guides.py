"""Draws the guide silhouettes of the templates: `python -m gotapi_creation.service.guides FOLDER`.

It needs numpy and runs in a process of its own, once; the service keeps the pictures.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from gotapi_creation.engine.order import View
from gotapi_creation.engine.solids import Raster, outlines
from gotapi_creation.engine.templates import TEMPLATES, Template
from gotapi_creation.service.silhouettes import DONE, name_of

HEIGHT: Final = 720  # pixels of the figure
MARGIN: Final = 40  # pixels around it
WIDTH: Final = 640  # pixels of the picture; arms reach out
_GREY: Final = (120, 130, 145, 90)  # light enough to draw over


def guide(template: Template, view: View) -> Image.Image:
    """Return the silhouette of a template, half transparent, on nothing."""
    body = template.body()
    raster = Raster(WIDTH, HEIGHT, 1.0 / HEIGHT)
    solids = [solid for part in body.solids.values() for solid in part]
    mask = outlines(solids, view, raster)
    pixels = np.zeros((HEIGHT + 2 * MARGIN, WIDTH, 4), np.uint8)
    pixels[MARGIN : MARGIN + HEIGHT][mask] = _GREY
    return Image.fromarray(pixels, "RGBA")


def main(folder: Path) -> None:
    """Draw all guides; the file that is written last says that all are there."""
    for template in TEMPLATES:
        for view in View:
            guide(template, view).save(folder / name_of(template.id, view), optimize=False)
    (folder / DONE).touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
