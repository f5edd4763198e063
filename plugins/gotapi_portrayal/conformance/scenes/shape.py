"""PURE: what of a scene can be compared with others: its box, its triangles, its links."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

Triple = tuple[float, float, float]


class Shape(msgspec.Struct, frozen=True):
    """A scene; `low` and `high` are None where its coordinates cannot be compared with the CRS.

    `triangles` counts triangles, or faces where the format has no others; `vertical` is the axis
    that points up by the format: 2, or 1 for glTF, whose coordinates may also be those of the CRS.
    """

    triangles: int
    low: Triple | None = None
    high: Triple | None = None
    links: tuple[str, ...] = ()
    degrees: bool = False
    vertical: int = 2

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see, and nothing that leads to it."""
        return self.triangles == 0 and not self.links


def around(points: Iterable[Triple]) -> tuple[Triple, Triple] | tuple[None, None]:
    """Return the box of points; twice None without any."""
    found = list(points)
    if not found:
        return None, None
    axes = list(zip(*found, strict=True))
    low, high = ([limit(axis) for axis in axes] for limit in (min, max))
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])
