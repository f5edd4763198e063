"""A failed request in the form its client asked for: a report, a text, a blank, or a picture."""

from html import escape

import msgspec

from gotapi_core.plugin import SurfaceReply
from gotapi_portrayal.blank import SCENES
from gotapi_portrayal.request.errors import OwsError, report
from gotapi_portrayal.request.failure import Failure
from gotapi_portrayal.request.types import ExceptionForm


def failed(error: OwsError, failure: Failure) -> SurfaceReply:
    """Return the reply; blocks while a picture is made."""
    if failure.form is ExceptionForm.BLANK:
        return _blank(failure)
    if failure.form is ExceptionForm.INIMAGE:
        return _picture(failure, error)
    kind, body = _document(error, failure.form)
    return SurfaceReply(status=error.status, headers=(("content-type", kind),), body=body)


def _document(error: OwsError, form: ExceptionForm) -> tuple[str, bytes]:
    code = error.code.value
    if form is ExceptionForm.HTML:
        words = f"{escape(code)}: {escape(error.text)}"
        page = f"<!DOCTYPE html><html><head><title>{code}</title></head><body><p>{words}</p></body>"
        return "text/html; charset=utf-8", f"{page}</html>\n".encode("utf-8", "replace")
    if form is ExceptionForm.TEXT:
        text = f"{code}: {error.text}\n".encode("utf-8", "replace")
        return "text/plain; charset=utf-8", text
    if form is ExceptionForm.JSON:
        # The members of the exception of OGC API - Common, with the code and locator of OWS.
        members = {"code": code, "description": error.text, "locator": error.locator}
        sound = {name: value.encode("utf-8", "replace").decode() for name, value in members.items()}
        return "application/json", msgspec.json.encode(sound)
    return "text/xml; charset=utf-8", report(error)


def _blank(failure: Failure) -> SurfaceReply:
    # 8.4.1: 200 with a document that shows nothing, or 204 where none can be made.
    if failure.format.startswith("image/"):
        return _picture(failure, None)
    scene = SCENES.get(failure.format)
    if scene is None:
        return SurfaceReply(status=204)
    return SurfaceReply(headers=(("content-type", failure.format),), body=scene)


def _picture(failure: Failure, error: OwsError | None) -> SurfaceReply:
    """Return a picture of BackgroundColor, with the words of the error drawn on it."""
    from gotapi_portrayal.view.notes import noted  # late: rarely needed, and it loads numpy

    words = "" if error is None else f"{error.code.value}: {error.text}"
    size = failure.width, failure.height
    kind, body = noted(words, failure.format, size, failure.ground)
    return SurfaceReply(headers=(("content-type", kind),), body=body)
