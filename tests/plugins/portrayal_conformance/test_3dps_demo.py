"""Our own service, as its user runs it: the demonstration has no failure, and the levels say so."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import main
from gotapi_core.testing.process import HubProcess
from gotapi_portrayal.conformance.suite import CHECKS


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hub with the scenes of `gotapi scenes demo`."""
    folder = tmp_path_factory.mktemp("demo")
    made = CliRunner().invoke(main, ["scenes", "demo", str(folder / "scenes")])
    assert made.exit_code == 0, made.output
    place = f"plugins.portrayal.scenes={folder / 'scenes'}"
    with HubProcess(folder / "home", "--set", place) as hub:
        yield f"{hub.url}/3dps"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["conformance", *words])


@pytest.mark.parametrize("family", list(CHECKS))
def test_the_demonstration_reaches_gold_in_every_class(address: str, family: str) -> None:
    answer = run(address, "--class", family, "--json")
    told = json.loads(answer.output)
    bad = {one["id"]: one["reason"] for one in told["checks"] if one["verdict"] == "fail"}
    assert bad == {}
    assert [one["id"] for one in told["checks"]] == [check.id for check in CHECKS[family]]
    assert (told["level"], answer.exit_code) == ("gold", 0)


def test_the_table_has_verdicts_reasons_and_levels(address: str) -> None:
    answer = run(address, "--class", "3dps-info")
    assert answer.exit_code == 0, answer.output
    assert "info-not-queryable" in answer.output
    assert "every layer is queryable" in answer.output
    assert "Level reached: gold" in answer.output


def test_a_token_is_sent_and_one_that_does_not_do_is_told(address: str) -> None:
    answer = run(address, "--class", "core", "--token", "unknown", "--json")
    told = json.loads(answer.output)
    assert told["level"] is None
    assert "HTTP 401" in told["checks"][0]["reason"]
