"""GetCapabilities, GetResourceById, and which operation a request is for (clause 8). PURE."""

import re
from collections.abc import Callable

from gotapi_portrayal.request.errors import Code, OwsError, invalid, missing, shown
from gotapi_portrayal.request.fields import Fields
from gotapi_portrayal.request.infos import read_object_id, read_position, read_ray
from gotapi_portrayal.request.portrayal import read_format
from gotapi_portrayal.request.scenes import read_scene
from gotapi_portrayal.request.types import GetCapabilities, GetResourceById, Request
from gotapi_portrayal.request.views import read_view

SERVICE = "3DPS"
VERSION = "1.0"
# The posted schema takes three numbers only, the text two: both mean this version.
_VERSIONS = frozenset({VERSION, "1.0.0"})
SECTIONS = (
    "ServiceIdentification",
    "ServiceProvider",
    "OperationsMetadata",
    "Languages",
    "Contents",
    "PortrayalCapabilities",
)  # Table 9, in the order of the document
_RESOURCE = re.compile(r"[A-Za-z0-9_~:-][A-Za-z0-9._~:-]*(/[A-Za-z0-9_~:-][A-Za-z0-9._~:-]*)*")
_MAX_RESOURCE = 500  # characters; ours have below a hundred


def read_fields(fields: Fields) -> Request:
    """Return the request that the fields are; raises OwsError and nothing else."""
    service = fields.need("service", f"it is always {SERVICE}")
    if service != SERVICE:  # OWS Common 2.0, 11.5.2: values count as they are written
        raise invalid("service", f"{shown(service)} is not {SERVICE}")
    operation = fields.need("request")
    reader = OPERATIONS.get(operation)
    if reader is None:
        names = ", ".join(OPERATIONS)
        raise OwsError(
            Code.OPERATION_NOT_SUPPORTED, f"{shown(operation)} is not one of {names}", operation
        )
    if operation != "GetCapabilities":
        version = fields.need("version", f"it is {VERSION}")
        if version not in _VERSIONS:
            raise invalid("version", f"{shown(version)} is not {VERSION}")
    return reader(fields)


def _capabilities(fields: Fields) -> GetCapabilities:
    wanted = [version for version in fields.items("acceptVersions") if version]
    if wanted and not _VERSIONS.intersection(wanted):
        raise OwsError(
            Code.VERSION_NEGOTIATION_FAILED,
            f"of the versions {shown(','.join(wanted))} none is {VERSION}",
        )
    languages = tuple(one for one in fields.items("acceptLanguages") if one)
    schema = fields.text("schema") or "text"
    if schema not in ("text", "posted"):
        raise invalid("schema", f"{shown(schema)} is not 'text' or 'posted'")
    return GetCapabilities(
        _sections(fields), _sequence(fields), languages, posted=schema == "posted"
    )


def _sections(fields: Fields) -> frozenset[str]:
    # Table 9 prints `Service Identification` with a blank; the element has none.
    names = ["".join(name.split()) for name in fields.items("sections")]
    known = {name.lower(): name for name in (*SECTIONS, "All")}
    for name in names:
        if name and name.lower() not in known:
            raise invalid("sections", f"{shown(name)} is not one of {', '.join(SECTIONS)}, All")
    found = frozenset(known[name.lower()] for name in names if name)
    return frozenset() if "All" in found else found


def _sequence(fields: Fields) -> int | None:
    text = fields.text("updateSequence")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise invalid("updateSequence", f"{shown(text)} was never one of this service's numbers")
    return int(text)


def _resource(fields: Fields) -> GetResourceById:
    resource = fields.exact("resourceId")
    if resource is None:
        raise missing("resourceId")
    return GetResourceById(_sound(resource), read_format(fields, "outputFormat"))


def read_path(resource: str) -> GetResourceById:
    """Return the request for a resource that is addressed by a path, whatever its format.

    i3s has no other way: its clients add `/nodepages/0` to the address of a layer. Raises OwsError.
    """
    return GetResourceById(_sound(resource), "")


def _sound(resource: str) -> str:
    # No segment begins with a dot, none is empty, and an encoded slash has a percent sign left:
    # whatever looks for resources can never leave its place.
    if len(resource) > _MAX_RESOURCE or not _RESOURCE.fullmatch(resource):
        raise invalid("resourceId", f"{shown(resource)} is not an id this service gave out")
    return resource


OPERATIONS: dict[str, Callable[[Fields], Request]] = {
    "GetCapabilities": _capabilities,
    "GetScene": read_scene,
    "GetView": read_view,
    "GetFeatureInfoByRay": read_ray,
    "GetFeatureInfoByPosition": read_position,
    "GetFeatureInfoByObjectId": read_object_id,
    "GetResourceById": _resource,
}
