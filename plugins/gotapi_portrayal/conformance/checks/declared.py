"""PURE: what Annex A looks for in OperationsMetadata: the parameters of the tables of the text."""

from collections.abc import Iterable
from typing import Final

from gotapi_core.conformance.model import expect
from gotapi_portrayal.conformance.offer import Operation

TABLE_24: Final = (
    "crs",
    "boundingBox",
    "spatialSelection",
    "layers",
    "styles",
    "background",
    "lods",
    "lodSelection",
    "overallStyles",
    "deliveryOptions",
    "exceptions",
)
TABLE_32: Final = ("offset", "offsetMode", "format", "viewpoints")
TABLE_45: Final = ("backgroundColor", "transparentBackground", "portrayals")
TABLE_50: Final = ("layers", "featureCount", "idOnly", "format", "exceptions")
TABLE_51: Final = ("crs", "width", "height", "projection", "imagePosition")
TABLE_52: Final = ("crs", "coordinate", "tolerance")
TABLE_53: Final = ("objectId", "featureCount")


def must_declare(operation: Operation, names: Iterable[str]) -> None:
    """Raise Failed unless an operation declares parameters; names count in any case."""
    missing = [name for name in names if name.lower() not in operation.parameters]
    expect(not missing, f"{operation.name} does not declare the parameters {', '.join(missing)}")
