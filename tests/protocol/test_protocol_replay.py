"""The log of an application's events, cursors, and the feed of one listener."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_core.client.answers import parse_event
from gotapi_core.client.resume import Cursor, Seen
from gotapi_core.protocol.delivery import Offer
from gotapi_core.protocol.replay import EventLog, EventLogs, Feed, Position, with_ids


def numbers(entries):
    return None if entries is None else [entry.number for entry in entries]


def taken(feed):
    found = []
    while (sent := feed.take()) is not None:
        found.append((sent.frame, sent.number, sent.settled))
    return found


def test_events_are_numbered_and_kept_in_order():
    log = EventLog()
    assert [log.append(frame, None, 0.0) for frame in (b"a", b"b", b"c")] == [1, 2, 3]
    assert numbers(log.since(0, 0.0)) == [1, 2, 3]
    assert numbers(log.since(2, 0.0)) == [3]
    assert log.since(3, 0.0) == ()
    assert (len(log), log.size, log.number) == (3, 3, 3)


def test_of_a_stream_with_a_newest_value_only_that_is_kept():
    log = EventLog()
    log.append(b"10 %", "progress", 0.0)
    log.append(b"done", None, 0.0)
    log.append(b"20 %", "progress", 0.0)
    assert [(entry.number, entry.frame) for entry in log.since(0, 0.0) or ()] == [
        (2, b"done"),
        (3, b"20 %"),
    ]
    assert log.size == 8


@pytest.mark.parametrize("number", [4, 1000])
def test_a_number_that_was_not_given_out_cannot_be_resumed(number):
    log = EventLog()
    for _ in range(3):
        log.append(b"x", None, 0.0)
    assert log.since(number, 0.0) is None


def test_too_many_events_push_the_oldest_out():
    log = EventLog(max_events=2)
    for _ in range(4):
        log.append(b"x", None, 0.0)
    assert log.since(1, 0.0) is None
    assert numbers(log.since(2, 0.0)) == [3, 4]


def test_too_many_bytes_push_the_oldest_out():
    log = EventLog(max_bytes=5)
    for frame in (b"aa", b"bb", b"cc"):
        log.append(frame, None, 0.0)
    assert log.since(0, 0.0) is None
    assert numbers(log.since(1, 0.0)) == [2, 3]
    log.append(b"much too large", "k", 0.0)
    assert (len(log), log.size) == (0, 0)
    assert log.since(3, 0.0) is None
    assert log.since(4, 0.0) == ()
    log.append(b"new", "k", 0.0)  # the key was forgotten with its event
    assert numbers(log.since(4, 0.0)) == [5]


def test_old_events_go():
    log = EventLog(max_age=10.0)
    log.append(b"a", None, 0.0)
    log.append(b"b", None, 5.0)
    assert numbers(log.since(0, 10.0)) == [1, 2]
    assert log.since(0, 10.5) is None
    assert numbers(log.since(1, 10.5)) == [2]


def test_a_cleared_log_voids_every_cursor():
    log = EventLog()
    log.append(b"a", None, 0.0)
    log.clear()
    assert [log.since(number, 0.0) for number in (0, 1)] == [None, None]
    assert log.since(log.number, 0.0) == ()
    assert log.append(b"b", None, 0.0) == 3


def test_cursors_name_the_run_of_the_hub():
    logs = EventLogs("run1")
    begun = logs.position("app", "", 0.0)
    assert begun == Position("run1-0", 0, resumed=False)
    logs.append("app", b"a", None, 0.0)
    went_on = logs.position("app", begun.cursor, 0.0)
    assert (went_on.cursor, went_on.resumed, numbers(went_on.missed)) == ("run1-1", True, [1])
    assert not EventLogs("run2").position("app", begun.cursor, 0.0).resumed


@pytest.mark.parametrize(
    "cursor",
    ["x", "run1", "run1-", "run1-x", "-1", "run1--1", "run1-1 ", "run1-²", "run1-" + "1" * 99],
)
def test_what_is_no_cursor_resumes_nothing(cursor):
    logs = EventLogs("run1")
    logs.append("app", b"a", None, 0.0)
    assert logs.position("app", cursor, 0.0) == Position("run1-1", 1, resumed=False)


@given(st.text(max_size=80))
def test_any_text_is_answered(cursor):
    logs = EventLogs("run1")
    logs.append("app", b"a", None, 0.0)
    assert logs.position("app", cursor, 0.0).number == 1


def test_applications_do_not_see_each_others_numbers():
    logs = EventLogs("r")
    assert [logs.append("one", b"x", None, 0.0), logs.append("two", b"x", None, 0.0)] == [1, 1]
    logs.forget("one")
    logs.forget("nobody")
    assert not logs.position("one", "r-1", 0.0).resumed
    assert logs.position("two", "r-1", 0.0).resumed
    assert logs.size == 1


def test_all_logs_together_are_bounded_and_the_idlest_goes():
    logs = EventLogs("r", max_bytes=5)
    for application in ("one", "two", "one"):
        logs.append(application, b"xx", None, 0.0)
    assert logs.size == 4
    assert not logs.position("two", "r-0", 0.0).resumed
    assert logs.position("one", "r-0", 0.0).resumed


def test_the_age_of_events_counts_for_the_sum_too():
    logs = EventLogs("r")
    logs.append("app", b"xx", None, 0.0)
    logs.position("app", "r-0", 10_000.0)
    assert logs.size == 0


def test_a_feed_sends_what_was_missed_before_what_comes():
    logs = EventLogs("r")
    for frame in (b"a", b"b"):
        logs.append("app", frame, None, 0.0)
    feed = Feed()
    feed.start(logs.position("app", "r-0", 0.0))
    feed.offer(b"c", number=3)
    assert len(feed) == 3
    assert taken(feed) == [(b"a", 1, 1), (b"b", 2, 2), (b"c", 3, 3)]
    assert (len(feed), feed.take()) == (0, None)


def test_what_waits_already_goes_before_what_was_missed():
    logs = EventLogs("r")
    logs.append("app", b"a", None, 0.0)
    feed = Feed()
    feed.offer(b"verdict")
    feed.start(logs.position("app", "r-0", 0.0))
    feed.offer(b"b", number=2)
    assert taken(feed) == [(b"verdict", 0, 0), (b"a", 1, 1), (b"b", 2, 2)]


def test_what_was_missed_does_not_fill_the_queue():
    logs = EventLogs("r")
    for _ in range(9):
        logs.append("app", b"12345", None, 0.0)
    feed = Feed(max_bytes=5)
    feed.start(logs.position("app", "r-0", 0.0))
    assert feed.offer(b"abcde", number=10) is Offer.QUEUED
    assert feed.offer(b"x", number=11) is Offer.OVERFLOW
    assert len(taken(feed)) == 10


def test_a_value_that_overtakes_does_not_settle_what_it_overtook():
    feed = Feed()
    feed.offer(b"10 %", "progress", 1)
    feed.offer(b"begun", None, 2)
    feed.offer(b"20 %", "progress", 3)
    assert taken(feed) == [(b"20 %", 3, 1), (b"begun", 2, 3)]


def test_an_event_that_comes_again_settles_nothing_new():
    feed = Feed()
    feed.start(Position("r-7", 7, resumed=False))
    feed.offer(b"the last one", None, 4)
    feed.offer(b"new", None, 8)
    feed.offer(b"the last one", None, 4)
    assert taken(feed) == [(b"the last one", 4, 0), (b"new", 8, 8), (b"the last one", 4, 0)]


def test_frames_that_are_no_events_have_no_number():
    feed = Feed()
    feed.offer(b"verdict")
    assert taken(feed) == [(b"verdict", 0, 0)]


def test_ids_are_added_to_a_frame():
    frame = b'{"serviceId":"a.b","n":1}'
    assert json.loads(with_ids(frame, "r-2", "")) == {
        "serviceId": "a.b",
        "n": 1,
        "eventId": "r-2",
    }
    assert json.loads(with_ids(frame, "r-2", "r-1"))["resume"] == "r-1"


def test_members_of_the_same_name_give_way():
    frame = b'{"n":{"eventId":1},"eventId":"mine","resume":3}'
    assert with_ids(frame, "r-2", "") == b'{"n":{"eventId":1},"eventId":"r-2"}'


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("durable")),
        st.tuples(st.just("value"), st.sampled_from("ab")),
        st.tuples(st.just("read"), st.integers(1, 5)),
        st.tuples(st.just("again")),
        st.tuples(st.just("cut")),
    ),
    max_size=60,
)


class World:
    """A hub's log, one listener's feed and its client, which loses the connection at times."""

    def __init__(self) -> None:
        self.logs = EventLogs("run")
        self.cursor = Cursor()
        self.seen = Seen()
        self.sent = []  # durable values, in order
        self.values = {}
        self.got = []
        self.latest = {}
        self.last = None
        self.connect()

    def connect(self):
        asked = json.loads(self.cursor.token_frame("t"))["resume"]
        position = self.logs.position("app", asked, 0.0)
        self.feed = Feed()
        self.feed.start(position)
        verdict = {"resumed": position.resumed, "resume": position.cursor}
        assert not self.cursor.opened(verdict)

    def publish(self, value, key):
        frame = json.dumps({"serviceId": "s", "profile": "p", "key": key, "n": value}).encode()
        number = self.logs.append("app", frame, key, 0.0)
        self.last = (frame, key, number)
        self.feed.offer(frame, key, number)

    def read(self):
        sent = self.feed.take()
        if sent is None:
            return
        resume = self.logs.cursor(sent.settled) if sent.settled else ""
        frame = with_ids(sent.frame, self.logs.cursor(sent.number), resume)
        event_id, event = self.cursor.take(parse_event(frame))
        assert not {"eventId", "resume"} & set(event.members)
        if self.seen.first_time(event_id):
            key, value = event.members["key"], event.members["n"]
            if key is None:
                self.got.append(value)
            else:
                self.latest[key] = value


@settings(max_examples=300, deadline=None)
@given(ACTIONS)
def test_whatever_is_cut_durable_events_arrive_once_and_in_order(actions):
    world = World()
    for count, (what, *more) in enumerate(actions):
        if what == "durable":
            world.sent.append(count)
            world.publish(count, None)
        elif what == "value":
            world.values[more[0]] = count
            world.publish(count, more[0])
        elif what == "read":
            for _ in range(more[0]):
                world.read()
        elif what == "again" and world.last is not None:
            world.feed.offer(*world.last)
        elif what == "cut":
            world.connect()
        assert world.got == world.sent[: len(world.got)]
    world.connect()
    while len(world.feed):
        world.read()
    assert world.got == world.sent
    assert world.latest == world.values
