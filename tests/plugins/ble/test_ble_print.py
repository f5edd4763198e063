"""Whole prints over BLE: the driver, bleak, a Bluetooth service of the tests', the firmware."""

import subprocess
import sys
import threading

import msgspec
import pytest
from click.testing import CliRunner

from gotapi_printer.ble_radio import BleSettings
from gotapi_printer.cli import printers
from gotapi_printer.driver import DriverSettings, PrinterDriver
from gotapi_printer.gcode import commands, scan
from gotapi_printer.job import JobState
from gotapi_printer.link_ble import BleLink
from gotapi_printer.marlin import FaultKind, IdentifyTiming, Limits, MarlinHost, Timing
from gotapi_printer.session import SessionSettings
from gotapi_printer.updates import DriverState

DEADLINE = 9.0
OWN = {"M105", "M110 N0", "M115", "M155 S2", "M400", "M108", "M104 S0", "M140 S0", "M107", "M84"}
TIMING = Timing(reply=1.0, doubtful=0.2)
SETTINGS = DriverSettings(
    retry=0.1,
    session=SessionSettings(
        boot_wait=0.2, sample=0.05, timing=TIMING, identify=IdentifyTiming(retry=0.5)
    ),
)


class Printing:
    """A driver on a module and what it last said."""

    def __init__(self, module, settings, **link):
        self.changed = threading.Condition()
        self.update = None
        self.module = module
        make = lambda: BleLink(BleSettings(module.address, **link))  # noqa: E731 - reads so
        self.driver = PrinterDriver(make, self.take, settings=settings)
        self.driver.start()

    def take(self, update):
        with self.changed:
            self.update = update
            self.changed.notify_all()

    def until(self, wanted):
        with self.changed:
            found = self.changed.wait_for(lambda: self.update and wanted(self.update), DEADLINE)
            assert found, self.update
            return self.update

    def print(self, path):
        with path.open("rb") as file:
            facts = scan(file)
        self.driver.print_file(path, "j1", facts)

    def job(self, *states):
        return self.until(lambda update: update.job is not None and update.job.state in states)

    def arrived(self):
        return [line for line in self.module.simulator.transcript() if line not in OWN]


@pytest.fixture
def printing():
    made = []

    def make(module, settings=SETTINGS, **link):
        one = Printing(module, settings, **link)
        made.append(one)
        one.until(lambda update: update.state is DriverState.ONLINE)
        return one

    yield make
    for one in made:
        one.driver.close()


@pytest.fixture
def gcode(tmp_path):
    path = tmp_path / "part.gcode"
    moves = (f"G1 X{n % 100}.{n % 10} Y{n % 50} E{n / 100}\n" for n in range(250))
    path.write_text("G28\nG90\nM82\n" + "".join(moves))
    return path


@pytest.fixture
def long_gcode(tmp_path):
    path = tmp_path / "long.gcode"
    path.write_text("G28\n" + "".join(f"G1 X{n % 100}.{n % 10}\n" for n in range(1500)))
    return path


def of_file(path):
    with path.open("rb") as file:
        return [command.decode() for _, command in commands(file)]


@pytest.mark.parametrize("mtu", ["23", "185", "247"])
def test_each_line_arrives_once_and_in_order(make_module, printing, gcode, mtu):
    one = printing(make_module("--mtu", mtu))
    one.print(gcode)
    one.job(JobState.DONE)
    assert one.arrived() == of_file(gcode)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_notifications_are_split_anywhere(make_module, printing, gcode, seed):
    session = msgspec.structs.replace(SETTINGS.session, limits=Limits(window=3))
    settings = msgspec.structs.replace(SETTINGS, session=session)
    one = printing(make_module("--mtu", "23", "--split", seed, "--profile", "hm10"), settings)
    one.print(gcode)
    one.job(JobState.DONE)
    assert one.arrived() == of_file(gcode)


