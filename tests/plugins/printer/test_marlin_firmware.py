"""The answer to M115."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin.firmware import Box, Firmware, parse_fields, parse_firmware
from gotapi_printer.marlin.replies import Busy, Identification, classify

MARLIN = (
    b"FIRMWARE_NAME:Marlin bugfix-2.1.x (Jan 24 2023 12:00:00) "
    b"SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 "
    b"MACHINE_TYPE:SimRap 1.4 EXTRUDER_COUNT:2 UUID:cede2a2f-41a2",
    b"Cap:AUTOREPORT_TEMP:1",
    b"Cap:EEPROM:0",
    b"area:{full:{min:{x:0.0000,y:-5,z:0},max:{x:220,y:215,z:250}},"
    b"work:{min:{x:1,y:1,z:0},max:{x:200,y:200,z:240}}}",
)


def test_a_marlin():
    firmware = parse_firmware(map(classify, MARLIN))
    assert firmware.name == "Marlin bugfix-2.1.x (Jan 24 2023 12:00:00)"
    assert firmware.machine == "SimRap 1.4"
    assert (firmware.protocol, firmware.uuid, firmware.extruders) == ("1.0", "cede2a2f-41a2", 2)
    assert firmware.can("AUTOREPORT_TEMP")
    assert not firmware.can("EEPROM")
    assert not firmware.can("UNHEARD_OF")
    assert firmware.full_area == Box((0, -5, 0), (220, 215, 250))
    assert firmware.full_area.size == (220, 220, 250)
    assert firmware.work_area is not None
    assert firmware.work_area.high == (200, 200, 240)


def test_a_malyan():
    firmware = parse_firmware([classify(b"NAME. Malyan VER: 2.9 MODEL: M200")])
    assert (firmware.name, firmware.machine) == ("Malyan 2.9", "M200")
    assert parse_fields("NAME. Malyan") == {"FIRMWARE_NAME": "Malyan"}


def test_a_printer_that_says_nothing():
    assert parse_firmware([]) == Firmware()
    assert parse_firmware([Busy("processing"), classify(b"echo: X:1")]) == Firmware()


@pytest.mark.parametrize(
    "area",
    [
        "area:{}",
        "area:{full:{min:{x:0,y:0},max:{x:1,y:1,z:1}}}",
        "area:{full:{min:{x:0,y:0,z:0},max:{x:1}}}",
    ],
)
def test_a_damaged_area_is_no_area(area):
    assert parse_firmware([Identification(area)]).full_area is None


@pytest.mark.parametrize("count", ["", "x", "100", "-1"])
def test_a_damaged_extruder_count_is_one(count):
    text = f"FIRMWARE_NAME:X EXTRUDER_COUNT:{count}"
    assert parse_firmware([Identification(text)]).extruders == 1


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text):
    for start in ("", "FIRMWARE_NAME:", "NAME. ", "area:{"):
        parse_firmware([Identification(start + text)])


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True).filter(
            lambda k: k != "FIRMWARE_NAME"
        ),
        st.from_regex(r"[a-z0-9]([a-z0-9:/. ]{0,20}[a-z0-9])?", fullmatch=True),
        max_size=6,
    )
)
def test_fields_come_back_as_they_went(fields):
    text = " ".join(f"{key}:{value}" for key, value in {"FIRMWARE_NAME": "m", **fields}.items())
    assert parse_fields(text) == {"FIRMWARE_NAME": "m", **fields}
