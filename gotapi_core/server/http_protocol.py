"""uvicorn's HTTP protocol with what it lacks: limits on headers, on refused bodies, on silence.

Without them a client that never finishes its header, never sends the body of a refused request, or
never reads its answer holds its connection for ever.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

HEADER_SIZE = 64 * 1024  # bytes; nginx allows 32 KiB, Apache 8 KiB a field and 100 fields
_CONTINUE = b"HTTP/1.1 100 "
READ_SIZE = 256 * 1024  # bytes that asyncio reads at once
PIPELINED = 64  # requests that wait behind the one being answered; browsers send none ahead
REST_TIME = 2.0  # seconds for the rest of a body whose request was answered already


class _HeaderTooLarge(Exception):  # noqa: N818  # ends the parser's work; nobody sees it
    """Raised in a callback of the parser."""


class _TooManyWaiting(Exception):  # noqa: N818  # as above
    """Raised in a callback of the parser."""


class _Transport:
    """The transport as the requests of a connection see it.

    Head and body of an answer leave together: every send costs as much as the rest of a request.
    To close waits for a body that is still on its way: a socket closed with bytes unread resets
    the connection, and the client would lose the very answer that says why it is not wanted.
    """

    __slots__ = ("_close", "_held", "_write", "fresh", "is_closing")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self._write = transport.write
        self._close = close
        self._held = b""
        self.fresh = True  # no head of an answer has come
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        elif self.fresh and not data.startswith(_CONTINUE):
            self.fresh, self._held = False, data
            return
        self._write(data)

    def flush(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._write(data)

    def close(self) -> None:
        self.flush()
        self._close()


class GuardedHttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request header is late or too large, or whose client stalls."""

    header_time = 10.0  # seconds; subclassed by `guarded` with the hub's setting
    write_time = 30.0  # seconds that a client may leave its answer unread

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.access_log = False  # a query string holds the access token, and handlers may come
        self._in_header = False
        self._in_body = False
        self._upgraded = False
        self._piece = 0  # bytes of the piece that came last
        self._size = 0  # bytes since the header began, with what stood before it in its piece
        self._closing = False
        self._gentle: Any = None  # the _Transport of this connection
        self._timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0  # by the loop's clock
        self._keep_alive: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it likewise
        super().connection_made(transport)
        self._gentle = _Transport(transport, self._close)
        self._arm(self.header_time, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._piece = len(data)
        if self._in_header:
            self._size += self._piece
        super().data_received(data)
        if self.transport.is_closing() or self._upgraded:
            return
        # A field that never ends is seen nowhere but in the size.
        if self._in_header and (self._too_large() or self._size > HEADER_SIZE + READ_SIZE):
            self._refuse(431, _TOO_LARGE)
            return
        self._watch()

    def on_message_begin(self) -> None:
        self._disarm()
        self._in_header = True
        self._size = self._piece
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._too_large():
            raise _HeaderTooLarge
        if len(self.pipeline) >= PIPELINED:
            raise _TooManyWaiting
        self._in_header = False
        self._in_body = True
        self._disarm()
        super().on_headers_complete()
        if self.cycle is not None:  # it is not for a WebSocket
            self.cycle.transport = self._gentle

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()
        if self._closing:
            self.transport.close()
        elif not self._busy():
            self._disarm()

    def on_response_complete(self) -> None:
        self._gentle.flush()
        self._gentle.fresh = True
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self._closing:
            self.flow.resume_reading()
            return
        if self.pipeline:  # before more is read: what waits has a cycle and a scope each
            self._start_asgi_task(*self.pipeline.pop())
            return
        self.flow.resume_reading()
        # Not uvicorn's timer for each answer: making and cancelling it costs a tenth of a request.
        self._idle_since = self.loop.time()
        if self._in_header or self._in_body:
            self._watch()
        elif self._keep_alive is None:
            self._keep_alive = self.loop.call_later(self.timeout_keep_alive, self._idle)

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        self._disarm()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.write_time, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        if len(self.pipeline) >= PIPELINED:
            self.transport.abort()
        elif self._in_header and self._too_large():
            self._refuse(431, _TOO_LARGE)
        else:
            self._refuse(400, msg)

    def _close(self) -> None:
        if not self._in_body or self.transport.is_closing():
            self.transport.close()
            return
        self._closing = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._disarm()
        self._arm(REST_TIME, self.transport.abort)

    def _idle(self) -> None:
        self._keep_alive = None
        if self._busy() or self._in_header or self._in_body:
            return  # other limits hold; the next answer starts this anew
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._keep_alive = self.loop.call_later(left, self._idle)
        else:
            self.transport.abort()  # `close` would wait for a client that does not read

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _answerable(self) -> bool:
        """Tell whether the client would take an answer of ours for the one it belongs to."""
        if self._closing:
            return False
        if self._busy() and self._in_body and not self.pipeline and not self.cycle.response_started:
            self.cycle.disconnected = True  # its body is broken: nobody else may answer it
            return True
        return not self._busy()

    def _too_large(self) -> bool:
        """Tell whether the fields of the header that are there are too large together."""
        if self._size <= HEADER_SIZE:
            return False
        fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.url) + fields > HEADER_SIZE

    def _watch(self) -> None:
        """Have a timer run whenever it is the client's turn; uvicorn forgets it now and then."""
        if self._timer is not None:
            return
        if self._in_header:
            self._arm(self.header_time, self._late)
        elif self._busy():
            return  # the application's turn, or that of the body, which it reads with a limit
        elif self._in_body:
            self._arm(REST_TIME, self.transport.abort)
        elif self._keep_alive is None:
            self._idle_since = self.loop.time()
            self._keep_alive = self.loop.call_later(self.timeout_keep_alive, self._idle)

    def _arm(self, seconds: float, what: Callable[[], None]) -> None:
        self._timer = self.loop.call_later(seconds, what)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._in_header:
            # Never 408: Chrome silently repeats a request that was answered 408.
            self._refuse(400, f"The request header took longer than {self.header_time:g} s.")
        else:
            self.transport.abort()

    def _refuse(self, status: int, message: str) -> None:
        self._in_header = False
        self._disarm()
        if self.transport.is_closing():
            return
        if self._answerable():
            body = message.encode("ascii")
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
        self.transport.close()


_TOO_LARGE = f"The request header is larger than {HEADER_SIZE} bytes."


def guarded(header_time: float) -> type[GuardedHttpProtocol]:
    """Return the protocol class for uvicorn with a header time limit in seconds."""
    return type("GuardedHttpProtocol", (GuardedHttpProtocol,), {"header_time": header_time})
