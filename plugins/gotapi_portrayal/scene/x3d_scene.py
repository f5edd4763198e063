"""A scene as nodes of X3D or VRML97. PURE but for pictures, which Pillow may have to convert."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from gotapi_portrayal.data.types import Box, Triple
from gotapi_portrayal.scene.model import SceneModel
from gotapi_portrayal.scene.x3d_features import (
    described,
    described97,
    feature_notes,
    layer_notes,
)
from gotapi_portrayal.scene.x3d_looks import Looks, background, embedded
from gotapi_portrayal.scene.x3d_nodes import Node, Nodes, Numbers, Shared, Strings, Use, Value, node
from gotapi_portrayal.scene.x3d_places import geo_system, ordered
from gotapi_portrayal.scene.x3d_placing import Flat, Geo, Placing, cameras
from gotapi_portrayal.scene.x3d_shapes import NO_FEATURE, Piece, pieces

_SUN: Final = (0.5, -0.8, -0.2)
_Lods = dict[str, list[tuple[int, Piece]]]
"""LOD to looks and shapes."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a scene becomes nodes."""

    vrml97: bool = False
    tile: bool = False
    """For a document that is put into another: without cameras and what is behind."""
    geo_origin: Triple | None = None
    """Where GeoOrigin is, x east: the same for all documents that are shown together."""


def nodes(scene: SceneModel, manner: Manner) -> Nodes:
    """Give the nodes of a scene, in the order in which they have to be written."""
    return _Builder(scene, manner).nodes()


def placing_of(scene: SceneModel, manner: Manner) -> Placing:
    """Return how a scene is placed: on earth where X3D has its CRS and it was not moved away."""
    frame = scene.frame
    if manner.vrml97:  # has no scale below 0, so no way to read north before east
        return Flat(scene, faces=True)
    system = None if scene.offset_mode == "subtract" else geo_system(frame.name, frame.swapped)
    if system is None:
        return Flat(scene, swapped=frame.swapped)
    embedded_offset = scene.offset if scene.offset_mode == "embed" else None
    origin = embedded_offset or manner.geo_origin or scene.origin
    return Geo(scene, system, origin)


def world_info(scene: SceneModel, placing: Placing) -> Node:
    """Return what says what coordinates are, for people and programs."""
    swapped = placing.writing.swapped
    axes = "north east height" if swapped else "east north height"
    info = [f"crs={scene.frame.name}", f"crsUri={scene.frame.uri}", f"axes={axes}"]
    if scene.offset is not None:
        offset = " ".join(map(repr, ordered(scene.offset, swapped)))
        info += [f"offset={offset}", f"offsetMode={scene.offset_mode}"]
    return node("WorldInfo", title=scene.title, info=Strings(tuple(info)))


def surroundings(scene: SceneModel, placing: Placing, box: Box) -> list[Node | Use]:
    """Return what is around a scene: light, what is behind, and from where it is seen."""
    return [
        node("NavigationInfo", type=Strings(("EXAMINE", "ANY"))),
        # Beside the headlight, so that roofs are no darker than walls.
        node("DirectionalLight", direction=_SUN, intensity=0.4, ambientIntensity=0.3),
        *background(scene.background),
        *(placing.viewpoint(camera) for camera in cameras(scene, box)),
    ]


class _Builder:
    def __init__(self, scene: SceneModel, manner: Manner) -> None:
        self._scene = scene
        self._manner = manner
        self._placing = placing_of(scene, manner)
        urls = [embedded(picture) for picture in scene.pictures]
        self._look = Looks(scene.looks, urls, Shared(), vrml97=manner.vrml97)
        self._described = described97 if manner.vrml97 else described

    def nodes(self) -> Iterator[Node | Use]:
        yield world_info(self._scene, self._placing)
        if not self._manner.tile:
            yield from surroundings(self._scene, self._placing, self._scene.box)
        yield from self._placing.placed(self._layers(-1))

    def _layers(self, parent: int) -> Iterator[Node | Use]:
        for index, layer in enumerate(self._scene.layers):
            if layer.parent == parent:
                inside = chain(self._features(index), self._layers(index))
                yield self._described(f"L{index}", layer.id, "layer", layer_notes(layer), inside)

    def _features(self, layer: int) -> Iterator[Node | Use]:
        found: dict[int, _Lods] = {}
        for mesh in self._scene.meshes:
            if mesh.layer == layer:
                for piece in pieces(mesh, self._placing.writing):
                    lods = found.setdefault(piece.feature, {})
                    lods.setdefault(mesh.lod, []).append((mesh.look, piece))
        for index in sorted(found):
            yield from self._feature(index, found[index])

    def _feature(self, index: int, lods: _Lods) -> list[Node | Use]:
        inside = self._levels(lods)
        if index == NO_FEATURE:
            return inside
        feature = self._scene.features[index]
        name, notes = f"F{feature.number}", feature_notes(feature)
        return [self._described(name, feature.object_id, "feature", notes, inside)]

    def _levels(self, lods: _Lods) -> list[Node | Use]:
        if len(lods) == 1:
            [only] = lods.values()
            return [self._shape(look, piece) for look, piece in only]
        each: list[list[Node | Use]] = [
            [self._shape(look, piece) for look, piece in lods[lod]]
            for lod in sorted(lods, key=_fineness, reverse=True)
        ]
        # Without ranges it is the browser that chooses, by how fast it can draw (19775-1, 23.4.3).
        children: list[Node | Use] = [node("Group", children=one) for one in each]
        return [Node("LOD", {"level" if self._manner.vrml97 else "children": children})]

    def _shape(self, look: int, piece: Piece) -> Node:
        faces = self._manner.vrml97
        fields: dict[str, Value] = {"solid": False}
        if not faces:
            fields["normalPerVertex"] = False
        if self._placing.mirrored:
            fields["ccw"] = False
        fields["coordIndex" if faces else "index"] = Numbers(piece.index)
        fields["coord"] = self._placing.coordinate(piece.points)
        if piece.uvs is not None:
            fields["texCoord"] = node("TextureCoordinate", point=Numbers(piece.uvs))
        geometry = Node("IndexedFaceSet" if faces else "IndexedTriangleSet", fields)
        return node("Shape", appearance=self._look(look), geometry=geometry)


def _fineness(lod: str) -> float:
    """Return a LOD as a number: `TUDelft:2.2`; what has only one form is as coarse as can be."""
    digits = lod.rpartition(":")[2]
    return float(digits) if digits else -1.0
