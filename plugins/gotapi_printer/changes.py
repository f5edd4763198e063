"""Tells any number of waiting generators that something changed, or what it is by now."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

MOST = 1000  # results kept for one generator that does not take them; far more than it ever lags

T = TypeVar("T")


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


class Feed(Generic[T]):
    """The results of one kind, for listeners that get the latest at once and then each new one.

    `key` gives what of a result no listener may miss. Of results with the same key, one that was
    not taken yet is replaced by the newer one.
    """

    def __init__(self, latest: Callable[[], T | None], key: Callable[[T], object]) -> None:
        self._latest = latest
        self._key = key
        self._listeners: set[_Listener[T]] = set()

    def publish(self) -> None:
        """Give the latest result to everybody who does not have it."""
        if not self._listeners:
            return
        result = self._latest()
        if result is not None:
            key = self._key(result)
            for listener in self._listeners:
                listener.put(result, key)

    async def results(self) -> AsyncIterator[tuple[T, bool]]:
        """Yield each result, and whether it differs from the one before in its key.

        DWAPI-3DP 7.3.3: the latest one at once, if there is one; then each new one; nothing else.
        """
        listener = _Listener[T]()
        self._listeners.add(listener)
        try:
            result = self._latest()
            if result is not None:
                listener.put(result, self._key(result))
            while True:
                yield await listener.take()
        finally:
            self._listeners.discard(listener)


class _Listener(Generic[T]):
    """What one generator has not taken yet."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[T, object, bool]] = deque(maxlen=MOST)
        self._last: tuple[T, object] | None = None
        self._some = asyncio.Event()

    def put(self, result: T, key: object) -> None:
        if self._last is not None and self._last[0] == result:
            return
        news = self._last is None or self._last[1] != key
        self._last = result, key
        if not news and self._waiting:
            # It stands for the one it replaces, which may have had news.
            news = self._waiting.pop()[2]
        self._waiting.append((result, key, news))
        self._some.set()

    async def take(self) -> tuple[T, bool]:
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        result, _, news = self._waiting.popleft()
        return result, news
