"""uvicorn's WebSocket protocol, which lets the application cut a connection that is not read."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

ABORT = "gotapi.abort"  # in the scope's extensions: a function without arguments


class AbortableWebSocketProtocol(WebSocketsSansIOProtocol):
    """Adds `abort` to the scope: a plain close waits until the peer has read everything."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # the handshake was sound, so there is a scope
            extensions = self.scope["extensions"]
            if extensions is not None:
                extensions[ABORT] = self.transport.abort  # type: ignore[assignment]  # ASGI types them as dicts
