"""What applications see of a printer, from what its driver knows."""

import msgspec
import pytest

from gotapi_printer import view
from gotapi_printer.clock import Stamp
from gotapi_printer.job import Job, JobState, Progress
from gotapi_printer.jobs import StoredJob
from gotapi_printer.link import LinkFacts
from gotapi_printer.marlin import Firmware, Temperature
from gotapi_printer.marlin.firmware import Box
from gotapi_printer.updates import DriverState, DriverUpdate, JobReport

STAMP = Stamp("2026-11-20T12:00:00.000+0100", by_plugin=True)
LATER = Stamp("2026-11-20T12:00:05.000+0100", by_plugin=False)
LINK = LinkFacts("/dev/ttyUSB0", manufacturer="Maker", product="USB Serial", serial_number="S1")
FIRMWARE = Firmware(
    name="Marlin 2.1",
    machine="Ender",
    protocol="1.0",
    uuid="u-1",
    full_area=Box((0, 0, 0), (235, 235, 250)),
    work_area=Box((0, 0, 0), (220, 221, 222)),
)


def update(state: DriverState = DriverState.ONLINE, **members: object) -> DriverUpdate:
    return msgspec.structs.replace(DriverUpdate(state, "ready"), **members)


def job(state: JobState, **members: object) -> StoredJob:
    done = Progress(50, 200, 61, 1, 2, 25.0, 90.0, "slicer")
    plain = Job("j1", "http://hub/blobs/x", "ex.gcode", 0, state, done, queued_at=1.0)
    return StoredJob(msgspec.structs.replace(plain, **members), "p", "a1")


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (DriverState.OFFLINE, "offline"),
        (DriverState.CLOSED, "offline"),
        (DriverState.CONNECTING, "connecting"),
        (DriverState.ONLINE, "idle"),
        (DriverState.HALTED, "error"),
    ],
)
def test_one_word_for_a_printer_without_a_job(state: DriverState, word: str) -> None:
    assert view.operating_status(update(state)) == word


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (JobState.STARTING, "printing"),
        (JobState.PRINTING, "printing"),
        (JobState.PAUSED, "paused"),
        (JobState.STOPPING, "stopping"),
        (JobState.DONE, "idle"),
        (JobState.FAILED, "idle"),
    ],
)
def test_one_word_for_a_printer_with_a_job(state: JobState, word: str) -> None:
    report = JobReport("j1", state, Progress())
    assert view.operating_status(update(job=report)) == word


def test_a_printer_that_went_away_is_offline_whatever_its_job_was() -> None:
    report = JobReport("j1", JobState.PRINTING, Progress())
    assert view.operating_status(update(DriverState.OFFLINE, job=report)) == "offline"


def test_status_members_are_spelled_as_in_the_figures() -> None:
    temperatures = (Temperature("T", 200.5, 210.0), Temperature("B", 60.0, 60.0))
    queue = (view.entry(job(JobState.PRINTING), 0),)
    status = view.status(update(temperatures=temperatures), queue, None, STAMP)
    members = msgspec.json.decode(msgspec.json.encode(status))
    assert members == {
        "scopes": ["3dp", "3dprinter"],
        "type": "serial",
        "online": True,
        "operatingStatus": "idle",
        "printQueue": [
            {
                "order": 0,
                "uri": "http://hub/blobs/x",
                "msg": "Printing 25 %",
                "jobId": "j1",
                "name": "ex.gcode",
                "state": "printing",
                "progress": 0.25,
                "line": 50,
                "lines": 200,
                "fileLine": 61,
                "layer": 1,
                "layers": 2,
                "timeLeft": 90.0,
                "timeLeftSource": "slicer",
            }
        ],
        "timeStamp": STAMP.text,
        "timeStampByPlugin": True,
        "message": "ready",
        "nozzleTemperature": 200.5,
        "nozzleTarget": 210.0,
        "bedTemperature": 60.0,
        "bedTarget": 60.0,
        "temperatures": [
            {"sensor": "T", "temperature": 200.5, "target": 210.0},
            {"sensor": "B", "temperature": 60.0, "target": 60.0},
        ],
    }


def test_temperatures_that_were_not_read_are_left_out() -> None:
    members = msgspec.to_builtins(view.status(update(), (), None, STAMP))
    assert "nozzleTemperature" not in members
    assert "bedTarget" not in members


def test_the_first_tool_stands_for_the_nozzle_where_none_is_active() -> None:
    status = view.status(update(temperatures=(Temperature("T0", 20.0),)), (), None, STAMP)
    assert (status.nozzle_temperature, status.nozzle_target) == (20.0, None)


def test_an_ended_job_has_no_time_left() -> None:
    entry = view.entry(job(JobState.FAILED, reason="the printer restarted"), 3)
    assert entry.time_left is None
    assert entry.time_left_source == ""
    assert entry.order == 3
    assert entry.msg == "Failed after line 61: the printer restarted"


def test_information_takes_what_firmware_and_descriptor_say() -> None:
    known = view.information("Workshop", update(firmware=FIRMWARE, link=LINK), ("3dp",), STAMP)
    assert known.device_information.product_name == "Ender"
    assert known.device_information.manufacturer_name == "Maker"
    assert known.device_information.serial_number == "S1"
    assert known.device_information.system_id == "u-1"
    assert known.print_attribute.print_size_y == 221.0


def test_information_of_a_printer_that_says_nothing_has_empty_texts_and_a_name() -> None:
    bare = update(firmware=Firmware(), link=LinkFacts("/dev/ttyS0"))
    known = view.information("Printer at ttyS0", bare, ("3dp",), STAMP)
    members = msgspec.to_builtins(known)
    device = members["deviceInformation"]
    assert device.pop("productName") == "Printer at ttyS0"  # HD-HLF-09
    assert set(device.values()) == {""}  # HD-HLF-10 to 17
    assert "printSizeX" not in members["printAttribute"]


def test_the_uuid_stands_for_a_serial_number() -> None:
    known = view.information("x", update(firmware=FIRMWARE, link=LinkFacts("p")), (), STAMP)
    assert known.device_information.serial_number == "u-1"


def test_what_is_known_stays_known_when_the_printer_goes() -> None:
    known = view.information("x", update(firmware=FIRMWARE, link=LINK), (), STAMP)
    gone = view.offline(known, update(DriverState.OFFLINE), LATER)
    assert gone.device_information == known.device_information
    assert not gone.online
    assert gone.status_information.operating_status == "offline"
    assert (gone.time_stamp, gone.time_stamp_by_plugin) == (LATER.text, False)


def test_a_change_of_state_changes_the_key_and_numbers_do_not() -> None:
    def key(line: int, state: JobState, online: DriverState = DriverState.ONLINE) -> str:
        one = job(state, progress=Progress(line=line, total=9))
        return view.state_key(view.status(update(online), (view.entry(one, 0),), None, STAMP))

    assert key(1, JobState.PRINTING) == key(2, JobState.PRINTING)
    assert key(1, JobState.PRINTING) != key(1, JobState.PAUSED)
    assert key(1, JobState.PRINTING) != key(1, JobState.PRINTING, DriverState.OFFLINE)
