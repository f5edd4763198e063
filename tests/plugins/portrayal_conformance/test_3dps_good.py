"""What is sound is called sound: the small server has no failure and nothing without a reason."""

from typing import Any

import pytest

from gotapi_core.conformance import Verdict
from gotapi_portrayal.conformance.server import Server
from gotapi_portrayal.conformance.suite import CHECKS, check_server

URL = "http://good.example/3dps"

# What the good server cannot show: it refers to schemas of OGC, takes any offset, and has no layer
# that cannot be queried.
UNTRIED = {"core-schema", "scene-offset-refused", "info-not-queryable"}


@pytest.mark.parametrize("family", list(CHECKS))
def test_nothing_fails_on_the_good_server(runner: Any, family: str) -> None:
    outcomes = [runner.base(check)[0] for check in CHECKS[family]]
    said = {one.check.id: one.reason for one in outcomes if one.verdict is not Verdict.PASS}
    assert set(said) <= UNTRIED, said


def test_a_class_that_the_server_does_not_have_is_skipped_with_the_reason(
    good: Any, make: Any, spoiled: Any
) -> None:
    spoil = make.caps(
        "<ows:Profile>[^<]*view/1.0</ows:Profile>|<ows:Operation name=.GetView.*?</ows:Operation>",
        "",
    )
    report = good.do(check_server(Server(URL, spoiled(spoil)), ["core", "view"]))
    view = [one for one in report.outcomes if one.check.id.startswith("view-")]
    assert {one.verdict for one in view} == {Verdict.SKIP}
    assert {one.reason for one in view} == {
        "the server does not have the class view: no Profile, no GetView"
    }
    assert report.failed() == frozenset()


def test_without_classes_the_announced_ones_are_checked_and_told(
    good: Any, make: Any, spoiled: Any
) -> None:
    told = []
    spoil = make.caps("<ows:Profile>[^<]*(view|scene)/1.0</ows:Profile>", "")
    report = good.do(check_server(Server(URL, spoiled(spoil)), told=told.append))
    assert {one.check.id.partition("-")[0] for one in told} == {"core", "info"}
    assert report.failed() == {"core-class", "info-class"}


def test_a_server_that_cannot_be_read_fails_once_and_skips_the_rest(
    good: Any, make: Any, spoiled: Any
) -> None:
    spoil = make.when(lambda asked: True, make.body(b"<html>", "text/html"))
    report = good.do(check_server(Server(URL, spoiled(spoil)), ["core", "view"]))
    verdicts = {one.check.id: one for one in report.outcomes}
    assert verdicts["core-getcapabilities"].verdict is Verdict.FAIL
    assert verdicts["core-layers"].verdict is Verdict.SKIP
    assert "GetCapabilities could not be used" in verdicts["view-size"].reason
