"""PURE: the section OperationsMetadata: what can be called, where, and with which values."""

from collections.abc import Iterable, Mapping

from gotapi_portrayal.capabilities.markup import link, ows
from gotapi_portrayal.catalogue import Catalogue, Extension, walk
from gotapi_portrayal.request.core import SECTIONS, VERSION

Domains = Mapping[str, Iterable[str]]

_XML = ("text/xml", "application/vnd.ogc.se_xml")
_BLANK = ("blank", "application/vnd.ogc.se_blank")
_INIMAGE = ("inimage", "application/vnd.ogc.se_inimage")
_OF_INFO = ("text/xml", "text/html", "text/plain", "application/json")
BOOLEAN = ("false", "true")
ANY = ("*",)
# Annex A wants every parameter declared; those of Tables 51 to 53 have no list of values.
_INFO = {
    "Ray": ("CRS", "Width", "Height", "Projection", "ImagePosition"),
    "Position": ("CRS", "Coordinate", "Tolerance"),
    "ObjectId": ("ObjectId",),
}
_RESOURCE = ("ResourceId", "OutputFormat")


def operations(catalogue: Catalogue, url: str) -> str:
    """Return the section; `url` is where the service is called."""
    parts = [_operation("GetCapabilities", url, _capabilities(catalogue))]
    if Extension.SCENE in catalogue.extensions:
        parts.append(_operation("GetScene", url, _scene(catalogue)))
    if Extension.VIEW in catalogue.extensions:
        parts.append(_operation("GetView", url, _view(catalogue)))
    if Extension.INFO in catalogue.extensions:
        # Table 48 and Requirement 19: each with the formats of its answers.
        for kind, open_ones in _INFO.items():
            domains = _info(catalogue) | dict.fromkeys(open_ones, ANY)
            parts.append(_operation(f"GetFeatureInfoBy{kind}", url, domains))
    parts.append(_operation("GetResourceById", url, dict.fromkeys(_RESOURCE, ANY)))
    service = _domain("service", ["3DPS"]) + _domain("version", [VERSION])
    return f"<ows:OperationsMetadata>{''.join(parts)}{service}</ows:OperationsMetadata>"


def _operation(name: str, url: str, domains: Domains) -> str:
    http = link("Get", f"{url}?") + link("Post", url)
    parameters = "".join(_domain(parameter, values) for parameter, values in domains.items())
    return (
        f'<ows:Operation name="{name}"><ows:DCP><ows:HTTP>{http}</ows:HTTP></ows:DCP>'
        f"{parameters}</ows:Operation>"
    )


def _domain(name: str, values: Iterable[str]) -> str:
    """Return a parameter with its values: these, any, or none where it can never be given."""
    allowed = tuple(dict.fromkeys(values))
    if allowed in ((), ANY):
        kind = "AnyValue" if allowed else "NoValues"
        return f'<ows:Parameter name="{name}"><ows:{kind}/></ows:Parameter>'
    listed = "".join(ows("Value", value) for value in allowed)
    default = ows("DefaultValue", allowed[0]) if name not in _NO_DEFAULT else ""
    return (
        f'<ows:Parameter name="{name}"><ows:AllowedValues>{listed}</ows:AllowedValues>'
        f"{default}</ows:Parameter>"
    )


# Mandatory, or optional without a value that stands for its absence.
_NO_DEFAULT = frozenset(
    {"service", "version", "Format", "Background", "OverallStyles", "OffsetMode", "Sections"}
    | {"AcceptLanguages", "CRS", "Layers", "Styles", "LODs", "DeliveryOptions"}
)


def _capabilities(catalogue: Catalogue) -> Domains:
    return {
        "AcceptVersions": (VERSION,),
        "Sections": (*SECTIONS, "All"),
        "AcceptFormats": ("text/xml",),
        "AcceptLanguages": catalogue.languages,
    }


def _portrayal(catalogue: Catalogue) -> dict[str, Iterable[str]]:
    layers = tuple(walk(catalogue.layers))
    return {
        "CRS": [one for layer in layers for one in layer.crs],
        "BoundingBox": ANY,
        "SpatialSelection": catalogue.spatial_selections,
        "Layers": [layer.id for layer in layers],
        "Styles": [style.id for layer in layers for style in layer.styles],
        "LODs": [one for layer in layers for one in layer.lods],
        "LODSelection": catalogue.lod_selections,
        "OverallStyles": [one.id for one in catalogue.overall_styles],
        "Background": [one.id for one in catalogue.backgrounds],
        "DeliveryOptions": [one for layer in layers for one in layer.delivery_options],
    }


def _info(catalogue: Catalogue) -> dict[str, Iterable[str]]:
    layers = [layer.id for layer in walk(catalogue.layers) if layer.queryable]
    return {
        "Layers": layers,
        "FeatureCount": ANY,
        "IdOnly": BOOLEAN,
        "Format": catalogue.info_formats,
        "Exceptions": _OF_INFO,
    }


def _scene(catalogue: Catalogue) -> Domains:
    layers = tuple(walk(catalogue.layers))
    return {
        **_portrayal(catalogue),
        # Requirement 8: every format as a MIME type; 9.2.5: the modes of offsets.
        "Format": [one for layer in layers for one in layer.formats],
        "Offset": ANY,
        "OffsetMode": [one for layer in layers for one in layer.offset_modes],
        "Viewpoints": ANY,
        "Exceptions": (*_XML, *_BLANK),
    }


def _view(catalogue: Catalogue) -> Domains:
    return {
        **_portrayal(catalogue),
        "BackgroundColor": ANY,
        "TransparentBackground": BOOLEAN,
        "Portrayals": ANY,
        "Exceptions": (*_XML, *_INIMAGE, *_BLANK),
    }
