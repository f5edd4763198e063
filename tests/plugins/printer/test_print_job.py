"""The job's state table, its progress and its message."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.gcode import FileFacts
from gotapi_printer.gcode_notes import ProgressMark
from gotapi_printer.job import (
    TRANSITIONS,
    Job,
    JobError,
    JobEvent,
    JobState,
    Progress,
    advance,
    following,
    message,
    progress,
)

FINAL = {JobState.DONE, JobState.STOPPED, JobState.FAILED, JobState.INTERRUPTED}


def new_job(**members):
    return Job("j1", "file://www.3dexcont.com/ex.stl", "ex", 0, queued_at=1.0, **members)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(JobState, JobEvent)))
def test_every_pair_is_in_the_table_or_refused(state, event):
    if (state, event) in TRANSITIONS:
        assert following(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(JobError, match=f"{state.value} cannot {event.value}"):
            following(state, event)


def test_final_states_are_those_nothing_leaves():
    assert {state for state in JobState if state.final} == FINAL
    assert not {state for state, _ in TRANSITIONS} & FINAL
    assert set(TRANSITIONS.values()) | {JobState.FETCHING} == set(JobState)


def test_active_jobs_hold_their_printer():
    active = {state for state in JobState if state.active}
    assert active == set(JobState) - FINAL - {JobState.FETCHING, JobState.QUEUED, JobState.SLICING}


def test_every_active_job_can_be_lost_and_fail():
    for state in JobState:
        if state.active:
            assert following(state, JobEvent.LOSE) is JobState.INTERRUPTED
            assert following(state, JobEvent.FAIL) is JobState.FAILED


def test_a_job_from_queue_to_end():
    job = advance(new_job(), JobEvent.START, 2.0)
    assert (job.state, job.started_at, job.ended_at) == (JobState.STARTING, 2.0, None)
    job = advance(advance(job, JobEvent.STREAMING, 3.0), JobEvent.ENDED, 9.0)
    assert (job.state, job.started_at, job.ended_at) == (JobState.DONE, 2.0, 9.0)


def test_the_reason_stays():
    job = advance(new_job(state=JobState.PRINTING), JobEvent.STOP, 2.0, "by the user")
    assert advance(job, JobEvent.ENDED, 3.0).reason == "by the user"


FACTS = FileFacts(commands=200, bytes=1, lines=1, layers=2, layer_starts=(10, 100))


def test_progress_by_commands():
    assert progress(FACTS, 50, 61, 30.0) == Progress(50, 200, 61, 1, 2, 25.0, 90.0, "elapsed")
    assert progress(FACTS, 0, 0, 5.0) == Progress(0, 200, 0, 0, 2, 0.0, None)
    assert progress(FACTS, 200, 300, 40.0) == Progress(200, 200, 300, 2, 2, 100.0, 0.0, "elapsed")


def test_the_slicer_s_estimate_is_better_than_a_guess():
    facts = msgspec.structs.replace(FACTS, seconds=1000.0)
    found = progress(facts, 50, 61, 30.0)
    assert (found.seconds_left, found.left_source) == (750.0, "slicer")


def test_the_slicer_s_own_progress_is_best():
    marks = (ProgressMark(1, 0.0, 9), ProgressMark(40, 70.0, None), ProgressMark(60, None, 2))
    facts = msgspec.structs.replace(FACTS, marks=marks, seconds=1000.0)
    assert progress(facts, 30, 30, 1.0) == Progress(30, 200, 30, 1, 2, 0.0, 540.0, "m73")
    assert progress(facts, 50, 50, 1.0) == Progress(50, 200, 50, 1, 2, 70.0, 300.0, "slicer")
    assert progress(facts, 100, 100, 1.0) == Progress(100, 200, 100, 1, 2, 50.0, 120.0, "m73")


@given(st.integers(1, 500), st.data(), st.floats(0, 1e6))
def test_progress_stays_within_bounds(total, data, elapsed):
    facts = FileFacts(commands=total, bytes=1, lines=1)
    line = data.draw(st.integers(0, total))
    found = progress(facts, line, line, elapsed)
    assert 0.0 <= found.percent <= 100.0
    assert found.seconds_left is None or found.seconds_left >= 0.0


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (JobState.QUEUED, "Waiting in the queue"),
        (JobState.SLICING, "Slicing 26 %"),
        (JobState.STARTING, "Starting"),
        (JobState.PRINTING, "Printing 26 %"),
        (JobState.PAUSED, "Paused at 26 %"),
        (JobState.STOPPING, "Stopping"),
        (JobState.DONE, "Printed"),
        (JobState.STOPPED, "Printing stopped"),
        (JobState.FAILED, "Failed after line 61"),
        (JobState.INTERRUPTED, "Interrupted after line 61"),
    ],
)
def test_every_state_has_its_message(state, text):
    job = new_job(state=state, progress=Progress(50, 200, 61, 1, 2, 25.6, 90.0))
    assert message(job) == text
    assert message(msgspec.structs.replace(job, reason="cable out")) == f"{text}: cable out"


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"state": JobState.FAILED, "card": True}, "Failed after 26 %"),
        ({"state": JobState.INTERRUPTED, "card": True}, "Interrupted after 26 %"),
        ({"state": JobState.DONE, "card": True}, "Printed"),
        ({"state": JobState.QUEUED, "held": True}, "Waiting to be let begin"),
        ({"state": JobState.SLICING, "held": True}, "Slicing 26 %"),
    ],
)
def test_prints_from_the_card_and_held_jobs_have_messages_of_their_own(members, text):
    assert message(new_job(progress=Progress(50, 200, 61, percent=25.6), **members)) == text
