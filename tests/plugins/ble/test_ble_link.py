"""Unmodified bleak over a Bluetooth service of the tests' own, up to the Link."""

import asyncio
import time

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDeviceNotFoundError,
    BleakError,
)

from gotapi_printer.ble_radio import BleSettings, Radio, explained
from gotapi_printer.link import LinkBusy, LinkDenied, LinkError, LinkGone, LinkMissing
from gotapi_printer.link_ble import BleLink

DEADLINE = 8.0


def until(link, wanted):
    """Read until this was said."""
    said = b""
    end = time.monotonic() + DEADLINE
    while wanted not in said:
        assert time.monotonic() < end, said
        said += link.read(0.2)
    return said


def read_to_the_end(link):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        link.read(0.1)


def stop_to_the_end(link):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        link.write_urgent(b"\nM112\n")


def while_it_lasts(link, end):
    while time.monotonic() < end:
        link.write(b"M105\n")


@pytest.fixture
def opened():
    links = []

    def make(module, **settings):
        link = BleLink(BleSettings(module.address, **settings))
        links.append(link)
        return link, link.open()

    yield make
    for link in links:
        link.close()


@pytest.mark.parametrize("profile", ["nus", "hm10", "issc"])
@pytest.mark.parametrize("mtu", ["23", "185", "247"])
def test_a_line_goes_out_and_its_answer_comes_back(make_module, opened, profile, mtu):
    link, facts = opened(make_module("--profile", profile, "--mtu", mtu))
    assert facts.name == "C0:FF:EE:00:00:01"
    assert facts.product == "Fake printer"
    link.write(b"M118 " + b"x" * 80 + b"\n")
    assert b"x" * 80 in until(link, b"ok")


def test_what_the_device_says_of_itself(make_module, opened):
    _, facts = opened(make_module("--information"))
    assert facts.manufacturer == "Fake & Sons"
    assert (facts.product, facts.serial_number) == ("UART-1", "0042")
    assert (facts.firmware_revision, facts.hardware_revision) == ("fw 1.2", "hw 3")
    assert (facts.software_revision, facts.system_id) == ("sw 4", "0706050403020100")


@pytest.mark.parametrize("flags", ["write", "write-without-response"])
def test_writing_with_and_without_response(make_module, opened, flags):
    link, _ = opened(make_module("--flags", flags))
    link.write(b"M105\n")
    assert b"T:" in until(link, b"ok")


def test_a_connection_that_breaks_comes_back(make_module, opened):
    module = make_module()
    link, _ = opened(module)
    assert link.breaks == 0
    module.tell("drop")
    end = time.monotonic() + DEADLINE
    while not link.breaks:
        assert time.monotonic() < end
        link.read(0.05)
    link.write(b"M105\n")
    assert b"T:" in until(link, b"ok T")


def test_one_that_does_not_come_back_is_gone(make_module, opened):
    module = make_module()
    link, _ = opened(module, back=0.5, find=0.3)
    module.tell("away")
    with pytest.raises(LinkGone, match="is gone"):
        read_to_the_end(link)
    with pytest.raises(LinkGone):
        link.write(b"M105\n")


def test_an_emergency_stop_goes_past_what_waits(make_module, opened):
    link, _ = opened(make_module(printer=("--time-scale", "1", "--boot-delay", "0.05")))
    link.write(b"G28\n")
    link.write_urgent(b"\nM112\n")
    until(link, b"kill() called")


def test_while_the_connection_is_away_an_emergency_stop_says_so(make_module, opened):
    module = make_module()
    link, _ = opened(module, back=5.0, find=0.3)
    module.tell("away")
    with pytest.raises(LinkGone):
        stop_to_the_end(link)


def test_a_line_waits_for_the_connection_and_not_for_ever(make_module, opened):
    module = make_module()
    link, _ = opened(module, back=0.6, find=0.2)
    module.tell("away")
    end = time.monotonic() + DEADLINE
    with pytest.raises(LinkGone):
        while_it_lasts(link, end)
    assert time.monotonic() < end


@pytest.mark.parametrize(
    ("error", "kind", "why"),
    [
        (BleakDeviceNotFoundError("x"), LinkMissing, "switch the printer on"),
        (
            BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF),
            LinkError,
            "not available",
        ),
        (BleakError("org.freedesktop.DBus.Error.AccessDenied"), LinkDenied, "this user"),
        (BleakError("org.bluez.Error.InProgress"), LinkBusy, "something else"),
        (OSError("no socket"), LinkError, "does not answer"),
        (TimeoutError(), LinkError, "did not answer in time"),
        (BleakError("odd"), LinkError, "cannot be connected: odd"),
    ],
)
def test_errors_say_what_to_do(error, kind, why):
    told = explained("C0:FF:EE:00:00:01", error)
    assert type(told) is kind
    assert why in str(told)


def test_a_device_that_is_not_there(bluetooth, make_module):
    make_module()
    link = BleLink(BleSettings("C0:FF:EE:00:00:99", find=0.3))
    with pytest.raises(LinkMissing, match="switch the printer on"):
        link.open()
    link.close()


def test_a_device_without_serial_data(make_module):
    module = make_module("--profile", "none")
    for profile in ("", "hm10"):
        link = BleLink(BleSettings(module.address, profile=profile))
        with pytest.raises(LinkError, match="offers no serial data"):
            link.open()
        link.close()


def test_a_computer_without_bluetooth(bluetooth):
    link = BleLink(BleSettings("C0:FF:EE:00:00:01", find=0.3))
    with pytest.raises(LinkError):
        link.open()
    link.close()


def test_without_the_bus_the_message_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    link = BleLink(BleSettings("C0:FF:EE:00:00:01", find=0.3))
    with pytest.raises(LinkError, match="does not answer"):
        link.open()
    link.close()


def test_a_link_can_be_asked_before_and_after(make_module):
    link = BleLink(BleSettings(make_module().address))
    link.wake()
    assert link.read(0.0) == b""
    with pytest.raises(LinkGone):
        link.write_urgent(b"\nM112\n")
    link.open()
    link.close()
    link.close()
    link.wake()
    for ask in (lambda: link.write(b"x"), lambda: link.read(0.0)):
        with pytest.raises(LinkGone):
            ask()


async def test_a_connection_that_breaks_as_it_is_back_is_waited_for_again():
    sent = []
    radio = Radio(BleSettings("C0:FF:EE:00:00:01", back=20.0), sent.append, sent.append)

    async def send(data):
        assert radio._up.is_set()
        sent.append(data)

    radio._send = send
    writing = asyncio.create_task(radio.write(b"M105\n"))
    await asyncio.sleep(0)
    radio._up.set()
    radio._up.clear()  # before the writer could go on
    for _ in range(5):
        await asyncio.sleep(0)
    assert sent == []
    radio._up.set()
    await writing
    assert sent == [b"M105\n"]


async def test_a_closed_radio_writes_nothing():
    radio = Radio(BleSettings("C0:FF:EE:00:00:01", back=0.01), list, list)
    radio._up.set()
    with pytest.raises(LinkGone, match="is gone"):
        await radio.write(b"M105\n")
