"""PURE: the content of a node of i3s: triangles sorted by feature, and the buffer of them."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Feature, Triple
from gotapi_portrayal.scene.i3s_space import places
from gotapi_portrayal.scene.model import Look, Mesh, SceneModel

Points = NDArray[np.float64]

LAYOUT: Final = (
    ("position", "Float32", 3),
    ("normal", "Float32", 3),
    ("uv0", "Float32", 2),
    ("color", "UInt8", 4),
    ("region", "UInt16", 4),
)
"""The values of a vertex in the order of the buffer, as `defaultGeometrySchema` says."""
HEADER: Final = 8  # bytes: counts of vertices and of features
WHOLE: Final = (0, 0, 65535, 65535)  # a region that is the whole picture
_NEAR: Final = 1e-4  # of a picture, by which coordinates may leave it
_LOST: Final = Feature(0, "", "", "", 0, {}, (), None)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a picture is in that of the node: left, top, right, bottom, from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Triangles of a node, feature by feature. Arrays have a row a corner, three a triangle."""

    points: Points  # relative to the origin of the scene
    normals: NDArray[np.float32]
    colours: NDArray[np.uint8]
    uvs: NDArray[np.float32]
    regions: NDArray[np.uint16]
    features: tuple[Feature, ...]
    faces: NDArray[np.uint32]  # (f, 2) first and last triangle of each feature
    textured: bool
    opaque: bool

    @property
    def count(self) -> int:
        """The number of corners."""
        return len(self.points)


def content(
    scene: SceneModel, spots: Mapping[int, Spot] | None = None, blank: Spot | None = None
) -> Content:
    """Return the triangles of a scene; of features with several LODs only the finest.

    `spots` says where each of its pictures is in that of the node, `blank` where it is white.
    """
    spots = spots or {}
    chosen = _finest(scene)
    rows = [_rows(scene, mesh, keep) for mesh, keep in zip(scene.meshes, chosen, strict=True)]
    looks = [scene.looks[mesh.look] for mesh in scene.meshes]
    owners = np.concatenate([np.empty(0, np.int64), *(one[0] for one in rows)])
    order = np.argsort(owners, kind="stable")
    owners = owners[order]
    starts = np.flatnonzero(np.diff(owners, prepend=-2))
    ends = np.append(starts[1:], len(owners))[: len(starts)]
    mapped = [
        _mapped(mesh, keep, look, spots.get(look.picture), blank)
        for mesh, keep, look in zip(scene.meshes, chosen, looks, strict=True)
    ]
    normals = [
        np.repeat(mesh.normals[keep][:, None], 3, axis=1)
        for mesh, keep in zip(scene.meshes, chosen, strict=True)
    ]
    colours = [
        np.full((len(one[0]), 3, 4), _colour(look), np.uint8)
        for one, look in zip(rows, looks, strict=True)
    ]
    return Content(
        points=_sorted([one[1] for one in rows], order, 3),
        normals=_sorted(normals, order, 3).astype(np.float32),
        colours=_sorted(colours, order, 4).astype(np.uint8),
        uvs=_sorted([one[0] for one in mapped], order, 2).astype(np.float32),
        regions=_sorted([one[1] for one in mapped], order, 4).astype(np.uint16),
        features=tuple(
            scene.features[owner] if owner >= 0 else _LOST for owner in owners[starts].tolist()
        ),
        faces=np.column_stack((starts, ends - 1)).astype(np.uint32).reshape(-1, 2),
        textured=bool(spots),
        opaque=all(look.opacity >= 1.0 for look in looks),
    )


def buffer(scene: SceneModel, found: Content, middle: Triple) -> bytes:
    """Return the resource of a node's geometry, its vertices relative to the node's middle."""
    absolute = places(scene.frame, found.points + np.array(scene.origin))
    numbers = np.array([feature.number for feature in found.features], "<u8")
    parts = (
        struct.pack("<II", found.count, len(found.features)),
        (absolute - np.array(middle)).astype("<f4").tobytes(),
        found.normals.astype("<f4").tobytes(),
        found.uvs.astype("<f4").tobytes(),
        found.colours.tobytes(),
        found.regions.astype("<u2").tobytes(),
        numbers.tobytes(),
        found.faces.astype("<u4").tobytes(),
    )
    return b"".join(parts)


def _finest(scene: SceneModel) -> list[NDArray[np.bool_]]:
    """Tell for each triangle of each mesh whether it is of the finest LOD of its feature."""
    lods = sorted({mesh.lod for mesh in scene.meshes}, key=lambda lod: lod.rpartition(":")[2])
    if len(lods) < 2 or scene.regrouped:
        return [np.ones(len(mesh.triangles), bool) for mesh in scene.meshes]
    best = np.zeros(max(1, len(scene.features)), np.int64)
    for mesh in scene.meshes:
        np.maximum.at(best, mesh.features, lods.index(mesh.lod))
    return [
        best[mesh.features[mesh.triangles[:, 0]]] == lods.index(mesh.lod) for mesh in scene.meshes
    ]


def _rows(
    scene: SceneModel, mesh: Mesh, keep: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Points]:
    """Return the feature of each triangle, -1 for none, and its corners."""
    triangles = mesh.triangles[keep]
    owners = np.full(len(triangles), -1, np.int64)
    if len(mesh.features):
        owners = mesh.features[triangles[:, 0]].astype(np.int64)
    return owners, mesh.vertices.astype(np.float64)[triangles]


def _mapped(
    mesh: Mesh, keep: NDArray[np.bool_], look: Look, spot: Spot | None, blank: Spot | None
) -> tuple[Points, NDArray[np.uint16]]:
    """Return coordinates on the picture of the node, v downwards, and regions that repeat."""
    count = int(keep.sum())
    regions = np.full((count, 3, 4), WHOLE, np.uint16)
    if spot is None or mesh.uvs is None:
        middle = (0.0, 0.0)
        if blank is not None:
            middle = (blank.left + blank.right) / 2, (blank.top + blank.bottom) / 2
        return np.full((count, 3, 2), middle, np.float64), regions
    uvs = mesh.uvs.astype(np.float64)[mesh.triangles[keep]]
    uvs[..., 1] = 1 - uvs[..., 1]
    if look.wrap in ("clamp", "border"):
        uvs = uvs.clip(0, 1)
    uvs -= np.floor(uvs.min(axis=1, keepdims=True) + _NEAR)
    size = np.array((spot.right - spot.left, spot.bottom - spot.top))
    once = (uvs.max(axis=(1, 2)) <= 1 + _NEAR)[:, None, None]
    # Most are on it once: these are put into the picture at once. Others repeat within a region.
    within = uvs.clip(0, 1) * size + (spot.left, spot.top)
    region = np.rint(np.array((spot.left, spot.top, spot.right, spot.bottom)) * 65535)
    regions = np.where(once, regions, region.astype(np.uint16))
    return np.where(once, within, uvs), regions


def _sorted(
    each: Sequence[NDArray[np.float64] | NDArray[np.float32] | NDArray[np.integer]],
    order: NDArray[np.int64],
    width: int,
) -> Points:
    """Return values of corners, (n, 3, width) of each mesh, in one order: (3 n, width)."""
    if not each:
        return np.empty((0, width))
    found: Points = np.concatenate(each)[order].reshape(-1, width)
    return found


def _colour(look: Look) -> tuple[int, ...]:
    lit = (min(1.0, a + b) for a, b in zip(look.colour, look.emissive, strict=True))
    return tuple(round(255 * max(0.0, part)) for part in (*lit, min(1.0, look.opacity)))
