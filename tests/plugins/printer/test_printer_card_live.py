"""The card in the printer: list, print, pause, stop, delete; on a live hub."""

from pathlib import Path
from typing import Any

import pytest

from gotapi_printer.arming import new_code

LONG = "G28\n" + "G4 P500\n" * 400
SHORT = "G28\nM117 from the card\n" + "G4 P100\n" * 5


@pytest.fixture
def card(tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "long part.gcode").write_text(LONG)
    (folder / "SHORT.GCO").write_text(SHORT)
    return folder


@pytest.fixture
def with_card(desk: Any, card: Path) -> Any:
    return lambda *words, **more: desk("--time-scale", "20", "--card", str(card), *words, **more)


async def arm(desk: Any) -> None:
    folder = desk.folder / "home" / "data" / "plugins" / "printer"
    await desk.call("put", "arm", code=new_code(folder, "printer0"))


async def test_the_files_are_listed(with_card) -> None:
    async with with_card() as one:
        files = (await one.call("get", "card"))["files"]
    assert sorted((file["longName"], file["size"]) for file in files) == [
        ("SHORT.GCO", len(SHORT)),
        ("long part.gcode", len(LONG)),
    ]


async def test_a_printer_without_a_card_says_so(desk) -> None:
    async with desk() as one:
        assert "has no card" in await one.refused(16, "get", "card")
        told = await one.call("get", "cardprint")
        assert (told["cardPrint"], told["hasCard"], told["armed"]) == (None, False, False)


@pytest.mark.parametrize("after", ["No media", "Begin file list\nA.GCO 12 a.gcode\nEnd file list"])
async def test_an_empty_slot_says_so_and_a_card_put_in_is_read(scripted, desk, after: str) -> None:
    printer = scripted(
        {"M115": "FIRMWARE_NAME:Marlin 2.1\nCap:SDCARD:1\nok", "M20": "echo:No media\nok"}
    )
    async with desk(settings={"path": printer.path}) as one:
        assert "put one in" in await one.refused(16, "get", "card")
        assert printer.heard.count("M21") == 1
        assert (await one.call("get", "cardprint"))["hasCard"]
        printer.answers["M20"] = f"{after}\nok"
        if "A.GCO" in after:
            assert (await one.call("get", "card"))["files"][0]["size"] == 12
        else:
            assert "put one in" in await one.refused(16, "get", "card")


async def test_a_file_of_the_card_is_printed_to_its_end(with_card) -> None:
    async with with_card() as one:
        await arm(one)
        begun = (await one.call("put", "cardprint", name="SHORT.GCO"))["cardPrint"]
        assert (begun["name"], begun["paused"]) == ("SHORT.GCO", False)
        status = await one.status()
        assert status["operatingStatus"] == "printing"
        assert "prompts" not in status  # nobody is asked for the bed while something is on it
        assert "is printing" in await one.refused(16, "put", "bed")
        waiting = await one.print("G28\nM117 from the hub\n")
        status = await one.until(lambda status: "cardPrint" not in status)
        entry = (await one.call("get", "history"))["history"][0]
        assert (entry["name"], entry["result"], entry["source"]) == ("SHORT.GCO", "done", "card")
        assert entry["progress"] == 1
        assert entry["time"] > 0
        assert status["lastJob"]["msg"] == "Printed"
        assert (await one.call("get", "bed"))["bed"] == "notClear"
        assert "M117 from the hub" not in one.transcript()
        await one.call("put", "bed")
        await one.job(waiting, "done")


async def test_the_progress_is_told_and_a_print_is_paused_and_stopped(with_card) -> None:
    async with with_card() as one:
        await arm(one)
        await one.call("put", "cardprint", name="long part.gcode")
        first = await one.until(lambda status: status["cardPrint"]["position"] > 0)
        assert first["cardPrint"]["size"] == len(LONG)
        paused = (await one.call("put", "cardpause"))["cardPrint"]
        assert paused["paused"]
        assert (await one.status())["operatingStatus"] == "paused"
        assert "no print is paused" not in await one.refused(16, "put", "cardpause")
        await one.call("put", "cardresume")
        here = (await one.call("get", "cardprint"))["cardPrint"]["position"]
        await one.until(lambda status: status["cardPrint"]["position"] > here)
        await one.call("delete", "cardprint")
        status = await one.status()
        assert status["operatingStatus"] == "idle"
        assert "cardPrint" not in status
        lines = one.transcript()
        assert {"M524", "M104 S0", "M140 S0"} <= set(lines)
        assert "nothing is printed" in await one.refused(16, "delete", "cardprint")
        entry = (await one.call("get", "history"))["history"][0]
        assert (entry["result"], entry["reason"]) == ("stopped", "stopped by an application")
        assert 0 < entry["progress"] < 1
        assert "card in the printer" in await one.refused(
            10, "get", "job/gcode", jobId=entry["jobId"]
        )


async def test_who_did_not_arm_the_printer_prints_and_deletes_nothing(with_card) -> None:
    async with with_card() as one:
        assert "gotapi printers arm printer0" in await one.refused(
            16, "put", "cardprint", name="SHORT.GCO"
        )
        assert "arm" in await one.refused(16, "delete", "card", name="SHORT.GCO")
        assert not {"M24", "M23 SHORT.GCO", "M30 SHORT.GCO"} & set(one.transcript())


async def test_a_file_is_deleted(with_card) -> None:
    async with with_card() as one:
        await arm(one)
        files = (await one.call("delete", "card", name="SHORT.GCO"))["files"]
        assert [file["longName"] for file in files] == ["long part.gcode"]
        assert "there is no" in await one.refused(16, "delete", "card", name="SHORT.GCO")


@pytest.mark.parametrize("name", ["../etc/passwd", "absent.gco", "SHORT.GCO\nM104 S300", "a b"])
async def test_only_names_that_are_listed_reach_the_printer(with_card, name: str) -> None:
    async with with_card() as one:
        await arm(one)
        assert "there is no" in await one.refused(16, "put", "cardprint", name=name)
        assert not [line for line in one.transcript() if line.startswith(("M23", "M104"))]


async def test_one_print_at_a_time(with_card) -> None:
    async with with_card() as one:
        await arm(one)
        job = await one.print(LONG)
        await one.job(job, "printing")
        assert "is printing" in await one.refused(16, "put", "cardprint", name="SHORT.GCO")
        await one.call("delete", "printingcommand")
        assert "off the bed" in await one.refused(16, "put", "cardprint", name="SHORT.GCO")
        await one.call("put", "bed")
        await one.call("put", "cardprint", name="long part.gcode")
        assert "stop that first" in await one.refused(16, "delete", "card", name="SHORT.GCO")
        await one.call("delete", "cardprint")


async def test_a_print_from_the_card_goes_on_over_a_pulled_cable(with_card) -> None:
    words = ("--no-reset-on-open", "--unplug-at", "14", "--replug-after", "0.3")
    async with with_card(*words) as one:
        await arm(one)
        await one.call("put", "cardprint", name="long part.gcode")
        await one.until(lambda status: not status["online"])
        status = await one.until(lambda status: status["online"] and "cardPrint" in status)
        here = status["cardPrint"]["position"]
        await one.until(lambda status: status["cardPrint"]["position"] > here)
        await one.call("delete", "cardprint")


async def test_a_print_that_ended_while_the_printer_was_away_is_told_so(with_card) -> None:
    async with with_card("--unplug-at", "14", "--replug-after", "0.3") as one:
        await arm(one)
        await one.call("put", "cardprint", name="long part.gcode")
        await one.until(lambda status: status["online"] and "cardPrint" not in status)
        entry = (await one.call("get", "history"))["history"][0]
        assert (entry["result"], entry["source"]) == ("interrupted", "card")
        assert "the printer was away" in entry["reason"]


async def test_a_print_that_the_firmware_ended_failed(with_card) -> None:
    async with with_card() as one:
        await arm(one)
        await one.call("put", "cardprint", name="long part.gcode")
        await one.call("put", "emergencystop")
        status = await one.until(lambda status: "lastJob" in status)
        assert status["lastJob"]["msg"].startswith("Failed after 0 %: ")
        assert "cardPrint" not in status


async def test_a_print_that_was_begun_without_the_hub_gets_its_name_from_the_printer(
    scripted, desk
) -> None:
    printer = scripted(
        {
            "M115": "FIRMWARE_NAME:Marlin 2.1\nCap:SDCARD:1\nok",
            "M27": "SD printing byte 5/10\nok",
            "M27 C": "Current file: /A~1.GCO a long name.gcode\nok",
        }
    )
    async with desk(settings={"path": printer.path}) as one:
        status = await one.until(lambda status: "cardPrint" in status)
        assert (status["cardPrint"]["name"], status["cardPrint"]["position"]) == (
            "a long name.gcode",
            5,
        )
