"""Result codes and their two wire forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import errors
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidMethod,
    Lineage,
    PluginError,
    ResultCode,
    error_body,
    error_class,
)

TABLE = [
    (errors.UnknownError, 1, 500),
    (errors.InvalidProfile, 2, 404),
    (errors.InvalidMethod, 3, 405),
    (errors.InvalidAttribute, 4, 404),
    (errors.MissingServiceId, 5, 400),
    (errors.UnknownService, 6, 404),
    (errors.TimedOut, 7, 500),
    (errors.UnknownAttribute, 8, 404),
    (errors.LowBattery, 9, 409),
    (errors.InvalidParameter, 10, 400),
    (errors.NotAuthorized, 11, 403),
    (errors.ExpiredToken, 12, 403),
    (errors.MissingToken, 13, 403),
    (errors.UnknownToken, 13, 403),
    (errors.OutOfScope, 14, 403),
    (errors.UnknownClient, 15, 401),
    (errors.IllegalDeviceState, 16, 409),
    (errors.IllegalServerState, 17, 503),
    (errors.InvalidOrigin, 18, 403),
    (errors.InvalidUrl, 19, 400),
    (errors.InvalidProfileName, 20, 400),
    (errors.PluginDisabled, 21, 503),
    (errors.PluginSuspended, 22, 503),
    (errors.PayloadTooLarge, 10, 413),
    (errors.StorageFull, 17, 507),
    (errors.TooManyRequests, 17, 429),
    (errors.PluginError, 1, 500),
]


@pytest.mark.parametrize(("kind", "code", "status"), TABLE)
def test_each_class_has_its_code_and_status(kind, code, status):
    error = kind("what was wrong")
    assert (error.code, error.status, error.message) == (code, status, "what was wrong")
    assert str(error) == "what was wrong"


def test_the_table_above_names_every_class():
    def below(kind):
        return {kind}.union(*(below(sub) for sub in kind.__subclasses__()))

    ours = {kind for kind in below(GotapiError) if kind.__module__ == errors.__name__}
    assert ours - {GotapiError} == {kind for kind, _, _ in TABLE}


def test_codes_run_from_0_to_22():
    assert [int(code) for code in ResultCode] == list(range(23))


@pytest.mark.parametrize("kind", [kind for kind, _, _ in TABLE])
def test_an_error_without_a_message_still_says_something(kind):
    message = kind().message
    assert message == kind.default_message
    assert message.endswith(".")


def test_nothing_is_ever_answered_408():
    assert {status for _, _, status in TABLE}.isdisjoint({408})
    assert PluginError("slow", status=408).status == 500


def test_status_lineage_has_a_real_status_and_a_text_error_code():
    status, members = error_body(errors.UnknownService("no printer x"), Lineage.STATUS)
    assert status == 404
    assert list(members.items()) == [
        ("result", 6),
        ("errorCode", "6"),
        ("errorText", "Not Found"),
        ("statusCode", 404),
        ("errorMessage", "[UNKNOWN_SERVICE] no printer x"),
    ]


def test_envelope_lineage_has_status_200_result_1_and_a_number():
    status, members = error_body(errors.UnknownService("no printer x"), Lineage.ENVELOPE)
    assert status == 200
    assert list(members.items()) == [
        ("result", 1),
        ("errorCode", 6),
        ("errorMessage", "no printer x"),
    ]
    assert type(members["errorCode"]) is int


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.UnknownToken(), 200, 15),
        (errors.MissingToken(), 200, 13),
        (errors.PayloadTooLarge(), 413, 10),
        (InvalidMethod("x", envelope_code=8), 200, 8),
        (InvalidMethod("x", envelope_status=501), 501, 3),
        (errors.TimedOut(), 200, 7),
    ],
)
def test_where_the_envelope_differs(error, status, code):
    got_status, members = error_body(error, Lineage.ENVELOPE)
    assert (got_status, members["errorCode"]) == (status, code)


def test_an_override_stays_with_its_instance():
    InvalidMethod("x", envelope_code=8, envelope_status=501)
    fresh = InvalidMethod("y")
    assert (fresh.envelope_code, fresh.envelope_status) == (None, 200)


def test_a_plugin_chooses_result_error_code_and_status():
    error = PluginError("jammed", result=77, error_code="E-JAM", status=409)
    status, members = error_body(error, Lineage.STATUS)
    assert status == members["statusCode"] == 409
    assert (members["result"], members["errorCode"]) == (77, "E-JAM")
    assert members["errorMessage"] == "[ERROR] jammed"


@pytest.mark.parametrize(
    ("result", "error_code", "number"),
    [
        (77, "", 77),
        (77, "123", 123),
        (77, "E-JAM", 77),
        (77, "\u0663", 77),  # a digit, but no ASCII one
        (77, "9" * 16, 77),  # not exact in JavaScript
        (-4, "", 1),
        (0, "", 1),
    ],
)
def test_a_plugin_error_is_a_number_in_the_envelope(result, error_code, number):
    error = PluginError("x", result=result, error_code=error_code)
    assert error_body(error, Lineage.ENVELOPE)[1]["errorCode"] == number


@pytest.mark.parametrize(
    ("asked", "given"), [(200, 200), (299, 299), (404, 404), (599, 599), (302, 500), (0, 500)]
)
def test_a_plugin_status_is_2xx_4xx_or_5xx(asked, given):
    assert PluginError("x", status=asked).status == given


def test_a_status_without_a_phrase_still_has_a_text():
    assert error_body(PluginError("x", status=599), Lineage.STATUS)[1]["errorText"] == "Unknown"


@given(st.integers(), st.text(), st.integers(0, 999), st.sampled_from(Lineage))
def test_no_plugin_value_makes_a_failure_look_like_success(result, code, status, lineage):
    error = PluginError("x", result=result, error_code=code, status=status)
    answered, members = error_body(error, lineage)
    assert members["result"] >= 1
    assert 200 <= answered < 600
    assert answered != 408


@pytest.mark.parametrize("code", range(1, 23))
def test_every_code_leads_back_to_a_class_with_it(code):
    assert error_class(code).code == code


@pytest.mark.parametrize("code", [0, -1, 23, 10**9])
def test_an_unknown_code_is_an_unknown_error(code):
    assert error_class(code) is errors.UnknownError
