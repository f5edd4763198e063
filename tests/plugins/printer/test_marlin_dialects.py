"""The table of firmware families, against what such firmwares say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin import (
    DIALECTS,
    UNKNOWN,
    ErrorLine,
    Fault,
    FaultKind,
    Identify,
    Limits,
    MarlinHost,
    Ok,
    Restarted,
    Targets,
    Timing,
    checksum,
    classify,
    halted_text,
    recognised,
    reviving,
)

# The answer to M115, up to its ok.
SAYS = {
    "marlin": "FIRMWARE_NAME:Marlin bugfix-2.1.x (Jan 20 2023 12:00:00) "
    "SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 "
    "MACHINE_TYPE:SimRap 1.4 EXTRUDER_COUNT:1 UUID:cede2a2f-41a2-4748-9b12-c55c62f367ff\n"
    "Cap:AUTOREPORT_TEMP:1\nCap:EMERGENCY_PARSER:1\nok\n",
    "prusa": "FIRMWARE_NAME:Prusa-Firmware 3.13.3 based on Marlin "
    "FIRMWARE_URL:https://github.com/prusa3d/Prusa-Firmware PROTOCOL_VERSION:1.0 "
    "MACHINE_TYPE:Prusa i3 MK3S EXTRUDER_COUNT:1 UUID:00000000-0000-0000-0000-000000000000\n"
    "Cap:AUTOREPORT_TEMP:1\nCap:EXTENDED_M20:1\nok\n",
    "klipper": "ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.13.0-1-gabcdef0\n",
    "reprap": "FIRMWARE_NAME: RepRapFirmware for Duet 2 WiFi/Ethernet FIRMWARE_VERSION: 3.4.6 "
    "ELECTRONICS: Duet WiFi 1.02 or later FIRMWARE_DATE: 2023-07-21 14:08:28\nok\n",
    "repetier": "FIRMWARE_NAME:Repetier_1.0.4 FIRMWARE_URL:https://github.com/repetier/ "
    "PROTOCOL_VERSION:1.0 MACHINE_TYPE:Mendel EXTRUDER_COUNT:1 REPETIER_PROTOCOL:3\n"
    "Cap:PROGRESS:1\nCap:AUTOREPORT_TEMP:1\nok 2\n",
    "smoothie": "FIRMWARE_NAME:Smoothieware, FIRMWARE_URL:http%3A//smoothieware.org, "
    "X-SOURCE_CODE_URL:https://github.com/Smoothieware/Smoothieware, "
    "FIRMWARE_VERSION:edge-3332442, X-AXES:5, X-GRBL_MODE:0\r\nok\r\n",
    "malyan": "NAME. Malyan VER: 2.9 MODEL: M200 HW: HA02\nok N2 P15 B15\n",
}
ANSWERS_M105 = {
    "klipper": "ok B:60.0 /60.0 T0:199.8 /200.0\n",
    "reprap": "ok T0:20.6 /0.0 B:20.3 /0.0\n",
    "repetier": "T:20.53 B:20.50 B@:0 @:0\nok 1\n",
    "smoothie": "ok T:20.1 /0.0 @0 B:20.0 /0.0 @0\r\n",
    "malyan": "ok N1 P15 B15 T:20 /0 B:20 /0 T0:20 /0 @:0 B@:0\n",
}
M105 = "ok T:20.6 /0.0 B:20.3 /0.0 T0:20.6 /0.0 @:0 B@:0 P:0.0 A:26.4\n"


def talk(name, *boot):
    """Let a printer of this family be identified."""
    host = MarlinHost(Timing(), Limits())
    identify = Identify(host, 0.0)
    answers = iter(["ok\n", ANSWERS_M105.get(name, M105), SAYS.get(name, "ok\n")])
    for line in boot:
        take(host, identify, line)
    for _ in range(3):
        assert host.pull(1.0) is not None
        take(host, identify, next(answers))
    assert identify.firmware is not None
    return host, identify.firmware


def take(host, identify, text):
    events = host.receive(text.encode(), 1.0)
    for event in events:
        identify.take(event, 1.0)
    return events


def test_there_is_a_transcript_of_every_family():
    assert SAYS.keys() == DIALECTS.keys()


@pytest.mark.parametrize("name", SAYS)
def test_each_family_is_known_by_what_it_says(name):
    host, firmware = talk(name)
    assert firmware.dialect.name == name
    assert host.dialect is firmware.dialect
    assert firmware.name


@pytest.mark.parametrize(
    ("name", "machine"),
    [("reprap", "Duet WiFi 1.02 or later"), ("malyan", "M200"), ("prusa", "Prusa i3 MK3S")],
)
def test_the_machine_is_known_too(name, machine):
    assert talk(name)[1].machine == machine


def test_the_commas_of_smoothieware_belong_to_no_value():
    fields = talk("smoothie")[1].fields
    assert fields["FIRMWARE_NAME"] == "Smoothieware"
    assert fields["FIRMWARE_VERSION"] == "edge-3332442"
    assert fields["X-AXES"] == "5"


def test_a_firmware_without_a_name_is_known_by_its_greeting():
    _, firmware = talk("?", "start\n", "Marlin 1.1.9\n", "echo: Last Updated: 2018-01-01\n")
    assert firmware.dialect.name == "marlin"


def test_a_boot_text_that_never_ends_is_cut():
    _, firmware = talk("?", *["echo: settings\n"] * 200, "Marlin 1.1.9\n")
    assert firmware.dialect is UNKNOWN


def test_what_nobody_knows_promises_nothing():
    _, firmware = talk("?")
    assert firmware.dialect is UNKNOWN
    assert not UNKNOWN.pipelines
    assert UNKNOWN.revive == ""


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_name_has_a_family(name, boot):
    assert recognised(name, boot) in (UNKNOWN, *DIALECTS.values())


def test_the_table_agrees_with_itself():
    for name, dialect in DIALECTS.items():
        assert dialect.name == name
        assert dialect.words, name
        assert all(word == word.lower() for word in dialect.words)
        if dialect.capabilities.get("AUTOREPORT_TEMP") is False:
            assert not dialect.knows("M155"), name


def test_what_the_firmware_says_wins_over_its_family():
    _, marlin = talk("marlin")
    assert marlin.can("EMERGENCY_PARSER")
    assert not marlin.can("SDCARD")
    assert talk("malyan")[1].can("SDCARD")
    assert not talk("klipper")[1].can("EMERGENCY_PARSER")


def test_reports_are_asked_for_where_the_firmware_has_them():
    asked = {name: b"M155" in (talk(name)[0].pull(1.0) or b"") for name in SAYS}
    assert asked == {
        "marlin": True,
        "prusa": True,
        "klipper": False,
        "reprap": False,
        "repetier": True,
        "smoothie": False,
        "malyan": False,
    }


# -- errors -----------------------------------------------------------------------------------


def printing(name, *, line=b"G1 X1"):
    host, _ = talk(name)
    while host.pull(1.0) is not None:
        host.receive(b"ok\n", 1.0)
    host.start_job(iter([(1, line), (2, b"G1 X2")]))
    assert line in host.pull(1.0)
    return host


@pytest.mark.parametrize(
    ("name", "said", "reason"),
    [
        ("marlin", "Error:Printer halted. kill() called!", "kill() called"),
        ("marlin", "Error:Thermal Runaway, system stopped! Heater_ID: 0", "Thermal Runaway"),
        ("marlin", "Error:MAXTEMP triggered, system stopped! Heater_ID: bed", "MAXTEMP"),
        ("prusa", "Error:MINTEMP triggered, system stopped! Heater_ID: 0", "MINTEMP"),
        ("klipper", "!! Printer is shutdown", "shutdown"),
        ("klipper", "!! Heater extruder not heating at expected rate", "not heating"),
        ("klipper", "// Klipper state: Shutdown", "Shutdown"),
        ("klipper", "!! Lost communication with MCU 'mcu'", "Lost communication"),
        ("repetier", "fatal:Heater/sensor error - Printer stopped", "sensor error"),
        ("smoothie", "!!", "halted"),
        ("?", "!! anything at all", "anything at all"),
    ],
)
def test_what_stops_a_printer_for_good(name, said, reason):
    host = printing(name)
    host.receive(said.encode() + b"\n", 2.0)
    assert host.fault is not None
    assert host.fault.kind is FaultKind.FATAL
    assert reason in host.fault.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("klipper", "!! Move out of range: 300.000 0.000 0.000 [0.000]"),
        ("klipper", "!! Must home axis first: 1.000 0.000 0.000 [0.000]"),
        ("reprap", "Error: G0/G1: insufficient axes homed"),
    ],
)
def test_a_refused_command_stops_nothing_but_is_told(name, said):
    host = printing(name)
    events = host.receive(said.encode() + b"\nok\n", 2.0)
    assert host.fault is None
    assert [event.refused for event in events if isinstance(event, ErrorLine)] == [True]
    assert host.acked == (1, 1), "an error does not cost the ok"


def test_an_error_of_marlin_is_not_a_refusal():
    host = printing("marlin")
    [error] = host.receive(b"Error:volume.init failed\n", 2.0)
    assert error == ErrorLine("volume.init failed", False)


def test_what_brings_a_halted_firmware_back_is_named():
    assert "send it M999" in halted_text("", DIALECTS["smoothie"])
    assert "send it" not in halted_text("kill", DIALECTS["marlin"])


# -- the rest of what they say ----------------------------------------------------------------


@pytest.mark.parametrize(
    "line", [b"start", b"Smoothie", b"// Klipper state: Ready", b"// Klipper state: Disconnect"]
)
def test_each_family_says_in_its_way_that_it_started_anew(line):
    assert isinstance(classify(line), Restarted)


def test_repetier_says_the_number_without_its_letter():
    assert classify(b"ok 17") == Ok(17)


def test_repetier_says_its_targets_apart():
    assert classify(b"TargetExtr1:215") == Targets({"T1": 215.0})
    assert classify(b"TargetBed:60") == Targets({"B": 60.0})
    assert not isinstance(classify(b"Target:60"), Targets)


@pytest.mark.parametrize(
    "again", ["Resend:2\nok\n", "rs N2\r\n", "Error:expected\nResend: 2\nok\n"]
)
def test_a_damaged_line_comes_again(again):
    host, _ = talk("marlin")
    sent = []
    host.command(b"M104 S0")
    while (wire := host.pull(1.0)) is not None:
        sent.append(wire)
        number = wire[1:].split()[0]
        host.receive(b"ok\n", 1.0)
    host.command(b"M140 S0")
    wire = host.pull(1.0)
    number = wire[1:].split(b" ")[0]
    host.receive(again.replace("2", number.decode()).encode(), 2.0)
    host.tick(3.0)
    assert host.pull(3.0) == wire


@pytest.mark.parametrize("number", [b"1", b"7", b"99"])
def test_a_firmware_that_repeats_a_damaged_number_gets_the_line_in_flight(number):
    host = printing("reprap")
    host.receive(b"ok\n", 1.0)
    wire = host.pull(1.0)
    assert b"G1 X2" in wire
    host.receive(b"Resend: " + number + b"\nok\n", 2.0)
    assert host.pull(2.0) == wire


def test_a_firmware_that_does_not_count_may_mean_the_line_whose_ok_is_missing():
    host = printing("reprap")
    while b"G1 X1" not in (taken := host._out[0].wire):
        host.receive(b"ok\n", 1.0)
    host.tick(12.0)
    probe = host.pull(12.0)
    assert b"M105" in probe
    # The end of the first line was lost, so both arrived as one.
    number = taken[1:].split(b" ")[0]
    host.receive(b"Resend: " + number + b"\n", 12.0)
    host.tick(13.0)
    assert host.pull(13.0) == taken


def test_a_request_with_nothing_in_flight_repeats_nothing():
    host, _ = talk("reprap")
    while host.pull(1.0) is not None:
        host.receive(b"ok\n", 1.0)
    host.receive(b"Resend: 1\nok\n", 1.5)
    assert host.resends == 1
    assert host.idle


def test_m112_gets_a_number_where_nothing_else_is_taken():
    host, _ = talk("malyan")
    wire = host.halting()
    assert wire.startswith(b"N3 M112*")


def test_the_command_that_revives_gets_a_number_where_it_needs_one():
    assert reviving(b"M999", DIALECTS["smoothie"]) == b"M999\n"
    numbered_again = reviving(b"M999", DIALECTS["repetier"])
    assert numbered_again == b"N0 M110 N0*125\nN1 M999*%d\n" % checksum(b"N1 M999")


# -- patience ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line", "patient"),
    [
        ("klipper", b"START_PRINT BED=60", True),
        ("klipper", b"G1 X1", False),
        ("marlin", b"START_PRINT BED=60", False),
        ("marlin", b"G28", True),
    ],
)
def test_a_firmware_that_never_says_busy_may_take_its_time_over_anything_but_moves(
    name, line, patient
):
    host = printing(name, line=line)
    now = 2.0
    while host.fault is None and now < 300.0:
        now += 1.0
        host.tick(now)
        host.pull(now)
    assert (host.fault is None) is patient


def test_a_broken_connection_ends_a_job_where_nothing_can_tell_what_was_lost():
    host = printing("klipper")
    host.interrupted()
    assert [event.kind for event in host.tick(2.0) if isinstance(event, Fault)] == [
        FaultKind.SILENT
    ]
    idle, _ = talk("klipper")
    idle.interrupted()
    assert not idle.tick(2.0)
    marlin = printing("marlin")
    marlin.interrupted()
    assert not marlin.tick(2.0)
