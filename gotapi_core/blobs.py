"""Files of applications: written beside their place, synced, then renamed into it.

A blob is visible only when it is whole and on the disk. Its uri is `/blobs/<id>`; the id is random,
and only the application that uploaded it, or for which a plug-in published it, may use it; whoever
else is to read it gets a signed link. A blob goes when its application loses its access, and after
a day: a plug-in that needs one for longer links it into its own folder.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import msgspec

from gotapi_auth.operator import ensure_secret
from gotapi_core import blob_rows as rows
from gotapi_core.blob_rows import BlobRow
from gotapi_core.blob_usage import Usage
from gotapi_core.plugin.context import Blob, Blobs
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidParameter,
    PayloadTooLarge,
    StorageFull,
)
from gotapi_core.protocol.links import KEY_SIZE, Use, check, clean_type, link
from gotapi_core.protocol.params import safe_filename
from gotapi_core.published import PIECE, open_below
from gotapi_core.store import Store
from gotapi_core.uploads import Disk, Uploads
from gotapi_core.whole_file import sync_folder

log = logging.getLogger(__name__)

PATH = "/blobs/"
LIFETIME = 24 * 3600.0  # seconds
SWEEP = 3600.0  # seconds between two clean-ups
QUOTA = 4 << 30  # bytes that one application may keep
LINK_TIME = 600.0  # seconds that a signed link is good for
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
        *,
        quota: int = QUOTA,
        link_secret: Path | None = None,
        link_time: float = LINK_TIME,
    ) -> None:
        """Keep files in a folder, up to `size_limit` bytes each.

        The secret file signs links to them; without one links end with the process.
        """
        self._store = store
        self._folder = folder
        self._size_limit = size_limit
        self._clock = clock
        self._sweep_every = sweep_every
        self._sweeper: asyncio.Task[None] | None = None
        self._link_secret = link_secret
        self._link_key = secrets.token_bytes(KEY_SIZE)
        self._link_time = link_time
        self.usage = Usage(quota)
        disk = Disk(folder, self._check_size, self._check_room)
        self.uploads = Uploads(store, disk, self.usage, clock)

    async def open(self) -> None:
        """Throw away what a crash left half done and begin to forget old blobs."""
        if self._link_secret is not None:
            self._link_key = ensure_secret(self._link_secret, "secret of signed links").encode()
        kept = await self._store.run(rows.all_blobs)
        paths = frozenset(row.path for row in kept)
        for file in self._folder.iterdir():
            if file.suffix == ".part" or (_ID.fullmatch(file.name) and file.name not in paths):
                file.unlink(missing_ok=True)
        for row in kept:
            self.usage.note(row.owner, row.size)
        await self.uploads.open(paths)
        await self.sweep()
        self._sweeper = asyncio.create_task(self._sweep_for_ever())

    async def close(self) -> None:
        """Stop forgetting."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self.uploads.close()

    def writer(
        self, owner: str, name: str, content_type: str, size: int | None, plugin: str = ""
    ) -> "BlobWriter":
        """Begin a blob; `size` is what the sender announced, in bytes.

        Raises PayloadTooLarge, StorageFull and TooManyRequests before anything is accepted.
        """
        self._check_size(size or 0)
        self._check_room(size or 0)
        row = BlobRow(
            id=rows.new_id(),
            owner=owner,
            name=name[:_TEXT] or "upload",
            content_type=content_type[:_TEXT],
            size=0,
            sha256="",
            created=0.0,
            path="",
            plugin=plugin,
        )
        self.usage.open(owner, size or 0)
        try:
            return BlobWriter(self, row, self._folder / row.id, size or 0)
        except OSError as error:
            self.usage.close(owner, size or 0)
            raise _unstorable(error) from error

    async def find(self, blob_id: str, owner: str) -> Blob:
        """Return a blob of an owner; raises InvalidParameter where there is none."""
        return await self._find(blob_id, owner)

    async def find_linked(self, blob_id: str, query: Mapping[str, str]) -> tuple[Blob, Use]:
        """Return the blob of a signed link and what the link is for.

        Raises NotAuthorized for a link that is forged or has ended, InvalidParameter where the
        blob is gone.
        """
        use = check(self._link_key, blob_id, query, self._clock())
        return await self._find(blob_id, None), use

    def signed_uri(
        self, blob_id: str, lifetime: float | None = None, *, name: str = "", use: Use = Use.SAVE
    ) -> str:
        """Return a link without scheme and host that needs no token, for `lifetime` seconds.

        `name` ends its path, for programs that tell a file by its address.
        """
        wanted = self._link_time if lifetime is None else min(lifetime, LIFETIME)
        expires = int(self._clock() + max(wanted, 0.0))
        return PATH + link(self._link_key, blob_id, name, expires, use)

    async def delete(self, blob_id: str, owner: str | None = None) -> None:
        """Delete a blob or an upload, only of `owner` if given; raises InvalidParameter."""
        for upload in self.uploads.listed():
            if upload.row.id == blob_id and owner in (None, upload.row.owner):
                await self.uploads.remove(upload)
                return
        blob = await self._find(blob_id, owner)
        await self._delete([row for row in await self.listed() if row.id == blob.id])

    async def forget(self, owner: str) -> None:
        """Delete everything of an application whose access has ended."""
        await self.uploads.forget(owner)
        await self._delete(await self._store.run(rows.blobs_of, owner))

    async def listed(self) -> list[BlobRow]:
        """Return every blob, the oldest first."""
        return await self._store.run(rows.all_blobs)

    def for_plugin(self, plugin_id: str = "", folder: Path | None = None) -> Blobs:
        """Return the view of a plug-in, which publishes files of its folder."""
        return _PluginBlobs(self, plugin_id, folder or self._folder)

    async def sweep(self) -> None:
        """Forget blobs past their lifetime."""
        await self._delete(await self._store.run(rows.blobs_before, self._clock() - LIFETIME))
        await self.uploads.sweep()

    async def _find(self, blob_id: str, owner: str | None) -> Blob:
        row = await self._store.run(rows.find_blob, blob_id) if _ID.fullmatch(blob_id) else None
        path = self._folder / (row.path if row is not None else "")
        if (
            row is None
            or owner not in (None, row.owner)
            or row.created + LIFETIME < self._clock()
            or not path.is_file()
        ):
            raise InvalidParameter(
                f"There is no file '{blob_id[:40]}' of this application; files are kept for "
                f"{LIFETIME / 3600:.0f} hours, upload it again"
            )
        return Blob(row.id, row.name, row.size, row.sha256, path, row.content_type)

    async def _delete(self, gone: Sequence[BlobRow]) -> None:
        if not gone:
            return
        deleted = await self._store.run(rows.delete_blobs, [row.id for row in gone])
        for row in gone:
            if row.id in deleted:
                self.usage.close(row.owner, row.size)
            (self._folder / row.path).unlink(missing_ok=True)

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

    async def _commit(self, row: BlobRow) -> None:
        await self._store.run(rows.add_blob, msgspec.structs.replace(row, created=self._clock()))


