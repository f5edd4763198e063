"""A bad wire: answers that are damaged, lost or run together, and the wrong speed."""

import os
import termios
import tty

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.simulator.faults import FaultPlan
from gotapi_printer.simulator.noise import Answers, garbage
from gotapi_printer.simulator.pty_port import PtyPort

SAID = b"".join(b"echo:%d\nok\n" % n for n in range(500))


def test_a_good_wire_changes_nothing() -> None:
    assert Answers(FaultPlan()).feed(SAID) == SAID
    assert Answers(FaultPlan(garble=0.5)).feed(b"") == b""


def test_lost_oks_and_nothing_else() -> None:
    heard = Answers(FaultPlan(lose_ok=0.1, seed=1)).feed(SAID).splitlines()
    assert heard.count(b"ok") in range(420, 480)
    assert len([line for line in heard if line != b"ok"]) == 500
    assert Answers(FaultPlan(lose_ok=1.0)).feed(b"ok T:1\nokay\n") == b""


def test_merged_lines_lose_only_their_ends() -> None:
    heard = Answers(FaultPlan(merge=0.1, seed=1)).feed(SAID)
    assert heard.replace(b"\n", b"").startswith(SAID.replace(b"\n", b"")[:1000])
    assert heard.count(b"\n") in range(850, 950)


def test_damaged_answers() -> None:
    heard = Answers(FaultPlan(garble=0.1, seed=1)).feed(SAID)
    assert heard != SAID
    assert abs(len(heard) - len(SAID)) < 100


def test_silence_and_babble() -> None:
    assert Answers(FaultPlan(silent=True)).feed(SAID) == b""
    babble = Answers(FaultPlan(babble=True)).feed(SAID)
    assert len(babble) == len(SAID)
    assert b"ok" not in babble


@given(st.integers(0, 300), st.integers(0, 99))
def test_garbage_is_repeatable_and_never_text(count: int, seed: int) -> None:
    data = garbage(count, seed)
    assert len(data) == count
    assert data == garbage(count, seed)
    assert not any(0x20 <= byte < 0x80 for byte in data)


@pytest.mark.parametrize("speed", [termios.B115200, termios.B9600])
def test_the_port_knows_the_speed_its_host_has_chosen(speed: int) -> None:
    port = PtyPort(None)
    slave = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(slave)
        attributes = termios.tcgetattr(slave)
        attributes[4] = attributes[5] = speed
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        assert port.baud() == {termios.B115200: 115200, termios.B9600: 9600}[speed]
    finally:
        os.close(slave)
        port.close()
