"""Runs one hub behind uvicorn on sockets that are already listening."""

import asyncio
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import uvicorn

from gotapi_core.hub import Hub
from gotapi_core.server.app import App
from gotapi_core.server.http_protocol import guarded
from gotapi_core.server.ws_protocol import AbortableWebSocketProtocol

WS_MESSAGE_SIZE = 64 * 1024  # bytes; the only frame of a client is its token
GRACE = 3  # seconds that running requests get at the end


class HubServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the command and tells the hub when it stops."""

    def __init__(self, config: uvicorn.Config, app: App, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at SIGINT and SIGTERM; that is all they ask for, so do not raise them again."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # nobody new, while those who are there are told
        await self._app.close()
        await super().shutdown(sockets)


async def serve(
    hub: Hub,
    sockets: Sequence[socket.socket],
    *,
    on_ready: Callable[[App, HubServer], None] = lambda app, server: None,
) -> None:
    """Start the hub, answer until the server is told to exit, and stop the hub."""
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
        access_log=False,  # a query string holds the access token
        log_config=None,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
    server = HubServer(config, app, lambda: on_ready(app, server))
    try:
        await server.serve(sockets=list(sockets))
    finally:
        await hub.stop()
        await asyncio.sleep(0)  # lets cancelled tasks end before the loop closes
