"""The temperatures of a day: what is kept of them, and how they are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin import Temperature
from gotapi_printer.routes_temperatures import SensorSeries, in_columns
from gotapi_printer.temperature_history import (
    COARSE_SPAN,
    COARSE_STEP,
    FINE_SPAN,
    FINE_STEP,
    MOST_SENSORS,
    Point,
    TemperatureHistory,
)

NOON = 1_763_726_400.0  # a multiple of both steps
MOST = FINE_SPAN / FINE_STEP + COARSE_SPAN / COARSE_STEP + 2


def nozzle(value: float) -> tuple[Temperature, ...]:
    return (Temperature("T", value, 200.0),)


def history(*moments: float) -> TemperatureHistory:
    """A history with a reading at each moment after noon, whose value is that moment."""
    one = TemperatureHistory()
    for moment in moments:
        one.add(NOON + moment, nozzle(moment))
    return one


def times(one: TemperatureHistory, moment: float = 0.0) -> list[float]:
    return [point.at - NOON for point in one.after(moment)]


def test_nothing_was_read() -> None:
    assert TemperatureHistory().after(0.0) == []


def test_of_two_seconds_the_last_reading_is_kept() -> None:
    one = history(0, 0.5, 1.9, 2, 3.5, 7)
    assert times(one) == pytest.approx([1.9, 3.5, 7])
    assert one.after(0.0)[0].readings == nozzle(1.9)


def test_what_is_older_than_ten_minutes_is_kept_each_half_minute() -> None:
    one = history(*range(0, 1200, 2))
    told = times(one)
    assert told[:20] == [28 + 30 * number for number in range(20)]
    assert told[20:] == list(range(600, 1200, 2))
    assert times(one, NOON + 1190) == [1192, 1194, 1196, 1198]


def test_a_day_is_kept_and_nothing_older() -> None:
    told = times(history(*range(0, 2 * 86_400, 15)))
    assert told[0] > 86_400 - 15
    assert told[0] <= 86_400 + 30
    assert told[-1] == 2 * 86_400 - 15
    assert len(told) <= MOST


def test_readings_that_come_seldom_do_not_stay_longer_than_a_day() -> None:
    assert times(history(0, 90_000, 170_000)) == [90_000, 170_000]


def test_a_clock_turned_back_begins_anew_a_jitter_does_not() -> None:
    one = history(100, 99)
    assert times(one) == [100]
    assert one.after(0.0)[0].readings == nozzle(99)
    one.add(NOON - 3600, nozzle(7))
    assert one.after(0.0) == [Point(NOON - 3600, nozzle(7))]


def test_a_printer_that_is_away_leaves_one_gap_behind_its_last_reading() -> None:
    one = TemperatureHistory()
    one.add(NOON, ())  # it was not there yet
    assert one.after(0.0) == []
    one.add(NOON + 0.5, nozzle(1))
    one.add(NOON + 0.7, ())
    one.add(NOON + 0.9, ())
    assert one.after(0.0) == [Point(NOON + 0.5, nozzle(1)), Point(NOON + 0.9, ())]
    one.add(NOON + 1.1, nozzle(2))
    assert one.after(0.0) == [Point(NOON + 1.1, nozzle(2))]


def test_two_things_at_one_time_are_one_point() -> None:
    one = history(1)
    one.add(NOON + 1, ())
    assert one.after(0.0) == [Point(NOON + 1, ())]


def test_no_more_sensors_than_a_printer_has() -> None:
    one = TemperatureHistory()
    one.add(NOON, tuple(Temperature(f"T{number}", 1.0) for number in range(50)))
    assert len(one.after(0.0)[0].readings) == MOST_SENSORS


pauses = st.lists(st.floats(0.0, 4000.0, allow_nan=False), min_size=1, max_size=200)


@given(pauses, st.floats(0.0, 100_000.0))
def test_whatever_comes_it_rises_is_bounded_and_misses_nothing(
    waits: list[float], after: float
) -> None:
    one, at, read = TemperatureHistory(), NOON, []
    for wait in waits:
        at += wait
        read.append(at)
        one.add(at, nozzle(at))
    told = [point.at for point in one.after(0.0)]
    assert told == sorted(set(told))
    assert len(told) <= MOST
    assert told[-1] == at
    assert set(told) <= set(read)
    for moment in read:
        if moment > at - COARSE_SPAN:
            step = FINE_STEP if moment > at - FINE_SPAN else COARSE_STEP
            assert any(0 <= found - moment <= step for found in told)
    assert all(point.at > NOON + after for point in one.after(NOON + after))


clocks = st.floats(-1e6, 1e10, allow_nan=False) | st.floats(0, 60, allow_nan=False)


@given(st.lists(st.tuples(clocks, st.booleans()), max_size=100))
def test_no_clock_breaks_it(moments: list[tuple[float, bool]]) -> None:
    one = TemperatureHistory()
    for moment, there in moments:
        one.add(moment, nozzle(1.0) if there else ())
    told = [point.at for point in one.after(-1e9)]
    assert told == sorted(set(told))


def test_the_points_are_told_as_a_series_of_each_sensor() -> None:
    told = in_columns(
        [
            Point(1.004, (Temperature("T", 20.0, 0.0), Temperature("B", None))),
            Point(2.0, ()),
            Point(3.0, (Temperature("C", 30.0), Temperature("T", 21.0, 200.0))),
        ]
    )
    assert told.times == (1.0, 2.0, 3.0)
    assert told.temperatures == (
        SensorSeries("T", (20.0, None, 21.0), (0.0, None, 200.0)),
        SensorSeries("B", (None, None, None), (None, None, None)),
        SensorSeries("C", (None, None, 30.0), (None, None, None)),
    )


def test_no_points_are_no_series() -> None:
    told = in_columns([])
    assert (told.times, told.temperatures) == ((), ())
