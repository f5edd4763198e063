"""The members of profile `3dps` on the wire, and the plug-in's settings."""

from pathlib import Path
from typing import Annotated

import msgspec

from gotapi_core.plugin import Params, Result
from gotapi_portrayal.catalogue import Provider, Service, Text

Line = Annotated[str, msgspec.Meta(max_length=500)]
Long = Annotated[str, msgspec.Meta(max_length=10_000)]


class PortrayalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugins.portrayal]` of the settings: what the service says of itself."""

    title: Line = "3D scenes of this hub"
    abstract: Long = ""
    provider: Line = "gotapi-hub"
    site: Line = ""  # a web page of the provider
    contact: Line = ""  # a person
    mail: Line = ""
    fees: Line = "NONE"
    access: Line = "NONE"  # constraints on access
    scenes: Line = ""  # folder of the scenes; empty: the plug-in's own

    def folder(self, own: Path) -> Path:
        """Return where the scenes are."""
        return Path(self.scenes).expanduser() if self.scenes else own

    def service(self) -> Service:
        """Return what the metadata document says."""
        return Service(
            title=(Text(self.title),),
            abstract=(Text(self.abstract),) if self.abstract else (),
            fees=self.fees,
            access=self.access,
            provider=Provider(
                name=self.provider, site=self.site, contact=self.contact, mail=self.mail
            ),
        )


class LayerEntry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One layer; its box is in its own CRS, x east, y north."""

    service_id: str
    title: str
    kind: str
    crs: str
    lower_corner: tuple[float, float, float]
    upper_corner: tuple[float, float, float]
    features: int
    triangles: int
    version: int
    lods: tuple[str, ...] = ()
    public: bool = True


class LayersResult(Result):
    """GET layers, and its event."""

    url: str = ""  # of the 3D Portrayal Service; empty in events
    update_sequence: int
    layers: tuple[LayerEntry, ...]


class LayerParams(Params):
    """POST layer: a model of the application's own, by the `uri` of a file of the hub."""

    uri: Line
    layer: Line
    title: Line = ""
    parent: Line = ""  # of the same CRS, or the name of a layer that is made to hold others
    crs: Line = ""
    at: Line = ""  # where its origin is: east, north, height, separated by commas
    scale: Annotated[float, msgspec.Meta(gt=0)] | None = None  # metres of its unit
    lifetime: Annotated[float, msgspec.Meta(gt=0, le=2_592_000)] = 86_400.0  # seconds


class TakeParams(Params):
    """DELETE layer: one that the application has put in."""

    layer: Line


class LayerResult(Result):
    """POST layer: what it became."""

    layer: LayerEntry


class DocumentResult(Result):
    """A document of the service, as a file of the hub."""

    uri: str
    mime_type: str
    size: int  # bytes


class CapabilitiesParams(Params):
    """GET capabilities: parameters of GetCapabilities; lists are separated by commas."""

    sections: Line = ""
    accept_languages: Line = ""


class SceneParams(Params):
    """GET scene: parameters of GetScene; without `layers` that of the service."""

    crs: Line
    format: Line
    layers: Line = ""
    styles: Line = ""
    lods: Line = ""
    lod_selection: Line = ""
    bounding_box: Line = ""
    spatial_selection: Line = ""
    background: Line = ""
    overall_styles: Line = ""
    delivery_options: Line = ""
    offset: Line = ""
    offset_mode: Line = ""
    viewpoints: Long = ""


class ViewParams(Params):
    """GET view: parameters of GetView; without `layers` that of the service."""

    crs: Line
    portrayals: Long
    layers: Line = ""
    styles: Line = ""
    lods: Line = ""
    lod_selection: Line = ""
    bounding_box: Line = ""
    spatial_selection: Line = ""
    background: Line = ""
    background_color: Line = ""
    transparent_background: Line = ""
    overall_styles: Line = ""


class FeatureInfoParams(Params):
    """GET featureinfo: by `objectId`, by `coordinate` or by a ray through `imagePosition`."""

    layers: Line = ""
    format: Line = "application/json"
    object_id: Line = ""
    coordinate: Line = ""
    tolerance: Line = ""
    crs: Line = ""
    width: Line = ""
    height: Line = ""
    projection: Line = ""
    image_position: Line = ""
    feature_count: Line = ""
    id_only: Line = ""
