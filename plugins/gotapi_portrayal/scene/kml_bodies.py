"""PURE: a scene taken apart by feature: which triangles of which look each one has, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.scene.model import Mesh, SceneModel

Points = NDArray[np.float64]
Indices = NDArray[np.int64]


class Piece(NamedTuple):
    """Triangles of one look, as rows of `Bodies.places`."""

    look: int
    triangles: Indices  # (n, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """What a feature has in one LOD; without features, what a layer has of one look."""

    layer: int
    feature: int  # index into SceneModel.features, -1 where they were forgotten
    lod: str
    pieces: tuple[Piece, ...]

    @property
    def vertices(self) -> Indices:
        """The rows of `Bodies.places` that it uses, each once, ascending."""
        return np.unique(np.concatenate([piece.triangles for piece in self.pieces]))

    def joined(self) -> "list[Piece]":
        """Return its pieces, those of one look as one."""
        looks = dict.fromkeys(piece.look for piece in self.pieces)
        return [
            Piece(
                look,
                np.concatenate([one.triangles for one in self.pieces if one.look == look]),
            )
            for look in looks
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """Every body of a scene, layer by layer as they come; `lods` are those of each feature."""

    places: Points  # (v, 3) longitude, latitude, height of the vertices of all meshes
    uvs: NDArray[np.float32]  # (v, 2)
    bodies: tuple[Body, ...]
    lods: dict[tuple[int, int], tuple[str, ...]]  # by layer and feature, coarse to fine


def bodies(scene: SceneModel) -> Bodies:
    """Take a scene apart; raises ValueError where it is nowhere on earth."""
    found: dict[tuple[int, int, str, int], list[Piece]] = {}
    base = 0
    for mesh in scene.meshes:
        for feature, triangles in _groups(mesh):
            # Without features there is nothing to join: each look is a body of its own.
            look = mesh.look if feature < 0 else -1
            key = (mesh.layer, feature, mesh.lod, look)
            found.setdefault(key, []).append(Piece(mesh.look, triangles + base))
        base += len(mesh.vertices)
    made = tuple(
        Body(layer, feature, lod, tuple(pieces))
        for (layer, feature, lod, _), pieces in found.items()
    )
    lods: dict[tuple[int, int], tuple[str, ...]] = {}
    for body in made:
        known = lods.get((body.layer, body.feature), ())
        lods[body.layer, body.feature] = tuple(sorted({*known, body.lod}, key=_fineness))
    return Bodies(_places(scene), _uvs(scene), made, lods)


def _fineness(lod: str) -> tuple[str, str]:
    return lod.rpartition(":")[2], lod


def _groups(mesh: Mesh) -> Iterator[tuple[int, Indices]]:
    """Give the triangles of each feature of a mesh, in the order of the features."""
    triangles = mesh.triangles.astype(np.int64)
    if not len(triangles):
        return
    if not len(mesh.features):
        yield -1, triangles
        return
    owners = mesh.features[triangles[:, 0]]
    order = np.argsort(owners, kind="stable")
    owners, triangles = owners[order], triangles[order]
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    ends = np.append(starts[1:], len(owners))
    for first, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield int(owners[first]), triangles[first:end]


def _places(scene: SceneModel) -> Points:
    relative = [mesh.vertices for mesh in scene.meshes]
    joined = np.concatenate([np.empty((0, 3), np.float32), *relative]).astype(np.float64)
    return scene.frame.degrees(joined + np.array(scene.origin))


def _uvs(scene: SceneModel) -> NDArray[np.float32]:
    each = [
        np.zeros((len(mesh.vertices), 2), np.float32) if mesh.uvs is None else mesh.uvs
        for mesh in scene.meshes
    ]
    return np.concatenate([np.empty((0, 2), np.float32), *each])
