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


def operations(catalogue: Catalogue, url: str) -> str:
    """Return the section; `url` is where the service is called."""
    parts = [_operation("GetCapabilities", url, _capabilities(catalogue))]
    if Extension.SCENE in catalogue.extensions:
        parts.append(_operation("GetScene", url, _scene(catalogue)))
    if Extension.VIEW in catalogue.extensions:
        parts.append(_operation("GetView", url, _view(catalogue)))
    if Extension.INFO in catalogue.extensions:
        domains = {"Format": catalogue.info_formats, "IdOnly": BOOLEAN, "Exceptions": _OF_INFO}
        # Table 48 and Requirement 19: each with the formats of its answers.
        for kind in ("Ray", "Position", "ObjectId"):
            parts.append(_operation(f"GetFeatureInfoBy{kind}", url, domains))
    parts.append(_operation("GetResourceById", url, {}))
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
    allowed = tuple(dict.fromkeys(values))
    if not allowed:
        return ""
    listed = "".join(ows("Value", value) for value in allowed)
    default = ows("DefaultValue", allowed[0]) if name not in _NO_DEFAULT else ""
    return (
        f'<ows:Parameter name="{name}"><ows:AllowedValues>{listed}</ows:AllowedValues>'
        f"{default}</ows:Parameter>"
    )


# Mandatory, or optional without a value that stands for its absence.
_NO_DEFAULT = frozenset(
    {"service", "version", "Format", "Background", "OverallStyles", "OffsetMode", "Sections"}
    | {"AcceptLanguages"}
)


def _capabilities(catalogue: Catalogue) -> Domains:
    return {
        "AcceptVersions": (VERSION,),
        "Sections": (*SECTIONS, "All"),
        "AcceptFormats": ("text/xml",),
        "AcceptLanguages": catalogue.languages,
    }


def _portrayal(catalogue: Catalogue) -> dict[str, Iterable[str]]:
    return {
        "SpatialSelection": catalogue.spatial_selections,
        "LODSelection": catalogue.lod_selections,
        "OverallStyles": [one.id for one in catalogue.overall_styles],
        "Background": [one.id for one in catalogue.backgrounds],
    }


def _scene(catalogue: Catalogue) -> Domains:
    layers = tuple(walk(catalogue.layers))
    return {
        **_portrayal(catalogue),
        # Requirement 8: every format as a MIME type; 9.2.5: the modes of offsets.
        "Format": [one for layer in layers for one in layer.formats],
        "OffsetMode": [one for layer in layers for one in layer.offset_modes],
        "Exceptions": (*_XML, *_BLANK),
    }


def _view(catalogue: Catalogue) -> Domains:
    return {
        **_portrayal(catalogue),
        "TransparentBackground": BOOLEAN,
        "Exceptions": (*_XML, *_INIMAGE, *_BLANK),
    }
