"""PURE: what a scene store holds: layers, features, materials, and parts of triangles.

Coordinates are in the CRS of the layer with x to the east, y to the north and z up, whatever order
of axes the CRS defines; a file in degrees is stored in metres of its UTM zone.
"""

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Triple = tuple[float, float, float]
Attribute = str | int | float | bool | None
"""What an attribute may be; what is nested in a file has dotted names here, lists are JSON text."""

ANY_LOD: Final = ""
"""The LOD of what has only one form: terrain, models; every selection of LODs takes it."""


class SceneError(ValueError):
    """What cannot be done with a scene; the message says why and what to do."""


class StoreBusyError(SceneError):
    """Somebody else is writing."""


class Box(msgspec.Struct, frozen=True):
    """A box along the axes; its faces belong to it."""

    low: Triple
    high: Triple

    @property
    def centre(self) -> Triple:
        """The point in the middle."""
        (a, b, c), (d, e, f) = self.low, self.high
        return ((a + d) / 2, (b + e) / 2, (c + f) / 2)

    def joined(self, other: "Box") -> "Box":
        """Return the smallest box with both in it."""
        low, high = zip(self.low, other.low, strict=True), zip(self.high, other.high, strict=True)
        (a, b, c), (d, e, f) = (min(pair) for pair in low), (max(pair) for pair in high)
        return Box((a, b, c), (d, e, f))


class Crs(msgspec.Struct, frozen=True):
    """Where coordinates are; empty names are a place of its own, in metres."""

    name: str = ""
    """As pyproj reads it: `EPSG:7415`, or `EPSG:6691+6695` with a vertical datum of its own."""
    horizontal: str = ""
    """The part of it for the plane, `EPSG:28992`; always projected."""
    vertical: str = ""
    """The part of it for heights, `EPSG:5709`; empty where the file did not say."""
    source: str = ""
    """The CRS of the file, where that one was in degrees or geocentric."""
    unit: float = 1.0
    """Metres of a unit of x and y."""


class Spatial(enum.Enum):
    """How features are chosen by a box (3DPS Table 20)."""

    OVERLAPS = "overlaps"
    """Features whose own box touches it."""
    CONTAINS_CENTER = "contains_center"
    """Features the middle of whose own box lies in it."""
    CUT = "cut"
    """Only what lies inside; triangles are cut at its faces."""


class LodSelection(enum.Enum):
    """How LODs are chosen, for each feature by itself (3DPS Table 22)."""

    EQUALS = "equals"
    EQUALS_OR_SMALLER = "equals_or_smaller"
    COMBINED = "combined"
    EQUALS_OR_SIMILAR = "equals_or_similar"


class Lods(msgspec.Struct, frozen=True):
    """A LOD that is asked for, as `2` or `2.2`, and how it is meant."""

    lod: str
    selection: LodSelection = LodSelection.EQUALS


class AttributeType(msgspec.Struct, frozen=True):
    """An attribute that features of a layer have: `string`, `integer`, `number` or `boolean`."""

    name: str
    type: str


class Layer(msgspec.Struct, frozen=True):
    """A layer as it is stored."""

    name: str
    """Its identifier, one word."""
    title: str
    kind: str
    """`city`, `terrain` or `model`."""
    crs: Crs
    box: Box
    lods: tuple[str, ...]
    """Ascending; empty where everything has only one form."""
    version: int
    """Higher after each change; also never that of a former layer of the same name."""
    features: int
    triangles: int
    attributes: tuple[AttributeType, ...] = ()
    classes: tuple[str, ...] = ()
    """Of its features: `Building`, `Road` and so on."""
    abstract: str = ""
    parent: str = ""
    """The layer it is in."""
    public: bool = True
    """Whether it is for everybody."""
    sources: tuple[str, ...] = ()
    """The names of the files it is from."""
    textured: bool = False


