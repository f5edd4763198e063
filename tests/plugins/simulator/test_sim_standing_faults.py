"""Faults as a host sees them at the port."""

import time

import pytest
import serial

from gotapi_printer.simulator.child import run_in_thread
from gotapi_printer.simulator.faults import FaultPlan
from gotapi_printer.simulator.pty_host import Options
from gotapi_printer.simulator.settings import Settings

FAST = Settings(instant=True)
DEADLINE = 8.0


@pytest.fixture
def faulty():
    """Open a printer with these faults: `faulty(silent=True)`."""
    open_now = []

    def start(speed: int = 115200, **faults: object) -> serial.Serial:
        plan = FaultPlan(**faults)
        host = run_in_thread(Options(settings=FAST, faults=plan, boot_delay=0.02))
        path, _ = host.__enter__()
        port = serial.Serial(path, speed, timeout=DEADLINE)
        open_now.append((host, port))
        return port

    yield start
    for host, port in open_now:
        port.close()
        host.__exit__(None, None, None)


def until(port: serial.Serial, wanted: bytes) -> list[bytes]:
    lines = []
    end = time.monotonic() + DEADLINE
    while not lines or wanted not in lines[-1]:
        assert time.monotonic() < end, f"no {wanted!r} after {lines}"
        lines.append(port.readline())
    return lines


def numbered(number: int, text: bytes) -> bytes:
    line = b"N%d %s" % (number, text)
    total = 0
    for byte in line:
        total ^= byte
    return b"%s*%d\n" % (line, total)


@pytest.mark.parametrize(
    ("fault", "text"),
    [("maxtemp_at", b"MAXTEMP triggered"), ("runaway_at", b"Thermal Runaway")],
)
def test_heaters_fail(faulty, fault: str, text: bytes) -> None:
    port = faulty(**{fault: 1})
    until(port, b"M204")
    port.write(numbered(1, b"G90") + numbered(2, b"G91"))
    assert text in port.readline()
    assert b"kill() called" in port.readline()
    assert port.readline() == b"//action:poweroff\n"
    port.timeout = 0.2
    port.write(b"M105\n")
    assert port.readline() == b""


def test_filament_runs_out_and_the_print_goes_on(faulty) -> None:
    port = faulty(runout_at=2)
    until(port, b"M204")
    port.write(numbered(1, b"G90") + numbered(2, b"G91"))
    until(port, b"//action:paused filament_runout T0")
    until(port, b"Nozzle Parked")
    port.write(b"M108\n")
    until(port, b"resumed")
    port.write(b"M114\n")
    until(port, b"X:0.00")


def test_a_board_that_resets_again_and_again(faulty) -> None:
    port = faulty(reset_loop=0.1)
    until(port, b"External Reset")
    until(port, b"Watchdog Reset")
    until(port, b"Watchdog Reset")


def test_a_silent_board(faulty) -> None:
    port = faulty(silent=True)
    port.timeout = 0.3
    port.write(b"M105\n")
    assert port.read(1) == b""


def test_garbage_without_end(faulty) -> None:
    data = faulty(babble=True).read(300)
    assert len(data) == 300
    assert not any(0x20 <= byte < 0x80 for byte in data)


@pytest.mark.parametrize("speed", [115200, 250000])
def test_only_at_its_speed_is_a_board_understood(faulty, speed: int) -> None:
    right, wrong = faulty(speed, baud=speed), faulty(57600, baud=speed)
    until(right, b"M204")
    right.write(b"M105\n")
    until(right, b"ok T:")
    wrong.write(b"M105\n")
    data = wrong.read(400)  # the boot text, as it looks at the wrong speed
    assert len(data) == 400
    assert not any(0x20 <= byte < 0x80 for byte in data)
