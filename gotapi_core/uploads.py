"""Resumable uploads: a file that comes in pieces, over many requests and over restarts.

How much of it is there is the length of the file on the disk, so no count can lag behind after a
power cut. It becomes a blob, under the same id and without being moved, in one transaction of the
store: before that nobody but its sender can tell that it exists.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gotapi_core import blob_rows as rows
from gotapi_core.blob_rows import BlobRow, UploadRow
from gotapi_core.blob_usage import Usage
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidParameter,
    PayloadTooLarge,
    StorageFull,
    TooManyRequests,
)
from gotapi_core.protocol.tus import Checksum, ChecksumMismatch, UploadBusy, Wish, WrongOffset
from gotapi_core.sink import Sink
from gotapi_core.store import Store
from gotapi_core.whole_file import sync_folder

log = logging.getLogger(__name__)

T = TypeVar("T")

LIFETIME = 24 * 3600.0  # seconds from its creation in which an upload must be whole
MAX_OPEN = 100  # uploads of one application that are not whole
FOLDER = "uploads"  # below the blob folder


class UnknownUpload(InvalidParameter):
    """10 with HTTP 404: no such upload of this application."""

    status = 404


class Disk(msgspec.Struct, frozen=True):
    """What the blob store lends: where files are, and whether a size fits; both checks raise."""

    folder: Path
    check_size: Callable[[int], None]
    check_room: Callable[[int], None]


class Upload:
    """One file on its way in; `offset` bytes of it are on the disk."""

    def __init__(self, row: UploadRow, path: Path, offset: int) -> None:
        self.row = row
        self.path = path
        self.offset = offset
        self.busy = False
        self.revoked = False
        self.digest: Any = hashlib.sha256() if offset == 0 else None  # None: of a former run

    @property
    def whole(self) -> bool:
        return self.offset == self.row.length

    @property
    def expires(self) -> float:
        """When it is thrown away unless it is whole, in seconds since 1970."""
        return self.row.created + LIFETIME


class Uploads:
    """All uploads of one hub that are not whole yet."""

    def __init__(self, store: Store, disk: Disk, usage: Usage, clock: Callable[[], float]) -> None:
        self._store = store
        self._disk = disk
        self._usage = usage
        self._clock = clock
        self._folder = disk.folder / FOLDER
        self._open: dict[str, Upload] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self, blob_paths: frozenset[str]) -> None:
        """Find the uploads again; files that are neither theirs nor one of the blobs' go."""
        for row in await self._store.run(rows.all_uploads):
            path = self._folder / row.id
            there = path.stat().st_size if path.is_file() else 0
            counted = there if row.unchecked_from is None else min(there, row.unchecked_from)
            self._open[row.id] = Upload(row, path, min(counted, row.length))
            self._usage.note(row.owner, row.length)
        for file in self._folder.iterdir() if self._folder.is_dir() else ():
            if file.name not in self._open and f"{FOLDER}/{file.name}" not in blob_paths:
                file.unlink(missing_ok=True)

    async def create(self, owner: str, wish: Wish) -> Upload:
        """Begin an upload, durably; raises PayloadTooLarge, StorageFull and TooManyRequests."""
        self._disk.check_size(wish.length)
        if len(self._of(owner)) >= MAX_OPEN:
            raise TooManyRequests(
                f"This application has {MAX_OPEN} files on their way in; finish or delete some"
            )
        self._disk.check_room(wish.length)
        self._usage.open(owner, wish.length)
        try:
            return await self._finish(self._create(owner, wish))
        except GotapiError:
            self._usage.close(owner, wish.length)
            raise

    def find(self, upload_id: str, owner: str) -> Upload:
        """Return an upload of an application; raises UnknownUpload."""
        found = self._open.get(upload_id)
        if found is None or found.row.owner != owner or found.expires <= self._clock():
            raise UnknownUpload("There is no such upload of this application; begin a new one")
        return found

    @asynccontextmanager
    async def appending(
        self, upload: Upload, offset: int, size: int | None, checksum: Checksum | None = None
    ) -> AsyncIterator["Appender"]:
        """Add one body, of `size` bytes if that is announced, to an upload.

        Raises UploadBusy, WrongOffset, PayloadTooLarge and StorageFull before anything is read.
        What was written when the block ends early is kept, unless it has a checksum.
        """
        if upload.busy:
            raise UploadBusy
        _check_place(upload, offset, size)
        self._disk.check_room(size or 0)
        upload.busy = True
        try:
            if checksum is not None:
                await self._mark(upload, upload.offset)
            appender = Appender(
                upload, checksum, self._disk.check_room, partial(self._mark, upload)
            )
            try:
                yield appender
            finally:
                await appender.close()
        finally:
            upload.busy = False
            if upload.revoked:
                upload.path.unlink(missing_ok=True)

    async def complete(self, upload: Upload) -> BlobRow:
        """Make a whole upload a blob; raises ChecksumMismatch, after which it is gone."""
        if upload.busy:
            raise UploadBusy
        upload.busy = True
        return await self._finish(self._complete(upload))

    async def remove(self, upload: Upload) -> None:
        """Throw an upload away; raises UploadBusy while somebody writes to it."""
        if upload.busy:
            raise UploadBusy
        await self._finish(self._remove(upload))

    async def forget(self, owner: str) -> None:
        """Throw away everything of an application, also what is being sent just now."""
        for upload in self._of(owner):
            upload.revoked = True
        await asyncio.gather(*self._tasks, return_exceptions=True)  # some may become blobs
        for upload in self._of(owner):
            await self._finish(self._remove(upload))

    async def sweep(self) -> None:
        """Throw away what was not whole in time."""
        for upload in list(self._open.values()):
            if upload.expires <= self._clock() and not upload.busy:
                log.info("upload %s was not finished in time", upload.row.id)
                await self._finish(self._remove(upload))

    def listed(self) -> list[Upload]:
        """Return what is on its way in, the oldest first."""
        return sorted(self._open.values(), key=lambda one: one.row.created)

    async def close(self) -> None:
        """Wait for what was begun; the store must still be open."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Inside.

    def _of(self, owner: str) -> list[Upload]:
        return [one for one in self._open.values() if one.row.owner == owner]

    async def _create(self, owner: str, wish: Wish) -> Upload:
        row = UploadRow(
            id=rows.new_id(),
            owner=owner,
            name=wish.name,
            content_type=wish.content_type,
            length=wish.length,
            sha256=wish.sha256,
            metadata=wish.metadata,
            created=self._clock(),
        )
        path = self._folder / row.id
        try:
            await asyncio.to_thread(_make, path)
            await self._store.run(rows.add_upload, row)
        except (OSError, GotapiError) as error:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise _unstorable(error) from error
        upload = self._open[row.id] = Upload(row, path, 0)
        return upload

    async def _mark(self, upload: Upload, start: int | None) -> None:
        await self._store.run(rows.mark_unchecked, upload.row.id, start)

    async def _complete(self, upload: Upload) -> BlobRow:
        try:
            row = upload.row
            digest = await asyncio.to_thread(_digest, upload)
            if row.sha256 and row.sha256 != digest:
                await self._remove(upload)
                raise ChecksumMismatch(
                    f"The file arrived damaged: its sha256 is {digest}, not {row.sha256}; the hub "
                    "has thrown it away, send it again"
                )
            blob = BlobRow(
                id=row.id,
                owner=row.owner,
                name=row.name,
                content_type=row.content_type,
                size=row.length,
                sha256=digest,
                created=self._clock(),
                path=f"{FOLDER}/{row.id}",
            )
            if upload.revoked:
                raise _revoked()
            await self._store.run(rows.complete, blob)
            self._open.pop(row.id, None)
            return blob
        except OSError as error:
            raise _unstorable(error) from error
        finally:
            upload.busy = False

    async def _remove(self, upload: Upload) -> None:
        if self._open.pop(upload.row.id, None) is None:
            return
        await self._store.run(rows.delete_upload, upload.row.id)
        self._usage.close(upload.row.owner, upload.row.length)
        with contextlib.suppress(OSError):  # the next start finds it
            upload.path.unlink(missing_ok=True)

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what changes the disk to its end, even when the caller goes away meanwhile."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the caller may have gone; that is no reason for a warning


class Appender:
    """One body of an upload: `write` each piece, then `finish`."""

    def __init__(
        self,
        upload: Upload,
        checksum: Checksum | None,
        check_room: Callable[[int], None],
        mark: Callable[[int | None], Awaitable[None]],
    ) -> None:
        self._mark = mark
        self._upload = upload
        self._checksum = checksum
        self._start = upload.offset
        self._taken = upload.offset
        self._before = None if upload.digest is None else upload.digest.copy()
        self._body = hashlib.new(checksum.algorithm) if checksum is not None else None
        self._refused = False
        self._settled = False
        digests = [one for one in (upload.digest, self._body) if one is not None]
        try:
            self._sink = Sink(upload.path, upload.offset, digests, check_room)
        except OSError as error:
            raise _unstorable(error) from error

    async def write(self, piece: bytes) -> None:
        """Add bytes; raises PayloadTooLarge, StorageFull and UnknownUpload (revoked)."""
        self._taken += len(piece)
        if self._taken > self._upload.row.length:
            self._refused = True
            raise PayloadTooLarge(
                f"The body goes beyond the {self._upload.row.length} bytes of the announced file"
            )
        await self._step(self._sink.write(piece))
        if self._sink.synced > self._upload.offset and self._checksum is None:
            self._upload.offset = self._sink.synced

    async def finish(self) -> None:
        """Put everything on the disk; raises ChecksumMismatch, after which nothing was added."""
        await self._step(self._sink.settle())
        if self._checksum is not None and self._body is not None:
            if self._body.digest() != self._checksum.digest:
                self._refused = True
                raise ChecksumMismatch("The body arrived damaged; send it again")
            await self._mark(None)
        self._settled = True

    async def close(self) -> None:
        """Keep what may count; raises nothing."""
        checked = self._checksum is None or self._settled
        keep = None if checked and not self._refused else self._start
        await self._sink.close(keep)
        self._upload.offset = self._sink.synced
        if self._sink.size != self._sink.synced:
            self._upload.digest = None  # the disk failed: it has seen more than is there
        elif keep is not None:
            self._upload.digest = self._before
        if self._checksum is not None and not self._settled and not self._upload.revoked:
            with contextlib.suppress(GotapiError):  # it counts no further than that anyhow
                await self._mark(None)

    async def _step(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except OSError as error:
            raise _unstorable(error) from error
        if self._upload.revoked:
            raise _revoked()


def _check_place(upload: Upload, offset: int, size: int | None) -> None:
    if offset != upload.offset:
        raise WrongOffset(
            f"The hub has {upload.offset} bytes of this file, but the body begins at {offset}; "
            "ask for the offset with HEAD"
        )
    if offset + (size or 0) > upload.row.length:
        raise PayloadTooLarge(
            f"The body goes beyond the {upload.row.length} bytes of the announced file"
        )


def _digest(upload: Upload) -> str:
    if upload.digest is not None:
        return str(upload.digest.hexdigest())
    with upload.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(0o600)
    sync_folder(path.parent)


def _revoked() -> UnknownUpload:
    return UnknownUpload("The access of this application was just taken back")


def _unstorable(error: OSError | GotapiError) -> GotapiError:
    if isinstance(error, GotapiError):
        return error
    return StorageFull(f"The file cannot be stored: {error.strerror}")
