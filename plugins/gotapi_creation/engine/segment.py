"""PURE: the figure out of a drawing: by alpha, by the colour of the paper, or as photographed.

What the user marked counts most: green strokes close outlines and belong to the figure, red ones
are taken away.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gotapi_creation.engine.base import Bytes, Floats, Mask
from gotapi_creation.engine.errors import CreationError, of_picture
from gotapi_creation.engine.order import View, Warned

_OPAQUE: Final = 128
_CLEAR: Final = 0.01  # of the pixels: so many see-through ones make alpha the outline
_PLAIN: Final = 12.0  # RGB distance that is still the colour of the paper at the border
_PLAIN_SHARE: Final = 0.97
_INK: Final = 36.0  # RGB distance from the paper that is ink
_WINDOW: Final = 0.115  # of the short side: over it a photographed paper's light is even
_DARKER: Final = 6.0  # levels darker than the paper around it is ink
_SPECK: Final = 0.5  # of the window's side: pixels of a mark of the pen
_CLOSED: Final = 0.006  # of the short side: gaps of an outline that are closed
_CLOSED_PHOTO: Final = 0.016  # where a faint pen may have left out more
_LEAST: Final = 0.02  # of the picture
_MOST: Final = 0.9
_LEAKED: Final = 0.3  # of the convex hull, and hardly more than the ink itself
_SECOND: Final = 0.1  # of the largest part
_BORDER: Final = 0.02  # of the border's length
_ONE_COLOUR: Final = 24.0  # RGB distance within a silhouette


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A decoded picture, and what the user said about it."""

    view: View
    pixels: Bytes
    """(rows, columns, 4) RGBA."""
    paper: tuple[int, int, int] | None = None
    added: Mask | None = None
    removed: Mask | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """The figure of a drawing, and what its user should know."""

    mask: Mask
    warnings: tuple[Warned, ...]


def figure(drawing: Drawing) -> Figure:
    """Find the figure; raises CreationError where there is none, or it cannot be told."""
    added = _marks(drawing.added, drawing)
    found = _raw(drawing, added)
    mask = (found.filled | added) & ~_marks(drawing.removed, drawing)
    if not mask.any():
        raise of_picture(
            drawing.view, "shows no figure; draw with a darker pen, or mark the figure yourself"
        )
    mask, second = _largest(mask)
    _refuse(drawing.view, mask, found)
    return Figure(mask, tuple(_warnings(drawing.view, mask, second)))


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    filled: Mask
    ink: Mask
    exact: bool = False
    """Whether alpha told the figure: nothing was guessed."""


def _marks(marks: Mask | None, drawing: Drawing) -> Mask:
    return np.zeros(drawing.pixels.shape[:2], bool) if marks is None else marks


def _raw(drawing: Drawing, added: Mask) -> _Raw:
    alpha = drawing.pixels[:, :, 3] >= _OPAQUE
    if not alpha.any():
        raise of_picture(drawing.view, "is wholly transparent; draw a figure and save it again")
    if (~alpha).mean() >= _CLEAR:
        return _Raw(alpha, alpha, True)
    colours = drawing.pixels[:, :, :3].astype(np.float64)
    paper = np.array(drawing.paper, float) if drawing.paper is not None else _plain_paper(colours)
    if paper is None:
        ink = _photographed(colours) | added
        return _Raw(_filled(ink, _CLOSED_PHOTO), ink)
    ink = (np.linalg.norm(colours - paper, axis=2) > _INK) | added
    return _Raw(_one_colour(ink, colours), ink)


def _plain_paper(colours: Floats) -> Floats | None:
    """Return the colour of the border where it is one colour."""
    border = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    middle: Floats = np.median(border, axis=0)
    plain = np.linalg.norm(border - middle, axis=1) <= _PLAIN
    return middle if plain.mean() >= _PLAIN_SHARE else None


def _one_colour(ink: Mask, colours: Floats) -> Mask:
    """Fill what is drawn; a silhouette of one colour keeps its holes."""
    filled = _filled(ink)
    inked = colours[ink]
    if not len(inked) or ink.sum() < 0.5 * filled.sum():
        return filled
    apart = np.linalg.norm(inked - np.median(inked, axis=0), axis=1)
    return ink if (apart <= _ONE_COLOUR).mean() >= _PLAIN_SHARE else filled


