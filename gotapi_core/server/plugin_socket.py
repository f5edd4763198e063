"""`/gotapi/plugin`: where plug-ins that run by themselves connect and speak GotAPI-4."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from gotapi_core.host.conversation import RefusedStart
from gotapi_core.host.port_websocket import SocketChannel
from gotapi_core.hub import Hub
from gotapi_core.protocol.peer import Peer, Side
from gotapi_core.protocol.plugin_wire import Bye, Hello, RemoteError, encode, from_plugin
from gotapi_core.server.asgi import Headers, Receive, Send
from gotapi_core.server.ws_protocol import PLUGIN_PATH as PATH

__all__ = ["PATH", "PluginSockets"]

log = logging.getLogger(__name__)

HELLO_TIME = 5.0  # seconds until `hello` must have come
MOST = 64  # sockets that are open at once, those that have not said hello yet included


class PluginSockets:
    """All WebSockets of plug-ins."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: set[_Connection] = set()

    async def serve(
        self, headers: Headers, receive: Receive, send: Send, abort: Callable[[], None]
    ) -> None:
        """Serve one WebSocket until it ends."""
        await receive()  # websocket.connect
        # Every browser names the page's origin, so this is no page, whatever it knows.
        if "origin" in headers or len(self._open) >= MOST:
            log.info("a WebSocket to %s was refused", PATH)
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        await send({"type": "websocket.accept"})
        connection = _Connection(self._hub, receive, send, abort)
        self._open.add(connection)
        try:
            await connection.serve()
        finally:
            self._open.discard(connection)


class _Connection(SocketChannel):
    """One plug-in's WebSocket."""

    def __init__(self, hub: Hub, receive: Receive, send: Send, abort: Callable[[], None]) -> None:
        super().__init__()
        self._hub = hub
        self._receive = receive
        self._send = send
        self._abort = abort
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._reason = "closed its WebSocket"

    def send(self, text: bytes) -> None:
        self._queue.append(text)
        self._queued += len(text)
        self._empty.clear()
        self._wake.set()

    @property
    def waiting(self) -> int:
        return self._queued

    def cut(self) -> None:
        # Not in the same turn: the fault that explains it may still be written.
        asyncio.get_running_loop().call_later(0.1, self._abort)

    async def serve(self) -> None:
        """Read until the plug-in goes."""
        writer = asyncio.create_task(self._write())
        starting: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(HELLO_TIME):
                first = await self._next()
            if first is not None:
                starting = asyncio.create_task(self._start(first))
                while (text := await self._next()) is not None:
                    self.feed(text)
        except TimeoutError:
            await self._refuse("'hello' did not come in time")
        finally:
            self.ended(self._reason)
            writer.cancel()
            tasks = [writer] if starting is None else [writer, starting]
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start(self, first: bytes) -> None:
        try:
            hello = from_plugin(first)
            Peer(Side.HUB).receive(first)  # nothing but hello may come first
            if not isinstance(hello, Hello):
                raise RemoteError("the first message must be 'hello'")
            self.feed(first)
            await self._hub.socket_plugins.attach(hello, self)
        except (RemoteError, RefusedStart) as error:
            await self._refuse(str(error))

    async def _refuse(self, reason: str) -> None:
        log.warning("a plug-in on a WebSocket was refused: %s", reason)
        self.send(encode(Bye(reason[:4000], error=True)))
        await self._drained()
        await self._send({"type": "websocket.close", "code": 1008, "reason": "see bye"})

    async def _drained(self) -> None:
        while self._queue:
            await self._empty.wait()

    async def _next(self) -> bytes | None:
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        text: str | None = message.get("text")
        return message.get("bytes", b"") if text is None else text.encode()

    async def _write(self) -> None:
        while True:
            self._wake.clear()
            while self._queue:
                text = self._queue[0]
                await self._send({"type": "websocket.send", "text": text.decode()})
                self._queue.popleft()
                self._queued -= len(text)
            self._empty.set()
            await self._wake.wait()
