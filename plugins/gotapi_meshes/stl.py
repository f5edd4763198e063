"""PURE: STL files, binary and ASCII. They have no unit; millimetres is what everybody means."""

import re
from array import array
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import MAX_TRIANGLES, Mesh, check_count, checked

_HEAD: Final = 84
_FACET: Final = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])

_BLOCK: Final = 1 << 20  # bytes of text read at once
_LONGEST_LINE: Final = 4096
"""Bytes of a line; a vertex needs some sixty. A file without line ends stops here."""
_VERTEX: Final = re.compile(rb"\s*vertex\s+(\S+)\s+(\S+)\s+(\S+)\s*$", re.IGNORECASE)
_OTHERS: Final = re.compile(rb"\s*(?:solid|facet|outer|endloop|endfacet|endsolid|$)", re.IGNORECASE)


def read_binary(file: BinaryIO, size: int) -> Mesh:
    """Read a binary STL of `size` bytes; the count is compared with the size before anything."""
    head = file.read(_HEAD)
    if len(head) < _HEAD:
        raise MeshError(f"the file ends after {len(head)} bytes; a binary STL begins with {_HEAD}")
    count = int.from_bytes(head[80:84], "little")
    expected = _HEAD + _FACET.itemsize * count
    if size < expected:
        raise MeshError(
            f"its header promises {count:,} triangles ({expected:,} bytes), but the file has "
            f"{size:,} bytes; it was cut off, export or send it again",
            "byte 80",
        )
    check_count(count, "byte 80")
    facets = np.frombuffer(_exactly(file, expected - _HEAD), _FACET)
    vertices = facets["corners"].reshape(-1, 3).astype(np.float64)
    return checked(vertices, np.arange(3 * count).reshape(-1, 3))


def read_ascii(file: BinaryIO) -> Mesh:
    """Read an ASCII STL."""
    numbers = array("d")
    ended = False
    for line, text in _lines(file):
        match = _VERTEX.match(text)
        if match is not None:
            numbers.extend(_triple(match, line))
            if len(numbers) > 9 * MAX_TRIANGLES:
                check_count(len(numbers) // 9 + 1, f"line {line}")
        elif not _OTHERS.match(text):
            shown = text[:40].decode("utf-8", "replace").strip()
            raise MeshError(f"'{shown}' does not belong in an ASCII STL", f"line {line}")
        ended = text.strip().lower().startswith(b"endsolid") or (ended and not text.strip())
    if not ended or len(numbers) % 9:
        raise MeshError("the file ends before `endsolid`; it was cut off, export or send it again")
    vertices = np.array(numbers).reshape(-1, 3)
    return checked(vertices, np.arange(len(vertices)).reshape(-1, 3))


def write_binary(mesh: Mesh) -> bytes:
    """Return the mesh as a binary STL; normals are zero, which readers compute themselves.

    They are zero from below: PrusaSlicer takes a file for text that has no byte above 127 near its
    beginning, as that of a small box, and the sign is such a byte.
    """
    facets = np.zeros(len(mesh.triangles), _FACET)
    facets["normal"] = -0.0
    facets["corners"] = mesh.corners().astype("<f4")
    return b"\0" * 80 + len(facets).to_bytes(4, "little") + facets.tobytes()


def _exactly(file: BinaryIO, wanted: int) -> bytes:
    data = file.read(wanted)
    if len(data) < wanted:
        raise MeshError(f"the file ends {wanted - len(data):,} bytes too early; send it again")
    return data


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number, rest = 0, b""
    while block := file.read(_BLOCK):
        *lines, rest = re.split(rb"\r\n?|\n", rest + block)
        for text in lines:
            number += 1
            yield number, text
        if len(rest) > _LONGEST_LINE:
            raise MeshError(f"a line is longer than {_LONGEST_LINE} bytes", f"line {number + 1}")
    if rest:
        yield number + 1, rest


def _triple(match: re.Match[bytes], line: int) -> tuple[float, float, float]:
    try:
        return float(match[1]), float(match[2]), float(match[3])
    except ValueError:
        shown = match[0].decode("utf-8", "replace").strip()[:60]
        raise MeshError(f"'{shown}' has something that is no number", f"line {line}") from None