class LayerDraft(msgspec.Struct, frozen=True):
    """What is known of a layer before anything is in it."""

    name: str
    title: str
    crs: Crs
    kind: str = "city"
    abstract: str = ""
    parent: str = ""
    public: bool = True
    sources: tuple[str, ...] = ()


class Material(msgspec.Struct, frozen=True):
    """How a surface looks; colours are red, green, blue from 0 to 1 (sRGB)."""

    name: str = ""
    diffuse: Triple = (0.8, 0.8, 0.8)
    emissive: Triple = (0.0, 0.0, 0.0)
    transparency: float = 0.0
    texture: int = 0
    """The number of its texture, 0 for none."""
    wrap: str = "repeat"
    """`repeat`, `mirror`, `clamp` or `border` beyond the picture."""


class Texture(msgspec.Struct, frozen=True):
    """A picture; stored once, whoever uses it."""

    number: int
    mime: str
    sha256: str
    width: int
    height: int
    data: bytes = b""


class Feature(msgspec.Struct, frozen=True):
    """One object of the real world."""

    number: int
    """In the whole store, from 1; not kept when its layer is replaced."""
    layer: str
    object_id: str
    """As in its file: a gml:id, a key of CityJSON."""
    kind: str
    """Its class: `Building`, `Road`."""
    parent: int
    """The number of the feature it is a part of, 0 for none."""
    attributes: dict[str, Attribute]
    lods: tuple[str, ...]
    box: Box | None
    """None where it has no geometry of its own."""


class FeatureDraft(msgspec.Struct, frozen=True):
    """A feature as a reader gives it."""

    object_id: str
    kind: str
    parent: int = 0
    attributes: dict[str, Attribute] = {}


SURFACES: Final = (
    "", "GroundSurface", "WallSurface", "RoofSurface", "ClosureSurface", "OuterCeilingSurface",
    "OuterFloorSurface", "Window", "Door", "InteriorWallSurface", "CeilingSurface", "FloorSurface",
    "WaterSurface", "WaterGroundSurface", "WaterClosureSurface", "TrafficArea",
    "AuxiliaryTrafficArea", "TransportationMarking", "TransportationHole", "TerrainSurface",
    "OtherSurface",
)  # fmt: skip
"""What a triangle belongs to, by `Part.surfaces`; 0 is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Triangles of some features of one layer at one LOD, near each other.

    Vertices are relative to `origin`, so float32 is enough (0.06 mm); the triangles of a feature
    are together, so are its vertices, and no vertex belongs to two of them. A feature may have
    triangles in several parts: large ones are split by place. Do not write into the arrays.
    """

    layer: str
    lod: str
    origin: Triple
    features: "NDArray[np.int64]"  # (f,) numbers of features, of the whole store
    triangle_starts: "NDArray[np.int64]"  # (f + 1,) first triangle of each, then the count
    vertex_starts: "NDArray[np.int64]"  # (f + 1,)
    boxes: "NDArray[np.float32]"  # (f, 6) low and high of its triangles here, relative to origin
    centres: "NDArray[np.float32]"  # (f, 3) middle of all of it, also of what is in other parts
    vertices: "NDArray[np.float32]"  # (v, 3)
    triangles: "NDArray[np.uint32]"  # (t, 3) counter-clockwise seen from outside
    materials: "NDArray[np.uint32]"  # (t,) numbers of materials, 0 for none
    surfaces: "NDArray[np.uint8]"  # (t,) index into SURFACES
    # (v, 2) where something here has a texture, else None; (0, 0) is the lower left corner of the
    # picture, as in CityGML and CityJSON, and v grows upwards (glTF turns it round).
    uvs: "NDArray[np.float32] | None" = None

    @property
    def nbytes(self) -> int:
        """The memory its arrays take."""
        arrays = (self.boxes, self.vertices, self.triangles, self.materials, self.surfaces)
        return sum(one.nbytes for one in arrays) + (0 if self.uvs is None else self.uvs.nbytes)
