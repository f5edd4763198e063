"""`gotapi conformance` of services that are no hubs: suites of plug-ins, and their choice."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import conformance_suites, main
from gotapi_core.cli.conformance_suites import classes_of, find_suite, may_be_other, plugin_suites
from gotapi_core.conformance import Level, Outcome, Report, Rule, Target, Verdict
from gotapi_core.host.loader import Found
from gotapi_core.plugin.manifest import Manifest


class LampSuite:
    """Checks of lamps; a lamp is what has a path that says so."""

    name = "lamps"

    def __init__(self) -> None:
        self.classes = {"core": "what every lamp can", "colour": "what some can"}
        self.asked: list[tuple[Target, tuple[str, ...]]] = []

    async def recognises(self, target: Target) -> bool:
        return "lamp" in target.url

    async def check(
        self, target: Target, classes: Sequence[str], told: Callable[[Outcome], None]
    ) -> Report:
        self.asked.append((target, tuple(classes)))
        outcome = Outcome(
            Rule("lamp-shines", Level.BRONZE, "a text", "it shines", "light"), Verdict.PASS
        )
        told(outcome)
        return Report(target.url, (outcome,))


@pytest.fixture
def lamps(monkeypatch: pytest.MonkeyPatch) -> LampSuite:
    suite = LampSuite()
    monkeypatch.setattr("gotapi_core.cli.conformance.plugin_suites", lambda: [suite])
    return suite


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["conformance", *words])


def test_a_service_that_a_suite_knows_is_checked_by_it(lamps: LampSuite) -> None:
    answer = run("http://127.0.0.1:1/lamp", "--level", "bronze", "--json", "--token", "t")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.output)["checks"][0]["id"] == "lamp-shines"
    assert lamps.asked == [(Target("http://127.0.0.1:1/lamp", "t", "http://localhost:8080"), ())]


def test_classes_are_those_of_the_suite_though_hubs_have_one_of_the_same_name(
    lamps: LampSuite,
) -> None:
    for words, chosen in (
        ("core", ("core",)),
        ("lamps-core,colour", ("core", "colour")),
        ("lamps", ("core", "colour")),
        ("core,lamps-core", ("core",)),
    ):
        run("http://127.0.0.1:1/lamp", "--class", words)
        assert lamps.asked.pop()[1] == chosen
    wrong = run("http://127.0.0.1:1/lamp", "--class", "core,3dp")
    assert wrong.exit_code == 2
    assert "'3dp' is none of core, colour" in " ".join(wrong.output.split())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["http://127.0.0.1:1/other"], 3, "No service that can be checked answers at"),
        (["http://127.0.0.1:1", "--class", "lamps-core"], 3, "No hub answers"),
        (["http://127.0.0.1:1"], 3, "No hub answers at http://127.0.0.1:1"),
    ],
)
def test_where_no_suite_knows_the_service_it_is_said(
    lamps: LampSuite, words: list[str], code: int, says: str
) -> None:
    answer = run(*words)
    assert answer.exit_code == code, answer.output
    assert says in " ".join(answer.output.split())
    assert lamps.asked == []


def test_only_an_address_with_a_path_or_a_class_of_no_hub_may_be_something_else() -> None:
    assert may_be_other("http://a/3dps", ())
    assert may_be_other("http://a/?map=x", ())
    assert may_be_other("http://a", ("view",))
    assert not may_be_other("http://a/", ("core", "3dp"))
    assert not may_be_other("ftp://a/3dps", ())


def test_the_first_suite_that_recognises_a_service_gets_it() -> None:
    suite = LampSuite()
    assert asyncio.run(find_suite([suite], Target("http://a/lamp"))) is suite
    assert asyncio.run(find_suite([suite], Target("http://a/pump"))) is None
    assert classes_of(suite, ()) == ()
    with pytest.raises(click.BadParameter, match="'tea' is none of core, colour"):
        classes_of(suite, ("tea",))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let plug-ins be found; `approved` are the ids that the operator approved."""

    def install(*found: Found, approved: Sequence[str] = ()) -> None:
        monkeypatch.setattr(conformance_suites, "find_plugins", lambda: list(found))
        monkeypatch.setattr(
            conformance_suites,
            "approved",
            lambda plugins: [one for one in plugins if one.manifest.id in approved],
        )

    return install


@pytest.fixture
def modules() -> Iterator[LampSuite]:
    """A module with a suite; the other one cannot be imported."""
    module = ModuleType("lamp_checks")
    module.SUITE = LampSuite()  # type: ignore[attr-defined] # a module made here
    sys.modules["lamp_checks"] = module
    yield module.SUITE
    del sys.modules["lamp_checks"]


def found(id_: str, checks: str, *, bundled: bool = False, reason: str = "") -> Found:
    manifest = Manifest(id=id_, name=id_, version="1", module="lamp", conformance=checks)
    return Found(manifest, reason, bundled=bundled)


def test_suites_are_those_of_the_hub_and_of_approved_plugins(
    installed: Callable[..., None], modules: LampSuite, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = found("foreign", "lamp_checks")
    installed(found("own", "lamp_checks", bundled=True), foreign)
    assert plugin_suites() == [modules]
    installed(foreign)
    assert plugin_suites() == []
    installed(foreign, approved=["foreign"])
    assert plugin_suites() == [modules]
    installed(found("unsound", "lamp_checks", bundled=True, reason="damaged"))
    assert plugin_suites() == []
    installed(found("broken", "lamp_checks_that_are_not_there", bundled=True))
    assert plugin_suites() == []
    assert "the checks of plug-in broken cannot be loaded" in caplog.text


def test_the_hub_brings_the_checks_of_3dps() -> None:
    [suite] = [one for one in plugin_suites() if one.name == "3dps"]
    assert list(suite.classes) == ["core", "scene", "info", "view"]


class Silent(BaseHTTPRequestHandler):
    """A server of something else."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_: object) -> None:
        return


def test_a_server_of_something_else_is_not_taken_for_one_of_3dps() -> None:
    server = HTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        answer = run(f"http://127.0.0.1:{server.server_port}/3dps")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert answer.exit_code == 3
    assert "No service that can be checked answers" in " ".join(answer.output.split())
