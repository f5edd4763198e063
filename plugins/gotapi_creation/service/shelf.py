"""The files of the service: pictures that come, models and previews that go."""

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.requests import HTTPConnection

from gotapi_creation.engine.order import PREVIEW_MODEL, REPORT, SIDES
from gotapi_creation.pictures import MAX_FILE, PictureError, check_picture
from gotapi_creation.service.model import FileKind, FileRow, Job, Limits, Session
from gotapi_creation.service.records import Records
from gotapi_creation.transfer.ends import hash_of
from gotapi_creation.transfer.failures import BadPicture, UnknownFile
from gotapi_creation.transfer.slots import Slot
from gotapi_creation.transfer.words import Opening
from gotapi_creation.transfer.ws_server import Outgoing
from gotapi_creation.wire import Code, CreationError, FileEntry, Transfer, views_of_number
from gotapi_creation.wire.answers import METHOD_FTP, METHOD_HTTP, METHOD_WEBSOCKET

if TYPE_CHECKING:
    from gotapi_creation.transfer.ftp import FtpDoor

FORMATS: Final = {"glb": "model/gltf-binary", "stl": "model/stl", "3mf": "model/3mf"}
TYPES: Final = {**FORMATS, "png": "image/png", "json": "application/json"}
_BATCHES: Final = 3  # of a session that are kept: who asks for more has given up the first
_EXTRAS: Final = (PREVIEW_MODEL, REPORT, *(f"preview-{side}.png" for side in SIDES))
_IDS: Final = 1 << 48  # fileIds are random, so that nobody can count files; well below 2**53


def accept_picture(path: Path) -> None:
    """Refuse a file that is no picture which may be decoded; raises BadPicture."""
    try:
        check_picture(path.read_bytes())
    except PictureError as error:
        raise BadPicture(f"The picture {error}") from error


