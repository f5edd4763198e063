"""Printers that are unplugged, plugged in elsewhere, or at a speed that is not known."""

import time

import msgspec
import pytest
from click.testing import CliRunner
from serial.tools import list_ports

from gotapi_printer import cli
from gotapi_printer.driver import DriverSettings
from gotapi_printer.job import JobState
from gotapi_printer.link import LinkFacts
from gotapi_printer.link_serial import SerialSettings, serial_link
from gotapi_printer.marlin import IdentifyTiming
from gotapi_printer.serial_place import SerialPlace
from gotapi_printer.session import SessionSettings
from gotapi_printer.updates import DriverState


class Usb:
    """A computer's ports: the links in a folder are its devices, named by their serial numbers."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self):
        return [
            LinkFacts(str(link), serial_number=link.name.partition("-")[2])
            for link in sorted(self.folder.glob("tty*"))
        ]


def wait_until(condition):
    until = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def at(place):
    return lambda _: serial_link(SerialSettings(""), place)


def test_a_printer_is_found_by_its_serial_number_wherever_it_is(station, tmp_path, gcode):
    link = tmp_path / "ttyUSB0-MINE"
    other = tmp_path / "ttyUSB1-MINE"
    place = SerialPlace(usb_serial="MINE", ports=Usb(tmp_path))
    with station("--no-reset-on-open", link=link, make_link=at(place)) as one:
        assert one.driver.update.link.name == str(link)
        one.forget()
        # As the system does when a cable is moved: another name, the same serial number.
        link.rename(other)
        one.driver.reconnect()
        one.until(lambda u: u.state is DriverState.ONLINE and u.link.name == str(other))


def test_unplugged_is_seen_and_plugged_in_again_is_used(station, tmp_path, gcode):
    """With the timing that a hub has; the figures of the machine it runs on are printed."""
    link = tmp_path / "ttyUSB0-MINE"
    place = SerialPlace(usb_serial="MINE", ports=Usb(tmp_path))
    options = ("--unplug-at", "50", "--replug-after", "1.5")
    with station(*options, link=link, make_link=at(place), settings=DriverSettings()) as one:
        one.print(gcode)
        wait_until(lambda: not link.exists())
        gone = time.monotonic()
        one.job(JobState.INTERRUPTED)
        print(f"unplugged: seen after {time.monotonic() - gone:.2f} s")
        one.forget()
        wait_until(link.exists)
        there = time.monotonic()
        one.state(DriverState.ONLINE)
        print(f"plugged in: online after {time.monotonic() - there:.2f} s")
        assert one.driver.update.fault.line == len(one.taken()) - 1
        wait_until(lambda: "M104 S0" in one.simulator.transcript())


# -- speeds -----------------------------------------------------------------------------------

PATIENT = DriverSettings(
    session=SessionSettings(
        speed_wait=1.0, identify=IdentifyTiming(deadline=1.5, retry=0.4, boot=0.15)
    )
)


@pytest.mark.parametrize("baud", [250_000, 57_600])
def test_the_speed_is_found(station, tmp_path, gcode, commands_of, baud):
    link = tmp_path / "ttyUSB0-MINE"
    place = SerialPlace(str(link))
    options = ("--baud", str(baud))
    with station(*options, link=link, make_link=at(place), settings=PATIENT, online=False) as one:
        one.state(DriverState.ONLINE)
        assert place.speeds.begin() == baud, "the first one from now on"
        one.print(gcode)
        one.job(JobState.DONE)
        assert one.taken() == commands_of(gcode)


def test_a_wrong_speed_is_named(station, tmp_path):
    place = SerialPlace(str(tmp_path / "port"), baud=9600)
    options = ("--baud", "250000")
    named = {"link": tmp_path / "port", "make_link": at(place), "settings": PATIENT}
    with station(*options, online=False, **named) as one:
        update = one.until(lambda u: u.state is DriverState.OFFLINE and "baud" in u.message)
        assert "not" in update.message or "no " in update.message


def test_each_speed_that_is_tried_is_named(station, tmp_path):
    place = SerialPlace(str(tmp_path / "port"))
    identify = IdentifyTiming(deadline=0.2, retry=0.1)
    session = msgspec.structs.replace(PATIENT.session, identify=identify)
    settings = msgspec.structs.replace(PATIENT, session=session)
    named = {"link": tmp_path / "port", "make_link": at(place), "settings": settings}
    with station("--silent", online=False, **named) as one:
        update = one.until(lambda u: "trying 250000 baud" in u.message)
        assert update.state is DriverState.CONNECTING


# -- what the operator sees -------------------------------------------------------------------


class Port:
    """As pyserial describes one."""

    def __init__(self, device, manufacturer, product, serial_number, vid, pid):
        self.device = device
        self.manufacturer = manufacturer
        self.product = product
        self.serial_number = serial_number
        self.vid = vid
        self.pid = pid


PORTS = [
    Port("/dev/ttyS0", None, None, None, None, None),
    Port("/dev/ttyACM0", "Prusa\x1b[2J", "MK3S", "CZPX42", 0x2C99, 2),
    Port("/dev/ttyUSB0", None, None, None, 0x1A86, 0x7523),
    Port("/dev/ttyACM1", "Klipper", "rp2040", "3A", 0x1D50, 0x614E),
]


def scan(monkeypatch, ports, *words):
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    return CliRunner().invoke(cli.printers, ["scan", *words])


def test_scan_lists_likely_ports_and_what_to_write(monkeypatch):
    result = scan(monkeypatch, PORTS)
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == "/dev/ttyACM0  2c99:0002  CZPX42  Prusa[2J MK3S  Prusa Research (printer)"
    assert second == "/dev/ttyUSB0  1a86:7523  -  (says nothing)  CH340 (chip)"
    assert 'usb_serial = "CZPX42"' in result.stderr


def test_scan_names_a_port_by_its_path_where_it_has_no_serial_number(monkeypatch):
    assert 'path = "/dev/ttyUSB0"' in scan(monkeypatch, PORTS[2:]).stderr


def test_scan_all_lists_the_others_too(monkeypatch):
    result = scan(monkeypatch, PORTS, "--all")
    assert len(result.stdout.splitlines()) == 4
    assert "/dev/ttyS0  no USB  -  (says nothing)  unknown" in result.stdout
    assert "Klipper firmware (never)" in result.stdout


def test_scan_finds_nothing(monkeypatch):
    result = scan(monkeypatch, PORTS[:1])
    assert result.exit_code == 0
    assert "none of 1 serial ports; --all" in result.stderr
    assert "--all" not in scan(monkeypatch, [], "--all").stderr
