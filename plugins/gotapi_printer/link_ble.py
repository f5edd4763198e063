"""Printers over BLE: a Link whose radio runs on an event loop in a thread of its own."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from gotapi_printer.ble_radio import BleSettings, Radio
from gotapi_printer.link import Link, LinkError, LinkFacts, LinkGone

T = TypeVar("T")

SLACK = 5.0
"""Seconds beyond the radio's own limits after which it counts as hanging."""

URGENT_PATIENCE = 1.0
"""Seconds for an emergency stop."""

MAX_WAITING = 1_048_576
"""Bytes kept for a driver that does not read; a printer says some hundred a second."""


class LoopThread:
    """An event loop in a thread; ends with `close`."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    def call(self, work: Coroutine[Any, Any, T], patience: float) -> T:
        """Run something on the loop and wait; raises TimeoutError, and what it raises."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(patience)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise TimeoutError from None

    def close(self) -> None:
        """End the loop and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SLACK)


class BleLink(Link):
    """A BLE device that carries serial data."""

    def __init__(self, settings: BleSettings) -> None:
        self._settings = settings
        self._arrived: deque[bytes] = deque()
        self._waiting = 0
        self._ready = threading.Event()
        self._gone = ""
        # A close must not take the loop away under an emergency stop.
        self._closing = threading.Lock()
        self._loop: LoopThread | None = None
        self._radio: Radio | None = None

    @property
    def breaks(self) -> int:
        return 0 if self._radio is None else self._radio.breaks

    def open(self) -> LinkFacts:
        settings = self._settings
        loop = self._loop = LoopThread(f"ble {settings.address}")
        self._radio = loop.call(self._make(), SLACK)
        try:
            patience = settings.find + settings.connect + 3 * SLACK
            return loop.call(self._radio.open(), patience)
        except TimeoutError:
            raise LinkError(f"{settings.address}: Bluetooth hangs; turn it off and on") from None

    async def _make(self) -> Radio:
        return Radio(self._settings, self._push, self._lost)

    def read(self, timeout: float) -> bytes:
        self._ready.wait(timeout)
        self._ready.clear()
        pieces = []
        with contextlib.suppress(IndexError):
            while True:
                pieces.append(self._arrived.popleft())
        self._waiting = 0
        if not pieces and self._gone:
            raise LinkGone(self._gone)
        return b"".join(pieces)

    def write(self, data: bytes) -> None:
        settings = self._settings
        self._call(data, urgent=False, patience=settings.back + settings.write + SLACK)

    def write_urgent(self, data: bytes) -> None:
        with self._closing:
            self._call(data, urgent=True, patience=URGENT_PATIENCE)

    def wake(self) -> None:
        self._ready.set()

    def close(self) -> None:
        with self._closing:
            loop, self._loop = self._loop, None
            radio = self._radio
            if loop is None:
                return
            self._gone = self._gone or "the link is closed"
            if radio is not None:
                with contextlib.suppress(TimeoutError):
                    loop.call(radio.close(), SLACK)
            loop.close()

    def _call(self, data: bytes, *, urgent: bool, patience: float) -> None:
        loop, radio = self._loop, self._radio
        if loop is None or radio is None or self._gone:
            raise LinkGone(self._gone or f"{self._settings.address} is not connected")
        work = radio.write_urgent(data) if urgent else radio.write(data)
        try:
            loop.call(work, patience)
        except TimeoutError:
            raise LinkGone(f"{self._settings.address} takes no data") from None

    def _push(self, data: bytes) -> None:
        """Take what arrived, on the loop."""
        if self._waiting < MAX_WAITING:
            self._waiting += len(data)
            self._arrived.append(data)
        self._ready.set()

    def _lost(self, text: str) -> None:
        self._gone = text
        self._ready.set()
