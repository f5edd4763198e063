"""OWS exceptions: the report, the statuses, and in which form a failed request wants to hear."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_portrayal.request.errors import STATUS, Code, OwsError, invalid, missing, report, shown
from gotapi_portrayal.request.failure import FALLBACK, Failure, read_failure
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.request.types import ExceptionForm

BASE = "SERVICE=3DPS&VERSION=1.0&REQUEST="
SPACE = "{http://www.opengis.net/ows/2.0}"


def failure(query: str) -> Failure:
    return read_failure(read_query(query.encode()))


def test_a_report_has_code_locator_and_text() -> None:
    root = ElementTree.fromstring(report(invalid("crs", "<nothing> & more")))
    assert (root.tag, root.get("version")) == (f"{SPACE}ExceptionReport", "1.0.0")
    [exception] = root
    assert exception.attrib == {"exceptionCode": "InvalidParameterValue", "locator": "crs"}
    assert exception.findtext(f"{SPACE}ExceptionText") == "crs: <nothing> & more"


def test_a_report_without_locator() -> None:
    root = ElementTree.fromstring(report(OwsError(Code.VERSION_NEGOTIATION_FAILED, "none")))
    assert "locator" not in root[0].attrib


@given(st.text(st.characters()), st.text(st.characters()))
def test_every_report_is_well_formed(text: str, locator: str) -> None:
    error = OwsError(Code.NO_APPLICABLE_CODE, text, locator)
    assert ElementTree.fromstring(report(error)).tag == f"{SPACE}ExceptionReport"


def test_the_statuses_of_ows_common() -> None:
    assert {code for code, status in STATUS.items() if status == 501} == {
        Code.OPERATION_NOT_SUPPORTED,
        Code.OPTION_NOT_SUPPORTED,
    }
    assert [code for code, status in STATUS.items() if status == 500] == [Code.NO_APPLICABLE_CODE]
    assert set(STATUS) == set(Code)
    assert missing("layers").status == 400
    assert OwsError(Code.NO_APPLICABLE_CODE, "x", status=503).status == 503


def test_a_clients_text_is_short_and_printable_in_a_message() -> None:
    assert shown("a\nb") == "'a?b'"
    assert shown("x" * 100) == f"'{'x' * 60}...'"


@pytest.mark.parametrize(
    "query",
    [
        "",
        BASE + "GetView",
        BASE + "GetView&EXCEPTIONS=nonsense",
        BASE + "GetCapabilities&EXCEPTIONS=blank",
        BASE + "GetScene&EXCEPTIONS=inimage",
        BASE + "GetFeatureInfoByRay&EXCEPTIONS=blank",
        BASE + "GetMap&EXCEPTIONS=blank",
    ],
)
def test_35_what_an_operation_does_not_know_is_answered_in_xml(query: str) -> None:
    assert failure(query).form is ExceptionForm.XML


def test_36_a_picture_of_an_error_keeps_what_is_sound() -> None:
    portrayals = "WIDTH=300;HEIGHT=x;FORMATS=image/jpeg@WIDTH=5"
    query = BASE + "GetView&EXCEPTIONS=INIMAGE&BACKGROUNDCOLOR=0x102030&PORTRAYALS=" + portrayals
    expected = Failure(ExceptionForm.INIMAGE, "image/jpeg", 300, FALLBACK[1], (16, 32, 48))
    assert failure(query) == expected


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "&PORTRAYALS=",
        "&PORTRAYALS=@",
        "&PORTRAYALS=WIDTH=0;HEIGHT=99999;FORMATS=image/tiff",
        "&PORTRAYALS=FORMATS=nonsense&BACKGROUNDCOLOR=red",
    ],
)
def test_36_fall_backs_of_a_picture(rest: str) -> None:
    query = BASE + "GetView&EXCEPTIONS=application/vnd.ogc.se_inimage" + rest
    assert failure(query) == Failure(ExceptionForm.INIMAGE, "image/png", *FALLBACK)


def test_37_a_blank_scene_keeps_its_format() -> None:
    query = BASE + "GetScene&EXCEPTIONS=blank&FORMAT="
    assert failure(query + "model/gltf+json") == Failure(ExceptionForm.BLANK, "model/gltf+json")
    assert failure(query) == Failure(ExceptionForm.BLANK, "")


def test_failures_of_feature_info() -> None:
    query = BASE + "GetFeatureInfoByObjectId&FORMAT=text/xml&EXCEPTIONS=text/html"
    assert failure(query).form is ExceptionForm.HTML
