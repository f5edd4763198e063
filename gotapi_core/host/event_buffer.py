"""The hub's end of one event stream of a plug-in: bounded, whatever the plug-in sends."""

import asyncio
from collections import deque

from gotapi_core.host.port import PortEvent
from gotapi_core.protocol.errors import GotapiError, UnknownError
from gotapi_core.protocol.plugin_wire import WINDOW


class EventBuffer:
    """Values that came and were not taken yet.

    A plug-in waits for `eventAck` after WINDOW events. Of one that does not, the oldest progress
    gives way to the newest; if all of them are durable, the stream ends with an error.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._waiting: deque[PortEvent] = deque()
        self._end: GotapiError | None = None
        self._ended = False
        self._wake = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether nothing more comes from the plug-in."""
        return self._ended

    def put(self, event: PortEvent) -> bool:
        """Take a value; False where the stream had to be ended for it."""
        if self._ended:
            return True
        if len(self._waiting) >= self._window and not self._make_room():
            self.end(
                UnknownError(
                    f"the plug-in sent more than {self._window} durable events before one was taken"
                )
            )
            return False
        self._waiting.append(event)
        self._wake.set()
        return True

    def end(self, error: GotapiError | None) -> None:
        """Let the stream be over once what came is taken."""
        if not self._ended:
            self._ended = True
            self._end = error
            self._wake.set()

    async def take(self) -> PortEvent | None:
        """Return the next value, None at a good end; raises what the stream ended with."""
        while not self._waiting:
            if self._ended:
                if self._end is not None:
                    raise self._end
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    def _make_room(self) -> bool:
        for index, event in enumerate(self._waiting):
            if not event.durable:
                del self._waiting[index]
                return True
        return False
