"""Heaters have mass: they need time, and never step."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.simulator.thermal import BED, NOZZLE, PWM_FULL, Heater


def heater(kind=NOZZLE, *, instant: bool = False, broken: bool = False) -> Heater:
    return Heater(kind, 21.0, instant=instant, broken=broken)


def test_a_cold_heater_stays_at_ambient() -> None:
    cold = heater()
    assert [cold.temperature(t) for t in (0, 10, 1e6)] == [21.0, 21.0, 21.0]
    assert cold.power(5) == 0
    assert cold.time_at(21.0) == 0
    assert math.isinf(cold.time_at(50.0))


def test_heating_takes_a_minute_or_two_and_then_holds() -> None:
    nozzle = heater()
    nozzle.set_target(200, 10)
    done = nozzle.time_at(200)
    assert 60 < done - 10 < 150
    assert nozzle.temperature(done) == pytest.approx(200)
    assert nozzle.temperature(done + 1000) == 200
    assert nozzle.power(11) == PWM_FULL
    assert 0 < nozzle.power(done + 1) < PWM_FULL
    halfway = nozzle.time_at(110)
    assert nozzle.temperature(halfway) == pytest.approx(110)


def test_cooling_slows_down_towards_ambient_and_is_without_power() -> None:
    nozzle = heater()
    nozzle.set_target(200, 0)
    nozzle.set_target(0, 1000)
    falls = [nozzle.temperature(1000 + t) for t in (0, 50, 100, 1000)]
    assert falls == sorted(falls, reverse=True)
    assert falls[0] == 200
    assert falls[3] == pytest.approx(21, abs=0.5)
    assert nozzle.power(1050) == 0
    assert math.isinf(nozzle.time_at(21.0))  # only ever approached
    assert nozzle.time_at(100) == pytest.approx(1000 + 150 * math.log(179 / 79))


def test_a_target_below_the_temperature_is_reached_from_above() -> None:
    bed = heater(BED)
    bed.set_target(100, 0)
    bed.set_target(60, 5000)
    assert bed.power(5001) == 0
    assert bed.temperature(9000) == 60
    assert bed.power(9000) > 0


def test_targets_are_limited() -> None:
    nozzle = heater()
    nozzle.set_target(1000, 0)
    assert nozzle.target == NOZZLE.limit
    nozzle.set_target(-5, 0)
    assert nozzle.target == 0


def test_every_legal_target_is_within_reach() -> None:
    for kind in (NOZZLE, BED):
        hottest = heater(kind)
        hottest.set_target(kind.limit, 0)
        assert math.isfinite(hottest.time_at(kind.limit))


def test_instant_and_broken_heaters() -> None:
    fast, broken = heater(instant=True), heater(broken=True)
    fast.set_target(200, 3)
    broken.set_target(200, 3)
    assert fast.temperature(3) == 200
    assert broken.temperature(1000) == 21
    assert broken.power(1000) == PWM_FULL
    assert math.isinf(broken.time_at(100))


targets = st.lists(st.tuples(st.floats(0, 260), st.floats(0.01, 500)), min_size=1, max_size=6)


@given(targets)
def test_the_temperature_is_continuous_and_within_physics(steps) -> None:
    nozzle, now = heater(), 0.0
    for target, pause in steps:
        before = nozzle.temperature(now)
        nozzle.set_target(target, now)
        assert nozzle.temperature(now) == pytest.approx(before, abs=1e-6)
        now += pause
        assert 20.99 <= nozzle.temperature(now) <= 260.01
        assert 0 <= nozzle.power(now) <= PWM_FULL
