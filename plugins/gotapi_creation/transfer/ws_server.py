"""The server's end of the WebSocket file protocol, for Starlette."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gotapi_creation.transfer.channel import IDLE, next_text
from gotapi_creation.transfer.ends import offer_file, receive_file
from gotapi_creation.transfer.failures import BrokenRules, Cut, TransferError
from gotapi_creation.transfer.slots import Slot
from gotapi_creation.transfer.words import Opening, Verdict, read_opening, write
from gotapi_creation.wire.codes import CreationError

FIRST_MESSAGE: Final = 5.0  # seconds until a client must have said what it wants


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file that may be downloaded."""

    path: Path
    type: str
    sha256: str


Find = Callable[[Opening], Awaitable[Slot | Outgoing]]
"""Returns what a first message may write or read; raises TransferError."""


class ServerChannel:
    """A Starlette WebSocket as the machines see it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        """Return the next message; raises Cut."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Cut("The connection went away")
        text: str | None = message.get("text")
        data: bytes = message.get("bytes") or b""
        return data if text is None else text

    async def send(self, message: str | bytes) -> None:
        """Send a message; raises Cut."""
        try:
            if isinstance(message, str):
                await self._socket.send_text(message)
            else:
                await self._socket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise Cut("The connection went away") from error


class Desk:
    """Serves sockets; of two connections for one file the newer one wins.

    A client that lost its network comes back before the server notices, and must not find its
    file busy.
    """

    def __init__(self, find: Find, idle: float = IDLE) -> None:
        self._find = find
        self._idle = idle
        self._busy: dict[Path, asyncio.Task[None]] = {}

    async def serve(self, socket: WebSocket, find: Find | None = None) -> None:
        """Serve one connection until its file is moved or it fails; `find` as in `__init__`."""
        await socket.accept()
        channel = ServerChannel(socket)
        code = 1000
        try:
            opening = read_opening(await next_text(channel, FIRST_MESSAGE))
            await self._move(channel, opening, await (find or self._find)(opening))
        except Cut:
            code = 1001
        except CreationError as error:
            code = 1008
            with suppress(Cut):
                await channel.send(write(Verdict(int(error.code), error_message=error.message)))
        except asyncio.CancelledError:
            if not self._replaced():
                raise
            code = 1001
        await _close(socket, code)

    def _replaced(self) -> bool:
        task = asyncio.current_task()
        return task is not None and task.uncancel() == 0 and task not in self._busy.values()

    async def _move(self, channel: ServerChannel, opening: Opening, place: Slot | Outgoing) -> None:
        if isinstance(place, Outgoing):
            if opening.uploads:
                raise BrokenRules("This file can be downloaded only; leave out its size")
            size = place.path.stat().st_size
            if opening.offset > size:
                raise BrokenRules(f"The file has {size} bytes; {opening.offset} is beyond its end")
            await offer_file(
                channel, place.path, opening.offset, place.type, place.sha256, self._idle
            )
            return
        if opening.size is None:
            raise BrokenRules("Say the size of the file, in bytes")
        await self._take_over(place.path)
        task = asyncio.current_task()
        assert task is not None
        self._busy[place.path] = task
        try:
            await _received(channel, place, opening, self._idle)
        finally:
            if self._busy.get(place.path) is task:
                del self._busy[place.path]

    async def _take_over(self, path: Path) -> None:
        while (older := self._busy.pop(path, None)) is not None:
            older.cancel()
            await asyncio.wait([older])


async def _received(channel: ServerChannel, slot: Slot, opening: Opening, idle: float) -> None:
    assert opening.size is not None
    with suppress(_Told):
        try:
            await receive_file(channel, slot, opening.size, opening.sha256, idle)
        except Cut:
            raise
        except TransferError as error:  # the sender has heard of it already
            raise _Told from error


class _Told(Exception):  # noqa: N818  # never leaves this module
    """Ends a transfer whose failure the client knows."""


async def _close(socket: WebSocket, code: int) -> None:
    if socket.application_state is not WebSocketState.DISCONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            await socket.close(code)
