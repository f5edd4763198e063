"""A firmware on the bench: send lines at chosen times, read what it says."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from gotapi_printer.simulator.firmware import Firmware
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.texts import ResetCause


@dataclass
class Board:
    """A running firmware whose boot text has been read; `now` is its simulated time."""

    firmware: Firmware
    accepted: list[tuple[bytes, int | None]]
    now: float = 0.0
    log: list[str] = field(default_factory=list)

    def send(self, *lines: str, at: float | None = None) -> list[str]:
        """Send lines together at a time; the lines it answers at once."""
        return self.raw("".join(line + "\n" for line in lines).encode("latin-1"), at=at)

    def raw(self, data: bytes, at: float | None = None) -> list[str]:
        # A little later each time: bytes of the very moment of an error are flushed with it.
        self.now = self.now + 1e-6 if at is None else at
        self.firmware.receive(data, self.now)
        return self.said()

    def numbered(self, number: int, command: str) -> list[str]:
        return self.send(frame(number, command))

    def wait(self, seconds: float) -> list[str]:
        """Let time pass as its owner would: from wake-up to wake-up."""
        end = self.now + seconds
        while (due := self.firmware.next_wakeup()) is not None and due <= end:
            self.firmware.poll(due)
        self.firmware.poll(end)
        self.now = end
        return self.said()

    def said(self) -> list[str]:
        return self.firmware.output().decode("latin-1").split("\n")[:-1]


def frame(number: int, command: str) -> str:
    body = f"N{number} {command}"
    total = 0
    for value in body.encode("latin-1"):
        total ^= value
    return f"{body}*{total}"


@pytest.fixture
def make_board() -> Callable[..., Board]:
    def make(**options: object) -> Board:
        accepted: list[tuple[bytes, int | None]] = []

        def on_accept(text: bytes, number: int | None) -> bool:
            accepted.append((text, number))
            return True

        firmware = Firmware(Settings(**options), on_accept)
        firmware.reset(0.0, ResetCause.POWER)
        firmware.output()
        return Board(firmware, accepted)

    return make


@pytest.fixture
def board(make_board: Callable[..., Board]) -> Board:
    """A board at real speed."""
    return make_board()


@pytest.fixture
def instant(make_board: Callable[..., Board]) -> Board:
    """A board whose moves and heaters take no time."""
    return make_board(instant=True)


@pytest.fixture
def framed() -> Callable[[int, str], str]:
    """Number a command and add its checksum, computed byte by byte."""
    return frame
