"""What one line from a printer means, in all the dialects we know of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin.replies import (
    Action,
    Busy,
    Capability,
    Comment,
    ErrorLine,
    Identification,
    Noise,
    Ok,
    Position,
    Resend,
    Restarted,
    Temperatures,
    Wait,
    classify,
    joined,
)
from gotapi_printer.marlin.temperatures import Temperature, parse_temperatures


def test_a_plain_ok_with_or_without_garbage_in_front():
    assert classify(b"ok") == Ok()
    assert classify(b"\xff\xfe\0ok ") == Ok()


def test_advanced_ok_names_line_planner_and_slots():
    assert classify(b"ok N12 P15 B3") == Ok(12, 15, 3)
    assert classify(b"ok P15 B3") == Ok(None, 15, 3)
    assert classify(b"ok N1 P15 B15") == Ok(1, 15, 15)


def test_an_ok_may_carry_temperatures():
    reply = classify(b"ok T:19.37 /0.00 B:19.37 /0.00 @:0 B@:0")
    assert reply.temperatures == (Temperature("T", 19.37, 0.0), Temperature("B", 19.37, 0.0))


@pytest.mark.parametrize(
    "line", [b"ok // N3", b"ok X:0.00 Y:0.00", b"ok FIRMWARE_NAME:Klipper", b"ok:", b"ok. done"]
)
def test_an_ok_may_carry_other_data(line):
    assert isinstance(classify(line), Ok)


@pytest.mark.parametrize("line", [b"okay", b"ok_", b"ok1", b"OK", b"not ok", b"okN5", b"k", b""])
def test_what_is_not_an_ok(line):
    assert isinstance(classify(line), Noise)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"Resend: 12", 12),
        (b"Resend:12", 12),
        (b"Resend: N12", 12),
        (b"resend 12", 12),
        (b"rs 12", 12),
        (b"rs N2 Expected checksum 67", 2),
    ],
)
def test_resend_requests(line, number):
    assert classify(line) == Resend(number)


@pytest.mark.parametrize("line", [b"Resend:", b"Resend: x", b"resending 3", b"rsync 5"])
def test_what_is_no_resend_request(line):
    assert isinstance(classify(line), Noise)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"echo:busy: processing", Busy("processing")),
        (b"busy: paused for user", Busy("paused for user")),
        (b"wait", Wait()),
        (b"start", Restarted("start")),
        (b"\x00\xfcstart", Restarted("start")),
        (b"PowerUp", Restarted("PowerUp")),
        (b"Brown out Reset", Restarted("Brown out Reset")),
        (b"//action:pause", Action("pause", "")),
        (b"// action:prompt_begin Change filament", Action("prompt_begin", "Change filament")),
        (b"//action:notification Hi", Action("notification", "Hi")),
        (b"// debug", Comment("debug")),
        (b"Cap:EMERGENCY_PARSER:1", Capability("EMERGENCY_PARSER", True)),
        (b"Cap:EEPROM:0", Capability("EEPROM", False)),
        (b"FIRMWARE_NAME:Marlin 2", Identification("FIRMWARE_NAME:Marlin 2")),
        (b"area:{full:{}}", Identification("area:{full:{}}")),
        (b"NAME. Malyan VER: 2.9", Identification("NAME. Malyan VER: 2.9")),
        (b'echo:Unknown command: "G999"', Noise('echo:Unknown command: "G999"')),
        (b"starting", Noise("starting")),
        (b"waiting", Noise("waiting")),
    ],
)
def test_other_lines(line, reply):
    assert classify(line) == reply


@pytest.mark.parametrize(
    "line",
    [
        b"Error:Printer halted. kill() called!",
        b"Error:Thermal Runaway, system stopped! Heater_ID: 0",
        b"Error:Heating failed, system stopped!",
        b"Error:MAXTEMP triggered, system stopped!",
        b"Error:MINTEMP triggered",
        b"Error:Invalid extruder number",
        b"Error:Probing Failed",
        b"fatal:heater",
        b"!! Move out of range",
        b"echo:Homing Failed",
    ],
)
def test_fatal_errors(line):
    reply = classify(line)
    assert isinstance(reply, ErrorLine)
    assert reply.fatal


@pytest.mark.parametrize(
    "line",
    [
        b"Error:checksum mismatch, Last Line: 4",
        b"Error:No Checksum with line number, Last Line: 4",
        b"Error:Line Number is not Last Line Number+1, Last Line: 4",
        b"Error: expected line 3 got 4",
        b"Error:volume.init failed",
        b"error:cannot open file",
    ],
)
def test_errors_a_job_survives(line):
    reply = classify(line)
    assert isinstance(reply, ErrorLine)
    assert not reply.fatal


def test_an_error_that_an_old_firmware_splits_is_joined():
    head = classify(b"Error:0")
    whole = joined(head, b": Extruder switched off. MAXTEMP triggered !")
    assert whole == ErrorLine("0 : Extruder switched off. MAXTEMP triggered !", True)
    assert joined(head, b"ok") is None
    assert joined(classify(b"Error:checksum mismatch"), b": x") is None


def test_a_position_is_what_stands_before_count():
    reply = classify(b"X:1.00 Y:-2.50 Z:0.30 E:4.00 Count X:99 Y:99 Z:99")
    assert reply == Position({"X": 1.0, "Y": -2.5, "Z": 0.3, "E": 4.0})
    assert classify(b"X:1 Y:2 Z:3 E0:4").axes["E"] == 4.0


def test_half_a_position_is_noise():
    assert isinstance(classify(b"X:1.00 Y:2"), Noise)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (
            b" T:19.37 /0.00 B:19.37 /60.00 @:0 B@:0",
            {"T": (19.37, 0.0), "B": (19.37, 60.0)},
        ),
        (b"T:185.3 /200.0 @:127 W:?", {"T": (185.3, 200.0)}),
        (
            b"T:21 /0 B:22 /0 T0:21 /0 T1:22.5 /5 @:0 B@:0 @0:0 @1:0",
            {"T": (21, 0), "B": (22, 0), "T0": (21, 0), "T1": (22.5, 5)},
        ),
        (
            b"T0:21.0 /0.0 @0:0 C:30 /0 P:25.5 M:40",
            {"T0": (21, 0), "C": (30, 0), "P": (25.5, None), "M": (40, None)},
        ),
        (b"B:0.0 /0.0 T0:0.0 /0.0", {"B": (0, 0), "T0": (0, 0)}),
        (b"T:20.1 /0.0 @0 B:21 /0.0 @0", {"T": (20.1, 0), "B": (21, 0)}),
        (
            b"T:21 B:22 @:0 T0:21 TargetExtr0:215 TargetBed:60",
            {"T": (21, 215), "B": (22, 60), "T0": (21, 215)},
        ),
        (b"T:21.0/0 B:20", {"T": (21, 0), "B": (20, None)}),
        (b"T:-15.00 /0.00", {"T": (-15, 0)}),
        (b"T:inf /0.00 B:nan", {"T": (None, 0), "B": (None, None)}),
        (b"T:20 TargetExtr3:100", {"T": (20, None)}),
    ],
)
def test_temperature_reports(line, values):
    expected = tuple(Temperature(name, *pair) for name, pair in values.items())
    assert classify(line) == Temperatures(expected)


@pytest.mark.parametrize(
    "line",
    [b"echo: T:20 /0", b"echo:  M301 P22", b"T", b"T:", b"TX:4", b"@:0 B@:0", b"Tool:1", b"B@:12"],
)
def test_what_is_no_temperature_report(line):
    assert parse_temperatures(line) == ()


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail(line):
    classify(line)


WORDS = [
    b"ok",
    b" ",
    b"T:",
    b"B:",
    b"/",
    b"-",
    b"1",
    b".5",
    b"N",
    b"Resend:",
    b"Error:",
    b"X:",
    b"inf",
]


@given(st.lists(st.sampled_from(WORDS), max_size=20).map(b"".join))
def test_no_mix_of_words_makes_the_reader_fail(line):
    reply = classify(line)
    assert isinstance(reply, Ok) == line.lstrip(b" ").startswith(b"ok") or not isinstance(reply, Ok)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFG 0123456789", min_size=1, max_size=30))
def test_text_is_an_ok_only_if_ok_is_its_first_word(text):
    words = text.split()
    first = bool(words) and words[0] == "ok"
    assert isinstance(classify(text.encode()), Ok) == first
