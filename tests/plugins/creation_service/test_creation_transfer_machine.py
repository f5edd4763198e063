"""Both ends of a file transfer as machines: every transition, every order of pieces and cuts."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_creation.transfer.failures import BrokenRules, Mismatch, TooLarge, TransferError
from gotapi_creation.transfer.machine import TRANSITIONS, Receiver, Sender, State, Step
from gotapi_creation.transfer.words import ACK_EVERY, PIECE, WINDOW, Offset, Verdict, read_offset
from gotapi_creation.wire.codes import Code

MIB = 1 << 20


def test_every_state_is_reached_and_the_ends_are_ends() -> None:
    reached = {State.START, *TRANSITIONS.values()}
    assert reached == set(State)
    for state, step in itertools.product((State.DONE, State.FAILED), Step):
        assert (state, step) not in TRANSITIONS


def test_every_state_but_the_ends_can_fail() -> None:
    for state in set(State) - {State.DONE, State.FAILED}:
        assert TRANSITIONS[state, Step.BAD] is State.FAILED


def test_an_upload_of_three_mib() -> None:
    receiver = Receiver()
    assert receiver.begin(3 * MIB, 0, 10 * MIB) == '{"offset":0}'
    said = [receiver.stored(PIECE) for _ in range(12)]
    assert [text for text in said if text] == [f'{{"offset":{n * MIB}}}' for n in (1, 2, 3)]
    assert receiver.whole
    assert receiver.good("aa") == '{"result":0,"sha256":"aa"}'
    assert receiver.over


def test_a_file_that_is_larger_than_allowed_is_refused_before_a_byte_is_sent() -> None:
    receiver = Receiver()
    with pytest.raises(TooLarge, match="11 bytes, more than the 10"):
        receiver.begin(11, 0, 10)
    assert receiver.over


def test_more_bytes_than_announced_are_refused() -> None:
    receiver = Receiver()
    receiver.begin(10, 8, 100)
    with pytest.raises(BrokenRules, match="more than the 10"):
        receiver.stored(3)
    assert receiver.state is State.FAILED


def test_an_empty_file_is_whole_at_once() -> None:
    receiver = Receiver()
    receiver.begin(0, 0, 10)
    assert receiver.whole
    sender = Sender()
    sender.begin(0, 0)
    assert sender.piece() == 0
    assert sender.whole


def test_an_empty_frame_changes_nothing() -> None:
    receiver = Receiver()
    receiver.begin(10, 0, 10)
    assert receiver.stored(0) is None
    assert receiver.state is State.BODY


@pytest.mark.parametrize("have", [-1, 11])
def test_an_offset_outside_the_file_is_refused(have: int) -> None:
    with pytest.raises(BrokenRules, match="within the 10 bytes"):
        Sender().begin(10, have)


def test_a_hash_that_differs_ends_with_the_reason() -> None:
    receiver = Receiver()
    receiver.begin(0, 0, 10)
    verdict = read_offset(receiver.bad(Mismatch("sha256 differs")))
    assert verdict == Verdict(int(Code.INVALID_PARAMETER), error_message="sha256 differs")
    assert receiver.bad(Mismatch("again"))  # told twice, failed once
    assert receiver.state is State.FAILED


def test_nothing_happens_before_both_agree() -> None:
    with pytest.raises(BrokenRules, match="not expected in state start"):
        Receiver().good("aa")


def test_a_sender_waits_for_acknowledgements() -> None:
    sender = Sender()
    sender.begin(100 * MIB, 0)
    assert sum(iter(sender.piece, 0)) == WINDOW
    sender.heard(Offset(ACK_EVERY))
    assert sum(iter(sender.piece, 0)) == ACK_EVERY


def test_an_offer_says_what_the_file_is() -> None:
    text = Sender().offer(10, 4, "ab", "model/gltf-binary")
    assert text == '{"offset":4,"size":10,"sha256":"ab","type":"model/gltf-binary"}'


@pytest.mark.parametrize("offset", [3, 11])
def test_an_acknowledgement_of_what_was_not_sent_is_refused(offset: int) -> None:
    sender = Sender()
    sender.begin(10, 4)
    sender.piece()
    with pytest.raises(BrokenRules, match=f"{offset} was acknowledged"):
        sender.heard(Offset(offset))


def test_a_verdict_ends_well_only_when_everything_was_sent() -> None:
    sender = Sender()
    sender.begin(10, 0)
    with pytest.raises(BrokenRules, match="before it had all bytes"):
        sender.heard(Verdict(0))
    assert sender.over


@pytest.mark.parametrize("message", ["The disk is full", ""])
def test_a_refusal_reaches_the_caller_with_code_and_words(message: str) -> None:
    sender = Sender()
    sender.begin(10, 0)
    with pytest.raises(TransferError) as refused:
        sender.heard(Verdict(int(Code.STORAGE_FULL), error_message=message))
    assert refused.value.code is Code.STORAGE_FULL
    assert refused.value.message == (message or "The other side refused the file")


@given(
    size=st.integers(0, 30 * MIB),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    batch=st.integers(1, 6),
)
def test_whatever_is_cut_nothing_acknowledged_is_sent_again(
    size: int, cuts: list[int], batch: int
) -> None:
    stored = acknowledged = 0
    for pieces in [*cuts, None]:  # how many pieces each connection lives
        receiver, sender = Receiver(), Sender()
        receiver.begin(size, stored, size)
        sender.begin(size, stored)
        assert sender.acknowledged >= acknowledged
        sent = 0
        while not sender.whole and (pieces is None or sent < pieces):
            count = sum(sender.piece() for _ in range(batch))
            text = receiver.stored(count)
            stored += count
            sent += batch
            if text is not None:
                message = read_offset(text)
                assert isinstance(message, Offset)
                sender.heard(message)
            assert sender.offset - sender.acknowledged <= WINDOW + batch * PIECE
        acknowledged = sender.acknowledged
    assert receiver.whole
    sender.heard(read_offset_verdict(receiver.good("aa")))
    assert (stored, sender.acknowledged, sender.state) == (size, size, State.DONE)


def read_offset_verdict(text: str) -> Verdict:
    message = read_offset(text)
    assert isinstance(message, Verdict)
    return message
