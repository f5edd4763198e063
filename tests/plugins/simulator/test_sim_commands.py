"""What single commands do and answer."""

import re

import pytest

REPORT = re.compile(
    r" ?T:[\d.]+ /[\d.]+ B:[\d.]+ /[\d.]+ @:\d+ B@:\d+( W:(\?|\d+))?",
)


class TestTemperatures:
    def test_m105(self, board) -> None:
        assert board.send("M105") == ["ok T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0"]
        board.send("M104 S200", "M140 S60")
        assert board.send("M105")[0].endswith(" /60.00 @:127 B@:127")

    def test_m155_reports_by_itself(self, board) -> None:
        assert board.send("M155 S2") == ["ok"]
        said = board.wait(6.5)
        assert said == [" T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0"] * 3
        assert board.send("M155") == ["ok"]
        board.send("M155 S0")
        assert board.wait(10) == []
        board.send("M155 S500")
        assert len(board.wait(181)) == 3  # 60 s at most

    def test_m109_prints_each_second_and_counts_down(self, board) -> None:
        said = board.send("M109 S60") + board.wait(60)
        temperatures = [line for line in said if line.startswith(" T:")]
        assert all(REPORT.fullmatch(line) for line in temperatures)
        waits = [line.rpartition("W:")[2] for line in temperatures]
        assert waits[0] == "?"
        counted = [int(value) for value in waits if value != "?"]
        assert counted == sorted(counted, reverse=True)
        assert counted[-1] <= 1
        assert "echo:busy: processing" in said
        assert said[-1] == "ok"

    def test_m109_at_temperature_still_waits_for_its_residency(self, board) -> None:
        board.send("M104 S40")
        board.wait(60)
        assert board.send("M109 S40")[0].endswith("W:13")
        assert board.wait(13)[-1].endswith("W:0")
        assert board.wait(0.5) == ["ok"]

    def test_m109_s_does_not_wait_for_cooling_but_r_does(self, board) -> None:
        board.send("M104 S100")
        board.wait(120)
        assert board.send("M109 S50") == ["ok"]
        assert board.send("M109 R50")[0].endswith("W:?")
        assert "ok" in board.wait(300)
        assert board.send("M109 R0") == ["ok"]  # nothing cools below ambient

    def test_m109_without_a_target_waits_for_the_present_one(self, board) -> None:
        assert board.send("M109") == ["ok"]
        board.send("M104 S50")
        assert board.send("M109")[0].endswith("W:?")

    def test_m190(self, board) -> None:
        board.send("M190 S40")
        said = board.wait(120)
        assert said[-1] == "ok"
        assert board.firmware.machine.bed.temperature(board.now) == pytest.approx(40, abs=1)

    def test_wrong_tools(self, board) -> None:
        assert board.send("M104 T1 S200") == ["echo:M104 Invalid extruder 1", "ok"]
        assert board.send("M109 T3 S200") == ["echo:M109 Invalid extruder 3", "ok"]
        assert board.send("T0") == ["echo:Active Extruder: 0", "ok"]
        assert board.send("T1") == ["echo:T1 Invalid extruder", "ok"]

    def test_targets_need_a_number(self, board) -> None:
        assert board.send("M104", "M140") == ["ok", "ok"]
        assert board.firmware.machine.nozzle.target == 0

    def test_fans(self, board) -> None:
        board.send("M106", "M106 P1 S127.5", "M106 P9 S999")
        assert board.firmware.machine.fans == {0: 255, 1: 127, 2: 255}
        board.send("M107", "M107 P1")
        assert board.firmware.machine.fans == {0: 0, 1: 0, 2: 255}

    def test_m108_from_the_queue_is_only_acknowledged(self, board) -> None:
        assert board.send("M108") == ["ok"]

    def test_instant_heaters(self, instant) -> None:
        assert instant.send("M109 S200", "M190 S60") == ["ok", "ok"]
        assert instant.send("M105")[0].startswith("ok T:200.00 /200.00 B:60.00 /60.00 @:")


class TestColdExtrusion:
    COLD = "echo: cold extrusion prevented"

    def test_cold_filament_is_not_pushed_but_the_position_goes_on(self, instant) -> None:
        assert instant.send("G1 X5 E5") == [self.COLD, "ok"]
        assert instant.send("M114")[0].startswith("X:5.00 Y:0.00 Z:0.00 E:5.00 ")
        assert instant.send("G1 X6 E5") == ["ok"]

    def test_warm_filament_is(self, instant) -> None:
        assert instant.send("M109 S200", "G1 E5") == ["ok", "ok"]

    def test_m302_allows_it(self, instant) -> None:
        assert instant.send("M302")[0] == "echo:Cold extrudes are disabled (min temp 170C)"
        assert instant.send("M302 P1", "G1 E1") == ["ok", "ok"]
        assert instant.send("M302")[0] == "echo:Cold extrudes are enabled (min temp 170C)"
        assert instant.send("M302 S170", "G1 E2") == ["ok", self.COLD, "ok"]
        assert instant.send("M302 S0", "G1 E3") == ["ok", "ok"]


