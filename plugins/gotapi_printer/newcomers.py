"""Which devices on USB are taken into service without being named in the settings."""

import os
from collections.abc import Sequence

from gotapi_printer.link import LinkFacts
from gotapi_printer.model import PortSettings, PrinterSettings
from gotapi_printer.usb_table import MOST, found


def newcomers(
    devices: Sequence[LinkFacts], settings: PrinterSettings, ports: Sequence[PortSettings]
) -> list[PortSettings]:
    """The settings of printers among the devices that are not among `ports` yet."""
    serials = {port.usb_serial for port in ports} - {""}
    paths = {os.path.realpath(port.path) for port in ports if port.path}
    fresh = [
        device
        for device in found(devices, settings.discover, settings.exclude)
        if device.serial_number not in serials and os.path.realpath(device.name) not in paths
    ]
    named = len(settings.ports)
    return [_port(device) for device in fresh[: max(0, MOST - (len(ports) - named))]]


def _port(device: LinkFacts) -> PortSettings:
    # Cheap chips have no serial number; what is at such a port is known by the port alone.
    if device.serial_number:
        return PortSettings(usb_serial=device.serial_number)
    return PortSettings(path=device.name)
