"""PURE: what KML and COLLADA are written of: numbers, names, identifiers."""

import re
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# XML 1.0, 2.2: no document may have these, however they are written.
_NEVER: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENDS: Final = {"\r": "&#13;"}  # 2.11: else it is read as another end of a line
_QUOTED: Final = {'"': "&quot;", "\n": "&#10;", "\t": "&#9;", **_ENDS}
_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NO_ID: Final = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST_ID: Final = 200  # characters; what is longer is no name but a text


def plain(text: str) -> str:
    """Return a text as it can stand in an element."""
    return escape(_NEVER.sub("?", text), _ENDS)


def quoted(text: str) -> str:
    """Return a text as it can stand in an attribute in double quotes."""
    return escape(_NEVER.sub("?", text), _QUOTED)


def places(points: Floats, fine: bool = True) -> list[str]:
    """Return each point as `longitude,latitude,height`: to 1 mm, or to 1 cm if not `fine`."""
    if not len(points):
        return []
    # One long format is three times faster than one for each point.
    each = "%.8f,%.8f,%.3f\n" if fine else "%.7f,%.7f,%.2f\n"
    return ((each * len(points)) % tuple(points.ravel().tolist())).split("\n")[:-1]


def floats(values: NDArray[np.floating], decimals: int) -> str:
    """Return numbers with blanks between them."""
    flat = (np.round(values, decimals) + 0.0).ravel().tolist()  # no -0.000
    return ((f"%.{decimals}f " * len(flat)) % tuple(flat))[:-1]


def integers(values: NDArray[np.integer]) -> str:
    """Return whole numbers with blanks between them."""
    return " ".join(map(str, values.ravel().tolist()))


class Ids:
    """Identifiers of one document: each valid as xsd:ID, none given twice."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, name: str) -> str:
        """Return a name as an identifier, as it is where it can be."""
        base = name
        if not _ID.fullmatch(name) or len(name) > _LONGEST_ID:
            base = "_" + _NO_ID.sub("_", name)[:_LONGEST_ID]
        found, count = base, 1
        while found in self._given:
            count += 1
            found = f"{base}-{count}"
        self._given.add(found)
        return found
