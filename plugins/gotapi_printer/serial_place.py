"""Where a printer's serial port is: by its path, or by the serial number of its USB descriptor."""

import os
from collections.abc import Callable, Sequence

from serial.tools import list_ports

from gotapi_printer.link import LinkFacts, LinkMissing
from gotapi_printer.usb_table import BAUDS, Speeds


def serial_ports() -> list[LinkFacts]:
    """The serial ports of this computer, with what their USB descriptors say."""
    return [
        LinkFacts(
            name=found.device,
            manufacturer=found.manufacturer or "",
            product=found.product or "",
            serial_number=found.serial_number or "",
            vendor_id=found.vid,
            product_id=found.pid,
        )
        for found in list_ports.comports()
    ]


def port_facts(port: str) -> LinkFacts:
    """What the USB descriptor says about a port; only its name where there is none."""
    names = (port, os.path.realpath(port))
    for found in serial_ports():
        if found.name in names:
            # Under the name that it was asked for by.
            return LinkFacts(
                port,
                found.manufacturer,
                found.product,
                found.serial_number,
                found.vendor_id,
                found.product_id,
            )
    return LinkFacts(name=port)


class SerialPlace:
    """One printer's port, wherever it is now; kept from one connection to the next.

    A port that was named by its path is remembered by its serial number once it was open: plugged
    in again it may get another path, and another device may get this one.
    """

    def __init__(
        self,
        path: str = "",
        usb_serial: str = "",
        baud: int | None = None,
        ports: Callable[[], Sequence[LinkFacts]] = serial_ports,
    ) -> None:
        self._path = path
        self._serial = usb_serial
        self._ports = ports
        self.resets = True
        """Whether opening restarts most boards with the firmware that was found here."""
        self.speeds = Speeds(BAUDS if baud is None else (baud,))

    def find(self) -> str:
        """The path of the port; raises LinkMissing for a serial number that is not there."""
        if not self._serial:
            return self._path
        places = [port.name for port in self._ports() if port.serial_number == self._serial]
        if self._path and (not places or os.path.realpath(self._path) in places):
            # Another cable or board at the same place is taken for what its owner put there.
            return self._path
        if not places:
            raise LinkMissing(
                f"no device with the serial number {self._serial} is on USB; plug the printer in "
                "and switch it on (gotapi printers scan lists what is there)"
            )
        return places[0]

    def opened(self, facts: LinkFacts) -> None:
        """Remember what was opened."""
        self._serial = facts.serial_number or self._serial
