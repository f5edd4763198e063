"""The bounded queue of one listener. PURE.

Frames leave in the order in which they came, with one exception that keeps slow listeners fair to
themselves: a frame with a key (a newest-value stream, such as progress) takes the place of the
unsent frame with the same key. So a chatty stream holds one place in the queue: it can neither
push others back nor be pushed back by them. When room is short, frames with a key are dropped,
the one that has waited longest first; frames without a key (state changes, ends, approvals) are
never dropped: when one does not fit, the answer is OVERFLOW and the listener has to go.

Frames may be numbered as they come. A replaced frame leaves before older ones, so the number of
the last frame that left does not tell what has been sent; `settled` does.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Final, NamedTuple

MAX_BYTES: Final = 256 * 1024  # about 1,000 events; a listener that far behind does not read


class Offer(Enum):
    """What became of an offered frame."""

    QUEUED = "queued"
    REPLACED = "replaced"
    """It took the place of an older frame with its key."""

    DROPPED = "dropped"
    """It has a key, and frames that may not be dropped fill the queue."""

    OVERFLOW = "overflow"
    """It has no key and does not fit; the queue is unchanged."""


class _Place(NamedTuple):
    key: str | None
    frame: bytes
    number: int
    born: int  # the number of the first frame that stood here


class Outbox:
    """Frames waiting for one listener, at most `max_bytes` of them."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max = max_bytes
        self._serial = 0
        # OrderedDict, because taking the first of a plain dict again and again is quadratic.
        self._queue: OrderedDict[int, _Place] = OrderedDict()
        self._place: OrderedDict[str, int] = OrderedDict()  # key to its serial, oldest first
        self._size = 0
        self._durable = 0
        self._dropped = 0
        self._replaced = 0
        self._newest = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def size(self) -> int:
        """Bytes waiting."""
        return self._size

    @property
    def dropped(self) -> int:
        """Frames with a key that were dropped for want of room, since the beginning."""
        return self._dropped

    @property
    def replaced(self) -> int:
        """Frames that a newer one with their key replaced, since the beginning."""
        return self._replaced

    @property
    def settled(self) -> int:
        """The largest number of which neither its frame nor that of a smaller one still waits."""
        if not self._queue:
            return self._newest
        return next(iter(self._queue.values())).born - 1

    def offer(self, frame: bytes, *, key: str | None = None, number: int = 0) -> Offer:
        """Queue a frame; without a key it is durable, with one it stands for the newest value.

        Numbers grow; a frame that comes again with its old one is not waited for by `settled`.
        """
        if self._durable + len(frame) > self._max:
            if key is None:
                return Offer.OVERFLOW
            self._dropped += 1
            return Offer.DROPPED
        serial = self._place.get(key) if key is not None else None
        old = len(self._queue[serial].frame) if serial is not None else 0
        self._make_room(len(frame) - old, keep=key)
        self._size += len(frame) - old
        born = number if number > self._newest else self._newest + 1
        self._newest = max(self._newest, number)
        if serial is None:
            self._serial = serial = self._serial + 1
            self._queue[serial] = _Place(key, frame, number, born)
            if key is None:
                self._durable += len(frame)
            else:
                self._place[key] = serial
            return Offer.QUEUED
        self._queue[serial] = _Place(key, frame, number, self._queue[serial].born)
        self._replaced += 1
        return Offer.REPLACED

    def take(self) -> bytes | None:
        """Return the next frame to send; None when nothing waits."""
        taken = self.take_numbered()
        return None if taken is None else taken[1]

    def take_numbered(self) -> tuple[int, bytes] | None:
        """Return the next frame to send with its number; None when nothing waits."""
        if not self._queue:
            return None
        _, place = self._queue.popitem(last=False)
        self._size -= len(place.frame)
        if place.key is None:
            self._durable -= len(place.frame)
        else:
            del self._place[place.key]
        return place.number, place.frame

    def _make_room(self, wanted: int, keep: str | None) -> None:
        """Drop frames with a key, oldest first, but not the one that is being replaced."""
        # `offer` has seen that the durable frames and the new one fit, so this ends.
        while self._size + wanted > self._max:
            oldest = next(key for key in self._place if key != keep)
            self._size -= len(self._queue.pop(self._place.pop(oldest)).frame)
            self._dropped += 1
