"""PURE: what a printer says of the card in it (M20, M23, M27)."""

import re
from collections.abc import Iterable

import msgspec

MOST_FILES = 500
"""Files listed of one card; a line of the answer each, of which a thousand are kept."""

_FILE = re.compile(r"(\S+) (\d{1,12})(?: (.{1,255}))?")
_NAME_ONLY = re.compile(r"\S+\.\S{1,5}")
_QUOTED = re.compile(r'"([^"]{1,255})"')
_BYTE = re.compile(r"SD printing byte (\d{1,15})/(\d{1,15})")
_CURRENT = re.compile(r"Current file: /?(\S+)(?: (.{1,255}))?")
_OPENED = re.compile(r"File opened:?\s*(\S+)\s+Size:\s*(\d{1,15})")


class CardFile(msgspec.Struct, frozen=True, rename="camel"):
    """One file: the name that the printer takes; its size in bytes, None if it is silent."""

    name: str
    size: int | None = None
    long_name: str = ""


class CardPlace(msgspec.Struct, frozen=True):
    """How far a print from the card is, in bytes of its file."""

    position: int
    size: int


class CardPrint(msgspec.Struct, frozen=True, rename="camel"):
    """A print from the card: bytes of its file; the name is empty where the printer began it."""

    name: str
    position: int
    size: int
    paused: bool = False


def files_in(lines: Iterable[str]) -> tuple[CardFile, ...]:
    """The files that an answer to M20 lists."""
    found: list[CardFile] = []
    listing = False
    for line in lines:
        if line.startswith("Begin file list"):
            listing = True
        elif line.startswith("End file list"):
            listing = False
        elif listing:
            found += _listed(line)
        elif line.startswith("GCode files"):
            listing = True  # RepRapFirmware: quoted names on the lines that follow
    return tuple(found[:MOST_FILES])


def listed(lines: Iterable[str]) -> bool:
    """Whether an answer to M20 is a list; it is none where there is no card, or none is read."""
    return any(line.startswith(("Begin file list", "GCode files")) for line in lines)


def _listed(line: str) -> list[CardFile]:
    if line.startswith('"'):
        return [CardFile(name) for name in _QUOTED.findall(line)]
    match = _FILE.fullmatch(line)
    if match is not None:
        return [CardFile(match[1], int(match[2]), match[3] or "")]
    # Old firmwares tell no sizes.
    return [CardFile(line)] if _NAME_ONLY.fullmatch(line) else []


def selected(lines: Iterable[str]) -> bool:
    """Whether an answer to M23 says that the file is open."""
    said = list(lines)
    return any("File selected" in line or _OPENED.search(line) for line in said)


def place_in(lines: Iterable[str]) -> CardPlace | None:
    """How far the print from the card is by an answer to M27; None where nothing is printed."""
    for line in lines:
        if (match := _BYTE.search(line)) is not None and int(match[2]):
            return CardPlace(min(int(match[1]), int(match[2])), int(match[2]))
    return None


def name_in(lines: Iterable[str]) -> str:
    """The name of the file that is printed by an answer to M27 C; empty where it tells none."""
    for line in lines:
        if (match := _CURRENT.search(line)) is not None and match[1] != "(no":
            return match[2] or match[1]
    return ""


def deleted(lines: Iterable[str]) -> bool:
    """Whether an answer to M30 says that the file is gone."""
    said = list(lines)
    return any(line.startswith("File deleted") for line in said)
