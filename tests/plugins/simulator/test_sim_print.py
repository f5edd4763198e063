"""Whole prints by hosts written here: what arrives is what was sent, in spite of noise."""

import os
import re
import select
from pathlib import Path

import pytest
import serial

from gotapi_printer.simulator.child import run_simulator

BOOTED = b"echo:  M204"
RESEND = re.compile(rb"^Resend: (\d+)$", re.MULTILINE)


def job(lines: int) -> list[str]:
    head = ["M104 S200", "G28", "M109 S200", "G90", "M82", "G92 E0", "M107"]
    body = [f"G1 X{n % 200}.{n % 10} Y{n % 150} E{n / 100} F1800" for n in range(lines)]
    return [*head, *body, "M104 S0", "M84"]


def wait_for(port: serial.Serial, wanted: bytes, seconds: float) -> bytes:
    """Everything up to a line that begins with these bytes, or what came within the time."""
    text = b""
    while not re.search(rb"^" + re.escape(wanted) + rb".*\n", text, re.MULTILINE):
        if not select.select([port], [], [], seconds)[0]:
            return text
        text += os.read(port.fileno(), 4096)
    return text


def ping_pong(path: str, lines: list[str]) -> None:
    """Send a line, wait for its ok, send the next: no numbers, no checksums."""
    with serial.Serial(path, 115200) as port:
        assert BOOTED in wait_for(port, BOOTED, 10)
        for line in lines:
            port.write(line.encode() + b"\n")
            assert wait_for(port, b"ok", 10).endswith(b"ok\n"), line


def resending(path: str, frames: list[bytes], patience: float) -> int:
    """Send numbered lines, obey Resend, and go on after a silence. Returns the resends."""
    resends, number = 0, 0
    with serial.Serial(path, 115200) as port:
        assert BOOTED in wait_for(port, BOOTED, 10)
        while number < len(frames):
            port.write(frames[number])
            reply = wait_for(port, b"ok", patience)
            asked = RESEND.search(reply)
            if asked:
                number = int(asked[1])
                resends += 1
            elif reply:
                number += 1
            else:
                # Silence: the line was taken for a duplicate, or its end was lost. The next
                # line makes the firmware say what it wants.
                number = min(number + 1, len(frames) - 1)
                resends += 1
    return resends


@pytest.fixture
def frames(framed):
    def number(lines: list[str]) -> list[bytes]:
        return [
            b"N0 M110 N0*125\n",
            *(framed(n, text).encode() + b"\n" for n, text in enumerate(lines, 1)),
            # The end of the job is asked for by number too, so that no last line can be missing.
            framed(len(lines) + 1, "M400").encode() + b"\n",
        ]

    return number


def test_a_naive_host_prints_two_hundred_lines() -> None:
    lines = job(191)
    assert len(lines) == 200
    with run_simulator("--time-scale", "0") as sim:
        ping_pong(sim.path, lines)
        assert sim.transcript() == lines


def test_a_resending_host_survives_five_per_cent_noise(frames) -> None:
    lines = job(600)
    options = ("--time-scale", "0", "--only-numbered", "--corrupt", "0.05", "--seed", "11")
    with run_simulator(*options) as sim:
        resends = resending(sim.path, frames(lines), patience=0.3)
        assert sim.transcript() == [*lines, "M400"]
    assert 10 < resends < 200


def test_a_print_in_scaled_time_ends_with_cold_targets(framed) -> None:
    lines = ["G28", "M109 S40", *(f"G1 X{n} F6000" for n in range(50)), "M104 S0", "M400"]
    with run_simulator("--time-scale", "600") as sim:
        ping_pong(sim.path, lines)
        assert sim.transcript() == lines


def find_data(name: str) -> Path:
    root = os.environ.get("GOTAPI_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data"
    file = Path(root, "gcode", name)
    if not file.is_file():
        pytest.skip(f"the sliced file {name} is not here; set GOTAPI_SHARED_DATA to its folder")
    return file


def test_a_sliced_file_arrives_whole(frames) -> None:
    text = find_data("human_20mm_marlin2.gcode").read_text()
    lines = [line for raw in text.splitlines() if (line := raw.partition(";")[0].strip())]
    with run_simulator("--time-scale", "0", "--only-numbered") as sim:
        assert resending(sim.path, frames(lines), patience=5) == 0
        assert sim.transcript() == [*lines, "M400"]
