"""The serial behaviour of Marlin 2.1, as it was observed on the real firmware."""

import pytest

from gotapi_printer.simulator.firmware import Firmware
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.states import TRANSITIONS, Event, State
from gotapi_printer.simulator.texts import ResetCause

HALT = ["Error:Printer halted. kill() called!", "//action:poweroff"]
PROMPT = ["//action:prompt_button Continue", "//action:prompt_show"]


@pytest.mark.parametrize("cause", list(ResetCause))
def test_boot_text(cause: ResetCause) -> None:
    firmware = Firmware(Settings())
    firmware.reset(0.0, cause)
    lines = firmware.output().decode().splitlines()
    assert lines[:3] == ["start", cause.value, "Marlin bugfix-2.1.x"]
    assert lines[3].startswith("echo: Last Updated: ")
    assert lines[4].startswith("echo:Compiled: ")
    assert lines[5] == "echo: Free Memory: 4711  PlannerBufferBytes: 1280"
    assert "echo:  M92 X80.00 Y80.00 Z400.00 E500.00" in lines


def test_before_power_everything_is_swallowed() -> None:
    firmware = Firmware(Settings())
    firmware.receive(b"M105\n", 1.0)
    firmware.freeze()
    firmware.thaw(2.0)
    assert firmware.state is State.OFF
    assert firmware.output() == b""
    assert firmware.next_wakeup() is None


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", list(Event))
def test_every_transition(make_board, state: State, event: Event) -> None:
    firmware = make_board().firmware
    firmware.state = state
    match event:
        case Event.RESET:
            firmware.reset(1.0, ResetCause.SOFTWARE)
        case Event.FREEZE:
            firmware.freeze()
        case Event.THAW:
            firmware.thaw(1.0)
        case Event.KILL:
            firmware.receive(b"M112\n", 1.0)
    assert firmware.state is TRANSITIONS[state].get(event, state)


class TestLines:
    def test_one_ok_for_each_line(self, board) -> None:
        assert board.send("G90", "M82", "G92 E0") == ["ok", "ok", "ok"]

    def test_empty_lines_and_comments_get_no_ok(self, board) -> None:
        assert board.raw(b"\n\r\n; a comment\n  ;x\n") == ['echo:Unknown command: ""', "ok"]

    def test_crlf_and_cr_end_a_line_once(self, board) -> None:
        assert board.raw(b"G90\r\nG91\rG90\n") == ["ok"] * 3

    def test_unknown_command(self, board) -> None:
        assert board.send("M9999 X1") == ['echo:Unknown command: "M9999 X1"', "ok"]
        assert board.numbered(1, "?") == ['echo:Unknown command: "?"', "ok"]
        assert board.send("g28") == ['echo:Unknown command: "g28"', "ok"]

    @pytest.mark.parametrize("text", ["G01X5", "G 1 X5", "G1X5", "G0001 X5"])
    def test_spellings_of_a_code(self, instant, text: str) -> None:
        assert instant.send(text) == ["ok"]
        assert instant.send("M114")[0].startswith("X:5.00 ")

    def test_long_lines_are_cut_silently(self, board) -> None:
        assert board.send("M118 " + "x" * 500) == ["x" * 90, "ok"]

    def test_latin_text_passes_unchanged(self, board) -> None:
        assert board.send("M118 A1 gr\xfc\xdf") == ["//gr\xfc\xdf", "ok"]

    def test_accepted_lines_are_told_without_number_and_checksum(self, board, framed) -> None:
        board.send("M105", framed(1, "G28 X0"), framed(9, "G90"), framed(2, "M82 ; x"))
        assert board.accepted == [(b"M105", None), (b"G28 X0", 1)]


