"""Serial ports through pyserial: USB and board UARTs, pseudo terminals, `socket://` addresses."""

import contextlib
import errno
import logging
import os
import select
import sys
import threading
import time

import msgspec
import serial

from gotapi_printer.link import (
    Link,
    LinkBusy,
    LinkDenied,
    LinkError,
    LinkFacts,
    LinkGone,
    LinkMissing,
)
from gotapi_printer.serial_place import SerialPlace, port_facts

PORT_ERRORS: tuple[type[Exception], ...] = (OSError,)
"""What pyserial and the system raise over a port; termios has an error of its own."""

if sys.platform != "win32":
    import termios

    PORT_ERRORS = (OSError, termios.error)

OPEN_ERRORS: tuple[type[Exception], ...] = (*PORT_ERRORS, ValueError)
# pyserial raises TypeError for a port that another thread closed.
READ_ERRORS: tuple[type[Exception], ...] = (*PORT_ERRORS, TypeError)

log = logging.getLogger(__name__)

READ_SIZE = 4096
"""Bytes taken at once; the kernel's own terminal buffer has this size."""

WRITE_PATIENCE = 10.0
"""Seconds a device may refuse to take bytes. At 9600 baud a full kernel buffer drains in 4."""

URGENT_PATIENCE = 1.0
"""The same for an emergency stop."""

RESET_PULSE = 0.1
"""Seconds that DTR is off to restart a board."""


class SerialSettings(msgspec.Struct, frozen=True):
    """How to open one port."""

    port: str
    baud: int = 115_200
    reset: bool | None = None
    """Whether opening the port shall restart the board; None leaves it to the system."""


def open_port(settings: SerialSettings) -> serial.Serial:
    """Open a port for this program alone; raise the LinkError that tells what to do."""
    try:
        port = serial.serial_for_url(settings.port, do_not_open=True)
        port.baudrate = settings.baud
        port.timeout = 0
        port.write_timeout = WRITE_PATIENCE
        if "://" not in settings.port:
            port.exclusive = True
        if settings.reset is False and sys.platform == "win32":
            port.dtr = False
        port.open()
    except OPEN_ERRORS as error:
        raise _open_error(settings, error) from error
    with contextlib.suppress(*OPEN_ERRORS):
        # A pseudo terminal and a socket have no such line.
        _reset(port, settings.reset)
    return port


def _reset(port: serial.Serial, wanted: bool | None) -> None:
    """Pulse DTR, or keep it: a board with a USB chip restarts when it goes on.

    Linux turns DTR on with the first opening and off with the last closing; without the latter,
    opening again changes nothing.
    """
    if wanted:
        port.dtr = False
        time.sleep(RESET_PULSE)
        port.dtr = True
    elif wanted is False and sys.platform != "win32":
        attributes = termios.tcgetattr(port.fileno())
        attributes[2] &= ~termios.HUPCL
        termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)


def _open_error(settings: SerialSettings, error: Exception) -> LinkError:
    name, number, text = settings.port, _error_number(error), str(error)
    if number in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in text:
        return LinkBusy(f"{name} is in use by another program; close that one (slicer, terminal)")
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        hint = "add yourself to the group that owns it (often dialout) and log in again"
        return LinkDenied(f"{name} may not be opened by this user; {hint}")
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFoundError" in text:
        return LinkMissing(f"there is no port {name}; plug the printer in and switch it on")
    if number in (errno.ENOTTY, errno.EINVAL, errno.ENOTSUP) or isinstance(error, ValueError):
        return LinkError(f"{name} is no serial port for {settings.baud} baud ({text})")
    return LinkError(f"{name} cannot be opened: {text}")


def _error_number(error: BaseException | None) -> int | None:
    """The system's error number, which pyserial keeps only in the error it caught itself."""
    while error is not None:
        number = error.args[0] if error.args else None
        if isinstance(number, int):
            return number
        error = error.__context__
    return None


class SerialLink(Link):
    """What both kinds of links do about their port: where it is, its speed, what is remembered."""

    def __init__(self, settings: SerialSettings, place: SerialPlace | None = None) -> None:
        self._settings = settings
        self._place = place
        self._port: serial.Serial | None = None

    def _open(self) -> tuple[serial.Serial, LinkFacts]:
        place = self._place
        if place is not None:
            baud = place.speeds.begin()
            reset = self._settings.reset
            if reset is None and not place.resets:
                reset = False
            self._settings = msgspec.structs.replace(
                self._settings, port=place.find(), baud=baud, reset=reset
            )
        port = open_port(self._settings)
        facts = port_facts(self._settings.port)
        if place is not None:
            place.opened(facts)
        return port, facts

    def next_speed(self) -> int | None:
        baud = None if self._place is None else self._place.speeds.next()
        if baud is not None and self._port is not None:
            try:
                self._port.baudrate = baud
                self._port.reset_input_buffer()
            except OPEN_ERRORS as error:
                raise self._gone() from error
        return baud

    def answered(self, *, resets: bool) -> None:
        if self._place is not None:
            self._place.speeds.right()
            self._place.resets = resets

    def _gone(self) -> LinkGone:
        name = self._settings.port
        return LinkGone(f"{name} is gone; check the cable and that the printer is on")


