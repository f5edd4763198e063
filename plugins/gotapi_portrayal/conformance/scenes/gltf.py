"""PURE: glTF 2.0, as JSON or binary: references, sizes, indices, and the box of the scene."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from gotapi_core.conformance.model import Failed, expect
from gotapi_portrayal.conformance.scenes.shape import Shape, Triple, around

Matrix = NDArray[np.float64]

_JSON: Final = 0x4E4F534A
_BIN: Final = 0x004E4942
_TYPES: Final = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_MOST: Final = 100_000_000  # elements of an accessor
# What members of other types and numbers out of range make of the code below.
_STRANGE: Final = (LookupError, TypeError, AttributeError, ValueError, OverflowError)
_DEPTH: Final = 64  # nodes in nodes
# Mode of a primitive: triangles, strip, fan; how many are in n vertices.
_TRIANGLES: Final = {4: (3, 0), 5: (1, 2), 6: (1, 2)}


def read_glb(body: bytes) -> Shape:
    """Return what a GLB holds; raises Failed where it is none."""
    expect(body[:4] == b"glTF" and len(body) >= 20, "it does not begin as a GLB")
    version, length = struct.unpack_from("<II", body, 4)
    expect(version == 2, f"it is glTF {version}, not 2")
    expect(length == len(body), f"its header says {length} bytes, there are {len(body)}")
    chunks = dict(_chunks(body))
    expect(_JSON in chunks, "it has no JSON chunk")
    return _read(chunks[_JSON], chunks.get(_BIN, b""))


def read_gltf(body: bytes) -> Shape:
    """Return what a glTF in JSON holds; raises Failed where it is none."""
    return _read(body, b"")


def _chunks(body: bytes) -> Iterator[tuple[int, bytes]]:
    place = 12
    while place + 8 <= len(body):
        size, kind = struct.unpack_from("<II", body, place)
        expect(place + 8 + size <= len(body), "a chunk goes beyond the end of the GLB")
        yield kind, body[place + 8 : place + 8 + size]
        place += 8 + size
    expect(place == len(body), "the GLB ends within a chunk")


def _read(text: bytes, binary: bytes) -> Shape:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failed(f"its JSON cannot be read: {error}") from None
    expect(isinstance(document, dict), "its JSON is no object")
    try:
        version = str(document.get("asset", {}).get("version", ""))
        expect(version.startswith("2."), f"asset.version is {version!r}, not 2.0")
        return _Model(document, binary).shape()
    except _STRANGE as error:
        raise Failed(
            f"it refers to what is not there, or is not as glTF has it: {error!r}"
        ) from None


class _Model:
    def __init__(self, document: dict[str, Any], binary: bytes) -> None:
        self._document = document
        self._links = [
            one["uri"]
            for kind in ("buffers", "images")
            for one in document.get(kind, [])
            if "uri" in one and not one["uri"].startswith("data:")
        ]
        self._buffers = [_buffer(one, binary) for one in document.get("buffers", [])]

    def shape(self) -> Shape:
        scenes = self._document.get("scenes", [])
        if not scenes:
            return Shape(0, links=tuple(self._links), vertical=1)
        corners: list[Triple] = []
        triangles = 0
        for node in scenes[self._document.get("scene", 0)].get("nodes", []):
            for mesh, matrix in self._nodes(node, np.eye(4), 0):
                count, points = self._mesh(mesh)
                triangles += count
                corners += [_moved(point, matrix) for point in points]
        low, high = around(corners)
        return Shape(triangles, low, high, tuple(self._links), vertical=1)

    def _nodes(self, number: int, above: Matrix, depth: int) -> Iterator[tuple[int, Matrix]]:
        expect(depth < _DEPTH, f"nodes are nested deeper than {_DEPTH}, or in themselves")
        node = self._document["nodes"][number]
        matrix = above @ _matrix(node)
        if "mesh" in node:
            yield node["mesh"], matrix
        for child in node.get("children", []):
            yield from self._nodes(child, matrix, depth + 1)

    def _mesh(self, number: int) -> tuple[int, list[Triple]]:
        triangles, corners = 0, []
        for part in self._document["meshes"][number]["primitives"]:
            if part.get("extensions", {}).keys() & {"KHR_draco_mesh_compression"}:
                continue  # the accessors still have their limits, but nothing to look into
            positions = self._accessor(part["attributes"]["POSITION"])
            count = len(positions)
            if "indices" in part:
                indices = self._accessor(part["indices"])
                most = int(indices.max()) if len(indices) else -1
                expect(most < len(positions), f"an index is {most}, of {len(positions)} vertices")
                count = len(indices)
            step, first = _TRIANGLES.get(part.get("mode", 4), (count + 1, 0))
            triangles += max(0, count - first) // step
            expect(bool(np.isfinite(positions).all()), "a position is no finite number")
            corners += _corners(positions)
        return triangles, corners

    def _accessor(self, number: int) -> NDArray[Any]:
        accessor = self._document["accessors"][number]
        kind, width = np.dtype(_TYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
        count = int(accessor["count"])
        expect(0 <= count <= _MOST, f"accessor {number} has {count} elements")
        if "bufferView" not in accessor:
            return np.zeros((count, width), kind)
        view = self._document["bufferViews"][accessor["bufferView"]]
        buffer = self._buffers[view["buffer"]]
        if buffer is None:  # it lies elsewhere: its limits are all there is to see
            ends = [accessor.get("min", [0] * width), accessor.get("max", [0] * width)]
            return np.array(ends, np.float64)
        step = view.get("byteStride", kind.itemsize * width)
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        last = start + (count - 1) * step + kind.itemsize * width if count else start
        inside = start >= 0 and last <= min(
            len(buffer), view.get("byteOffset", 0) + view["byteLength"]
        )
        expect(inside, f"accessor {number} goes beyond its bytes")
        found: NDArray[Any] = np.ndarray((count, width), kind, buffer, start, (step, kind.itemsize))
        return found


def _buffer(one: dict[str, Any], binary: bytes) -> bytes | None:
    uri = one.get("uri")
    if uri is None:
        data = binary
    elif uri.startswith("data:"):
        head, _, rest = uri.partition(",")
        try:
            data = base64.b64decode(rest) if head.endswith(";base64") else unquote_to_bytes(rest)
        except ValueError as error:
            raise Failed(f"a buffer cannot be decoded: {error}") from None
    else:
        return None
    expect(len(data) >= one.get("byteLength", 0), "a buffer has fewer bytes than it says")
    return data


def _matrix(node: dict[str, Any]) -> Matrix:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    turned = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix[:3, :3] = turned * np.array(node.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


def _corners(positions: NDArray[Any]) -> list[Triple]:
    if not len(positions):
        return []
    low, high = positions.min(axis=0), positions.max(axis=0)
    ends = (low, high)
    return [
        (float(ends[a][0]), float(ends[b][1]), float(ends[c][2]))
        for a in (0, 1)
        for b in (0, 1)
        for c in (0, 1)
    ]


def _moved(point: Triple, matrix: Matrix) -> Triple:
    x, y, z, _ = matrix @ np.array((*point, 1.0))
    return float(x), float(y), float(z)