class TestNumbers:
    def test_handshake(self, board) -> None:
        assert board.send("N0 M110 N0*125") == ["ok"]
        assert board.numbered(1, "G90") == ["ok"]

    def test_printcores_handshake(self, board) -> None:
        assert board.send("N-1 M110*15") == ["ok"]
        assert board.numbered(0, "G90") == ["ok"]

    def test_m110_without_line_number(self, board) -> None:
        assert board.send("M110 N41", "M110") == ["ok", "ok"]
        assert board.numbered(42, "G90") == ["ok"]

    def test_checksum_error_then_resend_then_ok(self, board, framed) -> None:
        board.numbered(1, "G90")
        assert board.send("N2 G91*0") == [
            "Error:checksum mismatch, Last Line: 1",
            "Resend: 2",
            "ok",
        ]
        assert board.numbered(2, "G91") == ["ok"]

    def test_missing_checksum(self, board) -> None:
        assert board.send("N1 G90") == [
            "Error:No Checksum with line number, Last Line: 0",
            "Resend: 1",
            "ok",
        ]

    def test_wrong_number(self, board) -> None:
        assert board.numbered(7, "G90") == [
            "Error:Line Number is not Last Line Number+1, Last Line: 0",
            "Resend: 1",
            "ok",
        ]
        assert board.accepted == []

    @pytest.mark.parametrize("tail", ["", "junk"])
    def test_duplicates_are_dropped_without_a_word(self, board, framed, tail: str) -> None:
        for number in (1, 2, 3):
            board.numbered(number, "G90")
        assert board.send(framed(3, "G90") + tail) == []
        assert board.send(framed(2, "G90") + tail) == []
        # The way out: the next line, or M110.
        assert board.numbered(4, "G90") == ["ok"]
        assert len(board.accepted) == 4

    def test_an_older_line_is_an_error(self, board) -> None:
        for number in (1, 2, 3):
            board.numbered(number, "G90")
        assert board.numbered(1, "G90")[1] == "Resend: 4"

    def test_the_receive_buffer_is_flushed_with_a_bad_line(self, board, framed) -> None:
        both = "N1 G90*0\n" + framed(2, "G91") + "\nM105\n"
        assert board.raw(both.encode()) == [
            "Error:checksum mismatch, Last Line: 0",
            "Resend: 1",
            "ok",
        ]
        # A line that arrives afterwards is not lost, and gives its own error.
        assert board.numbered(3, "G90")[1:] == ["Resend: 1", "ok"]

    def test_two_lines_merged_by_a_lost_line_end(self, board, framed) -> None:
        merged = framed(1, "G90") + framed(2, "G91")
        assert board.send(merged)[0] == "Error:checksum mismatch, Last Line: 0"

    def test_errors_are_said_while_a_command_blocks(self, board) -> None:
        board.send("G4 S5")
        assert board.send("N9 G90*1")[1:] == ["Resend: 1", "ok"]
        assert board.wait(6)[-1] == "ok"


class TestAdvancedOk:
    def test_number_planner_and_queue(self, make_board) -> None:
        board = make_board(advanced_ok=True)
        assert board.numbered(1, "G90") == ["ok N1 P15 B3"]
        assert board.send("G90") == ["ok P15 B3"]
        assert board.send("G1 X10 F60") == ["ok P14 B3"]

    def test_m105_has_none_of_it(self, make_board) -> None:
        board = make_board(advanced_ok=True)
        assert board.numbered(1, "M105") == ["ok T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0"]


class TestQueue:
    def test_ok_means_queued_until_the_planner_is_full(self, board) -> None:
        # Each of these moves takes more than a second; 15 fit into the ring of 16.
        assert board.send(*[f"G1 X{n} F60" for n in range(1, 16)]) == ["ok"] * 15
        assert board.send("G1 X16") == []
        assert board.wait(1.5) == ["ok"]

    def test_four_commands_wait_with_the_running_one(self, board) -> None:
        board.send("G4 S10")
        assert board.send("M118 a", "M118 b", "M118 c") == []
        assert len(board.accepted) == 4
        board.send("M118 d")  # stays in the receive buffer
        assert len(board.accepted) == 4
        said = [line for line in board.wait(11) if "busy" not in line]
        assert said == ["ok", "a", "ok", "b", "ok", "c", "ok", "d", "ok"]

    def test_a_host_that_over_sends_loses_bytes(self, board, framed) -> None:
        board.send("G4 S10")
        board.raw("".join(framed(n, "G1 X1 Y1") + "\n" for n in range(1, 30)).encode())
        said = board.wait(11)
        accepted = [number for _, number in board.accepted if number]
        # Three in the queue, and the whole lines of 128 bytes of receive buffer.
        assert accepted == list(range(1, len(accepted) + 1))
        assert 3 < len(accepted) < 12
        # The line cut by the overflow merges with the next one sent.
        assert "Error" not in "".join(said)
        assert board.numbered(30, "G1 X1")[0].startswith("Error:")

    def test_a_bigger_receive_buffer_loses_nothing(self, make_board, framed) -> None:
        board = make_board(rx_buffer=4096)
        board.send("G4 S10")
        board.raw("".join(framed(n, "G90") + "\n" for n in range(1, 30)).encode())
        assert board.wait(11).count("ok") == 30

    @pytest.mark.parametrize("command", ["M400", "G28", "G4 P10", "M84", "M0"])
    def test_blocking_commands_wait_for_the_moves(self, board, command: str) -> None:
        board.send("G1 X10 F600")
        assert board.send(command) == []

    def test_m400_is_answered_when_the_tool_stands_still(self, board) -> None:
        board.send("G1 X10 F600")
        assert board.send("M400") == []
        assert board.wait(0.9) == []
        assert board.wait(0.2) == ["ok"]
        assert board.send("M400") == ["ok"]


