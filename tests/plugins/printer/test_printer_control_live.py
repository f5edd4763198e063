"""Pause, resume, prompts, single commands and the emergency stop; on a live hub."""

import asyncio
from typing import Any

import pytest

from gotapi_core.client import HubRefused
from gotapi_core.plugin_settings.desk import Change, SettingsDesk, WouldEnd

SLOW = ("--time-scale", "20")
HOT = "M104 S205\nM140 S60\nM109 S205\n"
# Relative moves: a way back that forgot them would send the head elsewhere.
WALK = "G28\nG90\nG1 X50 Y50 Z5 F6000\nG91\nM83\n" + "G1 X0.1 F1200\nG4 P1000\n" * 300


async def printing(desk: Any, gcode: str, beyond: int = 12, **params: Any) -> str:
    job = await desk.print(gcode, **params)
    await desk.until(lambda status: status.get("printQueue", [{}])[0].get("line", 0) > beyond)
    return str(job)


async def position(desk: Any) -> dict[str, float]:
    [line] = (await desk.call("post", "command", command="M114"))["lines"]
    words = line.partition(" Count")[0].split()
    return {word[0]: float(word[2:]) for word in words}


async def test_a_paused_print_keeps_its_heat_and_goes_on_where_it_was(desk) -> None:
    async with desk(*SLOW, "--allow-cold-extrusion") as one:
        job = await printing(one, HOT.replace("M109 S205\n", "") + WALK)
        answer = await one.call("put", "pause")
        assert (answer["jobId"], answer["printqueue"][0]["state"]) == (job, "paused")
        status = await one.status()
        assert status["operatingStatus"] == "paused"
        assert (status["nozzleTarget"], status["bedTarget"]) == (205, 60)
        held = await position(one)
        await one.call("post", "command", command="G90")
        await one.call("post", "command", command="G1 X100 Y110 Z30 F6000")
        assert await position(one) != held
        resumed = await one.call("put", "resume")
        assert resumed["printqueue"][0]["state"] == "printing"
        await one.call("delete", "printingcommand")
        lines = one.transcript()
    back = lines[lines.index("G1 X100 Y110 Z30 F6000") + 1 :]
    back = [line for line in back if line != "M114" and line[:3] != "M85"]
    assert back[:4] == [
        "G21",
        "G90",
        f"G1 X{held['X']:.3f} Y{held['Y']:.3f} F6000",
        f"G1 Z{held['Z']:.3f} F600",
    ]
    assert back[4].startswith("G92 E")
    assert back[5:8] == ["G91", "M83", "G1 F1200"]
    assert set(back[8:10]) <= {"G1 X0.1 F1200", "G4 P1000"}


async def test_the_scripts_run_around_a_pause_and_after_a_stop(desk) -> None:
    scripts = {
        "pause_script": ["G91", "G1 Z20 F600", "G90"],
        "resume_script": ["M117 goes on"],
        "cancel_script": ["M117 given up"],
    }
    async with desk(*SLOW, settings=scripts) as one:
        job = await printing(one, WALK)
        await one.call("put", "pause")
        await one.call("put", "resume")
        await one.call("delete", "printingcommand")
        await one.job(job, "stopped")
        lines = await one.printed("M117 given up")
    parked = lines.index("G1 Z20 F600")
    assert lines[parked - 1] == "G91"
    assert lines[parked : parked + 2] == ["G1 Z20 F600", "G90"]
    goes_on = lines.index("M117 goes on")
    assert lines[goes_on + 1 : goes_on + 4][0] == "M114"
    assert "G1 Z5.000 F600" in lines[goes_on:]  # brought back down
    given_up = lines.index("M117 given up")
    assert "M104 S0" in lines[goes_on:given_up]


async def test_the_next_job_waits_for_the_script_of_the_stopped_one(desk) -> None:
    settings = {"cancel_script": ["G4 S10", "M117 given up"]}
    async with desk(*SLOW, settings=settings) as one:
        await printing(one, WALK)
        after = await one.print("G28\nM117 next\n", name="next.gcode")
        await one.call("delete", "printingcommand")
        await one.call("put", "bed")
        await one.job(after, "done")
        lines = one.transcript()
    assert lines.index("M117 given up") < lines.index("M117 next")


