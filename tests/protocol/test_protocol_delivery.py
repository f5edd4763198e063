"""The bounded queue of one listener."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gotapi_core.protocol.delivery import Offer, Outbox


def drain(box):
    frames = []
    while (frame := box.take()) is not None:
        frames.append(frame)
    return frames


def test_frames_leave_in_the_order_they_came():
    box = Outbox()
    assert [box.offer(b"1"), box.offer(b"2", key="k"), box.offer(b"3")] == [Offer.QUEUED] * 3
    assert (len(box), box.size) == (3, 3)
    assert drain(box) == [b"1", b"2", b"3"]
    assert (len(box), box.size, box.take()) == (0, 0, None)


def test_the_newest_value_takes_the_place_of_the_older_one():
    box = Outbox()
    box.offer(b"10 %", key="progress")
    box.offer(b"done")
    assert box.offer(b"20 %", key="progress") is Offer.REPLACED
    assert box.replaced == 1
    assert drain(box) == [b"20 %", b"done"]


def test_a_value_that_was_sent_is_not_replaced():
    box = Outbox()
    box.offer(b"10 %", key="progress")
    assert box.take() == b"10 %"
    assert box.offer(b"20 %", key="progress") is Offer.QUEUED
    assert box.replaced == 0


def test_an_empty_key_is_a_key():
    box = Outbox()
    box.offer(b"a", key="")
    assert box.offer(b"b", key="") is Offer.REPLACED


def test_a_durable_frame_drops_the_values_that_waited_longest():
    box = Outbox(max_bytes=10)
    box.offer(b"aaa", key="a")
    box.offer(b"bbb", key="b")
    box.offer(b"ccc", key="c")
    assert box.offer(b"12345") is Offer.QUEUED
    assert (box.dropped, box.size) == (2, 8)
    assert drain(box) == [b"ccc", b"12345"]


def test_a_value_drops_older_values_too():
    box = Outbox(max_bytes=4)
    box.offer(b"aa", key="a")
    box.offer(b"bb", key="b")
    assert box.offer(b"cc", key="c") is Offer.QUEUED
    assert drain(box) == [b"bb", b"cc"]


def test_a_replaced_value_keeps_its_turn_when_room_is_short():
    box = Outbox(max_bytes=4)
    box.offer(b"aa", key="a")
    box.offer(b"bb", key="b")
    assert box.offer(b"AAA", key="a") is Offer.REPLACED
    assert (box.dropped, box.size) == (1, 3)
    assert drain(box) == [b"AAA"]


def test_a_value_that_no_dropping_would_fit_is_dropped():
    box = Outbox(max_bytes=4)
    box.offer(b"1234")
    assert box.offer(b"a", key="a") is Offer.DROPPED
    assert box.dropped == 1
    assert drain(box) == [b"1234"]


def test_an_older_value_stays_when_its_newer_one_cannot_fit():
    box = Outbox(max_bytes=4)
    box.offer(b"12")
    box.offer(b"aa", key="a")
    assert box.offer(b"AAA", key="a") is Offer.DROPPED
    assert drain(box) == [b"12", b"aa"]


def test_overflow_changes_nothing():
    box = Outbox(max_bytes=4)
    box.offer(b"123")
    box.offer(b"a", key="a")
    assert box.offer(b"45") is Offer.OVERFLOW
    assert (box.size, box.dropped) == (4, 0)
    assert drain(box) == [b"123", b"a"]


def test_a_frame_larger_than_the_queue_overflows():
    assert Outbox(max_bytes=4).offer(b"12345") is Offer.OVERFLOW


def test_the_limit_is_256_kib_by_default():
    box = Outbox()
    assert box.offer(bytes(256 * 1024)) is Offer.QUEUED
    assert box.offer(b"1") is Offer.OVERFLOW


def test_room_comes_back_with_taking():
    box = Outbox(max_bytes=4)
    for _ in range(100):
        assert box.offer(b"1234") is Offer.QUEUED
        assert box.take() == b"1234"


MAX = 20


class OutboxModel(RuleBasedStateMachine):
    """Against a plain list that is searched from the front."""

    def __init__(self):
        super().__init__()
        self.box = Outbox(MAX)
        self.model = []
        self.serial = 0
        self.dropped = 0
        self.replaced = 0

    def frame(self, size):
        self.serial += 1
        return (b"%d:" % self.serial + b"x" * 30)[: max(size, 1)]

    def room(self, wanted, keep):
        while sum(len(frame) for _, frame in self.model) + wanted > MAX:
            oldest = next(e for e in self.model if e[0] is not None and e[0] != keep)
            self.model.remove(oldest)
            self.dropped += 1

    def durable(self):
        return sum(len(frame) for key, frame in self.model if key is None)

    @rule(size=st.integers(1, 25))
    def offer_durable(self, size):
        frame = self.frame(size)
        if self.durable() + len(frame) > MAX:
            assert self.box.offer(frame) is Offer.OVERFLOW
            return
        assert self.box.offer(frame) is Offer.QUEUED
        self.room(len(frame), None)
        self.model.append((None, frame))

    @rule(size=st.integers(1, 25), key=st.sampled_from("abc"))
    def offer_value(self, size, key):
        frame = self.frame(size)
        got = self.box.offer(frame, key=key)
        if self.durable() + len(frame) > MAX:
            self.dropped += 1
            assert got is Offer.DROPPED
            return
        old = [entry for entry in self.model if entry[0] == key]
        if old:
            assert got is Offer.REPLACED
            self.replaced += 1
            self.room(len(frame) - len(old[0][1]), key)
            self.model[self.model.index(old[0])] = (key, frame)
        else:
            assert got is Offer.QUEUED
            self.room(len(frame), None)
            self.model.append((key, frame))

    @rule()
    def take(self):
        expected = self.model.pop(0)[1] if self.model else None
        assert self.box.take() == expected

    @invariant()
    def agree(self):
        assert len(self.box) == len(self.model)
        assert self.box.size == sum(len(frame) for _, frame in self.model) <= MAX
        assert (self.box.dropped, self.box.replaced) == (self.dropped, self.replaced)


OutboxModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestOutboxModel = OutboxModel.TestCase


@given(st.lists(st.tuples(st.sampled_from(["p", "q", None]), st.binary(max_size=9)), max_size=60))
def test_durable_frames_all_arrive_in_order(offers):
    box = Outbox(64)
    kept = [
        frame
        for key, frame in offers
        if box.offer(frame, key=key) is not Offer.OVERFLOW and key is None
    ]
    durable = iter(drain(box))
    assert all(any(sent == frame for sent in durable) for frame in kept)
