"""How a firmware reads the next move, and the way back to where a print was paused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.motion_modes import NEAR, Modes, modes_after, moved, way_back


@pytest.mark.parametrize(
    ("commands", "modes"),
    [
        ([], Modes()),
        ([b"G91"], Modes(absolute=False, absolute_e=False)),
        ([b"G91", b"M82"], Modes(absolute=False)),
        ([b"M83", b"G90"], Modes()),
        ([b"G90", b"M83"], Modes(absolute_e=False)),
        ([b"g20", b" G1 x1 f1500"], Modes(inches=True, feed=1500.0)),
        ([b"G20", b"G21", b"G0X1F99.5", b"G1 X2"], Modes(feed=99.5)),
        ([b"G010 F7", b"G28 F7", b"M117 G91 F7", b"T0", b"G1 Ffast"], Modes()),
    ],
)
def test_modes_are_those_of_the_last_commands(commands: list[bytes], modes: Modes) -> None:
    assert modes_after(commands) == modes


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_have_modes(commands: list[bytes]) -> None:
    assert isinstance(modes_after(commands), Modes)


WHERE = {"X": 10.0, "Y": 20.5, "Z": 0.3, "E": 123.45678}


def test_the_way_back_goes_down_last_and_leaves_the_modes_as_they_were() -> None:
    modes = Modes(absolute=False, absolute_e=False, inches=True, feed=30.0)
    assert way_back(WHERE, modes) == (
        "G21",
        "G90",
        "G1 X10.000 Y20.500 F6000",
        "G1 Z0.300 F600",
        "G92 E123.45678",
        "G91",
        "M83",
        "G20",
        "G1 F30",
    )


def test_the_way_back_of_a_plain_file_is_short() -> None:
    assert way_back({"X": 1.0}, Modes()) == ("G21", "G90", "G1 X1.000 F6000", "M82")
    assert way_back({"Z": 1.0}, Modes()) == ("G21", "G90", "G1 Z1.000 F600", "M82")


@given(st.builds(Modes, st.booleans(), st.booleans(), st.booleans(), st.none() | st.floats(1, 9e4)))
def test_the_way_back_sets_the_modes_it_was_given(modes: Modes) -> None:
    after = modes_after(line.encode() for line in way_back(WHERE, modes))
    assert after.absolute == modes.absolute
    assert after.absolute_e == modes.absolute_e
    assert after.inches == modes.inches
    assert after.feed == pytest.approx(modes.feed or 600.0, rel=1e-5)


@pytest.mark.parametrize(
    ("now", "has"),
    [
        (WHERE, False),
        ({**WHERE, "X": 10.0 + NEAR / 2}, False),
        ({**WHERE, "E": 120.0}, True),
        ({**WHERE, "Z": 20.3}, True),
        ({}, False),  # it does not say: then nothing is known to have moved
    ],
)
def test_only_what_is_elsewhere_has_moved(now: dict[str, float], has: bool) -> None:
    assert moved(WHERE, now) == has
