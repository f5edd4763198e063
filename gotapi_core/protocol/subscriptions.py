"""Who listens to which events. PURE.

A stream is one event source with its parameters; the hub runs one generator per stream, from the
first subscriber to the last. A subscriber is whatever the hub names so: an application, a socket.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gotapi_core.protocol.errors import TooManyRequests
from gotapi_core.protocol.names import Name

MAX_PER_SUBSCRIBER: Final = 256  # one page that watches 40 printers with 6 attributes fits


class Stream(msgspec.Struct, frozen=True):
    """One source of events; `params_key` tells apart subscriptions with other parameters."""

    service_id: str
    name: Name
    params_key: str = ""


class Subscriptions:
    """Streams and their subscribers, in the order in which they came."""

    def __init__(self, max_per_subscriber: int = MAX_PER_SUBSCRIBER) -> None:
        self._max = max_per_subscriber
        # Dicts keep the order of insertion; the values mean nothing.
        self._subscribers: dict[Stream, dict[str, None]] = {}
        self._streams: dict[str, dict[Stream, None]] = {}

    def add(self, stream: Stream, subscriber: str) -> bool:
        """Subscribe; True means the stream has its first subscriber and must start.

        Subscribing twice counts once. Raises TooManyRequests over the limit per subscriber.
        """
        own = self._streams.get(subscriber, {})
        if stream in own:
            return False
        if len(own) >= self._max:
            raise TooManyRequests(
                f"This application has {self._max} subscriptions, the most there may be; "
                "DELETE some of them first"
            )
        self._streams.setdefault(subscriber, own)[stream] = None
        first = stream not in self._subscribers
        self._subscribers.setdefault(stream, {})[subscriber] = None
        return first

    def remove(self, stream: Stream, subscriber: str) -> bool:
        """Unsubscribe; True means the stream lost its last subscriber and must stop."""
        own = self._streams.get(subscriber, {})
        if stream not in own:
            return False
        del own[stream]
        if not own:
            del self._streams[subscriber]
        listening = self._subscribers[stream]
        del listening[subscriber]
        if listening:
            return False
        del self._subscribers[stream]
        return True

    def remove_all(self, subscriber: str) -> list[Stream]:
        """Forget a subscriber; return the streams that lost their last one and must stop."""
        return [s for s in self.streams_of(subscriber) if self.remove(s, subscriber)]

    def subscribers(self, stream: Stream) -> tuple[str, ...]:
        """Return who listens to a stream."""
        return tuple(self._subscribers.get(stream, ()))

    def streams_of(self, subscriber: str) -> tuple[Stream, ...]:
        """Return what a subscriber listens to."""
        return tuple(self._streams.get(subscriber, ()))

    def streams(self) -> tuple[Stream, ...]:
        """Return every stream that has a subscriber."""
        return tuple(self._subscribers)
