"""The TLS door: its sockets, its certificate and its announcement, as the addresses come and go."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from gotapi_core.paths import Paths
from gotapi_core.protocol.reach import LOOPBACK, in_url, local_name
from gotapi_core.server.accept import Acceptor, Crowd, Factory
from gotapi_core.server.doors import Doors
from gotapi_core.server.listen import PortTaken, listen_at
from gotapi_core.settings import Settings
from gotapi_core.tls.addresses import chosen_addresses, lan_addresses, machine_name, names_here
from gotapi_core.tls.context import load, server_context
from gotapi_core.tls.failures import TlsError
from gotapi_core.tls.keeper import Identity, Keeper

if TYPE_CHECKING:
    from gotapi_core.server.announce import Announcer

LOOK_EVERY: Final = 30.0  # seconds between two looks at addresses, certificate and its file
_OTHER_PORT: Final = "gotapi run --tls --set tls.port=4136"

log = logging.getLogger(__name__)


class SecureDoor:
    """One hub's TLS listeners; `prepare`, then `open` in the event loop, `close` at the end."""

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        clock: Callable[[], float],
        *,
        addresses: Callable[[], tuple[str, ...]] = lan_addresses,
    ) -> None:
        self._tls = settings.tls
        self._more = frozenset(filter(None, map(local_name, settings.server.names)))
        self._keeper = Keeper(paths.data)
        self._clock = clock
        self._here = addresses
        self._sockets: dict[str, socket.socket] = {}
        self._refused: set[str] = set()
        self._acceptor: Acceptor | None = None
        self._doors: Doors | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._announcer: Announcer | None = None
        self._lock = asyncio.Lock()

    @property
    def port(self) -> int:
        """The port that all listeners have."""
        return self._port

    @property
    def url(self) -> str:
        """Where it answers on this machine."""
        return f"https://localhost:{self.port}"

    @property
    def lan_urls(self) -> tuple[str, ...]:
        """Where it answers on local networks."""
        bound = (one for one in self._sockets if one not in LOOPBACK)
        return tuple(f"https://{in_url(one)}:{self.port}" for one in bound)

    @property
    def identity(self) -> Identity:
        """What it shows of itself."""
        return self._identity

    def prepare(self) -> None:
        """Make the certificate and bind the addresses.

        Raises TlsError, PortTaken, or OSError where an address cannot be bound.
        """
        self._instance = self._keeper.instance()
        wanted = self._wanted()
        self._identity = self._keeper.ensure(self._names(wanted), self._clock())
        self._context = server_context(self._keeper.server_file)
        for bound in listen_at((*LOOPBACK, *wanted), self._tls.port, _OTHER_PORT):
            self._sockets[bound.getsockname()[0]] = bound
        self._port: int = self._sockets[LOOPBACK[0]].getsockname()[1]

    def open(self, factory: Factory, crowd: Crowd, doors: Doors) -> None:
        """Answer with a protocol from the factory; `doors` is told the names.

        `crowd` tells how many connections an address has.
        """
        self._doors = doors
        self._acceptor = Acceptor(factory, crowd, self._context, self._tls.handshake_time)
        for bound in self._sockets.values():
            self._acceptor.add(bound)
        self._tell()
        if self._tls.lan and self._tls.announce:
            from gotapi_core.server.announce import Announcer  # late: most hubs do without

            self._announcer = Announcer(self._instance, self.port)
        self._watcher = asyncio.create_task(self._watch(), name="TLS addresses and certificate")

    async def look(self) -> None:
        """Follow what changed: addresses, the machine's name, the time, the certificate's file."""
        async with self._lock:
            wanted = await asyncio.to_thread(self._wanted)
            self._follow(wanted)
            names = self._names(tuple(self._sockets))
            found = await asyncio.to_thread(self._keeper.ensure, names, self._clock())
            if found.serial != self._identity.serial:
                load(self._context, self._keeper.server_file)
                log.info("a new server certificate is in use")
            self._identity = found
            self._tell()
            if self._announcer is not None:
                lan = tuple(one for one in self._sockets if one not in LOOPBACK)
                await self._announcer.announce(lan, found.fingerprint)

    def stop_listening(self) -> None:
        """Let nobody new in."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._acceptor is not None:
            self._acceptor.stop()

    async def close(self) -> None:
        """Take the announcement back and close the listeners."""
        self.stop_listening()
        if self._watcher is not None:
            await asyncio.gather(self._watcher, return_exceptions=True)
        if self._acceptor is not None:
            await self._acceptor.close()
        if self._announcer is not None:
            await self._announcer.close()
        self.release()

    def release(self) -> None:
        """Close the sockets, where the door was not opened."""
        for bound in self._sockets.values():
            bound.close()

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except (TlsError, OSError) as error:
                log.error("the TLS door goes on as it was: %s", error)
            await asyncio.sleep(LOOK_EVERY)

    def _follow(self, wanted: tuple[str, ...]) -> None:
        assert self._acceptor is not None
        for address in set(self._sockets) - {*LOOPBACK, *wanted}:
            log.info("this machine has left %s", address)
            self._acceptor.remove(self._sockets.pop(address))
        self._refused &= set(wanted)
        for address in wanted:
            if address not in self._sockets:
                self._bind(address, self._acceptor)

    def _bind(self, address: str, acceptor: Acceptor) -> None:
        try:
            [bound] = listen_at((address,), self.port)
        except (PortTaken, OSError) as error:
            if address not in self._refused:  # said once, tried again at each look
                log.warning("the hub cannot answer on %s: %s", address, error)
            self._refused.add(address)
            return
        self._sockets[address] = bound
        acceptor.add(bound)
        log.info("the hub answers on %s", address)

    def _wanted(self) -> tuple[str, ...]:
        return chosen_addresses(self._tls, self._here()) if self._tls.lan else ()

    def _names(self, addresses: Iterable[str]) -> frozenset[str]:
        """Return what the certificate is for; on this machine alone it tells no address."""
        announced = {f"{self._instance}.local"} if self._tls.lan else set()
        return names_here(self._more | announced | set(addresses))

    def _tell(self) -> None:
        """Tell the doors what the hub is called on the network."""
        assert self._doors is not None
        if not self._tls.lan:
            return
        names = {in_url(one) for one in self._sockets} | {f"{self._instance}.local"}
        self._doors.lan_names = frozenset(names | {machine_name() or "localhost"})
