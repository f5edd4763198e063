"""PURE: the one buffer of a glTF document, its views and accessors."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.request.errors import invalid

Json = dict[str, Any]

FLOAT: Final = 5126
UNSIGNED_SHORT: Final = 5123
UNSIGNED_INT: Final = 5125
VERTICES: Final = 34962
INDICES: Final = 34963
_ALIGNED: Final = 8  # EXT_structural_metadata wants 8, everything else 4
MOST_BYTES: Final = 1 << 30
"""Of one document; numbers of GLB end at 4 GiB, memory before that."""
_TYPES: Final = {1: "SCALAR", 2: "VEC2", 3: "VEC3"}
_CODES: Final = {"f4": FLOAT, "u2": UNSIGNED_SHORT, "u4": UNSIGNED_INT}


@dataclass(slots=True, eq=False)
class Rows:
    """Numbers of one kind of all meshes, which become one view of the buffer."""

    target: int
    stride: int = 0
    arrays: list[NDArray[Any]] = field(default_factory=list)
    size: int = 0
    accessors: list[Json] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Buffer:
    """What is in a buffer; rows of numbers are put into it when it is finished."""

    chunks: list[bytes | memoryview] = field(default_factory=list)
    size: int = 0
    views: list[Json] = field(default_factory=list)
    accessors: list[Json] = field(default_factory=list)
    rows: dict[str, Rows] = field(default_factory=dict)

    def view(self, data: bytes | memoryview, target: int = 0, stride: int = 0) -> int:
        """Put bytes into the buffer; returns the number of their view. Raises OwsError."""
        view: Json = {"buffer": 0, "byteOffset": self.size, "byteLength": len(data)}
        if target:
            view["target"] = target
        if stride:
            view["byteStride"] = stride
        self.views.append(view)
        padding = -len(data) % _ALIGNED
        self.chunks += [data, b"\0" * padding] if padding else [data]
        self.size += len(data) + padding
        if self.size > MOST_BYTES:
            raise invalid(
                "boundingBox",
                f"the scene has more than {MOST_BYTES >> 20} MiB; ask for a smaller box, or the "
                "delivery option spatialIndex",
            )
        return len(self.views) - 1

    def attribute(
        self,
        name: str,
        values: NDArray[Any],
        bounds: tuple[NDArray[Any], NDArray[Any]] | None = None,
    ) -> int:
        """Put an attribute of vertices, (n,) or (n, width), into the buffer.

        Returns the number of its accessor. `bounds`, the least and the greatest values, are wanted
        of positions.
        """
        packed = np.ascontiguousarray(values)
        width = 1 if packed.ndim == 1 else packed.shape[1]
        stride = -(-packed.itemsize * width // 4) * 4
        if stride != packed.itemsize * width:  # every vertex begins at four bytes
            wide = np.zeros((len(packed), stride // packed.itemsize), packed.dtype)
            wide[:, :width] = packed.reshape(len(packed), width)
            wide_or_not = wide
        else:
            wide_or_not = packed
        accessor = self._accessor(packed, width)
        if bounds is not None:
            accessor["min"], accessor["max"] = (one.tolist() for one in bounds)
        return self._put(f"{name} {packed.dtype.str}", wide_or_not, accessor, VERTICES, stride)

    def indices(self, triangles: NDArray[np.uint32], vertices: int) -> int:
        """Put triangles into the buffer; returns the number of their accessor."""
        # The largest number of a type restarts primitives.
        small = vertices < 0xFFFF
        flat = triangles.reshape(-1).astype(np.uint16 if small else np.uint32)
        name = "indices of 16 bits" if small else "indices"
        return self._put(name, flat, self._accessor(flat, 1), INDICES, 0)

    def finish(self) -> None:
        """Put the rows into the buffer, each as one view."""
        for rows in self.rows.values():
            joined = rows.arrays[0] if len(rows.arrays) == 1 else np.concatenate(rows.arrays)
            view = self.view(joined.reshape(-1).view(np.uint8).data, rows.target, rows.stride)
            for accessor in rows.accessors:
                accessor["bufferView"] = view
        self.rows.clear()

    def _accessor(self, values: NDArray[Any], width: int) -> Json:
        code = _CODES[values.dtype.str[1:]]
        return {"componentType": code, "count": len(values), "type": _TYPES[width]}

    def _put(
        self, name: str, values: NDArray[Any], accessor: Json, target: int, stride: int
    ) -> int:
        rows = self.rows.setdefault(name, Rows(target, stride))
        accessor["byteOffset"] = rows.size
        rows.arrays.append(values)
        rows.size += values.nbytes
        rows.accessors.append(accessor)
        self.accessors.append(accessor)
        return len(self.accessors) - 1
