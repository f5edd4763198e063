"""Each rule of the core class, broken on purpose: the checks that are about it fail, no others."""

from collections.abc import Callable
from typing import Any

import pytest

# The ids of the checks that must fail, and what breaks their rule.
BROKEN: list[tuple[str, Callable[[Any], Any]]] = [
    ("core-getcapabilities", lambda m: m.caps("core:Capabilities", "core:Kapabilities")),
    (
        "core-getcapabilities",
        lambda m: m.when(
            lambda a: a.params == {"service": "3DPS", "request": "GetCapabilities"},
            lambda reply: m.body(reply.body, "text/plain")(reply),
        ),
    ),
    (
        "core-capabilities-structure",
        lambda m: m.caps('version="1.0" update', 'version="2.0" update'),
    ),
    (
        "core-capabilities-structure core-sections",
        lambda m: m.caps("</core:Contents>", "</core:Contents><core:X/>"),
    ),
    (
        "core-capabilities-structure",
        lambda m: m.caps("(<ows:ServiceP.*vider>)(.*Metadata>)", r"\2\1"),
    ),
    (
        "core-service-identification",
        lambda m: m.caps(">3DPS</ows:ServiceType>", ">WMS</ows:ServiceType>"),
    ),
    (
        "core-service-identification",
        lambda m: m.caps(r">1.0.0</ows:ServiceTypeV", ">2.0.0</ows:ServiceTypeV"),
    ),
    ("core-operations", lambda m: m.caps('Post xlink:href="http:', 'Post xlink:href="')),
    ("core-layers", lambda m: m.caps("<core:AvailableLOD>", "<core:Colour/><core:AvailableLOD>")),
    ("core-layers", lambda m: m.caps(">plain</ows:Identifier>", ">thematic</ows:Identifier>")),
    (
        "core-layer-crs",
        lambda m: m.caps(
            "<core:AvailableCRS>EPSG:3857", "<core:AvailableCRS>EPSG 1</core:AvailableCRS>\\g<0>"
        ),
    ),
    ("core-layer-boxes", lambda m: m.caps('(EPSG::3857"[^>]*><ows:LowerCorner>)', r"\g<1>9")),
    ("core-layer-boxes", lambda m: m.caps('EPSG::3857"', 'EPSG::2056"')),
    ("core-default-style", lambda m: m.caps("<core:IsDefault>false", "<core:IsDefault>true")),
    ("core-references", lambda m: m.caps("<core:LOD>CityGML:2</core:LOD>", "")),
    (
        "core-portrayal-capabilities",
        lambda m: m.caps("<core:ViewpointHint>", "<core:Hint/><core:ViewpointHint>"),
    ),
    (
        "core-portrayal-capabilities",
        lambda m: m.caps(">night</ows:Identifier>", ">sky</ows:Identifier>"),
    ),
    (
        "core-viewpoint-hints",
        lambda m: m.caps("<core:X3>[^<]*</core:X3></core:POC>", "</core:POC>"),
    ),
    ("core-class", lambda m: m.caps("<ows:Profile>[^<]*(scene|view)/1.0</ows:Profile>", "")),
    ("core-schema", lambda m: m.caps("schemas/3dps-core.xsd", "schemas/nothing.xsd")),
    ("core-kvp-names", lambda m: m.sent("SERVICE=3DPS", m.refused)),
    ("core-kvp-order", lambda m: m.sent("request=GetCapabilities&service", m.refused)),
    ("core-kvp-encoding", lambda m: m.sent("%33%44", m.refused)),
    ("core-kvp-unknown", lambda m: m.sent("conformanceUnknown", m.refused)),
    ("core-post-xml", lambda m: m.posted("GetCapabilities", m.refused)),
    ("core-accept-versions", lambda m: m.sent("acceptVersions=99.0,1.0", m.refused)),
    ("core-version-negotiation", lambda m: m.sent("acceptVersions=99.9.9", m.as_other)),
    (
        "core-sections",
        lambda m: m.sent(
            "sections=Contents,Serv",
            m.body(b"<core:Capabilities xmlns:core='http://www.opengis.net/3dps/1.0/core'/>"),
        ),
    ),
    ("core-sections-all", lambda m: m.sent("sections=All", m.refused)),
    (
        "core-update-sequence",
        lambda m: m.when(lambda a: a.params.get("updatesequence") in ("1", "2"), m.refused),
    ),
    ("core-update-sequence-future", lambda m: m.sent("updateSequence=100", m.as_other)),
    ("core-languages", lambda m: m.sent("acceptLanguages=xx", m.refused)),
    (
        "core-missing-request",
        lambda m: m.when(lambda a: a.params == {"service": "3DPS"}, m.unlocated),
    ),
    (
        "core-missing-service",
        lambda m: m.when(lambda a: a.params == {"request": "GetCapabilities"}, m.as_other),
    ),
    ("core-wrong-service", lambda m: m.sent("service=WMS", m.taken)),
    ("core-unknown-operation", lambda m: m.sent("request=GetConformance", m.unlocated)),
    ("core-version-needed", lambda m: m.when(lambda a: a.of("GetScene", version=None), m.as_other)),
    ("core-wrong-version", lambda m: m.sent("version=99.0", m.taken)),
    (
        "core-portrayal-mandatory",
        lambda m: m.when(lambda a: a.of("GetScene", layers=None), m.unlocated),
    ),
    ("core-unknown-crs", lambda m: m.sent("crs=EPSG:99999999", m.taken)),
    ("core-unknown-layer", lambda m: m.sent("layers=conformance", m.as_other)),
    ("core-unknown-style", lambda m: m.sent("styles=conformance", m.unlocated)),
    ("core-unknown-background", lambda m: m.sent("background=conformance", m.as_other)),
    ("core-unknown-lod", lambda m: m.sent("lods=Conformance", m.as_other)),
    ("core-unknown-option", lambda m: m.sent("deliveryOptions=conformance", m.taken)),
    ("core-lists-match", lambda m: m.when(lambda a: a.of("GetScene", styles=",,,"), m.taken)),
    (
        "core-lists-match",
        lambda m: m.when(lambda a: a.of("GetScene", styles="", layers="hill"), m.refused),
    ),
    ("core-several-layers", lambda m: m.sent("layers=town,hill", m.refused)),
    ("core-styles", lambda m: m.sent("styles=thematic", m.refused)),
    ("core-lods", lambda m: m.sent("lods=CityGML:2", m.refused)),
    (
        "core-bounding-box-order",
        lambda m: m.when(lambda a: a.params.get("boundingbox", "").startswith("458120"), m.taken),
    ),
    ("core-bounding-box-numbers", lambda m: m.sent("boundingBox=1,2,3", m.unlocated)),
    ("core-selections", lambda m: m.sent("spatialSelection=cut", m.refused)),
    ("core-selections", lambda m: m.sent("spatialSelection=conformance", m.taken)),
    ("core-empty-layers", lambda m: m.when(lambda a: a.of("GetScene", layers=""), m.refused)),
    (
        "core-exception-report",
        lambda m: m.sent(
            "styles=conformance", lambda r: m.body(r.body.replace(b' version="1.0.0"', b""))(r)
        ),
    ),
    (
        "core-exception-status",
        lambda m: m.sent("acceptVersions=99.9.9", lambda r: m.body(r.body)(r)),
    ),
    ("core-exceptions-format", lambda m: m.sent("exceptions=text/conformance", m.taken)),
    ("core-twice", lambda m: m.sent("&CRS=EPSG:4326", m.lost)),
    ("core-garbage", lambda m: m.sent("sections=%zz", m.lost)),
    (
        "core-xml-broken",
        lambda m: m.when(lambda a: a.method == "POST" and b"<conformance/>" in a.body, m.taken),
    ),
    (
        "core-xml-entities",
        lambda m: m.when(lambda a: b"<!DOCTYPE" in a.body, m.body(b"<x>conformance-entity</x>")),
    ),
    (
        "core-resource-request",
        lambda m: m.when(lambda a: a.of("GetResourceById", outputformat=None), m.unlocated),
    ),
    ("core-resource-unknown", lambda m: m.sent("outputFormat=text/plain", m.taken)),
    (
        "core-resource-response",
        lambda m: m.when(
            lambda a: a.of("GetResourceById"), lambda r: m.body(b"x")(r) if r.good else r
        ),
    ),
    ("core-resource-format", lambda m: m.sent("outputFormat=text/conformance", m.taken)),
]


@pytest.mark.parametrize(
    ("ids", "spoil"), BROKEN, ids=[f"{n}-{ids}" for n, (ids, _) in enumerate(BROKEN)]
)
def test_a_broken_rule_fails_its_check_and_no_other(
    runner: Any, make: Any, ids: str, spoil: Callable[[Any], Any]
) -> None:
    assert runner.failed(spoil(make), "core") == set(ids.split())
