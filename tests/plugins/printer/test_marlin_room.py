"""How many lines may be in flight."""

import pytest

from gotapi_printer.marlin import Limits, MarlinHost, Ok
from gotapi_printer.marlin.dialects import MARLIN
from gotapi_printer.marlin.room import FED, HURRIED, NEAR, STRIKES, Room


def test_one_line_until_the_printer_offers_more():
    room = Room(Limits())
    assert room.window == 1
    room.take(Ok(5))
    assert room.window == 1
    room.take(Ok(6, 15, 3))
    assert room.window == 4, "the line that was answered still had its slot"
    room.take(Ok(7, 15, 0))
    assert room.window == 4, "slots in use are in use by what is in flight"


def test_a_printer_with_work_enough_gets_less_ahead():
    room = Room(Limits())
    room.take(Ok(1, 15, 3))
    room.take(Ok(2, 7, 3))
    assert room.window == FED
    room.take(Ok(3, 8, 3))
    assert room.window == 4
    room.take(Ok(4, None, 3))
    assert room.window == 4


def test_never_more_than_the_limit_whatever_is_offered():
    room = Room(Limits(most=16))
    room.take(Ok(1, 9999, 9999))
    assert room.window == 16


@pytest.mark.parametrize("window", [1, 3])
def test_a_window_that_was_set_stays(window):
    room = Room(Limits(window=window))
    room.take(Ok(1, 15, 3))
    assert room.window == window


def test_damage_again_and_again_ends_in_one_line_at_a_time():
    room = Room(Limits())
    room.take(Ok(1, 15, 3))
    for number in range(STRIKES + 1):
        assert room.window == 4
        room.damaged(100 + number)
    assert room.window == 1
    room.take(Ok(200, 15, 3))
    assert room.window == 1, "for the rest of the connection"
    room.damaged(201)
    assert room.window == 1


def test_damage_now_and_then_changes_nothing():
    room = Room(Limits())
    room.take(Ok(1, 15, 3))
    for number in range(10):
        room.damaged(number * NEAR)
    assert room.window == 4


def test_a_hurry_goes_beyond_what_was_promised():
    room = Room(Limits())
    room.hurry()
    assert room.window == HURRIED
    room.take(Ok(1, 15, 3))
    assert room.window == HURRIED


def test_lines_in_flight_never_exceed_what_the_smallest_board_can_receive():
    host = MarlinHost()
    host.dialect = MARLIN
    host.start_job(iter([(n, b"G1 X%d Y100.123 E12.34567 F1800" % n) for n in range(1, 100)]))
    flying = [host.pull(0.0)]
    for number in range(1, 60):
        host.receive(b"ok N%d P15 B15\n" % number, 0.0)
        flying.pop(0)
        while (wire := host.pull(0.0)) is not None:
            flying.append(wire)
        assert len(flying) >= 2
        assert sum(map(len, flying)) <= Limits().room


def test_commands_count_like_lines_of_the_file():
    host = MarlinHost(limits=Limits(window=16, room=40))
    for n in range(8):
        host.command(b"M117 %d" % n)
    sent = list(iter(lambda: host.pull(0.0), None))
    assert len(sent) > 1
    assert sum(map(len, sent)) <= 40 < sum(map(len, sent)) + len(sent[-1])


def test_lines_that_come_again_count_too():
    host = MarlinHost(limits=Limits(window=4, room=60))
    host.start_job(iter([(n, b"G1 X%d Y100.123" % n) for n in range(1, 9)]))
    first = list(iter(lambda: host.pull(0.0), None))
    assert len(first) == 2
    host.receive(b"Resend: 1\nok\n", 0.0)
    assert list(iter(lambda: host.pull(0.0), None)) == first


def test_a_held_job_has_no_next_line():
    host = MarlinHost(limits=Limits(window=4))
    host.start_job(iter([(1, b"G28"), (2, b"G1 X1")]))
    assert host.pull(0.0) is not None
    host.held = True
    assert host.pull(0.0) is None


def test_a_hurried_host_sends_without_waiting():
    host = MarlinHost()
    for _ in range(12):
        host.command(b"M107")
    assert host.pull(0.0) is not None
    assert host.pull(0.0) is None
    host.hurry()
    assert len(list(iter(lambda: host.pull(0.0), None))) == HURRIED - 1


def test_a_count_that_was_lost_with_the_connection_is_a_restart():
    host = MarlinHost(limits=Limits(window=2))
    host.live = True
    host.start_job(iter([(n, b"G1 X%d" % n) for n in range(1, 40)]))
    for _ in range(20):
        while host.pull(0.0) is not None:
            pass
        host.receive(b"ok\n", 0.0)
    host.interrupted()
    host.receive(b"Resend: 1\n", 0.1)
    assert host.fault is not None
    assert "lost its count" in host.fault.text