def position(board) -> str:
    return board.send("M114")[0]


class TestMoves:
    def test_m114_at_the_start(self, board) -> None:
        assert board.send("M114") == ["X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0", "ok"]

    def test_m114_tells_the_target_and_counts_real_steps(self, board) -> None:
        board.send("G1 X10 F60")
        board.wait(5)
        target, _, count = position(board).partition(" Count ")
        assert target == "X:10.00 Y:0.00 Z:0.00 E:0.00"
        assert 350 < int(count.split()[0][2:]) < 450
        board.wait(10)
        assert position(board).endswith("Count X:800 Y:0 Z:0")

    def test_m154_reports_the_position(self, board) -> None:
        board.send("M154 S1", "M154")
        assert board.wait(2.5) == ["X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0"] * 2

    def test_modes(self, instant) -> None:
        instant.send("M302 P1", "G91", "G1 X1 E1", "G1 X1 E1")
        assert position(instant).startswith("X:2.00 Y:0.00 Z:0.00 E:2.00")
        instant.send("G90", "M83", "G1 X1 E1")
        assert position(instant).startswith("X:1.00 Y:0.00 Z:0.00 E:3.00")
        instant.send("M82", "G1 E1", "G20", "G0 X1", "G21", "G0 Y1")
        assert position(instant).startswith("X:25.40 Y:1.00 Z:0.00 E:1.00")

    def test_g92_moves_the_coordinates_not_the_tool(self, instant) -> None:
        instant.send("G1 X10 Y10", "G92 X0 E7")
        assert position(instant) == "X:0.00 Y:10.00 Z:0.00 E:7.00 Count X:800 Y:800 Z:0"
        instant.send("G1 X5", "G20", "G92 Y1")
        assert position(instant) == "X:5.00 Y:25.40 Z:0.00 E:7.00 Count X:1200 Y:800 Z:0"
        instant.send("G28")
        assert position(instant).startswith("X:0.00 Y:0.00 Z:0.00 E:7.00 Count X:0 Y:0 Z:0")

    def test_arcs(self, board) -> None:
        board.send("G1 X10 F6000", "M400")
        board.wait(1)
        board.send("G2 X20 Y0 I5 J0 F600", "M400")
        assert board.wait(1.5) == []  # half a circle of 5 mm at 10 mm/s is 1.57 s
        assert board.wait(0.2) == ["ok"]
        assert board.send("G3 X0 R1") == ["Error:G2/G3 bad parameters", "ok"]

    def test_homing_takes_time_and_reports(self, board) -> None:
        board.send("G1 X100 F6000")
        assert board.send("G28 X0") == []
        assert board.wait(7)[-2:] == ["X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0", "ok"]
        board.send("G28")
        assert "ok" in board.wait(60)
        # Now the firmware knows where the tool is, and the next time is short.
        board.send("G28")
        assert board.wait(7)[-1] == "ok"

    def test_soft_endstops_after_homing(self, instant) -> None:
        instant.send("G28", "G1 X999")
        assert position(instant).startswith("X:220.00")
        assert instant.send("M211 S0")[0].startswith("echo:Soft endstops: Off ")
        instant.send("G1 X999")
        assert position(instant).startswith("X:999.00")
        assert instant.send("M211")[0].endswith("Max:  X220.00 Y220.00 Z250.00")

    def test_motors_off_loses_the_origin(self, instant) -> None:
        instant.send("G28")
        assert instant.send("M119")[1:4] == [f"{a}_min: TRIGGERED" for a in "xyz"]
        instant.send("M18 X")
        assert instant.firmware.machine.place.homed == {1, 2}
        instant.send("M84")
        assert instant.firmware.machine.place.homed == set()
        assert instant.send("M119")[1] == "x_min: open"

    def test_levelling_needs_homing(self, board) -> None:
        assert board.send("G29") == ["echo:Home XYZ First", "ok"]
        board.send("G28")
        board.wait(100)
        assert board.send("G29") == []
        said = board.wait(30)
        assert "Bilinear Leveling Grid:" in said
        assert said[-1] == "ok"

    def test_dwell_in_seconds_and_milliseconds(self, board) -> None:
        board.send("G4 P1500")
        assert board.wait(1.4) == []
        assert board.wait(0.2) == ["ok"]
        assert board.send("G4") == ["ok"]

    def test_instant_moves(self, instant) -> None:
        assert instant.send("G28", "G1 X50 F1", "G4 S100", "M400", "G29")[-1] == "ok"

    def test_feedrate_and_flow_percentage(self, board) -> None:
        assert board.send("M220") == ["FR:100%", "ok"]
        assert board.send("M221 S95", "M221") == ["ok", "echo:E0 Flow: 95%", "ok"]
        board.send("M220 S200", "G1 X10 F600", "M400")
        assert board.wait(0.6) == ["ok"]
        assert board.send("M220 S0", "M220") == ["ok", "FR:1%", "ok"]

    def test_machine_limits(self, board) -> None:
        board.send("M203 X5 Y0", "M201 X100 Z", "M92 X100 E-1", "M204 S500 R600", "M204 P0 T800")
        limits = board.firmware.machine.limits
        assert limits.feedrate[:2] == [5.0, 300.0]
        assert limits.acceleration[:3] == [100.0, 3000.0, 100.0]
        assert limits.steps == [100.0, 80.0, 400.0, 500.0]
        assert (limits.printing, limits.retract, limits.travel) == (500.0, 600.0, 800.0)
        board.send("G1 X10 F6000", "M400")
        assert board.wait(1.9) == []
        assert board.wait(1)[-1] == "ok"

    def test_a_move_to_where_it_stands_takes_no_place(self, make_board) -> None:
        board = make_board(advanced_ok=True)
        assert board.send(*["G1 X0"] * 40) == ["ok P15 B3"] * 40


