"""A file that is written behind the event loop: a thread writes while the next bytes come in."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gotapi_core.protocol.errors import GotapiError

PIECE = 1 << 20  # bytes gathered before a thread writes them; at most two such are in memory
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
SYNC_EVERY = 16 << 20  # bytes after which what was written is put on the disk


class Sink:
    """Adds bytes to a file from an offset on. OSError is raised at the latest by `settle`.

    `size` counts the bytes that are written for sure, `synced` those that are on the disk.
    """

    def __init__(
        self,
        path: Path,
        offset: int,
        digests: Sequence[Any],
        check_room: Callable[[int], None],
    ) -> None:
        """Open the file, making it where there is none; cuts off what lies behind the offset."""
        self.size = self.synced = offset
        self._digests = digests
        self._check_room = check_room
        self._gathered = bytearray()
        self._working: asyncio.Future[None] | None = None
        self._handle = os.open(path, _FLAGS, 0o600)
        try:
            os.ftruncate(self._handle, offset)
            os.lseek(self._handle, offset, os.SEEK_SET)
        except BaseException:
            os.close(self._handle)
            raise

    async def write(self, piece: bytes) -> None:
        """Take bytes; waits only while the ones before are still being written."""
        self._gathered += piece
        if len(self._gathered) >= PIECE:
            await self._pass_on()

    async def settle(self) -> None:
        """Return when all bytes are on the disk."""
        if self._gathered:
            await self._pass_on()
        await self._ready()
        await self._run(self._sync)

    async def close(self, keep: int | None = None) -> None:
        """Close the file with all bytes, or with its first `keep` ones, on the disk.

        Raises nothing: what cannot be written does not count.
        """
        if keep is None and self._gathered:
            with contextlib.suppress(OSError, GotapiError):
                await self._pass_on()
        if self._working is not None:
            # A thread must not find its file closed; what went wrong in it was told or is moot.
            await asyncio.gather(self._working, return_exceptions=True)
            self._working = None
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._end, self.size if keep is None else keep)
        os.close(self._handle)

    async def _pass_on(self) -> None:
        await self._ready()
        piece, self._gathered = self._gathered, bytearray()
        self._check_room(len(piece))
        self._working = asyncio.ensure_future(asyncio.to_thread(self._append, piece))

    async def _ready(self) -> None:
        if self._working is not None:
            working = self._working
            await asyncio.shield(working)
            self._working = None

    async def _run(self, work: Callable[[], None]) -> None:
        self._working = asyncio.ensure_future(asyncio.to_thread(work))
        await self._ready()

    def _append(self, piece: bytearray) -> None:
        with memoryview(piece) as view:
            written = 0
            while written < len(view):
                written += os.write(self._handle, view[written:])
            for digest in self._digests:
                digest.update(view)
        self.size += len(piece)
        if self.size - self.synced >= SYNC_EVERY:
            self._sync()

    def _sync(self) -> None:
        os.fsync(self._handle)
        self.synced = self.size

    def _end(self, keep: int) -> None:
        os.ftruncate(self._handle, keep)  # a write that failed may have left a part of itself
        os.fsync(self._handle)
        self.size = self.synced = keep
