"""Which formats there are: MIME type to what encodes it; what encodes is imported when asked for.

See `model.py` for how to add one.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from gotapi_portrayal.scene.model import Encoder, Index, ResourceFinder

VIEWPOINTS: Final = "viewpoints"
BACKGROUND: Final = "background"
OVERALL_STYLES: Final = "overallStyles"
OFFSET: Final = "offset"
EMBED: Final = "offsetMode"  # offsets embedded by means of the format


@dataclass(frozen=True, slots=True)
class Format:
    """A MIME type; functions are written `module:function`."""

    encoder: str = ""
    """A `model.Encoder`; "" where the format only has indexes."""
    index: str = ""
    """A `model.Index`; "" where `spatialIndex` means nothing to the format."""
    index_media: str = ""
    """The MIME type of the index, where it is another one."""
    can: frozenset[str] = frozenset({VIEWPOINTS})
    """Which parameters the format has provisions for; a request with another of them is
    `FormatCapabilityMissing` (9.5)."""
    encoding: str = ""
    """The Content-Encoding that documents already have."""
    earthly: bool = False
    """It has true places on the earth only: nothing that lies nowhere there, and no offset."""


_GLTF: Final = frozenset({VIEWPOINTS, EMBED})
_TILES: Final = "gotapi_portrayal.scene.tileset"
_TILESET: Final = "application/json+3dtiles"
_GLB: Final = "gotapi_portrayal.scene.gltf:glb"
_JSON: Final = "gotapi_portrayal.scene.gltf:gltf"
_KML: Final = "gotapi_portrayal.scene.kml"
_I3S: Final = "gotapi_portrayal.scene.i3s"
_KMZ: Final = "gotapi_portrayal.scene.kml_archive"
_X3D: Final = "gotapi_portrayal.scene.x3d"
_X3D_INDEX: Final = "gotapi_portrayal.scene.x3d_index"
_VRML: Final = "gotapi_portrayal.scene.vrml:encode"
_VRML_CAN: Final = frozenset({VIEWPOINTS, BACKGROUND, EMBED})

FORMATS: Final[dict[str, Format]] = {
    # IANA has the first two, Table 29 the third.
    "model/gltf-binary": Format(_GLB, f"{_TILES}:index", _TILESET, _GLTF),
    "model/gltf+json": Format(_JSON, f"{_TILES}:index", _TILESET, _GLTF),
    "model/vnd.gltf+json": Format(_JSON, f"{_TILES}:index", _TILESET, _GLTF),
    _TILESET: Format("", f"{_TILES}:index", can=frozenset()),
    "application/vnd.google-earth.kml+xml": Format(f"{_KML}:encode", f"{_KML}:index", earthly=True),
    "application/vnd.google-earth.kmz": Format(f"{_KMZ}:encode", f"{_KMZ}:index", earthly=True),
    "model/x3d+xml": Format(f"{_X3D}:encode_xml", f"{_X3D_INDEX}:index", can=_VRML_CAN),
    "model/x3d+vrml": Format(f"{_X3D}:encode_classic", f"{_X3D_INDEX}:index", can=_VRML_CAN),
    "model/vrml": Format(_VRML, f"{_X3D_INDEX}:index", can=_VRML_CAN),
    "application/vnd.esri.i3s.json+gzip": Format(
        "", f"{_I3S}:index", can=frozenset(), encoding="gzip", earthly=True
    ),
}
"""Each MIME type that can be asked for, the best first."""

PLACES: Final[dict[str, str]] = {
    "tiles": f"{_TILES}:resource",
    "kml": f"{_KML}:resource",
    "kmz": f"{_KMZ}:resource",
    "x3d": f"{_X3D_INDEX}:resource",
    "i3s": f"{_I3S}:resource",
}
"""The first segment of the id of a resource to its `model.ResourceFinder`."""


def encoder(media: str) -> "Encoder | None":
    """Return the encoder of a MIME type."""
    place = FORMATS[media].encoder
    return cast("Encoder", _load(place)) if place else None


def index(media: str) -> "Index | None":
    """Return what writes the index of a MIME type."""
    place = FORMATS[media].index
    return cast("Index", _load(place)) if place else None


def finder(place: str) -> "ResourceFinder | None":
    """Return what finds the resources of a place."""
    named = PLACES.get(place)
    return cast("ResourceFinder", _load(named)) if named else None


@cache
def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