class TestReports:
    def test_m115(self, make_board) -> None:
        board = make_board(machine_type="Test 3D", area=(200.0, 210.5, 300.0))
        said = board.send("M115")
        assert re.fullmatch(
            r"FIRMWARE_NAME:Marlin bugfix-2\.1\.x \(.*\) SOURCE_CODE_URL:\S+ PROTOCOL_VERSION:1\.0 "
            r"MACHINE_TYPE:Test 3D EXTRUDER_COUNT:1 UUID:[0-9a-f-]{36}",
            said[0],
        )
        caps = [line for line in said if line.startswith("Cap:")]
        assert all(re.fullmatch(r"Cap:[A-Z0-9_]+:[01]", line) for line in caps)
        for name in ("AUTOREPORT_TEMP", "AUTOREPORT_POS", "EMERGENCY_PARSER", "ARCS"):
            assert f"Cap:{name}:1" in caps
        assert "Cap:SDCARD:0" in caps
        box = "{min:{x:0,y:0,z:0},max:{x:200,y:210.5,z:300}}"
        assert said[-2:] == [f"area:{{full:{box},work:{box}}}", "ok"]

    def test_m115_tells_of_the_missing_emergency_parser(self, make_board) -> None:
        assert "Cap:EMERGENCY_PARSER:0" in make_board(emergency_parser=False).send("M115")

    def test_progress(self, board) -> None:
        said = board.send("M73 P50 R12")
        assert said == ["echo: M73 Progress: 50%; Time left: 12m;", "ok"]
        assert board.send("M73")[0] == said[0]
        assert board.send("M73 P999")[0] == "echo: M73 Progress: 100%; Time left: 12m;"

    def test_progress_unknown(self, board) -> None:
        assert board.send("M73") == ["echo: M73", "ok"]

    @pytest.mark.parametrize(
        ("command", "line"),
        [
            ("M118 A1 action:pause", "//action:pause"),
            ("M118 E1 hello", "echo:hello"),
            ("M118 P0 A0 hello", "hello"),
            ("M111", "echo:DEBUG:Off"),
            ("M111 S6", "echo:DEBUG:INFO,ERRORS"),
            ("M119", "Reporting endstop status"),
            ("M500", "echo:Settings Stored (614 bytes; crc 3761)"),
            ("M501", "echo:V86 stored settings retrieved (614 bytes; crc 3761)"),
            ("M502", "echo:Hardcoded Default Settings Loaded"),
            ("M503", "echo:  G21    ; Units in mm (mm)"),
        ],
    )
    def test_answers(self, board, command: str, line: str) -> None:
        said = board.send(command)
        assert said[0] == line
        assert said[-1] == "ok"

    def test_echo_debugging_repeats_commands(self, board) -> None:
        board.send("M111 S1")
        assert board.send("G90") == ["echo:G90", "ok"]

    @pytest.mark.parametrize(
        "command",
        ["M117 Hello ; x", "M85 S60", "M876 P1", "G21", "M17", "M75", "M77", "M300 P1", "G17"],
    )
    def test_quiet_commands(self, board, command: str) -> None:
        assert board.send(command) == ["ok"]
