"""Who listens to what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import TooManyRequests
from gotapi_core.protocol.names import Name
from gotapi_core.protocol.subscriptions import Stream, Subscriptions

STATUS = Stream("mk3.printer", Name("3dp", None, "status"))
FAST = Stream("mk3.printer", Name("3dp", None, "status"), "interval=100")
OTHER = Stream("mini.printer", Name("3dp", None, "status"))


def test_the_first_starts_and_the_last_stops():
    table = Subscriptions()
    assert table.add(STATUS, "a") is True
    assert table.add(STATUS, "b") is False
    assert table.subscribers(STATUS) == ("a", "b")
    assert table.remove(STATUS, "a") is False
    assert table.remove(STATUS, "b") is True
    assert table.subscribers(STATUS) == table.streams() == ()


def test_subscribing_twice_counts_once():
    table = Subscriptions()
    table.add(STATUS, "a")
    assert table.add(STATUS, "a") is False
    assert table.remove(STATUS, "a") is True
    assert table.remove(STATUS, "a") is False


def test_streams_differ_by_service_name_and_parameters():
    table = Subscriptions()
    assert [table.add(stream, "a") for stream in (STATUS, FAST, OTHER)] == [True, True, True]
    assert Stream("mk3.printer", Name("3DP", None, "Status")) == STATUS
    assert table.streams_of("a") == table.streams() == (STATUS, FAST, OTHER)


def test_removing_what_was_never_there():
    table = Subscriptions()
    assert table.remove(STATUS, "a") is False
    table.add(STATUS, "b")
    assert table.remove(STATUS, "a") is False
    assert table.remove(OTHER, "b") is False
    assert table.remove_all("a") == []


def test_a_subscriber_that_leaves_stops_only_what_nobody_else_hears():
    table = Subscriptions()
    for stream in (STATUS, FAST, OTHER):
        table.add(stream, "a")
    table.add(FAST, "b")
    assert table.remove_all("a") == [STATUS, OTHER]
    assert table.streams_of("a") == ()
    assert table.streams() == (FAST,)


def test_the_limit_is_per_subscriber():
    table = Subscriptions(max_per_subscriber=2)
    table.add(STATUS, "a")
    table.add(FAST, "a")
    with pytest.raises(TooManyRequests, match="DELETE some"):
        table.add(OTHER, "a")
    assert table.subscribers(OTHER) == ()
    assert table.add(STATUS, "a") is False
    assert table.add(OTHER, "b") is True
    table.remove(FAST, "a")
    assert table.add(OTHER, "a") is False


def test_the_limit_is_256_by_default():
    table = Subscriptions()
    for index in range(256):
        table.add(Stream(f"s{index}", STATUS.name), "a")
    with pytest.raises(TooManyRequests):
        table.add(STATUS, "a")


def test_a_refused_newcomer_leaves_no_trace():
    table = Subscriptions(max_per_subscriber=0)
    with pytest.raises(TooManyRequests):
        table.add(STATUS, "a")
    assert table.streams() == table.streams_of("a") == ()


streams = st.sampled_from([STATUS, FAST, OTHER])
people = st.sampled_from("abc")
operations = st.one_of(
    st.tuples(st.just("add"), streams, people),
    st.tuples(st.just("remove"), streams, people),
    st.tuples(st.just("leave"), streams, people),
)


@given(st.lists(operations, max_size=40))
def test_against_a_set_of_pairs(story):
    table, pairs = Subscriptions(), set()
    for what, stream, who in story:
        heard = {s for s, _ in pairs}
        if what == "add":
            assert table.add(stream, who) is (stream not in heard)
            pairs.add((stream, who))
        elif what == "remove":
            had = (stream, who) in pairs
            pairs.discard((stream, who))
            assert table.remove(stream, who) is (had and stream not in {s for s, _ in pairs})
        else:
            pairs = {(s, w) for s, w in pairs if w != who}
            assert set(table.remove_all(who)) == heard - {s for s, _ in pairs}
        for s in (STATUS, FAST, OTHER):
            assert set(table.subscribers(s)) == {w for t, w in pairs if t == s}
        for w in "abc":
            assert set(table.streams_of(w)) == {s for s, v in pairs if v == w}
        assert set(table.streams()) == {s for s, _ in pairs}
