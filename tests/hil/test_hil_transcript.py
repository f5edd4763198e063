"""The transcript, and the link that fills it and damages one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.hil import transcript as module
from gotapi_printer.hil.transcript import RecordingLink, Transcript, readable
from gotapi_printer.link import Link, LinkFacts, LinkGone, LinkMissing
from gotapi_printer.marlin import checksum


class FakeLink(Link):
    """Keeps what is written; gives what is put in."""

    breaks = 3

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.urgent: list[bytes] = []
        self.incoming = b""
        self.calls: list[str] = []
        self.gone = False

    def open(self) -> LinkFacts:
        if self.gone:
            raise LinkMissing("there is no port x")
        return LinkFacts("x")

    def read(self, timeout: float) -> bytes:
        if self.gone:
            raise LinkGone("x is gone")
        data, self.incoming = self.incoming, b""
        return data

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def write_urgent(self, data: bytes) -> None:
        self.urgent.append(data)

    def wake(self) -> None:
        self.calls.append("wake")

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def recorded() -> tuple[RecordingLink, FakeLink, Transcript]:
    fake, written = FakeLink(), Transcript(iter(range(1000)).__next__)
    return RecordingLink(fake, written), fake, written


def ways(transcript: Transcript) -> list[tuple[str, str]]:
    return [(entry.way, entry.text) for entry in transcript.entries()]


def test_all_that_passes_is_written_down(recorded) -> None:
    link, fake, written = recorded
    assert link.open() == LinkFacts("x")
    fake.incoming = b"start\r\n\xff"
    assert link.read(1.0) == b"start\r\n\xff"
    assert link.read(1.0) == b""
    link.write(b"N1 G28*18\n")
    link.write_urgent(b"\nM112\n")
    link.wake()
    link.close()
    assert ways(written) == [
        ("#", "port opened"),
        ("<", "start\\r\\n\\xff"),
        (">", "N1 G28*18\\n"),
        ("!", "\\nM112\\n"),
        ("#", "port closed"),
    ]
    assert fake.calls == ["wake", "close"]
    assert link.breaks == 3
    assert [entry.at for entry in written.entries()] == [1, 2, 3, 4, 5]


def test_a_link_that_fails(recorded) -> None:
    link, fake, written = recorded
    fake.gone = True
    with pytest.raises(LinkMissing):
        link.open()
    assert isinstance(link.failure, LinkMissing)
    with pytest.raises(LinkGone):
        link.read(1.0)
    assert [text for _, text in ways(written)] == [
        "cannot be opened: there is no port x",
        "link lost: x is gone",
    ]


def test_one_move_gets_a_wrong_checksum_and_no_other(recorded) -> None:
    link, fake, _ = recorded
    link.damage_next_move()
    link.write(b"M105\n")
    link.write(b"N4 M400*38\nN5 G1 X1.00*57\nN6 G1 X2.00*0\n")
    link.write(b"N7 G1 X3.00*5\n")
    assert fake.written[1:] == [
        b"N4 M400*38\nN5 G1 X1.00*56\nN6 G1 X2.00*0\n",
        b"N7 G1 X3.00*5\n",
    ]
    assert link.damaged == "N5 G1 X1.00*57"


@given(st.integers(0, 10**6), st.floats(-100, 100))
def test_the_damaged_line_is_the_same_line_with_another_checksum(number: int, x: float) -> None:
    fake = FakeLink()
    link = RecordingLink(fake, Transcript())
    link.damage_next_move()
    body = b"N%d G1 X%.2f" % (number, x)
    link.write(b"%s*%d\n" % (body, checksum(body)))
    text, _, claimed = fake.written[0].rstrip().rpartition(b"*")
    assert text == body
    assert 0 <= int(claimed) <= 255
    assert int(claimed) != checksum(body)


@given(st.binary(max_size=80))
def test_readable_text_is_printable_and_nothing_is_lost(data: bytes) -> None:
    text = readable(data)
    assert text.isprintable()
    assert text.encode().decode("unicode_escape").encode("latin-1") == data


def test_a_long_transcript_keeps_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST", 3)
    monkeypatch.setattr(module, "_LAST", 4)
    written = Transcript()
    for number in range(7):
        written.add(">", str(number))
    assert [text for _, text in ways(written)] == list("0123456")
    for number in range(7, 10):
        written.add(">", str(number))
    assert ways(written)[3] == ("#", "3 records are left out here")
    assert [text for _, text in ways(written)][4:] == list("6789")
    assert [entry.text for entry in written.since(0.0, "<")] == []
