"""What GetScene and GetView share: data, place, styles, LODs, exceptions (8.4). PURE."""

from typing import TypedDict

from gotapi_portrayal.request.crs_names import CrsName, read_crs
from gotapi_portrayal.request.errors import Code, OwsError, invalid, missing, shown
from gotapi_portrayal.request.fields import Fields, number
from gotapi_portrayal.request.mime import read_mime
from gotapi_portrayal.request.types import BoundingBox, ExceptionForm

# The three examples of the text spell these values in both cases and with the vendor's prefix.
_FORMS = {
    "text/xml": ExceptionForm.XML,
    "application/xml": ExceptionForm.XML,
    "xml": ExceptionForm.XML,
    "application/vnd.ogc.se_xml": ExceptionForm.XML,
    "blank": ExceptionForm.BLANK,
    "application/vnd.ogc.se_blank": ExceptionForm.BLANK,
    "inimage": ExceptionForm.INIMAGE,
    "application/vnd.ogc.se_inimage": ExceptionForm.INIMAGE,
    "text/html": ExceptionForm.HTML,
    "text/plain": ExceptionForm.TEXT,
    "application/json": ExceptionForm.JSON,
}
OF_SCENE = frozenset({ExceptionForm.XML, ExceptionForm.BLANK})  # `inimage` is GetView's (10.4.4)
OF_VIEW = OF_SCENE | {ExceptionForm.INIMAGE}
OF_INFO = frozenset({ExceptionForm.XML, ExceptionForm.HTML, ExceptionForm.TEXT, ExceptionForm.JSON})


class Common(TypedDict):
    """The members of types.Portrayal."""

    crs: CrsName
    box: BoundingBox | None
    spatial_selection: str
    layers: tuple[str, ...]
    styles: tuple[str, ...]
    background: str
    lods: tuple[str, ...]
    lod_selection: str
    overall_styles: tuple[str, ...]
    delivery_options: tuple[str, ...]
    exceptions: ExceptionForm


def read_common(fields: Fields, forms: frozenset[ExceptionForm]) -> Common:
    """Return what every portrayal request has; raises OwsError."""
    exceptions = read_exceptions(fields, forms)
    crs = need_crs(fields)
    layers = read_layers(fields, empty=True)
    return Common(
        crs=crs,
        box=read_box(fields),
        spatial_selection=fields.text("spatialSelection") or "overlaps",
        layers=layers,
        styles=_styles(fields, layers),
        background=fields.text("background") or "",
        lods=_lods(fields, layers),
        lod_selection=fields.text("lodSelection") or "equals",
        overall_styles=_names(fields, "overallStyles"),
        delivery_options=_names(fields, "deliveryOptions"),
        exceptions=exceptions,
    )


def exception_form(fields: Fields) -> ExceptionForm | None:
    """Return how errors are wanted, None for a value that means nothing."""
    text = fields.text("exceptions")
    return ExceptionForm.XML if text is None else _FORMS.get(text.lower())


def read_exceptions(
    fields: Fields, forms: frozenset[ExceptionForm], code: Code = Code.INVALID_PARAMETER_VALUE
) -> ExceptionForm:
    """Return the form of exceptions; raises with `code`, whose report is then XML."""
    form = exception_form(fields)
    if form in forms:
        return form
    given = fields.text("exceptions") or ""
    known = ", ".join(sorted(one.value for one in forms))
    locator = given if code is Code.EXCEPTION_NOT_SUPPORTED else "exceptions"
    raise OwsError(code, f"exceptions: {shown(given)} is not one of {known}", locator)


def need_crs(fields: Fields) -> CrsName:
    text = fields.exact("crs")
    if text is None:
        raise missing("crs", "GetCapabilities lists what each layer has")
    return read_crs(text)


def read_layers(fields: Fields, *, empty: bool) -> tuple[str, ...]:
    """Return the layers; an empty list stands for all data (8.4.1) where `empty` allows it."""
    if not fields.given("layers"):
        raise missing("layers", "it may be empty for all data" if empty else "")
    layers = fields.items("layers")
    if not layers and not empty:
        raise missing("layers")
    for place, layer in enumerate(layers):
        if not layer:
            raise invalid("layers", f"entry {place + 1} of the list is empty")
        if layer in layers[:place]:
            raise invalid("layers", f"{shown(layer)} is there twice")
    return layers


def read_box(fields: Fields) -> BoundingBox | None:
    """Return the bounding box: 4 or 6 numbers, perhaps its own CRS (OWS Common 2.0, 10.2.3)."""
    items = fields.exact_items("boundingBox")
    if not items:
        return None
    crs = None
    if len(items) in (5, 7):
        crs, items = read_crs(items[-1], "boundingBox"), items[:-1]
    if len(items) not in (4, 6):
        raise invalid(
            "boundingBox", "4 or 6 numbers (lower corner, upper corner), then perhaps a CRS"
        )
    values = tuple(number(item, "boundingBox") for item in items)
    half = len(values) // 2
    low, high = values[:half], values[half:]
    for place, (one, other) in enumerate(zip(low, high, strict=True)):
        if one > other:  # 8.4.1: an error, and no axis wraps around
            raise invalid(
                "boundingBox", f"axis {place + 1} begins at {one:g}, after its end at {other:g}"
            )
    return BoundingBox(low, high, crs)


def _styles(fields: Fields, layers: tuple[str, ...]) -> tuple[str, ...]:
    styles = fields.items("styles")
    if not any(styles) and len(styles) in (0, 1, len(layers)):
        return ("",) * len(layers)
    if len(styles) != len(layers):
        raise invalid(
            "styles", f"{len(styles)} entries for {len(layers)} layers; empty ones are the default"
        )
    return styles


def _lods(fields: Fields, layers: tuple[str, ...]) -> tuple[str, ...]:
    lods = fields.items("lods")
    if not lods:
        return ("",) * len(layers)
    if len(lods) == 1:  # Table 34: `lods=citygml:4` for two layers
        return lods * max(len(layers), 1)
    if len(lods) != len(layers):
        raise invalid("lods", f"{len(lods)} entries for {len(layers)} layers")
    return lods


def _names(fields: Fields, name: str) -> tuple[str, ...]:
    names = fields.items(name)
    if not all(names):
        raise invalid(name, "an entry of the list is empty")
    return names


def read_format(fields: Fields, name: str = "format") -> str:
    text = fields.exact(name)
    if text is None:
        raise missing(name)
    return read_mime(text, name)
