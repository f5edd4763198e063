"""Moves the bytes between an agreed offset and the end of a file, in either direction."""

import asyncio
from typing import BinaryIO, Final

from gotapi_creation.transfer.channel import IDLE, Channel, next_message, next_text
from gotapi_creation.transfer.failures import BrokenRules, Cut, TransferError
from gotapi_creation.transfer.machine import Receiver, Sender
from gotapi_creation.transfer.slots import Filling
from gotapi_creation.transfer.words import read_offset

_BATCH: Final = 1 << 20  # bytes written at once; a thread is not worth a single frame


class _Writer:
    """Writes a batch in a thread while the next one arrives, and acknowledges what is written."""

    def __init__(self, channel: Channel, receiver: Receiver, filling: Filling) -> None:
        self._channel = channel
        self._receiver = receiver
        self._filling = filling
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._writing: asyncio.Future[None] | None = None
        self._count = 0  # bytes being written
        self.left = receiver.size - receiver.offset  # bytes that have not arrived

    async def take(self, piece: bytes) -> None:
        if len(piece) > self.left:
            raise BrokenRules("There are more bytes in the file than were announced")
        self._pieces.append(piece)
        self._waiting += len(piece)
        self.left -= len(piece)
        if self._waiting >= _BATCH:
            await self.flush()

    async def flush(self) -> None:
        """Wait for the batch before, acknowledge it, and begin to write this one."""
        await self.settle()
        data, self._pieces, self._waiting = b"".join(self._pieces), [], 0
        self._writing = asyncio.ensure_future(asyncio.to_thread(self._filling.write, data))
        self._count = len(data)

    async def settle(self) -> None:
        """Wait until nothing is being written; a thread never writes on by itself."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await asyncio.shield(writing)
            text = self._receiver.stored(self._count)
            if text is not None:
                await self._channel.send(text)

    async def keep(self) -> None:
        """Write what arrived before the connection went away; nobody can be told of it."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        await asyncio.to_thread(self._filling.write, b"".join(self._pieces))


async def fill(channel: Channel, receiver: Receiver, filling: Filling, idle: float = IDLE) -> None:
    """Take pieces until the file is whole, acknowledging what is written; raises TransferError."""
    writer = _Writer(channel, receiver, filling)
    try:
        while writer.left:
            piece = await next_message(channel, idle)
            if isinstance(piece, str):
                raise BrokenRules("Bytes of the file were expected, text came")
            await writer.take(piece)
        await writer.flush()
        await writer.settle()
    except (Cut, asyncio.CancelledError):
        await asyncio.shield(writer.keep())
        raise


async def send_body(channel: Channel, sender: Sender, file: BinaryIO, idle: float = IDLE) -> None:
    """Send what the receiver lacks and wait for its verdict; raises TransferError."""
    await asyncio.to_thread(file.seek, sender.offset)
    moved = asyncio.Event()
    listening = asyncio.ensure_future(_listen(channel, sender, moved, idle))
    try:
        while not (listening.done() or sender.whole or sender.over):
            count = sender.piece()
            if count:
                data = await asyncio.to_thread(file.read, count)
                if len(data) < count:
                    raise TransferError("The file became shorter while it was sent")
                await channel.send(data)
            else:
                await moved.wait()
                moved.clear()
        await listening
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(channel: Channel, sender: Sender, moved: asyncio.Event, idle: float) -> None:
    try:
        while not sender.over:
            sender.heard(read_offset(await next_text(channel, idle)))
            moved.set()
    finally:
        moved.set()
