"""A failed request in the form that its client asked for."""

import json
from io import BytesIO
from struct import unpack_from

import pytest
from lxml import etree
from PIL import Image

from gotapi_portrayal.blank import SCENES
from gotapi_portrayal.failures import failed
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.failure import Failure
from gotapi_portrayal.request.types import ExceptionForm

ERROR = OwsError(Code.UNKNOWN_LAYER, "There is no <layer> \ud800", "x")


def picture(failure: Failure, error: OwsError = ERROR) -> Image.Image:
    reply = failed(error, failure)
    assert reply.status == 200
    found = Image.open(BytesIO(reply.body))
    assert dict(reply.headers)["content-type"] == Image.MIME[str(found.format)]
    return found


def test_a_report_has_the_status_of_its_code() -> None:
    reply = failed(ERROR, Failure())
    assert (reply.status, dict(reply.headers)["content-type"]) == (400, "text/xml; charset=utf-8")
    assert etree.fromstring(reply.body)[0].get("exceptionCode") == "UnknownLayer"


@pytest.mark.parametrize("form", [ExceptionForm.HTML, ExceptionForm.TEXT, ExceptionForm.JSON])
def test_other_documents(form: ExceptionForm) -> None:
    reply = failed(ERROR, Failure(form))
    assert reply.status == 400
    assert dict(reply.headers)["content-type"].startswith(form.value)
    assert b"UnknownLayer" in reply.body
    if form is ExceptionForm.JSON:
        assert json.loads(reply.body)["locator"] == "x"
    if form is ExceptionForm.HTML:
        assert b"&lt;layer&gt;" in reply.body


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_36_words_on_a_picture_of_the_size_asked_for(kind: str) -> None:
    failure = Failure(ExceptionForm.INIMAGE, kind, 300, 100, (255, 0, 0))
    found = picture(failure)
    assert found.size == (300, 100)
    red, green, _ = found.convert("RGB").getpixel((299, 99))  # type: ignore[misc]  # three of them
    assert (red > 240, green < 20) == (True, True)
    assert len(found.convert("RGB").getcolors(30_000) or ()) > 2  # 38: the ground, and words on it


def test_words_can_be_read_on_dark_and_light_and_in_little_room() -> None:
    for ground, words in (((0, 0, 0), 255), ((255, 255, 255), 0)):
        found = picture(Failure(ExceptionForm.INIMAGE, "image/png", 400, 60, ground))
        low, high = found.convert("L").getextrema()
        assert words in (low, high)
    assert picture(Failure(ExceptionForm.INIMAGE, "image/png", 1, 1)).size == (1, 1)


def test_a_blank_picture_has_one_colour() -> None:
    found = picture(Failure(ExceptionForm.BLANK, "image/png", 20, 10, (1, 2, 3)))
    assert found.getcolors() == [(200, (1, 2, 3))]


@pytest.mark.parametrize("kind", sorted(SCENES))
def test_37_blank_scenes_are_documents_of_their_format(kind: str) -> None:
    reply = failed(ERROR, Failure(ExceptionForm.BLANK, kind))
    assert (reply.status, dict(reply.headers)["content-type"]) == (200, kind)
    if kind.endswith("xml"):
        assert etree.fromstring(reply.body).tag
    elif kind.endswith("+json"):
        assert json.loads(reply.body)["asset"] == {"version": "2.0"}
    elif kind == "model/gltf-binary":
        magic, version, size, chunk = unpack_from("<4sIII", reply.body)
        assert (magic, version, size, chunk % 4) == (b"glTF", 2, len(reply.body), 0)
        assert json.loads(reply.body[20 : 20 + chunk])["asset"] == {"version": "2.0"}
    else:
        assert reply.body.startswith(b"#")


def test_37_what_has_no_blank_has_no_content() -> None:
    reply = failed(ERROR, Failure(ExceptionForm.BLANK, "application/vnd.google-earth.kmz"))
    assert (reply.status, reply.body) == (204, b"")
