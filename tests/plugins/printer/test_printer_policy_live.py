"""The policy of a printer through the hub, on a simulated printer."""

import asyncio
from typing import Any

import pytest
from click.testing import CliRunner

from gotapi_core.client import HubRefused
from gotapi_printer.cli import printers

LIMITS = {"limits": {"nozzle": 230, "bed": 80}}
OFF = ["M104 S0", "M140 S0", "M107", "M84"]
MOVES = "".join(f"G1 X{n % 100} Y{n % 50}\n" for n in range(400))


async def test_a_file_with_refused_lines_is_not_printed(desk: Any) -> None:
    async with desk() as one:
        with pytest.raises(HubRefused, match="line 2: M500: it changes") as refused:
            await one.print("G28\nM500\nG1 X5\n m92x400\n")
        assert refused.value.code == 10
        assert "line 4" in str(refused.value)
        assert "M500" not in one.transcript()
        assert (await one.call("get", "queue"))["printqueue"] == []


async def test_a_limit_is_kept_and_told_in_the_job(desk: Any) -> None:
    async with desk(settings=LIMITS) as one:
        job = await one.print("m104s300\nM140 S60\nG28\nG1 X5 F3000\n")
        done = await one.job(job, "done")
        assert done["notes"] == [
            "line 1: m104s300 becomes M104 S230: the limit of the nozzle is 0 to 230 degrees"
        ]
        lines = one.transcript()
        assert "M104 S230" in lines
        assert not [line for line in lines if "S300" in line]


async def test_refused_lines_can_be_left_out(desk: Any) -> None:
    async with desk(settings={"on_refused": "skip"}) as one:
        job = await one.print("G28\nM500\nG1 X5\n")
        done = await one.job(job, "done")
        assert done["notes"] == ["left out: line 2: M500: it changes what the printer has stored"]
        assert (done["line"], done["lines"]) == (3, 3)
        assert "M500" not in one.transcript()


async def test_everything_is_sent_where_the_policy_is_off(desk: Any) -> None:
    async with desk(settings={"policy": "off"}) as one:
        await one.job(await one.print("G28\nM500\n"), "done")
        assert "M500" in one.transcript()


async def test_commands_are_judged_as_well(desk: Any) -> None:
    async with desk() as one:
        await one.refused(10, "post", "command", command="M500")
        answer = await one.call("post", "command", command="M104 S999")
        assert answer["lines"][0] == (
            "changed to M104 S260: the limit of the nozzle is 0 to 260 degrees"
        )
        assert "M104 S260" in one.transcript()


async def test_the_operator_arms_the_printer_by_a_code(desk: Any) -> None:
    async with desk() as one:
        with pytest.raises(HubRefused) as wrong:
            await one.call("put", "arm", code="AAAAAAAA")
        assert wrong.value.code == 10
        text = str(wrong.value)
        own_id = one.ids[0].partition(".")[0]
        assert f"gotapi printers arm {own_id}" in text
        words = ["arm", own_id, "--home", str(one.folder / "home")]
        shown = await asyncio.to_thread(CliRunner().invoke, printers, words)
        assert shown.exit_code == 0, shown.output
        answer = await one.call("put", "arm", code=shown.stdout.strip())
        assert answer["seconds"] == 60
        await one.call("post", "command", command="M500")
        await one.job(await one.print("G28\nM92 X80\n"), "done")
        assert {"M500", "M92 X80"} <= set(one.transcript())
        with pytest.raises(HubRefused):
            await one.call("put", "arm", code=shown.stdout.strip())


async def test_a_wait_for_the_user_is_a_pause_of_the_job(desk: Any) -> None:
    async with desk() as one:
        job = await one.print("G28\nG1 X5\nM0 Insert the nut\nG1 X6\nG1 X7\n")
        await one.job(job, "paused")
        status = await one.until(lambda now: "Insert the nut" in now["message"])
        assert status["operatingStatus"] == "paused"
        lines = one.transcript()
        assert "G1 X5" in lines
        assert "G1 X6" not in lines
        await one.call("put", "resume")
        await one.job(job, "done")
        lines = one.transcript()
        assert "G1 X7" in lines
        assert not [line for line in lines if line.startswith("M0")]


async def test_the_printers_own_timer_runs_before_anything_is_heated(desk: Any) -> None:
    async with desk(settings={"idle_off": 900}) as one:
        job = await one.print("M104 S200\nG28\n" + MOVES + "M104 S0\n")
        await one.job(job, "done")
        await one.until(lambda status: "M85 S0" in one.transcript()[-12:])
        lines = one.transcript()
        assert lines.index("M85 S0") < lines.index("M85 S900") < lines.index("M104 S200")


async def test_the_heaters_are_off_when_the_hub_has_stopped(desk: Any) -> None:
    async with desk("--time-scale", "20") as one:
        job = await one.print("M140 S60\nM104 S200\nG28\n" + MOVES)
        await one.job(job, "printing")
        await one.until(lambda status: status.get("nozzleTarget") == 200)
        simulator = one.simulators[0]
        await one.hub.hub.stop()
        lines = simulator.transcript()
    assert [line for line in lines if line in OFF][-4:] == OFF
