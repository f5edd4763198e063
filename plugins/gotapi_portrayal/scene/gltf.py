"""PURE: scenes as glTF 2.0, binary (GLB) and JSON.

The nodes from the top: `crs` brings coordinates of the CRS of the request to glTF's metres with y
up; with `offsetMode=embed` one with the offset; one with the place of what is in it; layers; LODs.
Below `crs` everything is in the order of axes and the units of the request (9.4).
"""

import base64
import math
from struct import pack
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Feature, Triple
from gotapi_portrayal.scene import gltf_metadata
from gotapi_portrayal.scene.gltf_buffers import Buffer, Json
from gotapi_portrayal.scene.gltf_looks import materials
from gotapi_portrayal.scene.gltf_shapes import Shaper
from gotapi_portrayal.scene.model import Camera, Frame, SceneModel

FEATURES: Final = "EXT_mesh_features"
GENERATOR: Final = "gotapi-hub 3D Portrayal Service"
_ASPECT: Final = 16 / 9
_NEAREST: Final = 1e-3  # of the distance to what a camera looks at

Points = NDArray[np.float64]


def glb(scene: SceneModel) -> bytes:
    """Return a scene as binary glTF (model/gltf-binary)."""
    return packed(*document(scene))


def gltf(scene: SceneModel) -> bytes:
    """Return a scene as JSON with its buffer in it (model/gltf+json)."""
    found, buffer = document(scene)
    if buffer.size:
        data = base64.b64encode(b"".join(buffer.chunks)).decode()
        found["buffers"][0]["uri"] = f"data:application/gltf-buffer;base64,{data}"
    return msgspec.json.encode(found)


def packed(found: Json, buffer: Buffer) -> bytes:
    """Return a document and its buffer as one GLB."""
    text = msgspec.json.encode(found)
    text += b" " * (-len(text) % 4)
    binary = buffer.size and [pack("<I4s", buffer.size, b"BIN\0"), *buffer.chunks]
    size = 12 + 8 + len(text) + (8 + buffer.size if binary else 0)
    head = pack("<4sII", b"glTF", 2, size) + pack("<I4s", len(text), b"JSON")
    return b"".join([head, text, *(binary or [])])


def document(scene: SceneModel) -> tuple[Json, Buffer]:
    """Return the document of a scene and its buffer, which is padded to four bytes."""
    buffer = Buffer()
    found: Json = {"asset": _asset(scene), "scene": 0}
    extensions: set[str] = set()
    found |= materials(buffer, scene, extensions)
    shaper = Shaper(scene, buffer, extensions)
    places = _metadata(found, buffer, scene, extensions)
    nodes = _Nodes(scene, shaper, places)
    top = nodes.tree(axes_turned(scene.frame))
    found["nodes"] = nodes.nodes
    found["scenes"] = [{"name": scene.title or "scene", "nodes": [top]}]
    if nodes.meshes:
        found["meshes"] = nodes.meshes
    if scene.viewpoints:
        _cameras(found, scene)
    buffer.finish()
    if buffer.size:
        found["accessors"], found["bufferViews"] = buffer.accessors, buffer.views
        found["buffers"] = [{"byteLength": buffer.size}]
    if extensions:
        found["extensionsUsed"] = sorted(extensions)
    if shaper.required:
        found["extensionsRequired"] = sorted(shaper.required)
    return found, buffer


def axes_turned(frame: Frame) -> Json:
    """Return rotation and scale of a node from axes and units of a CRS to metres with y up.

    North before east is the mirror image of east before north, so one axis is turned round.
    """
    x, y, z = frame.unit
    if frame.swapped:
        return {"rotation": [-0.5, -0.5, -0.5, 0.5], "scale": [-y, x, z]}
    half = math.sqrt(0.5)
    turned: Json = {"rotation": [-half, 0.0, 0.0, half]}
    return turned if frame.unit == (1.0, 1.0, 1.0) else turned | {"scale": [x, y, z]}


def ordered(point: Triple, frame: Frame) -> list[float]:
    """Return a point in the order of axes of the request."""
    x, y, z = point
    return [y, x, z] if frame.swapped else [x, y, z]


def _asset(scene: SceneModel) -> Json:
    frame = scene.frame
    axes = ["north", "east", "up"] if frame.swapped else ["east", "north", "up"]
    extras: Json = {"crs": frame.uri} if frame.uri else {}
    extras["axes"] = axes
    if scene.offset is not None:
        extras["offset"] = ordered(scene.offset, frame)
        extras["offsetMode"] = scene.offset_mode
    return {"version": "2.0", "generator": GENERATOR, "extras": extras}


def _metadata(
    found: Json, buffer: Buffer, scene: SceneModel, extensions: set[str]
) -> dict[int, tuple[int, int, int]]:
    """Write the tables; returns for each layer its table, its first feature and their count."""
    if not scene.features:
        return {}
    found_of: dict[int, tuple[int, int, int]] = {}
    groups: list[tuple[str, str, tuple[Feature, ...]]] = []
    for layer, (begin, end) in _runs(scene).items():
        found_of[layer] = (len(groups), begin, end - begin)
        named = scene.layers[layer]
        groups.append((named.id, named.title, scene.features[begin:end]))
    tables = gltf_metadata.tables(buffer, groups)
    if tables is not None:  # meshes may have no features, whatever the scene has
        found["extensions"] = {gltf_metadata.EXTENSION: tables}
        extensions |= {gltf_metadata.EXTENSION, FEATURES}
    return found_of


