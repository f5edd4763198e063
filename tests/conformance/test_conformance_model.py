"""Levels, answers and what services offer: the pure part of the checks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.conformance import CLASSES, Check, Level, Outcome, Report, Verdict
from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.classes import checks_of, fitting
from gotapi_core.conformance.model import CheckList, Failed, expect
from gotapi_core.conformance.offer import Event, OneShot, offered_events, offered_one_shots
from gotapi_core.conformance.subject import frame, multipart, scopes_of, service_id, urlencoded

PASS, FAIL, SKIP = Verdict.PASS, Verdict.FAIL, Verdict.SKIP


async def nothing(subject: object) -> None:
    return None


def report(*verdicts: tuple[Level, Verdict]) -> Report:
    return Report(
        "http://hub",
        tuple(
            Outcome(Check(str(index), level, "source", "what", "why", nothing), verdict)
            for index, (level, verdict) in enumerate(verdicts)
        ),
    )


@pytest.mark.parametrize(
    ("bronze", "silver", "gold", "level"),
    [
        ([PASS], [PASS], [PASS], Level.GOLD),
        ([PASS], [PASS, SKIP], [PASS, SKIP], Level.GOLD),
        ([PASS], [PASS], [PASS, FAIL], Level.SILVER),
        ([PASS], [FAIL, PASS], [PASS], Level.BRONZE),
        ([PASS, FAIL], [PASS], [PASS], None),
        ([SKIP], [PASS], [PASS], None),
        ([PASS], [SKIP], [PASS], Level.BRONZE),
        ([], [], [], None),
    ],
)
def test_a_level_needs_all_below_it(
    bronze: list[Verdict], silver: list[Verdict], gold: list[Verdict], level: Level | None
) -> None:
    groups = ((Level.BRONZE, bronze), (Level.SILVER, silver), (Level.GOLD, gold))
    one = report(*((of, verdict) for of, verdicts in groups for verdict in verdicts))
    assert one.level is level


def test_a_report_counts_and_names_what_failed() -> None:
    one = report((Level.BRONZE, PASS), (Level.GOLD, FAIL), (Level.GOLD, SKIP))
    assert (one.count(PASS), one.count(FAIL), one.count(SKIP)) == (1, 1, 1)
    assert one.count(FAIL, Level.BRONZE) == 0
    assert one.failed() == {"1"}


def test_a_check_list_keeps_the_order_of_its_checks() -> None:
    rules = CheckList()
    for name in ("b", "a"):
        assert rules.check(name, Level.GOLD, "source", "what", "why")(nothing) is nothing
    assert [check.id for check in rules.checks] == ["b", "a"]


def test_every_check_says_what_and_why_and_has_an_id_of_its_own() -> None:
    checks = checks_of(list(CLASSES))
    assert len({check.id for check in checks}) == len(checks)
    for check in checks:
        assert all((check.what, check.why, check.source))
        assert not check.what.endswith(".")


def test_classes_fit_the_profiles_that_are_offered() -> None:
    assert fitting(set()) == ["core"]
    assert fitting({"3dp", "light"}) == ["core", "3dp"]
    with pytest.raises(KeyError):
        checks_of(["nothing"])


def test_expect() -> None:
    expect(True, "never")
    with pytest.raises(Failed, match="wrong"):
        expect(False, "wrong")


def answer(body: object, status: int = 200) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "status", "good", "code"),
    [
        ({"result": 0}, 200, True, 0),
        ({"result": 0}, 500, False, 0),
        ({"result": 1, "errorCode": 13}, 200, False, 13),
        ({"result": 13, "errorCode": "13"}, 403, False, 13),
        ({"result": 13}, 403, False, 13),
        ({"result": 13, "errorCode": "E_OWN"}, 403, False, 13),
        ({"result": 1, "errorCode": True}, 200, False, 1),
    ],
)
def test_both_forms_of_failure_are_read(body: object, status: int, good: bool, code: int) -> None:
    one = answer(body, status)
    assert (one.good, one.code) == (good, code)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[1]", b'"text"', b"[" * 100_000, {}])
def test_what_is_no_answer_is_a_failure(body: object) -> None:
    with pytest.raises(Failed):
        _ = answer(body).code


def test_members_must_be_what_they_should() -> None:
    one = answer({"result": 0, "name": "a", "empty": "", "list": [1]})
    assert one.text("name") == "a"
    assert one.listed("list") == [1]
    for wrong in ("empty", "list", "missing"):
        with pytest.raises(Failed, match=f"{wrong} must be text"):
            one.text(wrong)
    with pytest.raises(Failed, match="name must be an array"):
        one.listed("name")
    assert one.must_be_good() is one
    with pytest.raises(Failed, match=r"expected error 13 \(INVALID_TOKEN\)"):
        one.must_be(13)


def test_a_long_answer_is_cut_in_reports() -> None:
    assert len(str(answer({"text": "x" * 10_000}))) < 250


def test_attributes_tell_what_can_be_tried() -> None:
    told = answer(
        {
            "result": 0,
            "attributes": [
                {"method": "GET", "path": "/gotapi/lamp/state", "type": "one-shot"},
                {"method": "PUT", "path": "/gotapi/lamp/state", "type": "event"},
                {"method": "DELETE", "path": "/gotapi/lamp/state", "type": "event"},
                {"method": "PUT", "path": "/gotapi/lamp/switch", "type": "one-shot"},
                "nonsense",
            ],
        }
    )
    assert offered_one_shots("a", ["lamp"], told) == [OneShot("a", "lamp/state")]
    assert offered_events("a", ["lamp"], told) == [Event("a", "lamp/state")]


def test_swagger_documents_tell_what_can_be_tried() -> None:
    get = {"x-type": "one-shot", "parameters": [{"name": "serviceId", "required": True}]}
    needs = {"x-type": "one-shot", "parameters": [{"name": "on", "required": True}]}
    document = {
        "swagger": "2.0",
        "basePath": "/gotapi/light",
        "paths": {
            "/": {"get": get},
            "/level": {"get": needs, "put": {"x-type": "one-shot"}},
            "/onChange": {"put": {"x-type": "event"}, "delete": {"x-type": "event"}},
            "/odd": "nonsense",
        },
    }
    told = answer({"result": 0, "supportApis": {"light": document, "odd": 1}})
    assert offered_one_shots("a", ["light"], told) == [OneShot("a", "light")]
    assert offered_events("a", ["light"], told) == [Event("a", "light/onChange")]


def test_known_profiles_need_no_telling() -> None:
    told = answer({"result": 1, "errorCode": 2})
    assert offered_events("a", ["3dp"], told)[0] == Event("a", "3dp/status")
    assert offered_one_shots("a", ["light"], answer(b"no JSON")) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["paths", "get", "put", "parameters", "x-type", "basePath", "/a", "type", "method"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(attributes=json_values, apis=json_values)
def test_whatever_a_hub_tells_is_read_without_a_crash(attributes: object, apis: object) -> None:
    told = answer({"result": 0, "attributes": attributes, "supportApis": {"light": apis}})
    for found in (offered_one_shots("a", ["light"], told), offered_events("a", ["light"], told)):
        assert all(one.service_id == "a" for one in found)


@pytest.mark.parametrize("text", [None, "no JSON", "[1]", "[" * 100_000])
def test_what_is_no_frame_is_a_failure(text: str | None) -> None:
    with pytest.raises(Failed, match="the event"):
        frame(text, "the event")


def test_services_of_both_lineages_are_read() -> None:
    assert service_id({"serviceId": "a", "id": "b"}) == "a"
    assert service_id({"serviceId": "", "id": "b"}) == "b"
    with pytest.raises(Failed, match="neither serviceId nor id"):
        service_id({"name": "c"})
    assert scopes_of({"scopes": ["a", 1]}) == ["a"]
    assert scopes_of({"scopes": "a"}) == []


def test_bodies() -> None:
    assert urlencoded({"a": "1 2", "b": "ä"}) == b"a=1+2&b=%C3%A4"
    body, kind = multipart({"a": "1"})
    boundary = kind.partition("boundary=")[2].encode()
    assert body.startswith(b"--" + boundary + b"\r\n")
    assert body.endswith(b"--" + boundary + b"--\r\n")
    assert b'name="a"\r\n\r\n1\r\n' in body