class TestBusy:
    def test_every_two_seconds(self, board) -> None:
        board.send("G4 S5")
        assert board.wait(1.9) == []
        assert board.wait(0.2) == ["echo:busy: processing"]
        assert board.wait(2) == ["echo:busy: processing"]
        assert board.wait(1) == ["ok"]
        assert board.wait(100) == []

    def test_m113_sets_the_interval_and_says_it(self, board) -> None:
        assert board.send("M113") == ["echo:M113 S2", "ok"]
        board.send("M113 S1", "G4 S3")
        assert board.wait(2.5) == ["echo:busy: processing"] * 2
        board.wait(1)
        assert board.send("M113 S999", "M113") == ["ok", "echo:M113 S60", "ok"]

    def test_m113_s0_switches_it_off(self, board) -> None:
        board.send("M113 S0", "G4 S9")
        assert board.wait(10) == ["ok"]

    def test_a_full_planner_is_busy_too(self, board) -> None:
        board.send(*[f"G1 X{n * 10} F60" for n in range(1, 16)])
        board.send("G1 X0")
        assert "echo:busy: processing" in board.wait(5)


class TestEmergency:
    def test_m112_shuts_down_for_good(self, board) -> None:
        board.send("M104 S200")
        assert board.send("M112") == ["echo:M112 Shutdown", *HALT]
        assert board.send("M105", "G28", "M112") == []
        assert board.wait(100) == []
        assert board.firmware.machine.nozzle.target == 0
        board.firmware.reset(board.now, ResetCause.EXTERNAL)
        assert board.said()[0] == "start"
        assert board.send("G90") == ["ok"]

    def test_m112_does_not_wait_behind_a_full_queue(self, board) -> None:
        board.send("G4 S60", *["G4 S60"] * 20)
        assert board.send("M112") == ["echo:M112 Shutdown", *HALT]

    def test_m108_ends_m109_and_gets_an_ok_of_its_own(self, board) -> None:
        assert board.send("M109 S200") == [" T:21.00 /200.00 B:21.00 /0.00 @:127 B@:0 W:?"]
        assert board.send("M108") == ["ok", "ok"]
        assert board.firmware.machine.nozzle.target == 200

    def test_m108_sent_with_its_command_acts_after_it(self, board) -> None:
        assert board.send("M190 S60", "M108")[1:] == ["ok", "ok"]

    def test_m410_stops_the_move_where_it_is(self, board) -> None:
        board.send("G1 X10 F60", "M400")
        board.wait(1.19)
        assert board.send("M410") == ["ok", "ok"]
        position = board.send("M114")[0]
        assert position.startswith("X:1.1")
        assert board.wait(60) == []
        assert board.send("M114")[0] == position

    def test_m410_drops_a_move_that_waits_for_the_planner(self, board) -> None:
        board.send(*[f"G1 X{n} F60" for n in range(1, 17)])
        assert board.send("M410") == ["ok", "ok"]
        assert board.send("M400", "M114")[1].startswith("X:0.0")

    def test_numbered_emergency_commands_work_too(self, board) -> None:
        board.send("M109 S200")
        assert board.numbered(1, "M108") == ["ok", "ok"]

    def test_without_the_parser_they_wait_in_the_queue(self, make_board) -> None:
        board = make_board(emergency_parser=False)
        board.send("G4 S10", "G4 S10", "G4 S10", "G4 S10")
        assert board.send("M112") == []
        assert HALT[0] in board.wait(11)

    def test_without_the_parser_they_act_when_they_are_read(self, make_board) -> None:
        board = make_board(emergency_parser=False)
        board.send("M109 S200")
        assert board.send("M108") == ["ok", "ok"]
        board.send("G1 X10 F60", "M400")
        board.wait(1)
        assert board.send("M410") == ["ok", "ok"]
        assert board.numbered(1, "M112") == ["echo:M112 Shutdown", *HALT]
        assert board.firmware.state is State.HALTED