class BlobWriter:
    """One upload. Use `write` for each piece, then `finish`, or `abort`; nothing else is needed."""

    def __init__(self, store: BlobStore, row: BlobRow, path: Path, counted: int) -> None:
        self._store = store
        self._row = row
        self._counted = counted  # bytes the application's quota was charged
        self._path = path
        self._part = path.with_suffix(".part")
        self._file: BinaryIO = self._part.open("xb")
        self._digest = hashlib.sha256()
        self._size = 0
        self._done = False
        self._ended = False
        self._pending = bytearray()

    async def write(self, piece: bytes) -> None:
        """Add bytes; raises PayloadTooLarge or StorageFull, after which only `abort` is left."""
        self._size += len(piece)
        self._store._check_size(self._size)
        if self._size > self._counted:
            self._store.usage.grow(self._row.owner, self._size - self._counted)
            self._counted = self._size
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
        row = msgspec.structs.replace(
            self._row, size=self._size, sha256=digest, path=self._path.name
        )
        await asyncio.to_thread(self._settle)
        await self._store._commit(row)
        self._done = self._ended = True
        self._store.usage.grow(row.owner, self._size - self._counted)  # it may be shorter
        return Blob(row.id, row.name, row.size, digest, self._path, row.content_type)

    async def abort(self) -> None:
        """Throw away what was written; harmless after `finish`."""
        with contextlib.suppress(OSError):  # what is still buffered may not fit on the disk
            self._file.close()
        self._part.unlink(missing_ok=True)
        if not self._done:
            self._path.unlink(missing_ok=True)
        if not self._ended:
            self._ended = True
            self._store.usage.close(self._row.owner, self._counted)

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
            sync_folder(self._path.parent)
        except OSError as error:
            raise _unstorable(error) from error


class _PluginBlobs(Blobs):
    def __init__(self, store: BlobStore, plugin_id: str, folder: Path) -> None:
        self._store = store
        self._plugin_id = plugin_id
        self._folder = folder

    async def open(self, uri: str, *, application: str) -> Blob:
        return await self._store.find(blob_id(uri), application)

    async def publish(
        self,
        path: Path,
        name: str,
        content_type: str,
        application: str,
        *,
        base_url: str = "",
        lifetime: float | None = None,
    ) -> str:
        file, size = await asyncio.to_thread(open_below, self._folder, path)
        with file:
            name = safe_filename(name)
            kind = clean_type(content_type)
            writer = self._store.writer(application, name, kind, size, self._plugin_id)
            try:
                while piece := await asyncio.to_thread(file.read, PIECE):
                    await writer.write(piece)
                blob = await writer.finish()
            finally:
                await writer.abort()
        uri = self._store.signed_uri(blob.id, lifetime, name=blob.name, use=Use.SHOW)
        return f"{base_url}{uri}"


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
    found, slash, name = path.removeprefix(PATH).partition("/")
    if slash and (name in ("", ".", "..") or "/" in name):  # a link may end in one file name
        raise InvalidParameter(f"'{uri[:100]}' is no file of this hub; use its uri as you got it")
    return found


def _unstorable(error: OSError) -> StorageFull:
    return StorageFull(f"The file cannot be stored: {error.strerror}")
