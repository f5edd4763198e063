"""Heaters that misbehave, the printer's own timer, and what is due for a connection."""

import pytest

from gotapi_printer.care import LOCATE, Care
from gotapi_printer.gcode import FileFacts
from gotapi_printer.guard import Guard, GuardSettings
from gotapi_printer.heater_watch import HeaterWatch
from gotapi_printer.idle_timer import IdleTimer
from gotapi_printer.marlin import Box, Firmware, Position, Temperature

BOX = Box((0.0, 0.0, 0.0), (220.0, 220.0, 250.0))


def watched(*reports, name="T"):
    """The warning after reports of (time, actual, target)."""
    watch = HeaterWatch()
    for now, actual, target in reports:
        watch.take([Temperature(name, actual, target)], now)
    return watch.warning


def test_heating_and_holding_is_no_warning():
    assert watched((0, 20.0, 200.0), (60, 198.0, 200.0), (90, 201.0, 200.0), (99, 199.0, 200)) == ""


def test_a_heater_that_falls_while_it_is_on():
    reports = [(0, 200.0, 200.0), (5, 180.0, 200.0), (14, 165.0, 200.0)]
    assert watched(*reports) == ""
    assert watched(*reports, (15, 160.0, 200.0)) == (
        "the nozzle fell from 200 to 160 degrees although it is heated to 200; check it"
    )
    assert "the bed fell" in watched(*reports, (15, 160.0, 200.0), name="B")
    assert "the nozzle 1 fell" in watched(*reports, (15, 160.0, 200.0), name="T1")


def test_one_odd_reading_is_noise():
    reports = [(0, 200.0, 200.0), (5, 100.0, 200.0), (6, 199.0, 200.0), (16, 100.0, 200.0)]
    assert watched(*reports) == ""


def test_the_warning_ends_with_its_cause():
    bad = [(0, 200.0, 200.0), (5, 180.0, 200.0), (15, 160.0, 200.0)]
    assert watched(*bad, (20, 199.0, 200.0)) == ""
    assert watched(*bad, (20, 150.0, 0.0)) == ""
    # Another target is another heating.
    assert watched(*bad, (20, 150.0, 210.0)) == ""


@pytest.mark.parametrize("actual", [None, -15.0])
def test_a_sensor_without_a_temperature(actual):
    assert "gives no temperature" in watched((0, actual, 200.0))
    assert "gives no temperature" in watched((0, 100.0, 200.0), (1, actual, 200.0))
    assert watched((0, actual, 0.0)) == ""
    assert watched((0, actual, None)) == ""


def test_hot_is_what_has_a_target():
    watch = HeaterWatch()
    assert not watch.hot
    watch.take([Temperature("T", None, 200.0), Temperature("B", 20.0, 0.0)], 0.0)
    assert watch.hot
    watch.take([Temperature("T", 200.0, 0.0)], 1.0)
    assert not watch.hot


# -- M85 ------------------------------------------------------------------------------------------


def test_the_timer_is_set_and_cleared_where_the_firmware_knows_it():
    timer = IdleTimer(1800)
    assert timer.ask() == b"M85 S0"
    assert timer.wants(on=True) is None
    timer.heard("echo:something else")
    timer.answered()
    assert timer.known
    assert timer.wants(on=True) == b"M85 S1800"
    assert timer.wants(on=True) is None
    assert timer.wants(on=False) == b"M85 S0"
    assert timer.wants(on=False) is None
    timer.heard('echo:Unknown command: "M85 S1800"')
    assert timer.known


@pytest.mark.parametrize("said", ['Unknown command: "M85 S0"', 'Unknown command:"M85"'])
def test_a_firmware_that_does_not_know_it_is_left_alone(said):
    timer = IdleTimer(1800)
    timer.ask()
    timer.heard(said)
    timer.answered()
    assert not timer.known
    assert timer.wants(on=True) is None


def test_without_a_time_nothing_is_asked():
    timer = IdleTimer(0)
    assert timer.ask() is None
    timer.heard('Unknown command: "M85 S0"')
    timer.answered()
    assert timer.wants(on=True) is None


# -- together -------------------------------------------------------------------------------------


def cared(idle_off=600, box=BOX):
    care = Care(Guard(GuardSettings()), idle_off)
    asked = care.begin(Firmware(full_area=box))
    if asked is not None:
        care.answered()
    return care


def test_the_timer_runs_while_something_is_hot_or_printed_and_not_in_a_pause():
    care = cared(box=None)
    assert care.due(0.0, printing=False, paused=False) == []
    assert care.due(0.0, printing=True, paused=False) == [b"M85 S600"]
    care.take_temperatures([Temperature("T", 200.0, 200.0)], 1.0)
    assert care.hot
    assert care.due(2.0, printing=False, paused=True) == [b"M85 S0"]
    assert care.due(3.0, printing=False, paused=False) == [b"M85 S600"]
    care.take_temperatures([Temperature("T", 200.0, 0.0)], 4.0)
    assert care.due(5.0, printing=False, paused=False) == [b"M85 S0"]


def test_a_printer_without_the_command():
    care = Care(None, 600)
    assert care.begin(Firmware()) == b"M85 S0"
    care.heard('Unknown command: "M85 S0"')
    care.answered()
    assert care.due(0.0, printing=True, paused=False) == []


def test_the_position_is_asked_for_while_it_is_unknown():
    care = cared(idle_off=0)
    assert care.due(0.0, printing=False, paused=False) == [LOCATE]
    assert care.due(1.0, printing=False, paused=False) == []
    assert care.due(2.0, printing=False, paused=False) == [LOCATE]
    care.take_position(Position({"X": 1.0, "Y": 2.0}))
    assert care.due(4.0, printing=False, paused=False) == [LOCATE]
    care.take_position(Position({"X": 1.0, "Y": 2.0, "Z": 3.0, "E": 0.0}))
    assert care.due(9.0, printing=False, paused=False) == []


def test_the_power_may_go_off_when_every_nozzle_is_cool():
    care = cared()
    with pytest.raises(ValueError, match="below 50"):
        care.judged(b"M81", 0.0)
    care.take_temperatures([Temperature("T0", 30.0), Temperature("T1", 90.0)], 0.0)
    with pytest.raises(ValueError, match="below 50"):
        care.judged(b"M81", 0.0)
    care.take_temperatures([Temperature("T1", 40.0), Temperature("B", 90.0)], 0.0)
    assert care.judged(b"M81", 0.0) == (b"M81", "")


def test_without_a_guard_every_line_passes():
    care = Care(None, 0)
    assert care.begin(Firmware()) is None
    assert care.judged(b"M500", 0.0) == (b"M500", "")
    lines = iter([(1, b"M500")])
    assert care.source(FileFacts(1, 1, 1), lambda text: None)(lines) is lines
    care.take_position(Position({"X": 1.0, "Y": 2.0, "Z": 3.0}))
    assert care.due(0.0, printing=False, paused=False) == []


def test_a_file_goes_through_the_guard():
    held = []
    lines = cared().source(FileFacts(1, 1, 1), held.append)(iter([(1, b"m104s999"), (2, b"M0 x")]))
    assert list(lines) == [(1, b"M104 S260"), (2, b"M105")]
    assert held == ["x"]


def test_the_warning_of_the_heaters_is_told():
    care = cared()
    care.take_temperatures([Temperature("B", None, 60.0)], 0.0)
    assert "bed" in care.warning
