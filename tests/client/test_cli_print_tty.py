"""`gotapi print` at a real terminal: the bar, and what Ctrl-C does."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CTRL_C = b"\x03"
CHILD = (
    "import os; os.login_tty(0); from gotapi_core.cli.printing import print_command; "
    "print_command(prog_name='gotapi print')"
)


class Screen:
    """A command on a terminal of its own, whose Ctrl-C is a real one."""

    def __init__(self, *args: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "140"},
        )
        os.close(slave)
        self._text = ""

    def expect(self, pattern: str, seconds: float = 15.0) -> str:
        """Wait until the pattern appears after what was expected before."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self._text, re.DOTALL)) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"{pattern!r} never came in {self._text!r}")
        seen, self._text = self._text[: found.end()], self._text[found.end() :]
        return seen

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def exit_code(self) -> int:
        while self._read(10):
            continue
        return self.process.wait(10)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        os.close(self._master)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # the other side is closed: the command has ended
            return False
        self._text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", piece.decode("utf-8", "replace"))
        return bool(piece)


@pytest.fixture
def screen(threaded: Any, gcode: Path, home: Path) -> Iterator[Screen]:
    async def work() -> None:
        await threaded.push()

    threaded.on_start = work
    opened = Screen(str(gcode), "--url", threaded.url)
    yield opened
    opened.close()


def stops(threaded: Any) -> list[str]:
    return [one[2]["jobId"] for one in threaded.asked if one[0] == "DELETE" and "print" in one[1]]


def stopping(threaded: Any) -> None:
    async def work() -> None:
        await threaded.finish("stopped", reason="on request")

    threaded.on_stop = work


def test_bar(screen: Screen, threaded: Any) -> None:
    screen.expect("Printing on Printer one, job j1")
    screen.expect(r"Printing.*25\.0 %.*layer 2 of 8.*nozzle 201/200 °C.*1 h 02 min left \(file\)")


def test_yes_stops(screen: Screen, threaded: Any) -> None:
    stopping(threaded)
    screen.expect("layer 2 of 8")
    screen.press(CTRL_C)
    screen.expect(re.escape("Stop the print? [y/N] "))
    assert stops(threaded) == []
    screen.press(b"y\n")
    screen.expect("The print of a.gcode was stopped.*on request")
    assert screen.exit_code() == 1
    assert stops(threaded) == ["j1"]


@pytest.mark.parametrize("keys", [b"n\n", b"\n", CTRL_C, b"\x04"])
def test_anything_else_leaves_it_printing(screen: Screen, threaded: Any, keys: bytes) -> None:
    screen.expect("layer 2 of 8")
    screen.press(CTRL_C)
    screen.expect(re.escape("[y/N] "))
    screen.press(keys)
    screen.expect("The print goes on. Stop it with `gotapi print --stop --printer p1.printer`")
    assert screen.exit_code() == 130
    assert stops(threaded) == []


def test_print_that_ends_during_the_question(screen: Screen, threaded: Any) -> None:
    # The hub of the test hears of the question by the next request it gets: the silence poll.
    screen.expect("layer 2 of 8")
    screen.press(CTRL_C)
    screen.expect(re.escape("[y/N] "))
    threaded.last = {**threaded.job, "state": "done"}
    threaded.job = {}
    screen.expect("a.gcode is printed")
    assert screen.exit_code() == 0


def test_second_interrupt_while_stopping(screen: Screen, threaded: Any) -> None:
    screen.expect("layer 2 of 8")
    screen.press(CTRL_C)
    screen.expect(re.escape("[y/N] "))
    screen.press(b"y\n")
    screen.expect("Stopping the print")
    screen.press(CTRL_C)
    screen.expect("The print is being stopped")
    assert screen.exit_code() == 130
    assert stops(threaded) == ["j1"]


def test_stop_that_is_refused(screen: Screen, threaded: Any, tools: Any) -> None:
    async def answer(request: Any) -> Any:
        return tools.refuse(16, "it is heating")

    threaded.answers[("DELETE", "/gotapi/3dp/printingcommand")] = answer
    screen.expect("layer 2 of 8")
    screen.press(CTRL_C)
    screen.expect(re.escape("[y/N] "))
    screen.press(b"y\n")
    screen.expect("could not be stopped: it is heating")
    screen.press(CTRL_C)
    screen.expect(re.escape("[y/N] "))


def test_interrupt_before_anything_began(threaded: Any, gcode: Path, home: Path) -> None:
    threaded.consent = [30.0]
    screen = Screen(str(gcode), "--url", threaded.url)
    try:
        screen.expect("gotapi apps approve CODE")
        screen.press(CTRL_C)
        screen.expect("nothing was started")
        assert screen.exit_code() == 130
    finally:
        screen.close()
    assert threaded.files == {}


def test_yes_option_stops_without_a_question(threaded: Any, gcode: Path, home: Path) -> None:
    stopping(threaded)

    async def work() -> None:
        await threaded.push()

    threaded.on_start = work
    screen = Screen(str(gcode), "--yes", "--url", threaded.url)
    try:
        screen.expect("layer 2 of 8")
        screen.press(CTRL_C)
        assert "[y/N]" not in screen.expect("was stopped")
        assert screen.exit_code() == 1
    finally:
        screen.close()
