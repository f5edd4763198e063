"""One file over one connection, from the first offset to the verdict."""

import asyncio
import hashlib
import os
from pathlib import Path

from gotapi_creation.transfer.bodies import fill, send_body
from gotapi_creation.transfer.channel import IDLE, Channel
from gotapi_creation.transfer.failures import Cut, TransferError
from gotapi_creation.transfer.machine import Receiver, Sender
from gotapi_creation.transfer.slots import Filling, Slot


async def receive_file(
    channel: Channel, slot: Slot, size: int, sha256: str, idle: float = IDLE
) -> str:
    """Take a file into its slot, telling the offset first; returns its hash.

    A failure is told to the sender, then raised; after Cut the slot keeps what arrived.
    """
    receiver = Receiver()
    try:
        if slot.have > size:  # of another file than now
            await asyncio.to_thread(slot.forget)
        filling = await asyncio.to_thread(Filling, slot)
        with filling:
            await asyncio.to_thread(filling.need, size)
            await channel.send(receiver.begin(size, filling.offset, slot.limit))
            await fill(channel, receiver, filling, idle)
            found = await asyncio.to_thread(filling.finish, sha256)
        await channel.send(receiver.good(found))
    except Cut:
        raise
    except TransferError as error:
        await channel.send(receiver.bad(error))
        raise
    return found


async def offer_file(
    channel: Channel, path: Path, offset: int, kind: str, sha256: str, idle: float = IDLE
) -> None:
    """Send a file from an offset on, as the side that knows it; raises TransferError."""
    sender = Sender()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        await channel.send(sender.offer(size, offset, sha256, kind))
        await send_body(channel, sender, file, idle)


def hash_of(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file; blocks."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest
