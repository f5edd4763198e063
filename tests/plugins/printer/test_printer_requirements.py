"""One test for each requirement of OMA DWAPI-3DP 1.0, section 6, and for each API of section 7.

All by HTTP and WebSocket at a real hub, over a real serial port to a simulated or scripted printer.
"""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gotapi_printer import serial_place
from gotapi_printer.clock import compare, corrected, iso8601, stamp
from gotapi_printer.device_time import time_in

GCODE = "G28\nG1 X10 F3000\nM117 printed\n"
SLOW_JOB = "G28\n" + "G4 P500\n" * 400
PATIENCE = 20.0

MARLIN = (
    "FIRMWARE_NAME:Marlin 2.1.2 (Jan 1 2026) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin "
    "PROTOCOL_VERSION:1.0 MACHINE_TYPE:Ender-3 V2 EXTRUDER_COUNT:1 UUID:cede2a2f-41a2\nok"
)
DUET = (
    "FIRMWARE_NAME: RepRapFirmware for Duet 2 WiFi FIRMWARE_VERSION: 3.4.1 "
    "ELECTRONICS: Duet WiFi 1.02 FIRMWARE_DATE: 2026-01-01\nok"
)
NAMELESS = "ok"


class UsbPort(NamedTuple):
    """What the system tells of a USB serial port."""

    device: str
    manufacturer: str | None = "Makers Inc."
    product: str | None = "Printer board"
    serial_number: str | None = "SN-0042"
    vid: int | None = 0x1D50
    pid: int | None = 0x6029


@pytest.fixture
def told(desk, scripted, monkeypatch) -> Any:
    """Return the information of a printer that answers so to M115 (and to more)."""

    async def tell(m115: str, *, usb: bool = False, settings: Any = None, **more: str) -> Any:
        printer = scripted({"M115": m115, **more})
        if usb:
            ports = lambda: [UsbPort(printer.path)]  # noqa: E731  # a stand-in for one name
            monkeypatch.setattr(serial_place.list_ports, "comports", ports)
        async with desk(settings={"path": printer.path, **(settings or {})}) as one:
            return (await one.call("get", "information"))["3dp"][0]

    return tell


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def information_with_time(one: Any) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while True:
            known = (await one.call("get", "information"))["3dp"][0]
            if known["deviceTime"]:
                assert isinstance(known, dict)
                return known
            await asyncio.sleep(0.02)


async def device(told: Any, m115: str, **more: Any) -> dict[str, str]:
    information = (await told(m115, **more))["deviceInformation"]
    # HD-HLF-10 to 17: whatever is not known is reported as a string, too.
    assert all(isinstance(value, str) for value in information.values())
    assert isinstance(information, dict)
    return information


@pytest.fixture
def zone(monkeypatch) -> Any:
    """Set the time zone of this computer for a test."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


# -- 6.2: time ----------------------------------------------------------------------------------


async def test_hd_hlf_03_real_time_clock_in_utc_that_knows_its_zone(desk, zone) -> None:
    zone("XYZ-05:30")  # POSIX: half past five ahead of UTC
    async with desk() as one:
        before = time.time()
        status = await one.status()
        assert status["timeStamp"].endswith("+0530")
        # The latest result may be as old as the last report of the printer.
        assert before - 60.0 <= moment(status["timeStamp"]) <= time.time() + 0.001


async def test_hd_hlf_04_the_clock_is_as_fine_as_the_printer_s(desk) -> None:
    # Firmwares count milliseconds (G4 P, M155 in seconds).
    stamps = set()
    async with desk("--time-scale", "20") as one:
        await one.call("post", "command", command="M104 S200")  # each reading is another one
        async with asyncio.timeout(PATIENCE):
            while len(stamps) < 4:
                stamps.add((await one.status())["timeStamp"])
                await asyncio.sleep(0.02)
    assert all(re.search(r"\d\.\d{3}[+-]", text) for text in stamps)
    assert len({text[20:23] for text in stamps}) > 1


async def test_hd_hlf_06_the_same_temperatures_again_have_a_new_stamp(desk) -> None:
    async with desk() as one:
        first = await one.status()
        later = await one.until(lambda status: status["timeStamp"] != first["timeStamp"])
        known = (await one.call("get", "information"))["3dp"][0]
    assert later["nozzleTemperature"] == first["nozzleTemperature"]
    assert known["timeStamp"] >= later["timeStamp"]


async def test_hd_hlf_05_the_current_time_of_a_printer_that_has_one(desk, scripted, zone) -> None:
    zone("UTC0")
    theirs = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    said = f"Current date and time: {theirs:%Y-%m-%d %H:%M:%S}\nok"
    printer = scripted({"M115": DUET, "M905": said})
    async with desk(settings={"path": printer.path}) as one:
        known = await information_with_time(one)
        assert 0.0 <= moment(known["deviceTime"]) - theirs.timestamp() < 60.0 + PATIENCE
        assert known["deviceTime"].endswith("+0000")
    assert "M905" in printer.heard


async def test_hd_hlf_05_a_printer_without_a_clock_is_not_asked(desk, scripted) -> None:
    printer = scripted({"M115": MARLIN})
    async with desk(settings={"path": printer.path}) as one:
        assert (await one.call("get", "information"))["3dp"][0]["deviceTime"] == ""
        await one.call("post", "command", command="M114")
    assert "M905" not in printer.heard  # Marlin would change its linear advance


@pytest.mark.parametrize("answer", ["ok", "Current date and time: 2026-13-45 99:00:00", "T:20"])
def test_hd_hlf_05_a_clock_that_was_never_set_tells_no_time(answer: str) -> None:
    assert time_in([answer], 60) is None


async def test_hd_hlf_06_time_stamps(desk, zone) -> None:
    zone("XYZ+03:30")
    async with desk() as one:
        for answer in (await one.status(), (await one.call("get", "information"))["3dp"][0]):
            stamp_text = answer["timeStamp"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0330", stamp_text)
            # The firmware stamped nothing, so this is the reception, and that is said.
            assert answer["timeStampByPlugin"] is True
        async with one.client.events("3dp", "status", one.ids[0]) as events:
            async with asyncio.timeout(PATIENCE):
                pushed = (await anext(events)).members["3dp"]
        assert pushed["timeStampByPlugin"] is True
        assert pushed["timeStamp"].endswith("-0330")
    # What a device stamps itself is mapped, and where the zone is unknown that is said.
    theirs = stamp(1000.0, None, measured=990.0, clock=compare(1000.0, 1000.0))
    assert theirs.text == "1970-01-01T00:16:30.000-0000"
    assert not theirs.by_plugin


async def test_hd_hlf_07_the_stamps_of_a_device_that_is_behind_are_corrected(
    desk, scripted, zone
) -> None:
    zone("UTC0")
    theirs = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=20)
    said = f"Current date and time: {theirs:%Y-%m-%d %H:%M:%S}\nok"
    printer = scripted({"M115": DUET, "M905": said})
    async with desk(settings={"path": printer.path}) as one:
        known = await information_with_time(one)
        # The stamp is in our time, not in the printer's, which is 20 s behind or some more.
        assert moment(known["timeStamp"]) - theirs.timestamp() >= 20.0
    # The very example of the text: 20 s behind, so 20 s are added; a better clock stays as it is.
    assert corrected(100.0, compare(80.0, 100.0)) == 120.0
    assert corrected(100.0, compare(80.0, 100.0, superior=True)) == 100.0
    assert iso8601(120.0, 0) == "1970-01-01T00:02:00.000+0000"


# -- 6.2: the device ----------------------------------------------------------------------------


async def test_hd_hlf_09_product_name(told) -> None:
    assert (await device(told, MARLIN))["productName"] == "Ender-3 V2"
    assert (await device(told, DUET))["productName"] == "Duet WiFi 1.02"
    nameless = await device(told, "FIRMWARE_NAME:Own 1.0\nok", usb=True)
    assert nameless["productName"] == "Printer board"


async def test_hd_hlf_09_a_name_is_made_up_where_nobody_tells_one(told) -> None:
    made = (await device(told, NAMELESS))["productName"]
    assert made.startswith("Printer at ")
    own = {"name": "Workshop"}
    assert (await device(told, NAMELESS, settings=own))["productName"] == "Workshop"


async def test_hd_hlf_10_manufacturer_name(told) -> None:
    assert (await device(told, MARLIN, usb=True))["manufacturerName"] == "Makers Inc."
    assert (await device(told, MARLIN))["manufacturerName"] == ""


async def test_hd_hlf_11_model_number(told) -> None:
    assert (await device(told, MARLIN))["modelNumber"] == "Ender-3 V2"
    assert (await device(told, NAMELESS))["modelNumber"] == ""


async def test_hd_hlf_12_firmware_revision(told) -> None:
    assert (await device(told, MARLIN))["firmwareRevision"] == "Marlin 2.1.2 (Jan 1 2026)"
    duet = (await device(told, DUET))["firmwareRevision"]
    assert duet == "RepRapFirmware for Duet 2 WiFi 3.4.1"
    assert (await device(told, NAMELESS))["firmwareRevision"] == ""


async def test_hd_hlf_13_serial_number(told) -> None:
    assert (await device(told, MARLIN, usb=True))["serialNumber"] == "SN-0042"
    assert (await device(told, NAMELESS))["serialNumber"] == ""


async def test_hd_hlf_14_software_revision(told) -> None:
    own = {"device": {"software": "Build 7"}}
    assert (await device(told, MARLIN, settings=own))["softwareRevision"] == "Build 7"


async def test_hd_hlf_15_hardware_revision(told) -> None:
    assert (await device(told, DUET))["hardwareRevision"] == "Duet WiFi 1.02"


async def test_hd_hlf_16_part_number(told) -> None:
    own = {"device": {"part": "P-100"}}
    assert (await device(told, MARLIN, settings=own))["partNumber"] == "P-100"


async def test_hd_hlf_17_protocol_revision(told) -> None:
    assert (await device(told, MARLIN))["protocolRevision"] == "1.0"
    assert (await device(told, NAMELESS))["protocolRevision"] == ""


# -- 6.3 ----------------------------------------------------------------------------------------


async def test_3d_hsf_01_device_information_attributes_and_status(desk) -> None:
    async with desk() as one:
        known = (await one.call("get", "information"))["3dp"][0]
    assert {"deviceInformation", "printAttribute", "statusInformation"} <= set(known)


async def test_3d_hsf_01_1_all_members_of_the_device_information(told) -> None:
    own = {
        "manufacturer": "a",
        "model": "b",
        "firmware": "c",
        "serial": "d",
        "software": "e",
        "hardware": "f",
        "part": "g",
        "protocol": "h",
        "system_id": "i",
        "product": "j",
    }
    assert await device(told, MARLIN, settings={"device": own}) == {
        "manufacturerName": "a",
        "modelNumber": "b",
        "firmwareRevision": "c",
        "serialNumber": "d",
        "softwareRevision": "e",
        "hardwareRevision": "f",
        "partNumber": "g",
        "protocolRevision": "h",
        "systemId": "i",
        "productName": "j",
    }
    assert (await device(told, MARLIN))["systemId"] == "cede2a2f-41a2"


async def test_3d_hsf_01_2_printer_attributes(desk, told) -> None:
    async with desk("--time-scale", "0", "--area", "200x180x160") as one:
        known = (await one.call("get", "information"))["3dp"][0]
    assert known["printAttribute"] == {
        "printType": "FDM",
        "printSizeX": 200.0,
        "printSizeY": 180.0,
        "printSizeZ": 160.0,
        "network": "none",
    }
    own = {
        "size": [100, 110, 120],
        "device": {"type": "SLA", "memory": "96 KiB", "network": "Ethernet"},
    }
    assert (await told(NAMELESS, settings=own))["printAttribute"] == {
        "printType": "SLA",
        "printSizeX": 100.0,
        "printSizeY": 110.0,
        "printSizeZ": 120.0,
        "network": "Ethernet",
        "memorySize": "96 KiB",
    }


async def test_3d_hsf_01_3_operating_status_and_nozzle_temperature(desk) -> None:
    async with desk() as one:
        known = (await one.call("get", "information"))["3dp"][0]
        await one.call("post", "command", command="M109 S50")
        hot = await one.until(lambda status: status["nozzleTemperature"] > 45)
        assert hot["nozzleTarget"] == 50
        warm = (await one.call("get", "information"))["3dp"][0]["statusInformation"]
    assert known["statusInformation"]["operatingStatus"] == "idle"
    assert warm["nozzleTemperature"] > 45


async def test_3d_hsf_01_3_every_tool_bed_and_chamber(desk, scripted) -> None:
    report = "T:21.5 /0.0 B:60.0 /60.0 C:30.0 /0.0 T0:21.5 /0.0 T1:205.0 /210.0 @:0 B@:0"
    printer = scripted({"M115": MARLIN, "M105": f"ok {report}"})
    async with desk(settings={"path": printer.path}) as one:
        status = await one.until(lambda status: bool(status.get("temperatures")))
    found = {one["sensor"]: (one["temperature"], one["target"]) for one in status["temperatures"]}
    assert found["T0"] == (21.5, 0.0)
    assert found["T1"] == (205.0, 210.0)
    assert found["B"] == (60.0, 60.0)
    assert found["C"] == (30.0, 0.0)
    assert status["nozzleTemperature"] == 21.5


async def test_3d_hsf_02_start_and_end_a_print(desk) -> None:
    async with desk("--time-scale", "20") as one:
        job = await one.print(SLOW_JOB)
        await one.until(lambda status: status["operatingStatus"] == "printing")
        answer = await one.call("delete", "printingcommand")
        # 7.2.5, figure 11.
        assert answer["printqueue"][0]["msg"].startswith("Printing stopped")
        assert answer["printqueue"][0]["order"] == 0
        await one.job(job, "stopped")
        assert one.transcript().count("G4 P500") < 400


async def test_3d_hsf_03_and_7_2_4_content_servers_are_connected(desk) -> None:
    async with desk() as one:
        servers = (await one.call("get", "serviceconnecting"))["contentserver"]
    assert {"servicename", "url", "secureToken"} <= set(servers[0])


async def test_3d_hsf_04_only_who_has_the_token_gets_the_contents(desk) -> None:
    async with desk() as one:
        own_folder(one).joinpath("part.gcode").write_text(GCODE)
        [server] = (await one.call("get", "serviceconnecting"))["contentserver"]
        uri = f"{server['url']}/part.gcode"
        for token in ("", "guessed"):
            await one.refused(11, "put", "printingcommand", uri=uri, secureToken=token)
        assert "M117 printed" not in one.transcript()


async def test_3d_hsf_04_1_and_7_2_6_the_token_of_the_server_reaches_the_printer(
    desk, serve, make
) -> None:
    token, file = make.reply(b'{"secureToken": "s3cret"}'), make.reply(GCODE.encode())
    server = await serve({"/token": token, "/part.gcode": file})
    content = {"content": [{"name": "Local", "url": server.url}]}
    async with desk(plugin=content) as one:
        entries = (await one.call("get", "serviceconnecting"))["contentserver"]
        entry = next(entry for entry in entries if entry["servicename"] == "Local")
        answer = await one.call(
            "put",
            "printingcommand",
            uri=f"{entry['url']}/part.gcode",
            secureToken=entry["secureToken"],
        )
        await one.job(answer["jobId"], "done")
        assert "M117 printed" in one.transcript()
    assert server.asked[-1].headers["authorization"] == "Bearer s3cret"


async def test_3d_hsf_05_the_url_of_the_content_server(desk) -> None:
    async with desk() as one:
        [server] = (await one.call("get", "serviceconnecting"))["contentserver"]
        assert server["url"].startswith(one.hub.url)


async def test_3d_hsf_06_the_print_queue(desk) -> None:
    async with desk("--time-scale", "20") as one:
        first, second = await one.print(SLOW_JOB), await one.print(GCODE)
        listed = (await one.status())["printQueue"]
        assert [entry["jobId"] for entry in listed] == [first, second]
        await one.call("delete", "printingcommand", jobId=second)
        assert [entry["jobId"] for entry in (await one.status())["printQueue"]] == [first]


async def test_3d_hsf_06_1_order_url_and_message_of_each(desk) -> None:
    async with desk("--time-scale", "20") as one:
        await one.print(SLOW_JOB)
        await one.print(GCODE)
        await one.until(lambda status: status["printQueue"][0]["state"] == "printing")
        first, second = (await one.status())["printQueue"]
    assert (first["order"], second["order"]) == (0, 1)
    assert all("/blobs/" in entry["uri"] for entry in (first, second))
    assert first["msg"].startswith("Printing")
    assert second["msg"] == "Waiting in the queue"


# -- 7: the six APIs and the policies of reports ------------------------------------------------


async def test_7_2_1_service_discovery(desk) -> None:
    async with desk() as one:
        [service] = await one.client.services()
    assert {"3dp", "3dprinter"} <= set(service.scopes)
    assert service.online
    assert service.type == "serial"


async def test_7_2_2_and_7_3_2_one_shot_answers_the_latest_or_an_error(desk, tmp_path) -> None:
    async with desk(settings={"path": str(tmp_path / "absent")}, online=False) as one:
        # The printer was never there: there is no result, so it is an error.
        assert "has not said yet" in await one.refused(16, "get", "information")
    async with desk() as one:
        asked = time.monotonic()
        first = (await one.call("get", "information"))["3dp"]
        assert len(first) == 1
        assert time.monotonic() - asked < PATIENCE
        # Unplugged, the latest result is still answered, and says that it is.
        one.simulators[0].process.terminate()
        await one.until(lambda status: not status["online"])
        last = (await one.call("get", "information"))["3dp"][0]
        assert last["deviceInformation"] == first[0]["deviceInformation"]
        assert last["online"] is False


async def test_7_2_3_and_7_3_3_the_latest_at_once_then_each_new_one(desk) -> None:
    async with (
        desk("--time-scale", "20") as one,
        asyncio.timeout(PATIENCE),
        one.client.events("3dp", "status", one.ids[0]) as events,
    ):
        latest = (await anext(events)).members["3dp"]
        assert latest["operatingStatus"] == "idle"
        job = await one.print("G28\nG4 P20\n")
        seen = []
        while not seen or seen[-1] != "done":
            now = (await anext(events)).members["3dp"]
            jobs = [*now.get("printQueue", []), *filter(None, [now.get("lastJob")])]
            seen += [entry["state"] for entry in jobs if entry["jobId"] == job]
    order = list(dict.fromkeys(seen))
    assert order[-1] == "done"
    assert "printing" in order  # a change of state reaches every listener


async def test_7_3_3_without_a_result_nothing_is_sent(desk, tmp_path) -> None:
    absent = desk(settings={"path": str(tmp_path / "absent")}, online=False)
    async with absent as one, one.client.events("3dp", "information", one.ids[0]) as events:
        coming = asyncio.ensure_future(anext(events))
        for _ in range(20):
            await one.status()  # the hub and the plug-in have had their turns
        assert not coming.done()
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def test_7_2_5_a_printing_command_is_answered_with_the_queue(desk) -> None:
    async with desk("--time-scale", "20") as one:
        await one.print(SLOW_JOB)
        path = one.folder / "second.gcode"
        path.write_text(GCODE)
        stored = await one.client.upload(path)
        answer = await one.call("put", "printingcommand", uri=stored.uri)
        assert [entry["order"] for entry in answer["printqueue"]] == [0, 1]
        assert answer["printqueue"][1]["uri"] == stored.uri


async def test_7_2_7_the_status_with_the_queue(desk) -> None:
    async with desk("--time-scale", "20") as one:
        job = await one.print(SLOW_JOB)
        status = await one.until(lambda status: status["operatingStatus"] == "printing")
    assert {"scopes", "type", "online", "printQueue"} <= set(status)
    assert status["printQueue"][0]["jobId"] == job


def own_folder(desk: Any) -> Path:
    folder = desk.folder / "home" / "data" / "plugins" / "printer" / "contents"
    assert isinstance(folder, Path)
    return folder
