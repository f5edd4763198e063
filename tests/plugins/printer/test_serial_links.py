"""Serial links on pseudo terminals, and what they say when a port cannot be opened."""

import errno
import fcntl
import os
import pty
import select
import sys
import termios
import threading
import time
import tty

import pytest
import serial
from serial.tools import list_ports

from gotapi_printer import link_serial
from gotapi_printer.link import LinkBusy, LinkDenied, LinkError, LinkFacts, LinkGone, LinkMissing
from gotapi_printer.link_serial import (
    PlainSerialLink,
    PosixSerialLink,
    SerialSettings,
    serial_link,
)
from gotapi_printer.serial_place import port_facts


class Port:
    """A pseudo terminal: `master` is the printer's end."""

    def __init__(self):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)

    def close(self):
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@pytest.fixture
def port():
    made = Port()
    yield made
    made.close()


@pytest.fixture(params=[PosixSerialLink, PlainSerialLink])
def link(request, port):
    made = request.param(SerialSettings(port.path))
    made.open()
    yield made
    made.close()


def read_all(link, size):
    data = b""
    until = time.monotonic() + 5
    while len(data) < size:
        assert time.monotonic() < until
        data += link.read(0.2)
    return data


def test_bytes_go_both_ways(port, link):
    link.write(b"M105\n")
    assert os.read(port.master, 100) == b"M105\n"
    os.write(port.master, b"ok\n")
    assert read_all(link, 3) == b"ok\n"


def test_a_read_ends_at_its_timeout(link):
    before = time.monotonic()
    assert link.read(0.05) == b""
    assert 0.04 < time.monotonic() - before < 2


def test_wake_ends_a_read_from_another_thread(link):
    timer = threading.Timer(0.05, link.wake)
    timer.start()
    before = time.monotonic()
    assert link.read(10.0) == b""
    assert time.monotonic() - before < 5
    timer.join()


def test_a_wake_before_the_read_counts(link):
    link.wake()
    link.wake()
    before = time.monotonic()
    assert link.read(10.0) == b""
    assert time.monotonic() - before < 5


def test_a_pulled_cable_is_seen_by_read(port, link):
    timer = threading.Timer(0.05, port.close)
    timer.start()
    before = time.monotonic()
    with pytest.raises(LinkGone, match="check the cable"):
        read_all(link, 1)
    assert time.monotonic() - before < 1.0
    timer.join()


def test_a_pulled_cable_is_seen_by_write(port, link):
    port.close()
    with pytest.raises(LinkGone, match="check the cable"):
        link.write(b"G28\n")
    with pytest.raises(LinkGone):
        link.write_urgent(b"M112\n")


def test_urgent_bytes_arrive(port, link):
    link.write_urgent(b"\nM112\n")
    assert os.read(port.master, 100) == b"\nM112\n"


def test_a_closed_link_can_be_closed_woken_and_stopped(link):
    link.close()
    link.close()
    link.wake()
    with pytest.raises(LinkGone):
        link.write_urgent(b"M112\n")


def test_nothing_can_be_written_before_open(port):
    for kind in (PosixSerialLink, PlainSerialLink):
        unopened = kind(SerialSettings(port.path))
        unopened.wake()
        with pytest.raises(LinkGone):
            unopened.write_urgent(b"M112\n")


# -- a device that takes no bytes -------------------------------------------------------------


def fill(link):
    """Write until the kernel takes no more; return how many bytes it took."""
    taken = 0
    while True:
        try:
            taken += os.write(link._fd, b"x" * 1000)
        except BlockingIOError:
            # The kernel may still move bytes from one of its buffers to the next.
            if not select.select([], [link._fd], [], 0.2)[1]:
                return taken


@pytest.fixture
def posix(port):
    made = PosixSerialLink(SerialSettings(port.path))
    made.open()
    yield made
    made.close()


def test_a_write_waits_for_a_slow_device(port, posix):
    taken = fill(posix)
    seen = []

    def drain():
        while len(b"".join(seen)) < taken + 4:
            seen.append(os.read(port.master, 65_536))

    thread = threading.Timer(0.05, drain)
    thread.start()
    posix.write(b"G28\n")
    thread.join()
    assert b"".join(seen).endswith(b"G28\n")


def test_a_write_gives_up_on_a_device_that_takes_nothing(posix, monkeypatch):
    monkeypatch.setattr(link_serial, "WRITE_PATIENCE", 0.05)
    fill(posix)
    with pytest.raises(LinkGone):
        posix.write(b"G28\n")


def test_urgent_bytes_pass_what_waits(port, posix):
    fill(posix)
    before = time.monotonic()
    posix.write_urgent(b"\nM112\n")
    assert time.monotonic() - before < 1.0
    seen = b""
    while not seen.endswith(b"\nM112\n"):
        seen += os.read(port.master, 65_536)


