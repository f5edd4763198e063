"""What is sound is called sound: the small server has no failure and nothing without a reason."""

from typing import Any

import pytest

from gotapi_core.conformance import Verdict
from gotapi_portrayal.conformance.suite import CHECKS

# What the good server cannot show: it refers to schemas of OGC, takes any offset, and has no layer
# that cannot be queried.
UNTRIED = {"core-schema", "scene-offset-refused", "info-not-queryable"}


@pytest.mark.parametrize("family", list(CHECKS))
def test_nothing_fails_on_the_good_server(runner: Any, family: str) -> None:
    outcomes = [runner.base(check)[0] for check in CHECKS[family]]
    said = {one.check.id: one.reason for one in outcomes if one.verdict is not Verdict.PASS}
    assert set(said) <= UNTRIED, said
