"""The model of a print's time: single commands, and whole files against the simulated printer."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer import motion_model
from gotapi_printer.gcode import commands
from gotapi_printer.motion_model import MotionModel
from gotapi_printer.simulator.firmware import Firmware
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.texts import ResetCause

SHARED = Path(os.environ.get("GOTAPI_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))


def modelled(*lines: bytes) -> float:
    model = MotionModel()
    for line in lines:
        model.take(line)
    return model.seconds


def simulated(lines: list[bytes]) -> float:
    """The seconds the simulated printer needs, on its own clock."""
    firmware = Firmware(Settings(cold_extrusion=True))
    firmware.reset(0.0, ResetCause.POWER)
    firmware.output()
    now = 0.0
    for line in [*lines, b"M400"]:
        firmware.receive(line + b"\n", now)
        while b"ok" not in firmware.output():
            due = firmware.next_wakeup()
            assert due is not None
            now = max(now, due)
            firmware.poll(now)
    return now


def test_a_long_move_takes_its_way_at_its_speed() -> None:
    # 3000 mm/s2 up to 50 mm/s takes 1/60 s, in which half the way is lost.
    assert modelled(b"G1 X100 F3000") == pytest.approx(2.0 + 1 / 120, abs=1e-4)


def test_corners_cost_time_and_straight_on_does_not() -> None:
    straight = modelled(b"G1 X50 F6000", b"G1 X100")
    assert straight == pytest.approx(modelled(b"G1 X100 F6000"))
    assert modelled(b"G1 X50 F6000", b"G1 Y50") > straight


def test_the_slowest_axis_decides() -> None:
    assert modelled(b"G1 Z10 F6000") == pytest.approx(2.0, abs=0.1)
    assert modelled(b"M203 Z10", b"G1 Z10 F6000") == pytest.approx(1.1, abs=0.1)


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ((b"G4 P500",), 0.5),
        ((b"G4 S2",), 2.0),
        ((b"G29",), motion_model.LEVELLING),
        ((b"G28 X",), 110 / 50 + 2),
        ((b"G28 X", b"G28 X"), 110 / 50 + 4),
        ((b"M109 S122",), 100 / motion_model.NOZZLE_RATE + 10),
        ((b"M109 S122", b"M109 S100"), 100 / motion_model.NOZZLE_RATE + 10),
        ((b"M190 R62",), 40 / motion_model.BED_RATE + 10),
        ((b"M104 S200", b"M140 S60", b"M109"), 0.0),
        ((b"M104 S122", b"G4 S40", b"M109 S122"), 60.0),
        ((b"M104 S122", b"G4 S90", b"M104 S0", b"M109 S122"), 90.0),
        ((b"G92 X100", b"G1 X100 F600"), 0.0),
        ((b"G1 X0", b"M117 G1 X500", b";", b"T0"), 0.0),
        ((b"G1 E10 F300",), 2.0),
    ],
)
def test_other_commands(lines: tuple[bytes, ...], seconds: float) -> None:
    assert modelled(*lines) == pytest.approx(seconds, abs=0.01)


def test_modes_and_units() -> None:
    way = modelled(b"G1 X25.4 F1524")
    assert modelled(b"G20", b"G1 X1 F60") == pytest.approx(way)
    assert modelled(b"G20", b"G21", b"G1 X25.4 F1524") == pytest.approx(way)
    assert modelled(b"G91", b"G1 X12.7 F1524", b"G1 X12.7") == pytest.approx(way)
    assert modelled(b"G91", b"G90", b"G1 X25.4 F1524", b"g1 x25.4") == pytest.approx(way)
    assert modelled(b"M83", b"G1 E5 F300", b"G1 E5") == pytest.approx(2.0, abs=0.01)
    assert modelled(b"G91", b"g1 x12.7 y0 f1524 ", b"g1 x12.7") == pytest.approx(way)


def test_speeds_and_accelerations_of_the_file() -> None:
    line = b"G1 X100 F6000"
    assert modelled(b"M220 S50", line) == pytest.approx(modelled(b"G1 X100 F3000"))
    assert modelled(b"M220", b"M220 S0", line) == modelled(line)
    assert modelled(b"M204 S100", line) > modelled(line)
    assert modelled(b"M204 T100", line) > modelled(line)
    assert modelled(b"M204 P100", line) == modelled(line)
    assert modelled(b"M204 P100 R100", line + b" E1") > modelled(line + b" E1")
    assert modelled(b"M201 X100 Y0", line) > modelled(line)


def test_arcs_are_longer_than_their_chord() -> None:
    quarter = modelled(b"G2 X10 Y-10 J-10 F600")
    assert quarter == pytest.approx(1.571, abs=0.01)
    assert modelled(b"G3 X10 Y-10 J-10 F600") == pytest.approx(3 * quarter, abs=0.02)
    assert modelled(b"G2 I5 F600") == pytest.approx(3.1416, abs=0.01)
    assert modelled(b"G2 X10 R50 F600") == pytest.approx(1.0, abs=0.01)


def test_a_very_long_file_goes_on_like_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"G1 X%d F3000" % (10 * (n % 2)) for n in range(1, 401)]
    whole = modelled(*lines)
    monkeypatch.setattr(motion_model, "MAX_MOVES", 100)
    assert modelled(*lines) == pytest.approx(whole, rel=0.02)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_take_a_time(lines: list[bytes]) -> None:
    assert modelled(*lines) >= 0.0


def test_a_made_up_print_takes_as_long_as_on_the_simulated_printer() -> None:
    lines = [b"M204 P1000 T2000", b"G1 Z5 F600"]
    for layer in range(6):
        lines.append(b"G1 Z%d.2 F600" % layer)
        for n in range(60):
            x, y = 100 + 40 * (n % 3) - n % 7, 100 + 30 * (n % 4)
            lines.append(b"G%d X%d Y%d E%d F%d" % (n % 5 > 0, x, y, n + 60 * layer, 2400 + 60 * n))
        lines.append(b"G92 E%d" % (60 * (layer + 1)))
    assert modelled(*lines) == pytest.approx(simulated(lines), rel=0.05)


def test_a_real_file_takes_as_long_as_on_the_simulated_printer() -> None:
    path = SHARED / "gcode" / "human_20mm_marlin2.gcode"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there; set GOTAPI_SHARED_DATA to the folder of test data")
    with path.open("rb") as file:
        lines = [command for _, command in commands(file)]
    assert modelled(*lines) == pytest.approx(simulated(lines), rel=0.05)