def test_damaged_lines_are_sent_again(make_module, printing, gcode):
    printer = ("--time-scale", "0", "--allow-cold-extrusion", "--corrupt", "0.02")
    one = printing(make_module(printer=(*printer, "--only-numbered", "--seed", "3")))
    one.print(gcode)
    one.job(JobState.DONE)
    assert one.arrived() == of_file(gcode)


def test_a_connection_that_breaks_costs_time_and_no_line(make_module, printing, long_gcode):
    module = make_module("--mtu", "23")
    one = printing(module)
    one.print(long_gcode)
    for line in (40, 300):
        one.until(lambda update, line=line: update.job and update.job.progress.line > line)
        module.tell("drop")
        assert one.update.job.state is JobState.PRINTING
    one.job(JobState.DONE)
    assert one.arrived() == of_file(long_gcode)


def test_one_that_stays_away_interrupts_the_job(make_module, printing, long_gcode):
    module = make_module("--mtu", "23")
    one = printing(module, back=0.5, find=0.3)
    one.print(long_gcode)
    one.until(lambda update: update.job and update.job.progress.line > 20)
    module.tell("away")
    update = one.job(JobState.INTERRUPTED)
    assert "is gone" in update.job.reason
    module.tell("back")
    one.until(lambda update: update.state is DriverState.ONLINE)
    sent = one.arrived()
    assert sent == of_file(long_gcode)[: len(sent)]
    assert len(sent) >= update.fault.line
    # Whoever left a printer hot has to make it safe first.
    one.driver.send("M114").result(DEADLINE)
    assert module.simulator.transcript()[-12:].count("M104 S0") == 1


def test_a_board_that_restarted_meanwhile_is_seen():
    """After a break the printer asks for a line it had taken: nothing may be sent again."""
    host = MarlinHost(Timing())
    host.renumber()
    host.pull(0.0)
    host.receive(b"ok\n", 0.0)
    host.start_job(iter((n, b"G1 X%d" % n) for n in range(1, 100)))
    for _ in range(20):
        host.pull(0.0)
        host.receive(b"ok\n", 0.0)
    host.pull(0.0)
    host.interrupted()
    [fault] = host.receive(b"Error:Line Number is not Last Line Number+1\nResend: 1\nok\n", 1.0)[
        -1:
    ]
    assert fault.kind is FaultKind.RESET
    assert host.pull(2.0) is None


def test_after_a_break_a_lost_line_is_sent_again():
    host = MarlinHost(Timing())
    host.start_job(iter((n, b"G1 X%d" % n) for n in range(1, 100)))
    for _ in range(20):
        host.pull(0.0)
        host.receive(b"ok\n", 0.0)
    lost = host.pull(0.0)
    host.interrupted()
    number = lost.split()[0].removeprefix(b"N")
    host.receive(b"Resend: " + number + b"\nok\n", 1.0)
    assert host.fault is None
    assert host.pull(1.0) == lost


def test_a_scan_names_the_module_and_its_profile(make_module):
    make_module("--profile", "hm10")
    result = CliRunner().invoke(printers, ["scan", "--ble", "--seconds", "0.5"])
    assert result.exit_code == 0, result.output
    assert "C0:FF:EE:00:00:01" in result.stdout
    assert "Fake printer" in result.stdout
    assert "HM-10" in result.stdout
    assert 'ports = [{ble = "C0:FF:EE:00:00:01"}]' in result.stderr


def test_a_scan_leaves_out_what_carries_no_serial_data(make_module):
    make_module("--profile", "none")
    words = ["scan", "--ble", "--seconds", "0.3"]
    assert "none of 1 devices" in CliRunner().invoke(printers, words).stderr
    assert "no known serial data" in CliRunner().invoke(printers, [*words, "--all"]).stdout


def test_a_scan_without_bluetooth_says_so(bluetooth):
    result = CliRunner().invoke(printers, ["scan", "--ble", "--seconds", "0.3"])
    assert result.exit_code == 1
    assert "Bluetooth" in result.stderr


def test_bleak_is_loaded_only_where_it_is_used():
    code = (
        "import sys, gotapi_printer; sys.exit('bleak' in sys.modules or 'dbus_fast' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
