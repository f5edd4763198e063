"""What the hub's JSON means to an application."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.client import (
    ConsentDenied,
    Event,
    HubError,
    HubFault,
    HubRefused,
    Token,
    TokenRejected,
)
from gotapi_core.client.answers import (
    MAX_MESSAGE,
    as_token_failure,
    check_verdict,
    consent_failure,
    parse_answer,
    parse_event,
    parse_services,
    parse_token,
)
from gotapi_core.client.backoff import LONGEST, Backoff
from gotapi_core.client.status import JobState, parse_started, parse_status

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)


def raw(**members: Any) -> bytes:
    return json.dumps(members).encode()


def test_good_answer() -> None:
    assert parse_answer(200, raw(result=0, a=[1])) == {"result": 0, "a": [1]}


@pytest.mark.parametrize(
    ("status", "members", "code"),
    [
        (200, {"result": 1, "errorCode": 12}, 12),
        (403, {"result": 13, "errorCode": "13"}, 13),
        (500, {"result": 7, "errorCode": "E_LATE"}, 7),
        (500, {"result": 7}, 7),
        (500, {"result": -1, "errorCode": True}, -1),
        (500, {"result": 3, "errorCode": "9" * 40}, 3),
    ],
)
def test_failure_in_either_form(status: int, members: dict[str, Any], code: int) -> None:
    with pytest.raises(HubRefused) as caught:
        parse_answer(status, raw(**members, errorMessage="why"))
    assert (caught.value.code, caught.value.status, str(caught.value)) == (code, status, "why")


@pytest.mark.parametrize("message", [None, "", 5])
def test_failure_without_reason_says_so(message: object) -> None:
    with pytest.raises(HubRefused, match=r"without a reason \(code 10\)"):
        parse_answer(200, raw(result=1, errorCode=10, errorMessage=message))


def test_endless_message_is_cut() -> None:
    with pytest.raises(HubRefused) as caught:
        parse_answer(200, raw(result=1, errorMessage="x" * 100_000))
    assert len(caught.value.message) == MAX_MESSAGE


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"result":true}', b'{"result":"0"}', b"\xff", b"[" * 9999],
)
def test_not_a_hub(body: bytes) -> None:
    with pytest.raises(HubFault, match=r"HTTP 502.*another program"):
        parse_answer(502, body)


def test_success_with_a_bad_status_is_none() -> None:
    with pytest.raises(HubFault, match="HTTP 500"):
        parse_answer(500, raw(result=0))


@pytest.mark.parametrize("code", [12, 13, 15])
def test_token_failures_have_a_class(code: int) -> None:
    assert isinstance(as_token_failure(HubRefused(code, "m")), TokenRejected)
    assert type(as_token_failure(HubRefused(14, "m"))) is HubRefused


def test_denial_has_a_class() -> None:
    assert isinstance(consent_failure(HubRefused(11, "m")), ConsentDenied)
    assert type(consent_failure(HubRefused(10, "m"))) is HubRefused


def test_verdict() -> None:
    check_verdict('{"result":0}')
    check_verdict(b'{"profile":"authorization","attribute":"verify","result":0}')


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ('{"result":1,"errorCode":1}', TokenRejected),
        ('{"result":1,"errorCode":3}', TokenRejected),
        ('{"result":1,"errorCode":2}', HubRefused),
        ('{"result":1,"errorCode":4}', HubRefused),
        ("{}", HubFault),
        ("nonsense", HubFault),
    ],
)
def test_bad_verdict(frame: str, kind: type[HubError]) -> None:
    with pytest.raises(kind) as caught:
        check_verdict(frame)
    assert type(caught.value) is kind


def test_event_and_its_end() -> None:
    frame = {"serviceId": "s", "profile": "3dp", "attribute": "status", "x": 1}
    event = Event("s", "3dp", "status", {"x": 1})
    assert parse_event(json.dumps({**frame, "result": 0})) == event
    assert parse_event(json.dumps(frame)) == event
    ended = parse_event(json.dumps({**frame, "result": 1, "errorCode": 22, "errorMessage": "m"}))
    assert isinstance(ended, tuple)
    assert (ended[1].code, ended[1].message) == (22, "m")


@given(st.text(max_size=60) | JSON.map(lambda value: json.dumps(value)))
def test_no_frame_crashes(text: str) -> None:
    parse_event(text)
    with pytest.raises(HubError):
        check_verdict("x" + text)


@given(JSON, st.sampled_from([200, 403, 500]))
def test_no_answer_crashes(value: object, status: int) -> None:
    try:
        members = parse_answer(status, json.dumps(value).encode())
    except HubError:
        return
    assert members["result"] == 0


@given(JSON)
def test_no_member_crashes(value: object) -> None:
    members = {"services": value, "3dp": value, "jobId": value, "accessToken": value}
    for parse in (parse_services, parse_status, parse_started):
        try:
            parse(members)
        except HubFault:
            continue
    try:
        assert parse_token(members, "c", 0.0).value == value
    except HubFault:
        assert not isinstance(value, str)


def test_token_expires_at_the_earliest_scope() -> None:
    scopes = [{"scope": "3dp", "expirePeriod": 100}, {"scope": "3dps", "expirePeriod": 50}]
    token = parse_token({"accessToken": "t", "scopes": scopes}, "c", 1000.0)
    assert token == Token("t", "c", ("3dp", "3dps"), 1050.0)
    assert token.good(1049, ["3dp"])
    assert not token.good(1050)
    assert not token.good(0, ["3dcapi"])
    assert parse_token({"accessToken": "t", "expire": 5000}, "c", 0).expires == 5


def test_token_keeps_its_secret() -> None:
    assert "secret" not in repr(Token("secret", "c", ("3dp",), 1.0))


def test_services_by_either_id() -> None:
    services = parse_services(
        {"services": [{"serviceId": "a", "name": "A"}, {"id": "b", "name": "B", "online": False}]}
    )
    assert [(one.id, one.online) for one in services] == [("a", True), ("b", False)]


@pytest.mark.parametrize("found", [None, {}, [1], [{"name": "x"}], [{}] * 1001])
def test_malformed_services(found: object) -> None:
    with pytest.raises(HubFault):
        parse_services({"services": found})


def test_status_finds_the_job_wherever_it_is() -> None:
    queue = [{"jobId": "a", "state": "printing", "progress": None}]
    last = {"jobId": "b", "state": "failed", "reason": "cable"}
    status = parse_status({"3dp": {"printQueue": queue, "lastJob": last, "bedTemperature": 60}})
    found = [status.job(name) for name in "abc"]
    assert [one and one.state for one in found] == ["printing", "failed", None]
    assert [one.final for one in found if one] == [False, True]
    assert status.bed_temperature == 60.0


def test_final_states_are_the_last_four() -> None:
    states = list(JobState)
    status = parse_status(
        {"3dp": {"printQueue": [{"jobId": str(i), "state": s} for i, s in enumerate(states)]}}
    )
    assert [job.final for job in status.print_queue] == [False] * (len(states) - 4) + [True] * 4


def test_start_without_a_job() -> None:
    assert parse_started({"jobId": "j"}) == "j"
    with pytest.raises(HubFault, match="named no job"):
        parse_started({})


def test_backoff_doubles_and_gives_up() -> None:
    backoff = Backoff(60.0)
    delays = []
    now = 0.0
    while (delay := backoff.lost(now)) is not None:
        delays.append(delay)
        now += delay
    assert delays[:6] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert max(delays) == LONGEST
    assert now == pytest.approx(60.0)


def test_backoff_forgets_after_a_connection_that_lasted() -> None:
    backoff = Backoff(60.0)
    assert [backoff.lost(0.0), backoff.lost(0.1)] == [0.1, 0.2]
    backoff.opened(1.0)
    assert backoff.lost(2.0) == 0.4  # it did not last: no fresh start for a hub that flaps
    backoff.opened(3.0)
    assert backoff.lost(13.0) == 0.1
