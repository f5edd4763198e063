"""Tells any number of waiting generators that something changed; nobody misses the newest."""

import asyncio
from collections.abc import AsyncIterator


class Signal:
    """A counter that can be waited on; all use is on the event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = asyncio.Event()

    def fire(self) -> None:
        """Wake everybody who waits."""
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changes(self) -> AsyncIterator[None]:
        """Yield once at once, then once for any number of changes since the last yield."""
        seen = -1
        while True:
            if seen == self._count:
                await self._changed.wait()
            seen = self._count
            yield
