"""PURE: where the coordinates of a document are: on earth (Geospatial), or as they are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from gotapi_portrayal.data.types import Box, Triple
from gotapi_portrayal.scene.model import Camera, SceneModel
from gotapi_portrayal.scene.x3d_nodes import (
    Node,
    Nodes,
    Numbers,
    Strings,
    Use,
    Value,
    Vector,
    node,
)
from gotapi_portrayal.scene.x3d_numbers import number
from gotapi_portrayal.scene.x3d_places import flat_pose, geo_pose, ordered, turn, world
from gotapi_portrayal.scene.x3d_shapes import Writing

_FOVX: Final = 50.0  # degrees, of the view of everything
_DOWN: Final = math.radians(35)  # how far below the horizon it looks
_DECIMALS: Final = {(False, False): 5, (False, True): 2, (True, False): 10, (True, True): 7}
"""By whether coordinates are degrees, and quality is reduced; 1e-10 degrees are 11 micrometres."""


class Placing(Protocol):
    """How a scene is placed in the world of a browser."""

    writing: Writing
    mirrored: bool
    """Triangles look turned round in the coordinates of the document."""

    def coordinate(self, points: bytes) -> Node:
        """Return the node of some coordinates."""

    def viewpoint(self, camera: Camera) -> Node:
        """Return the node of a camera."""

    def placed(self, inside: Nodes) -> Nodes:
        """Return what is drawn, where it belongs."""

    def when_near(self, point: Triple, distance: float, urls: Sequence[str]) -> Node:
        """Return what shows up to four documents within metres of a point relative to `origin`."""


@dataclass(slots=True)
class Flat:
    """Coordinates as they are, below Transforms: the outer one makes metres with y up of them, the
    inner one has what is the same for all, so that float32 is enough for the rest."""

    scene: SceneModel
    faces: bool = False
    swapped: bool = False
    writing: Writing = field(init=False)
    mirrored: bool = field(init=False)

    def __post_init__(self) -> None:
        self.writing = Writing(
            swapped=self.swapped,
            decimals=decimals(self.scene),
            faces=self.faces,
            reduced=self.scene.reduced,
        )
        # North, east, up are left-handed: the outer Transform makes a mirror image of them.
        self.mirrored = self.swapped

    @property
    def place(self) -> Triple:
        """What is added to vertices: with `embed` the offset is taken away, and said in words."""
        x, y, z = self.scene.place
        if self.scene.offset is None or self.scene.offset_mode == "subtract":
            return x, y, z
        a, b, c = self.scene.offset
        return x - a, y - b, z - c

    def coordinate(self, points: bytes) -> Node:
        """Return a Coordinate."""
        return node("Coordinate", point=Numbers(points))

    def viewpoint(self, camera: Camera) -> Node:
        """Return a Viewpoint of the world, not of the CRS."""
        pose = flat_pose(camera, self.place, self.scene.frame.unit)
        return node(
            "Viewpoint",
            description=camera.title,
            position=_rounded(pose.position, 5),
            orientation=_rounded(pose.orientation, 8),
            fieldOfView=round(math.radians(camera.fovx), 6),
        )

    def placed(self, inside: Nodes) -> Nodes:
        """Return everything below the two Transforms."""
        how = turn(self.scene.frame, self.swapped)
        fields: dict[str, Value] = {"rotation": how.rotation}
        if how.scale != (1.0, 1.0, 1.0):
            fields["scale"] = how.scale
        shift = ordered(self.place, self.swapped)
        inner = node("Transform", "place", translation=shift, children=inside)
        return [Node("Transform", {**fields, "children": [inner]}, "crs")]

    def when_near(self, point: Triple, distance: float, urls: Sequence[str]) -> Node:
        """Return a LOD of the world: the documents have Transforms of their own."""
        where = world(np.array(point) + self.place, self.scene.frame.unit)
        near = node("Group", children=[node("Inline", url=Strings((url,))) for url in urls])
        levels: list[Node | Use] = [near, node("Group")]
        fields: dict[str, Value] = {
            "center": _rounded(where, 3),
            "range": Numbers(number(distance)),
        }
        return Node("LOD", {**fields, "level" if self.faces else "children": levels})


@dataclass(slots=True)
class Geo:
    """Coordinates of the CRS, with the Geospatial component; GeoOrigin keeps the floats of browsers
    precise, and makes up of y (19775-1, 25.2.5)."""

    scene: SceneModel
    system: tuple[str, ...]
    origin: Triple
    """Of GeoOrigin; x east."""
    writing: Writing = field(init=False)
    mirrored: bool = False
    _again: dict[str, Value] | None = None
    """What `fields` gives from the second time on: GeoOrigin is written once."""

    def __post_init__(self) -> None:
        self.writing = Writing(
            self.scene.origin,
            self.scene.frame.swapped,
            decimals(self.scene),
            reduced=self.scene.reduced,
        )

    def coordinate(self, points: bytes) -> Node:
        """Return a GeoCoordinate."""
        return Node("GeoCoordinate", {**self.fields(), "point": Numbers(points)})

    def viewpoint(self, camera: Camera) -> Node:
        """Return a GeoViewpoint."""
        pose = geo_pose(camera, self.scene.origin, self.scene.frame)
        where = ordered(pose.position, self.writing.swapped)
        return Node(
            "GeoViewpoint",
            {
                **self.fields(),
                "description": camera.title,
                "position": _rounded(where, self.writing.decimals),
                "orientation": _rounded(pose.orientation, 8),
                "fieldOfView": round(math.radians(camera.fovx), 6),
            },
        )

    def placed(self, inside: Nodes) -> Nodes:
        """Return everything as it is: it says itself where it is."""
        return inside

    def when_near(self, point: Triple, distance: float, urls: Sequence[str]) -> Node:
        """Return a GeoLOD, with nothing in place of the documents from afar."""
        x, y, z = (np.array(point) + self.scene.origin).tolist()
        where = _rounded(ordered((x, y, z), self.writing.swapped), self.writing.decimals)
        children: dict[str, Value] = {
            f"child{index}Url": Strings((url,)) for index, url in enumerate(urls, 1)
        }
        return Node("GeoLOD", {**self.fields(), "center": where, "range": distance, **children})

    def fields(self) -> dict[str, Value]:
        """Return the fields that each node of the component has."""
        if self._again is not None:
            return self._again
        system, where = Strings(self.system), ordered(self.origin, self.writing.swapped)
        origin = node("GeoOrigin", "O", geoSystem=system, geoCoords=where, rotateYUp=True)
        self._again = {"geoSystem": system, "geoOrigin": Use("GeoOrigin", "O")}
        return {"geoSystem": system, "geoOrigin": origin}


def _rounded(values: Vector, digits: int) -> Vector:
    return tuple(round(value, digits) for value in values)


def decimals(scene: SceneModel) -> int:
    """Return how many digits after the point coordinates have."""
    return _DECIMALS[scene.frame.geographic, scene.reduced]


def cameras(scene: SceneModel, box: Box) -> tuple[Camera, ...]:
    """Return the viewpoints of the request, or one from the south that sees a box."""
    if scene.viewpoints:
        return scene.viewpoints
    # What another CRS has no place for is nowhere; the camera is somewhere.
    low, high = np.nan_to_num((box.low, box.high), posinf=0.0, neginf=0.0)
    unit = np.array(scene.frame.unit)
    radius = max(float(np.linalg.norm((high - low) * unit)) / 2, 1.0)
    away = radius / math.sin(math.radians(_FOVX) / 2)
    middle = (low + high) / 2
    back = np.array((0.0, -math.cos(_DOWN), math.sin(_DOWN))) * away / unit
    x, y, z = middle.tolist()
    a, b, c = (middle + back).tolist()
    return (Camera("Overview", (x, y, z), (a, b, c), (0.0, 0.0, 1.0), _FOVX),)
