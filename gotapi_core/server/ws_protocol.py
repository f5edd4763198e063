"""uvicorn's WebSocket protocol, made to forget what it must not tell, and to cut who stalls."""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request

from gotapi_core.protocol.plugin_wire import MESSAGE_SIZE

PLUGIN_PATH = "/gotapi/plugin"  # where plug-ins connect, whose messages may be larger
ABORT = "gotapi.abort"  # in the scope's extensions: a function without arguments


class AbortableWebSocketProtocol(WebSocketsSansIOProtocol):
    """Adds `abort` to the scope: a plain close waits until the peer has read everything."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn.debug = False  # it would log every frame, and so the access token

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # the handshake was sound, so there is a scope
            # uvicorn logs the path with its query, where a client may have put its token.
            self.scope["query_string"] = b""
            if self.scope["path"] == PLUGIN_PATH:
                self.conn.max_message_size = MESSAGE_SIZE
            extensions = self.scope["extensions"]
            if extensions is not None:
                extensions[ABORT] = self.transport.abort  # type: ignore[assignment]  # ASGI types them as dicts

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # it answers nothing, so it will not read the close frame either
