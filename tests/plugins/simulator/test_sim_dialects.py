"""What other firmware families say, against the forms that are known of them."""

import pytest

from gotapi_printer.simulator.dialects import DIALECTS
from gotapi_printer.simulator.firmware import Firmware
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.texts import ResetCause


@pytest.fixture
def speaking(make_board):
    def make(name: str, **options: object):
        board = make_board(dialect=DIALECTS[name], **options)
        board.firmware.receive(b"", 0.0)
        return board

    return make


def boot_text(name: str) -> list[str]:
    firmware = Firmware(Settings(dialect=DIALECTS[name]))
    firmware.reset(0.0, ResetCause.EXTERNAL)
    return firmware.output().decode().splitlines()


def test_every_dialect_has_its_own_name_and_title() -> None:
    assert set(DIALECTS) == {dialect.name for dialect in DIALECTS.values()}
    assert len({dialect.title for dialect in DIALECTS.values()}) == len(DIALECTS) == 7


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("marlin", ["start", "External Reset"]),
        ("prusa", ["start", "echo: 3.13.3-7094"]),
        ("klipper", []),
        ("reprap", []),
        ("repetier", ["start", "Info:External Reset"]),
        ("smoothie", ["Smoothie", "ok"]),
        ("malyan", ["start"]),
    ],
)
def test_boot_texts(name: str, first: list[str]) -> None:
    assert boot_text(name)[:2] == first


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("marlin", "FIRMWARE_NAME:Marlin bugfix-2.1.x (Jan 24 2023 12:00:00) "),
        ("prusa", "FIRMWARE_NAME:Prusa-Firmware 3.13.3 based on Marlin "),
        ("klipper", "ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:"),
        ("reprap", "FIRMWARE_NAME: RepRapFirmware for Duet 2 WiFi/Ethernet FIRMWARE_VERSION: "),
        ("repetier", "FIRMWARE_NAME:Repetier_1.0.4 "),
        ("smoothie", "FIRMWARE_NAME:Smoothieware, "),
        ("malyan", "NAME. Malyan VER: 2.9 MODEL: M200"),
    ],
)
def test_identities(speaking, name: str, answer: str) -> None:
    said = speaking(name).send("M115")
    assert said[0].startswith(answer)
    assert len([line for line in said if line.startswith("ok")]) == 1


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("marlin", ["ok T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0"]),
        ("prusa", ["ok T:21.0 /0.0 B:21.0 /0.0 T0:21.0 /0.0 @:0 B@:0 P:0.0 A:26.4"]),
        ("klipper", ["ok B:21.0 /0.0 T0:21.0 /0.0"]),
        ("reprap", ["ok T:21.0 /0.0 B:21.0 /0.0 T0:21.0 /0.0"]),
        ("repetier", ["T:21.00 B:21.00 @:0 B@:0", "ok"]),
        ("smoothie", ["ok T:21.0 /0.0 @0 B:21.0 /0.0 @0\r"]),
        ("malyan", ["ok T:21 /0 B:21 /0 T0:21 /0 @:0 B@:0"]),
    ],
)
def test_temperatures(speaking, name: str, answer: list[str]) -> None:
    assert speaking(name).send("M105") == answer


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("marlin", ["Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"]),
        ("prusa", ["Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"]),
        ("klipper", ["ok"]),
        ("reprap", ["Resend: 1", "ok"]),
        ("repetier", ["Error:checksum mismatch (expected line 1 got 1)", "Resend:1", "ok"]),
        ("smoothie", ["rs N1\r"]),
        ("malyan", ["Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"]),
    ],
)
def test_a_damaged_line(speaking, name: str, answers: list[str]) -> None:
    assert speaking(name).send("N1 G90*0") == answers


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("marlin", []),  # the trap: silence
        ("klipper", ["ok"]),
        ("reprap", ["ok"]),
        ("repetier", ["skip 1", "ok 1"]),
        ("smoothie", ["rs N2\r"]),
    ],
)
def test_a_repeated_line(speaking, name: str, answers: list[str]) -> None:
    board = speaking(name)
    board.numbered(1, "G90")
    assert board.numbered(1, "G90") == answers


