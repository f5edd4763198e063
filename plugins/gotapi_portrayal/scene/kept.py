"""Answers that were made, kept while there is room; equal requests at once are made once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")
_LARGEST: Final = 2  # an answer larger than one in so many of the room is not kept


class Kept(Generic[Value]):
    """Values by what they were made for. Any thread may call."""

    def __init__(self, room: int, size: Callable[[Value], int]) -> None:
        self._room = room
        self._size = size
        self._taken = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._coming: dict[Hashable, Future[Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of a key; blocks while it is made, here or by another thread."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            coming = self._coming.get(key)
            mine = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
        if mine:
            self._make(key, coming, make)
        return coming.result()

    def _make(self, key: Hashable, coming: "Future[Value]", make: Callable[[], Value]) -> None:
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            coming.set_exception(error)
            return
        with self._lock:
            del self._coming[key]
            self._put(key, value)
        coming.set_result(value)

    def _put(self, key: Hashable, value: Value) -> None:
        size = self._size(value)
        if size > self._room // _LARGEST:
            return
        self._values[key] = value
        self._taken += size
        while self._taken > self._room:
            _, oldest = self._values.popitem(last=False)
            self._taken -= self._size(oldest)
