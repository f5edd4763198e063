"""The figure that the demonstration draws: a child with a backpack, seen from three sides.

Lengths are thousandths of the figure's height; x is 0 in its middle and y 0 at its top.
"""

from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from gotapi_creation.engine.order import View

SIZE: Final = (760, 1080)  # of the drawing, in the same unit; the figure has a margin all round
_TOP: Final = 40
_FINER: Final = 2  # drawn larger and shrunk: Pillow does not smooth edges
_PIXELS: Final = (570, 810)

_SKIN: Final = "#f2c39b"
_HAIR: Final = "#5b3a21"
_SHIRT: Final = "#d8412f"
_TROUSERS: Final = "#2f5f9e"
_SHOES: Final = "#7a4a26"
_PACK: Final = "#3f8f5b"
_FLAP: Final = "#357a4d"
_WHITE: Final = "#ffffff"
_DARK: Final = "#2b2320"
_CHEEK: Final = "#ea9a86"


class Sheet:
    """A transparent sheet with simple shapes."""

    def __init__(self) -> None:
        self._image = Image.new("RGBA", (SIZE[0] * _FINER, SIZE[1] * _FINER))
        self._draw = ImageDraw.Draw(self._image)

    def oval(self, x: float, y: float, wide: float, high: float, colour: str) -> None:
        """Fill an ellipse round a place; `wide` and `high` are its half axes."""
        self._draw.ellipse(self._box(x - wide, y - high, x + wide, y + high), colour)

    def slab(self, box: tuple[float, float, float, float], round_by: float, colour: str) -> None:
        """Fill a rectangle (left, top, right, bottom) with round corners."""
        self._draw.rounded_rectangle(self._box(*box), round_by * _FINER, colour)

    def limb(
        self, start: tuple[float, float], end: tuple[float, float], wide: float, colour: str
    ) -> None:
        """Draw a bar with round ends from one place to another."""
        half = wide / 2
        corners = self._box(*start, *end)
        self._draw.line(corners, colour, round(wide * _FINER))
        for x, y in (start, end):
            self.oval(x, y, half, half, colour)

    def slice(
        self, x: float, y: float, wide: float, high: float, begin: float, end: float, colour: str
    ) -> None:
        """Fill what two directions (degrees clockwise from the right) cut out of an ellipse."""
        box = self._box(x - wide, y - high, x + wide, y + high)
        self._draw.chord(box, begin, end, colour)

    def smile(self, x: float, y: float, wide: float, high: float) -> None:
        """Draw a mouth."""
        box = self._box(x - wide, y - high, x + wide, y + high)
        self._draw.arc(box, 20, 160, _DARK, 8 * _FINER)

    def image(self) -> Image.Image:
        """Return the drawing."""
        return self._image.resize(_PIXELS, Image.Resampling.LANCZOS)

    def _box(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[float, float, float, float]:
        middle = SIZE[0] / 2
        return (
            (middle + left) * _FINER,
            (_TOP + top) * _FINER,
            (middle + right) * _FINER,
            (_TOP + bottom) * _FINER,
        )


def draw(view: View) -> Image.Image:
    """Return one of the three drawings."""
    sheet = Sheet()
    {View.FRONT: _front, View.RIGHT: _right, View.BACK: _back}[view](sheet)
    return sheet.image()


def draw_all(folder: Path) -> dict[View, Path]:
    """Write front.png, right.png and back.png into a folder."""
    paths = {view: folder / f"{view.value}.png" for view in View}
    for view, path in paths.items():
        draw(view).save(path)
    return paths


def _front(sheet: Sheet) -> None:
    _limbs(sheet)
    sheet.limb((-92, 395), (-82, 590), 30, _FLAP)  # the straps of the backpack
    sheet.limb((92, 395), (82, 590), 30, _FLAP)
    sheet.oval(0, 185, 168, 182, _SKIN)
    sheet.slice(0, 165, 172, 162, 180, 360, _HAIR)
    sheet.slice(-55, 165, 118, 62, 0, 180, _HAIR)
    sheet.slice(105, 165, 66, 40, 0, 180, _HAIR)
    for side in (-1, 1):
        sheet.oval(side * 66, 238, 22, 30, _DARK)
        sheet.oval(side * 66 + 7, 227, 8, 10, _WHITE)
        sheet.oval(side * 110, 284, 24, 15, _CHEEK)
    sheet.smile(0, 282, 44, 34)


def _back(sheet: Sheet) -> None:
    _limbs(sheet)
    sheet.oval(0, 185, 168, 182, _HAIR)
    sheet.slab((-112, 385, 112, 655), 46, _PACK)
    sheet.slab((-112, 385, 112, 500), 46, _FLAP)
    sheet.slab((-16, 480, 16, 530), 8, "#e8c15a")


def _limbs(sheet: Sheet) -> None:
    """Draw what front and back have in common: arms, legs, body."""
    for side in (-1, 1):
        sheet.limb((side * 118, 420), (side * 208, 585), 78, _SKIN)
        sheet.limb((side * 118, 420), (side * 158, 494), 92, _SHIRT)
        sheet.limb((side * 72, 680), (side * 80, 900), 118, _TROUSERS)
        sheet.slab((side * 84 - 72, 880, side * 84 + 72, 1000), 50, _SHOES)
    sheet.slab((-136, 360, 136, 700), 70, _SHIRT)
    sheet.slab((-134, 648, 134, 740), 40, _TROUSERS)
    sheet.slab((-136, 642, 136, 672), 8, _DARK)


def _right(sheet: Sheet) -> None:
    sheet.slab((-205, 385, -60, 655), 56, _PACK)
    sheet.slab((-205, 385, -60, 500), 56, _FLAP)
    sheet.limb((0, 700), (0, 900), 128, _TROUSERS)
    sheet.slab((-72, 880, 128, 1000), 56, _SHOES)
    sheet.slab((-104, 360, 104, 720), 80, _SHIRT)
    sheet.slab((-100, 648, 100, 740), 40, _TROUSERS)
    sheet.slab((-104, 642, 104, 672), 8, _DARK)
    sheet.limb((0, 430), (4, 585), 78, _SKIN)
    sheet.limb((0, 425), (2, 494), 92, _SHIRT)
    sheet.oval(0, 185, 172, 182, _HAIR)
    sheet.slice(4, 185, 166, 180, -28, 118, _SKIN)
    sheet.oval(118, 238, 15, 30, _DARK)
    sheet.oval(92, 290, 22, 15, _CHEEK)
