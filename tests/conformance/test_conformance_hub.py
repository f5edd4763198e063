"""Our own hub, its plug-ins and the one of the README keep every rule."""

import asyncio
import re
import sys
import types
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gotapi_core.conformance import CLASSES, Level, Report, Times, Verdict
from gotapi_core.plugin import Plugin
from gotapi_core.testing import live_hub
from gotapi_core.testing.conform import LiveOperator, check_hub

ROOT = Path(__file__).parents[2]


def assert_gold(report: Report) -> None:
    broken = {one.check.id: one.reason for one in report.outcomes if one.verdict is Verdict.FAIL}
    assert broken == {}
    assert report.level is Level.GOLD


async def test_our_hub_keeps_every_rule(conform: Callable[..., Awaitable[Report]]) -> None:
    report = await conform()
    assert_gold(report)
    assert report.count(Verdict.SKIP) == 0
    assert report.count(Verdict.PASS) == len(CLASSES["core"].checks)


async def test_a_printer_is_checked_for_3dp_too(conform: Callable[..., Awaitable[Report]]) -> None:
    report = await conform("3dp")
    assert_gold(report)
    assert report.count(Verdict.SKIP) == 0
    ids = {one.check.id for one in report.outcomes}
    assert ids == {check.id for one in CLASSES.values() for check in one.checks}


def lamp() -> type[Plugin]:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
    [source] = [block for block in blocks if "class LampPlugin" in block]
    module = types.ModuleType("readme_lamp_conformance")
    sys.modules[module.__name__] = module
    exec(compile(source, "README.md", "exec"), module.__dict__)
    found: type[Plugin] = module.LampPlugin
    return found


async def test_the_plugin_of_the_readme_keeps_every_rule(tmp_path: Path, quick: Times) -> None:
    async with live_hub(tmp_path, [lamp()]) as live:
        report = await check_hub(live, times=quick)
    assert_gold(report)
    # It answers no GET, so what needs one cannot be tried.
    skipped = {one.check.id for one in report.outcomes if one.verdict is Verdict.SKIP}
    assert skipped == {
        "one-shot", "error-attribute", "error-service", "hmac-everywhere", "scope-enforced",
    }  # fmt: skip


@pytest.mark.parametrize("port", ["inprocess", "stdio"])
async def test_the_simulated_printer_keeps_every_rule(
    tmp_path: Path, loaded, simulated_devices, port: str
) -> None:
    settings = {"plugins": simulated_devices, "plugin_host": {"printer": {"port": port}}}
    async with live_hub(tmp_path / "hub", [loaded("gotapi_printer")], settings=settings) as live:
        report = await check_hub(live)
    assert_gold(report)
    skipped = {one.check.id: one.reason for one in report.outcomes if one.verdict is Verdict.SKIP}
    assert skipped == {"3dp-event-nothing": "every printer has a result"}


async def test_a_printer_that_is_not_there_keeps_the_rules_that_can_be_tried(
    tmp_path: Path, loaded, quick: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.testing.conform._ONLINE", 0.0)
    settings = {"plugins": {"printer": {"ports": [{"path": str(tmp_path / "nowhere")}]}}}
    async with live_hub(tmp_path / "hub", [loaded("gotapi_printer")], settings=settings) as live:
        report = await check_hub(live, ["3dp"], times=quick)
    assert report.failed() == frozenset()
    verdicts = {one.check.id: one.verdict for one in report.outcomes}
    assert verdicts["3dp-event-nothing"] is Verdict.PASS
    assert verdicts["3dp-one-shot-at-once"] is Verdict.PASS


async def test_a_hub_without_plugins_is_checked_as_far_as_it_goes(
    tmp_path: Path, quick: Times
) -> None:
    async with live_hub(tmp_path, []) as live:
        report = await check_hub(live, times=quick)
    assert report.failed() == frozenset()
    reasons = {one.check.id: one.reason for one in report.outcomes}
    assert reasons["event"] == "the hub has no service"


async def test_the_operator_of_a_live_hub_waits_for_the_application_it_was_told(
    tmp_path: Path, meter_plugin: type[Plugin], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.testing.conform._PATIENCE", 0.05)
    async with live_hub(tmp_path, [meter_plugin]) as live:
        with pytest.raises(TimeoutError):
            await LiveOperator(live).deny("http://nobody.example")
        assert asyncio.current_task() is not None
