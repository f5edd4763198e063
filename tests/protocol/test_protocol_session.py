"""The life of a GotAPI-5 WebSocket."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import InvalidOrigin, Lineage, UnknownToken
from gotapi_core.protocol.session import (
    TRANSITIONS,
    Authorise,
    Close,
    CloseCode,
    Input,
    Send,
    Session,
    State,
)

TOKEN = '{"accessToken":"t"}'


def at(state):
    """Return a session that is in a state, at time 0."""
    session = Session(0.0)
    if state is not State.AWAIT_TOKEN:
        session.text(TOKEN, 0.0)
    if state in (State.OPEN, State.REAUTHORISING):
        session.authorised()
    if state is State.REAUTHORISING:
        session.text(TOKEN, 0.0)
    if state is State.CLOSED:
        session.closed()
    assert session.state is state
    return session


def shown(actions):
    """Return actions in short: verdict number, 0 for good; close code; token."""
    result = []
    for action in actions:
        if isinstance(action, Send):
            members = json.loads(action.frame)
            result.append(("verdict", members.get("errorCode", 0)))
        elif isinstance(action, Close):
            result.append(("close", action.code))
        else:
            result.append(("authorise", action.token))
    return result


def test_a_good_token():
    session = Session(100.0)
    assert session.text(TOKEN, 101.0) == [Authorise("t")]
    assert not session.open
    assert shown(session.authorised()) == [("verdict", 0)]
    assert session.open
    assert session.state is State.OPEN


def test_a_bad_token_may_be_followed_by_a_good_one():
    session = at(State.AUTHORISING)
    assert shown(session.authorised(UnknownToken())) == [("verdict", 3)]
    assert session.state is State.AWAIT_TOKEN
    assert session.text(TOKEN, 1.0) == [Authorise("t")]
    assert shown(session.authorised()) == [("verdict", 0)]


def test_the_third_bad_frame_closes():
    session = at(State.AWAIT_TOKEN)
    assert shown(session.text("nonsense", 0.0)) == [("verdict", 5)]
    assert shown(session.text("{}", 0.0)) == [("verdict", 1)]
    assert shown(session.text("[", 0.0)) == [("verdict", 5), ("close", 1008)]
    assert session.state is State.CLOSED
    assert session.text(TOKEN, 0.0) == []


def test_refused_tokens_count_too():
    session = at(State.AWAIT_TOKEN)
    for _ in range(2):
        session.text(TOKEN, 0.0)
        assert shown(session.authorised(UnknownToken())) == [("verdict", 3)]
    session.text(TOKEN, 0.0)
    assert shown(session.authorised(InvalidOrigin())) == [("verdict", 2), ("close", 1008)]


def test_a_good_token_forgives_the_bad_ones():
    session = at(State.AWAIT_TOKEN)
    session.text("1", 0.0)
    session.text("2", 0.0)
    session.text(TOKEN, 0.0)
    session.authorised()
    assert shown(session.text("3", 0.0)) == [("verdict", 5)]
    assert shown(session.text("4", 0.0)) == [("verdict", 5)]
    assert session.open
    assert shown(session.text("5", 0.0)) == [("verdict", 5), ("close", 1008)]


def test_a_second_token_reauthorises_while_events_go_on():
    session = at(State.OPEN)
    assert session.text('{"accessToken":"u"}', 0.0) == [Authorise("u")]
    assert session.state is State.REAUTHORISING
    assert session.open
    assert shown(session.authorised()) == [("verdict", 0)]
    assert session.state is State.OPEN


def test_a_refused_second_token_leaves_the_first_in_force():
    session = at(State.REAUTHORISING)
    assert shown(session.authorised(UnknownToken())) == [("verdict", 3)]
    assert session.state is State.OPEN


@pytest.mark.parametrize("state", [State.AUTHORISING, State.REAUTHORISING])
def test_a_token_before_the_verdict_is_refused(state):
    session = at(state)
    assert shown(session.text(TOKEN, 0.0)) == [("verdict", 4)]
    assert session.state is state
    assert shown(session.authorised()) == [("verdict", 0)]


def test_no_token_in_time():
    session = Session(100.0)
    assert session.deadline == 105.0
    assert session.tick(104.9) == []
    assert shown(session.tick(105.0)) == [("verdict", 1), ("close", 1008)]
    assert session.state is State.CLOSED
    assert session.deadline is None
    assert session.tick(200.0) == []


def test_every_try_gets_the_whole_time():
    session = Session(100.0, token_deadline=2.0)
    session.text("nonsense", 101.5)
    assert session.deadline == 103.5
    assert session.tick(103.0) == []
    assert shown(session.tick(103.5)) == [("verdict", 1), ("close", 1008)]


@pytest.mark.parametrize("state", [State.AUTHORISING, State.OPEN, State.REAUTHORISING])
def test_only_a_missing_token_is_late(state):
    assert at(state).tick(1e9) == []
    assert at(state).deadline is None


LIVE = [state for state in State if state is not State.CLOSED]


@pytest.mark.parametrize("state", LIVE)
def test_what_ends_every_live_session(state):
    assert shown(at(state).binary()) == [("close", CloseCode.UNSUPPORTED)]
    assert shown(at(state).text("x" * 20_000, 0.0)) == [("close", CloseCode.TOO_BIG)]
    gone = at(state)
    assert gone.closed() == []
    assert gone.state is State.CLOSED


@pytest.mark.parametrize("state", [State.AUTHORISING, State.OPEN, State.REAUTHORISING])
def test_revocation_closes(state):
    session = at(state)
    assert shown(session.revoked()) == [("close", 4401)]
    assert not session.open


def test_without_a_token_there_is_nothing_to_revoke():
    session = at(State.AWAIT_TOKEN)
    assert session.revoked() == []
    assert session.state is State.AWAIT_TOKEN


def test_a_closed_session_does_nothing():
    session = at(State.CLOSED)
    assert session.text(TOKEN, 0.0) == session.binary() == session.authorised() == []
    assert session.tick(1e9) == session.revoked() == session.closed() == []


@pytest.mark.parametrize("state", [State.AWAIT_TOKEN, State.OPEN])
def test_a_verdict_nobody_asked_for_is_ignored(state):
    session = at(state)
    assert session.authorised() == session.authorised(UnknownToken()) == []
    assert session.state is state


def test_the_verdict_can_be_worded_for_the_other_lineage():
    session = Session(0.0, lineage=Lineage.STATUS)
    [send] = session.text("{}", 0.0)
    assert isinstance(send, Send)
    assert json.loads(send.frame)["errorCode"] == "10"


def happen(session, what):
    if what in (Input.FAILED_TOO_OFTEN,):
        for _ in range(3):
            session.text("nonsense", 0.0)
        return
    {
        Input.TOKEN: lambda: session.text(TOKEN, 0.0),
        Input.BAD_FRAME: lambda: session.text("nonsense", 0.0),
        Input.TOO_BIG: lambda: session.text("x" * 20_000, 0.0),
        Input.BINARY: session.binary,
        Input.ACCEPTED: session.authorised,
        Input.REFUSED: lambda: session.authorised(UnknownToken()),
        Input.LATE: lambda: session.tick(1e9),
        Input.REVOKED: session.revoked,
        Input.CLOSED: session.closed,
    }[what]()


@pytest.mark.parametrize("what", list(Input))
@pytest.mark.parametrize("state", list(State))
def test_the_table_is_what_happens(state, what):
    session = at(state)
    happen(session, what)
    assert session.state is TRANSITIONS.get((state, what), state)


def test_closed_is_final_and_every_other_state_can_get_there():
    assert not [state for state, _ in TRANSITIONS if state is State.CLOSED]
    for state in LIVE:
        assert TRANSITIONS[state, Input.CLOSED] is State.CLOSED


def test_close_reasons_fit_their_frame():
    closes = [
        action
        for state in LIVE
        for actions in (at(state).binary(), at(state).revoked(), at(state).tick(1e9))
        for action in actions
        if isinstance(action, Close)
    ]
    assert closes
    assert all(1 <= len(close.reason.encode()) <= 123 for close in closes)


steps = st.one_of(
    st.tuples(
        st.just("text"), st.one_of(st.just(TOKEN), st.text(max_size=20), st.binary(max_size=9))
    ),
    st.tuples(
        st.sampled_from(["binary", "ok", "refuse", "tick", "revoked", "closed"]), st.just("")
    ),
)


@given(st.lists(steps, max_size=30))
def test_any_story_ends_well(story):
    session = Session(0.0)
    asked = 0
    for now, (step, frame) in enumerate(story):
        before = session.state
        actions = {
            "text": lambda frame=frame, now=now: session.text(frame, now),
            "binary": session.binary,
            "ok": session.authorised,
            "refuse": lambda: session.authorised(UnknownToken()),
            "tick": lambda now=now: session.tick(now),
            "revoked": session.revoked,
            "closed": session.closed,
        }[step]()
        assert before is not State.CLOSED or actions == []
        closes = [action for action in actions if isinstance(action, Close)]
        # A Close is the last action, and nobody asks for a close of a socket that stays open.
        assert closes == [] or (actions[-1] is closes[0] and session.state is State.CLOSED)
        asked += sum(isinstance(action, Authorise) for action in actions)
        assert not session.open or asked
