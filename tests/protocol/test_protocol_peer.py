"""Who may send what when: the table is walked, and a model plays both sides."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import plugin_wire as wire
from gotapi_core.protocol.peer import SENDERS, TRANSITIONS, Peer, Phase, Side, possible

HELLO = wire.Hello(wire.Versions(1, 1), id="lamp", name="Lamp")
WELCOME = wire.Welcome(1, "hub", "lamp", {}, "/folder", "/spool")
CALL = wire.Call(1, "GET", "light", "desk")
START = wire.EventStart(2, "light", "desk")

EXAMPLES: dict[type[wire.Message], wire.Message] = {
    type(one): one
    for one in (
        HELLO, WELCOME, CALL, START, wire.Describe(()), wire.Services(3),
        wire.Surface(4, "/lamp", "GET", "/lamp"), wire.EventAck(2, 1), wire.Cancel(1),
        wire.Reply(1), wire.Event(2, {}), wire.EventEnd(2), wire.DocumentPut(1, "c", "k", {}),
        wire.DocumentDelete(2, "c", "k"), wire.DocumentList(3, "c"), wire.BlobOpen(4, "u", "A"),
        wire.BlobPublish(5, "/p", "n", "t", "A"), wire.Log("x"), wire.Ping(), wire.Pong(),
        wire.CallOther(6, "A", "GET", "light", "word", "desk.lamp"), wire.FindOthers(7, "A"),
        wire.CreateClient(5, "https://a.example", "desk"),
        wire.RequestAccessToken(6, "c1", "App", ("light",)),
        wire.Fault("x"), wire.Bye(),
    )
}  # fmt: skip

for kind in SENDERS[Side.HUB] | SENDERS[Side.PLUGIN]:  # what has no members needs no example
    if not msgspec.structs.fields(kind):
        EXAMPLES[kind] = kind()

WAYS: dict[Phase, list[tuple[Side, wire.Message]]] = {Phase.OPEN: []}
WAYS[Phase.GREETED] = [(Side.PLUGIN, HELLO)]
WAYS[Phase.STARTING] = [*WAYS[Phase.GREETED], (Side.HUB, WELCOME)]
WAYS[Phase.READY] = [*WAYS[Phase.STARTING], (Side.PLUGIN, wire.Describe(()))]
WAYS[Phase.CLOSING] = [*WAYS[Phase.READY], (Side.HUB, wire.Bye())]
WAYS[Phase.CLOSED] = [*WAYS[Phase.CLOSING], (Side.PLUGIN, wire.Bye())]


class Pair:
    """Both ends of one connection."""

    def __init__(self, phase: Phase = Phase.READY) -> None:
        self.ends = {side: Peer(side) for side in Side}
        for side, message in WAYS[phase]:
            self.pass_on(side, message)

    def pass_on(self, side: Side, message: wire.Message) -> wire.Message | None:
        return self.ends[side.other].receive(self.ends[side].send(message))


def test_there_is_an_example_of_every_message() -> None:
    assert set(EXAMPLES) == SENDERS[Side.HUB] | SENDERS[Side.PLUGIN]


@pytest.mark.parametrize("phase", Phase)
def test_a_way_leads_to_every_phase(phase: Phase) -> None:
    ends = Pair(phase).ends
    assert [end.phase for end in ends.values()] == [phase, phase]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("kind", EXAMPLES, ids=wire.tag_of)
def test_every_message_in_every_phase(phase: Phase, side: Side, kind: type[wire.Message]) -> None:
    pair = Pair(phase)
    message = EXAMPLES[kind]
    following = TRANSITIONS.get((phase, side, kind))
    if following is None:
        with pytest.raises(wire.LocalError, match=f"'{wire.tag_of(kind)}' cannot be sent"):
            pair.ends[side].send(message)
        with pytest.raises(wire.RemoteError) as caught:
            pair.ends[side.other].receive(wire.encode(message))
        if kind in SENDERS[side]:
            assert f"possible is {possible(phase, side)}" in str(caught.value)
            assert caught.value.fatal
        assert pair.ends[side].phase is phase
    elif isinstance(message, wire.Reply | wire.Event | wire.EventEnd):
        with pytest.raises(wire.LocalError, match="nobody waits"):
            pair.ends[side].send(message)
        with pytest.raises(wire.RemoteError, match="answers nothing that is open") as caught:
            pair.ends[side.other].receive(wire.encode(message))
        assert not caught.value.fatal
    else:
        assert pair.pass_on(side, message) == message
        assert [end.phase for end in pair.ends.values()] == [following, following]


def test_the_table_only_has_what_a_side_can_say() -> None:
    for _, side, kind in TRANSITIONS:
        assert kind in SENDERS[side]
    assert possible(Phase.CLOSED, Side.HUB) == "nothing"
    assert possible(Phase.OPEN, Side.PLUGIN) == "bye, hello, log"


def test_a_request_is_answered_once() -> None:
    pair = Pair()
    pair.pass_on(Side.HUB, CALL)
    assert pair.ends[Side.PLUGIN].due == 1
    assert pair.pass_on(Side.PLUGIN, wire.Reply(1, {"on": True})) == wire.Reply(1, {"on": True})
    assert pair.ends[Side.PLUGIN].due == 0
    with pytest.raises(wire.RemoteError, match="each request is answered once") as again:
        pair.ends[Side.HUB].receive(wire.encode(wire.Reply(1)))
    assert not again.value.fatal


def test_ids_of_both_sides_are_apart() -> None:
    pair = Pair()
    pair.pass_on(Side.HUB, CALL)
    pair.pass_on(Side.PLUGIN, wire.DocumentList(1, "c"))
    assert pair.pass_on(Side.HUB, wire.Reply(1, {"documents": []})) is not None
    assert pair.pass_on(Side.PLUGIN, wire.Reply(1)) is not None


def test_an_id_is_not_used_twice_at_once() -> None:
    pair = Pair()
    pair.pass_on(Side.PLUGIN, wire.DocumentList(1, "c"))
    with pytest.raises(wire.RemoteError, match="id 1 of 'documentList' is taken"):
        pair.ends[Side.HUB].receive(wire.encode(wire.DocumentList(1, "c")))
    assert [pair.ends[Side.HUB].next_id() for _ in range(3)] == [1, 2, 3]


def test_a_stream_has_many_events_and_one_end() -> None:
    pair = Pair()
    pair.pass_on(Side.HUB, START)
    for number in range(3):
        assert pair.pass_on(Side.PLUGIN, wire.Event(2, {"n": number})) is not None
    pair.pass_on(Side.HUB, wire.EventAck(2, 3))
    pair.pass_on(Side.PLUGIN, wire.EventEnd(2))
    with pytest.raises(wire.LocalError, match="nobody waits for 'event' 2"):
        pair.ends[Side.PLUGIN].send(wire.Event(2, {}))


@pytest.mark.parametrize(
    ("asked", "answer", "said"),
    [
        (START, wire.Reply(2), "'eventStart' 2 is answered with 'event' and 'eventEnd', not with"),
        (CALL, wire.Event(1, {}), "'call' 1 is answered with 'reply', not with 'event'"),
        (CALL, wire.EventEnd(1), "'call' 1 is answered with 'reply', not with 'eventEnd'"),
    ],
)
def test_the_wrong_kind_of_answer(asked: Any, answer: Any, said: str) -> None:
    pair = Pair()
    pair.pass_on(Side.HUB, asked)
    with pytest.raises(wire.LocalError, match="nobody waits"):
        pair.ends[Side.PLUGIN].send(answer)
    with pytest.raises(wire.RemoteError, match=said):
        pair.ends[Side.HUB].receive(wire.encode(answer))


def test_a_late_answer_to_what_was_cancelled_is_let_pass_once() -> None:
    pair = Pair()
    pair.pass_on(Side.HUB, CALL)
    pair.pass_on(Side.HUB, START)
    pair.pass_on(Side.HUB, wire.Cancel(1))
    pair.pass_on(Side.HUB, wire.Cancel(2))
    late = [wire.Reply(1), wire.Event(2, {}), wire.Event(2, {}), wire.EventEnd(2)]
    assert [pair.ends[Side.HUB].receive(wire.encode(one)) for one in late] == [None] * 4
    for one in (wire.Reply(1), wire.Event(2, {}), wire.EventEnd(2)):
        with pytest.raises(wire.RemoteError, match="answers nothing"):
            pair.ends[Side.HUB].receive(wire.encode(one))


def test_the_side_that_was_asked_can_forget_it() -> None:
    pair = Pair()
    pair.pass_on(Side.HUB, CALL)
    pair.ends[Side.PLUGIN].forget(1)
    pair.ends[Side.PLUGIN].forget(1)
    with pytest.raises(wire.LocalError, match="nobody waits"):
        pair.ends[Side.PLUGIN].send(wire.Reply(1))


def test_what_was_given_up_is_remembered_within_bounds() -> None:
    hub = Pair().ends[Side.HUB]
    hub.abandon(1)  # was never asked: nothing to remember
    for number in range(1, 1100):
        hub.send(msgspec.structs.replace(CALL, id=number))
        hub.send(wire.Cancel(number))
    assert hub.receive(wire.encode(wire.Reply(1099))) is None
    with pytest.raises(wire.RemoteError, match="answers nothing"):
        hub.receive(wire.encode(wire.Reply(1)))


def test_what_is_too_large_changes_nothing() -> None:
    hub = Peer(Side.PLUGIN, size=100)
    with pytest.raises(wire.TooLargeError):
        hub.send(msgspec.structs.replace(HELLO, name="x" * 100))
    assert hub.phase is Phase.OPEN
    with pytest.raises(wire.RemoteError, match="a message may have 100 bytes"):
        hub.receive(b" " * 101)


@contextmanager
def suppress_taken() -> Iterator[None]:
    try:
        yield
    except wire.RemoteError as error:
        if "is taken by an open request" not in str(error):
            raise


@given(st.lists(st.tuples(st.sampled_from(Side), st.sampled_from(list(EXAMPLES.values())))))
def test_two_peers_never_disagree(steps: list[tuple[Side, wire.Message]]) -> None:
    pair = Pair(Phase.OPEN)
    for side, message in steps:
        try:
            text = pair.ends[side].send(message)
        except wire.LocalError:
            continue
        # The only thing that one side cannot know: the other has that id open already.
        with suppress_taken():
            pair.ends[side.other].receive(text)
        assert pair.ends[Side.HUB].phase is pair.ends[Side.PLUGIN].phase


@given(st.binary(max_size=200))
def test_no_bytes_crash_a_peer(text: bytes) -> None:
    for phase in Phase:
        for end in Pair(phase).ends.values():
            before = end.phase
            try:
                end.receive(text)
            except wire.RemoteError:
                assert end.phase is before