def _runs(scene: SceneModel) -> dict[int, tuple[int, int]]:
    """Return where the features of each layer are: they are together, as meshes name them."""
    first: dict[int, int] = {}
    for mesh in scene.meshes:
        if len(mesh.features):
            begin = int(mesh.features.min())
            first[mesh.layer] = min(begin, first.get(mesh.layer, begin))
    by_place = sorted(first.items(), key=lambda item: item[1])
    ends = [*(begin for _, begin in by_place), len(scene.features)][1:]
    pairs = zip(by_place, ends, strict=True)
    return {layer: (begin, end) for (layer, begin), end in pairs}


class _Nodes:
    """The tree of nodes and the meshes in it."""

    def __init__(
        self, scene: SceneModel, shaper: Shaper, tables: dict[int, tuple[int, int, int]]
    ) -> None:
        self.nodes: list[Json] = []
        self.meshes: list[Json] = []
        self._scene = scene
        self._shaper = shaper
        self._tables = tables

    def tree(self, turned: Json) -> int:
        """Make all nodes; returns the top one."""
        scene = self._scene
        embedded = scene.offset if scene.offset_mode == "embed" else None
        place = scene.place
        if embedded is not None:
            place = _difference(place, embedded)
        found = [self._layer(n) for n, one in enumerate(scene.layers) if one.parent < 0]
        inner = self._node({"name": "place", "children": [one for one in found if one is not None]})
        self._moved(inner, place)
        if embedded is not None:
            inner = self._node({"name": "offset", "children": [inner]})
            self._moved(inner, embedded)
        return self._node({"name": "crs", **turned, "children": [inner]})

    def _moved(self, node: int, by: Triple) -> None:
        if any(by):
            self.nodes[node]["translation"] = ordered(by, self._scene.frame)

    def _node(self, node: Json) -> int:
        if not node.get("children", True):
            del node["children"]
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _layer(self, place: int) -> int:
        layer = self._scene.layers[place]
        children = [
            self._layer(n) for n, one in enumerate(self._scene.layers) if one.parent == place
        ]
        lods = dict.fromkeys(mesh.lod for mesh in self._scene.meshes if mesh.layer == place)
        children += [self._lod(place, lod) for lod in lods]
        extras = {"layer": layer.id} | ({"style": layer.style} if layer.style else {})
        return self._node({"name": layer.title, "extras": extras, "children": children})

    def _lod(self, place: int, lod: str) -> int:
        primitives = []
        table = self._tables.get(place)
        for mesh in self._scene.meshes:
            if mesh.layer == place and mesh.lod == lod:
                primitive = self._shaper.primitive(mesh, 0 if table is None else table[1])
                if table is not None and "_FEATURE_ID_0" in primitive["attributes"]:
                    there = np.bincount(mesh.features - np.uint32(table[1]))
                    count = int(np.count_nonzero(there))  # of those in this primitive
                    ids = {"featureCount": count, "attribute": 0, "propertyTable": table[0]}
                    primitive["extensions"] = {FEATURES: {"featureIds": [ids]}}
                primitives.append(primitive)
        name = lod or self._scene.layers[place].id
        self.meshes.append({"name": name, "primitives": primitives})
        node: Json = {"name": name, "mesh": len(self.meshes) - 1, **self._shaper.node()}
        if lod:
            node["extras"] = {"lod": lod}
        return self._node(node)


def _cameras(found: Json, scene: SceneModel) -> None:
    """Put viewpoints beside the tree: below `crs` a camera could be out of shape (3.10.1)."""
    found["cameras"] = []
    for viewpoint in scene.viewpoints:
        sight = _sight(viewpoint, scene)
        if sight is None:
            continue
        matrix, away = sight
        half = math.radians(viewpoint.fovx) / 2
        yfov = 2 * math.atan(math.tan(half) / _ASPECT)
        lens = {"aspectRatio": _ASPECT, "yfov": yfov, "znear": max(away * _NEAREST, 1e-6)}
        number = len(found["cameras"])
        found["cameras"].append(
            {"name": viewpoint.title, "type": "perspective", "perspective": lens}
        )
        found["nodes"].append({"name": viewpoint.title, "camera": number, "matrix": matrix})
        found["scenes"][0]["nodes"].append(len(found["nodes"]) - 1)
    if not found["cameras"]:
        del found["cameras"]


def _sight(viewpoint: Camera, scene: SceneModel) -> tuple[list[float], float] | None:
    """Return the matrix of a camera in metres with y up, and how far it is to what it looks at."""
    poc, poi = (
        _upright(np.add(one, scene.place), scene.frame) for one in (viewpoint.poc, viewpoint.poi)
    )
    up = _upright(np.array(viewpoint.up), scene.frame)
    back = poc - poi
    away = float(np.linalg.norm(back))
    if not away:
        return None
    back /= away
    right = np.cross(up, back)
    for other in ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)):
        if np.linalg.norm(right) > 1e-9 * np.linalg.norm(up):
            break
        up = np.array(other)  # along the view, or nothing: the vertical, north seen from above
        right = np.cross(up, back)
    right /= np.linalg.norm(right)
    columns = [right, np.cross(back, right), back, poc]
    matrix = [
        number
        for column, last in zip(columns, (0.0, 0.0, 0.0, 1.0), strict=True)
        for number in (*column.tolist(), last)
    ]
    return matrix, away


def _upright(point: Points, frame: Frame) -> Points:
    x, y, z = point * np.array(frame.unit)
    return np.array((x, z, -y))


def _difference(one: Triple, other: Triple) -> Triple:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]
