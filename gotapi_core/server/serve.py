"""Runs one hub behind uvicorn on sockets that are already listening."""

import asyncio
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from gotapi_core.hub import Hub
from gotapi_core.server.app import App
from gotapi_core.server.http_protocol import guarded
from gotapi_core.server.ws_protocol import AbortableWebSocketProtocol

if TYPE_CHECKING:
    from gotapi_core.server.secure import SecureDoor

WS_MESSAGE_SIZE = 64 * 1024  # bytes; the only frame of a client is its token
GRACE = 3  # seconds that running requests get at the end


class HubServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the command and tells the hub when it stops."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: App,
        on_ready: Callable[[], None],
        door: "SecureDoor | None" = None,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._door = door
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at SIGINT and SIGTERM; that is all they ask for, so do not raise them again."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    def stop(self) -> None:
        """Begin to stop, as at a signal."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._door is not None:
            self._door.open(self._protocol, self._crowd, self._app.doors)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # nobody new, while those who are there are told
        if self._door is not None:
            self._door.stop_listening()
        await self._app.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        """Return what serves one connection, as uvicorn makes it for its own sockets."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # uvicorn types it as any protocol
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _crowd(self, address: str) -> int:
        """Return how many connections an address has."""
        clients = (getattr(one, "client", None) for one in self.server_state.connections)
        return sum(client is not None and client[0] == address for client in clients)


async def serve(
    hub: Hub,
    sockets: Sequence[socket.socket],
    *,
    door: "SecureDoor | None" = None,
    on_ready: Callable[[App, HubServer], None] = lambda app, server: None,
) -> None:
    """Start the hub, answer until the server is told to exit, and stop the hub.

    `door` is the TLS door, prepared, where the hub has one.
    """
    await hub.start()
    app = App(hub)
    config = uvicorn.Config(
        app,
        http=guarded(hub.settings.server.header_time),
        ws=AbortableWebSocketProtocol,
        ws_max_size=WS_MESSAGE_SIZE,
        ws_per_message_deflate=False,  # 26 KB a socket instead of 121
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        lifespan="off",
        proxy_headers=False,  # or any program here could say that it is another machine, or TLS
        access_log=False,  # a query string holds the access token
        log_config=None,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
    server = HubServer(config, app, lambda: on_ready(app, server), door)
    app.request_stop = server.stop
    try:
        await app.open()
        await server.serve(sockets=list(sockets))
    finally:
        if door is not None:
            await door.close()
        await hub.stop()
        await asyncio.sleep(0)  # lets cancelled tasks end before the loop closes
