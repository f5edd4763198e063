"""Tickets: the table of moves, the pace of polls, bounds."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_auth.tickets import (
    INTERVAL,
    KEEP,
    MAX_WRONG,
    TRANSITIONS,
    WINDOW,
    Move,
    Stage,
    Ticket,
    Tickets,
    Wrong,
    moved,
    polled,
)
from gotapi_core.protocol.errors import TooManyRequests

NOW = 1_700_000_000.0
TICKET = Ticket(b"h", b"c", "AAAA-AAAA", ("3dp",), NOW, NOW + 600)


@pytest.mark.parametrize(("stage", "move"), list(product(Stage, Move)))
def test_every_move_from_every_stage(stage: Stage, move: Move) -> None:
    after = moved(msgspec.structs.replace(TICKET, stage=stage), move).stage
    assert after is TRANSITIONS.get((stage, move), stage)


def test_what_is_spent_denied_or_over_stays_so() -> None:
    assert {stage for stage, _ in TRANSITIONS}.isdisjoint({Stage.SPENT, Stage.DENIED, Stage.OVER})


@given(st.lists(st.sampled_from(Move), max_size=12))
def test_no_order_of_moves_spends_twice_or_without_approval(moves: list[Move]) -> None:
    ticket, spent, approved = TICKET, 0, False
    for move in moves:
        before, ticket = ticket.stage, moved(ticket, move)
        approved = approved or (before is Stage.WAITING and move is Move.APPROVE)
        spent += before is not Stage.SPENT and ticket.stage is Stage.SPENT
    assert spent <= 1
    assert approved or spent == 0


def test_a_poll_that_comes_too_soon_makes_the_next_one_later() -> None:
    ticket, soon = polled(TICKET, NOW)
    assert (soon, ticket.interval) == (False, INTERVAL)
    ticket, soon = polled(ticket, NOW + 4)
    assert (soon, ticket.interval) == (True, 10.0)
    ticket, soon = polled(ticket, NOW + 4 + 9.4)
    assert (soon, ticket.interval) == (True, 15.0)
    ticket, soon = polled(ticket, NOW + 13.4 + 14.6)
    assert (soon, ticket.interval) == (False, 15.0)
    _, soon = polled(ticket, NOW - 100)  # the clock was set back
    assert not soon


def test_a_ticket_is_found_by_handle_code_and_request() -> None:
    tickets = Tickets()
    tickets.add(TICKET)
    assert tickets.find(b"h") == TICKET
    assert tickets.find(b"x") is None
    assert tickets.by_code(b"") is None
    assert tickets.of_request("AAAA-AAAA") == [TICKET]
    issued = msgspec.structs.replace(TICKET, stage=Stage.ISSUED, code=b"k")
    assert tickets.put(issued) is issued
    assert tickets.by_code(b"k") == issued
    assert tickets.of_request("AAAA-AAAA") == []


def test_what_is_too_late_ends_and_is_forgotten_later() -> None:
    tickets = Tickets()
    tickets.add(TICKET)
    tickets.lapse(NOW + 599)
    assert tickets.find(b"h") == TICKET
    tickets.lapse(NOW + 600)
    ended = tickets.find(b"h")
    assert ended is not None
    assert ended.stage is Stage.OVER
    tickets.put(msgspec.structs.replace(ended, code=b"k"))
    tickets.lapse(NOW + 600 + KEEP)
    assert len(tickets) == 0
    assert tickets.by_code(b"k") is None


def test_a_clock_that_was_set_back_ends_them_all() -> None:
    tickets = Tickets()
    tickets.add(TICKET)
    tickets.lapse(NOW - 61)
    assert len(tickets) == 0
    assert TICKET.lapsed(NOW - 61)


def test_there_are_only_so_many() -> None:
    tickets = Tickets(most=1)
    tickets.add(TICKET)
    with pytest.raises(TooManyRequests, match="1 applications ask"):
        tickets.add(msgspec.structs.replace(TICKET, handle=b"i"))


def test_wrong_codes_are_counted_for_a_minute_and_for_each_client() -> None:
    wrong = Wrong()
    for number in range(MAX_WRONG):
        assert not wrong.too_many(b"a", NOW)
        wrong.note(b"a", NOW + number)
    assert wrong.too_many(b"a", NOW + MAX_WRONG)
    assert not wrong.too_many(b"b", NOW + MAX_WRONG)
    assert not wrong.too_many(b"a", NOW + WINDOW + 1)
    wrong.note(b"b", NOW + 2 * WINDOW)
    assert wrong._times == {b"b": [NOW + 2 * WINDOW]}
