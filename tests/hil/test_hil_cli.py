"""`gotapi hil` at the command line: it asks, refuses, reports, and cleans up after Ctrl-C."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_printer.hil import cli
from gotapi_printer.simulator.child import run_simulator

PROGRAMME = [
    *("connect", "capabilities", "temperatures", "heat", "moves", "resend", "pause", "stop"),
    "emergency",
]
COMMAND = [sys.executable, "-c", "from gotapi_printer.hil.cli import hil; hil()"]


def invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.hil, list(words))
    return result.exit_code, " ".join(result.output.split())


def outcomes(report: Path) -> dict[str, str]:
    found = json.loads(report.with_name(report.name + ".json").read_bytes())
    return {one["id"]: one["outcome"] for one in found["results"]}


def test_without_a_terminal_somebody_must_say_what_is_allowed(tmp_path: Path) -> None:
    status, output = invoke("--port", "/dev/none", "--report", str(tmp_path / "r"))
    assert status == 2
    assert "Say --yes" in output
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("quick")
def test_a_healthy_printer_and_its_report(tmp_path: Path) -> None:
    report, profile = tmp_path / "r", tmp_path / "p.toml"
    profile.write_text('name = "The <Ender>"\nwarm = 0\n')
    with run_simulator("--time-scale", "0") as sim:
        status, output = invoke(
            *("--port", sim.path, "--yes", "--report", str(report), "--profile", str(profile)),
            *("--baud", "250000"),
        )
    assert status == 0, output
    assert "8 passed, 0 failed, 1 skipped" in output
    found = json.loads((tmp_path / "r.json").read_bytes())
    assert found["printer"] == "The <Ender>"
    assert found["profile"]["baud"] == 250000
    assert [one["id"] for one in found["results"]] == PROGRAMME
    assert {">", "<", "!", "#"} == {entry["way"] for entry in found["transcript"]}
    assert "The &lt;Ender&gt;" in (tmp_path / "r.html").read_text()


@pytest.mark.usefixtures("quick")
def test_what_is_left_out_needs_no_terminal(tmp_path: Path) -> None:
    without = ("--without", "moves", "--without", "heats", "--without", "halts")
    with run_simulator("--time-scale", "0") as sim:
        status, output = invoke("--port", sim.path, *without, "--report", str(tmp_path / "r"))
    assert status == 0, output
    assert "3 passed, 0 failed, 6 skipped" in output


def test_a_failure_is_status_1(tmp_path: Path) -> None:
    status, output = invoke("--port", "/dev/none", "--yes", "--report", str(tmp_path / "r"))
    assert status == 1
    assert "there is no port /dev/none" in output
    assert outcomes(tmp_path / "r")["connect"] == "failed"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--report", "{tmp}/no/r"), "Choose another --report"),
        (("--profile", "{tmp}/bad.toml"), "a profile may have name"),
        (("--profile", "{tmp}/none.toml"), "does not exist"),
        (("--without", "smells"), "moves"),
    ],
)
def test_what_is_wrong_is_said_before_the_port_is_opened(
    tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    (tmp_path / "bad.toml").write_text("nozzle = 4\n")
    filled = [word.format(tmp=tmp_path) for word in words]
    status, output = invoke("--port", "/dev/none", "--yes", *filled)
    assert status == 2
    assert expected in output


def test_a_profile_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.toml").touch()

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    status, output = invoke("--port", "x", "--yes", "--profile", str(tmp_path / "p.toml"))
    assert status == 2
    assert "cannot be read: Permission denied" in output


class Terminal:
    """The command on a terminal of its own, read to certain words and answered."""

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *words], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.said = ""

    def until(self, words: str, seconds: float = 25.0) -> None:
        end = time.monotonic() + seconds
        while words not in " ".join(self.said.split()):
            left = end - time.monotonic()
            assert left > 0, f"no {words!r} in {self.said}"
            if select.select([self._master], [], [], left)[0]:
                try:
                    data = os.read(self._master, 4096)
                except OSError:
                    data = b""
                assert data, f"it ended without {words!r}: {self.said}"
                self.said += data.decode()

    def answer(self, text: str) -> None:
        os.write(self._master, text.encode() + b"\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal():
    open_now: list[Terminal] = []

    def start(*words: str) -> Terminal:
        open_now.append(Terminal(*words))
        return open_now[-1]

    yield start
    for one in open_now:
        one.close()


def test_it_asks_before_anything_heats_moves_or_halts(terminal, tmp_path: Path) -> None:
    with run_simulator("--time-scale", "0") as sim:
        hil = terminal("--port", sim.path, "--report", str(tmp_path / "r"))
        hil.until("no higher than 45 C. May it heat? [y/N]:")
        assert not [one for one in sim.transcript() if one.startswith(("G", "M104"))]
        hil.answer("n")
        hil.until("May it move? [y/N]:")
        assert not [one for one in sim.transcript() if one.startswith(("G", "M104"))]
        hil.answer("y")
        hil.until("May it halt? [y/N]:")
        hil.answer("")  # the default is no
        hil.until("7 passed, 0 failed, 2 skipped")
        assert hil.process.wait(20) == 0
        assert "M104 S45" not in sim.transcript()


def test_ctrl_c_turns_the_heaters_off_and_leaves_a_report(terminal, tmp_path: Path) -> None:
    report = tmp_path / "r"
    with run_simulator("--time-scale", "1", "--broken-heater") as sim:
        hil = terminal("--port", sim.path, "--yes", "--report", str(report))
        end = time.monotonic() + 20
        while "M104 S45" not in sim.transcript():
            assert time.monotonic() < end
            time.sleep(0.02)
        hil.process.send_signal(signal.SIGINT)
        hil.until("1 failed")
        assert hil.process.wait(20) == 1
        assert "M104 S0" in sim.transcript()[sim.transcript().index("M104 S45") :]
    found = outcomes(report)
    assert list(found) == PROGRAMME
    assert found["heat"] == "failed"
    assert set(list(found.values())[4:]) == {"skipped"}
