"""What this service can do, whatever its data: formats, methods, styles, options.

Who adds an encoding, an operation or a style says so here: the metadata document is written from
it, and requests are checked against it.
"""

from pathlib import Path
from typing import Final

from gotapi_portrayal.catalogue import (
    DeliveryOption,
    Extension,
    LodScheme,
    Text,
)
from gotapi_portrayal.request.types import (
    GetFeatureInfoByObjectId,
    GetFeatureInfoByPosition,
    GetFeatureInfoByRay,
    GetScene,
    Request,
)
from gotapi_portrayal.scene.formats import FORMATS, PLACES

HANDLERS: Final[dict[type[Request], str]] = {
    GetFeatureInfoByObjectId: "gotapi_portrayal.info.answers:by_object_id",
    GetFeatureInfoByPosition: "gotapi_portrayal.info.answers:by_position",
    GetFeatureInfoByRay: "gotapi_portrayal.info.answers:by_ray",
    GetScene: "gotapi_portrayal.scene.answers:get_scene",
}
"""Request to the function that answers it (`answers.Handler`); imported when first asked for."""

RESOURCES: Final[dict[str, str]] = dict.fromkeys(PLACES, "gotapi_portrayal.scene.answers:find")
"""The first segment of a resource id to the function that has it (`answers.Finder`)."""

EXTENSIONS: Final[tuple[Extension, ...]] = (Extension.SCENE, Extension.INFO)

SCENE_FORMATS: Final[tuple[str, ...]] = tuple(FORMATS)
OFFSET_MODES: Final[tuple[str, ...]] = ("subtract", "embed")  # Table 30
ANY_OFFSET: Final = True

_OPTIONS: Final = "http://www.opengis.net/spec/3DPS/1.0/concept/service/scene/deliveryOptions/"
SPATIAL_INDEX: Final = f"{_OPTIONS}spatialIndex"
TEXTURE_ATLAS: Final = f"{_OPTIONS}textureAtlas"
REGROUP: Final = f"{_OPTIONS}regroup"
REDUCE_QUALITY: Final = f"{_OPTIONS}reduceQuality"
DELIVERY_OPTIONS: Final[tuple[DeliveryOption, ...]] = (
    DeliveryOption(
        id=SPATIAL_INDEX,
        names=("spatialIndex",),
        title=(Text("Links to tiles of the scene, which are loaded when they are near"),),
        formats=tuple(name for name, one in FORMATS.items() if one.index),
    ),
    DeliveryOption(
        id=TEXTURE_ATLAS,
        names=("textureAtlas",),
        title=(Text("Textures put together into few pictures"),),
    ),
    DeliveryOption(
        id=REGROUP,
        names=("regroupGeometry", "regroup"),
        title=(Text("One shape for each look, without features"),),
    ),
    DeliveryOption(
        id=REDUCE_QUALITY,
        names=("reduceQuality",),
        title=(Text("Smaller textures, coarser numbers, no normals"),),
    ),
)
"""Table 33."""
INFO_FORMATS: Final = ("text/xml", "application/json", "text/html", "text/plain")

SPATIAL_SELECTIONS: Final = ("overlaps", "contains_center", "cut")  # Table 20
LOD_SELECTIONS: Final = ("equals", "equals_or_smaller", "combined", "equals_or_similar")  # Table 22

# Table 21 fixes the whole levels. The finer ones are Biljecki's, whom CityJSON follows: 2.2 is no
# level of CityGML, so it must not look like one.
CITYGML: Final = "CityGML"
REFINED: Final = "TUDelft"

_RASTERISER: Final = Path(__file__).parent / "view" / "_raster.so"


SLOW_VIEWS: Final = (
    "Views are drawn without the native rasteriser, by Embree or NumPy: slowly, and only up to"
    " 16,777,216 samples a picture (four a pixel, one with overallStyles=aliased)."
)
"""What the service says of itself where there is no compiled rasteriser; `view.fallback` draws."""


def compiled() -> bool:
    """Tell whether the rasteriser is there: it is compiled where the package is built.

    What views offer is in `view.offer`, their styles of layers are in `view.looks`.
    """
    return _RASTERISER.exists()


def lod_name(lod: str) -> str:
    """Return a LOD of the store with the prefix of its scheme: `CityGML:2`, `TUDelft:2.2`."""
    return f"{REFINED if '.' in lod else CITYGML}:{lod}"


def lod_schemes(lods: set[str]) -> tuple[LodScheme, ...]:
    """Return the schemes of some LODs of the store; the whole levels are always there."""
    refined = sorted(lod for lod in lods if "." in lod)
    whole = sorted({"0", "1", "2", "3", "4"} | {lod for lod in lods if "." not in lod})
    schemes = [
        LodScheme(id=CITYGML, title=(Text(CITYGML),), lods=tuple(map(lod_name, whole))),
    ]
    if refined:
        title = (Text("Refined levels of detail"),)
        schemes.append(LodScheme(id=REFINED, title=title, lods=tuple(map(lod_name, refined))))
    return tuple(schemes)
