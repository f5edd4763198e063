"""PURE: OBJ files: vertices and faces; what else they hold (colours, textures) is passed over."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO, Final

import numpy as np

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import (
    MAX_TRIANGLES,
    MAX_VERTICES,
    Mesh,
    check_count,
    check_vertices,
    checked,
)

LONGEST_LINE: Final = 65_536
"""Bytes of a line; a polygon with a thousand corners needs some ten thousand."""
MOST_CORNERS: Final = 1_000
"""Corners of one polygon."""


@dataclass(slots=True)
class _Parts:
    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    corners: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def vertices(self) -> int:
        return len(self.numbers) // 3


def read_obj(file: BinaryIO) -> Mesh:
    """Read an OBJ; polygons are cut into fans of triangles."""
    parts = _Parts()
    for line, words in _statements(file):
        if words[0] == b"v":
            _take_vertex(parts, words, line)
        elif words[0] == b"f":
            _take_face(parts, words, line)
    vertices = np.array(parts.numbers).reshape(-1, 3)
    return checked(vertices, np.array(parts.corners).reshape(-1, 3))


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
