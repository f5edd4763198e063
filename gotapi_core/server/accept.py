"""Takes connections of the TLS door: few at once from each other machine, handshakes in time.

asyncio's own servers take whoever comes; one machine of the network could then use up the hub's
file descriptors, and with them the door that this machine's own programs use.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Final

from gotapi_core.protocol.reach import local_address

HALF_OPEN: Final = 32  # handshakes at once from one other machine
CONNECTIONS: Final = 128  # connections at once from one; a browser has 6, an application 16 sockets
SHUTDOWN_TIME: Final = 1.0  # seconds a client gets to close its side of TLS
_PAUSE: Final = 0.2  # seconds, where the system has no descriptor left

log = logging.getLogger(__name__)

Factory = Callable[[], asyncio.Protocol]
Crowd = Callable[[str], int]


class Acceptor:
    """Serves listening sockets with one TLS context; `crowd` counts an address' connections."""

    def __init__(
        self, factory: Factory, crowd: Crowd, context: ssl.SSLContext, handshake_time: float
    ) -> None:
        self._factory = factory
        self._crowd = crowd
        self._context = context
        self._handshake_time = handshake_time
        self._listening: dict[socket.socket, asyncio.Task[None]] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._half_open: Counter[str] = Counter()

    def add(self, listener: socket.socket) -> None:
        """Take connections from a listening socket."""
        self._listening[listener] = asyncio.create_task(self._run(listener), name="TLS door")

    def remove(self, listener: socket.socket) -> None:
        """Take no more from it, and close it; those that are there stay."""
        self._listening.pop(listener).cancel()
        listener.close()

    async def close(self) -> None:
        """Take no more from anywhere, and give unfinished handshakes up."""
        self.stop()
        tasks = [*self._listening.values(), *self._handshakes]
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """As `close`, without waiting for its end."""
        for task in (*self._listening.values(), *self._handshakes):
            task.cancel()

    async def _run(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(listener)
            except OSError as error:  # no descriptor left, or the client has gone again
                log.warning("a connection could not be taken: %s", error)
                await asyncio.sleep(_PAUSE)
                continue
            address = _plain(peer[0])
            if self._full(address):
                accepted.close()
                continue
            self._half_open[address] += 1
            task = loop.create_task(self._shake_hands(accepted, address))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    def _full(self, address: str) -> bool:
        found = local_address(address)
        if found is not None and found.is_loopback:
            return False  # whoever is on this machine has other ways
        return self._half_open[address] >= HALF_OPEN or self._crowd(address) >= CONNECTIONS

    async def _shake_hands(self, accepted: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._factory,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._handshake_time,
                ssl_shutdown_timeout=SHUTDOWN_TIME,
            )
        except OSError as error:  # SSLError is one: not TLS, or a client that does not trust us
            log.debug("a handshake with %s failed: %s", address, error)
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise
        finally:
            self._half_open[address] -= 1
            if not self._half_open[address]:
                del self._half_open[address]


def _plain(address: str) -> str:
    """Return an address without the interface of a link-local one."""
    return address.partition("%")[0]
