"""Each rule of scene and info, broken on purpose: its checks fail and no others of the class."""

from collections.abc import Callable
from typing import Any

import pytest

GONE = "<scene:AvailableFormat>[^<]*</scene:AvailableFormat>"
FORMAT = '<ows:Parameter name="Format"><ows:AllowedValues>.*?</ows:Parameter>'


def plain(asked: Any, media: str) -> bool:
    """Whether it is a GetScene of all of a layer."""
    return asked.of("GetScene", format=media) and set(asked.params) == {
        "service",
        "version",
        "request",
        "crs",
        "layers",
        "format",
    }


def beside(asked: Any) -> bool:
    """Whether a bounding box lies beyond all data."""
    box = asked.params.get("boundingbox", "").split(",")
    return asked.of("GetScene", spatialselection=None) and float(box[0] or 0) > 458_300


SCENE: list[tuple[str, Callable[[Any], Any]]] = [
    ("scene-extremes", lambda m: m.sent("offset=1e300", m.lost)),
    ("scene-profile", lambda m: m.caps("<ows:Profile>[^<]*scene/1.0</ows:Profile>", "")),
    ("scene-operation", lambda m: m.caps('name="Viewpoints"', 'name="Views"')),
    (
        "scene-layer-extension",
        lambda m: m.caps("</core:Extensions></core:Layer>", r"<scene:SceneLayerExtension/>\g<0>"),
    ),
    (
        "scene-mime-types",
        lambda m: m.caps(
            "<scene:AvailableFormat>model/vnd.gltf[+]json</scene:AvailableFormat>", ""
        ),
    ),
    (
        "scene-mime-types",
        lambda m: m.caps(
            f"{GONE}(?!<scene:AvailableF)",
            r"\g<0><scene:AvailableFormat>model/other;profile=a</scene:AvailableFormat>",
        ),
    ),
    (
        "scene-capabilities-extension",
        lambda m: m.caps(
            "<view:ViewPortrayal", r"<scene:ScenePortrayalCapabilitiesExtension/>\g<0>"
        ),
    ),
    ("scene-request", lambda m: m.when(lambda a: a.of("GetScene", format=None), m.taken)),
    (
        "scene-response",
        lambda m: m.when(lambda a: plain(a, "model/gltf+json"), m.body(b'{"asset":')),
    ),
    (
        "scene-response",
        lambda m: m.when(lambda a: plain(a, "application/vnd.google-earth.kmz"), m.body(b"PK")),
    ),
    (
        "scene-class scene-mime-types",
        lambda m: both(m.caps(GONE, ""), m.caps(FORMAT, '<ows:Parameter name="Format"/>')),
    ),
    ("scene-unknown-format", lambda m: m.sent("format=model/conformance", m.taken)),
    (
        "scene-not-empty",
        lambda m: m.when(
            lambda a: plain(a, "model/gltf+json"), m.body(b'{"asset":{"version":"2.0"}}')
        ),
    ),
    ("scene-blank", lambda m: m.sent("exceptions=blank", m.refused)),
    (
        "scene-blank",
        lambda m: m.when(
            lambda a: "model/gltf-b" in a.url and a.params.get("exceptions") == "blank", m.scene()
        ),
    ),
    (
        "scene-viewpoints",
        lambda m: m.when(lambda a: a.params.get("viewpoints", "").count(",") == 6, m.taken),
    ),
    ("scene-options", lambda m: m.when(lambda a: "deliveryoptions" in a.params, m.refused)),
    ("scene-post-xml", lambda m: m.posted("GetScene", m.refused)),
    ("scene-in-place", lambda m: m.when(lambda a: plain(a, "model/gltf+json"), m.scene())),
    ("scene-bounding-box", lambda m: m.when(beside, m.scene())),
    ("scene-cut", lambda m: m.sent("spatialSelection=cut", m.scene())),
    ("scene-center", lambda m: m.sent("spatialSelection=contains_center", m.scene(count=9000))),
    (
        "scene-offset",
        lambda m: m.when(
            lambda a: "offset" in a.params and a.params.get("offsetmode") == "subtract",
            m.scene((9.0, 9000.0, 9.0)),
        ),
    ),
    (
        "scene-offset-modes",
        lambda m: m.when(lambda a: "offsetmode" in a.params and "offset" not in a.params, m.taken),
    ),
    ("scene-offset-refused", lambda m: m.caps('(ArbitraryOffset[>="]*)true', r"\1false")),
]