def _photographed(colours: Floats) -> Mask:
    """Return what is darker than the paper around it, in the channel that shows it best."""
    dark = colours.min(axis=2)
    window = max(3, round(_WINDOW * min(dark.shape)))
    around = ndimage.uniform_filter(dark, window, mode="nearest")
    ink = dark < around - _DARKER
    label, count = ndimage.label(ink, np.ones((3, 3)))
    sizes = np.bincount(label.ravel(), minlength=count + 1)
    sizes[0] = 0
    found: Mask = (sizes > _SPECK * window)[label]  # the grain of paper is no ink
    return found


def _filled(ink: Mask, gap: float = _CLOSED) -> Mask:
    """Close small gaps of the outlines and fill what no paper of the border reaches."""
    radius = max(1, round(gap * min(ink.shape)))
    padded = np.pad(ink, radius + 1)
    closed = ndimage.binary_closing(padded, _disc(radius))
    # The pad lets paper flow around figures that touch the border.
    outside, _ = ndimage.label(~closed)
    inner = radius + 1
    found: Mask = (outside != outside[0, 0])[inner:-inner, inner:-inner]
    return found


def _disc(radius: int) -> NDArray[np.bool_]:
    across = np.arange(-radius, radius + 1)
    found: Mask = across**2 + across[:, None] ** 2 <= radius**2
    return found


def _largest(mask: Mask) -> tuple[Mask, float]:
    """Return the largest part, and the size of the second by it."""
    label, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(label.ravel())[1:]
    order = np.argsort(sizes)[::-1]
    second = float(sizes[order[1]] / sizes[order[0]]) if count > 1 else 0.0
    return label == order[0] + 1, second


def _refuse(view: View, mask: Mask, found: _Raw) -> None:
    share = float(mask.mean())
    hull = _hull_area(mask)
    leaked = mask.sum() < _LEAKED * hull and mask.sum() < 1.5 * (found.ink & mask).sum()
    if leaked and not found.exact and not _thick(mask):
        raise of_picture(
            view,
            "has an open outline: the paper runs into the figure; close the line, fill the figure "
            "with colour, or mark it yourself",
        )
    if share < _LEAST and not found.exact:
        raise of_picture(
            view,
            f"shows a figure on {share:.1%} of the picture, and {_LEAST:.0%} are needed; cut the "
            "picture to the figure",
        )
    if share > _MOST and not found.exact:
        raise of_picture(
            view,
            "has no paper around the figure that could be told from it; leave a margin, or save it "
            "with a transparent background",
        )


def _thick(mask: Mask) -> bool:
    """Tell whether it is more than lines: a stick figure of thick bars is a figure."""
    rows = np.flatnonzero(mask.any(axis=1))
    tall = int(rows[-1] - rows[0] + 1)
    inner = ndimage.distance_transform_edt(np.pad(mask, 1))
    return 2 * float(inner.max()) > 0.08 * tall


def _hull_area(mask: Mask) -> float:
    """Return the pixels within the convex hull, from the ends of every row."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)
    left = _chain([(int(y), -int(x)) for y, x in zip(rows, first, strict=True)])
    right = _chain([(int(y), int(x)) for y, x in zip(rows, last, strict=True)])
    at = np.arange(rows[0], rows[-1] + 1)
    wide = sum(np.interp(at, *np.array(chain, float).T) for chain in (left, right))
    return float(np.sum(wide))


def _chain(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the upper convex chain of points with rising first coordinates."""
    kept: list[tuple[int, int]] = []
    for point in points:
        while len(kept) > 1 and _below(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return kept


def _below(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) >= (b[1] - a[1]) * (c[0] - a[0])


def _warnings(view: View, mask: Mask, second: float) -> list[Warned]:
    found = []
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if border.mean() > _BORDER:
        words = f"the {view} drawing touches the border of its picture; what is beyond is missing"
        found.append(Warned("border", words, view))
    if second > _SECOND:
        words = f"the {view} drawing has several large parts; only the largest is used"
        found.append(Warned("parts", words, view))
    return found


def colour(text: str) -> tuple[int, int, int] | None:
    """Read `#rrggbb`; None for an empty text; raises CreationError."""
    if not text:
        return None
    digits = text.removeprefix("#")
    try:
        if len(digits) != 6:
            raise ValueError
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise CreationError(
            "order", f"'{text[:20]}' is no colour of paper; write it as #ffffff"
        ) from None
    return red, green, blue
