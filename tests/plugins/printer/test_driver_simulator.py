"""The driver prints through a real serial port on the simulated printer."""

import contextlib
import os
import threading
import time
from pathlib import Path

import msgspec
import pytest

from gotapi_printer.driver import DriverSettings, PrinterDriver
from gotapi_printer.gcode import commands, scan
from gotapi_printer.job import JobState
from gotapi_printer.link_serial import SerialSettings, serial_link
from gotapi_printer.marlin import IdentifyTiming, Limits, Timing
from gotapi_printer.session import SAFE_END, SessionSettings
from gotapi_printer.simulator.child import run_simulator
from gotapi_printer.updates import DriverState

DEADLINE = 9.0
FAST = ("--time-scale", "0", "--allow-cold-extrusion", "--boot-delay", "0.05")
OWN = {"M105", "M110 N0", "M115", "M155 S2", "M400", "M108"}
SETTINGS = DriverSettings(
    retry=0.1,
    session=SessionSettings(
        boot_wait=0.2, halted_wait=0.2, timing=Timing(reply=0.5), identify=IdentifyTiming(retry=0.5)
    ),
)
SHARED = Path(os.environ.get("GOTAPI_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))


class Printing:
    """A driver on a port and the updates it gave."""

    def __init__(self, port, settings=SETTINGS):
        self.updates = []
        self.changed = threading.Condition()
        make_link = lambda: serial_link(SerialSettings(port))  # noqa: E731 - reads as a setting
        self.driver = PrinterDriver(make_link, self.on_update, settings=settings)

    def on_update(self, update):
        with self.changed:
            self.updates.append((time.monotonic(), update))
            self.changed.notify_all()

    def until(self, condition, seconds=DEADLINE):
        with self.changed:
            found = self.changed.wait_for(
                lambda: next((pair for pair in self.updates if condition(pair[1])), None), seconds
            )
            assert found, f"last: {self.updates[-1:]}"
            return found

    def state(self, state):
        return self.until(lambda update: update.state is state)

    def job(self, *states):
        return self.until(lambda update: update.job is not None and update.job.state in states)[1]

    def forget(self):
        with self.changed:
            self.updates.clear()

    def print(self, path, job_id="j1"):
        with path.open("rb") as file:
            facts = scan(file)
        self.driver.print_file(path, job_id, facts)


@contextlib.contextmanager
def printing(*options, settings=SETTINGS, **named):
    with run_simulator(*options, **named) as simulator:
        made = Printing(simulator.path, settings)
        made.driver.start()
        try:
            made.state(DriverState.ONLINE)
            yield made, simulator
        finally:
            made.driver.close()
    assert not [t for t in threading.enumerate() if t.name == "printer"]


def file_commands(path):
    with path.open("rb") as file:
        return [command.decode() for _, command in commands(file)]


def of_the_file(transcript):
    return [line for line in transcript if line not in OWN]


@pytest.fixture
def gcode(tmp_path):
    path = tmp_path / "part.gcode"
    moves = (f"G1 X{n % 100}.{n % 10} Y{n % 50} E{n / 100} ; move {n}\n" for n in range(600))
    path.write_text("; a part\nM104 S0\nG28\nG90\nM82\n" + "".join(moves) + "M84\n")
    return path


def test_each_command_of_the_file_arrives_once_and_in_order(gcode):
    with printing(*FAST) as (printer, simulator):
        printer.print(gcode)
        update = printer.job(JobState.DONE)
        assert of_the_file(simulator.transcript()) == file_commands(gcode)
    assert update.job.progress.line == 605
    assert update.firmware.machine
    assert update.resends == 0


@pytest.mark.parametrize("seed", ["1", "2"])
@pytest.mark.parametrize("window", [1, 3])
def test_one_line_in_a_hundred_is_damaged(gcode, seed, window):
    session = msgspec.structs.replace(SETTINGS.session, limits=Limits(window=window))
    settings = msgspec.structs.replace(SETTINGS, session=session)
    options = (*FAST, "--corrupt", "0.01", "--only-numbered", "--seed", seed)
    with printing(*options, settings=settings) as (printer, simulator):
        printer.print(gcode)
        update = printer.job(JobState.DONE, JobState.FAILED)
        assert update.job.state is JobState.DONE
        assert of_the_file(simulator.transcript()) == file_commands(gcode)
    assert update.resends > 0


def test_advanced_ok(gcode):
    with printing(*FAST, "--advanced-ok", "--corrupt", "0.02", "--only-numbered") as (
        printer,
        simulator,
    ):
        printer.print(gcode)
        printer.job(JobState.DONE)
        assert of_the_file(simulator.transcript()) == file_commands(gcode)


def test_a_restart_of_the_firmware_fails_the_job_and_sends_nothing_more_of_it(gcode):
    with printing(*FAST, "--reset-at", "300") as (printer, simulator):
        printer.print(gcode)
        update = printer.job(JobState.FAILED)
        assert "restarted" in update.job.reason
        printer.forget()
        printer.state(DriverState.ONLINE)
        sent = of_the_file(simulator.transcript())
    assert sent == file_commands(gcode)[: len(sent)]
    assert update.fault.kind == "reset"
    # The line that set off the restart was taken and not answered.
    assert update.fault.line == len(sent) - 1


def test_a_pulled_cable_is_seen_at_once_with_the_exact_line(gcode, tmp_path):
    link = tmp_path / "printer"
    options = (*FAST, "--unplug-at", "300", "--replug-after", "4")
    with printing(*options, link=link) as (printer, simulator):
        printer.print(gcode)
        update = printer.job(JobState.INTERRUPTED)
        gone, offline = printer.state(DriverState.OFFLINE)
        assert "cable" in offline.message
        assert not link.exists(), "seen before the printer is plugged in again"
        sent = of_the_file(simulator.transcript())
        assert update.fault.kind == "link"
        assert update.fault.line == len(sent) - 1
        back, online = printer.until(
            lambda u: (
                u.state is DriverState.ONLINE and u.fault is not None and u.fault.kind == "link"
            )
        )
        assert back > gone
        assert online.job.state is JobState.INTERRUPTED
        assert of_the_file(simulator.transcript()) == sent, "it is not started again"
        missing = [u for _, u in printer.updates if "there is no port" in u.message]
        assert missing


def test_a_stall_that_ends_costs_time_and_no_line(gcode):
    with printing(*FAST, "--stall-at", "300", "--stall-for", "1.5") as (printer, simulator):
        printer.print(gcode)
        printer.job(JobState.DONE)
        assert of_the_file(simulator.transcript()) == file_commands(gcode)


def test_a_stall_that_never_ends_fails_the_job(gcode):
    timing = Timing(reply=0.3, silence=1.0)
    settings = msgspec.structs.replace(
        SETTINGS, session=msgspec.structs.replace(SETTINGS.session, timing=timing)
    )
    with printing(*FAST, "--stall-at", "300", settings=settings) as (printer, simulator):
        printer.print(gcode)
        update = printer.job(JobState.FAILED)
        assert "stopped answering" in update.job.reason
        assert update.fault.line == len(of_the_file(simulator.transcript())) - 1


def test_stop_in_the_middle_leaves_everything_off():
    """M109 holds its ok for minutes; M108 ends it at once."""
    with printing("--time-scale", "1", "--boot-delay", "0.05") as (printer, simulator):
        path = simulator.transcript_file.with_name("heat.gcode")
        path.write_text("M140 S60\nM109 S200\nG28\nG1 X10\n")
        printer.print(path)
        printer.until(lambda u: any((t.target or 0) >= 200 for t in u.temperatures))
        printer.driver.stop()
        printer.job(JobState.STOPPED)
        lines = of_the_file(simulator.transcript())
        assert lines == ["M140 S60", "M109 S200", *(line.decode() for line in SAFE_END)]
        printer.until(lambda u: u.temperatures and all(not t.target for t in u.temperatures))


def test_an_emergency_stop_halts_the_printer(gcode):
    with printing("--time-scale", "1", "--boot-delay", "0.05") as (printer, simulator):
        printer.print(gcode)
        printer.job(JobState.PRINTING)
        printer.driver.emergency_stop()
        _, update = printer.state(DriverState.HALTED)
        assert update.job.state in (JobState.STOPPED, JobState.FAILED)
        sent = of_the_file(simulator.transcript())
        assert sent[: len(file_commands(gcode))] != file_commands(gcode)
        # Opening the port again resets the board.
        printer.forget()
        printer.driver.reconnect()
        printer.state(DriverState.ONLINE)


def test_a_homing_that_fails_halts_the_printer(gcode):
    with printing(*FAST, "--broken-endstop") as (printer, _):
        printer.print(gcode)
        update = printer.job(JobState.FAILED)
        assert "Homing" in update.job.reason
        printer.state(DriverState.HALTED)


def test_commands_between_the_lines():
    with printing(*FAST) as (printer, _):
        (position,) = printer.driver.send("M114").result(DEADLINE)
        assert position.startswith("X:")
        assert "FIRMWARE_NAME" in printer.driver.send("M115").result(DEADLINE)[0]


@pytest.mark.parametrize("corrupt", ["0", "0.01"])
def test_a_real_file(corrupt):
    path = SHARED / "gcode" / "human_20mm_marlin2.gcode"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there; set GOTAPI_SHARED_DATA to the folder of test data")
    with printing(*FAST, "--only-numbered", "--corrupt", corrupt) as (printer, simulator):
        printer.print(path)
        update = printer.job(JobState.DONE, JobState.FAILED)
        assert update.job.state is JobState.DONE
        assert of_the_file(simulator.transcript()) == file_commands(path)
    assert update.job.progress.layer == 98


def test_a_driver_that_is_closed_turns_the_heaters_off_first(tmp_path):
    path = tmp_path / "hot.gcode"
    path.write_text("M140 S60\nM104 S200\nG28\n" + "G1 X10\nG1 X20\n" * 300)
    with printing("--time-scale", "20", "--boot-delay", "0.05") as (printer, simulator):
        printer.print(path)
        printer.until(lambda u: any((t.target or 0) >= 200 for t in u.temperatures))
        printer.driver.close()
        update = printer.job(JobState.INTERRUPTED)
        assert update.fault is None
        assert simulator.transcript()[-5:] == [*(line.decode() for line in SAFE_END), "M105"]


def test_a_printer_that_works_on_something_long_gets_the_same_lines(tmp_path):
    path = tmp_path / "hot.gcode"
    path.write_text("M140 S60\nM104 S200\nG4 S600\n")
    session = msgspec.structs.replace(SETTINGS.session, close_wait=0.3, timing=Timing())
    settings = msgspec.structs.replace(SETTINGS, session=session)
    options = ("--time-scale", "1", "--boot-delay", "0.05", "--no-emergency-parser")
    with printing(*options, settings=settings) as (printer, simulator):
        printer.print(path)
        printer.until(lambda u: u.job is not None and u.job.progress.line == 2)
        printer.until(lambda u: any((t.target or 0) >= 200 for t in u.temperatures))
        started = time.monotonic()
        printer.driver.close()
        assert time.monotonic() - started < 2.0
        # G4 holds one of the four places in the queue; the rest wait in the receive buffer.
        assert simulator.transcript()[-3:] == ["M104 S0", "M140 S0", "M107"]


def test_a_printer_somebody_left_hot_is_made_safe_first():
    with run_simulator(*FAST) as simulator:
        made = Printing(simulator.path)
        made.driver.start(make_safe=True)
        try:
            made.state(DriverState.ONLINE)
            answer = made.driver.send("M114").result(DEADLINE)
            lines = of_the_file(simulator.transcript())
        finally:
            made.driver.close()
    assert answer[-1].startswith("X:")
    assert lines == [*(line.decode() for line in SAFE_END), "M114"]
