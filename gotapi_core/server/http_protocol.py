"""uvicorn's HTTP protocol with what it lacks: a time and a size limit for request headers.

Without them a client that never finishes its header holds its connection for ever.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

HEADER_SIZE = 64 * 1024  # bytes; nginx allows 32 KiB, Apache 8 KiB a field and 100 fields


class GuardedHttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request header is late or too large."""

    header_time = 10.0  # seconds; subclassed by `guarded` with the hub's setting

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_header = False
        self._header_bytes = 0
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it likewise
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_header:
            return
        self._header_bytes += len(data)
        if self._header_bytes > HEADER_SIZE:
            self._refuse(431, f"The request header is larger than {HEADER_SIZE} bytes.")
        elif self._header_timer is None:
            self._arm()

    def on_message_begin(self) -> None:
        self._in_header = True
        self._header_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_header = False
        self._disarm()
        super().on_headers_complete()

    def _arm(self) -> None:
        self._header_timer = self.loop.call_later(self.header_time, self._late)

    def _disarm(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _late(self) -> None:
        self._header_timer = None
        if self._in_header:
            # Never 408: Chrome silently repeats a request that was answered 408.
            self._refuse(400, f"The request header took longer than {self.header_time:g} s.")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        self._in_header = False
        self._disarm()
        if self.transport.is_closing():
            return
        body = message.encode("ascii")
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
            + b"content-length: %d\r\n\r\n" % len(body)
            + body
        )
        self.transport.close()


def guarded(header_time: float) -> type[GuardedHttpProtocol]:
    """Return the protocol class for uvicorn with a header time limit in seconds."""
    return type("GuardedHttpProtocol", (GuardedHttpProtocol,), {"header_time": header_time})
