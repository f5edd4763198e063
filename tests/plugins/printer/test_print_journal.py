"""The journal of a print, and the question for the line that a printer took last."""

import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.arming import RESUME, ArmError, take_code
from gotapi_printer.cli import printers
from gotapi_printer.gcode import FileFacts
from gotapi_printer.journal import KEPT, Journal, Place, read_journal, settle_journal
from gotapi_printer.recall import FAR, QUESTION, Recall
from gotapi_printer.requests import PrintFile, RunningJob

# -- the journal ------------------------------------------------------------------------------


def test_what_is_noted_is_read_while_it_is_still_written(tmp_path: Path) -> None:
    path = tmp_path / "a.line"
    journal = Journal(path, Place())
    journal.sent(7, 1, 3)
    journal.taken((1, 3))
    journal.taken((1, 3))
    journal.sent(8, 2, 4)
    noted = read_journal(path)
    assert noted is not None
    assert noted.taken == Place(1, 3)
    assert noted.sent == {7: Place(1, 3), 8: Place(2, 4)}
    journal.close()


def test_the_printer_settles_the_line_in_doubt(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.line", Place())
    journal.taken((50, 60))
    journal.sent(58, 50, 60)
    journal.sent(59, 51, 61)
    journal.close()
    noted = read_journal(tmp_path / "a.line")
    assert noted is not None
    assert noted.settled(59) == Place(51, 61)
    assert noted.settled(58) == Place(50, 60)
    assert noted.settled(None) is None
    assert noted.settled(5) is None


def test_a_number_of_another_connection_settles_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.line", Place())
    journal.sent(3, 1, 1)
    journal.taken((50, 60))
    journal.close()
    noted = read_journal(tmp_path / "a.line")
    assert noted is not None
    assert noted.settled(3) is None


def test_what_comes_before_the_rest_of_a_file_counts_as_nothing_of_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.line", Place(100, 120))
    journal.sent(5, -3, 120)
    journal.taken((98, 120))
    journal.close()
    noted = read_journal(tmp_path / "a.line")
    assert noted is not None
    assert noted.taken == Place(100, 120)
    assert noted.sent[5] == Place(100, 120)


def test_lines_without_a_number_are_not_noted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.line", Place())
    journal.sent(0, 1, 1)
    journal.sent(-1, 1, 1)
    journal.close()
    noted = read_journal(tmp_path / "a.line")
    assert noted is not None
    assert noted.sent == {}


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_a_note_that_was_cut_short_leaves_the_one_before(count: int, damage: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.line")
        journal = Journal(path, Place())
        journal.taken((count + 1, count + 1))
        journal.taken((count + 2, count + 2))
        journal.close()
        data = bytearray(path.read_bytes())
        place = 16 + (damage - 1) % 32  # within the two notes of what was taken
        data[place] ^= 0xFF
        path.write_bytes(data)
        noted = read_journal(path)
        assert noted is not None
        assert noted.taken in (Place(count + 1, count + 1), Place(count + 2, count + 2))


@pytest.mark.parametrize(
    "data", [b"", b"x" * 100, b"gotapi-journal 1", b"\0" * (16 + 16 * (2 + KEPT))]
)
def test_what_is_no_journal_tells_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.line"
    assert read_journal(path) is None
    path.write_bytes(data)
    assert read_journal(path) is None


def test_a_journal_in_which_both_notes_are_damaged_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.line"
    Journal(path, Place()).close()
    data = path.read_bytes()
    path.write_bytes(data[:16] + b"\xff" * 32 + data[48:])
    assert read_journal(path) is None


def test_a_settled_journal_knows_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.line"
    journal = Journal(path, Place())
    journal.sent(9, 3, 3)
    journal.close()
    settle_journal(path, Place(3, 3))
    noted = read_journal(path)
    assert noted is not None
    assert (noted.taken, noted.sent) == (Place(3, 3), {})
    assert list(tmp_path.iterdir()) == [path]


def test_without_room_for_a_journal_the_print_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "a.gcode"
    file.write_bytes(b"G28\nG1 X1\n")
    nowhere = tmp_path / "absent" / "a.line"
    facts = FileFacts(commands=2, bytes=file.stat().st_size, lines=2)
    job = RunningJob(PrintFile(file, "a", facts, nowhere), 0.0)
    assert [command for _, command in job.open(lambda source: source)] == [b"G28", b"G1 X1"]
    assert job.journal is None
    job.close()


# -- the question -----------------------------------------------------------------------------

REFUSAL = b"Error:Line Number is not Last Line Number+1, Last Line: 57\nResend: 58\nok\n"


def test_the_question_is_one_numbered_line() -> None:
    assert QUESTION.startswith(b"\nN999999999 M105*")
    assert QUESTION.count(b"\n") == 2


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (REFUSAL, 57),
        (b"ok T:20 /0\n" + REFUSAL, 57),
        (b"rs 58\n", 57),
        (b"Resend: 1\nok\n", None),  # it restarted
        (b"Resend: 0\n", None),
        (b"Resend: %d\n" % (FAR + 1), None),
        (b"ok\n", None),
        (b"\xff\x00garbage\n", None),
        (REFUSAL + b"Resend: 99\n", 57),
    ],
)
def test_which_number_a_printer_took_last(said: bytes, number: int | None) -> None:
    recall = Recall()
    recall.take(said)
    assert recall.number == number
    assert recall.over is (b"esend" in said or b"rs" in said)


def test_a_board_that_restarts_knows_nothing_any_more() -> None:
    recall = Recall()
    recall.take(b"start\n")
    assert recall.over
    assert recall.restarted
    assert recall.number is None


@given(st.lists(st.integers(1, len(REFUSAL)), max_size=6))
def test_how_the_answer_is_cut_never_matters(cuts: list[int]) -> None:
    recall = Recall()
    places = [0, *sorted(cuts), len(REFUSAL)]
    for begin, end in pairwise(places):
        recall.take(REFUSAL[begin:end])
    assert (recall.number, recall.over) == (57, True)


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_no_bytes_break_it(chunks: list[bytes]) -> None:
    recall = Recall()
    for chunk in chunks:
        recall.take(chunk)


# -- the operator's command ---------------------------------------------------------------------


def test_the_command_shows_a_code_that_is_no_code_for_arming(tmp_path: Path) -> None:
    plugin = tmp_path / "data" / "plugins" / "printer"
    (plugin / "jobs" / "workshop").mkdir(parents=True)
    shown = CliRunner().invoke(printers, ["resume", "workshop", "--home", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert "stick to the bed" in shown.stderr
    code = shown.stdout.strip()
    with pytest.raises(ArmError, match="gotapi printers arm workshop"):
        take_code(plugin, "workshop", code)
    take_code(plugin, "workshop", code, act=RESUME)
    with pytest.raises(ArmError, match="gotapi printers resume workshop"):
        take_code(plugin, "workshop", code, act=RESUME)  # it counts once


def test_the_command_knows_the_printers(tmp_path: Path) -> None:
    shown = CliRunner().invoke(printers, ["resume", "absent", "--home", str(tmp_path)])
    assert shown.exit_code == 1
    assert "no printer 'absent'" in shown.stderr
