"""Time of moves, arcs, positions and the planner's ring."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.simulator.motion import (
    ORIGIN,
    Limits,
    Position,
    arc_length,
    block_time,
)
from gotapi_printer.simulator.planner import Block, Planner

AREA = (220.0, 220.0, 250.0)


def test_a_trapezoid_from_rest() -> None:
    # 100 mm at 100 mm/s with 3000 mm/s2: 1/30 s to speed up, the rest at full speed.
    seconds, ending = block_time((100, 0, 0, 0), 100, 100, Limits(), None)
    assert seconds == pytest.approx(1 / 30 + (100 - 100**2 / 6000) / 100)
    assert ending == ((1.0, 0.0, 0.0, 0.0), 100)


def test_a_short_move_never_reaches_its_speed() -> None:
    seconds, (_, speed) = block_time((0.1, 0, 0, 0), 0.1, 100, Limits(), None)
    assert speed == pytest.approx(math.sqrt(2 * 3000 * 0.1))
    assert seconds == pytest.approx(speed / 3000)


def test_straight_on_costs_no_ramp_and_turning_back_costs_two() -> None:
    _, ending = block_time((100, 0, 0, 0), 100, 100, Limits(), None)
    on, _ = block_time((100, 0, 0, 0), 100, 100, Limits(), ending)
    back, _ = block_time((-100, 0, 0, 0), 100, 100, Limits(), ending)
    assert on == pytest.approx(1.0)
    assert back == pytest.approx(1 / 30 + 1 / 30 + (100 - 100**2 / 6000) / 100)


def test_the_slowest_axis_limits_the_move() -> None:
    up, _ = block_time((0, 0, 50, 0), 50, 300, Limits(), None)
    assert up > 50 / 5.0  # Z: 5 mm/s
    retract, _ = block_time((0, 0, 0, -2), 0, 40, Limits(), None)
    assert 2 / 25 < retract < 0.2  # E: 25 mm/s
    travel = Limits(travel=500.0)
    assert (
        block_time((10, 0, 0, 0), 10, 100, travel, None)[0]
        > block_time((10, 0, 0, 1), 10, 100, travel, None)[0]
    )


def test_no_way_takes_no_time() -> None:
    assert block_time(ORIGIN, 0, 100, Limits(), None) == (0.0, (ORIGIN, 0.0))
    assert block_time((0, 0, 1e-90, 0), 1e-90, 100, Limits(), None) == (0.0, (ORIGIN, 0.0))
    extruding, _ = block_time((0, 0, 1e-90, 1), 1e-90, 100, Limits(), None)
    assert 0 < extruding < 1


@given(
    st.tuples(*[st.floats(-1e3, 1e3)] * 4),
    st.floats(0.01, 500),
    st.tuples(*[st.floats(-1e3, 1e3)] * 4),
)
def test_time_is_finite_and_never_less_than_at_full_speed(first, speed, second) -> None:
    previous = None
    for delta in (first, second):
        length = math.hypot(*delta[:3])
        seconds, ending = block_time(delta, length, speed, Limits(), previous)
        assert math.isfinite(seconds)
        way = length if length >= 1e-6 else abs(delta[3])
        assert seconds >= (way / speed * 0.999999 if way >= 1e-6 else 0)
        previous = ending


@pytest.mark.parametrize(
    ("words", "clockwise", "end", "length"),
    [
        ({"I": 10.0, "J": 0.0}, True, (20, 0, 0, 0), 10 * math.pi),
        ({"I": 10.0}, False, (10, -10, 0, 0), 5 * math.pi),
        ({"J": 10.0}, False, (10, 10, 0, 0), 5 * math.pi),
        ({"I": 10.0}, True, (10, -10, 0, 0), 15 * math.pi),
        ({"I": 5.0}, True, (0, 0, 0, 0), 10 * math.pi),  # a full circle
        ({"R": 10.0}, True, (10, 10, 0, 0), 5 * math.pi),
        ({"R": 10.0}, False, (10, 10, 0, 0), 5 * math.pi),
        ({"R": -10.0}, True, (10, 10, 0, 0), 15 * math.pi),
        ({"R": -10.0}, False, (10, 10, 0, 0), 15 * math.pi),
    ],
)
def test_arcs(words, clockwise: bool, end, length: float) -> None:
    assert arc_length(ORIGIN, end, words, clockwise=clockwise) == pytest.approx(length)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ({}, (5, 5, 0, 0)),
        ({"R": 1.0}, (50, 0, 0, 0)),
        ({"R": 5.0}, (0, 0, 0, 0)),
        ({"I": 0.0, "J": 0.0}, (5, 0, 0, 0)),
    ],
)
def test_arcs_that_cannot_be_drawn(words, end) -> None:
    assert arc_length(ORIGIN, end, words, clockwise=True) is None


def test_absolute_relative_and_inches() -> None:
    place = Position(axes=(10, 10, 10, 5))
    assert place.target({"X": 1.0, "E": 7.0, "Y": None}, AREA) == (1, 10, 10, 7)
    place.relative = place.relative_e = True
    assert place.target({"X": 1.0, "E": 7.0}, AREA) == (11, 10, 10, 12)
    place.inches = True
    assert place.target({"X": 1.0}, AREA) == (35.4, 10, 10, 5)
    place.take_feedrate({"F": 60.0})
    assert place.feedrate == pytest.approx(25.4)
    place.take_feedrate({"F": 0.0})
    assert place.feedrate == pytest.approx(25.4)


def test_soft_endstops_hold_only_homed_axes() -> None:
    place = Position(homed={0})
    assert place.target({"X": 999.0, "Y": 999.0}, AREA)[:2] == (220, 999)
    assert place.target({"X": -5.0}, AREA)[0] == 0
    place.soft_endstops = False
    assert place.target({"X": 999.0}, AREA)[0] == 999


def test_the_ring_keeps_one_block_free() -> None:
    planner = Planner(4)
    assert planner.moves_free(0) == 3
    for index in range(3):
        planner.add((index, 0, 0, 0), (index + 1, 0, 0, 0), 2.0, 0)
    assert planner.moves_free(0) == 0
    assert planner.room_at(1.0) == 2.0
    assert planner.room_at(2.0) == 2.0
    assert planner.idle_at() == 6.0
    assert planner.position(3.0) == (1.5, 0, 0, 0)
    assert planner.position(99) == (3, 0, 0, 0)
    assert math.isinf(planner.idle_at())


def test_a_quick_stop_keeps_where_the_tool_is() -> None:
    planner = Planner(16)
    planner.add(ORIGIN, (10, 0, 0, 0), 10.0, 0)
    planner.add((10, 0, 0, 0), (20, 0, 0, 0), 10.0, 0)
    assert planner.quick_stop(1.19) == pytest.approx((1.19, 0, 0, 0))
    assert planner.position(50) == pytest.approx((1.19, 0, 0, 0))
    assert planner.moves_free(50) == 15
    assert planner.stops == 1


def test_a_block_before_and_after_its_time() -> None:
    block = Block(ORIGIN, (1, 1, 1, 1), 5.0, 6.0)
    assert block.at(4.0) == ORIGIN
    assert block.at(5.25) == (0.25, 0.25, 0.25, 0.25)
    assert block.at(7.0) == (1, 1, 1, 1)
