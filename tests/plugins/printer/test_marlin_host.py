"""The host machine, told as exchanges: what it sends and what it makes of the answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.marlin import (
    Action,
    Busy,
    Done,
    ErrorLine,
    Fault,
    FaultKind,
    JobDone,
    Limits,
    MarlinHost,
    Noise,
    Ok,
    Restarted,
    Temperatures,
    Timing,
    numbered,
)
from gotapi_printer.marlin.incoming import MAX_HEARD

OK_T = b"ok T:20.0 /0.0 @:0\n"


def line(number, command):
    return numbered(number, command)


def started(window=1, **timing):
    """A host whose M110 was answered and which polls nothing by itself."""
    host = MarlinHost(Timing(**timing), Limits(window=window))
    host.renumber()
    assert host.pull(0.0) == b"N0 M110 N0*125\n"
    assert host.receive(b"ok\n", 0.0) == []
    return host


def job(host, *commands):
    host.start_job(iter(list(enumerate(commands, 1))))


def strict(host, now=0.0):
    """Let the host learn that M105 is answered by `ok T:`."""
    host.command(b"M105")
    host.pull(now)
    host.receive(OK_T, now)


# -- ping-pong --------------------------------------------------------------------------------


def test_one_line_waits_for_its_ok_before_the_next_goes_out():
    host = started()
    job(host, b"G1 X1", b"G1 X2")
    assert host.pull(0.0) == line(1, b"G1 X1")
    assert host.pull(0.0) is None
    assert host.receive(b"ok\n", 0.0) == ()
    assert host.acked == (1, 1)
    assert host.pull(0.0) == line(2, b"G1 X2")


def test_a_window_of_three_sends_three():
    host = started(window=3)
    job(host, *[b"G1 X%d" % n for n in range(9)])
    assert [host.pull(0.0) is not None for _ in range(4)] == [True, True, True, False]
    host.receive(b"ok\nok\n", 0.0)
    assert host.acked == (2, 2)


def test_a_prepared_line_gets_a_new_number_when_a_command_takes_its_place():
    host = started()
    job(host, b"G1 X1", b"G1 X2")
    assert host.pull(0.0) == line(1, b"G1 X1")
    host.prepare()
    host.prepare()
    host.command(b"M117 hello")
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) == line(2, b"M117 hello")
    host.receive(b"ok\n", 0.0)
    assert host.acked == (1, 1)
    assert host.pull(0.0) == line(3, b"G1 X2")


def test_a_held_job_sends_commands_only():
    host = started()
    job(host, b"G1 X1")
    host.held = True
    assert host.pull(0.0) is None
    host.command(b"M104 S0")
    assert host.pull(0.0) == line(1, b"M104 S0")
    host.receive(b"ok\n", 0.0)
    host.held = False
    assert host.pull(0.0) == line(2, b"G1 X1")


def test_the_end_of_a_job_is_a_finished_move_and_a_sync():
    host = started()
    job(host, b"G1 X1")
    strict(host)
    assert host.pull(0.0) == line(2, b"G1 X1")
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) == line(3, b"M400")
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) == line(4, b"M105")
    events = host.receive(OK_T, 0.0)
    assert JobDone() in events
    assert host.idle


def test_an_abandoned_job_sends_nothing_more_of_it():
    host = started()
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    host.prepare()
    host.abandon_job()
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) is None


def test_a_job_abandoned_at_its_end_is_not_reported_as_done():
    host = started()
    job(host, b"G1 X1")
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    host.prepare()
    host.command(b"M104 S0", 7)
    host.abandon_job()
    assert host.pull(0.0) == line(2, b"M104 S0")
    assert host.receive(b"ok\n", 0.0) == [Done(7)]
    assert host.pull(0.0) is None


def test_a_job_abandoned_with_its_last_sync_in_flight_is_not_done():
    host = started()
    job(host)
    assert host.pull(0.0) == line(1, b"M400")
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) == line(2, b"M105")
    host.abandon_job()
    assert JobDone() not in host.receive(OK_T, 0.0)


def test_the_next_job_counts_from_nothing():
    host = started()
    job(host, b"G1 X1")
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    host.abandon_job()
    job(host, b"G1 X2", b"G1 X3")
    assert host.acked == (0, 0)
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    assert host.acked == (1, 1)


# -- commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [b"", b"  ", b"G1\nG2", b"G1\rG2", b"X" * 81])
def test_what_is_not_one_command_is_refused(command):
    with pytest.raises(ValueError, match="command"):
        started().command(command)


def test_too_many_commands_are_refused():
    host = MarlinHost(limits=Limits(commands=2))
    host.command(b"M1")
    host.command(b"M2")
    with pytest.raises(ValueError, match="too many"):
        host.command(b"M3")
    host.cancel_commands()
    host.command(b"M3")


def test_the_answer_to_a_command_can_be_heard():
    host = started()
    host.heard = []
    host.command(b"M114", 5)
    host.pull(0.0)
    events = host.receive(b"X:1.0 Y:2.0 Z:3.0 E:0.0 Count X:0\necho: hi\nok\n", 0.0)
    assert events[-1] == Done(5)
    assert host.heard == ["X:1.0 Y:2.0 Z:3.0 E:0.0 Count X:0", "echo: hi"]


def test_that_the_printer_is_busy_is_no_part_of_its_answer():
    host = started()
    host.heard = []
    host.command(b"M114", 5)
    host.pull(0.0)
    host.receive(b"echo:busy: processing\nX:1.0 Y:2.0\necho:busy: paused for user\nok\n", 0.0)
    assert host.heard == ["X:1.0 Y:2.0"]


def test_an_endless_answer_is_cut():
    host = started()
    host.heard = []
    host.receive(b"echo:\n" * (MAX_HEARD + 10), 0.0)
    assert len(host.heard) == MAX_HEARD


# -- resends ----------------------------------------------------------------------------------


def test_marlin_s_order_error_resend_ok():
    host = started()
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    assert isinstance(host.receive(b"Error:checksum mismatch, Last Line: 0\n", 0.0)[0], ErrorLine)
    assert host.receive(b"Resend: 1\n", 0.0) == []
    assert host.pull(0.0) is None, "its ok is still to come"
    host.receive(b"ok\n", 0.0)
    assert host.acked == (0, 0), "that ok is no credit"
    assert host.pull(0.0) == line(1, b"G1 X1")
    assert host.pull(0.0) is None
    assert host.resends == 1


def test_no_ok_after_a_resend_request_is_waited_for_half_a_second():
    host = started()
    job(host, b"G1 X1")
    host.pull(0.0)
    host.receive(b"rs 1\n", 0.0)
    host.tick(0.4)
    assert host.pull(0.4) is None
    host.tick(0.5)
    assert host.pull(0.5) == line(1, b"G1 X1")


def test_another_line_after_a_resend_request_means_no_ok_follows():
    host = started()
    job(host, b"G1 X1")
    host.pull(0.0)
    host.receive(b"Resend:1\necho:busy: processing\n", 0.0)
    assert host.pull(0.0) == line(1, b"G1 X1")


def test_an_ok_before_the_resend_request_is_taken_back():
    host = started()
    job(host, b"G1 X1", b"G1 X2", b"G1 X3")
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    assert host.acked == (1, 1)
    host.pull(0.0)
    host.receive(b"Resend: 1\nok\n", 0.0)
    assert host.acked == (0, 0)
    assert host.pull(0.0) == line(1, b"G1 X1")
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) == line(2, b"G1 X2")


def test_repeats_of_one_request_are_collapsed():
    host = started(window=3)
    job(host, *[b"G1 X%d" % n for n in range(1, 9)])
    for _ in range(3):
        host.pull(0.0)
    host.receive(b"Resend: 1\nok\n", 0.0)
    assert host.pull(0.0) == line(1, b"G1 X1")
    host.receive(b"Resend: 1\nok\nResend: 1\nok\n", 0.0)
    assert host.pull(0.0) == line(2, b"G1 X2"), "not line 1 again"
    assert host.resends == 1
    host.receive(b"Resend: 1\nok\n", 0.0)
    assert host.resends == 2, "no line in flight is left that could have asked"
    assert host.pull(0.0) == line(1, b"G1 X1")


def test_a_doubtful_request_is_settled_soon():
    host = started(window=2)
    job(host, *[b"G1 X%d" % n for n in range(1, 9)])
    host.pull(0.0)
    host.pull(0.0)
    host.receive(b"Resend: 1\nok\n", 0.0)
    host.pull(0.0)
    host.receive(b"Resend: 1\nok\n", 0.0)
    host.tick(1.1)
    assert host.pull(1.1) == line(3, b"M105")


def test_lines_before_the_asked_one_still_wait_for_their_oks():
    host = started(window=2)
    job(host, b"G28", b"G1 X2", b"G1 X3")
    host.pull(0.0)
    host.pull(0.0)
    host.receive(b"Resend: 2\nok\n", 0.0)
    assert host.pull(0.0) == line(2, b"G1 X2")
    assert host.pull(0.0) is None
    host.receive(b"ok\n", 0.0)
    assert host.acked == (1, 1)


def test_a_request_for_a_line_no_longer_kept_ends_it():
    host = MarlinHost(limits=Limits(history=8))
    host.renumber()
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    job(host, *[b"G1 X%d" % n for n in range(1, 40)])
    for _ in range(20):
        host.pull(0.0)
        host.receive(b"ok\n", 0.0)
    (fault,) = host.receive(b"Resend: 3\n", 0.0)
    assert fault.kind is FaultKind.HISTORY
    assert "line 3" in fault.text
    assert host.fault == fault
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) is None
    assert host.tick(100.0) == []


def test_the_oldest_line_still_kept_can_be_repeated():
    host = MarlinHost(limits=Limits(history=8))
    host.renumber()
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    job(host, *[b"G1 X%d" % n for n in range(1, 40)])
    for _ in range(20):
        host.pull(0.0)
        host.receive(b"ok\n", 0.0)
    host.receive(b"Resend: 14\nok\n", 0.0)
    assert host.acked == (13, 13)
    assert host.pull(0.0) == line(14, b"G1 X14")


def test_line_zero_cannot_be_asked_for():
    host = started()
    (fault,) = host.receive(b"Resend: 0\n", 0.0)
    assert fault.kind is FaultKind.HISTORY


def test_too_many_requests_for_one_line_end_it():
    host = started()
    job(host, b"G1 X1")
    for _ in range(10):
        host.pull(0.0)
        host.receive(b"Resend: 1\nok\n", 0.0)
    host.pull(0.0)
    events = host.receive(b"Resend: 1\n", 0.0)
    assert events[0].kind is FaultKind.RESENDS


def test_a_number_never_sent_skips_nothing():
    host = started(doubtful=1.0)
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    host.receive(b"Resend: 888\nok\n", 0.0)
    assert host.pull(0.0) is None
    host.tick(1.0)
    assert host.pull(1.0) == line(2, b"M105")
    host.receive(b"Error:x\nResend: 1\nok\n", 1.0)
    assert host.pull(1.0) == line(1, b"G1 X1")


def test_a_refused_m110_is_sent_again():
    host = MarlinHost()
    host.renumber()
    host.pull(0.0)
    host.receive(b"Resend: 501\nok\n", 0.0)
    assert host.pull(0.0) == b"N0 M110 N0*125\n"


# -- lost and false oks -----------------------------------------------------------------------


def test_a_lost_ok_is_settled_by_the_next_number_never_by_the_same_line():
    """Marlin drops a repeated line without any answer: repeating it would wait for ever."""
    host = started()
    strict(host)
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    host.tick(9.9)
    assert host.pull(9.9) is None
    host.tick(10.0)
    assert host.pull(10.0) == line(3, b"M105")
    host.receive(OK_T, 10.0)
    assert host.acked == (1, 1)
    assert host.pull(10.0) == line(4, b"G1 X2")


def test_a_lost_line_comes_again_after_the_probe():
    host = started()
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    host.tick(10.0)
    assert host.pull(10.0) == line(2, b"M105")
    host.receive(b"Error:Line Number is not Last Line Number+1\nResend: 1\nok\n", 10.0)
    assert host.acked == (0, 0)
    assert host.pull(10.0) == line(1, b"G1 X1")


def test_an_answer_that_was_only_late_counts_for_its_own_line():
    host = started()
    strict(host)
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    host.tick(10.0)
    host.pull(10.0)
    host.receive(b"ok\n", 11.0)
    assert host.acked == (1, 1)
    assert host.pull(11.0) is None, "M105 is still to be answered"
    host.receive(OK_T, 11.0)
    assert host.pull(11.0) == line(4, b"G1 X2")


def test_a_lost_answer_to_the_probe_is_asked_for_again():
    host = started()
    strict(host)
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    host.tick(10.0)
    host.pull(10.0)
    host.tick(20.0)
    assert host.pull(20.0) == line(4, b"M105")
    host.receive(OK_T, 20.0)
    assert host.pull(20.0) == line(5, b"G1 X2")


def test_a_printer_that_forgot_how_to_answer_m105_does_not_block_for_ever():
    host = started()
    strict(host)
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    sent = []
    for now in range(10, 100, 10):
        host.tick(now)
        sent.append(host.pull(now) or b"")
        host.receive(b"ok\n", now)
        sent.append(host.pull(now) or b"")
    assert sum(b"G1 X2" in wire for wire in sent) == 1


def test_a_lost_request_for_a_line_before_the_probe_is_settled():
    host = started()
    strict(host)
    job(host, b"G1 X1", b"G1 X2")
    host.pull(0.0)
    host.tick(10.0)
    host.pull(10.0)
    host.receive(b"Resend: 3\nok\n", 10.0)
    assert host.acked == (1, 1), "line 2 was taken: its ok is lost"
    assert host.pull(10.0) == line(3, b"M105")


def test_an_extra_ok_is_no_credit_at_a_sync():
    """M108 and M410 are answered twice; the surplus ends at the next M105."""
    host = started()
    strict(host)
    host.command(b"M105")
    assert host.pull(0.0) == line(2, b"M105")
    host.receive(b"ok\n", 0.0)
    host.command(b"M117")
    assert host.pull(0.0) is None
    host.receive(OK_T, 0.0)
    assert host.pull(0.0) == line(3, b"M117")
    host.receive(OK_T, 0.0)
    assert host.pull(0.0) is None, "a temperature answer does not count for M117"


def test_a_temperature_answer_counts_as_ok_for_firmware_that_was_never_asked():
    host = started()
    host.command(b"M117")
    host.pull(0.0)
    host.receive(OK_T, 0.0)
    assert host.idle


def test_an_ok_with_nothing_in_flight_is_ignored():
    host = started()
    host.receive(b"ok\nok\n", 0.0)
    job(host, b"G1 X1", b"G1 X2")
    assert host.pull(0.0) == line(1, b"G1 X1")
    assert host.pull(0.0) is None


def test_the_two_oks_after_m108_are_both_expected():
    host = started()
    job(host, b"M109 S200", b"G1 X1")
    host.pull(0.0)
    assert host.urgent(b"M108", 0.0) == b"M108\n"
    host.receive(b"ok\n", 0.0)
    assert host.acked == (1, 1)
    assert host.pull(0.0) is None
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) == line(2, b"G1 X1")


def test_an_urgent_command_with_nothing_in_flight():
    host = started()
    host.urgent(b"M410", 50.0)
    assert host.tick(55.0) == []
    host.receive(b"ok\n", 56.0)
    assert host.idle


def test_advanced_oks_settle_all_lines_up_to_theirs():
    host = started(window=3)
    job(host, *[b"G1 X%d" % n for n in range(1, 9)])
    for _ in range(3):
        host.pull(0.0)
    host.receive(b"ok N2 P15 B3\n", 0.0)
    assert host.acked == (2, 2)
    host.receive(b"ok N1 P15 B3\n", 0.0)
    assert host.acked == (2, 2), "a late one"
    host.receive(b"ok P15 B3\n", 0.0)
    assert host.acked == (3, 3)


def test_an_advanced_ok_of_another_numbering_counts_as_a_plain_one():
    host = started()
    job(host, b"G1 X1")
    host.pull(0.0)
    host.receive(b"ok N77 P15 B15\n", 0.0)
    assert host.acked == (1, 1)


def test_wait_stands_for_one_lost_ok_and_only_once():
    host = started(window=2)
    job(host, b"G1 X1", b"G1 X2", b"G1 X3")
    host.pull(0.0)
    host.pull(0.0)
    host.receive(b"wait\nwait\n", 0.0)
    assert host.acked == (1, 1)
    host.receive(b"ok\nwait\n", 0.0)
    assert host.acked == (2, 2)
    host.receive(b"wait\n", 0.0)
    assert host.acked == (2, 2)


# -- time -------------------------------------------------------------------------------------


def test_busy_is_no_ok_but_resets_the_timeouts():
    host = started()
    job(host, b"G28", b"G1 X1")
    host.pull(0.0)
    for now in range(0, 200, 2):
        assert host.receive(b"echo:busy: processing\n", now) == [Busy("processing")]
        host.tick(now + 1.9)
        assert host.pull(now + 1.9) is None
    host.receive(b"ok\n", 201.0)
    assert host.pull(201.0) == line(2, b"G1 X1")


def test_silence_during_a_quick_line_is_a_fault():
    host = live(b"G1 X1")
    host.receive(b" T:20.0 /0.0\n", 99.0)
    host.pull(100.0)
    faults = []
    for tenth in range(1000, 1700):
        faults += [event for event in host.tick(tenth / 10) if isinstance(event, Fault)]
        host.pull(tenth / 10)
    assert [fault.kind for fault in faults] == [FaultKind.SILENT]
    assert "cable" in faults[0].text
    assert host.acked == (0, 0), "a line in doubt was not taken"


@pytest.mark.parametrize("command", [b"G28", b"M109 S200", b"G29", b"M400"])
def test_a_long_command_may_be_silent_for_minutes(command):
    host = live(command, b"G1 X1")
    host.autoreport = True
    host.pull(0.0)
    sent = []
    for second in range(600):
        assert host.tick(float(second)) == []
        sent.append(host.pull(float(second)))
    assert 3 < len([wire for wire in sent if wire]) < 12, "asked now and then, not flooded"


def test_a_long_command_is_not_silent_on_a_firmware_that_says_busy():
    host = live(b"G28")
    host.pull(0.0)
    host.receive(b"busy: processing\n", 1.0)
    assert host.tick(62.0)[0].kind is FaultKind.SILENT


def test_temperatures_show_that_a_printer_is_alive():
    host = started()
    job(host, b"G1 X1")
    host.pull(0.0)
    for second in range(300):
        host.receive(b" T:20.0 /0.0 @:0\n", float(second))
        assert host.tick(float(second)) == []


def test_a_lost_end_of_job_is_asked_for_again():
    host = started()
    job(host)
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    assert host.pull(0.0) == line(2, b"M105")
    events = [*host.tick(10.0)]
    for now in (10.0, 10.5, 11.0, 11.5):
        if host.pull(now):
            events += host.receive(b"ok\n", now)
    assert events == [JobDone()]


def test_temperatures_are_polled_while_no_reports_come():
    host = started()
    host.live = True
    host.tick(2.0)
    assert host.pull(2.0) == line(1, b"M105")
    host.receive(OK_T, 2.0)
    host.tick(3.0)
    assert host.pull(3.0) is None
    host.tick(4.0)
    assert host.pull(4.0) == line(2, b"M105")
    host.receive(OK_T, 4.0)


def test_reports_of_the_printer_s_own_stop_the_polls_until_they_stop():
    host = started()
    host.live = host.autoreport = True
    for second in range(1, 20, 2):
        host.receive(b" T:20.0 /0.0 @:0\n", float(second))
        host.tick(second + 1.0)
        assert host.pull(second + 1.0) is None
    host.tick(25.0)
    assert host.pull(25.0) == line(1, b"M105")


def test_no_poll_joins_the_queue_of_a_blocked_printer():
    host = started()
    host.live = True
    host.receive(b" T:20.0 /0.0\n", 0.0)
    job(host, b"G28")
    host.pull(0.0)
    host.tick(5.0)
    host.receive(b"ok\n", 5.0)
    host.tick(5.0)
    assert host.pull(5.0) in (line(2, b"M105"), line(2, b"M400"))


def test_a_full_queue_is_not_polled_into():
    host = MarlinHost(limits=Limits(commands=1))
    host.live = True
    host.command(b"M117")
    host.tick(10.0)
    assert host.pull(10.0) == line(1, b"M117")
    host.receive(b"ok\n", 10.0)
    assert host.pull(10.0) is None


# -- faults and news --------------------------------------------------------------------------


def live(*commands):
    host = started()
    host.live = True
    job(host, *commands)
    return host


def test_a_restart_in_the_middle_ends_it_and_no_line_follows():
    host = live(b"G1 X1", b"G1 X2")
    host.pull(0.0)
    events = host.receive(b"start\necho:Marlin\nok\n", 0.0)
    assert events[0] == Restarted("start")
    assert events[1].kind is FaultKind.RESET
    assert host.pull(0.0) is None
    assert host.acked == (0, 0)


def test_what_a_restarted_board_asks_for_takes_nothing_back():
    host = live(*(b"G1 X%d" % number for number in range(20)))
    for _ in range(10):
        host.pull(0.0)
        host.receive(b"ok\n", 0.0)
    done = host.acked
    host.pull(0.0)
    boot = b"start\nError:Line Number is not Last Line Number+1, Last Line: 0\nResend: 1\nok\n"
    events = host.receive(boot, 0.0)
    host.receive(b"ok\n", 0.0)
    assert done[0] == 10
    assert host.acked == done
    assert host.resends == 0
    assert isinstance(events[-1], ErrorLine)


def test_a_restart_while_the_printer_boots_is_expected():
    host = MarlinHost()
    assert host.receive(b"start\n", 0.0) == [Restarted("start")]
    assert host.fault is None


def test_a_fatal_error_ends_it():
    host = live(b"G1 X1")
    host.pull(0.0)
    events = host.receive(b"Error:Thermal Runaway, system stopped! Heater_ID: 0\n", 0.0)
    assert events[1].kind is FaultKind.FATAL
    assert "Thermal Runaway" in events[1].text
    assert host.pull(0.0) is None


def test_only_the_first_fault_counts():
    host = live(b"G1 X1")
    events = host.receive(b"Error:MAXTEMP\nError:Printer halted. kill() called!\n", 0.0)
    assert len([event for event in events if isinstance(event, Fault)]) == 1


def test_an_error_over_two_lines_is_read_as_one():
    host = live(b"G1 X1")
    events = host.receive(b"Error:0\n: Extruder switched off. MAXTEMP triggered !\n", 0.0)
    assert isinstance(events[-1], Fault)


def test_a_numbered_error_that_stays_alone_is_no_fault():
    host = live(b"G1 X1")
    assert host.receive(b"Error:0\necho:next\n", 0.0) == [ErrorLine("0", False), Noise("echo:next")]


def test_news_are_handed_on():
    host = started()
    events = host.receive(b"//action:pause\n T:20.0 /0.0\necho:hi\nok X:1\n", 0.0)
    assert [type(event) for event in events] == [Action, Temperatures, Noise, Ok]


@given(
    st.lists(
        st.sampled_from(
            [
                b"ok",
                b"ok T:1 ",
                b"Resend: ",
                b"1",
                b"3",
                b"\n",
                b"wait",
                b"rs 2",
                b"start",
                b"Error:",
                b"x",
            ]
        ),
        max_size=30,
    ),
    st.booleans(),
)
def test_no_bytes_make_the_machine_fail(parts, is_live):
    host = started(window=2)
    host.live = is_live
    job(host, *[b"G1 X%d" % n for n in range(50)])
    now = 0.0
    for part in parts:
        host.receive(part, now)
        host.tick(now)
        host.pull(now)
        host.prepare()
        now += 3.7
    taken, file_line = host.acked
    assert 0 <= taken == file_line <= 50
