"""PURE: corners at the same place become one vertex; boxes of what is in a row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MIXERS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93,
     0xA0761D6478BD642F, 0xE7037ED1A0B428DB],
    np.uint64,
)  # fmt: skip


def weld(
    corners: NDArray[np.float32], owners: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find equal rows of the same owner; `owners` ascends.

    Returns the first of each, ascending, and for each row the place of its first in that.
    """
    clean = corners + np.float32(0)  # -0.0 is 0.0
    keys = owners.astype(np.uint64) * _MIXERS[5]
    with np.errstate(over="ignore"):
        for column, mixer in zip(clean.T, _MIXERS, strict=False):
            keys ^= np.ascontiguousarray(column).view(np.uint32) * mixer
            keys ^= keys >> np.uint64(29)
            keys *= _MIXERS[4]
    _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    firsts, places = firsts[order], rank[inverse]
    same = (clean[firsts[places]] == clean).all() and (owners[firsts[places]] == owners).all()
    if not same:  # two different ones with one key: once in a lifetime, or somebody means it
        return np.arange(len(corners)), np.arange(len(corners))
    return firsts, places


def starts_of(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return where runs of equal values begin."""
    if not len(values):
        return np.empty(0, np.int64)
    return np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1))


def boxes_of(corners: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[Any]:
    """Return low and high, (n, 6), of the rows of each run; no run is empty."""
    low = np.minimum.reduceat(corners, starts)
    return np.hstack((low, np.maximum.reduceat(corners, starts)))
