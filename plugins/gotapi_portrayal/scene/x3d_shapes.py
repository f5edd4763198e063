"""PURE: meshes as the geometry of features, written in bulk and then taken apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.model import Mesh, Points
from gotapi_portrayal.scene.x3d_numbers import rows

NO_FEATURE: Final = -1
_UV_DECIMALS: Final = 5
_UV_REDUCED: Final = 4


@dataclass(frozen=True, slots=True)
class Writing:
    """How coordinates are written."""

    move: Triple = (0.0, 0.0, 0.0)
    """Added to vertices, as float64."""
    swapped: bool = False
    """North before east."""
    decimals: int = 5
    """Of vertices: stored on a grid of 0.06 mm, of which 5 keep apart every two in metres."""
    faces: bool = False
    """IndexedFaceSet of VRML97: every triangle ends with -1."""
    reduced: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The triangles of one feature in one mesh."""

    feature: int
    """Index into the features of the scene, or NO_FEATURE."""
    points: bytes
    index: bytes
    uvs: bytes | None = None


def pieces(mesh: Mesh, writing: Writing) -> Iterator[Piece]:
    """Give the geometry of each feature of a mesh, in the order of features."""
    mine = _sorted(mesh)
    if not len(mine.triangles):
        return
    owners = mine.owners[mine.triangles[:, 0]]
    cuts = np.flatnonzero(np.diff(owners)) + 1
    firsts = np.concatenate(([0], cuts))
    ends = np.concatenate((cuts, [len(owners)]))
    features = owners[firsts]
    begins = np.searchsorted(mine.owners, features)
    stops = np.searchsorted(mine.owners, features, side="right")
    local = mine.triangles - np.repeat(begins, ends - firsts)[:, None]
    if writing.faces:
        local = np.column_stack((local, np.full(len(local), -1)))
    points = rows(_placed(mine.vertices, writing), writing.decimals)
    index = rows(local)
    digits = _UV_REDUCED if writing.reduced else _UV_DECIMALS
    uvs = None if mine.uvs is None else rows(mine.uvs, digits)
    spans = zip(features, begins, stops, firsts, ends, strict=True)
    for feature, begin, stop, first, end in spans:
        yield Piece(
            int(feature),
            points.part(begin, stop),
            index.part(first, end),
            None if uvs is None else uvs.part(begin, stop),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    """A mesh with vertices and triangles in the order of features."""

    vertices: NDArray[np.float32]
    owners: NDArray[np.int64]
    triangles: NDArray[np.int64]
    uvs: NDArray[np.float32] | None


def _sorted(mesh: Mesh) -> _Sorted:
    whole: NDArray[np.bool_] = np.all(np.isfinite(mesh.vertices), axis=1)
    triangles = mesh.triangles.astype(np.int64)
    if not whole.all():
        # What another CRS has no place for: nothing can be drawn there, and no text says infinity.
        triangles = triangles[np.all(whole[triangles], axis=1)]
    owners = mesh.features.astype(np.int64)
    if not len(owners):
        owners = np.full(len(mesh.vertices), NO_FEATURE)
    vertices, uvs = np.where(whole[:, None], mesh.vertices, np.float32(0)), mesh.uvs
    if (np.diff(owners) < 0).any():
        order = np.argsort(owners, kind="stable")
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        vertices, owners, triangles = vertices[order], owners[order], places[triangles]
        uvs = None if uvs is None else uvs[order]
    of_triangle = owners[triangles[:, 0]]
    if (np.diff(of_triangle) < 0).any():
        triangles = triangles[np.argsort(of_triangle, kind="stable")]
    return _Sorted(vertices, owners, triangles, uvs)


def _placed(vertices: NDArray[np.float32], writing: Writing) -> Points:
    moved: Points = vertices.astype(np.float64) + writing.move
    return moved[:, [1, 0, 2]] if writing.swapped else moved
