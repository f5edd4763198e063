"""PURE: OBJ files: vertices and faces, and, where asked for, colours and textures."""

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import (
    MAX_TRIANGLES,
    MAX_VERTICES,
    Mesh,
    check_count,
    check_vertices,
    checked,
)
from gotapi_meshes.mtl import Materials
from gotapi_meshes.paint import Beside, Paint, paint

LONGEST_LINE: Final = 65_536
"""Bytes of a line; a polygon with a thousand corners needs some ten thousand."""
MOST_CORNERS: Final = 1_000
"""Corners of one polygon."""
MOST_LIBRARIES: Final = 16
"""MTL files that are read; programs write one."""


@dataclass(slots=True)
class _Parts:
    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    corners: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def vertices(self) -> int:
        return len(self.numbers) // 3


def read_obj(file: BinaryIO, beside: Beside | None = None) -> Mesh:
    """Read an OBJ; polygons are cut into fans of triangles. With `beside` also how they look."""
    parts = _Parts()
    coat = None if beside is None else _Coat(beside)
    for line, words in _statements(file):
        if words[0] == b"v":
            _take_vertex(parts, words, line)
        elif words[0] == b"f":
            _take_face(parts, words, line)
        if coat is not None:
            coat.take(words, len(parts.corners) // 3)
    vertices = np.array(parts.numbers).reshape(-1, 3)
    triangles = np.array(parts.corners).reshape(-1, 3)
    return checked(vertices, triangles, paint=None if coat is None else coat.done(triangles))


class _Coat:
    """Collects looks beside the shape; what is wrong in them is passed over."""

    def __init__(self, beside: Beside) -> None:
        self._beside = beside
        self._materials = Materials()
        self._libraries = 0
        self._faults: list[str] = []
        self._places = array("d")  # u, v
        self._colours = array("f")  # of vertices, three each; no numbers where there are none
        self._coloured = False
        self._at = array("q")  # of each corner of each triangle: its place in the picture, or -1
        self._runs: list[tuple[int, str]] = []  # from which triangle on which material is used

    def take(self, words: list[bytes], triangles: int) -> None:
        """Take a line; `triangles` are those so far, its own included."""
        word, rest = words[0], words[1:]
        if word == b"v":
            self._vertex(rest)
        elif word == b"vt":
            if len(self._places) < 2 * MAX_VERTICES:
                self._places.extend((_number(rest, 0), _number(rest, 1)))
        elif word == b"f":
            first, *others = (self._place(corner) for corner in rest)
            for second, third in pairwise(others):
                self._at.extend((first, second, third))
        elif word == b"usemtl":
            self._runs.append((triangles, _name(rest)))
        elif word == b"mtllib":
            self._library(rest)

    def done(self, triangles: NDArray[np.int64]) -> Paint | None:
        """Return the looks of the triangles, None where there are none."""
        of = self._of(len(triangles))
        tints = np.full((len(triangles), 3), np.nan, np.float32)
        if self._coloured and triangles.max(initial=-1) < len(self._colours) // 3:
            tints = np.array(self._colours).reshape(-1, 3)[triangles].mean(axis=1)
        if (of < 0).all() and not np.isfinite(tints).any() and not self._faults:
            return None
        uvs = self._uvs(len(triangles)) if self._materials.pictures else None
        found = self._materials
        return paint(found.looks, of, tints, uvs, found.pictures, self._faults)

    def _vertex(self, rest: list[bytes]) -> None:
        # Six numbers: many programs put red, green and blue after the place.
        colour = [_number(rest, at) for at in (3, 4, 5)] if len(rest) == 6 else [math.nan] * 3
        self._coloured = self._coloured or len(rest) == 6
        self._colours.extend(colour)

    def _place(self, corner: bytes) -> int:
        text = corner.split(b"/")[1:2]
        try:
            number = int(text[0]) if text else 0
        except ValueError:
            number = 0
        known = len(self._places) // 2
        place = number - 1 if number > 0 else known + number
        return place if number and 0 <= place < known else -1

    def _library(self, rest: list[bytes]) -> None:
        """Read MTL files; the rest of the line is one name with blanks, or several."""
        whole, failure = _name(rest), ""
        for name in dict.fromkeys((whole, *whole.split())):
            if self._libraries >= MOST_LIBRARIES:
                return
            try:
                data = self._beside(name)
            except MeshError as error:
                failure = failure or str(error)
                continue
            self._libraries += 1
            self._materials.read(data)
            failure = ""
            if name == whole:
                return
        if failure and len(self._faults) < MOST_LIBRARIES:
            self._faults.append(failure)

    def _of(self, count: int) -> NDArray[np.int32]:
        of = np.full(count, -1, np.int32)
        for (start, name), (end, _) in pairwise((*self._runs, (count, ""))):
            of[start:end] = self._materials.numbers.get(name, -1)
        return of

    def _uvs(self, count: int) -> NDArray[np.float32] | None:
        places = np.array(self._places).reshape(-1, 2)
        at = np.array(self._at).reshape(-1, 3)
        if not len(places) or len(at) != count:
            return None
        found: NDArray[np.float32] = places[np.maximum(at, 0)].astype(np.float32)
        found[at < 0] = 0.0
        return found


def _name(words: list[bytes]) -> str:
    return b" ".join(words).decode("utf-8", "replace")


def _number(words: list[bytes], at: int) -> float:
    try:
        return float(words[at])
    except (ValueError, IndexError):
        return math.nan


def _statements(file: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    number, held = 0, b""
    while text := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(text) + len(held) > LONGEST_LINE:
            raise MeshError(f"a line is longer than {LONGEST_LINE} bytes", f"line {number}")
        text = held + text.partition(b"#")[0].rstrip()
        held = b""
        if text.endswith(b"\\"):
            held = text[:-1] + b" "
        elif words := text.split():
            yield number, words


def _take_vertex(parts: _Parts, words: list[bytes], line: int) -> None:
    if parts.vertices >= MAX_VERTICES:
        check_vertices(parts.vertices + 1, f"line {line}")
    try:
        x, y, z = float(words[1]), float(words[2]), float(words[3])
    except (ValueError, IndexError):
        raise MeshError("a vertex needs three numbers", f"line {line}") from None
    parts.numbers.extend((x, y, z))


def _take_face(parts: _Parts, words: list[bytes], line: int) -> None:
    if not 3 <= len(words) - 1 <= MOST_CORNERS:
        raise MeshError(
            f"a face needs 3 to {MOST_CORNERS} corners and has {len(words) - 1}", f"line {line}"
        )
    if len(parts.corners) // 3 + len(words) - 3 > MAX_TRIANGLES:
        check_count(MAX_TRIANGLES + 1, f"line {line}")
    first, *others = (_corner(word, parts.vertices, line) for word in words[1:])
    for second, third in pairwise(others):
        parts.corners.extend((first, second, third))


def _corner(word: bytes, vertices: int, line: int) -> int:
    text = word.partition(b"/")[0]
    try:
        number = int(text)
    except ValueError:
        shown = word[:20].decode("utf-8", "replace")
        raise MeshError(f"'{shown}' is not the number of a vertex", f"line {line}") from None
    # Negative numbers count back from the last vertex so far.
    place = number - 1 if number > 0 else vertices + number
    if number == 0 or not 0 <= place < MAX_VERTICES:
        raise MeshError(f"there is no vertex {number} ({vertices} so far)", f"line {line}")
    return place
