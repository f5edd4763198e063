"""The many ways to write a CRS, read into one, with the order of axes each stands for. PURE.

`EPSG:4326` means x before y (longitude first): 3DPS Table 34 writes `crs=epsg:4327` and then 13.4
degrees east, 52.5 north. A URN or an http URI means what the EPSG register says, latitude first.
"""

import re
from dataclasses import dataclass

from gotapi_portrayal.request.errors import invalid, shown

_CODE = r"[0-9A-Za-z.]{1,20}"
_SHORT = re.compile(rf"(epsg|crs|ogc|local):({_CODE})(?:\+(?:epsg:)?({_CODE}))?", re.I)
_URN = re.compile(rf"urn:(?:x-)?ogc:def:crs:(\w{{1,10}}):[0-9.]*:({_CODE})", re.I)
_COMPOUND = re.compile(
    rf"urn:(?:x-)?ogc:def:crs,crs:(\w{{1,10}}):[0-9.]*:({_CODE})"
    rf",crs:(?:EPSG):[0-9.]*:({_CODE})",
    re.I,
)
_HTTP = re.compile(
    rf"https?://www\.opengis\.net/def/crs/(\w{{1,10}})/[0-9.]{{1,10}}/({_CODE})", re.I
)
_HTTP_COMPOUND = re.compile(
    rf"https?://www\.opengis\.net/def/crs-compound\?1=({_HTTP.pattern})&2=({_HTTP.pattern})", re.I
)
_GML = re.compile(rf"https?://www\.opengis\.net/gml/srs/(epsg)\.xml#({_CODE})", re.I)
_WGS84 = frozenset({"CRS84", "84"})


@dataclass(frozen=True, slots=True)
class CrsName:
    """A CRS by its short name (`EPSG:25832`, `EPSG:25832+7837`, `CRS:84`) and the form it came in.

    With `official` its axes come as the register orders them, else x (east) first.
    """

    short: str
    official: bool = False


def read_crs(text: str, parameter: str = "crs") -> CrsName:
    """Return the CRS that a name in any form means; raises InvalidParameterValue for other text."""
    text = text.strip()
    if match := _HTTP_COMPOUND.fullmatch(text):
        return CrsName(_short(match[2], match[3], match[6]), official=True)
    if match := _SHORT.fullmatch(text):
        return CrsName(_short(*match.groups()))
    if match := _COMPOUND.fullmatch(text):
        return CrsName(_short(*match.groups()), official=True)
    for form in (_URN, _HTTP, _GML):
        if match := form.fullmatch(text):
            return CrsName(_short(*match.groups()), official=True)
    raise invalid(
        parameter,
        f"{shown(text)} is no CRS name such as EPSG:25832 or urn:ogc:def:crs:EPSG::25832",
    )


def _short(authority: str, code: str, vertical: str | None = None) -> str:
    if authority.lower() in ("ogc", "crs") and code.upper() in _WGS84:
        return "CRS:84"
    name = f"{authority.upper()}:{code}"
    return f"{name}+{vertical}" if vertical else name
