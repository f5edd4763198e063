"""PURE: meshes as primitives of glTF."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.scene.gltf_buffers import Buffer, Json
from gotapi_portrayal.scene.model import Floats, Mesh, SceneModel, extent

TERRAIN: Final = "terrain"
QUANTIZATION: Final = "KHR_mesh_quantization"
_STEPS: Final = 65535
_COARSEST: Final = 0.05
"""Metres: a scene whose steps were larger is not quantised."""


class Shaper:
    """Writes the shapes of one scene; `required` are extensions without which one sees nothing.

    Walls and roofs have an edge wherever they meet, so each triangle has corners and a normal of
    its own: that is as small as sharing corners, as nearly each would be there three times.
    Terrain is smooth and shares them. With `reduceQuality` all share them, without normals (clients
    then light each triangle as flat, 3.7.2.1), on a grid of 16 bits.
    """

    def __init__(self, scene: SceneModel, buffer: Buffer, extensions: set[str]) -> None:
        self.required: set[str] = set()
        self._scene = scene
        self._buffer = buffer
        self._unit = np.array(scene.frame.unit)
        self._axes = [1, 0, 2] if scene.frame.swapped else [0, 1, 2]
        self._coarse = False
        if not scene.reduced:
            return
        low, high = np.array(scene.box.low), np.array(scene.box.high)
        self._low, self._step = low, (high - low) / _STEPS
        steps = self._step * self._unit
        self._coarse = bool((steps <= _COARSEST).all() and (steps > 0).any())
        if self._coarse:
            self.required.add(QUANTIZATION)
            extensions.add(QUANTIZATION)

    def node(self) -> Json:
        """Return what the nodes of meshes need, so that quantised points are where they belong."""
        if not self._coarse:
            return {}
        # A flat scene has no height to divide: any step will do.
        scale = np.where(self._step > 0, self._step, 1.0)[self._axes]
        return {"translation": self._low[self._axes].tolist(), "scale": scale.tolist()}

    def primitive(self, mesh: Mesh, first: int) -> Json:
        """Return a primitive; features are numbered from `first`."""
        primitive: Json = {"attributes": {}, "material": mesh.look}
        put = primitive["attributes"]
        shared = self._scene.reduced or self._scene.layers[mesh.layer].kind == TERRAIN
        # In the mirror image, which north before east is, triangles turn the other way.
        triangles = mesh.triangles[:, ::-1] if self._scene.frame.swapped else mesh.triangles
        chosen = slice(None) if shared else triangles.reshape(-1)
        if shared:
            primitive["indices"] = self._buffer.indices(triangles, len(mesh.vertices))
        positions = self._positions(mesh.vertices)
        bounds = extent(positions)  # of fewer points than there are corners
        put["POSITION"] = self._buffer.attribute("positions", positions[chosen], bounds)
        if not self._scene.reduced:
            normals = self._smooth(mesh) if shared else np.repeat(self._turned(mesh.normals), 3, 0)
            put["NORMAL"] = self._buffer.attribute("normals", normals)
        if mesh.uvs is not None and self._scene.looks[mesh.look].picture >= 0:
            # The origin of glTF's pictures is the upper left corner (3.9.2).
            uvs = mesh.uvs[chosen] * np.array((1, -1), np.float32) + np.array((0, 1), np.float32)
            put["TEXCOORD_0"] = self._buffer.attribute("uvs", uvs)
        if len(mesh.features):
            ids = (mesh.features[chosen] - np.uint32(first)).astype(np.float32)
            put["_FEATURE_ID_0"] = self._buffer.attribute("ids", ids)
        return primitive

    def _positions(self, vertices: Floats) -> NDArray[Any]:
        if not self._coarse:
            return vertices[:, self._axes]
        step = np.where(self._step > 0, self._step, 1.0)
        places = np.rint((vertices - self._low) / step)
        found: NDArray[np.uint16] = places.clip(0, _STEPS).astype(np.uint16)[:, self._axes]
        return found

    def _smooth(self, mesh: Mesh) -> Floats:
        """Return a normal for each vertex, of the triangles around it by their area."""
        corners = mesh.vertices[mesh.triangles] * self._unit.astype(np.float32)
        sums = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        flat = mesh.triangles.T.reshape(-1)
        count = len(mesh.vertices)
        columns = [np.bincount(flat, np.tile(sums[:, axis], 3), count) for axis in range(3)]
        return self._turned(np.stack(columns, axis=1).astype(np.float32))

    def _turned(self, normals: Floats) -> Floats:
        """Return normals as they are below `crs`: a stretched axis bends them the other way."""
        bent = normals * self._unit.astype(np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", bent, bent))[:, None]
        # No area, no direction: up will do, as a normal has to have a length.
        bent = np.where(lengths > 0, bent / np.where(lengths > 0, lengths, 1), (0.0, 0.0, 1.0))
        found: Floats = bent[:, self._axes].astype(np.float32)
        return found