def test_a_cable_pulled_under_a_waiting_write(port, posix):
    fill(posix)
    timer = threading.Timer(0.05, port.close)
    timer.start()
    with pytest.raises(LinkGone):
        posix.write(b"G28\n")
    timer.join()


def replace_call(monkeypatch, name, results):
    """Let `os.<name>` raise or return these in turn, for the module under test."""
    left = list(results)

    def call(*_):
        result = left.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(link_serial.os, name, call)


def test_rare_answers_of_the_system(port, posix, monkeypatch):
    os.write(port.master, b"x")
    with monkeypatch.context() as patch:
        replace_call(patch, "read", [BlockingIOError()])
        assert posix.read(1.0) == b""
    with monkeypatch.context() as patch:
        replace_call(patch, "read", [OSError(errno.EIO, "gone")])
        with pytest.raises(LinkGone):
            posix.read(1.0)
    with monkeypatch.context() as patch:
        replace_call(patch, "read", [b""])
        with pytest.raises(LinkGone):
            posix.read(1.0)
    with monkeypatch.context() as patch:
        replace_call(patch, "write", [2, BlockingIOError(), 2])
        posix.write(b"G28\n")
    with monkeypatch.context() as patch:
        replace_call(patch, "write", [2, OSError(errno.EIO, "gone")])
        with pytest.raises(LinkGone):
            posix.write(b"G28\n")
    with monkeypatch.context() as patch:
        replace_call(patch, "write", [BlockingIOError()])
        posix.wake()


# -- opening ----------------------------------------------------------------------------------


def test_a_port_that_does_not_exist(tmp_path):
    with pytest.raises(LinkMissing, match="plug the printer in"):
        serial_link(SerialSettings(str(tmp_path / "ttyUSB9"))).open()


def test_a_port_in_use(port):
    first = serial_link(SerialSettings(port.path))
    first.open()
    with pytest.raises(LinkBusy, match="another program"):
        serial_link(SerialSettings(port.path)).open()
    first.close()
    again = serial_link(SerialSettings(port.path))
    again.open()
    again.close()


def test_what_is_no_serial_port(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    with pytest.raises(LinkError, match="no serial port"):
        serial_link(SerialSettings(str(file))).open()


def test_an_address_that_makes_no_sense():
    with pytest.raises(LinkError, match="no serial port"):
        serial_link(SerialSettings("carrier-pigeon://loft")).open()


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (None, LinkError, "cannot be opened"),
        (errno.EACCES, LinkDenied, "dialout"),
        (errno.EBUSY, LinkBusy, "another program"),
        (errno.ENODEV, LinkMissing, "no port"),
        (errno.EIO, LinkError, "cannot be opened"),
    ],
)
def test_what_the_system_says_becomes_what_to_do(monkeypatch, number, kind, text):
    def refuse(*_, **__):
        if number is None:
            raise serial.SerialException
        raise serial.SerialException(number, os.strerror(number))

    monkeypatch.setattr(link_serial.serial, "serial_for_url", refuse)
    with pytest.raises(kind, match=text):
        serial_link(SerialSettings("/dev/ttyX")).open()


def test_the_port_is_locked_for_others_and_need_not_be_reset(port):
    made = PosixSerialLink(SerialSettings(port.path, 250_000, reset=False))
    facts = made.open()
    assert facts == LinkFacts(port.path)
    kept = termios.tcgetattr(made._fd)[2] & termios.HUPCL
    assert not kept, "closing leaves DTR on, so that opening again resets nothing"
    with open(port.path, "rb", buffering=0) as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.close()


def test_the_usb_descriptor_of_a_port(monkeypatch, tmp_path):
    device = tmp_path / "ttyACM0"
    device.touch()
    by_id = tmp_path / "by-id"
    by_id.symlink_to(device)

    class Found:
        manufacturer, product, serial_number, vid, pid = "Prusa", None, "CZ42", 0x2C99, 2

        def __init__(self, device):
            self.device = device

    monkeypatch.setattr(list_ports, "comports", lambda: [Found("/dev/ttyS0"), Found(str(device))])
    assert port_facts(str(by_id)) == LinkFacts(str(by_id), "Prusa", "", "CZ42", 0x2C99, 2)
    assert port_facts("/dev/ttyX") == LinkFacts("/dev/ttyX")


# -- the plain link ---------------------------------------------------------------------------


def test_the_link_fits_the_system(monkeypatch):
    assert isinstance(serial_link(SerialSettings("/dev/ttyS0")), PosixSerialLink)
    assert isinstance(serial_link(SerialSettings("loop://")), PlainSerialLink)
    monkeypatch.setattr(sys, "platform", "win32")
    assert isinstance(serial_link(SerialSettings("COM3")), PlainSerialLink)


def test_a_loop_answers_with_what_was_written():
    made = serial_link(SerialSettings("loop://"))
    assert made.open() == LinkFacts("loop://")
    made.write(b"M105\n")
    assert read_all(made, 5) == b"M105\n"
    made.close()
    with pytest.raises(LinkGone):
        made.read(0.1)
