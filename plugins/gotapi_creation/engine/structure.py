"""PURE: figures and their colours put together into the structural object (3DCAPI 5.1)."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from PIL import Image
from scipy import ndimage

from gotapi_creation.engine.base import Bytes, Mask, StructuralObject
from gotapi_creation.engine.bodies import PARTS, Body
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Attributes, Options, View, Warned
from gotapi_creation.engine.segment import Drawing, Figure
from gotapi_creation.engine.solids import Raster, outline, outlines
from gotapi_creation.engine.templates import Template

ROWS: Final = (192, 512)
"""Least and most rows of the pictures of a structural object."""
WIDEST: Final = 4.0
"""Width by height of a figure; a wider one lies, or is none."""
_RIM: Final = 0.006  # of the rows: so near to the outline colours are mixed with the paper's
_LABEL_ROWS: Final = 200  # parts have no finer borders
_MIRRORED: Final = 0.8
_OTHER: Final = 0.45  # intersection by union below which two drawings show different figures
_TALLER: Final = 0.05


def structure(
    drawings: Mapping[View, tuple[Drawing, Figure]],
    template: Template,
    wishes: Attributes,
    options: Options,
) -> tuple[StructuralObject, list[Warned]]:
    """Put the drawings together; raises CreationError for those that show different figures."""
    tall = {view: _rows(one.mask) for view, (_, one) in drawings.items()}
    rows = int(np.clip(tall[View.FRONT], *ROWS))
    pairs = {view: _cut(*one, rows) for view, one in drawings.items()}
    masks = {view: mask for view, (mask, _) in pairs.items()}
    warnings = _disagreements(masks, tall, drawings)
    body = template.body()
    job = StructuralObject(
        masks=masks,
        colours={view: colours for view, (_, colours) in pairs.items()},
        template=template.name,
        attributes=wishes,
        labels=labels(masks[View.FRONT], body),
        parts=PARTS,
        joints=_joints(body, masks[View.FRONT], options.height),
        height_mm=options.height,
        detail=options,
    )
    return job, warnings


def _rows(mask: Mask) -> int:
    there = np.flatnonzero(mask.any(axis=1))
    return int(there[-1] - there[0] + 1)


def _cut(drawing: Drawing, found: Figure, rows: int) -> tuple[Mask, Bytes]:
    """Cut a drawing to its figure and bring it to so many rows."""
    high, wide = (np.flatnonzero(found.mask.any(axis=axis)) for axis in (1, 0))
    box = (int(wide[0]), int(high[0]), int(wide[-1]) + 1, int(high[-1]) + 1)
    columns = max(1, round((box[2] - box[0]) * rows / (box[3] - box[1])))
    if columns > WIDEST * rows:
        raise CreationError(
            "picture",
            f"the figure of the {drawing.view} drawing is {columns / rows:.0f} times as wide as "
            f"high, and {WIDEST:.0f} times are taken; does it lie on its side?",
            drawing.view,
        )
    size = (columns, rows)
    shape = Image.fromarray(found.mask).convert("L").crop(box)
    mask: Mask = np.asarray(shape.resize(size, Image.Resampling.BILINEAR)) >= 128
    colours = Image.fromarray(drawing.pixels[:, :, :3]).crop(box)
    picture: Bytes = np.asarray(colours.resize(size, Image.Resampling.BILINEAR))
    return mask, _spread_out(picture, mask)


def _spread_out(picture: Bytes, mask: Mask) -> Bytes:
    """Let the colours of the inside reach over the rim, where ink and paper are mixed."""
    rim = max(1, round(_RIM * len(mask)))
    inner = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > rim
    if not inner.any():
        inner = mask
    nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
    found: Bytes = picture[tuple(nearest)]
    return found


def _disagreements(
    masks: Mapping[View, Mask],
    tall: Mapping[View, int],
    drawings: Mapping[View, tuple[Drawing, Figure]],
) -> list[Warned]:
    found = [one for _, figure in drawings.values() for one in figure.warnings]
    if View.BACK in masks:
        found += _back(masks[View.FRONT], masks[View.BACK])
    for view in masks:
        same = drawings[view][0].pixels.shape == drawings[View.FRONT][0].pixels.shape
        differ = abs(tall[view] / tall[View.FRONT] - 1)
        if same and differ > _TALLER:
            words = f"the figure is {differ:.0%} larger or smaller in the {view} drawing than in "
            found.append(Warned("height", f"{words}the front one; it was scaled to it", view))
    return found


def _back(front: Mask, back: Mask) -> list[Warned]:
    agreed = overlap(front, back[:, ::-1])
    if agreed < _OTHER:
        raise CreationError(
            "picture",
            f"front and back drawing show different figures: mirrored, they have {agreed:.0%} in "
            f"common, and {_MIRRORED:.0%} are wanted; are the pictures in the right order?",
            View.BACK,
        )
    if agreed < _MIRRORED:
        words = f"front and back drawing, mirrored, have {agreed:.0%} in common; the front counts"
        return [Warned("outline", words, View.BACK)]
    return []


def overlap(one: Mask, other: Mask) -> float:
    """Return intersection by union of two masks of as many rows, laid middle on middle."""
    columns = max(one.shape[1], other.shape[1])
    first, second = (_widened(mask, columns) for mask in (one, other))
    return float((first & second).sum() / max(1, (first | second).sum()))


def _widened(mask: Mask, columns: int) -> Mask:
    spare = columns - mask.shape[1]
    return np.pad(mask, ((0, 0), (spare // 2, spare - spare // 2)))


def labels(mask: Mask, body: Body) -> Bytes:
    """Return the part of each pixel of a front mask: that of the template laid over it."""
    tall = min(len(mask), _LABEL_ROWS)
    raster = _raster(tall)
    drawn = np.zeros((tall, raster.columns), np.uint8)
    for number, name in enumerate(PARTS, 1):
        for solid in body.solids.get(name, ()):
            drawn[outline(solid, View.FRONT, raster) & (drawn == 0)] = number
    right, left = _ends(np.flatnonzero(drawn.any(axis=0)))
    nearest = ndimage.distance_transform_edt(
        drawn == 0, return_distances=False, return_indices=True
    )
    spread = drawn[tuple(nearest)]
    columns = right + (np.arange(mask.shape[1]) + 0.5) * (left - right) / mask.shape[1]
    rows = (np.arange(len(mask)) + 0.5) * tall / len(mask)
    laid = spread[np.ix_(rows.astype(np.int64), columns.astype(np.int64))]
    found: Bytes = np.where(mask, laid, 0).astype(np.uint8)
    return found


def _raster(rows: int) -> Raster:
    return Raster(2 * rows, rows, 1.0 / rows)


def _ends(places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[int, int]:
    return int(places[0]), int(places[-1]) + 1


def _joints(body: Body, mask: Mask, height: float) -> dict[str, tuple[float, float]]:
    """Return the joints of the template, moved with its outline onto the drawing."""
    solids = [one for part in body.solids.values() for one in part]
    ends = _ends(np.flatnonzero(outlines(solids, View.FRONT, _raster(256)).any(axis=0)))
    stretch = mask.shape[1] / len(mask) / ((ends[1] - ends[0]) / 256)
    return {name: (x * stretch * height, y * height) for name, (x, y, _) in body.joints.items()}
