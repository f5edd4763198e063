"""The client's end of the WebSocket file protocol: sends and fetches, and goes on after a cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from gotapi_creation.transfer.bodies import fill, send_body
from gotapi_creation.transfer.channel import IDLE, next_text
from gotapi_creation.transfer.ends import hash_of
from gotapi_creation.transfer.failures import BrokenRules, Cut, TransferError
from gotapi_creation.transfer.machine import Receiver, Sender, refused
from gotapi_creation.transfer.slots import Filling, Slot
from gotapi_creation.transfer.words import (
    MESSAGE_BYTES,
    Opening,
    Verdict,
    read_offer,
    read_offset,
    write,
)

TRIES: Final = 5  # connections in a row that brought no byte further
_CONNECT: Final = 10.0  # seconds
_PAUSES: Final = (0.1, 0.5, 1.0, 2.0)  # seconds between two tries

Progress = Callable[[int, int], None]
"""Called with the bytes the other side has, and the size."""


class ClientChannel:
    """A connection of the websockets library as the machines see it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> str | bytes:
        """Return the next message; raises Cut."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise Cut("The connection went away") from error

    async def send(self, message: str | bytes) -> None:
        """Send a message; raises Cut."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise Cut("The connection went away") from error


async def upload(
    url: str,
    opening: Opening,
    path: Path,
    *,
    progress: Progress | None = None,
    tries: int = TRIES,
    idle: float = IDLE,
) -> str:
    """Send a file to a WebSocket address; returns its hash.

    What the receiver acknowledged is never sent again. Raises TransferError, and OSError where the
    file cannot be read.
    """
    size, sha256 = await asyncio.to_thread(hash_of, path)
    whole = msgspec.structs.replace(opening, size=size, sha256=sha256)

    async def once(channel: ClientChannel, reached: Callable[[int], None]) -> None:
        await channel.send(write(whole))
        message = read_offset(await next_text(channel, idle))
        if isinstance(message, Verdict):
            raise refused(message)
        sender = Sender()
        sender.begin(size, message.offset)
        reached(message.offset)
        with path.open("rb") as file:
            try:
                await send_body(channel, sender, file, idle)
            finally:
                reached(sender.acknowledged)

    await _until_done(url, once, tries, lambda have: progress and progress(have, size))
    return sha256


async def download(
    url: str,
    opening: Opening,
    slot: Slot,
    *,
    progress: Progress | None = None,
    tries: int = TRIES,
    idle: float = IDLE,
) -> str:
    """Fetch a file from a WebSocket address into a slot, going on where it was; returns its hash.

    Raises TransferError.
    """
    found = ""

    async def once(channel: ClientChannel, reached: Callable[[int], None]) -> None:
        nonlocal found
        with await asyncio.to_thread(Filling, slot) as filling:
            await channel.send(write(msgspec.structs.replace(opening, offset=filling.offset)))
            offer = read_offer(await next_text(channel, idle))
            if isinstance(offer, Verdict):
                raise refused(offer)
            if offer.offset != filling.offset:
                raise BrokenRules(f"{filling.offset} was asked for, {offer.offset} was offered")
            receiver = Receiver()
            receiver.begin(offer.size, offer.offset, slot.limit)
            await asyncio.to_thread(filling.need, offer.size)
            try:
                await fill(channel, receiver, filling, idle)
            finally:
                reached(filling.offset)
                if progress is not None:
                    progress(filling.offset, offer.size)
            try:
                found = await asyncio.to_thread(filling.finish, offer.sha256)
            except TransferError as error:
                await channel.send(receiver.bad(error))
                raise
            await channel.send(receiver.good(found))

    await _until_done(url, once, tries, lambda _: None)
    return found


async def _until_done(
    url: str,
    once: Callable[[ClientChannel, Callable[[int], None]], Awaitable[None]],
    tries: int,
    tell: Callable[[int], None],
) -> None:
    """Connect until it is done; only connections in a row that bring nothing are counted."""
    furthest, failed = -1, 0

    def reached(offset: int) -> None:
        nonlocal furthest, failed
        if offset > furthest:
            furthest, failed = offset, 0
            tell(offset)

    while True:
        try:
            async with _connected(url) as channel:
                await once(channel, reached)
            return
        except Cut:
            failed += 1
            if failed >= tries:
                raise
        await asyncio.sleep(_PAUSES[min(failed - 1, len(_PAUSES) - 1)])


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[ClientChannel]:
    try:
        connection = await connect(
            url,
            compression=None,  # with deflate 27 instead of 146 MB/s; pictures are packed already
            max_size=MESSAGE_BYTES,
            open_timeout=_CONNECT,
            close_timeout=2.0,
            proxy=None,
        )
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise Cut(f"Nobody answers at {_shown(url)}: {error or 'no answer in time'}") from error
    except InvalidURI as error:
        raise BrokenRules(f"{_shown(url)} is no WebSocket address") from error
    try:
        yield ClientChannel(connection)
    finally:
        await connection.close()


def _shown(url: str) -> str:
    """Return an address without its query, which may hold a token."""
    return url.partition("?")[0][:200]
