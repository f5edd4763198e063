"""What a WebSocket is to the transfer code, whichever library it belongs to."""

import asyncio
from typing import Final, Protocol

from gotapi_creation.transfer.failures import BrokenRules, Cut

IDLE: Final = 60.0  # seconds without a message; a phone that changes its network takes 20


class Channel(Protocol):
    """An open WebSocket. Both raise Cut."""

    async def receive(self) -> str | bytes: ...

    async def send(self, message: str | bytes) -> None: ...


async def next_message(channel: Channel, idle: float = IDLE) -> str | bytes:
    """Return the next message; raises Cut where none comes in time."""
    try:
        async with asyncio.timeout(idle):
            return await channel.receive()
    except TimeoutError:
        raise Cut(f"Nothing was said for {idle:.0f} s") from None


async def next_text(channel: Channel, idle: float = IDLE) -> str:
    """Return the next message, which has to be text; raises Cut and BrokenRules."""
    message = await next_message(channel, idle)
    if not isinstance(message, str):
        raise BrokenRules("A text message was expected, bytes came")
    return message
