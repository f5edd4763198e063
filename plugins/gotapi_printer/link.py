"""The way to a printer: bytes in and out of a cable or a radio, and what can go wrong with it."""

from abc import ABC, abstractmethod

import msgspec


class LinkError(Exception):
    """Something is wrong with a link; the text tells the user what to do."""


class LinkGone(LinkError):  # noqa: N818 - named for what happened to the cable
    """The cable was pulled, or the device switched off."""


class LinkBusy(LinkError):  # noqa: N818 - named for the state of the port
    """Another program holds the port."""


class LinkMissing(LinkError):  # noqa: N818 - named for the state of the port
    """There is no such port."""


class LinkDenied(LinkError):  # noqa: N818 - named for what the system said
    """The system does not let this user open the port."""


class LinkFacts(msgspec.Struct, frozen=True):
    """What is known about the device behind a link without talking to it."""

    name: str
    """The port's path or the device's address."""
    manufacturer: str = ""
    product: str = ""
    serial_number: str = ""
    vendor_id: int | None = None
    product_id: int | None = None
    firmware_revision: str = ""
    hardware_revision: str = ""
    software_revision: str = ""
    system_id: str = ""


class Link(ABC):
    """One connection. A link is opened once and closed once; a new try takes a new link.

    All is called by the printer's own thread but `wake` and `write_urgent`, which any thread may
    call at any time, before `open` and after `close` too.
    """

    @property
    def breaks(self) -> int:
        """How often the link broke and came back by itself; bytes may have been lost each time."""
        return 0

    def next_speed(self) -> int | None:
        """Go on at another speed, if there is one that was not tried; raises LinkGone."""
        return None

    def answered(self, *, resets: bool) -> None:  # noqa: B027 - others have nothing to remember
        """A printer is at the other end; `resets` is whether opening restarts most of its kind."""

    @abstractmethod
    def open(self) -> LinkFacts:
        """Open the link; raise LinkMissing, LinkBusy, LinkDenied or LinkError."""

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """What has arrived, waiting up to `timeout` seconds; b"" at a timeout or `wake`.

        Raises LinkGone.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Write all of `data`; raises LinkGone, also when the device takes nothing for long."""

    @abstractmethod
    def write_urgent(self, data: bytes) -> None:
        """Write past everything that waits to be sent; never waits for `write` or `read`.

        Raises LinkGone if the link is not open or takes nothing.
        """

    @abstractmethod
    def wake(self) -> None:
        """Make a `read` that waits return now, or the next one at once."""

    @abstractmethod
    def close(self) -> None:
        """Close the link; a second call does nothing."""
