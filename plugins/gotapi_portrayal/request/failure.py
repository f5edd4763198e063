"""How a request that failed wanted to hear of it, read from whatever of it can be read. PURE."""

from dataclasses import dataclass

from gotapi_portrayal.request.errors import OwsError
from gotapi_portrayal.request.fields import Fields, integer
from gotapi_portrayal.request.mime import read_mime
from gotapi_portrayal.request.portrayal import OF_INFO, OF_SCENE, OF_VIEW, exception_form
from gotapi_portrayal.request.types import Colour, ExceptionForm
from gotapi_portrayal.request.views import read_colour

PICTURES = ("image/png", "image/jpeg")
FALLBACK = (512, 256)  # pixels of an error picture whose request has no size that can be used
MAX_ERROR_SIDE = 2048  # an error needs no more; the size asked for may be the error itself
_FORMS = {
    "GetScene": OF_SCENE,
    "GetView": OF_VIEW,
    "GetFeatureInfoByRay": OF_INFO,
    "GetFeatureInfoByPosition": OF_INFO,
    "GetFeatureInfoByObjectId": OF_INFO,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """The form of an error, and the document to make of it where that is not a report."""

    form: ExceptionForm = ExceptionForm.XML
    format: str = ""  # the MIME type asked for, "" where it cannot be read
    width: int = FALLBACK[0]
    height: int = FALLBACK[1]
    ground: Colour = (255, 255, 255)  # 10.4.1 b): BackgroundColor is the ground of an error picture


def read_failure(fields: Fields) -> Failure:
    """Return the form of errors of a request, whatever else is wrong with it; never raises.

    A form that its operation does not have, or no form at all, is answered in XML. Of several
    portrayals the first one gives size and format: an error is one picture, never several.
    """
    operation = fields.text("request") or ""
    form = exception_form(fields)
    if form is None or form not in _FORMS.get(operation, ()):
        return Failure()
    if operation != "GetView":
        return Failure(form, _format(fields, "format"))
    first = fields.portrayals[0] if fields.portrayals else Fields({})
    kind = _format(first, "formats")
    return Failure(
        form,
        kind if kind.partition(";")[0] in PICTURES else PICTURES[0],
        _side(first, "width", FALLBACK[0]),
        _side(first, "height", FALLBACK[1]),
        _colour(fields),
    )


def _format(fields: Fields, name: str) -> str:
    items = fields.exact_items(name)
    try:
        return read_mime(items[0], name) if items else ""
    except OwsError:
        return ""


def _side(fields: Fields, name: str, fallback: int) -> int:
    try:
        side = integer(fields.text(name) or "", name)
    except OwsError:
        return fallback
    return side if 1 <= side <= MAX_ERROR_SIDE else fallback


def _colour(fields: Fields) -> Colour:
    try:
        return read_colour(fields) or (255, 255, 255)
    except OwsError:
        return (255, 255, 255)
