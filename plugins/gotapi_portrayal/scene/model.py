"""PURE: what an encoder of scenes is given, whatever the format.

To add a format, write a module with

- `encode(scene: SceneModel) -> bytes`: the whole scene as one document;
- `index(scope: Scope) -> bytes`, where the format has links: what `spatialIndex` is answered with,
  a document of links to tiles and without geometry. `scope.root` is the tree of tiles,
  `scope.url("kml", "1-0-1.kml", MEDIA)` the link to one;
- `resource(scope: Scope, path: str) -> Answer | None`: what such a link is answered with; `path` is
  what was given to `url` ("1-0-1.kml"), `scope.scene(scope.tile("1-0-1"))` the content of a tile.
  None where there is no such thing: the path is whatever a client sent.

and say so in `formats.py`: one row of FORMATS for each MIME type, one of PLACES for the links.
Nothing else has to be done: parameters are checked, links find their way back through
GetResourceById with the rights of who asks, answers are kept while there is room.

Coordinates: x is east, y north, z up, always, in units of the CRS of the request. `vertices` are
relative to `SceneModel.origin`. What the request wants to read is `vertices + scene.place`: that is
the CRS itself, or less by the offset with `offsetMode=subtract`. Where `frame.swapped`, the request
has north before east, so the document has too (9.4: "CRS coordinate order"), where the format does
not fix the order of axes itself; in that mirror image triangles turn the other way. Degrees are
degrees in a geographic CRS; heights are metres.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import AttributeType, Box, Feature, Triple

if TYPE_CHECKING:
    from gotapi_portrayal.answers import Answer

Floats = NDArray[np.float32]
Points = NDArray[np.float64]

_NAMES: Final = ("name", "gml:name", "Name", "building_name", "identifier")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The CRS of a request, and how to get from it to degrees."""

    name: str
    """Short: `EPSG:25832`, `EPSG:25832+7837`, `CRS:84`, `LOCAL:METRES`."""
    uri: str
    swapped: bool = False
    """The request has north (latitude) before east (longitude)."""
    geographic: bool = False
    """x and y are degrees of longitude and latitude."""
    unit: Triple = (1.0, 1.0, 1.0)
    """Metres of one unit of x, y and z, in the middle of the scene."""
    to_degrees: Callable[[Points], Points] | None = None

    @property
    def on_earth(self) -> bool:
        """Whether `degrees` can be asked for."""
        return self.to_degrees is not None

    def degrees(self, points: Points) -> Points:
        """Return (n, 3) longitude, latitude (WGS 84), height of absolute points of this CRS.

        Points are absolute: `vertices + scene.origin`, in float64. Raises ValueError for a scene
        that is nowhere on earth.
        """
        if self.to_degrees is None:
            raise ValueError("the scene is nowhere on earth")
        return self.to_degrees(points)


@dataclass(frozen=True, slots=True)
class Picture:
    """A texture as a file: PNG, JPEG or WebP."""

    number: int
    """Of the store, 0 for one that was made for this scene (an atlas)."""
    mime: str
    width: int
    height: int
    data: bytes = field(repr=False)

    @property
    def suffix(self) -> str:
        """What its name ends with: `.png`, `.jpg`, `.webp`."""
        return {"image/png": ".png", "image/webp": ".webp"}.get(self.mime, ".jpg")


