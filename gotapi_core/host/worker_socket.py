"""A worker that connects to the hub by itself, over a WebSocket, as often as is needed."""

import asyncio
import logging

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from gotapi_core.host.loader import Loaded
from gotapi_core.host.worker_end import until_end
from gotapi_core.host.worker_session import WorkerSession
from gotapi_core.protocol.plugin_wire import MESSAGE_SIZE

log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.5  # seconds before connecting again; doubled up to
_LONGEST_PAUSE = 30.0
_LAST_FRAMES = 1.0  # seconds for what is queued at the end to be sent


async def over_websocket(loaded: Loaded, url: str, token: str) -> None:
    """Serve the plug-in to the hub at `url` until a signal ends it."""
    pause = _FIRST_PAUSE
    while True:
        try:
            async with connect(
                url, compression=None, max_size=MESSAGE_SIZE, proxy=None, close_timeout=1.0
            ) as socket:
                if await _Connection(loaded, socket, token).serve():
                    return
            pause = _FIRST_PAUSE
            log.warning("the connection to %s ended; again in %g s", url, pause)
        except (OSError, WebSocketException, TimeoutError) as error:
            log.warning("not connected to %s: %s; again in %g s", url, error, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


class _Connection:
    """One connection, with a plug-in of its own."""

    def __init__(self, loaded: Loaded, socket: ClientConnection, token: str) -> None:
        self._socket = socket
        self._session = WorkerSession(loaded, self, token)
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._closed = asyncio.Event()

    def send(self, text: bytes) -> None:
        """Queue one frame."""
        self._frames.put_nowait(text)

    async def serve(self) -> bool:
        """Speak until the end; True where a signal told the plug-in to end."""
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]
        try:
            self._session.begin()
            terminated = await until_end(self._session, self._closed)
            if not self._closed.is_set():
                await asyncio.wait_for(self._frames.join(), _LAST_FRAMES)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return terminated

    async def _write(self) -> None:
        while True:
            frame = await self._frames.get()
            await self._socket.send(frame, text=True)
            self._frames.task_done()

    async def _read(self) -> None:
        try:
            async for frame in self._socket:
                self._session.received(frame.encode() if isinstance(frame, str) else frame)
        finally:
            self._closed.set()
