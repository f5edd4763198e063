"""One BLE connection on its event loop: finds the device, connects, writes, and comes back."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from gotapi_printer.ble_profiles import INFORMATION, fitting, information
from gotapi_printer.link import (
    LinkBusy,
    LinkDenied,
    LinkError,
    LinkFacts,
    LinkGone,
    LinkMissing,
)

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic

READ_WAIT = 2.0  # seconds for one characteristic of the device information

log = logging.getLogger(__name__)


class BleSettings(msgspec.Struct, frozen=True):
    """How to reach one device."""

    address: str
    profile: str = ""
    """One of `ble_profiles.NAMES`; empty takes the first that fits."""
    find: float = 10.0
    """Seconds to look for the device."""
    connect: float = 20.0
    """Seconds for the connection and its services."""
    write: float = 5.0
    """Seconds a device may refuse to take one piece."""
    back: float = 10.0
    """Seconds a broken connection may take to come back, with the job going on."""


class Radio:
    """Keeps one device connected; `on_data` and `on_gone` are called on the loop."""

    def __init__(
        self,
        settings: BleSettings,
        on_data: Callable[[bytes], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._on_data = on_data
        self._on_gone = on_gone
        self._client: BleakClient | None = None
        self._to: BleakGATTCharacteristic | None = None
        self._up = asyncio.Event()
        self._writing = asyncio.Lock()
        self._closing = False
        self._returning: asyncio.Task[None] | None = None
        self.breaks = 0

    async def open(self) -> LinkFacts:
        """Connect; raises LinkError and its kinds."""
        try:
            client = await self._connect()
            return await self._facts(client)
        except BaseException:
            await self.close()
            raise

    async def write(self, data: bytes) -> None:
        """Write in pieces that the connection takes; raises LinkGone.

        What a connection that breaks meanwhile swallows, the printer asks for again by its number.
        """
        async with self._writing:
            try:
                async with asyncio.timeout(self._settings.back):
                    # Once more, since it may break again before this task goes on.
                    while not self._up.is_set():
                        await self._up.wait()
            except TimeoutError:
                raise LinkGone(self._gone()) from None
            await self._send(data)

    async def write_urgent(self, data: bytes) -> None:
        """Write past what is being written; raises LinkGone."""
        if not self._up.is_set():
            raise LinkGone(self._gone())
        await self._send(data)

    async def close(self) -> None:
        """Disconnect; a second call does nothing."""
        self._closing = True
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)
        await self._drop()

    # -- inside -------------------------------------------------------------------------------

    async def _connect(self) -> "BleakClient":
        # Late: bleak takes a tenth of a second and some megabytes, which only BLE printers need.
        from bleak import BleakClient, BleakScanner
        from bleak.exc import BleakError

        settings = self._settings
        try:
            device = await BleakScanner.find_device_by_address(settings.address, settings.find)
            if device is None:
                raise LinkMissing(
                    f"no Bluetooth device {settings.address} was found within {settings.find:g} s; "
                    "switch the printer on, and disconnect phones from it"
                )
            client = BleakClient(device, self._disconnected, timeout=settings.connect)
            await client.connect()
            self._client = client
            await self._listen(client)
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            raise explained(settings.address, error) from error
        return client

    async def _listen(self, client: "BleakClient") -> None:
        characteristics = {
            one.uuid.lower(): one for one in client.services.characteristics.values()
        }
        profile = fitting(characteristics, self._settings.profile)
        if profile is None:
            wanted = self._settings.profile or "known"
            raise LinkError(
                f"{self._settings.address} offers no serial data in a {wanted} way; it has "
                f"{', '.join(one.uuid for one in client.services) or 'no services'}"
            )
        self._to = characteristics[profile.write]
        await client.start_notify(characteristics[profile.notify], self._arrived)
        if client.is_connected:
            self._up.set()

    def _arrived(self, _: "BleakGATTCharacteristic", data: bytearray) -> None:
        self._on_data(bytes(data))

    async def _facts(self, client: "BleakClient") -> LinkFacts:
        from bleak.exc import BleakError

        values: dict[str, bytes] = {}
        for one in client.services.characteristics.values():
            if one.uuid in INFORMATION and "read" in one.properties:
                try:
                    value = await asyncio.wait_for(client.read_gatt_char(one), READ_WAIT)
                except (BleakError, TimeoutError) as error:
                    log.info("%s does not tell %s: %s", self._settings.address, one.uuid, error)
                else:
                    values[one.uuid] = bytes(value)
        known = information(values)
        known.setdefault("product", client.name)
        return msgspec.structs.replace(LinkFacts(name=self._settings.address), **known)

    async def _send(self, data: bytes) -> None:
        from bleak.exc import BleakError

        client, to = self._client, self._to
        if client is None or to is None:  # closed meanwhile
            raise LinkGone(self._gone())
        # Without response a line costs one connection interval instead of two; the printer's ok
        # tells that it arrived.
        response = "write-without-response" not in to.properties
        size = to.max_write_without_response_size
        try:
            async with asyncio.timeout(self._settings.write):
                for start in range(0, len(data), size):
                    await client.write_gatt_char(to, data[start : start + size], response)
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            if client.is_connected:
                raise LinkGone(f"{self._gone()} ({error})") from error
            log.info("%s: a line was lost with the connection", self._settings.address)

    def _disconnected(self, client: "BleakClient") -> None:
        if client is not self._client:
            return  # an earlier one, or one that never was whole
        self._up.clear()
        if not self._closing and self._returning is None:
            self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Connect again; a radio that is out of reach for a moment does not reset the board."""
        log.warning("%s: the connection broke; connecting again", self._settings.address)
        try:
            async with asyncio.timeout(self._settings.back):
                while not self._up.is_set():
                    await self._try_again()
        except TimeoutError:
            self._on_gone(self._gone())
        finally:
            self._returning = None

    async def _try_again(self) -> None:
        try:
            await self._drop()
            await self._connect()
            # Ends what stood half in the air, on both sides.
            self._on_data(b"\n")
            await self._send(b"\n")
            self.breaks += 1
        except LinkError as error:
            self._up.clear()
            log.info("%s", error)
            await asyncio.sleep(0.1)

    async def _drop(self) -> None:
        from bleak.exc import BleakError

        client, self._client = self._client, None
        self._up.clear()
        if client is not None:
            try:
                await client.disconnect()
            except (BleakError, TimeoutError, OSError, EOFError) as error:
                log.debug("%s: %s", self._settings.address, error)

    def _gone(self) -> str:
        return f"{self._settings.address} is gone; check that the printer is on and near"


def explained(address: str, error: Exception) -> LinkError:
    """The LinkError that tells what to do."""
    from bleak.exc import BleakBluetoothNotAvailableError, BleakDeviceNotFoundError

    text = str(error) or type(error).__name__
    if isinstance(error, BleakDeviceNotFoundError):
        return LinkMissing(f"there is no Bluetooth device {address}; switch the printer on")
    if isinstance(error, BleakBluetoothNotAvailableError):
        return LinkError(f"Bluetooth is not available on this computer ({error.args[0]}); turn on")
    if "AccessDenied" in text or "NotPermitted" in text:
        return LinkDenied(
            f"{address} may not be used by this user ({text}); see the system's rules"
        )
    if "InProgress" in text or "AlreadyConnected" in text:
        return LinkBusy(f"{address} is connected to something else; disconnect that ({text})")
    # A TimeoutError is an OSError.
    if isinstance(error, TimeoutError):
        return LinkError(f"{address} did not answer in time; bring it nearer and try again")
    if isinstance(error, OSError | EOFError):
        return LinkError(f"the Bluetooth service of this computer does not answer ({text})")
    return LinkError(f"{address} cannot be connected: {text}")
