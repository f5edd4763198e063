"""Announces the hub on the local network by multicast DNS, under a name that tells nothing."""

import asyncio
import logging
from typing import Final

from zeroconf import Error as ZeroconfError
from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from gotapi_core import __version__
from gotapi_core.protocol.announcement import SERVICE_TYPE, Announcement

TIME: Final = 5.0  # seconds to announce, or to take an announcement back

log = logging.getLogger(__name__)


class Announcer:
    """Keeps one announcement true; what fails here is logged and harms nothing else."""

    def __init__(self, name: str, port: int) -> None:
        self._name = name
        self._port = port
        self._current: tuple[tuple[str, ...], str] = ((), "")
        self._zeroconf: AsyncZeroconf | None = None

    async def announce(self, addresses: tuple[str, ...], fingerprint: str) -> None:
        """Announce the hub on these addresses; a repeated call with the same changes nothing."""
        if (addresses, fingerprint) == self._current:
            return
        await self.close()
        if not addresses:
            return
        try:
            async with asyncio.timeout(TIME):
                self._zeroconf = AsyncZeroconf(
                    interfaces=list(addresses), ip_version=_version(addresses)
                )
                found = self._information(addresses, fingerprint)
                await (await self._zeroconf.async_register_service(found))
        except (OSError, TimeoutError, ZeroconfError) as error:
            log.warning("the hub is not announced on the network: %r", error)
            await self.close()
        else:
            self._current = (addresses, fingerprint)

    async def close(self) -> None:
        """Take the announcement back."""
        zeroconf, self._zeroconf, self._current = self._zeroconf, None, ((), "")
        if zeroconf is None:
            return
        try:
            async with asyncio.timeout(TIME):
                await zeroconf.async_unregister_all_services()
                await zeroconf.async_close()
        except (OSError, TimeoutError, ZeroconfError) as error:
            log.warning("the announcement was not taken back: %r", error)

    def _information(self, addresses: tuple[str, ...], fingerprint: str) -> ServiceInfo:
        said = Announcement(self._name, __version__, self._port, fingerprint)
        return ServiceInfo(
            SERVICE_TYPE,
            f"{said.name}.{SERVICE_TYPE}",
            port=said.port,
            properties=said.txt(),
            server=f"{said.host}.",  # not the machine's own name
            parsed_addresses=list(addresses),
        )


def _version(addresses: tuple[str, ...]) -> IPVersion:
    versions = {":" in address for address in addresses}
    if len(versions) > 1:
        return IPVersion.All
    return IPVersion.V6Only if True in versions else IPVersion.V4Only
