"""PURE: how the triangles of a model look: colours, and pictures on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[float, float, float]
Beside = Callable[[str], bytes]
"""Returns a file that lies beside the model, by its name; raises MeshError where it cannot."""

MOST_LOOKS: Final = 4096
"""Looks of a model. Colours of vertices are rounded until there are no more than these."""
MOST_PICTURES: Final = 256
"""Pictures of a model; atlases have one, scans some dozen."""
MOST_FAULTS: Final = 20
"""What is told of one model; a file that is wrong everywhere says the same again and again."""


@dataclass(frozen=True, slots=True)
class Look:
    """One material; colours are red, green and blue from 0 to 1, sRGB."""

    name: str = ""
    colour: Rgb = (0.8, 0.8, 0.8)
    opacity: float = 1.0
    emissive: Rgb = (0.0, 0.0, 0.0)
    picture: int = -1
    """Index of its picture, -1 for none."""
    wrap: str = "repeat"
    """`repeat`, `mirror` or `clamp`: how the picture goes on beyond its border."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came with the model, or, without `data`, the name of a file beside it."""

    name: str
    data: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """The looks of a mesh: `of` has the index of the look of each triangle, -1 for none.

    `uvs` is (m, 3, 2): where each corner of a triangle lies in its picture, (0, 0) is the lower
    left corner, v grows upwards. `faults` says what was left out.
    """

    looks: tuple[Look, ...]
    of: NDArray[np.int32]
    uvs: NDArray[np.float32] | None = None
    pictures: tuple[Picture, ...] = ()
    faults: tuple[str, ...] = ()


def paint(
    looks: Sequence[Look],
    of: NDArray[np.int32],
    tints: NDArray[np.float32],
    uvs: NDArray[np.float32] | None = None,
    pictures: Sequence[Picture] = (),
    faults: Sequence[str] = (),
) -> Paint:
    """Put together what a reader found.

    `tints` is (m, 3): a colour of each triangle that its look is multiplied by, sRGB, no numbers
    where there is none. Those become looks of their own.
    """
    tinted: NDArray[np.bool_] = np.all(np.isfinite(tints), axis=1)
    whole, numbers = list(looks), of.astype(np.int32)
    if tinted.any():
        whole, numbers = _tinted(whole, numbers, np.clip(tints, 0.0, 1.0), tinted)
    if uvs is not None and not np.isfinite(uvs).all():
        uvs = np.nan_to_num(uvs, nan=0.0, posinf=0.0, neginf=0.0)
    return Paint(tuple(whole), numbers, uvs, tuple(pictures), tuple(faults[:MOST_FAULTS]))


def _tinted(
    looks: list[Look],
    of: NDArray[np.int32],
    tints: NDArray[np.float32],
    tinted: NDArray[np.bool_],
) -> tuple[list[Look], NDArray[np.int32]]:
    for bits in (8, 6, 5, 4, 3):
        steps = (1 << bits) - 1
        codes = np.rint(tints[tinted] * steps).astype(np.int64)
        keys = (of[tinted].astype(np.int64) + 1) << (3 * bits)
        keys |= codes[:, 0] << (2 * bits) | codes[:, 1] << bits | codes[:, 2]
        found, first, back = np.unique(keys, return_index=True, return_inverse=True)
        if len(looks) + len(found) <= MOST_LOOKS:
            break
    else:
        return looks, of  # thousands of materials and colours as well: the materials are kept
    base = of[tinted][first].tolist()
    shades = (codes[first] / steps).tolist()
    numbers = of.copy()
    numbers[tinted] = len(looks) + back
    made = [_shaded(looks, number, shade) for number, shade in zip(base, shades, strict=True)]
    return looks + made, numbers


def _shaded(looks: list[Look], number: int, shade: Sequence[float]) -> Look:
    red, green, blue = shade
    if number < 0:
        return Look(colour=(red, green, blue))
    # Factors multiply as light does; sRGB is close to a power of it, and powers multiply too.
    look, (r, g, b) = looks[number], looks[number].colour
    return replace(look, colour=(r * red, g * green, b * blue))


def srgb(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return amounts of light, 0 to 1, as sRGB."""
    light = np.clip(linear.astype(np.float64), 0.0, 1.0)
    coded: NDArray[np.float32] = np.where(
        light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055
    ).astype(np.float32)
    return coded
