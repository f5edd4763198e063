"""The programme as data: its order, its questions, and that no move leaves the bounds."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_printer.hil.profile import Profile, ProfileError, read_profile, room
from gotapi_printer.hil.programme import (
    PROGRAMME,
    STROLL_MOVES,
    Risk,
    StepId,
    centre,
    round_trip,
    short_moves,
    stroll,
)
from gotapi_printer.hil.steps import STEPS
from gotapi_printer.marlin import Box

BOX = Box((0.0, 0.0, 0.0), (220.0, 200.0, 250.0))


def test_every_step_is_there_once_and_can_be_made() -> None:
    assert [step.id for step in PROGRAMME] == list(StepId)
    assert set(STEPS) == set(StepId)


def test_each_step_comes_after_the_one_it_needs() -> None:
    seen: list[StepId] = []
    for step in PROGRAMME:
        assert step.after is None or step.after in seen
        seen.append(step.id)


def test_the_emergency_stop_is_last_and_whatever_does_something_is_asked_for() -> None:
    assert PROGRAMME[-1].id is StepId.EMERGENCY
    risks = {step.id: step.risk for step in PROGRAMME}
    assert risks[StepId.EMERGENCY] is Risk.HALTS
    assert risks[StepId.HEAT] is Risk.HEATS
    moving = {StepId.MOVES, StepId.RESEND, StepId.PAUSE, StepId.STOP}
    assert {step for step, risk in risks.items() if risk is Risk.MOVES} == moving


def places(lines: list[str]) -> list[tuple[float, float]]:
    found = (re.fullmatch(r"G1 X(-?[\d.]+) Y(-?[\d.]+)", line) for line in lines)
    return [(float(one[1]), float(one[2])) for one in found if one]


corners = st.floats(-200, 200).map(lambda value: round(value, 1))
sides = st.floats(1, 600).map(lambda value: round(value, 1))


@settings(deadline=None, max_examples=25)  # of files with thousands of moves
@given(corners, corners, sides, sides, sides, st.floats(0, 100))
def test_no_move_leaves_the_room(
    x: float, y: float, width: float, depth: float, height: float, margin: float
) -> None:
    told = Box((x, y, 0.0), (x + width, y + depth, height))
    profile = Profile(margin=margin)
    box = room(profile, told)
    if box is None:
        assert min(width, depth) <= 2 * margin + 1e-6 or height < profile.lift
        return
    for lines in (round_trip(box, profile), short_moves(box, profile), stroll(box, profile)):
        for place_x, place_y in places(lines):
            assert (
                x - 0.01 <= box.low[0] - 0.01 <= place_x <= box.high[0] + 0.01 <= x + width + 0.02
            )
            assert (
                y - 0.01 <= box.low[1] - 0.01 <= place_y <= box.high[1] + 0.01 <= y + depth + 0.02
            )


@pytest.mark.parametrize("make", [round_trip, short_moves, stroll])
def test_nothing_is_extruded_or_heated_and_z_is_only_lifted(make) -> None:
    profile = Profile(lift=12.5)
    box = room(profile, BOX)
    assert box is not None
    lines = make(box, profile)
    allowed = re.compile(r"G28|G21|G90|M400|G1 X[\d.]+ Y[\d.]+|G1 Z12\.50 F300|G1 F3000")
    assert all(allowed.fullmatch(line) for line in lines)


def test_the_round_trip_ends_where_it_is_checked() -> None:
    profile = Profile()
    box = room(profile, BOX)
    assert box is not None
    assert places(round_trip(box, profile))[-1] == centre(box) == (110.0, 100.0)


def test_the_stroll_is_longer_than_anybody_needs_to_stop_it() -> None:
    box = room(Profile(), BOX)
    assert box is not None
    assert len(places(stroll(box, Profile()))) == STROLL_MOVES


class TestRoom:
    def test_the_profile_goes_before_the_printer(self) -> None:
        box = room(Profile(size=(100, 100, 100), margin=10), BOX)
        assert box == Box((10, 10, 0), (90, 90, 100))

    def test_unknown_or_too_small(self) -> None:
        assert room(Profile(), None) is None
        assert room(Profile(size=(40, 100, 100)), None) is None
        assert room(Profile(size=(100, 40, 100)), None) is None
        assert room(Profile(size=(100, 100, 9)), None) is None


class TestProfile:
    def test_all_of_it(self) -> None:
        text = b'name = "Ender"\nbaud = 250000\nsize = [100, 110, 120]\nwarm = 0\nhome = false\n'
        profile = read_profile(text)
        assert (profile.name, profile.baud, profile.size) == ("Ender", 250000, (100, 110, 120))
        assert (profile.warm, profile.home) == (0, False)
        assert read_profile(b"") == Profile()

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"\xff", "no text in UTF-8"),
            (b"name", "no TOML"),
            (b"nozzle = 3", "a profile may have name, baud"),
            (b"warm = 200", "<= 60"),
            (b"size = [0, 1, 1]", "> 0"),
            (b"#" * 70_000, "at most 65536"),
        ],
    )
    def test_what_is_wrong_is_said(self, text: bytes, words: str) -> None:
        with pytest.raises(ProfileError, match=re.escape(words)):
            read_profile(text)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_profile_or_an_error(self, data: bytes) -> None:
        try:
            profile = read_profile(data)
        except ProfileError:
            return
        assert profile.warm <= 60
