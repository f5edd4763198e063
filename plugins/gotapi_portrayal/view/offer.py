"""PURE: what the view extension offers: image layers, projections, styles, backgrounds."""

from typing import Final

from gotapi_portrayal.catalogue import (
    AvailableProjection,
    Described,
    ImageLayer,
    ProjectionParameter,
    Text,
)

PNG: Final = "image/png"
PNG24: Final = "image/png;mode=24bit"
PNG32: Final = "image/png;mode=32bit"
PNG1: Final = "image/png;mode=1bit"
JPEG: Final = "image/jpeg"
WEBP: Final = "image/webp"

NEAR: Final = 1.0
FAR: Final = 50_000.0
FOVY: Final = 45.0
"""Degrees from top to bottom where a request has neither FOVX nor FOVY."""
HALF_WINDOW: Final = 100.0
"""Units from the axis to the upper and lower border of an orthographic view that says nothing."""


def _layer(name: str, title: str, *formats: str) -> ImageLayer:
    return ImageLayer(id=name, title=(Text(title, "en"),), formats=formats)


IMAGE_LAYERS: Final = (
    _layer("COLOR", "What a camera sees", JPEG, PNG, PNG24, PNG32, WEBP),
    _layer("DEPTH", "Distance from the camera in metres, as a float", PNG, PNG24, PNG32),
    _layer("OBJECTID", "Number of the feature", PNG, PNG24, PNG32),
    _layer("NORMAL", "Direction of the surface", PNG, PNG24, PNG32, JPEG),
    _layer("MASK", "Where a feature is seen", PNG, PNG1, JPEG),
    _layer("LINEAR_DEPTH", "Distance for people: near is white, far is dark", PNG, JPEG, WEBP),
)


def _described(name: str, title: str) -> Described:
    return Described(id=name, title=(Text(title, "en"),))


SHADED: Final = "shaded"
ALIASED: Final = "aliased"
WIREFRAME: Final = "wireframe"
XRAY: Final = "xray"
SKETCH: Final = "sketch"
FOG: Final = "fog"
SHADOW: Final = "shadow"

OVERALL_STYLES: Final = (
    _described(SHADED, "Light of sun and sky"),
    _described(SHADOW, "Shadows of the sun"),
    _described(FOG, "Far things fade into the background"),
    _described(WIREFRAME, "Edges of triangles"),
    _described(XRAY, "Surfaces glow where they are seen at a slant"),
    _described(SKETCH, "A drawing in pencil"),
    _described(ALIASED, "Hard edges: every pixel shows one surface"),
)

SKY: Final = "sky"
GRADIENT: Final = "gradient"
NIGHT: Final = "night"

BACKGROUNDS: Final = (
    _described(SKY, "A clear sky above the horizon"),
    _described(GRADIENT, "Light grey below, white above"),
    _described(NIGHT, "A dark sky"),
)


_POINTS: Final = tuple(f"{point}.{axis}" for point in ("POC", "POI", "Up") for axis in "XYZ")
_PLANES: Final = (("NearPlane", f"{NEAR:g}"), ("FarPlane", f"{FAR:g}"))
_PERSPECTIVE: Final = (("FOVX", ""), ("FOVY", f"{FOVY:g}"), *_PLANES)
_ORTHOGRAPHIC: Final = (
    ("Left", ""),
    ("Right", ""),
    ("Bottom", f"{-HALF_WINDOW:g}"),
    ("Top", f"{HALF_WINDOW:g}"),
    *_PLANES,
)


def _projection(name: str, optional: tuple[tuple[str, str], ...]) -> AvailableProjection:
    points = (ProjectionParameter(one, required=not one.startswith("Up")) for one in _POINTS)
    others = (ProjectionParameter(one, default=default) for one, default in optional)
    return AvailableProjection(id=name, title=(Text(name, "en"),), parameters=(*points, *others))


PROJECTIONS: Final = (
    _projection("Perspective", _PERSPECTIVE),
    _projection("Orthographic", _ORTHOGRAPHIC),
)
