"""Files of applications: written beside their place, synced, then renamed into it.

A blob is visible only when it is whole and on the disk. Its uri ends in `/blobs/<id>`; the id is
random, and only the application that uploaded it may use it. Unused blobs go after a day: a plug-in
that needs one for longer links it into its own folder.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, insert, select

from gotapi_core.plugin.context import Blob, Blobs
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidParameter,
    PayloadTooLarge,
    StorageFull,
)
from gotapi_core.store import Store
from gotapi_core.store.tables import blobs as table

log = logging.getLogger(__name__)

PATH = "/blobs/"
LIFETIME = 24 * 3600.0  # seconds
SWEEP = 3600.0  # seconds between two clean-ups
RESERVE = 64 * 1024 * 1024  # bytes of the disk that uploads leave free
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_TEXT = 255  # characters of a name or content type; the width of the columns
_PIECE = 1 << 20  # bytes collected before they are written by a thread


class BlobStore:
    """All blobs of one hub."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        size_limit: int,
        clock: Callable[[], float],
        sweep_every: float = SWEEP,
    ) -> None:
        self._store = store
        self._folder = folder
        self._size_limit = size_limit
        self._clock = clock
        self._sweep_every = sweep_every
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Throw away what a crash left half done and begin to forget old blobs."""
        kept = await self._store.run(_paths)
        for file in self._folder.iterdir():
            if file.suffix == ".part" or (_ID.fullmatch(file.name) and file.name not in kept):
                file.unlink(missing_ok=True)
        await self.sweep()
        self._sweeper = asyncio.create_task(self._sweep_for_ever())

    async def close(self) -> None:
        """Stop forgetting."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    def writer(self, owner: str, name: str, content_type: str, size: int | None) -> "BlobWriter":
        """Begin a blob; `size` is what the sender announced, in bytes.

        Raises PayloadTooLarge and StorageFull before anything is accepted.
        """
        self._check_size(size or 0)
        self._check_room(size or 0)
        path = self._folder / secrets.token_urlsafe(16)
        try:
            return BlobWriter(self, owner, name, content_type, path)
        except OSError as error:
            raise _unstorable(error) from error

    async def find(self, blob_id: str, owner: str) -> Blob:
        """Return a blob of an owner; raises InvalidParameter where there is none."""
        row = await self._store.run(_select, blob_id) if _ID.fullmatch(blob_id) else None
        path = self._folder / (row.path if row is not None else "")
        if (
            row is None
            or row.owner != owner
            or row.created + LIFETIME < self._clock()
            or not path.is_file()
        ):
            raise InvalidParameter(
                f"There is no file '{blob_id[:40]}' of this application; files are kept for "
                f"{LIFETIME / 3600:.0f} hours, upload it again"
            )
        return Blob(row.id, row.name, row.size, row.sha256, path)

    def for_plugin(self) -> Blobs:
        """Return the plug-ins' view."""
        return _PluginBlobs(self)

    async def sweep(self) -> None:
        """Forget blobs past their lifetime."""
        for path in await self._store.run(_delete_before, self._clock() - LIFETIME):
            (self._folder / path).unlink(missing_ok=True)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_every)
            try:
                await self.sweep()
            except (GotapiError, OSError) as error:
                log.warning("old files are forgotten later: %s", error)

    def _check_size(self, size: int) -> None:
        if size > self._size_limit:
            raise PayloadTooLarge(
                f"The file is larger than the {self._size_limit} bytes this hub accepts "
                "(setting server.upload_size)"
            )

    def _check_room(self, size: int) -> None:
        try:
            disk = os.statvfs(self._folder)
        except OSError as error:
            raise _unstorable(error) from error
        if disk.f_bavail * disk.f_frsize < size + RESERVE:
            raise StorageFull(
                f"There is no room for {size} bytes more; free some disk space and try again"
            )

    async def _commit(self, blob: Blob, owner: str, content_type: str) -> None:
        row = {
            "id": blob.id,
            "owner": owner,
            "name": blob.name,
            "content_type": content_type,
            "size": blob.size,
            "sha256": blob.sha256,
            "created": self._clock(),
            "path": blob.path.name,
        }
        await self._store.run(_insert, row)


class BlobWriter:
    """One upload. Use `write` for each piece, then `finish`, or `abort`; nothing else is needed."""

    def __init__(
        self, store: BlobStore, owner: str, name: str, content_type: str, path: Path
    ) -> None:
        self._store = store
        self._owner = owner
        self._name = name[:_TEXT] or "upload"
        self._content_type = content_type[:_TEXT]
        self._path = path
        self._part = path.with_suffix(".part")
        self._file: BinaryIO = self._part.open("xb")
        self._digest = hashlib.sha256()
        self._size = 0
        self._done = False
        self._pending = bytearray()

    async def write(self, piece: bytes) -> None:
        """Add bytes; raises PayloadTooLarge or StorageFull, after which only `abort` is left."""
        self._size += len(piece)
        self._store._check_size(self._size)
        self._pending += piece
        if len(self._pending) >= _PIECE:
            await self._flush()

    async def finish(self, sha256: str | None = None) -> Blob:
        """Put the blob on the disk and make it visible; checks the sender's digest if given."""
        await self._flush()
        digest = self._digest.hexdigest()
        if sha256 is not None and sha256.lower() != digest:
            raise InvalidParameter(
                f"The file arrived damaged: its sha256 is {digest}, not {sha256[:64]}; "
                "send it again"
            )
        blob = Blob(self._path.name, self._name, self._size, digest, self._path)
        await asyncio.to_thread(self._settle)
        await self._store._commit(blob, self._owner, self._content_type)
        self._done = True
        return blob

    async def abort(self) -> None:
        """Throw away what was written; harmless after `finish`."""
        with contextlib.suppress(OSError):  # what is still buffered may not fit on the disk
            self._file.close()
        self._part.unlink(missing_ok=True)
        if not self._done:
            self._path.unlink(missing_ok=True)

    async def _flush(self) -> None:
        piece, self._pending = bytes(self._pending), bytearray()
        self._store._check_room(len(piece))
        try:
            await asyncio.to_thread(self._append, piece)
        except OSError as error:
            raise _unstorable(error) from error

    def _append(self, piece: bytes) -> None:
        self._file.write(piece)
        self._digest.update(piece)

    def _settle(self) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.rename(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise _unstorable(error) from error


class _PluginBlobs(Blobs):
    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def open(self, uri: str, *, application: str) -> Blob:
        return await self._store.find(blob_id(uri), application)


def blob_id(uri: str) -> str:
    """Return the id in a blob's uri; raises InvalidParameter where it is no blob uri."""
    try:
        path = urlsplit(uri).path
    except ValueError:  # such as an unclosed [ in the host
        path = ""
    if not path.startswith(PATH):
        raise InvalidParameter(
            f"'{uri[:100]}' is no file of this hub; upload it to {PATH} and use the uri you get"
        )
    return path.removeprefix(PATH)


def _unstorable(error: OSError) -> StorageFull:
    return StorageFull(f"The file cannot be stored: {error.strerror}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _insert(connection: Connection, row: dict[str, object]) -> None:
    connection.execute(insert(table).values(row))


def _select(connection: Connection, key: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(table).where(table.c.id == key)).one_or_none()


def _paths(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(table.c.path)).scalars())


def _delete_before(connection: Connection, created: float) -> list[str]:
    old = select(table.c.path).where(table.c.created < created)
    paths = list(connection.execute(old).scalars())
    connection.execute(delete(table).where(table.c.created < created))
    return paths
