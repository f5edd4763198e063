"""PURE: VRML97 and the classic encoding of X3D: brackets, strings, points and links."""

import re
from typing import Final

from gotapi_core.conformance.model import Failed, expect
from gotapi_portrayal.conformance.scenes.shape import Shape, Triple, around

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|[{}\[\]]|"')
_POINTS: Final = re.compile(r"(?<!\w)(Coordinate(?:Double)?)\s*\{[^{}]*?point\s*\[([^\]]*)\]")
_MOVED: Final = re.compile(r"\b(Transform|Geo[A-Z]\w*)\s*\{")
_URL: Final = re.compile(r'\b(?:url|child[1-4]Url|rootUrl)\s*\[?((?:\s*"[^"]*",?)+)')
_STRING: Final = re.compile(r'"([^"]*)"')
_FACES: Final = re.compile(r"(?:coordIndex|index)\s*\[([^\]]*)\]")
_GRID: Final = re.compile(r"\b(?:Geo)?ElevationGrid\s*\{")
_PAIRS: Final = {"}": "{", "]": "["}


def read_vrml(body: bytes) -> Shape:
    """Return what a VRML97 file holds; raises Failed where it is none."""
    return _read(body, "#VRML V2.0 utf8")


def read_x3dv(body: bytes) -> Shape:
    """Return what X3D in its classic encoding holds; raises Failed where it is none."""
    shape = _read(body, "#X3D V")
    expect(b"PROFILE" in body, "X3D has no PROFILE")
    return shape


def _read(body: bytes, head: str) -> Shape:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failed(f"it is no UTF-8: {error}") from None
    expect(text.startswith(head), f"it does not begin with {head!r}")
    _balance(text)
    faces = sum(_faces(found.group(1)) for found in _FACES.finditer(text))
    links = tuple(
        link for found in _URL.finditer(text) for link in _STRING.findall(found.group(1)) if link
    )
    low, high = (None, None) if _MOVED.search(text) else around(_points(text))
    return Shape(faces + len(_GRID.findall(text)), low, high, links, vertical=1)


def _balance(text: str) -> None:
    stack: list[str] = []
    for found in _TOKEN.finditer(text):
        mark = found.group()
        if mark in "{[":
            stack.append(mark)
        elif mark in "}]":
            expect(bool(stack) and stack.pop() == _PAIRS[mark], f"a {mark} closes nothing")
        elif mark == '"':
            raise Failed("a string does not end")
    expect(not stack, f"{len(stack)} brackets are not closed")


def _faces(text: str) -> int:
    words = text.replace(",", " ").split()
    return sum(1 for one in words if one == "-1") or len(words) // 3


def _points(text: str) -> list[Triple]:
    found: list[Triple] = []
    for match in _POINTS.finditer(text):
        try:
            flat = [float(word) for word in match.group(2).replace(",", " ").split()]
        except ValueError as error:
            raise Failed(f"a point is no number: {error}") from None
        expect(len(flat) % 3 == 0, "points are no triples")
        found += list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
    return found
