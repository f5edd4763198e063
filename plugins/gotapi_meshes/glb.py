"""PURE: GLB files (binary glTF 2.0): accessors, primitives and node transforms into one mesh."""

from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.glb_json import Accessor, Gltf, Node, Primitive, decode
from gotapi_meshes.glb_paint import Brush, brush
from gotapi_meshes.mesh import Floats, Mesh, check_count, check_vertices, checked

MAX_BYTES: Final = 512 << 20
"""Bytes of a file, textures included."""
MOST_NODES: Final = 20_000
"""Nodes visited; a scene is a tree, so more visits than nodes are a ring."""

_JSON, _BIN = 0x4E4F534A, 0x004E4942
_COMPONENTS: Final[dict[int, np.dtype[Any]]] = {
    5120: np.dtype("<i1"), 5121: np.dtype("<u1"), 5122: np.dtype("<i2"), 5123: np.dtype("<u2"),
    5125: np.dtype("<u4"), 5126: np.dtype("<f4"),
}  # fmt: skip
_WIDTHS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6

# glTF 3.4: metres, +Y up; a printer: millimetres, +Z up.
_TO_PRINTER: Final = np.array(
    [[1000.0, 0, 0, 0], [0, 0, -1000.0, 0], [0, 1000.0, 0, 0], [0, 0, 0, 1.0]]
)


def read_glb(file: BinaryIO, size: int, painted: bool = False) -> Mesh:
    """Read a GLB of `size` bytes: the meshes of its scene, where its nodes put them.

    With `painted` also how they look.
    """
    if size > MAX_BYTES:
        raise MeshError(f"the file has {size:,} bytes, and {MAX_BYTES:,} are read")
    document, binary = _chunks(file.read(size))
    builder = _Builder(decode(document), binary)
    if painted:
        builder.brush = brush(document, builder.numbers, builder.bytes_of)
    return builder.build()


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """Return the JSON and the binary chunk (glTF 4.4)."""
    if len(data) < 20 or data[:4] != b"glTF":
        raise MeshError("it does not begin as a GLB does")
    version, length = _u4(data, 4), _u4(data, 8)
    if version != 2:
        raise MeshError(f"it is glTF version {version}; 2 is read, export it again")
    if length > len(data):
        raise MeshError(
            f"its header promises {length:,} bytes and the file has {len(data):,}; "
            "it was cut off, export or send it again",
            "byte 8",
        )
    found: dict[int, bytes] = {}
    place = 12
    while place + 8 <= length:
        chunk, kind = _u4(data, place), _u4(data, place + 4)
        if place + 8 + chunk > length:
            raise MeshError(f"a chunk of {chunk:,} bytes does not fit", f"byte {place}")
        found.setdefault(kind, data[place + 8 : place + 8 + chunk])
        place += 8 + chunk
    if _JSON not in found:
        raise MeshError("it has no JSON chunk", "byte 12")
    return found[_JSON], found.get(_BIN, b"")


def _u4(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "little")