@pytest.mark.parametrize(
    ("name", "answer"),
    [("marlin", "ok"), ("repetier", "ok 1"), ("malyan", "ok N1 P15 B3"), ("smoothie", "ok\r")],
)
def test_an_ok(speaking, name: str, answer: str) -> None:
    assert speaking(name).numbered(1, "G90") == [answer]


@pytest.mark.parametrize("name", ["repetier", "malyan"])
def test_after_a_numbered_line_no_other_is_taken(speaking, name: str) -> None:
    board = speaking(name)
    assert board.send("M105")[-1].startswith(("ok", "T:"))
    board.numbered(1, "G90")
    board.now += 1
    said = board.send("M105", at=board.now)
    assert {"Resend: 2", "Resend:2"} & set(said)
    board.now += 1
    assert board.send("N0 M110 N0*125", at=board.now)[-1].startswith("ok")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("prusa", ['echo:Unknown command: "M9999"(2)', "ok"]),
        ("klipper", ['// Unknown command:"M9999"', "ok"]),
        ("repetier", ["Unknown command:M9999", "ok"]),
        ("smoothie", ["ok\r"]),
    ],
)
def test_unknown_commands(speaking, name: str, answer: list[str]) -> None:
    assert speaking(name).send("M9999") == answer


def test_klipper_answers_an_empty_line(speaking) -> None:
    assert speaking("klipper").raw(b"\n") == ["ok"]


def test_klipper_refuses_moves_and_still_says_ok(speaking) -> None:
    board = speaking("klipper", instant=True)
    assert board.send("G1 X5") == ["!! Must home axis first", "ok"]
    board.send("G28")
    assert board.send("G1 X500 Y5") == [
        "!! Move out of range: 500.000 5.000 0.000 [0.000]",
        "ok",
    ]
    assert board.send("G1 X5 Y5") == ["ok"]
    assert board.send("M114")[0].startswith("X:5.00 Y:5.00")


def test_repetier_waits_aloud_and_tells_targets(speaking) -> None:
    board = speaking("repetier")
    assert board.wait(3.5) == ["wait"] * 3
    assert board.send("M104 S200", "M140 S60") == ["TargetExtr0:200", "ok", "TargetBed:60", "ok"]
    board.send("G4 S5")
    assert "wait" not in board.wait(4.9)
    board.wait(0.2)
    assert board.send("M190 S60")[0] == "TargetBed:60"


def test_firmwares_without_keepalive_are_silent_at_work(speaking) -> None:
    board = speaking("smoothie")
    board.send("G4 S9")
    assert board.wait(10) == ["ok\r"]
    assert speaking("repetier").send("G4 S9") == []


def test_firmwares_without_host_actions_say_none(speaking) -> None:
    board = speaking("klipper")
    assert board.send("M0 Look") == ["// Look"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("klipper", "// M112 Shutdown"),
        ("repetier", "fatal:M112 Shutdown"),
        ("smoothie", "M112 Shutdown\r"),
        ("reprap", "Error: M112 Shutdown"),
    ],
)
def test_an_emergency_stop(speaking, name: str, reason: str) -> None:
    assert speaking(name).send("M112")[0] == reason


@pytest.mark.parametrize(
    ("name", "answer", "revive"),
    [
        ("klipper", "!! Printer is shutdown", "FIRMWARE_RESTART"),
        ("repetier", "fatal:Printer stopped, restart needed", "M999"),
        ("smoothie", "!!\r", "M999"),
    ],
)
def test_some_answer_while_halted_and_can_be_revived(
    speaking, name: str, answer: str, revive: str
) -> None:
    board = speaking(name)
    board.send("M112")
    assert board.raw(b"G1 X5") == []
    assert board.send("", "N5 M105*1")[0] == answer
    assert board.send(revive)[-1].startswith("ok")
    assert board.send("M105")


