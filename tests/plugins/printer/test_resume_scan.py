"""What state a file leaves, and the commands that bring a restarted printer back to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin import Position
from gotapi_printer.marlin.replies import classify
from gotapi_printer.resume_plan import ResumeError, preparation
from gotapi_printer.resume_scan import PrintState, state_after
from gotapi_printer.simulator.firmware import Firmware
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.texts import ResetCause


def after(*lines: str) -> PrintState:
    return state_after(line.encode() for line in lines)


def prepared(*lines: str, height: float | None = None) -> list[str]:
    begin = ("M104 S200", "G28", "G1 X10 Y10 Z0.3 E1 F1200")
    return [line.decode() for line in preparation(after(*begin, *lines), height=height)]


# -- the state --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["G1 X1 Y2 Z3"], (1, 2, 3)),
        (["G1 F600 X1 Y2 Z3", "G0 X5"], (5, 2, 3)),
        (["g1x1y2z3"], (1, 2, 3)),
        (["G01 X 1 Y2 Z3 (comment)"], (1, 2, 3)),
        (["G1 X1 Y2 Z3", "G91", "G1 X1 Z-1"], (2, 2, 2)),
        (["G20", "G1 X1 Y2 Z1"], (25.4, 50.8, 25.4)),
        (["G1 X1 Y2 Z3", "G2 X9 Y8 I4 J3"], (9, 8, 3)),
        (["G1 X1 Y2 Z3", "G92 X0 Z10", "G1 Y4"], (0, 4, 10)),
        (["G1 X1 Y2 Z3", "G92"], (0, 0, 0)),
        (["G1 X1 Y2 Z3", "G92.1"], (1, 2, 3)),
        (["G1 X1 Y2 Z3", "G28 X"], (None, 2, 3)),
        (["G1 X1 Y2 Z3", "G28"], (None, None, None)),
        (["G1 X1 Y2 Z3", "G29"], (None, None, None)),
        (["G91", "G1 X1 Y1 Z1"], (None, None, None)),
        (["G1 X1 X2 Y1"], (None, None, None)),  # firmwares disagree: the policy refuses it
        (["G1 X Y1 Z1"], (None, 1, 1)),
    ],
)
def test_where_the_nozzle_is(lines: list[str], place: tuple[float | None, ...]) -> None:
    state = after(*lines)
    assert tuple(state.place.values()) == pytest.approx(place)
    assert state.count == len(lines)


@pytest.mark.parametrize(
    ("lines", "filament"),
    [
        (["G1 E5", "G1 E7"], 7),
        (["M83", "G1 E5", "G1 E7"], 12),
        (["G91", "G1 E5", "G1 E7"], 12),
        (["G91", "M82", "G1 E5", "G1 E7"], 7),
        (["G1 E5", "G92 E0", "G1 E1"], 1),
        (["G20", "G1 E1"], 25.4),
    ],
)
def test_how_much_filament_the_file_counts(lines: list[str], filament: float) -> None:
    assert after(*lines).filament == pytest.approx(filament)


@pytest.mark.parametrize(
    ("lines", "printed"),
    [
        (["G1 X10 Y10 Z1"], False),
        (["G1 E5"], False),  # priming
        (["G1 X10 E5"], True),
        (["G1 X10 E-5"], False),
        (["G1 Z10 E5"], False),
    ],
)
def test_whether_anything_was_printed(lines: list[str], printed: bool) -> None:
    assert after(*lines).printed is printed


def test_heaters_fans_and_settings_are_those_set_last() -> None:
    state = after(
        "M140 S60",
        "M190 R65",
        "M141 S40",
        "M104 S200",
        "M104 T1 S210",
        "T1",
        "M109 S215",
        "M106 S128",
        "M106 P1",
        "M107 P1",
        "M204 P500 T1000",
        "M204 P800",
        "M221 S95",
        "M104",
        "M150 S5",
        "Tx",
        "SET_PRESSURE_ADVANCE ADVANCE=0.1",
        "M117 S1 T9",
        "",
    )
    assert (state.bed, state.chamber, state.tool) == (65, 40, 1)
    assert state.nozzles == {0: 200, 1: 215}
    assert state.fans == {0: 128, 1: 0}
    assert state.settings == {"M204": {"P": "800", "T": "1000"}, "M221": {"S": "95"}}


def test_temperatures_as_rep_rap_firmware_sets_them() -> None:
    state = after("G10 P0 S200 R150", "M568 P1 S210", "G10 P2", "M568 P1")
    assert state.nozzles == {0: 200, 1: 210}
    assert not state.retracted


def test_the_firmware_s_own_retraction_and_levelling() -> None:
    assert after("G10").retracted
    assert not after("G10", "G11").retracted
    assert after("G29").levelled
    assert after("M420 S1").levelled
    assert after("G29", "M420 Z2").levelled
    assert not after("M420 S1", "M420 S0").levelled


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_no_line_breaks_the_scan(lines: list[bytes]) -> None:
    assert state_after(lines).count == len(lines)


# -- the way back -----------------------------------------------------------------------------


def test_the_plain_way_back() -> None:
    assert prepared("M140 S60", "M106 S255", height=0.3) == [
        "G21",
        "G90",
        "M140 S60",
        "M104 S200",
        "M190 S60",
        "M109 S200",
        "G92 Z0.3",
        "G91",
        "G1 Z10 F300",
        "G90",
        "G28 X Y",
        "M106 S255",
        "G1 X10 Y10 F6000",
        "G1 Z0.3 F300",
        "G92 E1",
        "G1 F1200",
        "M82",
    ]


def test_a_printer_that_knows_its_height_is_not_told() -> None:
    assert not [line for line in prepared() if line.startswith("G92 Z")]


def test_tools_fans_settings_and_modes_come_back() -> None:
    lines = prepared(
        "M141 S45",
        "M104 T1 S0",
        "T1",
        "M106 P2 S9",
        "M107",
        "M900 K0.05",
        "M420 S1",
        "G10",
        "G91",
        "G20",
        "G92 X1 Y2",
    )
    assert "M141 S45" in lines
    assert "M104 T0 S200" in lines
    assert "M104 T1 S0" in lines
    assert "M109 T0 S200" in lines
    assert "M109 T1 S0" not in lines
    homed = lines.index("G28 X Y")
    assert lines[homed + 1 : homed + 6] == ["M420 S1", "T1", "M900 K0.05", "M107", "M106 P2 S9"]
    assert lines[homed + 6 : homed + 9] == ["G1 X10 Y10 F6000", "G92 X25.4 Y50.8", "G10"]
    assert lines[-4:] == ["G1 F1200", "G91", "M83", "G20"]


@pytest.mark.parametrize("lines", [["G92 Y5"], ["G92 X5"]])
def test_one_shifted_axis_is_shifted_again(lines: list[str]) -> None:
    assert any(line.startswith("G92 X") for line in prepared(*lines))


def test_a_file_without_feed_rate_sets_none() -> None:
    state = after("M104 S200", "G1 X1 Y1 Z1 E1")
    assert not [line for line in preparation(state, height=1.0) if line.startswith(b"G1 F")]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["M104 S200", "G1 X1 Y1 Z1"], "nothing was printed"),
        (["M104 S200", "G1 X1 Y1 E1"], "where Z is"),
        (["M104 S200", "G1 X1 Y1 Z1 E1", "G28 X Y"], "where X and Y is"),
        (["G1 X1 Y1 Z1 E1"], "heats no nozzle"),
    ],
)
def test_what_cannot_go_on(lines: list[str], why: str) -> None:
    with pytest.raises(ResumeError, match=why):
        preparation(after(*lines), height=1.0)


def test_it_never_homes_z_and_never_moves_sideways_before_it_rose() -> None:
    lines = prepared("G1 Z50", height=50.0)
    rise = lines.index("G1 Z10 F300")
    assert lines[rise - 1] == "G91"
    assert not [line for line in lines[:rise] if "X" in line or "Y" in line]
    assert [line for line in lines if line.startswith("G28")] == ["G28 X Y"]
    assert lines.index("M109 S200") < rise  # a nozzle that sticks would pull the print off


# -- against the simulated firmware -----------------------------------------------------------


class Bench:
    """A simulated firmware that takes lines and tells where it is."""

    def __init__(self) -> None:
        self.firmware = Firmware(Settings(instant=True, cold_extrusion=True))
        self.firmware.reset(0.0, ResetCause.POWER)
        self.now = 1.0

    def run(self, lines: list[bytes]) -> None:
        for line in lines:
            self.now += 1.0
            self.firmware.receive(line + b"\n", self.now)
            self.firmware.poll(self.now + 0.5)

    def where(self) -> dict[str, float]:
        self.firmware.output()
        self.run([b"M114"])
        for line in self.firmware.output().split(b"\n"):
            reply = classify(line)
            if isinstance(reply, Position):
                return dict(reply.axes)
        raise AssertionError("the firmware told no position")


coordinates = st.integers(5, 2000).map(lambda tenth: f"{tenth / 10:g}")
steps = st.integers(-10, 10).map(lambda tenth: f"{tenth / 10:g}")
moves = st.builds(
    lambda code, x, y, e: f"{code} X{x} Y{y} E{e}", st.just("G1"), coordinates, coordinates, steps
)
nudges = st.builds(lambda x, e: f"G91\nG1 X{x} E{e}\nG90", steps, steps)
lines = st.one_of(
    moves,
    nudges,
    st.builds(lambda z: f"G1 Z{z}", st.integers(1, 20)),
    st.sampled_from(["M82", "M83", "G92 E0", "G1 F1500", "M106 S99", "M221 S90", "G92 E3.5"]),
)


@given(st.lists(lines, min_size=2, max_size=25), st.integers(0, 25))
def test_a_print_in_two_runs_ends_where_one_run_does(parts: list[str], cut: int) -> None:
    head = ["M104 S200", "G28", "G1 X20 Y20 Z0.5 F1800", "G1 X21 Y20 E1"]
    part = [line.encode() for line in "\n".join([*head, *parts]).split("\n")]
    broke_off = max(len(head), len(head) + min(cut, len(part) - len(head)))
    whole, again = Bench(), Bench()
    whole.run(part)
    state = state_after(part[:broke_off])
    again.run([*preparation(state, height=state.place["Z"]), *part[broke_off:]])
    assert again.where() == pytest.approx(whole.where(), abs=0.011)
