"""Where a client is in its events: cursors of hubs that have them, and of those that do not."""

from __future__ import annotations

import json

from gotapi_core.client.answers import Event
from gotapi_core.client.resume import MOST_SEEN, Cursor, Seen


def asked(cursor):
    return json.loads(cursor.token_frame("secret"))


def event(**members):
    return Event("s", "p", "a", members)


def test_the_first_socket_has_no_cursor():
    cursor = Cursor()
    assert asked(cursor) == {"accessToken": "secret", "resume": ""}
    assert not cursor.opened({"result": 0, "resumed": False, "resume": "r-7"})
    assert asked(cursor)["resume"] == "r-7"
    assert cursor.lost == 0


def test_events_move_the_cursor_and_lose_its_members():
    cursor = Cursor()
    cursor.opened({"resume": "r-0"})
    assert cursor.take(event(n=1, eventId="r-1", resume="r-1")) == ("r-1", event(n=1))
    assert cursor.take(event(n=2, eventId="r-3")) == ("r-3", event(n=2))
    assert asked(cursor)["resume"] == "r-1"
    assert cursor.take(event(eventId=7, resume=7)) == ("", event())
    assert asked(cursor)["resume"] == "r-1"


def test_a_resumed_socket_keeps_its_cursor():
    cursor = Cursor()
    cursor.opened({"resume": "r-1"})
    assert not cursor.opened({"resumed": True, "resume": "r-9"})
    assert asked(cursor)["resume"] == "r-1"


def test_a_reset_begins_anew_and_counts():
    cursor = Cursor()
    cursor.opened({"resume": "r-1"})
    assert cursor.opened({"resumed": False, "resume": "s-4"})
    assert (cursor.lost, asked(cursor)["resume"]) == (1, "s-4")


def test_a_hub_without_cursors_keeps_its_members():
    cursor = Cursor()
    assert not cursor.opened({"result": 0})
    own = event(eventId="mine", resume="mine")
    assert cursor.take(own) == ("", own)
    assert asked(cursor)["resume"] == ""


def test_an_id_is_new_once():
    seen = Seen()
    assert [seen.first_time(one) for one in ("a", "b", "a", "", "")] == [
        True,
        True,
        False,
        True,
        True,
    ]
    seen.forget()
    assert seen.first_time("a")


def test_only_the_last_ids_are_known():
    seen = Seen()
    for number in range(MOST_SEEN + 1):
        assert seen.first_time(str(number))
    assert not seen.first_time("1")
    assert seen.first_time("0")