def test_capabilities_are_the_dialects_own(speaking) -> None:
    assert "Cap:EMERGENCY_PARSER:1" not in speaking("prusa").send("M115")
    assert "Cap:AUTOREPORT_TEMP:1" in speaking("prusa").send("M115")
    assert not [line for line in speaking("smoothie").send("M115") if line.startswith("Cap:")]


class TestTools:
    def test_every_tool_has_its_temperature(self, make_board) -> None:
        board = make_board(instant=True, tools=2)
        assert board.send("M104 T1 S200", "T1") == ["ok", "echo:Active Extruder: 1", "ok"]
        assert board.send("M105") == [
            "ok T:200.00 /200.00 B:21.00 /0.00 T0:21.00 /0.00 T1:200.00 /200.00 "
            "@:57 B@:0 @0:0 @1:57"
        ]
        assert "EXTRUDER_COUNT:2" in board.send("M115")[0]
        assert board.send("T2") == ["echo:T2 Invalid extruder", "ok"]
        assert board.send("M109 T2 S9") == ["echo:M109 Invalid extruder 2", "ok"]

    def test_without_a_bed_nothing_is_said_or_heated(self, make_board) -> None:
        board = make_board(bed=False)
        assert board.send("M140 S60", "M190 S60", "M191 S9") == ["ok"] * 3
        assert board.send("M105") == ["ok T:21.00 /0.00 @:0"]

    def test_a_chamber(self, make_board) -> None:
        board = make_board(instant=True, chamber=True)
        assert board.send("M141 S40", "M191 S45") == ["ok", "ok"]
        assert " C:45.00 /45.00 " in board.send("M105")[0]
        assert "Cap:CHAMBER_TEMPERATURE:1" in board.send("M115")

    def test_a_reset_leaves_the_metal_hot(self, make_board) -> None:
        board = make_board(instant=False, tools=2, chamber=True)
        board.send("M104 T1 S200", "M141 S40")
        board.wait(60)
        board.firmware.reset(board.now, ResetCause.WATCHDOG)
        machine = board.firmware.machine
        assert machine.nozzles[1].temperature(board.now) > 100
        assert machine.nozzles[1].target == machine.chamber.target == 0


class TestPrompts:
    def test_purging_is_asked_until_it_is_enough(self, make_board) -> None:
        board = make_board(purge_prompt=True)
        assert "//action:prompt_begin Nozzle Parked" in board.send("M600")
        purge = board.send("M876 S0")
        assert "//action:prompt_button Purge More" in purge
        assert "//action:prompt_begin Filament Purge" in board.send("M876 S0")
        # Its own ok, and those of the three answers in the queue behind it.
        assert board.send("M876 S1") == ["//action:resumed", "ok", "ok", "ok", "ok"]

    def test_m108_goes_on_without_purging(self, make_board) -> None:
        board = make_board(purge_prompt=True)
        board.send("M600")
        board.send("M108")
        assert board.send("M108")[0] == "//action:resumed"

    def test_the_filament_runs_out(self, board) -> None:
        board.firmware.run_out()
        said = board.said()
        assert said[:4] == [
            "//action:prompt_end",
            "//action:prompt_begin FilamentRunout T0",
            "//action:prompt_show",
            "//action:paused filament_runout T0",
        ]
        assert "//action:prompt_begin Nozzle Parked" in said
        assert board.send("M108") == ["//action:resumed", "ok"]  # the ok of M108 only

    def test_it_runs_out_in_a_long_command(self, board) -> None:
        board.send("G4 S5", "G90")
        board.firmware.run_out()
        assert "//action:prompt_begin Nozzle Parked" in board.wait(6)
        assert board.send("M108")[1:] == ["ok", "ok"]

    def test_a_dead_board_has_no_sensors(self, board) -> None:
        board.firmware.fail("MAXTEMP triggered")
        assert board.said()[:2] == [
            "Error:MAXTEMP triggered",
            "Error:Printer halted. kill() called!",
        ]
        board.firmware.run_out()
        board.firmware.fail("again")
        assert board.said() == []
