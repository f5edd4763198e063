"""The command line of the simulator."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_printer.simulator import cli
from gotapi_printer.simulator.child import run_simulator
from gotapi_printer.simulator.faults import Fault
from gotapi_printer.simulator.pty_host import Options, PtyHost


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options of a host that names its port and ends at once."""
    seen: list[Options] = []

    class Ending(PtyHost):
        def __init__(self, options, on_path) -> None:
            super().__init__(options, on_path)
            seen.append(options)
            self.stop()

    monkeypatch.setattr(cli, "PtyHost", Ending)
    return seen


def test_the_path_is_printed(served: list[Options]) -> None:
    result = CliRunner().invoke(cli.sim_printer, [])
    assert result.exit_code == 0
    assert result.output.startswith("printer: /dev/")
    assert served == [Options()]


def test_options_reach_the_firmware(served: list[Options], tmp_path: Path) -> None:
    line = shlex.split(
        "--time-scale 0 --only-numbered --corrupt 0.01 --seed 5 --reset-at 3 --stall-at 4 "
        "--stall-for 5 --unplug-at 6 --replug-after 7 --broken-heater --broken-endstop "
        "--no-reset-on-open --boot-delay 2 --no-emergency-parser --advanced-ok "
        "--allow-cold-extrusion --machine-type Ender --uuid 1-2 --area 100x110x120.5 "
        "--command-slots 8 --rx-buffer 1024"
    )
    files = ["--transcript", str(tmp_path / "t"), "--link", str(tmp_path / "l")]
    assert CliRunner().invoke(cli.sim_printer, [*line, *files]).exit_code == 0
    options = served[0]
    assert options.time_scale == 1.0
    assert options.settings.instant
    assert options.settings.area == (100.0, 110.0, 120.5)
    assert (options.settings.machine_type, options.settings.uuid) == ("Ender", "1-2")
    assert (options.settings.command_slots, options.settings.rx_buffer) == (8, 1024)
    assert options.settings.broken_heater
    assert options.settings.broken_endstop
    assert options.settings.advanced_ok
    assert options.settings.cold_extrusion
    assert not options.settings.emergency_parser
    assert not options.reset_on_open
    assert options.only_numbered
    assert options.boot_delay == 2
    faults = options.faults
    assert (faults.corrupt, faults.seed, faults.reset_at) == (0.01, 5, 3)
    assert (faults.stall_at, faults.stall_for) == (4, 5)
    assert (faults.unplug_at, faults.replug_after) == (6, 7)
    assert options.link == tmp_path / "l"


def test_a_time_scale_is_not_instant(served: list[Options]) -> None:
    CliRunner().invoke(cli.sim_printer, ["--time-scale", "60"])
    assert served[0].time_scale == 60
    assert not served[0].settings.instant


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--area", "200x200"], "Expected three lengths in mm"),
        (["--area", "0x1x1"], "Expected three lengths in mm"),
        (["--area", "1xax1"], "Expected three lengths in mm"),
        (["--corrupt", "1.5"], "0<=x<=1"),
        (["--reset-at", "0"], "x>=1"),
        (["--time-scale", "-1"], "x>=0"),
    ],
)
def test_wrong_options_say_what_is_right(arguments: list[str], text: str) -> None:
    result = CliRunner().invoke(cli.sim_printer, arguments)
    assert result.exit_code == 2
    assert text.replace("x>=0", "0<=x") in result.output


def test_a_link_that_cannot_be_made(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.sim_printer, ["--link", str(tmp_path / "no" / "link")])
    assert result.exit_code == 1
    assert "Choose another --link" in result.output


def test_list_faults_explains_each() -> None:
    result = CliRunner().invoke(cli.sim_printer, ["--list-faults"])
    assert result.exit_code == 0
    for text in (*(fault.value for fault in Fault), "--corrupt P", "--broken-heater"):
        assert text in result.output


def test_help_mentions_every_option() -> None:
    result = CliRunner().invoke(cli.sim_printer, ["--help"])
    for parameter in cli.sim_printer.params:
        assert parameter.opts[0] in result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    link = tmp_path / "printer"
    with run_simulator("--time-scale", "0", link=link) as sim:
        assert link.is_symlink()
        sim.process.send_signal(number)
        assert sim.process.wait(10) == 0
        assert not link.is_symlink()


def test_the_module_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gotapi_printer.simulator", "--help"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.startswith("Usage: sim-printer")