@dataclass(frozen=True, slots=True)
class Look:
    """How a mesh looks; colours are red, green, blue from 0 to 1, sRGB."""

    colour: Triple = (0.8, 0.8, 0.8)
    emissive: Triple = (0.0, 0.0, 0.0)
    opacity: float = 1.0
    picture: int = -1
    """Index into `SceneModel.pictures`; the picture is multiplied with the colour. -1 for none."""
    wrap: str = "repeat"
    """`repeat`, `mirror`, `clamp` or `border` beyond the picture."""
    name: str = ""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of one look, one layer and one LOD. Do not write into the arrays."""

    look: int
    """Index into `SceneModel.looks`."""
    layer: int
    """Index into `SceneModel.layers`."""
    lod: str
    """`CityGML:2`, `TUDelft:1.3`; "" where everything has only one form."""
    vertices: Floats
    """(v, 3), relative to `SceneModel.origin`."""
    triangles: NDArray[np.uint32]
    """(t, 3), counter-clockwise seen from outside, with x east, y north."""
    features: NDArray[np.uint32]
    """(v,) index into `SceneModel.features`; no vertex belongs to two. Empty where regrouped."""
    uvs: Floats | None = None
    """(v, 2), v grows upwards, (0, 0) is the lower left corner. None without a picture."""
    unit: Triple = (1.0, 1.0, 1.0)
    """Metres of a unit, as `Frame.unit`: by it normals are true also in degrees."""

    @cached_property
    def normals(self) -> Floats:
        """(t, 3) the unit normal of each triangle, in metres; up where it has no area."""
        scaled = self.vertices * np.array(self.unit, np.float32)
        a, b, c = (scaled[self.triangles[:, corner]] for corner in range(3))
        normals: Floats = np.cross(b - a, c - a)
        lengths = np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            normals = np.where(lengths > 0, normals / lengths, np.array((0, 0, 1), np.float32))
        return normals.astype(np.float32)


@dataclass(frozen=True, slots=True)
class SceneLayer:
    """A layer of a scene; layers can be in each other."""

    id: str
    title: str
    style: str = ""
    parent: int = -1
    """Index into `SceneModel.layers`, -1 for none."""
    kind: str = ""
    """`city`, `terrain` or `model`; "" for one that only holds others."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A viewpoint of the request (9.3.4); points are relative to `SceneModel.origin`, as vertices.

    `up` is a direction with x east, y north; `fovx` is in degrees. The first one is the default.
    """

    title: str
    poi: Triple
    poc: Triple
    up: Triple
    fovx: float


@dataclass(frozen=True, eq=False)
class SceneModel:
    """A scene, ready to be encoded; see the docstring of the module for coordinates."""

    title: str
    frame: Frame
    origin: Triple
    """Where vertices are relative to: east, north, up in the CRS of the request."""
    place: Triple
    """What is added to vertices for the coordinates of the document."""
    meshes: tuple[Mesh, ...] = ()
    looks: tuple[Look, ...] = ()
    pictures: tuple[Picture, ...] = ()
    features: tuple[Feature, ...] = ()
    """Each once, also where it is in several meshes; empty where regrouped. `object_id` is its id
    in the file it came from, `number` the ObjectId of GetFeatureInfo."""
    layers: tuple[SceneLayer, ...] = ()
    viewpoints: tuple[Camera, ...] = ()
    offset: Triple | None = None
    """The offset of the request, x east; with `embed` it is for the format to write down."""
    offset_mode: str = ""
    """`subtract` or `embed`; "" without offset."""
    background: str = ""
    overall_styles: tuple[str, ...] = ()
    regrouped: bool = False
    """`regroupGeometry`: meshes were joined and features forgotten, all over the scene."""
    reduced: bool = False
    """`reduceQuality`: textures and shapes are coarser already; write fewer digits, no normals."""

    @cached_property
    def box(self) -> Box:
        """The box around everything, relative to `origin`; of no size where there is nothing."""
        found = [extent(mesh.vertices) for mesh in self.meshes if len(mesh.vertices)]
        if not found:
            return Box((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        low = np.min([one for one, _ in found], axis=0).tolist()
        high = np.max([one for _, one in found], axis=0).tolist()
        return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))

    @property
    def triangles(self) -> int:
        """The number of triangles."""
        return sum(len(mesh.triangles) for mesh in self.meshes)

    def name_of(self, feature: Feature) -> str:
        """Return what people call a feature: a name among its attributes, else its id."""
        for name in _NAMES:
            value = feature.attributes.get(name)
            if isinstance(value, str) and value:
                return value
        return feature.object_id


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of what a request is for; every feature (of a large one every piece) is in one tile.

    Tiles without children have that content. One with children can stand for them from far away:
    without its children (`replace(tile, children=())`) its content are the largest features of it,
    as many triangles as a tile may have.
    """

    path: str
    """Its name, unique in the tree and short: level, column, row as `2-1-3`."""
    box: Box
    """Around its content: x east, y north, z up in the CRS of the request, absolute."""
    error: float
    """Metres by which a scene without the content of this tile and those in it is wrong."""
    triangles: int
    children: "tuple[Tile, ...]" = ()
    missing: float = 0.0
    """Metres: the size of the largest feature that is only in the children."""
    shown: int = 0
    """Triangles of its content, with children of what stands for them; may be 0."""

    @property
    def level(self) -> int:
        """0 for the root."""
        return int(self.path.partition("-")[0])


class Scope(Protocol):
    """A request for an index, or the one that a link came from."""

    @property
    def title(self) -> str:
        """What the scene is called."""

    @property
    def frame(self) -> Frame:
        """The CRS of the request; `unit` is that of the middle of everything."""

    @property
    def layers(self) -> tuple[SceneLayer, ...]:
        """As in the scenes of tiles."""

    @property
    def attributes(self) -> tuple[AttributeType, ...]:
        """What features of all layers of the request have, each name once."""

    @property
    def media(self) -> str:
        """The MIME type that the request asked for."""

    @property
    def root(self) -> Tile:
        """The tree of tiles; one without content and children where there is nothing."""

    @property
    def viewpoints(self) -> tuple[Camera, ...]:
        """Those of the request, relative to the origin: absolute points of the CRS."""

    def tile(self, path: str) -> Tile | None:
        """Return the tile of a path, None where there is none."""

    def scene(self, tile: Tile) -> SceneModel:
        """Return the content of a tile, with all options of the request but `spatialIndex`.

        Takes as long as a GetScene of it; its origin is the middle of the tile.
        """

    def url(self, place: str, path: str, media: str) -> str:
        """Return the absolute URL of a resource: a GetResourceById of this service.

        `place` is a key of `formats.PLACES`, `path` at most 80 letters, digits and `._~:-/`, no
        part of which begins with a dot. In XML, `&` has to be escaped as in any text.
        """


def extent(points: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the least and the greatest of each column of points, (n, 3), n > 0."""
    columns = np.ascontiguousarray(points.T)  # many times as fast as along the rows
    return columns.min(axis=1), columns.max(axis=1)


Encoder = Callable[[SceneModel], bytes]
Index = Callable[[Scope], bytes]
ResourceFinder = Callable[[Scope, str], "Answer | None"]
