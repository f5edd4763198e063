"""Whether opening a port restarts the board behind it."""

import os
import pty
import sys
import termios
import time
import tty

import pytest

from gotapi_printer import link_serial
from gotapi_printer.link import LinkGone
from gotapi_printer.link_serial import RESET_PULSE, SerialSettings, serial_link
from gotapi_printer.serial_place import SerialPlace


@pytest.fixture
def port():
    master, slave = pty.openpty()
    tty.setraw(slave)
    hang_up(os.ttyname(slave))  # as every serial port does
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def hang_up(port):
    with open(port, "rb", buffering=0) as file:
        attributes = termios.tcgetattr(file)
        attributes[2] |= termios.HUPCL
        termios.tcsetattr(file, termios.TCSANOW, attributes)


def hangs_up(made):
    return bool(termios.tcgetattr(made._fd)[2] & termios.HUPCL)


@pytest.fixture
def opened(port):
    made = []

    def open_link(settings, place=None):
        made.append(serial_link(settings, place))
        made[-1].open()
        return made[-1]

    yield open_link
    for one in made:
        one.close()


def test_the_system_decides_where_nothing_is_said(port, opened):
    before = hangs_up(opened(SerialSettings(port)))
    assert before is True


def test_without_a_reset_closing_leaves_dtr_on(port, opened):
    assert not hangs_up(opened(SerialSettings(port, reset=False)))


def test_a_firmware_on_native_usb_is_not_reset_the_next_time(port, opened):
    place = SerialPlace(port)
    first = opened(SerialSettings(""), place)
    assert hangs_up(first)
    first.answered(resets=False)
    first.close()
    hang_up(port)
    assert not hangs_up(opened(SerialSettings(""), place))


def test_a_setting_goes_before_what_the_firmware_is(port, opened):
    place = SerialPlace(port)
    place.resets = False
    assert hangs_up(opened(SerialSettings("", reset=True), place))


class Lines:
    """A port that notes what happens to DTR."""

    def __init__(self):
        self.seen = []

    def __setattr__(self, name, value):
        if name == "dtr":
            self.seen.append(value)
        super().__setattr__(name, value)


def test_a_reset_is_a_pulse_of_dtr(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    lines = Lines()
    link_serial._reset(lines, True)
    assert lines.seen == [False, True]
    assert slept == [RESET_PULSE]


def test_nothing_is_touched_where_nothing_is_said():
    lines = Lines()
    link_serial._reset(lines, None)
    assert lines.seen == []


def test_windows_opens_with_dtr_off(monkeypatch, port):
    made = []

    class Fake(Lines):
        def open(self):
            made.append(self)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(link_serial.serial, "serial_for_url", lambda *_, **__: Fake())
    link_serial.open_port(SerialSettings("COM3", reset=False))
    assert made[0].seen == [False]


def test_another_speed_of_a_port_that_went_away_is_told(port):
    place = SerialPlace(port)
    made = serial_link(SerialSettings(""), place)
    made.open()
    made._port.close()
    with pytest.raises(LinkGone, match="is gone"):
        made.next_speed()
    made._port = None
    made.close()


def test_one_speed_has_no_other(port, opened):
    assert opened(SerialSettings(port)).next_speed() is None
