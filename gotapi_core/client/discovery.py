"""Finds hubs on the local network by multicast DNS."""

import asyncio
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from gotapi_core.client.errors import HubUnreachable
from gotapi_core.protocol.announcement import SERVICE_TYPE, Announcement, parse_announcement
from gotapi_core.protocol.reach import in_url, lan_address

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

SECONDS: Final = 3.0
MAX_HUBS: Final = 100  # anybody on the network can announce as many as they like
_RESOLVE: Final = 2000  # milliseconds for one hub's record


class FoundHub(msgspec.Struct, frozen=True):
    """A hub that was announced; what it says has to be proved by its TLS handshake."""

    url: str
    name: str
    version: str
    fingerprint: str
    urls: tuple[str, ...]


async def discover(seconds: float = SECONDS, interfaces: Sequence[str] = ()) -> list[FoundHub]:
    """Return the hubs that announce themselves within some seconds, by name.

    `interfaces` are addresses of this machine to ask from, all of them by default. Raises
    HubUnreachable where multicast does not work.
    """
    from zeroconf import DNSQuestionType, ServiceStateChange  # late: 0.2 s
    from zeroconf.asyncio import AsyncServiceBrowser

    names: dict[str, None] = {}

    def heard(name: str, state_change: ServiceStateChange, **_: object) -> None:
        if state_change is ServiceStateChange.Removed:
            names.pop(name, None)
        elif len(names) < MAX_HUBS:
            names[name] = None

    asking = _open(interfaces)
    try:
        browser = AsyncServiceBrowser(
            asking.zeroconf,
            SERVICE_TYPE,
            handlers=[heard],
            # An answer to one asker would reach whichever program of this machine shares the port.
            question_type=DNSQuestionType.QM,
        )
        await asyncio.sleep(seconds)  # an answer may come from anybody until then
        found = await asyncio.gather(*(_resolve(asking, name) for name in names))
        await browser.async_cancel()
    finally:
        await asking.async_close()
    return sorted((hub for hub in found if hub is not None), key=lambda hub: hub.name)


def _open(interfaces: Sequence[str]) -> "AsyncZeroconf":
    """Return what asks over IPv6 and IPv4, or over one of them where the other does not work."""
    from zeroconf import Error, InterfaceChoice, IPVersion
    from zeroconf.asyncio import AsyncZeroconf

    problem: Exception | None = None
    for version in (IPVersion.All, IPVersion.V4Only, IPVersion.V6Only):
        try:
            _check(interfaces)
            return AsyncZeroconf(
                interfaces=list(interfaces) or InterfaceChoice.All, ip_version=version
            )
        except (OSError, RuntimeError, Error) as error:
            problem = problem or error
    raise HubUnreachable(f"Multicast DNS does not work here: {problem}") from problem


def _check(interfaces: Sequence[str]) -> None:
    """Raise OSError for an address that is not this machine's; zeroconf finds out too late."""
    for address in interfaces:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))


async def _resolve(asking: "AsyncZeroconf", name: str) -> FoundHub | None:
    from zeroconf import DNSQuestionType
    from zeroconf.asyncio import AsyncServiceInfo

    information = AsyncServiceInfo(SERVICE_TYPE, name)
    if not await information.async_request(asking.zeroconf, _RESOLVE, DNSQuestionType.QM):
        return None
    said = parse_announcement(name, information.properties)
    return None if said is None else _found(said, information.parsed_addresses())


def _found(said: Announcement, addresses: Sequence[str]) -> FoundHub | None:
    """Return a hub with its addresses; those that are no local network's are not believed."""
    known = [one for one in addresses if lan_address(one) is not None]
    urls = tuple(f"https://{in_url(one)}:{said.port}" for one in known)
    if not urls:
        return None
    return FoundHub(urls[0], said.name, said.version, said.fingerprint, urls)
