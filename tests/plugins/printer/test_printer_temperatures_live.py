"""GET temperatures: how warm the printer was; on a live hub."""

from typing import Any

import pytest


async def warm(one: Any, since: float = 0.0) -> dict[str, Any]:
    """Ask until the printer has told its temperatures."""
    await one.until(lambda status: bool(status.get("temperatures")))
    told: dict[str, Any] = await one.call("get", "temperatures", since=since)
    return told


async def test_it_tells_what_the_status_told(desk) -> None:
    async with desk() as one:
        told = await warm(one)
        sensors = {series["sensor"]: series for series in told["temperatures"]}
        assert {"T", "B"} <= set(sensors)
        for series in sensors.values():
            assert len(series["temperature"]) == len(series["target"]) == len(told["times"])
        assert sensors["T"]["temperature"][-1] == pytest.approx(20, abs=15)
        later = await one.call("get", "temperatures", since=told["times"][-1] + 86_400)
        assert (later["times"], later["temperatures"]) == ([], [])


async def test_a_moment_that_is_none_is_refused(desk) -> None:
    async with desk() as one:
        assert "since" in await one.refused(10, "get", "temperatures", since="yesterday")
        assert "since" in await one.refused(10, "get", "temperatures", since=-1)


async def test_a_printer_that_is_away_leaves_a_gap(desk) -> None:
    async with desk() as one:
        await warm(one)
        one.simulators[0].process.kill()
        await one.until(lambda status: not status["online"])
        told = await one.call("get", "temperatures")
        assert told["temperatures"] != []
        assert {series["temperature"][-1] for series in told["temperatures"]} == {None}
