"""Announcements by multicast DNS, both ends real, over the loopback interface."""

import asyncio
import getpass
import socket

import pytest
from zeroconf import IPVersion, ServiceInfo, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from gotapi_core import __version__
from gotapi_core.client import HubUnreachable, discovery
from gotapi_core.client.discovery import FoundHub, discover
from gotapi_core.protocol.announcement import SERVICE_TYPE
from gotapi_core.server.announce import Announcer

KEY = "cd" * 32
HERE = ("127.0.0.1",)
DEADLINE = 9.0


@pytest.fixture
def listener():
    """What another machine would hear: instance -> "there" or "gone", as it changes."""

    class Listener:
        def __init__(self) -> None:
            self.heard: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()
            self.asking = AsyncZeroconf(interfaces=list(HERE), ip_version=IPVersion.V4Only)
            self.browser = AsyncServiceBrowser(
                self.asking.zeroconf, SERVICE_TYPE, handlers=[self.hear]
            )

        def hear(self, name: str, state_change: ServiceStateChange, **_: object) -> None:
            self.heard.put_nowait((name, state_change))

        async def wait(self, name: str, change: ServiceStateChange) -> None:
            async with asyncio.timeout(DEADLINE):
                while await self.heard.get() != (f"{name}.{SERVICE_TYPE}", change):
                    continue

        async def record(self, name: str) -> AsyncServiceInfo:
            found = AsyncServiceInfo(SERVICE_TYPE, f"{name}.{SERVICE_TYPE}")
            assert await found.async_request(self.asking.zeroconf, 3000)
            return found

        async def __aenter__(self) -> "Listener":
            return self

        async def __aexit__(self, *_: object) -> None:
            await self.browser.async_cancel()
            await self.asking.async_close()

    return Listener


async def test_a_hub_is_announced_and_taken_back(listener) -> None:
    announcer = Announcer("gotapi-hub-0000aaaa", 4036)
    async with listener() as ear:
        await announcer.announce(HERE, KEY)
        await ear.wait("gotapi-hub-0000aaaa", ServiceStateChange.Added)
        record = await ear.record("gotapi-hub-0000aaaa")
        assert record.port == 4036
        assert record.parsed_addresses() == ["127.0.0.1"]
        assert record.decoded_properties == {"version": __version__, "tls": "4036", "fp": KEY}
        await announcer.close()
        await ear.wait("gotapi-hub-0000aaaa", ServiceStateChange.Removed)


async def test_it_names_neither_the_machine_nor_its_user(listener) -> None:
    announcer = Announcer("gotapi-hub-0000bbbb", 4036)
    async with listener() as ear:
        await announcer.announce(HERE, KEY)
        record = await ear.record("gotapi-hub-0000bbbb")
        await announcer.close()
        assert record.server == "gotapi-hub-0000bbbb.local."
        said = f"{record.name} {record.server} {record.decoded_properties}"
        assert socket.gethostname() not in said.replace("gotapi-hub-0000bbbb", "")
        assert getpass.getuser() not in said


async def test_the_same_again_changes_nothing_and_no_address_takes_it_back(listener) -> None:
    announcer = Announcer("gotapi-hub-0000cccc", 4036)
    async with listener() as ear:
        await announcer.announce(HERE, KEY)
        first = announcer._zeroconf
        await announcer.announce(HERE, KEY)
        assert announcer._zeroconf is first
        await ear.wait("gotapi-hub-0000cccc", ServiceStateChange.Added)
        await announcer.announce((), KEY)
        assert announcer._zeroconf is None
        await ear.wait("gotapi-hub-0000cccc", ServiceStateChange.Removed)
        await announcer.close()


async def test_where_multicast_does_not_work_the_hub_goes_on(caplog, monkeypatch) -> None:
    def fail(**_: object) -> None:
        raise OSError("No such device")

    monkeypatch.setattr("gotapi_core.server.announce.AsyncZeroconf", fail)
    announcer = Announcer("gotapi-hub-0000dddd", 4036)
    await announcer.announce(HERE, KEY)
    assert "not announced" in caplog.text
    assert announcer._zeroconf is None


async def test_a_hub_on_the_network_is_announced_by_itself(tls_hub, listener) -> None:
    async with listener() as ear:
        async with tls_hub(lan=True, here=lambda: ("127.0.0.7",)) as live:
            name = live.door._instance
            await ear.wait(name, ServiceStateChange.Added)
            record = await ear.record(name)
            assert record.decoded_properties["fp"] == live.door.identity.fingerprint
            assert record.port == live.door.port
            assert f"{name}.local" in live.door.identity.names
        await ear.wait(name, ServiceStateChange.Removed)


@pytest.mark.parametrize("tls", [{}, {"lan": True, "announce": False}])
async def test_one_that_is_not_asked_to_is_silent(tls_hub, tls) -> None:
    async with tls_hub(here=lambda: ("127.0.0.7",), **tls) as live:
        await live.door.look()
        assert live.door._announcer is None


async def test_discover_finds_hubs_and_only_hubs(monkeypatch) -> None:
    monkeypatch.setattr(discovery, "lan_address", lambda text: text)  # loopback, for once
    announcer = Announcer("gotapi-hub-0000eeee", 4036)
    other = AsyncZeroconf(interfaces=list(HERE), ip_version=IPVersion.V4Only)
    odd = ServiceInfo(
        SERVICE_TYPE, f"not-a-hub.{SERVICE_TYPE}", port=1, properties={"tls": "x"},
        server="x.local.", parsed_addresses=list(HERE),
    )  # fmt: skip
    try:
        await announcer.announce(HERE, KEY)
        await (await other.async_register_service(odd))
        found = [
            hub for hub in await discover(2.5, HERE) if hub.name.endswith(("0000eeee", "-a-hub"))
        ]
        url = "https://127.0.0.1:4036"
        assert found == [FoundHub(url, "gotapi-hub-0000eeee", __version__, KEY, (url,))]
    finally:
        await announcer.close()
        await other.async_close()


async def test_an_announced_address_of_the_internet_is_not_believed() -> None:
    announcer = Announcer("gotapi-hub-0000ffff", 4036)
    await announcer.announce(HERE, KEY)
    try:
        names = {hub.name for hub in await discover(2.5, HERE)}
        assert "gotapi-hub-0000ffff" not in names  # nor loopback: that would be the reader itself
    finally:
        await announcer.close()


async def test_no_multicast_at_all_is_said() -> None:
    with pytest.raises(HubUnreachable, match="Multicast DNS does not work here"):
        await discover(0.1, ["10.255.255.1"])
