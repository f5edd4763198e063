"""Time stamps of measurements: ISO 8601, whose clock, which zone (HD-HLF-03 to 07)."""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.clock import DeviceClock, Stamp, compare, corrected, iso8601, stamp
from gotapi_printer.zone import local_offset

NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        (NOON, 0, "2026-11-21T12:00:00.000+0000"),
        (NOON + 0.25, 60, "2026-11-21T13:00:00.250+0100"),
        (NOON, -210, "2026-11-21T08:30:00.000-0330"),
        (NOON, 345, "2026-11-21T17:45:00.000+0545"),
        (NOON, None, "2026-11-21T12:00:00.000-0000"),
        (NOON + 0.9999, 0, "2026-11-21T12:00:01.000+0000"),  # a fraction that carries
        (0.0, None, "1970-01-01T00:00:00.000-0000"),
    ],
)
def test_a_moment_is_written_with_its_offset(moment: float, zone: int | None, text: str) -> None:
    assert iso8601(moment, zone) == text


@given(
    st.floats(0, 4e9, allow_nan=False, allow_infinity=False),
    st.none() | st.integers(-23 * 60, 23 * 60),
)
def test_what_is_written_is_the_moment(moment: float, zone: int | None) -> None:
    text = iso8601(moment, zone)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}", text)
    assert (text[-5:] == "-0000") == (zone is None)
    assert datetime.fromisoformat(text).timestamp() == pytest.approx(moment, abs=0.0006)


def test_without_a_device_s_stamp_it_is_the_reception_and_says_so() -> None:
    assert stamp(NOON, 0) == Stamp("2026-11-21T12:00:00.000+0000", by_plugin=True)
    # A device that gives stamps but never told its time: nobody knows what they mean.
    assert stamp(NOON, 0, measured=5.0).by_plugin


@pytest.mark.parametrize(
    ("behind", "superior", "seconds"),
    [
        (20.0, False, 0),  # the example of HD-HLF-07: 20 s behind, 20 s added
        (-20.0, False, 0),
        (0.0, False, 0),
        (20.0, True, -20),  # it knows better, so its stamp stays
    ],
)
def test_a_device_s_stamp_is_corrected_unless_it_knows_better(
    behind: float, superior: bool, seconds: int
) -> None:
    clock = compare(NOON - behind, NOON, superior=superior)
    assert clock == DeviceClock(behind, superior)
    assert corrected(NOON - behind, clock) == NOON + seconds
    made = stamp(NOON + 3.0, 0, measured=NOON - behind, clock=clock)
    assert made == Stamp(iso8601(NOON + seconds, 0), by_plugin=False)


def test_a_zone_that_nobody_set_is_unknown(tmp_path) -> None:
    nowhere = tmp_path / "localtime"
    assert local_offset(NOON, {}, nowhere) is None
    assert local_offset(NOON, {"TZ": ""}, nowhere) is None
    assert isinstance(local_offset(NOON, {"TZ": "UTC"}, nowhere), int)
    nowhere.touch()
    assert isinstance(local_offset(NOON, {}, nowhere), int)
