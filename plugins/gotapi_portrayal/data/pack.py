"""PURE: parts as bytes, and the features of a part that are asked for."""

from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.types import Box, Lods, Part, SceneError, Spatial, Triple

Bools = NDArray[np.bool_]
Masks = NDArray[np.uint32]

# name, type, numbers in a row; how many rows is in the head
_ARRAYS: Final = (
    ("features", "<u4", 1, 0), ("masks", "<u4", 1, 0), ("triangle_counts", "<u4", 1, 0),
    ("vertex_counts", "<u4", 1, 0), ("boxes", "<f4", 6, 0), ("centres", "<f4", 3, 0),
    ("vertices", "<f4", 3, 1), ("triangles", "<u4", 3, 2), ("materials", "<u4", 1, 2),
    ("surfaces", "<u1", 1, 2), ("uvs", "<f4", 2, 3),
)  # fmt: skip
_HEAD: Final = np.dtype("<u4")
_ERROR: Final = cast("type[Exception]", isal_zlib.error)  # its types say that it is an instance


def pack(part: Part, masks: Masks, base: int) -> bytes:
    """Return a part as bytes; numbers of features are kept relative to `base`."""
    rows = (len(part.features), len(part.vertices), len(part.triangles))
    uvs = np.empty((0, 2), np.float32) if part.uvs is None else part.uvs
    arrays: tuple[NDArray[Any], ...] = (
        part.features - base, masks, np.diff(part.triangle_starts), np.diff(part.vertex_starts),
        part.boxes, part.centres, part.vertices, part.triangles, part.materials, part.surfaces, uvs,
    )  # fmt: skip
    body = [np.array((*rows, len(uvs)), _HEAD).tobytes()]
    for (_, kind, _, _), array in zip(_ARRAYS, arrays, strict=True):
        packed = np.ascontiguousarray(array, kind)
        # First bytes of all numbers, then the second ones: neighbours differ in the last ones only.
        body.append(packed.reshape(-1, 1).view(np.uint8).T.tobytes())
    return isal_zlib.compress(b"".join(body), 1)


def unpack(data: bytes, layer: str, code: int, origin: Triple, base: int) -> tuple[Part, Masks]:
    """Read what `pack` wrote; raises SceneError where it is damaged."""
    try:
        body = isal_zlib.decompress(data)
        rows = np.frombuffer(body, _HEAD, 4).tolist()
        place, found = 16, {}
        for name, kind, width, row in _ARRAYS:
            dtype, count = np.dtype(kind), rows[row] * width
            flat = np.frombuffer(body, np.uint8, count * dtype.itemsize, place)
            place += flat.nbytes
            numbers = np.ascontiguousarray(flat.reshape(dtype.itemsize, count).T).view(dtype)
            found[name] = numbers.reshape(rows[row], width) if width > 1 else numbers.ravel()
    except (_ERROR, ValueError, EOFError) as error:
        raise SceneError(f"a part of layer '{layer}' is damaged; import it again") from error
    part = Part(
        layer=layer,
        lod=lod.name(code),
        origin=origin,
        features=found["features"].astype(np.int64) + base,
        triangle_starts=_starts(found["triangle_counts"]),
        vertex_starts=_starts(found["vertex_counts"]),
        boxes=found["boxes"],
        centres=found["centres"],
        vertices=found["vertices"],
        triangles=found["triangles"],
        materials=found["materials"],
        surfaces=found["surfaces"],
        uvs=found["uvs"] if rows[3] else None,
    )
    return part, found["masks"]


def wanted(part: Part, masks: Masks, lods: Lods | None) -> Bools:
    """Tell for each feature of a part whether this LOD of it is taken."""
    mine = lod.bit(lod.code(part.lod))
    sets, where = np.unique(masks, return_inverse=True)
    return np.array([bool(lod.chosen(int(one), lods) & mine) for one in sets])[where]


def inside(part: Part, box: Box, spatial: Spatial) -> Bools:
    """Tell for each feature of a part whether a box touches its own box, or has its centre."""
    origin = np.array(part.origin)
    if spatial is Spatial.CONTAINS_CENTER:
        low = high = part.centres + origin
    else:
        low, high = part.boxes[:, :3] + origin, part.boxes[:, 3:] + origin
    return touches(low, high, box)


def touches(low: NDArray[np.float64], high: NDArray[np.float64], box: Box) -> Bools:
    """Tell for each box, (n, 3) and (n, 3), whether another one touches it."""
    apart = (low > np.array(box.high)) | (high < np.array(box.low))
    found: Bools = ~np.any(apart, axis=1)
    return found


def take(part: Part, keep: Bools) -> Part:
    """Return the part with only the features that are marked."""
    if keep.all():
        return part
    triangles_of, vertices_of = np.diff(part.triangle_starts), np.diff(part.vertex_starts)
    triangle_rows = np.repeat(keep, triangles_of)
    vertex_rows = np.repeat(keep, vertices_of)
    moved = np.cumsum(vertex_rows, dtype=np.int64) - 1
    triangles = moved[part.triangles[triangle_rows]].astype(np.uint32)
    return replace(
        part,
        features=part.features[keep],
        triangle_starts=_starts(triangles_of[keep]),
        vertex_starts=_starts(vertices_of[keep]),
        boxes=part.boxes[keep],
        centres=part.centres[keep],
        vertices=part.vertices[vertex_rows],
        triangles=triangles,
        materials=part.materials[triangle_rows],
        surfaces=part.surfaces[triangle_rows],
        uvs=None if part.uvs is None else part.uvs[vertex_rows],
    )


def _starts(counts: NDArray[Any]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
