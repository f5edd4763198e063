"""`gotapi conformance`: hubs by their address, plug-ins by their name, tables and exit codes."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import main
from gotapi_core.cli.conformance_report import Progress
from gotapi_core.conformance import Check, Level, Outcome, Report, Verdict
from gotapi_core.testing.process import HubProcess

LEVELS = ("bronze", "silver", "gold")


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["conformance", *words])


async def nothing(subject: object) -> None:
    return None


def fake_report(*verdicts: Verdict) -> Report:
    checks = [Check(f"check-{n}", Level.BRONZE, "a text", "rule", "why", nothing) for n in range(9)]
    pairs = zip(checks, verdicts, strict=False)
    return Report("http://hub", tuple(Outcome(c, v, f"because [{v.value}]") for c, v in pairs))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the command find this instead of checking anything."""

    def give(*verdicts: Verdict) -> None:
        def check(*_: object) -> Report:
            return fake_report(*verdicts)

        monkeypatch.setattr("gotapi_core.cli.conformance._check_plugin", check)

    return give


def test_the_table_tells_rules_reasons_and_the_level(given: Callable[..., None]) -> None:
    given(Verdict.PASS, Verdict.FAIL, Verdict.SKIP)
    answer = run("lamp")
    assert answer.exit_code == 1
    lines = [" ".join(line.split()) for line in answer.output.splitlines()]
    assert "check-1 bronze fail rule" in lines
    assert "because [fail]" in lines
    assert "Why it matters: why (a text)" in lines
    assert "bronze 1 passed, 1 failed, 1 skipped" in lines
    assert "Level reached: none" in lines


def test_the_level_that_was_asked_decides_the_exit_code(given: Callable[..., None]) -> None:
    given(Verdict.PASS)
    assert [run("lamp", "--level", level).exit_code for level in LEVELS] == [0, 1, 1]
    assert run("lamp").exit_code == 1  # gold is the default


def test_json_has_every_check_and_the_level(given: Callable[..., None]) -> None:
    given(Verdict.PASS, Verdict.SKIP)
    told = json.loads(run("lamp", "--json", "--level", "bronze").output)
    assert (told["subject"], told["level"]) == ("http://hub", "bronze")
    assert told["checks"][1] == {
        "id": "check-1",
        "level": "bronze",
        "verdict": "skip",
        "reason": "because [skip]",
        "what": "rule",
        "why": "why",
        "source": "a text",
        "seconds": 0.0,
    }


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["http://127.0.0.1:1"], 3, "No hub answers at http://127.0.0.1:1"),
        (["ftp://127.0.0.1"], 2, "must be like http://127.0.0.1:4035"),
        (["nowhere"], 1, "The plug-in nowhere cannot be loaded"),
        (["printer", "--class", "core,tea"], 2, "'tea' is none of core, 3dp"),
        (["printer", "--level", "platinum"], 2, "platinum"),
        ([], 2, "URL|PLUGIN"),
    ],
)
def test_what_cannot_be_checked_is_said(words: list[str], code: int, says: str) -> None:
    answer = run(*words)
    assert answer.exit_code == code, answer.output
    assert says in " ".join(answer.output.split())


def test_progress_is_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = fake_report(Verdict.PASS).outcomes[0]
    Progress(shown=False).told(outcome)
    assert capsys.readouterr().err == ""
    Progress(shown=True).told(outcome)
    assert "1 check-0: pass" in capsys.readouterr().err


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new plug-in, as pip would have installed it in editable mode."""
    parent = tmp_path_factory.mktemp("new")
    made = CliRunner().invoke(main, ["plugins", "new", "lamp", "--dir", str(parent)])
    assert made.exit_code == 0, made.output
    return parent / "gotapi-lamp"


def test_a_new_plugin_reaches_gold(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gotapi_core", "conformance", "gotapi_lamp", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )
    told = json.loads(done.stdout)
    assert told["subject"] == "plug-in lamp 0.1.0"
    verdicts = {one["id"]: one["verdict"] for one in told["checks"]}
    assert verdicts["one-shot"] == verdicts["event-stop"] == verdicts["scope-enforced"] == "pass"
    assert "skip" not in verdicts.values()
    assert told["level"] == "gold"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "home", "--demo") as one:
        one.wait_for_service("demo-printer.printer")
        yield one


def approve_all(hub: HubProcess, ended: threading.Event) -> None:
    """Do what a careful person would: allow the checks, and not the one that says so."""
    while not ended.wait(0.05):
        for request in hub.operator("GET", "state")["requests"]:
            if request["name"] == "GotAPI conformance":
                code = {"code": request["code"], "lifetime": "always"}
                hub.operator("POST", "approve", code)


def test_a_hub_elsewhere_is_checked_once_its_user_has_approved(hub: HubProcess) -> None:
    ended = threading.Event()
    person = threading.Thread(target=approve_all, args=(hub, ended))
    person.start()
    try:
        answer = run(hub.url, "--json")
    finally:
        ended.set()
        person.join()
    waiting, _, body = answer.output.partition("{")
    assert waiting.count("Waiting: approve 'GotAPI conformance'") == 2
    told = json.loads("{" + body)
    outcomes = {one["id"]: one for one in told["checks"]}
    assert told["level"] == "gold"
    skipped = {id_: one["reason"] for id_, one in outcomes.items() if one["verdict"] == "skip"}
    assert set(skipped) == {"denied", "hmac-hex", "socket-revoked", "3dp-event-nothing"}
    assert "only a person at that hub could refuse" in skipped["denied"]


def test_with_a_token_nobody_is_asked(hub: HubProcess) -> None:
    unknown = json.loads(run(hub.url, "--token", "unknown", "--json").output)
    verdicts = {one["id"]: one["verdict"] for one in unknown["checks"]}
    assert verdicts["availability"] == "pass"
    assert verdicts["discovery"] == "fail"
    assert verdicts["one-shot"] == verdicts["scope-enforced"] == "skip"
    assert hub.operator("GET", "state")["applications"] == []