class Shelf:
    """Knows which file is where and who may have it."""

    def __init__(
        self, records: Records, folder: Path, limits: Limits, find_session: Callable[[str], Session]
    ) -> None:
        """Keep pictures below a folder; `find_session` raises CreationError for a bad token."""
        self._records = records
        self._folder = folder
        self._limits = limits
        self._find_session = find_session
        self.ftp: FtpDoor | None = None

    # -- pictures --------------------------------------------------------------------------

    def expect(self, session: Session, token: str, number: int, method: str, base: str) -> Transfer:
        """Make room for the pictures of a figure, and name its job; raises CreationError."""
        method = self._method(method)
        views = views_of_number(number)
        older = self._records.pictures(session.id)
        self._forget_abandoned(older)
        if self._records.count_files(session.application) + number > self._limits.waiting_files:
            raise CreationError(
                Code.TOO_MANY,
                f"{self._limits.waiting_files} pictures wait already; begin their jobs first",
            )
        batch = max((one.batch for one in older), default=0) + 1
        job_id = secrets.token_hex(8)
        rows = [
            self._row(session.id, FileKind.PICTURE, job_id, batch, place, method)
            for place in range(number)
        ]
        self._records.add_files(rows)
        if self.ftp is not None and method == METHOD_FTP:
            for row in rows:
                self.ftp.expect(row.id, token, self.slot(row))
        entries = [
            FileEntry(method, row.id, self._url(row, base), view)
            for row, view in zip(rows, views, strict=True)
        ]
        return Transfer(tuple(entries), job_id)

    def slot(self, row: FileRow) -> Slot:
        """Return where a picture is put together."""
        return Slot(self._folder / str(row.id), MAX_FILE, accept_picture)

    def batch(self, session: Session, job_id: str = "") -> list[FileRow]:
        """Return the pictures that were asked for last, or for a job."""
        files = self._records.pictures(session.id)
        if job_id:
            return [one for one in files if one.path == job_id]
        return [one for one in files if one.batch == files[-1].batch]

    def remove(self, rows: Sequence[FileRow]) -> None:
        """Throw away pictures; blocks."""
        for row in rows:
            if row.kind is not FileKind.RESULT:
                slot = self.slot(row)
                slot.forget()
                slot.path.unlink(missing_ok=True)

    def _forget_abandoned(self, rows: Sequence[FileRow]) -> None:
        batches = sorted({row.batch for row in rows})[: 1 - _BATCHES]
        gone = [row for row in rows if row.batch in batches]
        self._records.drop_files(row.id for row in gone)
        self.remove(gone)

    def _method(self, wanted: str) -> str:
        if wanted in ("", METHOD_HTTP, METHOD_WEBSOCKET):
            return wanted or METHOD_HTTP
        known = [METHOD_HTTP, METHOD_WEBSOCKET]
        if self.ftp is not None:
            known.append(METHOD_FTP)
        if wanted not in known:
            raise CreationError(
                Code.NOT_SUPPORTED,
                f"Files do not travel by '{wanted[:20]}' here; there is: {', '.join(known)}",
            )
        return wanted

    def _row(
        self, session: str, kind: FileKind, path: str, batch: int, place: int, method: str
    ) -> FileRow:
        number = secrets.randbelow(_IDS - 1) + 1
        key = secrets.token_urlsafe(24)
        return FileRow(number, session, key, kind, path, batch, place, method, time.time())

    def _url(self, row: FileRow, base: str) -> str:
        if row.method == METHOD_WEBSOCKET:
            return f"{_socket(base)}/3dcapi/files/{row.id}/{row.key}"
        if row.method == METHOD_FTP and self.ftp is not None:
            return f"{self.ftp.address}/{row.id}"
        return f"{base}/files/{row.id}/{row.key}"

    # -- results ---------------------------------------------------------------------------

    async def results(
        self, job: Job, folder: Path, token: str, base: str, *, method: str, everything: bool
    ) -> tuple[FileEntry, ...]:
        """Return where the files of a finished job are; raises CreationError(RESULT_GONE)."""
        names = [f"model.{one}" for one in FORMATS]
        if everything:
            names += _EXTRAS
        paths = [folder / name for name in names]
        if not all(path.is_file() for path in paths[: len(FORMATS)]):
            raise CreationError(Code.RESULT_GONE)
        there = [path for path in paths if path.is_file()]
        wanted = self._method(method)
        return tuple([await self._entry(job, path, token, base, wanted) for path in there])

    async def _entry(self, job: Job, path: Path, token: str, base: str, method: str) -> FileEntry:
        row = self.outgoing(job, path, method)
        if self.ftp is not None and method == METHOD_FTP:
            await asyncio.to_thread(self.ftp.offer, row.id, token, path)
        size, sha256 = await asyncio.to_thread(hash_of, path)
        form = path.suffix.removeprefix(".")
        part = "" if path.name.startswith("model.") else path.stem
        return FileEntry(method, row.id, self._url(row, base), None, form, size, sha256, part)

    def outgoing(self, job: Job, path: Path, method: str = METHOD_HTTP) -> FileRow:
        """Return the number of a file of a job, the same for as long as it is kept."""
        for row in self._records.results(job.session):
            if row.path == str(path) and row.method == method:
                return row
        row = self._row(job.session, FileKind.RESULT, str(path), 0, 0, method)
        self._records.add_files([row])
        return row

    def preview_url(self, job: Job, path: Path, base: str) -> str:
        """Return the address of a preview; empty where it is not there."""
        return self._url(self.outgoing(job, path), base) if path.is_file() else ""

    # -- what the desks ask ----------------------------------------------------------------

    async def by_address(self, connection: HTTPConnection) -> Slot | Outgoing:
        """Return the file of an address that holds its key; raises UnknownFile."""
        row = self._records.file(connection.path_params["file_id"])
        key: str = connection.path_params["key"]
        if row is None or not hmac.compare_digest(row.key.encode(), key.encode()):
            raise UnknownFile("There is no such file, or it is not kept any more")
        return await self._place(row)

    async def by_opening(self, opening: Opening) -> Slot | Outgoing:
        """Return the file of a first message on a file socket; raises CreationError."""
        session = self._find_session(opening.secure_token)
        row = self._records.file(opening.number)
        if row is None or row.session != session.id:
            raise UnknownFile("There is no such file, or it belongs to another secureToken")
        return await self._place(row)

    async def _place(self, row: FileRow) -> Slot | Outgoing:
        if row.kind is not FileKind.RESULT:
            return self.slot(row)
        path = Path(row.path)
        with contextlib.suppress(OSError):
            _, sha256 = await asyncio.to_thread(hash_of, path)
            return Outgoing(path, TYPES.get(path.suffix.removeprefix("."), ""), sha256)
        raise UnknownFile("The file is not kept any more")


def _socket(base: str) -> str:
    return "ws" + base.removeprefix("http")