class TestUser:
    def test_m0_asks_and_waits_until_m108(self, board) -> None:
        assert board.send("M0 Change the plate") == [
            "echo:Change the plate",
            "//action:prompt_end",
            "//action:prompt_begin Change the plate",
            *PROMPT,
        ]
        assert board.wait(4.5) == ["echo:busy: paused for user"] * 2
        assert board.send("M108") == ["ok", "ok"]
        assert board.wait(10) == []

    def test_m876_answers_the_prompt(self, board) -> None:
        assert board.send("M1")[1] == "//action:prompt_begin M1 Stop"
        assert board.send("M876 S0") == ["ok", "ok"]

    def test_a_numbered_m0_waits_for_its_time_only(self, board) -> None:
        assert board.send("M0 S3")[1] == "//action:prompt_begin M0 Stop"
        assert board.wait(3.1) == ["echo:busy: paused for user", "ok"]
        board.send("M0 P500 wait")
        assert board.wait(0.6) == ["ok"]

    def test_m876_p1_announces_support_and_ends_nothing(self, board) -> None:
        board.send("M0")
        assert board.send("M876 P1") == []

    def test_m600(self, board) -> None:
        said = board.send("M600")
        assert said[0] == "//action:paused"
        assert "//action:prompt_begin Nozzle Parked" in said
        assert board.send("M108") == ["//action:resumed", "ok", "ok"]


class TestFreeze:
    def test_a_frozen_board_says_nothing_and_goes_on_later(self, board, framed) -> None:
        board.send("M155 S1")
        board.firmware.freeze()
        assert board.firmware.next_wakeup() is None
        assert board.send("M105", framed(1, "G90")) == []
        assert board.wait(10) == []
        board.firmware.thaw(board.now)
        said = board.said()
        assert said[-1] == "ok"
        assert sum(line.startswith("ok") for line in said) == 2

    def test_bytes_beyond_the_receive_buffer_are_lost(self, board) -> None:
        board.firmware.freeze()
        for _ in range(100):
            board.send("M118 a")
        board.firmware.thaw(board.now)
        assert board.said().count("ok") == 128 // 7

    def test_m112_during_a_freeze_acts_afterwards(self, make_board) -> None:
        for parser in (True, False):
            board = make_board(emergency_parser=parser)
            board.firmware.freeze()
            assert board.send("G90", "M112") == []
            board.firmware.thaw(board.now)
            assert board.said()[-2:] == HALT

    def test_the_observer_can_stop_the_firmware_at_a_line(self, framed) -> None:
        firmware = Firmware(Settings(), lambda text, number: number != 2)
        firmware.reset(0.0, ResetCause.POWER)
        firmware.output()
        lines = "".join(framed(n, "G90") + "\n" for n in (1, 2, 3))
        firmware.receive(lines.encode(), 1.0)
        assert firmware.output() == b"ok\n"
        firmware.receive(b"M105\n", 2.0)
        firmware.thaw(3.0)
        assert firmware.output().startswith(b"ok\nok\nok T:")


def test_a_reset_loses_everything_but_the_heat(board) -> None:
    board.send("M104 S200", "M155 S1", "M113 S9", "M83")
    board.wait(60)
    board.numbered(1, "G4 S100")
    hot = board.firmware.machine.nozzle.temperature(board.now)
    board.firmware.reset(board.now, ResetCause.BROWN_OUT)
    assert board.said()[:2] == ["start", "Brown out Reset"]
    assert board.wait(0.5) == []
    report = board.send("M105")[0]
    assert " /0.00 " in report
    assert float(report[5:].split()[0]) == pytest.approx(hot, abs=2)
    assert board.numbered(1, "M113") == ["echo:M113 S2", "ok"]


def test_m112_in_the_text_of_a_numbered_line_without_parser(make_board) -> None:
    board = make_board(emergency_parser=False)
    assert board.send("M112") == ["echo:M112 Shutdown", *HALT]
    assert board.accepted == []


def test_a_failed_homing_halts(make_board) -> None:
    board = make_board(broken_endstop=True)
    assert board.send("G28") == ["echo:Homing Failed", *HALT]
    assert board.send("M105") == []


def test_a_failure_in_the_middle_of_a_wait_halts(make_board) -> None:
    board = make_board(broken_heater=True)
    board.send("M109 S200")
    said = board.wait(60)
    assert said[-3:] == ["Error:Heating Failed, system stopped! Heater_ID: 0", *HALT]
    assert board.firmware.next_wakeup() is None
