"""What printers say of the card in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.card_replies import (
    MOST_FILES,
    CardFile,
    CardPlace,
    deleted,
    files_in,
    listed,
    name_in,
    place_in,
    selected,
)


@pytest.mark.parametrize(
    ("said", "files"),
    [
        (
            ["Begin file list", "BOX~1.GCO 1234 Box of Anna.gcode", "A.G 5", "End file list"],
            [CardFile("BOX~1.GCO", 1234, "Box of Anna.gcode"), CardFile("A.G", 5)],
        ),
        (["Begin file list", "old.gco", "End file list", "B.G 9"], [CardFile("old.gco")]),
        (["GCode files:", '"a.g","b c.gcode"'], [CardFile("a.g"), CardFile("b c.gcode")]),
        (["echo:No media"], []),
        (["Begin file list", "T:20.0 /0.0", "", "End file list"], []),
        ([], []),
    ],
)
def test_the_files(said: list[str], files: list[CardFile]) -> None:
    assert list(files_in(said)) == files


def test_no_more_files_than_anybody_reads() -> None:
    said = ["Begin file list", *(f"F{n}.G 1" for n in range(MOST_FILES + 5))]
    assert len(files_in(said)) == MOST_FILES


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (["SD printing byte 5/10"], CardPlace(5, 10)),
        (["T:20 /0", "SD printing byte 11/10"], CardPlace(10, 10)),
        (["SD printing byte 0/0"], None),
        (["Not SD printing"], None),
        (["Not SD printing."], None),
        ([], None),
    ],
)
def test_how_far_it_is(said: list[str], place: CardPlace | None) -> None:
    assert place_in(said) == place


@pytest.mark.parametrize(
    ("said", "open_"),
    [
        (["File opened: A.G Size: 5", "File selected"], True),
        (["File opened:a.g Size:5"], True),
        (["open failed, File: A.G."], False),
        ([], False),
    ],
)
def test_whether_it_is_open(said: list[str], open_: bool) -> None:
    assert selected(said) is open_


def test_whether_it_is_gone() -> None:
    assert deleted(["File deleted:A.G"])
    assert not deleted(["Deletion failed, File: A.G."])


def test_whether_there_is_a_list_at_all() -> None:
    assert listed(["Begin file list", "End file list"])
    assert listed(["GCode files:"])
    assert not listed(["echo:No media"])


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (["Current file: /SHORT~1.GCO short of Anna.gcode"], "short of Anna.gcode"),
        (["T:20", "Current file: A.GCO"], "A.GCO"),
        (["Current file: (no file)"], ""),
        (["SD printing byte 5/10"], ""),
        ([], ""),
    ],
)
def test_the_name_of_what_is_printed(said: list[str], name: str) -> None:
    assert name_in(said) == name


@given(st.lists(st.text(max_size=40), max_size=20))
def test_no_words_break_it(said: list[str]) -> None:
    assert len(files_in(["Begin file list", *said])) <= len(said) * 20
    place = place_in(said)
    assert place is None or place.position <= place.size
    assert selected(said) in (True, False)
    assert deleted(said) in (True, False)
    assert listed(said) in (True, False)
    assert len(name_in(said)) <= 255
