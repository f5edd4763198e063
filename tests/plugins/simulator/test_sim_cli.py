"""The command line of the simulator."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_printer.simulator import cli, options
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
        "--command-slots 8 --rx-buffer 1024 --dialect klipper --tools 2 --no-bed --chamber "
        "--purge-prompt --runout-at 8 --maxtemp-at 9 --runaway-at 10 --reset-loop 11 "
        "--garble 0.1 --lose-ok 0.2 --merge 0.3 --baud 250000 --silent --babble"
    )
    card = tmp_path / "card"
    card.mkdir()
    (card / "box.gcode").write_bytes(b"G28\n")
    (card / ".hidden").touch()
    (card / "folder").mkdir()
    line += ["--card", str(card)]
    files = ["--transcript", str(tmp_path / "t"), "--link", str(tmp_path / "l")]
    assert CliRunner().invoke(cli.sim_printer, [*line, *files]).exit_code == 0
    chosen = served[0]
    assert chosen.time_scale == 1.0
    assert chosen.settings.instant
    assert chosen.settings.area == (100.0, 110.0, 120.5)
    assert (chosen.settings.machine_type, chosen.settings.uuid) == ("Ender", "1-2")
    assert (chosen.settings.command_slots, chosen.settings.rx_buffer) == (8, 1024)
    assert chosen.settings.broken_heater
    assert chosen.settings.broken_endstop
    assert chosen.settings.advanced_ok
    assert chosen.settings.cold_extrusion
    assert not chosen.settings.emergency_parser
    assert not chosen.reset_on_open
    assert chosen.only_numbered
    assert chosen.boot_delay == 2
    faults = chosen.faults
    assert (faults.corrupt, faults.seed, faults.reset_at) == (0.01, 5, 3)
    assert (faults.stall_at, faults.stall_for) == (4, 5)
    assert (faults.unplug_at, faults.replug_after) == (6, 7)
    settings = chosen.settings
    assert (settings.dialect.name, settings.tools, settings.purge_prompt) == ("klipper", 2, True)
    assert (settings.bed, settings.chamber) == (False, True)
    assert settings.card == (("box.gcode", b"G28\n"),)
    assert (faults.runout_at, faults.maxtemp_at, faults.runaway_at) == (8, 9, 10)
    assert (faults.reset_loop, faults.baud) == (11, 250000)
    assert (faults.garble, faults.lose_ok, faults.merge) == (0.1, 0.2, 0.3)
    assert (faults.silent, faults.babble) == (True, True)
    assert chosen.link == tmp_path / "l"


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
    known = {option for parameter in cli.sim_printer.params for option in parameter.opts}
    told = {line.split()[0] for line in result.output.splitlines() if line.startswith("--")}
    assert told <= known
    assert {fault.value.split()[0] for fault in Fault} < told
    assert {"--corrupt", "--broken-heater", "--reset-loop", "--baud", "--silent"} < told
    # Whatever says in its help that it is listed, is.
    listed = {
        parameter.opts[0]
        for parameter in cli.sim_printer.params
        if (parameter.help or "").startswith("See --list-faults")
    }
    assert listed <= told


def test_a_card_too_big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "MAX_CARD", 10)
    (tmp_path / "box.gcode").write_bytes(b"G28\n" * 3)
    result = CliRunner().invoke(cli.sim_printer, ["--card", str(tmp_path)])
    assert result.exit_code == 2
    assert "only the files to print" in " ".join(result.output.split())


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