async def test_the_nozzle_of_a_long_pause_cools_and_is_heated_again(desk) -> None:
    # 0.01 minutes are 0.6 s, and 12 s of the printer's time.
    async with desk(*SLOW, settings={"pause_cool_after": 0.01}) as one:
        await printing(one, "M140 S60\nM104 S205\n" + WALK)
        await one.call("put", "pause")
        status = await one.until(lambda status: status["nozzleTarget"] == 0)
        assert status["bedTarget"] == 60
        await one.call("put", "resume")
        await one.until(lambda status: status["nozzleTarget"] == 205)
        assert "M109 S205" in one.transcript()


@pytest.mark.parametrize("attribute", ["pause", "resume"])
async def test_what_is_not_printed_cannot_be_paused_or_resumed(desk, attribute) -> None:
    async with desk() as one:
        assert "no" in await one.refused(16, "put", attribute)


async def test_a_running_print_cannot_be_resumed_nor_a_paused_one_paused(desk) -> None:
    async with desk(*SLOW) as one:
        await printing(one, WALK)
        assert "is printing" in await one.refused(16, "put", "resume")
        await one.call("put", "pause")
        assert "is paused" in await one.refused(16, "put", "pause")


async def test_a_paused_print_can_be_stopped(desk) -> None:
    async with desk(*SLOW) as one:
        job = await printing(one, WALK)
        await one.call("put", "pause")
        await one.call("delete", "printingcommand")
        await one.job(job, "stopped")
        assert (await one.status())["nozzleTarget"] == 0


async def test_a_command_is_answered_with_what_the_printer_says(desk) -> None:
    async with desk() as one:
        [line] = (await one.call("post", "command", command="M114"))["lines"]
        assert line.startswith("X:0.00 Y:0.00")
        assert (await one.call("post", "command", command="G21"))["lines"] == []
        for bad in ("", "G1 X1\nG1 X2", "G1 " + "X" * 100):
            assert await one.refused(10, "post", "command", command=bad)


async def test_what_the_printer_tells_by_itself_is_no_part_of_an_answer(desk) -> None:
    async with desk(*SLOW) as one:
        dwelt = await one.call("post", "command", command="G4 P8000")  # busy, with temperatures
        assert dwelt["lines"] == []
        for command, begin in (("M105", "ok T:"), ("M114", "X:")):
            [line] = (await one.call("post", "command", command=command))["lines"]
            assert line.startswith(begin)


async def test_a_prompt_is_told_and_answered(desk) -> None:
    async with desk(*SLOW) as one, one.client.events("3dp", "prompt", one.ids[0]) as events:
        job = await one.print("G28\nM600\nG1 X10 F3000\n")
        async with asyncio.timeout(20):
            [asked] = (await anext(events)).members["prompts"]
            assert (asked["text"], asked["choices"]) == ("Nozzle Parked", ["Continue"])
            assert (await one.status())["prompts"] == [asked]
            wrong = await one.refused(16, "post", "prompt", id="printer-999")
            assert "not asked now" in wrong
            await one.call("post", "prompt", id=asked["id"], choice=0)
            assert (await anext(events)).members["prompts"] == []
            await one.job(job, "done")
            [bed] = (await anext(events)).members["prompts"]
            assert bed["id"] == "bedNotClear"


async def test_a_printer_that_hears_nothing_while_it_waits_needs_its_button(desk) -> None:
    async with desk(*SLOW, "--no-emergency-parser") as one:
        await one.print("G28\nM600\n")
        await one.until(lambda status: bool(status.get("prompts")))
        assert "press the button" in await one.refused(16, "post", "prompt")


async def test_an_emergency_stop_halts_the_printer_and_ends_the_job(desk) -> None:
    async with desk(*SLOW) as one:
        job = await printing(one, WALK)
        await one.call("put", "emergencystop")
        status = await one.until(lambda status: status["operatingStatus"] == "error")
        assert "emergency stop" in status["message"]
        ended = await one.job(job, "stopped")
        assert "reset the printer" in ended["reason"]
        before = len(one.transcript())
        with pytest.raises(HubRefused, match="halted"):
            await one.print("G28\n")
        assert len(one.transcript()) == before


async def test_a_print_is_not_ended_by_a_change_of_settings_that_nobody_confirmed(desk) -> None:
    async with desk(*SLOW, "--allow-cold-extrusion", settings={"name": "Left"}) as one:
        settings = SettingsDesk(one.hub.hub)
        view = await settings.view("printer")
        change = Change(id="printer", revision=view.revision, values={"discover": "off"})
        await printing(one, WALK, name="cube.gcode")
        with pytest.raises(WouldEnd, match=r"would end this: the print of cube\.gcode on Left$"):
            await settings.change(change)
        await one.call("delete", "printingcommand")
        assert one.hub.hub.desk.named("printer").busy() == ""
