"""PURE: what the service offers, as values: the metadata document is written from it, requests are
checked against it.

Boxes of a CRS are in the order x (east), y (north), z; whoever writes or reads them in the order of
the register swaps them.
"""

from collections.abc import Iterator, Mapping
from enum import Enum

import msgspec

from gotapi_portrayal.request.types import Position

LOCAL = "LOCAL:METRES"
"""The CRS of what lies nowhere on earth: metres from an origin of its own."""


class Text(msgspec.Struct, frozen=True):
    """A text for people in one language (RFC 4646), "" where that is not said."""

    text: str
    language: str = ""


Texts = tuple[Text, ...]


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What ows:DescriptionType has, and an identifier."""

    id: str
    title: Texts = ()
    abstract: Texts = ()
    keywords: tuple[str, ...] = ()


class CrsInfo(msgspec.Struct, frozen=True):
    """A CRS that some layer can be had in, by its short name (`EPSG:25832+7837`)."""

    name: str
    geographic: bool = False
    north_first: bool = False  # the register has north or latitude before east or longitude
    has_height: bool = False

    @property
    def uri(self) -> str:
        """Its name where axes are as the register orders them."""
        authority, _, code = self.name.partition(":")
        plane, _, height = code.partition("+")
        if height:
            return f"urn:ogc:def:crs,crs:{authority}::{plane},crs:{authority}::{height}"
        if self.name == "CRS:84":
            return "urn:ogc:def:crs:OGC:1.3:CRS84"
        return f"urn:ogc:def:crs:{authority}::{plane}" if authority == "EPSG" else self.name


class CrsBox(msgspec.Struct, frozen=True):
    """A bounding box in a CRS, two or three numbers a corner."""

    crs: str
    low: tuple[float, ...]
    high: tuple[float, ...]


class Style(Described, frozen=True, kw_only=True):
    """Table 13."""

    default: bool = False


class DeliveryOption(Described, frozen=True, kw_only=True):
    """Table 17; `names` are its short names in Table 33 and in examples."""

    names: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()  # empty: all


class LodScheme(Described, frozen=True, kw_only=True):
    """Table 16; `lods` from coarse to fine, each with the scheme's prefix."""

    lods: tuple[str, ...]


class ViewpointHint(Described, frozen=True, kw_only=True):
    """Table 19, with the angle that the schema asks for and the table does not have."""

    poc: Position
    poi: Position
    up: Position = (0.0, 0.0, 1.0)
    fovx: float = 60.0
    crs: str = ""


class ImageLayer(Described, frozen=True, kw_only=True):
    """Table 42."""

    formats: tuple[str, ...]


class ProjectionParameter(msgspec.Struct, frozen=True):
    """Table 44: one value of a projection; `default` where it may be left out."""

    name: str
    required: bool = False
    default: str = ""


class AvailableProjection(Described, frozen=True, kw_only=True):
    """Table 43; the order of parameters is that of the tuple in requests."""

    parameters: tuple[ProjectionParameter, ...]


class Layer(Described, frozen=True, kw_only=True):
    """Table 12, with what the extensions add (Tables 28 and 49).

    What a layer does not say itself it has from the layer it is in: see `inherited`.
    """

    crs: tuple[str, ...] = ()
    wgs84: tuple[float, float, float, float] | None = None  # west, south, east, north; degrees
    boxes: tuple[CrsBox, ...] = ()
    lods: tuple[str, ...] = ()
    styles: tuple[Style, ...] = ()
    delivery_options: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()  # URLs
    formats: tuple[str, ...] = ()  # of scenes
    offsets: tuple[Position, ...] = ()
    offset_modes: tuple[str, ...] = ()
    queryable: bool | None = None  # None: as the layer it is in
    public: bool = True
    data: bool = True  # False for one that only holds others
    layers: "tuple[Layer, ...]" = ()


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs the service."""

    name: str = "gotapi-hub"
    site: str = ""
    contact: str = ""
    position: str = ""
    mail: str = ""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What the service says of itself."""

    title: Texts = (Text("3D Portrayal Service"),)
    abstract: Texts = ()
    keywords: tuple[str, ...] = ("3D", "portrayal", "3DPS")
    fees: str = "NONE"
    access: str = "NONE"
    provider: Provider = Provider()


class Extension(Enum):
    """A conformance class beyond the core, by its profile in the service's identification."""

    SCENE = "http://www.opengis.net/spec/3DPS/1.0/extension/scene/1.0"
    VIEW = "http://www.opengis.net/spec/3DPS/1.0/extension/view/1.0"
    INFO = "http://www.opengis.net/spec/3DPS/1.0/extension/info/1.0"


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on offer at one moment; `version` is higher after each change."""

    version: int
    service: Service = Service()
    languages: tuple[str, ...] = ("en",)
    extensions: tuple[Extension, ...] = ()
    layers: tuple[Layer, ...] = ()
    crs: Mapping[str, CrsInfo] = {}
    overall_styles: tuple[Described, ...] = ()
    backgrounds: tuple[Described, ...] = ()
    spatial_selections: tuple[str, ...] = ("overlaps",)
    lod_schemes: tuple[LodScheme, ...] = ()
    lod_selections: tuple[str, ...] = ("equals",)
    delivery_options: tuple[DeliveryOption, ...] = ()
    viewpoints: tuple[ViewpointHint, ...] = ()
    converts_boxes: bool = True
    any_offset: bool = False
    image_layers: tuple[ImageLayer, ...] = ()
    projections: tuple[AvailableProjection, ...] = ()
    near: float = 1.0  # distance of the near plane where a request does not say; metres
    far: float = 20_000.0
    fovx: float = 60.0  # degrees
    info_formats: tuple[str, ...] = ()

    def public(self) -> "Catalogue":
        """Return what everybody may see."""
        return msgspec.structs.replace(self, layers=_public(self.layers))


def _public(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(
        msgspec.structs.replace(layer, layers=_public(layer.layers))
        for layer in layers
        if layer.public
    )


def inherited(layer: Layer, parent: Layer | None) -> Layer:
    """Return a layer with what its parent hands down.

    8.2.2: CRS, styles, LODs, formats and the like add to those of the parent; a layer's own word
    on whether it can be queried and its own boxes replace the parent's.
    """
    if parent is None:
        return layer
    return msgspec.structs.replace(
        layer,
        crs=_union(parent.crs, layer.crs),
        wgs84=layer.wgs84 or parent.wgs84,
        boxes=layer.boxes or parent.boxes,
        lods=_union(parent.lods, layer.lods),
        styles=_styles(parent.styles, layer.styles),
        delivery_options=_union(parent.delivery_options, layer.delivery_options),
        formats=_union(parent.formats, layer.formats),
        offsets=layer.offsets or parent.offsets,
        offset_modes=_union(parent.offset_modes, layer.offset_modes),
        queryable=parent.queryable if layer.queryable is None else layer.queryable,
    )


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _styles(parent: tuple[Style, ...], own: tuple[Style, ...]) -> tuple[Style, ...]:
    named = {style.id: style for style in (*parent, *own)}
    if any(style.default for style in own):
        # Only one may be the default, and the nearer word counts.
        mine = {style.id for style in own}
        named = {
            name: style if name in mine else msgspec.structs.replace(style, default=False)
            for name, style in named.items()
        }
    return tuple(named.values())


def walk(layers: tuple[Layer, ...], parent: Layer | None = None) -> Iterator[Layer]:
    """Give every layer with what it inherits, each before those in it."""
    for layer in layers:
        whole = inherited(layer, parent)
        yield whole
        yield from walk(whole.layers, whole)
