"""PURE: how boxy the parts of a figure are, told by the corners of their outlines.

Outlines do not show a cross section, but who draws with right angles means boxes, and who draws
round ends means round bodies. Without it a block man would lose a fifth of its volume.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import ndimage
from skimage.measure import find_contours

from gotapi_creation.engine.base import Floats, Mask, Single, StructuralObject
from gotapi_creation.engine.order import Profile, View

ROUND: Final = 2.0
"""Exponent of an ellipse."""
LIVING: Final = 2.2
"""Least exponent of figures with limbs: muscles and clothes fill a little more than an ellipse."""
BOX: Final = 16.0
"""Exponent of what prints as a box: 1.3 % of the cross section are missing."""

_WINDOW: Final = 0.3  # of the half width: on a round end the outline turns by as much, in radians
_CORNER: Final = (1.0, 2.2)  # radians: between a round end and a spike
_SLANT: Final = 0.35  # radians off the axes that a hand still draws as upright or level
_SURE: Final = (0.35, 0.8)  # share of corners below which a part is round, above which a box
_MORE: Final = 2.0  # so much boxier than the whole figure a part may be
_SQUARE: Final = 0.04  # difference of width and depth that is none
_AN_END: Final = 1.25  # radians; an outline turns by pi at the end of a limb
_FULL: Final = 0.97  # of the rectangle around it


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """One view: its outlines as points a pixel apart, and how thick the figure is."""

    outlines: tuple[Floats, ...]
    inner: Floats
    """Distance of each pixel to the outline."""


def profiles(job: StructuralObject) -> dict[str, float]:
    """Return the exponent of each part that the figure has."""
    there = set(np.unique(job.labels).tolist())
    present = {name: index + 1 for index, name in enumerate(job.parts) if index + 1 in there}
    if job.detail.profile is not Profile.AUTO or _cylinder(job):
        fixed = BOX if job.detail.profile is Profile.BOX else ROUND
        return dict.fromkeys(present, fixed)
    least = ROUND if _plain(job.masks[View.FRONT]) else LIVING
    front = _drawn(job.masks[View.FRONT])
    right = None if View.RIGHT not in job.masks else _drawn(job.masks[View.RIGHT])
    # Labels reach over the outline, whose points lie half a pixel outside.
    labels = ndimage.maximum_filter(job.labels, 3)
    turned = {name: _turned_of(front, right, labels == number) for name, number in present.items()}
    whole = _share(np.sum(list(turned.values()), axis=0)) or 0.0
    if whole >= _SURE[1]:
        return dict.fromkeys(present, BOX)
    found = {}
    for name in present:
        own = _share(turned[name])
        # One corner of an unsteady hand makes no box of a part of a round figure.
        share = whole if own is None else min(own, _MORE * whole)
        found[name] = exponent(share, least)
    return found


def exponent(share: float, least: float = ROUND) -> float:
    """Return the exponent for a share of corners, 0 to 1."""
    low, high = _SURE
    sure = min(1.0, max(0.0, (share - low) / (high - low)))
    return float(least * (BOX / least) ** sure)


def spread(job: StructuralObject, found: dict[str, float]) -> Single:
    """Return the exponent at every pixel of the front, soft between parts."""
    table = np.array([ROUND, *(found.get(name, ROUND) for name in job.parts)], np.float32)
    inside = job.masks[View.FRONT].astype(np.float32)
    sigma = job.rows / 100
    weight = ndimage.gaussian_filter(inside, sigma)
    soft = ndimage.gaussian_filter(table[job.labels] * inside, sigma)
    result: Single = np.where(weight > 1e-3, soft / np.maximum(weight, 1e-3), ROUND)
    return result.astype(np.float32)


def _plain(mask: Mask) -> bool:
    """Tell whether it has no limbs: no row and no column leaves the figure and enters it again."""
    return all(
        int((np.diff(np.pad(one, 1).astype(np.int8), axis=axis) > 0).sum(axis=axis).max()) <= 1
        for one, axis in ((mask, 0), (mask, 1))
    )


def _cylinder(job: StructuralObject) -> bool:
    """Tell whether it is one upright bar as wide as deep, which may as well be round."""
    right = job.masks.get(View.RIGHT)
    if right is None:
        return False
    boxes = [_box(mask) for mask in (job.masks[View.FRONT], right)]
    (wide, one), (deep, other) = boxes
    return min(one, other) >= _FULL and abs(wide - deep) <= _SQUARE * max(wide, deep)


def _box(mask: Mask) -> tuple[int, float]:
    columns = np.flatnonzero(mask.any(axis=0))
    wide = int(columns[-1] - columns[0] + 1)
    return wide, float(mask.sum()) / (wide * len(mask))


def _drawn(mask: Mask) -> _Drawn:
    contours = find_contours(np.pad(mask, 1).astype(np.float32), 0.5)
    inner: Floats = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return _Drawn(tuple(_even(contour - 1.0) for contour in contours), inner)


def _turned_of(front: _Drawn, right: _Drawn | None, region: Mask) -> Floats:
    """Return what the outlines turn in a region: a row for each view, all and sharp."""
    found = [_corners(front, region)]
    if right is not None:
        rows = np.asarray(region.any(axis=1))[:, None]
        found.append(_corners(right, np.broadcast_to(rows, right.inner.shape)))
    return np.array(found)


def _share(turned: Floats) -> float | None:
    """Return the share of corners in what is turned; None where no drawing shows an end."""
    known = [min(1.0, sharp / convex) for convex, sharp in turned.tolist() if convex > _AN_END]
    if not known:
        return None
    # Both views must say box: a flat sole or a cut sleeve is no reason.
    return float(np.prod(known) ** (1.0 / len(known)))


def _corners(drawn: _Drawn, region: Mask) -> tuple[float, float]:
    """Return the radians that an outline turns outwards in a region, and those at corners."""
    window = max(3, round(_WINDOW * float((drawn.inner * region).max())))
    convex = sharp = 0.0
    for points in drawn.outlines:
        if len(points) < 4 * window:
            continue
        rows, columns = np.clip(np.round(points).astype(int), 0, np.subtract(region.shape, 1)).T
        here = region[rows, columns]
        if here.any():
            turned, outwards = _turned(points, window)
            convex += float(turned[here].sum())
            sharp += float(_sharp(points, window, outwards)[here].sum())
    return convex, sharp


def _turned(points: Floats, window: int) -> tuple[Floats, float]:
    """Return how much the outline turns outwards at each point, and which sign that has."""
    smooth = ndimage.gaussian_filter1d(points, window / 2, axis=0, mode="wrap")
    steps = np.roll(smooth, -1, axis=0) - smooth
    angles = np.arctan2(steps[:, 0], steps[:, 1])
    turned = _wrapped(np.roll(angles, -1) - angles)
    outwards = float(np.sign(turned.sum()))
    return np.maximum(outwards * turned, 0.0), outwards


def _sharp(points: Floats, window: int, outwards: float) -> Floats:
    before = points - np.roll(points, window, axis=0)
    after = np.roll(points, -window, axis=0) - points
    came, goes = (np.arctan2(one[:, 0], one[:, 1]) for one in (before, after))
    turned = outwards * _wrapped(goes - came)
    level = np.maximum(_slant(came), _slant(goes)) < _SLANT
    corner = level & (turned > _CORNER[0]) & (turned < _CORNER[1])
    peak = turned >= ndimage.maximum_filter1d(np.where(corner, turned, 0), 2 * window, mode="wrap")
    marks, count = ndimage.label(corner & peak)
    found = np.zeros(len(points))
    for index in range(1, count + 1):
        found[int(np.flatnonzero(marks == index)[0])] = np.pi / 2
    return found


def _slant(angles: Floats) -> Floats:
    quarter = np.pi / 2
    found: Floats = np.abs(angles - quarter * np.round(angles / quarter))
    return found


def _wrapped(angles: Floats) -> Floats:
    found: Floats = (angles + np.pi) % (2 * np.pi) - np.pi
    return found


def _even(contour: Floats) -> Floats:
    """Return points one pixel apart along a closed contour."""
    lengths = np.linalg.norm(np.diff(contour, axis=0), axis=1)
    along = np.append(0.0, np.cumsum(lengths))
    count = max(4, int(along[-1]))
    wanted = np.arange(count) * along[-1] / count
    return np.column_stack([np.interp(wanted, along, contour[:, axis]) for axis in (0, 1)])
