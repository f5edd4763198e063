"""What is known about devices on USB, and the order of speeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.link import LinkFacts
from gotapi_printer.model import PortSettings, PrinterSettings
from gotapi_printer.newcomers import newcomers
from gotapi_printer.usb_table import (
    BAUDS,
    MOST,
    TABLE,
    Kind,
    Speeds,
    excluded,
    found,
    known,
    usb_id,
)

PRUSA = LinkFacts("/dev/ttyACM0", "Prusa Research", "MK3S", "CZPX42", 0x2C99, 0x0002)
ARDUINO = LinkFacts("/dev/ttyACM1", "Arduino", "Mega", "7543", 0x2341, 0x0042)
CHEAP = LinkFacts("/dev/ttyUSB0", "", "USB2.0-Serial", "", 0x1A86, 0x7523)
KLIPPER = LinkFacts("/dev/ttyACM2", "Klipper", "stm32f446xx", "3A", 0x1D50, 0x614E)
GPS = LinkFacts("/dev/ttyACM3", "u-blox", "GPS", "", 0x1546, 0x01A7)
BOARD = LinkFacts("/dev/ttyS0")
STRANGE = LinkFacts("/dev/ttyACM4", "Someone", "Thing", "1", 0xDEAD, 0xBEEF)
ALL = [PRUSA, ARDUINO, CHEAP, KLIPPER, GPS, BOARD, STRANGE]


def test_no_device_has_two_rows():
    ids = [(row.vendor_id, row.product_id) for row in TABLE]
    assert len(ids) == len(set(ids))
    assert all(0 < row.vendor_id < 0x10000 and row.title for row in TABLE)


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (PRUSA, Kind.PRINTER),
        (ARDUINO, Kind.BOARD),
        (CHEAP, Kind.CHIP),
        (KLIPPER, Kind.NEVER),
        (GPS, Kind.NEVER),
    ],
)
def test_the_kind_of_a_device(device, kind):
    row = known(device)
    assert row is not None
    assert row.kind is kind


def test_the_exact_row_goes_before_that_of_the_vendor():
    smoothie = LinkFacts("x", vendor_id=0x1D50, product_id=0x6015)
    assert known(smoothie).title == "Smoothieboard"
    assert known(LinkFacts("x", vendor_id=0x1D50, product_id=0x9999)) is None
    assert known(BOARD) is None
    assert known(STRANGE) is None


def test_ids_as_people_write_them():
    assert usb_id(PRUSA) == "2c99:0002"
    assert usb_id(BOARD) == ""


@pytest.mark.parametrize("pattern", ["/dev/ttyACM0", "CZPX42", "2c99:0002", "2C99:0002"])
def test_a_device_is_excluded_by_port_serial_number_or_id(pattern):
    assert excluded(PRUSA, [pattern])
    assert not excluded(BOARD, [pattern])


def test_an_empty_word_excludes_nothing():
    assert not excluded(CHEAP, [""])


def test_what_is_taken_for_a_printer():
    assert found(ALL, "off", []) == []
    assert found(ALL, "printers", []) == [PRUSA]
    assert found(ALL, "all", []) == [PRUSA, ARDUINO, CHEAP]
    assert found(ALL, "all", ["7543", "1a86:7523"]) == [PRUSA]


@given(st.lists(st.sampled_from(ALL)), st.sampled_from(["off", "printers", "all"]))
def test_what_is_never_a_printer_is_never_found(devices, discover):
    taken = found(devices, discover, [])
    assert not {KLIPPER, GPS, BOARD, STRANGE} & set(taken)


# -- newcomers --------------------------------------------------------------------------------


def test_newcomers_are_named_by_their_serial_number_where_they_have_one():
    settings = PrinterSettings(discover="all")
    assert newcomers(ALL, settings, []) == [
        PortSettings(usb_serial="CZPX42"),
        PortSettings(usb_serial="7543"),
        PortSettings(path="/dev/ttyUSB0"),
    ]


def test_who_is_there_already_is_no_newcomer(tmp_path):
    link = tmp_path / "workshop"
    link.symlink_to("/dev/ttyUSB0")
    ports = [PortSettings(usb_serial="CZPX42"), PortSettings(path=str(link))]
    assert newcomers(ALL, PrinterSettings(discover="all", ports=tuple(ports)), ports) == [
        PortSettings(usb_serial="7543")
    ]


def test_there_is_an_end_to_newcomers():
    many = [
        LinkFacts(f"/dev/ttyACM{n}", serial_number=f"S{n}", vendor_id=0x2C99) for n in range(99)
    ]
    settings = PrinterSettings(discover="printers")
    first = newcomers(many, settings, [])
    assert len(first) == MOST
    assert newcomers(many, settings, first) == []


# -- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "port",
    [{}, {"path": "/dev/x", "usb_serial": "1"}, {"usb_serial": "1", "ble": "C0:FF:EE:00:00:01"}],
)
def test_a_printer_is_in_one_place(port):
    with pytest.raises(ValueError, match="usb_serial"):
        PortSettings(**port)


def test_a_place_in_a_word():
    assert PortSettings(path="/dev/serial/by-id/printer").place == "printer"
    assert PortSettings(usb_serial="CZPX42").place == "CZPX42"
    assert PortSettings(ble="C0:FF:EE:00:00:01").place == "C0:FF:EE:00:00:01"


# -- speeds -----------------------------------------------------------------------------------


def test_the_usual_speeds_come_first():
    assert BAUDS[:2] == (115_200, 250_000)
    assert len(BAUDS) == len(set(BAUDS))


def test_every_speed_is_tried_once():
    speeds = Speeds()
    assert [speeds.begin(), *iter(speeds.next, None)] == list(BAUDS)
    assert speeds.next() is None
    assert speeds.begin() == BAUDS[0]


def test_the_right_speed_is_the_first_from_then_on():
    speeds = Speeds((1, 2, 3))
    speeds.begin()
    speeds.next()
    speeds.right()
    speeds.right()
    assert [speeds.begin(), *iter(speeds.next, None)] == [2, 1, 3]


def test_one_speed_has_no_other():
    speeds = Speeds((9600,))
    assert speeds.begin() == 9600
    assert speeds.next() is None
