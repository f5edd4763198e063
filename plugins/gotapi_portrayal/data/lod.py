"""PURE: levels of detail as numbers: 0 to 4, refined as 1.2 or 2.2, and sets of them as bits."""

from functools import lru_cache
from typing import Final

from gotapi_portrayal.data.types import ANY_LOD, Lods, LodSelection, SceneError

ANY: Final = 255
"""The code of `ANY_LOD`."""

# CityJSON 3.2 and Biljecki 2016: 0.0 to 3.3 refine 0 to 3; CityGML 1 and 2 know 4 for interiors.
CODES: Final = (*(10 * major + minor for major in range(4) for minor in range(4)), 40)
_BITS: Final = {code: bit for bit, code in enumerate(CODES)} | {ANY: 31}


@lru_cache(256)
def code(lod: str) -> int:
    """Return the code of a LOD as files write it; `2.0` is `2`. Raises SceneError."""
    if lod == ANY_LOD:
        return ANY
    major, dot, minor = lod.partition(".")
    if len(lod) <= 3 and major.isdecimal() and major.isascii() and (minor.isdecimal() or not dot):
        number = 10 * int(major) + int(minor or 0)
        if number in _BITS:
            return number
    raise SceneError(f"'{lod[:20]}' is no level of detail; there are 0 to 4, and 0.1 to 3.3")


def name(number: int) -> str:
    """Return the LOD of a code."""
    if number == ANY:
        return ANY_LOD
    major, minor = divmod(number, 10)
    return f"{major}.{minor}" if minor else str(major)


def bit(number: int) -> int:
    """Return the set with one code in it."""
    return 1 << _BITS[number]


@lru_cache(1024)
def codes(mask: int) -> tuple[int, ...]:
    """Return the codes of a set, ascending."""
    return tuple(number for number, place in sorted(_BITS.items()) if mask >> place & 1)


@lru_cache(1024)
def names(mask: int) -> tuple[str, ...]:
    """Return the LODs of a set, ascending, without `ANY_LOD`."""
    return tuple(name(number) for number in codes(mask) if number != ANY)


def chosen(mask: int, lods: Lods | None) -> int:
    """Return which LODs of a feature that has the set `mask` are taken (3DPS Table 22)."""
    if lods is None:
        return mask
    always, wanted = mask & bit(ANY), code(lods.lod)
    have = [number for number in codes(mask) if number != ANY]
    match lods.selection:
        case LodSelection.EQUALS:
            taken = [number for number in have if number == wanted]
        case LodSelection.EQUALS_OR_SMALLER:
            taken = [number for number in have if number <= wanted][-1:]
        case LodSelection.COMBINED:
            taken = [number for number in have if number <= wanted]
        case _:
            # The nearest; of two as near the one with more to see.
            taken = sorted(have, key=lambda number: (abs(number - wanted), -number))[:1]
    return always | sum(map(bit, taken))
