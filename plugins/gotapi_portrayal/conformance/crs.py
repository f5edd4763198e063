"""PURE: whether two names mean the same coordinate reference system, and whether it has degrees."""

import re
from typing import Final

# Names of CRS:84 and of what else counts degrees, longitude first.
_DEGREES: Final = frozenset({"crs84", "crs27", "crs83", "crs84h"})
_NEWER: Final = frozenset({"6318", "7844", "7912", "9000"})
_SPLIT: Final = re.compile(r"[:/#]")
_URN: Final = "urn:ogc:def:crs"


def crs_key(name: str) -> tuple[str, ...]:
    """Return what all names of one CRS share: `urn:ogc:def:crs:EPSG::25832` is `EPSG:25832`."""
    parts = re.split(r"[,+]", name.strip().lower())
    return tuple(key for part in parts if part != _URN and (key := _key(part)))


def in_degrees(name: str, corners: tuple[float, ...] = ()) -> bool:
    """Tell whether a CRS seems to count degrees: by its number, or by the corners of its box."""
    keys = crs_key(name)
    for key in keys:
        # EPSG has its geographic systems between 4000 and 4999, and some newer ones.
        if key in _DEGREES or key in _NEWER or (key.isdecimal() and 4000 <= int(key) <= 4999):
            return True
    if not corners or keys[:1] == ("metres",):
        return False
    return max(map(abs, corners)) <= 180.0


def _key(part: str) -> str:
    words = [word for word in _SPLIT.split(part) if word]
    if not words:
        return ""
    if words[-1] in ("84", "83", "27") and "crs" in words[:-1] and "epsg" not in words:
        return f"crs{words[-1]}"
    return words[-1]
