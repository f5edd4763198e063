"""Writes the guide silhouettes of the embedded templates for the console: `python make_guides.py`.

Lengths are thousandths of the figure's height; x is 0 in the middle, y 0 at the top.
"""

import json
from pathlib import Path

import numpy as np
from skimage.measure import approximate_polygon, find_contours

from gotapi_creation.engine.order import View
from gotapi_creation.engine.solids import Raster, outlines
from gotapi_creation.engine.templates import TEMPLATES, Template

FILE = Path(__file__).parents[1] / "console" / "pages" / "create" / "guides.json"
_PIXELS = 400  # of the height; the guide is drawn over, so nobody sees the difference
_COARSE = 0.8  # pixels by which a corner may be off
_SPECK = 12  # corners; what has fewer is noise


def guide(template: Template, view: View) -> list[list[int]]:
    """Return the outlines as flat lists x, y, x, y."""
    raster = Raster(_PIXELS, _PIXELS, 1.0 / _PIXELS)
    solids = [solid for part in template.body().solids.values() for solid in part]
    mask = np.pad(outlines(solids, view, raster), 1).astype(float)
    found = [approximate_polygon(one, _COARSE) for one in find_contours(mask, 0.5)]
    scale = 1000 / _PIXELS
    return [
        [
            value
            for y, x in line[:-1]
            for value in (round((x - 1 - _PIXELS / 2) * scale), round((y - 1) * scale))
        ]
        for line in found
        if len(line) >= _SPECK
    ]


def main() -> None:
    """Write them all, by template and view."""
    made = {one.name: {view.value: guide(one, view) for view in View} for one in TEMPLATES}
    FILE.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
