"""PURE: what is known about serial devices on USB, and which speeds printers use."""

import enum
from collections.abc import Iterable, Sequence

import msgspec

from gotapi_printer.link import LinkFacts

BAUDS = (115_200, 250_000, 500_000, 57_600, 230_400, 1_000_000, 38_400, 19_200, 9_600)
"""The speeds that are tried, the usual ones first."""


class Kind(enum.Enum):
    """What may be behind a device."""

    PRINTER = "printer"
    """A printer, or a board made for printers."""
    BOARD = "board"
    """A board for all sorts of things, printers among them."""
    CHIP = "chip"
    """A chip that makes a serial port of USB; anything may be behind it."""
    NEVER = "never"
    """No printer that takes G-code: it is not opened."""


class Known(msgspec.Struct, frozen=True):
    """One row; without `product_id` it is for all devices of the vendor that have no row."""

    title: str
    kind: Kind
    vendor_id: int
    product_id: int | None = None


TABLE = (
    Known("Prusa Research", Kind.PRINTER, 0x2C99),
    Known("UltiMachine RAMBo", Kind.PRINTER, 0x27B1),
    Known("Smoothieboard", Kind.PRINTER, 0x1D50, 0x6015),
    Known("Duet 2", Kind.PRINTER, 0x1D50, 0x60EC),
    Known("Duet 3", Kind.PRINTER, 0x1D50, 0x60EE),
    Known("Printrboard", Kind.PRINTER, 0x16C0, 0x0483),
    Known("STM32 virtual port (SKR, Malyan and others)", Kind.BOARD, 0x0483, 0x5740),
    Known("LPC176x board", Kind.BOARD, 0x1D50, 0x6029),
    Known("Maple STM32 board", Kind.BOARD, 0x1EAF, 0x0004),
    Known("Arduino", Kind.BOARD, 0x2341),
    Known("Arduino", Kind.BOARD, 0x2A03),
    Known("CH340", Kind.CHIP, 0x1A86, 0x7523),
    Known("CH341", Kind.CHIP, 0x1A86, 0x5523),
    Known("CH9102", Kind.CHIP, 0x1A86, 0x55D4),
    Known("FT232R", Kind.CHIP, 0x0403, 0x6001),
    Known("FT231X", Kind.CHIP, 0x0403, 0x6015),
    Known("CP210x", Kind.CHIP, 0x10C4, 0xEA60),
    Known("PL2303", Kind.CHIP, 0x067B, 0x2303),
    # Klipper's microcontroller speaks a binary protocol to Klipper alone.
    Known("Klipper firmware", Kind.NEVER, 0x1D50, 0x614E),
    Known("u-blox GPS receiver", Kind.NEVER, 0x1546),
)

FOUND = {"printers": (Kind.PRINTER,), "all": (Kind.PRINTER, Kind.BOARD, Kind.CHIP)}
"""Which kinds `discover` of the settings takes."""

MOST = 16
"""Printers found at once; each has a thread, and a hub with more names them in its settings."""


def known(device: LinkFacts) -> Known | None:
    """The row for a device, the exact one before that of its vendor."""
    rows = [row for row in TABLE if row.vendor_id == device.vendor_id]
    exact = [row for row in rows if row.product_id == device.product_id]
    return next(iter(exact or (row for row in rows if row.product_id is None)), None)


def usb_id(device: LinkFacts) -> str:
    """`vid:pid` in hexadecimal, empty for a port that is not on USB."""
    if device.vendor_id is None or device.product_id is None:
        return ""
    return f"{device.vendor_id:04x}:{device.product_id:04x}"


def excluded(device: LinkFacts, patterns: Iterable[str]) -> bool:
    """Whether the operator named a device by its port, its serial number or `vid:pid`."""
    names = {device.name, device.serial_number, usb_id(device)} - {""}
    return any(pattern in names or pattern.lower() in names for pattern in patterns)


def found(devices: Sequence[LinkFacts], discover: str, exclude: Iterable[str]) -> list[LinkFacts]:
    """The devices that are to be taken for printers without being named in the settings."""
    kinds = FOUND.get(discover, ())
    patterns = tuple(exclude)
    rows = ((device, known(device)) for device in devices)
    return [
        device
        for device, row in rows
        if row is not None and row.kind in kinds and not excluded(device, patterns)
    ]


class Speeds:
    """The speeds of one printer's port; the right one is tried first from then on."""

    def __init__(self, bauds: Sequence[int] = BAUDS) -> None:
        self._order = list(bauds)
        self._place = 0

    def begin(self) -> int:
        """The speed for opening the port."""
        self._place = 0
        return self._order[0]

    def next(self) -> int | None:
        """Another speed for the open port, None when all were tried."""
        if self._place + 1 >= len(self._order):
            return None
        self._place += 1
        return self._order[self._place]

    def right(self) -> None:
        """A printer answered at this speed."""
        self._order.insert(0, self._order.pop(self._place))
        self._place = 0
