"""PURE: meshes of a scene joined by how they look, for `regroupGeometry`."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gotapi_portrayal.data.weld import weld
from gotapi_portrayal.scene.model import Mesh, SceneLayer, SceneModel


def regrouped(scene: SceneModel) -> SceneModel:
    """Return a scene with one mesh for each look, and without features, layers and LODs.

    Vertices that are the same become one, also where they are of several features.
    """
    looks: dict[int, list[Mesh]] = {}
    for mesh in scene.meshes:
        looks.setdefault(mesh.look, []).append(mesh)
    return replace(
        scene,
        meshes=tuple(_welded(joined(meshes)) for meshes in looks.values()),
        layers=(SceneLayer("all", scene.title),) if scene.meshes else scene.layers,
        features=(),
        regrouped=True,
    )


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Return meshes as one, of the first one's look and layer, without features."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)]).astype(np.uint32)
    first = meshes[0]
    uvs = [mesh.uvs for mesh in meshes if mesh.uvs is not None]
    return Mesh(
        first.look,
        0,
        "",
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate(
            [mesh.triangles + start for mesh, start in zip(meshes, starts[:-1], strict=True)]
        ),
        np.empty(0, np.uint32),
        np.concatenate(uvs) if len(uvs) == len(meshes) else None,
        first.unit,
    )


def _welded(mesh: Mesh) -> Mesh:
    columns = mesh.vertices if mesh.uvs is None else np.hstack((mesh.vertices, mesh.uvs))
    chosen, places = weld(columns, np.zeros(len(columns), np.int64))
    return Mesh(
        mesh.look,
        mesh.layer,
        mesh.lod,
        mesh.vertices[chosen],
        places[mesh.triangles].astype(np.uint32),
        mesh.features,
        None if mesh.uvs is None else mesh.uvs[chosen],
        mesh.unit,
    )
