"""What this service can do, whatever its data: formats, methods, styles, options.

Who adds an encoding, an operation or a style says so here: the metadata document is written from
it, and requests are checked against it.
"""

from pathlib import Path
from typing import Final

from gotapi_portrayal import view
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
    Request,
)

HANDLERS: Final[dict[type[Request], str]] = {
    GetFeatureInfoByObjectId: "gotapi_portrayal.info.answers:by_object_id",
    GetFeatureInfoByPosition: "gotapi_portrayal.info.answers:by_position",
    GetFeatureInfoByRay: "gotapi_portrayal.info.answers:by_ray",
}
"""Request to the function that answers it (`answers.Handler`); imported when first asked for."""

RESOURCES: Final[dict[str, str]] = {}
"""The first segment of a resource id to the function that has it (`answers.Finder`)."""

EXTENSIONS: Final[tuple[Extension, ...]] = (Extension.INFO,)

SCENE_FORMATS: Final[tuple[str, ...]] = ()
OFFSET_MODES: Final[tuple[str, ...]] = ()
ANY_OFFSET: Final = True
DELIVERY_OPTIONS: Final[tuple[DeliveryOption, ...]] = ()
INFO_FORMATS: Final = ("text/xml", "application/json", "text/html", "text/plain")

SPATIAL_SELECTIONS: Final = ("overlaps", "contains_center", "cut")  # Table 20
LOD_SELECTIONS: Final = ("equals", "equals_or_smaller", "combined", "equals_or_similar")  # Table 22

# Table 21 fixes the whole levels. The finer ones are Biljecki's, whom CityJSON follows: 2.2 is no
# level of CityGML, so it must not look like one.
CITYGML: Final = "CityGML"
REFINED: Final = "TUDelft"

_RASTERISER: Final = Path(view.__file__).parent / "_raster.so"


def can_draw() -> bool:
    """Tell whether there are views: the rasteriser is compiled where the package is built.

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
