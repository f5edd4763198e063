"""The card in the slot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.simulator import sd_card
from gotapi_printer.simulator.sd_card import SdCard, short_name
from gotapi_printer.simulator.texts import ResetCause

FILES = (
    ("A long box name.gcode", b"G28\nG1 X10 ; right\n\nM114\n"),
    ("b.g", b"G4 S2\nG4 S2"),
    ("long.g", b"G4 S2\n" * 10),
)


@pytest.fixture
def card(make_board):
    return make_board(card=FILES, instant=True)


@pytest.fixture
def slow(make_board):
    return make_board(card=FILES)


@pytest.mark.parametrize(
    ("name", "taken", "short"),
    [
        ("box.gcode", (), "BOX.GCO"),
        ("A long name.gcode", (), "ALONGN~1.GCO"),
        ("A long name.gcode", ("ALONGN~1.GCO",), "ALONGN~2.GCO"),
        ("box.g", ("BOX.G",), "BOX~2.G"),
        ("noend", (), "NOEND.GCO"),
        ("??.gcode", (), "FILE.GCO"),
    ],
)
def test_short_names(name: str, taken: tuple[str, ...], short: str) -> None:
    assert short_name(name, taken) == short


@given(st.lists(st.text(max_size=30), max_size=12))
def test_short_names_are_short_and_apart(names: list[str]) -> None:
    known: list[str] = []
    for name in names:
        known.append(short_name(name, known))
    assert len(set(known)) == len(names)
    assert all(len(stem) <= 8 for stem, _, _ in (short.partition(".") for short in known))


def test_without_a_slot(board) -> None:
    assert board.send("M20") == ["echo:No media", "ok"]
    assert "Cap:SDCARD:0" in board.send("M115")


def test_listing(card) -> None:
    assert "Cap:SDCARD:1" in card.send("M115")
    assert card.send("M21") == ["echo:SD card ok", "ok"]
    names = ["ALONGB~1.GCO 25", "B.G 11", "LONG.G 60"]
    assert card.send("M20") == ["Begin file list", *names, "End file list", "ok"]
    assert card.send("M20 L")[1] == "ALONGB~1.GCO 25 A long box name.gcode"
    assert card.send("M33 alongb~1.gco") == ["/A long box name.gcode", "ok"]
    assert card.send("M33 A LONG BOX name.gcode") == ["/A long box name.gcode", "ok"]
    assert card.send("M33 none") == ["/", "ok"]


def test_a_print_from_the_card_has_no_oks(card) -> None:
    assert card.send("M23 /alongb~1.gco") == [
        "echo:Now fresh file: /alongb~1.gco",
        "File opened: ALONGB~1.GCO Size: 25",
        "File selected",
        "ok",
    ]
    assert card.send("M24") == ["ok"]
    said = card.wait(1)
    assert [line[:7] for line in said] == ["X:0.00 ", "X:10.00", "Done pr"]
    assert card.accepted == [(b"M23 /alongb~1.gco", None), (b"M24", None)]


def test_selecting_nothing(card) -> None:
    assert card.send("M23 no.gco") == ["open failed, File: no.gco.", "ok"]
    assert card.send("M24", "M27") == ["ok", "Not SD printing", "ok"]


def test_status_and_its_reports(slow) -> None:
    assert slow.send("M27 C")[0] == "Current file: (no file)"
    assert "Cap:AUTOREPORT_SD_STATUS:1" in slow.send("M115")
    slow.send("M27 S1", "M32 !long.g#")
    slow.send("M27")
    slow.send("M27 C")
    said = slow.wait(25)
    # The card is read four commands ahead; a serial command waits for the one that runs.
    assert said[0] == "SD printing byte 24/60"
    assert "Current file: LONG.G long.g" in said
    at = said.index("Done printing file")
    assert "Not SD printing" in said[at:]


def test_pause_go_on_and_abort(make_board) -> None:
    lines = b"".join(b"G4 S1\n" for _ in range(20))
    board = make_board(card=(("x.gco", lines),))
    board.send("M32 x.gco")
    board.wait(2.5)
    board.send("M25")
    board.wait(20)
    assert board.send("M27") == ["Not SD printing", "ok"]
    # Ran two, running one, three more were read ahead; then M25 came.
    assert board.firmware.machine.card.position == 48
    board.send("M24")
    board.wait(0.5)
    assert board.send("M524") == []  # behind the running pause
    assert "ok" in board.wait(10)
    assert board.firmware.machine.card.position == 0


def test_seeking(card) -> None:
    card.send("M23 b.g", "M26 S6")
    assert card.firmware.machine.card.position == 6
    card.send("M24 S999")
    assert card.wait(1) == ["Done printing file"]


def test_many_lines_are_read_in_bites(make_board) -> None:
    board = make_board(card=(("x.gco", b"G90\n" * 170),), instant=True)
    board.send("M32 x.gco")
    board.wait(0.0015)
    assert 0 < board.firmware.machine.card.position < 4 * 170
    assert board.send("M105")[0].startswith("ok T:")
    assert board.wait(1) == ["Done printing file"]


def test_a_serial_command_comes_in_between(slow) -> None:
    slow.send("M32 long.g")
    slow.wait(0.1)
    slow.send("M105")
    said = [line for line in slow.wait(25) if not line.startswith("echo:busy")]
    assert [line[:4] for line in said] == ["ok T", "Done"]


def test_writing(card) -> None:
    assert card.send("M28 new.gco") == ["Writing to file: new.gco", "ok"]
    assert card.send("G28", "G1 X5") == ["ok", "ok"]
    assert card.firmware.machine.place.homed == set()
    assert card.send("M29") == ["Done saving file.", "ok"]
    assert card.firmware.machine.card.content("NEW.GCO") == b"G28\nG1 X5\n"
    card.send("M28 NEW.GCO", "G90", "M29")
    assert card.firmware.machine.card.content("new.gco") == b"G90\n"
    assert card.send("M28")[0] == "open failed, File: ."
    assert card.send("M29") == ["ok"]


def test_a_full_card(card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sd_card, "MAX_CARD", 98)
    card.send("M28 new.gco", "G28")
    assert card.send("M29") == ["Error:error writing to file", "ok"]
    assert card.firmware.machine.card.content("new.gco") is None


def test_deleting(slow) -> None:
    assert slow.send("M30 no.gco") == ["Deletion failed, File: no.gco.", "ok"]
    slow.send("M32 long.g")
    card = slow.firmware.machine.card
    assert not card.delete("long.g")
    card.printing = False
    assert card.delete("long.g")
    assert card.selected == ""
    slow.wait(10)
    assert slow.send("M30 alongb~1.gco") == ["File deleted:alongb~1.gco", "ok"]


def test_release_reset_and_shutdown_end_a_print(slow) -> None:
    card = slow.firmware.machine.card
    for end in (
        lambda: card.forget(),
        lambda: slow.firmware.reset(slow.now, ResetCause.WATCHDOG),
        lambda: slow.send("M112"),
    ):
        card.select("b.g")
        card.start()
        end()
        assert not card.printing
        assert card.selected == ""
    slow.firmware.reset(slow.now, ResetCause.SOFTWARE)
    slow.said()
    assert slow.send("M22") == ["echo:SD card released", "ok"]
    assert slow.firmware.machine.card is card


def test_a_last_line_without_an_end() -> None:
    card = SdCard((("x.gco", b"G28"),))
    assert card.select("x.gco")
    card.start()
    assert (card.line(), card.line(), card.printing) == ("G28", None, False)
