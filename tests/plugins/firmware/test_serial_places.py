"""Where a printer's port is when it has another path."""

import pytest

from gotapi_printer.link import LinkFacts, LinkMissing
from gotapi_printer.serial_place import SerialPlace


class Usb:
    """The ports of a computer."""

    def __init__(self, **serials: str):
        self.serials = serials

    def __call__(self):
        return [LinkFacts(f"/dev/{name}", serial_number=one) for name, one in self.serials.items()]


def test_a_path_is_where_it_says():
    assert SerialPlace("/dev/ttyUSB0", ports=Usb()).find() == "/dev/ttyUSB0"


def test_a_serial_number_is_found_wherever_it_is():
    usb = Usb(ttyUSB0="OTHER", ttyUSB1="MINE")
    place = SerialPlace(usb_serial="MINE", ports=usb)
    assert place.find() == "/dev/ttyUSB1"
    usb.serials = {"ttyUSB0": "MINE"}
    assert place.find() == "/dev/ttyUSB0"


def test_a_serial_number_that_is_not_there():
    with pytest.raises(LinkMissing, match=r"MINE .* printers scan"):
        SerialPlace(usb_serial="MINE", ports=Usb(ttyUSB0="OTHER")).find()


def opened(usb):
    place = SerialPlace("/dev/ttyUSB0", ports=usb)
    place.opened(LinkFacts("/dev/ttyUSB0", serial_number="MINE"))
    return place


def test_a_path_is_followed_by_the_serial_number_that_was_there():
    usb = Usb(ttyUSB0="MINE")
    place = opened(usb)
    assert place.find() == "/dev/ttyUSB0"
    usb.serials = {"ttyUSB0": "OTHER", "ttyUSB1": "MINE"}
    assert place.find() == "/dev/ttyUSB1"


def test_another_device_at_the_path_is_taken_while_the_first_is_away():
    usb = Usb(ttyUSB0="NEW")
    place = opened(usb)
    assert place.find() == "/dev/ttyUSB0"
    place.opened(LinkFacts("/dev/ttyUSB0", serial_number="NEW"))
    usb.serials = {"ttyUSB1": "NEW"}
    assert place.find() == "/dev/ttyUSB1"


def test_a_chip_without_a_serial_number_is_its_path():
    place = SerialPlace("/dev/ttyUSB0", ports=Usb(ttyUSB1=""))
    place.opened(LinkFacts("/dev/ttyUSB0"))
    assert place.find() == "/dev/ttyUSB0"
