"""GotAPI-5 frames."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import errors
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.frames import (
    FrameCode,
    FrameError,
    FrameTooBig,
    TokenFrame,
    event_error_frame,
    event_frame,
    frame_code,
    parse_client_frame,
    verdict_error,
    verdict_ok,
)
from gotapi_core.protocol.names import Name


@pytest.mark.parametrize(
    "frame",
    ['{"accessToken":"t"}', b'{"accessToken":"t"}', '{ "x": [1], "accessToken" : "\\u0074" }\n'],
)
def test_token_frames(frame):
    assert parse_client_frame(frame) == TokenFrame("t")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("", FrameCode.UNPARSABLE),
        ("hello", FrameCode.UNPARSABLE),
        ("[]", FrameCode.UNPARSABLE),
        ('"t"', FrameCode.UNPARSABLE),
        ('{"accessToken":"a","accessToken":"b"}', FrameCode.UNPARSABLE),
        ("[" * 10_000, FrameCode.UNPARSABLE),
        (b"\xff", FrameCode.UNPARSABLE),
        ("{}", FrameCode.NO_TOKEN),
        ('{"accessToken":""}', FrameCode.NO_TOKEN),
        ('{"accessToken":null}', FrameCode.NO_TOKEN),
        ('{"accessToken":1}', FrameCode.NO_TOKEN),
        ('{"sessionKey":"old SDK"}', FrameCode.NO_TOKEN),
    ],
)
def test_other_frames(frame, code):
    with pytest.raises(FrameError) as caught:
        parse_client_frame(frame)
    assert caught.value.frame_code is code
    assert not isinstance(caught.value, FrameTooBig)


def test_a_lone_surrogate_becomes_a_question_mark():
    assert parse_client_frame('{"accessToken":"\ud800"}') == TokenFrame("?")


@pytest.mark.parametrize("frame", ["x" * 101, b"x" * 101, "\u20ac" * 34])
def test_too_big(frame):
    with pytest.raises(FrameTooBig, match="larger than 100 bytes"):
        parse_client_frame(frame, 100)


def test_the_limit_is_allowed():
    frame = '{"accessToken":"' + "t" * (16 * 1024 - 18) + '"}'
    assert len(parse_client_frame(frame).access_token) == 16 * 1024 - 18


def test_the_good_verdict_has_what_both_clients_read():
    assert json.loads(verdict_ok()) == {
        "profile": "authorization",
        "attribute": "verify",
        "result": 0,
        "serviceId": "",
    }


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (errors.MissingToken(), 1),
        (errors.InvalidOrigin(), 2),
        (errors.UnknownToken(), 3),
        (errors.ExpiredToken(), 3),
        (errors.NotAuthorized(), 3),
        (errors.TooManyRequests(), 4),
        (FrameError(FrameCode.UNPARSABLE, "x"), 5),
        (FrameError(FrameCode.NO_TOKEN, "x"), 1),
        (FrameTooBig(9), 5),
    ],
)
def test_verdicts_have_their_own_numbers(error, number):
    assert frame_code(error) == number
    assert json.loads(verdict_error(error)) == {
        "profile": "authorization",
        "attribute": "verify",
        "result": 1,
        "errorCode": number,
        "errorMessage": error.message,
        "serviceId": "",
    }


def test_the_other_lineage_gets_its_own_error_members():
    members = json.loads(verdict_error(errors.UnknownToken("who?"), Lineage.STATUS))
    assert (members["result"], members["errorCode"], members["statusCode"]) == (13, "13", 403)
    assert members["errorMessage"] == "[INVALID_TOKEN] who?"
    assert members["profile"] == "authorization"


def test_an_event():
    frame = event_frame("mk3.printer", Name("3dp", None, "status"), {"temperature": {"t0": 21.5}})
    assert json.loads(frame) == {
        "temperature": {"t0": 21.5},
        "serviceId": "mk3.printer",
        "profile": "3dp",
        "attribute": "status",
        "result": 0,
    }


def test_an_event_with_an_interface_and_one_without_an_attribute():
    assert json.loads(event_frame("s", Name("p", "i", "a"), {}))["interface"] == "i"
    assert set(json.loads(event_frame("s", Name("p"), {}))) == {"serviceId", "profile", "result"}


def test_a_plugin_cannot_speak_for_another_service():
    lies = {"serviceId": "x", "profile": "x", "interface": "x", "attribute": "x", "result": 9}
    assert json.loads(event_frame("s", Name("p", None, "a"), {**lies, "v": 1})) == {
        "v": 1, "serviceId": "s", "profile": "p", "attribute": "a", "result": 0,
    }  # fmt: skip


def test_a_failed_stream_says_so_under_its_own_name():
    frame = event_error_frame("s", Name("p", "i", "a"), errors.IllegalDeviceState("cable out"))
    assert json.loads(frame) == {
        "serviceId": "s", "profile": "p", "interface": "i", "attribute": "a",
        "result": 1, "errorCode": 16, "errorMessage": "cable out",
    }  # fmt: skip


@given(st.one_of(st.text(), st.binary(), st.text('{}"accessToken:,[]', max_size=30)))
def test_any_frame_parses_or_is_refused(frame):
    try:
        token = parse_client_frame(frame, 64)
    except FrameError:
        return
    assert token.access_token


printable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(printable, st.booleans())
def test_every_token_survives(token, ascii_only):
    frame = json.dumps({"accessToken": token}, ensure_ascii=ascii_only)
    assert parse_client_frame(frame) == TokenFrame(token)


@given(st.dictionaries(printable, st.integers(-(2**53), 2**53) | printable))
def test_an_event_keeps_the_plugins_members(members):
    frame = json.loads(event_frame("s", Name("p", None, "a"), members))
    own = {"serviceId": "s", "profile": "p", "attribute": "a", "result": 0}
    expected = {k: v for k, v in members.items() if k != "interface"}
    assert frame == {**expected, **own}