INFO: list[tuple[str, Callable[[Any], Any]]] = [
    ("info-extremes", lambda m: m.sent("tolerance=1e300", m.lost)),
    ("info-profile", lambda m: m.caps("<ows:Profile>[^<]*info/1.0</ows:Profile>", "")),
    ("info-operation info-class", lambda m: m.caps('name="GetFeatureInfo', 'name="GetInfo')),
    (
        "info-formats info-formats-agree",
        lambda m: m.caps(
            "<ows:Value>text/xml</ows:Value><ows:Value>application/json",
            r"<ows:Value>xml</ows:Value>\g<0>",
        ),
    ),
    (
        "info-layer-extension",
        lambda m: m.caps("</core:Extensions></core:Layer>", r"<info:InfoLayerExtension/>\g<0>"),
    ),
    (
        "info-parameters info-ray-request info-position-request info-id-request",
        lambda m: m.caps('name="FeatureCount"', 'name="Count"'),
    ),
    ("info-ray-request", lambda m: m.caps('name="ImagePosition"', 'name="Pixel"')),
    ("info-position-request", lambda m: m.caps('name="Tolerance"', 'name="Near"')),
    ("info-id-request", lambda m: m.caps('name="ObjectId"', 'name="Id"')),
    (
        "info-ray-mandatory",
        lambda m: m.when(lambda a: a.of("GetFeatureInfoByRay", width=None), m.unlocated),
    ),
    (
        "info-position-mandatory",
        lambda m: m.when(lambda a: a.of("GetFeatureInfoByPosition", crs=None), m.taken),
    ),
    (
        "info-id-mandatory",
        lambda m: m.when(lambda a: a.of("GetFeatureInfoByObjectId", layers=None), m.as_other),
    ),
    ("info-response info-formats-agree", lambda m: m.sent("format=text/html", m.body(b"no page"))),
    (
        "info-response",
        lambda m: m.when(
            lambda a: a.of("GetFeatureInfoByObjectId", format="application/json"), m.body(b"{")
        ),
    ),
    ("info-class", lambda m: m.caps("<ows:Profile>[^<]*(scene|view)/1.0</ows:Profile>", "")),
    (
        "info-unknown-layer",
        lambda m: m.when(
            lambda a: a.of("GetFeatureInfo", layers="conformance-unknown", exceptions=None),
            m.as_other,
        ),
    ),
    ("info-unknown-crs", lambda m: m.sent("crs=EPSG:99999999", m.as_other)),
    ("info-unknown-format", lambda m: m.sent("format=text/conformance", m.taken)),
    (
        "info-not-queryable",
        lambda m: m.caps('queryable="true"(.*Identifier>town)', r'queryable="false"\1'),
    ),
    ("info-incomplete-position", lambda m: m.sent("coordinate=1,,3", m.unlocated)),
    ("info-image-position", lambda m: m.sent("imagePosition=0.5,0.5", m.taken)),
    ("info-id-only", lambda m: m.sent("idOnly=true", m.features(("1", "x", "5")))),
    ("info-feature-count", lambda m: m.sent("featureCount=2", m.features(*[("1", "x", "5")] * 3))),
    ("info-formats-agree", lambda m: m.sent("format=text/plain", m.body(b"something else"))),
    ("info-exception-format", lambda m: m.sent("exceptions=text/conformance", m.taken)),
    (
        "info-id-agrees",
        lambda m: m.when(
            lambda a: (
                a.of(
                    "GetFeatureInfoByObjectId", featurecount=None, format="text/xml", layers="hill"
                )
                and a.params.get("objectid", "").isdecimal()
            ),
            m.features(("1", "other", "5")),
        ),
    ),
    ("info-position-agrees", lambda m: m.sent("featureCount=1000", m.features())),
    ("info-id-count", lambda m: m.sent("featureCount=7", m.taken)),
    ("info-id-unknown", lambda m: m.sent("objectId=conformance", m.features(("1", "x", "5")))),
    ("info-tolerance", lambda m: m.sent("tolerance=-1", m.taken)),
    ("info-tolerance", lambda m: m.sent("tolerance=0.01", m.features(("1", "x", "5")))),
]


def both(first: Any, second: Any) -> Any:
    """Two spoilers, one after the other."""

    def spoil(asked: Any, reply: Any) -> Any:
        once = first(asked, reply)
        return second(asked, once or reply) or once

    return spoil


TABLE = [("scene", *row) for row in SCENE] + [("info", *row) for row in INFO]


@pytest.mark.parametrize(
    ("family", "ids", "spoil"), TABLE, ids=[f"{n}-{row[1]}" for n, row in enumerate(TABLE)]
)
def test_a_broken_rule_fails_its_check_and_no_other(
    runner: Any, make: Any, family: str, ids: str, spoil: Callable[[Any], Any]
) -> None:
    assert runner.failed(spoil(make), family) == set(ids.split())
