"""The approval requests: the table, walked; the docket, against a model."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from gotapi_auth.consent import (
    FINAL,
    TRANSITIONS,
    Docket,
    IllegalMove,
    Limits,
    Move,
    Request,
    State,
    step,
)
from gotapi_core.protocol.errors import TooManyRequests


def wish(
    code: str = "AAAA-AAAA",
    client: bytes = b"c",
    origin: str = "o",
    scopes: tuple[str, ...] = ("3dp",),
    created: float = 0.0,
) -> Request:
    return Request(code, client, "Draw", origin, True, scopes, created, created + 360)


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_every_cell_of_the_table(state: State, move: Move) -> None:
    request = replace(wish(), state=state)
    if (state, move) in TRANSITIONS:
        assert step(request, move) == replace(request, state=TRANSITIONS[state, move])
    else:
        with pytest.raises(IllegalMove, match=f"that is {state.value} cannot {move.value}"):
            step(request, move)


def test_the_table_starts_at_pending_and_ends_at_the_final_states() -> None:
    reached = {State.PENDING} | set(TRANSITIONS.values())
    assert reached == set(State)
    assert {state for state in State if not any(s is state for s, _ in TRANSITIONS)} == FINAL


@pytest.mark.parametrize(
    ("now", "lapsed"),
    [(0, False), (359.9, False), (360, True), (-59, False), (-61, True), (1e12, True)],
)
def test_a_request_lapses_at_its_deadline_and_when_the_clock_was_set_back(
    now: float, lapsed: bool
) -> None:
    assert wish().lapsed(now) is lapsed


def test_asking_again_joins_whatever_the_order_of_the_scopes() -> None:
    docket = Docket(Limits())
    first = docket.ask(wish("A", scopes=("3dp", "3dps")))
    assert docket.ask(wish("B", scopes=("3dps", "3dp"))) is first
    assert [r.code for r in docket.pending()] == ["A"]


@pytest.mark.parametrize("other", [{"client": b"d"}, {"scopes": ("3dps",)}])
def test_another_client_or_other_scopes_are_another_request(other: dict[str, object]) -> None:
    docket = Docket(Limits())
    docket.ask(wish("A"))
    docket.ask(replace(wish("B"), **other))
    assert [r.code for r in docket.pending()] == ["A", "B"]


def test_a_denial_waits_for_the_one_who_asked() -> None:
    docket = Docket(Limits())
    docket.ask(wish("A"))
    docket.move("A", Move.DENY)
    assert docket.pending() == []
    assert docket.ask(wish("B")).state is State.DENIED
    docket.collect(b"c", ("3dp",))
    assert docket.ask(wish("C")).state is State.PENDING


def test_an_approval_that_is_gone_needs_a_new_decision() -> None:
    docket = Docket(Limits())
    docket.ask(wish("A"))
    docket.move("A", Move.APPROVE)
    assert docket.ask(wish("B")).code == "B"
    assert "A" not in docket


def test_collecting_takes_only_what_was_answered_to_that_client() -> None:
    docket = Docket(Limits())
    docket.ask(wish("A"))
    docket.ask(wish("B", scopes=("3dps",)))
    docket.ask(wish("C", scopes=("3dcapi",)))
    docket.ask(wish("D", client=b"d"))
    for code in "ABD":
        docket.move(code, Move.DENY)
    docket.collect(b"c", ("3dp",))
    assert [code in docket for code in "ABCD"] == [False, True, True, True]
    docket.collect(b"c")
    assert [code in docket for code in "ABCD"] == [False, False, True, True]


def test_lapsing_tells_only_of_what_nobody_answered() -> None:
    docket = Docket(Limits())
    for number, code in enumerate("ABC"):
        docket.ask(wish(code, client=code.encode(), created=number))
    docket.move("A", Move.APPROVE)
    assert docket.lapse(359) == []
    assert [(r.code, r.state) for r in docket.lapse(361)] == [("B", State.EXPIRED)]
    assert [code in docket for code in "ABC"] == [False, False, True]


def test_an_origin_may_have_five_requests_waiting() -> None:
    docket = Docket(Limits())
    for number in range(5):
        docket.ask(wish(str(number), client=bytes([number])))
    with pytest.raises(TooManyRequests, match=r"5 requests of o wait.*operator page"):
        docket.ask(wish("6", client=b"new"))
    assert docket.ask(wish("7", client=b"\0")).code == "0"  # joining needs no room
    docket.ask(wish("8", client=b"new", origin="p"))
    docket.move("0", Move.DENY)
    docket.ask(wish("9", client=b"new"))


def test_fifty_requests_may_wait_in_all() -> None:
    docket = Docket(Limits())
    for number in range(50):
        docket.ask(wish(str(number), client=bytes([number]), origin=str(number)))
    with pytest.raises(TooManyRequests, match=r"50 requests wait"):
        docket.ask(wish("51", client=b"new", origin="new"))


@pytest.mark.parametrize("move", Move)
def test_an_unknown_code_is_a_key_error(move: Move) -> None:
    with pytest.raises(KeyError):
        Docket(Limits()).move("A", move)


class DocketMachine(RuleBasedStateMachine):
    """Random moves; the model is a plain dict walked by the table."""

    @initialize()
    def begin(self) -> None:
        self.docket = Docket(Limits(per_origin=2, in_all=3))
        self.model: dict[str, Request] = {}
        self.now = 0.0
        self.count = 0

    @rule(
        client=st.sampled_from([b"a1", b"a2", b"a3", b"b1", b"b2"]),
        scopes=st.sampled_from([("3dp",), ("3dps",), ("3dp", "3dps")]),
    )
    def ask(self, client: bytes, scopes: tuple[str, ...]) -> None:
        self.lapse(0)
        self.count += 1
        asked = wish(str(self.count), client, chr(client[0]), scopes, self.now)
        same = [r for r in self.model.values() if (r.client, r.scopes) == (client, scopes)]
        pending = [r for r in self.model.values() if r.state is State.PENDING]
        try:
            got = self.docket.ask(asked)
        except TooManyRequests:
            mine = [r for r in pending if r.origin == asked.origin]
            assert len(mine) >= 2 or len(pending) >= 3
            assert not any(r.state in (State.PENDING, State.DENIED) for r in same)
            for request in same:  # an approval was given up to ask anew
                del self.model[request.code]
            return
        if got is asked:
            assert all(r.state is State.APPROVED for r in same)
            for request in same:
                del self.model[request.code]
            self.model[asked.code] = asked
        else:
            assert self.model[got.code] == got
            assert got in same

    @precondition(lambda self: self.model)
    @rule(data=st.data(), move=st.sampled_from(Move))
    def move(self, data: st.DataObject, move: Move) -> None:
        code = data.draw(st.sampled_from(sorted(self.model)))
        before = self.model[code]
        after = TRANSITIONS.get((before.state, move))
        if after is None:
            with pytest.raises(IllegalMove):
                self.docket.move(code, move)
            return
        assert self.docket.move(code, move).state is after
        self.model[code] = replace(before, state=after)
        if after in FINAL:
            del self.model[code]

    @rule(seconds=st.sampled_from([0, 1, 100, 359, 360, -30, -90]))
    def lapse(self, seconds: float) -> None:
        self.now += seconds
        late = {code: r for code, r in self.model.items() if r.lapsed(self.now)}
        told = {r.code for r in self.docket.lapse(self.now)}
        assert told == {code for code, r in late.items() if r.state is State.PENDING}
        for code in late:
            del self.model[code]

    @rule(client=st.sampled_from([b"a1", b"b1"]))
    def collect(self, client: bytes) -> None:
        self.docket.collect(client)
        for code, request in list(self.model.items()):
            if request.client == client and request.state is not State.PENDING:
                del self.model[code]

    @invariant()
    def the_docket_is_the_model(self) -> None:
        pending = [r for r in self.model.values() if r.state is State.PENDING]
        assert self.docket.pending() == pending
        assert all(code in self.docket for code in self.model)
        assert len(pending) <= 3


TestDocketMachine = DocketMachine.TestCase
