"""A backup for the console: made on the disk first, so that what is sent is whole."""

import asyncio
import logging
import tempfile
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from gotapi_core.backup import BackupError, write_backup
from gotapi_core.hub import Hub
from gotapi_core.server.asgi import RawHeaders, Receive, Send, unless_gone
from gotapi_core.server.operator_api import ApiError
from gotapi_core.server.operator_pages import PROTECTION

log = logging.getLogger(__name__)

_PIECE = 256 * 1024  # bytes read and sent at a time


class Backups:
    """Makes one backup at a time, without the hub's keys: a browser keeps it where others look.

    `busy` tells whether one is being made or sent.
    """

    def __init__(self, hub: Hub, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._clock = clock
        self.busy = False

    async def answer(self, receive: Receive, send: Send) -> None:
        """Send a new backup; raises ApiError before anything is sent, and ClientGone."""
        if self.busy:
            raise ApiError(409, "A backup is being made already; wait until it is there.")
        self.busy = True
        try:
            with await asyncio.to_thread(self._room) as file:
                await unless_gone(self._make(file), receive)
                await unless_gone(self._send(file, send), receive)
        finally:
            self.busy = False

    def _room(self) -> BinaryIO:
        # Without a name: it is gone with this process, however that ends. On the disk of the data,
        # as /run is often in memory.
        try:
            return tempfile.TemporaryFile(dir=self._hub.paths.data)
        except OSError as error:
            raise ApiError(507, f"There is no room for a backup: {error.strerror}.") from error

    async def _make(self, file: BinaryIO) -> None:
        unwanted = threading.Event()
        paths, now = self._hub.paths, self._clock()
        making = asyncio.ensure_future(
            asyncio.to_thread(write_backup, paths, file, now, paths.data, stopped=unwanted.is_set)
        )
        try:
            made = await asyncio.shield(making)
        except asyncio.CancelledError:
            unwanted.set()
            await asyncio.wait({making})  # the thread still writes to the file
            if not making.cancelled():
                making.exception()  # it was called off, and says so
            raise
        except BackupError as error:
            log.warning("operator page: no backup: %s", error)
            raise ApiError(507, f"{error}.") from error
        log.info("operator page: made a backup of %d files", len(made.entries))

    async def _send(self, file: BinaryIO, send: Send) -> None:
        size = await asyncio.to_thread(file.seek, 0, 2)
        await asyncio.to_thread(file.seek, 0)
        day = time.strftime("%Y-%m-%d", time.localtime(self._clock()))
        fields: RawHeaders = [
            (b"content-type", b"application/zip"),
            (b"content-length", b"%d" % size),
            (b"content-disposition", f'attachment; filename="gotapi-{day}.zip"'.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *PROTECTION,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        while piece := await asyncio.to_thread(file.read, _PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
