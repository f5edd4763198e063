"""The requests of 3DPS 1.0 as values. PURE.

Positions, distances and boxes are in units of the request CRS and in the order of its axes as the
request gave them; angles are degrees; image sizes are pixels.
"""

from enum import Enum

import msgspec

from gotapi_portrayal.request.crs_names import CrsName

Position = tuple[float, float, float]
Colour = tuple[int, int, int]  # red, green, blue from 0 to 255


class ExceptionForm(Enum):
    """How a client wants to hear of an error (8.4.1, 10.4.4, 11.3.5)."""

    XML = "text/xml"
    BLANK = "blank"
    INIMAGE = "inimage"
    HTML = "text/html"
    TEXT = "text/plain"
    JSON = "application/json"


class GetCapabilities(msgspec.Struct, frozen=True):
    """Table 8 and OWS Common 2.0, 7.2.1; `sections` is empty for all."""

    sections: frozenset[str] = frozenset()
    update_sequence: int | None = None
    languages: tuple[str, ...] = ()  # best first
    posted: bool = False  # `schema=posted`: valid against OGC's files instead of the text


class GetResourceById(msgspec.Struct, frozen=True):
    """Table 27; `output_format` is "" for any, which only an address by a path has."""

    resource_id: str
    output_format: str


class BoundingBox(msgspec.Struct, frozen=True):
    """A box in its own CRS, the request's where `crs` is None; two or three numbers a corner."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    crs: CrsName | None = None


class Portrayal(msgspec.Struct, frozen=True, kw_only=True):
    """What GetScene and GetView have in common (Table 24); lists run parallel to `layers`."""

    crs: CrsName
    box: BoundingBox | None = None
    spatial_selection: str = "overlaps"
    layers: tuple[str, ...] = ()  # empty: all data
    styles: tuple[str, ...] = ()  # "": the default style
    background: str = ""
    lods: tuple[str, ...] = ()  # "": any
    lod_selection: str = "equals"
    overall_styles: tuple[str, ...] = ()
    delivery_options: tuple[str, ...] = ()
    exceptions: ExceptionForm = ExceptionForm.XML


class Viewpoint(msgspec.Struct, frozen=True):
    """One viewpoint to be put into a scene (9.3.4); `up` as it was given."""

    title: str
    poi: Position
    poc: Position
    up: Position
    fovx: float


class GetScene(Portrayal, frozen=True, kw_only=True):
    """Table 32."""

    format: str
    offset: Position | None = None
    offset_mode: str = ""  # empty: the server chooses
    viewpoints: tuple[Viewpoint, ...] = ()


class Perspective(msgspec.Struct, frozen=True, tag="Perspective"):
    """Table 39; None asks for the advertised default. `up` is a direction, None the vertical."""

    poc: Position
    poi: Position
    up: Position | None = None
    fovx: float | None = None
    fovy: float | None = None
    near: float | None = None
    far: float | None = None


class Orthographic(msgspec.Struct, frozen=True, tag="Orthographic"):
    """Table 40; as for Perspective, with the borders as distances from the axis of the view."""

    poc: Position
    poi: Position
    up: Position | None = None
    left: float | None = None
    right: float | None = None
    bottom: float | None = None
    top: float | None = None
    near: float | None = None
    far: float | None = None


Projection = Perspective | Orthographic


class ImageLayer(msgspec.Struct, frozen=True):
    """One picture of a view: which values, as which MIME type, how good (0 to 100)."""

    name: str
    format: str
    quality: int = 100


class View(msgspec.Struct, frozen=True):
    """Table 46: one camera and the pictures it takes."""

    width: int
    height: int
    projection: Projection
    layers: tuple[ImageLayer, ...]


class GetView(Portrayal, frozen=True, kw_only=True):
    """Table 45."""

    views: tuple[View, ...]
    background_color: Colour | None = None
    transparent: bool = False

    @property
    def ground(self) -> str | Colour | None:
        """What is behind the scene: a background's name, a colour, or None for transparent.

        Footnote a of Table 45: Background before BackgroundColor before TransparentBackground.
        """
        if self.background:
            return self.background
        if self.background_color is not None:
            return self.background_color
        return None if self.transparent else (255, 255, 255)


class FeatureInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the three GetFeatureInfo requests have in common (Table 50)."""

    layers: tuple[str, ...]
    format: str
    feature_count: int = 1  # of each layer
    id_only: bool = False
    exceptions: ExceptionForm = ExceptionForm.XML


class GetFeatureInfoByRay(FeatureInfo, frozen=True, kw_only=True):
    """Table 51; `pixel` counts from the upper left."""

    crs: CrsName
    width: int
    height: int
    projection: Projection
    pixel: tuple[int, int]


class GetFeatureInfoByPosition(FeatureInfo, frozen=True, kw_only=True):
    """Table 52; two coordinates in a CRS without heights; `tolerance` in metres."""

    crs: CrsName
    coordinate: tuple[float, ...]
    tolerance: float | None = None


class GetFeatureInfoByObjectId(FeatureInfo, frozen=True, kw_only=True):
    """Table 53."""

    object_ids: tuple[str, ...]


Request = (
    GetCapabilities
    | GetResourceById
    | GetScene
    | GetView
    | GetFeatureInfoByRay
    | GetFeatureInfoByPosition
    | GetFeatureInfoByObjectId
)
