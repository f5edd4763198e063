"""PURE: GLB files (binary glTF 2.0) of one mesh, with or without colours of its vertices."""

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import Mesh

_FLOAT, _UINT, _UBYTE = 5126, 5125, 5121
_VERTICES, _INDICES = 34962, 34963  # targets of views
_JSON, _BIN = 0x4E4F534A, 0x004E4942


def write_glb(mesh: Mesh, colours: NDArray[np.uint8] | None = None, name: str = "model") -> bytes:
    """Return a mesh (millimetres, +Z up, front towards -Y) as a GLB (+Y up, front towards +Z).

    Positions stay millimetres; the node scales them to the metres of glTF 3.4. `colours` is (n, 3),
    sRGB as in pictures; glTF 3.9.2 wants linear ones, so they are converted.
    """
    x, y, z = mesh.vertices.T
    positions = np.column_stack([x, z, -y]).astype("<f4")
    views = [mesh.triangles.astype("<u4").tobytes(), positions.tobytes()]
    low, high = (values.tolist() for values in (positions.min(axis=0), positions.max(axis=0)))
    accessors: list[dict[str, Any]] = [
        _accessor(0, _UINT, mesh.triangles.size, "SCALAR"),
        _accessor(1, _FLOAT, len(positions), "VEC3") | {"min": low, "max": high},
    ]
    attributes = {"POSITION": 1}
    if colours is not None:
        if colours.shape != mesh.vertices.shape:
            raise MeshError(f"{len(mesh.vertices)} vertices have {len(colours)} colours")
        views.append(_linear(colours).tobytes())
        accessors.append(_accessor(2, _UBYTE, len(positions), "VEC4") | {"normalized": True})
        attributes["COLOR_0"] = 2
    return _file(_document(views, accessors, attributes, name), b"".join(views))


def _accessor(view: int, component: int, count: int, kind: str) -> dict[str, Any]:
    return {"bufferView": view, "componentType": component, "count": count, "type": kind}


def _linear(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return linear RGBA of sRGB, four bytes each as alignment wants it."""
    share = np.arange(256) / 255.0
    table = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    levels = np.round(table * 255.0).astype(np.uint8)
    opaque = np.full((len(colours), 1), 255, np.uint8)
    return np.hstack([levels[colours], opaque])


def _document(
    views: list[bytes], accessors: list[dict[str, Any]], attributes: dict[str, int], name: str
) -> bytes:
    places, start = [], 0
    for index, view in enumerate(views):
        target = _INDICES if index == 0 else _VERTICES
        places.append({"buffer": 0, "byteOffset": start, "byteLength": len(view), "target": target})
        start += len(view)
    material = {"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.9}}
    primitive = {"attributes": attributes, "indices": 0, "material": 0}
    return msgspec.json.encode(
        {
            "asset": {"version": "2.0", "generator": "gotapi-hub"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0, "name": name, "scale": [0.001, 0.001, 0.001]}],
            "meshes": [{"primitives": [primitive]}],
            "materials": [material],
            "accessors": accessors,
            "bufferViews": places,
            "buffers": [{"byteLength": start}],
        }
    )


def _file(document: bytes, binary: bytes) -> bytes:
    # glTF 4.4: chunks end at a multiple of four, JSON with spaces.
    document += b" " * (-len(document) % 4)
    binary += b"\0" * (-len(binary) % 4)
    parts: Final = (_chunk(document, _JSON), _chunk(binary, _BIN))
    length = 12 + sum(map(len, parts))
    head = b"glTF" + (2).to_bytes(4, "little") + length.to_bytes(4, "little")
    return b"".join((head, *parts))


def _chunk(data: bytes, kind: int) -> bytes:
    return len(data).to_bytes(4, "little") + kind.to_bytes(4, "little") + data
