"""PURE: what OGC 15-001r4 demands of a server: its requirements, and the tests of its Annex A."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

SPEC: Final = "http://www.opengis.net/spec/3DPS/1.0"


class Requirement(msgspec.Struct, frozen=True):
    """One requirement: its number, class and clause, and whether Annex A has a test for it."""

    number: int
    family: str
    clause: str
    about: str
    tested: bool = True  # Annex A has no test for 10 and 15


_ALL = (
    Requirement(1, "core", "8.2.1", "GetCapabilities request"),
    Requirement(2, "core", "8.2.2", "GetCapabilities response"),
    Requirement(3, "core", "8.5.3", "GetResourceById request"),
    Requirement(4, "core", "8.5.4", "GetResourceById response"),
    Requirement(5, "scene", "9.2.1", "extension identifier"),
    Requirement(6, "scene", "9.2.2", "operation GetScene"),
    Requirement(7, "scene", "9.2.3", "layer extension"),
    Requirement(8, "scene", "9.2.3", "MIME types"),
    Requirement(9, "scene", "9.2.6", "portrayal capabilities extension"),
    Requirement(10, "scene", "9.3", "GetScene request", tested=False),
    Requirement(11, "scene", "9.4", "GetScene response"),
    Requirement(12, "view", "10.3.1", "extension identifier"),
    Requirement(13, "view", "10.3.2", "operation GetView"),
    Requirement(14, "view", "10.3.4", "portrayal capabilities extension"),
    Requirement(15, "view", "10.4", "GetView request", tested=False),
    Requirement(16, "view", "10.6", "exceptions of GetView"),
    Requirement(17, "info", "11.2.1", "extension identifier"),
    Requirement(18, "info", "11.2.2", "operations of GetFeatureInfo"),
    Requirement(19, "info", "11.2.2", "formats of GetFeatureInfo"),
    Requirement(20, "info", "11.2.3", "layer extension"),
    Requirement(21, "info", "11.3", "AbstractGetFeatureInfo request"),
    Requirement(22, "info", "11.4", "GetFeatureInfoByRay request"),
    Requirement(23, "info", "11.5", "GetFeatureInfoByPosition request"),
    Requirement(24, "info", "11.6", "GetFeatureInfoByObjectId request"),
    Requirement(25, "info", "11.7", "GetFeatureInfo response"),
)

REQUIREMENTS: Final[Mapping[int, Requirement]] = MappingProxyType({one.number: one for one in _ALL})

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "core": "Annex A.1 and A.2: GetCapabilities, GetResourceById, exceptions",
        "scene": "Annex A.3 and A.4: GetScene",
        "info": "Annex A.7 and A.8: GetFeatureInfo by ray, position and object id",
        "view": "Annex A.5 and A.6: GetView",
    }
)
"""The conformance classes of Annex A; each has a test of its own beside those of requirements."""

PROFILES: Final[Mapping[str, str]] = MappingProxyType(
    {name: f"{SPEC}/extension/{name}/1.0" for name in ("scene", "view", "info")}
)
"""What a server says in ServiceIdentification for a class (Requirements 5, 12, 17)."""

OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "scene": ("GetScene",),
        "view": ("GetView",),
        "info": ("GetFeatureInfoByRay", "GetFeatureInfoByPosition", "GetFeatureInfoByObjectId"),
    }
)
"""The operations of a class (Requirements 6, 13, 18)."""
