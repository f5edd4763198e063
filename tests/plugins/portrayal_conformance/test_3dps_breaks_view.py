"""Each rule of the view class, broken on purpose: its checks fail and no others of the class."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

LAYER = (
    "<view:AvailableImageLayer>((?!</view:AvailableImageLayer>).)*>{}</ows:Identifier>"
    ".*?</view:AvailableImageLayer>"
)
FORMATS = "<view:AvailableFormat>[^<]*</view:AvailableFormat>"
FOVX = '<view:ProjectionParameter name="FOVX".*?</view:ProjectionParameter>'
FOVY = '<view:ProjectionParameter name="FOVY".*?</view:ProjectionParameter>'


def image(asked: Any, name: str, *more: str) -> bool:
    """Whether it is a GetView of one image layer, with words in its portrayals."""
    portrayals = asked.params.get("portrayals", "")
    words = (f"IMAGELAYERS={name};", *more)
    return asked.of("GetView") and all(word in portrayals for word in words)


def large(asked: Any, name: str, *more: str) -> bool:
    """Whether it is a picture of those that are compared with each other."""
    return image(asked, name, "WIDTH=128;HEIGHT=96", *more)


def swapped(pixels: Pixels) -> Pixels:
    """R and B exchanged."""
    parts: Pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[-1])]]
    return np.ascontiguousarray(parts)


def reversed_bytes(pixels: Pixels) -> Pixels:
    """The whole order of the bytes turned round."""
    return np.ascontiguousarray(pixels[..., ::-1])


def halved(pixels: Pixels) -> Pixels:
    """Normals of half their length: nearer to 128, which is 0."""
    return ((pixels.astype(int) + 128) // 2).astype(np.uint8)


def opaque(pixels: Pixels) -> Pixels:
    changed = pixels.copy()
    changed[..., 3] = 255
    return changed


def clear(pixels: Pixels) -> Pixels:
    changed = pixels.copy()
    changed[..., -1] = 0
    return changed


def constant(value: int) -> Callable[[Pixels], Pixels]:
    return lambda pixels: np.full_like(pixels, value)


def numbered(pixels: Pixels) -> Pixels:
    """The object id of the hill wherever there is one."""
    seen = pixels.any(axis=-1)
    changed = np.zeros_like(pixels)
    changed[seen, 0] = 10
    return changed


BROKEN: list[tuple[str, Callable[[Any], Any]]] = [
    ("view-profile", lambda m: m.caps("<ows:Profile>[^<]*view/1.0</ows:Profile>", "")),
    ("view-operation", lambda m: m.caps('name="Portrayals"', 'name="Views"')),
    (
        "view-operation view-class",
        lambda m: m.caps('Operation name="GetView"', 'Operation name="GetImage"'),
    ),
    (
        "view-capabilities-extension",
        lambda m: m.caps(
            "</core:Extensions></core:PortrayalC",
            r"<view:ViewPortrayalCapabilitiesExtension/>\g<0>",
        ),
    ),
    (
        "view-capabilities-extension",
        lambda m: m.caps("<view:NearPlaneHint>[^<]*<", "<view:NearPlaneHint>-1<"),
    ),
    ("view-color", lambda m: m.caps(LAYER.format("COLOR"), "")),
    ("view-request", lambda m: m.when(lambda a: a.of("GetView", portrayals=None), m.unlocated)),
    (
        "view-portrayal-complete",
        lambda m: m.when(
            lambda a: a.of("GetView") and "portrayals=WIDTH=96;PROJ" in a.url, m.taken
        ),
    ),
    (
        "view-response",
        lambda m: m.when(
            lambda a: image(a, "DEPTH") and a.url.endswith("FORMATS=image%2Fpng"),
            m.body(b"\x89PNG"),
        ),
    ),
    (
        "view-response",
        lambda m: m.when(
            lambda a: image(a, "MASK") and a.url.endswith("image%2Fjpeg"), m.body(b"x", "image/png")
        ),
    ),
    (
        "view-exceptions",
        lambda m: m.sent(
            "backgroundColor=red", lambda r: m.body(r.body.replace(b"ows/2.0", b"ows/1.0"))(r)
        ),
    ),
    (
        "view-size",
        lambda m: m.when(lambda a: image(a, "COLOR", "WIDTH=33;"), m.paint(lambda p: p[1:])),
    ),
    ("view-bad-size", lambda m: m.sent("WIDTH=1.5;", m.taken)),
    ("view-huge", lambda m: m.sent("WIDTH=1000000;", m.taken)),
    (
        "view-projections",
        lambda m: m.when(lambda a: image(a, "COLOR", "PROJECTION=Orthographic"), m.refused),
    ),
    ("view-projections", lambda m: m.sent("PROJECTION=Conformance", m.taken)),
    ("view-projection-size", lambda m: m.sent("PROJECTION=Perspective;", m.taken)),
    ("view-field-of-view", lambda m: m.sent(",60,50,", m.refused)),
    ("view-planes", lambda m: m.sent(",40.0,,;", m.refused)),
    ("view-degenerate", lambda m: m.sent("Perspective,nan", m.taken)),
    ("view-lists-match", lambda m: m.sent("QUALITIES=90,90", m.taken)),
    ("view-unknown-image-layer", lambda m: m.sent("FORMATS=image%2Fconformance", m.taken)),
    ("view-qualities", lambda m: m.sent("QUALITIES=101", m.taken)),
    ("view-kvp-names", lambda m: m.sent("PortRayals", m.refused)),
    ("view-kvp-parameters", lambda m: m.sent("4Bit", m.refused)),
    (
        "view-blank",
        lambda m: m.sent(
            "exceptions=blank",
            m.paint(lambda p: np.arange(p.size).reshape(p.shape).astype(np.uint8)),
        ),
    ),
    ("view-inimage", lambda m: m.sent("exceptions=inimage", m.paint(constant(255)))),
    ("view-overall-styles", lambda m: m.sent("overallStyles=fog", m.refused)),
    ("view-post-xml", lambda m: m.posted("GetView", m.refused)),
    (
        "view-image-layer-formats",
        lambda m: m.caps(
            "(>MASK</ows:Identifier>)<view:AvailableFormat>image/png</view:AvailableFormat>", r"\1"
        ),
    ),
    ("view-projection-parameters", lambda m: m.caps(f"({FOVX})({FOVY})", r"\2\1")),
    (
        "view-mask view-normal",
        lambda m: m.when(lambda a: large(a, "MASK", "Perspective"), m.paint(constant(0))),
    ),
    (
        "view-object-id view-ray-agrees",
        lambda m: m.when(
            lambda a: large(a, "OBJECTID", "Perspective") and a.of("GetView", layers="hill"),
            m.paint(
                lambda p: np.where(p.any(axis=-1, keepdims=True), p, p.max(axis=(0, 1))).astype(
                    np.uint8
                )
            ),
        ),
    ),
    (
        "view-object-id-bits",
        lambda m: m.when(lambda a: large(a, "OBJECTID", "mode=24bit"), m.paint(swapped)),
    ),
    (
        "view-object-id-stable",
        lambda m: m.when(
            lambda a: large(a, "OBJECTID", "Perspective") and a.of("GetView", layers="town"),
            m.paint(numbered),
        ),
    ),
    (
        "view-object-id-info",
        lambda m: m.when(lambda a: a.of("GetFeatureInfoByObjectId"), m.features()),
    ),
    ("view-ray-agrees", lambda m: m.when(lambda a: a.of("GetFeatureInfoByRay"), m.features())),
    (
        "view-position-agrees",
        lambda m: m.when(lambda a: a.of("GetFeatureInfoByPosition"), m.features()),
    ),
    (
        "view-depth view-normal-depth view-position-agrees",
        lambda m: m.when(lambda a: large(a, "DEPTH"), m.paint(reversed_bytes)),
    ),
    ("view-normal", lambda m: m.when(lambda a: large(a, "NORMAL", "Perspective"), m.paint(halved))),
    (
        "view-normal-depth",
        lambda m: m.when(lambda a: large(a, "NORMAL", "Orthographic"), m.paint(swapped)),
    ),
    (
        "view-background-color",
        lambda m: m.when(
            lambda a: a.of("GetView", backgroundcolor="0xff00Ff"), m.paint(constant(9))
        ),
    ),
    ("view-background-color-form", lambda m: m.sent("backgroundColor=FF0000", m.taken)),
    (
        "view-transparent",
        lambda m: m.when(
            lambda a: (
                large(a, "COLOR")
                and a.of("GetView", transparentbackground="true", backgroundcolor=None)
                and "bit" in a.url
            ),
            m.paint(opaque),
        ),
    ),
    (
        "view-background-order",
        lambda m: m.when(
            lambda a: a.of("GetView", transparentbackground="true", backgroundcolor="0xFF00FF"),
            m.paint(clear),
        ),
    ),
    (
        "view-transparent-jpeg",
        lambda m: m.when(
            lambda a: a.of("GetView", transparentbackground="true") and "jpeg" in a.url, m.refused
        ),
    ),
    (
        "view-camera",
        lambda m: m.when(
            lambda a: large(a, "COLOR", "mode=24bit") and a.of("GetView", backgroundcolor=None),
            m.paint(constant(255)),
        ),
    ),
    (
        "view-multipart",
        lambda m: m.when(
            lambda a: "COLOR,DEPTH," in a.url,
            lambda r: m.body(r.body, "multipart/mixed;boundary=other")(r),
        ),
    ),
    (
        "view-several-portrayals",
        lambda m: m.when(
            lambda a: "@WIDTH=24" in a.url, lambda r: m.body(r.body.replace(b"image/", b"text/"))(r)
        ),
    ),
    (
        "view-all-or-nothing",
        lambda m: m.sent("IMAGELAYERS=COLOR,conformance", m.body(b"x", "multipart/mixed")),
    ),
    (
        "view-single-part",
        lambda m: m.when(
            lambda a: image(a, "COLOR", "WIDTH=50;"), lambda r: m.body(r.body, "multipart/mixed")(r)
        ),
    ),
    ("view-grammar", lambda m: m.sent("portrayals=@WIDTH", m.taken)),
]


@pytest.mark.parametrize(
    ("ids", "spoil"), BROKEN, ids=[f"{n}-{ids}" for n, (ids, _) in enumerate(BROKEN)]
)
def test_a_broken_rule_fails_its_check_and_no_other(
    runner: Any, make: Any, ids: str, spoil: Callable[[Any], Any]
) -> None:
    assert runner.failed(spoil(make), "view") == set(ids.split())
