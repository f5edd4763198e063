"""Servers that have less than ours: what cannot be tried is skipped, and nothing breaks."""

from collections.abc import Callable
from typing import Any

import pytest

from gotapi_core.conformance import Verdict

IMAGE = (
    "<view:AvailableImageLayer>((?!</view:AvailableImageLayer>).)*>{}</ows:Identifier>"
    ".*?</view:AvailableImageLayer>"
)
BOX = "<ows:{}BoundingBox.*?</ows:{}BoundingBox>"
OPTIONS = "</core:DeliveryOption>"


def both(*spoils: Any) -> Any:
    """Several changes of one document."""

    def spoil(asked: Any, reply: Any) -> Any:
        changed = None
        for one in spoils:
            changed = one(asked, changed or reply) or changed
        return changed

    return spoil


# Class; what the server has less; which checks fail then; reasons among those of skipped checks.
LEAN: dict[str, tuple[str, Callable[[Any], Any], str, tuple[str, ...]]] = {
    "no layers": (
        "core",
        lambda m: m.caps("<core:Layer>.*</core:Layer>", ""),
        "",
        ("offers no layer",),
    ),
    "no contents": ("core", lambda m: m.caps("<core:Contents>.*</core:Contents>", ""), "", ()),
    "no boxes": (
        "view",
        lambda m: both(m.caps(BOX.format("WGS84", "WGS84"), ""), m.caps(BOX.format("", ""), "")),
        "view-response",
        ("announces no box",),
    ),
    "degrees only": (
        "scene",
        lambda m: m.caps("<core:AvailableCRS>EPSG:(25832|3857)</core:AvailableCRS>", ""),
        "",
        ("no format has coordinates that can be compared",),
    ),
    "degrees only, views": (
        "view",
        lambda m: m.caps("<core:AvailableCRS>EPSG:(25832|3857)</core:AvailableCRS>", ""),
        "",
        ("has no CRS in metres",),
    ),
    "degrees only, information": (
        "info",
        lambda m: m.caps("<core:AvailableCRS>EPSG:(25832|3857)</core:AvailableCRS>", ""),
        "",
        ("the layer has no CRS in metres",),
    ),
    "one image layer": (
        "view",
        lambda m: both(
            *(
                m.caps(IMAGE.format(name), "")
                for name in ("DEPTH", "OBJECTID", "NORMAL", "MASK", "LINEAR_DEPTH")
            )
        ),
        "",
        ("there is only one image layer", "offers no image layer DEPTH"),
    ),
    "no masks": (
        "view",
        lambda m: m.caps(IMAGE.format("MASK"), ""),
        "",
        ("offers no image layer MASK",),
    ),
    "jpeg only": (
        "view",
        lambda m: m.caps("<view:AvailableFormat>image/(png|webp)[^<]*</view:AvailableFormat>", ""),
        "view-capabilities-extension",
        ("has no lossless format",),
    ),
    "single views": (
        "view",
        lambda m: m.caps('(MultipleViews[>="]*)true', r"\1false"),
        "",
        ("SupportsMultipleViews is false",),
    ),
    "perspective only": (
        "view",
        lambda m: m.caps(
            "<view:AvailableProjection>((?!</view:AvailableProjection>).)*>Orthographic<.*?</view:AvailableProjection>",
            "",
        ),
        "",
        ("there is no orthographic projection",),
    ),
    "no scenes, no extras": (
        "core",
        lambda m: both(
            m.caps("<ows:Operation name=.Get(Scene|ResourceById).*?</ows:Operation>", ""),
            m.caps("<ows:Profile>[^<]*scene/1.0</ows:Profile>", ""),
            m.caps(' updateSequence="[^"]*"', ""),
            m.caps("<ows:Post [^>]*>", ""),
            m.caps("<core:AvailableLOD>[^<]*</core:AvailableLOD>", ""),
            m.caps("<core:AvailableStyle>.*?</core:AvailableStyle>", ""),
            m.caps("xsi:schemaLocation=.[^\"']*.", ""),
        ),
        "",
        (
            "no updateSequence",
            "does not announce HTTP POST",
            "no layer advertises a LOD",
            "no layer advertises a style",
            "no operation GetResourceById",
            "declares no schema",
        ),
    ),
    "no offsets, no choices": (
        "scene",
        lambda m: both(
            m.caps('(ArbitraryOffset[>="]*)true', r"\1false"),
            m.caps("<scene:AvailableOffsetMode>[^<]*</scene:AvailableOffsetMode>", ""),
            m.caps("<core:AvailableSpatialSelection>[^<]*</core:AvailableSpatialSelection>", ""),
            m.caps("<core:DeliveryOption>http[^<]*</core:DeliveryOption>", ""),
        ),
        "scene-offset-refused",
        (
            "the server offers no offset",
            "advertises no offset mode",
            "does not offer cut",
            "does not offer contains_center",
            "no layer has a delivery option",
        ),
    ),
    "unknown formats": (
        "scene",
        lambda m: both(
            m.caps("<scene:AvailableFormat>[^<]*</scene:AvailableFormat>", ""),
            m.caps(
                "<scene:SceneLayerExtension>",
                r"\g<0><scene:AvailableFormat>model/strange</scene:AvailableFormat>",
            ),
            m.when(
                lambda a: a.params.get("format") == "model/strange" and len(a.params) == 6,
                m.body(b"x", "model/strange"),
            ),
        ),
        "scene-viewpoints scene-options scene-post-xml scene-offset-modes",
        ("no format that can be read here",),
    ),
    "positions only": (
        "info",
        lambda m: m.caps(
            "<ows:Operation name=.GetFeatureInfoBy(Ray|ObjectId).*?</ows:Operation>", ""
        ),
        "",
        ("no operation GetFeatureInfoByRay", "no operation GetFeatureInfoByObjectId"),
    ),
    "text only": (
        "info",
        lambda m: m.caps(
            "<ows:Value>text/xml</ows:Value><ows:Value>application/json</ows:Value><ows:Value>text/html</ows:Value>",
            "",
        ),
        "",
        ("does not offer text/xml",),
    ),
    "nothing to query": (
        "info",
        lambda m: m.caps('queryable="true"', ""),
        "",
        ("no layer with a box is queryable",),
    ),
    "nothing found": (
        "info",
        lambda m: m.when(
            lambda a: a.of("GetFeatureInfo", format="text/xml"),
            lambda r: m.features()(r) if r.good else r,
        ),
        "",
        ("no ray and no position finds a feature",),
    ),
}


@pytest.mark.parametrize("name", LEAN)
def test_what_is_not_there_is_skipped_with_its_reason(runner: Any, make: Any, name: str) -> None:
    family, spoil, failing, reasons = LEAN[name]
    outcomes = runner.outcomes(spoil(make), family)
    said = {id_: one.reason for id_, one in outcomes.items()}
    assert not {id_: words for id_, words in said.items() if "the check itself broke" in words}
    skipped = " | ".join(one.reason for one in outcomes.values() if one.verdict is Verdict.SKIP)
    for reason in reasons:
        assert reason in skipped
    failed = {id_: said[id_] for id_, one in outcomes.items() if one.verdict is Verdict.FAIL}
    assert set(failed) == set(failing.split()), failed