class PlainSerialLink(SerialLink):
    """Any pyserial port, with pyserial's own reading and writing: Windows, `socket://`, `loop://`.

    `wake` takes effect within POLL seconds.
    """

    POLL = 0.02

    def __init__(self, settings: SerialSettings, place: SerialPlace | None = None) -> None:
        super().__init__(settings, place)
        self._woken = threading.Event()

    def open(self) -> LinkFacts:
        port, facts = self._open()
        port.timeout = self.POLL
        self._port = port
        return facts

    def read(self, timeout: float) -> bytes:
        port = self._opened()
        until = time.monotonic() + timeout
        try:
            while True:
                data = bytes(port.read(min(READ_SIZE, max(1, port.in_waiting))))
                if data or self._woken.is_set() or time.monotonic() >= until:
                    self._woken.clear()
                    return data
        except READ_ERRORS as error:
            raise self._gone() from error

    def write(self, data: bytes) -> None:
        try:
            self._opened().write(data)
        except PORT_ERRORS as error:
            raise self._gone() from error

    def write_urgent(self, data: bytes) -> None:
        port = self._opened()
        try:
            port.reset_output_buffer()
            port.write(data)
        except PORT_ERRORS as error:
            raise self._gone() from error

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(*PORT_ERRORS):
                port.close()

    def _opened(self) -> serial.Serial:
        if self._port is None:
            raise self._gone()
        return self._port


class PosixSerialLink(SerialLink):
    """A terminal device read and written by its file descriptor, without pyserial in the way.

    The lock is for closing only: a descriptor number must not be reused under `wake` or
    `write_urgent`. `read` and `write` never take it, so an emergency stop waits for nobody.
    """

    def __init__(self, settings: SerialSettings, place: SerialPlace | None = None) -> None:
        super().__init__(settings, place)
        self._closing = threading.Lock()
        self._fd = -1
        self._wake_out, self._wake_in = -1, -1
        self._poll = select.poll()

    def open(self) -> LinkFacts:
        port, facts = self._open()
        with self._closing:
            self._port = port
            self._fd = port.fileno()
            os.set_blocking(self._fd, False)
            self._wake_out, self._wake_in = os.pipe()
            os.set_blocking(self._wake_out, False)
            os.set_blocking(self._wake_in, False)
        self._poll.register(self._fd, select.POLLIN)
        self._poll.register(self._wake_out, select.POLLIN)
        return facts

    def read(self, timeout: float) -> bytes:
        fd = self._fd
        for ready, what in self._poll.poll(timeout * 1000.0):
            if ready != fd:
                os.read(ready, READ_SIZE)
            elif not what & select.POLLIN:
                raise self._gone()
            else:
                return self._read_now(fd)
        return b""

    def _read_now(self, fd: int) -> bytes:
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone() from error
        if not data:
            # End of file: a pulled USB cable reads as one.
            raise self._gone()
        return data

    def write(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        except OSError as error:
            raise self._gone() from error
        if written != len(data):
            self._write_rest(data[written:], WRITE_PATIENCE)

    def _write_rest(self, data: bytes, patience: float) -> None:
        until = time.monotonic() + patience
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while data:
            left = until - time.monotonic()
            if left <= 0 or any(what & ~select.POLLOUT for _, what in poll.poll(left * 1000.0)):
                raise self._gone()
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._gone() from error

    def write_urgent(self, data: bytes) -> None:
        with self._closing:
            if self._fd < 0:
                raise self._gone()
            with contextlib.suppress(*PORT_ERRORS):
                # What waits in the kernel would go first.
                termios.tcflush(self._fd, termios.TCOFLUSH)
            self._write_rest(data, URGENT_PATIENCE)

    def wake(self) -> None:
        with self._closing:
            if self._wake_in >= 0:
                # A full pipe wakes as well.
                with contextlib.suppress(BlockingIOError):
                    os.write(self._wake_in, b"\0")

    def close(self) -> None:
        with self._closing:
            port, self._port = self._port, None
            if port is None:
                return
            with contextlib.suppress(*PORT_ERRORS):
                # A close would wait for bytes that a dead device never takes.
                termios.tcflush(self._fd, termios.TCIOFLUSH)
            with contextlib.suppress(OSError):
                port.close()
            os.close(self._wake_out)
            os.close(self._wake_in)
            self._fd = self._wake_out = self._wake_in = -1


def serial_link(settings: SerialSettings, place: SerialPlace | None = None) -> Link:
    """The fitting link for a port on this system; not open yet.

    With a `place`, port and speed are what that says at the time of opening.
    """
    if sys.platform == "win32" or "://" in settings.port:
        return PlainSerialLink(settings, place)
    return PosixSerialLink(settings, place)