@dataclass(slots=True)
class _Builder:
    gltf: Gltf
    binary: bytes
    vertices: list[Floats] = field(default_factory=list)
    triangles: list[NDArray[np.int64]] = field(default_factory=list)
    vertex_count: int = 0
    triangle_count: int = 0
    brush: Brush | None = None

    def build(self) -> Mesh:
        visits = 0
        waiting = [(index, _TO_PRINTER) for index in self._roots()]
        while waiting:
            index, outer = waiting.pop()
            visits += 1
            if visits > MOST_NODES:
                raise MeshError(f"its scene has more than {MOST_NODES} nodes, or a ring of them")
            node = self._node(index)
            with np.errstate(all="ignore"):
                transform = outer @ _matrix(node, index)
            if node.mesh is not None:
                self._mesh(node.mesh, transform)
            waiting += [(child, transform) for child in node.children[:MOST_NODES]]
        if not self.triangles:
            raise MeshError("its scene has no triangles; there is nothing to print")
        paint = None if self.brush is None else self.brush.done()
        return checked(np.concatenate(self.vertices), np.concatenate(self.triangles), True, paint)

    def _roots(self) -> tuple[int, ...]:
        if self.gltf.scenes:
            number = self.gltf.scene or 0
            if number >= len(self.gltf.scenes):
                raise MeshError(f"there is no scene {number}")
            return self.gltf.scenes[number].nodes
        inner = {child for node in self.gltf.nodes for child in node.children}
        return tuple(index for index in range(len(self.gltf.nodes)) if index not in inner)

    def _node(self, index: int) -> Node:
        if index >= len(self.gltf.nodes):
            raise MeshError(f"there is no node {index} ({len(self.gltf.nodes)} in all)")
        return self.gltf.nodes[index]

    def _mesh(self, index: int, transform: Floats) -> None:
        if index >= len(self.gltf.meshes):
            raise MeshError(f"there is no mesh {index} ({len(self.gltf.meshes)} in all)")
        for number, primitive in enumerate(self.gltf.meshes[index].primitives):
            if primitive.mode in (_TRIANGLES, _STRIP, _FAN):
                self._primitive(primitive, transform, (index, number))

    def _primitive(self, primitive: Primitive, transform: Floats, place: tuple[int, int]) -> None:
        if "POSITION" not in primitive.attributes:
            return
        where = f"mesh {place[0]}"
        places = self.numbers(primitive.attributes["POSITION"], "VEC3")
        self.vertex_count += len(places)
        check_vertices(self.vertex_count, where)
        corners = self._corners(primitive, len(places), where)
        if np.linalg.det(transform[:3, :3]) < 0:
            corners = corners[:, ::-1]  # glTF 3.7.4: a mirror turns the surface inside out
        with np.errstate(all="ignore"):
            self.vertices.append(places @ transform[:3, :3].T + transform[:3, 3])
        self.triangles.append(corners + (self.vertex_count - len(places)))
        if self.brush is not None:
            self.brush.stroke(place, primitive.attributes, corners, len(places))

    def _corners(self, primitive: Primitive, count: int, where: str) -> NDArray[np.int64]:
        if primitive.indices is None:
            order = np.arange(count)
        else:
            accessor = self._accessor(primitive.indices)
            self.triangle_count += accessor.count // (3 if primitive.mode == _TRIANGLES else 1)
            check_count(self.triangle_count, where)
            order = self.numbers(primitive.indices, "SCALAR").ravel().astype(np.int64)
        if len(order) and order.max() >= count:
            raise MeshError(f"uses vertex {order.max()} of {count} (counted from 0)", where)
        corners = _triangles(order, primitive.mode)
        self.triangle_count += len(corners) if primitive.indices is None else 0
        check_count(self.triangle_count, where)
        return corners

    def _accessor(self, index: int) -> Accessor:
        if index >= len(self.gltf.accessors):
            raise MeshError(f"there is no accessor {index} ({len(self.gltf.accessors)} in all)")
        return self.gltf.accessors[index]

    def numbers(self, index: int, kind: str) -> Floats:
        """Return the numbers of an accessor, (count, width); nothing is read outside its view."""
        accessor, where = self._accessor(index), f"accessor {index}"
        dtype = _COMPONENTS.get(accessor.component_type)
        if dtype is None or accessor.type != kind:
            raise MeshError(
                f"holds {accessor.type[:20]} of type {accessor.component_type}, not {kind}", where
            )
        if bytes(accessor.sparse) or accessor.buffer_view is None:
            raise MeshError(
                "is sparse, or its data is compressed; export without compression", where
            )
        check_vertices(accessor.count // (1 if kind == "VEC3" else 3), where)
        data, stride = self._view(accessor.buffer_view, where)
        width = _WIDTHS[kind] * dtype.itemsize
        stride = stride or width
        last = accessor.byte_offset + stride * (accessor.count - 1) + width
        if accessor.count and (last > len(data) or stride < width):
            raise MeshError(f"needs {last:,} bytes of a view of {len(data):,}", where)
        rows = np.ndarray(
            (accessor.count, _WIDTHS[kind]), dtype, data, accessor.byte_offset if accessor.count
            else 0, (stride, dtype.itemsize)
        )  # fmt: skip
        numbers: Floats = rows.astype(np.float64)
        if accessor.normalized and dtype.kind in "iu":
            # glTF 3.6.2.2
            numbers = np.maximum(numbers / np.iinfo(dtype).max, -1.0)
        return numbers

    def bytes_of(self, view: int) -> bytes:
        """Return the bytes of a view."""
        return self._view(view, f"view {view}")[0]

    def _view(self, index: int, where: str) -> tuple[bytes, int]:
        views = self.gltf.buffer_views
        if index >= len(views):
            raise MeshError(f"uses view {index} of {len(views)}", where)
        view = views[index]
        end = view.byte_offset + view.byte_length
        if view.buffer != 0 or end > len(self.binary):
            raise MeshError(
                f"its view ends at byte {end:,} of buffer {view.buffer}; the file has "
                f"{len(self.binary):,} bytes in buffer 0",
                where,
            )
        return self.binary[view.byte_offset : end], view.byte_stride


def _triangles(order: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    if mode == _TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    if len(order) < 3:
        return np.empty((0, 3), np.int64)
    if mode == _FAN:
        first = np.full(len(order) - 2, order[0])
        return np.column_stack([first, order[1:-1], order[2:]])
    strip = np.column_stack([order[:-2], order[1:-1], order[2:]])
    strip[1::2] = strip[1::2][:, [1, 0, 2]]  # every second one turns the other way
    return strip


def _matrix(node: Node, index: int) -> Floats:
    if node.matrix:
        if len(node.matrix) != 16:
            raise MeshError(f"its matrix has {len(node.matrix)} numbers, not 16", f"node {index}")
        return np.array(node.matrix).reshape(4, 4).T
    x, y, z, w = node.rotation
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    made = np.eye(4)
    made[:3, :3] = turn * np.array(node.scale)
    made[:3, 3] = node.translation
    return made
